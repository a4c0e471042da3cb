"""Test the pause of Python's collector: it is afterwards what it was before."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import pytest

import overbar as ob
from overbar.ir.collector import paused

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=[True, False], ids=["on", "off"])
def was_on(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Start with the collector on or off, and end as it was."""
    before = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if before else gc.disable)()


def test_pauses_nest(was_on: bool) -> None:
    """Only the end of the outermost pause lets it go on."""
    with paused:
        with paused:
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert was_on == gc.isenabled()


def test_an_error_ends_a_pause(was_on: bool) -> None:
    """What raises leaves the collector as it was, functions under a pause too."""

    @paused
    def fail() -> None:
        raise RuntimeError(str(gc.isenabled()))

    with pytest.raises(RuntimeError, match="False"):
        fail()
    assert was_on == gc.isenabled()
    with pytest.raises(ob.OverbarError):
        ob.compile("x +")
    assert was_on == gc.isenabled()


def test_threads_share_a_pause(was_on: bool) -> None:
    """It goes on when the last thread is out, whoever was the first in."""
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with paused:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=stay)
    with paused:
        thread.start()
        assert inside.wait(10)
    assert not gc.isenabled()
    leave.set()
    thread.join(10)
    assert was_on == gc.isenabled()


def test_formulas_leave_the_collector_as_it_was(was_on: bool) -> None:
    """Reading, differentiating and printing pause it, and let it go on."""
    x = ob.param("x")
    f = ob.compile(x * ob.sin(x))
    assert "cos" in f.source
    assert was_on == gc.isenabled()
