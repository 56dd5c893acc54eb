"""Print the OpenAPI schema of our API as JSON: `python scripts/write_openapi.py [--out FILE]`.

The page's typed client is generated from it. Keys are sorted, so that equal schemas are equal files; no port is opened
and nothing is written into anybody's data folder.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from redraw.server.app import create_app, openapi_of
from redraw.server.config import ServeConfig
from redraw.server.views import API


def text() -> str:
    """Return the schema of `/api/v1` as JSON with a line's end."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(ServeConfig(data_dir=Path(folder)))
        schema = openapi_of(app, (API,))
        app.state.queue.close()
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write it where the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, help="file to write; stdout if not given")
    out: Path | None = parser.parse_args().out
    if out is None:
        sys.stdout.write(text())
    else:
        out.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
