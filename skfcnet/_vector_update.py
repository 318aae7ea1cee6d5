"""From one update rule to a training step over a network's whole vector."""

import numpy as np

BLOCK = 131_072
"""Elements a block: what a rule reads and writes of one stays in the cache."""


class VectorUpdate:
    """An update rule, applied in place to a network's vector, block by block.

    The rules are called exactly as a reader would call them, once for each block of
    the vector, and walk it while the block is in the cache. The L2 penalty's gradient
    is added on the way, so that it costs no pass of its own. Blocks end where the
    weights end: biases and normalisation parameters are never decayed.

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
        self._config = dict(config)
        w, dw = params.trainable, grads.trainable
        rule.complete(w, self._config)
        self._scratch = self._config.pop("scratch")[:BLOCK]
        undecayed = {"weight_decay": 0.0} if "weight_decay" in rule.defaults else {}
        end_of_weights = len(params.decayed)
        self._blocks = [
            (w[block], dw[block], self._config_of(block) | changes, block_l2)
            for start, stop, changes, block_l2 in (
                (0, end_of_weights, {}, l2),
                (end_of_weights, len(w), undecayed, 0.0),
            )
            for block in _slices(start, stop)
        ]

    def _config_of(self, block):
        state = {slot: self._config[slot][block] for slot in self._rule.slots}
        scratch = self._scratch[: block.stop - block.start]
        return self._config | state | {"scratch": scratch}

    def __call__(self):
        """Take one step."""
        for w, dw, config, l2 in self._blocks:
            if l2:
                dw += np.multiply(w, l2, out=config["scratch"])
            self._rule(w, dw, config, out=w)

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


def _slices(start, stop):
    for first in range(start, stop, BLOCK):
        yield slice(first, min(first + BLOCK, stop))
