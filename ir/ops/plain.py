"""Say in plain Python what a few ops are, for machine code made without Numba.

Generated source has operators and NumPy functions for them. These functions are
translated where there is none: same values, bit for bit. Rules as in `portable.py`.
"""

import numpy as np


def modulo(x: float, y: float) -> float:
    """Return x % y, with the sign of y."""
    return x % y


def floor_quotient(x: float, y: float) -> float:
    """Return x // y."""
    return x // y


def sign(x: float) -> float:
    """Return -1, 0 or 1 as x; a zero keeps its sign, NaN is itself."""
    if x > 0.0:
        return 1.0
    if x < 0.0:
        return -1.0
    return x


def attains(x: float, y: float) -> float:
    """Return 1 where x equals y, else 0."""
    return np.float64(x == y)
