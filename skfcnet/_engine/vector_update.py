"""From one update rule to a training step over a network's whole vector."""

from itertools import pairwise
from math import prod

import numpy as np

from skfcnet._engine.arguments import unchecked
from skfcnet._engine.parameters import Zone, layout
from skfcnet._engine.workspace import Workspace

BLOCK_SIZE = 65_536
"""Elements of a block, so few that all that a rule reads and writes stays in the
cache."""

NEGLIGIBLE = 1e-10
"""A weight, with all that its rule has stored for it, is set to zero below this size.
A weight and a gradient that are both smaller change the loss by less than 1e-20."""

VANISHING = 1e-30
"""Any single number is set to zero below this size, where it has no effect."""

FLUSH_EVERY = 64
"""Number of steps from one flush to the next.

Where no gradient arrives, a rule multiplies what it has stored by 0.9 in each step, or
by a factor that the user chose, and with momentum a weight by the root of it at least.
From `VANISHING` to the subnormal numbers of float32, a factor of 1e-8, it takes 175
steps of 0.9, or 64 of 0.75. With a smaller factor, subnormal numbers may last for 64
steps, once. A flush takes as long as two updates.
"""


class VectorUpdate:
    """An update rule, applied in place to a network's vector, block by block.

    A rule is called as any user would call it, but on one block of the vector after the
    other, since a block stays in the cache meanwhile. The L2 penalty and its gradient
    are computed block by block, too, because a separate pass over all weights would
    take longer. Biases and normalisation parameters have no penalty. The penalty of a
    member of an ensemble has the same bits whichever members are beside it.

    If the rule takes matrices, each array of matrices is a block of its own, in its
    shape.

    Parameters
    ----------
    rule : callable
        One of `skfcnet.update_rules.UPDATE_RULES`.

    params, grads : Parameters
        Parameters to update, and their gradients.

    config : dict
        Configuration of the rule, possibly with the arrays of an earlier run; copied.

    l2 : float, default=0.0
        Coefficient of the penalty ``0.5 * l2 * ||weights||^2``.

    member_shape : tuple of int, default=()
        What the shapes of all arrays begin with: (k,) for k members.
    """

    def __init__(self, rule, params, grads, config, *, l2=0.0, member_shape=()):
        self._rule = rule
        self._step = unchecked(rule)
        self._l2 = l2
        self._config = dict(config)
        w, dw = params.trainable, grads.trainable
        self._running_statistics = params.vector[len(w) :]
        rule.complete(w, self._config)
        scratch = self._config.pop("scratch")
        self._config.pop("workspace", None)
        n_weights = len(params.decayed)
        # The penalty may end inside a block, but weight_decay holds for a whole one.
        decays = "weight_decay" in rule.defaults
        pieces = _pieces(params.specs, n_weights, member_shape)
        self._n_members = prod(member_shape)
        self._blocks = []
        borders = {*self._borders([end for _, end, _ in pieces], len(w))}
        if decays:
            borders.add(n_weights)
        matrices = _matrices(params.specs) if rule.takes_matrices else {}
        for start, (stop, _) in matrices.items():
            borders = {b for b in borders if not start < b < stop} | {start, stop}
        for start, stop in pairwise(sorted(borders)):
            _, shape = matrices.get(start, (stop, (stop - start,)))
            config = {
                slot: self._config[slot][start:stop].reshape(shape)
                for slot in rule.slots
            }
            config["scratch"] = scratch[: stop - start].reshape(shape)
            if start in matrices:
                config["workspace"] = Workspace()
            if decays and start >= n_weights:
                config["weight_decay"] = 0.0
            end = max(start, min(stop, n_weights))
            parts = [
                (member, w[max(start, first) : min(stop, last)])
                for first, last, member in pieces
                if first < stop and last > start
            ]
            penalised = w[start:end], dw[start:end], scratch[: end - start], parts
            arrays = w[start:stop].reshape(shape), dw[start:stop].reshape(shape)
            self._blocks.append((*arrays, self._config | config, penalised))

    def __call__(self):
        """Take one step, and return the L2 penalty of every member before it."""
        squares = [0.0] * self._n_members
        for w, dw, config, (weights, dweights, scratch, parts) in self._blocks:
            if self._l2 and len(weights):
                for member, part in parts:
                    squares[member] += float(part @ part)
                dweights += np.multiply(weights, self._l2, out=scratch)
            self._step(w, dw, config, out=w)
        return [0.5 * self._l2 * square for square in squares]

    def _borders(self, ends, size):
        """Yield the borders of the blocks, from the ends of the pieces and the size."""
        return _borders([*ends[:-1], size])

    def flush(self):
        """Set numbers to zero that have decayed until they have no effect.

        The weights of constant features and of dead units get no gradient. They decay,
        as does what the rule has stored for them, and as do the running statistics of
        dead units. Without a flush they become subnormal numbers, with which many
        processors compute a hundred times slower: an epoch of 7,800 steps took twenty
        times as long. Call it after every `FLUSH_EVERY` steps.
        """
        for w, _, config, _ in self._blocks:
            arrays = [w, *(config[slot] for slot in self._rule.slots)]
            matters = False
            # Multiplying by a mask takes the same time however many elements it keeps.
            for array in arrays:
                size = np.abs(array, out=config["scratch"])
                matters |= size >= NEGLIGIBLE
                array *= size >= VANISHING
            for array in arrays:
                array *= matters
        self._running_statistics *= np.abs(self._running_statistics) >= VANISHING

    @property
    def learning_rate(self):
        return self._blocks[0][2]["learning_rate"]

    @learning_rate.setter
    def learning_rate(self, rate):
        for _, _, config, _ in self._blocks:
            config["learning_rate"] = float(rate)

    @property
    def config(self):
        """The rule's configuration after the last step, to continue training with."""
        first_config = self._blocks[0][2]
        numbers = {name: first_config[name] for name in self._rule.defaults}
        return self._config | numbers


def _matrices(specs):
    """Return the end and the shape of every matrix, by where it starts."""
    return {
        start: (end, spec.shape) for spec, start, end in layout(specs) if spec.is_matrix
    }


def _pieces(specs, n_weights, member_shape):
    """Return start, end and member of each part of the weights that one member has."""
    if not member_shape:
        return [(0, n_weights, 0)]
    (n_members,) = member_shape
    return [
        (start, end, member)
        for spec, first, last in layout(specs)
        if spec.zone == Zone.WEIGHT
        for member, (start, end) in enumerate(
            pairwise(range(first, last + 1, (last - first) // n_members))
        )
    ]


def _borders(ends):
    """Yield the borders of blocks that cut no piece which fits into a block.

    The pieces lie one after the other, up to the given ends. A longer one begins with a
    block, so that where it is cut does not depend on the pieces before it.
    """
    start = 0
    yield start
    for first, end in pairwise([0, *ends]):
        if end - start > BLOCK_SIZE:
            start = first
            yield start
        while end - start > BLOCK_SIZE:
            start += BLOCK_SIZE
            yield start
    yield ends[-1]
