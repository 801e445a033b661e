"""Two organisations side by side, whose members log in by one `Access` on a clock that stands still."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from uuid import UUID

import jwt

from aura.access.access import Access, AccessSettings
from aura.access.api_keys import ApiKey, ApiKeys
from aura.access.callers import Caller, Login
from aura.clock import Clock
from aura.database.engine import Database
from aura.errors import Unauthenticated
from aura.identity import Scope
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.tenants.users import Users
from aura.tenants.values import Organisation, User

PASSWORD = "correct horse battery"
WRONG = "incorrect horse battery"
JWT_SECRET = "a secret of the tests, of more than 32 bytes"
INTERNAL_KEY = "a key of the tests, of more than thirty-two bytes"


@dataclass(frozen=True)
class Side:
    """An organisation with an admin and a member."""

    access: Access
    database: Database
    passwords: Passwords
    clock: Clock
    organisation: Organisation
    admin: User
    member: User

    def scope(self, user: User) -> Scope:
        return Scope(tenant_id=self.organisation.id, user_id=user.id, role=user.role)

    @property
    def users(self) -> Users:
        return Users(self.database, self.scope(self.admin), passwords=self.passwords)

    def keys(self, user: User) -> ApiKeys:
        return ApiKeys(self.database, self.scope(user), clock=self.clock)

    async def key(self, user: User, **options: object) -> tuple[ApiKey, str]:
        return await self.keys(user).create("a key", **options)  # pyright: ignore[reportArgumentType]

    async def login(self, user: User, password: str = PASSWORD, *, address: str = "198.51.100.7") -> Login:
        return await self.access.login(self.organisation.subdomain, user.email, password, address=address)

    async def caller(self, user: User) -> Caller:
        return await self.access.authenticate((await self.login(user)).access_token)


async def new_side(
    name: str, access: Access, database: Database, passwords: Passwords, clock: Clock, organisations: Organisations
) -> Side:
    organisation, admin = await organisations.create(
        organization_name=name, subdomain=name, admin_email=f"admin@{name}.test", password=PASSWORD
    )
    scope = Scope(tenant_id=organisation.id, user_id=admin.id, role=admin.role)
    member = await Users(database, scope, passwords=passwords).add(email=f"member@{name}.test", password=PASSWORD)
    return Side(access, database, passwords, clock, organisation, admin, member)


def new_access(database: Database, passwords: Passwords, clock: Clock, *, internal_key: str | None = None) -> Access:
    settings = AccessSettings(jwt_secret=JWT_SECRET, internal_api_key=internal_key)
    return Access(database, passwords=passwords, settings=settings, clock=clock)


def claims(token: str) -> dict[str, object]:
    """What an access token says, not looking at its signature."""
    return jwt.decode(token, options={"verify_signature": False, "verify_exp": False, "verify_aud": False})


def signed(payload: dict[str, object], *, secret: str = JWT_SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(payload, secret, algorithm=algorithm)


def of_tenant(credential: str, tenant_id: UUID) -> str:
    """An opaque credential as if another tenant's: its secret and its id stay."""
    mark, body = credential[:8], credential[8:]
    raw = urlsafe_b64decode(body + "==")
    return mark + urlsafe_b64encode(raw[:16] + tenant_id.bytes + raw[32:]).decode().rstrip("=")


async def refusal(attempt: Awaitable[object]) -> str:
    """What a credential is refused with; a fault when it is not."""
    try:
        got = await attempt
    except Unauthenticated as error:
        return str(error)
    raise AssertionError(f"it was let in: {got!r}")


def let_in(outcomes: Iterable[object]) -> list[object]:
    """What was not refused, of outcomes gathered with their exceptions."""
    through: list[object] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            assert isinstance(outcome, Unauthenticated), outcome
        else:
            through.append(outcome)
    return through
