"""Settings: where they come from, and what they refuse."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from aura.errors import InvalidRequest
from aura.settings import Settings, unknown_variables

PRODUCTION = {
    "DATABASE_URL": "postgresql://aura_app:canary-one@db/aura",
    "AURA_SYSTEM_DATABASE_URL": "postgresql://aura_system:canary-two@db/aura",
    "AURA_OWNER_DATABASE_URL": "postgresql://aura_owner:canary-three@db/aura",
    "AURA_SECRET_KEY": "canary-four",
    "JWT_SECRET": "canary-seven-of-more-than-thirty-two-bytes",
    "INTERNAL_API_KEY": "canary-eight-of-more-than-thirty-two-bytes",
    "OPENAI_API_KEY": "canary-five",
    "GROK_API_KEY": "canary-six",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("AURA_") or name.upper() in PRODUCTION or name.upper() == "GROK_API_URL":
            monkeypatch.delenv(name)


def test_with_nothing_configured_everything_is_embedded() -> None:
    settings = Settings.load()
    assert settings.embedded
    assert (settings.llm, settings.embed_model) == ("router", "all-MiniLM-L6-v2")
    assert settings.data_dir.is_absolute()


@pytest.mark.parametrize(
    ("variable", "field", "value", "expected"),
    [
        ("AURA_DATA_DIR", "data_dir", "/somewhere", Path("/somewhere")),
        ("AURA_DATABASE_POOL_SIZE", "database_pool_size", "7", 7),
        ("AURA_FUSION_WEIGHT", "fusion_weight", "0.25", 0.25),
        ("AURA_LLM", "llm", "openai:gpt-4o-mini", "openai:gpt-4o-mini"),
        ("aura_candidates", "candidates", "12", 12),
        ("GROK_API_URL", "grok_api_url", "https://example.test/v1", "https://example.test/v1"),
    ],
)
def test_a_field_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, variable: str, field: str, value: str, expected: object
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(Settings.load(), field) == expected


def test_a_value_given_in_code_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_CANDIDATES", "12")
    assert Settings.load(candidates=34).candidates == 34


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DATABASE_URL", "AURA_DATA_DIR", "AURA_SECRET_KEY", "AURA_CANDIDATES"):
        monkeypatch.setenv(variable, "")
    assert Settings.load() == Settings.load(data_dir=Settings.load().data_dir, candidates=100)
    assert Settings.load().embedded


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("AURA_DATADIR", "AURA_DATA_DIR"),
        ("AURA_POOL_SIZE", "AURA_DATABASE_POOL_SIZE"),
        ("AURA_EMBEDDING_MODEL", "AURA_EMBED_MODEL"),
        ("AURA_DATABASE_URL", "DATABASE_URL"),
        ("AURA_OPENAI_API_KEY", "OPENAI_API_KEY"),
        ("aura_lmm", "AURA_LLM"),
    ],
)
def test_an_unknown_variable_names_the_nearest_known(
    monkeypatch: pytest.MonkeyPatch, variable: str, meant: str
) -> None:
    monkeypatch.setenv(variable, "canary-value")
    with pytest.raises(InvalidRequest, match=rf"{variable}: did you mean {meant}\?") as raised:
        Settings.load()
    assert raised.value.field == variable
    assert "canary-value" not in str(raised.value)


def test_a_variable_that_resembles_none_lists_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_XQZWXQZWXQZWXQZW", "1")
    with pytest.raises(InvalidRequest, match=r"known are .*AURA_DATA_DIR"):
        Settings.load()


def test_a_setting_is_known_by_the_name_it_is_read_from_and_by_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = {"DATABASE_URL", "OPENAI_API_KEY", "GROK_API_KEY", "GROK_API_URL", "JWT_SECRET", "INTERNAL_API_KEY"}
    shared |= {"OPENAI_API_URL", "REDIS_URL", "ELEVENLABS_API_KEY", "ELEVENLABS_API_URL", "ELEVENLABS_VOICE_ID"}
    for name in Settings.model_fields:
        monkeypatch.setenv(f"AURA_{name.upper()}", "x")
    assert set(unknown_variables()) == {f"AURA_{name}" for name in shared}


def test_an_unknown_setting_in_code_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="'poolsize'"):
        Settings.load(poolsize=3)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("database_pool_size", 0),
        ("database_pool_size", "many"),
        ("fusion_weight", 1.5),
        ("fusion_weight", float("nan")),
        ("candidates", 0),
        ("max_file_bytes", -1),
        ("parse_timeout_seconds", 0),
        ("context_tokens", 1),
    ],
)
def test_a_value_out_of_range_names_its_setting(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest, match=f"setting '{field}': ") as raised:
        Settings.load(**{field: value})
    assert raised.value.field == field


@pytest.mark.parametrize("missing", ["AURA_SYSTEM_DATABASE_URL", "AURA_SECRET_KEY", "JWT_SECRET"])
def test_a_configured_database_needs_every_role_and_the_key(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for variable, value in PRODUCTION.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv(missing)
    with pytest.raises(
        InvalidRequest, match=r"DATABASE_URL .*AURA_SYSTEM_DATABASE_URL .*AURA_SECRET_KEY and JWT"
    ) as raised:
        Settings.load()
    assert "Value error" not in str(raised.value)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("variable", ["JWT_SECRET", "INTERNAL_API_KEY"])
@pytest.mark.parametrize(
    "guessable",
    ["short", "a" * 64, "abcabcabcabcabcabcabcabcabcabcabcabc", "please-CHANGEME-before-you-go-live-0123", "é" * 31],
)
def test_a_secret_that_can_be_guessed_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, guessable: str
) -> None:
    monkeypatch.setenv(variable, guessable)
    with pytest.raises(InvalidRequest, match=r"at least 32 bytes .*openssl rand -hex 32") as raised:
        Settings.load()
    assert variable.lower() in str(raised.value).lower()
    assert guessable not in str(raised.value)


def test_a_random_secret_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "4f1d0c6be0a3a5d0f4d6d9b3a4f1c2e7")
    assert Settings.load().jwt_secret is not None


def test_a_database_url_alone_says_what_else_is_needed_and_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", PRODUCTION["DATABASE_URL"])
    with pytest.raises(InvalidRequest, match="`aura db check` prints the statements"):
        Settings.load()


def test_with_everything_configured_nothing_is_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in PRODUCTION.items():
        monkeypatch.setenv(variable, value)
    settings = Settings.load()
    assert not settings.embedded
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == PRODUCTION["DATABASE_URL"]


def test_the_owners_address_is_not_needed_to_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in PRODUCTION.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("AURA_OWNER_DATABASE_URL")
    assert Settings.load().owner_database_url is None


def test_secrets_are_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in PRODUCTION.items():
        monkeypatch.setenv(variable, value)
    settings = Settings.load()
    for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "canary" not in shown


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings.load().llm = "other"  # pyright: ignore[reportAttributeAccessIssue]


def test_importing_the_settings_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Settings.load().candidates
    monkeypatch.setenv("AURA_CANDIDATES", str(before + 1))
    assert Settings.load().candidates == before + 1
