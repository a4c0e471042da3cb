"""How the contraction is written: in readable mathematics, LaTeX and NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.ops.row import (
    ATOM,
    JUXTAPOSED,
    POWER,
    PRODUCT,
    SUM,
    Notation,
)

if TYPE_CHECKING:
    from overbar.ir.graph import Node

_LETTERS = "ijklmnpqrstuvwxyz"


def spec(attrs: tuple[Any, ...]) -> str:
    """Return the labels in einsum's notation."""
    xs, ys, out = ("".join(_LETTERS[i] for i in part) for part in attrs)
    return f"{xs},{ys}->{out}"


MATMUL = PRODUCT - 1
"""`@` binds as `*` does; in a product it stands in parentheses, to be read as meant."""

_FORMS = {
    "i,i->": Notation("{0} @ {1}", MATMUL, (MATMUL, PRODUCT + 1)),
    "ij,j->i": Notation("{0} @ {1}", MATMUL, (MATMUL, PRODUCT + 1)),
    "ji,j->i": Notation("{0}.T @ {1}", MATMUL, (ATOM, PRODUCT + 1)),
    "ik,kj->ij": Notation("{0} @ {1}", MATMUL, (MATMUL, PRODUCT + 1)),
    "ki,kj->ij": Notation("{0}.T @ {1}", MATMUL, (ATOM, PRODUCT + 1)),
    "ik,jk->ij": Notation("{0} @ {1}.T", MATMUL, (MATMUL, ATOM)),
    "jk,ki->ij": Notation("({0} @ {1}).T", ATOM, (MATMUL, PRODUCT + 1)),
}
OUTER = {"i,j->ij": "{0}, {1}"}


def matrix_form(attrs: tuple[Any, ...]) -> Notation | None:
    """Return how a contraction is written with `@`, None where it is none."""
    return _FORMS.get(spec(attrs))


def text(node: Node) -> Notation:
    """Write a product with `@` where that can be, else as einsum."""
    form = spec(node.attrs)
    if form in OUTER:
        return Notation(f"outer({OUTER[form]})")
    if form == "ij,ij->":
        return Notation("sum({0}*{1})", ATOM, (PRODUCT, PRODUCT + 1))
    return _FORMS.get(form) or Notation(f"einsum('{form}', {{0}}, {{1}})")


_TRACES = {
    "ij,ij->": r"{0}^{{\top}} \, {1}", "ij,ji->": r"{0} \, {1}",
}  # fmt: skip
_OUTERS = {"i,j->ij": (0, 1), "j,i->ij": (1, 0)}


def latex(node: Node) -> Notation:  # noqa: PLR0911 - one return a form
    """Write products of matrices side by side, vectors as columns."""
    form = spec(node.attrs)
    alike = node.args[0] is node.args[1]
    if form == "i,i->":
        if alike:
            return Notation(r"\left\|{0}\right\|^{{2}}", POWER)
        return Notation(r"{0}^{{\top}} \, {1}", JUXTAPOSED, (ATOM, JUXTAPOSED))
    if form == "ij,ij->" and alike:
        return Notation(r"\left\|{0}\right\|_{{F}}^{{2}}", POWER)
    if form in _TRACES:
        first = ATOM if form == "ij,ij->" else JUXTAPOSED
        inner = _TRACES[form]
        whole = rf"\operatorname{{{{tr}}}}\left({inner}\right)"
        return Notation(whole, ATOM, (first, JUXTAPOSED))
    if form in _OUTERS:
        left, right = _OUTERS[form]
        bindings = (JUXTAPOSED, ATOM) if left == 0 else (ATOM, JUXTAPOSED)
        text = f"{{{left}}} \\, {{{right}}}^{{{{\\top}}}}"
        return Notation(text, JUXTAPOSED, bindings)
    if form in _FORMS:
        return _matrix_latex(_FORMS[form].template)
    return _indexed(node)


def _matrix_latex(template: str) -> Notation:
    inner = template.replace(" @ ", r" \, ")
    if inner.endswith(").T"):  # (A B)^T is B^T A^T
        first, _, second = inner[1:-3].partition(r" \, ")
        inner = rf"{second}.T \, {first}.T"
    bindings = tuple(ATOM if f"{{{i}}}.T" in inner else JUXTAPOSED for i in (0, 1))
    return Notation(inner.replace(".T", r"^{{\top}}"), JUXTAPOSED, bindings)


def _indexed(node: Node) -> Notation:
    """Write a product by its indices."""
    xs, ys, out = ("".join(_LETTERS[i] for i in part) for part in node.attrs)
    summed = "".join(sorted({*xs, *ys} - {*out}))
    sign = rf"\sum_{{{{{summed}}}}} " if summed else ""
    factors = [
        f"{{{{{{{i}}}}}}}_{{{{{labels}}}}}" if labels else f"{{{i}}}"
        for i, labels in enumerate((xs, ys))
    ]
    return Notation(sign + r" \, ".join(factors), SUM if summed else PRODUCT, (ATOM,))


def python(node: Node) -> Notation:
    """Write a product in NumPy."""
    form = spec(node.attrs)
    if form in OUTER:
        return Notation(f"np.outer({OUTER[form]})")
    return _FORMS.get(form) or Notation(f"np.einsum('{form}', {{0}}, {{1}})")
