"""Kinds of target: what a network can learn to predict.

`TARGETS` is the table of them, by what scikit-learn calls the type of a target. A new
kind is one class and one line there.
"""

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skfcnet._estimators.target_checks import (
    refuse_labels_of_unclear_kind,
    sorted_labels,
)
from skfcnet._estimators.targets._classes import (
    BinaryTarget,
    MulticlassMultioutputTarget,
    MulticlassTarget,
    MultilabelTarget,
    check_classes,
    sorted_classes,
)
from skfcnet._estimators.targets._numbers import REGRESSION_LOSSES, ContinuousTarget

__all__ = ["REGRESSION_LOSSES", "TARGETS", "check_classes", "class_target"]

TARGETS = {
    "binary": BinaryTarget,
    "multiclass": MulticlassTarget,
    "multilabel-indicator": MultilabelTarget,
    "multiclass-multioutput": MulticlassMultioutputTarget,
    "continuous": ContinuousTarget,
}
"""Every kind of target. The last one has one column or several."""


def class_target(y, *, classes=None, is_partial_fit=False):
    """Return the kind of the target of a classifier, with its classes.

    Parameters
    ----------
    y : ndarray of shape (N,) or (N, K)
        The labels, also those of rows of weight 0.

    classes : array-like or list of array-like, default=None
        All labels that will ever occur, as passed to `partial_fit`.

    is_partial_fit : bool, default=False
        Whether rows of other classes may come in later calls.

    Returns
    -------
    target : ClassTarget
        The target.

    Raises
    ------
    ValueError
        If y is no target of classification, or ``classes`` do not fit it.
    """
    kind = _kind_of_labels(y)
    given = None if classes is None else sorted_classes(classes)
    if isinstance(given, list):
        kind = "multiclass-multioutput"
    has_several_outputs = kind == "multiclass-multioutput"
    # A label that is 0 in all rows may be 1 in others: it always has two values.
    may_grow = is_partial_fit
    if kind == "multilabel-indicator":
        given, may_grow = np.arange(y.shape[1]), True
    elif given is not None:
        if has_several_outputs is not isinstance(given, list):
            raise ValueError(
                f"classes must be a list with the labels of each of the {y.shape[1]} "
                f"columns of y. Got {given!r}."
            )
    elif is_partial_fit:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    elif has_several_outputs:
        given = [sorted_labels(column, "y") for column in y.T]
    else:
        given = sorted_labels(y, "y")
    if kind in ("binary", "multiclass"):  # y may lack some of the classes given
        kind = "binary" if len(given) == 2 else "multiclass"
    return TARGETS[kind](given, may_grow=may_grow)


def _kind_of_labels(y):
    """Return the type of a target of classification; refuse any other.

    The columns of an array of objects, whose labels may be of different kinds, are
    looked at one by one.
    """
    if y.ndim != 2 or y.dtype != object:
        refuse_labels_of_unclear_kind(y, "y")
        check_classification_targets(y)
        return type_of_target(y, input_name="y")
    for k, column in enumerate(y.T):
        sorted_labels(column, f"y[:, {k}]")
        check_classification_targets(np.array(column.tolist()))
    return "multiclass-multioutput"
