"""OpenAI's API over the organisation's documents: its clients and any chat page work with an API key of AURA's."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from aura.platform import Aura
from aura.workspace import Workspace
from aura_server import completions
from aura_server.limits import CALL
from aura_server.wire.openai import (
    ChatCompletion,
    ChatCompletionRequest,
    EmbeddingsRequest,
    EmbeddingsResponse,
    Model,
    Models,
)

_TAGS = ["ecosystem"]
_WHOLE = ResponseSpec(
    ChatCompletion, description="A whole answer; with `stream`, chunks of it.", generate_examples=False
)


@post("/v1/chat/completions", status_code=200, opt=CALL, tags=_TAGS, responses={200: _WHOLE})
async def chat_completions(
    data: JSONBody[ChatCompletionRequest], workspace: NamedDependency[Workspace], aura: NamedDependency[Aura]
) -> Response[ChatCompletion] | Stream:
    """Answer the last message, whole or as a stream, with citations as markdown footnotes. Nothing of it is stored."""
    completion = completions.Completion(workspace, data, created=int(aura.clock.now().timestamp()))
    if data.stream:
        return Stream(await completion.begun(), media_type="text/event-stream")
    return Response(await completion.whole())


@get("/v1/models", tags=_TAGS)
async def models(workspace: NamedDependency[Workspace]) -> Models:
    """What can be named as `model`: the assistant, one for each collection, and the embedding model."""
    return Models(object="list", data=await completions.models(workspace))


@get("/v1/models/{model_id:path}", tags=_TAGS)
async def model(model_id: FromPath[str], workspace: NamedDependency[Workspace]) -> Model:
    """One model."""
    return await completions.model(workspace, model_id.removeprefix("/"))


@post("/v1/embeddings", status_code=200, opt=CALL, tags=_TAGS)
async def embeddings(data: JSONBody[EmbeddingsRequest], workspace: NamedDependency[Workspace]) -> EmbeddingsResponse:
    """The vectors of texts, by the model of the index. Text beyond what the model reads is not seen by it."""
    completions.refuse_other_embedding(workspace, data)
    return EmbeddingsResponse.of(await workspace.embeddings.embed(data.texts), data)


HANDLERS = (chat_completions, models, model, embeddings)
