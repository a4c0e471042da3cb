"""Operations are counted as a person counts them in the statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import overbar as ob
from overbar.cost import Cost, Count, cost, count

if TYPE_CHECKING:
    from overbar.ir.program import Program

L1 = (
    "w: param\nb: param\nx: data\nt: data\nlam: data\n"
    "z = w*x + b\ny = sigmoid(z)\nL = (y - t)**2/2\nR = w**2/2\nL + lam*R"
)
SLOPE = 5
"""The weight of sigma'(z) = y (1 - y) in the op table; that of sigma is 25."""


def programs(text: str) -> tuple[Program, Program, Program]:
    """Return the programs of the value, of the gradient, and of both."""
    derivation = ob.compile(text, accuracy="strict").derivation
    return (
        derivation.value().program, derivation.grad().program,
        derivation.value_and_grad().program,
    )  # fmt: skip


def test_l1() -> None:
    """The lectures' first example: each backward product and sum counts once."""
    value, _, both = programs(L1)
    # w x + b; sigma; y - t, its square, by 2; w**2, by 2; lam R, and the sum
    ahead = {"add": 2, "div": 2, "mul": 4, "sigmoid": 1, "sub": 1}
    # z_bar = y_bar y (1 - y); w_bar = z_bar x + R_bar w; the seed's products are free
    behind = ahead | {"add": 3, "mul": 7, "sigmoid_slope": 1}
    assert [ahead, behind] == [count(value).operations, count(both).operations]
    assert [9 + 25, 9 + 25 + 4 + SLOPE] == [count(value).flops, count(both).flops]


@pytest.mark.parametrize("n", [2, 3, 8, 30])
def test_speelpenning(n: int) -> None:
    """The gradient of x1*...*xn takes 3 n - 6 products (18 for n = 8, as heyoka's)."""
    value, grad, both = programs("*".join(f"x{i}" for i in range(n)))
    expected = [{"mul": k} for k in (n - 1, 3 * n - 6, 3 * n - 5) if k]
    assert expected == [
        count(p).operations for p in (value, grad, both) if count(p).total
    ]


def test_the_worse_side_of_a_branch() -> None:
    """Of a branch the side that costs more is counted, with its condition."""
    value, _, _ = programs("where(x > 0, exp(x)*sin(x), x*2 + 1)")
    assert {"exp": 1, "gt": 1, "mul": 1, "sin": 1} == count(value).operations


def test_nested_branches() -> None:
    """Branches in branches: the worst way through."""
    value, _, _ = programs(
        "where(x > 0, where(x > 1, log(x)*2, sqrt(x)*3),"
        " where(x > -1, exp(x)*x, x + 1))"
    )
    found = count(value).operations
    assert 2 == found["gt"]
    assert {"mul": 1} == {k: v for k, v in found.items() if k in {"mul", "add"}}
    assert 1 == len({"log", "exp", "sqrt"} & set(found))


def test_shared_subexpressions_count_once() -> None:
    """A value that is used three times is computed once."""
    value, _, _ = programs("u = exp(x)\nu*u + sin(u)*u")
    assert {"add": 1, "exp": 1, "mul": 2, "sin": 1} == count(value).operations


def test_operands_count() -> None:
    """The largest of n numbers takes n - 1 comparisons, weighted."""
    value, _, _ = programs("max(a, b, c, d)")
    assert ({"max": 1}, 3) == (count(value).operations, count(value).flops)


def test_nothing() -> None:
    """Copies and constants cost nothing."""
    value, grad, _ = programs("x")
    assert (0, 0) == (count(value).total, count(grad).flops)


def test_ratio() -> None:
    """The ratio is by weight, and no division by zero for a formula of no cost."""
    one, two = Count({"mul": 4}, 4), Count({"mul": 6, "exp": 1}, 21)
    assert (5.25, 21.0) == (Cost(one, two, 0).ratio, Cost(Count({}, 0), two, 0).ratio)


def test_words() -> None:
    """The cost is a small table."""
    value, _, both = programs("x*y + x")
    words = (
        "                operations  weighted\n"
        "value                    2         2  add 1, mul 1\n"
        "value_and_grad           3         3  add 2, mul 1\n"
        "ratio                           1.50\n"
        "saved           16 bytes"
    )
    assert words == str(cost(value, both, [node for _, node in value.params]))


def test_cheap_gradient() -> None:
    """Reverse mode costs a small multiple, whatever the number of inputs is."""
    ratios = []
    for n in (10, 200):
        terms = " + ".join(f"sin(x{i}*x{i + 1})" for i in range(n))
        value, _, both = programs(terms)
        ratios.append(cost(value, both).ratio)
    assert max(ratios) < 3
    assert abs(ratios[0] - ratios[1]) < 0.1


def test_several_outputs() -> None:
    """Of several outputs the adjoints for their seeds are counted."""
    found = ob.compile("a = x*y\nb = sin(x)\na, b").cost
    assert ("value", "vjp") == found.names
    assert {"mul": 1, "sin": 1} == found.value.operations
    # x_bar = a_bar y + b_bar cos(x), y_bar = a_bar x
    assert {"add": 1, "cos": 1, "mul": 3} == found.gradient.operations


def test_counting_leaves_the_graph_alone() -> None:
    """Counting makes no nodes."""
    derivation = ob.compile(L1).derivation
    program = derivation.value_and_grad().program
    before = len(derivation.graph)
    count(program)
    assert before == len(derivation.graph)
