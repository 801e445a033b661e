"""The health of the server, as anybody may see it."""

from __future__ import annotations

import msgspec

from aura.health import Health


class ApiHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A model provider. `status`: `ok`, `down`, or `off` where no key is configured. `failures`: in a row."""

    status: str
    failures: int


class HealthResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Each part is `ok`, `degraded`, `down`, or `off` where it is not configured or not built."""

    status: str
    mode: str
    version: str
    services: dict[str, str]
    tenant_services: dict[str, str]
    apis: dict[str, ApiHealth]

    @classmethod
    def of(cls, health: Health) -> HealthResponse:
        """`health` on the wire."""
        state = {part.name: part.status for part in health.parts}
        return cls(
            status=health.status,
            mode="multi-tenant",
            version=health.version,
            services={
                "tenant_manager": state["database"],
                "auth_service": state["database"],
                "smart_router": state["model"],
                "memory": state["memory"],
                "voice": state["voice"],
                "persona": state["persona"],
                "data_service": state["embedding"],
            },
            tenant_services={
                "data_ingestion": state["worker"],
                "smart_router": state["model"],
                "voice_pipeline": state["voice"],
            },
            apis={each.name: ApiHealth(status=each.status, failures=each.failures) for each in health.providers},
        )
