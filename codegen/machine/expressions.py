"""Translate expressions of portable functions.

Comes in: expressions of Python's syntax tree, and the values of variables. Goes out:
instructions. What is outside of the subset is an `UnsupportedError` with its line.
"""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING, Any, NoReturn

from overbar.codegen.machine import elementary, operators
from overbar.codegen.machine.instructions import Instructions, Term, UnfitError, Value
from overbar.ir.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.codegen.machine.operators import Caller

Variables = dict[str, Term]
_EXTREMA = {"max": ast.Gt(), "min": ast.Lt()}
_MODULES = {"math": "math", "numpy": "np"}
_WORD = 2**63


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

    def term(self, node: ast.expr, env: Variables) -> Term:
        """Return the value of an expression: a number or a tuple of numbers."""
        translate = _EXPRESSIONS.get(type(node))
        if translate is None:
            self.refuse(node, "arithmetic of numbers", ast.unparse(node))
        try:
            return translate(self, node, env)
        except UnfitError as error:
            self.refuse(node, error.expected, error.found)

    def value(self, node: ast.expr, env: Variables) -> Value:
        """Return the value of an expression that is a number."""
        found = self.term(node, env)
        if not isinstance(found, Value):
            raise UnfitError("a number", f"the tuple {ast.unparse(node)}")
        return found

    def condition(self, node: ast.expr, env: Variables) -> Value:
        """Return the value of an expression that is true or false."""
        found = self.value(node, env)
        if found.dtype != "bool":
            raise UnfitError("a condition", ast.unparse(node))
        return found

    def chosen(self, node: ast.IfExp, test: Value, env: Variables) -> Term:
        """Return one of two expressions, both of which are computed."""
        yes, no = self.term(node.body, env), self.term(node.orelse, env)
        return operators.selected(self.code, test, yes, no)

    # -- one function for each kind of expression --------------------------------------

    def _constant(self, node: ast.Constant, _: Variables) -> Term:
        number = node.value
        dtypes = {float: "float64", int: "int64", bool: "bool"}
        dtype = dtypes.get(type(number))
        large = type(number) is int and not -_WORD <= number < _WORD
        if dtype is None or large or not isinstance(number, float | int):
            raise UnfitError("a number", ast.unparse(node))
        return self.code.constant(number, dtype)

    def _name(self, node: ast.Name, env: Variables) -> Term:
        if node.id not in env:
            raise UnfitError("a variable with a value on every path", node.id)
        return env[node.id]

    def _attribute(self, node: ast.Attribute, env: Variables) -> Term:
        name = self._dotted(node, env)
        if name not in elementary.CONSTANTS:
            raise UnfitError("a known constant", name)
        return self.code.constant(elementary.CONSTANTS[name], "float64")

    def _tuple(self, node: ast.Tuple, env: Variables) -> Term:
        return tuple(self.value(e, env) for e in node.elts)

    def _item(self, node: ast.Subscript, env: Variables) -> Term:
        whole = self.term(node.value, env)
        index = node.slice.value if isinstance(node.slice, ast.Constant) else None
        size = len(whole) if isinstance(whole, tuple) else 0
        if type(index) is not int or not -size <= index < size:
            raise UnfitError("an entry of a tuple", ast.unparse(node))
        return whole[index]  # type: ignore[index] # it is a tuple

    def _either(self, node: ast.IfExp, env: Variables) -> Term:
        return self.chosen(node, self.condition(node.test, env), env)

    def _binary(self, node: ast.BinOp, env: Variables) -> Term:
        left, right = self.value(node.left, env), self.value(node.right, env)
        return operators.binary(node.op, self.code, self.caller, left, right)

    def _unary(self, node: ast.UnaryOp, env: Variables) -> Term:
        if isinstance(node.op, ast.Not):
            return self.code.negated(self.condition(node.operand, env))
        x = self.value(node.operand, env)
        if x.dtype == "bool" or not isinstance(node.op, ast.USub | ast.UAdd):
            raise UnfitError("an operator of arithmetic", ast.unparse(node))
        return operators.negative(self.code, x) if isinstance(node.op, ast.USub) else x

    def _compare(self, node: ast.Compare, env: Variables) -> Term:
        values = [self.value(e, env) for e in (node.left, *node.comparators)]
        whole = self.code.constant(1, "bool")
        for op, x, y in zip(node.ops, values[:-1], values[1:], strict=True):
            whole = self.code.both(whole, operators.compare(op, self.code, x, y))
        return whole

    def _logical(self, node: ast.BoolOp, env: Variables) -> Term:
        join = self.code.both if isinstance(node.op, ast.And) else self.code.either
        whole, *rest = [self.condition(e, env) for e in node.values]
        for value in rest:
            whole = join(whole, value)
        return whole

    # -- calls -------------------------------------------------------------------------

    def _dotted(self, node: ast.expr, env: Variables) -> str:
        """Return `math.name` or `np.name`, whatever the function calls the module."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = node.value.id
            module = getattr(self.function.__globals__.get(name), "__name__", None)
            if module in _MODULES and name not in env:
                return f"{_MODULES[module]}.{node.attr}"
        raise UnfitError("a name of math or np", ast.unparse(node))

    def _called(self, node: ast.Call, env: Variables) -> Term:
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            raise UnfitError("plain arguments", ast.unparse(node))
        given = [self.value(a, env) for a in node.args]
        if not isinstance(node.func, ast.Name):
            name = self._dotted(node.func, env)
            return elementary.write(name, self.code, self.caller, given)
        name = node.func.id
        found = self.function.__globals__.get(name)
        if name in env or not (found is None or inspect.isfunction(found)):
            raise UnfitError("a function", name)
        if found is not None:
            return self._call(found, given)
        if name in _EXTREMA and len(given) > 1:
            return operators.extremum(_EXTREMA[name], self.code, given)
        if name == "abs" and [x.dtype for x in given] == ["int64"]:
            return operators.absolute(self.code, given[0])
        name = "np.abs" if name == "abs" else name
        return elementary.write(name, self.code, self.caller, given)

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
