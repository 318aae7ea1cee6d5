"""Versions of this package and of what it depends on, for reports of bugs."""

import sklearn

from skfcnet._engine.configuration import description


def show_versions() -> None:
    """Print the version, which code trains, and scikit-learn's own list of versions.

    Examples
    --------
    >>> import skfcnet
    >>> skfcnet.show_versions()  # doctest: +ELLIPSIS
    <BLANKLINE>
    skfcnet:
        version: ...
        kernels: ...
    """
    from importlib.metadata import version  # which takes long to load

    print(
        f"\nskfcnet:\n    version: {version('skfcnet')}\n    kernels: {description()}"
    )
    sklearn.show_versions()
