"""Show what a formula is, does and loses: the reading side of a compiled function."""

from __future__ import annotations

import keyword
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.codegen.module import function_text
from overbar.ir.errors import InputError
from overbar.ir.program import leaves
from overbar.ir.source import printable
from overbar.ir.text import write
from overbar.ir.types import extents
from overbar.statements import derivatives

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from overbar.accuracy import Report as AccuracyReport
    from overbar.arguments import Signature
    from overbar.check import Report
    from overbar.cost import Cost
    from overbar.derivation import Derivation
    from overbar.explain import Explanation
    from overbar.ir.graph import Graph, Node
    from overbar.ir.program import Program
    from overbar.kinks import Kink
    from overbar.options import Options
    from overbar.runtime import Runtime


class Inspection:
    """Offer the methods of a compiled function that explain it."""

    _graph: Graph
    _single: bool
    _scalar: bool
    _wrt: list[Node]
    options: Options
    signature: Signature
    derivation: Derivation
    runtime: Runtime
    need_scalar: Callable[[str], None]

    @property
    def source(self) -> str:
        """The text of the generated module."""
        return self.runtime.source()

    @property
    def forward_source(self) -> str:
        """The text of the generated function `forward`."""
        entry = self.runtime.entry("forward")
        return function_text(entry.graph, entry.program)

    @property
    def backward_source(self) -> str:
        """The text of the generated function `backward`."""
        entry = self.runtime.entry("backward")
        return function_text(entry.graph, entry.program)

    @property
    def graph(self) -> Graph:
        """The formula's graph: print it to read it."""
        return self._graph

    @property
    def adjoint_graph(self) -> Graph:
        """The graph of the adjoints, over the same nodes."""
        return self.derivation.adjoints.graph

    @property
    def program(self) -> Program:
        """The schedule of `value_and_grad` (of `value` for several outputs)."""
        name = "value_and_grad" if self._scalar else "value"
        return self.runtime.entry(name).program

    def text(self, order: int = 1) -> str:
        """Return the forward and adjoint statements as readable mathematics.

        order: of the derivatives; 2 adds the Hessian's statements, for one output. In
            arrays these are its product with a direction: `w_dot` is the direction of
            w, `w_bar_dot` the product, the tangent of the adjoint `w_bar`.
        """
        self._need_order(order, "text")
        return "\n".join(
            "".join(f"{s.name} = {s.expression}\n" for s in part)
            for part in derivatives(self.derivation, order).parts.values()
            if part
        )

    def latex(self, order: int = 1) -> str:
        """Return the function and its adjoints as LaTeX.

        Of a formula with arrays whose steps have no names, the value and the gradient
        as formulas. order: as for `text`.
        """
        from overbar.show.formulas import formulas, is_formula, second_order
        from overbar.show.latex import LatexWriter, align

        self._need_order(order, "latex")
        if is_formula(self.derivation):
            return align(*formulas(self.derivation, order))
        if order > 1:
            return align(*second_order(self.derivation))
        found = derivatives(self.derivation, writer=LatexWriter)
        return align(
            *([(s.name, s.expression) for s in part] for part in found.parts.values())
        )

    def draw(self, values: Any = None, /, **by_name: Any) -> str:
        """Return the computation graph as SVG.

        values: arguments of a call, as a sequence or dict; with them, each edge shows
        the forward value above and the gradient below.
        """
        from overbar.show import svg

        if values is None and not by_name:
            return svg.draw(self._graph)
        given = self._scalars(values, by_name)
        self._need_one("draw with values")
        with self._computing(given):
            numbers = svg.gradients_at(self._graph, self._wrt, given)
        return svg.draw(self._graph, *numbers)

    def explain(self, /, *args: Any, **keywords: Any) -> Explanation:
        """Name the first NaN or infinity that reaches the value or the gradient."""
        from overbar.explain import explain

        with self.runtime.lock:
            graph = self.derivation.with_gradient()
        given = self._scalars(args, keywords)
        with self._computing(given):
            return explain(graph, given)

    def accuracy(self, /, *args: Any, **keywords: Any) -> AccuracyReport:
        """Rerun in higher precision and name the statements that lose digits."""
        from overbar.accuracy import losing_digits

        with self.runtime.lock:
            graph = self.derivation.with_gradient()
        given = self._scalars(args, keywords)
        with self._computing(given):
            return losing_digits(graph, given)

    def check(self, /, *args: Any, **keywords: Any) -> Report:
        """Check the compiled gradient against central and high-precision differences.

        The report is true if every parameter's derivative is right.
        """
        from overbar.check import check

        inputs = self._scalars(args, keywords)
        values = [inputs[n] for n in self.signature.inputs]
        entry = self.runtime.call("grad" if self._single else "jacobian")
        with self.runtime.lock:
            return check(self._graph, self._wrt, inputs, gradient=list(entry(*values)))

    @property
    def kinks(self) -> list[Kink]:
        """The points where a derivative is chosen by convention, with their lines."""
        from overbar.kinks import kinks

        return kinks(self._graph)

    @property
    def rewrites(self) -> list[tuple[str, str]]:
        """The rewrites that were applied and are not exact, with the user's places."""
        return [
            (algebra, str(span) if span is not None else "")
            for algebra, span in self._graph.rewrites
        ]

    @property
    def cost(self) -> Cost:
        """Operation counts of forward and backward, saved bytes, their ratio."""
        from overbar.cost import cost

        forward = self.runtime.entry("forward").program.result
        return cost(
            self.runtime.entry("value").program,
            self.runtime.entry("value_and_grad" if self._scalar else "vjp").program,
            leaves(forward[1]) if isinstance(forward, tuple) else (),
            {name: n.type.shape for name, n in self._graph.inputs.items()},
        )

    def save(self, path: str | Path) -> Path:
        """Write a standalone module that needs only NumPy and Numba.

        Its functions raise ValueError for arrays of other shapes; unlike a call of the
        formula they do not look at windows such as x[3], or x[2:5], of a short array.
        Raises InputError where `path` exists and is not a module that Overbar wrote:
        nothing of the user's is overwritten.
        """
        path = Path(path)
        stem = path.stem
        if path.suffix != ".py" or not stem.isidentifier() or keyword.iskeyword(stem):
            message = f"expected a path such as gradient.py, found {str(path)!r}"
            raise InputError(message)
        shown, text = printable(str(path)), self.runtime.source(checked=True)
        try:
            if path.exists() and not _is_ours(path):
                message = (
                    f"expected a new file or a module that Overbar wrote, found {shown}"
                    "; it is left as it is"
                )
                raise InputError(message)
            path.write_text(text, encoding="utf-8")
        except (OSError, ValueError) as error:  # ValueError: a NUL or half a character
            found = error.strerror if isinstance(error, OSError) else error
            message = f"expected a place to write {shown}, found: {found}"
            raise InputError(message) from None
        return path

    @cached_property
    def _header(self) -> str:
        """Return what the generated module says at its top."""
        lines = [f"{self.options.name}: generated by Overbar from"]
        lines += ["", *(f"    {line}" for line in self._formula())]
        return "\n".join(lines)

    def _formula(self) -> list[str]:
        spans = list(self._graph.spans.values())
        if spans:
            text = spans[0].source.text.strip("\n").split("\n")
        else:
            text = write(self._graph).split("\n")
        return (
            text if len(text) <= _LONGEST_HEADER else [*text[:_LONGEST_HEADER], "..."]
        )

    def _scalars(
        self,
        args: Any,
        keywords: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return the inputs by name for arguments of one point."""
        if args is None:
            args = ()
        if isinstance(args, dict):
            args, keywords = (), {**args, **keywords}
        elif not isinstance(args, list | tuple | np.ndarray) or (
            isinstance(args, np.ndarray)
            and [len(n.type.shape) for n in self._graph.inputs.values()] == [args.ndim]
        ):
            args = (args,)  # of a formula of one input
        values = self.signature.bind(tuple(args), keywords)
        for name, value in zip(self.signature.inputs, values, strict=True):
            shape = self._graph.inputs[name].type.shape
            if np.ndim(value) > len(shape):
                one = (
                    f"one array of shape [{extents(shape)}]" if shape else "one number"
                )
                message = f"expected {one} for {name!r}, found {np.shape(value)}"
                raise InputError(message)
        return dict(zip(self.signature.inputs, values, strict=True))

    def _need_order(self, order: int, what: str) -> None:
        """Raise InputError unless derivatives of this order can be written."""
        if order not in {1, 2}:
            message = f"expected order 1 or 2, found {order!r}"
            raise InputError(message)
        if order > 1:
            self._need_one(f"{what}(order=2)")
            self.need_scalar(f"{what}(order=2)")

    def _computing(self, given: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Turn what an operation refuses into an error with the user's line."""
        del given  # no operation on numbers refuses any
        return nullcontext()

    def _need_one(self, what: str) -> None:
        if not self._single:
            message = f"{what} expects one output, found {len(self._graph.outputs)}"
            raise InputError(message)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _repr_html_(self) -> str | None:
        return self.draw() if len(self._graph.order()) <= _LARGEST_PICTURE else None


_LONGEST_HEADER = 40
_LARGEST_PICTURE = 60


def _is_ours(path: Path) -> bool:
    try:
        return ": generated by Overbar from" in path.read_text(encoding="utf-8")[:500]
    except (OSError, UnicodeDecodeError):
        return False
