"""One frozen settings class, read by `Aura.open()` and never at import."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Literal, Self

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from aura.errors import InvalidRequest

_READ_ELSEWHERE = frozenset({"AURA_PASSWORD"})
"""Variables of the command line, which are no settings."""


_MIN_SECRET_BYTES = 32
"""What HS256 wants at least. Source: RFC 7518, section 3.2."""
_MIN_DIFFERENT_CHARACTERS = 8
"""A random text of 32 hexadecimal digits has 14 on average, and practically never fewer than 8."""
_PLACEHOLDERS = ("changeme", "change-me", "change_me", "change me", "your-secret", "your_secret", "password")


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
    database_prepared_statements: bool | None = None
    """Whether a connection keeps plans. Not set: with the embedded server alone, since a pooler may be in between (pgbouncer
    from 1.21 takes them with `max_prepared_statements`)."""
    redis_url: SecretStr | None = Field(default=None, validation_alias=AliasChoices("REDIS_URL", "redis_url"))
    """A Redis by which replicas tell each other how models are. Not set: the database does. Needs the extra `redis`."""
    secret_key: SecretStr | None = None
    """Encrypts providers' keys at rest; generated and kept in `data_dir` by the embedded mode."""

    jwt_secret: SecretStr | None = Field(default=None, validation_alias=AliasChoices("JWT_SECRET", "jwt_secret"))
    """Signs access tokens; at least 32 bytes. Whoever has it can be anybody; a new one ends every session. The embedded mode
    makes its own."""
    internal_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("INTERNAL_API_KEY", "internal_api_key")
    )
    """Opens every tenant to the operator's own services; at least 32 bytes. Not set: nobody gets in that way."""
    access_token_seconds: int = Field(default=900, ge=10, le=86_400)
    """How long an access token is good. A session that ends ends its access tokens at once, whatever they say."""
    session_days: int = Field(default=30, ge=1, le=365)
    """How long after a login its refresh tokens are good, however often they are used."""

    embed_model: str = "all-MiniLM-L6-v2"
    """A sentence-transformers model: a name, or a folder that holds one."""
    llm: str = "router"
    """`router`: GPT and Grok, as far as their keys are set, and `extractive` without any. Or one model: `extractive`,
    `openai:MODEL`, `grok:MODEL`, or `https://host/v1#MODEL` for any OpenAI-compatible address."""
    llm_api_key: SecretStr | None = None
    """The key for `AURA_LLM` when it is an address. The keys of other providers are never sent there."""
    openai_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key")
    )
    grok_api_key: SecretStr | None = Field(default=None, validation_alias=AliasChoices("GROK_API_KEY", "grok_api_key"))
    grok_api_url: str = Field(
        default="https://api.x.ai/v1", validation_alias=AliasChoices("GROK_API_URL", "grok_api_url")
    )

    openai_api_url: str | None = Field(
        default=None, validation_alias=AliasChoices("OPENAI_API_URL", "OPENAI_BASE_URL", "openai_api_url")
    )
    """OpenAI's own address, unless another one stands in for it."""
    fast_model: str = "gpt-4o-mini"
    """OpenAI's model for quick questions, when the router chooses."""
    reasoning_model: str = "grok-4"
    """xAI's model for questions that take reasoning, when the router chooses."""
    router_weights: Path | None = None
    """What the router has learned for this deployment (`aura-evals run routing --weights FILE`); an organisation's own comes
    first. Not set: the rules."""
    router_explore: float = Field(default=0.0, ge=0, le=0.5)
    """The share of calls that are given to another model of the tier than the best one."""
    router_hedge_seconds: float | None = Field(default=None, gt=0)
    """A model that says nothing for so long has another one asked beside it, and the quicker one answers. Not set: never."""
    router_hedge_share: float = Field(default=0.05, gt=0, le=1)
    """The share of calls that may have a second one beside them, at most."""
    router_probe_seconds: float = Field(default=5.0, ge=0)
    """How often it is looked whether a model that was away can be asked again; 0: users' calls find out."""
    router_probe_unused_seconds: float | None = Field(default=None, gt=0)
    """A model that nobody has used for so long is asked whether it is there. Not set: never."""
    daily_budget_usd: float | None = Field(default=None, ge=0)
    """What all organisations together may spend in a UTC day. Not set: as much as they like."""
    monthly_budget_usd: float | None = Field(default=None, ge=0)
    """The same for a calendar month."""

    base_domain: str | None = None
    """`example.com` where organisations are reached as `acme.example.com`: the host then names the organisation."""
    allowed_hosts: str = ""
    """Host names that the server answers to, separated by commas, with `*` as a pattern. Not set: this machine's own
    names, and those of `base_domain`."""
    cors_origins: str = ""
    """Origins of other sites' pages that may call the API, separated by commas. None unless named."""
    trusted_proxies: str = ""
    """Addresses of proxies, separated by commas, whose word on a client's address is taken. None unless named."""
    signup: Literal["open", "closed"] = "open"
    """Whether anybody who reaches the server may make an organisation, and admins bring further ones; `closed`: the operator
    alone."""
    max_upload_bytes: int = Field(default=1024 * 1024 * 1024, ge=1)
    """A larger upload, all its files together, is refused before it is read."""

    max_file_bytes: int = Field(default=512 * 1024 * 1024, ge=1)
    """A larger file is refused before it is read."""
    parse_timeout_seconds: float = Field(default=300.0, gt=0)
    """A parser process that takes longer is killed, and its document fails alone."""
    parse_processes: int = Field(default=1, ge=1, le=64)
    ingest_concurrency: int = Field(default=3, ge=1, le=64)
    """Documents of one `ingest` call that are under way at once."""
    ingest_lease_seconds: float = Field(default=20.0, ge=1)
    """How long the worker of a document may be silent before another takes the document over."""
    ingest_stage_timeout_seconds: float = Field(default=21_600.0, ge=1)
    """A stage of one document that takes longer is stopped, and the document fails. Parsing has its own."""
    ingest_lanes: int = Field(default=2, ge=1, le=64)
    """Documents of one organisation that all workers together have under way at once."""
    worker_concurrency: int = Field(default=4, ge=2, le=64)
    """Turns of one worker process at once. One organisation has at most `ingest_lanes` + 1 of them."""

    webhook_private_hosts: frozenset[str] = frozenset()
    """Hosts on loopback or private networks that webhooks may reach, as a JSON list; all others there are refused."""

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
    prompt_tokens: int = Field(default=8_000, ge=1_000)
    """The most that a whole prompt of an answer holds, in tokens of four bytes; a model's window may allow less."""
    memory_quiet_seconds: float = Field(default=2.0, ge=0, le=3_600)
    """How long a conversation rests before facts and summaries are derived from its latest turns."""
    memory_extraction: Literal["rules", "model"] = "model"
    """Whether the configured model reads turns as well, one call for a batch; the rules do always."""
    response_resume_seconds: float = Field(default=30.0, gt=0)
    """How long an answer goes on without anybody who reads it; then the model is stopped, and what was said is stored."""
    response_lease_seconds: float = Field(default=10.0, ge=1)
    """How long the process that generates an answer may be silent before another takes the answer over."""

    voice_ears: str = "openai,moonshine"
    """What makes text of speech, separated by commas, the preferred first; those without a key or a package are left out.
    `none`: nothing."""
    voice_mouths: str = "elevenlabs,openai,espeak-ng,flite"
    """What makes speech of text, as `AURA_VOICE_EARS`."""
    voice_deadline_seconds: float = Field(default=10.0, gt=0)
    """How long a speech service may be silent before the next one is asked."""
    voice_max_bytes: int = Field(default=25 * 1024 * 1024, ge=1)
    """A larger recording is refused."""
    voice_max_seconds: float = Field(default=600.0, gt=0)
    """A longer recording is refused."""
    voice_max_characters: int = Field(default=5_000, ge=1)
    """A longer text is not spoken at once."""
    transcribe_model: str = "gpt-4o-transcribe"
    """OpenAI's model that hears."""
    speech_model: str = "gpt-4o-mini-tts"
    """OpenAI's model that speaks."""
    speech_voice: str = "alloy"
    """The voice of OpenAI's that speaks where none is asked for."""
    elevenlabs_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("ELEVENLABS_API_KEY", "elevenlabs_api_key")
    )
    elevenlabs_voice_id: str = Field(
        default="21m00Tcm4TlvDq8ikWAM", validation_alias=AliasChoices("ELEVENLABS_VOICE_ID", "elevenlabs_voice_id")
    )
    """The voice of ElevenLabs' that speaks where none is asked for."""
    elevenlabs_api_url: str = Field(
        default="https://api.elevenlabs.io", validation_alias=AliasChoices("ELEVENLABS_API_URL", "elevenlabs_api_url")
    )
    elevenlabs_model: str = "eleven_flash_v2_5"
    """ElevenLabs' model that speaks."""
    moonshine_dir: Path | None = None
    """A folder with another model of Moonshine's `tiny` kind. Not set: the wheel's own, for English."""

    requests_per_minute: int = Field(default=6_000, ge=1)
    """Of one organisation, whoever asks."""
    user_requests_per_minute: int = Field(default=1_200, ge=1)
    """Of one member; an API key can have a number of its own."""
    uploads_per_hour: int = Field(default=10_000, ge=1)
    """Files of one organisation."""
    user_uploads_per_hour: int = Field(default=2_000, ge=1)
    """Files of one member, by whatever key."""

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
        if self.database_url and not (self.system_database_url and self.secret_key and self.jwt_secret):
            raise ValueError(
                "DATABASE_URL (the role aura_app) also needs AURA_SYSTEM_DATABASE_URL (the role aura_system),"
                " AURA_SECRET_KEY and JWT_SECRET; `aura db check` prints the statements that create the roles"
            )
        return self

    @field_validator("jwt_secret", "internal_api_key")
    @classmethod
    def _hard_to_guess(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            _refuse_guessable(secret.get_secret_value())
        return secret

    @property
    def embedded(self) -> bool:
        """Whether the database is the one inside the wheel."""
        return self.database_url is None

    @property
    def prepares_statements(self) -> bool:
        """Whether a connection keeps plans."""
        return self.embedded if self.database_prepared_statements is None else self.database_prepared_statements


def unknown_variables() -> dict[str, str]:
    """The `AURA_*` variables of this process that AURA does not know, each with a hint at what may be meant."""
    fields = Settings.model_fields.items()
    known = {f"AURA_{name.upper()}" for name, field in fields if field.validation_alias is None} | _READ_ELSEWHERE
    found = sorted(name for name in os.environ if name.upper().startswith("AURA_"))
    return {name: _nearest(name.upper(), known) for name in found if name.upper() not in known}


def _refuse_unknown_variables() -> None:
    for variable, hint in unknown_variables().items():
        raise InvalidRequest(f"unknown environment variable {variable}: {hint}", field=variable)


def _refuse_guessable(secret: str) -> None:
    """Refuse what could be found by trying: too short, hardly any different characters, or words from a manual."""
    lowered = secret.lower()
    if (
        len(secret.encode()) < _MIN_SECRET_BYTES
        or len(set(secret)) < _MIN_DIFFERENT_CHARACTERS
        or any(word in lowered for word in _PLACEHOLDERS)
    ):
        raise ValueError(
            f"this can be guessed: it takes at least {_MIN_SECRET_BYTES} bytes that nobody has thought of; make them with"
            " `openssl rand -hex 32`"
        )


def _nearest(variable: str, known: set[str]) -> str:
    plain = variable.removeprefix("AURA_")
    if plain.lower() in Settings.model_fields:  # a name that has no prefix because others share it
        return f"did you mean {plain}?"
    near = difflib.get_close_matches(variable, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
