"""The plan of a network: its layers in order, as names and numbers."""

from functools import partial
from itertools import pairwise
from typing import NamedTuple

from scipy.sparse import issparse

from skfcnet._engine.parameters import Zone
from skfcnet.layers import LAYERS, NORMALIZATIONS
from skfcnet.layers._embeddings import N_NEW_COLUMNS


class Stage(NamedTuple):
    """One layer of a network: names and numbers only, so that it pickles and prints.

    A stage holds no arrays. They are looked up by name where the stage runs, so that a
    stage which was unpickled cannot refer to arrays of another network.

    Parameters
    ----------
    name : str
        Name of the stage in the network, such as "affine1".

    kind : str
        Key of the layer in `skfcnet.layers.LAYERS`.

    fan_in, fan_out : int
        Widths of the input and of the output.

    specs : tuple of ParamSpec
        Declarations of the layer's arrays, under the names they have in the network.

    trained : tuple of str
        Names of the trained arrays, in the order in which ``forward`` takes them.

    state : tuple of (str, str)
        Names of the running statistics: as ``forward`` calls them among its options,
        and as the network calls them.

    rate : float or None
        Probability of dropping a unit; None where the layer is no dropout.

    member_shape : tuple of int, default=()
        What the shapes of the layer's arrays and of its output begin with: (k,) for k
        members, () for a single network.

    is_first : bool, default=False
        Whether no stage before this one has parameters. The gradient with respect to
        its input is then of use to nobody, and backpropagation ends here.

    is_sparse : bool, default=False
        Whether the input is a sparse matrix.
    """

    name: str
    kind: str
    fan_in: int
    fan_out: int
    specs: tuple
    trained: tuple
    state: tuple
    rate: float | None
    member_shape: tuple = ()
    is_first: bool = False
    is_sparse: bool = False

    @property
    def layer(self):
        """The layer's entry in `skfcnet.layers.LAYERS`, or the one for sparse rows."""
        layer = LAYERS[self.kind]
        return layer.sparse if self.is_sparse else layer


def plan(
    sizes,
    normalization,
    activation,
    dropout,
    input_dropout=0.0,
    *,
    n_members=1,
    n_embedded=0,
):
    """Yield the stages of a network, in order.

    Parameters
    ----------
    sizes : sequence of int
        Width of the input, of every hidden layer and of the output.

    normalization : sequence of bool, str or None
        Which of `skfcnet.layers.NORMALIZATIONS` follows the affine map of each hidden
        layer: True is "batch", False and None are none.

    activation : str
        A key of `skfcnet.layers.ACTIVATIONS`.

    dropout : float
        Probability of dropping a hidden unit.

    input_dropout : float, default=0.0
        Probability of dropping a feature, or a column of its embedding.

    n_members : int, default=1
        Number of networks that are trained side by side; with several, arrays have a
        leading axis for them.

    n_embedded : int, default=0
        How many columns of the input, from the first on, are embedded.

    Yields
    ------
    stage : Stage
        The next layer.

    Examples
    --------
    >>> from skfcnet._engine.plan import plan
    >>> [stage.name for stage in plan([784, 20, 10], [True], "relu", 0.0)]
    ['affine1', 'batchnorm1', 'relu1', 'affine2']
    """
    stage = partial(_stage, member_shape=(n_members,) if n_members > 1 else ())
    width, is_first = sizes[0], True
    if n_embedded:
        width += N_NEW_COLUMNS * n_embedded
        yield stage("pbld", 0, sizes[0], width, is_first=True)
        is_first = False
    if input_dropout:
        yield stage("dropout", 0, width, width, rate=input_dropout, is_first=is_first)
    for index, (fan_in, fan_out) in enumerate(pairwise((width, *sizes[1:])), start=1):
        yield stage("affine", index, fan_in, fan_out, is_first=is_first)
        is_first = False
        if index > len(normalization):  # the output
            return
        if entry := normalization[index - 1]:
            name = entry if isinstance(entry, str) else "batch"
            yield stage(NORMALIZATIONS[name], index, fan_out, fan_out)
        yield stage(activation, index, fan_out, fan_out)
        if dropout:
            yield stage("dropout", index, fan_out, fan_out, rate=dropout)


def stages_for(stages, x):
    """Return the stages of a network as they run on given rows.

    Parameters
    ----------
    stages : tuple of Stage
        The stages of the network.

    x : ndarray or sparse matrix
        Rows. Where they are sparse, so are the inputs of the first stages: dropout and
        the first affine map.

    Returns
    -------
    stages : tuple of Stage
        The stages for such rows.

    Raises
    ------
    TypeError
        If x is sparse and the network embeds its first columns.
    """
    if not issparse(x):
        return stages
    sparse = tuple(stage._replace(is_sparse=stage.is_first) for stage in stages)
    if any(stage.layer is None for stage in sparse):
        raise TypeError("X is sparse, but embeddings are dense: make it dense.")
    return sparse


def _stage(kind, index, fan_in, fan_out, *, rate=None, member_shape=(), is_first=False):
    specs, trained, state = [], [], []
    for spec in LAYERS[kind].specs(fan_in, fan_out):
        name, shape = f"{spec.name}{index}", _with_members(spec.shape, member_shape)
        specs.append(spec._replace(name=name, shape=shape))
        if spec.zone is Zone.STATE:
            state.append((spec.name, name))
        else:
            trained.append(name)
    return Stage(
        name=f"{kind}{index}",
        kind=kind,
        fan_in=fan_in,
        fan_out=fan_out,
        specs=tuple(specs),
        trained=tuple(trained),
        state=tuple(state),
        rate=rate,
        member_shape=member_shape,
        is_first=is_first,
    )


def _with_members(shape, member_shape):
    """Return the shape of an array of all members; vectors are rows, to broadcast."""
    return (*member_shape, *(1,) * (2 - len(shape)), *shape) if member_shape else shape
