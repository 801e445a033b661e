""" "Forget that I live in Rome", said in a conversation: the facts that it means are shown, and go when the user says yes.

What is kept of it is the conversation alone. Which facts were shown is read from the question that AURA asked, in a message
that no model wrote; so nothing has to be remembered between the two, on whichever replica they arrive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from aura.answering.ask import OWN
from aura.answering.asked_slots import keys_of
from aura.answering.lexicon import words
from aura.answering.oneself import about_oneself
from aura.memory.facts import Facts
from aura.memory.slots import normal
from aura.memory.values import Fact

_MOST = 10
_SHARE = 0.5

_REQUEST = re.compile(
    r"(?:please |can you |could you |bitte )?(?:forget(?: about| that)?|delete from (?:your )?memory(?: that)?"
    r"|vergiss(?: bitte)?(?:,? dass)?|lösche? aus (?:deinem )?gedächtnis(?:,? dass)?)[:,]? (?P<what>.{2,200}?)[.!?]*",
    re.IGNORECASE | re.DOTALL,
)
_GERMAN = re.compile(r"vergiss|lösch|bitte", re.IGNORECASE)
_YES = re.compile(r"(?:yes|yes please|yep|sure|do it|ja|ja bitte|ja gern|mach das)[.!]*", re.IGNORECASE)
_NO = re.compile(r"(?:no|nope|no thanks|don't|nein|nein danke|lieber nicht)[.!]*", re.IGNORECASE)
_EMPTY = words("""
    i me my mine that this it is am are was what where how about you know your everything all the a an
    ich mich mir mein meine meinen dass das es ist bin war was wo wie über du weißt dein deine alles der die
    """)


def may_concern(message: str) -> bool:
    """Whether `Forgetting` may act on `message`, which then must be all that was said. Costs nothing."""
    said = message.strip()
    return any(each.fullmatch(said) for each in (_REQUEST, _YES, _NO))


class Said(Protocol):
    """A message of the conversation."""

    @property
    def role(self) -> str: ...
    @property
    def text(self) -> str: ...


class Forgetting:
    """Answers what concerns forgetting in one user's conversations; everything else is not its own."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    async def reply(self, message: str, earlier: Sequence[Said]) -> str | None:
        """What to answer to `message`; None where it is an ordinary one. A yes to the question before deletes the facts.

        Cost: nothing for an ordinary message; else a few round trips.
        """
        asked = earlier[-1] if earlier else None
        if asked is not None and getattr(asked, "model", None) == OWN and "\n- " in asked.text:
            german = asked.text.startswith(_ASK_GERMAN[:10])
            if _YES.fullmatch(message.strip()):
                return await self._forget(asked.text, german=german)
            if _NO.fullmatch(message.strip()):
                return "Gut, ich behalte es." if german else "All right, I keep it."
        request = _REQUEST.fullmatch(message.strip())
        if request is None:
            return None
        german = _GERMAN.search(message) is not None
        meant = _meant(request["what"], (await self._facts.list(limit=1_000)).items)
        if not meant:
            return (_NOTHING_GERMAN if german else _NOTHING) if about_oneself(request["what"]) else None
        lines = "\n".join(f"- {fact.text}" for fact in meant)
        return (_ASK_GERMAN if german else _ASK).format(lines=lines)

    async def _forget(self, question: str, *, german: bool) -> str:
        shown = {line[2:] for line in question.splitlines() if line.startswith("- ")}
        known = (await self._facts.list(limit=1_000)).items
        for fact in known:
            if fact.text in shown:
                await self._facts.delete(fact.id)
        return "Erledigt: Das ist vergessen." if german else "Done: it is forgotten."


_ASK: Final = "I know this of you:\n{lines}\nShall I forget it for good? Say yes, or no."
_ASK_GERMAN: Final = "Das weiß ich von dir:\n{lines}\nSoll ich es für immer vergessen? Sag ja oder nein."


_NOTHING: Final = (
    "I have learned nothing like that of you, or not yet: what you have just said is read a moment later. To take back the"
    " words themselves, delete the conversation."
)
_NOTHING_GERMAN: Final = (
    "So etwas habe ich von dir nicht gelernt, oder noch nicht: Was du gerade gesagt hast, wird einen Augenblick später"
    " gelesen. Um die Worte selbst zurückzunehmen, lösche das Gespräch."
)


def _meant(what: str, facts: Iterable[Fact]) -> list[Fact]:
    """The facts that `what` speaks of: at least half of its words are theirs, or those of their slot."""
    wanted = {word for word in re.findall(r"[^\W_][\w'-]*", what.casefold()) if word not in _EMPTY}
    stems = {normal(word) for word in wanted}
    scored: list[tuple[float, Fact]] = []
    for fact in facts:
        theirs = {normal(word) for word in re.findall(r"[^\W_][\w'-]*", fact.text.casefold())}
        theirs |= {normal(word) for word in keys_of(fact.slot).split()}
        shared = len(stems & theirs) / len(stems) if stems else 0.0
        if shared >= _SHARE:
            scored.append((shared, fact))
    best = max((score for score, _ in scored), default=0.0)
    return [fact for score, fact in scored if score == best][:_MOST]
