"""The costs of classes: the parameter ``class_weight``."""

from math import fsum
from numbers import Real

import numpy as np

MAX_MEAN_COST = 1000.0
"""Class weights are rescaled to a mean of 1 where their mean over the rows is above
this, or below its reciprocal: the other parameters are not meant for gradients of such
a size."""

MAX_COST = 1e30
"""The gradients of single precision overflow above this cost."""


class ClassWeights:
    """Factors by which the loss of the rows of each class is multiplied.

    Parameters
    ----------
    class_weight : dict, list of dict or 'balanced'
        The parameter of the estimator.

    columns : list of (ndarray, ndarray)
        The columns of labels, each with the classes that it may have.

    weight : ndarray of shape (N,) or None
        The sample weights.

    is_list : bool
        Whether ``class_weight`` must be a list with a dict for each column.
    """

    def __init__(self, class_weight, columns, weight, *, is_list):
        weight = np.ones(len(columns[0][0])) if weight is None else weight
        of_columns = []
        if isinstance(class_weight, str):
            of_columns = [class_weight] * len(columns)
        elif isinstance(class_weight, list) is is_list:
            of_columns = class_weight if is_list else [class_weight]
        if len(of_columns) != len(columns):
            raise ValueError(
                "class_weight must be one dict, or for multilabel data and several "
                "outputs a list with a dict for each of the labels or outputs. "
                f"Got {class_weight!r}."
            )
        self._costs = [
            _balanced(column, classes, weight)
            if of_column == "balanced"
            else _by_label(of_column, classes)
            for of_column, (column, classes) in zip(of_columns, columns, strict=True)
        ]
        self._unit = 1.0
        costs, weight = self._products(columns), weight / weight.max()
        # The exact sum does not depend on the order of the rows.
        mean = fsum(weight * (costs / (costs.max() or 1.0))) / fsum(weight)
        mean *= float(costs.max())
        if mean > 0 and not 1 / MAX_MEAN_COST <= mean <= MAX_MEAN_COST:
            self._unit = mean

    def costs(self, columns):
        """Return the cost of each row, given its columns of labels."""
        costs = self._products(columns) / self._unit
        if not costs.max() <= MAX_COST:
            raise ValueError(
                f"class_weight makes some rows count {costs.max():.0e} times as much "
                f"as the others do on average: its weights must differ less."
            )
        return costs

    @np.errstate(over="ignore")
    def _products(self, columns):
        """Return the product of the costs of the labels of each row."""
        costs = np.ones(len(columns[0][0]))
        for (column, classes), of_class in zip(columns, self._costs, strict=True):
            costs *= of_class[np.searchsorted(classes, column)]
        return costs


def _balanced(column, classes, weight):
    """Return the costs by which all classes that have rows have the same total."""
    # The exact sums do not depend on the order of the rows.
    totals = np.array([fsum(weight[column == label]) for label in classes])
    has_rows = totals > 0
    costs = np.ones(len(classes))
    costs[has_rows] = fsum(weight) / (has_rows.sum() * totals[has_rows])
    return costs


def _by_label(class_weight, classes):
    """Return the costs that a dict gives to the classes; 1 for those it leaves out."""
    if not isinstance(class_weight, dict):
        raise ValueError(f"class_weight must hold dicts. Got {class_weight!r}.")
    labels = classes.tolist()
    if unknown := class_weight.keys() - set(labels):
        raise ValueError(
            f"class_weight has labels {sorted(unknown, key=str)} that are not classes, "
            f"{labels}."
        )
    costs = [class_weight.get(label, 1.0) for label in labels]
    are_valid = all(isinstance(cost, Real) and 0 <= cost < np.inf for cost in costs)
    if not are_valid or not any(costs):
        raise ValueError(
            f"class_weight must hold non-negative numbers, not all zero. "
            f"Got {class_weight!r}."
        )
    return np.array(costs, float)
