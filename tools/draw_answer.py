"""Draw docs/answer.svg, the README's picture: one question to both demo organisations, answered by the keyless model.

python tools/draw_answer.py        # about a minute; needs the extra `offline`
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from importlib.resources import files
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

from aura import Aura, Settings, Workspace
from aura.cli.rendering import whole

TARGET = Path(__file__).parents[1] / "docs" / "answer.svg"
QUESTION = "How long do customers have to return a product?"
ORGANISATIONS = {"oskerdale": "Oskerdale Outfitters", "vintrisa": "Vintrisa Medical Services"}
WIDTH = 84


async def main() -> None:
    """Ask, and write the picture."""
    console = Console(file=StringIO(), record=True, width=WIDTH, force_terminal=True, markup=False, highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        async with Aura.open(Settings(data_dir=Path(folder))) as aura:
            for subdomain, name in ORGANISATIONS.items():
                workspace = await opened(aura, subdomain, name)
                console.print(Text(f'$ aura ask --tenant {subdomain} "{QUESTION}"', style="bold green"))
                console.print(whole(await workspace.ask(QUESTION)))
                console.print()
    svg = console.export_svg(title="one question, two organisations")
    # rich names a font at a public address; a picture in a repository should load nothing.
    TARGET.write_text(re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL), encoding="utf-8")
    print(TARGET.name)


async def opened(aura: Aura, subdomain: str, name: str) -> Workspace:
    """A new organisation with all of its demo files."""
    workspace = await aura.tenants.create(
        organization_name=name,
        subdomain=subdomain,
        admin_email=f"admin@{subdomain}.example",
        password="only for this picture",
    )
    async for progress in workspace.documents.ingest(Path(str(files("aura.demo").joinpath(subdomain)))):
        if progress.reason:
            print(progress)
    return workspace


if __name__ == "__main__":
    asyncio.run(main())
