"""Members: several networks in one pass, each as if it were alone."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone

from scaffolding import (
    any_solver,
    block_columns,
    block_settings,
    network_of,
    short_fits,
)
from skfcnet import FCNetClassifier, FCNetRegressor, FCNetTransformer
from skfcnet._engine.parameters import Zone
from skfcnet.gradient_check import eval_numerical_gradient, rel_error
from skfcnet.initializers import INITIALIZERS
from skfcnet.layers import ACTIVATIONS, BLOCKS, LAYERS, NORMALIZATIONS, Block
from skfcnet.losses import LOSSES
from skfcnet.network import FullyConnectedNet
from skfcnet.solver import Solver
from skfcnet.update_rules import UPDATE_RULES

pytestmark = [short_fits, any_solver]

K, N, D, C = 3, 12, 6, 4
LOSS_CASES = [(loss, {}) for loss in LOSSES] + [
    ("softmax", {"label_smoothing": 0.1}),
    ("softmax_groups", {"groups": [2, 2], "label_smoothing": 0.1}),
    ("quantile", {"quantile": [0.9, 0.1]}),
]
NORMALIZED = [None, *NORMALIZATIONS]
EMBEDDED = [Block("linear", (0, D), {"factor": 1.0}), Block("pbld", (0, D - 2))]


def ensemble(loss="softmax", loss_params=None, *, n_members=K, **options):
    """Return a network of members, off its initial values."""
    options = {
        "hidden_dims": [7, 5],
        "normalization": [False, False],
        "input_dim": D,
        "output_dim": C,
        "weight_scale": 0.5,
        "dtype": np.float64,
        "random_state": 0,
    } | options
    category = "classification" if LOSSES[loss].takes_labels else "regression"
    net = FullyConnectedNet(
        category, loss=loss, loss_params=loss_params, n_members=n_members, **options
    )
    rng = np.random.default_rng(1)
    net.params.trainable[...] += 0.1 * rng.normal(size=net.params.trainable.shape)
    net.net_options = (loss, loss_params, options)
    return net


def alone(net, member):
    """Return a network of its own with what one member has learned."""
    loss, loss_params, options = net.net_options
    single = ensemble(loss, loss_params, n_members=1, **options)
    copy_member(net, member, single)
    return single


def copy_member(net, member, single):
    for name in net.params:
        single.params[name] = net.params[name][member]
    for name in net.state:
        single.state[name] = net.state[name][member]


def assert_member_is(arrays, member, own, *, rtol, atol=0.0, but=()):
    """Compare named arrays: one member of these with a network of its own."""
    for name in arrays.keys() - but:
        np.testing.assert_allclose(
            arrays[name][member].reshape(own[name].shape),
            own[name],
            rtol=rtol,
            atol=atol,
            err_msg=name,
        )


def data(net, *, n=N, seed=2):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, D)).astype(net.dtype)
    y = rng.normal(size=(n, C)).astype(net.dtype)
    objective = net.objective
    if objective.takes_labels:
        return X, y.argmax(axis=1)
    if net.loss_name == "softmax_groups":
        widths = net.loss_params.get("groups", [C])
        parts = np.split(y, np.cumsum(widths)[:-1], axis=1)
        eyes = [np.eye(part.shape[1])[part.argmax(axis=1)] for part in parts]
        return X, np.hstack(eyes).astype(net.dtype)
    if objective.link.name == "logistic":
        return X, (y > 0).astype(net.dtype)
    return X, y if objective.link.name == "identity" else np.abs(y) + y.dtype.type(0.1)


def sparse(X):
    return csr_array(np.where(X > 0.2, X, 0))


LAYOUTS = [np.asarray, sparse]


# Layers


SHARING = ["affine", *BLOCKS]


@pytest.mark.parametrize(
    ("name", "shared"),
    [*((name, False) for name in LAYERS), *((name, True) for name in SHARING)],
)
def test_a_layer_computes_every_member_as_if_it_were_alone(name, shared):
    layer, rng = LAYERS[name], np.random.default_rng(0)
    x, settings = block_columns(name, (1 if shared else K, N, D), rng), {}
    fan_out = C
    if name in BLOCKS:
        settings = block_settings(name, D)
        fan_out = layer.width(D, **settings)
    params = [
        rng.normal(size=(K, *(1,) * (2 - len(spec.shape)), *spec.shape))
        for spec in layer.specs(D, fan_out, **settings)
        if spec.zone is not Zone.STATE
    ]
    masks = rng.random((K, N, D)) < 0.5

    def passed(x, params, mask):
        options = ({"mode": "train", "p": 0.5, "mask": mask} | settings,)
        out, cache = layer.forward(x, *params, *options * layer.takes_options)
        # Blocks without parameters make the same of columns that members share.
        dout = np.cos(np.broadcast_to(out, (len(mask), *out.shape[1:])))
        grads = layer.backward(dout if mask.ndim > 2 else np.cos(out), cache)
        return [out, *(grads if isinstance(grads, tuple) else [grads])]

    together = passed(x, params, masks)
    for m in range(K):
        apart = passed(x[m * (not shared)], [p[m].squeeze() for p in params], masks[m])
        for of_all, own in zip(together, apart, strict=True):
            if own is not None:
                ours = of_all[m % len(of_all)].reshape(own.shape)
                np.testing.assert_allclose(ours, own, rtol=1e-12, atol=1e-14)


def test_members_draw_masks_of_their_own_for_rows_that_they_share():
    net = ensemble(hidden_dims=[], normalization=[], input_dropout=0.5, loss="mse")
    for layout in (np.asarray, csr_array):
        _, grads = net.loss(layout(np.ones((1, D))), np.full((1, C), 1e3))
        masks = grads["W1"][:, :, 0] / grads["b1"][:, 0, :1]
        np.testing.assert_allclose(np.unique(masks.round(9)), [0, 2])
        assert len(np.unique(masks.round(9), axis=0)) > 1


# Gradients and losses


@pytest.mark.parametrize(("loss", "params"), LOSS_CASES, ids=str)
@pytest.mark.parametrize("normalization", NORMALIZED)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_loss_and_gradients_are_those_of_each_alone(
    loss, params, normalization, layout
):
    net = ensemble(loss, params, normalization=[normalization] * 2, reg=0.3)
    assert_learns_as_each_alone(net, layout)


@pytest.mark.parametrize(("loss", "params"), LOSS_CASES, ids=str)
@pytest.mark.parametrize("normalization", NORMALIZED)
def test_embeddings_learn_as_those_of_each_alone(loss, params, normalization):
    options = {"normalization": [normalization] * 2, "blocks": EMBEDDED}
    assert_learns_as_each_alone(ensemble(loss, params, reg=0.3, **options))


def assert_learns_as_each_alone(net, layout=np.asarray):
    X, y = data(net)
    X, weight = layout(X), np.linspace(0.5, 2, N)
    singles = [alone(net, m) for m in range(K)]
    together, grads = net.loss(X, y, weight=weight)
    losses = []
    for m, single in enumerate(singles):
        own, own_grads = single.loss(X, y, weight=weight)
        losses.append(own)
        assert_member_is(grads, m, own_grads, rtol=1e-9, atol=1e-12)
        assert_member_is(net.state, m, single.state, rtol=1e-9)
    assert together == pytest.approx(np.mean(losses), rel=1e-12)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("normalization", NORMALIZED)
@pytest.mark.parametrize("loss", ["softmax", "logistic", "mse"])
@pytest.mark.parametrize(
    ("layout", "blocks"),
    [(np.asarray, []), (sparse, []), (np.asarray, EMBEDDED)],
)
def test_gradients_match_the_numeric_ones(
    activation, normalization, loss, layout, blocks
):
    net = ensemble(
        loss,
        blocks=blocks,
        hidden_dims=[4],
        activation=activation,
        normalization=[normalization],
        dropout=0.2,
        input_dropout=0.2,
        reg=0.3,
    )
    X, y = data(net)
    X = layout(X)
    _, grads = net.loss(X, y, random_state=7)
    for name, array in net.params.items():
        numeric = eval_numerical_gradient(
            lambda _: net.loss(X, y, random_state=7)[0], array, verbose=False
        )
        # Each member descends its own loss, of which the mean has a k-th.
        near = np.abs(grads[name] - K * numeric) <= 1e-8
        assert rel_error(np.where(near, K * numeric, grads[name]), K * numeric) <= 1e-6


# Training


RULES = ["sgd", "sgd_momentum", "adam", "adamw", "muon"]


def trained(net, X, y, rule, *, loss_weight=None, epochs=3, **options):
    solver = Solver(
        net,
        {"X_train": X, "y_train": y},
        update_rule=UPDATE_RULES[rule],
        optim_config={"learning_rate": 0.05},
        batch_size=8,
        num_epochs=epochs,
        verbose=False,
        random_state=3,
        loss_weight=loss_weight,
        **options,
    )
    losses = [solver.train_epoch() for _ in range(epochs)]
    return net, np.array(losses)


@pytest.mark.parametrize(("loss", "params"), LOSS_CASES, ids=str)
@pytest.mark.parametrize("normalization", NORMALIZED)
@pytest.mark.parametrize("rule", RULES)
def test_members_train_as_networks_of_their_own_do(loss, params, normalization, rule):
    net = ensemble(loss, params, normalization=[normalization] * 2, reg=0.1)
    X, y = data(net, n=30)
    singles = [alone(net, m) for m in range(K)]
    options = {"max_grad_norm": 0.5, "loss_weight": np.linspace(0.5, 2, 30)}
    net, losses = trained(net, X, y, rule, **options)
    of_each = []
    for m, single in enumerate(singles):
        single, own_losses = trained(single, X, y, rule, **options)
        of_each.append(own_losses)
        # Batch normalisation takes the bias with it: gradients of it are rounding.
        but = {"b1", "b2"} if normalization == "batch" else set()
        assert_member_is(net.params, m, single.params, rtol=1e-6, atol=1e-8, but=but)
    np.testing.assert_allclose(losses, np.mean(of_each, axis=0), rtol=1e-8)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sparse_rows_train_members_as_networks_of_their_own(layout):
    net = ensemble()
    X, y = data(net, n=30)
    singles = [alone(net, m) for m in range(K)]
    net, _ = trained(net, layout(X), y, "adam")
    for m, single in enumerate(singles):
        single, _ = trained(single, layout(X), y, "adam")
        assert_member_is(net.params, m, single.params, rtol=1e-7, atol=1e-9)


def norms_of_a_step(max_grad_norm):
    """Return the norm of the gradient by which each member takes its only step."""
    net = ensemble()
    X, y = data(net, n=8)
    before = net.params.trainable.copy()
    net, _ = trained(net, X, y, "sgd", epochs=1, max_grad_norm=max_grad_norm)
    moved = copy.deepcopy(net.params)
    moved.trainable[...] -= before
    squares = sum(np.square(a.reshape(K, -1)).sum(axis=1) for a in moved.values())
    return np.sqrt(squares) / 0.05


def test_the_norm_of_each_gradient_is_limited_by_itself():
    norms = norms_of_a_step(None)
    limit = np.median(norms)
    assert norms.min() < limit < norms.max()
    np.testing.assert_allclose(norms_of_a_step(limit), np.minimum(norms, limit))


@pytest.mark.parametrize("loss", ["softmax", "mse"])
def test_a_solver_measures_the_mean_prediction(loss):
    net = ensemble(loss, random_state=4)
    X, y = data(net, n=40)
    solver = Solver(
        net,
        {"X_train": X, "y_train": y, "X_val": X, "y_val": y},
        num_epochs=3,
        verbose=False,
        random_state=0,
    )
    solver.train()
    answers = net.objective.link.decide(net.scores(X))
    measured = (
        np.mean(answers == y)
        if loss == "softmax"
        else np.sqrt(np.mean((answers - y) ** 2))
    )
    assert solver.best_val_acc == pytest.approx(measured, rel=1e-12)


# One member is no ensemble


@pytest.mark.parametrize("init", [None, *INITIALIZERS])
@pytest.mark.parametrize("weight_scale", [0.1, None])
def test_the_first_member_starts_as_a_single_network_does(init, weight_scale):
    options = {"init": init, "weight_scale": weight_scale, "random_state": 5}
    arguments = ("classification", [7, 5], ["batch", False], D, C)
    single = FullyConnectedNet(*arguments, **options)
    net = FullyConnectedNet(*arguments, **options, n_members=K)
    for name, array in single.params.items():
        rows = array if array.ndim == 2 else array[np.newaxis]
        assert net.params[name].shape == (K, *rows.shape)
        np.testing.assert_array_equal(net.params[name][0], rows)
        if name.startswith("W"):
            assert (net.params[name][1] != net.params[name][0]).all()
    for name, array in single.state.items():
        np.testing.assert_array_equal(net.state[name], [[array]] * K)


def test_a_single_network_has_no_axis_of_members():
    net = ensemble(n_members=1)
    assert net.params["W1"].shape == (D, 7)
    assert net.member_scores(data(net)[0]).shape == (1, N, C)
    np.testing.assert_array_equal(
        net.member_scores(data(net)[0])[0], net.scores(data(net)[0])
    )


@pytest.mark.parametrize("n_members", [0, -1, 2.0, "2", None])
def test_n_members_must_be_a_positive_number(n_members):
    with pytest.raises(ValueError, match="n_members"):
        ensemble(n_members=n_members)


def test_repr_says_how_many_there_are():
    net = FullyConnectedNet("classification", [100], [True], n_members=4)
    assert repr(net) == (
        "FullyConnectedNet(4 × (784 → affine 100 → batchnorm → relu → affine 10 → "
        "softmax))"
    )


# Predictions


@pytest.mark.parametrize(("loss", "params"), LOSS_CASES, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_prediction_is_the_mean_of_predictions(loss, params, layout):
    net = ensemble(loss, params, normalization=["batch", False])
    X = layout(data(net, n=2100)[0])
    link = net.objective.link.inverse
    members = net.member_scores(X)
    for m, own in enumerate(members):
        np.testing.assert_allclose(own, alone(net, m).scores(X), rtol=1e-10)
    expected = np.mean([link(own) for own in members], axis=0)
    np.testing.assert_allclose(link(net.scores(X)), expected, rtol=1e-12)
    if net.objective.link.log_inverse is not None:
        log_p = net.objective.link.log_inverse(net.scores(X))
        np.testing.assert_allclose(log_p, np.log(expected), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("loss", "params"), LOSS_CASES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_scores_have_a_finite_mean(loss, params, dtype):
    net = ensemble(loss, params)
    n_scores = net.params["b3"].shape[-1]
    scores = np.zeros((K, 3, n_scores), dtype)
    scores[:, 0, 0] = [1e4, -1e4, 0]
    scores[:, 1, 0] = 1e4
    scores[:, 2, 0] = -1e4
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        average = net.objective.average(scores)
        np.testing.assert_allclose(
            net.objective.link.inverse(average.astype(float)),
            np.mean(
                [net.objective.link.inverse(own.astype(float)) for own in scores],
                axis=0,
            ),
            rtol=1e-4,
            atol=1e-300,
        )
    assert average.dtype == dtype
    assert np.isfinite(average).all()


@pytest.mark.parametrize(("loss", "params"), LOSS_CASES, ids=str)
def test_input_gradients_are_those_of_the_mean(loss, params):
    net = ensemble(loss, params, activation="tanh", normalization=["batch", False])
    X = data(net)[0]
    gradients, h = net.input_gradients(X), 1e-5
    for j in range(D):
        step = h * np.eye(D)[j]
        numeric = (net.scores(X + step) - net.scores(X - step)) / (2 * h)
        np.testing.assert_allclose(gradients[:, :, j], numeric, rtol=1e-5, atol=1e-8)


def test_means_beyond_their_bounds_have_no_gradient():
    net = ensemble("poisson", hidden_dims=[], normalization=[])
    net.params["b1"][0] = 100.0
    net.params["b1"][1:] = 1.0
    X = np.ones((1, D))
    np.testing.assert_allclose(net.input_gradients(X), 0, atol=1e-10)


def test_hidden_layers_of_members_stand_side_by_side():
    net = ensemble(normalization=["batch", "layer"])
    X = data(net)[0]
    for layer, width in ((0, 7), (1, 5), (-1, 5)):
        hidden = net.hidden(X, layer)
        assert hidden.shape == (N, K * width)
        for m, own in enumerate(np.split(hidden, K, axis=1)):
            np.testing.assert_allclose(own, alone(net, m).hidden(X, layer), rtol=1e-12)
    assert net.hidden(X[:0]).shape == (0, K * 5)
    assert net.scores(X[:0]).shape == (0, C)


@pytest.mark.parametrize("matrix", [csr_array, csr_matrix])
def test_wide_sparse_rows_of_members_are_never_made_dense(matrix):
    n, width = 64, 300_000
    net = FullyConnectedNet(
        "classification", [2], [False], width, 2, input_dropout=0.5, n_members=K
    )
    places = np.random.default_rng(0).integers(width, size=(n, 5))
    indices = np.arange(n).repeat(5), places.ravel()
    X = matrix((np.ones(5 * n, np.float32), indices), shape=(n, width))
    tracemalloc.start()
    net.loss(X, np.zeros(n, int), random_state=0)
    net.loss(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < n * width * net.dtype.itemsize / 2


def test_copies_keep_their_views():
    net = ensemble(normalization=["batch", False])
    X, y = data(net)
    for copied in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        for array in [*copied.params.values(), *copied.state.values()]:
            assert np.shares_memory(array, copied.params.vector)
        np.testing.assert_array_equal(copied.scores(X), net.scores(X))
        assert repr(copied) == repr(net)
        copied.loss(X, y)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_gradient_is_that_of_each_alone_for_every_activation(activation):
    net = ensemble(activation=activation)
    X, y = data(net)
    _, grads = net.loss(X, y)
    for m in range(K):
        _, own = alone(net, m).loss(X, y)
        assert_member_is(grads, m, own, rtol=1e-9, atol=1e-12)


# Estimators


SMALL = {
    "hidden_layer_sizes": (8,),
    "n_members": K,
    "early_stopping": False,
    "linear_term": False,
    "max_iter": 5,
    "batch_size": 16,
    "learning_rate_init": 0.01,
    "random_state": 0,
}


# Networks are compared with by hand: they are to be given X and y as they are.
PLAIN = {"input_scaling": None, "numeric_embedding": None}
PLAIN_LABELS = PLAIN | {"label_smoothing": 0.0}
PLAIN_TARGET = PLAIN | {"scale_target": False}


def labelled(kind, n=90):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4))
    signal = X @ rng.normal(size=(4, 3))
    return X, {
        "binary": (signal[:, 0] > 0.5).astype(int),
        "multiclass": signal.argmax(axis=1),
        "multilabel": (signal > 0.3).astype(int),
        "multioutput": np.column_stack([signal.argmax(axis=1), signal.argmin(axis=1)]),
        "regression": signal[:, 0],
        "targets": signal,
        "positive": np.exp(signal[:, 0]),
    }[kind]


def of_members(model, X, y):
    """Return the network's estimators of one member each."""
    for m in range(K):
        own = clone(model).set_params(n_members=1, max_iter=1).fit(X, y)
        copy_member(network_of(model), m, network_of(own))
        yield own


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "multioutput"])
@pytest.mark.parametrize("normalization", [None, "batch"])
def test_probabilities_are_means(kind, normalization):
    X, y = labelled(kind)
    model = FCNetClassifier(**SMALL, normalization=normalization).fit(X, y)
    p = model.predict_proba(X)
    of_each = [own.predict_proba(X) for own in of_members(model, X, y)]
    if kind != "multioutput":
        p, of_each = [p], [[own] for own in of_each]
    for j, mean in enumerate(p):
        expected = np.mean([own[j] for own in of_each], axis=0)
        np.testing.assert_allclose(mean, expected, rtol=1e-9)
    if kind == "multiclass":
        np.testing.assert_array_equal(model.predict(X), p[0].argmax(axis=1))
        np.testing.assert_allclose(model.decision_function(X), np.log(p[0]), rtol=1e-9)
        np.testing.assert_allclose(model.predict_log_proba(X), np.log(p[0]), rtol=1e-9)
    if kind == "binary":
        log_odds = np.log(p[0][:, 1] / p[0][:, 0])
        np.testing.assert_allclose(model.decision_function(X), log_odds, rtol=1e-9)
        np.testing.assert_array_equal(model.predict(X), p[0].argmax(axis=1))


REGRESSIONS = [
    ("squared_error", {}, "targets"),
    ("quantile", {"quantile": [0.9, 0.1]}, "targets"),
    ("poisson", {}, "positive"),
    ("huber", {}, "regression"),
]


@pytest.mark.parametrize(("loss", "changes", "kind"), REGRESSIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_are_means_with_their_deviations(loss, changes, kind, dtype):
    X, y = labelled(kind)
    X = X.astype(dtype)
    model = FCNetRegressor(loss, **SMALL, **changes).fit(X, y)
    mean, std = model.predict(X, return_std=True)
    of_each = [own.predict(X) for own in of_members(model, X, y)]
    tolerance = 1e-4 if dtype == np.float32 else 1e-9
    np.testing.assert_allclose(
        mean, np.mean(of_each, axis=0), rtol=tolerance, atol=tolerance
    )
    np.testing.assert_allclose(
        std, np.std(of_each, axis=0), rtol=tolerance, atol=tolerance
    )
    np.testing.assert_array_equal(model.predict(X), mean)
    assert mean.dtype == std.dtype == dtype
    gradients = np.mean([own.input_gradients(X) for own in of_members(model, X, y)], 0)
    np.testing.assert_allclose(
        model.input_gradients(X), gradients, rtol=tolerance, atol=tolerance
    )


def test_one_network_has_no_deviation():
    X, y = labelled("regression")
    model = FCNetRegressor(**SMALL | {"n_members": 1}).fit(X, y)
    with pytest.raises(ValueError, match="return_std=True needs n_members"):
        model.predict(X, return_std=True)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression", "positive"])
def test_what_is_validated_is_the_mean(kind):
    X, y = labelled(kind)
    classifies = kind in ("binary", "multiclass")
    cls = FCNetClassifier if classifies else FCNetRegressor
    options = PLAIN_LABELS if classifies else PLAIN_TARGET
    options = options | ({"loss": "poisson"} if kind == "positive" else {})
    options = SMALL | options | {"early_stopping": True, "scoring": None}
    model = cls(**options, alpha=0.0)
    model.fit(X, y, X_val=X, y_val=y)
    kept = model.best_iteration_ - 1
    if kind != "positive":
        score = model.score(X, y)
        assert model.validation_scores_[kept] == pytest.approx(score, rel=1e-5)
    net = network_of(model)
    target = net.as_targets(y, n_rows=len(y))
    expected, _ = net.objective.function(net.scores(X), target.astype(y.dtype))
    assert model.validation_loss_curve_[kept] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_lbfgs_trains_every_member(kind):
    X, y = labelled(kind)
    cls, options = FCNetClassifier, SMALL | PLAIN_LABELS
    if kind == "regression":
        cls, options = FCNetRegressor, SMALL | PLAIN_TARGET
    model = cls(**options | {"max_iter": 200}, solver="lbfgs", alpha=0.1, tol=1e-6)
    model.fit(X, y)
    net = network_of(model)
    target = net.as_targets(y, n_rows=len(y))
    loss, grads = net.loss(X, target)
    assert model.loss_ == pytest.approx(loss, rel=1e-9)
    initial = cls(**options | {"max_iter": 1}, solver="lbfgs").fit(X, y).loss_
    assert loss < 0.6 * initial
    assert np.abs(grads.trainable).max() < 1e-2
    losses = [network_of(own).loss(X, target)[0] for own in of_members(model, X, y)]
    assert max(losses) < 0.1 * initial


def test_fitted_arrays_have_a_leading_axis():
    X, y = labelled("multiclass")
    model = FCNetClassifier(**SMALL, numeric_embedding=None).fit(X, y)
    assert [w.shape for w in model.coefs_] == [(K, 4, 8), (K, 8, 3)]
    assert [b.shape for b in model.intercepts_] == [(K, 8), (K, 3)]
    for array in (*model.coefs_, *model.intercepts_):
        assert np.shares_memory(array, network_of(model).params.vector)
    features = FCNetTransformer(model, prefit=True).fit(X)
    assert features.transform(X).shape == (90, K * 8)
    assert len(features.get_feature_names_out()) == K * 8


def test_another_number_of_members_is_refused_by_warm_starts():
    X, y = labelled("regression")
    model = FCNetRegressor(**SMALL, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="shape the network were changed"):
        model.set_params(n_members=2).fit(X, y)


def test_too_large_input_is_refused():
    X, y = labelled("positive")
    for loss in ("squared_error", "poisson"):
        # Robust scaling leaves no number too large.
        model = FCNetRegressor(loss, **SMALL, input_scaling="standard").fit(X, y)
        with pytest.raises(ValueError, match="too large to compute with"):
            model.predict(1e300 * X)
