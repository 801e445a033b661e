"""Metadata filters: whatever a key or a value holds, it never becomes SQL. What they match is tested with Postgres."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters
from sqlalchemy import ColumnElement, Integer, Text, Uuid, column, table
from sqlalchemy.dialects.postgresql import JSONB, psycopg

from aura.errors import InvalidRequest
from aura.index.filters import MAX_DEPTH, MAX_FILTERS, MAX_VALUES, condition

Value = str | int | float | Sequence[str] | Sequence[int] | None

rows = table(
    "rows",
    column("metadata", JSONB),
    column("document_id", Uuid),
    column("filename", Text),
    column("page", Integer),
)
columns = {name: rows.c[name] for name in ("document_id", "filename", "page")}
hostile = st.one_of(
    st.text(min_size=1),
    st.sampled_from(
        ["z' OR '1'='1", "O'Brien", "'; DROP TABLE rows; --", ":x", "%s", "%(a)s", "$1", "\\", "\x00", "\ud800"]
    ),
)
LISTS = {FilterOperator.IN, FilterOperator.NIN, FilterOperator.ANY, FilterOperator.ALL}


def one(value: Value, operator: FilterOperator = FilterOperator.EQ, key: str = "topic") -> MetadataFilter:
    return MetadataFilter.model_construct(key=key, value=value, operator=operator)


def where(*filters: MetadataFilter | MetadataFilters, by: FilterCondition = FilterCondition.AND) -> ColumnElement[bool]:
    group = MetadataFilters.model_construct(filters=list(filters), condition=by)
    return condition(group, metadata=rows.c.metadata, columns=columns)


def sql(clause: ColumnElement[bool]) -> str:
    return str(clause.compile(dialect=psycopg.dialect()))


def parameters(clause: ColumnElement[bool]) -> list[object]:
    return list(clause.compile(dialect=psycopg.dialect()).params.values())


@given(
    operator=st.sampled_from(sorted(set(FilterOperator) - {FilterOperator.IS_EMPTY})),
    key=st.sampled_from(["topic", *columns]),
    value=hostile,
)
@settings(max_examples=300)
def test_the_sql_is_the_same_whatever_the_value_is(operator: FilterOperator, key: str, value: str) -> None:
    def text_of(v: str) -> str:
        return sql(where(one([v] if operator in LISTS else v, operator, key)))

    # What Postgres can not hold at all matches nothing, and needs no comparison.
    assert text_of(value) in {text_of("harmless"), text_of("\x00")}


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", fullmatch=True).filter(lambda key: key not in columns))
def test_a_key_is_a_bound_parameter(key: str) -> None:
    clause = where(one("x", key=key))
    assert sql(clause) == sql(where(one("x", key="other")))
    assert key in parameters(clause)


@pytest.mark.parametrize(
    "key", ["", "a b", "a'", 'a"', "1a", "é", "a\n", "a" * 65, "a;--", "a->b", "z' OR '1'='1", "a\x00", "a%s", "-a"]
)
def test_a_key_that_is_no_identifier_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        where(one("x", key=key))
    assert "OR" not in str(refused.value)
    assert "metadata" not in str(refused.value)
    assert refused.value.field == "filters"


@pytest.mark.parametrize(
    ("value", "bound"),
    [("7", '["7"]'), ("007", '["007"]'), ("7e0", '["7e0"]'), ("nan", '["nan"]'), (7, "[7]"), (7.5, "[7.5]")],
)
def test_a_value_keeps_its_type(value: str | float, bound: str) -> None:
    assert bound in parameters(where(one(value)))


@pytest.mark.parametrize("value", ["a\x00b", "\ud800", math.nan, math.inf, -math.inf, 10**400])
def test_what_postgres_can_not_hold_is_not_sent(value: str | float) -> None:
    for operator in (FilterOperator.EQ, FilterOperator.GT, FilterOperator.CONTAINS):
        assert not any(value == p for p in parameters(where(one(value, operator))))
    assert "[]" in parameters(where(one(value)))


def test_a_megabyte_is_a_value_like_any_other() -> None:
    assert f'["{"x" * 1_000_000}"]' in parameters(where(one("x" * 1_000_000)))


def test_a_real_column_is_compared_by_itself_so_that_its_index_serves() -> None:
    assert sql(where(one("a.pdf", key="filename"))) == "rows.filename = ANY (%(param_1)s::TEXT[])"
    assert sql(where(one("x", key="document_id"))) == "rows.document_id = ANY (%(param_1)s::UUID[])"


def test_a_text_that_is_no_uuid_matches_no_uuid() -> None:
    id = "6d9b1a3e-8a4f-4a2a-9c9b-3b6f7a1e2d3c"
    [bound] = parameters(where(one([id, "{" + id + "}", "7"], FilterOperator.IN, "document_id")))
    assert list(map(str, bound)) == [id]  # pyright: ignore[reportArgumentType, reportCallIssue]


@pytest.mark.parametrize("operator", sorted(LISTS))
@pytest.mark.parametrize("value", ["x", 7, None])
def test_a_list_operator_refuses_a_single_value(operator: FilterOperator, value: Value) -> None:
    with pytest.raises(InvalidRequest, match="needs a list"):
        where(one(value, operator))


@pytest.mark.parametrize("operator", sorted(set(FilterOperator) - LISTS - {FilterOperator.IS_EMPTY}))
def test_a_single_value_operator_refuses_a_list_and_nothing(operator: FilterOperator) -> None:
    for value in (["x"], None):
        with pytest.raises(InvalidRequest, match="needs"):
            where(one(value, operator))


def test_text_is_not_matched_with_a_number() -> None:
    with pytest.raises(InvalidRequest, match="needs a string"):
        where(one(7, FilterOperator.TEXT_MATCH))


def test_a_list_is_bounded() -> None:
    where(one(["x"] * MAX_VALUES, FilterOperator.IN))
    with pytest.raises(InvalidRequest, match="1,001"):
        where(one(["x"] * (MAX_VALUES + 1), FilterOperator.IN))


def test_the_number_of_filters_is_bounded() -> None:
    where(*[one("x")] * MAX_FILTERS)
    with pytest.raises(InvalidRequest, match="at most 100"):
        where(*[one("x")] * (MAX_FILTERS + 1))


def test_the_depth_of_filters_is_bounded() -> None:
    nested: MetadataFilter | MetadataFilters = one("x")
    for _ in range(MAX_DEPTH - 1):
        nested = MetadataFilters(filters=[nested])
    where(nested)
    with pytest.raises(InvalidRequest, match="nested"):
        where(MetadataFilters(filters=[nested]))


def test_no_filters_are_no_condition() -> None:
    assert sql(condition(None, metadata=rows.c.metadata, columns=columns)) == sql(where()) == "true"


def test_groups_join_and_nest() -> None:
    a, b = one(["a"], FilterOperator.IN, "filename"), one("b", key="document_id")
    x, y = sql(where(a)).replace("_1", "_{}"), sql(where(b)).replace("_1", "_{}")
    assert sql(where(a, b)) == f"{x.format(1)} AND {y.format(2)}"
    assert sql(where(a, b, by=FilterCondition.OR)) == f"{x.format(1)} OR {y.format(2)}"
    assert sql(where(MetadataFilters(filters=[a, b]), a, by=FilterCondition.OR)).count("AND") == 1


def test_a_negation_takes_a_missing_key_for_no_match() -> None:
    for clause in (
        where(one("x"), by=FilterCondition.NOT),
        where(one("x", FilterOperator.NE)),
        where(one(["x"], FilterOperator.NIN)),
    ):
        assert sql(clause).startswith("NOT coalesce(")
        assert sql(clause).endswith(", false)")
