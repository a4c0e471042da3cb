"""Let compiled functions pickle, hash and compare by content, in flat arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.ir.flat import flatten, unflatten

if TYPE_CHECKING:
    from overbar.arguments import Signature
    from overbar.ir.graph import Graph
    from overbar.options import Options


class Identity:
    """Offer what Python asks of a compiled function: is it the same, how is it kept."""

    _graph: Graph
    options: Options
    signature: Signature

    def _content(self) -> tuple[Any, ...]:
        options = self.options
        key = (
            options.wrt,
            options.bare,
            options.accuracy,
            options.reduce,
            options.shape,
        )
        arguments = tuple((a.name, a.members, a.keys) for a in self.signature.arguments)
        return (*flatten(self._graph).content, key, arguments)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Identity):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def __reduce__(self) -> tuple[Any, ...]:
        content = flatten(self._graph), self.signature.arguments, self.options
        return _restored, (type(self), *content)

    def __repr__(self) -> str:
        names = ", ".join(self.signature.names)
        outputs = ", ".join(self._graph.outputs)
        return f"<overbar function ({names}) -> {outputs}>"


def _restored(kind: Any, flat: Any, arguments: Any, options: Options) -> Any:
    from overbar.levels import rewrite_for

    accuracy = options.accuracy
    graph = unflatten(flat, rewrite_for(accuracy), strict=accuracy == "strict")
    return kind(graph, arguments, options)
