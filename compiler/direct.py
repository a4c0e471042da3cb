"""Call generated code with nothing in between, for arguments like others before.

Comes in: the arguments of a call as the user wrote it. Goes out: an entry point's
results, or None where the arguments have to be looked at with care. Types and
layouts are left to Numba, which checks them in C; here shapes and dtypes are compared.
"""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from overbar.calling import Calling
from overbar.codegen.entry import Unfit
from overbar.sizes import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.owned import Results
    from overbar.shapes import ShapedSignature

Way: TypeAlias = "Callable[[tuple[Any, ...], Mapping[str, Any]], list[Any] | None]"


class Exact(NamedTuple):
    """Pair compiled code with what makes its results the caller's own.

    function: takes the inputs' very types; raises one of `MISFITS` for all others.
    """

    function: Callable[..., Any]
    own: Callable[[Any], list[Any]]


class DirectCalls(Calling):
    """Call entry points directly where that has been found to be possible."""

    signature: ShapedSignature
    known: Callable[[str], Results]

    def reset(self) -> None:
        """Forget which entry points can be called directly."""
        self._exact: dict[str, Exact | None] = {}
        self._ways: dict[str, Way] = {}

    def run(
        self, name: str, args: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> list[Any]:
        """Return an entry point's results for a call's arguments, directly if it can.

        The first call of each entry point, and calls with anything but arrays of the
        expected types in C order, take the way through `run_entry`.
        """
        way = self._ways.get(name)
        parts = way(args, keywords) if way else self.directly(name, args, keywords)
        return super().run(name, args, keywords) if parts is None else parts

    def directly(
        self, name: str, args: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> list[Any] | None:
        """Return an entry point's results, None unless it can be called as it is."""
        way = self._ways.get(name)
        if way is None and self.signature.seen:
            way = self._ways[name] = direct(self.exact(name), self.signature)
        return way(args, keywords) if way else None

    def exact(self, name: str) -> Exact | None:
        """Return an entry point's compiled code, if arguments need no conversion."""
        if name not in self._exact:
            compiled = None
            if self.options.reduce is None and self.signature.is_plain:
                compiled = self.runtime.exact(name)
            found = None
            if compiled is not None:
                code, kind = compiled
                if kind is None:  # it lists results of their own
                    found = Exact(code, lambda parts: parts)
                else:
                    found = Exact(code, self.known(name).owner(kind))
            self._exact[name] = found
        return self._exact[name]


MISFITS = (Unfit, AttributeError, TypeError, LookupError, *REFUSALS)
"""What is raised on the short way for arguments that do not fit it."""


def direct(exact: Exact | None, signature: ShapedSignature) -> Way:
    """Return a function from a call's arguments to its results, None where unfit."""
    if exact is None:
        return lambda args, keywords: None  # noqa: ARG005 - a way like others
    function, own = exact
    count, complete = len(signature.inputs), signature.complete
    seen, kinds = signature.seen, signature.kinds

    def call(args: tuple[Any, ...], keywords: Mapping[str, Any]) -> list[Any] | None:
        try:
            if keywords or len(args) != count:
                args = complete(args, keywords)
            if kinds(args) not in seen:
                return None
            result = function(*args)
        except MISFITS:
            return None
        return own(result)

    return call


def pieces(
    inputs: Sequence[str], params: Mapping[str, tuple[int, ...]]
) -> list[Callable[[Any, Sequence[Any]], Any]]:
    """Return what takes each input from a vector and the data beside it.

    params: the shapes of those in the vector, in order; all other inputs are data.
    """
    found: dict[str, Callable[[Any, Sequence[Any]], Any]] = {}
    start = 0
    for name, shape in params.items():
        found[name] = _piece(start, shape)
        start += prod(shape)
    data = [n for n in inputs if n not in params]
    for i, name in enumerate(data):
        found[name] = partial(_datum, i)
    return [found[n] for n in inputs]


def _piece(start: int, shape: tuple[int, ...]) -> Callable[[Any, Sequence[Any]], Any]:
    if not shape:
        return lambda theta, data: theta[start]  # noqa: ARG005 - as others
    piece = slice(start, start + prod(shape))
    if len(shape) == 1:
        return lambda theta, data: theta[piece]  # noqa: ARG005
    return lambda theta, data: theta[piece].reshape(shape)  # noqa: ARG005


def _datum(place: int, _: Any, data: Sequence[Any]) -> Any:
    return data[place]
