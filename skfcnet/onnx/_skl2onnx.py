"""What is used of skl2onnx: its register of converters, and its types of tensors."""

import numpy as np


def register(estimator, set_types, convert, options):
    """Register the functions that convert an estimator.

    Parameters
    ----------
    estimator : type
        The class of the estimator.

    set_types : callable
        Called with an operator of skl2onnx, sets the types of its outputs.

    convert : callable
        Called with the scope, the operator and the container, adds the nodes.

    options : dict or None
        The options of the converter, and their allowed values.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    """
    try:
        from skl2onnx import update_registered_converter
    except ImportError as error:
        raise ImportError(
            "skfcnet.onnx needs skl2onnx: pip install 'skfcnet[onnx]'."
        ) from error
    alias = f"Skfcnet{estimator.__name__}"
    update_registered_converter(estimator, alias, set_types, convert, options=options)


def tensor(dtype, shape):
    """Return the type of a tensor of floats, of integers, or otherwise of strings."""
    from skl2onnx.common import data_types as t

    types = {
        "float32": t.FloatTensorType,
        "float64": t.DoubleTensorType,
        "int64": t.Int64TensorType,
    }
    return types.get(np.dtype(dtype).name, t.StringTensorType)(shape)


def sequence_of(tensor):
    """Return the type of a sequence of tensors."""
    from skl2onnx.common.data_types import SequenceType

    return SequenceType(tensor)


def kind_of(variable):
    """Return what an input holds: 'single', 'double', 'integer' or 'text'.

    Parameters
    ----------
    variable : skl2onnx.common._topology.Variable
        The input.

    Returns
    -------
    kind : {'single', 'double', 'integer', 'text'}
        Single or double precision, integers or booleans, or strings.

    Raises
    ------
    TypeError
        If it holds something else.
    """
    from skl2onnx.common import data_types as t

    kinds = {
        t.FloatTensorType: "single",
        t.DoubleTensorType: "double",
        t.Int64TensorType: "integer",
        t.Int32TensorType: "integer",
        t.BooleanTensorType: "integer",
        t.StringTensorType: "text",
    }
    given = type(variable.type)
    if given not in kinds:
        raise TypeError(
            f"The ONNX input {variable.raw_name!r} is of {given.__name__}: make it one "
            f"of {', '.join(kind.__name__ for kind in kinds)}."
        )
    return kinds[given]
