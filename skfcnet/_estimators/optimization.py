"""The solver, the schedule, the sizes of minibatches and the penalty of training."""

import numpy as np

from skfcnet import update_rules
from skfcnet._compat import InvalidParameterError, has_callbacks
from skfcnet._engine.warn import warn
from skfcnet._estimators.automatic import minibatch_size, stops_early
from skfcnet.schedules import SCHEDULES
from skfcnet.solver import Solver

ALPHA_BATCH_SIZE = 200
"""The largest minibatch size for which ``alpha`` is defined, as in scikit-learn."""

ADAPTIVE_DIVISOR = 5.0
"""The number by which ``learning_rate="adaptive"`` divides the learning rate."""

ADAPTIVE_MINIMUM = 1e-6
"""The learning rate below which ``learning_rate="adaptive"`` stops training."""

SOLVERS = {
    "sgd": (update_rules.sgd_momentum, {"momentum": "momentum"}),
    "adam": (
        update_rules.adam,
        {"beta1": "beta_1", "beta2": "beta_2", "epsilon": "epsilon"},
    ),
    "adamw": (
        update_rules.adamw,
        {
            "beta1": "beta_1",
            "beta2": "beta_2",
            "epsilon": "epsilon",
            "weight_decay": "weight_decay",
        },
    ),
    "muon": (
        update_rules.muon,
        {
            "momentum": "momentum",
            "beta1": "beta_1",
            "beta2": "beta_2",
            "epsilon": "epsilon",
            "weight_decay": "weight_decay",
        },
    ),
    "rmsprop": (update_rules.rmsprop, {"epsilon": "epsilon"}),
}
"""The update rule of each stochastic solver, and for each entry of the rule's
configuration the parameter of the estimator that sets it."""

MINIBATCH_PARAMETERS = (
    "batch_size",
    "learning_rate",
    "learning_rate_init",
    "max_grad_norm",
    "shuffle",
    "warmup_epochs",
)
"""The parameters that all stochastic solvers use."""


# The schedule of the learning rate


def schedule_name(estimator):
    """Return the name of the schedule within an epoch.

    It is 'constant' for 'adaptive', which changes the learning rate between epochs.
    """
    is_adaptive = estimator.learning_rate == "adaptive"
    return "constant" if is_adaptive else estimator.learning_rate


def schedule_has_end(estimator):
    """Return whether the schedule depends on the total number of steps."""
    if estimator.solver == "lbfgs":
        return False
    return SCHEDULES[schedule_name(estimator)].has_horizon


def schedule_end_is_unknown(estimator):
    """Return whether the schedule has an end, but `fit` does not know where it is.

    This is so with a warm start and without ``total_steps``. The learning rate is then
    constant.
    """
    is_unknown = estimator.warm_start and estimator.total_steps is None
    return schedule_has_end(estimator) and is_unknown


def schedule_end_is_known(estimator):
    """Return whether `fit` knows a last epoch with which the schedule ends."""
    return schedule_has_end(estimator) and not schedule_end_is_unknown(estimator)


def can_end_early(estimator):
    """Return whether a schedule that has an end may fall before, as 'wsd' does."""
    can_end = SCHEDULES[schedule_name(estimator)].can_end_early
    return schedule_end_is_known(estimator) and can_end


def trains_all_epochs(estimator):
    """Return whether `fit` follows the schedule to its end, without stopping early."""
    return schedule_end_is_known(estimator) and not can_end_early(estimator)


def has_jobs(estimator):
    """Return whether `fit` may train members in several jobs, by its parameters.

    Callbacks see all members after every epoch, and L-BFGS trains a single network.
    """
    has_several = (
        stops_early(estimator)
        if estimator.n_members == "auto"
        else estimator.n_members > 1
    )
    is_possible = estimator.solver != "lbfgs" and not has_callbacks(estimator)
    return has_several and is_possible


def adapted_learning_rate(estimator, training):
    """Return the initial learning rate, after the divisions of 'adaptive' so far."""
    divisor = ADAPTIVE_DIVISOR**training.n_rate_divisions
    return float(estimator.learning_rate_init) / divisor


def can_divide_learning_rate(estimator, training):
    """Return whether 'adaptive' divides the learning rate instead of stopping."""
    if estimator.solver == "lbfgs" or estimator.learning_rate != "adaptive":
        return False
    return adapted_learning_rate(estimator, training) > ADAPTIVE_MINIMUM


def l2_coefficient(estimator, n_rows):
    """Return the coefficient of the L2 penalty of the network."""
    if estimator.solver != "lbfgs":
        n_rows = min(ALPHA_BATCH_SIZE, n_rows)
    return float(estimator.alpha / n_rows)


# The solver of the engine


def minibatch_solver(estimator, rows, n_epochs, *, is_partial_fit=False):
    """Return a solver that trains the network of an estimator.

    Parameters
    ----------
    estimator : _BaseFCNet
        The draft that is trained, with its network and its training state.

    rows : Rows
        The encoded rows of the training set.

    n_epochs : int
        The number of epochs after which a schedule with an end is at its end.

    is_partial_fit : bool, default=False
        Whether `partial_fit` trains, which does not know where a schedule ends.

    Returns
    -------
    solver : skfcnet.solver.Solver
        The solver, which continues from the training state of the estimator.
    """
    arguments = solver_arguments(
        estimator, rows, n_epochs, is_partial_fit=is_partial_fit
    )
    return Solver(estimator._net, rows.solver_data, **arguments)


def solver_arguments(estimator, rows, n_epochs, *, is_partial_fit=False):
    """Return the arguments of the solver of a draft, beside the network and the rows.

    The network gets its penalty. The parameters are those of `minibatch_solver`.
    """
    if estimator.normalization == "batch" and estimator.batch_size == 1 < rows.n_rows:
        raise ValueError(
            "normalization='batch' needs a batch_size of at least 2: a single row has "
            "no variance."
        )
    training = estimator._training
    is_repeated = is_partial_fit or estimator.warm_start
    total_steps = estimator.total_steps if is_repeated else None
    schedule = schedule_name(estimator)
    if is_repeated and schedule_has_end(estimator):
        if total_steps is None:
            schedule = "constant"
        elif training.step >= total_steps:
            warn(
                f"All total_steps={total_steps} minibatches were trained before, and "
                f"the schedule of the learning rate is at its end: raise total_steps."
            )
    n_rows = rows.total_weight()
    estimator._net.reg = l2_coefficient(estimator, n_rows)
    rule, config = _update_rule(estimator)
    schedule_parameters = SCHEDULES[schedule].defaults
    return {
        "update_rule": rule,
        "optim_config": config,
        "schedule": schedule,
        "schedule_config": {
            name: float(getattr(estimator, name)) for name in schedule_parameters
        },
        "warmup_epochs": estimator.warmup_epochs,
        "max_grad_norm": estimator.max_grad_norm,
        "batch_size": minibatch_size(estimator, n_rows),
        "num_epochs": n_epochs,
        "verbose": False,
        "sample_weight": rows.weight,
        "loss_weight": rows.loss_weight(),
        "shuffle": estimator.shuffle,
        "random_state": training.rng,
        "first_step": training.step,
        "total_steps": total_steps,
    }


def _update_rule(estimator):
    """Return the update rule and its configuration, including its state."""
    rule, parameters = SOLVERS[estimator.solver]
    epsilon = np.dtype(estimator.dtype).type(estimator.epsilon)
    if "epsilon" in parameters and not epsilon:
        raise InvalidParameterError(
            f"The 'epsilon' parameter of {type(estimator).__name__} must not be 0 in "
            f"dtype={estimator.dtype!r}. Got {estimator.epsilon!r} instead."
        )
    if rule is update_rules.sgd_momentum and estimator.nesterovs_momentum:
        rule = update_rules.sgd_nesterov
    training = estimator._training
    config = {"learning_rate": adapted_learning_rate(estimator, training)}
    for entry, parameter in parameters.items():
        config[entry] = float(getattr(estimator, parameter))
    # If the solver has changed, its update rule starts with a new state.
    state = {*rule.slots, *({"t"} & rule.defaults.keys())}
    if state <= training.optimizer.keys():
        config |= {entry: training.optimizer[entry] for entry in state}
    return rule, config
