"""Drawings of formulas over arrays."""

from __future__ import annotations

import re

import overbar as ob


def test_edges_show_shapes() -> None:
    """Each array's shape stands on the edges that it flows along."""
    drawing = ob.compile("W: param[m, n]\nx: data[n]\nsum(W @ x)").draw()
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawing)
    assert [t for t in texts if t.startswith("[")] == ["[m, n]", "[n]", "[m]"]
