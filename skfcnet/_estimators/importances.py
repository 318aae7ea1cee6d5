"""Importances of features, from a fitted network and what its encoder knows of X."""

import numpy as np
from scipy.sparse import eye_array

from skfcnet._tabular.independent_rows import independent_rows

MOST_ROWS, FEWEST_ROWS = 512, 8
"""How many rows there are in which a column is redrawn."""

N_PREDICTIONS = 2**15
"""All columns together have about so many rows, within these limits."""


def feature_importances(estimator):
    r"""Return how far the predictions of a fitted network depend on each column.

    The importance of column j is its total effect [1]_, as a share of the sum over the
    columns:

    .. math:: I_j \propto E \bigl[ \| f(x) - f(x') \|^2 \bigr]

    where f are predictions as the network makes them: probabilities, or values in the
    units of its scaled targets. The columns of the row x are independent, with the
    values that the encoder keeps of them; in x', column j is drawn anew.

    Of sparse rows it keeps none. There x is 0, and column j of x' is 1.

    Parameters
    ----------
    estimator : FCNetClassifier or FCNetRegressor
        The fitted estimator.

    Returns
    -------
    importances : ndarray of float64, shape (n_features_in_,)
        Shares, whose sum is 1; all of them are 0 for a network that always predicts
        the same.

    References
    ----------
    .. [1] Saltelli, A., et al., "Variance based sensitivity analysis of model output.
       Design and estimator for the total sensitivity index", Computer Physics
       Communications 181, 2010.
    """
    net, encoder = estimator._net, estimator._encoder
    effects = np.zeros(encoder.width)
    effects_of_columns = _effects_of_ones if encoder.is_sparse else _effects
    passes = net.test_passes(net.dtype)

    def predict(rows):
        scores = [passes(rows[chunk]) for chunk in passes.chunks_of(rows)]
        scores = [net.objective.average(s).astype(np.float64) for s in scores]
        return estimator._target.comparable(np.concatenate(scores), net.objective)

    effects[encoder.sources] = effects_of_columns(predict, encoder, net.dtype)
    return effects / (effects.sum() or 1.0)


def _effects(predict, encoder, dtype):
    """Return the effect of each column, redrawn in rows of independent columns."""
    n_rows = np.clip(N_PREDICTIONS // encoder.width, FEWEST_ROWS, MOST_ROWS)
    rows = independent_rows(encoder, n_rows, np.random.default_rng(0))
    rows = rows.astype(dtype)
    before = predict(rows)
    effects = []
    for column in rows.T:
        kept = column.copy()
        column[...] = np.roll(column, 1)
        effects.append(np.square(predict(rows) - before).sum())
        column[...] = kept
    return effects


def _effects_of_ones(predict, encoder, dtype):
    """Return the effect of each column of sparse rows."""
    ones = eye_array(encoder.width, dtype=dtype, format="csr")
    before = predict(0 * ones[:1])
    return np.square(predict(ones) - before).sum(axis=1)
