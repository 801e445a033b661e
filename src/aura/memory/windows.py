"""The days that a question names: "last week", "in May 2024", "am 3. März", "il y a deux mois", "la semana pasada"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

import msgspec

from aura.memory.romance_dates import ROMANCE

_DAY = timedelta(days=1)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january januar jänner jan", "february februar feb", "march märz mar mär", "april apr", "may mai",
            "june juni jun", "july juli jul", "august aug", "september sep sept", "october oktober oct okt", "november nov",
            "december dezember dec dez",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday montag", "tuesday dienstag", "wednesday mittwoch", "thursday donnerstag", "friday freitag",
            "saturday samstag sonnabend", "sunday sonntag",
        )
    )
    for name in names.split()
}  # fmt: skip
_NUMBERS = {
    name: number
    for number, names in (
        (1, "a an one ein eine einem einer einen"), (2, "two zwei couple"), (3, "three drei few"), (4, "four vier"),
        (5, "five fünf"), (6, "six sechs"), (7, "seven sieben"), (8, "eight acht"), (9, "nine neun"), (10, "ten zehn"),
    )
    for name in names.split()
}  # fmt: skip


def _either(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_NUMBER = rf"(?P<n>\d{{1,3}}|{_either(_NUMBERS)})"
_DAYPART = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?"
_NAMED = rf"(?P<month>{_either(_MONTHS)})"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_UNITS = {
    "day": "days? tage?n?", "week": "weeks? wochen?", "month": "months? monate?n?", "year": "years? jahre?n?",
}  # fmt: skip
_UNIT = "|".join(rf"(?P<{unit}s>{words.replace(' ', '|')})" for unit, words in _UNITS.items())


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """From `start` until before `end`."""

    start: datetime
    end: datetime


def window_of(question: str, now: datetime) -> Window | None:
    """The days that `question` names as they are at `now`, or None. A month or weekday without a year is the last one.

    In the zone of `now`. Where a question names several, the most exact kind of them counts.
    """
    for pattern, reading in _READINGS:
        for match in pattern.finditer(question):
            try:
                return reading(match, now)
            except (ValueError, OverflowError):  # 31 February; a thousand years ago
                continue
    return _romance(question, now)


def _romance(question: str, now: datetime) -> Window | None:
    """The longest expression in French or Spanish; a month that would be yet to come is that of the year before."""
    found: list[tuple[int, date, date]] = []
    for pattern, read in ROMANCE:
        for match in pattern.finditer(question):
            try:
                first, last = read(match, now.date())
                if first > now.date() and "month" in match.groupdict():
                    first, last = first.replace(year=first.year - 1), last.replace(year=last.year - 1)
            except (ValueError, OverflowError):
                continue
            found.append((match.end() - match.start(), first, last))
    if not found:
        return None
    _, first, last = max(found)
    start = _midnight(now).replace(year=first.year, month=first.month, day=first.day)
    return _days(start, (last - first).days + 1)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _days(start: datetime, days: int = 1) -> Window:
    return Window(start=start, end=start + days * _DAY)


def _month(year: int, month: int, now: datetime) -> Window:
    start = _midnight(now).replace(year=year, month=month, day=1)
    return Window(start=start, end=(start + 32 * _DAY).replace(day=1))


def _year(year: int, now: datetime) -> Window:
    start = _midnight(now).replace(year=year, month=1, day=1)
    return Window(start=start, end=start.replace(year=year + 1))


def _named_year(match: re.Match[str], now: datetime) -> Window:
    return _year(int(match["year"]), now)


def _iso(match: re.Match[str], now: datetime) -> Window:
    return _days(_midnight(now).replace(year=int(match["year"]), month=int(match["m"]), day=int(match["day"])))


def _date(match: re.Match[str], now: datetime) -> Window:
    month, day = _MONTHS[match["month"].lower()], int(match["day"])
    if match["year"]:
        return _days(_midnight(now).replace(year=int(match["year"]), month=month, day=day))
    start = _midnight(now).replace(month=month, day=day)
    return _days(start if start <= now else start.replace(year=start.year - 1))


def _named_month(match: re.Match[str], now: datetime) -> Window:
    month = _MONTHS[match["month"].lower()]
    if match["year"]:
        return _month(int(match["year"]), month, now)
    return _month(now.year if month <= now.month else now.year - 1, month, now)


def _ago(match: re.Match[str], now: datetime) -> Window:
    """A day more to either side of days, half a unit more of what is longer: nobody counts exactly."""
    n = _count(match["n"])
    if match["days"]:
        return _days(_midnight(now) - (n + (n > 2)) * _DAY, 1 + 2 * (n > 2))
    days = 7 if match["weeks"] else 30 if match["months"] else 365
    return _days(_midnight(now) - int((n + 0.5) * days) * _DAY, days + 1)


def _past(match: re.Match[str], now: datetime) -> Window:
    days = 1 if match["days"] else 7 if match["weeks"] else 30 if match["months"] else 365
    return Window(start=_midnight(now) - _count(match["n"]) * days * _DAY, end=_midnight(now) + _DAY)


def _last(match: re.Match[str], now: datetime) -> Window:
    today, this = _midnight(now), match["which"].lower().startswith(("this", "dies"))
    if match["weeks"]:
        monday = today - today.weekday() * _DAY
        return _days(monday if this else monday - 7 * _DAY, 7)
    if match["months"]:
        first = today.replace(day=1)
        return _month(first.year, first.month, now) if this else _month(*_before(first), now)
    if match["years"]:
        return _year(now.year if this else now.year - 1, now)
    return _days(today if this else today - _DAY)


def _before(first: datetime) -> tuple[int, int]:
    last = first - _DAY
    return last.year, last.month


def _weekday(match: re.Match[str], now: datetime) -> Window:
    back = (now.weekday() - _WEEKDAYS[match["weekday"].lower()]) % 7 or 7
    return _days(_midnight(now) - back * _DAY)


def _relative(days: int) -> Callable[[re.Match[str], datetime], Window]:
    return lambda _match, now: _days(_midnight(now) - days * _DAY)


def _count(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[text.lower()]


_READINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], datetime], Window]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), reading)
    for pattern, reading in (
        (rf"\b{_YEAR}-(?P<m>\d\d)-(?P<day>\d\d)\b", _iso),
        (rf"\b{_DAYPART}\s*(?:of\s+)?{_NAMED}\b\.?(?:,?\s+{_YEAR})?", _date),
        (rf"\b{_NAMED}\.?\s+{_DAYPART}\b(?!\d)(?:,?\s+{_YEAR})?", _date),
        (rf"\b{_NUMBER}\s+(?:{_UNIT})\s+ago\b", _ago),
        (rf"\bvor\s+{_NUMBER}\s+(?:{_UNIT})\b", _ago),
        (rf"\b(?:in|over|during|within)\s+the\s+(?:last|past)\s+{_NUMBER}\s+(?:{_UNIT})\b", _past),
        (rf"\bin\s+den\s+(?:letzten|vergangenen)\s+{_NUMBER}\s+(?:{_UNIT})\b", _past),
        (r"\b(?:day before yesterday|vorgestern)\b", _relative(2)),
        (r"\b(?:yesterday|last night|gestern)\b", _relative(1)),
        (r"\b(?:today|tonight|this morning|heute)\b", _relative(0)),
        (
            rf"\b(?P<which>last|previous|this|letzte[nrms]?|vorige[nrms]?|vergangene[nrms]?|diese[nrms]?)\s+(?:{_UNIT})\b",
            _last,
        ),
        (rf"\b(?:last|on|letzte[nr]?|am)\s+(?P<weekday>{_either(_WEEKDAYS)})\b", _weekday),
        (rf"\b{_NAMED}\.?,?\s+(?:of\s+)?{_YEAR}\b", _named_month),
        (rf"\b(?:in|during|since|last|im|seit|letzten)\s+{_NAMED}\b(?P<year>(?!))?", _named_month),
        (rf"\b(?:in|during|im\s+jahr)\s+{_YEAR}\b", _named_year),
    )
)
