"""Say what steps an expression is turned into, and what the functions of a file are."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.ir.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.read.syntax import Part


class Kind(IntEnum):
    """Name what a step does with the stack and the local values."""

    PUSH = 0
    LOCAL = 1
    STORE = 2
    APPLY = 3
    CALL = 4
    RUN = 5


class Step(NamedTuple):
    """Hold one step.

    data: the value to push, the number of the local value, the `Operation` to apply,
        the `Definition` to call or a function `(machine, values, step)` to run.
    operands: the phrases of the operands; at: the phrase of the whole.
    """

    kind: Kind
    data: Any
    operands: Sequence[Part]
    at: Part


class Scope(NamedTuple):
    """Set the indices that may be used from here on, and their local values."""

    indices: Mapping[str, int]


@dataclass(eq=False)
class Definition:
    """Hold a function of the file: a list of steps over local values.

    slots: the local values' numbers, the arguments' first: by name, and by phrase those
        that have none. names: the arguments and local names.
    below: names that the body assigns, but has not yet.
    """

    name: str
    arguments: list[str]
    slots: dict[Any, int] = field(default_factory=dict)
    below: set[str] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    results: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def check(self, count: int) -> None:
        """Raise ParseError for a wrong number of arguments."""
        if count != len(self.arguments):
            plural = "s" * (len(self.arguments) != 1)
            listed = f" ({', '.join(self.arguments)})" if self.arguments else ""
            message = f"{self.name} expects {len(self.arguments)} argument{plural}"
            raise ParseError(f"{message}{listed}, found {count}")
