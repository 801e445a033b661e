"""Where events wait for their delivery: written in the transaction that makes them true, so that none is lost or made up."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.tables import webhook_deliveries, webhooks
from aura.identity import TenantId
from aura.webhooks.values import DeliveryState, Event


async def put(session: AsyncConnection, tenant_id: TenantId, event: Event, about: Mapping[str, object]) -> None:
    """Queue `event` for each webhook of the tenant that hears of it. Cost: one statement.

    Args:
        about: ids and states, never content: it leaves the platform.
    """
    heard = select(
        webhooks.c.tenant_id,
        func.gen_random_uuid(),
        webhooks.c.id,
        literal(event.value),
        literal(dict(about), JSONB),
        literal(DeliveryState.WAITING.value),
        func.now(),
    ).where(webhooks.c.tenant_id == tenant_id, webhooks.c.is_active, webhooks.c.events.any(event.value))
    columns = ["tenant_id", "id", "webhook_id", "event", "payload", "state", "next_attempt_at"]
    await session.execute(insert(webhook_deliveries).from_select(columns, heard))
