"""What goes into a prompt: never more than its budget, the rules and the question whole, the best of each part."""

from __future__ import annotations

from random import Random

from aura.answering.assembly import OVERHEAD, PRIORITY, SHARES, assemble
from aura.tokens import estimate_tokens

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
