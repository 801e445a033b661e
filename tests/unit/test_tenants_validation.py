"""What people may type into the fields of an organisation and of its members."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura.errors import InvalidRequest
from aura.memory.settings import checked_of_all
from aura.tenants import validation


@pytest.mark.parametrize("subdomain", ["a", "acme", "acme-north", "7eleven", "a" * 63, "test", "a-b-c"])
def test_a_dns_label_is_a_sub_domain(subdomain: str) -> None:
    assert validation.subdomain(subdomain) == subdomain


@pytest.mark.parametrize(
    "subdomain",
    [
        "",
        "Acme",
        "-a",
        "a-",
        "a" * 64,
        "a.b",
        "a b",
        "ä",
        "xn--acme",
        "ab--c",
        "a\n",
        "a\0",
        "a'",
        "%61",
        "a_b",
        "..",
        "/",
    ],
)
def test_what_is_no_dns_label_is_refused(subdomain: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validation.subdomain(subdomain)
    assert refused.value.field == "subdomain"


@pytest.mark.parametrize("subdomain", ["www", "api", "admin", "aura", "mail", "localhost", "login"])
def test_a_name_of_the_platform_is_reserved(subdomain: str) -> None:
    with pytest.raises(InvalidRequest, match="reserved"):
        validation.subdomain(subdomain)


@given(st.text(max_size=70))
def test_whatever_is_let_in_as_a_sub_domain_is_found_again(text: str) -> None:
    try:
        stored = validation.subdomain(text)
    except InvalidRequest:
        return
    assert validation.find_subdomain(stored) == stored == text


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ada@acme.test", "ada@acme.test"),
        (" Ada.L+x@ACME.Test\n", "ada.l+x@acme.test"),
        ("o'brien@a-b.co.uk", "o'brien@a-b.co.uk"),
    ],
)
def test_an_address_is_stored_in_lower_case(typed: str, stored: str) -> None:
    assert validation.email(typed) == stored


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@",
        "@acme.test",
        "ada@acme",
        "a b@acme.test",
        "a@b@acme.test",
        "a@-b.test",
        "a@b..test",
        "a\0@b.test",
        "ä@acme.test",
        "a\n@acme.test",
        "ada@acme.test\nbcc:x@y.test",
        "a" * 65 + "@acme.test",
        "a@" + "b" * 250 + ".test",
    ],
)
def test_what_is_no_address_is_refused_under_the_field_s_name(email: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validation.email(email, field="admin_email")
    assert refused.value.field == "admin_email"
    assert validation.find_email(email) is None


def test_a_name_is_trimmed_and_composed() -> None:
    assert validation.name("  Zoe\u0308 ", field="name") == "Zo\u00eb"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0", "\x1b[31m", "\u2028", "\ud800", "x" * 201])
def test_a_name_that_can_not_be_shown_on_a_line_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validation.name(name, field="organization_name")
    assert refused.value.field == "organization_name"


def test_a_name_that_is_not_required_may_be_empty() -> None:
    assert validation.name(" ", field="name", required=False) == ""


@pytest.mark.parametrize(
    "value",
    [
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": "\0"},
        {"\0": 1},
        {"a": "\ud800"},
        {"a": object()},
        {"a": b"bytes"},
        {"a": "x" * 70_000},
    ],
    ids=["nan", "infinity", "nul", "nul key", "surrogate", "object", "bytes", "large"],
)
def test_settings_that_the_database_would_not_take_are_refused(value: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validation.json_object(value, field="custom_settings")
    assert refused.value.field == "custom_settings"


def test_settings_of_endless_depth_are_refused() -> None:
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(InvalidRequest):
        validation.json_object(deep, field="custom_settings")


def test_settings_are_as_deep_as_any_reader_can_follow_them() -> None:
    deep: dict[str, object] = {}
    for _ in range(validation.MAX_JSON_DEPTH - 1):
        deep = {"a": deep}
    assert validation.json_object(deep, field="custom_settings") == deep
    with pytest.raises(InvalidRequest, match="deep"):
        validation.json_object({"a": [deep]}, field="custom_settings")


def test_settings_may_speak_of_a_nul_without_holding_one() -> None:
    assert validation.json_object({"a": "\\u0000"}, field="custom_settings") == {"a": "\\u0000"}


@pytest.mark.parametrize("colors", [{}, {"primary": "#0a5fd7"}, {"primary": "#FFF", "on_primary": "#11223344"}])
def test_colours_are_hexadecimal(colors: dict[str, str]) -> None:
    assert validation.brand_colors(colors) == colors


@pytest.mark.parametrize(
    "colors",
    [
        {"primary": "red;}body{display:none"},
        {"primary": "url(https://x)"},
        {"x;": "#fff"},
        {"a": "#ffff0"},
        {"a": "#fff\n"},
    ],
)
def test_what_is_no_colour_does_not_reach_a_style_sheet(colors: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        validation.brand_colors(colors)


def test_colours_are_few() -> None:
    with pytest.raises(InvalidRequest):
        validation.brand_colors({f"c{n}": "#fff" for n in range(33)})


@pytest.mark.parametrize("number", [-1, 2**31, True, 1.5, "10", None])
def test_a_limit_is_a_whole_number_that_fits(number: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validation.limit(number, field="max_users")
    assert refused.value.field == "max_users"


def test_a_time_needs_its_time_zone() -> None:
    with pytest.raises(InvalidRequest):
        validation.moment(datetime(2030, 1, 1), field="expires_at")
    assert validation.moment(datetime(2030, 1, 1, tzinfo=UTC), field="expires_at") == datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("role", ["service", "root", "", "Admin"])
def test_a_role_is_one_of_three(role: str) -> None:
    with pytest.raises(InvalidRequest):
        validation.role(role)


@pytest.mark.parametrize("size", [0, -1, 1001])
def test_a_page_holds_one_to_a_thousand(size: int) -> None:
    with pytest.raises(InvalidRequest):
        validation.page_size(size)


@pytest.mark.parametrize("cursor", ["a\0", "x" * 501, "\n"])
def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        validation.cursor(cursor)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory_sensitive", "yes"),
        ("memory_learns", 0),
        ("retention_days", "abc"),
        ("retention_days", -1),
        ("retention_days", 0),
        ("retention_days", True),
        ("retention_days", 1.5),
        ("retention_days", 36_500),
    ],
)
def test_a_setting_of_memory_that_would_not_hold_is_refused_by_its_name(name: str, value: object) -> None:
    with pytest.raises(InvalidRequest, match=name) as refused:
        checked_of_all({name: value})
    assert refused.value.field == name


def test_settings_of_memory_that_hold_are_taken() -> None:
    checked_of_all({"memory_sensitive": True, "memory_learns": False, "retention_days": 30, "greeting": "hi"})
    checked_of_all({"memory_sensitive": None, "retention_days": None})
