"""Days and windows of time, in UTC: what is counted by day, and what a quota renews after."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import msgspec

from aura.errors import InvalidRequest

LONGEST_DAYS = 366
"""Days of one period: what a report is made of is read at once."""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Whole UTC days, the first and the last included."""

    first: date
    last: date

    @classmethod
    def between(cls, first: date, last: date) -> Period:
        """From `first` to `last`.

        Raises:
            InvalidRequest: it ends before it begins, or is longer than a year.
        """
        if not 0 <= (last - first).days < LONGEST_DAYS:
            raise InvalidRequest(
                f"the period from {first} to {last} can not be shown: it must end after it begins, and have at most"
                f" {LONGEST_DAYS} days",
                field="until",
            )
        return cls(first=first, last=last)

    @classmethod
    def ending(cls, last: date, *, days: int) -> Period:
        """The `days` days that end with `last`. Raises `InvalidRequest`, as `between` does."""
        if not 1 <= days <= LONGEST_DAYS:
            raise InvalidRequest(f"days is {days}, and must be between 1 and {LONGEST_DAYS}", field="days")
        return cls.between(last - timedelta(days=days - 1), last)

    @property
    def days(self) -> tuple[date, ...]:
        """Every day of it, in order."""
        return tuple(self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return midnight(self.first)

    @property
    def end(self) -> datetime:
        """The moment behind it."""
        return midnight(self.last + timedelta(days=1))


class Window(StrEnum):
    """How long a quota lasts before it begins anew: at the full minute or hour, or with the calendar month, in UTC."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    def start(self, now: datetime) -> datetime:
        """When the window that `now` is in began."""
        minute = now.astimezone(UTC).replace(second=0, microsecond=0)
        if self is Window.MINUTE:
            return minute
        hour = minute.replace(minute=0)
        if self is Window.HOUR:
            return hour
        return hour.replace(hour=0) if self is Window.DAY else hour.replace(hour=0, day=1)

    def end(self, now: datetime) -> datetime:
        """When the next one begins."""
        start = self.start(now)
        if self is Window.MONTH:
            return (start + timedelta(days=32)).replace(day=1)
        return start + _LENGTHS[self]


_LENGTHS = {Window.MINUTE: timedelta(minutes=1), Window.HOUR: timedelta(hours=1), Window.DAY: timedelta(days=1)}


def midnight(day: date) -> datetime:
    """The first moment of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def utc_day(now: datetime) -> date:
    """The UTC day that `now` is in."""
    return now.astimezone(UTC).date()
