"""Sending what waits in the outbox: signed, never to a private network, again and again later, until it is given up.

A delivery is claimed before it is sent, so it is sent at least once: a receiver tells a repetition by `id`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import httpx
import msgspec
from sqlalchemy import and_, select, update

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.tables import webhook_deliveries, webhooks
from aura.errors import AuraError, BackendError, Denied, Unavailable
from aura.identity import Role, Scope, TenantId
from aura.tenants.provider_keys import KeyCipher
from aura.webhooks import addresses, signing
from aura.webhooks.subscriptions import sealed_for
from aura.webhooks.values import DeliveryState

logger = logging.getLogger(__name__)

DELAYS: Final = tuple(timedelta(seconds=seconds) for seconds in (30, 300, 1_800, 7_200))
"""After each failure but the last; a delivery is tried once more than these are many."""

_AT_ONCE = 20
_TIMEOUT_SECONDS = 10.0
_CLAIMED = timedelta(seconds=60)
"""How long a delivery is nobody else's while it is sent: longer than the time-out."""


class _Waiting(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    webhook_id: UUID
    event: str
    payload: dict[str, object]
    attempts: int
    created_at: datetime
    url: str
    secret_ciphertext: bytes


class Deliverer:
    """Sends what is due, one tenant at a time."""

    def __init__(
        self,
        database: Database,
        *,
        cipher: KeyCipher,
        clock: Clock,
        private_hosts: Collection[str],
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock
        self._private_hosts = private_hosts
        self._timeout_seconds = timeout_seconds

    async def deliver(self, tenant_id: TenantId) -> int:
        """Try the tenant's due deliveries, at most 20 of them; how many there were. Cost: one time-out, at the most."""
        waiting = await self._claim(tenant_id)
        if waiting:
            async with httpx.AsyncClient(
                timeout=self._timeout_seconds, follow_redirects=False, trust_env=False
            ) as client:
                statuses = await asyncio.gather(*(self._send(client, tenant_id, one) for one in waiting))
            for delivery, status in zip(waiting, statuses, strict=True):
                await self._settle(tenant_id, delivery, status)
        return len(waiting)

    async def _claim(self, tenant_id: TenantId) -> Sequence[_Waiting]:
        now = self._clock.now()
        due = (
            select(webhook_deliveries.c.id)
            .where(webhook_deliveries.c.tenant_id == tenant_id)
            .where(webhook_deliveries.c.state == DeliveryState.WAITING, webhook_deliveries.c.next_attempt_at <= now)
            .order_by(webhook_deliveries.c.next_attempt_at)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        claim = (
            update(webhook_deliveries)
            .where(webhook_deliveries.c.tenant_id == tenant_id, webhook_deliveries.c.id.in_(due))
            .where(webhooks.c.tenant_id == tenant_id, webhooks.c.id == webhook_deliveries.c.webhook_id)
            .values(attempts=webhook_deliveries.c.attempts + 1, next_attempt_at=now + _CLAIMED)
            .returning(*(_COLUMNS))
        )
        async with self._database.tenant(_service(tenant_id)) as session:
            return [msgspec.convert(row, _Waiting) for row in (await session.execute(claim)).mappings()]

    async def _send(self, client: httpx.AsyncClient, tenant_id: TenantId, delivery: _Waiting) -> int | None:
        """The status that the address answered with; None where it did not, or may not be asked."""
        now = self._clock.now()
        body = msgspec.json.encode(
            {"id": delivery.id, "event": delivery.event, "created_at": delivery.created_at, "data": delivery.payload}
        )
        try:
            secret = self._cipher.decrypt(
                delivery.secret_ciphertext, tenant_id=tenant_id, provider=sealed_for(delivery.webhook_id)
            )
            url = addresses.parsed(delivery.url)
            ip = await addresses.resolve(url, allowed=self._private_hosts)
            headers = {
                "Host": url.netloc.decode(),
                "Content-Type": "application/json",
                "User-Agent": "AURA-Webhooks",
                signing.HEADER: signing.signature(secret, body, at=int(now.timestamp())),
            }
            request = client.build_request(
                "POST", url.copy_with(host=ip), content=body, headers=headers, extensions={"sni_hostname": url.host}
            )
            async with asyncio.timeout(self._timeout_seconds):  # httpx's own time-outs begin anew with each byte
                response = await client.send(request, stream=True)  # what it says is not read
                await response.aclose()
            return response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, Denied, Unavailable, BackendError) as error:
            logger.info("delivery %s of tenant %s failed (%s)", delivery.id, tenant_id, type(error).__name__)
            return None

    async def _settle(self, tenant_id: TenantId, delivery: _Waiting, status: int | None) -> None:
        values: dict[str, object] = {"last_status": status}
        if status is not None and 200 <= status < 300:
            values |= {"state": DeliveryState.DELIVERED, "next_attempt_at": None}
        elif delivery.attempts > len(DELAYS) or status == 410:  # Gone: the receiver wants no more of it
            values |= {"state": DeliveryState.DEAD, "next_attempt_at": None}
        else:
            values["next_attempt_at"] = self._clock.now() + DELAYS[delivery.attempts - 1]
        mine = and_(
            webhook_deliveries.c.tenant_id == tenant_id,
            webhook_deliveries.c.id == delivery.id,
            webhook_deliveries.c.state == DeliveryState.WAITING,  # not what was given up meanwhile
            webhook_deliveries.c.attempts == delivery.attempts,
        )
        try:
            async with self._database.tenant(_service(tenant_id)) as session:
                await session.execute(update(webhook_deliveries).where(mine).values(**values))
        except AuraError:
            logger.info("delivery %s of tenant %s is sent again: its end could not be stored", delivery.id, tenant_id)


_COLUMNS = (
    *(webhook_deliveries.c[name] for name in ("id", "webhook_id", "event", "payload", "attempts", "created_at")),
    webhooks.c.url,
    webhooks.c.secret_ciphertext,
)


def _service(tenant_id: TenantId) -> Scope:
    return Scope(tenant_id=tenant_id, role=Role.SERVICE)
