"""Which code trains networks: that of NumPy, or loops that Numba compiles."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from skfcnet._engine.arguments import checked_name
from skfcnet._engine.kernels import numba_version

KERNELS = ("auto", "numba", "numpy")
"""The values that ``kernels`` may have."""

VARIABLE = "SKFCNET_KERNELS"
"""The environment variable that has one of them."""

MIN_UPDATES = 1_000_000
"""Number of parameters that an epoch updates for one member, from which on loops are
compiled.

A process needs half a second for Numba and the cached loops. For each parameter of a
default network, whose five members are updated together, loops save 4 ns if its table
has many columns, and 25 to 50 ns if its columns have many bins or categories. A fit of
thirty epochs of such tables earns the half second from about this number on. It depends
neither on the epochs nor on the members of a fit, so that several calls of
`partial_fit`, and members that are trained in several processes, use the same code as
one fit.
"""

_KERNELS = ContextVar("kernels", default=None)


@contextmanager
def config_context(*, kernels: str) -> Iterator[None]:
    """Choose the code that trains networks inside a ``with`` statement.

    The environment variable ``SKFCNET_KERNELS`` has the same values, for the whole
    process. Workers of joblib that a fit starts for its members get the choice of the
    context; those that a search starts do not, and are reached by the variable.

    Parameters
    ----------
    kernels : {'auto', 'numba', 'numpy'}
        "numba": loops that Numba compiles, by the extra ``fast``. "numpy": the same
        computations by NumPy. Their results agree up to rounding. "auto": the former if
        Numba is installed and a fit is large enough, which depends on the number of
        parameters and of minibatches in an epoch alone.

    Raises
    ------
    ValueError
        If ``kernels`` is none of these.

    ImportError
        If it is "numba", and Numba is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import skfcnet
    >>> X, y = np.eye(20), np.arange(20.0)
    >>> with skfcnet.config_context(kernels="numpy"):
    ...     model = skfcnet.FCNetRegressor(n_members=1, max_iter=2).fit(X, y)
    """
    token = _KERNELS.set(_checked("kernels", kernels))
    try:
        yield
    finally:
        _KERNELS.reset(token)


def chosen_kernels():
    """Return what a context or the environment variable has chosen."""
    return _KERNELS.get() or _checked(VARIABLE, os.environ.get(VARIABLE, "auto"))


def description():
    """Return which kernels are chosen, and what that means here."""
    kernels = chosen_kernels()
    if kernels == "numpy":
        return "numpy"
    if numba_version() is None:
        return "numpy, since Numba is not installed or cannot be imported"
    return f"numba {numba_version()}" + ", for large fits" * (kernels == "auto")


def uses_kernels(net, n_minibatches):
    """Return whether compiled loops train a network.

    Parameters
    ----------
    net : FullyConnectedNet
        The network.

    n_minibatches : int
        The number of minibatches of an epoch.

    Returns
    -------
    uses_them : bool
        The choice, or with "auto" what the size of an epoch says.
    """
    kernels = chosen_kernels()
    if kernels != "auto":
        return kernels == "numba"
    n_updates = n_minibatches * len(net.params.trainable) / net.n_members
    return n_updates >= MIN_UPDATES and numba_version() is not None


def _checked(name, kernels):
    checked_name(name, kernels, KERNELS)
    if kernels == "numba" and numba_version() is None:
        raise ImportError(
            f"{name}='numba' needs Numba: install it by pip install 'skfcnet[fast]'."
        )
    return kernels
