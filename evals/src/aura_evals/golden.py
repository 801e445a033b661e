"""Datasets of whole documents: `documents/<organisation>/…` and `questions.jsonl`, one question a line.

    {"id": "acme-factual-01", "organisation": "acme", "split": "dev", "slice": "factual", "question": "…",
     "gold": [[{"document": "handbook.pdf", "quote": "exact words of the document"}]], "answers": [["28 days", "28"]]}

Each entry of `gold` is a piece of evidence that an answer needs, written as the places that prove it, of which one is
enough. Each entry of `answers` is a fact that the answer must state, in any of the accepted ways. A question without
`gold` is one that the documents do not answer: it is to be refused. `turns` are the user's earlier messages of the
conversation, `forbidden` what no answer may say, and `conflict` what another document says to the same question.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec

from aura_evals.beir import read_records
from aura_evals.errors import BadInput

QUESTIONS, DOCUMENTS = "questions.jsonl", "documents"
GOLDEN = "golden"
"""The dataset that comes with this package."""

Slice = Literal[
    "factual", "paraphrase", "identifier", "table", "multi-document", "time", "follow-up", "typo", "german", "french",
    "unanswerable", "adversarial",
]  # fmt: skip


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words of a document, as its extracted text has them; white space counts as one blank."""

    document: str
    quote: str


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of `questions.jsonl`; see the module."""

    id: str
    organisation: str
    split: Literal["dev", "test"] = "test"
    slice: Slice = "factual"
    question: str
    turns: tuple[str, ...] = ()
    gold: tuple[tuple[Place, ...], ...] = ()
    answers: tuple[tuple[str, ...], ...] = ()
    forbidden: tuple[str, ...] = ()
    conflict: tuple[str, ...] = ()
    origin: str | None = None
    """Where the question comes from when nobody wrote it: `heuristic`, `feedback`, or a model's name."""

    @property
    def answerable(self) -> bool:
        """Whether the documents answer it."""
        return bool(self.gold)


class GoldenSet(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset that was read and checked: every document of `gold` is there."""

    path: Path
    questions: tuple[Question, ...]
    limit: int | None = None
    split: str = "all"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def organisations(self) -> tuple[str, ...]:
        """Those that questions are asked of, in order of name."""
        return tuple(sorted({question.organisation for question in self.questions}))

    def documents(self, organisation: str) -> tuple[Path, ...]:
        """The organisation's files."""
        return tuple(path for path in sorted((self.path / DOCUMENTS / organisation).rglob("*")) if path.is_file())

    def of(self, organisation: str) -> tuple[Question, ...]:
        """The organisation's questions."""
        return tuple(question for question in self.questions if question.organisation == organisation)

    def fingerprint(self) -> str:
        """The SHA-256 of all that was asked, and of all documents it was asked of."""
        digest = sha256(msgspec.json.encode(self.questions))
        for organisation in self.organisations:
            for path in self.documents(organisation):
                digest.update(f"{organisation}/{path.name}".encode())
                digest.update(sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def is_golden(path: Path) -> bool:
    """Whether the folder is a dataset of this kind, and not one in BEIR's layout."""
    return (path / QUESTIONS).is_file()


def shipped(name: str) -> Path | None:
    """The dataset of this name that comes with the package."""
    folder = Path(str(files("aura_evals"))) / "datasets" / name
    return folder if folder.is_dir() else None


def open_golden(
    path: Path,
    *,
    split: str | None = None,
    limit: int | None = None,
    organisations: Sequence[str] = (),
) -> GoldenSet:
    """Read and check a dataset.

    Args:
        split: `dev` or `test`; all questions by default.
        limit: take the first of each organisation only.
        organisations: those of these alone.

    Raises:
        BadInput: with the file, and the line where one is to blame.
    """
    names = {folder.name for folder in _folders(path)}
    names_of: dict[str, set[str]] = {
        name: {file.name for file in (path / DOCUMENTS / name).rglob("*") if file.is_file()} for name in names
    }
    questions: dict[str, Question] = {}
    for number, question in read_records(path / QUESTIONS, Question):
        if problem := _problem(question, questions, names_of):
            raise BadInput(problem, path=path / QUESTIONS, line=number)
        questions[question.id] = question
    wanted = [
        question
        for question in questions.values()
        if split in (None, "all", question.split) and (not organisations or question.organisation in organisations)
    ]
    if not wanted:
        raise BadInput(
            "there are no questions in it" if not questions else "no question is left", path=path / QUESTIONS
        )
    return GoldenSet(path=path, questions=tuple(_limited(wanted, limit)), limit=limit, split=split or "all")


def _folders(path: Path) -> list[Path]:
    try:
        folders = [folder for folder in sorted((path / DOCUMENTS).iterdir()) if folder.is_dir()]
    except OSError as error:
        raise BadInput(f"it can not be read: {error.strerror}", path=path / DOCUMENTS) from None
    if not folders:
        raise BadInput("there are no organisations: expected a folder of documents for each", path=path / DOCUMENTS)
    return folders


def _problem(question: Question, known: dict[str, Question], names_of: dict[str, set[str]]) -> str | None:
    if question.id in known:
        return f"question {question.id!r} is there twice"
    if not question.question.strip():
        return f"question {question.id!r} has no text"
    if question.organisation not in names_of:
        return f"there is no folder {question.organisation!r} in {DOCUMENTS}/"
    for places in question.gold:
        if not places:
            return f"question {question.id!r} has an empty piece of evidence"
        for place in places:
            if place.document not in names_of[question.organisation]:
                return f"document {place.document!r} is not in {DOCUMENTS}/{question.organisation}/"
            if not place.quote.strip():
                return f"question {question.id!r} has an empty quote"
    if question.gold and not question.answers:
        return f"question {question.id!r} has evidence, but no answers"
    return None


def _limited(questions: Iterable[Question], limit: int | None) -> list[Question]:
    if limit is None:
        return list(questions)
    taken: defaultdict[str, list[Question]] = defaultdict(list)
    for question in questions:
        if len(taken[question.organisation]) < limit:
            taken[question.organisation].append(question)
    return [question for each in taken.values() for question in each]


def folded(text: str) -> str:
    """`text` in lower case with every run of white space as one blank: how quotes and answers are compared."""
    return " ".join(text.casefold().split())


def find_quote(text: str, quote: str) -> tuple[int, int] | None:
    """Where `text` has `quote`, white space aside."""
    found = re.search(r"\s+".join(re.escape(word) for word in quote.split()), text)
    return None if found is None else found.span()
