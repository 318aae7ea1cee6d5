"""Blocks without parameters that encode columns of numbers.

They follow the conventions of `skfcnet.layers`. The network runs them on the rows of
each minibatch, so that a table is never stored in its encoded form.
"""

import numpy as np

from skfcnet._engine.arguments import checked
from skfcnet._engine.workspace import Workspace
from skfcnet.layers._checks import check_columns, check_columns_gradient
from skfcnet.layers._declaration import Layer


@checked(check_columns)
def linear_forward(x, linear_param, *, out=None, workspace=None):
    """Multiply columns by a constant.

    Parameters
    ----------
    x : ndarray of shape (..., N, E)
        Columns.

    linear_param : dict
        ``factor``: the constant.

    out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    out : ndarray of shape (..., N, E)
        The columns times the factor.

    cache : tuple
        For `linear_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import linear_forward
    >>> linear_forward(np.array([[1.0, 2.0]]), {"factor": 3.0})[0]
    array([[3., 6.]])
    """
    factor = x.dtype.type(linear_param["factor"])
    return np.multiply(x, factor, out=out), (x.shape, factor)


@checked(check_columns_gradient)
def linear_backward(dout, cache, *, out=(None,), workspace=None, need_dx=True):
    """Gradient of columns times a constant: ``factor * dout``.

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    need_dx : bool, default=True
        Whether to compute ``dx``.

    Returns
    -------
    dx : ndarray of shape (..., N, E), or None without ``need_dx``
        Gradient with respect to the columns.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import linear_backward, linear_forward
    >>> out, cache = linear_forward(np.ones((1, 2)), {"factor": 3.0})
    >>> linear_backward(np.ones((1, 2)), cache)
    array([[3., 3.]])
    """
    _, factor = cache
    return np.multiply(dout, factor, out=out[0]) if need_dx else None


@checked(check_columns)
def missing_forward(x, missing_param, *, out=None, workspace=None):
    """Tell where values are missing: 1 for NaN, and 0 for a number.

    Parameters
    ----------
    x : ndarray of shape (..., N, E)
        Columns, in which NaN is a missing value.

    missing_param : dict
        ``column``: array of int, shape (M,): which columns to tell of.

    out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    out : ndarray of shape (..., N, M)
        The indicators.

    cache : tuple
        For `missing_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import missing_forward
    >>> x = np.array([[1.0, np.nan], [np.nan, 2.0]])
    >>> missing_forward(x, {"column": np.array([1])})[0]
    array([[1.],
           [0.]])
    """
    is_missing = np.isnan(x.take(missing_param["column"], axis=-1))
    if out is None:
        out = np.empty(is_missing.shape, x.dtype)
    out[...] = is_missing
    return out, (is_missing.shape, x.shape)


@checked(check_columns_gradient)
def missing_backward(dout, cache, *, out=(None,), workspace=None, need_dx=True):
    """Gradient of indicators of missing values, which is zero.

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
    >>> from skfcnet.layers import missing_backward, missing_forward
    >>> x = np.array([[1.0, np.nan]])
    >>> out, cache = missing_forward(x, {"column": np.array([1])})
    >>> missing_backward(np.ones((1, 1)), cache)
    array([[0., 0.]])
    """
    return zero_gradient(dout, cache[1], out[0]) if need_dx else None


@checked(check_columns)
def ple_forward(x, ple_param, *, out=None, workspace=None):
    r"""Piecewise linear encoding of columns of numbers [1]_.

    With the edges :math:`b_0 < \ldots < b_T` of the bins of a column, x becomes the
    T components

    .. math:: e_t = \min(\max((x - b_{t-1}) / (b_t - b_{t-1}), 0), 1),

    which are 1 for the bins below that of x and 0 for those above; the component of the
    bin of x says how far up x is in it. The edges are not trained. In the paper, the
    first and the last component go on beyond the ends, where an outlier makes them as
    large as the bin at the end is narrow; here, the block "linear" goes on.

    Parameters
    ----------
    x : ndarray of shape (..., N, E)
        Columns of numbers.

    ple_param : dict
        Three arrays of shape (M,) with an entry for each component. ``column``: the
        column that it belongs to, an integer; ``left``: the left edge of its bin;
        ``slope``: one over the width of its bin.

    out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    out : ndarray of shape (..., N, M)
        The components.

    cache : tuple
        For `ple_backward`.

    References
    ----------
    .. [1] Gorishniy, Y., Rubachev, I., Babenko, A., "On Embeddings for Numerical
       Features in Tabular Deep Learning", NeurIPS 2022.

    Examples
    --------
    A column with the edges 0, 1 and 3 has two components:

    >>> import numpy as np
    >>> from skfcnet.layers import ple_forward
    >>> bins = {"column": [0, 0], "left": [0.0, 1.0], "slope": [1.0, 0.5]}
    >>> ple_forward(np.array([[0.5], [2.0], [9.0]]), bins)[0]
    array([[0.5, 0. ],
           [1. , 0.5],
           [1. , 1. ]])
    """
    workspace = workspace or Workspace()
    column = np.asarray(ple_param["column"])
    left, slope = (np.asarray(ple_param[k], x.dtype) for k in ("left", "slope"))
    # These are contiguous, and therefore twice as fast to compute as in ``out``.
    heights = workspace("heights", (*x.shape[:-1], len(column)), x.dtype)
    x.take(column, axis=-1, out=heights, mode="clip")
    with np.errstate(over="ignore"):  # what is infinite is above or below the bin
        heights -= left
        heights *= slope
    np.clip(heights, 0, 1, out=heights)
    cache = heights.shape, x, column, left, slope
    if out is None:
        return heights, cache
    out[...] = heights
    return out, cache


@checked(check_columns_gradient)
def ple_backward(dout, cache, *, out=(None,), workspace=None, need_dx=True):
    r"""Return the gradient of piecewise linear encoding.

    It is the sum of :math:`de_t / (b_t - b_{t-1})` over the components t of the bins
    that x lies in: one, or none beyond the edges. On an edge, it is that to the right.

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    need_dx : bool, default=True
        Whether to compute ``dx``. In training, nobody needs it.

    Returns
    -------
    dx : ndarray of shape (..., N, E), or None without ``need_dx``
        Gradient with respect to the columns; (k, N, E) of columns that members share.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import ple_backward, ple_forward
    >>> bins = {"column": [0, 0], "left": [0.0, 1.0], "slope": [1.0, 0.5]}
    >>> out, cache = ple_forward(np.array([[0.5], [2.0], [9.0]]), bins)
    >>> ple_backward(np.ones((3, 2)), cache)
    array([[1. ],
           [0.5],
           [0. ]])
    """
    if not need_dx:
        return None
    _, x, column, left, slope = cache
    dx = zero_gradient(dout, x.shape, out[0])
    with np.errstate(over="ignore"):
        heights = (x.take(column, axis=-1) - left) * slope
    through_bins = np.where((heights >= 0) & (heights < 1), slope, 0) * dout
    for j in range(x.shape[-1]):
        dx[..., j] = through_bins[..., column == j].sum(axis=-1)
    return dx


def zero_gradient(dout, shape, out):
    """Return zeros for the gradient of columns, for every member that ``dout`` has."""
    if out is None:
        out = np.empty((*dout.shape[:-2], *shape[-2:]), dout.dtype)
    out[...] = 0
    return out


NUMBERS = {
    "linear": Layer(
        linear_forward,
        linear_backward,
        takes_options=True,
        width=lambda n_columns, factor: n_columns,
    ),
    "ple": Layer(
        ple_forward,
        ple_backward,
        takes_options=True,
        width=lambda n_columns, column, left, slope: len(column),
    ),
    "missing": Layer(
        missing_forward,
        missing_backward,
        takes_options=True,
        width=lambda n_columns, column: len(column),
        takes_missing=True,
    ),
}
"""The blocks of this module, by their kind."""
