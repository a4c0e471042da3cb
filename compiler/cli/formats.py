"""Show a compiled function in the formats of `overbar derive`: a row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from overbar.cli.output import MARK
from overbar.cli.schema import as_json
from overbar.codegen.module import print_module
from overbar.statements import derivatives

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from overbar.function import CompiledFunction

    Show = Callable[[CompiledFunction, int, Mapping[str, float]], str]


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


def _text(f: CompiledFunction, order: int, _: Mapping[str, float]) -> str:
    return f.text(order)


def _latex(f: CompiledFunction, order: int, _: Mapping[str, float]) -> str:
    from overbar.show.latex import LatexWriter, align
    from overbar.show.typeset import symbol

    if order == 1:
        return f.latex() + "\n"
    found = derivatives(f.derivation, order, LatexWriter)
    output = next(iter(f.graph.outputs))
    partials = {
        symbol(name): rf"\frac{{\partial^{{2}} {symbol(output)}}}"
        rf"{{\partial {symbol(a)} \, \partial {symbol(b)}}}"
        for (a, b), name in found.second.items()
    }

    def whole(text: str) -> str:
        for name, partial in partials.items():
            text = text.replace(name, partial)
        return text

    aligned = (
        [(whole(s.name), whole(s.expression)) for s in part]
        for part in found.parts.values()
    )
    return align(*aligned) + "\n"


def _source(f: CompiledFunction, order: int, _: Mapping[str, float]) -> str:
    if order == 1:
        return f.source
    names = [*f.runtime.together(), "hessian"]
    entries = [f.runtime.entry(name) for name in names]
    programs = [entry.program for entry in entries]
    return print_module(entries[0].graph, programs, f.runtime.header)


def _ir(f: CompiledFunction, order: int, _: Mapping[str, float]) -> str:
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
        stages["program hessian"] = str(f.runtime.entry("hessian").program)
    return "\n".join(f"# {name}\n{text}\n" for name, text in stages.items())


def _json(f: CompiledFunction, order: int, _: Mapping[str, float]) -> str:
    return as_json(f, order)


def _svg(f: CompiledFunction, _: int, at: Mapping[str, float]) -> str:
    return f.draw(dict(at)) if at else f.draw()


def _dot(f: CompiledFunction, _: int, __: Mapping[str, float]) -> str:
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
