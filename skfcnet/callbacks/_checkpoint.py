"""The callback with which fits that were killed continue."""

from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any

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
        If ``every`` is not a positive integer, ``seconds`` is not a number from 0 on,
        or the folder of ``path`` does not exist.

    See Also
    --------
    skfcnet.save : Save a fitted model.

    Notes
    -----
    It needs an integer as ``random_state``, since another run begins with other random
    numbers otherwise, and a solver other than "lbfgs". ``fit`` raises a ValueError if
    the file belongs to a fit with other parameters or data, and a
    `skfcnet.files.ModelFileError` if the file is damaged. The data are compared as they
    are after encoding, so that the same numbers in another form are the same.

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

    def __init__(
        self, path: str | PathLike[str], *, every: int = 1, seconds: float = 0.0
    ) -> None:
        if not (isinstance(every, Integral) and every > 0):
            raise ValueError(f"every must be a positive integer, got {every!r}.")
        if not (isinstance(seconds, Real) and seconds >= 0):
            raise ValueError(f"seconds must be a number from 0 on, got {seconds!r}.")
        if not Path(path).parent.is_dir():
            raise ValueError(
                f"path must lie in a folder that exists, got {str(path)!r}."
            )
        self.path: Path = Path(path)
        self.every: int = every
        self.seconds: float = seconds

    def setup(self, estimator: Any, context: Any) -> None:
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

    def is_due(self, n_epochs: int, seconds: float) -> bool:
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

    def read(self) -> dict[str, Any] | None:
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

    def write(self, state: dict[str, Any]) -> None:
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

    def remove(self) -> None:
        """Remove the file, if there is one."""
        self.path.unlink(missing_ok=True)
