"""The validation set: where its rows come from, and how it scores an estimator."""

import copy
from math import isfinite
from numbers import Real

import numpy as np
from sklearn.metrics import check_scoring

from skfcnet._engine.warn import warn
from skfcnet._estimators.holdout import split_by, split_fraction
from skfcnet._estimators.unused_parameters import parameters_set_by_user
from skfcnet.solver import DivergenceError


def read_validation_set(draft, X_val, y_val, sample_weight_val):
    """Return the validation rows that the user passed to `fit`, checked; or None."""
    if X_val is None and y_val is None:
        if sample_weight_val is not None:
            raise ValueError("sample_weight_val needs X_val and y_val.")
        return None
    if X_val is None or y_val is None:
        missing = "X_val" if X_val is None else "y_val"
        raise ValueError(f"X_val and y_val go together: {missing} is missing.")
    if not draft.early_stopping:
        raise ValueError(
            "X_val and y_val are for early stopping: set early_stopping=True, or leave "
            "them out."
        )
    if "validation_fraction" in parameters_set_by_user(draft):
        warn(
            f"validation_fraction={draft.validation_fraction!r} has no effect: X_val "
            f"and y_val are given."
        )
    try:
        return draft._read_rows(X_val, y_val, sample_weight_val)
    except (TypeError, ValueError) as error:
        raise type(error)(f"X_val, y_val, sample_weight_val: {error}") from error


def split_validation_set(draft, rows, X, y):
    """Return the rows to train on and the rows to validate on.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    rows : Rows
        The rows of positive weight.

    X, y : array-like
        The data as the user passed them, which a splitter sees.

    Returns
    -------
    trained, validated : Rows
        The two parts.
    """
    if hasattr(draft.validation_fraction, "split"):
        return split_by(draft.validation_fraction, rows, X, y)
    trained, validated, weight = split_fraction(
        rows.X,
        rows.target,
        rows.repeated().weight,
        fraction=draft.validation_fraction,
        classes=draft._target.strata(rows.target),
        at_least=draft._target.min_validation_rows,
        # The rows are the same where training goes on with the same data.
        rng=np.random.default_rng([draft._training.seed, 1]),
    )
    return rows.take(trained), rows.take(validated, weight=weight)


class ValidationSet:
    """Rows that are not trained on, and how an estimator is scored on them.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained. Its encoder and target are fitted.

    rows : Rows
        The rows to validate on.
    """

    def __init__(self, draft, rows):
        try:
            self._encoded = draft._encode(rows.X)
            self._target = draft._target.transform(rows.target, draft._compute_dtype)
        except ValueError as error:
            raise ValueError(f"The rows to validate on: {error}") from error
        self._X, self._y = rows.X, rows.y
        self._weight = rows.mean_weight()
        if rows.cost is not None and not rows.cost.any():
            raise ValueError(
                "class_weight must not be zero for every row to validate on."
            )
        fewest = draft._target.min_validation_rows
        if draft.scoring is None and rows.n_rows < fewest:
            raise ValueError(
                f"The validation score needs at least {fewest} rows, got "
                f"{rows.n_rows}: validate on more rows, or set scoring='loss'."
            )
        self._scorer = None
        if draft.scoring not in (None, "loss"):
            self._scorer = check_scoring(draft, draft.scoring)

    def evaluate(self, draft):
        """Return the loss and the score of an estimator in its present state."""
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
                f"The validation score became {score} in epoch {epoch}: validate on "
                f"other rows, or choose another scoring."
            )
        return float(loss), float(score)

    def _score(self, draft):
        """Return what the scorer of the user makes of the rows."""
        # The rows are an array of numbers, without the names of columns and categories.
        nameless = copy.copy(draft)
        nameless._encoder = copy.copy(draft._encoder)
        nameless._encoder.reader = None
        vars(nameless).pop("feature_names_in_", None)
        X, y = self._X, self._y
        if self._weight is None:
            return self._scorer(nameless, X, y)
        try:
            return self._scorer(nameless, X, y, sample_weight=self._weight)
        except TypeError as error:
            raise ValueError(
                f"scoring={draft.scoring!r} must take sample_weight where there are "
                f"weights: {error}"
            ) from error
