"""The command `aura`. Its page is docs/cli.md."""

from __future__ import annotations


def main() -> None:
    """Run the command line of this process, and exit."""
    import io
    import os
    import sys
    import warnings

    # The products of a search are small: OpenBLAS would share them out to threads that wait for the next one in a loop.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, where numpy is loaded
    from aura.cli.app import app

    if not sys.warnoptions:  # those of libraries are for their developers
        warnings.simplefilter("ignore")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without Unicode shows `?`, and nothing breaks
            stream.reconfigure(errors="replace")
    try:
        app()
    except SystemExit as end:
        _leave(end.code)
        raise


def _leave(code: object) -> None:
    """End the process here where a thread still imports a model's libraries: Python would wait for it, for many seconds."""
    import logging
    import os
    import sys
    import threading

    if any(thread.name.startswith("aura-embedding") for thread in threading.enumerate()):
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))
