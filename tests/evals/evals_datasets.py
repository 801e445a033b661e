"""A dataset small enough to know by heart, and a way to spoil it."""

from __future__ import annotations

import json
from pathlib import Path

DOCUMENTS = {
    "d1": ("Returns", "Customers may return a product within thirty days of delivery."),
    "d2": ("Warranty", "The warranty covers defects of the engine for two years."),
    "d3": ("Shipping", "Parcels leave the warehouse every morning except on Sunday."),
    "d4": ("", "Invoices are due within fourteen days."),
    "d5": ("Holidays", "Employees have twenty five days of holiday each year."),
}
QUERIES = {
    "q1": "how long may customers return a product",
    "q2": "which defects does the warranty cover",
    "q3": "when are invoices due",
}
QRELS = {"q1": {"d1": 1}, "q2": {"d2": 2, "d5": 0}, "q3": {"d4": 1}}


def write_dataset(folder: Path, *, split: str = "test") -> Path:
    """The dataset in BEIR's layout."""
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": id, "title": title, "text": text, "metadata": {}} for id, (title, text) in DOCUMENTS.items()]
    queries = [{"_id": id, "text": text} for id, text in QUERIES.items()]
    write_lines(folder / "corpus.jsonl", *map(json.dumps, corpus))
    write_lines(folder / "queries.jsonl", *map(json.dumps, queries))
    judged = [f"{query}\t{document}\t{score}" for query, found in QRELS.items() for document, score in found.items()]
    write_lines(folder / "qrels" / f"{split}.tsv", "query-id\tcorpus-id\tscore", *judged)
    return folder


def write_lines(path: Path, *lines: str) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def replace_line(path: Path, number: int, line: str | bytes) -> None:
    lines = path.read_bytes().split(b"\n")
    lines[number - 1] = line if isinstance(line, bytes) else line.encode()
    path.write_bytes(b"\n".join(lines))
