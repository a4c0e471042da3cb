"""Read what all benchmarks are told on the command line, and say how they get on."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from typing import TYPE_CHECKING

from benchmarks.child import cores
from benchmarks.race import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

GIB = 2**30


def parser(name: str, doc: str | None) -> argparse.ArgumentParser:
    """Return a parser of what all benchmarks take: `python -m NAME`."""
    found = argparse.ArgumentParser(
        prog=f"python -m {name}", description=(doc or "").split("\n")[0]
    )
    add = found.add_argument
    add("--quick", action="store_true", help="the smallest sizes, few short turns")
    add("--repeats", type=int, default=7, help="turns that each takes")
    add("--json", metavar="FILE", help="write all figures there")
    return found


def racing(name: str, doc: str | None, tools: Iterable[str]) -> argparse.ArgumentParser:
    """Return a parser of what all races of tools take."""
    found = parser(name, doc)
    add, every = found.add_argument, ",".join(tools)
    add("--tools", default=every, help=every)
    add("--cpu", action="store_true",
        help="by the processor's clock: for busy machines")  # fmt: skip
    add("--limit", type=float, default=120, help="seconds to wait for an answer")
    add("--memory", type=float, default=8, help="GiB that a tool may hold")
    add("--threads", default="1", help="a number of threads, or all")
    return found


def plan(options: argparse.Namespace, say: Callable[[str], None]) -> Plan:
    """Return how a race goes by what the command line says."""
    quick = options.quick
    return Plan(
        repeats=3 if quick else options.repeats,
        seconds=0.02 if quick else 0.1,
        limit=options.limit,
        memory=int(options.memory * GIB),
        threads=cores() if options.threads == "all" else int(options.threads),
        clock="cpu" if options.cpu else "wall",
        say=say,
    )


def chosen(options: argparse.Namespace, needs: Mapping[str, str]) -> list[str]:
    """Return the tools asked for that are there, in order; exit for unknown ones.

    needs: the module that each tool needs.
    """
    asked = options.tools.split(",")
    unknown = [tool for tool in asked if tool not in needs]
    if unknown:
        message = f"expected tools of {', '.join(needs)}; found {unknown[0]!r}"
        print(message, file=sys.stderr)
        raise SystemExit(2)
    there = [t for t in needs if t in asked and importlib.util.find_spec(needs[t])]
    missing = [tool for tool in asked if tool not in there]
    if missing:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
    return there


def say(text: str) -> None:
    """Show what is going on, on a terminal only, in one line."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{text[:78]}", end="", file=sys.stderr, flush=True)
