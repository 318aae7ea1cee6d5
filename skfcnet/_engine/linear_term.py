"""The linear term of a network: a linear map of the rows that is added to the scores.

Its weights are fitted before training and stay as they are, so that the network learns
what a linear model leaves.
"""

import numpy as np


class LinearTermPasses:
    """Add the linear term to scores, and return its part of the gradient of the rows.

    Parameters
    ----------
    stage : Stage
        The stage of the linear term. If it ``is_first``, nobody needs the gradient.

    blocks : BlockPasses
        The passes through the blocks that make the inputs of the term. All members
        share these.

    params : Parameters
        The parameters of the network, with the weights among their state.

    workspace : Workspace
        Lends the scratch arrays.
    """

    def __init__(self, stage, blocks, params, workspace):
        self._blocks, self._workspace = blocks, workspace
        self._weights = params.state["V"]
        self._n_inputs = self._weights.shape[-2]
        self._needs_gradient = not stage.is_first

    def inputs(self, rows):
        """Return the inputs of the term, in scratch memory, and the blocks' cache.

        Parameters
        ----------
        rows : ndarray of shape (N, D) or (1, N, D)
            Rows, in the dtype of the parameters.

        Returns
        -------
        inputs : ndarray of shape (N, F) or (1, N, F)
            What the blocks make of the rows.

        cache : tuple
            The cache of the blocks.
        """
        shape = (*rows.shape[:-1], self._n_inputs)
        out = self._workspace("inputs", shape, rows.dtype)
        return self._blocks.forward(rows, out=out, workspace=self._workspace)

    def add_to(self, scores, rows):
        """Add the term to the scores of rows, in place, and return its cache.

        Parameters
        ----------
        scores : ndarray of shape (..., N, S)
            The scores of the layers, which are changed.

        rows : ndarray of shape (N, D) or (1, N, D)
            The rows, which members share.

        Returns
        -------
        cache : tuple
            For `backward`.
        """
        inputs, cache = self.inputs(rows)
        term = self._workspace("term", scores.shape, scores.dtype)
        scores += np.matmul(inputs, self._weights, out=term)
        return cache

    def backward(self, dscores, cache):
        """Return the gradient of the term with respect to the rows.

        Parameters
        ----------
        dscores : ndarray of shape (..., N, S)
            The gradient with respect to the scores.

        cache : tuple
            From `add_to`.

        Returns
        -------
        dx : ndarray of shape (..., N, D) or None
            The gradient, in scratch memory; None if nobody needs it.
        """
        if not self._needs_gradient:
            return None
        rows, _ = cache
        dinputs = np.matmul(dscores, self._weights.mT)
        shape = (*dscores.shape[:-1], rows.shape[-1])
        dx = self._workspace("dx", shape, dscores.dtype)
        return self._blocks.backward(
            dinputs, cache, out=(dx,), workspace=self._workspace
        )
