"""A voice connection that was lost goes on over another one; settings of secrets, limits, numbers, what was heard."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from server_support import PASSWORD, QUESTION, Served, Tenant, bearer
from voice_support import phrase, talking
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from aura import Aura
from aura.identity import Role
from aura.tenants.values import PlanChanges
from aura.testing.clock import FixedTimer
from aura.testing.speech import LoudnessActivity, ScriptedTranscriber
from aura.testing.voice import ScriptedAnswers
from aura.voice.conversation import Conversation
from aura.voice.options import Ears
from aura.voice.ports import Hints
from aura_server.realtime.opening import Opened
from aura_server.realtime.session import new_session
from aura_server.realtime.socket import RealtimeSocket

SOCKETS = ("/v1/realtime", "/api/voice/continuous")
SETTINGS: dict[str, Any] = {
    "output_modalities": ["text"],
    "audio": {"output": {"speed": 1.25}},
    "aura": {"events": ["resume", "state"]},
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(platform: Aura) -> AsyncIterator[str]:
    async with talking(platform) as address:
        yield address.replace("http", "ws", 1)


async def until(socket: ClientConnection, *kinds: str) -> dict[str, Any]:
    """The next event of one of `kinds`."""
    async with asyncio.timeout(60):
        while True:
            told = await socket.recv()
            if isinstance(told, str) and json.loads(told)["type"] in kinds:
                return json.loads(told)


async def say(socket: ClientConnection, **message: object) -> None:
    await socket.send(json.dumps(message))


async def ask(socket: ClientConnection, text: str) -> dict[str, Any]:
    """The end of the response to a typed question, over the Realtime protocol."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await say(socket, type="conversation.item.create", item=item)
    await say(socket, type="response.create")
    return (await until(socket, "response.done"))["response"]


async def refusal(url: str, headers: dict[str, str]) -> str:
    """What a socket is told that is closed with 1008."""
    async with connect(url, additional_headers=headers) as socket:
        told = json.loads(await socket.recv())
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
    return told.get("message") or told["error"]["message"]


async def test_a_realtime_session_goes_on_with_its_conversation_and_settings(
    address: str, acme: Tenant, client: httpx.AsyncClient
) -> None:
    url, me = f"{address}/v1/realtime", bearer(acme.tokens[Role.USER])
    async with connect(url, additional_headers=me) as socket:
        first = (await until(socket, "session.created"))["session"]
        await say(socket, type="session.update", session={"type": "realtime", **SETTINGS})
        how = await until(socket, "aura.resume")
        assert (how["expires_in_seconds"], how["resumed"]) == (30, False)
        done = await ask(socket, QUESTION)
        socket.transport.abort()
    async with connect(f"{url}?resume={how['token']}", additional_headers=me) as socket:
        again = (await until(socket, "session.created"))["session"]
        assert again["id"] == first["id"]
        assert again["output_modalities"] == ["text"]
        assert again["audio"]["output"]["speed"] == 1.25
        told = await until(socket, "aura.resume")  # without asking for it again
        assert told["resumed"]
        assert told["token"] != how["token"]
        more = await ask(socket, "When does the canteen open?")
        assert more["conversation_id"] == done["conversation_id"]
    session_id = done["conversation_id"].removeprefix("conv_")
    items = (await client.get(f"/chat/history/{_user_id(acme)}?session_id={session_id}", headers=me)).json()["items"]
    assert [each["text"] for each in items if each["role"] == "user"] == ["When does the canteen open?", QUESTION]


async def test_a_continuous_session_goes_on_and_so_does_one_that_nothing_was_said_in(
    address: str, acme: Tenant
) -> None:
    url, me = f"{address}/api/voice/continuous", bearer(acme.tokens[Role.USER])
    async with connect(url, additional_headers=me) as socket:
        first = await until(socket, "ready")
        assert (first["resume_seconds"], first["resumed"]) == (30, False)
        await say(socket, type="start", sample_rate_hz=48_000, voice_id="scripted")
        await say(socket, type="start", sample_rate_hz=1)
        await until(socket, "error")  # and what can not be used is not what it goes on with
        await say(socket, type="ping")
        await until(socket, "pong")
    async with connect(f"{url}?resume={first['resume_token']}", additional_headers=me) as socket:
        second = await until(socket, "ready")
        assert second["resumed"]
        assert second["sample_rate_hz"] == 48_000
        assert second["conversation_id"] == first["conversation_id"]
        await socket.send(phrase(0, sample_rate_hz=48_000))
        assert acme.canary in (await until(socket, "response_done"))["text"]


async def test_a_token_that_was_used_is_somebody_elses_or_of_another_socket_is_refused_alike(
    address: str, world: Served
) -> None:
    told = set[str]()
    me, other = bearer(world.acme.tokens[Role.USER]), bearer(world.globex.tokens[Role.USER])
    colleague = bearer(world.acme.tokens[Role.MANAGER])
    tokens: list[str] = []
    for path in SOCKETS:
        async with connect(f"{address}{path}", additional_headers=me) as socket:
            if path == "/v1/realtime":
                await say(socket, type="session.update", session={"type": "realtime", **SETTINGS})
                tokens.append((await until(socket, "aura.resume"))["token"])
            else:
                tokens.append((await until(socket, "ready"))["resume_token"])
    for path, token, foreign in zip(SOCKETS, tokens, reversed(tokens), strict=True):
        for headers, shown in ((other, token), (colleague, token), (me, foreign), (me, "aura_rv_never")):
            told.add(await refusal(f"{address}{path}?resume={shown}", headers))
        async with connect(f"{address}{path}?resume={token}", additional_headers=me) as socket:
            await until(socket, "session.created", "ready")
        told.add(await refusal(f"{address}{path}?resume={token}", me))
    assert len(told) == 1


async def test_a_secret_brings_the_settings_of_the_session_that_it_opens(
    address: str, acme: Tenant, client: httpx.AsyncClient
) -> None:
    me = bearer(acme.tokens[Role.USER])
    body = {"session": {"type": "realtime", **SETTINGS}}
    made = (await client.post("/v1/realtime/client_secrets", headers=me, json=body)).json()
    offers = ["realtime", f"openai-insecure-api-key.{made['value']}"]
    async with connect(f"{address}/v1/realtime?model=aura", subprotocols=offers) as socket:  # pyright: ignore[reportArgumentType]
        session = (await until(socket, "session.created"))["session"]
        assert session["output_modalities"] == made["session"]["output_modalities"] == ["text"]
        assert session["audio"]["output"]["speed"] == 1.25
        await until(socket, "aura.resume")
        done = await ask(socket, QUESTION)
        assert done["output"][0]["content"][0]["type"] == "output_text"
    for nonsense in ({"instructions": "a\0b"}, {"instructions": "x" * 100_000}):
        refused = await client.post("/v1/realtime/client_secrets", headers=me, json={"session": nonsense})
        assert refused.status_code == 400
        async with connect(f"{address}/v1/realtime", additional_headers=me) as socket:
            await say(socket, type="session.update", session={"type": "realtime", **nonsense})
            assert (await until(socket, "error"))["error"]["param"] == "session"
    bad = await client.post(
        "/v1/realtime/client_secrets", headers=me, json={"session": {"output_modalities": ["smell"]}}
    )
    assert bad.status_code == 400


async def test_audio_goes_both_ways_in_binary_where_that_was_asked_for(address: str, acme: Tenant) -> None:
    async with connect(f"{address}/v1/realtime", additional_headers=bearer(acme.keys[Role.USER])) as socket:
        await until(socket, "session.created")
        await socket.send(b"\x00\x00")
        assert (await until(socket, "error"))["error"]["param"] == "event"
        await say(socket, type="session.update", session={"type": "realtime", "aura": {"binary": True}})
        await until(socket, "session.updated")
        await socket.send(phrase(0))
        audio, item_id, told = b"", "", []
        async with asyncio.timeout(60):
            while not told or told[-1]["type"] != "response.done":
                message = await socket.recv()
                if isinstance(message, bytes):
                    item_id = message[1 : 1 + message[0]].decode()
                    audio += message[1 + message[0] :]
                else:
                    told.append(json.loads(message))
    assert not [each for each in told if each["type"] == "response.output_audio.delta"]
    assert told[-1]["response"]["output"][0]["id"] == item_id
    assert len(audio) > 24_000 * 2 * 0.01 * 20  # twenty characters of a hundredth of a second


async def test_the_history_has_what_was_heard_and_how_much_of_the_speech_was_played(
    address: str, acme: Tenant, client: httpx.AsyncClient
) -> None:
    me = bearer(acme.tokens[Role.USER])
    async with connect(f"{address}/v1/realtime", additional_headers=me) as socket:
        done = await ask(socket, QUESTION)
        item = done["output"][0]
        full = item["content"][0]["transcript"]
        spoken = 10 * len("The warranty")
        await say(socket, type="conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=spoken)
        await until(socket, "conversation.item.truncated")
        more = await ask(socket, "When does the canteen open?")
        await say(socket, type="ping")  # which is no event: its error is behind what was played
        await asyncio.sleep(0)
        await until(socket, "error")
    session_id = done["conversation_id"].removeprefix("conv_")
    path = f"/chat/history/{_user_id(acme)}?session_id={session_id}"
    async with asyncio.timeout(60):  # the last one is written when the connection has ended
        items: list[dict[str, Any]] = [{}]
        while not items[0].get("heard"):
            items = (await client.get(path, headers=me)).json()["items"]
    assert items[2]["heard"] == {"spoken": "The warranty", "full": full, "interrupted": True, "audio_ms": spoken}
    assert items[2]["text"] == "The warranty"
    assert items[0]["heard"]["full"] == more["output"][0]["content"][0]["transcript"]
    assert items[1]["heard"] is None
    exported = (await client.get(f"/conversations/{session_id}/export", headers=me)).text.splitlines()
    assert [json.loads(line).get("audio_ms") for line in exported] == [
        None,
        None,
        spoken,
        None,
        items[0]["heard"]["audio_ms"],
    ]


async def test_go_on_continues_from_the_cut_of_the_connection_before(address: str, acme: Tenant) -> None:
    url, me = f"{address}/api/voice/continuous", bearer(acme.tokens[Role.USER])
    async with connect(url, additional_headers=me) as socket:
        token = (await until(socket, "ready"))["resume_token"]
        await say(socket, type="text", text=QUESTION)
        first = await until(socket, "response_done")
        await say(socket, type="played", reply=first["reply"], audio_ms=10 * len("The warranty"))
        await say(socket, type="stop")
        cut = await until(socket, "interrupted")
        assert 0 < len(cut["spoken"]) < len(cut["full"])
    async with connect(f"{url}?resume={token}", additional_headers=me) as socket:
        await until(socket, "ready")
        await say(socket, type="text", text="Go on.")
        rest = await until(socket, "response")
        assert (cut["spoken"] + rest["text"]).split() == cut["full"].split()
        done = await until(socket, "response_done")
        assert done["message_id"] is not None


async def test_limits_of_voice_are_those_of_the_organisation_and_stand_in_its_usage(
    address: str, platform: Aura, client: httpx.AsyncClient
) -> None:
    programs = await platform.tenants.create(
        organization_name="Small",
        subdomain="smallvoice",
        admin_email="admin@smallvoice.test",
        password=PASSWORD,
        plan=PlanChanges(max_voice_sessions=1, max_voice_minutes_monthly=1),
    )
    member = await platform.workspace("smallvoice", "admin@smallvoice.test")
    assert member.user is not None
    me = bearer((await platform.access.open_session(programs.organisation, member.user)).access_token)
    url = f"{address}/api/voice/continuous"
    async with connect(url, additional_headers=me) as socket:
        await until(socket, "ready")
        assert "hold 1 conversations by voice at once" in await refusal(url, me)
        limits = {each["limit"]: each for each in (await client.get("/tenant/usage", headers=me)).json()["limits"]}
        assert (limits["max_voice_sessions"]["used"], limits["max_voice_sessions"]["remaining"]) == (1, 0)
        assert limits["voice_seconds_monthly"]["maximum"] == 60
        assert 0 < limits["voice_seconds_monthly"]["used"] <= 20
        assert limits["voice_seconds_monthly"]["renews_at"] is not None
    shown = (await client.get("/tenant", headers=me)).json()
    assert (shown["max_voice_sessions"], shown["max_voice_minutes_monthly"]) == (1, 1)
    await platform.tenants.set_plan(programs.organisation.id, PlanChanges(max_voice_minutes_monthly=0))
    async with asyncio.timeout(60):
        while "at once" in (told := await refusal(url, me)):  # noqa: ASYNC110  # the one before is just ending
            await asyncio.sleep(0.01)
    assert "0 minutes a month, and 0 are left" in told


async def test_the_dashboard_shows_the_stages_of_turns_to_whose_they_are(
    address: str, world: Served, client: httpx.AsyncClient
) -> None:
    async def shown(tenant: Tenant) -> dict[str, Any]:
        found = await client.get("/admin/dashboard", headers=bearer(tenant.tokens[Role.ADMIN]))
        return found.json()["voice"]

    before = {tenant.name: (await shown(tenant))["turns"] for tenant in (world.acme, world.globex)}
    async with connect(f"{address}/v1/realtime", additional_headers=bearer(world.acme.tokens[Role.USER])) as socket:
        await until(socket, "session.created")
        for at in range(0, len(spoken := phrase(0)), 9_600):
            audio = base64.b64encode(spoken[at : at + 9_600]).decode()
            await say(socket, type="input_audio_buffer.append", audio=audio)
        await until(socket, "response.done")
    async with asyncio.timeout(60):
        while (voice := await shown(world.acme))["turns"] == before[world.acme.name]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    for stage in ("endpoint", "transcript", "retrieval", "first_token", "first_sentence", "first_audio"):
        assert voice["stages"][stage]["p95"] >= voice["stages"][stage]["p50"] >= 0
    assert voice["prefetched"] == voice["prefetches_used"] + voice["prefetches_dropped"]
    assert (await shown(world.globex))["turns"] == before[world.globex.name]


class Stalled:
    """A socket whose client is there, and takes nothing."""

    async def send_text(self, message: str) -> None:
        await asyncio.Event().wait()

    async def receive(self) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}


async def test_a_client_that_takes_nothing_is_given_up_and_its_place_is_free_again(
    platform: Aura, acme: Tenant
) -> None:
    workspace = await platform.workspace(acme.name, f"{Role.MANAGER}@{acme.name}.test")
    sessions, timer = workspace.voice_sessions("realtime"), FixedTimer()
    ears = Ears(transcriber=ScriptedTranscriber(timer=timer), activity=LoudnessActivity())
    session = await sessions.open(None, {"session": new_session("sess_stalled", "aura")})
    opened = Opened(
        conversation=Conversation(ears, ScriptedAnswers(timer=timer), timer=timer),
        session=session,
        conversation_id=None,
        hints=Hints(),
        rate_hz=16_000,
        resumed=False,
    )
    async with asyncio.timeout(60):
        await RealtimeSocket(Stalled(), opened, send_seconds=0.05).run()  # pyright: ignore[reportArgumentType]
    assert (await sessions.resume(session.token)).state.id == session.state.id
    assert opened.conversation.tasks == 0


def _user_id(tenant: Tenant) -> str:
    claims = tenant.tokens[Role.USER].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=="))["user_id"]
