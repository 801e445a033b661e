"""Days that a text speaks of, resolved against the moment it was said and the zone of who said it: English and German."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

import msgspec


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """An expression at `[start, end)` of a text, and the first and the last day that it means."""

    start: int
    end: int
    first: date
    last: date


def resolve(text: str, at: datetime, zone: tzinfo) -> list[Days]:
    """The days that `text`, said at `at` in `zone`, speaks of, in its order; where expressions overlap, the longest.

    "Last week" is the calendar week from Monday to Sunday, "on Monday" the next one to come, "last Monday" the one before
    today. A date that does not exist is no date.
    """
    today = at.astimezone(zone).date()
    found = sorted(_all(text, today), key=lambda each: (each.start, -each.end))
    kept: list[Days] = []
    for each in found:
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


Range = tuple[date, date]
Reader = Callable[[re.Match[str], date], Range | None]

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january januar jan",
            "february februar feb",
            "march märz mar",
            "april apr",
            "may mai",
            "june juni jun",
            "july juli jul",
            "august aug",
            "september sept sep",
            "october oktober oct okt",
            "november nov",
            "december dezember dec dez",
        ),
        1,
    )
    for name in names.split()
}
_WEEKDAYS: Final = {
    name: number
    for number, names in enumerate(
        (
            "monday montag",
            "tuesday dienstag",
            "wednesday mittwoch",
            "thursday donnerstag",
            "friday freitag",
            "saturday samstag sonnabend",
            "sunday sonntag",
        )
    )
    for name in names.split()
}
_NUMBERS: Final = {
    name: number
    for number, names in enumerate(
        (
            "a an one ein eine einem einer einen",
            "two zwei couple",
            "three drei",
            "four vier",
            "five fünf",
            "six sechs",
            "seven sieben",
            "eight acht",
            "nine neun",
            "ten zehn",
        ),
        1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_LONG_MONTH = "|".join(
    name for name in sorted(_MONTHS, key=len, reverse=True) if len(name) > 3 or name in ("may", "mai")
)
_WEEKDAY = "|".join(_WEEKDAYS)
_NUMBER = r"\d{1,3}|" + "|".join(_NUMBERS)
_UNIT = r"days?|weeks?|months?|years?|tagen?|tage|wochen?|monate?n?|jahre?n?"
_THIS = r"this|diese[rnsm]?"
_LAST = r"last|past|previous|letzte[rnsm]?|vorige[rnsm]?|vergangene[rnsm]?"
_NEXT = r"next|coming|nächste[rnsm]?|kommende[rnsm]?"


def _all(text: str, today: date) -> Iterator[Days]:
    for pattern, read in _READERS:
        for match in pattern.finditer(text):
            try:
                days = read(match, today)
            except (ValueError, OverflowError):  # the thirtieth of February
                continue
            if days is not None:
                yield Days(start=match.start(), end=match.end(), first=days[0], last=days[1])


def _day(offset: int) -> Reader:
    def read(_: re.Match[str], today: date) -> Range:
        day = today + timedelta(days=offset)
        return day, day

    return read


def _period(offset: int) -> Reader:
    """The week, month, year or weekday before, of or after today's."""

    def read(match: re.Match[str], today: date) -> Range:
        unit = match["unit"].lower()
        if unit in _WEEKDAYS:
            return _weekday(_WEEKDAYS[unit], today, offset)
        if unit.startswith(("week", "woche")):
            monday = today - timedelta(days=today.weekday()) + timedelta(weeks=offset)
            return monday, monday + timedelta(days=6)
        if unit.startswith("month") or unit.startswith("monat"):
            return _month(_months_from(today, offset))
        return date(today.year + offset, 1, 1), date(today.year + offset, 12, 31)

    return read


def _weekday(wanted: int, today: date, offset: int) -> Range:
    ahead = (wanted - today.weekday()) % 7
    if offset < 0:
        day = today - timedelta(days=(7 - ahead) % 7 or 7)
    else:
        day = today + timedelta(days=ahead or (7 if offset > 0 else 0))
    return day, day


def _from_today(sign: int) -> Reader:
    """ "Three weeks ago", "in drei Tagen": a day; of months and years, the month and the year."""

    def read(match: re.Match[str], today: date) -> Range:
        count, unit = sign * _count(match["n"]), match["unit"].lower()
        if unit.startswith(("day", "tag")):
            day = today + timedelta(days=count)
            return day, day
        if unit.startswith(("week", "woche")):
            day = today + timedelta(weeks=count)
            return day, day
        if unit.startswith("mon"):
            return _month(_months_from(today, count))
        return date(today.year + count, 1, 1), date(today.year + count, 12, 31)

    return read


def _named(match: re.Match[str], today: date) -> Range:
    """ "3 May 2026", "May 3", "3. Mai": without a year, the one nearest to today."""
    month, day = _MONTHS[match["month"].lower()], int(match["day"])
    if match["year"]:
        found = date(int(match["year"]), month, day)
        return found, found
    years = [
        each for each in (today.year - 1, today.year, today.year + 1) if day <= calendar.monthrange(each, month)[1]
    ]
    found = min((date(year, month, day) for year in years), key=lambda each: abs(each - today))
    return found, found


def _month_named(match: re.Match[str], today: date) -> Range:
    month, year = _MONTHS[match["month"].lower()], match["year"]
    if year:
        return _month(date(int(year), month, 1))
    years = (date(each, month, 15) for each in (today.year - 1, today.year, today.year + 1))
    return _month(min(years, key=lambda each: abs(each - today)))


def _numeric(match: re.Match[str], _: date) -> Range:
    year = int(match["year"])
    found = date(year + 2000 if year < 100 else year, int(match["month"]), int(match["day"]))
    return found, found


def _year(match: re.Match[str], _: date) -> Range:
    year = int(match["year"])
    return date(year, 1, 1), date(year, 12, 31)


def _count(word: str) -> int:
    return int(word) if word.isdecimal() else _NUMBERS[word.lower()]


def _months_from(today: date, months: int) -> date:
    index = today.year * 12 + today.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def _month(day: date) -> Range:
    return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})(?!\w)", re.IGNORECASE)


_PERIOD = rf"(?P<unit>week|month|year|woche|monats?|jahre?s?|{_WEEKDAY})"
_READERS: Final[tuple[tuple[re.Pattern[str], Reader], ...]] = tuple(
    (_compiled(pattern), read)
    for pattern, read in (
        (r"today|tonight|this (?:morning|afternoon|evening)|heute(?: (?:morgen|früh|mittag|abend|nacht))?", _day(0)),
        (r"(?:the )?day before yesterday|vorgestern", _day(-2)),
        (r"yesterday(?: (?:morning|afternoon|evening))?|last night|gestern(?: (?:früh|mittag|abend|nacht))?", _day(-1)),
        (r"(?:the )?day after tomorrow|übermorgen", _day(2)),
        (r"tomorrow(?: (?:morning|afternoon|evening|night))?", _day(1)),
        (r"(?<!heute )(?<!guten )(?-i:morgen|Morgen(?= [a-zäöü]+ (?:ich|wir)))(?: (?:früh|abend))?", _day(1)),
        (rf"(?:{_LAST}) {_PERIOD}", _period(-1)),
        (rf"(?:{_NEXT}) {_PERIOD}", _period(1)),
        (rf"(?:{_THIS}) {_PERIOD}", _period(0)),
        (rf"(?:on|am) (?P<unit>{_WEEKDAY})", _period(0)),
        (rf"(?P<n>{_NUMBER})(?: of)? (?P<unit>{_UNIT}) ago", _from_today(-1)),
        (rf"vor (?P<n>{_NUMBER}) (?P<unit>{_UNIT})", _from_today(-1)),
        (rf"in (?P<n>{_NUMBER}) (?P<unit>{_UNIT})", _from_today(1)),
        (r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", _numeric),
        (r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4}|\d{2})", _numeric),
        (
            rf"(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?(?: of)? (?P<month>{_MONTH})\.?(?:,? (?P<year>\d{{4}}))?",
            _named,
        ),
        (rf"(?P<month>{_MONTH})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|:)(?:,? (?P<year>\d{{4}}))?", _named),
        (rf"(?:in|im|since|seit|until|bis) (?P<month>{_LONG_MONTH})(?: (?P<year>\d{{4}}))?", _month_named),
        (r"(?:in|im jahr|since|seit|from|ab) (?P<year>(?:19|20)\d{2})", _year),
    )
)
