"""Fixtures every test can use."""

from __future__ import annotations

from pathlib import Path

import pytest

GOLDENS = Path(__file__).resolve().parents[2] / "shared" / "goldens"


@pytest.fixture(scope="session")
def goldens() -> Path:
    """The folder of A1111's own results, or a skip where this checkout has none beside it."""
    if not GOLDENS.is_dir():
        pytest.skip("the golden pictures of A1111 are not beside this checkout (../shared/goldens)")
    return GOLDENS
