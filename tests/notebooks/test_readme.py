"""The README's ten lines do what they say."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own: run as root, the next pytest closes that to others, and the database runs as another user.
    with TemporaryDirectory(prefix="aura-readme-") as folder:
        yield Path(folder)


async def test_the_ten_lines_of_the_readme_end_in_a_cited_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[0]
    assert len(lines.splitlines()) <= 12
    (folder / "handbook").mkdir()
    shutil.copy(str(files("aura.demo").joinpath("oskerdale", "returns-and-refunds.md")), folder / "handbook")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("AURA_DATA_DIR", str(folder / "data"))

    run = eval(compile(lines, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), {})
    assert inspect.isawaitable(run)
    await run

    shown = capsys.readouterr().out
    assert "returns-and-refunds.md: ready 100 %" in shown
    assert "45 days" in shown
    assert "[1] returns-and-refunds.md: " in shown
