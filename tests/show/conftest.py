"""Read LaTeX as a strict mathematician would, and say what it is worth.

What could be misread is an error: a sign after an operator, a power of a call or of a
fraction without parentheses, two powers of one base.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

import mpmath
import pytest

from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOKEN = re.compile(
    r"\\(?:left|right)?(?:\\[a-z]+|[()\[\]|.]|\\\|) *"
    r"|\\(?:operatorname|mathrm|text)\{[^{}]*\}"
    r"|\\[a-zA-Z]+|\\,|\\\\|\d+(?:\.\d+)?|\S"
)
RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
    r"\le": operator.le,
    r"\ge": operator.ge,
    r"\ne": operator.ne,
}
CALLS: dict[str, Callable[..., Any]] = {
    rf"\{name}": getattr(mpmath, name)
    for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "log")
} | {
    r"\arcsin": mpmath.asin,
    r"\arccos": mpmath.acos,
    r"\arctan": mpmath.atan,
    r"\max": max,
    r"\min": min,
    r"\sigma": lambda x: 1 / (1 + mpmath.exp(-x)),
    r"\Gamma": mpmath.gamma,
    r"\psi": mpmath.digamma,
    r"\mathrm{B}": mpmath.beta,
    "H": lambda x: mpmath.mpf(x > 0),
    r"\operatorname{arsinh}": mpmath.asinh,
    r"\operatorname{arcosh}": mpmath.acosh,
    r"\operatorname{artanh}": mpmath.atanh,
    r"\operatorname{stop}": lambda x: x,
    r"\operatorname{ReLU}": lambda x: max(x, 0),
    r"\operatorname{PReLU}": lambda x, a: x if x > 0 else a * x,
}
CONSTANTS = {r"\pi": mpmath.pi, r"\mathrm{e}": mpmath.e, r"\infty": mpmath.inf}
BRACKETS: dict[str, tuple[str, Callable[..., Any]]] = {
    r"\left(": (r"\right)", lambda x: x),
    r"\left|": (r"\right|", abs),
    r"\left[": (r"\right]", mpmath.mpf),
    r"\left\|": (r"\right\|", lambda *xs: mpmath.sqrt(sum(x * x for x in xs))),
    r"\left\lfloor": (r"\right\rfloor", mpmath.floor),
    r"\left\lceil": (r"\right\rceil", mpmath.ceil),
}


class Reader:
    """Read one expression: each method takes what binds at least so tightly."""

    def __init__(self, text: str, values: Mapping[str, float]) -> None:
        self.tokens: list[str] = [t.strip() for t in TOKEN.findall(text)] + [""]
        self.values = values
        self.at = 0

    def take(self, *expected: str) -> str:
        """Return the next token, which has to be one of those expected if any are."""
        token = self.tokens[self.at]
        if expected and token not in expected:
            message = f"expected {expected}, found {self.tokens[self.at :]}"
            raise ValueError(message)
        self.at += 1
        return token

    @property
    def next(self) -> str:
        """The token that would be taken."""
        return self.tokens[self.at]

    def whole(self) -> Any:
        """Read everything."""
        value = self.either()
        self.take("")
        return value

    def either(self) -> Any:
        """Read a disjunction."""
        value = self.both()
        while self.next == r"\vee":
            self.take()
            value = self.both() or value
        return value

    def both(self) -> Any:
        """Read a conjunction."""
        value = self.negation()
        while self.next == r"\wedge":
            self.take()
            value = self.negation() and value
        return value

    def negation(self) -> Any:
        """Read a negation."""
        if self.next == r"\neg":
            self.take()
            return not self.negation()
        return self.relation()

    def relation(self) -> Any:
        """Read a comparison."""
        value = self.sum()
        if self.next in RELATIONS:
            return RELATIONS[self.take()](value, self.sum())
        return value

    def sum(self) -> Any:
        """Read a sum; a sign may stand before its first term only."""
        sign = -1 if self.next == "-" else 1
        if self.next == "-":
            self.take()
        value = sign * self.product() if sign < 0 else self.product()
        while self.next in {"+", "-"}:
            if self.take() == "+":
                value = value + self.product()
            else:
                value = value - self.product()
        return value

    def product(self) -> Any:
        """Read a product; a remainder is as tight, as it reads without parentheses."""
        value = self.power()
        while self.next in {r"\,", r"\cdot", r"\bmod"}:
            if self.take() == r"\bmod":
                divisor = self.power()
                value = value - divisor * mpmath.floor(value / divisor)
            else:
                value = value * self.power()
        return value

    def power(self) -> Any:
        """Read a base with an exponent, if it has one."""
        start = self.next
        value = self.atom()
        if self.next != "^":
            return value
        if not re.fullmatch(r"\w|\d+(\.\d+)?|\\left.*|\\mathrm\{e\}|\\pi", start):
            message = f"a power of {start} without parentheses"
            raise ValueError(message)
        self.take()
        value = mpmath.power(value, self.group())
        if self.next == "^":
            message = "two powers of one base"
            raise ValueError(message)
        return value

    def group(self) -> Any:
        """Read what stands in braces."""
        self.take("{")
        value = self.either()
        self.take("}")
        return value

    def atom(self) -> Any:
        """Read what holds together by itself."""
        found = self.take()
        if re.fullmatch(r"\d+(\.\d+)?", found):
            return mpmath.mpf(found)
        if found in BRACKETS:
            close, function = BRACKETS[found]
            return function(*self.listed(close))
        forms = {
            r"\frac": lambda: self.group() / self.group(),
            r"\sqrt": self.root,
            r"\begin": self.cases,
            r"\left.": self.derivative,
        }
        known = CONSTANTS | {n: mpmath.mpf(v) for n, v in self.values.items()}
        return (
            +known[found]
            if found in known
            else forms.get(found, lambda: self.call(found))()
        )

    def root(self) -> Any:
        """Read a square or cube root."""
        if self.next != "[":
            return mpmath.sqrt(self.group())
        self.take("[")
        degree = int(self.take())
        self.take("]")
        value = self.group()
        return mpmath.sign(value) * mpmath.root(abs(value), degree)

    def cases(self) -> Any:
        """Read a choice; all its cases are read, the first that holds counts."""
        for token in "{cases}":
            self.take(token)
        chosen = None
        while True:
            value = self.either()
            self.take("&")
            if self.take(r"\text{if }", r"\text{if}", r"\text{otherwise}").startswith(
                r"\text{o"
            ):
                chosen = value if chosen is None else chosen
                break
            if self.either() and chosen is None:
                chosen = value
            self.take("\\\\")
        for token in (r"\end", *"{cases}"):
            self.take(token)
        return chosen

    def derivative(self) -> Any:
        """Read the n-th derivative of a formula in one variable, at a place."""
        for token in (r"\frac", "{", r"\mathrm{d}", "^"):
            self.take(token)
        order = int(self.group())
        for token in ("}", "{", r"\mathrm{d}"):
            self.take(token)
        variable = self.take()
        self.take("^")
        assert order == int(self.group())
        self.take("}")
        start = self.at

        def formula(x: Any) -> Any:
            self.at, given = start, self.values
            self.values = {**given, variable: x}
            value = self.either()
            self.values = given
            return value

        formula(0.5)
        for token in (r"\right|", "_", "{", variable, "="):
            self.take(token)
        place = self.either()
        self.take("}")
        end = self.at
        value = mpmath.diff(formula, place, order)
        self.at = end
        return value

    def call(self, name: str) -> Any:
        """Read a function with its index, power and arguments."""
        function = CALLS.get(name) or self.by_row(name)
        if self.next == "'":
            self.take()
            return self.arguments(lambda x: mpmath.diff(function, x))
        if self.next == "_":
            self.take()
            base = self.group()
            return self.arguments(lambda x: mpmath.log(x, base))
        if self.next != "^":
            return self.arguments(function)
        self.take()
        if self.tokens[self.at + 1] == "(":
            order = int(self.tokens[self.at + 2])
            self.at += 5
            return self.arguments(lambda x: mpmath.diff(function, x, order))
        power = self.group()
        return self.arguments(function) ** power

    @staticmethod
    def by_row(name: str) -> Callable[..., Any]:
        """Return a function that is written by its op's name."""
        row = OPS.get(name.removeprefix(r"\operatorname{").removesuffix("}"))
        if row is None or row.mp is None:
            message = f"expected a value, found {name!r}"
            raise ValueError(message)
        compute = row.mp
        return lambda *args: compute(mpmath.mp, *args)

    def arguments(self, function: Callable[..., Any]) -> Any:
        """Read arguments in parentheses, or the one that follows."""
        if self.next != r"\left(":
            return function(self.atom())
        self.take()
        return function(*self.listed(r"\right)"))

    def listed(self, close: str) -> list[Any]:
        """Read expressions up to a closing bracket."""
        found = [self.either()]
        while self.next == ",":
            self.take()
            found.append(self.either())
        self.take(close)
        return found


@pytest.fixture(scope="session")
def worth() -> Callable[[str, Mapping[str, float]], Any]:
    """Return what LaTeX is worth for the values of its names."""

    def read(text: str, values: Mapping[str, float]) -> Any:
        return Reader(text, values).whole()

    return read
