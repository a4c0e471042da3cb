"""Print a Program over arrays as LLVM's text.

Comes in: a scheduled Program. Goes out: two functions, and what they need.

`i32 @core(ptr in, ptr out)` computes. `in` is a table of slots of 8 bytes: of an array
its address, then its sizes; of a number the number. `out` has a slot for each result: a
number, or, given by the caller, the address of memory for an array. What is returned is
0, or why it refused (`REFUSALS`).

`void @sizes(ptr in, ptr sizes)` computes the sizes of the arrays among the results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from overbar.codegen.machine.arrays_code import Code, View
from overbar.codegen.machine.arrays_math import WIDE, VectorForms, vectorised
from overbar.codegen.machine.arrays_nested import REFUSALS, Nested
from overbar.codegen.machine.arrays_rooms import ALIGNED
from overbar.codegen.machine.arrays_sizes import Sizes
from overbar.codegen.machine.arrays_statements import Statements
from overbar.codegen.machine.arrays_values import Values
from overbar.codegen.machine.forms import Forms
from overbar.codegen.machine.instructions import KINDS
from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import OPS
from overbar.ir.program import Allocate, For, If, Statement, is_packed, leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.program import Program

_COMMON = """declare noalias ptr @malloc(i64) nounwind
declare void @free(ptr) nounwind
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare ptr @llvm.ptrmask.p0.i64(ptr, i64)
define i32 @core(ptr %in, ptr %out) nounwind {{
%status = call i32 {core}(ptr %in, ptr %out)
ret i32 %status
}}"""
_EXTENT = OPS["extent"]


class Argument(NamedTuple):
    """Stand for an argument: where its slots begin, and whether it is an array."""

    node: Node
    slot: int

    @property
    def slots(self) -> int:
        """The number of slots."""
        return 1 + len(self.node.type.shape)


def arguments(program: Program) -> list[Argument]:
    """Return the arguments of a core, those inside of tuples one by one."""
    if program.packed or _packs(program):
        raise UnsupportedError("expected arguments and results one by one")
    found: list[Argument] = []
    slot = 0
    for node in leaves(tuple(part for _, part in program.params)):
        found.append(Argument(node, slot))
        slot += found[-1].slots
    return found


def _packs(program: Program) -> bool:
    stack = [program.result]
    while stack:
        part = stack.pop()
        if is_packed(part):
            return True
        stack += part if isinstance(part, tuple) else ()
    return False


def print_arrays(program: Program, *, strict: bool) -> str:
    """Return the text of `@core` and `@sizes`.

    strict: elementary functions are libm's. Raises UnsupportedError for what machine
    code does not know.
    """
    cores = _Cores(Forms()) if strict else _Cores(VectorForms(), f"{WIDE} ")
    main = cores.core(program)
    head = _COMMON.format(core=main)
    sizes = _sizes_text(program, arguments(program))
    text = "\n".join([head, *cores.texts(), sizes, cores.forms.text(), ""])
    return text if strict else vectorised(text)


def _statements(program: Program) -> Iterator[Statement]:
    """Yield all statements, those inside of others too."""
    blocks = [program.body]
    for block in blocks:  # grows while it is walked
        for item in block:
            yield item
            if isinstance(item, If):
                blocks += [item.then, item.orelse]
            elif isinstance(item, For):
                blocks.append(item.body)


def _buffers(program: Program) -> dict[Node, int]:
    """Return the arrays that are made in a result's memory, with the result's place."""
    made = {
        s.of: s for s in _statements(program) if isinstance(s, Allocate) and not s.again
    }
    given = {*leaves(tuple(part for _, part in program.params))}
    found: dict[Node, int] = {}
    for place, node in enumerate(leaves(program.result)):
        root = node
        while root in made and (inside := made[root].inside) is not None:
            root = inside
        if not node.type.shape or node in given or root in found or root in given:
            continue
        same = root.type == node.type
        if same and (root not in made or made[root].shape == node.type.shape):
            found[root] = place
    return found


class _Cores:
    """Print the cores of a program and of those that it calls, each once.

    attributes: of their functions, with a space at the end.
    """

    def __init__(self, forms: Forms, attributes: str = "") -> None:
        self.forms = forms
        self.attributes = attributes
        self._texts: dict[str, str] = {}

    def core(self, program: Program) -> str:
        """Return the symbol of a program's core."""
        symbol = f'@"overbar.{program.name}"'
        if symbol not in self._texts:
            self._texts[symbol] = _Core(program, self, symbol).text()
        return symbol

    def texts(self) -> list[str]:
        """Return the texts of all of them."""
        return list(self._texts.values())


class _Core:
    """Print the function that computes."""

    def __init__(self, program: Program, cores: _Cores, symbol: str) -> None:
        self.program = program
        self.cores = cores
        self.symbol = symbol
        self.given = arguments(program)
        self.code = Code(cores.forms)
        self.values = Values(self.code, program.names)
        self.results = leaves(program.result)

    def text(self) -> str:
        """Return the text of the core, and of the function that it hands over to."""
        code = self.code
        names, loads = self._arguments()
        code.sizes.learn(given_sizes(self.given, code.sized))
        nested = Nested(self.values, self.cores.core)
        statements = Statements(self.values, self._memory(), nested.write)
        statements.write(self.program.body)
        self._finish()
        for i, node in enumerate(self.results):
            if node.type.shape:
                names.append(f"%r{i}")
                loads += [_pointer(f"%r{i}", "out", i)]
        rooms = code.rooms.names()
        own = "".join(f", ptr noalias nonnull {n}" for n in names)
        own += "".join(f", ptr noalias nonnull align {ALIGNED} {n}" for n in rooms)
        handed = "".join(f", ptr {n}" for n in (*names, *rooms))
        kernel = f'{self.symbol[:-1]}.kernel"'
        call = f"call i32 {kernel}(ptr %in, ptr %out{handed})"
        body = code.rooms.called("".join(loads), call, REFUSALS["memory"])
        attributes = f"nounwind noinline {self.cores.attributes}"
        return (
            f"define internal i32 {kernel}(ptr noalias readonly %in, ptr noalias %out"
            f"{own}) {attributes}{{\n{code.begun()}body:\n{code.text()}"
            f"br label %leave\n{self._left()}}}\n"
            f"define internal i32 {self.symbol}(ptr %in, ptr %out) nounwind {{\n"
            f"{body}}}"
        )

    def _left(self) -> str:
        """Return the blocks in which the function ends."""
        code, pairs = self.code, "[ 0, %leave ]"
        lines = ["leave:\nbr label %end\n"]
        for why in code.refusals:
            lines.append(f"refused.{why}:\nbr label %end\n")
            pairs += f", [ {REFUSALS[why]}, %refused.{why} ]"
        return f"{''.join(lines)}end:\n%why = phi i32 {pairs}\nret i32 %why\n"

    def _arguments(self) -> tuple[list[str], list[str]]:
        """Read the arguments; return the names of arrays, and lines that load them."""
        code, names, loads = self.code, [], []
        for i, (node, slot) in enumerate(self.given):
            name = self.program.names.get(node)
            if node.type.shape:
                names.append(f"%a{i}")
                loads.append(_pointer(f"%a{i}", "in", slot))
                if name is not None:
                    view = View(f"%a{i}", node.type.dtype, node.type.shape)
                    self.values.arrays[name] = view
            elif name is not None:
                place = code.first(f"getelementptr i8, ptr %in, i64 {8 * slot}")
                dtype = node.type.dtype
                if dtype == "bool":
                    value = code.first(f"load i8, ptr {place}")
                    value = code.first(f"icmp ne i8 {value}, 0")
                else:
                    value = code.first(f"load {KINDS[dtype]}, ptr {place}")
                variable = code.variable(name, dtype)
                code.entry.append(f"store {KINDS[dtype]} {value}, ptr {variable}\n")
        return names, loads

    def _memory(self) -> dict[Node, str]:
        """Return the names of results' memory, by what is made there."""
        return {n: f"%r{place}" for n, place in _buffers(self.program).items()}

    def _finish(self) -> None:
        """Put results in their places, those that are not made there."""
        code, values = self.code, self.values
        for i, node in enumerate(self.results):
            if node.type.shape:
                view = values.view(node)
                if view.pointer != f"%r{i}":
                    code.copied(view._replace(shape=node.type.shape), f"%r{i}")
                continue
            dtype = node.type.dtype
            text, found = values.value(node)
            if dtype == "float32":
                text, found = code.converted(text, found, dtype), dtype
            text = code.converted(text, found, dtype)
            place = code.make(f"getelementptr i8, ptr %out, i64 {8 * i}")
            code.store(dtype, place, text)


def _pointer(name: str, table: str, slot: int) -> str:
    """Return the lines that read an address from a table."""
    return (
        f"{name}.p = getelementptr i8, ptr %{table}, i64 {8 * slot}\n"
        f"{name} = load ptr, ptr {name}.p\n"
    )


def given_sizes(
    given: Sequence[Argument], write: Callable[[str], str]
) -> list[tuple[Node, list[str]]]:
    """Return the arguments with their sizes."""
    found = []
    for node, slot in given:
        first = slot + 1 if node.type.shape else slot
        count = len(node.type.shape) or int(node.op is _EXTENT)
        places = [
            write(f"getelementptr i8, ptr %in, i64 {8 * (first + k)}")
            for k in range(count)
        ]
        found.append((node, [write(f"load i64, ptr {p}") for p in places]))
    return found


def _sizes_text(program: Program, given: Sequence[Argument]) -> str:
    """Return the function that computes the sizes of results."""
    lines: list[str] = []

    def write(text: str) -> str:
        name = f"%e{len(lines)}"
        lines.append(f"{name} = {text}\n")
        return name

    sizes = Sizes(write)
    sizes.learn(given_sizes(given, write))
    place = 0
    for node in leaves(program.result):
        for extent in node.type.shape:
            size = sizes.size(extent)
            at = write(f"getelementptr i8, ptr %sizes, i64 {8 * place}")
            lines.append(f"store i64 {size}, ptr {at}\n")
            place += 1
    return (
        "define void @sizes(ptr %in, ptr %sizes) nounwind {\n"
        f"{''.join(lines)}ret void\n}}"
    )
