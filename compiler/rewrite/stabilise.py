"""Rows that lose no accuracy and gain much: `accuracy="standard"` runs them.

Most lead to an op with partials of its own, so that derivatives of every order are as
accurate as the value; a rearranged formula often cancels again once differentiated. No
row changes a finite, right value into an infinity or NaN. They are not exact: each
use is noted in the graph's `rewrites`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.rewrite.stabilise_exp import EXPONENTIAL
from overbar.rewrite.stabilise_log import LOGARITHMIC
from overbar.rewrite.stabilise_power import POWERS
from overbar.rewrite.stabilise_quotient import QUOTIENTS
from overbar.rewrite.stabilise_ratio import RATIO
from overbar.rewrite.stabilise_softmax import SOFTMAX
from overbar.rewrite.stabilise_sum import HYPERBOLIC

if TYPE_CHECKING:
    from overbar.rewrite.engine import Rule

STABILISE: tuple[Rule, ...] = (
    *RATIO,
    *HYPERBOLIC,
    *EXPONENTIAL,
    *LOGARITHMIC,
    *POWERS,
    *QUOTIENTS,
    *SOFTMAX,
)
