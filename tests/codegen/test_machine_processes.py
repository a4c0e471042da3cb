"""Check that processes share our own machine code, and keep what is everybody's."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import pytest

from overbar.codegen import cache

FORMULA = "x: param\ny: param\nsin(x)*y + sqrt(x)"
POINT = (0.5, 2.0)
SLOPES = [math.cos(0.5) * 2.0 + 0.5 / math.sqrt(0.5), math.sin(0.5)]
EXPECTED = math.sin(0.5) * 2.0 + math.sqrt(0.5)
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes")

PROCESS = f"""
import json, sys
import llvmlite.binding as llvm
import overbar as ob
count, real = [], llvm.parse_assembly
llvm.parse_assembly = lambda *args, **more: count.append(1) or real(*args, **more)
value, slopes = ob.compile({FORMULA!r}).value_and_grad(*{POINT})
print(json.dumps([[value, list(slopes)], len(count), "numba" in sys.modules]))
"""


def start(first="", text=PROCESS, **variables):
    """Start a process that calls the formula."""
    return subprocess.Popen(
        [sys.executable, "-W", "always", "-c", first + text],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **variables},
    )  # fmt: skip


def told(process):
    """Return what a process found, and what it said besides."""
    out, err = process.communicate()
    assert out, err
    result, *rest = json.loads(out)
    assert result == [pytest.approx(EXPECTED), pytest.approx(SLOPES)]
    return (*rest, err)


def test_a_second_process_compiles_nothing(folder):
    """A fresh process has its first gradient without LLVM's work, and without Numba."""
    del folder
    count, _, err = told(start())
    assert (count > 0, err) == (True, "")
    assert told(start()) == (0, False, "")


LOADED = """
import json, sys
print(json.dumps([name.partition(".")[0] for name in sys.modules]))
"""


def loaded(first):
    """Return the packages that a process has after some text, and what it said."""
    out, err = start(first, LOADED).communicate()
    return {*json.loads(out)} - sys.stdlib_module_names, err


def test_the_import_is_light():
    """`import overbar` imports the standard library alone, and so takes no time."""
    (before, _), (after, err) = loaded(""), loaded("import overbar\n")
    assert (after - before, err) == ({"overbar"}, "")


def test_sixteen_processes_at_once_on_a_cold_cache(folder):
    """Processes that make the same at once agree, and leave whole files alone."""
    processes = [start() for _ in range(16)]
    assert {""} == {told(process)[-1] for process in processes}
    assert {".obj"} == {path.suffix for path in folder.glob("*/*")}
    assert told(start()) == (0, False, "")


LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"


@posix
@pytest.mark.parametrize(
    ("variables", "first"),
    [({"OVERBAR_CACHE_DIR": "/proc/overbar"}, ""), ({}, LIMITED)],
    ids=["read-only", "full disk"],
)
def test_a_process_in_need(folder, variables, first):
    """With no place to write results are right, and one warning says so."""
    del folder
    *_, err = told(start(first, **variables))
    assert err.count("CacheWarning") == 1


KILLED = """
import os, random, signal, time
from overbar.codegen.cache import STORE
from overbar.codegen.machine import store
def use(k):
    f = ob.compile(f"x: param\\nsin({k + 1}*x)", accuracy="strict")
    f.value_and_grad(0.5)
    f.grad(0.5)
def kept():
    return [path for path in STORE.files() if path.suffix == ".obj"]
random.seed(1)
begun, begins = os.pipe()
for k in range(1000):
    if k >= 200 and len(kept()) > 20:
        break
    child = os.fork()
    if not child:
        os.write(begins, b".")
        for j in range(1000):
            use(1000*k + j)
        os._exit(0)
    os.read(begun, 1)
    # on a busy machine children have little of the processor: later ones get more
    time.sleep(random.uniform(0.0, 0.06*(1 + k//100)))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
files = kept()
assert len(files) > 20, len(files)
broken = [path for path in files if store.fetch(path.stem) is None]
assert not broken, broken
"""


@posix
def test_killed_processes_leave_no_broken_file(folder):
    """200 processes killed while they make and write code harm nobody after them."""
    told(start(text=PROCESS.replace("print(", KILLED + "print(")))
    assert told(start()) == (0, False, "")
    left = [path for path in folder.glob("*/*") if path.suffix not in cache.SUFFIXES]
    assert [] == left


# -- what is everybody's -----------------------------------------------------------

STATE = """
import decimal, gc, json, locale, os, random, re, signal, sys, threading, warnings
import faulthandler, llvmlite, numpy as np
import llvmlite.binding as llvm
import numba
import scipy.linalg, scipy.special  # old ones set filters of warnings
from numba.core import config

asked = []  # what cannot be looked up: LLVM tells nobody which options are set

def watched(name, real):
    def ask(*args):
        who = sys._getframe(1).f_globals["__name__"]
        if who.startswith("overbar"):
            asked.append((who, name))
        return real(*args)
    return ask

for name in ("set_option", "add_symbol", "load_library_permanently"):
    setattr(llvm, name, watched(name, getattr(llvm, name)))

def state():
    handlers = {s.name: repr(signal.getsignal(s)) for s in signal.Signals}
    settings = {n: repr(v) for n, v in vars(config).items() if n.isupper()}
    names = ("core", "overbar_pycall", "overbar_cell", "kernel0", "overbar.piece0")
    symbols = {n: llvm.address_of_symbol(n) for n in names}
    mask = os.umask(0)
    os.umask(mask)
    return {
        "environment": dict(os.environ), "handlers": handlers, "numba": settings,
        "symbols": symbols, "asked": [*asked], "umask": mask, "folder": os.getcwd(),
        "llvmlite": llvmlite.opaque_pointers_enabled
        if hasattr(llvmlite, "opaque_pointers_enabled") else None,
        "triple": llvm.get_process_triple(), "path": sys.path,
        "finders": repr((sys.meta_path, sys.path_hooks)),
        "hooks": repr((sys.excepthook, sys.unraisablehook, threading.excepthook)),
        "recursion": sys.getrecursionlimit(), "switch": sys.getswitchinterval(),
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "threads": threading.active_count(), "profile": repr(sys.getprofile()),
        "warnings": repr(warnings.filters), "floats": repr(np.geterr()),
        "decimals": repr(decimal.getcontext()), "random": hash(random.getstate()),
        "numpy random": np.random.get_state()[1].tolist()[:9],
        "locale": locale.setlocale(locale.LC_ALL), "faults": faulthandler.is_enabled(),
        "subnormals": float(np.float64(5e-324) * np.float64(1.0)),
        "rounding": (1.0 + 2.0**-53, 1.0 + 2.0**-53 + 2.0**-60),
    }

def code():
    made = numba.njit("float64(float64)")(lambda x: 3.0 * np.sin(x) + 1.0)
    (text,) = made.inspect_asm().values()
    return re.sub(r"[\\w.$]{20,}", "name", text)  # the names count functions

before, first = state(), code()
"""
USE = """
import overbar as ob
from overbar.codegen.machine import making
imported = state()
f = ob.compile("x: param\\ny: param\\nwhere(x > 0, sin(x)*y, y)")
f.value_and_grad(0.5, 2.0)
f.flat.value_and_grad(np.array([0.5, 2.0]))
f.jit.value_and_grad
making.LARGEST_QUICK = making.SHORT = 0
making.CUT, making.MODULE, making.LARGEST_MODULE = 2, 4, 4
g = ob.compile("+".join(f"sin({k}*x)*tanh(x)" for k in range(1, 99)), inputs=["x"])
g.build("value_and_grad", optimise=True)
g.value_and_grad(0.5)
try:
    ob.compile("x: param\\nsin(")
except Exception:
    pass
after = state()
changed = {}
for s in (imported, after):
    changed |= {k: (before[k], s[k]) for k in s if s[k] != before[k]}
print(json.dumps(changed, default=repr))
print(len(first) > 1000, first == code())
"""


def test_nothing_of_the_process_is_changed(folder):
    """Importing and using Overbar leaves settings, symbols, handlers as they were."""
    del folder
    process = start(text=STATE + USE)
    out, err = process.communicate()
    assert err == ""
    changed, same = out.splitlines()
    assert {} == json.loads(changed)
    assert same == "True True"
