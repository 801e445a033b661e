"""Days that a text speaks of, in four languages, against the moment and the zone of who speaks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from aura.memory.dates import resolve

THURSDAY = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def days(text: str, zone: str = "Europe/Berlin", at: datetime = THURSDAY) -> list[tuple[date, date]]:
    return [(each.first, each.last) for each in resolve(text, at, ZoneInfo(zone))]


@pytest.mark.parametrize(
    ("texts", "first", "last"),
    [
        (
            ["I went yesterday", "Gestern war ich da", "last night", "hier soir", "ayer", "anoche"],
            "2026-11-25",
            "2026-11-25",
        ),
        (["the day before yesterday", "vorgestern", "avant-hier", "anteayer"], "2026-11-24", "2026-11-24"),
        (
            ["today", "heute Morgen", "this evening", "aujourd'hui", "ce soir", "hoy", "esta tarde"],
            "2026-11-26",
            "2026-11-26",
        ),
        (["tomorrow", "bis morgen", "Morgen fliege ich", "demain", "hasta mañana"], "2026-11-27", "2026-11-27"),
        (["the day after tomorrow", "übermorgen", "après-demain", "pasado mañana"], "2026-11-28", "2026-11-28"),
        (["last Friday", "letzten Freitag", "vendredi dernier", "el viernes pasado"], "2026-11-20", "2026-11-20"),
        (["on Friday", "am Freitag", "vendredi prochain", "el próximo viernes"], "2026-11-27", "2026-11-27"),
        (
            ["three weeks ago", "vor drei Wochen", "il y a trois semaines", "hace tres semanas"],
            "2026-11-05",
            "2026-11-05",
        ),
        (["two days ago", "vor zwei Tagen", "il y a deux jours", "hace dos días"], "2026-11-24", "2026-11-24"),
        (["in two days", "in zwei Tagen", "dans deux jours", "dentro de dos días"], "2026-11-28", "2026-11-28"),
        (["last week", "letzte Woche", "la semaine dernière", "la semana pasada"], "2026-11-16", "2026-11-22"),
        (["next month", "nächsten Monat", "le mois prochain", "el mes que viene"], "2026-12-01", "2026-12-31"),
        (["two months ago", "vor zwei Monaten", "il y a deux mois", "hace dos meses"], "2026-09-01", "2026-09-30"),
        (
            ["last year", "letztes Jahr", "l'année dernière", "l'an dernier", "el año pasado"],
            "2025-01-01",
            "2025-12-31",
        ),
        (["3 May 2026", "May 3rd, 2026", "3. Mai 2026", "2026-05-03", "03.05.2026"], "2026-05-03", "2026-05-03"),
        (["le 3 mai 2026", "le 03/05/2026", "el 3 de mayo de 2026", "el 3/5/2026"], "2026-05-03", "2026-05-03"),
        (["le 1er mars", "el primero de marzo"], "2027-03-01", "2027-03-01"),
        (["in March 2025", "im März 2025", "en mars 2025", "en marzo de 2025"], "2025-03-01", "2025-03-31"),
        (["since 2020", "seit 2020", "depuis 2020", "desde 2020"], "2020-01-01", "2020-12-31"),
    ],
)
def test_an_expression_means_the_same_days_in_every_language(texts: list[str], first: str, last: str) -> None:
    assert [days(text) for text in texts] == [[(date.fromisoformat(first), date.fromisoformat(last))]] * len(texts)


@pytest.mark.parametrize(
    "text",
    [
        "30 February",
        "Guten Morgen!",
        "99.99.2026",
        "I may go",
        "version 2.3.4",
        "le 30 février",
        "3 Mars bars",
        "3/5/2026",
        "por la mañana",
        "un vendredi",
        "los viernes",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert days(text) == []


def test_the_zone_says_which_day_it_is() -> None:
    at = datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
    assert days("yesterday", "America/New_York", at) == [(date(2026, 2, 27), date(2026, 2, 27))]
    assert days("gestern", "Asia/Tokyo", at) == [(date(2026, 2, 28), date(2026, 2, 28))]
    assert (
        days("hier", "America/New_York", at)
        == days("ayer", "America/New_York", at)
        == days("yesterday", "America/New_York", at)
    )
    assert days("ayer", "Asia/Tokyo", at) == [(date(2026, 2, 28), date(2026, 2, 28))]


def test_the_longest_of_overlapping_expressions_counts() -> None:
    text = "It was the day before yesterday, in May 2025."
    found = resolve(text, THURSDAY, UTC)
    assert [text[each.start : each.end] for each in found] == ["the day before yesterday", "in May 2025"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("On Monday I was ill", "2026-11-23"),
        ("On Monday I see the doctor", "2026-11-30"),
        ("Am Montag war ich krank", "2026-11-23"),
        ("Ich habe am Montag angefangen", "2026-11-23"),
        ("Am Montag habe ich Prüfung", "2026-11-30"),
        ("I left in March", "2026-03-01"),
        ("I'm leaving in March", "2027-03-01"),
        ("I married on 5 January", "2026-01-05"),
        ("Im März bin ich umgezogen", "2026-03-01"),
        ("J'ai déménagé en mars", "2026-03-01"),
        ("Je déménage en mars", "2027-03-01"),
        ("Me mudé en marzo", "2026-03-01"),
        ("Me mudo en marzo", "2027-03-01"),
    ],
)
def test_what_tells_of_the_past_is_of_a_day_that_was(text: str, first: str) -> None:
    assert [each[0] for each in days(text)] == [date.fromisoformat(first)]
