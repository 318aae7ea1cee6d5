"""Forward and backward passes through blocks, which stand beside each other."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class BlockCall(NamedTuple):
    """The functions of a block, and where its columns are.

    Parameters
    ----------
    name : str
        The name of the stage of the block.

    forward, backward : callable
        The functions of its layer, without their checks.

    arguments : list
        The arguments of ``forward`` after the columns: its arrays and its options.

    grads : list of ndarray
        Where ``backward`` writes the gradients of the trained arrays to.

    columns, place : slice
        Which columns of the rows the block takes, and where its output stands.

    takes_missing : bool
        Whether ``forward`` gets NaN for missing values, and not 0.
    """

    name: str
    forward: Callable
    backward: Callable
    arguments: list
    grads: list
    columns: slice
    place: slice
    takes_missing: bool


def block_calls(stage, arguments_of, grads, lookup):
    """Return the calls of all blocks of a stage.

    Parameters
    ----------
    stage : Stage
        The stage of the blocks.

    arguments_of : callable
        Returns the arguments of the forward function of the stage of a block.

    grads : Parameters or None
        Receives the gradients.

    lookup : callable
        Returns the function that does the work of a function of a layer.

    Returns
    -------
    calls : list of BlockCall
        The calls.
    """
    calls, start = [], 0
    for block in stage.blocks:
        stop = start + block.fan_out
        calls.append(
            BlockCall(
                block.name,
                lookup(block.layer.forward),
                lookup(block.layer.backward),
                arguments_of(block),
                [] if grads is None else [grads[name] for name in block.trained],
                block.columns,
                slice(start, stop),
                block.layer.takes_missing,
            )
        )
        start = stop
    return calls


class BlockPasses:
    """Run the blocks of a stage, as if they were one layer.

    Parameters
    ----------
    calls : list of BlockCall
        The calls of the blocks.
    """

    def __init__(self, calls):
        self._calls = calls
        self._has_missing = any(call.takes_missing for call in calls)

    def forward(self, x, *, out, workspace, filled=None):
        """Write what the blocks make of the rows, side by side.

        Parameters
        ----------
        x : ndarray of shape (..., N, D)
            Rows. If a block takes missing values, NaN is one.

        out : ndarray of shape (..., N, F)
            Receives the output of all blocks.

        workspace : Workspace
            Lends the scratch arrays.

        filled : ndarray of the shape of ``x``, default=None
            What `filled` returns for these rows, if it is known.

        Returns
        -------
        out : ndarray of shape (..., N, F)
            The output.

        cache : tuple
            For `backward`.
        """
        filled = self.filled(x, workspace) if filled is None else filled
        caches = []
        for call in self._calls:
            given = x if call.takes_missing else filled
            _, cache = call.forward(
                given[..., call.columns],
                *call.arguments,
                out=out[..., call.place],
                workspace=workspace.scope(call.name),
            )
            caches.append(cache)
        return out, (x, caches)

    def filled(self, x, workspace):
        """Return rows with 0 for missing values, if a block takes these."""
        if not self._has_missing:
            return x
        filled = workspace("filled", x.shape, x.dtype)
        np.copyto(filled, x)
        filled[np.isnan(x)] = 0
        return filled

    def backward(self, dout, cache, *, out=(None,), workspace, need_dx=True):
        """Write the gradients of all trained arrays, and return that of the rows.

        Parameters
        ----------
        dout : ndarray of shape (..., N, F)
            Gradient with respect to the output.

        cache : tuple
            From `forward`.

        out : tuple of ndarray
            Receives the gradient with respect to the rows, which is 0 at missing
            values.

        workspace : Workspace
            Lends the scratch arrays.

        need_dx : bool, default=True
            Whether to compute the gradient with respect to the rows.

        Returns
        -------
        dx : ndarray of shape (..., N, D), or None without ``need_dx``
            The gradient.
        """
        x, caches = cache
        dx = out[0]
        if need_dx:
            dx[...] = 0
        for call, block_cache in zip(self._calls, caches, strict=True):
            if not (need_dx or call.grads):
                continue
            gradients = call.backward(
                dout[..., call.place],
                block_cache,
                out=(None, *call.grads),
                workspace=workspace.scope(call.name),
                need_dx=need_dx,
            )
            if need_dx:
                dx[..., call.columns] += gradients[0] if call.grads else gradients
        if need_dx and self._has_missing:
            dx *= ~np.isnan(x)
        return dx if need_dx else None
