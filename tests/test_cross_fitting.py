"""Cross-fitted members, each of which is validated on a fold of its own."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_classification
from sklearn.linear_model import LinearRegression
from sklearn.metrics import get_scorer, log_loss
from sklearn.model_selection import KFold, PredefinedSplit, ShuffleSplit

from scaffolding import (
    KINDS,
    a_net,
    a_solver,
    any_solver,
    assert_same,
    data_of,
    network_of,
    repeatable,
    short_fits,
    some_data,
    weighted_data_of,
)
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._engine.members import ensemble_of_members
from skfcnet._estimators.holdout import folds_by_content
from skfcnet.solver import Solver

pytestmark = [short_fits, any_solver]

FOLDS = {"n_members": 3, "early_stopping": True, "validation_fraction": 1 / 3}
"""Three members, each with a third of the rows as its fold."""


def member_of(model, m):
    """Return a fitted estimator that has one of the members alone."""
    member = copy.copy(model)
    member._net = ensemble_of_members(network_of(model), [m])
    return member


# The folds


def folds_of(X, y, weight=None, *, seed=0, n_folds=3, **options):
    options = {"classes": y} | options
    rng = np.random.default_rng(seed)
    return folds_by_content(X, y, weight, n_folds=n_folds, rng=rng, **options)


def rows_of(X, y, index):
    return sorted(map(tuple, np.column_stack([X, y])[index]))


def repeated_rows():
    """Return rows of which some are equal, and how often each counts."""
    return st.tuples(
        st.lists(st.integers(1, 4), min_size=12, max_size=40), st.integers(0, 99)
    )


def table_of(n, n_values=5, *, is_noisy):
    """Return rows of which some are equal, with targets that may be unequal then."""
    rng = np.random.default_rng(n)
    X = rng.integers(n_values, size=(n, 2)).astype(float)
    y = rng.integers(2, size=n) if is_noisy else (X.sum(axis=1) > 3).astype(int)
    return X, y


@repeatable(60)
@given(
    counts_and_seed=repeated_rows(), is_noisy=st.booleans(), n_folds=st.integers(2, 5)
)
def test_a_row_of_weight_k_is_in_the_folds_like_k_rows_in_any_order(
    counts_and_seed, is_noisy, n_folds
):
    counts, seed = np.array(counts_and_seed[0]), counts_and_seed[1]
    X, y = table_of(len(counts), is_noisy=is_noisy)
    weighted = folds_of(X, y, counts.astype(float), seed=seed, n_folds=n_folds)
    many = np.random.default_rng(1).permutation(np.arange(len(X)).repeat(counts))
    repeated = folds_of(X[many], y[many], seed=seed, n_folds=n_folds)
    assert len(weighted) == len(repeated)
    for one, other in zip(weighted, repeated, strict=True):
        assert one.validation_weight is other.validation_weight is None
        np.testing.assert_array_equal(X[one.validation], X[many][other.validation])
        np.testing.assert_array_equal(one.counts[many], other.counts)


@repeatable(60)
@given(
    counts_and_seed=repeated_rows(), is_noisy=st.booleans(), n_folds=st.integers(2, 5)
)
def test_every_row_is_held_out_once(counts_and_seed, is_noisy, n_folds):
    counts, seed = np.array(counts_and_seed[0]), counts_and_seed[1]
    X, y = table_of(len(counts), is_noisy=is_noisy)
    splits = folds_of(X, y, counts.astype(float), seed=seed, n_folds=n_folds)
    held_out = np.sum([1 - split.counts for split in splits], axis=0)
    np.testing.assert_allclose(held_out, 1, atol=1e-7)
    for split in splits:
        remaining = counts @ split.counts
        assert remaining + len(split.validation) == pytest.approx(sum(counts), rel=1e-7)


@repeatable(60)
@given(counts_and_seed=repeated_rows(), n_folds=st.integers(2, 5))
def test_folds_are_disjoint_and_every_class_is_trained_on(counts_and_seed, n_folds):
    counts, seed = counts_and_seed
    X, y = table_of(len(counts), is_noisy=False)
    X[0], y[0] = 9, 2  # a class of a single row
    splits = folds_of(X, y, seed=seed, n_folds=n_folds)
    contents = [set(rows_of(X, y, split.validation)) for split in splits]
    assert sum(map(len, contents)) == len(set.union(*contents))
    for split, held_out in zip(splits, contents, strict=True):
        trained = rows_of(X, y, split.counts)
        assert not held_out & set(trained)
        assert len(trained) + len(split.validation) == len(X)
        assert set(y[split.counts]) == {0, 1, 2}
    n_different = [len(held_out) for held_out in contents]
    assert max(n_different) - min(n_different) <= 1


def test_every_class_is_spread_evenly_over_the_folds_by_its_weight():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [300, 60, 7])
    X, weight = rng.normal(size=(len(y), 2)), rng.uniform(size=len(y))
    splits = folds_of(X, y, weight, n_folds=5)
    assert len(splits) == 5
    for label in range(3):
        own = weight * (y == label)
        totals = [own[~split.counts].sum() for split in splits]
        assert np.ptp(totals) <= 0.6 * own.max()
    for split in splits:
        np.testing.assert_array_equal(
            np.sort(split.validation), np.flatnonzero(~split.counts)
        )
        np.testing.assert_array_equal(split.validation_weight, weight[split.validation])


def test_other_seeds_give_other_folds():
    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.zeros(60, int)
    first, same, other = (folds_of(X, y, seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.counts, same.counts)
    assert (first.counts != other.counts).any()


def test_few_rows_make_fewer_folds_and_too_few_are_refused():
    X = np.arange(7.0)[:, np.newaxis]
    splits = folds_of(X, X, n_folds=10, classes=None, min_rows=2)
    assert [len(split.validation) for split in splits] == [3, 2, 2]
    with pytest.raises(ValueError, match="too few rows to hold out a validation set"):
        folds_of(X[:3], X[:3], classes=None, min_rows=2)
    with pytest.raises(ValueError, match="of which 7 are different, and every class"):
        folds_of(X, np.arange(7))


# Weights of the loss for each member


@pytest.mark.parametrize("category", ["classification", "regression"])
def test_a_member_with_its_own_weights_is_trained_like_a_network_alone(category):
    weights = np.random.default_rng(0).uniform(size=(130, 3)).astype(np.float32)
    weights[:50, 1] = 0
    options = {"max_grad_norm": 0.05, "data": some_data(category)}
    together = a_net(category, n_members=3, dropout=0.2)
    alone = [ensemble_of_members(together, [m]) for m in range(3)]
    solver = a_solver(net=together, loss_weight=weights, **options)
    solver.train_epoch()
    for m, net in enumerate(alone):
        own = a_solver(net=net, loss_weight=weights[:, m], **options)
        assert own.train_epoch() == pytest.approx(solver.member_losses[m], rel=1e-6)
        trained = ensemble_of_members(together, [m])
        np.testing.assert_allclose(
            net.params.vector, trained.params.vector, rtol=1e-5, atol=1e-6
        )


def test_a_member_learns_nothing_from_rows_of_weight_zero():
    data = some_data()
    weights = np.ones((130, 2), np.float32)
    weights[40:90, 1] = 0
    other = dict(data, y_train=data["y_train"].copy())
    other["y_train"][40:90] = 0
    trained = [a_net(n_members=2), a_net(n_members=2)]
    for net, own in zip(trained, (data, other), strict=True):
        # The order of the minibatches depends on the content of all rows.
        a_solver(net=net, data=own, loss_weight=weights, shuffle=False).train_epoch()
    first, second = (net.params["W1"] for net in trained)
    np.testing.assert_array_equal(first[1], second[1])
    assert (first[0] != second[0]).any()


@pytest.mark.parametrize("shape", [(130, 3), (129, 2), (130, 1), (2, 130)])
def test_weights_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"loss_weight must hold 130 .* each member"):
        a_solver(net=a_net(n_members=2), loss_weight=np.ones(shape))


# Training


@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_member_keeps_its_best_epoch(kind, solver):
    model, X, y = data_of(kind, n=60)
    options = {"scoring": "loss", "max_iter": 8, "solver": solver}
    model.set_params(**FOLDS, **options, learning_rate_init=0.1)
    model.fit(X, y)
    assert len(model.best_iteration_) == 3
    assert model.best_validation_score_ >= max(model.validation_scores_)
    mean = np.mean([model.loss_curve_[epoch - 1] for epoch in model.best_iteration_])
    assert model.loss_ == pytest.approx(mean, rel=1e-12)
    for m, epoch in enumerate(model.best_iteration_):
        shorter = clone(model).set_params(max_iter=epoch).fit(X, y)
        assert shorter.best_iteration_[m] == epoch
        *hidden, last = zip(model.coefs_, shorter.coefs_, strict=True)
        for own, expected in hidden:
            np.testing.assert_array_equal(own[m], expected[m])
        own, expected = (coef[m] for coef in last)
        if is_classifier(model):  # which multiplies all members by one factor
            own, expected = (coef / np.linalg.norm(coef) for coef in (own, expected))
            np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-7)
        else:
            np.testing.assert_array_equal(own, expected)


def test_what_is_validated_is_each_member_on_its_own_fold():
    model, X, y = data_of("multiclass", n=60)
    splitter = PredefinedSplit(np.arange(60) % 3)
    model.set_params(**FOLDS | {"validation_fraction": splitter}, max_iter=1)
    for scoring in (None, "loss", "neg_log_loss", get_scorer("accuracy")):
        model.set_params(scoring=scoring).fit(X, y)
        members = [member_of(model, m) for m in range(3)]
        folds = [np.arange(60) % 3 == m for m in range(3)]
        if scoring in ("loss", "neg_log_loss"):
            scores = [
                -log_loss(y[fold], member.predict_proba(X[fold]), labels=range(3))
                for member, fold in zip(members, folds, strict=True)
            ]
        else:
            scores = [
                member.score(X[fold], y[fold])
                for member, fold in zip(members, folds, strict=True)
            ]
        tolerance = {"rel": 0.05 if scoring == "loss" else 1e-5}  # label smoothing
        assert model.validation_scores_[0] == pytest.approx(
            np.mean(scores), **tolerance
        )
        np.testing.assert_allclose(
            model.oob_decision_function_,
            [members[i % 3].predict_proba(X[[i]])[0] for i in range(60)],
            rtol=1e-4,
        )


def test_a_fold_does_not_teach_its_own_member():
    rng = np.random.default_rng(0)
    model, X, _ = data_of("regression", n=60)
    y = rng.normal(size=60)
    splitter = PredefinedSplit(np.arange(60) % 3)
    model.set_params(**FOLDS | {"validation_fraction": splitter}, max_iter=1)
    model.set_params(scale_target=False, shuffle=False, batch_size=60, alpha=0.0)
    swapped = y.copy()
    fold = np.flatnonzero(np.arange(60) % 3 == 0)
    swapped[fold] = swapped[fold[::-1]]  # the mean, at which biases start, is the same
    one, other = clone(model).fit(X, y), clone(model).fit(X, swapped)
    np.testing.assert_array_equal(one.coefs_[0][0], other.coefs_[0][0])
    assert (one.coefs_[0][1] != other.coefs_[0][1]).any()


def test_the_loss_of_a_member_is_the_mean_over_its_training_rows():
    model, X, y, weight = weighted_data_of("regression")
    weight = weight + 1
    fold_of_row = np.arange(len(X)) % 5 // 2  # of different sizes
    splitter = PredefinedSplit(fold_of_row)
    model.set_params(**FOLDS | {"validation_fraction": splitter}, max_iter=1)
    model.set_params(scale_target=False, learning_rate_init=1e-9, alpha=0.0)
    model.set_params(weight_decay=0.0, dropout=0.0, batch_size=1000).fit(X, y, weight)
    losses = []
    for m in range(3):
        is_own = fold_of_row != m
        errors = (member_of(model, m).predict(X[is_own]) - y[is_own]) ** 2 / 2
        losses.append(np.average(errors, weights=weight[is_own]))
    assert model.loss_curve_ == pytest.approx([np.mean(losses)], rel=1e-4)


@pytest.mark.parametrize("n_improving", [0, 1])
def test_training_goes_on_while_one_member_improves(n_improving):
    model, X, y = data_of("regression", n=60)
    splitter = PredefinedSplit(np.arange(60) % 3)
    calls = []

    def score(estimator, X_fold, y_fold):
        calls.append(y_fold)
        return len(calls) if y_fold[0] in y[:n_improving] else 0.0

    model.set_params(**FOLDS | {"validation_fraction": splitter}, scoring=score)
    # A score that stays the same leaves the decision to the loss.
    model.set_params(n_iter_no_change=3, max_iter=20, learning_rate_init=1e-9)
    model.fit(X, y)
    assert model.n_iter_ == (20 if n_improving else 4)


def test_patience_is_over_when_no_member_improves():
    model, X, y = data_of("regression", n=60)
    model.set_params(**FOLDS, scoring="loss", max_iter=300, n_iter_no_change=4)
    model.set_params(learning_rate_init=0.03).fit(X, y)
    assert model.n_iter_ < 300
    assert model.n_iter_ - max(model.best_iteration_) <= 4
    adaptive = clone(model).set_params(learning_rate="adaptive", max_iter=100)
    rates = adaptive.fit(X, y).history_["learning_rate"]
    assert rates[0] > rates[-1] > 0


@pytest.mark.parametrize("n_members", [2, 3, 5])
def test_members_and_folds_may_differ_in_number(n_members):
    model, X, y = data_of("binary", n=60)
    model.set_params(**FOLDS | {"n_members": n_members}, max_iter=2).fit(X, y)
    p = model.oob_decision_function_
    without = np.isnan(p).all(axis=1)
    assert without.sum() == (20 if n_members == 2 else 0)
    np.testing.assert_allclose(p[~without].sum(axis=1), 1)


def test_members_take_the_splits_of_a_splitter_in_turn():
    model, X, y = data_of("regression", n=60)
    model.set_params(n_members=3, early_stopping=True, max_iter=2)
    model.set_params(validation_fraction=KFold(2))
    model.fit(X, y)
    # The third member has the first split again.
    expected = np.mean([member_of(model, m).predict(X[:30]) for m in (0, 2)], axis=0)
    np.testing.assert_allclose(model.oob_prediction_[:30], expected, atol=1e-5)
    model.set_params(validation_fraction=ShuffleSplit(9, test_size=0.2, random_state=0))
    model.fit(X, y)
    n_left_out = np.isfinite(model.oob_prediction_).sum()
    assert 12 < n_left_out <= 36


@pytest.mark.parametrize("kind", KINDS)
def test_weighted_is_repeated_with_folds(kind):
    model, X, y, weight = weighted_data_of(kind)
    model.set_params(**FOLDS, scoring="loss", batch_size=32)
    weighted = clone(model).fit(X, y, weight)
    rows = np.random.default_rng(2).permutation(np.arange(len(X)).repeat(weight))
    repeated = clone(model).fit(X[rows], y[rows])
    assert_same(weighted, repeated, X)
    assert weighted.best_iteration_ == repeated.best_iteration_
    assert weighted.oob_score_ == pytest.approx(repeated.oob_score_, rel=1e-6)
    name = (
        "oob_prediction_"
        if hasattr(model, "scale_target")
        else ("oob_decision_function_")
    )
    ours, theirs = getattr(weighted, name), getattr(repeated, name)
    if not isinstance(ours, list):
        ours, theirs = [ours], [theirs]
    for own, other in zip(ours, theirs, strict=True):
        assert np.isnan(own[weight == 0]).all()
        # BLAS rounds the scores of a row in another way beside other rows: in single
        # precision, those of about 1 by a few times 1e-7.
        np.testing.assert_allclose(own[rows], other, rtol=1e-5, atol=1e-6)


def test_a_score_that_folds_without_a_class_do_not_have_is_named():
    model, X, _ = data_of("binary", n=60)
    model.set_params(**FOLDS, scoring="neg_log_loss")
    y = (np.arange(60) < 2).astype(int)
    with pytest.raises(ValueError, match=r"scoring='neg_log_loss' failed .*'loss'"):
        model.fit(X, y)
    assert not hasattr(model, "n_iter_")
    assert np.isfinite(model.set_params(scoring="loss").fit(X, y).oob_score_)


# Out-of-fold predictions


@pytest.mark.parametrize("kind", KINDS)
def test_out_of_fold_predictions_have_the_shape_of_predictions(kind):
    model, X, y = data_of(kind, n=60)
    model.set_params(**FOLDS).fit(X, y)
    if kind in ("regression", "multioutput"):
        pairs = [(model.oob_prediction_, model.predict(X))]
        assert not hasattr(model, "oob_decision_function_")
    else:
        ours, theirs = model.oob_decision_function_, model.predict_proba(X)
        assert isinstance(ours, list) == isinstance(theirs, list)
        pairs = zip(ours, theirs, strict=True)
        pairs = list(pairs) if isinstance(ours, list) else [(ours, theirs)]
    for own, predictions in pairs:
        assert own.shape == predictions.shape
        assert np.isfinite(own).all()
    assert model.oob_score_ <= 1


@pytest.mark.parametrize("n_members", [1, 5])
def test_a_table_of_two_different_rows_is_learned(n_members):
    # Folds of all rows of one kind would show the opposite of what is learned.
    x = np.random.default_rng(0).integers(2, size=(400, 1)).astype(float)
    noise = np.random.default_rng(1).random(400)
    y = (noise < np.where(x[:, 0] == 1, 0.8, 0.2)).astype(int)
    model = FCNetClassifier(n_members=n_members, early_stopping=True, random_state=0)
    p = model.fit(x, y).predict_proba([[0.0], [1.0]])[:, 1]
    np.testing.assert_allclose(p, [y[x[:, 0] == k].mean() for k in (0, 1)], atol=0.05)
    if n_members > 1:
        assert model.oob_score_ == pytest.approx(model.score(x, y), abs=0.02)


def test_a_linear_term_is_learned_where_equal_rows_are_observations():
    rng = np.random.default_rng(0)
    X = rng.integers(3, size=(400, 2)).astype(float)
    y = np.rint(X.sum(axis=1) + rng.normal(size=400))
    model = FCNetRegressor(n_members=3, max_iter=1, random_state=0).fit(X, y)
    linear = LinearRegression().fit(X, y)
    assert model.score(X, y) == pytest.approx(linear.score(X, y), abs=0.01)


@pytest.mark.parametrize("n_members", [1, 3])
def test_weighted_is_repeated_where_equal_rows_are_observations(n_members):
    X, _ = table_of(80, 3, is_noisy=True)
    y = (X.sum(axis=1) + np.random.default_rng(3).normal(size=80) > 2).astype(int)
    model = FCNetClassifier((6,), max_iter=8, n_members=n_members, random_state=0)
    model.set_params(dtype="float64")  # which shows any other order of sums
    weight = np.random.default_rng(1).integers(1, 4, len(X))
    rows = np.random.default_rng(2).permutation(np.arange(len(X)).repeat(weight))
    weighted = clone(model).fit(X, y, weight)
    repeated = clone(model).fit(X[rows], y[rows])
    assert_same(weighted, repeated, X)
    if n_members > 1:
        np.testing.assert_array_equal(
            weighted.oob_decision_function_[rows], repeated.oob_decision_function_
        )
        assert weighted.oob_score_ == pytest.approx(repeated.oob_score_, rel=1e-6)


def test_out_of_fold_quantiles():
    model, X, y = data_of("regression", n=60)
    model.set_params(**FOLDS, loss="quantile", quantile=[0.1, 0.5, 0.9]).fit(X, y)
    assert model.oob_prediction_.shape == (60, 3)
    assert (np.diff(model.oob_prediction_) >= 0).all()


def test_the_out_of_fold_score_is_close_to_that_on_new_rows():
    X, y = make_classification(1200, 8, flip_y=0.2, random_state=0)
    model = FCNetClassifier((16,), n_members=4, early_stopping=True, scoring="loss")
    model.set_params(validation_fraction=0.25, max_iter=15, random_state=0)
    model.fit(X[:600], y[:600])
    p = model.oob_decision_function_
    assert model.oob_score_ == np.mean(p.argmax(axis=1) == y[:600])
    assert model.oob_score_ == pytest.approx(model.score(X[600:], y[600:]), abs=0.04)
    assert model.oob_score_ < model.score(X[:600], y[:600])


@pytest.mark.parametrize(
    ("changes", "is_passed"),
    [
        ({"n_members": 1}, False),
        ({"early_stopping": False, "validation_fraction": 0.2}, False),
        ({"validation_fraction": 0.2}, True),
    ],
)
def test_without_folds_there_are_no_out_of_fold_predictions(changes, is_passed):
    model, X, y = data_of("regression", n=60)
    model.set_params(**FOLDS, max_iter=2).set_params(**changes)
    model.fit(X, y, **({"X_val": X, "y_val": y} if is_passed else {}))
    assert isinstance(model.best_iteration_, int)
    for name in ("oob_prediction_", "oob_score_"):
        assert not hasattr(model, name)
        with pytest.raises(AttributeError, match="has no out-of-fold predictions"):
            getattr(model, name)


# All that goes with it


def test_partial_fit_goes_on_without_folds():
    model, X, y = data_of("regression", n=60)
    model.set_params(**FOLDS, max_iter=2).fit(X, y)
    assert np.isfinite(model.oob_score_)
    model.partial_fit(X, y)
    assert model.n_iter_ == 3
    assert not hasattr(model, "oob_score_")
    model.set_params(validation_fraction=0.2)
    model.partial_fit(X, y, X_val=X, y_val=y)
    assert isinstance(model.best_iteration_, int)


def test_a_warm_start_draws_the_same_folds():
    model, X, y = data_of("binary", n=60)
    model.set_params(**FOLDS, max_iter=2, warm_start=True).fit(X, y)
    first = network_of(model).params.vector.copy()
    held_out = [fold_of(model, X, y, m) for m in range(3)]
    model.fit(X, y)
    assert model.n_iter_ == 4
    assert (network_of(model).params.vector != first).any()
    again = [fold_of(model, X, y, m) for m in range(3)]
    np.testing.assert_array_equal(held_out, again)


def fold_of(model, X, y, m):
    """Return on which rows the out-of-fold predictions are those of a member."""
    p = member_of(model, m).predict_proba(X)
    return np.isclose(p, model.oob_decision_function_, rtol=1e-5).all(axis=1)


def test_fitted_models_are_pickled_and_cloned_with_their_out_of_fold_predictions():
    model, X, y = data_of("regression", n=60)
    model.set_params(**FOLDS, max_iter=2).fit(X, y)
    other = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(other.oob_prediction_, model.oob_prediction_)
    assert other.best_iteration_ == model.best_iteration_
    assert_same(clone(model).fit(X, y), model, X)


@pytest.mark.parametrize(
    "changes",
    [
        {"normalization": "batch", "dropout": 0.2},
        {"max_grad_norm": 0.01},
        {"solver": "lbfgs"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_sparse_and_dense_rows_give_the_same(changes):
    model, X, y = data_of("multiclass", n=60)
    X[X < 0.5] = 0
    model.set_params(**FOLDS, max_iter=3, input_scaling=None, numeric_embedding=None)
    model.set_params(validation_fraction=PredefinedSplit(np.arange(60) % 3), **changes)
    dense, sparse = clone(model).fit(X, y), clone(model).fit(csr_matrix(X), y)
    np.testing.assert_allclose(
        dense.oob_decision_function_, sparse.oob_decision_function_, atol=0.02
    )


def test_class_weights_count_in_training_and_validation():
    model, X, y = data_of("binary", n=60)
    model.set_params(**FOLDS, max_iter=3, class_weight={0: 1, 1: 20}).fit(X, y)
    even = clone(model).set_params(class_weight=None).fit(X, y)
    ours, theirs = (m.oob_decision_function_[:, 1].mean() for m in (model, even))
    assert ours > theirs + 0.05
    assert model.validation_loss_curve_ != even.validation_loss_curve_


def test_ctrl_c_keeps_the_best_epoch_of_every_member(monkeypatch):
    model, X, y = data_of("regression", n=60)
    model.set_params(**FOLDS, scoring="loss", max_iter=3, learning_rate_init=0.1)
    expected = clone(model).fit(X, y)
    train_epoch, calls = Solver.train_epoch, []

    def interrupted(self):
        calls.append(self)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return train_epoch(self)

    monkeypatch.setattr(Solver, "train_epoch", interrupted)
    model.set_params(max_iter=50)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert_same(model, expected, X)
    assert model.best_iteration_ == expected.best_iteration_
    assert not hasattr(model, "oob_score_")


def test_the_last_line_names_the_epochs_that_are_kept(capsys):
    model, X, y = data_of("regression", n=60)
    model.set_params(**FOLDS, scoring=None, max_iter=3, verbose=True).fit(X, y)
    *_, last = capsys.readouterr().out.splitlines()
    numbers = ", ".join(map(str, model.best_iteration_))
    assert last == (
        f"Trained to the end, epoch 3 of 3. The members keep epochs {numbers}: mean "
        f"validation R^2 {model.best_validation_score_:.6f}."
    )


def test_a_row_of_one_fold_has_no_score_of_its_own():
    X = np.arange(6.0)[:, np.newaxis]
    model = FCNetRegressor(
        **FOLDS | {"validation_fraction": PredefinedSplit([0, -1, -1, -1, -1, -1])},
        scoring="loss",
        hidden_layer_sizes=(2,),
        max_iter=1,
        random_state=0,
    ).fit(X, X[:, 0])
    assert np.isfinite(model.oob_prediction_[0])
    assert np.isnan(model.oob_prediction_[1:]).all()
    assert np.isnan(model.oob_score_)
