"""One frozen settings class, read by `Aura.open()` and never at import."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Self

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from aura.errors import InvalidRequest

_READ_ELSEWHERE = frozenset({"AURA_PASSWORD"})
"""Variables of the command line, which are no settings."""


class Settings(BaseSettings):
    """Everything that can be configured. Each field is read from `AURA_<NAME>`, or from the alias it names."""

    model_config = SettingsConfigDict(
        env_prefix="AURA_",
        env_ignore_empty=True,  # what compose files make of a variable that is not set
        frozen=True,
        extra="forbid",
        populate_by_name=True,
    )

    data_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path("aura"))
    """Where the embedded database, the tenants' files and the generated secrets live."""

    database_url: SecretStr | None = Field(default=None, validation_alias=AliasChoices("DATABASE_URL", "database_url"))
    """The role `aura_app` on a PostgreSQL 15+ with pgvector 0.8+. Not set: the embedded server."""
    system_database_url: SecretStr | None = None
    """The role `aura_system` on the same database. Required with `DATABASE_URL`."""
    owner_database_url: SecretStr | None = None
    """The role `aura_owner`, used by `aura db upgrade` alone."""
    database_pool_size: int = Field(default=10, ge=1, le=200)
    """Connections per process and event loop."""
    database_wait_seconds: float = Field(default=30.0, gt=0)
    """How long a request waits for a free connection."""
    secret_key: SecretStr | None = None
    """Encrypts providers' keys at rest; generated and kept in `data_dir` by the embedded mode."""

    embed_model: str = "all-MiniLM-L6-v2"
    """A sentence-transformers model: a name, or a folder that holds one."""
    llm: str = "extractive"
    """`extractive`, `openai:MODEL`, `grok:MODEL`, or `https://host/v1#MODEL` for any OpenAI-compatible address."""
    llm_api_key: SecretStr | None = None
    """The key for `AURA_LLM` when it is an address. The keys of other providers are never sent there."""
    openai_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key")
    )
    grok_api_key: SecretStr | None = Field(default=None, validation_alias=AliasChoices("GROK_API_KEY", "grok_api_key"))
    grok_api_url: str = Field(
        default="https://api.x.ai/v1", validation_alias=AliasChoices("GROK_API_URL", "grok_api_url")
    )

    max_file_bytes: int = Field(default=512 * 1024 * 1024, ge=1)
    """A larger file is refused before it is read."""
    parse_timeout_seconds: float = Field(default=300.0, gt=0)
    """A parser process that takes longer is killed, and its document fails alone."""
    parse_processes: int = Field(default=1, ge=1, le=64)
    ingest_concurrency: int = Field(default=3, ge=1, le=64)
    """Documents of one `ingest` call that are under way at once."""
    ingest_lease_seconds: float = Field(default=20.0, ge=1)
    """How long the worker of a document may be silent before another takes the document over."""

    candidates: int = Field(default=100, ge=1, le=1000)
    """How many hits each leg (dense, BM25) contributes to the fusion."""
    fusion_weight: float = Field(default=0.5, ge=0, le=1)
    """The dense leg's share in the fused score; BM25 has the rest."""
    rerank_model: str | None = None
    """A sentence-transformers cross-encoder; off unless named."""
    rerank_budget_seconds: float = Field(default=0.5, gt=0)
    dedicated_index_chunks: int = Field(default=25_000, ge=1)
    """A tenant with more chunks than this is promoted to an HNSW table of its own."""
    context_tokens: int = Field(default=2_000, ge=200)
    """The most passage text that an answer's prompt holds."""
    response_resume_seconds: float = Field(default=30.0, gt=0)
    """How long an answer goes on without anybody who reads it; then the model is stopped, and what was said is stored."""
    response_lease_seconds: float = Field(default=10.0, ge=1)
    """How long the process that generates an answer may be silent before another takes the answer over."""

    @classmethod
    def load(cls, **values: object) -> Settings:
        """The settings of this process: `values` first, then the environment, then the defaults.

        Raises:
            InvalidRequest: a value can not be used, or an `AURA_*` variable is not known.
        """
        _refuse_unknown_variables()
        try:
            return cls(**values)  # pyright: ignore[reportArgumentType]
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = str(first["loc"][0]) if first["loc"] else "settings"
            raise InvalidRequest(
                f"setting {name!r}: {first['msg'].removeprefix('Value error, ')}", field=name
            ) from None

    @model_validator(mode="after")
    def _production_names_every_role(self) -> Self:
        if self.database_url and not (self.system_database_url and self.secret_key):
            raise ValueError(
                "DATABASE_URL (the role aura_app) also needs AURA_SYSTEM_DATABASE_URL (the role aura_system) and"
                " AURA_SECRET_KEY; `aura db check` prints the statements that create the roles"
            )
        return self

    @property
    def embedded(self) -> bool:
        """Whether the database is the one inside the wheel."""
        return self.database_url is None


def unknown_variables() -> dict[str, str]:
    """The `AURA_*` variables of this process that AURA does not know, each with a hint at what may be meant."""
    fields = Settings.model_fields.items()
    known = {f"AURA_{name.upper()}" for name, field in fields if field.validation_alias is None} | _READ_ELSEWHERE
    found = sorted(name for name in os.environ if name.upper().startswith("AURA_"))
    return {name: _nearest(name.upper(), known) for name in found if name.upper() not in known}


def _refuse_unknown_variables() -> None:
    for variable, hint in unknown_variables().items():
        raise InvalidRequest(f"unknown environment variable {variable}: {hint}", field=variable)


def _nearest(variable: str, known: set[str]) -> str:
    plain = variable.removeprefix("AURA_")
    if plain.lower() in Settings.model_fields:  # a name that has no prefix because others share it
        return f"did you mean {plain}?"
    near = difflib.get_close_matches(variable, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
