"""The command: its exit codes and messages, and what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from evals_datasets import replace_line
from typer.testing import CliRunner

from aura.testing.embeddings import HashEmbedding
from aura_evals.cli import app


def aura_evals(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], obj=HashEmbedding())


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One database for every run of these tests: making one takes most of their time."""
    return tmp_path_factory.mktemp("evals-data")


def run(dataset: Path, *arguments: object) -> Result:
    return aura_evals("run", "retrieval", "--dataset", dataset, "--cache-dir", dataset.parent / "cache", *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--floor", "hybrid.ndcg@10"], "a floor is LEG.METRIC=VALUE"),
        (["--floor", "rerank.ndcg@10=0.5"], "a floor is on 'rerank.ndcg@10', which suite 'retrieval' does not measure"),
        (["--split", "dev"], "there is no split 'dev'"),
        (["--json", "/nowhere/out.json"], "--json can not be written there"),
        (["--limit", "0"], "Invalid value for '--limit'"),
    ],
)
def test_options_that_can_not_be_used_exit_with_2(dataset: Path, arguments: list[str], message: str) -> None:
    result = run(dataset, *arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_malformed_line_exits_with_2_and_names_the_file_and_the_line(dataset: Path) -> None:
    replace_line(dataset / "corpus.jsonl", 2, "{broken")
    result = run(dataset)
    assert result.exit_code == 2
    assert f"{dataset / 'corpus.jsonl'}:2: not a record" in result.stderr


def test_an_unknown_suite_exits_with_2(dataset: Path) -> None:
    assert aura_evals("run", "nonsense", "--dataset", dataset).exit_code == 2


def test_a_suite_for_another_dataset_exits_with_2(dataset: Path) -> None:
    result = aura_evals("run", "scifact", "--dataset", dataset)
    assert result.exit_code == 2
    assert "suite 'scifact' is for the dataset 'scifact', not 'tiny'" in result.output


def test_a_setting_that_aura_does_not_know_exits_with_2(dataset: Path, tmp_path: Path) -> None:
    suite = tmp_path / "mine.toml"
    suite.write_text('name = "mine"\nkind = "retrieval"\n[settings]\nfusion_wait = 1\n')
    result = aura_evals("run", suite, "--dataset", dataset, "--cache-dir", tmp_path / "cache")
    assert result.exit_code == 2
    assert "fusion_wait" in result.output


def test_a_run_writes_the_numbers_of_each_leg(dataset: Path, data_dir: Path) -> None:
    out = dataset.parent / "out.json"
    result = run(dataset, "--data-dir", data_dir, "--json", out, "--floor", "hybrid.ndcg@10=1")
    assert result.exit_code == 0, result.output
    written = json.loads(out.read_text())
    assert (written["suite"], written["dataset"]) == ("retrieval", "tiny")
    assert set(written["metrics"]) == {"bm25", "dense", "hybrid"}
    for metrics in written["metrics"].values():
        assert metrics == {"ndcg@10": 1.0, "recall@10": 1.0, "recall@100": 1.0}
    assert "hybrid" in result.stdout


def test_a_broken_floor_exits_with_1_and_the_numbers_are_written_nevertheless(dataset: Path, data_dir: Path) -> None:
    out = dataset.parent / "out.json"
    result = run(dataset, "--data-dir", data_dir, "--json", out, "--limit", "1", "--floor", "bm25.ndcg@10=1.5")
    assert result.exit_code == 1, result.output
    assert "bm25.ndcg@10 is 1.0000, below its floor of 1.5" in result.output
    assert json.loads(out.read_text())["limit"] == 1
