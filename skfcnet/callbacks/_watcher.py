"""The base class of callbacks that show or keep the history of fits."""

from abc import ABC, abstractmethod
from typing import Any


class Watcher(ABC):
    """Base class of callbacks that are told of every epoch of a fit.

    One callback may watch several fits at the same time, in threads, and is sent to
    other processes without the fits that it watches.
    """

    def __init__(self) -> None:
        self._fits: dict[Any, Any] = {}

    @abstractmethod
    def _open(self, estimator: Any, context: Any) -> Any:
        """Return what is opened at the beginning of a fit."""

    @abstractmethod
    def _watch(self, fit: Any, estimator: Any, *, is_last: bool) -> None:
        """Take note of an epoch, or of the end of the fit."""

    @abstractmethod
    def _close(self, fit: Any) -> None:
        """Close what was opened."""

    def setup(self, estimator: Any, context: Any) -> None:
        """Begin to watch a fit.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is being fitted.

        context : sklearn.callback.CallbackContext
            The context of the fit.
        """
        self._fits[context] = self._open(estimator, context)

    # Subclasses have no news at the beginning of an epoch either.
    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:  # noqa: B027
        """Do nothing: there is news at the end of an epoch only.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is being fitted.

        context : sklearn.callback.CallbackContext
            The context of the fit, or of an epoch.
        """

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        """Take note of an epoch.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is being fitted.

        context : sklearn.callback.CallbackContext
            The context of the task that ends: an epoch, or the fit.

        fitted_estimator : estimator instance, default=None
            A copy of the estimator, fitted as if training had ended now.

        Raises
        ------
        TypeError
            If the estimator has no ``history_``, such as a pipeline: the callback is
            set on the network itself.
        """
        if not hasattr(fitted_estimator, "history_"):
            raise TypeError(
                f"{type(self).__name__} watches the networks of skfcnet: set it on the "
                f"network itself, and not on {type(estimator).__name__}."
            )
        is_epoch = context not in self._fits
        fit = self._fits[context.parent if is_epoch else context]
        self._watch(fit, fitted_estimator, is_last=not is_epoch)

    def teardown(self, estimator: Any, context: Any) -> None:
        """End to watch a fit, which may have failed.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that was being fitted.

        context : sklearn.callback.CallbackContext
            The context of the fit.
        """
        if context in self._fits:  # unless it could not be opened
            self._close(self._fits.pop(context))

    def __getstate__(self):
        return vars(self) | {"_fits": {}}


def last_epoch(estimator):
    """Return the last row of the history of an estimator, without what is missing.

    Parameters
    ----------
    estimator : FCNetClassifier or FCNetRegressor
        The fitted estimator.

    Returns
    -------
    epoch : int
        The number of the epoch.

    row : dict of str to float
        The other columns of ``history_`` by their names, unless they are NaN.
    """
    row = {name: column[-1] for name, column in estimator.history_.items()}
    epoch = row.pop("epoch")
    return epoch, {name: value for name, value in row.items() if value == value}
