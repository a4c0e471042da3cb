"""Read columns of numbers from .csv and .npz files.

Comes in: a path and the names that are wanted. Goes out: an array a name. Nothing in
the files is executed: pickled arrays are refused.
"""

from __future__ import annotations

import csv
import zipfile
import zlib
from array import array
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError
from overbar.ir.source import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    Columns = dict[str, Any]


def read_table(path: str, wanted: Collection[str]) -> tuple[Columns, list[str]]:
    """Return the wanted columns of a file by name, and the names of the others.

    Raises InputError for a file that is none of the kinds known, cannot be read, or
    holds something else than numbers where numbers are wanted.
    """
    shown, suffix = printable(path), Path(path).suffix.lower()
    if suffix not in _READERS:
        message = f"expected data in a {' or '.join(_READERS)} file, found {shown}"
        raise InputError(message)
    try:
        return _READERS[suffix](path, wanted)
    except OSError as error:
        message = f"expected data in {shown}: {error.strerror or error}"
    except UnicodeDecodeError as error:
        message = (
            f"expected UTF-8 text in {shown}, found byte {error.start} that is not"
        )
    except (csv.Error, *_BAD_ARCHIVE) as error:
        message = f"expected data in {shown}, found what cannot be read: {error}"
    raise InputError(message) from None


_BAD_ARCHIVE = (
    EOFError, KeyError, MemoryError, NotImplementedError, RuntimeError, ValueError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What NumPy and zipfile raise for a damaged, hostile, encrypted or other archive."""


def _npz(path: str, wanted: Collection[str]) -> tuple[Columns, list[str]]:
    with Path(path).open("rb") as file:
        if not zipfile.is_zipfile(file):  # NumPy would advise to unpickle it
            message = "no archive as np.savez writes it"
            raise ValueError(message)
        file.seek(0)
        archive: Any = np.load(file, allow_pickle=False)
        names = list(archive.files)
        columns = {name: archive[name] for name in names if name in wanted}
    return columns, [name for name in names if name not in wanted]


def _csv(path: str, wanted: Collection[str]) -> tuple[Columns, list[str]]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = [name.strip() for name in next(rows, [])]
        places = {i: name for i, name in enumerate(header) if name in wanted}
        for name in places.values():
            if header.count(name) > 1:
                message = (
                    f"expected one column {name!r} in {printable(path)}, found two"
                )
                raise InputError(message)
        columns = {name: array("d") for name in places.values()}
        for row in rows:
            if row:  # a blank line holds no point
                where = f"{printable(path)}:{rows.line_num}"
                for i, name in places.items():
                    columns[name].append(_cell(row, i, name, where))
    others = [name for name in header if name not in wanted]
    return {name: np.array(c) for name, c in columns.items()}, others


def _cell(row: list[str], i: int, name: str, where: str) -> float:
    with suppress(ValueError):
        if i < len(row):
            return float(row[i])
    found = f"{row[i][:40]!r}" if i < len(row) else "the end of the line"
    message = f"{where}: expected a number for {name!r}, found {found}"
    raise InputError(message)


_READERS: dict[
    str, Callable[[str, Collection[str]], tuple[dict[str, Any], list[str]]]
] = {".npz": _npz, ".csv": _csv}


def write_table(columns: Columns) -> Iterator[str]:
    """Yield the lines of a CSV table, numbers as `repr` writes them.

    >>> list(write_table({"J": np.array([0.1, 2.0]), "dJ/dx": np.array([1.0, 0.0])}))
    ['J,dJ/dx', '0.1,1.0', '2.0,0.0']
    """
    yield ",".join(columns)
    for row in zip(*(column.tolist() for column in columns.values()), strict=True):
        yield ",".join(map(repr, row))
