"""Layers: a forward and a backward function each, on plain arrays.

Conventions
-----------
1. ``forward(x, *params, [options], *, out=None, workspace=None) -> (out, cache)``:
   ``x`` has one row a sample, ``cache`` is what the backward pass will need.
2. ``backward(dout, cache, *, out=(None, ...), workspace=None)`` returns the
   gradients of the loss **in the order of the forward's arguments**,
   ``(dx, *dparams)``; a layer without parameters returns ``dx`` itself.
3. A backward pass never writes to its cache, and writes to ``dout`` only where
   ``out[0] is dout``.
4. Where a layer says so in its declaration (``inplace``), it may write over its
   input, ``out=x``: what its backward pass needs is not the input.
5. Arrays that do not fit each other are a ValueError that names them with their shapes,
   even where NumPy would broadcast; arrays of integers are computed with in float64. A
   network, whose arrays fit, goes past that door.

``out`` says where results go and ``workspace`` lends scratch arrays; without either,
a function is pure and allocates what it needs. It is the same code either way: what
is read here is what trains.

One call can serve k members of an ensemble, each as if it were alone. All arrays then
have an axis for them in front: rows (k, N, D), or (1, N, D) where they are shared,
weights (k, D, M), and vectors of parameters, which meet rows, (k, 1, D). That is what
``...`` at the beginning of a shape stands for.

`LAYERS` declares every layer once. A network chooses its activation by a key of
`ACTIVATIONS` and its normalisation by a key of `NORMALIZATIONS`, which names the layer
that the key stands for. The network, the estimators, the gradient tests and the
documentation read these tables.
"""

from math import ceil, prod

import numpy as np
from scipy.sparse import issparse

from skfcnet._engine.arguments import (
    as_floats,
    check_gradient,
    check_gradient_shape,
    check_shape,
    checked,
    unchecked,
)
from skfcnet._engine.parameters import ParamSpec, Zone
from skfcnet._engine.random import as_generator
from skfcnet._engine.workspace import Workspace
from skfcnet.layers._activations import (  # noqa: F401 - activations are layers, too
    ACTIVATIONS,
    elu_backward,
    elu_forward,
    gelu_backward,
    gelu_forward,
    identity_backward,
    identity_forward,
    leaky_relu_backward,
    leaky_relu_forward,
    mish_backward,
    mish_forward,
    relu_backward,
    relu_forward,
    selu_backward,
    selu_forward,
    sigmoid_backward,
    sigmoid_forward,
    silu_backward,
    silu_forward,
    softplus_backward,
    softplus_forward,
    tanh_backward,
    tanh_forward,
)
from skfcnet.layers._declaration import Layer
from skfcnet.layers._embeddings import (  # noqa: F401 - embeddings are layers, too
    EMBEDDINGS,
    pbld_backward,
    pbld_forward,
)

DRAWN = 16_384
"""Units that random bits are drawn for at a time: NumPy allocates the bits."""

WHOLE_WORDS = (
    np.random.PCG64,
    np.random.PCG64DXSM,
    np.random.Philox,
    np.random.SFC64,
)
"""Sources of random bits of which a raw draw has 64: it takes a third of the time."""


# What the functions below require of their arguments, for the door before each.


def _affine_input(function, x, w, b):
    x, w, b = _rows_of_floats(x), as_floats(w), as_floats(b)
    if w.ndim not in (2, 3):
        raise ValueError(f"{function} needs w of shape (D, M), got {w.shape}.")
    *members, n_features, n_outputs = w.shape
    if issparse(x):
        fits = x.shape[1] == prod(members) * n_features
    elif members:
        fits = x.ndim == 3 and x.shape[0] in (1, *members) and x.shape[2] == n_features
    else:
        fits = x.ndim > 0 and prod(x.shape[1:]) == n_features
    if not fits:
        raise ValueError(
            f"{function} needs rows x with the {n_features} features that w of shape "
            f"{w.shape} has rows for, got x of shape {x.shape}."
        )
    check_shape(function, "b", b, _of_columns(members, n_outputs))
    return x, w, b


def _rows_of_floats(x):
    if not issparse(x):
        return as_floats(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _affine_gradient(function, dout, cache):
    x, w = cache
    *members, _, n_outputs = w.shape
    n_rows = x.shape[-2] if x.ndim == w.ndim else x.shape[0]
    if issparse(x):  # the rows of all members, below each other
        n_rows = x.shape[0] // prod(members)
    expected = (*members, n_rows, n_outputs)
    return check_gradient_shape(function, dout, expected), cache


def _normalisation_input(function, x, gamma, beta, options):
    x, gamma, beta = as_floats(x), as_floats(gamma), as_floats(beta)
    if x.ndim not in (2, 3):
        raise ValueError(f"{function} needs x of shape (N, D), got {x.shape}.")
    *members, _, width = x.shape
    check_shape(function, "gamma", gamma, _of_columns(members, width))
    check_shape(function, "beta", beta, gamma.shape)
    for name in ("running_mean", "running_var"):
        if name in options:
            check_shape(function, name, np.asarray(options[name]), gamma.shape)
    return x, gamma, beta, options


def _of_columns(members, width):
    """Return the shape of one number for each column; of members, they are rows."""
    return (*members, 1, width) if members else (width,)


def _dropout_input(function, x, options):
    return _rows_of_floats(x), options


@checked(_affine_input)
def affine_forward(x, w, b, *, out=None, workspace=None):
    """Affine map of every row: ``x @ w + b``.

    Parameters
    ----------
    x : ndarray of shape (..., N, D), or (N, d1, ..., dm)
        Rows; flattened to (N, D) with D = d1 * ... * dm.

    w : ndarray of shape (..., D, M)
        Weights.

    b : ndarray of shape (..., M)
        Biases.

    out : ndarray of shape (..., N, M), default=None
        Where to write the result.

    workspace : Workspace, default=None
        Unused; every layer takes one.

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


@checked(_affine_gradient)
def affine_backward(
    dout, cache, *, out=(None, None, None), workspace=None, need_dx=True
):
    r"""Return the gradients of an affine map.

    .. math:: dx = dout \, w^T, \qquad dw = x^T \, dout,
        \qquad db = \sum_i dout_i

    Parameters
    ----------
    dout : ndarray of shape (..., N, M)
        Gradient with respect to the output.

    cache : tuple
        From `affine_forward`.

    out : tuple of three ndarrays, default=(None, None, None)
        Where to write ``dx`` (..., N, D), ``dw`` and ``db``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    need_dx : bool, default=True
        A network's first layer has nobody to hand ``dx`` to.

    Returns
    -------
    dx : ndarray of the shape of ``x``, or None without ``need_dx``
        Gradient with respect to the rows; (k, N, D) of rows that members share.

    dw : ndarray of shape (..., D, M)
        Gradient with respect to the weights.

    db : ndarray of shape (..., M)
        Gradient with respect to the biases.

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
    db = _column_sums(dout, out=db, workspace=workspace)
    if not need_dx:
        return None, dw, db
    # Of a single output, it is an outer product: a third of the time as a broadcast.
    product = np.multiply if dout.shape[-1] == 1 else np.matmul
    dx = product(dout, w.mT, out=dx)
    return dx if x.ndim == dx.ndim else dx.reshape(x.shape), dw, db


@checked(_affine_input)
def sparse_affine_forward(x, w, b, *, out=None, workspace=None):
    """Affine map of the rows of a sparse matrix: ``x @ w + b``.

    The first layer of a network whose input is sparse. It has the parameters of
    `affine_forward`; the rows are never made dense.

    Parameters
    ----------
    x : sparse matrix or array of shape (N, D)
        Rows, in CSR format. For k members (k * N, k * D): the rows of each stand in
        a block of their own on the diagonal.

    w : ndarray of shape (..., D, M)
        Weights.

    b : ndarray of shape (..., M)
        Biases.

    out : ndarray of shape (..., N, M), default=None
        Unused: SciPy allocates the product.

    workspace : Workspace, default=None
        Unused; every layer takes one.

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


@checked(_affine_gradient)
def sparse_affine_backward(dout, cache, *, out=(None, None, None), workspace=None):
    """Return the gradients of an affine map of sparse rows, but not of the rows.

    Parameters
    ----------
    dout : ndarray of shape (..., N, M)
        Gradient with respect to the output.

    cache : tuple
        From `sparse_affine_forward`.

    out : tuple of three, default=(None, None, None)
        Where to write ``dw`` and ``db``; the first is ignored.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    dx : None
        Not computed: it would be dense.

    dw : ndarray of shape (..., D, M)
        Gradient with respect to the weights.

    db : ndarray of shape (..., M)
        Gradient with respect to the biases.

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
    db = _column_sums(dout, out=db, workspace=workspace)
    return None, dw, db


@checked(_normalisation_input)
def batchnorm_forward(x, gamma, beta, bn_param, *, out=None, workspace=None):
    r"""Batch normalisation [1]_.

    While training, every column is standardised by the mean and the (uncorrected)
    variance of the minibatch; at test time by their running averages:

    .. math:: out = \gamma \, \hat x + \beta,
        \qquad \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}

    Parameters
    ----------
    x : ndarray of shape (..., N, D)
        Rows.

    gamma : ndarray of shape (..., D)
        Scale.

    beta : ndarray of shape (..., D)
        Shift.

    bn_param : dict
        ``mode``: 'train' or 'test';
        ``eps``: added to the variance, default 1e-5;
        ``momentum``: of the running averages, default 0.9;
        ``running_mean``, ``running_var``: arrays of shape (..., D), zeros when absent.
        In training they are updated in place, as
        ``momentum * running + (1 - momentum) * minibatch``.

    out : ndarray of shape (..., N, D), default=None
        Where to write the result; may be ``x``.

    workspace : Workspace, default=None
        Lends the scratch arrays; the cache lives in them.

    Returns
    -------
    out : ndarray of shape (..., N, D)
        The result.

    cache : tuple
        For `batchnorm_backward`.

    Raises
    ------
    ValueError
        If ``mode`` is neither 'train' nor 'test'.

    References
    ----------
    .. [1] Ioffe, S., Szegedy, C., "Batch Normalization: Accelerating Deep Network
       Training by Reducing Internal Covariate Shift", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import batchnorm_forward
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> out, _ = batchnorm_forward(x, np.ones(2), np.zeros(2), {"mode": "train"})
    >>> out.round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    mode = _checked_mode("bn_param", bn_param)
    eps = bn_param.get("eps", 1e-5)
    for name in ("running_mean", "running_var"):
        if name not in bn_param:
            bn_param[name] = np.zeros_like(gamma)
    workspace = workspace or Workspace()
    if mode == "test":
        mean, var = bn_param["running_mean"], bn_param["running_var"]
        centred = np.subtract(x, mean, out=workspace("centred", x.shape, x.dtype))
    else:
        out, centred, mean, var = _centred(
            x, _column_means, out=out, workspace=workspace
        )
        momentum = bn_param.get("momentum", 0.9)
        for name, sample in (("running_mean", mean), ("running_var", var)):
            bn_param[name] *= momentum
            bn_param[name] += (1 - momentum) * sample
    inv_std = 1 / np.sqrt(var + eps)
    out = np.multiply(centred, gamma * inv_std, out=out)
    out += beta
    return out, (centred, gamma, inv_std, mode == "train")


@checked(check_gradient)
def batchnorm_backward(dout, cache, *, out=(None, None, None), workspace=None):
    r"""Return the gradients of batch normalisation, through its statistics.

    .. math:: dx = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}} \left(dout
        - \frac{d\beta + \hat x \, d\gamma}{N}\right), \qquad
        d\gamma = \sum_i dout_i \hat x_i, \qquad d\beta = \sum_i dout_i

    At test time the statistics are constants, which the rows do not move: ``dx`` is
    then :math:`\gamma \, dout / \sqrt{\sigma^2 + \epsilon}`.

    Parameters
    ----------
    dout : ndarray of shape (..., N, D)
        Gradient with respect to the output.

    cache : tuple
        From `batchnorm_forward`, in either mode.

    out : tuple of three ndarrays, default=(None, None, None)
        Where to write ``dx`` (may be ``dout``), ``dgamma`` and ``dbeta``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    dx : ndarray of shape (..., N, D)
        Gradient with respect to the rows.

    dgamma : ndarray of shape (..., D)
        Gradient with respect to the scale.

    dbeta : ndarray of shape (..., D)
        Gradient with respect to the shift.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import batchnorm_backward, batchnorm_forward
    >>> x, gamma, beta = np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1)
    >>> out, cache = batchnorm_forward(x, gamma, beta, {"mode": "train"})
    >>> dx, dgamma, dbeta = batchnorm_backward(np.array([[1.0], [2.0]]), cache)
    >>> dbeta
    array([3.])
    """
    centred, gamma, inv_std, from_these_rows = cache
    dx, dgamma, dbeta = out
    n = dout.shape[-2]
    workspace = workspace or Workspace()
    dbeta = _column_sums(dout, out=dbeta, workspace=workspace)
    scratch = workspace("scratch", dout.shape, dout.dtype)
    np.multiply(dout, centred, out=scratch)
    dgamma = _column_sums(scratch, out=dgamma, workspace=workspace)
    dgamma *= inv_std
    if not from_these_rows:
        return np.multiply(dout, gamma * inv_std, out=dx), dgamma, dbeta
    np.multiply(centred, inv_std * dgamma / n, out=scratch)
    dx = np.subtract(dout, scratch, out=dx)
    dx -= dbeta / n
    dx *= gamma * inv_std
    return dx, dgamma, dbeta


@checked(_normalisation_input)
def layernorm_forward(x, gamma, beta, ln_param, *, out=None, workspace=None):
    r"""Layer normalisation [1]_.

    Every row is standardised by its own mean and (uncorrected) variance, while
    training and at test time alike, whatever the other rows are:

    .. math:: out = \gamma \, \hat x + \beta,
        \qquad \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}

    Parameters
    ----------
    x : ndarray of shape (..., N, D)
        Rows.

    gamma : ndarray of shape (..., D)
        Scale.

    beta : ndarray of shape (..., D)
        Shift.

    ln_param : dict
        ``eps``: added to the variance, default 1e-5.

    out : ndarray of shape (..., N, D), default=None
        Where to write the result; may be ``x``.

    workspace : Workspace, default=None
        Lends the scratch arrays; the cache lives in them.

    Returns
    -------
    out : ndarray of shape (..., N, D)
        The result.

    cache : tuple
        For `layernorm_backward`.

    References
    ----------
    .. [1] Ba, J. L., Kiros, J. R., Hinton, G. E., "Layer Normalization",
       arXiv:1607.06450, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import layernorm_forward
    >>> x = np.array([[1.0, 3.0], [10.0, 30.0]])
    >>> out, _ = layernorm_forward(x, np.ones(2), np.zeros(2), {})
    >>> out.round(3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    out, x_hat, _, var = _centred(
        x, _row_means, out=out, workspace=workspace or Workspace()
    )
    inv_std = 1 / np.sqrt(var + ln_param.get("eps", 1e-5))
    x_hat *= inv_std
    out = np.multiply(x_hat, gamma, out=out)
    out += beta
    return out, (x_hat, gamma, inv_std)


@checked(check_gradient)
def layernorm_backward(dout, cache, *, out=(None, None, None), workspace=None):
    r"""Return the gradients of layer normalisation, through its statistics.

    With :math:`g = \gamma \, dout`, and the means over the D columns of each row:

    .. math:: dx = \frac{1}{\sqrt{\sigma^2 + \epsilon}} \left(g
        - \overline{g} - \hat x \, \overline{g \hat x}\right), \qquad
        d\gamma = \sum_i dout_i \hat x_i, \qquad d\beta = \sum_i dout_i

    Parameters
    ----------
    dout : ndarray of shape (..., N, D)
        Gradient with respect to the output.

    cache : tuple
        From `layernorm_forward`.

    out : tuple of three ndarrays, default=(None, None, None)
        Where to write ``dx`` (may be ``dout``), ``dgamma`` and ``dbeta``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    dx : ndarray of shape (..., N, D)
        Gradient with respect to the rows.

    dgamma : ndarray of shape (..., D)
        Gradient with respect to the scale.

    dbeta : ndarray of shape (..., D)
        Gradient with respect to the shift.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import layernorm_backward, layernorm_forward
    >>> x, gamma, beta = np.array([[1.0, 3.0]]), np.ones(2), np.zeros(2)
    >>> out, cache = layernorm_forward(x, gamma, beta, {})
    >>> dx, dgamma, dbeta = layernorm_backward(np.array([[4.0, 5.0]]), cache)
    >>> dgamma.round(3)
    array([-4.,  5.])
    """
    x_hat, gamma, inv_std = cache
    dx, dgamma, dbeta = out
    workspace = workspace or Workspace()
    dbeta = _column_sums(dout, out=dbeta, workspace=workspace)
    scratch = workspace("scratch", dout.shape, dout.dtype)
    np.multiply(dout, x_hat, out=scratch)
    dgamma = _column_sums(scratch, out=dgamma, workspace=workspace)
    scratch *= gamma
    np.multiply(x_hat, _row_means(scratch, workspace), out=scratch)
    dx = np.multiply(dout, gamma, out=dx)
    scratch += _row_means(dx, workspace)
    dx -= scratch
    dx *= inv_std
    return dx, dgamma, dbeta


@checked(_dropout_input)
def dropout_forward(x, dropout_param, *, out=None, workspace=None):
    """Inverted dropout [1]_: drop units while training, do nothing at test time.

    Each unit is dropped with probability ``p`` and what is kept is divided by
    ``1 - p``, so that the expected output is the input.

    Parameters
    ----------
    x : ndarray of any shape
        Input.

    dropout_param : dict
        ``mode``: 'train' or 'test';
        ``p``: the probability of dropping a unit, 0 <= p < 1, drawn to within
        :math:`2^{-17}`;
        ``rng``: a seed or generator, None for NumPy's global state;
        ``mask``: in place of ``rng``, an array of the shape of ``x``, true where a
        unit is kept.

    out : ndarray of the shape of ``x``, default=None
        Where to write the result; may be ``x``. Where members share ``x``, an array
        with an axis of their number: each then draws a mask of its own.

    workspace : Workspace, default=None
        Lends the scratch arrays; the cache lives in them.

    Returns
    -------
    out : ndarray of the shape of ``x``, or of the ``out`` given
        The result.

    cache : ndarray
        For `dropout_backward`; None where nothing is dropped.

    Raises
    ------
    ValueError
        If ``mode`` is neither 'train' nor 'test', or ``p`` not in [0, 1).

    References
    ----------
    .. [1] Srivastava, N., et al., "Dropout: A Simple Way to Prevent Neural Networks
       from Overfitting", JMLR 15, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import dropout_forward
    >>> mask = np.array([True, False])
    >>> dropout_forward(np.ones(2), {"mode": "train", "p": 0.5, "mask": mask})[0]
    array([2., 0.])
    """
    mode = _checked_mode("dropout_param", dropout_param)
    p = float(dropout_param["p"])
    if not 0 <= p < 1:
        raise ValueError(f"dropout_param['p'] must be in [0, 1), got {p!r}.")
    if mode == "test" or p == 0:
        return np.positive(x, out=out), None

    workspace = workspace or Workspace()
    shape = x.shape if out is None else out.shape
    kept = dropout_param.get("mask")
    if kept is None:
        rng = as_generator(dropout_param.get("rng"))
        kept = _drawn(rng, p, out=workspace("kept", shape, bool))
    else:
        kept = np.asarray(kept)
        check_shape("dropout_forward", "dropout_param['mask']", kept, shape)
    factor = workspace("factor", shape, x.dtype)
    np.copyto(factor, kept)  # a product of both would go through buffers
    factor *= 1 / (1 - p)
    return np.multiply(x, factor, out=out), factor


def _drawn(rng, p, *, out):
    """Draw which units are kept, by 16 random bits each: half the time of floats."""
    units, threshold = out.reshape(-1), round(p * 2**16)
    for start in range(0, units.size, DRAWN):
        block = units[start : start + DRAWN]
        np.greater_equal(_random_bits(rng, block.size), threshold, out=block)
    return out


def _random_bits(rng, n):
    """Return n numbers of 16 random bits each."""
    n_words = ceil(n / 4)
    if isinstance(rng.bit_generator, WHOLE_WORDS):
        words = rng.bit_generator.random_raw(n_words)
    else:
        words = rng.integers(2**64, size=n_words, dtype=np.uint64)
    return words.view(np.uint16)[:n]


@checked(check_gradient)
def dropout_backward(dout, cache, *, out=(None,), workspace=None):
    """Gradient of dropout: that of what was kept, divided by ``1 - p``.

    Parameters
    ----------
    dout : ndarray of any shape
        Gradient with respect to the output.

    cache : ndarray or None
        From `dropout_forward`.

    out : tuple of one ndarray, default=(None,)
        Where to write ``dx``; may be ``dout``.

    workspace : Workspace, default=None
        Unused; every layer takes one.

    Returns
    -------
    dx : ndarray of the shape of ``dout``
        Gradient with respect to the input.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import dropout_backward, dropout_forward
    >>> param = {"mode": "train", "p": 0.5, "mask": np.array([True, False])}
    >>> out, cache = dropout_forward(np.ones(2), param)
    >>> dropout_backward(np.ones(2), cache)
    array([2., 0.])
    """
    if cache is None:
        return np.positive(dout, out=out[0])
    return np.multiply(dout, cache, out=out[0])


@checked(_dropout_input)
def sparse_dropout_forward(x, dropout_param, *, out=None, workspace=None):
    """Inverted dropout of the rows of a sparse matrix.

    A zero that is dropped is still a zero: it is enough to draw a mask for the stored
    values.

    Parameters
    ----------
    x : sparse matrix or array of shape (N, D)
        Rows, in CSR format without duplicates.

    dropout_param : dict
        That of `dropout_forward`, with ``mask`` of the shape of the stored values.

    out : sparse matrix or array of shape (N, D), default=None
        Unused: how many values are stored changes from minibatch to minibatch.

    workspace : Workspace, default=None
        Unused, for the same reason.

    Returns
    -------
    out : sparse matrix or array of shape (N, D)
        The result, of the format of ``x`` and with the same stored places, in arrays
        that it shares with ``x``.

    cache : ndarray
        For `dropout_backward`, which takes and returns the gradients with respect to
        the stored values; None where nothing is dropped.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skfcnet.layers import sparse_dropout_forward
    >>> x = csr_array(np.array([[0.0, 1.0], [2.0, 0.0]]))
    >>> param = {"mode": "train", "p": 0.5, "mask": np.array([True, False])}
    >>> sparse_dropout_forward(x, param)[0].toarray()
    array([[0., 2.],
           [0., 0.]])
    """
    data, cache = unchecked(dropout_forward)(x.data, dropout_param)
    return type(x)((data, x.indices, x.indptr), shape=x.shape), cache


def affine_relu_forward(x, w, b):
    """`affine_forward`, then `relu_forward`.

    Parameters
    ----------
    x : ndarray of shape (N, d1, ..., dk)
        Rows; flattened to (N, D).

    w : ndarray of shape (D, M)
        Weights.

    b : ndarray of shape (M,)
        Biases.

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


def affine_relu_backward(dout, cache):
    """Return the gradients of `affine_relu_forward`, by the chain rule.

    Parameters
    ----------
    dout : ndarray of shape (N, M)
        Gradient with respect to the output.

    cache : tuple
        From `affine_relu_forward`.

    Returns
    -------
    dx : ndarray of the shape of ``x``
        Gradient with respect to the rows.

    dw : ndarray of shape (D, M)
        Gradient with respect to the weights.

    db : ndarray of shape (M,)
        Gradient with respect to the biases.

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


def _flattened(x, w):
    """Return rows of any shape as rows of a matrix; those of members are."""
    return x if x.ndim == w.ndim else x.reshape(len(x), len(w))


def _column_sums(a, *, out=None, workspace=None):
    """Sum over the rows as a matrix product: faster than np.sum."""
    shape = a.shape[:1] if a.ndim == 2 else (1, a.shape[1])  # of members, rows
    ones = (workspace or Workspace())("ones", shape, a.dtype, fill=1)
    return np.matmul(ones, a, out=out)


def _column_means(a, workspace):
    means = _column_sums(a, workspace=workspace)
    means /= a.shape[-2]
    return means


def _row_means(a, workspace):
    means = np.matmul(a, workspace("ones", (a.shape[-1], 1), a.dtype, fill=1))
    means /= a.shape[-1]
    return means


def _centred(x, means, *, out, workspace):
    """Subtract the means along an axis; return them and the variances, too.

    ``out`` lends its memory for the squares and is returned, for the result.
    """
    mean = means(x, workspace)
    centred = np.subtract(x, mean, out=workspace("centred", x.shape, x.dtype))
    out = np.square(centred, out=out)
    return out, centred, mean, means(out, workspace)


def _checked_mode(name, options):
    mode = options["mode"]
    if mode not in ("train", "test"):
        raise ValueError(f"{name}['mode'] must be 'train' or 'test', got {mode!r}.")
    return mode


def _affine_specs(fan_in, fan_out):
    return (
        ParamSpec("W", (fan_in, fan_out), Zone.WEIGHT),
        ParamSpec("b", (fan_out,), Zone.BIAS, 0.0),
    )


def _layernorm_specs(fan_in, fan_out):
    return (
        ParamSpec("gamma", (fan_in,), Zone.BIAS, 1.0),
        ParamSpec("beta", (fan_in,), Zone.BIAS, 0.0),
    )


def _batchnorm_specs(fan_in, fan_out):
    return (
        *_layernorm_specs(fan_in, fan_out),
        ParamSpec("running_mean", (fan_in,), Zone.STATE, 0.0),
        ParamSpec("running_var", (fan_in,), Zone.STATE, 1.0),
    )


NORMALIZATIONS = {"batch": "batchnorm", "layer": "layernorm"}

LAYERS = {
    **ACTIVATIONS,
    "batchnorm": Layer(
        batchnorm_forward,
        batchnorm_backward,
        specs=_batchnorm_specs,
        takes_options=True,
        inplace=True,
    ),
    "layernorm": Layer(
        layernorm_forward,
        layernorm_backward,
        specs=_layernorm_specs,
        takes_options=True,
        inplace=True,
    ),
    **EMBEDDINGS,
    "affine": Layer(
        affine_forward,
        affine_backward,
        specs=_affine_specs,
        sparse=Layer(sparse_affine_forward, sparse_affine_backward, _affine_specs),
    ),
    "dropout": Layer(
        dropout_forward,
        dropout_backward,
        takes_options=True,
        sparse=Layer(sparse_dropout_forward, dropout_backward, takes_options=True),
    ),
}
