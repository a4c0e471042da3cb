"""Test that progress shows on terminals alone, late, and leaves no trace."""

from __future__ import annotations

import io
import time
from types import SimpleNamespace

import pytest

from overbar.progress import Progress, is_terminal


class Terminal(io.StringIO):
    """Be a terminal, or a pipe, that keeps what was written."""

    def __init__(self, *, terminal: bool = True) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        """Say whether this is a terminal."""
        return self.terminal


class Gone(Terminal):
    """Be a terminal that was closed."""

    def write(self, text: str, /) -> int:
        """Refuse to write."""
        del text
        raise OSError(5, "Input/output error")


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let TERM be one that can go back in a line, and let the clock stand still."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("overbar.progress._PERIOD", 0.01)
    clock = SimpleNamespace(monotonic=lambda: 0.0)
    monkeypatch.setattr("overbar.progress.time", clock)


def screen(text: str) -> str:
    """Return what a terminal shows of a line that was written again and again."""
    shown = ""
    for part in text.split("\r"):
        shown = part + shown[len(part) :]
    return shown.rstrip()


def wait_for(stream: Terminal, text: str) -> str:
    """Return what was written once it contains a text, or after a minute and more."""
    for _ in range(6_000):
        if text in stream.getvalue():
            break
        time.sleep(0.01)
    return stream.getvalue()


def test_shown_and_erased() -> None:
    """After the delay a line shows label, steps and seconds; at the end it is gone."""
    stream = Terminal()
    with Progress("checking", total=4, stream=stream, delay=0.01) as progress:
        progress.advance()
        found = wait_for(stream, "1/4")
        assert screen(found) == "checking [#####...............] 1/4, 0 s"
        progress.advance("timing")
        assert screen(wait_for(stream, "timing")).startswith("timing [##########")
    assert screen(stream.getvalue()) == ""


def test_without_a_total() -> None:
    """Where the number of steps is not known, there is no bar."""
    stream = Terminal()
    with Progress("compiling", stream=stream, delay=0.01):
        assert screen(wait_for(stream, "s")) == "compiling, 0 s"


@pytest.mark.parametrize("columns", [10, 1])
def test_narrow_terminals(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line never wraps."""
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    with Progress("a long label", stream=stream, delay=0.01):
        wait_for(stream, "a")
    assert max(map(len, stream.getvalue().split("\r"))) <= max(columns - 1, 1)


def test_quick_work_shows_nothing() -> None:
    """Work of less than the delay leaves the terminal alone."""
    stream = Terminal()
    with Progress("adding", stream=stream, delay=60):
        pass
    assert "" == stream.getvalue()


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_only_on_terminals(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe, a file and a dumb terminal get nothing."""
    monkeypatch.setenv("TERM", term)
    stream = Terminal(terminal=term == "dumb")
    with Progress("adding", stream=stream, delay=0):
        time.sleep(0.05)
    assert "" == stream.getvalue()


def test_streams_that_are_no_terminals() -> None:
    """No stream, and a closed one, are no terminals."""
    closed = io.StringIO()
    closed.close()
    assert [False, False, True] == [is_terminal(s) for s in (None, closed, Terminal())]


def test_a_terminal_that_goes_away() -> None:
    """Work goes on when its terminal is gone."""
    with Progress("adding", stream=Gone(), delay=0) as progress:
        time.sleep(0.05)
        progress.advance()
    assert 1 == progress.done


def test_erased_before_an_error() -> None:
    """An error is written on an empty line."""
    stream = Terminal()

    def fail() -> None:
        with Progress("adding", stream=stream, delay=0.01):
            wait_for(stream, "adding")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert screen(stream.getvalue()) == ""
