r"""Losses, each with its exact gradient, and the links between scores and predictions.

Conventions
-----------
A loss is a function
``loss(x, y, *, weight=None, out=None, workspace=None) -> (value, dx)``.

1. ``x`` are the scores of a network, one row a sample, and ``y`` the targets.
   ``value`` is a float, and ``dx`` the gradient with respect to ``x``, of its shape.
   Parameters of a loss are further keywords.
2. The value is a mean over the rows. ``weight``, of shape (N,), is the weight of each
   row: the value is then :math:`\sum_i w_i l_i / N`, divided by the number of rows and
   not by the sum of the weights, so that the gradient of a minibatch is an unbiased
   estimate of the gradient of all rows.
3. ``out`` receives ``dx`` and may be ``x`` itself. ``workspace`` lends the scratch
   arrays. Without either, the function is pure.
4. Arrays of integers are computed with in float64. Arrays that do not fit each other,
   and parameters out of their range, are a ValueError.

`LOSSES` declares every loss once: its function, its link, the domain of its targets and
the best constant prediction. `LINKS` declares the links. The network, the estimators,
the gradient tests and the documentation read these tables.
"""

from types import MappingProxyType

from skfcnet.losses import _constants
from skfcnet.losses._classification import *
from skfcnet.losses._declaration import Loss
from skfcnet.losses._deviances import *
from skfcnet.losses._domains import (
    CLASS_INDICES,
    NON_NEGATIVE,
    POSITIVE,
    PROBABILITIES,
    REAL,
    Domain,
)
from skfcnet.losses._groups import GROUPS
from skfcnet.losses._links import LINKS, LOG_BOUND, Link
from skfcnet.losses._regression import *

LOSSES = {
    "softmax": Loss(
        softmax_loss,
        LINKS["softmax"],
        CLASS_INDICES,
        _constants.share,
        takes_labels=True,
        parameters=LABEL_SMOOTHING,
    ),
    "softmax_groups": Loss(
        softmax_groups_loss,
        LINKS["softmax_groups"],
        PROBABILITIES,
        _constants.share,
        parameters=MappingProxyType({**GROUPS, **LABEL_SMOOTHING}),
    ),
    "logistic": Loss(
        logistic_loss,
        LINKS["logistic"],
        PROBABILITIES,
        _constants.share,
        parameters=LABEL_SMOOTHING,
    ),
    "mse": Loss(mse_loss, LINKS["identity"], REAL, _constants.mean),
    "squared_error": Loss(squared_error_loss, LINKS["identity"], REAL, _constants.mean),
    "absolute_error": Loss(
        absolute_error_loss, LINKS["identity"], REAL, _constants.quantiles
    ),
    "huber": Loss(
        huber_loss, LINKS["identity"], REAL, _constants.quantiles, parameters=DELTA
    ),
    "quantile": Loss(
        quantile_loss,
        LINKS["quantiles"],
        REAL,
        _constants.quantiles,
        parameters=QUANTILE,
    ),
    "poisson": Loss(poisson_loss, LINKS["log"], NON_NEGATIVE, _constants.positive_mean),
    "gamma": Loss(gamma_loss, LINKS["log"], POSITIVE, _constants.positive_mean),
}
"""Every loss by name."""

__all__ = [
    "LINKS",
    "LOG_BOUND",
    "LOSSES",
    "Domain",
    "Link",
    "Loss",
    "absolute_error_loss",
    "gamma_loss",
    "huber_loss",
    "logistic_loss",
    "mse_loss",
    "poisson_loss",
    "quantile_loss",
    "softmax_groups_loss",
    "softmax_loss",
    "squared_error_loss",
]
