r"""Write a formula and its derivatives as LaTeX.

Comes in: a graph. Goes out: an `aligned` environment with one equation a line, the
user's names typeset and shared subexpressions named, for `$$` or `equation`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from overbar.ir.ops import OPS
from overbar.ir.ops.row import ATOM, ENTRYWISE, JUXTAPOSED, Notation
from overbar.ir.text import Writer, Written, written
from overbar.show.typeset import GREEK, symbol, typeset_number

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.row import Phrase

_AFTER_OPERATOR = re.compile(r"(?:[-+]|\\,|\\bmod) \{(\d)\}")
_PRODUCT_WITH_NUMBER = re.compile(r"\\, (?=[\d.])")
_CALL = re.compile(r"\\([a-zA-Z]+|operatorname\{[^{}]*\})(\\left\(.*)", re.DOTALL)
_CASES = re.compile(r"\\begin\{cases\} (.*) \\end\{cases\}", re.DOTALL)


def _phrase(node: Node, named: Collection[Node]) -> Phrase | None:
    """Return how a node and its operands together are written."""
    for find in node.op.phrases:
        found = find(node, named)
        if found is not None:
            return found
    return None


class LatexWriter(Writer):
    """Write nodes in LaTeX, those in `names` by their names."""

    column = "latex"

    def __init__(self, names: Mapping[Node, str]) -> None:
        super().__init__(names)
        self._texts: dict[Node, Written] = {}

    def leaf(self, node: Node) -> Written:
        """Return the LaTeX of a constant, an input or a range."""
        if node.is_const:
            return typeset_number(node.value)
        if node.op is not _INPUT:
            form = self.notation(node)
            return form.write((), node.attrs), form.binding
        return symbol(str(node.attrs[0])), ATOM

    def symbol(self, name: str) -> str:
        """Return the LaTeX of a name."""
        return symbol(name)

    def notation(self, node: Node) -> Notation:
        """Return how the node's op is written, by default as a call."""
        found = node.op.latex
        if found is not None and not isinstance(found, Notation):
            return found(node)
        if found is not None:
            arrays = node.type.shape and node.op.typing is not None
            return _by_entries(found) if arrays else found
        if node.op.shaping is not None:
            name = node.op.name.replace("_", r"\,")
            return Notation(rf"\operatorname{{{{{name}}}}}\left({{args}}\right)")
        name = symbol(node.op.name).replace("{", "{{").replace("}", "}}")
        return Notation(name + r"\left({args}\right)")

    def apply(self, node: Node, operands: Sequence[Written]) -> Written:
        """Return the LaTeX of an op applied to operands, parentheses sized.

        Where several ops together have a sign of their own (a norm, a trace), it.
        """
        found = _phrase(node, self.names)
        if found is not None:
            form, parts = found
            written = self._written(node, form, [self._text(n) for n in parts])
        else:
            given = list(operands)
            if node.op.typing is not None and node.op not in _SUMS:
                given = list(map(self._number, node.args, operands))
            written = self._written(node, self.notation(node), given)
        self._texts[node] = written
        return written

    def _text(self, node: Node) -> Written:
        """Return the LaTeX of an operand of an operand."""
        if node in self.names:
            return self.symbol(self.names[node]), ATOM
        return self._texts[node] if node.args else self.leaf(node)

    def _number(self, operand: Node, text: Written) -> Written:
        """Return the number that every entry of an operand is, else the operand."""
        repeats = operand.op is _BROADCAST and not operand.args[0].type.shape
        if repeats and operand not in self.names:
            return self._text(operand.args[0])
        return text

    def _written(
        self, node: Node, form: Notation, operands: Sequence[Written]
    ) -> Written:
        if form.template == "{0}":
            return operands[0]
        signed = _after_operator(form.template)
        texts = []
        for i, (text, binding) in enumerate(operands):
            needed = form.operands[min(i, len(form.operands) - 1)]
            loose = binding < needed or (i in signed and text.startswith("-"))
            loose |= form.binding == ENTRYWISE and binding == JUXTAPOSED
            texts.append(rf"\left({text}\right)" if loose else text)
        if node.op.chooses:  # a choice within the last case is one case more
            texts[-1] = _further_cases(operands[-1][0])
        whole = form.write([(text, ATOM) for text in texts], node.attrs)
        for text in texts:
            whole = _raised(whole, text)
        whole = _BRACED.sub(r"\1_", whole)
        return _PRODUCT_WITH_NUMBER.sub(r"\\cdot ", whole), form.binding


_SUMS = {OPS["add"], OPS["sub"], OPS["neg"]}
_INPUT, _BROADCAST = OPS["input"], OPS["broadcast"]
_BRACED = re.compile(r"\{([a-zA-Z])\}_")


@lru_cache
def _by_entries(form: Notation) -> Notation:
    """Return a notation with products and powers of numbers as those of entries."""
    template = form.template.replace(r" \, ", r" \odot ")
    template = _POWER.sub(r"\1^{{\\odot \2}}", template)
    return Notation(template, form.binding, form.operands, form.fold)


_POWER = re.compile(r"(\{\d\})\^\{\{(\d)\}\}")


@lru_cache
def _after_operator(template: str) -> frozenset[int]:
    """Return the operands that follow an operator, so that a sign needs parentheses."""
    return frozenset(int(i) for i in _AFTER_OPERATOR.findall(template))


def _further_cases(text: str) -> str:
    """Return the rows of a choice for the last row of another, any other text as is."""
    found = _CASES.fullmatch(text)
    return found[1].removesuffix(r" & \text{otherwise}") if found else text


def _raised(whole: str, operand: str) -> str:
    """Return an expression with the power of a call at its name: sin^2(x)."""
    is_call = operand.endswith(r"\right)") and not operand.startswith(r"\left(")
    if not is_call or operand + "^" not in whole:
        return whole
    found = _CALL.fullmatch(operand)
    if found and found[1] not in GREEK:  # sin^{-1} would read as the inverse
        power = re.compile(re.escape(operand) + r"\^\{([2-9])\}")
        whole = power.sub(lambda m: rf"\{found[1]}^{{{m[1]}}}{found[2]}", whole)
    return whole.replace(operand + "^", rf"\left({operand}\right)^")


def align(*parts: Sequence[tuple[str, str]]) -> str:
    """Return equations, pairs of left and right sides in LaTeX, in an environment.

    Parts are set apart by a little space; empty ones are left out.
    """
    blocks = [
        " \\\\\n".join(f"{left} &= {right}" for left, right in part)
        for part in parts
        if part
    ]
    body = " \\\\[1ex]\n".join(blocks)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def latex(graph: Graph) -> str:
    """Return the statements of a graph as LaTeX."""
    return align(written(graph, LatexWriter))
