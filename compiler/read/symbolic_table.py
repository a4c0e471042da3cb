"""Say, class by class, how SymPy's expressions are read.

Rows are found by the class's full name, so that nothing here imports SymPy, and a
user's class that happens to be called `exp` is not taken for SymPy's.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import UnsupportedError
from overbar.read import symbolic_binders as binders
from overbar.read import symbolic_determinants as determinants
from overbar.read import symbolic_forms as forms
from overbar.read import symbolic_loops as loops
from overbar.read import symbolic_matrices as matrices
from overbar.read import symbolic_numbers as numbers
from overbar.read import symbolic_tensors as tensors
from overbar.read.functions import function
from overbar.read.operand import to_number
from overbar.read.symbolic_names import quoted
from overbar.read.symbolic_reader import Row, argument, plain, unknown

if TYPE_CHECKING:
    from overbar.ir.graph import Node
    from overbar.read.symbolic_reader import Reader
    from overbar.read.symbolic_scope import Scope

_E, _S = "sympy.functions.elementary", "sympy.functions.special"
_SYMPY_FUNCTION = "sympy.core.function.Function"

_CALLS = {
    f"{_E}.complexes": "Abs=abs sign",
    f"{_E}.exponential": "exp",
    f"{_E}.hyperbolic": "sinh cosh tanh coth sech csch asinh acosh atanh acoth asech "
    "acsch",
    f"{_E}.integers": "floor ceiling=ceil",
    f"{_E}.trigonometric": "sin cos tan cot sec csc asin acos atan acot asec acsc "
    "atan2",
    f"{_S}.beta_functions": "beta",
    f"{_S}.delta_functions": "Heaviside=heaviside",
    f"{_S}.error_functions": "erf erfc",
    f"{_S}.gamma_functions": "gamma loggamma=gammaln digamma",
    "sympy.codegen.cfunctions": "expm1 log1p exp2 log2 log10 hypot Sqrt=sqrt",
    "sympy.codegen.numpy_nodes": "logaddexp minimum=min maximum=max",
    "sympy.core.mod": "Mod=mod",
}
"""Functions by module: SymPy's name, and ours where it is another one."""


def _im(reader: Reader, x: Node) -> Node:
    return x * 0.0 if x.args else reader.number(0.0)


def _log(reader: Reader, x: Node, base: Node | None = None) -> Node:
    whole = reader.call("log", (x,))
    return whole if base is None else whole / reader.call("log", (base,))


def _sinc(reader: Reader, x: Node) -> Node:
    return reader.graph.make("sinc", (x,))


def _delta(reader: Reader, x: Node, y: Node) -> Node:
    same = reader.graph.make("eq", (x, y))
    return reader.graph.make("select", (same, reader.number(1.0), reader.number(0.0)))


def _cube_root(reader: Reader, x: Node) -> Node:
    return reader.call("cbrt", (x,))


_BUILT: dict[str, tuple[str, Any]] = {
    f"{_E}.complexes.re": ("re", lambda _reader, x: x),
    f"{_E}.complexes.conjugate": ("conjugate", lambda _reader, x: x),
    f"{_E}.complexes.im": ("im", _im),
    f"{_E}.integers.frac": ("frac", lambda r, x: x - r.call("floor", (x,))),
    f"{_E}.trigonometric.sinc": ("sinc", _sinc),
    f"{_S}.gamma_functions.trigamma": (
        "trigamma",
        lambda r, x: r.graph.make("polygamma", (x,), (1,)),
    ),
    f"{_S}.tensor_functions.KroneckerDelta": ("KroneckerDelta", _delta),
    "sympy.codegen.cfunctions.Cbrt": ("Cbrt", _cube_root),
    "sympy.codegen.cfunctions.fma": ("fma", lambda _reader, x, y, z: x * y + z),
    "sympy.core.expr.UnevaluatedExpr": ("an UnevaluatedExpr", lambda _reader, x: x),
    "sympy.functions.combinatorial.factorials.factorial": (
        "factorial",
        forms.factorial,
    ),
}


def _fold(op: str) -> Any:
    """Return the builder of a logical operation of any number of conditions."""

    def build(reader: Reader, *nodes: Node) -> Node:
        whole = reader.graph.const(op == "and")
        for i, node in enumerate(nodes):
            whole = reader.graph.make(op, (whole, node)) if i else node
        return whole

    return build


def _not(reader: Reader, x: Node) -> Node:
    return reader.graph.make("not", (x,))


def _or(reader: Reader, x: Node, y: Node) -> Node:
    return reader.graph.make("or", (x, y))


def _and(reader: Reader, x: Node, y: Node) -> Node:
    return reader.graph.make("and", (x, y))


def _xor(reader: Reader, *nodes: Node) -> Node:
    whole = nodes[0]
    for node in nodes[1:]:
        both = _not(reader, _and(reader, whole, node))
        whole = _and(reader, _or(reader, whole, node), both)
    return whole


def _all_equal(reader: Reader, *nodes: Node) -> Node:
    some, every = _fold("or")(reader, *nodes), _fold("and")(reader, *nodes)
    return _or(reader, every, _not(reader, some))


def _if_then_else(reader: Reader, c: Node, x: Node, y: Node) -> Node:
    return _or(reader, _and(reader, c, x), _and(reader, _not(reader, c), y))


_LOGIC: dict[str, Any] = {
    "And": _fold("and"),
    "Or": _fold("or"),
    "Not": _not,
    "Xor": _xor,
    "ITE": _if_then_else,
    "Implies": lambda r, x, y: _or(r, _not(r, x), y),
    "Equivalent": _all_equal,
}

_COMPARISONS = {
    "Equality": "eq", "Unequality": "ne", "StrictLessThan": "lt", "LessThan": "le",
    "StrictGreaterThan": "gt", "GreaterThan": "ge",
}  # fmt: skip


def _compared(op: str) -> Any:
    return lambda reader, x, y: reader.graph.make(op, (x, y))


def _truth(*, value: bool) -> Row:
    return Row(leaf=lambda reader, _expr, _scope: reader.graph.const(value))


def _special(value: float) -> Row:
    return Row(leaf=lambda reader, _expr, _scope: reader.number(value))


def _symbol(reader: Reader, expr: Any, scope: Scope) -> Node:
    return reader.symbol(expr, scope)


_N = "sympy.core.numbers"
_NUMBERS = {
    "Integer Zero One NegativeOne Rational Half": numbers.integer,
    "Float": numbers.decimal,
    "Pi Exp1 GoldenRatio TribonacciConstant EulerGamma Catalan": numbers.constant,
}

_ROWS: dict[str, Row] = {
    f"{_N}.Infinity": _special(math.inf),
    f"{_N}.NegativeInfinity": _special(-math.inf),
    f"{_N}.NaN": _special(math.nan),
    "sympy.core.symbol.Symbol": Row(leaf=_symbol),
    "sympy.core.symbol.Dummy": Row(leaf=_symbol),
    "sympy.core.add.Add": Row(read=forms.add, place=forms.term_place),
    "sympy.core.mul.Mul": Row(read=forms.mul, place=forms.factor_place),
    "sympy.core.power.Pow": Row(read=forms.power, place=forms.power_place),
    "sympy.core.function.Derivative": Row(
        read=binders.derivative, place=binders.derivative_place
    ),
    "sympy.core.function.Subs": Row(read=binders.subs, place=binders.subs_place),
    "sympy.concrete.summations.Sum": Row(
        read=binders.unrolled("add", "sub", 0.0, "sum"), place=binders.unrolled_place
    ),
    "sympy.concrete.products.Product": Row(
        read=binders.unrolled("mul", "div", 1.0, "prod"), place=binders.unrolled_place
    ),
    f"{_E}.exponential.log": Row(read=determinants.log(_log), place=argument("log")),
    f"{_E}.piecewise.Piecewise": Row(
        read=forms.piecewise, place=forms.piecewise_place, conditions=None
    ),
    f"{_E}.miscellaneous.Max": Row(read=forms.extremum("max"), place=argument("Max")),
    f"{_E}.miscellaneous.Min": Row(read=forms.extremum("min"), place=argument("Min")),
    f"{_S}.gamma_functions.polygamma": Row(
        read=forms.polygamma, place=argument("polygamma")
    ),
    "sympy.logic.boolalg.BooleanTrue": _truth(value=True),
    "sympy.logic.boolalg.BooleanFalse": _truth(value=False),
}


def _refused(message: str) -> Row:
    def leaf(_reader: Reader, _expr: Any, _scope: Scope) -> Node:
        raise UnsupportedError(message)

    return Row(leaf=leaf)


_COMPLEX = "complex numbers are not supported: expected a real number, found"
_NO_FUNCTION = "expected a function of numbers, found DiracDelta, which is none"
_ADVICE = {
    f"{_N}.ImaginaryUnit": f"{_COMPLEX} I",
    f"{_N}.ComplexInfinity": f"{_COMPLEX} zoo, which SymPy makes of 1/0",
    f"{_S}.delta_functions.DiracDelta": _NO_FUNCTION,
    "sympy.core.function.Lambda": "expected a formula, found a Lambda; call it",
    "sympy.polys.polytools.Poly": f"{unknown('Poly')}; .as_expr() makes it a formula",
    "sympy.polys.polytools.PurePoly": f"{unknown('PurePoly')}; call it",
    "sympy.series.order.Order": f"{unknown('O(...)')}; .removeO() leaves it out",
    "sympy.integrals.integrals.Integral": f"{unknown('Integral')}; try .doit()",
    "sympy.series.limits.Limit": f"{unknown('Limit')}; try .doit()",
}
for _name in ("binomial", "RisingFactorial", "FallingFactorial"):
    _ADVICE[f"sympy.functions.combinatorial.factorials.{_name}"] = (
        f"{unknown(_name)}; .rewrite(sympy.gamma) makes it one of gamma"
    )


def _table() -> dict[str, Row]:
    table = _ROWS | loops.ROWS | matrices.ROWS | tensors.ROWS
    for names, leaf in _NUMBERS.items():
        table |= {f"{_N}.{name}": Row(leaf=leaf) for name in names.split()}
    for module, names in _CALLS.items():
        for pair in names.split():
            name, _, ours = pair.partition("=")
            table[f"{module}.{name}"] = _called(name, ours or name)
    for name, (words, build) in _BUILT.items():
        table[name] = plain(build, words)
    for name, op in _COMPARISONS.items():
        table[f"sympy.core.relational.{name}"] = plain(
            _compared(op), "a comparison", conditions=None
        )
    for name, build in _LOGIC.items():
        table[f"sympy.logic.boolalg.{name}"] = plain(build, name, conditions=True)
    return table | {name: _refused(text) for name, text in _ADVICE.items()}


def _called(name: str, ours: str) -> Row:
    return plain(lambda reader, *nodes: reader.call(ours, nodes), name)


ROWS = _table()
"""The rows, by the full name of the class."""


def row_of(expr: Any) -> Row:
    """Return the row of an expression's class; Python's numbers have one too.

    A function that is not SymPy's own is looked up, by name, among Overbar's and those
    added with `ob.op`.
    """
    kind = type(expr)
    row = ROWS.get(full_name(kind))
    if row is not None:
        return row
    family = [full_name(base) for base in kind.__mro__]
    if "sympy.core.basic.Basic" not in family:
        return Row(leaf=lambda reader, number, _scope: _python_number(reader, number))
    name = quoted(kind.__name__)[1:-1]
    if _SYMPY_FUNCTION in family:
        return _function(kind.__name__, name, ours=family[0].startswith("sympy."))
    return _refused(unknown(name))


def _function(name: str, shown: str, *, ours: bool) -> Row:
    found = function(name)
    if ours and found is not None:
        return _called(shown, name)
    if ours:
        return _refused(unknown(shown))
    if hasattr(sys.modules.get("sympy"), name):
        message = f"expected sympy.{shown}, found another function named {shown}"
        return _refused(message)
    if found is not None:
        return _called(shown, name)
    advice = "; write a symbol for it, or add it with ob.op"
    return _refused(unknown(f"the function {shown}") + advice)


def full_name(kind: type) -> str:
    """Return a class's name with its module."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _python_number(reader: Reader, number: Any) -> Node:
    value = to_number(number)
    if isinstance(value, bool):
        return reader.graph.const(value)
    return reader.number(value)
