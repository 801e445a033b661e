"""Decides whether what was found is plausibly about the question at all. A search shows it all; an answer should not.

Retrieval always finds something. Asked off topic, it finds what is least unlike, and that must not become a source.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aura.index.embedding import MINILM_SHA256
from aura.index.lexical import tokenize, tokenize_query


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What speaks for one passage: its cosine (None: not among the dense hits), and the share of asked terms it has."""

    dense: float | None
    coverage: float


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """Limits in the scale of one embedding model's cosines.

    Nothing is plausible unless the best passage of the question reaches `best_dense`, or one passage has every term that
    was asked for (a part number, a name). Then a passage is plausible with `dense` or with `coverage`. Where only BM25
    was asked, coverage alone decides.
    """

    best_dense: float
    dense: float
    coverage: float

    def keeps(self, evidence: Sequence[Evidence]) -> list[bool]:
        """For each passage that was found for one question, whether it is plausibly relevant."""
        cosines = [e.dense for e in evidence if e.dense is not None]
        on_topic = not cosines or max(cosines) >= self.best_dense or any(e.coverage >= 1 for e in evidence)
        unknown = min(cosines, default=0.0)  # what the dense leg left out is at most as near as the last that it found
        return [
            on_topic and (e.coverage >= self.coverage or (unknown if e.dense is None else e.dense) >= self.dense)
            for e in evidence
        ]


_FLOORS = {MINILM_SHA256: Floor(best_dense=0.30, dense=0.20, coverage=0.30)}
# Found on SciFact (5,183 abstracts): the best cosine of its 300 claims is never below 0.334 (median 0.62), that of 44
# everyday questions about anything else mostly below 0.28. With these limits the claims keep all of their recall@100, and
# 32 of the 44 questions are left without a passage. Cosines of another model have another scale: measure anew.


def floor_for(weights_sha256: str) -> Floor | None:
    """The floor of the model with these weights; None where none was measured, and everything counts as plausible."""
    return _FLOORS.get(weights_sha256)


def coverage(query: str, passage: str) -> float:
    """The share of the query's different terms that the passage has, 0 … 1; 0 for a query without terms."""
    asked = set(tokenize_query(query))
    return len(asked.intersection(tokenize(passage))) / len(asked) if asked else 0.0
