"""Break long lines of Python text at their operators and brackets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 88
INDENT = "    "
_BREAKS = {"+", "-", "if", "else", "and", "or"}


def filled(names: Sequence[str], width: int) -> list[str]:
    """Return names, a comma behind each, on lines of at most `width`."""
    lines = [""]
    for name in names:
        piece = f"{name},"
        if lines[-1] and len(lines[-1]) + 1 + len(piece) > width:
            lines.append("")
        lines[-1] += f" {piece}" if lines[-1] else piece
    return lines


def wrap(head: str, text: str, pad: str) -> list[str]:
    """Return `head + text`, where it is long broken at its outermost operators.

    These are the operators of a sum, condition or list; in a product or call they are
    those inside its longest brackets.
    """
    if len(pad) + len(head) + len(text) <= WIDTH:
        return [pad + head + text]
    pieces = _split(text)
    if len(pieces) == 1:
        return _opened(head, text, pad)
    return [f"{pad}{head}(", *_rows(pieces, pad + INDENT), f"{pad})"]


def _rows(pieces: Sequence[str], pad: str) -> list[str]:
    """Return pieces on as few lines as hold them, too long ones broken again."""
    lines: list[str] = []
    full = True
    for piece in pieces:
        if len(pad) + len(piece) > WIDTH:
            lines += _opened("", piece, pad)
            full = True
        elif full or len(lines[-1]) + 1 + len(piece) > WIDTH:
            lines.append(pad + piece)
            full = False
        else:
            lines[-1] += f" {piece}"
    return lines


def _opened(head: str, text: str, pad: str) -> list[str]:
    """Return a text broken inside its longest brackets."""
    start, end = _brackets(text)
    if start == end:
        return [pad + head + text]
    rows = _rows(_split(text[start + 1 : end]), pad + INDENT)
    return [pad + head + text[: start + 1], *rows, pad + text[end:]]


def _brackets(text: str) -> tuple[int, int]:
    """Return where the longest of the outermost brackets open and close."""
    depth = start = 0
    best = (0, 0)
    for i, c in enumerate(text):
        if c in "([":
            start = start if depth else i
            depth += 1
        elif c in ")]":
            depth -= 1
            if not depth:
                best = max(best, (start, i), key=lambda span: span[1] - span[0])
    return best


def _split(text: str) -> list[str]:
    pieces, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([") - (c in ")]")
        if depth == 0 and c == " ":
            word = text[i + 1 :].split(" ", 1)[0]
            if word in _BREAKS or text[i - 1] == ",":
                pieces.append(text[start:i])
                start = i + 1
    return [*pieces, text[start:]]
