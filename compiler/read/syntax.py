"""Parse tokens into phrases by grammar.lark, and say what is wrong where they do not.

Comes in: tokens. Goes out: one phrase a statement; deep ones cost no recursion.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias

from overbar.ir.errors import OverbarError, ParseError
from overbar.ir.source import Span
from overbar.read.lexing import short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lark import Lark, Token

    from overbar.ir.source import Source

Part: TypeAlias = "Phrase | Token"


class Phrase:
    """Hold a rule of the grammar and what it was found made of."""

    __slots__ = ("children", "end_pos", "rule", "start_pos")

    def __init__(self, rule: str, children: list[Any]) -> None:
        self.rule = rule
        self.children = children
        self.start_pos: int = children[0].start_pos if children else 0
        self.end_pos: int = children[-1].end_pos if children else 0


def kind_of(part: Part) -> str:
    """Return the rule of a phrase, the type of a token."""
    return part.rule if isinstance(part, Phrase) else part.type


def listed(parts: Iterable[Part]) -> list[Part]:
    """Return the parts that commas stand between."""
    return [part for part in parts if kind_of(part) != "COMMA"]


def place(source: Source, part: Part) -> Span:
    """Return where a part stands."""
    return Span(source, part.start_pos or 0, part.end_pos or 0)


def target(source: Source, left: Part) -> Token:
    """Return the name that an assignment gives a value, `z` of `z[i] = ...`.

    Raises ParseError for a left side that is none.
    """
    if not isinstance(left, Phrase):
        return left
    name: Part = left.children[0]
    if isinstance(name, Phrase) or name.type != "NAME":
        span = place(source, name)
        message = "expected a name before '[' on the left of '=', found "
        raise ParseError(message + short(span.text), span)
    return name


@cache
def _parser() -> Lark:
    """Return lark's tables for the grammar, made once a process."""
    from lark import Lark

    grammar = files("overbar.read").joinpath("grammar.lark").read_text("utf-8")
    return Lark(grammar, start="file", parser="lalr", tree_class=Phrase)


def parse(source: Source, tokens: Iterable[Token]) -> list[Phrase]:
    """Return the statements of a text.

    Errors: ParseError where the tokens are no statement, UnsupportedError where they
    are one that is not built yet.
    """
    from lark.exceptions import UnexpectedToken

    cursor: Any = _parser().parse_interactive()
    last = None
    try:
        for token in tokens:
            cursor.feed_token(token)
            last = token
        root: Phrase = cursor.feed_eof(last)
    except UnexpectedToken as error:
        raise _explain(source, error.token, cursor.accepts(), last) from None
    return root.children


_OPERANDS = {"NAME", "NUMBER", "LPAR", "RPAR"}

_LABELS = {
    "SIGN": "an operator",
    "EQUAL": "'='",
    "COLON": "':'",
    "LPAR": "'('",
    "COMMA": "','",
    "ELSE": "'else'",
    "IN": "'in'",
    "RPAR": "')'",
    "RSQB": "']'",
    "_NEWLINE": "the end of the line",
}
_BEFORE_OPERATORS = {"EQUAL", "COLON", "LPAR", "COMMA"}
"""What a name at the start of a line may also be followed by, too much to list."""

_FOUND = {
    "_NEWLINE": "the end of the line",
    "_INDENT": "an indented line",
    "STRING": "a string",
}
_HINTS = {
    "EQUAL": "a line gives one name a value: name = expression; equal is written ==",
    "STRING": "only a docstring on the first line is a string",
    "COLON": "a declaration is written name: param or name: data",
    "DEF": "a function is defined on a line of its own, outside of others",
    "IF": "a choice is written x if condition else y",
    "ELSE": "a choice is written x if condition else y",
    "RETURN": "return ends a def",
    "FOR": "a loop stands in a call, sum(x[j] for j in n), or after z[i] = ...",
    "IN": "a loop is written for j in n",
}
_RESERVED = {"WORD", "CONSTANT"}
_WORDS = {
    "lambda": "it may be named lam; a function is defined with def f(x): return ...",
    "is": "equal is written ==",
    "True": "a condition is written as a comparison, such as x > 0",
    "False": "a condition is written as a comparison, such as x > 0",
    "elif": "a choice is written x if condition else y if condition else z",
}


def _explain(
    source: Source, found: Token, accepts: set[str], before: Token | None
) -> OverbarError:
    """Return the error for a token that the grammar has no place for."""
    kind, span = found.type, place(source, found)
    if kind in _RESERVED:
        hint = _WORDS.get(found, f"a name may be {found}_")
        message = f"{str(found)!r} is a reserved word without meaning here; {hint}"
        return ParseError(message, span)
    hint = _HINTS.get(kind, "") if accepts & {"NUMBER", "SIGN"} else ""
    if "SIGN" in accepts and kind in _OPERANDS and before is not None:
        hint = _product(before, found)
    message = f"expected {_expected(accepts)}, found {_FOUND.get(kind) or short(found)}"
    return ParseError(f"{message}; {hint}" if hint else message, span)


def _expected(accepts: set[str]) -> str:
    """Return in words what may come next."""
    if "_INDENT" in accepts and "NAME" not in accepts:
        return "an indented line"
    if "NUMBER" in accepts:
        return "a statement" if "DEF" in accepts else "an expression"
    if "NAME" in accepts:
        return "a name or ')'" if "RPAR" in accepts else "a name"
    hidden = _BEFORE_OPERATORS if "SIGN" in accepts else set()
    if "ELSE" in accepts:
        hidden = hidden | {"SIGN"}
    labels = [_LABELS[k] for k in _LABELS if k in accepts and k not in hidden]
    return " or ".join([", ".join(labels[:-1]), labels[-1]] if labels[1:] else labels)


def _product(before: Token, found: Token) -> str:
    """Return advice where two operands stand side by side."""
    if before.type not in _OPERANDS - {"LPAR"} or found.type == "RPAR":
        return ""
    if before.type == found.type == "NUMBER":
        return ""
    left = "(...)" if before.type == "RPAR" else str(before)
    right = "(...)" if found.type == "LPAR" else str(found)
    return f"a product is written {short(f'{left}*{right}')[1:-1]}"
