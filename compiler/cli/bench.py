"""`overbar bench`: how long a formula takes to derive, to compile and to run."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
import timeit
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from overbar.cli.formula import formula_options, need_numbers, read_formula
from overbar.cli.output import say
from overbar.cli.program import Command, colour
from overbar.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from overbar.function import CompiledFunction

_REPEATS = 7
_POINTS = 10_000

_EXAMPLES = (
    ("overbar bench examples/l1_regression.expr", "at a point at random"),
    ("overbar bench examples/l1_regression.expr --at w=1,b=0,x=2,t=1", "at this point"),
)


@click.command("bench", cls=Command, examples=_EXAMPLES)
@formula_options
@click.option(
    "--at",
    metavar="x=1,y=2",
    multiple=True,
    help="Values; may be given more than once.",
)
def command(
    file: str, wrt: str | None, kinks: str, accuracy: str, at: tuple[str, ...]
) -> None:
    """Time a formula: to derive, to compile, a call, a point of many.

    Calls are from Python, with numbers and with arrays of 10,000 points; their times
    are medians of 7. Nothing is taken from the cache or left in it.
    """
    options = {"kinks": kinks, "accuracy": accuracy}
    clock = _Clock()
    with Progress("loading"):
        _load()
    with clock("read"):
        f = read_formula(file, wrt, **options)
    need_numbers(f, "overbar bench", "python -m benchmarks times formulas of arrays")
    with clock("derive"), Progress("deriving"):
        f.source  # noqa: B018 - made when it is asked for
    from overbar.cli.points import random_points, read_at

    values = f.signature.bind((), random_points(f, 1, 0, read_at(at))[0])
    gradient = "value_and_grad" if len(f.graph.outputs) == 1 else "jacobian"
    with _fresh_cache():
        with clock("compile"), Progress("compiling"):
            f(*values)
            getattr(f, gradient)(*values)
        rows = _calls(f, gradient, values)
    say("\n".join([_title(f), *_table(clock, gradient, rows)]))


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


def _calls(
    f: CompiledFunction, gradient: str, values: list[Any]
) -> list[tuple[float, float]]:
    """Return seconds a call and seconds a point of many, of value and gradient."""
    import numpy as np

    points = [np.full(_POINTS, v) for v in values]
    jobs: list[tuple[Callable[..., Any], list[Any], int]] = [
        (call, args, count)
        for call in (f, getattr(f, gradient))
        for args, count in ((values, 1), (points, _POINTS))
    ]
    timers = [timeit.Timer(partial(call, *args)) for call, args, _ in jobs]
    numbers = [_long_enough(timer) for timer in timers]
    runs: list[list[float]] = [[] for _ in jobs]
    with Progress("timing", total=_REPEATS) as progress:
        for _ in range(_REPEATS):  # in turn, so that all meet the same weather
            for run, timer, number in zip(runs, timers, numbers, strict=True):
                run.append(timer.timeit(number) / number)
            progress.advance()
    found = [
        statistics.median(run) / count
        for run, (*_, count) in zip(runs, jobs, strict=True)
    ]
    return [(found[0], found[1]), (found[2], found[3])]


def _long_enough(timer: timeit.Timer) -> int:
    """Return how many calls take 10 ms or more."""
    number = 1
    while timer.timeit(number) < 0.01:
        number *= 2
    return number


def _title(f: CompiledFunction) -> str:
    nodes = len(f.graph.order())
    outputs, wrt = ", ".join(f.graph.outputs), ", ".join(f.options.wrt)
    return click.style(f"{outputs} in {wrt}: {nodes} nodes", bold=colour() is None)


def _table(
    clock: _Clock, gradient: str, rows: list[tuple[float, float]]
) -> Iterator[str]:
    for step, seconds in clock.seconds.items():
        yield f"{step:15}{_time(seconds):>10}"
    yield f"{'':15}{'a call':>10}  a point of {_POINTS:,}"
    for name, (call, point) in zip(("value", gradient), rows, strict=True):
        yield f"{name:15}{_time(call):>10}{_time(point):>20}"
    (call, point), (slow_call, slow_point) = rows
    yield f"{'ratio':15}{slow_call / call:>10.2f}{slow_point / point:>20.2f}"


def _time(seconds: float) -> str:
    """Return a time in the unit that suits it.

    >>> _time(0.00123), _time(4.5e-9), _time(12.0)
    ('1.23 ms', '4.5 ns', '12 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
