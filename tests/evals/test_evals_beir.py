"""Datasets in BEIR's layout, and what is said of bad ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from evals_datasets import DOCUMENTS, QRELS, QUERIES, replace_line, write_dataset, write_lines

from aura_evals.beir import batches, open_dataset
from aura_evals.errors import BadInput


def refused(path: Path, message: str, **options: object) -> BadInput:
    with pytest.raises(BadInput, match=re.escape(message)) as caught:
        open_dataset(path, **options)  # type: ignore[arg-type]
    return caught.value


def test_a_dataset_is_read(dataset: Path) -> None:
    found = open_dataset(dataset)
    assert (found.name, found.split, found.documents) == ("tiny", "test", len(DOCUMENTS))
    assert {query.id: query.text for query in found.queries} == QUERIES
    assert found.qrels == QRELS


def test_a_document_is_its_title_in_front_of_its_text(dataset: Path) -> None:
    contents = {document.id: document.content for document in open_dataset(dataset).corpus()}
    assert contents["d1"] == "Returns\nCustomers may return a product within thirty days of delivery."
    assert contents["d4"] == "Invoices are due within fourteen days."


def test_queries_that_nobody_judged_are_left_out(dataset: Path) -> None:
    with (dataset / "queries.jsonl").open("a") as file:
        file.write('{"_id": "q9", "text": "unjudged"}\n{"_id": "q10", "text": ""}\n')
    assert {query.id for query in open_dataset(dataset).queries} == set(QUERIES)


def test_byte_order_mark_blank_lines_and_windows_line_ends_do_no_harm(dataset: Path) -> None:
    for file in (dataset / "corpus.jsonl", dataset / "queries.jsonl", dataset / "qrels" / "test.tsv"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n") + b"\r\n\n")
    assert open_dataset(dataset).qrels == QRELS


def test_qrels_need_no_heading(dataset: Path) -> None:
    write_lines(dataset / "qrels" / "test.tsv", "q1\td1\t1")
    assert open_dataset(dataset).qrels == {"q1": {"d1": 1}}


def test_the_last_of_two_judgements_of_one_pair_counts(dataset: Path) -> None:
    write_lines(dataset / "qrels" / "test.tsv", "q1\td1\t1", "q1\td1\t2")
    assert open_dataset(dataset).qrels == {"q1": {"d1": 2}}


def test_the_only_split_is_taken(tmp_path: Path) -> None:
    assert open_dataset(write_dataset(tmp_path / "tiny", split="dev")).split == "dev"


def test_of_several_splits_test_is_taken_and_another_can_be_named(dataset: Path) -> None:
    write_lines(dataset / "qrels" / "dev.tsv", "q3\td4\t1")
    assert open_dataset(dataset).split == "test"
    assert open_dataset(dataset, split="dev").qrels == {"q3": {"d4": 1}}


def test_an_unknown_split_is_refused_with_the_known_ones(dataset: Path) -> None:
    refused(dataset, "there is no split 'train': --split takes one of test", split="train")


def test_a_limit_keeps_the_judged_documents_of_its_queries(dataset: Path) -> None:
    found = open_dataset(dataset, limit=1)
    assert [query.id for query in found.queries] == ["q1"]
    assert {document.id for document in found.corpus()} == {"d1", "d2"}
    assert found.documents == 2
    assert found.qrels == {"q1": {"d1": 1}}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "corpus.jsonl:3: not a record of corpus.jsonl"),
        ('["d3"]', "corpus.jsonl:3: not a record of corpus.jsonl: Expected `object`, got `array`"),
        ('{"text": "no id"}', "corpus.jsonl:3: not a record of corpus.jsonl: Object missing required field `_id`"),
        ('{"_id": "d3"}', "corpus.jsonl:3: not a record of corpus.jsonl: Object missing required field `text`"),
        ('{"_id": 3, "text": "t"}', "corpus.jsonl:3: not a record of corpus.jsonl: Expected `str`, got `int`"),
        ('{"_id": "d1", "text": "again"}', "corpus.jsonl:3: document 'd1' is there twice"),
        (b'{"_id": "d3", "text": "\xff"}', "corpus.jsonl:3: not a record of corpus.jsonl"),
    ],
)
def test_a_bad_line_of_the_corpus_is_named(dataset: Path, line: str | bytes, message: str) -> None:
    replace_line(dataset / "corpus.jsonl", 3, line)
    error = refused(dataset, message)
    assert (error.path, error.line) == (dataset / "corpus.jsonl", 3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "queries.jsonl:2: not a record of queries.jsonl"),
        ('{"_id": "q1", "text": "again"}', "queries.jsonl:2: query 'q1' is there twice"),
        ('{"_id": "q2", "text": " "}', "queries.jsonl:2: query 'q2' has no text"),
        ('{"_id": "other", "text": "t"}', "test.tsv:3: query 'q2' is not in queries.jsonl"),
    ],
)
def test_a_bad_line_of_the_queries_is_named(dataset: Path, line: str, message: str) -> None:
    replace_line(dataset / "queries.jsonl", 2, line)
    refused(dataset, message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q2 d2 1", "test.tsv:3: expected three fields"),
        ("q2\td2", "test.tsv:3: expected three fields"),
        ("q2\t\t1", "test.tsv:3: expected three fields"),
        ("q2\td2\tyes", "test.tsv:3: the score must be a whole number, not 'yes'"),
        ("q2\td2\t0.5", "test.tsv:3: the score must be a whole number, not '0.5'"),
        ("q2\tmissing\t1", "test.tsv:3: document 'missing' is not in corpus.jsonl"),
        (b"q2\t\xff\t1", "test.tsv:3: the line is not UTF-8"),
    ],
)
def test_a_bad_line_of_the_judgements_is_named(dataset: Path, line: str | bytes, message: str) -> None:
    replace_line(dataset / "qrels" / "test.tsv", 3, line)
    refused(dataset, message)


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
def test_a_missing_file_is_named(dataset: Path, name: str) -> None:
    (dataset / name).unlink()
    refused(dataset, f"{name}: it can not be read: No such file or directory")


def test_a_folder_without_judgements_is_refused(dataset: Path) -> None:
    (dataset / "qrels" / "test.tsv").unlink()
    refused(dataset, "the dataset has no judgements")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "there is no such folder")


def test_an_empty_corpus_is_refused(dataset: Path) -> None:
    (dataset / "corpus.jsonl").write_text("\n")
    refused(dataset, "corpus.jsonl: there are no documents in it")


def test_judgements_with_a_heading_alone_are_refused(dataset: Path) -> None:
    write_lines(dataset / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore")
    refused(dataset, "test.tsv: there are no judgements in it")


def test_the_corpus_is_streamed(dataset: Path) -> None:
    taken = batches(open_dataset(dataset).corpus(), 2)
    assert [document.id for document in next(taken)] == ["d1", "d2"]
    (
        dataset / "corpus.jsonl"
    ).unlink()  # what follows comes from the file that is still open, not from memory of a whole
    assert [len(batch) for batch in taken] == [2, 1]
