"""Estimators can be fitted with every preset, and LIKE_MLP keeps its word."""

from inspect import signature

import numpy as np
import pytest
from sklearn.model_selection import ParameterSampler, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skfcnet import FCNetClassifier, FCNetRegressor, presets

PRESETS = {
    name: preset
    for name, preset in vars(presets).items()
    if name.isupper() and name != "SEARCH_SPACE"
}
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


@pytest.mark.parametrize("Estimator", [FCNetClassifier, FCNetRegressor])
def test_every_candidate_of_the_search_space_can_be_fitted(Estimator):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = X[:, 0] > 0 if Estimator is FCNetClassifier else X[:, 0]
    values = ParameterSampler(presets.SEARCH_SPACE, 12, random_state=0)
    for candidate in values:
        assert candidate.keys() <= signature(Estimator).parameters.keys()
        model = Estimator(**candidate, max_iter=1, random_state=0).fit(X, y)
        assert np.isfinite(model.loss_)


def test_a_random_search_chooses_by_the_out_of_fold_score():
    X = np.random.default_rng(0).normal(size=(60, 3))
    search = RandomizedSearchCV(
        FCNetRegressor(max_iter=3, random_state=0),
        presets.SEARCH_SPACE,
        n_iter=3,
        scoring=lambda model, X, y: model.oob_score_,
        cv=[(np.arange(60), np.arange(60))],
        random_state=0,
    ).fit(X, X[:, 0])
    assert search.best_score_ == search.best_estimator_.oob_score_


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(FCNetClassifier, MLPClassifier), (FCNetRegressor, MLPRegressor)],
)
def test_like_mlp_has_the_defaults_of_scikit_learn(ours, theirs):
    of_validation = {"validation_fraction": 0.1, "scoring": None}
    given = ours(**presets.LIKE_MLP, **of_validation).get_params()
    expected = theirs().get_params() | {"batch_size": AUTO_BATCH_SIZE_OF_MLP}
    assert {name: given[name] for name in expected} == expected
