"""Rows that stand for a table of which only the encoder is left."""

import numpy as np
from scipy.special import ndtri

from skfcnet._tabular.location_scale import NORMAL_INTERQUARTILE_RANGE

N_VALUES = 24
"""A column of numbers that the encoder has no bins of has so many values."""

DEVIATIONS = {"robust": 1 / NORMAL_INTERQUARTILE_RANGE, "standard": 1.0, None: 1.0}
"""The standard deviation of a scaled column, if it is normally distributed."""


def independent_rows(encoder, n_rows, rng):
    """Return a compact table whose columns are independent of each other.

    Each column has the values that the encoder knows of it, about as often as they are
    in the rows to train on:

    * the edges of its bins, between which there are equally many rows;
    * normally distributed numbers where there are no bins, or the one number of a
      constant column;
    * a missing value as often as each of these numbers, if there were any in `fit`;
    * categories as often as in the rows.

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
    >>> encoder = Encoder(embedding="ple", n_bins=2, categorical_features=[2])
    >>> encoder = encoder.learn_columns(X)
    >>> encoder = encoder.fit(encoder.reader.read(X))
    >>> rows = independent_rows(encoder, 6, np.random.default_rng(0))
    >>> np.sort(rows, axis=0).round(2)
    array([[-0.92,  0.  ,  0.  ],
           [-0.92,  0.  ,  0.  ],
           [ 0.  ,  0.  ,  0.  ],
           [ 0.  ,  0.  ,  0.  ],
           [ 0.95,  0.  ,  1.  ],
           [ 0.95,  0.  ,  1.  ]])
    """
    places = (np.arange(n_rows) + 0.5) / n_rows
    columns = [
        values[(places * len(values)).astype(int)] for values in _numbers(encoder)
    ]
    if encoder._categorical.size:
        columns += [
            np.searchsorted(np.cumsum(shares)[:-1], places)
            for shares in encoder._categories.shares
        ]
    return np.stack([rng.permutation(column) for column in columns], axis=1)


def _numbers(encoder):
    """Yield values of each column of numbers, which are equally frequent."""
    places = (np.arange(N_VALUES) + 0.5) / N_VALUES
    normal = DEVIATIONS[encoder.scaling] * ndtri(places)
    edges = _edges(encoder)
    for j in range(len(encoder._numeric)):
        values = edges.get(j, normal)
        if not encoder.is_identity and not encoder._scaler.factor[j]:
            values = np.zeros(1)
        yield np.append(values, np.nan) if j in encoder._with_missing else values


def _edges(encoder):
    """Return the edges of the bins of each column that has some."""
    edges = {}
    for kind, _, bins in encoder.blocks:
        if kind == "ple":
            for j in np.unique(bins["column"]):
                own = bins["column"] == j
                left, slope = bins["left"][own], bins["slope"][own]
                edges[j] = np.append(left, left[-1] + 1 / slope[-1])
    return edges
