"""Training of an estimator's network, and the state from which it continues.

An epoch of minibatch training differs from an iteration of L-BFGS. What happens at its
end is the same for both, and is done by `TrainingMonitor`: it validates, records the
epoch, remembers the best one, prints a line, runs the callbacks, and decides whether to
stop.
"""

from contextlib import contextmanager, nullcontext
from copy import copy, deepcopy
from math import ceil, inf, nan
from time import perf_counter
from typing import NamedTuple

import numpy as np

from skfcnet._engine.lbfgs import train_lbfgs
from skfcnet._engine.members import mean_over_members, set_members
from skfcnet._engine.threads import one_blas_thread
from skfcnet._estimators.automatic import is_catching_up, patience
from skfcnet._estimators.checkpoints import CheckpointWriter
from skfcnet._estimators.history import Epoch, History
from skfcnet._estimators.log import EpochLog
from skfcnet._estimators.optimization import (
    adapted_learning_rate,
    can_divide_learning_rate,
    can_end_early,
    l2_coefficient,
    minibatch_solver,
    trains_all_epochs,
)
from skfcnet._estimators.parallel_members import MembersInParts, n_parts
from skfcnet._estimators.rows import sorted_by_content
from skfcnet._estimators.unused_parameters import parameters_set_by_user
from skfcnet._estimators.validation import ValidationSet
from skfcnet.solver import DivergenceError

DESCENT_SHARE, MIN_DESCENT_STEPS = 0.4, 100
"""In how many epochs the learning rate falls where there is no more improvement: in
this share of those of the best epoch, but at least for so many minibatches."""

EXPLOSION_FACTOR = 1000.0
"""Training has diverged if the loss is this many times that of the first epoch."""

LARGE_PARAMETER = 1000.0
"""Predictions are checked if a parameter is at least so large, which those of networks
that have not diverged hardly ever are."""


class BestEpoch(NamedTuple):
    """The best epoch so far, by a score and, if scores are tied, by a second score.

    The accuracy of a few rows can stay the same for many epochs, or almost the same if
    some rows have a tiny weight. In this case the loss decides.

    Parameters
    ----------
    epoch : int, default=0
        The number of the epoch, counted from 1; 0 before the first epoch.

    score, tie_breaker : float, default=-inf
        The two scores of the epoch; greater is better.

    vector : ndarray or None, default=None
        The parameters of the network, or of the member whose best epoch this is, after
        this epoch, while training continues.
    """

    epoch: int = 0
    score: float = -inf
    tie_breaker: float = -inf
    vector: np.ndarray | None = None

    def updated(self, epoch, score, tie_breaker, *, tol, vector):
        """Return the best epoch after one more, and whether it improved by ``tol``."""
        is_tie = score == self.score or abs(score - self.score) < tol
        new, best = (tie_breaker, self.tie_breaker) if is_tie else (score, self.score)
        has_improved = new >= best + tol
        if not new > best:
            return self, has_improved
        best_score = max(score, self.score)
        kept = None if vector is None else vector.copy()
        return BestEpoch(epoch, best_score, tie_breaker, kept), has_improved


class TrainingState(NamedTuple):
    """The state from which training continues, besides the network.

    It is replaced as a whole after every epoch, so that all its fields belong to the
    same epoch wherever Ctrl-C interrupts a fit.

    Parameters
    ----------
    seed : int
        The seed of the generator and of the validation split.

    rng : numpy.random.Generator
        The generator of all random numbers of training.

    history : History
        The losses and scores of all epochs.

    settings : dict
        The values of the parameters that must not change while training continues.

    architecture : dict
        The arguments from which the network was made.

    optimizer : dict
        The configuration of the update rule, with its state.

    step : int, default=0
        The number of minibatches so far.

    n_rate_divisions : int, default=0
        The number of times that ``learning_rate="adaptive"`` divided the learning rate.

    n_rows : int, default=0
        The total number of rows of all epochs, with repetitions.

    loss : float, default=nan
        The training loss of the epoch from which the parameters of the network are.

    best_by_loss, best_by_validation : tuple of BestEpoch
        The best epochs by the training loss and by the validation score: one epoch, or
        one for each member if the members are validated on folds of their own.

    n_epochs_without_improvement : int, default=0
        The number of epochs since the last improvement, of any member.
    """

    seed: int
    rng: np.random.Generator
    history: History
    settings: dict
    architecture: dict
    optimizer: dict
    step: int = 0
    n_rate_divisions: int = 0
    n_rows: int = 0
    loss: float = nan
    best_by_loss: tuple = (BestEpoch(),)
    best_by_validation: tuple = (BestEpoch(),)
    n_epochs_without_improvement: int = 0

    @classmethod
    def start(cls, seed):
        """Return the state before the first epoch."""
        return cls(seed, np.random.default_rng(seed), History(), {}, {}, {})

    @property
    def n_epochs(self):
        """The number of epochs so far."""
        return len(self.history)

    @property
    def best(self):
        """The best epochs, by the validation score where there is one."""
        is_validated = self.best_by_validation[0].epoch > 0
        return self.best_by_validation if is_validated else self.best_by_loss

    def of_members(self, members):
        """Return the state of some members with folds of their own, without arrays."""
        best = self.best_by_validation
        if len(best) > 1:
            best = tuple(best[m] for m in members)
        state = self.without_vectors()._replace(optimizer={})
        return state._replace(best_by_validation=_without_vectors(best))

    def copy(self):
        """Return a copy, so that training changes nothing in this one."""
        return self.without_vectors()._replace(rng=deepcopy(self.rng))

    def without_vectors(self):
        """Return the state without the parameters of the best epochs."""
        return self._replace(
            best_by_loss=_without_vectors(self.best_by_loss),
            best_by_validation=_without_vectors(self.best_by_validation),
        )

    def without_best_epochs(self):
        """Return the state in which the search for the best epoch starts anew."""
        return self._replace(
            best_by_loss=(BestEpoch(),),
            best_by_validation=(BestEpoch(),),
            n_epochs_without_improvement=0,
        )

    def with_solver(self, solver):
        """Return the state with that of a solver."""
        return self._replace(optimizer=solver.optim_config, step=solver.step)

    def with_smaller_learning_rate(self):
        """Return the state after another division of the learning rate."""
        return self._replace(
            n_rate_divisions=self.n_rate_divisions + 1, n_epochs_without_improvement=0
        )

    def with_epoch(self, epoch, n_rows, *, tol, vector, validated):
        """Return the state after one more epoch.

        Parameters
        ----------
        epoch : Epoch
            The record of the epoch.

        n_rows : int
            The number of rows of the epoch, with repetitions.

        tol : float
            The smallest change of a score that counts as an improvement.

        vector : ndarray or None
            The parameters of the network after the epoch; None if they are not kept.

        validated : list of Validated
            The results of the validation, of which ``epoch`` has the means; empty
            without validation.

        Returns
        -------
        state : TrainingState
            A new state; this one is not changed.
        """
        name, results = "best_by_loss", [(-epoch.loss, -epoch.loss, vector)]
        if validated:
            name = "best_by_validation"
            results = [(part.score, -part.loss, part.vector) for part in validated]
        known = getattr(self, name)
        if len(known) != len(results):  # scores on other rows cannot be compared
            known = (BestEpoch(),) * len(results)
        updated = [
            best.updated(epoch.epoch, score, tie_breaker, tol=tol, vector=vector)
            for best, (score, tie_breaker, vector) in zip(known, results, strict=True)
        ]
        best, has_improved = zip(*updated, strict=True)
        without = 0 if any(has_improved) else self.n_epochs_without_improvement + 1
        return self._replace(
            n_rows=self.n_rows + n_rows,
            loss=epoch.loss,
            history=self.history.with_epoch(epoch),
            n_epochs_without_improvement=without,
            **{name: best},
        )


def _without_vectors(best_epochs):
    return tuple(best._replace(vector=None) for best in best_epochs)


class Descent(NamedTuple):
    """The end of a schedule that falls early.

    Parameters
    ----------
    reason : str
        The reason why training stops after it, as text.

    last_epoch : int
        The number of its last epoch.

    step : int
        The number of minibatches before it.

    n_epochs : int
        The number of its epochs.
    """

    reason: str
    last_epoch: int
    step: int
    n_epochs: int

    def begin(self, solver):
        """Let the learning rate of a solver fall, or go on to fall in a new one."""
        step, solver.step = solver.step, self.step
        solver.finish_schedule(self.n_epochs)
        solver.step = step


class TrainingMonitor:
    """Monitor of training, which is called at the end of every epoch.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    validation : ValidationSet, ValidationFolds or None
        The validation set or the folds, if there are any.

    task : FitTask or None
        The fit that callbacks observe; None in `partial_fit`.

    Attributes
    ----------
    stop_reason : str or None
        The reason why training stops, as text; None while it continues.

    descent : Descent or None
        Where the schedule falls early, if it does.
    """

    def __init__(self, draft, validation, task=None):
        self._draft, self._validation, self._task = draft, validation, task
        self.stop_reason = None
        unit = "Iteration" if draft.solver == "lbfgs" else "Epoch"
        last = None if task is None else draft._training.n_epochs + task.n_epochs
        self._log = EpochLog(draft.verbose, unit, last, draft._score_name)
        self._last_epoch = inf if last is None else last
        self._steps_per_epoch, self._finish_reason = inf, None
        self.descent = None
        self._start = perf_counter()

    def n_epochs_before_decision(self):
        """Return in how many epochs something may be decided, such as to stop.

        Until then nothing is, whatever the scores are: patience only grows with every
        improvement, so that it is over first if there is none.
        """
        draft, training = self._draft, self._draft._training
        n_left = self._last_epoch - training.n_epochs
        if self._finish_reason is not None or trains_all_epochs(draft):
            return n_left
        n_idle = training.n_epochs_without_improvement
        n_best = training.n_epochs - n_idle
        n_patient = patience(draft, n_best, self._steps_per_epoch) - n_idle
        return min(max(n_patient, 1), n_left)

    def end_epoch(self, loss, *, n_rows, learning_rate, seconds=None, validated=None):
        """Validate and record an epoch, run callbacks; return whether to stop.

        The epoch has lasted since the last one, unless its ``seconds`` are given, and
        is validated here, unless it was ``validated`` before.
        """
        draft, vector = self._draft, None  # the network may be that of a later epoch
        validation_loss = validation_score = nan
        if validated is None:
            vector = draft._net.params.vector
            is_validated = self._validation is not None
            validated = self._validation.evaluate(draft) if is_validated else []
        if validated:
            validation_loss = mean_over_members([part.loss for part in validated])
            validation_score = mean_over_members([part.score for part in validated])
        epoch = Epoch(
            draft._training.n_epochs + 1,
            loss,
            validation_loss,
            validation_score,
            learning_rate,
            perf_counter() - self._start if seconds is None else seconds,
            tuple(part.loss for part in validated) if len(validated) > 1 else (),
        )
        draft._training = draft._training.with_epoch(
            epoch,
            n_rows,
            tol=draft.tol,
            vector=vector,
            validated=validated,
        )
        self._decide_to_stop()
        self._log.print_epoch(epoch)
        if self._task is not None and self._task.end_epoch(draft._snapshot):
            self.stop_reason = "a callback asked for it"
        self._start = perf_counter()
        return self.stop_reason is not None

    def end_minibatch_epoch(self, solver, loss):
        """Do the same for an epoch of a solver, and adapt its learning rate.

        Where a schedule falls early, every member goes on from its best epoch.
        """
        self._steps_per_epoch = solver.n_minibatches
        is_last = self.end_epoch(
            loss, n_rows=solver.epoch_rows, learning_rate=solver.last_learning_rate
        )
        solver.learning_rate = adapted_learning_rate(self._draft, self._draft._training)
        if self._decide_to_descend(solver.step):
            self.descent.begin(solver)
        return is_last

    def record(self, trained):
        """Do the same for `TrainedMembers`, which were trained elsewhere."""
        self._steps_per_epoch = trained.steps_per_epoch
        for epoch in trained.epochs:
            self._task.begin_epoch()
            is_last = self.end_epoch(
                mean_over_members(epoch.losses),
                n_rows=trained.epoch_rows,
                learning_rate=epoch.learning_rate,
                seconds=epoch.seconds,
                validated=epoch.validated,
            )
        self._draft._training = self._draft._training._replace(
            optimizer=trained.optimizer, step=trained.step, rng=trained.rng
        )
        self._decide_to_descend(trained.step)
        return is_last

    def resume(self, solver, descent):
        """Go on in the descent of a schedule that began before, with a new solver."""
        self.descent = descent
        self._finish_reason, self._last_epoch = descent.reason, descent.last_epoch
        descent.begin(solver)

    def _decide_to_descend(self, step):
        """Return whether the schedule begins to fall early, after so many steps."""
        has_reason = self._finish_reason is not None
        if not has_reason or self.descent is not None or self.stop_reason is not None:
            return False
        draft = self._draft
        if self._validation is not None:
            draft._net.params.vector[...] = _best_vector(draft)
        self.descent = Descent(
            self._finish_reason,
            self._last_epoch,
            step,
            self._last_epoch - draft._training.n_epochs,
        )
        return True

    def _decide_to_stop(self):
        """Set the reason to stop if nothing improved for too many epochs.

        With ``learning_rate="adaptive"``, the learning rate is divided first, and with
        a schedule that can end early, it falls before.
        """
        draft = self._draft
        training = draft._training
        if self._finish_reason is not None:
            if training.n_epochs >= self._last_epoch:
                self.stop_reason = self._finish_reason
            return
        # Without a validation set, L-BFGS stops by the criteria of SciPy.
        is_lbfgs = draft.solver == "lbfgs" and self._validation is None
        if is_lbfgs or trains_all_epochs(draft):
            return
        n_idle = training.n_epochs_without_improvement
        n_best = training.n_epochs - n_idle
        if n_idle < patience(draft, n_best, self._steps_per_epoch):
            return
        if draft.n_iter_no_change is None and self._is_catching_up(n_idle):
            return
        reason = f"there was no improvement by tol={draft.tol:g} for {n_idle} epochs"
        if can_divide_learning_rate(draft, training):
            draft._training = training.with_smaller_learning_rate()
        elif self._task is not None and can_end_early(draft):
            n_steps = max(
                DESCENT_SHARE * self._steps_per_epoch * n_best, MIN_DESCENT_STEPS
            )
            last_epoch = training.n_epochs + ceil(n_steps / self._steps_per_epoch)
            self._finish_reason = f"{reason}, and the learning rate has fallen to 0"
            self._last_epoch = min(last_epoch, self._last_epoch)
        else:
            self.stop_reason = reason

    def _is_catching_up(self, n_idle):
        """Return whether the validation loss will soon be below its minimum."""
        if self._validation is None:
            return False
        training = self._draft._training
        losses = [epoch.validation_loss for epoch in training.history[-n_idle:]]
        best_losses = [-best.tie_breaker for best in training.best]
        best_loss = mean_over_members(best_losses)
        return is_catching_up(losses, best_loss, self._draft.tol)

    def print_summary(self):
        """Print why training stopped, and which epoch is kept."""
        kept = [] if self._validation is None else self._kept_epochs()
        last = self._draft._training.history[-1]
        self._log.print_summary(last, kept, self.stop_reason)

    def _kept_epochs(self):
        """Return the best epoch, or that of each member with its own scores."""
        training = self._draft._training
        epochs = [training.history[best.epoch - 1] for best in training.best]
        if len(epochs) == 1:
            return epochs
        return [
            epoch._replace(
                validation_loss=-best.tie_breaker, validation_score=best.score
            )
            for epoch, best in zip(epochs, training.best, strict=True)
        ]


def train_on_minibatches(draft, rows, validation, task):
    """Train on minibatches until there is no improvement, or for all epochs.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    rows : Rows
        The encoded rows of the training set.

    validation : ValidationSet, ValidationFolds or None
        The validation set or the folds, if there are any.

    task : FitTask
        The fit that callbacks observe.

    Returns
    -------
    has_converged : bool
        Whether training stopped before its last epoch.
    """
    threads = nullcontext()
    if draft._net.member_shape and not task.is_observed:
        is_together = isinstance(validation, ValidationSet)
        if n_parts(draft) > 1 and rows.is_in_memory and not is_together:
            return train_members_in_parts(draft, rows, validation, task)
        if draft.n_jobs is not None:
            # As in each of several jobs: products have other bits with more threads.
            threads = one_blas_thread()
    first_epoch = draft._training.n_epochs
    monitor = TrainingMonitor(draft, validation, task)
    checkpoints, descent = CheckpointWriter.of(task, draft, rows, validation), None
    if checkpoints is not None:
        descent = checkpoints.restore(draft)
    last_epoch = first_epoch + task.n_epochs
    solver = minibatch_solver(draft, rows, last_epoch - draft._training.n_epochs)
    if descent is not None:
        monitor.resume(solver, descent)
    with threads, restoring_best_epoch(draft, validation):
        while draft._training.n_epochs < last_epoch:
            task.begin_epoch()
            if monitor.end_minibatch_epoch(solver, solver.train_epoch()):
                break
            if checkpoints is not None and draft._training.n_epochs < last_epoch:
                checkpoints.end_epoch(draft, solver, monitor.descent)
    finish_minibatch_training(draft, solver, first_epoch)
    monitor.print_summary()
    return monitor.stop_reason is not None


def train_members_in_parts(draft, rows, validation, task):
    """Train the members in several jobs, and record the epochs after.

    The parameters are those of `train_on_minibatches`. The jobs train for as many
    epochs at a time as pass before something is decided for all members. After Ctrl-C,
    nothing is kept of jobs, and of members that are trained in turn their best epochs.
    """
    ours = copy(draft)  # as long as the draft is untrained, nothing is kept
    first_epoch = draft._training.n_epochs
    last_epoch = first_epoch + task.n_epochs
    monitor = TrainingMonitor(ours, validation, task)
    with MembersInParts(ours, rows, validation) as parts:
        is_last = False
        try:
            while not is_last and ours._training.n_epochs < last_epoch:
                trained = parts.train(
                    last_epoch - ours._training.n_epochs,
                    monitor.n_epochs_before_decision(),
                    monitor.descent,
                )
                is_last = monitor.record(trained)
        except KeyboardInterrupt:
            if parts.are_in_turn and validation is not None:
                _restore_best_epoch(ours)
                draft._training = ours._training
            raise
        if validation is not None:
            _restore_best_epoch(ours)
    if validation is None:
        check_last_step(ours, trained.last_losses, trained.n_minibatches, first_epoch)
    draft._training = ours._training
    monitor.print_summary()
    return monitor.stop_reason is not None


def record_training(draft, trained, task):
    """Record all epochs of a fit in which the members were trained elsewhere.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    trained : TrainedMembers
        All members after training.

    task : FitTask
        The fit, which no callbacks observe.
    """
    first_epoch = draft._training.n_epochs
    monitor = TrainingMonitor(draft, None, task)
    monitor.record(trained)
    check_last_step(draft, trained.last_losses, trained.n_minibatches, first_epoch)
    monitor.print_summary()


def finish_minibatch_training(draft, solver, first_epoch):
    """Check that the last step did not diverge, and store the state of the solver."""
    x, y, cost = solver.last_minibatch
    losses = draft._net.training_losses(x, y, weight=cost)
    check_last_step(draft, losses, solver.epoch_rows / len(y), first_epoch)
    draft._training = draft._training.with_solver(solver)


def check_last_step(draft, losses, n_minibatches, first_epoch):
    """Raise an error if the last step has diverged.

    The loss of a minibatch is computed before its step, so that no loss is recorded for
    the weights after the last step.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    losses : list of float
        The losses of the last minibatch after its step.

    n_minibatches : float
        The number of rows of an epoch, divided by those of that minibatch.

    first_epoch : int
        The number of epochs before this fit.
    """
    loss = mean_over_members(losses)
    first_loss = draft._training.history[first_epoch].loss
    # A single minibatch may have almost all of the loss of an epoch.
    limit = EXPLOSION_FACTOR * n_minibatches * max(first_loss, 1 / EXPLOSION_FACTOR)
    if not loss <= limit:
        raise DivergenceError(
            f"the last step left a loss of {loss:g}, where the first epoch had "
            f"{first_loss:g}"
        )


def check_predictions(draft, rows):
    """Raise an error if a row of the training set cannot be predicted.

    The weights after the last step may be finite, and their loss on the last minibatch,
    too, while other rows have scores that are not.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator after training.

    rows : Rows
        The encoded rows of the training set. Rows on disk are not checked.
    """
    net = draft._net
    largest = np.abs(net.params.trainable).max()
    if largest < LARGE_PARAMETER or not rows.is_in_memory:
        return
    passes = net.test_passes(net.dtype)
    for chunk in passes.chunks_of(rows.X):
        if not np.isfinite(passes(rows.X[chunk])).all():
            raise DivergenceError(
                f"parameters became as large as {largest:g}, so that rows of the "
                f"training set have predictions that are not finite"
            )


def train_on_all_rows(draft, rows, validation, task):
    """Train by L-BFGS, and return whether training has converged.

    The parameters are those of `train_on_minibatches`.
    """
    net, n_rows = draft._net, rows.total_weight()
    net.reg = l2_coefficient(draft, n_rows)
    rows = sorted_by_content(rows)
    if rows.weight is not None and draft.normalization == "batch":
        raise ValueError(
            "sample_weight must be whole numbers, with a total from the number of "
            "rows to eight times it, for solver='lbfgs' with normalization='batch'."
        )
    monitor = TrainingMonitor(draft, validation, task)

    def after_iteration(loss):
        task.begin_epoch()
        return monitor.end_epoch(loss, n_rows=n_rows, learning_rate=nan)

    with restoring_best_epoch(draft, validation):
        has_converged = train_lbfgs(
            net,
            rows.X,
            net.as_targets(rows.target, n_rows=rows.n_rows),
            rows.normalized_weight(),
            max_iter=task.n_epochs,
            max_fun=draft.max_fun,
            tol=draft.tol,
            after_iteration=after_iteration,
        )
    if has_converged and monitor.stop_reason is None:
        monitor.stop_reason = (
            f"no element of the gradient is above tol={draft.tol:g}, or the loss falls "
            f"no further"
        )
    monitor.print_summary()
    return has_converged


@contextmanager
def restoring_best_epoch(draft, validation):
    """Restore the best epoch at the end of validated training, and after Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        _restore_best_epoch(draft)
        raise
    if validation is not None:
        _restore_best_epoch(draft)


def _restore_best_epoch(draft):
    training = draft._training
    if training.best[0].vector is None:
        return
    vector = _best_vector(draft)
    draft._net.params.vector[...] = vector  # at once, wherever Ctrl-C falls
    losses = [training.history[best.epoch - 1].loss for best in training.best]
    draft._training = training._replace(loss=mean_over_members(losses))


def _best_vector(draft):
    """Return the parameters of the best epoch, or of that of each member."""
    best_epochs, net = draft._training.best, draft._net
    if len(best_epochs) == 1:
        return best_epochs[0].vector
    vector = net.params.vector.copy()
    for m, best in enumerate(best_epochs):
        set_members(vector, net, [m], best.vector)
    return vector


@contextmanager
def advice_on_divergence(draft):
    """Add to the error of training that diverges which parameters to change."""
    try:
        yield
    except DivergenceError as error:
        remedies = []
        decay = draft.learning_rate_init * draft.weight_decay
        if "weight_decay" in parameters_set_by_user(draft) and decay > 1:
            remedies.append(f"lower weight_decay={draft.weight_decay!r}")
        if draft.alpha > 1:
            remedies.append(f"lower alpha={draft.alpha!r}")
        elif draft.solver == "lbfgs":
            remedies.append(f"raise alpha={draft.alpha!r}")
        if draft.solver != "lbfgs":
            remedies.append(f"lower learning_rate_init={draft.learning_rate_init!r}")
            if draft.max_grad_norm is None:
                remedies.append("set max_grad_norm, such as to 1.0")
        if draft._encoder.scaling is None:
            remedies.append("scale X, which input_scaling does for dense rows")
        if not getattr(draft, "scale_target", True):
            remedies.append("set scale_target=True")
        advice = ", or ".join(remedies)
        raise DivergenceError(
            error.event, f"{advice[0].upper()}{advice[1:]}."
        ) from error
