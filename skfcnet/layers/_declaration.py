"""The declaration of a layer, of which the tables of layers are made."""

from collections.abc import Callable
from typing import NamedTuple


def _no_specs(fan_in, fan_out):
    return ()


class Layer(NamedTuple):
    r"""The declaration of a layer: its functions, and what they need.

    Parameters
    ----------
    forward, backward : callable
        Functions that follow the conventions of `skfcnet.layers`. If the layer has
        parameters and can be the first of a network, ``backward`` takes ``need_dx``.

    specs : callable
        Called with (fan_in, fan_out); returns the `ParamSpec` of every array of the
        layer, in the order in which ``forward`` takes them.

    takes_options : bool, default=False
        Whether ``forward`` takes a dict of options, after its arrays: the mode, the
        generator, the rate of dropout and the running statistics.

    inplace : bool, default=False
        Whether ``forward`` may write over its input and ``backward`` over ``dout``.

    gain : float, default=1.0
        Factor of the weights before an activation with which signals keep their scale,
        as a rule :math:`1 / \sqrt{E f(z)^2}` for a standard normal z.

    sparse : Layer or None, default=None
        The same layer for sparse rows, whose ``forward`` ignores ``out``, and whose
        ``backward`` takes no ``need_dx``. None if rows must be dense.
    """

    forward: Callable
    backward: Callable
    specs: Callable = _no_specs
    takes_options: bool = False
    inplace: bool = False
    gain: float = 1.0
    sparse: "Layer | None" = None
