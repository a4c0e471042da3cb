"""Hold what a forward pass saves, and refuse what another function's has saved.

Comes in: a value that is given to `backward`. Goes out: whether it is read safely.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError
from overbar.ir.types import dims, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.ir.graph import Node


@dataclass(frozen=True, slots=True)
class Saved:
    """Hold what `forward` keeps for `backward`; its content is nobody's business.

    maker: stands for the function that made it; a copy has one of its own.
    """

    values: Any
    mapped: bool = False
    sizes: Mapping[str, int] = field(default_factory=dict)
    maker: object = field(default=None, compare=False, repr=False)


def need_saved(saved: object) -> Saved:
    """Return what `forward` saved, or raise InputError for something else."""
    if isinstance(saved, Saved):
        return saved
    message = "expected what forward returned as its second value, found "
    raise InputError(message + type(saved).__name__)


def need_shapes(saved: Saved, nodes: Sequence[Node]) -> None:
    """Raise InputError unless saved values have the shapes of the nodes they are of.

    Compiled code would read past the end of arrays that are shorter.
    """
    fits = len(saved.values) == len(nodes)
    for node, value in zip(nodes, saved.values, strict=False):
        own, found = node.type.shape, np.shape(value)
        known = all(d.names <= saved.sizes.keys() for d in dims(own))
        lead = len(found) - len(own) if saved.mapped else 0
        fits = fits and known and lead >= 0 and found[lead:] == tuple(
            size_of(extent, saved.sizes) for extent in own
        )  # fmt: skip
    if not fits:
        message = "expected what forward of this function returned as its second "
        raise InputError(f"{message}value, found that of another function")
