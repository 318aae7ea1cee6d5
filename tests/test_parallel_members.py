"""Members trained by several jobs: the same bits as by one."""

import copy
import re
import warnings

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from scaffolding import a_net, any_solver, assert_same, data_of, network_of, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._engine.members import (
    ensemble_of_members,
    joined_optimizers,
    optimizer_of_members,
    vector_of_members,
)
from skfcnet._estimators import parallel_members
from skfcnet._estimators.training import BestEpoch, TrainingState
from skfcnet.solver import DivergenceError

K = 5
QUICK = {
    "hidden_layer_sizes": (9, 7),
    "n_members": K,
    "max_iter": 3,
    "batch_size": 32,
    "learning_rate": "one_cycle",
    "early_stopping": False,
    "random_state": 0,
}


def regression(n=100):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 5)).astype(np.float32)
    return X, X @ rng.normal(size=5) + rng.normal(size=n)


def fitted(model, X, y, *, n_jobs, backend="threading", **arguments):
    """Return a copy of a model that was fitted by some jobs."""
    model = clone(model).set_params(n_jobs=n_jobs)
    with joblib.parallel_config(backend=backend, max_nbytes=100):
        return model.fit(X, y, **arguments)


FOLDS = {"early_stopping": True, "learning_rate": "wsd", "max_iter": 40}
"""Settings with which each member is validated on its own fold after every epoch."""

SETTINGS = [
    {},
    {"dropout": 0.3},
    {"dropout": 0.1, "input_dropout": 0.2, "normalization": "batch"},
    {"normalization": "layer", "activation": "gelu"},
    {"numeric_embedding": "pbld", "input_dropout": 0.1},
    {"max_grad_norm": 0.1},
    {"solver": "sgd", "learning_rate": "cosine", "warmup_epochs": 1.0},
    {"solver": "rmsprop", "shuffle": False},
    {"hidden_layer_sizes": (270, 250), "max_iter": 1},
    {"hidden_layer_sizes": (), "dtype": "float64"},
    # Something is decided for all members after some of the epochs.
    FOLDS | {"n_iter_no_change": 2, "learning_rate_init": 0.03},
    FOLDS | {"n_iter_no_change": 1, "tol": 0.01, "scoring": "r2", "dropout": 0.1},
    FOLDS | {"n_iter_no_change": 3, "scoring": None, "validation_fraction": 0.4},
    FOLDS | {"learning_rate": "one_cycle", "max_iter": 3},
    FOLDS | {"learning_rate": "constant", "n_iter_no_change": 1},
    FOLDS | {"learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.02},
    {"learning_rate": "wsd", "n_iter_no_change": 1, "tol": 0.05, "max_iter": 40},
    {"learning_rate": "invscaling", "n_iter_no_change": 1, "tol": 0.1, "max_iter": 40},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("n_jobs", [2, 3, K, -1])
@short_fits
def test_jobs_do_not_change_a_bit(settings, n_jobs):
    X, y = regression()
    model = FCNetRegressor(**QUICK | settings)
    assert_same(fitted(model, X, y, n_jobs=n_jobs), model.fit(X, y), X)


@pytest.fixture
def large_networks(monkeypatch):
    """Let all networks be so large that their members are trained in turn."""

    def start():
        monkeypatch.setattr(parallel_members, "MAX_BYTES_TOGETHER", 0)

    return start


@pytest.mark.parametrize("settings", [s | {"max_iter": 9} for s in SETTINGS], ids=str)
@short_fits
def test_members_that_are_trained_in_turn_have_the_same_bits(settings, large_networks):
    X, y = regression()
    model = FCNetRegressor(**QUICK | settings)
    expected = clone(model).fit(X, y)
    large_networks()
    assert_same(model.fit(X, y), expected, X)


@pytest.mark.parametrize("settings", [{}, FOLDS], ids=["apart", "folds"])
@pytest.mark.parametrize("n_jobs", [1, 2])
@short_fits
def test_jobs_do_not_change_a_bit_of_large_networks(n_jobs, settings, large_networks):
    X, y = regression()
    model = FCNetRegressor(**QUICK | settings | {"max_iter": 7, "n_iter_no_change": 2})
    expected = clone(model).fit(X, y)
    large_networks()
    assert_same(fitted(model, X, y, n_jobs=n_jobs), expected, X)


@short_fits
def test_a_warm_start_of_a_large_network_continues(large_networks):
    X, y = regression()
    model = FCNetRegressor(**QUICK | FOLDS | {"max_iter": 7, "warm_start": True})
    expected = clone(model).fit(X, y).fit(X, y)
    large_networks()
    assert_same(model.fit(X, y).fit(X, y), expected, X)


@short_fits
def test_an_interrupt_keeps_the_best_epochs_of_large_networks(
    large_networks, monkeypatch, tmp_path
):
    """Those of the epochs that all members have been trained for, as without turns."""
    X, y = regression()
    options = FOLDS | {"learning_rate": "constant", "n_iter_no_change": 3}
    model = FCNetRegressor(**QUICK | options)
    large_networks()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    train_part, n_calls = parallel_members.train_part, []

    def interrupted(*arguments):
        n_calls.append(1)
        if len(n_calls) == 2 * K + 3:  # among the members of the third round
            raise KeyboardInterrupt
        return train_part(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(parallel_members, "train_part", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y)
    assert 3 < model.n_iter_ < FOLDS["max_iter"]
    expected = clone(model).set_params(max_iter=model.n_iter_).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    assert model.best_iteration_ == expected.best_iteration_
    assert not list(tmp_path.iterdir())


def test_the_files_of_members_are_deleted(large_networks, monkeypatch, tmp_path):
    X, y = regression()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    large_networks()
    model = FCNetRegressor(**QUICK | FOLDS).fit(X, y)
    assert not list(tmp_path.iterdir())
    with pytest.raises(DivergenceError):
        clone(model).set_params(learning_rate_init=1e30).fit(X, y)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_jobs_do_not_change_a_bit_of_the_defaults(kind, monkeypatch):
    model, X, y = data_of(kind)
    model = type(model)(random_state=0, max_iter=30, n_iter_no_change=2)
    n_rounds = counted(monkeypatch, "train_part")
    ours = fitted(model, X, y, n_jobs=2)
    assert len(n_rounds) > 2, "there was nothing to decide"
    model.fit(X, y)
    assert_same(ours, model, X)
    name = "oob_decision_function_" if kind == "binary" else "oob_prediction_"
    np.testing.assert_array_equal(getattr(ours, name), getattr(model, name))
    assert model.best_validation_score_ == ours.best_validation_score_


def counted(monkeypatch, name):
    """Return a list that gets an entry for every call of a function of the module."""
    calls, function = [], getattr(parallel_members, name)

    def counting(*arguments):
        calls.append(name)
        return function(*arguments)

    monkeypatch.setattr(parallel_members, name, counting)
    return calls


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_jobs_do_not_change_a_bit_of_classification(kind):
    _, X, y = data_of(kind)
    weight = np.random.default_rng(1).integers(0, 4, size=len(X))
    for settings in ({}, FOLDS | {"n_iter_no_change": 1}):
        model = FCNetClassifier(**QUICK | settings, class_weight=None, dropout=0.1)
        ours = fitted(model, X, y, n_jobs=2, sample_weight=weight)
        assert_same(ours, model.fit(X, y, sample_weight=weight), X)


def test_jobs_do_not_change_a_bit_of_sparse_rows():
    X, y = regression()
    X = csr_array(np.where(X > 0.5, X, 0))
    model = FCNetRegressor(**QUICK, input_dropout=0.3)
    assert_same(fitted(model, X, y, n_jobs=3), model.fit(X, y), X)


@pytest.mark.parametrize("settings", [{}, FOLDS], ids=["apart", "folds"])
def test_threads_of_blas_do_not_change_a_bit_of_jobs(settings, two_cores):
    X, y = regression(400)
    large = {"hidden_layer_sizes": (513, 257), "batch_size": 200, "n_members": 2}
    model = FCNetRegressor(**QUICK | settings | large | {"max_iter": 1}, n_jobs=1)
    fits = []
    for limits in (1, 2):
        with threadpool_limits(limits, user_api="blas"):
            fits.append(clone(model).fit(X, y))
    assert_same(*fits, X[:1])


class MyRegressor(FCNetRegressor):
    """A class that the processes of the jobs cannot import."""


def test_processes_do_not_change_a_bit():
    X, y = regression()
    model = MyRegressor(**QUICK, dropout=0.2)
    ours = fitted(model, X, y, n_jobs=2, backend="loky")
    assert_same(ours, model.fit(X, y), X)


def test_processes_validate_the_members():
    X, y = regression()
    decided = {"n_iter_no_change": 2, "learning_rate_init": 0.03, "scoring": "r2"}
    model = FCNetRegressor(**QUICK | FOLDS | decided)
    ours = fitted(model, X, y, n_jobs=2, backend="loky")
    assert_same(ours, model.fit(X, y), X)
    assert model.n_iter_ < FOLDS["max_iter"]


def test_a_context_sets_the_number_of_jobs():
    X, y = regression()
    model = FCNetRegressor(**QUICK).fit(X, y)
    with joblib.parallel_config(backend="threading", n_jobs=3):
        assert parallel_members.n_parts(model) == 3
        assert_same(clone(model).fit(X, y), model, X)
    assert parallel_members.n_parts(model) == 1
    assert parallel_members.n_parts(model.set_params(n_jobs=9)) == K


@pytest.mark.parametrize(
    "settings", [{"total_steps": 24}, FOLDS | {"max_iter": 7}], ids=["apart", "folds"]
)
@short_fits
@any_solver
def test_a_warm_start_continues_from_members_of_several_jobs(settings):
    X, y = regression()
    options = QUICK | {"warm_start": True, "dropout": 0.2} | settings
    model = FCNetRegressor(**options).fit(X, y).fit(X, y)
    with joblib.parallel_config(backend="threading"):
        ours = FCNetRegressor(**options, n_jobs=2).fit(X, y)
        assert_same(clone(ours).fit(X, y).fit(X, y), model, X)
    assert_same(ours.set_params(n_jobs=None).fit(X, y), model, X)


def test_what_a_member_learns_does_not_depend_on_their_number():
    X, y = regression()
    options = QUICK | {"dropout": 0.2, "max_grad_norm": 0.5}
    many = FCNetRegressor(**options).fit(X, y)
    few = FCNetRegressor(**options | {"n_members": 2}).fit(X, y)
    for ours, theirs in zip(few.coefs_, many.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs[:2])


def test_the_first_member_is_a_single_network_where_nothing_is_dropped():
    X, y = regression()
    many = FCNetRegressor(**QUICK).fit(X, y)
    single = FCNetRegressor(**QUICK | {"n_members": 1}).fit(X, y)
    for ours, theirs in zip(single.coefs_, many.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs[0])


# What else happens in a fit


@pytest.mark.parametrize("settings", [{}, FOLDS], ids=["apart", "folds"])
def test_epochs_are_printed_when_they_are_over(settings, capsys):
    X, y = regression()
    lines = []
    for n_jobs in (None, 2):
        fitted(FCNetRegressor(**QUICK | settings, verbose=True), X, y, n_jobs=n_jobs)
        lines.append(re.sub(r"[\d.]+ s\n", "", capsys.readouterr().out))
    assert lines[0] == lines[1] != ""


@short_fits
def test_jobs_train_at_first_for_as_many_epochs_as_there_is_patience(monkeypatch):
    X, y = regression()
    train_part, rounds = parallel_members.train_part, []

    def counting(*arguments):
        trained = train_part(*arguments)
        rounds.append(len(trained.epochs))
        return trained

    monkeypatch.setattr(parallel_members, "train_part", counting)
    model = FCNetRegressor(**QUICK | FOLDS | {"n_iter_no_change": 3})
    fitted(model, X, y, n_jobs=2)
    assert rounds[:2] == [3, 3]


@pytest.mark.parametrize(("n_members", "members"), [(2, [1]), (3, [2, 0])])
def test_a_job_knows_the_best_epochs_of_its_members(n_members, members):
    best = [BestEpoch(m + 3, -float(m), vector=np.zeros(9)) for m in range(n_members)]
    state = TrainingState.start(0)._replace(best_by_validation=tuple(best))
    known = state.of_members(members).best_by_validation
    assert known == tuple(BestEpoch(m + 3, -float(m)) for m in members)


def test_an_epoch_lasts_as_long_as_in_the_slowest_job(monkeypatch):
    X, y = regression()
    train_part, seconds = parallel_members.train_part, iter([1000.0, 2000.0])

    def timed(*arguments):
        trained, lasted = train_part(*arguments), next(seconds)
        epochs = [epoch._replace(seconds=lasted) for epoch in trained.epochs]
        return trained._replace(epochs=epochs)

    monkeypatch.setattr(parallel_members, "train_part", timed)
    model = fitted(FCNetRegressor(**QUICK), X, y, n_jobs=2)
    assert model.history_["seconds"] == [2000.0] * 3


def test_divergence_in_a_process_says_what_to_change():
    X, y = regression()
    model = FCNetRegressor(**QUICK | {"learning_rate_init": 1e30})
    with pytest.raises(DivergenceError, match=r"loss became .* Lower learning_rate_in"):
        fitted(model, X, y, n_jobs=2, backend="loky")


def test_divergence_in_the_last_step_is_noticed(monkeypatch):
    X, y = regression()

    def diverging(*arguments):
        trained = train_part(*arguments)
        return trained._replace(last_losses=[1e9] * len(trained.last_losses))

    train_part = parallel_members.train_part
    monkeypatch.setattr(parallel_members, "train_part", diverging)
    with pytest.raises(DivergenceError, match="the last step left a loss"):
        fitted(FCNetRegressor(**QUICK), X, y, n_jobs=2)


@pytest.mark.parametrize("settings", [{}, FOLDS], ids=["apart", "folds"])
def test_an_interrupt_leaves_the_earlier_model(settings, monkeypatch):
    X, y = regression()
    model = FCNetRegressor(**QUICK | settings, n_jobs=2)
    with joblib.parallel_config(backend="threading"):
        before = clone(model.fit(X, y)).fit(X, y)
        n_rounds = counted(monkeypatch, "join_parts")
        model.fit(X, -y)
        model, n_rounds_before = copy.deepcopy(before), len(n_rounds)
        train_part = parallel_members.train_part

        def interrupted(*arguments):
            if len(n_rounds) == 2 * n_rounds_before - 1:  # in the last round
                raise KeyboardInterrupt
            return train_part(*arguments)

        monkeypatch.setattr(parallel_members, "train_part", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, -y)
    assert_same(model, before, X)


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "lbfgs", "max_iter": 3},
        {"n_members": 1},
        {"n_members": "auto"},
        FOLDS | {"n_members": "auto", "warm_start": True, "early_stopping": "auto"},
    ],
    ids=str,
)
@short_fits
@any_solver
def test_a_single_network_and_lbfgs_are_not_split(settings, monkeypatch):
    X, y = regression()
    monkeypatch.setattr(parallel_members, "train_part", None)
    model = FCNetRegressor(**QUICK | settings)
    with pytest.warns(UserWarning, match="n_jobs=2 has no effect: it needs several me"):
        ours = fitted(model, X, y, n_jobs=2)
    assert_same(ours, model.fit(X, y), X)


def test_members_that_are_scored_together_are_not_split(monkeypatch):
    X, y = regression()
    monkeypatch.setattr(parallel_members, "train_part", None)
    model, held_out = FCNetRegressor(**QUICK | FOLDS), {"X_val": X[:9], "y_val": y[:9]}
    with pytest.warns(UserWarning, match="n_jobs=2 has no effect: X_val and y_val are"):
        ours = fitted(model, X, y, n_jobs=2, **held_out)
    assert_same(ours, model.fit(X, y, **held_out), X)


def test_one_job_is_never_warned_of():
    X, y = regression()
    with warnings.catch_warnings(action="error"):
        FCNetRegressor(**QUICK | {"n_members": 1}, n_jobs=1).fit(X, y)


# Parts of an ensemble


@pytest.mark.parametrize("members", [[0, 2], [1], [2, 1, 0]], ids=str)
def test_a_part_of_an_ensemble_has_what_its_members_have(members):
    net = a_net(n_members=3)
    part = ensemble_of_members(net, members)
    for name, array in {**part.params, **part.state}.items():
        whole = {**net.params, **net.state}[name]
        np.testing.assert_array_equal(array, whole[members])
    X = np.random.default_rng(0).normal(size=(9, 6))
    ours, theirs = part.member_scores(X), net.member_scores(X)[members]
    np.testing.assert_array_equal(ours, theirs)
    assert part.hidden(X).shape == (9, 16 * len(members))


def test_a_single_network_has_the_order_of_a_member():
    net, single = a_net(n_members=3), a_net()
    single.params.vector[...] = vector_of_members(net.params.vector, net, [2])
    X = np.random.default_rng(0).normal(size=(9, 6))
    np.testing.assert_array_equal(single.scores(X), net.member_scores(X)[2])


def test_the_state_of_an_update_rule_is_split_and_joined():
    net = a_net(n_members=4)
    size = len(net.params.trainable)
    config = {"m": np.arange(size), "v": -np.arange(size), "t": 7, "beta1": 0.9}
    parts = [[0], [3, 1], [2]]
    configs = [optimizer_of_members(config, net, members) for members in parts]
    assert [len(part["m"]) * 4 / size for part in configs] == [1, 2, 1]
    joined = joined_optimizers(configs, net, parts)
    assert joined.keys() == config.keys()
    for name, value in config.items():
        np.testing.assert_array_equal(joined[name], value)


def test_a_part_of_a_part_draws_the_masks_of_its_members():
    X, y = regression(40)
    net = network_of(FCNetRegressor(**QUICK, dropout=0.5).fit(X, y))
    part = ensemble_of_members(ensemble_of_members(net, [1, 3, 4]), [2])
    assert part.members == [4]
    X = np.ones((6, net.input_dim), np.float32)
    _, grads = net.loss(X, np.ones(6), random_state=0)
    _, own_grads = part.loss(X, np.ones(6), random_state=0)
    for name, array in own_grads.items():
        np.testing.assert_array_equal(array[0], grads[name][4])
