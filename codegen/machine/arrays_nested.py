"""Write calls of other programs over arrays, their results put where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from overbar.codegen.machine.arrays_code import View
from overbar.ir.errors import UnsupportedError
from overbar.ir.program import Part, leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.codegen.machine.arrays_values import Values
    from overbar.ir.graph import Node
    from overbar.ir.program import Call, Program, Result

REFUSALS = {"place": 1, "memory": 2, "size": 3, "matrix": 4}
"""Why code refuses: a place out of range, no memory, a size too large for BLAS, a
matrix that has no factor."""


class _Number(NamedTuple):
    """Say where a number is kept."""

    name: str
    dtype: str


class Nested:
    """Write calls of programs, each a core of its own.

    core: prints a program and returns the symbol of its core.
    """

    def __init__(self, values: Values, core: Callable[[Program], str]) -> None:
        self.values = values
        self.code = values.code
        self.core = core
        self._groups: dict[str, list[View | _Number]] = {}

    def write(self, item: Call) -> None:
        """Call a program."""
        if item.through:
            raise UnsupportedError("expected results one by one, found an array of all")
        code = self.code
        given = self._given(item)
        symbol = self.core(item.program)
        into, out = self._table(given), self._places(item)
        results = self._table(out)
        status = code.make(f"call i32 {symbol}(ptr {into}, ptr {results})")
        for why, number in REFUSALS.items():
            code.refuse(code.make(f"icmp eq i32 {status}, {number}"), why)
        self._take(item, out, results)

    # -- arguments -------------------------------------------------------------------

    def _given(self, item: Call) -> list[View | tuple[str, str]]:
        """Return the arguments: arrays in order, and numbers with their dtypes."""
        found: list[View | tuple[str, str]] = []
        for (_, param), node in zip(item.program.params, item.args, strict=True):
            name = self.values.names.get(node)
            if isinstance(param, tuple):
                found += map(self._read, self._groups[name or ""])
            elif param.type.shape:
                view = self.code.in_order(self.values.view(node))
                found.append(view._replace(shape=param.type.shape))
            else:
                dtype = param.type.dtype
                found.append((self.values.stored(node, dtype), dtype))
        return found

    def _read(self, kept: View | _Number) -> View | tuple[str, str]:
        if isinstance(kept, View):
            return kept
        return self.code.get(kept.name, kept.dtype), kept.dtype

    def _table(self, parts: Sequence[View | tuple[str, str] | None]) -> str:
        """Return a table of slots, filled with what is given; None for a free one."""
        code = self.code
        slots = sum(1 + len(p.shape) if isinstance(p, View) else 1 for p in parts)
        table = code.first(f"alloca [{max(slots, 1)} x i64], align 16")
        slot = 0
        for part in parts:
            if isinstance(part, View):
                self._put(table, slot, "ptr", part.pointer)
                for k, extent in enumerate(part.shape, slot + 1):
                    self._put(table, k, "i64", code.sizes.size(extent))
                slot += len(part.shape)
            elif part is not None:
                place = code.make(f"getelementptr i64, ptr {table}, i64 {slot}")
                code.store(part[1], place, part[0])
            slot += 1
        return table

    def _put(self, table: str, slot: int, kind: str, value: str) -> None:
        place = self.code.make(f"getelementptr i64, ptr {table}, i64 {slot}")
        self.code.line(f"store {kind} {value}, ptr {place}\n")

    # -- results ---------------------------------------------------------------------

    def _pairs(self, item: Call) -> list[tuple[Result, Part | None]]:
        """Return the parts of the result, each with where it goes."""
        result = item.program.result
        if isinstance(item.into, Part):
            return [(result, item.into)]
        parts = result if isinstance(result, tuple) else (result,)
        return list(zip(parts, item.into, strict=True))

    def _places(self, item: Call) -> list[View | None]:
        """Return memory for results: where they go, or a place to take them from.

        The core's table has no sizes: only the address of each is given.
        """
        found: list[View | None] = []
        for result, part in self._pairs(item):
            for node in leaves(result):
                if not node.type.shape:
                    found.append(None)
                    continue
                direct = self._direct(node, part)
                pointer = direct or self.code.room(node.type.dtype, node.type.shape)
                found.append(View(pointer, node.type.dtype, ()))
        return found

    def _direct(self, node: Node, part: Part | None) -> str:
        """Return where in an array a result lies; nothing where it is scattered."""
        if part is None or part.last or part.array.type.shape == ():
            return ""
        if part.whole or self._is_group(part):
            return ""
        view = self.values.view(part.array)
        if view.strides is not None or view.dtype != node.type.dtype:
            return ""
        index = [self.values.stored(i, "int64") for i in part.index]
        return self.code.address(view, index)

    def _is_group(self, part: Part) -> bool:
        return self.values.names[part.array] not in self.values.arrays

    def _take(self, item: Call, out: Sequence[View | None], table: str) -> None:
        """Put results that are elsewhere where they belong."""
        slot = 0
        for result, part in self._pairs(item):
            group: list[View | _Number] = []
            for node in leaves(result):
                place, view = slot, out[slot]
                slot += 1
                if view is not None:
                    group.append(view._replace(shape=node.type.shape))
                elif part is not None:
                    group.append(self._number(node, table, place))
            if part is not None:
                self._kept(result, part, group)

    def _number(self, node: Node, table: str, slot: int) -> _Number:
        """Keep a number of the table in a variable of its own."""
        code, dtype = self.code, node.type.dtype
        place = code.make(f"getelementptr i64, ptr {table}, i64 {slot}")
        kept = _Number(f"result {code.number()}", dtype)
        code.put(kept.name, dtype, code.load(dtype, place))
        return kept

    def _kept(
        self, result: Result, part: Part, group: Sequence[View | _Number]
    ) -> None:
        """Put the values of one part of the result in its place."""
        code, name = self.code, self.values.names[part.array]
        if isinstance(result, tuple):
            if not part.whole:
                raise UnsupportedError("expected one array for a part of a result")
            self._groups[name] = list(group)
            return
        (value,) = group
        if part.whole and not part.array.type.shape:
            if isinstance(value, View):  # a single value that is kept for later
                self._groups[name] = [value]
                return
            dtype = part.array.type.dtype
            text = code.get(value.name, value.dtype)
            code.put(name, dtype, code.converted(text, value.dtype, dtype))
            return
        view = self.values.view(part.array)
        index = [self.values.stored(i, "int64") for i in part.index]
        if isinstance(value, _Number):
            self._scatter(part, view, index, value)
        elif self._direct(result, part) == "":
            self._copy(part, view, index, value)

    def _scatter(
        self, part: Part, view: View, index: Sequence[str], value: _Number
    ) -> None:
        """Put a number in an element."""
        if len(index) != len(view.shape):
            raise UnsupportedError(f"expected an element's place, found {part}")
        code = self.code
        text = code.converted(
            code.get(value.name, value.dtype), value.dtype, view.dtype
        )
        code.store(view.dtype, code.address(view, index), text)

    def _copy(self, part: Part, view: View, index: Sequence[str], value: View) -> None:
        """Put an array in a part of another."""
        code, rank = self.code, len(view.shape) - len(index)
        if view.dtype != value.dtype or len(value.shape) != rank:
            raise UnsupportedError(f"expected a part like the result, found {part}")

        def body(at: Sequence[str]) -> None:
            place = [*at, *index] if part.last else [*index, *at]
            element = code.load(value.dtype, code.address(value, at))
            code.store(view.dtype, code.address(view, place), element)

        code.loops([code.sizes.size(e) for e in value.shape], body)
