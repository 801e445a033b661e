"""`aura-evals init`: a dataset out of a tenant's own documents, whose questions say that nobody wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from aura import Aura, Settings
from aura.testing.embeddings import HashEmbedding
from aura.testing.llms import ScriptedLLM
from aura_evals.candidates import heuristic_question, questions_of, sentences_with_facts
from aura_evals.cli import app
from aura_evals.golden import open_golden

TEXT = """# Leave

Everybody has 28 days of paid leave a year. Nobody counts what is not written down, and that is all.

The form for travel is called TR-17 and lies in the office of the porter.
"""


def test_sentences_that_hold_a_number_or_a_code_become_candidates() -> None:
    assert list(sentences_with_facts(TEXT)) == [
        ("Everybody has 28 days of paid leave a year.", "28 days"),
        ("The form for travel is called TR-17 and lies in the office of the porter.", "TR-17"),
    ]


def test_without_a_model_the_question_is_the_sentence_with_a_gap() -> None:
    assert heuristic_question("Everybody has 28 days of leave.", "28 days") == (
        'What belongs in the gap: "Everybody has … of leave"?'
    )


async def test_questions_say_where_they_come_from() -> None:
    made = await questions_of("acme", [("a.md", TEXT), ("b.md", TEXT)], limit=3)
    assert [question.gold[0][0].document for question in made] == ["a.md", "b.md", "a.md"]
    assert {question.origin for question in made} == {"heuristic"}
    written = await questions_of("acme", [("a.md", TEXT)], limit=1, llm=ScriptedLLM([" How much leave is there? "]))
    assert (written[0].question, written[0].origin) == ("How much leave is there?", "scripted")


@pytest.fixture
async def tenant(evals_dir: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    async with Aura.open(Settings.load(data_dir=evals_dir), embed_model=HashEmbedding(), recover=False) as aura:
        workspace = await aura.tenants.create(
            organization_name="Init", subdomain="init-own", admin_email="a@init.test", password="a long enough password"
        )
        async for _ in workspace.documents.ingest(TEXT.encode(), filename="leave.md"):
            pass
    monkeypatch.setenv("AURA_DATA_DIR", str(evals_dir))
    return "init-own"


def test_the_command_refuses_a_folder_that_is_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["init", "--tenant", "acme", "--into", str(tmp_path)])
    assert result.exit_code == 2
    assert "it is there already" in result.output


async def test_what_the_command_writes_can_be_run(tenant: str, tmp_path: Path) -> None:
    from aura_evals.cli_init import _write  # pyright: ignore[reportPrivateUsage]

    into = tmp_path / "own"
    assert await _write(tenant, into, 10) == (2, "heuristic")
    made = open_golden(into)
    assert (made.organisations, [path.name for path in made.documents(tenant)]) == ((tenant,), ["leave.md"])
    assert (into / "answers.toml").is_file()
