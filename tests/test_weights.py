"""Sample weights are repetition counts, and class weights costs, whatever else."""

import re

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, r2_score

from scaffolding import (
    KINDS,
    any_solver,
    assert_alike,
    assert_same,
    data_of,
    old_logistic_regression,
    short_fits,
    weighted_data_of,
)

pytestmark = [short_fits, any_solver]

CLASSIFICATION = KINDS[:3]


def free_of_the_total(model):
    """Return settings by which the scale of the weights does not matter."""
    smoothing = {"label_smoothing": 0.0} if is_classifier(model) else {}
    return {"numeric_embedding": None} | smoothing


FOR_ALL = [
    {},
    {"dropout": 0.3},
    {"normalization": "batch"},
    {"early_stopping": True, "validation_fraction": 0.3},
    {"early_stopping": True, "normalization": "batch", "scoring": "loss"},
    {"learning_rate": "constant", "solver": "adam", "numeric_embedding": None},
    {"learning_rate": "one_cycle", "dropout": 0.2, "solver": "rmsprop"},
    {"n_members": 3, "normalization": "batch", "early_stopping": True, "dropout": 0.2},
    {"linear_term": True},
    {"linear_term": True, "n_members": 3, "early_stopping": True},
]
FOR_CLASSES = [
    {"class_weight": "balanced"},
    {"class_weight": "balanced", "early_stopping": True},
]


@pytest.mark.parametrize("batch_size", [7, 32, 200])
@pytest.mark.parametrize(
    ("kind", "changes"),
    [(kind, changes) for kind in KINDS for changes in FOR_ALL]
    + [(kind, changes) for kind in CLASSIFICATION for changes in FOR_CLASSES],
    ids=lambda value: value if isinstance(value, str) else "-".join(value) or "plain",
)
def test_weighted_is_repeated_in_any_order(kind, batch_size, changes):
    model, X, y, weight = weighted_data_of(kind)
    model.set_params(batch_size=batch_size, **changes)
    order = np.random.default_rng(1).permutation(len(X))
    weighted = clone(model).fit(X[order], y[order], weight[order])
    rows = np.random.default_rng(2).permutation(np.arange(len(X)).repeat(weight))
    repeated = clone(model).fit(X[rows], y[rows])
    assert_same(weighted, repeated, X)
    if not model.early_stopping:
        assert weighted.t_ == repeated.t_ == weight.sum() * weighted.n_iter_
    unweighted = clone(model).fit(X, y)
    assert weighted.loss_curve_ != unweighted.loss_curve_


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({}, 1),
        ({}, 0.37),
        ({}, 30),
        ({"normalization": "batch"}, 1),
        ({"early_stopping": True}, 1),
        ({"n_members": 3}, 1),
    ],
    ids=str,
)
def test_lbfgs_takes_weights_as_repetitions_too(kind, changes, factor):
    model, X, y, weight = weighted_data_of(kind)
    model.set_params(solver="lbfgs", alpha=0.0, **changes)
    if factor != 1:  # the weights are rescaled to a mean of one
        model.set_params(**free_of_the_total(model))
    weighted = clone(model).fit(X, y, factor * weight)
    repeated = clone(model).fit(X.repeat(weight, axis=0), y.repeat(weight, axis=0))
    assert_alike(weighted, repeated, X, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("largest", [1.5, 9.0], ids=["fractions", "too many"])
def test_statistics_of_minibatches_have_no_weights_with_lbfgs(largest):
    model, X, y = data_of("regression")
    weight = np.where(np.arange(len(y)) % 2, largest, largest + 1)
    model.set_params(solver="lbfgs", normalization="batch")
    message = (
        "sample_weight must be whole numbers, with a total from the number of rows to "
        "eight times it, for solver='lbfgs' with normalization='batch'."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        model.fit(X, y, weight)
    model.set_params(normalization="layer").fit(X, y, weight)


# The order of rows, and weights that are not integers


@pytest.mark.parametrize("kind", KINDS)
def test_training_does_not_depend_on_the_order_of_the_rows(kind):
    model, X, y = data_of(kind)
    order = np.random.default_rng(1).permutation(len(X))
    assert_same(clone(model).fit(X, y), clone(model).fit(X[order], y[order]), X)


def test_fractional_weights_do_not_make_the_order_of_the_rows_matter():
    model, X, y = data_of("regression", n=60)
    model.set_params(alpha=100.0, dtype="float64")
    rng = np.random.default_rng(1)
    weight = rng.uniform(0.5, 3, size=len(X))
    expected = clone(model).fit(X, y, weight)
    for _ in range(10):
        order = rng.permutation(len(X))
        other = clone(model).fit(X[order], y[order], weight[order])
        assert_same(other, expected, X)


def test_without_shuffling_the_order_of_the_rows_is_kept():
    model, X, y = data_of("regression")
    model.set_params(shuffle=False, batch_size=10)
    ahead, back = clone(model).fit(X, y), clone(model).fit(X[::-1], y[::-1])
    assert ahead.loss_curve_ != back.loss_curve_


def test_unit_weights_are_no_weights():
    model, X, y = data_of("multiclass")
    plain = clone(model).fit(X, y)
    for weight in (np.ones(len(X)), 1, [1] * len(X), np.full(len(X), 1e-300)):
        assert_same(plain, clone(model).fit(X, y, weight), X)


# Class weights


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_balanced_is_the_dict_of_weighted_counts(kind, weighted, early_stopping):
    model, X, y, weight = weighted_data_of(kind)
    model.set_params(early_stopping=early_stopping, dtype="float64")
    counts = np.bincount(y, weight if weighted else None)
    costs = dict(enumerate(counts.sum() / (len(counts) * counts)))
    weight = weight if weighted else None
    balanced = clone(model).set_params(class_weight="balanced").fit(X, y, weight)
    explicit = clone(model).set_params(class_weight=costs).fit(X, y, weight)
    np.testing.assert_allclose(
        balanced.predict_proba(X), explicit.predict_proba(X), rtol=1e-7
    )
    plain = clone(model).fit(X, y, weight)
    assert not np.allclose(balanced.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
def test_a_class_weight_multiplies_the_loss_of_its_rows(solver):
    """With all rows in one batch, a cost of k is k rows, but for the mean."""
    model, X, y, _ = weighted_data_of("multiclass")
    costs = np.array([1.0, 3.0, 2.0])
    model.set_params(solver=solver, alpha=0.0, batch_size=1000, dtype="float64")
    model.set_params(max_iter=1, input_scaling=None, **free_of_the_total(model))
    costly = clone(model).set_params(class_weight=dict(enumerate(costs))).fit(X, y)
    counts = costs[y].astype(int)
    repeated = clone(model).fit(X.repeat(counts, axis=0), y.repeat(counts))
    if solver == "adamw":  # before the first step both networks are the same
        factor = counts.sum() / len(y)
        assert costly.loss_ == pytest.approx(factor * repeated.loss_, rel=1e-9)
    recall = [
        (m.predict(X[y == 1]) == 1).mean() for m in (costly, clone(model).fit(X, y))
    ]
    assert recall[0] >= recall[1]


def test_class_weights_belong_to_labels_of_any_kind():
    model, X, y, _ = weighted_data_of("multiclass")
    expected = clone(model).set_params(class_weight={0: 3, 2: 0.5}).fit(X, y)
    names = np.array(["x", "y", "z"])[y]
    model.set_params(class_weight={"x": 3, "z": 0.5}).fit(X, names)
    assert model.loss_curve_ == expected.loss_curve_


@pytest.mark.parametrize(
    ("kind", "class_weight"),
    [
        ("binary", "Balanced"),
        ("binary", np.ones(2)),
        ("binary", {0: -1}),
        ("binary", {0: np.nan}),
        ("binary", {0: np.inf}),
        ("binary", {0: 0, 1: 0}),
        ("binary", {"0": 1}),
        ("binary", {7: 1}),
        ("binary", [{0: 1}]),
        ("multilabel", {0: 1}),
        ("multilabel", [{0: 1}]),
        ("multilabel", [{2: 1}] * 3),
        ("multilabel", []),
    ],
    ids=str,
)
def test_errors_name_class_weight(kind, class_weight):
    model, X, y, _ = weighted_data_of(kind)
    with pytest.raises(ValueError, match="class_weight"):
        model.set_params(class_weight=class_weight).fit(X, y)


# Rows of weight zero


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
def test_rows_of_weight_zero_are_not_there(early_stopping, solver):
    model, X, y, _ = weighted_data_of("multiclass")
    model.set_params(early_stopping=early_stopping, solver=solver)
    kept = np.arange(len(y)) % 3 != 1
    model.set_params(class_weight="balanced")
    weighted = clone(model).fit(X, y, kept)
    without = clone(model).fit(X[kept], y[kept])
    assert_same(weighted, without, X)


@pytest.mark.parametrize("changes", [{}, {"n_members": 2}, {"solver": "lbfgs"}])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "several"])
@pytest.mark.parametrize("absent", [0, 1])
def test_a_class_of_weightless_rows_is_kept_and_has_no_probability(
    kind, absent, changes
):
    model, X, y, _ = weighted_data_of("multiclass" if kind == "several" else kind)
    weight = (y != absent).astype(float)
    if kind == "several":
        y = np.column_stack([y, (X[:, 0] > 0).astype(int)])
    model.set_params(**changes).fit(X, y, weight)
    classes, p, decisions, log_p = (
        part[0] if kind == "several" else part
        for part in (
            model.classes_,
            model.predict_proba(X),
            model.decision_function(X),
            model.predict_log_proba(X),
        )
    )
    predicted = model.predict(X)[:, 0] if kind == "several" else model.predict(X)
    others = np.flatnonzero(classes != absent)
    np.testing.assert_array_equal(classes, range(3 if kind != "binary" else 2))
    assert (p[:, absent] == 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (p[:, others] > 0).all()
    assert not (predicted == absent).any()
    assert np.isfinite(decisions).all()
    assert (log_p[:, absent] < -700).all()
    # As soon as rows of that class count, it has a probability like the others.
    model.set_params(warm_start=True).fit(X, y, np.ones(len(X)))
    p = model.predict_proba(X)
    assert ((p[0] if kind == "several" else p) > 0).all()


@old_logistic_regression
def test_ensembles_of_scikit_learn_take_a_weightless_class():
    model, X, y, _ = weighted_data_of("multiclass")
    weight = (y != 2).astype(float)
    voting = VotingClassifier(
        [("net", model), ("linear", LogisticRegression())], voting="soft"
    )
    stacking = StackingClassifier([("net", model)], cv=3)
    for ensemble in (voting, stacking):
        p = ensemble.fit(X, y, sample_weight=weight).predict_proba(X)
        assert p.shape == (len(X), 3)


def test_classes_that_partial_fit_has_not_seen_yet_may_occur():
    model, X, y, _ = weighted_data_of("multiclass")
    first = model.partial_fit(X[y != 1], y[y != 1], classes=[0, 1, 2])
    assert (first.predict_proba(X) > 0).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-50, 1e-40, 1e38, 1e300])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_class_weights_of_any_size_are_learned_by_alike(kind, scale):
    model, X, y, _ = weighted_data_of(kind)

    def fitted(unit):
        weights = dict.fromkeys(np.unique(y).tolist(), unit) | {1: 2 * unit}
        weights = [weights, {}, {}] if kind == "multilabel" else weights
        return clone(model).set_params(class_weight=weights).fit(X, y)

    ours, expected = fitted(scale), fitted(1e6)
    assert 1e-3 < ours.loss_ < 1e3
    np.testing.assert_allclose(
        ours.predict_proba(X), expected.predict_proba(X), rtol=1e-3
    )
    assert np.ptp(ours.predict_proba(X)[:, 0]) > 0.1


def test_class_weights_whose_product_is_infinite_are_refused():
    model, X, y, _ = weighted_data_of("multilabel")
    model.set_params(class_weight=[{0: 1e200, 1: 1e200}] * 3)
    with pytest.raises(ValueError, match="class_weight gives some rows inf times"):
        model.fit(X, y)
    model.set_params(class_weight=[{0: 1e-40, 1: 1.0}, {}, {}])
    weight = np.where(y[:, 0] == 1, 1e-100, 1.0)
    with pytest.raises(ValueError, match="class_weight gives some rows 1e"):
        model.fit(X, y, weight)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression", "multioutput"])
def test_score_takes_weights(kind):
    model, X, y, weight = weighted_data_of(kind)
    model.fit(X, y)
    metric = accuracy_score if kind in CLASSIFICATION else r2_score
    expected = metric(y, model.predict(X), sample_weight=weight)
    assert model.score(X, y, sample_weight=weight) == expected != model.score(X, y)
