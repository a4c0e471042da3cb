"""Open the door: read a formula of any kind and hand back its compiled function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overbar.arguments import Argument, listed
from overbar.ir.collector import paused
from overbar.ir.errors import InputError, UnsupportedError
from overbar.ir.graph import Graph
from overbar.ir.node import is_condition
from overbar.ir.ops.piecewise import CONVENTIONS
from overbar.ir.source import Source
from overbar.levels import rewrite_for
from overbar.masks import settle
from overbar.options import Options
from overbar.progress import Progress
from overbar.read.expression import Expression
from overbar.read.files import read_file
from overbar.read.functions import nearest
from overbar.shaped import compiled
from overbar.traced_inputs import DictInput
from overbar.tracing import is_function, trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.function import CompiledFunction
    from overbar.ir.graph import Node

_REDUCTIONS = (None, "sum", "mean")


@paused
def compile(
    expr: Any,
    wrt: Any = None,
    inputs: Sequence[Any] | Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    kinks: str = "half",
    accuracy: str = "standard",
    backend: str = "auto",
    reduce: str | None = None,
) -> CompiledFunction:
    """Compile a formula into a function with exact derivatives.

    >>> import overbar as ob
    >>> f = ob.compile("x*exp(-x)")
    >>> f(0.0), f.grad(0.0)
    (0.0, (x=1.0))

    expr: a SymPy expression or Matrix, a text in the expression language, an
        expression made with `ob.param`, a sequence or dict of these (several
        outputs), or a Python function of NumPy code, which is called once on formulas.
    wrt: names or symbols to differentiate with respect to; by default the params, or
        every input where no role was declared. A single one, given by itself, makes
        gradients come bare.
    inputs: the order of the call; an entry that is a sequence of symbols becomes one
        array argument. By default the order of declaration, else natural order by
        name, those with a default value last. For a function: a dict of shapes by
        argument, `{"W": ("m", "n"), "k": ((), "int64"), "params": {"b": ("m",)}}`.
    name: of the formula, in file names and headers.
    kinks: the derivative at kinks: "half", "left", "right" or "zero".
    accuracy: "strict" (operations as written) or "standard" (stabilised).
    backend: "auto" (machine code made by LLVM, where it serves, else by Numba), "numba"
        (of the generated source), "python" (that as it is), "reference" (node by node).
    reduce: "sum" or "mean" over mapped data, parameters staying plain numbers.

    Nothing is compiled to machine code before it is first called. Raises ParseError,
    UnsupportedError, ShapeError, InputError or LimitError, each pointing at the place.
    """
    if kinks not in CONVENTIONS:
        message = f"expected kinks {', '.join(CONVENTIONS)}, found {kinks!r}"
        raise InputError(message)
    if reduce not in _REDUCTIONS:
        message = f"expected reduce 'sum', 'mean' or None, found {reduce!r}"
        raise InputError(message)
    graph = Graph(
        kinks=kinks, rewrite=rewrite_for(accuracy), strict=accuracy == "strict"
    )
    variables: Mapping[str, Expression] = {}
    if is_function(expr):
        traced = trace(expr, inputs, wrt)
        expr, inputs, variables = traced.outputs, traced.inputs, traced.variables
        graph.doc = traced.doc
        if name is None and traced.name.isidentifier():
            name = traced.name
    groups = _groups(inputs)
    with Progress("reading"):
        shape = _read(expr, graph, groups, variables)
        settle(graph)
    arguments = _order(graph, None if inputs is None else groups)
    names, bare = _wrt(graph, wrt, groups)
    options = Options(names, bare, _stem(name), accuracy, backend, reduce, shape)
    return compiled(graph, arguments, options)


def load(path: str | Path, wrt: Any = None, **options: Any) -> CompiledFunction:
    """Compile an expression file; options are those of `compile`.

    Raises InputError where the file cannot be read, and what `compile` raises.
    """
    return compile(read_file(path), wrt, **{"name": Path(path).stem, **options})


def _stem(name: object) -> str:
    if not isinstance(name, str | None):
        message = f"expected a text as name, found {type(name).__name__}"
        raise InputError(message)
    stem = "".join(c if c.isascii() and c.isalnum() else "_" for c in name or "formula")
    return stem if stem[:1].isalpha() else f"formula_{stem}"


def _read(
    expr: Any,
    graph: Graph,
    groups: Sequence[_Group],
    variables: Mapping[str, Expression],
) -> tuple[int, ...] | None:
    """Read a formula of any kind; return the value's shape if it is an array."""
    from overbar.read.symbolic import flatten, is_sympy, read_sympy

    if isinstance(expr, str | Source):
        from overbar.read.text import read_text

        read_text(expr if isinstance(expr, Source) else Source("<string>", expr), graph)
        return None
    outputs, shape = flatten(expr)
    given = [m for g in groups for m in g.given if not isinstance(m, str)]
    if any(map(is_sympy, outputs.values())):
        read_sympy(outputs, graph, given or None)
    else:
        _check_formulas(list(outputs.values()))
        from overbar.read.build import read_expressions

        read_expressions(outputs, graph, given or None, variables)
        for name, output in outputs.items():
            if is_condition(graph.outputs[name]):
                message = f"expected a number, found the condition {output!r}; "
                message += "ob.where(condition, 1, 0) makes a number of it"
                raise InputError(message)
    if any(node.type.shape for node in graph.outputs.values()):
        return None  # arrays are outputs of their own
    return shape


def _check_formulas(exprs: Sequence[Any]) -> None:
    if all(isinstance(e, str) for e in exprs):
        message = "expected one text with several outputs, such as 'x + y, x*y'"
        raise UnsupportedError(message)
    for expr in exprs:
        if not isinstance(expr, Expression | int | float):
            message = (
                "expected a formula: a SymPy expression, text, or one made with "
                f"ob.param; found {type(expr).__name__}"
            )
            raise InputError(message)


class _Group:
    """Hold one entry of `inputs`: its name, and its members as given and by name."""

    def __init__(self, entry: Any) -> None:
        one = isinstance(entry, str | Expression)
        several = not one and hasattr(type(entry), "__len__")
        self.keys = tuple(entry.members) if isinstance(entry, DictInput) else ()
        self.grouped = several and not isinstance(entry, DictInput)
        self.given = list(entry) if several else [entry]
        self.members = tuple(_name(m) for m in self.given)
        self.name = "" if self.grouped else getattr(entry, "name", self.members[0])


def _groups(inputs: Any) -> list[_Group]:
    if inputs is None:
        return []
    if isinstance(inputs, Mapping):
        message = "expected a sequence of inputs, found a dict; a dict of shapes is "
        raise InputError(f"{message}for the arguments of a Python function")
    if isinstance(inputs, str | AbstractSet) or not isinstance(inputs, Iterable):
        message = f"expected a sequence of inputs, found {type(inputs).__name__}"
        raise InputError(message)
    groups = [_Group(entry) for entry in inputs]
    seen: set[str] = set()
    for name in (m for g in groups for m in g.members):
        if name in seen:
            message = f"expected each input once, found {name!r} twice"
            raise InputError(message)
        seen.add(name)
    taken = {g.name for g in groups if g.name}
    count = 0
    for group in groups:
        while not group.name:
            name = f"array{count}" if count or len(groups) > 1 else "array"
            count += 1
            group.name = "" if name in taken | seen else name
    return groups


def _name(item: Any) -> str:
    from overbar.read.symbolic import input_name, is_sympy

    if is_sympy(item):
        return input_name(item)
    name = item if isinstance(item, str) else getattr(item, "name", None)
    if not isinstance(name, str):
        message = f"expected a name or symbol, found {type(item).__name__}"
        raise InputError(message)
    return name


def _order(graph: Graph, groups: Sequence[_Group] | None) -> list[Argument]:
    """Put the graph's inputs in the order of the call and return its arguments."""
    if groups is None:
        plain = [n for n in graph.inputs if n not in graph.defaults]
        last = [n for n in graph.inputs if n in graph.defaults]
        graph.inputs = {n: graph.inputs[n] for n in (*plain, *last)}
        return [Argument(n, (n,)) for n in graph.inputs]
    arguments = [
        Argument(g.name, tuple(_known(graph, m) for m in g.members), g.grouped, g.keys)
        for g in groups
    ]
    order = [m for a in arguments for m in a.members]
    held = set(order)
    missing = [n for n in graph.inputs if n not in held]
    if missing:
        message = f"expected every input in inputs=, found no {listed(missing)}"
        raise InputError(message)
    graph.inputs = {n: graph.inputs[n] for n in order}
    graph.defaults = _last(graph.defaults, order)
    return [
        a if a.grouped or a.keys else Argument(a.members[0], a.members)
        for a in arguments
    ]


def _last(defaults: Mapping[str, float], order: Sequence[str]) -> dict[str, float]:
    """Return the defaults that can stay: those of inputs at the end of the call."""
    kept: dict[str, float] = {}
    for name in reversed(order):
        if name not in defaults:
            break
        kept[name] = defaults[name]
    return dict(reversed(kept.items()))


def _known(graph: Graph, name: str) -> str:
    for candidate in (name, f"{name}_"):
        if candidate in graph.inputs:
            return candidate
    known = list(graph.inputs)
    message = (
        f"expected one of the inputs {listed(known)}, "
        f"found {name!r}{nearest(name, known)}"
    )
    raise InputError(message)


def _wrt(
    graph: Graph, wrt: Any, groups: Sequence[_Group]
) -> tuple[tuple[str, ...], bool]:
    """Return the names to differentiate with respect to, and whether it is one bare.

    The name of an argument that is a dict stands for all its inputs.
    """
    dicts = {g.name: g.members for g in groups if g.keys}
    bare = wrt is not None and not isinstance(wrt, list | tuple | AbstractSet)
    if wrt is None:
        params = {n for n, role in graph.roles.items() if role == "param"}
        chosen = params or {n for n in graph.inputs if graph.inputs[n].type.is_float}
        names = [n for n in graph.inputs if n in chosen]
    else:
        given = [_name(item) for item in ([wrt] if bare else wrt)]
        bare = bare and given[0] not in dicts
        every = [m for name in given for m in dicts.get(name, (name,))]
        names = [_known(graph, name) for name in every]
    for name in names:
        node: Node = graph.inputs[name]
        if not node.type.is_float:
            message = (
                f"expected real inputs to differentiate with respect to, found "
                f"{name!r} of type {node.type}"
            )
            raise InputError(message)
    if isinstance(wrt, AbstractSet):  # in no order of its own
        names = [n for n in graph.inputs if n in names]
    if len(set(names)) != len(names):
        message = f"expected each name of wrt once, found {listed(names)}"
        raise InputError(message)
    return tuple(names), bare
