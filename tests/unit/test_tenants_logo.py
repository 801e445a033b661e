"""A logo is a small picture of points, and what it says that it is."""

from __future__ import annotations

import base64
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aura.errors import InvalidRequest
from aura.tenants.logo import MAX_CHARACTERS, MAX_POINTS, checked_logo


def picture(kind: str, size: tuple[int, int] = (40, 20), **options: object) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, (10, 90, 200)).save(out, kind, **options)
    return out.getvalue()


def address(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


PICTURES = {
    "png": picture("png"),
    "jpeg": picture("jpeg"),
    "jpeg in steps": picture("jpeg", progressive=True),
    "gif": picture("gif"),
    "webp": picture("webp"),
    "webp without loss": picture("webp", lossless=True),
    "webp with more": picture("webp", exif=b"Exif\0\0", lossless=True),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_of_each_kind_is_taken_as_it_is(name: str) -> None:
    logo = address(name.split()[0], PICTURES[name])
    assert checked_logo(logo) == logo


@pytest.mark.parametrize("logo", [None, "https://acme.test/logo.png?v=1"])
def test_none_and_an_address_are_taken(logo: str | None) -> None:
    assert checked_logo(logo) == logo


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp"])
def test_a_picture_of_too_many_points_is_refused_however_small_its_file(kind: str) -> None:
    assert checked_logo(address(kind, picture(kind, (MAX_POINTS, 1))))
    for size in ((MAX_POINTS + 1, 1), (1, MAX_POINTS + 1)):
        with pytest.raises(InvalidRequest, match="points") as refused:
            checked_logo(address(kind, picture(kind, size)))
        assert refused.value.field == "custom_logo"


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp"])
def test_what_is_no_such_picture_is_refused(kind: str) -> None:
    others = [content for name, content in PICTURES.items() if not name.startswith(kind)]
    for content in (b"", b"<svg onload=alert(1)>", b"<html>" * 20, PICTURES[kind][:9], *others):
        with pytest.raises(InvalidRequest):
            checked_logo(address(kind, content))


@pytest.mark.parametrize(
    "logo",
    [
        "",
        "javascript:alert(1)",
        "http://acme.test/x.png",
        "data:text/html;base64,AAAA",
        address("svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        address("png", PICTURES["png"]) + "\n",
        address("png", PICTURES["png"]).replace("base64,", "base64,="),
        'https://x"><script>',
        "https://",
        "https://acme.test/" + "a" * MAX_CHARACTERS,
        "data:image/png;base64," + "A" * MAX_CHARACTERS,
    ],
)
def test_what_is_no_logo_is_refused(logo: str) -> None:
    with pytest.raises(InvalidRequest):
        checked_logo(logo)


@given(st.sampled_from(sorted({name.split()[0] for name in PICTURES})), st.binary(max_size=64), st.integers(0, 64))
def test_no_content_breaks_the_reader(kind: str, noise: bytes, at: int) -> None:
    for content in (noise, PICTURES[kind][:at] + noise):
        with suppress(InvalidRequest):
            checked_logo(address(kind, content))
