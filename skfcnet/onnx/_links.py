"""Links as nodes of ONNX: what turns the scores of a network into predictions.

`EXPORTS` has an entry for the class of every link of `skfcnet.losses.LINKS`. All
functions are called with the graph, the link and the scores. Like the estimators, the
graph computes with scores in double precision, whatever the network has.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from skfcnet.losses._links import (
    LOG_BOUND,
    Identity,
    Log,
    Logistic,
    Quantiles,
    Softmax,
    SoftmaxOfGroups,
)
from skfcnet.onnx._layers import softplus

MEMBERS = np.array([0])
"""The axis of the members."""


class LinkExport(NamedTuple):
    """How a link is exported.

    Parameters
    ----------
    inverse : callable
        From scores (N, S) to predictions (N, S).

    average : callable
        From the scores of members (k, N, S) to the scores (N, S) of their mean
        prediction.
    """

    inverse: Callable
    average: Callable


def _identity(g, link, scores):
    return scores


def _mean(g, link, scores):
    predictions = EXPORTS[type(link)].inverse(g, link, scores)
    return g("ReduceMean", predictions, MEMBERS, keepdims=0)


def _sorted_quantiles(g, link, scores):
    n = link.scores_per_target
    if n == 1:
        return scores
    shape = g("Shape", scores)
    by_target = g("Reshape", scores, np.array([-1, n]))
    # The second output, of indices, is not needed.
    ascending = g("TopK", by_target, np.array([n]), largest=0, n_outputs=2)
    ranks = np.argsort(np.argsort(np.atleast_1d(link.quantile)))
    return g("Reshape", g("Gather", ascending, ranks, axis=1), shape)


def _exp(g, link, scores):
    return g("Exp", g("Clip", scores, -LOG_BOUND, LOG_BOUND))


def _log_mean_of_exp(g, link, scores):
    return _log_mean_exp(g, g("Clip", scores, -LOG_BOUND, LOG_BOUND))


def _sigmoid(g, link, scores):
    return g("Sigmoid", scores)


def _log_odds_of_mean(g, link, scores):
    # The logarithm of the sigmoid of x is minus the softplus of -x.
    towards = g("Neg", softplus(g, g("Neg", scores)))
    against = g("Neg", softplus(g, scores))
    return g("Sub", _log_mean_exp(g, towards), _log_mean_exp(g, against))


def _softmax(g, link, scores):
    return by_group(g, link, scores, lambda own: g("Softmax", own, axis=-1))


def _log_of_mean_softmax(g, link, scores):
    log_p = by_group(g, link, scores, lambda own: g("LogSoftmax", own, axis=-1))
    return _log_mean_exp(g, log_p)


def by_group(g, link, scores, function):
    """Apply a function to each group of columns, side by side."""
    groups = split(g, scores, link.groups)
    results = [function(own) for own in groups]
    return results[0] if len(results) == 1 else g("Concat", *results, axis=-1)


def split(g, columns, widths):
    """Return groups of neighbouring columns of given widths; None is a single group."""
    if widths is None or len(widths) == 1:
        return [columns]
    ends = np.cumsum(widths).tolist()
    starts = [0, *ends[:-1]]
    return [
        g.columns(columns, start, stop, width=ends[-1])
        for start, stop in zip(starts, ends, strict=True)
    ]


def _log_mean_exp(g, x):
    """Return the logarithm of the mean over members, from the logarithms of each."""
    largest = g("ReduceMax", x, MEMBERS, keepdims=1)
    powers = g("Exp", g("Sub", x, largest))
    mean = g("ReduceMean", powers, MEMBERS, keepdims=0)
    return g("Add", g("Log", mean), g("Squeeze", largest, MEMBERS))


EXPORTS = MappingProxyType(
    {
        Softmax: LinkExport(_softmax, _log_of_mean_softmax),
        SoftmaxOfGroups: LinkExport(_softmax, _log_of_mean_softmax),
        Logistic: LinkExport(_sigmoid, _log_odds_of_mean),
        Identity: LinkExport(_identity, _mean),
        Log: LinkExport(_exp, _log_mean_of_exp),
        Quantiles: LinkExport(_sorted_quantiles, _mean),
    }
)
"""How each class of links is exported."""
