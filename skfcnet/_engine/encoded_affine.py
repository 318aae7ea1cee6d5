"""The first affine map of a network together with the blocks before it.

Of the features that the blocks "ple" and "onehot" make of a column, at most one is
neither 0 nor 1 in a row. Compiled loops find it and add two rows of weights, or one,
where a matrix product takes a row of weights for every feature.
"""

import numpy as np

from skfcnet._engine import kernels
from skfcnet._engine.arguments import unchecked
from skfcnet._engine.block_passes import BlockPasses
from skfcnet._engine.members import by_member
from skfcnet._engine.plan import AFFINE_KINDS
from skfcnet.layers import affine_backward, affine_forward
from skfcnet.layers._affine import gradient_of_scales, row_scales

MIN_FEATURES = 8
"""The least number of features for each column of a block, on average. With fewer, a
matrix product takes less time."""

ENCODED_AFFINE = "encoded_affine"
"""The kind of the joined stage."""


def join_encoding(stages):
    """Return the stages of a network with the first affine map joined to its blocks.

    Parameters
    ----------
    stages : tuple of Stage
        The stages of the network.

    Returns
    -------
    stages : tuple of Stage
        The stages, of which the first is joined from two. They are returned as they
        are if it would not save time: if no block has many features for each column,
        or something is between the blocks and the affine map.
    """
    blocks, *rest = stages
    if not blocks.blocks or rest[0].kind not in AFFINE_KINDS:
        return stages
    if not any(map(_is_located, blocks.blocks)):
        return stages
    joined = rest[0]._replace(
        kind=ENCODED_AFFINE, fan_in=blocks.fan_in, blocks=blocks.blocks, is_first=True
    )
    return joined, *rest[1:]


class EncodedAffinePasses:
    """Run the blocks of a network and its first affine map together.

    Parameters
    ----------
    stage : Stage
        The joined stage, from `join_encoding`.

    params : Parameters
        The parameters of the network.

    grads : Parameters or None
        Receives their gradients. None if there are only forward passes.

    block_calls : callable
        Returns the calls of the blocks of a stage.
    """

    def __init__(self, stage, params, grads, block_calls):
        names = stage.trained
        self._w, self._b, *self._scales = (params[name] for name in names)
        self._grads = [] if grads is None else [grads[name] for name in names]
        dtype, first, located, others, features = self._w.dtype, 0, [], [], []
        for block in stage.blocks:
            stop = first + block.fan_out
            if _is_located(block):
                located.append(_LocatedBlock(block, first, dtype))
            else:
                others.append(block)
                features.append(np.arange(first, stop))
            first = stop
        # The columns whose features are summed come first.
        self._located = sorted(located, key=lambda block: not block.has_steps)
        self._starts, self._ends = (
            np.concatenate([getattr(block, name) for block in self._located])
            for name in ("starts", "ends")
        )
        self._n_steps = sum(len(b.ends) for b in located if b.has_steps)
        self._features = np.concatenate([*features, []]).astype(int)
        self._others = BlockPasses(block_calls(stage._replace(blocks=tuple(others))))
        self._trains_blocks = any(block.trained for block in others)

    def forward(self, x, *, out, workspace):
        """Write the affine map of the encoded rows.

        Parameters
        ----------
        x : ndarray of shape (N, D) or (1, N, D)
            Rows, which members share. If a block takes missing values, NaN is one.

        out : ndarray of shape (..., N, M)
            Receives the result.

        workspace : Workspace
            Lends the scratch arrays.

        Returns
        -------
        out : ndarray of shape (..., N, M)
            The result.

        cache : tuple
            For `backward`.
        """
        w, dtype = self._w, self._w.dtype
        scales = np.ones((*w.shape[:-1], 1), dtype)
        if self._scales:
            scales = row_scales(w, *self._scales)
        weights = w[..., self._features, :] * scales[..., self._features, :]
        lead = w.shape[:-2] if self._trains_blocks else x.shape[:-2]
        shape = *lead, x.shape[-2], len(self._features)
        filled = self._others.filled(x, workspace)
        features = workspace("features", shape, dtype)
        _, cache = self._others.forward(
            x, out=features, workspace=workspace, filled=filled
        )
        unchecked(affine_forward)(features, weights, self._b, out=out)
        located = self._locate(filled, workspace)
        arrays = by_member(w), by_member(scales)[..., 0]
        sums = workspace("sums", arrays[0].shape, dtype)
        n_steps = self._n_steps
        kernels.sum_steps(*arrays, self._starts[:n_steps], self._ends[:n_steps], sums)
        kernels.located_forward(*located, n_steps, *arrays, sums, by_member(out))
        return out, (features, weights, cache, located, scales)

    def _locate(self, x, workspace):
        """Return which feature of each column is neither 0 nor 1, and what it is."""
        rows = x.reshape(x.shape[-2:])
        shape = len(rows), len(self._ends)
        feature = workspace("feature", shape, np.intp)
        value = workspace("value", shape, rows.dtype)
        start = 0
        for block in self._located:
            place = slice(start, start := start + len(block.ends))
            block.locate(rows, feature[:, place], value[:, place])
        return feature, value

    def backward(self, dout, cache, *, out=(None,), workspace, need_dx=False):
        """Write the gradients of all trained arrays.

        The parameters are those of `BlockPasses.backward`. Nobody needs the gradient
        with respect to the rows, which is not computed.
        """
        features, weights, others_cache, located, scales = cache
        dw, db, *dscales = self._grads
        columns = *located, self._n_steps, self._starts, self._ends
        dw_by_member = by_member(dw)
        sums = workspace("sums", dw_by_member.shape, dw.dtype)
        kernels.located_backward(by_member(dout), *columns, sums, dw_by_member)
        dfeatures, dweights, _ = unchecked(affine_backward)(
            dout,
            (features, weights),
            out=(None, None, db),
            workspace=workspace,
            need_dx=self._trains_blocks,
        )
        dw[..., self._features, :] = dweights
        if self._scales:
            (s,) = self._scales
            gradient_of_scales(dw, self._w, scales, s.shape, *dscales)
        if self._trains_blocks:
            self._others.backward(
                dfeatures, others_cache, workspace=workspace, need_dx=False
            )


class _LocatedBlock:
    """A block of whose features at most one for each column is neither 0 nor 1.

    Parameters
    ----------
    stage : Stage
        The stage of the block.

    first : int
        The index of its first feature among those of all blocks.

    dtype : dtype
        The dtype of the rows.

    Attributes
    ----------
    has_steps : bool
        Whether the features of a column before this one are 1, and not 0.

    starts, ends : ndarray of int, shape (n_columns,)
        Between which indices the features of each column are.
    """

    def __init__(self, stage, first, dtype):
        self._loop, names, self.has_steps = _LOCATED[stage.kind]
        settings = stage.settings
        used, starts, counts = np.unique(
            settings["column"], return_index=True, return_counts=True
        )
        self._columns = stage.columns.start + used
        self.starts, self.ends = first + starts, first + starts + counts
        # The loops index these numbers as they do the features of all blocks.
        self._numbers = [
            np.concatenate([np.zeros(first), settings[name]]).astype(dtype)
            for name in names
        ]

    def locate(self, rows, feature, value):
        """Write which feature of each column is neither 0 nor 1, and what it is."""
        columns = rows[:, self._columns]
        self._loop(columns, self.starts, self.ends, *self._numbers, feature, value)


_LOCATED = {
    "ple": (kernels.locate_bins, ("left", "slope"), True),
    "onehot": (kernels.locate_codes, ("plus", "minus"), False),
}
"""Of every kind of block with such features: the loop that finds them, which of the
settings it takes, and whether the features of a column before the one found are 1."""


def _is_located(block):
    """Return whether loops over the features of a block save time, and are possible."""
    if block.kind not in _LOCATED:
        return False
    _, names, has_steps = _LOCATED[block.kind]
    column, *numbers = (np.asarray(block.settings[n]) for n in ("column", *names))
    is_sorted = (np.diff(column) >= 0).all()
    n_columns = max(1, len(np.unique(column)))
    if not is_sorted or len(column) < MIN_FEATURES * n_columns:
        return False
    if has_steps:  # a bin begins where the one before it ends, or later
        left, slope = numbers
        widths, is_same = np.diff(left), np.diff(column) == 0
        return bool((1 / slope[:-1] < (1 + 1e-6) * widths)[is_same].all())
    codes = np.stack([np.tile(column, 2), np.concatenate(numbers)])
    codes = codes[:, ~np.isnan(codes[1])]
    return len(np.unique(codes, axis=1).T) == codes.shape[1]
