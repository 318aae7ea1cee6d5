"""Scratch arrays that are used again in every training step."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from skfcnet._engine.annotations import Array


class Workspace:
    """Lend scratch arrays by name.

    A scratch array is the beginning of a one-dimensional buffer, reshaped: a short last
    minibatch uses the memory of a full one, and is contiguous, too. Asking for the same
    name again returns the same memory, which is not cleared. A forward pass must
    therefore not be repeated before the backward pass has read its caches.

    A workspace belongs to a loop, such as that of `Solver` or of one prediction.
    Networks and layers have none, so that several threads can predict at once.

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

    def __call__(
        self, name: str, shape: tuple[int, ...], dtype: DTypeLike, *, fill: Any = None
    ) -> Array:
        """Return the scratch array `name`, of `shape` and `dtype`.

        It holds what was last written to it. A new one is filled with `fill`.
        """
        key = name, shape, dtype
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = self._trimmed(name, shape, np.dtype(dtype), fill)
        return view

    def scope(self, name: str) -> "Workspace":
        """Return the workspace inside this one that is called `name`."""
        scope = self._scopes.get(name)
        if scope is None:
            scope = self._scopes[name] = Workspace()
        return scope

    def _trimmed(self, name, shape, dtype, fill):
        size = prod(shape)
        buffer = self._buffers.get((name, dtype))
        if buffer is None or buffer.size < size:
            # Views of the old buffer would keep it in memory.
            self._views = {key: v for key, v in self._views.items() if key[0] != name}
            buffer = self._buffers[name, dtype] = np.empty(size, dtype)
            if fill is not None:
                buffer.fill(fill)
        return buffer[:size].reshape(shape)
