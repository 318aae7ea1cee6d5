"""What both estimators share: validation, training, fitted attributes.

How a fit works
---------------
Everything happens on a *draft*, another object of the same class: it validates the
data, receives the fitted attributes and is trained. Only when that has succeeded is
its state taken over, in one step. A failed or interrupted fit, whatever it failed at,
therefore leaves the earlier model exactly as it was.
"""

import copy
from contextlib import contextmanager
from math import ceil, fsum, isfinite, nan
from numbers import Integral, Real
from time import perf_counter
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skfcnet._compat import (
    CallbackSupportMixin,
    FitTask,
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    scorer_name,
    validate_params,
    with_callbacks,
)
from skfcnet._engine.batches import as_repetition_counts, order_by_content
from skfcnet._engine.lbfgs import train_lbfgs
from skfcnet._engine.numeric import checked_cast, checked_range
from skfcnet._engine.parameters import ParameterList
from skfcnet._engine.passes import CHUNK
from skfcnet._engine.warn import warn
from skfcnet._estimators.checks import (
    checked_table,
    checked_weight,
    readable_table,
    refuse_dates,
    refuse_masks,
    refuse_missing,
    refuse_other_than_numbers,
    rows_asked_about,
)
from skfcnet._estimators.history import Epoch, History
from skfcnet._estimators.holdout import holdout, warn_of_another_scale
from skfcnet._estimators.log import EpochLog
from skfcnet._estimators.unused_parameters import (
    Condition,
    by_value,
    set_parameters,
    warn_of_idle_parameters,
)
from skfcnet._tabular.categories import (
    Columns,
    as_table,
    categorical_mask,
    holds_numbers,
    rows_of,
)
from skfcnet._tabular.encoder import EMBEDDINGS, Features
from skfcnet._tabular.scaling import SCALINGS, counted, tally
from skfcnet.initializers import INITIALIZERS
from skfcnet.layers import ACTIVATIONS, NORMALIZATIONS
from skfcnet.losses import LOSSES
from skfcnet.network import FullyConnectedNet
from skfcnet.schedules import SCHEDULES
from skfcnet.solver import DivergenceError, Solver
from skfcnet.update_rules import adam, adamw, rmsprop, sgd_momentum, sgd_nesterov

AUTO_BATCH_SIZE = 128
"""The most that ``batch_size="auto"`` chooses."""

DECODED = 2**15
"""Scores that are made predictions at a time."""

ALPHA_BATCH_SIZE = 200
"""The most that ``alpha`` is relative to: scikit-learn's automatic batch size."""

AUTO_STEPS, AUTO_EPOCHS = 4000, (10, 256)
"""Minibatches that ``max_iter=None`` trains for, and its least and most epochs."""

AUTO_ITERATIONS = 200
"""What ``max_iter=None`` is for L-BFGS, which takes all rows at once."""

SOLVERS = {
    "sgd": (sgd_momentum, {"momentum": "momentum"}),
    "adam": (adam, {"beta1": "beta_1", "beta2": "beta_2", "epsilon": "epsilon"}),
    "adamw": (
        adamw,
        {
            "beta1": "beta_1",
            "beta2": "beta_2",
            "epsilon": "epsilon",
            "weight_decay": "weight_decay",
        },
    ),
    "rmsprop": (rmsprop, {"epsilon": "epsilon"}),
}
"""For every stochastic ``solver``: its update rule, and which of the estimator's
parameters are which entries of its configuration."""

OF_MINIBATCHES = (
    "batch_size",
    "learning_rate",
    "learning_rate_init",
    "max_grad_norm",
    "shuffle",
    "warmup_epochs",
)
"""Parameters of every stochastic solver."""

ADAPTIVE_DIVISOR = 5.0
"""What the adaptive schedule divides the learning rate by."""

ADAPTIVE_END = 1e-6
"""Learning rate at which it gives up."""

ENCODING = ("input_scaling", "numeric_embedding", "n_bins", "categorical_features")
"""Parameters that say what the network is given of X."""

BY_THE_DATA = ("auto", "from_dtype")
"""Values of these that leave what they do to the data, and nothing to sparse ones."""

EXPLOSION = 1000.0
"""So many times the loss of the first epoch, a loss is no longer one of training."""

ASKED_FOR = "a callback asked for it"
"""Why training stops, in words, where a callback stops it."""

NOTHING_YET = {False: (-np.inf, -np.inf), True: (-np.inf, -np.inf)}
"""By whether there was validation, the best score and the negative loss beside it."""


CONDITIONS = (
    *by_value(
        "solver",
        {name: [*OF_MINIBATCHES, *own.values()] for name, (_, own) in SOLVERS.items()},
    ),
    *by_value("solver", {"sgd": ["nesterovs_momentum"]}),
    *by_value("solver", {"lbfgs": ["max_fun"]}),
    *by_value(
        "learning_rate",
        {name: schedule.defaults for name, schedule in SCHEDULES.items()},
    ),
    Condition(
        ("tol", "n_iter_no_change"),
        lambda estimator: not estimator._has_end,
        "a schedule without an end, such as learning_rate='constant', where "
        "learning_rate={learning_rate!r} is followed to its end",
        ConvergenceWarning,
    ),
    Condition(
        ("n_iter_no_change",),
        lambda estimator: estimator.solver != "lbfgs" or estimator.early_stopping,
        "early_stopping=True with solver='lbfgs'",
        ConvergenceWarning,
    ),
    Condition(
        ("learning_rate",),
        lambda estimator: not estimator._lacks_an_end,
        "total_steps with warm_start=True or partial_fit, where the rate is constant "
        "without",
    ),
    Condition(
        ("total_steps",),
        lambda estimator: estimator._has_horizon,
        "a schedule that has an end, such as learning_rate='one_cycle'",
    ),
    Condition(
        ("total_steps",),
        lambda estimator: estimator.warm_start or not estimator._has_horizon,
        "warm_start=True, or partial_fit",
    ),
    Condition(
        ("validation_fraction", "scoring"),
        lambda estimator: estimator.early_stopping,
        "early_stopping=True",
    ),
    Condition(
        ("n_bins",),
        lambda estimator: estimator.numeric_embedding in ("auto", "ple"),
        "numeric_embedding='ple' or 'auto'",
    ),
    Condition(
        ("activation", "normalization", "dropout"),
        lambda estimator: estimator._hidden_dims(),
        "hidden layers, and hidden_layer_sizes={hidden_layer_sizes!r} has none",
    ),
)
"""What parameters need to have an effect."""


class Rows(NamedTuple):
    """Validated data: what every row is, what is to be learned of it, what it counts.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (N, D)
        A table of numbers; once it is encoded, what the network is given of it.

    y : ndarray
        As the user gave it.

    target : ndarray
        Classes or numbers; once it is encoded, as the loss wants it.

    weight : ndarray of shape (N,) or None
        Positive sample weights, as they were given; of the rows to train on, in the
        end, repetition counts.

    cost : ndarray of shape (N,) or None
        What the loss of a row is multiplied by.

    number : ndarray of int, shape (N,)
        Which of the rows given it was.
    """

    X: object
    y: object
    target: object
    weight: object
    cost: object
    number: object

    def take(self, rows, **changes):
        """Return some of the rows, by number or mask."""
        taken = {k: a if a is None else a[rows] for k, a in self._asdict().items()}
        return type(self)(**taken | changes)

    def repeated(self):
        """Return the rows with weights that are repetition counts."""
        if self.weight is None:
            return self
        return self._replace(weight=as_repetition_counts(self.weight))

    def total_weight(self):
        """Return as how many rows they count: how many an epoch has."""
        # Summed exactly: the order of the rows must not show in the last bit.
        return self.X.shape[0] if self.weight is None else round(fsum(self.weight))

    def mean_weight(self):
        """Return weight times cost, such that the weights have a mean of one."""
        if self.weight is None:
            return self.cost
        weight = self.weight / self.weight.max()  # no sum of these overflows
        weight *= len(weight) / fsum(weight)
        return weight if self.cost is None else weight * self.cost


def store_parameters(estimator, parameters):
    """Store the parameters of ``__init__``, unchecked and unchanged, as they are.

    scikit-learn wants each class to spell its parameters out, and to do no more.
    """
    for name, value in parameters.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


def _of_positive_weight(X, y, weight):
    """Return the rows that count, their weights, and which of the rows they are."""
    number = np.arange(X.shape[0])
    if weight is None or weight.all():
        return X, y, weight, number
    counts = weight > 0
    return X[counts], y[counts], weight[counts], number[counts]


def _shape_of(net):
    """Return what the layers of a network are, but for dropout."""
    return [(s.kind, s.specs) for s in net.stages if s.rate is None]


def _is_stochastic(estimator):
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is not available for solver='lbfgs'.")
    return True


class _BaseFCNet(CallbackSupportMixin, BaseEstimator):
    """What both estimators share; a subclass says how its targets are encoded.

    A subclass has ``_category``, a key of `skfcnet.network.CATEGORIES`,
    ``_default_score_name``, and the methods ``_learn_target``, ``_encoded``,
    ``_learn_target_encoding``, ``_scaled``, ``_learn_costs``, ``_costs``, ``_loss``,
    ``_loss_params``, ``_answers``, ``_strata`` and ``_default_score``.
    """

    _conditions = CONDITIONS
    _parameter_constraints = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "solver": [StrOptions({*SOLVERS, "lbfgs"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate": [StrOptions({*SCHEDULES, "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [
            Interval(Real, 0, 1, closed="neither"),
            HasMethods(["split", "get_n_splits"]),
        ],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "total_steps": [Interval(Integral, 1, None, closed="left"), None],
        "scoring": [StrOptions({"loss", *get_scorer_names()}), callable, None],
        "warmup_epochs": [Interval(Real, 0, None, closed="left")],
        "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "normalization": [StrOptions(set(NORMALIZATIONS)), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "init": [StrOptions({"auto", *INITIALIZERS})],
        "input_scaling": [StrOptions(set(SCALINGS) - {None}), None],
        "numeric_embedding": [StrOptions({"auto", *EMBEDDINGS}), None],
        "n_bins": [Interval(Integral, 2, None, closed="left")],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "dtype": [
            StrOptions({"float32", "float64"}),
            Options(type, {np.float32, np.float64}),
        ],
    }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self._only_dense
        tags.input_tags.allow_nan = True
        asked = self.categorical_features
        # By the dtype, arrays have none, and it is arrays that the tags are for.
        are_asked_for = not (asked is None or isinstance(asked, str))
        tags.input_tags.categorical = tags.input_tags.string = are_asked_for
        return tags

    @property
    def _only_dense(self):
        """Names of the parameters that are set to what sparse input cannot have."""
        values = self.numeric_embedding, self.categorical_features
        names = "numeric_embedding", "categorical_features"
        return [
            name
            for name, value in zip(names, values, strict=True)
            if not (value is None or (isinstance(value, str) and value in BY_THE_DATA))
        ]

    # Fitted attributes that are views of others

    @property
    def coefs_(self):
        """Weights of every affine layer, first to last: read-only views.

        Assigning to the list, or a list to the attribute, copies arrays into place.
        """
        return ParameterList("coefs_", self._arrays_named("W"), self._net.params)

    @coefs_.setter
    def coefs_(self, arrays):
        self.coefs_[:] = arrays

    @property
    def intercepts_(self):
        """Biases of every affine layer, first to last: as `coefs_`."""
        # Without the axis of one by which those of members broadcast over rows.
        biases = self._arrays_named("b")
        biases = [b.reshape(b.shape[:-2] + b.shape[-1:]) for b in biases]
        return ParameterList("intercepts_", biases, self._net.params)

    @intercepts_.setter
    def intercepts_(self, arrays):
        self.intercepts_[:] = arrays

    def _arrays_named(self, name):
        check_is_fitted(self)
        return [self._net.params[f"{name}{i}"] for i in range(1, self.n_layers_)]

    @property
    def out_activation_(self):
        """What turns the scores of the output layer into predictions."""
        check_is_fitted(self)
        return self._net.objective.output

    @property
    def history_(self):
        """The numbers of every epoch: a list for each column."""
        check_is_fitted(self)
        return self._history.as_table()

    @property
    def loss_curve_(self):
        """Training loss of every epoch."""
        return self._column("loss")

    @property
    def validation_loss_curve_(self):
        """Validation loss of every epoch; None where nothing was validated."""
        return self._validation_column("validation_loss")

    @property
    def validation_scores_(self):
        """Validation score of every epoch; None where nothing was validated."""
        return self._validation_column("validation_score")

    @property
    def best_loss_(self):
        """The lowest training loss; None where the last epoch was validated."""
        losses, validated = self._column("loss"), self._column("validation_loss")
        return min(losses) if np.isnan(validated[-1]) else None

    @property
    def best_validation_score_(self):
        """The best validation score; None where nothing was validated."""
        check_is_fitted(self)
        score, _ = self._best[True]
        return score if isfinite(score) else None

    def _column(self, name):
        check_is_fitted(self)
        return self._history.column(name)

    def _validation_column(self, name):
        column = self._column(name)
        return None if np.isnan(column).all() else column

    @property
    def _score_name(self):
        """What the validation score is called; 'loss' where it is minus the loss."""
        if self.scoring is None:
            return self._default_score_name
        return (
            self.scoring if isinstance(self.scoring, str) else scorer_name(self.scoring)
        )

    # Fitting

    @np.errstate(all="ignore")  # every result is checked
    def _fit(self, *data):
        """Fit the network; where anything fails, the estimator remains as it was."""
        validate_params(self)
        warn_of_idle_parameters(self)
        self._warn_of_many_epochs()
        earlier = vars(self).copy()
        try:
            still_improving = self._fit_with_callbacks(*data)
        except Exception:
            # A callback may fail when the fitted state has been taken over already.
            self.__dict__ = earlier
            raise
        if still_improving:
            unit, limits, stops = (
                ("iteration", "max_iter or max_fun", "tol")
                if self.solver == "lbfgs"
                else ("epoch", "max_iter", "tol or n_iter_no_change")
            )
            n_done = self.n_iter_ - self._first_epoch
            unit += "s" if n_done > 1 else ""
            warn(
                f"The loss had not converged after {n_done} {unit}. Raise {limits}, or "
                f"set {stops} to stop earlier.",
                ConvergenceWarning,
            )
        return self

    @with_callbacks
    def _fit_with_callbacks(self, X, y, sample_weight, X_val, y_val, sample_weight_val):
        """Fit the network; return whether its loss was still improving at the end."""
        goes_on = self.warm_start and hasattr(self, "_net")
        draft = self._continuing() if goes_on else self._blank()
        rows = draft._read(X, y, sample_weight, first=not goes_on)
        held_out = draft._read_to_validate(X_val, y_val, sample_weight_val)
        if self.early_stopping and held_out is None:
            rows, held_out = draft._split(rows, X, y)
        table = rows.X
        rows, validation = draft._prepared(rows, held_out, first=not goes_on)
        if X_val is not None:
            warn_of_another_scale(table, held_out.X)
        draft._forget_the_best()
        metadata = {"sample_weight": sample_weight, "X_val": X_val, "y_val": y_val}
        metadata["sample_weight_val"] = sample_weight_val
        metadata = {name: data for name, data in metadata.items() if data is not None}
        task = FitTask(self, draft._most_epochs(rows), X=X, y=y, metadata=metadata)
        train = draft._train_lbfgs if self.solver == "lbfgs" else draft._train
        try:
            with draft._advice_on_divergence():
                converged = train(rows, validation, task)
        except KeyboardInterrupt:
            if draft.n_iter_ > draft._first_epoch:
                self._take_over(draft)
            raise
        if not self.warm_start:
            draft._optim_config = {}
        self._take_over(draft)
        task.end()
        return not converged and validation is None and not self._has_end

    def _warn_of_many_epochs(self):
        """Warn where ``max_iter`` is large as if patience could end training before."""
        is_large = self.max_iter is not None and self.max_iter > AUTO_EPOCHS[1]
        if is_large and self._has_end and "learning_rate" not in set_parameters(self):
            warn(
                f"All {self.max_iter} epochs of max_iter are trained, since "
                f"learning_rate={self.learning_rate!r} is followed to its end: tol and "
                f"n_iter_no_change have no effect. Leave max_iter=None for as many "
                f"epochs as the number of rows suggests, or set "
                f"learning_rate='constant' to stop without improvement.",
                ConvergenceWarning,
            )

    @np.errstate(all="ignore")  # every result is checked
    def _partial_fit(
        self, X, y, sample_weight, X_val, y_val, sample_weight_val, **target_arguments
    ):
        validate_params(self)
        first = not hasattr(self, "_net")
        if first:  # calls go on from each other as those of fit with warm_start do
            warn_of_idle_parameters(self._blank().set_params(warm_start=True))
        draft = self._blank() if first else self._continuing()
        rows = draft._read(X, y, sample_weight, first=first, **target_arguments)
        held_out = draft._read_to_validate(X_val, y_val, sample_weight_val)
        rows, validation = draft._prepared(rows, held_out, first=first)
        solver = draft._solver(rows, 1, partial=True)
        with draft._advice_on_divergence():
            draft._train_epoch(solver, validation)
            draft._check_what_is_kept(solver)
        draft._remember(solver)
        draft._log().epoch(draft._history[-1])
        self._take_over(draft)
        return self

    def _blank(self):
        """Return a draft without memory."""
        return type(self)(**self.get_params(deep=False))

    def _continuing(self):
        """Return a draft that goes on from here, and shares nothing that changes."""
        draft = copy.copy(self)
        vars(draft).pop("_best_vector", None)
        draft._net, draft._rng = copy.deepcopy((self._net, self._rng))
        draft._net.params.is_settled = False
        return draft

    def _take_over(self, draft):
        """Make the state of a draft this estimator's own."""
        vars(draft).pop("_best_vector", None)  # training is over
        vars(self).pop("feature_names_in_", None)  # this fit may have seen no names
        vars(self).update(vars(draft))
        self._net.params.is_settled = True

    def _snapshot(self):
        """Return copies of all that the estimator is fitted with now."""
        return vars(self._continuing())

    def _read(self, X, y, sample_weight, *, first, **target_arguments):
        """Return validated rows, as they are before anything is learned from X."""
        if self.solver == "lbfgs" and (self.dropout or self.input_dropout):
            raise InvalidParameterError(
                f"The 'dropout' and 'input_dropout' parameters of "
                f"{type(self).__name__} must be 0 for solver='lbfgs', which needs the "
                f"same loss in every evaluation. Got {self.dropout!r} and "
                f"{self.input_dropout!r} instead."
            )
        if first:
            self._learn_columns(X, sample_weight)
        table = X
        X, y, weight = self._validated(X, y, sample_weight, reset=first)
        if first:  # what is there to learn, rows of weight 0 say, too
            self._learn_target(y, **target_arguments)
        X, y, weight, number = _of_positive_weight(X, y, weight)
        self._note_labels(y)
        if first:
            self._seed = check_random_state(self.random_state).randint(2**31 - 1)
        else:
            self._warn_of_new_levels(table, number, X)
        target = self._target_of(y)
        self._learn_costs(y, weight)
        return Rows(X, y, target, weight, self._costs(y), number)

    def _note_labels(self, y):
        """Note the labels of rows that are trained on, where they are labels."""

    def _target_of(self, y):
        target = self._encoded(y)
        loss = self._loss()
        # Neither a minibatch of partial_fit nor what is validated on is the whole.
        LOSSES[loss].domain.check(target, loss=loss, whole=False)
        return target

    def _prepared(self, rows, held_out, *, first):
        """Return rows for the network, which then is in place, and validation."""
        rows = rows.repeated()  # of the rows trained on alone
        self._learn_target_encoding(rows)
        rows = rows._replace(target=self._scaled(rows.target))
        if first:
            X = self._learn_features(rows)
            self._start()
            self._start_at_the_best_constant(rows)
        else:
            self._follow_description()
            self._features = self._features.completed(rows.X, rows.weight)
            X = self._encoded_rows(rows.X)
        self._first_epoch = self.n_iter_
        validation = None if held_out is None else Validation(self, held_out)
        return rows._replace(X=X), validation

    # What the network is given

    def _learn_columns(self, X, sample_weight):
        """Learn which columns are categorical, and how the others are read."""
        self._columns = None
        X = readable_table(X)
        if issparse(X) or (
            holds_numbers(X) and isinstance(self.categorical_features, str | None)
        ):
            return
        if sample_weight is not None:
            X = rows_of(X, checked_weight(sample_weight, X.shape[0]) > 0)
        mask = categorical_mask(X, self.categorical_features)
        if mask.any() or not holds_numbers(X):
            self._columns = Columns(mask).fit(X)

    def _warn_of_new_levels(self, table, rows, X):
        """Say which levels of rows to train on cannot be learned any more."""
        if self._columns is not None:
            self._columns = self._columns.warned_of_new_levels(as_table(table), rows, X)

    def _learn_features(self, rows):
        """Learn what the network is given of rows; return that of those to train on."""
        is_sparse = issparse(rows.X)
        if is_sparse and self._only_dense:
            name = self._only_dense[0]
            raise ValueError(
                f"X is sparse, but {name}={getattr(self, name)!r} is for dense data: "
                f"set it to None, or make X dense."
            )
        if is_sparse and self.input_scaling not in (None, "robust"):
            warn(
                f"input_scaling={self.input_scaling!r} has no effect: X is sparse, and "
                f"is left as it is. Scale it before, such as by MaxAbsScaler."
            )
        if is_sparse and "n_bins" in set_parameters(self):
            warn(
                f"n_bins={self.n_bins!r} has no effect: X is sparse, and only the "
                f"features of dense X have bins."
            )
        self._encoding = self._described_encoding()
        self._features = Features(
            scaling=None if is_sparse else self.input_scaling,
            embedding=self.numeric_embedding,
            n_bins=self.n_bins,
            dtype=self._compute_dtype,
        )
        columns = self._columns
        categorical = None if columns is None else columns.categorical
        n_declared = None if columns is None else columns.n_declared
        return self._features.fit_transform(
            rows.X, rows.weight, categorical=categorical, n_declared=n_declared
        )

    def _encoded_rows(self, X):
        return self._features.transform(X, dtype=self._compute_dtype)

    def _described_encoding(self):
        """Return the parameters that say how X is encoded, such as can be compared."""
        return {name: np.asarray(getattr(self, name)).tolist() for name in ENCODING}

    def _through_network(self, method, X):
        """Return what a method of the network makes of rows as they are read."""
        return self._by_chunks(lambda rows: method(self._fed(rows)), X)

    def _fed(self, X):
        """Return what the network is given of rows asked about, in their precision."""
        if self._features.is_identity:  # gaps were filled where there are any
            return X
        dtype = np.result_type(X.dtype, self._net.dtype)
        return self._features.transform(X, dtype=dtype)

    def _by_chunks(self, function, X):
        """Return what a function makes of rows, some at a time: memory stays flat."""
        step = CHUNK
        if self._features.is_identity:  # nothing is encoded: scores alone take memory
            n_scores = self._net.n_members * self._net.stages[-1].fan_out
            step *= max(1, DECODED // (CHUNK * n_scores))
        if X.shape[0] <= step:
            return function(X)
        out = None
        for start in range(0, X.shape[0], step):
            rows = slice(start, start + step)
            part = function(X[rows])
            if out is None:
                out = np.empty((X.shape[0], *part.shape[1:]), part.dtype)
            out[rows] = part
        return out

    # Validated data

    def _validated(self, X, y, sample_weight, *, reset):
        """Return X, y and weights, checked."""
        refuse_masks(y, "y")
        refuse_missing(y, "y")
        if self._category == "regression":  # as labels, dates are like others
            refuse_dates(y, "y")
            refuse_other_than_numbers(y, "y")
        X, y = checked_table(
            self,
            X,
            y,
            reset=reset,
            multi_output=True,
            y_numeric=self._category == "regression",
        )
        y = y.toarray() if issparse(y) else y
        if y.ndim == 2 and y.shape[1] == 1:
            warn(
                "A column-vector y was passed when a 1d array was expected: pass "
                "y.ravel().",
                DataConversionWarning,
            )
            y = y.ravel()
        if issparse(X) or self.input_scaling is None:  # it needs no more digits
            X = checked_cast(X, self._compute_dtype, "X")
        if sample_weight is not None:
            sample_weight = checked_weight(sample_weight, X.shape[0])
        return X, y, sample_weight

    @property
    def _compute_dtype(self):
        return "float64" if self.solver == "lbfgs" else self.dtype

    # The network

    def _start(self):
        """Set up the untrained network, and what a fit records."""
        self._rng = np.random.default_rng(self._seed)
        self._described = self._description()
        self._net = FullyConnectedNet(**self._described, random_state=self._rng)
        # What no row has yet counts as what is missing, until it is learned.
        self._net.params["W1"][..., self._features.without_rows, :] = 0
        self._optim_config = {}
        self._step = 0
        self._divisions = 0
        self._forget_the_best()
        self.n_layers_ = len(self._hidden_dims()) + 2
        self.n_iter_ = 0
        self.t_ = 0
        self.best_iteration_ = 0
        self._history = History()

    def _start_at_the_best_constant(self, rows):
        """Set the output biases to the best scores that do not depend on X.

        For classes, these are logarithms of their shares, or log-odds; for numbers, the
        mean, median or quantiles; for logarithms of means, that of the mean.
        """
        weight = counted(rows.weight, rows.X.shape[0])
        if rows.cost is not None:
            if not rows.cost.any():
                return
            # Products of these are exact, for one row of weight 2 as for two rows.
            weight = counted(weight * rows.cost.astype(np.float32), len(weight))
        objective, target = self._net.objective, rows.target
        if objective.takes_labels:
            totals = np.bincount(target, weight, minlength=self.n_outputs_)
            rest = totals.sum() - totals
            columns = [
                (np.arange(2.0), np.array(pair))
                for pair in zip(rest, totals, strict=True)
            ]
        else:
            columns = [tally(column, weight) for column in target.T]
        scores = [np.ravel(objective.constant(*column)) for column in columns]
        self._net.params[f"b{self.n_layers_ - 1}"] = np.concatenate(scores)

    def _forget_the_best(self):
        """Let the next epoch be the best so far."""
        self._best = NOTHING_YET
        self._epochs_without = 0

    def _description(self):
        """Return the arguments of the network that the parameters describe."""
        hidden_dims = self._hidden_dims()
        return {
            "category": self._category,
            "hidden_dims": hidden_dims,
            "normalization": [self.normalization] * len(hidden_dims),
            "input_dim": self._features.width,
            "output_dim": self.n_outputs_,
            "weight_scale": None,
            "dtype": np.dtype(self._compute_dtype).name,
            "activation": self.activation,
            "dropout": self.dropout,
            "input_dropout": self.input_dropout,
            "init": None if self.init == "auto" else self.init,
            "n_members": self.n_members,
            "n_embedded": self._features.n_embedded,
            "loss": self._loss(),
            "loss_params": self._loss_params(),
        }

    def _hidden_dims(self):
        sizes = np.atleast_1d(np.asarray(self.hidden_layer_sizes, object)).tolist()
        if not all(isinstance(size, Integral) and size > 0 for size in sizes):
            raise InvalidParameterError(
                f"The 'hidden_layer_sizes' parameter of {type(self).__name__} must be "
                f"a positive integer or a sequence of them. "
                f"Got {self.hidden_layer_sizes!r} instead."
            )
        return [int(size) for size in sizes]

    def _follow_description(self):
        """Go on with the network as the parameters describe it now.

        Dropout, loss and dtype may change; what shapes the network and what it is given
        may not.
        """
        for name, value in self._described_encoding().items():
            if value != self._encoding[name]:
                raise ValueError(
                    f"{name} was changed to {value!r} since the network was fitted "
                    f"with {self._encoding[name]!r}: set it back, or call fit with "
                    f"warm_start=False to start anew."
                )
        described = self._description()
        if described == self._described:
            return
        net = FullyConnectedNet(**described, random_state=0)
        if _shape_of(net) != _shape_of(self._net):
            raise ValueError(
                f"The parameters that shape the network were changed since it was "
                f"fitted as {self._net!r}: they describe {net!r}. Set them back, or "
                f"call fit with warm_start=False to start anew."
            )
        net.params.vector[...] = self._net.params.vector
        self._net, self._described = net, described

    # Training

    def _solver(self, rows, n_epochs, *, partial=False):
        """Return a solver that trains the network on validated data."""
        if self.normalization == "batch" and self.batch_size == 1 < rows.X.shape[0]:
            raise ValueError(
                "normalization='batch' needs a batch_size of at least 2: a single row "
                "has no variance to normalise by."
            )
        self._net.reg = self._reg(rows)
        update_rule, config = self._update_rule()
        goes_on = partial or self.warm_start
        has_horizon = goes_on and self._has_horizon
        schedule = self._schedule
        if has_horizon and self.total_steps is None:
            schedule = "constant"
        elif has_horizon and self._step >= self.total_steps:
            warn(
                f"All total_steps={self.total_steps} minibatches were trained before, "
                f"and the learning rate is at its end: raise total_steps."
            )
        numbers = SCHEDULES[schedule].defaults
        return Solver(
            self._net,
            {"X_train": rows.X, "y_train": rows.target},
            update_rule=update_rule,
            optim_config=config,
            schedule=schedule,
            schedule_config={name: float(getattr(self, name)) for name in numbers},
            warmup_epochs=self.warmup_epochs,
            max_grad_norm=self.max_grad_norm,
            batch_size=self._minibatch_size(rows),
            num_epochs=n_epochs,
            verbose=False,
            sample_weight=rows.weight,
            loss_weight=rows.cost,
            shuffle=self.shuffle,
            random_state=self._rng,
            first_step=self._step,
            total_steps=self.total_steps if goes_on else None,
        )

    def _most_epochs(self, rows):
        """Return for how many epochs to train, or iterations."""
        if self.max_iter is not None:
            return self.max_iter
        if self.solver == "lbfgs":
            return AUTO_ITERATIONS
        steps = ceil(rows.total_weight() / self._minibatch_size(rows))
        fewest, most = AUTO_EPOCHS
        return min(max(ceil(AUTO_STEPS / steps), fewest), most)

    def _minibatch_size(self, rows):
        """Return how many rows, repetitions counted, the network is given at a time."""
        if self.batch_size != "auto":
            return self.batch_size
        return int(min(AUTO_BATCH_SIZE, rows.total_weight()))

    def _reg(self, rows):
        """Return the network's coefficient of the L2 penalty, as in scikit-learn."""
        n_rows = rows.total_weight()
        if self.solver != "lbfgs":  # which is given all rows at once
            n_rows = min(ALPHA_BATCH_SIZE, n_rows)
        return float(self.alpha / n_rows)

    @property
    def _schedule(self):
        """The schedule by steps; what adapts to the epochs is constant by steps."""
        return "constant" if self.learning_rate == "adaptive" else self.learning_rate

    @property
    def _has_horizon(self):
        """Whether the schedule depends on how many steps there will be."""
        return self.solver != "lbfgs" and SCHEDULES[self._schedule].has_horizon

    @property
    def _lacks_an_end(self):
        """Whether it has an end, but `fit` may be called any number of times."""
        return self._has_horizon and self.warm_start and self.total_steps is None

    @property
    def _has_end(self):
        """Whether `fit` follows a schedule to its end."""
        return self._has_horizon and not self._lacks_an_end

    def _update_rule(self):
        """Return the update rule, and its configuration with the state so far."""
        rule, parameters = SOLVERS[self.solver]
        if "epsilon" in parameters and not np.dtype(self.dtype).type(self.epsilon):
            raise InvalidParameterError(
                f"The 'epsilon' parameter of {type(self).__name__} must not vanish in "
                f"dtype={self.dtype!r}. Got {self.epsilon!r} instead."
            )
        if rule is sgd_momentum and self.nesterovs_momentum:
            rule = sgd_nesterov
        config = {"learning_rate": self._adapted_rate()}
        for entry, parameter in parameters.items():
            config[entry] = float(getattr(self, parameter))
        # Another solver than before starts without memory.
        memory = {*rule.slots, *({"t"} & rule.defaults.keys())}
        if memory <= self._optim_config.keys():
            config |= {entry: self._optim_config[entry] for entry in memory}
        return rule, config

    def _remember(self, solver):
        """Keep what the next solver goes on from."""
        self._optim_config = solver.optim_config
        self._step = solver.step

    def _adapted_rate(self):
        return float(self.learning_rate_init) / ADAPTIVE_DIVISOR**self._divisions

    def _train(self, rows, validation, task):
        """Train until there is no more improvement; return whether that was so."""
        solver, reason = self._solver(rows, task.n_epochs), None
        log = self._log(task.n_epochs)
        with self._best_epoch_restored(validation):
            for _ in range(task.n_epochs):
                task.begin_epoch()
                if self._train_epoch(solver, validation):
                    reason = self._want_of_improvement
                log.epoch(self._history[-1])
                if task.end_epoch(self._snapshot):
                    reason = ASKED_FOR
                if reason:
                    break
        self._check_what_is_kept(solver)
        self._remember(solver)
        self._log_the_end(log, validation, reason)
        return reason is not None

    def _log(self, n_epochs=None):
        """Return what prints the epochs of a fit, or of partial_fit."""
        unit = "Iteration" if self.solver == "lbfgs" else "Epoch"
        last = None if n_epochs is None else self._first_epoch + n_epochs
        return EpochLog(self.verbose, unit, last, self._score_name)

    def _log_the_end(self, log, validation, reason):
        kept = None if validation is None else self._history[self.best_iteration_ - 1]
        log.end(self._history[-1], kept, reason)

    @property
    def _want_of_improvement(self):
        """Why training stops, in words."""
        return (
            f"there was no improvement by tol={self.tol:g} for "
            f"n_iter_no_change={self.n_iter_no_change} epochs"
        )

    def _check_what_is_kept(self, solver):
        """Refuse weights by which the loss is far beyond that of the first epoch.

        The loss of a minibatch is that before its step: of the last step, nobody else
        would notice.
        """
        x, y, cost = solver.last_minibatch
        loss = self._net.training_loss(x, y, weight=cost)
        at_first = self._history[self._first_epoch].loss
        # These rows may have almost all of the loss of an epoch.
        n_times = solver.epoch_rows / len(y)
        if not loss <= EXPLOSION * n_times * max(at_first, 1 / EXPLOSION):
            raise DivergenceError(
                f"the last step left a loss of {loss:g}, where the first epoch had "
                f"{at_first:g}"
            )

    @contextmanager
    def _advice_on_divergence(self):
        """Say what to change, by the settings in force, where training diverges."""
        try:
            yield
        except DivergenceError as error:
            remedies = []
            decay = self.learning_rate_init * self.weight_decay
            if "weight_decay" in set_parameters(self) and decay > 1:
                remedies.append(f"lower weight_decay={self.weight_decay!r}")
            if self.alpha > 1:
                remedies.append(f"lower alpha={self.alpha!r}")
            elif self.solver == "lbfgs":
                remedies.append(f"raise alpha={self.alpha!r}")
            if self.solver != "lbfgs":
                remedies.append(f"lower learning_rate_init={self.learning_rate_init!r}")
                if self.max_grad_norm is None:
                    remedies.append("set max_grad_norm, such as to 1.0")
            if self._features.scaling is None:
                remedies.append("scale X, which input_scaling does for dense rows")
            if not getattr(self, "scale_target", True):
                remedies.append("set scale_target=True")
            advice = ", or ".join(remedies)
            raise DivergenceError(
                error.event, f"{advice[0].upper()}{advice[1:]}."
            ) from error

    def _train_epoch(self, solver, validation):
        """Train for an epoch; return whether there was no improvement for too long."""
        start = perf_counter()
        loss = solver.train_epoch()
        is_over = self._record(
            loss,
            validation,
            n_rows=solver.epoch_rows,
            rate=solver.last_learning_rate,
            start=start,
        )
        if self._has_end:
            return False  # it pays there
        can_adapt = (
            self.learning_rate == "adaptive" and solver.learning_rate > ADAPTIVE_END
        )
        if is_over and can_adapt:
            self._divisions += 1
            solver.learning_rate = self._adapted_rate()
            self._epochs_without = 0
            return False
        return is_over

    def _train_lbfgs(self, rows, validation, task):
        """Train on all rows at once; return whether training converged."""
        self._net.reg = self._reg(rows)
        n_rows, start = rows.total_weight(), perf_counter()
        rows = self._in_order_of_content(rows)
        log, reason = self._log(task.n_epochs), None

        def after_iteration(loss):
            nonlocal start, reason
            task.begin_epoch()
            is_over = self._record(
                loss, validation, n_rows=n_rows, rate=nan, start=start
            )
            log.epoch(self._history[-1])
            if is_over and validation is not None:  # otherwise, SciPy decides
                reason = self._want_of_improvement
            if task.end_epoch(self._snapshot):
                reason = ASKED_FOR
            start = perf_counter()
            return reason is not None

        with self._best_epoch_restored(validation):
            converged = train_lbfgs(
                self._net,
                rows.X,
                self._net.as_targets(rows.target, n_rows=rows.X.shape[0]),
                rows.mean_weight(),
                max_iter=task.n_epochs,
                max_fun=self.max_fun,
                tol=self.tol,
                after_iteration=after_iteration,
            )
        if converged and reason is None:
            reason = (
                f"no element of the gradient is above tol={self.tol:g}, or the loss "
                f"falls no further"
            )
        self._log_the_end(log, validation, reason)
        return converged

    def _in_order_of_content(self, rows):
        """Return rows such that neither their order nor weights for copies show."""
        weight = np.ones(rows.X.shape[0]) if rows.weight is None else rows.weight
        order, _ = order_by_content(rows.X, rows.target, weight)
        counts = weight[order].astype(int)
        if (counts == weight[order]).all():
            return rows.take(np.repeat(order, counts), weight=None)
        if self.normalization == "batch":
            raise ValueError(
                "sample_weight must be whole numbers, with a total from the number of "
                "rows to eight times it, for solver='lbfgs' with normalization='batch'."
            )
        return rows.take(order)

    @contextmanager
    def _best_epoch_restored(self, validation):
        """Go back to the best epoch in the end, by validation, or when interrupted."""
        self._best_vector = None
        try:
            yield
        except KeyboardInterrupt:
            self._restore_best_epoch()
            raise
        if validation is not None:
            self._restore_best_epoch()

    def _restore_best_epoch(self):
        if self._best_vector is not None:  # there was none better than in earlier calls
            self._net.params.vector[...] = self._best_vector
            self.loss_ = self._history[self.best_iteration_ - 1].loss

    def _record(self, loss, validation, *, n_rows, rate, start):
        """Note an epoch; return whether there was no improvement for too long."""
        validated = validation is not None
        validation_loss = validation_score = nan
        now = (-loss, -loss)
        if validated:
            validation_loss, validation_score = validation.evaluate(self)
            now = (validation_score, -validation_loss)
        seconds = perf_counter() - start
        epoch = Epoch(
            self.n_iter_ + 1, loss, validation_loss, validation_score, rate, seconds
        )
        # A few rows can have the same accuracy for many epochs, or almost the same
        # where some of them weigh next to nothing: the loss decides then.
        best = self._best[validated]
        tied = now[0] == best[0] or abs(now[0] - best[0]) < self.tol
        improved = now[tied] >= best[tied] + self.tol
        without = 0 if improved else self._epochs_without + 1
        noted = {
            "n_iter_": epoch.epoch,
            "t_": self.t_ + n_rows,
            "loss_": loss,
            "_history": self._history.with_epoch(epoch),
            "_epochs_without": without,
        }
        if now[tied] > best[tied]:
            noted["_best"] = self._best | {validated: (max(now[0], best[0]), now[1])}
            if validated or self.best_validation_score_ is None:
                noted["best_iteration_"] = epoch.epoch
                noted["_best_vector"] = self._net.params.vector.copy()
        # All at once: wherever Ctrl-C falls, the attributes are of the same epoch.
        vars(self).update(noted)
        return without >= self.n_iter_no_change

    # Validation

    def _read_to_validate(self, X_val, y_val, sample_weight_val):
        """Return the rows to validate on where the user gave them."""
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val needs X_val and y_val.")
            return None
        if X_val is None or y_val is None:
            missing = "X_val" if X_val is None else "y_val"
            raise ValueError(f"X_val and y_val go together: {missing} is missing.")
        if not self.early_stopping:
            raise ValueError(
                "X_val and y_val are for early stopping: set early_stopping=True, or "
                "leave them out."
            )
        if "validation_fraction" in set_parameters(self):
            warn(
                f"validation_fraction={self.validation_fraction!r} has no effect: "
                f"X_val and y_val are given."
            )
        try:
            X, y, weight, number = _of_positive_weight(
                *self._validated(X_val, y_val, sample_weight_val, reset=False)
            )
            target = self._target_of(y)
        except (TypeError, ValueError) as error:
            raise type(error)(f"X_val, y_val, sample_weight_val: {error}") from error
        return Rows(X, y, target, weight, self._costs(y), number)

    def _split(self, rows, X, y):
        """Return the rows to train on, and those to validate on."""
        fraction = self.validation_fraction
        if hasattr(fraction, "split"):
            return self._split_by(fraction, rows, X, y)
        trained, validated, weight = holdout(
            rows.X,
            rows.target,
            rows.repeated().weight,
            fraction=fraction,
            classes=self._strata(rows.target),
            at_least=self._fewest_validated,
            # The same rows again where training goes on with the same data.
            rng=np.random.default_rng([self._seed, 1]),
        )
        return rows.take(trained), rows.take(validated, weight=weight)

    def _split_by(self, splitter, rows, X, y):
        """Return the rows that a splitter trains and validates on first."""
        given = np.arange(X.shape[0] if hasattr(X, "shape") else len(X))
        try:
            # It sees the rows as they were given, those of weight 0, too.
            parts = next(iter(splitter.split(X, y)), ((), ()))
            # Indices or a mask, as scikit-learn's cross-validation takes them.
            trained, validated = (
                given[np.ravel(part)] if len(part) else part for part in parts
            )
        except (IndexError, TypeError, ValueError) as error:
            raise ValueError(f"validation_fraction={splitter!r}: {error}") from error
        parts = []
        for indices in (trained, validated):
            times = np.bincount(indices, minlength=len(given))[rows.number]
            if not times.any():
                raise ValueError(
                    f"validation_fraction={splitter!r} leaves no rows of positive "
                    f"weight to train on or to validate on."
                )
            part = rows.take(times > 0)
            if times.max() > 1:  # as of a bootstrap
                weight = 1.0 if part.weight is None else part.weight
                part = part._replace(weight=weight * times[times > 0])
            parts.append(part)
        return parts

    # Prediction

    def _predicted(self, decode, X):
        """Return what a function makes of the raw scores of rows, some at a time.

        Parameters
        ----------
        decode : callable
            From the scores of every member (k, n, S), of float64, and the dtype of X to
            an array whose first axis is that of the rows.

        X : array-like, sparse matrix or dataframe
            As the user gave it.

        Returns
        -------
        predicted : ndarray
            Of all rows.
        """
        X = rows_asked_about(self, X)

        def of_rows(rows):
            scores = checked_range(
                self._net.member_scores(self._fed(rows)), self._net.dtype
            )
            return decode(scores.astype(np.float64), X.dtype)

        return self._by_chunks(of_rows, X)

    def _output_axes(self, n_scores):
        """Return the lengths of the axes of predictions, beside that of the rows."""
        axes = self.n_outputs_, n_scores // self.n_outputs_
        return [n for n in axes if n > 1]

    @np.errstate(all="ignore")
    def input_gradients(self, X):
        """Return the gradients of a prediction with respect to the features of its row.

        They say which way, and how fast, a small change of each feature moves the
        prediction of a regressor, or the decision function of a classifier: in units of
        y, or log-odds, per unit of X, however they are scaled inside. They are 0 for
        missing values and categorical features.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            The input; not sparse, since its gradients are dense.

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features) or \
                (n_samples, n_scores, n_features)
            In the dtype of X. For regression, those of what ``predict`` returns: an
            axis for several targets, then one for several quantiles, stand before
            that of the features. For classification, those of ``decision_function``:
            for two classes of the log-odds of ``classes_[1]``, otherwise of the score
            of each class or label.

        Raises
        ------
        TypeError
            If X is sparse.

        ValueError
            If X is invalid, or too large to compute with.
        """
        X = rows_asked_about(self, X, accept_sparse=False)
        gradients = checked_range(self._by_chunks(self._gradients, X), self._net.dtype)
        axes = self._output_axes(gradients.shape[1])
        return gradients.reshape(len(X), *axes, X.shape[1]).astype(X.dtype)

    def _gradients(self, X):
        """Return the gradients of all that is predicted of rows, in float64."""
        encoded = self._fed(X)
        gradients = self._net.input_gradients(encoded).astype(np.float64)
        gradients = self._features.pulled_back(X, gradients)
        return self._answer_gradients(encoded, gradients)

    def _answer_gradients(self, encoded, gradients):
        """Return the gradients of what is predicted, given those of the scores."""
        return gradients


class Validation:
    """Rows that are not trained on, and how they are scored.

    Parameters
    ----------
    estimator : _BaseFCNet
        Whose ``scoring`` it is.

    rows : Rows
        To validate on.
    """

    def __init__(self, estimator, rows):
        try:
            self._encoded = estimator._encoded_rows(rows.X)
            self._target = estimator._scaled(rows.target)
        except ValueError as error:
            raise ValueError(f"The rows to validate on: {error}") from error
        self._X, self._y = rows.X, rows.y
        self._weight = rows.mean_weight()
        if rows.cost is not None and not rows.cost.any():
            raise ValueError(
                "class_weight must not be zero for every row to validate on."
            )
        scoring = estimator.scoring
        fewest = estimator._fewest_validated
        if scoring is None and rows.X.shape[0] < fewest:
            raise ValueError(
                f"The validation score needs at least {fewest} rows, got "
                f"{rows.X.shape[0]}: validate on more rows, or set scoring='loss'."
            )
        self._scorer = None
        if scoring not in (None, "loss"):
            self._scorer = check_scoring(estimator, scoring)

    @np.errstate(all="ignore")
    def evaluate(self, estimator):
        """Return the loss and the score of an estimator as it is now."""
        net, epoch = estimator._net, estimator.n_iter_ + 1
        scores = net.scores(self._encoded).astype(np.float64)
        loss, _ = net.objective.function(scores, self._target, weight=self._weight)
        if not isfinite(loss):
            raise DivergenceError(f"the validation loss became {loss} in epoch {epoch}")
        if estimator.scoring == "loss":
            score = -loss
        elif self._scorer is None:
            answers = estimator._answers(scores)
            score = estimator._default_score(self._y, answers, self._weight, loss)
        else:
            score = self._score(estimator)
        if not isinstance(score, Real):
            raise ValueError(f"scoring must return a number, got {score!r}.")
        if not isfinite(score):
            raise ValueError(
                f"The validation score became {score} in epoch {epoch}: validate on "
                f"other rows, or choose another scoring."
            )
        return float(loss), float(score)

    def _score(self, estimator):
        # The rows have lost the names of their columns, and of their levels.
        nameless = copy.copy(estimator)
        nameless._columns = None
        vars(nameless).pop("feature_names_in_", None)
        X, y = self._X, self._y
        if self._weight is None:
            return self._scorer(nameless, X, y)
        try:
            return self._scorer(nameless, X, y, sample_weight=self._weight)
        except TypeError as error:
            raise ValueError(
                f"scoring={estimator.scoring!r} must take sample_weight where there "
                f"are weights: {error}"
            ) from error


partial_fit_is_available = available_if(_is_stochastic)
"""For ``partial_fit``, which there is none of where training takes all rows at once."""
