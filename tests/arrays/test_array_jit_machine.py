"""Machine code over arrays that is called inside of the user's own compiled code."""

from __future__ import annotations

import sys

import numba
import numpy as np
import pytest

import overbar as ob
from overbar.codegen.entry import callable_entry
from overbar.codegen.jitarrays import ArrayCaller
from overbar.derivation import Derivation
from overbar.jitting import callee
from overbar.runtime import Runtime
from tests.arrays.subjects import Subject
from tests.arrays.test_machine_arrays import SMOOTH, derived, drawn, flat

LONG = ("solve", "eig", "inv", "svd", "slogdet", "logdet", "cholesky", "pinv")
"""What Numba takes many seconds for."""
SOME = [c for c in SMOOTH if not c[0].startswith(LONG)][5::12]
GENERATED = "overbar.codegen.generated."


def entry_of(derivation, backend, name="value_and_grad"):
    """Return an entry point as Numba code calls it, and what emits the call."""
    runtime = Runtime(derivation, "test", backend)
    runtime.accuracy = "strict" if derivation.graph.strict else "standard"
    made = callee(runtime, name)
    return callable_entry(made), made.code


def kind_of(entry):
    """Return the type of what a Numba function returned last."""
    return str(entry.nopython_signatures[-1].return_type)


def same_bits(ours, numbas, values):
    """Fail unless two functions return the same bits, of the same Numba types."""
    for found, expected in zip(flat(ours(*values)), flat(numbas(*values)), strict=True):
        np.testing.assert_array_equal(found, expected, strict=True)
    assert kind_of(numbas) == kind_of(ours)


@pytest.mark.parametrize(
    ("formula", "operands"), [c[1:] for c in SOME], ids=[c[0] for c in SOME]
)
def test_agrees_with_the_generated_source(formula, operands):
    """Value and gradient have the bits and types that Numba's code gives, strictly."""
    derivation = derived(formula, operands, "strict")
    if derivation is None:
        return
    values = drawn(operands)
    ours, code = entry_of(derivation, "auto")
    assert isinstance(code, ArrayCaller)
    same_bits(ours, entry_of(derivation, "numba")[0], values)


ENTRIES = ["value", "forward", "value_and_grad", "jvp", "hvp", "jacobian", "hessian"]


@pytest.mark.parametrize("seed", [4, 8])
@pytest.mark.parametrize("name", ENTRIES)
def test_programs(seed, name):
    """Every entry point of random programs gives the bits of Numba's code."""
    subject = Subject(seed)
    subject.graph.strict = True
    derivation = Derivation(subject.graph, subject.wrt)
    ours, code = entry_of(derivation, "auto", name)
    assert isinstance(code, ArrayCaller)
    values = [*subject.given, *(subject.dots if name in {"jvp", "hvp"} else ())]
    same_bits(ours, entry_of(derivation, "numba", name)[0], values)


SINGLE = {
    "a vector": lambda x, y: np.exp(x) * y,
    "numbers": lambda x, y: (np.sum(np.tanh(x)), y * y, ob.logsumexp(x)),
    "an input": lambda x, y: (x, y),
}


@pytest.mark.parametrize("accuracy", ["strict", "standard"])
@pytest.mark.parametrize("formula", SINGLE.values(), ids=SINGLE)
def test_single_precision(formula, accuracy):
    """float32 arrays and numbers are those that Numba's code gives."""
    x, y = ob.param("x", ("n",), dtype="float32"), ob.param("y", dtype="float32")
    f, g = (
        ob.compile(formula(x, y), inputs=[x, y], accuracy=accuracy, backend=backend)
        for backend in ("auto", "numba")
    )
    values = np.linspace(-1, 2, 5, dtype=np.float32), np.float32(0.7)
    same_bits(f.jit.value, g.jit.value, values)
    same_bits(f.jit.jacobian, g.jit.jacobian, values)


def test_no_generated_source_is_compiled():
    """`f.jit` over arrays prints no Python source, and has Numba compile none."""
    f = ob.compile("W: param[m, n]\nx: data[n]\nsum(tanh(W @ x)*1.0625)")
    before = {name for name in sys.modules if name.startswith(GENERATED)}
    value, (slope,) = f.jit.value_and_grad(np.eye(2), np.zeros(2))
    after = {name for name in sys.modules if name.startswith(GENERATED)}
    assert before == after
    assert value == 0.0
    np.testing.assert_array_equal(slope, np.zeros((2, 2)))


ERRORS = {
    "place": ("x: param[n]\nk: index\nx*x[k]", (np.ones(3), 3), IndexError),
    "matrix": ("x: param[n, n]\nk: index\ncholesky(x)*k", (-np.eye(2), 1),
               np.linalg.LinAlgError),
}  # fmt: skip


@pytest.mark.parametrize(("text", "args", "error"), ERRORS.values(), ids=ERRORS)
def test_what_a_core_refuses(text, args, error):
    """What a core refuses is raised in compiled code, as by Numba's own."""
    inner = ob.compile(text).jit.value

    @numba.njit
    def outer(x, k):
        return inner(x, k)

    for function in (outer, inner, ob.compile(text, backend="numba").jit.value):
        with pytest.raises(error):
            function(*args)

    @numba.njit
    def caught(x, k):
        try:
            return inner(x, k)[0]
        except Exception:  # noqa: BLE001 - all that Numba knows
            return -x[0]

    np.testing.assert_array_equal(-args[0][0], caught(*args))


def test_no_memory_is_lost_where_a_core_refuses():
    """Arrays made for results are freed; what Numba loses is what callers gave."""
    from numba.core.runtime import _nrt_python, rtsys

    text, args, error = ERRORS["place"]
    inner = ob.compile(text).jit.value

    @numba.njit
    def outer(x, k):
        return inner(x, k)

    @numba.njit
    def raising(*given):
        if given[1] == len(given[0]):
            raise IndexError
        return given[0]

    @numba.njit
    def plain(x, k):
        return raising(x, k)

    lost = []
    _nrt_python.memsys_enable_stats()
    for function in (plain, outer):
        with pytest.raises(error):
            function(*args)
        before = rtsys.get_allocation_stats()
        for _ in range(10):
            with pytest.raises(error):
                function(*args)
        after = rtsys.get_allocation_stats()
        lost.append(after.alloc - before.alloc - after.free + before.free)
    _nrt_python.memsys_disable_stats()
    assert lost[0] == lost[1]


def test_parallel_loops():
    """Loops over all cores get what single calls get, arrays of their own."""
    f = ob.compile("W: param[m, n]\nx: data[n]\nsum(tanh(W @ x))")
    run = f.jit.value_and_grad

    @numba.njit(parallel=True)
    def many(W, xs):
        out = np.empty((len(xs), *W.shape))
        for i in numba.prange(len(xs)):
            value, (gradient,) = run(W, xs[i])
            out[i] = value * gradient
        return out

    rng = np.random.default_rng(0)
    W, xs = rng.normal(size=(3, 4)), rng.normal(size=(50, 4))
    expected = [v * g for v, (g,) in (run(W, x) for x in xs)]
    np.testing.assert_array_equal(many(W, xs), expected)
