"""The messages that ``verbose`` prints."""

from math import isnan


class EpochLog:
    """Log that prints the epochs of a fit, and at the end why training stopped.

    Parameters
    ----------
    every : int
        The interval between printed epochs; 0 prints nothing.

    unit : str
        The name of an epoch: 'Epoch' or 'Iteration'.

    last : int or None
        The number of the last epoch, if training does not stop before; None if it is
        not known.

    score_name : str
        The name of the validation score, or 'loss' if it is minus the loss.

    Examples
    --------
    >>> from skfcnet._estimators.history import Epoch
    >>> from skfcnet._estimators.log import EpochLog
    >>> log = EpochLog(1, "Epoch", 20, "accuracy")
    >>> epoch = Epoch(3, 0.5, 0.6, 0.9, 0.01, 0.2)
    >>> log.print_epoch(epoch)
    Epoch  3/20  loss     0.500000  validation accuracy     0.900000  learning rate      0.01     0.200 s
    >>> log.print_summary(epoch, [epoch], "there was no improvement for 10 epochs")
    Stopped after epoch 3 of 20: there was no improvement for 10 epochs. Epoch 3 is kept: validation accuracy 0.900000.
    """  # noqa: E501 - the lines of the example are as long as they are printed

    def __init__(self, every, unit, last, score_name):
        self._every = int(every)
        self._unit = unit
        self._last = last
        self._score_name = score_name

    def print_epoch(self, epoch):
        """Print a line for every ``every``-th epoch.

        Parameters
        ----------
        epoch : Epoch
            The epoch that has ended.
        """
        if not self._every or epoch.epoch % self._every:
            return
        number = f"{epoch.epoch:4d}"
        if self._last is not None:
            number = f"{epoch.epoch:{len(str(self._last))}d}/{self._last}"
        parts = [f"{self._unit} {number}", f"loss {epoch.loss:12.6f}"]
        if not isnan(epoch.validation_loss):
            parts.append(self._score_of([epoch], "12.6f"))
        if not isnan(epoch.learning_rate):
            parts.append(f"learning rate {epoch.learning_rate:9.3g}")
        print(*parts, f"{epoch.seconds:8.3f} s", sep="  ")

    def print_summary(self, epoch, kept, reason):
        """Print why training stopped, and which epoch is kept.

        Parameters
        ----------
        epoch : Epoch
            The last epoch.

        kept : list of Epoch
            The epoch whose weights are kept, or those of each member, with its own loss
            and score; empty without a validation set.

        reason : str or None
            The reason why training stopped; None if all epochs were trained.
        """
        if not self._every:
            return
        unit = self._unit.lower()
        line = f"Trained to the end, {unit} {epoch.epoch} of {self._last}."
        if reason is not None:
            line = f"Stopped after {unit} {epoch.epoch} of {self._last}: {reason}."
        if kept:
            numbers = ", ".join(str(own.epoch) for own in kept)
            is_kept = f"{self._unit} {numbers} is kept:"
            if len(kept) > 1:
                is_kept = f"The members keep {unit}s {numbers}: mean"
            line += f" {is_kept} {self._score_of(kept, '.6f')}."
        print(line)

    def _score_of(self, epochs, form):
        """Return the mean score of epochs as text."""
        name = "validation_" + ("loss" if self._score_name == "loss" else "score")
        score = sum(getattr(epoch, name) for epoch in epochs) / len(epochs)
        return f"validation {self._score_name} {score:{form}}"
