"""The learned scales of encoded features, by which the first weights are multiplied."""

import numpy as np
import pytest
from scipy import sparse

from scaffolding import (
    any_solver,
    data_of,
    network_of,
    short_fits,
    small_classifier,
)
from skfcnet import FCNetRegressor
from skfcnet.gradient_check import eval_numerical_gradient_array, rel_error
from skfcnet.layers import (
    affine_backward,
    affine_forward,
    scaled_affine_backward,
    scaled_affine_forward,
    sparse_scaled_affine_backward,
    sparse_scaled_affine_forward,
)
from skfcnet.layers._affine import SCALE_RATE
from skfcnet.network import FullyConnectedNet

pytestmark = [short_fits, any_solver]

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(7, 5)), RNG.normal(size=(5, 3)), RNG.normal(size=3)
DOUT = RNG.normal(size=(7, 3))


def test_equal_scales_leave_an_affine_map_as_it_is():
    s = np.full(5, 1 / SCALE_RATE)
    out, cache = scaled_affine_forward(X, W, B, s)
    expected, affine_cache = affine_forward(X, W, B)
    np.testing.assert_allclose(out, expected)
    *gradients, _ = scaled_affine_backward(DOUT, cache)
    for ours, theirs in zip(
        gradients, affine_backward(DOUT, affine_cache), strict=True
    ):
        np.testing.assert_allclose(ours, theirs)


@pytest.mark.parametrize("n_rows", [2, 7])  # fewer than units, and more
def test_gradients_match_the_numeric_ones(n_rows):
    x, w, b, s = X[:n_rows].copy(), W.copy(), B.copy(), RNG.normal(size=5)
    dout = DOUT[:n_rows]
    _, cache = scaled_affine_forward(x, w, b, s)
    gradients = scaled_affine_backward(dout, cache)
    for array, gradient in zip((x, w, b, s), gradients, strict=True):
        numeric = eval_numerical_gradient_array(
            lambda _: scaled_affine_forward(x, w, b, s)[0], array, dout
        )
        assert rel_error(gradient, numeric) < 1e-7


def test_few_rows_give_what_they_give_among_many():
    s = RNG.normal(size=5)
    many, _ = scaled_affine_forward(X, W, B, s)
    few, _ = scaled_affine_forward(X[:2], W, B, s)
    np.testing.assert_allclose(few, many[:2])


def test_scales_are_those_of_the_columns():
    s = RNG.normal(size=5)
    out, _ = scaled_affine_forward(X, W, B, s)
    np.testing.assert_allclose(out, X * (SCALE_RATE * s) @ W + B)
    without = np.array([1.0, 1.0, 0.0, 1.0, 1.0])
    out, _ = scaled_affine_forward(X, W, B, without)
    changed = X.copy()
    changed[:, 2] = 9
    np.testing.assert_array_equal(scaled_affine_forward(changed, W, B, without)[0], out)


def test_sparse_rows_give_what_dense_ones_do():
    s, x = RNG.normal(size=5), np.where(X > 0, X, 0)
    dense, dense_cache = scaled_affine_forward(x, W, B, s)
    out, cache = sparse_scaled_affine_forward(sparse.csr_array(x), W, B, s)
    np.testing.assert_allclose(out, dense)
    dx, *gradients = sparse_scaled_affine_backward(DOUT, cache)
    assert dx is None
    _, *expected = scaled_affine_backward(DOUT, dense_cache)
    for ours, theirs in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(ours, theirs)


def test_scales_that_do_not_fit_are_named():
    with pytest.raises(
        ValueError, match=r"scaled_affine_forward needs s of shape \(5,"
    ):
        scaled_affine_forward(X, W, B, np.ones(4))


def test_a_network_without_hidden_layers_has_no_scales():
    net = FullyConnectedNet("regression", [], input_dim=5, learn_scales=True)
    assert sorted(net.params) == ["W1", "b1"]
    net = FullyConnectedNet("regression", [4], input_dim=5, learn_scales=True)
    assert repr(net).startswith("FullyConnectedNet(5 → scaled affine 4 → relu →")


def test_features_that_do_not_count_get_smaller_scales():
    rows = np.random.default_rng(0).normal(size=(600, 10))
    y = np.sin(2 * rows[:, 0]) + rows[:, 1] ** 2
    model = FCNetRegressor(numeric_embedding=None, linear_term=False, random_state=0)
    scales = np.abs(model.fit(rows, y).scales_)
    assert scales.shape == (5, 10)
    assert scales[:, :2].min() > scales[:, 2:].max()


def test_scales_make_the_first_weights_what_they_are():
    model, rows, y = data_of("regression")
    settings = {"numeric_embedding": None, "input_scaling": None, "clip_output": False}
    model.set_params(**settings, scale_target=False).fit(rows, y)
    assert network_of(model).stages[0].kind == "scaled_affine"
    hidden = (
        rows @ (model.scales_[:, np.newaxis] * model.coefs_[0]) + model.intercepts_[0]
    )
    expected = np.maximum(hidden, 0) @ model.coefs_[1] + model.intercepts_[1]
    np.testing.assert_allclose(model.predict(rows), expected.ravel(), rtol=1e-6)


def test_without_scales_there_is_no_attribute():
    model, rows, y = data_of("regression")
    model.set_params(learn_scales=False).fit(rows, y)
    assert not hasattr(model, "scales_")
    assert "s1" not in network_of(model).params


@pytest.mark.parametrize("settings", [{"solver": "lbfgs"}, {"hidden_layer_sizes": ()}])
def test_some_networks_learn_no_scales_by_default(settings):
    model, rows, y = data_of("regression")
    model.set_params(**settings)
    assert not hasattr(model.fit(rows, y), "scales_")


def test_sparse_rows_are_predicted_by_a_network_with_scales():
    model, rows, y = data_of("binary")
    rows = np.where(rows > 0, rows, 0)
    model.set_params(numeric_embedding=None, input_scaling=None).fit(rows, y)
    np.testing.assert_allclose(
        model.predict_proba(sparse.csr_array(rows)),
        model.predict_proba(rows),
        rtol=1e-5,
    )


def test_without_hidden_layers_the_parameter_has_no_effect():
    model = small_classifier(hidden_layer_sizes=(), learn_scales=False)
    _, rows, y = data_of("binary")
    with pytest.warns(UserWarning, match="learn_scales=False has no effect: it needs"):
        model.fit(rows, y)


def test_training_continues_with_or_without_scales_but_does_not_change_them():
    model, rows, y = data_of("regression")
    model.set_params(warm_start=True).fit(rows, y)
    before = model.scales_
    assert not np.array_equal(model.fit(rows, y).scales_, before)
    with pytest.raises(ValueError, match="parameters that shape the network"):
        model.set_params(learn_scales=False).fit(rows, y)


def test_lbfgs_learns_scales_if_asked_for():
    model, rows, y = data_of("regression")
    model.set_params(solver="lbfgs", learn_scales=True)
    assert np.ptp(model.fit(rows, y).scales_) > 0
