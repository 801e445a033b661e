"""The installed command as a process, with the real model, on a data directory of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from aura.demo import organisations

AURA = shutil.which("aura")

pytestmark = pytest.mark.skipif(AURA is None, reason="the package is not installed")


class Installed:
    """Runs `aura` on one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def __call__(
        self, *arguments: str | Path, input: str = "", code: int = 0, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        assert AURA is not None
        done = subprocess.run(
            [AURA, *map(str, arguments)],
            input=input,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "AURA_DATA_DIR": str(self.data_dir), **env},
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *arguments: str | Path, input: str = "", code: int = 0) -> Any:
        """The one document that a command writes."""
        done = self(*arguments, "--json", input=input, code=code)
        assert done.stderr == ""
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def aura(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("cli") / "data")


def test_the_version_is_that_of_the_package(aura: Installed) -> None:
    assert aura("--version").stdout == f"aura {aura.json('--version')['version']}\n"


def test_the_first_five_minutes(aura: Installed, tmp_path: Path) -> None:
    (tmp_path / "handbook.md").write_text("# Returns\n\nCustomers have 30 days to return a product.\n")
    assert aura.json("doctor")["passed"] is True
    create = ("tenant", "create", "acme", "--admin-email", "ada@acme.test", "--password-stdin")
    assert aura.json(*create, input="correct horse battery\n")["organisation"]["subdomain"] == "acme"
    ingested = aura("ingest", tmp_path / "handbook.md", "--tenant", "acme")
    answer = aura.json("ask", "How long do customers have to return a product?", "--tenant", "acme")
    chat = aura("chat", "--tenant", "acme", input="How long do customers have to return a product?\n/quit\n")

    assert ingested.stderr == "✓ handbook.md: 1 chunk\n"
    assert "Loading" not in ingested.stdout + chat.stdout
    assert answer["citations"][0]["quote"] == "Customers have 30 days to return a product."
    assert "30 days" in chat.stdout


@pytest.fixture(scope="module")
def demo(aura: Installed) -> subprocess.CompletedProcess[str]:
    """The first demo on the data directory; each run of it loads the model and asks 16 questions."""
    return aura(
        "demo", "--json", input="@vintrisa What does error code E-217 on the Pemvara IP-40 mean?\n@nobody Hm?\n"
    )


def test_the_demo_gives_each_organisation_its_own_cited_answers_and_takes_questions(
    demo: subprocess.CompletedProcess[str],
) -> None:
    *shown, asked = [json.loads(line) for line in demo.stdout.splitlines()]
    by_question = {(line["tenant"], line["answer"]["question"]): line["answer"] for line in shown}

    assert len(by_question) == 16
    for organisation in organisations():
        for question in organisation.questions:
            answer = by_question.get((organisation.subdomain, question.question))
            if answer is not None:
                _expect(answer, question.expects)
    _expect(asked, "air-in-line sensor")
    assert "There is no @nobody here" in demo.stderr


@pytest.mark.usefixtures("demo")
def test_a_second_demo_ingests_nothing(aura: Installed) -> None:
    again = aura("demo", "--no-input")

    finished = [line for line in again.stderr.splitlines() if line.startswith(("✓", "✗"))]
    assert len(finished) > 35
    assert all(line.endswith(": already there") for line in finished)
    assert "45 days" in again.stdout
    assert "14 days" in again.stdout


def test_a_pipe_that_closes_early_is_no_error_to_look_at(aura: Installed) -> None:
    command = f"'{AURA}' tenant list --data-dir '{aura.data_dir}' | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("", "")


def _expect(answer: Any, text: str | None) -> None:
    """A fact that stands in the answer, cited; or, where the files have none, a refusal."""
    assert answer["refused"] is (text is None), answer
    if text is not None:
        assert text in answer["text"]
        assert answer["citations"]
