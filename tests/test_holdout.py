"""The split into a training set and a validation set."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaffolding import repeatable
from skfcnet._estimators.holdout import repeated_weight, split_by_fraction


def split(X, y, weight=None, *, seed=0, **options):
    options = {"fraction": 0.2, "classes": y} | options
    return split_by_fraction(X, y, weight, rng=np.random.default_rng(seed), **options)


def rows_of(X, y, index):
    return sorted(map(tuple, np.column_stack([X, y])[index]))


def table_of(n, n_values=5, *, is_noisy):
    """Return rows of which some are equal, with targets that may be unequal then."""
    rng = np.random.default_rng(0)
    X = rng.integers(n_values, size=(n, 2)).astype(float)
    y = rng.integers(2, size=n) if is_noisy else (X.sum(axis=1) > 3).astype(int)
    return X, y


@repeatable(100)
@given(
    counts=st.lists(st.integers(1, 4), min_size=12, max_size=40),
    is_noisy=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_row_of_weight_k_is_split_like_k_rows(counts, is_noisy, seed):
    X, y = table_of(len(counts), is_noisy=is_noisy)
    counts = np.array(counts)
    trained, validated, weight = split(X, y, counts.astype(float), seed=seed)
    assert weight is None
    many = np.repeat(np.arange(len(counts)), counts)
    shuffled = np.random.default_rng(1).permutation(many)
    trained_many, validated_many, weight = split(X[shuffled], y[shuffled], seed=seed)
    assert weight is None
    np.testing.assert_array_equal(X[validated], X[shuffled][validated_many])
    remaining = repeated_weight(counts.astype(float), trained)
    repeated = np.repeat(np.flatnonzero(trained), remaining.astype(int))
    assert remaining.sum() == len(repeated)
    assert set(trained_many) <= {0, 1}
    assert rows_of(X, y, repeated) == rows_of(X, y, shuffled[trained_many == 1])


def test_copies_are_never_on_both_sides():
    X, y = table_of(200, is_noisy=False)
    for seed in range(20):
        trained, validated, _ = split(X, y, seed=seed)
        both = set(rows_of(X, y, trained)) & set(rows_of(X, y, validated))
        assert not both
        assert trained.sum() + len(validated) == 200


def test_observations_that_are_equal_are_held_out_in_proportion():
    X, y = table_of(2000, n_values=3, is_noisy=True)
    trained, validated, _ = split(X, y)
    assert trained.sum() + len(validated) == 2000
    rows = rows_of(X, y, slice(None))
    held_out = rows_of(X, y, validated)
    for row in set(rows):
        assert 0.08 < held_out.count(row) / rows.count(row) < 0.35


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_every_class_is_set_aside_in_proportion(fraction):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2, 3], [400, 100, 40, 10])
    X = rng.normal(size=(len(y), 2))
    for seed in range(10):
        _, validated, _ = split(X, y, fraction=fraction, seed=seed)
        counts = np.bincount(y[validated], minlength=4)
        expected = fraction * np.bincount(y)
        assert (np.abs(counts - expected) <= 1.5).all()


def test_the_proportions_are_those_of_the_weights():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 2)), rng.integers(3, size=500)
    weight = rng.uniform(0.1, 3.0, size=500)
    _, validated, weights = split(X, y, weight)
    np.testing.assert_array_equal(weights, weight[validated])
    for label in range(3):
        total = weight[y == label].sum()
        chosen = weights[y[validated] == label].sum()
        assert abs(chosen - 0.2 * total) <= 3


def test_a_single_member_of_a_class_is_trained_on():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 2)), np.append(np.zeros(49, int), 1)
    for seed in range(50):
        trained, _, _ = split(X, y, seed=seed)
        assert trained[49]


def test_other_seeds_set_aside_other_rows_and_the_same_seed_the_same():
    X, y = np.random.default_rng(0).normal(size=(100, 2)), np.zeros(100, int)
    first, same, other = (split(X, y, seed=seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert set(first) != set(other)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_few_rows_are_enough(n):
    X = np.arange(float(n))[:, np.newaxis]
    trained, validated, _ = split(X, X, fraction=0.01, classes=None)
    assert len(validated) == 1 and trained.sum() == n - 1


def test_too_few_rows_are_refused():
    X = np.zeros((5, 2))
    with pytest.raises(
        ValueError, match=r"early stopping: n_samples = 5, of which 1 are"
    ):
        split(X, np.zeros(5, int))
    X = np.arange(4.0)[:, np.newaxis]
    with pytest.raises(ValueError, match=r"every class keeps one"):
        split(X, np.arange(4))
