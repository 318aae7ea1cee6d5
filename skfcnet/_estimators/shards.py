"""Training on shards: parts of the rows, which need not be in one place.

What all shards have in common is learned from a sample of all rows: the kind of target
and its scale, and how X is encoded. Then either each member is trained on a shard of
its own, and all are joined to an ensemble; or all shards train copies of one network,
whose parameters are replaced by their mean after every epoch. Both predict as any other
network does.
"""

from copy import copy, deepcopy

import numpy as np

from skfcnet._compat import InvalidParameterError, has_callbacks
from skfcnet._engine.threads import one_blas_thread
from skfcnet._estimators.optimization import schedule_end_is_known, solver_arguments
from skfcnet._estimators.parallel_members import join_parts, train_part


def check_trains_on_shards(estimator):
    """Raise an error for parameters with which there is no training on shards."""
    if estimator.warm_start:
        raise InvalidParameterError(
            f"The 'warm_start' parameter of {type(estimator).__name__} must be False "
            f"to train on shards, since each call starts anew."
        )
    is_stopped = estimator.early_stopping is True or has_callbacks(estimator)
    if is_stopped or not schedule_end_is_known(estimator):
        raise ValueError(
            f"{type(estimator).__name__} cannot be trained on shards with solver="
            f"{estimator.solver!r}, learning_rate={estimator.learning_rate!r}, "
            f"early_stopping={estimator.early_stopping!r} or callbacks, since no shard "
            f"can decide when all of them stop: choose a schedule with an end, such as "
            f"learning_rate='one_cycle', early_stopping=False and no callbacks."
        )


def start_on_sample(estimator, X, y, classes=None):
    """Return a draft of an estimator, with an untrained network.

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


def without_network(draft):
    """Return a copy of a draft that has no network, to be sent to all shards."""
    smaller = copy(draft)
    del smaller._net
    return smaller


def encoded_shard(draft, X, y):
    """Return the encoded rows of a shard, where they are.

    Parameters
    ----------
    draft : _BaseFCNet
        The draft; it may be without its network.

    X, y : array-like
        The rows.

    Returns
    -------
    rows : Rows
        The encoded rows, with targets as the loss expects them.
    """
    with np.errstate(all="ignore"):  # all results are checked
        rows = draft._read_rows(X, y, None)
        target = draft._target.transform(rows.target, draft._compute_dtype)
        return rows._replace(X=draft._encode(rows.X), y=None, target=target)


def train_on_shard(
    draft, net, rows, shard, n_epochs, *, vector=None, earlier=None, pause=None
):
    """Train members on the rows of a shard, where they are.

    Parameters
    ----------
    draft : _BaseFCNet
        The draft; it may be without its network.

    net : FullyConnectedNet
        The members, which are not changed.

    rows : Rows
        The rows of the shard, from `encoded_shard`.

    shard : int
        The number of the shard, by which its minibatches are drawn.

    n_epochs : int
        The number of epochs of the whole training.

    vector : ndarray, default=None
        The parameters to begin with; None for those of the members.

    earlier : TrainedMembers, default=None
        The members after earlier epochs, from which training continues.

    pause : int, default=None
        The number of epochs, with the earlier ones, after which training ends for now;
        None for all epochs.

    Returns
    -------
    trained : TrainedMembers
        The members after training, with all epochs.
    """
    draft, net = copy(draft), deepcopy(net)  # other threads may have the same ones
    draft._net = net
    epochs = [] if earlier is None else earlier.epochs
    arguments = solver_arguments(draft, rows, n_epochs - len(epochs))
    seed = [draft._training.seed, shard]
    arguments["random_state"] = np.random.default_rng(seed)
    if earlier is not None:
        arguments |= {
            "random_state": deepcopy(earlier.rng),
            "optim_config": earlier.optimizer,
            "first_step": earlier.step,
        }
    if vector is not None:
        net.params.vector[...] = vector
    n_now = (n_epochs if pause is None else pause) - len(epochs)
    with one_blas_thread():
        trained = train_part(net, rows.X, rows.target, n_now, arguments)
    return trained._replace(epochs=epochs + trained.epochs)


def without_state(trained):
    """Return what is left of trained members when nothing continues from them."""
    return trained._replace(optimizer={}, rng=None)


def mean_vector(vectors, weights):
    """Return the mean of the parameters of several copies of a network.

    Parameters
    ----------
    vectors : list of ndarray
        The parameters of each copy.

    weights : sequence of int
        The numbers of rows that they were trained on.

    Returns
    -------
    vector : ndarray
        The weighted mean, in the dtype of the parameters.
    """
    return np.average(vectors, axis=0, weights=weights).astype(vectors[0].dtype)


def join_members(draft, trained):
    """Give the ensemble of a draft what its members have learned on one shard each.

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
    return _with_all_rows(joined, draft, trained)


def join_copies(draft, trained, weights):
    """Give the network of a draft the mean of what its copies have learned.

    Parameters
    ----------
    draft : _BaseFCNet
        The draft.

    trained : list of TrainedMembers
        The copies after training.

    weights : sequence of int
        The numbers of rows that they were trained on.

    Returns
    -------
    joined : TrainedMembers
        The network, with mean losses.
    """
    draft._net.params.vector[...] = mean_vector(
        [copy.vector for copy in trained], weights
    )
    epochs = [
        epochs[0]._replace(
            losses=np.average(
                [epoch.losses for epoch in epochs], axis=0, weights=weights
            ).tolist(),
            seconds=max(epoch.seconds for epoch in epochs),
        )
        for epochs in zip(*(copy.epochs for copy in trained), strict=True)
    ]
    joined = trained[0]._replace(
        epochs=epochs,
        last_losses=[loss for copy in trained for loss in copy.last_losses],
        n_minibatches=max(copy.n_minibatches for copy in trained),
    )
    return _with_all_rows(joined, draft, trained)


def _with_all_rows(joined, draft, trained):
    n_rows = sum(part.epoch_rows for part in trained)
    return without_state(joined)._replace(epoch_rows=n_rows, rng=draft._training.rng)
