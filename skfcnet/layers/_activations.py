"""Activations: functions of each number by itself, forward and backward.

Conventions
-----------
They are layers and follow the conventions of `skfcnet.layers`, where all of them can
be imported from, too. The derivative of most is written in terms of their *output*,
which is then their cache, and so they may write over their input: ``out=x``. The
derivatives of gelu and mish need the input: they keep it, and write elsewhere.

`ACTIVATIONS` is the one table of them.
"""

from math import pi, sqrt

import numpy as np
from scipy.special import expit, ndtr

from skfcnet._engine.arguments import check_gradient, checked
from skfcnet._engine.workspace import Workspace
from skfcnet.layers._checks import check_activation
from skfcnet.layers._declaration import Layer

LEAKY_SLOPE = 0.01
SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


@checked(check_activation)
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
    >>> from skfcnet.layers._activations import identity_forward
    >>> identity_forward(np.array([-1.0, 2.0]))[0]
    array([-1.,  2.])
    """
    out = np.positive(x, out=out)
    return out, out


@checked(check_gradient)
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
    >>> from skfcnet.layers._activations import identity_backward, identity_forward
    >>> out, cache = identity_forward(np.array([-1.0, 2.0]))
    >>> identity_backward(np.ones(2), cache)
    array([1., 1.])
    """
    return np.positive(dout, out=out[0])


@checked(check_activation)
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
    .. [1] Nair, V., Hinton, G., "Rectified Linear Units Improve Restricted Boltzmann
       Machines", ICML 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers._activations import relu_forward
    >>> relu_forward(np.array([-1.0, 2.0]))[0]
    array([0., 2.])
    """
    out = np.maximum(x, 0, out=out)
    return out, out


@checked(check_gradient)
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
    >>> from skfcnet.layers._activations import relu_backward, relu_forward
    >>> out, cache = relu_forward(np.array([-1.0, 2.0]))
    >>> relu_backward(np.array([5.0, 5.0]), cache)
    array([0., 5.])
    """
    workspace = workspace or Workspace()
    active = np.greater(cache, 0, out=workspace("active", cache.shape, bool))
    return np.multiply(dout, active, out=out[0])


@checked(check_activation)
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
    .. [1] Maas, A., Hannun, A., Ng, A., "Rectifier Nonlinearities Improve Neural
       Network Acoustic Models", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers._activations import leaky_relu_forward
    >>> leaky_relu_forward(np.array([-1.0, 2.0]))[0]
    array([-0.01,  2.  ])
    """
    workspace = workspace or Workspace()
    leak = np.multiply(x, LEAKY_SLOPE, out=workspace("leak", x.shape, x.dtype))
    out = np.maximum(x, leak, out=out)
    return out, out


@checked(check_gradient)
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
    >>> from skfcnet.layers._activations import leaky_relu_backward, leaky_relu_forward
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


@checked(check_activation)
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
    >>> from skfcnet.layers._activations import tanh_forward
    >>> tanh_forward(np.array([0.0, 1.0]))[0].round(4)
    array([0.    , 0.7616])
    """
    out = np.tanh(x, out=out)
    return out, out


@checked(check_gradient)
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
    >>> from skfcnet.layers._activations import tanh_backward, tanh_forward
    >>> out, cache = tanh_forward(np.array([0.0, 1.0]))
    >>> tanh_backward(np.ones(2), cache).round(4)
    array([1.  , 0.42])
    """
    workspace = workspace or Workspace()
    slope = workspace("slope", cache.shape, cache.dtype)
    np.multiply(cache, cache, out=slope)
    np.subtract(1, slope, out=slope)
    return np.multiply(dout, slope, out=out[0])


@checked(check_activation)
def sigmoid_forward(x, *, out=None, workspace=None):
    r"""Logistic sigmoid, :math:`1 / (1 + e^{-x})`.

    Computed as :math:`(1 + \tanh(x / 2)) / 2`, which is the same function and
    overflows for no input.

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
    >>> from skfcnet.layers._activations import sigmoid_forward
    >>> sigmoid_forward(np.array([-1e4, 0.0, 1e4]))[0]
    array([0. , 0.5, 1. ])
    """
    out = np.asarray(np.multiply(x, 0.5, out=out))
    np.tanh(out, out=out)
    out *= 0.5
    out += 0.5
    return out, out


@checked(check_gradient)
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
    >>> from skfcnet.layers._activations import sigmoid_backward, sigmoid_forward
    >>> out, cache = sigmoid_forward(np.zeros(2))
    >>> sigmoid_backward(np.ones(2), cache)
    array([0.25, 0.25])
    """
    workspace = workspace or Workspace()
    slope = workspace("slope", cache.shape, cache.dtype)
    np.subtract(1, cache, out=slope)
    slope *= cache
    return np.multiply(dout, slope, out=out[0])


@checked(check_activation)
def softplus_forward(x, *, out=None, workspace=None):
    r"""Softplus, :math:`\log(1 + e^x)`: a smooth rectifier [1]_.

    Computed as :math:`\max(0, x) + \log(1 + e^{-|x|})`, which overflows for no input.

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
        For `softplus_backward`.

    References
    ----------
    .. [1] Dugas, C., et al., "Incorporating Second-Order Functional Knowledge for
       Better Option Pricing", NIPS 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers._activations import softplus_forward
    >>> softplus_forward(np.array([-1.0, 2.0]))[0].round(4)
    array([0.3133, 2.1269])
    """
    workspace = workspace or Workspace()
    tail = np.abs(x, out=workspace("tail", x.shape, x.dtype))
    np.negative(tail, out=tail)
    np.exp(tail, out=tail)
    np.log1p(tail, out=tail)
    out = np.maximum(x, 0, out=out)
    out += tail
    return out, out


@checked(check_gradient)
def softplus_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of softplus: :math:`dout \, (1 - e^{-a})`.

    The derivative is the sigmoid of the input.

    Parameters
    ----------
    dout : ndarray of any shape
        Gradient with respect to the output.

    cache : ndarray
        From `softplus_forward`: the output :math:`a`.

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
    >>> from skfcnet.layers._activations import softplus_backward, softplus_forward
    >>> out, cache = softplus_forward(np.array([-1.0, 2.0]))
    >>> softplus_backward(np.ones(2), cache).round(4)
    array([0.2689, 0.8808])
    """
    workspace = workspace or Workspace()
    slope = np.negative(cache, out=workspace("slope", cache.shape, cache.dtype))
    _expm1(slope, workspace)
    np.negative(slope, out=slope)
    return np.multiply(dout, slope, out=out[0])


@checked(check_activation)
def elu_forward(x, *, out=None, workspace=None):
    r"""Exponential linear unit, :math:`\max(0, x) + \min(0, e^x - 1)` [1]_.

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
        For `elu_backward`.

    References
    ----------
    .. [1] Clevert, D.-A., Unterthiner, T., Hochreiter, S., "Fast and Accurate Deep
       Network Learning by Exponential Linear Units (ELUs)", ICLR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers._activations import elu_forward
    >>> elu_forward(np.array([-1.0, 2.0]))[0].round(4)
    array([-0.6321,  2.    ])
    """
    workspace = workspace or Workspace()
    negative = np.minimum(x, 0, out=workspace("negative", x.shape, x.dtype))
    _expm1(negative, workspace)
    out = np.maximum(x, 0, out=out)
    out += negative
    return out, out


@checked(check_gradient)
def elu_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of the exponential linear unit: :math:`dout \, (1 + \min(0, a))`.

    Parameters
    ----------
    dout : ndarray of any shape
        Gradient with respect to the output.

    cache : ndarray
        From `elu_forward`: the output :math:`a`.

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
    >>> from skfcnet.layers._activations import elu_backward, elu_forward
    >>> out, cache = elu_forward(np.array([-1.0, 2.0]))
    >>> elu_backward(np.ones(2), cache).round(4)
    array([0.3679, 1.    ])
    """
    workspace = workspace or Workspace()
    slope = np.minimum(cache, 0, out=workspace("slope", cache.shape, cache.dtype))
    slope += 1
    return np.multiply(dout, slope, out=out[0])


@checked(check_activation)
def selu_forward(x, *, out=None, workspace=None):
    r"""Scaled exponential linear unit [1]_.

    .. math:: a = \lambda \left(\max(0, x) + \alpha \min(0, e^x - 1)\right),
        \qquad \lambda \approx 1.0507, \quad \alpha \approx 1.6733

    The two constants are such that standard normal input has output of mean 0 and
    variance 1.

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
        For `selu_backward`.

    References
    ----------
    .. [1] Klambauer, G., et al., "Self-Normalizing Neural Networks", NIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers._activations import selu_forward
    >>> selu_forward(np.array([-1.0, 2.0]))[0].round(4)
    array([-1.1113,  2.1014])
    """
    workspace = workspace or Workspace()
    negative = np.minimum(x, 0, out=workspace("negative", x.shape, x.dtype))
    _expm1(negative, workspace)
    negative *= SELU_SCALE * SELU_ALPHA
    out = np.maximum(x, 0, out=out)
    out *= SELU_SCALE
    out += negative
    return out, out


@checked(check_gradient)
def selu_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of the scaled exponential linear unit.

    .. math:: dx = dout \begin{cases} \lambda & \text{where } a > 0, \\
        a + \lambda \alpha & \text{elsewhere} \end{cases}

    Parameters
    ----------
    dout : ndarray of any shape
        Gradient with respect to the output.

    cache : ndarray
        From `selu_forward`: the output :math:`a`.

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
    >>> from skfcnet.layers._activations import selu_backward, selu_forward
    >>> out, cache = selu_forward(np.array([-1.0, 2.0]))
    >>> selu_backward(np.ones(2), cache).round(4)
    array([0.6468, 1.0507])
    """
    workspace = workspace or Workspace()
    active = np.greater(cache, 0, out=workspace("active", cache.shape, bool))
    slope = workspace("slope", cache.shape, cache.dtype)
    np.add(cache, SELU_SCALE * SELU_ALPHA, out=slope)
    np.copyto(slope, SELU_SCALE, where=active)
    return np.multiply(dout, slope, out=out[0])


@checked(check_activation)
def gelu_forward(x, *, out=None, workspace=None):
    r"""Gaussian error linear unit, :math:`x \, \Phi(x)` [1]_.

    The exact one, with the distribution function of the standard normal,
    :math:`\Phi(x) = \frac{1}{2} (1 + \mathrm{erf}(x / \sqrt 2))`.

    Parameters
    ----------
    x : ndarray of any shape
        Input.

    out : ndarray of the shape of ``x``, default=None
        Where to write the result; not ``x``, which the cache keeps.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    out : ndarray of the shape of ``x``
        The result.

    cache : tuple
        For `gelu_backward`.

    References
    ----------
    .. [1] Hendrycks, D., Gimpel, K., "Gaussian Error Linear Units (GELUs)",
       arXiv:1606.08415, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers._activations import gelu_forward
    >>> gelu_forward(np.array([-1.0, 2.0]))[0].round(4)
    array([-0.1587,  1.9545])
    """
    workspace = workspace or Workspace()
    cdf = ndtr(x, out=workspace("cdf", x.shape, x.dtype))
    return np.multiply(x, cdf, out=out), (x, cdf)


@checked(check_gradient)
def gelu_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of the Gaussian error linear unit.

    .. math:: dx = dout \left(\Phi(x) + x \, \varphi(x)\right), \qquad
        \varphi(x) = \frac{1}{\sqrt{2 \pi}} e^{-x^2 / 2}

    Parameters
    ----------
    dout : ndarray of any shape
        Gradient with respect to the output.

    cache : tuple
        From `gelu_forward`: the input and :math:`\Phi(x)`.

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
    >>> from skfcnet.layers._activations import gelu_backward, gelu_forward
    >>> out, cache = gelu_forward(np.array([-1.0, 2.0]))
    >>> gelu_backward(np.ones(2), cache).round(4)
    array([-0.0833,  1.0852])
    """
    x, cdf = cache
    workspace = workspace or Workspace()
    slope = workspace("slope", x.shape, x.dtype)
    np.clip(x, -40, 40, out=slope)  # the density is 0 there, the square finite
    slope *= slope
    slope *= -0.5
    np.exp(slope, out=slope)
    slope *= 1 / sqrt(2 * pi)
    slope *= x
    slope += cdf
    return np.multiply(dout, slope, out=out[0])


@checked(check_activation)
def silu_forward(x, *, out=None, workspace=None):
    r"""Sigmoid linear unit, or swish: :math:`x \, \sigma(x)` [1]_.

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

    cache : tuple
        For `silu_backward`.

    References
    ----------
    .. [1] Elfwing, S., Uchibe, E., Doya, K., "Sigmoid-Weighted Linear Units for Neural
       Network Function Approximation in Reinforcement Learning", Neural Networks 107,
       2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers._activations import silu_forward
    >>> silu_forward(np.array([-1.0, 2.0]))[0].round(4)
    array([-0.2689,  1.7616])
    """
    workspace = workspace or Workspace()
    sigma = expit(x, out=workspace("sigma", x.shape, x.dtype))
    out = np.multiply(x, sigma, out=out)
    return out, (out, sigma)


@checked(check_gradient)
def silu_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of the sigmoid linear unit: :math:`dout \, (\sigma + a (1 - \sigma))`.

    Parameters
    ----------
    dout : ndarray of any shape
        Gradient with respect to the output.

    cache : tuple
        From `silu_forward`: the output :math:`a` and the sigmoid.

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
    >>> from skfcnet.layers._activations import silu_backward, silu_forward
    >>> out, cache = silu_forward(np.array([-1.0, 2.0]))
    >>> silu_backward(np.ones(2), cache).round(4)
    array([0.0723, 1.0908])
    """
    a, sigma = cache
    workspace = workspace or Workspace()
    slope = np.subtract(1, sigma, out=workspace("slope", a.shape, a.dtype))
    slope *= a
    slope += sigma
    return np.multiply(dout, slope, out=out[0])


@checked(check_activation)
def mish_forward(x, *, out=None, workspace=None):
    r"""Mish, :math:`x \tanh(\log(1 + e^x))` [1]_.

    The hyperbolic tangent of the softplus is computed as the fraction that it is,
    :math:`n / (n + 2)` with :math:`n = e^x (e^x + 2)`.

    Parameters
    ----------
    x : ndarray of any shape
        Input.

    out : ndarray of the shape of ``x``, default=None
        Where to write the result; not ``x``, which the cache keeps.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    out : ndarray of the shape of ``x``
        The result.

    cache : tuple
        For `mish_backward`.

    References
    ----------
    .. [1] Misra, D., "Mish: A Self Regularized Non-Monotonic Activation Function", BMVC
       2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers._activations import mish_forward
    >>> mish_forward(np.array([-1.0, 2.0]))[0].round(4)
    array([-0.3034,  1.944 ])
    """
    workspace = workspace or Workspace()
    t = workspace("t", x.shape, x.dtype)
    np.minimum(x, 20, out=t)  # where t is 1 to the last bit, and n finite
    np.exp(t, out=t)
    denominator = np.add(t, 2, out=workspace("denominator", x.shape, x.dtype))
    t *= denominator
    np.add(t, 2, out=denominator)
    t /= denominator
    return np.multiply(x, t, out=out), (x, t)


@checked(check_gradient)
def mish_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of mish: :math:`dout \, (t + x (1 - t^2) \sigma(x))`.

    Parameters
    ----------
    dout : ndarray of any shape
        Gradient with respect to the output.

    cache : tuple
        From `mish_forward`: the input and :math:`t`, the tangent.

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
    >>> from skfcnet.layers._activations import mish_backward, mish_forward
    >>> out, cache = mish_forward(np.array([-1.0, 2.0]))
    >>> mish_backward(np.ones(2), cache).round(4)
    array([0.0592, 1.0693])
    """
    x, t = cache
    workspace = workspace or Workspace()
    slope = np.multiply(t, t, out=workspace("slope", x.shape, x.dtype))
    np.subtract(1, slope, out=slope)
    slope *= expit(x, out=workspace("sigma", x.shape, x.dtype))
    slope *= x
    slope += t
    return np.multiply(dout, slope, out=out[0])


def _expm1(x, workspace):
    """Replace numbers up to 0 by ``exp(x) - 1``.

    By the tangent, 2 t / (1 - t) with t = tanh(x / 2): in single precision several
    times faster than np.expm1, and as accurate.
    """
    x *= 0.5
    np.tanh(x, out=x)
    x /= np.subtract(1, x, out=workspace("denominator", x.shape, x.dtype))
    x *= 2


# The gain undoes what an activation does to the mean square of a standard normal
# signal: sqrt(2) for relu, as in He et al., "Delving Deep into Rectifiers", 2015, and 1
# for selu by its construction. The two that saturate have the 1 of LeCun et al., 1998.
ACTIVATIONS = {
    "identity": Layer(identity_forward, identity_backward, inplace=True),
    "logistic": Layer(sigmoid_forward, sigmoid_backward, inplace=True),
    "tanh": Layer(tanh_forward, tanh_backward, inplace=True),
    "relu": Layer(relu_forward, relu_backward, inplace=True, gain=sqrt(2)),
    "leaky_relu": Layer(
        leaky_relu_forward, leaky_relu_backward, inplace=True, gain=sqrt(2)
    ),
    "softplus": Layer(softplus_forward, softplus_backward, inplace=True, gain=1.042),
    "elu": Layer(elu_forward, elu_backward, inplace=True, gain=1.245),
    "selu": Layer(selu_forward, selu_backward, inplace=True, gain=1.0),
    "gelu": Layer(gelu_forward, gelu_backward, gain=1.534),
    "silu": Layer(silu_forward, silu_backward, inplace=True, gain=1.677),
    "mish": Layer(mish_forward, mish_backward, gain=1.487),
}
