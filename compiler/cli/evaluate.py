"""`overbar eval`: the value of a formula, and its gradient, at given points."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from overbar.cli.formula import formula_options, has_arrays, read_formula
from overbar.cli.given import at_option, typed, with_data
from overbar.cli.output import say
from overbar.cli.program import Command, complain
from overbar.ir.errors import InputError
from overbar.progress import Progress

if TYPE_CHECKING:
    from overbar.function import CompiledFunction

_LARGEST_SOURCE = 5_000
"""Nodes from which on evaluating node by node beats making source."""

_MANY_POINTS = 20_000
"""Points from which on it pays to compile with Numba."""

_WITH_DATA = (
    "overbar eval examples/l1_regression.expr --at w=1,b=2 "
    "--data examples/l1_points.csv"
)
_EXAMPLES = (
    ("overbar eval examples/l1_regression.expr --at w=1,b=0,x=2,t=1", "the value"),
    ("overbar eval examples/l1_regression.expr --at w=1,b=0,x=2,t=1 --grad", "and dJ"),
    ("echo 'sin(x)/x' | overbar eval - --at x=pi/2", "constants may be written out"),
    (_WITH_DATA, "a row of CSV for each point"),
)


@click.command("eval", cls=Command, examples=_EXAMPLES)
@formula_options
@at_option
@click.option("--grad", is_flag=True, help="Print the derivatives too.")
@click.option(
    "--data",
    metavar="FILE",
    help="Columns of a .csv with a header, or arrays of an .npz, by the inputs' names.",
)
def command(
    file: str,
    wrt: str | None,
    kinks: str,
    accuracy: str,
    at: tuple[str, ...],
    data: str | None,
    *,
    grad: bool,
) -> None:
    """Print a formula's value, and its gradient, at given points.

    Numbers read back as the same. With --data, there is a row of CSV for each point;
    what the file does not hold comes from --at or has a default.
    """
    f = read_formula(file, wrt, "python", kinks=kinks, accuracy=accuracy)
    from overbar.cli.points import read_at

    given: dict[str, Any] = dict(read_at(at))
    if data is not None:
        given = with_data(f, given, data)
    values = f.signature.bind((), typed(f, given))
    if has_arrays(f):
        with Progress("evaluating"):
            found = _arrays(f, values, grad=grad)
        say("\n".join(f"{name} = {_text(part)}" for name, part in found.items()))
        _explain(f, values, found)
        return
    with Progress("evaluating"):
        columns = _results(_prepared(f, values), values, grad=grad)
    if data is None:
        say("\n".join(f"{name} = {value!r}" for name, value in columns.items()))
        _explain(f, values, columns)
        return
    from overbar.cli.tables import write_table

    say("\n".join(write_table(_spread(columns, values))))


def _prepared(f: CompiledFunction, values: list[Any]) -> CompiledFunction:
    """Return the function with the backend that is fastest for so much work."""
    points = max((getattr(v, "size", 1) for v in values), default=1)
    backend = "python"
    if len(f.graph.order()) > _LARGEST_SOURCE:
        backend = "reference"
    elif points > _MANY_POINTS:
        backend = "numba"
    if backend == f.options.backend:
        return f
    options = replace(f.options, backend=backend)
    return type(f)(f.graph, f.signature.arguments, options)


def _results(f: CompiledFunction, values: list[Any], *, grad: bool) -> dict[str, Any]:
    """Return outputs and, if wanted, derivatives by name (`J`, `dJ/dw`)."""
    outputs, wrt = list(f.graph.outputs), f.options.wrt
    if len(outputs) > 1:
        found = dict(zip(outputs, f(*values), strict=True))
        if grad:
            parts = dict(zip(wrt, f.jacobian(*values), strict=True))
            for i, output in enumerate(outputs):
                for name in wrt:
                    found[f"d{output}/d{name}"] = parts[name][..., i]
        return {name: _plain(value) for name, value in found.items()}
    if not grad:
        return {outputs[0]: _plain(f(*values))}
    value, gradient = f.value_and_grad(*values)
    names = [outputs[0], *(f"d{outputs[0]}/d{name}" for name in wrt)]
    return dict(zip(names, map(_plain, (value, *gradient)), strict=True))


def _arrays(f: CompiledFunction, values: list[Any], *, grad: bool) -> dict[str, Any]:
    """Return outputs and, if wanted, gradients by name."""
    outputs = list(f.graph.outputs)
    if grad and (len(outputs) > 1 or f.graph.outputs[outputs[0]].type.shape):
        shown = [f"{n} ({o.type})" for n, o in f.graph.outputs.items()]
        message = "expected one number as output for --grad over arrays, found "
        raise InputError(message + ", ".join(shown))
    if grad:
        value, gradient = f.value_and_grad(*values)
        names = [f"d{outputs[0]}/d{name}" for name in f.options.wrt]
        return dict(zip([outputs[0], *names], (value, *gradient), strict=True))
    value = f(*values)
    results = value if len(outputs) > 1 else (value,)
    return dict(zip(outputs, results, strict=True))


def _text(value: Any) -> str:
    """Return a number or an array as its list is written."""
    return repr(value.tolist() if hasattr(value, "tolist") else value)


def _plain(value: Any) -> Any:
    """Return a number as a float, an array as it is."""
    return value if getattr(value, "ndim", 0) else float(value)


def _spread(columns: dict[str, Any], values: list[Any]) -> dict[str, Any]:
    """Return columns of one length, a row a point."""
    import numpy as np

    shape = np.broadcast_shapes(*(np.shape(v) for v in values))
    return {n: np.broadcast_to(c, shape).ravel() for n, c in columns.items()}


def _explain(f: CompiledFunction, values: list[Any], results: dict[str, Any]) -> None:
    """Say on stderr where a NaN or an infinity came from."""
    import numpy as np

    if not all(np.all(np.isfinite(value)) for value in results.values()):
        found = f.explain(*values)
        if found:
            complain("note", str(found))
