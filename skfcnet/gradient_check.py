"""Numeric gradients, by which every backward pass can be checked.

They are centred differences, ``(f(x + h) - f(x - h)) / (2 h)``, of one coordinate at a
time: slow, but simple, and accurate to about ``h ** 2``. `rel_error` compares
gradients.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skfcnet._engine.annotations import Floats


def rel_error(x: ArrayLike, y: ArrayLike) -> float:
    r"""Return the largest relative error between two arrays.

    .. math:: \max_i \frac{|x_i - y_i|}{\max(10^{-8}, |x_i| + |y_i|)}

    Parameters
    ----------
    x, y : array-like
        The arrays, of shapes that can be broadcast against each other.

    Returns
    -------
    error : float
        The error, from 0 for equal numbers to 1 for numbers of opposite signs.

    Examples
    --------
    >>> from skfcnet.gradient_check import rel_error
    >>> rel_error([1.0, 2.0], [1.0, 2.0])
    0.0
    >>> rel_error([1.0, 2.0], [1.0, 3.0])  # 1 / (2 + 3)
    0.2
    """
    x, y = np.asarray(x), np.asarray(y)
    return float(np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y))))


def eval_numerical_gradient(
    f: Callable[[Floats], Any], x: Floats, verbose: bool = True, h: float = 1e-5
) -> Floats:
    """Return the numeric gradient of a function that returns a number.

    Parameters
    ----------
    f : callable
        The function, which is called as ``f(x)`` and returns a number.

    x : ndarray
        The point at which the gradient is computed. It is changed in place and restored
        at the end, so that ``f`` may ignore its argument and read the array elsewhere:
        for ``x = net.params["W1"]``, ``f`` can be ``lambda _: net.loss(X, y)[0]``.

    verbose : bool, default=True
        Whether to print the number of derivatives and the absolute value of the largest
        one.

    h : float, default=1e-5
        The size of the step.

    Returns
    -------
    grad : ndarray
        The gradient, of the shape of ``x``.

    Raises
    ------
    TypeError
        If ``x`` is not an array of floats.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.gradient_check import eval_numerical_gradient
    >>> x = np.array([1.0, 2.0])
    >>> eval_numerical_gradient(lambda x: (x**2).sum(), x, verbose=False).round(6)
    array([2., 4.])
    """
    grad = _centred_differences(f, x, h, lambda change: change)
    if verbose:
        largest = np.abs(grad).max(initial=0)
        print(f"{grad.size} derivatives, the largest of absolute value {largest:.3e}")
    return grad


def eval_numerical_gradient_array(
    f: Callable[[Floats], Any], x: Floats, df: ArrayLike, h: float = 1e-5
) -> Floats:
    """Return the numeric gradient of a function that returns an array.

    Parameters
    ----------
    f : callable
        The function, which is called as ``f(x)`` and returns an array.

    x : ndarray
        The point at which the gradient is computed. It is changed in place and restored
        at the end.

    df : ndarray
        The upstream gradient, of the shape of ``f(x)``.

    h : float, default=1e-5
        The size of the step.

    Returns
    -------
    grad : ndarray
        The gradient of ``(f(x) * df).sum()``, of the shape of ``x``.

    Raises
    ------
    TypeError
        If ``x`` is not an array of floats.

    ValueError
        If ``df`` does not have the shape of ``f(x)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.gradient_check import eval_numerical_gradient_array
    >>> x = np.array([1.0, 2.0])
    >>> eval_numerical_gradient_array(lambda x: x**2, x, np.ones(2)).round(6)
    array([2., 4.])
    """

    def reduce(change: Floats) -> Any:
        if change.shape != np.shape(df):
            raise ValueError(
                f"df must have the shape of f(x), {change.shape}, got {np.shape(df)}."
            )
        return np.sum(change * np.asarray(df))

    return _centred_differences(f, x, h, reduce)


def _centred_differences(
    f: Callable[[Floats], Any], x: Floats, h: float, reduce: Callable[[Floats], Any]
) -> Floats:
    if not (isinstance(x, np.ndarray) and x.dtype.kind == "f"):
        raise TypeError(
            f"x must be an array of floats, since it is changed by small steps, got "
            f"{getattr(x, 'dtype', type(x).__name__)}: convert it by "
            f"np.asarray(x, float)."
        )
    grad = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        x[index] = value + h
        above = np.array(f(x))  # a copy, since f may return the same array again
        x[index] = value - h
        below = np.array(f(x))
        x[index] = value
        grad[index] = reduce(above - below) / (2 * h)
    return grad
