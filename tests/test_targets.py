"""Targets of every kind: labels, several columns of them, and probabilities."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from scaffolding import (
    SEVERAL,
    any_solver,
    data_of,
    needs_new_scikit_learn,
    predictions,
    short_fits,
    small_classifier,
    small_regressor,
)
from skfcnet import FCNetClassifier

pytestmark = [short_fits, any_solver]


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
    model = small_classifier(hidden_layer_sizes=(16,), max_iter=60, n_iter_no_change=30)
    if early_stopping:
        model.set_params(early_stopping=True, scoring=None)
    model.fit(X, y)
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
    models = [
        FCNetClassifier(random_state=seed).fit(X_train, y_train) for seed in range(3)
    ]
    assert np.mean([model.score(X_test, y_test) for model in models]) > 0.97
    model = models[0]
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
        with pytest.raises(
            ValueError, match="differ from the classes of the first call"
        ):
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


def test_sparse_labels_are_learned_and_scored_as_dense_ones_are():
    model, X, y = data_of("multilabel")
    expected = clone(model).fit(X, y)
    model.fit(X, csr_array(y))
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    assert model.score(X, csr_array(y)) == expected.score(X, y)


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
    assert (
        alone._target.costs(y).tolist() == (3.0 * some * (1 + (y[:, 1] == 15))).tolist()
    )
    balanced = clone(model).set_params(class_weight="balanced").fit(X, y)
    counts = [(column[:, None] == column).sum(axis=1) for column in y.T]
    expected = len(y) ** 2 / (3 * counts[0] * 2 * counts[1])
    np.testing.assert_allclose(balanced._target.costs(y), expected)
    for refused in (costly[0], costly[:1], [*costly, {}]):
        with pytest.raises(ValueError, match="class_weight must be"):
            clone(model).set_params(class_weight=refused).fit(X, y)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1, "a"], r"y\[:, 1\] must contain labels of one kind"),
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
    p, log_p, scores = predictions(model, X)[1:]
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


def test_fit_refuses_counts_that_are_all_zero_but_a_part_of_a_stream_may_be():
    X = np.random.default_rng(0).normal(size=(30, 2))
    y = np.zeros(30)
    model = small_regressor(loss="poisson")
    with pytest.raises(ValueError, match="loss='poisson' requires y with a positive"):
        model.fit(X, y)
    assert not hasattr(model, "n_iter_")
    y[3] = 2.0
    with pytest.raises(ValueError, match="requires y with a positive sum"):
        model.fit(X, y, sample_weight=(y == 0).astype(float))
    assert np.isfinite(model.fit(X, y).loss_)
    assert np.isfinite(clone(model).partial_fit(X, np.zeros(30)).loss_)
