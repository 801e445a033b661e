"""What must not leave in an answer, and what in a passage is meant for the assistant and not for its reader."""

from __future__ import annotations

import re
from collections.abc import Set
from urllib.parse import urlsplit

from aura.answering.lexicon import words

_INSTRUCTIONS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # to set aside what it was told before
        r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instructions?|rules?|prompts?|guidelines|restrictions"
        r"|above|previous|prior|earlier)\b",
        r"\b(?:ignoriere?|vergiss|missachte)\b.{0,40}\b(?:anweisung|regel|vorgabe|befehl)",
        r"\b(?:ignore[zr]?|oublie[zr]?)\b.{0,40}\b(?:instructions?|consignes?|règles?)\b",
        r"\b(?:ignor[ae]|olvid[ae]|omit[ae])\b.{0,40}\b(?:instrucciones|órdenes|reglas|indicaciones)\b",
        # turns of a conversation and control tokens
        r"^\W*(?:system|assistant|developer|ai|llm|chatbot)\s*(?:prompt|message|instructions?|note)?\s*[:>\]]",
        r"<\|?/?(?:im_start|im_end|system|assistant|endoftext)|\[/?INST\]|<</?SYS>>",
        # to speak as someone else, or to give away what it was told
        r"\b(?:system prompt|developer mode|jailbreak|prompt injection|you are now (?:a|an|in|the|dan)\b)",
        r"\b(?:reveal|print|repeat|output|show|leak)\b.{0,30}\b(?:your|the|all) (?:\w+ )?(?:prompt|instructions|secrets?)\b",
        r"\b(?:act|behave|respond|speak) as (?:if|though|an?|the)\b.{0,30}\b(?:ai|assistant|model|admin|expert|pirate)\b",
        # to say something
        r"\bas an? (?:ai|assistant|language model)\b",
        r"^\W*(?:dear |hey |hello |note to (?:the )?)?(?:ai|llm|assistant|chatbot)\b,?",
        r"\b(?:reply|respond|answer)\b.{0,30}\b(?:only|with the (?:word|phrase|text)|with (?-i:[\"'“]?[A-Z]{3,})"
        r"|with [\"'“]|every question)",
        r"\b(?:from now on|whenever you are asked|if (?:you are )?asked|when (?:you are )?asked)\b.{0,60}\b(?:you|say|answer"
        r"|reply|respond|tell)\b",
        r"\b(?:tell|inform) (?:the|every|all) (?:users?|customers?|readers?|callers?)\b.{0,10}\b(?:that|to)\b",
    )
)

_HTML = words("""
    a abbr address area article aside audio b base blockquote body br button canvas caption center cite code col data dd
    del details div dl dt em embed fieldset figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html i
    iframe img input ins kbd label legend li link main map mark marquee math meta nav noscript object ol optgroup option
    output p param picture pre progress q s samp script section select slot small source span strong style sub summary
    sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr xml
    """)
_PLACEHOLDER = re.compile(r"</?([a-zA-Z][\w.-]*)\s*/?>")


def instructs(sentence: str) -> bool:
    """Whether a sentence of a passage is addressed to the assistant and tells it what to do."""
    return any(pattern.search(sentence) for pattern in _INSTRUCTIONS)


def storable(text: str) -> str:
    """Without what PostgreSQL's text can not hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def host_of(url: str) -> str:
    """The host that a URL leads to, lower-case; empty when it has none or can not be read."""
    try:
        return (urlsplit(url if "//" in url else f"//{url}").hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def is_listed(url: str, allowed_hosts: Set[str]) -> bool:
    """Whether a URL is http(s) and its host, or a parent of it, is in the list."""
    if not re.match(r"(?:https?://|www\.)", url, re.IGNORECASE) or re.search(r"[\s\\@<>\"']", url):
        return False
    labels = host_of(url).split(".")
    return any(".".join(labels[n:]) in allowed_hosts for n in range(len(labels)))


def without_tag(tag: str) -> str:
    """What stays of something between angle brackets: nothing of HTML; `<name>` that is none is a placeholder."""
    match = _PLACEHOLDER.fullmatch(tag)
    return f"‹{match[1]}›" if match and match[1].lower() not in _HTML else ""


def defanged(url: str) -> str:
    """A URL in code: it can be read, but nothing follows it (`hxxps://…`)."""
    return re.sub(r"^http", "hxxp", url, flags=re.IGNORECASE) if url[:1] in "hH" else url.replace(":", "[:]", 1)
