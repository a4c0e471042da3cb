"""`overbar build`: a module of a formula's functions that stands by itself."""

from __future__ import annotations

import keyword
from pathlib import Path

import click

from overbar.cli.formula import formula_options, read_formula
from overbar.cli.output import say, write
from overbar.cli.program import Command
from overbar.ir.errors import InputError
from overbar.ir.source import printable
from overbar.progress import Progress

_EXAMPLES = (
    ("overbar build examples/l1_regression.expr -o l1.py", "then: import l1"),
    ("overbar build examples/l1_regression.expr --wrt w -o l1.py", "one derivative"),
)


@click.command("build", cls=Command, examples=_EXAMPLES)
@formula_options
@click.option(
    "-o", "--output", "out", metavar="MODULE.py", required=True, help="A file to write."
)
@click.option("--force", is_flag=True, help="Replace MODULE.py whoever wrote it.")
def command(
    file: str, wrt: str | None, kinks: str, accuracy: str, out: str, *, force: bool
) -> None:
    """Write a formula and its gradient as a Python module.

    The module needs NumPy and Numba, and not Overbar. Its functions check the shapes
    of arrays, but not windows such as x[3].
    """
    path = Path(out)
    name = path.stem
    if path.suffix != ".py" or not name.isidentifier() or keyword.iskeyword(name):
        message = f"expected a path such as gradient.py, found {printable(out)!r}"
        raise InputError(message)
    f = read_formula(file, wrt, kinks=kinks, accuracy=accuracy)
    with Progress("deriving"):
        text = f.runtime.source(checked=True)
    write(text, out, force=force, source=file)
    say(f"wrote {printable(out)}: {', '.join(f.runtime.together())}")
