"""Check that generated source gives the same bits with Numba and without."""

from __future__ import annotations

import math

import numpy as np
import pytest

from overbar.codegen.allowlist import IMPORTS
from overbar.codegen.load import load_module, load_plain

EDGES = (
    *(0.0, 5e-324, 2.3e-308, 1e-300, 1e-9, 0.5, 1.0 - 2**-53, 1.0, 1.0 + 2**-52),
    *(math.pi / 2, 2.0, 26.6, 171.7, 709.78, 710.4, 745.2, 1e15, 1e300, 1.7e308),
    *(math.inf, math.nan),
)
TWO = frozenset(
    """arctan2 atan2 copysign fmax fmin fmod hypot logaddexp maximum minimum nextafter
    power""".split()  # noqa: SIM905 - words
)
NOT_SCALAR = frozenset(
    """arange argmax argmin array ascontiguousarray bool_ dot empty empty_like eye
    float32 float64 full iinfo int64 ones ones_like outer stack transpose where zeros
    zeros_like e inf nan pi tau""".split()  # noqa: SIM905 - words
)
HEAD = "import math\n\nimport numpy as np\nfrom numba import njit\n\n\n"
FUNCTION = '@njit(error_model="numpy")\ndef {name}({args}):\n    return {body}\n\n\n'


def points() -> list[float]:
    """Return some thousand arguments of every size, and the edges."""
    rng = np.random.default_rng(0)
    spread = np.sign(rng.normal(size=1500)) * 10.0 ** rng.uniform(-310, 308, 1500)
    unit = rng.uniform(-1, 1, 1000)
    plain = np.concatenate([rng.normal(size=1500) * 3, rng.uniform(-30, 800, 1000)])
    edges = [*EDGES, *(-x for x in EDGES)]
    return [*spread.tolist(), *unit.tolist(), *plain.tolist(), *edges]


def bits(x: float) -> bytes:
    """Return the representation of a result; all NaNs are one."""
    return b"nan" if x != x else np.float64(x).tobytes()


def source() -> str:
    """Return a module with one function for each listed name and operator."""
    rows = []
    for module, short in (("math", "math"), ("numpy", "np")):
        for name in sorted(IMPORTS[module] - NOT_SCALAR):
            args = "x, y" if name in TWO else "x"
            body = f"{short}.{name}({args})"
            rows.append(FUNCTION.format(name=f"{short}_{name}", args=args, body=body))
    for name, body in OPERATORS.items():
        rows.append(FUNCTION.format(name=name, args="x, y", body=body))
    return HEAD + "".join(rows)


OPERATORS = {
    "add_": "x + y",
    "multiply_add": "x * y + x",
    "divide": "x / y",
    "remainder": "x % y",
    "floor_divide": "x // y",
    "power_": "x ** y",
    "larger": "max(x, y)",
    "smaller": "min(x, y)",
    "size": "abs(x) - abs(y)",
    "choice": "1.0 / (x if x > y else 0.0)",
    "constants": "0.1 * x + 1e300 * y * 1e300",
    "truth": "1.0 / np.float64(x < y)",
}
NAMES = [
    *(f"math_{name}" for name in sorted(IMPORTS["math"] - NOT_SCALAR)),
    *(f"np_{name}" for name in sorted(IMPORTS["numpy"] - NOT_SCALAR)),
    *OPERATORS,
]


@pytest.mark.parametrize("name", NAMES)
def test_same_bits_with_and_without_numba(name: str) -> None:
    """Every listed function and operator agrees to the bit on thousands of points."""
    compiled = getattr(load_module(source(), "bits"), name)
    plain = getattr(load_plain(source(), "bits"), name)
    xs = points()
    arity = 2 if name in OPERATORS or name.partition("_")[2] in TWO else 1
    rows = [xs, [*xs[1777:], *xs[:1777]]][:arity]
    differ = []
    with np.errstate(all="ignore"):
        for args in zip(*rows, strict=True):
            expected, actual = compiled(*args), plain(*map(np.float64, args))
            if bits(expected) != bits(actual):
                differ.append((args, expected, actual))
    assert differ == []


def test_constants_of_math_divide_as_ieee_754_says() -> None:
    """Constants are NumPy floats: a division by zero that they reach does not raise."""
    text = HEAD + FUNCTION.format(name="f", args="x", body="math.pi / (math.pi - x)")
    with np.errstate(all="ignore"):
        assert load_plain(text, "pi").f(math.pi) == math.inf
    assert load_module(text, "pi").f(math.pi) == math.inf


def test_constants_in_tables_divide_as_ieee_754_says() -> None:
    """Constants in a module's tables are NumPy floats too."""
    text = HEAD + "T = (1.0, 0.0)\n\n\n"
    text += FUNCTION.format(name="f", args="n", body="T[0] / T[n]")
    with np.errstate(all="ignore"):
        assert load_plain(text, "table").f(1) == math.inf


def test_plain_functions_map_over_arrays() -> None:
    """Without Numba the functions take arrays, element by element the same bits."""
    text = HEAD + FUNCTION.format(name="f", args="x", body="np.tanh(x) + math.erf(x)")
    module = load_plain(text, "arrays")
    xs = np.linspace(-3.0, 3.0, 50)
    assert module.f(xs).tolist() == [float(module.f(x)) for x in xs]
    assert module.f(np.empty((0, 2))).shape == (0, 2)


def test_all_names_are_there_without_numba() -> None:
    """Every name that a module may use is there without Numba."""
    lines = [f"    math.{name},\n" for name in sorted(IMPORTS["math"])]
    lines += [f"    np.{name},\n" for name in sorted(IMPORTS["numpy"])]
    text = "import math\nimport numpy as np\n\nALL = (\n" + "".join(lines) + ")\n"
    assert len(load_plain(text, "names").ALL) == len(lines)
