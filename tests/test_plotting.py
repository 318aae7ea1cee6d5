import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from scaffolding import short_fits
from skfcnet import FCNetClassifier, FCNetRegressor, TrainingCurveDisplay
from skfcnet.network import FullyConnectedNet
from skfcnet.plotting import WeightsDisplay, plot_history, plot_samples
from skfcnet.solver import Solver

X, Y = load_iris(return_X_y=True)
# With so large a tol no epoch after the first improves: five epochs.
FIVE_EPOCHS = {
    "hidden_layer_sizes": (4,),
    "learning_rate": "constant",
    "tol": 1e3,
    "n_iter_no_change": 4,
    "early_stopping": False,
    "random_state": 0,
}
VALIDATED = FIVE_EPOCHS | {"early_stopping": True, "n_members": 1}
VALIDATES = VALIDATED | {"tol": 0.0, "max_iter": 5}


@pytest.fixture(scope="module")
def classifier():
    return FCNetClassifier(**FIVE_EPOCHS).fit(X, Y)


def assert_shows_curve(display, loss_curve):
    epochs, losses = display.line_.get_data()
    np.testing.assert_array_equal(epochs, [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(losses, loss_curve)


def test_training_curve_is_the_loss_of_every_epoch(classifier):
    display = TrainingCurveDisplay.from_estimator(classifier)
    assert_shows_curve(display, classifier.loss_curve_)
    assert display.line_ in display.ax_.lines
    assert display.ax_ in display.figure_.axes
    assert display.ax_.get_xlabel() == "Epoch"
    assert display.ax_.get_ylabel() == "Training loss"


def test_validation_loss_is_dashed_beside_the_training_loss():
    early = FCNetClassifier(**VALIDATED, scoring=None).fit(X, Y)
    display = TrainingCurveDisplay.from_estimator(early, name="net", lw=3, marker="o")
    line, validation = display.line_, display.validation_line_
    assert_shows_curve(display, early.loss_curve_)
    assert display.ax_.lines[:] == [line, validation, display.best_line_]
    np.testing.assert_array_equal(validation.get_ydata(), early.validation_loss_curve_)
    np.testing.assert_array_equal(validation.get_xdata(), line.get_xdata())
    assert (line.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert validation.get_color() == line.get_color()
    assert (validation.get_linewidth(), validation.get_marker()) == (3, "o")
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    kept = f"net, epoch {early.best_iteration_} kept"
    assert names == ["net", "net, validation loss", kept, "net, validation accuracy"]
    assert display.ax_.get_ylabel() == "Loss"


def test_members_are_a_band_and_mark_the_epochs_that_they_keep():
    early = FCNetClassifier(**VALIDATES | {"n_members": 3, "scoring": "loss"})
    display = TrainingCurveDisplay.from_estimator(early.fit(X, Y), name="net")
    np.testing.assert_allclose(
        display.validation_line_.get_ydata(), early.validation_loss_curve_
    )
    (band,) = display.fill_between_
    curves = np.array(display.validation_loss_curve)
    assert curves.shape == (5, 3)
    assert len(set(curves[-1])) == 3
    lowest, highest = band.get_datalim(display.ax_.transData).intervaly
    means, stds = curves.mean(axis=1), curves.std(axis=1)
    assert lowest == pytest.approx((means - stds).min())
    assert highest == pytest.approx((means + stds).max())
    epochs, losses = display.best_line_.get_data()
    assert list(epochs) == early.best_iteration_
    np.testing.assert_array_equal(losses, curves.min(axis=0))
    assert display.best_line_.get_label() == "net, epochs kept"


def test_the_learning_rate_has_an_axis_of_its_own():
    model = FCNetClassifier(**VALIDATES | {"learning_rate": "wsd"}).fit(X, Y)
    plain = TrainingCurveDisplay.from_estimator(model)
    assert plain.learning_rate_ax_ is plain.learning_rate_line_ is None
    first = TrainingCurveDisplay.from_estimator(model, plot_learning_rate=True)
    line, ax = first.learning_rate_line_, first.learning_rate_ax_
    np.testing.assert_array_equal(line.get_ydata(), model.history_["learning_rate"])
    assert ax.get_ylabel() == "Learning rate"
    assert ax not in (first.ax_, first.score_ax_)
    second = TrainingCurveDisplay.from_estimator(
        model, plot_learning_rate=True, ax=first.ax_
    )
    assert second.learning_rate_ax_ is ax


def test_a_cross_validation_is_a_mean_with_a_band():
    model = FCNetClassifier(**VALIDATED | {"tol": 0.0, "max_iter": 9, "scoring": None})
    results = cross_validate(model, X, Y, cv=3, return_estimator=True)
    networks = results["estimator"]
    networks[1] = clone(model).set_params(max_iter=4).fit(X, Y)  # a shorter one
    display = TrainingCurveDisplay.from_cv_results(
        results, name="nets", plot_learning_rate=True
    )
    lengths = [network.n_iter_ for network in networks]
    assert lengths[1] < max(lengths)
    for line, name in (
        (display.line_, "loss"),
        (display.validation_line_, "validation_loss"),
        (display.score_line_, "validation_score"),
        (display.learning_rate_line_, "learning_rate"),
    ):
        for epoch, drawn in enumerate(line.get_ydata()):
            values = [n.history_[name][epoch] for n in networks if n.n_iter_ > epoch]
            assert drawn == pytest.approx(np.mean(values))
        assert len(line.get_ydata()) == max(lengths)
    assert len(display.fill_between_) == 2  # those of losses
    epochs, losses = display.best_line_.get_data()
    assert list(epochs) == [network.best_iteration_ for network in networks]
    best = [n.validation_loss_curve_[n.best_iteration_ - 1] for n in networks]
    np.testing.assert_array_equal(losses, best)
    again = display.plot(fill_between_kw={"alpha": 0.5, "color": "tab:red"})
    assert to_rgb(again.fill_between_[0].get_facecolor()[0, :3]) == to_rgb("tab:red")


def test_a_cross_validation_without_its_estimators_cannot_be_drawn():
    results = cross_validate(FCNetClassifier(**FIVE_EPOCHS), X, Y, cv=2)
    with pytest.raises(ValueError, match="return_estimator=True"):
        TrainingCurveDisplay.from_cv_results(results)


def test_estimators_that_validate_take_one_color_each():
    early = FCNetClassifier(**VALIDATED, scoring=None).fit(X, Y)
    first = TrainingCurveDisplay.from_estimator(early)
    second = TrainingCurveDisplay.from_estimator(early, ax=first.ax_)
    cycle = [prop["color"] for prop in plt.rcParams["axes.prop_cycle"]]
    assert [first.line_.get_color(), second.line_.get_color()] == cycle[:2]


@pytest.mark.parametrize(
    ("style", "expected", "of_score"),
    [("-", "--", "-."), ("--", ":", "-."), ("-.", ":", "--"), ("none", ":", "-.")],
)
def test_curves_are_told_apart_and_alike_in_all_else(style, expected, of_score):
    display = TrainingCurveDisplay(
        loss_curve=[3, 2], validation_loss_curve=[4, 3], validation_scores=[0.5, 0.6]
    )
    display.plot(ls=style, marker="o", markevery=5, zorder=10, gid="net", label=None)
    line, validation, score = (
        display.line_,
        display.validation_line_,
        display.score_line_,
    )
    assert validation.get_linestyle() == expected
    assert score.get_linestyle() == of_score
    for other in (validation, score):
        for name in ("markevery", "zorder", "gid", "marker", "color"):
            assert plt.getp(other, name) == plt.getp(line, name)
    assert display.ax_.get_legend() is None


def constant_score(estimator, X, y):
    return 7.0


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (FCNetClassifier(**VALIDATES, scoring=None), "accuracy"),
        (FCNetClassifier(**VALIDATES, scoring="f1_macro"), "f1_macro"),
        (FCNetClassifier(**VALIDATES, scoring="neg_log_loss"), "neg_log_loss"),
        (FCNetRegressor(**VALIDATES, scoring=None), "R^2"),
        (
            FCNetRegressor("huber", **VALIDATES, scoring=constant_score),
            "constant_score",
        ),
        (
            FCNetRegressor(
                **VALIDATES,
                scoring=make_scorer(mean_absolute_error, greater_is_better=False),
            ),
            "-mean_absolute_error",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_score_of_early_stopping_has_an_axis_of_its_own(estimator, name):
    display = TrainingCurveDisplay.from_estimator(estimator.fit(X, Y), name="net")
    score_ax, line = display.score_ax_, display.score_line_
    assert score_ax.lines[:] == [line]
    assert line not in display.ax_.lines[:]
    np.testing.assert_array_equal(line.get_ydata(), estimator.validation_scores_)
    np.testing.assert_array_equal(line.get_xdata(), display.line_.get_xdata())
    assert line.get_color() == display.line_.get_color()
    assert line.get_label() == f"net, validation {name}"
    assert score_ax.get_ylabel() == name
    assert score_ax.yaxis.get_ticks_position() == "right"
    assert display.ax_.get_ylabel() == "Loss"
    assert display.figure_.axes == [display.ax_, score_ax]


@pytest.mark.parametrize(
    "estimator",
    [
        FCNetClassifier(**VALIDATES, scoring="loss"),
        FCNetRegressor(**VALIDATES),
        FCNetRegressor("absolute_error", **VALIDATES, scoring=None),
    ],
    ids=["by name", "by default", "by the loss"],
)
def test_score_that_is_minus_the_loss_is_not_drawn_twice(estimator):
    display = TrainingCurveDisplay.from_estimator(estimator.fit(X, Y))
    assert display.score_ax_ is display.score_line_ is None
    assert display.figure_.axes == [display.ax_]
    assert display.best_line_ in display.ax_.lines[:]


def test_the_kept_epoch_is_marked():
    # The score of every epoch is lower than the one before, but for the third.
    scores = iter([5.0, 4.0, 6.0, 3.0, 2.0])
    model = FCNetClassifier(**VALIDATES, scoring=lambda *_: next(scores)).fit(X, Y)
    display = TrainingCurveDisplay.from_estimator(model, name="net")
    np.testing.assert_array_equal(display.best_line_.get_xdata(), [3, 3])
    assert display.best_line_.get_color() == display.line_.get_color()
    assert display.best_line_.get_label() == "net, epoch 3 kept"


def test_no_epoch_is_marked_whose_weights_are_gone(classifier):
    plain = TrainingCurveDisplay.from_estimator(classifier)
    assert plain.best_line_ is plain.score_line_ is None
    model = FCNetClassifier(**VALIDATES)
    scores = iter([2.0, 1.0])
    model.set_params(scoring=lambda *_: next(scores))
    for _ in range(2):
        model.partial_fit(X, Y, classes=[0, 1, 2], X_val=X, y_val=Y)
    assert model.best_iteration_ == 1
    display = TrainingCurveDisplay.from_estimator(model)
    np.testing.assert_array_equal(display.score_line_.get_ydata(), [2, 1])
    assert display.best_line_ is None


def test_estimators_share_the_axis_of_the_same_score_and_no_other():
    by_accuracy = FCNetClassifier(**VALIDATES, scoring=None).fit(X, Y)
    by_f1 = FCNetClassifier(**VALIDATES, scoring="f1_macro").fit(X, Y)
    _, (ax, other) = plt.subplots(2, sharex=True)
    TrainingCurveDisplay.from_estimator(by_f1, ax=other)
    first = TrainingCurveDisplay.from_estimator(by_accuracy, ax=ax, name="first")
    second = TrainingCurveDisplay.from_estimator(by_f1, ax=ax, name="second")
    third = TrainingCurveDisplay.from_estimator(by_accuracy, ax=ax, name="third")
    assert third.score_ax_ is first.score_ax_ is not second.score_ax_
    assert first.score_ax_.lines[:] == [first.score_line_, third.score_line_]
    assert second.score_ax_.lines[:] == [second.score_line_]
    places = [d.score_ax_.spines.right.get_position()[1] for d in (first, second)]
    assert places[0] < places[1]  # the axes are told apart
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names.count("third, validation accuracy") == 1
    assert {"first", "second, validation f1_macro"} <= set(names)
    assert ax.get_zorder() > first.score_ax_.get_zorder()  # the legend is in front


def test_scores_of_scikit_learn_can_be_drawn_too():
    mlp = MLPClassifier((4,), early_stopping=True, tol=1e3, n_iter_no_change=3)
    display = TrainingCurveDisplay.from_estimator(mlp.fit(X, Y))
    np.testing.assert_array_equal(
        display.score_line_.get_ydata(), mlp.validation_scores_
    )
    assert display.score_ax_.get_ylabel() == "score"
    assert display.best_line_ is None


def test_axes_with_a_validation_loss_say_loss_whatever_is_drawn_next(classifier):
    both = TrainingCurveDisplay(loss_curve=[3, 2], validation_loss_curve=[4, 3]).plot()
    TrainingCurveDisplay.from_estimator(classifier, ax=both.ax_)
    assert both.ax_.get_ylabel() == "Loss"


def test_curves_of_scikit_learn_can_be_drawn_for_comparison():
    mlp = MLPClassifier((4,), tol=1e3, n_iter_no_change=3).fit(X, Y)
    display = TrainingCurveDisplay.from_estimator(mlp)
    assert_shows_curve(display, mlp.loss_curve_)
    assert display.validation_line_ is None


def test_without_validation_there_is_one_line(classifier):
    display = TrainingCurveDisplay.from_estimator(classifier)
    assert display.validation_line_ is None
    assert len(display.ax_.lines) == 1


def test_training_curve_of_a_regressor():
    regressor = FCNetRegressor(**FIVE_EPOCHS).fit(X, Y)
    display = TrainingCurveDisplay.from_estimator(regressor)
    assert_shows_curve(display, regressor.loss_curve_)


def test_training_curve_of_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), FCNetClassifier(**FIVE_EPOCHS))
    display = TrainingCurveDisplay.from_estimator(pipeline.fit(X, Y))
    assert_shows_curve(display, pipeline[-1].loss_curve_)


def test_training_curve_of_a_parameter_search():
    search = GridSearchCV(
        FCNetClassifier(**FIVE_EPOCHS), {"activation": ["relu", "tanh"]}, cv=2
    )
    display = TrainingCurveDisplay.from_estimator(search.fit(X, Y))
    assert_shows_curve(display, search.best_estimator_.loss_curve_)


def test_training_curve_of_a_parameter_search_over_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), FCNetClassifier(**FIVE_EPOCHS))
    search = GridSearchCV(pipeline, {"fcnetclassifier__alpha": [1e-4, 1e-2]}, cv=2)
    display = TrainingCurveDisplay.from_estimator(search.fit(X, Y))
    assert_shows_curve(display, search.best_estimator_[-1].loss_curve_)


def test_training_curve_is_drawn_in_the_given_axes(classifier):
    figure, ax = plt.subplots()
    display = TrainingCurveDisplay.from_estimator(classifier, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]


def test_training_curves_share_axes_and_legend(classifier):
    first = TrainingCurveDisplay.from_estimator(classifier, name="first")
    TrainingCurveDisplay.from_estimator(classifier, name="second", ax=first.ax_)
    names = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert names == ["first", "second"]


@pytest.mark.parametrize(
    ("name", "label"), [(None, "FCNetClassifier"), ("wide", "wide")]
)
def test_training_curve_is_labelled_by_name_or_class(classifier, name, label):
    display = TrainingCurveDisplay.from_estimator(classifier, name=name)
    assert display.line_.get_label() == label


def test_training_curve_takes_line_properties(classifier):
    display = TrainingCurveDisplay.from_estimator(
        classifier, color="tab:red", linestyle="--"
    )
    assert to_rgb(display.line_.get_color()) == to_rgb("tab:red")
    assert display.line_.get_linestyle() == "--"


def test_training_curve_can_be_drawn_again_with_another_name(classifier):
    display = TrainingCurveDisplay.from_estimator(classifier)
    earlier = display.ax_
    assert display.plot(name="again") is display
    assert display.ax_ is not earlier
    assert display.line_.get_label() == "again"
    assert_shows_curve(display, classifier.loss_curve_)


def test_display_of_plain_numbers_has_no_legend():
    display = TrainingCurveDisplay(loss_curve=[3.0, 2.0]).plot()
    np.testing.assert_array_equal(display.line_.get_ydata(), [3.0, 2.0])
    assert display.ax_.get_legend() is None


@pytest.mark.parametrize(
    "estimator",
    [
        FCNetClassifier(),
        make_pipeline(StandardScaler(), FCNetClassifier()),
        GridSearchCV(FCNetClassifier(), {}),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_training_curve_needs_a_fitted_estimator(estimator):
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(estimator)


@pytest.mark.parametrize(
    "estimator",
    [GaussianNB(), make_pipeline(StandardScaler(), GaussianNB())],
    ids=lambda estimator: type(estimator).__name__,
)
def test_estimator_without_training_curve_is_named(estimator):
    with pytest.raises(TypeError, match="GaussianNB has no training curve"):
        TrainingCurveDisplay.from_estimator(estimator.fit(X, Y))


def trained_solver(category, X, y, output_dim):
    net = FullyConnectedNet(
        category, [4], [False], X.shape[1], output_dim, random_state=0
    )
    data = {"X_train": X[:90], "y_train": y[:90], "X_val": X[90:], "y_val": y[90:]}
    solver = Solver(
        net, data, num_epochs=3, batch_size=20, verbose=False, random_state=0
    )
    solver.train()
    return solver


@pytest.fixture(scope="module", params=["classification", "regression"])
def solver(request):
    if request.param == "classification":
        return trained_solver("classification", X, Y, output_dim=3)
    diabetes = load_diabetes()
    return trained_solver(
        "regression", diabetes.data[:150], diabetes.target[:150] / 100, output_dim=1
    )


def test_history_shows_the_loss_of_every_iteration(solver):
    ax = plot_history(solver).axes[0]
    iterations, losses = ax.lines[0].get_data()
    np.testing.assert_array_equal(iterations, np.arange(1, 16))
    np.testing.assert_array_equal(losses, solver.loss_history)
    assert ax.get_xlabel() == "Iteration"
    assert ax.get_ylabel() == "Training loss"


def test_history_shows_training_and_validation_from_epoch_0(solver):
    ax = plot_history(solver).axes[1]
    lines = {line.get_label(): line for line in ax.lines}
    for label, history in (
        ("training", solver.train_acc_history),
        ("validation", solver.val_acc_history),
    ):
        epochs, values = lines[label].get_data()
        np.testing.assert_array_equal(epochs, [0, 1, 2, 3])
        np.testing.assert_array_equal(values, history)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(lines)
    assert ax.get_xlabel() == "Epoch"


def test_history_names_what_was_measured(solver):
    measures = {"classification": "Accuracy", "regression": "RMS error"}
    ax = plot_history(solver).axes[1]
    assert ax.get_ylabel() == measures[solver.model.category]


IMAGES = {"hidden_layer_sizes": (6,), "numeric_embedding": None, "max_iter": 2}


@short_fits
@pytest.mark.parametrize("n_members", [1, 2])
def test_weights_of_every_unit_are_an_image(digits, n_members):
    net = FCNetClassifier(**FIVE_EPOCHS | IMAGES, n_members=n_members)
    pipeline = make_pipeline(MinMaxScaler(), net).fit(digits.data, digits.target)
    member = n_members - 1
    display = WeightsDisplay.from_estimator(pipeline, image_shape=(8, 8), member=member)
    weights = pipeline[-1].scales_[..., np.newaxis] * pipeline[-1].coefs_[0]
    weights = np.reshape(weights, (n_members, 64, 6))[member]
    assert len(display.images_) == 6
    for unit, image in zip(weights.T, display.images_, strict=True):
        np.testing.assert_array_equal(image.get_array(), unit.reshape(8, 8))
    bounds = {image.get_clim() for image in display.images_}
    assert bounds == {(-np.abs(weights).max(), np.abs(weights).max())}
    assert display.figure_.axes == [*display.axes_.flat]


def test_of_many_units_the_first_are_drawn():
    display = WeightsDisplay(weights=np.eye(4, 9), image_shape=(2, 2))
    assert len(display.plot(max_units=5).images_) == 5
    _, axes = plt.subplots(3)
    assert [image.axes for image in display.plot(axes).images_] == [*axes]


def test_weights_of_colors_are_drawn_as_colors():
    weights = np.linspace(-1, 1, 24).reshape(12, 2)
    display = WeightsDisplay(weights=weights, image_shape=(2, 2, 3)).plot()
    image = display.images_[0].get_array()
    np.testing.assert_allclose(image, 0.5 + weights[:, 0].reshape(2, 2, 3) / 2)


def test_weights_of_other_inputs_than_pixels_are_no_image(digits):
    net = FCNetClassifier(**FIVE_EPOCHS).fit(digits.data, digits.target)
    with pytest.raises(ValueError, match="numeric_embedding=None"):
        WeightsDisplay.from_estimator(net, image_shape=(8, 8))
    with pytest.raises(NotFittedError):
        WeightsDisplay.from_estimator(FCNetClassifier(), image_shape=(8, 8))


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def images_by_column(figure, n_columns):
    """Return the images in each column of the grid, flattened, from top to bottom."""
    images = [[image.get_array() for image in ax.images] for ax in figure.axes]
    for column in range(n_columns):
        yield [np.ravel(one) for cell in images[column::n_columns] for one in cell]


def test_samples_are_seven_different_rows_of_every_class(digits):
    figure = plot_samples(digits.data, digits.target, image_shape=(8, 8))
    assert len(figure.axes) == 7 * 10
    for label, images in enumerate(images_by_column(figure, 10)):
        rows_of_class = {row.tobytes() for row in digits.data[digits.target == label]}
        shown = {image.tobytes() for image in images}
        assert len(shown) == 7
        assert shown <= rows_of_class


def test_samples_keep_the_shape_of_an_image():
    X = np.arange(12.0).reshape(2, 6)
    figure = plot_samples(X, [0, 1], image_shape=(2, 3), samples_per_class=1)
    for ax, row in zip(figure.axes, X, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), row.reshape(2, 3))


def test_samples_head_every_column_with_its_class():
    y = ["cat", "dog", "cat"]
    figure = plot_samples(np.eye(3, 4), y, image_shape=(2, 2), samples_per_class=2)
    assert [ax.get_title() for ax in figure.axes] == ["cat", "dog", "", ""]


def test_samples_of_a_class_with_fewer_than_seven_are_all_shown():
    X = np.arange(48.0).reshape(12, 4)
    y = np.array([0] * 10 + [1] * 2)
    figure = plot_samples(X, y, image_shape=(2, 2))
    first, second = images_by_column(figure, 2)
    assert len(figure.axes) == 7 * 2
    assert len(first) == 7
    np.testing.assert_array_equal(np.sort(second, axis=0), X[10:])


def test_samples_are_chosen_by_the_seed():
    def shown(random_state):
        figure = plot_samples(X, Y, image_shape=(2, 2), random_state=random_state)
        return np.array(list(images_by_column(figure, 3)))

    np.testing.assert_array_equal(shown(1), shown(1))
    assert not np.array_equal(shown(1), shown(2))


@pytest.mark.parametrize(
    "draw",
    [
        lambda: TrainingCurveDisplay(loss_curve=[1.0]).plot(),
        lambda: WeightsDisplay(weights=np.eye(4), image_shape=(2, 2)).plot(),
        lambda: plot_history(SimpleNamespace(loss_history=[1.0])),
        lambda: plot_samples(np.eye(4), [0, 0, 1, 1], image_shape=(2, 2)),
    ],
    ids=["TrainingCurveDisplay", "WeightsDisplay", "plot_history", "plot_samples"],
)
def test_drawing_without_matplotlib_says_how_to_get_it(monkeypatch, draw):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        draw()
