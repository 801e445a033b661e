"""What OpenTelemetry is told of an attempt."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import SpanKind, StatusCode

from aura.errors import Unavailable
from aura.router.candidates import Tier, candidate
from aura.router.price import Price
from aura.router.smart_router import SmartRouter
from aura.router.telemetry import GenAiTelemetry, default_telemetry
from aura.testing.llms import ScriptedLLM


class Span:
    def __init__(self, name: str, facts: dict[str, Any]) -> None:
        self.name, self.facts = name, facts
        self.attributes: dict[str, Any] = dict(facts["attributes"])
        self.status: StatusCode | None = None
        self.ended_at = 0

    def set_attributes(self, attributes: dict[str, Any]) -> None:
        self.attributes |= attributes

    def set_status(self, status: Any) -> None:
        self.status = status.status_code

    def end(self, end_time: int) -> None:
        self.ended_at = end_time


class Recorder:
    """A tracer and a histogram that keep what they are told."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.recorded: list[tuple[float, dict[str, str]]] = []

    def start_span(self, name: str, **facts: Any) -> Span:
        self.spans.append(Span(name, facts))
        return self.spans[-1]

    def record(self, value: float, attributes: dict[str, str]) -> None:
        self.recorded.append((value, attributes))


async def test_each_attempt_is_a_span_without_a_word_of_the_prompt() -> None:
    recorder = Recorder()
    telemetry = GenAiTelemetry(recorder, recorder, recorder)  # pyright: ignore[reportArgumentType]
    models = [
        candidate(ScriptedLLM(replies, model=name), provider="grok", tier=tier, price=Price.of(1, 1))
        for name, tier, replies in (("a", Tier.FAST, [Unavailable("secret reason")]), ("b", Tier.REASONING, ["fine"]))
    ]
    await SmartRouter(models, telemetry=telemetry).acomplete("a confidential matter")
    failed, answered = recorder.spans
    assert (failed.name, answered.name) == ("chat a", "chat b")
    assert (failed.status, answered.status) == (StatusCode.ERROR, None)
    assert failed.attributes["error.type"] == "server"
    assert answered.attributes["gen_ai.provider.name"] == "x_ai"
    assert answered.attributes["gen_ai.operation.name"] == "chat"
    assert answered.attributes["gen_ai.usage.output_tokens"] == 1
    assert failed.attributes["aura.call_id"] == answered.attributes["aura.call_id"]
    assert all(span.facts["kind"] is SpanKind.CLIENT for span in recorder.spans)
    assert all(span.ended_at >= span.facts["start_time"] for span in recorder.spans)
    assert len(recorder.recorded) == 6
    told = repr([span.__dict__ for span in recorder.spans]) + repr(recorder.recorded)
    assert "confidential" not in told
    assert "secret" not in told


def test_what_is_told_by_default_is_opentelemetrys() -> None:
    assert isinstance(default_telemetry(), GenAiTelemetry)
