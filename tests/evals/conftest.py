from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from evals_datasets import write_dataset
from evals_golden_sets import write_golden


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "tiny")


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    return write_golden(tmp_path / "small")


@pytest.fixture(scope="session")
def evals_dir() -> Iterator[Path]:
    """One database for every run of these tests: making one takes most of their time."""
    folder = Path(tempfile.mkdtemp(prefix="aura-evals-tests-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
