"""The constraints of the parameters that both estimators have.

These are their allowed values, and the conditions under which they have an effect.
"""

from numbers import Integral, Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer_names

from skfcnet._compat import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)
from skfcnet._engine.warn import warn
from skfcnet._estimators.automatic import can_drop, hidden_widths, stops_early
from skfcnet._estimators.optimization import (
    MINIBATCH_PARAMETERS,
    SOLVERS,
    has_jobs,
    schedule_end_is_unknown,
    schedule_has_end,
    trains_all_epochs,
)
from skfcnet._estimators.unused_parameters import (
    Condition,
    conditions_by_value,
    parameters_set_by_user,
)
from skfcnet._tabular.encoder import EMBEDDINGS
from skfcnet._tabular.scaling import SCALINGS
from skfcnet.initializers import INITIALIZERS
from skfcnet.layers import ACTIVATIONS, NORMALIZATIONS
from skfcnet.schedules import SCHEDULES

TABLES = {
    "ACTIVATIONS": ACTIVATIONS,
    "INITIALIZERS": INITIALIZERS,
    "NORMALIZATIONS": NORMALIZATIONS,
    "SCHEDULES": SCHEDULES,
    "SOLVERS": SOLVERS,
}
"""The tables that say what some parameters may be, for the docstrings."""

PARAMETER_CONSTRAINTS = {
    "hidden_layer_sizes": [
        StrOptions({"auto"}),
        "array-like",
        Interval(Integral, 1, None, closed="left"),
    ],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "solver": [StrOptions({*SOLVERS, "lbfgs"})],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({*SCHEDULES, "adaptive"})],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left"), None],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": [StrOptions({"auto"}), "boolean"],
    "validation_fraction": [
        Interval(Real, 0, 1, closed="neither"),
        HasMethods(["split", "get_n_splits"]),
    ],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
        None,
    ],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "total_steps": [Interval(Integral, 1, None, closed="left"), None],
    "scoring": [StrOptions({"loss", *get_scorer_names()}), callable, None],
    "warmup_epochs": [Interval(Real, 0, None, closed="left")],
    "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "normalization": [StrOptions(set(NORMALIZATIONS)), None],
    "dropout": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
    "input_dropout": [Interval(Real, 0, 1, closed="left")],
    "init": [StrOptions({"auto", *INITIALIZERS})],
    "input_scaling": [StrOptions(set(SCALINGS) - {None}), None],
    "numeric_embedding": [StrOptions({"auto", *EMBEDDINGS}), None],
    "n_bins": [Interval(Integral, 2, None, closed="left")],
    "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
    "learn_scales": [StrOptions({"auto"}), "boolean"],
    "linear_term": ["boolean"],
    "n_members": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "n_jobs": [Integral, None],
    "dtype": [
        StrOptions({"float32", "float64"}),
        Options(type, {np.float32, np.float64}),
    ],
}
"""The allowed values of the parameters that both estimators have."""

CONDITIONS = (
    *conditions_by_value(
        "solver",
        {
            name: [*MINIBATCH_PARAMETERS, *parameters.values()]
            for name, (_, parameters) in SOLVERS.items()
        },
    ),
    *conditions_by_value("solver", {"sgd": ["nesterovs_momentum"]}),
    *conditions_by_value("solver", {"lbfgs": ["max_fun"]}),
    *conditions_by_value(
        "learning_rate",
        {name: schedule.defaults for name, schedule in SCHEDULES.items()},
    ),
    Condition(
        ("tol", "n_iter_no_change"),
        lambda estimator: not trains_all_epochs(estimator),
        "a schedule without a fixed end, such as learning_rate='wsd', whereas "
        "learning_rate={learning_rate!r} is followed to its end",
        ConvergenceWarning,
    ),
    Condition(
        ("n_iter_no_change",),
        lambda estimator: estimator.solver != "lbfgs" or stops_early(estimator),
        "early_stopping=True with solver='lbfgs'",
        ConvergenceWarning,
    ),
    Condition(
        ("learning_rate",),
        lambda estimator: not schedule_end_is_unknown(estimator),
        "total_steps with warm_start=True or partial_fit, and without it the rate is "
        "constant",
    ),
    Condition(
        ("total_steps",),
        schedule_has_end,
        "a schedule that has an end, such as learning_rate='wsd'",
    ),
    Condition(
        ("total_steps",),
        lambda estimator: estimator.warm_start or not schedule_has_end(estimator),
        "warm_start=True, or partial_fit",
    ),
    Condition(
        ("validation_fraction", "scoring"),
        stops_early,
        "early_stopping=True",
    ),
    Condition(
        ("n_jobs",),
        lambda estimator: estimator.n_jobs == 1 or has_jobs(estimator),
        "several members, a solver other than 'lbfgs', and no callbacks",
    ),
    Condition(
        ("n_bins",),
        lambda estimator: estimator.numeric_embedding in ("auto", "ple"),
        "numeric_embedding='ple' or 'auto'",
    ),
    Condition(
        ("activation", "normalization", "dropout", "learn_scales"),
        lambda estimator: hidden_widths(estimator),
        "hidden layers, but hidden_layer_sizes={hidden_layer_sizes!r} has none",
    ),
)
"""The conditions under which the parameters of both estimators have an effect."""


def check_combinations(estimator):
    """Raise an error for combinations of parameters that are not possible."""
    dropout = 0.0 if estimator.dropout == "auto" else estimator.dropout
    if not can_drop(estimator) and (dropout or estimator.input_dropout):
        raise InvalidParameterError(
            f"The 'dropout' and 'input_dropout' parameters of "
            f"{type(estimator).__name__} must be 0 for solver='lbfgs', which needs a "
            f"deterministic loss. Got {estimator.dropout!r} and "
            f"{estimator.input_dropout!r} instead."
        )


def parameters_requiring_dense_input(estimator):
    """Return the names of the parameters whose values sparse X does not allow.

    The values 'auto' and 'from_dtype' leave sparse X as it is.
    """
    return [
        name
        for name in ("numeric_embedding", "categorical_features")
        if (value := getattr(estimator, name)) is not None
        and not (isinstance(value, str) and value in ("auto", "from_dtype"))
    ]


def check_parameters_for_sparse_input(estimator):
    """Raise an error for values that sparse X does not allow; warn about others."""
    if names := parameters_requiring_dense_input(estimator):
        raise ValueError(
            f"X is sparse, but {names[0]}={getattr(estimator, names[0])!r} needs "
            f"dense data: set it to None, or make X dense."
        )
    if estimator.input_scaling not in (None, "robust"):
        warn(
            f"input_scaling={estimator.input_scaling!r} has no effect: X is sparse, "
            f"and is not scaled. Scale it beforehand, for example with MaxAbsScaler."
        )
    if "n_bins" in parameters_set_by_user(estimator):
        warn(
            f"n_bins={estimator.n_bins!r} has no effect: X is sparse, and only "
            f"features of dense X have bins."
        )
