"""The base class of all kinds of target."""

from abc import ABC, abstractmethod

import numpy as np

from skfcnet._engine.statistics import distinct


class Target(ABC):
    """Base class of the kinds of target, which `TARGETS` lists.

    A target encodes y as its loss expects it, and decodes scores to predictions. The
    methods are called in this order: `copy_parameters`, `encode`, `learn_from_rows` and
    `costs` when rows are read, `strata` for their split, `learn_from_training_set`,
    `transform`, `loss_params` and `best_constant_scores` before training, `decode` and
    `score` for validation, and `predict` or `backward` after it.

    Attributes
    ----------
    target_type : str
        The type of target that the kind suits, as scikit-learn's ``type_of_target``
        names it; 'continuous' for every target of a regressor.

    parameters : tuple of str
        The parameters of an estimator that the kind uses. `copy_parameters` makes them
        attributes.

    category : {'classification', 'regression'}
        The category of the network.

    loss : str
        A key of `skfcnet.losses.LOSSES`.

    n_outputs : int
        The number of units of the output layer, without units that the loss adds.

    min_validation_rows : int
        The minimum number of rows for which `score` is defined.

    score_name : str
        The name of `score`, or 'loss' if the score is minus the loss.
    """

    parameters: tuple[str, ...] = ()
    min_validation_rows = 1

    @classmethod
    def suits(cls, estimator, target_type, classes):
        """Return whether the targets of an estimator are of this kind.

        Parameters
        ----------
        estimator : _BaseFCNet
            The estimator, by the parameters of which a kind can be chosen, too.

        target_type : str
            The type of the target.

        classes : ndarray or list of ndarray
            The labels that there are; empty for a regressor.

        Returns
        -------
        suits : bool
            Whether they are.
        """
        return target_type == cls.target_type

    def copy_parameters(self, estimator):
        """Copy the parameters of an estimator, which may change between fits."""
        for name in self.parameters:
            setattr(self, name, getattr(estimator, name))

    def learn_from_rows(self, y, weight):  # noqa: B027 - numbers have nothing to learn
        """Learn from y and the weights of all rows of positive weight."""

    @abstractmethod
    def encode(self, y):
        """Return y as class indices or numbers, of shape (N,) or (N, n_outputs)."""

    def costs(self, y):
        """Return the factor by which the loss of each row is multiplied, or None."""
        return None

    def strata(self, encoded):
        """Return the classes by which a validation set is stratified, or None."""
        return None

    def learn_from_training_set(self, rows):
        """Learn from the training set; return whether the loss has another unit now."""
        return False

    def transform(self, encoded, dtype):
        """Return encoded targets as the loss expects them."""
        return encoded

    def loss_params(self):
        """Return the parameters of the loss by name."""
        return {}

    def best_constant_scores(self, rows, weight, loss):
        """Return the scores of the best prediction that does not depend on X.

        They are the initial values of the output biases.

        Parameters
        ----------
        rows : Rows
            The rows of the training set, with transformed targets.

        weight : ndarray of shape (N,)
            The weights of the rows, rounded such that all their sums are exact.

        loss : skfcnet.losses.Loss
            The loss of the network.

        Returns
        -------
        scores : list of ndarray
            The scores of each output.
        """
        columns = [distinct(column, weight) for column in rows.target.T]
        return [np.ravel(loss.constant_scores(*column)) for column in columns]

    @abstractmethod
    def decode(self, scores, loss):
        """Return the predicted labels or numbers, given scores of shape (N, S)."""

    @abstractmethod
    def score(self, y, predictions, weight, loss_value):
        """Return the default validation score; greater is better."""

    def comparable(self, scores, loss):
        """Return predictions whose differences are the same in any unit of the targets.

        For classification, these are the probabilities.
        """
        return loss.link.inverse(scores)

    def backward(self, gradients, scores, loss):
        """Return the gradients of the predictions, given the gradients of the scores.

        For classification, these are the gradients of the decision function.

        Parameters
        ----------
        gradients : ndarray of shape (N, S, D)
            The gradients of the scores with respect to the features.

        scores : ndarray of shape (N, S)
            The scores.

        loss : skfcnet.losses.Loss
            The loss of the network.

        Returns
        -------
        gradients : ndarray of shape (N, S, D)
            The gradients of the predictions.
        """
        return gradients

    # The prediction methods of the estimators call the methods of the same name. The
    # scores of all members have shape (n_members, N, S), and dtype is that of X.

    @abstractmethod
    def predict(self, scores, loss, dtype):
        """Return the predictions of rows."""
