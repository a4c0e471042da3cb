"""Offer `overbar` at the prompt: derive, eval, check, build and bench.

One file a command; `program` runs them. Nothing here imports the compiler before a
command needs it, so that `overbar --help` answers at once.
"""

from __future__ import annotations

import click

from overbar import __version__
from overbar.cli import bench, build, check, derive, evaluate
from overbar.cli.program import WRONG, Program

_EXAMPLES = (
    ("overbar derive examples/l1_regression.expr", "the derivatives, on paper"),
    ("overbar derive examples/l1_regression.expr --format source", "as Python"),
    ("overbar eval examples/l1_regression.expr --at w=1,b=0,x=2,t=1", "the value"),
    ("overbar check examples/l1_regression.expr", "the gradient, checked"),
    ("overbar build examples/l1_regression.expr -o l1.py", "a module to import"),
    ("overbar bench examples/l1_regression.expr", "how long it all takes"),
    ("echo 'x*exp(-x)' | overbar derive -", "a formula from standard input"),
)


@click.group(cls=Program, examples=_EXAMPLES, invoke_without_command=True)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def overbar(ctx: click.Context) -> int | None:
    """Derive exact, readable, compiled derivatives of formulas."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        return WRONG
    return None


for _module in (derive, evaluate, check, build, bench):
    overbar.add_command(_module.command)


def main() -> None:
    """Run the command line; `SystemExit` carries the exit status."""
    overbar.main(prog_name="overbar")
