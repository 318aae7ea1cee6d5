"""Gathering the rows of minibatches, where it pays while others are trained on."""

from concurrent.futures import ThreadPoolExecutor
from math import prod

import numpy as np

WORTHWHILE = 250_000
"""Bytes of a minibatch from which on it pays to gather ahead. Where a small network
reads wide rows, a fifth of its time goes into copying them; where rows are narrow, they
are copied sooner than handed over."""

AT_A_TIME = 4
"""Minibatches that are handed over at once. One by one, meeting costs what is gained;
of many, the first has left the cache before it is read."""


def gather(source, rows, workspace, name):
    """Return some rows of an array, in scratch memory where they are dense.

    Parameters
    ----------
    source : ndarray or CSR matrix of shape (N, ...)
        All rows.

    rows : ndarray of int, shape (n,)
        Their numbers.

    workspace : Workspace
        Lends the memory.

    name : str
        Of that memory.

    Returns
    -------
    gathered : ndarray or CSR matrix of shape (n, ...)
        A copy.
    """
    if not isinstance(source, np.ndarray):  # which takes a tenth of what issparse does
        return source[rows]
    out = workspace(name, (len(rows), *source.shape[1:]), source.dtype)
    # mode="clip" writes to out directly; the default goes through a copy.
    return source.take(rows, axis=0, out=out, mode="clip")


def pays_ahead(source, batches):
    """Return whether it is worth a thread to gather these minibatches ahead."""
    if not isinstance(source, np.ndarray) or len(batches) <= AT_A_TIME:
        return False
    n_bytes = len(batches[0]) * prod(source.shape[1:]) * source.itemsize
    return n_bytes >= WORTHWHILE


def gathered_ahead(source, batches, workspace):
    """Gather minibatches in a thread of their own, some ahead of those yielded.

    NumPy copies rows without holding the interpreter's lock. To be closed where it is
    not exhausted, so that the thread ends.

    Parameters
    ----------
    source : ndarray of shape (N, ...)
        All rows.

    batches : list of ndarray of int
        The numbers of the rows of every minibatch.

    workspace : Workspace
        Lends the memory; the thread has it to itself.

    Yields
    ------
    x : ndarray of shape (n, ...)
        The rows of the next minibatch; good until the one after it is asked for.
    """
    portions = [batches[i : i + AT_A_TIME] for i in range(0, len(batches), AT_A_TIME)]

    def gather_portion(i):
        rows = np.concatenate(portions[i])
        # Two by turns: one is trained on while the other is filled.
        return thread.submit(gather, source, rows, workspace, f"portion {i % 2}")

    with ThreadPoolExecutor(max_workers=1) as thread:
        coming = gather_portion(0)
        for i, portion in enumerate(portions):
            x = coming.result()
            if i + 1 < len(portions):
                coming = gather_portion(i + 1)
            start = 0
            for rows in portion:
                yield x[start : start + len(rows)]
                start += len(rows)
