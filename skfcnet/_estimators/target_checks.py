"""Checks of targets that scikit-learn does not make."""

import numpy as np
from scipy.sparse import issparse

from skfcnet._tabular.values import is_missing, kind_of, shown


def refuse_missing(y, name):
    """Raise an error if there are missing targets, or rows of different lengths."""
    if y is None or issparse(y):
        return
    given = y
    try:
        y = np.asarray(given)
    except ValueError as error:
        raise ValueError(
            f"{name} has rows of different lengths. Sets of labels are made a matrix "
            f"by sklearn.preprocessing.MultiLabelBinarizer."
        ) from error
    if y.dtype.kind == "U" and not hasattr(given, "dtype"):
        y = np.array(given, dtype=object)  # NumPy turns NaN in a list into a string
    missing = np.zeros(1)
    if y.dtype.kind == "f":
        missing = np.isnan(y)
    elif y.dtype.kind in "mM":
        missing = np.isnat(y)
    elif y.dtype.kind == "O":
        missing = np.array([is_missing(value) for value in y.ravel().tolist()])
    if missing.any():
        raise ValueError(
            f"{name} contains NaN, None or NA: {np.count_nonzero(missing)} of its "
            f"{missing.size} values are missing. Leave out their rows, or fill them."
        )


def refuse_non_numeric(y, name):
    """Raise an error if targets of a regressor are neither numbers nor their text."""
    if y is None or issparse(y) or np.asarray(y).dtype.kind not in "OU":
        return
    for value in np.asarray(y).ravel().tolist():
        try:
            float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"{name} contains {shown(value)}, but the targets of a regressor must "
                f"be numbers: {error}."
            ) from error


def refuse_labels_of_unclear_kind(y, name):
    """Raise an error if labels are objects of several kinds, or are not strings."""
    if y.ndim != 1 or y.dtype != object:
        return
    examples = {kind_of(label): label for label in y}
    if len(examples) > 1:
        found = " besides ".join(shown(examples[kind]) for kind in sorted(examples))
        raise ValueError(
            f"{name} must contain labels of one kind, such as {name}.astype(str). Got "
            f"{found}."
        )
    if "text" not in examples:
        labels = np.array(y.tolist())
        dtype = {"b": "bool", "i": "int", "f": "float"}.get(labels.dtype.kind, "str")
        raise ValueError(
            f"Unknown label type: {name} is an array of objects such as "
            f"{shown(y[0])}, and scikit-learn cannot tell whether they are labels. "
            f"Pass {name}.astype({dtype}) instead."
        )


def sorted_labels(y, name):
    """Return the distinct labels, sorted; raise an error if they cannot be sorted."""
    try:
        return np.unique(y)
    except TypeError as error:
        raise ValueError(
            f"{name} must contain labels of one kind that can be sorted: {error}."
        ) from error


def check_n_outputs(y, n_outputs):
    """Raise an error if the targets have another number of columns than in `fit`."""
    n_columns = 1 if y.ndim == 1 else y.shape[1]
    if n_columns != n_outputs:
        raise ValueError(
            f"y has {n_columns} columns, but the network has {n_outputs} outputs."
        )
