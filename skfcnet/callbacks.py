"""Callbacks of fits, in addition to those of scikit-learn.

They follow the protocol of scikit-learn 1.9. Set them by
``estimator.set_callbacks(...)``. With earlier versions of scikit-learn, `Checkpoint`
works, too, but `ValidationMonitor` cannot be instantiated.
"""

from numbers import Integral, Real
from pathlib import Path

from sklearn.utils import check_consistent_length

from skfcnet._compat import ScoringMonitor
from skfcnet.files import ModelFileError, _packed, _remove_abandoned, _write, load


class Checkpoint:
    """Callback that lets a fit continue after its process was killed.

    Every few epochs, the whole state of training is written to a file, in the same safe
    way as by `skfcnet.save`. Run the same fit again after its process was killed: if
    the parameters and the data are the same, it continues from the file. The result is
    the same, to the last bit, as if it had never been interrupted. When a fit has
    ended, the file is removed.

    Parameters
    ----------
    path : str or path-like
        The path of the file, in a folder that exists. Two fits that run at the same
        time, such as those of a search, must not have the same path.

    every : int, default=1
        The file is written after this many epochs.

    seconds : float, default=0.0
        The file is not written before this many seconds have passed since the last
        time.

    Raises
    ------
    ValueError
        If ``every`` is no positive integer, ``seconds`` no number from 0 on, or the
        folder of ``path`` does not exist.

    See Also
    --------
    skfcnet.save : Save a fitted model.

    Notes
    -----
    It needs an integer as ``random_state``, since another run begins with other random
    numbers otherwise, and a solver other than "lbfgs". Raised by `fit` are a
    `ValueError` if the file is that of a fit with other parameters or data, and
    `skfcnet.files.ModelFileError` if it is damaged. The data are compared as they are
    after encoding, so that the same numbers in another form are the same.

    It works for ``skfcnet.streaming.fit`` as well, which encodes the rows again before
    it continues. ``partial_fit`` does not use it: `skfcnet.save` keeps all that it
    continues from. The members of an ensemble are trained in one process, whatever
    ``n_jobs`` is, and other callbacks are told of the remaining epochs only. Saving
    needs skops, which the extra ``skfcnet[files]`` installs.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skfcnet import FCNetRegressor
    >>> from skfcnet.callbacks import Checkpoint
    >>> X, y = np.arange(40.0).reshape(-1, 2), np.arange(20.0)
    >>> net = FCNetRegressor(max_iter=20, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = Checkpoint(Path(folder) / "fit.skops", every=5)
    ...     net = net.set_callbacks(checkpoint).fit(X, y)
    >>> plain = FCNetRegressor(max_iter=20, random_state=0).fit(X, y)
    >>> np.array_equal(net.predict(X), plain.predict(X))
    True
    """

    is_checkpoint = True

    def __init__(self, path, *, every=1, seconds=0.0):
        if not (isinstance(every, Integral) and every > 0):
            raise ValueError(f"every must be a positive integer, got {every!r}.")
        if not (isinstance(seconds, Real) and seconds >= 0):
            raise ValueError(f"seconds must be a number from 0 on, got {seconds!r}.")
        if not Path(path).parent.is_dir():
            raise ValueError(
                f"path must lie in a folder that exists, got {str(path)!r}."
            )
        self.path, self.every, self.seconds = Path(path), every, seconds

    def setup(self, estimator, context):
        """Do nothing: the estimator itself reads and writes the file.

        It does so between the times at which callbacks are called, where all that
        training changes is consistent.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is being fitted.

        context : sklearn.callback.CallbackContext
            The context of the fit, or of an epoch.
        """

    on_fit_task_begin = on_fit_task_end = teardown = setup

    def is_due(self, n_epochs, seconds):
        """Return whether the file is to be written.

        Parameters
        ----------
        n_epochs : int
            The number of epochs since the last time.

        seconds : float
            The number of seconds since then.

        Returns
        -------
        is_due : bool
            Whether enough of both have passed.
        """
        return n_epochs >= self.every and seconds >= self.seconds

    def read(self):
        """Return what the file contains, and remove what a killed process has left.

        Returns
        -------
        state : dict or None
            What was passed to `write`; None if there is no file.

        Raises
        ------
        ModelFileError
            If the file is damaged, or not a checkpoint.
        """
        _remove_abandoned(self.path.resolve())
        if not self.path.exists():
            return None
        state = load(self.path)
        if not (isinstance(state, dict) and "fit" in state):
            raise ModelFileError(f"{str(self.path)!r} is not a checkpoint.")
        return state

    def write(self, state):
        """Write the file such that there is always either the old one or the new one.

        Parameters
        ----------
        state : dict
            The state of a fit.

        Raises
        ------
        OSError
            If the file cannot be written. The fit then fails, and the earlier file is
            left.

        ImportError
            If skops is missing.
        """
        _write(_packed(state), self.path)

    def remove(self):
        """Remove the file, if there is one."""
        self.path.unlink(missing_ok=True)


def _default_score(estimator, X, y, **metadata):
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
    >>> monitor = ValidationMonitor(X_val, y_val, scoring=["accuracy", "neg_log_loss"])
    >>> net = FCNetClassifier(early_stopping=False, max_iter=8, random_state=0)
    >>> net = net.set_callbacks(monitor).fit(X, y)
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
        has_weights = sample_weight is not None
        self._metadata = {"sample_weight": sample_weight} if has_weights else {}

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
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
