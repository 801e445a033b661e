"""What a webhook is, what it can be told, and what came of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class Event(StrEnum):
    """What a webhook can be told."""

    DOCUMENT_READY = "document.ready"
    DOCUMENT_FAILED = "document.failed"
    DOCUMENT_DELETED = "document.deleted"
    JOB_DEAD = "job.dead"
    EXPORT_READY = "export.ready"
    PING = "ping"


class DeliveryState(StrEnum):
    """Where a delivery is on its way."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """An address, and the events it hears of. Its secret is shown once, when it is made."""

    id: UUID
    url: str
    events: tuple[Event, ...]
    is_active: bool
    created_at: datetime


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event for one webhook. `last_status` is what the address answered last, None where it did not answer."""

    id: UUID
    webhook_id: UUID
    event: Event
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    created_at: datetime
