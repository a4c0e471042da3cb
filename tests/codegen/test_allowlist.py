"""Check that a generated module can hold mathematics and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from overbar.codegen import allowlist
from overbar.ir.errors import OverbarError
from overbar.ir.ops import portable

GOOD = '''"""Value of x*exp(-x)."""

import math

import numpy as np
from numba import njit

compiled = njit(cache=True, error_model="numpy", nogil=True)
_TABLE = (0.5, -0.25, 1e-300)


@njit(cache=True, error_model="numpy", nogil=True)
def value(x, n=2):
    """Return the value."""
    t = x if x > 0.0 and not np.isnan(x) else -math.inf
    for k in range(n):
        t += x * _TABLE[k] ** 2
    while t > 1.0:
        if t < 5.0:
            break
        t /= 2.0
    out = np.zeros((n, 3))
    out[0, 1:] = t
    return t * np.exp(-x), out.shape[0], abs(x), float(n), None


@compiled
def again(x):
    """Return the value again."""
    return value(x)
'''

BODY = "import numpy as np\ndef f(x):\n    {}\n"
# What stands at the start: a statement that has no business in a generated module, and
# what the message must name.
HOSTILE = (
    ("import os", "os"),
    ("import os as math", "os"),
    ("import numpy.ctypeslib", "numpy.ctypeslib"),
    ("import subprocess, math", "subprocess"),
    ("from os import system", "os"),
    ("from . import x", "."),
    ("from ..math import exp", "..math"),
    ("from numpy import load", "numpy.load"),
    ("from numpy import *", "numpy.*"),
    ("from math import gamma", "math.gamma"),
    ("from numba import jit", "numba.jit"),
    ("import math as __builtins__", "__builtins__"),
    ("import numpy as np\ndef f(np):\n    return np.sin(1.0)", "np = ..."),
    ("import numpy as np\nnp = 1", "np = ..."),
    ("print(1)", "a call"),
    ("x = open('f')", "a call"),
    ("__import__('os')", "a call"),
    ("def f(x=print(1)):\n    return x", "a call"),
    ("def f(x: print(1)):\n    return x", "a call"),
    ("def f(x) -> print(1):\n    return x", "a call"),
    ("def f(*, x=print(1)):\n    return x", "a call"),
    ("@print\ndef f(x):\n    return x", "print"),
    ("@njit(print(1))\ndef f(x):\n    return x", "njit(print(1))"),
    ("@njit(cache=print(1))\ndef f(x):\n    return x", "njit(cache=print(1))"),
    ("@njit(pipeline_class=None)\ndef f(x):\n    return x", "pipeline_class"),
    ("@njit(**{})\ndef f(x):\n    return x", "Dict"),
    ("from numba import prange as njit", "njit"),
    ("from numba import njit\ndef njit(f):\n    return f", "njit = ..."),
    ("from numba import njit\nc = njit(print(1))", "a call"),
    ("from numba import njit\nc = njit(cache=print(1))", "a call"),
    ("from numba import njit\nc = njit(pipeline_class=1)", "a call"),
    ("from numba import njit\nc = njit(cache=True)(print)", "a call"),
    ("from numba import njit\nc[0] = njit(cache=True)", "a call"),
    ("from numba import njit\nc = njit(cache=True)\nc = abs", "c = ..."),
    ("from numba import njit\nc = njit(cache=True)\ndef c(f):\n    return f", "c ="),
    ("@c\ndef f(x):\n    return x\nc = abs", "c"),
    ("class A:\n    pass", "ClassDef"),
    ("async def f():\n    return 1", "AsyncFunctionDef"),
    ("f = lambda: 1", "Lambda"),
    ("x = [y for y in range(3)]", "ListComp"),
    ("x = {1: 2}", "Dict"),
    ("x = f'{1}'", "JoinedStr"),
    ("x = b'a'", "bytes"),
    ("x = 1j", "complex"),
    ("(x := 1)", "NamedExpr"),
    ("for i in (1, 2):\n    x = i", "For"),
    ("while True:\n    pass", "While"),
    ("if True:\n    import os", "If"),
    ("try:\n    pass\nexcept ValueError:\n    pass", "Try"),
    ("with open('f') as g:\n    pass", "With"),
    ("assert True", "Assert"),
    ("raise SystemExit", "Raise"),
    ("del x", "Del"),
    ("global x", "Global"),
    ("x = 1\nx", "x"),
    ("__builtins__ = 1", "__builtins__"),
    ("def __getattr__(name):\n    return 1", "__getattr__"),
    ("def f(__x):\n    return 1", "__x"),
    ("x = eval", "eval"),
    ("x = getattr", "getattr"),
    ("x = \uff45\uff56\uff41\uff4c", "eval"),  # fullwidth letters, NFKC to eval
    ("_\ufe4dx = 1", "__x"),  # look-alikes, NFKC to underscores
    ("x = 1 # \u202e tfel ot thgir", "202e"),
    ("x = 1 # \u2066 isolate", "2066"),
    ("x = 1 # \u200b zero width", "200b"),
    ("x = 1\x00", "x00"),
    ("x = 1\x0cimport os", "x0c"),
    ("x = 1\rimport os", "r"),
    ("x = 1 # \u2028import os", "2028"),
    ("x = '\ud800'", "ud800"),
    ("x =", "invalid syntax"),
    ("x = " + "(" * 300 + "1" + ")" * 300, "parentheses"),
    (BODY.format("return np.load(x)"), "load"),
    (BODY.format("return np.lib"), "lib"),
    (BODY.format("return np.__dict__"), "__dict__"),
    (BODY.format("return np.ctypeslib.load_library(x)"), "load_library"),
    (BODY.format("return x.__class__"), "__class__"),
    (BODY.format("return (1).__class__.__base__"), "__base__"),
    (BODY.format("return x.tofile(x)"), "tofile"),
    (BODY.format("return '{0.__class__}'.format(x)"), "format"),
    (BODY.format("x.shape = 1"), "shape"),
    (BODY.format("return open(x)"), "open"),
    (BODY.format("return exec(x)"), "exec"),
    (BODY.format("return globals()"), "globals"),
    (BODY.format("return __import__(x)"), "__import__"),
    (BODY.format("return f.__globals__"), "__globals__"),
    (BODY.format("import os"), "Import"),
    (BODY.format("def g(): return 1"), "FunctionDef"),
    (BODY.format("yield x"), "Yield"),
    (BODY.format("x(*x)"), "Starred"),
    (BODY.format("x @ x"), "x @ x"),
    (BODY.format("x" + " + x" * 1000), "x + x + x"),
    ("@f" + ".f" * 1000 + "\ndef f(x):\n    return x", "@f.f.f"),
)


def test_accepts_what_the_printers_write() -> None:
    """A module of assignments, branches, loops and listed functions passes."""
    assert ast_names(GOOD) == ["value", "again"]


@pytest.mark.parametrize(
    "path", sorted(Path(portable.__file__).parent.glob("port*.py"))
)
def test_accepts_the_portable_functions(path: Path) -> None:
    """The functions that generated modules carry with them pass as they stand."""
    assert allowlist.check(path.read_text()).body


@pytest.mark.parametrize(("source", "found"), HOSTILE)
def test_refuses(source: str, found: str) -> None:
    """Whatever else stands in a module is refused, and named."""
    with pytest.raises(OverbarError, match=r"^expected .* in the generated module, fo"):
        allowlist.check(source)
    with pytest.raises(OverbarError) as caught:
        allowlist.check(source)
    assert found in str(caught.value).partition(", found ")[2]


def test_names_the_line() -> None:
    """The message says what was expected, what was found and where."""
    with pytest.raises(OverbarError) as caught:
        allowlist.check(GOOD + "    x = np.load(x)\n")
    assert str(caught.value) == (
        "expected a listed attribute of numpy in the generated module, "
        "found load (line 31)"
    )


AUDIT = """
import json, sys, unicodedata
from overbar.codegen import load
from overbar.ir.errors import OverbarError
seen, watching = [], False
def hook(event, args):
    if watching:
        seen.append(event if event != "open" else f"open {args[0]} {args[1]}")
sys.addaudithook(hook)
accepted = []
for source in json.load(open(sys.argv[1])):
    for load_one in (load.load_module, load.load_plain):
        watching = True
        try:
            load_one(source, "hostile")
            accepted.append(source)
        except OverbarError:
            pass
        watching = False
print(json.dumps([sorted(set(seen)), accepted]))
"""


def test_nothing_of_a_refused_module_runs(tmp_path: Path) -> None:
    """An audit hook sees the parser at work on hostile modules, and nothing else.

    No import, no file, no execution: not even the cache folder is touched.
    """
    listing = tmp_path / "hostile.json"
    listing.write_text(json.dumps([source for source, _ in HOSTILE]))
    command = [sys.executable, "-c", AUDIT, str(listing)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # For the text of a syntax error Python looks for the file `<unknown>`.
    parser = ["builtins.id", "compile", "open <unknown> rb"]
    assert json.loads(done.stdout) == [parser, []]


def ast_names(source: str) -> list[str]:
    """Return the names of the functions in a checked module."""
    tree = allowlist.check(source)
    return [node.name for node in tree.body if hasattr(node, "args")]
