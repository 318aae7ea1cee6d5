"""Groups of neighbouring columns: the classes of each output of a classifier."""

from collections.abc import Sequence
from numbers import Integral
from types import MappingProxyType
from typing import Any

import numpy as np

from skfcnet._engine.annotations import Array


def checked_groups(value: Any) -> tuple[int, ...] | None:
    """Return the widths of the groups as a tuple, or None for a single group."""
    if value is None:
        return None
    widths = tuple(value) if np.iterable(value) else ()
    if not widths or not all(isinstance(w, Integral) and int(w) > 0 for w in widths):
        raise ValueError(f"groups must hold positive integers, got {value!r}.")
    return tuple(map(int, widths))


def group_layout(x: Any, groups: Sequence[int] | None) -> tuple[Array, Array, Array]:
    """Return each group's width and first column, and the group of each column.

    Parameters
    ----------
    x : ndarray of shape (N, C)
        Scores.

    groups : sequence of int or None
        The widths of the groups, first to last; None for a single group.

    Returns
    -------
    widths, starts : ndarray of shape (G,)
        The width of each group, and the index of its first column.

    group_of : ndarray of shape (C,)
        The index of the group that each column belongs to.
    """
    if x.ndim != 2:
        raise ValueError(f"Groups are of columns, and x has shape {x.shape}.")
    widths = np.array(checked_groups(groups) or x.shape[1:])
    if widths.sum() != x.shape[1]:
        raise ValueError(
            f"groups={groups!r} have {widths.sum()} columns together, and x has "
            f"{x.shape[1]}."
        )
    return widths, widths.cumsum() - widths, np.arange(len(widths)).repeat(widths)


GROUPS = MappingProxyType({"groups": checked_groups})
