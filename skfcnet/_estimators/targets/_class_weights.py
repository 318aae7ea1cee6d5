"""The costs of the classes, from the parameter ``class_weight``."""

from math import fsum
from numbers import Real

import numpy as np

MAX_MEAN_COST = 1000.0
"""Class weights are rescaled to a mean of 1 if their mean over the rows is above this
number, or below its reciprocal, since no learning rate suits gradients of such a size.
"""

MAX_COST = 1e30
"""The largest cost for which gradients in single precision do not overflow."""


class ClassWeights:
    """The factors by which the losses of the rows of each class are multiplied.

    Parameters
    ----------
    class_weight : dict, list of dict or 'balanced'
        The parameter of the estimator.

    columns : list of (ndarray, ndarray)
        The columns of labels, each with its classes.

    weight : ndarray of shape (N,) or None
        The sample weights.

    is_list : bool
        Whether ``class_weight`` must be a list with a dict for each column.
    """

    def __init__(self, class_weight, columns, weight, *, is_list):
        weight = np.ones(len(columns[0][0])) if weight is None else weight
        class_weights = []
        if isinstance(class_weight, str):
            class_weights = [class_weight] * len(columns)
        elif isinstance(class_weight, list) is is_list:
            class_weights = class_weight if is_list else [class_weight]
        if len(class_weights) != len(columns):
            raise ValueError(
                "class_weight must be one dict, or for multilabel data and several "
                "outputs a list with a dict for each of the labels or outputs. "
                f"Got {class_weight!r}."
            )
        self._costs = [
            _balanced_costs(column, classes, weight)
            if own_weight == "balanced"
            else _costs_by_label(own_weight, classes)
            for own_weight, (column, classes) in zip(
                class_weights, columns, strict=True
            )
        ]
        self._unit = 1.0
        costs, weight = self._products(columns), weight / weight.max()
        # The exact sum does not depend on the order of the rows.
        mean = fsum(weight * (costs / (costs.max() or 1.0))) / fsum(weight)
        mean *= float(costs.max())
        if mean > 0 and not 1 / MAX_MEAN_COST <= mean <= MAX_MEAN_COST:
            self._unit = mean

    def costs(self, columns):
        """Return the cost of each row, given the columns of labels."""
        costs = self._products(columns) / self._unit
        if not costs.max() <= MAX_COST:
            raise ValueError(
                f"class_weight gives some rows {costs.max():.0e} times the mean weight "
                f"of the rows: its weights must differ less."
            )
        return costs

    @np.errstate(over="ignore")
    def _products(self, columns):
        """Return the product of the costs of the labels of each row."""
        costs = np.ones(len(columns[0][0]))
        for (column, classes), class_costs in zip(columns, self._costs, strict=True):
            costs *= class_costs[np.searchsorted(classes, column)]
        return costs


def _balanced_costs(column, classes, weight):
    """Return the costs with which all classes that have rows get the same total."""
    # The exact sums do not depend on the order of the rows.
    totals = np.array([fsum(weight[column == label]) for label in classes])
    has_rows = totals > 0
    costs = np.ones(len(classes))
    costs[has_rows] = fsum(weight) / (has_rows.sum() * totals[has_rows])
    return costs


def _costs_by_label(class_weight, classes):
    """Return the costs of the classes from a dict; 1 for labels that it leaves out."""
    if not isinstance(class_weight, dict):
        raise ValueError(f"class_weight must contain dicts. Got {class_weight!r}.")
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
            f"class_weight must contain non-negative numbers, not all of them zero. "
            f"Got {class_weight!r}."
        )
    return np.array(costs, float)
