"""`workspace.webhooks`: which addresses hear of what, and what was sent to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import visible
from aura.database.tables import webhook_deliveries, webhooks
from aura.errors import Conflict, InvalidRequest, LimitExceeded, NotFound, Unavailable
from aura.identity import Scope
from aura.tenants.provider_keys import KeyCipher
from aura.webhooks import addresses, signing
from aura.webhooks.values import Delivery, DeliveryState, Event, Webhook

MOST_WEBHOOKS = 20

_WEBHOOK = (webhooks.c.id, webhooks.c.url, webhooks.c.events, webhooks.c.is_active, webhooks.c.created_at)
_DELIVERY = tuple(webhook_deliveries.c[name] for name in Delivery.__struct_fields__)


class Webhooks:
    """The webhooks of the scope's organisation. Who may manage them is the caller's to decide."""

    def __init__(
        self, database: Database, scope: Scope, *, cipher: KeyCipher, clock: Clock, private_hosts: Collection[str]
    ) -> None:
        self._database = database
        self._scope = scope
        self._cipher = cipher
        self._clock = clock
        self._private_hosts = private_hosts

    async def create(self, url: str, events: Sequence[Event | str]) -> tuple[Webhook, str]:
        """A new webhook, and the secret that signs its deliveries: it is shown this once.

        Raises:
            InvalidRequest: the address or an event can not be used, or nobody knows the address's host name.
            Denied: the address is on a private network.
            LimitExceeded: the organisation has as many as it may.
        """
        heard = _events(events)
        address = addresses.parsed(url)
        try:
            await addresses.resolve(address, allowed=self._private_hosts)
        except Unavailable as error:  # of a delivery that is to be tried again; here somebody has just typed the name
            raise InvalidRequest(f"{error}: check the address", field="url") from error
        webhook_id, secret, tenant_id = uuid4(), signing.new_secret(), self._scope.tenant_id
        row = {
            "tenant_id": tenant_id,
            "id": webhook_id,
            "url": str(address),
            "events": [event.value for event in heard],
            "secret_ciphertext": self._cipher.encrypt(secret, tenant_id=tenant_id, provider=sealed_for(webhook_id)),
        }
        async with self._database.tenant(self._scope) as session:
            there = select(func.count()).select_from(webhooks).where(visible(webhooks, self._scope))
            if (await session.scalar(there) or 0) >= MOST_WEBHOOKS:
                raise LimitExceeded(f"an organisation has at most {MOST_WEBHOOKS} webhooks", limit="webhooks")
            stored = (await session.execute(insert(webhooks).values(row).returning(*_WEBHOOK))).mappings().one()
        return msgspec.convert(stored, Webhook), secret

    async def list(self) -> tuple[Webhook, ...]:
        """All webhooks, the oldest first."""
        query = select(*_WEBHOOK).where(visible(webhooks, self._scope)).order_by(webhooks.c.created_at, webhooks.c.id)
        async with self._database.tenant(self._scope) as session:
            return tuple(msgspec.convert(row, Webhook) for row in (await session.execute(query)).mappings())

    async def set_active(self, webhook_id: UUID, active: bool) -> Webhook:
        """Switch a webhook on or off; what waits for one that is switched off is given up. Raises `NotFound`."""
        async with self._database.tenant(self._scope) as session:
            change = update(webhooks).where(visible(webhooks, self._scope), webhooks.c.id == webhook_id)
            change = change.values(is_active=active).returning(*_WEBHOOK)
            row = (await session.execute(change)).mappings().one_or_none()
            if row is None:
                raise NotFound("there is no such webhook")
            if not active:
                await session.execute(
                    update(webhook_deliveries)
                    .where(visible(webhook_deliveries, self._scope), webhook_deliveries.c.webhook_id == webhook_id)
                    .where(webhook_deliveries.c.state == DeliveryState.WAITING)
                    .values(state=DeliveryState.DEAD, next_attempt_at=None)
                )
        return msgspec.convert(row, Webhook)

    async def delete(self, webhook_id: UUID) -> None:
        """Remove a webhook, and what was or waits to be sent to it. Raises `NotFound`."""
        gone = delete(webhooks).where(visible(webhooks, self._scope), webhooks.c.id == webhook_id)
        async with self._database.tenant(self._scope) as session:
            if (await session.execute(gone)).rowcount == 0:
                raise NotFound("there is no such webhook")

    async def ping(self, webhook_id: UUID) -> Delivery:
        """Queue a delivery that says nothing, to try the address. Raises `NotFound`."""
        async with self._database.tenant(self._scope) as session:
            await self._require(session, webhook_id)
            row = {
                "tenant_id": self._scope.tenant_id,
                "id": uuid4(),
                "webhook_id": webhook_id,
                "event": Event.PING.value,
                "payload": dict[str, str](),
                "state": DeliveryState.WAITING.value,
                "next_attempt_at": self._clock.now(),
            }
            made = insert(webhook_deliveries).values(row).returning(*_DELIVERY)
            return msgspec.convert((await session.execute(made)).mappings().one(), Delivery)

    async def deliveries(self, webhook_id: UUID | None = None, *, limit: int = 100) -> tuple[Delivery, ...]:
        """What was or is to be sent, the newest first: to one webhook, or to all.

        Raises:
            NotFound: there is no such webhook.
        """
        query = select(*_DELIVERY).where(visible(webhook_deliveries, self._scope))
        if webhook_id is not None:
            query = query.where(webhook_deliveries.c.webhook_id == webhook_id)
        query = query.order_by(webhook_deliveries.c.created_at.desc(), webhook_deliveries.c.id).limit(limit)
        async with self._database.tenant(self._scope) as session:
            if webhook_id is not None:
                await self._require(session, webhook_id)
            return tuple(msgspec.convert(row, Delivery) for row in (await session.execute(query)).mappings())

    async def redeliver(self, delivery_id: UUID) -> Delivery:
        """Send a dead delivery again, as if it were new.

        Raises:
            NotFound: there is none of this id.
            Conflict: it is not dead.
        """
        mine = (visible(webhook_deliveries, self._scope), webhook_deliveries.c.id == delivery_id)
        again = {"state": DeliveryState.WAITING, "attempts": 0, "next_attempt_at": self._clock.now()}
        async with self._database.tenant(self._scope) as session:
            dead = webhook_deliveries.c.state == DeliveryState.DEAD
            change = update(webhook_deliveries).where(*mine, dead).values(**again).returning(*_DELIVERY)
            row = (await session.execute(change)).mappings().one_or_none()
            if row is None:
                if await session.scalar(select(webhook_deliveries.c.id).where(*mine)) is None:
                    raise NotFound("there is no such delivery")
                raise Conflict("only a dead delivery can be sent again")
        return msgspec.convert(row, Delivery)

    async def _require(self, session: AsyncConnection, webhook_id: UUID) -> None:
        there = select(webhooks.c.id).where(visible(webhooks, self._scope), webhooks.c.id == webhook_id)
        if await session.scalar(there) is None:
            raise NotFound("there is no such webhook")


def sealed_for(webhook_id: UUID) -> str:
    """What a webhook's secret is bound to when it is encrypted."""
    return f"webhook:{webhook_id}"


def _events(events: Sequence[Event | str]) -> list[Event]:
    try:
        found = sorted({Event(event) for event in events})
    except ValueError:
        known = ", ".join(Event)
        raise InvalidRequest(f"a webhook hears of {known}", field="events") from None
    if not found:
        raise InvalidRequest("name the events that the webhook is to hear of", field="events")
    return found
