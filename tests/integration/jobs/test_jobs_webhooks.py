"""Events reach the addresses that want them: signed, again when they were refused, and never inside our own network."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from jobs_support import organisation

from aura import Aura, Workspace
from aura.errors import Conflict, Denied, InvalidRequest, NotFound
from aura.testing.clock import FixedClock
from aura.webhooks.addresses import is_public, parsed
from aura.webhooks.delivery import DELAYS, Deliverer
from aura.webhooks.subscriptions import Webhooks
from aura.webhooks.values import DeliveryState, Event

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Receiver:
    """An address that answers what it is told to, and remembers what it was sent."""

    def __init__(self) -> None:
        self.status, self.location = 200, ""
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()


def deliverer(aura: Aura, clock: FixedClock | None = None, *, private: frozenset[str] = frozenset({"127.0.0.1"})):
    parts = aura._parts
    return Deliverer(parts.database, cipher=parts.cipher, clock=clock or parts.clock, private_hosts=private)


async def ingest(workspace: Workspace, content: bytes, name: str, **options: object) -> list[str]:
    return [str(p.document_id) async for p in workspace.documents.ingest(content, filename=name, **options)]


async def test_who_waits_for_an_archive_is_told_that_it_is_there(aura: Aura, acme: Workspace, tmp_path: Path) -> None:
    async with receiving() as receiver:
        await acme.webhooks.create(receiver.url, ["export.ready"])
        path = await acme.export(tmp_path)
        await deliverer(aura).deliver(acme.scope.tenant_id)
    [told] = [json.loads(body) for _, _, body in receiver.requests]
    assert (told["event"], told["data"]) == ("export.ready", {"bytes": path.stat().st_size})


async def test_a_documents_way_is_told_with_ids_and_a_signature_that_fits(aura: Aura, acme: Workspace) -> None:
    async with receiving() as receiver:
        _, secret = await acme.webhooks.create(receiver.url, ["document.ready", "document.failed", "document.deleted"])
        id = (await ingest(acme, b"The heron of Acme.", "heron.txt"))[-1]
        await ingest(acme, b"%PDF-1.7 broken", "broken.pdf")
        await acme.documents.delete(next(d.id for d in (await acme.documents.list()).items if str(d.id) == id))
        await deliverer(aura).deliver(acme.scope.tenant_id)
    told = [json.loads(body) for _, _, body in receiver.requests]
    assert sorted(t["event"] for t in told) == ["document.deleted", "document.failed", "document.ready"]
    ready = next(t for t in told if t["event"] == "document.ready")
    assert ready["data"] == {"document_id": id, "version": 1}
    assert set(ready) == {"id", "event", "created_at", "data"}
    for _, headers, body in receiver.requests:
        assert b"heron" not in body
        stamp, mac = (part.split("=", 1)[1] for part in headers["aura-signature"].split(","))
        assert mac == hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        assert abs(int(stamp) - datetime.now(UTC).timestamp()) < 600
    assert {d.state for d in await acme.webhooks.deliveries()} == {DeliveryState.DELIVERED}


async def test_what_is_one_members_alone_is_not_told(aura: Aura, acme: Workspace) -> None:
    async with receiving() as receiver:
        await acme.webhooks.create(receiver.url, list(Event))
        ada = await aura.workspace(acme.organisation.subdomain, "ada@acme.test")
        await ingest(ada, b"The secret of Ada.", "secret.txt", visibility="private")
        await ada.documents.delete((await ada.documents.list()).items[0].id)
    assert await acme.webhooks.deliveries() == ()


async def test_a_webhook_hears_of_the_events_it_named_and_of_no_other_tenants(aura: Aura, acme: Workspace) -> None:
    globex = await organisation(aura)
    async with receiving() as receiver:
        await acme.webhooks.create(receiver.url, ["document.deleted"])
        await ingest(acme, b"one", "one.txt")
        await ingest(globex, b"two", "two.txt")
        await globex.documents.delete((await globex.documents.list()).items[0].id)
    assert await acme.webhooks.deliveries() == ()
    mine = (await acme.webhooks.list())[0]
    for attack in (globex.webhooks.delete(mine.id), globex.webhooks.ping(mine.id)):
        with pytest.raises(NotFound):
            await attack
    delivery = await acme.webhooks.ping(mine.id)
    with pytest.raises(NotFound):
        await globex.webhooks.redeliver(delivery.id)
    assert (await globex.webhooks.list(), await globex.webhooks.deliveries()) == ((), ())
    assert await deliverer(aura).deliver(globex.scope.tenant_id) == 0
    assert receiver.requests == []


async def test_a_refused_delivery_is_tried_later_each_time_and_then_given_up(aura: Aura, acme: Workspace) -> None:
    clock = FixedClock(datetime.now(UTC) + timedelta(minutes=1))
    async with receiving() as receiver:
        receiver.status = 500
        webhook, _ = await acme.webhooks.create(receiver.url, ["document.ready"])
        await ingest(acme, b"The heron.", "heron.txt")
        sender = deliverer(aura, clock)
        for number, delay in enumerate(DELAYS, start=1):
            assert await sender.deliver(acme.scope.tenant_id) == 1
            (waiting,) = await acme.webhooks.deliveries(webhook.id)
            assert (waiting.state, waiting.attempts, waiting.last_status) == (DeliveryState.WAITING, number, 500)
            clock.advance(delay - timedelta(seconds=1))
            assert await sender.deliver(acme.scope.tenant_id) == 0
            clock.advance(timedelta(seconds=1))
        assert await sender.deliver(acme.scope.tenant_id) == 1
        (dead,) = await acme.webhooks.deliveries(webhook.id)
        assert (dead.state, dead.attempts) == (DeliveryState.DEAD, len(DELAYS) + 1)
        clock.advance(timedelta(days=1))
        assert await sender.deliver(acme.scope.tenant_id) == 0
        receiver.status = 204
        await acme.webhooks.redeliver(dead.id)
        assert await sender.deliver(acme.scope.tenant_id) == 1
        assert (await acme.webhooks.deliveries(webhook.id))[0].state is DeliveryState.DELIVERED
        with pytest.raises(Conflict):
            await acme.webhooks.redeliver(dead.id)
    assert len({json.loads(body)["id"] for _, _, body in receiver.requests}) == 1  # a receiver can tell a repetition


async def test_a_redirect_is_not_followed(aura: Aura, acme: Workspace) -> None:
    async with receiving() as receiver, receiving() as inside:
        receiver.status, receiver.location = 307, inside.url
        webhook, _ = await acme.webhooks.create(receiver.url, ["document.ready"])
        await acme.webhooks.ping(webhook.id)
        await deliverer(aura).deliver(acme.scope.tenant_id)
        assert inside.requests == []
        assert len(receiver.requests) == 1
    assert (await acme.webhooks.deliveries())[0].last_status == 307


async def test_a_private_address_is_refused_when_it_is_named_and_when_it_is_sent_to(
    aura: Aura, acme: Workspace
) -> None:
    parts = aura._parts
    strict = Webhooks(parts.database, acme.scope, cipher=parts.cipher, clock=parts.clock, private_hosts=frozenset())
    for url in ("http://127.0.0.1/x", "http://localhost:8080/", "http://[::1]/", "http://169.254.169.254/latest"):
        with pytest.raises(Denied, match="AURA_WEBHOOK_PRIVATE_HOSTS"):
            await strict.create(url, ["document.ready"])
    async with receiving() as receiver:
        webhook, _ = await acme.webhooks.create(receiver.url, ["document.ready"])  # this platform allows it …
        await acme.webhooks.ping(webhook.id)
        await deliverer(aura, private=frozenset()).deliver(acme.scope.tenant_id)  # … and then no more
    assert receiver.requests == []
    (delivery,) = await acme.webhooks.deliveries()
    assert (delivery.state, delivery.last_status, delivery.attempts) == (DeliveryState.WAITING, None, 1)


INSIDE = """127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 0.0.0.0 100.64.0.1 224.0.0.1 ::1 :: fe80::1%eth0
    fd00::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1:: ff02::1 ::127.0.0.1 ::10.0.0.1 ::ffff:0:10.0.0.1 fec0::1
    3fff::1 5f00::1 192.0.0.8 192.88.99.1"""


@pytest.mark.parametrize("address", INSIDE.split())
async def test_no_address_inside_a_network_is_public(address: str) -> None:
    assert not is_public(address)


async def test_addresses_of_the_internet_are_public() -> None:
    assert all(map(is_public, ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946")))


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/", "file:///etc/passwd", "//example.org", "https://", "http://u:p@example.org/", "x" * 3_000],
)
async def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest):
        parsed(url)


async def test_only_an_admin_manages_webhooks_and_sees_jobs(aura: Aura, acme: Workspace) -> None:
    await acme.users.add(email="bob@acme.test", password="correct horse battery staple")
    bob = await aura.workspace(acme.organisation.subdomain, "bob@acme.test")
    for attribute in ("webhooks", "jobs"):
        with pytest.raises(Denied):
            getattr(bob, attribute)


async def test_a_webhook_that_is_switched_off_gets_nothing_more(aura: Aura, acme: Workspace) -> None:
    async with receiving() as receiver:
        webhook, _ = await acme.webhooks.create(receiver.url, ["document.ready"])
        await acme.webhooks.ping(webhook.id)
        await acme.webhooks.set_active(webhook.id, False)
        await ingest(acme, b"The heron.", "heron.txt")
        assert await deliverer(aura).deliver(acme.scope.tenant_id) == 0
    assert receiver.requests == []


async def test_an_address_that_does_not_answer_costs_no_more_than_its_time(aura: Aura, acme: Workspace) -> None:
    parts = aura._parts
    async with receiving() as receiver:
        port = httpx.URL(receiver.url).port
    webhook, _ = await acme.webhooks.create(f"http://127.0.0.1:{port}/", ["document.ready"])  # nobody listens any more
    await acme.webhooks.ping(webhook.id)
    sender = Deliverer(
        parts.database, cipher=parts.cipher, clock=parts.clock, private_hosts={"127.0.0.1"}, timeout_seconds=1.0
    )
    assert await sender.deliver(acme.scope.tenant_id) == 1
    assert (await acme.webhooks.deliveries())[0].last_status is None
