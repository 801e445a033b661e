"""The keyless model: it answers with the best supported statements of the passages it is given, cited, or refuses.

It is a LlamaIndex `LLM`, so it stands wherever a language model can. How a statement is scored is in
`aura.answering.evidence`; an embedding model, when given, adds how alike the question and a statement are as a whole,
which is what finds a paraphrase. Texts in English, German and French are understood; others are matched as written.
"""

# pyright: reportUntypedFunctionDecorator=false
# LlamaIndex's callback decorators have no types.

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    CustomLLM,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from pydantic import Field, PrivateAttr

from aura.answering.evidence import (
    Asked,
    Question,
    Statement,
    density,
    names_everywhere,
    read_question,
    read_statements,
    score,
    support,
    vocabulary,
)
from aura.answering.extent import LEAST_GAIN, Found, distinct, gain, of_detail
from aura.answering.lexicon import Language
from aura.answering.oneself import asks_what_was_said, asks_who_one_is
from aura.answering.own_words import repeat
from aura.answering.prompts import IN_STYLE, Quoted, is_refusal, read_passages, read_rewrite, refusal, standalone
from aura.answering.terms import language_of
from aura.index.likeness import UNRELATED, crowding, likeness
from aura.persona.rendering import NEUTRAL, Style, read_manner

CONTEXT_WINDOW = 32_000
MAX_EMBEDDED = 16
"""Statements that are embedded for one question: those that lexical evidence puts first."""
_LEAST_EMBEDDED = 8  # likeness may lift what words do not
MAX_STATEMENTS = 3
MAX_QUESTION_CHARS = 1_000
"""Of a longer question the end is read: what is asked mostly follows what it is about."""

# Set on the `dev` halves of tests/unit/data/extractive_questions.jsonl and of the golden set; test_extractive.py and
# evals/README.md say what they reach.
_LEAST_EVIDENCE = 0.76
_LEAST_WITH_LIKENESS = 0.69  # for the best statement of all, in the language that the embedding model knows
_LIKENESS_SHARE = 0.6
_UNKNOWN_LIKENESS = 0.35  # without an embedding model
_DENSITY_SHARE = 0.1
_EARLY_SHARE = 0.02  # for the passages that retrieval puts first

_NEXT_QUESTION = re.compile(
    r"\?\s+(?=\S)|,?\s+(?:and|und|et)\s+(?=(?:what|which|who|when|where|why|how|is|are|do|does|can|was|welche\w*|wer|wann|wo"
    r"|warum|wie|que|quel\w*|qui|quand|où|comment|combien)\b)",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"\W*\b(?:and|or|und|oder|et|ou)\b\W*(?:(?:the|der|die|das|den|le|la|les)\s)?(?:l['’])?$", re.IGNORECASE
)
_FOREIGN_QUESTION = re.compile(
    r"^(?:query|question|user question|the original query is as follows):\s*(.*?)\s*$", re.IGNORECASE | re.MULTILINE
)
_FOREIGN_ANSWER = re.compile(r"^(?:original answer|we have provided an existing answer):\s*(.*?)\s*$", re.I | re.M)
_FOREIGN_CONTEXT = re.compile(r"^-{5,}\n(.*)\n-{5,}$|^New Context:\s*(.*?)^(?:Query|-{5,})", re.DOTALL | re.MULTILINE)
_FOREIGN_SOURCE = re.compile(r"^(?:Source|Document|Passage) (\d+):\s*$", re.MULTILINE | re.IGNORECASE)
_METADATA_LINE = re.compile(r"^\w+: .*$\n?", re.MULTILINE)


class Task(NamedTuple):
    """What a prompt asks for: a question on passages and notes of the asker, or a text that is the answer; how to say it."""

    question: str
    passages: tuple[Quoted, ...] = ()
    answer: str | None = None
    notes: tuple[Quoted, ...] = ()
    style: Style = NEUTRAL


class Reply(NamedTuple):
    """An answer. `in_style`: without the task's style it would have been another."""

    text: str
    in_style: bool


class ExtractiveLLM(CustomLLM):
    """A LlamaIndex LLM without a model behind it: quotes what supports an answer, or refuses.

    It reads the messages of `answer_messages` and `rewrite_messages`, and LlamaIndex's own question-answering prompts
    (whose passages have no numbers, so that nothing is cited, unless they are written as `Source 1:`).

    Cost: one batch of at most 41 embeddings per question, if `embed_model` is given; some 10 ms without.
    """

    embed_model: BaseEmbedding | None = Field(default=None, exclude=True)
    _unrelated: float | None = PrivateAttr(default=None)

    @property
    def metadata(self) -> LLMMetadata:
        """Its name and the prompt it can read."""
        return LLMMetadata(context_window=CONTEXT_WINDOW, num_output=512, model_name="extractive", is_chat_model=True)

    @classmethod
    def class_name(cls) -> str:
        """The name LlamaIndex serialises it by."""
        return "extractive"

    def answer(self, task: Task) -> Reply:
        """The answer to a task; blocks while it embeds."""
        parts = _parts(task)
        if task.answer is not None or not parts or self.embed_model is None:
            return _answer(task, parts, None)
        if self._unrelated is None:
            self._unrelated = crowding(self.embed_model.get_text_embedding_batch(list(UNRELATED)))
        return _answer(task, parts, self.embed_model.get_text_embedding_batch(_texts(parts)), self._unrelated)

    async def answer_async(self, task: Task) -> Reply:
        """The answer to a task; what computes runs in a thread."""
        parts = await asyncio.to_thread(_parts, task)
        if task.answer is not None or not parts or self.embed_model is None:
            return await asyncio.to_thread(_answer, task, parts, None)
        if self._unrelated is None:
            self._unrelated = crowding(await self.embed_model.aget_text_embedding_batch(list(UNRELATED)))
        vectors = await self.embed_model.aget_text_embedding_batch(_texts(parts))
        return await asyncio.to_thread(_answer, task, parts, vectors, self._unrelated)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The answer to the last message."""
        return _chat_response(self.answer(read_task(messages)))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The answer to the last message."""
        return _chat_response(await self.answer_async(read_task(messages)))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The answer to the last message, word by word."""
        reply = self.answer(read_task(messages))
        return (_chat_response(reply, sofar, delta) for sofar, delta in _words(reply.text))

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """The answer to the last message, word by word."""
        reply = await self.answer_async(read_task(messages))

        async def words() -> ChatResponseAsyncGen:
            for sofar, delta in _words(reply.text):
                yield _chat_response(reply, sofar, delta)

        return words()

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to a prompt."""
        return CompletionResponse(text=self.answer(read_task(prompt)).text)

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to a prompt."""
        return CompletionResponse(text=(await self.answer_async(read_task(prompt))).text)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The answer to a prompt, word by word."""
        text = self.answer(read_task(prompt)).text
        return (CompletionResponse(text=sofar, delta=delta) for sofar, delta in _words(text))

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """The answer to a prompt, word by word."""
        text = (await self.answer_async(read_task(prompt))).text

        async def words() -> CompletionResponseAsyncGen:
            for sofar, delta in _words(text):
                yield CompletionResponse(text=sofar, delta=delta)

        return words()


# --- reading the prompt ---------------------------------------------------------------------------------------------


def read_task(prompt: str | Sequence[ChatMessage]) -> Task:
    """What messages, or a prompt of another program, ask for."""
    style = NEUTRAL
    if not isinstance(prompt, str):
        rules = [message.content or "" for message in prompt if message.role is MessageRole.SYSTEM]
        style = read_manner(rules[0]) if rules else NEUTRAL
        asked = [message.content or "" for message in prompt if message.role is MessageRole.USER]
        prompt = asked[-1] if asked else ""
    if ours := read_passages(prompt):
        passages, question = ours
        documents = tuple(each for each in passages if not each.remembered)
        notes = tuple(each for each in passages if each.remembered)
        return _of_own_words(Task(question, documents, notes=notes, style=style))
    if (rewritten := read_rewrite(prompt)) is not None:
        return Task(prompt, answer=rewritten)
    return _foreign_task(prompt)._replace(style=style)


def _of_own_words(task: Task) -> Task:
    """`task`, answered by the asker's own words where these are what it asks for."""
    own = asks_what_was_said(task.question) or asks_who_one_is(task.question)
    said = repeat(task.question, task.notes) if own else None
    return task._replace(answer=said)


def _foreign_task(prompt: str) -> Task:
    questions = _FOREIGN_QUESTION.findall(prompt)
    if not questions:
        return Task(prompt.strip().splitlines()[-1] if prompt.strip() else "")
    existing = _FOREIGN_ANSWER.search(prompt)
    if existing and existing[1] and not is_refusal(existing[1]):
        return Task(questions[-1], answer=existing[1])
    match = _FOREIGN_CONTEXT.search(prompt)
    context = (match[1] or match[2] or "") if match else prompt[: prompt.rfind(questions[-1])]
    numbered = _FOREIGN_SOURCE.split(context)
    if len(numbered) > 1:
        pairs = zip(numbered[1::2], numbered[2::2], strict=True)
        return Task(questions[-1], tuple(Quoted(int(n), "", text.strip()) for n, text in pairs))
    return Task(questions[-1], (Quoted(0, "", _METADATA_LINE.sub("", context).strip()),))


# --- answering ------------------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """A question asked on its own, and the statements that may answer it.

    `halves` are the question without the one and without the other of two joined terms ("the Team and Business plans"),
    for when no statement speaks of both.
    """

    question: Question
    joined: tuple[Asked, ...]
    halves: tuple[Question, ...]
    statements: tuple[Statement, ...]
    texts: tuple[str, ...]
    language: Language


def _parts(task: Task) -> list[_Part]:
    language = language_of([task.question], *(passage.text for passage in task.passages))
    found = read_statements(task.passages, language)
    words = vocabulary(task.passages, language)
    everywhere = names_everywhere(task.passages, language)
    titles = {passage.marker: passage.title.rpartition(" › ")[2] for passage in task.passages}
    parts: list[_Part] = []
    for text in _questions(task.question):
        question = read_question(text, found, words, language, everywhere)
        if not question.asked or not found:
            continue
        joined, halves = _halves(question)
        kept = _promising(found, (question, *halves))
        texts = tuple(f"{titles[each.marker]}: {each.text}" for each in kept)
        if kept:
            parts.append(_Part(question, joined, halves, kept, texts, language))
    return parts


def _promising(found: Sequence[Statement], questions: Sequence[Question]) -> tuple[Statement, ...]:
    """The statements that may answer, the best first: none when likeness could not lift any of them far enough."""
    scored = [(max(_lexical(question, each) for question in questions), each) for each in found]
    scored.sort(key=lambda each: -each[0])
    hopeful = sum(evidence >= _LEAST_EVIDENCE - _LIKENESS_SHARE for evidence, _ in scored)
    count = min(MAX_EMBEDDED, max(_LEAST_EMBEDDED, hopeful)) if hopeful else 0
    return tuple(each for _, each in scored[:count])


def _questions(text: str) -> list[str]:
    """The questions of a message; a later one that leans on the first is completed from it."""
    text = text[-MAX_QUESTION_CHARS:]
    first, *others = [part for part in _NEXT_QUESTION.split(text) if part.strip()] or [text]
    asked = [ChatMessage(role=MessageRole.USER, content=first)]
    return [first, *(standalone(asked, other) for other in others)][:MAX_STATEMENTS]


def _halves(question: Question) -> tuple[tuple[Asked, ...], tuple[Question, ...]]:
    for left, right in pairwise(question.asked):
        if _JOINED.match(question.text[left.term.end : right.term.start]):
            without = (tuple(each for each in question.asked if each is not gone) for gone in (right, left))
            return (left, right), tuple(question._replace(asked=asked) for asked in without)
    return (), ()


def _lexical(question: Question, statement: Statement) -> float:
    early = _EARLY_SHARE / max(1, statement.marker)
    return score(question, statement) + _DENSITY_SHARE * density(question, statement) + early


def _texts(parts: Sequence[_Part]) -> list[str]:
    return list(dict.fromkeys(text for part in parts for text in (part.question.text, *part.texts)))


def _answer(
    task: Task, parts: Sequence[_Part], vectors: Sequence[Sequence[float]] | None, unrelated: float = 0.0
) -> Reply:
    if task.answer is not None:
        return Reply(task.answer, in_style=False)
    by_text = dict(zip(_texts(parts), vectors, strict=True)) if vectors is not None else None
    found = [
        Found(part.question, _chosen(part, _likeness(part, by_text, unrelated), _least(part, by_text)), part.statements)
        for part in parts
    ]
    chosen = distinct(statement for each in found for statement in each.chosen)[:MAX_STATEMENTS]
    if not chosen:
        if own := repeat(task.question, task.notes):
            return Reply(own, in_style=False)
        no = refusal(task.question, task.style.forced_language)
        return Reply(no, in_style=no != refusal(task.question))
    said = of_detail(task.style.detail, chosen, found)
    return Reply(_said(said), in_style=_said(said) != _said(chosen))


def _said(statements: Sequence[Statement]) -> str:
    return " ".join(_cited(each) for each in sorted(statements, key=lambda each: _place(each, statements)))


def _likeness(part: _Part, vectors: Mapping[str, Sequence[float]] | None, unrelated: float) -> list[float]:
    """How alike the question and each statement are; see `aura.index.likeness`.

    In another language than English, which the model may not know, it can only speak for a statement.
    """
    if vectors is None:
        return [_UNKNOWN_LIKENESS] * len(part.texts)
    least = 0.0 if part.language == "english" else _UNKNOWN_LIKENESS
    return likeness([vectors[text] for text in (part.question.text, *part.texts)], unrelated, least=least)


def _least(part: _Part, vectors: Mapping[str, Sequence[float]] | None) -> float:
    """The evidence without which there is no answer: less where likeness is measured and not assumed."""
    return _LEAST_EVIDENCE if vectors is None or part.language != "english" else _LEAST_WITH_LIKENESS


def _chosen(part: _Part, likeness: Sequence[float], least: float) -> list[Statement]:
    """The statements that answer a question, the best first; none when the evidence is thin."""
    whole = _best(part, part.question, likeness, least)
    if whole and all(support(asked, whole[0]) >= 0.5 for asked in part.joined):
        return whole
    halves = [statement for half in part.halves for statement in _best(part, half, likeness, least)[:1]]
    return halves or whole


def _best(part: _Part, question: Question, likeness: Sequence[float], least: float) -> list[Statement]:
    ranked = sorted(
        (
            (_lexical(question, each) + _LIKENESS_SHARE * alike, each)
            for each, alike in zip(part.statements, likeness, strict=True)
        ),
        key=lambda each: -each[0],
    )
    if ranked[0][0] < least:
        return []
    chosen = [ranked[0][1]]
    for evidence, statement in ranked[1:]:
        if evidence >= _LEAST_EVIDENCE and gain(question, chosen, statement) >= LEAST_GAIN:
            chosen.append(statement)
    return chosen[:MAX_STATEMENTS]


def _place(statement: Statement, chosen: Sequence[Statement]) -> tuple[int, int]:
    """Passages in the order in which they were chosen, the statements of one passage in its order."""
    return next(n for n, each in enumerate(chosen) if each.marker == statement.marker), statement.ordinal


def _cited(statement: Statement) -> str:
    if not statement.marker:
        return statement.text
    text, end = (statement.text[:-1], statement.text[-1]) if statement.text[-1] in ".!?" else (statement.text, ".")
    return f"{text} [{statement.marker}]{end}"


def _words(text: str) -> Iterator[tuple[str, str]]:
    """The text up to and with each word, and the word."""
    for word in re.finditer(r"\S+\s*", text):
        yield text[: word.end()], word.group()


def _chat_response(reply: Reply, text: str | None = None, delta: str | None = None) -> ChatResponse:
    message = ChatMessage(role=MessageRole.ASSISTANT, content=reply.text if text is None else text)
    return ChatResponse(message=message, delta=delta, additional_kwargs={IN_STYLE: reply.in_style})
