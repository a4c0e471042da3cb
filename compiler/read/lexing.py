"""Cut a text into tokens: words, numbers, signs, lines and indentation.

Comes in: a `Source`. Goes out: lark's tokens for grammar.lark, of kinds that the
tables below give. Every character is accounted for; what has no place in the language
is refused here, with what is written instead where we know it.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import islice
from keyword import iskeyword
from typing import TYPE_CHECKING, NoReturn

from overbar.ir.errors import LimitError, ParseError
from overbar.ir.source import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from lark import Token

    from overbar.ir.source import Source
    from overbar.read.limits import Limits

SIGNS = {
    "+": "SIGN", "-": "SIGN", "*": "TIMES", "/": "TIMES", "//": "TIMES",
    "%": "TIMES", "**": "POWER", "<": "COMPARE", "<=": "COMPARE", ">": "COMPARE",
    ">=": "COMPARE", "==": "COMPARE", "!=": "COMPARE", "=": "EQUAL", ":": "COLON",
    ",": "COMMA", "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", "@": "TIMES",
}  # fmt: skip

WORDS = {
    "and": "AND", "def": "DEF", "else": "ELSE", "for": "FOR", "if": "IF", "in": "IN",
    "not": "NOT", "or": "OR", "return": "RETURN",
}  # fmt: skip
"""Python's other keywords are of kind WORD, which the grammar has no use for."""

CONSTANTS = {"None": None, "True": True, "False": False}
"""What arguments of functions over arrays may be."""

_ASSIGN_ONCE = "a name is assigned once, with ="
_MISUSED = {
    "^": "a power is written **",
    "&": "conditions are joined with and",
    "&&": "conditions are joined with and",
    "|": "conditions are joined with or",
    "||": "conditions are joined with or",
    "!": "a condition is negated with not; the factorial of n is gamma(n + 1)",
    "~": "a condition is negated with not",
    "<>": "unequal is written !=",
    "=<": "at most is written <=",
    "=>": "at least is written >=",
    "===": "equal is written ==",
    "!==": "unequal is written !=",
    ":=": _ASSIGN_ONCE,
    "+=": _ASSIGN_ONCE,
    "-=": _ASSIGN_ONCE,
    "*=": _ASSIGN_ONCE,
    "/=": _ASSIGN_ONCE,
    "**=": _ASSIGN_ONCE,
    "//=": _ASSIGN_ONCE,
    "%=": _ASSIGN_ONCE,
    "->": "a function is defined with def f(x): return ...",
    ";": "a statement has a line of its own",
    ".": "functions stand without a module: exp(x), not np.exp(x)",
    "{": "only ( and ) group",
    "}": "only ( and ) group",
    "\\": "a line is continued by a \\ at its very end",
    "\N{MINUS SIGN}": "minus is written -",
    "\N{MULTIPLICATION SIGN}": "a product is written *",
    "\N{MIDDLE DOT}": "a product is written *",
    "\N{DOT OPERATOR}": "a product is written *",
    "\N{DIVISION SIGN}": "a quotient is written /",
    "\N{LESS-THAN OR EQUAL TO}": "at most is written <=",
    "\N{GREATER-THAN OR EQUAL TO}": "at least is written >=",
    "\N{NOT EQUAL TO}": "unequal is written !=",
    "\N{SQUARE ROOT}": "a root is written sqrt(x)",
}
_COUNTED = {
    "SIGN", "TIMES", "POWER", "COMPARE", "AND", "OR", "NOT", "IF", "LSQB", "TRANSPOSED",
    "FOR",
}  # fmt: skip
_CLOSES = {"RPAR": "LPAR", "RSQB": "LSQB"}
_BLANK = {"NEWLINE", "COMMENT", "JOIN", "END"}

_SIGN = "|".join(map(re.escape, sorted({**SIGNS, **_MISUSED}, key=len, reverse=True)))
_DIGITS = "[0-9]++(?:_[0-9]++)*+"
# Possessive throughout: time and memory stay linear on eight million characters.
_TOKEN = re.compile(
    rf"""[ \t]*+(?:
      (?P<STRING>(?i:[rbuf]{{0,2}})(?:
          \"\"\"(?:[^"\\]++|\\.|"(?!""))*+\"\"\" | '''(?:[^'\\]++|\\.|'(?!''))*+'''
        | "(?!"")(?:[^"\\\n]++|\\.)*+" | '(?!'')(?:[^'\\\n]++|\\.)*+' ))
    | (?P<QUOTE>(?i:[rbuf]{{0,2}})["'])
    | (?P<BASED>0[xXoObB]\w*+)
    | (?P<PADDED>0[0-9_]++(?![.eE]))
    | (?P<NUMBER>(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?)
    | (?P<NAME>[^\W\d]\w*+)
    | (?P<NEWLINE>\r?\n(?:[ \t]*+(?:\#[^\n]*+)?\r?\n)*+)
    | (?P<COMMENT>\#[^\n]*+)
    | (?P<JOIN>\\\r?\n)
    | (?P<TRANSPOSED>\.T(?!\w))
    | (?P<ELLIPSIS>\.\.\.)
    | (?P<SIGN>{_SIGN})
    | (?P<OTHER>.)
    | (?P<END>\Z) )""",
    re.VERBOSE | re.DOTALL,
)
_HIDDEN = re.compile(
    "[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff]|\r(?!\n)"
)


def tokens(source: Source, limits: Limits) -> list[Token]:
    """Return the tokens of a text.

    Errors: ParseError for what the language has no sign for, for a parenthesis or
    string without its end and for uneven indentation; LimitError for a text that is
    too long or too deeply nested.
    """
    if len(source.text) > limits.characters:
        message = f"expected a text of at most {limits.characters:,} characters, found"
        raise LimitError(f"{message} {len(source.text):,}", Span(source, 0, 1))
    hidden = _HIDDEN.search(source.text)
    if hidden:
        message = f"expected printable text, found {_describe(hidden[0])}"
        raise ParseError(message, Span(source, hidden.start(), hidden.end()))
    excess = next(islice(_TOKEN.finditer(source.text), limits.words, None), None)
    if excess is not None:
        message = f"expected at most {limits.words:,} names, numbers and signs"
        span = Span(source, excess.start(), excess.end())
        raise LimitError(f"{message}, found more", span)
    return _Lexer(source, limits).run()


_KINDS = {"Cc": "a control character", "Cs": "a lone surrogate"}


def _describe(character: str) -> str:
    """Return a character's code point and name."""
    kind = _KINDS.get(unicodedata.category(character), "a character without a name")
    name = unicodedata.name(character, kind)
    return f"U+{ord(character):04X} ({name})"


def short(text: str) -> str:
    """Return a text as messages show it: quoted, escaped, cut where it is long."""
    return repr(str(text) if len(text) <= 40 else text[:37] + "...")


class _Lexer:
    """Walk over one text."""

    def __init__(self, source: Source, limits: Limits) -> None:
        from lark import Token

        self.make: Callable[..., Token] = Token
        self.source = source
        self.text = source.text
        self.limits = limits
        self.found: list[Token] = []
        self.open: list[Token] = []
        self.levels: list[int] = []
        self.fresh = True
        self.operations = 0

    def run(self) -> list[Token]:
        """Return all tokens."""
        handlers = {
            kind: getattr(self, f"_{kind.lower()}") for kind in _TOKEN.groupindex
        }
        start = 1 if self.text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}") else 0
        for match in _TOKEN.finditer(self.text, start):
            kind = match.lastgroup or ""
            begin, end = match.span(kind)
            if self.fresh and kind not in _BLANK:
                self._indent(match.start(), begin)
            handlers[kind](begin, end)
        return self.found

    def _add(self, kind: str, start: int, end: int) -> None:
        found = self.found
        found.append(self.make(kind, self.text[start:end], start, end_pos=end))
        called = kind == "LPAR" and len(found) > 1 and found[-2].type == "NAME"
        if called or kind in _COUNTED:
            self.operations += 1
            if self.operations > self.limits.operations:
                self._exceed(f"{self.limits.operations:,} operations", start, end)

    def _exceed(self, budget: str, start: int, end: int) -> NoReturn:
        message = f"expected at most {budget}, found more"
        raise LimitError(message, Span(self.source, start, end))

    def _refuse(self, message: str, start: int, end: int) -> NoReturn:
        raise ParseError(message, Span(self.source, start, end))

    def _indent(self, start: int, end: int) -> None:
        """Compare a line's indentation with the lines' above it."""
        self.fresh = False
        tab = self.text.find("\t", start, end)
        if tab >= 0:
            self._refuse("expected spaces before a line, found a tab", tab, tab + 1)
        width = end - start
        if not self.levels:
            self.levels.append(width)  # a text may be indented as a whole
        if width > self.levels[-1]:
            self.levels.append(width)
            self._add("_INDENT", start, end)
        elif width not in self.levels:
            widths = " or ".join(map(str, self.levels))
            message = f"expected {widths} spaces before the line, found {width}"
            self._refuse(message, start, end)
        while width < self.levels[-1]:
            self.levels.pop()
            self._add("_DEDENT", end, end)

    def _name(self, start: int, end: int) -> None:
        name = self.text[start:end]
        if name.startswith("__"):
            message = f"expected a name, found {short(name)}"
            self._refuse(f"{message}; two underscores begin no name here", start, end)
        if not name.isascii():
            plain = unicodedata.normalize("NFKC", name)
            if plain != name:
                message = f"expected a name of plain letters, found {short(name)}"
                raised = any("<super>" in unicodedata.decomposition(c) for c in name)
                advice = f"its plain form is {short(plain)}"
                advice = "a power is written **" if raised else advice
                self._refuse(f"{message}; {advice}", start, end)
            if not name.isidentifier():
                message = f"expected a name of letters and digits, found {short(name)}"
                self._refuse(message, start, end)
        kind = WORDS.get(name) or ("WORD" if iskeyword(name) else "NAME")
        self._add("CONSTANT" if name in CONSTANTS else kind, start, end)

    def _number(self, start: int, end: int) -> None:
        self._add("NUMBER", start, end)

    def _based(self, start: int, end: int) -> None:
        number = short(self.text[start:end])
        self._refuse(f"expected a decimal number, found {number}", start, end)

    def _padded(self, start: int, end: int) -> None:
        number = short(self.text[start:end])
        message = f"expected a number without leading zeros, found {number}"
        self._refuse(message, start, end)

    def _string(self, start: int, end: int) -> None:
        self._add("STRING", start, end)

    def _quote(self, start: int, end: int) -> None:
        self._refuse("expected a closing quote, found none", start, end)

    def _transposed(self, start: int, end: int) -> None:
        self._add("TRANSPOSED", start, end)

    def _ellipsis(self, start: int, end: int) -> None:
        self._add("ELLIPSIS", start, end)

    def _sign(self, start: int, end: int) -> None:
        sign = self.text[start:end]
        if sign in _MISUSED:
            self._refuse(f"unexpected {sign!r}; {_MISUSED[sign]}", start, end)
        kind = SIGNS[sign]
        if kind in _CLOSES:
            self._close(kind, start, end)
        self._add(kind, start, end)
        if kind in _CLOSES.values():
            self.open.append(self.found[-1])
            if len(self.open) > self.limits.nesting:
                budget = f"{self.limits.nesting:,} parentheses in each other"
                self._exceed(budget, start, end)

    def _close(self, kind: str, start: int, end: int) -> None:
        sign = self.text[start:end]
        if not self.open:
            message = f"expected an opening parenthesis before {sign!r}, found none"
            self._refuse(message, start, end)
        opened = self.open.pop()
        if opened.type != _CLOSES[kind]:
            line = Span(self.source, opened.start_pos or 0, end).line
            wanted = ")" if opened.type == "LPAR" else "]"
            message = f"expected {wanted!r} to close {str(opened)!r} of line {line}"
            self._refuse(f"{message}, found {sign!r}", start, end)

    def _newline(self, start: int, end: int) -> None:
        if not self.open and not self.fresh:
            self._add("_NEWLINE", start, end)
            self.fresh = True

    def _comment(self, start: int, end: int) -> None:
        """Leave comments out."""

    def _join(self, start: int, end: int) -> None:
        """Go on with the line: a backslash hides its end."""

    def _end(self, start: int, end: int) -> None:
        if self.open:
            opened = self.open[-1]
            begin = opened.start_pos or 0
            message = f"expected a closing parenthesis for {str(opened)!r}, found none"
            self._refuse(message, begin, begin + 1)
        self._newline(start, end)
        for _ in self.levels[1:]:
            self._add("_DEDENT", start, end)

    def _other(self, start: int, end: int) -> None:
        found = _describe(self.text[start])
        message = f"expected a name, a number or a sign, found {found}"
        self._refuse(message, start, end)
