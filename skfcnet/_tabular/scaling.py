"""Scaling of numeric columns.

Numbers are halved before they are subtracted from each other: the difference of two
halves is always finite, and a ratio of differences stays the same. What is learned are
therefore half the centre and half the scale of a column.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import NamedTuple

import numpy as np

from skfcnet._engine.numeric import checked_range
from skfcnet._engine.statistics import distinct, quantiles
from skfcnet._tabular.chunks import columns_of
from skfcnet._tabular.location_scale import (
    mean_and_deviation,
    median_and_interquartile_range,
    vary,
    with_earlier_constant,
)

SMALLEST_NORMAL = np.finfo(np.float64).tiny
"""The smallest number whose inverse is certainly finite."""

LIMIT = 3.0
"""Scaled numbers are smoothly clipped to this size."""

N_VALUES = 64
"""So many values stand for all those of a column."""

CLIP_LIMIT = 1e9
"""Scaled numbers are clipped to this size first, so that their squares are finite."""


# How scaled numbers are bounded, and the derivative of that


def smooth_clip(x, *, out):
    """Write x / sqrt(1 + (x / 3)^2): close to x near 0, and never beyond 3."""
    np.clip(x, -CLIP_LIMIT, CLIP_LIMIT, out=out)
    norm = out * out
    norm /= LIMIT**2
    norm += 1
    out /= np.sqrt(norm, out=norm)
    np.clip(out, -LIMIT, LIMIT, out=out)  # it may be beyond by rounding


def smooth_clip_slope(x):
    """Return the derivative, (1 + (x / 3)^2)^(-3/2)."""
    return (1 + (np.clip(x, -CLIP_LIMIT, CLIP_LIMIT) / LIMIT) ** 2) ** -1.5


def unbounded(x, *, out):
    """Write x as it is; refuse numbers that are too large for the dtype of out."""
    np.copyto(out, x, casting="same_kind")
    checked_range(out[~np.isnan(x)], out.dtype)


def unbounded_slope(x):
    """Return 1 for each number."""
    return np.ones_like(x)


class Scaling(NamedTuple):
    """The declaration of a scaling.

    Parameters
    ----------
    fit : callable or None
        One of the functions of `skfcnet._tabular.location_scale`, which returns the
        centre and the scale of a column; None: columns stay as they are.

    bound : callable
        Called with the scaled numbers x and the array ``out`` to write them to.

    slope : callable
        Called with the scaled numbers x; returns the derivative of ``bound``.

    limit : float
        The limit of the smooth clip of ``bound``; infinity if there is none.
    """

    fit: Callable | None
    bound: Callable
    slope: Callable
    limit: float


SCALINGS = {
    "robust": Scaling(
        median_and_interquartile_range, smooth_clip, smooth_clip_slope, LIMIT
    ),
    "standard": Scaling(mean_and_deviation, unbounded, unbounded_slope, np.inf),
    None: Scaling(None, unbounded, unbounded_slope, np.inf),
}
"""Every ``input_scaling``, by its name."""


class Scaler:
    """Scaler of numeric columns: ``bound((x - center) / scale)``.

    Missing values (NaN) are ignored when the scaler is fitted, and stay missing.

    Parameters
    ----------
    scaling : {'robust', 'standard', None}
        A key of `SCALINGS`. 'robust' is that of RealMLP [1]_: median, interquartile
        range, and a smooth clip to (-3, 3).

    Attributes
    ----------
    half_center : ndarray of shape (D,)
        Half the centre of each column.

    factor : ndarray of shape (D,)
        One over half the scale of each column; 0 for constant columns.

    is_known : ndarray of bool, shape (D,)
        Which columns have a centre: those with at least one value that is not missing.

    values : ndarray of shape (N_VALUES, D)
        What stands for the values of each column: the lowest, the highest, and
        quantiles between them; then NaN, as often as values are missing.

    width : int
        Number of columns.

    References
    ----------
    .. [1] Holzmüller, D., Grinsztajn, L., Steinwart, I., "Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.scaling import Scaler
    >>> X = np.array([[1.0], [2.0], [3.0], [4.0], [1e300]])
    >>> Scaler("robust").fit(X, np.ones(5)).transform(X).ravel().round(2)
    array([-0.95, -0.49,  0.  ,  0.49,  3.  ])
    """

    def __init__(self, scaling):
        self.scaling = scaling

    def fit(self, X, weight):
        """Learn the centre and the scale of each column.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Finite numbers, or NaN.

        weight : ndarray of shape (N,)
            The weight of each row, from `skfcnet._engine.statistics.exact_weights`.

        Returns
        -------
        self : Scaler
            The fitted scaler.
        """
        self.half_center, self.factor = np.zeros((2, X.shape[1]))
        self.is_known = np.zeros(X.shape[1], bool)
        self.values = np.full((N_VALUES, X.shape[1]), np.nan)
        for j, column in enumerate(columns_of(X)):
            self._learn(j, column, weight)
        return self

    def updated(self, X, weight):
        """Return a scaler that has also learned the columns that were constant so far.

        Such a column is learned as in `fit` from the first rows in which it varies. If
        these rows are all alike, and only differ from those before, it is learned from
        both. All other columns keep their centre and scale.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            More rows of finite numbers, or NaN.

        weight : ndarray of shape (N,)
            The weight of each row, from `skfcnet._engine.statistics.exact_weights`.

        Returns
        -------
        scaler : Scaler
            A new scaler; this one does not change.
        """
        scaler = deepcopy(self)
        for j, column in enumerate(columns_of(X)):
            if self._can_learn(j, column):
                scaler._learn(j, column, weight)
        return scaler

    def _can_learn(self, j, column):
        """Return whether a column has no scale yet, but can learn from more rows."""
        if self.factor[j]:
            return False
        low, high = 0.5 * np.fmin.reduce(column), 0.5 * np.fmax.reduce(column)
        if not self.is_known[j]:
            return not np.isnan(low)
        constant = self.half_center[j]
        return vary(np.fmin(low, constant), np.fmax(high, constant))

    def _learn(self, j, column, weight):
        is_present = ~np.isnan(column)
        if not is_present.any():
            return
        fit = SCALINGS[self.scaling].fit
        halves, counts = 0.5 * column[is_present].astype(np.float64), weight[is_present]
        n_values = max(2, int(N_VALUES * counts.sum() / weight.sum()))
        if self.is_known[j]:
            constant = self.half_center[j]
            halves, counts = with_earlier_constant(halves, counts, constant)
        halves, counts = distinct(halves, counts)
        levels = np.linspace(0, 1, n_values)
        self.values[:n_values, j] = 2 * quantiles(halves, counts, levels)
        half_center, half_scale = fit(halves, counts) if fit else (0.0, 0.5)
        self.half_center[j] = half_center
        self.factor[j] = (half_scale > 0) / np.maximum(half_scale, SMALLEST_NORMAL)
        self.is_known[j] = True

    @property
    def width(self):
        """Number of columns."""
        return len(self.half_center)

    @np.errstate(over="ignore", under="ignore")
    def transform(self, X, *, out=None):
        """Scale rows.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Finite numbers, or NaN.

        out : ndarray of shape (N, D), default=None
            Array to write to, of a floating dtype; None: a new one, of float64.

        Returns
        -------
        out : ndarray of shape (N, D)
            The scaled rows.

        Raises
        ------
        ValueError
            If scaled numbers are too large for the dtype. With 'robust', none are.
        """
        out = np.empty(X.shape) if out is None else out
        SCALINGS[self.scaling].bound(self.without_bound(X), out=out)
        return out

    @np.errstate(over="ignore", under="ignore")
    def slopes(self, X):
        """Return the derivative of each scaled number with respect to the number.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Finite numbers, or NaN.

        Returns
        -------
        slopes : ndarray of float64, shape (N, D)
            The derivatives.
        """
        slope = SCALINGS[self.scaling].slope
        return slope(self.without_bound(X)) * (0.5 * self.factor)

    @np.errstate(over="ignore", under="ignore")
    def without_bound(self, X):
        """Return scaled rows that are not bounded: ``(X - center) / scale``.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Finite numbers, or NaN.

        Returns
        -------
        scaled : ndarray of float64, shape (N, D)
            The scaled rows, which may be infinite.
        """
        scaled = 0.5 * X - self.half_center
        scaled *= self.factor
        return scaled
