"""Checks of targets, beyond those of scikit-learn."""

import numpy as np
from scipy.sparse import issparse

from skfcnet._tabular.values import is_missing, kind_of, shown


def refuse_missing(y, name):
    """Refuse targets if some of them are missing."""
    if y is None or issparse(y):
        return
    given, y = y, np.asarray(y)
    if y.dtype.kind == "U" and not hasattr(given, "dtype"):
        y = np.array(given, dtype=object)  # NumPy made text of NaN in a list
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


def refuse_other_than_numbers(y, name):
    """Refuse targets of a regressor that are neither numbers nor text of numbers."""
    if y is None or issparse(y) or np.asarray(y).dtype.kind not in "OU":
        return
    for value in np.asarray(y).ravel().tolist():
        try:
            float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"{name} holds {shown(value)}, but what a regressor learns must be "
                f"numbers: {error}."
            ) from error


def refuse_labels_of_unclear_kind(y, name):
    """Refuse labels that are objects of several kinds, or of one that is not text."""
    if y.ndim != 1 or y.dtype != object:
        return
    examples = {kind_of(label): label for label in y}
    if len(examples) > 1:
        found = " besides ".join(shown(examples[kind]) for kind in sorted(examples))
        raise ValueError(
            f"{name} must hold labels of one kind, such as {name}.astype(str): it has "
            f"{found}."
        )
    if "text" not in examples:
        labels = np.array(y.tolist())
        dtype = {"b": "bool", "i": "int", "f": "float"}.get(labels.dtype.kind, "str")
        raise ValueError(
            f"Unknown label type: {name} is an array of objects such as "
            f"{shown(y[0])}, of which scikit-learn cannot tell whether they are "
            f"labels: pass {name}.astype({dtype})."
        )


def sorted_labels(y, name):
    """Return the distinct labels, sorted; refuse labels that cannot be sorted."""
    try:
        return np.unique(y)
    except TypeError as error:
        raise ValueError(
            f"{name} must hold labels of one kind that can be sorted: {error}."
        ) from error


def check_width(y, n_outputs):
    """Refuse targets of another width than the network was made for."""
    width = 1 if y.ndim == 1 else y.shape[1]
    if width != n_outputs:
        raise ValueError(f"y has {width} columns, but the network {n_outputs} outputs.")
