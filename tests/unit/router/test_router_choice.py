"""Who is asked, in which order, and why; and what a LlamaIndex program sees of it."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.base.llms.types import ImageBlock, TextBlock, ToolCallBlock
from llama_index.core.llms import ChatMessage, ChatResponse
from llama_index.core.tools import FunctionTool

from aura.errors import InvalidRequest, Unavailable
from aura.router.candidates import Candidate, Capability, Tier, candidate
from aura.router.context import CallContext
from aura.router.price import Price
from aura.router.smart_router import SmartRouter
from aura.router.trace import Trace
from aura.testing.llms import EchoLLM, Reply, ScriptedLLM
from aura.tokens import estimate_tokens


def scripted(
    name: str, *replies: Reply | str | Exception, tier: str = "fast", usd: float = 1.0, **facts: object
) -> Candidate:
    llm = ScriptedLLM(replies or ["fine"] * 50, model=name)
    return candidate(llm, provider="test", tier=tier, price=Price.of(usd, usd), **facts)  # pyright: ignore[reportArgumentType]


async def asked(router: SmartRouter, prompt: str = "hello", **options: object) -> Trace:
    """The trace of one call."""
    traces: list[Trace] = []
    context = router.context
    bound = router.bound(
        CallContext(conversation=context.conversation, allowed=context.allowed, on_trace=traces.append)
    )
    await bound.acomplete(prompt, **options)
    return traces[0]


async def test_the_tier_decides_first_and_the_price_within_it() -> None:
    router = SmartRouter(
        [scripted("dear", usd=9), scripted("cheap", usd=1), scripted("deep", tier="reasoning", usd=0.1)]
    )
    assert (await asked(router)).answered_by == "test/cheap"
    assert (await asked(router, "explain why")).answered_by == "test/deep"


async def test_a_slow_model_is_dearer_than_a_quick_one() -> None:
    slow = scripted("slow", *[Reply(chunks=("a",), delay_seconds=0.05)] * 9, usd=1)
    router = SmartRouter([slow, scripted("quick", usd=1.5)])
    assert (await asked(router)).answered_by == "test/slow"  # nothing is known of either yet
    await asked(router.bound(CallContext(allowed=frozenset({"test/quick"}))))
    assert (await asked(router)).answered_by == "test/quick"


async def test_a_model_that_lacks_what_is_needed_is_not_asked_and_the_trace_says_so() -> None:
    router = SmartRouter(
        [
            scripted("blind", usd=1, capabilities=[Capability.TOOLS]),
            scripted("small", usd=2, context_window=50),
            scripted("all", usd=3, context_window=100_000),
        ]
    )
    traces: list[Trace] = []
    bound = router.bound(CallContext(on_trace=traces.append))
    picture = ChatMessage(role="user", blocks=[TextBlock(text="what is " * 40), ImageBlock(image=b"GIF89a")])
    await bound.achat([picture])
    assert traces[0].answered_by == "test/all"
    assert {each.name: each.refused for each in traces[0].considered} == {
        "test/blind": "lacks vision",
        "test/small": "its context of 50 tokens is too small",
        "test/all": "",
    }


async def test_a_tenants_list_of_models_holds() -> None:
    router = SmartRouter([scripted("a"), scripted("b", usd=5)])
    only = CallContext(allowed=frozenset({"test/b"}))
    assert (await asked(router.bound(only))).answered_by == "test/b"
    with pytest.raises(Unavailable, match="not allowed for this call"):
        await router.bound(CallContext(allowed=frozenset())).acomplete("hello")


async def test_a_conversation_stays_with_its_model_until_it_asks_for_more() -> None:
    router = SmartRouter([scripted("a", usd=2), scripted("deep", tier="reasoning", usd=3)])
    talk = router.bound(CallContext(conversation="c"))
    assert (await asked(talk)).answered_by == "test/a"
    assert (await asked(talk, "explain why")).answered_by == "test/deep"
    trace = await asked(talk)
    assert trace.answered_by == "test/deep"
    assert "the conversation stays with its model" in trace.reasons
    assert (await asked(router)).answered_by == "test/a"


async def test_where_the_tier_has_but_one_model_the_other_tier_is_explored() -> None:
    router = SmartRouter([scripted("quick"), scripted("deep", tier="reasoning")], explore=0.5)
    answered = [(await asked(router)).answered_by for _ in range(40)]
    assert set(answered) == {"test/quick", "test/deep"}


async def test_a_share_of_calls_explores() -> None:
    router = SmartRouter([scripted("a", usd=1), scripted("b", usd=9)], explore=0.5)
    answered = [(await asked(router)).answered_by for _ in range(40)]
    assert 5 < answered.count("test/b") < 35


async def test_the_last_resort_answers_when_nobody_else_can() -> None:
    resort = candidate(EchoLLM(), tier=Tier.LAST_RESORT, local=True)
    router = SmartRouter([scripted("a", *[Unavailable("away")] * 9), resort])
    trace = await asked(router, "hello there")
    assert trace.answered_by == "aura/echo"
    assert trace.cost_micro_usd == 0
    assert [attempt.name for attempt in trace.attempts][-1] == "aura/echo"


async def test_when_all_routes_are_open_the_one_that_recovers_first_is_tried_and_it_is_said() -> None:
    router = SmartRouter([scripted("a", *[Unavailable("away")] * 4, "well")])
    for _ in range(3):
        with pytest.raises(Unavailable):
            await router.acomplete("hello")
    trace = await asked(router)
    assert "all routes are open: the one that recovers first is tried" in trace.reasons


async def test_the_trace_holds_no_word_of_the_prompt_and_no_key() -> None:
    import msgspec

    llm = ScriptedLLM(["fine"])
    object.__setattr__(llm, "api_key", "sk-very-secret")
    router = SmartRouter([candidate(llm, provider="test", price=Price.of(1, 1))])
    trace = await asked(router, "a confidential matter of Marguerite")
    told = msgspec.json.encode(trace).decode()
    for word in ("confidential", "Marguerite", "sk-very-secret", "fine"):
        assert word not in told


async def test_a_classifier_of_the_tenants_own_takes_the_place_of_the_rules() -> None:
    from aura.router.learned import Label, train

    labels = [
        Label(question=f"{word} {n}", quick_right=float(word == "easy"), strong_right=1.0)
        for n in range(60)
        for word in ("easy", "hard")
    ]
    router = SmartRouter([scripted("a"), scripted("deep", tier="reasoning")])
    learned = train(labels, share=0.5)
    traces: list[Trace] = []
    bound = router.bound(CallContext(classifier=learned, on_trace=traces.append))
    await bound.acomplete("hard 7")
    await bound.acomplete("easy 7")
    assert [trace.tier for trace in traces] == ["reasoning", "fast"]
    assert traces[0].classifier == "learned"


async def test_all_eight_ways_to_ask_a_llamaindex_model() -> None:
    router = SmartRouter([scripted("a", *[Reply(chunks=("Hel", "lo"))] * 20)])
    messages = [ChatMessage(role="user", content="x")]
    assert (await router.achat(messages)).message.content == "Hello"
    assert (await router.acomplete("x")).text == "Hello"
    assert [piece.delta async for piece in await router.astream_chat(messages)] == ["Hel", "lo"]
    assert [piece.text async for piece in await router.astream_complete("x")] == ["Hel", "Hello"]

    def synchronous() -> None:
        assert router.chat(messages).message.content == "Hello"
        assert router.complete("x").text == "Hello"
        assert [piece.delta for piece in router.stream_chat(messages)] == ["Hel", "lo"]
        assert [piece.text for piece in router.stream_complete("x")] == ["Hel", "Hello"]

    await asyncio.to_thread(synchronous)
    await router.close()


def test_tools_go_through_to_the_model_and_their_calls_come_back() -> None:
    def add(a: int, b: int) -> int:
        """The sum."""
        return a + b

    router = SmartRouter([scripted("a")])
    tool = FunctionTool.from_defaults(add)
    prepared = router._prepare_chat_with_tools([tool], user_msg="add", tool_required=True)  # pyright: ignore[reportPrivateUsage]
    assert prepared["aura_tools"] == [tool]
    assert prepared["messages"][0].content == "add"
    block = ToolCallBlock(tool_call_id="1", tool_name="add", tool_kwargs='{"a": 1, "b": 2}')
    response = ChatResponse(message=ChatMessage(role="assistant", blocks=[block]))
    call = router.get_tool_calls_from_response(response)[0]
    assert (call.tool_id, call.tool_name, call.tool_kwargs) == ("1", "add", {"a": 1, "b": 2})
    with pytest.raises(ValueError, match="no tool"):
        router.get_tool_calls_from_response(ChatResponse(message=ChatMessage(role="assistant", content="x")))


def test_a_router_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        SmartRouter([])


def test_its_facts_are_those_of_its_models_together() -> None:
    router = SmartRouter([scripted("a", context_window=1_000), scripted("b", tier="reasoning", context_window=9_000)])
    assert router.metadata.context_window == 9_000
    assert router.metadata.model_name == "router"
    assert estimate_tokens("12345") == 2
