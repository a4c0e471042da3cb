"""Read the formula that a command is about: from a file or from standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from overbar.ir.errors import InputError
from overbar.ir.source import printable
from overbar.progress import Progress
from overbar.read.files import decoded, read_file
from overbar.read.limits import LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.function import CompiledFunction
    from overbar.ir.source import Source

KINKS = ("half", "left", "right", "zero")
LEVELS = ("strict", "standard")

_FILE = click.argument("file", metavar="FILE|-")
_OPTIONS = (
    click.option(
        "--wrt",
        metavar="NAMES",
        help="Differentiate with respect to these, such as w,b "
        "[default: the params, or all inputs].",
    ),
    click.option(
        "--kinks",
        type=click.Choice(KINKS),
        default="half",
        show_default=True,
        help="The derivative where max, abs, ... have two.",
    ),
    click.option(
        "--accuracy",
        type=click.Choice(LEVELS),
        default="standard",
        show_default=True,
        help="Keep operations as written, or stabilise them.",
    ),
)


def formula_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument FILE and the options of `ob.compile`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return _FILE(command)


def read_formula(
    file: str, wrt: str | None, backend: str = "auto", **options: str
) -> CompiledFunction:
    """Return the formula of a file, `-` for standard input.

    Raises InputError where it cannot be read, and what `ob.compile` raises.
    """
    source = read_source(file)
    name = "stdin" if file == "-" else Path(file).stem
    with Progress(f"reading {source.name}"):
        from overbar.api import compile as compile_formula

        return compile_formula(
            source, split_names(wrt), name=name, backend=backend, **options
        )


def has_arrays(f: CompiledFunction) -> bool:
    """Whether a formula computes with arrays."""
    nodes = (*f.graph.inputs.values(), *f.graph.order())
    return any(node.type.shape for node in nodes)


def read_source(file: str) -> Source:
    """Return the text of a file, `-` for standard input, and its name for messages.

    No more is read than a formula may have, so that endless files do no harm.
    """
    if file == "-":
        return decoded(sys.stdin.buffer.read(LIMITS.characters + 1), "<stdin>")
    return read_file(file)


def split_names(text: str | None) -> list[str] | None:
    """Return the names of `--wrt`, None if it is not given.

    >>> split_names("w, b")
    ['w', 'b']
    """
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        message = f"expected names in --wrt, such as w,b; found {printable(text)!r}"
        raise InputError(message)
    return names
