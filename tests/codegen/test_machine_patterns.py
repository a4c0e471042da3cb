"""Programs with patterns become loops, and compute the same to the bit."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

import overbar as ob
from overbar.codegen.machine.forms import Forms
from overbar.codegen.machine.loading import Machine, joined
from overbar.codegen.machine.making import first_code
from overbar.codegen.machine.ordering import Run
from overbar.codegen.machine.patterns import find, promising
from overbar.codegen.machine.rolled import print_rolled
from overbar.codegen.machine.straight import print_straight
from overbar.codegen.machine.target import assembled
from overbar.codegen.machine.wide import vector_forms
from overbar.ir.graph import Graph
from overbar.ir.types import BOOL, F32, INT
from overbar.native import wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.codegen.machine.making import Wanted
    from overbar.ir.graph import Node


def data_sum(n: int) -> str:
    """Return a sum over many data, of two parameters."""
    lines = [*[f"x_{i}: data" for i in range(n)], "m: param", "s: param"]
    total = " + ".join(f"exp(-(x_{i} - m)**2/s)" for i in range(n))
    return "\n".join([*lines, total, ""])


def weighted_sum(n: int) -> str:
    """Return a sum with another constant in each term, and powers of it."""
    terms = [f"{1.5 + i / 7!r}*sin(x_{i})*a + x_{i}**3" for i in range(n)]
    return " + ".join(terms)


def logistic_map(n: int) -> str:
    """Return a chain of one value."""
    lines = ["r: param", "s_0: param"]
    lines += [f"s_{k + 1} = r*s_{k}*(1 - s_{k})" for k in range(n)]
    return "\n".join([*lines, f"s_{n}", ""])


def fibonacci(n: int) -> str:
    """Return a chain in which a step reads the two before it."""
    lines = ["s_0: param", "s_1: param"]
    lines += [f"s_{k + 2} = 0.4*s_{k + 1} + sin(s_{k})" for k in range(n)]
    return "\n".join([*lines, f"s_{n + 1}", ""])


def pendulum(n: int) -> str:
    """Return steps of a pendulum by Runge and Kutta's method of fourth order."""
    lines = ["a_0: param", "b_0: param", "h: param"]
    for k in range(n):
        a, b = f"a_{k}", f"b_{k}"
        lines += [f"q1_{k} = -sin({a})", f"p2_{k} = {b} + 0.5*h*q1_{k}"]
        lines += [f"q2_{k} = -sin({a} + 0.5*h*{b})", f"p3_{k} = {b} + 0.5*h*q2_{k}"]
        lines += [f"q3_{k} = -sin({a} + 0.5*h*p2_{k})", f"p4_{k} = {b} + h*q3_{k}"]
        lines += [f"q4_{k} = -sin({a} + h*p3_{k})"]
        lines += [f"a_{k + 1} = {a} + h/6*({b} + 2*p2_{k} + 2*p3_{k} + p4_{k})"]
        lines += [f"b_{k + 1} = {b} + h/6*(q1_{k} + 2*q2_{k} + 2*q3_{k} + q4_{k})"]
    return "\n".join([*lines, f"a_{n}", ""])


def mesh(n: int) -> str:
    """Return the energy of a square mesh, of all its points."""
    terms = []
    for i in range(n):
        for j in range(n):
            terms += [f"(u_{i}_{j} - u_{i + 1}_{j})**2"] * (i + 1 < n)
            terms += [f"(u_{i}_{j} - u_{i}_{j + 1})**2"] * (j + 1 < n)
            terms += [f"sin(u_{i}_{j})"]
    return " + ".join(terms)


def relaxation(n: int) -> str:
    """Return a rod after some steps of relaxation, its ends held."""
    lines = [f"u0_{i}: param" for i in range(n)]
    for t in range(12):
        lines += [f"u{t + 1}_0 = u{t}_0", f"u{t + 1}_{n - 1} = u{t}_{n - 1}"]
        for i in range(1, n - 1):
            around = f"0.25*(u{t}_{i - 1} + u{t}_{i + 1})"
            lines.append(f"u{t + 1}_{i} = 0.5*u{t}_{i} + {around}")
    total = " + ".join(f"u12_{i}**2" for i in range(n))
    return "\n".join([*lines, total, ""])


def standardised(n: int) -> str:
    """Return a sum after a sum: every term waits for the mean of all."""
    lines = [f"x_{i}: param" for i in range(n)]
    lines += [f"e_{i} = exp(x_{i})" for i in range(n)]
    lines += ["mean = (" + " + ".join(f"e_{i}" for i in range(n)) + f")/{n}"]
    total = " + ".join(f"(e_{i} - mean)**2" for i in range(n))
    return "\n".join([*lines, total, ""])


def conditional(n: int) -> str:
    """Return a sum with conditions, which are numbers of another kind."""
    terms = [f"(x_{i} if x_{i} < 0.5 else m*x_{i})*y_{i}" for i in range(n)]
    return " + ".join(terms)


def long_steps(n: int) -> str:
    """Return a chain of a long step, drawn once: more kinds of nodes than steps."""
    draw = np.random.default_rng(5)
    names, body = ["s_{k}", "r_{k}", "a", "0.25"], []
    for i in range(60):
        op = str(draw.choice(["{} + {}", "0.5*({} - {})", "{}*{}", "sin({} - {})"]))
        given = draw.choice([*names[:2], *names[-20:]], 2)
        body.append(f"t{i}_{{k}} = {op.format(*given)}")
        names.append(f"t{i}_{{k}}")
    lines = ["a: param", "r_0: param", "s_0: param"]
    for k in range(n):
        lines += [line.format(k=k) for line in body]
        lines.append(f"s_{k + 1} = cos(t59_{k} + t52_{k})")
        lines.append(f"r_{k + 1} = sin(t58_{k} + t55_{k})")
    return "\n".join([*lines, f"s_{n}*r_{n}", ""])


def drawn(n: int) -> str:
    """Return a formula of ops drawn at random."""
    draw = np.random.default_rng(n)
    lines = [f"v_{i}: param" for i in range(8)]
    for k in range(8, 8 + n):
        a, b = (f"v_{draw.integers(max(0, k - 40), k)}" for _ in range(2))
        op = str(draw.choice(["{}*{}*0.6", "0.6*({}+{})", "({}-{})*0.6", "sin({}+{})"]))
        lines.append(f"v_{k} = {op.format(a, b)}")
    total = " + ".join(f"v_{k}" for k in range(n - 30, 8 + n))
    return "\n".join([*lines, total, ""])


PATTERNS: dict[str, tuple[Callable[[int], str], int]] = {
    "sum": (data_sum, 100),
    "weighted sum": (weighted_sum, 100),
    "chain": (logistic_map, 100),
    "chain of two": (fibonacci, 100),
    "Runge-Kutta": (pendulum, 30),
    "mesh": (mesh, 16),
    "relaxation": (relaxation, 40),
    "sum after sum": (standardised, 100),
    "conditions": (conditional, 70),
    "long steps": (long_steps, 40),
}


def drawn_steps(seed: int) -> str:
    """Return a chain whose step is drawn at random, one step of it another than all."""
    draw = np.random.default_rng(seed)
    count, other = int(draw.integers(60, 90)), int(draw.integers(20, 50))
    lines = [f"x_{k}: param" for k in range(count + 1)]
    lines += ["a: param", "s_0: param", "s_1: param"]
    body = []
    names = ["s_{k}", "s_{b}", "x_{k}", "x_{b}", "a", "0.25", "{c}"]
    for i in range(int(draw.integers(3, 9))):
        made = f"t{i}_{{k}}"
        op = str(draw.choice(["{} + {}", "{} - {}", "{}*{}", "sin({} - {})"]))
        body.append(f"{made} = {op.format(*draw.choice(names, 2))}")
        names += [made, made]
    for k in range(1, count):
        more = {"k": k, "b": k - 1, "c": 1 + k / 8}
        step = body[:-1] if k == other else body
        lines += [line.format(**more) for line in step]
        lines.append(f"s_{k + 1} = 0.3*cos(t{len(step) - 1}_{k}) + 0.5*s_{k}")
    total = " + ".join(f"s_{k}*s_{k}" for k in range(count))
    return "\n".join([*lines, total, ""])


@cache
def program(text: str, entry: str = "value_and_grad") -> Wanted:
    """Return what an entry point computes."""
    return wanted(ob.compile(text).runtime.native._entry(entry))


@cache
def plain(text: str) -> list[float]:
    """Return value and gradient as generated Python computes them, by libm."""
    inputs = numbers(len(program(text).inputs))
    value, grad = ob.compile(text, backend="python").value_and_grad(*inputs)
    return [float(value), *map(float, grad)]


def rolled(text: str, lanes: Forms | None = None, cut: int = 2_000) -> list[float]:
    """Return value and gradient as loops compute them."""
    nodes, inputs, results, *_ = program(text)
    printed = print_rolled(nodes, inputs, results, Forms(), lanes, cut=cut)
    assert printed is not None
    run = Machine(*joined([assembled(printed)]))
    given, out = np.array(numbers(len(inputs))), np.zeros(len(results))
    core = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    core(run.address)(given.ctypes.data, out.ctypes.data)
    return out.tolist()  # type: ignore[no-any-return]


def mixed() -> tuple[list[Node], list[Node], list[Node]]:
    """Return nodes, inputs and results of a program over every kind of number."""
    graph = Graph(real=F32)
    columns = [
        [graph.input(f"{name}{k}", "data", kind) for k in range(40)]
        for name, kind in (("x", F32), ("n", INT), ("p", BOOL))
    ]
    kept, chosen = graph.const(0.5), []
    count, results = graph.const(3), []
    for x, n, p in zip(*columns, strict=True):
        kept = graph.make("sin", (kept * x + kept,))
        count = count + n
        small = graph.make("lt", (kept, x))
        both = graph.make("and", (small, p))
        chosen.append((both, kept, x))
        results += [both, kept, graph.convert(count, F32)]
    for both, y, x in chosen:
        results.append(graph.make("select", (both, x * x, y)))
    results += [kept, kept, results[0], count, columns[0][3], graph.const(1.5)]
    inputs = [n for column in columns for n in column]
    return list(graph.order([*results, *inputs])), inputs, results


def slots(texts: Sequence[str], inputs: Sequence[Node], count: int) -> bytes:
    """Return the results of a core, as they lie in memory."""
    run = Machine(*joined([assembled(text) for text in texts]))
    given = np.zeros(len(inputs))
    for k, node in enumerate(inputs):
        part = given[k : k + 1].view(node.type.dtype)
        part[0] = {"float32": 0.3 + k / 99, "int64": k - 60, "bool": k % 3}[
            node.type.dtype
        ]
    out = np.zeros(count)
    core = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    core(run.address)(given.ctypes.data, out.ctypes.data)
    return out.tobytes()


def numbers(count: int) -> list[float]:
    """Return inputs between 0.2 and 0.8."""
    return [0.2 + 0.6 * ((37 * i) % 101) / 101 for i in range(count)]


each_pattern = pytest.mark.parametrize("name", PATTERNS)


@each_pattern
def test_loops_agree_with_plain_python_to_the_bit(name: str) -> None:
    """Loops compute what straight code does, without another order of sums."""
    make, n = PATTERNS[name]
    assert rolled(make(n)) == plain(make(n))


@each_pattern
def test_lanes_of_arithmetic_agree_to_the_bit(name: str) -> None:
    """Several pieces at once round as one after another."""
    make, n = PATTERNS[name]
    assert rolled(make(n), vector_forms(strict=True)) == plain(make(n))


@each_pattern
def test_lanes_of_functions_agree_closely(name: str) -> None:
    """Functions over vectors are a few units in the last place off, no more."""
    make, n = PATTERNS[name]
    found = rolled(make(n), vector_forms(strict=False))
    assert found == pytest.approx(plain(make(n)), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("cut", [1, 7])
def test_straight_code_is_cut_between_loops(cut: int) -> None:
    """What crosses the cuts of straight code is kept."""
    text = mesh(12)
    assert rolled(text, cut=cut) == plain(text)


@pytest.mark.parametrize("seed", range(12))
def test_steps_drawn_at_random_agree_to_the_bit(seed: int) -> None:
    """Whatever a step reads, and where one step differs, loops compute the same."""
    text = drawn_steps(seed)
    assert rolled(text) == rolled(text, vector_forms(strict=True)) == plain(text)


@each_pattern
def test_loops_are_most_of_a_program(name: str) -> None:
    """What is left to compile hardly grows with the program."""
    make, n = PATTERNS[name]
    shares = []
    for count in (n, 2 * n):
        plan = find(program(make(count)).nodes, Forms())
        assert plan is not None
        shares.append(plan.size / int((plan.flat.kind >= 0).sum()))
    assert shares[1] < 0.75 * shares[0]
    assert shares[1] < 0.3


@pytest.mark.parametrize("n", [500, 3_000])
def test_programs_without_patterns_stay_straight(n: int) -> None:
    """A formula drawn at random is not rolled up, as a first look says."""
    nodes, inputs, results, *_ = program(drawn(n))
    assert not promising(nodes)
    assert print_rolled(nodes, inputs, results, Forms()) is None


def test_pieces_are_isomorphic() -> None:
    """Every piece of a loop has the ops of the first, over operands wired alike."""
    plan = find(program(pendulum(40)).nodes, Forms())
    assert plan is not None
    for rows in plan.loops:
        wirings = set()
        for row in rows.tolist():
            own = {plan.flat.nodes[i]: k for k, i in enumerate(row)}
            wirings.add(tuple((n.op, *(own.get(a) for a in n.args)) for n in own))
        assert len(wirings) == 1


def test_nothing_is_computed_before_what_it_needs() -> None:
    """A plan computes every node once, after its operands."""
    nodes = program(mesh(16)).nodes
    plan = find(nodes, Forms())
    assert plan is not None
    order: list[int] = []
    for step in plan.steps:
        if isinstance(step, Run):
            order += plan.loops[step.loop][step.begin : step.end].ravel().tolist()
        else:
            order += step
    assert sorted(order) == [i for i, n in enumerate(nodes) if n.args]
    place = {nodes[i]: k for k, i in enumerate(order)}
    assert all(place[a] < place[n] for n in place for a in n.args if a.args)


@pytest.mark.parametrize("lanes", [None, vector_forms(strict=True)])
def test_every_kind_of_number_goes_through_loops(lanes: Forms | None) -> None:
    """Loops carry, read and keep float32, integers and conditions as straight code."""
    nodes, inputs, results = mixed()
    printed = print_rolled(nodes, inputs, results, Forms(), lanes)
    assert printed is not None
    straight = print_straight([n for n in nodes if n.args], inputs, results, 90, 900)
    expected = slots(straight, inputs, len(results))
    assert slots([printed], inputs, len(results)) == expected


def test_the_same_program_has_the_same_text() -> None:
    """What is printed depends on the program, not on where nodes lie in memory."""
    printed = []
    for _ in range(2):
        nodes, inputs, results, *_ = program.__wrapped__(mesh(12))
        printed.append(print_rolled(nodes, inputs, results, Forms()))
    assert printed[0] is not None
    assert printed[0] == printed[1]


def test_first_code_of_patterns_is_final() -> None:
    """A program that is nearly all patterns is compiled by LLVM at once."""
    assert Machine(*first_code(program(data_sum(150)))).final
    assert not Machine(*first_code(program(drawn(500)))).final
