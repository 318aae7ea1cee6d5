"""The parameters of a network: named views of one vector.

Conventions
-----------
All that a network learns lies in one contiguous vector, sorted by `Zone`, so that three
useful arrays are slices of it::

    |  weights  |  biases, gamma, beta  |  running statistics  |
    |<-decayed->|                                              |
    |<----------- trainable ----------->|                      |
    |<------------------------- vector ----------------------->|

The L2 penalty is a multiple of ``decayed @ decayed``, an update rule gets
``trainable``, and a checkpoint, with its running statistics, is ``vector.copy()``.
The vector is never replaced and never grows, so that all views of it stay valid.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skfcnet._engine.annotations import Array, Floats


class Zone(IntEnum):
    """What training does to an array, which also decides its place in the vector."""

    WEIGHT = 0  # trained, with an L2 penalty
    BIAS = 1  # trained, without a penalty
    STATE = 2  # not trained by gradients: running statistics


class ParamSpec(NamedTuple):
    """The declaration of one array of a layer.

    Parameters
    ----------
    name : str
        Name of the array.

    shape : tuple of int
        Shape of the array.

    zone : Zone
        What training does to the array.

    initial : float or callable, default=None
        A constant that the array is filled with at first, or a function of (shape,
        generator) that draws it, defined in a module such that it can be pickled. With
        None, the network draws the array as it draws weights.

    is_matrix : bool, default=False
        Whether the array is a matrix, or one for each member, to an update rule for
        matrices. To other rules, an array is a sequence of numbers.
    """

    name: str
    shape: tuple
    zone: Zone
    initial: float | Callable | None = None
    is_matrix: bool = False


def layout(specs):
    """Yield the declaration of every array in a vector, with its start and its end.

    Parameters
    ----------
    specs : sequence of ParamSpec
        Declarations of the arrays.

    Yields
    ------
    spec : ParamSpec
        A declaration; they come in the order of their zones.

    start, end : int
        Where the array begins and ends in the vector.
    """
    start = 0
    for spec in sorted(specs, key=lambda spec: spec.zone):  # stable
        end = start + prod(spec.shape)
        yield spec, start, end
        start = end


class NamedArrays(Mapping[str, Array]):
    """A mapping from names to arrays, where assignment copies into the array."""

    def __init__(self, arrays):
        self._arrays = arrays

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __setitem__(self, name: str, value: ArrayLike) -> None:
        self._arrays[name][...] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self):
        shapes = ", ".join(f"{name}: {array.shape}" for name, array in self.items())
        return f"{type(self).__name__}({shapes})"


class ParameterList(list[Floats]):
    """A list of read-only views of arrays, where assignment copies into the arrays.

    Parameters
    ----------
    name : str
        Name of the list in errors.

    arrays : list of ndarray
        Views of arrays in ``params``.

    params : Parameters
        The parameters that the arrays belong to.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._engine.parameters import ParameterList, Parameters
    >>> from skfcnet._engine.parameters import ParamSpec, Zone
    >>> params = Parameters([ParamSpec("W1", (2,), Zone.WEIGHT)])
    >>> weights = ParameterList("coefs_", [params["W1"]], params)
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
        if not hasattr(values, "__len__"):
            raise TypeError(
                f"{self._name} takes a list of arrays, got a {type(values).__name__}."
            )
        if len(values) != len(indices):
            raise ValueError(
                f"{self._name} takes {len(indices)} arrays, got {len(values)}."
            )
        pairs = []
        for i, given in zip(indices, values, strict=True):
            array = self._arrays[i]
            with np.errstate(over="ignore"):
                dtype = None if np.iscomplexobj(given) else array.dtype
                given = np.asarray(given, dtype)
            is_right = given.shape == array.shape and given.dtype == array.dtype
            if not is_right or not np.isfinite(given).all():
                raise ValueError(
                    f"{self._name}[{i}] takes numbers of shape {array.shape} that are "
                    f"finite in {array.dtype}, got an array of shape {given.shape} of "
                    f"{given.dtype}."
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
    """Arrays by name, as views of one vector; iterating yields the trainable ones.

    Parameters
    ----------
    specs : sequence of ParamSpec
        Declarations of the arrays, in the order in which they are iterated.

    dtype : dtype, default=np.float32
        Dtype of all arrays.

    vector : ndarray, default=None
        The values, in the order of these specs and their zones; zeros when None.

    Attributes
    ----------
    vector : ndarray
        The vector of all arrays.

    trainable, decayed : ndarray
        The beginning of ``vector`` that an update rule changes, and the part of it that
        has an L2 penalty.

    state : NamedArrays
        The running statistics, by name.

    is_settled : bool
        Whether arrays only change by assignment, as after a fit, so that conversions to
        another dtype can be kept; False at first.

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
        places = list(layout(self.specs))
        size = places[-1][-1] if places else 0
        self._vector = np.zeros(size, dtype) if vector is None else vector
        views = {
            spec.name: self._vector[start:end].reshape(spec.shape)
            for spec, start, end in places
        }
        named = {False: {}, True: {}}
        for spec in self.specs:
            named[spec.zone == Zone.STATE][spec.name] = views[spec.name]
        super().__init__(named[False])
        self.state = NamedArrays(named[True])
        self.decayed = self._vector[: self._size(Zone.WEIGHT)]
        self.trainable = self._vector[: self._size(Zone.BIAS)]
        self.is_settled = False
        self._converted = {}

    @property
    def vector(self) -> Floats:
        return self._vector

    def restore(self, vector):
        """Set all arrays to those in a copy of `vector` that was made before."""
        self._vector[...] = vector

    def converted(self, dtype):
        """Return the parameters in a dtype, or themselves if they have it.

        Converting a large network takes ten times as long as predicting one row.
        Therefore the result is kept until the next assignment if `is_settled`.
        """
        if dtype == self.vector.dtype:
            return self
        converted = self._converted.get(dtype) if self.is_settled else None
        if converted is None:
            converted = Parameters(self.specs, vector=self.vector.astype(dtype))
            self._converted = {dtype: converted} if self.is_settled else {}
        return converted

    def forget_conversions(self):
        """Forget the results of `converted`, since the arrays have changed."""
        self._converted = {}

    def __setitem__(self, name: str, value: ArrayLike) -> None:
        super().__setitem__(name, value)
        self.forget_conversions()

    def _size(self, last_zone):
        return sum(prod(spec.shape) for spec in self.specs if spec.zone <= last_zone)

    def __deepcopy__(self, memo):
        copied = Parameters(self.specs, vector=self._vector.copy())
        copied.is_settled = self.is_settled
        return copied

    def __getstate__(self):
        # NumPy would pickle each view as an independent copy.
        return {
            "specs": self.specs,
            "vector": self._vector,
            "is_settled": self.is_settled,
        }

    def __setstate__(self, state):
        vector = state["vector"]
        if not vector.flags.writeable:  # a memory map
            vector = np.array(vector)
        self.__init__(state["specs"], vector=vector)
        self.is_settled = state["is_settled"]
