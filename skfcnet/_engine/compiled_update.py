"""A training step over a network's whole vector, by compiled loops."""

from skfcnet._engine.twins import STEPS
from skfcnet._engine.vector_update import BLOCK_SIZE, VectorUpdate


class CompiledUpdate(VectorUpdate):
    """An update rule of `skfcnet._engine.twins.STEPS`, applied to a network's vector.

    The parameters are those of `VectorUpdate`. A loop takes the penalty and the step in
    one pass. No such block belongs to two members, so that the loop's sum of squares is
    that of one member. Matrices are left to NumPy, whose products are as fast.
    """

    def __init__(self, rule, params, grads, config, **options):
        super().__init__(rule, params, grads, config, **options)
        self._compiled_step = STEPS[rule]

    def _update(self, w, dw, config, penalised):
        if w.ndim > 1:
            return super()._update(w, dw, config, penalised)
        *_, parts = penalised
        square = self._compiled_step(w, dw, config, self._l2 if parts else 0.0)
        return [(member, float(square)) for member, _ in parts]

    def _borders(self, ends, size):
        """Yield the borders of blocks, each of which lies in one piece or in none."""
        start = 0
        for end in (*ends, size):
            yield from range(start, end, BLOCK_SIZE)
            start = end
        yield size
