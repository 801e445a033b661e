"""Datasets of documents and questions: what is read, and what is refused with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from evals_datasets import replace_line
from evals_golden_sets import line

from aura_evals.errors import BadInput
from aura_evals.golden import find_quote, open_golden


def test_a_dataset_is_read_with_its_questions_and_documents(golden: Path) -> None:
    found = open_golden(golden)
    assert (found.name, found.organisations, len(found.questions)) == ("small", ("acme",), 5)
    assert [path.name for path in found.documents("acme")] == ["handbook.md", "notice.md"]
    assert [question.answerable for question in found.questions] == [True, True, True, True, False]


def test_a_split_and_a_limit_take_a_part(golden: Path) -> None:
    assert [question.id for question in open_golden(golden, split="dev").questions] == ["q1", "q3"]
    assert [question.id for question in open_golden(golden, limit=2).questions] == ["q0", "q1"]


def test_the_fingerprint_changes_with_a_question_and_with_a_document(golden: Path) -> None:
    first = open_golden(golden).fingerprint()
    (golden / "documents" / "acme" / "notice.md").write_text("# Another notice\n")
    second = open_golden(golden).fingerprint()
    replace_line(golden / "questions.jsonl", 5, line(4, question="Who owns the ships?"))
    assert len({first, second, open_golden(golden).fingerprint()}) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "q1"}, "question 'q1' is there twice"),
        ({"question": " "}, "question 'q2' has no text"),
        ({"organisation": "other"}, "there is no folder 'other' in documents/"),
        ({"gold": [[{"document": "missing.md", "quote": "x"}]]}, "document 'missing.md' is not in documents/acme/"),
        ({"gold": [[{"document": "notice.md", "quote": " "}]]}, "question 'q2' has an empty quote"),
        ({"gold": [[]]}, "question 'q2' has an empty piece of evidence"),
        ({"answers": []}, "question 'q2' has evidence, but no answers"),
        ({"slice": "hard"}, "Invalid enum value 'hard'"),
        ({"gould": []}, "unknown field `gould`"),
    ],
)
def test_a_bad_question_is_named_with_its_line(golden: Path, changes: dict[str, object], message: str) -> None:
    replace_line(golden / "questions.jsonl", 3, line(2, **changes))
    with pytest.raises(BadInput, match=rf"questions\.jsonl:3: .*{message}"):
        open_golden(golden)


def test_a_dataset_without_questions_or_documents_is_refused(golden: Path) -> None:
    (golden / "questions.jsonl").write_text("\n")
    with pytest.raises(BadInput, match="there are no questions in it"):
        open_golden(golden)
    with pytest.raises(BadInput, match="documents: it can not be read"):
        open_golden(golden / "documents" / "acme")


def test_a_quote_is_found_whatever_white_space_the_document_has() -> None:
    assert find_quote("The price\n\nis 45\neuros.", "price is 45 euros") == (4, 22)
    assert find_quote("The price is 45 euros.", "price is 46 euros") is None
