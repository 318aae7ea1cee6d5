"""Gathering the rows of minibatches, ahead of training where that is faster."""

from concurrent.futures import ThreadPoolExecutor
from math import prod

import numpy as np

MIN_BYTES = 250_000
"""Size of a minibatch from which on prefetching is faster.

Where a small network reads wide rows, copying them takes a fifth of the time; narrow
rows are copied sooner than they are handed from one thread to another.
"""

BATCHES_PER_TASK = 4
"""Minibatches that the thread gathers in one task.

With one, the threads wait for each other as long as prefetching saves; with many, the
first rows have left the cache before they are read.
"""


def gather(source, rows, workspace, name):
    """Return some rows of an array, in scratch memory where they are dense.

    Parameters
    ----------
    source : ndarray or CSR matrix of shape (N, ...)
        All rows.

    rows : ndarray of int, shape (n,)
        Indices of the rows.

    workspace : Workspace
        Lends the memory.

    name : str
        Name of that memory in the workspace.

    Returns
    -------
    gathered : ndarray or CSR matrix of shape (n, ...)
        A copy of the rows.
    """
    if not isinstance(source, np.ndarray):  # ten times faster than issparse
        return source[rows]
    out = workspace(name, (len(rows), *source.shape[1:]), source.dtype)
    # With mode="clip", take writes to out directly; the default makes another copy.
    return source.take(rows, axis=0, out=out, mode="clip")


def is_worth_prefetching(source, batches):
    """Return whether prefetching these minibatches is worth a thread.

    Parameters
    ----------
    source : ndarray or CSR matrix of shape (N, ...)
        All rows.

    batches : list of ndarray of int
        Indices of the rows of every minibatch.

    Returns
    -------
    is_worth_it : bool
        False for sparse rows, small minibatches and few of them.
    """
    if not isinstance(source, np.ndarray) or len(batches) <= BATCHES_PER_TASK:
        return False
    n_bytes = len(batches[0]) * prod(source.shape[1:]) * source.itemsize
    return n_bytes >= MIN_BYTES


def prefetch_rows(source, batches, workspace):
    """Yield the rows of minibatches, which another thread gathers in advance.

    NumPy copies rows without holding the interpreter's lock. The thread ends with the
    generator: close it where it is not exhausted.

    Parameters
    ----------
    source : ndarray of shape (N, ...)
        All rows.

    batches : list of ndarray of int
        Indices of the rows of every minibatch.

    workspace : Workspace
        Lends the memory. Nobody else may use it meanwhile.

    Yields
    ------
    x : ndarray of shape (n, ...)
        Rows of the next minibatch, valid until the one after it is asked for.
    """
    starts = range(0, len(batches), BATCHES_PER_TASK)
    tasks = [batches[start : start + BATCHES_PER_TASK] for start in starts]

    def submit(i):
        # One of two buffers is trained on while the other is filled.
        rows, name = np.concatenate(tasks[i]), f"buffer {i % 2}"
        return executor.submit(gather, source, rows, workspace, name)

    with ThreadPoolExecutor(max_workers=1) as executor:
        future = submit(0)
        for i, task in enumerate(tasks):
            gathered = future.result()
            if i + 1 < len(tasks):
                future = submit(i + 1)
            start = 0
            for rows in task:
                yield gathered[start : start + len(rows)]
                start += len(rows)
