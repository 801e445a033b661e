"""Webhooks, as they are made and changed."""

from __future__ import annotations

import msgspec

from aura.webhooks.values import Event, Webhook


class WebhookRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address, and the events that it hears of."""

    url: str
    events: tuple[Event, ...]


class WebhookChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the webhook is told anything."""

    is_active: bool


class NewWebhookResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A new webhook. `secret` signs its deliveries, and is shown this once."""

    webhook: Webhook
    secret: str
