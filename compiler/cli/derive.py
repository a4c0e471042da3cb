"""`overbar derive`: show a formula and its derivatives, in one of several formats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from overbar.cli.formula import formula_options, read_formula
from overbar.cli.output import say, write
from overbar.cli.program import Command
from overbar.ir.errors import InputError
from overbar.progress import Progress

if TYPE_CHECKING:
    from overbar.cli.formats import Format
    from overbar.function import CompiledFunction

NAMES = ("text", "latex", "source", "ir", "json", "svg", "dot")
ENDINGS = {
    ".dot": "dot", ".gv": "dot", ".json": "json", ".py": "source", ".svg": "svg",
    ".tex": "latex",
}  # fmt: skip
"""The format that a file's name asks for; any other ending is text."""

_EXAMPLES = (
    ("overbar derive examples/l1_regression.expr", "forward and adjoint statements"),
    ("overbar derive examples/l1_regression.expr --wrt w --order 2", "the Hessian too"),
    ("overbar derive examples/l1_regression.expr --format source", "the Python module"),
    ("overbar derive examples/l1_regression.expr -o l1.svg", "the graph as a picture"),
    ("echo 'x*exp(-x)' | overbar derive -", "a formula from standard input"),
)


@click.command("derive", cls=Command, examples=_EXAMPLES)
@formula_options
@click.option(
    "--order",
    type=click.Choice(("1", "2")),
    default="1",
    show_default=True,
    help="Of the derivatives; 2 adds the Hessian's statements.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(NAMES),
    help="What to print [default: as OUT ends, else text].",
)
@click.option(
    "--at", metavar="x=1,y=2", multiple=True, help="Values to write into a picture."
)
@click.option(
    "--data", metavar="FILE", help="Arrays for a picture, of an .npz or a .csv."
)
@click.option("-o", "--output", "out", metavar="OUT", help="A file to write.")
@click.option("--force", is_flag=True, help="Replace OUT whoever wrote it.")
def command(  # noqa: PLR0913 - one for each word that may be given
    file: str,
    wrt: str | None,
    kinks: str,
    accuracy: str,
    order: str,
    form: str | None,
    at: tuple[str, ...],
    data: str | None,
    *,
    out: str | None,
    force: bool,
) -> None:
    """Print a formula's statements and those of its derivatives.

    For several outputs, the adjoints are for seeds that stand for the outputs' own:
    OUT_seed is the adjoint of OUT.
    """
    f = read_formula(file, wrt, kinks=kinks, accuracy=accuracy)
    name = form or ENDINGS.get(Path(out or "").suffix, "text")
    with Progress("deriving"):
        from overbar.cli.formats import FORMATS
        from overbar.cli.given import typed, with_data
        from overbar.cli.points import read_at

        row = FORMATS[name]
        _check(f, row, name, int(order), "--at" if at else "--data" if data else "")
        given: dict[str, Any] = dict(read_at(at))
        if data is not None:
            given = with_data(f, given, data)
        text = row.show(f, int(order), typed(f, given))
    if out in {None, "-"}:
        say(text)
    else:
        write(row.mark(text), str(out), force=force, source=file)


def _check(f: CompiledFunction, row: Format, name: str, order: int, given: str) -> None:
    """Refuse what a format cannot show, and second derivatives of several outputs."""
    message = ""
    if given and not row.numbers:
        message = f"expected {given} with --format svg, found it with {name}"
    elif order > row.orders:
        message = f"expected --order 1 with --format {name}, which draws the formula"
    elif order > 1 and len(f.graph.outputs) > 1:
        found = ", ".join(f.graph.outputs)
        message = f"expected one output for --order 2, found several: {found}"
    if message:
        raise InputError(message)
