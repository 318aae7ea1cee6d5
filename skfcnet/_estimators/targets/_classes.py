"""Targets of classification."""

from collections.abc import Set

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets

from skfcnet._engine.statistics import exact_weights
from skfcnet._estimators.target_checks import (
    check_n_outputs,
    refuse_missing,
    sorted_labels,
)
from skfcnet._estimators.targets._class_weights import ClassWeights
from skfcnet._estimators.targets._target import Target

ABSENT_CLASS_DISTANCE = 1e4
"""The distance of the score of a class without rows below all other scores, with which
its probability is 0."""

AUTO_SMOOTHING = 0.005
"""The value of ``label_smoothing="auto"``, unless a class is rare.

In most tables some labels are wrong, however many rows there are. Where hardly any are,
`sharpen_probabilities` makes the probabilities of cross-fitted members more certain.
"""


class ClassTarget(Target):
    """Base class of the targets of classification: one label for every row, or several.

    A class is absent if only rows of weight 0 have it. Its probability is 0.

    Parameters
    ----------
    classes : ndarray or list of ndarray
        The sorted class labels, or the labels of each column of y.

    may_grow : bool
        Whether classes without rows may have rows in a later call.

    Attributes
    ----------
    has_several_columns : bool
        Whether y has several columns, each of which has its own class weights.
    """

    has_several_columns = False
    category = "classification"
    score_name = "accuracy"
    parameters = ("label_smoothing", "class_weight", "dtype")
    loss = "softmax"

    def __init__(self, classes, *, may_grow):
        self.classes = classes
        self._is_absent = None if may_grow else np.ones(self.n_classes, bool)
        self._auto_smoothing = None
        self._class_weights = None

    @property
    def n_classes(self):
        """The number of classes, of all columns of y together."""
        return len(self.classes)

    @property
    def n_outputs(self):
        """The width of the output layer."""
        return self.n_classes

    @property
    def is_absent(self):
        """Which classes only rows of weight 0 have, as a mask; None if there are none.

        While later calls may have rows of other classes, it is None, too.
        """
        return self._is_absent

    def label_columns(self, y):
        """Return the columns of labels of y, each with its classes."""
        return [(y, self.classes)]

    def learn_from_rows(self, y, weight):
        """Learn which classes are absent, and the costs of the classes."""
        columns = self.label_columns(y)
        if self._is_absent is not None:
            # The other kind overflows for large labels in uint64 with NumPy 2.0.
            has_rows = [
                np.isin(classes, column, kind="sort") for column, classes in columns
            ]
            is_absent = self._is_absent & ~np.concatenate(has_rows)
            self._is_absent = is_absent if is_absent.any() else None
        self._class_weights = None
        if self.class_weight is not None:
            self._class_weights = ClassWeights(
                self.class_weight, columns, weight, is_list=self.has_several_columns
            )

    def costs(self, y):
        """Return the costs of the rows by the weights of their classes, or None."""
        if self._class_weights is None:
            return None
        return self._class_weights.costs(self.label_columns(y))

    def strata(self, encoded):
        """Return the class of each row, or None if there are several columns."""
        return None if self.has_several_columns else encoded.ravel()

    def learn_from_training_set(self, rows):
        """Choose the label smoothing of 'auto', in the first call.

        Smoothing adds the same probability to every class, one n-th of it to each of n
        classes. With at most half the share of the rarest class, it makes no class more
        than a quarter more frequent than it is.
        """
        if self._auto_smoothing is None:
            self._auto_smoothing = min(AUTO_SMOOTHING, self._rarest_share(rows) / 2)
        return False

    def _rarest_share(self, rows):
        """Return the share of the rarest class in the total weight of rows."""
        weight = exact_weights(rows.weight, rows.n_rows)
        totals = self._total_weights(rows.target, weight)
        shares = np.append(totals, weight.sum() - totals) / weight.sum()
        return shares[shares > 0].min()

    def _total_weights(self, target, weight):
        """Return the total weight of the rows of each class that has a score."""
        return weight @ target

    def loss_params(self):
        """Return the parameters of the loss by name."""
        is_auto = self.label_smoothing == "auto"
        return {
            "label_smoothing": self._auto_smoothing if is_auto else self.label_smoothing
        }

    def average(self, scores, loss):
        """Return the scores of the mean prediction of the members."""
        averaged = loss.average(scores)
        return averaged if self._is_absent is None else self._without_absent(averaged)

    def _without_absent(self, scores):
        """Return scores with which absent classes have a probability of 0."""
        scores = scores.copy()
        lowest = scores.min(axis=1, keepdims=True)
        scores[:, self._is_absent] = lowest - ABSENT_CLASS_DISTANCE
        return scores

    def score(self, y, predictions, weight, loss_value):
        """Return the accuracy."""
        return accuracy_score(y, predictions, sample_weight=weight)

    # The prediction methods

    def predict(self, scores, loss, dtype):
        """Return the labels of rows."""
        return self.decode(self.average(scores, loss), loss)

    def decision_function(self, scores, loss, dtype):
        """Return the scores of rows."""
        return self.average(scores, loss).astype(dtype)

    def predict_proba(self, scores, loss, dtype):
        """Return the probabilities of the classes, strictly between 0 and 1."""
        p = loss.link.inverse(self.average(scores, loss))
        limits = np.finfo(dtype)
        p = np.clip(
            self._columns_for_all_classes(p, 1 - p).astype(dtype),
            limits.tiny,
            1 - limits.epsneg,
        )
        if self._is_absent is not None:
            p[:, self._is_absent] = 0
        return p

    def predict_log_proba(self, scores, loss, dtype):
        """Return the logarithms of the probabilities."""
        scores = self.average(scores, loss)
        log_p = loss.link.log_inverse(self._columns_for_all_classes(scores, -scores))
        # predict_proba has the same lower limit, so that both rank the classes alike.
        return np.maximum(log_p, np.log(np.finfo(dtype).tiny)).astype(dtype)

    def _columns_for_all_classes(self, columns, complement):
        """Return a column for each class, given a column for each score."""
        return columns

    def split_by_output(self, columns):
        """Return a list with the columns of each output if there are several."""
        return columns

    def format_scores(self, scores):
        """Return scores in the shape in which `decision_function` returns them."""
        return self.split_by_output(scores)


class BinaryTarget(ClassTarget):
    """One of two labels for each row; the score is the log-odds of the second."""

    target_type = "binary"
    loss = "logistic"
    n_outputs = 1

    def encode(self, y):
        """Return a column of zeros and ones."""
        return _class_indices(_one_column(y), self.classes)[:, np.newaxis]

    def decode(self, scores, loss):
        """Return the labels that are more likely than not."""
        return self.classes[loss.link.decide(scores)[:, 0].astype(int)]

    def _without_absent(self, scores):
        is_second = self._is_absent[1]
        distance = -ABSENT_CLASS_DISTANCE if is_second else ABSENT_CLASS_DISTANCE
        return np.full_like(scores, distance)

    def _columns_for_all_classes(self, columns, complement):
        return np.hstack([complement, columns])

    def format_scores(self, scores):
        """Return the log-odds as one number for each row."""
        return scores[:, 0]


class MulticlassTarget(ClassTarget):
    """One of several labels for each row. There may be a single label."""

    target_type = "multiclass"

    def encode(self, y):
        """Return class indices."""
        return _class_indices(_one_column(y), self.classes)

    def decode(self, scores, loss):
        """Return the most likely labels."""
        return self.classes[loss.link.decide(scores)]

    def _total_weights(self, target, weight):
        return np.bincount(target, weight, minlength=self.n_classes)

    def best_constant_scores(self, rows, weight, loss):
        """Return the logarithms of the shares of the classes."""
        totals = self._total_weights(rows.target, weight)
        pairs = np.column_stack([totals.sum() - totals, totals])
        no_and_yes = np.arange(2.0)
        return [np.ravel(loss.constant_scores(no_and_yes, pair)) for pair in pairs]


class MultilabelTarget(ClassTarget):
    """Any number of labels for each row, as columns of zeros and ones."""

    target_type = "multilabel-indicator"
    loss = "logistic"
    has_several_columns = True

    def label_columns(self, y):
        """Return the columns of labels, each with the classes 0 and 1."""
        return [(column, np.arange(2)) for column in y.T]

    def encode(self, y):
        """Return zeros and ones in the dtype of the network."""
        check_n_outputs(y, self.n_outputs)
        if not np.isin(y, (0, 1)).all():
            raise ValueError("Multilabel y must contain only zeros and ones.")
        return y.astype(self.dtype)

    def decode(self, scores, loss):
        """Return zeros and ones."""
        return loss.link.decide(scores).astype(int)


class MulticlassMultioutputTarget(ClassTarget):
    """One of several labels for each row, in each of several columns."""

    target_type = "multiclass-multioutput"
    loss = "softmax_groups"
    has_several_columns = True

    @property
    def widths(self):
        """The number of classes of each column."""
        return [len(classes) for classes in self.classes]

    @property
    def n_classes(self):
        """The number of classes of all columns together."""
        return sum(self.widths)

    def label_columns(self, y):
        """Return the columns of labels, each with its classes."""
        return list(zip(y.T, self.classes, strict=True))

    def encode(self, y):
        """Return the one-hot encoding of all columns, side by side."""
        if y.ndim != 2 or y.shape[1] != len(self.classes):
            raise ValueError(
                f"y must have {len(self.classes)} columns, one for each output, got "
                f"shape {y.shape}."
            )
        one_hot = [
            _class_indices(column, classes, f"y[:, {k}]", f"classes_[{k}]")[:, None]
            == np.arange(len(classes))
            for k, (column, classes) in enumerate(self.label_columns(y))
        ]
        return np.hstack(one_hot).astype(self.dtype)

    def loss_params(self):
        """Return the parameters of the loss by name."""
        return super().loss_params() | {"groups": self.widths}

    def decode(self, scores, loss):
        """Return the most likely labels of each output."""
        outputs = zip(
            self.classes, self.split_by_output(loss.link.decide(scores)), strict=True
        )
        columns = [labels[one_hot.argmax(axis=1)] for labels, one_hot in outputs]
        if len({column.dtype.kind for column in columns}) > 1:
            columns = [column.astype(object) for column in columns]
        return np.column_stack(columns)

    def score(self, y, predictions, weight, loss_value):
        """Return the share of the rows whose labels are all correct."""
        return np.average((y == predictions).all(axis=1), weights=weight)

    def split_by_output(self, columns):
        """Return a list with the columns of each output."""
        return np.split(columns, np.cumsum(self.widths)[:-1], axis=1)


def _one_column(y):
    if y.ndim != 1:
        raise ValueError(f"y must be one-dimensional, got shape {y.shape}.")
    return y


def _class_indices(column, classes, name="y", classes_name="classes_"):
    """Return the index of each label among the classes."""
    try:
        indices = np.searchsorted(classes, column)
        are_known = np.equal(classes.take(indices, mode="clip"), column).all()
    except TypeError:  # numbers cannot be compared with strings
        are_known = False
    if not are_known:
        if column.dtype != object:
            check_classification_targets(column)
        known = set(classes.tolist())
        labels = sorted_labels(column, name).tolist()
        unknown = [label for label in labels if label not in known]
        raise ValueError(
            f"{name} has labels {unknown} that are not in {classes_name}, {classes}."
        )
    return indices


# The classes that the user passes to partial_fit


def sorted_classes(classes):
    """Return the distinct labels, sorted; for several outputs, a list of arrays."""
    outputs = [_as_list(labels) for labels in classes] if np.iterable(classes) else []
    if outputs and all(np.ndim(labels) == 1 for labels in outputs):
        return [_sorted_classes_of_one_output(labels) for labels in outputs]
    return _sorted_classes_of_one_output(_as_list(classes))


def _sorted_classes_of_one_output(labels):
    if np.size(labels) == 0:
        raise ValueError("classes must not be empty: list all labels that y may have.")
    refuse_missing(labels, "classes")
    return sorted_labels(labels, "classes")


def _as_list(labels):
    return list(labels) if isinstance(labels, Set) else labels


def check_classes(classes, known):
    """Raise an error if the classes differ from those of the first call."""
    given = sorted_classes(classes)
    are_lists = isinstance(given, list), isinstance(known, list)
    if all(are_lists):
        agree = len(given) == len(known) and all(map(np.array_equal, given, known))
    else:
        agree = not any(are_lists) and np.array_equal(given, known)
    if not agree:
        raise ValueError(
            f"classes={classes!r} differ from the classes of the first call, {known!r}."
        )
