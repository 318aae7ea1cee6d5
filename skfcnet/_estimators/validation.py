"""The validation set: its rows, and how an estimator is scored on them.

There is one validation set for all members, or a fold of the rows for each of them.
"""

import copy
from contextlib import contextmanager
from math import isfinite
from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics import check_scoring

from skfcnet._engine.members import ensemble_of_members, vector_of_members
from skfcnet._engine.warn import warn
from skfcnet._estimators.automatic import cross_fitted_members, stops_early
from skfcnet._estimators.checks import validate_groups
from skfcnet._estimators.holdout import (
    TooFewRowsError,
    folds_by_content,
    repeated_weight,
    split_by_fraction,
    splits_by_splitter,
)
from skfcnet._estimators.holdout_groups import (
    folds_of_groups,
    split_groups_by_fraction,
)
from skfcnet._estimators.optimization import has_jobs
from skfcnet._estimators.unused_parameters import parameters_set_by_user
from skfcnet._tabular.row_selection import RowSelection
from skfcnet._tabular.tables import as_table
from skfcnet.solver import DivergenceError

MIN_TRAINING_SHARE = 1e-30
"""The minimum share of the total weight that a member is trained on. For a smaller
share, the factor that makes up for it would overflow."""


def read_validation_set(draft, X_val, y_val, sample_weight_val):
    """Check the validation set that the user passed and return its rows, or None."""
    if X_val is None and y_val is None:
        if sample_weight_val is not None:
            raise ValueError("sample_weight_val needs X_val and y_val.")
        return None
    if X_val is None or y_val is None:
        missing = "X_val" if X_val is None else "y_val"
        raise ValueError(f"X_val and y_val go together, but {missing} is missing.")
    if not stops_early(draft):
        raise ValueError(
            "X_val and y_val are only used for early stopping: set "
            "early_stopping=True, or do not pass them."
        )
    if "validation_fraction" in parameters_set_by_user(draft):
        warn(
            f"validation_fraction={draft.validation_fraction!r} has no effect: X_val "
            f"and y_val are passed."
        )
    if draft.n_jobs not in (None, 1) and has_jobs(draft):
        warn(
            f"n_jobs={draft.n_jobs!r} has no effect: X_val and y_val are passed, on "
            f"which all members are scored together after every epoch."
        )
    try:
        return _with_costs(draft._read_rows(X_val, y_val, sample_weight_val))
    except (TypeError, ValueError) as error:
        raise type(error)(f"X_val, y_val, sample_weight_val: {error}") from error


def read_groups(draft, groups, X, *, is_split):
    """Check the groups that the user passed and return them as an array, or None.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    groups : array-like or None
        The groups as the user passed them.

    X : array-like
        The table as the user passed it.

    is_split : bool
        Whether a part of the rows is going to be held out.

    Returns
    -------
    groups : ndarray or None
        The group of each row, including those of weight 0.
    """
    if groups is None:
        return None
    if not is_split:
        remedy = (
            "pass no X_val and y_val"
            if stops_early(draft)
            else "set early_stopping=True"
        )
        raise ValueError(
            f"groups are only used to hold out rows for early stopping: {remedy}, or "
            f"do not pass groups."
        )
    return validate_groups(groups, as_table(X).shape[0])


def split_validation_set(draft, rows, X, y, groups, validation_fraction):
    """Split the rows into a training set and a validation set.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    rows : Rows
        The rows of positive weight.

    X, y : array-like
        The data as the user passed them, for a cross-validation splitter.

    groups : ndarray or None
        The group of each row that the user passed; None if there are none.

    validation_fraction : float or cross-validation splitter
        The share of the rows that the validation set gets, or what splits them.

    Returns
    -------
    training, validation : Rows
        The rows of the two sets.
    """
    fraction = validation_fraction
    if hasattr(fraction, "split"):
        (split,) = splits_by_splitter(fraction, rows, X, y, groups, n_splits=1)
    else:
        arguments = _arguments_of_split(draft, rows, groups)
        split_by = split_by_fraction if groups is None else split_groups_by_fraction
        split = split_by(**arguments, fraction=fraction)
    weight = repeated_weight(rows.weight, split.counts)
    return rows.select(split.counts > 0, weight=weight), _validation_rows(rows, split)


def split_rows(draft, rows, X, y, groups):
    """Split the rows as `fit` does: for all members together, or for each of them.

    Parameters
    ----------
    draft, rows, X, y, groups : as for `split_validation_set`
        The estimator and the data.

    Returns
    -------
    rows : Rows
        The rows of the training set, or with several members all rows.

    held_out : Rows or list of Rows
        The validation set, or that of each member.
    """
    fraction, n_members = draft.validation_fraction, cross_fitted_members(draft)
    if n_members == 1:
        return split_validation_set(draft, rows, X, y, groups, fraction)
    if hasattr(fraction, "split"):
        splits = splits_by_splitter(fraction, rows, X, y, groups, n_splits=n_members)
    else:
        arguments = _arguments_of_split(draft, rows, groups)
        folds_of = folds_by_content if groups is None else folds_of_groups
        splits = folds_of(**arguments, n_folds=max(2, round(1 / fraction)))
    return _for_members(rows, splits, n_members)


def _for_members(rows, splits, n_members):
    """Return all rows, with the counts of each member, and their validation sets."""
    splits = [splits[m % len(splits)] for m in range(n_members)]
    counts = np.column_stack([split.counts for split in splits])
    _check_training_shares(rows.weight, counts)
    held_out = [_validation_rows(rows, split) for split in splits]
    return rows._replace(member_counts=counts), held_out


def _check_training_shares(weight, counts):
    """Raise an error if a member would be trained on almost no weight."""
    if weight is None:
        return
    weight = weight / weight.max()  # so that no sum overflows
    if (weight @ counts).min() < MIN_TRAINING_SHARE * weight.sum():
        raise TooFewRowsError(
            f"There are too few rows of a similar sample_weight to hold out a "
            f"validation set for each member: a member would be trained on less than "
            f"{MIN_TRAINING_SHARE:g} of the total weight. Pass X_val and y_val, or set "
            f"n_members=1 or early_stopping=False."
        )


def _arguments_of_split(draft, rows, groups):
    return {
        "X": rows.X,
        "y": rows.target,
        "weight": rows.with_repetition_counts().weight,
        "classes": draft._target.strata(rows.target),
        "min_rows": 1 if draft.scoring == "loss" else draft._target.min_validation_rows,
        # The split is the same whenever training continues with the same data.
        "rng": np.random.default_rng([draft._training.seed, 1]),
        **({} if groups is None else {"groups": groups[rows.index]}),
    }


def _validation_rows(rows, split):
    return _with_costs(rows.select(split.validation, weight=split.validation_weight))


def _with_costs(rows):
    """Return the rows of a validation set, some of which have a positive cost."""
    if rows.cost is not None and not rows.normalized_weight().any():
        raise TooFewRowsError(
            "class_weight must not be zero for all rows of the validation set, or for "
            "all but those of negligible sample weight: pass other rows as X_val and "
            "y_val, or set early_stopping=False."
        )
    return rows


def validation_on(draft, held_out, rows, X):
    """Return how a draft is validated.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained. Its encoder and its target are fitted already.

    held_out : Rows or list of Rows
        The rows of the validation set, or those of each member, which are some of the
        rows to train on.

    rows : Rows
        The rows to train on.

    X : ndarray or CSR matrix
        Their encoded features.

    Returns
    -------
    validation : ValidationSet or ValidationFolds
        The validation.
    """
    if isinstance(held_out, list):
        return ValidationFolds(draft, held_out, rows.index).on_rows(X)
    with _named_in_errors():
        encoded = draft._encode(held_out.X)
    return ValidationSet(draft, held_out, encoded)


@contextmanager
def _named_in_errors():
    """Say in errors that it is the validation set which cannot be encoded."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"In the validation set: {error}") from error


class Validated(NamedTuple):
    """The result of validation, of all members together or of one.

    Parameters
    ----------
    loss, score : float
        The validation loss and the validation score.

    vector : ndarray
        The parameters that were validated.
    """

    loss: float
    score: float
    vector: np.ndarray


class ValidationSet:
    """Validation set, on which an estimator is scored after every epoch.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained. Its encoder and its target are fitted already.

    rows : Rows
        The rows of the validation set.

    encoded : ndarray, CSR matrix or RowSelection, or None
        Their encoded features; None if `encoded_as` is going to set them.
    """

    def __init__(self, draft, rows, encoded):
        self._encoded = encoded
        with _named_in_errors():
            self._target = draft._target.transform(rows.target, draft._compute_dtype)
        self._y = rows.y
        self._weight = rows.normalized_weight()
        fewest = draft._target.min_validation_rows
        if draft.scoring is None and rows.n_rows < fewest:
            raise ValueError(
                f"The validation score needs a validation set of at least {fewest} "
                f"rows, got {rows.n_rows}: use a larger one, or set scoring='loss'."
            )
        self._scorer = None
        if draft.scoring not in (None, "loss"):
            self._scorer = check_scoring(draft, draft.scoring)
            self._X = rows.X if issparse(rows.X) else np.asarray(rows.X)

    def encoded_as(self, encoded):
        """Return this validation set with other encoded features, or without any."""
        changed = copy.copy(self)
        changed._encoded = encoded
        return changed

    def arrays(self):
        """Yield all arrays that the results depend on."""
        yield from (self._encoded[:], self._target, self._weight)

    def evaluate(self, draft):
        """Return the result of the present state of an estimator, in a list."""
        net, epoch = draft._net, draft._training.n_epochs + 1
        scores, objective = self._scores(net), net.objective
        loss, _ = objective.function(scores, self._target, weight=self._weight)
        if not isfinite(loss):
            raise DivergenceError(f"the validation loss became {loss} in epoch {epoch}")
        if draft.scoring == "loss":
            score = -loss
        elif self._scorer is None:
            predictions = draft._target.decode(scores, objective)
            score = draft._target.score(self._y, predictions, self._weight, loss)
        else:
            score = self._score(draft)
        if not isinstance(score, Real):
            raise ValueError(f"scoring must return a number, got {score!r}.")
        if not isfinite(score):
            raise ValueError(
                f"The validation score became {score} in epoch {epoch}: use another "
                f"validation set, or set another scoring."
            )
        return [Validated(float(loss), float(score), net.params.vector)]

    def _scores(self, net):
        """Return the scores of the rows, a chunk of which is read at a time."""
        passes, average = net.test_passes(self._encoded.dtype), net.objective.average
        scores = (
            average(passes(self._encoded[rows])).astype(np.float64)
            for rows in passes.chunks_of(self._encoded)
        )
        return np.concatenate([*scores])

    def _score(self, draft):
        """Return the score that the scorer of the user computes."""
        # The scorer passes on the array that was read from X_val, which has numbers for
        # categories, and no feature names.
        estimator = copy.copy(draft)
        estimator._encoder = copy.copy(draft._encoder)
        estimator._encoder.reader = None
        vars(estimator).pop("feature_names_in_", None)
        weights = {} if self._weight is None else {"sample_weight": self._weight}
        try:
            return self._scorer(estimator, self._X, self._y, **weights)
        except (AttributeError, TypeError) as error:
            arguments = ["estimator", "X", "y", *weights]
            raise ValueError(
                f"scoring={draft.scoring!r} must be a scorer for a "
                f"{type(draft).__name__} that accepts {', '.join(arguments)}: {error}"
            ) from error
        except ValueError as error:
            raise ValueError(
                f"scoring={draft.scoring!r} failed on the validation set, which may "
                f"lack a class: {error} Set scoring='loss', or use another validation "
                f"set."
            ) from error


class ValidationFolds:
    """Validation of each member of an ensemble on a fold of its own.

    The folds have no copies of their rows. They are some of the rows to train on, which
    `on_rows` gives them. A job has these rows anyway, so that folds are sent to it
    without them.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained. Its encoder and its target are fitted already.

    held_out : list of Rows
        The validation set of each member.

    index : ndarray of int, shape (N,)
        The ``index`` of the rows to train on, some of which are held out, in ascending
        order.
    """

    def __init__(self, draft, held_out, index):
        self._folds = [np.searchsorted(index, own.index) for own in held_out]
        self._sets = [ValidationSet(draft, own, None) for own in held_out]
        self._networks = None

    def of_members(self, members):
        """Return the validation of members of another network, without the rows."""
        part = copy.copy(self)
        part._folds = [self._folds[m] for m in members]
        part._sets = [self._sets[m].encoded_as(None) for m in members]
        part._networks = None
        return part

    def on_rows(self, X):
        """Return the same validation, on the encoded features to train on."""
        whole = copy.copy(self)
        whole._sets = [
            own.encoded_as(RowSelection(X, fold))
            for own, fold in zip(self._sets, self._folds, strict=True)
        ]
        return whole

    def arrays(self):
        """Yield all arrays that the results depend on."""
        for validation in self._sets:
            yield from validation.arrays()

    def evaluate(self, draft):
        """Return the result of the present state of each member."""
        if len(self._sets) == 1:  # so that the network need not be copied
            return self._sets[0].evaluate(draft)
        net, results = draft._net, []
        if self._networks is None:
            members = range(len(self._sets))
            self._networks = [ensemble_of_members(net, [m]) for m in members]
        parts = zip(self._sets, self._networks, strict=True)
        for m, (validation, network) in enumerate(parts):
            vector = vector_of_members(net.params.vector, net, [m])
            network.params.vector[...] = vector
            member = copy.copy(draft)
            member._net = network
            results += validation.evaluate(member)
        return results
