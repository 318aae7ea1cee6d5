"""A training step over a network's whole vector, by compiled loops."""

import numpy as np

from skfcnet._engine.twins import STEPS
from skfcnet._engine.vector_update import BLOCK_SIZE, VectorUpdate


class CompiledUpdate(VectorUpdate):
    """An update rule of `skfcnet._engine.twins.STEPS`, applied to a network's vector.

    The parameters are those of `VectorUpdate`. A loop takes the penalty and the step in
    one pass over all blocks. No block belongs to two members, so that its sum of
    squares is that of one member.
    """

    def __init__(self, rule, params, grads, config, **options):
        super().__init__(rule, params, grads, config, **options)
        self._compiled_step = STEPS[rule]
        slots = [self._config[slot] for slot in rule.slots]
        self._vectors = params.trainable, grads.trainable, slots
        parts = [parts for _, _, _, (_, _, _, parts) in self._blocks]
        # Biases belong to all members, and have no penalty.
        self._owners = [part[0][0] if part else None for part in parts]
        self._of_blocks = (
            np.cumsum([len(w) for w, *_ in self._blocks]),
            np.array([self._l2 * bool(part) for part in parts], params.vector.dtype),
            np.array(
                [block.get("weight_decay", 0.0) for _, _, block, _ in self._blocks]
            ),
        )

    def __call__(self):
        """Take one step, and return the L2 penalty of every member before it."""
        # The first block has the numbers of all, such as the count of steps.
        _, _, config, _ = self._blocks[0]
        of_blocks = self._compiled_step(*self._vectors, config, *self._of_blocks)
        squares = [0.0] * self._n_members
        for member, square in zip(self._owners, of_blocks.tolist(), strict=True):
            if member is not None:
                squares[member] += square
        return [0.5 * self._l2 * square for square in squares]

    def _borders(self, ends, size):
        """Yield the borders of blocks, each of which lies in one piece or in none."""
        start = 0
        for end in (*ends, size):
            yield from range(start, end, BLOCK_SIZE)
            start = end
        yield size
