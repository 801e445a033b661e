"""How long something took for most: the values that half, 95 % and 99 % of the rows do not exceed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Label, RowMapping, func

_SHARES: Final = (50, 95, 99)


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that half, 95 % and 99 % of the answers did not take longer than; None of no answer."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


def percentiles(column: ColumnElement[Any], within: ColumnElement[bool] | None = None) -> Iterator[Label[Any]]:
    """What a statement selects for `percentiles_of`; of the rows `within` alone, where that is given."""
    for share in _SHARES:
        found = func.percentile_cont(share / 100).within_group(column)
        yield (found if within is None else found.filter(within)).label(f"{column.key}_p{share}")


def percentiles_of(row: Mapping[str, Any] | RowMapping, name: str) -> Percentiles:
    """The percentiles of the column `name`, of a row that has them."""
    p50, p95, p99 = (row[f"{name}_p{share}"] for share in _SHARES)
    return Percentiles(p50=p50, p95=p95, p99=p99)
