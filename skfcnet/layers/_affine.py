"""Affine maps: of dense and of sparse rows, of scaled columns, before a rectifier."""

from typing import Any

import numpy as np

from skfcnet._engine.annotations import Array, Floats, Gradient
from skfcnet._engine.arguments import checked, unchecked
from skfcnet._engine.workspace import Workspace
from skfcnet.layers._activations import relu_backward, relu_forward
from skfcnet.layers._checks import (
    check_affine,
    check_affine_gradient,
    check_scaled_affine,
    check_scaled_affine_gradient,
)
from skfcnet.layers._sums import column_sums

SCALE_RATE = 6.0
"""How many times as fast as weights the scales of columns are learned."""


@checked(check_affine)
def affine_forward(
    x: Array,
    w: Array,
    b: Array,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
    """Affine map of every row: ``x @ w + b``.

    Parameters
    ----------
    x : ndarray of shape (..., N, D), or (N, d1, ..., dm)
        Rows; flattened to (N, D) with D = d1 * ... * dm.

    w : ndarray of shape (..., D, M)
        Weights.

    b : ndarray of shape (..., M)
        Biases.

    out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    out : ndarray of shape (..., N, M)
        The result.

    cache : tuple
        For `affine_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import affine_forward
    >>> out, cache = affine_forward(np.ones((1, 2)), np.eye(2), np.array([0.0, 1.0]))
    >>> out
    array([[1., 2.]])
    """
    out = np.matmul(_flattened(x, w), w, out=out)
    out += b
    return out, (x, w)


@checked(check_affine_gradient)
def affine_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None, None, None),
    workspace: Workspace | None = None,
    need_dx: bool = True,
) -> tuple[Gradient, Floats, Floats]:
    r"""Return the gradients of an affine map.

    .. math::

        dx &= dout \, w^T, \\
        dw &= x^T \, dout, \\
        db &= \sum_i dout_i

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    need_dx : bool, default=True
        Whether to compute ``dx``. In the first layer of a network, it is not needed.

    Returns
    -------
    dx : ndarray of the shape of ``x``, or None without ``need_dx``
        Gradient with respect to the rows; (k, N, D) of rows that members share.

    dw, db : ndarray
        Gradients with respect to the weights and biases.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import affine_backward, affine_forward
    >>> out, cache = affine_forward(np.ones((3, 2)), np.eye(2), np.zeros(2))
    >>> dx, dw, db = affine_backward(np.ones((3, 2)), cache)
    >>> db
    array([3., 3.])
    """
    x, w = cache
    dx, dw, db = out
    dw = np.matmul(_flattened(x, w).mT, dout, out=dw)
    db = column_sums(dout, out=db, workspace=workspace)
    if not need_dx:
        return None, dw, db
    # The product with a single output is an outer product. As a broadcast it takes a
    # third of the time.
    product = np.multiply if dout.shape[-1] == 1 else np.matmul
    dx = product(dout, w.mT, out=dx)
    return dx if x.ndim == dx.ndim else dx.reshape(x.shape), dw, db


@checked(check_affine)
def sparse_affine_forward(
    x: Any,
    w: Array,
    b: Array,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
    """Affine map of the rows of a sparse matrix: ``x @ w + b``.

    It is the first layer of a network whose input is sparse. Its parameters are those
    of `affine_forward`, and the rows are never made dense. ``out`` is not written to,
    because SciPy allocates the product.

    Parameters
    ----------
    x : sparse matrix or array of shape (N, D)
        Rows, in CSR format. The rows of k members are the blocks on the diagonal of a
        matrix of shape (k * N, k * D).

    w : ndarray of shape (..., D, M)
        Weights.

    b : ndarray of shape (..., M)
        Biases.

    out, workspace : as for every layer
        Unused.

    Returns
    -------
    out : ndarray of shape (..., N, M)
        The result.

    cache : tuple
        For `sparse_affine_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skfcnet.layers import sparse_affine_forward
    >>> x = csr_array(np.array([[0.0, 2.0]]))
    >>> out, cache = sparse_affine_forward(x, np.eye(2), np.ones(2))
    >>> out
    array([[1., 3.]])
    """
    # Below each other, the weights of members meet the columns of their own block.
    out = (x @ w.reshape(-1, w.shape[-1])).reshape(*w.shape[:-2], -1, w.shape[-1])
    out += b
    return out, (x, w)


@checked(check_affine_gradient)
def sparse_affine_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None, None, None),
    workspace: Workspace | None = None,
) -> tuple[None, Floats, Floats]:
    """Return the gradients of an affine map of sparse rows, but not of the rows.

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`; the first of ``out`` is ignored.

    Returns
    -------
    dx : None
        Not computed: it would be dense.

    dw, db : ndarray
        Gradients with respect to the weights and biases.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skfcnet.layers import sparse_affine_backward, sparse_affine_forward
    >>> x = csr_array(np.array([[0.0, 2.0]]))
    >>> out, cache = sparse_affine_forward(x, np.eye(2), np.ones(2))
    >>> sparse_affine_backward(np.array([[1.0, 3.0]]), cache)[1]
    array([[0., 0.],
           [2., 6.]])
    """
    x, w = cache
    _, dw, db = out
    dw = np.positive((x.T @ dout.reshape(x.shape[0], -1)).reshape(w.shape), out=dw)
    db = column_sums(dout, out=db, workspace=workspace)
    return None, dw, db


@checked(check_scaled_affine)
def scaled_affine_forward(
    x: Array,
    w: Array,
    b: Array,
    s: Array,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
    r"""Affine map of every row, whose columns have scales.

    .. math:: out = x \, \operatorname{diag}(6 s) \, w + b

    A column that does not help is switched off by one number, and one that does gets
    larger steps. The factor 6 is for update rules whose steps do not depend on the size
    of gradients, such as Adam: they change the scales six times as fast as the weights,
    as in RealMLP [1]_. With ``s`` of 1/6, the layer is `affine_forward`.

    Parameters
    ----------
    x : ndarray of shape (..., N, D)
        Rows.

    w : ndarray of shape (..., D, M)
        Weights.

    b : ndarray of shape (..., M)
        Biases.

    s : ndarray of shape (..., D)
        The scales of the columns, divided by 6.

    out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    out : ndarray of shape (..., N, M)
        The result.

    cache : tuple
        For `scaled_affine_backward`.

    References
    ----------
    .. [1] Holzmüller, D., Grinsztajn, L., Steinwart, I., "Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import scaled_affine_forward
    >>> x, s = np.ones((1, 2)), np.array([1.0, 0.0])
    >>> out, cache = scaled_affine_forward(x, np.eye(2), np.zeros(2), s)
    >>> out
    array([[6., 0.]])
    """
    workspace, scales = workspace or Workspace(), row_scales(w, s)
    rows, weights = _flattened(x, w), w
    dtype = np.result_type(rows, w)
    if rows.shape[-2] < w.shape[-1]:  # there are fewer numbers than weights
        shape = (*w.shape[:-2], *rows.shape[-2:])
        rows = np.multiply(rows, scales.mT, out=workspace("scaled", shape, dtype))
    else:
        weights = np.multiply(w, scales, out=workspace("scaled", w.shape, dtype))
    out, _ = unchecked(affine_forward)(rows, weights, b, out=out)
    return out, ((x, w), scales, s.shape)


@checked(check_scaled_affine_gradient)
def scaled_affine_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None, None, None, None),
    workspace: Workspace | None = None,
    need_dx: bool = True,
) -> tuple[Gradient, Floats, Floats, Floats]:
    r"""Return the gradients of an affine map of scaled columns.

    With the gradient :math:`g = x^T \, dout` of the scaled weights:

    .. math::

        dx &= dout \, (\operatorname{diag}(6 s) \, w)^T, \\
        dw &= \operatorname{diag}(6 s) \, g, \\
        db &= \sum_i dout_i, \\
        ds_j &= 6 \sum_m g_{jm} w_{jm}

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    need_dx : bool, default=True
        Whether to compute ``dx``. In the first layer of a network, it is not needed.

    Returns
    -------
    dx : ndarray of the shape of ``x``, or None without ``need_dx``
        Gradient with respect to the rows; (k, N, D) of rows that members share.

    dw, db, ds : ndarray
        Gradients with respect to the weights, the biases and the scales.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import scaled_affine_backward, scaled_affine_forward
    >>> x, w, b, s = np.ones((3, 2)), np.eye(2), np.zeros(2), np.ones(2)
    >>> out, cache = scaled_affine_forward(x, w, b, s)
    >>> dx, dw, db, ds = scaled_affine_backward(np.ones((3, 2)), cache)
    >>> ds
    array([18., 18.])
    """
    affine_cache, scales, shape = cache
    *of_affine, ds = out
    dx, dw, db = unchecked(affine_backward)(
        dout, affine_cache, out=of_affine, workspace=workspace, need_dx=need_dx
    )
    if dx is not None:
        rows = _flattened(dx, dw)
        rows *= scales.mT
    _, w = affine_cache
    return dx, dw, db, gradient_of_scales(dw, w, scales, shape, ds)


@checked(check_scaled_affine)
def sparse_scaled_affine_forward(
    x: Any,
    w: Array,
    b: Array,
    s: Array,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
    """Affine map of the rows of a sparse matrix, whose columns have scales.

    Parameters
    ----------
    x : sparse matrix or array of shape (N, D)
        Rows, in CSR format. The rows of k members are the blocks on the diagonal of a
        matrix of shape (k * N, k * D).

    w, b, s : ndarray
        Weights, biases and scales, as of `scaled_affine_forward`.

    out, workspace : as for every layer
        See the conventions of `skfcnet.layers`; ``out`` is ignored.

    Returns
    -------
    out : ndarray of shape (..., N, M)
        The result.

    cache : tuple
        For `sparse_scaled_affine_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skfcnet.layers import sparse_scaled_affine_forward
    >>> x, s = csr_array(np.array([[0.0, 2.0]])), np.array([0.0, 1.0])
    >>> out, cache = sparse_scaled_affine_forward(x, np.eye(2), np.ones(2), s)
    >>> out
    array([[ 1., 13.]])
    """
    scales = row_scales(w, s)
    # The stored values are fewer than the weights.
    scaled = x.tocsr(copy=True)
    scaled.data *= scales.reshape(-1).take(scaled.indices)
    out, _ = unchecked(sparse_affine_forward)(scaled, w, b)
    return out, ((x, w), scales, s.shape)


@checked(check_scaled_affine_gradient)
def sparse_scaled_affine_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None, None, None, None),
    workspace: Workspace | None = None,
) -> tuple[None, Floats, Floats, Floats]:
    """Return the gradients of `sparse_scaled_affine_forward`, but not of the rows.

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`; the first of ``out`` is ignored.

    Returns
    -------
    dx : None
        Not computed: it would be dense.

    dw, db, ds : ndarray
        Gradients with respect to the weights, the biases and the scales.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skfcnet.layers import (
    ...     sparse_scaled_affine_backward,
    ...     sparse_scaled_affine_forward,
    ... )
    >>> x, s = csr_array(np.array([[0.0, 2.0]])), np.ones(2)
    >>> out, cache = sparse_scaled_affine_forward(x, np.eye(2), np.ones(2), s)
    >>> sparse_scaled_affine_backward(np.array([[1.0, 3.0]]), cache)[3]
    array([ 0., 36.])
    """
    affine_cache, scales, shape = cache
    *of_affine, ds = out
    _, dw, db = unchecked(sparse_affine_backward)(
        dout, affine_cache, out=of_affine, workspace=workspace
    )
    _, w = affine_cache
    return None, dw, db, gradient_of_scales(dw, w, scales, shape, ds)


def affine_relu_forward(x: Array, w: Array, b: Array) -> tuple[Floats, Any]:
    """`affine_forward`, then `relu_forward`.

    Parameters
    ----------
    x, w, b : ndarray
        Rows, weights and biases.

    Returns
    -------
    out : ndarray of shape (N, M)
        The result.

    cache : tuple
        For `affine_relu_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import affine_relu_forward
    >>> affine_relu_forward(np.ones((1, 2)), -np.eye(2), np.array([0.0, 3.0]))[0]
    array([[0., 2.]])
    """
    scores, affine_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(scores)
    return out, (affine_cache, relu_cache)


def affine_relu_backward(dout: Array, cache: Any) -> tuple[Gradient, Floats, Floats]:
    """Return the gradients of `affine_relu_forward`, by the chain rule.

    Parameters
    ----------
    dout, cache : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    dx, dw, db : ndarray
        Gradients with respect to the rows, weights and biases.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import affine_relu_backward, affine_relu_forward
    >>> x, w, b = np.ones((1, 2)), -np.eye(2), np.array([0.0, 3.0])
    >>> out, cache = affine_relu_forward(x, w, b)
    >>> dx, dw, db = affine_relu_backward(np.ones((1, 2)), cache)
    >>> db
    array([0., 1.])
    """
    affine_cache, relu_cache = cache
    return affine_backward(relu_backward(dout, relu_cache), affine_cache)


def row_scales(w: Array, s: Array) -> Floats:
    """Return the scales of the rows of weights, as a column."""
    return (SCALE_RATE * s).reshape(*w.shape[:-1], 1)


def gradient_of_scales(
    dw: Array, w: Array, scales: Array, shape: tuple[int, ...], ds: Array | None
) -> Floats:
    """Return the gradient of scales, from that of the weights that they scale.

    The second becomes the gradient of the weights before they are scaled.
    """
    ds = np.empty(shape, dw.dtype) if ds is None else ds
    np.vecdot(dw, w, out=ds.reshape(w.shape[:-1]))
    ds *= SCALE_RATE
    dw *= scales
    return ds


def _flattened(x: Any, w: Array) -> Floats:
    """Return rows of any shape as rows of a matrix; those of members are already."""
    return x if x.ndim == w.ndim else x.reshape(len(x), len(w))
