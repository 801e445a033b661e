"""Several speech services as one: who is asked, what happens when it fails, and what stands in the ledger then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest

from aura.errors import BackendError, InvalidRequest, LimitExceeded, Unavailable
from aura.router.faults import FaultKind
from aura.router.health import HealthBoard, RouteState
from aura.testing.speech import (
    Heard,
    ScriptedSynthesizer,
    ScriptedTranscriber,
    collected,
    said_in,
    texts_of,
    tone,
)
from aura.usage.budgets import Booking
from aura.usage.ledger import Kind, Outcome, UsageRow
from aura.voice.attempts import Ledgered, Route, route_to
from aura.voice.chains import SynthesizerChain, TranscriberChain
from aura.voice.errors import PartMissing, SpeechFault
from aura.voice.ports import Audio, Capabilities, Hints, Manner, Speech, Synthesizer, Transcriber
from aura.voice.prices import price_of

TEXT = "Thirteen months."


class Books:
    """Keeps what it is given; with `room` it has so many micro-dollars."""

    def __init__(self, room: int | None = None) -> None:
        self.rows: list[UsageRow] = []
        self.reserved: list[int] = []
        self._room = room

    async def reserve(self, options: Sequence[int]) -> Booking:
        if self._room is not None and options[0] > self._room:
            raise LimitExceeded("no room", limit="budget")
        self.reserved.append(options[0])
        return Booking(option=0)

    async def settle(self, booking: Booking, row: UsageRow) -> None:
        self.rows.append(row)

    async def release(self, booking: Booking) -> None:
        raise AssertionError("an attempt that was begun is settled")


def broken(kind: FaultKind = FaultKind.SERVER) -> SpeechFault:
    return SpeechFault.kind(kind, provider="scripted")


def ears(*routes: Transcriber, books: Books, board: HealthBoard | None = None) -> TranscriberChain:
    of = Ledgered(board=board or HealthBoard(), books=books)
    return TranscriberChain([route_to(each) for each in routes], of, deadline_seconds=0.3)


def mouths(*routes: Synthesizer, books: Books, board: HealthBoard | None = None) -> SynthesizerChain:
    of = Ledgered(board=board or HealthBoard(), books=books)
    return SynthesizerChain([route_to(each) for each in routes], of, deadline_seconds=0.3)


def said(pieces: list[Speech]) -> str:
    return said_in(b"".join(piece.pcm for piece in pieces))


async def pieces_of(audio: Audio, count: int = 4) -> AsyncGenerator[Audio]:
    size = len(audio.pcm) // count
    for n in range(count):
        yield Audio(pcm=audio.pcm[n * size : (n + 1) * size], sample_rate_hz=audio.sample_rate_hz)


# -- hearing -----------------------------------------------------------------------------------------------------------


async def test_a_call_is_in_the_ledger_with_its_seconds_and_its_price() -> None:
    books = Books()
    scripted = ScriptedTranscriber(["yes"], provider="openai", model="whisper-1")
    assert (await ears(scripted, books=books).transcribe(tone(30.0))).text == "yes"
    (row,) = books.rows
    assert (row.kind, row.provider, row.model, row.outcome) == (Kind.TRANSCRIPTION, "openai", "whisper-1", Outcome.OK)
    assert row.audio_seconds == 30.0
    assert row.cost_micro_usd == 3_000  # half a minute at 0.6 cents
    assert books.reserved == [3_000]
    assert row.certainty == "exact"


async def test_a_service_that_fails_is_unseen_and_each_attempt_has_its_row() -> None:
    books, board = Books(), HealthBoard()
    first = ScriptedTranscriber([broken()], provider="one")
    chain = ears(first, ScriptedTranscriber(["yes"], provider="two"), books=books, board=board)
    assert (await chain.transcribe(tone(1.0))).text == "yes"
    assert [(row.provider, row.outcome, row.attempt, row.fault) for row in books.rows] == [
        ("one", Outcome.FAILED, 1, "server"),
        ("two", Outcome.OK, 2, ""),
    ]
    assert books.rows[0].cost_micro_usd == 0
    assert books.rows[0].call_id == books.rows[1].call_id
    assert board.status("one/ears#").failures == 1


async def test_a_service_that_is_silent_is_given_up_at_the_deadline() -> None:
    books = Books()
    slow = ScriptedTranscriber([Heard(text="late", delay_seconds=30.0)], provider="slow")
    chain = ears(slow, ScriptedTranscriber(["yes"]), books=books)
    async with asyncio.timeout(60):
        assert (await chain.transcribe(tone(0.5))).text == "yes"
    assert books.rows[0].fault == "first_token"


async def test_a_service_that_keeps_failing_is_not_asked_any_more() -> None:
    board, books = HealthBoard(), Books()
    sick = ScriptedTranscriber([broken()] * 3, provider="sick")
    well = ScriptedTranscriber(lambda audio: "yes", provider="well")
    chain = ears(sick, well, books=books, board=board)
    for _ in range(6):
        assert (await chain.transcribe(tone(0.5))).text == "yes"
    assert board.status("sick/ears#").state is RouteState.OPEN
    assert [row.provider for row in books.rows].count("sick") == 3


async def test_a_request_that_nobody_can_take_is_not_tried_elsewhere() -> None:
    second = ScriptedTranscriber(["never"])
    with pytest.raises(BackendError):
        await ears(ScriptedTranscriber([broken(FaultKind.REQUEST)]), second, books=Books()).transcribe(tone(0.5))
    assert second.hints == []


async def test_when_all_have_failed_the_last_word_is_translated() -> None:
    with pytest.raises(Unavailable, match="scripted/ears"):
        await ears(ScriptedTranscriber([broken()]), ScriptedTranscriber([broken()]), books=Books()).transcribe(tone(1))


async def test_without_a_budget_for_it_nothing_is_called() -> None:
    books = Books(room=10)
    scripted = ScriptedTranscriber(["never"])
    with pytest.raises(LimitExceeded):
        await ears(scripted, books=books).transcribe(tone(30.0))
    assert (books.rows, scripted.hints) == ([], [])


async def test_what_runs_on_this_machine_is_free_and_needs_no_budget() -> None:
    books = Books(room=-1)
    local = ScriptedTranscriber(["yes"], capabilities=Capabilities(local=True))
    await ears(local, books=books).transcribe(tone(30.0))
    assert (books.rows[0].cost_micro_usd, books.reserved) == (0, [])


async def test_a_language_goes_to_who_knows_it() -> None:
    english = ScriptedTranscriber(["never"], capabilities=Capabilities(languages=("en",)), provider="english")
    every = ScriptedTranscriber(["ja"], provider="every")
    assert (await ears(english, every, books=Books()).transcribe(tone(1), Hints(language="de-AT"))).text == "ja"
    with pytest.raises(InvalidRequest, match="'de'"):
        await ears(english, books=Books()).transcribe(tone(1), Hints(language="de"))


async def test_the_next_service_hears_a_stream_from_its_beginning() -> None:
    books = Books()
    failing = ScriptedTranscriber([Heard(partials=[(0.2, "how")], error=broken())])
    second = ScriptedTranscriber([Heard(text="how long", partials=[(0.5, "how lo")])])
    chain = ears(failing, second, books=books)
    found = [(each.text, each.final) async for each in chain.stream(pieces_of(tone(1.0)))]
    assert found == [("how", False), ("how lo", False), ("how long", True)]
    assert second.heard[0].pcm == tone(1.0).pcm
    assert [row.audio_seconds for row in books.rows] == [pytest.approx(0.25), pytest.approx(1.0)]


async def test_a_stream_that_nobody_reads_any_more_is_closed_and_counted() -> None:
    books = Books()
    scripted = ScriptedTranscriber([Heard(text="never", partials=[(0.1, "ne")])])
    async with aclosing(ears(scripted, books=books).stream(pieces_of(tone(1.0)))) as transcripts:
        async for _ in transcripts:
            break
    assert scripted.closed == 1
    assert [row.outcome for row in books.rows] == [Outcome.STOPPED]


async def test_without_ears_the_command_that_installs_them_is_said() -> None:
    with pytest.raises(PartMissing, match="pip install") as raised:
        await ears(books=Books()).transcribe(tone(1))
    assert raised.value.command == 'pip install "aura[voice]"'


# -- speaking ----------------------------------------------------------------------------------------------------------


async def test_speech_is_in_the_ledger_with_its_characters_seconds_and_price() -> None:
    books = Books()
    scripted = ScriptedSynthesizer(provider="openai", model="tts-1")
    pieces = await collected(mouths(scripted, books=books).speak(TEXT))
    assert said(pieces) == TEXT
    (row,) = books.rows
    assert (row.kind, row.characters, row.outcome) == (Kind.SYNTHESIS, len(TEXT), Outcome.OK)
    assert row.audio_seconds == pytest.approx(len(TEXT) * 0.06)
    assert row.cost_micro_usd == price_of("openai", "tts-1").micro_usd(seconds=0, characters=len(TEXT)) == 240
    assert row.first_token_seconds is not None


async def test_who_fails_before_its_first_sound_is_unseen() -> None:
    books = Books()
    dead = ScriptedSynthesizer(error=broken(), provider="dead")
    for speak in (lambda c: c.speak(TEXT), lambda c: c.speak_stream(texts_of("Thirteen ", "months."))):
        chain = mouths(dead, ScriptedSynthesizer(provider="well"), books=books)
        assert said(await collected(speak(chain))) == TEXT
    assert [(row.provider, row.outcome) for row in books.rows] == [
        ("dead", Outcome.FAILED), ("well", Outcome.OK), ("dead", Outcome.FAILED), ("well", Outcome.OK),
    ]  # fmt: skip
    assert [row.characters for row in books.rows if row.provider == "well"] == [len(TEXT)] * 2


async def test_who_dies_in_the_middle_ends_the_speech_and_what_was_said_is_charged() -> None:
    books = Books()
    second = ScriptedSynthesizer()
    chain = mouths(ScriptedSynthesizer(error=broken(), fails_after=2), second, books=books)
    heard = list[Speech]()

    async def listen() -> None:
        async for piece in chain.speak_stream(texts_of(TEXT)):
            heard.append(piece)

    with pytest.raises(Unavailable):
        await listen()
    assert said(heard) == TEXT[:8]
    assert second.spoken == []
    assert (books.rows[0].outcome, books.rows[0].certainty) == (Outcome.FAILED, "estimated")
    assert (books.rows[0].cost_micro_usd or 0) > 0


async def test_an_interrupted_speech_is_closed_at_the_vendor_and_counted() -> None:
    books, scripted = Books(), ScriptedSynthesizer()
    async with aclosing(mouths(scripted, books=books).speak_stream(texts_of(TEXT, "And more."))) as speech:
        async for _ in speech:
            break
    assert (scripted.closed, scripted.active) == (1, 0)
    assert [(row.outcome, row.characters) for row in books.rows] == [(Outcome.STOPPED, len(TEXT))]


async def test_a_mouth_that_says_nothing_is_given_up() -> None:
    chain = mouths(ScriptedSynthesizer(first_seconds=30.0), ScriptedSynthesizer(), books=Books())
    async with asyncio.timeout(60):
        assert said(await collected(chain.speak(TEXT))) == TEXT


async def test_an_error_of_the_texts_is_theirs() -> None:
    async def texts() -> AsyncGenerator[str]:
        yield "One."
        raise InvalidRequest("the answer broke")

    board = HealthBoard()
    chain = mouths(ScriptedSynthesizer(), books=Books(), board=board)
    with pytest.raises(InvalidRequest, match="broke"):
        await collected(chain.speak_stream(texts()))
    assert board.status("scripted/mouth#").failures == 0


async def test_a_voice_belongs_to_its_service_and_others_choose_their_own() -> None:
    one, other = ScriptedSynthesizer(provider="one", error=broken()), ScriptedSynthesizer(provider="other")
    chain = mouths(other, one, books=Books())
    await collected(chain.speak(TEXT, Manner(voice_id="one:deep", language="en")))
    assert [manner.voice_id for manner in (*one.manners, *other.manners)] == ["deep", None]
    assert [voice.voice_id for voice in await chain.voices()] == ["other:scripted", "one:scripted"]
    with pytest.raises(InvalidRequest, match="no such voice"):
        await collected(chain.speak(TEXT, Manner(voice_id="nobody:deep")))


async def test_without_a_mouth_the_client_speaks_and_the_server_says_what_it_would_take() -> None:
    chain = mouths(books=Books())
    assert (chain.provider, chain.capabilities.client_side) == ("browser", True)
    with pytest.raises(PartMissing, match="apt-get install espeak-ng"):
        await collected(chain.speak(TEXT))
    with pytest.raises(PartMissing):
        await chain.voices()


def test_a_price_that_nobody_knows_is_the_worst_one() -> None:
    unknown, known = price_of("somebody", "new"), price_of("elevenlabs", "eleven_flash_v2_5")
    assert not unknown.known
    assert unknown.micro_usd(seconds=0, characters=1000) > known.micro_usd(seconds=0, characters=1000) == 50_000


def test_a_route_has_the_name_that_the_router_gives_it() -> None:
    route: Route[Synthesizer] = route_to(ScriptedSynthesizer(provider="openai", model="tts-1"), key_id="abc")
    assert route.route == "openai/tts-1#abc"
