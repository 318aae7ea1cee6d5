"""The first pass over a stream: its size, a random sample, and a summary of y.

Nothing here depends on how the rows are divided into batches.
"""

from typing import NamedTuple

import numpy as np

from skfcnet._estimators.target_checks import sorted_labels
from skfcnet._tabular.tables import concatenated, take_rows

SLACK = 1.25
"""The rows that are kept for the time being may be this many times those wanted."""

MAX_PIECES = 1000
"""So many pieces of batches are concatenated, since each needs memory of its own."""


class Sample(NamedTuple):
    """Random rows of a stream, in their order, and what is known of all rows.

    Parameters
    ----------
    X : ndarray or DataFrame of shape (n, D)
        The rows.

    y : ndarray of shape (n,) or (n, K)
        Their targets.

    weight : ndarray of shape (n,) or None
        Their sample weights.

    position : ndarray of int, shape (n,)
        The numbers of these rows in the stream, from 0 on.

    n_total : int
        The number of rows of the stream.

    n_weighted : int
        The number of rows of the stream that have a positive weight.

    summary : LabelSummary or RangeSummary
        What is known of the targets of all rows.
    """

    X: object
    y: object
    weight: object
    position: object
    n_total: int
    n_weighted: int
    summary: object

    @property
    def is_whole(self):
        """Whether these are all rows of the stream."""
        return len(self.y) == self.n_total

    def check_again(self, batch):
        """Raise an error if the targets of a batch differ from those read first."""
        end = batch.start + batch.n_rows
        first, last = np.searchsorted(self.position, [batch.start, end])
        again = batch.y[self.position[first:last] - batch.start]
        if not np.array_equal(again, self.y[first:last]):
            raise ValueError(
                "the targets are not those that were read first. The data must have "
                "the same rows in the same order every time: shuffle them only once."
            )


def read_sample(stream, estimator, *, buffer_size, rng):
    """Read a stream for the first time.

    Every row gets a random key, and those of the smallest keys are the sample: every
    set of so many rows has the same probability.

    Parameters
    ----------
    stream : BatchStream
        The stream.

    estimator : _BaseFCNet
        The estimator that is to be fitted.

    buffer_size : int
        The number of bytes of the sample, if all its values were float64.

    rng : numpy.random.Generator
        The generator that draws the sample.

    Returns
    -------
    sample : Sample
        The sample.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        If a batch is not as it must be, or cannot be read, or if there are no rows.
    """
    reservoir = summary = None
    for batch in stream:
        with batch.named_in_errors():
            if reservoir is None:
                n_wanted = max(1, buffer_size // (8 * batch.X.shape[1]))
                reservoir = _Reservoir(n_wanted, rng)
                estimator._new_target(batch.y, None, is_whole=True)  # its kind is right
                kind = RangeSummary if estimator._predicts_numbers else LabelSummary
                summary = kind(batch.y.ndim)
            summary.add(batch)
        reservoir.add(batch)
    if reservoir is None:
        raise ValueError("data have no rows.")
    return reservoir.sample(summary)


class _Reservoir:
    """The rows of the smallest keys among those that were added."""

    def __init__(self, n_wanted, rng):
        self._n_wanted, self._rng = n_wanted, rng
        self._pieces = []  # of X, y, weights, positions and keys
        self._n_kept = self._n_total = self._n_weighted = 0
        self._largest_key = 1.0

    def add(self, batch):
        """Add the rows of a batch."""
        keys = self._rng.random(batch.n_rows)
        position = np.arange(self._n_total, self._n_total + batch.n_rows)
        self._n_total += batch.n_rows
        self._n_weighted += np.count_nonzero(batch.has_weight)
        self._keep((batch.X, batch.y, batch.weight, position, keys))
        if self._n_kept > SLACK * self._n_wanted:
            self._drop_largest_keys()
        if len(self._pieces) > MAX_PIECES:
            self._pieces = [self._concatenated()]

    def _keep(self, piece):
        """Keep the rows of a piece whose keys are small enough."""
        is_small = piece[-1] <= self._largest_key
        if is_small.any():
            self._pieces.append(tuple(_taken(a, is_small) for a in piece))
            self._n_kept += np.count_nonzero(is_small)

    def _drop_largest_keys(self):
        keys = np.concatenate([piece[-1] for piece in self._pieces])
        self._largest_key = np.partition(keys, self._n_wanted - 1)[self._n_wanted - 1]
        pieces, self._pieces, self._n_kept = self._pieces, [], 0
        for i, piece in enumerate(pieces):
            pieces[i] = None  # its memory is free as soon as it was copied
            self._keep(piece)
        # Many small pieces among memory that was freed would keep much of it in use.
        self._pieces = [self._concatenated()]

    def _concatenated(self):
        X, *arrays = zip(*self._pieces, strict=True)
        arrays = [None if a[0] is None else np.concatenate(a) for a in arrays]
        return concatenated(X), *arrays

    def sample(self, summary):
        """Return the sample, and leave the reservoir empty."""
        if self._n_kept > self._n_wanted:
            self._drop_largest_keys()
        *arrays, _ = self._concatenated()
        self._pieces = []
        return Sample(*arrays, self._n_total, self._n_weighted, summary)


def _taken(a, mask):
    """Return copies of some rows of an array or a data frame, or None for None."""
    return None if a is None else take_rows(a, mask)


class LabelSummary:
    """All labels of a stream, and for a single output their total weights.

    Parameters
    ----------
    n_dimensions : int
        The number of dimensions of y.
    """

    def __init__(self, n_dimensions):
        self._is_single = n_dimensions == 1
        self._labels = self._totals = None

    def add(self, batch):
        """Add the labels of a batch."""
        columns = [batch.y] if self._is_single else list(batch.y.T)
        labels = [sorted_labels(column, "y") for column in columns]
        if self._labels is not None:
            labels = [
                sorted_labels(np.concatenate(both), "y")
                for both in zip(self._labels, labels, strict=True)
            ]
        if self._is_single:
            self._add_weights(batch, labels[0])
        self._labels = labels

    def _add_weights(self, batch, labels):
        totals = np.zeros(len(labels))
        if self._labels is not None:
            totals[np.searchsorted(labels, self._labels[0])] = self._totals
        # These are added one after the other, so that batches do not matter.
        weight = 1.0 if batch.weight is None else batch.weight
        np.add.at(totals, np.searchsorted(labels, batch.y), weight)
        self._totals = totals

    @property
    def classes(self):
        """The classes as `partial_fit` takes them; None for multilabel data."""
        if self._is_single:
            return self._labels[0]
        numbers = all(labels.dtype.kind in "biuf" for labels in self._labels)
        if numbers and len(np.unique(np.concatenate(self._labels))) <= 2:
            return None
        return self._labels

    def teach_before_scaling(self, target):
        """Let the target of an estimator learn the weights of the classes."""
        if self._is_single:
            has_rows = self._totals > 0
            target.learn_from_rows(self._labels[0][has_rows], self._totals[has_rows])

    def teach_after_scaling(self, target):
        """Do nothing: labels are not scaled."""


class RangeSummary:
    """The smallest and the largest targets of a stream.

    Parameters
    ----------
    n_dimensions : int
        The number of dimensions of y.
    """

    classes = None

    def __init__(self, n_dimensions):
        self._extremes = None

    def add(self, batch):
        """Add the targets of a batch."""
        numbers = batch.y.reshape(batch.n_rows, -1)[batch.has_weight].astype(float)
        if self._extremes is not None:
            numbers = np.concatenate([self._extremes, numbers])
        if len(numbers):
            self._extremes = np.stack([numbers.min(axis=0), numbers.max(axis=0)])

    def teach_before_scaling(self, target):
        """Do nothing: the range is learned after the scale."""

    def teach_after_scaling(self, target):
        """Let the target of an estimator learn its range."""
        target.learn_range(self._extremes)
