"""`/v1/realtime`: OpenAI's stock client talks to the assistant; the events come in the documented order."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from server_support import QUESTION, Served, Tenant, bearer
from voice_support import PHRASES, phrase, talking
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from aura import Aura
from aura.identity import Role
from aura.voice.conversation import Conversation
from aura.voice.ear import Ear
from aura_server.realtime.socket import RealtimeSocket

FIXED = {"type": "server_vad", "silence_duration_ms": 300}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(platform: Aura) -> AsyncIterator[str]:
    async with talking(platform) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="session")
async def openai(address: str, acme: Tenant) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{address}/v1", api_key=acme.keys[Role.USER]) as client:
        yield client


async def until(connection: AsyncRealtimeConnection, name: str) -> list[Any]:
    """The events up to the next one called `name`."""
    told: list[Any] = []
    async with asyncio.timeout(60):
        while not told or told[-1].type != name:
            told.append(await connection.recv())
    return told


async def speak(connection: AsyncRealtimeConnection, pcm: bytes, *, step: int = 9_600) -> None:
    for at in range(0, len(pcm), step):
        await connection.input_audio_buffer.append(audio=base64.b64encode(pcm[at : at + step]).decode())


def of(told: list[Any], name: str) -> list[Any]:
    return [event for event in told if event.type == name]


async def test_the_stock_client_asks_by_voice_and_hears_the_cited_answer(openai: AsyncOpenAI, acme: Tenant) -> None:
    async with openai.realtime.connect(model="aura") as connection:
        [created] = await until(connection, "session.created")
        assert created.session.type == "realtime"
        await connection.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": FIXED}}})
        [updated] = await until(connection, "session.updated")
        assert updated.session.audio.input.turn_detection.silence_duration_ms == 300
        await speak(connection, phrase(0))
        told = await until(connection, "response.done")
    assert [name for n, name in enumerate(names(told)) if n == 0 or names(told)[n - 1] != name] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert of(told, "conversation.item.input_audio_transcription.completed")[0].transcript == QUESTION
    done = told[-1].response
    assert done.status == "completed"
    assert acme.canary in done.output[0].content[0].transcript
    said = "".join(event.delta for event in of(told, "response.output_audio_transcript.delta"))
    assert said == done.output[0].content[0].transcript
    assert of(told, "response.output_audio.delta")
    assert done.conversation_id.startswith("conv_")
    user, _, _, answer = [
        event for event in told if event.type in ("conversation.item.added", "conversation.item.done")
    ]
    assert answer.type == "conversation.item.done"
    assert answer.previous_item_id == user.item.id  # it does not move to the front of a client's history


def names(told: list[Any]) -> list[str]:
    return [event.type for event in told]


async def test_typed_text_is_answered_and_the_history_is_that_of_chat(
    openai: AsyncOpenAI, client: httpx.AsyncClient, acme: Tenant
) -> None:
    async with openai.realtime.connect(model="aura") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": QUESTION}]}
        await connection.conversation.item.create(item=item)  # pyright: ignore[reportArgumentType]
        await connection.response.create()
        told = await until(connection, "response.done")
        text = of(told, "response.output_text.done")[0].text
        assert acme.canary in text
        assert not of(told, "response.output_audio.delta")
        conversation_id = told[-1].response.conversation_id.removeprefix("conv_")
        user_item = of(told, "conversation.item.added")[0].item
        await connection.conversation.item.retrieve(item_id=user_item.id)
        [retrieved] = await until(connection, "conversation.item.retrieved")
        assert retrieved.item.content[0].text == QUESTION
        await connection.conversation.item.delete(item_id=user_item.id)
        await until(connection, "conversation.item.deleted")
    me = bearer(acme.tokens[Role.USER])
    page = (await client.get(f"/chat/history/{_user_id(acme)}?session_id={conversation_id}", headers=me)).json()
    assert [(each["role"], each["text"]) for each in page["items"]] == [("assistant", text), ("user", QUESTION)]


def _user_id(tenant: Tenant) -> str:
    claims = tenant.tokens[Role.USER].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=="))["user_id"]


async def test_push_to_talk_commits_and_asks_for_its_response(openai: AsyncOpenAI, acme: Tenant) -> None:
    async with openai.realtime.connect(model="aura") as connection:
        await connection.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})  # pyright: ignore
        await until(connection, "session.updated")
        await connection.input_audio_buffer.commit()
        [empty] = await until(connection, "error")
        assert empty.error.param == "audio"
        await speak(connection, phrase(1))
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        told = await until(connection, "response.done")
        assert not of(told, "input_audio_buffer.speech_started")
        assert of(told, "conversation.item.input_audio_transcription.completed")[0].transcript == PHRASES[1]
        assert acme.canary in told[-1].response.output[0].content[0].transcript


async def test_cancelling_nothing_and_what_can_not_be_used_are_soft_errors(openai: AsyncOpenAI) -> None:
    async with openai.realtime.connect(model="aura") as connection:
        await until(connection, "session.created")
        await connection.response.cancel(event_id="mine")
        [soft] = await until(connection, "error")
        assert (soft.error.code, soft.error.event_id) == ("response_cancel_not_active", "mine")
        await connection.send({"type": "no.such.event"})  # pyright: ignore[reportArgumentType]
        assert (await until(connection, "error"))[0].error.type == "invalid_request_error"
        await connection.input_audio_buffer.append(audio="!")
        assert (await until(connection, "error"))[0].error.param == "audio"
        await connection.session.update(session={"type": "realtime", "tools": [{"type": "function", "name": "f"}]})  # pyright: ignore
        assert (await until(connection, "error"))[0].error.param == "session.tools"
        deep = "[" * 5_000 + "]" * 5_000
        await connection.send_raw(f'{{"type": "session.update", "session": {{"type": "realtime", "x": {deep}}}}}')
        assert (await until(connection, "error"))[0].error.param == "event"
        await connection.conversation.item.retrieve(item_id="item_nobody")
        assert (await until(connection, "error"))[0].error.code == "NotFound"
        await connection.input_audio_buffer.clear()
        await until(connection, "input_audio_buffer.cleared")


async def test_an_interrupted_answer_is_kept_as_it_was_heard(
    openai: AsyncOpenAI, client: httpx.AsyncClient, acme: Tenant
) -> None:
    async with openai.realtime.connect(model="aura") as connection:
        await until(connection, "session.created")
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": QUESTION}]}
        await connection.conversation.item.create(item=item)  # pyright: ignore[reportArgumentType]
        await connection.response.create()
        told = await until(connection, "response.done")
        response = told[-1].response
        full = response.output[0].content[0].transcript
        await connection.conversation.item.truncate(
            item_id=response.output[0].id, content_index=0, audio_end_ms=10 * len("The warranty")
        )
        [truncated] = await until(connection, "conversation.item.truncated")
        assert truncated.audio_end_ms == 120
        await connection.conversation.item.truncate(item_id=response.output[0].id, content_index=0, audio_end_ms=10**6)
        [clamped] = await until(connection, "conversation.item.truncated")
        assert clamped.audio_end_ms < 10 * len(full) + 500
        await connection.conversation.item.truncate(
            item_id=response.output[0].id, content_index=0, audio_end_ms=10 * len("The warranty")
        )
        await until(connection, "conversation.item.truncated")
        conversation_id = response.conversation_id.removeprefix("conv_")
    me = bearer(acme.tokens[Role.USER])
    url, kept = f"/chat/history/{_user_id(acme)}?session_id={conversation_id}", ""
    async with asyncio.timeout(60):  # it is written behind the event
        while kept != "The warranty":
            kept = (await client.get(url, headers=me)).json()["items"][0]["text"]


async def test_a_browser_opens_it_with_a_secret_by_its_sub_protocol_once(
    address: str, client: httpx.AsyncClient, acme: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    made = await client.post("/v1/realtime/client_secrets", headers=bearer(acme.tokens[Role.USER]), json={})
    assert made.status_code == 200
    secret = made.json()["value"]
    url = f"{address.replace('http', 'ws', 1)}/v1/realtime?model=aura"
    offers = ["realtime", f"openai-insecure-api-key.{secret}"]
    with caplog.at_level("DEBUG", logger="aura_server"):
        async with connect(url, subprotocols=offers, origin=address) as socket:  # pyright: ignore[reportArgumentType]
            assert socket.subprotocol == "realtime"
            assert json.loads(await socket.recv())["type"] == "session.created"
        assert secret not in caplog.text
    async with connect(url, subprotocols=offers) as socket:  # pyright: ignore[reportArgumentType]
        assert json.loads(await socket.recv())["error"]["code"] == "invalid_api_key"
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


async def test_pages_of_other_sites_and_strangers_are_refused(address: str, acme: Tenant) -> None:
    url = f"{address.replace('http', 'ws', 1)}/v1/realtime"
    for headers, origin in (
        (bearer(acme.keys[Role.USER]), "https://evil.test"),
        (bearer("aura_sk_none"), None),
        ({}, None),
    ):
        async with connect(url, additional_headers=headers, origin=origin) as socket:  # pyright: ignore[reportArgumentType]
            assert json.loads(await socket.recv())["type"] == "error"
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008


async def test_two_organisations_talk_at_once_and_nothing_crosses(address: str, world: Served) -> None:
    async def asked(tenant: Tenant) -> str:
        async with (
            AsyncOpenAI(base_url=f"{address}/v1", api_key=tenant.keys[Role.USER]) as client,
            client.realtime.connect(model="aura") as connection,
        ):
            heard = ""
            for n in (0, 1, 3):
                await speak(connection, phrase(n))
                told = await until(connection, "response.done")
                heard += repr(told)
            return heard

    acme, globex = await asyncio.gather(asked(world.acme), asked(world.globex))
    for mine, other, heard in ((world.acme, world.globex, acme), (world.globex, world.acme, globex)):
        assert mine.canary in heard
        assert other.canary not in heard
        assert other.private_canary not in heard


async def test_a_conversation_of_somebody_else_is_as_one_that_is_not_there(address: str, world: Served) -> None:
    theirs = await (
        await world.aura.workspace(world.globex.name, f"user@{world.globex.name}.test")
    ).conversations.start()
    mine = bearer(world.acme.keys[Role.USER])
    told = set[str]()
    for conversation in (theirs, "0b7e2f4c-6a1d-4f3e-9c58-2d1a7e90b645"):
        for path in ("/v1/realtime", "/api/voice/continuous"):
            url = f"{address.replace('http', 'ws', 1)}{path}?conversation={conversation}"
            async with connect(url, additional_headers=mine) as socket:
                first = json.loads(await socket.recv())
                told.add(first.get("message") or first["error"]["message"])
    assert len(told) == 1


async def test_200_connections_that_are_cut_leave_nothing_behind(address: str, acme: Tenant) -> None:
    url = f"{address.replace('http', 'ws', 1)}/v1/realtime"
    audio = json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(phrase(0)[:28_800]).decode()})

    async def cut() -> None:
        async with connect(url, additional_headers=bearer(acme.keys[Role.USER])) as socket:
            await socket.recv()
            await socket.send(audio)
            socket.transport.abort()

    for _ in range(5):  # until pools, caches and allocators have what they keep
        await asyncio.gather(*(cut() for _ in range(10)))
    async with asyncio.timeout(60):
        await _settled()
    before, threads, resident = len(asyncio.all_tasks()), threading.active_count(), _resident()
    for _ in range(20):
        await asyncio.gather(*(cut() for _ in range(10)))
    async with asyncio.timeout(60):
        await _settled()
        while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110  # tasks have no event for all
            await asyncio.sleep(0.02)
    assert threading.active_count() <= threads
    assert _resident() < resident * 1.05
    assert not any(isinstance(each, Conversation | RealtimeSocket | Ear) for each in gc.get_objects())


def _resident() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


async def _settled() -> None:
    count = -1
    while count != (count := len(asyncio.all_tasks())):  # noqa: ASYNC110  # tasks have no event for all
        await asyncio.sleep(0.05)
