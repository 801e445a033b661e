"""Voice on a real platform: what is heard and spoken is in the ledger of who asked, within budgets, by the right keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import RowMapping, select

from aura import Aura, Settings, Workspace
from aura.answering.events import Sources
from aura.answering.extractive import ExtractiveLLM
from aura.database.embedded import EmbeddedServer
from aura.database.tables import usage
from aura.errors import Denied, LimitExceeded, NotFound
from aura.identity import ConversationId, Role, Verb
from aura.router.candidates import key_digest
from aura.router.health import RouteState
from aura.tenants.values import OrganisationChanges
from aura.testing.embeddings import HashEmbedding
from aura.testing.speech import recording, silence, tone
from aura.testing.speech_server import SpeechServer
from aura.usage.periods import Window

pytest.importorskip("openai", reason="the extra `openai` is not installed")
pytest.importorskip("elevenlabs", reason="the extra `elevenlabs` is not installed")
pytest.importorskip("av", reason="the extra `voice` is not installed")

QUESTION = "How long does the warranty last?"
PASSWORD = "correct horse battery staple"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played() -> AsyncIterator[SpeechServer]:
    async with SpeechServer(hears=QUESTION) as vendors:
        yield vendors


@pytest.fixture
def vendors(played: SpeechServer) -> SpeechServer:
    """Both vendors, well, and not asked yet."""
    played.fault = ""
    played.hits.clear()
    return played


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def aura(data_dir: Path, server: EmbeddedServer, played: SpeechServer) -> AsyncIterator[Aura]:
    """A platform with keys for both vendors, which are played."""
    settings = Settings.load(
        data_dir=data_dir,
        openai_api_key="sk-platform",
        openai_api_url=f"{played.url}/v1",
        elevenlabs_api_key="el-platform",
        elevenlabs_api_url=played.url,
        elevenlabs_voice_id="rachel",
        voice_ears="openai",
        voice_mouths="elevenlabs,openai",
        transcribe_model="whisper-1",
        speech_model="tts-1",
        database_pool_size=5,
    )
    async with Aura.open(settings, embed_model=HashEmbedding(), llm=ExtractiveLLM(), recover=False) as aura:
        # What is said here is a tone, which is no speech to Silero.
        aura._parts.voice._activity = None
        yield aura


async def new(aura: Aura, name: str) -> Workspace:
    subdomain = f"{name}{uuid4().hex[:8]}"
    programs = await aura.tenants.create(
        organization_name=name, subdomain=subdomain, admin_email=f"a@{subdomain}.test", password=PASSWORD
    )
    steps = programs.documents.ingest(b"# Warranty\n\nThe warranty lasts thirteen months.\n", filename="handbook.md")
    _ = [step async for step in steps]
    return await aura.workspace(subdomain, f"a@{subdomain}.test")


async def rows(aura: Aura, workspace: Workspace) -> list[RowMapping]:
    query = select(usage).where(usage.c.kind.in_(("transcription", "synthesis"))).order_by(usage.c.created_at)
    async with aura._parts.database.tenant(workspace.scope) as session:
        return list((await session.execute(query)).mappings())


async def test_a_turn_is_two_rows_of_its_user_beside_the_answers(aura: Aura, vendors: SpeechServer) -> None:
    acme, globex = await new(aura, "acme"), await new(aura, "globex")
    turn = await acme.voice.process_voice_message(recording(tone(1.5)), conversation="new")
    assert turn.answer is not None
    assert turn.speech is not None
    assert "thirteen months" in turn.answer.text
    heard, spoken = await rows(aura, acme)
    assert acme.user is not None
    assert {heard.user_id, spoken.user_id} == {acme.user.id}
    assert (heard.provider, heard.audio_seconds, heard.cost_micro_usd) == ("openai", pytest.approx(1.5), 150)
    assert (spoken.provider, spoken.characters) == ("elevenlabs", len(turn.said))
    assert spoken.cost_micro_usd == len(turn.said) * 50
    assert spoken.response_id == turn.answer.response_id
    assert await rows(aura, globex) == []


async def test_silence_costs_nothing(aura: Aura, vendors: SpeechServer) -> None:
    acme = await new(aura, "acme")
    assert (await acme.voice.transcribe(recording(silence(2.0)))).text == ""
    assert (await rows(aura, acme), vendors.hits) == ([], [])


async def test_a_budget_is_looked_at_before_the_call(aura: Aura, vendors: SpeechServer) -> None:
    acme = await new(aura, "acme")
    await acme.budgets.set("tenant", Window.DAY, 100)
    with pytest.raises(LimitExceeded):
        await acme.voice.transcribe(recording(tone(2.0)))
    assert vendors.hits == []
    await acme.budgets.set("tenant", Window.DAY, 250)
    await acme.voice.transcribe(recording(tone(2.0)))
    with pytest.raises(LimitExceeded):
        await acme.voice.transcribe(recording(tone(2.0)))


async def test_an_organisation_with_its_own_key_pays_itself_and_nobody_elses_calls_have_it(
    aura: Aura, vendors: SpeechServer
) -> None:
    acme, globex = await new(aura, "acme"), await new(aura, "globex")
    await acme.provider_keys.set("openai", "sk-of-acme")
    for workspace in (acme, globex, acme):
        await workspace.voice.transcribe(recording(tone(1.0)))
    used = [hit.headers["authorization"] for hit in vendors.hits]
    assert used == ["Bearer sk-of-acme", "Bearer sk-platform", "Bearer sk-of-acme"]
    assert [row.own_key for row in await rows(aura, acme)] == [True, True]
    assert [row.own_key for row in await rows(aura, globex)] == [False]


async def test_a_key_that_is_refused_is_one_organisations_illness_and_shown_on_the_board(
    aura: Aura, vendors: SpeechServer
) -> None:
    acme = await new(aura, "acme")
    await acme.provider_keys.set("elevenlabs", "el-of-acme")
    vendors.fault = "quota"
    with pytest.raises(Exception, match="refused the API key"):
        await acme.voice.synthesize("Hello.")
    states = {each.route: each.state for each in aura._parts.voice.board.statuses()}
    assert states[f"elevenlabs/eleven_flash_v2_5#{key_digest('el-of-acme')}"] is RouteState.CREDENTIAL
    vendors.fault = ""
    globex = await new(aura, "globex")
    assert (await globex.voice.synthesize("Hello.")).provider == "elevenlabs"
    assert (await aura.health()).status != "down"


async def test_names_of_the_organisation_help_to_hear_them(aura: Aura, vendors: SpeechServer) -> None:
    programs = await new(aura, "acme")
    await programs.configure(OrganisationChanges(custom_settings={"voice_vocabulary": ["Zyglox", 7, " ", "Aura"]}))
    acme = await aura.workspace(programs.organisation.id)
    await acme.voice.transcribe(recording(tone(1.0)), language="en")
    assert vendors.hits[-1].fields["prompt"] == "Zyglox, Aura"
    assert vendors.hits[-1].fields["language"] == "en"


async def test_a_key_that_may_not_ask_neither_hears_nor_speaks(aura: Aura, vendors: SpeechServer) -> None:
    acme = await new(aura, "acme")
    _, key = await acme.keys.create("reads", verbs=[Verb.READ])
    reader = aura.workspace_of(await aura.access.authenticate(key))
    for call in (
        reader.voice.transcribe(recording(tone(1.0))),
        reader.voice.synthesize("Hello."),
        reader.voice.voices(),
        reader.voice.process_voice_message(recording(tone(1.0))),
    ):
        with pytest.raises(Denied):
            await call
    assert (await reader.voice.status()).stt.available
    assert vendors.hits == []


async def said(workspace: Workspace, conversation_id: ConversationId) -> str:
    """What a turn of voice gives that claims to go on in a conversation which it may begin."""
    answers = await workspace.spoken_answers(conversation=conversation_id, begins=True)
    assert await answers.cut_off() is None
    ahead = answers.prefetch(QUESTION)
    assert ahead is not None
    answer = await answers.answer(QUESTION, prefetched=ahead)
    assert answer is not None
    text = repr([event async for event in answer.events()])
    await answer.keep()
    return text


async def test_a_conversation_that_may_begin_is_never_one_of_somebody_else(aura: Aura, vendors: SpeechServer) -> None:
    acme, globex = await new(aura, "acme"), await new(aura, "globex")
    await acme.users.add(email=f"b@{acme.organisation.subdomain}.test", password=PASSWORD, role=Role.USER)
    colleague = await aura.workspace(acme.organisation.subdomain, f"b@{acme.organisation.subdomain}.test")
    asked = await acme.ask("Where is zycanary buried?", conversation="new")
    assert asked.conversation_id is not None
    before = (await acme.conversations.history()).items
    assert "zycanary" not in await said(globex, asked.conversation_id)
    with pytest.raises(NotFound):
        await said(colleague, asked.conversation_id)
    assert (await acme.conversations.history()).items == before
    assert [each.role for each in (await globex.conversations.history()).items] == ["assistant", "user"]
    assert (await colleague.conversations.history()).items == ()


async def test_an_answer_is_made_of_what_was_searched_for_ahead(aura: Aura, vendors: SpeechServer) -> None:
    acme = await new(aura, "acme")
    answers = await acme.spoken_answers()
    for ahead_of, used in (("How long does the warranty last", True), ("When does the canteen open", False)):
        ahead = answers.prefetch(ahead_of)
        assert ahead is not None
        found = await ahead.gathered(QUESTION)
        assert (found is not None) is used
        answer = await answers.answer(QUESTION, prefetched=ahead)
        assert answer is not None
        events = [event async for event in answer.events()]
        kept = await answer.keep()
        assert "thirteen months" in kept.text
        assert [citation.filename for citation in kept.citations] == ["handbook.md"]
        if found is not None:
            assert isinstance(events[0], Sources)
            assert events[0].passages == found.context.passages


async def test_an_answer_on_speculation_that_was_in_vain_is_in_the_ledger_and_nowhere_else(
    aura: Aura, vendors: SpeechServer
) -> None:
    acme = await new(aura, "acme")
    answers = await acme.spoken_answers()
    answer = await answers.answer(QUESTION, speculative=True)
    assert answer is not None
    async with aclosing(answer.events()) as events:
        _ = await anext(events)
    async with aura._parts.database.tenant(acme.scope) as session:
        outcomes = await session.scalars(select(usage.c.outcome).where(usage.c.kind == "chat"))
        assert outcomes.all() == ["stopped"]
    assert (await acme.conversations.list()).items == ()
