"""One way to turn whatever a user calls a seed into a generator."""

import numpy as np


def as_generator(random_state=None):
    """Return a `numpy.random.Generator` for a seed, a generator or nothing.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        None seeds the new generator from NumPy's global state, so that
        ``np.random.seed`` makes a notebook reproducible; a ``RandomState`` seeds
        it from its own. A ``Generator`` is returned as it is, and advances.

    Returns
    -------
    generator : numpy.random.Generator
    """
    if random_state is None:
        random_state = np.random.mtrand._rand
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31 - 1)
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"random_state must be None, an integer from 0 on, a RandomState or a "
            f"Generator, got {random_state!r}."
        ) from error
