"""Scaling of input and target: what it computes, of whichever numbers and weights."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.preprocessing import RobustScaler, StandardScaler

from scaffolding import repeatable
from skfcnet._engine.statistics import distinct, exact_weights, quantiles
from skfcnet._tabular.scaling import SCALINGS, Scaler
from skfcnet._tabular.target_scaler import TARGET_SCALINGS, TargetScaler

REPEATABLE = repeatable(100)
EXTREMES = [-1.7e308, -1e300, -3.0, -5e-324, -0.0, 0.0, 1e-310, 0.1, 3.0, 1.7e308]
every_scaling = pytest.mark.parametrize("scaling", SCALINGS)


def columns(*, missing=False, min_rows=1):
    """Draw a column of numbers, with duplicates, and how often each counts."""
    numbers = st.one_of(
        st.sampled_from(EXTREMES + [np.nan] * missing),
        st.floats(allow_nan=False, allow_infinity=False),
    )
    return st.lists(
        st.tuples(numbers, st.integers(1, 4)), min_size=min_rows, max_size=12
    ).map(lambda pairs: [np.array(a) for a in zip(*pairs, strict=True)])


def fitted(scaling, X, weight=None):
    return Scaler(scaling).fit(X, exact_weights(weight, len(X)))


# Statistics


@given(column=columns())
@REPEATABLE
def test_quantiles_are_those_of_the_repeated_values(column):
    values, counts = column
    levels = [0, 0.25, 0.5, 0.75, 1]
    ours = quantiles(*distinct(values, counts.astype(float)), levels)
    repeated = np.repeat(values, counts)
    np.testing.assert_array_equal(
        ours, np.quantile(repeated, levels, method="inverted_cdf")
    )


@given(weight=npst.arrays(float, 9, elements=st.floats(1e-3, 100)), data=st.data())
@REPEATABLE
def test_sums_of_weights_do_not_depend_on_the_order(weight, data):
    order = data.draw(st.permutations(range(9)))
    weight = exact_weights(weight, 9)
    values = np.array([1.0, 2.0, 1.0] * 3)
    ours, theirs = distinct(values, weight), distinct(values[order], weight[order])
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("weight", [1e-30, 1e-9, 0.1, 1.0, 7.0, 1e6])
def test_weights_are_kept_but_for_rounding_and_never_lost(weight):
    counts = exact_weights(np.array([weight, 3.0, 1e6]), 3)
    assert (counts > 0).all()
    np.testing.assert_allclose(counts, [weight, 3.0, 1e6], atol=1e-9)
    assert counts[1:].tolist() == [3.0, 1e6]
    assert counts[0] == weight or weight < 1


def test_quantiles_do_not_depend_on_the_unit_of_weights():
    values, counts = np.arange(40.0), np.arange(40) % 4 + 1.0
    levels = np.linspace(0, 1, 21)
    expected = quantiles(values, counts, levels)
    for unit in (0.1, 0.37, 1 / 3, 30):
        weight = exact_weights(unit * counts, 40)
        np.testing.assert_array_equal(quantiles(values, weight, levels), expected)


# Input


@every_scaling
@given(column=columns(missing=True), data=st.data())
@REPEATABLE
def test_weighted_is_repeated_in_any_order(scaling, column, data):
    values, counts = column
    rows = data.draw(st.permutations(np.repeat(np.arange(len(values)), counts)))
    X = values[:, np.newaxis]
    weighted, repeated = fitted(scaling, X, counts), fitted(scaling, X[rows])
    np.testing.assert_array_equal(weighted.half_center, repeated.half_center)
    np.testing.assert_array_equal(weighted.factor, repeated.factor)


@given(column=columns(missing=True), new=columns(missing=True))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@REPEATABLE
def test_robust_is_bounded_and_ascending_whatever_the_numbers(dtype, column, new):
    values, counts = column
    scaler = fitted("robust", values[:, np.newaxis], counts)
    assert np.isfinite(scaler.factor).all()
    for numbers in (values, np.sort(new[0])):
        scaled = np.empty((len(numbers), 1), dtype)
        scaler.transform(numbers[:, np.newaxis], out=scaled)
        scaled = scaled.ravel()
        np.testing.assert_array_equal(np.isnan(scaled), np.isnan(numbers))
        known = scaled[~np.isnan(scaled)]
        assert (np.abs(known) <= 3).all()
    assert (np.diff(known) >= 0).all()


@given(column=columns(missing=True))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@REPEATABLE
def test_standard_is_finite_whatever_the_numbers_it_was_fitted_to(dtype, column):
    values, counts = column
    X = values[:, np.newaxis]
    out = np.empty(X.shape, dtype)
    scaled = fitted("standard", X, counts).transform(X, out=out)
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(X))
    assert (np.abs(scaled[~np.isnan(scaled)]) <= np.sqrt(counts.sum()) + 1e-4).all()


def test_robust_is_the_formula_of_the_paper():
    X = np.random.default_rng(0).normal(5, 2, size=(999, 3))
    ours = fitted("robust", X).transform(X)
    x = RobustScaler().fit_transform(X)
    np.testing.assert_allclose(ours, x / np.sqrt(1 + (x / 3) ** 2), atol=0.02)


def test_where_most_values_are_equal_the_range_counts():
    x = np.array([0.0] * 18 + [-1.0, 3.0])
    scaled = fitted("robust", x[:, np.newaxis]).transform(x[:, np.newaxis]).ravel()
    expected = x / 2
    np.testing.assert_allclose(scaled, expected / np.sqrt(1 + (expected / 3) ** 2))


def test_standard_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    X, weight = rng.normal(1e3, 2, size=(50, 3)), rng.integers(1, 5, size=50)
    ours = fitted("standard", X, weight).transform(X)
    theirs = StandardScaler().fit(X, sample_weight=weight).transform(X)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_unscaled_is_as_it_is():
    X = np.array([[1e300, 0.1], [-7.0, np.nan]])
    np.testing.assert_array_equal(fitted(None, X).transform(X), X)


@every_scaling
def test_slopes_are_differences_of_scaled_numbers(scaling):
    X = np.random.default_rng(0).normal(5, 2, size=(20, 3))
    scaler = fitted(scaling, X)
    less, more = (scaler.transform(X + h) for h in (-1e-6, 1e-6))
    np.testing.assert_allclose(scaler.slopes(X), (more - less) / 2e-6, rtol=1e-6)


@every_scaling
def test_numbers_far_off_are_at_the_limit_if_there_is_one(scaling):
    scaler = fitted(scaling, np.array([[-1.0], [0.0], [1.0]]))
    far = np.array([[1e9]])
    expected = np.minimum(scaler.without_bound(far), SCALINGS[scaling].limit)
    np.testing.assert_allclose(scaler.transform(far), expected)


@pytest.mark.parametrize("scaling", ["robust", "standard"])
def test_scaling_what_is_standardised_already_changes_nothing(scaling):
    X = np.random.default_rng(0).gamma(2, 3, size=(200, 3))
    Z = StandardScaler().fit_transform(X)
    once, twice = fitted(scaling, X).transform(X), fitted(scaling, Z).transform(Z)
    np.testing.assert_allclose(once, twice, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("scaling", ["robust", "standard"])
@pytest.mark.parametrize("value", [0.0, 0.1, -1.7e308, 5e-324])
def test_a_constant_column_is_zero_also_where_it_varies_later(scaling, value):
    scaler = fitted(scaling, np.full((7, 1), value))
    new = np.array(EXTREMES)[:, np.newaxis]
    assert not scaler.transform(new).any()


@every_scaling
def test_a_column_without_a_number_is_zero(scaling):
    scaler = fitted(scaling, np.full((3, 1), np.nan))
    assert scaler.transform(np.ones((1, 1))) == 0


@pytest.mark.parametrize("scaling", ["standard", None])
def test_what_does_not_fit_into_the_dtype_is_refused(scaling):
    scaler = fitted(scaling, np.array([[1.0], [2.0]]))
    for number in (1e300, -1.7e308):
        with pytest.raises(ValueError, match="too large to compute with in float32"):
            scaler.transform(np.array([[number]]), out=np.empty((1, 1), np.float32))


@every_scaling
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_input_of_any_dtype_is_read_and_not_written(scaling, dtype):
    X = np.random.default_rng(0).normal(size=(20, 3)).astype(dtype)
    before = X.copy()
    with np.errstate(all="raise"):
        scaled = fitted(scaling, X).transform(X)
    assert scaled.dtype == np.float64
    np.testing.assert_array_equal(X, before)


@every_scaling
@given(first=columns(missing=True), then=columns(missing=True), data=st.data())
@REPEATABLE
def test_what_has_a_scale_keeps_it_and_the_rest_is_as_if_repeated(
    scaling, first, then, data
):
    before = fitted(scaling, first[0][:, np.newaxis], first[1])
    state = before.half_center.copy(), before.factor.copy(), before.is_known.copy()
    X, counts = then[0][:, np.newaxis], then[1]
    after = before.updated(X, exact_weights(counts, len(X)))
    rows = data.draw(st.permutations(np.repeat(np.arange(len(X)), counts)))
    repeated = before.updated(X[rows], exact_weights(None, len(rows)))
    assert (after.half_center, after.factor) == (repeated.half_center, repeated.factor)
    np.testing.assert_array_equal(
        (before.half_center, before.factor, before.is_known), state
    )
    if before.factor:
        assert (after.half_center, after.factor) == (before.half_center, before.factor)
    assert after.is_known == (before.is_known or not np.isnan(X).all())


@pytest.mark.parametrize("scaling", ["robust", "standard"])
@pytest.mark.parametrize("placeholder", [0.0, 5.0, -1e9])
def test_a_column_that_did_not_vary_is_learned_anew_from_rows_that_do(
    scaling, placeholder
):
    before = fitted(scaling, np.full((3, 1), placeholder))
    X = np.array([[5.0], [9.0], [13.0]])
    assert not before.transform(X).any()
    after, new = before.updated(X, np.ones(3)), fitted(scaling, X)
    assert (after.half_center, after.factor) == (new.half_center, new.factor)
    again = after.updated(100 * X, np.ones(3))
    assert (again.half_center, again.factor) == (new.half_center, new.factor)


@pytest.mark.parametrize("scaling", ["robust", "standard"])
def test_rows_that_are_alike_and_new_are_seen_beside_those_before(scaling):
    before = fitted(scaling, np.full((30, 1), 5.0))
    after = before.updated(np.full((20, 1), 9.0), np.full(20, 1 / 20))
    both = fitted(scaling, np.array([[5.0], [9.0]]))
    np.testing.assert_allclose(after.factor, both.factor)
    np.testing.assert_allclose(after.half_center, both.half_center)


@pytest.mark.parametrize("scaling", ["robust", "standard"])
@pytest.mark.parametrize("constant", [0.1, -1e300, 2020.0])
def test_rounding_is_no_variation(scaling, constant):
    before = fitted(scaling, np.full((3, 1), constant))
    noise = 1 + np.array([[0.0], [2**-25], [-(2**-24)]])
    after = before.updated(constant * noise, np.ones(3))
    assert after.factor == 0
    after = after.updated(constant * np.array([[1.0], [1.001]]), np.ones(2))
    assert after.factor > 0


def test_many_columns_that_stay_constant_stay_so():
    before = fitted("robust", np.zeros((10, 5)))
    X = np.zeros((4, 5))
    X[1, 3] = 1.0
    after = before.updated(X, np.ones(4))
    np.testing.assert_array_equal(after.factor > 0, np.arange(5) == 3)


@every_scaling
def test_a_column_that_was_missing_so_far_is_learned_like_a_new_one(scaling):
    X = np.array([[1.0], [2.0], [4.0], [9.0]])
    scaler = fitted(scaling, np.full((3, 1), np.nan)).updated(X, np.ones(4))
    expected = fitted(scaling, X).transform(X)
    np.testing.assert_array_equal(scaler.transform(X), expected)


# Target


@pytest.mark.parametrize("scaling", TARGET_SCALINGS)
@given(column=columns(), data=st.data())
@REPEATABLE
def test_target_of_weighted_rows_is_that_of_repeated_ones(scaling, column, data):
    y, counts = column
    rows = data.draw(st.permutations(np.repeat(np.arange(len(y)), counts)))
    weighted = TargetScaler(scaling=scaling).fit(y, counts)
    repeated = TargetScaler(scaling=scaling).fit(y[rows])
    np.testing.assert_array_equal(weighted.transform(y), repeated.transform(y))
    assert weighted.inverse_transform(0.3) == repeated.inverse_transform(0.3)


@pytest.mark.parametrize("shape", [(30,), (30, 1), (30, 4)])
@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e300])
def test_target_has_mean_zero_and_deviation_one_and_comes_back(shape, unit):
    y = unit * np.random.default_rng(0).normal(3, 2, size=shape)
    scaler = TargetScaler().fit(y)
    scaled = scaler.transform(y)
    assert scaled.shape == shape
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-12)
    np.testing.assert_allclose(scaler.inverse_transform(scaled), y, rtol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("outlier", [1e3, 1e30])
def test_quartiles_of_a_target_are_those_of_normal_numbers_whatever_the_outliers(
    share, outlier
):
    y = np.random.default_rng(0).normal(3, 2, size=20_000)
    alike = np.arange(len(y)) < share * len(y)  # such as no claim at all
    y[alike] = 3
    y[-20:] = outlier
    scaled = TargetScaler(scaling="quartiles").fit(y).transform(y)
    assert abs(np.median(scaled)) < 0.02
    if share == 0.6:
        assert np.median(np.abs(scaled[~alike])) == pytest.approx(0.6745, rel=1e-3)
    else:
        assert scaled[~alike][:-20].std() == pytest.approx(1 + share, rel=0.1)


def test_counts_and_costs_are_scaled_to_a_mean_of_one_and_stay_positive():
    y = np.random.default_rng(0).gamma(2, 1e6, size=(500, 2)) * [1, 1e20]
    weight = np.random.default_rng(1).integers(1, 4, size=500)
    scaler = TargetScaler(scaling="mean").fit(y, weight)
    scaled = scaler.transform(y)
    assert (scaled > 0).all()
    np.testing.assert_allclose(np.average(scaled, axis=0, weights=weight), 1)
    np.testing.assert_allclose(scaler.inverse_transform(scaled), y)


@pytest.mark.parametrize("scaling", ["standard", "quartiles"])
@pytest.mark.parametrize("value", [0.0, -7.1, 1.7e308])
def test_a_constant_target_is_only_shifted(scaling, value):
    scaler = TargetScaler(scaling=scaling).fit(np.full(5, value))
    assert not scaler.transform(np.full(5, value)).any()
    assert scaler.transform(value + 2.0) == pytest.approx(2.0 if value < 1e9 else 0)


@pytest.mark.parametrize("scaling", TARGET_SCALINGS)
@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e-300, 1.7e308])
def test_a_constant_target_comes_back_as_it_was_whatever_is_predicted(
    scaling, clip, value
):
    scaler = TargetScaler(scaling=scaling, clip=clip).fit(np.full(5, value))
    assert (scaler.inverse_transform(np.array([-3.0, 0.0, 7.0])) == value).all()
    still = scaler.updated(np.full(2, value))
    assert (still.inverse_transform(np.array([-3.0, 0.0, 7.0])) == value).all()
    varied = scaler.updated(np.array([1.0, 2.0, 4.0]))
    assert not varied.is_constant


@pytest.mark.parametrize("weight", [None, np.array([1.0, 2.0, 1.0])])
def test_a_target_that_did_not_vary_is_learned_anew_from_rows_that_do(weight):
    before = TargetScaler().fit(np.array([[5, 1], [5, 3]]))
    y = np.array([[50, 9], [90, 9], [70, 9]])
    state = (
        before.half_scale.copy(),
        before.half_center.copy(),
        before.is_constant.copy(),
    )
    scaler = before.updated(y, weight)
    repeated = np.repeat(y[:, 0], 1 if weight is None else weight.astype(int))
    expected = (y[:, 0] - repeated.mean()) / repeated.std()
    scaled = scaler.transform(y)
    np.testing.assert_allclose(scaled[:, 0], expected)
    np.testing.assert_array_equal(scaled[:, 1], 7)  # by 2 and 1, as before
    assert (scaler.low.tolist(), scaler.high.tolist()) == ([5, 1], [90, 9])
    np.testing.assert_array_equal(
        (before.half_scale, before.half_center, before.is_constant), state
    )
    again = scaler.updated(1000 * y)
    np.testing.assert_array_equal(again.transform(y), scaled)


@pytest.mark.parametrize("value", [0.0, 0.3, -1e300])
def test_a_target_that_still_does_not_vary_is_only_shifted(value):
    scaler = TargetScaler().fit(np.full(3, value)).updated(np.full(2, value))
    scaler = scaler.updated(value * np.array([1, 1 + 2**-40]))
    assert scaler.transform(value) == 0
    assert scaler.half_scale == 0.5
    scaler = scaler.updated(np.array([value + 1.0]))
    assert abs(scaler.transform(value)) == (1.0 if abs(value) < 1 else 0.0)


@pytest.mark.parametrize("scaling", TARGET_SCALINGS)
def test_a_target_that_varies_or_is_not_scaled_keeps_its_scale(scaling):
    for y in ([1.0, 3.0], [5.0, 5.0])[: 1 if scaling else 2]:
        scaler = TargetScaler(scaling=scaling).fit(np.array(y))
        expected = scaler.transform(7.0)
        assert scaler.updated(np.array([1e6, -1e6])).transform(7.0) == expected


def test_predictions_are_clipped_to_the_range_of_every_target_on_demand():
    y = np.array([[0.0, 5.0], [10.0, 7.0]])
    scaled = np.array([[-9.0, 0.0], [1e308, 9.0]])
    clipped = TargetScaler(clip=True).fit(y).inverse_transform(scaled)
    np.testing.assert_array_equal(clipped, [[0, 6], [10, 7]])
    assert TargetScaler().fit(y).inverse_transform(scaled)[0, 0] == -40


def test_targets_that_are_not_scaled_are_as_they_are_and_can_be_clipped():
    y = np.array([[0.1, 5.0], [10.0, 7.0]])
    scaler = TargetScaler(scaling=None).fit(y)
    np.testing.assert_array_equal(scaler.transform(y), y)
    np.testing.assert_array_equal(scaler.inverse_transform(3 * y), 3 * y)
    scaler.clip = True
    np.testing.assert_array_equal(
        scaler.inverse_transform(3 * y), [[0.1 * 3, 7], [10, 7]]
    )


@pytest.mark.parametrize("scaling", TARGET_SCALINGS)
@pytest.mark.parametrize("clip", [False, True])
def test_slopes_are_differences_of_what_comes_back(scaling, clip):
    y = np.random.default_rng(0).normal(3, 2, size=(30, 2, 1))
    y[:, 1] = y[0, 1] if clip else y[:, 1]
    scaler = TargetScaler(scaling=scaling, clip=clip).fit(y)
    scaled = np.linspace(-4, 4, 17)[:, np.newaxis, np.newaxis] * np.ones((1, 2, 3))
    ends = [scaler.inverse_transform(scaled + h) for h in (-1e-6, 1e-6)]
    expected = (ends[1] - ends[0]) / 2e-6
    np.testing.assert_allclose(scaler.slopes(scaled), expected, rtol=1e-6)
    assert (expected == 0).any() == clip


def test_scalers_survive_pickling():
    X = np.random.default_rng(0).normal(size=(9, 2))
    scaler = pickle.loads(pickle.dumps(fitted("robust", X)))
    np.testing.assert_array_equal(scaler.transform(X), fitted("robust", X).transform(X))
    target = TargetScaler(clip=True).fit(X)
    copied = pickle.loads(pickle.dumps(target))
    np.testing.assert_array_equal(copied.transform(X), target.transform(X))
