"""Training by minibatch gradient descent, with a history and the best parameters."""

from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from math import isfinite, prod, sqrt
from os import PathLike
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse

from skfcnet._engine.annotations import Array, Floats, Model, Params, RandomState
from skfcnet._engine.arguments import (
    NON_NEGATIVE,
    POSITIVE,
    checked_flag,
    checked_integer,
    checked_mapping,
    checked_name,
    checked_number,
)
from skfcnet._engine.compiled_update import CompiledUpdate
from skfcnet._engine.configuration import uses_kernels
from skfcnet._engine.members import mean_over_members
from skfcnet._engine.minibatches import Minibatches, MinibatchesInMemory
from skfcnet._engine.model_adapter import ModelAdapter, ModelUpdate
from skfcnet._engine.numeric import has_finite_norm
from skfcnet._engine.parameters import Parameters
from skfcnet._engine.random import MemberGenerators, as_generator
from skfcnet._engine.threads import blas_threads_for, has_spare_thread, step_flops
from skfcnet._engine.twins import STEPS, fastest
from skfcnet._engine.vector_update import FLUSH_EVERY, VectorUpdate
from skfcnet._engine.workspace import Workspace
from skfcnet.network import FullyConnectedNet
from skfcnet.schedules import SCHEDULES, cosine, falling_dropout
from skfcnet.update_rules import UPDATE_RULES, UpdateRule, sgd_momentum


class DivergenceError(ValueError):
    """Training diverged: a loss or a parameter is no longer finite, or far too large.

    Parameters
    ----------
    event : str
        What became infinite or NaN, and when.

    advice : str
        What the user may change.

    Examples
    --------
    >>> from skfcnet.solver import DivergenceError
    >>> print(DivergenceError("the loss became nan", "Lower the learning rate."))
    Training diverged: the loss became nan. Lower the learning rate.
    """

    def __init__(
        self,
        event: str,
        advice: str = "Lower the learning rate, or standardise the input (and, for "
        "regression, the target).",
    ) -> None:
        super().__init__(event, advice)
        self.event = event
        self.advice = advice

    def __str__(self) -> str:
        return f"Training diverged: {self.event}. {self.advice}"


class Solver:
    """Train a network by minibatch gradient descent, and keep its history.

    `train` first measures the accuracy (epoch 0). In each epoch, it computes the
    gradient of every minibatch and takes a step of the update rule; then it decays the
    learning rate, measures the accuracy, stores the best parameters and writes a
    checkpoint. `train_epoch` is one epoch without measuring and storing, for loops of
    your own.

    Parameters
    ----------
    model : FullyConnectedNet or object
        The model, which is trained in place. A model that you wrote yourself only needs
        ``params`` and ``loss``: see the notes.

    data : dict
        ``X_train`` and ``y_train``, and for `train` the validation set ``X_val`` and
        ``y_val``. Arrays are never changed, and not copied if they have the network's
        dtype. `skfcnet.streaming.fit` passes a source of minibatches instead, which
        decides on their size, weights and order.

    update_rule : callable or str, default=sgd_momentum
        One of `skfcnet.update_rules.UPDATE_RULES`, or its name, such as "adam".

    optim_config : dict, default=None
        Configuration of the rule, copied. Missing numbers have their defaults.

    lr_decay : float, default=1.0
        Factor of the learning rate after every epoch; positive.

    schedule : str, default='constant'
        A key of `skfcnet.schedules.SCHEDULES`, whose factor multiplies the learning
        rate in every step. A schedule that ends is at its end after ``total_steps``.

    schedule_config : dict, default=None
        Numbers of the schedule. Missing ones have their defaults.

    warmup_epochs : float, default=0.0
        Number of epochs during which the learning rate rises in proportion to the step.

    max_grad_norm : float, default=None
        Maximum norm of the gradient of the loss, without the L2 penalty. A larger
        gradient is scaled down to it [1]_, that of every member by itself.

    batch_size : int, default=100
        Number of rows of a minibatch. Every epoch shuffles the rows and uses each once.

    num_epochs : int, default=10
        Number of passes over the training rows.

    num_train_samples : int or None, default=1000
        Number of training rows that the training accuracy is measured on, drawn anew
        each time; None for all.

    num_val_samples : int or None, default=None
        Number of rows of the validation set that the validation accuracy is measured
        on, drawn anew each time; None for all.

    print_every : int, default=10
        Number of minibatches from one line with the loss to the next.

    verbose : bool, default=True
        Whether to print anything.

    checkpoint_name : str, default=None
        A path. After every epoch the network, the rule's configuration and the history
        are written to ``<checkpoint_name>_epoch_<epoch>.pkl``, a dict that
        `joblib.load` reads.

    sample_weight : ndarray of shape (N,), default=None
        Repetition counts of the training rows; positive.

    loss_weight : ndarray of shape (N,) or (N, n_members), default=None
        Factors of the losses of the training rows. With a column for each member, every
        member has its own factors: it does not learn from rows for which they are zero.

    shuffle : bool, default=True
        Whether to shuffle the training rows in every epoch.

    random_state : None, int, RandomState or Generator, default=None
        Shuffles the rows, and draws dropout masks and the rows of the training
        accuracy. None: NumPy's global state.

    first_step : int, default=0
        Number of minibatches of earlier training, where the schedule goes on.

    total_steps : int, default=None
        Number of minibatches, those of earlier training included, at which a schedule
        ends. None: that of ``num_epochs`` epochs.

    Attributes
    ----------
    loss_history : list of float
        Loss of every minibatch, with the L2 penalty.

    train_acc_history, val_acc_history : list of float
        Accuracy for classification, or root mean squared error in units of ``y`` for
        regression, from epoch 0 on.

    best_val_acc, best_val_score : float or None
        The best of ``val_acc_history``: the highest accuracy, or the lowest error.
        `train` leaves the parameters of that epoch, with their running statistics, in
        the network.

    epoch : int
        Number of completed epochs.

    epoch_rows : int
        Number of rows trained on in the last epoch, with repetitions.

    member_losses : list of float
        Loss of every member in the last epoch, of which `train_epoch` returns the mean.

    step : int
        Number of minibatches trained so far, including ``first_step``.

    last_minibatch : tuple
        Rows, targets and loss weights of the last minibatch, valid until the next
        epoch.

    learning_rate : float
        The learning rate before the schedule's factor; it may be set between epochs.

    last_learning_rate : float
        The learning rate of the last step, with the schedule's factor.

    n_minibatches : int
        Number of minibatches of an epoch.

    optim_config : dict
        The update rule's configuration, with which a new solver continues.

    Raises
    ------
    ValueError
        If the data do not fit the network or are not finite in its dtype, or if a
        number is out of its range.

    TypeError
        If the model has no ``params`` and ``loss``, or if a configuration is no dict or
        has an unknown name.

    See Also
    --------
    skfcnet.FCNetClassifier, skfcnet.FCNetRegressor : Estimators built on it.

    Notes
    -----
    A model of your own has

    ``params``
        A dict from names to arrays of floats, whose shapes stay the same. An update
        changes them in place; other arrays may be assigned to the names at any time.
        Arrays with two axes or more are weights, which the rule
        `skfcnet.update_rules.adamw` decays.

    ``loss(X, y)``
        Returns the loss of a minibatch, a number that includes any penalty, and a dict
        with the gradient of each of ``params``, of the same shape.

    ``loss(X)``
        Returns the scores of rows at test time: (N, C) for C classes, or values of the
        shape of ``y``.

    ``category``
        "classification" or "regression"; may be missing. Without it, a model with
        integers for ``y`` and several scores for each row is measured by the accuracy
        of the class with the largest score, and any other model by the root mean
        squared error.

    ``loss`` gets rows and targets in the shape and the dtype that they have in
    ``data``, or in 32 bits if that has fewer. Sparse rows are in CSR format. There is
    no ``loss_weight`` for such a model. Anything that it stores outside ``params``,
    such as running averages, stays as it is after the last epoch.

    References
    ----------
    .. [1] Pascanu, R., Mikolov, T., Bengio, Y., "On the Difficulty of Training
       Recurrent Neural Networks", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.network import FullyConnectedNet
    >>> from skfcnet.solver import Solver
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2)).astype(np.float32)
    >>> y = (X[:, 0] > X[:, 1]).astype(int)
    >>> data = {
    ...     "X_train": X[:200], "y_train": y[:200], "X_val": X[200:], "y_val": y[200:]
    ... }
    >>> net = FullyConnectedNet(
    ...     "classification", [8], [True], input_dim=2, output_dim=2, random_state=0
    ... )
    >>> solver = Solver(net, data, num_epochs=20, verbose=False, random_state=0)
    >>> solver.train()
    >>> solver.best_val_acc > 0.9
    True
    """

    def __init__(
        self,
        model: Model,
        data: Mapping[str, Any] | Minibatches,
        *,
        update_rule: UpdateRule | str = sgd_momentum,
        optim_config: Params | None = None,
        lr_decay: float = 1.0,
        schedule: str = "constant",
        schedule_config: Params | None = None,
        warmup_epochs: float = 0.0,
        max_grad_norm: float | None = None,
        batch_size: int = 100,
        num_epochs: int = 10,
        num_train_samples: int | None = 1000,
        num_val_samples: int | None = None,
        print_every: int = 10,
        verbose: bool = True,
        checkpoint_name: str | PathLike[str] | None = None,
        sample_weight: ArrayLike | None = None,
        loss_weight: ArrayLike | None = None,
        shuffle: bool = True,
        random_state: RandomState = None,
        first_step: int = 0,
        total_steps: int | None = None,
    ) -> None:
        checked_integer("batch_size", batch_size)
        checked_integer("num_epochs", num_epochs)
        checked_integer("print_every", print_every)
        checked_integer("first_step", first_step, least=0)
        for name, number in (
            ("total_steps", total_steps),
            ("num_train_samples", num_train_samples),
            ("num_val_samples", num_val_samples),
        ):
            if number is not None:
                checked_integer(name, number)
        lr_decay = checked_number("lr_decay", lr_decay, *POSITIVE)
        warmup_epochs = checked_number("warmup_epochs", warmup_epochs, *NON_NEGATIVE)
        if max_grad_norm is not None:
            max_grad_norm = checked_number("max_grad_norm", max_grad_norm, *POSITIVE)
        checked_flag("verbose", verbose)
        checked_flag("shuffle", shuffle)
        update_rule = _checked_rule(update_rule)
        schedule_numbers = _schedule_numbers(schedule, schedule_config)
        if checkpoint_name is not None:
            _check_is_path(checkpoint_name)
        is_custom = not isinstance(model, FullyConnectedNet)
        net: Any = model
        self.model = model
        self._minibatches: Any = data
        self.X_train: Any = None
        self.y_train: Any = None
        self.X_val: Any = None
        self.y_val: Any = None
        if not isinstance(data, Minibatches):
            parts = _checked_parts(data)
            if is_custom:
                net = ModelAdapter(model, data, chunk=batch_size)
            self.X_train, self.y_train = _checked_data(net, data, "train")
            if "val" in parts:
                self.X_val, self.y_val = _checked_data(net, data, "val")
            self._minibatches = MinibatchesInMemory(
                self.X_train,
                self.y_train,
                batch_size=batch_size,
                shuffle=shuffle,
                **_checked_weights(net, len(self.y_train), sample_weight, loss_weight),
            )
        self._net = net
        self.lr_decay = lr_decay
        self.max_grad_norm = max_grad_norm
        self.num_epochs = num_epochs
        self.num_train_samples = num_train_samples
        self.num_val_samples = num_val_samples
        self.print_every = print_every
        self.verbose = verbose
        self.checkpoint_name = checkpoint_name

        self.epoch = 0
        self.epoch_rows = 0
        self.step = first_step
        self.loss_history: list[float] = []
        self.train_acc_history: list[float] = []
        self.val_acc_history: list[float] = []
        self.best_val_acc: float | None = None
        self._best_vector: Floats | None = None

        self._rng = as_generator(random_state)
        self._grads = Parameters(net.params.specs, dtype=net.params.vector.dtype)
        self._workspace = Workspace()
        self._mask_generators: MemberGenerators | None = None
        if net.member_shape and net.has_dropout:
            self._mask_generators = MemberGenerators(net.members, self._rng)
        has_kernels = not is_custom and uses_kernels(net, len(self._minibatches))
        self._passes = net.training_passes(
            self._minibatches.like,
            self._grads,
            rng=self._mask_generators or self._rng,
            workspace=self._workspace,
            **({"lookup": fastest, "joins_encoding": True} if has_kernels else {}),
        )
        update: Any = ModelUpdate if is_custom else VectorUpdate
        if has_kernels and update_rule in STEPS:
            update = CompiledUpdate
        self._update = update(
            update_rule,
            net.params,
            self._grads,
            checked_mapping("optim_config", optim_config),  # which it copies
            l2=net.reg,
            member_shape=net.member_shape,
        )
        self.learning_rate = self._update.learning_rate
        if total_steps is None:
            total_steps = first_step + num_epochs * len(self._minibatches)
        self._total_steps = total_steps
        self._schedule: Callable[[float], float] = partial(
            SCHEDULES[schedule].function,
            n_steps=self._total_steps,
            **schedule_numbers,
        )
        self._dropout_factor: Callable[[float], float] | None = None
        if net.has_dropout and (function := SCHEDULES[schedule].dropout):
            self._dropout_factor = partial(function, n_steps=self._total_steps)
        self._warmup_steps = warmup_epochs * len(self._minibatches)
        self._step_flops = step_flops(net, self._minibatches.batch_size)
        self._spare_thread = has_spare_thread(self._step_flops)
        self._member_gradients = _by_member(self._grads, net.member_shape)

    @property
    def n_minibatches(self) -> int:
        """The number of minibatches of an epoch."""
        return len(self._minibatches)

    @property
    def last_learning_rate(self) -> float:
        """The learning rate of the last step, with the schedule's factor."""
        return self._update.learning_rate

    @property
    def best_val_score(self) -> float | None:
        """``best_val_acc`` by another name, since it may be an error."""
        return self.best_val_acc

    @property
    def optim_config(self) -> dict[str, Any]:
        """The update rule's configuration, with which a new solver continues."""
        return self._update.config | {"learning_rate": self.learning_rate}

    def train(self) -> None:
        """Train for ``num_epochs`` epochs and leave the best parameters in the model.

        Raises
        ------
        ValueError
            If there are no validation data, or the loss is no longer finite. The
            model is left with the best parameters so far.
        """
        if self.X_val is None:
            raise ValueError(
                "data must hold X_val and y_val, which the best parameters are chosen "
                "on; train_epoch needs none."
            )
        try:
            self._check_accuracy()
            for _ in range(self.num_epochs):
                self.train_epoch()
                self._check_accuracy()
                self._save_checkpoint()
        finally:
            if self._best_vector is not None:
                self._net.params.restore(self._best_vector)

    def train_epoch(self) -> float:
        """Train for one epoch.

        Returns
        -------
        loss : float
            Mean of the losses of all rows, with the L2 penalty, each computed when its
            minibatch was trained.

        Raises
        ------
        DivergenceError
            If the loss or a parameter is no longer finite.
        """
        totals, n_rows = [0.0] * self._net.n_members, 0
        epoch = self._minibatches.epoch(
            self._rng, self._workspace, may_prefetch=self._spare_thread
        )
        if self._mask_generators is not None:
            self._mask_generators.start_epoch()
        # Divergence is detected by the value of the loss, not by warnings of NumPy.
        with (
            np.errstate(all="ignore"),
            closing(epoch) as minibatches,
            blas_threads_for(self._step_flops),
        ):
            for x, y, weight in minibatches:
                losses = self._step(x, y, weight)
                totals = [
                    total + loss * len(y)
                    for total, loss in zip(totals, losses, strict=True)
                ]
                n_rows += len(y)
                self._record(mean_over_members(losses))
            self.last_minibatch = x, y, weight
            self._check_finite(sum(totals), "loss with the penalty")
            self._check_finite(float(self._net.params.vector.sum()), "parameters")
        self.epoch += 1
        self.epoch_rows = n_rows
        self.learning_rate *= self.lr_decay
        self.member_losses = [total / n_rows for total in totals]
        return mean_over_members(self.member_losses)

    def finish_schedule(self, n_epochs: int) -> None:
        """Let the learning rate fall to 0 along half a cosine wave, in some epochs.

        Parameters
        ----------
        n_epochs : int
            The number of epochs after which it is 0.

        Examples
        --------
        >>> import numpy as np
        >>> from skfcnet.network import FullyConnectedNet
        >>> from skfcnet.solver import Solver
        >>> data = {"X_train": np.eye(3), "y_train": np.eye(3)}
        >>> net = FullyConnectedNet("regression", [], [], 3, 3)
        >>> solver = Solver(
        ...     net, data, optim_config={"learning_rate": 0.1}, verbose=False
        ... )
        >>> solver.finish_schedule(2)
        >>> for _ in range(3):
        ...     _ = solver.train_epoch()
        ...     print(round(solver.last_learning_rate, 3))
        0.1
        0.05
        0.0
        """
        first, factor = self.step, self._schedule(self.step)
        n_steps = n_epochs * len(self._minibatches)
        self._total_steps = first + n_steps

        def descent(step: float) -> float:
            return cosine(step - first, n_steps)

        self._schedule = lambda step: factor * descent(step)
        if self._dropout_factor is not None:
            dropout = self._dropout_factor(first)
            self._dropout_factor = lambda step: dropout * falling_dropout(descent(step))

    def _step(self, x: Any, y: Array, weight: Floats | None = None) -> list[float]:
        """Train one minibatch, and return the loss of every member."""
        if self._dropout_factor is not None:
            self._passes.scale_dropout(self._dropout_factor(self._scheduled_step()))
        losses = self._net.backpropagate(x, y, self._passes, weight=weight)
        self._check_finite(sum(losses), "loss")
        self._clip_gradient()
        self._update.learning_rate = self._scheduled_rate()
        self.step += 1
        penalties = self._update()
        # The step is counted over all calls, so that partial training is the same.
        if self.step % FLUSH_EVERY == 0:
            self._update.flush()
        return [loss + penalty for loss, penalty in zip(losses, penalties, strict=True)]

    def _scheduled_step(self) -> float:
        """Return the step that schedules are at, which stay at their end after it."""
        return min(self.step, self._total_steps)

    def _scheduled_rate(self) -> float:
        rate = self.learning_rate * self._schedule(self._scheduled_step())
        if self.step + 1 < self._warmup_steps:
            rate *= (self.step + 1) / self._warmup_steps
        return rate

    def _clip_gradient(self) -> None:
        if self.max_grad_norm is None:
            return
        for parts in self._member_gradients:
            norm = sqrt(sum(float(part @ part) for part in parts))
            if norm > self.max_grad_norm:
                for part in parts:
                    part *= self.max_grad_norm / norm

    def _check_finite(self, value: float, name: str) -> None:
        if not isfinite(value):
            raise DivergenceError(
                f"the {name} became {value} in epoch {self.epoch + 1} at a learning "
                f"rate of {self._scheduled_rate():g}"
            )

    def _record(self, loss: float) -> None:
        iteration = len(self.loss_history)
        self.loss_history.append(loss)
        if self.verbose and iteration % self.print_every == 0:
            last = self.num_epochs * len(self._minibatches)
            print(f"(Iteration {iteration + 1} / {last}) loss: {loss:f}")

    def _check_accuracy(self) -> None:
        regression = self._net.category == "regression"
        train = self._accuracy(self.X_train, self.y_train, self.num_train_samples)
        val = self._accuracy(self.X_val, self.y_val, self.num_val_samples)
        self.train_acc_history.append(train)
        self.val_acc_history.append(val)
        best = self.best_val_acc
        if best is None or (val < best if regression else val > best):
            self.best_val_acc = val
            self._best_vector = self._net.params.vector.copy()
        if self.verbose:
            measure = "rms" if regression else "acc"
            print(
                f"(Epoch {self.epoch} / {self.num_epochs}) "
                f"train {measure}: {train:f}; val_{measure}: {val:f}"
            )

    def _accuracy(self, X: Any, y: Array, num_samples: int | None) -> float:
        """Return the accuracy, or the RMS error, on some of the rows or all."""
        if num_samples is not None and num_samples < len(y):
            rows = self._rng.choice(len(y), num_samples, replace=False)
            X, y = X[rows], y[rows]
        objective = self._net.objective
        predictions = objective.link.decide(self._net.scores(X))
        if self._net.category == "regression":
            y = y.repeat(objective.scores_per_target, axis=1)
            return sqrt(np.mean(np.square(predictions - y, dtype=np.float64)))
        return float(np.mean(predictions == y))

    def _save_checkpoint(self) -> None:
        if self.checkpoint_name is None:
            return
        path = f"{self.checkpoint_name}_epoch_{self.epoch}.pkl"
        history = ("loss_history", "train_acc_history", "val_acc_history")
        checkpoint = {"model": self.model, "optim_config": self.optim_config}
        checkpoint |= {name: getattr(self, name) for name in (*history, "epoch")}
        # A temporary file is moved into place, so that a failure leaves no half a file.
        unfinished = Path(f"{path}.tmp")
        try:
            joblib.dump(checkpoint, unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def _by_member(grads: Parameters, member_shape: tuple[int, ...]) -> Any:
    """Return flat views of each member's gradients, over which its norm is taken."""
    if not member_shape:
        return [[grads.trainable]]
    arrays = [array.reshape(*member_shape, -1) for array in grads.values()]
    return list(zip(*arrays, strict=True))


def _checked_rule(update_rule: UpdateRule | str) -> UpdateRule:
    """Return the update rule that is given as a function or by its name."""
    if isinstance(update_rule, str):
        return UPDATE_RULES[checked_name("update_rule", update_rule, UPDATE_RULES)]
    if not hasattr(update_rule, "complete"):
        raise ValueError(
            f"update_rule must be one of {sorted(UPDATE_RULES)}, or a function "
            f"declared by skfcnet.update_rules.update_rule, got {update_rule!r}."
        )
    return update_rule


def _schedule_numbers(schedule: str, config: Params | None) -> dict[str, float]:
    """Return the numbers of a schedule by name, with its defaults."""
    defaults = SCHEDULES[checked_name("schedule", schedule, SCHEDULES)].defaults
    config = checked_mapping("schedule_config", config)
    if unknown := sorted(config.keys() - defaults.keys()):
        raise ValueError(
            f"schedule_config has unknown {unknown}; schedule={schedule!r} knows "
            f"{sorted(defaults)}."
        )
    for name, number in config.items():
        checked_number(f"schedule_config[{name!r}]", number, *NON_NEGATIVE)
    return defaults | config


def _check_is_path(name: Any) -> None:
    if not isinstance(name, str | PathLike) or not Path(name).parent.is_dir():
        raise ValueError(
            f"checkpoint_name must lie in a folder that exists, got {name!r}."
        )


def _checked_parts(data: Any) -> Any:
    """Return which parts the data have: "train", and "val" if it is there."""
    given = checked_mapping("data", data).keys()
    parts = ["train", "val"] if {"X_val", "y_val"} & given else ["train"]
    wanted = {f"{array}_{part}" for part in parts for array in "Xy"}
    if missing := sorted(wanted - given):
        raise ValueError(f"data must hold {', '.join(missing)}.")
    return parts


def _checked_weights(
    net: Any,
    n_rows: int,
    sample_weight: ArrayLike | None,
    loss_weight: ArrayLike | None,
) -> dict[str, Any]:
    """Return the weights of the training rows by name, checked."""
    if loss_weight is not None:
        loss_weight = net.as_loss_weight(loss_weight, n_rows=n_rows, name="loss_weight")
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight, np.float64)
        is_valid = (sample_weight > 0) & np.isfinite(sample_weight)
        if is_valid.shape != (n_rows,) or not is_valid.all():
            raise ValueError(
                "sample_weight must hold one positive number for each row of X_train."
            )
    return {"sample_weight": sample_weight, "loss_weight": loss_weight}


@np.errstate(over="ignore")
def _checked_data(model: Any, data: Any, part: str) -> tuple[Any, Array]:
    """Return X and y of one part of the data, checked and in the network's dtype."""
    X, y = data[f"X_{part}"], data[f"y_{part}"]
    if issparse(X):
        X = X.tocsr().astype(model.dtype, copy=False)
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
    else:
        try:
            X = np.ascontiguousarray(X, model.dtype)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"X_{part} must be an array of numbers, but {error}."
            ) from error
        X = X.reshape(len(X), prod(X.shape[1:]))
    if X.shape[0] == 0 or X.shape[1] != model.input_dim:
        raise ValueError(
            f"X_{part} must have rows of {model.input_dim} features, got {X.shape}."
        )
    numbers = X.data if issparse(X) else X
    is_valid = has_finite_norm(numbers) or (
        not np.isinf(numbers).any()
        and (model.takes_missing or not np.isnan(numbers).any())
    )
    if not is_valid:
        raise ValueError(f"X_{part} must hold numbers that are finite in {X.dtype}.")
    try:
        return X, model.as_targets(y, n_rows=X.shape[0])
    except (TypeError, ValueError) as error:
        raise type(error)(f"y_{part}: {error}") from error
