"""Versions of this package and of what it depends on, for reports of bugs."""

import sklearn

from skfcnet._engine.configuration import description


def show_versions() -> None:
    """Print the version of skfcnet, which code it trains with, and other versions.

    The kernels are "numpy", or "numba" with its version if there are compiled loops.
    What follows is printed by scikit-learn's function of the same name: the versions of
    Python and of the dependencies, and the libraries for linear algebra and threads.

    Examples
    --------
    >>> import skfcnet
    >>> skfcnet.show_versions()  # doctest: +ELLIPSIS
    <BLANKLINE>
    skfcnet:
        version: 0...
        kernels: num...
    <BLANKLINE>
    System:
        python: 3...
    Python dependencies:
          sklearn: 1...
    threadpoolctl info:
           user_api: ...
    """
    from importlib.metadata import version  # which takes long to load

    print(
        f"\nskfcnet:\n    version: {version('skfcnet')}\n    kernels: {description()}"
    )
    sklearn.show_versions()
