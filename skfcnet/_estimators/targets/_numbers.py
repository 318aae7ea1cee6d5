"""Targets of regression."""

from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils import check_array

from skfcnet._engine.numeric import cast_where_possible, checked_cast
from skfcnet._estimators.target_checks import check_n_outputs
from skfcnet._estimators.targets._target import Target
from skfcnet._tabular.target_scaler import TargetScaler


class RegressionLoss(NamedTuple):
    """The target scaling and the parameters of a loss of regression.

    Parameters
    ----------
    target_scaling : str
        The scaling of the target, a key of `TARGET_SCALINGS`. Its statistics are as
        robust as the loss, and it has no shift if the scores are logarithms.

    parameters : Mapping of str to str, default={}
        For each parameter of the loss, the name of the parameter of the estimator.

    deviation_power : float, default=0
        To which power of the mean the standard deviation of the targets is proportional
        under the distribution that belongs to the loss. Residuals are in these units.
    """

    target_scaling: str
    parameters: MappingProxyType = MappingProxyType({})
    deviation_power: float = 0.0


REGRESSION_LOSSES = {
    "squared_error": RegressionLoss("standard"),
    "absolute_error": RegressionLoss("quartiles"),
    "huber": RegressionLoss("quartiles", MappingProxyType({"delta": "huber_delta"})),
    "quantile": RegressionLoss("quartiles", MappingProxyType({"quantile": "quantile"})),
    "poisson": RegressionLoss("mean", deviation_power=0.5),
    "gamma": RegressionLoss("mean", deviation_power=1.0),
}
"""The allowed values of the regressor's parameter ``loss``."""


class ContinuousTarget(Target):
    """One number or several for every row, which the network learns scaled.

    Parameters
    ----------
    y : ndarray of shape (N,) or (N, K)
        The targets of the first fit.
    """

    target_type = "continuous"
    category = "regression"
    min_validation_rows = 2  # R^2 is not defined for a single row
    parameters = (
        "loss",
        "scale_target",
        "clip_output",
        *(
            name
            for own in REGRESSION_LOSSES.values()
            for name in own.parameters.values()
        ),
    )

    def __init__(self, y):
        self.n_outputs = 1 if y.ndim == 1 else y.shape[1]
        self.scaler = None

    def encode(self, y):
        """Return the targets as an array of numbers, with a column for each target."""
        y = y.reshape(len(y), -1)
        check_n_outputs(y, self.n_outputs)
        # scikit-learn's earlier checks accept None in an array of objects.
        return check_array(y, dtype=np.float64, input_name="y")

    def learn_from_training_set(self, rows):
        """Learn the scale of the targets, if it is not known from an earlier call."""
        known, scaling = self.scaler, None
        if self.scale_target:
            scaling = REGRESSION_LOSSES[self.loss].target_scaling
        # Along the last axis are the quantiles of a target, which have one scale.
        target = rows.target[..., np.newaxis]
        if known is None or known.scaling != scaling:
            scaler = TargetScaler(scaling=scaling).fit(target, rows.weight)
        else:
            scaler = known.updated(target, rows.weight)
        scaler.clip = self.clip_output
        self.scaler = scaler
        return known is not None and (known.half_scale != scaler.half_scale).any()

    def learn_range(self, encoded):
        """Learn the range of more targets, and the scale of those constant so far."""
        self.scaler = self.scaler.updated(encoded[..., np.newaxis])

    def transform(self, encoded, dtype):
        """Return the scaled targets."""
        scaled = self.scaler.transform(encoded[..., np.newaxis])[..., 0]
        return checked_cast(scaled, dtype, "y")

    def loss_params(self):
        """Return the parameters of the loss by name."""
        return {
            name: np.asarray(getattr(self, parameter)).tolist()
            for name, parameter in REGRESSION_LOSSES[self.loss].parameters.items()
        }

    def decode(self, scores, loss):
        """Return the predictions in the units of the targets."""
        return self._in_units_of_y(self._scaled_predictions(scores, loss))

    def _in_units_of_y(self, scaled):
        """Return scaled predictions in the units of y, without axes of length 1."""
        return _without_short_axes(self.scaler.inverse_transform(scaled))

    def _scaled_predictions(self, scores, loss):
        """Return scaled predictions of shape (N, n_targets, n_quantiles)."""
        y = loss.link.inverse(scores)
        return y.reshape(len(y), self.n_outputs, -1)

    def comparable(self, scores, loss):
        """Return the predictions of scaled targets, and 0 for constant targets."""
        y = self._scaled_predictions(scores, loss)
        return np.where(self.scaler.is_constant, 0, y).reshape(len(y), -1)

    @property
    def score_name(self):
        """The name of the score."""
        return "R^2" if self.loss == "squared_error" else "loss"

    def score(self, y, predictions, weight, loss_value):
        """Return R^2 for the squared error, and minus the loss for other losses."""
        if self.score_name == "loss":
            return -loss_value
        return r2_score(y, predictions, sample_weight=weight)

    def backward(self, gradients, scores, loss):
        """Return the gradients of the predictions in the units of the targets."""
        if loss.link.gradients is not None:
            gradients = loss.link.gradients(scores, gradients)
        slopes = self.scaler.slopes(self._scaled_predictions(scores, loss))
        return gradients * slopes.reshape(*scores.shape, 1)

    def predict(self, scores, loss, dtype):
        """Return the predictions of rows."""
        return cast_where_possible(self.decode(loss.average(scores), loss), dtype)

    def mean_and_deviation(self, scores, loss, dtype):
        """Return the mean and the standard deviation of the members, along axis 1."""
        mean = self.predict(scores, loss, dtype)
        predictions = [self.decode(member_scores, loss) for member_scores in scores]
        deviation = np.std(predictions, axis=0)
        deviation = cast_where_possible(deviation, dtype)
        return np.stack([mean, deviation], axis=1)

    # Errors, for losses with one prediction for each target. They are in units of the
    # scaled targets, and of their deviation where that depends on the mean.

    @property
    def n_quantiles(self):
        """The number of predictions for each target."""
        return np.size(self.quantile) if self.loss == "quantile" else 1

    def residuals(self, targets, scores, loss):
        """Return the residuals of predictions.

        Parameters
        ----------
        targets : ndarray of shape (N, n_targets)
            The scaled targets.

        scores : ndarray of shape (N, S)
            The scores of a network.

        loss : skfcnet.losses.Loss
            The loss of the network.

        Returns
        -------
        residuals : ndarray of shape (N, n_targets, n_quantiles)
            The differences of the targets and the predictions.
        """
        predictions = self._scaled_predictions(scores, loss)
        residuals = targets[..., np.newaxis] - predictions
        return residuals / self._unit(predictions)

    def variance(self, scores, loss):
        """Return the variance of the members' predictions, of shape (N, n_targets)."""
        variance, mean = self._variance_and_mean(scores, loss)
        return (variance / self._unit(mean) ** 2)[..., 0]

    def _variance_and_mean(self, scores, loss):
        of_members = [self._scaled_predictions(own, loss) for own in scores]
        return np.var(of_members, axis=0), np.mean(of_members, axis=0)

    def _unit(self, predictions):
        """Return the units of the residuals of scaled predictions."""
        power = REGRESSION_LOSSES[self.loss].deviation_power
        if power == 0:
            return 1.0
        return predictions**power

    def mean_and_error(self, scores, loss, dtype, *, noise):
        """Return the mean of the members and its root mean squared error, on axis 1.

        Parameters
        ----------
        scores : ndarray of shape (n_members, N, S)
            The scores of all members.

        loss : skfcnet.losses.Loss
            The loss of the network.

        dtype : dtype
            The dtype of the result.

        noise : ndarray of shape (n_targets,)
            The variance of residuals that the members' variance does not account for.

        Returns
        -------
        mean_and_error : ndarray of shape (N, 2) or (N, 2, n_targets)
            The predictions and their standard errors.
        """
        variance, mean = self._variance_and_mean(scores, loss)
        variance += noise[:, np.newaxis] * self._unit(mean) ** 2
        error = _without_short_axes(np.sqrt(variance) * self.scaler.slope)
        predictions = self.predict(scores, loss, dtype)
        error = cast_where_possible(error, dtype)
        return np.stack([predictions, error], axis=1)

    def mean_and_interval(self, scores, loss, dtype, *, bounds):
        """Return the mean of the members and an interval for new targets.

        Parameters
        ----------
        scores, loss, dtype : as for `mean_and_error`
            The scores, the loss and the dtype.

        bounds : ndarray of shape (n_targets, 2)
            The lower and the upper bound of the residuals of each target.

        Returns
        -------
        mean_and_interval : ndarray of shape (N, 3) or (N, n_targets, 3)
            The predictions, and the lower and the upper ends of their intervals.
        """
        mean = self._scaled_predictions(loss.average(scores), loss)
        ends = mean + bounds * self._unit(mean)
        if loss.link.name == "exp":  # there are no negative targets
            ends = np.maximum(ends, 0)
        joined = np.concatenate([mean, ends], axis=2)
        return cast_where_possible(self._in_units_of_y(joined), dtype)


def _without_short_axes(y):
    """Return predictions without axes of length 1, but that of the rows."""
    return y.reshape(len(y), *[n for n in y.shape[1:] if n > 1])
