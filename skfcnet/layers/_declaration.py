"""The declarations of a layer and of a block, of which networks are made."""

from collections.abc import Callable
from typing import Any, NamedTuple


def _no_specs(fan_in: int, fan_out: int, **settings: Any) -> tuple[()]:
    return ()


class Layer(NamedTuple):
    r"""The declaration of a layer: its functions, and what they need.

    Parameters
    ----------
    forward, backward : callable
        Functions that follow the conventions of `skfcnet.layers`. If the layer has
        parameters and can be the first of a network, ``backward`` takes ``need_dx``.

    specs : callable
        Called with (fan_in, fan_out) and the settings of a block as keywords; returns
        the ``ParamSpec`` of every array of the layer, in the order in which ``forward``
        takes them. By default, the layer has no arrays.

    takes_options : bool, default=False
        Whether ``forward`` takes a dict of options, after its arrays: the mode, the
        generator, the rate of dropout, the running statistics, or the settings of a
        block.

    inplace : bool, default=False
        Whether ``forward`` may write over its input and ``backward`` over ``dout``.

    gain : float, default=1.0
        Factor of the weights before an activation with which signals keep their scale,
        as a rule :math:`1 / \sqrt{E f(z)^2}` for a standard normal z.

    width : callable, default=None
        For the layer of a block: called with the number of its columns and its settings
        as keywords; returns the number of columns that it makes of them.

    n_scratch : int, default=1
        For the layer of a block: how many numbers ``forward`` holds in memory for each
        number of its output.

    takes_missing : bool, default=False
        For the layer of a block: whether ``forward`` gets NaN for missing values, and
        not 0.

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
    width: Callable | None = None
    n_scratch: int = 1
    takes_missing: bool = False
    sparse: "Layer | None" = None


class Block(NamedTuple):
    """What a network makes of some neighbouring columns of its rows.

    Several blocks can take the same columns. The columns that all blocks make, side by
    side, are what the first affine map gets.

    Parameters
    ----------
    kind : str
        A key of `skfcnet.layers.BLOCKS`.

    columns : tuple of int
        The index of the first column, and that after the last one.

    settings : dict, default={}
        What the layer is told among its options, such as the edges of bins. Nothing of
        it is trained.

    Examples
    --------
    Of two columns, the first is encoded by its two bins, and the second is passed on:

    >>> import numpy as np
    >>> from skfcnet.layers import Block
    >>> from skfcnet.network import FullyConnectedNet
    >>> bins = {
    ...     "column": [0, 0], "left": [0.0, 1.0], "slope": [1.0, 0.5]
    ... }
    >>> blocks = [
    ...     Block("ple", (0, 1), bins),
    ...     Block("linear", (1, 2), {"factor": 1.0}),
    ... ]
    >>> FullyConnectedNet(
    ...     "regression", [4], input_dim=2, output_dim=1, blocks=blocks
    ... )
    FullyConnectedNet(2 → ple + linear → affine 4 → relu → affine 1 → mse)
    """

    kind: str
    columns: tuple
    settings: dict = {}
