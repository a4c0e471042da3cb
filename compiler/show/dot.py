"""Write a graph for Graphviz, for those who have it and want its layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.show.picture import picture

if TYPE_CHECKING:
    from overbar.ir.graph import Graph
    from overbar.show.picture import Item

_STYLES = {
    "param": 'shape=ellipse, style=filled, fillcolor="#fff1cc", color="#9a6700"',
    "data": 'shape=box, style=filled, fillcolor="#ddf4ff", color="#0969da"',
    "op": "shape=ellipse",
    "const": "shape=plaintext",
    "output": 'shape=plaintext, fontname="Helvetica-Bold"',
}


def dot(graph: Graph) -> str:
    r"""Return a graph in Graphviz's language, from left to right.

    >>> import overbar as ob
    >>> print(dot(ob.compile("f = exp(x)").graph))
    digraph overbar {
      rankdir=LR;
      n0 [label="x", tooltip="x", shape=ellipse, style=filled, ...];
      n1 [label="exp", tooltip="f = exp(x)", shape=ellipse];
      n2 [label="f", tooltip="f = exp(x)", shape=plaintext, ...];
      n0 -> n1;
      n1 -> n2;
    }
    <BLANKLINE>
    """
    shown = picture(graph)
    lines = ["digraph overbar {", "  rankdir=LR;"]
    lines += [f"  n{i} [{_attributes(item)}];" for i, item in enumerate(shown.items)]
    for arrow in shown.arrows:
        style = " [style=dashed]" if arrow.condition else ""
        lines.append(f"  n{arrow.source} -> n{arrow.target}{style};")
    return "\n".join([*lines, "}", ""])


def _attributes(item: Item) -> str:
    label = f"{item.text}\n{item.name}" if item.name else item.text
    texts = f"label={_quoted(label)}, tooltip={_quoted(item.title)}"
    return f"{texts}, {_STYLES[item.kind]}"


def _quoted(text: str) -> str:
    """Return a quoted string, in which backslashes stand for themselves."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
