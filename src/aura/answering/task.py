"""What a prompt asks of the keyless model: one of AURA's own, or one of another LlamaIndex program."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from llama_index.core.llms import ChatMessage, MessageRole

from aura.answering.oneself import asks_what_was_said, asks_who_one_is
from aura.answering.own_words import repeat
from aura.answering.prompts import Quoted, is_refusal, read_passages, read_rewrite
from aura.persona.rendering import NEUTRAL, Style, read_manner

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
