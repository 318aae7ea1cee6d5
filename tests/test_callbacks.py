"""Callbacks of scikit-learn: alone, in pipelines, in searches, stopping, failing."""

import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfcnet import FCNetClassifier, FCNetRegressor

callback = pytest.importorskip(
    "sklearn.callback", reason="callbacks came with scikit-learn 1.9"
)
from scaffolding import SMALL, any_solver, data_of, parameters_of, short_fits

pytestmark = [short_fits, any_solver]

ESTIMATORS = [FCNetClassifier, FCNetRegressor]
SOLVERS = ["adam", "lbfgs"]


class Recorder:
    """Notes what it is told, and keeps the fitted estimators that it is given."""

    def __init__(self, stop_after=None, fail_after=None):
        self.stop_after, self.fail_after = stop_after, fail_after
        self.calls, self.fitted, self.metadata = [], [], []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def on_fit_task_begin(self, estimator, context, *, metadata):
        self.calls.append(f"begin {context.task_name}")
        self.metadata.append(metadata)

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        self.calls.append(f"end {context.task_name}")
        if context.task_name != "epoch":
            return False
        self.fitted.append((fitted_estimator, fitted_estimator.predict(X)))
        if len(self.fitted) == self.fail_after:
            raise RuntimeError("the callback failed")
        return len(self.fitted) == self.stop_after

    def teardown(self, estimator, context):
        self.calls.append("teardown")


def fitted_with(recorder, estimator=FCNetRegressor, **changes):
    _, X, y = data_of("binary", 60)
    model = estimator(**SMALL).set_params(**changes).set_callbacks(recorder)
    return model.fit(X, y)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_callback_is_told_of_every_epoch_in_turn(estimator, solver):
    recorder = Recorder()
    model = fitted_with(recorder, estimator, solver=solver, tol=1e-12)
    epochs = ["begin epoch", "end epoch"] * model.n_iter_
    assert model.n_iter_ == 5
    assert recorder.calls == ["setup", "begin fit", *epochs, "end fit", "teardown"]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_callback_can_end_the_fit_at_once(estimator, solver, early_stopping):
    recorder = Recorder(stop_after=2)
    changes = {"solver": solver, "early_stopping": early_stopping, "tol": 1e-12}
    model = fitted_with(recorder, estimator, max_iter=50, **changes)
    assert model.n_iter_ == len(model.loss_curve_) == 2
    assert recorder.calls[-2:] == ["end fit", "teardown"]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("normalization", [None, "batch"])
def test_the_fitted_estimator_of_an_epoch_is_a_model_of_its_own(
    estimator, solver, normalization
):
    _, X, y = data_of("binary", 60)
    recorder = Recorder()
    changes = {"solver": solver, "normalization": normalization, "tol": 1e-12}
    model = fitted_with(recorder, estimator, **changes)
    for epoch, (fitted, then) in enumerate(recorder.fitted, 1):
        np.testing.assert_array_equal(fitted.predict(X), then)
        assert not np.shares_memory(fitted.coefs_[0], model.coefs_[0])
        assert fitted.n_iter_ == len(fitted.loss_curve_) == epoch
    vectors = [parameters_of(fitted) for fitted, _ in recorder.fitted]
    np.testing.assert_array_equal(vectors[-1], parameters_of(model))
    assert (vectors[0] != vectors[-1]).any()
    expected = clone(model).set_params(max_iter=2).set_callbacks().fit(X, y)
    if solver == "adam":
        np.testing.assert_array_equal(vectors[1], parameters_of(expected))


def test_callbacks_change_no_bit():
    _, X, y = data_of("binary", 60)
    model = fitted_with(Recorder(), dropout=0.2, normalization="batch")
    plain = FCNetRegressor(**SMALL, dropout=0.2, normalization="batch").fit(X, y)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))
    assert model.loss_curve_ == plain.loss_curve_


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_failing_callback_leaves_the_model_and_is_torn_down(solver):
    _, X, y = data_of("binary", 60)
    model = FCNetRegressor(**SMALL, solver=solver, tol=1e-12).fit(X, y)
    before, names = model.predict(X), vars(model).keys()
    recorder = Recorder(fail_after=2)
    model.set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="the callback failed"):
        model.fit(X + 1, y)
    assert recorder.calls[-1] == "teardown"
    np.testing.assert_array_equal(model.predict(X), before)
    assert set(vars(model)) - set(names) <= {"_skl_callbacks"}
    recorder.fail_after = None
    assert model.fit(X, y).n_iter_ == 5


class FailsAtTheEnd:
    """Fails in one of the hooks that are called when training is over."""

    def __init__(self, hook):
        self.hook = hook

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if self.hook == "end of the fit" and context.task_name == "fit":
            assert estimator.n_iter_ == 5  # it is told of a fitted estimator
            raise OSError("no space left on device")

    def teardown(self, estimator, context):
        if self.hook == "teardown":
            raise OSError("no space left on device")


@pytest.mark.parametrize("hook", ["end of the fit", "teardown"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_callback_that_fails_after_training_leaves_the_earlier_model(estimator, hook):
    _, X, y = data_of("binary", 60)
    model = estimator(**SMALL).fit(X, y)
    earlier, names = model.predict(X[:, ::-1]), set(vars(model))
    model.set_params(random_state=1).set_callbacks(FailsAtTheEnd(hook))
    with pytest.raises(OSError, match="no space left"):
        model.fit(X[::2], y[::2])
    assert vars(model).keys() - names == {"_skl_callbacks"}
    np.testing.assert_array_equal(model.predict(X[:, ::-1]), earlier)
    fresh = clone(model)
    with pytest.raises(OSError, match="no space left"):
        fresh.fit(X, y)
    assert not hasattr(fresh, "n_iter_")


def test_a_failing_fit_tears_callbacks_down():
    recorder = Recorder()
    _, X, y = data_of("binary", 60)
    model = FCNetRegressor(**SMALL | {"early_stopping": True})
    model.set_params(scoring=lambda *_: np.nan)
    model.set_callbacks(recorder)
    with pytest.raises(ValueError, match="validation score became nan"):
        model.fit(X, y)
    assert recorder.calls[-1] == "teardown"
    assert not hasattr(model, "n_iter_")


@pytest.mark.parametrize("is_split", [False, True])
def test_metadata_are_what_scorers_of_the_training_data_take(is_split):
    _, X, y = data_of("binary", 60)
    recorder, monitor = Recorder(), callback.ScoringMonitor(scoring="r2")
    model = FCNetRegressor(**SMALL | {"early_stopping": True})
    model.set_callbacks(recorder, monitor)
    weight = np.ones(len(X))
    others = {"groups": np.arange(60)} if is_split else {"X_val": X[:9], "y_val": y[:9]}
    model.fit(X, y, weight, **others)
    assert all(metadata.keys() == {"sample_weight"} for metadata in recorder.metadata)
    assert recorder.metadata[0]["sample_weight"] is weight
    model.fit(X, y, **others)
    assert recorder.metadata[-1] == {}


def test_callbacks_survive_clones_and_pickles_and_are_no_parameters():
    _, X, y = data_of("binary", 60)
    recorder = Recorder()
    model = FCNetRegressor(**SMALL).set_callbacks(recorder)
    assert model.get_params().keys() == FCNetRegressor().get_params().keys()
    clone(model).fit(X, y)
    assert recorder.calls[-1] == "teardown"
    model.fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.fit(X, y).n_iter_ == 5


# The monitor of scikit-learn


def epochs_in(log):
    return [row["r2"] for row in log.data if row["task_name"] == "epoch"]


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_scoring_monitor_logs_every_epoch(solver):
    _, X, y = data_of("binary", 60)
    monitor = callback.ScoringMonitor(scoring="r2")
    model = fitted_with(monitor, solver=solver, tol=1e-12)
    scores = epochs_in(monitor.get_logs())
    assert len(set(scores)) == model.n_iter_ == 5
    assert scores[-1] == model.score(X, y)


def test_a_scoring_monitor_works_in_a_pipeline():
    _, X, y = data_of("binary", 60)
    monitor = callback.ScoringMonitor(scoring="r2")
    model = FCNetRegressor(**SMALL).set_callbacks(monitor)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    scores = epochs_in(monitor.get_logs())
    assert len(scores) == 5
    assert scores[-1] == pipeline.score(X, y)


def test_a_scoring_monitor_works_in_a_search_with_two_workers():
    _, X, y = data_of("binary", 60)
    monitor = callback.ScoringMonitor(scoring="r2")
    model = FCNetRegressor(**SMALL).set_callbacks(monitor)
    search = GridSearchCV(model, {"alpha": [0.1, 1.0]}, cv=2, n_jobs=2)
    with joblib.parallel_backend("loky"):
        search.fit(X, y)
    scores = [s for log in monitor.get_logs(select="all") for s in epochs_in(log)]
    assert len(scores) == (2 * 2 + 1) * 5
    assert search.score(X, y) in scores
