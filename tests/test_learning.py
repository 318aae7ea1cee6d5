"""What networks learn, by their defaults and with every solver and activation."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, make_multilabel_classification
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from scaffolding import any_solver, plain, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._estimators.optimization import SOLVERS
from skfcnet.layers import ACTIVATIONS
from skfcnet.network import FullyConnectedNet
from skfcnet.solver import Solver

pytestmark = [short_fits, any_solver]


def test_digits_are_learned_by_the_defaults():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = FCNetClassifier(random_state=0).fit(X_train, y_train)
    assert model.score(X_test, y_test) > 0.975


LEARNING_RATES = {"sgd": [0.1], "adam": [0.01], "adamw": [0.01], "rmsprop": [0.01]}
"""At which learning rates each solver learns; another one, at any of `RATES`."""

RATES = (0.01, 0.1, 0.001)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_solver_and_activation_learns(solver, activation):
    X, y = load_digits(return_X_y=True)

    def score(rate):
        model = FCNetClassifier(
            (32,),
            activation,
            solver=solver,
            learning_rate_init=rate,
            max_iter=20,
            random_state=0,
        )
        return model.fit(X / 16, y).score(X / 16, y)

    assert any(score(rate) > 0.9 for rate in LEARNING_RATES.get(solver, RATES))


@pytest.mark.parametrize("changes", [{"normalization": "batch"}, {"dropout": 0.2}])
def test_normalised_and_dropped_out_networks_learn(changes):
    X, y = load_diabetes(return_X_y=True)
    model = FCNetRegressor(
        hidden_layer_sizes=(32,), random_state=0, learning_rate_init=0.01, **changes
    )
    assert model.fit(scale(X), scale(y)).score(scale(X), scale(y)) > 0.5


def test_a_network_without_hidden_layers_is_a_linear_model():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 4))
    model = FCNetRegressor(
        hidden_layer_sizes=(),
        alpha=0.0,
        learning_rate_init=0.05,
        max_iter=250,
        random_state=0,
    )
    plain(model).set_params(learning_rate="one_cycle")
    model.fit(X, X @ [1.0, -2.0, 0.0, 3.0] + 5)
    np.testing.assert_allclose(model.coefs_[0][:, 0], [1, -2, 0, 3], atol=1e-3)
    np.testing.assert_allclose(model.intercepts_[0], [5], atol=1e-3)


def test_multilabel_data_are_learned():
    X, y = make_multilabel_classification(500, random_state=0)
    model = FCNetClassifier(early_stopping=False, random_state=0).fit(X, y)
    assert (model.predict(X) == y).mean() > 0.95


def test_unscaled_data_are_learned_by_the_defaults():
    X, y = load_diabetes(return_X_y=True, scaled=False)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    ours = FCNetRegressor(early_stopping=True, random_state=0)
    scaled = make_pipeline(StandardScaler(), clone(ours))
    score = ours.fit(X_train, y_train).score(X_test, y_test)
    assert score > 0.2
    assert score == pytest.approx(
        scaled.fit(X_train, y_train).score(X_test, y_test), abs=0.05
    )


@pytest.mark.data
def test_the_reference_recipe_through_solver_and_classifier_on_mnist(mnist):
    net = FullyConnectedNet("classification", [20], [True], reg=1e-4, random_state=0)
    solver = Solver(net, mnist, num_epochs=10, verbose=False, random_state=0)
    solver.train()
    assert solver.best_val_acc >= 0.95
    model = FCNetClassifier(
        (20,),
        solver="sgd",
        nesterovs_momentum=False,
        learning_rate_init=1e-2,
        alpha=1e-4 * 200,
        batch_size=100,
        normalization="batch",
        max_iter=10,
        random_state=0,
    ).fit(mnist.X_train, mnist.y_train)
    assert abs(model.score(mnist.X_val, mnist.y_val) - solver.best_val_acc) <= 0.005


@pytest.mark.data
def test_mnist_is_learned_by_the_defaults(mnist):
    model = FCNetClassifier(random_state=0).fit(mnist.X_train, mnist.y_train)
    assert model.score(mnist.X_test, mnist.y_test) >= 0.982


@pytest.mark.data
def test_california_housing_is_learned_by_the_defaults(california_raw):
    data, errors = california_raw, []
    for seed in range(3):
        model = FCNetRegressor(random_state=seed).fit(data.X_train, data.y_train)
        residuals = model.predict(data.X_test) - data.y_test
        errors.append(np.sqrt(np.mean(residuals**2)))
    assert np.mean(errors) <= 0.46


@pytest.mark.data
def test_raw_california_housing_is_learned_and_better_embedded(california_raw):
    data = california_raw
    one_network = {
        "n_members": 1,
        "early_stopping": True,
        "validation_fraction": 0.1,
        "learning_rate": "one_cycle",
        "linear_term": False,
    }

    def rmse(**settings):
        model = FCNetRegressor(random_state=0, **one_network, **settings)
        model.fit(data.X_train, data.y_train)
        return np.sqrt(np.mean((model.predict(data.X_test) - data.y_test) ** 2))

    assert rmse(numeric_embedding=None) < 0.51
    assert rmse() < 0.47
