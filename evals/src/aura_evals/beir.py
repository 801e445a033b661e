"""Datasets in BEIR's layout: `corpus.jsonl`, `queries.jsonl`, `qrels/*.tsv`.

The corpus is streamed, here and by who uses it: what is kept in memory are the judgements, the judged queries and, while
a dataset is checked, eight bytes or so for each document's id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from aura_evals.errors import BadInput

T = TypeVar("T")

Qrels = dict[str, dict[str, int]]
"""Query id → document id → how relevant it was judged; 0 and less is not relevant."""

DEFAULT_SPLIT = "test"
_BOM = b"\xef\xbb\xbf"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the corpus."""

    id: str = msgspec.field(name="_id")
    title: str | None = None
    text: str

    @property
    def content(self) -> str:
        """What is indexed: the title in front of the text."""
        return f"{self.title}\n{self.text}" if self.title else self.text


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the queries."""

    id: str = msgspec.field(name="_id")
    text: str


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset that was read and checked: every judgement has its query and its document.

    Attributes:
        queries: those that `qrels` judges, in the order of their file.
        documents: how many the corpus has.
        limit: set, it is a part of the dataset; see `open_dataset`.
    """

    path: Path
    split: str
    queries: tuple[Query, ...]
    qrels: Qrels
    documents: int
    limit: int | None = None

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.path.resolve().name

    def corpus(self) -> Iterator[Document]:
        """Its documents, a line at a time."""
        documents = _corpus(self.path)
        return documents if self.limit is None else _part(documents, self.limit, _judged(self.qrels))


def open_dataset(path: Path, *, split: str | None = None, limit: int | None = None) -> Dataset:
    """The dataset in the folder `path`, read through once, so that nothing is wrong with it half an hour later.

    Args:
        split: which file of `qrels/`; `test` where there is one, else the only one there is.
        limit: take this many queries, the documents judged for them and this many others: a run that is over soon, whose
            numbers say nothing about the dataset.

    Raises:
        BadInput: with the file, and the line where one is to blame.
    """
    qrels_file = _qrels_file(path, split)
    lines: dict[tuple[str, str], int] = {}
    qrels = _read_qrels(qrels_file, lines)
    queries = _read_queries(path / "queries.jsonl", qrels)
    _require_queries(qrels_file, lines, {query.id for query in queries})
    if limit is not None:
        queries = queries[:limit]
        qrels = {query.id: qrels[query.id] for query in queries}
    documents, missing = _check_corpus(path, _judged(qrels))
    for (query_id, document_id), line in lines.items():
        if document_id in missing and query_id in qrels:
            raise BadInput(f"document {document_id!r} is not in corpus.jsonl", path=qrels_file, line=line)
    dataset = Dataset(
        path=path, split=qrels_file.stem, queries=tuple(queries), qrels=qrels, documents=documents, limit=limit
    )
    return dataset if limit is None else msgspec.structs.replace(dataset, documents=sum(1 for _ in dataset.corpus()))


def _qrels_file(path: Path, split: str | None) -> Path:
    if not path.is_dir():
        raise BadInput(
            "there is no such folder; a dataset is one with corpus.jsonl, queries.jsonl and qrels/", path=path
        )
    files = {file.stem: file for file in sorted((path / "qrels").glob("*.tsv"))}
    if not files:
        raise BadInput("the dataset has no judgements: expected at least one *.tsv here", path=path / "qrels")
    wanted = split or (DEFAULT_SPLIT if len(files) > 1 else next(iter(files)))
    if wanted not in files:
        raise BadInput(f"there is no split {wanted!r}: --split takes one of {', '.join(files)}", path=path / "qrels")
    return files[wanted]


def _read_qrels(path: Path, lines: dict[tuple[str, str], int]) -> Qrels:
    """The judgements of `path`; the last one counts where a pair is judged twice, as for BEIR's own reader.

    Args:
        lines: filled with the line of each pair.
    """
    qrels: Qrels = {}
    for number, line in _lines(path):
        fields = _utf8(line, path, number).split("\t")
        if len(fields) != 3 or not all(fields):
            raise BadInput(
                "expected three fields: query-id, corpus-id, score, with tabs between", path=path, line=number
            )
        query_id, document_id, score = fields
        if number == 1 and not _is_integer(score):  # the usual heading
            continue
        if not _is_integer(score):
            raise BadInput(f"the score must be a whole number, not {score!r}", path=path, line=number)
        qrels.setdefault(query_id, {})[document_id] = int(score)
        lines.setdefault((query_id, document_id), number)
    if not qrels:
        raise BadInput("there are no judgements in it", path=path)
    return qrels


def _is_integer(text: str) -> bool:
    return text.strip().removeprefix("-").isdecimal()


def _read_queries(path: Path, judged: Mapping[str, object]) -> list[Query]:
    queries: dict[str, Query] = {}
    for number, query in read_records(path, Query):
        if query.id in queries:
            raise BadInput(f"query {query.id!r} is there twice", path=path, line=number)
        if query.id in judged:
            if not query.text.strip():
                raise BadInput(f"query {query.id!r} has no text", path=path, line=number)
            queries[query.id] = query
    return list(queries.values())


def _require_queries(path: Path, lines: Mapping[tuple[str, str], int], known: set[str]) -> None:
    for (query_id, _), line in lines.items():
        if query_id not in known:
            raise BadInput(f"query {query_id!r} is not in queries.jsonl", path=path, line=line)


def _check_corpus(path: Path, wanted: set[str]) -> tuple[int, set[str]]:
    """How many documents the corpus has, and which of `wanted` it lacks. Reads every line."""
    file = path / "corpus.jsonl"
    missing, seen = set(wanted), set[int]()
    count = 0
    for number, document in read_records(file, Document):
        count += 1
        seen.add(hash(document.id))  # 64 bits: two ids share one in a million documents three times in 10 million runs
        if len(seen) < count:
            raise BadInput(f"document {document.id!r} is there twice", path=file, line=number)
        missing.discard(document.id)
    if not count:
        raise BadInput("there are no documents in it", path=file)
    return count, missing


def _corpus(path: Path) -> Iterator[Document]:
    return (document for _, document in read_records(path / "corpus.jsonl", Document))


def _part(documents: Iterator[Document], limit: int, wanted: set[str]) -> Iterator[Document]:
    others = 0
    for document in documents:
        if document.id in wanted:
            yield document
        elif others < limit:
            others += 1
            yield document


def _judged(qrels: Qrels) -> set[str]:
    return {document_id for judged in qrels.values() for document_id in judged}


def read_records(path: Path, kind: type[T]) -> Iterator[tuple[int, T]]:
    """The records of a JSON Lines file, each with its line's number.

    Raises:
        BadInput: a line is not such a record, or the file can not be read.
    """
    decoder = msgspec.json.Decoder(kind)
    for number, line in _lines(path):
        try:
            record = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadInput(f"not a record of {path.name}: {error}", path=path, line=number) from None
        yield number, record


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, with their numbers."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                content = (line.removeprefix(_BOM) if number == 1 else line).rstrip(b"\r\n")
                if content.strip():
                    yield number, content
    except OSError as error:
        raise BadInput(f"it can not be read: {error.strerror}", path=path) from None


def _utf8(line: bytes, path: Path, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise BadInput("the line is not UTF-8", path=path, line=number) from None


def batches(documents: Iterator[Document], size: int) -> Iterator[list[Document]]:
    """`documents` in lists of `size`."""
    while batch := list(islice(documents, size)):
        yield batch
