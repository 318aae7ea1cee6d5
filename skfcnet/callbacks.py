"""Callbacks for fits, by the protocol of scikit-learn 1.9, beside scikit-learn's own.

``estimator.set_callbacks(...)`` takes them. With earlier versions this module can be
imported, but what it holds cannot be made.
"""

from sklearn.utils import check_consistent_length

from skfcnet._compat import ScoringMonitor


def _default_score(estimator, X, y, **metadata):
    return {"score": estimator.score(X, y, **metadata)}


class ValidationMonitor(ScoringMonitor):
    """Callback that scores an estimator on validation data, after every epoch.

    It is scikit-learn's ``ScoringMonitor``, for other data than those trained on: what
    is logged reaches the main process from parallel workers, too, and is returned by
    ``get_logs`` in the same form. It only watches: early stopping is a parameter of
    the estimators.

    Parameters
    ----------
    X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features)
        Input to validate on, as the estimator that the callback is set on is given
        its own: in a pipeline, what the steps before it make of rows.

    y_val : array-like of shape (n_val,) or (n_val, n_outputs)
        Its target.

    sample_weight : array-like of shape (n_val,), default=None
        How much each row counts.

    scoring : str, callable, list, tuple, dict or None, default=None
        What ``ScoringMonitor`` takes: the name of a scorer of scikit-learn, several
        names, a scorer, a dict of scorers. None: the estimator's own ``score``, under
        the name ``"score"``.

    Raises
    ------
    ImportError
        If scikit-learn is older than 1.9.

    ValueError
        If ``X_val``, ``y_val`` and ``sample_weight`` differ in length.

    See Also
    --------
    sklearn.callback.ScoringMonitor : Scores on the data that are trained on.

    Notes
    -----
    A log has one row for every epoch, and one for the fit as a whole: what the
    estimator scores when it is done, with early stopping at the weights of its best
    epoch.

    Set it on the network itself. A pipeline hands its callbacks no fitted estimator
    and propagates only those made for it, so that on a pipeline nothing is logged. In
    a search, every candidate and every fold is scored on the same validation data;
    ``get_logs(include_lineage=True)`` says which is which. The data travel with the
    callback: to every worker, and into the pickle of an estimator that it is set on,
    unless ``estimator.set_callbacks()`` takes it off before.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skfcnet import FCNetClassifier
    >>> from skfcnet.callbacks import ValidationMonitor
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_val, y, y_val = train_test_split(X / 16, y, random_state=0)
    >>> monitor = ValidationMonitor(X_val, y_val, scoring=["accuracy", "neg_log_loss"])
    >>> net = FCNetClassifier(max_iter=8, random_state=0).set_callbacks(monitor)
    >>> net = net.fit(X, y)
    >>> epochs = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    >>> len(epochs) == net.n_iter_
    True
    >>> epochs[-1]["accuracy"] == net.score(X_val, y_val)
    True
    """

    def __init__(self, X_val, y_val, *, sample_weight=None, scoring=None):
        super().__init__(scoring=_default_score if scoring is None else scoring)
        check_consistent_length(X_val, y_val, sample_weight)
        self._data = {"X": X_val, "y": y_val}
        weighted = sample_weight is not None
        self._metadata = {"sample_weight": sample_weight} if weighted else {}

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Score an estimator as it is, and log the score.

        Parameters
        ----------
        estimator : estimator instance
            What is being fitted.

        context : sklearn.callback.CallbackContext
            Of the task that ends: an epoch, or the fit.

        fitted_estimator : estimator instance, default=None
            A copy, fitted as if training had ended here. None: nothing is scored.
        """
        super().on_fit_task_end(
            estimator,
            context,
            fitted_estimator=fitted_estimator,
            metadata=self._metadata,
            **self._data,
        )
