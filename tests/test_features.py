"""What the network is given of a table: of whichever numbers, weights and gaps."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from skfcnet._features import (
    EMBEDDINGS,
    MAX_COMPONENTS,
    Features,
    PiecewiseLinear,
    quantile_edges,
    tree_edges,
)
from skfcnet._scaling import SCALINGS

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=40)
PIECEWISE = [name for name, edges in EMBEDDINGS.items() if edges is not None]
every_embedding = pytest.mark.parametrize("embedding", PIECEWISE)
every_combination = pytest.mark.parametrize(
    ("scaling", "embedding"),
    [(scaling, embedding) for scaling in SCALINGS for embedding in (None, *EMBEDDINGS)],
    ids=str,
)
N = 40
EXTREMES = [-1e300, -1e30, -5e-324, 0.0, 1e-300, 1e-30, 1e30, 1.7e308]


def a_table(n=N, *, seed=0):
    """Return numbers with gaps, ties and a constant, levels last, and a target."""
    rng = np.random.default_rng(seed)
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
    return X, np.nan_to_num(X[:, 0]) ** 2 + X[:, 2] + rng.normal(size=n)


LEVELS = np.array([False] * 4 + [True] * 3)


def targets_of(y):
    """Return targets of every kind that estimators have."""
    classes = (y > np.median(y)).astype(int) + (y > np.quantile(y, 0.8))
    return {
        "regression": y,
        "several targets": np.column_stack([y, -y]),
        "classes": classes,
        "one sigmoid": (classes > 0)[:, np.newaxis].astype(int),
        "multilabel": np.column_stack([classes > 0, classes > 1]).astype(np.float32),
    }


# Weights and the order of rows


@every_combination
@pytest.mark.parametrize("kind", targets_of(np.arange(9.0)))
@given(data=st.data())
@REPEATABLE
def test_weighted_is_repeated_in_any_order(scaling, embedding, kind, data):
    X, y = a_table()
    target = targets_of(y)[kind]
    counts = data.draw(npst.arrays(int, N, elements=st.integers(1, 4)))
    order = np.random.default_rng(data.draw(st.integers(0, 99))).permutation
    given_, repeated = order(N), order(np.repeat(np.arange(N), counts))
    options = {"scaling": scaling, "embedding": embedding, "n_bins": 6}
    ours = Features(**options).fit(
        X[given_], target[given_], counts[given_], categorical=LEVELS
    )
    theirs = Features(**options).fit(X[repeated], target[repeated], categorical=LEVELS)
    np.testing.assert_array_equal(ours.transform(X), theirs.transform(X))


@every_combination
def test_the_order_of_rows_of_any_weight_does_not_show(scaling, embedding):
    X, y = a_table()
    weight = np.random.default_rng(1).uniform(0.1, 5, N)
    outputs = []
    for seed in range(3):
        rows = np.random.default_rng(seed).permutation(N)
        features = Features(scaling=scaling, embedding=embedding)
        features.fit(X[rows], y[rows], weight[rows], categorical=LEVELS)
        outputs.append(features.transform(X))
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])


@every_embedding
def test_weights_move_the_edges(embedding):
    x = np.linspace(0, 1, 200)
    X, y = x[:, np.newaxis], np.where(x < 0.5, np.sin(20 * x), 0.0)
    features = Features(embedding=embedding, n_bins=8, scaling=None)
    plain = features.fit(X, y).transform(X)
    weighted = features.fit(X, y, np.where(x < 0.5, 0.01, 1)).transform(X)
    assert plain.shape != weighted.shape or not np.allclose(plain, weighted)


# What comes out


@every_combination
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_output_is_finite_contiguous_and_of_the_dtype_and_width(
    scaling, embedding, dtype
):
    X, y = a_table()
    features = Features(scaling=scaling, embedding=embedding, dtype=dtype)
    before = X.copy()
    output = features.fit(X, y, categorical=LEVELS).transform(X)
    np.testing.assert_array_equal(X, before)
    assert output.dtype == dtype and output.flags.c_contiguous
    assert output.shape == (N, features.width)
    assert np.isfinite(output).all()
    assert repr(features.width) in repr(features)


@every_combination
def test_a_row_is_given_alike_beside_whichever_rows(scaling, embedding):
    X, y = a_table(700)
    features = Features(scaling=scaling, embedding=embedding)
    features.fit(X, y, categorical=LEVELS)
    together = features.transform(X)
    for rows in ([5], slice(3, 200), slice(None, None, -1)):
        np.testing.assert_array_equal(features.transform(X[rows]), together[rows])


@every_combination
def test_features_survive_pickling(scaling, embedding):
    X, y = a_table()
    features = Features(scaling=scaling, embedding=embedding)
    features.fit(X, y, categorical=LEVELS)
    copied = pickle.loads(pickle.dumps(features))
    assert repr(copied) == repr(features)
    np.testing.assert_array_equal(copied.transform(X), features.transform(X))


@pytest.mark.parametrize("layout", ["F", "reversed", "big-endian", "read-only", "f4"])
def test_any_layout_of_the_same_numbers_is_read_alike(layout):
    X, y = a_table()
    X = X.astype(np.float32).astype(np.float64)
    given_ = {
        "F": np.asfortranarray(X),
        "reversed": X[::-1].copy()[::-1],
        "big-endian": X.astype(">f8"),
        "read-only": X.copy(),
        "f4": X.astype(np.float32),
    }[layout]
    given_.flags.writeable = layout != "read-only"
    features = [Features(embedding="ple_tree").fit(a, y) for a in (X, given_)]
    np.testing.assert_array_equal(
        features[0].transform(X), features[1].transform(given_)
    )


def test_only_numeric_or_only_categorical_columns_will_do():
    X, _ = a_table()
    for mask in (np.zeros(7, bool), np.ones(7, bool)):
        features = Features(embedding="ple_quantile").fit(X, categorical=mask)
        assert features.transform(X).shape == (N, features.width)


def test_numbers_are_not_mistaken_for_levels_nor_levels_for_numbers():
    X = np.array([[5.0, 1.0], [6.0, 2.0], [7.0, 2.0]])
    features = Features(scaling=None).fit(X, categorical=np.array([False, True]))
    np.testing.assert_array_equal(features.transform(X), [[5, -1], [6, 1], [7, 1]])


# Missing values


@every_combination
def test_missing_numbers_are_zero_and_told_apart(scaling, embedding):
    x = np.linspace(1, 2, 50)
    X = np.column_stack([x, x])
    X[:10, 0] = np.nan
    features = Features(scaling=scaling, embedding=embedding).fit(X, x)
    output = features.transform(X)
    np.testing.assert_array_equal(output[:, -1], [1] * 10 + [0] * 40)
    n_numeric = output.shape[1] - 1
    without = Features(scaling=scaling, embedding=embedding).fit(X[10:, :1], x[10:])
    first = output[:, : without.width]
    assert not first[:10].any()
    assert n_numeric > without.width
    np.testing.assert_array_equal(first[10:], without.transform(X[10:, :1]))


@every_combination
def test_numbers_missing_only_later_are_zero(scaling, embedding):
    x = np.linspace(1, 2, 50)[:, np.newaxis]
    features = Features(scaling=scaling, embedding=embedding).fit(x, x[:, 0])
    assert not features.transform(np.array([[np.nan]])).any()
    assert features.width == features.transform(x).shape[1]


@every_combination
def test_a_column_that_is_missing_throughout_says_nothing_else(scaling, embedding):
    X = np.full((5, 1), np.nan)
    features = Features(scaling=scaling, embedding=embedding).fit(X, np.arange(5.0))
    output = features.transform(np.array([[np.nan], [3.0]]))
    np.testing.assert_array_equal(output[:, -1], [1, 0])
    assert not output[:, :-1].any()


@every_embedding
def test_where_nothing_varies_a_column_of_zeros_is_left(embedding):
    X = np.array([[7.0, np.nan]] * 3)
    features = Features(embedding=embedding)
    features.fit(X, np.ones(3), categorical=np.array([False, True]))
    np.testing.assert_array_equal(features.transform(X + 1), [[0.0]] * 3)
    gradients = features.pulled_back(X, np.ones((3, 2, 1)))
    np.testing.assert_array_equal(gradients, np.zeros((3, 2, 2)))


# Extremes


@every_embedding
@pytest.mark.parametrize("scaling", ["robust", "standard"])
@given(
    X=npst.arrays(float, (9, 2), elements=st.sampled_from([*EXTREMES, 1.0, 2.0])),
    new=npst.arrays(float, (5, 2), elements=st.sampled_from([*EXTREMES, np.nan])),
)
@REPEATABLE
def test_components_are_bounded_whatever_the_numbers(scaling, embedding, X, new):
    features = Features(scaling=scaling, embedding=embedding, n_bins=4)
    features.fit(X, np.arange(9.0))
    tables = (X, new) if scaling == "robust" else (X,)
    for table in tables:
        output = features.transform(table)
        assert ((output >= 0) & (output <= 1)).all()


def test_narrow_bins_are_filled_by_numbers_far_off():
    X = np.repeat([[0.0], [1e-37], [1.0]], 10, axis=0)
    features = Features(scaling=None, embedding="ple_quantile").fit(X)
    output = features.transform(np.array([[-3e38], [0.0], [1e-3], [3e38]]))
    np.testing.assert_allclose(output, [[0, 0], [0, 0], [1, 1e-3], [1, 1]], rtol=1e-6)


@pytest.mark.parametrize("number", EXTREMES)
def test_what_robust_scaling_gives_is_within_three_whatever_the_number(number):
    X, _ = a_table()
    features = Features().fit(X, categorical=LEVELS)
    X[:, :4] = number
    output = features.transform(X)
    assert np.isfinite(output).all()
    assert (np.abs(output[:, :4]) <= 3).all()


def test_unscaled_numbers_too_large_for_the_dtype_are_refused():
    X = np.array([[1.0], [np.nan], [1e39]])
    with pytest.raises(ValueError, match="too large to compute with in float32"):
        Features(scaling=None).fit(X).transform(X)
    assert np.isfinite(Features(scaling=None, dtype="f8").fit(X).transform(X)).all()


def test_robust_features_of_standardised_columns_are_the_same():
    X, _ = a_table()
    X = np.nan_to_num(X[:, :4])
    Z = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(
        Features().fit(X).transform(X), Features().fit(Z).transform(Z), atol=1e-6
    )


# The encoding


def test_encoding_is_the_formula_of_the_paper_within_the_ends():
    edges = np.array([0.0, 1.0, 3.0, 4.0])
    x = np.linspace(0, 4, 33)
    encoding = PiecewiseLinear("ple_quantile", 8)
    encoding.fit(edges[:, np.newaxis], None, np.full(4, 10.0))
    expected = [
        [
            0 if v < low else 1 if v >= high else (v - low) / (high - low)
            for low, high in pairwise(edges)
        ]
        for v in x
    ]
    np.testing.assert_allclose(encoding.transform(x[:, np.newaxis]), expected)


@every_embedding
@given(
    x=npst.arrays(np.float32, 40, elements=st.floats(-3, 3, width=32)),
    new=npst.arrays(np.float32, 20, elements=st.floats(-3, 3, width=32)),
)
@REPEATABLE
def test_components_ascend_and_fill_up_one_after_the_other(embedding, x, new):
    X = x[:, np.newaxis]
    encoding = PiecewiseLinear(embedding, 6).fit(X, np.arange(40.0), np.ones(40))
    output = encoding.transform(np.sort(new)[:, np.newaxis])
    assert encoding.width <= 6
    assert ((output >= 0) & (output <= 1)).all()
    assert (np.diff(output, axis=0) >= 0).all()
    # Whoever has begun to fill a bin has filled those below it.
    assert ((output[:, 1:] == 0) | (output[:, :-1] >= 1 - 1e-6)).all()


def test_a_sum_of_components_can_be_the_column_itself():
    x = np.sort(np.random.default_rng(0).normal(size=300))
    encoding = PiecewiseLinear("ple_quantile", 10)
    Z = encoding.fit(x[:, np.newaxis], None, np.ones(300)).transform(x[:, np.newaxis])
    edges = quantile_edges(x, None, np.ones(300), 10)
    np.testing.assert_allclose(edges[0] + Z @ np.diff(edges), x)


def test_quantile_bins_hold_the_same_weight():
    x = np.random.default_rng(0).gamma(1, size=1000)
    counts, _ = np.histogram(x, quantile_edges(x, None, np.ones(1000), 10))
    assert len(counts) == 10
    assert np.ptp(counts) <= 2


@every_embedding
@pytest.mark.parametrize("n_values", [1, 2, 3, 5])
def test_few_values_are_told_apart_by_few_bins(embedding, n_values):
    x = np.arange(200.0) % n_values
    X = x[:, np.newaxis]
    output = Features(embedding=embedding).fit(X, x).transform(X)
    assert len(np.unique(output, axis=0)) == n_values
    assert n_values - 1 <= output.shape[1] <= n_values
    if n_values <= 2:
        np.testing.assert_array_equal(output, X)


@every_embedding
def test_few_rows_have_few_bins(embedding):
    X = np.random.default_rng(0).normal(size=(45, 1))
    assert 1 < Features(embedding=embedding).fit(X, X[:, 0]).width <= 4


@pytest.mark.parametrize("kind", ["regression", "classes"])
def test_trees_put_edges_where_the_target_changes(kind):
    x = np.linspace(0, 1, 1000)
    target = targets_of((x > 0.3) + 2.0 * (x > 0.7))[kind]
    edges = tree_edges(x, target, np.ones(1000), 3)
    changes = [0, 0.3, 0.7, 1] if kind == "regression" else [0, 0.7, 1]
    for change in changes:
        assert np.abs(edges - change).min() < 1e-3


def test_trees_leave_no_few_rows_alone():
    rng = np.random.default_rng(0)
    x = np.sort(rng.normal(size=400))
    edges = tree_edges(x, rng.normal(size=400), np.ones(400), 48)
    counts, _ = np.histogram(x, edges)
    assert counts.min() >= 10
    few = tree_edges(x[:15], x[:15], np.ones(15), 48)
    np.testing.assert_array_equal(few, [x[0], x[14]])


@pytest.mark.parametrize(
    ("n_columns", "n_bins", "expected"),
    [(1, 48, 48), (30, 48, 34), (300, 48, 4), (300, 2, 2)],
)
def test_bins_give_way_to_many_columns(n_columns, n_bins, expected):
    X = np.random.default_rng(0).normal(size=(500, n_columns))
    features = Features(embedding="ple_quantile", n_bins=n_bins).fit(X)
    assert features.width == n_columns * expected
    assert features.width <= max(MAX_COMPONENTS, 4 * n_columns)


# Gradients


@every_combination
def test_gradients_by_the_table_are_differences_of_what_follows(scaling, embedding):
    X, y = a_table()
    X = np.nan_to_num(X, nan=2.0)
    X[::5, 0] = np.nan
    features = Features(scaling=scaling, embedding=embedding, dtype=np.float64)
    features.fit(X, y, categorical=LEVELS)
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


@every_embedding
def test_on_an_edge_the_gradient_is_that_on_its_right(embedding):
    x = np.arange(200.0) % 3
    X, g = x[:, np.newaxis], np.ones((200, 1, 1))
    features = Features(scaling=None, embedding=embedding).fit(X, x)
    gradients = features.pulled_back(X, g.repeat(features.width, axis=2)).ravel()
    assert (gradients[x < 2] > 0).all() and not gradients[x == 2].any()


# Real data


@pytest.mark.data
@every_embedding
def test_embeddings_let_a_linear_model_bend(california, embedding):
    X, y = california.X_train, california.y_train
    scores = {}
    for name in (None, embedding):
        features = Features(embedding=name).fit(X, y)
        model = Ridge().fit(features.transform(X), y)
        predicted = model.predict(features.transform(california.X_test))
        scores[name] = r2_score(california.y_test, predicted)
    assert scores[None] > 0.6
    assert scores[embedding] > scores[None] + 0.05
