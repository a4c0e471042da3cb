"""Call generated functions from a user's own Numba code, cached or not."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numba
import numpy as np
import pytest

import overbar as ob

if TYPE_CHECKING:
    from pathlib import Path

USER = """
import sys, warnings
warnings.simplefilter("ignore")
import numba
import overbar as ob

formula = ob.compile(sys.argv[1], backend=sys.argv[2]).jit.value

@numba.njit(cache=True)
def user(x):
    return formula(x)

print(user(3.0))
"""


@pytest.mark.parametrize("backend", ["auto", "numba"])
def test_a_users_cached_function_never_runs_an_old_formula(
    tmp_path: Path, backend: str
):
    """The same cached user function gives the new formula's value in a new process."""
    script = tmp_path / "user.py"
    script.write_text(USER)
    outputs = [
        subprocess.run(
            [sys.executable, str(script), text, backend],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for text in ("2*x", "x**3", "2*x")
    ]
    assert outputs == ["6.0\n", "27.0\n", "6.0\n"]


def test_numba_code_calls_every_entry_point():
    """A jitted loop around `f.jit.value_and_grad` descends, defaults filled in."""
    f = ob.compile("w: param\nt: data = 2.0\n(w - t)**2")
    step = f.jit.value_and_grad

    @numba.njit
    def descend(w, n):
        for _ in range(n):
            _, (w_bar,) = step(w)
            w -= 0.25 * w_bar
        return w

    assert descend(0.0, 60) == 2.0
    forward, backward = f.jit.forward, f.jit.backward

    @numba.njit
    def apart(w):
        value, saved = forward(w, 1)
        return value, backward(saved), backward(saved, 2.0)

    assert apart(3.0) == (4.0, (4.0,), (8.0,))


def test_many_inputs_come_as_one_array():
    """More than 16 inputs are one array argument."""
    f = ob.compile("+".join(f"x{i}**2" for i in range(20)))
    value, gradient = f.jit.value_and_grad(np.arange(20.0))
    assert value == sum(i * i for i in range(20))
    np.testing.assert_array_equal(gradient, 2 * np.arange(20.0))


def test_a_wrong_number_of_arguments_is_named():
    """Too few arguments are an error that says how many are expected."""
    with pytest.raises(ob.InputError) as error:
        ob.compile("x*y").jit.value(1.0)
    assert str(error.value) == "expected 2 arguments (x, y), found 1"


def test_without_numba_there_is_nothing_to_jit():
    """A formula that runs without Numba says so."""
    with pytest.raises(ob.UnsupportedError, match="needs Numba"):
        _ = ob.compile("x", backend="python").jit.value
