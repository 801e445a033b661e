"""Days that a text speaks of, resolved against the moment it was said and the zone of who said it.

English and German are read here, French and Spanish by `aura.memory.romance_dates`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

import msgspec

from aura.memory.calendar_days import Calendar, Range, Reader, a_year_before, day, numeric, year
from aura.memory.romance_dates import ROMANCE, ROMANCE_YEARLESS


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """An expression at `[start, end)` of a text, and the first and the last day that it means."""

    start: int
    end: int
    first: date
    last: date


def resolve(text: str, at: datetime, zone: tzinfo) -> list[Days]:
    """The days that `text`, said at `at` in `zone`, speaks of, in its order; where expressions overlap, the longest.

    "Last week" is the calendar week from Monday to Sunday, "on Monday" the next one to come, "last Monday" the one before
    today. What tells of the past is of a day that was: "on Monday I was ill", "I left in March". A date that does not exist
    is no date.
    """
    today = at.astimezone(zone).date()
    found = sorted(_all(text, today), key=lambda each: (each.start, -each.end))
    kept: list[Days] = []
    for each in found:
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


_CALENDAR: Final = Calendar(
    months=(
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
    weekdays=(
        "monday montag",
        "tuesday dienstag",
        "wednesday mittwoch",
        "thursday donnerstag",
        "friday freitag",
        "saturday samstag sonnabend",
        "sunday sonntag",
    ),
    numbers=(
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
    units={
        "day": "day days tag tage tagen tages",
        "week": "week weeks woche wochen",
        "month": "month months monat monate monaten monats",
        "year": "year years jahr jahre jahren jahres",
    },
)
_MONTH = _CALENDAR.month
_LONG_MONTH = "|".join(name for name in _MONTH.split("|") if len(name) > 3 or name in ("may", "mai"))
_WEEKDAY = _CALENDAR.weekday
_NUMBER = _CALENDAR.number
_UNIT = r"days?|weeks?|months?|years?|tagen?|tage|wochen?|monate?n?|jahre?n?"
_THIS = r"this|diese[rnsm]?"
_LAST = r"last|past|previous|letzte[rnsm]?|vorige[rnsm]?|vergangene[rnsm]?"
_NEXT = r"next|coming|nächste[rnsm]?|kommende[rnsm]?"


def only_time(text: str) -> bool:
    """Whether `text` is nothing but an expression of time: "Yesterday", "il y a deux ans"."""
    text = text.strip(" ,")
    return any(pattern.fullmatch(text) for pattern, _ in (*_READERS, *ROMANCE))


def _all(text: str, today: date) -> Iterator[Days]:
    past = _PAST.search(text) is not None
    for pattern, read in (*_READERS, *ROMANCE):
        for match in pattern.finditer(text):
            try:
                days = read(match, today)
                if past and days[0] > today:
                    days = _before(read, days)
            except (ValueError, OverflowError):  # the thirtieth of February
                continue
            yield Days(start=match.start(), end=match.end(), first=days[0], last=days[1])


def _before(read: Reader, days: Range) -> Range:
    """The days that the past means where its words leave open which: the Monday before, March a year earlier."""
    if read == _ON_WEEKDAY:
        return days[0] - timedelta(weeks=1), days[1] - timedelta(weeks=1)
    return a_year_before(days) if read in _YEARLESS else days


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})(?!\w)", re.IGNORECASE)


_PAST: Final = re.compile(
    r"\b(?:was|were|had|did|went|got|met|saw|flew|left|quit|bought|sold|broke|lost|won|took|gave|came|became|drove|ran|wrote|spoke"
    r"|began|(?!need|feed|speed|seed|bed|red)\w{2,}ed|war|hatte|ging|fuhr|flog|kam|traf|kaufte|wurde|musste|konnte|begann"
    r"|(?:habe?|bin|sind) .*(?:\b|zu|ab|an|auf|aus|ein|um|vor)ge\w+(?:t|en)|(?:habe?|bin|sind) .*(?:iert|begonnen|verloren"
    r"|bekommen|besucht|verkauft|verlassen|bestanden)"
    r"|(?:j'ai|nous avons|on a) (?:\w+ )?\w+(?:é|i|u|is|it|ert)e?s?|je (?:me )?suis \w+(?:é|i|u)e?s?|étais|avais"
    r"|(?:he|hemos) \w+(?:ado|ido)|fui|estuve|tuve|(?!café|aquí|allí|así|ahí|bebé|esté)\w{3,}(?:é|í)(?!\w)|era|estaba)\b",
    re.IGNORECASE,
)
_ON_WEEKDAY: Final = _CALENDAR.period(0)
_YEARLESS: Final = (*_CALENDAR.yearless, *ROMANCE_YEARLESS)
_PERIOD = rf"(?P<unit>week|month|year|woche|monats?|jahre?s?|{_WEEKDAY})"
_READERS: Final[tuple[tuple[re.Pattern[str], Reader], ...]] = tuple(
    (_compiled(pattern), read)
    for pattern, read in (
        (r"today|tonight|this (?:morning|afternoon|evening)|heute(?: (?:morgen|früh|mittag|abend|nacht))?", day(0)),
        (r"(?:the )?day before yesterday|vorgestern", day(-2)),
        (r"yesterday(?: (?:morning|afternoon|evening))?|last night|gestern(?: (?:früh|mittag|abend|nacht))?", day(-1)),
        (r"(?:the )?day after tomorrow|übermorgen", day(2)),
        (r"tomorrow(?: (?:morning|afternoon|evening|night))?", day(1)),
        (r"(?<!heute )(?<!guten )(?-i:morgen|Morgen(?= [a-zäöü]+ (?:ich|wir)))(?: (?:früh|abend))?", day(1)),
        (rf"(?:{_LAST}) {_PERIOD}", _CALENDAR.period(-1)),
        (rf"(?:{_NEXT}) {_PERIOD}", _CALENDAR.period(1)),
        (rf"(?:{_THIS}) {_PERIOD}", _CALENDAR.period(0)),
        (rf"(?:on|am) (?P<unit>{_WEEKDAY})", _ON_WEEKDAY),
        (rf"(?P<n>{_NUMBER})(?: of)? (?P<unit>{_UNIT}) ago", _CALENDAR.from_today(-1)),
        (rf"vor (?P<n>{_NUMBER}) (?P<unit>{_UNIT})", _CALENDAR.from_today(-1)),
        (rf"in (?P<n>{_NUMBER}) (?P<unit>{_UNIT})", _CALENDAR.from_today(1)),
        (r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", numeric),
        (r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4}|\d{2})", numeric),
        (
            rf"(?:(?:on|am) )?(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?(?: of)? (?P<month>{_MONTH})\.?"
            r"(?:,? (?P<year>\d{4}))?",
            _CALENDAR.named,
        ),
        (
            rf"(?P<month>{_MONTH})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|:)(?:,? (?P<year>\d{{4}}))?",
            _CALENDAR.named,
        ),
        (rf"(?:in|im|since|seit|until|bis) (?P<month>{_LONG_MONTH})(?: (?P<year>\d{{4}}))?", _CALENDAR.month_named),
        (r"(?:in|im jahr|since|seit|from|ab) (?P<year>(?:19|20)\d{2})", year),
    )
)
