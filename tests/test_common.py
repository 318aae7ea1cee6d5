"""scikit-learn's own checks, on every configuration that is promised to pass them."""

import os

import pytest
import sklearn
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)

from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet.layers import ACTIVATIONS

OLD = sklearn.__version__.startswith("1.6.")
ESTIMATORS = [FCNetClassifier, FCNetRegressor]
ONE_NETWORK = {"early_stopping": False, "max_iter": 30}
"""Five networks, which are trained for more epochs, are checked once."""

CONFIGURATIONS = [
    {"max_iter": 30} if OLD else {},
    {"early_stopping": True, "n_members": 1, "max_iter": 30},
    {"n_members": 3, "normalization": "batch", "max_iter": 20},
    {"early_stopping": False},
    *(
        ONE_NETWORK | changes
        for changes in [
            {"batch_size": 8},
            {"normalization": "batch"},
            {"normalization": "layer"},
            {"dropout": 0.1},
            {"solver": "sgd"},
            {"solver": "adam", "learning_rate": "constant"},
            {"solver": "lbfgs"},
            *({"activation": name} for name in ACTIVATIONS if name != "relu"),
            {"input_scaling": "standard"},
            {"numeric_embedding": None},
            {"numeric_embedding": "ple"},
            {"numeric_embedding": "pbld"},
            {"linear_term": False},
            {"categorical_features": [0]},
            {"n_members": 3},
        ]
    ),
]
OF_CLASSIFIER = [ONE_NETWORK | {"class_weight": "balanced"}]
OF_REGRESSOR = [
    ONE_NETWORK | {"scale_target": False},
    ONE_NETWORK | {"clip_output": True},
]

pytestmark = pytest.mark.filterwarnings(
    # The checks fit on purpose for few epochs.
    "ignore::sklearn.exceptions.ConvergenceWarning",
    # Some are of sparse rows, which are not scaled.
    "ignore:input_scaling='standard' has no effect:UserWarning",
)


@parametrize_with_checks(
    [estimator(**changes) for estimator in ESTIMATORS for changes in CONFIGURATIONS]
    + [FCNetClassifier(**changes) for changes in OF_CLASSIFIER]
    + [FCNetRegressor(**changes) for changes in OF_REGRESSOR]
)
def test_scikit_learn_compatible(estimator, check):
    is_of_sparse_data = "sparse_data" in getattr(check, "func", check).__name__
    if OLD and is_of_sparse_data and not get_tags(estimator).input_tags.sparse:
        pytest.skip("scikit-learn 1.6 runs it on estimators that take no sparse data")
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency]
)
def test_checks_that_check_estimator_leaves_out(estimator, check):
    check(estimator.__name__, estimator())


def test_columns_are_consistent_with_early_stopping():
    for estimator in ESTIMATORS:
        check_dataframe_column_names_consistency(
            estimator.__name__, estimator(early_stopping=True, max_iter=2)
        )


def test_checks_of_the_array_api_are_not_skipped():
    assert os.environ["SCIPY_ARRAY_API"] == "1"
