"""Tell which ops LLVM can compute for several elements of a loop at once."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.ops import Op

_BRANCHES = (ast.If, ast.For, ast.While)


@cache
def has_lanes(op: Op) -> bool:
    """Whether an op is an instruction, a function of vector libraries, or made of such.

    The same on every machine, so that source is: which library there is does not count.
    """
    if op.helper is not None:
        return _straight(op.helper)
    return op.cost <= 1 or op.vector is not None


SLOW = 10
"""Operations from which on an op is worth a loop of its own, where lanes pay."""


def gains_by_lanes(op: Op) -> bool:
    """Whether an op costs much for one element, and far less for each of many."""
    return op.cost >= SLOW and has_lanes(op)


def _straight(function: Callable[..., Any]) -> bool:
    """Whether a portable function runs the same statements whatever it is given."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    called = [function.__globals__.get(name) for name in names]
    inside = [f for f in called if inspect.isfunction(f) and f is not function]
    branches = any(isinstance(n, _BRANCHES) for n in ast.walk(tree))
    return not branches and all(map(_straight, inside))
