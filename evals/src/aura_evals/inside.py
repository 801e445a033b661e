"""What measures a part, and not the product, needs of an open platform: no facade offers it."""

from __future__ import annotations

from aura import Aura
from aura.workspace.parts import Parts


def parts_of(aura: Aura) -> Parts:
    """The parts that `aura` is made of."""
    return aura._parts  # pyright: ignore[reportPrivateUsage]
