"""What the scheduler and the printer make of programs with many branches.

Every function is read as a syntax tree and run: compiled, plain, and node by node.
"""

from __future__ import annotations

import ast
import itertools

import numpy as np
import pytest
from random_programs import INPUTS, SYMBOLIC, draw, points, run
from read_source import asked_again, functions, repeated, unassigned, unread

import overbar as ob
from overbar.codegen.module import print_module
from overbar.codegen.schedule import DEEPEST_BRANCH
from overbar.derivation import Derivation

SINGLE = ("value", "grad", "value_and_grad", "hessian", "hvp", "jvp", "vjp")
SEVERAL = ("value", "jacobian", "jvp", "vjp")
EDGES = (0.0, 1.0, -0.3, 0.5, 1.1, -2.0)


def _compiled(seed, size=30, outputs=1, backend="reference"):
    symbols = [ob.param(n) for n in INPUTS]
    values = run(draw(seed, size), symbols, SYMBOLIC)
    formula = values[-1] if outputs == 1 else values[-outputs:]
    return ob.compile(formula, inputs=symbols, backend=backend)


def _sources(f, names):
    return [f.source, *(f.runtime.source(name) for name in names)]


@pytest.mark.parametrize("outputs", [1, 6])
@pytest.mark.parametrize("seed", range(40))
def test_generated_functions_read_well(seed, outputs):
    """Nothing is computed twice in a control region, read too early, or left unread."""
    f = _compiled(seed, outputs=outputs)
    for source in _sources(f, SINGLE if outputs == 1 else SEVERAL):
        found = functions(source)
        for name, function in found.items():
            if name in {*SINGLE, *SEVERAL, "forward", "backward"}:
                assert [] == unassigned(function, set(found))
                assert [] == repeated(function)
                assert [] == unread(function)


NESTED = """\
x: param
u = where(x > 0, x, 1)
where(x > 0, sqrt(u)*sin(u), where(x > 0, x, 2))
"""


def test_what_is_known_is_not_asked_again():
    """A choice inside the branch of its own condition is the operand chosen there."""
    f = ob.compile(NESTED, backend="python")
    for source in _sources(f, ("hessian", "hvp", "jvp")):
        for function in functions(source).values():
            assert [] == asked_again(function)
    lines = functions(f.source)["value"].body[1:]
    text = (
        "if x > 0:\n    out = np.sqrt(x) * np.sin(x)\nelse:\n    out = 2.0\nreturn out"
    )
    assert text == "\n".join(map(ast.unparse, lines))
    root, wave = 2.25**0.5, np.sin(2.25)
    value, grad = f.value_and_grad(2.25)
    assert root * wave == pytest.approx(value, rel=1e-14)
    assert wave / 2 / root + root * np.cos(2.25) == pytest.approx(grad.x, rel=1e-14)
    assert (2.0, (0.0,)) == f.value_and_grad(-1.0)


def test_the_reader_of_sources_finds_faults():
    """The checks above fail on functions that have the faults they look for."""
    faulty = (
        "def f(x):\n"
        "    if x > 0:\n"
        "        a = np.sin(x)\n"
        "    b = np.sin(x)*a\n"
        "    if np.sin(x) > 0:\n"
        "        c = 1\n"
        "    return b\n"
    )
    function = functions(faulty)["f"]
    assert ["np.sin(x)"] == repeated(function)
    assert ["a"] == unassigned(function, set())
    assert ["c"] == unread(function)


@pytest.mark.parametrize("seed", range(200, 230))
def test_plain_source_agrees_with_the_reference(seed):
    """Generated source, run as Python, gives what the graph gives node by node."""
    plain, slow = _compiled(seed, backend="python"), _compiled(seed)
    pairs = zip(points(seed, 3), itertools.permutations(EDGES, 3), strict=False)
    for point in itertools.chain.from_iterable(pairs):
        for call in ("value_and_grad", "hessian"):
            actual = np.hstack([*map(np.ravel, getattr(plain, call)(*point))])
            expected = np.hstack([*map(np.ravel, getattr(slow, call)(*point))])
            np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-12)
        _, saved = plain.forward(*point)
        np.testing.assert_array_equal(plain.backward(saved), plain.grad(*point))


@pytest.mark.parametrize("seed", range(300, 304))
def test_compiled_source_agrees_with_plain_source(seed):
    """Machine code gives the bits of the same source without Numba, batches too."""
    fast, plain = (_compiled(seed, backend=b) for b in ("numba", "python"))
    given = [*points(seed, 4), *itertools.permutations(EDGES, 3)][:20]
    expected = [np.hstack(plain.value_and_grad(*p)) for p in given]
    actual = [np.hstack(fast.value_and_grad(*p)) for p in given]
    np.testing.assert_array_equal(actual, expected)
    value, grad = fast.value_and_grad(*np.array(given).T)
    np.testing.assert_array_equal(np.stack([value, *grad], axis=-1), expected)


COND_IN_A_BRANCH = """\
t = max(x, x)**x
u = y if x > -0.3 else t**2*max(z, z)
x if u > 1.1 else t
"""


def test_a_branch_waits_for_its_condition():
    """What only one side needs is not computed before the condition is known.

    The condition comes out of another branch, and the side's own work is ready first.
    """
    graph = ob.compile(COND_IN_A_BRANCH, inputs=list(INPUTS)).graph
    entry = Derivation(graph, list(graph.inputs.values())).value_and_grad()
    source = print_module(entry.graph, [entry.program], "")
    found = functions(source)
    assert [] == unassigned(found["value_and_grad"], set(found))


def test_what_branches_share_is_set_before_them():
    """A variable computed in one branch and read after it starts at zero."""
    f = ob.compile(
        "u = sqrt(x)\nv = where(x > 0, u, 1)\nwhere(x > 0, u*y, 0) + v*sin(v)",
        inputs=["x", "y"],
        backend="python",
    )
    _, saved = f.forward(-1.0, 2.0)
    assert (0.0, 0.0) == f.backward(saved)


@pytest.mark.parametrize("depth", [3, DEEPEST_BRANCH, DEEPEST_BRANCH + 1, 60])
def test_deep_nests_run(depth):
    """Nests deeper than Python can indent are conditional expressions inside."""
    x = ob.param("x")
    formula = x
    for i in range(depth):
        formula = ob.where(x > i, formula * ob.sqrt(x - i), formula + 1.0)
    f = ob.compile(formula, backend="python")
    slow = ob.compile(formula, backend="reference")
    indents = [len(n) - len(n.lstrip()) for n in f.source.split("\n")]
    assert max(indents) <= 4 * (DEEPEST_BRANCH + 2)
    for point in (-1.0, 0.0, 2.5, 100.0):
        expected, slope = slow.value_and_grad(point)
        value, grad = f.value_and_grad(point)
        assert expected == pytest.approx(value, rel=1e-12)
        assert slope == pytest.approx(grad, rel=1e-12)


NAMES = (
    "np", "math", "njit", "out", "points", "k", "results", "inputs", "saved", "seed",
    "value", "grad", "t1", "t2_bar", "r0", "x_bar", "out_bar", "step", "amul", "abs",
    "float", "int", "range",
)  # fmt: skip


@pytest.mark.parametrize("outputs", [1, 2])
def test_names_collide_with_nothing(outputs):
    """Inputs may have any name that generated code uses itself."""
    terms = [f"max({n}, x)*sqrt({n})*{i + 1}" for i, n in enumerate(NAMES)]
    text = " + ".join(terms) if outputs == 1 else f"{terms[0]}, {' + '.join(terms)}"
    declared = "".join(f"{n}: param\n" for n in ("x", *NAMES))
    given = [1.5, *(2.0 + i for i in range(len(NAMES)))]
    plain = ob.compile(declared + text, backend="python")
    slow = ob.compile(declared + text, backend="reference")
    actual, expected = plain.jacobian(*given), slow.jacobian(*given)
    np.testing.assert_allclose(np.array(actual), np.array(expected), rtol=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_sources_do_not_depend_on_what_was_asked_before(seed):
    """Whatever is derived first, every module's text is the same."""
    names = [*SINGLE, "forward", "backward", "jacobian"]
    texts = []
    for turn in (1, -1):
        f = _compiled(seed, 20)
        if turn < 0:
            f.text()
        texts.append({n: f.runtime.source(n) for n in names[::turn]})
    assert texts[0] == texts[1]


LONG = [
    " + ".join(f"coefficient{i}*sin({i}*angle)" for i in range(1, 15)),
    "*".join(f"(first_factor_{i} + second_factor_{i})" for i in range(8)),
    "log(" + " + ".join(f"exp(exponent_{i})" for i in range(12)) + ")",
    "exp(a_third_name)*a_fourth_name if a_long_name > a_third_name else a_fifth_name",
]


@pytest.mark.parametrize("text", LONG)
def test_long_lines_are_broken(text):
    """Lines of code stay within 88 columns."""
    f = ob.compile(text)
    for source in _sources(f, ["hessian", "jvp", "vjp"]):
        code = source.split('"""', 2)[2]  # the header holds the user's text as it is
        assert [] == [line for line in code.split("\n") if len(line) > 88]
