"""The callback that scores on validation data."""

from typing import Any, Literal

from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length

from skfcnet._compat import ScoringMonitor
from skfcnet.callbacks._watcher import Watcher


def _default_score(estimator: Any, X: Any, y: Any, **metadata: Any) -> dict[str, float]:
    return {"score": estimator.score(X, y, **metadata)}


class ValidationMonitor(ScoringMonitor):
    """Callback that scores an estimator on validation data after every epoch.

    It is scikit-learn's ``ScoringMonitor`` for data that are not trained on. The log is
    collected in the main process, also from parallel workers, and is returned by
    ``get_logs`` in the same form. The callback does not stop training: early stopping
    is a parameter of the estimators.

    Parameters
    ----------
    X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features)
        The validation data, as input of the estimator on which the callback is set: in
        a pipeline, transformed by the steps before the estimator.

    y_val : array-like of shape (n_val,) or (n_val, n_outputs)
        The target of the validation data.

    sample_weight : array-like of shape (n_val,), default=None
        The sample weights of the validation data.

    scoring : str, callable, list, tuple, dict or None, default=None
        The scores, as for ``ScoringMonitor``: the name of a scorer of scikit-learn,
        several names, a scorer, or a dict of scorers. None is the ``score`` method of
        the estimator, under the name ``"score"``.

    Raises
    ------
    ImportError
        If scikit-learn is older than 1.9.

    ValueError
        If ``X_val``, ``y_val`` and ``sample_weight`` differ in length.

    See Also
    --------
    sklearn.callback.ScoringMonitor : Callback that scores on the training data.

    Notes
    -----
    A log has one row for every epoch, and one row for the whole fit: the score of the
    fitted estimator, which with early stopping has the weights of its best epoch.

    Set the callback on the network itself. On a pipeline nothing is logged, since a
    pipeline does not pass a fitted estimator to its callbacks, and propagates only
    callbacks that are made for it. In a search, every candidate and every fold is
    scored on the same validation data, and ``get_logs(include_lineage=True)`` tells
    them apart. The callback carries the data: to every worker, and into the pickle of
    an estimator on which it is set. ``estimator.set_callbacks()`` without arguments
    removes it.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skfcnet import FCNetClassifier
    >>> from skfcnet.callbacks import ValidationMonitor
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_val, y, y_val = train_test_split(X / 16, y, random_state=0)
    >>> monitor = ValidationMonitor(
    ...     X_val, y_val, scoring=["accuracy", "neg_log_loss"]
    ... )
    >>> net = FCNetClassifier(
    ...     early_stopping=False, max_iter=8, random_state=0
    ... )
    >>> net = net.set_callbacks(monitor).fit(X, y)
    >>> rows = monitor.get_logs().data
    >>> epochs = [row for row in rows if row["task_name"] == "epoch"]
    >>> len(epochs) == net.n_iter_
    True
    >>> epochs[-1]["accuracy"] == net.score(X_val, y_val)
    True
    """

    def __init__(
        self,
        X_val: Any,
        y_val: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        scoring: Any = None,
    ) -> None:
        super().__init__(scoring=_default_score if scoring is None else scoring)
        check_consistent_length(X_val, y_val, sample_weight)
        self._data = {"X": X_val, "y": y_val}
        has_weights = sample_weight is not None
        self._metadata = {"sample_weight": sample_weight} if has_weights else {}

    def setup(self, estimator: Any, context: Any) -> None:
        """Make the scorers for an estimator, before it is fitted.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is being fitted.

        context : sklearn.callback.CallbackContext
            The context of the fit.
        """
        super().setup(estimator, context)

    on_fit_task_begin = Watcher.on_fit_task_begin

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        """Score the estimator in its present state, and log the score.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is being fitted.

        context : sklearn.callback.CallbackContext
            The context of the task that ends: an epoch, or the fit.

        fitted_estimator : estimator instance, default=None
            A copy of the estimator, fitted as if training had ended now. If it is None,
            nothing is scored.
        """
        super().on_fit_task_end(
            estimator,
            context,
            fitted_estimator=fitted_estimator,
            metadata=self._metadata,
            **self._data,
        )

    def teardown(self, estimator: Any, context: Any) -> None:
        """Forget the scorers of an estimator whose fit has ended, or failed.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that was being fitted.

        context : sklearn.callback.CallbackContext
            The context of the fit.
        """
        super().teardown(estimator, context)

    def get_logs(
        self,
        select: Literal["all", "most_recent"] = "most_recent",
        include_lineage: bool = False,
    ) -> Any:
        """Return the scores that were logged.

        Parameters
        ----------
        select : {"all", "most_recent"}, default="most_recent"
            The runs whose scores are returned. A run is one fit of the outermost
            estimator, such as of a search.

        include_lineage : bool, default=False
            Whether the log also has a row, without scores, for everything that the
            epochs are part of, such as the candidates and folds of a search.

        Returns
        -------
        logs : sklearn.callback.ScoringMonitorLog or list of them
            The log of the most recent run, or those of all runs. ``data`` is a list of
            dicts, one for each epoch and one for the fit, with the names of the scores
            among their keys. ``data_as_pandas`` is the same as a data frame.

        Raises
        ------
        ValueError
            If nothing was logged.
        """
        return super().get_logs(select=select, include_lineage=include_lineage)
