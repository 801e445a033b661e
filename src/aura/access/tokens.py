"""Access tokens: JSON Web Tokens that are good for minutes, and only as long as their session and its user are.

HS256 and nothing else: a token does not choose how it is checked. What it says of role and organisation is for its reader;
AURA looks both up at each request.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import jwt
import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jwt.types import Options

from aura.access.credentials import refused
from aura.clock import Clock
from aura.identity import Role, TenantId, UserId
from aura.tenants.values import Organisation, User

ALGORITHM: Final = "HS256"
ISSUER: Final = "aura"
AUDIENCE: Final = "aura"
MAX_CHARACTERS: Final = 4096
"""A longer one is not looked at: ours have some 600."""

_DECODING: Final[Options] = {
    "require": ["iss", "aud", "exp", "iat", "jti"],
    "verify_exp": False,  # by our clock, below: PyJWT knows the machine's alone
    "verify_iat": False,
    "verify_nbf": False,
}


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What an access token says. `sid` is the session that it came of; times are seconds since 1970."""

    user_id: UserId
    tenant_id: TenantId
    organization: str
    role: Role
    sid: UUID
    iss: str
    aud: str
    jti: UUID
    iat: int
    exp: int


class Tokens:
    """Signs access tokens and checks them. Holds the secret, and no connection."""

    def __init__(self, secret: str, *, clock: Clock, life_seconds: int = 900) -> None:
        self._secret = secret
        self._clock = clock
        self.life_seconds = life_seconds
        """How long a new token is good."""

    def __repr__(self) -> str:
        return "Tokens(...)"

    def issue(self, organisation: Organisation, user: User, session_id: UUID) -> str:
        """A token for one session of `user`."""
        now = int(self._clock.now().timestamp())
        claims = Claims(
            user_id=user.id,
            tenant_id=organisation.id,
            organization=organisation.subdomain,
            role=user.role,
            sid=session_id,
            iss=ISSUER,
            aud=AUDIENCE,
            jti=uuid4(),
            iat=now,
            exp=now + int(timedelta(seconds=self.life_seconds).total_seconds()),
        )
        return jwt.encode(msgspec.to_builtins(claims), self._secret, algorithm=ALGORITHM)

    def read(self, token: str) -> Claims:
        """What `token` says, if it is one of ours and its time is not over.

        Raises:
            Unauthenticated
        """
        if len(token) > MAX_CHARACTERS:
            raise refused()
        try:
            payload = jwt.decode(
                token, self._secret, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options=_DECODING
            )
            claims = msgspec.convert(payload, Claims)
        except (jwt.PyJWTError, msgspec.ValidationError, ValueError, RecursionError):  # the last: a thousand brackets
            raise refused() from None
        if claims.exp <= self._clock.now().timestamp():
            raise refused()
        return claims


def derived_secret(secret: str, *, purpose: str) -> str:
    """A secret of its own for `purpose`, from one that is kept: the embedded mode's, which has a single file of secrets.

    The kept one has full entropy, so HKDF needs no salt (RFC 5869, section 3.1); nobody gets from one to the other.
    """
    return (
        HKDF(algorithm=SHA256(), length=32, salt=None, info=f"aura {purpose} v1".encode()).derive(secret.encode()).hex()
    )
