"""The page on the command line says what the commands say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "write_docs.py"


def test_the_page_is_current() -> None:
    spec = importlib.util.spec_from_file_location("write_docs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "run `python scripts/write_docs.py`"
