import tracemalloc

import numpy as np
import pytest
from scipy.sparse import coo_array, csc_array, csr_array

from scaffolding import COPIES, FLOATS
from skfcnet._engine.parameters import Parameters, Zone
from skfcnet._engine.prefetch import gather
from skfcnet._engine.workspace import Workspace
from skfcnet.gradient_check import eval_numerical_gradient, rel_error
from skfcnet.initializers import INITIALIZERS
from skfcnet.layers import ACTIVATIONS, NORMALIZATIONS, Block
from skfcnet.losses import LOSSES
from skfcnet.network import CATEGORIES, FullyConnectedNet
from skfcnet.solver import Solver
from skfcnet.update_rules import UPDATE_RULES

N, D, H1, H2, C = 2, 15, 20, 30, 10
NORMALIZED = [(name, name) for name in NORMALIZATIONS]


def nudged(
    category="classification",
    *,
    hidden_dims=(H1, H2),
    normalization=(False, False),
    **options,
):
    """Return a network off its initial values.

    Biases of zero and a row that is dropped entirely would lie exactly on a kink.
    """
    options = {
        "input_dim": D,
        "output_dim": C,
        "weight_scale": 5e-2,
        "dtype": np.float64,
        "random_state": 231,
    } | options
    net = FullyConnectedNet(category, hidden_dims, normalization, **options)
    rng = np.random.default_rng(232)
    net.params.trainable[...] += 0.1 * rng.normal(size=net.params.trainable.shape)
    return net


def rows(category="classification", *, n=N, dtype=np.float64, seed=231, output_dim=C):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, D)).astype(dtype)
    if category == "classification":
        return X, rng.integers(output_dim, size=n)
    return X, rng.normal(size=(n, output_dim)).astype(dtype)


def every_array(net):
    return dict(net.params) | dict(net.state)


def assert_gradients_match(net, X, y, *, tolerance, rounding=0.0, weight=None):
    """Compare every gradient, element by element, with the numeric one.

    `rounding` is the absolute error that centred differences may make, for networks
    some of whose gradients are tiny.
    """
    options = {"weight": weight, "random_state": 7}
    _, grads = net.loss(X, y, **options)
    assert grads.keys() == net.params.keys()
    normalised = {
        name.replace("running_mean", "b") for name in net.state if "mean" in name
    }
    for name, array in net.params.items():
        numeric = eval_numerical_gradient(
            lambda _: net.loss(X, y, **options)[0], array, verbose=False
        )
        if name in normalised:  # the column mean takes the bias with it
            assert np.abs(grads[name]).max() <= 1e-8
            assert np.abs(numeric).max() <= 1e-8
        else:
            near = np.abs(grads[name] - numeric) <= rounding
            assert rel_error(np.where(near, numeric, grads[name]), numeric) <= tolerance


# Gradients of the whole network


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("reg", [0.0, 3.14])
def test_gradients_match_the_numeric_ones(category, reg):
    net = nudged(category, reg=reg)
    assert_gradients_match(net, *rows(category), tolerance=1e-6)


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("reg", [0.0, 3.14])
def test_gradients_match_the_numeric_ones_with_batchnorm(category, reg):
    net = nudged(category, reg=reg, normalization=(True, True))
    assert_gradients_match(net, *rows(category, n=8), tolerance=1e-5)


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("reg", [0.0, 3.14])
@pytest.mark.parametrize("normalization", [("layer", "layer"), ("layer", True)])
def test_gradients_match_the_numeric_ones_with_layernorm(category, reg, normalization):
    net = nudged(category, reg=reg, normalization=normalization)
    assert_gradients_match(net, *rows(category, n=8), tolerance=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_match_for_every_activation_with_dropout(activation):
    net = nudged(activation=activation, dropout=0.3, hidden_dims=(8, 6))
    assert_gradients_match(net, *rows(n=4), tolerance=1e-6, rounding=1e-10)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("layout", [np.asarray, csr_array])
@pytest.mark.parametrize("hidden_dims", [(), (8, 6)], ids=str)
def test_gradients_match_with_dropout_of_the_input(dropout, layout, hidden_dims):
    net = nudged(
        hidden_dims=hidden_dims,
        normalization=["layer"] * len(hidden_dims),
        dropout=dropout,
        input_dropout=0.4,
    )
    X, y = sparse_rows(n=4)
    assert_gradients_match(net, layout(X), y, tolerance=1e-6, rounding=1e-10)


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalization", [(False, False), (True, False), *NORMALIZED])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_loss_rises_along_a_direction_as_the_gradient_says(
    category, activation, normalization, dropout
):
    net = nudged(
        category,
        activation=activation,
        normalization=normalization,
        dropout=dropout,
        reg=0.5,
    )
    X, y = rows(category, n=20)
    _, grads = net.loss(X, y, random_state=7)
    vector, h = net.params.trainable, 1e-6
    start = vector.copy()
    u = np.random.default_rng(0).normal(size=vector.shape)
    losses = []
    for step in (h, -h):
        vector[...] = start + step * u
        losses.append(net.loss(X, y, random_state=7)[0])
    slope = (losses[0] - losses[1]) / (2 * h)
    # A direction may be nearly level: beside the relative error, that of rounding.
    assert slope == pytest.approx(grads.trainable @ u, rel=1e-6, abs=1e-8)


def suitable(loss, y):
    """Return targets made such that a loss is defined for them."""
    if loss == "softmax_groups":
        return np.eye(y.shape[1], dtype=y.dtype)[y.argmax(axis=1)]
    return {
        "softmax": y,
        "logistic": (y > 0).astype(y.dtype),
        "identity": y,
        "exp": np.abs(y) + y.dtype.type(0.1),
    }[LOSSES[loss].link.name]


def category_of(loss):
    return "classification" if LOSSES[loss].takes_labels else "regression"


LOSS_CASES = [(loss, {}) for loss in LOSSES] + [
    ("softmax", {"label_smoothing": 0.1}),
    ("softmax_groups", {"label_smoothing": 0.1}),
    ("logistic", {"label_smoothing": 0.1}),
    ("huber", {"delta": 0.3}),
    ("quantile", {"quantile": [0.9, 0.1]}),
]


@pytest.mark.parametrize(("loss", "params"), LOSS_CASES, ids=str)
@pytest.mark.parametrize("output_dim", [1, 3])
@pytest.mark.parametrize("weighted", [False, True], ids=["alike", "weighted"])
@pytest.mark.parametrize("normalization", [False, *NORMALIZATIONS])
def test_gradients_match_for_every_loss(
    loss, params, output_dim, weighted, normalization
):
    category, n = category_of(loss), 8
    net = nudged(
        category,
        loss=loss,
        loss_params=params,
        hidden_dims=(5,),
        normalization=(normalization,),
        output_dim=output_dim,
    )
    X, y = rows(category, n=n, output_dim=output_dim)
    y = suitable(loss, y)
    weight = np.random.default_rng(0).exponential(size=n) if weighted else None
    expected = net.objective.function(training_scores(net, X), y, weight=weight)[0]
    assert net.loss(X, y, weight=weight)[0] == pytest.approx(expected, rel=1e-12)
    assert_gradients_match(
        net,
        X,
        y,
        weight=weight,
        tolerance=1e-5 if normalization else 1e-6,
        rounding=1e-9,
    )


@pytest.mark.parametrize(("loss", "params"), LOSS_CASES, ids=str)
@pytest.mark.parametrize("normalization", [False, *NORMALIZATIONS])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_gradients_match_behind_an_embedding(loss, params, normalization, dropout):
    category = category_of(loss)
    net = nudged(
        category,
        loss=loss,
        loss_params=params,
        hidden_dims=(5,),
        normalization=(normalization,),
        input_dim=4,
        output_dim=3,
        blocks=[Block("linear", (0, 4), {"factor": 2.0}), Block("pbld", (0, 3))],
        input_dropout=dropout,
        reg=0.5,
    )
    X, y = rows(category, n=8, output_dim=3)
    y = suitable(loss, y)
    assert_gradients_match(net, X[:, :4], y, tolerance=1e-5, rounding=1e-9)


def test_gradients_match_for_groups_of_classes():
    params = {"groups": [2, 3], "label_smoothing": 0.1}
    net = nudged("regression", loss="softmax_groups", loss_params=params, output_dim=5)
    X, y = rows("regression", n=8, output_dim=5)
    y = np.hstack([suitable("softmax_groups", part) for part in (y[:, :2], y[:, 2:])])
    assert_gradients_match(net, X, y, tolerance=1e-6, rounding=1e-9)


def test_a_float32_step_of_groups_of_classes_computes_nothing_in_float64(monkeypatch):
    params = {"groups": [10, 30], "label_smoothing": 0.1}
    options = {"loss": "softmax_groups", "loss_params": params}
    assert_allocates_little(a_solver(category="regression", **options))
    assert witnessed(monkeypatch, category="regression", **options) == []


def training_scores(net, X):
    """Return the scores of a training pass of a network with one hidden layer."""
    p, a = net.params, X @ net.params["W1"] + net.params["b1"]
    if "gamma1" in p:
        axis = {"axis": 0 if net.state else 1, "keepdims": True}
        a = (a - a.mean(**axis)) / np.sqrt(a.var(**axis) + 1e-5)
        a = p["gamma1"] * a + p["beta1"]
    return np.maximum(a, 0) @ p["W2"] + p["b2"]


# The loss


def test_parameters_of_the_loss_are_copied():
    quantile = [0.1, 0.9]
    params = {"quantile": quantile}
    net = nudged("regression", loss="quantile", loss_params=params)
    quantile[0] = 0.5
    params["quantile"] = 0.5
    assert net.loss_params == {"quantile": [0.1, 0.9]}


def test_targets_keep_their_width_when_each_has_several_quantiles():
    options = {"loss": "quantile", "loss_params": {"quantile": [0.9, 0.1, 0.5]}}
    net = nudged("regression", output_dim=2, **options)
    X, y = rows("regression", n=20, output_dim=2)
    assert net.params["b3"].shape == (6,)
    assert net.output_dim == 2
    assert net.loss(X).shape == (20, 6)
    assert np.isfinite(net.loss(X, y)[0])
    predicted = net.objective.link.inverse(net.scores(X))
    high, low, middle = np.moveaxis(predicted.reshape(20, 2, 3), 2, 0)
    assert (low <= middle).all()
    assert (middle <= high).all()
    alone = nudged("regression", output_dim=1, **options)
    assert alone.loss(X).shape == (20, 3)
    assert alone.loss(X, y[:, 0])[0] == alone.loss(X, y[:, :1])[0]


def test_rows_of_weight_zero_count_only_in_the_mean():
    net = nudged()
    X, y = rows(n=6)
    loss, grads = net.loss(X, y, weight=[2, 0, 0, 1, 0, 0])
    few_loss, few_grads = net.loss(X[[0, 0, 3]], y[[0, 0, 3]])
    assert loss == pytest.approx(few_loss / 2, rel=1e-13)
    np.testing.assert_allclose(grads.vector, few_grads.vector / 2, atol=1e-14)


@pytest.mark.parametrize(
    "weight", [1.0, [1.0], [[1.0], [1.0]], [1.0, -1.0], [1.0, np.nan], [np.inf, 1.0]]
)
def test_invalid_loss_weights_are_refused(weight):
    with pytest.raises(ValueError, match="weight must hold 2 finite numbers"):
        nudged().loss(*rows(), weight=weight)


@pytest.mark.parametrize("value", [np.nan, -np.inf, 1e300])
def test_targets_that_are_not_finite_in_the_dtype_are_refused(value):
    net = nudged("regression", output_dim=1, dtype=np.float32)
    with pytest.raises(ValueError, match=r"y must .* finite in float32"):
        net.as_targets([0.0, value], n_rows=2)


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("poisson", -1.0, "loss='poisson' requires non-negative y"),
        ("poisson", np.nan, "loss='poisson' requires non-negative y"),
        ("gamma", 0.0, "loss='gamma' requires positive y"),
        ("logistic", 2.0, r"loss='logistic' requires \[0, 1\]-valued y"),
    ],
)
def test_targets_outside_the_domain_of_the_loss_are_refused(loss, y, message):
    net = nudged("regression", loss=loss, output_dim=1)
    with pytest.raises(ValueError, match=message):
        net.loss(rows()[0], np.array([1.0, y]))


def test_some_rows_may_all_have_targets_of_zero():
    net = nudged("regression", loss="poisson", output_dim=1)
    assert np.isfinite(net.loss(rows()[0], np.zeros(N))[0])


@pytest.mark.parametrize("normalization", [(False, False), *NORMALIZED])
def test_the_initial_loss_is_that_of_guessing(normalization):
    X, y = rows(n=200)
    net = FullyConnectedNet(
        "classification", [H1, H2], normalization, D, C, random_state=0
    )
    assert net.loss(X, y)[0] == pytest.approx(np.log(10), abs=0.01)


def test_the_penalty_is_on_weights_only():
    X, y = rows()
    plain, penalised = nudged(reg=0.0), nudged(reg=3.0)
    loss, grads = plain.loss(X, y)
    penalised_loss, penalised_grads = penalised.loss(X, y)
    weights = [name for name in plain.params if name.startswith("W")]
    norm = sum(np.sum(plain.params[name] ** 2) for name in weights)
    assert penalised_loss - loss == pytest.approx(0.5 * 3.0 * norm, rel=1e-12)
    for name in plain.params:
        l2 = 3.0 if name in weights else 0.0
        expected = grads[name] + l2 * plain.params[name]
        np.testing.assert_allclose(penalised_grads[name], expected, rtol=1e-12)


def test_penalty_leaves_gamma_and_beta_alone():
    X, y = rows(n=8)
    options = {"normalization": (True, True)}
    _, grads = nudged(reg=0.0, **options).loss(X, y)
    _, penalised = nudged(reg=3.0, **options).loss(X, y)
    for name in ("gamma1", "beta1", "gamma2", "beta2", "b1", "b3"):
        np.testing.assert_array_equal(penalised[name], grads[name])


@pytest.mark.parametrize(
    ("category", "output_dim", "shape"),
    [
        ("classification", 10, (5, 10)),
        ("classification", 1, (5, 1)),
        ("regression", 1, (5,)),
        ("regression", 3, (5, 3)),
    ],
)
def test_without_targets_loss_returns_scores(category, output_dim, shape):
    net = nudged(category, output_dim=output_dim)
    assert net.loss(rows(n=5)[0]).shape == shape


def test_the_scores_are_those_of_the_formula():
    net = nudged(normalization=(True, False))
    X, _ = rows(n=5)
    p, state = net.params, net.state
    state["running_mean1"] = np.linspace(-1, 1, H1)
    state["running_var1"] = np.linspace(1, 2, H1)
    a = X @ p["W1"] + p["b1"]
    a = (a - state["running_mean1"]) / np.sqrt(state["running_var1"] + 1e-5)
    a = np.maximum(0, p["gamma1"] * a + p["beta1"])
    a = np.maximum(0, a @ p["W2"] + p["b2"])
    np.testing.assert_allclose(net.loss(X), a @ p["W3"] + p["b3"], rtol=1e-10)


def test_rows_of_any_shape_are_flattened():
    net = nudged()
    X, y = rows(n=6)
    images = X.reshape(6, 3, 5)
    np.testing.assert_array_equal(net.loss(images), net.loss(X))
    loss, grads = net.loss(X, y)
    image_loss, image_grads = net.loss(images, y)
    assert image_loss == loss
    np.testing.assert_array_equal(image_grads.vector, grads.vector)


def test_a_list_of_rows_will_do():
    net = nudged()
    X, y = rows(n=4)
    assert net.loss(X.tolist(), y.tolist())[0] == net.loss(X, y)[0]
    np.testing.assert_array_equal(net.loss(X.tolist()), net.loss(X))


def test_one_output_of_regression_takes_targets_with_and_without_a_column():
    net = nudged("regression", output_dim=1)
    X, y = rows("regression", n=6, output_dim=1)
    assert net.loss(X, y)[0] == net.loss(X, y[:, 0])[0]
    predicted = net.loss(X)
    assert net.loss(X, y)[0] == pytest.approx(np.mean((predicted - y[:, 0]) ** 2))


def test_true_is_batchnorm_and_layernorm_keeps_no_statistics():
    named = nudged(normalization=("batch", False))
    assert named.stages == nudged(normalization=(True, False)).stages
    assert named.stages == nudged(normalization=(True, None)).stages
    assert named.stages == nudged(normalization=(np.True_, np.False_)).stages
    net = nudged(normalization=("layer", False))
    assert list(net.params)[:5] == ["W1", "b1", "gamma1", "beta1", "W2"]
    assert dict(net.state) == {}


def test_with_layernorm_rows_are_alone_in_training_too():
    net = nudged(normalization=("layer", "layer"))
    X, y = rows(n=8)
    losses = [net.loss(X[i : i + 1], y[i : i + 1])[0] for i in range(8)]
    assert net.loss(X, y)[0] == pytest.approx(np.mean(losses), rel=1e-12)


def test_only_a_training_pass_moves_the_running_statistics():
    net = nudged(normalization=(True, True))
    X, y = rows(n=8)
    before = {name: array.copy() for name, array in net.state.items()}
    net.loss(X)
    for name, array in net.state.items():
        np.testing.assert_array_equal(array, before[name])
    net.loss(X, y)
    batch = X @ net.params["W1"] + net.params["b1"]
    np.testing.assert_allclose(net.state["running_mean1"], 0.1 * batch.mean(axis=0))
    expected = 0.9 + 0.1 * batch.var(axis=0)
    np.testing.assert_allclose(net.state["running_var1"], expected)


def test_recomputed_statistics_are_those_of_the_rows():
    net = FullyConnectedNet("regression", [5], [True], 3, 1, random_state=0)
    X = np.random.default_rng(0).normal(2.0, 3.0, (50, 3)).astype(np.float32)
    a = X @ net.params["W1"] + net.params["b1"]
    net.recompute_statistics(X)
    np.testing.assert_allclose(net.state["running_mean1"], a.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(net.state["running_var1"], a.var(axis=0), rtol=1e-4)


def test_dropout_is_off_at_test_time_and_on_in_training():
    net, plain = nudged(dropout=0.5), nudged()
    X, y = rows(n=8)
    np.testing.assert_array_equal(net.loss(X), plain.loss(X))
    assert net.loss(X, y, random_state=0)[0] == net.loss(X, y, random_state=0)[0]
    assert net.loss(X, y, random_state=0)[0] != net.loss(X, y, random_state=1)[0]


@pytest.mark.parametrize("layout", [np.asarray, csr_array])
def test_dropped_features_are_those_of_a_mask_scaled_up(layout):
    """A linear network on ones: the gradient of the weights shows the mask."""
    net = FullyConnectedNet(
        "regression", [], [], D, 1, input_dropout=0.2, dtype=np.float64
    )
    X, y = layout(np.ones((1, D))), np.array([1e3])
    _, grads = net.loss(X, y, random_state=0)
    mask = grads["W1"][:, 0] / grads["b1"][0]
    np.testing.assert_allclose(np.unique(mask), [0, 1 / 0.8], atol=1e-12)
    np.testing.assert_allclose(net.loss(X), X @ net.params["W1"][:, 0], rtol=1e-12)
    assert net.loss(X, y, random_state=0)[0] == net.loss(X, y, random_state=0)[0]
    assert net.loss(X, y, random_state=0)[0] != net.loss(X, y, random_state=1)[0]


def test_dropout_of_the_input_takes_rows_of_any_shape():
    net = nudged(input_dropout=0.3)
    X, y = rows(n=6)
    loss, grads = net.loss(X, y, random_state=0)
    image_loss, image_grads = net.loss(X.reshape(6, 3, 5), y, random_state=0)
    assert image_loss == loss
    np.testing.assert_array_equal(image_grads.vector, grads.vector)


@pytest.mark.parametrize("layout", [csr_array, csc_array])
def test_dropout_of_the_input_leaves_sparse_rows_alone(layout):
    net = nudged(input_dropout=0.5)
    X, y = sparse_rows()
    given = layout(X)
    net.loss(given, y)
    net.loss(given)
    np.testing.assert_array_equal(given.toarray(), X)


def test_wide_sparse_rows_are_never_made_dense():
    n, width = 64, 500_000
    net = FullyConnectedNet(
        "classification", [4], [False], width, 2, input_dropout=0.5, random_state=0
    )
    places = np.random.default_rng(0).integers(width, size=(n, 5))
    indices = np.arange(n).repeat(5), places.ravel()
    X = csr_array((np.ones(5 * n, np.float32), indices), shape=(n, width))
    tracemalloc.start()
    net.loss(X, np.zeros(n, int), random_state=0)
    net.loss(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < n * width * net.dtype.itemsize / 2


def test_arguments_are_not_modified():
    net = nudged(normalization=(True, True), dropout=0.3, input_dropout=0.3)
    X, y = rows(n=8)
    X_before, y_before, parameters = X.copy(), y.copy(), net.params.trainable.copy()
    net.loss(X, y)
    net.loss(X)
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(y, y_before)
    np.testing.assert_array_equal(net.params.trainable, parameters)


# Parameters


@pytest.mark.parametrize("dtype", FLOATS)
def test_parameters_have_names_shapes_and_initial_values(dtype):
    net = FullyConnectedNet(
        "classification", [30, 20, 10], [True, False, True], 40, 5, dtype=dtype
    )
    assert {name: array.shape for name, array in net.params.items()} == {
        "W1": (40, 30),
        "b1": (30,),
        "gamma1": (30,),
        "beta1": (30,),
        "W2": (30, 20),
        "b2": (20,),
        "W3": (20, 10),
        "b3": (10,),
        "gamma3": (10,),
        "beta3": (10,),
        "W4": (10, 5),
        "b4": (5,),
    }
    assert list(net.params)[:6] == ["W1", "b1", "gamma1", "beta1", "W2", "b2"]
    assert {name: array.shape for name, array in net.state.items()} == {
        "running_mean1": (30,),
        "running_var1": (30,),
        "running_mean3": (10,),
        "running_var3": (10,),
    }
    initial = {"b": 0, "beta": 0, "gamma": 1, "running_mean": 0, "running_var": 1}
    for name, array in every_array(net).items():
        assert array.dtype == dtype
        kind = name.rstrip("0123456789")
        if kind in initial:
            np.testing.assert_array_equal(array, initial[kind])
    assert net.dtype == dtype


def test_weights_are_drawn_with_the_scale_asked_for():
    net = FullyConnectedNet(
        "regression", [300], [True], 200, 40, weight_scale=0.3, random_state=0
    )
    for name in ("W1", "W2"):
        assert net.params[name].mean() == pytest.approx(0, abs=0.01)
        assert net.params[name].std() == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_without_a_scale_weights_keep_that_of_the_signal(activation):
    net = FullyConnectedNet(
        "regression",
        [400],
        [False],
        100,
        50,
        weight_scale=None,
        activation=activation,
        random_state=0,
    )
    gain = ACTIVATIONS[activation].gain
    assert net.params["W1"].std() == pytest.approx(gain / np.sqrt(100), rel=0.02)
    assert net.params["W2"].std() == pytest.approx(1 / np.sqrt(400), rel=0.02)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initial_weights_are_those_of_the_initialiser(name):
    net = FullyConnectedNet(
        "regression", [30], [True], 20, 10, dtype=float, init=name, random_state=0
    )
    rng, gain = np.random.default_rng(0), ACTIVATIONS["relu"].gain
    first = INITIALIZERS[name]((20, 30), rng, gain=gain)
    np.testing.assert_array_equal(net.params["W1"], first)
    output = INITIALIZERS[name]((30, 10), rng, gain=1.0)
    np.testing.assert_array_equal(net.params["W2"], output)
    np.testing.assert_array_equal(net.params["b1"], 0)
    np.testing.assert_array_equal(net.params["gamma1"], 1)


def test_without_a_scale_deep_rectified_signals_neither_fade_nor_grow():
    net = FullyConnectedNet(
        "regression", [256] * 12, [False] * 12, 256, 256, weight_scale=None
    )
    X = np.random.default_rng(0).normal(size=(50, 256))
    assert 0.3 < net.loss(X).std() < 3


def test_assigning_a_parameter_copies_into_place():
    net, X = nudged(), rows()[0]
    live, value = net.params["W1"], np.full((D, H1), 0.25)
    net.params["W1"] = value
    value[...] = np.nan
    assert net.params["W1"] is live
    np.testing.assert_array_equal(live, 0.25)
    assert np.isfinite(net.loss(X)).all()
    with pytest.raises(ValueError, match="broadcast"):
        net.params["W1"] = np.zeros((H1, D))


def test_gradients_are_new_arrays_in_every_call():
    net = nudged()
    _, first = net.loss(*rows())
    kept = first.vector.copy()
    net.loss(*rows(seed=1))
    np.testing.assert_array_equal(first.vector, kept)


def test_a_network_without_hidden_layers_is_linear():
    net = FullyConnectedNet("regression", [], [], D, 2, dtype=np.float64)
    X, _ = rows(n=4)
    assert list(net.params) == ["W1", "b1"]
    np.testing.assert_allclose(net.loss(X), X @ net.params["W1"], rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "options", "expected"),
    [
        (
            ("classification", [100], [True]),
            {},
            "FullyConnectedNet(784 → affine 100 → batchnorm → relu → affine 10 → "
            "softmax)",
        ),
        (
            ("regression", [8, 4], [False, False], 3, 1),
            {"activation": "tanh", "dropout": 0.1, "loss": "squared_error"},
            "FullyConnectedNet(3 → affine 8 → tanh → dropout → affine 4 → tanh → "
            "dropout → affine 1 → squared_error)",
        ),
        (
            ("classification", [8, 4], ["layer", True], 3, 2),
            {"activation": "gelu", "input_dropout": 0.2},
            "FullyConnectedNet(3 → dropout → affine 8 → layernorm → gelu → affine 4 → "
            "batchnorm → gelu → affine 2 → softmax)",
        ),
    ],
)
def test_repr_is_the_architecture(arguments, options, expected):
    assert repr(FullyConnectedNet(*arguments, **options)) == expected


# Refusals


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"category": "clustering"}, "category must be one of .*'clustering'"),
        ({"normalization": [True]}, "normalization .* 2 hidden_dims, got 1"),
        ({"normalization": []}, "normalization .* 2 hidden_dims, got 0"),
        ({"normalization": [True, "group"]}, "normalization .*'layer'.* 'group'"),
        ({"normalization": [True, "batchnorm"]}, "normalization .* got 'batchnorm'"),
        ({"normalization": [True, 1]}, "normalization .* got 1"),
        ({"category": ["regression"]}, "category must be one of"),
        ({"normalization": "batch"}, "normalization must be a list"),
        ({"normalization": [True, ["x"]]}, "normalization must hold booleans, None or"),
        ({"hidden_dims": [5, 0]}, "hidden_dims must hold positive integers"),
        ({"hidden_dims": [5, 2.5]}, "hidden_dims must hold positive integers"),
        ({"hidden_dims": 5}, "hidden_dims must be a list"),
        ({"input_dim": 0}, "input_dim must be a positive integer"),
        ({"output_dim": -1}, "output_dim must be a positive integer"),
        ({"n_members": 0}, "n_members must be a positive integer"),
        (
            {"blocks": [Block("pbld", (-1, 2))]},
            "the block 'pbld' takes those from -1 to 2",
        ),
        ({"blocks": [Block("pbld", (0, 785))]}, "columns from 0 to input_dim=784, but"),
        ({"blocks": [Block("pbld", (2, 2))]}, "'pbld' takes those from 2 to 2"),
        ({"blocks": [Block("pbld", (0, 2.0))]}, "'pbld' needs two integers"),
        (
            {"blocks": [Block("pbld", 3)]},
            "'pbld' needs two integers as its columns, got 3",
        ),
        ({"blocks": ["pbld"]}, "blocks must hold skfcnet.layers.Block, got 'pbld'"),
        ({"blocks": [Block("affine", (0, 2))]}, "kind of a block .* got 'affine'"),
        ({"blocks": [Block("linear", (0, 2))]}, r"'linear' needs .* \['factor'\]"),
        (
            {"blocks": [Block("pbld", (0, 2), {"bins": 3})]},
            r"'pbld' needs the settings \[\], got \['bins'\]",
        ),
        (
            {"blocks": [Block("missing", (2, 4), {"column": [0, 2]})]},
            "block 'missing' .* needs column to hold indices of the 2 columns of x",
        ),
        ({"dtype": int}, "dtype must be float32 or float64, got <class 'int'>"),
        ({"dtype": None}, "dtype must be float32 or float64, got None"),
        ({"dtype": "floating"}, "dtype must be float32 or float64, got 'floating'"),
        ({"dtype": np.float16}, "dtype must be float32 or float64"),
        ({"weight_scale": -1e-2}, "weight_scale must be finite and not negative"),
        ({"weight_scale": np.nan}, "weight_scale must be finite and not negative"),
        ({"weight_scale": np.inf}, "weight_scale must be finite and not negative"),
        ({"weight_scale": "auto"}, "weight_scale must be finite and not negative"),
        ({"dropout": "a"}, r"dropout must be in \[0, 1\), got 'a'"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ({"dropout": -0.1}, r"dropout must be in \[0, 1\)"),
        ({"dropout": np.nan}, r"dropout must be in \[0, 1\)"),
        ({"input_dropout": 1.0}, r"input_dropout must be in \[0, 1\), got 1.0"),
        ({"input_dropout": -0.1}, r"input_dropout must be in \[0, 1\)"),
        ({"input_dropout": np.nan}, r"input_dropout must be in \[0, 1\)"),
        ({"init": "he"}, "init must be one of .*'he_normal'.*'he'"),
        ({"reg": -1e-9}, "reg must be finite and not negative, got -1e-09"),
        ({"reg": np.nan}, "reg must be finite and not negative, got nan"),
        ({"reg": np.inf}, "reg must be finite and not negative, got inf"),
        ({"reg": None}, "reg must be finite and not negative, got None"),
        ({"random_state": "seed"}, "random_state must be"),
        ({"activation": "rely"}, "activation must be one of .*'rely'"),
        ({"loss": "hinge"}, "loss must be one of .*'hinge'"),
        ({"loss": ""}, "loss must be one of .*''"),
        ({"loss_params": [1]}, "loss_params must be a dict"),
        (
            {"loss_params": {"delta": 1.0}},
            r"softmax_loss has no parameters \['delta'\]; it has \['label_smoothing'\]",
        ),
        (
            {"loss_params": {"label_smoothing": 1.0}},
            r"label_smoothing must be in \[0, 1\), got 1.0",
        ),
    ],
)
def test_impossible_arguments_are_refused_by_name(changes, message):
    arguments = {
        "category": "classification",
        "hidden_dims": [5, 4],
        "normalization": [True, False],
    }
    with pytest.raises((ValueError, TypeError), match=message):
        FullyConnectedNet(**arguments | changes)


@pytest.mark.parametrize("arguments", [{}, {"normalization": None}])
def test_normalization_may_be_omitted(arguments):
    net = FullyConnectedNet(
        "regression", [5, 4], input_dim=3, output_dim=1, **arguments
    )
    expected = FullyConnectedNet("regression", [5, 4], [False, False], 3, 1)
    assert repr(net) == repr(expected)
    assert list(net.params) == ["W1", "b1", "W2", "b2", "W3", "b3"]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 10], "class indices from 0 to 9, got 0 to 10"),
        ([-1, 3], "class indices from 0 to 9, got -1 to 3"),
        ([0.0, 1.0], "2 integer labels"),
        (["a", "b"], "2 integer labels"),
        ([1], "2 integer labels"),
        ([[1], [2]], "2 integer labels"),
    ],
)
def test_labels_that_are_none_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        nudged().loss(rows()[0], np.array(y))


@pytest.mark.parametrize(
    ("output_dim", "shape"),
    [(3, (2,)), (3, (2, 1)), (3, (3, 3)), (1, (3,)), (1, (1, 2))],
)
def test_targets_of_another_shape_are_refused(output_dim, shape):
    net = nudged("regression", output_dim=output_dim)
    with pytest.raises(ValueError, match=rf"y must have shape \(2, {output_dim}\)"):
        net.loss(rows()[0], np.zeros(shape))


# Random numbers


def test_numpys_seed_makes_a_notebook_reproducible():
    def notebook():
        net = FullyConnectedNet("classification", [H1], [True], D, C, dropout=0.5)
        return net.params.vector.copy(), net.loss(*rows(n=8))[0]

    np.random.seed(231)
    vector, loss = notebook()
    np.random.seed(231)
    same_vector, same_loss = notebook()
    np.testing.assert_array_equal(same_vector, vector)
    assert same_loss == loss
    other_vector, other_loss = notebook()
    assert not np.array_equal(other_vector, vector)
    assert other_loss != loss


def test_a_seed_neither_reads_nor_moves_numpys_global_state():
    def work():
        net = nudged(dropout=0.5)
        return net.loss(*rows(), random_state=7)[0]

    np.random.seed(0)
    before = np.random.get_state()
    loss = work()
    after = np.random.get_state()
    assert before[2] == after[2]
    np.testing.assert_array_equal(before[1], after[1])
    np.random.seed(1)
    assert work() == loss


def test_a_pass_without_randomness_leaves_numpys_global_state_alone():
    net = nudged()
    np.random.seed(0)
    first = np.random.randn()
    np.random.seed(0)
    net.loss(rows()[0])
    net.loss(*rows())
    assert np.random.randn() == first


# Workspaces


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalization", [(False, False), *NORMALIZED])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("n_members", [1, 3])
def test_a_workspace_used_before_does_not_change_a_bit(
    category, dtype, activation, normalization, dropout, n_members
):
    def passed(workspace):
        net = nudged(
            category,
            dtype=dtype,
            activation=activation,
            normalization=normalization,
            dropout=dropout,
            input_dropout=dropout,
            n_members=n_members,
        )
        X, y = rows(category, n=6, dtype=dtype)
        grads = Parameters(net.params.specs, dtype=dtype)
        rng = np.random.default_rng(0)
        passes = net.training_passes(X, grads, rng=rng, workspace=workspace)
        loss = net.backpropagate(X, y, passes)
        return loss, grads.vector, net.params.vector

    used = Workspace()
    net = nudged(
        category,
        dtype=dtype,
        activation=activation,
        normalization=normalization,
        dropout=dropout,
        input_dropout=dropout,
        n_members=n_members,
    )
    X, y = rows(category, n=17, dtype=dtype, seed=1)
    grads = Parameters(net.params.specs, dtype=dtype)
    rng = np.random.default_rng(1)
    net.backpropagate(X, y, net.training_passes(X, grads, rng=rng, workspace=used))
    loss, grads, vector = passed(Workspace())
    same_loss, same_grads, same_vector = passed(used)
    assert same_loss == loss
    np.testing.assert_array_equal(same_grads, grads, strict=True)
    np.testing.assert_array_equal(same_vector, vector, strict=True)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n_members", [1, 3])
def test_a_workspace_used_before_does_not_change_an_embedding(dtype, n_members):
    pbld = Block("pbld", (0, 9))
    options = {"blocks": [pbld], "n_members": n_members, "dtype": dtype}
    net, used = nudged(**options), Workspace()
    results = []
    for workspace, n in ((Workspace(), 6), (used, 17), (used, 6)):
        grads = Parameters(net.params.specs, dtype=dtype)
        X, y = rows(n=n, dtype=dtype)
        net.backpropagate(X, y, net.training_passes(X, grads, workspace=workspace))
        results.append(grads.vector)
    np.testing.assert_array_equal(results[2], results[0], strict=True)


def test_scores_are_never_overwritten_by_the_next_call():
    net = nudged()
    scores = net.scores(rows(n=5)[0])
    kept = scores.copy()
    net.scores(rows(n=50, seed=1)[0])
    np.testing.assert_array_equal(scores, kept)


# Copies


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n_members", [1, 3])
def test_copies_score_the_same_and_can_be_trained(copied, dtype, n_members, tmp_path):
    net = nudged(
        normalization=(True, "layer"),
        dropout=0.3,
        input_dropout=0.2,
        init="orthogonal",
        dtype=dtype,
        n_members=n_members,
    )
    X, y = rows(n=8, dtype=dtype)
    net.loss(X, y)  # moves the running statistics
    scores = net.scores(X)
    other = copied(net, tmp_path / "net.joblib")
    assert repr(other) == repr(net)
    np.testing.assert_array_equal(other.scores(X), scores, strict=True)
    for array in every_array(other).values():
        assert np.shares_memory(array, other.params.vector)
    by_member = net.member_scores(X)
    other.params["b3"] += 1
    np.testing.assert_allclose(
        other.member_scores(X), by_member + 1, rtol=1e-4, atol=1e-5
    )
    other.loss(X, y)
    assert not np.array_equal(other.state["running_mean1"], net.state["running_mean1"])
    np.testing.assert_array_equal(net.scores(X), scores)


# Prediction


HIDDEN = [[], [7], [20], [64, 32]]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("hidden_dims", HIDDEN, ids=str)
@pytest.mark.parametrize("input_dim", [3, 200])
@pytest.mark.parametrize("output_dim", [1, 10])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_a_row_has_the_same_scores_alone_as_among_many(
    dtype, hidden_dims, input_dim, output_dim, sparse, normalization
):
    net = FullyConnectedNet(
        "classification",
        hidden_dims,
        [normalization] * len(hidden_dims),
        input_dim,
        output_dim,
        weight_scale=None,
        dtype=dtype,
        random_state=0,
    )
    X = np.random.default_rng(0).normal(size=(83, input_dim)).astype(dtype)
    X = csr_array(X) if sparse else X
    # BLAS computes a single row, and a remainder of rows, by other kernels.
    tolerance = 100 * np.finfo(dtype).eps
    together = net.scores(X)
    alone = [net.scores(X[i : i + 1]) for i in range(83)]
    np.testing.assert_allclose(
        np.vstack(alone), together, rtol=tolerance, atol=tolerance
    )
    for start, stop in ((0, 16), (1, 17), (5, 8), (40, 83)):
        np.testing.assert_allclose(
            net.scores(X[start:stop]),
            together[start:stop],
            rtol=tolerance,
            atol=tolerance,
        )


def test_many_rows_are_scored_in_chunks_that_do_not_show():
    net = nudged(normalization=(True, True))
    X = np.random.default_rng(0).normal(size=(5000, D))
    together = net.scores(X)
    parts = [net.scores(X[i : i + 700]) for i in range(0, 5000, 700)]
    np.testing.assert_allclose(np.vstack(parts), together, rtol=1e-12)
    assert net.scores(X[:0]).shape == (0, C)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, bool])
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_of_any_real_dtype_and_layout_are_scored_alike(dtype, order):
    net = nudged(dtype=np.float32)
    X = np.random.default_rng(0).integers(0, 2, size=(32, D))
    single = np.can_cast(dtype, np.float32)
    expected = net.scores(X.astype(np.float32 if single else np.float64))
    assert expected.dtype == (np.float32 if single else np.float64)
    given = np.asarray(X, dtype, order=order)
    np.testing.assert_array_equal(net.scores(given), expected, strict=True)
    wide = np.asarray(np.repeat(X, 2, axis=1), dtype, order=order)
    np.testing.assert_array_equal(net.scores(wide[:, ::2]), expected, strict=True)


# Sparse rows


def sparse_rows(n=40, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, D)) * (rng.random((n, D)) < 0.3)
    return X.astype(dtype), rng.integers(C, size=n)


@pytest.mark.parametrize("layout", [csr_array, csc_array, coo_array])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("given_dtype", FLOATS)
@pytest.mark.parametrize("hidden_dims", [[], [H1, H2]], ids=str)
def test_sparse_rows_equal_dense_ones(layout, dtype, given_dtype, hidden_dims):
    X, y = sparse_rows(dtype=given_dtype)
    net = FullyConnectedNet(
        "classification",
        hidden_dims,
        [True] * len(hidden_dims),
        D,
        C,
        dtype=dtype,
        weight_scale=None,
        random_state=0,
    )
    tolerance = 1e-4 if np.float32 in (dtype, given_dtype) else 1e-10
    close = {"rtol": tolerance, "atol": tolerance}
    scores = net.scores(layout(X))
    assert scores.dtype == np.result_type(dtype, given_dtype)
    np.testing.assert_allclose(scores, net.scores(X), **close)
    loss, grads = net.loss(X, y)
    sparse_loss, sparse_grads = net.loss(layout(X), y)
    assert sparse_loss == pytest.approx(loss, rel=tolerance)
    np.testing.assert_allclose(sparse_grads.vector, grads.vector, **close)


# What a training step costs


BATCH, HIDDEN_DIMS = 512, (64, 32)


def a_solver(
    *,
    category="classification",
    rule="sgd_momentum",
    activation="relu",
    normalization=True,
    dropout=0.0,
    input_dropout=0.0,
    reg=1e-4,
    **options,
):
    net = FullyConnectedNet(
        category,
        list(HIDDEN_DIMS),
        [normalization] * 2,
        300,
        40,
        reg=reg,
        activation=activation,
        dropout=dropout,
        input_dropout=input_dropout,
        random_state=0,
        **options,
    )
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2 * BATCH, 300)).astype(np.float32)
    y = rng.integers(40, size=2 * BATCH)
    if category == "regression":
        y = rng.normal(size=(2 * BATCH, 40)).astype(np.float32)
        y = suitable(net.loss_name, y)
    return Solver(
        net,
        {"X_train": X, "y_train": y},
        update_rule=UPDATE_RULES[rule],
        batch_size=BATCH,
        verbose=False,
        random_state=0,
    )


@pytest.mark.parametrize("rule", UPDATE_RULES)
@pytest.mark.parametrize("normalization", [False, *NORMALIZATIONS])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("n_members", [1, 3])
def test_a_step_allocates_no_array_as_large_as_a_layer(
    rule, normalization, dropout, n_members
):
    options = {"normalization": normalization, "dropout": dropout}
    options["n_members"] = n_members
    assert_allocates_little(a_solver(rule=rule, input_dropout=dropout, **options))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("category", CATEGORIES)
def test_a_step_allocates_little_whatever_it_computes(activation, category):
    assert_allocates_little(a_solver(activation=activation, category=category))


@pytest.mark.parametrize(("loss", "params"), LOSS_CASES, ids=str)
@pytest.mark.parametrize("n_members", [1, 3])
def test_a_step_allocates_little_whatever_it_minimises(loss, params, n_members):
    options = {"loss": loss, "loss_params": params, "n_members": n_members}
    assert_allocates_little(a_solver(category=category_of(loss), **options))


@pytest.mark.parametrize("n_embedded", [10, 300])
@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("input_dropout", [0.0, 0.3])
def test_a_step_with_an_embedding_allocates_little(
    n_embedded, n_members, input_dropout, monkeypatch
):
    blocks = [
        Block("linear", (0, 300), {"factor": 2.0}),
        Block("pbld", (0, n_embedded)),
    ]
    options = {"blocks": blocks, "n_members": n_members}
    options["input_dropout"] = input_dropout
    assert_allocates_little(a_solver(**options))
    assert witnessed(monkeypatch, **options) == []  # of float64


def step_on(solver, start):
    rows = np.arange(start, start + BATCH)
    arrays = {"X_train": solver.X_train, "y_train": solver.y_train}
    solver._step(
        *(gather(a, rows, solver._workspace, name) for name, a in arrays.items())
    )


def assert_allocates_little(solver):
    step_on(solver, 0)
    step_on(solver, 100)
    tracemalloc.start()
    step_on(solver, 200)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    smallest = BATCH * min(HIDDEN_DIMS) * solver.model.dtype.itemsize
    # NumPy 2.0 takes one buffer for a product that is written to a slice.
    buffer = 8 * np.getbufsize() if np.__version__.startswith("2.0.") else 0
    assert peak < min(smallest, solver.model.params.vector.nbytes) + buffer


class Witness(np.ndarray):
    """An array that notes every operation on it that computes in double precision.

    It sees what stays hidden in the dtypes of the arrays: a float64 number or a bool
    times a float makes NumPy compute in float64 and cast back, buffer by buffer.
    """

    seen = []

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        operands = [np.asarray(a) if isinstance(a, Witness) else a for a in inputs]
        outputs = (
            None
            if out is None
            else tuple(np.asarray(a) if isinstance(a, Witness) else a for a in out)
        )
        if method == "__call__":
            involved = ufunc.resolve_dtypes(
                (
                    *(getattr(a, "dtype", type(a)) for a in operands),
                    *(a.dtype if a is not None else None for a in outputs or [None]),
                )
            )
        else:
            involved = [a.dtype for a in operands if isinstance(a, np.ndarray)]
        if np.dtype(np.float64) in involved:
            Witness.seen.append((ufunc.__name__, involved))
        result = getattr(ufunc, method)(*operands, out=outputs, **options)
        if out is not None:
            return out[0]
        return result.view(Witness) if isinstance(result, np.ndarray) else result


def witnessed(monkeypatch, **options):
    """Take two steps with every array a witness; return what they have seen."""
    trimmed = Workspace._trimmed
    monkeypatch.setattr(
        Workspace,
        "_trimmed",
        lambda self, *arguments: trimmed(self, *arguments).view(Witness),
    )
    zeros = np.zeros
    monkeypatch.setattr(
        "skfcnet._engine.parameters.np.zeros",
        lambda *arguments, **kwargs: zeros(*arguments, **kwargs).view(Witness),
    )
    solver = a_solver(**options)
    solver.X_train = solver.X_train.view(Witness)
    assert all(isinstance(a, Witness) for a in every_array(solver.model).values())
    Witness.seen = []
    for start in (0, 100):
        step_on(solver, start)
    return Witness.seen


@pytest.mark.parametrize("rule", UPDATE_RULES)
@pytest.mark.parametrize("normalization", [False, *NORMALIZATIONS])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("n_members", [1, 3])
def test_a_float32_step_computes_nothing_in_float64(
    rule, normalization, dropout, n_members, monkeypatch
):
    options = {"rule": rule, "normalization": normalization, "dropout": dropout}
    options["n_members"] = n_members
    assert witnessed(monkeypatch, input_dropout=dropout, **options) == []


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("category", CATEGORIES)
def test_a_float32_step_of_every_activation_computes_nothing_in_float64(
    activation, category, monkeypatch
):
    assert witnessed(monkeypatch, activation=activation, category=category) == []


@pytest.mark.parametrize(("loss", "params"), LOSS_CASES, ids=str)
@pytest.mark.parametrize("n_members", [1, 3])
def test_a_float32_step_of_every_loss_computes_nothing_in_float64(
    loss, params, n_members, monkeypatch
):
    options = {"category": category_of(loss), "loss": loss, "loss_params": params}
    options["n_members"] = n_members
    assert witnessed(monkeypatch, **options) == []


@pytest.mark.parametrize(("loss", "params"), LOSS_CASES, ids=str)
def test_a_weighted_float32_pass_computes_nothing_in_float64(loss, params):
    """Neither do numbers of NumPy among the parameters."""
    params = {name: np.asarray(value)[()] for name, value in params.items()}
    category = category_of(loss)
    net = nudged(category, loss=loss, loss_params=params, dtype=np.float32)
    X, y = rows(category, n=8, dtype=np.float32)
    scores = net.scores(X).view(Witness)
    weight = np.ones(8, np.float32)
    Witness.seen = []
    net.objective.function(scores, suitable(loss, y), weight=weight, out=scores)
    assert Witness.seen == []


def test_the_witness_notices_a_float64_number(monkeypatch):
    a = np.ones(3, np.float32).view(Witness)
    Witness.seen = []
    a *= 0.1
    assert Witness.seen == []
    a *= np.float64(0.1)
    assert [name for name, _ in Witness.seen] == ["multiply"]


def buffers(workspace):
    yield from workspace._buffers.values()
    for scope in workspace._scopes.values():
        yield from buffers(scope)


@pytest.mark.parametrize("rule", UPDATE_RULES)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_all_arrays_of_a_float32_step_are_float32(rule, dropout):
    solver = a_solver(rule=rule, dropout=dropout)
    step_on(solver, 0)
    arrays = [
        *buffers(solver._workspace),
        solver._grads.vector,
        solver.model.params.vector,
        *(a for a in solver.optim_config.values() if isinstance(a, np.ndarray)),
    ]
    assert {a.dtype for a in arrays if a.dtype.kind == "f"} == {np.dtype(np.float32)}


def test_every_weight_and_only_weights_are_decayed():
    net = nudged(normalization=(True, True))
    decayed = {spec.name for spec in net.params.specs if spec.zone is Zone.WEIGHT}
    assert decayed == {"W1", "W2", "W3"}


@pytest.mark.parametrize("convert", [np.asarray, csr_array])
@pytest.mark.parametrize("width", [3, 5])
def test_rows_of_another_width_are_refused(convert, width):
    net = FullyConnectedNet("classification", [3], [False], 4, 2, random_state=0)
    X = convert(np.ones((2, width)))
    with pytest.raises(ValueError, match="X must have rows of 4 features"):
        net.loss(X)
    with pytest.raises(ValueError, match="X must have rows of 4 features"):
        net.loss(X, np.array([0, 1]))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_members", [1, 2])
def test_what_is_too_small_is_zero_even_where_numpy_would_raise(loss, n_members):
    category = "classification" if LOSSES[loss].takes_labels else "regression"
    net = FullyConnectedNet(
        category, [5], None, 4, 2, loss=loss, weight_scale=30.0, n_members=n_members
    )
    net.params["W1"][..., 0] = 1e-30
    X = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    X[0] *= 1e-20
    y = np.arange(9) % 2
    if category == "regression":
        y = np.column_stack([y, 1 - y])
    if loss == "gamma":
        y = y + 1
    with np.errstate(all="raise"):
        assert np.isfinite(net.loss(X)).all()
        assert np.isfinite(net.input_gradients(X)).all()
        assert np.isfinite(net.hidden(X)).all()
        assert np.isfinite(net.loss(X, y)[0])


@pytest.mark.parametrize("size", [1.0, 1e30])
def test_a_training_loss_changes_no_running_statistics(size):
    net = FullyConnectedNet(
        category="regression",
        input_dim=3,
        hidden_dims=[4],
        output_dim=1,
        normalization=[True],
        random_state=0,
    )
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    before = net.params.vector.copy()
    with np.errstate(all="ignore"):
        net.training_losses(np.float32(size) * x, x[:, :1])
    np.testing.assert_array_equal(net.params.vector, before)
