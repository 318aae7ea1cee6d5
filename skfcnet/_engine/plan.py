"""The plan of a network: its layers in order, as names and numbers."""

from functools import partial
from inspect import signature
from itertools import pairwise
from operator import index
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skfcnet._engine.arguments import checked_name
from skfcnet._engine.parameters import ParamSpec, Zone
from skfcnet.layers import BLOCKS, LAYERS, NORMALIZATIONS, Block

AFFINE_KINDS = ("affine", "scaled_affine")
"""The kinds of layers that have weights and biases of some width."""


class Stage(NamedTuple):
    """One layer of a network, or the blocks that come before the first one.

    A stage holds none of the arrays that are trained. They are looked up by name where
    the stage runs, so that a stage which was unpickled cannot refer to arrays of
    another network.

    Parameters
    ----------
    name : str
        Name of the stage in the network, such as "affine1".

    kind : str
        Key of the layer in `skfcnet.layers.LAYERS`, or "blocks" or "linear_term".

    fan_in, fan_out : int
        Widths of the input and of the output.

    specs : tuple of ParamSpec
        Declarations of the layer's arrays, under the names they have in the network.

    trained : tuple of str
        Names of the trained arrays, in the order in which ``forward`` takes them.

    state : tuple of (str, str)
        Names of the arrays that gradients do not train, such as running statistics: as
        ``forward`` calls them among its options, and as the network calls them.

    settings : dict
        What the layer is told among its options: the probability of dropping a unit, or
        the settings of a block.

    member_shape : tuple of int, default=()
        What the shapes of the layer's arrays and of its output begin with: (k,) for k
        members, (1,) for the output of blocks that all members share, () for a single
        network.

    is_first : bool, default=False
        Whether no stage before this one has parameters. The gradient with respect to
        its input is then of use to nobody, and backpropagation ends here.

    is_sparse : bool, default=False
        Whether the input is a sparse matrix.

    columns : slice or None, default=None
        Of the stage of a block: the columns that it takes.

    blocks : tuple of Stage, default=()
        The stages of the blocks, if the kind is "blocks" or "linear_term", or the
        stage was joined to blocks.
    """

    name: str
    kind: str
    fan_in: int
    fan_out: int
    specs: tuple
    trained: tuple
    state: tuple
    settings: dict
    member_shape: tuple = ()
    is_first: bool = False
    is_sparse: bool = False
    columns: slice | None = None
    blocks: tuple = ()

    @property
    def layer(self):
        """The layer's entry in `skfcnet.layers.LAYERS`, or the one for sparse rows."""
        layer = LAYERS[self.kind]
        return layer.sparse if self.is_sparse else layer

    @property
    def n_numbers(self):
        """How many numbers a pass holds for each row in this stage."""
        blocks = self.blocks or (self,)
        return sum(block.fan_out * block.layer.n_scratch for block in blocks)

    @property
    def is_inplace(self):
        """Whether the output may be written over the input."""
        return not self.blocks and self.layer.inplace

    @property
    def takes_sparse(self):
        """Whether the stage can run on sparse rows."""
        return not self.blocks and LAYERS[self.kind].sparse is not None

    @property
    def label(self):
        """What the representation of a network says of the stage."""
        if self.kind == "linear_term":
            return "+ linear term"
        if self.blocks:
            return " + ".join(block.kind for block in self.blocks)
        if self.kind in AFFINE_KINDS:
            return f"{self.kind.replace('_', ' ')} {self.fan_out}"
        return self.kind


def plan(
    sizes,
    normalization,
    activation,
    dropout,
    input_dropout=0.0,
    *,
    n_members=1,
    blocks=(),
    linear_blocks=(),
    learn_scales=False,
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
        Probability of dropping a feature, or a column that a block makes.

    n_members : int, default=1
        Number of networks that are trained side by side; with several, arrays have a
        leading axis for them.

    blocks : sequence of Block, default=()
        What is made of the columns of the rows; without blocks, they are the features.

    linear_blocks : sequence of Block, default=()
        What is made of the columns for the linear term; without blocks, there is none.

    learn_scales : bool, default=False
        Whether the first affine map learns a scale of every column. The map of a
        network without hidden layers does not.

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
    member_shape = (n_members,) if n_members > 1 else ()
    stage = partial(_stage, member_shape=member_shape)
    width, is_first = sizes[0], True
    if blocks:
        yield (first := _stage_of_blocks(blocks, width, member_shape))
        width, is_first = first.fan_out, not first.trained
    if input_dropout:
        rate = {"p": input_dropout}
        yield stage("dropout", 0, width, width, settings=rate, is_first=is_first)
    for number, (fan_in, fan_out) in enumerate(pairwise((width, *sizes[1:])), start=1):
        is_output = number > len(normalization)
        is_scaled = learn_scales and number == 1 and not is_output
        yield stage(
            "scaled_affine" if is_scaled else "affine",
            number,
            fan_in,
            fan_out,
            is_first=is_first,
            has_matrix=not is_output,
        )
        is_first = False
        if is_output:
            break
        if entry := normalization[number - 1]:
            name = entry if isinstance(entry, str) else "batch"
            yield stage(NORMALIZATIONS[name], number, fan_out, fan_out)
        yield stage(activation, number, fan_out, fan_out)
        if dropout:
            yield stage("dropout", number, fan_out, fan_out, settings={"p": dropout})
    if linear_blocks:
        yield _linear_term(linear_blocks, sizes[0], sizes[-1], member_shape)


def checked_linear_blocks(blocks, input_dim):
    """Return the blocks of a linear term as a tuple, and check them.

    The parameters are those of `checked_blocks`, and so are the errors. There is also a
    ValueError if a block has arrays that are trained, since the linear term is not.
    """
    blocks = checked_blocks(blocks, input_dim)
    for kind, columns, settings in blocks:
        if BLOCKS[kind].specs(columns[1] - columns[0], 1, **settings):
            raise ValueError(
                f"linear_blocks must have no trained arrays, but the block {kind!r} "
                f"has some."
            )
    return blocks


def checked_blocks(blocks, input_dim):
    """Return blocks as a tuple, and check that they fit the rows of a network.

    Parameters
    ----------
    blocks : sequence of Block
        The blocks.

    input_dim : int
        Number of columns of the rows.

    Returns
    -------
    blocks : tuple of Block
        The blocks.

    Raises
    ------
    TypeError, ValueError
        If one is no block, or its kind, its columns or its settings are not as they
        must be.
    """
    blocks = tuple(blocks)
    for block in blocks:
        if not isinstance(block, Block):
            raise TypeError(f"blocks must hold skfcnet.layers.Block, got {block!r}.")
        checked_name("the kind of a block", block.kind, BLOCKS)
        _check_block(*block, input_dim)
    return blocks


def _check_block(kind, columns, settings, input_dim):
    layer = BLOCKS[kind]
    try:
        start, stop = map(index, columns)
    except (TypeError, ValueError):
        raise ValueError(
            f"The block {kind!r} needs two integers as its columns, got {columns!r}."
        ) from None
    if not 0 <= start < stop <= input_dim:
        raise ValueError(
            f"Blocks take columns from 0 to input_dim={input_dim}, but the block "
            f"{kind!r} takes those from {start} to {stop}."
        )
    names = [*signature(layer.width).parameters][1:]
    if settings.keys() != {*names}:
        raise ValueError(
            f"The block {kind!r} needs the settings {names}, got {[*settings]}."
        )
    # What the settings must be, the layer knows: it checks them before a row of zeros.
    n_columns = stop - start
    specs = layer.specs(n_columns, layer.width(n_columns, **settings), **settings)
    arrays = [np.zeros(spec.shape) for spec in specs]
    options = [settings] if layer.takes_options else []
    try:
        layer.forward(np.zeros((1, n_columns)), *arrays, *options)
    except ValueError as error:
        raise ValueError(f"The block {kind!r} does not fit: {error}") from error


def output_layer(stages):
    """Return the stage of the last affine map of a network."""
    return next(stage for stage in stages[::-1] if stage.kind == "affine")


def linear_term(stages):
    """Return the stage of the linear term of a network, or None if it has none."""
    has_term = bool(stages) and stages[-1].kind == "linear_term"
    return stages[-1] if has_term else None


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
        If x is sparse and the network has blocks or a linear term.
    """
    if not issparse(x):
        return stages
    if not all(stage.takes_sparse for stage in stages if stage.is_first):
        raise TypeError(
            "X is sparse, but the network has blocks or a linear term: make it dense."
        )
    return tuple(stage._replace(is_sparse=stage.is_first) for stage in stages)


def _stage_of_blocks(blocks, fan_in, member_shape):
    """Return the stage that makes the features of a network by blocks."""
    stages = []
    for i, (kind, columns, settings) in enumerate(blocks):
        n_columns = columns[1] - columns[0]
        width = BLOCKS[kind].width(n_columns, **settings)
        # The arrays of several blocks of one kind need different names.
        number = sum(kind == other.kind for other in blocks[:i])
        stage = _stage(
            kind,
            f"0_{number}" if number else 0,
            n_columns,
            width,
            settings=settings,
            member_shape=member_shape,
        )
        stages.append(stage._replace(columns=slice(*columns), is_first=True))
    trained = tuple(name for stage in stages for name in stage.trained)
    shared = member_shape and (1,)
    return Stage(
        name="blocks",
        kind="blocks",
        fan_in=fan_in,
        fan_out=sum(stage.fan_out for stage in stages),
        specs=tuple(spec for stage in stages for spec in stage.specs),
        trained=trained,
        state=(),
        settings={},
        member_shape=member_shape if trained else shared,
        is_first=True,
        blocks=tuple(stages),
    )


def _linear_term(blocks, fan_in, fan_out, member_shape):
    """Return the stage that adds a linear term to the scores."""
    inputs = _stage_of_blocks(blocks, fan_in, ())
    shape = _with_members((inputs.fan_out, fan_out), member_shape)
    return Stage(
        name="linear_term",
        kind="linear_term",
        fan_in=fan_in,
        fan_out=fan_out,
        specs=(ParamSpec("V", shape, Zone.STATE, 0.0),),
        trained=(),
        state=(("V", "V"),),
        settings={},
        member_shape=member_shape,
        is_first=True,
        blocks=inputs.blocks,
    )


def _stage(
    kind,
    index,
    fan_in,
    fan_out,
    *,
    settings=None,
    member_shape=(),
    is_first=False,
    has_matrix=False,
):
    """Return the stage of a layer; its weights may be matrices to an update rule."""
    specs, trained, state = [], [], []
    settings = settings or {}
    for spec in LAYERS[kind].specs(fan_in, fan_out, **settings):
        name, shape = f"{spec.name}{index}", _with_members(spec.shape, member_shape)
        is_matrix = has_matrix and spec.zone == Zone.WEIGHT
        specs.append(spec._replace(name=name, shape=shape, is_matrix=is_matrix))
        if spec.zone == Zone.STATE:
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
        settings=settings,
        member_shape=member_shape,
        is_first=is_first,
    )


def _with_members(shape, member_shape):
    """Return the shape of an array of all members; vectors are rows, to broadcast."""
    return (*member_shape, *(1,) * (2 - len(shape)), *shape) if member_shape else shape
