"""An ensemble over shards: members that are each trained on a part of the rows.

The rows of the parts need not be in one place. What the members have in common is
learned from a sample of all rows: the kind of target and its scale, how X is encoded,
and the number of epochs. Each member is then trained wherever its rows are, and all
are joined to one ensemble, which predicts as any other does.
"""

from copy import copy

import numpy as np

from skfcnet._compat import InvalidParameterError, has_callbacks
from skfcnet._engine.members import ensemble_of_members
from skfcnet._estimators.optimization import solver_arguments, trains_members_apart
from skfcnet._estimators.parallel_members import join_parts, train_part


def check_trains_on_shards(estimator):
    """Raise an error for parameters with which members cannot be trained on shards."""
    name = type(estimator).__name__
    if estimator.n_members < 2:
        raise InvalidParameterError(
            f"The 'n_members' parameter of {name} must be at least 2 to train members "
            f"on shards: it is their number. Got {estimator.n_members!r} instead."
        )
    if estimator.warm_start:
        raise InvalidParameterError(
            f"The 'warm_start' parameter of {name} must be False to train members on "
            f"shards, since each call starts anew."
        )
    if not trains_members_apart(estimator) or has_callbacks(estimator):
        raise ValueError(
            f"{name} cannot train members on shards with solver={estimator.solver!r}, "
            f"learning_rate={estimator.learning_rate!r} and early_stopping="
            f"{estimator.early_stopping!r}, or with callbacks, since they decide "
            f"together when to stop: choose a schedule with an end, such as "
            f"learning_rate='one_cycle', early_stopping=False and no callbacks."
        )


def start_ensemble(estimator, X, y, classes=None):
    """Return a draft of an estimator, with an untrained ensemble.

    Parameters
    ----------
    estimator : _BaseFCNet
        The estimator that is fitted.

    X, y : array-like
        A sample of all rows, of which the scales, the bins and the categories are
        learned.

    classes : ndarray, default=None
        The labels of all rows, for a classifier.

    Returns
    -------
    draft : _BaseFCNet
        The draft.
    """
    draft = estimator._draft(continues=False)
    rows = draft._read(X, y, None, classes=classes)
    draft._prepare(rows, None)
    return draft


def tasks_of_members(draft):
    """Return what the training of each member needs, beside its rows.

    Parameters
    ----------
    draft : _BaseFCNet
        The draft, with its untrained ensemble.

    Returns
    -------
    draft : _BaseFCNet
        The draft without its network, which all members need.

    networks : list of FullyConnectedNet
        For each member, an ensemble of it alone.
    """
    networks = [
        ensemble_of_members(draft._net, [member]) for member in range(draft.n_members)
    ]
    shared = copy(draft)
    del shared._net
    return shared, networks


def train_on_shard(draft, net, member, X, y, n_epochs):
    """Train a member on the rows of its shard; this runs where they are.

    Parameters
    ----------
    draft, net : _BaseFCNet and FullyConnectedNet
        From `tasks_of_members`.

    member : int
        The number of the member, by which its minibatches are drawn.

    X, y : array-like
        The rows.

    n_epochs : int
        The number of epochs.

    Returns
    -------
    trained : TrainedMembers
        The member after training.
    """
    draft = copy(draft)  # other threads may have the same one
    draft._net = net
    with np.errstate(all="ignore"):  # all results are checked
        rows = draft._read_rows(X, y, None)
        target = draft._target.transform(rows.target, draft._compute_dtype)
        rows = rows._replace(X=draft._encode(rows.X), target=target)
        arguments = solver_arguments(draft, rows, n_epochs)
        seed = [draft._training.seed, member]
        arguments["random_state"] = np.random.default_rng(seed)
        trained = train_part(net, rows.X, rows.target, n_epochs, arguments)
    # Nothing continues from them, and they would be sent back with the parameters.
    return trained._replace(optimizer={}, rng=None)


def join_shards(draft, trained):
    """Give the ensemble of a draft what its members have learned.

    Parameters
    ----------
    draft : _BaseFCNet
        The draft.

    trained : list of TrainedMembers
        The members after training, in their order.

    Returns
    -------
    joined : TrainedMembers
        All members.
    """
    parts = [[member] for member in range(len(trained))]
    joined = join_parts(draft._net, parts, trained)
    return joined._replace(
        epoch_rows=sum(part.epoch_rows for part in trained), rng=draft._training.rng
    )
