"""A parsed document as rows of the table `chunks`."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from uuid import uuid5

from aura.documents.parsing.elements import TEXT_FILE
from aura.documents.split import ChunkDraft, Splitter
from aura.documents.tasks import Task
from aura.identity import UserId
from aura.index import lexical
from aura.index.passage import embedded_text

_LONGEST_GAP = 1_000
"""Characters. Chunks further apart are not joined into one passage."""


def chunk_rows(task: Task, splitter: Splitter, folder: Path) -> Iterator[dict[str, object]]:
    """The chunk rows of a parsed version, in order, with flat memory. Runs in a worker thread."""
    with (folder / TEXT_FILE).open(encoding="utf-8", newline="") as stream:
        position, waiting = 0, None
        for draft in splitter.split(folder):
            if waiting is not None:
                stream.read(waiting.end - position)
                gap = stream.read(draft.start - waiting.end)
                position = draft.start
                yield _row(task, waiting, gap if len(gap) <= _LONGEST_GAP else "")
            waiting = draft
        if waiting is not None:
            yield _row(task, waiting, "")


def _row(task: Task, draft: ChunkDraft, gap: str) -> dict[str, object]:
    indexed = embedded_text(draft.heading, draft.text)
    counts = dict(sorted(lexical.term_counts(indexed).items()))
    return {
        "tenant_id": task.tenant_id,
        "id": str(uuid5(task.document_id, f"{task.version}:{draft.ordinal}")),
        "document_id": task.document_id,
        "ref_doc_id": str(task.document_id),
        "version": task.version,
        "collection_id": task.collection_id,
        "private_to": task.private_to,
        "ordinal": draft.ordinal,
        "page": draft.page,
        "start_offset": draft.start,
        "end_offset": draft.end,
        "heading": list(draft.heading),
        "text": draft.text,
        "gap": gap,
        "tokens": draft.tokens,
        "length": sum(counts.values()),
        "term_ids": list(counts),
        "term_counts": list(counts.values()),
        "text_sha256": cache_key(indexed, task.private_to),
        "metadata": {"filename": task.filename, "page": draft.page, "document_id": str(task.document_id)},
    }


def cache_key(text: str, private_to: UserId | None) -> bytes:
    """The key of a text's vector. Private texts share none, or a cache hit would tell a member what another one has."""
    digest = sha256(text.encode()).digest()
    return digest if private_to is None else sha256(private_to.bytes + digest).digest()
