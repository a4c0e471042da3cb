"""Set up every test run: a cache folder of its own, Hypothesis, golden files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings

GOLDEN = Path(__file__).parent / "golden"
CACHE = pytest.StashKey[str]()

# The suite is the same every time; HYPOTHESIS_PROFILE=search looks for new failures.
# No clock decides: the first call of a compiled function compiles it, and others run.
NO_CLOCK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeat", NO_CLOCK, derandomize=True)
settings.register_profile("search", NO_CLOCK, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))


class Golden(Protocol):
    """Compare a text with the file of a name under tests/golden/."""

    def __call__(self, name: str, text: str) -> None:
        """Fail where `text` differs from the golden file `name`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag that rewrites the golden files."""
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite tests/golden/ with what is generated now (then read the diff)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Give this run an empty cache folder, which its xdist workers share."""
    if not hasattr(config, "workerinput"):
        config.stash[CACHE] = tempfile.mkdtemp(prefix="overbar-tests-")
        os.environ["OVERBAR_CACHE_DIR"] = config.stash[CACHE]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the run's cache folder when its last worker is done."""
    if CACHE in config.stash:
        shutil.rmtree(config.stash[CACHE], ignore_errors=True)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare texts with golden files, or rewrite these under --update-golden."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        assert path.read_bytes().decode() == text

    return compare
