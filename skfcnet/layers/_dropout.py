"""Dropout: units that are left out at random while training."""

from math import ceil
from typing import Any

import numpy as np

from skfcnet._engine.annotations import Array, Floats, Options
from skfcnet._engine.arguments import check_gradient, check_shape, checked, unchecked
from skfcnet._engine.random import MemberGenerators, as_generator
from skfcnet._engine.workspace import Workspace
from skfcnet.layers._checks import check_dropout, checked_mode

BLOCK_SIZE = 16_384
"""Number of units for which random bits are drawn at a time.

NumPy allocates the bits anew in every draw. Blocks keep this memory small.
"""

GENERATORS_OF_64_BITS = (
    np.random.PCG64,
    np.random.PCG64DXSM,
    np.random.Philox,
    np.random.SFC64,
)
"""Bit generators whose raw draws have 64 random bits.

A raw draw takes a third of the time of drawing integers.
"""


@checked(check_dropout)
def dropout_forward(
    x: Array,
    dropout_param: Options,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
    """Inverted dropout [1]_: drop units while training, do nothing at test time.

    Each unit is set to zero with probability ``p``, and the others are divided by
    ``1 - p``, so that the expected output is the input.

    Parameters
    ----------
    x : ndarray of any shape
        Input.

    dropout_param : dict
        ``mode``: 'train' or 'test';
        ``p``: the probability of dropping a unit, 0 <= p < 1, which is rounded to a
        multiple of :math:`2^{-16}`;
        ``rng``: a seed or generator, None for NumPy's global state; in networks with
        several members, the generators of all members, of which each draws an equal
        part of the mask;
        ``mask``: in place of ``rng``, an array of the shape of ``x``, true where a
        unit is kept.

    out, workspace : as for every layer
        See the conventions of `skfcnet.layers`. Where members share ``x``, each draws
        a mask of its own if ``out`` has an axis for them.

    Returns
    -------
    out : ndarray of the shape of ``x``, or of the ``out`` given
        The result.

    cache : ndarray or None
        For `dropout_backward`; None where nothing is dropped.

    Raises
    ------
    ValueError
        If ``mode`` is neither 'train' nor 'test', or ``p`` not in [0, 1).

    References
    ----------
    .. [1] Srivastava, N., et al., "Dropout: A Simple Way to Prevent Neural Networks
       from Overfitting", JMLR 15, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import dropout_forward
    >>> mask = np.array([True, False])
    >>> dropout_forward(np.ones(2), {"mode": "train", "p": 0.5, "mask": mask})[0]
    array([2., 0.])
    """
    mode = checked_mode("dropout_param", dropout_param)
    p = float(dropout_param["p"])
    if not 0 <= p < 1:
        raise ValueError(f"dropout_param['p'] must be in [0, 1), got {p!r}.")
    if mode == "test" or p == 0:
        return np.positive(x, out=out), None

    workspace = workspace or Workspace()
    shape = x.shape if out is None else out.shape
    kept = dropout_param.get("mask")
    if kept is None:
        kept = _draw_mask(
            dropout_param.get("rng"), p, out=workspace("kept", shape, bool)
        )
    else:
        kept = np.asarray(kept)
        check_shape("dropout_forward", "dropout_param['mask']", kept, shape)
    factor = workspace("factor", shape, x.dtype)
    np.copyto(factor, kept)  # A product of two dtypes would go through buffers.
    factor *= 1 / (1 - p)
    return np.multiply(x, factor, out=out), factor


@checked(check_gradient)
def dropout_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None,),
    workspace: Workspace | None = None,
) -> Floats:
    """Gradient of dropout: ``dout / (1 - p)`` where a unit was kept, 0 elsewhere.

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    dx : ndarray of the shape of ``dout``
        Gradient with respect to the input.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import dropout_backward, dropout_forward
    >>> param = {"mode": "train", "p": 0.5, "mask": np.array([True, False])}
    >>> out, cache = dropout_forward(np.ones(2), param)
    >>> dropout_backward(np.ones(2), cache)
    array([2., 0.])
    """
    if cache is None:
        return np.positive(dout, out=out[0])
    return np.multiply(dout, cache, out=out[0])


@checked(check_dropout)
def sparse_dropout_forward(
    x: Any,
    dropout_param: Options,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Any, Any]:
    """Inverted dropout of the rows of a sparse matrix.

    A zero that is dropped is still a zero, so that only the stored values need a mask.
    ``out`` and ``workspace`` are unused, because the number of stored values changes
    from minibatch to minibatch.

    Parameters
    ----------
    x : sparse matrix or array of shape (N, D)
        Rows, in CSR format without duplicates.

    dropout_param : dict
        As for `dropout_forward`, with ``mask`` of the shape of the stored values.

    out, workspace : as for every layer
        Unused.

    Returns
    -------
    out : sparse matrix or array of shape (N, D)
        The result, of the format of ``x``. Its index arrays are those of ``x``.

    cache : ndarray or None
        For `dropout_backward`, which takes and returns the gradients with respect to
        the stored values; None where nothing is dropped.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skfcnet.layers import sparse_dropout_forward
    >>> x = csr_array(np.array([[0.0, 1.0], [2.0, 0.0]]))
    >>> param = {"mode": "train", "p": 0.5, "mask": np.array([True, False])}
    >>> sparse_dropout_forward(x, param)[0].toarray()
    array([[0., 2.],
           [0., 0.]])
    """
    data, cache = unchecked(dropout_forward)(x.data, dropout_param)
    return type(x)((data, x.indices, x.indptr), shape=x.shape), cache


def _draw_mask(rng: Any, p: float, *, out: Any) -> Any:
    """Draw which units are kept."""
    threshold, units = least_kept(p), out.reshape(-1)
    for generator, block in drawing_blocks(rng, units.size):
        bits = random_bits(generator, block)
        np.greater_equal(bits, threshold, out=units[block])
        del bits  # before the next ones need memory
    return out


def least_kept(p: float) -> int:
    """Return the least number of 16 random bits with which a unit is kept."""
    return round(p * 2**16)


def drawing_blocks(rng: Any, n: int) -> Any:
    """Yield slices of n units, each after the generator that draws for them.

    Generators of members draw for equal parts of the units.
    """
    has_members = isinstance(rng, MemberGenerators)
    generators = [*rng] if has_members else [as_generator(rng)]
    n_each = n // len(generators)
    for i, generator in enumerate(generators):
        end = (i + 1) * n_each
        for start in range(i * n_each, end, BLOCK_SIZE):
            yield generator, slice(start, min(start + BLOCK_SIZE, end))


def random_bits(rng: Any, block: Any) -> Any:
    """Return numbers of 16 random bits, one for each unit of a slice.

    Drawing them is twice as fast as drawing floats.
    """
    n = block.stop - block.start
    n_words = ceil(n / 4)
    if isinstance(rng.bit_generator, GENERATORS_OF_64_BITS):
        words = rng.bit_generator.random_raw(n_words)
    else:
        words = rng.integers(2**64, size=n_words, dtype=np.uint64)
    return words.view(np.uint16)[:n]
