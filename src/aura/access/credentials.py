"""The opaque credentials (refresh tokens, API keys, tickets, resumptions): made, read, and kept as a hash alone.

Each is its kind's mark, then base64url of its id, its tenant's id and 32 bytes that nobody can guess. It says where to
look for it, so that one query in its own tenant's scope finds it; a tenant's credential can not be one of another tenant.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import StrEnum
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4

import msgspec

from aura.errors import Unauthenticated
from aura.identity import TenantId

SECRET_BYTES: Final = 32
_BYTES: Final = 16 + 16 + SECRET_BYTES
_CHARACTERS: Final = 86
"""Of base64url without its padding, which would be two."""


class Kind(StrEnum):
    """What a credential is for. The mark tells people and secret scanners, too."""

    REFRESH_TOKEN = "aura_rt_"
    API_KEY = "aura_sk_"
    TICKET = "aura_tk_"
    RESUMPTION = "aura_rv_"


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """A credential as its holder shows it. `sha256` is all of it that is stored."""

    kind: Kind
    id: UUID
    tenant_id: TenantId
    secret: bytes

    def __repr__(self) -> str:
        return f"Credential({self.kind.value}…)"  # a traceback that shows local values must not show it

    @classmethod
    def new(cls, kind: Kind, tenant_id: TenantId) -> Credential:
        """One that nobody has seen."""
        return cls(kind=kind, id=uuid4(), tenant_id=tenant_id, secret=secrets.token_bytes(SECRET_BYTES))

    @classmethod
    def read(cls, kind: Kind, text: str) -> Credential:
        """The credential that `text` is, exactly as it was given out.

        Raises:
            Unauthenticated: it is none of this kind.
        """
        if len(text) != len(kind) + _CHARACTERS:
            raise refused()
        try:
            raw = urlsafe_b64decode(text[len(kind) :] + "==")
        except ValueError:
            raise refused() from None
        if len(raw) != _BYTES:
            raise refused()
        found = cls(kind=kind, id=UUID(bytes=raw[:16]), tenant_id=TenantId(UUID(bytes=raw[16:32])), secret=raw[32:])
        if not hmac.compare_digest(found.text.encode(), text.encode("utf-8", "surrogatepass")):
            raise refused()  # base64 has many ways to write the same bytes
        return found

    @property
    def text(self) -> str:
        """What its holder keeps."""
        raw = self.id.bytes + self.tenant_id.bytes + self.secret
        return self.kind + urlsafe_b64encode(raw).decode().rstrip("=")

    @property
    def prefix(self) -> str:
        """Enough of it to find it by, from which nothing can be learned: the mark, and a part of its id."""
        return self.text[: len(self.kind) + 8]

    @property
    def sha256(self) -> bytes:
        """What is stored: of 256 random bits a plain hash tells nothing."""
        return sha256(self.text.encode()).digest()

    def matches(self, stored: bytes) -> bool:
        """Whether it is the one that was stored, in a time that tells nothing."""
        return hmac.compare_digest(self.sha256, stored)


def refused() -> Unauthenticated:
    """The one answer to whatever is wrong with a credential."""
    return Unauthenticated("these credentials are not valid, or not any more: log in again, or use another key")
