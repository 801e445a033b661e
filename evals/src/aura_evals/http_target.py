"""A deployed server, asked as its users ask it: `POST /chat/`, `GET /documents/search`, `GET /documents/{id}/text`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import httpx
import msgspec

from aura.memory.feedback import RatedDown
from aura_evals.answers import measure_answers
from aura_evals.beir import Dataset
from aura_evals.documents import measure_retrieval
from aura_evals.errors import BadInput
from aura_evals.golden import GoldenSet
from aura_evals.isolation_http import run_isolation
from aura_evals.patience import patiently_sent
from aura_evals.result import Model, Outcome
from aura_evals.sandbox import Equipment
from aura_evals.suite import Leg, Suite
from aura_evals.target import Answered, Cited, Found, refuse_unmeasurable
from aura_evals.timings import Timings

T = TypeVar("T")


class _Citation(msgspec.Struct, frozen=True, kw_only=True):
    marker: int
    document_id: str
    filename: str
    start: int
    end: int
    quote: str


class _Chat(msgspec.Struct, frozen=True, kw_only=True):
    response: str
    session_id: str
    refused: bool
    citations: tuple[_Citation, ...] = ()


class _Hit(msgspec.Struct, frozen=True, kw_only=True):
    filename: str
    text: str


class _Hits(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[_Hit, ...]


class _Text(msgspec.Struct, frozen=True, kw_only=True):
    text: str


async def run_http(
    suite: Suite, dataset: Dataset | GoldenSet | None, url: str, key: str, equipment: Equipment
) -> Outcome:
    """Score the organisation that the key belongs to; its documents are there already.

    Raises:
        BadInput: the suite can not be run over HTTP, the server refuses the key, or is not one of ours.
    """
    if suite.kind == "isolation":
        return await run_isolation(url, equipment.bars)
    if not isinstance(dataset, GoldenSet):
        raise BadInput("--http scores a dataset of documents and questions (questions.jsonl)")
    if len(dataset.organisations) != 1:
        names = ", ".join(dataset.organisations)
        raise BadInput(f"a key belongs to one organisation, and the dataset has {names}: take one apart")
    if suite.kind == "retrieval":
        for leg in suite.legs:
            refuse_unmeasurable(leg)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120, follow_redirects=False) as client:
        target = HttpTarget(client, equipment.timings)
        targets = {dataset.organisations[0]: target}
        if suite.kind == "answers":
            cases = await measure_answers(targets, dataset.questions, equipment.bars, equipment.judge)
        else:
            cases = await measure_retrieval(targets, dataset.questions, suite.legs, suite.metrics, equipment.bars)
    return Outcome(
        model=Model(name=f"the server at {httpx.URL(url).host}", sha256=""),
        cases=tuple(cases),
        facts={} if equipment.judge is None else equipment.judge.facts(),
    )


class HttpTarget:
    """One organisation on a server; see `aura_evals.target.Target`."""

    def __init__(self, client: httpx.AsyncClient, timings: Timings) -> None:
        self._client = client
        self._timings = timings
        self._texts: dict[str, str] = {}

    async def ask(self, question: str, turns: Sequence[str] = ()) -> Answered:
        """The answer; earlier turns are asked first, in the same session. The server does not say what it retrieved."""
        session: str | None = None
        for turn in turns:
            session = (await self._chat(turn, session)).session_id
        with self._timings.measure("ask"):
            chat = await self._chat(question, session)
        return Answered(
            text=chat.response,
            refused=chat.refused,
            citations=tuple(
                Cited(
                    marker=each.marker,
                    document_id=each.document_id,
                    document=each.filename,
                    start=each.start,
                    end=each.end,
                    quote=each.quote,
                )
                for each in chat.citations
            ),
        )

    async def search(self, query: str, *, limit: int, leg: Leg) -> list[Found]:
        """The fused search."""
        refuse_unmeasurable(leg)
        with self._timings.measure("search hybrid"):
            response = await self._sent("GET", "/documents/search", params={"q": query, "limit": str(limit)})
        hits = _decoded(response, _Hits)
        return [Found(document=hit.filename, text=hit.text) for hit in hits.items]

    async def text(self, document_id: str) -> str:
        """A document's text, as JSON or plain."""
        if document_id not in self._texts:
            response = await self._sent("GET", f"/documents/{document_id}/text")
            is_json = "json" in response.headers.get("content-type", "")
            self._texts[document_id] = _decoded(response, _Text).text if is_json else response.text
        return self._texts[document_id]

    async def _chat(self, message: str, session: str | None) -> _Chat:
        body = {"message": message, "session_id": session} if session else {"message": message}
        return _decoded(await self._sent("POST", "/chat/", json=body), _Chat)

    async def _sent(
        self, method: str, path: str, *, params: dict[str, str] | None = None, json: dict[str, str] | None = None
    ) -> httpx.Response:
        response = await patiently_sent(self._client, method, path, params=params, json=json)
        if response.is_success:
            return response
        raise BadInput(f"{method} {path} answered {response.status_code}: {response.text[:300]}")


class _Rated(msgspec.Struct):
    items: list[RatedDown]


async def rated_down(url: str, key: str, most: int) -> list[RatedDown]:
    """The answers that are rated as bad on the server at `url`, as far as `key` may see them.

    Raises:
        BadInput: it does not answer, or refuses.
    """
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        response = await patiently_sent(client, "GET", "/chat/feedback", params={"limit": most})
        if not response.is_success:
            raise BadInput(f"GET /chat/feedback answered {response.status_code}: {response.text[:300]}")
        return _decoded(response, _Rated).items


def _decoded(response: httpx.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.DecodeError as error:
        path = response.request.url.path
        raise BadInput(f"{path} did not answer as AURA's API does: {error}") from None
