"""Training of the members of an ensemble in parts, by several jobs of joblib.

Each job trains some members, as they would be trained beside all others: on the same
minibatches and with their own dropout masks. The parts are then joined to one ensemble,
with the history and the state of the update rule that it would have.
"""

from copy import deepcopy
from time import perf_counter
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

from skfcnet._engine.configuration import chosen_kernels, config_context
from skfcnet._engine.members import (
    ensemble_of_members,
    joined_optimizers,
    optimizer_of_members,
    places_of_members,
)
from skfcnet._engine.threads import one_blas_thread
from skfcnet._estimators.optimization import solver_arguments
from skfcnet.solver import Solver


class TrainedEpoch(NamedTuple):
    """What an epoch of some members was like.

    Parameters
    ----------
    losses : list of float
        The training loss of each member.

    learning_rate : float
        The learning rate of the last step.

    seconds : float
        The duration of the epoch.
    """

    losses: list
    learning_rate: float
    seconds: float


class TrainedMembers(NamedTuple):
    """Some members after training, or all of them.

    Parameters
    ----------
    vector : ndarray
        Their parameters.

    epochs : list of TrainedEpoch
        The epochs of this training.

    epoch_rows : int
        The number of rows of an epoch, with repetitions.

    last_losses : list of float
        The losses of the last minibatch after its step.

    n_minibatches : float
        The number of rows of an epoch, divided by those of the last minibatch.

    optimizer : dict
        The configuration of the update rule, with its state.

    step : int
        The number of minibatches so far.

    rng : numpy.random.Generator
        The generator of minibatches after the last epoch.
    """

    vector: np.ndarray
    epochs: list
    epoch_rows: int
    last_losses: list
    n_minibatches: float
    optimizer: dict
    step: int
    rng: np.random.Generator


def n_parts(draft):
    """Return into how many parts the members are split: one for each job."""
    return min(effective_n_jobs(draft.n_jobs), draft.n_members)


def train_in_parts(draft, rows, n_epochs):
    """Train the network of a draft, each part of its members by a job.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator, whose network is trained in place.

    rows : Rows
        The encoded rows of the training set.

    n_epochs : int
        The number of epochs.

    Returns
    -------
    trained : TrainedMembers
        All members after training.
    """
    net = draft._net
    arguments = solver_arguments(draft, rows, n_epochs)
    parts = np.array_split(np.arange(net.n_members), n_parts(draft))
    # Arrays that are arguments themselves are sent to each worker only once.
    trained = Parallel(n_jobs=draft.n_jobs)(
        delayed(_train_part_by)(
            chosen_kernels(),
            ensemble_of_members(net, members),
            rows.X,
            rows.target,
            n_epochs,
            arguments
            | {
                "optim_config": optimizer_of_members(
                    arguments["optim_config"], net, members
                ),
                "random_state": deepcopy(arguments["random_state"]),
            },
        )
        for members in parts
    )
    joined = join_parts(net, parts, trained)
    optimizers = [part.optimizer for part in trained]
    return joined._replace(optimizer=joined_optimizers(optimizers, net, parts))


def _train_part_by(kernels, *arguments):
    """Train some members by what a context of the process that asks has chosen."""
    with config_context(kernels=kernels):
        return train_part(*arguments)


def join_parts(net, parts, trained):
    """Give an ensemble what its members have learned in several parts.

    Parameters
    ----------
    net : FullyConnectedNet
        The ensemble, which gets the parameters.

    parts : list of sequence of int
        The indices of the members of each part; all members are in one of them.

    trained : list of TrainedMembers
        The parts after as many epochs each.

    Returns
    -------
    joined : TrainedMembers
        All members, with the generator and the state of the update rule of the first
        part.
    """
    for members, part in zip(parts, trained, strict=True):
        net.params.vector[places_of_members(net, members)] = part.vector
    return trained[0]._replace(
        vector=net.params.vector,
        epochs=[
            _joined(epochs)
            for epochs in zip(*(part.epochs for part in trained), strict=True)
        ],
        last_losses=[loss for part in trained for loss in part.last_losses],
        n_minibatches=max(part.n_minibatches for part in trained),
    )


def _joined(epochs):
    """Return an epoch of all members, which lasts as long as that of the slowest."""
    return TrainedEpoch(
        [loss for epoch in epochs for loss in epoch.losses],
        epochs[0].learning_rate,
        max(epoch.seconds for epoch in epochs),
    )


def train_part(net, X, target, n_epochs, arguments):
    """Train some members; this runs in a job, which need not be in this process.

    Parameters
    ----------
    net : FullyConnectedNet
        An ensemble of these members.

    X, target : ndarray or CSR matrix
        The encoded rows of the training set, and the targets as the loss expects them.

    n_epochs : int
        The number of epochs.

    arguments : dict
        All other arguments of the solver.

    Returns
    -------
    trained : TrainedMembers
        The members after training.
    """
    with np.errstate(all="ignore"), one_blas_thread():  # all results are checked
        solver = Solver(net, {"X_train": X, "y_train": target}, **arguments)
        epochs = []
        for _ in range(n_epochs):
            start = perf_counter()
            solver.train_epoch()
            seconds = perf_counter() - start
            epochs.append(
                TrainedEpoch(solver.member_losses, solver.last_learning_rate, seconds)
            )
        x, y, cost = solver.last_minibatch
        return TrainedMembers(
            net.params.vector,
            epochs,
            solver.epoch_rows,
            net.training_losses(x, y, weight=cost),
            solver.epoch_rows / len(y),
            solver.optim_config,
            solver.step,
            arguments["random_state"],
        )
