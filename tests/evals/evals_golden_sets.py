"""A dataset of documents and questions that is small enough to know by heart."""

from __future__ import annotations

import json
from pathlib import Path

from evals_datasets import write_lines

HANDBOOK = """# Staff handbook

Everybody has 28 days of paid leave a year. Leave is asked for three weeks ahead.

## Travel

A car is paid with 42 pence a mile. A hotel may cost 95 pounds a night. Receipts reach finance within 30 days.

## Lost keys

A lost key is reported to the porter, Jory Pell, on extension 4411. A new key costs 12 pounds.
"""
NOTICE = """# Travel notice of 2019

A car was paid with 35 pence a mile. A hotel could cost 80 pounds a night.
"""
QUESTIONS = [
    ("factual", "How many days of paid leave are there?", "handbook.md", "Everybody has 28 days of paid leave", "28 days"),
    ("factual", "On which extension is the porter?", "handbook.md", "to the porter, Jory Pell, on extension 4411", "4411"),
    ("factual", "What does a new key cost?", "handbook.md", "A new key costs 12 pounds.", "12 pounds"),
    ("time", "What was paid for a car in 2019?", "notice.md", "A car was paid with 35 pence a mile.", "35 pence"),
    ("unanswerable", "Who designs the company's ships?", "", "", ""),
]  # fmt: skip


def line(number: int, **changes: object) -> str:
    """One line of questions.jsonl, as the set has it but for `changes`."""
    kind, question, document, quote, answer = QUESTIONS[number]
    record: dict[str, object] = {
        "id": f"q{number}",
        "organisation": "acme",
        "split": "dev" if number % 2 else "test",
        "slice": kind,
        "question": question,
    }
    if document:
        record |= {"gold": [[{"document": document, "quote": quote}]], "answers": [[answer]]}
    return json.dumps(record | changes)


def write_golden(folder: Path) -> Path:
    documents = folder / "documents" / "acme"
    documents.mkdir(parents=True)
    (documents / "handbook.md").write_text(HANDBOOK)
    (documents / "notice.md").write_text(NOTICE)
    write_lines(folder / "questions.jsonl", *(line(number) for number in range(len(QUESTIONS))))
    return folder
