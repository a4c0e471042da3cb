"""Rows of conditions: comparisons and their combinations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops.row import AND, COMPARE, NOT, OR, REAL, Notation, Op
from overbar.ir.ops.typing import compare, logic

if TYPE_CHECKING:
    from collections.abc import Callable


def _comparison(
    name: str, symbol: str, latex: str, test: Callable[[Any, Any], Any], llvm: str
) -> Op:
    sides = (COMPARE + 1,)
    written = Notation("{0} " + symbol + " {1}", COMPARE, sides)
    return Op(
        name=name, arity=2, typing=compare, domain=(REAL, REAL), llvm=llvm, exact=True,
        numpy=test, mp=lambda m, x, y: bool(test(x, y)),
        python=written, text=written,
        latex=Notation("{0} " + latex + " {1}", COMPARE, sides),
    )  # fmt: skip


ROWS = (
    _comparison("lt", "<", "<", lambda x, y: x < y, "fcmp olt"),
    _comparison("le", "<=", r"\le", lambda x, y: x <= y, "fcmp ole"),
    _comparison("gt", ">", ">", lambda x, y: x > y, "fcmp ogt"),
    _comparison("ge", ">=", r"\ge", lambda x, y: x >= y, "fcmp oge"),
    _comparison("eq", "==", "=", lambda x, y: x == y, "fcmp oeq"),
    _comparison("ne", "!=", r"\ne", lambda x, y: x != y, "fcmp une"),
    Op(
        name="and", arity=2, typing=logic, commutative=True, exact=True, llvm="and",
        numpy=np.logical_and, mp=lambda m, x, y: x and y,
        python=Notation("{0} and {1}", AND, (AND, AND + 1)),
        text=Notation("{0} and {1}", AND, (AND, AND + 1)),
        latex=Notation(r"{0} \wedge {1}", AND, (AND, AND + 1)),
    ),
    Op(
        name="or", arity=2, typing=logic, commutative=True, exact=True, llvm="or",
        numpy=np.logical_or, mp=lambda m, x, y: x or y,
        python=Notation("{0} or {1}", OR, (OR, OR + 1)),
        text=Notation("{0} or {1}", OR, (OR, OR + 1)),
        latex=Notation(r"{0} \vee {1}", OR, (OR, OR + 1)),
    ),
    Op(
        name="not", typing=logic, exact=True, llvm="xor",
        numpy=np.logical_not, mp=lambda m, x: not x,
        python=Notation("not {0}", NOT, (NOT,)), text=Notation("not {0}", NOT, (NOT,)),
        latex=Notation(r"\neg {0}", NOT, (NOT + 1,)),
    ),
)  # fmt: skip
