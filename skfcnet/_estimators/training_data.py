"""The data of a fit, from what the user passed to what the network is trained on.

`DataInMemory` is what `fit` is given. Data from elsewhere, such as those of
`skfcnet.streaming`, have the same methods.
"""

from contextlib import contextmanager
from typing import NamedTuple

from skfcnet._estimators.automatic import stops_early
from skfcnet._estimators.holdout import TooFewRowsError, warn_if_scales_differ
from skfcnet._estimators.validation import (
    read_groups,
    read_validation_set,
    split_rows,
)
from skfcnet._tabular.tables import as_table


class DataInMemory(NamedTuple):
    """The arguments of `fit`, as the user passed them.

    Parameters
    ----------
    X, y, sample_weight, X_val, y_val, sample_weight_val, groups : array-like or None
        The arguments.
    """

    X: object
    y: object
    sample_weight: object = None
    X_val: object = None
    y_val: object = None
    sample_weight_val: object = None
    groups: object = None

    @property
    def n_predicted(self):
        """The number of rows that have an out-of-fold prediction, or NaN for one."""
        return as_table(self.X).shape[0]

    @property
    def metadata(self):
        """The arguments that a scorer of X and y takes, too, by name."""
        weight = self.sample_weight
        return {} if weight is None else {"sample_weight": weight}

    @contextmanager
    def prepared(self, draft):
        """Prepare the data and a draft for training, which the context is for.

        Parameters
        ----------
        draft : _BaseFCNet
            The estimator that is trained. It gets its encoder, its target and its
            network.

        Yields
        ------
        rows : Rows
            The encoded rows of the training set.

        validation : ValidationSet, ValidationFolds or None
            The validation set or the folds, if there are any.
        """
        # The rows have no name here, so that they are free once they are encoded.
        yield self.split_and_encode(
            draft,
            draft._read(self.X, self.y, self.sample_weight, is_whole=True),
            split_rows,
        )

    def split_and_encode(self, draft, rows, split):
        """Hold out validation rows, and make or update the encoder and the network.

        Parameters
        ----------
        draft : _BaseFCNet
            The estimator that is trained.

        rows : Rows
            The rows of positive weight, from the draft.

        split : callable
            The function that splits the rows for early stopping if there is no
            validation set: `split_rows`, or one like it.

        Returns
        -------
        rows : Rows
            The encoded rows of the training set.

        validation : ValidationSet, ValidationFolds or None
            The validation set or the folds, if there are any.
        """
        held_out = read_validation_set(
            draft, self.X_val, self.y_val, self.sample_weight_val
        )
        is_split = stops_early(draft) and held_out is None
        groups = read_groups(draft, self.groups, self.X, is_split=is_split)
        if is_split:
            try:
                rows, held_out = split(draft, rows, self.X, self.y, groups)
            except TooFewRowsError:
                if draft.early_stopping != "auto":
                    raise
        table = rows.X
        rows, validation = draft._prepare(rows, held_out)
        if self.X_val is not None:
            warn_if_scales_differ(table, held_out.X)
        return rows, validation
