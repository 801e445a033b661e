"""What users rated as bad becomes a question of a suite once a person has judged it, and never before."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from typer.testing import CliRunner

from aura import Aura, Settings
from aura.memory.feedback import RatedDown
from aura.testing.embeddings import HashEmbedding
from aura_evals.cli import app
from aura_evals.errors import BadInput
from aura_evals.feedback import CANDIDATES, Candidate, take
from aura_evals.golden import QUESTIONS, Place, open_golden


def rated(number: int, **values: object) -> RatedDown:
    facts = {
        "message_id": UUID(int=number),
        "question": "How long is the leave?",
        "turns": ("I am new here.",),
        "answer": "No idea.",
        "refused": False,
        "reason": "wrong",
        "comment": "",
        "rated_at": datetime(2026, 11, 1, tzinfo=UTC),
        **values,
    }
    return RatedDown(**facts)  # pyright: ignore[reportArgumentType]


def lines(path: Path) -> list[Candidate]:
    return [msgspec.json.decode(line, type=Candidate) for line in path.read_bytes().splitlines()]


def test_each_rated_answer_is_one_candidate_marked_as_such_and_not_judged(tmp_path: Path) -> None:
    assert (taken := take(tmp_path, "acme", [rated(1), rated(2)])).added == taken.waiting == 2
    assert take(tmp_path, "acme", [rated(3), rated(1)]).added == 1  # the first is there already
    found = lines(tmp_path / CANDIDATES)
    assert len({each.id for each in found}) == 3
    assert {(each.origin, each.judged, each.gold, each.answers) for each in found} == {("feedback", False, (), ())}
    assert (found[0].question, found[0].turns) == ("How long is the leave?", ("I am new here.",))
    assert (found[0].answered.text, found[0].answered.reason) == ("No idea.", "wrong")
    assert not (tmp_path / QUESTIONS).exists()  # no suite asks what nobody has judged


def test_a_judged_candidate_becomes_a_question_and_is_no_candidate_again(tmp_path: Path) -> None:
    folder = tmp_path / "documents" / "acme"
    folder.mkdir(parents=True)
    (folder / "leave.md").write_text("Everybody has 28 days of leave.")
    take(tmp_path, "acme", [rated(1), rated(2)])
    first, second = lines(tmp_path / CANDIDATES)
    gold = ((Place(document="leave.md", quote="28 days of leave"),),)
    judged = [
        msgspec.structs.replace(first, gold=gold, answers=(("28 days",),), judged=True),
        msgspec.structs.replace(second, judged=True),  # the documents do not answer it
    ]
    (tmp_path / CANDIDATES).write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in judged))
    taken = take(tmp_path, "acme", [rated(1), rated(2)])
    assert (taken.added, taken.waiting, taken.accepted) == (0, 0, 2)
    questions = open_golden(tmp_path).questions
    assert [(each.origin, each.answerable, each.slice) for each in questions] == [
        ("feedback", True, "factual"),
        ("feedback", False, "unanswerable"),
    ]


def test_a_candidate_with_evidence_and_no_answer_is_refused(tmp_path: Path) -> None:
    take(tmp_path, "acme", [rated(1)])
    gold = ((Place(document="a.md", quote="b"),),)
    half = msgspec.structs.replace(lines(tmp_path / CANDIDATES)[0], gold=gold, judged=True)
    (tmp_path / CANDIDATES).write_bytes(msgspec.json.encode(half) + b"\n")
    with pytest.raises(BadInput, match="no answers"):
        take(tmp_path, "acme", [])
    (tmp_path / CANDIDATES).write_text("{}\n")
    with pytest.raises(BadInput):
        take(tmp_path, "acme", [])


async def test_the_command_takes_the_tenants_own_and_no_others(
    evals_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aura_evals.cli_candidates import _rated_down  # pyright: ignore[reportPrivateUsage]

    names = [f"rated-{uuid4().hex[:8]}" for _ in range(2)]
    async with Aura.open(Settings.load(data_dir=evals_dir), embed_model=HashEmbedding(), recover=False) as aura:
        for name in names:
            workspace = await aura.tenants.create(
                organization_name=name, subdomain=name, admin_email="a@rated.test", password="a long enough password"
            )
            member = await aura.workspace(name, "a@rated.test")
            talk = await member.conversations.start()
            message_id = (await member.ask(f"What does {name} do?", conversation=talk)).message_id
            assert message_id is not None
            await member.feedback(message_id, -1, "useless")
            assert await workspace.rated_down() == []  # the organisation does not let anybody read history
    monkeypatch.setenv("AURA_DATA_DIR", str(evals_dir))
    assert [each.question for each in await _rated_down(names[0], "a@rated.test", 10)] == [f"What does {names[0]} do?"]
    assert await _rated_down(names[0], None, 10) == []


def test_the_command_wants_a_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["candidates", "--tenant", "acme", "--into", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "there is no such folder" in result.output
