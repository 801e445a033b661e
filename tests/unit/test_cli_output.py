"""What people see: text that wraps between words, tables that lose nothing, answers with their proofs."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

import msgspec
import pytest
from rich.console import Console

from aura.answering.events import Answer, AnswerEvent, Citation, Cited, Delta, Failed, Final, Refusal, Sources, Timings
from aura.cli.answers import end_of
from aura.cli.ingest import Summary, summary_table
from aura.cli.output import Listing, Output, StreamedText, printable
from aura.cli.progress import IngestBars
from aura.cli.rendering import say
from aura.documents.values import IngestProgress, Stage
from aura.identity import DocumentId

ID = UUID(int=7)
CITATION = Citation(
    marker=1,
    document_id=DocumentId(ID),
    version=1,
    filename="returns.pdf",
    page=3,
    start=0,
    end=20,
    quote="30 days\n  to return a product",
    chunk_id="c",
)


def test_a_streamed_text_breaks_between_words_also_where_pieces_break_within_them() -> None:
    console, written = _console(width=12)
    text = StreamedText(console)
    for piece in ("Customers ha", "ve 30", " days to re", "turn it."):
        text.add(piece)
    text.end()

    assert written.getvalue() == "Customers\nhave 30 days\nto return\nit.\n"


def test_a_streamed_text_keeps_its_own_lines() -> None:
    console, written = _console(width=40)
    text = StreamedText(console)
    text.add("one two\n\n- thr")
    text.add("ee\n- four")
    text.end()

    assert written.getvalue() == "one two\n\n- three\n- four\n"


def test_a_streamed_text_appears_word_by_word() -> None:
    console, written = _console(width=40)
    text = StreamedText(console)
    text.add("first second thi")

    assert written.getvalue() == "first second"


def test_a_text_without_a_terminal_is_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(json=False)
    output.console.print("word " * 100)

    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("bad", ["\x1b[31m", "\x07", "\x9b1m", "\r", "\x00", "\u202e", "\u2066"])
def test_what_could_command_a_terminal_is_replaced(bad: str) -> None:
    assert "\N{REPLACEMENT CHARACTER}" in printable(f"a{bad}b")
    assert bad not in printable(f"a{bad}b")


def test_what_only_lays_text_out_is_kept() -> None:
    assert printable("a\tb\nc\r\nd é 漢 👩‍🔬") == "a\tb\nc\nd é 漢 👩‍🔬"


@pytest.mark.parametrize("width", [20, 40, 75, 200])
def test_a_list_loses_no_letter_however_narrow(width: int) -> None:
    console, written = _console(width=width)
    cells = ("a-very-long-name-of-a-file-indeed-and-then-some-more-of-it.pdf", "failed: it is encrypted", str(ID))
    console.print(Listing(["File", "Result", "Id"], [cells], unbroken=["Id"]))

    shown, every = Counter(written.getvalue()), Counter("".join(cells).replace(" ", ""))
    assert every <= shown
    assert max(map(len, written.getvalue().splitlines())) <= width


@pytest.mark.parametrize("width", [45, 75, 200])
def test_what_people_copy_stays_in_one_piece(width: int) -> None:
    console, written = _console(width=width)
    console.print(Listing(["File", "Id"], [("a-very-long-name-of-a-file-indeed.pdf", ID)], unbroken=["Id"]))

    assert str(ID) in written.getvalue()


def test_cells_are_text_and_never_markup() -> None:
    console, written = _console(width=80)
    console.print(Listing(["File"], [("[red]report[/red].pdf",)]))

    assert "[red]report[/red].pdf" in written.getvalue()


async def test_an_answer_is_shown_with_file_page_and_quote(capsys: pytest.CaptureFixture[str]) -> None:
    answer = _answer("They have 30 days [1].", CITATION)
    ended = await say(Output(json=False), _events(Delta, "They have ", "30 days [1].", end=Final, answer=answer))

    shown = capsys.readouterr()
    assert ended == answer
    assert shown.out.startswith("They have 30 days [1].\n[1] returns.pdf, page 3\n    “30 days to return a product”\n")
    assert "extractive · $0.0000 · 0.25 s" in shown.out
    assert shown.err == ""


async def test_a_quote_can_not_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = Citation(**{name: getattr(CITATION, name) for name in CITATION.__struct_fields__} | {"quote": "\x1b[2Jgone"})
    await say(Output(json=False), _events(Delta, "It is \x1b[2Jso [1].", end=Final, answer=_answer("It is so", evil)))

    assert "\x1b" not in capsys.readouterr().out


async def test_a_refusal_takes_back_what_was_shown(capsys: pytest.CaptureFixture[str]) -> None:
    refusal = _answer("I could not find an answer.", refused=True)
    ended = await say(Output(json=False), _events(Delta, "The moon.", end=Refusal, answer=refusal))

    shown = capsys.readouterr()
    assert ended == refusal
    assert "withdrawn" in shown.err
    assert shown.out.startswith("The moon.\nI could not find an answer.\n")


async def test_with_json_nothing_is_shown_until_the_answer_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    output, answer = Output(json=True), _answer("30 days [1].", CITATION)
    ended = await say(output, _events(Delta, "30 days [1].", end=Final, answer=answer))
    assert capsys.readouterr().out == ""

    assert end_of(output, ended) == 0
    assert json.loads(capsys.readouterr().out)["citations"][0]["filename"] == "returns.pdf"


async def test_with_json_and_stream_every_event_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    answer = _answer("30 days [1].", CITATION)
    await say(Output(json=True), _events(Delta, "30 ", "days [1].", end=Final, answer=answer), lines=True)

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["type"] for event in events] == ["sources", "delta", "delta", "citation", "final"]
    assert [event["seq"] for event in events] == list(range(5))


@pytest.mark.parametrize(("kind", "code"), [("Unavailable", 8), ("BackendError", 1), ("NotFound", 4)])
async def test_a_stream_that_fails_ends_with_the_code_of_its_error(
    kind: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Output(json=False)
    failed = Failed(response_id=ID, seq=1, kind=kind, message="the model is away")
    ended = await say(output, _iterate([Sources(response_id=ID, seq=0, passages=()), failed]))

    assert end_of(output, ended) == code
    assert capsys.readouterr().err == "error: the model is away\n"


def test_without_a_terminal_each_finished_file_is_a_line() -> None:
    console, written = _console(width=80)
    with IngestBars(console) as bars:
        bars.update(_progress("a.md", Stage.EMBEDDING, 40))
        bars.update(_progress("a.md", Stage.READY, 100, chunks=12))
        bars.update(_progress("b.pdf", Stage.FAILED, 0, reason="it is encrypted"))
        bars.update(_progress("c.md", Stage.READY, 100, duplicate=True))

    assert written.getvalue() == "✓ a.md: 12 chunks\n✗ b.pdf: it is encrypted\n✓ c.md: already there\n"


def test_the_summary_offers_another_try_only_for_what_may_get_through() -> None:
    slow = IngestProgress(
        filename="slow.pdf", document_id=DocumentId(ID), stage=Stage.FAILED, percent=0, can_retry=True
    )
    locked = msgspec.structs.replace(slow, filename="locked.pdf", can_retry=False)
    for files, offered in (([slow, locked], True), ([locked], False)):
        console, written = _console(width=100)
        console.print(summary_table(Summary.of(files, seconds=1)))

        assert ("1 file may get through another time" in written.getvalue()) is offered


@pytest.mark.parametrize("width", [30, 60, 120])
def test_on_a_terminal_a_bar_shows_file_stage_percent_and_time_left(width: int) -> None:
    console, written = _console(width=width, terminal=True)
    with IngestBars(console, total=2) as bars:
        bars.update(_progress("handbook.pdf", Stage.EMBEDDING, 40, eta_seconds=12.4))
        until = time.monotonic() + 30
        while "left" not in (shown := written.getvalue()) and time.monotonic() < until:
            time.sleep(0.05)  # it is drawn ten times a second
        bars.update(_progress("handbook.pdf", Stage.READY, 100))

    assert "handbook"[:5] in shown
    assert "embed" in shown
    assert "40 %" in shown
    assert "12 s left" in shown


def _console(*, width: int, terminal: bool = False) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    console = Console(
        file=written, width=width, markup=False, highlight=False, force_terminal=terminal, no_color=True, _environ={}
    )
    return console, written


def _progress(
    filename: str,
    stage: Stage,
    percent: float,
    *,
    reason: str | None = None,
    chunks: int = 0,
    duplicate: bool = False,
    eta_seconds: float | None = None,
) -> IngestProgress:
    return IngestProgress(
        filename=filename,
        document_id=DocumentId(UUID(int=len(filename))),
        stage=stage,
        percent=percent,
        reason=reason,
        chunks=chunks,
        duplicate=duplicate,
        eta_seconds=eta_seconds,
    )


def _answer(text: str, *citations: Citation, refused: bool = False) -> Answer:
    return Answer(
        response_id=ID,
        question="How long?",
        text=text,
        citations=citations,
        sources=(),
        refused=refused,
        model="extractive",
        cost_usd=0.0,
        timings=Timings(total_seconds=0.25),
    )


def _events(
    delta: type[Delta], *texts: str, end: type[Final] | type[Refusal], answer: Answer
) -> AsyncGenerator[AnswerEvent]:
    events: list[AnswerEvent] = [Sources(response_id=ID, seq=0, passages=())]
    events += [delta(response_id=ID, seq=n, text=text) for n, text in enumerate(texts, 1)]
    events += [Cited(response_id=ID, seq=len(events), citation=citation) for citation in answer.citations[:1]]
    return _iterate([*events, end(response_id=ID, seq=len(events), answer=answer)])


async def _iterate(events: Sequence[AnswerEvent]) -> AsyncGenerator[AnswerEvent]:
    for event in events:
        yield event
