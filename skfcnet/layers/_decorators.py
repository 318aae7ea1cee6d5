"""What all activations share: the check before them, and most of the documentation.

The docstring of an activation is written without the sections on its arguments and
results, and its signature without types, which are the same for all. The decorators add
them.
"""

import re
from collections.abc import Callable
from inspect import cleandoc
from typing import Any, Protocol

from numpy.typing import ArrayLike

from skfcnet._engine.annotations import Array, Floats
from skfcnet._engine.arguments import check_gradient, checked
from skfcnet._engine.workspace import Workspace
from skfcnet.layers._checks import check_activation

FORWARD = """
Parameters
----------
x : array-like of any shape
    Input.

out : ndarray of the shape of ``x``, default=None
    Where to write the result.

workspace : Workspace, default=None
    Lends the scratch arrays.

Returns
-------
out : ndarray of the shape of ``x``
    The result.

cache : ndarray or tuple of ndarrays
    What the backward pass needs.
"""

BACKWARD = """
Parameters
----------
dout : array-like of the shape of the output
    Gradient of the loss with respect to the output.

cache : ndarray or tuple of ndarrays
    From the forward pass.

out : tuple of one ndarray, default=(None,)
    Where to write the result; it may be ``dout``.

workspace : Workspace, default=None
    Lends the scratch arrays.

Returns
-------
dx : ndarray of the shape of ``dout``
    Gradient of the loss with respect to the input.

See Also
--------
{forward} : The forward pass.
"""


class Forward(Protocol):
    """The forward pass of an activation."""

    def __call__(
        self,
        x: ArrayLike,
        *,
        out: Array | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[Floats, Any]: ...


class Backward(Protocol):
    """The backward pass of an activation."""

    def __call__(
        self,
        dout: ArrayLike,
        cache: Any,
        *,
        out: tuple[Array | None, ...] = (None,),
        workspace: Workspace | None = None,
    ) -> Floats: ...


def activation_forward(function: Callable[..., Any]) -> Forward:
    """Make a function the forward pass of an activation, with checks, docs, types."""
    function.__doc__ = _with_sections(function.__doc__, FORWARD)
    function.__annotations__ = Forward.__call__.__annotations__
    return checked(check_activation)(function)


def activation_backward(function: Callable[..., Any]) -> Backward:
    """Make a function the backward pass of an activation, in the same way."""
    forward = function.__name__.replace("_backward", "_forward")
    shared = BACKWARD.format(forward=forward)
    function.__doc__ = _with_sections(function.__doc__, shared)
    function.__annotations__ = Backward.__call__.__annotations__
    return checked(check_gradient)(function)


def _with_sections(docstring: str | None, shared: str) -> str:
    """Put shared sections before the sections that a docstring has itself."""
    first_section = r"\n(?=\w+\n-+\n)"
    docstring = cleandoc(docstring or "")  # Python removes docstrings if asked to.
    summary, *own = re.split(first_section, docstring, maxsplit=1)
    return "\n".join([summary, shared.strip(), "", *own, ""])
