"""The encoder, which makes the features that a network learns from of a table.

All that is learned from a table is the same for a row of weight k as for k rows, in any
order, to the last bit.
"""

from copy import copy

import numpy as np
from scipy.sparse import issparse

from skfcnet._engine.numeric import checked_cast, has_finite_norm
from skfcnet._engine.statistics import exact_weights
from skfcnet._tabular.binning import (
    PiecewiseLinear,
    have_many_values,
    max_bins_per_column,
)
from skfcnet._tabular.categorical_features import categorical_mask
from skfcnet._tabular.categories import CategoryEncoder
from skfcnet._tabular.chunks import row_chunks
from skfcnet._tabular.scaling import Scaler
from skfcnet._tabular.table_reader import TableReader
from skfcnet._tabular.tables import as_table, holds_numbers, take_rows

EMBEDDINGS = ("ple", "pbld")
"""The embeddings of numbers: the one of this encoder, and the one of the network."""

AUTO_MIN_BINS = 20
"""The embedding 'auto' is 'ple' if each column can have at least so many bins."""

N_FIRST_ROWS = 1_000
"""So many rows usually show already that there are too many columns for 'auto'."""


class Encoder:
    """Encoder of tables, whose output a network learns from.

    First the table is read as an array of numbers (`reader`), then these are encoded
    (`transform`). The encoded features are, in this order:

    * the numeric columns, scaled (`skfcnet._tabular.scaling.Scaler`), and with the
      embedding 'ple' the components of the scaled columns
      (`skfcnet._tabular.binning.PiecewiseLinear`);
    * for each numeric column with missing values in `fit`, whether it is missing;
    * the categorical columns (`skfcnet._tabular.categories.CategoryEncoder`);
    * if all of these are nothing, a column of zeros.

    A missing number becomes 0, the centre of its scaled column. The embedding 'pbld' is
    a layer of the network, whose input are the scaled columns. An encoder can be fitted
    to sparse rows only if there is nothing to encode. One that was fitted to dense rows
    makes sparse rows dense.

    Parameters
    ----------
    scaling : {'robust', 'standard', None}, default='robust'
        How numeric columns are scaled.

    embedding : {'auto', 'ple', 'pbld', None}, default=None
        How numeric columns are embedded. 'auto' is 'ple' if the rows are dense and have
        1 to 51 numeric columns of more than two values: with more columns, each would
        have few bins, and there would be many encoded features.

    n_bins : int, default=48
        The most bins of a column in piecewise linear encoding, two or more. With D
        numeric columns of more than two values, no column has more than
        ``max(4, 1024 // D)``, nor more than one for 10 rows.

    categorical_features : 'from_dtype', array-like of {bool, int, str} or None, \
            default='from_dtype'
        Which columns are categorical, as for
        `skfcnet._tabular.categorical_features.categorical_mask`.

    dtype : dtype, default=np.float32
        The dtype of encoded features, unless `transform` is asked for another.

    Attributes
    ----------
    reader : TableReader or None
        What makes an array of numbers of a table; None if there is no need, since the
        table holds numbers and no column is categorical.

    width : int
        Number of encoded features.

    n_embedded : int
        How many of the encoded features, from the first one on, the network embeds.

    is_identity : bool
        Whether encoded features are the numbers themselves, but for missing values.

    columns_without_rows : ndarray of int
        Which encoded features belong to categories that no row has.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.encoder import Encoder
    >>> X = np.array([[1.0, 0.0], [2.0, 2.0], [3.0, 1.0], [np.nan, 1.0]])
    >>> encoder = Encoder(categorical_features=[1]).learn_columns(X)
    >>> numbers = encoder.reader.read(X)
    >>> encoder.fit(numbers)
    Encoder(scaling='robust', embedding=None, width=5)
    >>> encoder.transform(numbers).round(2)
    array([[-0.49,  0.  ,  1.  ,  0.  ,  0.  ],
           [ 0.  ,  0.  ,  0.  ,  0.  ,  1.  ],
           [ 0.49,  0.  ,  0.  ,  1.  ,  0.  ],
           [ 0.  ,  1.  ,  0.  ,  1.  ,  0.  ]], dtype=float32)
    """

    def __init__(
        self,
        *,
        scaling="robust",
        embedding=None,
        n_bins=48,
        categorical_features="from_dtype",
        dtype=np.float32,
    ):
        self.scaling = scaling
        self.embedding = embedding
        self.n_bins = n_bins
        self.categorical_features = categorical_features
        self.dtype = dtype
        self.reader = None

    def __repr__(self):
        width = f", width={self.width}" if hasattr(self, "width") else ""
        return f"Encoder(scaling={self.scaling!r}, embedding={self.embedding!r}{width})"

    # Learning

    def is_plain(self, table):
        """Return whether a table holds numbers, and no column is categorical.

        Parameters
        ----------
        table : ndarray, sparse matrix or dataframe of shape (N, D)
            The table, from `as_table`.

        Returns
        -------
        is_plain : bool
            Whether it needs no reader.
        """
        names_columns = not isinstance(self.categorical_features, str | None)
        return issparse(table) or (holds_numbers(table) and not names_columns)

    def learn_columns(self, X, counts=None):
        """Learn which columns are categorical, and how the table is read.

        Parameters
        ----------
        X : array-like, sparse matrix or dataframe of shape (N, D)
            The table to train on, as the user passed it.

        counts : ndarray of bool, shape (N,), default=None
            Which rows have a positive weight, since others must not be learned from;
            None: all.

        Returns
        -------
        self : Encoder
            The encoder, whose `reader` can now read the table.

        Raises
        ------
        TypeError, ValueError
            If X is no table, or the categorical columns are not as they must be.
        """
        self.reader = None
        table = as_table(X)
        if self.is_plain(table):
            return self
        table = table if counts is None else take_rows(table, counts)
        mask = categorical_mask(table, self.categorical_features)
        if mask.any() or not holds_numbers(table):
            self.reader = TableReader(mask).fit(table)
        return self

    def fit(self, numbers, weight=None):
        """Learn how to encode the rows to train on.

        Parameters
        ----------
        numbers : ndarray or CSR matrix of shape (N, D)
            The rows to train on, as the reader returned them: finite numbers, and NaN
            for missing values.

        weight : ndarray of shape (N,), default=None
            Positive weights; None: each row has a weight of 1.

        Returns
        -------
        self : Encoder
            The fitted encoder.
        """
        is_categorical = np.zeros(numbers.shape[1], bool)
        if self.reader is not None:
            is_categorical = self.reader.categorical
        self._numeric = np.flatnonzero(~is_categorical)
        self._categorical = np.flatnonzero(is_categorical)
        numeric, categories = self._split(numbers)
        self._with_missing = _columns_with_missing(numeric)
        embedding = self._chosen_embedding(numeric)
        self.is_identity = (
            self.scaling is embedding is None
            and not self._categorical.size
            and not self._with_missing.size
        )
        self.width, self.n_embedded = numbers.shape[1], 0
        if self.is_identity:
            return self
        weight = exact_weights(weight, len(numbers))
        self._fit_numeric(numeric, weight, embedding)
        n_listed = None if self.reader is None else self.reader.n_listed
        self._categories = CategoryEncoder().fit(categories, n_listed)
        widths = [
            (self._piecewise_linear or self._scaler).width,
            len(self._with_missing),
            self._categories.width,
        ]
        self._ends = np.cumsum(widths)
        self.width = max(1, sum(widths))
        return self

    def _fit_numeric(self, numeric, weight, embedding):
        self._scaler = Scaler(self.scaling).fit(numeric, weight)
        self._piecewise_linear = None
        if embedding == "pbld":
            self.n_embedded = self._scaler.width
        elif embedding == "ple":
            scaled = np.empty(numeric.shape, self.dtype)
            for rows in row_chunks(scaled):
                self._scaler.transform(numeric[rows], out=scaled[rows])
            self._piecewise_linear = PiecewiseLinear(self.n_bins).fit(scaled, weight)

    def _chosen_embedding(self, numeric):
        if self.embedding != "auto":
            return self.embedding
        if issparse(numeric):
            return None
        for rows in (numeric[:N_FIRST_ROWS], numeric):
            n_columns = np.count_nonzero(have_many_values(rows))
            if max_bins_per_column(n_columns) < AUTO_MIN_BINS:
                return None
        return "ple" if n_columns else None

    def fit_transform(self, numbers, weight=None):
        """Learn how to encode the rows to train on, and return them encoded.

        Parameters
        ----------
        numbers : ndarray or CSR matrix of shape (N, D)
            The rows to train on, as for `fit`.

        weight : ndarray of shape (N,), default=None
            Positive weights; None: each row has a weight of 1.

        Returns
        -------
        features : ndarray of shape (N, width), or CSR matrix
            The encoded features, as from `transform`.
        """
        self.fit(numbers, weight)
        return self.transform(numbers, is_complete=not self._with_missing.size)

    def updated(self, numbers, weight=None):
        """Return an encoder that has also learned columns that were constant so far.

        Columns that did not vary, or were missing throughout, get a scale as in
        `skfcnet._tabular.scaling.Scaler.updated`. All others are encoded as before, and
        the encoded features are the same ones.

        Parameters
        ----------
        numbers : ndarray or CSR matrix of shape (N, D)
            More rows to train on, as for `fit`.

        weight : ndarray of shape (N,), default=None
            Positive weights; None: each row has a weight of 1.

        Returns
        -------
        encoder : Encoder
            A new encoder, or this one if there is nothing to learn; this one does not
            change.
        """
        if self.is_identity or self._scaler.factor.all():
            return self
        numbers = numbers.toarray() if issparse(numbers) else numbers
        numeric, _ = self._split(numbers)
        encoder = copy(self)
        weight = exact_weights(weight, len(numbers))
        encoder._scaler = self._scaler.updated(numeric, weight)
        return encoder

    @property
    def columns_without_rows(self):
        """Which encoded features belong to categories that no row has."""
        if self.is_identity:
            return np.empty(0, int)
        return self._ends[1] + self._categories.columns_without_rows

    # Encoding

    def transform(self, numbers, *, dtype=None, is_complete=False):
        """Encode rows, and fill in their missing values.

        Parameters
        ----------
        numbers : ndarray or CSR matrix of shape (N, D)
            Rows as the reader returned them: finite numbers, and NaN for missing
            values.

        dtype : dtype, default=None
            The dtype of the result; None: that of ``__init__``.

        is_complete : bool, default=False
            Whether it is known that no value is missing, which saves looking for them.

        Returns
        -------
        features : ndarray of shape (N, width), or CSR matrix
            The encoded features, which are finite. This is ``numbers`` itself if
            nothing changes, and otherwise new and C-contiguous.

        Raises
        ------
        ValueError
            If numbers are too large for the dtype. With 'robust' scaling, none are.
        """
        dtype = self.dtype if dtype is None else dtype
        if self.is_identity:
            numbers = checked_cast(numbers, dtype, "X")
            has_missing = not is_complete and _columns_with_missing(numbers).size
            return np.nan_to_num(numbers) if has_missing else numbers
        out = np.empty((numbers.shape[0], self.width), dtype)
        for rows in row_chunks(out):
            chunk = numbers[rows]
            chunk = chunk.toarray() if issparse(chunk) else chunk
            self._write(chunk, out[rows], is_complete=is_complete)
        return out

    def _write(self, numbers, out, *, is_complete):
        """Write the encoded features of rows."""
        numeric, missing, categories, rest = np.split(out, self._ends, axis=1)
        given, given_categories = self._split(numbers)
        scaled = numeric
        if self._piecewise_linear is not None:
            scaled = np.empty(given.shape, out.dtype)
        self._scaler.transform(given, out=scaled)
        is_missing = np.False_ if is_complete else np.isnan(given)
        if is_missing.any():
            scaled[is_missing] = 0
        if self._piecewise_linear is not None:
            self._piecewise_linear.transform(scaled, out=numeric)
        missing[...] = 0 if is_complete else is_missing.take(self._with_missing, axis=1)
        self._categories.transform(given_categories, out=categories)
        rest[...] = 0

    @np.errstate(all="ignore")
    def backward(self, numbers, gradients):
        """Return gradients with respect to the table, given those of its features.

        Parameters
        ----------
        numbers : ndarray of shape (N, D)
            Rows as the reader returned them.

        gradients : ndarray of shape (N, K, width)
            The gradients of K functions with respect to the encoded features of each
            row.

        Returns
        -------
        gradients : ndarray of float64, shape (N, K, D)
            The gradients with respect to the columns of the table; 0 for missing values
            and for categorical columns.
        """
        gradients = gradients.astype(np.float64, copy=False)
        if self.is_identity:
            return np.where(np.isnan(numbers)[:, np.newaxis], 0, gradients)
        out = np.zeros((*gradients.shape[:2], numbers.shape[1]))
        given, _ = self._split(numbers)
        numeric = gradients[..., : self._ends[0]]
        if self._piecewise_linear is not None:
            scaled = np.empty(given.shape, self.dtype)
            self._scaler.transform(given, out=scaled)
            numeric = self._piecewise_linear.backward(scaled, numeric)
        numeric = numeric * self._scaler.slopes(given)[:, np.newaxis]
        is_present = ~np.isnan(given)[:, np.newaxis]
        out[..., self._numeric] = np.where(is_present, numeric, 0)
        return out

    def _split(self, numbers):
        """Return the numeric and the categorical columns."""
        if not self._categorical.size:  # the numbers are not copied
            return numbers, numbers[:, :0]
        return (
            numbers.take(self._numeric, axis=1),
            numbers.take(self._categorical, axis=1),
        )


def _columns_with_missing(table):
    """Return the indices of the columns that have missing values."""
    if issparse(table) or has_finite_norm(table):
        return np.empty(0, int)
    found = np.zeros(table.shape[1], bool)
    for rows in row_chunks(table):
        found |= np.isnan(table[rows]).any(axis=0)
    return np.flatnonzero(found)
