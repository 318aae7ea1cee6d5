import copy
import re
import subprocess
import sys

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix

from scaffolding import EVERY_RULE, C, D, a_net, a_solver, some_data
from skfcnet.losses import LOSSES
from skfcnet.network import CATEGORIES, FullyConnectedNet
from skfcnet.solver import Solver
from skfcnet.update_rules import UPDATE_RULES, adam, sgd, sgd_momentum


def measured(net, X, y):
    """Return accuracy, or the RMS error, computed independently of the solver."""
    scores = net.loss(X)
    if net.category == "classification":
        return np.mean(scores.argmax(axis=1) == y)
    return np.sqrt(np.mean((scores.astype(float) - y) ** 2))


class Recording(FullyConnectedNet):
    """A network that keeps a copy of every minibatch it is trained on."""

    def backpropagate(self, x, y, passes, **options):
        vars(self).setdefault("seen", []).append((np.array(x), np.array(y)))
        return super().backpropagate(x, y, passes, **options)


# History


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize(("n", "per_epoch"), [(128, 4), (130, 5), (129, 4), (20, 1)])
def test_histories_have_one_entry_for_each_step_and_each_check(category, n, per_epoch):
    solver = a_solver(category, data=some_data(category, n=n), num_epochs=3)
    solver.train()
    assert len(solver.loss_history) == 3 * per_epoch
    assert len(solver.train_acc_history) == len(solver.val_acc_history) == 4
    assert solver.epoch == 3
    assert solver.epoch_rows == n


LEARNING_RATES = {
    "sgd": [0.1],
    "sgd_momentum": [0.02],
    "sgd_nesterov": [0.02],
    "rmsprop": [0.02],
    "adam": [0.02],
    "adamw": [0.02],
}
"""At which learning rates each update rule learns; another one, at any of `RATES`."""

RATES = (0.02, 0.1, 0.005)


@pytest.mark.parametrize("category", CATEGORIES)
@EVERY_RULE
def test_training_learns(category, rule):
    def learns(rate):
        solver = a_solver(
            category,
            update_rule=rule,
            optim_config={"learning_rate": rate},
            num_epochs=12,
            net=a_net(category, dropout=0.0),
        )
        solver.train()
        losses, first = solver.loss_history, solver.val_acc_history[0]
        loss_falls = np.mean(losses[-4:]) < 0.6 * np.mean(losses[:4])
        if category == "classification":
            return loss_falls and solver.best_val_acc > max(first, 0.75)
        return loss_falls and solver.best_val_acc < 0.7 * first

    assert any(learns(rate) for rate in LEARNING_RATES.get(rule.__name__, RATES))


def test_the_first_loss_includes_the_penalty_and_is_that_of_the_network():
    data = some_data(n=20)
    net = a_net(reg=0.3, dropout=0.0)
    expected = copy.deepcopy(net).loss(data["X_train"], data["y_train"])[0]
    solver = a_solver(net=net, data=data)
    solver.train()
    assert solver.loss_history[0] == pytest.approx(expected, rel=1e-6)


def test_a_step_is_the_rule_applied_to_the_gradient_of_the_loss():
    """The penalty's gradient is added on the way; it must be that of the penalty."""
    data = some_data(n=20, dtype=np.float64)
    net = a_net(reg=0.7, dropout=0.0, dtype=np.float64)
    by_hand = copy.deepcopy(net)
    _, grads = by_hand.loss(data["X_train"], data["y_train"])
    expected, _ = adam(
        by_hand.params.trainable, grads.trainable, {"learning_rate": 0.01}
    )
    solver = a_solver(
        net=net, data=data, update_rule=adam, optim_config={"learning_rate": 0.01}
    )
    solver.train_epoch()
    np.testing.assert_allclose(net.params.trainable, expected, rtol=1e-7, atol=1e-9)


def test_an_epoch_returns_the_mean_loss_over_its_rows():
    solver = a_solver(data=some_data(n=100), batch_size=40)
    loss = solver.train_epoch()
    expected = np.average(solver.loss_history, weights=[40, 40, 20])
    assert loss == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("category", CATEGORIES)
def test_epoch_0_measures_the_untrained_network(category):
    net, data = a_net(category), some_data(category)
    before = measured(net, data["X_val"], data["y_val"])
    train_before = measured(net, data["X_train"], data["y_train"])
    solver = a_solver(category, net=net, data=data)
    solver.train()
    assert solver.val_acc_history[0] == pytest.approx(before, rel=1e-6)
    assert solver.train_acc_history[0] == pytest.approx(train_before, rel=1e-6)


def test_accuracies_may_be_measured_on_a_sample():
    solver = a_solver(num_train_samples=7, num_val_samples=11)
    solver.train()
    for history, size in ((solver.train_acc_history, 7), (solver.val_acc_history, 11)):
        hits = np.multiply(history, size)
        np.testing.assert_allclose(hits, np.round(hits), atol=1e-9)


# What it prints


NUMBER = r"\d+\.\d{6}"


def test_logs_every_few_iterations_and_every_epoch_from_0_on(capsys):
    a_solver(verbose=True, num_epochs=2, print_every=3).train()
    expected = [
        rf"\(Epoch 0 / 2\) train acc: {NUMBER}; val_acc: {NUMBER}",
        rf"\(Iteration 1 / 10\) loss: {NUMBER}",
        rf"\(Iteration 4 / 10\) loss: {NUMBER}",
        rf"\(Epoch 1 / 2\) train acc: {NUMBER}; val_acc: {NUMBER}",
        rf"\(Iteration 7 / 10\) loss: {NUMBER}",
        rf"\(Iteration 10 / 10\) loss: {NUMBER}",
        rf"\(Epoch 2 / 2\) train acc: {NUMBER}; val_acc: {NUMBER}",
    ]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line)


def test_logs_the_numbers_of_the_history(capsys):
    solver = a_solver(verbose=True, num_epochs=1, print_every=1)
    solver.train()
    lines = capsys.readouterr().out.splitlines()
    for i, loss in enumerate(solver.loss_history):
        assert lines[i + 1] == f"(Iteration {i + 1} / 5) loss: {loss:.6f}"
    train, val = solver.train_acc_history, solver.val_acc_history
    for line, epoch in ((lines[0], 0), (lines[-1], 1)):
        accuracies = f"train acc: {train[epoch]:.6f}; val_acc: {val[epoch]:.6f}"
        assert line == f"(Epoch {epoch} / 1) {accuracies}"


def test_says_nothing_unless_verbose(capsys):
    a_solver(verbose=False, print_every=1).train()
    assert capsys.readouterr().out == ""


# The best parameters


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_best_parameters_are_restored_with_their_statistics(category):
    """The learning rate is quadrupled in every epoch, until the last ones are bad."""
    net, data = a_net(category), some_data(category)
    solver = a_solver(
        category,
        net=net,
        data=data,
        update_rule=sgd,
        lr_decay=4.0,
        num_epochs=4,
    )
    solver.train()
    history = solver.val_acc_history
    best = max(history) if category == "classification" else min(history)
    assert history[-1] != best != history[0]
    assert solver.best_val_acc == best
    achieved = measured(net, data["X_val"], data["y_val"])
    assert achieved == pytest.approx(best, rel=1e-6)


def test_the_running_statistics_left_belong_to_the_best_epoch():
    options = {"update_rule": sgd, "lr_decay": 4.0}
    solver = a_solver(num_epochs=4, **options)
    solver.train()
    best = int(np.argmax(solver.val_acc_history))
    assert 0 < best < 4
    other = a_solver(num_epochs=best, **options)
    other.train()
    np.testing.assert_array_equal(solver.model.params.vector, other.model.params.vector)


# The update rule


def test_the_learning_rate_decays_after_every_epoch():
    solver = a_solver(lr_decay=0.5, num_epochs=3)
    solver.train()
    assert solver.optim_config["learning_rate"] == pytest.approx(0.05 * 0.5**3)


def test_the_rule_defaults_to_momentum_with_its_own_defaults():
    solver = Solver(a_net(), some_data())
    config = solver.optim_config
    assert config["learning_rate"] == sgd_momentum.defaults["learning_rate"]
    assert config["momentum"] == sgd_momentum.defaults["momentum"]
    assert "velocity" in config


def test_the_configuration_given_is_copied():
    net = a_net()
    velocity = np.full(len(net.params.trainable), 1e-3, np.float32)
    config = {"learning_rate": 0.05, "velocity": velocity}
    solver = a_solver(net=net, optim_config=config, lr_decay=0.5)
    solver.train()
    assert config.keys() == {"learning_rate", "velocity"}
    assert config["learning_rate"] == 0.05
    assert config["velocity"] is velocity
    np.testing.assert_array_equal(velocity, np.float32(1e-3))


def test_an_unknown_configuration_is_refused_by_name():
    with pytest.raises(TypeError, match="'momentun'"):
        a_solver(optim_config={"momentun": 0.9})


@EVERY_RULE
def test_a_new_solver_goes_on_where_another_one_stopped(rule):
    options = {"update_rule": rule, "optim_config": {"learning_rate": 0.01}}
    expected = a_solver(random_state=np.random.default_rng(0), **options)
    for _ in range(4):
        expected.train_epoch()

    net, rng = a_net(), np.random.default_rng(0)
    first = a_solver(net=net, random_state=rng, **options)
    first.train_epoch()
    first.train_epoch()
    options["optim_config"] = first.optim_config
    second = a_solver(net=net, random_state=rng, **options)
    second.train_epoch()
    second.train_epoch()
    np.testing.assert_array_equal(net.params.vector, expected.model.params.vector)
    assert first.loss_history + second.loss_history == expected.loss_history


# Checkpoints


def test_checkpoints_hold_the_network_and_the_history(tmp_path):
    data = some_data()
    solver = a_solver(
        data=data, num_epochs=3, checkpoint_name=str(tmp_path / "run"), lr_decay=0.5
    )
    solver.train()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"run_epoch_{epoch}.pkl" for epoch in (1, 2, 3)]
    for epoch in (1, 2, 3):
        checkpoint = joblib.load(tmp_path / f"run_epoch_{epoch}.pkl")
        assert checkpoint["epoch"] == epoch
        assert checkpoint["loss_history"] == solver.loss_history[: 5 * epoch]
        assert checkpoint["val_acc_history"] == solver.val_acc_history[: epoch + 1]
        assert checkpoint["train_acc_history"] == solver.train_acc_history[: epoch + 1]
        accuracy = measured(checkpoint["model"], data["X_val"], data["y_val"])
        assert accuracy == pytest.approx(solver.val_acc_history[epoch])
        config = checkpoint["optim_config"]
        assert config["learning_rate"] == pytest.approx(0.05 * 0.5**epoch)


def test_training_goes_on_from_a_checkpoint(tmp_path):
    a_solver(num_epochs=1, checkpoint_name=str(tmp_path / "run")).train()
    checkpoint = joblib.load(tmp_path / "run_epoch_1.pkl")
    solver = a_solver(net=checkpoint["model"], optim_config=checkpoint["optim_config"])
    solver.train()
    assert np.mean(solver.loss_history) < checkpoint["loss_history"][0]


# The rows


@pytest.mark.parametrize("shuffle", [True, False])
def test_every_epoch_uses_every_row_once(shuffle):
    data = some_data(n=100)
    net = Recording("classification", [4], [False], D, C, random_state=0)
    a_solver(net=net, data=data, num_epochs=3, batch_size=30, shuffle=shuffle).train()
    epochs = [net.seen[start : start + 4] for start in (0, 4, 8)]
    orders = []
    for batches in epochs:
        X = np.vstack([x for x, _ in batches])
        y = np.concatenate([y for _, y in batches])
        assert [len(x) for x, _ in batches] == [30, 30, 30, 10]
        # The row of the data that each row trained on is: their distances are zero.
        order = np.abs(X[:, None] - data["X_train"]).sum(axis=2).argmin(axis=1)
        np.testing.assert_array_equal(X, data["X_train"][order])
        np.testing.assert_array_equal(y, data["y_train"][order])
        np.testing.assert_array_equal(np.sort(order), np.arange(100))
        orders.append(order.tolist())
    assert (orders[0] == list(range(100))) is not shuffle
    assert (orders[0] == orders[1]) is not shuffle


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_data_are_never_modified(category, dtype):
    data = some_data(category, dtype=dtype)
    before = copy.deepcopy(data)
    for array in data.values():
        array.flags.writeable = False
    a_solver(category, data=data).train()
    assert data.keys() == before.keys()
    for name, array in before.items():
        np.testing.assert_array_equal(data[name], array, strict=True)


@pytest.mark.parametrize("category", CATEGORIES)
def test_float64_rows_train_like_their_float32_values(category):
    single = some_data(category, dtype=np.float32)
    double = {
        k: v.astype(float) if v.dtype.kind == "f" else v for k, v in single.items()
    }
    solvers = [a_solver(category, data=data) for data in (single, double)]
    for solver in solvers:
        solver.train()
    assert solvers[0].loss_history == solvers[1].loss_history
    assert solvers[1].X_train.dtype == np.float32


def test_images_are_flattened():
    data = some_data()
    images = {k: v.reshape(-1, 2, 3) if "X" in k else v for k, v in data.items()}
    flat, shaped = a_solver(data=data), a_solver(data=images)
    flat.train()
    shaped.train()
    assert flat.loss_history == shaped.loss_history


def test_weighted_rows_train_as_repeated_ones():
    data = some_data()
    weight = np.random.default_rng(0).integers(1, 4, size=130)
    repeated = data | {
        name: np.repeat(data[name], weight, axis=0) for name in ("X_train", "y_train")
    }
    solvers = [
        a_solver(data=data, sample_weight=weight.astype(float), num_train_samples=None),
        a_solver(data=repeated, num_train_samples=None),
    ]
    for solver in solvers:
        for _ in range(3):
            solver.train_epoch()
        assert solver.epoch_rows == weight.sum()
    assert solvers[0].loss_history == solvers[1].loss_history
    vectors = [solver.model.params.vector for solver in solvers]
    np.testing.assert_array_equal(*vectors)


def sparse_data(layout=csr_array):
    dense = some_data()
    for part in ("X_train", "X_val"):
        kept = np.random.default_rng(1).random(dense[part].shape) < 0.4
        dense[part] = dense[part] * kept
    return dense, {k: layout(v) if "X" in k else v for k, v in dense.items()}


@pytest.mark.parametrize("layout", [csr_array, csr_matrix])
def test_sparse_rows_train_like_dense_ones(layout):
    dense, sparse = sparse_data(layout)
    solvers = [a_solver(data=data) for data in (dense, sparse)]
    for solver in solvers:
        solver.train()
    dense_history, sparse_history = (solver.loss_history for solver in solvers)
    np.testing.assert_allclose(sparse_history, dense_history, rtol=1e-3)
    assert np.mean(sparse_history[-5:]) < np.mean(sparse_history[:5])


def test_sparse_rows_train_the_same_however_their_elements_are_stored():
    """An element stored as two halves is their sum."""
    _, canonical = sparse_data()
    X = canonical["X_train"]
    halves = csr_array(
        (np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), 2 * X.indptr), X.shape
    )
    other = canonical | {"X_train": halves}
    solvers = [a_solver(data=data, num_epochs=1) for data in (canonical, other)]
    for solver in solvers:
        solver.train()
    assert halves.nnz == 2 * X.nnz  # and the one given is left as it was
    np.testing.assert_allclose(
        solvers[1].loss_history, solvers[0].loss_history, rtol=1e-4
    )


# Reproducibility


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_seed_reproduces_training_to_the_bit(category):
    solvers = []
    for global_seed in (0, 1):
        np.random.seed(global_seed)
        solver = a_solver(category, num_train_samples=50, random_state=3)
        before = np.random.get_state()[1:3]
        solver.train()
        after = np.random.get_state()[1:3]
        np.testing.assert_array_equal(after[0], before[0])
        assert after[1] == before[1]
        solvers.append(solver)
    one, same = solvers
    assert one.loss_history == same.loss_history
    assert one.train_acc_history == same.train_acc_history
    assert one.val_acc_history == same.val_acc_history
    np.testing.assert_array_equal(one.model.params.vector, same.model.params.vector)
    other = a_solver(category, random_state=4)
    other.train()
    assert other.loss_history != one.loss_history


def test_numpys_seed_makes_a_notebook_reproducible():
    histories = []
    for _ in range(2):
        np.random.seed(231)
        solver = a_solver(net=a_net(random_state=None), random_state=None)
        solver.train()
        histories.append(solver.loss_history)
    assert histories[0] == histories[1]


# Failures


@pytest.mark.parametrize("category", CATEGORIES)
def test_divergence_is_an_error_that_names_epoch_and_learning_rate(category):
    net = FullyConnectedNet(category, [8], [False], D, C, random_state=0)
    solver = a_solver(
        category,
        net=net,
        update_rule=sgd,
        optim_config={"learning_rate": 1e38},
        num_epochs=3,
    )
    with pytest.raises(ValueError, match=r"diverged.* in epoch 1 .*rate of 1e\+38"):
        solver.train()
    assert np.isfinite(net.params.vector).all()


def test_after_a_late_divergence_the_best_parameters_are_left():
    net, data = a_net("regression"), some_data("regression")
    solver = a_solver(
        "regression", net=net, data=data, update_rule=sgd, lr_decay=1e30, num_epochs=9
    )
    with pytest.raises(ValueError, match="diverged"):
        solver.train()
    assert solver.epoch >= 1
    achieved = measured(net, data["X_val"], data["y_val"])
    assert achieved == pytest.approx(solver.best_val_acc, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({}, {"batch_size": 0}, "batch_size must be a positive integer, got 0"),
        ({"X_train": np.zeros((130, D + 1))}, {}, "X_train .* 6 features"),
        ({"X_val": np.zeros((60, D - 1))}, {}, "X_val .* 6 features"),
        ({"X_train": np.zeros((0, D)), "y_train": np.zeros(0, int)}, {}, "X_train"),
        ({"X_train": np.full((130, D), np.nan)}, {}, "X_train .* finite in float32"),
        ({"X_val": np.full((60, D), 1e300)}, {}, "X_val .* finite in float32"),
        ({"X_train": csr_array(np.full((130, D), np.inf))}, {}, "X_train .* finite"),
        ({"y_train": np.zeros(129, int)}, {}, "130 integer labels"),
        ({"y_val": np.full(60, C)}, {}, "class indices from 0 to 2, got 3"),
        ({"X_train": [["a"] * D] * 130}, {}, "X_train must be an array of numbers"),
    ],
)
def test_data_that_do_not_fit_are_refused(changes, options, message):
    with pytest.raises(ValueError, match=message):
        a_solver(data=some_data() | changes, **options)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("part", ["train", "val"])
def test_targets_that_are_not_finite_are_refused(value, part):
    data = some_data("regression")
    data[f"y_{part}"] = np.full(data[f"y_{part}"].shape, value)
    with pytest.raises(ValueError, match=r"y must .* finite in float32"):
        a_solver("regression", data=data)


@pytest.mark.parametrize("loss", LOSSES)
def test_accuracy_follows_the_loss_of_the_network(loss):
    category = "classification" if LOSSES[loss].takes_labels else "regression"
    net, data = a_net(category, loss=loss), some_data(category)
    if loss in ("logistic", "softmax_groups"):
        data |= {k: (v > 0).astype(np.float32) for k, v in data.items() if "y" in k}
    if LOSSES[loss].link.name == "exp":
        data |= {k: np.abs(v) + 0.1 for k, v in data.items() if "y" in k}
    solver = a_solver(category, net=net, data=data)
    solver.train()
    decided = LOSSES[loss].link.decide(net.scores(data["X_val"]))
    error = np.sqrt(np.mean((decided.astype(float) - data["y_val"]) ** 2))
    expected = np.mean(decided == data["y_val"]) if loss == "softmax" else error
    assert solver.best_val_acc == pytest.approx(expected, rel=1e-6)


def test_the_error_of_several_quantiles_is_that_of_all_of_them():
    net = a_net("regression", loss="quantile", loss_params={"quantile": [0.3, 0.7]})
    data = some_data("regression")
    solver = a_solver("regression", net=net, data=data)
    solver.train()
    quantiles = net.objective.link.decide(net.scores(data["X_val"]))
    y = data["y_val"].reshape(len(quantiles), -1)
    error = np.sqrt(np.mean((quantiles - np.repeat(y, 2, axis=1)) ** 2))
    assert solver.best_val_acc == pytest.approx(error, rel=1e-6)


BAD_ARGUMENTS = [
    {"batch_size": 0},
    {"batch_size": "auto"},
    {"num_epochs": 1.5},
    {"num_epochs": None},
    {"print_every": 0},
    {"num_train_samples": 0},
    {"num_val_samples": -1},
    {"first_step": -1},
    {"first_step": 0.5},
    {"lr_decay": np.nan},
    {"lr_decay": np.inf},
    {"lr_decay": 0.0},
    {"lr_decay": -0.9},
    {"lr_decay": None},
    {"max_grad_norm": -1},
    {"max_grad_norm": 0},
    {"max_grad_norm": np.nan},
    {"max_grad_norm": "1"},
    {"warmup_epochs": -1},
    {"warmup_epochs": np.nan},
    {"warmup_epochs": np.inf},
    {"warmup_epochs": None},
    {"schedule": "cosin"},
    {"schedule": None},
    {"schedule_config": {"power": 0.5}},
    {"schedule_config": {"power_t": np.nan}, "schedule": "invscaling"},
    {"schedule_config": {"power_t": -1}, "schedule": "invscaling"},
    {"schedule_config": 0.5},
    {"verbose": "no"},
    {"shuffle": None},
    {"random_state": -1},
    {"random_state": "seed"},
    {"optim_config": 0.1},
    {"update_rule": "adm"},
    {"update_rule": None},
    {"update_rule": lambda w, dw, config: (w, config)},
    {"checkpoint_name": "no/such/folder/net"},
    {"checkpoint_name": 3},
    {"sample_weight": np.ones(3)},
    {"sample_weight": np.zeros(40)},
    {"sample_weight": np.full(40, np.nan)},
    {"loss_weight": np.ones(3)},
    {"loss_weight": np.full(40, -1.0)},
    {"loss_weight": np.full(40, np.nan)},
]


@pytest.mark.parametrize("changes", BAD_ARGUMENTS)
def test_bad_arguments_are_named_before_anything_is_trained(changes):
    rng = np.random.default_rng(0)
    data = {"X_train": rng.normal(size=(40, 3)), "y_train": rng.normal(size=40)}
    net = FullyConnectedNet("regression", [4], [False], 3, 1, random_state=0)
    with pytest.raises((ValueError, TypeError), match=next(iter(changes))):
        Solver(net, data, **changes)


class Watched(FullyConnectedNet):
    """A network that counts the subnormal numbers it meets in its vector."""

    n_subnormal = 0

    def backpropagate(self, x, y, passes, **options):
        self.n_subnormal += n_subnormal(self.params.vector)
        return super().backpropagate(x, y, passes, **options)


def n_subnormal(array):
    return np.count_nonzero((array != 0) & (np.abs(array) < np.finfo(array.dtype).tiny))


@EVERY_RULE
@pytest.mark.parametrize("n_members", [1, 2])
def test_no_step_of_a_long_epoch_meets_subnormal_numbers(rule, n_members):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5_000, 4)).astype(np.float32)
    X[:, 2:] = 0
    y = X.sum(axis=1)
    net = Watched(
        "regression",
        [6, 6],
        [True, False],
        4,
        1,
        reg=1e-6,
        weight_scale=0.1,
        random_state=0,
        n_members=n_members,
    )
    net.params["b2"][..., 0] = -100  # no row reaches this unit
    config = {"learning_rate": 1e-3}
    solver = Solver(
        net,
        {"X_train": X, "y_train": y},
        update_rule=rule,
        optim_config=config,
        batch_size=2,
        verbose=False,
        random_state=0,
    )
    solver.train_epoch()
    assert net.n_subnormal == 0
    for slot in rule.slots:
        assert n_subnormal(solver.optim_config[slot]) == 0


def test_running_statistics_of_units_that_receive_nothing_end_at_zero():
    data = {"X_train": np.zeros((4_000, 4)), "y_train": np.zeros(4_000)}
    net = Watched("regression", [6], [True], 4, 1, random_state=0)
    Solver(net, data, batch_size=2, verbose=False, random_state=0).train_epoch()
    assert net.n_subnormal == 0
    np.testing.assert_array_equal(net.params.state["running_var1"], 0)


@EVERY_RULE
@pytest.mark.parametrize("value", [np.nan, -1.0, np.inf, "fast", None], ids=str)
def test_bad_numbers_of_the_rule_are_named_before_anything_is_trained(rule, value):
    for name in rule.defaults:
        with pytest.raises(ValueError, match=f"{name} must be"):
            a_solver(update_rule=rule, optim_config={name: value})


@pytest.mark.parametrize("missing", ["X_train", "y_train", "X_val", "y_val"])
def test_data_that_lack_an_array_are_refused(missing):
    data = some_data()
    del data[missing]
    with pytest.raises(ValueError, match=f"data must hold {missing}"):
        a_solver(data=data)


def test_data_are_a_dict():
    with pytest.raises(TypeError, match="data must be a dict"):
        Solver(a_net(), [1, 2])


@pytest.mark.parametrize("name", UPDATE_RULES)
def test_an_update_rule_may_be_given_by_name(name):
    by_name, by_itself = (
        a_solver(update_rule=rule) for rule in (name, UPDATE_RULES[name])
    )
    by_name.train_epoch()
    by_itself.train_epoch()
    assert by_name.loss_history == by_itself.loss_history


def test_an_unknown_update_rule_is_told_the_known_ones():
    known = re.escape(str(sorted(UPDATE_RULES)))
    with pytest.raises(ValueError, match=f"update_rule must be one of {known}.*'Adam'"):
        a_solver(update_rule="Adam")


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_best_score_has_a_name_for_errors_too(category):
    solver = a_solver(category)
    assert solver.best_val_score is None
    solver.train()
    assert solver.best_val_score == solver.best_val_acc


# Checkpoints that cannot be written


class Unpicklable(FullyConnectedNet):
    """A network that can be pickled so many times."""

    left = 1

    def __reduce__(self):
        self.left -= 1
        if self.left < 0:
            raise OSError("no space left on device")
        return super().__reduce__()


def test_a_checkpoint_that_fails_leaves_the_earlier_one_and_nothing_else(tmp_path):
    net = Unpicklable("classification", [16], [True], D, C, random_state=0)
    solver = a_solver(net=net, checkpoint_name=tmp_path / "run")
    with pytest.raises(OSError, match="no space left"):
        solver.train()
    assert [path.name for path in tmp_path.iterdir()] == ["run_epoch_1.pkl"]
    assert joblib.load(tmp_path / "run_epoch_1.pkl")["epoch"] == 1
    assert solver.epoch == 2


def test_a_full_disk_leaves_the_earlier_checkpoint_and_nothing_else(tmp_path):
    """The file may grow to 100,000 bytes, and the next checkpoint needs more."""
    resource = pytest.importorskip("resource")
    del resource
    code = f"""
import resource, signal
import numpy as np
from skfcnet.network import FullyConnectedNet
from skfcnet.solver import Solver

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
rng = np.random.default_rng(0)
data = {{"X_train": rng.normal(size=(50, 300)), "y_train": np.arange(50) % 2}}
data |= {{"X_val": data["X_train"], "y_val": data["y_train"]}}
net = FullyConnectedNet("classification", [100], input_dim=300, output_dim=2)
for limit in (10**7, 10**5):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, 10**7))
    try:
        Solver(
            net,
            data,
            num_epochs=1,
            verbose=False,
            checkpoint_name={str(tmp_path / "run")!r},
        ).train()
    except OSError as error:
        print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "File too large" in run.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["run_epoch_1.pkl"]
    assert joblib.load(tmp_path / "run_epoch_1.pkl")["epoch"] == 1


# Networks of other people


class TwoLayerNet:
    """A network as it is written in class: affine, relu, affine, and a loss."""

    def __init__(self, n_outputs=C, reg=1e-3, dtype=np.float64):
        rng = np.random.default_rng(0)
        self.reg = reg
        self.params = {
            "W1": rng.normal(scale=0.3, size=(D, 20)).astype(dtype),
            "b1": np.zeros(20, dtype),
            "W2": rng.normal(scale=0.3, size=(20, n_outputs)).astype(dtype),
            "b2": np.zeros(n_outputs, dtype),
        }

    def arrays(self):
        return [self.params[name] for name in ("W1", "b1", "W2", "b2")]

    def loss(self, X, y=None):
        W1, b1, W2, b2 = self.arrays()
        hidden = np.maximum(0, X.reshape(X.shape[0], -1) @ W1 + b1)
        scores = self.answers(hidden @ W2 + b2)
        if y is None:
            return scores
        loss, dscores = self.loss_of_scores(scores, y)
        dscores = dscores.reshape(len(dscores), -1)
        dhidden = dscores @ W2.T * (hidden > 0)
        X = X.reshape(X.shape[0], -1)
        grads = {
            "W2": hidden.T @ dscores + self.reg * W2,
            "b2": dscores.sum(axis=0),
            "W1": X.T @ dhidden + self.reg * W1,
            "b1": dhidden.sum(axis=0),
        }
        penalty = 0.5 * self.reg * ((W1**2).sum() + (W2**2).sum())
        return loss + penalty, grads

    def answers(self, scores):
        return scores

    def loss_of_scores(self, scores, y):
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        rows = np.arange(len(y))
        loss = -np.log(p[rows, y]).mean()
        p[rows, y] -= 1
        return loss, p / len(y)


class Regression(TwoLayerNet):
    def loss_of_scores(self, scores, y):
        return ((scores - y) ** 2).mean(), 2 * (scores - y) / scores.size


class OneTarget(Regression):
    """Its predictions are a vector."""

    def answers(self, scores):
        return scores[:, 0]


class WithReferences(TwoLayerNet):
    """Its loss reads the arrays, not the dict."""

    def arrays(self):
        if not hasattr(self, "_arrays"):
            self._arrays = super().arrays()
        return self._arrays


class WithLayers(TwoLayerNet):
    """Its dict is made afresh whenever somebody asks for it."""

    @property
    def params(self):
        return dict(self._layers)

    @params.setter
    def params(self, arrays):
        self._layers = list(arrays.items())


class Assigning(TwoLayerNet):
    """Its loss assigns arrays of its own, as a bound on the weights would."""

    def loss(self, X, y=None):
        self.params["W1"] = np.clip(self.params["W1"], -0.5, 0.5)
        return super().loss(X, y)


def a_student_solver(model, data=None, **options):
    defaults = {"update_rule": "adam", "optim_config": {"learning_rate": 0.02}}
    data = some_data(dtype=np.float64) if data is None else data
    return a_solver(net=model, data=data, num_epochs=8, **defaults | options)


@pytest.mark.parametrize("model", [TwoLayerNet, WithReferences, WithLayers, Assigning])
@EVERY_RULE
def test_a_network_of_ones_own_is_trained(model, rule):
    model, data = model(), some_data(dtype=np.float64)
    config = {"learning_rate": 0.2 if rule is sgd else 0.02}
    solver = a_student_solver(model, data, update_rule=rule, optim_config=config)
    solver.train()
    assert solver.model is model
    assert np.mean(solver.loss_history[-4:]) < 0.7 * np.mean(solver.loss_history[:4])
    assert solver.best_val_score > max(solver.val_acc_history[0], 0.75)
    hits = model.loss(data["X_val"]).argmax(axis=1) == data["y_val"]
    assert hits.mean() == solver.best_val_score == max(solver.val_acc_history)


@EVERY_RULE
def test_a_step_of_a_network_of_ones_own_is_the_rule_on_each_of_its_arrays(rule):
    data = some_data(n=20, dtype=np.float64)
    model, by_hand = TwoLayerNet(), TwoLayerNet()
    _, grads = by_hand.loss(data["X_train"], data["y_train"])
    solver = a_student_solver(model, data, update_rule=rule, shuffle=False)
    solver.train_epoch()
    for name, w in by_hand.params.items():
        config = {"learning_rate": 0.02}
        if rule.defaults.get("weight_decay") and w.ndim == 1:
            config["weight_decay"] = 0.0
        expected, _ = rule(w, grads[name], config)
        np.testing.assert_allclose(model.params[name], expected, rtol=1e-12)


def test_arrays_are_changed_in_place():
    model = TwoLayerNet()
    arrays = dict(model.params)
    a_student_solver(model).train()
    assert all(model.params[name] is array for name, array in arrays.items())


def test_what_is_assigned_between_epochs_is_trained_on():
    model, other = TwoLayerNet(), TwoLayerNet()
    other.params["W1"] *= 2
    solver = a_student_solver(model, update_rule=sgd)
    model.params["W1"] = other.params["W1"].copy()
    solver.train_epoch()
    a_student_solver(other, update_rule=sgd).train_epoch()
    for name, array in other.params.items():
        np.testing.assert_array_equal(model.params[name], array)


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (Regression(C), lambda y: y),
        (Regression(1), lambda y: y[:, :1]),
        (OneTarget(1), lambda y: y[:, 0]),
        (OneTarget(1), lambda y: np.round(y[:, 0]).astype(int)),
        (Regression(C), lambda y: np.round(y).astype(int)),
    ],
    ids=["several", "a column", "a vector", "whole numbers", "whole columns"],
)
def test_a_regression_of_ones_own_is_measured_by_its_error(model, y, capsys):
    data = some_data("regression", dtype=np.float64)
    data |= {name: y(data[name]) for name in ("y_train", "y_val")}
    solver = a_student_solver(model, data, verbose=True)
    solver.train()
    error = np.sqrt(np.mean((model.loss(data["X_val"]) - data["y_val"]) ** 2))
    assert solver.best_val_score == pytest.approx(error, rel=1e-12)
    assert error < 0.8 * solver.val_acc_history[0]
    assert "val_rms" in capsys.readouterr().out


class OfFloatLabels(TwoLayerNet):
    """Its labels are floats, and would be taken for values."""

    category = "classification"

    def loss_of_scores(self, scores, y):
        return super().loss_of_scores(scores, y.astype(int))


class OfBits(Regression):
    """Its labels are integers, one of which is 1 in every row."""

    category = "regression"


def test_a_category_decides_what_is_measured():
    data = some_data(dtype=np.float64)
    labels = {name: data[name] for name in ("y_train", "y_val")}
    floats = data | {name: y.astype(float) for name, y in labels.items()}
    solver = a_student_solver(OfFloatLabels(), floats)
    solver.train()
    hits = solver.model.loss(data["X_val"]).argmax(axis=1) == data["y_val"]
    assert solver.best_val_score == hits.mean()

    bits = data | {name: np.eye(C, dtype=int)[y] for name, y in labels.items()}
    solver = a_student_solver(OfBits(), bits)
    solver.train()
    error = np.mean((solver.model.loss(data["X_val"]) - bits["y_val"]) ** 2) ** 0.5
    assert solver.best_val_score == pytest.approx(error, rel=1e-12)


def test_sparse_rows_reach_a_network_of_ones_own_as_they_are():
    class OnSparse(TwoLayerNet):
        def loss(self, X, y=None):
            assert isinstance(X, csr_array)
            return super().loss(X.toarray(), y)

    dense, sparse = sparse_data()
    solvers = [
        a_student_solver(model, data)
        for model, data in ((TwoLayerNet(), dense), (OnSparse(), sparse))
    ]
    for solver in solvers:
        solver.train()
    # Their content orders the rows, and sparse rows have another.
    assert solvers[1].best_val_score > solvers[1].val_acc_history[0]
    assert solvers[0].val_acc_history[0] == solvers[1].val_acc_history[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, bool])
def test_rows_reach_a_network_of_ones_own_in_their_shape(dtype):
    shapes = set()

    class Images(TwoLayerNet):
        def loss(self, X, y=None):
            shapes.add((X.shape[1:], X.dtype))
            return super().loss(X, y)

    data = some_data(dtype=np.float64)
    for name in ("X_train", "X_val"):
        data[name] = np.clip(data[name] + 2, 0, 4).astype(dtype).reshape(-1, 2, 3)
    a_student_solver(Images(), data).train()
    widened = dtype if np.dtype(dtype).itemsize >= 4 else np.int32
    assert shapes == {((2, 3), np.dtype(widened))}


def test_a_network_of_ones_own_trains_in_its_dtype():
    model = TwoLayerNet(dtype=np.float32)
    a_student_solver(model).train()
    assert {array.dtype for array in model.params.values()} == {np.dtype(np.float32)}


def test_repeated_rows_of_a_network_of_ones_own_train_as_weighted_ones():
    data = some_data(dtype=np.float64)
    weight = np.random.default_rng(0).integers(1, 4, size=130)
    repeated = data | {
        name: np.repeat(data[name], weight, axis=0) for name in ("X_train", "y_train")
    }
    weighted = a_student_solver(TwoLayerNet(), data, sample_weight=weight)
    other = a_student_solver(TwoLayerNet(), repeated)
    weighted.train_epoch()
    other.train_epoch()
    assert weighted.loss_history == other.loss_history


def test_training_of_a_network_of_ones_own_goes_on_from_a_checkpoint(tmp_path):
    rng = np.random.default_rng(0)
    expected = a_student_solver(TwoLayerNet(), random_state=rng)
    rng = np.random.default_rng(0)
    first = a_student_solver(TwoLayerNet(), random_state=rng)
    for solver in (expected, expected, first):
        solver.train_epoch()
    joblib.dump((first.model, first.optim_config), tmp_path / "run.pkl")
    model, config = joblib.load(tmp_path / "run.pkl")
    second = a_student_solver(model, optim_config=config, random_state=rng)
    second.train_epoch()
    assert first.loss_history + second.loss_history == expected.loss_history


def test_a_checkpoint_holds_the_network_of_ones_own(tmp_path):
    solver = a_student_solver(TwoLayerNet(), checkpoint_name=tmp_path / "run")
    solver.train()
    checkpoint = joblib.load(tmp_path / "run_epoch_8.pkl")
    assert isinstance(checkpoint["model"], TwoLayerNet)


def test_after_a_divergence_the_best_parameters_are_left_in_a_network_of_ones_own():
    model, data = TwoLayerNet(), some_data(dtype=np.float64)
    solver = a_student_solver(model, data, update_rule=sgd, lr_decay=1e60)
    with pytest.raises(ValueError, match="diverged"):
        solver.train()
    hits = model.loss(data["X_val"]).argmax(axis=1) == data["y_val"]
    assert hits.mean() == solver.best_val_score


def changed(**attributes):
    model = TwoLayerNet()
    vars(model).update(attributes)
    return model


def returning(change):
    """Return a network whose loss returns something else."""
    model = TwoLayerNet()

    def loss(X, y=None):
        scores = TwoLayerNet.loss(model, X)
        if y is None:
            return change(scores, None)
        return change(scores, TwoLayerNet.loss(model, X, y))

    model.loss = loss
    return model


def of_gradients(change):
    def changed(scores, result):
        if result is None:
            return scores
        loss, grads = result
        return loss, change(grads)

    return returning(changed)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (object(), "model must be a FullyConnectedNet, or have params"),
        (changed(loss=None), "model must be a FullyConnectedNet, or have params"),
        (changed(params=[np.ones(3)]), "model must be a FullyConnectedNet, or have"),
        (changed(params={}), "params must hold at least one array"),
        (changed(params={"W1": [1.0]}), r"params\['W1'\] must be an array of floats"),
        (changed(params={"n": np.ones(3, int)}), r"params\['n'\] must be an array"),
        (
            changed(category="clustering"),
            "model.category must be one of",
        ),
        (
            returning(lambda scores, _: scores[0]),
            "one row of scores for each of 2",
        ),
        (returning(lambda scores, r: scores if r is None else r[0]), "must return the"),
        (of_gradients(lambda g: {"W1": g["W1"]}), "there is none for 'b1'"),
        (of_gradients(lambda g: g | {"b1": g["b1"][:1]}), r"params\['b1'\] must have"),
        (
            of_gradients(lambda g: g | {"b1": g["b1"][None]}),
            r"params\['b1'\] must have",
        ),
    ],
)
def test_a_network_that_does_not_keep_to_the_protocol_is_told_so(model, message):
    with pytest.raises((TypeError, ValueError), match=message):
        a_student_solver(model).train()


def test_a_network_that_says_it_classifies_has_a_score_for_every_class():
    model = returning(lambda scores, r: scores[:, 0] if r is None else r)
    model.category = "classification"
    with pytest.raises(ValueError, match="a score for every class"):
        a_student_solver(model).train()


def test_a_network_of_ones_own_keeps_its_shapes_while_it_is_trained():
    model = TwoLayerNet()
    solver = a_student_solver(model)
    model.params["b1"] = np.zeros((1, 20))
    with pytest.raises(ValueError, match=r"params\['b1'\] must keep its shape \(20,\)"):
        solver.train_epoch()


def test_a_network_of_ones_own_has_no_loss_weight():
    with pytest.raises(ValueError, match="loss_weight needs a FullyConnectedNet"):
        a_student_solver(TwoLayerNet(), loss_weight=np.ones(130))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X_val": np.zeros((60, D + 1))}, "X_val must have rows of 6 features"),
        ({"y_val": np.zeros(59, int)}, r"y_val: y .* shape \(60,\), got \(59,\)"),
        ({"y_train": np.full(130, "a")}, "y_train must be an array of numbers"),
        ({"X_train": np.full((130, D), np.nan)}, "X_train must hold numbers"),
        ({"y_train": np.full((130, 2), 0.5)}, r"y must have shape \(60, 2\)"),
        ({"y_val": np.full(60, np.nan)}, "y must hold numbers that are finite"),
    ],
)
def test_data_that_do_not_fit_a_network_of_ones_own_are_refused(changes, message):
    data = some_data(dtype=np.float64) | changes
    with pytest.raises(ValueError, match=message):
        a_student_solver(TwoLayerNet(), data).train()


def test_predictions_that_do_not_fit_the_targets_are_refused():
    """Broadcasting would compare every prediction with every target."""
    data = some_data("regression", dtype=np.float64)
    data |= {name: data[name][:, 0] for name in ("y_train", "y_val")}
    with pytest.raises(ValueError, match="a prediction for every target"):
        a_student_solver(Regression(C), data).train()
