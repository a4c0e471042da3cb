"""Schedule scalar code inside of a function with loops, as all scalar code is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.schedule import Work

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.program import Statement


def scalar_statements(
    graph: Graph,
    roots: Sequence[Node],
    known: Mapping[Node, str],
    hints: Mapping[Node, str],
    taken: set[str],
    prefer: Mapping[Node, str],
    named: Collection[Node],
    saved: Collection[Node] = (),
) -> tuple[list[Statement], dict[Node, str], dict[Node, str]]:
    """Return statements that compute scalars, the variables known after, and all.

    known: what has a text already; hints: names for some values; taken: names in use;
    prefer: names for values that need one; named: roots that become variables; saved:
    those wanted only where they are computed anyway.
    """
    order = [n for n in graph.order(roots, known) if n not in known]
    names = {**known, **{n: s for n, s in hints.items() if n.args and n not in known}}
    fresh = 0
    for root in (r for r in roots if r in named and r not in names):
        fresh += 1
        while f"t{fresh}" in taken:
            fresh += 1
        names[root] = f"t{fresh}"
        taken.add(names[root])
    repeated: set[Node] = set()
    while True:
        work = Work(graph, order, names, roots, known, saved, repeated, taken, prefer)
        body = work.run()
        again = {c for c, count in work.opened.items() if count > 1 and c.args}
        if again <= repeated:
            break
        repeated |= again
    safe = {n for n, home in work.homes.items() if not home}
    every = {n: s for n, s in work.names.items() if n in work.homes}
    return body, {n: s for n, s in every.items() if n in safe}, every
