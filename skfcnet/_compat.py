"""Names of scikit-learn that are private or differ between its versions."""

from typing import Any

from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)

try:
    from sklearn.callback import CallbackSupportMixin, ScoringMonitor, with_callbacks
except ImportError:  # scikit-learn before 1.9 has no callbacks
    from sklearn.base import _clone_parametrized

    class _NoCallbacks:
        def subcontext(self, **task):
            return self

        def call_on_fit_task_begin(self, **task):
            return False

        call_on_fit_task_end = call_on_fit_task_begin

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Replacement of scikit-learn's mixin that takes nothing but checkpoints."""

        def set_callbacks(self, *callbacks: Any) -> Any:
            """Set a `skfcnet.callbacks.Checkpoint` for the estimator, or remove it.

            Parameters
            ----------
            *callbacks : Checkpoint
                The checkpoint; without it, the earlier one is removed.

            Returns
            -------
            self : object
                The estimator.

            Raises
            ------
            ImportError
                If one of them is another callback, which needs scikit-learn 1.9.
            """
            if not all(map(is_checkpoint, callbacks)):
                raise ImportError(
                    "Callbacks other than skfcnet.callbacks.Checkpoint need "
                    "scikit-learn 1.9 or newer: upgrade scikit-learn."
                )
            vars(self).pop("_skl_callbacks", None)
            if callbacks:
                self._skl_callbacks = list(callbacks)
            return self

        def __sklearn_clone__(self):
            copied = _clone_parametrized(self)
            return copied.set_callbacks(*callbacks_of(self))

        def _init_callback_context(self, **task):
            return _NoCallbacks()

    def with_callbacks(method):
        """Replace scikit-learn's decorator, which tears callbacks down."""
        return method

    class ScoringMonitor:  # type: ignore[no-redef]
        """Replacement of scikit-learn's class that cannot be instantiated."""

        def __init__(self, *, scoring):
            raise ImportError(
                f"{type(self).__name__} is a callback, and needs scikit-learn 1.9 or "
                f"newer: upgrade scikit-learn."
            )


__all__ = [
    "CallbackSupportMixin",
    "FitTask",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "Options",
    "ScoringMonitor",
    "StrOptions",
    "checkpoint_of",
    "has_callbacks",
    "scorer_name",
    "validate_params",
    "with_callbacks",
]


def validate_params(estimator):
    """Check an estimator's parameters against its ``_parameter_constraints``.

    Raises
    ------
    InvalidParameterError
        If a parameter has a value that is not allowed.
    """
    estimator._validate_params()


def callbacks_of(estimator):
    """Return the callbacks that were set on an estimator."""
    return getattr(estimator, "_skl_callbacks", ())


def has_callbacks(estimator):
    """Return whether callbacks observe the fits of an estimator."""
    return bool(callbacks_of(estimator))


def is_checkpoint(callback):
    """Return whether a callback is a `skfcnet.callbacks.Checkpoint`."""
    return getattr(callback, "is_checkpoint", False)


def checkpoint_of(estimator):
    """Return the checkpoint among the callbacks of an estimator, or None.

    Raises
    ------
    ValueError
        If there are several.
    """
    checkpoints = list(filter(is_checkpoint, callbacks_of(estimator)))
    if len(checkpoints) > 1:
        raise ValueError(
            f"set_callbacks takes one Checkpoint, got {len(checkpoints)} of them."
        )
    return checkpoints[0] if checkpoints else None


def scorer_name(scorer):
    """Return the name of a scorer, which is that of its function if it has one."""
    function = getattr(scorer, "_score_func", scorer)
    sign = "-" if getattr(scorer, "_sign", 1) < 0 else ""
    return sign + getattr(function, "__name__", type(function).__name__)


class FitTask:
    """A fit and its epochs, as callbacks observe them.

    Parameters
    ----------
    estimator : CallbackSupportMixin
        The estimator, whose callbacks are called.

    n_epochs : int
        The maximum number of epochs.

    X, y : object
        The arguments of `fit`, as the user passed them.

    metadata : dict
        The other arguments that a scorer of X and y takes, too.

    Attributes
    ----------
    n_epochs : int
        The maximum number of epochs.

    is_observed : bool
        Whether there are callbacks.

    checkpoint : skfcnet.callbacks.Checkpoint or None
        The checkpoint from which the fit continues, if there is one.
    """

    def __init__(self, estimator, n_epochs, *, X, y, metadata):
        self.n_epochs = n_epochs
        self.is_observed = has_callbacks(estimator)
        self.checkpoint = checkpoint_of(estimator)
        self._data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._fit = estimator._init_callback_context(
            task_name="fit", max_subtasks=n_epochs
        )
        self._fit.call_on_fit_task_begin(**self._data)

    def begin_epoch(self):
        """Call the callbacks at the beginning of an epoch."""
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._data)

    def end_epoch(self, attributes):
        """Call the callbacks at the end of an epoch; return whether to stop.

        Parameters
        ----------
        attributes : callable
            A function that returns copies of the attributes that the estimator would
            have if training stopped after this epoch.
        """
        return self._epoch.call_on_fit_task_end(
            **self._data, reconstruction_attributes=attributes
        )

    def end(self):
        """Call the callbacks at the end of the fit, when the estimator is fitted."""
        self._fit.call_on_fit_task_end(**self._data, reconstruction_attributes=dict)
        if self.checkpoint is not None:
            self.checkpoint.remove()
