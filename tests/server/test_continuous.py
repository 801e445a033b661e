"""`/api/voice/continuous`: audio in, each sentence of the answer back with its audio and its sources."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import wave
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest_asyncio
from server_support import QUESTION, Served, Tenant, bearer
from voice_support import phrase, talking
from websockets.asyncio.client import ClientConnection, connect

from aura import Aura
from aura.identity import Role


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def url(platform: Aura) -> AsyncIterator[str]:
    async with talking(platform) as address:
        yield f"{address.replace('http', 'ws', 1)}/api/voice/continuous"


async def until(socket: ClientConnection, kind: str) -> list[dict[str, Any]]:
    """The messages up to the next one of `kind`."""
    told: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while not told or told[-1]["type"] != kind:
            told.append(json.loads(await socket.recv()))
    return told


async def say(socket: ClientConnection, **message: object) -> None:
    await socket.send(json.dumps(message))


async def test_audio_goes_in_and_a_sentence_with_audio_and_sources_comes_out(url: str, acme: Tenant) -> None:
    async with connect(url, additional_headers=bearer(acme.keys[Role.USER])) as socket:
        [ready] = await until(socket, "ready")
        assert ready["sample_rate_hz"] == 16_000
        spoken = phrase(0, sample_rate_hz=16_000)
        for at in range(0, len(spoken), 6_400):
            await say(socket, type="audio_chunk", audio=base64.b64encode(spoken[at : at + 6_400]).decode())
        told = await until(socket, "response_done")
    kinds = [message["type"] for message in told]
    assert kinds.index("speech_started") < kinds.index("transcript") < kinds.index("response")
    assert next(each for each in told if each["type"] == "transcript")["text"] == QUESTION
    sentences = [message for message in told if message["type"] == "response"]
    assert acme.canary in "".join(each["text"] for each in sentences)
    assert "handbook.md" in sentences[0]["sources"]
    with wave.open(io.BytesIO(base64.b64decode(sentences[0]["audio"]))) as recording:
        assert recording.getnframes() > 0
    assert told[-1]["status"] == "completed"
    assert told[-1]["citations"][0]["filename"] == "handbook.md"
    assert [each["state"] for each in told if each["type"] == "state"][:2] == ["thinking", "speaking"]


async def test_binary_telephone_audio_typed_text_stop_and_what_was_heard(
    url: str, acme: Tenant, client: httpx.AsyncClient
) -> None:
    async with connect(url) as socket:
        ticket = (await client.post("/api/ticket", headers=bearer(acme.tokens[Role.USER]))).json()["ticket"]
        await say(socket, type="auth", token=ticket)
        await until(socket, "ready")
        await say(socket, type="start", sample_rate_hz=48_000)
        spoken = phrase(1, sample_rate_hz=48_000)
        for at in range(0, len(spoken), 9_601):  # also in the middle of a sample
            await socket.send(spoken[at : at + 9_601])
        assert acme.canary in (await until(socket, "response_done"))[-1]["text"]
        await say(socket, type="text", text=QUESTION)
        told = await until(socket, "response_done")
        await say(socket, type="played", reply=told[-1]["reply"], audio_ms=120)
        await say(socket, type="stop")
        interrupted = (await until(socket, "interrupted"))[-1]
        assert interrupted["full"].startswith(interrupted["spoken"])
        await say(socket, type="ping")
        await until(socket, "pong")
        await say(socket, type="nothing")
        assert (await until(socket, "error"))[-1]["kind"] == "InvalidRequest"


async def test_voice_and_text_are_one_conversation(url: str, client: httpx.AsyncClient, world: Served) -> None:
    me = bearer(world.acme.tokens[Role.USER])
    asked = (await client.post("/chat/", headers=me, json={"message": QUESTION})).json()
    async with connect(f"{url}?conversation={asked['session_id']}", additional_headers=me) as socket:
        [ready] = await until(socket, "ready")
        assert ready["conversation_id"] == asked["session_id"]
        await say(socket, type="text", text="When does the canteen open?")
        await until(socket, "response_done")
    claims = json.loads(base64.urlsafe_b64decode(world.acme.tokens[Role.USER].split(".")[1] + "=="))
    async with asyncio.timeout(60):
        items: list[dict[str, Any]] = []
        while len(items) < 4:
            history = f"/chat/history/{claims['user_id']}?session_id={asked['session_id']}"
            items = (await client.get(history, headers=me)).json()["items"]
    assert [each["role"] for each in items] == ["assistant", "user", "assistant", "user"]
    assert items[1]["text"] == "When does the canteen open?"
