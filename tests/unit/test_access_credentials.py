"""Credentials as text: whatever arrives is read as exactly what was given out, or refused; nothing else ever happens."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from uuid import uuid4

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura.access.credentials import Credential, Kind, refused
from aura.access.tokens import ALGORITHM, AUDIENCE, ISSUER, Tokens
from aura.errors import Unauthenticated
from aura.identity import TenantId
from aura.testing.clock import FixedClock

SECRET = "a secret of the tests, of more than 32 bytes"
TOKENS = Tokens(SECRET, clock=FixedClock())


def read_token(text: str) -> None:
    TOKENS.read(text)


def read_key(text: str) -> None:
    Credential.read(Kind.API_KEY, text)


READERS = [read_token, read_key]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def refuses(read: object, text: str) -> None:
    with pytest.raises(Unauthenticated) as raised:
        read(text)  # pyright: ignore[reportCallIssue]
    assert str(raised.value) == str(refused())


@pytest.mark.parametrize("read", READERS)
@given(text=st.text())
def test_any_text_is_refused_and_nothing_else_happens(read: object, text: str) -> None:
    refuses(read, text)


@pytest.mark.parametrize("read", READERS)
@given(text=st.text(st.characters(categories=["Cs", "Lu", "Nd", "Pd", "Pc"]), max_size=100))
def test_a_mark_in_front_of_nonsense_changes_nothing(read: object, text: str) -> None:
    for mark in Kind:
        refuses(read, mark + text)


@given(raw=st.binary(max_size=200))
def test_bytes_of_any_length_are_no_key_unless_they_are_written_as_one(raw: bytes) -> None:
    text = Kind.API_KEY + urlsafe_b64encode(raw).decode()
    refuses(read_key, text)  # with its padding, or too short or too long


@given(head=JSON, body=JSON)
def test_any_json_in_the_place_of_a_token_is_refused(head: object, body: object) -> None:
    parts = (urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (head, body))
    refuses(read_token, ".".join([*parts, "c2lnbmF0dXJl"]))


@given(
    changed=st.dictionaries(
        st.sampled_from(["user_id", "tenant_id", "role", "sid", "exp", "iat", "jti", "aud", "iss"]), JSON
    )
)
def test_claims_of_any_kind_are_read_as_ours_or_refused_even_when_they_are_signed(changed: dict[str, object]) -> None:
    good: dict[str, object] = {
        "user_id": str(uuid4()),
        "tenant_id": str(uuid4()),
        "organization": "acme",
        "role": "user",
        "sid": str(uuid4()),
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": str(uuid4()),
        "iat": 1,
        "exp": 2**33,
    }
    body = json.dumps(good | changed).encode()
    token = jwt.api_jws.encode(body, SECRET, algorithm=ALGORITHM)
    try:
        TOKENS.read(token)
    except Unauthenticated:
        assert changed


def test_brackets_without_end_are_refused() -> None:
    deep = urlsafe_b64encode(b'{"alg":' + b"[" * 2900).decode().rstrip("=")
    refuses(read_token, f"{deep}.e30.x")
    refuses(read_token, "x" * 10_000_000)
    refuses(read_key, Kind.API_KEY + "x" * 10_000_000)


@given(st.sampled_from(list(Kind)))
def test_what_was_given_out_is_read_back(kind: Kind) -> None:
    made = Credential.new(kind, TenantId(uuid4()))
    assert Credential.read(kind, made.text) == made
    assert made.text.startswith(made.prefix)
    assert made.matches(made.sha256)
    assert not Credential.new(kind, made.tenant_id).matches(made.sha256)
    assert made.text[20:] not in repr(made)


def test_the_same_bytes_in_another_spelling_are_another_text() -> None:
    made = Credential.new(Kind.API_KEY, TenantId(uuid4()))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(made.text[-1])
    assert last % 16 == 0  # four bits of the last character are unused
    refuses(read_key, made.text[:-1] + alphabet[last + 1])


def test_two_credentials_never_share_anything() -> None:
    tenant = TenantId(uuid4())
    made = [Credential.new(Kind.TICKET, tenant) for _ in range(100)]
    assert len({each.secret for each in made}) == len({each.id for each in made}) == 100


def test_a_clock_decides_when_a_token_is_over_and_not_the_machine() -> None:
    clock = FixedClock(datetime(2126, 1, 1, tzinfo=UTC))
    claims = {"iss": ISSUER, "aud": AUDIENCE, "organization": "acme", "role": "user", "iat": 1}
    ids = {name: str(uuid4()) for name in ("user_id", "tenant_id", "sid", "jti")}
    tokens = Tokens(SECRET, clock=clock)
    end = int(clock.now().timestamp())
    for exp, good in ((end + 1, True), (end, False), (end - 1, False)):
        token = jwt.encode(claims | ids | {"exp": exp}, SECRET, algorithm=ALGORITHM)
        if good:
            assert tokens.read(token).exp == exp
        else:
            refuses(tokens.read, token)


def test_the_holder_of_the_secret_does_not_show_it() -> None:
    assert SECRET not in repr(TOKENS)
