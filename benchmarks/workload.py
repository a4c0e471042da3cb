"""Say what a workload is: its mathematics, sizes, inputs, and each tool's way of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SEED = 31337


class Calls(NamedTuple):
    """Hold what is timed, without arguments.

    value: returns the value. gradient: returns a tuple of the value and the outputs of
    the workload, in their order. operations: counts what a gradient at one point
    computes, where a tool can tell.
    """

    value: Callable[[], Any]
    gradient: Callable[[], tuple[Any, ...]]
    operations: Callable[[], int] | None = None


@dataclass(frozen=True)
class Workload:
    """Hold a workload.

    sizes: the arguments of `inputs` by title, the quick ones first.
    inputs: `(rng, **size)` -> arrays by name, in the order of the call.
    shapes: what `ob.compile` is told of them; nothing for a formula of numbers, which
        is mapped over points: its inputs are arrays of one shape, its value and each
        gradient too.
    wrt: the inputs to differentiate with respect to; one output for each.
    loss: the formula, `loss(*inputs, xp=numpy)`, for every tool that has NumPy's
        functions.
    hand: the version by hand, `hand(arrays) -> Calls`.
    own: a tool's own way, `own[tool](arrays) -> Calls`, where it is another.
    newton: the diagonal of the Hessian is an output too, by one product with ones.
    gathered: (table, index): the first of `wrt` is a table whose gradient comes as
        rows, one for each index; `rows_loss(rows, *others, xp=numpy)` is the formula
        given them.
    without: tools that are left out, and why.
    """

    name: str
    title: str
    sizes: Mapping[str, Mapping[str, int]]
    inputs: Callable[..., dict[str, Any]]
    shapes: Mapping[str, Any]
    wrt: tuple[str, ...]
    loss: Callable[..., Any]
    hand: Callable[[dict[str, Any]], Calls]
    own: Mapping[str, Callable[[dict[str, Any]], Calls]] = field(default_factory=dict)
    newton: bool = False
    gathered: tuple[str, str] | None = None
    rows_loss: Callable[..., Any] | None = None
    without: Mapping[str, str] = field(default_factory=dict)
