"""Say which formulas' generated modules are held as golden files and read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from overbar.function import CompiledFunction

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.expr"))
FORMULAS = {
    "guarded_sqrt": "x: param\nwhere(x > 0, sqrt(x), 0)",
    "nested_guards": (
        "x: param\ny: param\n"
        "u = sqrt(x)\n"
        "where(x > 0, where(x > 1, y*log(x - 1), u), y) + where(y > 0, u, 1)"
    ),
    "long_sum": "+".join(f"coefficient{i}*sin({i}*angle)" for i in range(1, 12)),
    "twenty_inputs": "*".join(f"x{i}" for i in range(20)),
    "two_outputs": "r = hypot(x, y)\nr, atan2(y, x)",
    "reserved_names": "np*math + step**2 + value*lam",
    "kinks": "max(x, y, z) + abs(x - y) + relu(z)",
    "constants": "pi*x/3 + x**5 - 0.1*x**-2 + 1e-30*x",
}

ALWAYS = ("value", "forward", "backward", "vjp", "jvp", "jacobian")
SINGLE = ("grad", "value_and_grad", "hessian", "hvp")
BY_PRODUCTS = ("jacobian", "hessian")  # of arrays no functions are generated


def entries(f: CompiledFunction) -> tuple[str, ...]:
    """Return the names of all functions that are generated of a formula."""
    names = (*ALWAYS, *SINGLE) if len(f.graph.outputs) == 1 else ALWAYS
    return tuple(n for n in names if not (over_arrays(f) and n in BY_PRODUCTS))


def over_arrays(f: CompiledFunction) -> bool:
    """Whether a formula has arrays among its inputs, so that its source has loops."""
    return any(n.type.shape for n in f.graph.inputs.values())
