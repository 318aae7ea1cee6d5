"""What users may get wrong: numbers out of range, names, and arrays that do not fit.

Errors name the argument and say what it must be. The checks of layers, losses and
update rules stand at their door: `checked` puts them around a function that readers
call, and the network, whose arrays fit by construction, goes through `unchecked`.
"""

from functools import partial, wraps
from math import isfinite
from numbers import Integral, Real

import numpy as np


def _is_not_negative(value):
    return isfinite(value) and value >= 0


def _is_positive(value):
    return isfinite(value) and value > 0


def _is_a_share(value):
    return 0 <= value < 1


# What `checked_number` wants to know of a range.
NOT_NEGATIVE = _is_not_negative, "finite and not negative"
POSITIVE = _is_positive, "positive and finite"
A_SHARE = _is_a_share, "in [0, 1)"

_BEHIND = {}  # from functions with a door to what is behind it


def checked(check):
    """Put a door before a function: its arguments are checked and converted there.

    Inside, what is too small to be represented is zero, whatever ``np.errstate`` says.

    Parameters
    ----------
    check : callable
        Called with the name of the function and its positional arguments; returns
        them, converted.

    Returns
    -------
    guard : callable
        A decorator.
    """

    def guard(function):
        code = function.__code__
        names = code.co_varnames[: code.co_argcount]
        n_required = len(names) - len(function.__defaults__ or ())

        @wraps(function)
        def guarded(*args, **options):
            for name in names[len(args) :]:
                if name not in options:
                    break
                args += (options.pop(name),)
            if n_required <= len(args) <= len(names):
                args = check(function.__name__, *args)
            with np.errstate(under="ignore"):
                return function(*args, **options)

        _BEHIND[guarded] = function
        return guarded

    return guard


def unchecked(function):
    """Return what is behind the door of a function, or the function if it has none."""
    if isinstance(function, partial):
        return partial(unchecked(function.func), *function.args, **function.keywords)
    return _BEHIND.get(function, function)


def as_floats(a, dtype=np.float64):
    """Return an array of floats as it is, anything else as an array of some dtype."""
    is_float = isinstance(a, np.ndarray) and a.dtype.kind == "f"
    return a if is_float else np.asarray(a, dtype)


def check_shape(function, name, array, *shapes):
    """Refuse an array that has none of these shapes."""
    if array.shape not in shapes:
        expected = " or ".join(map(str, shapes))
        raise ValueError(
            f"{function} needs {name} of shape {expected}, got {array.shape}."
        )


def check_gradient(function, dout, cache):
    """Check the arguments of a backward pass.

    Its cache is, or begins with, an array of the shape of the output.
    """
    kept = cache[0] if isinstance(cache, tuple) else cache
    if kept is None:  # dropout that dropped nothing kept nothing
        return as_floats(dout), cache
    return check_gradient_shape(function, dout, kept.shape), cache


def check_gradient_shape(function, dout, shape):
    """Return ``dout`` in floats if it has the shape of the output."""
    dout = as_floats(dout)
    check_shape(function, "dout", dout, shape)
    return dout


def checked_number(name, value, contains, requirement):
    """Return a number as a float: NumPy's would make float32 arrays float64."""
    if not (isinstance(value, Real) and contains(value)):
        raise ValueError(f"{name} must be {requirement}, got {value!r}.")
    return float(value)


def checked_integer(name, value, *, least=1):
    """Return an integer that is not too small."""
    if not (isinstance(value, Integral) and value >= least):
        kind = "a positive integer" if least == 1 else f"an integer from {least} on"
        raise ValueError(f"{name} must be {kind}, got {value!r}.")
    return int(value)


def checked_name(name, value, allowed):
    """Return a name that is one of those allowed."""
    if not (isinstance(value, str) and value in allowed):
        raise ValueError(f"{name} must be one of {sorted(allowed)}, got {value!r}.")
    return value


def checked_mapping(name, value):
    """Return a mapping, or an empty one for None."""
    if not (value is None or hasattr(value, "keys")):
        raise TypeError(f"{name} must be a dict, got {value!r}.")
    return {} if value is None else value


def checked_flag(name, value):
    """Return whether something is to be done."""
    if not isinstance(value, (bool, np.bool_, Integral)):
        raise ValueError(f"{name} must be True or False, got {value!r}.")
    return bool(value)
