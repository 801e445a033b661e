"""Addresses that hear of what happens to documents."""

from __future__ import annotations

from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from aura.usage.audit import Action
from aura.webhooks.values import Delivery, Webhook
from aura.workspace import Workspace
from aura_server.auditing import Record
from aura_server.routes.documents import Limit
from aura_server.wire.common import Items
from aura_server.wire.webhooks import NewWebhookResponse, WebhookChanges, WebhookRequest

_TAGS = ["tenant"]


@get("/tenant/webhooks", tags=_TAGS)
async def webhooks(workspace: NamedDependency[Workspace]) -> Items[Webhook]:
    """The organisation's webhooks. Admins only."""
    return Items(items=await workspace.webhooks.list())


@post("/tenant/webhooks", tags=_TAGS)
async def add_webhook(
    data: JSONBody[WebhookRequest], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> NewWebhookResponse:
    """Let an address hear of events. The secret that signs what it is sent is shown this once. Admins only."""
    webhook, secret = await workspace.webhooks.create(data.url, data.events)
    await record(Action.WEBHOOK_ADDED, "webhook", webhook.id)
    return NewWebhookResponse(webhook=webhook, secret=secret)


@patch("/tenant/webhooks/{webhook_id:uuid}", tags=_TAGS)
async def change_webhook(
    webhook_id: FromPath[UUID],
    data: JSONBody[WebhookChanges],
    workspace: NamedDependency[Workspace],
    record: NamedDependency[Record],
) -> Webhook:
    """Switch a webhook on or off. Admins only."""
    changed = await workspace.webhooks.set_active(webhook_id, data.is_active)
    await record(Action.WEBHOOK_CHANGED, "webhook", webhook_id)
    return changed


@delete("/tenant/webhooks/{webhook_id:uuid}", status_code=204, tags=_TAGS)
async def delete_webhook(
    webhook_id: FromPath[UUID], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> None:
    """Remove a webhook, and what waits to be sent to it. Admins only."""
    await workspace.webhooks.delete(webhook_id)
    await record(Action.WEBHOOK_DELETED, "webhook", webhook_id)


@post("/tenant/webhooks/{webhook_id:uuid}/ping", status_code=202, tags=_TAGS)
async def ping_webhook(webhook_id: FromPath[UUID], workspace: NamedDependency[Workspace]) -> Delivery:
    """Send a delivery that says nothing, to try the address. Admins only."""
    return await workspace.webhooks.ping(webhook_id)


@get("/tenant/webhooks/{webhook_id:uuid}/deliveries", tags=_TAGS)
async def deliveries(
    webhook_id: FromPath[UUID], workspace: NamedDependency[Workspace], limit: Limit = 100
) -> Items[Delivery]:
    """What was or is to be sent to a webhook, the newest first. Admins only."""
    return Items(items=await workspace.webhooks.deliveries(webhook_id, limit=limit))


HANDLERS = (webhooks, add_webhook, change_webhook, delete_webhook, ping_webhook, deliveries)
