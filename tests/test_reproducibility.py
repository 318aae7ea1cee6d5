"""The same seed makes the same fit, and the global state is left alone."""

import numpy as np
import pytest
from sklearn.base import clone

from scaffolding import (
    KINDS,
    any_solver,
    assert_same,
    data_of,
    short_fits,
)

pytestmark = [short_fits, any_solver]


@pytest.mark.parametrize("kind", KINDS)
def test_an_integer_seed_makes_fits_identical_and_leaves_the_global_state(kind):
    model, X, y = data_of(kind)
    model.set_params(dropout=0.2)
    np.random.seed(1)
    state = np.random.get_state()[1].copy()
    first = clone(model).fit(X, y)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    np.random.seed(2)
    assert_same(first, clone(model).fit(X, y), X)


def test_without_a_seed_the_global_state_decides():
    model, X, y = data_of("regression")
    model.set_params(random_state=None)
    fits = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        fits.append(clone(model).fit(X, y).predict(X))
    np.testing.assert_array_equal(fits[0], fits[1])
    assert (fits[0] != fits[2]).any()


def test_a_random_state_instance_advances_from_fit_to_fit():
    model, X, y = data_of("regression")
    model.set_params(random_state=np.random.RandomState(0))
    assert (model.fit(X, y).predict(X) != model.fit(X, y).predict(X)).any()
