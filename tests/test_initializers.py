import inspect

import numpy as np
import pytest

from skfcnet import initializers
from skfcnet.initializers import INITIALIZERS

VARIANCES = {
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
}
SCALING = [name for name in INITIALIZERS if name != "orthogonal"]
SHAPES = [(300, 200), (200, 300), (250, 250)]


def public_functions():
    for name, obj in vars(initializers).items():
        if inspect.isfunction(obj) and obj.__module__ == initializers.__name__:
            yield name


def test_the_table_has_every_initialiser_under_its_name():
    assert set(INITIALIZERS) == {n for n in public_functions() if n[0] != "_"}
    assert all(INITIALIZERS[name].__name__ == name for name in INITIALIZERS)


@pytest.mark.parametrize("name", SCALING)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_weights_have_the_variance_of_the_rule(name, shape):
    rule, _, distribution = name.partition("_")
    w, variance = INITIALIZERS[name](shape, 0), VARIANCES[rule](*shape)
    assert w.shape == shape
    assert abs(w.mean()) < 5 * np.sqrt(variance / w.size)
    assert w.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / w.size))
    if distribution == "uniform":
        limit = np.sqrt(3 * variance)
        assert 0.999 * limit < np.abs(w).max() <= limit
    kurtosis = np.mean(w**4) / w.var() ** 2
    expected = {"normal": 3, "uniform": 9 / 5}[distribution]
    assert kurtosis == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("name", SCALING)
def test_named_rules_have_a_factor_of_their_own(name):
    w = INITIALIZERS[name]((4, 3), 0)
    np.testing.assert_array_equal(INITIALIZERS[name]((4, 3), 0, gain=7.0), w)


@pytest.mark.parametrize("shape", [(1, 1), (6, 4), (4, 6), (5, 5)], ids=str)
@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_orthogonal_weights_are_orthonormal_times_the_gain(shape, gain):
    w = INITIALIZERS["orthogonal"](shape, 0, gain=gain)
    assert w.shape == shape
    inner = w.T @ w if shape[0] >= shape[1] else w @ w.T
    np.testing.assert_allclose(inner, gain**2 * np.eye(min(shape)), atol=1e-13)


def test_orthogonal_weights_prefer_no_direction():
    """Without the right signs, the first column of Q would lean to one side."""
    rng = np.random.default_rng(0)
    drawn = np.array([INITIALIZERS["orthogonal"]((3, 2), rng) for _ in range(4000)])
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=5 / np.sqrt(3 * 4000))


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_seed_repeats_and_a_generator_goes_on(name):
    initializer, generator = INITIALIZERS[name], np.random.default_rng(3)
    first = initializer((4, 3), generator)
    np.testing.assert_array_equal(initializer((4, 3), 3), first)
    assert not np.array_equal(initializer((4, 3), generator), first)
    np.random.seed(0)
    unseeded = initializer((4, 3))
    np.random.seed(0)
    np.testing.assert_array_equal(initializer((4, 3)), unseeded)
