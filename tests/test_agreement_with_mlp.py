"""What agrees with scikit-learn's multilayer perceptrons: losses, alpha, attributes."""

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale

from scaffolding import (
    KINDS_OF_MLP,
    any_solver,
    data_of,
    plain,
    short_fits,
    small_regressor,
)
from skfcnet import FCNetRegressor
from skfcnet.presets import LIKE_MLP

pytestmark = [short_fits, any_solver]


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
def test_one_full_batch_step_of_plain_descent_agrees_with_scikit_learn(kind):
    model, X, y = data_of(kind)
    settings = {
        "hidden_layer_sizes": (5,),
        "solver": "sgd",
        "momentum": 0.0,
        "alpha": 3.0,
        "max_iter": 1,
        "random_state": 0,
        "learning_rate_init": 0.1,
    }
    ours = plain(model).set_params(**LIKE_MLP | settings)
    theirs = (MLPClassifier if is_classifier(model) else MLPRegressor)(
        **settings, warm_start=True
    )
    start = ours.set_params(learning_rate_init=1e-300).fit(X, y)
    theirs.set_params(learning_rate_init=1e-300).fit(X, y)
    theirs.coefs_ = [coef.copy() for coef in start.coefs_]
    theirs.intercepts_ = [intercept.copy() for intercept in start.intercepts_]
    theirs.set_params(learning_rate_init=0.1).fit(X, y)
    ours = clone(ours).set_params(learning_rate_init=0.1).fit(X, y)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-10)
    for mine, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-8, atol=1e-12)


def test_alpha_means_the_same_whatever_the_batch_size():
    """Without a signal to learn, the penalty alone shrinks the weights."""
    X, y = np.zeros((400, 3)), np.zeros(400)
    settings = {"solver": "sgd", "momentum": 0.0, "alpha": 20.0, "max_iter": 1}
    norms = []
    for batch_size, rate in [(50, 0.01), (100, 0.02), (400, 0.08)]:
        model = small_regressor(
            **settings | {"batch_size": batch_size, "learning_rate_init": rate}
        ).fit(X, y)
        norms.append(np.linalg.norm(model.coefs_[0]))
    # As many steps, times as long: the shrinkage of an epoch is the same.
    np.testing.assert_allclose(norms, norms[0], rtol=0.01)


def test_weight_decay_shrinks_the_weights_and_not_the_biases():
    X, y = np.zeros((50, 3)), np.zeros(50)
    model = small_regressor(alpha=0.0, solver="adamw", max_iter=1)
    kept = clone(model).set_params(weight_decay=0.0).fit(X, y)
    model.set_params(weight_decay=10.0).fit(X, y)
    np.testing.assert_allclose(model.coefs_[0], 0.9 * kept.coefs_[0], rtol=1e-5)
    np.testing.assert_array_equal(model.intercepts_[0], kept.intercepts_[0])


@pytest.mark.parametrize("kind", KINDS_OF_MLP)
def test_fitted_attributes_are_those_of_scikit_learn(kind):
    model, X, y = data_of(kind)
    model.set_params(numeric_embedding=None).fit(X, y)
    theirs = MLPClassifier if is_classifier(model) else MLPRegressor
    sizes = model.hidden_layer_sizes
    theirs = theirs(hidden_layer_sizes=sizes, max_iter=model.max_iter).fit(X, y)
    names = [name for name in vars(theirs) if name[0] != "_" and name[-1] == "_"]
    assert set(names) <= {name for name in dir(model) if hasattr(model, name)}
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_iter_", "t_"):
        assert getattr(model, name) == getattr(theirs, name), name
    for name in ("coefs_", "intercepts_"):
        shapes = [array.shape for array in getattr(theirs, name)]
        assert [array.shape for array in getattr(model, name)] == shapes
    assert len(model.loss_curve_) == model.n_iter_
    assert model.loss_ == model.loss_curve_[-1]
    assert model.best_loss_ == min(model.loss_curve_)


@pytest.mark.parametrize("alpha", [0.1, 10.0, 1000.0])
def test_alpha_of_lbfgs_is_that_of_scikit_learn(alpha):
    X, y = load_diabetes(return_X_y=True)
    X = scale(X)
    model = plain(FCNetRegressor(hidden_layer_sizes=(), alpha=alpha))
    model.set_params(solver="lbfgs", learning_rate="one_cycle", max_iter=500, tol=1e-9)
    ridge = Ridge(alpha=alpha).fit(X, y)
    np.testing.assert_allclose(model.fit(X, y).predict(X), ridge.predict(X), rtol=1e-4)
