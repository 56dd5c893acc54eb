"""Write the table of routes into docs/api.md: `python scripts/write_routes.py`; a test checks that it is current."""

from __future__ import annotations

import tempfile
from pathlib import Path

from redraw.server.app import create_app
from redraw.server.config import ServeConfig
from redraw.server.permissions import table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
BEGIN, END = "<!-- routes -->\n", "<!-- end of routes -->\n"


def page(text: str) -> str:
    """Return the page's text with the table of a server that has every route switched on."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(ServeConfig(data_dir=Path(folder), api_server_stop=True))
        routes = table(app)
        app.state.queue.close()
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{routes}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
