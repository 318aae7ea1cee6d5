"""Encoded rows on disk, in random buckets each of which fits into memory.

Every row goes to a bucket at random. An epoch visits the buckets in random order, and
loads, shuffles and trains on one after the other. This is a shuffle of all rows,
however they were sorted, and no more than a bucket is in memory.
"""

from math import ceil
from pathlib import Path
from shutil import disk_usage

import numpy as np

from skfcnet._engine.batches import MAX_MEAN_REPETITION, n_minibatches
from skfcnet._engine.minibatches import Minibatches, MinibatchesInMemory

MIN_MINIBATCHES = 10
"""A bucket has at least so many minibatches on average, so that the last one, which is
smaller, hardly matters."""

PENDING_SHARE = 0.1
"""Rows are written to disk when they have this share of the size of the buffer, since
many buckets would be sent few rows of each batch."""

CHUNK_BYTES = 2**20
"""The number of bytes of a bucket that are read from the disk at a time."""


class Buckets:
    """Encoded rows in files, one for each bucket.

    Parameters
    ----------
    folder : path-like
        The folder of the files, which exists and is empty.

    n_rows : int
        The number of rows that will be added at most.

    batch_size : int
        The number of rows of a minibatch.

    buffer_size : int
        The number of bytes that a bucket has at most, on average.

    rng : numpy.random.Generator
        The generator that draws the bucket of each row.

    Attributes
    ----------
    n_rows : int
        The number of rows so far.
    """

    def __init__(self, folder, *, n_rows, batch_size, buffer_size, rng):
        self._folder = Path(folder)
        self._n_expected = n_rows
        self.batch_size = batch_size
        self._buffer_size = buffer_size
        self._rng = rng
        self._record = None
        self._pending = []  # rows that are not on disk yet, and their buckets
        self._n_pending = 0
        self.n_rows = 0

    def draw(self, n):
        """Return a random number in [0, 1) for each of n rows, for `add`."""
        return self._rng.random(n)

    def add(self, arrays, draws):
        """Add rows.

        Parameters
        ----------
        arrays : dict of str to ndarray or None
            The arrays of the rows by name: "X", "y", "sample_weight", "loss_weight" and
            "pattern", the number of a pattern of `Folds`. They have the same dtypes and
            the same shapes of a row in every call.

        draws : ndarray of shape (n,)
            The random numbers of the rows, from `draw`.
        """
        arrays = {name: a for name, a in arrays.items() if a is not None}
        if self._record is None:
            self._start(arrays)
        records = np.empty(len(draws), self._record)
        for name, a in arrays.items():
            records[name] = a
        bucket = (draws * self.n_buckets).astype(np.intp)
        self.n_rows += len(draws)
        if "sample_weight" in arrays:
            # These are added one after the other, so that batches do not matter.
            np.add.at(self._totals, bucket, arrays["sample_weight"])
        self._pending.append((records, bucket))
        self._n_pending += records.nbytes
        if self._n_pending >= PENDING_SHARE * self._buffer_size:
            self.flush()

    def flush(self):
        """Write all rows to disk, which must be done before the first one is loaded."""
        if not self._pending:
            return
        records, bucket = map(np.concatenate, zip(*self._pending, strict=True))
        self._pending, self._n_pending = [], 0
        order = bucket.argsort(kind="stable")
        counts = np.bincount(bucket, minlength=self.n_buckets)
        ends = counts.cumsum()
        for i in np.flatnonzero(counts):
            with self._path(i).open("ab") as file:
                records[order[ends[i] - counts[i] : ends[i]]].tofile(file)
        self._counts += counts

    def _start(self, arrays):
        """Decide on the number of buckets, given the first rows."""
        self._record = np.dtype([(k, a.dtype, a.shape[1:]) for k, a in arrays.items()])
        n_bytes = self._n_expected * self._record.itemsize
        self.n_buckets = ceil(n_bytes / self._buffer_size)
        self._counts = np.zeros(self.n_buckets, np.intp)
        self._totals = np.zeros(self.n_buckets)
        needed = MIN_MINIBATCHES * self.batch_size
        if self.n_buckets > 1 and self._n_expected < needed * self.n_buckets:
            raise ValueError(
                f"buffer_size={self._buffer_size} holds fewer than {MIN_MINIBATCHES} "
                f"minibatches of {self.batch_size} encoded rows of "
                f"{self._record.itemsize} bytes: raise it to "
                f"{2 * needed * self._record.itemsize}, or lower batch_size."
            )
        n_free = disk_usage(self._folder).free
        if n_bytes > n_free:
            raise OSError(
                f"The encoded rows need {n_bytes / 1e9:.3g} GB on disk, but there are "
                f"{n_free / 1e9:.3g} GB in {str(self._folder.parent)!r}: set folder to "
                f"one with more space."
            )

    def _path(self, bucket):
        return self._folder / f"{bucket}.rows"

    def no_rows(self):
        """Return an array of no encoded rows, which has their width and dtype."""
        dtype = self._record["X"]
        return np.empty((0, *dtype.shape), dtype.base)

    def total_weights(self):
        """Return the number of rows of each bucket, counting repetitions."""
        if "sample_weight" not in self._record.names:
            return self._counts
        totals = np.rint(self._totals * self._weight_scale())
        return np.maximum(1, totals).astype(np.intp)

    def _weight_scale(self):
        """Return the factor that makes the sample weights repetition counts."""
        total = self._totals.sum()
        if self.n_rows <= total <= MAX_MEAN_REPETITION * self.n_rows:
            return 1.0
        scale = self.n_rows / total
        if not 0 < scale < np.inf:
            raise ValueError(
                f"The sum of the sample weights is {total}: divide them by their mean."
            )
        return scale

    def load(self, bucket):
        """Return the arrays of a bucket by name, without those that are None."""
        n, record = self._counts[bucket], self._record
        arrays = {
            name: np.empty((n, *record[name].shape), record[name].base)
            for name in record.names
        }
        n_at_a_time = max(1, CHUNK_BYTES // record.itemsize)
        with self._path(bucket).open("rb") as file:
            for start in range(0, n, n_at_a_time):
                records = np.fromfile(file, record, min(n_at_a_time, n - start))
                for name, a in arrays.items():
                    a[start : start + len(records)] = records[name]
        if "sample_weight" in arrays:
            arrays["sample_weight"] *= self._weight_scale()
        return arrays


class MinibatchesOnDisk(Minibatches):
    """The minibatches of rows in buckets.

    Parameters
    ----------
    buckets : Buckets
        The rows, all of which were added.

    member_weights : ndarray of shape (n_patterns, n_members), default=None
        The factors of the losses of rows of each pattern, for each member. None if the
        rows have no patterns.
    """

    def __init__(self, buckets, member_weights=None):
        self._member_weights = member_weights
        self.batch_size = buckets.batch_size
        self.like = buckets.no_rows()
        self._buckets = buckets

    def __len__(self):
        """Return the number of minibatches in an epoch."""
        totals = self._buckets.total_weights().tolist()
        return sum(n_minibatches(n, self.batch_size) for n in totals)

    def epoch(self, rng, workspace, *, may_prefetch=False):
        """Yield the minibatches of one epoch."""
        for bucket in rng.permutation(self._buckets.n_buckets):
            yield from self._bucket(bucket, rng, workspace, may_prefetch)

    def _bucket(self, bucket, rng, workspace, may_prefetch):
        # The arrays end with this generator, before the next bucket is loaded.
        arrays = self._buckets.load(bucket)
        if self._member_weights is not None:
            weight = self._member_weights[arrays.pop("pattern")]
            if "loss_weight" in arrays:
                weight *= arrays["loss_weight"][:, np.newaxis]
            arrays["loss_weight"] = weight
        minibatches = MinibatchesInMemory(**arrays, batch_size=self.batch_size)
        yield from minibatches.epoch(rng, workspace, may_prefetch=may_prefetch)
