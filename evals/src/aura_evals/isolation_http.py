"""The suite `isolation` against a running server: two organisations with canaries, and every route from one to the other's.

The organisations sign up for the run and are erased behind it. Each probe is one case, as in `isolation`: 1 when nothing of
the other organisation came back, and a foreign id was answered as an unknown one is, in status and in words.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from secrets import token_hex, token_urlsafe
from typing import Any, Final
from uuid import UUID

import httpx
import msgspec

from aura_evals.errors import BadInput
from aura_evals.isolation import FACTS, canary_of, leaks
from aura_evals.isolation_sockets import said_over_socket
from aura_evals.patience import patiently_sent
from aura_evals.progress import Bars
from aura_evals.result import Case, Model, Outcome

_UNKNOWN: Final = str(UUID(int=0xAA << 120))
_READY_SECONDS: Final = 120.0
_AGAIN_SECONDS: Final = 0.1
_OWN_WORDS: Final = re.compile(r'"(?:request_id|instance)": ?"[^"]*"')
"""What an answer says of the request itself."""

_ASKED: Final = "What is the access word of the {subject}?"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request, or with the method `SOCKET` one message.

    `{subject}` stands for what the other organisation's document is about, any other name for an id of its. A probe whose
    request has an id is sent twice: with the other organisation's, and with one that nobody has.
    """

    method: str
    path: str
    params: Mapping[str, str] = {}
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}

    def sent_with(self, words: Mapping[str, str]) -> dict[str, Any]:
        """What httpx is to send, with `words` in their places."""
        return {
            "method": self.method,
            "url": self.path.format_map(words),
            "params": _filled(self.params, words),
            "json": _filled(self.body, words),
            "headers": _filled(self.headers, words),
        }

    @property
    def by_socket(self) -> bool:
        """Whether it is a message over the WebSocket at its path."""
        return self.method == _SOCKET

    @property
    def names_an_id(self) -> bool:
        """Whether something in it is an id of the other organisation's."""
        told = msgspec.json.encode((self.path, self.params, self.body, self.headers)).decode()
        return any(f"{{{name}}}" in told for name in _IDS)


def _filled(value: object, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return value.format_map(words)
    if isinstance(value, Mapping):
        return {name: _filled(each, words) for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return [_filled(each, words) for each in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]


def _tool(name: str, **arguments: object) -> Call:
    """A call of one of the tools of `/mcp`."""
    params = {"name": name, "arguments": arguments}
    return Call(
        method="POST",
        path="/mcp",
        body={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
        headers={"Accept": "application/json, text/event-stream"},
    )


def _message(**fields: object) -> Call:
    """A message over the socket of the chat."""
    return Call(method=_SOCKET, path="/ws/chat", body={"type": "message", **fields})


_SOCKET: Final = "SOCKET"
_IDS: Final = ("document", "session", "message", "user", "key", "collection", "response")

PROBES: Final[dict[str, Call]] = {
    "ask": Call(method="POST", path="/chat/", body={"message": _ASKED}),
    "ask for a file": Call(method="POST", path="/chat/", body={"message": "Repeat {subject}.md word for word."}),
    "ask by stream": Call(method="POST", path="/chat/stream", body={"message": _ASKED}),
    "ask as OpenAI's clients do": Call(
        method="POST",
        path="/v1/chat/completions",
        body={"model": "aura", "messages": [{"role": "user", "content": _ASKED}]},
    ),
    "ask over a socket": _message(message=_ASKED),
    "ask as a tool": _tool("ask", question=_ASKED),
    "search as a tool": _tool("search", query="access word of the {subject}", limit=50),
    "search": Call(
        method="GET", path="/documents/search", params={"q": "access word of the {subject}", "limit": "50"}
    ),
    "search conversations": Call(method="GET", path="/conversations/search", params={"q": "{subject}"}),
    **{
        f"list {path}": Call(method="GET", path=path)
        for path in (
            "/documents/", "/collections", "/conversations", "/memory/facts", "/memory/summary", "/memory/export",
            "/persona/", "/tenant", "/tenant/users", "/tenant/keys", "/tenant/usage", "/admin/dashboard",
            "/admin/costs", "/admin/audit", "/admin/jobs", "/admin/health", "/v1/models",
        )
    },
    "by id: ask in a conversation": Call(
        method="POST", path="/chat/", body={"message": "Go on.", "session_id": "{session}"}
    ),
    "by id: ask for a member": Call(method="POST", path="/chat/", body={"message": "Go on.", "user_id": "{user}"}),
    "by id: ask in a collection": Call(
        method="POST", path="/chat/", body={"message": _ASKED, "collection": "{collection}"}
    ),
    "by id: ask in a conversation over a socket": _message(message="Go on.", session_id="{session}"),
    "by id: ask for a member over a socket": _message(message="Go on.", user_id="{user}"),
    "by id: take up an answer over a socket": Call(
        method=_SOCKET, path="/ws/chat", body={"type": "resume", "response_id": "{response}"}
    ),
    "by id: search in a collection as a tool": _tool("search", query="{subject}", collection="{collection}"),
    "by id: ask in a collection as a tool": _tool("ask", question=_ASKED, collection="{collection}"),
    "by id: take up an answer": Call(
        method="POST", path="/chat/stream", headers={"Last-Event-ID": "{response}:0"}
    ),
    "by id: stop an answer": Call(method="POST", path="/chat/stop", body={"response_id": "{response}"}),
    "by id: rate an answer": Call(
        method="POST", path="/chat/feedback", body={"message_id": "{message}", "rating": -1}
    ),
    "by id: history": Call(method="GET", path="/chat/history/{user}"),
    "by id: history of a conversation": Call(
        method="GET", path="/chat/history/{user}", params={"session_id": "{session}"}
    ),
    "by id: context": Call(method="GET", path="/chat/context/{user}"),
    "by id: search in a collection": Call(
        method="GET", path="/documents/search", params={"q": "{subject}", "collection": "{collection}"}
    ),
    **{
        f"by id: document{suffix}": Call(method="GET", path=f"/documents/{{document}}{suffix}")
        for suffix in ("", "/text", "/chunks", "/content", "/versions")
    },
    "by id: export a conversation": Call(method="GET", path="/conversations/{session}/export"),
    "by id: rename a conversation": Call(method="PATCH", path="/conversations/{session}", body={"title": "Taken"}),
    "by id: member": Call(method="GET", path="/tenant/users/{user}"),
    "by id: change a member": Call(method="PATCH", path="/tenant/users/{user}", body={"name": "Taken"}),
    "by id: rename a collection": Call(method="PATCH", path="/collections/{collection}", body={"name": "Taken"}),
    "by id: retry a document": Call(method="POST", path="/documents/{document}/retry"),
    "by id: cancel a document": Call(method="POST", path="/documents/{document}/cancel"),
    "by id: delete a document": Call(method="DELETE", path="/documents/{document}"),
    "by id: delete a conversation": Call(method="DELETE", path="/conversations/{session}"),
    "by id: delete a collection": Call(method="DELETE", path="/collections/{collection}"),
    "by id: delete a key": Call(method="DELETE", path="/tenant/keys/{key}"),
    "by id: delete a member": Call(method="DELETE", path="/tenant/users/{user}"),
}  # fmt: skip
"""By their names. Those that delete come last."""


class _Side(msgspec.Struct, kw_only=True):
    """One of the two organisations, and the ids of what it has."""

    name: str
    client: httpx.AsyncClient
    subdomain: str
    canary: str
    subject: str
    ids: dict[str, str]

    def words(self, *, unknown: bool = False) -> dict[str, str]:
        """What stands in the places of a probe that is after this organisation."""
        ids = dict.fromkeys(self.ids, _UNKNOWN) if unknown else self.ids
        return {**ids, "subject": self.subject}


async def run_isolation(url: str, bars: Bars, *, probes: Collection[str] = tuple(PROBES)) -> Outcome:
    """Probe the server at `url`, in both directions.

    Args:
        probes: the names of those to send; all, unless given.

    Raises:
        BadInput: it does not answer, or lets nobody sign up.

    Cost: two organisations with a document each, some hundred requests; the organisations are erased at the end.
    """
    async with AsyncExitStack() as stack:
        sides = [await stack.enter_async_context(_signed_up(url, name)) for name in FACTS]
        pairs = [(mine, other) for mine, other in (sides, sides[::-1])]
        tried = [(mine, other, name) for name in probes for mine, other in pairs]
        cases: list[Case] = []
        bar = bars.bar("probes", total=len(tried))
        for mine, other, name in tried:
            cases.append(await _case(name, mine, other))
            bar.advance()
        cases += [await _untouched(side) for side in sides]
        model = Model(name=f"the server at {httpx.URL(url).host}", sha256="")
        return Outcome(model=model, cases=tuple(cases), violations=leaks(cases))


@asynccontextmanager
async def _signed_up(url: str, name: str) -> AsyncGenerator[_Side]:
    subject, text = FACTS[name]
    subdomain, canary = f"evals-{name}-{token_hex(4)}", canary_of(name)
    async with httpx.AsyncClient(base_url=url, timeout=120, follow_redirects=False) as client:
        signup = {
            "organization_name": f"AURA evals {name}",
            "subdomain": subdomain,
            "admin_email": f"admin@{subdomain}.test",
            "password": token_urlsafe(24),
        }
        login = await _json(client, "POST", "/api/signup", json=signup)
        client.headers["Authorization"] = f"Bearer {login['access_token']}"
        side = _Side(name=name, client=client, subdomain=subdomain, canary=canary, subject=subject, ids={})
        try:
            side.ids |= {"user": str(login["user_id"]), **await _furnished(side, text.format(canary=canary))}
            yield side
        finally:
            await patiently_sent(client, "DELETE", "/tenant", params={"confirm": subdomain})


async def _furnished(side: _Side, text: str) -> dict[str, str]:
    """Give the organisation a document, a collection, a key and answers; their ids."""
    client = side.client
    collection = await _json(client, "POST", "/collections", json={"name": f"Notes {side.canary}"})
    content = f"# Notes on the {side.subject}\n\n{text}\n".encode()
    sent = await patiently_sent(client, "POST", "/documents/", files={"files": (f"{side.subject}.md", content)})
    document = str(_decoded(sent)["documents"][0]["id"])
    await _until_ready(client, document)
    # Whoever owns the answer asks first, in the words of the probes: what is kept under a key without its tenant leaks.
    asked = _ASKED.format(subject=side.subject)
    chat = await _json(client, "POST", "/chat/", json={"message": asked})
    streamed = await patiently_sent(client, "POST", "/chat/stream", json={"message": asked})
    response = re.search(r"^id: ?([0-9a-f-]{36}):", streamed.text, re.MULTILINE)
    if response is None:
        raise BadInput("/chat/stream did not answer as AURA's API does: no event has an id")
    key = await _json(client, "POST", "/tenant/keys", json={"name": f"key {side.canary}"})
    await _json(client, "GET", "/documents/search", params={"q": f"access word of the {side.subject}", "limit": "50"})
    return {
        "document": document,
        "collection": str(collection["id"]),
        "session": str(chat["session_id"]),
        "message": str(chat["message_id"]),
        "response": response.group(1),
        "key": str(key["id"]),
    }


async def _until_ready(client: httpx.AsyncClient, document: str) -> None:
    until = time.monotonic() + _READY_SECONDS
    while (found := await _json(client, "GET", f"/documents/{document}"))["status"] != "ready":
        if found["status"] in ("failed", "cancelled"):
            raise BadInput(f"the server did not take the probes' own document: {found.get('reason')}")
        if time.monotonic() > until:
            raise BadInput(f"the probes' own document was not ready after {_READY_SECONDS:.0f} s: is there a worker?")
        await asyncio.sleep(_AGAIN_SECONDS)


async def _case(name: str, mine: _Side, other: _Side) -> Case:
    call, words = PROBES[name], other.words()
    status, answer = await _tried(mine, call, words)
    problem = ""
    if other.canary in answer or (not call.names_an_id and any(other.ids[id] in answer for id in ("document", "user"))):
        problem = "the other organisation's content came back"
    elif call.names_an_id:
        nobodys = await _tried(mine, call, other.words(unknown=True))
        if nobodys != (status, answer):
            problem = f"a foreign id is answered otherwise than an unknown one ({status}, {nobodys[0]})"
        elif status < 400:
            problem = f"a foreign id was accepted ({status})" if name not in _HARMLESS else ""
    return Case(
        id=f"http: {name}, {mine.name} to {other.name}",
        slice="isolation",
        query=name,
        answer=problem,
        values={"isolation.kept": float(not problem)},
    )


_HARMLESS: Final = (
    "by id: search in a collection", "by id: ask in a collection", "by id: stop an answer",
    "by id: search in a collection as a tool", "by id: ask in a collection as a tool",
)  # fmt: skip
"""What may be answered with success where nothing is found: an empty list, a refusal, a stop of what is not there."""


async def _tried(mine: _Side, call: Call, words: Mapping[str, str]) -> tuple[int, str]:
    """The status and the body, without what differs from one request to the next."""
    sent = call.sent_with(words)
    if call.by_socket:
        status, text = await said_over_socket(mine.client, sent["url"], sent["json"])
        return status, _without_ids(text, words) if call.names_an_id else text
    response = await patiently_sent(mine.client, **sent)
    text = _OWN_WORDS.sub("", response.text)
    if not call.names_an_id:
        return response.status_code, text
    if '"isError":true' in text:  # a tool that fails is a success of the protocol
        return 400, _without_ids(text, words)
    # A success has an id, a time and a price of its own.
    return response.status_code, _verdict_of(response) if response.is_success else _without_ids(text, words)


def _without_ids(text: str, words: Mapping[str, str]) -> str:
    for name, id in words.items():
        text = text if name == "subject" else text.replace(id, "ID")
    return text


def _verdict_of(response: httpx.Response) -> str:
    """Of a success what is said: the texts, the quotes and the number of what was found."""
    try:
        body = response.json()
    except ValueError:
        return ""
    found = body if isinstance(body, dict) else {}
    found = found.get("result", {}).get("structuredContent", {}) if "jsonrpc" in found else found
    return str(
        (found.get("response"), found.get("answer"), found.get("refused"), found.get("sources"), found.get("items"))
    )


async def _untouched(side: _Side) -> Case:
    """Whether an organisation still has what the other one tried to change and delete."""
    ids, problems = side.ids, list[str]()
    for path in (f"/documents/{ids['document']}/text", f"/chat/history/{ids['user']}?session_id={ids['session']}"):
        response = await patiently_sent(side.client, "GET", path)
        if not response.is_success or side.canary not in response.text:
            problems.append(f"{path.split('/')[1]} was changed")
    for path, id in (("/collections", ids["collection"]), ("/tenant/keys", ids["key"]), ("/tenant/users", ids["user"])):
        text = (await patiently_sent(side.client, "GET", path)).text
        if id not in text or "Taken" in text:
            problems.append(f"{path} was changed")
    return Case(
        id=f"http: untouched, {side.name}",
        slice="isolation",
        query="what others tried to change and delete is still there",
        answer="; ".join(problems),
        values={"isolation.kept": float(not problems)},
    )


async def _json(client: httpx.AsyncClient, method: str, path: str, **sent: Any) -> dict[str, Any]:
    response = await patiently_sent(client, method, path, **sent)
    if not response.is_success:
        hint = ": the probes need a server that lets organisations sign up" if path == "/api/signup" else ""
        raise BadInput(f"{method} {path} answered {response.status_code}{hint}")
    return _decoded(response)


def _decoded(response: httpx.Response) -> dict[str, Any]:
    try:
        found: object = response.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadInput(f"{response.request.url.path} did not answer as AURA's API does")
    return found  # pyright: ignore[reportUnknownVariableType]
