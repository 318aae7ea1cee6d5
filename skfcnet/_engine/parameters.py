"""One vector, many named views: where a network keeps everything it learns.

Conventions
-----------
A network's numbers lie in one contiguous vector, sorted by `Zone`, so that three
useful things are plain slices of it::

    |  weights  |  biases, gamma, beta  |  running statistics  |
    |<-decayed->|                                              |
    |<----------- trainable ----------->|                      |
    |<------------------------- vector ----------------------->|

The L2 penalty is ``decayed @ decayed``, an update rule gets ``trainable``, and a
checkpoint, with the running statistics that belong to it, is ``vector.copy()``.
The vector is never rebound and never grows: views handed out stay live for good.
"""

from collections.abc import Callable, Mapping
from enum import IntEnum
from math import prod
from typing import NamedTuple

import numpy as np


class Zone(IntEnum):
    """What training may do to a parameter; also its place in the vector."""

    WEIGHT = 0  # trained and decayed
    BIAS = 1  # trained, never decayed
    STATE = 2  # not trained: running statistics


class ParamSpec(NamedTuple):
    """One named array of a layer, and what it is at first.

    ``initial`` is a constant, or a function of (shape, generator), of a module such
    that it pickles and equals its copies; None: the network draws it as weights.
    """

    name: str
    shape: tuple
    zone: Zone
    initial: float | Callable | None = None


class NamedArrays(Mapping):
    """Arrays by name; assigning copies into place, it never rebinds."""

    def __init__(self, arrays):
        self._arrays = arrays

    def __getitem__(self, name):
        return self._arrays[name]

    def __setitem__(self, name, value):
        self._arrays[name][...] = value

    def __iter__(self):
        return iter(self._arrays)

    def __len__(self):
        return len(self._arrays)

    def __repr__(self):
        shapes = ", ".join(f"{name}: {array.shape}" for name, array in self.items())
        return f"{type(self).__name__}({shapes})"


class ArrayList(list):
    """Read-only views of a network's arrays; assigning to an item copies into place.

    Parameters
    ----------
    name : str
        What errors call the list.

    arrays : list of ndarray
        Views of arrays in ``params``.

    params : Parameters
        What they belong to.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._engine.parameters import ArrayList, Parameters, ParamSpec, Zone
    >>> params = Parameters([ParamSpec("W1", (2,), Zone.WEIGHT)])
    >>> weights = ArrayList("coefs_", [params["W1"]], params)
    >>> weights[0] = [3.0, 4.0]
    >>> params["W1"]
    array([3., 4.], dtype=float32)
    """

    def __init__(self, name, arrays, params):
        super().__init__(array.view() for array in arrays)
        for view in self:
            view.flags.writeable = False
        self._name, self._arrays, self._params = name, arrays, params

    def __setitem__(self, index, value):
        indices = range(len(self))[index]
        values = value if isinstance(index, slice) else [value]
        indices = indices if isinstance(index, slice) else [indices]
        if len(values) != len(indices):
            raise ValueError(
                f"{self._name} takes {len(indices)} arrays, got {len(values)}."
            )
        pairs = []
        for i, given in zip(indices, values, strict=True):
            array = self._arrays[i]
            with np.errstate(over="ignore"):
                given = np.asarray(given, array.dtype)
            if given.shape != array.shape or not np.isfinite(given).all():
                raise ValueError(
                    f"{self._name}[{i}] takes numbers of shape {array.shape} that are "
                    f"finite in {array.dtype}, got an array of shape {given.shape}."
                )
            pairs.append((array, given))
        for array, given in pairs:
            array[...] = given
        self._params.forget_conversions()

    def _refuse(self, *_, **__):
        raise TypeError(
            f"{self._name} has one array for each layer, in their order: assign to its "
            f"items, or copy it by list() first."
        )

    append = extend = insert = pop = remove = clear = reverse = sort = _refuse
    __delitem__ = __iadd__ = __imul__ = _refuse

    def __reduce__(self):
        return list, ([np.array(view) for view in self],)


class Parameters(NamedArrays):
    """Named, shaped views of one vector; iterates the trainable arrays only.

    Parameters
    ----------
    specs : sequence of ParamSpec
        The arrays, in the order in which they are iterated.

    dtype : dtype, default=np.float32
        Of all arrays.

    vector : ndarray, default=None
        The values, in the layout of these specs; zeros when None.

    Attributes
    ----------
    vector : ndarray
        Everything, one-dimensional.

    trainable, decayed : ndarray
        Prefixes of ``vector``: what an update rule sees, and its weights.

    state : NamedArrays
        The running statistics.

    is_settled : bool
        Whether nobody writes to them but by assigning; False at first.

    Examples
    --------
    >>> from skfcnet._engine.parameters import Parameters, ParamSpec, Zone
    >>> params = Parameters([ParamSpec("W1", (2, 3), Zone.WEIGHT)])
    >>> params["W1"] = 7.0
    >>> params.vector
    array([7., 7., 7., 7., 7., 7.], dtype=float32)
    """

    def __init__(self, specs, *, dtype=np.float32, vector=None):
        self.specs = tuple(specs)
        layout = sorted(self.specs, key=lambda spec: spec.zone)  # stable
        ends = np.cumsum([0, *(prod(spec.shape) for spec in layout)])
        self._vector = np.zeros(ends[-1], dtype) if vector is None else vector
        views = {
            spec.name: self._vector[start:end].reshape(spec.shape)
            for spec, start, end in zip(layout, ends, ends[1:], strict=False)
        }
        named = {False: {}, True: {}}
        for spec in self.specs:
            named[spec.zone is Zone.STATE][spec.name] = views[spec.name]
        super().__init__(named[False])
        self.state = NamedArrays(named[True])
        self.decayed = self._vector[: self._size(Zone.WEIGHT)]
        self.trainable = self._vector[: self._size(Zone.BIAS)]
        self.is_settled = False
        self._converted = {}

    @property
    def vector(self):
        return self._vector

    def restore(self, vector):
        """Take over a copy of `vector` that was made before."""
        self._vector[...] = vector

    def converted(self, dtype):
        """Return the parameters in some dtype: themselves where it is theirs.

        Converting those of a large network takes ten times as long as predicting one
        row by them, so the result is kept until they are assigned to, where nobody
        changes them in another way.
        """
        if dtype == self.vector.dtype:
            return self
        converted = self._converted.get(dtype) if self.is_settled else None
        if converted is None:
            converted = Parameters(self.specs, vector=self.vector.astype(dtype))
            self._converted = {dtype: converted} if self.is_settled else {}
        return converted

    def forget_conversions(self):
        """Let what was converted be converted anew, since numbers have changed."""
        self._converted = {}

    def __setitem__(self, name, value):
        super().__setitem__(name, value)
        self.forget_conversions()

    def _size(self, last_zone):
        return sum(prod(spec.shape) for spec in self.specs if spec.zone <= last_zone)

    def __reduce__(self):
        # NumPy pickles a view as an independent copy: send the vector, cut again.
        return _rebuild, (self.specs, self._vector, self.is_settled)


def _rebuild(specs, vector, is_settled):
    """Unpickle or deepcopy; a read-only memory map becomes an array of our own."""
    if not vector.flags.writeable:
        vector = np.array(vector)
    parameters = Parameters(specs, vector=vector)
    parameters.is_settled = is_settled
    return parameters
