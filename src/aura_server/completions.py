"""Answers as OpenAI's chat completions: the text with markdown footnotes, whole or in chunks. Nothing of them is kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from importlib.metadata import version
from typing import Final
from uuid import uuid4

import msgspec
from msgspec import UNSET

from aura.answering.events import Answer
from aura.errors import AuraError, InvalidRequest, NotFound, Unavailable
from aura.identity import Verb
from aura.tokens import estimate_tokens
from aura.workspace import Workspace
from aura_server.footnotes import footnoted
from aura_server.problems import said, status_of
from aura_server.sse import HEARTBEAT_SECONDS, beating
from aura_server.wire import openai as wire

ASSISTANT: Final = "aura"
"""The model that answers from everything that the caller may see; `aura:NAME` answers from one collection."""
_FINGERPRINT: Final = f"aura-{version('aura')}"
_DONE: Final = b"data: [DONE]\n\n"
_BEAT: Final = b": ping\n\n"


# -- models ------------------------------------------------------------------------------------------------------------


async def models(workspace: Workspace) -> tuple[wire.Model, ...]:
    """What the caller can name as `model`; collections are among them for whoever may read."""
    organisation, found = workspace.organisation, list[tuple[str, int]]()
    if not workspace.scope.may(Verb.ASK):
        workspace.scope.require(Verb.READ)
    since = int(organisation.created_at.timestamp())
    found += [(ASSISTANT, since), (workspace.embeddings.model, since)]
    cursor = None
    while workspace.scope.may(Verb.READ):
        page = await workspace.collections.list(limit=1_000, cursor=cursor)
        found += [(f"{ASSISTANT}:{each.name}", int(each.created_at.timestamp())) for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    owner = organisation.subdomain
    return tuple(wire.Model(id=name, object="model", created=at, owned_by=owner) for name, at in found)


async def model(workspace: Workspace, name: str) -> wire.Model:
    """One of `models`. Raises `NotFound`."""
    found = next((each for each in await models(workspace) if each.id == name), None)
    if found is None:
        raise _no_model()
    return found


def collection_of(model: str) -> str | None:
    """The collection that a model's name stands for; None is all that the caller sees. Raises `NotFound`."""
    assistant, colon, collection = model.partition(":")
    if assistant != ASSISTANT or (colon and not collection):
        raise _no_model()
    return collection or None


def refuse_other_embedding(workspace: Workspace, request: wire.EmbeddingsRequest) -> None:
    """Refuse what the organisation's embedding model is not. Raises `NotFound`, `InvalidRequest`."""
    own = workspace.embeddings
    if request.model != own.model:
        raise _no_model()
    if request.dimensions not in (None, own.dimension):
        raise InvalidRequest(f"the model {own.model!r} has {own.dimension} dimensions", field="dimensions")


def _no_model() -> NotFound:
    return NotFound("there is no such model: GET /v1/models lists those that there are")


# -- answers -----------------------------------------------------------------------------------------------------------


class Completion:
    """One request to be answered."""

    def __init__(self, workspace: Workspace, request: wire.ChatCompletionRequest, *, created: int) -> None:
        """Raises `InvalidRequest` or `NotFound` for a request that can not be answered."""
        *self._history, self._question = request.turns()
        self._workspace = workspace
        self._request = request
        self._created = created
        self._collection = collection_of(request.model)
        self._with_usage = request.stream_options is not None and request.stream_options.include_usage

    async def whole(self) -> wire.ChatCompletion:
        """The finished answer."""
        text, answer = "", None
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                if isinstance(piece, Answer):
                    answer = piece
                else:
                    text += piece
        if answer is None:
            raise Unavailable("the answer ended without an end; ask again")
        return wire.ChatCompletion.of(self._head(), text, answer, self._usage(text))

    async def begun(self) -> AsyncGenerator[bytes]:
        """The answer as server-sent events.

        There is a first piece of it when this returns, so that a model that is away is a status, which clients know to
        try again, and no stream.
        """
        pieces = self._pieces()
        return self._chunks(_again(await anext(pieces), pieces))

    async def _chunks(self, pieces: AsyncGenerator[str | Answer]) -> AsyncGenerator[bytes]:
        head, text, usage = self._head(), "", None if self._with_usage else UNSET
        yield _event(head.chunk(wire.Delta(role="assistant", content=""), usage))
        try:
            async with aclosing(beating(pieces, HEARTBEAT_SECONDS)) as beats:
                async for piece in beats:
                    if piece is None:
                        yield _BEAT
                    elif isinstance(piece, Answer):
                        last = wire.Delta(citations=wire.citations_of(piece), refused=piece.refused)
                        yield _event(head.chunk(last, usage, end="stop"))
                    else:
                        text += piece
                        yield _event(head.chunk(wire.Delta(content=piece), usage))
            if self._with_usage:
                yield _event(head.chunk(None, self._usage(text)))
        except AuraError as error:
            yield _event(wire.ErrorResponse.of(status_of(error), said(error)))
        yield _DONE

    def _pieces(self) -> AsyncGenerator[str | Answer]:
        question, history = self._question.text, self._history
        return footnoted(self._workspace.stream(question, history=history, collection=self._collection))

    def _head(self) -> wire.Head:
        return wire.Head(
            id=f"chatcmpl-{uuid4().hex}",
            created=self._created,
            model=self._request.model,
            system_fingerprint=_FINGERPRINT,
        )

    def _usage(self, text: str) -> wire.Usage:
        asked = "\n".join(turn.text for turn in (*self._history, self._question))
        return wire.Usage.of(estimate_tokens(asked), estimate_tokens(text))


def _event(data: object) -> bytes:
    return b"data: %s\n\n" % msgspec.json.encode(data)


async def _again(first: str | Answer, rest: AsyncGenerator[str | Answer]) -> AsyncGenerator[str | Answer]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece
