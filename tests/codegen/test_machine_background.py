"""Check that better code comes from child processes, or not at all, without harm."""

from __future__ import annotations

import ctypes
import errno
import gc
import inspect
import itertools
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path

import numba
import pytest
from irregular import irregular

import overbar as ob
from overbar import native
from overbar.codegen import cache as disk
from overbar.codegen.machine import background, making
from overbar.ir.errors import OverbarError

SIZE = 1_500
AT = 0.375
PATIENCE = 120.0
_SEEDS = itertools.count(10)
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes and signals"),
    pytest.mark.filterwarnings("error::ResourceWarning"),
]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Cut programs into several modules, made better after a few calls."""
    monkeypatch.setattr(native, "IMPROVED_AFTER", 5)
    monkeypatch.setattr(native, "_LOOKED_AFTER", 1)
    monkeypatch.setattr(making, "CUT", 500)
    monkeypatch.setattr(making, "MODULE", 1_000)
    monkeypatch.setattr(making, "LARGEST_MODULE", 1_000)
    yield
    gc.collect()  # what is left over tells itself here


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    """Keep code where no other process finds it: that draws the same formulas."""
    monkeypatch.setenv("OVERBAR_CACHE_DIR", str(tmp_path))


@cache
def known(seed):
    """Return a long formula that no other test has, with its value and slope."""
    return irregular(SIZE, AT, seed)


def fresh(seed=None):
    """Return a compiled formula of which nothing is on disk, and what is true."""
    formula, value, slope = known(seed or next(_SEEDS))
    f = ob.compile(formula, accuracy="strict")
    return f, pytest.approx((value, slope), rel=1e-6)


def called(f):
    """Return value and slope, both as they are."""
    value, (slope,) = f.value_and_grad(AT)
    return value, slope


def made(f):
    """Return what the formula holds of its code."""
    return f.runtime.native.made("value_and_grad")


def wait_until(found):
    """Wait for something that has to come true."""
    end = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_better_code_takes_over_with_the_same_bits():
    """Calls go on while better code is made; it gives what the first code gave."""
    f, true = fresh()
    first = called(f)
    assert first == true
    assert not made(f).machine.final
    results = set()
    wait_until(lambda: results.add(called(f)) or made(f).machine.final)
    assert {first} == results | {called(f)}


def test_functions_of_first_code_are_like_those_of_the_best():
    """They are pickled as their formula's, and tell the same signature and doc."""
    f, _ = fresh()
    first = called(f)
    counted = f.value_and_grad
    assert not made(f).machine.final
    f.build("value_and_grad", optimise=True)
    loaded = pickle.loads(pickle.dumps(counted))
    assert loaded(AT) == counted(AT) == (first[0], (first[1],))
    best = loaded.__self__.value_and_grad  # what takes the method's place
    assert inspect.signature(best) == inspect.signature(counted)
    assert (best.__name__, best.__doc__) == (counted.__name__, counted.__doc__)


def test_optimised_ahead_and_kept():
    """f.build(optimise=True) waits; another formula of the same finds it on disk."""
    f, true = fresh(seed=1)
    first = called(f)
    f.build("value_and_grad", optimise=True)
    assert made(f).machine.final
    assert called(f) == first == true
    again, _ = fresh(seed=1)
    assert made(again).machine.final
    assert called(again) == first


def test_threads_call_while_code_is_replaced():
    """Many threads call; one of them has better code made, all get the same bits."""
    f, _ = fresh()
    first = called(f)
    before = threading.active_count()

    def work(_):
        results = set()
        while not made(f).machine.final:
            results.add(called(f))
            time.sleep(0.001)  # the work that all wait for is done elsewhere
        return results | {called(f)}

    with ThreadPoolExecutor(4) as pool:
        assert {first} == set().union(*pool.map(work, range(4)))
    assert threading.active_count() == before


def _fails(monkeypatch, start):
    monkeypatch.setattr(background, "_START", start)


def _full(**_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


FAILURES = {
    "an error": lambda patch: _fails(patch, "raise SystemExit(3)"),
    "nothing written": lambda patch: _fails(patch, "pass"),
    "killed": lambda patch: _fails(patch, "import os; os.kill(os.getpid(), 9)"),
    "another file": lambda patch: patch.setattr(
        sys, "executable", "/nonexistent/python"
    ),
    "full disk": lambda patch: patch.setattr(tempfile, "TemporaryFile", _full),
}
LONELY = {
    "no interpreter": lambda patch: patch.setattr(sys, "executable", ""),
    "frozen": lambda patch: patch.setattr(sys, "frozen", True, raising=False),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_failures_leave_the_first_code(kind, monkeypatch):
    """Without a child's work calls go on; who asked for it is told, and may again."""
    f, true = fresh()
    first = called(f)
    with monkeypatch.context() as patch:
        FAILURES[kind](patch)
        wait_until(lambda: called(f) == first and made(f).work and made(f).work.failed)
        with pytest.raises(OverbarError, match="expected a process that makes"):
            f.build("value_and_grad", optimise=True)
    assert not made(f).machine.final
    f.build("value_and_grad", optimise=True)
    assert made(f).machine.final
    assert called(f) == first == true


@pytest.mark.parametrize("kind", LONELY)
def test_without_an_interpreter_this_process_works(kind, monkeypatch):
    """Where no child can be started, the first code stays until it is asked for."""
    f, true = fresh()
    first = called(f)
    LONELY[kind](monkeypatch)
    wait_until(lambda: called(f) == first and made(f).work and made(f).work.failed)
    f.build("value_and_grad", optimise=True)
    assert made(f).machine.final
    assert called(f) == first == true


def test_a_fork_meanwhile_harms_nobody():
    """A fork's child calls and exits; its parent's work goes on."""
    f, _ = fresh()
    first = called(f)
    for _ in range(6):
        called(f)
    assert made(f).work is not None
    with warnings.catch_warnings(action="ignore"):  # JAX's, where it is loaded
        child = os.fork()
    if not child:  # no assertion may leave this block
        same = all(called(f) == first for _ in range(20))
        ended = made(f).work.failed and not made(f).work._running
        os._exit(0 if same and ended else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    wait_until(lambda: called(f) == first and made(f).machine.final)
    assert called(f) == first


def test_numba_compiles_meanwhile():
    """Another compilation in the foreground is not held up, nor does it disturb."""
    f, _ = fresh()
    first = called(f)
    for _ in range(6):
        called(f)
    triple = numba.njit(lambda x: 3.0 * x)
    assert triple(2.0) == 6.0
    wait_until(lambda: called(f) == first and made(f).machine.final)


def test_a_formula_that_goes_takes_its_processes_along(monkeypatch):
    """Work on a formula that nobody holds any more ends, its files closed."""
    monkeypatch.setattr(background, "_START", "import time; time.sleep(600)")
    f, _ = fresh()
    for _ in range(7):
        called(f)
    ((process, result),) = made(f).work._running.values()
    assert process.poll() is None
    del f
    gc.collect()
    assert process.returncode == -signal.SIGKILL
    assert result.closed


def by_address(f, kind):
    """Return a function that calls the formula's code by its address."""
    if kind == "jit":
        step = f.jit.value_and_grad

        @numba.njit
        def both(x):
            value, (slope,) = step(x)
            return value, slope

        return both
    function = f.cfunc.value_and_grad

    def called_by_c(x):
        given, out = (ctypes.c_double * 1)(x), (ctypes.c_double * 2)()
        function.ctypes(given, out)
        return tuple(out)

    return called_by_c


BY_ADDRESS = pytest.mark.parametrize("kind", ["jit", "cfunc"])


def at_work(code):
    """Return the processes that make better code."""
    return code.work and code.work._running


def watching():
    """Return the threads that look after work in the background."""
    return [t for t in threading.enumerate() if t.name == "overbar"]


@BY_ADDRESS
def test_who_asks_for_compiled_functions_gets_better_code(kind):
    """Nobody calls the formula from Python: a thread takes the code, and ends."""
    f, true = fresh()
    call = by_address(f, kind)
    first = call(AT)
    machine = made(f).machine
    del f
    gc.collect()
    wait_until(lambda: call(AT) == first and machine.final)
    assert call(AT) == first == true
    wait_until(lambda: not watching())


@BY_ADDRESS
def test_nobody_waits_for_better_code_to_begin(kind, monkeypatch):
    """Printing what is to be optimised takes a while, in which calls go on."""
    go, texts = threading.Event(), native.Native._texts
    patience = lambda self, name: go.wait(PATIENCE) and texts(self, name)  # noqa: E731
    monkeypatch.setattr(native.Native, "_texts", patience)
    f, true = fresh()
    call = by_address(f, kind)
    assert call(AT) == true
    assert made(f).work is None
    go.set()
    wait_until(lambda: made(f).machine.final)


@pytest.mark.parametrize("failure", [*FAILURES, *LONELY])
def test_compiled_functions_keep_the_first_code(failure, monkeypatch):
    """Where there is no other code or no process to make it, nothing else happens."""
    errors = []
    monkeypatch.setattr(threading, "excepthook", errors.append)
    f, true = fresh()
    assert called(f) == true
    with monkeypatch.context() as patch:
        (FAILURES | LONELY)[failure](patch)
        call = by_address(f, "cfunc")
        assert call(AT) == true
        assert (made(f).work is None) >= (failure in LONELY)
        wait_until(lambda: not watching())
    assert not made(f).machine.final
    assert [] == errors
    f.build("value_and_grad", optimise=True)
    assert call(AT) == true


def test_compiled_functions_that_go_take_their_processes_along(monkeypatch):
    """The thread holds no formula: its work ends with the last who could call it."""
    monkeypatch.setattr(background, "_START", "import time; time.sleep(600)")
    f, _ = fresh()
    call, code = f.cfunc.value_and_grad, made(f)
    wait_until(partial(at_work, code))
    ((process, _),) = code.work._running.values()
    del f, code
    gc.collect()
    assert watching()
    assert process.poll() is None
    del call
    wait_until(lambda: gc.collect() is not None and not watching())
    assert process.returncode == -signal.SIGKILL


SCRIPT = """
import sys, threading
sys.path[:0] = [TESTS]
from irregular import irregular
import overbar as ob
from overbar import native
from overbar.codegen.machine import background, making
making.CUT, making.MODULE, making.LARGEST_MODULE = 500, 1_000, 1_000
f = ob.compile(irregular(1_500, 0.375, 7).formula, accuracy="strict")
first = f.value_and_grad(0.375)
"""
INTERRUPTED = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # who began this may ignore it
real = background.Background.wait
def wait(self, step):
    for process, _ in self._running.values():
        print(process.pid, flush=True)
    return real(self, step)
background.Background.wait = wait
background._START = "import time; time.sleep(600)"
try:
    f.build("value_and_grad", optimise=True)
except KeyboardInterrupt:
    print("interrupted", first == f.value_and_grad(0.375), threading.active_count())
"""
LEAVES = """
native.IMPROVED_AFTER, native._LOOKED_AFTER = 1, 1
background._START = "import time; time.sleep(600)"
f.value_and_grad(0.375)
f.value_and_grad(0.375)
print(f.runtime.native.made("value_and_grad").work._running[0][0].pid)
"""
WATCHED = """
background._START = "import time; time.sleep(600)"
first = f.cfunc.value_and_grad
work = f.runtime.native.made("value_and_grad")
while not (work.work and work.work._running):
    pass
print(work.work._running[0][0].pid)
"""
QUIET = """
f.build("value_and_grad", optimise=True)
print(first == f.value_and_grad(0.375))
"""


def script(more, **options):
    """Start a process that prepares a long formula, and does more."""
    text = SCRIPT.replace("TESTS", repr(str(Path(__file__).parents[1]))) + more
    return subprocess.Popen(
        [sys.executable, "-W", "error::ResourceWarning", "-c", text],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def alive(pid):
    """Whether a process is there; one that is done and not yet collected is not."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="it looks at /proc")
def test_an_interrupt_ends_the_children(tmp_path, monkeypatch):
    """Ctrl-C during f.build ends all its processes and leaves the cache as it was."""
    monkeypatch.setenv(disk.VARIABLE, str(tmp_path / "cache"))
    with script(INTERRUPTED) as process:
        pids = [process.stdout.readline().strip()]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    *more, last = out.split("\n")[:-1]
    assert (last, err, process.returncode) == ("interrupted True 1", "", 0)
    assert [] == [pid for pid in [*pids, *more] if alive(pid)]
    assert {".obj"} == {path.suffix for path in (tmp_path / "cache").glob("*/*")}


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="it looks at /proc")
@pytest.mark.parametrize("leaves", [LEAVES, WATCHED], ids=["called", "watched"])
def test_a_process_that_ends_leaves_none_behind(leaves):
    """The end of a process is that of its children, without a word."""
    with script(leaves) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (err, process.returncode) == ("", 0)
    wait_until(lambda: not alive(out.strip()))


STUBBORN = """
import os, signal, sys
from overbar.codegen.machine import child
def assembled(text):
    os.kill(os.getpid(), signal.SIGINT)
    return text.encode()[::-1]
child.assembled = assembled
child.main(0)
"""


def test_an_interrupt_is_for_the_parent():
    """Ctrl-C reaches all processes of a terminal: the children leave it to theirs."""
    done = subprocess.run(
        [sys.executable, "-c", STUBBORN], input=b"abc", capture_output=True, check=False
    )
    assert (b"cba", b"", 0) == (done.stdout, done.stderr, done.returncode)


def test_progress_is_silent_in_a_pipe():
    """Where stderr is no terminal, nothing is written while code is made."""
    with script(QUIET) as process:
        assert process.communicate(timeout=PATIENCE) == ("True\n", "")
