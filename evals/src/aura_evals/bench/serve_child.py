"""The server process of `bench serve`: the application over a model that takes a model's time, or none."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from llama_index.core.llms import ChatMessage, ChatResponse, ChatResponseAsyncGen
from pydantic import PrivateAttr

from aura import Aura, Settings
from aura.testing.llms import Reply, ScriptedLLM
from aura_evals.bench.synthetic import TopicEmbedding
from aura_server.app import create_app
from aura_server.serve import config_of

AT_ONCE = "At once: "
"""How a question begins that the model answers without taking time, in one piece."""
IN_PIECES = "In pieces: "
"""The same, word by word."""
FIRST_TOKEN_SECONDS = 0.5
TOKEN_SECONDS = 0.02
_MANY = 1_000_000


class PacedLLM(ScriptedLLM):
    """Says `tokens` words: the first after half a second, the others at fifty a second."""

    _tokens: int = PrivateAttr(default=0)

    def __init__(self, tokens: int) -> None:
        super().__init__([Reply(chunks=("word ",))])
        self._tokens = tokens

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """The words, at their pace."""
        asked = messages[-1].content or ""
        takes_time = AT_ONCE not in asked and IN_PIECES not in asked
        pieces = ["word " * self._tokens] if AT_ONCE in asked else ["word "] * self._tokens

        async def words() -> ChatResponseAsyncGen:
            for number, piece in enumerate(pieces):
                if takes_time:
                    await asyncio.sleep(TOKEN_SECONDS if number else FIRST_TOKEN_SECONDS)
                yield ChatResponse(message=ChatMessage(role="assistant", content=""), delta=piece)

        return words()


async def serve(data_dir: Path, tokens: int) -> None:
    """Serve until the process is ended."""
    generous = dict.fromkeys(("requests_per_minute", "user_requests_per_minute"), _MANY)
    settings = Settings.load(data_dir=data_dir, **generous)
    async with Aura.open(settings, embed_model=TopicEmbedding(), llm=PacedLLM(tokens), recover=False) as aura:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1024)
            sys.stdout.write(f"{listener.getsockname()[1]}\n")
            sys.stdout.flush()
            await uvicorn.Server(config_of(create_app(aura), settings)).serve(sockets=[listener])


if __name__ == "__main__":
    try:
        import uvloop

        factory = uvloop.new_event_loop
    except ImportError:  # not on this platform
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
