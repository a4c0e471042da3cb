"""Turn a graph into a Program: an order, variables, and branches.

What only a branch of a `select` needs is computed inside a real `if`; selects on one
condition share it where their order allows. Everything else comes in the order of the
user's statements. Work and memory are linear in the size of the graph.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from overbar.codegen.names import legal, renumbered
from overbar.ir.graph import Node
from overbar.ir.program import EXTENT, LOAD, Assign, If, Program, Statement, leaves
from overbar.ir.region import Region, Regions, path, use_region
from overbar.ir.text import arrange, name_shared

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from overbar.ir.graph import Graph
    from overbar.ir.program import Result

DEEPEST_BRANCH = 16
"""Branches nested deeper are written as conditional expressions."""

LONGEST_INLINE = 100
"""Characters of an expression from which on its parts get variables."""


def schedule(
    graph: Graph,
    name: str,
    params: Sequence[tuple[str, Node | tuple[Node, ...]]],
    result: Result,
    *,
    doc: str = "",
    saved: Collection[Node] = (),
    packed: bool = False,
    defaults: Mapping[str, float] | None = None,
) -> Program:
    """Return the Program of one function over a graph.

    saved: results that are wanted only where they are computed anyway: they do not
        pull a computation out of its branch, and are 0 where it is not taken.
    """
    roots = leaves(result)
    if graph.shaped and any(n.type.shape or n.op is EXTENT for n in graph.order(roots)):
        from overbar.codegen.nests import schedule_arrays

        return schedule_arrays(
            graph, name, params, result, doc=doc, saved=saved, defaults=defaults
        )
    given = [n for _, p in params for n in (p if isinstance(p, tuple) else (p,))]
    known = dict.fromkeys(given)
    order = arrange(graph, roots, known)
    names = legal({n: graph.names[n] for n in [*known, *order] if n in graph.names})
    params = [(names.get(p, n) if isinstance(p, Node) else n, p) for n, p in params]
    fixed = set(names)
    repeated: set[Node] = set()
    while True:
        work = Work(graph, order, names, roots, known, saved, repeated)
        body = work.run()
        again = {c for c, count in work.opened.items() if count > 1 and c.args}
        if again <= repeated:
            break
        repeated |= again
    names = renumbered(work.names, work.homes, fixed)
    return Program(
        name, doc, tuple(params), body, names, result, packed, defaults or {}
    )


class Work:
    """Hold the state of one scheduling run."""

    def __init__(  # noqa: PLR0913, PLR0917 - all that one run depends on
        self,
        graph: Graph,
        order: Sequence[Node],
        names: Mapping[Node, str],
        roots: Sequence[Node],
        known: Collection[Node],
        saved: Collection[Node],
        repeated: Collection[Node],
        taken: Collection[str] = (),
        prefer: Mapping[Node, str] | None = None,
    ) -> None:
        self.regions = Regions()
        self.roots = roots
        self.order = [n for n in order if n.args and n not in known]
        self.chosen = [n for n in self.order if n.op.chooses]
        self.region = self._place(roots, saved) if self.chosen else {}
        self.branching = self._branching()
        must = (*self.branching, *repeated, *(n for n in saved if n.args))
        self.names = name_shared(
            graph,
            order,
            names,
            repeat=False,
            longest=LONGEST_INLINE,
            must=must,
            inline=self._tests(repeated) | {n for n in order if n.op is LOAD},
            roots=roots,
            taken=taken,
            prefer=prefer,
        )
        self.opened: Counter[Node] = Counter()
        self.homes: dict[Node, tuple[If, ...]] = {}
        self.asked: dict[Region, dict[Node, None]] = {}
        self.rank = {n: i for i, n in enumerate(self.order)}
        self.waiting: dict[Node, int] = {}
        self.users: dict[Node, list[Node]] = defaultdict(list)
        self.ready: dict[Region, list[tuple[int, Node]]] = defaultdict(list)
        self.choices: dict[tuple[Region, Node], list[Node]] = defaultdict(list)
        self.wake: dict[Region, list[tuple[int, int, Node]]] = defaultdict(list)
        self.stir: Counter[Region] = Counter()
        self.rung = 0

    def _place(
        self, roots: Sequence[Node], saved: Collection[Node]
    ) -> dict[Node, Region]:
        """Return the region of each node: the innermost that contains all its uses."""
        uses: dict[Node, list[Region]] = defaultdict(list)
        for root in roots:
            if root not in saved:
                uses[root] = [self.regions.root]
        found: dict[Node, Region] = {}
        reading = self._reading()
        for node in sorted(self.order, key=lambda n: -n.index):
            places = uses.pop(node, None)
            region = self.regions.meet(places) if places else self.regions.root
            if places and len(places) > 1 and node in reading:
                region = self._guarded(region, places)
            found[node] = region
            for i, arg in enumerate(node.args):
                inner = region
                if region.depth < DEEPEST_BRANCH:
                    inner = use_region(node, i, region, self.regions)
                if not uses[arg] or uses[arg][-1] is not inner:
                    uses[arg].append(inner)
        return found

    def _reading(self) -> set[Node]:
        """Return what reads elements: where a condition is false, there may be none."""
        found: set[Node] = set()
        for node in self.order:
            if node.op is LOAD or any(a in found for a in node.args):
                found.add(node)
        return found

    def _guarded(self, region: Region, places: Sequence[Region]) -> Region:
        """Return a region inside of one, under the conditions that all places share."""
        paths = [
            {(step.cond, step.taken): step for step in path(place, region)}
            for place in places
        ]
        for cond, taken in paths[0]:
            if cond is not None and all((cond, taken) in path for path in paths):
                region = self.regions.inside(region, cond, taken=taken)
        return region

    def _branching(self) -> set[Node]:
        """Return the selects that are written as an `if`: something is inside."""
        depth = {n: region.depth for n, region in self.region.items()}
        conds = {
            (self.region[n], n.args[0])
            for n in self.chosen
            if any(depth.get(a, -1) > depth[n] for a in n.args[1:])
        }
        return {n for n in self.chosen if (self.region[n], n.args[0]) in conds}

    def _tests(self, repeated: Collection[Node]) -> set[Node]:
        """Return the conditions that one `if` alone asks, written where it asks."""
        places: dict[Node, set[Region]] = defaultdict(set)
        plain: set[Node] = set()
        for node in self.order if self.branching else ():
            for i, arg in enumerate(node.args):
                if i == 0 and node in self.branching:
                    places[arg].add(self.region[node])
                else:
                    plain.add(arg)
        return {
            c
            for c, where in places.items()
            if len(where) == 1 and c not in plain and c not in repeated
        }

    def run(self) -> list[Statement]:
        """Return the statements in order."""
        units = [n for n in self.order if n in self.names]
        if not self.chosen:  # nothing waits for a condition
            self.homes = dict.fromkeys(units, ())
            return [Assign(n, n) for n in units]
        for node in units:
            needs = {**dict.fromkeys(self._needs(node)), **self._asked(node)}
            needs = dict.fromkeys(n for n in needs if n in self.rank)
            self.waiting[node] = len(needs)
            for need in needs:
                self.users[need].append(node)
        for node in units:
            if not self.waiting[node]:
                self._awake(node)
        body: list[Statement] = []
        self._emit(self.regions.root, body, ())
        for root in self.roots:
            for need in self._reads(root):
                self._reach(need, ())
        return body

    def _needs(self, node: Node) -> list[Node]:
        """Return the variables that a node's expression reads."""
        found: dict[Node, None] = {}
        stack = list(node.args)
        while stack:
            arg = stack.pop()
            if arg in self.names:
                found[arg] = None
            else:
                stack.extend(arg.args)
        return list(found)

    def _reads(self, node: Node) -> list[Node]:
        """Return the variables that are read where a node is."""
        return [node] if node in self.names else self._needs(node)

    def _asked(self, node: Node) -> dict[Node, None]:
        """Return the variables that the branches around a node ask."""
        region = self.region[node]
        if region not in self.asked:
            found: dict[Node, None] = {}
            walk: Region | None = region
            while walk is not None and walk.cond is not None:
                found |= dict.fromkeys(self._reads(walk.cond))
                walk = walk.parent
            self.asked[region] = found
        return self.asked[region]

    def _awake(self, node: Node) -> None:
        """Note that all that a variable needs has been computed."""
        region = self.region[node]
        if node in self.branching:
            self.choices[region, node.args[0]].append(node)
            self._ring(region, node, node.args[0])
        else:
            heapq.heappush(self.ready[region], (self.rank[node], node))
        self.stir[region] += 1
        while region.parent is not None and region.cond is not None:
            self._ring(region.parent, node, region.cond)
            region = region.parent
            self.stir[region] += 1

    def _ring(self, region: Region, node: Node, cond: Node) -> None:
        """Let a region know that a branch on `cond` has something to do."""
        self.rung += 1
        heapq.heappush(self.wake[region], (self.rank[node], self.rung, cond))

    def _done(self, node: Node, where: tuple[If, ...]) -> None:
        self.homes[node] = where
        region: Region | None = self.region[node]
        while region is not None:
            self.stir[region] -= 1
            region = region.parent
        for user in self.users[node]:
            self.waiting[user] -= 1
            if not self.waiting[user]:
                self._awake(user)

    def _emit(
        self, region: Region, block: list[Statement], where: tuple[If, ...]
    ) -> None:
        """Emit all that is ready in a region; its depth bounds the recursion."""
        while self.stir[region]:
            if self.ready[region]:
                _, node = heapq.heappop(self.ready[region])
                self._read(node, where)
                block.append(Assign(node, node))
                self._done(node, where)
                continue
            _, _, cond = heapq.heappop(self.wake[region])
            branch = If(cond)
            if self._fill(branch, region, where):
                self.opened[cond] += 1
                block.append(branch)

    def _fill(self, branch: If, region: Region, where: tuple[If, ...]) -> bool:
        """Put all that is ready on a condition into its branches."""
        inner = (*where, branch)
        sides = [
            (self.regions.inside(region, branch.cond, taken=True), branch.then),
            (self.regions.inside(region, branch.cond, taken=False), branch.orelse),
        ]
        filled, going = False, True
        while going:
            going = False
            for side, block in sides:
                if side is not region and self.stir[side]:
                    self._emit(side, block, inner)
                    going = True
            for node in sorted(
                self.choices.pop((region, branch.cond), ()), key=self.rank.__getitem__
            ):
                self._read(node, inner)
                branch.then.append(Assign(node.args[1], node))
                branch.orelse.append(Assign(node.args[2], node))
                self._done(node, where)
                going = True
            filled |= going
        if filled:
            for need in self._reads(branch.cond):
                self._reach(need, where)
        return filled

    def _read(self, node: Node, where: tuple[If, ...]) -> None:
        """Set to 0 beforehand what is read outside the branch that computed it."""
        for need in self._needs(node):
            self._reach(need, where)

    def _reach(self, need: Node, where: tuple[If, ...]) -> None:
        home = self.homes.get(need, ())
        for i, branch in enumerate(home):
            if i >= len(where) or where[i] is not branch:
                branch.preset.setdefault(need)
                break
