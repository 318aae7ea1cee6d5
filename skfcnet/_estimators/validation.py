"""The validation set: its rows, and how an estimator is scored on them."""

import copy
from math import isfinite
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics import check_scoring

from skfcnet._engine.warn import warn
from skfcnet._estimators.holdout import split_by_fraction, split_by_splitter
from skfcnet._estimators.unused_parameters import parameters_set_by_user
from skfcnet.solver import DivergenceError


def read_validation_set(draft, X_val, y_val, sample_weight_val):
    """Check the validation set that the user passed and return its rows, or None."""
    if X_val is None and y_val is None:
        if sample_weight_val is not None:
            raise ValueError("sample_weight_val needs X_val and y_val.")
        return None
    if X_val is None or y_val is None:
        missing = "X_val" if X_val is None else "y_val"
        raise ValueError(f"X_val and y_val go together, but {missing} is missing.")
    if not draft.early_stopping:
        raise ValueError(
            "X_val and y_val are only used for early stopping: set "
            "early_stopping=True, or do not pass them."
        )
    if "validation_fraction" in parameters_set_by_user(draft):
        warn(
            f"validation_fraction={draft.validation_fraction!r} has no effect: X_val "
            f"and y_val are passed."
        )
    try:
        return draft._read_rows(X_val, y_val, sample_weight_val)
    except (TypeError, ValueError) as error:
        raise type(error)(f"X_val, y_val, sample_weight_val: {error}") from error


def split_validation_set(draft, rows, X, y, validation_fraction):
    """Split the rows into a training set and a validation set.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    rows : Rows
        The rows of positive weight.

    X, y : array-like
        The data as the user passed them, for a cross-validation splitter.

    validation_fraction : float or cross-validation splitter
        The share of the rows that the validation set gets, or what splits them.

    Returns
    -------
    training, validation : Rows
        The rows of the two sets.
    """
    if hasattr(validation_fraction, "split"):
        return split_by_splitter(validation_fraction, rows, X, y)
    training, validation, weight = split_by_fraction(
        rows.X,
        rows.target,
        rows.with_repetition_counts().weight,
        fraction=validation_fraction,
        classes=draft._target.strata(rows.target),
        min_groups=draft._target.min_validation_rows,
        # The split is the same whenever training continues with the same data.
        rng=np.random.default_rng([draft._training.seed, 1]),
    )
    return rows.select(training), rows.select(validation, weight=weight)


class ValidationSet:
    """Validation set, on which an estimator is scored after every epoch.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained. Its encoder and its target are fitted already.

    rows : Rows
        The rows of the validation set.
    """

    def __init__(self, draft, rows):
        try:
            self._encoded = draft._encode(rows.X)
            self._target = draft._target.transform(rows.target, draft._compute_dtype)
        except ValueError as error:
            raise ValueError(f"In the validation set: {error}") from error
        self._y = rows.y
        self._weight = rows.normalized_weight()
        if rows.cost is not None and not rows.cost.any():
            raise ValueError(
                "class_weight must not be zero for all rows of the validation set."
            )
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

    def evaluate(self, draft):
        """Return the loss and the score of the present state of an estimator."""
        net, epoch = draft._net, draft._training.n_epochs + 1
        scores = net.scores(self._encoded).astype(np.float64)
        objective = net.objective
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
        return float(loss), float(score)

    def _score(self, draft):
        """Return the score that the scorer of the user computes."""
        # The scorer passes on the array that was read from X_val, which has numbers for
        # categories, and no feature names.
        estimator = copy.copy(draft)
        estimator._encoder = copy.copy(draft._encoder)
        estimator._encoder.reader = None
        vars(estimator).pop("feature_names_in_", None)
        X, y = self._X, self._y
        if self._weight is None:
            return self._scorer(estimator, X, y)
        try:
            return self._scorer(estimator, X, y, sample_weight=self._weight)
        except TypeError as error:
            raise ValueError(
                f"scoring={draft.scoring!r} must accept sample_weight if there are "
                f"weights: {error}"
            ) from error
