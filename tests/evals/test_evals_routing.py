"""`aura-evals run routing`: from CSVs to the numbers, and what is no dataset."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from aura.answering.models import open_model
from aura.errors import InvalidRequest
from aura.router.learned import train
from aura.router.quality import curve, lengths, outcomes
from aura.router.smart_router import SmartRouter
from aura.settings import Settings
from aura_evals.cli import app
from aura_evals.routing import score
from aura_evals.routing_baseline import compare, read
from aura_evals.routing_choice import choices
from aura_evals.routing_labels import read_labels

RUNNER = CliRunner()
BASELINE = Path(__file__).parents[2] / "evals" / "baselines" / "routing-gsm8k.jsonl"
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


def test_the_ranking_by_gain_price_and_time_keeps_the_stated_share_and_the_order_of_what_is_learned(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out.json"
    code, output = run(traffic(tmp_path / "traffic.csv"), "--json", str(out))
    assert "50% strong calls stated: 50.0% given" in output
    found = json.loads(out.read_text())
    assert [each["stated"] for each in found["ranked"]] == [0.2, 0.5, 0.8]
    for each in found["ranked"]:
        assert each["given"] == pytest.approx(each["stated"], abs=1 / 240)
        assert each["recovered"] > each["stated"] + 0.05
        assert each["apgr"] == pytest.approx(found["metrics"]["learned"]["apgr"], abs=0.001)
    assert code == 0


def test_a_strong_model_that_is_slow_today_is_given_fewer_questions_and_those_that_gain_most() -> None:
    gains = np.random.default_rng(0).normal(0.2, 0.1, 200)
    usual, slow = choices(gains, share=0.5), choices(gains[:40], share=0.5, slower=8.0)
    assert usual.strong.sum() == 100
    assert 0 < slow.strong.sum() < (gains[:40] >= np.quantile(gains[:40], 0.5)).sum()
    assert slow.strong[np.argmax(gains[:40])]


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


def test_a_router_that_became_worse_is_named_and_one_that_is_the_same_is_not(tmp_path: Path) -> None:
    path, baseline = traffic(tmp_path / "traffic.csv"), tmp_path / "baseline.jsonl"
    first = ("--baseline", str(baseline), "--update-baseline", "--reason", "the first")
    assert run(path, *first)[0] == 0
    assert run(path, "--baseline", str(baseline))[0] == 0
    labels, before = read_labels(path), read(baseline)
    assert not any(label.question in baseline.read_text() for label in labels)
    scores = score(labels).scores
    worse = {**scores, "learned": -scores["learned"]}
    (fault,) = compare(before, labels, worse)
    assert fault.startswith("learned.apgr fell by 0.")
    assert compare(before, labels, {**scores, "learned": scores["learned"] + 1.0}) == []


def test_what_was_learned_is_written_for_a_deployment_where_it_is_proved(tmp_path: Path) -> None:
    path, weights = traffic(tmp_path / "traffic.csv"), tmp_path / "weights.json"
    assert run(path, "--weights", str(weights), "--strong-share", "0.5")[0] == 0
    model = open_model(Settings.load(openai_api_key="sk", grok_api_key="xai", router_weights=weights))
    assert isinstance(model, SmartRouter)
    classifier = model._core.classifier
    usual = " ".join(f"w{n}" for n in range(12))  # as long as the questions that were learned of mostly are
    tiers = {word: classifier.read(f"{usual} {word}, 7").tier for word in ("theorem", "colour")}
    assert tiers == {"theorem": "reasoning", "colour": "fast"}
    weights.write_text("{}")
    with pytest.raises(InvalidRequest, match="AURA_ROUTER_WEIGHTS"):
        open_model(Settings.load(openai_api_key="sk", router_weights=weights))
    assert run(traffic(tmp_path / "few.csv", 40), "--weights", str(weights))[0] == 2


def test_a_stated_cost_is_the_share_of_strong_calls_that_costs_so_much(tmp_path: Path) -> None:
    path = traffic(tmp_path / "traffic.csv")
    by_share, by_cost = tmp_path / "share.json", tmp_path / "cost.json"
    assert run(path, "--weights", str(by_share), "--strong-share", "0.25")[0] == 0
    assert run(path, "--weights", str(by_cost), "--mean-cost", "0.002:0.001:0.005")[0] == 0
    assert by_cost.read_bytes() == by_share.read_bytes()
    for wrong in (("--mean-cost", "cheap"), ("--mean-cost", "1:1:2", "--strong-share", "0.5")):
        assert run(path, "--weights", str(by_cost), *wrong)[0] == 2


def test_a_baseline_of_other_questions_has_no_verdict(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.jsonl"
    path = traffic(tmp_path / "one.csv", 60)
    assert run(path, "--baseline", str(baseline), "--update-baseline")[0] == 2  # without a reason
    assert run(path, "--baseline", str(baseline), "--update-baseline", "--reason", "the first")[0] == 0
    assert run(traffic(tmp_path / "two.csv", 60, seed=2), "--baseline", str(baseline))[0] == 2
    baseline.write_text("{}\n")
    assert run(path, "--baseline", str(baseline))[0] == 2


def test_the_page_shows_what_each_share_of_strong_calls_comes_to(tmp_path: Path) -> None:
    page, path = tmp_path / "page.html", traffic(tmp_path / "traffic.csv", 120)
    assert run(path, "--html", str(page))[0] == 0
    html = page.read_text()
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    labels = read_labels(path)
    right = sum(float(label.strong_right or 0) for label in labels) / len(labels)
    assert f"oracle {right:.4f} at 100% strong calls" in html
    assert html.count("<polyline") == 6


def test_scores_of_a_judge_are_labels_too(tmp_path: Path) -> None:
    asked = [{"question_id": n, "category": "math", "turns": [f"question {n}", "and then"]} for n in range(4)]
    judged = [
        {"question_id": n, "model": model, "score": score, "turn": turn}
        for n in range(4)
        for model, scores in (("weak", (2, 4)), ("able", (9, 10)))
        for turn, score in enumerate(scores, 1)
    ]
    for name, rows in (("mt_question.jsonl", asked), ("mt_judgements.jsonl", judged)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    labels = read_labels(tmp_path / "mt_judgements.jsonl")
    assert [(each.question, each.topic) for each in labels] == [(f"question {n}", "math") for n in range(4)]
    assert (labels[0].quick_right, labels[0].strong_right) == pytest.approx((0.3, 0.95))
    (tmp_path / "mt_question.jsonl").unlink()
    assert run(tmp_path / "mt_judgements.jsonl")[0] == 2


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded outcomes of GSM8K are not on this machine")
def test_on_gsm8k_what_is_learned_is_better_than_length_by_more_than_chance(tmp_path: Path) -> None:
    options = ("--json", str(tmp_path / "out.json"), "--floor", "learned.apgr=0.625", "--baseline", str(BASELINE))
    code, output = run(SHARED, *options)
    assert code == 0, output
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["proof"]["ahead"]["low"] > 0
    assert [each["given"] for each in found["ranked"]] == pytest.approx([0.2, 0.5, 0.8], abs=0.001)
    assert min(each["apgr"] for each in found["ranked"]) >= found["metrics"]["learned"]["apgr"] - 0.001


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded outcomes of GSM8K are not on this machine")
def test_of_200_labels_of_one_topic_what_is_learned_is_above_length_on_all_other_questions_and_held_out() -> None:
    sums = read_labels(SHARED)
    held_out_ahead = 0
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(sums))
        known, others = [sums[n] for n in order[:200]], [sums[n] for n in order[200:]]
        scored = score(known)
        held_out_ahead += scored.learned_is == "learned"
        quick, strong = outcomes(others)
        learned = curve(train(known).gains(others), quick, strong).apgr.value
        assert learned > curve(lengths(others), quick, strong).apgr.value
    assert held_out_ahead == 2  # one of these samples where each fold keeps a level of its own


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded outcomes of two models are not on this machine")
def test_of_210_labels_of_mixed_topics_what_is_learned_is_above_length() -> None:
    sums = read_labels(SHARED)
    mixed = [*sums[:1_300:10], *read_labels(SHARED.with_name("mt_bench_judgements.jsonl"))]
    assert len(mixed) == 210
    proof = score(mixed).proof
    assert proof is not None
    assert proof.learned > proof.length


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded outcomes of two models are not on this machine")
def test_on_mt_bench_which_has_but_80_questions_length_decides_as_it_did(tmp_path: Path) -> None:
    judged = SHARED.with_name("mt_bench_judgements.jsonl")
    assert run(judged, "--json", str(tmp_path / "out.json"))[0] == 0
    metrics = json.loads((tmp_path / "out.json").read_text())["metrics"]
    assert metrics["learned"] == metrics["length"] == metrics["cold"]
