"""Activations: functions of each number by itself.

Activations are layers without parameters and follow the conventions of
`skfcnet.layers`. In their formulas, :math:`x` is the input, :math:`a` the output and
:math:`dout` the gradient of the loss with respect to the output.

The derivative of most activations can be written in terms of the output, which is then
their cache. They do not need their input again, and so they may write over it:
``out=x``. The derivatives of gelu and mish need the input. Their cache keeps it, and
the output must be written elsewhere.

The decorators check the arguments, and add to the docstrings what is the same for all
activations: the descriptions of arguments and results.
"""

from math import pi, sqrt

import numpy as np
from scipy.special import expit, ndtr

from skfcnet._engine.workspace import Workspace
from skfcnet.layers._declaration import Layer
from skfcnet.layers._decorators import activation_backward, activation_forward

LEAKY_SLOPE = 0.01
SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772

__all__ = [
    "ACTIVATIONS",
    "elu_backward",
    "elu_forward",
    "gelu_backward",
    "gelu_forward",
    "identity_backward",
    "identity_forward",
    "leaky_relu_backward",
    "leaky_relu_forward",
    "mish_backward",
    "mish_forward",
    "relu_backward",
    "relu_forward",
    "selu_backward",
    "selu_forward",
    "sigmoid_backward",
    "sigmoid_forward",
    "silu_backward",
    "silu_forward",
    "softplus_backward",
    "softplus_forward",
    "tanh_backward",
    "tanh_forward",
]


@activation_forward
def identity_forward(x, *, out=None, workspace=None):
    """No activation: the input itself.

    Examples
    --------
    >>> from skfcnet.layers import identity_forward
    >>> identity_forward([-1.0, 2.0])[0]
    array([-1.,  2.])
    """
    out = np.positive(x, out=out)
    return out, out


@activation_backward
def identity_backward(dout, cache, *, out=(None,), workspace=None):
    """Gradient of no activation: ``dout``.

    Examples
    --------
    >>> from skfcnet.layers import identity_backward, identity_forward
    >>> out, cache = identity_forward([-1.0, 2.0])
    >>> identity_backward([1.0, 1.0], cache)
    array([1., 1.])
    """
    return np.positive(dout, out=out[0])


@activation_forward
def relu_forward(x, *, out=None, workspace=None):
    """Rectified linear unit, ``max(0, x)`` [1]_.

    References
    ----------
    .. [1] Nair, V., Hinton, G., "Rectified Linear Units Improve Restricted Boltzmann
       Machines", ICML 2010.

    Examples
    --------
    >>> from skfcnet.layers import relu_forward
    >>> relu_forward([-1.0, 2.0])[0]
    array([0., 2.])
    """
    out = np.maximum(x, 0, out=out)
    return out, out


@activation_backward
def relu_backward(dout, cache, *, out=(None,), workspace=None):
    """Gradient of the rectified linear unit: ``dout`` where the output is positive.

    Examples
    --------
    >>> from skfcnet.layers import relu_backward, relu_forward
    >>> out, cache = relu_forward([-1.0, 2.0])
    >>> relu_backward([5.0, 5.0], cache)
    array([0., 5.])
    """
    workspace = workspace or Workspace()
    active = np.greater(cache, 0, out=workspace("active", cache.shape, bool))
    return np.multiply(dout, active, out=out[0])


@activation_forward
def leaky_relu_forward(x, *, out=None, workspace=None):
    """Leaky rectified linear unit, ``max(0.01 x, x)`` [1]_.

    References
    ----------
    .. [1] Maas, A., Hannun, A., Ng, A., "Rectifier Nonlinearities Improve Neural
       Network Acoustic Models", ICML 2013.

    Examples
    --------
    >>> from skfcnet.layers import leaky_relu_forward
    >>> leaky_relu_forward([-1.0, 2.0])[0]
    array([-0.01,  2.  ])
    """
    workspace = workspace or Workspace()
    leak = np.multiply(x, LEAKY_SLOPE, out=workspace("leak", x.shape, x.dtype))
    out = np.maximum(x, leak, out=out)
    return out, out


@activation_backward
def leaky_relu_backward(dout, cache, *, out=(None,), workspace=None):
    """Gradient of the leaky rectified linear unit.

    It is ``dout`` where the output is positive, and 0.01 of it elsewhere.

    Examples
    --------
    >>> from skfcnet.layers import leaky_relu_backward, leaky_relu_forward
    >>> out, cache = leaky_relu_forward([-1.0, 2.0])
    >>> leaky_relu_backward([5.0, 5.0], cache)
    array([0.05, 5.  ])
    """
    workspace = workspace or Workspace()
    active = np.greater(cache, 0, out=workspace("active", cache.shape, bool))
    slope = workspace("slope", cache.shape, cache.dtype)
    slope[...] = active
    slope *= 1 - LEAKY_SLOPE
    slope += LEAKY_SLOPE
    return np.multiply(dout, slope, out=out[0])


@activation_forward
def tanh_forward(x, *, out=None, workspace=None):
    """Hyperbolic tangent.

    Examples
    --------
    >>> from skfcnet.layers import tanh_forward
    >>> tanh_forward([0.0, 1.0])[0].round(4)
    array([0.    , 0.7616])
    """
    out = np.tanh(x, out=out)
    return out, out


@activation_backward
def tanh_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of the hyperbolic tangent: :math:`dout \, (1 - a^2)`.

    Here, :math:`a` is the output.

    Examples
    --------
    >>> from skfcnet.layers import tanh_backward, tanh_forward
    >>> out, cache = tanh_forward([0.0, 1.0])
    >>> tanh_backward([1.0, 1.0], cache).round(4)
    array([1.  , 0.42])
    """
    workspace = workspace or Workspace()
    slope = workspace("slope", cache.shape, cache.dtype)
    np.multiply(cache, cache, out=slope)
    np.subtract(1, slope, out=slope)
    return np.multiply(dout, slope, out=out[0])


@activation_forward
def sigmoid_forward(x, *, out=None, workspace=None):
    r"""Logistic sigmoid, :math:`1 / (1 + e^{-x})`.

    It is computed as :math:`(1 + \tanh(x / 2)) / 2`, which is the same function and
    overflows for no input.

    Examples
    --------
    >>> from skfcnet.layers import sigmoid_forward
    >>> sigmoid_forward([-1e4, 0.0, 1e4])[0]
    array([0. , 0.5, 1. ])
    """
    out = np.asarray(np.multiply(x, 0.5, out=out))
    np.tanh(out, out=out)
    out *= 0.5
    out += 0.5
    return out, out


@activation_backward
def sigmoid_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of the logistic sigmoid: :math:`dout \, a (1 - a)`.

    Here, :math:`a` is the output.

    Examples
    --------
    >>> from skfcnet.layers import sigmoid_backward, sigmoid_forward
    >>> out, cache = sigmoid_forward([0.0, 0.0])
    >>> sigmoid_backward([1.0, 1.0], cache)
    array([0.25, 0.25])
    """
    workspace = workspace or Workspace()
    slope = workspace("slope", cache.shape, cache.dtype)
    np.subtract(1, cache, out=slope)
    slope *= cache
    return np.multiply(dout, slope, out=out[0])


@activation_forward
def softplus_forward(x, *, out=None, workspace=None):
    r"""Softplus, :math:`\log(1 + e^x)`: a smooth rectifier [1]_.

    It is computed as :math:`\max(0, x) + \log(1 + e^{-|x|})`, which overflows for no
    input.

    References
    ----------
    .. [1] Dugas, C., et al., "Incorporating Second-Order Functional Knowledge for
       Better Option Pricing", NIPS 2000.

    Examples
    --------
    >>> from skfcnet.layers import softplus_forward
    >>> softplus_forward([-1.0, 2.0])[0].round(4)
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


@activation_backward
def softplus_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of softplus: :math:`dout \, (1 - e^{-a})`.

    Here, :math:`a` is the output. The derivative is the sigmoid of the input.

    Examples
    --------
    >>> from skfcnet.layers import softplus_backward, softplus_forward
    >>> out, cache = softplus_forward([-1.0, 2.0])
    >>> softplus_backward([1.0, 1.0], cache).round(4)
    array([0.2689, 0.8808])
    """
    workspace = workspace or Workspace()
    slope = np.negative(cache, out=workspace("slope", cache.shape, cache.dtype))
    _expm1(slope, workspace)
    np.negative(slope, out=slope)
    return np.multiply(dout, slope, out=out[0])


@activation_forward
def elu_forward(x, *, out=None, workspace=None):
    r"""Exponential linear unit, :math:`\max(0, x) + \min(0, e^x - 1)` [1]_.

    References
    ----------
    .. [1] Clevert, D.-A., Unterthiner, T., Hochreiter, S., "Fast and Accurate Deep
       Network Learning by Exponential Linear Units (ELUs)", ICLR 2016.

    Examples
    --------
    >>> from skfcnet.layers import elu_forward
    >>> elu_forward([-1.0, 2.0])[0].round(4)
    array([-0.6321,  2.    ])
    """
    workspace = workspace or Workspace()
    negative = np.minimum(x, 0, out=workspace("negative", x.shape, x.dtype))
    _expm1(negative, workspace)
    out = np.maximum(x, 0, out=out)
    out += negative
    return out, out


@activation_backward
def elu_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of the exponential linear unit: :math:`dout \, (1 + \min(0, a))`.

    Here, :math:`a` is the output.

    Examples
    --------
    >>> from skfcnet.layers import elu_backward, elu_forward
    >>> out, cache = elu_forward([-1.0, 2.0])
    >>> elu_backward([1.0, 1.0], cache).round(4)
    array([0.3679, 1.    ])
    """
    workspace = workspace or Workspace()
    slope = np.minimum(cache, 0, out=workspace("slope", cache.shape, cache.dtype))
    slope += 1
    return np.multiply(dout, slope, out=out[0])


@activation_forward
def selu_forward(x, *, out=None, workspace=None):
    r"""Scaled exponential linear unit [1]_.

    .. math::

        a &= \lambda \left(\max(0, x) + \alpha \min(0, e^x - 1)\right), \\
        \lambda &\approx 1.0507, \quad \alpha \approx 1.6733

    The two constants are such that standard normal input has output of mean 0 and
    variance 1.

    References
    ----------
    .. [1] Klambauer, G., et al., "Self-Normalizing Neural Networks", NIPS 2017.

    Examples
    --------
    >>> from skfcnet.layers import selu_forward
    >>> selu_forward([-1.0, 2.0])[0].round(4)
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


@activation_backward
def selu_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of the scaled exponential linear unit.

    .. math:: dx = dout \begin{cases} \lambda & \text{where } a > 0, \\
        a + \lambda \alpha & \text{elsewhere} \end{cases}

    Here, :math:`a` is the output, and :math:`\lambda` and :math:`\alpha` are the two
    constants of `selu_forward`.

    Examples
    --------
    >>> from skfcnet.layers import selu_backward, selu_forward
    >>> out, cache = selu_forward([-1.0, 2.0])
    >>> selu_backward([1.0, 1.0], cache).round(4)
    array([0.6468, 1.0507])
    """
    workspace = workspace or Workspace()
    active = np.greater(cache, 0, out=workspace("active", cache.shape, bool))
    slope = workspace("slope", cache.shape, cache.dtype)
    np.add(cache, SELU_SCALE * SELU_ALPHA, out=slope)
    np.copyto(slope, SELU_SCALE, where=active)
    return np.multiply(dout, slope, out=out[0])


@activation_forward
def gelu_forward(x, *, out=None, workspace=None):
    r"""Gaussian error linear unit, :math:`x \, \Phi(x)` [1]_.

    This is the exact function, with the distribution function of the standard normal,
    :math:`\Phi(x) = \frac{1}{2} (1 + \mathrm{erf}(x / \sqrt 2))`. The cache keeps
    ``x``, so that ``out`` must not be ``x``.

    References
    ----------
    .. [1] Hendrycks, D., Gimpel, K., "Gaussian Error Linear Units (GELUs)",
       arXiv:1606.08415, 2016.

    Examples
    --------
    >>> from skfcnet.layers import gelu_forward
    >>> gelu_forward([-1.0, 2.0])[0].round(4)
    array([-0.1587,  1.9545])
    """
    workspace = workspace or Workspace()
    cdf = ndtr(x, out=workspace("cdf", x.shape, x.dtype))
    return np.multiply(x, cdf, out=out), (x, cdf)


@activation_backward
def gelu_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of the Gaussian error linear unit.

    .. math::

        dx &= dout \left(\Phi(x) + x \, \varphi(x)\right), \\
        \varphi(x) &= \frac{1}{\sqrt{2 \pi}} e^{-x^2 / 2}

    The cache is the input :math:`x` and :math:`\Phi(x)`, the distribution function of
    the standard normal.

    Examples
    --------
    >>> from skfcnet.layers import gelu_backward, gelu_forward
    >>> out, cache = gelu_forward([-1.0, 2.0])
    >>> gelu_backward([1.0, 1.0], cache).round(4)
    array([-0.0833,  1.0852])
    """
    x, cdf = cache
    workspace = workspace or Workspace()
    slope = workspace("slope", x.shape, x.dtype)
    np.clip(x, -40, 40, out=slope)  # The density is 0 beyond, and the square finite.
    slope *= slope
    slope *= -0.5
    np.exp(slope, out=slope)
    slope *= 1 / sqrt(2 * pi)
    slope *= x
    slope += cdf
    return np.multiply(dout, slope, out=out[0])


@activation_forward
def silu_forward(x, *, out=None, workspace=None):
    r"""Sigmoid linear unit, or swish: :math:`x \, \sigma(x)` [1]_.

    Here, :math:`\sigma` is the logistic sigmoid.

    References
    ----------
    .. [1] Elfwing, S., Uchibe, E., Doya, K., "Sigmoid-Weighted Linear Units for Neural
       Network Function Approximation in Reinforcement Learning", Neural Networks 107,
       2018.

    Examples
    --------
    >>> from skfcnet.layers import silu_forward
    >>> silu_forward([-1.0, 2.0])[0].round(4)
    array([-0.2689,  1.7616])
    """
    workspace = workspace or Workspace()
    sigma = expit(x, out=workspace("sigma", x.shape, x.dtype))
    out = np.multiply(x, sigma, out=out)
    return out, (out, sigma)


@activation_backward
def silu_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of the sigmoid linear unit: :math:`dout \, (\sigma + a (1 - \sigma))`.

    The cache is the output :math:`a` and the logistic sigmoid of the input,
    :math:`\sigma = \sigma(x)`.

    Examples
    --------
    >>> from skfcnet.layers import silu_backward, silu_forward
    >>> out, cache = silu_forward([-1.0, 2.0])
    >>> silu_backward([1.0, 1.0], cache).round(4)
    array([0.0723, 1.0908])
    """
    a, sigma = cache
    workspace = workspace or Workspace()
    slope = np.subtract(1, sigma, out=workspace("slope", a.shape, a.dtype))
    slope *= a
    slope += sigma
    return np.multiply(dout, slope, out=out[0])


@activation_forward
def mish_forward(x, *, out=None, workspace=None):
    r"""Mish, :math:`x \tanh(\log(1 + e^x))` [1]_.

    The hyperbolic tangent of the softplus is computed as the fraction that it is,
    :math:`n / (n + 2)` with :math:`n = e^x (e^x + 2)`. The cache keeps ``x``, so that
    ``out`` must not be ``x``.

    References
    ----------
    .. [1] Misra, D., "Mish: A Self Regularized Non-Monotonic Activation Function", BMVC
       2020.

    Examples
    --------
    >>> from skfcnet.layers import mish_forward
    >>> mish_forward([-1.0, 2.0])[0].round(4)
    array([-0.3034,  1.944 ])
    """
    workspace = workspace or Workspace()
    t = workspace("t", x.shape, x.dtype)
    np.minimum(x, 20, out=t)  # Beyond, t is 1 to the last bit; n stays finite.
    np.exp(t, out=t)
    denominator = np.add(t, 2, out=workspace("denominator", x.shape, x.dtype))
    t *= denominator
    np.add(t, 2, out=denominator)
    t /= denominator
    return np.multiply(x, t, out=out), (x, t)


@activation_backward
def mish_backward(dout, cache, *, out=(None,), workspace=None):
    r"""Gradient of mish: :math:`dout \, (t + x (1 - t^2) \sigma(x))`.

    The cache is the input :math:`x` and :math:`t`, the hyperbolic tangent of its
    softplus. The logistic sigmoid is :math:`\sigma`.

    Examples
    --------
    >>> from skfcnet.layers import mish_backward, mish_forward
    >>> out, cache = mish_forward([-1.0, 2.0])
    >>> mish_backward([1.0, 1.0], cache).round(4)
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

    It is computed as 2 t / (1 - t) with t = tanh(x / 2). In single precision this is
    several times faster than np.expm1, and as accurate.
    """
    x *= 0.5
    np.tanh(x, out=x)
    x /= np.subtract(1, x, out=workspace("denominator", x.shape, x.dtype))
    x *= 2


# The gain undoes what an activation does to the mean square of a standard normal
# signal: sqrt(2) for relu, as in He et al., "Delving Deep into Rectifiers", 2015, and 1
# for selu by its construction. The logistic sigmoid and tanh saturate, and have gain 1
# as in LeCun et al., "Efficient BackProp", 1998.
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
