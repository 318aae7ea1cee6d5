"""What ``verbose`` prints."""

from math import isnan


class EpochLog:
    """Prints epochs of a fit, and in the end why there are no more.

    Parameters
    ----------
    every : int
        Every so many epochs are printed; 0: nothing at all.

    unit : str
        What an epoch is called.

    last : int or None
        Number of the last epoch that there can be; None where nobody knows.

    score_name : str
        What the validation score is called; 'loss' where it is minus the loss.

    Examples
    --------
    >>> from skfcnet._estimators.history import Epoch
    >>> from skfcnet._estimators.log import EpochLog
    >>> log = EpochLog(1, "Epoch", 20, "accuracy")
    >>> epoch = Epoch(3, 0.5, 0.6, 0.9, 0.01, 0.2)
    >>> log.epoch(epoch)
    Epoch  3/20  loss     0.500000  validation accuracy     0.900000  learning rate      0.01     0.200 s
    >>> log.end(epoch, epoch, "there was no improvement for 10 epochs")
    Stopped after epoch 3 of 20: there was no improvement for 10 epochs. Epoch 3 is kept: validation accuracy 0.900000.
    """  # noqa: E501 - these are the lines as they are printed

    def __init__(self, every, unit, last, score_name):
        self._every = int(every)
        self._unit = unit
        self._last = last
        self._score_name = score_name

    def epoch(self, epoch):
        """Print a line where it is the turn of this epoch.

        Parameters
        ----------
        epoch : Epoch
            The one that was completed.
        """
        if not self._every or epoch.epoch % self._every:
            return
        number = f"{epoch.epoch:4d}"
        if self._last is not None:
            number = f"{epoch.epoch:{len(str(self._last))}d}/{self._last}"
        parts = [f"{self._unit} {number}", f"loss {epoch.loss:12.6f}"]
        if not isnan(epoch.validation_loss):
            parts.append(self._score_of(epoch, "12.6f"))
        if not isnan(epoch.learning_rate):
            parts.append(f"learning rate {epoch.learning_rate:9.3g}")
        print(*parts, f"{epoch.seconds:8.3f} s", sep="  ")

    def end(self, epoch, kept, reason):
        """Print why there are no more epochs.

        Parameters
        ----------
        epoch : Epoch
            The last one.

        kept : Epoch or None
            The one whose weights are kept where they were validated.

        reason : str or None
            Why training was stopped; None where it ran to its end.
        """
        if not self._every:
            return
        unit = self._unit.lower()
        line = f"Trained to the end, {unit} {epoch.epoch} of {self._last}."
        if reason is not None:
            line = f"Stopped after {unit} {epoch.epoch} of {self._last}: {reason}."
        if kept is not None:
            line += (
                f" {self._unit} {kept.epoch} is kept: {self._score_of(kept, '.6f')}."
            )
        print(line)

    def _score_of(self, epoch, form):
        is_loss = self._score_name == "loss"
        score = epoch.validation_loss if is_loss else epoch.validation_score
        return f"validation {self._score_name} {score:{form}}"
