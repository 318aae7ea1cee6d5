"""Predictions of scores as nodes of ONNX, for every kind of target.

Scores are those of the mean prediction of the members, of shape (N, S), and the graph
computes in double precision, as the estimators do.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from skfcnet._estimators.targets._classes import (
    ABSENT_CLASS_DISTANCE,
    BinaryTarget,
    MulticlassMultioutputTarget,
    MulticlassTarget,
    MultilabelTarget,
)
from skfcnet.onnx._links import EXPORTS as LINKS
from skfcnet.onnx._links import split


def average(g, loss, scores, n_members):
    """Return the scores of the mean prediction of the members."""
    if n_members == 1:
        return scores
    return LINKS[type(loss.link)].average(g, loss.link, scores)


# Numbers


def numbers(g, target, loss, scores):
    """Return predictions in the units of y, with a column for each prediction."""
    y = LINKS[type(loss.link)].inverse(g, loss.link, scores)
    scaler, n = target.scaler, target.n_quantiles

    def by_column(of_targets):
        return np.repeat(np.ravel(of_targets).astype(np.float64), n)

    y = g(
        "Add", g("Mul", y, by_column(scaler.half_scale)), by_column(scaler.half_center)
    )
    y = g("Mul", y, 2.0)
    low, high = by_column(scaler.low), by_column(scaler.high)
    if scaler.clip:
        y = g("Min", g("Max", y, low), high)
    if scaler.is_constant.any():
        is_constant = np.repeat(np.ravel(scaler.is_constant), n)
        y = g("Where", is_constant, 0.5 * low + 0.5 * high, y)
    if target.n_outputs > 1 and n > 1:
        y = g("Reshape", y, np.array([-1, target.n_outputs, n]))
    return y


def shape_of_numbers(target):
    """Return the shape of the predictions of a row; a single one is a column."""
    sizes = [size for size in (target.n_outputs, target.n_quantiles) if size > 1]
    return sizes or [1]


# Labels


def checked_labels(classes):
    """Return class labels as integers or strings, the types of labels in ONNX.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels.

    Returns
    -------
    labels : ndarray
        Strings, or integers: whole numbers stand for floats, and 0 and 1 for booleans.

    Raises
    ------
    NotImplementedError
        If the labels are others.
    """
    if all(isinstance(label, str) for label in classes):
        return np.asarray(classes, dtype=str)
    if classes.dtype == object:
        classes = np.asarray(classes.tolist())
    if classes.dtype.kind in "biuf":
        labels = classes.astype(np.int64)
        if (labels == classes).all():
            return labels
    raise NotImplementedError(
        f"classes_ has labels that are neither strings nor whole numbers, which ONNX "
        f"has no type for: {classes!r}. Encode y by LabelEncoder before fit."
    )


def label_dtype(target):
    """Return the dtype of the labels, and refuse those that ONNX has no type for."""
    classes = target.classes if isinstance(target.classes, list) else [target.classes]
    dtypes = {checked_labels(labels).dtype.type for labels in classes}
    if len(dtypes) > 1:
        raise NotImplementedError(
            "classes_ has strings for some outputs and numbers for others, but all "
            "labels in ONNX are of one type: encode y by OrdinalEncoder before fit."
        )
    return np.dtype(dtypes.pop())


def _of_two(g, target, scores):
    index = g.cast(g("Greater", scores, 0.0), np.int64)
    labels = g("Gather", checked_labels(target.classes), index)
    return g("Reshape", labels, np.array([-1]))


def _most_likely(g, target, scores):
    index = g("ArgMax", scores, axis=1, keepdims=0)
    return g("Gather", checked_labels(target.classes), index)


def _zeros_and_ones(g, target, scores):
    return g.cast(g("Greater", scores, 0.0), np.int64)


def _most_likely_of_each(g, target, scores):
    columns = [
        g("Gather", checked_labels(labels), g("ArgMax", own, axis=1, keepdims=1))
        for labels, own in zip(
            target.classes, split(g, scores, target.widths), strict=True
        )
    ]
    return g("Concat", *columns, axis=1)


class ClassExport(NamedTuple):
    """How a kind of target of classification is exported.

    Parameters
    ----------
    labels : callable
        From scores to the labels.

    has_complement : bool, default=False
        Whether there is one score for two classes.
    """

    labels: Callable
    has_complement: bool = False


EXPORTS = MappingProxyType(
    {
        BinaryTarget: ClassExport(_of_two, has_complement=True),
        MulticlassTarget: ClassExport(_most_likely),
        MultilabelTarget: ClassExport(_zeros_and_ones),
        MulticlassMultioutputTarget: ClassExport(_most_likely_of_each),
    }
)
"""How each kind of target of classification is exported."""


def without_absent(g, target, scores):
    """Return scores with which classes without rows have a probability of 0."""
    is_absent = target.is_absent
    if is_absent is None:
        return scores
    if EXPORTS[type(target)].has_complement:
        sign = -1 if is_absent[1] else 1
        return g("Add", g("Mul", scores, 0.0), sign * ABSENT_CLASS_DISTANCE)
    lowest = g("ReduceMin", scores, np.array([1]), keepdims=1)
    return g("Where", is_absent, g("Sub", lowest, ABSENT_CLASS_DISTANCE), scores)


def probabilities(g, target, loss, scores, dtype):
    """Return the probabilities of all classes, strictly between 0 and 1, in a dtype."""
    p = LINKS[type(loss.link)].inverse(g, loss.link, scores)
    if EXPORTS[type(target)].has_complement:
        p = g("Concat", g("Sub", 1.0, p), p, axis=1)
    limits, g = np.finfo(dtype), g.with_dtype(dtype)
    p = g("Clip", g.cast(p), limits.tiny, 1 - limits.epsneg)
    return p if target.is_absent is None else g("Mul", p, 1.0 - target.is_absent)


def raw_scores(g, target, scores, dtype):
    """Return a score for each class, in a dtype."""
    if EXPORTS[type(target)].has_complement:
        scores = g("Concat", g("Neg", scores), scores, axis=1)
    return g.cast(scores, dtype)
