"""The part of the package's build that makes the web page; see `scripts/build_web.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))

from scripts import build_web


class WebPage(BuildHookInterface[Any]):
    """Builds the page before a wheel, an editable install or an archive of the sources is made."""

    def dependencies(self) -> list[str]:
        """Return what the build needs: Node, unless the page is there already."""
        return [build_web.NODE] if build_web.is_stale(Path(self.root)) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page if it is stale; one paragraph says why it could not be."""
        root = Path(self.root)
        if build_web.is_stale(root):
            try:
                build_web.build(root)
            except build_web.WebError as error:
                raise SystemExit(str(error)) from None
