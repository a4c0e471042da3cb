"""Put functions that call machine code in the place of methods.

Comes in: a formula of numbers, the name of an entry point, the method that takes any
arguments. Goes out: a builtin function for exact arguments, floats or whole vectors,
which hands all others to the method; the method itself where there is no such code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.errors import UnsupportedError
from overbar.results import named_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.calling import Calling
    from overbar.codegen.machine.pycores import Tree
    from overbar.native import Made


def by_numbers(f: Calling, name: str, slow: Callable[..., Any]) -> Callable[..., Any]:
    """Return what calls an entry point over numbers: `f(x, y)`, `f(x, y=1.0)`."""
    made = _made(f, name)
    if made is None:
        return slow
    from overbar.codegen.machine.pycores import Group, Parameter

    names = f.signature.inputs
    placed = "out" in names  # as a keyword it is the method's own
    params = tuple(
        Parameter(n, dtype, placed=placed, default=_default(f, n, dtype))
        for n, dtype in zip(names, made.inputs, strict=True)
    )

    def tree(results: Any) -> Tree:
        if not isinstance(results, list):
            return results  # type: ignore[no-any-return]
        if f.options.bare:
            return tree(results[0])
        return Group(tuple(results), named_type(f.options.wrt))

    pair = name == "value_and_grad"
    results = (
        Group((made.results[0], tree(made.results[1]))) if pair else tree(made.results)
    )
    return f.runtime.native.calling(name, params, results, slow)


def by_vector(
    f: Calling, name: str, slow: Callable[..., Any], data: Sequence[str]
) -> Callable[..., Any]:
    """Return what calls an entry point over a vector: `f.flat.value(theta, *data)`."""
    made = _made(f, name)
    wrt, inputs = f.options.wrt, f.signature.inputs
    if made is None or not wrt or {*made.inputs, *_flat(made.results)} != {"float64"}:
        return slow
    from overbar.codegen.machine.pycores import Array, Group, Parameter

    size = len(wrt)
    params = (
        Parameter("theta", size=size, placed=True),
        *(
            Parameter(n, placed="out" in data, default=_default(f, n, "float64"))
            for n in data
        ),
    )
    slots = {n: i for i, n in enumerate(inputs)}
    places = tuple(slots[n] for n in (*wrt, *data))
    results: dict[str, Tree] = {
        "value": "float64",
        "grad": Array((size,)),
        "value_and_grad": Group(("float64", Array((size,)))),
    }
    return f.runtime.native.calling(
        name, params, results[name], slow,
        places=None if places == tuple(range(len(inputs))) else places,
        out=name == "value_and_grad",
    )  # fmt: skip


def _default(f: Calling, name: str, dtype: str) -> float | None:
    """Return what stands for an input that is not given, None where it has to be."""
    default = f.signature.defaults.get(name)
    return None if default is None else _TYPES[dtype](default)


_TYPES: Mapping[str, Callable[[float], float]] = {
    "float64": float, "float32": float, "int64": int, "bool": bool,
}  # fmt: skip


def _made(f: Calling, name: str) -> Made | None:
    """Return the code of an entry point, None for what it does not serve."""
    if not (f.runtime.machine and f.swift):
        return None
    try:
        return f.runtime.native.made(name)
    except UnsupportedError:
        return None


def _flat(results: Any) -> list[str]:
    if not isinstance(results, list):
        return [results]
    return [dtype for part in results for dtype in _flat(part)]
