"""What a fit notes of every epoch."""

from typing import NamedTuple


class Epoch(NamedTuple):
    """One row of the history of a fit; its fields are the columns of ``history_``.

    Parameters
    ----------
    epoch : int
        Number of the epoch, from 1.

    loss : float
        Training loss.

    validation_loss, validation_score : float
        Of the validation rows; NaN where there are none.

    learning_rate : float
        That of the last step; NaN for L-BFGS.

    seconds : float
        How long the epoch took.
    """

    epoch: int
    loss: float
    validation_loss: float
    validation_score: float
    learning_rate: float
    seconds: float


class History:
    """The epochs so far: a sequence that only grows, and whose copies are free.

    ``with_epoch`` returns a longer history and leaves this one as it is. Both share one
    list, of which each knows how much is its own, so that adding an epoch takes the
    same time however many there are.

    Examples
    --------
    >>> from skfcnet._estimators.history import Epoch, History
    >>> first = History().with_epoch(Epoch(1, 0.5, 0.6, 0.9, 0.01, 0.2))
    >>> second = first.with_epoch(Epoch(2, 0.4, 0.5, 0.9, 0.01, 0.2))
    >>> first.column("loss"), second.column("loss")
    ([0.5], [0.5, 0.4])
    """

    def __init__(self, epochs=()):
        self._epochs = list(epochs)
        self._length = len(self._epochs)

    def __len__(self):
        return self._length

    def __getitem__(self, index):
        # By the numbers of its own epochs: others may have gone on with the same list.
        numbers = range(self._length)[index]
        if isinstance(numbers, range):
            return [self._epochs[number] for number in numbers]
        return self._epochs[numbers]

    def __reduce__(self):
        return type(self), (self[:],)

    def with_epoch(self, epoch):
        """Return a history with one epoch more.

        Parameters
        ----------
        epoch : Epoch
            The next one.

        Returns
        -------
        history : History
            Another one; this one stays what it is.
        """
        longer = History.__new__(History)
        is_longest = len(self._epochs) == self._length
        longer._epochs = self._epochs if is_longest else self[:]
        longer._epochs.append(epoch)
        longer._length = self._length + 1
        return longer

    def column(self, name):
        """Return one number of every epoch, as a list.

        Parameters
        ----------
        name : str
            A field of `Epoch`.

        Returns
        -------
        column : list
            First epoch to last.
        """
        return [getattr(epoch, name) for epoch in self[:]]

    def as_table(self):
        """Return all columns, as lists by name.

        Returns
        -------
        table : dict of list
            In the order of the fields of `Epoch`.
        """
        return {name: self.column(name) for name in Epoch._fields}
