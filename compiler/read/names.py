"""Know what every name of a text stands for, and say so where it is used wrongly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from overbar.ir.errors import OverbarError, ParseError, UnsupportedError
from overbar.read import arrays, functions
from overbar.read.lexing import short
from overbar.read.suggestions import suggest
from overbar.read.syntax import Phrase, place, target

if TYPE_CHECKING:
    from lark import Token

    from overbar.ir.graph import Graph, Node
    from overbar.ir.source import Source, Span
    from overbar.read.functions import Function
    from overbar.read.steps import Definition
    from overbar.read.syntax import Part

CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf}

_BINDS = {"declare": 0, "assign": 0, "define": 1}
"""Statements that give a name a meaning, and where in them it stands."""

_ADVICE = {
    "range": "an index runs as in sum(x[j] for j in n), or in 1:n",
    "len": "a dimension's name stands for its size",
    "shape": "a dimension's name stands for its size",
}
"""Python's and NumPy's names that have other ways here."""

_SHORT = 3


class Names:
    """Hold the names of the file, as far as it has been read.

    values: the nodes of names; kinds: what they are, in words.
    functions: the file's own functions.
    """

    def __init__(self, source: Source, graph: Graph, statements: list[Phrase]) -> None:
        self.source = source
        self.graph = graph
        self.values: dict[str, Node] = {}
        self.kinds: dict[str, str] = {}
        self.functions: dict[str, Definition] = {}
        self.declared = any(s.rule == "declare" for s in statements)
        self._below: dict[str, Token] = {}
        for statement in statements:
            if statement.rule in _BINDS:
                name = statement.children[_BINDS[statement.rule]]
                if isinstance(name, Phrase):
                    name = target(source, name)
                self._below.setdefault(str(name), name)

    def place(self, part: Part) -> Span:
        """Return where a part stands."""
        return place(self.source, part)

    def hidden(self, name: Token) -> bool:
        """Whether the file has a meaning of its own for the name of a function."""
        return str(name) in self.kinds

    def error(self, message: str, name: Token) -> OverbarError:
        """Return a ParseError at a name."""
        return ParseError(message, place(self.source, name))

    def bind(self, name: Token, node: Node, kind: str) -> None:
        """Give a name its one value."""
        self.values[str(name)] = node
        self.kinds[str(name)] = kind

    def line(self, name: Token) -> int:
        """Return the line that a name stands on."""
        return place(self.source, name).line

    def check_new(self, name: Token, *, declared: bool = False) -> None:
        """Refuse a name that has a meaning already.

        What is declared may have the name of a constant or of a function of ours,
        which it then hides.
        """
        what = self.kinds.get(name)
        if what is None and not declared:
            if name in CONSTANTS:
                what = f"a constant, {CONSTANTS[name]}"
            elif functions.function(name):
                what = "a function"
        if what is not None:
            message = f"expected a new name, found {short(name)}, which is {what}"
            raise self.error(message, name)

    def value(self, name: Token) -> Node:
        """Return the node that a name stands for."""
        node = self.values.get(name.value)
        if node is not None:
            return node
        below = self._below.get(name)
        if below is None and name in CONSTANTS:
            return self.graph.const(CONSTANTS[name])
        if name in self.functions or (below is None and self._ours(name)):
            message = f"expected a number, found the function {short(name)}"
            own = self.declared or name in self.functions
            advice = "call it" if own else f"call it, or declare {name}: param"
            raise self.error(f"{message}; {advice}", name)
        if below is not None:
            message = f"expected a name with a value, found {short(name)}"
            verb = f"which gets its value on line {self.line(below)}"
            raise self.error(f"{message}, {verb}", name)
        if not self.declared:
            return self._free(name)
        advice = suggest(name, [*self.values, *CONSTANTS])
        message = f"expected a name declared or assigned above, found {short(name)}"
        raise self.error(f"{message}{advice}", name)

    def check_index(self, name: Token) -> None:
        """Refuse a short name between brackets that stands for nothing: an index."""
        known = name in self.values or name in self._below or name in CONSTANTS
        if known or not self.declared or len(name) > _SHORT or self._ours(name):
            return
        message = f"expected a name declared or assigned above, found {short(name)}; "
        advice = f"an index is on the left too, z[{name}] = ..., or has a loop, "
        raise self.error(f"{message}{advice}sum(... for {name} in n)", name)

    def _ours(self, name: Token) -> bool:
        """Whether a name without a value is a function's.

        One over arrays alone may be a number's in a text that declares nothing.
        """
        over_arrays = self.declared and str(name) in arrays.FUNCTIONS
        return over_arrays or functions.function(name) is not None

    def _free(self, name: Token) -> Node:
        """Return a new param: the text declares nothing."""
        self.graph.span = place(self.source, name)
        node = self.graph.input(str(name), "param")
        self.bind(name, node, "a param")
        return node

    def callee(self, name: Token) -> Function | Definition | None:
        """Return the function that a name stands for, None for one over arrays."""
        if name in self.functions:
            return self.functions[name]
        if name in self.values:
            raise self.no_function(name, self.kinds[name])
        below = self._below.get(name)
        if below is not None:
            message = f"expected a function defined above, found {short(name)}"
            verb = f"which gets its meaning on line {self.line(below)}"
            raise self.error(f"{message}, {verb}", name)
        found = functions.function(name)
        if found is not None:
            return found
        span = place(self.source, name)
        if name in arrays.FUNCTIONS:
            return None
        if name in CONSTANTS:
            raise self.no_function(name, "a constant")
        known = [*self.functions, *functions.names(), *arrays.FUNCTIONS]
        advice = f"; {_ADVICE[name]}" if name in _ADVICE else suggest(name, known)
        if not advice and len(name) <= _SHORT:
            advice = f"; a product is written {name}*(...)"
        raise UnsupportedError(
            f"expected a function, found {short(name)}{advice}", span
        )

    def no_function(self, name: Token, kind: str) -> OverbarError:
        """Return the error for a call of what is not a function."""
        message = (
            f"expected a function before '(', found {short(name)}, which is {kind}"
        )
        return self.error(f"{message}; a product is written {name}*(...)", name)
