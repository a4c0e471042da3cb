"""Run what the documents show: Python sessions, and `overbar` at the prompt."""

from __future__ import annotations

import doctest
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fences import Block, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
)


def session(name: str, text: str) -> doctest.DocTest:
    """Return a document's `python` blocks as one session, at the document's lines."""
    lines = [""] * (text.count("\n") + 1)
    for block in blocks(text):
        if block.info[:1] == ("python",):
            code = block.code.splitlines()
            lines[block.line - 1 : block.line - 1 + len(code)] = code
    return doctest.DocTestParser().get_doctest(
        "\n".join(lines) + "\n", {"__name__": "__main__"}, name, name, 0
    )


def failures(test: doctest.DocTest) -> str:
    """Run a session and return what it reports, nothing when all went well."""
    report: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False).run(
        test, out=report.append
    )
    return "".join(report)


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Yield the commands of a `console` block, each with the output that it shows."""
    for part in ("\n" + block.code).split("\n$ ")[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def console(text: str) -> list[tuple[str, str]]:
    """Return the commands of a document's `console` blocks with their outputs."""
    return [
        pair
        for block in blocks(text)
        if block.info[:1] == ("console",)
        for pair in commands(block)
    ]


def read(document: str) -> str:
    """Return the text of a document."""
    return (ROOT / document).read_text(encoding="utf-8")


def test_documents_are_found() -> None:
    """The README is among the documents that are run."""
    assert "README.md" in DOCUMENTS


@pytest.mark.parametrize("document", DOCUMENTS)
def test_python_blocks_are_sessions(document: str) -> None:
    """A `python` block is a session (>>>) whose output can be compared."""
    shown = [block for block in blocks(read(document)) if block.info[:1] == ("python",)]
    assert [] == [b.line for b in shown if not b.code.lstrip().startswith(">>> ")]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_python_sessions(document: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document's Python session prints what the document shows."""
    monkeypatch.chdir(ROOT)
    assert failures(session(document, read(document))) == ""


@pytest.mark.parametrize(
    ("command", "expected"),
    [pair for document in DOCUMENTS for pair in console(read(document))],
)
def test_console_blocks(command: str, expected: str) -> None:
    """A command at the prompt prints what the document shows."""
    program, *arguments = shlex.split(command)
    assert program == "overbar"
    result = subprocess.run(
        [sys.executable, "-m", "overbar", *arguments],
        check=False,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert expected.rstrip() == result.stdout.rstrip()


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("```python\n>>> x = 1\n```\n\n```python\n>>> x + 1\n2\n```\n", False),
        ("```python\n>>> 1 + 1\n3\n```\n", True),
        ("```python\n>>> undefined\n1\n```\n", True),
        ("```text\n>>> 1 + 1\n3\n```\n", False),
    ],
)
def test_sessions_are_compared(text: str, fails: bool) -> None:
    """Blocks share their names, and a wrong output is reported."""
    assert fails == bool(failures(session("planted", text)))


def test_console_blocks_are_read() -> None:
    """A console block splits into commands, each with its own output."""
    text = "```console\n$ overbar a\n1\n\n2\n$ overbar b\n3\n```\n"
    assert console(text) == [("overbar a", "1\n\n2"), ("overbar b", "3\n")]


@pytest.mark.parametrize("name", ["run", "test"])
def test_readme_has_its_commands(name: str) -> None:
    """README has one block for each of its two commands, a single line each."""
    found = [b.code for b in blocks(read("README.md")) if b.info == ("sh", name)]
    assert [1] == [len(code.replace("\\\n", "").splitlines()) for code in found]
