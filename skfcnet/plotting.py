"""Figures of data and of training, drawn with matplotlib."""

from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted


class TrainingCurveDisplay:
    """Display of a training curve: losses and a score against the epoch.

    The figure shows the training loss and the validation loss. The validation score is
    drawn along a second y axis, unless it is minus the validation loss. A vertical line
    marks the epoch whose weights were kept.

    It is recommended to use `from_estimator` to create a `TrainingCurveDisplay`.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs,)
        The training loss of every epoch.

    validation_loss_curve : array-like of shape (n_epochs,), default=None
        The validation loss of every epoch; NaN for epochs without validation.

    validation_scores : array-like of shape (n_epochs,), default=None
        The validation score of every epoch; NaN for epochs without validation.

    score_name : str, default=None
        The name of the validation score. If None, it is "score".

    best_iteration : int, default=None
        The epoch, counted from 1, whose weights were kept because of its validation
        score.

    estimator_name : str, default=None
        The name of the estimator in the legend. If None, there is no legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes with the losses.

    score_ax_ : matplotlib Axes
        The axes with the validation score: ``ax_`` with a second y axis, which is
        labelled with the name of the score and shared by all estimators that have this
        score. None without a score.

    figure_ : matplotlib Figure
        The figure that contains the axes.

    line_ : matplotlib Line2D
        The training loss.

    validation_line_ : matplotlib Line2D
        The validation loss, without the L2 penalty that the training loss includes. It
        is dashed, or dotted if the line of the training loss is not solid. None without
        validation.

    score_line_ : matplotlib Line2D
        The validation score, as a dash-dotted line. None without a score.

    best_line_ : matplotlib Line2D
        The epoch whose weights were kept, as a vertical line. None without validation.

    See Also
    --------
    skfcnet.plotting.plot_history : Draw the curves of a `~skfcnet.solver.Solver`.
    sklearn.model_selection.LearningCurveDisplay : Display of a learning curve: scores
        against the size of the training set.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_iris
    >>> from skfcnet import FCNetClassifier, TrainingCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = FCNetClassifier(scoring="accuracy", random_state=0).fit(X, y)
    >>> display = TrainingCurveDisplay.from_estimator(model)
    >>> display.ax_.get_xlabel(), display.ax_.get_ylabel()
    ('Epoch', 'Loss')
    >>> display.score_ax_.get_ylabel()
    'accuracy'
    """

    def __init__(
        self,
        *,
        loss_curve: ArrayLike,
        validation_loss_curve: ArrayLike | None = None,
        validation_scores: ArrayLike | None = None,
        score_name: str | None = None,
        best_iteration: int | None = None,
        estimator_name: str | None = None,
    ) -> None:
        self.loss_curve: Any = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.validation_scores = validation_scores
        self.score_name = score_name
        self.best_iteration = best_iteration
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None, name: str | None = None, **kwargs: Any
    ) -> Self:
        """Draw the training curve of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted `FCNetClassifier` or `FCNetRegressor`, or a pipeline, a parameter
            search or a `~sklearn.compose.TransformedTargetRegressor` that contains one.

        ax : matplotlib Axes, default=None
            The axes to draw on. If None, a new figure and axes are created.

        name : str, default=None
            The name of the estimator in the legend. If None, it is the name of the
            class.

        **kwargs : dict
            Keyword arguments for matplotlib's ``plot``, for every curve.

        Returns
        -------
        display : TrainingCurveDisplay
            The display.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.

        TypeError
            If the estimator has no training curve.
        """
        check_is_fitted(estimator)
        network = _innermost(estimator)
        if not hasattr(network, "loss_curve_"):
            raise TypeError(
                f"{type(network).__name__} has no training curve: its loss_curve_ is "
                f"missing."
            )
        name = type(network).__name__ if name is None else name
        score_name = getattr(network, "_score_name", None)
        scores = getattr(network, "validation_scores_", None)
        display = cls(
            loss_curve=network.loss_curve_,
            validation_loss_curve=getattr(network, "validation_loss_curve_", None),
            validation_scores=None if score_name == "loss" else scores,
            score_name=score_name,
            best_iteration=None if scores is None else _kept_epoch(network),
            estimator_name=name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on. If None, a new figure and axes are created.

        name : str, default=None
            The name of the estimator in the legend. If None, it is ``estimator_name``.

        **kwargs : dict
            Keyword arguments for matplotlib's ``plot``, for every curve.

        Returns
        -------
        display : TrainingCurveDisplay
            The display itself.
        """
        plt = _pyplot()
        from matplotlib.cbook import normalize_kwargs
        from matplotlib.lines import Line2D

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
            ax.locator_params(axis="x", integer=True)
        name = self.estimator_name if name is None else name
        kwargs = {"label": name} | normalize_kwargs(kwargs, Line2D)
        label, epochs = kwargs["label"], np.arange(1, len(self.loss_curve) + 1)

        def label_of(curve: str) -> str | None:
            return None if label is None else f"{label}, {curve}"

        (self.line_,) = ax.plot(epochs, self.loss_curve, **kwargs)
        style = self.line_.get_linestyle()
        # All curves of an estimator have the same color.
        kwargs["color"] = self.line_.get_color()
        self.validation_line_ = self.score_ax_ = self.score_line_ = None
        self.best_line_ = None
        if self.validation_loss_curve is not None:
            kwargs |= {
                "linestyle": "--" if style == "-" else ":",
                "label": label_of("validation loss"),
            }
            (self.validation_line_,) = ax.plot(
                epochs, self.validation_loss_curve, **kwargs
            )
        has_both = self.validation_line_ is not None or ax.get_ylabel() == "Loss"
        ax.set(xlabel="Epoch", ylabel="Loss" if has_both else "Training loss")
        if self.validation_scores is not None:
            score_name = "score" if self.score_name is None else self.score_name
            self.score_ax_ = _twin_with_label(ax, score_name)
            kwargs |= {
                "linestyle": "--" if style == "-." else "-.",
                "label": label_of(f"validation {score_name}"),
            }
            (self.score_line_,) = self.score_ax_.plot(
                epochs, self.validation_scores, **kwargs
            )
        if self.best_iteration is not None:
            self.best_line_ = ax.axvline(
                self.best_iteration,
                color=kwargs["color"],
                linestyle=":",
                linewidth=1,
                label=label_of(f"epoch {self.best_iteration} kept"),
            )
        if label is not None:
            twins = _twins(ax)
            handles = [axes.get_legend_handles_labels()[0] for axes in (ax, *twins)]
            # Losses end at the bottom and scores at the top, so the middle is empty.
            loc = "center right" if twins else None
            ax.legend(handles=[*chain.from_iterable(handles)], loc=loc)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _kept_epoch(network: Any) -> int | None:
    """Return the best epoch of a network that has the weights of this epoch, or None.

    ``partial_fit`` records the best epoch, but continues from the last one. Members
    with folds of their own keep different epochs.
    """
    best = getattr(network, "best_iteration_", None)
    if best is None or isinstance(best, list):
        return None
    return best if network.loss_ == network.loss_curve_[best - 1] else None


def _twins(ax: Any) -> Any:
    """Return the other axes at the same place, which have another y axis."""
    place = ax.get_position().bounds
    siblings = ax.get_shared_x_axes().get_siblings(ax)
    twins = [other for other in siblings if other.get_position().bounds == place]
    return [other for other in ax.figure.axes if other in twins and other is not ax]


def _twin_with_label(ax: Any, ylabel: str) -> Any:
    """Return the twin of axes whose y axis has a label, or make it, on the right."""
    twins = _twins(ax)
    for twin in twins:
        if twin.get_ylabel() == ylabel:
            return twin
    twin = ax.twinx()
    twin.set_ylabel(ylabel)
    twin.grid(False)  # the grid of ax is enough
    twin.spines.right.set_position(("outward", 60 * len(twins)))
    if not twins:  # ax stays in front of its twin, so that the legend is visible
        twin.set_facecolor(ax.get_facecolor())
        twin.patch.set_visible(ax.patch.get_visible())
        ax.patch.set_visible(False)
    ax.set_zorder(twin.get_zorder() + 1)
    return twin


def _innermost(estimator: Any) -> Any:
    """Return the estimator inside a search, a pipeline or a meta-estimator."""
    for attribute in ("best_estimator_", "regressor_"):
        if hasattr(estimator, attribute):
            return _innermost(getattr(estimator, attribute))
    return _innermost(estimator[-1]) if hasattr(estimator, "steps") else estimator


def plot_history(solver: Any) -> Any:
    """Draw the history of a solver: its loss, and its accuracy or RMS error.

    Parameters
    ----------
    solver : Solver
        A solver, after its method ``train`` was called.

    Returns
    -------
    figure : matplotlib Figure
        The figure, with the training loss against the iteration, and the training and
        validation accuracy (for regression, the RMS error) against the epoch.

    See Also
    --------
    TrainingCurveDisplay : Display of the training curve of an estimator.

    Examples
    --------
    >>> from skfcnet.plotting import plot_history
    >>> figure = plot_history(solver)  # doctest: +SKIP
    """
    figure, (loss, accuracy) = _pyplot().subplots(
        1, 2, figsize=(10, 4), layout="constrained"
    )
    iterations = np.arange(1, len(solver.loss_history) + 1)
    loss.plot(iterations, solver.loss_history, ".", markersize=2)
    loss.set(xlabel="Iteration", ylabel="Training loss")
    measure = "RMS error" if solver.model.category == "regression" else "Accuracy"
    accuracy.plot(solver.train_acc_history, "o-", label="training")
    accuracy.plot(solver.val_acc_history, "o-", label="validation")
    accuracy.set(xlabel="Epoch", ylabel=measure)
    accuracy.locator_params(axis="x", integer=True)
    accuracy.legend()
    return figure


def plot_samples(
    X: Any,
    y: ArrayLike,
    *,
    image_shape: tuple[int, ...],
    samples_per_class: int = 7,
    random_state: int | np.random.RandomState | None = 0,
) -> Any:
    """Draw a grid of images, with one column for each class.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_pixels)
        The images, flattened.

    y : array-like of shape (n_samples,)
        The classes of the images.

    image_shape : tuple of int
        The height and the width of an image in pixels.

    samples_per_class : int, default=7
        The number of images of each class; classes with fewer images show all of them.

    random_state : int or Generator, default=0
        Determines which images are drawn.

    Returns
    -------
    figure : matplotlib Figure
        The figure with the grid.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_digits
    >>> from skfcnet.plotting import plot_samples
    >>> X, y = load_digits(return_X_y=True)
    >>> len(plot_samples(X, y, image_shape=(8, 8)).axes)  # 7 of each of 10 digits
    70
    """
    X, y, rng = np.asarray(X), np.asarray(y), np.random.default_rng(random_state)
    classes = np.unique(y)
    figure, axes = _pyplot().subplots(
        samples_per_class,
        len(classes),
        figsize=(0.8 * len(classes), 0.8 * samples_per_class + 0.3),
        squeeze=False,
        layout="constrained",
    )
    for label, column in zip(classes, axes.T, strict=True):
        column[0].set_title(label)
        rows = rng.permutation(np.flatnonzero(y == label))
        for ax in column:
            ax.axis("off")
        for ax, row in zip(column, rows, strict=False):
            ax.imshow(X[row].reshape(image_shape), cmap="gray_r")
    return figure


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("Figures need matplotlib: pip install matplotlib.") from error
    return plt
