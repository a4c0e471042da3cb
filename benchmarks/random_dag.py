"""Time the gradient of one random scalar DAG, Overbar beside its peers, in one run.

    python benchmarks/random_dag.py [--sizes 100,1000] [--tools overbar,casadi]
                                    [--repeats 7] [--json FILE]

The DAG has n operations on 16 inputs, every value alive and of order one. Each tool
gets the same operations and the same point. `first` is the time from nothing to the
first value and gradient in a running process (imports left out, caches cold), `call`
the median time of one value-and-gradient call from Python with a NumPy array, in
interleaved repeats. All gradients are compared with each other before anything is
printed; a tool that is not installed, or takes longer than its limit, is left out by
name.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import statistics
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INPUTS = 16
AGREE = 1e-9
SECONDS = 0.2  # of calls in one repeat

Call = "Callable[[Any], tuple[float, Any]]"


def operations(n: int, seed: int = 0) -> tuple[list[tuple[str, int, int]], list[int]]:
    """Return n random operations, and the values that nothing uses: their sum is f."""
    rng = random.Random(seed)  # noqa: S311 - a reproducible formula, no secret
    ops: list[tuple[str, int, int]] = []
    for k in range(n):
        count = INPUTS + k
        low = max(0, count - 40)
        a = rng.randrange(low, count)
        b = rng.randrange(INPUTS) if k % 8 == 0 else rng.randrange(low, count)
        ops.append((rng.choice(["*", "+", "-", "+", "sin", "-"]), a, b))
    used = {i for _, a, b in ops for i in (a, b)}
    return ops, [i for i in range(INPUTS + n) if i not in used]


def apply(n: int, inputs: Sequence[Any], sin: Callable[[Any], Any]) -> Any:
    """Return f of these inputs, whatever they are made of."""
    ops, sinks = operations(n)
    v = list(inputs)
    for op, a, b in ops:
        if op == "*":
            v.append(v[a] * v[b] * 0.6)
        elif op == "sin":
            v.append(sin(v[a] + v[b]))
        else:
            v.append((v[a] + v[b] if op == "+" else v[a] - v[b]) * 0.6)
    total = v[sinks[0]]
    for i in sinks[1:]:
        total = total + v[i]
    return total * (1.0 / len(sinks) ** 0.5)


def overbar(n: int) -> Any:
    """Python expressions, compiled by Numba."""
    import overbar as ob

    xs = [ob.param(f"x{i}") for i in range(INPUTS)]
    f = ob.compile(apply(n, xs, ob.sin), inputs=xs, backend="numba")
    return f.flat.value_and_grad


def casadi(n: int) -> Any:
    """SX graph, virtual machine."""
    import casadi as ca

    x = ca.SX.sym("x", INPUTS)
    y = apply(n, [x[i] for i in range(INPUTS)], ca.sin)
    f = ca.Function("f", [x], [y, ca.gradient(y, x)])

    def call(at: Any) -> tuple[float, Any]:
        value, gradient = f(at)
        return float(value), np.asarray(gradient).ravel()

    return call


def jax(n: int) -> Any:
    """Traced and compiled by XLA."""
    import jax as jx
    import jax.numpy as jnp

    jx.config.update("jax_enable_x64", True)
    f = jx.jit(
        jx.value_and_grad(lambda x: apply(n, [x[i] for i in range(16)], jnp.sin))
    )

    def call(at: Any) -> tuple[float, Any]:
        value, gradient = f(at)
        return float(value), gradient.block_until_ready()

    return call


def heyoka(n: int) -> Any:
    """Symbolic derivatives, compiled by LLVM."""
    import heyoka as hy

    xs = hy.make_vars(*[f"x{i}" for i in range(INPUTS)])
    y = apply(n, xs, hy.sin)
    partials = hy.diff_tensors([y], diff_args=xs, diff_order=1)
    unit = [[0] + [int(j == i) for j in range(INPUTS)] for i in range(INPUTS)]
    f = hy.cfunc([y, *(partials[u] for u in unit)], vars=xs, compact_mode=n > 2000)

    def call(at: Any) -> tuple[float, Any]:
        out = f(at)
        return float(out[0]), out[1:]

    return call


def sympy(n: int) -> Any:
    """`diff`, `cse`, `lambdify` and Numba."""
    import numba
    import sympy as sp

    sys.setrecursionlimit(100_000)
    xs = sp.symbols(f"x0:{INPUTS}")
    y = apply(n, xs, sp.sin)
    f = numba.njit(sp.lambdify(xs, [y, *(sp.diff(y, x) for x in xs)], "math", cse=True))

    def call(at: Any) -> tuple[float, Any]:
        out = f(*at)
        return out[0], np.array(out[1:])

    return call


TOOLS: dict[str, tuple[Callable[[int], Any], int]] = {
    "overbar": (overbar, 3_000),
    "casadi": (casadi, 100_000),
    "heyoka": (heyoka, 10_000),
    "jax": (jax, 300),
    "sympy": (sympy, 100),
}
"""Each tool, and the largest n that it finishes in reasonable time."""


def measure(n: int, names: Sequence[str], repeats: int) -> list[dict[str, Any]]:
    """Return a row a tool: first, call, and how far its gradient is from ours."""
    point = np.random.default_rng(0).random(INPUTS)
    rows, calls = [], {}
    for name in names:
        build, largest = TOOLS[name]
        if n > largest or importlib.util.find_spec(name) is None:
            rows.append(
                {"n": n, "tool": name, "left out": "too large or not installed"}
            )
            continue
        start = time.perf_counter()
        call = build(n)
        value, gradient = call(point)
        first = time.perf_counter() - start
        calls[name] = call
        rows.append({"n": n, "tool": name, "first": first, "value": float(value),
                     "gradient": np.asarray(gradient, float)})  # fmt: skip
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            times[name].append(_per_call(call, point))
    done = [row for row in rows if "first" in row]
    reference = done[0]["gradient"]
    for row in done:
        error = np.abs(row.pop("gradient") - reference).max() / np.abs(reference).max()
        row |= {
            "call": statistics.median(times[row["tool"]]),
            "difference": float(error),
        }
        if error > AGREE:
            message = f"{row['tool']} disagrees with {done[0]['tool']} by {error:.1e}"
            raise SystemExit(message)
    return rows


def _per_call(call: Any, point: Any) -> float:
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        call(point)
        count += 1
    return (time.perf_counter() - start) / count


def main() -> None:
    """Measure all sizes and print a table, times as ratios to Overbar's."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", default="100,1000")
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json")
    options = parser.parse_args()
    os.environ.setdefault("OVERBAR_CACHE_DIR", tempfile.mkdtemp())
    rows = []
    print("     n  tool       first       call   first/ours  call/ours  difference")
    for n in map(int, options.sizes.split(",")):
        found = measure(n, options.tools.split(","), options.repeats)
        ours = next((r for r in found if r["tool"] == "overbar" and "call" in r), None)
        for row in found:
            if "call" not in row:
                print(f"{n:6d}  {row['tool']:8s}  left out: {row['left out']}")
                continue
            base = ours or row
            print(
                f"{n:6d}  {row['tool']:8s} {row['first']:8.3f} s "
                f"{row['call'] * 1e6:8.2f} us {row['first'] / base['first']:11.2f} "
                f"{row['call'] / base['call']:10.2f} {row['difference']:11.1e}"
            )
        rows += found
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:  # noqa: PTH123 - plain
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
