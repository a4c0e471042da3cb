"""Every function on arrays at sizes of one and of nothing, against JAX and our source.

Value, gradient, tangent and Hessian product of a sum of sines: JAX's, and those of the
generated functions, whose arguments lie in memory that is not contiguous.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from array_cases import CASES, NAMED, Ours, Theirs, sizes, type_of, value_of

from overbar.derivation import Derivation
from overbar.ir.graph import Graph
from overbar.ir.ops import apply
from overbar.ir.types import DTYPES
from overbar.levels import rewrite_for
from tests.arrays import subjects
from tests.arrays.subjects import close, derivatives, tame, total
from tests.arrays.test_loops import flat, load
from tests.arrays.test_random_doors import scattered

SIZES = {
    "some": sizes(3, 4, 2), "one": sizes(1, 1, 1), "no m": sizes(0, 4, 2),
    "no n": sizes(3, 0, 2),
}  # fmt: skip
DATA = ("#", "?", "%")
SMOOTH = [c for c in CASES if any(t[0] not in DATA for t in c[2])]
"""Formulas with a float among their operands."""


class Subject:
    """Hold a formula's sum of sines as a graph, and what it is called with."""

    def __init__(self, formula, operands, d, dtype="float64"):
        rng = np.random.default_rng(11)
        rewrite = rewrite_for("standard")
        self.graph = graph = Graph(real=DTYPES[dtype], rewrite=rewrite)
        self.nodes = [
            graph.input(
                f"x{k}", "data" if t[0] in DATA else "param", type_of(t, NAMED, dtype)
            )
            for k, t in enumerate(operands)
        ]
        graph.input("sizes", "data", type_of("mnk", NAMED))
        self.values = [value_of(t, d, rng, dtype) for t in operands]
        self.given = [*self.values, np.zeros((d.m, d.n, d.k))]
        self.out = formula(Ours(graph), NAMED, *self.nodes)
        self.wrt = [n for n in self.nodes if n.type.is_float]
        self.places = [k for k, n in enumerate(self.nodes) if n.type.is_float]
        self.dots = [
            rng.standard_normal(np.shape(self.values[k])).astype(dtype)
            for k in self.places
        ]
        waves = apply("sin", self.out)
        axes = tuple(range(len(waves.type.shape)))
        graph.outputs["J"] = graph.make("sum", (waves,), (axes,)) if axes else waves

    def derived(self):
        """Return value, gradient, tangent and Hessian product by the reference."""
        given = dict(zip(self.graph.inputs, self.given, strict=True))
        with np.errstate(all="ignore"):
            return derivatives(self.graph, self.wrt, given, self.dots)


def subject_of(formula, operands, size, **options):
    """Return the subject at a size; skip the test where there is no real value."""
    subject = Subject(formula, operands, SIZES[size], **options)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of means over nothing
            value = formula(Theirs(), SIZES[size], *subject.values)
    except (ValueError, IndexError, ZeroDivisionError) as error:
        pytest.skip(f"NumPy has no value there: {error}")
    if not np.isfinite(value).all():
        pytest.skip("the value is no number: a mean of nothing, say")
    if not subject.out.type.is_float:
        pytest.skip("the value is no float")
    return subject


WITHOUT = {"logsumexp", "norm, largest", "index, from the end"}
"""What our reference has no value of over nothing, or a call refuses before."""
PLACES = [
    (size, *case)
    for size in SIZES
    for case in SMOOTH
    if "no" not in size or case[0].rpartition("-")[0] not in WITHOUT
]


@pytest.mark.parametrize(
    ("size", "name", "formula", "operands"),
    PLACES,
    ids=[f"{p[0]}-{p[1]}" for p in PLACES],
)
def test_source(size, name, formula, operands):
    """Generated functions give what the reference does, from scattered memory.

    And <w, J v> is <J^T w, v>.
    """
    if name == "repeat-2":
        pytest.skip("its constant array is handed over by what calls the source")
    subject = subject_of(formula, operands, size)
    expected = subject.derived()
    assert tame(expected)
    count = len(subject.wrt)
    if not name.startswith("stop_gradient"):
        along = total(subject.dots, expected[1 : 1 + count])
        close(expected[1 + count], along)
    again = Subject(formula, operands, SIZES[size])
    derivation = Derivation(again.graph, again.wrt)
    entries = [derivation.value_and_grad(), derivation.jvp(), derivation.hvp()]
    given = [scattered(v, k % 3) for k, v in enumerate(again.given)]
    dots = [scattered(v, (k + 1) % 3) for k, v in enumerate(again.dots)]
    with np.errstate(all="ignore"):
        own = load(*entries)
        found = own["value_and_grad"](*given), own["jvp"](*given, *dots)
        close(flat([*found, own["hvp"](*given, *dots)]), expected)


LOWER = {"cholesky", "eigvalsh", "eigh"}
"""What reads the lower triangle: JAX gives its adjoint to both triangles in halves."""


ASKED = [p for p in PLACES if p[0] != "no n"]
"""JAX has no derivative of the determinant of an empty matrix."""


@pytest.mark.skipif(not subjects.HAS_JAX, reason=subjects.NO_JAX)
@pytest.mark.parametrize(
    ("size", "name", "formula", "operands"),
    ASKED,
    ids=[f"{size}-{name}" for size, name, *_ in ASKED],
)
def test_jax(size, name, formula, operands):
    """Value, gradient, tangent and Hessian product are JAX's."""
    from tests.arrays.test_array_jax import known

    if not known(name, operands) or name.rpartition("-")[0] in LOWER:
        pytest.skip("JAX lacks it or defines it otherwise")
    subject = subject_of(formula, operands, size)
    expected = by_jax(formula, SIZES[size], subject)
    if not tame(expected):
        pytest.skip("JAX has NaN at the kink of a norm")
    close(subject.derived(), expected, 1e-8)


@pytest.mark.skipif(not subjects.HAS_JAX, reason=subjects.NO_JAX)
@pytest.mark.parametrize(
    ("name", "formula", "operands"), SMOOTH, ids=[c[0] for c in SMOOTH]
)
def test_jax_in_single_precision(name, formula, operands):
    """The same in float32, by JAX in float64 at the same numbers."""
    from tests.arrays.test_array_jax import known

    if not known(name, operands) or name.rpartition("-")[0] in LOWER:
        pytest.skip("JAX lacks it or defines it otherwise")
    subject = subject_of(formula, operands, "some", dtype="float32")
    found = subject.derived()
    assert {np.dtype("float32")} == {np.asarray(v).dtype for v in found}
    subject.values = [v.astype(float) if v.dtype.kind == "f" else v
                      for v in map(np.asarray, subject.values)]  # fmt: skip
    subject.dots = [np.asarray(v, float) for v in subject.dots]
    close(found, by_jax(formula, SIZES["some"], subject), 2e-3)


def by_jax(formula, d, subject):
    """Return value, gradient, tangent and Hessian product by JAX."""
    import jax
    import jax.numpy as jnp
    from jaxprs import call

    from tests.arrays.test_array_jax import Jaxs

    at = tuple(subject.values[k] for k in subject.places)

    def loss(*moved):
        values = dict(enumerate(subject.values)) | dict(
            zip(subject.places, moved, strict=True)
        )
        return jnp.sum(jnp.sin(formula(Jaxs(), d, *values.values())))

    def both(point, along):
        every = tuple(range(len(at)))
        return jax.jvp(jax.value_and_grad(loss, every), point, along)

    with jax.disable_jit():
        (value, bars), (dot, moved) = call(both, at, tuple(subject.dots))
    return [value, *bars, dot, *moved]
