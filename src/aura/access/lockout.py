"""Back-off after failed logins: per account and address together, per address, and per account.

Every attempt is counted as failed before its password is looked at, in one transaction that locks the counts, so that
however many come at once no more get through than may; one that succeeds is taken out again.

Whoever floods an account locks out addresses that failed. An address that did not fail with this account lately may
still try, once in `TRICKLE`; one from which the account was entered before is not held up by others' failures at all.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

import msgspec
from sqlalchemy import Row, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.tables import login_attempts
from aura.errors import LimitExceeded

FREE_TOGETHER: Final = 10
"""Failures of one account from one address before there is any delay."""
FREE_ACCOUNT: Final = 20
"""Failures of one account from anywhere."""
FREE_ADDRESS: Final = 50
"""Failures from one address with any accounts: a whole office may be behind it."""
FIRST_DELAY: Final = timedelta(seconds=1)
"""Doubled with each further failure."""
LONGEST_DELAY: Final = timedelta(minutes=15)
TRICKLE: Final = timedelta(seconds=10)
"""How often an account that is under attack may be tried from addresses that have not failed with it."""
HALF_LIFE: Final = timedelta(minutes=30)
"""After so long without a failure half of them are forgotten."""
REMEMBERED: Final = timedelta(days=30)
"""How long an address counts as one from which the account was entered."""

_FREE = {"together": FREE_TOGETHER, "account": FREE_ACCOUNT, "address": FREE_ADDRESS}


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One login that is under way, as it was counted: keyed hashes by what they count, and the blocks that it set."""

    subjects: dict[str, bytes]
    blocked_until: dict[str, datetime | None]
    known: bytes


class _Count(msgspec.Struct, frozen=True, kw_only=True):
    failures: int
    failed_at: datetime
    blocked_until: datetime | None


class Lockout:
    """Counts failed logins. Accounts and addresses are keyed hashes in it: the table tells nobody who tried what."""

    def __init__(self, database: Database, *, secret: str, clock: Clock) -> None:
        self._database = database
        self._key = hmac.digest(secret.encode(), b"aura login attempts v1", "sha256")
        self._clock = clock

    async def attempt(self, account: str, address: str) -> Attempt:
        """Count a login that is about to be tried, or refuse it. It costs the same whether the account exists.

        Args:
            account: what was typed, organisation and e-mail address.
            address: where it comes from; of an IPv6 address, the network that one customer has counts.

        Raises:
            LimitExceeded: `logins`; it renews when the next try is allowed.
        """
        network = _network(address)
        subjects = {
            "together": self._subject("together", account, network),
            "account": self._subject("account", account),
            "address": self._subject("address", network),
        }
        known = self._subject("known", account, network)
        async with self._database.system() as connection:
            counts, is_known = await self._lock(connection, subjects, known)
            self._refuse_blocked(counts, is_known=is_known)
            now = self._clock.now()
            blocks = {name: _block(count.failures + 1, _FREE[name], now) for name, count in counts.items()}
            await self._store(connection, subjects, counts, blocks)
        return Attempt(subjects=subjects, blocked_until=blocks, known=known)

    async def succeeded(self, attempt: Attempt) -> None:
        """Take an attempt out of the counts, forget what failed before it from there, and know its address."""
        now = self._clock.now()
        known = insert(login_attempts).values(subject=attempt.known, failures=0, failed_at=now)
        async with self._database.system() as connection:
            await self._take_out(connection, attempt)
            mine = login_attempts.c.subject == attempt.subjects["together"]
            await connection.execute(update(login_attempts).where(mine).values(failures=0, blocked_until=None))
            await connection.execute(known.on_conflict_do_update(index_elements=["subject"], set_={"failed_at": now}))

    async def withdraw(self, attempt: Attempt) -> None:
        """Take an attempt out of the counts that was never decided, as when the database went away."""
        async with self._database.system() as connection:
            await self._take_out(connection, attempt)

    async def purge(self) -> int:
        """Forget what counts no more; how many rows that were. For the nightly job."""
        old = login_attempts.c.failed_at < self._clock.now() - REMEMBERED
        async with self._database.system() as connection:
            return (await connection.execute(delete(login_attempts).where(old))).rowcount

    def _subject(self, *parts: str) -> bytes:
        message = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, message, "sha256")

    async def _lock(
        self, connection: AsyncConnection, subjects: dict[str, bytes], known: bytes
    ) -> tuple[dict[str, _Count], bool]:
        """The counts, locked in one order so that nobody waits in a ring; and whether the address is known."""
        now = self._clock.now()
        ordered = sorted(subjects.values())
        missing = insert(login_attempts).values(
            [{"subject": subject, "failures": 0, "failed_at": now} for subject in ordered]
        )
        await connection.execute(missing.on_conflict_do_nothing())
        query = select(login_attempts).where(login_attempts.c.subject.in_(ordered))
        rows = await connection.execute(query.order_by(login_attempts.c.subject).with_for_update())
        by_subject = {bytes(row.subject): row for row in rows}
        remembered = select(login_attempts.c.subject).where(
            login_attempts.c.subject == known, login_attempts.c.failed_at > now - REMEMBERED
        )
        is_known = (await connection.execute(remembered)).one_or_none() is not None
        return {name: _count(by_subject.get(subject), now) for name, subject in subjects.items()}, is_known

    def _refuse_blocked(self, counts: dict[str, _Count], *, is_known: bool) -> None:
        together, account, address = counts["together"], counts["account"], counts["address"]
        ends = [together.blocked_until, address.blocked_until]
        if not is_known and account.blocked_until is not None:
            fresh = min(account.blocked_until, account.failed_at + TRICKLE)
            ends.append(account.blocked_until if together.failures else fresh)
        now = self._clock.now()
        blocked = max((end for end in ends if end is not None and end > now), default=None)
        if blocked is not None:
            raise LimitExceeded(
                f"too many logins have failed: the next one can be tried at {blocked.astimezone(UTC):%H:%M:%S} UTC",
                limit="logins",
                renews_at=blocked,
            )

    async def _store(
        self,
        connection: AsyncConnection,
        subjects: dict[str, bytes],
        counts: dict[str, _Count],
        blocks: dict[str, datetime | None],
    ) -> None:
        change = (
            update(login_attempts)
            .where(login_attempts.c.subject == bindparam("of"))
            .values(failures=bindparam("now_failed"), failed_at=bindparam("at"), blocked_until=bindparam("until"))
        )
        at = self._clock.now()
        rows = [
            {"of": subjects[name], "now_failed": count.failures + 1, "at": at, "until": blocks[name]}
            for name, count in counts.items()
        ]
        await connection.execute(change, rows)

    async def _take_out(self, connection: AsyncConnection, attempt: Attempt) -> None:
        """Undo what the attempt counted, and the blocks that it set itself; others' stay."""
        counts, _ = await self._lock(connection, attempt.subjects, attempt.known)
        for name, subject in sorted(attempt.subjects.items(), key=lambda each: each[1]):
            block = counts[name].blocked_until
            values = {
                "failures": max(0, counts[name].failures - 1),
                "blocked_until": None if block == attempt.blocked_until[name] else block,
            }
            await connection.execute(update(login_attempts).where(login_attempts.c.subject == subject).values(values))


def _count(row: Row[tuple[object, ...]] | None, now: datetime) -> _Count:
    """A row as it counts now: halved for each half-life without a failure."""
    if row is None:
        return _Count(failures=0, failed_at=now, blocked_until=None)
    halvings = max(0, int((now - row.failed_at) / HALF_LIFE))
    return _Count(failures=row.failures >> min(halvings, 63), failed_at=row.failed_at, blocked_until=row.blocked_until)


def _block(failures: int, free: int, now: datetime) -> datetime | None:
    """When something may be tried again after so many failures."""
    if failures < free:
        return None
    doublings = min(failures - free, 20)
    return now + min(FIRST_DELAY * 2**doublings, LONGEST_DELAY)


def _network(address: str) -> str:
    """What counts as one address: for IPv6 the /64 that a customer gets, from which addresses can be taken at will."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), 64), strict=False))
