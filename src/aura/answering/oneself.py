"""Whether a question is about the one who asks it, and about what was said: in English, German and French.

Of Spanish the words are known in which one speaks of oneself.
"""

from __future__ import annotations

import re

from aura.answering.lexicon import words

_FIRST_PERSON = re.compile(
    r"\b(?:i|i'm|i've|me|my|mine|myself|ich|mich|mir|mein(?:e[nmrs]?)?|je|moi|mon|ma|mes"
    r"|yo|mis?|vivo|tengo|soy|hablo)\b|\bj['’]",
    re.IGNORECASE,
)
_RULES = re.compile(
    r"\b(?:how (?:do|would) i|(?:how|where|when) (?:can|could|should|may|must) i|(?:can|may|must|should|could|shall|would) i"
    r"|do i (?:have to|need)|am i (?:allowed|entitled)|(?:wie|wo|wann) (?:kann|soll|muss|darf|mache|bekomme|setze) ich"
    r"|(?:kann|darf|muss|soll|sollte|könnte) ich|(?:puis|dois)-je|tell me|give me|show me|help me|let me|sag mir|gib mir"
    r"|zeig mir|erklär\w* mir|hilf mir|dis-moi|donne-moi)\b",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"\b(?:did i|have i|i)\s+(?:ever\s+|already\s+)?(?:say|said|tell|told|mention(?:ed)?|ask(?:ed)?|talk(?:ed)?)\b"
    r"(?:\s+you)?"
    r"|\b(?:do|can) you (?:remember|recall|know)\b|\b(?:remember|recall)\b"
    r"|\bhabe? ich(?=\b.*\b(?:gesagt|erzählt|erwähnt|gefragt)\b)|\b(?:gesagt|erzählt|erwähnt)\b"
    r"|\b(?:weißt|erinnerst) du(?: dich)?\b|\bai-je (?:dit|parlé)\b",
    re.IGNORECASE,
)


_WORD = re.compile(r"[^\W\d_]+")
_ASKING = words("""
    what where when how who which is are am was do does did s the a an have i m me my mine in of on at to you know again
    wie was wo wann wer welche ist bin sind war habe hab ich mein meine meinen mir mich in der die das den du noch
    comment où quand quel quelle est suis je mon ma mes j ai
    """)
_OF_A_PERSON = words("""
    name called live home hometown born birthday old age diet allergic married children kids pet dog cat favourite
    heiße name wohne wohnort zuhause geboren geburtstag alt alter verheiratet kinder haustier hund katze
    nom appelle habite né née anniversaire âge marié mariée enfants
    """)


_ASKS = re.compile(
    r"^\W*(?:(?:and|but|so|ok|okay|hi|hello|hey|und|aber|hallo|et|mais|bonjour)\W+)*"
    r"(?:what|where|when|how|who|whose|which|why|is|are|am|was|were|do|does|did|have|has|can|could|will|would"
    r"|wie|wo|wann|wer|wem|wen|warum|wieso|welche[rsnm]?|bin|ist|sind|war|habe?|hat|kann|weißt|comment|où|quand|quel(?:le)?s?"
    r"|qui|est|suis|ai|quién|qué|dónde|cuándo|cómo|cuál|soy|tengo)\b"
    r"|\b(?:tell|say|said|told|remind|remember|recall|know|wonder|show|list|find|forgot|forgotten|mention\w*|talk\w*|ask\w*|sag"
    r"|sage|gesagt|erzählt|erwähnt|nenn|nenne|weiß|wüsste|erinner\w*|frage|vergessen|zeig|dis|dites|dit|rappelle|sais|oublié|dime"
    r"|dije|recuerda|sé|please|need|give|send|bitte|brauche|gib|schick|plaît|plait|donne|besoin|favor|necesito|dame)\b"
    r"|\b(?:would|'d) like\b|\bhätte gern",
    re.IGNORECASE,
)
"""What may ask without a question mark: how a question begins, and what asks for it to be told."""
_NAMES = re.compile(r"^\W*(?:my|mein\w*|mon|ma|mes|mis?)\b", re.IGNORECASE)
"""Asks unless it tells: "My address, thanks" is a question."""
_TELLS = re.compile(
    r"^\W*(?:(?:hi|hello|hallo|actually|well|also|now|and|but|no|yes|und|aber|nein|ja)\W+)*"
    r"(?:(?:i|we|ich|wir|je|nous|yo) \w|(?:i'm|i've|i'd|we're|we've|j')|(?:my|mein\w*|mon|ma|mes|mis?) (?:\w+ ){1,3}"
    r"(?:is|are|was|were|ist|sind|war|heißt|est|sont|es|son)\b)",
    re.IGNORECASE,
)


def about_oneself(question: str) -> bool:
    """Whether `question` asks for something of the asker's own; not what one may or must do, nor a request to be told."""
    return asks_what_was_said(question) or _FIRST_PERSON.search(_RULES.sub(" ", question)) is not None


def asks_what_was_said(question: str) -> bool:
    """Whether `question` asks for an earlier statement: "When did I say that …", "Weißt du noch …"."""
    return _SAID.search(question) is not None


def asks_who_one_is(question: str) -> bool:
    """Whether `question` asks for what no document of an organisation tells: "What is my name?", "Wo wohne ich?"."""
    asked = set(_WORD.findall(question.lower())) - _ASKING
    return bool(asked) and asked <= _OF_A_PERSON and about_oneself(question)


def asked_for(question: str) -> str:
    """`question` without what only says that it was said, unless nothing else is left."""
    rest = _SAID.sub(" ", question)
    return rest if re.search(r"\w", rest) else question


def states(text: str) -> bool:
    """Whether `text` tells something and asks nothing, as "I work in Oslo."; what may ask is taken to do so."""
    plain = text.strip()
    if not plain or "?" in plain or _ASKS.search(plain):
        return False
    return _TELLS.match(plain) is not None or (plain[-1] in ".!" and not _NAMES.match(plain))


def only_asks(text: str) -> bool:
    """Whether every sentence of `text` is a question: it tells nothing of its speaker."""
    sentences = [each for each in re.split(r"(?<=[.!?])\s+", text.strip()) if each]
    return bool(sentences) and all(each.endswith("?") for each in sentences)
