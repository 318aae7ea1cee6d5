"""Blocks that encode columns of categories, which are numbered from 0 on.

They follow the conventions of `skfcnet.layers`. The codes of categories are whole
numbers in an array of floats, like the other columns of a row.
"""

from typing import Any

import numpy as np

from skfcnet._engine.annotations import Array, Floats, Gradient, Options
from skfcnet._engine.arguments import checked
from skfcnet._engine.parameters import ParamSpec, Zone
from skfcnet._engine.workspace import Workspace
from skfcnet.layers._checks import (
    check_columns,
    check_columns_gradient,
    check_lookup,
)
from skfcnet.layers._declaration import Layer
from skfcnet.layers._numbers import zero_gradient

INITIAL_DEVIATION = 0.1
"""Standard deviation of the initial vectors of categories."""


@checked(check_columns)
def onehot_forward(
    x: Array,
    onehot_param: Options,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
    """One-hot encoding of columns of categories.

    Parameters
    ----------
    x : ndarray of shape (..., N, E)
        Codes of categories.

    onehot_param : dict
        Three arrays of shape (M,) with an entry for each new column. ``column``: the
        column that it belongs to, an integer; ``plus``: the code for which it is 1;
        ``minus``: the code for which it is -1, or NaN.

    out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    out : ndarray of shape (..., N, M)
        The new columns, which are 0 for all other codes.

    cache : tuple
        For `onehot_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import onehot_forward
    >>> of_two = {"column": [0], "plus": [1.0], "minus": [0.0]}
    >>> onehot_forward(np.array([[0.0], [1.0], [2.0]]), of_two)[0]
    array([[-1.],
           [ 1.],
           [ 0.]])
    """
    plus, minus = (np.asarray(onehot_param[k], x.dtype) for k in ("plus", "minus"))
    codes = x.take(onehot_param["column"], axis=-1)
    if out is None:
        out = np.empty(codes.shape, x.dtype)
    out[...] = codes == plus
    out -= codes == minus
    return out, (codes.shape, x.shape)


@checked(check_columns_gradient)
def onehot_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None,),
    workspace: Workspace | None = None,
    need_dx: bool = True,
) -> Gradient:
    """Gradient of one-hot encoding with respect to the codes, which is zero.

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    need_dx : bool, default=True
        Whether to compute ``dx``.

    Returns
    -------
    dx : ndarray of shape (..., N, E), or None without ``need_dx``
        Zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import onehot_backward, onehot_forward
    >>> of_two = {"column": [0], "plus": [1.0], "minus": [0.0]}
    >>> out, cache = onehot_forward(np.array([[0.0], [1.0]]), of_two)
    >>> onehot_backward(np.ones((2, 1)), cache)
    array([[0.],
           [0.]])
    """
    return zero_gradient(dout, cache[1], out[0]) if need_dx else None


@checked(check_lookup)
def lookup_forward(
    x: Array,
    E: Array,
    o: Array,
    lookup_param: Options,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
    r"""Trained embedding [1]_ of columns of categories: look up a row for each code.

    Category c of column j becomes the vector

    .. math:: e_{jc} = o_j + s_{jc} E_{jc}

    of d numbers. :math:`o_j` is common to all categories of the column, so that every
    row trains it, and it is what a category without rows is encoded as:
    :math:`s_{jc} = 0`. A category of few rows has a small factor :math:`s_{jc}`, so it
    stays close to the others.

    Parameters
    ----------
    x : ndarray of shape (..., N, C)
        Codes of categories.

    E : ndarray of shape (..., R, d)
        The rows of all categories of all columns, below each other.

    o : ndarray of shape (..., C, d)
        What is common to all categories of each column.

    lookup_param : dict
        ``first_row``: array of int, shape (C,): the row of E that belongs to code 0 of
        each column; ``factor``: array of shape (R,), the factors s.

    out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    out : ndarray of shape (..., N, C * d)
        The d numbers of the first column, then those of the second and so on.

    cache : tuple
        For `lookup_backward`.

    References
    ----------
    .. [1] Guo, C., Berkhahn, F., "Entity Embeddings of Categorical Variables",
       arXiv:1604.06737, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import lookup_forward
    >>> E, o = np.array([[1.0, 2.0], [5.0, 5.0], [9.0, 9.0]]), np.array([[0.0, 1.0]])
    >>> param = {"first_row": np.array([0]), "factor": np.array([1.0, 0.5, 0.0])}
    >>> lookup_forward(np.array([[0.0], [1.0], [2.0]]), E, o, param)[0]
    array([[1. , 3. ],
           [2.5, 3.5],
           [0. , 1. ]])
    """
    workspace = workspace or Workspace()
    factors = np.asarray(lookup_param["factor"], x.dtype)
    rows = x.astype(np.intp) + np.asarray(lookup_param["first_row"])
    factor = factors[rows][..., np.newaxis]
    shape = *E.shape[:-2], *rows.shape[-2:], E.shape[-1]
    embedded = workspace("embedded", shape, x.dtype)
    for own, own_rows, into in _by_member(E, rows, embedded):
        np.take(own, own_rows, axis=0, out=into, mode="clip")
    embedded *= factor
    embedded += o[..., np.newaxis, :, :]
    columns = embedded.reshape(*embedded.shape[:-2], -1)
    if out is None:
        out = columns
    else:
        out[...] = columns
    return out, (out.shape, rows, factor, E.shape, x.shape)


@checked(check_columns_gradient)
def lookup_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None, None, None),
    workspace: Workspace | None = None,
    need_dx: bool = True,
) -> tuple[Gradient, Floats, Floats]:
    r"""Return the gradients of the embedding of categories.

    The gradient of the vector of a row is added up where it was looked up:

    .. math::

        do_j &= \sum_i de_{ij}, \\
        dE_{jc} &= s_{jc} \sum_{i: x_{ij} = c} de_{ij}

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    need_dx : bool, default=True
        Whether to compute ``dx``, which is zero.

    Returns
    -------
    dx : ndarray of shape (..., N, C), or None without ``need_dx``
        Zeros.

    dE, do : ndarray
        Gradients with respect to the rows of categories, and what they have in common.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import lookup_backward, lookup_forward
    >>> param = {"first_row": np.array([0]), "factor": np.ones(3)}
    >>> x, E, o = np.array([[0.0], [2.0], [0.0]]), np.zeros((3, 1)), np.zeros((1, 1))
    >>> out, cache = lookup_forward(x, E, o, param)
    >>> dx, dE, do = lookup_backward(np.array([[1.0], [2.0], [4.0]]), cache)
    >>> dE.ravel(), do.ravel()
    (array([5., 0., 2.]), array([7.]))
    """
    workspace = workspace or Workspace()
    _, rows, factor, shape, x_shape = cache
    dx, dE, do = out
    size = shape[-1]
    by_column = dout.reshape(*dout.shape[:-1], -1, size)
    do = np.sum(by_column, axis=-3, out=do)
    if dE is None:
        dE = np.empty(shape, dout.dtype)
    dE[...] = 0
    terms = workspace("terms", by_column.shape, dout.dtype)
    np.multiply(by_column, factor, out=terms)
    for own, own_rows, own_terms in _by_member(dE, rows, terms):
        # With one axis, np.add.at takes a third of the time.
        places = own_rows[..., np.newaxis] * size + np.arange(size)
        np.add.at(own.reshape(-1), places.reshape(-1), own_terms.reshape(-1))
    dx = zero_gradient(dout, x_shape, dx) if need_dx else None
    return dx, dE, do


def _by_member(E: Array, rows: Array, of_rows: Any) -> Any:
    """Yield the rows of categories of each member, and what it looks up in them.

    The rows to look up may be the same ones for all members.
    """
    if E.ndim == 2:
        yield E, rows, of_rows
        return
    for m, own in enumerate(E):
        yield own, rows[m % len(rows)], of_rows[m]


def _initial_vectors(shape: tuple[int, ...], rng: Any) -> Floats:
    return INITIAL_DEVIATION * rng.standard_normal(shape)


def _lookup_specs(
    fan_in: int, fan_out: int, first_row: Any, factor: Any, size: Any
) -> tuple[ParamSpec, ...]:
    return (
        ParamSpec("E", (len(factor), size), Zone.WEIGHT, _initial_vectors),
        ParamSpec("o", (fan_in, size), Zone.BIAS, 0.0),
    )


CATEGORIES = {
    "onehot": Layer(
        onehot_forward,
        onehot_backward,
        takes_options=True,
        width=lambda n_columns, column, plus, minus: len(column),
    ),
    "lookup": Layer(
        lookup_forward,
        lookup_backward,
        specs=_lookup_specs,
        takes_options=True,
        width=lambda n_columns, first_row, factor, size: n_columns * size,
    ),
}
"""The blocks of this module, by their kind."""
