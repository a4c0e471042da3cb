"""Translate expressions of portable functions, typed as Numba types them.

Comes in: expressions of Python's syntax tree, and the values of variables. Goes out:
instructions. What is outside of the subset is an `UnsupportedError` with its line.
"""

from __future__ import annotations

import ast
import inspect
import operator
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from overbar.codegen.machine import elementary, rounding
from overbar.codegen.machine.instructions import (
    FLOATS,
    Instructions,
    Meeting,
    Term,
    Value,
    joined,
)
from overbar.ir.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Variables = dict[str, Term]

_FOLDED: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Pow: operator.pow, ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("fadd", "add"), ast.Sub: ("fsub", "sub"), ast.Mult: ("fmul", "mul"),
}  # fmt: skip
"""Instructions for floats and for integers."""
_ROUNDING = {ast.Mod: "modulo", ast.FloorDiv: "quotient"}
_TESTS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("fcmp olt", "icmp slt"), ast.LtE: ("fcmp ole", "icmp sle"),
    ast.Gt: ("fcmp ogt", "icmp sgt"), ast.GtE: ("fcmp oge", "icmp sge"),
    ast.Eq: ("fcmp oeq", "icmp eq"), ast.NotEq: ("fcmp une", "icmp ne"),
}  # fmt: skip
_LARGEST_POWER = 0x10000
"""The exponent up to which Numba multiplies."""
_WORD = 2**63


class Caller(elementary.Caller, Protocol):
    """Give the symbols of all functions that are called."""

    def function(
        self, function: Callable[..., Any], dtypes: tuple[str, ...]
    ) -> tuple[str, str | tuple[str, ...]]:
        """Return the symbol of a portable function and the dtype of its result."""


class Expressions:
    """Translate expressions of one function.

    function: the Python function; first: the line in its file where it starts.
    """

    def __init__(
        self, function: Any, first: int, code: Instructions, caller: Caller
    ) -> None:
        self.function = function
        self.first = first
        self.code = code
        self.caller = caller

    def refuse(self, node: ast.AST, expected: str, found: str) -> NoReturn:
        """Raise an error that names the function and the line."""
        line = self.first + getattr(node, "lineno", 1) - 1
        name = self.function.__name__
        message = f"expected {expected} in {name}, found {found} (line {line})"
        raise UnsupportedError(message)

    # -- values ------------------------------------------------------------------------

    def term(self, node: ast.expr, env: Variables) -> Term:
        """Return the value of an expression: a number or a tuple of numbers."""
        translate = _EXPRESSIONS.get(type(node))
        if translate is None:
            self.refuse(node, "arithmetic of numbers", ast.unparse(node))
        try:
            return translate(self, node, env)
        except Meeting as error:
            self.refuse(node, "values of one type", str(error))

    def value(self, node: ast.expr, env: Variables) -> Value:
        """Return the value of an expression that is a number."""
        found = self.term(node, env)
        if not isinstance(found, Value):
            self.refuse(node, "a number", f"the tuple {ast.unparse(node)}")
        return found

    def condition(self, node: ast.expr, env: Variables) -> Value:
        """Return the value of an expression that is true or false."""
        found = self.value(node, env)
        if found.dtype != "bool":
            self.refuse(node, "a condition", ast.unparse(node))
        return found

    def _constant(self, node: ast.Constant, _: Variables) -> Term:
        number = node.value
        if type(number) is float:
            return self.code.constant(number, "float64")
        if type(number) is int and -_WORD <= number < _WORD:
            return self.code.constant(number, "int64")
        if type(number) is bool:
            return self.code.constant(number, "bool")
        self.refuse(node, "a number", ast.unparse(node))

    def _name(self, node: ast.Name, env: Variables) -> Term:
        if node.id not in env:
            self.refuse(node, "a variable that has a value on every path", node.id)
        return env[node.id]

    def _attribute(self, node: ast.Attribute, env: Variables) -> Term:
        name = self._dotted(node, env)
        if name not in elementary.CONSTANTS:
            self.refuse(node, "a known constant", name)
        return self.code.constant(elementary.CONSTANTS[name], "float64")

    def _tuple(self, node: ast.Tuple, env: Variables) -> Term:
        return tuple(self.value(e, env) for e in node.elts)

    def _item(self, node: ast.Subscript, env: Variables) -> Term:
        whole, place = self.term(node.value, env), node.slice
        index = place.value if isinstance(place, ast.Constant) else None
        if not isinstance(whole, tuple) or type(index) is not int:
            self.refuse(node, "an entry of a tuple", ast.unparse(node))
        if not -len(whole) <= index < len(whole):
            self.refuse(node, "an entry of a tuple", ast.unparse(node))
        return whole[index]

    def _either(self, node: ast.IfExp, env: Variables) -> Term:
        test = self.condition(node.test, env)
        return self.chosen(node, test, env)

    def chosen(self, node: ast.IfExp, test: Value, env: Variables) -> Term:
        """Return one of two expressions, both of which are computed."""
        yes, no = self.term(node.body, env), self.term(node.orelse, env)
        return self.selected(test, yes, no)

    def selected(self, test: Value, yes: Term, no: Term) -> Term:
        """Return one of two values, in their common type."""
        code = self.code
        if isinstance(yes, Value) and isinstance(no, Value):
            dtype = joined(yes.dtype, no.dtype)
            return code.select(test, code.cast(yes, dtype), code.cast(no, dtype))
        if isinstance(yes, Value) or isinstance(no, Value) or len(yes) != len(no):
            raise Meeting("a number or a tuple, or tuples of other lengths")
        pairs = zip(yes, no, strict=True)
        found = [self.selected(test, a, b) for a, b in pairs]
        return tuple(v for v in found if isinstance(v, Value))

    # -- operators ---------------------------------------------------------------------

    def _binary(self, node: ast.BinOp, env: Variables) -> Term:
        left, right = self.value(node.left, env), self.value(node.right, env)
        return self.operated(node, node.op, left, right)

    def operated(
        self, node: ast.AST, op: ast.operator, left: Value, right: Value
    ) -> Value:
        """Return a binary operator's result."""
        code = self.code
        if "bool" in {left.dtype, right.dtype}:
            self.refuse(node, "arithmetic of numbers", "a condition as an operand")
        if isinstance(op, ast.Pow):
            return self._power(node, left, right)
        dtype = joined(left.dtype, right.dtype)
        if isinstance(op, ast.Div) and dtype == "int64":
            dtype = "float64"
        a, b = code.cast(left, dtype), code.cast(right, dtype)
        if isinstance(op, ast.Div):
            return code.operate(f"fdiv {code.flags}".rstrip(), a, b)
        if type(op) in _ROUNDING:
            return self._rounded(_ROUNDING[type(op)], a, b)
        if type(op) not in _ARITHMETIC:
            self.refuse(node, "an operator of arithmetic", type(op).__name__)
        real, whole = _ARITHMETIC[type(op)]
        name = f"{real} {code.flags}".rstrip() if dtype in FLOATS else whole
        return code.operate(name, a, b)

    def _rounded(self, name: str, x: Value, y: Value) -> Value:
        """Return a remainder or a whole quotient."""
        if x.dtype == "int64":
            return getattr(rounding, f"write_{name}")(self.code, x, y)  # type: ignore[no-any-return]
        single = "_single" if x.dtype == "float32" else ""
        function = getattr(rounding, f"float_{name}{single}")
        return self._call(function, (x, y))  # type: ignore[return-value]

    def _power(self, node: ast.AST, x: Value, y: Value) -> Value:
        """Return a power: by products for a literal whole exponent."""
        code = self.code
        if y.dtype != "int64":
            dtype = joined(x.dtype, y.dtype)
            symbol = self.caller.elementary("pow", dtype, 2)
            return code.call(symbol, (code.cast(x, dtype), code.cast(y, dtype)), dtype)
        if type(y.number) is not int or abs(y.number) > _LARGEST_POWER:
            self.refuse(node, "a literal or a float as an exponent", "an integer")
        if x.dtype == "int64" and y.number < 0:
            self.refuse(node, "an exponent of 0 or more", str(y.number))
        times = "mul" if x.dtype == "int64" else f"fmul {code.flags}".rstrip()
        result, factor, left = None, x, abs(y.number)
        while left:
            if left & 1:
                result = factor if result is None else code.operate(times, result, factor)
            left >>= 1
            if left:
                factor = code.operate(times, factor, factor)
        if result is None:
            return code.constant(1, x.dtype)
        if y.number < 0:
            one = code.constant(1.0, x.dtype)
            return code.operate(f"fdiv {code.flags}".rstrip(), one, result)
        return result

    def _unary(self, node: ast.UnaryOp, env: Variables) -> Term:
        code = self.code
        if isinstance(node.op, ast.Not):
            return code.negated(self.condition(node.operand, env))
        x = self.value(node.operand, env)
        if x.dtype == "bool" or not isinstance(node.op, ast.USub | ast.UAdd):
            self.refuse(node, "an operator of arithmetic", ast.unparse(node))
        if isinstance(node.op, ast.UAdd):
            return x
        if x.dtype == "int64":
            return code.operate("sub", code.constant(0, "int64"), x)
        return code.operate("fneg", x)

    def _compare(self, node: ast.Compare, env: Variables) -> Term:
        values = [self.value(e, env) for e in (node.left, *node.comparators)]
        found = None
        for op, x, y in zip(node.ops, values[:-1], values[1:], strict=True):
            test = self._test(node, op, x, y)
            found = test if found is None else self.code.both(found, test)
        return found or self.code.constant(1, "bool")

    def _test(self, node: ast.AST, op: ast.cmpop, x: Value, y: Value) -> Value:
        if type(op) not in _TESTS:
            self.refuse(node, "a comparison of numbers", type(op).__name__)
        dtype = joined(x.dtype, y.dtype)
        if dtype == "bool" and not isinstance(op, ast.Eq | ast.NotEq):
            self.refuse(node, "a comparison of numbers", "conditions")
        test = _TESTS[type(op)][dtype not in FLOATS]
        x, y = self.code.cast(x, dtype), self.code.cast(y, dtype)
        return self.code.operate(test, x, y, dtype="bool")

    def _logical(self, node: ast.BoolOp, env: Variables) -> Term:
        values = [self.condition(e, env) for e in node.values]
        join = self.code.both if isinstance(node.op, ast.And) else self.code.either
        whole = values[0]
        for value in values[1:]:
            whole = join(whole, value)
        return whole

    # -- calls -------------------------------------------------------------------------

    def _dotted(self, node: ast.expr, env: Variables) -> str:
        """Return `math.name` or `np.name`, as what the function itself means by it."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = node.value.id
            module = getattr(self.function.__globals__.get(name), "__name__", None)
            short = {"math": "math", "numpy": "np"}.get(str(module))
            if short is not None and name not in env:
                return f"{short}.{node.attr}"
        self.refuse(node, "a name of math or np", ast.unparse(node))

    def _called(self, node: ast.Call, env: Variables) -> Term:
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            self.refuse(node, "plain arguments", ast.unparse(node))
        name = node.func.id if isinstance(node.func, ast.Name) else None
        given = [self.value(a, env) for a in node.args]
        if name is None:
            return self._elementary(node, self._dotted(node.func, env), given)
        found = self.function.__globals__.get(name)
        if name not in env and inspect.isfunction(found):
            if len(given) != len(inspect.signature(found).parameters):
                self.refuse(node, "an argument for each parameter", ast.unparse(node))
            return self._call(found, given)
        if name in env or found is not None:
            self.refuse(node, "a function", name)
        if name in {"min", "max"} and len(given) > 1:
            return self._extremum(name, given)
        if name == "abs" and len(given) == 1 and given[0].dtype == "int64":
            negative = self.code.operate(
                "icmp slt", given[0], self.code.constant(0, "int64"), dtype="bool"
            )
            minus = self.code.operate("sub", self.code.constant(0, "int64"), given[0])
            return self.code.select(negative, minus, given[0])
        return self._elementary(node, "np.abs" if name == "abs" else name, given)

    def _elementary(self, node: ast.AST, name: str, given: Sequence[Value]) -> Value:
        try:
            return elementary.write(name, self.code, self.caller, given)
        except KeyError:
            self.refuse(node, "a known function", name)
        except Meeting:
            raise
        except ValueError as error:
            self.refuse(node, f"numbers that {name} takes", str(error))

    def _extremum(self, name: str, given: Sequence[Value]) -> Value:
        """Return Python's `max` or `min`: a later one only where it is beyond."""
        code, whole = self.code, given[0]
        for value in given[1:]:
            dtype = joined(whole.dtype, value.dtype)
            if dtype == "bool":
                raise Meeting("conditions")
            old, new = code.cast(whole, dtype), code.cast(value, dtype)
            test = _TESTS[ast.Gt if name == "max" else ast.Lt][dtype not in FLOATS]
            whole = code.select(code.operate(test, new, old, dtype="bool"), new, old)
        return whole

    def _call(self, function: Callable[..., Any], given: Sequence[Value]) -> Term:
        """Call a portable function; several results come as a structure."""
        code = self.code
        symbol, dtype = self.caller.function(function, tuple(x.dtype for x in given))
        if isinstance(dtype, str):
            return code.call(symbol, given, dtype)
        kind = f"{{ {', '.join(map(code.kind, dtype))} }}"
        operands = ", ".join(f"{code.kind(x.dtype)} {x.text}" for x in given)
        whole = code.make(f"call {kind} {symbol}({operands})", dtype[0])
        return tuple(
            code.make(f"extractvalue {kind} {whole.text}, {i}", d)
            for i, d in enumerate(dtype)
        )


_EXPRESSIONS: dict[type[ast.expr], Callable[..., Term]] = {
    ast.Constant: Expressions._constant,  # noqa: SLF001 - a table of methods
    ast.Name: Expressions._name,  # noqa: SLF001
    ast.Attribute: Expressions._attribute,  # noqa: SLF001
    ast.Tuple: Expressions._tuple,  # noqa: SLF001
    ast.Subscript: Expressions._item,  # noqa: SLF001
    ast.IfExp: Expressions._either,  # noqa: SLF001
    ast.BinOp: Expressions._binary,  # noqa: SLF001
    ast.UnaryOp: Expressions._unary,  # noqa: SLF001
    ast.Compare: Expressions._compare,  # noqa: SLF001
    ast.BoolOp: Expressions._logical,  # noqa: SLF001
    ast.Call: Expressions._called,  # noqa: SLF001
}


class Folding(ast.NodeTransformer):
    """Compute arithmetic of literals, as Python does before Numba sees it."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Fold a binary operator."""
        self.generic_visit(node)
        return self._folded(node, node.op, node.left, node.right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """Fold a sign."""
        self.generic_visit(node)
        return self._folded(node, node.op, node.operand)

    def _folded(self, node: ast.AST, op: ast.AST, *operands: ast.expr) -> ast.AST:
        numbers = [e.value for e in operands if isinstance(e, ast.Constant)]
        known = len(numbers) == len(operands) and type(op) in _FOLDED
        if not known or any(type(n) not in {int, float} for n in numbers):
            return node
        try:
            number = _FOLDED[type(op)](*numbers)
        except ArithmeticError:
            return node
        if type(number) not in {int, float}:
            return node
        return ast.copy_location(ast.Constant(number), node)
