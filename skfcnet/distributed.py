"""Training on rows that no machine holds: an ensemble over shards of a dask frame."""

from math import ceil
from typing import NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_random_state

from skfcnet._compat import FitTask, validate_params
from skfcnet._engine.arguments import checked_integer
from skfcnet._engine.warn import warn
from skfcnet._estimators.optimization import max_epochs
from skfcnet._estimators.shards import (
    check_trains_on_shards,
    join_shards,
    start_ensemble,
    tasks_of_members,
    train_on_shard,
)
from skfcnet._estimators.training import advice_on_divergence, record_training
from skfcnet._estimators.unused_parameters import warn_about_unused_parameters

SAMPLE_SIZE = 100_000
"""The default number of rows of which scales, bins and categories are learned."""

SMALL_SHARE = 0.1
"""A shard is small if it has fewer rows than this share of the mean of all shards."""


class Summary(NamedTuple):
    """What there is in a partition.

    Parameters
    ----------
    n_rows : int
        The number of rows.

    n_missing : int
        The number of rows without a target.

    labels : set
        The distinct targets of a classifier; empty for a regressor.
    """

    n_rows: int
    n_missing: int
    labels: set


def fit(estimator, frame, *, target, sample_size=SAMPLE_SIZE, client=None):
    """Fit an ensemble to a dask frame, each member where its rows are.

    Each of the ``n_members`` members is trained on its own shard of the rows, so that
    rows need not be moved, and no machine needs to hold more than a shard. Partition i,
    counted without empty ones, belongs to shard i modulo ``n_members``. The scales, the
    bins and the categories of the columns are learned from a random sample of the rows
    of all partitions. The result is an ordinary fitted estimator, whose predictions are
    those of the mean of the members.

    The members see different rows. Each of them has learned from fewer rows than there
    are, and if the shards differ, they disagree: shuffle a frame that is sorted, such
    as by time or by the target, with ``frame.shuffle(on_index=True)`` or another column
    that has nothing to do with the target, or see to it that it has many more
    partitions than members.

    Parameters
    ----------
    estimator : FCNetClassifier or FCNetRegressor
        The estimator, which is fitted in place. It needs ``n_members`` of at least 2, a
        schedule with an end, such as the default one, and no ``early_stopping``.

    frame : dask.dataframe.DataFrame
        The rows. They are computed three times: to count them, to draw the sample and
        to train. If they fit into the memory of the cluster, call ``frame.persist()``
        first.

    target : str or list of str
        The name of the column of targets, or for a regressor the names of several.

    sample_size : int, default=100_000
        The number of rows of the sample. If the frame has fewer, it is all rows.

    client : distributed.Client, default=None
        The client of the cluster. None: the scheduler that dask uses at present, which
        is that of the last client, or threads if there is no client.

    Returns
    -------
    estimator : FCNetClassifier or FCNetRegressor
        The estimator, fitted. ``history_`` contains the means of the members.

    Raises
    ------
    TypeError
        If ``frame`` is no dask frame.

    ValueError
        If a parameter or the data are invalid, there are fewer partitions with rows
        than members, a target is missing, or training diverges. The estimator then
        remains as it was.

    See Also
    --------
    skfcnet.FCNetRegressor : ``n_jobs`` trains members on the same rows.

    Notes
    -----
    With an integer ``random_state``, the result is the same, to the last bit, on any
    cluster of equal machines. It depends on which rows are in which partition, but not
    on their order there. All members are trained for the same number of epochs, which
    ``max_iter=None`` chooses for a shard of mean size. Categories that the sample does
    not have count as categories that were not there in ``fit``.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import dask.dataframe as dd
    >>> from skfcnet import FCNetRegressor, distributed
    >>> rng = np.random.default_rng(0)
    >>> rows = pd.DataFrame(rng.uniform(size=(2000, 2)), columns=["a", "b"])
    >>> rows["y"] = rows["a"] - rows["b"]
    >>> frame = dd.from_pandas(rows, npartitions=4)
    >>> net = FCNetRegressor(n_members=4, max_iter=10, random_state=0)
    >>> net = distributed.fit(net, frame, target="y")
    >>> net.predict(pd.DataFrame({"a": [0.9], "b": [0.1]})).round(1)
    array([0.8])

    A dask frame is predicted partition by partition:

    >>> X = frame.drop(columns="y")
    >>> predictions = X.map_partitions(net.predict, meta=np.empty(0))
    >>> predictions.compute().shape
    (2000,)
    """
    checked_integer("sample_size", sample_size)
    _check_frame(estimator, frame, target)
    validate_params(estimator)
    check_trains_on_shards(estimator)
    warn_about_unused_parameters(estimator)
    partitions, compute = frame.to_delayed(), _computing(client)
    has_labels = is_classifier(estimator)
    summaries = compute((_summary, part, target, has_labels) for part in partitions)
    _check_targets(summaries, target)
    shards = _shards(summaries, estimator.n_members)
    _warn_about_uneven_shards(shards, summaries)
    draft = _start(estimator, partitions, summaries, target, sample_size, compute)
    n_rows = sum(summary.n_rows for summary in summaries)
    n_epochs = max_epochs(draft, ceil(n_rows / len(shards)))
    shared, networks = tasks_of_members(draft)
    with advice_on_divergence(draft):
        trained = compute(
            (_train, shared, net, m, target, n_epochs, *(partitions[i] for i in shard))
            for m, (net, shard) in enumerate(zip(networks, shards, strict=True))
        )
        task = FitTask(estimator, n_epochs, X=frame, y=target, metadata={})
        record_training(draft, join_shards(draft, trained), task)
    estimator._commit(draft)
    return estimator


def _check_frame(estimator, frame, target):
    """Raise an error if the frame does not have the columns of targets."""
    if not (hasattr(frame, "to_delayed") and hasattr(frame, "columns")):
        raise TypeError(
            f"frame must be a dask.dataframe.DataFrame, got {type(frame).__name__}: "
            f"pass rows that are in memory to fit of the estimator."
        )
    names = [target] if isinstance(target, str) else list(target)
    if missing := [name for name in names if name not in frame.columns]:
        raise ValueError(
            f"target must name columns of frame, but it has no {missing}: its columns "
            f"are {list(frame.columns)}."
        )
    if is_classifier(estimator) and not isinstance(target, str):
        raise ValueError(
            f"target must be the name of a single column for a classifier, got "
            f"{target!r}."
        )


def _computing(client):
    """Return a function that makes calls on the cluster and returns their results.

    A call is a tuple of a function and its arguments, such as delayed partitions.
    """
    import dask

    def compute(calls):
        tasks = [dask.delayed(function)(*arguments) for function, *arguments in calls]
        return dask.compute(*tasks, scheduler=client)

    return compute


def _concatenated(parts):
    from dask.dataframe.dispatch import concat

    return concat(list(parts))


def _split(rows, target):
    """Return the columns of X and the targets."""
    names = [target] if isinstance(target, str) else list(target)
    return rows.drop(columns=names), rows[target].to_numpy()


# What runs where a partition is


def _summary(part, target, has_labels):
    y = part[target]
    is_missing = np.asarray(y.isna()).reshape(len(part), -1).any(axis=1)
    labels = {*y.dropna().unique().tolist()} if has_labels else set()
    return Summary(len(part), int(is_missing.sum()), labels)


def _sample(part, n_rows, seed):
    rows = np.random.default_rng(seed).choice(len(part), n_rows, replace=False)
    return part.iloc[np.sort(rows)]


def _train(draft, net, member, target, n_epochs, *parts):
    X, y = _split(_concatenated(parts), target)
    return train_on_shard(draft, net, member, X, y, n_epochs)


# What is decided for all of them


def _check_targets(summaries, target):
    n_missing = sum(summary.n_missing for summary in summaries)
    if n_missing:
        raise ValueError(
            f"The target {target!r} is missing in {n_missing} rows: drop them by "
            f"frame.dropna(subset=...)."
        )


def _shards(summaries, n_members):
    """Return the indices of the partitions of each shard; empty ones are in none.

    Neighbours are in different shards, so that the shards of a sorted frame with many
    partitions are alike.
    """
    filled = [i for i, summary in enumerate(summaries) if summary.n_rows]
    if len(filled) < n_members:
        raise ValueError(
            f"frame has {len(filled)} partitions with rows, which is fewer than "
            f"n_members={n_members}: call frame.repartition(npartitions={n_members}) "
            f"or more, or lower n_members."
        )
    return [filled[member::n_members] for member in range(n_members)]


def _warn_about_uneven_shards(shards, summaries):
    """Warn about shards that have few rows, or no rows of some classes."""
    n_rows = [sum(summaries[i].n_rows for i in shard) for shard in shards]
    limit = SMALL_SHARE * sum(n_rows) / len(n_rows)
    if small := [m for m, n in enumerate(n_rows) if n < limit]:
        warn(
            f"The members {small} are trained on few rows, but count as much as the "
            f"others: the shards have {n_rows} rows. Call frame.repartition to make "
            f"the partitions more equal."
        )
    labels = [set().union(*(summaries[i].labels for i in shard)) for shard in shards]
    everything = set().union(*labels)
    if lacking := [m for m, own in enumerate(labels) if own != everything]:
        warn(
            f"The members {lacking} are trained on shards that lack some of the "
            f"{len(everything)} classes, which they will hold to be rare: shuffle the "
            f"rows of the frame."
        )


def _start(estimator, partitions, summaries, target, sample_size, compute):
    """Return a draft that has learned what all members share from a sample."""
    n_rows = sum(summary.n_rows for summary in summaries)
    share = min(1.0, sample_size / n_rows)
    seed = check_random_state(estimator.random_state).randint(2**31 - 1)
    samples = compute(
        (_sample, part, ceil(share * summary.n_rows), [seed, i, 1])
        for i, (part, summary) in enumerate(zip(partitions, summaries, strict=True))
        if summary.n_rows
    )
    X, y = _split(_concatenated(samples), target)
    labels = set().union(*(summary.labels for summary in summaries))
    with np.errstate(all="ignore"):  # all results are checked
        return start_ensemble(estimator, X, y, labels or None)
