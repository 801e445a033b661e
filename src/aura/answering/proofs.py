"""The proof of a marker: the sentence that it ends, or the part of it since the marker before, stands in its passage."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aura.answering.citations import Reading, read, supports
from aura.answering.events import Citation
from aura.answering.sentences import units
from aura.index.passage import Passage

_CLAIM_CHARS = 1500  # how far back the sentence of a marker may begin
_ANY_MARKER = re.compile(r"\[\d+\]")


class Proofs:
    """Proves the markers of one answer. A passage is read once, when it is first named.

    Args:
        passages: What the markers `[1]`, `[2]` … stand for, in order.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self._readings: dict[int, Reading] = {}

    def of(self, number: int, text: str, marks: Sequence[tuple[int, int]]) -> Citation | None:
        """The citation that a marker after `text` stands for; None where its passage does not say that, or is not there.

        Args:
            marks: where the markers stand that were proved before.
        """
        if not 1 <= number <= len(self._passages):
            return None
        if number not in self._readings:
            self._readings[number] = read(self._passages[number - 1])
        reading = self._readings[number]
        passage = reading.passage
        for claim in _claims(text, marks):
            if span := supports(claim, reading):
                return Citation(
                    marker=number,
                    document_id=passage.document_id,
                    version=passage.version,
                    filename=passage.filename,
                    page=passage.page,
                    start=span.start,
                    end=span.end,
                    quote=passage.text[span.start - passage.start : span.end - passage.start],
                    chunk_id=passage.chunk_id,
                    remembered=passage.remembered,
                )
        return None


def _claims(text: str, marks: Sequence[tuple[int, int]]) -> list[str]:
    """What a marker at the end of `text` may prove: the sentence so far, and its part since the marker before."""
    tail = max(0, len(text) - _CLAIM_CHARS)
    text = text[tail:]
    sentences = [span for span in units(text) if _ANY_MARKER.sub("", text[span.start : span.end]).strip(" .")]
    if not sentences:
        return []
    start, end = sentences[-1].start, len(text)
    cuts = [after - tail for _, after in marks if after - tail > start]
    cuts = [cut for cut in cuts if _ANY_MARKER.sub("", text[cut:end]).strip(" .,;")]
    whole = _ANY_MARKER.sub("", text[start:end])
    return [whole, _ANY_MARKER.sub("", text[cuts[-1] : end])] if cuts else [whole]
