"""The optional judge: what it is asked, and how its agreement is counted."""

from __future__ import annotations

from aura.testing.llms import ScriptedLLM
from aura_evals.model_judge import ModelJudge


async def test_its_replies_are_read_and_its_agreement_is_counted() -> None:
    llm = ScriptedLLM(["Yes.", "no", "It depends."], model="second-opinion")
    judge = ModelJudge(llm)
    assert await judge.proves("There are 28 days", "Everybody has 28 days.", by_rule=True) is True
    assert await judge.proves("There are 29 days", "Everybody has 28 days.", by_rule=True) is False
    assert await judge.proves("There are 30 days", "Everybody has 28 days.", by_rule=False) is None
    facts = judge.facts()
    assert facts["judge"] == "second-opinion"
    assert facts["judge_agreement"] == "0.5000 over 2 citations, 1 replies were unclear"
    assert len(facts["judge_prompt_sha256"]) == 64
    asked = llm.calls[0][0].content or ""
    assert "Sentence: There are 28 days\nQuote: Everybody has 28 days." in asked
