"""A callback that scores on validation data, alone and below other estimators."""

import pickle
from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss, make_scorer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from scaffolding import any_solver, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet.callbacks import ValidationMonitor

pytestmark = [short_fits, any_solver]
HAS_CALLBACKS = find_spec("sklearn.callback") is not None
needs_callbacks = pytest.mark.skipif(
    not HAS_CALLBACKS, reason="scikit-learn has callbacks from version 1.9 on"
)
EPOCHS = 4


@pytest.fixture(scope="module")
def data():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X[:500] / 16, y[:500], random_state=0)


def a_net(**changes):
    settings = {"max_iter": EPOCHS, "random_state": 0, "batch_size": 32}
    settings["learning_rate"] = "constant"  # the first epochs of more are the same
    settings |= {"early_stopping": False, "linear_term": False}
    return FCNetClassifier((8,), **settings | changes)


def by_task(log):
    """Return the rows of epochs, and those of fits."""
    return [
        [row for row in log.data if row["task_name"] == name]
        for name in ("epoch", "fit")
    ]


@pytest.mark.skipif(HAS_CALLBACKS, reason="is about versions before 1.9")
def test_without_callbacks_the_module_says_what_is_missing(data):
    X, _, y, _ = data
    with pytest.raises(ImportError, match=r"ValidationMonitor .* 1\.9"):
        ValidationMonitor(X, y)


@needs_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_every_epoch_is_scored_as_if_training_had_ended_there(data, solver):
    X, X_val, y, y_val = data
    monitor = ValidationMonitor(X_val, y_val)
    a_net(solver=solver).set_callbacks(monitor).fit(X, y)
    epochs, (fit,) = by_task(monitor.get_logs())
    assert [row["task_id"] for row in epochs] == list(range(EPOCHS))
    ends = [a_net(solver=solver, max_iter=i + 1).fit(X, y) for i in range(EPOCHS)]
    expected = [net.score(X_val, y_val) for net in ends]
    assert len(set(expected)) > 1
    assert [row["score"] for row in epochs] == expected
    assert fit["score"] == expected[-1]


@needs_callbacks
def test_validation_scores_of_the_estimator_are_those_of_the_monitor(data):
    X, X_val, y, y_val = data
    weight = np.arange(1.0, 1 + len(y_val))
    monitor = ValidationMonitor(X_val, y_val, sample_weight=weight)
    net = a_net(early_stopping=True, scoring=None, learning_rate_init=0.5, max_iter=8)
    net.set_callbacks(monitor)
    net.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    epochs, (fit,) = by_task(monitor.get_logs())
    scores = [row["score"] for row in epochs]
    np.testing.assert_allclose(scores, net.validation_scores_, rtol=1e-6)
    assert net.best_iteration_ < net.n_iter_  # the fit's row is of the best epoch
    assert fit["score"] == max(scores)


@needs_callbacks
@pytest.mark.parametrize("weighted", [False, True])
def test_scorers_go_by_their_names(data, weighted):
    X, X_val, y, y_val = data
    weight = np.arange(1.0, 1 + len(y_val)) if weighted else None
    monitors = [
        ValidationMonitor(X_val, y_val, sample_weight=weight, scoring=scoring)
        for scoring in (
            "accuracy",
            ["accuracy", "neg_log_loss"],
            make_scorer(accuracy_score),
        )
    ]
    net = a_net().set_callbacks(*monitors).fit(X, y)
    accuracy = accuracy_score(y_val, net.predict(X_val), sample_weight=weight)
    loss = log_loss(y_val, net.predict_proba(X_val), sample_weight=weight)
    one, two, own = (by_task(monitor.get_logs())[0][-1] for monitor in monitors)
    assert one["accuracy"] == two["accuracy"] == own["score"] == accuracy
    assert two["neg_log_loss"] == pytest.approx(-loss)


@needs_callbacks
def test_watching_does_not_change_training(data):
    X, X_val, y, y_val = data
    kept = X_val.copy()
    watched = a_net().set_callbacks(ValidationMonitor(X_val, y_val)).fit(X, y)
    alone = a_net().fit(X, y)
    for one, other in zip(watched.coefs_, alone.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(X_val, kept)


@needs_callbacks
def test_regressors_are_scored_too(data):
    X, X_val, y, y_val = data
    monitor = ValidationMonitor(X_val, y_val)
    net = FCNetRegressor(
        hidden_layer_sizes=(8,), max_iter=3, early_stopping=False, random_state=0
    )
    net.set_callbacks(monitor).fit(X, y)
    assert monitor.get_logs().data_as_pandas["score"].iloc[-1] == net.score(
        X_val, y_val
    )


@needs_callbacks
def test_in_a_pipeline_the_data_are_those_that_the_network_sees(data):
    X, X_val, y, y_val = data
    scaler = MinMaxScaler().fit(X)
    monitor = ValidationMonitor(scaler.transform(X_val), y_val)
    model = make_pipeline(MinMaxScaler(), a_net().set_callbacks(monitor)).fit(X, y)
    epochs, (fit,) = by_task(monitor.get_logs())
    assert len(epochs) == EPOCHS
    assert epochs[-1]["score"] == fit["score"] == model.score(X_val, y_val)


@needs_callbacks
def test_a_search_in_parallel_logs_every_fit_in_the_main_process(data):
    X, X_val, y, y_val = data
    monitor = ValidationMonitor(X_val, y_val)
    search = GridSearchCV(
        a_net().set_callbacks(monitor), {"alpha": [1e-3, 10.0]}, cv=2, n_jobs=2
    ).fit(X, y)
    epochs, fits = by_task(monitor.get_logs())
    assert len(monitor.get_logs("all")) == 1
    assert len(epochs) == (2 * 2 + 1) * EPOCHS  # and the refit
    assert len(fits) == 2 * 2 + 1
    refit = min(fits, key=lambda row: len(row["task_id_path"]))
    assert refit["score"] == search.score(X_val, y_val)


@needs_callbacks
def test_a_fit_anew_is_a_run_of_its_own_also_after_pickling(data):
    X, X_val, y, y_val = data
    net = a_net().set_callbacks(ValidationMonitor(X_val, y_val)).fit(X, y)
    restored = pickle.loads(pickle.dumps(net)).fit(X, y)
    (monitor,) = restored._skl_callbacks
    first, second = monitor.get_logs("all")
    scores = [[row["score"] for row in log.data] for log in (first, second)]
    assert scores[0] == scores[1]
    (own,) = net._skl_callbacks
    assert len(own.get_logs("all")) == 1


@needs_callbacks
def test_data_that_do_not_fit_together_are_refused(data):
    X, X_val, y, _ = data
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ValidationMonitor(X_val, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ValidationMonitor(X, y, sample_weight=[1.0])
