"""Following documents as they change, without missing one.

`updated_at` is when a transaction began, and they do not end in that order: what a cursor has passed can still appear. So
each look goes back a little, and looks at every document again that was seen under way; what is as it was is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from aura.documents.catalogue import Catalogue
from aura.documents.values import Change, Document
from aura.identity import DocumentId

LOOK_BACK: Final = timedelta(seconds=60)
"""Longer than any transaction that changes a document which was not under way before."""
MOST_FOLLOWED: Final = 1_000
"""Documents whose deletion is noticed: the last that were reported, and all that are under way."""


class Watch:
    """One reader's place in the changes."""

    def __init__(self, catalogue: Catalogue, *, since: datetime | None) -> None:
        self._catalogue = catalogue
        self._since = since
        self._horizon: datetime | None = None
        self._seen: dict[DocumentId, Document] = {}

    async def next(self) -> Sequence[Change]:
        """What changed since the last look, in order; the first look tells what is under way. Cost: one round trip."""
        first, since = self._horizon is None, self._since
        found, now = await self._catalogue.changed(self._horizon or since, LOOK_BACK, tuple(self._seen))
        if first:
            news = [d for d in found if not d.stage.final or (since is not None and d.updated_at >= since - LOOK_BACK)]
        else:
            news = [d for d in found if self._seen.get(d.id) != d]
        there = {document.id for document in found}
        gone = [self._seen.pop(id) for id in tuple(self._seen) if id not in there]
        self._seen.update((document.id, document) for document in found)
        self._horizon = now
        self._forget(now - LOOK_BACK)
        return [Change(document=d, deleted=True) for d in gone] + [Change(document=d) for d in news]

    def _forget(self, before: datetime) -> None:
        """Follow the oldest that are settled no longer, once they are too many."""
        settled = sorted((d.updated_at, d.id) for d in self._seen.values() if d.stage.final and d.updated_at < before)
        for _, id in settled[: max(len(self._seen) - MOST_FOLLOWED, 0)]:
            del self._seen[id]
