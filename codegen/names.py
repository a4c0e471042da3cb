"""Keep names in generated code apart from what the code itself uses."""

from __future__ import annotations

import builtins
import inspect
import keyword
import re
from typing import TYPE_CHECKING

from overbar.ir.errors import OverbarError
from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from overbar.ir.graph import Node

_ENTRIES = {
    "value", "forward", "backward", "value_and_grad", "grad", "vjp", "jvp", "jacobian",
    "hessian", "hvp", "value_grad_and_hvp", "linearize", "tangent",
}  # fmt: skip
APART = {"forward", "backward", "linearize", "tangent"}
"""Functions that work in pairs, the second from what the first saved."""
_OWN = {"math", "np", "njit", "results", "inputs", "saved", *_ENTRIES} | {
    f"{name}_points" for name in _ENTRIES
}
_TEMPORARY = re.compile(r"t[0-9]+")
_MADE = re.compile(r"t[0-9]+(_bar)*")
_WORDS = frozenset(keyword.kwlist) | frozenset(dir(builtins))


def reserved() -> set[str]:
    """Return the names that a variable would hide something by.

    Among them are the functions that helpers call, which are printed with them.
    """
    found = {op.helper.__name__: op.helper for op in OPS.values() if op.helper}
    functions = list(found.values())
    for function in functions:  # grows while it is walked
        for name in function.__code__.co_names:
            called = function.__globals__.get(name)
            if inspect.isfunction(called) and name not in found:
                found[name] = called
                functions.append(called)
    return {*_OWN, *_WORDS, *found}


def is_reserved(name: str) -> bool:
    """Whether a function of this name would hide something, or be hidden."""
    return name in reserved() or _MADE.fullmatch(name) is not None


def legal(
    names: Mapping[Node, str], taken_too: Collection[str] = ()
) -> dict[Node, str]:
    """Return the names, with underscores behind those that are reserved or taken too.

    Raises OverbarError for what is no identifier: somebody tampered with a pickle.
    """
    for name in names.values():
        if not name.isidentifier():
            message = f"expected identifiers to print, found {name[:60]!a}"
            raise OverbarError(message)
    kept_back = {*reserved(), *taken_too}
    taken = set(names.values())
    result = {}
    for node, name in names.items():
        new = name
        while new in kept_back or (new != name and new in taken):
            new += "_"
        taken.add(new)
        result[node] = new
    return result


def renumbered(
    names: Mapping[Node, str], order: Iterable[Node], fixed: Collection[Node]
) -> dict[Node, str]:
    """Return the names with temporaries numbered in the order of their statements.

    `t3_bar` follows `t3`; names of `fixed` nodes stay.
    """
    taken = {names[n] for n in fixed}
    moved: dict[str, str] = {}
    last = 0
    for node in order:
        if node in fixed or not _TEMPORARY.fullmatch(names[node]):
            continue
        last += 1
        while f"t{last}" in taken:
            last += 1
        moved[names[node]] = f"t{last}"
    bars = {f"{old}_bar": f"{new}_bar" for old, new in moved.items()}
    moved |= {old: new for old, new in bars.items() if new not in taken}
    return {n: s if n in fixed else moved.get(s, s) for n, s in names.items()}


def unused(name: str, taken: Collection[str]) -> str:
    """Return the name, with underscores where it is taken."""
    while name in taken:
        name += "_"
    return name
