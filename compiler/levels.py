"""Choose the rewrites of an accuracy level."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from overbar.ir.errors import InputError, UnsupportedError
from overbar.rewrite.contractions import CONTRACTIONS
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.exact import EXACT
from overbar.rewrite.stabilise import STABILISE
from overbar.rewrite.sums import SUMS

if TYPE_CHECKING:
    from overbar.ir.graph import Rewrite

LEVELS = {"strict": EXACT, "standard": (*EXACT, *STABILISE, *CONTRACTIONS, *SUMS)}


@cache
def rewrite_for(accuracy: str) -> Rewrite:
    """Return the rewrites of a level.

    "strict" keeps the operations as written; "standard" adds what loses no accuracy
    and gains much, and takes sums of products in the cheapest order. Raises InputError
    for another name, UnsupportedError for "fast", which is not built yet.
    """
    if accuracy == "fast":
        message = "accuracy='fast' is not built yet; use 'standard' or 'strict'"
        raise UnsupportedError(message)
    if accuracy not in LEVELS:
        message = f"expected accuracy {' or '.join(LEVELS)}, found {accuracy!r}"
        raise InputError(message)
    return Rewriter(LEVELS[accuracy])
