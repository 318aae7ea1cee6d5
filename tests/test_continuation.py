"""Training that goes on: partial_fit, warm starts, and what a failure leaves."""

import copy
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone

from scaffolding import (
    KINDS,
    SEVERAL,
    SMALL,
    any_solver,
    assert_same,
    data_of,
    encoded,
    network_of,
    short_fits,
    target_scale,
)
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._estimators.optimization import SOLVERS

pytestmark = [short_fits, any_solver]

SETTINGS = SMALL | {"max_iter": 6, "batch_size": 16}
HORIZONS = ["cosine", "one_cycle", "coslog4"]


def classification():
    return data_of("multiclass", 50)[1:]


def regression():
    return data_of("regression", 50)[1:]


def assert_unchanged(model, earlier, X, y):
    """Assert that a model is what its earlier copy is, and learns on as that does."""
    assert vars(model).keys() == vars(earlier).keys()
    assert_same(model, earlier, X)
    model.set_params(**earlier.get_params())
    assert_same(model.partial_fit(X, y), earlier.partial_fit(X, y), X)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"learning_rate": "invscaling", "power_t": 0.3},
        {"learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 10.0},
        {"dropout": 0.3, "input_dropout": 0.1},
        {"normalization": "batch"},
        {"warmup_epochs": 2.5, "max_grad_norm": 0.1, "normalization": "layer"},
        {
            "n_members": 3,
            "normalization": "batch",
            "dropout": 0.3,
            "max_grad_norm": 0.1,
        },
    ],
    ids=lambda changes: next(iter(changes), "constant"),
)
def test_calls_of_partial_fit_are_epochs_of_fit(solver, changes):
    X, y = regression()
    model = FCNetRegressor(**SETTINGS, solver=solver).set_params(**changes)
    whole, stepwise = clone(model).fit(X, y), clone(model)
    for _ in range(whole.n_iter_):
        stepwise.partial_fit(X, y)
    assert whole.n_iter_ == 6
    assert_same(stepwise, whole, X)
    if "tol" in changes:  # the rate was indeed divided on the way
        assert len(set(whole.history_["learning_rate"])) > 1


@pytest.mark.parametrize("solver", SOLVERS)
def test_calls_flush_what_decays_at_the_steps_of_fit(solver, monkeypatch):
    # Often, and numbers large enough to be seen: an epoch has four steps.
    monkeypatch.setattr("skfcnet.solver.FLUSH_EVERY", 3)
    monkeypatch.setattr("skfcnet._engine.vector_update.NEGLIGIBLE", 0.1)
    X, y = regression()
    model = FCNetRegressor(**SETTINGS, solver=solver)
    whole, stepwise = clone(model).fit(X, y), clone(model)
    for _ in range(whole.n_iter_):
        stepwise.partial_fit(X, y)
    assert (whole.coefs_[0] == 0).any()
    assert_same(stepwise, whole, X)


def test_saving_and_going_on_in_another_process_changes_no_bit(tmp_path):
    X, y = classification()
    models = [
        FCNetClassifier(**SETTINGS, solver=solver, dropout=0.2, normalization="batch")
        .set_params(learning_rate=schedule, n_iter_no_change=2, tol=10.0)
        .set_params(n_members=n_members)
        .partial_fit(X, y, classes=[0, 1, 2])
        for solver in SOLVERS
        for schedule in ("constant", "invscaling", "adaptive")
        for n_members in (1, 3)
    ]
    path = str(tmp_path / "models.joblib")
    joblib.dump((models, X, y), path)
    script = (
        "import joblib, sys\n"
        "models, X, y = joblib.load(sys.argv[1])\n"
        "for model in models:\n"
        "    model.partial_fit(X, y).partial_fit(X, y)\n"
        "joblib.dump(models, sys.argv[1])\n"
    )
    subprocess.run([sys.executable, "-c", script, path], check=True)
    for model, elsewhere in zip(models, joblib.load(path), strict=True):
        for _ in range(2):
            model.partial_fit(X, y)
        assert_same(elsewhere.partial_fit(X, y), model.partial_fit(X, y), X)


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
    assert_same(stepwise, whole, X)
    assert stepwise.n_iter_ == 4
    assert stepwise.t_ == whole.t_


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
    with pytest.raises(ValueError, match="classes must not be empty"):
        model.partial_fit(X, y, classes=[])
    with pytest.raises(ValueError, match="classes contains NaN"):
        model.partial_fit(X, y * 1.0, classes=[0, 1, 2, np.nan])
    model.partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    assert model.predict_proba(X).shape == (len(X), 3)
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"labels \[3\] that are not in classes_"):
        model.partial_fit(X, y + 1)
    assert model.n_iter_ == 1


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"learning_rate": "invscaling"},
        {"dropout": 0.3},
        {"normalization": "batch"},
        {"n_members": 3},
    ],
    ids=str,
)
def test_two_fits_under_warm_start_are_one_long_fit(solver, changes):
    X, y = regression()
    model = FCNetRegressor(**SETTINGS, solver=solver, n_iter_no_change=np.inf)
    model.set_params(warm_start=True, **changes)
    parts = clone(model).set_params(max_iter=2).fit(X, y)
    parts.set_params(max_iter=4).fit(X, y)
    assert_same(parts, clone(model).fit(X, y), X)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_layer_sizes": (9,)},
        {"hidden_layer_sizes": (8, 8)},
        {"hidden_layer_sizes": ()},
        {"activation": "tanh"},
        {"normalization": "batch"},
        {"normalization": "layer"},
        {"n_members": 2},
    ],
    ids=str,
)
def test_another_architecture_is_refused_and_changes_nothing(method, changes):
    X, y = regression()
    model = FCNetRegressor(**SETTINGS, warm_start=True).fit(X, y)
    earlier = copy.deepcopy(model)
    with pytest.raises(ValueError, match="shape the network were changed"):
        getattr(model.set_params(**changes), method)(X, y)
    assert_unchanged(model, earlier, X, y)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "changes",
    [
        {"dropout": 0.5},
        {"loss": "absolute_error"},
        {"dtype": "float64"},
        {"alpha": 1.0},
    ],
    ids=str,
)
def test_what_does_not_shape_the_network_may_change(method, solver, changes):
    X, y = regression()
    model = FCNetRegressor(**SETTINGS, solver=solver, warm_start=True).fit(X, y)
    unchanged = getattr(copy.deepcopy(model), method)(X, y)
    getattr(model.set_params(**changes), method)(X, y)
    assert model.n_iter_ == unchanged.n_iter_
    assert (model.predict(X) != unchanged.predict(X)).any()
    assert model.coefs_[0].dtype == changes.get("dtype", "float32")


@pytest.mark.parametrize("first", [*SOLVERS, "lbfgs"])
@pytest.mark.parametrize("then", [*SOLVERS, "lbfgs"])
def test_any_solver_goes_on_from_any_other(first, then):
    X, y = regression()
    model = FCNetRegressor(**SETTINGS, solver=first, warm_start=True).fit(X, y)
    before = model.n_iter_
    model.set_params(solver=then, dtype="float64").fit(X, y)
    assert before < model.n_iter_ == len(model.loss_curve_)
    assert model.loss_ < 1.2 * model.loss_curve_[before - 1]


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_memory_of_the_solver_is_kept_only_where_it_is_needed(solver):
    X, y = regression()
    wide = {"hidden_layer_sizes": (500,), "learning_rate_init": 1e-3}
    model = FCNetRegressor(**SETTINGS | wide, solver=solver)
    plain = len(pickle.dumps(clone(model).fit(X, y)))
    warm = len(pickle.dumps(clone(model).set_params(warm_start=True).fit(X, y)))
    stepwise = len(pickle.dumps(clone(model).partial_fit(X, y)))
    model.fit(X, y)
    weights = sum(array.nbytes for array in model.coefs_ + model.intercepts_)
    quantiles = model._encoder._scaler.values.nbytes
    assert plain < weights + quantiles + 8_000
    assert min(warm, stepwise) > plain + 0.9 * weights


def failures(X, y):
    """Return what makes a fit fail: parameters, X, y and keywords."""
    infinite = X.copy()
    infinite[3, 2] = np.inf
    wild = {"learning_rate_init": 1e30, "solver": "sgd", "activation": "identity"}
    early = {"early_stopping": True}
    return {
        "infinity": ({}, infinite, y, {}),
        "divergence": (wild, X, y, {}),
        "width": (early, X, y, {"X_val": X[:, :2], "y_val": y}),
        "validation infinity": (early, X, y, {"X_val": infinite, "y_val": y}),
        "alone": (early, X, y, {"X_val": X}),
        "scorer": (early | {"scoring": lambda *_: np.nan}, X, y, {}),
    }


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("fault", failures(*regression()))
def test_a_failed_fit_leaves_everything_as_it_was(fault, warm_start):
    X, y = regression()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = FCNetRegressor(**SETTINGS, warm_start=warm_start, activation="identity")
    earlier = copy.deepcopy(model.fit(frame, y))
    changes, X_bad, y_bad, keywords = failures(X, y)[fault]
    names = list("abcdef" if warm_start else "ghijkl")
    if "X_val" in keywords:
        X_val = keywords["X_val"]
        keywords["X_val"] = pd.DataFrame(X_val, columns=names[: X_val.shape[1]])
    with pytest.raises(ValueError):
        model.set_params(**changes).fit(
            pd.DataFrame(X_bad, columns=names), y_bad, **keywords
        )
    assert_unchanged(model, earlier, frame, y)
    assert list(model.feature_names_in_) == list("abcdef")


@pytest.mark.parametrize("schedule", HORIZONS)
def test_schedules_with_an_end_are_constant_in_partial_fit(schedule):
    X, y = regression()
    model = FCNetRegressor(**SETTINGS).set_params(learning_rate=schedule)
    constant = clone(model).set_params(learning_rate="constant")
    for _ in range(3):
        model.partial_fit(X, y)
        constant.partial_fit(X, y)
    assert_same(model, constant, X)
    assert set(model.history_["learning_rate"]) == {0.01}


@pytest.mark.parametrize("schedule", HORIZONS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_calls_without_a_known_end_are_at_the_constant_rate(schedule, method):
    X, y = regression()
    model = FCNetRegressor(**SETTINGS | {"max_iter": 1}, warm_start=True)
    model.set_params(learning_rate=schedule)
    for _ in range(6):
        getattr(model, method)(X, y)
    assert set(model.history_["learning_rate"]) == {0.01}
    constant = clone(model).set_params(learning_rate="constant", max_iter=6)
    assert constant.fit(X, y).loss_curve_ == model.loss_curve_


@pytest.mark.parametrize("schedule", HORIZONS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_total_of_steps_is_the_end_of_all_calls(schedule, method):
    X, y = regression()
    settings = SETTINGS | {"learning_rate": schedule, "batch_size": 10}
    whole = FCNetRegressor(**settings | {"max_iter": 6}).fit(X, y)
    calls = FCNetRegressor(
        **settings | {"max_iter": 1}, total_steps=30, warm_start=True
    )
    for _ in range(6):
        getattr(calls, method)(X, y)
        calls = pickle.loads(pickle.dumps(calls))
    assert calls.history_["learning_rate"] == whole.history_["learning_rate"]
    np.testing.assert_array_equal(calls.predict(X), whole.predict(X))
    with pytest.warns(UserWarning, match="All total_steps=30 minibatches were trained"):
        getattr(calls, method)(X, y)
    assert calls.history_["learning_rate"][-1] == pytest.approx(0, abs=1e-9)


def test_the_defaults_go_on_in_every_way():
    X, y = classification()
    model = FCNetClassifier((8,), max_iter=3, random_state=0, warm_start=True)
    model.fit(X, y).partial_fit(X, y).fit(X, y)
    rates = model.history_["learning_rate"]
    assert model.n_iter_ == len(rates) == 7
    assert set(rates) == {0.003}  # nobody knows how many calls there will be


def write_weights(model, X, y):
    model.coefs_[0] = -model.coefs_[0]
    model.intercepts_ = [b + 1 for b in model.intercepts_]


def predict_in_double(model, X, y):
    model.predict_proba(X)


def go_on(model, X, y):
    model.partial_fit(X, y)


def go_on_warm(model, X, y):
    model.set_params(warm_start=True, max_iter=2).fit(X, y)


def fit_anew(model, X, y):
    model.set_params(warm_start=False, random_state=3).fit(X, y)


def write_to_a_list_from_before(model, X, y):
    if not hasattr(model, "_weights"):
        model._weights = model.coefs_
    model._weights[0] = model._weights[0] + 0.5


STEPS = [
    write_weights,
    predict_in_double,
    go_on,
    go_on_warm,
    fit_anew,
    write_to_a_list_from_before,
]


@pytest.mark.parametrize("seed", range(10))
def test_predictions_in_double_precision_follow_the_weights(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(60, 4)), rng.integers(3, size=60)
    model = FCNetClassifier((5,), max_iter=1, random_state=0).fit(X, y)
    for step in rng.choice(STEPS, size=12):
        step(model, X, y)
        fresh = pickle.loads(pickle.dumps(model))
        for other in (fresh, copy.copy(model), copy.deepcopy(model)):
            expected = other.predict_proba(X)
            np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_weights_are_converted_once_to_predict_rows_of_double_precision():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), rng.integers(3, size=60)
    model = FCNetClassifier((5,), max_iter=1, random_state=0).fit(X, y)
    for reader in (model, pickle.loads(pickle.dumps(model))):
        params = network_of(reader).params
        assert params.converted(np.float64) is params.converted(np.float64)


def test_a_scorer_sees_the_weights_of_each_epoch_when_training_goes_on():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), rng.integers(3, size=60)
    seen = []

    def score(model, X_val, y_val):
        seen.append(model.predict_proba(X).tobytes())
        return len(seen)

    model = FCNetClassifier((5,), max_iter=3, warm_start=True, random_state=0)
    model.fit(X, y)
    model.set_params(early_stopping=True, scoring=score).fit(X, y)
    assert len(set(seen)) == len(seen) == 3


# What the first rows do not show


def after_calls(kind, X, y, parts, **changes):
    """Return an estimator after twenty times partial_fit of every part of the rows."""
    model = kind(**SETTINGS | {"input_scaling": "robust"} | changes)
    classes = {"classes": np.unique(y)} if kind is FCNetClassifier else {}
    for rows in parts:
        model.partial_fit(X[rows], y[rows], **classes)
    for _ in range(20):
        for rows in parts[1:]:
            model.partial_fit(X[rows], y[rows])
    return model


@pytest.mark.parametrize("kind", [FCNetClassifier, FCNetRegressor])
@pytest.mark.parametrize("n_first", [1, 5])
@pytest.mark.parametrize("scaling", ["robust", "standard"])
def test_a_column_that_does_not_vary_at_first_is_learned_from_later(
    kind, n_first, scaling
):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) * [1, 1, 100]
    y = (X[:, 2] > 0) * 1.0
    X[:n_first, 2], y[:n_first] = 40.0, 1.0
    parts = [slice(0, n_first), slice(n_first, 200), slice(200, 400)]
    model = after_calls(kind, X, y, parts, input_scaling=scaling)
    assert model.score(X, y) > (0.9 if kind is FCNetClassifier else 0.6)


def test_a_target_that_does_not_vary_at_first_is_scaled_later():
    X, y = regression()
    y = 1e5 * y
    model = after_calls(FCNetRegressor, X, y, [slice(0, 1), slice(1, 50)])
    assert model.score(X, y) > 0.6


def test_the_scale_of_columns_that_vary_is_that_of_the_first_call():
    X, y = regression()
    model = FCNetRegressor(**SETTINGS, numeric_embedding=None).partial_fit(X, y)
    before = encoded(model, X)
    model.partial_fit(1e3 * X + 5, y)
    np.testing.assert_array_equal(encoded(model, X), before)


@pytest.mark.parametrize("kind", [FCNetClassifier, FCNetRegressor])
def test_rows_that_show_more_count_as_often_as_their_weights_say(kind):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 3)), rng.integers(0, 2, 30)
    X[:5], y[:5] = 1.0, 0
    weight = rng.integers(1, 4, 25)
    classes = {"classes": [0, 1]} if kind is FCNetClassifier else {}
    weighted = kind(**SETTINGS).partial_fit(X[:5], y[:5], **classes)
    repeated = copy.deepcopy(weighted)
    weighted.partial_fit(X[5:], y[5:], sample_weight=weight)
    repeated.partial_fit(np.repeat(X[5:], weight, axis=0), np.repeat(y[5:], weight))
    assert_same(weighted, repeated, X)


def test_the_same_numbers_in_another_precision_or_layout_are_the_same_constant():
    X, y = regression()
    X[:, 1] = 0.1
    model = FCNetRegressor(**SETTINGS, input_scaling="standard", numeric_embedding=None)
    model.partial_fit(X, np.full(50, 0.3))
    first = copy.deepcopy(model)
    for same in (X.astype(np.float32), csr_array(X)):
        model.partial_fit(same, np.full(50, 0.1) + 0.2)
    np.testing.assert_array_equal(encoded(model, X), encoded(first, X))
    assert target_scale(model)[1] == target_scale(first)[1]
    X[:, 1] = y
    for _ in range(40):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.9


def test_the_best_epoch_is_one_of_those_in_the_same_units():
    X, y = regression()
    model = FCNetRegressor("huber", **SETTINGS | {"early_stopping": True})
    model.partial_fit(X[:1], [0.0], X_val=X, y_val=1e-3 * y)
    for _ in range(20):
        model.partial_fit(X, 1e-3 * y, X_val=X, y_val=1e-3 * y)
    assert model.best_iteration_ > 1
    assert model.best_validation_score_ == max(model.validation_scores_[1:])
