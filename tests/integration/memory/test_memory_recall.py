"""Recall finds what a user said by its words and its meaning, as it was at any moment, and nothing of anybody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import numpy as np
import pytest
from memory_support import PASSWORD, Company
from numpy.typing import NDArray

from aura.errors import InvalidRequest, Unavailable
from aura.identity import Scope
from aura.memory import entries
from aura.memory.entries import Entry, Kind, embedded_text
from aura.memory.recall import Recall, Recalled
from aura.testing.clock import FixedClock
from aura.testing.embeddings import HashEmbedding

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
EMBEDDER = HashEmbedding()


@pytest.fixture
def company(bare_company: Company) -> Company:
    """Recall is of entries: no document is needed."""
    return bare_company


class DownEmbedding:
    """An embedding model that does not answer."""

    model_name, weights_sha256, dimension = EMBEDDER.model_name, EMBEDDER.weights_sha256, EMBEDDER.dimension

    async def embed(self, texts: list[str]) -> NDArray[np.float32]:
        raise Unavailable("the model is down")

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        raise Unavailable("the model is down")

    async def crowding(self) -> float:
        raise Unavailable("the model is down")


def said(scope: Scope, text: str, *, days_ago: int = 10, kind: Kind = "turn", message_id: UUID | None = None) -> Entry:
    return Entry(
        id=uuid4(),
        kind=kind,
        user_id=scope.user_id,
        conversation_id=None,
        message_id=message_id or uuid4(),
        at=NOW - timedelta(days=days_ago),
        speaker="user",
        text=text,
    )


async def remember(company: Company, scope: Scope, *found: Entry, embedded: bool = True) -> None:
    vectors = await EMBEDDER.embed([embedded_text(entry) for entry in found]) if embedded else None
    sha = EMBEDDER.weights_sha256 if embedded else None
    async with company.aura._parts.database.tenant(scope) as session:
        await entries.put(session, scope, found, vectors, model_sha256=sha)


def recall_of(company: Company, scope: Scope, embedder: HashEmbedding | DownEmbedding = EMBEDDER) -> Recall:
    return Recall(company.aura._parts.database, scope, embedder, clock=FixedClock(NOW))


async def stranger(company: Company) -> Scope:
    """The programs of another organisation."""
    programs = await company.aura.tenants.create(
        organization_name="Other",
        subdomain=f"other-{uuid4().hex[:12]}",
        admin_email="eve@other.test",
        password=PASSWORD,
    )
    return programs.scope


def texts(recalled: Recalled) -> list[str]:
    return [each.entry.text for each in recalled.found]


FILLERS = [f"Please summarise chapter {n} of the quarterly report on logistics" for n in range(30)]


async def test_the_turn_that_answers_comes_first_and_off_topic_questions_find_nothing(company: Company) -> None:
    scope = company.member.scope
    await remember(company, scope, said(scope, "My dog is called Biscuit"), *(said(scope, each) for each in FILLERS))
    recall = recall_of(company, scope)
    assert texts(await recall.recall("What is my dog called?"))[0] == "My dog is called Biscuit"
    assert texts(await recall.recall("Which volcano erupted in antiquity?")) == []
    everything = await recall.recall("Which volcano erupted in antiquity?", limit=7, everything=True)
    assert len(everything.found) == 7


async def test_recall_with_the_embedder_down_or_before_it_has_embedded_goes_by_words(company: Company) -> None:
    scope = company.member.scope
    await remember(company, scope, said(scope, "My dog is called Biscuit"))
    await remember(company, scope, said(scope, "My cat is called Momo"), embedded=False)
    down, up = recall_of(company, scope, DownEmbedding()), recall_of(company, scope)
    assert texts(await down.recall("What is my dog called?"))[0] == "My dog is called Biscuit"
    assert texts(await up.recall("What is my cat called?"))[0] == "My cat is called Momo"
    assert [each.dense for each in (await down.recall("dog")).found] == [None]


async def test_no_read_path_of_recall_crosses_users_or_tenants(company: Company) -> None:
    owner, other = company.member.scope, await stranger(company)
    assert other.tenant_id != owner.tenant_id
    secret = said(owner, "My safe opens with 4711 canary", kind="fact")
    await remember(company, owner, secret)
    question, vector = "Which number opens my safe canary 4711?", (await EMBEDDER.embed([embedded_text(secret)]))[0]
    other_tenant = msgspec.structs.replace(owner, tenant_id=other.tenant_id)
    for scope in (company.admin.scope, company.programs.scope, other, other_tenant):
        recall = recall_of(company, scope)
        for found in (
            await recall.recall(question, everything=True),
            await recall.recall(question, vector=vector, everything=True),
            await recall.recall(question, weight=0.0, everything=True),
            await recall.recall(question, as_of=NOW, everything=True),
        ):
            assert found == Recalled()
    assert texts(await recall_of(company, owner).recall(question, everything=True)) == [secret.text]


async def test_a_key_that_is_limited_to_collections_recalls_nothing_of_other_conversations(company: Company) -> None:
    scope = company.member.scope
    conversation_id = await company.member.conversations.start()
    entry = msgspec.structs.replace(said(scope, "My dog is called Biscuit"), conversation_id=conversation_id)
    await remember(company, scope, entry)
    limited = msgspec.structs.replace(scope, collections=frozenset({uuid4()}))
    assert await recall_of(company, limited).recall("dog", everything=True) == Recalled()
    assert texts(await recall_of(company, scope).recall("dog", everything=True)) == [entry.text]


async def test_as_of_gives_what_was_held_true_then(company: Company) -> None:
    scope = company.member.scope
    rome = said(scope, "lives in Rome", days_ago=300, kind="fact")
    porto = said(scope, "lives in Porto", days_ago=20, kind="fact")
    await remember(company, scope, rome, porto)
    async with company.aura._parts.database.tenant(scope) as session:
        await entries.close(session, scope, [rome.id], porto.at)
    recall = recall_of(company, scope)
    assert texts(await recall.recall("In which town lives he?", everything=True)) == ["lives in Porto"]
    earlier = await recall.recall("In which town lives he?", as_of=NOW - timedelta(days=100), everything=True)
    assert texts(earlier) == ["lives in Rome"]


async def test_a_fact_and_its_turn_are_recalled_once_and_a_turn_whose_fact_ended_comes_last(company: Company) -> None:
    scope = company.member.scope
    turn = said(scope, "I moved to Porto last month")
    fact = said(scope, "lives in Porto", kind="fact", message_id=turn.message_id)
    old = said(scope, "I live in Rome near Porto street", days_ago=400)
    ended = said(scope, "lives in Rome", days_ago=400, kind="fact", message_id=old.message_id)
    await remember(company, scope, turn, fact, old, ended)
    async with company.aura._parts.database.tenant(scope) as session:
        await entries.close(session, scope, [ended.id], turn.at)
    recall, question = recall_of(company, scope), "Do I live in Rome near Porto street?"
    found = (await recall.recall(question, everything=True)).found
    assert [(each.entry.text, each.outdated) for each in found] == [
        ("lives in Porto", False),
        ("I live in Rome near Porto street", True),
    ]
    assert found[0].score < found[1].score
    earlier = (await recall.recall(question, as_of=NOW - timedelta(days=100), everything=True)).found
    assert [(each.entry.text, each.outdated) for each in earlier] == [("lives in Rome", False)]


async def test_the_days_that_a_question_names_and_then_the_younger_turn_come_first(company: Company) -> None:
    scope = company.member.scope
    for days in (3, 10, 40):
        await remember(company, scope, said(scope, "I went running in the park", days_ago=days), embedded=False)
    recall = recall_of(company, scope)
    ages = [(NOW - each.entry.at).days for each in (await recall.recall("Did I go running in the park?")).found]
    assert ages == [3, 10, 40]
    april = await recall.recall("Did I go running in the park in April?")
    assert (NOW - april.found[0].entry.at).days == 40


async def test_a_recalled_turn_comes_with_the_turns_around_it(company: Company) -> None:
    member, scope = company.member, company.member.scope
    conversation_id = await member.conversations.start()
    for question in ("Shall I take the train?", "To Porto, in June", "Thanks"):
        await member.ask(question, conversation=conversation_id)
    for turn in await member.conversations.recent(conversation_id):
        entry = said(scope, turn.text, message_id=turn.id)
        entry = msgspec.structs.replace(entry, id=turn.id, speaker=turn.role, conversation_id=conversation_id)
        await remember(company, scope, entry)
    (found,) = (await recall_of(company, scope).recall("Porto")).found
    assert found.said == "To Porto, in June"
    assert found.before is not None
    assert found.before.startswith("assistant: ")
    assert found.after is not None
    assert found.after.startswith("assistant: ")


async def test_a_question_must_ask_something_and_a_limit_be_positive(company: Company) -> None:
    recall = recall_of(company, company.member.scope)
    for question, limit in (("  ", 10), ("dog", 0)):
        with pytest.raises(InvalidRequest):
            await recall.recall(question, limit=limit)
