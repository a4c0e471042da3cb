r"""Know what several ops together are called in LaTeX: a norm, a trace, the identity.

Comes in: a node, and which nodes have names of their own (these are not looked into).
Goes out: a notation and its operands, or None where an op stands for itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.ir.ops.row import (
    ATOM,
    JUXTAPOSED,
    POWER,
    PRODUCT,
    SUM,
    UNARY,
    Notation,
    is_number,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from overbar.ir.graph import Node
    from overbar.ir.ops.row import Phrase

_NORM = r"\left\|{0}\right\|"
_FROBENIUS = r"\left\|{0}\right\|_{{F}}"


def _squares(node: Node, named: Collection[Node]) -> Node | None:
    """Return the array whose squares are summed, all of them."""
    if node in named or not node.args:
        return None
    if node.op.name == "contract":
        x, y = node.args
        return x if x is y and not node.type.shape else None
    inner = node.args[0]
    if node.op.name != "sum" or inner in named or node.type.shape:
        return None
    if inner.op.name == "powi" and inner.attrs == (2,):
        return inner.args[0]
    if inner.op.name == "mul" and inner.args[0] is inner.args[1]:
        return inner.args[0]
    return None


def _norm(x: Node) -> str:
    return _FROBENIUS if len(x.type.shape) > 1 else _NORM


def _sum_of_squares(node: Node, named: Collection[Node]) -> Phrase | None:
    x = _squares(node, named)
    return None if x is None else (Notation(_norm(x) + "^{{2}}", POWER), [x])


def _root_of_squares(node: Node, named: Collection[Node]) -> Phrase | None:
    x = _squares(node.args[0], named)
    return None if x is None else (Notation(_norm(x), ATOM), [x])


def _trace(node: Node, named: Collection[Node]) -> Phrase | None:
    """Return the trace that a sum of entries is: of a diagonal, of a product."""
    inner = node.args[0]
    if node.type.shape or inner in named:
        return None
    if _is_diagonal(inner):
        return Notation(r"\operatorname{{tr}}\left({0}\right)"), [inner.args[0]]
    if (
        inner.op.name == "mul"
        and len(inner.type.shape) == 2
        and not any(map(is_number, inner.args))
    ):
        form = r"\operatorname{{tr}}\left({0}^{{\top}} \, {1}\right)"
        return Notation(form, ATOM, (ATOM, JUXTAPOSED)), inner.args
    return None


def _sum_of_sizes(node: Node, named: Collection[Node]) -> Phrase | None:
    inner = node.args[0]
    if inner.op.name != "abs" or inner in named or node.type.shape:
        return None
    return Notation(r"\left\|{0}\right\|_{{1}}"), inner.args


def _one_each(node: Node) -> bool:
    """Whether a node reads one entry in every row of a matrix."""
    if node.op.name != "gather" or len(node.args) != 3 or len(node.type.shape) != 1:
        return False
    return node.args[1].op.name == "iota" and node.attrs[0] == (0, 1)


_EACH = "{{{0}}}_{{i,{{{1}}}_{{i}}}}"


def _sum_of_each(node: Node, named: Collection[Node]) -> Phrase | None:
    inner = node.args[0]
    if inner in named or not _one_each(inner):
        return None
    form = Notation(r"\sum_{{i}} " + _EACH, SUM, (ATOM,))
    return form, [inner.args[0], inner.args[2]]


def _gathered(node: Node, _named: Collection[Node]) -> Phrase | None:
    """Write what is read at computed places by indices below."""
    x, *indices = node.args
    (axes,) = node.attrs
    if _one_each(node):
        form = Notation(rf"\left({_EACH}\right)_{{{{i}}}}", ATOM, (ATOM,))
        return form, [x, indices[1]]
    places = [
        f"{{{1 + axes.index(k)}}}" if k in axes else ":"
        for k in range(len(x.type.shape))
    ]
    below = ",".join(places).rstrip(":,")
    form = Notation(f"{{{{{{0}}}}}}_{{{{{below}}}}}", ATOM, (ATOM, 0))
    return form, node.args


def _scattered(node: Node, _named: Collection[Node]) -> Phrase | None:
    below = ",".join(f"{{{k}}}" for k in range(1, len(node.args)))
    whole = rf"\operatorname{{{{scatter}}}}_{{{{{below}}}}}\left({{0}}\right)"
    return Notation(whole), node.args


def _one_hot(node: Node, _named: Collection[Node]) -> Phrase | None:
    return Notation(r"\operatorname{{onehot}}\left({0}\right)"), node.args


def _repeated(node: Node, named: Collection[Node]) -> Phrase | None:
    """Take a number out of what is repeated along rows or columns."""
    inner = node.args[0]
    form = _latex_of(node)
    if inner in named or form is None or inner.op.name != "mul":
        return None
    factor, rest = inner.args
    if not factor.is_const or form.template == "{0}" or not rest.type.shape:
        return None
    template = form.template.replace("{0}", "{1}")
    return Notation(rf"{{0}} \, {template}", PRODUCT, (PRODUCT, *form.operands)), [
        factor, rest,
    ]  # fmt: skip


def _is_diagonal(node: Node) -> bool:
    """Whether a node reads the diagonal of a matrix."""
    if node.op.name != "gather" or len(node.args) != 3:
        return False
    _, i, j = node.args
    return i is j and i.op.name == "iota"


def _diagonal(node: Node, _named: Collection[Node]) -> Phrase | None:
    if not _is_diagonal(node):
        return None
    return Notation(r"\operatorname{{diag}}\left({0}\right)"), [node.args[0]]


def _on_diagonal(condition: Node) -> bool:
    """Whether a condition holds where the row's number is the column's."""
    if condition.op.name != "eq" or len(condition.type.shape) != 2:
        return False
    x, y = condition.args
    axes = {n.attrs[0] for n in (x, y) if n.op.name == "broadcast"}
    return axes == {(0,), (1,)} and all(n.args[0].op.name == "iota" for n in (x, y))


def _identity(node: Node, _named: Collection[Node]) -> Phrase | None:
    return (Notation(r"\mathbf{{I}}"), []) if _on_diagonal(node.args[0]) else None


def _one_hot_identity(node: Node, _named: Collection[Node]) -> Phrase | None:
    whole = node.args[0].op.name == "iota" and node.type.shape[0] == node.type.shape[1]
    return (Notation(r"\mathbf{{I}}"), []) if whole else None


def _diagonal_matrix(node: Node, named: Collection[Node]) -> Phrase | None:
    condition, x, other = node.args
    if not other.equals(0) or not _on_diagonal(condition):
        return None
    if x.op.name == "broadcast" and x.attrs[0] in {(0,), (1,)} and x not in named:
        return Notation(r"\operatorname{{diag}}\left({0}\right)"), [x.args[0]]
    return Notation(r"{0} \odot \mathbf{{I}}", PRODUCT, (UNARY,)), [x]


def _ones(node: Node, _named: Collection[Node]) -> Phrase | None:
    if node.args[0].equals(0):
        return Notation("0"), []
    one = node.args[0].equals(1)
    return (Notation(r"\mathbf{{1}}"), []) if one and not node.attrs[0] else None


def _inverse_transposed(node: Node, named: Collection[Node]) -> Phrase | None:
    inner = node.args[0]
    if inner.op.name != "inv" or inner in named or node.attrs[0] != (1, 0):
        return None
    return Notation(r"{0}^{{-\top}}", POWER, (ATOM,)), inner.args


def _inverse(node: Node, named: Collection[Node]) -> Phrase | None:
    """Bind an inverse as a power does, so that no second power follows its own."""
    inner = node.args[0]
    if inner.op.name == "transpose" and inner not in named:
        return Notation(r"{0}^{{-\top}}", POWER, (ATOM,)), inner.args
    return Notation("{0}^{{-1}}", POWER, (ATOM,)), node.args


def _solution(node: Node, named: Collection[Node]) -> Phrase | None:
    a, b = node.args
    form = Notation("{0}^{{-1}} \\, {1}", JUXTAPOSED, (ATOM, JUXTAPOSED))
    if a.op.name == "transpose" and a not in named:
        form = Notation(r"{0}^{{-\top}} \, {1}", JUXTAPOSED, (ATOM, JUXTAPOSED))
        return form, [a.args[0], b]
    return form, [a, b]


def _times_inverse(node: Node, named: Collection[Node]) -> Phrase | None:
    """Write a product whose factor is a transposed inverse without parentheses."""
    form = _latex_of(node)
    if form is None:
        return None
    parts, template = list(node.args), form.template
    for k, x in enumerate(node.args):
        turned = f"{{{k}}}^{{{{\\top}}}}"
        if x.op.name == "inv" and x not in named and turned in template:
            template = template.replace(turned, f"{{{k}}}^{{{{-\\top}}}}")
            parts[k] = x.args[0]
    if template == form.template:
        return None
    return Notation(template, form.binding, form.operands), parts


def _outer(node: Node, named: Collection[Node]) -> Phrase | None:
    """Write x (A y)^T as x y^T A^T, and the like with an inverse."""
    form = _latex_of(node)
    if form is None or form.template not in _OUTER:
        return None
    first, second = _OUTER[form.template]
    x, product = node.args[first], node.args[second]
    if product in named or len(product.args) != 2:
        return None
    inner = _latex_of(product)
    power = _TRANSPOSED.get("solve" if product.op.name == "solve" else (
        inner.template if inner is not None else ""
    ))  # fmt: skip
    if power is None:
        return None
    a, y, sign = power
    template = rf"{{0}} \, {{1}}^{{{{\top}}}} \, {{2}}{sign}"
    parts = [x, product.args[y], product.args[a]]
    bindings = (JUXTAPOSED, ATOM, ATOM if sign else JUXTAPOSED)
    return Notation(template, JUXTAPOSED, bindings), parts


_OUTER = {r"{0} \, {1}^{{\top}}": (0, 1), r"{1} \, {0}^{{\top}}": (1, 0)}
_TRANSPOSED = {
    "solve": (0, 1, r"^{{-\top}}"), r"{0} \, {1}": (0, 1, r"^{{\top}}"),
    r"{1} \, {0}": (1, 0, r"^{{\top}}"), r"{0}^{{\top}} \, {1}": (0, 1, ""),
    r"{1}^{{\top}} \, {0}": (1, 0, ""),
}  # fmt: skip
"""By a product's notation: its matrix, its vector, and the transpose of the matrix."""


def _latex_of(node: Node) -> Notation | None:
    found = node.op.latex
    return found if found is None or isinstance(found, Notation) else found(node)


def _log_determinant(node: Node, named: Collection[Node]) -> Phrase | None:
    """Return the logarithm of a determinant, which is computed in two parts."""
    size, sign = node.args
    if {size, sign} & set(named) or size.op.name != "logdet" or sign.op.name != "log":
        return None
    inner = sign.args[0]
    if inner in named or inner.op.name != "detsign" or inner.args != size.args:
        return None
    return Notation(r"\log \det\left({0}\right)", ATOM), size.args


OF_SUM = (_sum_of_squares, _trace, _sum_of_sizes, _sum_of_each)
OF_SQRT = (_root_of_squares,)
OF_GATHER = (_diagonal, _gathered)
OF_SCATTER = (_scattered,)
OF_CAST = (_identity,)
OF_ONE_HOT = (_one_hot_identity, _one_hot)
OF_SELECT = (_diagonal_matrix,)
OF_BROADCAST = (_ones, _repeated)
OF_SOLVE = (_solution,)
OF_TRANSPOSE = (_inverse_transposed,)
OF_INV = (_inverse,)
OF_CONTRACT = (_outer, _times_inverse)
OF_ADD = (_log_determinant,)
