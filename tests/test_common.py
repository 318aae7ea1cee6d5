"""scikit-learn's own checks, on every configuration that is promised to pass them."""

import os

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)

from skfcnet import FCNetClassifier, FCNetRegressor

ESTIMATORS = [FCNetClassifier, FCNetRegressor]
CONFIGURATIONS = [
    {},
    {"batch_size": 8},
    {"batch_norm": True},
    {"dropout": 0.1},
    {"solver": "sgd"},
]

pytestmark = pytest.mark.filterwarnings(
    # The checks fit on purpose for few epochs.
    "ignore::sklearn.exceptions.ConvergenceWarning"
)


@parametrize_with_checks(
    [estimator(**changes) for estimator in ESTIMATORS for changes in CONFIGURATIONS]
)
def test_scikit_learn_compatible(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency]
)
def test_checks_that_check_estimator_leaves_out(estimator, check):
    check(estimator.__name__, estimator())


def test_checks_of_the_array_api_are_not_skipped():
    assert os.environ["SCIPY_ARRAY_API"] == "1"
