"""What is broken in scikit-learn 1.9's multilayer perceptrons, and is not here.

One test, or some, for each group of bugs. They use nothing that scikit-learn's
estimators do not have, so that they can be run on those to be seen to fail::

    BUGS_OF=scikit-learn pytest tests/test_bugs_of_mlp.py
"""

import _thread
import os
import pickle
import signal
import threading
import tracemalloc
import warnings
from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_digits, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import get_tags

from skfcnet import FCNetClassifier, FCNetRegressor

# As scikit-learn's are, where the defaults are others.
ONE_NETWORK = {
    "early_stopping": False,
    "n_members": 1,
    "linear_term": False,
}
CLASSIFIER, REGRESSOR = {
    "skfcnet": [
        partial(kind, **ONE_NETWORK) for kind in (FCNetClassifier, FCNetRegressor)
    ],
    "scikit-learn": (MLPClassifier, MLPRegressor),
}[os.environ.get("BUGS_OF", "skfcnet")]
from scaffolding import parameters_of, short_fits

pytestmark = short_fits

STANDING_STILL = {"solver": "sgd", "learning_rate_init": 1e-300, "momentum": 0.0}
# As scikit-learn's are, where the defaults are others.
CONSTANT = {"learning_rate": "constant"}
ADAM = {"solver": "adam", **CONSTANT}


def regression_data(n=60, n_features=4, n_outputs=1, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_features))
    y = X @ rng.normal(size=(n_features, n_outputs))
    return X, y[:, 0] if n_outputs == 1 else y


def test_1_the_gradient_of_several_outputs_is_that_of_the_reported_loss():
    X, y = regression_data(n_outputs=3)
    rate = 1e-3
    settings = {"hidden_layer_sizes": (8,), "alpha": 0.0, "random_state": 0}
    settings |= {"batch_size": len(X), "learn_scales": False, **CONSTANT}
    start = REGRESSOR(**settings, **STANDING_STILL, max_iter=1).fit(X, y)
    moving = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": rate}
    moved = REGRESSOR(**settings, **moving, max_iter=1).fit(X, y)
    before, after = REGRESSOR(**settings, **moving, max_iter=2).fit(X, y).loss_curve_
    step = parameters_of(moved) - parameters_of(start)
    # Along its own gradient a loss falls by the squared step over the rate.
    np.testing.assert_allclose(before - after, step @ step / rate, rtol=0.02)


def test_2_every_class_is_in_the_training_set_when_rows_are_set_aside():
    X, _ = regression_data(n=61)
    y = np.append(np.arange(60) % 3, 3)
    X[:, 0] = y == 3  # a feature that only the one member of class 3 has
    settings = {"hidden_layer_sizes": (4,), "early_stopping": True, "alpha": 0.0}
    settings |= {"activation": "tanh"}  # no gradient is zero by chance
    for seed in range(25):
        settings |= {"random_state": seed, "max_iter": 1}
        still = CLASSIFIER(**settings, **STANDING_STILL).fit(X, y)
        model = CLASSIFIER(**settings, **ADAM).fit(X, y)
        # Without decay, the weights of a feature that is zero in all rows trained on
        # do not move.
        assert not np.array_equal(model.coefs_[0][0], still.coefs_[0][0]), seed


def test_3_single_members_and_few_rows_can_be_set_aside_from():
    X, _ = regression_data()
    model = CLASSIFIER(early_stopping=True, max_iter=2, random_state=0)
    assert len(model.fit(X, np.arange(60) == 7).classes_) == 2
    assert len(model.fit(X[:8], [0, 1] * 4).classes_) == 2
    with pytest.raises(
        ValueError, match=r"validation_fraction.*parameter|'validation_"
    ):
        model.set_params(validation_fraction=0.0).fit(X, np.arange(60) % 2)


def test_4_the_penalty_does_not_depend_on_the_batch_size():
    X, y = np.zeros((40, 3)), np.zeros(40)
    settings = {"alpha": 10.0, "max_iter": 1, "random_state": 0}
    losses = [
        REGRESSOR(batch_size=size, **settings, **STANDING_STILL).fit(X, y).loss_
        - REGRESSOR(batch_size=size, **settings | {"alpha": 0.0}, **STANDING_STILL)
        .fit(X, y)
        .loss_
        for size in (5, 10, 40)
    ]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)


def test_5_rows_of_weight_zero_are_not_there_whatever_the_batch_size():
    X, y = regression_data(n=50)
    weight = np.where(np.arange(50) < 30, 0.0, 2.0)
    settings = {"batch_size": 5, "max_iter": 4, "random_state": 0}
    weighted = REGRESSOR(**settings).fit(X, y, weight)
    without = REGRESSOR(**settings).fit(X[30:], y[30:], weight[30:])
    np.testing.assert_array_equal(weighted.predict(X), without.predict(X))


def test_5_a_row_of_weight_k_is_k_rows_whatever_the_batch_size():
    X, y = regression_data(n=50)
    weight = 1 + np.arange(50) % 3
    settings = {"batch_size": 5, "max_iter": 4, "random_state": 0}
    weighted = REGRESSOR(**settings).fit(X, y, weight)
    repeated = REGRESSOR(**settings).fit(X.repeat(weight, 0), y.repeat(weight))
    np.testing.assert_array_equal(weighted.predict(X), repeated.predict(X))


def test_5_negative_weights_are_refused():
    X, y = regression_data()
    weight = np.where(np.arange(60) == 3, -1.0, 1.0)
    with pytest.raises(ValueError, match=r"[Nn]egative.*sample_weight"):
        REGRESSOR(max_iter=2).fit(X, y, weight)


def test_6_the_reported_loss_is_the_weighted_one():
    X, y = regression_data(n=100)
    y = np.where(np.arange(100) < 10, 10 * y, y)
    weight = np.where(np.arange(100) < 10, 30.0, 1.0)
    y -= np.average(y, weights=weight)
    y /= np.sqrt(np.average(y**2, weights=weight))  # for losses of scaled targets
    settings = {"alpha": 0.0, "batch_size": 7, "max_iter": 1, "random_state": 0}
    model = REGRESSOR(**settings, **STANDING_STILL).fit(X, y, weight)
    expected = np.average((model.predict(X) - y) ** 2, weights=weight) / 2
    np.testing.assert_allclose(model.loss_, expected, rtol=1e-4)


def test_7_another_architecture_is_refused_under_warm_start():
    X, y = regression_data()
    model = REGRESSOR(hidden_layer_sizes=(4,), warm_start=True, max_iter=2)
    model.fit(X, y)
    with pytest.raises(ValueError, match=r"shape the network"):
        model.set_params(hidden_layer_sizes=(7,)).fit(X, y)


def test_7_patience_starts_afresh_under_warm_start():
    X, y = regression_data()
    model = REGRESSOR(
        warm_start=True, tol=1e9, n_iter_no_change=5, random_state=0, **CONSTANT
    )
    first = len(model.fit(X, y).loss_curve_)
    assert len(model.fit(X, y).loss_curve_) == 2 * first


@pytest.mark.parametrize("first", [False, True])
def test_7_early_stopping_can_be_switched_under_warm_start(first):
    X, y = regression_data()
    model = REGRESSOR(warm_start=True, max_iter=3, early_stopping=first)
    model.fit(X, y).set_params(early_stopping=not first).fit(X, y)
    assert len(model.loss_curve_) == model.n_iter_ == 6


def test_7_the_solver_can_be_switched_under_warm_start():
    X, y = regression_data()
    model = REGRESSOR(warm_start=True, max_iter=3, solver="lbfgs").fit(X, y)
    model.set_params(solver="adam").fit(X, y)
    assert len(model.loss_curve_) == model.n_iter_ == 6


def test_7_the_same_rows_are_set_aside_again_under_warm_start():
    """With other rows set aside, those of the first time would have been learned."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 20)), rng.normal(size=60)  # nothing but noise
    model = REGRESSOR(
        warm_start=True,
        early_stopping=True,
        validation_fraction=0.3,
        n_iter_no_change=500,
        max_iter=40,
        learning_rate_init=0.01,
        random_state=0,
        **CONSTANT,
    )
    scores = [model.fit(X, y).best_validation_score_ for _ in range(6)]
    assert max(scores) < 0.3


def test_8_calls_of_partial_fit_are_epochs_of_fit():
    X, y = regression_data(n=100)
    settings = {"batch_size": 7, "random_state": 0, **CONSTANT}
    whole = REGRESSOR(max_iter=5, **settings).fit(X, y)
    called = REGRESSOR(**settings)
    for _ in range(5):
        called.partial_fit(X, y)
    assert called.n_iter_ == 5
    np.testing.assert_array_equal(called.predict(X), whole.predict(X))


def test_8_partial_fit_never_raises_for_early_stopping():
    X, y = regression_data()
    REGRESSOR(early_stopping=True).partial_fit(X, y)


def test_8_there_is_no_partial_fit_with_lbfgs():
    assert not hasattr(REGRESSOR(solver="lbfgs"), "partial_fit")
    assert hasattr(REGRESSOR(solver="adam"), "partial_fit")


def test_9_the_dtype_of_y_does_not_change_what_is_computed_in():
    X, y = (a.astype(np.float32) for a in regression_data())
    model = REGRESSOR(max_iter=10, random_state=0)
    predicted = model.fit(X, y).predict(X)
    np.testing.assert_array_equal(predicted, model.fit(X, y.astype(float)).predict(X))


def test_10_divergence_is_an_error_also_with_early_stopping():
    X, y = regression_data()
    model = REGRESSOR(
        solver="sgd", learning_rate_init=100.0, early_stopping=True, max_iter=50
    )
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=r"diverged|non-finite"):
            model.fit(X, y)
    assert not hasattr(model, "coefs_")


def test_11_poisson_refuses_negative_targets():
    X, y = regression_data()
    with pytest.raises(ValueError, match=r"poisson.*non-negative y"):
        REGRESSOR(loss="poisson", max_iter=2).fit(X, y)


def test_11_poisson_predictions_are_finite():
    X, y = regression_data()
    model = REGRESSOR(loss="poisson", max_iter=20, random_state=0).fit(X, y**2)
    with np.errstate(all="ignore"):
        assert np.isfinite(model.predict(1e4 * X)).all()


def test_12_logarithms_of_probabilities_are_finite():
    X, y = make_classification(n_classes=3, n_informative=5, random_state=0)
    model = CLASSIFIER(max_iter=20, random_state=0).fit(X, y)
    with np.errstate(all="ignore"):
        assert np.isfinite(model.predict_log_proba(1e4 * X)).all()


def test_13_patience_is_what_it_says():
    X, y = regression_data()
    model = REGRESSOR(n_iter_no_change=5, tol=1e9, random_state=0, **CONSTANT)
    model.fit(X, y)
    assert model.n_iter_ == 6  # the first epoch improves on nothing, 5 do not


def test_13_schedules_work_for_adam():
    X, y = regression_data()
    constant, falling = (
        REGRESSOR(solver="adam", learning_rate=rate, max_iter=5, random_state=0).fit(
            X, y
        )
        for rate in ("constant", "invscaling")
    )
    assert not np.array_equal(constant.predict(X), falling.predict(X))


def test_13_invscaling_counts_steps():
    """By rows seen, the learning rate would have fallen 50 times as far."""
    y = np.tile([-1.0, 1.0], 200)
    X = csr_array(y[:, np.newaxis])  # sparse, it is neither scaled nor embedded
    settings = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "batch_size": 50}
    model = REGRESSOR(
        hidden_layer_sizes=(),
        learning_rate="invscaling",
        learning_rate_init=0.5,
        power_t=1.0,
        max_iter=10,
        random_state=0,
        shuffle=False,  # with a mean of 0 in every minibatch, the bias stays out of it
        **settings,
    ).fit(X, y)
    start = REGRESSOR(
        hidden_layer_sizes=(), max_iter=1, random_state=0, **STANDING_STILL
    ).fit(X, y)
    steps = np.arange(1, 81)
    left = (1 - start.coefs_[0][0]) * np.prod(1 - 0.5 / steps)
    np.testing.assert_allclose(1 - model.coefs_[0][0], left, rtol=1e-3)


def test_14_the_loss_is_that_of_the_weights_that_are_kept():
    X, y = load_digits(return_X_y=True)
    model = CLASSIFIER(
        (32,),
        early_stopping=True,
        n_iter_no_change=5,
        tol=0.0,
        random_state=0,
        **CONSTANT,
    ).fit(X, y)
    scores = np.array(model.validation_scores_)
    kept = model.loss_curve_.index(model.loss_)
    assert kept < len(scores) - 1
    assert scores[kept] == scores.max()


def test_14_early_stopping_that_takes_all_epochs_does_not_warn():
    X, y = regression_data()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        REGRESSOR(early_stopping=True, max_iter=3).fit(X, y)


@pytest.fixture
def interrupts_arrive():
    """Let Ctrl-C interrupt this process, also where a shell runs it in background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts_arrive")
def test_15_a_keyboard_interrupt_comes_through():
    X, y = regression_data(n=2000)
    model = REGRESSOR(max_iter=10**6, tol=0.0, n_iter_no_change=10**6)
    timer = threading.Timer(0.5, _thread.interrupt_main)
    timer.start()
    with warnings.catch_warnings(), pytest.raises(KeyboardInterrupt):
        warnings.simplefilter("ignore")
        model.fit(X, y)
    timer.join()
    assert 0 < model.n_iter_ < 10**6


@pytest.mark.parametrize("early_stopping", [False, True])
def test_16_a_pickle_holds_the_weights_once(early_stopping):
    X, y = load_digits(return_X_y=True)
    model = CLASSIFIER((200, 200), max_iter=3, early_stopping=early_stopping)
    model.fit(X, y)
    assert len(pickle.dumps(model)) < 1.2 * parameters_of(model).nbytes


def test_17_several_targets_are_declared():
    assert get_tags(REGRESSOR()).target_tags.multi_output


def test_18_lbfgs_has_a_loss_curve_and_counts_rows():
    X, y = regression_data()
    model = REGRESSOR(solver="lbfgs", max_iter=20).fit(X, y)
    assert len(model.loss_curve_) == model.n_iter_
    assert model.best_loss_ == min(model.loss_curve_)
    assert model.t_ == model.n_iter_ * len(X)


def test_18_lbfgs_stops_early():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 20)), rng.normal(size=100)
    model = REGRESSOR(
        solver="lbfgs", early_stopping=True, n_iter_no_change=3, random_state=0
    ).fit(X, y)
    assert len(model.validation_scores_) == model.n_iter_ < 200


def test_19_prediction_takes_little_memory():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 4))
    model = REGRESSOR(hidden_layer_sizes=(256,), max_iter=1).fit(X[:100], X[:100, 0])
    tracemalloc.start()
    model.predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40_000 * 256 * 4 / 2
