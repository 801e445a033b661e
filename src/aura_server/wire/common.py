"""Shapes that many routes share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from aura.documents.values import Receipt
from aura.tenants.values import Page

T = TypeVar("T")
V = TypeVar("V")


class Secretive(msgspec.Struct, frozen=True, kw_only=True):
    """What holds a password, a token or a key: a traceback or a log that shows it names its kind alone."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


class Items(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A piece of a list. `next_cursor` asks for the piece behind it, and is null on the last."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class ReceiptResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed, counted."""

    receipt: Receipt


def items_of(page: Page[V], on_the_wire: Callable[[V], T]) -> Items[T]:
    """`page` on the wire."""
    return Items(items=tuple(on_the_wire(each) for each in page.items), next_cursor=page.next_cursor)
