"""Provider keys: encrypted at rest, bound to their row, and never shown."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update
from tenants_support import Tenant

from aura.database.tables import provider_keys as table
from aura.errors import BackendError, InvalidRequest, NotFound
from aura.tenants.provider_keys import KeyCipher, ProviderKeys

CANARY = "sk-canary-0123456789abcdef"


async def test_a_key_comes_back_as_it_was_set(acme: Tenant) -> None:
    await acme.provider_keys.set("openai", f"  {CANARY}\n")
    assert await acme.provider_keys.get("openai") == CANARY


async def test_a_key_takes_the_place_of_the_one_before(acme: Tenant) -> None:
    await acme.provider_keys.set("openai", "sk-old")
    await acme.provider_keys.set("openai", "sk-new")
    assert await acme.provider_keys.get("openai") == "sk-new"
    assert len(await acme.provider_keys.list()) == 1


async def test_a_list_names_the_providers_and_never_a_key(acme: Tenant) -> None:
    for provider in ("openai", "elevenlabs"):
        await acme.provider_keys.set(provider, CANARY)
    listed = await acme.provider_keys.list()
    assert [key.provider for key in listed] == ["elevenlabs", "openai"]
    assert CANARY not in repr(listed)


async def test_a_deleted_key_is_gone(acme: Tenant) -> None:
    await acme.provider_keys.set("openai", CANARY)
    await acme.provider_keys.delete("openai")
    for attempt in (acme.provider_keys.get("openai"), acme.provider_keys.delete("openai")):
        with pytest.raises(NotFound):
            await attempt


@pytest.mark.parametrize("provider", ["", "OpenAI", "open ai", "openai;", "7", "\0", "x" * 64])
async def test_a_provider_s_name_has_a_pattern(acme: Tenant, provider: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await acme.provider_keys.set(provider, CANARY)
    assert refused.value.field == "provider"
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("key", ["", "   ", "sk\0", "sk-\n-x", "schlüssel", "x" * 4097])
async def test_what_is_no_key_is_refused_and_not_repeated(acme: Tenant, key: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await acme.provider_keys.set("openai", key)
    assert refused.value.field == "key"
    assert not key.strip() or key not in str(refused.value)


async def test_the_database_holds_no_trace_of_the_key(acme: Tenant) -> None:
    await acme.provider_keys.set("openai", CANARY)
    assert CANARY.encode() not in await _ciphertext(acme)


async def test_the_same_key_is_never_stored_as_the_same_bytes(acme: Tenant, globex: Tenant) -> None:
    seen: set[bytes] = set()
    for tenant in (acme, acme, globex):
        await tenant.provider_keys.set("openai", CANARY)
        seen.add(await _ciphertext(tenant))
    assert len(seen) == 3


async def test_a_ciphertext_that_is_copied_to_another_tenant_s_row_does_not_decrypt(
    acme: Tenant, globex: Tenant
) -> None:
    await acme.provider_keys.set("openai", CANARY)
    await globex.provider_keys.set("openai", "sk-globex")
    await _plant(globex, "openai", await _ciphertext(acme))
    with pytest.raises(BackendError) as refused:
        await globex.provider_keys.get("openai")
    assert CANARY not in str(refused.value)


async def test_a_ciphertext_that_is_copied_to_another_provider_s_row_does_not_decrypt(acme: Tenant) -> None:
    await acme.provider_keys.set("openai", CANARY)
    await acme.provider_keys.set("attacker", "sk-attacker")
    await _plant(acme, "attacker", await _ciphertext(acme))
    with pytest.raises(BackendError):
        await acme.provider_keys.get("attacker")


async def test_after_a_rotation_old_keys_are_read_and_new_ones_need_the_new_secret(acme: Tenant) -> None:
    old, new = "the old secret of thirty-two bytes and more", "the new secret of thirty-two bytes and more"
    await ProviderKeys(acme.database, acme.scope, cipher=KeyCipher(old)).set("openai", CANARY)
    rotated = ProviderKeys(acme.database, acme.scope, cipher=KeyCipher(new, old))
    assert await rotated.get("openai") == CANARY
    await rotated.set("openai", CANARY)
    assert await ProviderKeys(acme.database, acme.scope, cipher=KeyCipher(new)).get("openai") == CANARY
    with pytest.raises(BackendError, match="AURA_SECRET_KEY"):
        await ProviderKeys(acme.database, acme.scope, cipher=KeyCipher(old)).get("openai")


async def _ciphertext(tenant: Tenant, provider: str = "openai") -> bytes:
    async with tenant.database.tenant(tenant.scope) as connection:
        query = select(table.c.ciphertext).where(table.c.provider == provider)
        return bytes((await connection.execute(query)).scalar_one())


async def _plant(tenant: Tenant, provider: str, ciphertext: bytes) -> None:
    async with tenant.database.tenant(tenant.scope) as connection:
        await connection.execute(update(table).where(table.c.provider == provider).values(ciphertext=ciphertext))
