"""Say what a core takes and gives, as functions of Python that call it need it.

A core is a C function `void core(ptr in, ptr out)`, in which each number takes 8 bytes,
a slot: a double, a float32 in the first 4, an int64, or a bool as a byte of 0 or 1.
"""

from __future__ import annotations

import keyword
import math
import pickle
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from overbar.ir.errors import OverbarError

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = {"float64": 0, "float32": 1, "int64": 2, "bool": 3}
VECTOR, TUPLE, TYPED, ARRAY = 4, 4, 5, 6
"""What parameters and steps are, by number, after the kinds of numbers."""

Tree: TypeAlias = "str | Array | Group"
"""Results: a number, by its dtype, that is given as a float; an array; a group."""


@dataclass(frozen=True, slots=True)
class Array:
    """Stand for results that are one array of float64."""

    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Stand for results that are a tuple, or of a type that is one without slots."""

    parts: tuple[Tree, ...]
    type: type[tuple[Any, ...]] = tuple

    def __post_init__(self) -> None:
        kind = self.type
        if kind.__basicsize__ != tuple.__basicsize__ or kind.__dictoffset__:
            message = f"expected a type of tuples with empty slots, found {kind}"
            raise OverbarError(message)


@dataclass(frozen=True, slots=True)
class Parameter:
    """Stand for an argument: a number, or a vector of `size` float64.

    placed: whether it is given by place only; default: what stands for a number that is
    not given, of a type that fits.
    """

    name: str
    dtype: str = "float64"
    size: int | None = None
    placed: bool = False
    default: float | None = None

    @property
    def slots(self) -> int:
        """The number of slots that it takes."""
        return 1 if self.size is None else self.size


@dataclass(frozen=True, slots=True)
class Core:
    """Stand for a core with its arguments and results.

    address: of the machine code, which lives as long as `keep`.
    parameters: in the order of a call.
    results: that take the slots of `out` in order.
    places: the slot of each element given, where they are not in order.
    out: whether the array among the results may be the caller's, given as `out=`.
    waits: whether other threads may run meanwhile, which is worth it for long cores.
    """

    address: int
    parameters: tuple[Parameter, ...]
    results: Tree
    keep: Any = None
    places: tuple[int, ...] | None = None
    out: bool = False
    waits: bool = False

    def __post_init__(self) -> None:
        found = len(arrays(self.results))
        if self.out and found != 1:
            message = f"expected one array among the results for out=, found {found}"
            raise OverbarError(message)
        if self.places is not None and sorted(self.places) != list(range(self.inputs)):
            message = f"expected each of {self.inputs} slots once, found {self.places}"
            raise OverbarError(message)

    @property
    def inputs(self) -> int:
        """The number of slots that its arguments take."""
        return sum(p.slots for p in self.parameters)


def arrays(tree: Tree) -> list[Array]:
    """Return the arrays among results."""
    if isinstance(tree, Group):
        return [array for part in tree.parts for array in arrays(part)]
    return [tree] if isinstance(tree, Array) else []


@dataclass(slots=True)
class Step:
    """Do one thing on a stack of results, as pycalls.ll describes it.

    extra: what the step's last field refers to: a type, a shape, or nothing.
    """

    op: int
    first: int
    count: int
    extra: Any = None


class Steps:
    """Put results together, on a stack of some depth, from some slots."""

    def __init__(self, tree: Tree) -> None:
        self.steps: list[Step] = []
        self.slots = self.depth = self._level = 0
        self._add(tree)

    def _add(self, tree: Tree) -> None:
        if isinstance(tree, Group):
            for part in tree.parts:
                self._add(part)
            count = len(tree.parts)
            op, kind = (TUPLE, None) if tree.type is tuple else (TYPED, tree.type)
            self._push(Step(op, 0, count, kind), 1 - count)
        elif isinstance(tree, Array):
            count = prod(tree.shape)
            self._push(Step(ARRAY, self.slots, count, tree.shape), 1)
            self.slots += count
        else:
            self._number(KINDS[tree])

    def _number(self, op: int) -> None:
        """Push the number of the next slot, in one step with those before."""
        last = self.steps[-1] if self.steps else None
        if last is not None and last.op == op:
            last.count += 1
            self._rise(1)
        else:
            self._push(Step(op, self.slots, 1), 1)
        self.slots += 1

    def _push(self, step: Step, rise: int) -> None:
        self.steps.append(step)
        self._rise(rise)

    def _rise(self, rise: int) -> None:
        self._level += rise
        self.depth = max(self.depth, self._level)


def owner(fallback: Callable[..., Any], name: str) -> Any:
    """Return the object whose attribute a function is, to pickle it as that.

    Raises PicklingError where its fallback is no method of one.
    """
    found = getattr(fallback, "__self__", None)
    if found is None:
        message = f"expected a function {name} of an object, found one of its own"
        raise pickle.PicklingError(message)
    return found


def documented(core: Core, name: str, doc: str) -> str:
    """Return a docstring that begins with the signature, for `inspect` to read."""
    names = [p.name for p in core.parameters]
    if not all(n.isidentifier() and not keyword.iskeyword(n) for n in names):
        return doc
    for i in range(len(names) - 1, -1, -1):
        default = core.parameters[i].default
        if default is None or not math.isfinite(default):
            break  # none is shown before one without
        names[i] += f"={default!r}"
    placed = [i for i, p in enumerate(core.parameters) if p.placed]
    if placed:
        names.insert(placed[-1] + 1, "/")
    if core.out:
        names += ["*", "out=None"]
    return f"{name}({', '.join(names)})\n--\n\n{doc}"
