"""Run commands: help with examples first, errors in one voice, exit statuses.

Comes in: the words after `overbar`. Goes out: `SystemExit` with the status of the run.
Errors and warnings go to stderr as `overbar: error: ...`; a traceback means that
Overbar itself is wrong.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.exceptions import Exit

from overbar.cli.output import abandon
from overbar.ir.errors import OverbarError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FAILED, WRONG = 1, 2
"""Exit statuses besides 0: the check failed; bad usage or bad input."""

BROKEN, INTERRUPTED, UNREAD = 70, 130, 141
"""A defect of Overbar's (EX_SOFTWARE in sysexits.h); Ctrl-C, and a reader that went
away, as shells count them (128 + SIGINT, 128 + SIGPIPE)."""

_STATUSES = "Exit status: 0 done, 1 the check failed, 2 bad usage or bad input."
_HELP = ["-h", "--help"]


class Command(click.Command):
    """Be a command whose help starts with examples.

    examples: pairs of what to type and what it gives.
    """

    def __init__(
        self, *args: Any, examples: Sequence[tuple[str, str]] = (), **attrs: Any
    ) -> None:
        attrs.setdefault("context_settings", {"help_option_names": _HELP})
        attrs.setdefault("epilog", _STATUSES)
        super().__init__(*args, **attrs)
        self.examples = examples

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then what click writes."""
        formatter.write("Examples:\n")
        for command, gives in self.examples:
            formatter.write(f"  {command}\n      {gives}\n")
        formatter.write_paragraph()
        super().format_help(ctx, formatter)


class Program(Command, click.Group):
    """Be the command that has the others, and decide how each run ends."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is named first, or suggest one."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            known = self.list_commands(ctx)
            message = f"expected a command ({', '.join(known)}), found {name!r}"
            close = get_close_matches(name, known, n=1)
            if close:
                message += f"; did you mean {close[0]!r}?"
            elif name.endswith(".expr"):
                message += f"; did you mean 'overbar derive {name}'?"
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the options; end quietly where nobody reads the help."""
        with _unread():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; end quietly where nobody reads what it prints."""
        ctx.color = colour()
        with _unread():
            return super().invoke(ctx)

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run the command line and exit with its status."""
        extra["standalone_mode"] = False
        if hasattr(sys.stdout, "reconfigure"):  # a letter may be missing from a charset
            sys.stdout.reconfigure(errors="backslashreplace")
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            try:
                status = super().main(*args, **extra)
            except Exception as error:  # noqa: BLE001 - each kind has its status
                status = _status(error)
        sys.exit(status)


@contextmanager
def _unread() -> Iterator[None]:
    """Turn a closed pipe (`overbar ... | head`) into a quiet end."""
    try:
        yield
    except BrokenPipeError:
        abandon()
        raise Exit(UNREAD) from None


def _status(error: Exception) -> int:
    """Report an error and return the exit status for it."""
    if isinstance(error, click.Abort):
        return INTERRUPTED
    if isinstance(error, OverbarError):
        complain("error", str(error))
        return WRONG
    if isinstance(error, click.UsageError):
        complain("error", _usage(error))
        return WRONG
    if isinstance(error, OSError):
        abandon()
        complain("error", f"expected to read and write, found: {error.strerror}")
        return WRONG
    if isinstance(error, MemoryError):
        complain("error", "expected arrays that fit into memory, found larger ones")
        return WRONG
    traceback.print_exception(error)
    complain("error", "this is a defect of Overbar's; please report the lines above")
    return BROKEN


def _usage(error: click.UsageError) -> str:
    text = error.format_message().rstrip(".")
    text = text[:1].lower() + text[1:]
    if text.endswith("?") or error.ctx is None:
        return text
    return f"{text}; see '{error.ctx.command_path} --help'"


def colour() -> bool | None:
    """Return False where colours are not wanted, None to let the terminal decide.

    NO_COLOR is honoured as https://no-color.org says: unless it is empty.
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return None


def complain(kind: str, message: str) -> None:
    """Write `overbar: KIND: MESSAGE` to stderr.

    What would steer a terminal (a file's name may hold such characters) is escaped.
    """
    label = click.style(f"overbar: {kind}:", bold=True, fg=_COLOURS[kind])
    shown = "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode()
        for c in message
    )
    click.echo(f"{label} {shown}", err=True, color=colour())


_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    complain("warning", str(message))
