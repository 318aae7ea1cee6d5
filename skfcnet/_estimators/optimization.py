"""The parameters of training: solver, schedule, sizes of minibatches, penalty."""

from math import ceil

import numpy as np

from skfcnet import update_rules
from skfcnet._compat import InvalidParameterError
from skfcnet._engine.warn import warn
from skfcnet.schedules import SCHEDULES
from skfcnet.solver import Solver

AUTO_BATCH_SIZE = 128
"""The largest minibatch that ``batch_size="auto"`` chooses."""

ALPHA_BATCH_SIZE = 200
"""The largest minibatch that ``alpha`` refers to: scikit-learn's automatic batch size.
"""

AUTO_STEPS = 4000
"""The number of minibatches that ``max_iter=None`` trains for."""

MIN_AUTO_EPOCHS, MAX_AUTO_EPOCHS = 10, 256
"""The fewest and the most epochs that ``max_iter=None`` trains for."""

AUTO_ITERATIONS = 200
"""The value of ``max_iter=None`` for L-BFGS, which uses all rows in each iteration."""

ADAPTIVE_DIVISOR = 5.0
"""What ``learning_rate="adaptive"`` divides the learning rate by."""

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
    "rmsprop": (update_rules.rmsprop, {"epsilon": "epsilon"}),
}
"""The stochastic solvers: for each, its update rule, and which entry of the rule's
configuration is set by which parameter of the estimator."""

MINIBATCH_PARAMETERS = (
    "batch_size",
    "learning_rate",
    "learning_rate_init",
    "max_grad_norm",
    "shuffle",
    "warmup_epochs",
)
"""The parameters that all stochastic solvers have."""


# The schedule of the learning rate


def schedule_name(estimator):
    """Return the schedule within an epoch: 'adaptive' changes the rate between them."""
    adapts = estimator.learning_rate == "adaptive"
    return "constant" if adapts else estimator.learning_rate


def schedule_has_end(estimator):
    """Return whether the schedule depends on the total number of steps."""
    if estimator.solver == "lbfgs":
        return False
    return SCHEDULES[schedule_name(estimator)].has_horizon


def schedule_end_is_unknown(estimator):
    """Return whether the schedule has an end, but `fit` can be called again and again.

    The learning rate is constant in this case.
    """
    is_repeated = estimator.warm_start and estimator.total_steps is None
    return schedule_has_end(estimator) and is_repeated


def trains_to_the_end(estimator):
    """Return whether `fit` follows the schedule to its end, without stopping early."""
    return schedule_has_end(estimator) and not schedule_end_is_unknown(estimator)


def adapted_learning_rate(estimator, training):
    """Return the learning rate before the schedule, after the divisions so far."""
    divisor = ADAPTIVE_DIVISOR**training.n_rate_divisions
    return float(estimator.learning_rate_init) / divisor


def can_divide_learning_rate(estimator, training):
    """Return whether the learning rate is divided where the loss does not improve."""
    if estimator.solver == "lbfgs" or estimator.learning_rate != "adaptive":
        return False
    return adapted_learning_rate(estimator, training) > ADAPTIVE_MINIMUM


# Sizes


def minibatch_size(estimator, n_rows):
    """Return the number of rows of a minibatch, with repetitions counted."""
    if estimator.batch_size != "auto":
        return estimator.batch_size
    return int(min(AUTO_BATCH_SIZE, n_rows))


def max_epochs(estimator, n_rows):
    """Return for how many epochs `fit` trains at most, or for how many iterations."""
    if estimator.max_iter is not None:
        return estimator.max_iter
    if estimator.solver == "lbfgs":
        return AUTO_ITERATIONS
    n_steps = ceil(n_rows / minibatch_size(estimator, n_rows))
    return min(max(ceil(AUTO_STEPS / n_steps), MIN_AUTO_EPOCHS), MAX_AUTO_EPOCHS)


def l2_coefficient(estimator, n_rows):
    """Return the network's coefficient of the L2 penalty, scaled as in scikit-learn."""
    if estimator.solver != "lbfgs":
        n_rows = min(ALPHA_BATCH_SIZE, n_rows)
    return float(estimator.alpha / n_rows)


# The solver of the engine


def minibatch_solver(estimator, rows, n_epochs, *, is_partial_fit=False):
    """Return a solver of the engine that goes on training the estimator's network.

    Parameters
    ----------
    estimator : _BaseFCNet
        The draft that is trained, with its network and its training state.

    rows : Rows
        The encoded rows to train on.

    n_epochs : int
        The number of epochs that a schedule with an end is planned for.

    is_partial_fit : bool, default=False
        Whether `partial_fit` trains: it does not know the end of a schedule either.

    Returns
    -------
    solver : skfcnet.solver.Solver
        The solver. It continues with the state of the earlier one.
    """
    if estimator.normalization == "batch" and estimator.batch_size == 1 < rows.n_rows:
        raise ValueError(
            "normalization='batch' needs a batch_size of at least 2: a single row has "
            "no variance to normalise by."
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
                f"the learning rate is at its end: raise total_steps."
            )
    n_rows = rows.total_weight()
    estimator._net.reg = l2_coefficient(estimator, n_rows)
    rule, config = _update_rule(estimator)
    numbers = SCHEDULES[schedule].defaults
    return Solver(
        estimator._net,
        {"X_train": rows.X, "y_train": rows.target},
        update_rule=rule,
        optim_config=config,
        schedule=schedule,
        schedule_config={name: float(getattr(estimator, name)) for name in numbers},
        warmup_epochs=estimator.warmup_epochs,
        max_grad_norm=estimator.max_grad_norm,
        batch_size=minibatch_size(estimator, n_rows),
        num_epochs=n_epochs,
        verbose=False,
        sample_weight=rows.weight,
        loss_weight=rows.cost,
        shuffle=estimator.shuffle,
        random_state=training.rng,
        first_step=training.step,
        total_steps=total_steps,
    )


def _update_rule(estimator):
    """Return the update rule and its configuration, with the state so far."""
    rule, parameters = SOLVERS[estimator.solver]
    epsilon = np.dtype(estimator.dtype).type(estimator.epsilon)
    if "epsilon" in parameters and not epsilon:
        raise InvalidParameterError(
            f"The 'epsilon' parameter of {type(estimator).__name__} must not vanish in "
            f"dtype={estimator.dtype!r}. Got {estimator.epsilon!r} instead."
        )
    if rule is update_rules.sgd_momentum and estimator.nesterovs_momentum:
        rule = update_rules.sgd_nesterov
    training = estimator._training
    config = {"learning_rate": adapted_learning_rate(estimator, training)}
    for entry, parameter in parameters.items():
        config[entry] = float(getattr(estimator, parameter))
    # A solver that differs from the earlier one starts with an empty state.
    state = {*rule.slots, *({"t"} & rule.defaults.keys())}
    if state <= training.optimizer.keys():
        config |= {entry: training.optimizer[entry] for entry in state}
    return rule, config
