"""Checkpoints of a fit: its whole state after an epoch, and the way back into it.

What a fit makes of its parameters and its data before the first epoch is the same in
every run, with an integer as ``random_state``. A checkpoint therefore holds only what
training changes. A digest of the rest says whether it belongs to the fit.
"""

import re
from hashlib import sha256
from numbers import Integral
from time import monotonic

import numpy as np
from scipy.sparse import issparse

NOT_COMPARED = {"n_jobs", "verbose"}
"""The parameters on which no bit of the result depends."""

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
"""What differs in the representation of the same function in another process."""


def check_can_resume(estimator):
    """Raise an error for parameters with which a fit cannot continue to the same bits.

    Parameters
    ----------
    estimator : _BaseFCNet
        The estimator, which has a checkpoint among its callbacks.

    Raises
    ------
    ValueError
        If ``random_state`` is no integer, or the solver is L-BFGS.
    """
    if not isinstance(estimator.random_state, Integral):
        raise ValueError(
            f"A Checkpoint needs an integer as random_state, such as 0, since "
            f"otherwise another run draws other random numbers. Got "
            f"{estimator.random_state!r}."
        )
    if estimator.solver == "lbfgs":
        raise ValueError(
            "A Checkpoint needs minibatches, since the state of solver='lbfgs' is not "
            "accessible: set another solver, such as 'adamw'."
        )


class CheckpointWriter:
    """Writer of the state of a fit to its checkpoint, after some of the epochs.

    Parameters
    ----------
    checkpoint : skfcnet.callbacks.Checkpoint
        The checkpoint.

    draft : _BaseFCNet
        The estimator that is trained, before the first epoch.

    rows : Rows or RowsOnDisk
        The encoded rows of the training set.

    validation : ValidationSet, ValidationFolds or None
        The validation set or the folds, if there are any.
    """

    def __init__(self, checkpoint, draft, rows, validation):
        self._checkpoint = checkpoint
        self._fit = {
            "parameters": _parameters_as_text(draft),
            "data": _digest_of(draft, rows, validation),
        }
        self._last_epoch, self._last_time = draft._training.n_epochs, monotonic()

    @classmethod
    def of(cls, task, draft, rows, validation):
        """Return the writer for a `FitTask`, or None if it has no checkpoint."""
        if task.checkpoint is None:
            return None
        return cls(task.checkpoint, draft, rows, validation)

    def restore(self, draft):
        """Restore the state of the checkpoint, if there is a file.

        Parameters
        ----------
        draft : _BaseFCNet
            The estimator, which gets the parameters of the network and the training
            state.

        Returns
        -------
        descent : Descent or None
            Where the schedule falls early, if it does.

        Raises
        ------
        ValueError
            If the file is that of a fit with other parameters or data.
        """
        state = self._checkpoint.read()
        if state is None:
            return None
        self._check_is_same_fit(state["fit"])
        draft._net.params.restore(state["vector"])
        draft._training = state["training"]
        self._last_epoch = draft._training.n_epochs
        return state["descent"]

    def _check_is_same_fit(self, fit):
        path = str(self._checkpoint.path)
        remedy = "delete it to begin anew, or choose another path"
        own, other = self._fit["parameters"], fit["parameters"]
        differing = [
            f"{name}={other.get(name)} there and {own.get(name)} here"
            for name in sorted(own.keys() | other.keys())
            if own.get(name) != other.get(name)
        ]
        if differing:
            raise ValueError(
                f"The checkpoint {path!r} is that of a fit with other parameters "
                f"({', '.join(differing)}): {remedy}."
            )
        if self._fit["data"] != fit["data"]:
            raise ValueError(
                f"The checkpoint {path!r} is that of a fit to other data: {remedy}."
            )

    def end_epoch(self, draft, solver, descent):
        """Write the state after an epoch, if the checkpoint is due.

        Parameters
        ----------
        draft : _BaseFCNet
            The estimator.

        solver : Solver
            The solver that trains it.

        descent : Descent or None
            Where the schedule falls early, if it does.
        """
        n_epochs, now = draft._training.n_epochs, monotonic()
        if not self._checkpoint.is_due(
            n_epochs - self._last_epoch, now - self._last_time
        ):
            return
        self._checkpoint.write(
            {
                "fit": self._fit,
                "vector": draft._net.params.vector,
                "training": draft._training.with_solver(solver),
                "descent": descent,
            }
        )
        self._last_epoch, self._last_time = n_epochs, monotonic()


def _parameters_as_text(estimator):
    return {
        name: ADDRESS.sub("", repr(value))
        for name, value in estimator.get_params(deep=False).items()
        if name not in NOT_COMPARED
    }


def _digest_of(draft, rows, validation):
    """Return a digest of the network before training and of all data, as text."""
    digest = sha256()
    _add(digest, draft._net.params.vector)
    for part in (rows, validation):
        for array in () if part is None else part.arrays():
            _add(digest, array)
    return digest.hexdigest()


def _add(digest, array):
    """Add an array, a sparse matrix or None to a digest."""
    if issparse(array):
        for part in (array.data, array.indices, array.indptr):
            _add(digest, part)
        return
    array = np.ascontiguousarray([] if array is None else array)
    digest.update(f"{array.dtype.str} {array.shape} ".encode())
    digest.update(array.data if array.size else b"")
