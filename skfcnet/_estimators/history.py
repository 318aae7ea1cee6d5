"""The history of a fit: the losses and scores of every epoch."""

from typing import NamedTuple


class Epoch(NamedTuple):
    """One row of the history of a fit; its numbers are the columns of ``history_``.

    Parameters
    ----------
    epoch : int
        The number of the epoch, counted from 1.

    loss : float
        The training loss.

    validation_loss, validation_score : float
        The loss and the score on the validation set; NaN without a validation set.

    learning_rate : float
        The learning rate of the last step; NaN for L-BFGS.

    seconds : float
        The duration of the epoch in seconds.

    member_validation_losses : tuple of float, default=()
        The validation losses of the members that are validated on folds of their own,
        of which ``validation_loss`` is the mean. It is no column of ``history_``.
    """

    epoch: int
    loss: float
    validation_loss: float
    validation_score: float
    learning_rate: float
    seconds: float
    member_validation_losses: tuple = ()


class History:
    """Immutable sequence of epochs.

    ``with_epoch`` returns a history with one epoch more. Both histories share one list
    and know their own length, so that adding an epoch takes the same time however many
    epochs there are.

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
        # A longer history may have appended epochs to the same list.
        indices = range(self._length)[index]
        if isinstance(indices, range):
            return [self._epochs[i] for i in indices]
        return self._epochs[indices]

    def __reduce__(self):
        return type(self), (self[:],)

    def with_epoch(self, epoch):
        """Return a history with one epoch more.

        Parameters
        ----------
        epoch : Epoch
            The next epoch.

        Returns
        -------
        history : History
            A new history; this one is not changed.
        """
        longer = History.__new__(History)
        owns_the_end = len(self._epochs) == self._length
        longer._epochs = self._epochs if owns_the_end else self[:]
        longer._epochs.append(epoch)
        longer._length = self._length + 1
        return longer

    def column(self, name):
        """Return a field of all epochs as a list.

        Parameters
        ----------
        name : str
            The name of a field of `Epoch`.

        Returns
        -------
        column : list
            The values of the field, from the first to the last epoch.
        """
        return [getattr(epoch, name) for epoch in self[:]]

    def as_table(self):
        """Return the history as a table, by columns.

        Returns
        -------
        table : dict of list
            The numbers of `Epoch` for all epochs, by the name of the field.
        """
        numbers = (name for name in Epoch._fields if name not in Epoch._field_defaults)
        return {name: self.column(name) for name in numbers}
