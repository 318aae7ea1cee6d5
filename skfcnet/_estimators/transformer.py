"""The transformer: hidden layers of a network as features for other estimators."""

from numbers import Integral

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skfcnet._compat import HasMethods, Interval, validate_params
from skfcnet._engine.numeric import finite
from skfcnet._estimators.checks import validate_X_predict
from skfcnet._estimators.classifier import FCNetClassifier


class FCNetTransformer(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Hidden layer of a fully connected network, as features for other estimators.

    The network learns to predict the target; what its hidden layer makes of the rows
    is handed on. The output is that of the layer's activation function, at test time:
    normalised by running statistics, nothing dropped.

    Parameters
    ----------
    estimator : FCNetClassifier or FCNetRegressor, default=None
        What is fitted, as a clone; None: ``FCNetClassifier(random_state=0)``, whose
        features are the same in every fit to the same data.

    layer : int, default=-1
        Which hidden layer, from 0 for the first; negative ones count from the last.

    prefit : bool, default=False
        Whether ``estimator`` is fitted already: `fit` then takes it as it is, and does
        not look at the data. Whenever it is fitted anew, to other columns perhaps, this
        transformer follows it. Cloning, as searches do, would undo that: there, wrap it
        in scikit-learn's ``FrozenEstimator``, with or without ``prefit``.

    Attributes
    ----------
    estimator_ : FCNetClassifier or FCNetRegressor
        The fitted estimator.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X had names that are all strings.

    See Also
    --------
    skfcnet.network.FullyConnectedNet.hidden : The same for a network.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from skfcnet import FCNetClassifier, FCNetTransformer
    >>> X, y = load_digits(return_X_y=True)
    >>> net = FCNetClassifier((32, 8), max_iter=40, random_state=0)
    >>> features = FCNetTransformer(net)
    >>> model = make_pipeline(MinMaxScaler(), features, RidgeClassifier())
    >>> model.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.85
    True
    >>> model[:-1].transform(X[:2]).shape
    (2, 8)
    >>> features.get_feature_names_out()[:2]
    array(['fcnettransformer0', 'fcnettransformer1'], dtype=object)
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "input_gradients"]), None],
        "layer": [Interval(Integral, None, None, closed="neither")],
        "prefit": ["boolean"],
    }

    def __init__(self, estimator=None, *, layer=-1, prefit=False):
        self.estimator = estimator
        self.layer = layer
        self.prefit = prefit

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self._asked_estimator).input_tags
        tags.target_tags.required = not self.prefit
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _asked_estimator(self):
        """What ``estimator`` stands for."""
        if self.estimator is None:
            return FCNetClassifier(random_state=0)
        return self.estimator

    # The estimator is asked for everything that it knows: it may be fitted anew.

    @property
    def n_features_in_(self):
        """Number of features."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of the features, where X had names that are all strings."""
        return self.estimator_.feature_names_in_

    @property
    def _n_features_out(self):
        return _n_units(self.estimator_, self._layer)

    def fit(self, X, y=None, sample_weight=None):
        """Fit the network to data.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The target, of the kind that the estimator learns. Only with ``prefit``
            can it be left out.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, as in `FCNetClassifier.fit`.

        Returns
        -------
        self : FCNetTransformer
            The fitted transformer.

        Raises
        ------
        NotFittedError
            If ``prefit`` is True and the estimator is not fitted.

        ValueError
            If a parameter or the data are invalid, or there is no such layer. The
            transformer then remains as it was.
        """
        validate_params(self)
        estimator = self._asked_estimator
        if self.prefit:
            check_is_fitted(estimator)
        else:
            estimator = clone(estimator).fit(X, y, sample_weight=sample_weight)
        _n_units(estimator, self.layer)  # there is such a layer
        # All of it is known to be sound now: a failing fit has changed nothing.
        self.estimator_, self._layer = estimator, self.layer
        return self

    def transform(self, X):
        """Return the activations of the hidden layer.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        Returns
        -------
        activations : ndarray of shape (n_samples, n_units)
            One column for each unit of the layer, in the dtype of X.

        Raises
        ------
        ValueError
            If X is invalid, or too large to compute with.
        """
        if not hasattr(self, "estimator_"):
            check_is_fitted(self)
        estimator = self.estimator_
        X = validate_X_predict(self, X, estimator._encoder.reader)

        def activations_of_chunk(passes, rows, encoded):
            activations = finite(np.hstack(passes(encoded)), estimator._net.dtype)
            return activations.astype(X.dtype, copy=False)

        return estimator._by_chunks(activations_of_chunk, X, layer=self._layer)


def _n_units(estimator, layer):
    """Return how many units a hidden layer of a fitted estimator has."""
    net = estimator._net
    return net.hidden(np.zeros((1, net.input_dim)), layer).shape[1]
