"""Judge one derivative: is it right, what is the truth, and what is special about it.

Comes in: a number that claims to be a derivative, and the Truth at its point. Goes
out: a Verdict.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from overbar.differences import extrapolate
from overbar.explain import explain
from overbar.truth import RULE

if TYPE_CHECKING:
    from overbar.differences import Slope
    from overbar.kinks import Kink
    from overbar.truth import Truth

TOLERANCE = {"float64": 1e-6, "float32": 1e-4}
"""Relative error from which on a derivative is wrong, by dtype."""

UNIT = {"float64": 2.0**-53, "float32": 2.0**-24}
_SMALLEST = {"float64": 2.0**-1022, "float32": 2.0**-126}

_ROUNDING = {"float64": 2.0**-40, "float32": 2.0**-17}
"""What a derivative may be off, relative to what rounding the inputs moves it by."""

_EDGE = 1e-6
"""The same at the edge of a domain, where slopes come from one side."""

_TOO_FAR = 1e-3
"""From this relative error on, a difference in double precision says nothing."""

_NEARBY = 1e-4


class Verdict(NamedTuple):
    """Hold whether a derivative is right, the truth (NaN: none) and a note."""

    ok: bool
    exact: float
    note: str


class Case:
    """Judge one derivative: of output i in input j."""

    def __init__(
        self,
        truth: Truth,
        i: int,
        j: int,
        number: float,
        slope: Slope,
        tolerance: float,
    ) -> None:
        self.truth = truth
        self.i, self.j = i, j
        self.number = number
        self.slope = slope
        self.scale = truth.scale(i, j)
        self.rule = truth.adjoint(i, j)
        dtype = truth.graph.real.dtype
        self.tolerance = tolerance
        self.rounding = _ROUNDING[dtype] * self.scale + _SMALLEST[dtype]

    def verdict(self, difference: float, step: float) -> Verdict:
        """Return the verdict.

        difference, step: the central difference in double precision and its step; where
        it is far off, a kink may lie within the step.
        """
        found = self._judge()
        far = abs(difference - found.exact)
        if found.ok and far > _TOO_FAR * (abs(found.exact) + self.scale):
            kink = self.truth.kink(self.j, step) if not found.note else None
            if kink:
                note = f"the central difference steps over {kink.text}"
                return found._replace(note=note)
        return found

    def _judge(self) -> Verdict:
        """Return whether the number is right, the truth, and a note."""
        nothing = self._nothing()
        if nothing:
            exact = math.nan if self.slope.bends else self.slope.value
            return Verdict(ok=False, exact=exact, note=nothing)
        if self.truth.imprecise:
            return self._by_estimate(f"{self.truth.imprecise} lacks high precision")
        if math.isnan(self.slope.value):
            return self._by_estimate("the high-precision form has no slope here")
        return self._by_precision(self.slope.value)

    def _by_precision(self, exact: float) -> Verdict:
        """Judge by the slope from high-precision differences: first what rules give."""
        infinite = math.isinf(exact) and self.number != exact
        if self.slope.bends or infinite:
            kink = self.truth.kink(self.j)
            if kink or self.slope.bends:
                return self._at_kink(kink)
        if not self._rule_is_near(exact):
            return self._wrong_rule()
        if not self._is_near(exact):
            return Verdict(ok=False, exact=exact, note=self._inexact(exact))
        return Verdict(ok=True, exact=exact, note=self._special())

    def _nothing(self) -> str:
        """Return why the value or the derivative is no number, if so."""
        truth, partial = self.truth, self.truth.partials[self.i][self.j]
        broken = truth.broken[self.i]
        if broken:
            value = truth.floats[truth.outputs[self.i]].item()
            return f"the value is {value!r}: {broken.value!r} from {broken.happened}"
        if not math.isnan(self.number):
            return ""
        found = explain(truth.graph, truth.point, [partial])
        source = f": {found.value!r} from {found.happened}" if found else ""
        return f"the derivative is not a number{source}"

    def _at_kink(self, kink: Kink | None) -> Verdict:
        """Accept what lies between the two slopes, or what the convention says."""
        low, high = sorted(self.slope)
        slack = self._allowed(self.number)
        between = low - slack <= self.number <= high + slack
        what = f"at a {kink.kind}, {kink.text}" if kink else "not smooth here"
        note = f"{what}; slopes {low:.6g} and {high:.6g}"
        if kink and kink.convention:
            note += f", convention {kink.convention}"
        return Verdict(between or self._is_near(self.rule), math.nan, note)

    def _by_estimate(self, why: str) -> Verdict:
        """Judge by extrapolated differences, where high precision is not to be had."""
        truth = self.truth
        root, name = truth.outputs[self.i], truth.names[self.j]
        estimate = extrapolate(truth.graph, truth.point, name, root)
        slack = self._allowed(estimate.value) + 10 * estimate.error
        if slack <= _TOO_FAR * (abs(estimate.value) + self.scale):
            ok = abs(self.number - estimate.value) <= slack
            note = f"by extrapolated differences: {why}"
            return Verdict(ok, estimate.value, note)
        kink = truth.kink(self.j, _NEARBY * (abs(truth.point[name]) or 1.0))
        if kink is None:
            return Verdict(
                ok=False, exact=math.nan, note=f"differences do not settle, and {why}"
            )
        reference = truth.floats[truth.partials[self.i][self.j]].item()
        note = f"near a {kink.kind}, {kink.text}"
        return Verdict(self._is_near(reference), math.nan, note)

    def _wrong_rule(self) -> Verdict:
        kink = self.truth.kink(self.j)
        if kink:
            return self._at_kink(kink)
        note = f"a derivative rule is wrong: exactly, it gives {self.rule:.12g}"
        return Verdict(
            ok=False, exact=self.slope.value, note=self.truth.wrong_rule or note
        )

    def _inexact(self, exact: float) -> str:
        partial = self.truth.partials[self.i][self.j]
        reference = self.truth.floats[partial].item()
        if abs(reference - exact) > abs(self.number - exact) / 10:
            return "the rules are right, but rounding loses digits; see f.accuracy"
        return f"the rules are right and give {reference!r}; this number is not theirs"

    def _special(self) -> str:
        if math.isinf(self.slope.value):
            return "infinite, as the function's own slope"
        edge = "at the edge of the domain; one side alone"
        return edge if self.slope.one_sided else ""

    def _is_near(self, exact: float) -> bool:
        if math.isinf(exact):
            return self.number == exact
        return abs(self.number - exact) <= self._allowed(exact)

    def _allowed(self, exact: float) -> float:
        size = 0.0 if math.isinf(exact) else abs(exact)
        return self.tolerance * size + self.rounding

    def _rule_is_near(self, exact: float) -> bool:
        share = _EDGE if self.slope.one_sided else RULE
        slack = share * (abs(exact) + self.scale) + _SMALLEST["float64"]
        return self.rule == exact or not abs(self.rule - exact) > slack
