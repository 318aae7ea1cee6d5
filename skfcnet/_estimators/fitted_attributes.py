"""The fitted attributes of both estimators, as properties."""

from math import isfinite

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skfcnet._engine.members import mean_over_members
from skfcnet._engine.parameters import ParameterList


class FittedAttributes:
    """Mixin with the fitted attributes, which are read from the fitted parts."""

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_net")

    @property
    def coefs_(self):
        """The weights of the affine layers, from the first to the last.

        They are read-only views. Assigning a list of arrays to the attribute, or an
        array to an item of the list, copies the values into the network.
        """
        return ParameterList("coefs_", self._arrays_named("W"), self._net.params)

    @coefs_.setter
    def coefs_(self, arrays):
        self.coefs_[:] = arrays

    @property
    def intercepts_(self):
        """The biases of the affine layers, which can be assigned to like ``coefs_``."""
        # Biases of members have an axis of length 1, which is broadcast over the rows.
        biases = self._arrays_named("b")
        biases = [b.reshape(b.shape[:-2] + b.shape[-1:]) for b in biases]
        return ParameterList("intercepts_", biases, self._net.params)

    @intercepts_.setter
    def intercepts_(self, arrays):
        self.intercepts_[:] = arrays

    def _arrays_named(self, name):
        n_layers = self.n_layers_
        return [self._net.params[f"{name}{i}"] for i in range(1, n_layers)]

    @property
    def n_layers_(self):
        """The number of layers, including the input and the output layer."""
        return len(self._fitted("_training").architecture["hidden_dims"]) + 2

    @property
    def n_outputs_(self):
        """The number of units of the output layer, or of targets."""
        return self._fitted("_target").n_outputs

    @property
    def out_activation_(self):
        """The function that turns the scores of the output layer into predictions."""
        return self._fitted("_net").objective.link.name

    @property
    def n_iter_(self):
        """The number of epochs of all calls."""
        return self._fitted("_training").n_epochs

    @property
    def t_(self):
        """The number of rows that were trained on in all epochs, with repetitions."""
        return self._fitted("_training").n_rows

    @property
    def loss_(self):
        """The training loss of the epoch whose weights are kept."""
        return self._fitted("_training").loss

    @property
    def best_iteration_(self):
        """The number of the best epoch, or a list of those of the members."""
        epochs = [best.epoch for best in self._fitted("_training").best]
        return epochs if len(epochs) > 1 else epochs[0]

    @property
    def best_loss_(self):
        """The lowest training loss; None if the last epoch has a validation loss."""
        losses, validated = self.loss_curve_, self._column("validation_loss")
        return min(losses) if np.isnan(validated[-1]) else None

    @property
    def best_validation_score_(self):
        """The best validation score, or the mean over the members; or None."""
        best_epochs = self._fitted("_training").best_by_validation
        score = mean_over_members([best.score for best in best_epochs])
        return score if isfinite(score) else None

    @property
    def oob_score_(self):
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
    def history_(self):
        """The history of the fit, as a list for each column of a table."""
        return self._fitted("_training").history.as_table()

    @property
    def loss_curve_(self):
        """The training loss of every epoch."""
        return self._column("loss")

    @property
    def validation_loss_curve_(self):
        """The validation loss of every epoch; None without a validation set."""
        return self._validation_column("validation_loss")

    @property
    def validation_scores_(self):
        """The validation score of every epoch; None without a validation set."""
        return self._validation_column("validation_score")

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
