"""What the parameters whose value is 'auto' or None come to in a fit.

By default, `fit` trains an ensemble of cross-fitted members: each has a validation set
of its own, by which it keeps its best epoch. Where members cannot be cross-fitted,
'auto' stands for a single network without dropout.
"""

from math import ceil, inf, sqrt
from numbers import Integral

import numpy as np

from skfcnet._compat import InvalidParameterError

AUTO_MEMBERS = 5
"""The number of cross-fitted members that ``n_members="auto"`` stands for."""

AUTO_WIDTHS, WIDTH_STEP, ROWS_OF_GREATEST_WIDTH = (64, 128), 8, 32_000
"""The least and the greatest width of the two hidden layers that
``hidden_layer_sizes="auto"`` stands for, the multiple that a width is rounded to, and
from how many rows on it is the greatest. Members that are cross-fitted on fewer rows
are narrower, in proportion to the square root of the number of rows: their average is
as accurate, and a step takes less time. All other networks have the greatest width."""

AUTO_DROPOUT, AUTO_DROPOUT_ROWS = 0.15, 5_000
"""The dropout of cross-fitted members that ``dropout="auto"`` stands for, up to so many
rows. Beyond, it falls in proportion to one over the number of rows, since the more rows
there are, the less can be learned by heart."""

AUTO_BATCH_SIZE, MUON_BATCH_SIZE = 128, 256
"""The largest minibatch that ``batch_size="auto"`` chooses, and with Muon, whose steps
take longer, and which learns as much from as many rows in larger minibatches."""

AUTO_STEPS, AUTO_MEMBER_STEPS = 4000, 2000
"""The number of minibatches that ``max_iter=None`` trains for: of a single network or
of members that all learn from the same rows, and of cross-fitted members of the
greatest width. Narrower members take more steps, in inverse proportion to the width
that their number of rows stands for, and Muon takes half as many."""

AUTO_EPOCHS, AUTO_MEMBER_EPOCHS = (10, 256), (8, 192)
"""The minimum and the maximum number of epochs of ``max_iter=None``, of the same two.
"""

AUTO_ITERATIONS = 200
"""The number of iterations of L-BFGS for ``max_iter=None``."""

MIN_PATIENCE, PATIENCE_STEPS, PATIENCE_SHARE = 5, 200, 0.3
"""``n_iter_no_change=None`` stands for at least so many epochs, and for those that make
so many minibatches and this share of all epochs up to the last improvement."""

CATCH_UP_PARTS, CATCH_UP_HORIZON = 3, 2
"""The epochs without an improvement are divided into so many parts, and the pace of the
validation loss is the difference between the last two of them. It catches up if it will
be below its minimum within so many times these epochs."""

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
    """Return the sizes, the members and the dropout of the network of a draft.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    rows : Rows
        The rows of the training set, or a sample of them.

    Returns
    -------
    settings : dict
        The arguments ``hidden_dims``, ``n_members``, ``dropout`` and ``learn_scales``
        of `FullyConnectedNet`. Those of 'auto' stay the same while training continues,
        except that L-BFGS trains without dropout.
    """
    counts = rows.member_counts
    n_rows = inf if counts is None else rows.total_weight() / rows.share
    automatic = {
        "hidden_dims": [auto_width(n_rows)] * 2,
        "n_members": 1 if counts is None else counts.shape[1],
        "dropout": 0.0 if counts is None else auto_dropout(n_rows),
        "learn_scales": draft.solver != "lbfgs",
    }
    if architecture := draft._training.architecture:
        # Models that were saved by earlier versions have no scales.
        automatic["learn_scales"] = False
        automatic |= {k: v for k, v in architecture.items() if k in automatic}
    if not can_drop(draft):
        automatic["dropout"] = 0.0
    own = {
        "hidden_dims": hidden_widths(draft),
        "n_members": draft.n_members,
        "dropout": draft.dropout,
        "learn_scales": draft.learn_scales,
    }
    return {k: automatic[k] if value == "auto" else value for k, value in own.items()}


def hidden_widths(estimator):
    """Check ``hidden_layer_sizes`` and return it as a list of integers, or 'auto'."""
    if isinstance(estimator.hidden_layer_sizes, str):
        return estimator.hidden_layer_sizes
    sizes = np.atleast_1d(np.asarray(estimator.hidden_layer_sizes, object)).tolist()
    if not all(isinstance(size, Integral) and size > 0 for size in sizes):
        raise InvalidParameterError(
            f"The 'hidden_layer_sizes' parameter of {type(estimator).__name__} must be "
            f"'auto', a positive integer or a sequence of them. "
            f"Got {estimator.hidden_layer_sizes!r} instead."
        )
    return [int(size) for size in sizes]


def auto_width(n_rows):
    """Return the width of a hidden layer of members cross-fitted on so many rows.

    Examples
    --------
    >>> from skfcnet._estimators.automatic import auto_width
    >>> [auto_width(n_rows) for n_rows in (100, 8_000, 16_000, 32_000, 10**9)]
    [64, 64, 88, 128, 128]
    """
    least, greatest = AUTO_WIDTHS
    width = greatest * min(1.0, sqrt(n_rows / ROWS_OF_GREATEST_WIDTH))
    return max(least, WIDTH_STEP * round(width / WIDTH_STEP))


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
    return int(min(_auto_batch_size(estimator), n_rows))


def _auto_batch_size(estimator):
    return MUON_BATCH_SIZE if estimator.solver == "muon" else AUTO_BATCH_SIZE


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
    steps, (least, most) = AUTO_STEPS, AUTO_EPOCHS
    if are_cross_fitted:
        steps = AUTO_MEMBER_STEPS * AUTO_WIDTHS[1] / auto_width(n_rows)
        least, most = AUTO_MEMBER_EPOCHS
    if estimator.batch_size == "auto":
        steps *= AUTO_BATCH_SIZE / _auto_batch_size(estimator)
    steps_per_epoch = ceil(n_rows / minibatch_size(estimator, n_rows))
    return min(max(ceil(steps / steps_per_epoch), least), most)


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


def is_catching_up(losses, best_loss, tol):
    """Return whether a loss falls so fast that it will soon be below its minimum.

    Among many columns without information, the validation loss can rise at first, and
    then fall far below its minimum so far. Training goes on if it will be below at the
    pace of the last epochs, within twice as many epochs as have passed since.

    Parameters
    ----------
    losses : sequence of float
        The losses of the epochs since the minimum.

    best_loss : float
        The minimum.

    tol : float
        By how much less the loss has to be to count as an improvement.

    Examples
    --------
    >>> from skfcnet._estimators.automatic import is_catching_up
    >>> is_catching_up([1.1, 1.3, 1.4, 1.4, 1.3, 1.2], best_loss=1.0, tol=1e-4)
    True
    >>> is_catching_up([1.1, 1.3, 1.4, 1.4, 1.4, 1.4], best_loss=1.0, tol=1e-4)
    False
    """
    n = len(losses) // CATCH_UP_PARTS
    before, last = np.mean(losses[-2 * n : -n]), np.mean(losses[-n:])
    fall = CATCH_UP_HORIZON * CATCH_UP_PARTS * (before - last)
    return bool(fall >= last - best_loss + tol)
