"""Encoded features of a table: of whichever numbers, weights and missing values."""

import pickle
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.sparse import csr_array
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from scaffolding import features_of, repeatable
from skfcnet._tabular.binning import (
    MAX_COMPONENTS,
    bin_edges,
    bins_of_columns,
    shared_bins,
)
from skfcnet._tabular.encoder import (
    EMBEDDINGS,
    LINEAR_FACTOR,
    Encoder,
)
from skfcnet._tabular.scaling import SCALINGS
from skfcnet.layers import ple_forward
from skfcnet.network import FullyConnectedNet

REPEATABLE = repeatable(40)
every_combination = pytest.mark.parametrize(
    ("scaling", "embedding"),
    [(scaling, embedding) for scaling in SCALINGS for embedding in (None, *EMBEDDINGS)],
    ids=str,
)
N = 40
EXTREMES = [-1e300, -1e30, -5e-324, 0.0, 1e-300, 1e-30, 1e30, 1.7e308]


def a_table(n=N):
    """Return numbers with gaps, ties and a constant; last, numbers of categories."""
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
    _, X[:, 6] = np.unique(X[:, 6], return_inverse=True)
    X[::7, 0] = X[3::9, 5] = np.nan
    return X


CATEGORICAL = np.array([False] * 4 + [True] * 3)
OF_NUMBERS = ("linear", "ple", "missing")
"""The blocks without parameters that make features of numeric columns."""


def an_encoder(X, categorical=None, **options):
    """Return an encoder that has learned which columns are categorical."""
    return Encoder(categorical_features=categorical, **options).learn_columns(X)


def network_behind(encoder):
    """Return a network that makes features of a compact table."""
    return FullyConnectedNet(
        "regression",
        [],
        input_dim=encoder.width,
        output_dim=2,
        blocks=encoder.blocks,
        dtype=encoder.dtype,
        random_state=0,
    )


def features(encoder, X, *, only=None):
    """Return the features that a network makes of a table, all or of some kinds."""
    net = network_behind(encoder)
    output = features_of(net, encoder.transform(X))
    if only is None:
        return output
    blocks = net.stages[0].blocks
    of_block = np.repeat([b.kind for b in blocks], [b.fan_out for b in blocks])
    return output[:, np.isin(of_block, only)] if blocks else output


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
    ours, theirs = (an_encoder(X, CATEGORICAL, **options) for _ in range(2))
    ours.fit(X[given_], counts[given_])
    theirs.fit(X[repeated])
    assert [b.kind for b in ours.blocks] == [b.kind for b in theirs.blocks]
    np.testing.assert_array_equal(features(ours, X), features(theirs, X))


@every_combination
def test_the_order_of_rows_of_any_weight_does_not_show(scaling, embedding):
    X = a_table()
    weight = np.random.default_rng(1).uniform(0.1, 5, N)
    outputs = []
    for seed in range(3):
        rows = np.random.default_rng(seed).permutation(N)
        encoder = an_encoder(X, CATEGORICAL, scaling=scaling, embedding=embedding)
        encoder.fit(X[rows], weight[rows])
        outputs.append(features(encoder, X))
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])


def test_weights_move_the_edges():
    x = np.linspace(0, 1, 200)
    X = x[:, np.newaxis]
    encoder = Encoder(embedding="ple", n_bins=8, scaling=None)
    plain = features(encoder.fit(X), X)
    weighted = features(encoder.fit(X, np.where(x < 0.5, 0.01, 1)), X)
    assert plain.shape != weighted.shape or not np.allclose(plain, weighted)


# What comes out


@every_combination
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_output_is_finite_contiguous_and_of_the_dtype_and_width(
    scaling, embedding, dtype
):
    X = a_table()
    options = {"scaling": scaling, "embedding": embedding, "dtype": dtype}
    encoder = an_encoder(X, CATEGORICAL, **options)
    before = X.copy()
    output = encoder.fit(X).transform(X)
    np.testing.assert_array_equal(X, before)
    assert output.dtype == dtype and output.flags.c_contiguous
    assert output.shape == X.shape == (N, encoder.width)
    with_missing = [False] * 7
    with_missing[0] = True  # missing categories have a code
    assert (np.isfinite(output).all(axis=0) != with_missing).all()
    assert np.isfinite(features(encoder, X)).all()
    assert repr(encoder.width) in repr(encoder)


@every_combination
def test_a_row_is_encoded_alike_beside_whichever_rows(scaling, embedding):
    X = a_table(700)
    encoder = an_encoder(X, CATEGORICAL, scaling=scaling, embedding=embedding).fit(X)
    together = encoder.transform(X)
    for rows in ([5], slice(3, 200), slice(None, None, -1)):
        np.testing.assert_array_equal(encoder.transform(X[rows]), together[rows])
        np.testing.assert_allclose(
            features(encoder, X[rows]), features(encoder, X)[rows], rtol=1e-5, atol=1e-6
        )


@every_combination
def test_encoders_survive_pickling(scaling, embedding):
    X = a_table()
    encoder = an_encoder(X, CATEGORICAL, scaling=scaling, embedding=embedding).fit(X)
    copied = pickle.loads(pickle.dumps(encoder))
    assert repr(copied) == repr(encoder)
    np.testing.assert_array_equal(features(copied, X), features(encoder, X))


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
    encoders = [Encoder(embedding="ple").fit(a) for a in (X, given_)]
    np.testing.assert_array_equal(
        features(encoders[0], X), features(encoders[1], given_)
    )


def test_only_numeric_or_only_categorical_columns_will_do():
    X = a_table()
    for mask in (np.zeros(7, bool), np.ones(7, bool)):
        encoder = an_encoder(X, mask, embedding="ple").fit(X)
        assert encoder.transform(X).shape == (N, 7)
        kinds = {block.kind for block in encoder.blocks}
        assert (kinds <= {"onehot", "lookup"}) == mask.all()
        assert (kinds <= {*OF_NUMBERS}) == (not mask.any())


def test_numbers_are_not_mistaken_for_categories_nor_categories_for_numbers():
    X = np.array([[5.0, 1.0], [6.0, 2.0], [7.0, 2.0]])
    encoder = an_encoder(X, np.array([False, True]), scaling=None).fit(X)
    np.testing.assert_array_equal(encoder.transform(X), [[5, 0], [6, 1], [7, 1]])
    np.testing.assert_array_equal(features(encoder, X), [[5, -1], [6, 1], [7, 1]])


def test_every_embedding_of_numbers_is_a_block():
    X = a_table()
    for embedding in EMBEDDINGS:
        encoder = an_encoder(X, CATEGORICAL, embedding=embedding).fit(X)
        assert embedding in [block.kind for block in encoder.blocks]


@every_combination
def test_the_linear_term_has_numbers_and_the_columns_of_missing_and_of_categories(
    scaling, embedding
):
    X = a_table()
    options = {"scaling": scaling, "embedding": embedding, "linear_term": True}
    encoder = an_encoder(X, CATEGORICAL, **options).fit(X)
    numbers = ["unclipped", "linear"] if scaling == "robust" else ["unclipped"]
    kinds = [block.kind for block in encoder.linear_blocks]
    assert kinds == [*numbers, "missing", "onehot"]
    for block in encoder.linear_blocks[-2:]:
        assert any(block is other for other in encoder.blocks)


@pytest.mark.parametrize("embedding", [None, "ple"])
def test_the_column_of_a_category_without_rows_is_found_behind_all_others(embedding):
    x = np.where(np.arange(60) % 7, np.arange(60.0), np.nan)
    dtype = pd.CategoricalDtype(["a", "b", "c"])
    frame = pd.DataFrame({"x": x, "k": pd.Series(["a", "c"] * 30, dtype=dtype)})
    encoder = Encoder(embedding=embedding).learn_columns(frame)
    encoder.fit(encoder.reader.read(frame))
    never = encoder.reader.read(pd.DataFrame({"x": [1.0], "k": ["b"]}))
    (row,) = features(encoder, never)
    (column,) = encoder.without_rows["W1"]
    assert row[column] == 1
    assert not features(encoder, encoder.reader.read(frame))[:, column].any()


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
    encoder = Encoder(scaling=scaling, embedding=embedding).fit(X)
    missing = features(encoder, X, only=["missing"])
    np.testing.assert_array_equal(missing, [[1]] * 10 + [[0]] * 40)
    output = features(encoder, X, only=["linear", "ple"])
    without = Encoder(scaling=scaling, embedding=embedding).fit(X[10:, :1])
    expected = features(without, X[10:, :1], only=["linear", "ple"])
    # Before the components of the first column stand both columns.
    first = output[:, [0, *range(2, 1 + expected.shape[1])]]
    average = np.array([[CENTERS[scaling](x[10:])]])
    average = features(without, average, only=["linear", "ple"])
    np.testing.assert_allclose(first[:10], average.repeat(10, axis=0), atol=1e-6)
    assert output.shape[1] > expected.shape[1]
    np.testing.assert_array_equal(first[10:], expected)
    # A missing number is an average one for the trained embedding, too.
    trained = features(encoder, X, only=["pbld"])
    average = np.nan_to_num(X, nan=CENTERS[scaling](x[10:]))
    average = features(encoder, average, only=["pbld"])
    np.testing.assert_allclose(trained, average, atol=1e-6)


@every_combination
def test_numbers_missing_only_later_are_average_ones(scaling, embedding):
    x = np.linspace(1, 2, 50)[:, np.newaxis]
    encoder = Encoder(scaling=scaling, embedding=embedding).fit(x)
    missing, average = np.array([[np.nan]]), np.array([[CENTERS[scaling](x)]])
    np.testing.assert_allclose(
        features(encoder, missing), features(encoder, average), atol=1e-6
    )
    assert encoder.width == encoder.transform(x).shape[1]


@every_combination
def test_a_column_that_is_missing_throughout_says_nothing_else(scaling, embedding):
    X = np.full((5, 1), np.nan)
    encoder = Encoder(scaling=scaling, embedding=embedding).fit(X)
    table = np.array([[np.nan], [3.0]])
    missing = features(encoder, table, only=["missing"])
    np.testing.assert_array_equal(missing, [[1], [0]])
    assert not features(encoder, table, only=["linear", "ple"]).any()
    one, other = features(encoder, table, only=["pbld"])
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("embedding", [None, "ple", "pbld"])
@pytest.mark.parametrize("layout", [np.asarray, csr_array])
def test_what_was_constant_is_learned_and_the_rest_is_as_it_was(embedding, layout):
    X = np.array([[1.0, 7.0, np.nan, 0.0], [2.0, 7.0, np.nan, 1.0]])
    more = np.array([[5.0, 7.0, 3.0, 1.0], [6.0, 9.0, 5.0, 0.0], [7.0, 8.0, 4.0, 0.0]])
    categorical = np.array([False, False, False, True])
    encoder = an_encoder(X, categorical, embedding=embedding).fit(X)
    before, width = encoder.transform(more), encoder.width
    updated = encoder.updated(layout(more))
    after = updated.transform(more)
    assert updated.width == width
    assert updated.blocks is encoder.blocks
    np.testing.assert_array_equal(encoder.transform(more), before)
    assert not before[:, 1:3].any()
    assert (np.ptp(after[:, 1:3], axis=0) > 0.5).all()
    np.testing.assert_array_equal(
        np.delete(after, [1, 2], 1), np.delete(before, [1, 2], 1)
    )


def test_where_nothing_varies_a_column_of_zeros_is_left():
    X = np.array([[7.0, np.nan]] * 3)
    encoder = an_encoder(X, np.array([False, True]), embedding="ple").fit(X)
    # That the category is missing is the only one there is.
    np.testing.assert_array_equal(encoder.transform(X + 1), [[0.0, 0.0]] * 3)
    np.testing.assert_array_equal(features(encoder, X + 1), [[0.0, 1.0]] * 3)
    gradients = encoder.backward(X, np.ones((3, 2, 2)))
    np.testing.assert_array_equal(gradients, np.zeros((3, 2, 2)))


# Extremes


@pytest.mark.parametrize("scaling", ["robust", "standard"])
@given(
    X=npst.arrays(float, (9, 2), elements=st.sampled_from([*EXTREMES, 1.0, 2.0])),
    new=npst.arrays(float, (5, 2), elements=st.sampled_from([*EXTREMES, np.nan])),
)
@REPEATABLE
def test_components_are_bounded_whatever_the_numbers(scaling, X, new):
    encoder = Encoder(scaling=scaling, embedding="ple", n_bins=4).fit(X)
    plain = Encoder(scaling=scaling).fit(X)
    tables = (X, new) if scaling == "robust" else (X,)
    for table in tables:
        output, scaled = features(encoder, table), plain.transform(table)[:, :2]
        np.testing.assert_array_equal(output[:, :2], np.float32(LINEAR_FACTOR) * scaled)
        assert ((output[:, 2:] >= 0) & (output[:, 2:] <= 1)).all()


def test_narrow_bins_are_filled_by_numbers_far_off():
    X = np.repeat([[0.0], [1e-37], [1.0]], 10, axis=0)
    encoder = Encoder(scaling=None, embedding="ple").fit(X)
    output = features(encoder, np.array([[-1e38], [0.0], [1e-3], [1e38]]))
    np.testing.assert_allclose(
        output[:, 1:], [[0, 0], [0, 0], [1, 1e-3], [1, 1]], rtol=1e-6
    )


@pytest.mark.parametrize("number", EXTREMES)
def test_what_robust_scaling_gives_is_within_three_whatever_the_number(number):
    X = a_table()
    encoder = an_encoder(X, CATEGORICAL).fit(X)
    X[:, :4] = number
    output = encoder.transform(X)
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
        Encoder(**options).fit(X).transform(X)
    encoder = Encoder(**options, dtype=np.float64).fit(X)
    assert np.isfinite(features(encoder, X)).all()


def test_robust_features_of_standardised_columns_are_the_same():
    X = a_table()
    X = np.nan_to_num(X[:, :4])
    Z = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(
        Encoder().fit(X).transform(X), Encoder().fit(Z).transform(Z), atol=1e-6
    )


# The encoding


def test_encoding_is_the_formula_of_the_paper_within_the_ends():
    edges = np.array([0.0, 1.0, 3.0, 4.0])
    x = np.linspace(0, 4, 33)
    bins = bins_of_columns(edges[:, np.newaxis], np.full(4, 10.0), 8)
    expected = [
        [
            0 if v < low else 1 if v >= high else (v - low) / (high - low)
            for low, high in pairwise(edges)
        ]
        for v in x
    ]
    np.testing.assert_allclose(ple_forward(x[:, np.newaxis], bins)[0], expected)


@given(
    x=npst.arrays(np.float32, 40, elements=st.floats(-3, 3, width=32)),
    new=npst.arrays(np.float32, 20, elements=st.floats(-3, 3, width=32)),
)
@REPEATABLE
def test_components_ascend_and_fill_up_one_after_the_other(x, new):
    bins = bins_of_columns(x[:, np.newaxis], np.ones(40), 6)
    output, _ = ple_forward(np.sort(new)[:, np.newaxis], bins)
    assert output.shape[1] <= 4  # one bin for ten rows
    assert ((output >= 0) & (output <= 1)).all()
    assert (np.diff(output, axis=0) >= 0).all()
    # Whoever has begun to fill a bin has filled those below it.
    assert ((output[:, 1:] == 0) | (output[:, :-1] >= 1 - 1e-6)).all()


def test_a_sum_of_components_can_be_the_column_itself():
    x = np.sort(np.random.default_rng(0).normal(size=300))
    X = x[:, np.newaxis]
    Z, _ = ple_forward(X, bins_of_columns(X, np.ones(300), 10))
    edges = bin_edges(x, np.ones(300), 10)
    np.testing.assert_allclose(edges[0] + Z @ np.diff(edges), x)


def test_a_column_stands_before_its_components_and_goes_on_beyond_the_bins():
    X = np.random.default_rng(0).normal(size=(200, 2))
    options = {"embedding": "ple", "n_bins": 8, "dtype": np.float64}
    encoder = Encoder(scaling="standard", **options).fit(X)
    assert features(encoder, X).shape[1] == 2 + 2 * 8
    low, high = features(encoder, np.array([X.min(axis=0), X.max(axis=0)]))
    beyond = features(encoder, np.array([X.min(axis=0) - 5, X.max(axis=0) + 5]))
    steps = 5 * LINEAR_FACTOR / X.std(axis=0)
    np.testing.assert_allclose(beyond[0], [*(low[:2] - steps), *np.zeros(16)])
    np.testing.assert_allclose(beyond[1], [*(high[:2] + steps), *np.ones(16)])
    within = features(encoder, X)[:, :2] / LINEAR_FACTOR
    np.testing.assert_allclose(within, StandardScaler().fit_transform(X), atol=1e-12)


@pytest.mark.parametrize("embedding", [None, "ple"])
@pytest.mark.parametrize("scaling", ["standard", None])
def test_what_does_not_clip_is_an_affine_map_of_the_columns(scaling, embedding):
    X = np.random.default_rng(0).normal(3, [0.1, 20], size=(50, 2))
    options = {"scaling": scaling, "embedding": embedding, "dtype": np.float64}
    encoder = Encoder(**options, linear_term=True).fit(X)
    factor, shift = encoder.affine_map()
    np.testing.assert_allclose(features(encoder, X)[:, :2], factor * X + shift)


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


@pytest.mark.parametrize("n_values", [4, 5])
def test_values_that_fit_into_the_bins_are_all_edges_however_frequent(n_values):
    values = np.arange(float(n_values))
    counts = np.where(values, 1.0, 91.0)
    np.testing.assert_array_equal(bin_edges(values, counts, 4), values)


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
    output = features(Encoder(embedding="ple").fit(X), X)
    assert output.shape[1] == 1 + n_components
    for told_apart in (output, output[:, 1:]):
        assert len(np.unique(told_apart, axis=0)) == n_values


@pytest.mark.parametrize("values", [[0.0, 1.0], [-7.0, 1e300], [np.nan, 5.0], [2.0]])
def test_a_column_of_two_values_at_most_has_no_bins(values):
    X = np.resize(values, (200, 1))
    encoder = Encoder(embedding="ple").fit(X)
    told_apart = np.unique(features(encoder, X), axis=0)
    assert len(told_apart) == len(values)
    assert told_apart.shape[1] == 1 + np.isnan(values).any()


@pytest.mark.parametrize("embedding", ["auto", "ple"])
def test_columns_of_two_values_leave_the_bins_to_the_others(embedding):
    rng = np.random.default_rng(0)
    numbers, flags = rng.normal(size=(900, 5)), rng.integers(0, 2, (900, 200))
    X = np.hstack([flags[:, :70], numbers, flags[:, 70:]])
    encoder = Encoder(embedding=embedding).fit(X)
    alone = Encoder(embedding=embedding).fit(numbers)
    ours, theirs = features(encoder, X), features(alone, numbers)
    assert ours.shape[1] == 200 + theirs.shape[1] == 205 + 5 * 24
    np.testing.assert_array_equal(ours[:, 205:], theirs[:, 5:])


def test_few_rows_have_few_bins():
    X = np.random.default_rng(0).normal(size=(45, 1))
    encoder = Encoder(embedding="ple")
    assert features(encoder.fit(X), X).shape[1] == 1 + 4
    assert features(encoder.fit(X, np.full(45, 2.0)), X).shape[1] == 1 + 9


@pytest.mark.parametrize("n_bins", [48, 2])
@pytest.mark.parametrize("n_columns", [1, 30, 300, 600])
def test_many_columns_share_their_bins(n_columns, n_bins):
    X = np.random.default_rng(0).normal(size=(500, n_columns))
    bins = bins_of_columns(X, np.ones(500), n_bins)
    counts = np.bincount(bins["column"], minlength=n_columns)
    expected = min(n_columns * n_bins, MAX_COMPONENTS)
    assert counts.sum() == expected
    assert counts.max() - counts[counts > 0].min() <= 1
    assert counts[counts > 0].min() >= 2


@given(st.integers(1, 3000), st.integers(2, 60))
def test_one_column_more_costs_each_of_the_others_its_share_of_bins(n, n_bins):
    fewer, more = shared_bins(n, n_bins), shared_bins(n + 1, n_bins)
    assert more.sum() <= MAX_COMPONENTS
    assert more.sum() >= fewer.sum()
    assert (np.abs(fewer - more[:-1]) <= 1 + fewer.max() / (n + 1)).all()


@pytest.mark.parametrize("n_columns", [1, 5, 300])
def test_auto_is_piecewise_linear_for_any_number_of_columns(n_columns):
    rng = np.random.default_rng(0)
    numbers, categories = rng.normal(size=(60, n_columns)), rng.integers(0, 3, (60, 5))
    mask = np.arange(n_columns + 5) >= n_columns
    # Categories do not count.
    for X, categorical in [(numbers, None), (np.hstack([numbers, categories]), mask)]:
        encoder = an_encoder(X, categorical, embedding="auto").fit(X)
        same = an_encoder(X, categorical, embedding="ple").fit(X)
        np.testing.assert_array_equal(features(encoder, X), features(same, X))
        assert any(block.kind == "ple" for block in encoder.blocks)


def test_auto_is_nothing_where_no_column_has_more_than_two_values():
    X = np.random.default_rng(0).integers(0, 2, (60, 5)) * 1.0
    with_auto, without = (Encoder(embedding=name).fit(X) for name in ("auto", None))
    np.testing.assert_array_equal(features(with_auto, X), features(without, X))


def test_auto_is_nothing_for_sparse_rows_and_for_categories_alone():
    X = a_table()
    sparse = csr_array(np.nan_to_num(X))
    encoder = Encoder(scaling=None, embedding="auto").fit(sparse)
    assert encoder.is_identity and encoder.width == X.shape[1]
    categories, mask = X[:, CATEGORICAL], np.ones(3, bool)
    with_auto = an_encoder(categories, mask, embedding="auto").fit(categories)
    without = an_encoder(categories, mask, embedding=None).fit(categories)
    np.testing.assert_array_equal(
        features(with_auto, categories), features(without, categories)
    )


# Gradients


@every_combination
def test_gradients_by_the_table_are_differences_of_what_follows(scaling, embedding):
    X = a_table()
    X = np.nan_to_num(X, nan=2.0)
    X[::5, 0] = np.nan
    options = {"scaling": scaling, "embedding": embedding, "dtype": np.float64}
    encoder = an_encoder(X, CATEGORICAL, **options).fit(X)
    X += 1e-3  # off the edges, where there is no derivative
    X[:, CATEGORICAL] -= 1e-3
    net = network_behind(encoder)
    gradients = encoder.backward(X, net.input_gradients(encoder.transform(X)))
    assert gradients.shape == (N, 2, X.shape[1])
    for j in np.flatnonzero(~CATEGORICAL):
        h = 1e-5 * np.eye(X.shape[1])[j]
        more, less = (net.scores(encoder.transform(X + step)) for step in (h, -h))
        expected = (more - less) / 2e-5
        np.testing.assert_allclose(gradients[:, :, j], expected, rtol=1e-5, atol=1e-6)
    assert not gradients[::5, :, 0].any()
    assert not gradients[:, :, CATEGORICAL].any()


def test_gradients_of_numbers_that_are_not_encoded_are_passed_on_unless_missing():
    X = np.random.default_rng(0).normal(size=(3, 2))
    encoder = Encoder(scaling=None).fit(X)
    assert encoder.is_identity
    X[1, 0] = np.nan
    gradients = np.ones((3, 4, 2), np.float32)
    expected = np.broadcast_to(~np.isnan(X)[:, np.newaxis], gradients.shape)
    backward = encoder.backward(X, gradients)
    assert backward.dtype == np.float64
    np.testing.assert_array_equal(backward, expected)


def test_on_an_edge_the_gradient_is_that_on_its_right():
    x = np.arange(200.0) % 3
    X = x[:, np.newaxis]
    encoder = Encoder(scaling=None, embedding="ple").fit(X)
    net = network_behind(encoder)
    net.params["W1"] = 1
    g = net.input_gradients(encoder.transform(X))[:, :1]
    gradients = encoder.backward(X, g).ravel()
    # To the right of the last edge there is no bin.
    np.testing.assert_allclose(gradients, LINEAR_FACTOR + (x < 2))


# Real data


@pytest.mark.data
def test_the_embedding_lets_a_linear_model_bend(california):
    X, y = california.X_train, california.y_train
    scores = {}
    for name in (None, "ple"):
        encoder = Encoder(embedding=name).fit(X)
        model = Ridge().fit(features(encoder, X), y)
        predicted = model.predict(features(encoder, california.X_test))
        scores[name] = r2_score(california.y_test, predicted)
    assert scores[None] > 0.6
    assert scores["ple"] > scores[None] + 0.05
