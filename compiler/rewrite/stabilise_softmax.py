"""Rows on sums of exponentials over an axis: logsumexp, softmax and its logarithm.

Source: Blanchard, Higham and Higham 2021, Accurately computing the log-sum-exp and
softmax functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.ir.ops import OPS, apply
from overbar.ir.ops.indexing import picks_one_each
from overbar.rewrite.engine import Rule

if TYPE_CHECKING:
    from overbar.ir.graph import Graph, Node

_EXP, _SUM, _BROADCAST = OPS["exp"], OPS["sum"], OPS["broadcast"]
_SOFTMAX, _GATHER, _DIV = OPS["softmax"], OPS["gather"], OPS["div"]
_SLICE, _LOGSUMEXP = OPS["slice"], OPS["logsumexp"]


def _log_of_sum(graph: Graph, total: Node) -> Node | None:
    if total.op is not _SUM or total.args[0].op is not _EXP:
        return None
    return graph.make("logsumexp", total.args[0].args, total.attrs)


def _share(graph: Graph, part: Node, total: Node) -> Node | None:
    """Return the share of one exponential in a sum of them."""
    inner = total.args[0] if total.op is _BROADCAST else total
    if part.op is not _EXP:
        return _picked(graph, part, total)
    log = _log_of_sum(graph, inner)
    if log is None:
        return None
    (axes,) = inner.attrs
    whole = inner.args[0]
    left = tuple(i for i in range(len(whole.type.shape)) if i not in axes)
    if whole is part and total.op is _BROADCAST and total.attrs[0] == left:
        return graph.make("softmax", part.args, inner.attrs)
    spread = log if inner is total else graph.spread_along(log, *total.attrs)
    return apply("exp", part.args[0] - spread)


def _picked(graph: Graph, part: Node, total: Node) -> Node | None:
    """Return the share of exponentials that were picked from the ones summed."""
    if part.op not in (_GATHER, _SLICE) or part.args[0].op is not _EXP:
        return None
    moved = graph.make(part.op, (part.args[0].args[0], *part.args[1:]), part.attrs)
    return _share(graph, apply("exp", moved), total)


def _log_of_softmax(graph: Graph, share: Node) -> Node | None:
    """Return the logarithm of shares, all of them or those that were picked."""
    if share.op is _SOFTMAX:
        return graph.make("log_softmax", share.args, share.attrs)
    if share.op in (_GATHER, _SLICE) and share.args[0].op is _SOFTMAX:
        soft = share.args[0]
        log = graph.make("log_softmax", soft.args, soft.attrs)
        return graph.make(share.op, (log, *share.args[1:]), share.attrs)
    return None


def _picked_log(graph: Graph, picked: Node, log: Node) -> Node | None:
    """Return the logarithms of shares of one element a row."""
    if picked.op is not _GATHER or log.op is not _LOGSUMEXP:
        return None
    (x,), (axes,) = log.args, log.attrs
    rank = len(x.type.shape)
    if picked.args[0] is not x or axes != (rank - 1,):
        return None
    if rank > 1 and not picks_one_each(picked):
        return None
    shares = graph.make("log_softmax", (x,), log.attrs)
    return graph.make("gather", (shares, *picked.args[1:]), picked.attrs)


SOFTMAX = (
    Rule(
        "log", "log(sum(exp(x))) = logsumexp(x)", _log_of_sum, exact=False,
        heads=("sum",),
    ),
    Rule(
        "div", "exp(x)/sum(exp(x)) = softmax(x)", _share, exact=False,
        heads=("broadcast", "sum"),
    ),
    Rule(
        "log", "log(softmax(x)) = log_softmax(x)", _log_of_softmax, exact=False,
        heads=("softmax", "gather", "slice"),
    ),
    Rule(
        "sub", "x[y] - logsumexp(x) = log_softmax(x)[y]", _picked_log, exact=False,
        heads=("logsumexp",),
    ),
)  # fmt: skip
