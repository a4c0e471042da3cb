"""Gather the arrays that a command is given: from a file, or sizes for random ones.

Comes in: the words of `--data` and `--sizes`. Goes out: values and sizes by name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from overbar.cli.program import complain
from overbar.ir.errors import InputError
from overbar.ir.source import printable
from overbar.ir.types import INT
from overbar.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.function import CompiledFunction

_LARGEST_SIZE = 10**7

_OPTIONS = (
    click.option(
        "--data",
        metavar="FILE",
        help="Arrays of an .npz, or columns of a .csv with a header, by the inputs' "
        "names.",
    ),
    click.option(
        "--sizes",
        metavar="m=4,n=3",
        multiple=True,
        help="Sizes of arrays at random; may be given more than once.",
    ),
)


at_option = click.option(
    "--at",
    metavar="x=1,y=2",
    multiple=True,
    help="Values; may be given more than once.",
)


def array_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options `--data` and `--sizes`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def with_data(f: CompiledFunction, given: dict[str, Any], data: str) -> dict[str, Any]:
    """Return the values given with those of a file; a name in both is an error."""
    from overbar.cli.tables import read_table

    with Progress(f"reading {data}"):
        columns, unused = read_table(data, f.signature.names)
    both = [name for name in columns if name in given]
    if both:
        message = f"expected one value for {both[0]!r}, found it in --at and in {data}"
        raise InputError(message)
    if unused:
        complain("note", f"{data} holds more than the formula: {', '.join(unused)}")
    return {**given, **columns}


def typed(f: CompiledFunction, given: dict[str, Any]) -> dict[str, Any]:
    """Return values with whole numbers as such where the formula wants them."""
    found = dict(given)
    for name, value in given.items():
        node = f.graph.inputs.get(name)
        whole = isinstance(value, float) and value.is_integer()
        if whole and node is not None and node.type.dtype == INT.dtype:
            found[name] = int(value)
    return found


def need_arrays(data: str | None, sizes: tuple[str, ...]) -> None:
    """Refuse arrays and sizes for a formula of numbers."""
    found = "--data" if data is not None else "--sizes" if sizes else ""
    if found:
        message = f"expected {found} for a formula over arrays, found one of numbers"
        raise InputError(message)


def read_sizes(texts: tuple[str, ...]) -> dict[str, int]:
    """Return the sizes that `--sizes` gives, by name.

    >>> read_sizes(("m=4,n=3", "k=0"))
    {'m': 4, 'n': 3, 'k': 0}
    """
    found: dict[str, int] = {}
    for part in (part for text in texts for part in text.split(",")):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if not name or not re.fullmatch(r"[0-9]+", value):
            message = (
                "expected NAME=SIZE in --sizes, such as n=3; found "
                f"{printable(part.strip())!r}"
            )
            raise InputError(message)
        if name in found:
            message = f"expected one size for {name!r} in --sizes, found two"
            raise InputError(message)
        if len(value) > len(str(_LARGEST_SIZE)) or int(value) > _LARGEST_SIZE:
            message = f"expected a size of at most {_LARGEST_SIZE:,} for {name!r}"
            raise InputError(f"{message} in --sizes, found {value[:20]}")
        found[name] = int(value)
    return found
