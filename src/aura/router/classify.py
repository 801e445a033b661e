"""What a question is: quick and factual, or one to reason about. By rules, in some microseconds, of the question alone.

The rules are the cold start: they need no label of any traffic. A sentence that talks to the router ("treat this as
simple", "use the strong model") is not read, so a prompt can not choose its model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from aura.router.candidates import Tier

LONG_WORDS: Final = 200
"""A question with more words than this goes to the reasoning tier."""
READ_CHARACTERS: Final = 8_000
"""What is read of a question at most, so that the time is bounded."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a question was taken for. A higher `score` asks for more reasoning; only scores of one classifier compare.

    `gain` is by how much likelier a strong model's answer is right than a quick one's, less what is asked for it; None where
    the classifier knows the tier alone.
    """

    tier: Tier
    score: float
    classifier: str
    reasons: tuple[str, ...] = ()
    gain: float | None = None


class Classifier(Protocol):
    """Reads a question. It calls no network, and takes less than a millisecond.

    `topic` is where it is asked, such as a collection; `embedding` its vector, where there is one already.
    """

    def read(self, question: str, *, topic: str = "", embedding: Sequence[float] = ()) -> Reading: ...


REASONING: Final = (
    # English
    "why", "explain", "analyse", "analyze", "analysis", "compare", "comparison", "contrast", "evaluate", "assess",
    "prove", "proof", "derive", "justify", "reason", "reasoning", "critique", "debate", "argue", "synthesize",
    "synthesise", "strategy", "design", "architect", "optimize", "optimise", "debug", "refactor", "diagnose",
    "implications", "consequences", "trade-off", "trade-offs", "tradeoff", "tradeoffs", "hypothesis", "infer",
    "step by step", "pros and cons", "root cause", "what if", "how would", "how does", "how do",
    # German
    "warum", "weshalb", "wieso", "erkläre", "erklären", "analysiere", "analysieren", "vergleiche", "vergleichen",
    "begründe", "bewerte", "beweise", "beweis", "entwirf", "abwägen", "schritt für schritt", "vor- und nachteile",
    # French
    "pourquoi", "explique", "expliquez", "expliquer", "analyse", "analysez", "compare", "comparez", "comparer",
    "évalue", "évaluez", "démontre", "démontrez", "justifie", "étape par étape", "avantages et inconvénients",
    # Spanish and Portuguese
    "explica", "explique", "analiza", "analice", "analise", "compara", "evalúa", "avalie", "demuestra", "justifica",
    "razona", "paso a paso", "passo a passo", "ventajas y desventajas", "vantagens e desvantagens", "por qué", "por que",
    # Italian and Dutch
    "perché", "spiega", "analizza", "confronta", "valuta", "dimostra", "waarom", "leg uit", "analyseer", "vergelijk",
)  # fmt: skip
UNSPACED: Final = (
    "为什么",
    "解释",
    "分析",
    "比较",
    "证明",
    "なぜ",
    "説明",
    "分析",
    "比較",
    "証明",
    "왜",
    "설명",
    "분석",
    "비교",
)
"""The same in languages that are written without spaces, or join their particles to the word."""

RELATIONS: Final = (
    "half", "twice", "double", "triple", "times", "third", "quarter", "percent", "percentage", "ratio", "fraction",
    "average", "remaining", "rest", "left", "each", "every", "per", "more than", "less than", "fewer than", "as many",
    "as much", "halb", "doppelt", "prozent", "jede", "jeder", "übrig", "durchschnitt", "moitié", "double", "chaque",
    "pour cent", "reste", "mitad", "doble", "cada", "por ciento", "promedio", "metà", "doppio", "ogni",
)  # fmt: skip
"""Words that relate quantities: each is a step of what must be worked out."""

NEGATIONS: Final = (
    "not", "no", "don't", "dont", "do not", "without", "never", "needn't", "no need to", "nicht", "kein", "keine",
    "ohne", "ne", "pas", "sans", "sin", "sem", "non", "senza", "niet", "geen", "zonder",
)  # fmt: skip
"""What takes a reasoning word back when it stands shortly before it: "don't explain, just the date"."""
_NEGATION_REACH: Final = 3

_ROUTER_WORDS: Final = re.compile(
    r"(?i)\b(?:classif\w*|rout(?:e|ed|er|ing)|label(?:l?ed)?|categori[sz]e\w*|tier|treat|mark|rate|consider|tag|model|llm|"
    r"klassifizier\w*|einstuf\w*|behandle\w*|classe[rz]?|traite[rz]?|clasific\w*|trata\w*|modell|modèle|modelo)\b"
)
_ROUTER_TARGETS: Final = re.compile(
    r"(?i)\b(?:simple|easy|trivial|quick|fast|cheap|small|weak|complex|hard|difficult|strong|expensive|reasoning|large|"
    r"best|einfach\w*|schnell\w*|komplex\w*|schwer\w*|facile|rapide|complexe|difficile|fácil|sencill\w*|rápid\w*|"
    r"complej\w*|difícil)\b"
)
_SENTENCES: Final = re.compile(r"[^.!?\n。！？;]+[.!?\n。！？;]*")
_FRACTIONS: Final = re.compile(r"\d[.,]\d{1,2}(?!\d)")
_WORD: Final = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")


class _Phrases:
    """Phrases by their first word, so that a text is looked through once, whatever their number."""

    def __init__(self, phrases: tuple[str, ...]) -> None:
        self._by_first: dict[str, list[list[str]]] = {}
        for phrase in phrases:
            words = _WORD.findall(phrase)
            self._by_first.setdefault(words[0], []).append(words)

    def places(self, words: list[str]) -> list[int]:
        """Where in `words` a phrase begins."""
        found = self._by_first
        return [
            n
            for n, word in enumerate(words)
            if word in found and any(words[n : n + len(phrase)] == phrase for phrase in found[word])
        ]


_REASONING: Final = _Phrases(REASONING)
_RELATIONS: Final = _Phrases(RELATIONS)
_NEGATED: Final = _Phrases(NEGATIONS)


def readable(question: str) -> str:
    """`question` without the sentences that talk to the router, in lower case and bounded in length."""
    text = question[:READ_CHARACTERS]
    if _ROUTER_WORDS.search(text) is None or _ROUTER_TARGETS.search(text) is None:
        return text.lower()
    kept = (
        sentence
        for sentence in _SENTENCES.findall(text)
        if not (_ROUTER_WORDS.search(sentence) and _ROUTER_TARGETS.search(sentence) and len(sentence) < 200)
    )
    return "".join(kept).lower()


def words_of(text: str) -> list[str]:
    """The words of `text`, in order."""
    return _WORD.findall(text)


def features_of(question: str) -> tuple[float, ...]:
    """What is seen of `question`, as numbers: its length, relations, words that ask for reasoning, digits, fractions.

    Weights are kept by these positions: a new feature comes last.
    """
    text = readable(question)
    words = _WORD.findall(text)
    return (
        float(len(words)),
        float(len(text)),
        math.log1p(len(words)),
        float(len(_RELATIONS.places(words))),
        float(len(_REASONING.places(words))),
        float(sum(1 for word in words if word[0].isdigit())),
        float(text.count("%")),
        float(text.count(".") + text.count("?") + text.count("!")),
        float(len(_FRACTIONS.findall(text))),
    )


class Rules:
    """The rules that AURA starts with: long, or with words that ask for reasoning → reasoning, else fast."""

    def read(self, question: str, *, topic: str = "", embedding: Sequence[float] = ()) -> Reading:
        """What `question` is. Of a long one the first 8,000 characters decide."""
        text = readable(question)
        words = _WORD.findall(text)
        reasons: list[str] = []
        if len(words) > LONG_WORDS or len(question) > READ_CHARACTERS:
            reasons.append(f"more than {LONG_WORDS} words")
        asked = sum(1 for n in _REASONING.places(words) if not _NEGATED.places(words[max(0, n - _NEGATION_REACH) : n]))
        asked += sum(text.count(word) for word in UNSPACED)
        if asked:
            reasons.append(f"{asked} words that ask for reasoning")
        return Reading(
            tier=Tier.REASONING if reasons else Tier.FAST,
            score=float(len(question)),  # to put questions in order, nothing beats length on every traffic
            classifier="rules",
            reasons=tuple(reasons) or ("short, and no word asks for reasoning",),
        )


class LengthPrior:
    """The longer, the harder: what a classifier must beat."""

    def read(self, question: str, *, topic: str = "", embedding: Sequence[float] = ()) -> Reading:
        """By the characters of `question` alone."""
        tier = Tier.REASONING if len(question.split()) > LONG_WORDS else Tier.FAST
        return Reading(tier=tier, score=float(len(question)), classifier="length")
