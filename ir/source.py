"""Point into the user's text: from offsets to line, column and caret."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_WIDEST = 120


def printable(text: str) -> str:
    r"""Return `text` with control, newline and bidirectional characters replaced.

    >>> printable("a\nb")
    'a b'
    """
    return "".join(c if c.isprintable() else " " for c in text)


@dataclass(frozen=True, eq=False)
class Source:
    """Hold one text of the user's and its name for messages."""

    name: str
    text: str

    @property
    def label(self) -> str:
        """How comments name a line: `line ` or, for a file, `file.expr:`."""
        return "line " if self.name.startswith("<") else f"{Path(self.name).name}:"

    @cached_property
    def starts(self) -> list[int]:
        """Offsets at which lines start."""
        return [0, *(i + 1 for i, c in enumerate(self.text) if c == "\n")]

    def line_text(self, line: int) -> str:
        """Return line number `line` (from 1) without its end."""
        start = self.starts[line - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """Mark a stretch of a `Source`, by offsets."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """The line number, from 1."""
        return bisect_right(self.source.starts, self.start)

    @property
    def column(self) -> int:
        """The column, from 1."""
        return self.start - self.source.starts[self.line - 1] + 1

    @property
    def text(self) -> str:
        """The stretch itself."""
        return self.source.text[self.start : self.end]

    @property
    def line_text(self) -> str:
        """The whole line that the stretch starts on."""
        return self.source.line_text(self.line)

    def __str__(self) -> str:
        """Return `file:line:column`."""
        return f"{self.source.name}:{self.line}:{self.column}"

    def point(self, message: str) -> str:
        """Return `message` under its place, then the line with a caret below."""
        text, column = self.line_text, self.column
        left = max(0, column - 1 - _WIDEST // 2) if len(text) > _WIDEST else 0
        shown = printable(text[left : left + _WIDEST])
        width = max(1, min(self.end - self.start, len(shown) - (column - 1 - left)))
        caret = " " * (column - 1 - left) + "^" * width
        return f"{self}: {message}\n    {shown}\n    {caret}"
