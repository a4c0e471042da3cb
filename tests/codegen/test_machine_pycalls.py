"""Check that functions of Python run a core on what fits, and fall back otherwise."""

from __future__ import annotations

import ctypes
import gc
import inspect
import math
import pickle
import sys
import threading
import time
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from overbar.codegen.machine import pycalls
from overbar.codegen.machine.pycores import Array, Core, Group, Parameter, Steps
from overbar.codegen.machine.pyslow import slow
from overbar.codegen.machine.target import assemble, load
from overbar.ir.errors import OverbarError
from overbar.results import named, named_type

if TYPE_CHECKING:
    from collections.abc import Callable

WAYS = {"builtin": pycalls.builtin, "ctypes": slow}
each_way = pytest.mark.parametrize("make", WAYS.values(), ids=WAYS)
pytestmark = pytest.mark.skipif(
    not pycalls.available(), reason="this Python lays its objects out differently"
)

POLYNOMIAL = """
define void @core(ptr %in, ptr %out) {{
  br label %loop
loop:
  %i = phi i64 [ 0, %0 ], [ %j, %body ]
  %sum = phi double [ 0.0, %0 ], [ %total, %body ]
  %more = icmp ult i64 %i, {count}
  br i1 %more, label %body, label %end
body:
  %at = getelementptr double, ptr %in, i64 %i
  %x = load double, ptr %at
  %j = add i64 %i, 1
  %weight = uitofp i64 %j to double
  %term = fmul double %weight, %x
  %total = fadd double %sum, %term
  %square = fmul double %x, %x
  %to = getelementptr double, ptr %out, i64 %j
  store double %square, ptr %to
  br label %loop
end:
  store double %sum, ptr %out
  ret void
}}
"""
"""x1 + 2 x2 + 3 x3 + ..., and then the square of each."""

COPY = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define void @core(ptr %in, ptr %out) {{
  call void @llvm.memcpy.p0.p0.i64(ptr %out, ptr %in, i64 {count}, i1 false)
  ret void
}}
"""
"""The first bytes of the inputs, as they are."""

AWAIT = """
define void @core(ptr %in, ptr %out) {{
  br label %loop
loop:
  %i = phi i64 [ 0, %0 ], [ %j, %again ]
  %x = load volatile double, ptr %in
  %set = fcmp une double %x, 0.0
  br i1 %set, label %end, label %again
again:
  %j = add i64 %i, 1
  %more = icmp ult i64 %j, {count}
  br i1 %more, label %loop, label %end
end:
  store double %x, ptr %out
  ret void
}}
"""
"""The first input, once it is not 0, or after so many looks."""


@cache
def machine(text: str, count: int) -> Any:
    """Return a core's code."""
    return load(assemble(text.format(count=count)), ["core"])


def core(text: str, count: int, parameters: Any, results: Any, **more: Any) -> Core:
    """Return a core with its arguments and results."""
    code = machine(text, count)
    address = code.addresses["core"]
    return Core(address, tuple(parameters), results, keep=code, **more)


def numbers(names: str, results: Any = None) -> Core:
    """Return the polynomial of numbers, with its squares by name."""
    grads = Group(("float64",) * len(names), named_type(tuple(names)))
    results = results or Group(("float64", grads))
    return core(POLYNOMIAL, len(names), map(Parameter, names), results)


def vector(n: int, **more: Any) -> Core:
    """Return the polynomial of one vector, with an array of squares."""
    results = Group(("float64", Array((n,))))
    return core(
        POLYNOMIAL, n, [Parameter("theta", size=n, placed=True)], results, **more
    )


def told(*args: Any, **keywords: Any) -> Any:
    """Return what a fallback is called with."""
    return "fallback", args, keywords


def value(*xs: float) -> float:
    """Return what the polynomial is by Python's arithmetic."""
    return sum((i + 1) * x for i, x in enumerate(xs))


@each_way
@pytest.mark.parametrize(
    ("args", "keywords", "expected"),
    [
        ((1.5, -2.0, 4.0), {}, (1.5, -2.0, 4.0)),
        ((1, True, -1), {}, (1.0, 1.0, -1.0)),
        ((np.float64(0.1), 2**70, -(2**53) - 1), {}, (0.1, 2.0**70, -(2.0**53))),
        ((1.0,), {"b": 2.0, "c": 3.0}, (1.0, 2.0, 3.0)),
        ((1.0,), {"c": 3.0, "b": 2.0}, (1.0, 2.0, 3.0)),
        ((), {"c": 3, "a": 1.0, "b": 2.0}, (1.0, 2.0, 3.0)),
        ((math.inf, 1e308, 5e-324), {}, (math.inf, 1e308, 5e-324)),
    ],
)
def test_numbers_that_fit(make: Any, args: Any, keywords: Any, expected: Any) -> None:
    """Floats, ints and bools reach the core exactly, by place and by name."""
    run = make(numbers("abc"), told, "value_and_grad")
    total, squares = run(*args, **keywords)
    assert value(*expected) == total
    assert tuple(x * x for x in expected) == squares
    assert {type(v) for v in (total, *squares)} == {float}


@each_way
@pytest.mark.parametrize(
    ("args", "keywords"),
    [
        ((1.0, 2.0), {}),
        ((1.0, 2.0, 3.0, 4.0), {}),
        ((), {}),
        ((1.0, 2.0), {"d": 3.0}),
        ((1.0, 2.0), {"a": 3.0}),
        ((1.0, 2.0, 3.0), {"c": 3.0}),
        ((1.0, 2.0, 3.0), {"out": None}),
        ((1.0, 2.0, 10**400), {}),
        ((1.0, 2.0, -(10**400)), {}),
        ((1.0, 2.0, "3"), {}),
        ((1.0, None, 3.0), {}),
        ((1.0, 2.0, 3j), {}),
        ((1.0, 2.0, np.float32(3.0)), {}),
        ((1.0, 2.0, np.int64(3)), {}),
        ((1.0, 2.0, [3.0]), {}),
    ],
)
def test_numbers_that_do_not_fit(make: Any, args: Any, keywords: Any) -> None:
    """The fallback gets every other call as it came, and no error is left behind."""
    run = make(numbers("abc"), told, "value_and_grad")
    assert run(*args, **keywords) == ("fallback", args, keywords)


@each_way
def test_subclasses_fall_back(make: Any) -> None:
    """A float that may say another value is for the fallback to ask."""

    class Odd(float):
        def __float__(self) -> float:
            return 7.0

    run = make(numbers("a", "float64"), float, "value")
    assert run(Odd(1.0)) == 7.0


@each_way
def test_names_that_are_equal_only(make: Any) -> None:
    """A name made at run time is no other object to the user."""
    made = "Alpha".lower()
    run = make(
        core(POLYNOMIAL, 1, [Parameter("alpha")], "float64"),
        lambda alpha: alpha,
        "value",
    )
    assert run(**{made: 2.0}) == 2.0


@each_way
@pytest.mark.parametrize(
    ("dtype", "given", "fits"),
    [
        ("float64", [0.1, -0.0, 3, True], True),
        ("float32", [0.5, -2.0, np.float64(3.0), math.inf], True),
        ("float32", [1e39, -1e39, 3, True, "1"], False),
        ("int64", [-1, 2**62, True, -(2**63)], True),
        ("int64", [2**63, -(2**63) - 1, 1.0, np.int64(1)], False),
        ("bool", [True, False], True),
        ("bool", [1, 0, 1.0, np.True_, None], False),
    ],
)
def test_kinds_of_numbers(make: Any, dtype: str, given: Any, fits: bool) -> None:
    """A slot holds each kind of number, which is a float again as a result."""
    one = core(COPY, 8, [Parameter("a", dtype)], dtype)
    run = make(one, told, "value")
    for number in given:
        expected = float(number) if fits else ("fallback", (number,), {})
        assert repr(run(number)) == repr(expected)  # which tells -0.0 from 0.0


@each_way
def test_float32_rounds(make: Any) -> None:
    """A float becomes the nearest float32, and NaN stays one."""
    run = make(core(COPY, 8, [Parameter("a", "float32")], "float32"), told, "value")
    assert run(0.1) == float(np.float32(0.1))
    assert math.isnan(run(math.nan))


@each_way
@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ("float64", 4.0),
        (Group(()), ()),
        (Group(("float64",)), (4.0,)),
        (Group(("float64", "float64", "float64")), (4.0, 5.0, 6.0)),
        (Group((Group(("float64",) * 2), "float64")), ((4.0, 5.0), 6.0)),
        (Group(("float64", Group((Group(("float64",) * 2),)))), (4.0, ((5.0, 6.0),))),
        (Group((Group(()), Group((Group(()), "float64")))), ((), ((), 4.0))),
        (Group(("int64", "float64", "bool")), (4616189618054758400.0, 5.0, 0.0)),
    ],
    ids=str,
)
def test_results(make: Any, results: Any, expected: Any) -> None:
    """Results are put together as the tree says, from slots in order."""
    given = (4.0, 5.0, 6.0)
    one = core(COPY, 8 * Steps(results).slots, map(Parameter, "abc"), results)
    assert make(one, told, "value")(*given) == expected


@each_way
def test_named_results(make: Any) -> None:
    """A named tuple is the same as one that Python makes, in every respect."""
    run = make(numbers("xyz"), told, "value_and_grad")
    _, grads = run(1.0, 2.0, 3.0)
    expected = named(["x", "y", "z"], [1.0, 4.0, 9.0])
    assert type(grads) is type(expected)
    assert grads == expected
    assert hash(grads) == hash(expected)
    assert repr(grads) == "(x=1.0, y=4.0, z=9.0)"
    assert grads.y == grads["y"] == 4.0
    assert gc.is_tracked(grads) == gc.is_tracked(expected)
    assert sys.getsizeof(grads) == sys.getsizeof(expected)
    assert pickle.loads(pickle.dumps(grads)) == expected


@each_way
def test_vectors_that_fit(make: Any) -> None:
    """A vector is read in place, and the array of results is new or the caller's."""
    run = make(vector(3, out=True), told, "value_and_grad")
    theta, out = np.array([1.0, -2.0, 4.0]), np.empty(3)
    total, squares = run(theta)
    assert total == 9.0
    assert squares.tolist() == [1.0, 4.0, 16.0]
    assert squares.flags.owndata
    assert squares.flags.writeable
    total, squares = run(theta, out=out)
    assert squares is out
    assert out.tolist() == [1.0, 4.0, 16.0]
    assert run(theta, out=None)[1] is not out


@each_way
def test_vectors_of_other_making(make: Any) -> None:
    """What was pickled, cannot be written or is part of another array fits too."""
    run = make(vector(2), told, "value_and_grad")
    fixed = np.array([1.0, 2.0])
    fixed.flags.writeable = False
    many = np.arange(6.0).reshape(3, 2)
    for theta in (pickle.loads(pickle.dumps(fixed)), fixed, many[1], many[1:2, :][0]):
        total, squares = run(theta)
        assert total == value(*theta)
        assert squares.tolist() == (theta**2).tolist()


@each_way
def test_results_into_the_vector_itself(make: Any) -> None:
    """Results go where the vector was, wholly or in part, after it was read."""
    run = make(vector(3, out=True), told, "value_and_grad")
    whole = np.array([1.0, 2.0, 3.0, 0.0])
    assert run(whole[:3], out=whole[1:])[0] == 14.0
    assert whole.tolist() == [1.0, 1.0, 4.0, 9.0]
    theta = whole[:3].copy()
    assert run(theta, out=theta)[0] == 15.0
    assert theta.tolist() == [1.0, 1.0, 16.0]


class Own(np.ndarray):
    """An array of one's own type."""


UNFIT = {
    "short": np.zeros(2),
    "long": np.zeros(4),
    "float32": np.zeros(3, "float32"),
    "int64": np.zeros(3, "int64"),
    "swapped": np.zeros(3, np.dtype("float64").newbyteorder()),
    "matrix": np.zeros((3, 1)),
    "point": np.array(0.0),
    "apart": np.zeros(6)[::2],
    "backwards": np.zeros(3)[::-1],
    "askew": np.zeros(25, "u1")[1:].view("float64"),
    "own": np.zeros(3).view(Own),
    "list": [0.0, 0.0, 0.0],
    "number": 1.0,
}


@each_way
@pytest.mark.parametrize("name", UNFIT)
def test_vectors_that_do_not_fit(make: Any, name: str) -> None:
    """The fallback gets every other array, as the vector and as the target."""
    run = make(vector(3, out=True), told, "value_and_grad")
    good, bad = np.zeros(3), UNFIT[name]
    for args, keywords in (
        ((bad,), {}),
        ((bad,), {"out": good}),
        ((good,), {"out": bad}),
    ):
        _, found, by_name = run(*args, **keywords)
        assert found[0] is args[0]
        assert by_name.keys() == keywords.keys()


@each_way
def test_calls_of_vectors_that_do_not_fit(make: Any) -> None:
    """The fallback gets what is one too many, or cannot be written."""
    run = make(vector(3, out=True), told, "value_and_grad")
    good, fixed = np.zeros(3), np.zeros(3)
    fixed.flags.writeable = False
    assert run() == ("fallback", (), {})
    assert run(out=good)[1] == ()
    assert len(run(good, good)[1]) == 2
    assert run(good, out=fixed)[0] == "fallback"
    assert run(good, out=good, more=1)[0] == "fallback"
    assert run(theta=good)[0] == "fallback"


@each_way
def test_vectors_and_numbers_in_another_order(make: Any) -> None:
    """Elements go to the slots that are said, and results are arrays of any shape."""
    theta = Parameter("theta", size=2, placed=True)
    parameters = [theta, Parameter("k"), Parameter("n", "int64")]
    results = Group(("int64", Array((1, 3))))
    one = core(COPY, 32, parameters, results, places=(1, 3, 2, 0))
    run = make(one, told, "jacobian")
    given = np.array([1.5, 3.5])
    for count, matrix in (run(given, 2.5, 9), run(given, n=9, k=2.5)):
        assert count == 9.0
        assert matrix.tolist() == [[1.5, 2.5, 3.5]]
    assert run(given, 2.5, 9.0)[0] == "fallback"


@each_way
@pytest.mark.parametrize("n", [1, 60, 90, 5000])
def test_many_numbers(make: Any, n: int) -> None:
    """Numbers that do not fit on the stack are as right as few."""
    names = tuple(sys.intern(f"x{i}") for i in range(n))
    grads = Group(("float64",) * n, named_type(names))
    parameters = map(Parameter, names)
    one = core(POLYNOMIAL, n, parameters, Group(("float64", grads)))
    run = make(one, told, "value_and_grad")
    given = [float(i % 7) for i in range(n)]
    expected = (value(*given), tuple(x * x for x in given))
    assert run(*given) == expected
    assert run(**dict(zip(names, given, strict=True))) == expected
    theta, out = np.array(given), np.empty(n)
    flat = make(vector(n, out=True), told, "value_and_grad")
    assert flat(theta, out=out)[0] == expected[0]
    assert tuple(out) == expected[1]
    assert run(*given[1:])[0] == "fallback"


@each_way
def test_errors_of_the_fallback(make: Any) -> None:
    """What the fallback raises is raised."""

    def fail(*args: Any) -> None:
        message = f"expected numbers, found {args}"
        raise LookupError(message)

    run = make(numbers("ab"), fail, "value")
    with pytest.raises(LookupError, match="expected numbers, found"):
        run("a", "b")
    assert run(1.0, 2.0)[0] == 5.0


@each_way
def test_recursion(make: Any) -> None:
    """A fallback may call the function again; without an end it is an error."""
    found: dict[str, Callable[..., Any]] = {}
    found["run"] = run = make(
        numbers("a", "float64"), lambda x: found["run"](x[0]) + 1.0, "value"
    )
    assert run([[[5.0]]]) == 8.0
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(RecursionError):
        run(endless)


@each_way
def test_introspection(make: Any) -> None:
    """A function has its name and its docstring."""
    run = make(numbers("ab"), told, "value_and_grad", "Return both.")
    assert run.__name__ == "value_and_grad"
    assert run.__doc__ == "Return both."
    assert "value_and_grad" in repr(run)


def test_signatures() -> None:
    """A builtin function tells its arguments, where their names are Python's."""
    run = pycalls.builtin(numbers("ab"), told, "value", "Return it.")
    assert str(inspect.signature(run)) == "(a, b)"
    flat = pycalls.builtin(vector(3, out=True), told, "value", "Return it.")
    assert str(inspect.signature(flat)) == "(theta, /, *, out=None)"
    odd = core(POLYNOMIAL, 1, [Parameter("lambda")], "float64")
    assert pycalls.builtin(odd, told, "value", "Return it.").__doc__ == "Return it."


def test_other_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where objects may be laid out differently, ctypes calls the core."""
    assert type(pycalls.function(numbers("a"), told, "value")) is type(len)
    monkeypatch.setattr(pycalls, "available", lambda: False)
    run = pycalls.function(numbers("a"), told, "value")
    assert inspect.isfunction(run)
    assert run(3.0) == (3.0, (9.0,))


@pytest.mark.parametrize(
    ("name", "odd"),
    [("_ITEMS", 40), ("_BYTES", 40), ("_is_usual_build", lambda: False)],
)
def test_unknown_layouts(monkeypatch: pytest.MonkeyPatch, name: str, odd: Any) -> None:
    """What lies elsewhere than expected is noticed before any code is run."""
    assert pycalls.available.__wrapped__()
    monkeypatch.setattr(pycalls, name, odd)
    assert not pycalls.available.__wrapped__()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: vector(3, out=True, places=(0, 0, 1)),
        lambda: core(COPY, 8, [Parameter("a")], "float64", out=True),
        lambda: Group(("float64",), type("Loose", (tuple,), {})),
        lambda: Group(("float64",), list),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be(wrong: Callable[[], Any]) -> None:
    """A core that would write elsewhere than in its arguments is refused."""
    with pytest.raises(OverbarError, match=r"^expected .*, found"):
        wrong()


# -- memory and threads ---------------------------------------------------------------


def mixed_calls() -> tuple[list[Any], Callable[[], None]]:
    """Return objects, and calls of every kind that use them."""
    run = pycalls.builtin(numbers("abc"), told, "value_and_grad")
    flat = pycalls.builtin(vector(3, out=True), told, "value_and_grad")
    wide = pycalls.builtin(vector(500), told, "value_and_grad")
    a, theta, out, large = 1.5, np.ones(3), np.ones(3), np.ones(500)
    word, big = "text", 10**400

    def call() -> None:
        run(a, a, a)
        run(a, c=a, b=True)
        run(a, a)
        run(a, word, a)
        run(a, big, c=a)
        flat(theta)
        flat(theta, out=out)
        flat(theta, out=word)
        flat(word)
        wide(large)
        wide(theta)

    kind = named_type(("a", "b", "c"))
    objects = [run, flat, wide, a, theta, out, large, word, big, kind, told]
    return [*objects, np.ndarray, tuple, float, theta.dtype, None, True], call


def test_references_are_counted() -> None:
    """No call keeps or loses a reference to anything it touches."""
    objects, call = mixed_calls()
    call()
    before = [sys.getrefcount(each) for each in objects]
    for _ in range(1000):
        call()
    assert before == [sys.getrefcount(each) for each in objects]


def test_memory_stays() -> None:
    """Many calls leave nothing behind."""
    _, call = mixed_calls()
    for _ in range(100):
        call()
    tracemalloc.start()
    try:
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(5000):
            call()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 5000


@each_way
def test_what_a_function_holds(make: Any) -> None:
    """A function keeps its fallback, and both go together, also from a circle."""

    class Holder:
        def fall_back(self, *args: Any) -> Any:
            return self, args

    holder = Holder()
    run = make(numbers("ab"), holder.fall_back, "value")
    holder.run = run  # type: ignore[attr-defined]
    alive = weakref.ref(holder)
    del holder
    gc.collect()
    assert run("a", "b")[1] == ("a", "b")
    assert alive() is not None
    del run
    gc.collect()
    assert alive() is None


def test_functions_come_and_go() -> None:
    """Making functions again and again leaves nothing behind."""
    one = numbers("abc")
    for _ in range(10):
        pycalls.builtin(one, told, "value")(1.0, 2.0, 3.0)
    gc.collect()
    before = sys.getrefcount(told), sys.getrefcount(one.keep), len(gc.get_objects())
    for _ in range(200):
        pycalls.builtin(one, told, "value")(1.0, 2.0, 3.0)
    gc.collect()
    after = sys.getrefcount(told), sys.getrefcount(one.keep), len(gc.get_objects())
    assert before[:2] == after[:2]
    assert after[2] - before[2] < 50


def test_no_memory() -> None:
    """Where memory is short a call raises MemoryError and loses nothing."""
    testing = pytest.importorskip("_testcapi")
    objects, call = mixed_calls()
    call()
    objects = objects[:11]  # Python makes and drops its own None and the like
    run, _, wide, *_ = objects
    xs, large = (1.0, 2.0, 3.0), objects[6]
    kept = [run(*xs) for _ in range(200)]  # empties the lists of free floats
    before = [sys.getrefcount(each) for each in objects]
    failed = 0
    for start in range(12):
        for action in (lambda: run(*xs), lambda: wide(large)):
            testing.set_nomemory(start, start + 1)
            try:
                action()
            except MemoryError:
                failed += 1
            finally:
                testing.remove_mem_hooks()
    assert failed > 2
    assert before == [sys.getrefcount(each) for each in objects]
    assert len(kept) == 200


@each_way
@pytest.mark.parametrize("waits", [False, True])
def test_threads(make: Any, waits: bool) -> None:
    """Threads do not disturb each other's numbers."""
    run = make(vector(300, waits=waits), told, "value_and_grad")

    def work(k: int) -> bool:
        theta = np.full(300, float(k))
        expected = theta**2
        return all((run(theta)[1] == expected).all() for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))


@pytest.mark.parametrize("waits", [False, True])
def test_others_run_meanwhile(waits: bool) -> None:
    """Other threads run during a core if they may, and only then."""
    looks = 2**33 if waits else 2**24
    parameters = [Parameter("theta", size=1, placed=True)]
    run = pycalls.builtin(
        core(AWAIT, looks, parameters, "float64", waits=waits), told, "value"
    )
    theta, started = np.zeros(1), threading.Event()

    def set_it() -> None:
        started.set()
        time.sleep(0.001)
        theta[0] = 5.0

    thread = threading.Thread(target=set_it)
    thread.start()
    started.wait()
    found = run(theta)
    thread.join()
    if waits:
        assert found == 5.0
    else:
        assert theta[0] == 5.0
        assert found in {0.0, 5.0}


def test_addresses_are_not_shared() -> None:
    """The functions of Python that are called are ours to describe: no types change."""
    pycalls.builtin(numbers("a"), told, "value")
    assert ctypes.pythonapi.PyTuple_New.restype is ctypes.c_int
