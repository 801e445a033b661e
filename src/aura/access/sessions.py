"""Sessions: one login, and the refresh tokens that come of it one after the other.

A refresh token works once and brings the next. One that comes a second time was copied: by whom can not be told, so the
session ends for both. (RFC 9700, section 4.14.2.) Within ten seconds it is only refused: two tabs of a browser that
wake up together are no theft.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import RowMapping, Update, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.access.credentials import SECRET_BYTES, Credential, Kind, refused
from aura.access.principals import COLUMNS, members_of, of_tenant, principal
from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import sessions, users
from aura.identity import Role, Scope, TenantId, UserId
from aura.tenants.values import Organisation, User

GRACE: Final = timedelta(seconds=10)
"""How long after a rotation its token may come again without being taken for a theft."""
_NONCE_BYTES: Final = SECRET_BYTES // 2


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A session, whose it is, and the refresh token that continues it."""

    organisation: Organisation
    user: User
    session_id: UUID
    refresh_token: str

    def __repr__(self) -> str:
        return f"Opened(session_id={self.session_id!r})"


class Sessions:
    """Opens sessions, continues them and ends them.

    Half of a refresh token's secret is a MAC of the rest, so that one which AURA gave out is told from one that somebody
    made up: only the former can end a session.
    """

    def __init__(self, database: Database, *, secret: str, clock: Clock, life: timedelta) -> None:
        self._database = database
        self._key = hmac.digest(secret.encode(), b"aura refresh tokens v1", "sha256")
        self._clock = clock
        self._life = life

    async def open(self, organisation: Organisation, user: User) -> Opened:
        """A new session of `user`. It ends after its life, however often it is continued. Cost: one transaction."""
        token = self._token(uuid4(), organisation.id)
        now = self._clock.now()
        scope = Scope(tenant_id=organisation.id, user_id=user.id)
        row = {
            "tenant_id": organisation.id,
            "id": token.id,
            "user_id": user.id,
            "token_sha256": token.sha256,
            "created_at": now,
            "rotated_at": now,
            "expires_at": now + self._life,
        }
        async with self._database.tenant(scope) as connection:
            await connection.execute(delete(sessions).where(visible(sessions, scope), sessions.c.expires_at <= now))
            await connection.execute(insert(sessions).values(row))
        return Opened(organisation=organisation, user=user, session_id=token.id, refresh_token=token.text)

    async def rotate(self, refresh_token: str, *, subdomain: str | None = None) -> Opened:
        """The session that `refresh_token` continues, with the token that takes its place.

        However many try the same one at once, one of them gets through.

        Raises:
            Unauthenticated: it is not good, or not any more; or the organisation or the member is not.

        Cost: one transaction of two statements.
        """
        shown = self._read(refresh_token)
        fresh = self._token(shown.id, shown.tenant_id)
        scope = _service(shown.tenant_id)
        async with self._database.tenant(scope) as connection:
            if await self._replace(connection, shown, fresh):
                row = await self._owner(connection, shown)
                organisation, user = principal(row, clock=self._clock, subdomain=subdomain)
                return Opened(organisation=organisation, user=user, session_id=shown.id, refresh_token=fresh.text)
            await self._judge(connection, shown)
        raise refused()  # not inside: what was judged is to be committed

    async def revoke(self, tenant_id: TenantId, session_id: UUID) -> None:
        """End a session: its access tokens and its refresh token are good for nothing from now on."""
        scope = _service(tenant_id)
        async with self._database.tenant(scope) as connection:
            await connection.execute(self._ending(scope).where(sessions.c.id == session_id))

    async def revoke_all(self, tenant_id: TenantId, user_id: UserId) -> None:
        """End every session of a member."""
        scope = _service(tenant_id)
        async with self._database.tenant(scope) as connection:
            await connection.execute(self._ending(scope).where(sessions.c.user_id == user_id))

    async def _replace(self, connection: AsyncConnection, shown: Credential, fresh: Credential) -> bool:
        """Put the next token in the place of `shown`, if that is the one that is good. Others wait for the row, and see."""
        now = self._clock.now()
        change = (
            update(sessions)
            .where(
                visible(sessions, _service(shown.tenant_id)),
                sessions.c.id == shown.id,
                sessions.c.token_sha256 == shown.sha256,
                sessions.c.revoked_at.is_(None),
                sessions.c.expires_at > now,
            )
            .values(token_sha256=fresh.sha256, former_sha256=sessions.c.token_sha256, rotated_at=now)
        )
        return (await connection.execute(change.returning(sessions.c.id))).one_or_none() is not None

    async def _owner(self, connection: AsyncConnection, shown: Credential) -> RowMapping | None:
        joined = members_of(shown.tenant_id).join(
            sessions, (sessions.c.tenant_id == users.c.tenant_id) & (sessions.c.user_id == users.c.id)
        )
        mine = (of_tenant(shown.tenant_id), visible(sessions, _service(shown.tenant_id)), sessions.c.id == shown.id)
        return (await connection.execute(select(*COLUMNS).select_from(joined).where(*mine))).mappings().one_or_none()

    async def _judge(self, connection: AsyncConnection, shown: Credential) -> None:
        """End the session of a token that was good once and comes again, unless it has only just been replaced."""
        just_replaced = (sessions.c.former_sha256 == shown.sha256) & (
            sessions.c.rotated_at >= self._clock.now() - GRACE
        )
        scope = _service(shown.tenant_id)
        theft = self._ending(scope).where(
            sessions.c.id == shown.id, sessions.c.token_sha256 != shown.sha256, just_replaced.is_not(True)
        )
        await connection.execute(theft)

    def _ending(self, scope: Scope) -> Update:
        return (
            update(sessions)
            .where(visible(sessions, scope), sessions.c.revoked_at.is_(None))
            .values(revoked_at=self._clock.now())
        )

    def _token(self, session_id: UUID, tenant_id: TenantId) -> Credential:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        mac = self._mac(session_id, tenant_id, nonce)
        return Credential(kind=Kind.REFRESH_TOKEN, id=session_id, tenant_id=tenant_id, secret=nonce + mac)

    def _read(self, refresh_token: str) -> Credential:
        shown = Credential.read(Kind.REFRESH_TOKEN, refresh_token)
        nonce, mac = shown.secret[:_NONCE_BYTES], shown.secret[_NONCE_BYTES:]
        if not hmac.compare_digest(mac, self._mac(shown.id, shown.tenant_id, nonce)):
            raise refused()
        return shown

    def _mac(self, session_id: UUID, tenant_id: TenantId, nonce: bytes) -> bytes:
        return hmac.digest(self._key, session_id.bytes + tenant_id.bytes + nonce, sha256)[:_NONCE_BYTES]


def _service(tenant_id: TenantId) -> Scope:
    """A token says whose it is no sooner than its row is read, and sessions are personal."""
    return Scope(tenant_id=tenant_id, role=Role.SERVICE)
