"""Voice over HTTP: recordings to text, text to speech, a whole turn in one call; what is said where a part is missing."""

from __future__ import annotations

import base64
import io
import wave
from uuid import uuid4

import msgspec
import pytest
import pytest_asyncio
from asgi_support import ask
from server_support import QUESTION, Served, Tenant, bearer, new_tenant

from aura import Aura
from aura.health import Health
from aura.identity import Role
from aura.router.health import HealthBoard
from aura.tenants.organisations import Organisations
from aura.testing.speech import recording, said_in, silence, tone
from aura.voice.parts import VoiceParts, VoiceServices
from aura_server import create_app

pytest.importorskip("av", reason="the extra `voice` is not installed")

SPOKEN = ("question.wav", recording(tone(0.8, level=4_000)))


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def tenant(world: Served) -> Tenant:
    return await new_tenant(world.aura, f"lark{uuid4().hex[:8]}")


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def dumb(world: Served) -> Served:
    """The same platform, where no part of voice is installed."""
    voice = VoiceParts(world.aura.settings, HealthBoard(), given=VoiceServices())
    parts = msgspec.structs.replace(world.aura._parts, voice=voice)
    aura = Aura(parts, Organisations(parts.database, passwords=parts.passwords, clock=parts.clock))
    return Served(aura=aura, app=create_app(aura), acme=world.acme, globex=world.globex)


async def call(world: Served, tenant: Tenant, method: str, path: str, role: Role = Role.USER, **options: object):
    answer = await ask(world.app, method, path, headers=bearer(tenant.tokens[role]), **options)
    return answer.status_code, answer.json()


async def test_the_status_says_who_hears_speaks_and_listens(world: Served, tenant: Tenant) -> None:
    status, said = await call(world, tenant, "GET", "/voice/status")
    assert status == 200
    assert {part: (each["available"], each["provider"]) for part, each in said.items()} == {
        "stt": (True, "scripted"), "tts": (True, "scripted"), "vad": (True, "loudness"),
    }  # fmt: skip
    health = (await ask(world.app, "GET", "/health")).json()
    assert (health["services"]["voice"], health["tenant_services"]["voice_pipeline"]) == ("ok", "ok")


async def test_a_recording_becomes_text_and_silence_none(world: Served, tenant: Tenant) -> None:
    status, said = await call(world, tenant, "POST", "/voice/transcribe", files={"audio": SPOKEN})
    assert (status, said["success"], said["text"], said["duration"]) == (200, True, QUESTION, 0.8)
    quiet = {"audio": ("silence.wav", recording(silence(1.0)))}
    status, said = await call(world, tenant, "POST", "/voice/transcribe", files=quiet, data={"language": "en"})
    assert (status, said["text"], said["language"], said["confidence"]) == (200, "", "en", None)


async def test_what_is_no_recording_is_the_callers_mistake(world: Served, tenant: Tenant) -> None:
    for content in (b"", b"not audio", b"#EXTM3U\n/etc/passwd\n"):
        status, problem = await call(world, tenant, "POST", "/voice/transcribe", files={"audio": ("x.wav", content)})
        assert status == 400
        assert "WAV" in problem["detail"]
    assert (await call(world, tenant, "POST", "/voice/transcribe", data={"language": "en"}))[0] == 400


async def test_a_recording_that_is_too_large_is_refused_before_it_is_read(world: Served, tenant: Tenant) -> None:
    large = {"content-length": str(world.aura.settings.voice_max_bytes * 2), "content-type": "multipart/form-data"}
    for path in ("/voice/transcribe", "/voice/message"):
        headers = bearer(tenant.tokens[Role.USER]) | large
        assert (await ask(world.app, "POST", path, headers=headers, content=b"x")).status_code == 413


async def test_text_becomes_a_wav_file(world: Served, tenant: Tenant) -> None:
    text = "Thirteen months."
    status, said = await call(world, tenant, "POST", "/voice/synthesize", data={"text": text})
    assert (status, said["characters"], said["content_type"]) == (200, len(text), "audio/wav")
    with wave.open(io.BytesIO(base64.b64decode(said["audio"]))) as file:
        assert said_in(file.readframes(file.getnframes())) == text
        assert said["duration"] == pytest.approx(file.getnframes() / file.getframerate())


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": " "}, "text"),
        ({"text": "x" * 5_001}, "text"),
        ({"text": "Hello.", "speed": "9"}, "speed"),
        ({"text": "Hello.", "voice_id": "nobody:deep"}, "voice_id"),
    ],
)
async def test_a_text_or_a_voice_that_can_not_be_is_refused(
    world: Served, tenant: Tenant, fields: dict[str, str], field: str
) -> None:
    status, problem = await call(world, tenant, "POST", "/voice/synthesize", data=fields)
    assert (status, problem["errors"][0]["field"]) == (400, field)


async def test_the_voices_that_are_listed_can_be_asked_for(world: Served, tenant: Tenant) -> None:
    _, listed = await call(world, tenant, "GET", "/voice/voices")
    (voice,) = listed["voices"]
    assert (voice["voice_id"], voice["language"]) == ("scripted:scripted", "en")
    body = {"text": "Hello.", "voice_id": voice["voice_id"]}
    assert (await call(world, tenant, "POST", "/voice/synthesize", data=body))[0] == 200


async def test_the_form_of_a_text_may_be_multipart(world: Served, tenant: Tenant) -> None:
    form = {"text": (None, "Hello."), "speed": (None, "1.5")}
    status, said = await call(world, tenant, "POST", "/voice/synthesize", files=form)
    assert (status, said["characters"]) == (200, 6)
    form = {"text": (None, "Hello."), "speed": (None, "9")}
    status, problem = await call(world, tenant, "POST", "/voice/synthesize", files=form)
    assert (status, problem["errors"][0]["field"]) == (400, "speed")
    status, problem = await call(world, tenant, "POST", "/voice/synthesize", files={"audio": SPOKEN})
    assert (status, problem["errors"][0]["field"]) == (400, "text")


async def test_a_spoken_question_is_answered_aloud_from_the_documents(world: Served, tenant: Tenant) -> None:
    status, turn = await call(world, tenant, "POST", "/voice/message", files={"audio": SPOKEN})
    assert status == 200
    assert turn["transcript"]["text"] == QUESTION
    assert turn["answer"]["sources"] == ["handbook.md"]
    assert "thirteen months" in turn["answer"]["response"]
    assert "[1]" in turn["answer"]["response"]
    assert "[" not in turn["said"]
    with wave.open(io.BytesIO(base64.b64decode(turn["speech"]["audio"]))) as file:
        assert said_in(file.readframes(file.getnframes())) == turn["said"]
    session = turn["answer"]["session_id"]
    again = {"session_id": session}
    _, further = await call(world, tenant, "POST", "/voice/message", files={"audio": SPOKEN}, data=again)
    assert further["answer"]["session_id"] == session
    user = await world.aura.workspace(tenant.name, f"user@{tenant.name}.test")
    assert user.user is not None
    _, history = await call(world, tenant, "GET", f"/chat/history/{user.user.id}", params={"session_id": session})
    assert [each["role"] for each in history["items"]] == ["assistant", "user"] * 2


async def test_a_turn_in_which_nobody_speaks_asks_nothing(world: Served, tenant: Tenant) -> None:
    quiet = {"audio": ("silence.wav", recording(silence(1.0)))}
    status, turn = await call(world, tenant, "POST", "/voice/message", files=quiet)
    assert (status, turn["transcript"]["text"], turn["answer"], turn["speech"]) == (200, "", None, None)


async def test_a_part_that_is_missing_says_the_command_that_installs_it(dumb: Served, tenant: Tenant) -> None:
    status, said = await call(dumb, tenant, "GET", "/voice/status")
    assert status == 200
    assert [each["available"] for each in said.values()] == [False] * 3
    assert said["tts"]["provider"] == "browser"
    assert "apt-get install espeak-ng" in said["tts"]["reason"]
    for path, options in (
        ("/voice/transcribe", {"files": {"audio": SPOKEN}}),
        ("/voice/synthesize", {"data": {"text": "Hello."}}),
        ("/voice/message", {"files": {"audio": SPOKEN}}),
    ):
        status, problem = await call(dumb, tenant, "POST", path, **options)
        assert status == 503, path
        assert "install" in problem["detail"]
    assert (await call(dumb, tenant, "GET", "/voice/voices"))[0] == 503


async def test_voice_that_is_not_installed_is_off_and_no_illness(dumb: Served) -> None:
    health: Health = await dumb.aura.health()
    (voice,) = [part for part in health.parts if part.name == "voice"]
    assert voice.status == "off"
    assert "install" in voice.reason
    assert health.status != "down"


async def test_a_server_without_a_voice_still_answers_what_it_has_heard(world: Served, tenant: Tenant) -> None:
    given = world.aura._parts.voice._given
    assert given is not None
    mute = VoiceServices(transcribers=given.transcribers, activity=given.activity)
    voice = VoiceParts(world.aura.settings, HealthBoard(), given=mute)
    parts = msgspec.structs.replace(world.aura._parts, voice=voice)
    aura = Aura(parts, Organisations(parts.database, passwords=parts.passwords, clock=parts.clock))
    served = Served(aura=aura, app=create_app(aura), acme=world.acme, globex=world.globex)
    status, turn = await call(served, tenant, "POST", "/voice/message", files={"audio": SPOKEN})
    assert (status, turn["speech"]) == (200, None)
    assert "thirteen months" in turn["said"]
