"""Every notebook runs from top to bottom, offline, and shows what it promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parents[2] / "notebooks"


def executed(name: str, folder: Path) -> NotebookNode:
    """The notebook with its outputs, run in a kernel of its own whose working directory is `folder`."""
    notebook = nbformat.read(FOLDER / name, as_version=4)
    return NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()


def shown(notebook: NotebookNode, kind: str) -> Iterator[str]:
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            yield output.get("data", {}).get(kind, output.get("text", "") if kind == "text/plain" else "")


def test_every_notebook_has_a_test_here() -> None:
    assert [path.name for path in sorted(FOLDER.glob("*.ipynb"))] == ["quickstart.ipynb"]


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HF_HUB_OFFLINE", "1")
        environment.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        return executed("quickstart.ipynb", tmp_path_factory.mktemp("quickstart"))


def test_the_quickstart_ingests_every_file_of_the_demo_folder(quickstart: NotebookNode) -> None:
    lines = "\n".join(shown(quickstart, "text/plain"))
    assert "17 of 17" in lines
    assert "failed" not in lines


def test_the_quickstart_shows_a_cited_answer_and_a_refusal(quickstart: NotebookNode) -> None:
    pages = list(shown(quickstart, "text/html"))
    assert any("38 EUR" in page and "travel-expenses.docx" in page for page in pages)
    assert any("could not find an answer" in page for page in pages)


def test_the_quickstart_shows_the_scores_of_both_legs(quickstart: NotebookNode) -> None:
    assert any("dense 0." in page and "bm25 " in page for page in shown(quickstart, "text/html"))


def test_the_quickstart_swaps_llamaindex_parts_in(quickstart: NotebookNode) -> None:
    lines = "\n".join(shown(quickstart, "text/plain"))
    assert "employee-handbook.pdf" in lines
    assert "Context information is below" in lines


def test_the_quickstart_gives_each_tenant_its_own_answer_to_one_question(quickstart: NotebookNode) -> None:
    pages = list(shown(quickstart, "text/html"))
    assert any("45 days" in page and "14 days" not in page for page in pages)
    assert any("14 days" in page and "45 days" not in page for page in pages)
