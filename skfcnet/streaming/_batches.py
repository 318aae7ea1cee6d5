"""Batches, checked and split into rows, targets and weights."""

from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.validation import check_non_negative

from skfcnet._estimators.target_checks import refuse_missing
from skfcnet._tabular.tables import (
    as_table,
    column_names,
    has_categorical_dtype,
    is_frame,
    numeric_columns,
    refuse_dates,
    refuse_masks,
)
from skfcnet.streaming._sources import opener


class Batch(NamedTuple):
    """A batch of rows.

    Parameters
    ----------
    number : int
        The number of the batch, from 1 on.

    start : int
        The number of rows in the batches before it.

    X : ndarray or DataFrame of shape (n, D)
        The rows.

    y : ndarray of shape (n,) or (n, K)
        The targets.

    weight : ndarray of shape (n,) or None
        The sample weights, none of which is negative.
    """

    number: int
    start: int
    X: object
    y: object
    weight: object

    @property
    def n_rows(self):
        """The number of rows."""
        return len(self.y)

    @property
    def has_weight(self):
        """Which rows have a positive weight."""
        is_weighted = self.weight is not None
        return self.weight > 0 if is_weighted else np.ones(self.n_rows, bool)

    @contextmanager
    def named_in_errors(self):
        """Let errors about the data say which batch they are in."""
        last = self.start + self.n_rows - 1
        with _named_in_errors(f"Batch {self.number} (rows {self.start} to {last})"):
            yield


@contextmanager
def _named_in_errors(name):
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name}: {error}") from error


class BatchStream:
    """Batches that can be read several times.

    Parameters
    ----------
    data : object
        The data, as `skfcnet.streaming.fit` takes them.

    target : str, list of str or None
        The name of the column of the targets, or the names of several.

    sample_weight : str or None
        The name of the column of sample weights.
    """

    def __init__(self, data, *, target=None, sample_weight=None):
        self._open = opener(data)
        self._target = target
        self._sample_weight = sample_weight

    def __iter__(self):
        """Yield every `Batch` that has rows.

        Raises
        ------
        RuntimeError
            If a batch cannot be read.

        TypeError, ValueError
            If a batch is not as it must be, or differs from the first one.
        """
        start, first = 0, None
        for number, given in self._numbered():
            with _named_in_errors(f"Batch {number} (from row {start} on)"):
                X, y, weight = self._split(given)
                if len(y) == 0:
                    continue
                check_consistent_length(X, y, weight)
                if weight is not None:
                    weight = column_or_1d(weight, dtype=np.float64)
                    assert_all_finite(weight, input_name="sample_weight")
                batch = Batch(number, start, _checked_table(X), y, weight)
            with batch.named_in_errors():
                refuse_missing(y, "y")
                if weight is not None:
                    check_non_negative(weight, "sample_weight")
                layout = _Layout.of(batch)
                first = first or layout
                first.check(layout)
            yield batch
            start += batch.n_rows

    def _numbered(self):
        """Yield the number of each batch, and the batch as the user made it."""
        batches = iter(self._open())
        for number in count(1):
            try:
                batch = next(batches)
            except StopIteration:
                return
            except Exception as error:
                raise RuntimeError(
                    f"Batch {number} could not be read, and nothing was trained: "
                    f"{type(error).__name__}: {error}"
                ) from error
            yield number, batch

    def _split(self, batch):
        """Return X, y and the weights of a batch."""
        if isinstance(batch, tuple):
            return self._split_tuple(batch)
        if not is_frame(batch):
            raise TypeError(
                f"a batch must be a data frame that has a column of targets, or a "
                f"tuple (X, y) or (X, y, sample_weight), got a {type(batch).__name__}."
            )
        if self._target is None:
            raise ValueError(
                "set target to the name of the column of targets: the batch is a data "
                "frame."
            )
        names = list(batch.columns)
        targets = self._target if isinstance(self._target, list) else [self._target]
        weights = [] if self._sample_weight is None else [self._sample_weight]
        for parameter, wanted in (("target", targets), ("sample_weight", weights)):
            if missing := [name for name in wanted if name not in names]:
                raise ValueError(
                    f"{parameter} names {missing}, but the columns are {names}."
                )
        features = [name for name in names if name not in {*targets, *weights}]
        if not features:
            raise ValueError(f"there are no features besides {targets + weights}.")
        weight = batch[weights[0]] if weights else None
        return batch[features], _as_array(batch[self._target], "y"), _as_weight(weight)

    def _split_tuple(self, batch):
        """Return X, y and the weights of a tuple."""
        for name in ("target", "sample_weight"):
            if getattr(self, f"_{name}") is not None:
                raise ValueError(
                    f"{name} names a column of data frames, but the batch is a tuple: "
                    f"leave {name} out, or make the batch a data frame."
                )
        if len(batch) not in (2, 3):
            raise ValueError(
                f"a tuple must be (X, y) or (X, y, sample_weight), got {len(batch)} "
                f"items."
            )
        X, y, *weights = batch
        y = y.toarray() if issparse(y) else _as_array(y, "y")
        if y.ndim == 0:
            raise ValueError("y must be an array with one entry for each row.")
        return X, y, _as_weight(weights[0] if weights else None)


def _as_array(a, name):
    """Return targets or weights as an array, unless numbers would be lost."""
    refuse_masks(a, name)
    array = np.asarray(a)
    if array.dtype.kind == "c":
        raise ValueError(f"{name} contains complex numbers: pass real ones.")
    return array


def _as_weight(weight):
    if weight is None:
        return None
    refuse_dates(weight, "sample_weight")
    return _as_array(weight, "sample_weight")


def _checked_table(X):
    """Return X as a dense table."""
    table = as_table(X)
    if issparse(table):
        raise TypeError(
            "X is sparse, which streams cannot be: make it dense, or train on sparse "
            "batches by partial_fit."
        )
    return table


class _Layout(NamedTuple):
    """What all batches must have in common."""

    names: list
    kinds: list
    n_targets: int
    kind_of_target: str
    has_weight: bool

    @classmethod
    def of(cls, batch):
        """Return the layout of a batch."""
        is_numeric = numeric_columns(batch.X)
        if is_frame(batch.X):
            kinds = [
                _kind_of_column(batch.X, j, own) for j, own in enumerate(is_numeric)
            ]
        else:
            width = batch.X.shape[1]
            kinds = ["numbers" if is_numeric.all() else "objects"] * width
        n_targets = 1 if batch.y.ndim == 1 else batch.y.shape[1]
        return cls(
            names=column_names(batch.X).tolist(),
            kinds=kinds,
            n_targets=n_targets,
            kind_of_target="numbers" if batch.y.dtype.kind in "biuf" else "objects",
            has_weight=batch.weight is not None,
        )

    def check(self, other):
        """Raise an error if the layout of a later batch is not that of the first."""
        if other.names != self.names:
            raise ValueError(
                f"the columns are {other.names}, but those of the first batch are "
                f"{self.names}: give every batch the same columns, in the same order."
            )
        for name, kind, first in zip(self.names, other.kinds, self.kinds, strict=True):
            if kind != first:
                raise ValueError(
                    f"the column {name!r} holds {kind}, but {first} in the first "
                    f"batch: give it the same dtype in every batch."
                )
        if other.n_targets != self.n_targets:
            raise ValueError(
                f"there are {other.n_targets} targets, but {self.n_targets} in the "
                f"first batch."
            )
        if other.kind_of_target != self.kind_of_target:
            raise ValueError(
                f"the targets are {other.kind_of_target}, but {self.kind_of_target} in "
                f"the first batch: give them the same dtype in every batch."
            )
        if other.has_weight != self.has_weight:
            raise ValueError(
                "either every batch must have sample weights, or none: fill in ones."
            )


def _kind_of_column(frame, j, is_numeric):
    if is_numeric:
        return "numbers"
    return "categories" if has_categorical_dtype(frame, j) else "text or objects"
