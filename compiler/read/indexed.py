"""Read assignments in index form: `z[i] = sum(W[i, j]*x[j] for j in n) + b[i]`.

The arrays that a free index goes through say how far it runs, and that is found before
the formula itself is read. So the steps are: make the loops, get the arrays that are
indexed, settle how far the free indices run, compute the formula, and put its axes in
the order of the left side.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import LimitError, ParseError
from overbar.read.kinds import check_number
from overbar.read.labels import Labelled, labelled, laid, sizes
from overbar.read.lexing import short
from overbar.read.loops import MOST, check_new, listed_range, looped, made, scope_of
from overbar.read.reach import access, placed, settle
from overbar.read.steps import Kind, Scope, Step
from overbar.read.syntax import Part, Phrase, kind_of, listed, target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lark import Token

    from overbar.ir.graph import Node
    from overbar.read.inlining import Translator
    from overbar.read.labels import Affine
    from overbar.read.machine import Machine


def assignment(translator: Translator, phrase: Phrase) -> list[Step]:
    """Return the steps of `z[i, j] = ... for j in n`, which leave an array."""
    left, _, body, *clauses = phrase.children
    indices = _indices(translator, left)
    given = {str(c.children[1]): c for c in clauses}
    for clause in clauses:
        _check_clause(translator, clause, indices, given)
    steps: list[Any] = []
    for name in indices:
        clause = given.get(str(name))
        steps += _free(translator, name) if clause is None else (
            looped(translator, clause, name)
        )  # fmt: skip
    scope = {str(name): translator.slots[name] for name in indices}
    loops = [translator.kept(name, name) for name in indices]
    found = translator.translate(*steps)
    found += _accesses(translator, body, scope)
    found += translator.translate(*loops)
    count = sum(s.kind is Kind.RUN and s.data is access for s in found)
    found.append(Step(Kind.RUN, settle, [body] * (count + len(loops)), phrase))
    found.append(translator.keep((phrase, "settled"), phrase))
    found += translator.translate(*loops, Scope(scope), body, Scope({}))
    found.append(Step(Kind.RUN, _finish, [*indices, body], phrase))
    return found


def _indices(translator: Translator, left: Phrase) -> list[Token]:
    """Return the indices of a left side."""
    names = translator.names
    found: list[Token] = []
    target(names.source, left)
    for item in listed(left.children[2:-1]):
        if kind_of(item) != "NAME":
            message = "expected indices on the left, as in z[i, j] = ..., found "
            text = short(names.place(item).text)
            raise ParseError(message + text, names.place(item))
        check_new(translator, item)  # type: ignore[arg-type]
        if item in found:
            message = f"expected each index once on the left, found {short(item)} again"  # type: ignore[arg-type]
            raise ParseError(message, names.place(item))
        found.append(item)  # type: ignore[arg-type]
    if len(found) > MOST:
        message = f"expected at most {MOST} indices, found {len(found)}"
        raise LimitError(message, names.place(left))
    return found


def _check_clause(
    translator: Translator, clause: Phrase, indices: Sequence[Token],
    given: Mapping[str, Phrase],
) -> None:  # fmt: skip
    name = clause.children[1]
    known = [str(i) for i in indices]
    if str(name) not in known or given[str(name)] is not clause:
        message = f"expected a range of {' or '.join(known)}, found one of"
        again = " again" if str(name) in known else ""
        raise translator.names.error(f"{message} {short(name)}{again}", name)
    if len(clause.children) > 4:
        message = "expected no condition on the range of a free index, found one"
        raise ParseError(message, translator.names.place(clause.children[4]))
    ends = listed_range(clause.children[3])
    if len(ends) > 1 and not (kind_of(ends[0]) == "NUMBER" and ends[0] == "0"):
        message = "expected a free index that runs from 0, found the start"
        text = short(translator.names.place(ends[0]).text)
        raise ParseError(f"{message} {text}", translator.names.place(ends[0]))


def _free(translator: Translator, name: Token) -> list[Any]:
    def run(machine: Machine, _values: Sequence[Any], step: Step) -> Affine:
        return machine.loop(str(name), 0, None, step.at)

    return [Step(Kind.RUN, run, (), name), translator.keep(name, name)]


def _finish(machine: Machine, values: Sequence[Any], step: Step) -> Node | Labelled:
    """Return the array of an indexed assignment, its axes as on the left side.

    In a function, what it is called with may run along indices of the caller's.
    """
    *affines, body = values
    check_number(machine.source, step.operands[-1], body)
    own = tuple(value.terms[0][0] for value in affines)
    value = labelled(machine.graph, body)
    outer = tuple(loop for loop in value.loops if loop not in own)
    node = laid(machine.graph, value, (*outer, *own), value.rest)
    node = machine.graph.spread(node, sizes((*outer, *own)) + value.rest)
    return Labelled(node, outer) if outer else node


# Where arrays are indexed -----------------------------------------------------------


def _accesses(
    translator: Translator, root: Part, scope: Mapping[str, int]
) -> list[Step]:
    """Return the steps that find out where loops index arrays.

    The arrays are kept, and so are the loops of sums inside: the formula itself takes
    both from there. What depends on indices itself is looked into, not taken.
    """
    places = _index_places(root, scope)
    steps: list[Step] = []
    stack: list[tuple[Part, Mapping[str, int]]] = [(root, scope)]
    while stack:
        part, scope = stack.pop()
        if not isinstance(part, Phrase):
            continue
        inner = scope
        if part.rule == "comprehension":
            translator.scope = scope
            steps += translator.translate(*made(translator, part))
            inner = scope_of(translator, scope, part)
        elif part.rule == "index":
            base = part.children[0]
            if not _mentions(base, places):
                translator.scope = {}
                steps += translator.translate(base, translator.keep(part, base))
                steps += _access_steps(translator, part, scope)
        children = part.children
        if part in translator.slots:
            children = children[1:]
        stack.extend((child, inner) for child in reversed(children))
    translator.scope = {}
    return steps


def _index_places(root: Part, free: Iterable[str]) -> list[int]:
    """Return where the names of indices stand, in order."""
    names = set(free)
    found: list[Token] = []
    stack = [root]
    while stack:
        part = stack.pop()
        if isinstance(part, Phrase):
            stack += part.children
            if part.rule == "loop":
                names.add(str(part.children[1]))
        elif part.type == "NAME":
            found.append(part)
    return sorted(t.start_pos or 0 for t in found if str(t) in names)


def _mentions(part: Part, places: Sequence[int]) -> bool:
    """Whether an index stands in a part."""
    k = bisect_left(places, part.start_pos or 0)
    return k < len(places) and places[k] < (part.end_pos or 0)


_AFFINE = {"binary", "unary", "group"}
_PLAIN = {"NAME", "NUMBER", "SIGN", "TIMES", "LPAR", "RPAR"}


def _is_affine(root: Part) -> bool:
    """Whether an index is written with sums and products alone."""
    stack = [root]
    while stack:
        part = stack.pop()
        if isinstance(part, Phrase):
            if part.rule not in _AFFINE:
                return False
            stack += part.children
        elif part.type not in _PLAIN or part == "@":
            return False
    return True


def _access_steps(
    translator: Translator, phrase: Phrase, scope: Mapping[str, int]
) -> list[Step]:
    """Return the steps that note by which loops an array is indexed."""
    base, _, *rest = phrase.children
    items = listed(rest[:-1])
    at = next((k for k, i in enumerate(items) if kind_of(i) == "ELLIPSIS"), len(items))
    steps: list[Any] = []
    for k, item in enumerate(items):
        if kind_of(item) in {"slice", "ELLIPSIS", "CONSTANT"} or not _is_affine(item):
            continue
        translator.scope = scope
        translator.check_index(item)
        axis = k if k < at else k - len(items)
        note = Step(Kind.RUN, access, [base, item], phrase)
        steps += [translator.kept(phrase, base), item, Scope({}), note, Scope(scope)]
        steps.append(Step(Kind.PUSH, axis, (), item))
        steps.append(Step(Kind.RUN, placed, [item, item], item))
    translator.scope = scope
    found = translator.translate(*steps)
    translator.scope = {}
    return found
