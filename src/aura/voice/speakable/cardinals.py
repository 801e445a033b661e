"""Numbers in words, in English and in German."""

from __future__ import annotations

from typing import Final, Literal

Language = Literal["en", "de"]
"""The languages whose numbers, dates and units are read out in words. Other languages' text is left as it stands."""

LARGEST: Final = 10**15
"""From here on digits are read one by one."""


def _each(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_EN_SMALL: Final = _each(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_EN_TENS: Final = _each("_ _ twenty thirty forty fifty sixty seventy eighty ninety")
_EN_SCALES: Final = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1_000, "thousand"))
_EN_ORDINALS: Final = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip

_DE_SMALL: Final = _each(
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
)
_DE_TENS: Final = _each("_ _ zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
_DE_SCALES: Final = (
    (10**12, "Billion", "Billionen"),
    (10**9, "Milliarde", "Milliarden"),
    (10**6, "Million", "Millionen"),
)
_DE_ORDINALS: Final = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}


def cardinal(number: int, language: Language) -> str:
    """`number` in words; digit by digit from `LARGEST` on."""
    if number < 0:
        return f"minus {cardinal(-number, language)}"
    if number >= LARGEST:
        return digits(str(number), language)
    return _english(number) if language == "en" else _german(number)


def ordinal(number: int, language: Language, *, ending: str = "e") -> str:
    """`number` as a place in a row: "third"; "dritte", with another `ending` in another case."""
    if language == "en":
        return _english_ordinal(_english(number))
    stem = _DE_ORDINALS.get(number)
    if stem is None:
        tail = number % 100
        if 0 < tail < 20:
            ahead = _german(number - tail) if number > tail else ""
            stem = ahead + (_DE_ORDINALS.get(tail) or _DE_SMALL[tail] + "t")
        else:
            stem = _german(number) + "st"
    return stem + ending


def digits(text: str, language: Language) -> str:
    """Each digit of `text` by itself."""
    small = _EN_SMALL if language == "en" else _DE_SMALL
    return " ".join(small[int(each)] for each in text if each.isdigit())


def decimal(whole: int, fraction: str, language: Language) -> str:
    """`whole` with the digits behind its point."""
    if not fraction:
        return cardinal(whole, language)
    point = "point" if language == "en" else "Komma"
    return f"{cardinal(whole, language)} {point} {digits(fraction, language)}"


def year(number: int, language: Language) -> str:
    """`number` as the years are read: "twenty twenty-six", "neunzehnhundertneunundneunzig"."""
    century, rest = divmod(number, 100)
    if language == "de":
        return f"{_german(century)}hundert{_german(rest) if rest else ''}" if 1100 <= number < 2000 else _german(number)
    if not 1100 <= number < 2100 or 2000 <= number < 2010:
        return _english(number)
    if rest == 0:
        return f"{_english(century)} hundred"
    return f"{_english(century)} {'oh ' if rest < 10 else ''}{_english(rest)}"


def _english(number: int) -> str:
    if number < 20:
        return _EN_SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _EN_TENS[tens] + (f"-{_EN_SMALL[ones]}" if ones else "")
    if number < 1_000:
        hundreds, rest = divmod(number, 100)
        return f"{_EN_SMALL[hundreds]} hundred" + (f" {_english(rest)}" if rest else "")
    scale, name = next(each for each in _EN_SCALES if number >= each[0])
    much, rest = divmod(number, scale)
    return f"{_english(much)} {name}" + (f" {_english(rest)}" if rest else "")


def _english_ordinal(words: str) -> str:
    ahead, separator, last = words.rpartition("-" if "-" in words.rpartition(" ")[2] else " ")
    place = f"{last[:-1]}ieth" if last.endswith("y") else _EN_ORDINALS.get(last, f"{last}th")
    return f"{ahead}{separator}{place}"


def _german(number: int) -> str:
    """As it is counted: a last "ein" is "eins"."""
    words = _german_stem(number)
    return f"{words}s" if words.endswith("ein") else words


def _german_stem(number: int) -> str:
    if number < 20:
        return "ein" if number == 1 else _DE_SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return (f"{_german_stem(ones)}und" if ones else "") + _DE_TENS[tens]
    if number < 1_000_000:
        scale, name = (1_000, "tausend") if number >= 1_000 else (100, "hundert")
        much, rest = divmod(number, scale)
        return f"{_german_stem(much)}{name}" + (_german_stem(rest) if rest else "")
    scale, one, many = next(each for each in _DE_SCALES if number >= each[0])
    much, rest = divmod(number, scale)
    ahead = f"eine {one}" if much == 1 else f"{_german_stem(much)} {many}"
    return ahead + (f" {_german_stem(rest)}" if rest else "")
