"""From one update rule to a training step over a network's whole vector."""

from itertools import pairwise

import numpy as np

from skfcnet._engine.arguments import unchecked

BLOCK = 65_536
"""Elements a block: what a rule reads and writes of one stays in the cache."""

IDLE = 1e-10
"""Below it, a weight whose gradients are, too, changes the loss by less than 1e-20."""

VANISHING = 1e-30
"""Below it, a number has no effect: neither a weight, nor what a rule remembers."""

FLUSH_EVERY = 64
"""Steps from one flush to the next.

Where no gradient arrives, what a rule remembers is multiplied by 0.9 in a step, or by
what the user chose, and with momentum a weight by no less than the root of that. From
`VANISHING` to the subnormal numbers of float32, a factor of 1e-8, it takes 175 steps of
0.9 and 64 of 0.75; below that, such numbers may live for 64 steps, once. A flush takes
as long as two updates.
"""


class VectorUpdate:
    """An update rule, applied in place to a network's vector, block by block.

    The rules are called exactly as a reader would call them, once for each block of
    the vector, and walk it while the block is in the cache. The L2 penalty and its
    gradient are computed on the way, so that they cost no pass of their own. Biases
    and normalisation parameters are never decayed.

    Parameters
    ----------
    rule : callable
        One of `skfcnet.update_rules.UPDATE_RULES`.

    params, grads : Parameters
        What is updated, and with what.

    config : dict
        The rule's configuration, possibly with the arrays of an earlier run; copied.

    l2 : float, default=0.0
        Coefficient of the penalty ``0.5 * l2 * ||weights||^2``.
    """

    def __init__(self, rule, params, grads, config, *, l2=0.0):
        self._rule = rule
        self._step = unchecked(rule)
        self._l2 = l2
        self._config = dict(config)
        w, dw = params.trainable, grads.trainable
        self._state = params.vector[len(w) :]
        rule.complete(w, self._config)
        scratch = self._config.pop("scratch")
        n_weights = len(params.decayed)
        # The penalty may end within a block; decay that a rule does itself may not.
        decays = "weight_decay" in rule.defaults
        self._blocks = []
        for start, stop in _blocks(len(w), [n_weights] if decays else []):
            own = {slot: self._config[slot][start:stop] for slot in rule.slots}
            own["scratch"] = scratch[: stop - start]
            if decays and start >= n_weights:
                own["weight_decay"] = 0.0
            end = max(start, min(stop, n_weights))
            penalised = w[start:end], dw[start:end], scratch[: end - start]
            block = w[start:stop], dw[start:stop], self._config | own, penalised
            self._blocks.append(block)

    def __call__(self):
        """Take one step; return the L2 penalty of the weights before it."""
        squares = 0.0
        for w, dw, config, (weights, dweights, scratch) in self._blocks:
            if self._l2 and len(weights):
                squares += float(weights @ weights)
                dweights += np.multiply(weights, self._l2, out=scratch)
            self._step(w, dw, config, out=w)
        return 0.5 * self._l2 * squares

    def flush(self):
        """Set to zero what has decayed to nothing.

        Weights that no gradient reaches, those of constant features and dead units,
        fade away, and so does what the rule remembers of them, and the statistics of
        dead units. Left alone, they end in subnormal numbers, on which many processors
        take a hundred times longer: an epoch of 7,800 steps took twenty times as long.
        To be called after every `FLUSH_EVERY` steps.
        """
        for w, _, config, _ in self._blocks:
            arrays = [w, *(config[slot] for slot in self._rule.slots)]
            moves = False
            # Multiplying by a mask takes the same time however many it picks.
            for array in arrays:
                size = np.abs(array, out=config["scratch"])
                moves |= size >= IDLE
                array *= size >= VANISHING
            for array in arrays:
                array *= moves
        self._state *= np.abs(self._state) >= VANISHING

    @property
    def learning_rate(self):
        return self._blocks[0][2]["learning_rate"]

    @learning_rate.setter
    def learning_rate(self, rate):
        for _, _, config, _ in self._blocks:
            config["learning_rate"] = float(rate)

    @property
    def config(self):
        """The rule's configuration now: hand it on, and training continues."""
        of_first_block = self._blocks[0][2]
        numbers = {name: of_first_block[name] for name in self._rule.defaults}
        return self._config | numbers


def _blocks(n, borders):
    """Return the ends of the blocks of a vector of n elements, none across a border."""
    ends = sorted({*range(0, n, BLOCK), *borders, n})
    return pairwise(ends)
