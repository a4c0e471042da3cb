"""Find elementary functions over vectors, in the libraries that are installed.

Comes in: a function's name, how many lanes. Goes out: its symbol and its address. A
library is opened for this process alone, when it is first needed, and nothing is
registered anywhere: code gets addresses by name when it is loaded. Functions are at
most 4 units in the last place off (as glibc's manual says in section 19.7, and Intel).
"""

from __future__ import annotations

import ctypes
import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.codegen.machine.target import features
from overbar.ir.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SIZES = {"float64": 8, "float32": 4}
"""Bytes of a number."""


class Register(NamedTuple):
    """Say how a library calls functions over registers.

    size: of a register in bytes; feature: what the processor needs; symbol: with the
    places `{name}`, `{lanes}` and `{v}`, a letter for each operand.
    """

    size: int
    feature: str
    symbol: str


class Library(NamedTuple):
    """Say what a library of functions over vectors is.

    files: what it needs, and itself last; symbols: what all its symbols match;
    installed: whether packages of Python's bring it; quicker: functions of which it is
    asked before the libraries that stand before it.
    """

    files: tuple[str, ...]
    registers: tuple[Register, ...]
    symbols: str
    installed: bool = False
    quicker: frozenset[str] = frozenset()


LIBMVEC = Library(
    ("libmvec.so.1",),
    (
        Register(64, "avx512f", "_ZGVeN{lanes}{v}_{name}"),
        Register(32, "avx2", "_ZGVdN{lanes}{v}_{name}"),
        Register(16, "sse2", "_ZGVbN{lanes}{v}_{name}"),
        Register(16, "neon", "_ZGVnN{lanes}{v}_{name}"),
    ),
    r"_ZGV[bden]N\d+v+_\w+",
)  # fmt: skip
"""glibc's: of elementary functions a few before version 2.35."""
SVML = Library(
    ("libintlc.so.5", "libsvml.so"),
    (
        Register(64, "avx512dq", "__svml_{name}{lanes}"),
        Register(32, "avx2", "__svml_{name}{lanes}"),
        Register(16, "sse2", "__svml_{name}{lanes}"),
    ),
    r"__svml_\w+",
    installed=True,
    quicker=frozenset({"acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "log",
                       "log1p", "pow"}),
)  # fmt: skip
"""Intel's (packages `intel-cmplr-lib-rt` and `icc_rt`). Where it is called quicker, it
was so for doubles in registers of every size (benchmarks/README.md); it is not so for
the other functions."""
LIBRARIES = (LIBMVEC, SVML)
SYMBOLS = "|".join(library.symbols for library in LIBRARIES)
"""What the symbols of all libraries match."""


def widths(size: int = 8) -> tuple[int, ...]:
    """Return how many numbers of so many bytes a register can hold, most first."""
    known = features()
    registers = [r for library in LIBRARIES for r in library.registers]
    sizes = {r.size for r in registers if known.get(r.feature)}
    return tuple(n // size for n in sorted(sizes, reverse=True))


@cache
def symbol(name: str, lanes: int, arity: int = 1, dtype: str = "float64") -> str | None:
    """Return the symbol of a function over so many lanes, None where there is none."""
    known, size = features(), lanes * _SIZES[dtype]
    places = {
        "name": name + ("f" if dtype == "float32" else ""),
        "lanes": lanes,
        "v": "v" * arity,
    }
    for library in sorted(LIBRARIES, key=lambda each: name not in each.quicker):
        for register in library.registers:
            found = register.symbol.format(**places)
            fits = register.size == size and known.get(register.feature)
            if fits and address(found) is not None:
                return found
    return None


@cache
def address(symbol: str) -> int | None:
    """Return the address of a symbol of the libraries', None where there is none."""
    for library in LIBRARIES:
        if re.fullmatch(library.symbols, symbol):
            function = getattr(opened(library), symbol, None)
            if function is not None:
                return ctypes.cast(function, ctypes.c_void_p).value
    return None


def addresses(symbols: Iterable[str]) -> dict[str, int]:
    """Return where functions are; raise UnsupportedError for one that is not there."""
    found = {}
    for name in symbols:
        place = address(name)
        if place is None:
            message = f"expected a function {name}, found none"
            raise UnsupportedError(message)
        found[name] = place
    return found


@cache
def opened(library: Library) -> Any:
    """Return a library, None where there is none that can be opened."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        # Opened by its path, a library does not find what lies beside it.
        return [ctypes.CDLL(place) for place in _places(library)][-1]
    except OSError:
        return None


def _places(library: Library) -> Sequence[str]:
    """Return what to open: files of this Python's, or a name that the system knows."""
    folder = Path(sys.prefix, "lib")
    paths = [folder / name for name in library.files]
    if library.installed and paths[-1].is_file():
        return [str(p) for p in paths if p.is_file()]
    return library.files[-1:]


def installed() -> str:
    """Say which libraries there are: code that was made with others is not run.

    Files are told apart by their sizes and times, so that they need not be opened.
    """
    said = []
    for library in LIBRARIES:
        try:
            found = [Path(p).stat() for p in _places(library) if "/" in p]
        except OSError:  # taken away meanwhile
            found = []
        told = [f"{s.st_size} {s.st_mtime_ns}" for s in found]
        said.append(" ".join(told) or str(opened(library) is not None))
    return ", ".join(said)
