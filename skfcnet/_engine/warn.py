"""Warnings that point at the line of whoever called the package."""

import sys
import warnings

OURS = ("skfcnet", "sklearn", "joblib", "numpy", "contextlib", "functools")
"""Packages whose frames lie between that line and the warning."""


def warn(message, category=UserWarning):
    """Warn, as if the line that called into the package had done so.

    Parameters
    ----------
    message : str
        What to say.

    category : type, default=UserWarning
        Class of the warning.
    """
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in OURS:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
