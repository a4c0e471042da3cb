"""Hold C functions of a formula, for C, SciPy and Numba to call by their addresses.

Comes in: a core with what it takes and gives. Goes out: functions of doubles, each of
one of the types in signatures.py.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from overbar.codegen.machine.signatures import RAW, text_of, types_of
from overbar.codegen.machine.store import made
from overbar.codegen.machine.target import load
from overbar.ir.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.signatures import CCore

_PINNED: dict[int, Any] = {}


class CFunction:
    """Hold a C function that computes one entry point of a formula.

    signature: its type, as C writes it without names; `with_signature` gives others.
    inputs: the names of the numbers that it takes, in order.
    results: how many numbers it gives.

    It lives as long as this object, its `ctypes` or its `low_level` does, and once its
    `address` was asked for to the end of the process.
    """

    def __init__(
        self, name: str, core: CCore, inputs: Sequence[str], signature: str
    ) -> None:
        self.name = name
        self.signature = signature
        self.inputs = tuple(inputs)
        self.results = len(core.results)
        self._core = core
        row = types_of(core)[signature]
        if signature == RAW and core.plain:
            address, code = core.address, None
        else:
            text = text_of(core, row)
            code = load(made(text), ["function"], {"core": core.address})
            address = code.addresses["function"]
        self._address = address
        kind: Any = ctypes.CFUNCTYPE(*row.kinds)
        self.ctypes: Any = kind(address)
        """The function as one of `ctypes`, which Numba's code can call as well."""
        self.ctypes.overbar = core.keep, code

    @property
    def signatures(self) -> tuple[str, ...]:
        """The types that it can have, as C writes them without names."""
        return tuple(types_of(self._core))

    def with_signature(self, signature: str) -> CFunction:
        """Return the same as a C function of another type.

        Raises InputError for one that is not among `signatures`.
        """
        if signature not in self.signatures:
            known = "; ".join(self.signatures)
            message = f"expected one of {known}; found {signature!r}"
            raise InputError(message)
        return CFunction(self.name, self._core, self.inputs, signature)

    @property
    def address(self) -> int:
        """Where it is, as a number; it stays there to the end of the process."""
        _PINNED[self._address] = self.ctypes
        return self._address

    @property
    def low_level(self) -> Any:
        """The function as a `scipy.LowLevelCallable`."""
        from scipy import LowLevelCallable

        return LowLevelCallable(self.ctypes, signature=self.signature)

    def __repr__(self) -> str:
        shown = ", ".join(self.inputs[:4]) + ", ..." * (len(self.inputs) > 4)
        return f"<C function {self.name}({shown}): {self.signature}>"

    def __reduce__(self) -> tuple[Any, ...]:
        message = f"expected something to pickle, found {self!r}; pickle the formula"
        raise TypeError(message)
