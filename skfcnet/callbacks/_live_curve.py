"""The callback that draws training curves in notebooks."""

from numbers import Real
from time import monotonic

from skfcnet.callbacks._watcher import Watcher
from skfcnet.plotting import _pyplot, _training_curve_png


class LiveCurve(Watcher):
    """Callback that draws the training curve in a notebook while a network is fitted.

    The figure is that of `skfcnet.TrainingCurveDisplay`. It is drawn again, in the same
    place, after an epoch, and when the fit has ended.

    Parameters
    ----------
    seconds : float, default=1.0
        After an epoch, the figure is drawn again only if so many seconds have passed
        since the last time.

    plot_learning_rate : bool, default=False
        Whether to draw the learning rate, too.

    Raises
    ------
    ImportError
        If matplotlib or IPython is missing. The extra ``skfcnet[watch]`` installs both.

    ValueError
        If ``seconds`` is not a number from 0 on.

    See Also
    --------
    skfcnet.TrainingCurveDisplay : Display of the training curve of a fitted estimator.
    sklearn.callback.ProgressBar : Progress bar of scikit-learn, which works with the
        estimators, too.

    Notes
    -----
    Set the callback on the network itself, also in a pipeline. Setting it needs
    scikit-learn 1.9. Nothing is drawn where there is no notebook: in a script, and in
    the worker processes of a search.

    Examples
    --------
    >>> from skfcnet import FCNetRegressor
    >>> from skfcnet.callbacks import LiveCurve
    >>> net = FCNetRegressor().set_callbacks(LiveCurve())  # doctest: +SKIP
    >>> net.fit(X, y)  # doctest: +SKIP
    """

    def __init__(
        self, *, seconds: float = 1.0, plot_learning_rate: bool = False
    ) -> None:
        if not (isinstance(seconds, Real) and seconds >= 0):
            raise ValueError(f"seconds must be a number from 0 on, got {seconds!r}.")
        _pyplot()
        _notebook()
        super().__init__()
        self.seconds, self.plot_learning_rate = seconds, plot_learning_rate

    def _open(self, estimator, context):
        return _Picture()

    def _watch(self, fit, estimator, *, is_last):
        if _notebook() and (is_last or fit.age() >= self.seconds):
            fit.show(
                _training_curve_png(
                    estimator, plot_learning_rate=self.plot_learning_rate
                )
            )

    def _close(self, fit):
        """Leave the figure as it is."""


class _Picture:
    """A picture in a notebook, which can be replaced."""

    def __init__(self):
        self._handle, self._shown = None, monotonic()

    def age(self):
        """Return how many seconds ago the picture was replaced."""
        return monotonic() - self._shown

    def show(self, png):
        """Show the picture, or replace the one that is shown."""
        from IPython.display import Image, display

        if self._handle is None:
            self._handle = display(Image(png), display_id=True)
        else:
            self._handle.update(Image(png))
        self._shown = monotonic()


def _notebook():
    """Return whether the output of this process is shown by IPython."""
    try:
        from IPython.core.interactiveshell import InteractiveShell
    except ImportError as error:
        raise ImportError(
            "LiveCurve needs IPython: pip install 'skfcnet[watch]'."
        ) from error
    return InteractiveShell.initialized()
