"""ElevenLabs and OpenAI, over real sockets, against a server that fails in each way that they have documented."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import pytest
from test_voice_chains import Books

from aura.errors import InvalidRequest, Unavailable
from aura.router.faults import FaultKind
from aura.router.health import HealthBoard
from aura.testing.speech import collected, said_in, texts_of, tone
from aura.testing.speech_server import CHARACTER_SECONDS, CLOSES, REFUSALS, STREAMS, SpeechServer
from aura.voice.adapters.elevenlabs import ElevenLabs
from aura.voice.adapters.openai import OpenAISynthesizer, OpenAITranscriber
from aura.voice.attempts import Ledgered, route_to
from aura.voice.chains import SynthesizerChain
from aura.voice.errors import SpeechFault
from aura.voice.ports import Audio, Hints, Manner, Speech

pytest.importorskip("elevenlabs", reason="the extra `elevenlabs` is not installed")
pytest.importorskip("openai", reason="the extra `openai` is not installed")

TEXT = "The warranty lasts thirteen months, and it begins on the day of delivery."
KEY = "sk_secret_of_this_test"


@pytest.fixture
async def server() -> AsyncIterator[SpeechServer]:
    async with SpeechServer() as server:
        yield server


@pytest.fixture
async def mouth(server: SpeechServer) -> AsyncIterator[ElevenLabs]:
    mouth = ElevenLabs(
        KEY, "eleven_flash_v2_5", voice_id="rachel", address=server.url, stall_seconds=0.4, keep_alive_seconds=0.1
    )
    yield mouth
    await mouth.close()


@pytest.fixture
async def openai_mouth(server: SpeechServer) -> AsyncIterator[OpenAISynthesizer]:
    mouth = OpenAISynthesizer(KEY, "tts-1", address=f"{server.url}/v1")
    yield mouth
    await mouth.close()


def heard(pieces: list[Speech]) -> str:
    return said_in(b"".join(piece.pcm for piece in pieces), character_seconds=CHARACTER_SECONDS)


def times(pieces: list[Speech]) -> list[tuple[int, float]]:
    return [(span.start, round(span.start_seconds, 3)) for piece in pieces for span in piece.spans]


async def fault_of(speech: AsyncGenerator[Speech]) -> FaultKind:
    with pytest.raises(SpeechFault) as raised:
        await collected(speech)
    assert KEY not in str(raised.value)
    assert "warranty" not in str(raised.value)
    return raised.value.fault.kind


# -- ElevenLabs over HTTP ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("relative", [True, False], ids=["times of the piece", "times of the speech"])
async def test_what_is_whole_is_spoken_by_http_with_the_time_of_each_character(
    server: SpeechServer, mouth: ElevenLabs, relative: bool
) -> None:
    server.relative = relative
    pieces = await collected(mouth.speak(TEXT, Manner(language="en-US", speed=1.1)))
    assert heard(pieces) == TEXT
    assert times(pieces) == [(n, round(n * CHARACTER_SECONDS, 3)) for n in range(len(TEXT))]
    (hit,) = server.hits
    assert hit.headers["xi-api-key"] == KEY
    assert hit.query == "output_format=pcm_24000"
    assert hit.fields["model_id"] == "eleven_flash_v2_5"
    assert (hit.fields["language_code"], hit.fields["voice_settings"]["speed"]) == ("en", 1.1)


async def test_the_voices_are_asked_for_once(server: SpeechServer, mouth: ElevenLabs) -> None:
    (voice,) = await mouth.voices()
    assert (voice.voice_id, voice.name, voice.language) == ("rachel", "Rachel", "en")
    await mouth.voices()
    assert len(server.hits) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("400", FaultKind.REQUEST),
        ("401", FaultKind.CREDENTIAL),
        ("quota", FaultKind.CREDENTIAL),
        ("404", FaultKind.NO_SUCH_MODEL),
        ("422", FaultKind.REQUEST),
        ("429", FaultKind.RATE_LIMITED),
        ("busy", FaultKind.RATE_LIMITED),
        ("500", FaultKind.SERVER),
        ("503", FaultKind.SERVER),
        ("empty", FaultKind.EMPTY),
        ("cut", FaultKind.CUT),
        ("reset", FaultKind.BROKEN),
    ],
)
async def test_every_failure_over_http_has_its_name_and_is_not_tried_again(
    server: SpeechServer, mouth: ElevenLabs, fault: str, kind: FaultKind
) -> None:
    server.fault = fault
    assert await fault_of(mouth.speak(TEXT)) is kind
    assert len(server.hits) == 1


async def test_a_rate_limit_says_how_long_it_lasts(server: SpeechServer, mouth: ElevenLabs) -> None:
    server.fault = "429"
    with pytest.raises(SpeechFault) as raised:
        await collected(mouth.speak(TEXT))
    assert raised.value.fault.retry_after_seconds == 7.0


async def test_a_voice_that_is_not_there_is_the_callers_mistake(server: SpeechServer, mouth: ElevenLabs) -> None:
    server.fault = "voice"
    with pytest.raises(InvalidRequest) as raised:
        await collected(mouth.speak(TEXT, Manner(voice_id="nobody")))
    assert raised.value.field == "voice_id"
    server.fault = "close-voice"
    with pytest.raises(InvalidRequest):
        await collected(mouth.speak_stream(texts_of(TEXT), Manner(voice_id="nobody")))


async def test_an_address_where_nobody_listens_is_a_lost_connection(server: SpeechServer) -> None:
    mouth = ElevenLabs(KEY, "eleven_flash_v2_5", voice_id="rachel", address="http://127.0.0.1:9", stall_seconds=1.0)
    assert await fault_of(mouth.speak(TEXT)) is FaultKind.CONNECT
    assert await fault_of(mouth.speak_stream(texts_of(TEXT))) in (FaultKind.CONNECT, FaultKind.BROKEN)
    await mouth.close()


# -- ElevenLabs over its socket ----------------------------------------------------------------------------------------


async def test_a_reply_is_one_context_whose_first_sentence_is_flushed(server: SpeechServer, mouth: ElevenLabs) -> None:
    texts = ("It lasts. ", TEXT + " ", "Really.")
    pieces = await collected(mouth.speak_stream(texts_of(*texts)))
    whole = "".join(texts)
    assert heard(pieces).split() == whole.split()
    told = dict(times(pieces))
    assert set(range(len(whole))) - told.keys() <= {n for n, each in enumerate(whole) if each == " "}
    assert sorted(told.values()) == list(told.values())
    (hit,) = server.hits
    assert hit.path == "/v1/text-to-speech/rachel/multi-stream-input"
    assert "output_format=pcm_24000" in hit.query
    assert KEY not in hit.query
    assert len({message["context_id"] for message in hit.messages}) == 1
    spoken = [message for message in hit.messages if (message.get("text") or "").strip()]
    assert [bool(message.get("flush")) for message in spoken] == [True, False, False]
    assert hit.messages[-1]["close_context"] is True


async def test_the_times_of_a_reply_are_those_of_its_samples(mouth: ElevenLabs) -> None:
    pieces = await collected(mouth.speak_stream(texts_of("It lasts. ", "Thirteen months.")))
    pcm = b"".join(piece.pcm for piece in pieces)
    samples_per_second = pieces[0].sample_rate_hz
    for span in (span for piece in pieces for span in piece.spans):
        first = round(span.start_seconds * samples_per_second) * 2
        assert int.from_bytes(pcm[first : first + 2], "little") == ord("It lasts. Thirteen months."[span.start])


async def test_a_short_text_that_is_followed_by_a_pause_is_spoken_in_it(mouth: ElevenLabs) -> None:
    go_on = asyncio.Event()

    async def texts() -> AsyncGenerator[str]:
        yield "First. "
        yield "Short. "
        await go_on.wait()
        yield "Last."

    said = ""
    async with aclosing(mouth.speak_stream(texts())) as speech, asyncio.timeout(60):
        async for piece in speech:
            said += heard([piece])
            if "Short" in said:
                go_on.set()
    assert "Last." in said


async def test_a_context_is_kept_alive_while_its_text_makes_a_long_pause(
    server: SpeechServer, mouth: ElevenLabs
) -> None:
    server.idle_seconds = 0.3
    kept = asyncio.Event()

    async def texts() -> AsyncGenerator[str]:
        async with asyncio.timeout(60):
            while sum(message.get("text") == "" for hit in server.hits for message in hit.messages) < 6:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        kept.set()
        yield "Still here."

    assert heard(await collected(mouth.speak_stream(texts()))).strip() == "Still here."
    assert kept.is_set()
    assert len(server.hits) == 1


async def test_who_stops_listening_closes_the_context_and_the_next_reply_has_the_same_socket(
    server: SpeechServer, mouth: ElevenLabs
) -> None:
    async with aclosing(mouth.speak_stream(texts_of(TEXT, " And more.", " And more."))) as speech:
        async for _ in speech:
            break
    assert heard(await collected(mouth.speak_stream(texts_of("The next one.")))).strip() == "The next one."
    (hit,) = server.hits
    contexts = list(dict.fromkeys(message["context_id"] for message in hit.messages))
    closed = [message["context_id"] for message in hit.messages if message.get("close_context")]
    assert len(contexts) == 2
    assert closed == contexts


async def test_two_replies_at_once_have_a_socket_each(server: SpeechServer, mouth: ElevenLabs) -> None:
    one, other = await asyncio.gather(
        collected(mouth.speak_stream(texts_of("One tenant."))), collected(mouth.speak_stream(texts_of("Another.")))
    )
    assert (heard(one).strip(), heard(other).strip()) == ("One tenant.", "Another.")
    assert len(server.hits) == 2


async def test_a_socket_that_was_closed_meanwhile_is_not_used_again(server: SpeechServer, mouth: ElevenLabs) -> None:
    server.idle_seconds = 0.15
    await collected(mouth.speak_stream(texts_of("One.")))
    await asyncio.sleep(0.3)  # longer than the server waits
    assert heard(await collected(mouth.speak_stream(texts_of("Two.")))).strip() == "Two."
    assert len(server.hits) == 2


async def test_a_reply_without_words_says_nothing_and_fails_of_nothing(mouth: ElevenLabs) -> None:
    assert await collected(mouth.speak_stream(texts_of())) == []
    assert await collected(mouth.speak_stream(texts_of(" … ", "\n"))) == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("400", FaultKind.REQUEST),
        ("401", FaultKind.CREDENTIAL),
        ("quota", FaultKind.CREDENTIAL),
        ("404", FaultKind.NO_SUCH_MODEL),
        ("422", FaultKind.REQUEST),
        ("429", FaultKind.RATE_LIMITED),
        ("busy", FaultKind.RATE_LIMITED),
        ("500", FaultKind.SERVER),
        ("503", FaultKind.SERVER),
        ("close-quota", FaultKind.CREDENTIAL),
        ("close-idle", FaultKind.STALL),
        ("close-mid", FaultKind.BROKEN),
        ("close-end", FaultKind.CUT),
        ("error", FaultKind.CREDENTIAL),
        ("hang", FaultKind.STALL),
        ("empty", FaultKind.EMPTY),
        ("cut", FaultKind.CUT),
    ],
)
async def test_every_failure_of_the_socket_has_its_name(
    server: SpeechServer, mouth: ElevenLabs, fault: str, kind: FaultKind
) -> None:
    server.fault = fault
    assert await fault_of(mouth.speak_stream(texts_of(TEXT))) is kind
    assert len(server.hits) == 1


async def test_an_error_of_the_text_itself_is_the_speakers_and_closes_the_context(
    server: SpeechServer, mouth: ElevenLabs
) -> None:
    async def texts() -> AsyncGenerator[str]:
        yield "First. "
        raise InvalidRequest("the answer broke")

    with pytest.raises(InvalidRequest, match="the answer broke"):
        await collected(mouth.speak_stream(texts()))
    async with asyncio.timeout(60):
        while not server.hits[0].messages[-1].get("close_context"):  # noqa: ASYNC110  # another process's, as it were
            await asyncio.sleep(0.01)


async def test_no_task_stays_behind_a_reply_however_it_ends(server: SpeechServer, mouth: ElevenLabs) -> None:
    await collected(mouth.speak_stream(texts_of("Warm up.")))
    before = len(asyncio.all_tasks())
    for _ in range(5):
        async with aclosing(mouth.speak_stream(texts_of(TEXT))) as speech:
            async for _ in speech:
                break
        await collected(mouth.speak_stream(texts_of(TEXT)))
    assert len(asyncio.all_tasks()) == before


# -- OpenAI ------------------------------------------------------------------------------------------------------------


async def pieces_of(audio: Audio) -> AsyncGenerator[Audio]:
    yield audio


@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-transcribe"])
async def test_openai_hears_with_the_language_pinned_and_the_vocabulary_as_prompt(
    server: SpeechServer, model: str
) -> None:
    ears = OpenAITranscriber(KEY, model, address=f"{server.url}/v1")
    found = await ears.transcribe(tone(1.0), Hints(language="en-GB", vocabulary=("Aura", "Zyglox")))
    await ears.close()
    assert found.text == "how long is the warranty"
    assert found.confidence == pytest.approx(0.8187, abs=1e-3)
    assert found.audio_seconds == 1.0
    (hit,) = server.hits
    assert (hit.fields["language"], hit.fields["prompt"], hit.fields["model"]) == ("en", "Aura, Zyglox", model)
    assert hit.fields["file"][:4] == b"RIFF"
    assert len(hit.fields["file"]) == 44 + 32_000
    assert hit.headers["authorization"] == f"Bearer {KEY}"


async def test_whispers_inventions_over_silence_are_left_out(server: SpeechServer) -> None:
    ears = OpenAITranscriber(KEY, "whisper-1", address=f"{server.url}/v1")
    assert "Thank you" not in (await ears.transcribe(tone(1.0))).text
    await ears.close()


async def test_a_stream_tells_the_text_as_it_is_made(server: SpeechServer) -> None:
    ears = OpenAITranscriber(KEY, "gpt-4o-transcribe", address=f"{server.url}/v1")
    found = [each async for each in ears.stream(pieces_of(tone(1.0)))]
    await ears.close()
    assert [each.text for each in found if not each.final][:2] == ["how", "how long"]
    assert [each.text for each in found if each.final] == ["how long is the warranty"]


async def test_a_stream_that_ends_without_its_last_event_was_cut(server: SpeechServer) -> None:
    server.fault = "cut"
    ears = OpenAITranscriber(KEY, "gpt-4o-transcribe", address=f"{server.url}/v1")
    with pytest.raises(SpeechFault) as raised:
        _ = [each async for each in ears.stream(pieces_of(tone(1.0)))]
    await ears.close()
    assert raised.value.fault.kind is FaultKind.CUT


async def test_openai_speaks_one_text_after_the_other(server: SpeechServer, openai_mouth: OpenAISynthesizer) -> None:
    assert heard(await collected(openai_mouth.speak(TEXT, Manner(voice_id="coral", speed=1.2)))) == TEXT
    assert heard(await collected(openai_mouth.speak_stream(texts_of("One. ", " ", "Two.")))) == "One. Two."
    assert [hit.fields["input"] for hit in server.hits] == [TEXT, "One. ", "Two."]
    assert (server.hits[0].fields["voice"], server.hits[0].fields["speed"]) == ("coral", 1.2)
    with pytest.raises(InvalidRequest, match="no voice"):
        await collected(openai_mouth.speak(TEXT, Manner(voice_id="nobody")))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("400", FaultKind.REQUEST),
        ("401", FaultKind.CREDENTIAL),
        ("404", FaultKind.NO_SUCH_MODEL),
        ("quota", FaultKind.CREDENTIAL),
        ("422", FaultKind.REQUEST),
        ("429", FaultKind.RATE_LIMITED),
        ("busy", FaultKind.RATE_LIMITED),
        ("500", FaultKind.SERVER),
        ("503", FaultKind.SERVER),
        ("empty", FaultKind.EMPTY),
        ("reset", FaultKind.BROKEN),
    ],
)
async def test_every_failure_of_openai_has_its_name(
    server: SpeechServer, openai_mouth: OpenAISynthesizer, fault: str, kind: FaultKind
) -> None:
    server.fault = fault
    assert await fault_of(openai_mouth.speak(TEXT)) is kind
    if fault in ("empty", "reset"):
        return
    ears = OpenAITranscriber(KEY, "whisper-1", address=f"{server.url}/v1")
    with pytest.raises(SpeechFault) as raised:
        await ears.transcribe(tone(1.0))
    assert raised.value.fault.kind is kind
    await ears.close()


# -- all of them -------------------------------------------------------------------------------------------------------


async def test_services_that_say_nothing_over_http_are_given_up_by_who_asks_them(server: SpeechServer) -> None:
    server.fault = "hang"
    address = {"elevenlabs": server.url, "openai": f"{server.url}/v1"}
    mouths = (
        ElevenLabs(KEY, "eleven_flash_v2_5", voice_id="rachel", address=address["elevenlabs"]),
        OpenAISynthesizer(KEY, "tts-1", address=address["openai"]),
    )
    chain = SynthesizerChain(
        [route_to(each) for each in mouths], Ledgered(board=HealthBoard(), books=Books()), deadline_seconds=0.5
    )
    with pytest.raises(Unavailable):
        await collected(chain.speak(TEXT))
    async with asyncio.timeout(60):
        while not all(hit.left for hit in server.hits):  # noqa: ASYNC110  # another process's, as it were
            await asyncio.sleep(0.01)
    assert len(server.hits) == 2
    for each in mouths:
        await each.close()


def test_each_documented_failure_is_tried_over_each_way_that_can_have_it() -> None:
    def tried(test: Callable[..., object]) -> set[str]:
        (mark,) = [each for each in getattr(test, "pytestmark", []) if each.name == "parametrize"]
        return {fault for fault, _ in mark.args[1]}

    refusals = REFUSALS.keys() - {"voice"}  # which has a test of its own
    assert tried(test_every_failure_over_http_has_its_name_and_is_not_tried_again) == refusals | set(STREAMS) - {"hang"}
    assert tried(test_every_failure_of_the_socket_has_its_name) == (
        refusals | CLOSES.keys() - {"close-voice"} | {"error", "hang", "empty", "cut"}
    )
    # Of sound without an end nobody can tell that it was cut.
    assert tried(test_every_failure_of_openai_has_its_name) == refusals | set(STREAMS) - {"hang", "cut"}
