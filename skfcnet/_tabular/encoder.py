"""The encoder, which makes the compact table that a network learns from.

All that is learned from a table is the same for a row of weight k as for k rows, in any
order, to the last bit.
"""

from copy import copy
from math import isfinite

import numpy as np
from scipy.sparse import issparse

from skfcnet._engine.numeric import checked_cast, checked_range, has_finite_norm
from skfcnet._engine.statistics import exact_weights
from skfcnet._tabular.binning import (
    bins_of_columns,
    have_many_values,
)
from skfcnet._tabular.categorical_features import categorical_mask
from skfcnet._tabular.categories import CategoryEncoder
from skfcnet._tabular.chunks import column_ranges, row_chunks
from skfcnet._tabular.scaling import SCALINGS, Scaler
from skfcnet._tabular.table_reader import TableReader
from skfcnet._tabular.tables import as_table, holds_numbers, take_rows
from skfcnet.layers import Block

EMBEDDINGS = ("ple", "pbld")
"""The embeddings of numbers, which are blocks of the network."""

LINEAR_FACTOR = 3.0
"""The scaled column beside its components is multiplied by this factor.

It is then about as long as the vector of its components, so that a smooth target is
learned as fast as one with jumps.
"""

RANGES_BEYOND = 10.0
"""In the linear term, a number beyond the training range, by more than so many times
the width of that range, counts as one that far beyond."""


class Encoder:
    """Encoder of tables, whose output a network learns from.

    First the table is read as an array of numbers (`reader`), then these become the
    compact table (`transform`), which has as many columns: the numeric columns, scaled
    (`skfcnet._tabular.scaling.Scaler`), and then the codes of the categorical columns
    (`skfcnet._tabular.categories.CategoryEncoder`). What needs more memory is left to
    `blocks`, by which the network encodes the rows of a minibatch. They make of the
    compact table, in this order:

    * the scaled columns; with piecewise linear encoding, these are multiplied by
      `LINEAR_FACTOR`, and their components follow;
    * for each numeric column with missing values in `fit`, whether it is missing;
    * one-hot columns of the categories of columns with few, and the trained embedding
      of those with many;
    * with the embedding 'pbld', its columns.

    A missing number becomes 0, the centre of its scaled column. An encoder can be
    fitted to sparse rows only if there is nothing to encode. One that was fitted to
    dense rows makes sparse rows dense.

    Parameters
    ----------
    scaling : {'robust', 'standard', None}, default='robust'
        How numeric columns are scaled.

    embedding : {'auto', 'ple', 'pbld', None}, default=None
        How numeric columns are embedded. 'auto' is 'ple' if the rows are dense and have
        a numeric column of more than two values.

    n_bins : int, default=24
        The most bins of a column in piecewise linear encoding, two or more. The columns
        of more than two values have at most 256 bins together, and none has more than
        one for 10 rows.

    categorical_features : 'from_dtype', array-like of {bool, int, str} or None, \
            default='from_dtype'
        Which columns are categorical, as for
        `skfcnet._tabular.categorical_features.categorical_mask`.

    linear_term : bool, default=False
        Whether a network of dense rows has a linear term.

    dtype : dtype, default=np.float32
        The dtype of the compact table, unless `transform` is asked for another.

    Attributes
    ----------
    reader : TableReader or None
        What makes an array of numbers of a table; None if there is no need, since the
        table holds numbers and no column is categorical.

    width : int
        Number of columns of the compact table.

    blocks : tuple of Block
        What the network makes of the compact table; empty if its columns are the
        features.

    linear_blocks : tuple of Block
        What the network makes of the compact table for its linear term; empty if there
        is none. Its numbers are not clipped smoothly, but far beyond the range of the
        rows to train on: see `RANGES_BEYOND`.

    is_identity : bool
        Whether the compact table is the numbers themselves, but for missing values.

    is_sparse : bool
        Whether it was fitted to sparse rows.

    without_rows : dict of str to ndarray of int
        Which rows of the arrays of a network, by their names, belong to categories that
        no row has.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.encoder import Encoder
    >>> X = np.array([[1.0, 0.0], [2.0, 2.0], [3.0, 1.0], [np.nan, 1.0]])
    >>> encoder = Encoder(categorical_features=[1]).learn_columns(X)
    >>> numbers = encoder.reader.read(X)
    >>> encoder.fit(numbers)
    Encoder(scaling='robust', embedding=None, width=2)
    >>> encoder.transform(numbers).round(2)
    array([[-0.49,  0.  ],
           [ 0.  ,  2.  ],
           [ 0.49,  1.  ],
           [  nan,  1.  ]], dtype=float32)
    >>> [block.kind for block in encoder.blocks]
    ['linear', 'missing', 'onehot']
    """

    def __init__(
        self,
        *,
        scaling="robust",
        embedding=None,
        n_bins=24,
        categorical_features="from_dtype",
        linear_term=False,
        dtype=np.float32,
    ):
        self.scaling = scaling
        self.embedding = embedding
        self.n_bins = n_bins
        self.categorical_features = categorical_features
        self.linear_term = linear_term
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
        self.is_sparse = issparse(numbers)
        embedding = self._chosen_embedding(numeric)
        has_linear_term = self.linear_term and not self.is_sparse
        self.is_identity = (
            self.scaling is embedding is None
            and not has_linear_term
            and not self._categorical.size
            and not self._with_missing.size
        )
        self.width, self.blocks, self.linear_blocks = numbers.shape[1], (), ()
        self.without_rows = {}
        if self.is_identity:
            return self
        weight = exact_weights(weight, len(numbers))
        self._scaler = Scaler(self.scaling).fit(numeric, weight)
        n_listed = None if self.reader is None else self.reader.n_listed
        self._categories = CategoryEncoder().fit(categories, weight, n_listed)
        bins = self._bins(numeric, weight) if embedding == "ple" else None
        self._factor = 1.0 if bins is None else LINEAR_FACTOR
        self.blocks = tuple(self._blocks(bins, embedding))
        if has_linear_term:
            self.linear_blocks = tuple(self._linear_blocks(numeric))
        return self

    def _linear_blocks(self, numeric):
        """Yield the blocks of the linear term: numbers, and what is missing or one-hot.

        The one-hot columns of the network are the same ones.
        """
        if self._numeric.size:
            ends = self._scaler.without_bound(np.stack(column_ranges(numeric)))
            low, high = np.nan_to_num(ends, nan=0.0)
            beyond = RANGES_BEYOND * (high - low)
            bounds = {"low": low - beyond, "high": high + beyond}
            limit = {"limit": SCALINGS[self.scaling].limit}
            numbers = 0, len(self._numeric)
            yield Block("unclipped", numbers, limit | bounds)
            if isfinite(limit["limit"]):
                # The linear term uses one of the two forms.
                yield Block("linear", numbers, {"factor": 1.0})
        yield from (b for b in self.blocks if b.kind in ("missing", "onehot"))

    def _bins(self, numeric, weight):
        scaled = np.empty(numeric.shape, self.dtype)
        for rows in row_chunks(scaled):
            self._scaler.transform(numeric[rows], out=scaled[rows])
        return bins_of_columns(scaled, weight, self.n_bins)

    def _blocks(self, bins, embedding):
        """Yield the blocks, unless the compact table holds the features already."""
        numbers = 0, len(self._numeric)
        is_plain = not (self._with_missing.size or self._categorical.size)
        if is_plain and embedding is None:
            return
        n_features = len(self._numeric)
        if self._numeric.size:
            yield Block("linear", numbers, {"factor": self._factor})
        if bins is not None and bins["column"].size:
            yield Block("ple", numbers, bins)
            n_features += len(bins["column"])
        if self._with_missing.size:
            yield Block("missing", numbers, {"column": self._with_missing})
            n_features += len(self._with_missing)
        first_lookup = len(self._numeric) + self._categories.n_onehot
        if first_lookup > len(self._numeric):
            codes = len(self._numeric), first_lookup
            yield Block("onehot", codes, self._categories.onehot)
            without_rows = self._categories.features_without_rows
            self.without_rows["W1"] = n_features + without_rows
        if first_lookup < self.width:
            codes = first_lookup, self.width
            yield Block("lookup", codes, self._categories.lookup)
            self.without_rows["E0"] = self._categories.vectors_without_rows
        if embedding == "pbld" and self._numeric.size:
            yield Block("pbld", numbers)

    def _chosen_embedding(self, numeric):
        if self.embedding != "auto":
            return self.embedding
        can_embed = not issparse(numeric) and have_many_values(numeric).any()
        return "ple" if can_embed else None

    def fit_transform(self, numbers, weight=None):
        """Learn how to encode the rows to train on, and return their compact table.

        Parameters
        ----------
        numbers : ndarray or CSR matrix of shape (N, D)
            The rows to train on, as for `fit`.

        weight : ndarray of shape (N,), default=None
            Positive weights; None: each row has a weight of 1.

        Returns
        -------
        table : ndarray of shape (N, width), or CSR matrix
            The compact table, as from `transform`.
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
    def sources(self):
        """Which column of the table each column of the compact table is made of."""
        if not self._categorical.size:
            return self._numeric
        return np.append(self._numeric, self._categorical[self._categories.order])

    # Encoding

    def transform(self, numbers, *, dtype=None, is_complete=False):
        """Return the compact table of rows.

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
        table : ndarray of shape (N, width), or CSR matrix
            Finite numbers, and NaN for missing values of columns that had some in
            `fit`. Missing values of others are 0. This is ``numbers`` itself if nothing
            changes, and otherwise new and C-contiguous.

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
        """Write the compact table of rows."""
        numeric, codes = np.split(out, [len(self._numeric)], axis=1)
        given, categories = self._split(numbers)
        self._scaler.transform(given, out=numeric)
        if not is_complete:
            is_missing = np.isnan(given)
            is_missing[:, self._with_missing] = False
            numeric[is_missing] = 0
        if self._factor > 1 and numeric.size:  # the network multiplies by it
            largest = float(np.fmax.reduce(np.abs(numeric), axis=None, initial=0))
            checked_range(largest * self._factor, out.dtype)
        self._categories.transform(categories, out=codes)

    def affine_map(self):
        """Return the map of the columns of X by which the first block scales them.

        It is only defined for an encoder of numbers whose scaling does not clip.

        Returns
        -------
        factor, shift : ndarray of shape (D,)
            A column x becomes ``factor * x + shift``.
        """
        factor = self._factor * self._scaler.factor
        return 0.5 * factor, -factor * self._scaler.half_center

    @np.errstate(all="ignore")
    def backward(self, numbers, gradients):
        """Return gradients with respect to the table, given those of the compact one.

        Parameters
        ----------
        numbers : ndarray of shape (N, D)
            Rows as the reader returned them.

        gradients : ndarray of shape (N, K, width)
            The gradients of K functions with respect to the compact table, by row.

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
        numeric = gradients[..., : len(self._numeric)]
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
