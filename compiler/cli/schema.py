"""Write a derivation as JSON, in the versioned format of docs/json.md."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from overbar.cost import readable
from overbar.statements import derivatives

if TYPE_CHECKING:
    from overbar.cost import Count
    from overbar.function import CompiledFunction
    from overbar.ir.source import Span
    from overbar.ir.types import Extent

FORMAT = "overbar-derivation"
VERSION = 1
"""To be raised when a field changes its meaning or goes; new fields may come."""


def as_json(f: CompiledFunction, order: int) -> str:
    """Return the derivation as JSON in ASCII, so that any encoding can carry it."""
    return json.dumps(_document(f, order), indent=2, allow_nan=False) + "\n"


def _document(f: CompiledFunction, order: int) -> dict[str, Any]:
    graph = f.graph
    found = derivatives(f.derivation, order)
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": f.options.name,
        "doc": graph.doc,
        "options": {
            "wrt": list(f.options.wrt),
            "order": order,
            "kinks": graph.kinks,
            "accuracy": f.options.accuracy,
        },
        "inputs": [_input(f, name) for name in graph.inputs],
        "outputs": list(graph.outputs),
        "statements": {
            part: [asdict(statement) for statement in statements]
            for part, statements in found.parts.items()
        },
        "adjoints": found.adjoints,
        "second_derivatives": [
            {"of": list(pair), "name": name} for pair, name in found.second.items()
        ],
        "hessian_products": [
            {"of": of, "direction": found.directions[of], "name": name}
            for of, name in found.products.items()
        ],
        "kinks": [
            {
                "expression": kink.expression,
                "condition": kink.condition,
                "kind": kink.kind,
                "convention": kink.convention,
                "line": _line(kink.span),
            }
            for kink in f.kinks
        ],
        "rewrites": [
            {"rule": rule, "line": _line(span)} for rule, span in graph.rewrites
        ],
        "cost": _cost(f),
    }


def _input(f: CompiledFunction, name: str) -> dict[str, Any]:
    graph = f.graph
    node = graph.inputs[name]
    return {
        "name": name,
        "role": graph.roles[name],
        "type": str(node.type),
        "default": _number(graph.defaults.get(name)),
        "line": _line(graph.spans.get(node)),
    }


def _cost(f: CompiledFunction) -> dict[str, Any] | None:
    """Return what the passes of one number cost, None for several outputs and arrays.

    Over arrays counts are texts, polynomials in the sizes.
    """
    outputs = list(f.graph.outputs.values())
    if len(outputs) > 1 or outputs[0].type.shape:
        return None
    cost = f.cost
    return {
        "value": _count(cost.value),
        "value_and_gradient": _count(cost.gradient),
        "ratio": round(cost.ratio, 4),
        "saved_bytes": _amount(cost.saved),
    }


def _count(count: Count) -> dict[str, Any]:
    each = {name: _amount(number) for name, number in count.operations.items()}
    return {"operations": each, "weighted": _amount(count.flops)}


def _amount(number: Extent) -> int | str:
    """Return a whole number, or the text of a polynomial in sizes."""
    return number if isinstance(number, int) else readable(number)


def _number(value: float | None) -> float | str | None:
    """Return a number as JSON has them: those that it lacks as text."""
    return value if value is None or math.isfinite(value) else str(float(value))


def _line(span: Span | None) -> int | None:
    return None if span is None else span.line
