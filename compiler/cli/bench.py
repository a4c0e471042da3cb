"""`overbar bench`: how long a formula takes to derive, to compile and to run."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
import timeit
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from overbar.cli.formula import formula_options, has_arrays, read_formula
from overbar.cli.given import (
    array_options,
    at_option,
    need_arrays,
    read_sizes,
    typed,
    with_data,
)
from overbar.cli.output import say
from overbar.cli.program import Command, colour
from overbar.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from overbar.function import CompiledFunction

_REPEATS = 7
_POINTS = 10_000

_EXAMPLES = (
    ("overbar bench examples/l1_regression.expr", "at a point at random"),
    ("overbar bench examples/l1_regression.expr --at w=1,b=0,x=2,t=1", "at this point"),
    (
        "overbar bench examples/l2_mlp.expr --sizes m=500,n=100",
        "with arrays of these sizes",
    ),
)


@click.command("bench", cls=Command, examples=_EXAMPLES)
@formula_options
@at_option
@array_options
def command(
    file: str,
    wrt: str | None,
    kinks: str,
    accuracy: str,
    at: tuple[str, ...],
    data: str | None,
    sizes: tuple[str, ...],
) -> None:
    """Time a formula: to derive, to compile, a call, a point of many.

    Calls are from Python, with numbers and with arrays of 10,000 points; their times
    are medians of 7. A formula over arrays is called with those of --data, or with some
    at random, of sizes 64 unless --sizes says otherwise. Nothing is taken from the
    cache or left in it.
    """
    options = {"kinks": kinks, "accuracy": accuracy}
    clock = _Clock()
    with Progress("loading"):
        _load()
    with clock("read"):
        f = read_formula(file, wrt, **options)
    with clock("derive"), Progress("deriving"):
        f.source  # noqa: B018 - made when it is asked for
    values = f.signature.bind((), _point(f, at, data, sizes))
    outputs = list(f.graph.outputs.values())
    scalar = len(outputs) == 1 and not outputs[0].type.shape
    gradient = "value_and_grad" if scalar else "jacobian"
    with _fresh_cache():
        with clock("compile"), Progress("compiling"):
            f(*values)
            getattr(f, gradient)(*values)
        columns = _columns(f, values)
        rows = _timed([f, getattr(f, gradient)], columns)
    say("\n".join([_title(f, values), *_table(clock, gradient, columns, rows)]))


def _point(
    f: CompiledFunction, at: tuple[str, ...], data: str | None, sizes: tuple[str, ...]
) -> dict[str, Any]:
    """Return values of the inputs: what is not given is drawn at random."""
    from overbar.cli.points import random_points, read_at

    given: dict[str, Any] = dict(read_at(at))
    if not has_arrays(f):
        need_arrays(data, sizes)
        return dict(random_points(f, 1, 0, given)[0])
    from overbar.cli.draws import Draws, ordinary

    if data is not None:
        given = with_data(f, given, data)
    return Draws(f, typed(f, given), read_sizes(sizes), ordinary, 0).points(1)[0]


class _Clock:
    """Keep how long each step took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[step] = time.perf_counter() - start


@contextmanager
def _fresh_cache() -> Iterator[None]:
    """Keep compiled code in an empty folder of its own."""
    from overbar.codegen.cache import VARIABLE

    before = os.environ.get(VARIABLE)
    with tempfile.TemporaryDirectory(prefix="overbar-bench-") as folder:
        os.environ[VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[VARIABLE]
            if before is not None:
                os.environ[VARIABLE] = before


def _load() -> None:
    """Import what there is, and compile next to nothing.

    So no formula pays for Numba's own beginning.
    """
    import numba

    from overbar.api import compile as compile_formula

    compile_formula("x").source  # noqa: B018 - made when it is asked for
    compiled: Any = numba.njit(_identity)
    compiled(1.0)


def _identity(x: float) -> float:
    return x


class _Column(NamedTuple):
    """Hold what is timed side by side: a call, or one of many points."""

    title: str
    args: list[Any]
    points: int = 1


def _columns(f: CompiledFunction, values: list[Any]) -> list[_Column]:
    """Return a call, and for numbers a call with arrays of many points."""
    one = _Column("a call", values)
    if has_arrays(f):
        return [one]
    import numpy as np

    points = [np.full(_POINTS, v) for v in values]
    return [one, _Column(f"a point of {_POINTS:,}", points, _POINTS)]


def _timed(
    calls: list[Callable[..., Any]], columns: list[_Column]
) -> list[list[float]]:
    """Return seconds, a row a function and a column a column."""
    timers = [[timeit.Timer(partial(call, *c.args)) for c in columns] for call in calls]
    numbers = [[_long_enough(timer) for timer in row] for row in timers]
    runs: list[list[list[float]]] = [[[] for _ in columns] for _ in calls]
    with Progress("timing", total=_REPEATS) as progress:
        for _ in range(_REPEATS):  # in turn, so that all meet the same weather
            for i, row in enumerate(timers):
                for j, timer in enumerate(row):
                    runs[i][j].append(timer.timeit(numbers[i][j]) / numbers[i][j])
            progress.advance()
    return [
        [
            statistics.median(run) / column.points
            for run, column in zip(row, columns, strict=True)
        ]
        for row in runs
    ]


def _long_enough(timer: timeit.Timer) -> int:
    """Return how many calls take 10 ms or more."""
    number = 1
    while timer.timeit(number) < 0.01:
        number *= 2
    return number


def _title(f: CompiledFunction, values: list[Any]) -> str:
    nodes = len(f.graph.order())
    outputs, wrt = ", ".join(f.graph.outputs), ", ".join(f.options.wrt)
    sizes = [f"{name} = {size}" for name, size in f.sizes(values).items()]
    text = ", ".join([f"{outputs} in {wrt}: {nodes} nodes", *sizes])
    return click.style(text, bold=colour() is None)


def _table(
    clock: _Clock, gradient: str, columns: list[_Column], rows: list[list[float]]
) -> Iterator[str]:
    for step, seconds in clock.seconds.items():
        yield f"{step:15}{_time(seconds):>10}"
    widths = [max(10, len(column.title) + 2) for column in columns]

    def line(name: str, cells: Iterable[str]) -> str:
        return f"{name:15}" + "".join(
            f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)
        )

    yield line("", (column.title for column in columns))
    for name, row in zip(("value", gradient), rows, strict=True):
        yield line(name, map(_time, row))
    yield line(
        "ratio", (f"{slow / fast:.2f}" for fast, slow in zip(*rows, strict=True))
    )


def _time(seconds: float) -> str:
    """Return a time in the unit that suits it.

    >>> _time(0.00123), _time(4.5e-9), _time(12.0)
    ('1.23 ms', '4.5 ns', '12 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
