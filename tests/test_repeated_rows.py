"""Whether equal rows are copies of one observation or separate ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from scaffolding import repeatable
from skfcnet._engine.batches import order_by_content
from skfcnet._estimators.repeated_rows import are_observations


def found(X, y, weight=None):
    """Return what is found for rows of which some are equal in both X and y."""
    weight = np.ones(len(y)) if weight is None else weight
    order, is_new = order_by_content(X, y, weight)
    totals = np.add.reduceat(weight[order], np.flatnonzero(is_new))
    return are_observations(X, y, order[is_new], totals)


def cells(n, n_values, n_columns=2):
    """Return rows of a few integers."""
    rng = np.random.default_rng(0)
    return rng.integers(n_values, size=(n, n_columns)).astype(float)


def noisy(X, share=0.3):
    """Return classes, some of which are wrong."""
    is_wrong = np.random.default_rng(1).random(len(X)) < share
    return (X.sum(axis=1) % 2 != is_wrong).astype(int)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_equal_rows_of_different_targets_are_observations(share, convert):
    X = cells(100, 4)
    assert found(convert(X), noisy(X, share))
    assert not found(convert(X), noisy(X, 0.0))


def test_a_rare_class_is_noise_as_well():
    X = cells(3000, 20, 1).repeat(3, axis=1)
    assert found(X, (np.random.default_rng(1).random(3000) < 0.003).astype(int))


def test_the_variance_of_pairs_is_not_underestimated():
    X, y = np.arange(260.0)[:, np.newaxis] // 2, np.arange(260) // 2 % 2
    assert not found(X, y)
    y[[0, 2]] ^= 1
    assert found(X, y)


def test_numbers_and_several_targets_have_noise_as_well():
    X = cells(100, 4)
    ratings = X[:, 0] + np.random.default_rng(1).integers(-1, 2, size=100)
    assert found(X, ratings)
    assert found(X, ratings * 1e300)
    assert found(X, np.column_stack([X[:, 0], ratings]))
    assert not found(X, X)
    assert not found(X, np.zeros(100))


@pytest.mark.parametrize("n_columns", [1, 5])
@pytest.mark.parametrize("n_copies", [2, 8])
def test_copies_of_rows_are_copies(n_copies, n_columns):
    X = np.random.default_rng(0).normal(size=(200, n_columns))
    y = noisy(np.rint(X))
    counts = np.where(y == 1, n_copies, 1)
    assert not found(X.repeat(counts, axis=0), y.repeat(counts))
    assert not found(X, y, counts.astype(float))
    assert not found(X.repeat(n_copies, axis=0), y.repeat(n_copies))


def test_a_few_observations_do_not_make_copies_observations():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(500, 3)), np.zeros((4, 3))])
    y = np.append(rng.integers(2, size=500), [0, 1, 0, 1])
    assert not found(X.repeat(3, axis=0), y.repeat(3))


def test_many_copies_of_rows_of_several_columns_are_copies():
    X = np.random.default_rng(0).normal(size=(50, 2))
    assert not found(X.repeat(20, axis=0), noisy(np.rint(X)).repeat(20))


def test_without_noise_equal_rows_are_observations_if_there_are_few_different_ones():
    one_hot = np.eye(4)[np.random.default_rng(0).integers(4, size=200)]
    for X in (cells(200, 2), cells(400, 2, 4), one_hot):
        assert found(X, noisy(X, 0.0))
        assert not found(X[:30], noisy(X[:30], 0.0))


@repeatable(50)
@given(share=st.sampled_from([0.0, 0.05, 0.5]), seed=st.integers(0, 99))
def test_neither_the_order_nor_weights_in_place_of_copies_matter(share, seed):
    rng = np.random.default_rng(seed)
    X = cells(60, 3)
    y, counts = noisy(X, share), rng.integers(1, 4, size=60)
    rows = rng.permutation(np.arange(60).repeat(counts))
    assert found(X, y, counts.astype(float)) == found(X[rows], y[rows])
