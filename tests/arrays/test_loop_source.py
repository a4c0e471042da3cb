"""Generated loops hold nothing twice and nothing in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from read_loops import dead, varying
from read_source import functions, repeated

from overbar.codegen.module import print_module
from overbar.derivation import Derivation
from tests.arrays.formulas import FORMULAS, graph_of

if TYPE_CHECKING:
    import ast

    from overbar.entry import Entry

ENTRIES = ("value_and_grad", "jvp", "hvp", "forward", "backward")
AGAIN = {
    ("gather", "forward"): ["i % 3"],
    ("gather_columns", "forward"): ["i % 3"],
    ("picked", "forward"): ["wrap(i, m)", "wrap(t1_i, n)"],
    ("untaken", "hvp"): ["amul(s_dot, t12)"],
    ("scalar_condition", "hvp"): ["1 / t6"],
    ("distances", "hvp"): [
        "t1[j] == t2", "np.float64(t1[j] == t2)", "np.float64(t1[j] == t2) / t3"
    ],
    ("pairs", "hvp"): [
        "np.sin(t1_i)", "np.cos(t1_i)", "np.cos(t1_i)", "t14 * np.cos(t1_i)"
    ],
}  # fmt: skip
"""What is still computed twice: in an element that is stored and read at once, in two
branches, and in two loops inside of one."""


def function(entry: Entry) -> ast.FunctionDef:
    """Return an entry's function, read back from its source."""
    source = print_module(entry.graph, [entry.program], "test")
    return functions(source)[entry.program.name]


@pytest.mark.parametrize("name", FORMULAS)
def test_nothing_is_computed_twice_or_in_vain(name: str) -> None:
    """No value twice, none anew in each turn of a loop, no array that nobody reads."""
    graph, inputs = graph_of(FORMULAS[name])
    derivation = Derivation(graph, inputs)
    for entry in ENTRIES:
        own = function(getattr(derivation, entry)())
        assert repeated(own) == AGAIN.get((name, entry), [])
        assert varying(own) == []
        given = {a.arg for a in own.args.args}
        assert [n for n in dead(own) if n not in given] == []


BAD = """
def f(x, s):
    n = x.shape[0]
    a = np.empty(n)
    b = np.empty(n)
    for i in range(n):
        a[i] = np.exp(x[i]) + np.sin(s)
        t = np.exp(x[i])
        x[i] = t
        u = np.exp(x[i])
        b[i] += 1.0
    return a
"""


def test_what_is_bad_is_seen() -> None:
    """The readers find a repeated value, a constant one and an array nobody reads."""
    own = functions(BAD)["f"]
    assert repeated(own) == ["np.exp(x[i])"]
    assert varying(own) == ["np.sin(s)"]
    assert dead(own) == ["b", "u"]
