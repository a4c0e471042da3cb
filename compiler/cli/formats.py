"""Show a compiled function in the formats of `overbar derive`: a row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from overbar.cli.output import MARK
from overbar.cli.schema import as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from overbar.function import CompiledFunction

    Show = Callable[[CompiledFunction, int, Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Format:
    """Say how one format is made.

    show: `(f, order, at) -> text`; orders: of derivatives that it can show; numbers:
        whether it can show those of a point, `at`.
    comment: how a first line is written that says who wrote
    the file, empty where the text says it by itself.
    """

    show: Show
    comment: str = ""
    orders: int = 2
    numbers: bool = False

    def mark(self, text: str) -> str:
        """Return the text as it is kept in a file, so that we know it again."""
        if not self.comment:
            return text
        return self.comment.format(MARK) + "\n" + text


def _text(f: CompiledFunction, order: int, _: Mapping[str, Any]) -> str:
    return f.text(order)


def _latex(f: CompiledFunction, order: int, _: Mapping[str, Any]) -> str:
    return f.latex(order) + "\n"


def _source(f: CompiledFunction, order: int, _: Mapping[str, Any]) -> str:
    if order == 1:
        return f.source
    return f.runtime.source("value", "hessian")


def _ir(f: CompiledFunction, order: int, _: Mapping[str, Any]) -> str:
    """Show the stages: the inputs, both graphs, and the program that runs."""
    graph = f.graph
    inputs = [
        f"{name}: {graph.roles[name]} {node.type}"
        + (f" = {graph.defaults[name]!r}" if name in graph.defaults else "")
        for name, node in graph.inputs.items()
    ]
    stages = {
        "inputs": "\n".join(inputs),
        "graph": str(graph),
        "adjoint graph": str(f.adjoint_graph),
        f"program {f.program.name}": str(f.program),
    }
    if order > 1:
        entry = f.runtime.entry("hessian")
        for program in (*(e.program for e in entry.needs), entry.program):
            stages[f"program {program.name}"] = str(program)
    return "\n".join(f"# {name}\n{text}\n" for name, text in stages.items())


def _json(f: CompiledFunction, order: int, _: Mapping[str, Any]) -> str:
    return as_json(f, order)


def _svg(f: CompiledFunction, _: int, at: Mapping[str, Any]) -> str:
    return f.draw(dict(at)) if at else f.draw()


def _dot(f: CompiledFunction, _: int, __: Mapping[str, Any]) -> str:
    from overbar.show.dot import dot

    return dot(f.graph)


FORMATS = {
    "text": Format(_text, "# {}"),
    "latex": Format(_latex, "% {}"),
    "source": Format(_source),
    "ir": Format(_ir, "# {}"),
    "json": Format(_json),
    "svg": Format(_svg, "<!-- {} -->", orders=1, numbers=True),
    "dot": Format(_dot, "// {}", orders=1),
}
"""The formats by name, each with how it is made and marked."""
