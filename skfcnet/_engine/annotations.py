"""The types in which public functions are annotated.

They say what the docstrings say, as far as a type checker can know it: the dtype of an
array and not its shape. What a library without type hints defines counts as ``Any``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Model(Protocol):
    """What a solver trains: a network, or an object with the same two attributes."""

    @property
    def params(self) -> Any:
        """The arrays that are trained, by name."""

    @property
    def loss(self) -> Any:
        """A method, of rows and targets, that returns the loss and its gradients."""


class HasShape(Protocol):
    """A sparse matrix or a data frame: what has a shape, and need not be an array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The numbers of rows and of columns."""


Array: TypeAlias = NDArray[Any]
"""An array of any dtype."""

Floats: TypeAlias = NDArray[np.floating]
"""An array of floats, which have the precision of the input."""

Table: TypeAlias = ArrayLike | HasShape
"""What estimators take as X, y and weights: arrays, lists, sparse matrices, frames."""

Gradient: TypeAlias = Floats | Any
"""A gradient with respect to rows, or None where the caller does not need it."""

ByOutput: TypeAlias = Floats | Any
"""An array, or a list of one for each output of a classifier that has several."""

Options: TypeAlias = dict[str, Any]
"""Settings by name, some of which a function changes in place."""

Params: TypeAlias = Mapping[str, Any]
"""Settings by name, which are not changed."""

RandomState: TypeAlias = int | np.random.RandomState | np.random.Generator | None
"""What an engine's generator is made of."""


class UpdateRule(Protocol):
    """What `update_rule` makes of a step."""

    __name__: str
    slots: tuple[str, ...]
    takes_matrices: bool
    defaults: Mapping[str, float]
    complete: Callable[[Array, Options], None]

    def __call__(
        self,
        w: ArrayLike,
        dw: ArrayLike,
        config: Options | None = None,
        *,
        out: Array | None = None,
    ) -> tuple[Floats, Options]:
        """Return the next parameters and the configuration for the next call."""
