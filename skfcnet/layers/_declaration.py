"""What a layer is: the record that every table of layers is made of."""

from collections.abc import Callable
from typing import NamedTuple


def _no_specs(fan_in, fan_out):
    return ()


class Layer(NamedTuple):
    r"""The declaration of a layer: its functions, and what they need.

    Parameters
    ----------
    forward, backward : callable
        As the conventions of `skfcnet.layers` say.

    specs : callable
        Called with (fan_in, fan_out); returns the `ParamSpec` of every array of the
        layer, in the order in which ``forward`` takes them.

    takes_options : bool, default=False
        Whether ``forward`` takes a dict of options: mode, generator, rate, running
        statistics.

    inplace : bool, default=False
        Whether ``forward`` may write over its input and ``backward`` over ``dout``.

    gain : float, default=1.0
        Of an activation: how much larger the weights before it must be for signals
        to keep their scale, as a rule :math:`1 / \sqrt{E f(z)^2}` for a standard
        normal z.

    sparse : Layer or None, default=None
        The same layer for sparse rows. Where their input is the rows of the network,
        layers with parameters take ``need_dx=False`` in ``backward``, unless they are
        for sparse rows, which have no ``dx``.
    """

    forward: Callable
    backward: Callable
    specs: Callable = _no_specs
    takes_options: bool = False
    inplace: bool = False
    gain: float = 1.0
    sparse: "Layer | None" = None
