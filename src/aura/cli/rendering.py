"""Answers for people: the text as it comes, then its proofs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from aura.cli.output import Output, StreamedText, printable

if TYPE_CHECKING:
    from aura.answering.events import Answer, AnswerEvent, Failed


async def say(output: Output, events: AsyncGenerator[AnswerEvent], *, lines: bool = False) -> Answer | Failed:
    """Show an answer as it comes, and return how it ended.

    Args:
        lines: with JSON, write each event as a line; else the answer is the caller's to write.
    """
    from aura.answering.events import Delta, Failed, Final, Refusal

    text, said = StreamedText(output.console), list[str]()
    with output.notes.status("reading …") as waiting:
        async with aclosing(events):
            async for event in events:
                if output.json and lines:
                    output.emit(event)
                if not isinstance(event, Delta | Final | Refusal | Failed):
                    continue
                waiting.stop()
                if isinstance(event, Delta):
                    said.append(event.text)
                    if not output.json:
                        text.add(event.text)
                    continue
                text.end()
                if isinstance(event, Failed):
                    return event
                if not output.json:
                    _end(output, event.answer, shown="".join(said).strip(), refused=isinstance(event, Refusal))
                return event.answer
    raise AssertionError("a stream of events ends with final, refusal or error")


def _end(output: Output, answer: Answer, *, shown: str, refused: bool) -> None:
    if refused and shown == answer.text:  # the model has refused in the same words
        refused = False
    if refused and shown:
        output.note("No document supports what is above; it is withdrawn:", style="yellow")
    if refused or not shown:
        output.console.print(_text(answer))
    output.console.print(proofs(answer))


def whole(answer: Answer) -> RenderableType:
    """A finished answer with its proofs."""
    return Group(_text(answer), proofs(answer))


def proofs(answer: Answer) -> RenderableType:
    """The citations with file, page and quote; then the model, the cost and the time."""
    cost = "price unknown" if answer.cost_usd is None else f"${answer.cost_usd:.4f}"
    facts = Text(f"{printable(answer.model)} · {cost} · {answer.timings.total_seconds:.2f} s", style="dim")
    lines: list[RenderableType] = []
    for citation in answer.citations:
        page = "" if citation.page is None else f", page {citation.page}"
        lines.append(Text.assemble((f"[{citation.marker}] ", "cyan"), (printable(citation.filename), "bold"), page))
        quote = " ".join(printable(citation.quote).split())
        lines.append(Padding(Text(f"“{quote}”", style="italic"), (0, 0, 0, 4), expand=False))
    return Group(*lines, facts)


def _text(answer: Answer) -> Text:
    return Text(printable(answer.text), style="yellow" if answer.refused else "")
