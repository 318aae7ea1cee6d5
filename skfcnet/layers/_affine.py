"""Affine maps of dense and of sparse rows, and one followed by a rectifier."""

from typing import Any

import numpy as np

from skfcnet._engine.annotations import Array, Floats, Gradient
from skfcnet._engine.arguments import checked
from skfcnet._engine.workspace import Workspace
from skfcnet.layers._activations import relu_backward, relu_forward
from skfcnet.layers._checks import check_affine, check_affine_gradient
from skfcnet.layers._sums import column_sums


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

    .. math:: dx = dout \, w^T, \qquad dw = x^T \, dout,
        \qquad db = \sum_i dout_i

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    need_dx : bool, default=True
        Whether to compute ``dx``. In the first layer of a network, nobody needs it.

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


def _flattened(x: Any, w: Array) -> Floats:
    """Return rows of any shape as rows of a matrix; those of members are already."""
    return x if x.ndim == w.ndim else x.reshape(len(x), len(w))
