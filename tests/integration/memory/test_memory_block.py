"""A user's memory in LlamaIndex's own: it reads what that user said, and what agents put into it is stored once."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import Memory
from memory_support import Company, derive, known, tell
from sqlalchemy.ext.asyncio import create_async_engine

from aura import Denied, NotFound, Workspace

ASKED = ChatMessage(role="user", content="In which city do I live?")


def turn(asked: str, said: str) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=asked), ChatMessage(role="assistant", content=said)]


async def test_an_agent_is_told_what_its_user_said_and_nobody_elses(ada: Workspace, company: Company) -> None:
    await tell(ada, "I live in the city of Porto.")
    engine = create_async_engine("sqlite+aiosqlite:///:memory:")  # LlamaIndex's own store of the latest messages
    memory = Memory.from_defaults(session_id="one", memory_blocks=[ada.memory_block()], async_engine=engine)
    await memory.aput(ASKED)
    assert "Porto" in str(await memory.aget())
    await engine.dispose()
    assert "Porto" not in str(await company.admin.memory_block().aget([ASKED]))


async def test_what_an_agent_puts_is_stored_once_and_remembered(ada: Workspace) -> None:
    talk = await ada.conversations.start()
    block = ada.memory_block(talk)
    for _ in range(2):  # LlamaIndex may deliver it again
        await block.aput([*turn("I live in the city of Oslo.", "Noted."), *turn("Thanks.", "You are welcome.")])
    said = [message.text for message in await ada.conversations.recent(talk)]
    assert said == ["I live in the city of Oslo.", "Noted.", "Thanks.", "You are welcome."]
    await derive(ada, talk)
    assert "Oslo" in await block.aget([ASKED])


async def test_what_a_model_failed_to_answer_is_stored_with_what_was_asked_next(ada: Workspace) -> None:
    talk = await ada.conversations.start()
    failed = ChatMessage(role="user", content="I live in the city of Oslo.")
    await asyncio.gather(*(ada.memory_block(talk).aput([failed, *turn("Are you there?", "Yes.")]) for _ in range(4)))
    said = [message.text for message in await ada.conversations.recent(talk)]
    assert said == ["I live in the city of Oslo.\nAre you there?", "Yes."]
    await derive(ada, talk)
    assert await known(ada) == ["I live in the city of Oslo"]


async def test_without_a_question_or_a_memory_there_is_nothing(ada: Workspace, company: Company) -> None:
    block = ada.memory_block()
    assert await block.aget([]) == ""
    await block.aput(turn("I live in Rome.", "Noted."))
    assert (await ada.conversations.list()).items == ()
    with pytest.raises(Denied):
        company.programs.memory_block()


async def test_another_users_conversation_is_not_there_to_be_put_into(ada: Workspace, company: Company) -> None:
    talk = await company.admin.conversations.start()
    with pytest.raises(NotFound):
        await ada.memory_block(talk).aput(turn("Planted.", "Noted."))
