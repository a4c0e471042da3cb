"""Find fenced code blocks in Markdown, so that what a document shows is also run.

A block opens with an info string: a language, then words of ours that a renderer
leaves out. README's two commands are marked `sh run` and `sh test`; CI reads them
here, so that README and CI cannot drift apart::

    python3 .ci/fences.py README.md sh test
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(
    r"^(?P<fence>`{3,})(?P<info>[^`\n]*)\n(?P<code>.*?)^(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """Hold one fenced block: the words of its info string, its text, its first line."""

    info: tuple[str, ...]
    code: str
    line: int


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a Markdown text, in order."""
    return [
        Block(
            info=tuple(match["info"].split()),
            code=match["code"],
            line=text.count("\n", 0, match.start("code")) + 1,
        )
        for match in FENCE.finditer(text)
    ]


def main(path: str, *info: str) -> None:
    """Print the one block of the file at `path` that has exactly this info string."""
    found = [
        b for b in blocks(Path(path).read_text(encoding="utf-8")) if b.info == info
    ]
    if len(found) != 1:
        sys.exit(f"{path}: expected one block `{' '.join(info)}`, found {len(found)}")
    print(found[0].code, end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
