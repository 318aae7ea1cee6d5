"""What the parameters whose value is 'auto' or None come to in a fit.

By default, `fit` trains an ensemble of cross-fitted members: each has a validation set
of its own, by which it keeps its best epoch. Where members cannot be cross-fitted,
'auto' stands for a single network without dropout.
"""

from math import ceil

AUTO_MEMBERS = 5
"""The number of cross-fitted members that ``n_members="auto"`` stands for."""

AUTO_DROPOUT, AUTO_DROPOUT_ROWS = 0.15, 5_000
"""The dropout of cross-fitted members that ``dropout="auto"`` stands for, up to so many
rows. Beyond, it falls in proportion to one over the number of rows, since the more rows
there are, the less can be learned by heart."""

AUTO_BATCH_SIZE = 128
"""The largest minibatch that ``batch_size="auto"`` chooses."""

AUTO_STEPS, AUTO_MEMBER_STEPS = 4000, 2000
"""The number of minibatches that ``max_iter=None`` trains for: of a single network or
of members that all learn from the same rows, and of cross-fitted members."""

MIN_AUTO_EPOCHS, MIN_AUTO_MEMBER_EPOCHS, MAX_AUTO_EPOCHS = 10, 3, 256
"""The minimum number of epochs of ``max_iter=None``, of the same two, and the maximum.
"""

AUTO_ITERATIONS = 200
"""The number of iterations of L-BFGS for ``max_iter=None``."""

MIN_PATIENCE, PATIENCE_STEPS, PATIENCE_SHARE = 5, 200, 0.3
"""``n_iter_no_change=None`` stands for at least so many epochs, and for those that make
so many minibatches and this share of all epochs up to the last improvement."""

LBFGS_PATIENCE = 10
"""The number of iterations that it stands for with L-BFGS."""


def stops_early(estimator):
    """Return whether `fit` chooses the epoch by the score on a validation set.

    'auto' does so unless L-BFGS is the solver, which has a criterion of its own, or
    training is continued, since later calls may be given other rows.
    """
    if estimator.early_stopping == "auto":
        return estimator.solver != "lbfgs" and not estimator.warm_start
    return estimator.early_stopping


def cross_fitted_members(draft):
    """Return the number of members that get validation sets of their own.

    It is 1 if there is one validation set for the whole network.
    """
    if draft.n_members != "auto":
        return draft.n_members
    automatic = 1 if draft.solver == "lbfgs" else AUTO_MEMBERS
    return draft._training.architecture.get("n_members", automatic)


def network_settings(draft, rows):
    """Return ``n_members`` and ``dropout`` of the network of a draft.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    rows : Rows
        The rows of the training set.

    Returns
    -------
    settings : dict
        The two arguments of `FullyConnectedNet`. Those of 'auto' stay the same while
        training continues, except that L-BFGS trains without dropout.
    """
    counts = rows.member_counts
    automatic = {
        "n_members": 1 if counts is None else counts.shape[1],
        "dropout": 0.0 if counts is None else auto_dropout(rows.total_weight()),
    }
    automatic |= {
        k: v for k, v in draft._training.architecture.items() if k in automatic
    }
    if not can_drop(draft):
        automatic["dropout"] = 0.0
    own = {name: getattr(draft, name) for name in automatic}
    return {k: automatic[k] if value == "auto" else value for k, value in own.items()}


def auto_dropout(n_rows):
    """Return the dropout of members that are cross-fitted on so many rows."""
    return AUTO_DROPOUT * min(1.0, AUTO_DROPOUT_ROWS / n_rows)


def can_drop(estimator):
    """Return whether dropout is possible: L-BFGS needs a loss that is not random."""
    return estimator.solver != "lbfgs"


def minibatch_size(estimator, n_rows):
    """Return the number of rows of a minibatch, counting repetitions."""
    if estimator.batch_size != "auto":
        return estimator.batch_size
    return int(min(AUTO_BATCH_SIZE, n_rows))


def max_epochs(estimator, n_rows, *, are_cross_fitted=False):
    """Return the maximum number of epochs, or of iterations of L-BFGS.

    Parameters
    ----------
    estimator : _BaseFCNet
        The estimator.

    n_rows : int
        The number of rows of an epoch, counting repetitions.

    are_cross_fitted : bool, default=False
        Whether members are trained that are cross-fitted.
    """
    if estimator.max_iter is not None:
        return estimator.max_iter
    if estimator.solver == "lbfgs":
        return AUTO_ITERATIONS
    steps, least = AUTO_STEPS, MIN_AUTO_EPOCHS
    if are_cross_fitted:
        steps, least = AUTO_MEMBER_STEPS, MIN_AUTO_MEMBER_EPOCHS
    steps_per_epoch = ceil(n_rows / minibatch_size(estimator, n_rows))
    return min(max(ceil(steps / steps_per_epoch), least), MAX_AUTO_EPOCHS)


def patience(estimator, n_epochs_before, steps_per_epoch):
    """Return the number of epochs without an improvement after which training stops.

    Parameters
    ----------
    estimator : _BaseFCNet
        The estimator.

    n_epochs_before : int
        The number of epochs up to the last improvement.

    steps_per_epoch : int
        The number of minibatches of an epoch.
    """
    if estimator.n_iter_no_change is not None:
        return estimator.n_iter_no_change
    if estimator.solver == "lbfgs":
        return LBFGS_PATIENCE
    steps = PATIENCE_STEPS / steps_per_epoch
    return max(MIN_PATIENCE, ceil(steps + PATIENCE_SHARE * n_epochs_before))
