"""Test the matrix of hostile input: every route times every class of attack.

Whatever comes in, nothing of it executes, no other file is written, and the answer is
an own error, or a function of harmless source, with few calls for its length.
"""

from __future__ import annotations

import ast
import os
import struct
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from effort import counted, no_hang
from hostile import ATTACKS, ROUTES, Attempt

import overbar as ob
from overbar.codegen import allowlist
from overbar.ir.errors import OverbarError
from overbar.ir.types import size_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHORT, LARGE = 100_000, 25_000_000
"""How many calls may answer a text: the most are 14,000, for large ones 11 million."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_PROCESSES = (
    "ftplib.", "os.exec", "os.fork", "os.kill", "os.posix_spawn", "os.system",
    "os.startfile", "pickle.find_class", "pty.", "smtplib.", "socket.", "subprocess.",
    "urllib.", "webbrowser.",
)  # fmt: skip
_CHANGES = (
    "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir",
    "os.symlink", "os.truncate", "shutil.",
)  # fmt: skip

_SEEN: list[str] = []
_WATCHING: list[tuple[Path, ...]] = []


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if not _WATCHING:
        return
    if event == "open":
        flags = args[2] if isinstance(args[2], int) else 0
        if flags & _WRITES and not isinstance(args[0], int):
            _note(event, args[0])
    elif event.startswith(_CHANGES):
        _note(event, args[0])
    elif event == "exec":
        _SEEN.extend([_code(args[0])] * (_code(args[0]) in {"<string>", "<unknown>"}))
    elif event.startswith(_PROCESSES):
        _SEEN.append(f"{event} {args!r:.80}")


def _code(code: Any) -> str:
    return str(getattr(code, "co_filename", ""))


def _note(event: str, name: Any) -> None:
    """Note a change to a file unless it is an expected one."""
    path = Path(os.path.realpath(os.fsdecode(name)))
    if not any(path == p or p in path.parents for p in _WATCHING[0]):
        _SEEN.append(f"{event} {path}")


sys.addaudithook(_watch)


def real(files: Iterable[str]) -> list[str]:
    """Return the places of files, of those that can exist."""
    found = []
    for file in files:
        with suppress(ValueError):  # a NUL, or half a character
            found.append(os.path.realpath(os.fsdecode(os.fsencode(file))))
    return found


@contextmanager
def watching(*files: str) -> Iterator[list[str]]:
    """Record what is run, and what is written but the cache and these files."""
    cache = Path(os.path.realpath(os.environ["OVERBAR_CACHE_DIR"]))
    expected = map(Path, real(files))
    _SEEN.clear()
    _WATCHING.append((cache, Path(os.devnull), *expected))
    try:
        yield _SEEN
    finally:
        _WATCHING.pop()


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Load every module that a route needs, and what it makes at first use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("warm"))
        for prepare in ROUTES.values():
            for text in ("x", "1", "?", "x y"):
                faults(prepare(text), LARGE)


def exercised(found: object) -> None:
    """Read and run what was accepted: its source is what may be executed."""
    if not isinstance(found, ob.CompiledFunction):
        return
    given = [
        np.full([size_of(e, {}) for e in node.type.shape], 0.5)[()]
        for node in found.graph.inputs.values()
    ]
    assert allowlist.check(found.source).body
    sizes = [np.size(v) for v in np.atleast_1d(found(*given))]
    assert len(sizes) >= len(found.graph.outputs)
    assert is_shown(found.text() + found.source)


def is_shown(text: str) -> bool:
    """Whether a text does nothing to a terminal but to be read."""
    return all(c.isprintable() or c == "\n" for c in text)


def faults(attempt: Attempt, budget: int) -> list[str]:
    """Hand a text over and return what went wrong, in ASCII."""
    found: list[str] = []
    with watching(*attempt.files) as seen:
        accepted = None
        try:
            with no_hang(), counted() as effort:
                accepted = attempt.act()
        except OverbarError as error:
            found += ["a message that is not printable"] * (not is_shown(str(error)))
        except Exception as error:  # noqa: BLE001 - whatever is raised is a fault
            found.append(f"{type(error).__name__}: {error}")
        found += [f"{effort.calls:,} calls"] * (effort.calls > budget)
        try:
            exercised(accepted)
        except Exception as error:  # noqa: BLE001
            found.append(f"accepted, then {type(error).__name__}: {error}")
    return [ascii(fault)[:300] for fault in found + seen]


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("route", ROUTES)
def test_hostile_input(
    route: str, attack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing executes, nothing is written elsewhere, the answer takes few calls."""
    found = {}
    for i, text in enumerate(ATTACKS[attack]):
        folder = tmp_path / str(i) / "inside"
        folder.mkdir(parents=True)
        monkeypatch.chdir(folder)
        try:
            attempt = ROUTES[route](text)
        except (OSError, ValueError, IndexError, struct.error):  # no such name exists
            continue
        found[i] = faults(attempt, LARGE if attack == "size" else SHORT)
        own = real(attempt.files)
        found[i] += [
            f"wrote {path}"
            for path in map(str, folder.parent.rglob("*canary*"))
            if path not in own
        ]
    assert {i: [] for i in found} == found


HARMLESS = {
    "a text": "x*x", "a comment": "x*x", "a docstring": "x*x", "a declared name": "x",
    "a role": "param", "a default": "2.5", "an assigned name": "y",
    "a function's name": "g", "a function's argument": "z", "a called function": "sin",
    "a condition": "x > 0", "a file": "x*x", "a SymPy symbol": "y", "ob.param": "y",
    "ob.data": "y", "ob.let": "y", "ob.op": "mine", "inputs= of SymPy": "y",
    "a key of outputs": "y", "a key of SymPy outputs": "y", "wrt=": "x", "name=": "y",
    "kinks=": "left", "accuracy=": "strict", "reduce=": "sum", "backend=": "python",
    "a SymPy bound symbol": "k", "a pickle of ours": "z", "a cached module": "x",
}  # fmt: skip


@pytest.mark.parametrize("route", HARMLESS)
def test_the_routes_lead_in(
    route: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is harmless is accepted by the same routes, so that attacks get as far."""
    monkeypatch.chdir(tmp_path)
    assert isinstance(ROUTES[route](HARMLESS[route]).act(), ob.CompiledFunction)


def test_the_watch_sees(tmp_path: Path) -> None:
    """What the matrix looks for would be seen: code, processes, files, removals."""
    with watching(str(tmp_path / "b")) as seen:
        exec("1 + 1")  # noqa: S102 - this is what must be seen
        (tmp_path / "a").touch()
        (tmp_path / "b").touch()
        (tmp_path / "a").unlink()
        subprocess.run([sys.executable, "-c", ""], check=True)
    assert "<string>" in seen
    assert any(s.startswith("subprocess.Popen") for s in seen)
    assert [f"open {tmp_path}/a", f"os.remove {tmp_path}/a"] == [
        s for s in seen if str(tmp_path) in s
    ]


def test_the_attacks_would_work() -> None:
    """Many of the attacks are Python that runs, if anybody runs it."""
    parsed = 0
    for text in (text for texts in ATTACKS.values() for text in texts):
        try:
            parsed += bool(ast.parse(text).body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    assert parsed > 20
