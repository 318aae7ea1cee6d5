"""Fits that are interrupted, and continue from a checkpoint to the same bits."""

import copy
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skfcnet
from scaffolding import KINDS, any_solver, assert_same, data_of, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor, FCNetTransformer, streaming

pytest.importorskip("skops.io", reason="checkpoints need the extra 'files'")
from skfcnet.callbacks import Checkpoint
from skfcnet.files import ModelFileError

pytestmark = [short_fits, any_solver]

IS_LONG = "SKFCNET_LONG_TESTS" in os.environ
N_KILLS = 50 if IS_LONG else 2


class Killed(BaseException):
    """What ends a process in these tests, which no code handles."""


class KilledCheckpoint(Checkpoint):
    """Writes its file so many times, and then the process ends."""

    def __init__(self, path, n_writes, **options):
        super().__init__(path, **options)
        self.n_left = n_writes

    def write(self, state):
        super().write(state)
        self.n_left -= 1
        if self.n_left == 0:
            raise Killed


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.skops"


def fit_with_kills(model, fit, path, n_writes=2, **options):
    """Fit a model in so many runs as it takes, and return how many."""
    for n_runs in range(1, 1000):
        fitted = clone(model).set_callbacks(KilledCheckpoint(path, n_writes, **options))
        try:
            fit(fitted)
        except Killed:
            assert not hasattr(fitted, "n_iter_")
            continue
        assert not path.exists()
        return fitted, n_runs
    raise AssertionError("training never ended")


VARIANTS = {
    "one cycle": {"learning_rate": "one_cycle", "n_members": 3, "dropout": 0.2},
    "adaptive": {"learning_rate": "adaptive", "tol": 0.01, "n_iter_no_change": 2},
    "stopping": {"early_stopping": True, "learning_rate": "wsd", "max_iter": 60},
    "batch": {"normalization": "batch", "dropout": 0.1, "solver": "sgd"},
    "pbld": {"numeric_embedding": "pbld", "solver": "rmsprop", "warmup_epochs": 2},
}


DEFAULT = {"n_members": "auto", "early_stopping": "auto", "linear_term": True}


@pytest.mark.parametrize(
    ("kind", "variant"),
    [
        *[(kind, DEFAULT) for kind in KINDS],
        *[("multiclass", variant) for variant in VARIANTS.values()],
    ],
    ids=[*KINDS, *VARIANTS],
)
def test_an_interrupted_fit_ends_with_the_same_bits(kind, variant, path):
    model, X, y = data_of(kind)
    model.set_params(**{"batch_size": 16, "max_iter": 12} | variant)
    expected = clone(model).fit(X, y)
    fitted, n_runs = fit_with_kills(model, lambda net: net.fit(X, y), path, every=2)
    assert n_runs > 1
    assert_same(fitted, expected, X)
    assert fitted.best_iteration_ == expected.best_iteration_
    assert fitted.t_ == expected.t_
    if variant is DEFAULT:
        assert fitted.oob_score_ == expected.oob_score_


def test_every_epoch_of_a_schedule_that_falls_early_can_be_the_last_of_a_run(path):
    model, X, y = data_of("regression")
    noise = np.random.default_rng(1).normal(size=len(y))
    options = {"early_stopping": True, "n_members": 3, "learning_rate": "wsd"}
    model.set_params(**options, batch_size=8, max_iter=80, n_iter_no_change=3)
    expected = clone(model).fit(X, noise)
    rates = expected.history_["learning_rate"]
    assert len(rates) < 60  # it falls early
    assert rates[-1] < rates[-5] < max(rates)
    fitted, n_runs = fit_with_kills(model, lambda net: net.fit(X, noise), path, 1)
    assert n_runs == expected.n_iter_
    assert_same(fitted, expected, X)


@pytest.mark.parametrize("is_weighted", [False, True])
def test_sparse_rows_and_weights_are_resumed(is_weighted, path):
    model, X, y = data_of("multiclass")
    X = csr_array(np.where(X > 0, X, 0))
    weight = np.arange(len(y)) % 4 if is_weighted else None
    model.set_params(input_scaling=None, numeric_embedding=None, max_iter=6)
    expected = clone(model).fit(X, y, weight)
    fitted, n_runs = fit_with_kills(model, lambda net: net.fit(X, y, weight), path)
    assert n_runs > 1
    assert_same(fitted, expected, X)


@pytest.mark.parametrize("estimator", [FCNetClassifier, FCNetRegressor])
def test_streams_are_resumed(estimator, path):
    _, X, y = data_of("binary", 1000)
    batches = [(X[i : i + 100], y[i : i + 100]) for i in range(0, 1000, 100)]

    def fit(net):
        return streaming.fit(net, batches, buffer_size=20_000)

    model = estimator(max_iter=5, batch_size=16, n_members=2, random_state=0)
    expected = fit(clone(model))
    fitted, n_runs = fit_with_kills(model, fit, path)
    assert n_runs > 1
    assert_same(fitted, expected, X)
    other = [(X, y) for X, y in batches[::-1]]
    leave_a_checkpoint(model, fit, path)
    with pytest.raises(ValueError, match="other data"):
        streaming.fit(with_checkpoint(model, path), other, buffer_size=20_000)


def test_a_warm_start_is_resumed(path):
    model, X, y = data_of("regression")
    model.set_params(warm_start=True, max_iter=4).fit(X, y)
    expected = copy.deepcopy(model).fit(X, y)
    killed = copy.deepcopy(model).set_callbacks(KilledCheckpoint(path, 2))
    with pytest.raises(Killed):
        killed.fit(X, y)
    assert_same(killed, model, X)
    assert_same(model.set_callbacks(Checkpoint(path)).fit(X, y), expected, X)


def test_a_network_in_a_transformer_in_a_pipeline_is_resumed(path):
    net, X, y = data_of("multiclass")

    def fitted(net):
        features = FCNetTransformer(net.set_params(max_iter=6))
        return make_pipeline(StandardScaler(), features).fit(X, y).transform(X)

    expected = fitted(clone(net))
    with pytest.raises(Killed):
        fitted(clone(net).set_callbacks(KilledCheckpoint(path, 3)))
    assert path.exists()
    resumed = fitted(clone(net).set_callbacks(Checkpoint(path)))
    np.testing.assert_array_equal(resumed, expected)


def leave_a_checkpoint(model, fit, path):
    with pytest.raises(Killed):
        fit(clone(model).set_callbacks(KilledCheckpoint(path, 1)))


def with_checkpoint(model, path):
    return clone(model).set_callbacks(Checkpoint(path))


def test_a_checkpoint_of_other_parameters_is_refused_by_name(path):
    model, X, y = data_of("binary")
    leave_a_checkpoint(model, lambda net: net.fit(X, y), path)
    content = path.read_bytes()
    other = with_checkpoint(model, path).set_params(alpha=0.5, tol=0.25)
    message = r"fit\.skops.*alpha=0\.\d+ there and 0\.5 here, tol=\S+ there and 0\.25"
    with pytest.raises(ValueError, match=message):
        other.fit(X, y)
    assert not hasattr(other, "n_iter_")
    assert path.read_bytes() == content
    other.set_params(alpha=model.alpha, tol=model.tol, verbose=0, n_jobs=2).fit(X, y)


@pytest.mark.parametrize(
    "change",
    [
        lambda X, y: (X, y[::-1]),  # with the same shares of the classes
        lambda X, y: (X + 1e-3 * np.eye(*X.shape), y),
        lambda X, y: (X[1:], y[1:]),
    ],
    ids=["y", "X", "rows"],
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_checkpoint_of_other_data_is_refused(change, early_stopping, path):
    model, X, y = data_of("binary")
    model.set_params(early_stopping=early_stopping)
    leave_a_checkpoint(model, lambda net: net.fit(X, y), path)
    with pytest.raises(ValueError, match="other data: delete it"):
        with_checkpoint(model, path).fit(*change(X, y))
    with_checkpoint(model, path).fit(X.tolist(), y.tolist())  # the same in another form


def test_other_weights_and_validation_rows_are_other_data(path):
    model, X, y = data_of("regression")
    model.set_params(early_stopping=True)
    data = {"X_val": X[:20], "y_val": y[:20]}
    leave_a_checkpoint(model, lambda net: net.fit(X, y, **data), path)
    for changes in ({"y_val": y[:20] + 1}, {"sample_weight": 1 + (y > 0)}):
        with pytest.raises(ValueError, match="other data"):
            with_checkpoint(model, path).fit(X, y, **data | changes)


def test_a_damaged_checkpoint_is_refused_and_the_earlier_model_stays(path):
    model, X, y = data_of("binary")
    leave_a_checkpoint(model, lambda net: net.fit(X, y), path)
    path.write_bytes(path.read_bytes()[:-1])
    fitted = clone(model).fit(X[::2], y[::2])
    before = copy.deepcopy(fitted)
    with pytest.raises(ModelFileError, match=r"fit\.skops"):
        fitted.set_callbacks(Checkpoint(path)).fit(X, y)
    assert_same(fitted, before, X)
    skfcnet.save(model, path)
    with pytest.raises(ModelFileError, match=r"fit\.skops.* is not a checkpoint"):
        fitted.fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"random_state": None}, "integer as random_state.*Got None"),
        ({"random_state": np.random.RandomState(0)}, "integer as random_state"),
        ({"solver": "lbfgs"}, "solver='lbfgs'"),
    ],
    ids=["None", "RandomState", "lbfgs"],
)
def test_a_fit_that_could_not_be_resumed_is_refused(parameters, message, path):
    model, X, y = data_of("binary")
    with pytest.raises(ValueError, match=message):
        model.set_params(**parameters).set_callbacks(Checkpoint(path)).fit(X, y)
    assert not hasattr(model, "n_iter_")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "every must be a positive integer, got 0"),
        ({"every": 1.5}, "every"),
        ({"seconds": -1}, "seconds must be a number from 0 on, got -1"),
        ({"seconds": "60s"}, "seconds"),
    ],
)
def test_bad_arguments_are_refused(options, message, path):
    with pytest.raises(ValueError, match=message):
        Checkpoint(path, **options)


def test_the_folder_must_exist_and_there_is_one_checkpoint(path):
    with pytest.raises(ValueError, match="folder that exists"):
        Checkpoint(path.parent / "gone" / "fit.skops")
    model, X, y = data_of("binary")
    with pytest.raises(ValueError, match="one Checkpoint, got 2"):
        model.set_callbacks(Checkpoint(path), Checkpoint(path)).fit(X, y)


class Counting(Checkpoint):
    def write(self, state):
        self.epochs = [*getattr(self, "epochs", []), state["training"].n_epochs]
        super().write(state)


@pytest.mark.parametrize(
    ("options", "epochs"),
    [
        ({}, [1, 2, 3, 4]),
        ({"every": 2}, [2, 4]),
        ({"every": 9}, []),
        ({"seconds": 1000}, []),
    ],
)
def test_the_file_is_written_as_often_as_asked(options, epochs, path):
    model, X, y = data_of("binary")
    counting = Counting(path, **options)
    model.set_callbacks(counting).fit(X, y)
    assert getattr(counting, "epochs", []) == epochs
    assert list(path.parent.iterdir()) == []


def test_a_checkpoint_that_cannot_be_written_fails_the_fit(path, monkeypatch):
    model, X, y = data_of("binary")
    fitted = clone(model).fit(X[::2], y[::2])
    before = copy.deepcopy(fitted)
    monkeypatch.setattr(os, "fsync", lambda _: os.write(-1, b""))
    with pytest.raises(OSError, match="Bad file descriptor"):
        fitted.set_callbacks(Checkpoint(path)).fit(X, y)
    assert_same(fitted, before, X)
    assert list(path.parent.iterdir()) == []


def test_after_ctrl_c_the_file_is_there_to_continue_from(path):
    model, X, y = data_of("binary")

    class Interrupted(Checkpoint):
        def write(self, state):
            super().write(state)
            if state["training"].n_epochs == 3:
                raise KeyboardInterrupt

    interrupted = clone(model).set_callbacks(Interrupted(path))
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(X, y)
    assert interrupted.n_iter_ == 3
    resumed = with_checkpoint(model, path).fit(X, y)
    assert_same(resumed, model.fit(X, y), X)


def test_what_a_killed_process_left_is_removed(path):
    left = path.with_name(f".{path.name}.abcdefgh.tmp")
    left.mkdir()
    (left / path.name).write_bytes(b"half a file")
    model, X, y = data_of("binary")
    with_checkpoint(model, path).fit(X, y)
    assert list(path.parent.iterdir()) == []


# Real kills

FITS_WITH_KILLS = """
import os, signal, sys, time, warnings
import numpy as np
import skfcnet
from skfcnet import FCNetClassifier, streaming
from skfcnet.callbacks import Checkpoint

warnings.simplefilter("ignore")
kind, folder, n_kills = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = np.random.default_rng(0)
X = rng.normal(size=(600, 6))
y = (X[:, 0] * X[:, 1] + 0.5 * rng.normal(size=600) > 0).astype(int)
batches = [(X[i : i + 100], y[i : i + 100]) for i in range(0, 600, 100)]


def fit(net, name):
    if kind == "stream":
        streaming.fit(net.set_params(n_members=2), batches, buffer_size=12_000)
    else:
        net.fit(X, y)
    skfcnet.save(net.set_callbacks(), f"{folder}/{name}.skops")


def start_fit():
    child = os.fork()
    if not child:
        fit(a_net().set_callbacks(Checkpoint(f"{folder}/fit.skops")), "resumed")
        os._exit(0)
    return child


def a_net():
    return FCNetClassifier((16,), batch_size=16, max_iter=12, random_state=0)


began = time.monotonic()
fit(a_net(), "expected")
duration = time.monotonic() - began
n_killed = 0
while n_killed < n_kills:
    child = start_fit()
    time.sleep(np.random.default_rng().uniform(0, duration))
    if os.waitpid(child, os.WNOHANG) == (0, 0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        n_killed += 1
        print(os.listdir(folder), flush=True)
assert os.waitpid(start_fit(), 0)[1] == 0
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("kind", ["members", "stream"])
def test_a_fit_that_is_killed_many_times_ends_with_the_same_bits(kind, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", FITS_WITH_KILLS, kind, tmp_path, str(N_KILLS)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    print(run.stdout)
    expected, resumed = (
        skfcnet.load(tmp_path / f"{name}.skops") for name in ("expected", "resumed")
    )
    assert_same(resumed, expected, np.random.default_rng(1).normal(size=(50, 6)))
    assert not (tmp_path / "fit.skops").exists()
