"""The fitted attributes of both estimators, as properties."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skfcnet._engine.annotations import Floats
from skfcnet._engine.members import mean_over_members
from skfcnet._engine.parameters import ParameterList
from skfcnet._estimators.importances import feature_importances
from skfcnet.layers._affine import SCALE_RATE
from skfcnet.network import FullyConnectedNet


class FittedAttributes:
    """Mixin with the fitted attributes, which are read from the fitted parts."""

    _net: FullyConnectedNet

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_net")

    @property
    def coefs_(self) -> ParameterList:
        """The weights of the affine layers, from the first to the last.

        They are read-only views. Assigning a list of arrays to the attribute, or an
        array to an item of the list, copies the values into the network.
        """
        return ParameterList("coefs_", self._arrays_named("W"), self._net.params)

    @coefs_.setter
    def coefs_(self, arrays: Sequence[ArrayLike]) -> None:
        self.coefs_[:] = arrays

    @property
    def intercepts_(self) -> ParameterList:
        """The biases of the affine layers, which can be assigned to like ``coefs_``."""
        biases = [_without_axis_of_rows(b) for b in self._arrays_named("b")]
        return ParameterList("intercepts_", biases, self._net.params)

    @intercepts_.setter
    def intercepts_(self, arrays: Sequence[ArrayLike]) -> None:
        self.intercepts_[:] = arrays

    @property
    def scales_(self) -> Floats:
        """The learned scales of the encoded features, which can be assigned to."""
        return SCALE_RATE * self._learned_scales().astype(np.float64)

    @scales_.setter
    def scales_(self, scales: ArrayLike) -> None:
        learned = [self._learned_scales()]
        learned = ParameterList("scales_", learned, self._net.params)
        learned[0] = np.divide(scales, SCALE_RATE)

    @property
    def feature_importances_(self) -> Floats:
        """How far the predictions depend on each column of X, as shares of 1."""
        self._fitted("_net")
        return feature_importances(self)

    def _learned_scales(self):
        """Return the scales as the network has them, without the factor."""
        scales = self._fitted("_net").params.get("s1")
        if scales is None:
            raise AttributeError("The network was fitted without learn_scales.")
        return _without_axis_of_rows(scales)

    def _arrays_named(self, name):
        n_layers = self.n_layers_
        return [self._net.params[f"{name}{i}"] for i in range(1, n_layers)]

    @property
    def n_layers_(self) -> int:
        """The number of layers, including the input and the output layer."""
        return len(self._fitted("_training").architecture["hidden_dims"]) + 2

    @property
    def n_outputs_(self) -> int:
        """The number of units of the output layer, or of targets."""
        return self._fitted("_target").n_outputs

    @property
    def out_activation_(self) -> str:
        """The function that turns the scores of the output layer into predictions."""
        return self._fitted("_net").objective.link.name

    @property
    def n_iter_(self) -> int:
        """The number of epochs of all calls."""
        return self._fitted("_training").n_epochs

    @property
    def t_(self) -> int:
        """The number of rows that were trained on in all epochs, with repetitions."""
        return self._fitted("_training").n_rows

    @property
    def loss_(self) -> float:
        """The training loss of the epoch whose weights are kept."""
        return self._fitted("_training").loss

    @property
    def best_iteration_(self) -> int | Any:
        """The number of the best epoch, or a list of those of the members."""
        epochs = [best.epoch for best in self._fitted("_training").best]
        return epochs if len(epochs) > 1 else epochs[0]

    @property
    def best_loss_(self) -> float | None:
        """The lowest training loss; None if the last epoch has a validation loss."""
        losses, validated = self.loss_curve_, self._column("validation_loss")
        return min(losses) if np.isnan(validated[-1]) else None

    @property
    def best_validation_score_(self) -> float | None:
        """The best validation score, or the mean over the members; or None."""
        best_epochs = self._fitted("_training").best_by_validation
        score = mean_over_members([best.score for best in best_epochs])
        return score if isfinite(score) else None

    @property
    def oob_score_(self) -> float:
        """The score of the out-of-fold predictions."""
        return self._from_folds().score

    @property
    def _out_of_fold_predictions(self):
        """The out-of-fold predictions, if they are kept."""
        predictions = self._from_folds().predictions
        if predictions is None:
            raise AttributeError(
                f"This {type(self).__name__} was trained on a stream, of whose rows no "
                f"out-of-fold predictions are kept; oob_score_ is their score on a "
                f"sample."
            )
        return predictions

    def _from_folds(self):
        result = self._fitted("_out_of_fold")
        if result is None:
            raise AttributeError(
                f"This {type(self).__name__} has no out-of-fold predictions. They are "
                f"made at the end of fit with n_members > 1 and early_stopping=True, "
                f"if no X_val is passed."
            )
        return result

    @property
    def history_(self) -> dict[str, list[Any]]:
        """The history of the fit, as a list for each column of a table."""
        return self._fitted("_training").history.as_table()

    @property
    def loss_curve_(self) -> list[float]:
        """The training loss of every epoch."""
        return self._column("loss")

    @property
    def validation_loss_curve_(self) -> list[float] | None:
        """The validation loss of every epoch; None without a validation set."""
        return self._validation_column("validation_loss")

    @property
    def validation_scores_(self) -> list[float] | None:
        """The validation score of every epoch; None without a validation set."""
        return self._validation_column("validation_score")

    @property
    def _validation_loss_curves(self):
        """The validation losses of every epoch: one, or one for each member."""
        curves = self._column("member_validation_losses")
        return curves if all(curves) else self.validation_loss_curve_

    def _column(self, name):
        return self._fitted("_training").history.column(name)

    def _validation_column(self, name):
        column = self._column(name)
        return None if np.isnan(column).all() else column

    def _fitted(self, part):
        """Return a part of the estimator, or raise an error if it is not fitted."""
        if not hasattr(self, "_net"):
            check_is_fitted(self)
        return getattr(self, part)


def _without_axis_of_rows(vectors):
    """Return the vectors of members without the axis that is broadcast over rows."""
    return vectors.reshape(vectors.shape[:-2] + vectors.shape[-1:])
