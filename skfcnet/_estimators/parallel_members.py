"""Training of the members of an ensemble in parts, by several jobs of joblib.

Each job trains some members, as they would be trained beside all others: on the same
minibatches and with their own dropout masks, and each is validated on its own fold. The
parts are then joined to one ensemble, with the history and the state of the update rule
that it would have.

The members of a large network are trained in turn where there is one job, so that all
that training needs is in memory for one of them at a time.
"""

from contextlib import nullcontext
from copy import copy, deepcopy
from itertools import count
from math import nan
from time import perf_counter
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

from skfcnet._engine.configuration import chosen_kernels, config_context
from skfcnet._engine.members import (
    ensemble_of_members,
    joined_optimizers,
    optimizer_of_members,
    set_members,
)
from skfcnet._engine.threads import one_blas_thread
from skfcnet._estimators.history import Epoch
from skfcnet._estimators.optimization import solver_arguments
from skfcnet._estimators.states_on_disk import StatesOnDisk
from skfcnet.solver import Solver

MAX_BYTES_TOGETHER = 20_000_000
"""Members whose parameters have more bytes, of all members, are trained in turn.
Training takes about eight times as much, for gradients, the state of the update rule,
the best epoch and what is validated."""


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

    validated : list of Validated
        The result of the validation of each member, with the parameters of its best
        epoch so far; empty without validation.
    """

    losses: list
    learning_rate: float
    seconds: float
    validated: list


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

    steps_per_epoch : int
        The number of minibatches of an epoch.

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
    steps_per_epoch: int
    optimizer: dict
    step: int
    rng: np.random.Generator


def n_parts(draft):
    """Return into how many parts the members are split.

    There is one for each job, or one for each member of a large network. With a warm
    start, the state of all members is kept anyway.
    """
    net = draft._net
    is_large = net.params.vector.nbytes > MAX_BYTES_TOGETHER and not draft.warm_start
    n_most = net.n_members if is_large else effective_n_jobs(draft.n_jobs)
    return min(n_most, net.n_members)


class MembersInParts:
    """The members of a draft, each part of which is trained by a job.

    Jobs are started for a ``with`` statement, and arrays are sent to each worker once.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator, whose network is trained in place.

    rows : Rows
        The encoded rows of the training set.

    validation : ValidationFolds or None
        The folds of the members, if there are any.

    Attributes
    ----------
    are_in_turn : bool
        Whether there is one job, which trains one part after the other.
    """

    def __init__(self, draft, rows, validation):
        self._draft, self._rows = draft, rows
        net, weight = draft._net, rows.loss_weight()
        self._parts = np.array_split(np.arange(net.n_members), n_parts(draft))
        self._weights, self._validations = [], []
        for members in self._parts:
            has_columns = rows.member_counts is not None
            self._weights.append(weight[:, members] if has_columns else weight)
            own = None if validation is None else validation.of_members(members)
            self._validations.append(own)
        self.are_in_turn = effective_n_jobs(draft.n_jobs) == 1
        self._jobs = self._states = None
        if self.are_in_turn:
            self._states = StatesOnDisk(len(self._parts))
        else:
            self._jobs = Parallel(n_jobs=draft.n_jobs)

    def __enter__(self):
        (self._states or self._jobs).__enter__()
        return self

    def __exit__(self, *error):
        (self._states or self._jobs).__exit__(*error)

    def train(self, n_epochs, n_now, descent):
        """Train for some epochs.

        Parameters
        ----------
        n_epochs : int
            The number of epochs after which a schedule with an end is at its end.

        n_now : int
            The number of epochs after which training ends for now.

        descent : Descent or None
            Where the schedule falls early, if it does.

        Returns
        -------
        trained : TrainedMembers
            All members after training.
        """
        net = self._draft._net
        parts = self._arguments_of_parts(n_epochs, n_now, descent)
        if self.are_in_turn:
            return join_parts(net, self._parts, self._trained_in_turn(parts))
        # Arrays that are arguments themselves are sent to each worker only once.
        kernels = chosen_kernels()
        trained = self._jobs(delayed(_train_part_by)(kernels, *part) for part in parts)
        joined = join_parts(net, self._parts, trained)
        optimizers = [part.optimizer for part in trained]
        return joined._replace(
            optimizer=joined_optimizers(optimizers, net, self._parts)
        )

    def _arguments_of_parts(self, n_epochs, n_now, descent):
        """Yield the arguments of `train_part` for each part, when they are needed."""
        draft, rows, net = self._draft, self._rows, self._draft._net
        arguments = solver_arguments(draft, rows, n_epochs)
        for members, weight, own in zip(
            self._parts, self._weights, self._validations, strict=True
        ):
            config = optimizer_of_members(arguments["optim_config"], net, members)
            own_arguments = {
                "optim_config": config,
                "loss_weight": weight,
                "random_state": deepcopy(arguments["random_state"]),
            }
            yield (
                ensemble_of_members(net, members),
                rows.X,
                rows.target,
                n_now,
                arguments | own_arguments,
                None if own is None else ValidationInJob(draft, own, members),
                descent,
            )

    def _trained_in_turn(self, parts):
        """Train one part after the other, and leave its state on disk."""
        # With n_jobs=1, bits are those of any number of jobs, which have one thread.
        is_any_number = self._draft.n_jobs is None
        with nullcontext() if is_any_number else one_blas_thread():
            yield from map(self._trained_alone, count(), parts)

    def _trained_alone(self, number, part):
        """Train a part, from its state on disk if there is one."""
        *_, arguments, _, _ = part
        config = arguments["optim_config"]
        arguments["optim_config"] = self._states.with_state(number, config)
        return self._states.stored(number, train_part(*part))


class ValidationInJob:
    """Validation of the members of a job, which remembers the best epoch of each.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator.

    folds : ValidationFolds
        The folds of the members.

    members : sequence of int
        The numbers of the members.
    """

    def __init__(self, draft, folds, members):
        self._draft, self._folds = copy(draft), folds
        del self._draft._net
        self._draft._training = draft._training.of_members(members)

    def begin(self, X):
        """Begin with the encoded rows that the job trains on."""
        self._folds = self._folds.on_rows(X)

    def end_epoch(self, net, loss, n_rows):
        """Return the results of the members after an epoch."""
        draft = self._draft
        draft._net = net
        validated = self._folds.evaluate(draft)
        epoch = Epoch(draft._training.n_epochs + 1, loss, nan, nan, nan, nan)
        draft._training = draft._training.with_epoch(
            epoch, n_rows, tol=draft.tol, vector=net.params.vector, validated=validated
        )
        return validated

    def with_best_vectors(self, validated):
        """Return results with the parameters of the best epochs until now.

        All results of these epochs get them, and no others need to be sent: nobody asks
        for the parameters of an epoch if there was a better one before the next
        decision.
        """
        best = self._draft._training.best_by_validation
        return [
            own._replace(vector=epoch.vector)
            for own, epoch in zip(validated, best, strict=True)
        ]


def _train_part_by(kernels, *arguments):
    """Train some members by what a context of the process that asks has chosen."""
    with config_context(kernels=kernels), one_blas_thread():
        return train_part(*arguments)


def join_parts(net, parts, trained):
    """Give an ensemble what its members have learned in several parts.

    Parameters
    ----------
    net : FullyConnectedNet
        The ensemble, which gets the parameters.

    parts : list of sequence of int
        The indices of the members of each part; all members are in one of them.

    trained : iterable of TrainedMembers
        The parts after as many epochs each.

    Returns
    -------
    joined : TrainedMembers
        All members, with the generator and the state of the update rule of the first
        part.
    """
    vector = net.params.vector

    def take_over(members, part):
        set_members(vector, net, members, part.vector)
        return part._replace(vector=vector)

    # No part has a name while the next one is trained.
    joined = list(map(take_over, parts, trained))
    return joined[0]._replace(
        epochs=[
            _joined(epochs)
            for epochs in zip(*(part.epochs for part in joined), strict=True)
        ],
        last_losses=[loss for part in joined for loss in part.last_losses],
        n_minibatches=max(part.n_minibatches for part in joined),
    )


def _joined(epochs):
    """Return an epoch of all members, which lasts as long as that of the slowest."""
    return TrainedEpoch(
        [loss for epoch in epochs for loss in epoch.losses],
        epochs[0].learning_rate,
        max(epoch.seconds for epoch in epochs),
        [result for epoch in epochs for result in epoch.validated],
    )


def train_part(net, X, target, n_epochs, arguments, validation=None, descent=None):
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
        All other arguments of the solver. The state of the update rule is removed.

    validation : ValidationInJob, default=None
        The validation of these members, if each has a fold.

    descent : Descent, default=None
        Where the schedule falls early, if it does.

    Returns
    -------
    trained : TrainedMembers
        The members after training.
    """
    with np.errstate(all="ignore"):  # all results are checked
        solver = Solver(net, {"X_train": X, "y_train": target}, **arguments)
        del arguments["optim_config"]  # which the solver has copied
        solver.epoch = solver.step // solver.n_minibatches  # for messages
        if descent is not None:
            descent.begin(solver)
        if validation is not None:
            validation.begin(X)
        epochs = []
        for _ in range(n_epochs):
            start, validated = perf_counter(), []
            loss = solver.train_epoch()
            if validation is not None:
                validated = validation.end_epoch(net, loss, solver.epoch_rows)
            seconds = perf_counter() - start
            rate = solver.last_learning_rate
            epochs.append(TrainedEpoch(solver.member_losses, rate, seconds, validated))
        if validation is not None:
            epochs = [
                epoch._replace(validated=validation.with_best_vectors(epoch.validated))
                for epoch in epochs
            ]
        x, y, cost = solver.last_minibatch
        return TrainedMembers(
            net.params.vector,
            epochs,
            solver.epoch_rows,
            net.training_losses(x, y, weight=cost),
            solver.epoch_rows / len(y),
            solver.n_minibatches,
            solver.optim_config,
            solver.step,
            arguments["random_state"],
        )
