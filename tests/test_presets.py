"""Estimators can be fitted with every preset, and LIKE_MLP keeps its word."""

from inspect import signature

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skfcnet import FCNetClassifier, FCNetRegressor, presets

PRESETS = {name: preset for name, preset in vars(presets).items() if name.isupper()}
AUTO_BATCH_SIZE_OF_MLP = 200


def test_the_module_has_the_presets_of_the_user_guide():
    assert PRESETS.keys() == {"LIKE_MLP", "FAST", "ACCURATE", "DIGITS"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("Estimator", "name"),
    [
        *((FCNetClassifier, name) for name in PRESETS),
        *((FCNetRegressor, name) for name in ("LIKE_MLP", "FAST", "ACCURATE")),
    ],
)
def test_estimators_have_and_accept_every_parameter(Estimator, name):
    assert PRESETS[name].keys() <= signature(Estimator).parameters.keys()
    X = np.random.default_rng(0).normal(size=(20, 3))
    model = Estimator(**PRESETS[name], random_state=0).fit(X, X[:, 0] > 0)
    assert np.isfinite(model.loss_)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(FCNetClassifier, MLPClassifier), (FCNetRegressor, MLPRegressor)],
)
def test_like_mlp_has_the_defaults_of_scikit_learn(ours, theirs):
    of_validation = {"validation_fraction": 0.1, "scoring": None}
    given = ours(**presets.LIKE_MLP, **of_validation).get_params()
    expected = theirs().get_params() | {"batch_size": AUTO_BATCH_SIZE_OF_MLP}
    assert {name: given[name] for name in expected} == expected
