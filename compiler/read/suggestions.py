"""Suggest the name that a misspelt one may stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.read.functions import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST, _MOST = 60, 2000


def suggest(name: str, known: Iterable[str]) -> str:
    """Return advice for a misspelt name, or nothing; never for long."""
    if len(name) > _LONGEST:
        return ""
    near = [k for k in known if abs(len(k) - len(name)) <= 3]
    return nearest(name, near[:_MOST])
