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


def run(dataset: Path, *arguments: object) -> Result:
    kept = ("--cache-dir", dataset.parent / "cache", "--history", dataset.parent / "history.sqlite")
    return aura_evals("run", "retrieval", "--dataset", dataset, *kept, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--floor", "hybrid.ndcg@10"], "a floor is LEG.METRIC=VALUE"),
        (["--floor", "rerank.ndcg@10=0.5"], "a floor is on 'rerank.ndcg@10', which suite 'retrieval' does not measure"),
        (["--split", "dev"], "there is no split 'dev'"),
        (["--json", "/nowhere/out.json"], "--json can not be written there"),
        (["--html", "/nowhere/out.html"], "--html can not be written there"),
        (["--update-baseline"], "--update-baseline needs --baseline FILE and --reason TEXT"),
        (["--baseline", "/nowhere/baseline.jsonl"], "/nowhere/baseline.jsonl: it can not be read"),
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


def test_a_run_writes_the_numbers_of_each_leg(dataset: Path, evals_dir: Path) -> None:
    out = dataset.parent / "out.json"
    result = run(dataset, "--data-dir", evals_dir, "--json", out, "--floor", "hybrid.ndcg@10=1")
    assert result.exit_code == 0, result.output
    written = json.loads(out.read_text())
    assert (written["suite"], written["dataset"]) == ("retrieval", "tiny")
    assert set(written["metrics"]) == {"bm25", "dense", "hybrid"}
    for metrics in written["metrics"].values():
        assert metrics == {"ndcg@10": 1.0, "recall@10": 1.0, "recall@100": 1.0}
    assert "hybrid" in result.stdout


def test_a_broken_floor_exits_with_1_and_the_numbers_are_written_nevertheless(dataset: Path, evals_dir: Path) -> None:
    out = dataset.parent / "out.json"
    result = run(dataset, "--data-dir", evals_dir, "--json", out, "--limit", "1", "--floor", "bm25.ndcg@10=1.5")
    assert result.exit_code == 1, result.output
    assert "bm25.ndcg@10 is 1.0000, below its floor of 1.5" in result.output
    assert json.loads(out.read_text())["limit"] == 1


def test_a_run_becomes_a_baseline_that_the_same_run_passes_byte_for_byte(dataset: Path, evals_dir: Path) -> None:
    baseline, first, second = (dataset.parent / name for name in ("baseline.jsonl", "1.json", "2.json"))
    made = run(
        dataset,
        "--data-dir",
        evals_dir,
        "--baseline",
        baseline,
        "--update-baseline",
        "--reason",
        "new",
        "--json",
        first,
    )
    assert made.exit_code == 0, made.output
    again = run(dataset, "--data-dir", evals_dir, "--baseline", baseline, "--json", second)
    assert again.exit_code == 0, again.output
    assert first.read_bytes() == second.read_bytes()
    assert aura_evals("compare", baseline, second).exit_code == 0


def test_what_became_worse_exits_with_1_in_a_run_in_compare_and_in_report(dataset: Path, evals_dir: Path) -> None:
    baseline, out = dataset.parent / "baseline.jsonl", dataset.parent / "out.json"
    options = ("--data-dir", evals_dir, "--json", out)
    made = run(dataset, *options, "--baseline", baseline, "--update-baseline", "--reason", "new")
    assert made.exit_code == 0, made.output
    baseline.write_text(baseline.read_text().replace('"hybrid.ndcg@10":1.0', '"hybrid.ndcg@10":1.5'))
    result = run(dataset, *options, "--baseline", baseline)
    assert result.exit_code == 1, result.output
    assert "hybrid.ndcg@10 fell from 1.5000 to 1.0000" in result.output
    for arguments in (("compare", baseline, out), ("report", out, "--baseline", baseline)):
        compared = aura_evals(*arguments)
        assert compared.exit_code == 1, compared.output
        assert "hybrid.ndcg@10 fell" in compared.output


def test_runs_without_a_query_in_common_can_not_be_compared(tmp_path: Path) -> None:
    for name in ("a", "b"):
        header = '{"baseline":"s","dataset":"d","split":"t","reason":"r","model":{"name":"","sha256":""},'
        rest = '"environment":{},"metrics":{}}'
        (tmp_path / name).write_text(f'{header}{rest}\n{{"id":"{name}","query":"","values":{{"x.y":1}}}}\n')
    result = aura_evals("compare", tmp_path / "a", tmp_path / "b")
    assert result.exit_code == 2
    assert "no query in common" in result.output


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    result = aura_evals("report", tmp_path / "a.json")
    assert result.exit_code == 2
    assert "not the result of a run" in result.output


def test_a_suite_that_makes_its_own_data_takes_no_dataset(dataset: Path) -> None:
    result = aura_evals("run", "isolation", "--dataset", dataset)
    assert result.exit_code == 2
    assert "makes its own data" in result.output


def test_a_benchmark_that_is_not_known_exits_with_2(tmp_path: Path) -> None:
    suite = tmp_path / "mine.toml"
    suite.write_text('name = "mine"\nkind = "latency"\nbenches = ["nonsense"]\n')
    result = aura_evals("run", suite)
    assert result.exit_code == 2
    assert "there is no benchmark 'nonsense': known are" in result.output
