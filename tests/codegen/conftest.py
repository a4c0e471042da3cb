"""Give a test a cache folder of its own, random numbers, threads."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from overbar.codegen import cache, jitcache, load
from overbar.codegen.machine import threads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache folder that does not exist yet, set as the one to use."""
    path = tmp_path / "cache"
    monkeypatch.setenv(cache.VARIABLE, str(path))
    return path


@pytest.fixture
def restart(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], cache.Store]:  # noqa: ARG001
    """Forget, each time it is called, what this process knows of the cache."""

    def start() -> cache.Store:
        store = cache.Store()
        for module in (cache, load, jitcache):
            monkeypatch.setattr(module, "STORE", store)
        monkeypatch.setattr(load, "_MODULES", load._Modules())
        for name in [name for name in sys.modules if name.startswith(load.PACKAGE)]:
            monkeypatch.delitem(sys.modules, name)
        return store

    start()
    return start


@pytest.fixture
def rng() -> np.random.Generator:
    """Return the same random numbers every time."""
    return np.random.default_rng(11)


@pytest.fixture
def lots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three threads share every batch, in small pieces."""
    monkeypatch.setattr(threads, "SMALLEST", 0)
    monkeypatch.setattr(threads, "_PIECE", 1)
    monkeypatch.setenv(threads.VARIABLE, "3")
