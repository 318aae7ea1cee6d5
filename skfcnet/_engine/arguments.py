"""Checks of arguments: numbers in their range, names, and arrays that fit each other.

Errors name the argument and say what it must be. The public functions of layers, losses
and update rules are decorated by `checked`. The network, whose arrays fit by
construction, calls what `unchecked` returns: the same functions without their checks.
"""

from collections.abc import Callable, Iterable
from functools import partial, wraps
from math import isfinite
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from skfcnet._engine.annotations import Floats


def _is_non_negative(value):
    return isfinite(value) and value >= 0


def _is_positive(value):
    return isfinite(value) and value > 0


def _is_fraction(value):
    return 0 <= value < 1


# Ranges for `checked_number`: whether they contain a number, and what errors say.
NON_NEGATIVE = _is_non_negative, "finite and not negative"
POSITIVE = _is_positive, "positive and finite"
FRACTION = _is_fraction, "in [0, 1)"

P = ParamSpec("P")
R = TypeVar("R")

# For each decorated function, the function without its checks.
_UNCHECKED: dict[Callable[..., Any], Callable[..., Any]] = {}


def checked(check: Callable[..., Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that checks and converts the arguments of a function.

    The function also ignores underflow, whatever ``np.errstate`` says.

    Parameters
    ----------
    check : callable
        Called with the name of the function and its positional arguments; returns the
        converted arguments.

    Returns
    -------
    decorate : callable
        The decorator.
    """

    def decorate(function):
        code = function.__code__
        names = code.co_varnames[: code.co_argcount]
        n_required = len(names) - len(function.__defaults__ or ())

        @wraps(function)
        def checked_function(*args, **options):
            for name in names[len(args) :]:
                if name not in options:
                    break
                args += (options.pop(name),)
            if n_required <= len(args) <= len(names):
                args = check(function.__name__, *args)
            with np.errstate(under="ignore"):
                return function(*args, **options)

        _UNCHECKED[checked_function] = function
        return checked_function

    return decorate


def unchecked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function without its checks, or itself if it has none."""
    if isinstance(function, partial):
        return partial(unchecked(function.func), *function.args, **function.keywords)
    return _UNCHECKED.get(function, function)


def as_floats(a: Any, dtype: DTypeLike = np.float64) -> Floats:
    """Return an array of floats as it is, and anything else in the dtype given."""
    is_float = isinstance(a, np.ndarray) and a.dtype.kind == "f"
    return a if is_float else np.asarray(a, dtype)


def check_shape(function, name, array, *shapes):
    """Raise an error if an array has none of these shapes."""
    if array.shape not in shapes:
        expected = " or ".join(map(str, shapes))
        raise ValueError(
            f"{function} needs {name} of shape {expected}, got {array.shape}."
        )


def check_gradient(function, dout, cache):
    """Check the arguments of a backward function.

    Its cache is, or begins with, an array that has the shape of the output.
    """
    kept = cache[0] if isinstance(cache, tuple) else cache
    if kept is None:  # dropout that drops nothing has no cache
        return as_floats(dout), cache
    return check_gradient_shape(function, dout, kept.shape), cache


def check_gradient_shape(function, dout, shape):
    """Return ``dout`` as floats, and raise an error if it has not this shape."""
    dout = as_floats(dout)
    check_shape(function, "dout", dout, shape)
    return dout


def checked_number(
    name: str, value: Any, contains: Callable[[Any], bool], requirement: str
) -> float:
    """Return a number in a range as a Python float.

    A float64 scalar of NumPy would turn float32 arrays into float64 ones.
    """
    if not (isinstance(value, Real) and contains(value)):
        raise ValueError(f"{name} must be {requirement}, got {value!r}.")
    return float(value)


def checked_integer(name: str, value: Any, *, least: int = 1) -> int:
    """Return an integer that is at least ``least`` as a Python int."""
    if not (isinstance(value, Integral) and int(value) >= least):
        kind = "a positive integer" if least == 1 else f"an integer from {least} on"
        raise ValueError(f"{name} must be {kind}, got {value!r}.")
    return int(value)


def checked_name(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Return a name that is one of the allowed ones."""
    if not (isinstance(value, str) and value in allowed):
        raise ValueError(f"{name} must be one of {sorted(allowed)}, got {value!r}.")
    return value


def checked_mapping(name: str, value: Any) -> Any:
    """Return a mapping, or an empty one for None."""
    if not (value is None or hasattr(value, "keys")):
        raise TypeError(f"{name} must be a dict, got {value!r}.")
    return {} if value is None else value


def checked_flag(name: str, value: Any) -> bool:
    """Return a flag as a bool."""
    if not isinstance(value, (bool, np.bool_, Integral)):
        raise ValueError(f"{name} must be True or False, got {value!r}.")
    return bool(value)
