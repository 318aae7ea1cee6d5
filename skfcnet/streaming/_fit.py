"""The fit of an estimator to a stream of batches."""

from collections.abc import Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from numbers import Integral
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from skfcnet._compat import validate_params
from skfcnet._engine.annotations import Table
from skfcnet._engine.warn import warn
from skfcnet._estimators.automatic import cross_fitted_members, minibatch_size
from skfcnet._estimators.base import Estimator, _BaseFCNet
from skfcnet._estimators.training_data import DataInMemory
from skfcnet._estimators.validation import split_rows, split_validation_set
from skfcnet._tabular.tables import take_rows
from skfcnet.streaming._batches import BatchStream
from skfcnet.streaming._buckets import Buckets, MinibatchesOnDisk
from skfcnet.streaming._folds import Folds
from skfcnet.streaming._sample import read_sample

BUFFER_SIZE = 32_000_000
"""The default of ``buffer_size``, in bytes."""

MAX_VALIDATION_SHARE = 0.5
"""The largest share of the sample that is held out for validation."""


def fit(
    estimator: Estimator,
    data: Any,
    *,
    target: str | Sequence[str] | None = None,
    sample_weight: str | None = None,
    X_val: Table | None = None,
    y_val: Table | None = None,
    sample_weight_val: ArrayLike | None = None,
    buffer_size: int = BUFFER_SIZE,
    folder: str | PathLike[str] | None = None,
) -> Estimator:
    """Fit an estimator to a stream of batches, as its ``fit`` does to rows in memory.

    The data are read twice. In the first pass, the rows and the classes are counted,
    and a random sample of rows is drawn. If all rows fit into the buffer,
    ``estimator.fit`` is called. Otherwise, the scales, the bins and the categories of
    the columns are learned from the sample. In the second pass, the rows are encoded
    and written to random buckets on disk, each of which fits into the buffer.

    In every epoch, the buckets are visited in random order, and the rows of each are
    shuffled. The data may therefore be in any order, even sorted by the target.

    Parameters
    ----------
    estimator : FCNetClassifier or FCNetRegressor
        The estimator, which is fitted in place. ``solver="lbfgs"`` and
        ``shuffle=False`` are not possible.

    data : path, list of paths, pyarrow or dask object, iterable or callable
        Data that can be read twice:

        - the path of a parquet file, of a folder of them, or a list of paths,
        - a dataset or a table of pyarrow,
        - a dask frame, each partition of which is a batch,
        - a sequence of batches,
        - a function without arguments that returns a new iterator over batches.

        A batch is a data frame of pandas or polars or an Arrow record batch, with a
        column of targets, or a tuple (X, y) or (X, y, sample_weight) with dense X. All
        batches must have the same columns.

    target : str or list of str, default=None
        The name of the column of targets, or a list of names for several targets;
        needed for batches with named columns.

    sample_weight : str, default=None
        The name of the column of sample weights, for batches with named columns.

    X_val : {array-like, dataframe} of shape (n_val, n_features), default=None
        The input of the validation set, for early stopping. If it is not given, random
        rows are held out. With several members, the sample is cut into folds as ``fit``
        cuts all rows, and each member is trained on all rows but its fold. With one
        member, the share ``validation_fraction`` of all rows is held out, but at most
        half as many rows as the buffer can hold.

    y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
        The target of the validation set.

    sample_weight_val : array-like of shape (n_val,), default=None
        The sample weights of the validation set.

    buffer_size : int, default=32_000_000
        The size in bytes of the sample, whose numbers are in float64, and of a bucket
        of encoded rows. At the peak, there are several copies of a buffer in memory.

    folder : path-like, default=None
        The folder in which the encoded rows are stored, in a folder that is deleted
        when the fit ends or fails. None stands for the system's folder for temporary
        files. If this is in memory, choose a folder on a disk.

    Returns
    -------
    estimator : FCNetClassifier or FCNetRegressor
        The estimator, fitted.

    Raises
    ------
    TypeError
        If the estimator or the data are of a kind that is not possible, such as data
        that can be read only once.

    ValueError
        If a parameter or a batch is invalid, the data have no rows or are not the same
        when they are read again, or training diverges. The estimator then remains as it
        was.

    RuntimeError
        If a batch cannot be read.

    ImportError
        If the data need pyarrow, and it is missing.

    OSError
        If there is not enough space on disk.

    See Also
    --------
    skfcnet.FCNetClassifier.partial_fit : One more epoch on rows in memory.

    Notes
    -----
    Categories that are not in the sample are treated as unknown. What ``fit`` learns
    from out-of-fold predictions, such as ``oob_score_`` and prediction intervals, is
    learned from those of the sample, and the predictions themselves are not kept.
    Callbacks get the sample as the data of the fit. With an integer ``random_state``,
    the same rows in the same order give the same result, to the last bit, however they
    are divided into batches.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet import FCNetRegressor, streaming
    >>> def batches():
    ...     rng = np.random.default_rng(0)
    ...     for _ in range(20):
    ...         X = rng.uniform(size=(100, 2))
    ...         yield X, X[:, 0] - X[:, 1]
    >>> net = FCNetRegressor(max_iter=5, random_state=0)
    >>> streaming.fit(net, batches).predict([[0.9, 0.1]]).round(1)
    array([0.8])
    """
    _check_arguments(estimator, buffer_size, folder)
    stream = BatchStream(data, target=target, sample_weight=sample_weight)
    seed = _seed_of(estimator)
    rng = np.random.default_rng([seed, 2])
    sample = read_sample(stream, estimator, buffer_size=buffer_size, rng=rng)
    in_memory = DataInMemory(
        sample.X, sample.y, sample.weight, X_val, y_val, sample_weight_val
    )
    if sample.is_whole:
        return estimator.fit(**in_memory._asdict())
    if estimator.n_jobs not in (None, 1):
        warn(
            f"n_jobs={estimator.n_jobs!r} has no effect: on a stream, all members are "
            f"trained in one process."
        )
    rng = np.random.default_rng([seed, 3])
    streamed = StreamedData(in_memory, sample, stream, buffer_size, folder, rng)
    with estimator._fit_or_nothing():
        n_epochs = estimator._fit(streamed)
    estimator._warn_unless_converged(n_epochs)
    return estimator


def _check_arguments(estimator, buffer_size, folder):
    if not isinstance(estimator, _BaseFCNet):
        raise TypeError(
            f"estimator must be an FCNetClassifier or an FCNetRegressor, got a "
            f"{type(estimator).__name__}. The other steps of a pipeline can transform "
            f"the batches in a function that is passed as data."
        )
    validate_params(estimator)
    if estimator.solver == "lbfgs":
        raise ValueError(
            "solver='lbfgs' needs all rows in every step, which a stream does not "
            "have: set another solver, such as 'adamw'."
        )
    if not estimator.shuffle:
        raise ValueError(
            "shuffle=False keeps the order of the rows, which a stream does not: set "
            "shuffle=True."
        )
    if hasattr(estimator.validation_fraction, "split"):
        raise ValueError(
            "validation_fraction must be a number, since a splitter needs all rows at "
            "once: set a number, or pass X_val and y_val."
        )
    is_integer = isinstance(buffer_size, Integral) and not isinstance(buffer_size, bool)
    if not (is_integer and buffer_size > 0):
        raise ValueError(
            f"buffer_size must be a positive number of bytes, got {buffer_size!r}."
        )
    if folder is not None and not Path(folder).is_dir():
        raise ValueError(f"folder must be a folder that exists, got {folder!r}.")


def _seed_of(estimator):
    """Return the seed that the fit is going to draw, without drawing it."""
    random_state = deepcopy(check_random_state(estimator.random_state))
    return random_state.randint(2**31 - 1)


class StreamedData(NamedTuple):
    """A stream, as the data of a fit.

    Parameters
    ----------
    in_memory : DataInMemory
        The sample, and the validation set of the user.

    sample : Sample
        The sample, and what is known of all rows.

    stream : BatchStream
        The stream.

    buffer_size : int
        The number of bytes of a bucket.

    folder : path-like or None
        The folder for the buckets.

    rng : numpy.random.Generator
        The generator that draws the bucket of each row.
    """

    in_memory: DataInMemory
    sample: object
    stream: object
    buffer_size: int
    folder: object
    rng: object

    @property
    def n_predicted(self) -> None:
        """None: out-of-fold predictions of all rows may not fit into memory."""
        return None

    @property
    def X(self):
        """The rows of the sample."""
        return self.in_memory.X

    @property
    def y(self):
        """The targets of the sample."""
        return self.in_memory.y

    @property
    def metadata(self):
        """The arguments that a scorer of the sample takes, too, by name."""
        return self.in_memory.metadata

    @contextmanager
    def prepared(self, draft):
        """Prepare the data and a draft for training, which the context is for.

        Parameters
        ----------
        draft : _BaseFCNet
            The estimator that is trained.

        Yields
        ------
        rows : RowsOnDisk
            The encoded rows of the training set.

        validation : ValidationSet, ValidationFolds or None
            The validation set or the folds, if there are any.
        """
        rows, validation = self._learn_from_sample(draft)
        folds = Folds(self.sample, rows)
        folder = gettempdir() if self.folder is None else self.folder
        with TemporaryDirectory(prefix="skfcnet-", dir=folder) as path:
            buckets = Buckets(
                path,
                n_rows=self.sample.n_weighted,
                batch_size=minibatch_size(draft, self.sample.n_weighted),
                buffer_size=self.buffer_size,
                rng=self.rng,
            )
            self._write(draft, buckets, folds)
            member_weights = folds.loss_weights(draft._net.dtype)
            yield RowsOnDisk(buckets, member_weights, rows.cross_fitted), validation

    def _learn_from_sample(self, draft):
        """Make the parts of a draft, and the validation set.

        Returns
        -------
        rows : Rows
            The encoded rows of the sample that are trained on.

        validation : ValidationSet, ValidationFolds or None
            The validation set or the folds, if there are any.
        """
        data, summary = self.in_memory, self.sample.summary
        rows = draft._read(data.X, data.y, data.sample_weight, classes=summary.classes)
        summary.teach_before_scaling(draft._target)
        rows = rows._replace(
            cost=draft._target.costs(rows.y),
            share=rows.n_rows / self.sample.n_weighted,
        )
        split = split_rows
        if cross_fitted_members(draft) == 1:
            n_held_out = draft.validation_fraction * self.sample.n_total
            share = min(n_held_out / len(data.y), MAX_VALIDATION_SHARE)
            split = partial(split_validation_set, validation_fraction=share)
        rows, validation = data.split_and_encode(draft, rows, split)
        summary.teach_after_scaling(draft._target)
        return rows, validation

    def _write(self, draft, buckets, folds):
        """Encode the rows of the stream and write them to buckets.

        Parameters
        ----------
        draft : _BaseFCNet
            The estimator that is trained.

        buckets : Buckets
            The buckets.

        folds : Folds
            The members that are trained on each row.
        """
        n_read = 0
        for batch in self.stream:
            n_read += batch.n_rows
            with batch.named_in_errors():
                self.sample.check_again(batch)
            patterns = folds.patterns(batch.start, n_read)
            is_trained_on = batch.has_weight & folds.are_trained_on(patterns)
            patterns = patterns[is_trained_on]
            draws = buckets.draw(batch.n_rows)[is_trained_on]
            if len(draws):
                with batch.named_in_errors():
                    arrays = _encoded(draft, batch, is_trained_on)
                folds.add_weights(patterns, arrays["sample_weight"])
                if folds.are_of_members:
                    arrays["pattern"] = patterns
                buckets.add(arrays, draws)
        buckets.flush()
        if n_read != self.sample.n_total:
            raise ValueError(
                f"data had {self.sample.n_total} rows when they were read first, and "
                f"{n_read} when they were read again: they must be the same every "
                f"time. A function must return a new iterator in every call."
            )


def _encoded(draft, batch, is_trained_on):
    """Return the arrays of some rows of a batch, as the solver takes them."""
    weight = None if batch.weight is None else batch.weight[is_trained_on]
    rows = draft._read_rows(
        take_rows(batch.X, is_trained_on), batch.y[is_trained_on], weight
    )
    target = draft._target.transform(rows.target, draft._compute_dtype)
    net, cost = draft._net, rows.cost
    return {
        "X": draft._encode(rows.X),
        "y": net.as_targets(target, n_rows=rows.n_rows),
        "sample_weight": rows.weight,
        "loss_weight": cost
        if cost is None
        else net.as_loss_weight(cost, n_rows=rows.n_rows),
    }


class RowsOnDisk:
    """The encoded rows of a training set, in buckets on disk.

    Parameters
    ----------
    buckets : Buckets
        The buckets.

    member_weights : ndarray of shape (n_patterns, n_members) or None
        The factors of the losses of rows of each pattern, for each member; None if
        members have no folds of their own.

    cross_fitted : Rows or None
        The rows of the sample if members have folds of their own, or None.
    """

    is_in_memory = False
    weight = cost = None  # which the minibatches have

    def loss_weight(self):
        """Return None, since the minibatches have the factors of the losses."""
        return None

    def __init__(self, buckets, member_weights, cross_fitted):
        self._buckets, self._member_weights = buckets, member_weights
        self.cross_fitted = cross_fitted

    @property
    def n_rows(self):
        """The number of rows, not counting repetitions."""
        return self._buckets.n_rows

    def arrays(self):
        """Yield all arrays that training depends on, a bucket at a time."""
        for bucket in range(self._buckets.n_buckets):
            yield from self._buckets.load(bucket).values()

    def total_weight(self):
        """Return the number of rows of an epoch, counting repetitions."""
        return int(self._buckets.total_weights().sum())

    @property
    def solver_data(self):
        """The data of a `Solver`: the minibatches, which have the weights."""
        return MinibatchesOnDisk(self._buckets, self._member_weights)
