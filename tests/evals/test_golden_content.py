"""The golden set: enough of everything, built from its sources, and kept apart from what it measures."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from aura_evals.golden import Question, folded, open_golden, shipped
from aura_evals.judging import states

ROOT = Path(__file__).parents[2]
FORMATS = {".pdf", ".docx", ".pptx", ".xlsx", ".html", ".md", ".txt", ".csv", ".json", ".eml"}
SLICES = {
    "factual", "paraphrase", "identifier", "table", "multi-document", "time", "follow-up", "typo", "german", "french",
    "unanswerable", "adversarial",
}  # fmt: skip
FOLDER = shipped("golden")
assert FOLDER is not None
GOLDEN = open_golden(FOLDER)
DOCUMENTS = [path for organisation in GOLDEN.organisations for path in GOLDEN.documents(organisation)]


def test_there_are_sixty_documents_of_four_organisations_in_every_format_each() -> None:
    assert len(GOLDEN.organisations) >= 4
    assert len(DOCUMENTS) >= 60
    for organisation in GOLDEN.organisations:
        assert {path.suffix for path in GOLDEN.documents(organisation)} == FORMATS, organisation


def test_there_are_three_hundred_questions_in_both_splits_of_every_slice() -> None:
    assert len(GOLDEN.questions) >= 300
    counts = Counter((question.slice, question.split) for question in GOLDEN.questions)
    assert {name for name, _ in counts} == SLICES
    assert min(counts.values()) >= 7
    assert len({(question.organisation, question.turns, question.question) for question in GOLDEN.questions}) == len(
        GOLDEN.questions
    )


def test_the_set_is_small_and_says_that_it_is_free() -> None:
    assert sum(path.stat().st_size for path in DOCUMENTS) < 3_000_000
    assert "CC0" in (GOLDEN.path / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("question", GOLDEN.questions, ids=lambda question: question.id)
def test_a_question_is_answered_by_its_evidence_and_no_other_way(question: Question) -> None:
    assert question.answerable == bool(question.answers)
    assert question.answerable != (question.slice == "unanswerable") or question.slice == "adversarial"
    assert bool(question.turns) == (question.slice == "follow-up")
    quotes = [place.quote for places in question.gold for place in places]
    for fact in question.answers:
        answered = any(states(quote, fact) for quote in quotes)
        beside = question.id in BESIDE_THEIR_QUOTES
        assert answered != beside, f"{fact} in {quotes}"


# What is asked stands in another field of the record, or in the heading, that the quote names.
BESIDE_THEIR_QUOTES = {
    "brackwater-table-12", "brackwater-identifier-08", "nimbora-identifier-04",
    "orvanne-table-02", "orvanne-table-10",
}  # fmt: skip


def test_no_text_of_a_question_is_in_the_sources() -> None:
    sources = folded("\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.py"))))
    sources = "".join(sources.split('"')).replace("'", "")
    found = [each.id for each in GOLDEN.questions if folded(each.question).replace("'", "").rstrip(" ?.") in sources]
    assert found == []


def test_the_files_are_what_their_sources_make(tmp_path: Path) -> None:
    built = _tool("build_golden").build(tmp_path)
    assert len(built) >= 25
    for path in built:
        committed = GOLDEN.path / "documents" / path.relative_to(tmp_path)
        assert path.read_bytes() == committed.read_bytes(), committed.name


def _tool(name: str) -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(ROOT / "tools"))
