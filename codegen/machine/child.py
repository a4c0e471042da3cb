"""Make object code of the text on standard input: what a child process runs."""

from __future__ import annotations

import os
import signal
import sys

from overbar.codegen.machine.target import assembled


def main(niceness: int) -> None:
    """Read a module's text, write its object code; niceness: to other processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who waits for this one ends it
    nice = getattr(os, "nice", None)
    if nice is not None:
        nice(niceness)
    text = sys.stdin.buffer.read().decode()
    sys.stdout.buffer.write(assembled(text))
