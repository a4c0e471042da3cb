"""Read the text of an expression file: no more than a formula may have."""

from __future__ import annotations

import io
from pathlib import Path

from overbar.ir.errors import InputError, LimitError
from overbar.ir.source import Source, printable
from overbar.read.limits import LIMITS


def read_file(path: str | Path) -> Source:
    """Return the text of an expression file, bounded, so that endless files do no harm.

    Raises InputError where it cannot be read or is no UTF-8, LimitError above 8 MB.
    """
    shown = printable(str(path))
    try:
        with Path(path).open("rb") as stream:
            return decoded(stream.read(LIMITS.characters + 1), shown)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        found = error.strerror if isinstance(error, OSError) else error
        message = f"expected an expression file at {shown}: {found}"
        if isinstance(error, FileNotFoundError) and Path(path).suffix != ".expr":
            message += "; a formula itself goes in by echo 'x*y' | overbar derive -"
        raise InputError(message) from None


def decoded(data: bytes, name: str) -> Source:
    """Return the text of a file's bytes (see `read_file`)."""
    if len(data) > LIMITS.characters:
        message = f"expected a text of at most 8 MB, found more in {name}"
        raise LimitError(message)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"expected UTF-8 text in {name}, found byte {error.start} that is not"
        raise InputError(message) from None
    return Source(name, io.IncrementalNewlineDecoder(None, translate=True).decode(text))
