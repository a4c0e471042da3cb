"""Read a function of the file, and docstrings.

Comes in: the phrase of a `def`. Goes out: a `Definition`, its body turned into steps
with every name resolved, so that its mistakes show whether it is called or not.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from overbar.ir.errors import ParseError
from overbar.read.indexed import assignment
from overbar.read.inlining import Translator
from overbar.read.lexing import short
from overbar.read.steps import Definition
from overbar.read.syntax import Phrase, kind_of, place, target

if TYPE_CHECKING:
    from lark import Token

    from overbar.ir.source import Source
    from overbar.read.limits import Limits
    from overbar.read.names import Names

_MISPLACED = {
    "declare": "expected an assignment or return, found a declaration in a def",
    "define": "expected an assignment or return, found a def in a def",
    "outputs": "expected an assignment or return, found an expression",
    "docstring": "expected an assignment or return, found a string",
}


def define(names: Names, limits: Limits, phrase: Phrase) -> Definition:
    """Return the function of a `def`.

    Errors: ParseError for a body that is not assignments ending in return, and for
    names without a value or with a second one.
    """
    _, name, _, *rest, body = phrase.children
    definition = Definition(str(name), [])
    for argument in (t for t in rest if t.type == "NAME"):
        _check_local(names, definition, argument)
        definition.slots[str(argument)] = len(definition.slots)
    definition.arguments = list(definition.slots)
    statements = body.children
    if kind_of(statements[0]) == "docstring":
        docstring(statements[0], names.source)
        statements = statements[1:]
    if not statements or kind_of(statements[-1]) != "give":
        message = f"expected a return at the end of {short(name)}, found none"
        raise names.error(message, name)
    definition.below = {
        str(target(names.source, s.children[0]))
        for s in statements
        if kind_of(s) == "assign"
    } - set(definition.arguments)
    translator = Translator(names, limits, definition)
    for statement in statements[:-1]:
        _assign(names, translator, definition, statement)
    definition.steps += translator.translate(statements[-1].children[1])
    return definition


def _assign(
    names: Names, translator: Translator, definition: Definition, phrase: Phrase
) -> None:
    """Add the steps of one line of a body."""
    if phrase.rule != "assign":
        message = _MISPLACED.get(phrase.rule, "expected nothing after return")
        raise ParseError(message, place(names.source, phrase))
    left, _, expression, *_ = phrase.children
    name = target(names.source, left)
    _check_local(names, definition, name)
    if str(name) not in names.kinds:  # a local value may hide one of the file's
        names.check_new(name)
    indexed = isinstance(left, Phrase)
    steps = assignment(translator, phrase) if indexed else (
        translator.translate(expression)
    )  # fmt: skip
    definition.steps += [*steps, translator.keep(str(name), name)]
    definition.below.discard(str(name))


def _check_local(names: Names, definition: Definition, name: Token) -> None:
    if name in definition.slots:
        message = f"expected a new name, found {short(name)}, which has a value already"
        raise names.error(message, name)


def docstring(phrase: Phrase, source: Source) -> str:
    """Return the text of a docstring, without its quotes and indentation."""
    token = phrase.children[0]
    if token[0] not in "\"'":
        message = f"expected a plain string, found {short(token)}"
        raise ParseError(message, place(source, token))
    width = 3 if token[:3] == token[0] * 3 else 1
    return inspect.cleandoc(str(token)[width:-width])
