"""Pictures of data and of training, drawn with matplotlib."""

from itertools import chain

import numpy as np
from sklearn.utils.validation import check_is_fitted


class TrainingCurveDisplay:
    """The loss of an estimator against the epoch, in training and in validation.

    The score that early stopping went by is drawn along a second y axis, where it is
    not minus the validation loss, and the epoch whose weights were kept is marked.

    Use `from_estimator` to create it.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs,)
        Training loss of every epoch.

    validation_loss_curve : array-like of shape (n_epochs,), default=None
        Validation loss of every epoch; NaN where there was none.

    validation_scores : array-like of shape (n_epochs,), default=None
        Validation score of every epoch; NaN where there was none.

    score_name : str, default=None
        What that score is called; "score" when None.

    best_iteration : int, default=None
        Epoch, from 1, whose weights were kept by validation.

    estimator_name : str, default=None
        Name in the legend; no legend when None.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What the losses are drawn in.

    score_ax_ : matplotlib Axes
        What the score is drawn in: ``ax_`` with another y axis, labelled with the name
        of the score, which all estimators that have such a score share. None without a
        score.

    figure_ : matplotlib Figure
        What holds them.

    line_ : matplotlib Line2D
        The training loss.

    validation_line_ : matplotlib Line2D
        The validation loss, without the L2 penalty that the training loss has: dashed,
        or dotted where the training loss is not drawn through. None without validation.

    score_line_ : matplotlib Line2D
        The validation score: dashed and dotted. None without a score.

    best_line_ : matplotlib Line2D
        The epoch whose weights were kept: vertical. None without validation.

    See Also
    --------
    skfcnet.plotting.plot_history : The curves of a `~skfcnet.solver.Solver`.
    sklearn.model_selection.LearningCurveDisplay : Score against training set size.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_iris
    >>> from skfcnet import FCNetClassifier, TrainingCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = FCNetClassifier(early_stopping=True, random_state=0).fit(X, y)
    >>> display = TrainingCurveDisplay.from_estimator(model)
    >>> display.ax_.get_xlabel(), display.ax_.get_ylabel()
    ('Epoch', 'Loss')
    >>> display.score_ax_.get_ylabel()
    'accuracy'
    """

    def __init__(
        self,
        *,
        loss_curve,
        validation_loss_curve=None,
        validation_scores=None,
        score_name=None,
        best_iteration=None,
        estimator_name=None,
    ):
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.validation_scores = validation_scores
        self.score_name = score_name
        self.best_iteration = best_iteration
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, name=None, **kwargs):
        """Draw the training curve of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted `FCNetClassifier` or `FCNetRegressor`, or what holds one: a
            pipeline, a parameter search, a
            `~sklearn.compose.TransformedTargetRegressor`.

        ax : matplotlib Axes, default=None
            Where to draw; a new figure when None.

        name : str, default=None
            Name in the legend; the name of the class when None.

        **kwargs : dict
            Passed to matplotlib's ``plot`` for every curve.

        Returns
        -------
        display : TrainingCurveDisplay
            What was drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.

        TypeError
            If it has no training curve.
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

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure when None.

        name : str, default=None
            Name in the legend; ``estimator_name`` when None.

        **kwargs : dict
            Passed to matplotlib's ``plot`` for every curve.

        Returns
        -------
        display : TrainingCurveDisplay
            This one.
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

        def labelled(what):
            return None if label is None else f"{label}, {what}"

        (self.line_,) = ax.plot(epochs, self.loss_curve, **kwargs)
        style = self.line_.get_linestyle()
        # One color for all of an estimator: the next is for the next one.
        kwargs["color"] = self.line_.get_color()
        self.validation_line_ = self.score_ax_ = self.score_line_ = None
        self.best_line_ = None
        if self.validation_loss_curve is not None:
            kwargs |= {
                "linestyle": "--" if style == "-" else ":",
                "label": labelled("validation loss"),
            }
            (self.validation_line_,) = ax.plot(
                epochs, self.validation_loss_curve, **kwargs
            )
        both = self.validation_line_ is not None or ax.get_ylabel() == "Loss"
        ax.set(xlabel="Epoch", ylabel="Loss" if both else "Training loss")
        if self.validation_scores is not None:
            score_name = "score" if self.score_name is None else self.score_name
            self.score_ax_ = _beside(ax, score_name)
            kwargs |= {
                "linestyle": "--" if style == "-." else "-.",
                "label": labelled(f"validation {score_name}"),
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
                label=labelled(f"epoch {self.best_iteration} kept"),
            )
        if label is not None:
            twins = _twins(ax)
            of_each = [one.get_legend_handles_labels()[0] for one in (ax, *twins)]
            # Of losses that fall and scores that rise, the middle is left at the end.
            loc = "center right" if twins else None
            ax.legend(handles=[*chain.from_iterable(of_each)], loc=loc)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _kept_epoch(network):
    """Return the best epoch of a network that has its weights, else None.

    ``partial_fit`` notes the best epoch, and goes on from the last.
    """
    best = getattr(network, "best_iteration_", None)
    if best is None or network.loss_ != network.loss_curve_[best - 1]:
        return None
    return best


def _twins(ax):
    """Return the axes that are others' y axes beside the same curves."""
    place = ax.get_position().bounds
    siblings = ax.get_shared_x_axes().get_siblings(ax)
    twins = [one for one in siblings if one.get_position().bounds == place]
    return [one for one in ax.figure.axes if one in twins and one is not ax]


def _beside(ax, ylabel):
    """Return axes with a y axis of that label to the right of others."""
    twins = _twins(ax)
    for twin in twins:
        if twin.get_ylabel() == ylabel:
            return twin
    twin = ax.twinx()
    twin.set_ylabel(ylabel)
    twin.grid(False)  # that of ax is enough
    twin.spines.right.set_position(("outward", 60 * len(twins)))
    if not twins:  # what is drawn in ax, such as the legend, stays in front
        twin.set_facecolor(ax.get_facecolor())
        twin.patch.set_visible(ax.patch.get_visible())
        ax.patch.set_visible(False)
    ax.set_zorder(twin.get_zorder() + 1)
    return twin


def _innermost(estimator):
    """Return the estimator that a search, a pipeline or a wrapper holds."""
    for holder in ("best_estimator_", "regressor_"):
        if hasattr(estimator, holder):
            return _innermost(getattr(estimator, holder))
    return _innermost(estimator[-1]) if hasattr(estimator, "steps") else estimator


def plot_history(solver):
    """Draw the history of a solver: its loss, and its accuracy or RMS error.

    Parameters
    ----------
    solver : Solver
        After ``train``.

    Returns
    -------
    figure : matplotlib Figure
        Training loss against iteration, and training and validation accuracy (for
        regression, RMS error) against epoch.

    See Also
    --------
    TrainingCurveDisplay : The curve of an estimator.

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


def plot_samples(X, y, *, image_shape, samples_per_class=7, random_state=0):
    """Draw a grid of images, one column a class.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_pixels)
        The images, flattened.

    y : array-like of shape (n_samples,)
        Their classes.

    image_shape : tuple of int
        Height and width of an image, in pixels.

    samples_per_class : int, default=7
        Images of every class, fewer where there are fewer.

    random_state : int or Generator, default=0
        Chooses the images.

    Returns
    -------
    figure : matplotlib Figure
        The grid.

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


def _pyplot():
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Drawing needs matplotlib: pip install matplotlib."
        ) from error
    return plt
