"""Plain networks as scikit-learn's own multilayer perceptrons."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor

from scaffolding import KINDS_OF_MLP, data_of, needs_new_scikit_learn, short_fits

pytestmark = short_fits

PLAIN = {"input_scaling": "standard", "numeric_embedding": None}


def fitted(kind, **params):
    model, X, y = data_of(kind)
    X = 100 + 20 * X  # so that the scaling matters
    return model.set_params(**PLAIN | params).fit(X, y), X


@pytest.mark.parametrize("kind", KINDS_OF_MLP)
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"activation": "tanh", "hidden_layer_sizes": (6, 5)},
        {"activation": "logistic", "dropout": 0.5, "dtype": "float64"},
        {"hidden_layer_sizes": (), "input_scaling": None},
    ],
    ids=["defaults", "two layers", "float64", "linear"],
)
def test_predictions_are_those_of_the_network(kind, params):
    model, X = fitted(kind, **params)
    mlp = model.to_mlp()
    if is_classifier(model):
        assert type(mlp) is MLPClassifier
        assert_array_equal(mlp.predict(X), model.predict(X))
        assert_allclose(mlp.predict_proba(X), model.predict_proba(X), atol=1e-9)
        assert mlp.score(X, model.predict(X)) == 1
    else:
        assert type(mlp) is MLPRegressor
        assert_allclose(mlp.predict(X), model.predict(X), rtol=1e-9)
    assert mlp.hidden_layer_sizes == tuple(b.size for b in model.intercepts_[:-1])
    assert mlp.loss_curve_ == model.loss_curve_


def test_labels_may_be_strings_and_columns_have_names():
    model, X, y = data_of("multiclass")
    X = pd.DataFrame(X, columns=list("abcdef"))
    y = np.array(["cat", "dog", "fox"])[y]
    model.set_params(**PLAIN).fit(X, y)
    mlp = model.to_mlp()
    assert_array_equal(mlp.predict(X), model.predict(X))
    with pytest.raises(ValueError, match="feature names"):
        mlp.predict(X[list("fedcba")])


@needs_new_scikit_learn("MLPRegressor has no parameter loss before 1.7")
def test_a_network_of_counts_is_a_perceptron_of_counts():
    model, X, y = data_of("multioutput")
    y = 50 * np.exp(y)
    y[:, 1] = 7  # a constant target
    model.set_params(**PLAIN, loss="poisson").fit(X, y)
    mlp = model.to_mlp()
    assert mlp.loss == "poisson"
    assert_allclose(mlp.predict(X), model.predict(X), rtol=1e-9)


def test_the_network_and_the_global_generator_stay_as_they_are():
    model, X = fitted("binary")
    before, state = model.predict_proba(X), np.random.get_state()[1].copy()
    model.to_mlp().coefs_[0][...] = 0
    assert_array_equal(model.predict_proba(X), before)
    assert_array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize(
    ("kind", "params", "named"),
    [
        ("binary", {"n_members": 2}, "n_members=2"),
        ("binary", {"activation": "gelu"}, "activation='gelu'"),
        ("binary", {"normalization": "batch"}, "normalization='batch'"),
        ("binary", {"input_scaling": "robust"}, "input_scaling='robust'"),
        (
            "binary",
            {"numeric_embedding": "ple"},
            "numeric_embedding of 'ple' or 'auto'",
        ),
        ("binary", {"numeric_embedding": "pbld"}, "numeric_embedding='pbld'"),
        ("multiclass", {"linear_term": True}, "linear_term=True"),
        ("multiclass-multioutput", {}, "several outputs with classes"),
        ("regression", {"loss": "huber"}, "loss='huber'"),
        ("regression", {"clip_output": True}, "clip_output=True"),
    ],
)
def test_what_a_perceptron_cannot_express_is_named(kind, params, named):
    model, _ = fitted(kind, **params)
    with pytest.raises(ValueError, match=f"nothing that corresponds to {named} of"):
        model.to_mlp()


def test_all_that_a_perceptron_cannot_express_is_named_at_once():
    model, X, y = data_of("binary")
    frame = pd.DataFrame(X).assign(colour=np.where(y, "red", "blue"))
    frame.columns = frame.columns.astype(str)
    frame.iloc[0, 0] = np.nan
    model.set_params(activation="silu").fit(frame, y)
    with pytest.raises(ValueError) as error:
        model.to_mlp()
    for cause in ("activation='silu'", "missing values in X", "categorical features"):
        assert cause in str(error.value)


def test_an_estimator_must_be_fitted():
    model, _, _ = data_of("binary")
    with pytest.raises(NotFittedError):
        model.to_mlp()
