"""One question: as somebody asks it of a workspace, and as the workspace asks it of an answer engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec

from aura.errors import InvalidRequest
from aura.identity import CollectionId, ConversationId
from aura.persona.rendering import Style
from aura.persona.traits import Channel

LONGEST_MESSAGE = 100_000
"""Characters of one message."""
EXTRACTIVE = "extractive"
"""The name of the model that costs nothing."""
OWN = "memory"
"""The name under which AURA itself answers, about what it remembers."""

InConversation = ConversationId | Literal["new"] | None
"""What a question is a turn of: of a conversation, of one that begins with it, or of none."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that the caller keeps, and AURA does not."""

    role: Literal["user", "assistant"]
    text: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks, and how, before anything of it is looked up: `Workspace.ask` says what each field means."""

    message: str
    conversation: InConversation = None
    history: Sequence[Said] = ()
    collection: str | CollectionId | None = None
    use_memory: bool = True
    use_persona: bool = True
    search_knowledge: bool = True
    temporary: bool = False
    channel: Channel = "text"
    replaces: UUID | None = None


class Replaced(msgspec.Struct, frozen=True, kw_only=True):
    """What a question takes the place of, once it is stored with its answer: the turn of a message and all after it.

    `until` is the `seq` of the last message before them, `gone` are their own ids: nothing of them is said before.
    """

    message_id: UUID
    until: int
    gone: tuple[UUID, ...]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One question, as it is answered: everything that it names was found in the scope.

    `history` is what was said before, where no conversation holds it; `history_until` the `seq` of the conversation's last
    message that counts as said before, so that asking again gives the same prompt. `begins`: the conversation begins with
    this question, and is not there before its answer is. `persona` is the channel whose persona of the asker is heeded,
    and learns from the question; None where none is. `style` stands in the place of what the persona says. `held`: who asks
    stores the turn itself, when it stands.
    """

    message: str
    history: tuple[Said, ...] = ()
    conversation_id: ConversationId | None = None
    begins: bool = False
    history_until: int | None = None
    collection_id: CollectionId | None = None
    use_memory: bool = True
    search_knowledge: bool = True
    temporary: bool = False
    held: bool = False
    persona: Channel | None = None
    style: Style | None = None
    replaces: Replaced | None = None


def refuse_unusable(message: str) -> None:
    """Raise `InvalidRequest` for a message that can not be answered."""
    if not message.strip():
        raise InvalidRequest("the message is empty: ask something", field="message")
    if len(message) > LONGEST_MESSAGE:
        raise InvalidRequest(
            f"the message has {len(message)} characters, more than {LONGEST_MESSAGE}: upload it as a document instead",
            field="message",
        )
