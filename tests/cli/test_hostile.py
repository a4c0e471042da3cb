"""Test that no word, name or text makes the command line run or write anything."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Cli

EVIL = "__import__('os').system('touch canary')"
TEXTS = [
    EVIL,
    f"x = {EVIL}\nx",
    f'"""{EVIL}"""\nx*x',
    'x*x  # """ + open("canary", "w") + """',
    '"""a\\"\\"\\"\nimport os\nos.system("touch canary")\n"""\nx*x',
    f"def f(x): return {EVIL}\nf(x)",
    "().__class__.__base__.__subclasses__()",
    "x\u2028import os",
    "x\rimport os",
    "x: param\nimport os\nx",
    "f'{x}'",
    "(x := 2)",
    "eval('1')",
    "lambda: x",
    "x\0y",
    "9**9**9**9",
    "x**9**9**9",
    "os: param\nsystem: param\nos*system",
    "int: param\nstr: param\nint/str",
    "np: param\nmath: param\nnjit: param\nnp*math + njit",
]
NAMES = [
    "a\nimport os\nos.system('touch canary').expr",
    'a"""\nimport os\n"""b.expr',
    "a\\.expr",
    "a\u202eexpr.expr",
    "a\x1b]0;x\x07.expr",
    "a # b.expr",
    "$(touch canary).expr",
    "-->.expr",
    "%s{0}.expr",
    "__init__.expr",
    "a\udcff.expr",
]

WATCH = """
import os, sys
MODULES = {"ftplib", "shutil", "smtplib", "socket", "subprocess"}
EVENTS = {"os.exec", "os.fork", "os.mkdir", "os.posix_spawn", "os.putenv", "os.remove",
          "os.rename", "os.symlink", "os.system", "pickle.find_class"}
quiet = {"open": [], "other": []}
def watch(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        flags = args[2] if isinstance(args[2], int) else 0
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            quiet["open"].append(os.fsdecode(args[0]))
    elif event.split(".")[0] in MODULES or event in EVENTS:
        quiet["other"].append((event, str(args)))
from overbar.cli import overbar
try:
    overbar(["derive", os.devnull])
except SystemExit:
    pass
from overbar import statements
from overbar.cli import formats, points, schema, tables
from click.testing import CliRunner
import lark, ast
runner = CliRunner()
runner.invoke(overbar, ["derive", "-", "--format", "json"], input="x*sin(x)")
runner.invoke(overbar, ["derive", "-", "--format", "svg"], input="x*sin(x)")
sys.addaudithook(watch)
for text in TEXTS:
    for form in ("text", "latex", "source", "ir", "json", "svg"):
        runner.invoke(overbar, ["derive", "-", "--format", form], input=text)
    runner.invoke(overbar, ["eval", "-", "--at", "x=" + text], input=text)
    runner.invoke(overbar, ["eval", "-", "--at", text], input="x*x")
    runner.invoke(overbar, ["derive", "-", "--wrt", text], input="x*x")
    runner.invoke(overbar, ["eval", "-", "--data", text], input="x*x")
runner.invoke(overbar, ["derive", "-", "-o", "wanted.txt"], input="x*x")
print(quiet)
"""


def test_hostile_texts(tmp_path: Path) -> None:
    """An audit hook sees no process, no connection, and the file of -o alone."""
    script = f"TEXTS = {TEXTS!r}\n{WATCH}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    seen = ast.literal_eval(done.stdout.splitlines()[-1])
    assert {"open": ["wanted.txt"], "other": []} == seen
    assert ["wanted.txt"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("name", NAMES)
def test_hostile_file_names(cli: Cli, name: str, tmp_path: Path) -> None:
    """A file's name reaches no code, no terminal and no markup."""
    try:
        (tmp_path / name).write_text("J = x*sin(x)\n")
    except OSError:
        pytest.skip("the file system refuses the name")
    plain = cli("derive", "-", "--format", "source", given="J = x*sin(x)\n")
    source = cli("derive", "--format", "source", "--", name)
    assert (0, "") == (source.exit_code, source.stderr)
    assert code(plain.stdout) == code(source.stdout)
    for form in ("text", "latex", "json", "svg", "ir"):
        found = cli("derive", "--format", form, "--", name)
        assert (0, "") == (found.exit_code, found.stderr)
        assert all(c.isprintable() or c == "\n" for c in found.stdout)
    (tmp_path / name).write_text("J = x*\n")
    failed = cli("derive", "--", name)
    assert 2 == failed.exit_code
    assert all(c.isprintable() or c == "\n" for c in failed.stderr)
    assert [name] == [path.name for path in tmp_path.iterdir()]


def code(source: str) -> str:
    """Return a module's statements without docstrings."""
    tree = ast.parse(source)
    tree.body = tree.body[1:]
    return ast.dump(tree)


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_texts_are_answered(cli: Cli, text: str) -> None:
    """Each is derived or refused, in a moment, without a traceback."""
    for words in (("derive", "-"), ("derive", "-", "--format", "source")):
        result = cli(*words, given=text)
        assert result.exit_code in {0, 2}
        assert "Traceback" not in result.stderr
        if words[-1] == "source" and result.exit_code == 0:
            ast.parse(result.stdout)
    assert not Path("canary").exists()
