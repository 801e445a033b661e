"""`bench ingest`: text through the whole pipeline, against the embedding model alone on the same chunks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from aura import Workspace
from aura_evals.bench.loading import weights_folder
from aura_evals.bench.measuring import timed
from aura_evals.bench.report import Goal, Recorder, Report
from aura_evals.bench.synthetic import prose
from aura_evals.sandbox import new_tenant, open_sandbox

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_GOAL = Goal(limit=0.85, at_least=True)
_BATCH = 32


async def bench_ingest(files: int, words: int, rounds: int) -> Report:
    """Ingest `files` new text files of `words` words, encode their chunks with the model alone; `rounds` times in turn."""
    recorder = Recorder("ingest")
    chunks, ingesting, encoding = 0, 0.0, 0.0
    async with open_sandbox() as aura:
        workspace = await new_tenant(aura)
        alone = await asyncio.to_thread(_model_alone, workspace)
        with TemporaryDirectory(prefix="aura-bench-") as folder:
            await _ingest(workspace, _write(Path(folder) / "warm-up", 1, 300, seed=0))
            for number in range(1, rounds + 1):
                source = _write(Path(folder) / str(number), files, words, seed=number)
                before = await _documents(workspace)
                seconds, _ = await timed(_ingest(workspace, source))
                texts = await _embedded_texts(workspace, before)
                ingesting += seconds
                encoding += (await timed(asyncio.to_thread(alone.encode, texts, batch_size=_BATCH)))[0]
                chunks += len(texts)
    recorder.add(
        f"ingest of {rounds} × {files} files / encode alone", chunks / ingesting, "chunks/s",
        against=chunks / encoding, goal=_GOAL,
    )  # fmt: skip
    recorder.note(f"{chunks:,} chunks; {ingesting:.1f} s to ingest, {encoding:.1f} s to encode")
    return recorder.report()


def _model_alone(workspace: Workspace) -> SentenceTransformer:
    """The same weights, as sentence-transformers has them by itself."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(weights_folder(workspace)), local_files_only=True)
    model.encode(["warm"])
    return model


def _write(folder: Path, files: int, words: int, *, seed: int) -> Path:
    folder.mkdir()
    random = np.random.default_rng(seed)
    for number in range(files):
        (folder / f"{seed}-{number}.txt").write_text(prose(random, words))
    return folder


async def _ingest(workspace: Workspace, source: Path) -> None:
    async for progress in workspace.documents.ingest(source):
        if progress.reason:
            raise RuntimeError(f"{progress.filename} was not ingested: {progress.reason}")


async def _documents(workspace: Workspace) -> set[str]:
    return {document.filename for document in (await workspace.documents.list(limit=1000)).items}


async def _embedded_texts(workspace: Workspace, before: set[str]) -> list[str]:
    texts: list[str] = []
    for document in (await workspace.documents.list(limit=1000)).items:
        if document.filename not in before:
            chunks = await workspace.documents.chunks(document.id, limit=10_000)
            texts += [f"{' > '.join(chunk.heading)}\n{chunk.text}" if chunk.heading else chunk.text for chunk in chunks]
    return texts
