"""The house rules that no linter knows: sizes of modules and functions, names, docstrings, what stays out of git."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(p for room in ("src", "training", "scripts") for p in (ROOT / room).rglob("*.py"))
MODULE_LINES, FUNCTION_LINES = 300, 60
BANNED_NAMES = {"utils", "util", "helpers", "common", "misc", "manager", "base"}
BROAD_EXCEPT_ALLOWED = {"src/redraw/registry/__init__.py", "src/redraw/jobs/worker.py"}
TOTAL_BYTES = 60_000_000

pytestmark = pytest.mark.skipif(not SOURCES, reason="no sources here")


def code_lines(path: Path) -> set[int]:
    """The numbers of the lines that hold code: no blank lines, comments or docstrings."""
    tree = ast.parse(path.read_text())
    docs: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in node.body:
                value = statement.value if isinstance(statement, ast.Expr) else None
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    docs.update(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
    skip = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    found: set[int] = set()
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type not in skip and token.type != tokenize.ENCODING:
                found.update(range(token.start[0], token.end[0] + 1))
    return found - docs


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_keeps_the_house_rules(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    lines = code_lines(path)
    assert len(lines) <= MODULE_LINES, f"{name} has {len(lines)} lines of code"
    assert path.stem not in BANNED_NAMES, f"{name}: a room is named for what it holds"
    for function in functions(path):
        own = [n for n in lines if function.lineno <= n <= (function.end_lineno or function.lineno)]
        assert len(own) <= FUNCTION_LINES, f"{name}:{function.lineno} {function.name} has {len(own)} lines of code"
    assert ast.get_docstring(ast.parse(path.read_text())), f"{name} has no docstring"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_public_names_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text())
    bare = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                bare.append(node.name)
            if isinstance(node, ast.ClassDef):
                bare += [
                    f"{node.name}.{item.name}"
                    for item in node.body
                    if isinstance(item, ast.FunctionDef)
                    and not item.name.startswith("_")
                    and not ast.get_docstring(item)
                    and not any(isinstance(d, ast.Name) and d.id == "overload" for d in item.decorator_list)
                ]
    assert not bare, f"{path.relative_to(ROOT)}: no docstring on {', '.join(bare)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_broad_except_and_no_assert_on_input(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler) and name not in BROAD_EXCEPT_ALLOWED:
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}
            )
            reraises = any(isinstance(n, ast.Raise) and n.exc is None for n in ast.walk(node))
            assert not broad or reraises, f"{name}:{node.lineno} catches everything"
        assert not isinstance(node, ast.Assert), f"{name}:{node.lineno} uses assert"


def tracked() -> list[Path]:
    """The files git knows, or a skip where this is no checkout."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_nothing_names_a_registry_or_a_path_of_one_machine() -> None:
    # The form of a registry's addresses, and the folder this checkout stands in (unless it is as short as a word).
    here = f"|{re.escape(f'{ROOT}/')}" if len(ROOT.parts) > 2 else ""
    pattern = re.compile(
        r"https?://[^ \"']*(/simple/|/-/[^ \"']*\.tgz|/packages/[0-9a-f]{2}/)|file:///|/home/[a-z]+/" + here
    )
    found = []
    for path in tracked():
        if path.name == "test_house.py" or path.stat().st_size > 2_000_000:
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{i}" for i, line in enumerate(text.splitlines(), 1) if pattern.search(line)
        ]
    assert not found


def test_the_working_tree_stays_small() -> None:
    assert sum(p.stat().st_size for p in tracked()) < TOTAL_BYTES


def test_importing_redraw_loads_nothing_heavy() -> None:
    script = (
        "import sys, redraw; dir(redraw);"
        "print([m for m in ('torch', 'numpy', 'PIL', 'pydantic', 'diffusers', 'transformers', 'click', 'rich', 'cv2')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("room", ["redraw.request", "redraw.image.io", "redraw.registry", "redraw.cli"])
def test_these_rooms_work_without_torch(room: str) -> None:
    script = f"import sys, {room}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
