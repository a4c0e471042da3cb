"""Solve the named dimensions of a call from the shapes of its arguments.

Comes in: a formula's graph, then arrays. Goes out: the size of each dimension; what
does not fit is refused by argument, dimension and both sizes, before anything runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError, ShapeError
from overbar.ir.evaluate import evaluate
from overbar.ir.types import Dim, dims, extents, size_of, sized

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.source import Span
    from overbar.ir.types import Shape, Type

_MOST_CHECKED = 64
"""Sets of sizes that are remembered as checked."""


class Sizes:
    """Know the shapes that a formula expects, and solve them for what it is given.

    Raises ShapeError for a dimension that no input's shape fixes.
    """

    def __init__(self, graph: Graph) -> None:
        self.types: dict[str, Type] = {n: i.type for n, i in graph.inputs.items()}
        order = graph.order()
        self._derived = _derived(order)
        known = [n for n in order if n.args and n.op.shaping and n.op.numpy]
        self._windows = [n for n in known if not n.op.cost and _named(n)]
        self._whole = [n for n in known if n.op.cost and len(n.args) == 1 and _named(n)]
        self._spans = graph.spans
        self._checked: set[tuple[tuple[str, int], ...]] = set()
        self._solved: dict[tuple[Any, ...], dict[str, int]] = {}
        self._need_fixed([*graph.inputs.values(), *order])

    def _need_fixed(self, order: list[Node]) -> None:
        fixed = {
            e.name
            for kind in self.types.values()
            for e in dims(kind.shape)
            if e.name is not None
        }
        for node in order:
            for extent in dims((node.type.shape, node.attrs)):
                missing = sorted(extent.names - fixed)
                if missing:
                    raise _unfixed(missing[0], node, self._spans.get(node))

    # -- at a call -------------------------------------------------------------------

    def solve(
        self, values: Mapping[str, Any], leading: Collection[str] | None = ()
    ) -> dict[str, int]:
        """Return the size of every dimension; refuse shapes that do not fit.

        values: arrays by name, some may be left out; leading: names of those that may
        have axes in front of the declared, None for all.
        """
        names = None if leading is None else frozenset(leading)
        key = (names, *((name, np.shape(v)) for name, v in values.items()))
        known = self._solved.get(key)
        if known is None:
            known = self._solve(values, leading)
            if len(self._solved) < _MOST_CHECKED:
                self._solved[key] = known
        return dict(known)

    def _solve(
        self, values: Mapping[str, Any], leading: Collection[str] | None
    ) -> dict[str, int]:
        sizes: dict[str, int] = {}
        first: dict[str, str] = {}
        for name, value in values.items():
            shape = self.types[name].shape
            if leading is None or name in leading:
                self._need_rank(name, np.shape(value), None)
            else:
                way = "data alone map over" if leading else "f.batch maps over"
                self._need_rank(name, np.shape(value), f"; {way} leading axes")
            for extent, size in zip(shape, own_shape(value, shape), strict=True):
                if isinstance(extent, Dim) and extent.name and extent.name not in sizes:
                    sizes[extent.name] = size
                    first[extent.name] = name
        for name, value in values.items():
            shape = self.types[name].shape
            found = own_shape(value, shape)
            if shape and all(e.names <= sizes.keys() for e in dims(shape)):
                _need_shape(repr(name), shape, found, sizes, first)
        return sizes

    def _need_rank(self, name: str, found: tuple[int, ...], way: str | None) -> None:
        """Refuse axes that are missing; too many where there is a `way` to advise."""
        shape = self.types[name].shape
        more = len(found) > len(shape)
        if len(found) == len(shape) or (way is None and more):
            return
        advice = way if more and shape else ""
        what = f"an array of shape [{extents(shape)}]" if shape else "one number"
        message = f"expected {what} for {name!r}, found {_shown(found)}{advice}"
        raise InputError(message)

    def check(self, sizes: Mapping[str, int]) -> None:
        """Refuse sizes for which some array of the formula would be none.

        A size below zero, a window out of its array, a reshape that does not divide.
        """
        key = tuple(sizes.items())
        if key in self._checked:
            return
        for extent, node in self._derived.items():
            if extent.size(sizes) < 0:
                message = (
                    f"expected sizes with {extent} of at least 0, "
                    f"found {_sizes_of(extent, sizes)}"
                )
                raise InputError(message, self._spans.get(node))
        empty = [n for n in self._whole if _is_empty(n, sizes)]
        for node in (*self._windows, *empty):
            self._need_window(node, sizes)
        if len(self._checked) < _MOST_CHECKED:
            self._checked.add(key)

    def smallest(self) -> dict[str, int]:
        """Return small sizes that the formula accepts, the same for all dimensions."""
        names = {n for t in self.types.values() for e in dims(t.shape) for n in e.names}
        error: InputError | None = None
        for size in (2, 1, 3, 4, 8, 16, 64, 0):
            sizes = dict.fromkeys(sorted(names), size)
            try:
                self.check(sizes)
            except InputError as found:
                error = error or found
            else:
                return sizes
        message = "expected a call before f.build, as no small sizes fit the formula"
        raise InputError(message) from error

    def _need_window(self, node: Node, sizes: Mapping[str, int]) -> None:
        """Refuse an array that takes more of its operands than they have.

        The op itself tells: it is run on arrays of a single byte each, repeated.
        """
        want = tuple(size_of(e, sizes) for e in node.type.shape)
        args = [
            np.broadcast_to(np.int8(0), tuple(size_of(e, sizes) for e in a.type.shape))
            for a in node.args
        ]
        try:
            attrs = tuple(sized(a, sizes) for a in node.attrs)
            with np.errstate(all="ignore"):
                found = np.shape(node.op.numpy(*attrs, *args))  # type: ignore[misc]
        except (ValueError, IndexError):
            found = None
        if found != want:
            from overbar.explain import phrase

            names = {
                n: sizes[n]
                for e in dims((node.type.shape, node.attrs, *_shapes(node)))
                for n in sorted(e.names)
            }
            given = ", ".join(f"{n} = {size}" for n, size in names.items())
            message = (
                f"expected sizes that {phrase(node.graph, node)} can be taken of, "
                f"found {given}"
            )
            raise InputError(message, self._spans.get(node))


def own_shape(value: Any, shape: Shape) -> tuple[int, ...]:
    """Return an array's shape without its leading axes."""
    found: tuple[int, ...] = np.shape(value)
    return found[len(found) - len(shape) :]


def need_shape(
    name: str, shape: Shape, found: tuple[int, ...], sizes: Mapping[str, int]
) -> None:
    """Raise InputError unless a seed or tangent has the shape of what it is for."""
    if len(found) != len(shape):
        what = f"an array of shape [{extents(shape)}]" if shape else "one number"
        message = f"expected {what} for {name}, found {_shown(found)}"
        raise InputError(message)
    _need_shape(name, shape, found, sizes, {})


def _need_shape(
    name: str,
    shape: Shape,
    found: tuple[int, ...],
    sizes: Mapping[str, int],
    first: Mapping[str, str],
) -> None:
    for axis, (extent, size) in enumerate(zip(shape, found, strict=True)):
        wanted = size_of(extent, sizes)
        if size == wanted:
            continue
        if isinstance(extent, int):
            why = str(wanted)
        elif extent.name is not None and extent.name in first:
            why = f"{extent} = {wanted}, as in {first[extent.name]!r},"
        elif extent.name:
            why = f"{extent} = {wanted}"
        else:
            why = f"{extent} = {wanted}, as {_sizes_of(extent, sizes)},"
        message = f"expected {why} along axis {axis} of {name}, found {size}"
        raise InputError(message)


def _derived(order: list[Node]) -> dict[Dim, Node]:
    """Return the extents that are no plain names, with a node that has each."""
    found: dict[Dim, Node] = {}
    for node in order:
        for extent in dims(node.type.shape):
            if extent.name is None:
                found.setdefault(extent, node)
    return found


def _unfixed(name: str, node: Node, span: Span | None) -> ShapeError:
    is_input = not node.args and node.op.numpy is None
    where = f" of {node.attrs[0]!r}" if is_input else ""
    uses = f"[{extents(node.type.shape)}]{where}"
    message = (
        f"expected an input with an axis of size {name}, which {uses} needs; found none"
    )
    return ShapeError(message, span)


def _shapes(node: Node) -> list[Shape]:
    return [a.type.shape for a in node.args]


def _is_empty(node: Node, sizes: Mapping[str, int]) -> bool:
    """Whether an op's one operand has no elements, of which none is the largest."""
    return any(size_of(e, sizes) == 0 for e in node.args[0].type.shape)


def _named(node: Node) -> bool:
    return bool(dims((node.type.shape, node.attrs, *_shapes(node))))


def _sizes_of(extent: Dim, sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{n} = {sizes[n]}" for n in sorted(extent.names))


def _shown(shape: tuple[int, ...]) -> str:
    return f"an array of shape {shape}" if shape else "one number"


_PLACE = re.compile(r"index (-?\d+) is out of bounds for axis \d+ with size (\d+)")


REFUSALS = (IndexError, np.linalg.LinAlgError)
"""What compiled code raises for values that an operation is not defined for."""


def refusal(graphs: Sequence[Graph], given: Mapping[str, Any]) -> InputError:
    """Return the error of the first operation that cannot be computed.

    graphs: the formula's, then that of the entry point, which may ask for more.
    """
    for graph in graphs:
        found = refused(graph, given)
        if found is not None:
            return found
    message = "expected indices within their arrays and matrices of finite numbers"
    return InputError(f"{message}, found others")


def refused(graph: Graph, given: Mapping[str, Any]) -> InputError | None:
    """Return the error of the first operation that has no value, None if all have."""
    from overbar.explain import phrase

    values: dict[Node, Any] = {}
    for node in graph.order():
        try:
            values = evaluate(graph, given, [node], values)
        except InputError as error:
            return error.at(graph.spans.get(node))
        except ValueError:  # an input, such as a seed, that is not given
            return None
        except IndexError as error:
            text = phrase(graph, node)
            span = graph.spans.get(node)
            place = _PLACE.search(str(error))
            message = f"expected indices within the array in {text}"
            if place:
                found, size = map(int, place.groups())
                message = (
                    f"expected indices from {-size} to {size - 1} in {text}, "
                    f"found {found}"
                )
                if not size:
                    message = f"expected no index in {text}, an empty array; "
                    message += f"found {found}"
            return InputError(message, span)
    return None
