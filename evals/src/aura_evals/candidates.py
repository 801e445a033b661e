"""Questions out of documents, without anyone who wrote them: what a template makes of a sentence. Always marked as such.

They measure whether retrieval finds a sentence again by part of its words, no more. A person's questions are better: the
file is meant to be edited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llama_index.core.llms import LLM

from aura_evals.golden import Place, Question, find_quote

HEURISTIC = "heuristic"
_SENTENCE = re.compile(r"[A-ZÀ-Þ][^.!?\n|]{30,240}[.!?](?=\s|$)")
_FACT = re.compile(r"(?<![\w.,-])\d[\d.,:]*(?:\s?(?:%|[^\W\d_]+))?|\b[A-Z]{2,}-?\d+[\w-]*\b")
_PROMPT = (
    "Write one short question that a colleague would ask and that the sentence below answers. Do not use the words of the"
    " answer. Reply with the question alone.\n\nSentence: {sentence}"
)


def sentences_with_facts(text: str) -> Iterator[tuple[str, str]]:
    """Sentences of a text that hold a number or a code, each with the first one."""
    for match in _SENTENCE.finditer(text):
        sentence = " ".join(match.group().split())
        fact = _FACT.search(sentence)
        if fact is not None and find_quote(text, sentence) is not None:
            yield sentence, fact.group().strip(" .,:")


def heuristic_question(sentence: str, fact: str) -> str:
    """The sentence with its fact left out: `What belongs in the gap: "Returns are accepted within … of delivery"?`"""
    return f'What belongs in the gap: "{sentence.rstrip(".!?").replace(fact, "…", 1)}"?'


async def questions_of(
    organisation: str, texts: Sequence[tuple[str, str]], *, limit: int, llm: LLM | None = None
) -> list[Question]:
    """Up to `limit` questions over documents (name, text), taken from each in turn.

    Args:
        llm: writes the questions; without one they are the sentences with a gap.

    Cost: with a model, one call for each question.
    """
    streams = [(name, sentences_with_facts(text)) for name, text in texts]
    found: list[Question] = []
    while streams and len(found) < limit:
        for stream in list(streams):
            name, candidates = stream
            candidate = next(candidates, None)
            if candidate is None:
                streams.remove(stream)
            elif len(found) < limit:
                found.append(await _question(organisation, len(found) + 1, name, *candidate, llm))
    return found


async def _question(
    organisation: str, number: int, document: str, sentence: str, fact: str, llm: LLM | None
) -> Question:
    text = heuristic_question(sentence, fact)
    origin = HEURISTIC
    if llm is not None:
        text = (await llm.acomplete(_PROMPT.format(sentence=sentence))).text.strip()
        origin = llm.metadata.model_name
    return Question(
        id=f"{organisation}-{number:04}",
        organisation=organisation,
        split="dev" if number % 2 else "test",
        question=text,
        gold=((Place(document=document, quote=sentence),),),
        answers=((fact,),),
        origin=origin,
    )
