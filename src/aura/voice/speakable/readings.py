"""What in a text is not read as it is written: money, dates, times, units, versions, abbreviations, numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from aura.voice.speakable.cardinals import Language, cardinal, decimal, digits, ordinal, year

Reading = Callable[[re.Match[str]], str | None]
"""The words for what was matched; None where it is something else after all."""

MONTHS: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ),
    "de": (
        "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
        "Dezember",
    ),
}  # fmt: skip
_CURRENCIES: Final[dict[Language, dict[str, tuple[str, str, str, str]]]] = {
    "en": {
        "$": ("dollar", "dollars", "cent", "cents"), "€": ("euro", "euros", "cent", "cents"),
        "£": ("pound", "pounds", "penny", "pence"), "¥": ("yen", "yen", "sen", "sen"),
    },
    "de": {
        "$": ("Dollar", "Dollar", "Cent", "Cent"), "€": ("Euro", "Euro", "Cent", "Cent"),
        "£": ("Pfund", "Pfund", "Penny", "Pence"), "¥": ("Yen", "Yen", "Sen", "Sen"),
    },
}  # fmt: skip
_CODES: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_UNITS: Final[dict[Language, dict[str, tuple[str, str]]]] = {
    "en": {
        "km/h": ("kilometer per hour", "kilometers per hour"), "mph": ("mile per hour", "miles per hour"),
        "kWh": ("kilowatt hour", "kilowatt hours"), "km": ("kilometer", "kilometers"), "cm": ("centimeter", "centimeters"),
        "mm": ("millimeter", "millimeters"), "m²": ("square meter", "square meters"), "m": ("meter", "meters"),
        "kg": ("kilogram", "kilograms"), "mg": ("milligram", "milligrams"), "g": ("gram", "grams"),
        "lb": ("pound", "pounds"),
        "ml": ("milliliter", "milliliters"), "l": ("liter", "liters"), "ms": ("millisecond", "milliseconds"),
        "h": ("hour", "hours"), "min": ("minute", "minutes"), "s": ("second", "seconds"),
        "kB": ("kilobyte", "kilobytes"), "KB": ("kilobyte", "kilobytes"), "MB": ("megabyte", "megabytes"),
        "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"), "kHz": ("kilohertz", "kilohertz"),
        "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"), "Hz": ("hertz", "hertz"),
        "kW": ("kilowatt", "kilowatts"), "W": ("watt", "watts"), "V": ("volt", "volts"),
        "°C": ("degree Celsius", "degrees Celsius"), "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
        "°": ("degree", "degrees"), "%": ("percent", "percent"),
    },
    "de": {
        "km/h": ("Kilometer pro Stunde", "Kilometer pro Stunde"), "kWh": ("Kilowattstunde", "Kilowattstunden"),
        "km": ("Kilometer", "Kilometer"), "cm": ("Zentimeter", "Zentimeter"), "mm": ("Millimeter", "Millimeter"),
        "m²": ("Quadratmeter", "Quadratmeter"), "m": ("Meter", "Meter"), "kg": ("Kilogramm", "Kilogramm"),
        "mg": ("Milligramm", "Milligramm"), "g": ("Gramm", "Gramm"), "ml": ("Milliliter", "Milliliter"),
        "l": ("Liter", "Liter"), "ms": ("Millisekunde", "Millisekunden"), "h": ("Stunde", "Stunden"),
        "min": ("Minute", "Minuten"), "s": ("Sekunde", "Sekunden"), "kB": ("Kilobyte", "Kilobyte"),
        "KB": ("Kilobyte", "Kilobyte"), "MB": ("Megabyte", "Megabyte"), "GB": ("Gigabyte", "Gigabyte"),
        "TB": ("Terabyte", "Terabyte"), "kHz": ("Kilohertz", "Kilohertz"), "MHz": ("Megahertz", "Megahertz"),
        "GHz": ("Gigahertz", "Gigahertz"), "Hz": ("Hertz", "Hertz"), "kW": ("Kilowatt", "Kilowatt"), "W": ("Watt", "Watt"),
        "V": ("Volt", "Volt"), "°C": ("Grad Celsius", "Grad Celsius"), "°F": ("Grad Fahrenheit", "Grad Fahrenheit"),
        "°": ("Grad", "Grad"), "%": ("Prozent", "Prozent"),
    },
}  # fmt: skip
ABBREVIATIONS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus", "approx.": "approximately",
        "dr.": "Doctor", "mr.": "Mister", "mrs.": "Missus", "ms.": "Ms", "prof.": "Professor", "st.": "Saint",
        "fig.": "figure", "dept.": "department", "inc.": "Incorporated", "ltd.": "Limited", "jr.": "Junior",
        "sr.": "Senior", "min.": "minimum", "max.": "maximum", "incl.": "including", "est.": "estimated", "sec.": "section",
        "pp.": "pages", "p.": "page", "a.m.": "a m", "p.m.": "p m", "u.s.": "U S", "u.k.": "U K",
    },
    "de": {
        "z.b.": "zum Beispiel", "d.h.": "das heißt", "u.a.": "unter anderem", "usw.": "und so weiter", "ca.": "circa",
        "bzw.": "beziehungsweise", "nr.": "Nummer", "dr.": "Doktor", "prof.": "Professor", "abb.": "Abbildung",
        "inkl.": "inklusive", "zzgl.": "zuzüglich", "ggf.": "gegebenenfalls", "evtl.": "eventuell", "str.": "Straße",
        "s.": "Seite", "abs.": "Absatz", "art.": "Artikel", "vgl.": "vergleiche", "max.": "maximal", "min.": "mindestens",
        "i.d.r.": "in der Regel", "v.a.": "vor allem", "etc.": "et cetera", "hr.": "Herr", "fr.": "Frau", "tel.": "Telefon",
    },
}  # fmt: skip
"""By how they are written, in lower case and without spaces, and how they are read."""
ENDING_ABBREVIATIONS: Final = frozenset({"etc.", "usw.", "a.m.", "p.m.", "u.s.", "u.k.", "inc.", "ltd.", "jr."})
"""Those that a sentence may well end with."""

_AMOUNT = {"en": r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?", "de": r"\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d+(?:,\d+)?"}
_SCALES = {"en": r"thousand|million|billion|trillion", "de": r"Tausend|Millionen?|Milliarden?|Billionen?"}
_DATIVE = re.compile(r"\b(?:am|vom|dem|zum|den|ab|bis|seit) $", re.IGNORECASE)
_YEAR = r"1[1-9]\d\d|20\d\d"
_START = r"(?<![\w.,])"  # of a number, and not in the middle of one
_MINUS = r"([-−](?=\d))?"


def amount(text: str, language: Language) -> tuple[int, str]:
    """The whole part of a number as it is written in `language`, and the digits behind its point."""
    group, point = (",", ".") if language == "en" else (".", ",")
    whole, _, fraction = text.replace(group, "").partition(point)
    return int(whole), fraction


@cache
def readings(language: Language) -> tuple[tuple[re.Pattern[str], Reading], ...]:
    """What to look for at a place of the text, the most particular first, and how it is read."""
    kinds = (_abbreviated, _dated, _timed, _priced, _versioned, _measured, _numbered)
    return tuple(reading for kind in kinds for reading in kind(language))


def _abbreviated(language: Language) -> list[tuple[re.Pattern[str], Reading]]:
    words = ABBREVIATIONS[language]
    written = sorted(words, key=len, reverse=True)
    either = "|".join(re.escape(each).replace(r"\.", r"\. ?")[:-2] for each in written)
    pattern = re.compile(rf"(?<![\w.])(?:{either})(?!\w)", re.IGNORECASE)

    def read(match: re.Match[str]) -> str:
        return words[match[0].lower().replace(" ", "")]

    def number(_: re.Match[str]) -> str:
        return "number"

    numbered = [(re.compile(r"No\. ?(?=\d)"), number)] if language == "en" else []
    return [*numbered, (pattern, read)]


def _date(day: int, month: int, of: int | None, language: Language, *, ending: str = "er") -> str | None:
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    name, said = MONTHS[language][month - 1], f" {year(of, language)}" if of is not None else ""
    if language == "de":
        return f"{ordinal(day, 'de', ending=ending)} {name}{said}"
    return f"{name} {ordinal(day, 'en')}{',' if said else ''}{said}"


def _dated(language: Language) -> list[tuple[re.Pattern[str], Reading]]:
    def iso(match: re.Match[str]) -> str | None:
        return _date(int(match[3]), int(match[2]), int(match[1]), language)

    def pointed(match: re.Match[str]) -> str | None:
        ending = "en" if _DATIVE.search(match.string, 0, match.start()) else "er"
        return _date(int(match[1]), int(match[2]), int(match[3]) if match[3] else None, "de", ending=ending)

    def slashed(match: re.Match[str]) -> str | None:
        first, second, of = int(match[1]), int(match[2]), int(match[3])
        return _date(second, first, of, "en") or _date(first, second, of, "en")

    def named(match: re.Match[str]) -> str:
        ending = "en" if _DATIVE.search(match.string, 0, match.start()) else "e"
        return ordinal(int(match[1]), language, ending=ending)

    def of_month(match: re.Match[str]) -> str:
        said = f", {year(int(match[3]), 'en')}" if match[3] else ""
        return f"{match[1]} {ordinal(int(match[2]), 'en')}{said}"

    months = "|".join(MONTHS[language])
    found: list[tuple[re.Pattern[str], Reading]] = [
        (re.compile(rf"(?<![\w.-])({_YEAR})-(\d\d)-(\d\d)(?![\w-])"), iso),
    ]
    if language == "de":
        found.append((re.compile(rf"(?<![\w.])(\d{{1,2}})\.(\d{{1,2}})\.({_YEAR})?(?![\d.])"), pointed))
        found.append((re.compile(rf"(?<![\w.])(\d{{1,2}})\.(?= (?:{months}))"), named))
    else:
        found.append((re.compile(rf"(?<![\w/])(\d{{1,2}})/(\d{{1,2}})/({_YEAR})(?![\w/])"), slashed))
        found.append(
            (re.compile(rf"\b({months}) (\d{{1,2}})(?:st|nd|rd|th)?(?:, ({_YEAR}))?(?![\d:.]\d|\w)"), of_month)
        )
        found.append((re.compile(rf"(?<![\w.])(\d{{1,2}})(?= (?:{months})\b)"), named))
    return found


def _timed(language: Language) -> list[tuple[re.Pattern[str], Reading]]:
    def clock(match: re.Match[str]) -> str | None:
        hour, minute = int(match[1]), int(match[2])
        if hour > 24 or minute > 59:
            return None
        if language == "de":
            behind = f" {cardinal(minute, 'de')}" if minute else ""
            return f"{_counted_one(hour, 'de')} Uhr{behind}"
        half = f" {match[3][0].lower()} m" if match[3] else ""
        if minute == 0:
            return f"{cardinal(hour, 'en')}{half or ' o’clock'}"
        return f"{cardinal(hour, 'en')} {'oh ' if minute < 10 else ''}{cardinal(minute, 'en')}{half}"

    def hour(match: re.Match[str]) -> str:
        return f"{cardinal(int(match[1]), 'en')} {match[2][0].lower()} m"

    if language == "de":
        return [(re.compile(r"(?<![\w:.])(\d{1,2}):(\d\d)(?: ?Uhr)?(?![\w:])"), clock)]
    half = r"([ap]\.?m\b\.?)"
    return [
        (re.compile(rf"(?<![\w:.])(\d{{1,2}}):(\d\d)(?: ?{half})?(?![\w:])", re.IGNORECASE), clock),
        (re.compile(rf"(?<![\w:.])(\d{{1,2}}) ?{half}", re.IGNORECASE), hour),
    ]


def _money(text: str, sign: str, scale: str | None, language: Language) -> str:
    whole, fraction = amount(text, language)
    one, many, cent, cents = _CURRENCIES[language][sign]
    if scale:
        return f"{decimal(whole, fraction, language)} {scale} {many}"
    if len(fraction) not in (0, 2):
        return f"{decimal(whole, fraction, language)} {many}"
    said = f"{_counted_one(whole, language)} {one if whole == 1 else many}"
    part = int(fraction or 0)
    if not part:
        return said
    if language == "de":
        return f"{said} {cardinal(part, 'de')}" if whole else f"{_counted_one(part, 'de')} {cents}"
    small = f"{cardinal(part, 'en')} {cent if part == 1 else cents}"
    return f"{said} and {small}" if whole else small


def _counted_one(number: int, language: Language) -> str:
    return "ein" if number == 1 and language == "de" else cardinal(number, language)


def _priced(language: Language) -> list[tuple[re.Pattern[str], Reading]]:
    def price(match: re.Match[str]) -> str:
        sign = match["sign"] or match["behind"]
        return _money(match["much"], _CODES.get(sign, sign), match["scale"], language)

    much, signs = _AMOUNT[language], "[$€£¥]|" + "|".join(_CODES)
    scale = rf"(?: ?(?P<scale>{_SCALES[language]})\b)?"
    return [
        (re.compile(rf"(?P<sign>{signs}) ?(?P<much>{much}){scale}(?P<behind>)(?!\d)"), price),
        (re.compile(rf"{_START}(?P<much>{much}){scale} ?(?P<sign>)(?P<behind>{signs})(?!\w)"), price),
    ]


def _versioned(language: Language) -> list[tuple[re.Pattern[str], Reading]]:
    def version(match: re.Match[str]) -> str | None:
        if language == "de" and re.fullmatch(r"\d{1,3}(?:\.\d{3})+", match[2]) and not match[1]:
            return None  # a number with its thousands apart
        point = " point " if language == "en" else " Punkt "
        said = point.join(cardinal(int(each), language) for each in match[2].split("."))
        return f"{'version ' if language == 'en' else 'Version '}{said}" if match[1] else said

    return [
        (re.compile(r"(?<![\w.])([vV]ersion v?|[vV])(\d+(?:\.\d+)*)(?![\w]|\.\d)"), version),
        (re.compile(rf"{_START}()(\d+\.\d+(?:\.\d+)+)(?![\w]|\.\d)"), version),
    ]


def _measured(language: Language) -> list[tuple[re.Pattern[str], Reading]]:
    def measured(match: re.Match[str]) -> str:
        whole, fraction = amount(match[2], language)
        one, many = _UNITS[language][match[3]]
        minus = "minus " if match[1] else ""
        if not fraction and whole == 1:
            article = "eine" if language == "de" and one.endswith("e") else _counted_one(1, language)
            return f"{minus}{article} {one}"
        return f"{minus}{decimal(whole, fraction, language)} {many}"

    units = "|".join(re.escape(each) for each in sorted(_UNITS[language], key=len, reverse=True))
    return [(re.compile(rf"{_START}{_MINUS}({_AMOUNT[language]}) ?({units})(?![\w/])"), measured)]


def _numbered(language: Language) -> list[tuple[re.Pattern[str], Reading]]:
    def in_year(match: re.Match[str]) -> str:
        return year(int(match[0]), language)

    def place(match: re.Match[str]) -> str:
        return ordinal(int(match[1].replace(",", "")), "en")

    def span(match: re.Match[str]) -> str:
        to = "to" if language == "en" else "bis"
        return f"{_plain(match[1], language)} {to} {_plain(match[2], language)}"

    def plain(match: re.Match[str]) -> str:
        minus = "minus " if match[1] else ""
        return f"{minus}{_plain(match[2], language)}"

    much, end = _AMOUNT[language], r"(?![\d]|[.,]\d)"
    since = r"(?<=\b[Ii]n )|(?<=\bsince )|(?<=\bby )|(?<=\buntil )|(?<=\bseit )|(?<=\bbis )|(?<=\bJahr )"
    places = [(re.compile(rf"{_START}(\d[\d,]*)(?:st|nd|rd|th)\b"), place)] if language == "en" else []
    return [
        (re.compile(rf"(?:{since})(?:{_YEAR})(?![\w.,%-]\d|\w)"), in_year),
        *places,
        (re.compile(rf"{_START}({much})[-–]({much}){end}(?!\w|[-–]\d)"), span),
        (re.compile(rf"{_START}{_MINUS}({much}){end}(?!\w)"), plain),
    ]


def _plain(text: str, language: Language) -> str:
    if text.isdigit() and (len(text) > 15 or (text.startswith("0") and len(text) > 1)):
        return digits(text, language)
    whole, fraction = amount(text, language)
    return decimal(whole, fraction, language)
