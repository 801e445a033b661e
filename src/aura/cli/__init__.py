"""The command `aura`. Its page is docs/cli.md."""

from __future__ import annotations


def main() -> None:
    """Run the command line of this process, and exit."""
    import io
    import sys
    import warnings

    from aura.cli.app import app

    if not sys.warnoptions:  # those of libraries are for their developers
        warnings.simplefilter("ignore")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without Unicode shows `?`, and nothing breaks
            stream.reconfigure(errors="replace")
    app()
