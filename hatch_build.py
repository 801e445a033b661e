"""Puts the web interface into the wheel: builds it where Node.js is, or takes one that was built before."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_WEB = "src/aura_server/web"


class WebInterface(BuildHookInterface):
    """Runs for wheels alone: an editable install serves what `nox -s web` builds in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Have `dist` ready before the wheel's files are gathered. A failing build fails the wheel."""
        if version == "editable" or not (Path(self.root) / _WEB / "package.json").is_file():
            return
        sys.path.insert(0, str(Path(self.root) / "tools"))
        import web

        if web.up_to_date():
            return
        if (environment := web.environment()) is not None:
            self.app.display_info("building the web interface")
            web.build(environment, checks=False)
        elif web.BUILT.is_file():
            self.app.display_warning("no Node.js 20 or newer: the wheel gets the web interface that was built before")
        else:
            self.app.display_warning(
                "no Node.js 20 or newer: the wheel gets no web interface; the server says so at / and all else works"
            )
