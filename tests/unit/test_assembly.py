"""What goes into a prompt: never more than its budget, the rules and the question whole, the best of each part."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import cast
from uuid import UUID

from llama_index.core.llms import ChatMessage, MessageRole

from aura.answering.assembly import OVERHEAD, PRIORITY, SHARES, assemble
from aura.answering.context import Context, ContextBuilder
from aura.answering.gathering import Gathered, Gatherer, Wanted
from aura.answering.notes import Background, Note
from aura.identity import DocumentId
from aura.index.passage import Passage
from aura.persona.rendering import NEUTRAL, Style
from aura.tokens import estimate_tokens

AT = datetime(2026, 1, 1, tzinfo=UTC)

WORDS = ["invoice", "harbour", "Überweisung", "délai", "4711", "of", "the,", "quarterly\nreturn", "北京", "delivery"]


def text(random: Random, longest: int) -> str:
    return " ".join(random.choices(WORDS, k=random.randint(1, longest)))


def state(random: Random) -> tuple[dict[str, tuple[str, ...]], str, int]:
    """Parts of any size, the rules with a question, and a budget that holds at least these."""
    parts = {
        part: tuple(text(random, random.choice((5, 60, 900))) for _ in range(random.randint(0, 14)))
        for part in PRIORITY
        if random.random() < 0.85
    }
    fixed = text(random, 400)
    return parts, fixed, estimate_tokens(fixed) + OVERHEAD + random.randint(0, 9_000)


def test_a_prompt_is_within_its_budget_in_1000_random_states() -> None:
    random = Random(6)
    trimmed = 0
    for _ in range(1_000):
        parts, fixed, budget = state(random)
        kept = assemble(parts, fixed=fixed, budget=budget)
        pieces = [piece for part in PRIORITY for piece in parts.get(part, ())[: kept[part]]]
        spent = estimate_tokens(fixed) + OVERHEAD + sum(estimate_tokens(piece) + OVERHEAD for piece in pieces)
        assert spent == kept.tokens <= budget
        assert kept == assemble(parts, fixed=fixed, budget=budget)
        trimmed += len(pieces) < sum(map(len, parts.values()))
    assert trimmed > 300


def passage(random: Random, n: int) -> Passage:
    """One of a file with a long name, under long headings."""
    said = text(random, random.choice((5, 60, 900)))
    return Passage(
        chunk_id=str(n),
        document_id=DocumentId(UUID(int=n)),
        version=1,
        filename=f"{text(random, 4)}.md"[:255],
        page=n,
        start=0,
        end=len(said),
        heading=tuple(text(random, 8) for _ in range(random.randint(0, 4))),
        text=said,
        score=1.0,
    )


def test_the_prompt_of_an_answer_is_within_its_budget() -> None:
    """All of its messages together, of random material, and the best of each part is in it."""
    random, cut = Random(7), set[str]()
    for n in range(200):
        passages = tuple(passage(random, k) for k in range(random.randint(0, 14)))
        notes = tuple(
            Note(message_id=UUID(int=k), text=f"note {k} {text(random, 60)}", at=AT, before=text(random, 40))
            for k in range(random.randint(0, 8))
        )
        pinned = tuple(f"pinned {k} {text(random, 30)}" for k in range(random.randint(0, 20)))
        summary = text(random, 300)
        history = [
            ChatMessage(role=MessageRole.USER, content=f"turn {k} {text(random, 200)}")
            for k in range(random.randint(0, 20))
        ]
        style = Style(detail=2, formality=-2, energy=1, address="Dr. Quill") if n % 2 else NEUTRAL
        wanted = Wanted(
            question="What of the invoice?", message="What of it?", knowledge=True, memory=True, quoting=False
        )
        budget = random.choice((1_200, 2_000, 4_000, 8_000))
        gatherer = Gatherer(cast(ContextBuilder, None), None, budget=budget)
        context = Context(passages=passages, embedding_seconds=0, retrieval_seconds=0)
        background = Background(notes=notes, pinned=pinned, summary=summary)
        sent = gatherer.prompt(wanted, Gathered(context, background), history, style).messages
        assert sum(estimate_tokens(message.content or "") for message in sent) <= budget
        whole = "\n".join(message.content or "" for message in sent)
        for part, pieces in (("turn", history[::-1]), ("pinned", pinned), ("note", notes)):
            held = [f"{part} {k} " in whole for k in range(len(pieces))]
            held = held[::-1] if part == "turn" else held
            assert held == sorted(held, reverse=True)  # the latest turns, the first of the others
            cut |= set() if all(held) else {part}
        cut |= {"passages"} if any(each.text not in whole for each in passages) else set()
        cut |= {"summary"} if summary not in whole else set()
    assert cut == {"turn", "pinned", "note", "passages", "summary"}


def test_what_fits_is_all_kept() -> None:
    parts = dict.fromkeys(PRIORITY, ("some words", "some more"))
    kept = assemble(parts, fixed="rules", budget=10_000)
    assert {part: kept[part] for part in PRIORITY} == dict.fromkeys(PRIORITY, 2)


def test_what_one_part_does_not_need_goes_to_the_others() -> None:
    history = tuple("a turn of some length, said a while ago" for _ in range(200))
    alone = assemble({"history": history}, fixed="rules", budget=4_000)
    crowded = assemble({"history": history, "passages": tuple(history)}, fixed="rules", budget=4_000)
    assert alone["history"] > 1.8 * crowded["history"] > 0
    assert crowded["passages"] > crowded["history"]


def test_every_part_has_its_share_however_much_the_others_want() -> None:
    piece = "word " * 30
    parts = dict.fromkeys(PRIORITY, (piece,) * 500)
    kept = assemble(parts, fixed="rules", budget=20_000)
    for part in PRIORITY:
        assert kept[part] * (estimate_tokens(piece) + OVERHEAD) >= 0.8 * SHARES[part] * 20_000


def test_where_the_question_alone_is_too_long_nothing_goes_beside_it() -> None:
    kept = assemble({"passages": ("a passage",)}, fixed="word " * 10_000, budget=1_000)
    assert kept["passages"] == 0
