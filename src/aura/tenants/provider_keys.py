"""The keys of one organisation for providers (OpenAI, ElevenLabs …), encrypted at rest.

AES-256-GCM, under a key that HKDF-SHA-256 derives from `AURA_SECRET_KEY`. The tenant and the provider are bound into each
ciphertext as associated data, so one that is copied into another row does not decrypt. (Fernet has no associated data.)
"""

from __future__ import annotations

import os
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import provider_keys
from aura.errors import BackendError, InvalidRequest, NotFound
from aura.identity import Scope, TenantId
from aura.tenants import validation
from aura.tenants.values import ProviderKey

MIN_SECRET_BYTES: Final = 32
MAX_KEY_CHARACTERS: Final = 4096
_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12  # random: safe for 2^32 encryptions under one key (NIST SP 800-38D, section 8.3)

_FIELDS = (provider_keys.c.provider, provider_keys.c.created_at)


class KeyCipher:
    """Encrypts with one secret, and decrypts what that one or an earlier one encrypted."""

    def __init__(self, secret: str, *earlier: str) -> None:
        self._ciphers = [_cipher(s) for s in (secret, *earlier)]

    def encrypt(self, key: str, *, tenant_id: TenantId, provider: str) -> bytes:
        """`key` as it may be stored, for this tenant and provider alone."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._ciphers[0].encrypt(nonce, key.encode(), _bound_to(tenant_id, provider))

    def decrypt(self, ciphertext: bytes, *, tenant_id: TenantId, provider: str) -> str:
        """The key that was encrypted for this tenant and provider.

        Raises:
            BackendError: it was encrypted for another row or under another secret, or it is damaged.
        """
        nonce, sealed = ciphertext[1 : 1 + _NONCE_BYTES], ciphertext[1 + _NONCE_BYTES :]
        if ciphertext[:1] == _VERSION and len(nonce) == _NONCE_BYTES:
            for cipher in self._ciphers:
                try:
                    return cipher.decrypt(nonce, sealed, _bound_to(tenant_id, provider)).decode()
                except InvalidTag:
                    continue
        raise BackendError(
            f"the stored key for {provider!r} does not decrypt: AURA_SECRET_KEY is not the one it was stored with."
            " Bring that one back, or store the key again"
        )


class ProviderKeys:
    """The provider keys of the scope's organisation. Who may manage them is the caller's to decide."""

    def __init__(self, database: Database, scope: Scope, *, cipher: KeyCipher) -> None:
        self._database = database
        self._scope = scope
        self._cipher = cipher

    async def set(self, provider: str, key: str) -> ProviderKey:
        """Store `key` for `provider`, in place of the one that may be there.

        Raises:
            InvalidRequest: a field can not be used; `field` names it.
        """
        tenant_id, name = self._scope.tenant_id, validation.provider(provider)
        ciphertext = self._cipher.encrypt(_key(key), tenant_id=tenant_id, provider=name)
        row = {"tenant_id": tenant_id, "provider": name, "ciphertext": ciphertext}
        statement = insert(provider_keys).values(row)
        statement = statement.on_conflict_do_update(
            index_elements=["tenant_id", "provider"],
            set_={"ciphertext": statement.excluded.ciphertext, "created_at": func.now()},
        )
        async with self._database.tenant(self._scope) as connection:
            stored = (await connection.execute(statement.returning(*_FIELDS))).mappings().one()
        return msgspec.convert(stored, ProviderKey)

    async def get(self, provider: str) -> str:
        """The key for `provider`, in the clear: for the call that needs it, and never for an answer.

        Raises:
            NotFound: the organisation has no key of its own for this provider.
            BackendError: the stored key does not decrypt.
        """
        name = validation.provider(provider)
        query = select(provider_keys.c.ciphertext).where(
            visible(provider_keys, self._scope), provider_keys.c.provider == name
        )
        async with self._database.tenant(self._scope) as connection:
            ciphertext = (await connection.execute(query)).scalar_one_or_none()
        if ciphertext is None:
            raise _unknown(name)
        return self._cipher.decrypt(bytes(ciphertext), tenant_id=self._scope.tenant_id, provider=name)

    async def all(self) -> dict[str, str]:
        """Every key by its provider, in the clear: for the calls that need them, and never for an answer.

        Raises:
            BackendError: a stored key does not decrypt.

        Cost: one transaction of one statement.
        """
        query = select(provider_keys.c.provider, provider_keys.c.ciphertext).where(visible(provider_keys, self._scope))
        async with self._database.tenant(self._scope) as connection:
            rows = (await connection.execute(query)).all()
        return {
            row.provider: self._cipher.decrypt(
                bytes(row.ciphertext), tenant_id=self._scope.tenant_id, provider=row.provider
            )
            for row in rows
        }

    async def list(self) -> tuple[ProviderKey, ...]:
        """Which providers the organisation has a key of its own for."""
        query = select(*_FIELDS).where(visible(provider_keys, self._scope)).order_by(provider_keys.c.provider)
        async with self._database.tenant(self._scope) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return tuple(msgspec.convert(row, ProviderKey) for row in rows)

    async def delete(self, provider: str) -> None:
        """Remove the key for `provider`.

        Raises:
            NotFound: the organisation has no key of its own for this provider.
        """
        name = validation.provider(provider)
        gone = delete(provider_keys).where(visible(provider_keys, self._scope), provider_keys.c.provider == name)
        async with self._database.tenant(self._scope) as connection:
            if (await connection.execute(gone.returning(provider_keys.c.provider))).one_or_none() is None:
                raise _unknown(name)


def _cipher(secret: str) -> AESGCM:
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise InvalidRequest(
            f"the secret key is shorter than {MIN_SECRET_BYTES} bytes: make one with"
            " `python -c 'import secrets; print(secrets.token_urlsafe(32))'`",
            field="secret_key",
        )
    # The secret has full entropy already, so HKDF needs no salt (RFC 5869, section 3.1).
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"aura provider keys v1").derive(secret.encode())
    return AESGCM(derived)


def _bound_to(tenant_id: TenantId, provider: str) -> bytes:
    return b"aura provider key v1|" + tenant_id.bytes + provider.encode()


def _key(value: str) -> str:
    trimmed = value.strip()
    if not trimmed or len(trimmed) > MAX_KEY_CHARACTERS or not trimmed.isascii() or not trimmed.isprintable():
        raise InvalidRequest(
            f"this is not a provider's key: 1 to {MAX_KEY_CHARACTERS} letters, digits and signs", field="key"
        )
    return trimmed


def _unknown(provider: str) -> NotFound:
    return NotFound(f"the organisation has no key of its own for {provider!r}")
