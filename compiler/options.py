"""Hold what `ob.compile` was told besides the formula."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Hold what `ob.compile` was told besides the formula.

    wrt: names to differentiate with respect to; bare: a single one was given by
        itself, so that gradients come without a tuple around them.
    shape: of the value, where it is one array of all outputs; None: outputs are
        returned by name.
    reduce: "sum" or "mean" over mapped data, or None.
    """

    wrt: tuple[str, ...]
    bare: bool = False
    name: str = "formula"
    accuracy: str = "standard"
    backend: str = "auto"
    reduce: str | None = None
    shape: tuple[int, ...] | None = None
