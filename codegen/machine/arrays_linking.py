"""Find what code over arrays calls beyond C's library: vector functions and BLAS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from overbar.codegen.machine import arrays_products, libraries
from overbar.ir.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BLAS = arrays_products.PREFIX
_SYMBOLS = re.compile(rf"^declare .*?@({libraries.SYMBOLS}|{_BLAS}\w+)\(", re.MULTILINE)


def symbols(text: str) -> list[str]:
    """Return the functions that a module calls, beyond the C library's."""
    return list(dict.fromkeys(_SYMBOLS.findall(text)))


def addresses(names: Sequence[str]) -> Mapping[str, int]:
    """Return the addresses of these functions; raise UnsupportedError without one."""
    found: dict[str, int] = {}
    for name in names:
        home = arrays_products if name.startswith(_BLAS) else libraries
        place = home.address(name)
        if place is None:
            message = f"expected a function {name}, found none"
            raise UnsupportedError(message)
        found[name] = place
    return found
