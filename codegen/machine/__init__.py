"""Make machine code of Programs without Numba: LLVM text, object code, addresses."""

from __future__ import annotations

import os
import platform
import sys

VARIABLE = "OVERBAR_MACHINE_CODE"
"""Switches it on where it is untested, by 1, or off, by 0."""


def _is_tested() -> bool:
    """Whether this is a machine as those that everything is tested on.

    On AArch64 LLVM's loader is reported to overflow relocations (llvmlite's issue
    1000), which would end the process.
    """
    known = platform.machine().lower() in {"x86_64", "amd64"}
    return known and sys.platform == "linux" and sys.maxsize > 2**32


RUNS = {"1": True, "0": False}.get(os.environ.get(VARIABLE, ""), _is_tested())
"""Whether formulas run by such code; elsewhere Numba compiles all of them."""
