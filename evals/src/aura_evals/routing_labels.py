"""Recorded outcomes of a quick and a strong model: CSVs of right and wrong, or a judge's scores in MT-Bench's layout."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from aura.router.learned import Label
from aura_evals.beir import read_records
from aura_evals.errors import BadInput

_TRUE: Final = {"true": 1.0, "1": 1.0, "yes": 1.0, "false": 0.0, "0": 0.0, "no": 0.0}
_PROMPTS: Final = ("prompt", "question", "query", "input")
_JUDGED, _ASKED = "judgements.jsonl", "question.jsonl"
_BEST_SCORE: Final = 10.0


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    question_id: int
    category: str = ""
    turns: tuple[str, ...]


class _Judged(msgspec.Struct, frozen=True, kw_only=True):
    question_id: int
    model: str
    score: float


def read_labels(path: Path) -> list[Label]:
    """The questions of a CSV, of all CSVs in a folder, each with the name of its file as topic, or of MT-Bench's judgements.

    Raises:
        BadInput: there is none, or a file has not the columns.
    """
    if path.name.endswith(_JUDGED):
        return _judged(path)
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise BadInput("not a CSV, and not a folder with CSVs in it", path=path)
    labels = [label for file in files for label in _labels(file)]
    if not labels:
        raise BadInput("no question is in it", path=path)
    return labels


def _labels(file: Path) -> Iterator[Label]:
    csv.field_size_limit(2**31 - 1)
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in csv.reader(lines) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"not a CSV: {error}", path=file) from None
    if not rows:
        raise BadInput("it is empty: it needs a header", path=file)
    header, rows = rows[0], rows[1:]
    prompt, quick, strong = _columns(header, rows, file)
    for number, row in enumerate(rows, 2):
        try:
            yield Label(
                question=row[prompt],
                quick_right=_TRUE[row[quick].strip().lower()],
                strong_right=_TRUE[row[strong].strip().lower()],
                topic=file.stem,
            )
        except (IndexError, KeyError):
            raise BadInput(f"line {number} lacks a prompt, or true or false for each model", path=file) from None


def _columns(header: list[str], rows: list[list[str]], file: Path) -> tuple[int, int, int]:
    """Where the prompt is, and the first two columns of truth values: the quick model's, then the strong one's."""
    truths = [
        n
        for n in range(len(header))
        if rows and all(n < len(row) and row[n].strip().lower() in _TRUE for row in rows[:200])
    ]
    named = [n for n, name in enumerate(header) if name.strip().lower() in _PROMPTS and n not in truths]
    others = [n for n in range(len(header)) if n not in truths]
    if len(truths) < 2 or not others:
        raise BadInput("it needs a column of prompts and a column of true or false for each of two models", path=file)
    return (named or others)[0], truths[0], truths[1]


def _judged(path: Path) -> list[Label]:
    """The mean score of all turns as a part of the best one; the model that is better on the whole is the strong one.

    The questions are in the file beside it. What is classified is the first turn: the router sees no more when it chooses.
    """
    asked = path.with_name(path.name.removesuffix(_JUDGED) + _ASKED)
    if not asked.is_file():
        raise BadInput(f"the questions should be beside it, in {asked.name}", path=path)
    scores: defaultdict[str, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _, row in read_records(path, _Judged):
        scores[row.model][row.question_id].append(row.score / _BEST_SCORE)
    if len(scores) != 2:
        raise BadInput(f"two models are compared, and {len(scores)} were judged", path=path)
    means = {model: {id: sum(each) / len(each) for id, each in found.items()} for model, found in scores.items()}
    quick, strong = sorted(means, key=lambda model: sum(means[model].values()) / len(means[model]))
    return [
        Label(
            question=row.turns[0],
            quick_right=means[quick][row.question_id],
            strong_right=means[strong][row.question_id],
            topic=row.category,
        )
        for _, row in read_records(asked, _Asked)
        if row.turns and row.question_id in means[quick] and row.question_id in means[strong]
    ]
