"""Measure what a call costs beside the compiled function itself, on tiny arrays.

    python -m benchmarks.calls [--json FILE]

The formula is ridge regression on four points, so that computing it takes no time; all
that is left is checking, converting and packaging. `bare` is the generated Numba
function called as it is; `over` is what each way of calling adds to it. Times are of
this process's own processor, the least of several turns.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import overbar as ob

if TYPE_CHECKING:
    from collections.abc import Callable

RIDGE = """
w: param[d]
b: param[k]
X: data[n, d]
y: data[n]
r = X @ w + sum(b) - y
J = sum(r**2)/2
J
"""
TURNS, SECONDS = 15, 0.01
Rows = list[tuple[str, str, float]]


def microseconds(call: Callable[[], Any]) -> float:
    """Return the least time of a call over several turns."""
    call()
    count, best = 1, float("inf")
    while True:
        taken = _turn(call, count)
        if taken > SECONDS:
            break
        count *= 2
    for _ in range(TURNS):
        best = min(best, _turn(call, count) / count)
    return best * 1e6


def _turn(call: Callable[[], Any], count: int) -> float:
    start = time.process_time()
    for _ in range(count):
        call()
    return time.process_time() - start


def arrays() -> tuple[Any, Any, Any, Any]:
    """Return the arguments of every call."""
    return np.ones(3), np.ones(2), np.ones((4, 3)), np.ones(4)


def overbar_rows() -> Rows:
    """Return what each way of calling Overbar takes."""
    f, (w, b, X, y) = ob.compile(RIDGE), arrays()
    theta, out = f.flat.pack(w, b), [np.empty(3), np.empty(2)]
    bare = {name: f.runtime.call(name) for name in ("value", "grad", "value_and_grad")}
    strided, single = np.repeat(X, 2, 0)[::2], X.astype(np.float32)
    ways: list[tuple[str, str, Callable[[], Any]]] = [
        ("bare value", "", lambda: bare["value"](w, b, X, y)),
        ("f(...)", "value", lambda: f(w, b, X, y)),
        ("f(w=..., ...)", "value", lambda: f(w=w, b=b, X=X, y=y)),
        ("f([...], ...), a list", "value", lambda: f([1, 1, 1], b, X, y)),
        ("f(...), strided", "value", lambda: f(w, b, strided, y)),
        ("f(...), float32", "value", lambda: f(w, b, single, y)),
        ("f.flat.value", "value", lambda: f.flat.value(theta, X, y)),
        ("bare grad", "", lambda: bare["grad"](w, b, X, y)),
        ("f.grad", "grad", lambda: f.grad(w, b, X, y)),
        ("bare value_and_grad", "", lambda: bare["value_and_grad"](w, b, X, y)),
        ("f.value_and_grad", "value_and_grad", lambda: f.value_and_grad(w, b, X, y)),
        ("... by keyword", "value_and_grad",
         lambda: f.value_and_grad(w=w, b=b, X=X, y=y)),
        ("... out=", "value_and_grad", lambda: f.value_and_grad(w, b, X, y, out=out)),
        ("f.flat.value_and_grad", "value_and_grad",
         lambda: f.flat.value_and_grad(theta, X, y)),
        ("forward, backward", "value_and_grad",
         lambda: f.backward(f.forward(w, b, X, y)[1])),
    ]  # fmt: skip
    rows = [(name, base, microseconds(call)) for name, base, call in ways]
    return [*rows, *_inside(f), *_scalars()]


def _inside(f: Any) -> Rows:
    """Return what a call from compiled code takes, in a loop of many."""
    import numba

    step, (w, b, X, y), count = f.jit.value_and_grad, arrays(), 1000

    @numba.njit
    def loop(w: Any, b: Any, X: Any, y: Any) -> float:
        total = 0.0
        for _ in range(count):
            total += step(w, b, X, y)[0]
        return total

    fortran = np.asfortranarray(X)
    return [
        ("f.jit.value_and_grad", "", microseconds(lambda: loop(w, b, X, y)) / count),
        ("... Fortran order", "",
         microseconds(lambda: loop(w, b, fortran, y)) / count),
    ]  # fmt: skip


def _scalars() -> Rows:
    """Return what calls of a formula of numbers take."""
    g = ob.compile("x: param\ny: param\nx*exp(y)")
    value, both = g.runtime.call("value"), g.runtime.call("value_and_grad")
    return [
        ("bare value, numbers", "", microseconds(lambda: value(1.0, 2.0))),
        ("f(...), numbers", "value, numbers", microseconds(lambda: g(1.0, 2.0))),
        ("bare both, numbers", "", microseconds(lambda: both(1.0, 2.0))),
        ("f.value_and_grad, numbers", "both, numbers",
         microseconds(lambda: g.value_and_grad(1.0, 2.0))),
    ]  # fmt: skip


def jax_rows() -> Rows:
    """Return what JAX takes for the same, on the processor."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")

    def loss(w: Any, b: Any, X: Any, y: Any) -> Any:
        return jax.numpy.sum((X @ w + b.sum() - y) ** 2) / 2

    value, both = jax.jit(loss), jax.jit(jax.value_and_grad(loss, (0, 1)))
    given = arrays()
    there = [jax.device_put(a) for a in given]
    wait = jax.block_until_ready
    return [
        ("JAX value", "", microseconds(lambda: wait(value(*there)))),
        ("JAX value, NumPy's arrays", "", microseconds(lambda: wait(value(*given)))),
        ("JAX value_and_grad", "", microseconds(lambda: wait(both(*there)))),
        ("JAX value_and_grad, NumPy's arrays", "",
         microseconds(lambda: wait(both(*given)))),
    ]  # fmt: skip


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calls", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    options = parser.parse_args()
    rows = overbar_rows()
    if importlib.util.find_spec("jax"):
        rows += jax_rows()
    times = {name: taken for name, _, taken in rows}
    print(f"{'call':<36}{'us':>8}{'over':>8}")
    for name, base, taken in rows:
        over = f"{taken - times['bare ' + base]:8.2f}" if base else ""
        print(f"{name:<36}{taken:8.2f}{over}")
    if options.json:
        Path(options.json).write_text(json.dumps(times, indent=1))


if __name__ == "__main__":
    main()
