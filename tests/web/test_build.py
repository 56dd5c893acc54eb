"""The build of the page: what is built when, what is in it, and that a browser accepts it under a strict policy."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripts import build_web, check_web

ROOT = Path(__file__).resolve().parents[2]
VUE = '"node_modules/vue": {"version": "1.0.0"}'
LOCK = f'{{"packages": {{"": {{}}, {VUE}, "node_modules/lint": {{"version": "2.0.0", "dev": true}}}}}}'
MAKER = """
import { mkdirSync, writeFileSync } from "node:fs";
const out = process.argv[process.argv.indexOf("--outDir") + 1];
mkdirSync(`${out}/assets`, { recursive: true });
writeFileSync(`${out}/index.html`, "<!doctype html>");
writeFileSync(`${out}/assets/dot.png`, "png");
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkout whose vite only writes two files, with its npm packages installed."""
    monkeypatch.delenv("REDRAW_WEB", raising=False)
    files = {
        "web/package.json": "{}",
        "web/package-lock.json": LOCK,
        "web/index.html": "<p>",
        "web/src/main.ts": "1",
        "web/src/panels/one.ts": "1",
        "web/tests/one.test.ts": "1",
        "web/node_modules/.package-lock.json": LOCK,
        "web/node_modules/vite/package.json": '{"type": "module", "bin": {"vite": "bin/vite.js"}}',
        "web/node_modules/vite/bin/vite.js": MAKER,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_built_page_is_not_built_again(tree: Path) -> None:
    assert build_web.is_stale(tree)
    static = build_web.build(tree)
    assert not build_web.is_stale(tree)
    assert (static / "index.html").read_text() == "<!doctype html>"


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "web/src/main.ts").write_text("2"),
        lambda root: (root / "web/src/new.ts").write_text(""),
        lambda root: (root / "web/src/panels/one.ts").unlink(),
        lambda root: (root / "web/src/panels/one.ts").rename(root / "web/src/one.ts"),
        lambda root: (root / "web/package-lock.json").write_text("{}"),
        lambda root: (build_web.static_of(root) / "index.html").unlink(),
        lambda root: shutil.rmtree(build_web.static_of(root)),
    ],
    ids=["changed", "added", "removed", "moved", "locked", "incomplete", "gone"],
)
def test_a_page_is_stale_after(tree: Path, change: Callable[[Path], Any]) -> None:
    build_web.build(tree)
    change(tree)
    assert build_web.is_stale(tree)


def test_tests_and_dates_do_not_make_a_page_stale(tree: Path) -> None:
    build_web.build(tree)
    (tree / "web/tests/one.test.ts").write_text("2")
    (tree / "web/src/.main.ts.swp").write_text("an editor was here")
    (tree / "web/src/main.ts").touch()
    assert not build_web.is_stale(tree)


def test_without_sources_or_when_told_so_nothing_is_built(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAW_WEB", "skip")
    assert not build_web.is_stale(tree)
    monkeypatch.delenv("REDRAW_WEB")
    shutil.rmtree(tree / "web")
    assert not build_web.is_stale(tree)


def test_a_failed_build_says_why_and_keeps_the_old_page(tree: Path) -> None:
    static = build_web.build(tree)
    (tree / "web/node_modules/vite/bin/vite.js").write_text("console.error('line 7: no such name'); process.exit(3)")
    (tree / "web/src/main.ts").write_text("2")
    with pytest.raises(build_web.WebError, match="line 7: no such name"):
        build_web.build(tree)
    assert (static / "index.html").is_file()
    assert build_web.is_stale(tree)
    assert [path.name for path in (tree / "build").iterdir()] == []


def test_packages_are_installed_when_the_lock_file_says_other_ones(tree: Path) -> None:
    assert build_web.is_installed(tree, dev=True)
    (tree / "web/node_modules/.package-lock.json").write_text(
        '{"packages": {"node_modules/vue": {"version": "1.0.0"}}}'
    )
    assert build_web.is_installed(tree, dev=False)
    assert not build_web.is_installed(tree, dev=True)
    (tree / "web/package-lock.json").write_text(LOCK.replace("1.0.0", "1.0.1"))
    assert not build_web.is_installed(tree, dev=False)


def test_a_registry_out_of_reach_is_one_clear_paragraph(
    tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    locked = '{"name": "a", "version": "1.0.0", "dependencies": {"vue": "1.0.0"}}'
    (tree / "web/package.json").write_text(locked)
    entry = '"node_modules/vue": {"version": "1.0.0", "resolved": "http://127.0.0.1:9/vue.tgz"}'
    (tree / "web/package-lock.json").write_text(
        f'{{"name": "a", "version": "1.0.0", "lockfileVersion": 3, "packages": {{"": {locked}, {entry}}}}}'
    )
    (tree / "web/node_modules/.package-lock.json").unlink()
    for name, value in {"registry": "http://127.0.0.1:9", "fetch_retries": "0", "cache": str(tmp_path / "npm")}.items():
        monkeypatch.setenv(f"NPM_CONFIG_{name}", value)
    with pytest.raises(build_web.WebError) as caught:
        build_web.build(tree)
    message = str(caught.value)
    assert "npm could not fetch its packages" in message
    assert "ECONNREFUSED" in message
    assert "REDRAW_WEB=skip" in message
    assert "\n" not in message


def test_text_is_compressed_beside_itself_and_the_same_each_time(tmp_path: Path) -> None:
    for name in ("index.html", "assets/a.js", "assets/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name * 99)
    build_web.compress(tmp_path)
    first = (tmp_path / "assets/a.js.gz").read_bytes()
    assert gzip.decompress(first) == b"assets/a.js" * 99
    assert first[4:8] == bytes(4)  # no date
    assert {path.name for path in tmp_path.rglob("*.gz")} == {"index.html.gz", "a.js.gz"}


def test_what_the_start_loads_is_followed_through_imports_but_not_through_lazy_ones(tmp_path: Path) -> None:
    files = {
        "index.html": '<script type="module" src="/assets/a.js"></script><link rel="stylesheet" href="/assets/a.css">',
        "assets/a.js": 'import{b}from"./b.js";const c=()=>import("./c.js");',
        "assets/b.js": "export const b=1",
        "assets/c.js": "export const c=1",
        "assets/a.css": '@font-face{src:url(/assets/f.woff2)} a{background:url("data:image/png;base64,x")}',
        "assets/f.woff2": "font",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert check_web.loaded(tmp_path) == set(files) - {"assets/c.js"}


def test_a_page_over_its_budget_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>")
    assert check_web.size(tmp_path) is None
    monkeypatch.setattr(check_web, "BUDGET", 5)
    assert "are allowed" in str(check_web.size(tmp_path))


def test_the_page_starts_under_its_strict_policy_without_a_complaint(fake_page: Any, fake_studio: Any) -> None:
    fake_page.wait_for_load_state("load")
    fake_page.wait_for_selector("#app > *")
    with fake_studio.client() as client:
        policy = client.get("/").headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_what_a_browser_loads_at_the_start_keeps_the_budget(open_page: Any, fake_studio: Any, browser: Any) -> None:
    context = browser.new_context(base_url=fake_studio.url)
    page, bodies = context.new_page(), dict[str, int]()
    page.on("requestfinished", lambda one: bodies.update({one.url: one.sizes()["responseBodySize"]}))
    page.goto("/")
    page.wait_for_selector("#app > *")
    page.wait_for_timeout(1000)
    context.close()
    files = {url: size for url, size in bodies.items() if "/api/" not in url and not url.startswith("blob:")}
    assert any(url.endswith(".js") for url in files)
    assert sum(files.values()) <= check_web.BUDGET, files


def test_a_complaint_of_the_page_is_noticed(fake_page: Any, trouble: Any) -> None:
    trouble.allow("Content Security Policy|violates|foreign: GET|failed: GET|uncaught: on purpose|console error: aloud")
    fake_page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.broken = true";
            document.head.append(script);
            console.error("aloud");
            setTimeout(() => { throw new Error("on purpose"); });
            const image = new Image();
            image.src = "http://127.0.0.1:9/spy.png";
        }"""
    )
    fake_page.wait_for_timeout(500)
    assert fake_page.evaluate("window.broken") is None
    for what in ("Content Security Policy", "aloud", "on purpose", "127.0.0.1:9"):
        assert any(what in one for one in trouble.found), (what, trouble.found)
    assert trouble.left == []


def test_the_wheel_contains_the_page(built_page: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in built_page.rglob("*"):
        if path.is_file():
            assert f"redraw/server/static/{path.relative_to(built_page).as_posix()}" in names
    assert "redraw/server/static/index.html.gz" in names
    assert not any("node_modules" in name or name.startswith("web/") for name in names)


def test_the_notice_names_every_package_inside_the_page(built_page: Path) -> None:
    texts = (built_page / "licenses.md").read_text()
    packages = [line.split()[1] for line in texts.splitlines() if line.startswith("## ")]
    notice = (ROOT / "NOTICE").read_text()
    assert "@vue/runtime-dom" in packages
    assert [name for name in packages if f"{name}," not in notice and f"{name};" not in notice] == []
