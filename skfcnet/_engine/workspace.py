"""Scratch arrays that outlive a training step, so that a step allocates none."""

from math import prod

import numpy as np


class Workspace:
    """Scratch arrays by name: grown when needed, trimmed to the batch.

    A buffer is one-dimensional and handed out as a prefix, reshaped: a short
    last minibatch reuses the memory of a full one and stays contiguous. What is
    handed out is never cleared, and asking for the same name again hands out the
    same memory: a forward pass must therefore not be repeated before its
    backward pass has read the caches.

    Whoever owns the loop (`Solver`, or one call of a prediction) owns the
    workspace; networks and layers keep none, so that predicting is thread-safe.

    Examples
    --------
    >>> from skfcnet._engine.workspace import Workspace
    >>> workspace = Workspace()
    >>> a = workspace("hidden", (128, 20), np.float32)
    >>> b = workspace("hidden", (28, 20), np.float32)
    >>> np.shares_memory(a, b)
    True
    """

    def __init__(self):
        self._buffers = {}
        self._views = {}
        self._scopes = {}

    def __call__(self, name, shape, dtype, *, fill=None):
        """Return the scratch array `name`, of `shape` and `dtype`.

        What it holds is what was last written to it; at first, `fill`.
        """
        key = name, shape, dtype
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = self._trimmed(name, shape, np.dtype(dtype), fill)
        return view

    def scope(self, name):
        """Return the workspace within this one that belongs to `name`."""
        scope = self._scopes.get(name)
        if scope is None:
            scope = self._scopes[name] = Workspace()
        return scope

    def _trimmed(self, name, shape, dtype, fill):
        size = prod(shape)
        buffer = self._buffers.get((name, dtype))
        if buffer is None or buffer.size < size:
            # Earlier, smaller views would keep the buffer that is replaced alive.
            self._views = {key: v for key, v in self._views.items() if key[0] != name}
            buffer = self._buffers[name, dtype] = np.empty(size, dtype)
            if fill is not None:
                buffer.fill(fill)
        return buffer[:size].reshape(shape)
