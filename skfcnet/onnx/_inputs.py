"""Tables as the inputs of ONNX models."""

import re
from itertools import count
from typing import Any

import numpy as np
from sklearn.utils import check_array

from skfcnet._engine.annotations import Array, Table
from skfcnet._tabular.tables import (
    as_table,
    column_names,
    factorized,
    holds_numbers,
    is_frame,
    numeric_columns,
    take_columns,
)
from skfcnet._tabular.values import is_missing
from skfcnet.onnx._skl2onnx import tensor
from skfcnet.onnx._table import MISSING


def inputs_of(X: Table) -> dict[str, Array]:
    """Return a table as the inputs of an ONNX model.

    Parameters
    ----------
    X : array-like or dataframe of shape (n_samples, n_features)
        The table. Columns of a data frame that are not numeric hold categories.

    Returns
    -------
    inputs : dict of str to ndarray
        What ``run`` of an ``onnxruntime.InferenceSession`` takes. An array is one input
        ``"X"``. Of a data frame, each column is an input of its name and of shape
        (n_samples, 1). Names are those that skl2onnx gives to the inputs: spaces and
        other characters that are neither letters nor digits become underscores. Numbers
        are in float32 if all numeric columns are, and otherwise
        in float64. Categories that are strings are strings, and the empty string is a
        missing one. Categories that are numbers are in float64, with NaN for a missing
        one.

    Raises
    ------
    TypeError
        If X is not a table, or a column holds neither numbers nor strings.

    See Also
    --------
    initial_types : The types of these inputs.

    Examples
    --------
    >>> import pandas as pd
    >>> from skfcnet.onnx import inputs_of
    >>> X = pd.DataFrame({"size": [1.5, 2.5], "colour": ["red", None]})
    >>> inputs_of(X)["size"]
    array([[1.5],
           [2.5]])
    >>> inputs_of(X)["colour"]
    array([['red'],
           ['']], dtype=object)
    """
    inputs: dict[str, Array] = {}
    for name, column in _columns_of(X).items():
        inputs[_name_of_input(name, inputs)] = column
    return inputs


def _name_of_input(name, taken):
    """Return the name that skl2onnx gives to an input of a name, beside others."""
    name = re.sub(r"[^\w+]", "_", name)
    name = f"_{name}" if name[:1].isdigit() else name
    numbers = count(1)
    new_name = name
    while new_name in taken:
        new_name = f"{name}{next(numbers)}"
    return new_name


def _columns_of(X):
    """Return what `inputs_of` does, by the names that the columns have in the table."""
    table = as_table(X)
    if not is_frame(table):
        if not holds_numbers(table):
            raise TypeError(
                "X is an array of objects, whose columns may be of several types: make "
                "it a data frame."
            )
        is_single = table.dtype == np.float32
        return {"X": table.astype(np.float32 if is_single else np.float64)}
    numeric = numeric_columns(table)
    numbers = {j: _numbers(table, j) for j in np.flatnonzero(numeric)}
    dtype = np.result_type(np.float32, *numbers.values())
    inputs = {}
    for j, name in enumerate(column_names(table)):
        column = numbers[j].astype(dtype) if numeric[j] else _categories(table, j, name)
        inputs[str(name)] = column.reshape(-1, 1)
    return inputs


def _numbers(table, j):
    """Return a column of numbers in float32 or float64, with NaN for missing ones."""
    return check_array(
        take_columns(table, np.array([j])),
        dtype=(np.float64, np.float32),
        ensure_all_finite=False,
        ensure_min_samples=0,
        input_name="X",
    )


def _categories(table, j, name):
    """Return a column of categories as strings or numbers."""
    values, codes = factorized(table, j)
    present = [value for value in values if not is_missing(value)]
    if all(isinstance(value, str) for value in present):
        missing, dtype = MISSING, object
    elif all(isinstance(value, (int, float, np.number, np.bool_)) for value in present):
        missing, dtype = np.nan, np.float64
    else:
        raise TypeError(
            f"X holds values in its column {name!r} that are neither strings nor "
            f"numbers: convert them before fit."
        )
    values = [missing if is_missing(value) else value for value in values]
    return np.array(values, dtype=dtype)[codes]


def initial_types(X: Table) -> list[tuple[str, Any]]:
    """Return the types of the inputs of an ONNX model, for skl2onnx.

    Parameters
    ----------
    X : array-like or dataframe of shape (n_samples, n_features)
        The table, or some rows of it, as the model is to be given it.

    Returns
    -------
    types : list of tuple of (str, TensorType)
        The name and the type of each input, with any number of rows, as the argument
        ``initial_types`` of ``skl2onnx.to_onnx``.

    Raises
    ------
    TypeError
        If X is not a table, or a column holds neither numbers nor strings.

    See Also
    --------
    inputs_of : The inputs themselves.

    Examples
    --------
    >>> import pandas as pd
    >>> from skfcnet.onnx import initial_types
    >>> X = pd.DataFrame({"size": [1.5, 2.5], "colour": ["red", None]})
    >>> for name, type_of_tensor in initial_types(X):
    ...     print(name, type_of_tensor)
    size DoubleTensorType(shape=[None, 1])
    colour StringTensorType(shape=[None, 1])
    """
    columns = _columns_of(X).items()
    return [(name, tensor(a.dtype, [None, a.shape[1]])) for name, a in columns]
