"""What a deletion removed, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from rich.table import Table

from aura.cli.output import facts

if TYPE_CHECKING:
    from aura.documents.values import Receipt


def receipt_table(receipt: Receipt) -> Table:
    """The counts that are not 0."""
    counts = msgspec.structs.asdict(receipt)
    return facts((name.replace("_", " "), f"{count:,} removed") for name, count in counts.items() if count)
