"""Test help, versions, errors in one voice and exit statuses."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from overbar import __version__
from overbar.cli import overbar
from overbar.cli.formula import KINKS, LEVELS
from overbar.ir.errors import CacheWarning
from overbar.ir.ops.piecewise import CONVENTIONS
from overbar.levels import LEVELS as ALL_LEVELS

if TYPE_CHECKING:
    from conftest import Cli

ROOT = Path(__file__).parents[2]
COMMANDS = ["bench", "build", "check", "derive", "eval"]
EXAMPLES = [
    example
    for command in (overbar, *overbar.commands.values())
    for example, _ in command.examples
]


def shell(words: str, **extra: Any) -> subprocess.CompletedProcess[str]:
    """Run `overbar WORDS` through a shell, as a process of its own."""
    command = f"{sys.executable} -m overbar {words}"
    return subprocess.run(
        ["bash", "-c", command],  # noqa: S607 - whichever there is
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        **extra,
    )


def test_version(cli: Cli) -> None:
    """--version prints the name and the version."""
    assert f"overbar {__version__}\n" == cli("--version").stdout


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS)])
def test_help_starts_with_examples(cli: Cli, words: tuple[str, ...]) -> None:
    """The help of every command is examples, then usage, then options."""
    result = cli(*words, "--help")
    places = [result.stdout.index(s) for s in ("Examples:", "Usage:", "Options:")]
    assert (0, "", 0) == (result.exit_code, result.stderr, places[0])
    assert sorted(places) == places
    assert result.stdout == cli(*words, "-h").stdout


def test_help_names_every_command(cli: Cli) -> None:
    """The help lists the commands, each with a whole sentence."""
    _, _, listed = cli("--help").stdout.partition("Commands:\n")
    lines = listed.split("\n\n")[0].splitlines()
    assert COMMANDS == [line.split()[0] for line in lines]
    assert all(line.endswith(".") and not line.endswith("..") for line in lines)


def test_no_command_is_bad_usage(cli: Cli) -> None:
    """Without a command, the help goes to stderr and the status is 2."""
    result = cli()
    assert (2, "") == (result.exit_code, result.stdout)
    assert cli("--help").stdout == result.stderr


@pytest.mark.parametrize("example", sorted(set(EXAMPLES)))
def test_examples_of_the_help_run(
    cli: Cli, example: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the help shows works as it stands, from the repository's root."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    before, _, after = example.rpartition(" | ")
    given = before.removeprefix("echo '").removesuffix("'")
    monkeypatch.setattr("overbar.cli.bench._REPEATS", 1)
    words = after.split()
    result = cli(*words[1:], given=given)
    assert ("overbar", 0, "") == (words[0], result.exit_code, result.stderr)


def test_help_is_light() -> None:
    """`overbar --help` imports none of the libraries that take long to import."""
    code = (
        "import sys, overbar.cli as cli\n"
        "try: cli.overbar(['derive', '--help'])\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert "Usage: " in done.stdout
    heavy = {"numpy", "lark", "sympy", "scipy", "numba", "llvmlite", "mpmath"}
    assert set() == heavy & set(done.stderr.split())


def test_choices_are_those_of_the_compiler() -> None:
    """The words that options take are those that `ob.compile` takes."""
    assert set(CONVENTIONS) == set(KINKS)
    assert set(ALL_LEVELS) == set(LEVELS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "derivee x",
            ("expected a command (bench, build, check, derive, eval), found 'derivee'; "
            "did you mean 'derive'?"),
        ),
        (
            "l1.expr",
            ("expected a command (bench, build, check, derive, eval), found 'l1.expr'; "
            "did you mean 'overbar derive l1.expr'?"),
        ),
        (
            "frobnicate",
            ("expected a command (bench, build, check, derive, eval), found "
            "'frobnicate'; see 'overbar --help'"),
        ),
        ("derive", "missing argument 'FILE|-'; see 'overbar derive --help'"),
        ("build x.expr",
         "missing option '-o' / '--output'; see 'overbar build --help'"),
        (
            "check x.expr --random 0",
            ("invalid value for '--random': 0 is not in the range x>=1; see 'overbar "
            "check --help'"),
        ),
        ("derive x y",
         "got unexpected extra argument (y); see 'overbar derive --help'"),
        ("derive no.expr", ("expected an expression file at no.expr: "
         "No such file or directory")),
        ("derive x*y", ("expected an expression file at x*y: No such file or "
         "directory; a formula itself goes in by echo 'x*y' | overbar derive -")),
        ("derive .", "expected an expression file at .: Is a directory"),
        ("derive /dev/zero",
         "expected a text of at most 8 MB, found more in /dev/zero"),
        ("derive a\x1b[2Jb", ("expected an expression file at a [2Jb: No such file or "
         "directory; a formula itself goes in by echo 'x*y' | overbar derive -")),
        ("derive a\0b", "expected an expression file at a b: embedded null byte"),
        ("derive - --wrt x,,y", "expected names in --wrt, such as x,y; found 'x,,y'"),
        ("derive - --wrt xx", ("expected one of the inputs x, found 'xx'; "
         "did you mean 'x'?")),
    ],
)  # fmt: skip
def test_errors(cli: Cli, words: str, message: str) -> None:
    """Bad usage and bad input give one line on stderr, nothing else, and status 2."""
    message = message.replace("such as x,y", "such as w,b")
    result = cli(*words.split(" "), given="x*x")
    assert (2, "") == (result.exit_code, result.stdout)
    assert f"overbar: error: {message}\n" == result.stderr


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "x = 1\ny = x +\n",
            (
                "<stdin>:2:8: expected an expression, found the end of the line\n"
                "    y = x +\n"
                "           ^"
            ),
        ),
        (b"x\xff", "expected UTF-8 text in <stdin>, found byte 1 that is not"),
        (b"x" * (2**23 + 1), "expected a text of at most 8 MB, found more in <stdin>"),
    ],
)
def test_errors_in_a_text(cli: Cli, given: str | bytes, message: str) -> None:
    """An error in a formula shows place, line and caret."""
    result = cli("derive", "-", given=given)
    assert (2, "") == (result.exit_code, result.stdout)
    assert f"overbar: error: {message}\n" == result.stderr


def test_errors_name_the_file(cli: Cli, tmp_path: Path) -> None:
    """An error in a file is shown under the path that was given."""
    (tmp_path / "bad.expr").write_text("x = (1\n")
    assert cli("derive", "bad.expr").stderr.startswith("overbar: error: bad.expr:1:5: ")


def test_windows_files_are_read(cli: Cli) -> None:
    """A byte-order mark and carriage returns are no part of a formula."""
    given = b"\xef\xbb\xbfy = x*x\r\ny\r\n"
    assert cli("derive", "-", given="y = x*x\ny").stdout == (
        cli("derive", "-", given=given).stdout
    )


def raising(error: BaseException) -> Any:
    """Return a function that raises."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (KeyboardInterrupt(), 130, "\n"),
        (BrokenPipeError(), 141, ""),
        (OSError(28, "No space"), 2, "expected to read and write, found: No space\n"),
    ],
)
def test_ends_without_traceback(
    cli: Cli,
    error: BaseException,
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C, a closed pipe and a full disk end a run with a status of their own."""
    monkeypatch.setattr("overbar.cli.derive.read_formula", raising(error))
    result = cli("derive", "-")
    expected = f"overbar: error: {message}" if message.strip() else message
    assert (status, "", expected) == (result.exit_code, result.stdout, result.stderr)


def test_a_defect_has_its_own_status(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is not ours shows its traceback, and no script reads it as 1."""
    monkeypatch.setattr("overbar.cli.derive.read_formula", raising(KeyError("boom")))
    result = cli("derive", "-")
    assert (70, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith("Traceback (most recent call last):\n")
    assert result.stderr.endswith(
        "KeyError: 'boom'\n"
        "overbar: error: this is a defect of Overbar's; please report the lines above\n"
    )


def test_warnings_have_the_same_voice(
    cli: Cli, l1: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning is one line on stderr, and the result is printed nevertheless."""

    def warn(text: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("no cache", CacheWarning, stacklevel=1)
        click.echo(text)

    monkeypatch.setattr("overbar.cli.derive.say", warn)
    result = cli("derive", l1)
    assert (0, "overbar: warning: no cache\n") == (result.exit_code, result.stderr)
    assert result.stdout.startswith("z = w*x + b\n")


@pytest.mark.parametrize(
    ("name", "value", "coloured"),
    [("", "", True), ("NO_COLOR", "1", False), ("NO_COLOR", "", True),
     ("TERM", "dumb", False)],
)  # fmt: skip
def test_colours(
    name: str,
    value: str,
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a terminal, errors are red unless NO_COLOR is set or the terminal is dumb."""
    for variable in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(variable, raising=False)
    if name:
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with pytest.raises(SystemExit):
        overbar(["derive", "no.expr"])
    assert coloured == ("\x1b[31m" in capsys.readouterr().err)


def test_as_a_process() -> None:
    """`python -m overbar` prints to stdout alone, and its status is 0."""
    done = shell("derive examples/l1_regression.expr")
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("z = w*x + b\n")
    assert "\x1b" not in done.stdout


def test_status_of_a_process() -> None:
    """Errors go to stderr alone, named after the program, and the status is 2."""
    done = shell("derive no.expr")
    message = "expected an expression file at no.expr: No such file or directory"
    assert (2, "") == (done.returncode, done.stdout)
    assert f"overbar: error: {message}\n" == done.stderr


@pytest.mark.parametrize("words", ["derive examples/l1_regression.expr", "--help"])
def test_a_closed_pipe_is_quiet(words: str) -> None:
    """Where nobody reads (`overbar ... | head`), the run ends without a word."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "overbar", *words.split()],
        check=False,
        cwd=ROOT,
        stdout=writer,
        stderr=subprocess.PIPE,
    )
    os.close(writer)
    assert (141, b"") == (done.returncode, done.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", ["derive examples/l1_regression.expr", "--help"])
def test_a_full_disk(words: str) -> None:
    """What cannot be printed is an error without a traceback, also at exit."""
    done = shell(f"{words} >/dev/full")
    assert (2, "") == (done.returncode, done.stdout)
    assert 1 == done.stderr.count("\n")
    assert done.stderr.endswith(": No space left on device\n")


def test_a_closed_output() -> None:
    """Standard output that is closed is an error, not a silent success."""
    done = shell("derive examples/l1_regression.expr >&-")
    message = "expected to write standard output, found it closed"
    assert (2, f"overbar: error: {message}\n") == (done.returncode, done.stderr)


def test_another_encoding() -> None:
    """Letters that the terminal's encoding lacks are escaped, not a crash."""
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = shell("derive - <<< 'λ*λ'", env=environment)
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("out = \\u03bb*\\u03bb\n")
