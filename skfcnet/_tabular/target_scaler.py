"""Scaling of the targets of regression.

As for the input (`skfcnet._tabular.scaling`), differences are those of halves, and what
is learned are half the centre and half the scale of each target.
"""

from copy import deepcopy

import numpy as np

from skfcnet._engine.statistics import distinct, exact_weights
from skfcnet._tabular.location_scale import (
    mean_and_deviation,
    median_and_robust_deviation,
    vary,
    with_earlier_constant,
    zero_and_mean,
)

TARGET_SCALINGS = {
    "standard": mean_and_deviation,
    "quartiles": median_and_robust_deviation,
    "mean": zero_and_mean,
    None: None,
}
"""For every scaling of a target, the function that returns its centre and scale."""


class TargetScaler:
    """Scaler of regression targets, and of predictions back to their units.

    Parameters
    ----------
    scaling : {'standard', 'quartiles', 'mean', None}, default='standard'
        A key of `TARGET_SCALINGS`. 'standard': to a mean of 0 and a standard deviation
        of 1; 'quartiles': to a median of 0 and the interquartile range of a normal
        distribution of deviation 1; 'mean': divided by the mean, not shifted; None:
        not scaled.

    clip : bool, default=False
        Whether predictions are clipped to the range of the targets.

    Attributes
    ----------
    half_center : ndarray of shape (...)
        Half the centre of each target, in the shape of a row of targets.

    half_scale : ndarray of shape (...)
        Half the scale of each target; 0.5 for constant targets.

    is_constant : ndarray of bool, shape (...)
        Which targets have been constant so far. Predictions of them are that constant.

    low, high : ndarray of shape (...)
        The range of each target.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.target_scaler import TargetScaler
    >>> y = np.array([10.0, 30.0])
    >>> scaler = TargetScaler(clip=True).fit(y)
    >>> scaler.transform(y)
    array([-1.,  1.])
    >>> scaler.inverse_transform(np.array([0.5, 7.0]))
    array([25., 30.])
    """

    def __init__(self, *, scaling="standard", clip=False):
        self.scaling = scaling
        self.clip = clip

    def fit(self, y, weight=None):
        """Learn the centre, the scale and the range of each target.

        Parameters
        ----------
        y : ndarray of shape (N, ...)
            Finite targets.

        weight : ndarray of shape (N,), default=None
            Positive weights; None: each row has a weight of 1.

        Returns
        -------
        self : TargetScaler
            The fitted scaler.
        """
        weight = exact_weights(weight, len(y))
        halves = 0.5 * y.reshape(len(y), -1).astype(np.float64)
        of_targets = [self._center_and_scale(column, weight) for column in halves.T]
        self.half_center, self.half_scale = (
            numbers.reshape(y.shape[1:]) for numbers in np.transpose(of_targets)
        )
        self.low, self.high = y.min(axis=0), y.max(axis=0)
        self.is_constant = self.low == self.high
        return self

    def _center_and_scale(self, values, weight):
        """Return the centre and the scale of values; the scale of constants is 0.5."""
        center_and_scale = TARGET_SCALINGS[self.scaling]
        if center_and_scale is None:
            return 0.0, 0.5
        center, scale = center_and_scale(*distinct(values, weight))
        return center, scale if scale > 0 else 0.5

    def updated(self, y, weight=None):
        """Return a scaler that has learned the range of more targets, too.

        Targets that were constant so far are learned as in `fit` from the first rows in
        which they vary; if these are all alike, and only differ from those before, from
        both. All other targets keep their centre and scale.

        Parameters
        ----------
        y : ndarray of shape (N, ...)
            Finite targets.

        weight : ndarray of shape (N,), default=None
            Positive weights; None: each row has a weight of 1.

        Returns
        -------
        scaler : TargetScaler
            A new scaler; this one does not change.
        """
        scaler = deepcopy(self)
        scaler.low = np.minimum(self.low, y.min(axis=0))
        scaler.high = np.maximum(self.high, y.max(axis=0))
        varies_now = self.is_constant & vary(0.5 * scaler.low, 0.5 * scaler.high)
        for j in map(tuple, np.argwhere(varies_now)):
            halves = 0.5 * y[:, *j].astype(np.float64)
            counts = exact_weights(weight, len(y))
            halves, counts = with_earlier_constant(halves, counts, 0.5 * self.low[j])
            center_and_scale = self._center_and_scale(halves, counts)
            scaler.half_center[j], scaler.half_scale[j] = center_and_scale
        scaler.is_constant &= ~varies_now
        return scaler

    @np.errstate(over="ignore", under="ignore")
    def transform(self, y):
        """Return scaled targets: ``(y - center) / scale``.

        Parameters
        ----------
        y : ndarray of shape (N, ...)
            Finite targets.

        Returns
        -------
        scaled : ndarray of float64, of the shape of y
            The scaled targets.
        """
        return (0.5 * y - self.half_center) / self.half_scale

    def inverse_transform(self, scaled):
        """Return scaled targets in their units.

        Parameters
        ----------
        scaled : ndarray of shape (N, ...)
            Scaled targets or predictions, which can be several along the last axis.

        Returns
        -------
        y : ndarray of float64, of the shape of scaled
            The targets; with ``clip``, within the range that was learned.
        """
        y = self._in_units_of_y(scaled)
        y = np.clip(y, self.low, self.high) if self.clip else y
        if self.is_constant.any():
            y = np.where(self.is_constant, 0.5 * self.low + 0.5 * self.high, y)
        return y

    @property
    def slope(self):
        """The derivative of each target in its units by the scaled target.

        It is the scale of the target, or 0 if the target is constant.
        """
        return np.where(self.is_constant, 0, 2 * self.half_scale)

    def slopes(self, scaled):
        """Return the derivatives of predictions in their units by the scaled ones.

        Parameters
        ----------
        scaled : ndarray of shape (N, ...)
            Predictions of scaled targets.

        Returns
        -------
        slopes : ndarray of float64, of the shape of scaled
            The values of ``slope``; with ``clip``, 0 outside the range of the targets.
        """
        slopes = np.full(scaled.shape, self.slope)
        if self.clip:
            y = self._in_units_of_y(scaled)
            slopes[(y < self.low) | (y > self.high)] = 0
        return slopes

    @np.errstate(over="ignore", under="ignore")
    def _in_units_of_y(self, scaled):
        y = scaled * self.half_scale
        y += self.half_center
        y *= 2
        return y
