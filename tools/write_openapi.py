"""Writes docs/openapi.json: what this version of the server says of itself.

python tools/write_openapi.py
"""

from __future__ import annotations

from pathlib import Path

from aura_server.app import Options, litestar
from aura_server.description import as_json

DOCUMENT = Path(__file__).parents[1] / "docs" / "openapi.json"


if __name__ == "__main__":
    DOCUMENT.write_bytes(as_json(litestar(None, Options())))
