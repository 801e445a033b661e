"""`aura-evals init`: a suite and a dataset out of a tenant's own documents."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from aura_evals.errors import BadInput, no_verdict_on_errors

_notes = Console(stderr=True, highlight=False)

KEYLESS = "extractive"
"""The name of the model that quotes and can not write a question."""

_SUITE = """# Made by `aura-evals init` from the documents of {tenant!r}. Edit questions.jsonl: nobody wrote its questions
# (see their "origin"), and what they measure is whether a sentence is found again.
name = "{tenant}"
kind = "{kind}"
"""


def init(
    tenant: Annotated[str, typer.Option(help="The organisation's sub-domain.", show_default=False)],
    into: Annotated[Path, typer.Option(help="The folder to make; it must not be there yet.", show_default=False)],
    questions: Annotated[int, typer.Option(min=1, help="At most this many.")] = 50,
) -> None:
    """Write a dataset and two suites from a tenant's documents, in the database that AURA's settings name.

    The configured model writes the questions; the keyless one can not, and sentences with a gap stand in. Each question
    says in `origin` which it was. Then: `aura-evals run FOLDER/answers.toml --dataset FOLDER`.
    """
    with no_verdict_on_errors(_notes):
        if into.exists():
            raise BadInput("it is there already: name a new folder", path=into)
        written, origin = asyncio.run(_write(tenant, into, questions))
    Console().print(f"{written} questions ({origin}) in {into / 'questions.jsonl'}", soft_wrap=True)


async def _write(tenant: str, into: Path, limit: int) -> tuple[int, str]:
    from aura import Aura, Settings
    from aura_evals.candidates import questions_of
    from aura_evals.golden import DOCUMENTS, QUESTIONS

    settings = Settings.load()
    texts: list[tuple[str, str]] = []
    folder = into / DOCUMENTS / tenant
    async with Aura.open(settings, warm=False) as aura:
        workspace = await aura.workspace(tenant)
        documents = (await workspace.documents.list(limit=1_000)).items
        ready = [document for document in documents if document.version > 0]
        if not ready:
            raise BadInput(f"the organisation {tenant!r} has no documents yet: ingest some first")
        await asyncio.to_thread(folder.mkdir, parents=True)
        for document in ready:
            name = Path(document.filename).name
            texts.append((name, await workspace.documents.text(document.id)))
            await asyncio.to_thread(shutil.copyfile, await workspace.documents.original(document.id), folder / name)
        llm = None if workspace.llm.metadata.model_name == KEYLESS else workspace.llm
        found = await questions_of(tenant, texts, limit=limit, llm=llm)
    if not found:
        shutil.rmtree(into)
        raise BadInput(f"no sentence with a number or a code was found in the documents of {tenant!r}")
    lines = b"".join(msgspec.json.encode(question) + b"\n" for question in found)
    (into / QUESTIONS).write_bytes(lines)
    for kind in ("retrieval", "answers"):
        (into / f"{kind}.toml").write_text(_SUITE.format(tenant=tenant, kind=kind), encoding="utf-8")
    return len(found), found[0].origin or ""
