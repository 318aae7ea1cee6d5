"""Domains: what the targets of a loss may be."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skfcnet._engine.annotations import Array


class Domain(NamedTuple):
    """The targets that a loss is defined for.

    Parameters
    ----------
    requirement : str
        What the targets must be, as an adjective.

    contains : callable
        From an array of targets to an array of booleans: whether each is in the domain.

    some_positive : bool, default=False
        Whether a whole data set must have a positive target.
    """

    requirement: str
    contains: Callable
    some_positive: bool = False

    def check(self, y: Array, *, loss: str, whole: bool = True) -> None:
        """Refuse targets that the loss is not defined for.

        Parameters
        ----------
        y : ndarray
            Targets.

        loss : str
            Name of the loss.

        whole : bool, default=True
            Whether they are those of a whole data set, not of some of its rows.

        Raises
        ------
        ValueError
            If any target is outside the domain, or none is positive where a whole data
            set must have a positive one.
        """
        if not self.contains(y).all():
            raise ValueError(f"loss={loss!r} requires {self.requirement} y.")
        if whole and self.some_positive and not (y > 0).any():
            raise ValueError(f"loss={loss!r} requires y with a positive sum.")


def _is_non_negative(y: Array) -> Array:
    return y >= 0


def _is_positive(y: Array) -> Array:
    return y > 0


def _is_within_zero_and_one(y: Array) -> Array:
    return (y >= 0) & (y <= 1)


REAL = Domain("real", np.isreal)
POSITIVE = Domain("positive", _is_positive)
NON_NEGATIVE = Domain("non-negative", _is_non_negative, some_positive=True)
PROBABILITIES = Domain("[0, 1]-valued", _is_within_zero_and_one)
CLASS_INDICES = Domain("non-negative integer", _is_non_negative)
