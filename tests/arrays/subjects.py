"""Hold a random program with its derivatives by Overbar's rules, and by JAX's."""

from __future__ import annotations

import importlib.util
import random
from typing import TYPE_CHECKING, Any

import array_programs as programs
import numpy as np
from array_namespaces import Theirs
from array_steps import BASE_OFTEN
from array_wide_steps import WIDE_OFTEN

from overbar.derive.forward import forward
from overbar.derive.reverse import reverse
from overbar.ir.evaluate import evaluate
from overbar.ir.verify import verify
from tests.arrays.test_loops import flat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.ir.graph import Graph, Node

HAS_JAX = importlib.util.find_spec("jax") is not None
HUGE = 1e6
NO_JAX = "JAX is a peer, not a dependency"


def drawn(seed: int, steps: int = 8, *, wide: bool = False) -> programs.Program:
    """Return the program of a seed, of the first table of steps or of both."""
    often = WIDE_OFTEN if wide else BASE_OFTEN
    return programs.draw(random.Random(seed), steps, often)  # noqa: S311 - no secrets


def close(found: Any, expected: Any, rtol: float = 1e-9) -> None:
    """Fail unless results agree in shape, and in value to rounding."""
    for a, b in zip(flat(found), flat(expected), strict=True):
        assert np.shape(a) == np.shape(b)
        scale = rtol * (1 + np.max(np.abs(b), initial=0))
        np.testing.assert_allclose(a, b, rtol=rtol, atol=scale)


def tame(values: Any) -> bool:
    """Whether all elements of all results are finite, and none is huge."""
    return all(np.max(np.abs(v), initial=0) < HUGE for v in flat(values))


def total(tangents: Any, adjoints: Any) -> float:
    """Return the sum of products."""
    return sum(float(np.sum(a * b)) for a, b in zip(tangents, adjoints, strict=True))


class Subject:
    """Hold a program, its loss's graph and what it is called with."""

    def __init__(
        self, seed: int, steps: int = 8, *, wide: bool = False, dtype: str = "float64"
    ) -> None:
        self.program = drawn(seed, steps, wide=wide)
        self.params, self.dots, self.indices = programs.values_of(
            self.program, seed, dtype
        )
        self.graph, self.wrt = programs.graph_of(self.program, dtype=dtype)
        self.given = programs.arguments(self.program, self.params, self.indices)

    def derived(self) -> list[Any]:
        """Return value, gradient, tangent and Hessian product by the reference."""
        given = dict(zip(self.graph.inputs, self.given, strict=True))
        return derivatives(self.graph, self.wrt, given, self.dots)


def derivatives(
    graph: Graph, wrt: Sequence[Node], given: Mapping[str, Any], dots: Sequence[Any]
) -> list[Any]:
    """Return value, gradient, tangent and Hessian product of a graph's one output."""
    (value,) = graph.outputs.values()
    graph.formula_size = len(graph)
    zeros = {n: graph.const(0.0, n.type) for n in wrt}
    found = reverse(graph, {value: graph.const(1.0, value.type)}, wrt)
    bars = [found.get(n, zeros[n]) for n in wrt]
    moving = {n: graph.remake_input(f"{n.attrs[0]}_dot", n.type) for n in wrt}
    tangents = forward(graph, moving, [value, *bars])
    dot = tangents.get(value, graph.const(0.0, value.type))
    moved = [tangents.get(b, z) for b, z in zip(bars, zeros.values(), strict=True)]
    verify(graph)
    names = [node.attrs[0] for node in moving.values()]
    roots = [value, *bars, dot, *moved]
    known = evaluate(graph, {**given, **dict(zip(names, dots, strict=True))}, roots)
    return [known[r] for r in roots]


# -- JAX -------------------------------------------------------------------------------


class _Own:
    """Give what JAX lacks, and indices from the end as NumPy has them.

    `take` of nothing from nothing has the wrong shape in JAX.
    """

    @staticmethod
    def segment_sum(x: Any, ids: Any, n: int) -> Any:
        import jax.numpy as jnp

        return jnp.zeros((n, *x.shape[1:])).at[ids].add(x)

    @staticmethod
    def take(x: Any, ids: Any, axis: int) -> Any:
        return x[(slice(None),) * axis + (ids,)]

    @staticmethod
    def one_hot(ids: Any, n: int) -> Any:
        import jax

        return jax.nn.one_hot(ids % n if n else ids, n)

    @staticmethod
    def logdet(a: Any) -> Any:
        import jax.numpy as jnp

        return jnp.linalg.slogdet(a)[1]


def loss_of(subject: Subject) -> Any:
    """Return a program's loss as a function of JAX's."""
    import jax

    jax.config.update("jax_enable_x64", val=True)
    numpy = jax.numpy
    f = Theirs(_Own, numpy, numpy.linalg, jax.nn, jax.scipy.special, jax.lax)
    program = subject.program

    def loss(*given: Any) -> Any:
        values = programs.run(program, f, given, subject.indices, program.sizes)
        return programs.loss(f, [values[i] for i in program.outputs])

    return loss


def truth(subject: Subject) -> list[Any]:
    """Return the same as `Subject.derived`, by JAX's mathematics."""
    import jax
    from jaxprs import call

    loss, params = loss_of(subject), tuple(subject.params)

    def both(at: Any, along: Any) -> Any:
        every = tuple(range(len(params)))
        return jax.jvp(jax.value_and_grad(loss, every), at, along)

    with jax.disable_jit():
        (value, bars), (dot, moved) = call(both, params, tuple(subject.dots))
    return [value, *bars, dot, *moved]


def slopes(subject: Subject, along: Any, params: Any = None) -> list[Any]:
    """Return value, tangents along two directions and second tangent, by JAX.

    Twice forwards is three times as fast to trace as forwards over reverse.
    """
    import jax
    from jaxprs import call

    loss, at = loss_of(subject), tuple(params or subject.params)

    def inner(*x: Any) -> Any:
        return jax.jvp(loss, x, tuple(along))

    def both(at: Any, dots: Any) -> Any:
        return jax.jvp(inner, at, dots)

    with jax.disable_jit():
        (value, first), (second, bend) = call(both, at, tuple(subject.dots))
    return [value, first, second, bend]


def slopes_found(subject: Subject, found: Any, along: Any) -> list[Any]:
    """Return what `slopes` does, of derivatives that `Subject.derived` found."""
    count = len(subject.params)
    bars, dot, moved = found[1 : 1 + count], found[1 + count], found[2 + count :]
    return [found[0], total(along, bars), dot, total(along, moved)]
