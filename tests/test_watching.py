"""Callbacks that show fits or record them, with the packages that they need."""

import os
import pickle
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scaffolding import SMALL, any_solver, data_of, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet.callbacks import LiveCurve, MLflow, TensorBoard

sklearn_callback = pytest.importorskip(
    "sklearn.callback", reason="callbacks came with scikit-learn 1.9"
)
pytestmark = [short_fits, any_solver]
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

VALIDATES = SMALL | {"early_stopping": True, "tol": 0.0}


@pytest.fixture(scope="module")
def data():
    _, X, y = data_of("binary", 60)
    return X, y


def history_of(model):
    """Return the history as (column, epoch) -> number, without what is missing."""
    table = model.history_
    epochs = table.pop("epoch")
    return {
        (name, epoch): value
        for name, column in table.items()
        for epoch, value in zip(epochs, column, strict=True)
        if not np.isnan(value)
    }


class Failing:
    """Lets a fit fail after its second epoch."""

    def setup(self, estimator, context):
        self.n_epochs = 0

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.n_epochs += 1
        if self.n_epochs == 2:
            raise OSError("no space left on device")

    def teardown(self, estimator, context):
        pass


# TensorBoard


@pytest.fixture
def tensorboard(tmp_path):
    pytest.importorskip("tensorboardX", reason="needs the extra 'watch'")
    return TensorBoard(tmp_path / "runs")


def scalars_in(folder):
    """Return the scalars in the files of a fit as (name, epoch) -> number."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in folder.iterdir():
        content = path.read_bytes()
        while content:  # length, its checksum, the event, and its checksum
            length = int.from_bytes(content[:8], "little")
            event = Event.FromString(content[12 : 12 + length])
            found |= {
                (value.tag, event.step): value.simple_value
                for value in event.summary.value
            }
            content = content[12 + length + 4 :]
    return found


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_tensorboard_is_told_the_history(data, tensorboard, solver, early_stopping):
    model = FCNetRegressor(**VALIDATES).set_callbacks(tensorboard)
    model.set_params(solver=solver, early_stopping=early_stopping).fit(*data)
    (folder,) = tensorboard.log_dir.iterdir()
    assert "FCNetRegressor" in folder.name
    found, expected = scalars_in(folder), history_of(model)
    assert found.keys() == expected.keys()
    assert len({name for name, _ in found}) == 2 + 2 * early_stopping + (
        solver == "adam"
    )
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-6)


def test_every_fit_of_a_search_has_a_folder(data, tensorboard):
    model = FCNetRegressor(**SMALL).set_callbacks(tensorboard)
    pipeline = make_pipeline(StandardScaler(), model)
    GridSearchCV(pipeline, {"fcnetregressor__alpha": [0.1, 1.0]}, cv=2).fit(*data)
    folders = [*tensorboard.log_dir.iterdir()]
    assert len(folders) == 2 * 2 + 1
    assert all(len(scalars_in(folder)) == 3 * 5 for folder in folders)


def test_what_was_written_before_a_failure_is_kept(data, tensorboard):
    model = FCNetRegressor(**SMALL).set_callbacks(tensorboard, Failing())
    with pytest.raises(OSError, match="no space left"):
        model.fit(*data)
    (folder,) = tensorboard.log_dir.iterdir()
    assert {epoch for _, epoch in scalars_in(folder)} == {1, 2}


# MLflow


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    module = pytest.importorskip("mlflow", reason="needs the extra 'watch'")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    earlier = module.get_tracking_uri()
    module.set_tracking_uri(tmp_path.as_uri())
    yield module
    module.set_tracking_uri(earlier)


def runs_of(mlflow, name):
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name(name)
    return client, client.search_runs([experiment.experiment_id])


def test_mlflow_is_told_the_parameters_and_the_history(data, mlflow):
    model = FCNetClassifier(**VALIDATES).set_callbacks(MLflow("small"))
    model.fit(*data)
    client, (run,) = runs_of(mlflow, "small")
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "FCNetClassifier"
    parameters = model.get_params()
    assert run.data.params == {name: str(v) for name, v in parameters.items()}
    best = run.data.metrics["best_validation_score"]
    assert best == model.best_validation_score_
    for name, values in model.history_.items():
        if name != "epoch":
            metrics = client.get_metric_history(run.info.run_id, name)
            assert [metric.value for metric in metrics] == values
            assert [metric.step for metric in metrics] == model.history_["epoch"]


def test_runs_of_mlflow_are_below_the_active_one(data, mlflow):
    model = FCNetRegressor(**SMALL).set_callbacks(MLflow())
    mlflow.set_experiment("search")
    with mlflow.start_run() as parent:
        GridSearchCV(model, {"alpha": [0.1, 1.0]}, cv=2).fit(*data)
    _, runs = runs_of(mlflow, "search")
    below = [run for run in runs if run.info.run_id != parent.info.run_id]
    assert len(below) == 2 * 2 + 1
    assert {run.data.tags["mlflow.parentRunId"] for run in below} == {
        parent.info.run_id
    }
    assert {run.data.params["alpha"] for run in below} == {"0.1", "1.0"}


def test_a_run_of_mlflow_fails_with_its_fit(data, mlflow):
    callbacks = MLflow("failing"), Failing()
    with pytest.raises(OSError, match="no space left"):
        FCNetRegressor(**SMALL).set_callbacks(*callbacks).fit(*data)
    client, (run,) = runs_of(mlflow, "failing")
    assert run.info.status == "FAILED"
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 2


# Notebooks


@pytest.fixture
def notebook():
    """Run cells of a notebook in IPython itself; return what each displays."""
    pytest.importorskip("IPython", reason="needs the extra 'watch'")
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell

    class Shell(InteractiveShell):
        def init_history(self):
            self.history_manager = None

    shell = Shell.instance()
    shell.display_pub = CapturingDisplayPublisher()
    yield shell.display_pub.outputs
    Shell.clear_instance()


def test_a_live_curve_is_replaced_after_every_epoch(data, notebook):
    model = FCNetRegressor(**VALIDATES).set_callbacks(LiveCurve(seconds=0))
    model.fit(*data)
    first, *others = notebook
    assert len(others) == model.n_iter_
    pictures = [output["data"]["image/png"] for output in notebook]
    assert len(set(pictures)) == model.n_iter_  # the last epoch is that of the fit
    assert not first["update"]
    assert all(output["update"] for output in others)
    assert len({output["transient"]["display_id"] for output in notebook}) == 1
    plt = pytest.importorskip("matplotlib.pyplot")
    assert plt.get_fignums() == []


def test_a_live_curve_is_drawn_when_the_fit_ends(data, notebook):
    curve = LiveCurve(seconds=3600, plot_learning_rate=True)
    FCNetRegressor(**SMALL).set_callbacks(curve).fit(*data)
    assert len(notebook) == 1
    FCNetRegressor(**SMALL).set_callbacks(curve).fit(*data)
    assert [output["update"] for output in notebook] == [False, False]


def test_outside_of_notebooks_nothing_is_drawn(data, capsys):
    pytest.importorskip("IPython", reason="needs the extra 'watch'")
    FCNetRegressor(**SMALL).set_callbacks(LiveCurve(seconds=0)).fit(*data)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("seconds", [-1, "often", None])
def test_a_live_curve_needs_a_number_of_seconds(seconds):
    with pytest.raises(ValueError, match="seconds must be a number from 0 on"):
        LiveCurve(seconds=seconds)


# The progress bar of scikit-learn


def test_the_progress_bar_of_scikit_learn_counts_the_epochs(data, capsys):
    pytest.importorskip("rich", reason="needs the extra 'watch'")
    bar = sklearn_callback.ProgressBar(max_propagation_depth=None)
    FCNetRegressor(**SMALL).set_callbacks(bar).fit(*data)
    out = capsys.readouterr().out
    assert "FCNetRegressor - fit" in out
    assert "100%" in out
    search = GridSearchCV(FCNetRegressor(**SMALL), {"alpha": [0.1, 1.0]}, cv=2)
    search.set_callbacks(bar).fit(*data)
    out = capsys.readouterr().out
    assert "GridSearchCV - fit" in out
    assert out.count("FCNetRegressor - fit") == 2 * 2 + 1


# All


CALLBACKS = {
    "tensorboardX": lambda folder: TensorBoard(folder),
    "mlflow": lambda folder: MLflow("same", tracking_uri=folder.as_uri()),
    "IPython": lambda folder: LiveCurve(),
}
every_callback = pytest.mark.parametrize("package", CALLBACKS)


@pytest.fixture
def callback(package, tmp_path, monkeypatch):
    pytest.importorskip(package, reason="needs the extra 'watch'")
    monkeypatch.setitem(os.environ, "MLFLOW_ALLOW_FILE_STORE", "true")
    return CALLBACKS[package](tmp_path)


@every_callback
def test_watching_changes_no_bit_and_leaves_nothing(data, callback):
    settings = SMALL | {"dropout": 0.2, "normalization": "batch"}
    watched = FCNetRegressor(**settings).set_callbacks(callback).fit(*data)
    plain = FCNetRegressor(**settings).fit(*data)
    np.testing.assert_array_equal(watched.predict(data[0]), plain.predict(data[0]))
    assert callback._fits == {}


@every_callback
def test_watched_estimators_are_cloned_and_pickled(data, callback):
    model = clone(FCNetRegressor(**SMALL).set_callbacks(callback)).fit(*data)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(data[0]), model.predict(data[0]))
    assert loaded.fit(*data).n_iter_ == 5


@every_callback
def test_what_is_set_on_a_pipeline_is_refused(data, callback):
    pipeline = make_pipeline(StandardScaler(), FCNetRegressor(**SMALL))
    with pytest.raises(TypeError, match="set it on the network itself"):
        pipeline.set_callbacks(callback).fit(*data)


@every_callback
def test_a_missing_package_is_named_with_its_remedy(package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.core.interactiveshell", None)
    with pytest.raises(ImportError, match=r"pip install 'skfcnet\[watch\]'"):
        CALLBACKS[package](tmp_path)
