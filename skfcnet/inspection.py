"""Explanations of the predictions of fitted estimators.

The functions of scikit-learn's module ``sklearn.inspection`` explain them as well.
"""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted


def integrated_gradients(
    estimator: Any, X: Any, baseline: Any, *, n_steps: int = 64
) -> NDArray[np.floating]:
    r"""Attribute the predictions for rows to the features by integrated gradients.

    The attribution of a feature says how much of the difference between the prediction
    for a row and that for a baseline is due to this feature:

    .. math:: a_i(x) = (x_i - b_i) \int_0^1
              \frac{\partial F}{\partial x_i}\bigl(b + t (x - b)\bigr) \, dt

    where F is ``predict`` of a regressor, or ``decision_function`` of a classifier. The
    attributions of a row add up to :math:`F(x) - F(b)`, which is called completeness
    [1]_.

    Parameters
    ----------
    estimator : FCNetClassifier or FCNetRegressor
        A fitted estimator.

    X : {array-like, dataframe} of shape (n_samples, n_features)
        The rows to explain. They must not be sparse.

    baseline : {array-like, dataframe} of one row, or of n_samples rows
        What the rows are compared with: a row that stands for the absence of a signal,
        such as the means of the columns or a black image, or one for each row of X. If
        X is a data frame, this is one as well.

    n_steps : int, default=64
        The number of points on the line from the baseline to a row at which the
        gradients are computed.

    Returns
    -------
    attributions : ndarray of shape (n_samples, n_features)
        The attributions, in the dtype of X. For several scores there are further axes,
        as in `~skfcnet.FCNetRegressor.input_gradients`.

    Raises
    ------
    TypeError
        If the estimator has no ``input_gradients``, or X is sparse.

    ValueError
        If X or ``baseline`` is invalid, or ``n_steps`` is not a positive
        integer.

    NotFittedError
        If the estimator is not fitted.

    See Also
    --------
    skfcnet.FCNetRegressor.input_gradients : Gradients at the rows themselves.
    sklearn.inspection.permutation_importance : Importance of features for a score.

    Notes
    -----
    The integral is computed by the midpoint rule. Its error, and the gap in
    completeness, falls as ``1 / n_steps`` where the gradient jumps, as with the
    activation "relu" and with bins, and as the square of it for a smooth network.

    There is no line between two categories, nor between a number and a missing value.
    Such features stay as they are in X, and have an attribution of 0. Completeness then
    holds for the baseline with these features of the row.

    References
    ----------
    .. [1] Mukund Sundararajan, Ankur Taly and Qiqi Yan, "Axiomatic attribution for deep
       networks", ICML 2017. https://arxiv.org/abs/1703.01365

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from skfcnet import FCNetRegressor
    >>> from skfcnet.inspection import integrated_gradients
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = FCNetRegressor(n_members=1, max_iter=10, random_state=0).fit(X, y)
    >>> baseline = X.mean(axis=0)
    >>> attributions = integrated_gradients(net, X[:5], baseline, n_steps=256)
    >>> attributions.shape
    (5, 10)
    >>> difference = net.predict(X[:5]) - net.predict([baseline])
    >>> bool(np.allclose(attributions.sum(axis=1), difference, atol=1.0))
    True
    """
    if not hasattr(estimator, "input_gradients"):
        raise TypeError(
            f"estimator must be an FCNetClassifier or an FCNetRegressor, got "
            f"{type(estimator).__name__}. Of a pipeline, pass the last step, and the "
            f"rows as the other steps transform them."
        )
    if not (isinstance(n_steps, Integral) and n_steps > 0):
        raise ValueError(f"n_steps must be a positive integer, got {n_steps!r}.")
    check_is_fitted(estimator)
    X, is_complete = estimator._validate_X(X, accept_sparse=False)
    X = X[:]  # an array, also of a data frame
    step = _way_from(estimator, baseline, X) / n_steps
    sums = 0
    for k in range(n_steps):
        points = (X - (k + 0.5) * step).astype(X.dtype)
        sums = sums + estimator._input_gradients(points, is_complete).astype(float)
    axes = range(1, sums.ndim - 1)
    return (sums * np.expand_dims(step, tuple(axes))).astype(X.dtype)


def _way_from(estimator, baseline, X):
    """Return the way from a baseline to rows: 0 for what has no line between them."""
    if np.ndim(baseline) == 1:
        baseline = np.reshape(baseline, (1, -1))
    baseline, _ = estimator._validate_X(baseline, accept_sparse=False)
    if len(baseline) not in (1, len(X)):
        raise ValueError(
            f"baseline must have one row, or one for each of the {len(X)} rows of X, "
            f"got {len(baseline)} rows."
        )
    way = X - baseline[:].astype(float)
    reader = estimator._encoder.reader
    if reader is not None:
        way[:, reader.categorical] = 0
    return np.nan_to_num(way, nan=0)
