"""What a network gives beside its scores: hidden layers, gradients of the input."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import d2_pinball_score, r2_score
from sklearn.model_selection import cross_val_score

from scaffolding import any_solver, in_domain_of, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._engine.passes import CHUNK
from skfcnet._estimators.targets import REGRESSION_LOSSES
from skfcnet.layers import ACTIVATIONS, NORMALIZATIONS
from skfcnet.losses import LOG_BOUND, LOSSES
from skfcnet.network import FullyConnectedNet

pytestmark = [short_fits, any_solver]

N, D, C = 5, 6, 3


def a_net(
    *, activation="tanh", normalization=False, hidden_dims=(7, 4), n_scores=C, **options
):
    """Return a network off its initial values, its running statistics included."""
    options = {"dtype": np.float64, "random_state": 0, "weight_scale": None} | options
    net = FullyConnectedNet(
        "classification",
        hidden_dims,
        [normalization] * len(hidden_dims),
        D,
        n_scores,
        activation=activation,
        **options,
    )
    rng = np.random.default_rng(1)
    net.params.trainable[...] += 0.1 * rng.normal(size=net.params.trainable.shape)
    for name, array in net.state.items():
        array[...] = rng.random(array.shape) + ("var" in name)
    return net


def rows(n=N, seed=2):
    return np.random.default_rng(seed).normal(size=(n, D))


def numeric_gradients(f, X, h=1e-5):
    """Return centred differences of what f makes of rows: (N, ..., D)."""
    steps = h * np.eye(X.shape[1])
    return np.stack([(f(X + e) - f(X - e)) / (2 * h) for e in steps], axis=-1)


# Hidden layers


def test_hidden_layers_are_those_of_the_formula():
    net, X = a_net(normalization="batch"), rows()
    p, state, a = net.params, net.state, X
    for i in (1, 2):
        a = a @ p[f"W{i}"] + p[f"b{i}"]
        std = np.sqrt(state[f"running_var{i}"] + 1e-5)
        a = (a - state[f"running_mean{i}"]) / std
        a = np.tanh(p[f"gamma{i}"] * a + p[f"beta{i}"])
        for layer in (i - 1, i - 3):
            np.testing.assert_allclose(net.hidden(X, layer), a, rtol=1e-10)
    np.testing.assert_array_equal(net.hidden(X), net.hidden(X, 1))
    np.testing.assert_allclose(a @ p["W3"] + p["b3"], net.scores(X), rtol=1e-10)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalization", [False, *NORMALIZATIONS])
def test_scores_follow_from_the_last_hidden_layer(activation, normalization):
    net = a_net(activation=activation, normalization=normalization, dropout=0.3)
    hidden = net.hidden(rows())
    expected = hidden @ net.params["W3"] + net.params["b3"]
    np.testing.assert_allclose(net.scores(rows()), expected, rtol=1e-10)


def test_a_row_has_the_same_hidden_layer_beside_whichever_rows():
    net = a_net(dtype=np.float32, input_dropout=0.2)
    X = rows(CHUNK + 3)
    hidden = net.hidden(X, 0)
    assert hidden.shape == (CHUNK + 3, 7)
    picked = [0, CHUNK - 1, CHUNK, CHUNK + 2]
    for same, numbers in ((X[picked], picked), (csr_array(X[:9]), slice(9))):
        np.testing.assert_allclose(net.hidden(same, 0), hidden[numbers], rtol=1e-12)
    assert hidden.dtype == np.float64
    assert net.hidden(X.astype(np.float32), 0).dtype == np.float32
    assert net.hidden(X[:0]).shape == (0, 4)


@pytest.mark.parametrize("layer", [2, -3, 0.0, None, "last"])
def test_layers_that_there_are_not_are_refused(layer):
    with pytest.raises(ValueError, match=r"one of the 2 hidden layers, got "):
        a_net().hidden(rows(), layer)


def test_a_linear_network_has_no_hidden_layer():
    with pytest.raises(ValueError, match=r"one of the 0 hidden layers"):
        a_net(hidden_dims=()).hidden(rows())


# Gradients of the scores of a network


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalization", [False, *NORMALIZATIONS])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_input_gradients_match_the_numeric_ones(activation, normalization, dropout):
    net = a_net(
        activation=activation,
        normalization=normalization,
        dropout=dropout,
        input_dropout=dropout / 2,
    )
    gradients = net.input_gradients(rows())
    assert gradients.shape == (N, C, D)
    expected = numeric_gradients(net.scores, rows())
    np.testing.assert_allclose(gradients, expected, rtol=1e-6, atol=1e-9)


def test_input_gradients_of_a_linear_network_are_its_weights():
    net = a_net(hidden_dims=())
    gradients = net.input_gradients(rows())
    np.testing.assert_array_equal(gradients, [net.params["W1"].T] * N)


def test_input_gradients_are_computed_in_chunks_and_in_the_dtype_of_the_rows():
    net = a_net(normalization="batch", dtype=np.float32)
    X = rows(CHUNK + 3)
    gradients = net.input_gradients(X)
    assert gradients.dtype == np.float64
    picked = [0, CHUNK - 1, CHUNK, CHUNK + 2]
    np.testing.assert_allclose(
        net.input_gradients(X[picked]), gradients[picked], rtol=1e-12
    )
    exact = a_net(normalization="batch")
    exact.params.vector[...] = net.params.vector
    np.testing.assert_array_equal(gradients, exact.input_gradients(X))
    single = net.input_gradients(X.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, gradients, rtol=1e-3, atol=1e-5)
    assert net.input_gradients(X[:0]).shape == (0, C, D)


def test_input_gradients_change_nothing_and_flatten_rows():
    net, X = a_net(normalization="batch"), rows()
    vector = net.params.vector.copy()
    gradients = net.input_gradients(X)
    np.testing.assert_array_equal(net.params.vector, vector)
    np.testing.assert_array_equal(X, rows())
    images = X.reshape(N, 2, 3)
    np.testing.assert_array_equal(net.input_gradients(images), gradients)


def test_input_gradients_of_sparse_rows_are_refused():
    with pytest.raises(TypeError, match="X is sparse"):
        a_net().input_gradients(csr_array(rows()))


# Through the inverse link


@pytest.mark.parametrize(
    ("loss", "params"),
    [(loss, {}) for loss in LOSSES if not LOSSES[loss].link.log_inverse]
    + [("quantile", {"quantile": [0.9, 0.1, 0.5]})],
    ids=str,
)
def test_link_gradients_are_those_of_the_inverse_link(loss, params):
    """With the scores themselves for input, so that their own gradients are known."""
    objective = LOSSES[loss].bind(params)
    scores = np.random.default_rng(0).normal(size=(4, 2 * objective.scores_per_target))
    own = np.tile(np.eye(scores.shape[1]), (4, 1, 1))
    link = objective.link.gradients or (lambda _, gradients: gradients)
    expected = numeric_gradients(objective.link.inverse, scores)
    np.testing.assert_allclose(link(scores, own), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_beyond_the_bound_of_means_their_gradients_are_zero(loss):
    scores = np.array([[-LOG_BOUND - 1, LOG_BOUND + 1, 0.5]])
    gradients = LOSSES[loss].link.gradients(scores, np.ones((1, 3, 1)))
    np.testing.assert_allclose(gradients[0, :, 0], [0, 0, np.exp(0.5)])


# Estimators


def fitted(kind, **changes):
    """Return a fitted estimator, and the method that its gradients are those of."""
    X, rng = rows(60), np.random.default_rng(0)
    y = X @ rng.normal(size=(D, 3))
    changes = {
        "hidden_layer_sizes": (8,),
        "activation": "tanh",
        "dtype": "float64",
        "max_iter": 5,
        "random_state": 0,
    } | changes
    if kind in ("binary", "multiclass", "multilabel"):
        y = {"binary": y[:, 0] > 0, "multiclass": y.argmax(1), "multilabel": y > 0}
        model = FCNetClassifier(**changes).fit(X, y[kind].astype(int))
        return model, model.decision_function
    y = in_domain_of(changes.get("loss", "squared_error"), y)
    model = FCNetRegressor(**changes).fit(X, y if kind == "several" else y[:, 0])
    return model, model.predict


@pytest.mark.parametrize("n_targets", [1, 2])
def test_several_quantiles_are_scored_by_the_pinball_loss(n_targets):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    y = X[:, :n_targets] * 5 + rng.normal(size=(90, n_targets))
    y = y[:, 0] if n_targets == 1 else y
    weight = rng.uniform(0.5, 2, 90)
    model = FCNetRegressor(
        "quantile", (8,), quantile=[0.9, 0.1, 0.5], max_iter=200, random_state=0
    ).fit(X, y)
    answers = model.predict(X)
    expected = np.mean(
        [
            d2_pinball_score(y, answers[..., k], alpha=q, sample_weight=weight)
            for k, q in enumerate([0.9, 0.1, 0.5])
        ]
    )
    assert model.score(X, y, weight) == pytest.approx(expected)
    assert 0 < expected < 1
    scores = cross_val_score(model, X, y, cv=2)
    assert np.isfinite(scores).all()
    # Whatever the parameters are set to afterwards, it is what was fitted.
    assert model.set_params(quantile=0.5).score(X, y, weight) == pytest.approx(expected)


@pytest.mark.parametrize("quantile", [0.3, [0.3]])
def test_a_single_quantile_is_scored_like_any_prediction(quantile):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    model = FCNetRegressor("quantile", (4,), quantile=quantile, max_iter=3).fit(X, y)
    assert model.score(X, y) == pytest.approx(r2_score(y, model.predict(X)))


QUANTILES = {"loss": "quantile", "quantile": [0.8, 0.2]}


@pytest.mark.parametrize(
    ("kind", "changes", "shape"),
    [
        ("binary", {}, (N, D)),
        ("binary", {"normalization": "batch", "dropout": 0.2}, (N, D)),
        ("multiclass", {"normalization": "layer"}, (N, 3, D)),
        ("multilabel", {}, (N, 3, D)),
        ("one", {}, (N, D)),
        *(("one", {"loss": loss}, (N, D)) for loss in REGRESSION_LOSSES),
        ("one", QUANTILES, (N, 2, D)),
        ("several", {"loss": "gamma"}, (N, 3, D)),
        ("several", QUANTILES, (N, 3, 2, D)),
        ("several", {"hidden_layer_sizes": ()}, (N, 3, D)),
    ],
)
def test_input_gradients_of_estimators_match_the_numeric_ones(kind, changes, shape):
    model, answers = fitted(kind, **changes)
    X = rows() + 1e-3  # off the edges of bins, which are values trained on
    gradients = model.input_gradients(X)
    assert gradients.shape == shape
    expected = numeric_gradients(answers, X)
    np.testing.assert_allclose(gradients, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_input_gradients_have_the_dtype_of_X(dtype):
    model, _ = fitted("one", dtype="float32")
    assert model.input_gradients(rows().astype(dtype)).dtype == dtype


def test_input_gradients_of_integers_are_float64():
    model, _ = fitted("one")
    assert model.input_gradients(np.ones((2, D), int)).dtype == np.float64


def test_predictions_of_numbers_almost_too_large_do_not_warn():
    model, _ = fitted("one")
    X = np.full((2, D), 3e38, np.float32)
    X[1] *= -1  # the sum of all numbers is inf - inf
    assert np.isfinite(model.predict(X)).all()
    assert np.isfinite(model.input_gradients(X)).all()


def test_input_gradients_too_large_for_the_dtype_of_X_are_returned_in_double():
    rng = np.random.default_rng(0)
    X = 1e-30 * rng.normal(size=(60, 2))
    model = FCNetRegressor(dtype="float64", max_iter=2, random_state=0)
    model.fit(X, 1e50 * X[:, 0])
    for dtype in (np.float32, np.float64):
        gradients = model.input_gradients(X.astype(dtype))
        assert gradients.dtype == np.float64
        assert gradients[:, 0] == pytest.approx(1e50, rel=0.1)


def test_input_gradients_validate_as_predictions_do():
    model, _ = fitted("one")
    with pytest.raises(TypeError, match="dense data is required"):
        model.input_gradients(csr_array(rows()))
    with pytest.raises(ValueError, match="infinity"):
        model.input_gradients(np.full((2, D), np.inf))
    with pytest.raises(ValueError, match="is expecting 6 features"):
        model.input_gradients(np.ones((2, D + 1)))
    with pytest.raises(NotFittedError):
        FCNetRegressor().input_gradients(rows())
    with pytest.raises(TypeError, match="masked"):
        model.input_gradients(np.ma.masked_less(rows(), 0))


def test_input_gradients_take_a_frame_and_leave_the_model_alone():
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = FCNetClassifier((4,), max_iter=2, random_state=0).fit(X, y)
    before = dict(vars(model))
    from_frame = model.input_gradients(X)
    assert vars(model) == before
    with pytest.warns(UserWarning, match="valid feature names"):
        np.testing.assert_array_equal(model.input_gradients(X.to_numpy()), from_frame)
    with pytest.raises(ValueError, match="feature names"):
        model.input_gradients(pd.DataFrame(X.to_numpy(), columns=list("abcd")))
