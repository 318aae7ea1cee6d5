"""The graph that a model is written to, node by node."""

from copy import copy

import numpy as np


class Graph:
    """A graph of skl2onnx to which nodes are added by calling it.

    An input of a node is the name of what another node returns, or a constant: an array
    or a number. Floats are stored in the dtype of the graph, so that they fit what they
    are combined with.

    Parameters
    ----------
    scope : skl2onnx.common._topology.Scope
        Gives unique names.

    container : skl2onnx.common._container.ModelComponentContainer
        Receives the nodes.

    dtype : dtype
        The dtype of computation.

    Examples
    --------
    With the rows ``x``, ``graph("Add", graph("MatMul", x, W), b)`` adds an affine map,
    and returns the name of its result.
    """

    def __init__(self, scope, container, dtype):
        self._scope, self._container = scope, container
        self.dtype = np.dtype(dtype)

    def with_dtype(self, dtype):
        """Return the same graph, which computes in another dtype."""
        other = copy(self)
        other.dtype = np.dtype(dtype)
        return other

    def __call__(self, op, *inputs, output=None, n_outputs=1, **attributes):
        """Add a node and return the name of its first output.

        Parameters
        ----------
        op : str
            The type of the node, such as "MatMul".

        *inputs : str, array or number
            The inputs.

        output : str, default=None
            The name of the output; None for a new one.

        n_outputs : int, default=1
            How many outputs nodes of this type have.

        **attributes
            The attributes of the node, or ``op_domain`` and ``op_version`` of its type.

        Returns
        -------
        output : str
            The name of the output.
        """
        unique_name = self._scope.get_unique_variable_name
        output = unique_name(op) if output is None else output
        others = [unique_name(op) for _ in range(1, n_outputs)]
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        self._container.add_node(
            op,
            names,
            [output, *others],
            name=self._scope.get_unique_operator_name(op),
            **attributes,
        )
        return output

    def constant(self, value):
        """Store an array or a number, and return the name of it."""
        from onnx import TensorProto, numpy_helper

        value = np.asarray(value)
        if value.dtype.kind == "f":
            value = value.astype(self.dtype)
        name = self._scope.get_unique_variable_name("constant")
        if value.dtype.kind in "US":
            texts = [str(text).encode() for text in value.ravel()]
            self._container.add_initializer(
                name, TensorProto.STRING, value.shape, texts
            )
        else:
            tensor = numpy_helper.from_array(value.copy(order="C"), name)
            self._container.add_initializer(name, tensor.data_type, value.shape, tensor)
        return name

    def cast(self, x, dtype=None, output=None):
        """Add a node that converts to a dtype; None: that of the graph."""
        from onnx.helper import np_dtype_to_tensor_dtype

        dtype = self.dtype if dtype is None else np.dtype(dtype)
        return self("Cast", x, to=np_dtype_to_tensor_dtype(dtype), output=output)

    def columns(self, x, start, stop, *, width):
        """Return neighbouring columns, from the first to that before the last."""
        if (start, stop) == (0, width):
            return x
        return self("Slice", x, *(np.array([i]) for i in (start, stop, -1)))
