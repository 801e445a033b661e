"""Passwords: what is accepted, and what a check costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from aura.errors import InvalidRequest
from aura.tenants.passwords import Passwords, check_policy


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    passwords = Passwords(threads=2, memory_kib=8, passes=1, lanes=1)
    yield passwords
    passwords.close()


async def test_a_password_is_right_for_its_own_hash_alone(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")
    assert (await passwords.verify("correct horse", stored)).right
    assert not (await passwords.verify("correct horsf", stored)).right
    assert not (await passwords.verify("", stored)).right


async def test_the_same_password_has_another_hash_each_time(passwords: Passwords) -> None:
    assert await passwords.hash("correct horse") != await passwords.hash("correct horse")


async def test_no_password_is_right_where_there_is_no_account(passwords: Passwords) -> None:
    assert not (await passwords.verify("correct horse", None)).right


@pytest.mark.parametrize("stored", ["", "!", "plain text", "$2b$12$abc", "$argon2id$v=19$m=8,t=1,p=1$x$y"])
async def test_no_password_is_right_for_what_is_no_hash_of_ours(passwords: Passwords, stored: str) -> None:
    for password in ("", stored, "correct horse"):
        assert not (await passwords.verify(password, stored)).right


async def test_a_letter_with_an_accent_is_one_however_the_keyboard_sends_it(passwords: Passwords) -> None:
    stored = await passwords.hash("caf\u00e9 au lait")
    assert (await passwords.verify("cafe\u0301 au lait", stored)).right


@pytest.mark.parametrize("password", ["\0" * 10, "\ud800" * 10, "パスワードです、はい", " " * 10, "x" * 1024])
async def test_any_text_of_the_right_length_works(passwords: Passwords, password: str) -> None:
    assert (await passwords.verify(password, await passwords.hash(password))).right


@pytest.mark.parametrize("password", ["", "nine char", "x" * 1025])
def test_a_password_of_the_wrong_length_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_policy(password)
    assert refused.value.field == "password"
    assert not password or password not in str(refused.value)


async def test_a_text_that_goes_on_behind_the_longest_password_is_not_that_password(passwords: Passwords) -> None:
    stored = await passwords.hash("x" * 1024)
    assert not (await passwords.verify("x" * 5000, stored)).right


async def test_a_hash_that_was_made_with_less_work_is_replaced(passwords: Passwords) -> None:
    stronger = Passwords(threads=1, memory_kib=16, passes=2, lanes=1)
    verdict = await stronger.verify("correct horse", await passwords.hash("correct horse"))
    assert verdict.stronger_hash is not None
    assert (await stronger.verify("correct horse", verdict.stronger_hash)).stronger_hash is None
    stronger.close()


async def test_a_check_without_an_account_takes_as_long_as_one_with() -> None:
    passwords = Passwords(threads=1)
    stored = await passwords.hash("correct horse")

    async def seconds(stored_hash: str | None) -> float:
        start = time.perf_counter()
        await passwords.verify("wrong horse", stored_hash)
        return time.perf_counter() - start

    pairs = [(await seconds(stored), await seconds(None)) for _ in range(4)]
    with_account, without = (min(times) for times in zip(*pairs, strict=True))
    passwords.close()
    assert 0.4 < without / with_account < 2.5  # a check that is left out is a thousand times faster


async def test_the_event_loop_goes_on_while_a_password_is_hashed() -> None:
    passwords = Passwords(threads=1)
    hashing = asyncio.create_task(passwords.hash("correct horse"))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    passwords.close()
    assert turns > 20
