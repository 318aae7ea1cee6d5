"""Forward and backward passes through the stages of a network."""

from functools import cached_property, partial

import numpy as np
from scipy.sparse import block_diag, issparse

from skfcnet._engine.arguments import unchecked
from skfcnet._engine.block_passes import BlockPasses, block_calls
from skfcnet._engine.encoded_affine import (
    ENCODED_AFFINE,
    EncodedAffinePasses,
    join_encoding,
)
from skfcnet._engine.linear_term import LinearTermPasses
from skfcnet._engine.parameters import Parameters
from skfcnet._engine.plan import linear_term, stages_for
from skfcnet._engine.workspace import Workspace

CHUNK = 2048
"""Number of rows of a test-time pass, so that more rows do not need more memory."""

CHUNK_SIZE = 2**19
"""The most numbers that a stage holds in a test-time pass.

A pass through a wide stage takes fewer rows.
"""


class Passes:
    """Run the stages of a network forward and backward, on the same arrays each time.

    The functions, arrays and scratch arrays that the stages need are looked up once for
    each number of rows, and used again for all minibatches with as many rows.

    Parameters
    ----------
    stages : sequence of Stage
        The stages in order, from `stages_for`.

    params : Parameters
        The parameters of the network.

    grads : Parameters, default=None
        Receives the gradients. None if there are only forward passes.

    mode : {'train', 'test'}
        Mode of dropout and of batch normalisation.

    rng : numpy.random.Generator, default=None
        Draws the dropout masks.

    workspace : Workspace, default=None
        Lends the scratch arrays. None for a new one.

    lookup : callable, default=unchecked
        Returns, for each function of a layer, the one that does its work: the function
        without its checks, or its twin from `skfcnet._engine.twins`.

    joins_encoding : bool, default=False
        Whether the first affine map runs together with the blocks before it, by
        compiled loops, where that saves time.

    **options : dict
        Further options of the layers, such as the ``momentum`` of batch normalisation.

    Attributes
    ----------
    grads : Parameters or None
        The gradients, which `backward` writes.

    lookup : callable
        As given.

    workspace : Workspace
        The workspace that lends the scratch arrays.

    linear_term : LinearTermPasses or None
        The passes through the linear term, if the network has one.

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
        self,
        stages,
        params,
        grads=None,
        *,
        mode,
        rng=None,
        workspace=None,
        lookup=unchecked,
        joins_encoding=False,
        **options,
    ):
        self.grads = grads
        self.lookup = lookup
        self.workspace = workspace or Workspace()
        if joins_encoding:
            stages = join_encoding(stages)
        self._stages, self._params = stages, params
        self._member_shape = stages[-1].member_shape if stages else ()
        self._options = {"mode": mode, "rng": rng, **options}
        self._dropout = {
            stage.name: stage.settings | self._options
            for stage in stages
            if stage.kind == "dropout"
        }
        self._calls = {}
        self.linear_term = None
        if (term := linear_term(stages)) is not None:
            self._stages = stages[:-1]
            blocks = BlockPasses(self._block_calls(term, None))
            scratch = self.workspace.scope(term.name)
            self.linear_term = LinearTermPasses(term, blocks, params, scratch)
        self._block_passes = {
            stage.name: self._passes_through(stage)
            for stage in self._stages
            if stage.blocks
        }

    def _passes_through(self, stage):
        calls = partial(self._block_calls, grads=self.grads)
        if stage.kind == ENCODED_AFFINE:
            return EncodedAffinePasses(stage, self._params, self.grads, calls)
        return BlockPasses(calls(stage))

    def _block_calls(self, stage, grads):
        return block_calls(stage, self._arguments, grads, self.lookup)

    def scale_dropout(self, factor):
        """Multiply the probabilities of dropping a unit by a factor from now on."""
        for stage in self._stages:
            if stage.name in self._dropout:
                self._dropout[stage.name]["p"] = factor * stage.settings["p"]

    def forward(self, x):
        """Run the stages in order.

        Parameters
        ----------
        x : ndarray of shape (N, D) or CSR matrix
            Rows, in the dtype of the parameters.

        Returns
        -------
        out : ndarray of shape (..., N, M)
            Output of the last stage, in scratch memory.

        caches : list
            The caches of all stages, for `backward`.
        """
        calls, _ = self._calls_for(x.shape[0])
        rows = x = _shared(x, self._member_shape)
        caches = []
        for function, arguments, out, is_inplace, scratch in calls:
            if is_inplace:
                out = x
            x, cache = function(x, *arguments, out=out, workspace=scratch)
            caches.append(cache)
        if self.linear_term is not None:
            caches.append(self.linear_term.add_to(x, rows))
        return x, caches

    def backward(self, dout, caches):
        """Run the stages in reverse, and write the gradients of all parameters.

        Parameters
        ----------
        dout : ndarray of shape (..., N, M)
            Gradient with respect to the output of the last stage.

        caches : list
            From `forward`.

        Returns
        -------
        dx : ndarray of shape (..., N, D) or None
            Gradient with respect to the rows; None if one of the stages is the first
            of the network.
        """
        _, calls = self._calls_for(dout.shape[-2])
        caches, through_term = reversed(caches), None
        if self.linear_term is not None:
            through_term = self.linear_term.backward(dout, next(caches))
        # Dropout of the input has a cache, but nothing goes back through it.
        for call, cache in zip(calls, caches, strict=False):
            function, dx, grads, is_inplace, scratch = call
            if is_inplace:
                dx = dout
            function(dout, cache, out=(dx, *grads), workspace=scratch)
            dout = dx
        if through_term is not None:
            dout += through_term
        return dout

    def _calls_for(self, n_rows):
        """Return functions and arguments of all stages, forward and in reverse."""
        calls = self._calls.get(n_rows)
        if calls is None:
            if n_rows > max(self._calls, default=0):
                # The buffers for fewer rows are replaced: do not keep them in memory.
                self._calls.clear()
            backward = [] if self.grads is None else list(self._backward_calls(n_rows))
            calls = self._calls[n_rows] = list(self._forward_calls(n_rows)), backward
        return calls

    def _forward_calls(self, n_rows):
        dtype = self._params.vector.dtype
        for stage in self._stages:
            scratch, out = self.workspace.scope(stage.name), None
            # SciPy allocates the output of sparse rows.
            if not (stage.is_inplace or stage.is_sparse):
                out = scratch(
                    "out", (*stage.member_shape, n_rows, stage.fan_out), dtype
                )
            if stage.blocks:
                function, arguments = self._block_passes[stage.name].forward, []
            else:
                function = self.lookup(stage.layer.forward)
                arguments = self._arguments(stage)
            yield function, arguments, out, stage.is_inplace, scratch

    def _arguments(self, stage):
        """Return the arguments of the forward function of a stage, after the rows."""
        params = self._params
        arguments = [params[name] for name in stage.trained]
        if stage.name in self._dropout:
            arguments.append(self._dropout[stage.name])
        elif stage.layer.takes_options:
            state = {key: params.state[name] for key, name in stage.state}
            settings = _converted(stage.settings, params.vector.dtype)
            arguments.append(settings | state | self._options)
        return arguments

    def _backward_calls(self, n_rows):
        dtype = self.grads.vector.dtype
        for stage in reversed(self._stages):
            scratch, dx = self.workspace.scope(stage.name), None
            if stage.blocks:
                function, grads = self._block_passes[stage.name].backward, []
            else:
                function = self.lookup(stage.layer.backward)
                grads = [self.grads[name] for name in stage.trained]
            if stage.is_first:
                if not stage.is_sparse:  # for sparse rows, there never is a dx
                    function = partial(function, need_dx=False)
            elif not stage.is_inplace:
                dx = scratch("dx", (*self._member_shape, n_rows, stage.fan_in), dtype)
            yield function, dx, grads, stage.is_inplace, scratch
            if stage.is_first:
                return


class InferencePasses:
    """Run test-time passes over dense or sparse rows, one chunk of rows at a time.

    Rows are not checked here. `FullyConnectedNet` and the estimators do that, and loop
    over the chunks. The result of a call is valid until the next call.

    Parameters
    ----------
    stages : sequence of Stage
        The stages in order, without dropout.

    params : Parameters
        The parameters of the network.

    objective : Loss
        The loss of the network, which averages the predictions of members.

    dtype : dtype
        Dtype of the computation and of the results.

    chunk : int
        Maximum number of rows of a call.

    Attributes
    ----------
    objective, dtype, chunk
        As given.

    width : int
        Width of the last stage.
    """

    def __init__(self, stages, params, objective, *, dtype, chunk):
        self.dtype, self.chunk = dtype, chunk
        self.width = stages[-1].fan_out
        self._has_members = bool(stages[-1].member_shape)
        self._stages, self.objective = stages, objective
        self._params = params.converted(dtype)
        self._passes = {}

    def __call__(self, x):
        """Return the output of the last stage for every member.

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
        return self._by_member(out)

    def chunks_of(self, x):
        """Yield slices of rows, each of at most ``chunk`` of them.

        Parameters
        ----------
        x : ndarray, CSR matrix or RowSelection of shape (N, D)
            All rows.

        Yields
        ------
        rows : slice
            The rows of the next call.
        """
        for start in range(0, x.shape[0], self.chunk):
            yield slice(start, start + self.chunk)

    def gradients(self, x):
        """Return the scores of rows, and the gradient of each with respect to its row.

        Parameters
        ----------
        x : ndarray of shape (N, D)
            Rows of any real dtype, at most ``chunk`` of them.

        Returns
        -------
        scores : ndarray of shape (N, width)
            Scores of the mean prediction of the members.

        gradients : ndarray of shape (N, width, D)
            Gradients of these scores, each with respect to its own row.
        """
        with np.errstate(under="ignore"):
            passes = self._back_to_the_rows
            scores, caches = passes.forward(self._converted(x))
            gradients = np.empty((len(x), self.width, x.shape[1]), self.dtype)
            for k in range(self.width):
                dscores = np.zeros(scores.shape[-2:], self.dtype)
                dscores[:, k] = 1
                if self._has_members:
                    dscores = self.objective.link.average_backward(dscores, scores)
                dx = passes.backward(dscores, caches)
                np.sum(self._by_member(dx), axis=0, out=gradients[:, k])
            return self.objective.average(self._by_member(scores)), gradients

    @cached_property
    def _back_to_the_rows(self):
        """Passes that compute the gradient with respect to the rows, too."""
        stages = [stage._replace(is_first=False) for stage in self._stages]
        # Backward passes write the gradients of the parameters in any case.
        grads = Parameters(self._params.specs, dtype=self.dtype)
        return Passes(stages, self._params, grads, mode="test")

    def _by_member(self, a):
        """Return an array with an axis for members, also for a single network."""
        return a if self._has_members else a[np.newaxis]

    def _converted(self, x):
        layout = {} if issparse(x) else {"order": "C"}
        return x.astype(self.dtype, copy=False, **layout)


def _shared(x, member_shape):
    """Return rows in the form in which layers share them among members."""
    if not member_shape:
        return x
    if issparse(x):
        return block_diag([x] * member_shape[0], format="csr")
    return x[np.newaxis]


def _converted(settings, dtype):
    """Return the settings of a stage with its arrays of floats in a dtype."""
    return {
        name: value.astype(dtype)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f"
        else value
        for name, value in settings.items()
    }


def chunk_for(stages):
    """Return the number of rows of a test-time pass through some stages."""
    widest = max(stage.n_numbers for stage in stages)
    return max(1, min(CHUNK, CHUNK_SIZE // widest))
