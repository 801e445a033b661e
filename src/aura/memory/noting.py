"""What the keyless model has to say to a statement about oneself, or to a wish for another manner: that it is noted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Final
from uuid import UUID

from aura.answering.sentences import units
from aura.answering.terms import language_of
from aura.clock import Clock
from aura.database.engine import Database
from aura.identity import Scope
from aura.memory import settings
from aura.memory.extraction import Candidate, Turn, extract
from aura.memory.slots import SENSITIVE
from aura.persona.evidence import only_wishes

_NOTED: Final = {
    "en": ("Noted: {}.", "“", "”"),
    "de": ("Notiert: {}.", "„", "“"),
    "fr": ("C'est noté : {}.", "« ", " »"),
    "es": ("Anotado: {}.", "«", "»"),
}
_CODES: Final = {"english": "en", "german": "de", "french": "fr"}
_MOST_WORDS_OF_A_GREETING: Final = 3
_NO_MESSAGE: Final = UUID(int=0)


class Noting:
    """Reads what one user states, as the job will read it; it writes nothing."""

    def __init__(self, database: Database, scope: Scope, clock: Clock) -> None:
        self._database = database
        self._scope = scope
        self._clock = clock

    async def noted(self, message: str, language: str | None = None, *, wishes: bool = False) -> str | None:
        """What was noted of `message`; None unless all that it says is what may be learned of its user.

        Args:
            language: a code; that of the rule which read the message, or of its words, where it is not known.
            wishes: how the user wants to be answered is learned, too.

        Raises:
            Unavailable: the database is away.

        Cost: two round trips where a rule reads anything; else some milliseconds of computation.
        """
        if wishes and only_wishes(message):
            return _said(language or _CODES[language_of([message])], [message.strip().rstrip(".!")])
        found = extract(Turn(id=_NO_MESSAGE, role="user", text=message, at=self._clock.now()), UTC)
        if not found or not _says_nothing_else(message, found):
            return None
        async with self._database.tenant(self._scope) as session:
            allowed = await settings.allowed(session, self._scope)
        kept = [each for each in found if allowed.learns and (allowed.sensitive or each.category not in SENSITIVE)]
        return _told(message, kept, language) if kept else None


def _says_nothing_else(message: str, found: Sequence[Candidate]) -> bool:
    """Whether every sentence is one that a fact was read in, or a greeting."""
    for span in units(message):
        read = any(each.start < span.end and span.start < each.end for each in found)
        words = re.findall(r"\w+", message[span.start : span.end])
        if not read and (len(words) > _MOST_WORDS_OF_A_GREETING or "?" in message[span.start : span.end]):
            return False
    return True


def _told(message: str, found: Sequence[Candidate], language: str | None) -> str:
    read = dict.fromkeys(message[each.start : each.end] for each in found)
    return _said(language if language in _NOTED else found[0].language, read)


def _said(language: str, quotes: Iterable[str]) -> str:
    form, opening, closing = _NOTED.get(language, _NOTED["en"])
    return form.format(", ".join(f"{opening}{each}{closing}" for each in quotes))
