"""`Access`: from what a request shows to who calls. `aura.access` of the platform."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Select, Uuid, and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.access.api_keys import FIELDS as KEY_FIELDS
from aura.access.api_keys import ApiKey, note_use
from aura.access.callers import Caller, Login, Ticket, grant_of
from aura.access.credentials import Credential, Kind, refused
from aura.access.lockout import Attempt, Lockout
from aura.access.principals import COLUMNS, is_over, members_of, of_tenant, principal, refuse_unserved
from aura.access.sessions import Opened, Sessions
from aura.access.tickets import LIFE, Redeemed, Tickets
from aura.access.tokens import Tokens
from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import Sight
from aura.database.statements import ScopedStatement
from aura.database.tables import api_keys, sessions, users
from aura.errors import Denied, NotFound, Unauthenticated
from aura.identity import Scope, TenantId, UserId
from aura.tenants.logins import Logins
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.tenants.users import Users
from aura.tenants.values import Organisation, User
from aura.usage.audit import Action, Actor, Audit, Target
from aura.usage.ledger import NOBODY


def _by_session(sight: Sight) -> Select[Any]:
    tenant_id = bindparam("scope_tenant", type_=Uuid)
    of_user = and_(sessions.c.tenant_id == users.c.tenant_id, sessions.c.user_id == users.c.id)
    return (
        select(*COLUMNS, sessions.c.expires_at.label("session_ends"))
        .select_from(members_of(tenant_id).join(sessions, of_user))
        .where(
            of_tenant(tenant_id),
            users.c.id == bindparam("scope_user", type_=Uuid),
            sight.sees(sessions),
            sessions.c.id == bindparam("session", type_=Uuid),
            sessions.c.revoked_at.is_(None),
        )
    )


def _by_key(sight: Sight) -> Select[Any]:
    tenant_id = bindparam("scope_tenant", type_=Uuid)
    of_maker = and_(api_keys.c.tenant_id == users.c.tenant_id, api_keys.c.user_id == users.c.id)
    return (
        select(*COLUMNS, api_keys.c.secret_sha256, *(field.label(f"key_{field.name}") for field in KEY_FIELDS))
        .select_from(members_of(tenant_id).join(api_keys, of_maker))
        .where(of_tenant(tenant_id), sight.sees(api_keys), api_keys.c.id == bindparam("key", type_=Uuid))
    )


_BY_SESSION: Final = ScopedStatement(_by_session)
_BY_KEY: Final = ScopedStatement(_by_key)

Charging = Callable[[Caller, AsyncConnection], Awaitable[None]]
"""What counts a request of a caller, in the transaction that found them. What it raises takes that back."""


class AccessSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What `Access` is given of the platform's settings."""

    jwt_secret: str
    internal_api_key: str | None = None
    access_token_seconds: int = 900
    session_days: int = 30

    def __repr__(self) -> str:
        return "AccessSettings(...)"


class Access:
    """Who is calling. Light: it holds keys and no connection; one for a platform."""

    def __init__(self, database: Database, *, passwords: Passwords, settings: AccessSettings, clock: Clock) -> None:
        secret = settings.jwt_secret
        self._database = database
        self._passwords = passwords
        self._clock = clock
        self._tokens = Tokens(secret, clock=clock, life_seconds=settings.access_token_seconds)
        self._sessions = Sessions(database, secret=secret, clock=clock, life=timedelta(days=settings.session_days))
        self._tickets = Tickets(database, clock=clock)
        self._logins = Logins(database, passwords=passwords, clock=clock)
        self._organisations = Organisations(database, passwords=passwords, clock=clock)
        self._internal_key = settings.internal_api_key
        self.lockout = Lockout(database, secret=secret, clock=clock)
        """The counts of failed logins; the nightly job purges them."""

    # -- logging in ----------------------------------------------------------------------------------------------------

    async def login(
        self, tenant_subdomain: str, email: str, password: str, *, address: str = "", request_id: str = ""
    ) -> Login:
        """A new session for who has these credentials. A failure at an account that exists is put into the audit.

        Args:
            address: where the request comes from, for the back-off after failures, and for the audit.

        Raises:
            Unauthenticated: with one and the same message, whatever is wrong.
            LimitExceeded: `logins`: too many have failed; the answer is the same whether there is such an account.

        Cost: one password check, and a few transactions.
        """
        account = f"{tenant_subdomain.strip().lower()}\n{email.strip().lower()}"
        attempt = await self.lockout.attempt(account, address)
        try:
            organisation, user = await self._verify(attempt, tenant_subdomain, email, password)
        except Unauthenticated:
            await self._note_failure(tenant_subdomain, email, address, request_id)
            raise
        await self.lockout.succeeded(attempt)
        return await self.open_session(organisation, user)

    async def open_session(self, organisation: Organisation, user: User) -> Login:
        """A new session of a member who has proven who they are, as a signup does."""
        return self._login(await self._sessions.open(organisation, user))

    async def refresh(self, refresh_token: str, *, subdomain: str | None = None) -> Login:
        """The next access token and refresh token of a session; the one that was shown is good no more.

        Raises:
            Unauthenticated: it is not good, or was used before: then the whole session has ended.
        """
        return self._login(await self._sessions.rotate(refresh_token, subdomain=subdomain))

    async def logout(self, caller: Caller) -> None:
        """End the caller's session; nothing where there is none, as with an API key."""
        if caller.session_id is not None:
            await self._sessions.revoke(caller.organisation.id, caller.session_id)

    async def end_sessions(self, tenant_id: TenantId, user_id: UserId) -> None:
        """End every session of a member, as when a device was lost."""
        await self._sessions.revoke_all(tenant_id, user_id)

    async def change_password(self, caller: Caller, old: str, new: str) -> None:
        """Replace the caller's password. Every session of theirs ends, this one too.

        Raises:
            Denied: the old password is wrong, or no member is logged in.
            InvalidRequest: the new password breaks the policy.
            LimitExceeded: `logins`: the old password was wrong too often.
        """
        if caller.user is None or caller.session_id is None:
            raise Denied("only a member who is logged in changes a password")
        scope = Scope(tenant_id=caller.organisation.id, user_id=caller.user.id, role=caller.user.role)
        users_ = Users(self._database, scope, passwords=self._passwords)
        # Who has taken over a session shall not try passwords in it. Its own count locks out nobody's login.
        attempt = await self.lockout.attempt(f"password of {caller.user.id}", f"session {caller.session_id}")
        try:
            await users_.change_password(caller.user.id, current=old, new=new)
        except Denied:
            raise
        except BaseException:
            await asyncio.shield(self.lockout.withdraw(attempt))
            raise
        await self.lockout.succeeded(attempt)

    # -- each request --------------------------------------------------------------------------------------------------

    async def authenticate(
        self, credential: str, *, subdomain: str | None = None, charging: Charging | None = None
    ) -> Caller:
        """Who shows `credential`, an access token or an API key.

        A session that was revoked, a member who was switched off, an organisation whose time is over: out at once.

        Args:
            subdomain: where the request arrived, if that was at an organisation's own address.
            charging: counts the request on the caller's quotas, without a transaction more.

        Raises:
            Unauthenticated: with one and the same message, whatever is wrong.
            LimitExceeded: as `charging` does.

        Cost: one transaction of one statement and those of `charging`; with a key, once a minute, of one more.
        """
        if credential.startswith(Kind.API_KEY):
            shown = Credential.read(Kind.API_KEY, credential)
            return await self._by_key(shown.tenant_id, shown.id, shown, subdomain, charging)
        claims = self._tokens.read(credential)
        return await self._by_session(claims.tenant_id, claims.user_id, claims.sid, subdomain, charging)

    async def again(self, caller: Caller) -> Caller:
        """`caller` as it is now, for the next message of a socket that it opened a while ago.

        Raises:
            Unauthenticated: the session was revoked or is over, the key was revoked, or somebody was switched off.

        Cost: one transaction of one statement.
        """
        tenant_id = caller.organisation.id
        if caller.api_key is not None:
            return await self._by_key(tenant_id, caller.api_key.id, None, None, None)
        if caller.user is not None and caller.session_id is not None:
            return await self._by_session(tenant_id, caller.user.id, caller.session_id, None, None)
        try:
            organisation = await self._organisations.get(tenant_id)
        except NotFound:
            raise refused() from None
        refuse_unserved(organisation, clock=self._clock, subdomain=None)
        return Caller(organisation=organisation, user=None)

    async def ticket(
        self, caller: Caller, *, life: timedelta = LIFE, settings: dict[str, object] | None = None
    ) -> Ticket:
        """What the caller opens one socket with, and its settings. Raises `InvalidRequest` for one of the operator's
        services.
        """
        return await self._tickets.issue(caller, life=life, settings=settings)

    async def redeem(self, ticket: str, *, subdomain: str | None = None) -> Caller:
        """Who was given `ticket`, once. Raises `Unauthenticated`. Cost: one transaction of one statement."""
        return (await self._tickets.redeem(ticket, subdomain=subdomain)).caller

    async def redeem_settings(self, ticket: str, *, subdomain: str | None = None) -> Redeemed:
        """As `redeem`, with the settings that the ticket was made with."""
        return await self._tickets.redeem(ticket, subdomain=subdomain)

    async def service(self, tenant: TenantId | str, key: str) -> Caller:
        """One of the operator's own services, which acts for `tenant` (an id or a sub-domain) as its programs do.

        Raises:
            Unauthenticated: `INTERNAL_API_KEY` is not set or another one, or there is no such organisation to serve.
        """
        self.require_operator(key)
        try:
            organisation = await self._organisation(tenant)
        except NotFound:
            raise refused() from None
        refuse_unserved(organisation, clock=self._clock, subdomain=None)
        return Caller(organisation=organisation, user=None)

    def require_operator(self, key: str) -> None:
        """Refuse whoever does not show `INTERNAL_API_KEY`, in a time that tells nothing of it.

        Raises:
            Unauthenticated: it is another one, or none is set.
        """
        shown = sha256(key.encode("utf-8", "surrogatepass")).digest()
        expected = sha256((self._internal_key or "").encode()).digest()
        if not hmac.compare_digest(shown, expected) or not self._internal_key:
            raise refused()

    # ------------------------------------------------------------------------------------------------------------------

    async def _verify(
        self, attempt: Attempt, tenant_subdomain: str, email: str, password: str
    ) -> tuple[Organisation, User]:
        try:
            return await self._logins.verify(tenant_subdomain, email, password)
        except Unauthenticated:
            raise
        except BaseException:  # the database went away, or the caller: nobody's guess
            await asyncio.shield(self.lockout.withdraw(attempt))
            raise

    async def _note_failure(self, tenant_subdomain: str, email: str, address: str, request_id: str) -> None:
        """Add the failure to the audit. A transaction is opened for an account that is not there, too: it takes its time."""
        tenant_id, user_id = await self._logins.named(tenant_subdomain, email) or (TenantId(NOBODY), None)
        scope = Scope(tenant_id=tenant_id)
        async with self._database.tenant(scope) as session:
            if user_id is not None:
                await Audit(self._database, scope, clock=self._clock).record(
                    Actor(kind="unknown"),
                    Action.LOGIN_FAILED,
                    Target(kind="user", id=user_id),
                    address=address,
                    request_id=request_id,
                    connection=session,
                )

    def _login(self, opened: Opened) -> Login:
        return Login(
            access_token=self._tokens.issue(opened.organisation, opened.user, opened.session_id),
            refresh_token=opened.refresh_token,
            expires_in_seconds=self._tokens.life_seconds,
            organisation=opened.organisation,
            user=opened.user,
        )

    async def _by_session(
        self,
        tenant_id: TenantId,
        user_id: UserId,
        session_id: UUID,
        subdomain: str | None,
        charging: Charging | None,
    ) -> Caller:
        scope = Scope(tenant_id=tenant_id, user_id=user_id)
        async with self._database.tenant(scope, asynchronous_commit=True) as connection:
            found = (await _BY_SESSION.run(connection, scope, {"session": session_id})).first()
            row = None if found is None else found._asdict()
            organisation, user = principal(row, clock=self._clock, subdomain=subdomain)
            assert row is not None
            if is_over(row["session_ends"], self._clock):
                raise refused()
            caller = Caller(organisation=organisation, user=user, session_id=session_id)
            if charging is not None:
                await charging(caller, connection)
        return caller

    async def _by_key(
        self,
        tenant_id: TenantId,
        key_id: UUID,
        shown: Credential | None,
        subdomain: str | None,
        charging: Charging | None,
    ) -> Caller:
        """Whose key it is. `shown` is what came with the request; None where it was checked when a socket was opened."""
        scope = Scope(tenant_id=tenant_id)
        async with self._database.tenant(scope, asynchronous_commit=True) as connection:
            found = (await _BY_KEY.run(connection, scope, {"key": key_id})).first()
            if found is None or (shown is not None and not shown.matches(bytes(found.secret_sha256))):
                raise refused()
            row = found._asdict()
            organisation, maker = principal(row, clock=self._clock, subdomain=subdomain)
            key = msgspec.convert({name: row[f"key_{name}"] for name in ApiKey.__struct_fields__}, ApiKey)
            if is_over(key.expires_at, self._clock):
                raise refused()
            await note_use(connection, scope.tenant_id, key, self._clock.now())
            caller = Caller(organisation=organisation, user=maker, api_key=key, grant=grant_of(key, maker))
            if charging is not None:
                await charging(caller, connection)
        return caller

    async def _organisation(self, tenant: TenantId | str) -> Organisation:
        if isinstance(tenant, UUID):
            return await self._organisations.get(tenant)
        try:
            return await self._organisations.get(TenantId(UUID(tenant)))
        except ValueError:
            return await self._organisations.by_subdomain(tenant)
