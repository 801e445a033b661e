"""Conversations in LoCoMo's layout are read as they are meant, and recall is measured on them through the database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aura.testing.embeddings import HashEmbedding
from aura_evals.cli import app
from aura_evals.dialogues import make_dialogues
from aura_evals.errors import BadInput
from aura_evals.locomo import read_samples, samples_of
from aura_evals.long_dialogues import make_long_dialogues


def sample(**changed: object) -> dict[str, object]:
    conversation = {
        "speaker_a": "Ana", "speaker_b": "Ben",
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [
            {"speaker": "Ana", "dia_id": "D1:1", "text": "My dog is called Biscuit."},
            {"speaker": "Ben", "dia_id": "D1:2", "text": "Look", "blip_caption": "a photo of a red boat"},
        ],
        "session_2_date_time": "soon",
        "session_2": [{"speaker": "Ana", "dia_id": "D2:1", "text": "I paint horses on weekends."}],
    }  # fmt: skip
    qa = [
        {"question": "What is the dog of Ana called?", "answer": "Biscuit", "evidence": ["D1:1"], "category": 4},
        {"question": "What does Ana paint?", "answer": "horses", "evidence": ["D:2:1; D01:02"], "category": 1},
        {"question": "What is in the photo?", "answer": "a boat", "evidence": ["D1:2", "D9:9"], "category": 1},
        {"question": "Who?", "answer": "?", "evidence": ["D"], "category": 2},
        {"question": "Which volcano erupted?", "answer": "", "evidence": [], "category": 5},
    ]
    return {"sample_id": "one", "conversation": conversation, "qa": qa, **changed}


def test_evidence_that_is_malformed_is_repaired_or_dropped_and_counted() -> None:
    (read,), repairs = samples_of([sample()], Path("x"))
    assert [question.evidence for question in read.questions] == [("D1:1",), ("D2:1", "D1:2"), ("D1:2",), ()]
    assert (repairs.evidence_repaired, repairs.evidence_dropped, repairs.questions_skipped) == (1, 2, 1)


def test_a_question_for_which_its_author_named_no_evidence_is_no_off_topic_one() -> None:
    asked = [
        {"question": "Would Ana like a cat?", "answer": "Likely no", "evidence": [], "category": 3},
        {"question": "Which volcano erupted?", "answer": "", "evidence": [], "category": "off-topic"},
    ]
    (read,), repairs = samples_of([sample(qa=asked)], Path("x"))
    assert [question.category for question in read.questions] == ["off-topic"]
    assert repairs.questions_skipped == 1


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["D1:3; D2:5"], ("D1:3", "D2:5")),
        (["D1:3 D2:5 D2:4"], ("D1:3", "D2:5", "D2:4")),
        (["D:1:3"], ("D1:3",)),
        (["D30:05"], ("D30:5",)),
        (["D1:3,D1:3"], ("D1:3",)),
        ("D1:3", ("D1:3",)),
        (["D1:3", "D1:99", "D"], ("D1:3",)),
    ],
)
def test_evidence_is_read_as_locomo_writes_it(written: object, meant: tuple[str, ...]) -> None:
    conversation: dict[str, object] = {"speaker_a": "Ana", "speaker_b": "Ben"}
    for session in range(1, 31):
        conversation[f"session_{session}_date_time"] = f"1:{session:02} pm on {session} May, 2023"
        conversation[f"session_{session}"] = [
            {"speaker": "Ana", "dia_id": f"D{session}:{turn}", "text": "Hi", "img_url": ["x"]} for turn in range(1, 6)
        ]
    conversation["session_31_date_time"] = "1:00 pm on 1 June, 2023"  # of a session without turns
    qa = [{"question": "?", "answer": 2022, "evidence": written, "category": 2}]
    (read,), repairs = samples_of([{"sample_id": "c", "conversation": conversation, "qa": qa}], Path("x"))
    assert read.questions[0].evidence == meant
    assert len(read.turns) == 150
    assert repairs.dates_unread == 0
    assert repairs.evidence_dropped == (2 if "D1:99" in written else 0)


def test_turns_have_their_captions_and_rising_times() -> None:
    (read,), repairs = samples_of([sample()], Path("x"))
    assert [turn.text for turn in read.turns][1] == "Look [shares a photo of a red boat]"
    assert read.turns[0].at.isoformat() == "2023-05-08T13:56:00+00:00"
    assert sorted(turn.at for turn in read.turns) == [turn.at for turn in read.turns]
    assert repairs.dates_unread == 1


@pytest.mark.parametrize("content", ["{", "[]", '[{"qa": []}]', '[{"conversation": {}, "qa": []}]'])
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(content)
    with pytest.raises(BadInput):
        read_samples(file)


def test_our_dialogues_are_many_in_two_languages_and_the_same_every_time() -> None:
    dialogues = make_dialogues()
    assert dialogues == make_dialogues()
    samples, repairs = samples_of(dialogues, Path("x"))
    assert len(samples) >= 50
    assert {sample.id.split("-")[1] for sample in samples} == {"english", "german"}
    kinds = {question.category for sample in samples for question in sample.questions}
    assert kinds == {"fact", "update", "retraction", "date", "off-topic"}
    assert repairs == type(repairs)()
    assert all(question.date for sample in samples for question in sample.questions if question.category == "date")
    assert all(question.stale for sample in samples for question in sample.questions if question.category == "update")


def test_the_suite_measures_every_leg_overall_and_by_category(tmp_path: Path) -> None:
    file, out = tmp_path / "two.json", tmp_path / "out.json"
    file.write_text(json.dumps([sample(), sample(sample_id="two")]))
    command = ["run", "memory", "--dataset", str(file), "--json", str(out), "--cache-dir", str(tmp_path)]
    result = CliRunner().invoke(app, [*command, "--floor", "bm25.recall@5=1.1"], obj=HashEmbedding())
    assert result.exit_code == 1, result.output  # nothing is above 1
    measured = json.loads(out.read_bytes())
    assert set(measured["metrics"]) == {"bm25", "dense", "fused"}
    assert set(measured["metrics"]["fused"]) == {"recall@5", "recall@10", "recall@20", "recall@1000tok"}
    assert set(measured["categories"]) == {"1", "4"}
    assert measured["counts"] == {"1": 4, "4": 2}
    assert measured["metrics"]["bm25"]["recall@5"] > 0.8
    assert measured["checks"]["isolation"] == 1.0
    assert measured["checks"]["off_topic_injection"] == 0.0
    assert measured["repairs"]["questions_skipped"] == 2
    assert measured["repairs"] == {
        "evidence_repaired": 2, "evidence_dropped": 4, "questions_skipped": 2, "dates_unread": 2,
    }  # fmt: skip


def test_what_becomes_of_our_dialogues_is_measured_and_held_by_floors() -> None:
    goals = {
        "facts_updated": 0.9,
        "facts_dated": 0.9,
        "facts_once": 1,
        "facts_erased": 1,
        "update_recalled_first": 0.85,
    }
    floors = [each for name, goal in goals.items() for each in ("--floor", f"checks.{name}={goal}")]
    result = CliRunner().invoke(app, ["run", "memory", "--limit", "1", *floors], obj=HashEmbedding())
    assert result.exit_code == 0, result.output


def test_long_conversations_are_of_their_stated_size_and_ask_in_words_of_both_kinds() -> None:
    dialogues = make_long_dialogues()
    assert dialogues == make_long_dialogues()
    samples, repairs = samples_of(dialogues, Path("long"))
    assert repairs == type(repairs)()
    for each in samples:
        sessions = {turn.at.date() for turn in each.turns}
        assert len(sessions) >= 19
        assert len(each.turns) >= 400
        assert {question.category for question in each.questions} == {"1", "4"}
        said = {turn.id: turn for turn in each.turns}
        for question in each.questions:
            told = said[question.evidence[-1]]
            assert told.speaker in question.text, "who told it is who is asked about"
            assert len(question.evidence) == (2 if question.category == "1" else 1)


def test_over_a_long_conversation_fusion_is_not_below_its_better_half(tmp_path: Path) -> None:
    floors = ["checks.fused_keeps_up=1", "fused.recall@10=0.64", "fused.recall@20=0.72"]
    command = ["run", "memory", "--dataset", "long", "--limit", "1", *(each for f in floors for each in ("--floor", f))]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
