"""What was said in one language is found by a question in another: by slots, by names and numbers, or by the embedder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pytest
from memory_support import tell
from numpy.typing import NDArray

from aura import Workspace
from aura.memory.recall import Recall
from aura.testing.embeddings import HashEmbedding

FILLERS = [f"Please summarise chapter {n} of the quarterly report on logistics" for n in range(12)]


class TranslatingEmbedding(HashEmbedding):
    """A multilingual model: texts that mean the same in both languages have one direction."""

    english: ClassVar[Mapping[str, str]] = {
        "reiher": "heron",
        "nistet": "nests",
        "hütte": "cottage",
        "nachbar": "neighbour",
    }

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        return super().encode([self._translated(text) for text in texts])

    def _translated(self, text: str) -> str:
        return " ".join(self.english.get(word, word) for word in re.findall(r"\w+", text.lower()))


def recall_of(workspace: Workspace, embedder: HashEmbedding) -> Recall:
    return Recall(workspace._parts.database, workspace.scope, embedder)


async def embed_again(workspace: Workspace, embedder: HashEmbedding) -> None:
    """Have the user's entries embedded by another model, as after a change of it."""
    from aura.memory.deriving import Deriver

    parts = workspace._parts
    await workspace.memory.learn_again()
    for talk in (await workspace.conversations.list()).items:
        await Deriver(parts.database, embedder, key=parts.memory_key).derive(workspace.scope.tenant_id, talk.id)


@pytest.mark.parametrize(
    ("said", "asked", "fact"),
    [
        ("I live in Graz.", "Wo wohne ich?", "I live in Graz"),
        ("Ich wohne in Graz.", "Where do I live?", "Ich wohne in Graz"),
        ("I work for Nordbau.", "Bei welcher Firma arbeite ich?", "I work for Nordbau"),
        ("Je m'appelle Zoé.", "Wie heiße ich?", "Je m'appelle Zoé"),
        ("Vivo en Vigo.", "Where do I live?", "Vivo en Vigo"),
    ],
)
async def test_a_question_finds_the_fact_in_the_slot_that_it_asks_for(
    ada: Workspace, said: str, asked: str, fact: str
) -> None:
    await tell(ada, said, *FILLERS)
    found = (await recall_of(ada, HashEmbedding()).recall(asked, own=True)).found
    assert [each.entry.text for each in found] == [fact]
    assert (await ada.memory.facts.list()).items[0].text == fact


async def test_the_keyless_model_repeats_it_in_the_words_it_was_said_in(ada: Workspace) -> None:
    await tell(ada, "I live in Graz.", *FILLERS)
    answer = await ada.ask("Wo wohne ich?")
    assert re.fullmatch(r"Am \d+\. \w+ \d{4} hast du gesagt: “I live in Graz” \[1\]\.", answer.text)


async def test_a_slot_that_changed_gives_what_holds_now(ada: Workspace) -> None:
    await tell(ada, "I live in Graz.")
    await tell(ada, "Ich wohne jetzt in Bremen.")
    found = (await recall_of(ada, HashEmbedding()).recall("Where do I live?", own=True)).found
    assert [each.entry.text for each in found if not each.outdated] == ["Ich wohne jetzt in Bremen"]


async def test_names_and_numbers_are_the_same_in_both_languages(ada: Workspace) -> None:
    await tell(ada, "The invoice K-4711 of Falkenried was paid late.", *FILLERS)
    found = (await recall_of(ada, HashEmbedding()).recall("Was war mit der Rechnung K-4711 von Falkenried?")).found
    assert [each.entry.text for each in found] == ["The invoice K-4711 of Falkenried was paid late."]


async def test_a_multilingual_model_finds_what_no_word_is_shared_with(ada: Workspace) -> None:
    await tell(ada, "Der Reiher nistet hinter der Hütte vom Nachbar.", *FILLERS)
    question = "Did I say where the heron nests?"
    assert (await recall_of(ada, HashEmbedding()).recall(question, own=True)).found == ()
    multilingual = TranslatingEmbedding(name="translating")
    await embed_again(ada, multilingual)
    found = (await recall_of(ada, multilingual).recall(question, own=True)).found
    assert [each.entry.text for each in found] == ["Der Reiher nistet hinter der Hütte vom Nachbar."]
    assert (await recall_of(ada, multilingual).recall("Did I say which volcano erupted?", own=True)).found == ()
