"""Sums of products are taken in the cheapest order, and stay the same sums."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

import overbar as ob
from overbar.ir.evaluate import evaluate
from overbar.ir.graph import Graph
from overbar.ir.ops import apply
from overbar.ir.ops.contract import contract
from overbar.ir.source import Source
from overbar.ir.types import Type, dim
from overbar.ir.verify import verify
from overbar.levels import rewrite_for
from overbar.read.text import read_text
from overbar.rewrite.contractions import CONTRACTIONS
from overbar.rewrite.engine import Rewriter
from overbar.rewrite.sums import SUMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from overbar.ir.graph import Node

DECLARED = """
a: param[m]
b: param[n]
x: param[k]
c: param
s: param
A: param[m, n]
D: param[m, n]
B: param[n, k]
S: param[r, m, n]
T: param[r, n, k]
u: param[4]
P: param[4, 4]
Q: param[4, 4]
"""
ORDERS = [
    # a label of one factor is summed there first
    ("sum(A @ B, axis=0)", "B.T @ sum(A, axis=0)"),
    ("sum(A @ B)", "sum(A, axis=0) @ sum(B, axis=1)"),
    ("sum(einsum('rmn,rnk->rmk', S, T), axis=0)", "einsum('kil,klj->ij', S, T)"),
    ("sum(a[:, None] * b)", "sum(a)*sum(b)"),
    ("sum(a[:, None] * b * c)", "c*sum(a)*sum(b)"),
    ("sum((a[:, None] * b) * (c * b), axis=1)", "a*c*(b @ b)"),
    ("sum((a[:, None] * b) * (c * a[:, None] * b))", "(a @ a)*(b @ b)*c"),
    ("sum((a[:, None] * b)[:, :, None] * x)", "sum(a)*sum(b)*sum(x)"),
    ("sum(a[:, None, None] * x * zeros((m, n, k)))", "n*0*sum(a)*sum(x)"),
    # `A @ b` may be needed elsewhere, and takes as many products either way
    ("sum(A @ b)", "sum(A @ b)"),
    # products of matrices begin at the vector
    ("(A @ B) @ x", "A @ (B @ x)"),
    ("a @ (A @ B)", "B.T @ (A.T @ a)"),
    ("a @ (A @ B) @ x", "B.T @ (A.T @ a) @ x"),
    ("outer(a, b) @ b", "a*(b @ b)"),
    ("(P @ Q) @ u", "P @ (Q @ u)"),
    ("(P @ Q) @ (Q @ P)", "P @ Q @ (Q @ P)"),
    ("C = A @ B\nC @ x", "C = A @ B\nout = C @ x"),
    # numbers, vectors and signs
    ("(c * A) @ b", "c*(A @ b)"),
    ("a @ (c * A) @ b", "c*(A.T @ a @ b)"),
    ("(a[:, None] * A) @ b", "a*(A @ b)"),
    ("(A * b) @ b", "A @ (b*b)"),
    ("(A / a[:, None]) @ b", "(A @ b)/a"),
    ("(A / b) @ b", "A/b @ b"),
    ("(c * a) @ A", "A.T @ (c*a)"),
    ("(-A) @ b", "-(A @ b)"),
    ("(-a) @ (-A)", "A.T @ a"),
    ("-((-a) @ A)", "A.T @ a"),
    # sums of quotients and of what was broadcast
    ("sum(A / c)", "sum(A)/c"),
    ("sum(A / a[:, None], axis=1)", "sum(A, axis=1)/a"),
    ("sum(A / b, axis=1)", "sum(A/b, axis=1)"),
    ("(a[:, None] + zeros((m, n))) @ b", "(a + 0)*sum(b)"),
    # sums of sums may cancel
    ("sum(A - b)", "sum(A - b)"),
]


@pytest.mark.parametrize(("formula", "order"), ORDERS)
def test_the_cheapest_order_is_taken(formula: str, order: str) -> None:
    """Each formula is computed as its row says."""
    assert order == written(formula)


def written(formula: str, accuracy: str = "standard") -> str:
    """Return a formula as it is computed."""
    graph = Graph(rewrite=rewrite_for(accuracy), strict=accuracy == "strict")
    read_text(Source("test.expr", DECLARED + formula), graph)
    verify(graph)
    return str(graph).removeprefix("out = ")


def test_strict_keeps_the_order() -> None:
    """At strict accuracy sums and products are taken as they are written."""
    kept = [
        ("sum(A @ B, axis=0)", "sum(A @ B, axis=0)"),
        ("(A @ B) @ x", "A @ B @ x"),
        ("(c * A) @ b", "c*A @ b"),
        ("sum(a[:, None] * b)", "sum(a[:, None]*b)"),
        ("sum(c * b)", "sum(c*b)"),
        ("sum(sum(A, axis=1))", "sum(sum(A, axis=1))"),
        ("sum(A / c)", "sum(A/c)"),
        ("sum(A * b, axis=1)", "A @ b"),
    ]
    assert kept == [(formula, written(formula, "strict")) for formula, _ in kept]


def test_each_row_is_used() -> None:
    """Every row answers for one of the formulas, and is noted where it is not exact."""
    noted: set[str] = set()
    used: set[str] = set()
    for rule in (*CONTRACTIONS, *SUMS):
        for formula, _ in ORDERS:
            graph = Graph(rewrite=Rewriter([rule]))
            read_text(Source("test.expr", DECLARED + formula), graph)
            plain = Graph()
            read_text(Source("test.expr", DECLARED + formula), plain)
            if str(graph) != str(plain):
                used.add(rule.algebra)
            noted |= {algebra for algebra, _ in graph.rewrites}
    assert {rule.algebra for rule in (*CONTRACTIONS, *SUMS)} == used
    assert {rule.algebra for rule in (*CONTRACTIONS, *SUMS) if not rule.exact} == noted


@pytest.mark.parametrize(
    "chain", ["A @ " * 1000 + "x", "x @ " + "(A @ " * 400 + "A" + ")" * 400,
              "x @ " + "(" * 400 + "A" + " @ A)" * 400, "sum(x" + " * c" * 1000 + ")",
              "sum(" + "(" * 400 + "x" + " * c * x)" * 400 + ")",
              "(" * 400 + "A" + " * c)" * 400 + " @ x"],
    ids=["left", "right", "inside", "numbers", "vectors", "scales"],
)  # fmt: skip
def test_chains_may_be_long(chain: str) -> None:
    """Thousands of factors neither nest too deeply nor take long."""
    graph = Graph(rewrite=rewrite_for("standard"))
    text = "x: param[n]\nA: param[n, n]\nc: param\n" + chain
    read_text(Source("test.expr", text), graph)
    matrices = [n for n in graph.order() if n.type.shape == (dim("n"),) * 2]
    assert 1 >= len(matrices)


LABELS = "ijkl"


class Term(NamedTuple):
    """Hold a node, the labels of its axes, and its value by NumPy's integers."""

    node: Node
    labels: str
    value: Any


class Draft:
    """Draw sums of products, in einsum's and NumPy's ways; some sizes are numbers."""

    def __init__(self, seed: int, accuracy: str = "standard") -> None:
        self.rng = np.random.default_rng(seed)
        strict = accuracy == "strict"
        self.graph = Graph(rewrite=rewrite_for(accuracy), strict=strict)
        self.sizes = {k: int(self.rng.choice([0, 1, 2, 3, 5])) for k in LABELS}
        self.fixed = {k for k in LABELS if self.rng.random() < 0.3}
        self.values: dict[str, Any] = {}
        for label, size in self.sizes.items():  # each size comes with some input
            self.graph.input(f"of_{label}", "data", self.kind(label))
            self.values[f"of_{label}"] = np.zeros(size)

    def kind(self, labels: str) -> Type:
        """Return the type of an array with these labels."""
        sizes = [self.sizes[k] if k in self.fixed else dim(k) for k in labels]
        return Type("float64").of(tuple(sizes))

    def some(self, labels: Iterable[str]) -> str:
        """Return some of the labels, in any order."""
        found = [k for k in dict.fromkeys(labels) if self.rng.random() < 0.5]
        return "".join(self.rng.permutation(found)) if found else ""

    def leaf(self) -> Term:
        """Return an input of small integers."""
        labels = self.some(LABELS)
        shape = tuple(self.sizes[k] for k in labels)
        value = self.rng.integers(-3, 4, shape)
        name = f"x{len(self.values)}"
        self.values[name] = value.astype(float)
        return Term(self.graph.input(name, "param", self.kind(labels)), labels, value)

    def along(self, term: Term, whole: str) -> Node:
        """Return an operand laid along the axes of a result."""
        node, labels, _ = term
        order = tuple(sorted(range(len(labels)), key=lambda k: whole.index(labels[k])))
        if order:
            node = self.graph.make("transpose", (node,), (order,))
        axes = tuple(sorted(whole.index(k) for k in labels))
        return self.graph.spread_along(node, axes, self.kind(whole).shape)

    def ones(self, labels: str) -> Any:
        """Return ones along some labels."""
        return np.ones([self.sizes[k] for k in labels], int)

    def multiplied(self, x: Term, y: Term) -> Term:
        """Return a product with NumPy's broadcasting, perhaps along a further axis."""
        whole = "".join(dict.fromkeys(x.labels + y.labels + self.some("l")))
        node = self.along(x, whole) * self.along(y, whole)
        value = np.einsum(
            f"{x.labels},{y.labels},{whole}->{whole}", x.value, y.value,
            self.ones(whole),
        )  # fmt: skip
        return Term(node, whole, value)

    def divided(self, x: Term, y: Term) -> Term:
        """Return a quotient by powers of two, times 8 to stay among integers."""
        whole = "".join(dict.fromkeys(x.labels + y.labels))
        below = apply("powi", self.graph.const(2.0), attrs=(3,)) + 0.0 * y.node
        spread = self.along(Term(below, y.labels, None), whole)
        node = 8.0 * self.along(x, whole) / spread
        value = np.einsum(f"{x.labels},{whole}->{whole}", x.value, self.ones(whole))
        return Term(node, whole, value)

    def contracted(self, x: Term, y: Term) -> Term:
        """Return a product with some labels summed away."""
        out = self.some(x.labels + y.labels)
        node = contract(self.graph, x.node, y.node, x.labels, y.labels, out)
        value = np.einsum(f"{x.labels},{y.labels}->{out}", x.value, y.value)
        return Term(node, out, value)

    def summed(self, x: Term) -> Term:
        """Return the sum over some axes."""
        axes = tuple(k for k in range(len(x.labels)) if self.rng.random() < 0.5)
        left = "".join(label for k, label in enumerate(x.labels) if k not in axes)
        node = self.graph.make("sum", (x.node,), (axes,))
        return Term(node, left, x.value.sum(axis=axes))

    def step(self, terms: list[Term]) -> None:
        """Replace one or two of the terms by what is made of them."""
        x = terms.pop(int(self.rng.integers(len(terms))))
        kind = int(self.rng.integers(8))
        if kind < 5:
            y = terms.pop(int(self.rng.integers(len(terms)))) if terms else self.leaf()
            make = (self.multiplied, self.contracted, self.divided)[
                (0, 0, 1, 1, 2)[kind]
            ]
            terms.append(make(x, y))
        elif kind == 5:
            terms.append(self.summed(x))
        elif kind == 6:
            terms.append(Term(-x.node, x.labels, -x.value))
        else:
            terms.append(Term(x.node + 1.0, x.labels, x.value + 1))

    def formula(self) -> Term:
        """Return all of it in one number or array."""
        terms = [self.leaf() for _ in range(int(self.rng.integers(2, 6)))]
        for _ in range(int(self.rng.integers(3, 9))):
            self.step(terms)
        while len(terms) > 1:
            self.step(terms)
        self.graph.outputs["out"] = terms[0].node
        verify(self.graph)
        return terms[0]


@pytest.mark.parametrize("block", range(5))
def test_the_value_is_the_same(block: int) -> None:
    """Sums of products of integers, drawn, are exact in whatever order."""
    for seed in range(100 * block, 100 * block + 100):
        draft = Draft(seed)
        term = draft.formula()
        found = evaluate(draft.graph, draft.values)[term.node]
        assert np.shape(term.value) == np.shape(found), seed
        assert np.array_equal(term.value, found), (seed, str(draft.graph))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_so(value: float) -> None:
    """NaN or infinity reaches the same entries in whatever order sums are taken."""
    rng = np.random.default_rng(3)
    reached = 0
    for seed in range(300):
        ours, written_ = Draft(seed), Draft(seed, "strict")
        node, plain = ours.formula().node, written_.formula().node
        full = [k for k in ours.values if k.startswith("x")]
        if 0 in ours.sizes.values():  # no terms times infinity is 0, or NaN
            continue
        name = str(rng.choice(full))
        ours.values[name].flat[rng.integers(ours.values[name].size)] = value
        found = evaluate(ours.graph, ours.values)[node]
        expected = evaluate(written_.graph, ours.values)[plain]
        test = np.isnan if np.isnan(value) else np.isfinite
        assert np.array_equal(test(expected), test(found)), (seed, str(ours.graph))
        reached += not np.isfinite(found).all()
    assert 100 < reached


FORMULAS: dict[str, Callable[..., Any]] = {
    "(A @ B) @ x": lambda A, B, x: (A @ B) @ x,
    "sum(A @ B)": lambda A, B, x: np.sum(A @ B),
    "sum((A @ B) * x)": lambda A, B, x: np.sum((A @ B) * x),
    "sum(A @ B, axis=0)": lambda A, B, x: np.sum(A @ B, axis=0),
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_error_is_that_of_any_order(formula: str) -> None:
    """Each order is within n units in the last place of the terms' absolute sum."""
    rng = np.random.default_rng(5)
    shapes = {"A": (7, 40), "B": (40, 30), "x": (30,)}
    given = {
        name: rng.standard_normal(shape) * 10.0 ** rng.integers(-6, 6, shape)
        for name, shape in shapes.items()
    }
    graph = Graph(rewrite=rewrite_for("standard"))
    read_text(Source("test.expr", DECLARED + formula), graph)
    found = evaluate(graph, given)[graph.outputs["out"]]
    fractions = [np.vectorize(Fraction, otypes=[object])(v) for v in given.values()]
    exact = FORMULAS[formula](*fractions)
    size = FORMULAS[formula](*map(abs, fractions))
    error = np.vectorize(Fraction, otypes=[object])(found) - exact
    assert np.all(abs(error) <= Fraction(7 + 40 + 30 + 2, 2**53) * size)


def test_einsum_counts_points_as_many() -> None:
    """A chain keeps the products with data, of unknown number, to a single one."""
    text = "W: param[m, n]\nV: param[n, k]\nX: data[N, m]\n"
    for role, order in (("data", "X @ (W @ V)"), ("param", "X @ W @ V")):
        graph = Graph(rewrite=rewrite_for("standard"))
        body = f"X: {role}[N, m]\neinsum('im,mn,nk->ik', X, W, V)"
        read_text(Source("test.expr", text.replace("X: data[N, m]\n", body)), graph)
        assert order == str(graph).removeprefix("out = ")


def test_powers_of_matrices_are_not_taken_apart() -> None:
    """A billion factors stay thirty products, whatever a sum or vector would save."""
    for text in ("sum(matrix_power(A, 10**9))", "x @ matrix_power(A, 10**9) @ x"):
        f = ob.compile(f"A: param[n, n]\nx: data[n]\nJ = {text}\nJ + 0*x[0]")
        assert len(f.graph) < 200
