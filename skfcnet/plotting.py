"""Figures of data and of training, drawn with matplotlib."""

from collections.abc import Mapping
from io import BytesIO
from itertools import chain
from math import ceil, prod, sqrt
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted


class TrainingCurveDisplay:
    """Display of a training curve: losses and a score against the epoch.

    The figure shows the training loss and the validation loss. The validation score is
    drawn along a second y axis, unless it is minus the validation loss, and so is the
    learning rate, if it is asked for. A vertical line marks the epoch whose weights
    were kept.

    A curve can also be that of several networks, such as the members of an ensemble
    that are validated on folds of their own, or the networks of a cross-validation:
    their mean is drawn, for losses with a band of one standard deviation around it, and
    a point on its own curve marks the epoch that each of them kept.

    It is recommended to use `from_estimator` or `from_cv_results` to create a
    `TrainingCurveDisplay`.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs,) or (n_epochs, n_networks)
        The training loss of every epoch; NaN for epochs that a network was not trained.

    validation_loss_curve : array-like of shape (n_epochs,) or \
            (n_epochs, n_networks), default=None
        The validation loss of every epoch; NaN for epochs without validation.

    validation_scores : array-like of shape (n_epochs,) or (n_epochs, n_networks), \
            default=None
        The validation score of every epoch; NaN for epochs without validation.

    learning_rates : array-like of shape (n_epochs,) or (n_epochs, n_networks), \
            default=None
        The learning rate at the end of every epoch.

    score_name : str, default=None
        The name of the validation score. If None, it is "score".

    best_iteration : int or list of int, default=None
        The epoch, counted from 1, whose weights were kept because of its validation
        score, or one for each network of ``validation_loss_curve``.

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

    learning_rate_ax_ : matplotlib Axes
        The axes with the learning rate: ``ax_`` with another y axis, which is shared by
        all estimators. None without a learning rate.

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

    learning_rate_line_ : matplotlib Line2D
        The learning rate, as a thin line. None without a learning rate.

    best_line_ : matplotlib Line2D
        The epoch whose weights were kept, as a vertical line, or the points that mark
        the epochs of several networks. None without validation.

    fill_between_ : list of matplotlib PolyCollection
        The bands around the mean losses of several networks.

    See Also
    --------
    skfcnet.plotting.plot_history : Draw the curves of a `~skfcnet.solver.Solver`.
    skfcnet.callbacks.LiveCurve : Callback that draws the curve during a fit.
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
        learning_rates: ArrayLike | None = None,
        score_name: str | None = None,
        best_iteration: int | list[int] | None = None,
        estimator_name: str | None = None,
    ) -> None:
        self.loss_curve: Any = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.validation_scores = validation_scores
        self.learning_rates = learning_rates
        self.score_name = score_name
        self.best_iteration = best_iteration
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        plot_learning_rate: bool = False,
        ax: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the training curve of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted `FCNetClassifier` or `FCNetRegressor`, or a pipeline, a parameter
            search or a `~sklearn.compose.TransformedTargetRegressor` that contains one.

        plot_learning_rate : bool, default=False
            Whether to draw the learning rate, too.

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
        network = _network_in(estimator)
        curves = _curves_of(network, plot_learning_rate)
        several = getattr(network, "_validation_loss_curves", None)
        if several is not None:
            curves["validation_loss_curve"] = several
        display = cls(
            **curves,
            score_name=getattr(network, "_score_name", None),
            best_iteration=_kept_epoch(network),
            estimator_name=type(network).__name__ if name is None else name,
        )
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        *,
        plot_learning_rate: bool = False,
        ax: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the training curves of a cross-validation as means with bands.

        The mean and the standard deviation of an epoch are those of the networks that
        were trained for so many epochs.

        Parameters
        ----------
        cv_results : dict
            What `sklearn.model_selection.cross_validate` returns with
            ``return_estimator=True``.

        plot_learning_rate : bool, default=False
            Whether to draw the learning rate, too.

        ax : matplotlib Axes, default=None
            The axes to draw on. If None, a new figure and axes are created.

        name : str, default=None
            The name in the legend. If None, it is the name of the class.

        **kwargs : dict
            Keyword arguments for matplotlib's ``plot``, for every curve.

        Returns
        -------
        display : TrainingCurveDisplay
            The display.

        Raises
        ------
        ValueError
            If ``cv_results`` contains no estimators.

        TypeError
            If an estimator has no training curve.
        """
        if not cv_results.get("estimator"):
            raise ValueError(
                "cv_results must contain the estimators: pass return_estimator=True to "
                "cross_validate."
            )
        networks = [_network_in(estimator) for estimator in cv_results["estimator"]]
        curves = [_curves_of(network, plot_learning_rate) for network in networks]
        kept = [_kept_epoch(network) for network in networks]
        display = cls(
            **{
                name: _side_by_side([own[name] for own in curves]) for name in curves[0]
            },
            score_name=getattr(networks[0], "_score_name", None),
            best_iteration=kept if all(isinstance(k, int) for k in kept) else None,
            estimator_name=type(networks[0]).__name__ if name is None else name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        fill_between_kw: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on. If None, a new figure and axes are created.

        name : str, default=None
            The name of the estimator in the legend. If None, it is ``estimator_name``.

        fill_between_kw : dict, default=None
            Keyword arguments for matplotlib's ``fill_between``, which draws the bands
            of several networks.

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
        label = kwargs["label"]
        self.fill_between_: list[Any] = []

        def label_of(curve: str) -> str | None:
            return None if label is None else f"{label}, {curve}"

        def draw(on: Any, curve: Any, **changes: Any) -> Any:
            """Draw a curve; losses of several networks have a band around the mean."""
            band = fill_between_kw or {} if on is ax else None
            return self._draw(on, curve, kwargs | changes, band)

        self.line_ = draw(ax, self.loss_curve)
        style = self.line_.get_linestyle()
        # All curves of an estimator have the same color.
        kwargs["color"] = self.line_.get_color()
        self.validation_line_ = self.score_ax_ = self.score_line_ = None
        self.best_line_ = self.learning_rate_ax_ = self.learning_rate_line_ = None
        if self.validation_loss_curve is not None:
            self.validation_line_ = draw(
                ax,
                self.validation_loss_curve,
                linestyle="--" if style == "-" else ":",
                label=label_of("validation loss"),
            )
        has_both = self.validation_line_ is not None or ax.get_ylabel() == "Loss"
        ax.set(xlabel="Epoch", ylabel="Loss" if has_both else "Training loss")
        if self.validation_scores is not None:
            score_name = "score" if self.score_name is None else self.score_name
            self.score_ax_ = _twin_with_label(ax, score_name)
            self.score_line_ = draw(
                self.score_ax_,
                self.validation_scores,
                linestyle="--" if style == "-." else "-.",
                label=label_of(f"validation {score_name}"),
            )
        if self.learning_rates is not None:
            self.learning_rate_ax_ = _twin_with_label(ax, "Learning rate")
            self.learning_rate_line_ = draw(
                self.learning_rate_ax_,
                self.learning_rates,
                linestyle="-",
                linewidth=0.8,
                alpha=0.6,
                label=label_of("learning rate"),
            )
        if self.best_iteration is not None:
            self._mark_kept_epochs(ax, kwargs["color"], label_of)
        if label is not None:
            twins = _twins(ax)
            handles = [axes.get_legend_handles_labels()[0] for axes in (ax, *twins)]
            # Losses end at the bottom and scores at the top, so the middle is empty.
            loc = "center right" if twins else None
            ax.legend(handles=[*chain.from_iterable(handles)], loc=loc)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw(
        self,
        ax: Any,
        curve: Any,
        kwargs: dict[str, Any],
        fill_between_kw: Mapping[str, Any] | None,
    ) -> Any:
        """Draw a curve, or the mean and the band of several, and return the line."""
        curve = np.asarray(curve, float)
        epochs = np.arange(1, len(curve) + 1)
        if curve.ndim == 1:
            (line,) = ax.plot(epochs, curve, **kwargs)
            return line
        has_some = ~np.isnan(curve).all(axis=1)
        mean, std = np.full((2, len(curve)), np.nan)
        mean[has_some] = np.nanmean(curve[has_some], axis=1)
        std[has_some] = np.nanstd(curve[has_some], axis=1)
        (line,) = ax.plot(epochs, mean, **kwargs)
        if fill_between_kw is not None:
            band = {"alpha": 0.2, "linewidth": 0, "color": line.get_color()}
            band = ax.fill_between(
                epochs, mean - std, mean + std, **band | dict(fill_between_kw)
            )
            self.fill_between_.append(band)
        return line

    def _mark_kept_epochs(self, ax: Any, color: Any, label_of: Any) -> None:
        """Mark the epoch whose weights were kept, or that of each network."""
        if isinstance(self.best_iteration, Integral):
            self.best_line_ = ax.axvline(
                self.best_iteration,
                color=color,
                linestyle=":",
                linewidth=1,
                label=label_of(f"epoch {self.best_iteration} kept"),
            )
            return
        kept = np.array(self.best_iteration)
        losses = np.asarray(self.validation_loss_curve, float)
        (self.best_line_,) = ax.plot(
            kept,
            losses[kept - 1, np.arange(len(kept))],
            color=color,
            linestyle="none",
            marker="o",
            markersize=4,
            label=label_of("epochs kept"),
        )


def _network_in(estimator: Any) -> Any:
    """Return the network inside a fitted estimator, which has a training curve."""
    check_is_fitted(estimator)
    network = _innermost(estimator)
    if not hasattr(network, "loss_curve_"):
        raise TypeError(
            f"{type(network).__name__} has no training curve: its loss_curve_ is "
            f"missing."
        )
    return network


def _curves_of(network: Any, plot_learning_rate: bool) -> dict[str, Any]:
    """Return the curves of a network, by the names that a display has for them."""
    is_loss = getattr(network, "_score_name", None) == "loss"
    scores = None if is_loss else getattr(network, "validation_scores_", None)
    rates = network.history_["learning_rate"] if plot_learning_rate else None
    return {
        "loss_curve": network.loss_curve_,
        "validation_loss_curve": getattr(network, "validation_loss_curve_", None),
        "validation_scores": scores,
        "learning_rates": rates,
    }


def _side_by_side(curves: list[Any]) -> Any:
    """Return curves as columns, with NaN after the last epochs of shorter ones."""
    if any(curve is None for curve in curves):
        return None
    columns = np.full((max(map(len, curves)), len(curves)), np.nan)
    for column, curve in zip(columns.T, curves, strict=True):
        column[: len(curve)] = curve
    return columns


def _kept_epoch(network: Any) -> Any:
    """Return the best epoch of a network that has the weights of this epoch, or None.

    ``partial_fit`` records the best epoch, but continues from the last one. Members
    with folds of their own keep different epochs, of which there is a list.
    """
    best = getattr(network, "best_iteration_", None)
    if best is None or getattr(network, "validation_scores_", None) is None:
        return None
    if isinstance(best, list):
        return best if np.ndim(network._validation_loss_curves) == 2 else None
    return best if network.loss_ == network.loss_curve_[best - 1] else None


def _training_curve_png(estimator: Any, **kwargs: Any) -> bytes:
    """Return the figure of a training curve as PNG, without a window of pyplot."""
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    ax = figure.subplots()
    ax.locator_params(axis="x", integer=True)
    TrainingCurveDisplay.from_estimator(estimator, ax=ax, **kwargs)
    png = BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


class WeightsDisplay:
    """Display of the weights of the first layer as images, one for each hidden unit.

    Each weight has the place of its pixel. Positive weights are red and negative ones
    blue, on a scale that is the same for all units.

    It is recommended to use `from_estimator` to create a `WeightsDisplay`.

    Parameters
    ----------
    weights : array-like of shape (n_pixels, n_units)
        The weights of the first layer, such as an entry of ``coefs_``.

    image_shape : tuple of int
        The shape of an image: height and width in pixels, and if there are several
        channels, their number.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        The axes with the images, in rows.

    images_ : list of matplotlib AxesImage
        The images, by unit.

    figure_ : matplotlib Figure
        The figure that contains the axes.

    See Also
    --------
    plot_samples : Draw a grid of images, with one column for each class.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_digits
    >>> from skfcnet import FCNetClassifier
    >>> from skfcnet.plotting import WeightsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> net = FCNetClassifier((16,), numeric_embedding=None, random_state=0).fit(X, y)
    >>> display = WeightsDisplay.from_estimator(net, image_shape=(8, 8))
    >>> len(display.images_)
    16
    """

    def __init__(self, *, weights: ArrayLike, image_shape: tuple[int, ...]) -> None:
        self.weights = weights
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        image_shape: tuple[int, ...],
        member: int = 0,
        max_units: int = 64,
        axes: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the weights of the first layer of a fitted estimator.

        The weights are those of the scaled pixels, so that bright and dark parts of the
        images count alike.

        Parameters
        ----------
        estimator : estimator
            A fitted `~skfcnet.FCNetClassifier` or `~skfcnet.FCNetRegressor` with
            ``numeric_embedding=None``, or a pipeline or a parameter search that ends in
            one.

        image_shape : tuple of int
            The shape of an image: height and width in pixels, and if there are several
            channels, their number.

        member : int, default=0
            The member of an ensemble.

        max_units : int, default=64
            The largest number of units; of more, the first ones are drawn.

        axes : array-like of matplotlib Axes, default=None
            The axes to draw on, one for each unit. If None, a new figure is created.

        **kwargs : dict
            Keyword arguments for matplotlib's ``imshow``.

        Returns
        -------
        display : WeightsDisplay
            The display.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.

        ValueError
            If the first layer has not one input for each pixel.

        IndexError
            If there is no such member.
        """
        check_is_fitted(estimator)
        network = _innermost(estimator)
        weights = np.asarray(network.coefs_[0])
        if hasattr(network, "scales_"):
            weights = weights * network.scales_[..., np.newaxis]
        if weights.ndim == 2:
            weights = weights[np.newaxis]
        display = cls(weights=weights[member], image_shape=image_shape)
        return display.plot(axes, max_units=max_units, **kwargs)

    def plot(self, axes: Any = None, *, max_units: int = 64, **kwargs: Any) -> Self:
        """Draw the weights.

        Parameters
        ----------
        axes : array-like of matplotlib Axes, default=None
            The axes to draw on, one for each unit. If None, a new figure is created.

        max_units : int, default=64
            The largest number of units; of more, the first ones are drawn.

        **kwargs : dict
            Keyword arguments for matplotlib's ``imshow``.

        Returns
        -------
        display : WeightsDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the first layer has not one input for each pixel.
        """
        plt = _pyplot()
        weights = np.asarray(self.weights)
        if len(weights) != prod(self.image_shape):
            raise ValueError(
                f"The first layer has {len(weights)} inputs, but an image of shape "
                f"{tuple(self.image_shape)} has {prod(self.image_shape)} pixels: fit "
                f"with numeric_embedding=None, and set image_shape accordingly."
            )
        units = weights.T[:max_units].reshape(-1, *self.image_shape)
        if axes is None:
            n_columns = ceil(sqrt(len(units)))
            n_rows = ceil(len(units) / n_columns)
            _, axes = plt.subplots(
                n_rows,
                n_columns,
                figsize=(0.8 * n_columns, 0.8 * n_rows),
                squeeze=False,
                layout="constrained",
            )
        self.axes_ = np.asarray(axes)
        bound = np.abs(units).max()
        if units.ndim == 4:  # colors are drawn from 0 to 1
            units = 0.5 + 0.5 * units / bound
        defaults = {"cmap": "RdBu_r", "vmin": -bound, "vmax": bound}
        for ax in self.axes_.flat:
            ax.axis("off")
        self.images_ = [
            ax.imshow(unit, **defaults | kwargs)
            for ax, unit in zip(self.axes_.flat, units, strict=False)
        ]
        self.figure_ = self.axes_.flat[0].figure
        return self


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
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import numpy as np
    >>> from skfcnet.network import FullyConnectedNet
    >>> from skfcnet.plotting import plot_history
    >>> from skfcnet.solver import Solver
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> y = (X[:, 0] > X[:, 1]).astype(int)
    >>> data = {
    ...     "X_train": X[:200], "y_train": y[:200], "X_val": X[200:], "y_val": y[200:]
    ... }
    >>> net = FullyConnectedNet(
    ...     "classification", [8], input_dim=2, output_dim=2, random_state=0
    ... )
    >>> solver = Solver(net, data, num_epochs=5, verbose=False, random_state=0)
    >>> solver.train()
    >>> figure = plot_history(solver)
    >>> [ax.get_ylabel() for ax in figure.axes]
    ['Training loss', 'Accuracy']
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
