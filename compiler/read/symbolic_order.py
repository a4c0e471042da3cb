"""Put the operands of SymPy's sums and products in the order in which it prints them.

SymPy's own sorting recurses into operands; here only their outermost levels are looked
at. Operands that were left unevaluated in another order keep it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_SORTED = 50
_MOST_FACTORS = 20


def ordered_terms(terms: Sequence[Any]) -> Sequence[Any]:
    """Return the terms of a short sum as SymPy prints them, a positive one first."""
    if len(terms) == 2 and terms[0].is_Number and not terms[1].is_Number:
        low = min(_degrees(terms[1]).values(), default=0) < 0
        return terms if low or _negative(terms[1]) else (terms[1], terms[0])
    if len(terms) > _MOST_SORTED or _unevaluated(terms):
        return terms
    degrees = [_degrees(term) for term in terms]
    names = sorted({g for d in degrees for g in d if isinstance(g, str)})
    others = dict.fromkeys(g for d in degrees for g in d if not isinstance(g, str))
    keys = [[d.get(g, Fraction(0)) for g in (*names, *others)] for d in degrees]
    order = sorted(range(len(terms)), key=keys.__getitem__, reverse=True)
    order.sort(key=keys.__getitem__, reverse=True)
    first = next((i for i in order if not _negative(terms[i])), order[0])
    return [terms[first], *(terms[i] for i in order if i != first)]


def _negative(term: Any) -> bool:
    """Whether a term is written with a minus sign."""
    head = term.args[0] if term.is_Mul and term.args else term
    return bool(head.is_Number and head.is_extended_negative)


def _unevaluated(operands: Sequence[Any]) -> bool:
    """Whether operands do not stand in the order that SymPy gives them.

    Only what is not deep is compared: SymPy's comparison recurses.
    """
    if any(a.is_Number for a in operands[1:]):
        return True
    flat = [_is_flat(a) for a in operands]
    return any(
        flat[i] and flat[i + 1] and a.compare(operands[i + 1]) > 0
        for i, a in enumerate(operands[:-1])
    )


def _is_flat(expr: Any) -> bool:
    """Whether an expression is an atom, or a power or product of atoms."""
    return len(expr.args) <= _MOST_FACTORS and all(
        not a.args or (a.is_Pow and not any(b.args for b in a.args))
        for a in (expr.args if expr.is_Mul else (expr,))
    )


def _degrees(term: Any) -> dict[object, Fraction]:
    """Return the exponents of a term's factors, by name of symbol or by identity."""
    factors = term.args if term.is_Mul else (term,)
    found: dict[object, Fraction] = {}
    for factor in factors[:_MOST_FACTORS]:
        if factor.is_Number:
            continue
        base, degree = factor, Fraction(1)
        if factor.is_Pow and factor.args[1].is_Rational:
            base, power = factor.args
            degree = Fraction(int(power.p), int(power.q))
        elif factor.is_Function and factor.args and _negative(factor.args[0]):
            degree = Fraction(-1 if type(factor).__name__ == "exp" else 1)
        found[base.name if base.is_Symbol else id(base)] = degree
    return found


def ordered_factors(factors: Sequence[Any]) -> Sequence[Any]:
    """Return the factors of a product: numbers, symbols by name, then all else."""
    if len(factors) > _MOST_SORTED or _unevaluated(factors):
        return factors
    return sorted(factors, key=_rank)


def _rank(factor: Any) -> tuple[int, str]:
    base = factor.args[0] if factor.is_Pow else factor
    if base.is_Symbol:
        return 2, base.name
    return (0 if factor.is_Number else 3 if factor.args else 1), ""
