"""What the network is given of a table: of whichever numbers, weights and gaps."""

import pickle
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.sparse import csr_array
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from scaffolding import repeatable
from skfcnet._tabular.encoder import (
    EMBEDDINGS,
    LINEAR_SHARE,
    MAX_COMPONENTS,
    Features,
    PiecewiseLinear,
    bin_edges,
)
from skfcnet._tabular.scaling import SCALINGS

REPEATABLE = repeatable(40)
every_combination = pytest.mark.parametrize(
    ("scaling", "embedding"),
    [(scaling, embedding) for scaling in SCALINGS for embedding in (None, *EMBEDDINGS)],
    ids=str,
)
N = 40
EXTREMES = [-1e300, -1e30, -5e-324, 0.0, 1e-300, 1e-30, 1e30, 1.7e308]


def a_table(n=N):
    """Return numbers with gaps, ties and a constant, and levels last."""
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            rng.normal(3, 2, n),
            rng.gamma(1, 1e4, n),
            rng.integers(0, 5, n),
            np.full(n, 7.0),
            rng.integers(0, 2, n),
            rng.integers(0, 4, n),
            rng.integers(0, 20, n),
        ]
    )
    X[::7, 0] = X[3::9, 5] = np.nan
    return X


LEVELS = np.array([False] * 4 + [True] * 3)


# Weights and the order of rows


@every_combination
@given(data=st.data())
@REPEATABLE
def test_weighted_is_repeated_in_any_order(scaling, embedding, data):
    X = a_table()
    counts = data.draw(npst.arrays(int, N, elements=st.integers(1, 4)))
    order = np.random.default_rng(data.draw(st.integers(0, 99))).permutation
    given_, repeated = order(N), order(np.repeat(np.arange(N), counts))
    options = {"scaling": scaling, "embedding": embedding, "n_bins": 6}
    ours = Features(**options).fit(X[given_], counts[given_], categorical=LEVELS)
    theirs = Features(**options).fit(X[repeated], categorical=LEVELS)
    np.testing.assert_array_equal(ours.transform(X), theirs.transform(X))


@every_combination
def test_the_order_of_rows_of_any_weight_does_not_show(scaling, embedding):
    X = a_table()
    weight = np.random.default_rng(1).uniform(0.1, 5, N)
    outputs = []
    for seed in range(3):
        rows = np.random.default_rng(seed).permutation(N)
        features = Features(scaling=scaling, embedding=embedding)
        features.fit(X[rows], weight[rows], categorical=LEVELS)
        outputs.append(features.transform(X))
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])


def test_weights_move_the_edges():
    x = np.linspace(0, 1, 200)
    X = x[:, np.newaxis]
    features = Features(embedding="ple", n_bins=8, scaling=None)
    plain = features.fit(X).transform(X)
    weighted = features.fit(X, np.where(x < 0.5, 0.01, 1)).transform(X)
    assert plain.shape != weighted.shape or not np.allclose(plain, weighted)


# What comes out


@every_combination
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_output_is_finite_contiguous_and_of_the_dtype_and_width(
    scaling, embedding, dtype
):
    X = a_table()
    features = Features(scaling=scaling, embedding=embedding, dtype=dtype)
    before = X.copy()
    output = features.fit(X, categorical=LEVELS).transform(X)
    np.testing.assert_array_equal(X, before)
    assert output.dtype == dtype and output.flags.c_contiguous
    assert output.shape == (N, features.width)
    assert np.isfinite(output).all()
    assert repr(features.width) in repr(features)


@every_combination
def test_a_row_is_given_alike_beside_whichever_rows(scaling, embedding):
    X = a_table(700)
    features = Features(scaling=scaling, embedding=embedding)
    features.fit(X, categorical=LEVELS)
    together = features.transform(X)
    for rows in ([5], slice(3, 200), slice(None, None, -1)):
        np.testing.assert_array_equal(features.transform(X[rows]), together[rows])


@every_combination
def test_features_survive_pickling(scaling, embedding):
    X = a_table()
    features = Features(scaling=scaling, embedding=embedding)
    features.fit(X, categorical=LEVELS)
    copied = pickle.loads(pickle.dumps(features))
    assert repr(copied) == repr(features)
    np.testing.assert_array_equal(copied.transform(X), features.transform(X))


@pytest.mark.parametrize("layout", ["F", "reversed", "big-endian", "read-only", "f4"])
def test_any_layout_of_the_same_numbers_is_read_alike(layout):
    X = a_table()
    X = X.astype(np.float32).astype(np.float64)
    given_ = {
        "F": np.asfortranarray(X),
        "reversed": X[::-1].copy()[::-1],
        "big-endian": X.astype(">f8"),
        "read-only": X.copy(),
        "f4": X.astype(np.float32),
    }[layout]
    given_.flags.writeable = layout != "read-only"
    features = [Features(embedding="ple").fit(a) for a in (X, given_)]
    np.testing.assert_array_equal(
        features[0].transform(X), features[1].transform(given_)
    )


def test_only_numeric_or_only_categorical_columns_will_do():
    X = a_table()
    for mask in (np.zeros(7, bool), np.ones(7, bool)):
        features = Features(embedding="ple").fit(X, categorical=mask)
        assert features.transform(X).shape == (N, features.width)


def test_numbers_are_not_mistaken_for_levels_nor_levels_for_numbers():
    X = np.array([[5.0, 1.0], [6.0, 2.0], [7.0, 2.0]])
    features = Features(scaling=None).fit(X, categorical=np.array([False, True]))
    np.testing.assert_array_equal(features.transform(X), [[5, -1], [6, 1], [7, 1]])


# Missing values

CENTERS = {
    "robust": partial(np.quantile, q=0.5, method="inverted_cdf"),
    "standard": np.mean,
    None: lambda x: 0.0,
}
"""What a missing number is taken for."""


@every_combination
def test_missing_numbers_are_average_ones_and_told_apart(scaling, embedding):
    x = np.linspace(1, 2, 50)
    X = np.column_stack([x, x])
    X[:10, 0] = np.nan
    features = Features(scaling=scaling, embedding=embedding).fit(X)
    output = features.transform(X)
    np.testing.assert_array_equal(output[:, -1], [1] * 10 + [0] * 40)
    n_numeric = output.shape[1] - 1
    without = Features(scaling=scaling, embedding=embedding).fit(X[10:, :1])
    # Before the components of the first column stand both columns.
    first = output[:, [0, *range(2, 1 + without.width)]]
    average = without.transform(np.array([[CENTERS[scaling](x[10:])]]))
    np.testing.assert_allclose(first[:10], average.repeat(10, axis=0), atol=1e-6)
    assert n_numeric > without.width
    np.testing.assert_array_equal(first[10:], without.transform(X[10:, :1]))


@every_combination
def test_numbers_missing_only_later_are_average_ones(scaling, embedding):
    x = np.linspace(1, 2, 50)[:, np.newaxis]
    features = Features(scaling=scaling, embedding=embedding).fit(x)
    missing, average = np.array([[np.nan]]), np.array([[CENTERS[scaling](x)]])
    np.testing.assert_allclose(
        features.transform(missing), features.transform(average), atol=1e-6
    )
    assert features.width == features.transform(x).shape[1]


@every_combination
def test_a_column_that_is_missing_throughout_says_nothing_else(scaling, embedding):
    X = np.full((5, 1), np.nan)
    features = Features(scaling=scaling, embedding=embedding).fit(X)
    output = features.transform(np.array([[np.nan], [3.0]]))
    np.testing.assert_array_equal(output[:, -1], [1, 0])
    assert not output[:, :-1].any()


@pytest.mark.parametrize("embedding", [None, "ple", "pbld"])
@pytest.mark.parametrize("layout", [np.asarray, csr_array])
def test_what_did_not_vary_is_completed_and_the_rest_is_as_it_was(embedding, layout):
    X = np.array([[1.0, 7.0, np.nan, 0.0], [2.0, 7.0, np.nan, 1.0]])
    more = np.array([[5.0, 7.0, 3.0, 1.0], [6.0, 9.0, 5.0, 0.0], [7.0, 8.0, 4.0, 0.0]])
    categorical = np.array([False, False, False, True])
    features = Features(embedding=embedding).fit(X, categorical=categorical)
    before, width = features.transform(more), features.width
    completed = features.completed(layout(more))
    after = completed.transform(more)
    assert completed.width == width
    np.testing.assert_array_equal(features.transform(more), before)
    assert not before[:, 1:3].any()
    assert (np.ptp(after[:, 1:3], axis=0) > 0.5).all()
    np.testing.assert_array_equal(
        np.delete(after, [1, 2], 1), np.delete(before, [1, 2], 1)
    )


def test_where_nothing_varies_a_column_of_zeros_is_left():
    X = np.array([[7.0, np.nan]] * 3)
    features = Features(embedding="ple")
    features.fit(X, categorical=np.array([False, True]))
    np.testing.assert_array_equal(features.transform(X + 1), [[0.0]] * 3)
    gradients = features.pulled_back(X, np.ones((3, 2, 1)))
    np.testing.assert_array_equal(gradients, np.zeros((3, 2, 2)))


# Extremes


@pytest.mark.parametrize("scaling", ["robust", "standard"])
@given(
    X=npst.arrays(float, (9, 2), elements=st.sampled_from([*EXTREMES, 1.0, 2.0])),
    new=npst.arrays(float, (5, 2), elements=st.sampled_from([*EXTREMES, np.nan])),
)
@REPEATABLE
def test_components_are_bounded_whatever_the_numbers(scaling, X, new):
    features = Features(scaling=scaling, embedding="ple", n_bins=4).fit(X)
    plain = Features(scaling=scaling).fit(X)
    tables = (X, new) if scaling == "robust" else (X,)
    for table in tables:
        output, scaled = features.transform(table), plain.transform(table)[:, :2]
        np.testing.assert_array_equal(output[:, :2], np.float32(LINEAR_SHARE) * scaled)
        assert ((output[:, 2:] >= 0) & (output[:, 2:] <= 1)).all()


def test_narrow_bins_are_filled_by_numbers_far_off():
    X = np.repeat([[0.0], [1e-37], [1.0]], 10, axis=0)
    features = Features(scaling=None, embedding="ple").fit(X)
    output = features.transform(np.array([[-1e38], [0.0], [1e-3], [1e38]]))
    np.testing.assert_allclose(
        output[:, 1:], [[0, 0], [0, 0], [1, 1e-3], [1, 1]], rtol=1e-6
    )


@pytest.mark.parametrize("number", EXTREMES)
def test_what_robust_scaling_gives_is_within_three_whatever_the_number(number):
    X = a_table()
    features = Features().fit(X, categorical=LEVELS)
    X[:, :4] = number
    output = features.transform(X)
    assert np.isfinite(output).all()
    assert (np.abs(output[:, :4]) <= 3).all()


@pytest.mark.parametrize(
    ("embedding", "number"),
    [(None, 1e39), ("pbld", 1e39), ("ple", 1e39), ("ple", 2e38)],
)
def test_unscaled_numbers_too_large_for_the_dtype_are_refused(embedding, number):
    X = np.array([[1.0], [np.nan], [number]])
    options = {"scaling": None, "embedding": embedding}
    with pytest.raises(ValueError, match="too large to compute with in float32"):
        Features(**options).fit(X).transform(X)
    assert np.isfinite(Features(**options, dtype="f8").fit(X).transform(X)).all()


def test_robust_features_of_standardised_columns_are_the_same():
    X = a_table()
    X = np.nan_to_num(X[:, :4])
    Z = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(
        Features().fit(X).transform(X), Features().fit(Z).transform(Z), atol=1e-6
    )


# The encoding


def test_encoding_is_the_formula_of_the_paper_within_the_ends():
    edges = np.array([0.0, 1.0, 3.0, 4.0])
    x = np.linspace(0, 4, 33)
    encoding = PiecewiseLinear(8).fit(edges[:, np.newaxis], np.full(4, 10.0))
    expected = [
        [
            0 if v < low else 1 if v >= high else (v - low) / (high - low)
            for low, high in pairwise(edges)
        ]
        for v in x
    ]
    np.testing.assert_allclose(encoding.transform(x[:, np.newaxis])[:, 1:], expected)


@given(
    x=npst.arrays(np.float32, 40, elements=st.floats(-3, 3, width=32)),
    new=npst.arrays(np.float32, 20, elements=st.floats(-3, 3, width=32)),
)
@REPEATABLE
def test_components_ascend_and_fill_up_one_after_the_other(x, new):
    encoding = PiecewiseLinear(6).fit(x[:, np.newaxis], np.ones(40))
    output = encoding.transform(np.sort(new)[:, np.newaxis])[:, 1:]
    assert encoding.width <= 1 + 4  # one bin for ten rows
    assert ((output >= 0) & (output <= 1)).all()
    assert (np.diff(output, axis=0) >= 0).all()
    # Whoever has begun to fill a bin has filled those below it.
    assert ((output[:, 1:] == 0) | (output[:, :-1] >= 1 - 1e-6)).all()


def test_a_sum_of_components_can_be_the_column_itself():
    x = np.sort(np.random.default_rng(0).normal(size=300))
    X = x[:, np.newaxis]
    Z = PiecewiseLinear(10).fit(X, np.ones(300)).transform(X)[:, 1:]
    edges = bin_edges(x, np.ones(300), 10)
    np.testing.assert_allclose(edges[0] + Z @ np.diff(edges), x)


def test_a_column_stands_before_its_components_and_goes_on_beyond_the_bins():
    X = np.random.default_rng(0).normal(size=(200, 2))
    features = Features(scaling="standard", embedding="ple", n_bins=8, dtype="f8")
    assert features.fit(X).width == 2 + 2 * 8
    low, high = features.transform(np.array([X.min(axis=0), X.max(axis=0)]))
    beyond = features.transform(np.array([X.min(axis=0) - 5, X.max(axis=0) + 5]))
    steps = 5 * LINEAR_SHARE / X.std(axis=0)
    np.testing.assert_allclose(beyond[0], [*(low[:2] - steps), *np.zeros(16)])
    np.testing.assert_allclose(beyond[1], [*(high[:2] + steps), *np.ones(16)])
    within = features.transform(X)[:, :2] / LINEAR_SHARE
    np.testing.assert_allclose(within, StandardScaler().fit_transform(X), atol=1e-12)


@given(data=st.data())
@REPEATABLE
def test_edges_are_values_in_ascending_order_whether_weighted_or_repeated(data):
    n, n_bins = data.draw(st.integers(1, 60)), data.draw(st.integers(2, 9))
    most = data.draw(st.sampled_from([3, 20, 1000]))  # with many ties, and with few
    x = data.draw(npst.arrays(int, n, elements=st.integers(-most, most))) / 7
    counts = data.draw(npst.arrays(int, n, elements=st.sampled_from([1, 2, 99])))
    edges = bin_edges(x, counts.astype(float), n_bins)
    rows = np.random.default_rng(0).permutation(np.arange(n).repeat(counts))
    np.testing.assert_array_equal(edges, bin_edges(x[rows], np.ones(len(rows)), n_bins))
    assert (np.diff(edges) > 0).all() and np.isin(edges, x).all()
    assert edges[0] == x.min() and edges[-1] == x.max()
    # No value is the edge of more than one bin that it fills, but the lowest of two.
    n_values = len(np.unique(x))
    assert min(n_values, n_bins) <= len(edges) <= n_bins + 1
    if n_values <= n_bins + 1:
        np.testing.assert_array_equal(edges, np.unique(x))


def test_bins_hold_the_same_weight():
    x = np.random.default_rng(0).gamma(1, size=1000)
    counts, _ = np.histogram(x, bin_edges(x, np.ones(1000), 10))
    assert len(counts) == 10
    assert np.ptp(counts) <= 2


@pytest.mark.parametrize("common", [[0.0], [0.5], [0.0, 0.5, 0.75]])
def test_frequent_values_take_no_more_than_a_bin_each(common):
    rare = np.linspace(0.001, 1, 90)
    x = np.concatenate([rare, np.repeat(common, 910)])
    edges = bin_edges(x, np.ones(len(x)), 12)
    assert np.isin(edges, x).all() and len(edges) >= 12
    counts, _ = np.histogram(rare, edges)
    # The other bins share the rare values; one of a common value has fewer.
    share = 90 / (12 - len(common))
    assert counts.max() <= share + 1.5
    assert (counts >= share - 1.5).sum() >= 11 - 2 * len(common)


@pytest.mark.parametrize(("n_values", "n_components"), [(3, 2), (5, 4)])
def test_few_values_are_told_apart_by_few_bins(n_values, n_components):
    X = np.arange(200.0)[:, np.newaxis] % n_values
    output = Features(embedding="ple").fit(X).transform(X)
    assert output.shape[1] == 1 + n_components
    for told_apart in (output, output[:, 1:]):
        assert len(np.unique(told_apart, axis=0)) == n_values


@pytest.mark.parametrize("values", [[0.0, 1.0], [-7.0, 1e300], [np.nan, 5.0], [2.0]])
def test_a_column_of_two_values_at_most_has_no_bins(values):
    X = np.resize(values, (200, 1))
    features = Features(embedding="ple").fit(X)
    told_apart = np.unique(features.transform(X), axis=0)
    assert len(told_apart) == len(values)
    assert features.width == 1 + np.isnan(values).any()


@pytest.mark.parametrize("embedding", ["auto", "ple"])
def test_columns_of_two_values_leave_the_bins_to_the_others(embedding):
    rng = np.random.default_rng(0)
    numbers, flags = rng.normal(size=(900, 5)), rng.integers(0, 2, (900, 200))
    X = np.hstack([flags[:, :70], numbers, flags[:, 70:]])
    features = Features(embedding=embedding).fit(X)
    alone = Features(embedding=embedding).fit(numbers)
    assert features.width == 200 + alone.width == 205 + 5 * 48
    encoded = features.transform(X)
    np.testing.assert_array_equal(encoded[:, 205:], alone.transform(numbers)[:, 5:])


def test_what_few_rows_show_late_counts():
    X = np.random.default_rng(0).integers(0, 2, (5000, 60)) * 1.0
    X[4000:, 7] = np.arange(1000)
    embedded = Features(embedding="auto").fit(X)
    assert embedded.width > 60
    X[4000:] = np.arange(1000)[:, np.newaxis]
    assert Features(embedding="auto").fit(X).width == 60


def test_few_rows_have_few_bins():
    X = np.random.default_rng(0).normal(size=(45, 1))
    assert Features(embedding="ple").fit(X).width == 1 + 4
    assert Features(embedding="ple").fit(X, np.full(45, 2.0)).width == 1 + 9


@pytest.mark.parametrize(
    ("n_columns", "n_bins", "expected"),
    [(1, 48, 48), (30, 48, 34), (300, 48, 4), (300, 2, 2)],
)
def test_bins_give_way_to_many_columns(n_columns, n_bins, expected):
    X = np.random.default_rng(0).normal(size=(500, n_columns))
    features = Features(embedding="ple", n_bins=n_bins).fit(X)
    assert features.width == n_columns + n_columns * expected
    assert features.width <= n_columns + max(MAX_COMPONENTS, 4 * n_columns)


@pytest.mark.parametrize("n_columns", [1, 51, 52])
def test_auto_is_piecewise_linear_for_at_most_51_numeric_columns(n_columns):
    rng = np.random.default_rng(0)
    numbers, levels = rng.normal(size=(60, n_columns)), rng.integers(0, 3, (60, 5))
    expected = "ple" if n_columns <= 51 else None
    mask = np.arange(n_columns + 5) >= n_columns
    # Categories do not count.
    for X, categorical in [(numbers, None), (np.hstack([numbers, levels]), mask)]:
        features = Features(embedding="auto").fit(X, categorical=categorical)
        same = Features(embedding=expected).fit(X, categorical=categorical)
        np.testing.assert_array_equal(features.transform(X), same.transform(X))
        assert features.n_embedded == 0
        plain = Features().fit(X, categorical=categorical)
        assert (features.width > plain.width) == (n_columns <= 51)


def test_auto_is_nothing_where_no_column_has_more_than_two_values():
    X = np.random.default_rng(0).integers(0, 2, (60, 5)) * 1.0
    np.testing.assert_array_equal(
        Features(embedding="auto").fit(X).transform(X), Features().fit(X).transform(X)
    )


def test_auto_is_nothing_for_sparse_rows_and_for_categories_alone():
    X = a_table()
    sparse = csr_array(np.nan_to_num(X))
    features = Features(scaling=None, embedding="auto").fit(sparse)
    assert features.is_identity and features.width == X.shape[1]
    levels, mask = X[:, LEVELS], np.ones(3, bool)
    with_auto = Features(embedding="auto").fit(levels, categorical=mask)
    without = Features(embedding=None).fit(levels, categorical=mask)
    np.testing.assert_array_equal(
        with_auto.transform(levels), without.transform(levels)
    )


# Gradients


@every_combination
def test_gradients_by_the_table_are_differences_of_what_follows(scaling, embedding):
    X = a_table()
    X = np.nan_to_num(X, nan=2.0)
    X[::5, 0] = np.nan
    features = Features(scaling=scaling, embedding=embedding, dtype=np.float64)
    features.fit(X, categorical=LEVELS)
    X += 1e-3  # off the edges, where there is no derivative
    X[:, LEVELS] -= 1e-3
    W = np.random.default_rng(0).normal(size=(features.width, 2))
    gradients = features.pulled_back(X, np.tile(W.T, (N, 1, 1)))
    assert gradients.shape == (N, 2, X.shape[1])
    for j in np.flatnonzero(~LEVELS):
        h = 1e-5 * np.eye(X.shape[1])[j]
        expected = (features.transform(X + h) - features.transform(X - h)) @ W / 2e-5
        np.testing.assert_allclose(gradients[:, :, j], expected, rtol=1e-5, atol=1e-6)
    assert not gradients[::5, :, 0].any()
    assert not gradients[:, :, LEVELS].any()


def test_on_an_edge_the_gradient_is_that_on_its_right():
    x = np.arange(200.0) % 3
    X, g = x[:, np.newaxis], np.ones((200, 1, 1))
    features = Features(scaling=None, embedding="ple").fit(X)
    gradients = features.pulled_back(X, g.repeat(features.width, axis=2)).ravel()
    # To the right of the last edge there is no bin.
    np.testing.assert_allclose(gradients, LINEAR_SHARE + (x < 2))


# Real data


@pytest.mark.data
def test_the_embedding_lets_a_linear_model_bend(california):
    X, y = california.X_train, california.y_train
    scores = {}
    for name in (None, "ple"):
        features = Features(embedding=name).fit(X)
        model = Ridge().fit(features.transform(X), y)
        predicted = model.predict(features.transform(california.X_test))
        scores[name] = r2_score(california.y_test, predicted)
    assert scores[None] > 0.6
    assert scores["ple"] > scores[None] + 0.05
