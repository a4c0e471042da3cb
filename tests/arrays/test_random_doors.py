"""Random programs on arrays are the same whichever way they are written."""

from __future__ import annotations

from typing import Any

import array_index_form as by_elements
import array_programs as programs
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import overbar as ob
from tests.arrays.subjects import Subject, close, drawn, tame

SEEDS = st.integers(0, 2**32)


def structures(*graphs: Any) -> list[list[int]]:
    """Return numbers of the graphs' outputs, equal for equal formulas.

    Operands of sums and products, which stand in the order made, may be swapped.
    """
    numbers: dict[Any, int] = {}

    def outputs(graph: Any) -> list[int]:
        own: dict[Any, int] = {}
        for node in graph.order(list(graph.outputs.values())):
            args = [own[a] for a in node.args]
            args = sorted(args) if node.op.commutative else args
            attrs = tuple((type(a), str(a)) for a in node.attrs)
            key = node.op.name, tuple(args), attrs, node.type
            own[node] = numbers.setdefault(key, len(numbers))
        return [own[node] for node in graph.outputs.values()]

    return [outputs(graph) for graph in graphs]


@settings(max_examples=300)
@given(SEEDS)
def test_text_python_and_functions_make_one_graph(seed: int) -> None:
    """The language, NumPy's functions on formulas, and traced functions agree."""
    program = drawn(seed, wide=seed % 2 == 0)
    inputs = programs.inputs_of(program)
    shapes = {e.name: e for e in inputs}

    def python(*, named: bool) -> list[ob.CompiledFunction]:
        formula = programs.formula_of(program, inputs, named=named)
        function = programs.function_of(program, named=named)
        return [ob.compile(formula, inputs=inputs), ob.compile(function, inputs=shapes)]

    text = ob.compile(programs.text_of(program))
    first, *rest = structures(*(f._graph for f in (text, *python(named=True))))
    assert [first] * 2 == rest
    graph, _ = programs.graph_of(program)
    first, *rest = structures(graph, *(f._graph for f in python(named=False)))
    assert [first] * 2 == rest


def scattered(x: Any, kind: int) -> Any:
    """Return an array's values in memory that is not contiguous."""
    if not np.ndim(x):
        return x
    if kind == 0:
        return np.asfortranarray(x)
    if kind == 1:
        return np.flip(np.flip(x).copy())
    wide = np.full([2 * n + 1 for n in x.shape], 7, x.dtype)
    part = wide[tuple(slice(1, 2 * n, 2) for n in x.shape)]
    part[...] = x
    return part


def through_the_door(seed: int, steps: int, backend: str) -> None:
    """Compare a text's functions with the reference, arrays lying anyhow in memory."""
    subject = Subject(seed, steps, wide=seed % 2 == 0)
    with np.errstate(all="ignore"):
        expected = subject.derived()
    assume(tame(expected))
    wrt = [node.attrs[0] for node in subject.wrt]
    f = ob.compile(programs.text_of(subject.program), wrt=wrt, backend=backend)
    given = [scattered(v, (seed + k) % 3) for k, v in enumerate(subject.given)]
    dots = [scattered(v, (seed + k + 1) % 3) for k, v in enumerate(subject.dots)]
    count = len(dots)
    value, grad = f.value_and_grad(*given)
    close([value, *grad, f.jvp(given, dots)], expected[: count + 2])
    close(list(f.hvp(given, dots)), expected[count + 2 :])


@settings(max_examples=80)
@given(SEEDS)
def test_arguments_lie_anyhow_in_memory(seed: int) -> None:
    """Strides of any sign and order change no result."""
    through_the_door(seed, 8, "python")


@settings(max_examples=5)
@given(SEEDS)
def test_arguments_lie_anyhow_in_memory_for_numba(seed: int) -> None:
    """The same where Numba compiled."""
    through_the_door(seed, 4, "numba")


@settings(max_examples=120)
@given(SEEDS)
def test_index_form(seed: int) -> None:
    """What is written by elements has the value and gradient of the vector form."""
    program = drawn(seed, 6, wide=seed % 2 == 0)
    text, written = by_elements.text_of(program)
    assume(written)
    forms = [
        ob.compile(t, backend="reference") for t in (text, programs.text_of(program))
    ]
    params, _, indices = programs.values_of(program, seed)
    given = programs.arguments(program, params, indices)
    (value, grad), (expected, slopes) = (f.value_and_grad(*given) for f in forms)
    assume(tame([expected, *slopes]))
    close([value, *grad], [expected, *slopes])


HEAD = "x: data[m, n]\ny: data[n]\nz: data[k, m, n]\nw: index[k]\n"
REDUCTIONS = ("sum", "prod", "max", "min", "logsumexp")
FORMS = [
    *((f"r[i] = {f}(x[i, j] for j in n)", f"{f}(x, axis=1)") for f in REDUCTIONS),
    *((f"r[i] = {f}(x[j, i] for j in m)", f"{f}(x, axis=0)") for f in REDUCTIONS),
    *(
        (f"r[i] = {f}(z[j, l, i] for j in k for l in m)", f"{f}(z, axis=(0, 1))")
        for f in REDUCTIONS
    ),
    *(
        (f"r[i, j] = {f}(z[l, j, i] for l in k)", f"{f}(z, axis=0).T")
        for f in REDUCTIONS
    ),
    *((f"r = {f}(x[i, j] for j in n for i in m)", f"{f}(x)") for f in REDUCTIONS),
    *((f"r[i] = {f}(x[i])", f"{f}(x, axis=1)") for f in REDUCTIONS),
    ("r[i] = sum(x[i, j]*y[j] for j in n)", "x @ y"),
    ("r[i, j] = sum(x[i, l]*z[j, o, l] for l in n for o in m)",
     "einsum('il,jol->ij', x, z)"),
    ("r[i, j] = sum(x[l, i]*x[l, j] for l in m)", "x.T @ x"),
    ("r = sum(x[i, j]*x[i, j] for i in m for j in n)", "sum(x*x)"),
    ("r[i, j] = x[j, i]", "x.T"),
    ("r[i, j] = x[i, j]*y[j]", "x*y"),
    ("r[i, j, l] = z[i, j, l] + x[j, l]", "z + x"),
    ("r[i, j] = exp(x[i, j] - y[j])", "exp(x - y)"),
    ("r[i, j, l] = x[j, l] for i in k", "broadcast_to(x, (k, m, n))"),
    ("r[i] = y[i + 1] - y[i]", "y[1:] - y[:-1]"),
    ("r[i] = y[2*i]", "y[::2]"),
    ("r[i, j] = where(x[i, j] > 0, y[j], 0)", "where(x > 0, y, 0)"),
]  # fmt: skip


@pytest.mark.parametrize(("elements", "whole"), FORMS, ids=[f[0] for f in FORMS])
def test_recognised(elements: str, whole: str) -> None:
    """Reductions, contractions and broadcasts by elements are those of the whole."""
    f, g = (ob.compile(f"{HEAD}{t}\nr") for t in (elements, f"r = {whole}"))
    found, expected = structures(f._graph, g._graph)
    assert expected == found
