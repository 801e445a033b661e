"""`aura-evals run routing`: from CSVs to the numbers, and what is no dataset."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aura_evals.cli import app

RUNNER = CliRunner()
SHARED = Path(__file__).parents[3] / "shared" / "data" / "routing" / "gsm8k_responses.csv"


def traffic(path: Path, count: int = 240, *, seed: int = 1) -> Path:
    """A CSV in which one word, and no length, tells which questions gain by the strong model."""
    chance = random.Random(seed)
    lines = ["prompt,weak,strong,weak_response,strong_response"]
    for n in range(count):
        hard = chance.random() < 0.5
        words = " ".join(f"w{chance.randint(0, 300)}" for _ in range(chance.randint(3, 20)))
        weak = chance.random() < (0.2 if hard else 0.9)
        lines.append(f'"{words} {"theorem" if hard else "colour"}, {n}",{weak},{chance.random() < 0.95},a,"b, c"')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(path: Path, *options: str) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["run", "routing", "--dataset", str(path), *options])
    return result.exit_code, result.output


def test_every_system_is_measured_with_intervals(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    code, _ = run(traffic(tmp_path / "traffic.csv"), "--json", str(out), "--floor", "learned.apgr=0.6")
    assert code == 0
    found = json.loads(out.read_text())
    assert {"random", "length", "topic", "cold", "learned", "oracle"} == set(found["metrics"])
    for system, row in found["metrics"].items():
        assert set(row) == {"apgr", "cpt50", "cpt80"}
        low, high = found["intervals"][system]["apgr"]
        assert low <= row["apgr"] <= high
    metrics = found["metrics"]
    assert metrics["random"] == {"apgr": 0.5, "cpt50": 50.0, "cpt80": 80.0}
    assert metrics["cold"]["apgr"] >= metrics["length"]["apgr"]
    assert metrics["oracle"]["apgr"] > metrics["learned"]["apgr"] > metrics["length"]["apgr"] + 0.05
    assert found["proof"]["proved"] is True


def test_the_same_data_gives_the_same_bytes(tmp_path: Path) -> None:
    path = traffic(tmp_path / "traffic.csv", 120)
    for name in ("one.json", "two.json"):
        run(path, "--json", str(tmp_path / name))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_folder_is_one_traffic_of_many_topics(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for topic in ("algebra", "history"):
        traffic(folder / f"{topic}.csv", 60, seed=len(topic))
    code, output = run(folder, "--json", str(tmp_path / "out.json"))
    assert code == 0, output
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["questions"], found["topics"]) == (120, 2)


def test_of_few_labels_nothing_is_learned_and_length_decides(tmp_path: Path) -> None:
    run(traffic(tmp_path / "few.csv", 40), "--json", str(tmp_path / "out.json"))
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["metrics"]["learned"] == found["metrics"]["length"]
    assert found["learned_is"].startswith("length")


def test_a_broken_floor_is_exit_code_1(tmp_path: Path) -> None:
    assert run(traffic(tmp_path / "t.csv", 60), "--floor", "length.apgr=0.99")[0] == 1


@pytest.mark.parametrize(
    "content", ["", "prompt,weak,strong\n", "prompt,weak\nx,True\n", "prompt,a,b\nx,maybe,True\n", "a,b\n1,0\n"]
)
def test_what_is_no_dataset_has_no_verdict(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content, encoding="utf-8")
    assert run(path)[0] == 2
    assert run(tmp_path / "nothing.csv")[0] == 2


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded outcomes of GSM8K are not on this machine")
def test_on_gsm8k_what_is_learned_is_better_than_length_by_more_than_chance(tmp_path: Path) -> None:
    code, output = run(SHARED, "--json", str(tmp_path / "out.json"), "--floor", "learned.apgr=0.625")
    assert code == 0, output
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["proof"]["ahead"]["low"] > 0
