"""Random number generators from seeds."""

import numpy as np


def as_generator(random_state=None):
    """Return a `numpy.random.Generator` for what scikit-learn calls a random state.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        An integer seeds a new generator. None seeds it from NumPy's global state, so
        that ``np.random.seed`` makes a notebook reproducible, and a ``RandomState``
        from its own. A ``Generator`` is returned itself.

    Returns
    -------
    generator : numpy.random.Generator
        The generator.
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
