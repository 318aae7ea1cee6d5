import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.sparse import csr_array

from scaffolding import repeatable
from skfcnet._engine.batches import Batches, as_repetition_counts, order_by_content

REPEATABLE = repeatable(60)


@st.composite
def tables(draw):
    """Rows and targets with many duplicates, zeros of both signs, and 1 to 4 counts."""
    n = draw(st.integers(1, 12))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    elements = st.sampled_from([-1.5, -0.0, 0.0, 1.0, 2.0])
    X = draw(npst.arrays(dtype, (n, draw(st.integers(1, 3))), elements=elements))
    if draw(st.booleans()):
        y = draw(npst.arrays(np.intp, n, elements=st.integers(0, 2)))
    else:
        y = draw(npst.arrays(dtype, (n, 2), elements=elements))
    return X, y, draw(npst.arrays(np.intp, n, elements=st.integers(1, 4)))


def contents(X, y, weight, *, batch_size, seed, n_epochs=2):
    """Return what a network gets to see: the rows of each minibatch, with targets."""
    batches = Batches(X, y, batch_size=batch_size, sample_weight=weight)
    rng = np.random.default_rng(seed)
    return [
        (X[rows].tolist(), y[rows].tolist())
        for _ in range(n_epochs)
        for rows in batches.epoch(rng)
    ]


def sizes(n, batch_size, **options):
    batches = Batches(np.ones((n, 1)), np.ones(n), batch_size=batch_size, **options)
    cut = [len(rows) for rows in batches.epoch(np.random.default_rng(0))]
    assert len(batches) == len(cut)
    return cut


# Weights


@given(table=tables(), batch_size=st.integers(1, 6), seed=st.integers(0, 9))
@REPEATABLE
def test_weighted_rows_train_as_repeated_ones(table, batch_size, seed):
    X, y, weight = table
    options = {"batch_size": batch_size, "seed": seed}
    repeated = [np.repeat(a, weight, axis=0) for a in (X, y)]
    assert contents(X, y, weight.astype(float), **options) == contents(
        *repeated, None, **options
    )


@given(table=tables(), batch_size=st.integers(1, 6), data=st.data())
@REPEATABLE
def test_the_order_of_the_rows_does_not_matter(table, batch_size, data):
    X, y, weight = table
    weight = weight / 3
    permuted = data.draw(st.permutations(range(len(X))))
    options = {"batch_size": batch_size, "seed": 0}
    assert contents(X, y, weight, **options) == contents(
        X[permuted], y[permuted], weight[permuted], **options
    )


def test_integer_weights_are_met_in_every_epoch():
    weight = np.array([3.0, 1.0, 2.0])
    X = np.arange(3.0)[:, None]
    batches = Batches(X, X, batch_size=4, sample_weight=weight)
    rng = np.random.default_rng(0)
    for _ in range(20):
        counts = np.bincount(np.concatenate(list(batches.epoch(rng))))
        np.testing.assert_array_equal(counts, weight)


def test_fractional_weights_are_met_on_average():
    weight = np.array([0.25, 1.0, 1.5, 0.75, 3.1, 0.4])
    X, n_epochs = np.arange(6.0)[:, None], 4000
    batches = Batches(X, X, batch_size=4, sample_weight=weight)
    rng, counts = np.random.default_rng(0), np.zeros(6)
    for _ in range(n_epochs):
        count = np.bincount(np.concatenate(list(batches.epoch(rng))), minlength=6)
        assert (np.abs(count - weight) < 1).all()
        assert abs(count.sum() - weight.sum()) < 1
        counts += count
    np.testing.assert_allclose(counts / n_epochs, weight, atol=5 * 0.5 / n_epochs**0.5)


@given(
    weight=npst.arrays(float, st.integers(1, 20), elements=st.floats(0.01, 5)),
    batch_size=st.integers(1, 6),
    shuffle=st.booleans(),
    seed=st.integers(0, 99),
)
@REPEATABLE
def test_every_epoch_has_as_many_rows_whatever_the_weights(
    weight, batch_size, shuffle, seed
):
    X = np.arange(float(len(weight)))[:, None]
    batches = Batches(
        X, X, batch_size=batch_size, sample_weight=weight, shuffle=shuffle
    )
    rng = np.random.default_rng(seed)
    for _ in range(20):
        cut = [len(rows) for rows in batches.epoch(rng)]
        assert sum(cut) == batches.n_rows == max(1, round(weight.sum()))
        assert len(cut) == len(batches)


def test_without_weights_every_row_is_taken_once_and_in_a_new_order():
    X = np.random.default_rng(1).normal(size=(50, 2))
    batches, rng = Batches(X, X, batch_size=8), np.random.default_rng(0)
    first, second = (np.concatenate(list(batches.epoch(rng))) for _ in range(2))
    np.testing.assert_array_equal(np.sort(first), np.arange(50))
    np.testing.assert_array_equal(np.sort(second), np.arange(50))
    assert not np.array_equal(first, second)


def test_a_seed_decides_the_minibatches():
    X = np.random.default_rng(1).normal(size=(20, 2))
    options = {"batch_size": 8}
    one, same, other = (
        contents(X, X, None, seed=seed, **options) for seed in (0, 0, 1)
    )
    assert one == same
    assert one != other


def test_without_shuffling_rows_keep_their_order():
    X = np.array([[3.0], [1.0], [2.0]])
    batches = Batches(X, X, batch_size=2, shuffle=False)
    for seed in range(3):
        rows = list(batches.epoch(np.random.default_rng(seed)))
        np.testing.assert_array_equal(np.concatenate(rows), [0, 1, 2])
    weighted = Batches(
        X, X, batch_size=4, sample_weight=np.array([1.0, 3.0, 2.0]), shuffle=False
    )
    (first, second) = weighted.epoch(np.random.default_rng(0))
    np.testing.assert_array_equal(first, [0, 1, 1, 1])
    np.testing.assert_array_equal(second, [2, 2])


# Where an epoch is cut


@pytest.mark.parametrize(
    ("n", "batch_size", "expected"),
    [
        (12, 4, [4, 4, 4]),
        (14, 4, [4, 4, 4, 2]),
        (13, 4, [4, 4, 5]),  # a single row joins the minibatch before it
        (5, 4, [5]),
        (4, 4, [4]),
        (3, 4, [3]),
        (4, 1, [1, 1, 1, 1]),
        (1, 1, [1]),
        (1, 4, [1]),
        (2, 10**6, [2]),
        (3, 2, [3]),
    ],
)
def test_minibatches_have_the_batch_size_and_never_a_single_row_last(
    n, batch_size, expected
):
    assert sizes(n, batch_size) == expected
    assert sizes(n, batch_size, shuffle=False) == expected


def test_repetitions_count_towards_the_size_of_a_minibatch():
    assert sizes(3, 4, sample_weight=np.array([5.0, 3.0, 2.0])) == [4, 4, 2]
    assert sizes(3, 4, sample_weight=np.array([5.0, 3.0, 1.0])) == [4, 5]


# The order by content


def assert_order_of_distinct_rows_is_their_own(X, y):
    """Where two distinct rows collide, their order falls back on their place."""
    weight = np.ones(len(y))
    order, is_new = order_by_content(X, y, weight)
    assert is_new.all()
    np.testing.assert_array_equal(np.sort(order), np.arange(len(y)))
    for permuted in (
        np.arange(len(y))[::-1],
        np.random.default_rng(0).permutation(len(y)),
    ):
        other = order_by_content(X[permuted], y[permuted], weight)[0]
        np.testing.assert_array_equal(permuted[other], order)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 1e-30, 3.7])
def test_rows_that_differ_in_signs_do_not_collide(dtype, scale):
    signs = 2 * ((np.arange(1024)[:, None] >> np.arange(10)) & 1) - 1
    X = (scale * signs).astype(dtype)
    assert_order_of_distinct_rows_is_their_own(X, np.zeros(1024, np.intp))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_hot_rows_do_not_collide(dtype):
    X = np.vstack([np.eye(500, dtype=dtype), -np.eye(500, dtype=dtype)])
    assert_order_of_distinct_rows_is_their_own(X, np.zeros(1000, np.intp))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_that_differ_in_the_last_bit_do_not_collide(dtype):
    X = np.ones((300, 300), dtype)
    np.fill_diagonal(X, np.nextafter(dtype(1), dtype(2)))
    assert_order_of_distinct_rows_is_their_own(X, np.zeros(300, np.intp))


def test_rows_that_hold_the_same_numbers_in_other_places_do_not_collide():
    X = np.array([np.roll(np.arange(200.0), shift) for shift in range(200)])
    assert_order_of_distinct_rows_is_their_own(X, np.zeros(200, np.intp))


@pytest.mark.parametrize("y", [np.arange(700), np.arange(1400.0).reshape(700, 2)])
def test_rows_that_differ_in_their_target_do_not_collide(y):
    assert_order_of_distinct_rows_is_their_own(np.ones((700, 2)), y)


@given(table=tables())
@REPEATABLE
def test_minus_zero_is_zero(table):
    X, y, weight = table
    np.testing.assert_array_equal(
        order_by_content(X, y, weight)[0],
        order_by_content(np.where(X == 0, -0.0, X), y, weight)[0],
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_missing_value_is_the_same(dtype):
    """There are many bit patterns of NaN, as there are two of zero."""
    X = np.array([[np.nan], [1.0], [-np.nan]], dtype)
    assert X[0].tobytes() != X[2].tobytes()
    order, is_new = order_by_content(X, np.zeros(3), np.ones(3))
    assert is_new.sum() == 2
    np.testing.assert_array_equal(np.isnan(X[order, 0])[~is_new], [True])


@given(table=tables())
@REPEATABLE
def test_sparse_rows_have_the_order_of_dense_ones(table):
    X, y, weight = table
    dense = order_by_content(X, y, weight)[0]
    np.testing.assert_array_equal(order_by_content(csr_array(X), y, weight)[0], dense)
    stored = csr_array(np.ones_like(X))  # every zero is stored explicitly
    stored.data[...] = X.ravel()
    assert stored.nnz == X.size
    np.testing.assert_array_equal(order_by_content(stored, y, weight)[0], dense)


def test_many_rows_have_the_order_of_each_alone():
    """Rows are hashed in chunks; where a chunk ends must not matter."""
    X = np.random.default_rng(0).normal(size=(600, 3))
    weight = np.ones(600)
    order = order_by_content(X, X, weight)[0]
    for start in (1, 255, 256, 300):
        part = order[order >= start] - start
        rest = X[start:]
        np.testing.assert_array_equal(
            order_by_content(rest, rest, weight[start:])[0], part
        )


def test_equal_rows_stand_together_and_are_told_from_others():
    rng = np.random.default_rng(0)
    groups = rng.integers(20, size=300)
    distinct = np.tile(rng.normal(size=(1, 200)), (20, 1))
    distinct[:, 0] = np.arange(20)  # outside of what is compared first
    order, is_new = order_by_content(distinct[groups], np.zeros(300), np.ones(300))
    met = groups[order][is_new]
    np.testing.assert_array_equal(np.sort(met), np.unique(groups))
    np.testing.assert_array_equal(groups[order], met[np.cumsum(is_new) - 1])


def test_the_layout_in_memory_does_not_matter():
    X = np.random.default_rng(0).normal(size=(50, 4))
    expected, _ = order_by_content(X, X, np.ones(50))
    for other in (np.asfortranarray(X), X[::-1, ::-1].copy()[::-1, ::-1]):
        order, _ = order_by_content(other, other, np.ones(50))
        np.testing.assert_array_equal(order, expected)


def test_ordering_rows_takes_less_memory_than_they_do():
    X = np.random.default_rng(0).normal(size=(20_000, 30))
    y, weight = np.zeros(len(X)), np.ones(len(X))
    tracemalloc.start()
    try:
        order_by_content(X, y, weight)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes


def test_hashing_leaves_the_rows_alone():
    X = np.array([[-0.0, 1.0], [2.0, -0.0]])
    X.flags.writeable = False
    order_by_content(X, X, np.ones(2))
    assert np.signbit(X[0, 0])


# From weights to repetition counts


@pytest.mark.parametrize("size", [5e-324, 1e-300, 0.5, 9.0, 1e300, 1e308])
def test_equal_weights_of_any_size_become_ones(size):
    np.testing.assert_array_equal(as_repetition_counts(np.full(7, size)), np.ones(7))


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1e3, 1e300])
def test_weights_far_from_counts_are_scaled_to_a_mean_of_one(scale):
    weight = np.array([1.0, 2.0, 3.0, 6.0])
    np.testing.assert_allclose(
        as_repetition_counts(scale * weight), weight / 3, rtol=1e-14
    )


@pytest.mark.parametrize(
    "weight", [[1.0, 1.0], [8.0, 8.0], [0.5, 1.5], [1e-9, 2.0], [15.5, 0.5], [1.0, 3.3]]
)
def test_totals_from_the_number_of_rows_to_eight_times_it_are_kept(weight):
    np.testing.assert_array_equal(as_repetition_counts(np.array(weight)), weight)


@pytest.mark.parametrize("weight", [[0.5, 1.4], [8.0, 8.5], [16.5, 0.1]])
def test_totals_beyond_are_rescaled(weight):
    counts = as_repetition_counts(np.array(weight))
    assert counts.sum() == pytest.approx(2, rel=1e-15)
    assert counts[0] / counts[1] == pytest.approx(weight[0] / weight[1])


def test_the_weights_given_are_not_modified():
    weight = np.array([10.0, 30.0])
    as_repetition_counts(weight)[...] = 0
    np.testing.assert_array_equal(weight, [10.0, 30.0])
