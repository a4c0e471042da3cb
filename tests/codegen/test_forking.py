"""Check that a process may fork whatever its threads do: nobody waits for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

TESTS = str(Path(__file__).parents[1])
HANGS = 300
"""Seconds after which a process is ended: none takes a hundredth."""
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")

START = f"""
import contextlib, gc, os, signal, sys, threading, time
sys.path.insert(0, {TESTS!r})
signal.alarm({HANGS})
import overbar as ob
from irregular import irregular
from overbar import native, passes, progress
from overbar.codegen.machine import background, making, target
from overbar.ir import forking
from overbar.ir.collector import paused
held, done = threading.Event(), threading.Event()

def beside(work):
    "Run something in another thread until it is held there."
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    held.wait()
    return thread

def forked(look):
    "Return the exit status of a child, and what it found."
    read, write = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm({HANGS})
        found = "nothing"
        try:
            found = repr(look())
        finally:
            os.write(write, found.encode())
            os._exit(0)
    os.close(write)
    with open(read) as pipe:
        found = pipe.read()
    return os.waitpid(child, 0)[1], found

def holding(lock):
    "Take a lock, for ever."
    with lock:
        held.set()
        done.wait()

def long():
    "Return a long formula that has first code, and how to look at its best."
    making.CUT, making.MODULE, making.LARGEST_MODULE = 500, 1_000, 1_000
    f = ob.compile(irregular(1_500, 0.375, 7).formula, accuracy="strict")
    first, real = f.value_and_grad(0.375), background._START
    background._START = "import time; time.sleep(600)"
    def look():
        background._START = real
        f.build("value_and_grad", optimise=True)
        made = f.runtime.native.made("value_and_grad")
        return made.machine.final, first == f.value_and_grad(0.375)
    return f, look

f = ob.compile("x: param\\nx*x*x")
"""
WORKS = {
    "better code of the same formula": (
        """
        f, look = long()
        wait = background.Background.wait
        def waiting(self, step):
            held.set()
            return wait(self, step)
        background.Background.wait = waiting
        def build():
            with contextlib.suppress(ob.OverbarError):
                f.build("value_and_grad", optimise=True)
        thread = beside(build)
        print(forked(look))
        work = f.runtime.native.made("value_and_grad").work
        [*work._running.values()][0][0].kill()  # so its thread ends the others
        thread.join()
        """,
        "(0, '(True, True)')\n",
    ),
    "better code that calls asked for": (
        """
        f, look = long()
        native.IMPROVED_AFTER, native._LOOKED_AFTER = 1, 1
        f.value_and_grad(0.375)
        f.value_and_grad(0.375)
        work = f.runtime.native.made("value_and_grad").work
        print(forked(look), work.failed)
        work.stop()
        """,
        "(0, '(True, True)') False\n",
    ),
    "derivatives, which the child finds whole": (
        """
        state = ["whole"]
        def work():
            with f.derivation.lock:
                state[0] = "half"
                held.set()
                time.sleep(0.2)
                state[0] = "whole"
        beside(work)
        print(forked(lambda: (state[0], f(2.0))))
        """,
        "(0, \"('whole', 8.0)\")\n",
    ),
    "waiting to derive": (
        """
        beside(lambda: holding(f.derivation.lock._lock))
        print(forked(lambda: f(2.0)))
        """,
        "(0, '8.0')\n",
    ),
    "machine code": (
        """
        lines = [f"%v{k + 1} = fmul double %v{k}, %v{k}" for k in range(3_000)]
        text = "\\n".join(["define double @f(double %v0) {", *lines,
                           "ret double %v3000", "}"])
        def work():
            held.set()
            while not done.is_set():
                target.assemble(text)
        beside(work)
        print({forked(lambda: f(2.0)) for _ in range(5)})
        done.set()
        """,
        "{(0, '8.0')}\n",
    ),
    "a pause of the collector": (
        """
        beside(lambda: holding(paused))
        print(gc.isenabled(), forked(gc.isenabled))
        with paused:
            print(forked(gc.isenabled))
        """,
        "False (0, 'True')\n(0, 'False')\n",
    ),
    "a line of progress": (
        """
        beside(lambda: holding(progress._SHOWING))
        print(forked(lambda: progress._SHOWING.acquire(blocking=False)))
        """,
        "(0, 'True')\n",
    ),
    "a property": (
        """
        g, lowered = ob.compile("x: param\\nx*x"), vars(passes.Passes)["_lowered"]
        real, own = lowered.func, threading.get_ident()
        def slow(self):
            if threading.get_ident() != own:
                held.set()
                done.wait()
            return real(self)
        lowered.func = slow
        beside(lambda: g.derivation._lowered)
        print(forked(lambda: f.vjp(2.0, 1.0)))
        """,
        "(0, '(x=12.0)')\n",
    ),
}


@pytest.mark.parametrize("work", WORKS)
def test_a_fork_while_another_thread_is_at_work(work, tmp_path, monkeypatch):
    """A fork's child computes and compiles, though a thread of its parent did so."""
    monkeypatch.setenv("OVERBAR_CACHE_DIR", str(tmp_path))
    text, expected = WORKS[work]
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", START + textwrap.dedent(text)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ("", 0) == (process.stderr, process.returncode)
    assert expected == process.stdout
