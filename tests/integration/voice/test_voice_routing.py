"""A conversation by voice over a router whose model does not answer: interrupted before the first token."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select

from aura import Aura, Settings
from aura.database.embedded import EmbeddedServer
from aura.database.tables import usage
from aura.testing.embeddings import HashEmbedding
from aura.testing.fault_server import FaultServer
from aura.testing.speech import LoudnessActivity, ScriptedTranscriber
from aura.voice.conversation import Conversation
from aura.voice.events import Fault, ReplyEnded, State, TalkEvent
from aura.voice.options import Ears

pytest.importorskip("openai", reason="the extra `openai` is not installed")

PASSWORD = "correct horse battery staple"
QUESTION = "How long does the warranty last?"


async def test_an_interruption_while_a_model_is_chosen_and_asked_closes_its_call_and_keeps_the_question(
    data_dir: Path, server: EmbeddedServer
) -> None:
    told: list[TalkEvent] = []
    async with FaultServer() as models:
        settings = Settings.load(
            data_dir=data_dir, openai_api_key="sk-platform", openai_api_url=models.url, fast_model="hang"
        )
        async with Aura.open(settings, embed_model=HashEmbedding(), recover=False) as aura:
            subdomain = f"route{uuid4().hex[:8]}"
            await aura.tenants.create(
                organization_name="Route", subdomain=subdomain, admin_email=f"a@{subdomain}.test", password=PASSWORD
            )
            workspace = await aura.workspace(subdomain, f"a@{subdomain}.test")
            handbook = b"# Warranty\n\nThe warranty lasts thirteen months.\n"
            _ = [step async for step in workspace.documents.ingest(handbook, filename="handbook.md")]
            answers = await workspace.spoken_answers()
            ears = Ears(transcriber=ScriptedTranscriber(), activity=LoudnessActivity())
            conversation = Conversation(ears, answers)

            async def write() -> None:
                async for event in conversation.events():
                    told.append(event)

            async with conversation:
                writing = asyncio.create_task(write())
                before = conversation.tasks
                conversation.say(QUESTION)
                async with asyncio.timeout(60):
                    while not models.hits:  # noqa: ASYNC110  # the server has no event for it
                        await asyncio.sleep(0.01)
                    assert conversation.state is State.THINKING
                    assert conversation.cancel()
                    await models.hits[0].left.wait()
                    while conversation.tasks > before:  # noqa: ASYNC110  # tasks have no event for all
                        await asyncio.sleep(0.01)
                assert conversation.state is State.LISTENING
            await writing
            assert [(event.status, event.reason) for event in told if isinstance(event, ReplyEnded)] == [
                ("cancelled", "client_cancelled")
            ]
            assert not [event for event in told if isinstance(event, Fault)]
            history = (await workspace.conversations.history()).items
            assert [(each.role, each.text) for each in history] == [("assistant", ""), ("user", QUESTION)]
            async with aura._parts.database.tenant(workspace.scope) as session:
                rows = await session.execute(select(usage.c.outcome, usage.c.model).where(usage.c.kind == "chat"))
                assert [tuple(row) for row in rows] == [("cancelled", "hang")]
