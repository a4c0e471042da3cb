"""Test the graph: equal nodes are one, constants are told apart, texts read well."""

from __future__ import annotations

import itertools
import math
import random
import struct
from copy import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import overbar as ob
from overbar.ir.errors import LimitError, OverbarError, ShapeError
from overbar.ir.flat import flatten, unflatten
from overbar.ir.graph import Graph
from overbar.ir.node import is_condition
from overbar.ir.ops import OPS, apply
from overbar.ir.ops.typing import FLOATING
from overbar.ir.table import reached
from overbar.ir.text import Writer, arrange, equations, name_shared, number
from overbar.ir.types import BOOL, F32, F64, INT, dim
from overbar.ir.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Node

NAN = math.nan
OTHER_NAN = struct.unpack("<d", b"\x01\x00\x00\x00\x00\x00\xf8\xff")[0]


@pytest.fixture
def graph() -> Graph:
    """Return a graph without rewrites."""
    return Graph()


def inputs(graph: Graph, names: str) -> list[Node]:
    """Declare inputs, one a letter."""
    return [graph.input(name) for name in names]


# -- interning -------------------------------------------------------------------------


def test_equal_nodes_are_one(graph: Graph) -> None:
    """The same op on the same operands is the same object, at any depth."""
    x, y = inputs(graph, "xy")
    one = apply("sin", x * y + 1.0) / (x - y)
    size = len(graph)
    assert apply("sin", x * y + 1.0) / (x - y) is one
    assert len(graph) == size


@pytest.mark.parametrize("row", OPS.values(), ids=lambda row: row.name)
def test_operands_of_commutative_ops_alone_may_swap(row: Any) -> None:
    """op(x, y) and op(y, x) are one node where the row says so, two elsewhere."""
    graph = Graph()
    kind = BOOL if row.name in {"and", "or"} else None
    if row.typing is None or row.arity not in {2, None}:
        assert not row.commutative
        return
    x, y = (graph.input(name, "data", kind) for name in "xy")
    first, second = graph.make(row, (x, y), (1,)), graph.make(row, (y, x), (1,))
    assert row.commutative == (first is second)


@pytest.mark.parametrize(
    ("name", "one", "other"), [("powi", 2, 3), ("step", 0.5, 0.0), ("copy", "a", "b")]
)
def test_attributes_tell_nodes_apart(
    graph: Graph, name: str, one: object, other: object
) -> None:
    """The same op with other attributes is another node."""
    x, y = inputs(graph, "xy")
    args = (x, y)[: OPS[name].arity]
    first = graph.make(name, args, (one,))
    assert first is graph.make(name, args, (one,))
    assert first is not graph.make(name, args, (other,))


CONSTANTS = (
    4,
    4.0,
    0,
    0.0,
    -0.0,
    1,
    1.0,
    True,
    False,
    NAN,
    math.inf,
    -math.inf,
    5e-324,
)


@pytest.mark.parametrize(
    ("i", "j"), [*itertools.combinations(range(len(CONSTANTS)), 2)]
)
def test_constants_are_told_apart(graph: Graph, i: int, j: int) -> None:
    """Type, sign and value make a constant: 4 and 4.0, 0.0 and -0.0, 1 and True."""
    assert graph.const(CONSTANTS[i]) is not graph.const(CONSTANTS[j])


@pytest.mark.parametrize("value", CONSTANTS)
def test_a_constant_is_one_node_and_keeps_its_value(graph: Graph, value: float) -> None:
    """Made twice, a constant is one node, of the type and sign that it had."""
    node = graph.const(value)
    assert node is graph.const(value)
    assert repr(value) == repr(node.value)
    assert {bool: BOOL, int: INT, float: F64}[type(value)] is node.type


def test_every_nan_is_the_same_constant(graph: Graph) -> None:
    """NaN is one constant, whatever its bits, though it does not equal itself."""
    assert struct.pack("<d", NAN) != struct.pack("<d", OTHER_NAN)
    assert graph.const(NAN) is graph.const(OTHER_NAN) is graph.const(-NAN)


def test_constants_of_two_float_types_are_two(graph: Graph) -> None:
    """The dtype is part of a constant, an integer made a float is one."""
    assert graph.const(2.0, F32) is not graph.const(2.0, F64)
    assert graph.const(2, F64) is graph.const(2.0)
    assert repr(2.0) == repr(graph.const(2, F64).value)


def test_equals_asks_for_the_value(graph: Graph) -> None:
    """`equals` compares as floats do: 0.0 with -0.0, never NaN, no other node."""
    x = graph.input("x")
    assert graph.const(-0.0).equals(0)
    assert not graph.const(NAN).equals(NAN)
    assert not x.equals(0)


def test_nodes_of_two_graphs_are_two(graph: Graph) -> None:
    """There is no table outside of a graph."""
    assert graph.input("x") is not Graph().input("x")


# -- making ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda g, x: g.make("sin", (x, x)),
            ShapeError,
            "sin expects 1 operands, found 2",
        ),
        (
            lambda g, x: g.make("input", ()),
            ShapeError,
            "expected an operation, found input, made by the graph alone",
        ),
        (
            lambda g, x: g.make("add", (x, g.input("s", kind=F32))),
            ShapeError,
            "add cannot mix float32 and float64 operands; cast one of them",
        ),
        (
            lambda g, x: g.make("and", (x, g.make("lt", (x, x)))),
            ShapeError,
            "and expects conditions, such as x > 0; operand 1 is a number (float64)",
        ),
        (
            lambda g, x: g.make("select", (x, x, x)),
            ShapeError,
            "select expects conditions, such as x > 0; operand 1 is a number (float64)",
        ),
        (
            lambda g, x: g.convert(x, INT),
            ShapeError,
            "expected an integer, found a value of type float64",
        ),
        (
            lambda g, x: g.const(10**400) + x,
            LimitError,
            "expected a number below 1.8e308, found a larger integer",
        ),
    ],
)
def test_wrong_operands_are_errors(
    graph: Graph,
    make: Callable[[Graph, Node], Node],
    error: type[OverbarError],
    message: str,
) -> None:
    """What cannot be made is an error that says why."""
    with pytest.raises(error) as caught:
        make(graph, graph.input("x"))
    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        (F64, F64, F64), (F32, F32, F32), (INT, INT, INT), (INT, F64, F64),
        (INT, F32, F32), (BOOL, F64, F64), (BOOL, F32, F32),
        (F64, 2, F64), (F32, 2, F32), (F32, 2.0, F32), (INT, 2, INT), (INT, 2.0, F64),
    ],
)  # fmt: skip
def test_operands_are_cast_to_a_common_type(
    graph: Graph, left: Any, right: Any, result: Any
) -> None:
    """Integers and conditions join floats; a constant takes the type it meets."""
    x = graph.input("x", "data", left)
    y = graph.lift(right) if right == 2 else graph.input("y", "data", right)
    for node in (graph.make("mul", (x, y)), graph.make("mul", (y, x))):
        assert node.type is result
        assert {a.type for a in node.args} == {result}
        verify(graph.view({"out": node}))


@pytest.mark.parametrize("kind", [F32, F64])
def test_constants_alone_keep_their_float_type(kind: Any) -> None:
    """An op of constants has their type; in float32 the adjoints start that way."""
    graph = Graph(real=kind)
    one, two = graph.const(1.0, kind), graph.const(2, kind)
    assert kind is graph.make("copy", (one,), ("seed",)).type
    assert kind is graph.make("mul", (one, two)).type
    assert kind is graph.make("exp", (one,)).type


def test_operators_are_ops(graph: Graph) -> None:
    """Python's operators on nodes and numbers make the ops, operands in order."""
    x, y = inputs(graph, "xy")
    two = graph.const(2)
    assert [x + y, 2 + x, x - y, 2 - x, x * y, 2 * x, x / y, 2 / x, x**y, 2**x, -x] == [
        graph.make(name, args)
        for name, args in (
            ("add", (x, y)), ("add", (two, x)), ("sub", (x, y)), ("sub", (two, x)),
            ("mul", (x, y)), ("mul", (two, x)), ("div", (x, y)), ("div", (two, x)),
            ("pow", (x, y)), ("pow", (two, x)), ("neg", (x,)),
        )
    ]  # fmt: skip
    assert is_condition(apply("lt", x, y))
    assert not is_condition(x)


def test_order_puts_operands_first(graph: Graph) -> None:
    """What the roots need comes once each, before what uses it, and nothing else."""
    x, y, _unused = inputs(graph, "xyz")
    shared = x * y
    root = apply("sin", shared) + apply("exp", shared)
    order = graph.order([root])
    place = {node: i for i, node in enumerate(order)}
    assert len(order) == len(place) == 6
    assert all(place[a] < place[node] for node in order for a in node.args)
    assert {shared, *root.args, root} == set(graph.order([root], known=[shared]))


@pytest.mark.parametrize("some", [1, 30, 400])
@pytest.mark.parametrize("since", [0, 7, 399, 500])
def test_order_of_much_and_of_little_are_one(some: int, since: int) -> None:
    """However much of the graph is needed, the order is that of what is reached."""
    graph, rng = Graph(), random.Random(some)  # noqa: S311 - no secret
    nodes = inputs(graph, "xyz")
    while len(nodes) < 800:
        one, other = rng.choices(nodes[-40:], k=2)
        nodes.append(rng.choice((one + other, one * other, apply("sin", one))))
    roots, known = rng.sample(nodes, some), set(rng.sample(nodes, 20))
    expected = sorted(reached(roots, known), key=lambda n: n.index)
    expected = [n for n in expected if n.index >= since]
    assert expected == graph.order(roots, known, since=since)


@pytest.mark.parametrize("rule", FLOATING, ids=lambda rule: rule.__name__)
def test_rules_of_floats_leave_them_as_they_are(graph: Graph, rule: Any) -> None:
    """What `make` relies on where it asks no rule: floats stay, and give a float."""
    args = (*inputs(graph, "xy"), graph.const(2.0))
    assert (args, F64) == rule(graph, "op", args)


def test_a_graph_knows_what_it_holds(graph: Graph) -> None:
    """The ops of all nodes are known, and whether any is an array or a size."""
    x = graph.input("x")
    apply("select", apply("lt", x, 1.0), x, x * x)
    view = graph.view({})
    assert {OPS[n] for n in ("input", "const", "lt", "select", "mul")} == view.ops
    assert not graph.shaped
    graph.extent(dim("n"))
    assert view.shaped
    assert ob.compile("x: param[3]\nsum(x)").graph.shaped


def test_depth_is_no_limit() -> None:
    """A chain of 100,000 nodes is ordered, arranged, verified and written."""
    graph = Graph()
    node = graph.input("x")
    for i in range(100_000):
        node = apply("sin", node) if i % 2 else node + 1.0
        if i % 10 == 0:
            graph.assign(f"v{i}", node)
    graph.outputs["out"] = node
    assert 100_002 == len(graph.order()) == len(arrange(graph, [node]))
    verify(graph)
    assert 10_001 == len(str(graph).split("\n"))


def test_names_and_outputs_of_a_view_are_its_own(graph: Graph) -> None:
    """A view shares nodes; what it names stays with it."""
    x, y = inputs(graph, "xy")
    graph.outputs["out"] = x + y
    view = graph.view({"product": x * y})
    view.assign("p", x * y)
    assert [view.input("w") is graph.inputs["w"]] == [True]
    assert ["out"] == list(graph.outputs)
    assert {} == {n: s for n, s in graph.names.items() if s == "p"}
    assert x + y is view.make("add", (x, y))


def test_the_first_name_stays(graph: Graph) -> None:
    """A second name of a value is an alias; a constant has no name."""
    x = graph.input("x")
    graph.assign("a", x + 1.0)
    graph.assign("b", x + 1.0)
    graph.assign("c", graph.const(3.0))
    assert "a" == graph.names[x + 1.0]
    assert [("a", x + 1.0), ("b", x + 1.0), ("c", graph.const(3.0))] == graph.statements
    assert graph.const(3.0) not in graph.names


def test_flat_form_keeps_everything(graph: Graph) -> None:
    """A flattened graph comes back with the same text, types, roles and constants."""
    x, t = graph.input("x"), graph.input("t", "data", INT)
    graph.defaults["t"] = 3
    graph.assign("u", x * 0.1 + graph.const(-0.0))
    graph.outputs["out"] = apply("select", apply("lt", t, 2), x + t, NAN)
    other = unflatten(flatten(graph), None)
    assert str(graph) == str(other)
    assert flatten(graph).content == flatten(other).content
    assert (graph.roles, graph.defaults) == (other.roles, other.defaults)
    assert [n.type for n in graph.order()] == [n.type for n in other.order()]
    verify(other)


# -- verify ----------------------------------------------------------------------------


def well_formed() -> Graph:
    """Return a graph of x*y + sin(x)."""
    graph = Graph()
    x, y = inputs(graph, "xy")
    graph.outputs["out"] = x * y + apply("sin", x)
    return graph


def other_row(graph: Graph) -> None:
    """Give a node a row that is not the table's."""
    import dataclasses

    graph.outputs["out"].op = dataclasses.replace(OPS["add"])


def backwards(graph: Graph) -> None:
    """Put a node before its operands."""
    graph.outputs["out"].index = 1


def foreign(graph: Graph) -> None:
    """Give a node an operand of another graph."""
    out = graph.outputs["out"]
    other = Graph()
    out.args = (other.input("w"), out.args[1])


def one_operand_short(graph: Graph) -> None:
    """Take an operand away."""
    out = graph.outputs["out"]
    out.args = out.args[:1]


def wrong_type(graph: Graph) -> None:
    """Call a sum of floats an integer."""
    graph.outputs["out"].type = INT


def uncast(graph: Graph) -> None:
    """Give a float op an integer operand."""
    n = graph.input("n", "data", INT)
    node = apply("sin", n)
    node.args = (n,)
    graph.outputs["out"] = node


def twin(graph: Graph) -> None:
    """Make a node beside the table that equals one in it."""
    out = graph.outputs["out"]
    same = copy(out)
    same.index += 1
    graph.outputs["twin"] = same


BROKEN = {
    other_row: "has an op that is not the table's",
    backwards: "stands before an operand",
    foreign: "has an operand of another graph",
    one_operand_short: "has 1 operands, expected 2",
    wrong_type: "has type int64, expected float64",
    uncast: "has an operand that is not cast",
    twin: "equals another node",
}


def test_verify_passes_a_well_formed_graph() -> None:
    """A graph that was made by `make` is well formed."""
    verify(well_formed())


@pytest.mark.parametrize("harm", BROKEN, ids=lambda f: f.__name__)
def test_verify_finds_broken_graphs(harm: Callable[[Graph], None]) -> None:
    """Each invariant has a graph that breaks it, and verify names it."""
    graph = well_formed()
    harm(graph)
    with pytest.raises(OverbarError, match="expected a well-formed graph") as caught:
        verify(graph)
    assert caught.value.message.endswith(BROKEN[harm])


# -- text ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.0, "2"), (-2.0, "-2"), (0.5, "0.5"), (0.0, "0"), (-0.0, "-0.0"), (3, "3"),
        (1 / 3, "1/3"), (-2 / 3, "-2/3"), (0.1, "0.1"), (math.pi, "pi"),
        (-math.pi, "-pi"), (3 * math.pi / 4, "3*pi/4"), (math.e, "2.718281828459045"),
        (1e300, "1e+300"), (1e15, "1000000000000000.0"), (True, "True"),
        (math.inf, "inf"), (-math.inf, "-inf"), (NAN, "nan"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_on_paper(value: float, text: str) -> None:
    """Integers have no point; small fractions and multiples of pi are such."""
    assert text == number(value)[0]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back_as_the_same_float(value: float) -> None:
    """The text of a float, read by the expression language, is that float."""
    text = number(value)[0]
    found = ob.compile(f"{text} + 0*x", backend="reference").graph
    constants = [n.value for n in found.order() if n.is_const]
    assert ob.compile(text, backend="reference")() == value, constants


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda x, y: x - (y - x), "x - (y - x)"),
        (lambda x, y: (x - y) - x, "x - y - x"),
        (lambda x, y: (x + y) * x, "(x + y)*x"),
        (lambda x, y: x / (y / x), "x/(y/x)"),
        (lambda x, y: x / y / x, "x/y/x"),
        (lambda x, y: x / (y * x), "x/(y*x)"),
        (lambda x, y: -(x + y), "-(x + y)"),
        (lambda x, y: -(x * y), "-x*y"),
        (lambda x, y: (-x) * y, "(-x)*y"),
        (lambda x, y: x - (-y), "x - (-y)"),
        (lambda x, y: x**y**x, "x**y**x"),
        (lambda x, y: (x**y) ** x, "(x**y)**x"),
        (lambda x, y: (-x) ** y, "(-x)**y"),
        (lambda x, y: -(x**y), "-x**y"),
        (lambda x, y: 2 ** (-y), "2**(-y)"),
        (lambda x, y: apply("powi", x + y, attrs=(2,)), "(x + y)**2"),
        (lambda x, y: apply("powi", x / y, attrs=(-2,)), "(x/y)**-2"),
        (lambda x, y: apply("sin", x - y) / y, "sin(x - y)/y"),
        (lambda x, y: x * (1 / 3), "x*1/3"),
        (lambda x, y: x * -2.0, "x*-2"),
        (lambda x, y: x * apply("mod", x, y), "x*(x % y)"),
        (lambda x, y: apply("max", x, y, x + y), "max(x, y, x + y)"),
        (
            lambda x, y: apply("select", apply("lt", x, y), x, -y) + 1.0,
            "(x if x < y else -y) + 1",
        ),
        (
            lambda x, y: apply(
                "and", apply("not", apply("lt", x, y)), apply("ne", x, y)
            ),
            "not x < y and x != y",
        ),
        (
            lambda x, y: apply(
                "and", apply("or", apply("lt", x, y), apply("eq", x, 1.0)),
                apply("ge", x, y),
            ),
            "(x < y or x == 1) and x >= y",
        ),
    ],
)  # fmt: skip
def test_texts_have_the_parentheses_they_need(
    graph: Graph, build: Callable[[Node, Node], Node], text: str
) -> None:
    """An expression is written with no more and no fewer parentheses than it needs."""
    x, y = inputs(graph, "xy")
    assert text == Writer({}).write(build(x, y))[0]


def test_a_graph_reads_like_mathematics(graph: Graph) -> None:
    """One equation a line: the user's statements in order, then the outputs."""
    w, x, t = inputs(graph, "wxt")
    graph.assign("z", w * x)
    graph.assign("y", apply("sigmoid", w * x))
    graph.assign("same", apply("sigmoid", w * x))
    graph.outputs["L"] = apply("powi", apply("sigmoid", w * x) - t, attrs=(2,)) / 2
    graph.outputs["M"] = graph.names and graph.const(3.0)
    lines = ["z = w*x", "y = sigmoid(z)", "same = y", "L = (y - t)**2/2", "M = 3"]
    assert lines == str(graph).split("\n")
    assert [False, False, True, False, False] == [a for _, _, a in equations(graph)]


def test_statements_come_in_the_users_order(graph: Graph) -> None:
    """A value made early but named late stands where it was named."""
    x, y = inputs(graph, "xy")
    first, second = x + y, x * y
    graph.assign("b", second)
    graph.assign("a", first)
    graph.outputs["out"] = first / second
    named = [n for n in arrange(graph, graph.outputs.values()) if n in graph.names]
    assert ["x", "y", "b", "a"] == [graph.names[n] for n in named]
    assert "b = x*y\na = x + y\nout = a/b" == str(graph)


def test_shared_and_long_values_get_names(graph: Graph) -> None:
    """What is used twice or is long is named; a cheap operation is written again."""
    x, t1 = graph.input("x"), graph.input("t1")
    shared = apply("exp", x * t1)
    cheap = x + t1
    out = shared / (1.0 + shared) + cheap * apply("sin", cheap)
    graph.outputs["out"] = out
    order = graph.order()
    known = {n: s for s, n in graph.inputs.items()}
    for repeat, expected in ((True, {"t2"}), (False, {"t2", "t3"})):
        names = name_shared(graph, order, known, repeat=repeat)
        assert expected == set(names.values()) - set(known.values())
        assert "t2" == names[shared if repeat else min(shared, cheap, key=order.index)]
    names = name_shared(graph, order, known, repeat=True, must=[x * t1], longest=9)
    assert x * t1 in names
    assert cheap * apply("sin", cheap) in names
    never = name_shared(graph, order, known, repeat=False, inline=[shared, cheap])
    assert set(known) == set(never)


def test_a_nameless_adjoint_is_named_after_its_value(graph: Graph) -> None:
    """The adjoint of t1 is t1_bar, unless that name is taken."""
    x = graph.input("x")
    value, adjoint = apply("exp", x), apply("cos", x)
    graph.adjoint_of[adjoint] = value
    order = graph.order([value, adjoint])
    names = name_shared(graph, order, {x: "x"}, repeat=True, must=[value, adjoint])
    assert ("t1", "t1_bar") == (names[value], names[adjoint])
    graph.assign("t1_bar", x)
    names = name_shared(graph, order, {x: "x"}, repeat=True, must=[value, adjoint])
    assert ("t1", "t2") == (names[value], names[adjoint])
