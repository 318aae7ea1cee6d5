"""Blocks without parameters that encode columns of numbers.

They follow the conventions of `skfcnet.layers`. The network runs them on the rows of
each minibatch, so that a table is never stored in its encoded form.
"""

from typing import Any

import numpy as np

from skfcnet._engine.annotations import Array, Floats, Gradient, Options
from skfcnet._engine.arguments import checked
from skfcnet._engine.workspace import Workspace
from skfcnet.layers._checks import check_columns, check_columns_gradient
from skfcnet.layers._declaration import Layer

LARGEST_UNCLIPPED = 1000.0
"""A number without its clip is at most so large."""


@checked(check_columns)
def linear_forward(
    x: Array,
    linear_param: Options,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
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
def linear_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None,),
    workspace: Workspace | None = None,
    need_dx: bool = True,
) -> Gradient:
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
def missing_forward(
    x: Array,
    missing_param: Options,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
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
def missing_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None,),
    workspace: Workspace | None = None,
    need_dx: bool = True,
) -> Gradient:
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
def ple_forward(
    x: Array,
    ple_param: Options,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
    r"""Piecewise linear encoding of columns of numbers [1]_.

    With the edges :math:`b_0 < \ldots < b_T` of the bins of a column, x becomes the
    T components

    .. math:: e_t = \min\left(\max\left(
        \frac{x - b_{t-1}}{b_t - b_{t-1}}, 0\right), 1\right),

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
def ple_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None,),
    workspace: Workspace | None = None,
    need_dx: bool = True,
) -> Gradient:
    r"""Return the gradient of piecewise linear encoding.

    It is the sum of :math:`de_t / (b_t - b_{t-1})` over the components t of the bins
    that x lies in: one, or none beyond the edges. On an edge, it is that to the right.

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    need_dx : bool, default=True
        Whether to compute ``dx``. In training, it is not needed.

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


@checked(check_columns)
def unclipped_forward(
    x: Array,
    unclipped_param: Options,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
    r"""Undo a smooth clip of columns of numbers.

    A number z that was clipped smoothly to :math:`x = z / \sqrt{1 + (z / l)^2}`, which
    lies between -l and l, is

    .. math:: z = x / \sqrt{1 - (x / l)^2}.

    It is computed up to a magnitude of 1000, up to which x in single precision can be
    told from l, and clipped to the range from ``low`` to ``high``.

    Parameters
    ----------
    x : ndarray of shape (..., N, E)
        Columns of numbers.

    unclipped_param : dict
        ``limit``: the limit l of the clip, or infinity for columns that were not
        clipped; ``low`` and ``high``: arrays of shape (E,), the range of each column.

    out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    out : ndarray of shape (..., N, E)
        The columns without the clip.

    cache : tuple
        For `unclipped_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import unclipped_forward
    >>> settings = {"limit": 3.0, "low": np.array([-20.0]), "high": np.array([20.0])}
    >>> z = np.array([[1.0], [9.0], [99.0]])
    >>> x = z / np.sqrt(1 + (z / 3) ** 2)
    >>> x.round(2).ravel()
    array([0.95, 2.85, 3.  ])
    >>> unclipped_forward(x, settings)[0].round(2).ravel()
    array([ 1.,  9., 20.])
    """
    workspace = workspace or Workspace()
    limit = float(unclipped_param["limit"])
    low, high = (np.asarray(unclipped_param[k], x.dtype) for k in ("low", "high"))
    squared = workspace("squared", x.shape, x.dtype)
    np.multiply(x, 1 / limit, out=squared)
    np.multiply(squared, squared, out=squared)
    np.subtract(1, squared, out=squared)
    np.maximum(squared, least_square(limit), out=squared)
    norm = np.sqrt(squared, out=squared)
    out = np.divide(x, norm, out=out)
    np.clip(out, low, high, out=out)
    return out, (x.shape, x, limit, low, high)


def least_square(limit: float) -> float:
    """Return what a square is at least by which numbers without their clip divide."""
    return 1 / (1 + (LARGEST_UNCLIPPED / limit) ** 2)


@checked(check_columns_gradient)
def unclipped_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None,),
    workspace: Workspace | None = None,
    need_dx: bool = True,
) -> Gradient:
    r"""Gradient of columns without their clip.

    It is :math:`(1 - (x / l)^2)^{-3/2} \, dout` where the output of
    `unclipped_forward` lies between ``low`` and ``high``, and 0 elsewhere. Here, x is
    the input of `unclipped_forward`, and l the ``limit`` of the clip.

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    need_dx : bool, default=True
        Whether to compute ``dx``.

    Returns
    -------
    dx : ndarray of shape (..., N, E), or None without ``need_dx``
        Gradient with respect to the columns; (k, N, E) of columns that members share.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import unclipped_backward, unclipped_forward
    >>> settings = {"limit": 3.0, "low": np.array([-20.0]), "high": np.array([20.0])}
    >>> out, cache = unclipped_forward(np.zeros((1, 1)), settings)
    >>> unclipped_backward(np.ones((1, 1)), cache)
    array([[1.]])
    """
    if not need_dx:
        return None
    _, x, limit, low, high = cache
    squared = 1 - (x / limit) ** 2
    norm = np.sqrt(np.maximum(squared, 1 / (1 + (LARGEST_UNCLIPPED / limit) ** 2)))
    is_inside = (x / norm > low) & (x / norm < high)
    return np.multiply(dout, is_inside / norm**3, out=out[0])


def zero_gradient(dout: Array, shape: tuple[int, ...], out: Any) -> Array:
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
    "unclipped": Layer(
        unclipped_forward,
        unclipped_backward,
        takes_options=True,
        width=lambda n_columns, limit, low, high: n_columns,
    ),
}
"""The blocks of this module, by their kind."""
