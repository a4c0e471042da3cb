"""Test hostile texts: refused or read as data, and that nothing executes."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from effort import within
from hypothesis import given
from hypothesis import strategies as st

from overbar.ir.errors import OverbarError
from overbar.ir.graph import Graph
from overbar.ir.source import Source
from overbar.read.text import read_text
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.exact import EXACT

if TYPE_CHECKING:
    from collections.abc import Iterator

REWRITE = Rewriter(EXACT)


def read(text: str) -> Graph:
    """Return the graph of a text."""
    graph = Graph(rewrite=REWRITE)
    read_text(Source("test.expr", text), graph)
    return graph


HOSTILE = [
    "__import__('os').system('touch owned')",
    "().__class__.__bases__[0].__subclasses__()",
    'f\'{__import__("os").system("touch owned")}\'',
    'f"""{open("owned", "w")}"""',
    "(x := __import__('os'))",
    "(lambda: open('owned', 'w'))()",
    "[open('owned', 'w') for _ in range(1)]",
    'exec(\'open("owned", "w")\')',
    "eval(compile('1', 'x', 'eval'))",
    "breakpoint()",
    "open('owned', 'w')",
    "import os",
    "from os import system",
    "def f(x=open('owned', 'w')): return x\nf()",
    "@open\ndef f(x): return x",
    "class X: pass",
    "x: open('owned', 'w')",
    "x: param[open('owned', 'w')]",
    "x: param = open('owned', 'w')",
    "\ufb01le: param\nfile",
    "\uff45\uff56\uff41\uff4c(x)",
    "\U0001d41e\U0001d431\U0001d41e\U0001d41c(x)",
    "x\0; import os",
    "x\nimport os\n",
    "x\rimport os",
    "x\u2028import os",
    "x  # \u202e import os",
    '"""doc"""; import os',
    '"""\n""" + open("owned")\nx',
    "x if open('owned') else y",
    "x.real.__class__",
    "%run owned",
    "!touch owned",
    "$(touch owned)",
    "`touch owned`",
    "{'a': open('owned')}",
    "*x, y = 1, 2",
    "try: x\nexcept: y",
    "with open('owned') as f: f",
    "async def f(): return 1",
    "global x",
    "assert x",
    "raise x",
    "print(x)",
    "__builtins__",
    "globals()",
    "\N{ZERO WIDTH NO-BREAK SPACE}\N{ZERO WIDTH NO-BREAK SPACE}x",
    "\\",
    "\\\n\\\n",
    "'" * 7,
    '"""\\"""',
]
DOCSTRING = '"""{x} %s \\x41 __import__("os").system("touch owned")"""\nx'

_RECORDED: list[str] = []
_RECORDING = [False]
_HARMLESS = ("object.", "sys._getframe", "gc.", "cpython.", "code.__new__")


def _record(event: str, args: tuple[Any, ...]) -> None:
    if _RECORDING[0] and not event.startswith(_HARMLESS):
        _RECORDED.append(f"{event} {args!r:.200}")


sys.addaudithook(_record)


@contextmanager
def recording() -> Iterator[list[str]]:
    """Record what the interpreter is asked to do: compile, open, import, start."""
    _RECORDED.clear()
    _RECORDING[0] = True
    try:
        yield _RECORDED
    finally:
        _RECORDING[0] = False


@pytest.fixture(scope="module")
def warm() -> None:
    """Load lark and its tables, and what messages need."""
    for text in ("x y", "x", "1 +", "x: parm\nx", "x^2", "\N{DIGIT ONE}\N{COMMA}"):
        refused(text)


def refused(text: str) -> bool:
    """Whether a text is refused, with a message that can be shown."""
    try:
        read(text)
    except OverbarError as error:
        return bool(str(error))
    return False


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_executes(text: str) -> None:
    """A hostile text is refused, and nothing was compiled, opened or started."""
    with recording() as events:
        found = refused(text)
    assert [] == events
    assert found


@pytest.mark.usefixtures("warm")
def test_docstrings_are_data() -> None:
    """A docstring is kept as it stands, whatever it says."""
    with recording() as events:
        graph = read(DOCSTRING)
    assert [] == events
    assert '{x} %s \\x41 __import__("os").system("touch owned")' == graph.doc


def test_the_hook_sees() -> None:
    """The audit hook would have seen code that runs and files that open."""
    with recording() as events:
        eval("1 + 1")  # noqa: S307 - this is what must be seen
        with open(__file__, encoding="utf-8"):  # noqa: PTH123 - and this
            pass
    assert {"compile", "exec", "open"} <= {event.split()[0] for event in events}


PIECES = [
    "x", "y", "lam", "pi", "e", "exp", "where", "max", "def", "return", "if", "else",
    "and", "or", "not", "for", "in", "lambda", "param", "data", "index", "f", "1",
    "2.5", "1e3", "10**9", "(", ")", "[", "]", "{", "+", "-", "*", "/", "//", "%", "**",
    "<", "<=", "==", "!=", "=", ":", ",", "@", "^", ".", ";", "\n", "\n    ", "\n  ",
    "\t", " ", "  ", "#", "\\\n", '"""', "'", "\r\n", "\0", "\u202e", "\u00e9",
    "\u00b2", "f(x)", "x: param", "y = x", "def f(x): return x", "\\",
]  # fmt: skip

VALID = """\
"doc"
x: param
lam: data = 1/3
def f(a, b):
    c = a*b  # note
    return c if a > b and not c == 1 else -c**2
y = f(x, lam) + max(1, x, 2.5e-1)
(y, where(0 < x <= 1, exp(x), 7 // 2 % 3))
"""


def check(text: str) -> None:
    """Read a text; it is read or refused, soon, with a message that can be shown."""
    with within(15_000 + 100 * len(text)):
        refused(text)


@pytest.mark.usefixtures("warm")
@given(st.text())
def test_any_text(text: str) -> None:
    """Any text is read or refused."""
    check(text)


@pytest.mark.usefixtures("warm")
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_pieces(text: str) -> None:
    """Any sequence of the language's pieces is read or refused."""
    check(text)


@pytest.mark.usefixtures("warm")
@given(st.data())
def test_any_damage(data: st.DataObject) -> None:
    """A valid text with a stretch replaced is read or refused."""
    start = data.draw(st.integers(0, len(VALID)))
    end = data.draw(st.integers(start, min(len(VALID), start + 12)))
    piece = data.draw(st.sampled_from(["", *PIECES]))
    check(VALID[:start] + piece + VALID[end:])


def test_valid() -> None:
    """The text that is damaged above is valid."""
    assert ["y", "out1"] == list(read(VALID).outputs)
