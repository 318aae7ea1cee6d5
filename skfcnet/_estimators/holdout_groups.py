"""Splits of rows that keep groups of the user whole.

Groups say which rows belong together, such as those of one patient. They take the place
of the content of rows in `skfcnet._estimators.holdout`: all rows of a group are on the
same side of a split, and equal rows of two groups need not be. As there, a split
depends neither on the order of the rows, nor on whether a row of weight k is given once
or k times.
"""

import numpy as np

from skfcnet._estimators.holdout import DistinctRows


class GroupedRows:
    """Groups of rows, each of which is held out as a whole.

    Parameters
    ----------
    X, y, weight, classes, rng : as for `split_groups_by_fraction`
        The rows.

    groups : ndarray of shape (N,)
        The group of each row.

    Attributes
    ----------
    shares : ndarray of shape (n_groups, n_classes + 1)
        The share of the total weight that each group has: of the rows of each class,
        and in the last column of all rows.

    n_rows : ndarray of int, shape (n_groups,)
        The number of distinct rows of each group.
    """

    def __init__(self, X, y, weight, *, groups, classes, rng):
        _, groups = np.unique(groups, return_inverse=True)
        content = np.column_stack([y, groups])
        self._rows = DistinctRows(X, content, weight, strata=groups, rng=rng)
        self._group_of = np.cumsum(self._rows.is_first_of_stratum) - 1
        self.n_rows = np.bincount(self._group_of)
        self.shares = self._shares(classes)
        # Groups of different sizes are in a random order, too, if these are similar.
        sizes = np.square(self.shares).sum(axis=1)
        order = rng.permutation(len(sizes))
        self._largest_first = order[
            np.argsort(-np.frexp(sizes)[1][order], kind="stable")
        ]

    def __len__(self):
        """Return the number of groups."""
        return len(self.n_rows)

    def _shares(self, classes):
        rows = self._rows
        if classes is None:
            classes = np.zeros(len(self._group_of), int)
        else:
            _, classes = np.unique(classes[rows.first_copies], return_inverse=True)
        weights = np.zeros((len(self), classes.max() + 2))
        np.add.at(weights, (self._group_of, classes), rows.weights)
        weights[:, -1] = weights.sum(axis=1)
        return weights / weights.sum(axis=0)

    def deal(self, capacities, *, n_held_out):
        """Deal the groups to parts, such that each gets its share of every class.

        The groups are visited from the largest to the smallest. Each goes to the part
        where it adds the least to the sum over all parts of their squared shares, of
        each class and of all rows, divided by their capacities. A part that is held out
        never gets all groups that have rows of a class.

        Parameters
        ----------
        capacities : ndarray of shape (n_parts,)
            The share of all rows that each part should get.

        n_held_out : int
            The number of parts that are held out. They are the first ones.

        Returns
        -------
        part_of : ndarray of int, shape (n_groups,)
            The part of each group; -1 for groups that no part may get.
        """
        part_of = np.full(len(self), -1)
        loads = np.zeros((len(capacities), self.shares.shape[1]))
        n_groups = np.zeros(loads.shape, int)
        is_in_class = self.shares > 0
        n_all = is_in_class.sum(axis=0)
        for group in self._largest_first:
            share, own = self.shares[group], is_in_class[group]
            costs = (2 * loads @ share + share @ share) / capacities
            gets_all = (n_groups[:n_held_out, own] + 1 == n_all[own]).any(axis=1)
            costs[:n_held_out][gets_all] = np.inf
            part = costs.argmin()
            if costs[part] < np.inf:
                part_of[group] = part
                loads[part] += share
                n_groups[part] += own
        return part_of

    def hold_out(self, chosen):
        """Return the split of which the validation set is these groups, by a mask."""
        return self._rows.hold_out(chosen[self._group_of])

    def too_few(self):
        """Return the error for groups that are too few to be split."""
        return ValueError(
            f"groups are too few to hold out a validation set for early stopping: "
            f"there are {len(self)} with {self.n_rows.sum()} different rows, and a "
            f"group is only held out if other groups have its classes, too. Pass "
            f"smaller groups, or X_val and y_val instead."
        )


def split_groups_by_fraction(
    X, y, weight, *, groups, fraction, classes=None, min_rows=1, rng
):
    """Split groups into a training set and a validation set.

    The validation set gets the fraction of every class, as closely as groups allow,
    and the training set has rows of every class. If the validation set has fewer than
    ``min_rows`` distinct rows, the fraction is doubled until it has as many.

    Parameters
    ----------
    X, y, weight, fraction, classes, min_rows, rng : as for `split_by_fraction`
        The rows.

    groups : ndarray of shape (N,)
        The group of each row.

    Returns
    -------
    split : Split
        The two sets.

    Raises
    ------
    ValueError
        If there are too few groups.
    """
    grouped = GroupedRows(X, y, weight, groups=groups, classes=classes, rng=rng)
    while fraction < 1:
        capacities = np.array([fraction, 1 - fraction])
        chosen = grouped.deal(capacities, n_held_out=1) == 0
        if grouped.n_rows[chosen].sum() >= min_rows:
            return grouped.hold_out(chosen)
        fraction *= 2
    raise grouped.too_few()


def folds_of_groups(X, y, weight, *, groups, n_folds, classes=None, min_rows=1, rng):
    """Cut groups into folds of about the same weight, of all rows and of every class.

    Groups that cannot be held out, since no others have rows of their classes, are in
    no fold, so that they are trained on. So are those of a fold that has fewer than
    ``min_rows`` distinct rows.

    Parameters
    ----------
    X, y, weight, n_folds, classes, min_rows, rng : as for `folds_by_content`
        The rows.

    groups : ndarray of shape (N,)
        The group of each row.

    Returns
    -------
    splits : list of Split
        A split for each fold, which is its validation set.

    Raises
    ------
    ValueError
        If there are too few groups for two folds.
    """
    grouped = GroupedRows(X, y, weight, groups=groups, classes=classes, rng=rng)
    n_folds = max(1, min(n_folds, len(grouped), grouped.n_rows.sum() // min_rows))
    fold_of = grouped.deal(np.ones(n_folds), n_held_out=n_folds)
    folds = [fold_of == fold for fold in range(n_folds)]
    folds = [fold for fold in folds if grouped.n_rows[fold].sum() >= min_rows]
    if len(folds) < 2:
        raise grouped.too_few()
    return [grouped.hold_out(fold) for fold in folds]
