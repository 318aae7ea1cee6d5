"""Kinds of target: what a network can learn to predict.

`TARGETS` is the table of the kinds, by the names that scikit-learn's `type_of_target`
returns. A new kind is one class and one line in the table.
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
"""The kinds of target. A continuous target has one column or several."""


def class_target(y, *, classes=None, is_partial_fit=False):
    """Return the target of a classifier, with its classes.

    Parameters
    ----------
    y : ndarray of shape (N,) or (N, K)
        The labels, including those of rows of weight 0.

    classes : array-like or list of array-like, default=None
        The classes of all calls, as passed to `partial_fit`.

    is_partial_fit : bool, default=False
        Whether later calls may have rows of other classes.

    Returns
    -------
    target : ClassTarget
        The target, of the kind that suits y and the classes.

    Raises
    ------
    ValueError
        If y is not a target of classification, or does not suit ``classes``.
    """
    kind = _kind_of_labels(y)
    given = None if classes is None else sorted_classes(classes)
    if isinstance(given, list):
        kind = "multiclass-multioutput"
    has_several_outputs = kind == "multiclass-multioutput"
    # A label of multilabel data always has two values, even if it is 0 in all rows.
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
    if kind in ("binary", "multiclass"):  # some classes may have no rows in y
        kind = "binary" if len(given) == 2 else "multiclass"
    return TARGETS[kind](given, may_grow=may_grow)


def _kind_of_labels(y):
    """Return the type of a target of classification; raise an error for other targets.

    The columns of an array of objects are checked one by one, since their labels may be
    of different kinds.
    """
    if y.ndim != 2 or y.dtype != object:
        refuse_labels_of_unclear_kind(y, "y")
        check_classification_targets(y)
        return type_of_target(y, input_name="y")
    for k, column in enumerate(y.T):
        sorted_labels(column, f"y[:, {k}]")
        check_classification_targets(np.array(column.tolist()))
    return "multiclass-multioutput"
