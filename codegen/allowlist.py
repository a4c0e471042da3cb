"""Decide whether the text of a generated module may be executed.

Comes in: source text. Goes out: its syntax tree, to be compiled as it is, or an
`OverbarError` that names the line. The printers emit validated names only; this is the
second lock on the same door, so it knows nothing of how the text was made: what is not
listed here is refused.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, NoReturn

from overbar.ir.errors import OverbarError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Module -> the names of it that may be used. Only what means the same, to the last bit,
# in Numba and in plain Python (see libm.py) is listed. `math.gamma`, `math.lgamma`,
# `math.hypot`, `np.remainder` and `np.floor_divide` differ, `math.floor` gives an
# integer, and `math.cbrt` is unknown to Numba.
IMPORTS: dict[str, frozenset[str]] = {
    "math": frozenset(
        """acos acosh asin asinh atan atan2 atanh copysign cos cosh degrees e erf erfc
        exp exp2 expm1 fabs inf isfinite isinf isnan log log10 log1p log2 nan pi
        radians sin sinh sqrt tan tanh tau""".split()  # noqa: SIM905 - words
    ),
    "numpy": frozenset(
        """abs arccos arccosh arcsin arcsinh arctan arctan2 arctanh cbrt ceil copysign
        cos cosh deg2rad e exp exp2 expm1 fabs floor fmax fmin fmod hypot inf isfinite
        isinf isnan log log10 log1p log2 logaddexp maximum minimum nan nextafter pi
        power rad2deg reciprocal rint sign signbit sin sinh sqrt square tan tanh trunc
        where

        bool_ float32 float64 int64

        arange argmax argmin array ascontiguousarray dot empty empty_like eye full iinfo
        ones ones_like outer stack transpose zeros zeros_like
        """.split()  # noqa: SIM905 - words
    ),
    "numpy.linalg": frozenset(
        {"cholesky", "det", "eigh", "eigvalsh", "inv", "slogdet", "solve", "svd"}
    ),
    "numba": frozenset({"njit", "prange"}),
}
DECORATORS = frozenset({"njit"})
OPTIONS = frozenset(
    {"boundscheck", "cache", "error_model", "fastmath", "inline", "nogil", "parallel"}
)
BUILTINS = frozenset(
    {"IndexError", "abs", "bool", "float", "int", "len", "max", "min", "range", "tuple"}
)
# Attributes of values (arrays, np.iinfo), as opposed to those of imported modules.
VALUE_ATTRIBUTES = frozenset(
    {"T", "copy", "dtype", "max", "min", "ndim", "ravel", "reshape", "shape", "size"}
)
CONSTANTS = frozenset({bool, float, int, str, type(None), type(...)})

_TOP = frozenset(
    {ast.AnnAssign, ast.Assign, ast.Expr, ast.FunctionDef, ast.Import, ast.ImportFrom}
)
_ONLY_TOP = (ast.FunctionDef, ast.Import, ast.ImportFrom)
_NODES = _TOP | {
    *(ast.Module, ast.arguments, ast.arg, ast.alias, ast.keyword),
    *(ast.AugAssign, ast.Break, ast.Continue, ast.For, ast.If, ast.Pass, ast.Return),
    *(
        ast.Raise,
        ast.While,
        ast.Attribute,
        ast.BinOp,
        ast.BoolOp,
        ast.Call,
        ast.Compare,
    ),
    *(ast.Constant, ast.IfExp, ast.List, ast.Name, ast.Set, ast.Slice, ast.Subscript),
    *(ast.Tuple, ast.UnaryOp, ast.Load, ast.Store, ast.And, ast.Or, ast.Not),
    *(ast.UAdd, ast.USub, ast.Invert, ast.Add, ast.Sub, ast.Mult, ast.Div),
    *(ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult, ast.BitAnd, ast.BitOr, ast.BitXor),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
}


def check(source: str) -> ast.Module:
    """Parse a generated module and return its tree, or raise `OverbarError`."""
    for number, line in enumerate(source.split("\n"), 1):
        if not line.isprintable():  # control, bidirectional and zero-width characters
            _refuse(number, "printable characters", ascii(line))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        found = getattr(error, "msg", error)
        _refuse(getattr(error, "lineno", None) or 1, "Python source", str(found))
    _Checker(tree, source.split("\n")).run()
    return tree


def _refuse(line: int, expected: str, found: str) -> NoReturn:
    raise OverbarError(
        f"expected {expected} in the generated module, found {found} (line {line})"
    )


def _check_identifier(name: str, line: int) -> None:
    if name.startswith("__"):
        _refuse(line, "names without two leading underscores", name)


class _Checker:
    """Walk a module once to learn its names and once to check every node."""

    def __init__(self, tree: ast.Module, lines: list[str]) -> None:
        self.tree = tree
        self.lines = lines
        self.nodes = list(_walk(tree))
        self.modules: dict[str, str] = {}  # what nothing may rebind -> its module
        self.bound: dict[str, list[int]] = {}  # every other name -> the lines
        self.decorators = set(DECORATORS)

    def run(self) -> None:
        """Check the module."""
        for node in self.nodes:
            if type(node) not in _NODES:
                line = getattr(node, "lineno", 1)
                _refuse(line, "plain assignments and calls", type(node).__name__)
        self._top()
        for node in self.nodes:
            if learn := _LEARN.get(type(node)):
                learn(self, node)
        for name, lines in self.bound.items():
            if name in self.modules or (name in self.decorators and lines[1:]):
                _refuse(lines[-1], f"{name} to stay what it is", f"{name} = ...")
        for node in self.nodes:
            if test := _TESTS.get(type(node)):
                test(self, node)

    def _top(self) -> None:
        """Check that importing the module runs nothing but definitions."""
        top = {id(statement) for statement in self.tree.body}
        for statement in self.tree.body:
            if type(statement) not in _TOP:
                kind = type(statement).__name__
                _refuse(statement.lineno, "definitions on the outside", kind)
            if isinstance(statement, ast.FunctionDef):
                self._signature(statement)
            elif isinstance(statement, ast.Assign) and self._is_decorator(statement):
                self.decorators |= {name.id for name in _names(statement.targets)}
            elif _has_call(statement):
                _refuse(statement.lineno, "definitions on the outside", "a call")
        for node in self.nodes:
            if isinstance(node, _ONLY_TOP) and id(node) not in top:
                kind = type(node).__name__
                _refuse(node.lineno, "it on the outside only", kind)

    def _signature(self, function: ast.FunctionDef) -> None:
        """Check what runs when a function is defined: all of it but its body."""
        for decorator in function.decorator_list:
            if not self._is_njit(decorator):
                line = decorator.lineno
                _refuse(line, "njit with constant options", self.lines[line - 1])
        for part in (function.args, function.returns):
            if part and _has_call(part):
                _refuse(function.lineno, "constant defaults", "a call")

    def _is_decorator(self, node: ast.Assign) -> bool:
        """Whether an assignment gives a name to `njit` with its options."""
        named = len(_names(node.targets)) == len(node.targets)
        return named and isinstance(node.value, ast.Call) and self._is_njit(node.value)

    def _is_njit(self, node: ast.expr) -> bool:
        """Whether a decorator is `njit`, one with constant options, or a name of it."""
        name, options = node, list[ast.keyword]()
        if isinstance(node, ast.Call) and not node.args:
            name, options = node.func, node.keywords
        return (
            isinstance(name, ast.Name)
            and name.id in self.decorators
            and all(
                option.arg in OPTIONS and _is_constant(option.value)
                for option in options
            )
        )

    def learn_import(self, node: ast.Import) -> None:
        """Note the names that `import` binds to modules."""
        for alias in node.names:
            if alias.name not in IMPORTS:
                _refuse(node.lineno, f"an import among {_list(IMPORTS)}", alias.name)
            name = alias.asname or alias.name
            _check_identifier(name, node.lineno)
            self.modules[name] = alias.name

    def learn_import_from(self, node: ast.ImportFrom) -> None:
        """Note the names that `from ... import` binds."""
        module = node.module or ""
        if node.level or module not in IMPORTS:
            found = "." * node.level + module
            _refuse(node.lineno, f"an import among {_list(IMPORTS)}", found)
        for alias in node.names:
            if alias.name not in IMPORTS[module]:
                found = f"{module}.{alias.name}"
                _refuse(node.lineno, f"a listed name of {module}", found)
            name = alias.asname or alias.name
            if name != alias.name and DECORATORS & {name, alias.name}:
                _refuse(node.lineno, "decorators under their own names", name)
            if name in DECORATORS:
                self.modules[name] = module
            else:
                self._bind(name, node.lineno)

    def learn_function(self, node: ast.FunctionDef) -> None:
        """Note a function's name."""
        self._bind(node.name, node.lineno)

    def learn_argument(self, node: ast.arg) -> None:
        """Note an argument's name."""
        self._bind(node.arg, node.lineno)

    def learn_name(self, node: ast.Name) -> None:
        """Note an assigned name."""
        if isinstance(node.ctx, ast.Store):
            self._bind(node.id, node.lineno)

    def _bind(self, name: str, line: int) -> None:
        _check_identifier(name, line)
        self.bound.setdefault(name, []).append(line)

    def test_name(self, node: ast.Name) -> None:
        """Check that a name that is read was bound here or is a harmless builtin."""
        name = node.id
        if not (name in self.bound or name in self.modules or name in BUILTINS):
            _refuse(node.lineno, "a name bound in the module", name)

    def test_attribute(self, node: ast.Attribute) -> None:
        """Check an attribute against the list of its module, or that of values."""
        module = self._module(node.value)
        names = IMPORTS[module] if module else VALUE_ATTRIBUTES
        if self._module(node) is not None:  # numpy.linalg
            return
        if node.attr not in names or not isinstance(node.ctx, ast.Load):
            of = module or "an array"
            _refuse(node.lineno, f"a listed attribute of {of}", node.attr)

    def _module(self, node: ast.expr) -> str | None:
        """Return the module that a name or a dotted name stands for."""
        if isinstance(node, ast.Name):
            return self.modules.get(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{self.modules.get(node.value.id)}.{node.attr}"
            return name if name in IMPORTS else None
        return None

    def test_raise(self, node: ast.Raise) -> None:
        """Check that nothing is raised but a bare IndexError."""
        named = isinstance(node.exc, ast.Name) and node.exc.id == "IndexError"
        if not named or node.cause is not None:
            _refuse(
                node.lineno, "raise IndexError", self.lines[node.lineno - 1].strip()
            )

    def test_constant(self, node: ast.Constant) -> None:
        """Check a constant's type."""
        if type(node.value) not in CONSTANTS:
            _refuse(node.lineno, "a number or a text", type(node.value).__name__)

    def test_expression(self, node: ast.Expr) -> None:
        """Check that a statement that is an expression is a docstring, or np.dot."""
        value = node.value
        text = isinstance(value, ast.Constant) and isinstance(value.value, str)
        into = isinstance(value, ast.Call) and ast.unparse(value.func) == "np.dot"
        if not text and not into:
            _refuse(node.lineno, "a docstring", self.lines[node.lineno - 1].strip())


def _is_constant(node: ast.expr) -> bool:
    """Whether an option is a constant or a set of constants."""
    if isinstance(node, ast.Set):
        return all(isinstance(e, ast.Constant) for e in node.elts)
    return isinstance(node, ast.Constant)


def _names(nodes: list[ast.expr]) -> list[ast.Name]:
    return [node for node in nodes if isinstance(node, ast.Name)]


def _has_call(tree: ast.AST) -> bool:
    return any(type(node) is ast.Call for node in _walk(tree))


def _walk(tree: ast.AST) -> Iterable[ast.AST]:
    """Yield every node below `tree`, without recursion and without a queue of lists."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        for name in node._fields:
            value = getattr(node, name)
            if isinstance(value, list):
                stack.extend(item for item in value if isinstance(item, ast.AST))
            elif isinstance(value, ast.AST):
                stack.append(value)


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


_LEARN: dict[type[ast.AST], Callable[[_Checker, Any], None]] = {
    ast.Import: _Checker.learn_import,
    ast.ImportFrom: _Checker.learn_import_from,
    ast.FunctionDef: _Checker.learn_function,
    ast.arg: _Checker.learn_argument,
    ast.Name: _Checker.learn_name,
}
_TESTS: dict[type[ast.AST], Callable[[_Checker, Any], None]] = {
    ast.Name: _Checker.test_name,
    ast.Attribute: _Checker.test_attribute,
    ast.Constant: _Checker.test_constant,
    ast.Raise: _Checker.test_raise,
    ast.Expr: _Checker.test_expression,
}
