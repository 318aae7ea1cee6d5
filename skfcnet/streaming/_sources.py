"""Sources of batches: what can be read several times, and how.

Each kind of source becomes a function without arguments that returns a new iterator of
batches. The batches are those of the user, but for tables of Arrow, which become data
frames of pandas.
"""

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike

from skfcnet._tabular.tables import is_frame

ARROW_ROWS = 2**13
"""The number of rows of a batch that is read from a file or a table of Arrow."""


def opener(data):
    """Return a function that returns a new iterator over the batches of the data.

    Parameters
    ----------
    data : object
        The data, as `skfcnet.streaming.fit` takes them.

    Returns
    -------
    opener : callable
        The function.

    Raises
    ------
    TypeError
        If the data are of a kind that cannot be read, or cannot be read twice.

    ImportError
        If pyarrow is needed and missing.
    """
    if isinstance(data, str | PathLike) or _are_paths(data):
        return _arrow_opener(data)
    if _is_of_arrow(data) and not isinstance(data, Iterator):
        return _arrow_opener(data)
    if hasattr(data, "npartitions") and hasattr(data, "get_partition"):
        return lambda: (
            data.get_partition(i).compute() for i in range(data.npartitions)
        )
    if isinstance(data, Iterator):
        raise TypeError(
            f"data is a {type(data).__name__}, which can be read only once, but the "
            f"data are read twice: pass a function that returns a new one, such as the "
            f"generator function without its parentheses."
        )
    if is_frame(data):
        raise TypeError(
            "data is a data frame in memory: call the fit method of the estimator, or "
            "pass a list with the data frame as its only batch."
        )
    if callable(data):
        return lambda: _batches_of_function(data)
    if isinstance(data, Iterable) and not isinstance(data, Mapping):
        return lambda: map(_as_batch, data)
    raise TypeError(
        f"data must be one or several paths of parquet files, a dataset or a table of "
        f"pyarrow, a dask frame, a sequence of batches, or a function without "
        f"arguments that returns an iterator of batches, got a {type(data).__name__}."
    )


def _are_paths(data):
    is_list = isinstance(data, list | tuple) and len(data) > 0
    return is_list and all(isinstance(path, str | PathLike) for path in data)


def _batches_of_function(function):
    batches = function()
    if not isinstance(batches, Iterable):
        raise TypeError(
            f"data is a function, which must return an iterator of batches, but it "
            f"returned a {type(batches).__name__}."
        )
    return map(_as_batch, batches)


def _arrow_opener(data):
    """Return a function that reads a dataset of pyarrow, in its order."""
    try:
        from pyarrow import dataset as arrow
    except ImportError as error:
        raise ImportError(
            "Reading parquet files needs pyarrow and pandas: install "
            "skfcnet[streaming]."
        ) from error

    if isinstance(data, tuple):
        data = list(data)
    if isinstance(data, PathLike):
        data = str(data)
    if isinstance(data, list):
        data = [str(path) for path in data]
    if not isinstance(data, arrow.Dataset):
        is_path = isinstance(data, str | list)
        data = arrow.dataset(data, format="parquet" if is_path else None)
    # By default, 64 batches of 131,072 rows would be read in advance, and every thread
    # would keep memory of its own.
    options = {
        "batch_size": ARROW_ROWS,
        "batch_readahead": 1,
        "fragment_readahead": 1,
        "use_threads": False,
    }
    if isinstance(getattr(data, "format", None), arrow.ParquetFileFormat):
        options["fragment_scan_options"] = arrow.ParquetFragmentScanOptions(
            pre_buffer=False, use_buffered_stream=True
        )
    return lambda: map(_as_batch, data.to_batches(**options))


def _is_of_arrow(a):
    return type(a).__module__.partition(".")[0] == "pyarrow"


def _as_batch(batch):
    return batch.to_pandas(use_threads=False) if _is_of_arrow(batch) else batch
