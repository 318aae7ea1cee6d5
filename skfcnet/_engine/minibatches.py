"""Where the minibatches of an epoch come from.

The solver only asks for the minibatches of the next epoch. Whether the rows are in
memory, as here, or on disk is up to the source.
"""

from abc import ABC, abstractmethod

from skfcnet._engine.batches import Batches
from skfcnet._engine.prefetch import gather, is_worth_prefetching, prefetch_rows


class Minibatches(ABC):
    """A source of minibatches, the length of which is their number in an epoch.

    Attributes
    ----------
    batch_size : int
        The number of rows of a minibatch.

    like : ndarray or CSR matrix of shape (N, D)
        Rows that are dense or sparse, as those of all minibatches. There may be none.
    """

    @abstractmethod
    def __len__(self):
        """Return the number of minibatches in an epoch."""

    @abstractmethod
    def epoch(self, rng, workspace, *, may_prefetch=False):
        """Yield the minibatches of one epoch.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws the order of the rows.

        workspace : Workspace
            Lends the memory of a minibatch, which is valid until the next one.

        may_prefetch : bool, default=False
            Whether another thread may gather rows in advance. Close the generator where
            it is not exhausted, so that the thread ends.

        Yields
        ------
        x : ndarray or CSR matrix of shape (n, D)
            The rows.

        y : ndarray of shape (n,) or (n, K)
            The targets.

        loss_weight : ndarray of shape (n,) or (n, n_members), or None
            The factors of the losses of the rows.
        """


class MinibatchesInMemory(Minibatches):
    """Minibatches of rows that are in memory.

    Parameters
    ----------
    X : ndarray of shape (N, D) or CSR matrix
        The rows.

    y : ndarray of shape (N,) or (N, K)
        The targets.

    batch_size : int
        The number of rows of a minibatch.

    sample_weight : ndarray of shape (N,), default=None
        Positive repetition counts; ones when None.

    loss_weight : ndarray of shape (N,) or (N, n_members), default=None
        Factors of the losses of the rows, for all members or for each of them.

    shuffle : bool, default=True
        Whether to shuffle the rows in every epoch, or to keep their order.
    """

    def __init__(
        self, X, y, *, batch_size, sample_weight=None, loss_weight=None, shuffle=True
    ):
        self.like = X
        self.batch_size = batch_size
        self._y = y
        self._loss_weight = loss_weight
        self._batches = Batches(
            X, y, batch_size=batch_size, sample_weight=sample_weight, shuffle=shuffle
        )

    def __len__(self):
        """Return the number of minibatches in an epoch."""
        return len(self._batches)

    def epoch(self, rng, workspace, *, may_prefetch=False):
        """Draw the order of the rows, and return a generator of the minibatches."""
        batches = list(self._batches.epoch(rng))
        return self._gathered(batches, workspace, may_prefetch)

    def _gathered(self, batches, workspace, may_prefetch):
        if may_prefetch and is_worth_prefetching(self.like, batches):
            scratch = workspace.scope("prefetch")
            gathered = prefetch_rows(self.like, batches, scratch)
        else:
            gathered = (
                gather(self.like, rows, workspace, "X_train") for rows in batches
            )
        for rows, x in zip(batches, gathered, strict=True):
            weight = None if self._loss_weight is None else self._loss_weight[rows]
            yield x, gather(self._y, rows, workspace, "y_train"), weight
