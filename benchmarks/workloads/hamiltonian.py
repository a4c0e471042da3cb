"""The restricted three-body problem's Hamiltonian, of six variables, over many points.

From heyoka's tutorial of compiled functions, with its points, a tenth of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from benchmarks.child import threads
from benchmarks.workload import Calls, Workload

MU = 0.1


def inputs(_rng: np.random.Generator, N: int) -> dict[str, Any]:
    """Return momenta and positions, by the tutorial's own seed."""
    rows = np.random.default_rng(42).uniform(size=(6, N))
    return dict(zip(("px", "py", "pz", "x", "y", "z"), rows, strict=True))


def loss(
    px: Any, py: Any, pz: Any, x: Any, y: Any, z: Any, xp: Any = np
) -> Any:  # fmt: skip
    """Return the energy."""
    rps = xp.sqrt((x - MU) ** 2 + (y**2 + z**2))
    rpj = xp.sqrt((x - MU + 1) ** 2 + (y**2 + z**2))
    kinetic = 0.5 * (px**2 + py**2 + pz**2)
    return kinetic + y * px - x * py - (1 - MU) / rps - MU / rpj


def derive(px: Any, py: Any, pz: Any, x: Any, y: Any, z: Any) -> tuple[Any, ...]:
    """Return energy and gradient, of numbers or of arrays."""
    a, b, far = x - MU, x - MU + 1, y * y + z * z
    s, j = 1 / np.sqrt(a * a + far), 1 / np.sqrt(b * b + far)
    kinetic = 0.5 * (px * px + py * py + pz * pz)
    pull_s, pull_j = (1 - MU) * s * s * s, MU * j * j * j
    return (
        kinetic + y * px - x * py - (1 - MU) * s - MU * j,
        px + y,
        py - x,
        pz,
        pull_s * a + pull_j * b - py,
        (pull_s + pull_j) * y + px,
        (pull_s + pull_j) * z,
    )


def numpy(arrays: dict[str, Any]) -> Calls:
    """Whole arrays, the gradient as derived by hand."""
    values = list(arrays.values())
    return Calls(lambda: loss(*values), lambda: derive(*values))


def hand(arrays: dict[str, Any]) -> Calls:
    """Loop over points, which LLVM turns into lanes."""
    values = tuple(arrays.values())
    jit = njit(error_model="numpy", parallel=threads() > 1)
    both, out = njit(error_model="numpy")(derive), np.empty((7, values[0].size))

    @jit
    def value(px: Any, py: Any, pz: Any, x: Any, y: Any, z: Any, out: Any) -> Any:
        for i in prange(px.size):
            out[i] = both(px[i], py[i], pz[i], x[i], y[i], z[i])[0]
        return out

    @jit
    def gradient(px: Any, py: Any, pz: Any, x: Any, y: Any, z: Any, out: Any) -> Any:
        for i in prange(px.size):
            found = both(px[i], py[i], pz[i], x[i], y[i], z[i])
            out[0, i], out[1, i], out[2, i], out[3, i] = found[:4]
            out[4, i], out[5, i], out[6, i] = found[4:]
        return out

    return Calls(lambda: value(*values, out[0]), lambda: tuple(gradient(*values, out)))


WORKLOAD = Workload(
    name="hamiltonian",
    title="Hamiltonian of 6 variables",
    sizes={"100,000": {"N": 100_000}, "10,000,000": {"N": 10_000_000}},
    inputs=inputs,
    shapes={},
    wrt=("px", "py", "pz", "x", "y", "z"),
    loss=loss,
    hand=hand,
    own={"numpy": numpy},
)
