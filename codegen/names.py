"""Keep names in generated code apart from what the code itself uses."""

from __future__ import annotations

import builtins
import keyword
from typing import TYPE_CHECKING

from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from overbar.ir.graph import Node

_OWN = {
    "math", "np", "njit", "points", "out", "k", "results", "inputs", "saved", "value",
    "forward", "backward", "value_and_grad", "grad", "vjp", "jvp", "jacobian",
    "hessian", "hvp",
}  # fmt: skip
_WORDS = frozenset(keyword.kwlist) | frozenset(dir(builtins))


def reserved() -> set[str]:
    """Return the names that a variable would hide something by."""
    helpers = {op.helper.__name__ for op in OPS.values() if op.helper is not None}
    return {*_OWN, *_WORDS, *helpers}


def legal(names: Mapping[Node, str]) -> dict[Node, str]:
    """Return the names, with underscores behind those that are reserved."""
    kept_back = reserved()
    taken = set(names.values())
    result = {}
    for node, name in names.items():
        new = name
        while new in kept_back or (new != name and new in taken):
            new += "_"
        taken.add(new)
        result[node] = new
    return result
