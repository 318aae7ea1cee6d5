"""Initialisers: distributions of the initial weights of an affine layer.

Conventions
-----------
``initializer(shape, rng=None, *, gain=1.0)`` returns weights of shape (fan_in, fan_out)
in float64. ``gain`` is the gain of the activation function after the layer, which
`skfcnet.layers.ACTIVATIONS` declares, and 1 for the output layer. The initialisers that
are named after their authors have their own factor and do not use the gain.

`INITIALIZERS` is the table of all initialisers, which networks and the documentation
read.
"""

from math import sqrt

import numpy as np

from skfcnet._engine.annotations import Floats, RandomState
from skfcnet._engine.random import as_generator


def he_normal(
    shape: tuple[int, int], rng: RandomState = None, *, gain: float = 1.0
) -> Floats:
    """He et al.'s rule for rectifiers, normal: variance ``2 / fan_in`` [1]_.

    It keeps the scale of signals through a relu, which halves their mean square.

    Parameters
    ----------
    shape : tuple of two ints
        The widths of the input and of the output, ``fan_in`` and ``fan_out``.

    rng : None, int, RandomState or Generator, default=None
        The generator of the weights, or its seed. None is NumPy's global state.

    gain : float, default=1.0
        Not used, but a parameter of every initialiser.

    Returns
    -------
    w : ndarray of shape (fan_in, fan_out)
        The weights.

    References
    ----------
    .. [1] He, K., et al., "Delving Deep into Rectifiers: Surpassing Human-Level
       Performance on ImageNet Classification", ICCV 2015.

    Examples
    --------
    >>> from skfcnet.initializers import he_normal
    >>> w = he_normal((300, 200), 0)
    >>> w.shape, round(float(w.std()), 2)
    ((300, 200), 0.08)
    """
    return _normal(2 / shape[0], shape, rng)


def he_uniform(
    shape: tuple[int, int], rng: RandomState = None, *, gain: float = 1.0
) -> Floats:
    """He et al.'s rule for rectifiers, uniform: variance ``2 / fan_in`` [1]_.

    It keeps the scale of signals through a relu, which halves their mean square.

    Parameters
    ----------
    shape : tuple of two ints
        The widths of the input and of the output, ``fan_in`` and ``fan_out``.

    rng : None, int, RandomState or Generator, default=None
        The generator of the weights, or its seed. None is NumPy's global state.

    gain : float, default=1.0
        Not used, but a parameter of every initialiser.

    Returns
    -------
    w : ndarray of shape (fan_in, fan_out)
        The weights.

    References
    ----------
    .. [1] He, K., et al., "Delving Deep into Rectifiers: Surpassing Human-Level
       Performance on ImageNet Classification", ICCV 2015.

    Examples
    --------
    >>> from skfcnet.initializers import he_uniform
    >>> w = he_uniform((300, 200), 0)
    >>> w.shape, round(float(w.std()), 2)
    ((300, 200), 0.08)
    """
    return _uniform(2 / shape[0], shape, rng)


def lecun_normal(
    shape: tuple[int, int], rng: RandomState = None, *, gain: float = 1.0
) -> Floats:
    """LeCun et al.'s rule, normal: variance ``1 / fan_in`` [1]_.

    It keeps the scale of signals through a function that is approximately linear.

    Parameters
    ----------
    shape : tuple of two ints
        The widths of the input and of the output, ``fan_in`` and ``fan_out``.

    rng : None, int, RandomState or Generator, default=None
        The generator of the weights, or its seed. None is NumPy's global state.

    gain : float, default=1.0
        Not used, but a parameter of every initialiser.

    Returns
    -------
    w : ndarray of shape (fan_in, fan_out)
        The weights.

    References
    ----------
    .. [1] LeCun, Y., et al., "Efficient BackProp", in "Neural Networks: Tricks of the
       Trade", 1998.

    Examples
    --------
    >>> from skfcnet.initializers import lecun_normal
    >>> w = lecun_normal((300, 200), 0)
    >>> w.shape, round(float(w.std()), 2)
    ((300, 200), 0.06)
    """
    return _normal(1 / shape[0], shape, rng)


def lecun_uniform(
    shape: tuple[int, int], rng: RandomState = None, *, gain: float = 1.0
) -> Floats:
    """LeCun et al.'s rule, uniform: variance ``1 / fan_in`` [1]_.

    It keeps the scale of signals through a function that is approximately linear.

    Parameters
    ----------
    shape : tuple of two ints
        The widths of the input and of the output, ``fan_in`` and ``fan_out``.

    rng : None, int, RandomState or Generator, default=None
        The generator of the weights, or its seed. None is NumPy's global state.

    gain : float, default=1.0
        Not used, but a parameter of every initialiser.

    Returns
    -------
    w : ndarray of shape (fan_in, fan_out)
        The weights.

    References
    ----------
    .. [1] LeCun, Y., et al., "Efficient BackProp", in "Neural Networks: Tricks of the
       Trade", 1998.

    Examples
    --------
    >>> from skfcnet.initializers import lecun_uniform
    >>> w = lecun_uniform((300, 200), 0)
    >>> w.shape, round(float(w.std()), 2)
    ((300, 200), 0.06)
    """
    return _uniform(1 / shape[0], shape, rng)


def glorot_normal(
    shape: tuple[int, int], rng: RandomState = None, *, gain: float = 1.0
) -> Floats:
    """Glorot and Bengio's rule, normal: variance ``2 / (fan_in + fan_out)`` [1]_.

    It is a compromise between keeping the scale of signals and that of gradients.

    Parameters
    ----------
    shape : tuple of two ints
        The widths of the input and of the output, ``fan_in`` and ``fan_out``.

    rng : None, int, RandomState or Generator, default=None
        The generator of the weights, or its seed. None is NumPy's global state.

    gain : float, default=1.0
        Not used, but a parameter of every initialiser.

    Returns
    -------
    w : ndarray of shape (fan_in, fan_out)
        The weights.

    References
    ----------
    .. [1] Glorot, X., Bengio, Y., "Understanding the Difficulty of Training Deep
       Feedforward Neural Networks", AISTATS 2010.

    Examples
    --------
    >>> from skfcnet.initializers import glorot_normal
    >>> w = glorot_normal((300, 200), 0)
    >>> w.shape, round(float(w.std()), 2)
    ((300, 200), 0.06)
    """
    return _normal(2 / sum(shape), shape, rng)


def glorot_uniform(
    shape: tuple[int, int], rng: RandomState = None, *, gain: float = 1.0
) -> Floats:
    """Glorot and Bengio's rule, uniform: variance ``2 / (fan_in + fan_out)`` [1]_.

    It is a compromise between keeping the scale of signals and that of gradients.

    Parameters
    ----------
    shape : tuple of two ints
        The widths of the input and of the output, ``fan_in`` and ``fan_out``.

    rng : None, int, RandomState or Generator, default=None
        The generator of the weights, or its seed. None is NumPy's global state.

    gain : float, default=1.0
        Not used, but a parameter of every initialiser.

    Returns
    -------
    w : ndarray of shape (fan_in, fan_out)
        The weights.

    References
    ----------
    .. [1] Glorot, X., Bengio, Y., "Understanding the Difficulty of Training Deep
       Feedforward Neural Networks", AISTATS 2010.

    Examples
    --------
    >>> from skfcnet.initializers import glorot_uniform
    >>> w = glorot_uniform((300, 200), 0)
    >>> w.shape, round(float(w.std()), 2)
    ((300, 200), 0.06)
    """
    return _uniform(2 / sum(shape), shape, rng)


def orthogonal(
    shape: tuple[int, int], rng: RandomState = None, *, gain: float = 1.0
) -> Floats:
    """Orthogonal matrix [1]_ times the gain, with orthonormal columns or rows.

    The columns are orthonormal, or the rows if there are more columns than rows. The
    matrix is drawn from the uniform distribution of such matrices, as the factor Q of a
    matrix of normal numbers, with the signs that make the decomposition unique.

    Parameters
    ----------
    shape : tuple of two ints
        The widths of the input and of the output, ``fan_in`` and ``fan_out``.

    rng : None, int, RandomState or Generator, default=None
        The generator of the weights, or its seed. None is NumPy's global state.

    gain : float, default=1.0
        The value of all singular values.

    Returns
    -------
    w : ndarray of shape (fan_in, fan_out)
        The weights.

    References
    ----------
    .. [1] Saxe, A., McClelland, J., Ganguli, S., "Exact Solutions to the Nonlinear
       Dynamics of Learning in Deep Linear Neural Networks", ICLR 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.initializers import orthogonal
    >>> w = orthogonal((5, 3), 0)
    >>> np.allclose(w.T @ w, np.eye(3))
    True
    """
    tall = as_generator(rng).standard_normal((max(shape), min(shape)))
    q, r = np.linalg.qr(tall)
    q *= np.copysign(gain, np.diagonal(r))
    return q if q.shape == tuple(shape) else q.T


def _normal(variance: float, shape: tuple[int, int], rng: RandomState) -> Floats:
    return sqrt(variance) * as_generator(rng).standard_normal(shape)


def _uniform(variance: float, shape: tuple[int, int], rng: RandomState) -> Floats:
    limit = sqrt(3 * variance)
    return as_generator(rng).uniform(-limit, limit, shape)


INITIALIZERS = {
    function.__name__: function
    for function in (
        he_normal,
        he_uniform,
        lecun_normal,
        lecun_uniform,
        glorot_normal,
        glorot_uniform,
        orthogonal,
    )
}
