"""From hits to what a prompt should hold: no text twice, and neighbours read as the one passage they are."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aura.identity import DocumentId
from aura.index.passage import Passage
from aura.index.search import Found

_Place = tuple[DocumentId, int, int]


def distinct(found: Sequence[Found]) -> list[Found]:
    """`found` without texts that a better hit has already: identical passages of two documents take one place."""
    kept: dict[str, Found] = {}
    for hit in found:
        kept.setdefault(" ".join(hit.passage.text.split()), hit)
    return list(kept.values())


def merge_neighbours(found: Sequence[Found], *, max_characters: int = 2_000) -> list[Passage]:
    """Join hits that follow one another in a document into one passage, at the rank of the best of them.

    A joined passage is again exactly `document_text[start:end]`, and starts on the page of its first chunk.
    """
    place = {(hit.passage.document_id, hit.passage.version, hit.ordinal): hit for hit in found}
    taken: set[str] = set()
    passages: list[Passage] = []
    for hit in found:
        if hit.passage.chunk_id in taken:
            continue
        run = _run(hit, place, taken, max_characters)
        taken.update(member.passage.chunk_id for member in run)
        passages.append(_joined(hit, run))
    return passages


def _run(hit: Found, place: dict[_Place, Found], taken: set[str], max_characters: int) -> list[Found]:
    run = [hit]
    length = len(hit.passage.text)
    for step, ahead in ((1, True), (-1, False)):
        ordinal = hit.ordinal + step
        while (near := place.get((hit.passage.document_id, hit.passage.version, ordinal))) is not None:
            length += len(near.passage.text)
            if near.passage.chunk_id in taken or length > max_characters or not _contiguous(run, near, ahead=ahead):
                break
            run = [*run, near] if ahead else [near, *run]
            ordinal += step
    return run


def _contiguous(run: list[Found], near: Found, *, ahead: bool) -> bool:
    first, second = (run[-1], near) if ahead else (near, run[0])
    return first.passage.end + len(first.gap) == second.passage.start


def _joined(best: Found, run: list[Found]) -> Passage:
    if len(run) == 1:
        return best.passage
    text = "".join(member.passage.text + member.gap for member in run[:-1]) + run[-1].passage.text
    first, last = run[0].passage, run[-1].passage
    return msgspec.structs.replace(
        best.passage, text=text, start=first.start, end=last.end, page=first.page, heading=first.heading
    )
