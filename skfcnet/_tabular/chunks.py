"""Chunks of rows, computed one at a time so that they stay in the processor's cache."""

CHUNK_SIZE = 2**16
"""Numbers in a chunk."""


def row_chunks(table):
    """Yield slices of rows, of about `CHUNK_SIZE` numbers each.

    Parameters
    ----------
    table : ndarray of shape (N, D)
        What is computed in chunks.

    Yields
    ------
    rows : slice
        The next rows.
    """
    n_rows, width = table.shape
    step = max(1, CHUNK_SIZE // max(1, width))
    for start in range(0, n_rows, step):
        yield slice(start, start + step)
