"""Which members are trained on which rows of a stream.

Only rows of the sample are held out: from all members, or, where members are
cross-fitted, each from those in whose fold it is. All members are trained on all other
rows.
"""

import numpy as np


class Folds:
    """The members that are trained on each row, by patterns.

    A pattern says how often each member is trained on a row. Its number takes a byte or
    two on disk, where the numbers of the members would take many.

    Parameters
    ----------
    sample : Sample
        The sample.

    rows : Rows
        The rows of the sample that are left after validation rows were taken, or all of
        them, with the counts of members that have folds of their own.
    """

    def __init__(self, sample, rows):
        counts = rows.member_counts
        self.are_of_members = counts is not None
        if counts is None:
            counts = np.ones((rows.n_rows, 1), int)
        n_members = counts.shape[1]
        of_sample = np.zeros((len(sample.y), n_members), np.result_type(counts, int))
        of_sample[rows.index] = counts
        of_others = np.ones((1, n_members), int)
        self._counts, patterns = np.unique(
            np.vstack([of_others, of_sample]), axis=0, return_inverse=True
        )
        patterns = patterns.ravel()  # NumPy 2.0 returns it with a second axis
        patterns = patterns.astype(np.min_scalar_type(len(self._counts)))
        self._of_others, self._of_sample = patterns[0], patterns[1:]
        self._position = sample.position
        self._totals = np.zeros(len(self._counts))

    def patterns(self, start, stop):
        """Return the numbers of the patterns of successive rows of the stream.

        Parameters
        ----------
        start, stop : int
            The number of the first row, and of the first one after the last.

        Returns
        -------
        patterns : ndarray of int, shape (stop - start,)
            The numbers.
        """
        patterns = np.full(stop - start, self._of_others)
        first, last = np.searchsorted(self._position, [start, stop])
        patterns[self._position[first:last] - start] = self._of_sample[first:last]
        return patterns

    def are_trained_on(self, patterns):
        """Return for each pattern whether any member is trained on such rows."""
        return self._counts.any(axis=1)[patterns]

    def add_weights(self, patterns, weight):
        """Add the weights of rows that are trained on; None if all are 1."""
        # These are added one after the other, so that batches do not matter.
        np.add.at(self._totals, patterns, 1.0 if weight is None else weight)

    def loss_weights(self, dtype):
        """Return the factors of the losses of rows of each pattern.

        They are 0 for members that are not trained on a row, and scaled such that the
        mean over all rows is the mean over those that a member is trained on.

        Parameters
        ----------
        dtype : dtype
            The dtype of the network.

        Returns
        -------
        factors : ndarray of shape (n_patterns, n_members) or None
            The factors; None if members have no folds of their own.
        """
        if not self.are_of_members:
            return None
        scale = self._totals.sum() / (self._totals @ self._counts)
        return (self._counts * scale).astype(dtype)
