"""Check that memory grows as long formulas do, so that a million operations fit.

That many take minutes. Three sizes are made here, each in a process of its own, whose
system says how much memory it had at most; the line through them says the rest.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from overbar.codegen.machine import making

SIZES = (10_000, 20_000, 50_000)
MOST = 4 * 2**30 / 1_000_000
"""Bytes for an operation, of which a million then take 4 GB."""
STATUS = Path("/proc/self/status")
TEXT = f"""
import json, os, re, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from irregular import irregular
import overbar as ob

def most():
    "Return the most memory that this process ever had."
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open({str(STATUS)!r}).read())[1])

ob.compile(irregular(2_000, 0.375).formula).value_and_grad(0.375)
before = most()
f = ob.compile(irregular(int(sys.argv[1]), 0.375, 3).formula)
f.value_and_grad(0.375)
after = most()
os.cpu_count = lambda: 1  # the fewer there are, the longer modules may be
texts = f.runtime.native._texts("value_and_grad")
longest = max(text.count(" = ") for text in texts)
peaks = {{"gradient": after - before, "texts": most() - before}}
print(json.dumps(peaks | {{"longest": longest}}))
"""


@pytest.mark.skipif(not STATUS.is_file(), reason="it asks Linux")
def test_memory_grows_as_the_formula(tmp_path, monkeypatch):
    """To the first gradient, to the texts of better code, whose modules do not grow."""
    monkeypatch.setenv("OVERBAR_CACHE_DIR", str(tmp_path))
    found = []
    for size in SIZES:
        done = subprocess.run(
            [sys.executable, "-c", TEXT, str(size)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found.append(json.loads(done.stdout))
    small, middle, large = found
    for kind in ("gradient", "texts"):
        first = (middle[kind] - small[kind]) / (SIZES[1] - SIZES[0])
        second = (large[kind] - middle[kind]) / (SIZES[2] - SIZES[1])
        assert max(first, second) < MOST
        assert second < 1.7 * first  # it would be 2.3 of what grows as the square
    assert large["longest"] < 4 * making.LARGEST_MODULE  # an op is 3 lines
