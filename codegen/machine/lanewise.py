"""Print functions over vectors that call one of numbers for each lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from overbar.codegen.machine.instructions import Instructions, kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

Result: TypeAlias = "str | tuple[str, ...]"
"""The dtype of a result, or the dtypes of several."""


def kind_of_result(dtype: Result, lanes: int) -> str:
    """Return LLVM's type of a result; several are a structure."""
    if isinstance(dtype, str):
        return kind_of(dtype, lanes)
    return f"{{ {', '.join(kind_of(d, lanes) for d in dtype)} }}"


def each_lane(
    symbol: str, one: str, dtypes: Sequence[str], dtype: str, lanes: int
) -> str:
    """Return the definition of a function over vectors that calls one lane by lane."""
    code = Instructions()
    kinds = [kind_of(d, lanes) for d in dtypes]
    kind, whole = kind_of(dtype, lanes), "poison"
    for lane in range(lanes):
        given = [
            code.make(f"extractelement {k} %x{i}, i64 {lane}", d)
            for i, (k, d) in enumerate(zip(kinds, dtypes, strict=True))
        ]
        found = code.call(one, given, dtype)
        part = f"{kind_of(dtype, 1)} {found.text}, i64 {lane}"
        whole = code.make(f"insertelement {kind} {whole}, {part}", dtype).text
    head = ", ".join(f"{k} %x{i}" for i, k in enumerate(kinds))
    opening = f"define internal {kind} {symbol}({head}) nounwind {{"
    return f"{opening}\n{code.text()}\nret {kind} {whole}\n}}"
