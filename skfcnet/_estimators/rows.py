"""The rows of a training set or a validation set."""

from math import fsum
from typing import NamedTuple

import numpy as np

from skfcnet._engine.batches import as_repetition_counts, order_by_content
from skfcnet._tabular.row_selection import select_rows


class Rows(NamedTuple):
    """Rows of positive weight, with their targets, weights and costs.

    Parameters
    ----------
    X : ndarray, ColumnTable, RowSelection or CSR matrix of shape (N, D)
        The features as numbers; after encoding, the encoded features.

    y : ndarray of shape (N,) or (N, K)
        The targets as the user passed them.

    target : ndarray of shape (N,) or (N, K)
        The targets as class indices or numbers; after scaling, as the loss expects
        them.

    weight : ndarray of shape (N,) or None
        The sample weights, or the repetition counts; None if all are 1.

    cost : ndarray of shape (N,) or None
        The factor by which the loss of each row is multiplied, from class weights.

    index : ndarray of int, shape (N,)
        The index of each row in the table that the user passed.

    member_counts : ndarray of shape (N, n_members), default=None
        How often each member trains on each row, where members have folds of their own:
        0 if it does not. None if all members train on all rows.

    share : float, default=1.0
        The share that these rows are of all rows that are trained on; below 1 if they
        are a sample.
    """

    X: object
    y: object
    target: object
    weight: object
    cost: object
    index: object  # type: ignore[assignment]  # it hides the method of tuples
    member_counts: object = None
    share: float = 1.0

    @property
    def is_in_memory(self):
        """True, in contrast to rows on disk."""
        return True

    @property
    def cross_fitted(self):
        """The rows themselves if members have folds of their own, or None."""
        return None if self.member_counts is None else self

    @property
    def n_rows(self):
        """The number of rows, not counting repetitions."""
        return self.X.shape[0]

    @property
    def solver_data(self):
        """The data of a `Solver`."""
        return {"X_train": self.X, "y_train": self.target}

    def arrays(self):
        """Yield all arrays that training depends on, after encoding."""
        yield from (self.X, self.target, self.weight, self.cost, self.member_counts)

    def take(self, rows, **changes):
        """Return copies of some of the rows, by indices or a mask."""
        changes = {"share": self.share} | changes
        fields = {k: a for k, a in self._asdict().items() if k not in changes}
        taken = {k: a if a is None else a[rows] for k, a in fields.items()}
        return type(self)(**taken, **changes)

    def select(self, rows, **changes):
        """Return some of the rows, of which dense features are not copied."""
        return self.take(rows, X=select_rows(self.X, rows), **changes)

    def with_repetition_counts(self):
        """Return the rows with their weights rescaled to repetition counts."""
        if self.weight is None:
            return self
        return self._replace(weight=as_repetition_counts(self.weight))

    def total_weight(self):
        """Return the number of rows of an epoch, counting repetitions."""
        # The exact sum does not depend on the order of the rows.
        return self.n_rows if self.weight is None else round(fsum(self.weight))

    def loss_weight(self):
        """Return the factors by which the losses of the rows are multiplied.

        These are the costs. Where members have folds of their own, there is a column
        for each member. It is 0 for the rows that the member does not train on, and
        scaled such that the mean over all rows is the mean over its training rows.

        Returns
        -------
        factors : ndarray of shape (N,) or (N, n_members), or None
            The factors; None if all are 1.
        """
        counts = self.member_counts
        if counts is None:
            return self.cost
        weight = np.ones(self.n_rows) if self.weight is None else self.weight
        # The exact sums do not depend on the order of the rows.
        total = fsum(weight)
        columns = counts * [total / fsum(weight * column) for column in counts.T]
        return columns if self.cost is None else columns * self.cost[:, np.newaxis]

    def normalized_weight(self):
        """Return the weights, rescaled to a mean of 1, times `loss_weight`; or None."""
        factors = self.loss_weight()
        if self.weight is None:
            return factors
        weight = self.weight / self.weight.max()  # so that no sum overflows
        weight *= len(weight) / fsum(weight)
        return weight if factors is None else (weight * factors.T).T


def rows_of_positive_weight(X, y, weight):
    """Return X, y and weights without the rows of weight 0, and the rows' indices."""
    index = np.arange(X.shape[0])
    if weight is None or weight.all():
        return X, y, weight, index
    mask = weight > 0
    return select_rows(X, mask), y[mask], weight[mask], index[mask]


def sorted_by_content(rows):
    """Return rows sorted in an order that depends only on their content.

    If all weights are integers, each row is repeated as often as its weight says, so
    that a row of weight k gives the same result as k rows.
    """
    index, weight = repeated_by_content(rows)
    return rows.take(index, weight=weight)


def repeated_by_content(rows):
    """Return which rows `sorted_by_content` returns, as indices, and their weights."""
    weight = np.ones(rows.n_rows) if rows.weight is None else rows.weight
    order, _ = order_by_content(rows.X, rows.target, weight)
    counts = weight[order].astype(int)
    if (counts == weight[order]).all():
        return np.repeat(order, counts), None
    return order, weight[order]
