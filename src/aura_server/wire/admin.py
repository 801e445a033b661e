"""Health with its reasons, and what is left of limits."""

from __future__ import annotations

from datetime import datetime

import msgspec

from aura.health import Health, PartHealth
from aura.jobs.overview import Job, Overview
from aura.usage.quotas import Allowance


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of the platform, each with its latency and the reason why it is not `ok`."""

    status: str
    version: str
    parts: tuple[PartHealth, ...]

    @classmethod
    def of(cls, health: Health) -> HealthReport:
        """`health` on the wire."""
        return cls(status=health.status, version=health.version, parts=health.parts)


class JobsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is to do, and what of it has not ended well."""

    overview: Overview
    items: tuple[Job, ...]


class LimitResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One limit. `subject` is `tenant`, `user:<id>` or `key:<id>`; `renews_at` null: it does not renew."""

    limit: str
    subject: str
    maximum: int
    used: int
    remaining: int
    renews_at: datetime | None


class UsageResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Every limit that holds for the caller. Storage is in bytes; `voice_seconds_monthly` renews with the month."""

    limits: tuple[LimitResponse, ...]

    @classmethod
    def of(cls, allowances: tuple[Allowance, ...]) -> UsageResponse:
        """`allowances` on the wire."""
        return cls(limits=tuple(msgspec.convert(each, LimitResponse, from_attributes=True) for each in allowances))
