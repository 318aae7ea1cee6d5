"""The only place that touches scikit-learn's private or version-dependent names."""

from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)

try:
    from sklearn.callback import CallbackSupportMixin, ScoringMonitor, with_callbacks
except ImportError:  # before scikit-learn 1.9 there are no callbacks

    class _NoCallbacks:
        def subcontext(self, **task):
            return self

        def call_on_fit_task_begin(self, **task):
            return False

        call_on_fit_task_end = call_on_fit_task_begin

    class CallbackSupportMixin:
        """Stands for scikit-learn's: nobody listens."""

        def _init_callback_context(self, **task):
            return _NoCallbacks()

    def with_callbacks(method):
        """Stand for scikit-learn's decorator: there is nothing to tear down."""
        return method

    class ScoringMonitor:
        """Stands for scikit-learn's: there is nothing to set it on."""

        def __init__(self, *, scoring):
            raise ImportError(
                f"{type(self).__name__} is a callback of scikit-learn, which has them "
                f"from version 1.9 on: upgrade it."
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
    "scorer_name",
    "validate_params",
    "with_callbacks",
]


def validate_params(estimator):
    """Check an estimator's parameters against its ``_parameter_constraints``.

    Raises
    ------
    InvalidParameterError
        Naming the first parameter that is out of its range.
    """
    estimator._validate_params()


def scorer_name(scorer):
    """Return what a scorer is called: one of ``make_scorer``, after its function."""
    function = getattr(scorer, "_score_func", scorer)
    sign = "-" if getattr(scorer, "_sign", 1) < 0 else ""
    return sign + getattr(function, "__name__", type(function).__name__)


class FitTask:
    """What callbacks are told of: a fit, and in it one epoch after the other.

    Parameters
    ----------
    estimator : CallbackSupportMixin
        Whose callbacks are told.

    n_epochs : int
        Most epochs.

    X, y, metadata : object
        What `fit` was given, as it was given.
    """

    def __init__(self, estimator, n_epochs, *, X, y, metadata):
        self.n_epochs = n_epochs
        self._data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._fit = estimator._init_callback_context(
            task_name="fit", max_subtasks=n_epochs
        )
        self._fit.call_on_fit_task_begin(**self._data)

    def begin_epoch(self):
        """Tell that an epoch begins."""
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._data)

    def end_epoch(self, attributes):
        """Tell that it has ended; return whether a callback asks to stop.

        Parameters
        ----------
        attributes : callable
            Returns copies of all that the estimator would have if it stopped now.
        """
        return self._epoch.call_on_fit_task_end(
            **self._data, reconstruction_attributes=attributes
        )

    def end(self):
        """Tell that the fit has ended, and its estimator is fitted."""
        self._fit.call_on_fit_task_end(**self._data, reconstruction_attributes=dict)
