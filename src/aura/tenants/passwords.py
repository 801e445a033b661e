"""Passwords: what is accepted, how they are kept, and how they are checked without telling who has an account.

Argon2id with the parameters of RFC 9106 for little memory (64 MiB, 3 passes, 4 lanes), through pwdlib.
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from aura.errors import InvalidRequest

MIN_CHARACTERS: Final = 10
MAX_CHARACTERS: Final = 1024


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a password was right. `stronger_hash` takes the place of a hash that was made with older parameters."""

    right: bool
    stronger_hash: str | None = None


class Passwords:
    """Hashes and checks passwords in threads of its own: each takes 64 MiB and tens of milliseconds."""

    def __init__(self, *, threads: int | None = None, memory_kib: int = 65536, passes: int = 3, lanes: int = 4) -> None:
        self._argon2 = PasswordHash([Argon2Hasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)])
        self._threads = ThreadPoolExecutor(threads or min(4, os.cpu_count() or 1), thread_name_prefix="aura-passwords")
        self._nobody = f"$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${_random(16)}${_random(32)}"

    async def hash(self, password: str) -> str:
        """The hash to store for `password`, which is checked against the policy first.

        Raises:
            InvalidRequest: the password is too short or too long.
        """
        check_policy(password)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hash, password)

    async def verify(self, password: str, stored_hash: str | None) -> Verdict:
        """Whether `password` is the one behind `stored_hash`; with None (no such account) never, after the same work."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._verify, password, stored_hash)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _hash(self, password: str) -> str:
        return self._argon2.hash(_as_bytes(password))

    def _verify(self, password: str, stored_hash: str | None) -> Verdict:
        try:
            right, stronger = self._argon2.verify_and_update(_as_bytes(password), stored_hash or self._nobody)
        except UnknownHashError:  # an account without a password, as an import may leave it
            right, stronger = self._argon2.verify(_as_bytes(password), self._nobody), None
        return Verdict(right=right and stored_hash is not None, stronger_hash=stronger)


def check_policy(password: str) -> None:
    """Refuse a password that is too short to withstand guessing, or absurdly long.

    Length alone counts. Source: NIST SP 800-63B, section 5.1.1.2.
    """
    if len(password) < MIN_CHARACTERS:
        raise InvalidRequest(
            f"the password has {len(password)} characters, and needs {MIN_CHARACTERS}: a few words in a row do well",
            field="password",
        )
    if len(password) > MAX_CHARACTERS:
        raise InvalidRequest(f"the password has more than {MAX_CHARACTERS} characters", field="password")


def _as_bytes(password: str) -> bytes:
    """The same bytes whichever keyboard typed it: an é may arrive as one character or as two."""
    return unicodedata.normalize("NFKC", password[: MAX_CHARACTERS + 1]).encode("utf-8", "surrogatepass")


def _random(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
