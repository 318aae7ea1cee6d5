"""Training on the partitions of a dask frame, when no machine can hold all rows."""

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_random_state

from skfcnet._compat import FitTask, validate_params
from skfcnet._engine.arguments import checked_flag, checked_integer
from skfcnet._engine.members import ensemble_of_members
from skfcnet._engine.warn import warn
from skfcnet._estimators.automatic import max_epochs
from skfcnet._estimators.base import Estimator
from skfcnet._estimators.shards import (
    check_trains_on_shards,
    encoded_shard,
    join_copies,
    join_members,
    mean_vector,
    start_on_sample,
    train_on_shard,
    without_network,
    without_state,
)
from skfcnet._estimators.training import advice_on_divergence, record_training
from skfcnet._estimators.unused_parameters import warn_about_unused_parameters

SAMPLE_SIZE = 100_000
"""The default number of rows of which scales, bins and categories are learned."""

SMALL_SHARE = 0.1
"""A shard is small if it has fewer rows than this share of the mean of all shards."""


class _Summary(NamedTuple):
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


def fit(
    estimator: Estimator,
    frame: Any,
    *,
    target: str | Sequence[str],
    averaging: bool = True,
    sample_size: int = SAMPLE_SIZE,
    client: Any = None,
) -> Estimator:
    """Fit an estimator to a dask frame, where its partitions are.

    Rows are not moved, and no machine needs to hold more than some of the partitions.
    A partition that has rows is called a shard. By default, a copy of the network is
    trained on every shard, and after every epoch the parameters of the copies are
    replaced by their mean. This is known as local SGD [1]_ or federated averaging [2]_.

    With ``averaging=False``, each of ``n_members`` members is trained on one shard, and
    nothing is exchanged before all are trained. The more shards there are, the fewer
    rows each member learns from, and the less accurate their mean is.

    The scales, the bins and the categories of the columns are learned from a random
    sample of the rows of all shards. The result is an ordinary fitted estimator.

    Parameters
    ----------
    estimator : FCNetClassifier or FCNetRegressor
        The estimator, which is fitted in place. Its schedule must have an end, as the
        default one has, and ``early_stopping`` must not be True.

    frame : dask.dataframe.DataFrame
        The rows. Use ``frame.repartition`` to make about as many partitions as there
        are workers. The frame is computed three times: to count the rows, to draw the
        sample and to train. If it fits into the memory of the cluster, call
        ``frame.persist()`` first.

    target : str or list of str
        The name of the column of targets. For a regressor, it can also be a list of
        names for several targets.

    averaging : bool, default=True
        Whether parameters are averaged after every epoch. Otherwise, ``n_members`` must
        be the number of partitions with rows.

    sample_size : int, default=100_000
        The number of rows of the sample. If the frame has fewer rows, all are used.

    client : distributed.Client, default=None
        The client of the cluster. None stands for the current scheduler of dask, which
        is the cluster of the last client, or threads if there is no client.

    Returns
    -------
    estimator : FCNetClassifier or FCNetRegressor
        The estimator, fitted. ``history_`` contains means over the shards.

    Raises
    ------
    TypeError
        If ``frame`` is not a dask frame.

    ValueError
        If a parameter or the data are invalid, a target is missing, or training
        diverges. The estimator then remains as it was.

    Notes
    -----
    With an integer ``random_state``, the result is the same, to the last bit, on any
    cluster of equal machines. It depends on which rows are in which partition, but not
    on their order there. All shards train for the same number of epochs, which
    ``max_iter=None`` chooses for a shard of mean size. Categories that are not in the
    sample are treated as unknown.

    Shards should be similar. If the frame is sorted, such as by time or by the target,
    the copies learn different things, and their mean is less accurate. Shuffle such a
    frame first, by ``frame.shuffle`` on a column of random numbers. This does move
    rows.

    References
    ----------
    .. [1] Stich, S. U., "Local SGD Converges Fast and Communicates Little", ICLR 2019.
    .. [2] McMahan, H. B., et al., "Communication-Efficient Learning of Deep Networks
       from Decentralized Data", AISTATS 2017.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skfcnet import FCNetRegressor, distributed
    >>> rng = np.random.default_rng(0)
    >>> rows = pd.DataFrame(rng.uniform(size=(2000, 2)), columns=["a", "b"])
    >>> rows["y"] = rows["a"] - rows["b"]
    >>> frame = dd.from_pandas(rows, npartitions=4)
    >>> net = FCNetRegressor(max_iter=30, random_state=0)
    >>> net = distributed.fit(net, frame, target="y")
    >>> net.predict(pd.DataFrame({"a": [0.9], "b": [0.1]})).round(1)
    array([0.8])

    A dask frame is predicted partition by partition:

    >>> X = frame.drop(columns="y")
    >>> predictions = X.map_partitions(net.predict, meta=np.empty(0))
    >>> predictions.compute().shape
    (2000,)
    """
    checked_flag("averaging", averaging)
    checked_integer("sample_size", sample_size)
    _check_frame(estimator, frame, target)
    validate_params(estimator)
    check_trains_on_shards(estimator)
    warn_about_unused_parameters(estimator)
    compute = _computing(client)
    shards, summaries = _shards(compute, frame, target, is_classifier(estimator))
    if not averaging and estimator.n_members != len(shards):
        raise ValueError(
            f"n_members={estimator.n_members} must be the number of partitions with "
            f"rows, which is {len(shards)}: set it, or call frame.repartition("
            f"npartitions={estimator.n_members})."
        )
    draft = _start(compute, estimator, shards, summaries, target, sample_size)
    weights = [summary.n_rows for summary in summaries]
    n_epochs = max_epochs(draft, ceil(sum(weights) / len(weights)))
    shared = _delayed(without_network(draft))
    rows = [_delayed(_encoded)(shared, shard, target) for shard in shards]
    with advice_on_divergence(draft):
        if averaging:
            copies = _averaged_copies(shared, draft._net, rows, weights, n_epochs)
            trained = join_copies(draft, compute(copies), weights)
        else:
            members = _members_on_shards(shared, draft._net, rows, n_epochs)
            trained = join_members(draft, compute(members))
        task = FitTask(estimator, n_epochs, X=frame, y=target, metadata={})
        record_training(draft, trained, task)
    estimator._commit(draft)
    return estimator


# The graph of all tasks, which dask runs where the partitions are


def _delayed(task: Any) -> Any:
    import dask

    return dask.delayed(task, pure=False, traverse=False)


def _computing(client: Any) -> Callable[..., Any]:
    """Return a function that runs tasks and returns a list of their results."""
    import dask

    def compute(tasks):
        return list(dask.compute(*tasks, scheduler=client))

    return compute


def _members_on_shards(shared: Any, net: Any, rows: Any, n_epochs: int) -> Any:
    """Return the tasks of an ensemble, of which each member has its own shard."""
    train = _delayed(train_on_shard)
    return [
        _delayed(without_state)(
            train(shared, ensemble_of_members(net, [shard]), own, shard, n_epochs)
        )
        for shard, own in enumerate(rows)
    ]


def _averaged_copies(
    shared: Any, net: Any, rows: Any, weights: Sequence[float], n_epochs: int
) -> Any:
    """Return the tasks of copies of a network, which are averaged after each epoch.

    What the update rule of a copy has stored stays where it is: only the mean of the
    parameters is sent to all shards.
    """
    net, train = _delayed(net), _delayed(train_on_shard)
    copies, vector = [None] * len(rows), None
    for pause in range(1, n_epochs + 1):
        copies = [
            train(
                shared,
                net,
                own,
                shard,
                n_epochs,
                vector=vector,
                earlier=earlier,
                pause=pause,
            )
            for shard, (own, earlier) in enumerate(zip(rows, copies, strict=True))
        ]
        vectors = [_delayed(_vector)(copy) for copy in copies]
        vector = _delayed(mean_vector)(vectors, weights)
    return [_delayed(without_state)(copy) for copy in copies]


def _names(target: Any) -> list[Any]:
    """Return the names of the columns of targets as a list."""
    return [target] if isinstance(target, str) else list(target)


# What runs where a partition is


def _split(rows: Any, target: Any) -> tuple[Any, Any]:
    """Return the columns of X and the targets."""
    return rows.drop(columns=_names(target)), rows[target].to_numpy()


def _summary(part: Any, target: Any, has_labels: bool) -> "_Summary":
    is_missing = part[_names(target)].isna().any(axis=1)
    labels = {*part[target].dropna().unique().tolist()} if has_labels else set()
    return _Summary(len(part), int(is_missing.sum()), labels)


def _sample(part: Any, n_rows: int, seed) -> Any:
    rows = np.random.default_rng(seed).choice(len(part), n_rows, replace=False)
    return part.iloc[np.sort(rows)]


def _encoded(draft: Any, part: Any, target: Any) -> Any:
    return encoded_shard(draft, *_split(part, target))


def _vector(trained: Any) -> Any:
    return trained.vector


# What is decided for all shards


def _check_frame(estimator: Any, frame: Any, target: Any) -> None:
    """Raise an error if the frame does not have the columns of targets."""
    if not (hasattr(frame, "to_delayed") and hasattr(frame, "columns")):
        raise TypeError(
            f"frame must be a dask.dataframe.DataFrame, got {type(frame).__name__}: "
            f"pass rows that are in memory to fit of the estimator."
        )
    missing = [name for name in _names(target) if name not in frame.columns]
    if missing:
        raise ValueError(
            f"target must name columns of frame, but it has no {missing}: its columns "
            f"are {list(frame.columns)}."
        )
    if is_classifier(estimator) and not isinstance(target, str):
        raise ValueError(
            f"target must be the name of a single column for a classifier, got "
            f"{target!r}."
        )


def _shards(compute: Any, frame: Any, target: Any, has_labels: bool) -> Any:
    """Return the partitions with rows, and what there is in each of them."""
    partitions = frame.to_delayed()
    summaries = compute(
        _delayed(_summary)(part, target, has_labels) for part in partitions
    )
    if n_missing := sum(summary.n_missing for summary in summaries):
        raise ValueError(
            f"The target {target!r} is missing in {n_missing} rows: drop them by "
            f"frame.dropna(subset=...)."
        )
    filled = [i for i, summary in enumerate(summaries) if summary.n_rows]
    if not filled:
        raise ValueError("frame has no rows.")
    summaries = [summaries[i] for i in filled]
    _warn_about_uneven_shards(summaries)
    return [partitions[i] for i in filled], summaries


def _warn_about_uneven_shards(summaries: Any) -> None:
    """Warn about shards that have few rows, or no rows of some classes."""
    n_rows = [summary.n_rows for summary in summaries]
    limit = SMALL_SHARE * sum(n_rows) / len(n_rows)
    if small := [shard for shard, n in enumerate(n_rows) if n < limit]:
        warn(
            f"The partitions {small} have few rows, but all are trained for the same "
            f"number of epochs: make them more equal by frame.repartition. The numbers "
            f"of rows are {n_rows}."
        )
    labels = set().union(*(summary.labels for summary in summaries))
    if lacking := [i for i, own in enumerate(summaries) if own.labels != labels]:
        warn(
            f"The partitions {lacking} lack some of the {len(labels)} classes, and "
            f"networks that are trained there forget these: shuffle the rows of the "
            f"frame."
        )


def _start(
    compute: Any,
    estimator: Any,
    shards: Any,
    summaries: Any,
    target: Any,
    sample_size: int,
) -> Any:
    """Return a draft that has learned what all shards share from a sample."""
    from dask.dataframe.dispatch import concat

    share = min(1.0, sample_size / sum(summary.n_rows for summary in summaries))
    seed = check_random_state(estimator.random_state).randint(2**31 - 1)
    samples = compute(
        _delayed(_sample)(shard, ceil(share * summary.n_rows), [seed, i, 1])
        for i, (shard, summary) in enumerate(zip(shards, summaries, strict=True))
    )
    X, y = _split(concat(samples), target)
    labels = set().union(*(summary.labels for summary in summaries))
    with np.errstate(all="ignore"):  # all results are checked
        return start_on_sample(estimator, X, y, labels or None)
