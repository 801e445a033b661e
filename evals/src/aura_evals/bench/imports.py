"""`bench import`: what `import aura` costs and brings along."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from aura_evals.bench.report import Goal, Recorder, Report

_SECONDS = Goal(limit=0.3, absolute=True)
_NONE = Goal(limit=0, absolute=True)
_HEAVY = ("torch", "llama_index", "sentence_transformers", "sqlalchemy", "unstructured")
_MUST_NOT = ("torch", "llama_index")


def bench_import(repetitions: int) -> Report:
    """Start Python `repetitions` times with and without `import aura`, in turn."""
    recorder = Recorder("import")
    bare, imported = [], []
    _seconds("import aura")  # byte code and the file cache
    for _ in range(repetitions):
        bare.append(_seconds("pass"))
        imported.append(_seconds("import aura"))
    recorder.add(
        "python -c 'import aura' / python -c 'pass', median", median(imported), "s", against=median(bare), goal=_SECONDS
    )
    recorder.add("the same, fastest", min(imported), "s", against=min(bare), goal=_SECONDS)
    loaded = _loaded()
    recorder.add("torch and LlamaIndex loaded by it", len(loaded & set(_MUST_NOT)), "modules", goal=_NONE)
    recorder.note(f"loaded of {', '.join(_HEAVY)}: {', '.join(sorted(loaded)) or 'none'}")
    return recorder.report()


def _seconds(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def _loaded() -> set[str]:
    code = f"import aura, sys; print(*[name for name in {_HEAVY!r} if name in sys.modules])"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())
