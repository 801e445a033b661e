"""Runs in an environment of its own, where LiteLLM is installed and AURA is not: what its Router and its client take.

Reads lines of JSON, `{"way": …, "url": …, "calls": …, "question": …}`, and answers each with the CPU microseconds of a call.
"""

import asyncio
import json
import os
import sys
import time
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it asks the network for prices as it is imported

from litellm import Router  # pyright: ignore[reportMissingImports]
from openai import AsyncOpenAI


class Ways:
    """The ways to ask one server."""

    def __init__(self, url: str, question: str) -> None:
        self.client = AsyncOpenAI(api_key="k", base_url=url, max_retries=0)
        models = [
            {"model_name": "bench", "litellm_params": {"model": f"openai/{name}", "api_base": url, "api_key": "k"}}
            for name in ("ok", "ok@b", "ok@c")
        ]
        self.router = Router(model_list=models, num_retries=0)
        self.messages: list[Any] = [{"role": "user", "content": question}]

    async def ask(self, way: str) -> int:
        """One call; how many pieces it had."""
        stream: dict[str, Any] = {}
        if "whole" not in way:
            stream = {"stream": True, "stream_options": {"include_usage": True}}
        if way.startswith("litellm"):
            answer = await self.router.acompletion(model="bench", messages=self.messages, **stream)
        else:
            answer = await self.client.chat.completions.create(model="ok", messages=self.messages, **stream)
        return sum([1 async for _ in answer]) if stream else 1


async def main() -> None:
    """Answer until the input ends."""
    known: dict[str, Ways] = {}
    while line := await asyncio.to_thread(sys.stdin.readline):
        told = json.loads(line)
        if told["url"] not in known:
            known[told["url"]] = Ways(told["url"], told["question"])
        ways = known[told["url"]]
        started = time.process_time()
        for _ in range(told["calls"]):
            await ways.ask(told["way"])
        sys.stdout.write(f"{(time.process_time() - started) / told['calls'] * 1e6}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
