"""Random number generators from seeds, also those of the members of an ensemble."""

import numpy as np

from skfcnet._engine.annotations import RandomState


def as_generator(random_state: RandomState = None) -> np.random.Generator:
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


class MemberGenerators:
    """The generators from which the members of an ensemble draw dropout masks.

    In every epoch, the generator of a member follows from one number, which is drawn
    for all members, and from the number of the member. What a member draws therefore
    does not depend on which others are trained beside it, and between two epochs there
    is nothing to store.

    Parameters
    ----------
    members : sequence of int
        The numbers of the members.

    rng : numpy.random.Generator
        The generator that draws the number of every epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._engine.random import MemberGenerators
    >>> all_members = MemberGenerators(range(3), np.random.default_rng(0))
    >>> last_member = MemberGenerators([2], np.random.default_rng(0))
    >>> [*all_members][2].random() == [*last_member][0].random()
    True
    """

    def __init__(self, members, rng):
        self._members, self._rng, self._generators = members, rng, None

    def __iter__(self):
        if self._generators is None:
            self.start_epoch()
        return iter(self._generators)

    def start_epoch(self):
        """Make new generators for an epoch; the first one need not be started."""
        seed = int(self._rng.integers(2**63))
        self._generators = [np.random.default_rng([seed, m]) for m in self._members]
