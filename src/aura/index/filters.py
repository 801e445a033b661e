"""LlamaIndex metadata filters as a SQL condition with bound parameters only: keys and values are data, never SQL.

Values keep their type: the number 7, the string "7" and the string "007" are three values. A comparison with a value of
another type is false, and never an error in Postgres. As in LlamaIndex, a missing key satisfies NE and NIN, and NOT
matches where none of its filters does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias
from uuid import UUID

from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters
from sqlalchemy import (
    ColumnElement,
    Text,
    Uuid,
    and_,
    any_,
    case,
    cast,
    collate,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from aura.errors import InvalidRequest

MAX_VALUES = 1_000
"""The longest list of one filter."""
MAX_FILTERS = 100
MAX_DEPTH = 10

_Scalar: TypeAlias = int | float | str
_Columns: TypeAlias = Mapping[str, ColumnElement[object]]

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


def condition(
    filters: MetadataFilters | None, *, metadata: ColumnElement[object], columns: _Columns
) -> ColumnElement[bool]:
    """The rows that `filters` describes; every row without filters.

    Args:
        metadata: the jsonb column that holds what is not a column of its own.
        columns: the real columns by the key that filters name them by; they come before a metadata key of that name.

    Raises:
        InvalidRequest: a key, an operator's value, or the number or depth of the filters is not acceptable.
    """
    if filters is None:
        return true()
    if _size(filters) > MAX_FILTERS:
        raise InvalidRequest(f"a request may have at most {MAX_FILTERS} filters", field="filters")
    return _group(filters, metadata, columns)


def _size(filters: MetadataFilters, depth: int = 1) -> int:
    if depth > MAX_DEPTH:
        raise InvalidRequest(f"filters may be nested at most {MAX_DEPTH} deep", field="filters")
    return sum(_size(f, depth + 1) if isinstance(f, MetadataFilters) else 1 for f in filters.filters)


def _group(filters: MetadataFilters, metadata: ColumnElement[object], columns: _Columns) -> ColumnElement[bool]:
    if not filters.filters:
        return true()
    parts = [
        _group(f, metadata, columns) if isinstance(f, MetadataFilters) else _one(f, metadata, columns)
        for f in filters.filters
    ]
    match filters.condition:
        case FilterCondition.OR:
            return or_(*parts)
        case FilterCondition.NOT:
            return _negated(or_(*parts))
        case _:
            return and_(*parts)


def _one(filter_: MetadataFilter, metadata: ColumnElement[object], columns: _Columns) -> ColumnElement[bool]:
    if not _KEY.fullmatch(filter_.key):
        raise InvalidRequest(
            "a filter's key must be letters, digits, '_', '.' or '-', start with a letter or '_', and be at most 64 long",
            field="filters",
        )
    column = columns.get(filter_.key)
    held = metadata.op("->")(literal(filter_.key, Text)) if column is None else func.to_jsonb(column)
    found = _matches(filter_, held, column)
    return _negated(found) if filter_.operator in (FilterOperator.NE, FilterOperator.NIN) else found


def _negated(found: ColumnElement[bool]) -> ColumnElement[bool]:
    return not_(func.coalesce(found, false()))  # a missing key makes a comparison NULL, which here is as good as false


def _matches(
    filter_: MetadataFilter, held: ColumnElement[object], column: ColumnElement[object] | None
) -> ColumnElement[bool]:
    """What the filter asks of `held`, a jsonb value or NULL; for the negated operators what they negate."""
    match filter_.operator:
        case FilterOperator.EQ | FilterOperator.NE:
            return _is_one_of(held, column, [_scalar(filter_)])
        case FilterOperator.IN | FilterOperator.NIN:
            return _is_one_of(held, column, _list(filter_))
        case FilterOperator.ANY:
            return _has_any(held, _list(filter_))
        case FilterOperator.ALL:
            return _has_all(held, _list(filter_))
        case FilterOperator.CONTAINS:
            return _has_all(held, [_scalar(filter_)])
        case FilterOperator.TEXT_MATCH | FilterOperator.TEXT_MATCH_INSENSITIVE:
            return _has_text(held, _text(filter_), fold=filter_.operator is FilterOperator.TEXT_MATCH_INSENSITIVE)
        case FilterOperator.IS_EMPTY:
            return or_(held.is_(None), *(held == _jsonb(empty) for empty in (None, "", [])))
        case _:
            return _compares(held, filter_.operator, _scalar(filter_))


def _is_one_of(
    held: ColumnElement[object], column: ColumnElement[object] | None, values: Sequence[_Scalar]
) -> ColumnElement[bool]:
    storable = [value for value in values if _storable(value)]
    texts = [value for value in storable if isinstance(value, str)]
    if column is not None and isinstance(column.type, Uuid):  # compared as it is, so that its index can be used
        return column == any_(literal([id for text in texts if (id := _uuid(text))], ARRAY(Uuid)))
    if column is not None and isinstance(column.type, Text):
        return column == any_(literal(texts, ARRAY(Text)))
    return and_(func.jsonb_typeof(held).in_(("string", "number")), _jsonb(storable).op("@>")(held))


def _has_any(held: ColumnElement[object], values: Sequence[_Scalar]) -> ColumnElement[bool]:
    array = case((func.jsonb_typeof(held) == "array", held), else_=_jsonb([]))
    element = func.jsonb_array_elements(array).column_valued("element")
    wanted = _jsonb([value for value in values if _storable(value)])
    scalar = func.jsonb_typeof(element).in_(("string", "number"))
    return select(element).where(scalar, wanted.op("@>")(element)).exists()


def _has_all(held: ColumnElement[object], values: Sequence[_Scalar]) -> ColumnElement[bool]:
    if not all(map(_storable, values)):
        return false()
    return and_(func.jsonb_typeof(held) == "array", held.op("@>")(_jsonb(values)))


def _has_text(held: ColumnElement[object], text: str, *, fold: bool) -> ColumnElement[bool]:
    """Whether a string has `text` in it, letter by letter: `%` and `_` are letters too."""
    if not _storable(text):
        return false()
    whole, part = _as_text(held), literal(text, Text)
    found = func.strpos(func.lower(whole), func.lower(part)) if fold else func.strpos(whole, part)
    return and_(func.jsonb_typeof(held) == "string", found > 0)


def _compares(held: ColumnElement[object], operator: FilterOperator, value: _Scalar) -> ColumnElement[bool]:
    """Numbers by value, strings by code point (ISO 8601 dates in order of time)."""
    if not _storable(value):
        return false()
    if isinstance(value, str):
        kind, left, right = "string", collate(_as_text(held), "C"), literal(value, Text)
    else:
        kind, left, right = "number", held, _jsonb(value)
    compared = left.op(operator.value, is_comparison=True)(right)
    return and_(func.jsonb_typeof(held) == kind, compared)


def _as_text(held: ColumnElement[object]) -> ColumnElement[str]:
    return held.op("#>>", return_type=Text())(literal([], ARRAY(Text)))


def _jsonb(value: object) -> ColumnElement[object]:
    return cast(literal(json.dumps(value, ensure_ascii=False), Text), JSONB)


def _storable(value: _Scalar) -> bool:
    """Whether Postgres could hold `value` at all. It has no NUL, no lone surrogate, and JSON no infinity and no NaN."""
    if isinstance(value, str):
        return "\x00" not in value and value.encode(errors="ignore").decode() == value
    return abs(value) < 1e300


def _uuid(text: str) -> UUID | None:
    try:
        id = UUID(text)
    except ValueError:
        return None
    return id if str(id) == text.lower() else None


def _scalar(filter_: MetadataFilter) -> _Scalar:
    if filter_.value is None or isinstance(filter_.value, list):
        raise _refusal(filter_, "one string or number")
    return filter_.value


def _text(filter_: MetadataFilter) -> str:
    if not isinstance(filter_.value, str):
        raise _refusal(filter_, "a string")
    return filter_.value


def _list(filter_: MetadataFilter) -> Sequence[_Scalar]:
    if not isinstance(filter_.value, list):
        raise _refusal(filter_, "a list of strings or numbers")
    if len(filter_.value) > MAX_VALUES:
        raise _refusal(filter_, f"at most {MAX_VALUES:,} values, not {len(filter_.value):,}")
    return filter_.value


def _refusal(filter_: MetadataFilter, needed: str) -> InvalidRequest:
    return InvalidRequest(f"the filter {filter_.operator.name} on {filter_.key!r} needs {needed}", field="filters")
