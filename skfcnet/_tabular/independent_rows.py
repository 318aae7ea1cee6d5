"""Rows that stand for a table of which only the encoder is left."""

import numpy as np
from scipy.special import ndtri


def independent_rows(encoder, n_rows, rng):
    """Return a compact table whose columns are independent of each other.

    Each column has the values that the scaler has of it, or the categories as often as
    in the rows to train on. Where numbers are not encoded, and nothing is known of
    them, they are normally distributed with a standard deviation of 1.

    Parameters
    ----------
    encoder : Encoder
        The fitted encoder.

    n_rows : int
        How many rows.

    rng : numpy.random.Generator
        Draws the order of each column.

    Returns
    -------
    rows : ndarray of float64, shape (n_rows, encoder.width)
        The rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.encoder import Encoder
    >>> from skfcnet._tabular.independent_rows import independent_rows
    >>> X = np.column_stack([np.arange(60.0), np.full(60, 7.0), np.arange(60) % 3 == 0])
    >>> encoder = Encoder(categorical_features=[2]).learn_columns(X)
    >>> encoder = encoder.fit(encoder.reader.read(X))
    >>> rows = independent_rows(encoder, 6, np.random.default_rng(0))
    >>> np.sort(rows, axis=0).round(1)
    array([[-0.8,  0. ,  0. ],
           [-0.5,  0. ,  0. ],
           [-0.2,  0. ,  0. ],
           [ 0.2,  0. ,  0. ],
           [ 0.5,  0. ,  1. ],
           [ 0.8,  0. ,  1. ]])
    """
    levels = (np.arange(n_rows) + 0.5) / n_rows
    if encoder.is_identity:
        columns = [ndtri(levels)] * encoder.width
    else:
        columns = [*_numbers(encoder, levels), *_codes(encoder, levels)]
    return np.stack([rng.permutation(column) for column in columns], axis=1)


def _numbers(encoder, levels):
    """Yield each scaled column of numbers; 0 stands for what was never missing."""
    scaled = encoder._scaler.transform(encoder._scaler.values)
    places = (levels * len(scaled)).astype(int)
    for j, values in enumerate(scaled.T):
        has_missing = j in encoder._with_missing
        yield values[places] if has_missing else np.nan_to_num(values[places])


def _codes(encoder, levels):
    """Yield the codes of each column of categories."""
    if encoder._categorical.size:
        for shares in encoder._categories.shares:
            yield np.searchsorted(np.cumsum(shares)[:-1], levels)
