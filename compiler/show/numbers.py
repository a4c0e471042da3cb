"""Write numbers and arrays as short as they can be read, for labels in a picture.

Comes in: a value. Goes out: text of one line or a few: a small array with its elements,
a large one as its shape and the range of its elements.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_MOST_ROWS, _MOST_COLUMNS = 4, 4
_DIGITS, _WHOLE = 4, (1e3, 1e5)
"""Digits of a number; in an array one less, but those before the point."""


def shown(value: Any, *, sized: bool = True) -> str:
    r"""Return a number with four digits, an array in lines, its numbers with three.

    sized: a large array's shape stands above the range of its elements.

    >>> shown(2.0), shown(1 / 3), shown(1.5e17), shown(float("inf"))
    ('2', '0.3333', '1.5e17', '∞')
    >>> shown(np.array([[1.0, 0.5], [2 / 3, 4.0]])), shown(np.arange(64.0))
    ('[1, 0.5]\n[0.667, 4]', '[64]\n0 … 63')
    """
    array = np.asarray(value)
    if not array.ndim:
        return _number(value, _DIGITS)
    size = f"[{', '.join(map(str, array.shape))}]"
    if not array.size:
        return size
    rows = array.reshape(-1, array.shape[-1])
    if array.ndim <= 2 and len(rows) <= _MOST_ROWS and rows.shape[1] <= _MOST_COLUMNS:
        return "\n".join(
            f"[{', '.join(_number(x, _DIGITS - 1) for x in row)}]" for row in rows
        )
    return f"{size}\n{_range(array)}" if sized else _range(array)


def _range(array: Any) -> str:
    """Return the least and the largest element; NaN if there is one."""
    low, high = (_number(x, _DIGITS - 1) for x in (array.min(), array.max()))
    return low if low == high else f"{low} … {high}"


def _number(value: Any, digits: int) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    whole = _WHOLE[0] <= abs(value) < _WHOLE[1] and digits < _DIGITS
    text = f"{float(value):.{0 if whole else digits}{'f' if whole else 'g'}}"
    text = re.sub(r"e([+-])0*", lambda m: f"e{m[1].strip('+')}", text)
    return (
        {"-0": "0"}.get(text, text).replace("inf", "∞").replace("-", "\N{MINUS SIGN}")
    )
