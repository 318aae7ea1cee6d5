"""Intervals, standard deviations, quantiles and probabilities that are calibrated."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.metrics import log_loss
from sklearn.model_selection import PredefinedSplit

from scaffolding import (
    SEVERAL,
    assert_alike,
    assert_same,
    data_of,
    repeatable,
    short_fits,
    small_regressor,
    weighted_data_of,
)
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._engine.statistics import distinct
from skfcnet._estimators.calibration import (
    conformal_quantile,
    sharpen_probabilities,
)

pytestmark = short_fits

FOLDS = {
    "n_members": 4,
    "early_stopping": True,
    "scoring": "loss",
    "validation_fraction": 0.25,
}
"""Four members, each with a quarter of the rows as its fold."""

N_TRAINED, N_NEW = 400, 2000


def cross_fitted(loss="squared_error", **changes):
    settings = FOLDS | {"solver": "adamw", "learn_scales": False, "max_iter": 10}
    return small_regressor(loss=loss, **settings | changes)


def noisy(draw, *, seed=0, n=N_TRAINED + N_NEW):
    """Return rows, and targets that are drawn around a mean that is positive."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n, 2))
    return X, draw(rng, np.exp(X[:, 0] + 1))


TARGETS = {
    "squared_error": lambda rng, mean: mean + rng.normal(size=len(mean)),
    "absolute_error": lambda rng, mean: mean + rng.standard_t(2, size=len(mean)),
    "huber": lambda rng, mean: mean * (1 + rng.exponential(size=len(mean))),
    "poisson": lambda rng, mean: rng.poisson(3 * mean).astype(float),
    "gamma": lambda rng, mean: mean * rng.gamma(2, size=len(mean)),
    "quantile": lambda rng, mean: mean + rng.normal(size=len(mean)),
}
"""For every loss, the function that draws targets around their means."""


def fitted(loss, **changes):
    """Return a fitted regressor, and rows and targets that it has not seen."""
    X, y = noisy(TARGETS[loss])
    model = cross_fitted(loss, **changes).fit(X[:N_TRAINED], y[:N_TRAINED])
    return model, X[N_TRAINED:], y[N_TRAINED:]


# The quantile


@repeatable(100)
@given(
    values=st.lists(st.integers(-5, 5), min_size=1, max_size=30),
    level=st.floats(0.01, 0.99),
)
def test_a_conformal_quantile_is_an_order_statistic(values, level):
    values = np.sort(np.array(values, float))
    n = len(values)
    quantile = conformal_quantile(*distinct(values, np.ones(n)), level)
    rank = int(np.ceil(level * (n + 1) - 1e-9))
    if level < 0.5:
        rank = n + 1 - int(np.ceil((1 - level) * (n + 1) - 1e-9))
    expected = np.concatenate([[-np.inf], values, [np.inf]])[rank]
    assert quantile == expected


# Intervals


@pytest.mark.parametrize("loss", TARGETS)
@pytest.mark.parametrize(("level", "margin"), [(0.5, 0.07), (0.9, 0.04)])
def test_an_interval_holds_its_share_of_new_targets(loss, level, margin):
    model, X, y = fitted(loss)
    mean, interval = model.predict(X, return_interval=level)
    np.testing.assert_array_equal(mean, model.predict(X))
    low, high = interval.T
    outside = (1 - level) / 2
    assert np.mean(y < low) == pytest.approx(outside, abs=margin)
    assert np.mean(y > high) == pytest.approx(outside, abs=margin)


def test_an_interval_is_the_prediction_and_quantiles_of_residuals():
    model, X, _ = fitted("squared_error")
    _, y = noisy(TARGETS["squared_error"])
    residuals = np.sort(y[:N_TRAINED] - model.oob_prediction_)
    mean, interval = model.predict(X, return_interval=0.8)
    below, above = residuals[[401 - 361 - 1, 361 - 1]]  # 361 is 0.9 * 401, rounded up
    np.testing.assert_allclose(interval[:, 0], mean + below, atol=1e-5)
    np.testing.assert_allclose(interval[:, 1], mean + above, atol=1e-5)


def test_intervals_of_larger_shares_contain_those_of_smaller_ones():
    model, X, _ = fitted("huber")
    ends = [model.predict(X, return_interval=level)[1] for level in (0.5, 0.9, 0.99)]
    for inner, outer in pairwise(ends):
        assert (outer[:, 0] < inner[:, 0]).all()
        assert (outer[:, 1] > inner[:, 1]).all()


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_intervals_of_positive_targets_grow_with_the_mean(loss):
    model, X, _ = fitted(loss)
    mean, interval = model.predict(X, return_interval=0.9)
    assert (interval >= 0).all()
    width = np.diff(interval, axis=1).ravel()
    assert np.corrcoef(width, mean)[0, 1] > 0.9


def test_intervals_of_counts_do_not_go_below_zero():
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, size=(600, 1))
    y = rng.poisson(np.exp(X[:, 0]))
    _, interval = cross_fitted("poisson").fit(X, y).predict(X, return_interval=0.99)
    assert interval.min() == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_target_has_an_interval(dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)).astype(dtype)
    y = X @ rng.normal(size=(3, 2)) + rng.normal(size=(300, 2)) * [1, 100]
    model = cross_fitted().fit(X, y)
    mean, interval = model.predict(X, return_interval=0.9)
    assert interval.shape == (300, 2, 2)
    assert mean.dtype == interval.dtype == dtype
    inside = (interval[..., 0] <= y) & (y <= interval[..., 1])
    assert (inside.mean(axis=0) > 0.85).all()
    widths = np.diff(interval, axis=2)[..., 0]
    assert (widths[:, 1] > 50 * widths[:, 0]).all()
    one_row = model.predict(X[:1], return_interval=0.9)
    assert [a.shape for a in one_row] == [(1, 2), (1, 2, 2)]


def test_clipped_intervals_stay_within_the_training_targets():
    model, X, _ = fitted("squared_error", clip_output=True)
    _, y = noisy(TARGETS["squared_error"])
    low, high = y[:N_TRAINED].min(), y[:N_TRAINED].max()
    _, interval = model.predict(10 * X, return_interval=0.9)
    assert interval.min() == low
    assert interval.max() == high
    assert (interval[:, 0] <= interval[:, 1]).all()


def test_a_constant_target_is_certain():
    X = np.random.default_rng(0).normal(size=(60, 2))
    model = cross_fitted().fit(X, np.full(60, 7.0))
    _, interval = model.predict(X, return_interval=0.9)
    np.testing.assert_array_equal(interval, np.full((60, 2), 7.0))
    np.testing.assert_array_equal(model.predict(X, return_std=True)[1], np.zeros(60))


@pytest.mark.parametrize("loss", ["squared_error", "quantile"])
def test_sparse_rows_have_intervals(loss):
    X, y = noisy(TARGETS[loss], n=300)
    X[X < 0.2] = 0
    splitter = PredefinedSplit(np.arange(300) % 4)
    model = cross_fitted(loss, validation_fraction=splitter, shuffle=False)
    model.set_params(input_scaling=None, numeric_embedding=None, dtype="float64")
    (_, dense), (_, sparse) = (
        clone(model).fit(rows, y).predict(rows, return_interval=0.8)
        for rows in (X, csr_matrix(X))
    )
    np.testing.assert_allclose(dense, sparse, rtol=1e-6)


def test_pickles_and_copies_have_the_same_intervals():
    model, X, _ = fitted("squared_error")
    _, expected = model.predict(X, return_interval=0.9)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        _, interval = other.predict(X, return_interval=0.9)
        np.testing.assert_array_equal(interval, expected)


@pytest.mark.parametrize(
    ("changes", "loss"),
    [({}, "squared_error"), ({}, "poisson"), ({"quantile": [0.9, 0.1]}, "quantile")],
)
def test_weighted_is_repeated(changes, loss):
    model, X, y, weight = weighted_data_of("regression")
    model.set_params(**FOLDS, **changes, loss=loss)
    y = np.exp(y) if loss == "poisson" else y
    weighted = clone(model).fit(X, y, weight)
    rows = np.random.default_rng(2).permutation(np.arange(len(X)).repeat(weight))
    repeated = clone(model).fit(X[rows], y[rows])
    assert_same(weighted, repeated, X)
    assert weighted.oob_score_ == repeated.oob_score_
    if loss != "quantile":
        for options in ({"return_interval": 0.8}, {"return_std": True}):
            (_, ours), (_, theirs) = (
                model.predict(X, **options) for model in (weighted, repeated)
            )
            np.testing.assert_array_equal(ours, theirs)


def test_weights_that_are_not_whole_count():
    X, y = noisy(TARGETS["squared_error"])
    weight = np.where(y > np.median(y), 0.01, 1.0)
    model = cross_fitted().fit(X, y, weight)
    _, interval = model.predict(X, return_interval=0.9)
    inside = (interval[:, 0] <= y) & (y <= interval[:, 1])
    assert np.average(inside, weights=weight) == pytest.approx(0.9, abs=0.03)
    assert np.mean(inside) < 0.8


# Errors

WITHOUT_FOLDS = "needs out-of-fold predictions. They are made at the end of fit"


@pytest.mark.parametrize(
    "changes",
    [
        {"n_members": 1},
        {"early_stopping": False, "validation_fraction": 0.2},
    ],
    ids=["one member", "no early stopping"],
)
def test_intervals_need_out_of_fold_predictions(changes):
    model, X, y = data_of("regression")
    model.set_params(**FOLDS | changes).fit(X, y)
    with pytest.raises(ValueError, match=WITHOUT_FOLDS):
        model.predict(X, return_interval=0.9)


def test_intervals_end_with_other_training():
    model, X, y = data_of("regression")
    model.set_params(**FOLDS).fit(X, y)
    _, error = model.predict(X, return_std=True)
    model.partial_fit(X, y)
    with pytest.raises(ValueError, match=WITHOUT_FOLDS):
        model.predict(X, return_interval=0.9)
    _, deviation = model.predict(X, return_std=True)  # of the members alone
    assert deviation.mean() < error.mean() / 2
    model.set_params(validation_fraction=0.2).fit(X, y, X_val=X, y_val=y)
    with pytest.raises(ValueError, match=WITHOUT_FOLDS):
        model.predict(X, return_interval=0.9)


@pytest.mark.parametrize("level", [0, 1, 1.5, -0.1, np.nan, True, "0.9", [0.9]])
def test_a_share_is_a_number_between_zero_and_one(level):
    model, X, y = data_of("regression")
    model.set_params(**FOLDS).fit(X, y)
    with pytest.raises(ValueError, match=r"return_interval must be a number in \(0, 1"):
        model.predict(X, return_interval=level)


def test_a_share_needs_enough_rows():
    model, X, y = data_of("regression", n=38)
    model.set_params(**FOLDS).fit(X, y)
    model.predict(X, return_interval=0.9)
    message = r"return_interval=0\.95 needs .* at least 39 rows, and there are 38\."
    with pytest.raises(ValueError, match=message):
        model.predict(X, return_interval=0.95)
    model, X, y = data_of("regression", n=39)
    model.set_params(**FOLDS).fit(X, y).predict(X, return_interval=0.95)


def test_several_quantiles_have_no_interval():
    model, X, y = data_of("regression")
    model.set_params(**FOLDS, loss="quantile", quantile=[0.1, 0.9]).fit(X, y)
    with pytest.raises(ValueError, match="a loss that predicts one number"):
        model.predict(X, return_interval=0.9)
    _, std = model.predict(X, return_std=True)
    assert std.shape == (len(X), 2)


def test_deviation_and_interval_are_asked_for_one_by_one():
    model, X, y = data_of("regression")
    model.set_params(**FOLDS).fit(X, y)
    with pytest.raises(ValueError, match="cannot both be set"):
        model.predict(X, return_std=True, return_interval=0.9)


# Standard deviations


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gamma"])
def test_the_standard_deviation_includes_the_noise(loss):
    model, X, y = fitted(loss)
    mean, std = model.predict(X, return_std=True)
    assert np.mean(((y - mean) / std) ** 2) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("targets", ["regression", "multioutput"])
def test_the_mean_variance_is_the_mean_squared_residual(targets):
    model, X, y = data_of(targets)
    y = y + np.random.default_rng(0).normal(size=y.shape)
    weight = np.random.default_rng(1).uniform(0.5, 2, size=len(y))
    model.set_params(**FOLDS).fit(X, y, weight)
    _, std = model.predict(X, return_std=True)
    squares = (y - model.oob_prediction_) ** 2
    np.testing.assert_allclose(
        np.average(std**2, axis=0, weights=weight),
        np.average(squares, axis=0, weights=weight),
        rtol=1e-3,
    )


def test_the_standard_deviation_is_larger_far_from_the_data():
    model, X, _ = fitted("squared_error")
    (_, near), (_, far) = (model.predict(a * X, return_std=True) for a in (1, 100))
    assert far.mean() > near.mean()


# Quantiles


def overfitted_quantiles(quantile, **changes):
    """Return a model that is far too confident without calibration, with its data."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_TRAINED + N_NEW, 5))
    y = X[:, 0] + (1 + np.abs(X[:, 1])) * rng.normal(size=len(X))
    model = FCNetRegressor("quantile", quantile=quantile, hidden_layer_sizes=(64,))
    options = {
        "max_iter": 60,
        "random_state": 0,
        "learning_rate": "constant",
        "linear_term": False,
        "scoring": last_epoch,
    }
    model.set_params(**FOLDS | options | changes).fit(X[:N_TRAINED], y[:N_TRAINED])
    return model, X, y


def last_epoch(estimator, X, y):
    """Score by the number of the epoch, so that early stopping keeps the last one."""
    return float(estimator.n_iter_)


@pytest.mark.parametrize("quantile", [0.9, [0.95, 0.05], [0.1, 0.5, 0.9]])
def test_quantiles_hold_their_shares(quantile):
    model, X, y = overfitted_quantiles(quantile)
    X_new, y_new = X[N_TRAINED:], y[N_TRAINED:]
    levels = np.atleast_1d(quantile)
    predicted = model.predict(X_new).reshape(len(X_new), -1)
    shares = np.mean(y_new[:, np.newaxis] <= predicted, axis=0)
    np.testing.assert_allclose(shares, levels, atol=0.05)
    assert (np.diff(predicted[:, levels.argsort()]) >= 0).all()
    out_of_fold = model.oob_prediction_.reshape(N_TRAINED, -1)
    shares = np.mean(y[:N_TRAINED, np.newaxis] <= out_of_fold + 1e-6, axis=0)
    np.testing.assert_allclose(shares, levels, atol=0.01)


def test_quantiles_of_a_model_without_folds_are_not_shifted():
    without = {
        "early_stopping": False,
        "validation_fraction": 0.2,
        "scoring": "loss",
        "learning_rate": "constant",
    }
    model, X, y = overfitted_quantiles([0.05, 0.95], **without)
    low, high = model.predict(X[N_TRAINED:]).T
    inside = np.mean((low <= y[N_TRAINED:]) & (y[N_TRAINED:] <= high))
    assert inside < 0.75


def test_quantiles_beyond_the_rows_are_shifted_to_the_largest_residual():
    model, X, y = data_of("regression", n=30)
    model.set_params(**FOLDS, loss="quantile", quantile=0.999).fit(X, y)
    assert np.max(y - model.oob_prediction_) == pytest.approx(0, abs=1e-6)


def test_quantiles_of_several_targets_are_shifted_by_themselves():
    X, y = load_diabetes(return_X_y=True)
    targets = np.column_stack([y, -y])
    model = cross_fitted("quantile", quantile=[0.2, 0.6]).fit(X, targets)
    shares = np.mean(targets[..., np.newaxis] <= model.oob_prediction_ + 1e-3, axis=0)
    np.testing.assert_allclose(shares, [[0.2, 0.6]] * 2, atol=0.02)
    model.set_params(warm_start=True).fit(X, targets)  # continues from the shifted ones
    shares = np.mean(targets[..., np.newaxis] <= model.oob_prediction_ + 1e-3, axis=0)
    np.testing.assert_allclose(shares, [[0.2, 0.6]] * 2, atol=0.02)


# Probabilities


def classes_by_sign(n, *, flipped=0.0):
    """Return rows of two classes, of which a share is flipped, and as many new rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2 * n, 6))
    y = (X[:, 0] > 0) ^ (rng.random(2 * n) < flipped)
    return X[:n], y[:n], X[n:], y[n:]


def scaled_before_sharpening(monkeypatch, factor):
    """Let classifiers be less or more certain when training ends than they are."""

    def with_factor(draft, rows, scores):
        for arrays in (draft.coefs_, draft.intercepts_):
            arrays[-1] = factor * arrays[-1]
        if draft.linear_term:
            draft._net.state["V"] = factor * draft._net.state["V"]
        return sharpen_probabilities(draft, rows, factor * scores)

    module = "skfcnet._estimators.out_of_fold.sharpen_probabilities"
    monkeypatch.setattr(module, with_factor)


def a_cross_fitted_classifier(**changes):
    settings = FOLDS | {"max_iter": 10, "linear_term": True, "random_state": 0}
    return FCNetClassifier((8,), **settings | changes)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", SEVERAL])
def test_classifiers_that_are_not_certain_enough_become_so(kind, monkeypatch):
    _, X, y = data_of(kind, n=240)
    scaled_before_sharpening(monkeypatch, 0.2)
    a_fifth = a_cross_fitted_classifier().fit(X, y)
    scaled_before_sharpening(monkeypatch, 0.4)
    two_fifths = a_cross_fitted_classifier().fit(X, y)
    assert_alike(a_fifth, two_fifths, X, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        np.hstack(a_fifth.oob_decision_function_),
        np.hstack(two_fifths.oob_decision_function_),
        atol=1e-4,
    )


def test_sharper_probabilities_are_better_on_new_rows(monkeypatch):
    X, y, X_new, y_new = classes_by_sign(300)
    smoothed = FCNetClassifier(label_smoothing=0.01, random_state=0)
    model = clone(smoothed).fit(X, y)
    monkeypatch.setattr(
        "skfcnet._estimators.out_of_fold.sharpen_probabilities", lambda *_: False
    )
    without = smoothed.fit(X, y)
    losses = [log_loss(y_new, m.predict_proba(X_new)) for m in (model, without)]
    assert losses[0] < 0.9 * losses[1]
    np.testing.assert_array_equal(model.predict(X_new), without.predict(X_new))


def test_classifiers_that_are_certain_enough_stay_as_they_are(monkeypatch):
    X, y, _, _ = classes_by_sign(300, flipped=0.3)
    scaled_before_sharpening(monkeypatch, 8.0)
    certain = a_cross_fitted_classifier().fit(X, y)
    scaled_before_sharpening(monkeypatch, 16.0)
    more_certain = a_cross_fitted_classifier().fit(X, y)
    np.testing.assert_array_equal(2 * certain.coefs_[-1], more_certain.coefs_[-1])


@pytest.mark.parametrize("n", [40, 160])
def test_few_rows_do_not_justify_certainty(n, monkeypatch):
    X, y, _, _ = classes_by_sign(n)
    X[:, 0] += np.where(y, 3, -3)  # so that all predictions are right
    scaled_before_sharpening(monkeypatch, 0.2)
    model = a_cross_fitted_classifier().fit(X, y)
    assert model.oob_score_ == 1
    p = model.oob_decision_function_[np.arange(n), y.astype(int)]
    # One more row, of a random class, would be wrong with a probability of 1/2.
    assert 0.5 / (n + 1) <= np.mean(1 - p) <= 1 / (n + 1)
