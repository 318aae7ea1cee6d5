"""Activations: functions of each number by itself, forward and backward.

Conventions
-----------
They are layers and follow the conventions of `skfcnet.layers`, where all of them can
be imported from, too. The cache of an activation is its *output*, its derivative is
written in terms of it, and so it may write over its input: ``out=x``.

`ACTIVATIONS` is the one table of them.
"""

from math import sqrt

import numpy as np

from skfcnet._layer import Layer
from skfcnet._workspace import Workspace

LEAKY_SLOPE = 0.01


def identity_forward(x, *, out=None, workspace=None):
    """No activation: the input itself.

    Parameters
    ----------
    x : ndarray of any shape
        Input.

    out : ndarray of the shape of ``x``, default=None
        Where to write the result; may be ``x``.

    workspace : Workspace, default=None
        Unused; every layer takes one.

    Returns
    -------
    out : ndarray of the shape of ``x``
        Equal to ``x``.

    cache : ndarray
        For `identity_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.activations import identity_forward
    >>> identity_forward(np.array([-1.0, 2.0]))[0]
    array([-1.,  2.])
    """
    out = np.positive(x, out=out)
    return out, out


def identity_backward(dout, cache, *, out=(None,), workspace=None):
    """Gradient of no activation: ``dout``.

    Parameters
    ----------
    dout : ndarray of any shape
        Gradient with respect to the output.

    cache : ndarray
        From `identity_forward`.

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
    >>> from skfcnet.activations import identity_backward, identity_forward
    >>> out, cache = identity_forward(np.array([-1.0, 2.0]))
    >>> identity_backward(np.ones(2), cache)
    array([1., 1.])
    """
    return np.positive(dout, out=out[0])


def relu_forward(x, *, out=None, workspace=None):
    """Rectified linear unit, ``max(0, x)`` [1]_.

    Parameters
    ----------
    x : ndarray of any shape
        Input.

    out : ndarray of the shape of ``x``, default=None
        Where to write the result; may be ``x``.

    workspace : Workspace, default=None
        Unused; every layer takes one.

    Returns
    -------
    out : ndarray of the shape of ``x``
        The result.

    cache : ndarray
        For `relu_backward`.

    References
    ----------
    .. [1] V. Nair, G. Hinton, "Rectified Linear Units Improve Restricted Boltzmann
       Machines", ICML 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.activations import relu_forward
    >>> relu_forward(np.array([-1.0, 2.0]))[0]
    array([0., 2.])
    """
    out = np.maximum(x, 0, out=out)
    return out, out


def relu_backward(dout, cache, *, out=(None,), workspace=None):
    """Gradient of the rectified linear unit: ``dout`` where the output is positive.

    Parameters
    ----------
    dout : ndarray of any shape
        Gradient with respect to the output.

    cache : ndarray
        From `relu_forward`.

    out : tuple of one ndarray, default=(None,)
        Where to write ``dx``; may be ``dout``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    dx : ndarray of the shape of ``dout``
        Gradient with respect to the input.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.activations import relu_backward, relu_forward
    >>> out, cache = relu_forward(np.array([-1.0, 2.0]))
    >>> relu_backward(np.array([5.0, 5.0]), cache)
    array([0., 5.])
    """
    workspace = workspace or Workspace()
    active = np.greater(cache, 0, out=workspace("active", cache.shape, bool))
    return np.multiply(dout, active, out=out[0])


def leaky_relu_forward(x, *, out=None, workspace=None):
    """Leaky rectified linear unit, ``max(0.01 x, x)`` [1]_.

    Parameters
    ----------
    x : ndarray of any shape
        Input.

    out : ndarray of the shape of ``x``, default=None
        Where to write the result; may be ``x``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    out : ndarray of the shape of ``x``
        The result.

    cache : ndarray
        For `leaky_relu_backward`.

    References
    ----------
    .. [1] A. Maas, A. Hannun, A. Ng, "Rectifier Nonlinearities Improve Neural
       Network Acoustic Models", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.activations import leaky_relu_forward
    >>> leaky_relu_forward(np.array([-1.0, 2.0]))[0]
    array([-0.01,  2.  ])
    """
    workspace = workspace or Workspace()
    leak = np.multiply(x, LEAKY_SLOPE, out=workspace("leak", x.shape, x.dtype))
    out = np.maximum(x, leak, out=out)
    return out, out


def leaky_relu_backward(dout, cache, *, out=(None,), workspace=None):
    """Gradient of the leaky rectified linear unit.

    Parameters
    ----------
    dout : ndarray of any shape
        Gradient with respect to the output.

    cache : ndarray
        From `leaky_relu_forward`.

    out : tuple of one ndarray, default=(None,)
        Where to write ``dx``; may be ``dout``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    dx : ndarray of the shape of ``dout``
        ``dout`` where the output is positive, 0.01 of it elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.activations import leaky_relu_backward, leaky_relu_forward
    >>> out, cache = leaky_relu_forward(np.array([-1.0, 2.0]))
    >>> leaky_relu_backward(np.array([5.0, 5.0]), cache)
    array([0.05, 5.  ])
    """
    workspace = workspace or Workspace()
    active = np.greater(cache, 0, out=workspace("active", cache.shape, bool))
    slope = workspace("slope", cache.shape, cache.dtype)
    slope[...] = active
    slope *= 1 - LEAKY_SLOPE
    slope += LEAKY_SLOPE
    return np.multiply(dout, slope, out=out[0])


def tanh_forward(x, *, out=None, workspace=None):
    """Hyperbolic tangent.

    Parameters
    ----------
    x : ndarray of any shape
        Input.

    out : ndarray of the shape of ``x``, default=None
        Where to write the result; may be ``x``.

    workspace : Workspace, default=None
        Unused; every layer takes one.

    Returns
    -------
    out : ndarray of the shape of ``x``
        The result, from -1 to 1.

    cache : ndarray
        For `tanh_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.activations import tanh_forward
    >>> tanh_forward(np.array([0.0, 1.0]))[0].round(4)
    array([0.    , 0.7616])
    """
    out = np.tanh(x, out=out)
    return out, out


def tanh_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of the hyperbolic tangent: :math:`dout \, (1 - a^2)`.

    Parameters
    ----------
    dout : ndarray of any shape
        Gradient with respect to the output.

    cache : ndarray
        From `tanh_forward`: the output :math:`a`.

    out : tuple of one ndarray, default=(None,)
        Where to write ``dx``; may be ``dout``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    dx : ndarray of the shape of ``dout``
        Gradient with respect to the input.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.activations import tanh_backward, tanh_forward
    >>> out, cache = tanh_forward(np.array([0.0, 1.0]))
    >>> tanh_backward(np.ones(2), cache).round(4)
    array([1.  , 0.42])
    """
    workspace = workspace or Workspace()
    slope = workspace("slope", cache.shape, cache.dtype)
    np.multiply(cache, cache, out=slope)
    np.subtract(1, slope, out=slope)
    return np.multiply(dout, slope, out=out[0])


def sigmoid_forward(x, *, out=None, workspace=None):
    r"""Logistic sigmoid, :math:`1 / (1 + e^{-x})`.

    Computed as :math:`(1 + \tanh(x / 2)) / 2`, which is the same function,
    overflows for no input and is several times faster than an exponential and a
    division.

    Parameters
    ----------
    x : ndarray of any shape
        Input.

    out : ndarray of the shape of ``x``, default=None
        Where to write the result; may be ``x``.

    workspace : Workspace, default=None
        Unused; every layer takes one.

    Returns
    -------
    out : ndarray of the shape of ``x``
        The result, from 0 to 1.

    cache : ndarray
        For `sigmoid_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.activations import sigmoid_forward
    >>> sigmoid_forward(np.array([-1e4, 0.0, 1e4]))[0]
    array([0. , 0.5, 1. ])
    """
    out = np.asarray(np.multiply(x, 0.5, out=out))
    np.tanh(out, out=out)
    out *= 0.5
    out += 0.5
    return out, out


def sigmoid_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of the logistic sigmoid: :math:`dout \, a (1 - a)`.

    Parameters
    ----------
    dout : ndarray of any shape
        Gradient with respect to the output.

    cache : ndarray
        From `sigmoid_forward`: the output :math:`a`.

    out : tuple of one ndarray, default=(None,)
        Where to write ``dx``; may be ``dout``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    dx : ndarray of the shape of ``dout``
        Gradient with respect to the input.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.activations import sigmoid_backward, sigmoid_forward
    >>> out, cache = sigmoid_forward(np.zeros(2))
    >>> sigmoid_backward(np.ones(2), cache)
    array([0.25, 0.25])
    """
    workspace = workspace or Workspace()
    slope = workspace("slope", cache.shape, cache.dtype)
    np.subtract(1, cache, out=slope)
    slope *= cache
    return np.multiply(dout, slope, out=out[0])


# The gain of the rectifiers is He et al.'s, "Delving Deep into Rectifiers", 2015.
ACTIVATIONS = {
    "identity": Layer(identity_forward, identity_backward, inplace=True),
    "logistic": Layer(sigmoid_forward, sigmoid_backward, inplace=True),
    "tanh": Layer(tanh_forward, tanh_backward, inplace=True),
    "relu": Layer(relu_forward, relu_backward, inplace=True, gain=sqrt(2)),
    "leaky_relu": Layer(
        leaky_relu_forward, leaky_relu_backward, inplace=True, gain=sqrt(2)
    ),
}
