"""Hold the tree to its layout: mapped names, one direction, no hidden evaluation."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMES = {"compiler": "overbar", "codegen": "overbar.codegen", "ir": "overbar.ir"}
FILES = sorted(path for folder in NAMES for path in (ROOT / folder).rglob("*.py"))

# A folder may import its own layer and those below it.
LAYERS = ["ir", "codegen", "compiler"]

# What turns text into running code, or runs code from a file.
EVALUATORS = {
    "__import__",
    "eval",
    "exec",
    "exec_module",
    "lambdify",
    "parse_expr",
    "spec_from_file_location",
    "sympify",
}
# Generated modules, checked against an allowlist of syntax, are imported here.
ALLOWED = {
    (file, name)
    for file in ("codegen/cache.py", "codegen/load.py")
    for name in ("exec", "exec_module", "spec_from_file_location")
}


def relative(path: Path) -> str:
    """Return a path as it is named in the repository."""
    return path.relative_to(ROOT).as_posix()


def mapped(path: Path) -> str:
    """Return the import name of a file or folder of the repository."""
    folder, *rest = path.relative_to(ROOT).with_suffix("").parts
    return ".".join([NAMES[folder], *(part for part in rest if part != "__init__")])


def layer(module: str) -> str | None:
    """Return the folder that holds a module, None for a module of others."""
    if module.split(".", maxsplit=1)[0] != "overbar":
        return None
    second = module.split(".")[1:2]
    return second[0] if second in (["ir"], ["codegen"]) else "compiler"


def imports(source: str) -> list[tuple[int, str]]:
    """Return every module that a source imports, with its line.

    The name imported *from* a module counts as one, for it may be a submodule; a
    relative import keeps its dots and so belongs to no layer.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
    return found


def upward(folder: str, source: str) -> list[tuple[int, str]]:
    """Return the imports that go against the one direction, or are relative."""
    permitted = {None, *LAYERS[: LAYERS.index(folder) + 1]}
    return [
        (line, module)
        for line, module in imports(source)
        if module.startswith(".") or layer(module) not in permitted
    ]


def evaluators(source: str) -> list[tuple[int, str]]:
    """Return every use of an evaluator's name, with its line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            found.append((node.lineno, node.id))
        elif isinstance(node, ast.Attribute):
            found.append((node.lineno, node.attr))
        elif isinstance(node, ast.ImportFrom):
            found += [(node.lineno, alias.name) for alias in node.names]
    return [(line, name) for line, name in found if name in EVALUATORS]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_every_file_imports_under_its_mapped_name(path: Path) -> None:
    """A file of the tree is the file that its mapped name imports."""
    module = importlib.import_module(mapped(path))
    assert str(path) == str(Path(str(module.__file__)).resolve())


def test_every_package_is_listed() -> None:
    """pyproject.toml lists exactly the folders that hold Python files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = project["tool"]["setuptools"]["packages"]
    assert sorted({mapped(path.parent) for path in FILES}) == sorted(listed)


def test_every_folder_is_a_package() -> None:
    """A folder that holds Python files has an __init__.py and so a docstring."""
    folders = {path.parent for path in FILES}
    assert [] == [relative(f) for f in folders if not (f / "__init__.py").exists()]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_imports_go_one_way(path: Path) -> None:
    """Imports are absolute and go compiler -> codegen -> ir, never back."""
    folder = path.relative_to(ROOT).parts[0]
    assert [] == upward(folder, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("folder", "source", "modules"),
    [
        ("ir", "import overbar", ["overbar"]),
        ("ir", "from overbar import read", ["overbar.read"]),
        ("ir", "from overbar import ir", []),
        ("ir", "def f():\n    import overbar.codegen.load", ["overbar.codegen.load"]),
        ("ir", "from overbar.ir.graph import Graph", []),
        ("ir", "from . import graph", ["..graph"]),
        ("ir", "from .graph import Graph", [".graph.Graph"]),
        ("codegen", "from overbar.ir import graph", []),
        ("codegen", "from overbar.derive import vjp", ["overbar.derive.vjp"]),
        ("compiler", "from overbar.codegen import load", []),
    ],
)
def test_upward_sees_wrong_imports(
    folder: str, source: str, modules: list[str]
) -> None:
    """The check of directions finds planted imports that go the wrong way."""
    assert modules == [module for _, module in upward(folder, source)]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_nothing_is_evaluated(path: Path) -> None:
    """No file evaluates text or runs files, but for the places allowed."""
    used = evaluators(path.read_text(encoding="utf-8"))
    assert [] == [use for use in used if (relative(path), use[1]) not in ALLOWED]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("eval('1')", ["eval"]),
        ("import sympy\nsympy.sympify('x')", ["sympify"]),
        ("from sympy import sympify as s", ["sympify"]),
        ("from sympy.parsing.sympy_parser import parse_expr", ["parse_expr"]),
        ("run = exec", ["exec"]),
        ("spec.loader.exec_module(module)", ["exec_module"]),
        ("evaluate(graph)  # never eval", []),
    ],
)
def test_evaluators_are_seen(source: str, names: list[str]) -> None:
    """The check of evaluators finds planted calls, aliases and imports."""
    assert names == [name for _, name in evaluators(source)]


def test_import_is_light() -> None:
    """`import overbar` leaves SymPy, Numba and SciPy for when they are needed."""
    code = "import sys, overbar; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    loaded = set(result.stdout.split())
    assert "overbar" in loaded
    assert set() == loaded & {"sympy", "numba", "llvmlite", "scipy"}
