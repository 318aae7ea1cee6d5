"""Forward and backward passes through the stages of a network."""

from functools import cached_property, partial

import numpy as np
from scipy.sparse import block_diag, issparse

from skfcnet._engine.arguments import unchecked
from skfcnet._engine.parameters import Parameters
from skfcnet._engine.plan import stages_for
from skfcnet._engine.workspace import Workspace

CHUNK = 2048
"""Rows of one test-time pass, so that memory stays flat in the number of rows."""

EMBEDDED_CHUNK = 256
"""Rows of one where features are embedded, since each then has many cosines."""


class Passes:
    """Forward and backward passes through some stages, over one set of arrays.

    The functions, arrays and scratch arrays that the stages need are looked up once for
    each number of rows, however many minibatches of so many rows follow.

    Parameters
    ----------
    stages : sequence of Stage
        What is passed through, in order, from `stages_for`.

    params : Parameters
        The arrays of the network.

    grads : Parameters, default=None
        Receives the gradients of backward passes. None: there will be none.

    mode : {'train', 'test'}
        The mode of dropout and of batch normalisation.

    rng : numpy.random.Generator, default=None
        Draws dropout masks.

    workspace : Workspace, default=None
        Lends the scratch arrays. None: one of its own.

    **options : dict
        Further options of the layers, such as ``momentum``.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._engine.passes import Passes
    >>> from skfcnet.network import FullyConnectedNet
    >>> net = FullyConnectedNet("regression", [5], input_dim=4, output_dim=2)
    >>> passes = Passes(net.stages, net.params, mode="test")
    >>> scores, caches = passes.forward(np.ones((3, 4), np.float32))
    >>> scores.shape, len(caches) == len(net.stages)
    ((3, 2), True)
    """

    def __init__(
        self, stages, params, grads=None, *, mode, rng=None, workspace=None, **options
    ):
        self.grads = grads
        self.workspace = workspace or Workspace()
        self._stages, self._params = stages, params
        self._options = {"mode": mode, "rng": rng, **options}
        self._calls = {}

    def forward(self, x):
        """Run the stages in order.

        Parameters
        ----------
        x : ndarray of shape (N, D) or CSR matrix
            Rows, in the dtype of the arrays.

        Returns
        -------
        out : ndarray of shape (..., N, M)
            Output of the last stage, in scratch memory.

        caches : list
            One for each stage, for `backward`.
        """
        calls, _ = self._calls_for(x.shape[0])
        x, caches = _shared(x, self._stages[0].member_shape), []
        for function, arguments, out, is_inplace, scratch in calls:
            if is_inplace:
                out = x
            x, cache = function(x, *arguments, out=out, workspace=scratch)
            caches.append(cache)
        return x, caches

    def backward(self, dout, caches):
        """Run the stages in reverse, and write the gradients of all arrays.

        Parameters
        ----------
        dout : ndarray of shape (..., N, M)
            Gradient with respect to the output of the last stage.

        caches : list
            From `forward`.

        Returns
        -------
        dx : ndarray of shape (..., N, D) or None
            Gradient with respect to the rows; None where backpropagation ended at a
            stage that is the first.
        """
        _, calls = self._calls_for(dout.shape[-2])
        # Dropout of the input has a cache, but nothing goes back through it.
        for call, cache in zip(calls, reversed(caches), strict=False):
            function, dx, grads, is_inplace, scratch = call
            if is_inplace:
                dx = dout
            function(dout, cache, out=(dx, *grads), workspace=scratch)
            dout = dx
        return dout

    def _calls_for(self, n_rows):
        """Return what the stages are called with on so many rows, both ways."""
        calls = self._calls.get(n_rows)
        if calls is None:
            if n_rows > max(self._calls, default=0):
                # Larger scratch arrays will replace those that these calls write to.
                self._calls.clear()
            backward = [] if self.grads is None else list(self._backward_calls(n_rows))
            calls = self._calls[n_rows] = list(self._forward_calls(n_rows)), backward
        return calls

    def _forward_calls(self, n_rows):
        dtype = self._params.vector.dtype
        for stage in self._stages:
            layer, scratch = stage.layer, self.workspace.scope(stage.name)
            arguments = [self._params[name] for name in stage.trained]
            if layer.takes_options:
                state = {key: self._params.state[name] for key, name in stage.state}
                arguments.append({"p": stage.rate} | state | self._options)
            out = None  # SciPy allocates the output of sparse rows
            if not (layer.inplace or stage.is_sparse):
                out = scratch(
                    "out", (*stage.member_shape, n_rows, stage.fan_out), dtype
                )
            yield unchecked(layer.forward), arguments, out, layer.inplace, scratch

    def _backward_calls(self, n_rows):
        dtype = self.grads.vector.dtype
        for stage in reversed(self._stages):
            layer, scratch = stage.layer, self.workspace.scope(stage.name)
            function, dx = unchecked(layer.backward), None
            grads = [self.grads[name] for name in stage.trained]
            if stage.is_first:
                if not stage.is_sparse:  # those of sparse rows compute no dx anyway
                    function = partial(function, need_dx=False)
            elif not layer.inplace:
                dx = scratch("dx", (*stage.member_shape, n_rows, stage.fan_in), dtype)
            yield function, dx, grads, layer.inplace, scratch
            if stage.is_first:
                return


class InferencePasses:
    """Test-time passes of a network over rows, which may be many or few.

    There are no checks and no loop here: `FullyConnectedNet` and the estimators loop
    over chunks of rows. What a call returns may be overwritten by the next one.

    Parameters
    ----------
    stages : sequence of Stage
        What is passed through, in order, without dropout.

    params : Parameters
        The arrays of the network.

    objective : Loss
        The loss of the network, which averages the predictions of members.

    dtype : dtype
        What is computed in.

    chunk : int
        How many rows a call may have, so that memory stays flat in their number.
    """

    def __init__(self, stages, params, objective, *, dtype, chunk):
        self.dtype, self.chunk = dtype, chunk
        self.width = stages[-1].fan_out
        self._is_single = not stages[-1].member_shape
        self._stages, self._objective = stages, objective
        self._params = params.converted(dtype)
        self._passes = {}

    def __call__(self, x):
        """Return what every member makes of rows.

        Parameters
        ----------
        x : ndarray of shape (N, D) or CSR matrix
            Rows of any real dtype, at most ``chunk`` of them.

        Returns
        -------
        out : ndarray of shape (n_members, N, width)
            Output of the last stage.
        """
        is_sparse = issparse(x)
        passes = self._passes.get(is_sparse)
        if passes is None:
            stages = stages_for(self._stages, x)
            passes = self._passes[is_sparse] = Passes(stages, self._params, mode="test")
        with np.errstate(under="ignore"):
            out, _ = passes.forward(self._converted(x))
        return out[np.newaxis] if self._is_single else out

    def gradients(self, x):
        """Return the scores of rows, and the gradient of each with respect to its row.

        Parameters
        ----------
        x : ndarray of shape (N, D)
            Rows of any real dtype, at most ``chunk`` of them.

        Returns
        -------
        scores : ndarray of shape (N, width)
            Scores of the mean of what the members predict.

        gradients : ndarray of shape (N, width, D)
            Gradients of these scores.
        """
        with np.errstate(under="ignore"):
            passes = self._back_to_the_rows
            out, caches = passes.forward(self._converted(x))
            gradients = np.empty((len(x), self.width, x.shape[1]), self.dtype)
            for k in range(self.width):
                dout = np.zeros(out.shape[-2:], self.dtype)
                dout[:, k] = 1
                if not self._is_single:
                    dout = self._objective.link.average_backward(dout, out)
                dx = passes.backward(dout, caches)
                members = dx[np.newaxis] if self._is_single else dx
                np.sum(members, axis=0, out=gradients[:, k])
            scores = out[np.newaxis] if self._is_single else out
            return self._objective.average(scores), gradients

    @cached_property
    def _back_to_the_rows(self):
        """Passes that compute the gradient with respect to the rows, too."""
        stages = [stage._replace(is_first=False) for stage in self._stages]
        # Backward passes write the gradients of the parameters in any case.
        grads = Parameters(self._params.specs, dtype=self.dtype)
        return Passes(stages, self._params, grads, mode="test")

    def _converted(self, x):
        layout = {} if issparse(x) else {"order": "C"}
        return x.astype(self.dtype, copy=False, **layout)


def _shared(x, member_shape):
    """Return rows such that the layers hand the same ones to every member."""
    if not member_shape:
        return x
    if issparse(x):
        return block_diag([x] * member_shape[0], format="csr")
    return x[np.newaxis]
