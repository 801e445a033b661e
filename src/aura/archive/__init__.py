"""The portable archive of one tenant: all that it has in one file, and a new tenant from such a file on any platform."""

from __future__ import annotations

from pathlib import Path

from aura.archive.exporting import export
from aura.archive.restoring import restore
from aura.database.engine import Database
from aura.documents.files import Files
from aura.identity import Scope, TenantId
from aura.index.generations import Embedder
from aura.tenants.values import Tier

__all__ = ("Archive",)


class Archive:
    """Writes and reads archives. docs/archive-format.md says what is in one, and what is not."""

    def __init__(self, database: Database, files: Files, embedder: Embedder, *, memory_key: bytes) -> None:
        """`memory_key` seals what was learned of a restored tenant's members."""
        self._database = database
        self._memory_key = memory_key
        self._files = files
        self._embedder = embedder

    async def export(self, scope: Scope, target: Path) -> Path:
        """Write all that the scope's tenant has, as it stands now, every member's private things included.

        The caller decides who may. The file is readable by this user alone, and appears under its name when it is whole.

        Args:
            target: the file, or a folder in which it is named after the sub-domain. A file that is there is replaced.

        Returns:
            The file.

        Raises:
            InvalidRequest: it can not be written there.
            NotFound: there is no such organisation.
            Conflict: a document went away meanwhile.
            Unavailable: the database is away.

        Cost: one transaction, which sees one moment; memory for some hundred rows, and 1 kB for each file.
        """
        return await export(self._database, self._files, scope, target)

    async def restore(self, path: Path, *, subdomain: str | None = None, tier: Tier | None = None) -> TenantId:
        """A new tenant from an archive, under another sub-domain if one is named. All of it is there afterwards, or nothing.

        With a `tier` it has that plan, without end, and not the one that the archive tells of.
        Vectors of the configured embedding model are taken as they are; otherwise every chunk is embedded again.

        Raises:
            InvalidRequest: the file is no archive, was made by a newer version, or is damaged.
            Conflict: the sub-domain is taken.
            Unavailable: the database or the embedding model is away.

        Cost: one transaction; memory for some dozen rows, and 1 kB for each file.
        """
        return await restore(
            self._database, self._files, self._embedder, path, subdomain, tier, memory_key=self._memory_key
        )
