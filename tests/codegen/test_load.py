"""Check that generated text becomes a module that behaves like any other."""

from __future__ import annotations

import importlib
import inspect
import os
import pickle
import re
import subprocess
import sys
import tempfile
import threading
import traceback
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from overbar.codegen import cache, load
from overbar.codegen.load import load_module, load_plain
from overbar.ir.errors import CacheWarning, OverbarError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    Loader = Callable[[str, str], ModuleType]

SOURCE = '''"""The value of a table."""

import math

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy", nogil=True)
def value(x, n=0):
    """Return the value."""
    t = (0.5, 0.25)
    # A comment that people read.
    return np.exp(x) * t[n] + math.pi
'''
EXPECTED = pytest.approx(np.exp(1.0) / 2 + np.pi)
LOADERS = (load_module, load_plain)
each_way = pytest.mark.parametrize("load_one", LOADERS)


def python(function: Any) -> Any:
    """Return the Python function, of a Numba dispatcher too."""
    return getattr(function, "py_func", function)


def subprocess_says(script: str, *args: str) -> str:
    """Return what a fresh process prints."""
    command = [sys.executable, "-W", "error", "-c", script, *args]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@each_way
def test_same_source_same_module(load_one: Loader) -> None:
    """The same text gives the same module; another text or name gives another."""
    module = load_one(SOURCE, "table")
    assert load_one(SOURCE, "table") is module
    assert load_one(SOURCE + "\n", "table") is not module
    assert load_one(SOURCE, "chair") is not module
    assert sys.modules[module.__name__] is module
    assert module.value(np.float64(1.0)) == EXPECTED


def test_the_two_ways_are_two_modules() -> None:
    """With Numba and without are modules of their own."""
    assert load_module(SOURCE, "table") is not load_plain(SOURCE, "table")
    assert not hasattr(load_plain(SOURCE, "table").value, "py_func")
    assert hasattr(load_module(SOURCE, "table").value, "py_func")


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("ridge", "ridge"),
        ("my formula.expr", "my_formula_expr"),
        ("../../etc/passwd", "etc_passwd"),
        ("a\x00b\nc", "a_b_c"),
        ("C:\\x", "C_x"),
        ("2nd", "_2nd"),
        ("caf\u00e9", "caf"),
        ("", "module"),
        ("...", "module"),
        ("x" * 300, "x" * 40),
    ],
)
def test_names(
    restart: Callable[[], Any], folder: Path, stem: str, expected: str
) -> None:
    """Any text does for a name; the module is called by it and by the text's hash."""
    restart()
    module = load_plain(SOURCE, stem)
    pattern = rf"overbar\.codegen\.generated\.{expected}_[0-9a-f]{{16}}_plain"
    assert re.fullmatch(pattern, module.__name__)
    (path,) = folder.rglob("*.py")
    assert module.__file__ == str(path)
    assert path.parent.parent == folder


@each_way
def test_looks_like_any_module(
    restart: Callable[[], Any], folder: Path, load_one: Loader
) -> None:
    """Docstring, file, source and line numbers are those of the text."""
    restart()
    module = load_one(SOURCE, "table")
    assert module.__doc__ == "The value of a table."
    assert module.__package__ == "overbar.codegen.generated"
    path = folder / module.__file__  # type: ignore[operator]
    assert path.read_text() == SOURCE
    function = python(module.value)
    assert inspect.getsource(module) == SOURCE
    assert inspect.getsource(function) == SOURCE[SOURCE.index("@njit") :]
    assert function.__code__.co_filename == module.__file__
    assert function.__code__.co_firstlineno == 9
    assert function.__doc__ == "Return the value."
    assert inspect.getmodule(function) is module


@each_way
def test_tracebacks_show_the_line(load_one: Loader) -> None:
    """An error inside generated code shows the line of the text."""
    with pytest.raises(TypeError) as caught:
        python(load_one(SOURCE, "table").value)(1.0, "x")
    shown = "".join(traceback.format_exception(caught.value))
    assert "return np.exp(x) * t[n] + math.pi" in shown


@each_way
def test_a_debugger_has_all_builtins(load_one: Loader) -> None:
    """Code typed at a debugger's prompt inside the module finds `print`."""
    module = load_one(SOURCE, "table")
    assert vars(module)["__builtins__"] is sys.modules["builtins"]


@each_way
def test_functions_see_the_listed_builtins_alone(load_one: Loader) -> None:
    """Generated functions hold no way to `open` or `exec`."""
    found = python(load_one(SOURCE, "table").value).__builtins__
    assert not {"open", "exec", "eval", "compile", "getattr"} & found.keys()


@each_way
def test_without_any_disk(
    restart: Callable[[], Any],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    load_one: Loader,
) -> None:
    """Where nothing can be written modules work all the same, source included."""
    folder.write_text("in the way")

    def fail(*_: object, **__: object) -> object:
        raise OSError("read-only")

    monkeypatch.setattr(tempfile, "mkdtemp", fail)
    restart()
    with pytest.warns(CacheWarning) as caught:
        result = load_one(SOURCE, "diskless").value(np.float64(1.0))
    assert result == EXPECTED
    assert len(caught) == 1
    module = load_one(SOURCE, "diskless")
    assert inspect.getsource(python(module.value)) == SOURCE[SOURCE.index("@njit") :]


@each_way
def test_source_after_a_purge(restart: Callable[[], Any], load_one: Loader) -> None:
    """A loaded module shows its source when the file is gone."""
    restart()
    module = load_one(SOURCE, "purged")
    cache.purge()
    assert inspect.getsource(python(module.value)) == SOURCE[SOURCE.index("@njit") :]


@each_way
def test_refused_source_leaves_nothing(folder: Path, load_one: Loader) -> None:
    """A refused text is neither written nor registered, and is refused again."""
    for _ in range(2):
        with pytest.raises(OverbarError):
            load_one("import os\n", "hostile")
    assert not folder.exists()
    assert not [n for n in sys.modules if n.startswith("overbar") and "hostile" in n]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(x, x):\n    return x\n", "duplicate argument 'x'"),
        ("def f(x):\n    break\n", "'break' outside loop"),
    ],
)
def test_refuses_what_parses_but_does_not_compile(source: str, found: str) -> None:
    """Text that fails only when compiled is an error of ours as well."""
    with pytest.raises(OverbarError, match="expected a generated module that compiles"):
        load_plain(source, "late")
    with pytest.raises(OverbarError, match=found):
        load_plain(source, "late")


def test_thirty_two_threads(restart: Callable[[], Any]) -> None:
    """Threads that load and call at once get one module and the same results."""
    restart()
    barrier = threading.Barrier(32)
    seen: list[tuple[ModuleType, ModuleType, float]] = []

    def work() -> None:
        barrier.wait()
        module, plain = load_module(SOURCE, "threads"), load_plain(SOURCE, "threads")
        seen.append((module, plain, module.value(1.0)))

    threads = [threading.Thread(target=work) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 32
    assert set(seen) == {seen[0]}
    assert seen[0][2] == EXPECTED


UNPICKLE = """
import pathlib, pickle, sys
functions = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
print([float(f(1.0)) for f in functions], functions[0].__module__)
"""


def test_functions_pickle(restart: Callable[[], Any], tmp_path: Path) -> None:
    """Functions are found again by another process of the same user."""
    restart()
    compiled, plain = load_module(SOURCE, "table"), load_plain(SOURCE, "table")
    path = tmp_path / "functions.pickle"
    path.write_bytes(pickle.dumps((plain.value, compiled.value)))
    expected = [compiled.value(1.0)] * 2
    assert subprocess_says(UNPICKLE, str(path)) == f"{expected} {plain.__name__}\n"


def test_import_by_name(restart: Callable[[], Any], folder: Path) -> None:
    """A module is found by its name while its text has the hash that the name says."""
    name = load_plain(SOURCE, "table").__name__
    path = next(folder.rglob("*.py"))
    restart()
    assert importlib.import_module(name).value(np.float64(1.0)) == EXPECTED
    assert importlib.import_module(name) is load_plain(SOURCE, "table")
    path.write_text(SOURCE.replace("exp", "cos"))
    restart()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(name)
    for other in ("table", "os", "load", "table_0123456789abcdef_plain"):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(f"{load.PACKAGE}.{other}")


FORK = """
import os, signal, threading
from overbar.codegen import cache, load
held, done = threading.Event(), threading.Event()
def hold():
    with load._MODULES.lock, cache.STORE._lock:
        held.set()
        done.wait()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(600)  # it would wait forever
    print(load.load_plain("X = 1\\n", "fork").X, flush=True)
    os._exit(0)
print(os.waitpid(child, 0)[1])
done.set()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_fork_while_another_thread_loads() -> None:
    """A fork's child loads modules although a thread of its parent held the locks."""
    command = [sys.executable, "-W", "ignore", "-c", FORK]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n0\n"


IMPORTS = """
import sys
import overbar.codegen.cache, overbar.codegen.load, overbar.codegen.allowlist
print(sorted({"numba", "numpy", "llvmlite", "platformdirs"} & sys.modules.keys()))
overbar.codegen.load.load_plain("import numpy as np\\n", "light")
print(sorted({"numba", "llvmlite"} & sys.modules.keys()))
"""


def test_imports_stay_light() -> None:
    """Loading the loader imports the standard library alone, plain modules no Numba."""
    assert subprocess_says(IMPORTS) == "[]\n[]\n"
