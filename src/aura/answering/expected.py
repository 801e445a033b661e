"""What kind of answer a question expects: an amount of money, a duration, a time, a number, a person ..."""

from __future__ import annotations

import re
from typing import NamedTuple


class Expected(NamedTuple):
    """A kind of answer: what a statement must hold to be one, and the question's words that it thereby answers.

    Without it a `strict` kind is hardly answered; the others have too many forms to be sure.
    """

    name: str
    found: re.Pattern[str]
    words: re.Pattern[str]
    strict: bool


class _Rule(NamedTuple):
    asks: re.Pattern[str]
    kind: Expected


_NUMBER = (
    r"(?:\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|hundred"
    r"|one|once|twice|half|zero|none|no|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|zwanzig|dreißig|keine?"
    r"|eine?n?|une?|deux|trois|quatre|cinq|sept|huit|neuf|dix|douze|quinze|vingt|trente|cent|aucune?)\b)"
)
_TIME_UNIT = (
    r"(?:second|minute|hour|day|night|week|month|quarter|year|decade|sekunde|stunde|tag|werktag|woche|monat|jahr"
    r"|seconde|heure|jour|semaine|mois|année|ans?\b|h\b|min\b)"
)
_MONEY = (
    r"[$€£¥]\s?\d|\d\s?(?:[$€£¥%]|(?:percent|prozent|pour cent|euros?|dollars?|cents?|pounds?|francs?|ct|usd|eur|chf|gbp)\b)"
    r"|\bfree\b|\bno (?:extra |additional )?(?:cost|charge|fee)|kostenlos|kostenfrei|gratis|gratuit|offert|à la charge"
    r"|(?:price|cost|fee|charge|deposit|kosten|preis|prix|tarif)[\w ()]*: ?\d"
)
DAY_OR_MONTH = (
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|may|june|july|august|september"
    r"|october|november|december|montags?|dienstags?|mittwochs?|donnerstags?|freitags?|samstags?|sonntags?|januar"
    r"|februar|märz|mai|juni|juli|oktober|dezember|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|janvier|février"
    r"|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre)\b"
)

_DURATION = (
    rf"{_NUMBER}[\w\s,'’-]{{0,24}}?{_TIME_UNIT}|same day|next (?:\w+ )?day|\blife(?:time)?\b|permanent|immediate"
    r"|\bnever\b|unlimited|\buntil\b|bis zum|sofort|jusqu|le jour même|immédiat"
    r"|(?:days|hours|minutes|weeks|months|years): ?\d",
    r"long|time|period|deadline|window|duration|soon|quickly|days?|weeks?|months?|years?|hours?|minutes?|far|advance"
    r"|lange|frist|dauer\w*|zeit|tage|délai|durée|temps|jours|last|take|term",
)


def _rule(name: str, asks: str, found: str, words: str, *, strict: bool = True) -> _Rule:
    found_pattern = re.compile(found, 0 if name == "person" else re.IGNORECASE)
    words_pattern = re.compile(rf"(?:{words})$", re.IGNORECASE)
    return _Rule(re.compile(asks, re.IGNORECASE), Expected(name, found_pattern, words_pattern, strict))


# The first rule that matches decides, so the question's leading word comes before what it mentions.
_RULES = (
    _rule(
        "person",
        r"^\W*(?:and |so |to |with |by |from )?(?:who(?:m|se)?|wer|wem|wen|(?:à |avec |par )?qui)\b",
        r"[A-ZÀ-Þ][\w.]+ [A-ZÀ-Þ]\w+|\b(?:[Oo]nly|may|must|by|customers?|clients?|staff|members?|users?|we|you|Kunde|trägt"
        r"|dürfen|darf|doit|peuvent)\b",
        r"person|name",
        strict=False,
    ),
    _rule(
        "time",
        r"(?:^|,|\band|\bso)\W*(?:by |since |until |from |on )?(?:when|wann|quand)\b|(?:bis|ab|seit) wann|opening hours"
        r"|what (?:time|date|day)|which (?:day|month|year)|(?:until|by|since) what|welche[mnr]? (?:tag|monat|jahr)"
        r"|um wie ?viel uhr|quelle heure|quel(?:le)? (?:jour|mois|année|date)|horaires",
        rf"\d|{DAY_OR_MONTH}|\b(?:daily|every|after|before|until|once|never|noon|midnight|as soon as|day|täglich|nach|vor"
        r"|bis|sobald|après|avant|dès|jusqu)\b",
        r"time|date|day|hours?|year|zeit|uhr|tag|jour|heure|horaires?",
    ),
    _rule(
        "duration",
        r"how (?:long|soon|quickly)\b|how much time|how many (?:second|minute|hour|day|week|month|year)|how far in advance"
        r"|wie (?:lange|schnell)|wie ?viele (?:tage|wochen|monate|jahre|stunden)"
        r"|combien de (?:temps|jours|mois|semaines|heures)",
        *_DURATION,
    ),
    _rule("email", r"\be-?mail|courriel", r"@", r"e-?mails?|e-?mail-\w+|address|adresse|courriel"),
    _rule(
        "phone",
        r"\b(?:tele)?phone number|\bphone\b|hotline|telefon|téléphone|\bfax",
        r"\+?\d[\d ()/-]{5,}\d|\b(?:extension|ext|durchwahl|poste)\b.{0,4}\d{2,}",
        r"(?:tele)?phone|number|hotline|telefon\w*|nummer|numéro|téléphone|call|contact",
    ),
    _rule(
        "frequency",
        r"how often|how frequently|wie oft|wie häufig|à quelle fréquence",
        r"\b(?:every|each|per|once|twice|daily|weekly|monthly|quarterly|yearly|annual(?:ly)?|hourly|never|always|times"
        r"|alle|jede\w*|pro|täglich|wöchentlich|monatlich|jährlich|halbjährlich|chaque|par|tous|toutes)\b",
        r"often|frequently|oft|häufig|fréquence|frequency",
    ),
    _rule(
        "money",
        r"\b(?:costs?|prices?|fees?|charged?|salary|salaries|wages?|revenue|turnover|budget|allowance|bounty|worth"
        r"|discount|surcharge|deposit|rabatt|zuschlag|remise)\b"
        r"|\bhow much (?:is|are|was|for)\b|\bhow much\b.*\b(?:pay|paid|earn|spend|reimbursed?)\b"
        r"|\bpreise?\b|\bkoste[tn]?\b|gebühr|gehalt|umsatz"
        r"|combien (?:coûte|coute|paie)|\bprix\b|tarif|salaire|\bfrais\b",
        _MONEY,
        r"much|costs?|prices?|fees?|charges?|charged|pay|paid|discount|rabatt|remise|preise?|kosten?|kostet|gebühr\w*|coûte\w*|prix|tarifs?"
        r"|montant|worth|monetary",
    ),
    _rule("duration", r"\b(?:period|deadline|window|duration|term)\b|\bfrist|dauer|délai|durée", *_DURATION),
    _rule(
        "weight",
        r"how heavy|\bweigh|wie schwer|\bgewicht|\bpoids\b|\bpèse",
        r"\d\s?(?:kg|g|grams?|gramm|kilo\w*|lbs?|pounds?|oz|ounces?|t|tons?|tonnes?)\b|_kg: ?\d",
        r"heavy|weighs?|weight|schwer|gewicht|poids|pèse",
    ),
    _rule(
        "temperature",
        r"temperatur|température|how (?:hot|cold|warm)|(?:boiling|melting|freezing) point",
        r"\d\s?(?:°|degrees|grad|degrés|[kcf]\b)",
        r"temperatur\w*|hot|cold|température",
    ),
    _rule(
        "size",
        r"how (?:tall|high|wide|deep|far|big|large|thick|fast)|distance|wie (?:hoch|groß|weit|breit|tief)"
        r"|quelle (?:taille|hauteur|distance)",
        _NUMBER,
        r"tall|high|wide|deep|far|big|large|thick|distance|hoch|groß|weit|breit|tief|taille|hauteur",
    ),
    _rule(
        "count",
        r"how (?:many|much)|number of|wie ?viele?|anzahl|combien|nombre de|what percentage|what share",
        rf"{_NUMBER}|unlimited|\ball\b",
        r"many|much|number|viele?|anzahl|combien|nombre|percentage",
    ),
)


def expected(question: str) -> Expected | None:
    """The kind of answer that the question asks for, or None when anything may answer it."""
    return next((rule.kind for rule in _RULES if rule.asks.search(question)), None)
