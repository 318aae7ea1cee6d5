"""Kinds of target: what a network can learn to predict.

`TARGETS` is the table of them, and `Target` says what they do. A new kind is a class in
a file of its own and one line there: it says itself which targets it suits.
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

__all__ = [
    "REGRESSION_LOSSES",
    "TARGETS",
    "check_classes",
    "class_target",
    "number_target",
]

TARGETS = (
    BinaryTarget,
    MulticlassTarget,
    MultilabelTarget,
    MulticlassMultioutputTarget,
    ContinuousTarget,
)
"""Every kind of target. The first one that suits is taken."""


def _first_that_suits(estimator, target_type, classes=()):
    return next(own for own in TARGETS if own.suits(estimator, target_type, classes))


def number_target(estimator, y):
    """Return the kind of the target of a regressor.

    Parameters
    ----------
    estimator : FCNetRegressor
        The regressor.

    y : ndarray of shape (N,) or (N, K)
        The targets.

    Returns
    -------
    target : Target
        The target.
    """
    return _first_that_suits(estimator, "continuous")(y)


def class_target(estimator, y, *, classes=None, is_partial_fit=False):
    """Return the kind of the target of a classifier, with its classes.

    Parameters
    ----------
    estimator : FCNetClassifier
        The classifier.

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
    target_type = _type_of_labels(y)
    given = None if classes is None else sorted_classes(classes)
    if isinstance(given, list):
        target_type = "multiclass-multioutput"
    has_several_outputs = target_type == "multiclass-multioutput"
    # A label of multilabel data always has two values, even if it is 0 in all rows.
    may_grow = is_partial_fit
    if target_type == "multilabel-indicator":
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
    if target_type in ("binary", "multiclass"):  # some classes may have no rows
        target_type = "binary" if len(given) == 2 else "multiclass"
    return _first_that_suits(estimator, target_type, given)(given, may_grow=may_grow)


def _type_of_labels(y):
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
