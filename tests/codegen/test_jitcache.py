"""Check that machine code comes back from disk, and that damage costs time alone."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from overbar.codegen import cache, jitcache
from overbar.codegen.load import load_module
from overbar.ir.errors import CacheWarning

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE = '''"""Two functions, one of which calls the other."""

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy", nogil=True)
def slope(x):
    """Return the slope."""
    return -np.sin(x)


@njit(cache=True, error_model="numpy", nogil=True)
def value(x):
    """Return the value."""
    return np.cos(x) + 100.0 * slope(x)
'''
EXPECTED = float(np.cos(1.0) - 100.0 * np.sin(1.0))
HITS, MISSES = (1, 0), (0, 1)


def run() -> tuple[float, tuple[int, int]]:
    """Load the module, call it; return the value, and how often the disk had it."""
    function = load_module(SOURCE, "damage").value
    result = function(1.0)
    counts = function.stats
    return result, (sum(counts.cache_hits.values()), sum(counts.cache_misses.values()))


def code(folder: Path) -> list[Path]:
    """Return the files of machine code: those of `slope` (small) and `value`."""
    return sorted(folder.rglob("*.nbc"), key=lambda path: path.stat().st_size)


def test_a_second_process_starts_warm(restart: Callable[[], Any], folder: Path) -> None:
    """Machine code that one process saved is loaded by the next."""
    assert run() == (pytest.approx(EXPECTED), MISSES)
    files = [(path, path.stat().st_mtime_ns) for path in code(folder)]
    assert len(files) == 2
    restart()
    assert run() == (pytest.approx(EXPECTED), HITS)
    assert [(path, path.stat().st_mtime_ns) for path in code(folder)] == files


def to_folder(path: Path) -> None:
    """Put a folder, with a file in it, in place of a file."""
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("x")


def to_link(path: Path) -> None:
    """Put a link to the same content in place of a file."""
    path.rename(path.with_suffix(".other"))
    path.symlink_to(path.with_suffix(".other"))


def cut(path: Path, where: float) -> None:
    """Cut a file off."""
    os.truncate(path, int(path.stat().st_size * where))


def flip(path: Path, where: float) -> None:
    """Change one bit."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * where)] ^= 1
    path.write_bytes(data)


def sealed(path: Path, payload: bytes) -> None:
    """Put a payload under a digest that is right."""
    name = f"{path.parent.name}/{path.name}"
    path.write_bytes(jitcache._seal(name, payload))


def payload(path: Path) -> bytes:
    """Return a file's payload."""
    return path.read_bytes()[jitcache._DIGEST :]


def swap(path: Path) -> None:
    """Exchange the machine code of the two functions."""
    other = next(p for p in code(path.parent) if p != path)
    ours, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(ours)


def another_signature(path: Path) -> None:
    """Put machine code for another signature under a digest that is right."""
    before = set(code(path.parent))
    load_module(SOURCE, "damage").value(1)
    sealed(path, payload(max(set(code(path.parent)) - before, key=os.path.getsize)))


class Bomb:
    """Tell, by a file, that it was unpickled."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __reduce__(self) -> tuple[object, ...]:
        """Make a file when unpickled."""
        return os.mkdir, (str(self.flag),)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "one byte": lambda path: path.write_bytes(b"x"),
    "inside the digest": lambda path: path.write_bytes(path.read_bytes()[:20]),
    "the digest alone": lambda path: path.write_bytes(path.read_bytes()[:32]),
    "half": lambda path: cut(path, 0.5),
    "all but the end": lambda path: cut(path, 0.999),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "a bit at the start": lambda path: flip(path, 0),
    "a bit in the middle": lambda path: flip(path, 0.5),
    "a bit at the end": lambda path: flip(path, 0.9999),
    "random bytes": lambda path: path.write_bytes(np.random.default_rng(0).bytes(9999)),
    "text": lambda path: path.write_text("machine code"),
    "a pickle without digest": lambda path: path.write_bytes(pickle.dumps((1, 2))),
    "a sealed number": lambda path: sealed(path, pickle.dumps(42)),
    "a sealed tuple": lambda path: sealed(path, pickle.dumps((1,) * 9)),
    "a sealed empty payload": lambda path: sealed(path, b""),
    "a sealed unknown name": lambda path: sealed(path, b"cnowhere\nnothing\n."),
    "a sealed unknown opcode": lambda path: sealed(path, b"\xff"),
    "code of another function": swap,
    "sealed code of another signature": another_signature,
    "a folder": to_folder,
    "a link": to_link,
    "writable by all": lambda path: path.chmod(0o666),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_costs_one_compilation(
    restart: Callable[[], Any], folder: Path, kind: str
) -> None:
    """A file of machine code that is not as it was written is made again, once."""
    run()
    path = code(folder)[-1]
    original = payload(path)
    DAMAGE[kind](path)
    restart()
    assert run() == (pytest.approx(EXPECTED), MISSES)
    restart()
    assert run() == (pytest.approx(EXPECTED), HITS)
    assert len(payload(path)) == pytest.approx(len(original), rel=0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_a_read_only_file_is_used(restart: Callable[[], Any], folder: Path) -> None:
    """A file that nobody can write is as good as any."""
    run()
    for path in code(folder):
        path.chmod(0o400)
    restart()
    assert run() == (pytest.approx(EXPECTED), HITS)


def test_a_damaged_file_is_not_unpickled(
    restart: Callable[[], Any], folder: Path, tmp_path: Path
) -> None:
    """A pickle that is not under its digest never runs."""
    run()
    path, flag = code(folder)[-1], tmp_path / "flag"
    path.write_bytes(pickle.dumps(Bomb(flag)))
    restart()
    assert run() == (pytest.approx(EXPECTED), MISSES)
    assert not flag.exists()
    sealed(path, pickle.dumps(Bomb(flag)))  # the test can fail: whoever writes here ...
    restart()
    assert run() == (pytest.approx(EXPECTED), MISSES)
    assert flag.exists()  # ... can run code, which is why the folder is private


def test_damaged_source_changes_nothing(
    restart: Callable[[], Any], folder: Path
) -> None:
    """The file of the source is for people: damaged it is written again, not run."""
    run()
    path = next(folder.rglob("*.py"))
    path.write_text("raise SystemExit\n")
    restart()
    assert run() == (pytest.approx(EXPECTED), HITS)
    assert path.read_text() == SOURCE


def test_the_folder_may_vanish(restart: Callable[[], Any], folder: Path) -> None:
    """A purge between loading and compiling costs nothing."""
    function = load_module(SOURCE, "damage").value
    cache.purge()
    assert function(1.0) == pytest.approx(EXPECTED)
    assert len(code(folder)) == 2
    restart()
    assert run()[1] == HITS


def test_a_full_disk_does_not_fail_the_call(
    restart: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nothing can be written any more, calls still give their results."""
    restart()
    function = load_module(SOURCE, "damage").value

    def fail(*_: object, **__: object) -> object:
        raise OSError("No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", fail)
    with pytest.warns(CacheWarning, match="No space left") as caught:
        assert function(1.0) == pytest.approx(EXPECTED)
    assert len(caught) == 1


def test_numba_that_changes_inside_costs_the_cache_alone(
    restart: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If saving fails inside Numba, calls still give their results."""
    restart()
    monkeypatch.setattr(jitcache, "_dumps", None)
    with pytest.warns(CacheWarning, match="not cached"):
        assert run() == (pytest.approx(EXPECTED), MISSES)


def test_settings_of_numba_are_told_apart(
    restart: Callable[[], Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machine code made under other settings of Numba is not taken for ours."""
    run()
    monkeypatch.setattr(jitcache.config, "BOUNDSCHECK", 1)
    restart()
    assert run()[1] == MISSES
    assert len(code(folder)) == 4


def test_recompile_forgets_the_disk(restart: Callable[[], Any], folder: Path) -> None:
    """Numba's `recompile` makes the machine code anew."""
    run()
    function = load_module(SOURCE, "damage").value
    for path in code(folder):
        path.write_bytes(b"")
    function.recompile()
    assert function(1.0) == pytest.approx(EXPECTED)
    restart()
    assert run()[1] == HITS


def test_disable_and_enable(restart: Callable[[], Any], folder: Path) -> None:
    """A disabled cache neither loads nor saves."""
    restart()
    function = load_module(SOURCE, "damage").value
    function._cache.disable()
    function(1.0)
    assert len(code(folder)) == 1
    function._cache.enable()
    function(1)
    assert len(code(folder)) == 3
    assert function.stats.cache_path == str(code(folder)[0].parent)


PROCESS = """
import json, pathlib, sys
from overbar.codegen.load import load_module
module = load_module(pathlib.Path(sys.argv[1]).read_text(), "race")
print(json.dumps([module.value(x) for x in (1.0, 1)]))
"""


def start(tmp_path: Path, **variables: str) -> subprocess.Popen[str]:
    """Start a process that loads the module and calls it."""
    script = tmp_path / "source.txt"
    script.write_text(SOURCE)
    return subprocess.Popen(
        [sys.executable, "-W", "always", "-c", PROCESS, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )


def test_eight_processes_at_once_on_a_cold_cache(tmp_path: Path, folder: Path) -> None:
    """Eight processes that compile the same at once agree and leave whole files."""
    processes = [start(tmp_path) for _ in range(8)]
    outputs = [process.communicate() for process in processes]
    assert {stderr for _, stderr in outputs} == {""}
    results = [json.loads(stdout) for stdout, _ in outputs]
    assert results == [[pytest.approx(EXPECTED)] * 2] * 8
    suffixes = sorted(path.suffix for path in folder.rglob("*.*") if path.is_file())
    assert suffixes == [*([".nbc"] * 4), ".py"]


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
@pytest.mark.parametrize(
    ("variables", "first", "warned"),
    [
        ({"OVERBAR_CACHE_DIR": "/proc/overbar"}, "", 1),
        ({}, LIMITED, 1),
        ({"NUMBA_DISABLE_JIT": "1"}, "", 0),
        ({"NUMBA_CACHE_DIR": "/proc/numba"}, "", 0),
    ],
    ids=["read-only", "full disk", "no compiler", "Numba's own folder"],
)
def test_a_process_in_need(
    tmp_path: Path, folder: Path, variables: dict[str, str], first: str, warned: int
) -> None:
    """No place to write, odd settings: the results are right, one warning at most."""
    script = tmp_path / "source.txt"
    script.write_text(SOURCE)
    command = [sys.executable, "-W", "always", "-c", first + PROCESS, str(script)]
    environment = {**os.environ, "OVERBAR_CACHE_DIR": str(folder), **variables}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment
    )
    assert json.loads(done.stdout) == [pytest.approx(EXPECTED)] * 2
    assert done.stderr.count("CacheWarning") == warned
