"""What expressions of time mean, in any language that names its months, weekdays, numbers and units."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

Range = tuple[date, date]
Reader = Callable[[re.Match[str], date], Range]
"""From what a pattern found, and today, the first and the last day that it means; ValueError: there is no such day."""


class Calendar:
    """The words of a calendar, and how its expressions are read. Groups of patterns: `unit`, `n`, `day`, `month`, `year`."""

    def __init__(
        self, *, months: Sequence[str], weekdays: Sequence[str], numbers: Sequence[str], units: Mapping[str, str]
    ) -> None:
        self._months = {name: number for number, names in enumerate(months, 1) for name in names.split()}
        self._weekdays = {name: number for number, names in enumerate(weekdays) for name in names.split()}
        self._numbers = {name: number for number, names in enumerate(numbers, 1) for name in names.split()}
        self._units = {name: unit for unit, names in units.items() for name in names.split()}
        self.month = _either(self._months)
        self.weekday = _either(self._weekdays)
        self.number = rf"\d{{1,3}}|{_either(self._numbers)}"
        self.unit = _either(self._units)
        self.yearless: tuple[Reader, ...] = (self.named, self.month_named)
        """Those that choose a year where none is said."""

    def period(self, offset: int) -> Reader:
        """The week, month, year or weekday before, of or after today's."""

        def read(match: re.Match[str], today: date) -> Range:
            word = match["unit"].lower()
            if word in self._weekdays:
                return _weekday(self._weekdays[word], today, offset)
            match self._units[word]:
                case "week":
                    monday = today - timedelta(days=today.weekday()) + timedelta(weeks=offset)
                    return monday, monday + timedelta(days=6)
                case "month":
                    return _month(_months_from(today, offset))
                case _:
                    return date(today.year + offset, 1, 1), date(today.year + offset, 12, 31)

        return read

    def from_today(self, sign: int) -> Reader:
        """ "Three weeks ago", "in drei Tagen": a day; of months and years, the month and the year."""

        def read(match: re.Match[str], today: date) -> Range:
            count = sign * self._count(match["n"])
            match self._units[match["unit"].lower()]:
                case "day":
                    found = today + timedelta(days=count)
                    return found, found
                case "week":
                    found = today + timedelta(weeks=count)
                    return found, found
                case "month":
                    return _month(_months_from(today, count))
                case _:
                    return date(today.year + count, 1, 1), date(today.year + count, 12, 31)

        return read

    def named(self, match: re.Match[str], today: date) -> Range:
        """ "3 May 2026", "3. Mai": without a year, the one nearest to today."""
        month, number = self._months[match["month"].lower()], self._day_of_month(match["day"])
        if match["year"]:
            found = date(int(match["year"]), month, number)
            return found, found
        years = [
            each
            for each in (today.year - 1, today.year, today.year + 1)
            if number <= calendar.monthrange(each, month)[1]
        ]
        found = min((date(each, month, number) for each in years), key=lambda each: abs(each - today))
        return found, found

    def month_named(self, match: re.Match[str], today: date) -> Range:
        """ "In May 2025"; without a year, the one nearest to today."""
        month = self._months[match["month"].lower()]
        if match["year"]:
            return _month(date(int(match["year"]), month, 1))
        years = (date(each, month, 15) for each in (today.year - 1, today.year, today.year + 1))
        return _month(min(years, key=lambda each: abs(each - today)))

    def _count(self, word: str) -> int:
        return int(word) if word.isdecimal() else self._numbers[word.lower()]

    def _day_of_month(self, word: str) -> int:
        return int(word) if word.isdecimal() else 1  # the first has a word of its own: "1er mai", "primero de mayo"


def day(offset: int) -> Reader:
    """So many days after today."""

    def read(_: re.Match[str], today: date) -> Range:
        found = today + timedelta(days=offset)
        return found, found

    return read


def a_year_before(days: Range) -> Range:
    """The same days a year earlier; of a month, the whole month."""
    first, last = days
    if first.day == 1 and last != first:
        return _month(date(first.year - 1, first.month, 1))
    earlier = first.replace(year=first.year - 1)  # ValueError: the 29th of February
    return earlier, earlier


def numeric(match: re.Match[str], _: date) -> Range:
    """A date in numbers; a year of two digits is of this century."""
    number = int(match["year"])
    found = date(number + 2000 if number < 100 else number, int(match["month"]), int(match["day"]))
    return found, found


def year(match: re.Match[str], _: date) -> Range:
    """A whole year."""
    number = int(match["year"])
    return date(number, 1, 1), date(number, 12, 31)


def _weekday(wanted: int, today: date, offset: int) -> Range:
    ahead = (wanted - today.weekday()) % 7
    if offset < 0:
        found = today - timedelta(days=(7 - ahead) % 7 or 7)
    else:
        found = today + timedelta(days=ahead or (7 if offset > 0 else 0))
    return found, found


def _months_from(today: date, months: int) -> date:
    index = today.year * 12 + today.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def _month(found: date) -> Range:
    return found.replace(day=1), found.replace(day=calendar.monthrange(found.year, found.month)[1])


def _either(names: Mapping[str, object]) -> str:
    return "|".join(sorted(names, key=len, reverse=True))
