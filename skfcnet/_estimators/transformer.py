"""The transformer: hidden layers of a network as features for other estimators."""

from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skfcnet._compat import HasMethods, Interval, validate_params
from skfcnet._engine.annotations import Array, Floats, Table
from skfcnet._engine.numeric import checked_range
from skfcnet._estimators.checks import validate_X_predict
from skfcnet._estimators.classifier import FCNetClassifier
from skfcnet._estimators.documentation import DocumentationLink


class FCNetTransformer(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, DocumentationLink, BaseEstimator
):
    """Transformer to the activations of a hidden layer of a fully connected network.

    The network learns to predict the target. The outputs of one of its hidden layers
    are then features for other estimators. They are the outputs of the activation
    function of this layer as in predictions: batch normalisation uses its running
    statistics, and no units are dropped.

    Parameters
    ----------
    estimator : FCNetClassifier or FCNetRegressor, default=None
        The estimator. A clone of it is fitted. None stands for
        ``FCNetClassifier(linear_term=False, random_state=0)``, which gives the same
        features in all fits to the same data. Set ``linear_term=False`` in your own
        estimator, too: otherwise, the hidden layers need not learn what is linear in X,
        and their features alone predict worse.

    layer : int, default=-1
        The index of the hidden layer, from 0 for the first; negative indices count from
        the last.

    prefit : bool, default=False
        Whether ``estimator`` is already fitted. `fit` then uses it as it is, and
        ignores the data. If the estimator is fitted again later, even to other columns,
        the transformer uses the new fit. Searches and cross-validation clone their
        estimators, and a clone is not fitted. For these, wrap the estimator in
        scikit-learn's ``FrozenEstimator``, with or without ``prefit``.

    Attributes
    ----------
    estimator_ : FCNetClassifier or FCNetRegressor
        The fitted estimator.

    n_features_in_ : int
        The number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features seen during `fit`. Defined only when X has feature
        names that are all strings.

    See Also
    --------
    skfcnet.network.FullyConnectedNet.hidden : The activations of a hidden layer of a
        network.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from skfcnet import FCNetClassifier, FCNetTransformer
    >>> X, y = load_digits(return_X_y=True)
    >>> net = FCNetClassifier(
    ...     (32, 8), max_iter=40, n_members=1, linear_term=False, random_state=0
    ... )
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

    def __init__(
        self, estimator: Any = None, *, layer: int = -1, prefit: bool = False
    ) -> None:
        self.estimator = estimator
        self.layer = layer
        self.prefit = prefit

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self._estimator_or_default).input_tags
        tags.target_tags.required = not self.prefit
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _estimator_or_default(self):
        """The parameter ``estimator``, or the default estimator."""
        if self.estimator is None:
            return FCNetClassifier(linear_term=False, random_state=0)
        return self.estimator

    # These are properties, since the estimator may be fitted again.

    @property
    def n_features_in_(self) -> int:
        """The number of features seen during `fit`."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> Array:
        """The names of the features seen during `fit`."""
        return self.estimator_.feature_names_in_

    @property
    def _n_features_out(self):
        return _n_units(self.estimator_, self._layer)

    def fit(
        self, X: Table, y: Table | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Fit the network to data.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The target of the estimator. It can only be left out if ``prefit=True``.

        sample_weight : array-like of shape (n_samples,), default=None
            The number of times that each row counts, as in `FCNetClassifier.fit`.

        Returns
        -------
        self : object
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
        estimator = self._estimator_or_default
        if self.prefit:
            check_is_fitted(estimator)
        else:
            estimator = clone(estimator).fit(X, y, sample_weight=sample_weight)
        _n_units(estimator, self.layer)  # raises an error if there is no such layer
        # Attributes are only set now, all in one step, so that a fit that fails or is
        # interrupted changes nothing.
        self.__dict__.update(estimator_=estimator, _layer=self.layer)
        return self

    def transform(self, X: Table) -> Floats:
        """Return the activations of the hidden layer.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        Returns
        -------
        activations : ndarray of shape (n_samples, n_units)
            The activations, with one column for each unit of the layer, of one member
            after the other, in the dtype of X.

        Raises
        ------
        ValueError
            If X is invalid, or too large to compute with.
        """
        if not hasattr(self, "estimator_"):
            check_is_fitted(self)
        estimator = self.estimator_
        X, is_complete = validate_X_predict(self, X, estimator._encoder.reader)

        def activations_of_chunk(passes, rows, encoded):
            activations = np.hstack(passes(encoded))
            activations = checked_range(activations, estimator._net.dtype)
            return activations.astype(X.dtype, copy=False)

        return estimator._apply_in_chunks(
            activations_of_chunk, X, is_complete, layer=self._layer
        )


def _n_units(estimator, layer):
    """Return the number of units of a hidden layer, of all members together."""
    net = estimator._net
    return net.n_members * net.test_stages(layer)[-1].fan_out
