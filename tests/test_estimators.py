"""What users of the estimators rely on, beyond scikit-learn's own checks."""

import copy
import datetime
import pickle
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_diabetes, load_digits, make_multilabel_classification
from sklearn.exceptions import (
    ConvergenceWarning,
    DataConversionWarning,
    NotFittedError,
)
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils import get_tags

from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._estimators.base import SOLVERS
from skfcnet._estimators.classifier import DOUBTFUL_ROWS, MOST_SMOOTHING
from skfcnet.layers import ACTIVATIONS, NORMALIZATIONS
from skfcnet.presets import LIKE_MLP
from skfcnet.solver import DivergenceError, Solver

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",  # short fits, on purpose
    # What is set for one solver has no effect with another; see test_idle.py.
    "ignore:.* has no effect. it needs:UserWarning",
)

# Small and quick: for tests of how things behave, not of how well they are learned. At
# a constant rate, what an epoch does depends not on how many there will be.
SMALL = {
    "hidden_layer_sizes": (16,),
    "max_iter": 5,
    "random_state": 0,
    "learning_rate": "constant",
    "learning_rate_init": 0.01,
}
small_classifier = partial(FCNetClassifier, **SMALL)
small_regressor = partial(FCNetRegressor, **SMALL)


def needs_new_scikit_learn(reason):
    """Skip with scikit-learn 1.6, the oldest version supported."""
    version = tuple(map(int, sklearn.__version__.split(".")[:2]))
    return pytest.mark.skipif(version < (1, 7), reason=reason)


SEVERAL = "multiclass-multioutput"
OF_SCIKIT_LEARN = ["binary", "multiclass", "multilabel", "regression", "multioutput"]
KINDS = [*OF_SCIKIT_LEARN, SEVERAL]


def data_of(kind, n=120, n_features=6, seed=0):
    """Return an unfitted estimator with data of the kind it is to be fitted on."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_features))
    signal = X @ rng.normal(size=(n_features, 3))
    if kind == "binary":
        return small_classifier(), X, (signal[:, 0] > 0).astype(int)
    if kind == "multiclass":
        return small_classifier(), X, signal.argmax(axis=1)
    if kind == "multilabel":
        return small_classifier(), X, (signal > 0).astype(int)
    if kind == SEVERAL:
        columns = [signal.argmax(axis=1), 10 * (signal[:, 0] > 0) + 5]
        return small_classifier(), X, np.column_stack(columns)
    return small_regressor(), X, signal[:, 0] if kind == "regression" else signal


def plain(model):
    """Let a network be trained on the numbers as they are, as scikit-learn's are."""
    names = ("solver", "learning_rate", "input_scaling", "numeric_embedding")
    model.set_params(**{name: LIKE_MLP[name] for name in names})
    if is_classifier(model):
        return model.set_params(label_smoothing=0.0)
    return model.set_params(scale_target=False)


def outputs(model, X):
    """Return everything the model says about X, and what it learned from."""
    methods = ["predict"]
    if is_classifier(model):
        methods += ["predict_proba", "predict_log_proba", "decision_function"]
    told = [getattr(model, method)(X) for method in methods]
    told = [np.hstack(a) if isinstance(a, list) else a for a in told]
    return [*told, model.loss_curve_]


def assert_identical(model, other, X):
    for ours, theirs in zip(outputs(model, X), outputs(other, X), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# What is learned


def test_digits_are_learned_by_the_defaults():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = FCNetClassifier(random_state=0).fit(X_train, y_train)
    assert model.score(X_test, y_test) > 0.975


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_solver_and_activation_learns(solver, activation):
    X, y = load_digits(return_X_y=True)
    rate = 0.1 if solver == "sgd" else 0.01
    model = FCNetClassifier(
        (32,),
        activation,
        solver=solver,
        learning_rate_init=rate,
        max_iter=20,
        random_state=0,
    )
    assert model.fit(X / 16, y).score(X / 16, y) > 0.9


@pytest.mark.parametrize("changes", [{"normalization": "batch"}, {"dropout": 0.2}])
def test_normalised_and_dropped_out_networks_learn(changes):
    X, y = load_diabetes(return_X_y=True)
    model = FCNetRegressor(
        hidden_layer_sizes=(32,), random_state=0, learning_rate_init=0.01, **changes
    )
    assert model.fit(scale(X), scale(y)).score(scale(X), scale(y)) > 0.5


def test_a_network_without_hidden_layers_is_a_linear_model():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 4))
    model = FCNetRegressor(
        hidden_layer_sizes=(),
        alpha=0.0,
        learning_rate_init=0.05,
        max_iter=250,
        random_state=0,
    )
    plain(model).set_params(learning_rate="one_cycle")
    model.fit(X, X @ [1.0, -2.0, 0.0, 3.0] + 5)
    np.testing.assert_allclose(model.coefs_[0][:, 0], [1, -2, 0, 3], atol=1e-3)
    np.testing.assert_allclose(model.intercepts_[0], [5], atol=1e-3)


def test_multilabel_data_are_learned():
    X, y = make_multilabel_classification(500, random_state=0)
    model = FCNetClassifier(random_state=0).fit(X, y)
    assert (model.predict(X) == y).mean() > 0.95


# What the defaults choose by the data


@pytest.mark.parametrize(
    ("n_rows", "settings", "n_epochs"),
    [
        (20, {}, 256),
        (160, {"batch_size": 2}, 50),  # 4,000 minibatches
        (161, {"batch_size": 2}, 50),  # the last of 3 rows
        (30, {"batch_size": 4}, 256),
        (500, {"batch_size": 1}, 10),
        (10_000, {}, 51),  # minibatches of 128
        (20, {"max_iter": 3}, 3),
    ],
    ids=str,
)
def test_epochs_make_a_number_of_minibatches(n_rows, settings, n_epochs):
    X = np.linspace(-1, 1, n_rows)[:, np.newaxis]
    model = FCNetRegressor(hidden_layer_sizes=(1,), random_state=0, **settings)
    assert model.fit(X, X[:, 0]).n_iter_ == n_epochs


def test_repeated_rows_count_in_the_number_of_epochs():
    X, y = np.eye(40), np.arange(40.0)
    model = FCNetRegressor(hidden_layer_sizes=(1,), batch_size=2, random_state=0)
    weight = np.full(40, 4)
    assert model.fit(X, y, weight).n_iter_ == 50


def test_lbfgs_takes_200_iterations_at_most():
    X, y = load_diabetes(return_X_y=True)
    model = FCNetRegressor(solver="lbfgs", alpha=0.0, tol=0.0, random_state=0)
    with pytest.warns(ConvergenceWarning, match="after 200 iterations.*max_fun"):
        model.fit(X, y)
    assert model.n_iter_ == 200


def test_a_warning_says_after_how_many_epochs_training_was_cut_short():
    X, y = load_diabetes(return_X_y=True)
    model = FCNetRegressor(learning_rate="constant", max_iter=3, random_state=0)
    with pytest.warns(ConvergenceWarning, match="after 3 epochs. Raise max_iter, or"):
        model.fit(X, y)
    lbfgs = FCNetRegressor(solver="lbfgs", max_fun=10, random_state=0)
    with pytest.warns(ConvergenceWarning, match="iterations") as warned:
        lbfgs.fit(X, y)
    assert f"after {lbfgs.n_iter_} iterations" in str(warned[0].message)
    assert lbfgs.n_iter_ < 10


@pytest.mark.parametrize("n_rows", [20, 2000])
def test_labels_are_smoothed_by_the_share_of_few_rows(n_rows):
    X, y = data_of("multiclass", n=n_rows)[1:]
    model = small_classifier().fit(X, y)
    share = min(MOST_SMOOTHING, DOUBTFUL_ROWS / n_rows)
    assert (share == MOST_SMOOTHING) == (n_rows == 20)
    expected = small_classifier(label_smoothing=share).fit(X, y)
    assert_identical(model, expected, X)


def test_only_rows_trained_on_count_in_the_smoothing_of_labels():
    X, y = data_of("multiclass", n=2000)[1:]
    weight = np.where(np.arange(2000) < 1500, 2, 0)
    model = small_classifier().fit(X, y, weight)
    share = DOUBTFUL_ROWS / 3000
    expected = small_classifier(label_smoothing=share).fit(X, y, weight)
    assert_identical(model, expected, X)


@pytest.mark.parametrize(
    ("n_features", "is_embedded"), [(1, True), (51, True), (52, False)]
)
def test_few_numeric_features_are_embedded(n_features, is_embedded):
    _, X, y = data_of("regression", n_features=n_features)
    assert (len(small_regressor().fit(X, y).coefs_[0]) > n_features) == is_embedded
    thin = small_regressor().fit(sparse.csr_array(X), y)
    assert len(thin.coefs_[0]) == n_features


@pytest.mark.parametrize("embedding", ["auto", "ple", "pbld", None])
def test_a_number_that_is_missing_only_later_is_taken_for_the_median(embedding):
    _, X, y = data_of("regression", n=121)
    model = small_regressor(numeric_embedding=embedding, max_iter=50).fit(X, y)
    gap, filled = X.copy(), X.copy()
    gap[::3, 1], filled[::3, 1] = np.nan, np.median(X[:, 1])
    np.testing.assert_allclose(model.predict(gap), model.predict(filled), rtol=1e-3)


# The losses and alpha are scikit-learn's


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
def test_one_full_batch_step_of_plain_descent_agrees_with_scikit_learn(kind):
    model, X, y = data_of(kind)
    settings = {
        "hidden_layer_sizes": (5,),
        "solver": "sgd",
        "momentum": 0.0,
        "alpha": 3.0,
        "max_iter": 1,
        "random_state": 0,
        "learning_rate_init": 0.1,
    }
    ours = plain(model).set_params(**LIKE_MLP | settings)
    theirs = (MLPClassifier if is_classifier(model) else MLPRegressor)(
        **settings, warm_start=True
    )
    start = ours.set_params(learning_rate_init=1e-300).fit(X, y)
    theirs.set_params(learning_rate_init=1e-300).fit(X, y)
    theirs.coefs_ = [coef.copy() for coef in start.coefs_]
    theirs.intercepts_ = [intercept.copy() for intercept in start.intercepts_]
    theirs.set_params(learning_rate_init=0.1).fit(X, y)
    ours = clone(ours).set_params(learning_rate_init=0.1).fit(X, y)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-10)
    for mine, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-8, atol=1e-12)


def test_alpha_means_the_same_whatever_the_batch_size():
    """Without a signal to learn, the penalty alone shrinks the weights."""
    X, y = np.zeros((400, 3)), np.zeros(400)
    settings = {"solver": "sgd", "momentum": 0.0, "alpha": 20.0, "max_iter": 1}
    norms = []
    for batch_size, rate in [(50, 0.01), (100, 0.02), (400, 0.08)]:
        model = small_regressor(
            **settings | {"batch_size": batch_size, "learning_rate_init": rate}
        ).fit(X, y)
        norms.append(np.linalg.norm(model.coefs_[0]))
    # As many steps, times as long: the shrinkage of an epoch is the same.
    np.testing.assert_allclose(norms, norms[0], rtol=0.01)


def test_weight_decay_shrinks_the_weights_and_not_the_biases():
    X, y = np.zeros((50, 3)), np.zeros(50)
    model = small_regressor(alpha=0.0, solver="adamw", max_iter=1)
    kept = clone(model).set_params(weight_decay=0.0).fit(X, y)
    model.set_params(weight_decay=10.0).fit(X, y)
    np.testing.assert_allclose(model.coefs_[0], 0.9 * kept.coefs_[0], rtol=1e-5)
    np.testing.assert_array_equal(model.intercepts_[0], kept.intercepts_[0])


# Fitted attributes


@pytest.mark.parametrize("kind", OF_SCIKIT_LEARN)
def test_fitted_attributes_are_those_of_scikit_learn(kind):
    model, X, y = data_of(kind)
    model.set_params(numeric_embedding=None).fit(X, y)
    theirs = MLPClassifier if is_classifier(model) else MLPRegressor
    theirs = theirs(hidden_layer_sizes=(16,), max_iter=5).fit(X, y)
    names = [name for name in vars(theirs) if name[0] != "_" and name[-1] == "_"]
    assert set(names) <= {name for name in dir(model) if hasattr(model, name)}
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_iter_", "t_"):
        assert getattr(model, name) == getattr(theirs, name), name
    for name in ("coefs_", "intercepts_"):
        shapes = [array.shape for array in getattr(theirs, name)]
        assert [array.shape for array in getattr(model, name)] == shapes
    assert len(model.loss_curve_) == model.n_iter_
    assert model.loss_ == model.loss_curve_[-1]
    assert model.best_loss_ == min(model.loss_curve_)


def test_the_output_activation_follows_the_loss_under_warm_start():
    model, X, y = data_of("regression")
    model.set_params(warm_start=True).fit(X, y**2)
    assert model.out_activation_ == "identity"
    model.set_params(loss="poisson").fit(X, y**2)
    assert model.out_activation_ == "exp"
    assert (model.predict(X) > 0).all()


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_weights_can_be_set_one_by_one_or_all_together(kind, n_members):
    model, X, y = data_of(kind)
    model.set_params(n_members=n_members).fit(X, y)
    other = clone(model).set_params(random_state=7).fit(X, y)
    predict = getattr(model, "predict_proba", model.predict)
    before = predict(X)
    model.coefs_[-1] = np.zeros_like(model.coefs_[-1])
    flat = predict(X)
    assert not np.array_equal(flat, before)
    assert np.ptp(flat, axis=0).max() == 0
    # As in federated learning: the mean over models becomes that of each.
    model.coefs_ = [w.copy() for w in other.coefs_]
    model.intercepts_ = [b.copy() for b in other.intercepts_]
    np.testing.assert_array_equal(
        model.decision_function(X) if kind != "regression" else model.coefs_[0],
        other.decision_function(X) if kind != "regression" else other.coefs_[0],
    )
    with pytest.raises(ValueError, match=r"intercepts_\[0\] takes numbers of shape"):
        model.intercepts_ = [b[..., 1:] for b in model.intercepts_]


def test_reading_the_weights_changes_nothing():
    model, X, y = data_of("multiclass")
    model.fit(X, y).predict_proba(X)
    converted = model._net.params.converted(np.float64)
    repr(model), model.coefs_, model.intercepts_, model._repr_html_()
    assert model._net.params.converted(np.float64) is converted
    with pytest.raises(ValueError, match="read-only"):
        model.coefs_[0][...] = 0


def test_unfitted_estimators_say_so():
    with pytest.raises(NotFittedError):
        FCNetClassifier().predict([[0.0]])
    assert not hasattr(FCNetClassifier(), "coefs_")


def test_tags_are_honest():
    for estimator in (FCNetClassifier(), FCNetRegressor()):
        assert get_tags(estimator).input_tags.sparse
        assert not get_tags(estimator).non_deterministic
    assert get_tags(FCNetClassifier()).classifier_tags.multi_label
    assert get_tags(FCNetClassifier()).target_tags.multi_output
    assert get_tags(FCNetRegressor()).target_tags.multi_output


# Targets


@pytest.mark.parametrize(
    "labels",
    [
        ["no", "yes"],
        ["a", "b", "c"],
        [5, 7],
        [-3, 0, 2**40],
        pytest.param(
            np.array([2**63, 2**63 + 1], dtype=np.uint64),
            marks=needs_new_scikit_learn("its checks overflow on such labels"),
        ),
        [True, False],
        [1.0, 2.0],
    ],
    ids=str,
)
def test_labels_of_every_kind_come_back(labels):
    _, X, codes = data_of("multiclass" if len(labels) == 3 else "binary")
    y = np.asarray(labels)[codes]
    model = small_classifier(max_iter=100).fit(X, y)
    np.testing.assert_array_equal(model.classes_, np.unique(labels))
    assert model.predict(X).dtype == y.dtype
    assert model.score(X, y) > 0.9


def test_a_single_class_is_predicted_always():
    X = np.random.default_rng(0).normal(size=(20, 2))
    model = small_classifier().fit(X, np.full(20, "only"))
    assert set(model.predict(X)) == {"only"}
    np.testing.assert_allclose(model.predict_proba(X), 1.0)


PAIRS = {
    "words": np.array(["a", "b", "c"])[[[0, 2], [1, 2], [2, 0]]],
    "floats": np.array([[0.0, 7.0], [1.0, 7.0], [2.0, -1.0]]),
    "mixed": np.array([["a", 7], ["b", 7], ["c", -1]], object),
    "numbers first": np.array([[7, "a"], [7, "b"], [-1, "c"]], object),
    "objects": np.array([[0, 1], [1, 1], [0, 0]], object),
    "one of a kind": np.array([[0, 7, 1], [1, 7, 1], [2, 7, 0]]),
}


@pytest.mark.parametrize("labels", PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_labels_of_several_columns_come_back(labels, early_stopping):
    _, X, codes = data_of("multiclass", n=300)
    y = labels[codes]
    model = small_classifier(max_iter=60, early_stopping=early_stopping).fit(X, y)
    assert len(model.classes_) == y.shape[1]
    for classes, column in zip(model.classes_, y.T, strict=True):
        np.testing.assert_array_equal(classes, np.unique(column))
    answers = model.predict(X)
    assert answers.dtype == y.dtype
    assert answers.shape == y.shape
    assert model.score(X, y) == (answers == y).all(axis=1).mean() > 0.9
    assert model.n_outputs_ == sum(map(len, model.classes_))
    if early_stopping:
        assert 0.8 < model.best_validation_score_ <= 1


def test_columns_of_a_data_frame_keep_their_kinds():
    _, X, y = data_of("multiclass")
    frame = pd.DataFrame({"digit": y, "letter": np.array(["a", "b", "c"])[y]})
    answers = small_classifier(max_iter=60).fit(X, frame).predict(X)
    assert set(answers[:, 0]) == {0, 1, 2}
    assert set(answers[:, 1]) == {"a", "b", "c"}


def test_digits_and_letters_are_learned_together():
    X, digit = load_digits(return_X_y=True)
    y = np.column_stack([digit, np.array(["a", "b", "c"])[digit % 3]])
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = FCNetClassifier(random_state=0).fit(X_train, y_train)
    assert model.score(X_test, y_test) > 0.97
    right = (model.predict(X_test) == y_test).all(axis=1)
    weight = np.arange(len(y_test))
    assert model.score(X_test, y_test, weight) == pytest.approx(
        right @ weight / weight.sum()
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_of_several_columns_are_those_of_their_scores(dtype):
    model, X, y = data_of(SEVERAL)
    model.set_params(max_iter=60).fit(X, y)
    for given in (X.astype(dtype), (1e6 * X).astype(dtype)):
        answers = model.predict(given)
        methods = "predict_proba", "predict_log_proba", "decision_function"
        told = [getattr(model, method)(given) for method in methods]
        for k, (p, log_p, scores) in enumerate(zip(*told, strict=True)):
            assert p.shape == scores.shape == (len(X), len(model.classes_[k]))
            assert p.min() > 0 and p.max() < 1
            np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
            np.testing.assert_allclose(np.exp(log_p), p, rtol=2e-5)
            own = model.classes_[k][scores.argmax(axis=1)]
            np.testing.assert_array_equal(own, answers[:, k])


def test_partial_fit_takes_the_classes_of_each_column():
    model, X, y = data_of(SEVERAL)
    classes = [[2, 1, 0], [5, 15]]
    few = (y[:, 0] < 2) & (y[:, 1] == 5)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="classes must be a list with the labels of"):
        model.partial_fit(X, y, classes=[0, 1, 2, 5, 15])
    with pytest.raises(ValueError, match="y must have 3 columns"):
        model.partial_fit(X, y, classes=[*classes, [0, 1]])
    with pytest.raises(ValueError, match="y must have 2 columns"):
        model.partial_fit(X, y[:, 0], classes=classes)
    model.partial_fit(X[few], y[few], classes=classes)
    assert [p.shape[1] for p in model.predict_proba(X)] == [3, 2]
    model.partial_fit(X, y, classes=[classes[0], [15, 5, 5]])
    for others in (classes[::-1], classes[:1], [0, 1, 2]):
        with pytest.raises(ValueError, match="not those of the first call"):
            model.partial_fit(X, y, classes=others)
    for faulty in (y + 1, y.astype(str)):
        with pytest.raises(ValueError, match=r"y\[:, 0\] has labels"):
            model.partial_fit(X, faulty)
    for faulty in (y[:, :1].repeat(3, axis=1), y[:, 0]):
        with pytest.raises(ValueError, match="y must have 2 columns"):
            model.partial_fit(X, faulty)
        with pytest.raises(ValueError, match="y must have shape"):
            model.score(X, faulty)
    assert model.n_iter_ == 2


def test_classes_of_partial_fit_make_columns_of_two_labels_outputs():
    model, X, y = data_of("multilabel")
    model.partial_fit(X, y, classes=[[0, 1]] * 3)
    assert [p.shape for p in model.predict_proba(X)] == [(len(X), 2)] * 3


def test_costs_of_classes_of_several_columns_multiply():
    model, X, y = data_of(SEVERAL)
    model.set_params(max_iter=40)
    costly = [{0: 3.0, 1: 0.0, 2: 0.0}, {15: 2.0}]
    some = y[:, 0] == 0
    alone = clone(model).set_params(class_weight=costly).fit(X, y)
    assert (alone.predict(X[~some])[:, 0] == 0).all()
    assert alone._costs(y).tolist() == (3.0 * some * (1 + (y[:, 1] == 15))).tolist()
    balanced = clone(model).set_params(class_weight="balanced").fit(X, y)
    counts = [(column[:, None] == column).sum(axis=1) for column in y.T]
    expected = len(y) ** 2 / (3 * counts[0] * 2 * counts[1])
    np.testing.assert_allclose(balanced._costs(y), expected)
    for refused in (costly[0], costly[:1], [*costly, {}]):
        with pytest.raises(ValueError, match="class_weight must be"):
            clone(model).set_params(class_weight=refused).fit(X, y)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1, "a"], r"y\[:, 1\] must hold labels of one kind"),
        ([0.5, 1.5], "Unknown label type: continuous"),
        ([None, "a"], "contains NaN, None or NA: "),
        ([np.nan, 1.0], "contains NaN"),
    ],
    ids=str,
)
def test_columns_of_objects_that_are_no_labels_are_refused(column, message):
    _, X, codes = data_of("binary")
    y = np.empty((len(X), 2), object)
    y[:, 0], y[:, 1] = codes, np.array(column, object)[codes]
    with pytest.raises(ValueError, match=message):
        small_classifier().fit(X, y)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_are_those_of_the_scores(kind, dtype):
    model, X, y = data_of(kind)
    X = X.astype(dtype)
    model.set_params(max_iter=60).fit(X, y)
    p, log_p, scores = outputs(model, X)[1:4]
    np.testing.assert_allclose(np.exp(log_p), p, rtol=2e-5)
    if kind == "multilabel":
        np.testing.assert_array_equal(model.predict(X), scores > 0)
    else:
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_array_equal(model.predict(X), p.argmax(axis=1))
    assert scores.shape == ((len(X),) if kind == "binary" else p.shape)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_away_rows_have_probabilities_inside_and_finite_logarithms(kind, dtype):
    model, X, y = data_of(kind)
    far = (1e6 * X).astype(dtype)
    model.fit(X, y)
    p = model.predict_proba(far)
    assert p.min() > 0 and p.max() < 1
    assert np.isfinite(model.predict_log_proba(far)).all()
    np.testing.assert_allclose(
        model.predict_log_proba(far), np.log(p), rtol=1e-5, atol=1e-6
    )


# Inputs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_have_the_dtype_of_x_whatever_is_computed_in(kind, dtype):
    model, X, y = data_of(kind)
    model.set_params(dtype=dtype).fit(X.astype(np.float32), y)
    assert all(coef.dtype == dtype for coef in model.coefs_)
    methods = {"regression": ["predict"], "multioutput": ["predict"]}.get(
        kind, ["predict_proba", "predict_log_proba", "decision_function"]
    )
    for method in methods:
        for given in (np.float32, np.float64):
            told = getattr(model, method)(X.astype(given))
            assert all(a.dtype == given for a in told)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "container",
    [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array],
)
def test_sparse_input_is_dense_input(kind, container):
    model, X, y = data_of(kind)
    X = np.where(np.abs(X) > 0.7, X, 0)
    model.set_params(dtype="float64", input_scaling=None, numeric_embedding=None)
    dense, thin = clone(model).fit(X, y), clone(model).fit(container(X), y)
    np.testing.assert_allclose(thin.loss_curve_, dense.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(thin.predict(X), dense.predict(X), rtol=1e-9)
    np.testing.assert_allclose(dense.predict(container(X)), dense.predict(X), rtol=1e-9)


def test_sparse_input_is_never_made_dense():
    """As a dense array of float32, X alone would take 3 GB."""
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(2_000), 8)
    columns = rng.integers(400_000, size=rows.size)
    values = rng.random(rows.size)
    X = sparse.csr_array((values, (rows, columns)), shape=(2_000, 400_000))
    y = np.arange(2_000) % 2
    model = FCNetClassifier((2,), max_iter=1, random_state=0).fit(X, y)
    assert model.predict(X).shape == (2_000,)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame,
        pytest.param(
            pl.DataFrame,
            marks=needs_new_scikit_learn("it does not see the names of polars"),
        ),
    ],
)
def test_data_frames_are_accepted_and_their_names_kept(frame):
    model, X, y = data_of("multiclass")
    names = [f"x{i}" for i in range(X.shape[1])]
    expected = model.fit(X, y).predict_proba(X)
    frame = frame(dict(zip(names, X.T, strict=True)))
    fitted = clone(model).fit(frame, y)
    np.testing.assert_array_equal(fitted.feature_names_in_, names)
    np.testing.assert_array_equal(fitted.predict_proba(frame), expected)
    fitted.fit(X, y)
    assert not hasattr(fitted, "feature_names_in_")


@pytest.mark.parametrize(
    "disguise",
    [
        np.asfortranarray,
        lambda X: X[::-1][::-1],
        lambda X: X.astype(">f8"),
        lambda X: X.astype(np.longdouble),
        lambda X: X.tolist(),
        lambda X: X.astype(object),
    ],
    ids=["fortran", "strides", "big-endian", "longdouble", "list", "object"],
)
def test_the_layout_of_x_makes_no_difference(disguise):
    model, X, y = data_of("regression")
    expected = model.fit(X, y).predict(X)
    np.testing.assert_array_equal(model.fit(disguise(X), y).predict(X), expected)
    np.testing.assert_array_equal(model.predict(disguise(X)), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_data_are_never_modified(kind):
    model, X, y = data_of(kind)
    weight = np.arange(len(X)) % 3.0
    before = copy.deepcopy((X, y, weight))
    model.fit(X, y, weight).predict(X)
    model.partial_fit(X, y, weight)
    for array, earlier in zip((X, y, weight), before, strict=True):
        np.testing.assert_array_equal(array, earlier)


# One row predicts like many


@pytest.mark.parametrize(
    ("dtype", "of_rows", "rtol"),
    [
        ("float32", np.float32, 1e-4),
        ("float32", np.float64, 1e-12),
        ("float64", np.float32, 1e-6),  # of the probabilities, rounded to float32
        ("float64", np.float64, 1e-12),
    ],
)
@pytest.mark.parametrize("hidden", [(3,), (20,), (100,), (64, 31)])
def test_a_row_is_predicted_alone_as_among_many(hidden, dtype, of_rows, rtol):
    X, y = load_digits(return_X_y=True)
    model = FCNetClassifier(hidden, dtype=dtype, max_iter=2, random_state=0).fit(X, y)
    X = X.astype(of_rows)
    together = model.predict_proba(X)
    for rows in (*map(slice, (1, 2, 5, 16, 17, 100, 1000)), slice(101, 102)):
        alone = model.predict_proba(X[rows])
        np.testing.assert_allclose(alone, together[rows], rtol=rtol)


# Weights are repetition counts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch_size", [7, 32, 200])
@pytest.mark.parametrize("changes", [{}, {"normalization": "batch"}, {"dropout": 0.3}])
def test_weighted_is_repeated_to_the_last_bit(kind, batch_size, changes):
    model, X, y = data_of(kind, n=200)
    model.set_params(batch_size=batch_size, **changes)
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 5, size=len(X))
    order = rng.permutation(len(X))
    weighted = clone(model).fit(X[order], y[order], weight[order])
    repeated = clone(model).fit(X.repeat(weight, axis=0), y.repeat(weight, axis=0))
    assert_identical(weighted, repeated, X)
    assert weighted.t_ == repeated.t_ == weight.sum() * weighted.n_iter_


@pytest.mark.parametrize("kind", KINDS)
def test_training_does_not_depend_on_the_order_of_the_rows(kind):
    model, X, y = data_of(kind)
    order = np.random.default_rng(1).permutation(len(X))
    assert_identical(clone(model).fit(X, y), clone(model).fit(X[order], y[order]), X)


def test_fractional_weights_do_not_make_the_order_of_the_rows_matter():
    model, X, y = data_of("regression", n=60)
    model.set_params(alpha=100.0, dtype="float64")
    rng = np.random.default_rng(1)
    weight = rng.uniform(0.5, 3, size=len(X))
    expected = clone(model).fit(X, y, weight)
    for _ in range(10):
        order = rng.permutation(len(X))
        other = clone(model).fit(X[order], y[order], weight[order])
        assert_identical(other, expected, X)


def test_without_shuffling_the_order_of_the_rows_is_kept():
    model, X, y = data_of("regression")
    model.set_params(shuffle=False, batch_size=10)
    ahead, back = clone(model).fit(X, y), clone(model).fit(X[::-1], y[::-1])
    assert ahead.loss_curve_ != back.loss_curve_


def test_unit_weights_are_no_weights():
    model, X, y = data_of("multiclass")
    plain = clone(model).fit(X, y)
    for weight in (np.ones(len(X)), 1, [1] * len(X), np.full(len(X), 1e-300)):
        assert_identical(plain, clone(model).fit(X, y, weight), X)


# Continuation


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_partial_fit_with_saving_between_is_fit(kind, solver):
    model, X, y = data_of(kind)
    model.set_params(solver=solver, max_iter=4, dropout=0.2, normalization="batch")
    whole = clone(model).fit(X, y)
    classes = {"classes": np.unique(y)} if kind in ("binary", "multiclass") else {}
    if kind == SEVERAL:
        classes = {"classes": [np.unique(column) for column in y.T]}
    stepwise = clone(model).partial_fit(X, y, **classes)
    for _ in range(3):
        stepwise = pickle.loads(pickle.dumps(stepwise)).partial_fit(X, y)
    assert_identical(stepwise, whole, X)
    assert stepwise.n_iter_ == 4
    assert stepwise.t_ == whole.t_


def test_partial_fit_continues_in_another_process(tmp_path):
    model, X, y = data_of("regression")
    model.set_params(dropout=0.2)
    model.partial_fit(X, y)
    joblib.dump((model, X, y), tmp_path / "model.joblib")
    script = (
        "import joblib, sys\n"
        "model, X, y = joblib.load(sys.argv[1])\n"
        "joblib.dump(model.partial_fit(X, y), sys.argv[1])\n"
    )
    path = str(tmp_path / "model.joblib")
    subprocess.run([sys.executable, "-c", script, path], check=True)
    assert_identical(joblib.load(path), model.partial_fit(X, y), X)


def test_partial_fit_goes_on_from_fit():
    model, X, y = data_of("multiclass")
    model.fit(X, y)
    before = model.loss_
    for _ in range(20):
        model.partial_fit(X, y)
    assert model.n_iter_ == 25
    assert model.loss_ < before


def test_another_solver_takes_over_in_partial_fit():
    model, X, y = data_of("regression")
    model.partial_fit(X, y)
    model.set_params(solver="sgd").partial_fit(X, y)
    assert model.n_iter_ == 2


def test_partial_fit_needs_all_classes_at_first_and_the_same_ones_later():
    model, X, y = data_of("multiclass")
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    model.partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    assert model.predict_proba(X).shape == (len(X), 3)
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"labels \[3\] that are not in classes_"):
        model.partial_fit(X, y + 1)
    assert model.n_iter_ == 1


def test_partial_fit_refuses_another_architecture():
    model, X, y = data_of("regression")
    model.partial_fit(X, y).set_params(hidden_layer_sizes=(3,))
    with pytest.raises(ValueError, match="shape the network were changed"):
        model.partial_fit(X, y)


# Reproducibility


@pytest.mark.parametrize("kind", KINDS)
def test_an_integer_seed_makes_fits_identical_and_leaves_the_global_state(kind):
    model, X, y = data_of(kind)
    model.set_params(dropout=0.2)
    np.random.seed(1)
    state = np.random.get_state()[1].copy()
    first = clone(model).fit(X, y)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    np.random.seed(2)
    assert_identical(first, clone(model).fit(X, y), X)


def test_without_a_seed_the_global_state_decides():
    model, X, y = data_of("regression")
    model.set_params(random_state=None)
    fits = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        fits.append(clone(model).fit(X, y).predict(X))
    np.testing.assert_array_equal(fits[0], fits[1])
    assert (fits[0] != fits[2]).any()


def test_a_random_state_instance_advances_from_fit_to_fit():
    model, X, y = data_of("regression")
    model.set_params(random_state=np.random.RandomState(0))
    assert (model.fit(X, y).predict(X) != model.fit(X, y).predict(X)).any()


# Persistence


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_saved_models_predict_the_same_and_can_go_on(kind, mmap_mode, tmp_path):
    model, X, y = data_of(kind)
    model.set_params(normalization="batch").fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib", mmap_mode=mmap_mode)
    assert_identical(loaded, model, X)
    assert_identical(loaded.partial_fit(X, y), model.partial_fit(X, y), X)


def test_training_a_copy_leaves_the_original_alone():
    model, X, y = data_of("regression")
    model.set_params(normalization="batch").partial_fit(X, y)
    before = copy.deepcopy(model)
    copy.copy(model).partial_fit(X, y)
    assert_identical(model, before, X)


def test_a_fitted_model_is_about_as_large_as_its_weights():
    X, y = load_digits(return_X_y=True)
    model = FCNetClassifier((500,), max_iter=2).fit(X, y)
    weights = sum(a.nbytes for a in model.coefs_ + model.intercepts_)
    assert len(pickle.dumps(model)) < 1.1 * weights


@pytest.mark.data
def test_grid_search_over_mnist_with_two_workers_survives_saving(mnist, tmp_path):
    X, y = mnist.X_train[:2000], mnist.y_train[:2000]
    search = GridSearchCV(
        make_pipeline(StandardScaler(), FCNetClassifier((20,), max_iter=20)),
        {"fcnetclassifier__alpha": [1e-4, 1.0], "fcnetclassifier__random_state": [0]},
        n_jobs=2,
        cv=2,
    )
    with joblib.parallel_backend("loky"):
        search.fit(X, y)
    assert search.best_score_ > 0.8
    joblib.dump((search, mnist.X_test), tmp_path / "search.joblib")
    script = (
        "import joblib, sys, numpy as np\n"
        "search, X = joblib.load(sys.argv[1])\n"
        "np.save(sys.argv[2], search.predict_proba(X))\n"
    )
    paths = [str(tmp_path / "search.joblib"), str(tmp_path / "p.npy")]
    subprocess.run([sys.executable, "-c", script, *paths], check=True)
    np.testing.assert_array_equal(np.load(paths[1]), search.predict_proba(mnist.X_test))


# Stopping


def test_training_stops_after_exactly_n_iter_no_change_epochs_without_improvement():
    X, y = np.zeros((20, 1)), np.zeros(20)
    model = small_regressor(n_iter_no_change=3, tol=1.0, max_iter=50)
    assert model.fit(X, y).n_iter_ == 4  # the first improves on nothing at all


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "coslog4"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_schedule_that_has_an_end_is_followed_to_it(schedule, early_stopping):
    _, X, y = data_of("regression")
    model = small_regressor(learning_rate=schedule, batch_size=4)
    model.set_params(n_iter_no_change=1, tol=1e9, early_stopping=early_stopping)
    assert model.fit(X, y).n_iter_ == 5
    assert model.history_["learning_rate"][-1] < 0.01 * model.learning_rate_init


def test_the_defaults_never_warn_that_training_has_not_converged():
    _, X, y = data_of("regression")
    fit_with_warnings_as_errors(FCNetRegressor(max_iter=2), X, y)


@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
def test_running_out_of_epochs_is_a_warning_after_the_fit_is_kept():
    model, X, y = data_of("regression")
    with pytest.warns(ConvergenceWarning, match="after 5 epochs. Raise max_iter"):
        model.fit(X, y)
    model = clone(model)
    with pytest.raises(ConvergenceWarning):
        fit_with_warnings_as_errors(model, X, y)
    assert model.n_iter_ == 5


def fit_with_warnings_as_errors(model, X, y):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)


def printed(capsys, model, X, y, **arguments):
    model.fit(X, y, **arguments)
    return capsys.readouterr().out.splitlines()


def test_verbose_prints_a_line_an_epoch_and_how_it_ended(capsys):
    model, X, y = data_of("regression")
    model.set_params(max_iter=12, learning_rate="constant", verbose=True)
    *lines, last = printed(capsys, model, X, y)
    assert len(lines) == model.n_iter_ == 12
    assert len({len(line) for line in lines}) == 1  # aligned
    assert lines[8].startswith(f"Epoch  9/12  loss {model.loss_curve_[8]:12.6f}  learn")
    assert last == "Trained to the end, epoch 12 of 12."
    *lines, last = printed(capsys, model.set_params(verbose=5), X, y)
    assert [line.split("  loss")[0] for line in lines] == ["Epoch  5/12", "Epoch 10/12"]
    assert last == "Trained to the end, epoch 12 of 12."
    assert not printed(capsys, model.set_params(verbose=0), X, y)


@pytest.mark.parametrize(
    ("kind", "changes", "name"),
    [
        ("binary", {}, "accuracy"),
        ("regression", {}, "R^2"),
        ("regression", {"loss": "huber"}, "loss"),
        ("binary", {"scoring": "neg_log_loss"}, "neg_log_loss"),
        ("multiclass", {"scoring": "loss"}, "loss"),
    ],
)
def test_verbose_names_the_score_and_the_epoch_that_is_kept(
    capsys, kind, changes, name
):
    model, X, y = data_of(kind)
    model.set_params(
        max_iter=50,
        learning_rate="constant",
        learning_rate_init=0.1,
        n_iter_no_change=3,
        early_stopping=True,
        verbose=True,
        **changes,
    )
    *lines, last = printed(capsys, model, X, y)
    best = model.best_iteration_
    scores = (
        model.validation_loss_curve_ if name == "loss" else model.validation_scores_
    )
    assert f"validation {name} {scores[0]:12.6f}" in lines[0]
    assert last == (
        f"Stopped after epoch {model.n_iter_} of 50: there was no improvement by "
        f"tol=0.0001 for n_iter_no_change=3 epochs. Epoch {best} is kept: validation "
        f"{name} {scores[best - 1]:.6f}."
    )


def test_verbose_calls_what_lbfgs_does_iterations(capsys):
    model, X, y = data_of("regression")
    model.set_params(solver="lbfgs", max_iter=3, verbose=True)
    *lines, last = printed(capsys, model, X, y)
    assert lines[0].startswith("Iteration 1/3  loss ")
    assert "learning rate" not in lines[0]
    assert last == "Trained to the end, iteration 3 of 3."
    model.set_params(max_iter=500, hidden_layer_sizes=())
    *_, last = printed(capsys, model, X, y)
    assert f"Stopped after iteration {model.n_iter_} of 500: no element of" in last


def test_verbose_prints_the_epochs_of_partial_fit(capsys):
    model, X, y = data_of("regression")
    model.set_params(verbose=True).partial_fit(X, y).partial_fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  loss")[0] for line in lines] == ["Epoch    1", "Epoch    2"]


# Divergence


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("rate", [1e5, 1e8, 1e13])
@pytest.mark.parametrize("changes", [{}, {"early_stopping": True}, {"n_members": 2}])
def test_a_last_step_that_explodes_leaves_the_earlier_model(method, rate, changes):
    X = np.random.default_rng(0).normal(size=(100, 3))
    y = X[:, 0]
    model = FCNetRegressor(hidden_layer_sizes=(8, 8), max_iter=1, random_state=0)
    model.set_params(solver="sgd", learning_rate="constant").fit(X, y)
    earlier = copy.deepcopy(model)
    model.set_params(learning_rate_init=rate, **changes)
    if method == "partial_fit" and changes.get("n_members"):
        return  # it would be another architecture
    with pytest.raises(DivergenceError, match=r"diverged: the .* loss") as raised:
        getattr(model, method)(X, y)
    assert "Lower learning_rate_init=" in str(raised.value)
    assert_identical(model, earlier, X)


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate_init": 10.0},
        {"learning_rate_init": 30.0, "normalization": "batch"},
        {"learning_rate_init": 1.0, "solver": "sgd", "learning_rate": "constant"},
    ],
    ids=str,
)
def test_an_epoch_that_explodes_after_the_first_leaves_no_model(settings):
    X = np.random.default_rng(0).normal(size=(200, 3))
    model = FCNetRegressor(hidden_layer_sizes=(8, 8), max_iter=2, random_state=0)
    with pytest.raises(DivergenceError, match="where the first epoch had"):
        model.set_params(**settings).fit(X, X[:, 0])
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize("rate", [1e3, 1e4])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("max_iter", [2, 4])
def test_what_is_kept_of_a_normalised_network_can_predict(
    rate, normalization, max_iter
):
    X = np.random.default_rng(0).normal(size=(200, 3))
    model = FCNetRegressor(max_iter=max_iter, learning_rate_init=rate, random_state=0)
    with suppress(DivergenceError):
        model.set_params(normalization=normalization).fit(X, X[:, 0])
        assert np.isfinite(model.predict(X)).all()


def test_a_penalty_that_overflows_is_a_divergence():
    X = np.random.default_rng(0).normal(size=(20, 2))
    model = FCNetRegressor(hidden_layer_sizes=(3,), alpha=1e6, max_iter=5)
    model.set_params(solver="sgd", learning_rate_init=1e4, batch_size=2)
    with pytest.raises(DivergenceError):
        model.fit(X, X[:, 0])


def test_outliers_and_statistics_that_have_not_settled_are_no_divergence():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3000, 3)) * 1e3 + 1e5, rng.standard_cauchy(3000)
    y[0] = 1e9
    for changes in (
        {"normalization": "batch", "input_scaling": None, "numeric_embedding": None},
        {"scale_target": False, "loss": "huber"},
        {"dropout": 0.9},
    ):
        model = FCNetRegressor(hidden_layer_sizes=(8,), random_state=0, max_iter=1)
        model.set_params(**changes).partial_fit(X[:100], y[:100]).partial_fit(X, y)
        model.fit(X, y)


@pytest.mark.parametrize(
    ("changes", "advised"),
    [
        ({}, r"Lower learning_rate_init=1e\+30, or set max_grad_norm, such as to 1.0."),
        ({"max_grad_norm": 1e30}, r"Lower learning_rate_init=1e\+30\.$"),
        (
            {"input_scaling": None, "numeric_embedding": None},
            "or scale X, which input_",
        ),
        ({"scale_target": False}, "or set scale_target=True"),
        (
            {"solver": "adamw", "weight_decay": 1e6},
            r"Lower weight_decay=1000000\.0, or",
        ),
        ({"alpha": 1e30}, r"Lower alpha=1e\+30, or lower learning_rate_init"),
        ({"solver": "lbfgs", "alpha": 1e300}, r"Lower alpha=1e\+300\.$"),
    ],
)
def test_advice_on_divergence_is_by_the_settings_in_force(changes, advised):
    X = np.random.default_rng(0).normal(size=(500, 3))
    model = FCNetRegressor(hidden_layer_sizes=(8,), activation="identity", solver="sgd")
    if changes.get("solver") != "lbfgs":
        model.set_params(learning_rate_init=1e30)
    model.set_params(**changes)
    with pytest.raises(DivergenceError, match=advised) as raised:
        model.fit(X, X[:, 0])
    if "scale_target" not in changes:
        assert "tandardise" not in str(raised.value)
        assert "scale_target" not in str(raised.value)
    copied = pickle.loads(pickle.dumps(raised.value))
    assert str(copied) == str(raised.value)


def test_a_number_that_vanishes_in_the_dtype_is_refused():
    model, X, y = data_of("regression")
    with pytest.raises(ValueError, match=r"'epsilon' parameter .* vanish in"):
        model.set_params(solver="adam", epsilon=1e-300).fit(X, y)
    model.set_params(dtype="float64").fit(X, y)


@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_nothing_leaks_where_numpy_would_raise(solver, kind):
    model, X, y = data_of(kind)
    model.set_params(solver=solver, normalization="batch")
    X = np.column_stack([X, 1e-200 * X[:, 0], 1e300 * X[:, 0], np.full(len(X), 1e-310)])
    with np.errstate(all="raise"):
        model.fit(X, y, X_val=None).predict(X)
        model.set_params(early_stopping=True).fit(X, y)
        if solver != "lbfgs":
            model.partial_fit(X, y).predict(X)


def test_numbers_too_large_for_single_precision_are_refused_without_a_warning():
    model, _, _ = data_of("regression")
    X = np.array([[1e300], [-1e300]])
    plain(model)
    for rows in (X, sparse.csr_array(X)):
        with pytest.raises(ValueError, match="too large"):
            model.fit(rows, [0.0, 1.0])
    with pytest.raises(DivergenceError):
        model.fit(np.array([[3e38], [-3e38]], np.float32), [0.0, 1.0])


@pytest.mark.parametrize("alpha", [0.1, 10.0, 1000.0])
def test_alpha_of_lbfgs_is_that_of_scikit_learn(alpha):
    X, y = load_diabetes(return_X_y=True)
    X = scale(X)
    model = plain(FCNetRegressor(hidden_layer_sizes=(), alpha=alpha))
    model.set_params(solver="lbfgs", learning_rate="one_cycle", max_iter=500, tol=1e-9)
    ridge = Ridge(alpha=alpha).fit(X, y)
    np.testing.assert_allclose(model.fit(X, y).predict(X), ridge.predict(X), rtol=1e-4)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_ctrl_c_keeps_the_best_completed_epoch_and_goes_on(method, monkeypatch):
    model, X, y = data_of("regression")
    steps = Solver._step
    calls = []

    def interrupted(self, *minibatch):
        calls.append(minibatch)
        if len(calls) == 7:  # in the middle of the third epoch
            raise KeyboardInterrupt
        return steps(self, *minibatch)

    model.set_params(batch_size=40, max_iter=50)
    expected = clone(model).set_params(max_iter=2).fit(X, y)
    monkeypatch.setattr(Solver, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        for _ in range(50 if method == "partial_fit" else 1):
            getattr(model, method)(X, y)
    assert model.n_iter_ == 2
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_ctrl_c_in_the_first_epoch_leaves_the_earlier_model(monkeypatch):
    model, X, y = data_of("regression")
    earlier = copy.deepcopy(model.fit(X, y))

    def interrupted(self, *minibatch):
        raise KeyboardInterrupt

    monkeypatch.setattr(Solver, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X + 1, y)
    assert_identical(model, earlier, X)
    with pytest.raises(KeyboardInterrupt):
        clone(model).fit(X, y)


class InterruptAtLine:
    """Raises KeyboardInterrupt at one of the lines of the estimators that run."""

    def __init__(self, number):
        self.left = number

    def trace(self, frame, event, argument):
        if Path(frame.f_code.co_filename).parent.name != "_estimators":
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self.trace

    def __enter__(self):
        self.tracer = sys.gettrace()
        sys.settrace(self.trace)
        return self

    def __exit__(self, *exception):
        sys.settrace(self.tracer)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_wherever_ctrl_c_falls_the_attributes_fit_each_other(solver, early_stopping):
    model, X, y = data_of("regression")
    model.set_params(solver=solver, early_stopping=early_stopping, scoring="loss")
    by_epochs = [
        clone(model).set_params(max_iter=n, early_stopping=False).fit(X, y)
        for n in range(1, 6)
    ]
    finished, n_kept = False, set()
    for line in range(1, 2000, 17):
        interrupted = clone(model)
        try:
            with InterruptAtLine(line) as interruption:
                interrupted.fit(X, y)
        except KeyboardInterrupt:
            pass
        if interruption.left > 0:
            finished = True
            break
        if not hasattr(interrupted, "n_iter_"):
            continue
        n_epochs, best = interrupted.n_iter_, interrupted.best_iteration_
        n_kept.add(n_epochs)
        assert {len(column) for column in interrupted.history_.values()} == {n_epochs}
        assert interrupted.t_ % n_epochs == 0
        assert 1 <= best <= n_epochs
        assert "_best_vector" not in vars(interrupted)
        if not early_stopping:
            assert interrupted.loss_ in interrupted.loss_curve_
            predictions = interrupted.predict(X)
            assert any(
                np.array_equal(predictions, by_epochs[n - 1].predict(X))
                for n in {best, n_epochs}
            )
    assert finished
    assert n_kept >= {1, 2, 3, 4}


# Bad input


def bad_fits():
    """Return how to make a fit fail, and what the error must say."""
    _, X, y = data_of("regression")
    labels = (y > 0).astype(int)
    nan, infinite, huge = X.copy(), X.copy(), X.copy()
    nan[3, 2], infinite[3, 2], huge[3, 2] = np.nan, np.inf, 1e300
    missing = np.where(labels, "a", "b").astype(object)
    missing[0] = None
    ragged = [[1.0, 2.0], [3.0]]
    dates = np.zeros((len(X), 1), "datetime64[s]")
    weight = np.ones(len(X))
    return {
        "NaN in sparse X": (
            {}, sparse.csr_array(nan), labels, None, "X contains NaN"
        ),
        "infinity in X": ({}, infinite, labels, None, "X contains infinity"),
        "values too large": ({}, huge, labels, None, "X contains.*too large"),
        "NaN in y": ({}, X, np.where(labels, 1.0, np.nan), None, "y contains NaN"),
        "None among labels": ({}, X, missing, None, "y contains .*: 1 of its 120"),
        "mixed labels": (
            {}, X, np.array([1, "a"] * 60, object), None,
            "y must hold labels of one kind|y has labels",
        ),
        "continuous labels": ({}, X, y, None, "Unknown label type: continuous"),
        "y missing": ({}, X, None, None, "y cannot be None|requires y"),
        "lengths": ({}, X, labels[1:], None, "inconsistent numbers of samples"),
        "three dimensions": ({}, X[:, :, None], labels, None, "dim 3"),
        "ragged rows": ({}, ragged, [0, 1], None, "inhomogeneous"),
        "complex": ({}, X + 1j, labels, None, "Complex data not supported"),
        "dates": ({}, dates, labels, None, "dates"),
        "masked": ({}, np.ma.masked_array(X), labels, None, "masked"),
        "no rows": ({}, X[:0], labels[:0], None, "0 sample"),
        "negative weight": ({}, X, labels, weight - 2, "sample_weight"),
        "zero weights": ({}, X, labels, 0 * weight, "sample_weight.*zero"),
        "NaN weight": ({}, X, labels, np.nan * weight, "sample_weight contains NaN"),
        "weight lengths": ({}, X, labels, weight[1:], "sample_weight"),
        "weight shape": ({}, X, labels, weight[:, None], "sample_weight"),
        "hidden zero": (
            {"hidden_layer_sizes": (3, 0)}, X, labels, None, "'hidden_layer_sizes'"
        ),
        "hidden float": (
            {"hidden_layer_sizes": (3.5,)}, X, labels, None, "'hidden_layer_sizes'"
        ),
        "solver": ({"solver": "newton"}, X, labels, None, "'solver'"),
        "normalization name": (
            {"normalization": "batchnorm"}, X, labels, None, "'normalization'"
        ),
        "normalization flag": (
            {"normalization": True}, X, labels, None, "'normalization'"
        ),
        "single-row batches": (
            {"normalization": "batch", "batch_size": 1}, X, labels, None, "batch_size"
        ),
        "divergence": (
            {"learning_rate_init": 1e30, "solver": "sgd", "activation": "identity"},
            X, labels, None, "diverged.*epoch.*learning rate",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("fault", bad_fits())
def test_a_failed_fit_says_why_and_leaves_the_earlier_model(fault):
    changes, X_bad, y_bad, weight, message = bad_fits()[fault]
    model, X, y = data_of("binary")
    plain(model)  # scaled, no numbers are too large
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model.fit(frame, y)
    earlier = copy.deepcopy(model)
    model.set_params(**changes)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(X_bad, y_bad, weight)
    assert vars(model).keys() == vars(earlier).keys()
    assert_identical(model, earlier, frame)
    with pytest.raises((ValueError, TypeError), match=message):
        fresh = clone(model)
        fresh.fit(X_bad, y_bad, weight)
    assert not [name for name in vars(fresh) if name.endswith("_")]


@pytest.mark.parametrize("fault", bad_fits())
def test_a_failed_partial_fit_leaves_the_model_and_its_random_numbers(fault):
    changes, X_bad, y_bad, weight, message = bad_fits()[fault]
    if changes.keys() & {"hidden_layer_sizes", "activation", "normalization"}:
        message = None  # refused as a change of the architecture, too
    model, X, y = data_of("binary")
    plain(model).partial_fit(X, y, classes=[0, 1])
    earlier, parameters = copy.deepcopy(model), model.get_params()
    with pytest.raises((ValueError, TypeError), match=message):
        model.set_params(**changes).partial_fit(X_bad, y_bad, weight)
    model.set_params(**parameters)
    assert_identical(model.partial_fit(X, y), earlier.partial_fit(X, y), X)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "b"] * 60, "y holds the text 'a', .* must be numbers"),
        (np.zeros(120, "datetime64[s]"), "y has dates"),
        ([datetime.date(2024, 1, 1)] * 120, "y holds the date .* must be numbers"),
        (pd.array([1, None] * 60, dtype="Int64"), "y contains .*: 60 of its 120"),
        (np.array([1.0, pd.NA] * 60, object), "y contains .*: 60 of its 120"),
        ([10**400] * 120, "y holds the int 1000.* must be numbers"),
    ],
    ids=["words", "dates", "objects of dates", "nullable", "NA", "too large"],
)
def test_a_regressor_refuses_targets_that_are_no_numbers(y, message):
    model, X, _ = data_of("regression")
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(X, y)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
@pytest.mark.parametrize("label", ["a", 1, 1.0])
@pytest.mark.parametrize("make", [list, partial(np.array, dtype=object), pd.Series])
def test_missing_labels_are_counted(missing, label, make):
    model, X, _ = data_of("binary")
    y = make([label, missing, missing] * 40)
    with pytest.raises(ValueError, match="y contains NaN, None or NA: 80 of its 120"):
        model.fit(X, y)
    with pytest.raises(ValueError, match=r"y_val, .*y contains .*: 80 of its 120"):
        model.set_params(early_stopping=True).fit(
            X, [label, "b" if label == "a" else 2] * 60, X_val=X, y_val=y
        )


def test_missing_dates_among_labels_are_counted():
    model, X, _ = data_of("binary")
    with pytest.raises(ValueError, match="y contains NaN, None or NA: 40 of its 120"):
        model.fit(X, np.array(["2024-01-01", "2024-01-02", "NaT"] * 40, "M8[D]"))


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        ([1, 2], "int"),
        ([1.0, 2.0], "float"),
        ([True, False], "bool"),
        ([datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)], "str"),
    ],
    ids=str,
)
def test_objects_that_may_be_labels_come_with_advice_that_works(labels, dtype):
    model, X, _ = data_of("binary")
    y = np.array(labels * 60, dtype=object)
    with pytest.raises(ValueError, match=rf"y is an array .* y\.astype\({dtype}\)"):
        model.fit(X, y)
    model.fit(X, y.astype(dtype))


def test_classes_may_be_a_set():
    model, X, y = data_of("multiclass")
    expected = clone(model).partial_fit(X, y, classes=np.unique(y))
    model.partial_fit(X, y, classes=set(y.tolist()))
    assert_identical(model.partial_fit(X, y), expected.partial_fit(X, y), X)
    model.partial_fit(X, y, classes=set(y.tolist()))


@pytest.mark.parametrize("y", [[[7, 5], [5, 7]], [[1, -1], [-1, 1]], [[2, 0], [0, 2]]])
def test_multilabel_targets_hold_only_zeros_and_ones(y):
    model, X, _ = data_of("multilabel")
    with pytest.raises(ValueError, match="zeros and ones"):
        model.fit(X, y * 60)


def test_partial_fit_refuses_multilabel_targets_of_several_classes():
    model, X, y = data_of("multilabel")
    earlier = copy.deepcopy(model.fit(X, y))
    with pytest.raises(ValueError, match="zeros and ones"):
        model.partial_fit(X, y * 3)
    assert_identical(model, earlier, X)


@pytest.mark.parametrize("dtype", [pl.Date, pl.Datetime, pl.Duration])
def test_dates_in_polars_frames_are_refused(dtype):
    frame = pl.DataFrame({"a": pl.Series([1, 2, 3]).cast(pl.Int32).cast(pl.Int64)})
    with pytest.raises(TypeError, match="X has dates"):
        small_regressor().fit(frame.select(pl.col("a").cast(dtype)), [1.0, 2.0, 3.0])


@pytest.mark.parametrize("sizes", [np.array(5), np.array([5, 3]), [np.int64(5)], 5])
def test_hidden_layer_sizes_may_be_any_integers(sizes):
    model, X, y = data_of("regression")
    model.set_params(hidden_layer_sizes=sizes).fit(X, y)
    assert model.coefs_[0].shape[1] == 5


@pytest.mark.parametrize("sizes", [{5: 1}, {5, 6}, "5", [[5]], [None]])
def test_hidden_layer_sizes_may_be_nothing_else(sizes):
    model, X, y = data_of("regression")
    with pytest.raises(ValueError, match="'hidden_layer_sizes'"):
        model.set_params(hidden_layer_sizes=sizes).fit(X, y)


def test_a_column_of_targets_is_a_row_of_them_with_a_warning():
    model, X, y = data_of("regression")
    expected = model.fit(X, y).predict(X)
    with pytest.warns(DataConversionWarning, match="column-vector y") as warned:
        model.fit(X, y[:, np.newaxis])
    assert warned[0].filename == __file__
    np.testing.assert_array_equal(model.predict(X), expected)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 1e300])
def test_prediction_refuses_what_it_cannot_compute_with(bad):
    model, X, y = data_of("regression")
    plain(model).fit(X, y)  # clipped, no finite numbers are too large
    X[0, 0] = bad
    with pytest.raises(ValueError, match="X contains"):
        model.predict(X)


def test_floating_point_errors_of_the_caller_do_not_matter():
    model, X, y = data_of("multiclass")
    expected = clone(model).fit(X, y)
    with np.errstate(all="raise"):
        assert_identical(clone(model).fit(X, y), expected, 1e3 * X)


def test_generators_are_refused_as_scikit_learn_does():
    with pytest.raises(ValueError, match="random_state"):
        FCNetRegressor(random_state=np.random.default_rng()).fit([[0.0], [1.0]], [0, 1])


# Real data


@pytest.mark.data
def test_the_reference_recipe_through_solver_and_classifier_on_mnist(mnist):
    from skfcnet.network import FullyConnectedNet

    net = FullyConnectedNet("classification", [20], [True], reg=1e-4, random_state=0)
    solver = Solver(net, mnist, num_epochs=10, verbose=False, random_state=0)
    solver.train()
    assert solver.best_val_acc >= 0.95
    model = FCNetClassifier(
        (20,),
        solver="sgd",
        nesterovs_momentum=False,
        learning_rate_init=1e-2,
        alpha=1e-4 * 200,
        batch_size=100,
        normalization="batch",
        max_iter=10,
        random_state=0,
    ).fit(mnist.X_train, mnist.y_train)
    assert abs(model.score(mnist.X_val, mnist.y_val) - solver.best_val_acc) <= 0.005


@pytest.mark.data
def test_mnist_is_learned_by_the_defaults(mnist):
    model = FCNetClassifier(random_state=0).fit(mnist.X_train, mnist.y_train)
    assert model.score(mnist.X_test, mnist.y_test) >= 0.982


@pytest.mark.data
def test_california_housing_is_learned_by_the_defaults(california_raw):
    data, errors = california_raw, []
    for seed in range(3):
        model = FCNetRegressor(random_state=seed).fit(data.X_train, data.y_train)
        residuals = model.predict(data.X_test) - data.y_test
        errors.append(np.sqrt(np.mean(residuals**2)))
    assert np.mean(errors) <= 0.46
