"""The rows that a network is trained or validated on."""

from math import fsum
from typing import NamedTuple

import numpy as np

from skfcnet._engine.batches import as_repetition_counts, order_by_content


class Rows(NamedTuple):
    """Rows of a table with their targets, weights and costs, checked.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (N, D)
        The table as numbers; later, its encoded features.

    y : ndarray of shape (N,) or (N, K)
        The targets as the user passed them.

    target : ndarray of shape (N,) or (N, K)
        The targets as class indices or numbers; later, as the loss expects them.

    weight : ndarray of shape (N,) or None
        The sample weights, which are positive; later, repetition counts.

    cost : ndarray of shape (N,) or None
        The factor by which the loss of each row is multiplied.

    index : ndarray of int, shape (N,)
        The index of each row in the table that the user passed.
    """

    X: object
    y: object
    target: object
    weight: object
    cost: object
    index: object

    @property
    def n_rows(self):
        """The number of rows, without repetitions."""
        return self.X.shape[0]

    def take(self, rows, **changes):
        """Return some of the rows, chosen by indices or a mask."""
        taken = {k: a if a is None else a[rows] for k, a in self._asdict().items()}
        return type(self)(**taken | changes)

    def repeated(self):
        """Return the rows with weights that are repetition counts."""
        if self.weight is None:
            return self
        return self._replace(weight=as_repetition_counts(self.weight))

    def total_weight(self):
        """Return the number of rows of an epoch, which counts repetitions."""
        # The exact sum does not depend on the order of the rows.
        return self.n_rows if self.weight is None else round(fsum(self.weight))

    def mean_weight(self):
        """Return the product of weights and costs, with weights that average to 1."""
        if self.weight is None:
            return self.cost
        weight = self.weight / self.weight.max()  # so that no sum overflows
        weight *= len(weight) / fsum(weight)
        return weight if self.cost is None else weight * self.cost


def rows_of_positive_weight(X, y, weight):
    """Return the rows whose weight is not zero, their weights and their indices."""
    index = np.arange(X.shape[0])
    if weight is None or weight.all():
        return X, y, weight, index
    counts = weight > 0
    return X[counts], y[counts], weight[counts], index[counts]


def in_order_of_content(rows):
    """Return rows in an order that depends on their content alone.

    Rows of whole weights are repeated that often, so that training on all of them at
    once cannot tell a row of weight k from k rows.
    """
    weight = np.ones(rows.n_rows) if rows.weight is None else rows.weight
    order, _ = order_by_content(rows.X, rows.target, weight)
    counts = weight[order].astype(int)
    if (counts == weight[order]).all():
        return rows.take(np.repeat(order, counts), weight=None)
    return rows.take(order)
