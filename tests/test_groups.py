"""Groups of rows that belong together, and are held out together."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    StratifiedGroupKFold,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scaffolding import (
    KINDS,
    any_solver,
    assert_same,
    data_of,
    repeatable,
    short_fits,
    small_classifier,
    weighted_data_of,
)
from skfcnet._estimators.holdout_groups import (
    folds_of_groups,
    split_groups_by_fraction,
)

pytestmark = [short_fits, any_solver]

FOLDS = {"n_members": 3, "early_stopping": True, "validation_fraction": 1 / 3}
"""Three members, each with a third of the rows as its fold."""

ONE = {"early_stopping": True, "validation_fraction": 0.3}
"""One network with a validation set."""

BOTH = pytest.mark.parametrize("options", [ONE, FOLDS], ids=["one", "folds"])


def splits_of(X, y, groups, weight=None, *, n_folds=3, seed=0, **options):
    """Return the folds, or for None the split by a fraction, in a list."""
    options = {"groups": groups, "classes": y} | options
    options["rng"] = np.random.default_rng(seed)
    if n_folds is None:
        fraction = options.pop("fraction", 0.3)
        return [split_groups_by_fraction(X, y, weight, fraction=fraction, **options)]
    return folds_of_groups(X, y, weight, n_folds=n_folds, **options)


def table_of(n, n_groups, seed, *, n_values=3):
    """Return rows of which some are equal, with two classes and their groups."""
    rng = np.random.default_rng(seed)
    X = rng.integers(n_values, size=(n, 2)).astype(float)
    return X, rng.integers(2, size=n), rng.integers(n_groups, size=n)


def rows_of(*columns, index):
    return sorted(map(tuple, np.column_stack(columns)[index]))


tables = given(
    n=st.integers(24, 60),
    n_groups=st.integers(6, 12),
    seed=st.integers(0, 99),
    n_folds=st.one_of(st.none(), st.integers(2, 5)),
)


# The splits


@repeatable(100)
@tables
def test_groups_are_never_on_both_sides(n, n_groups, seed, n_folds):
    X, y, groups = table_of(n, n_groups, seed)
    y[groups == 0] = 2  # a class that only one group has
    splits = splits_of(X, y, groups, seed=seed, n_folds=n_folds)
    held_out = [set(groups[~split.counts]) for split in splits]
    for split, own in zip(splits, held_out, strict=True):
        assert own and not own & set(groups[split.counts])
        assert rows_of(X, y, groups, index=split.validation) == rows_of(
            X, y, groups, index=~split.counts
        )
        assert set(y[split.counts]) == set(y)
    assert sum(map(len, held_out)) == len(set.union(*held_out))


@repeatable(100)
@tables
def test_a_row_of_weight_k_is_split_like_k_rows_in_any_order(
    n, n_groups, seed, n_folds
):
    X, y, groups = table_of(n, n_groups, seed)
    counts = np.random.default_rng(seed).integers(1, 5, size=n)
    many = np.random.default_rng(1).permutation(np.arange(n).repeat(counts))
    weighted = splits_of(X, y, groups, counts * 1.0, seed=seed, n_folds=n_folds)
    repeated = splits_of(X[many], y[many], groups[many], seed=seed, n_folds=n_folds)
    for one, other in zip(weighted, repeated, strict=True):
        assert one.validation_weight is other.validation_weight is None
        np.testing.assert_array_equal(X[one.validation], X[many][other.validation])
        np.testing.assert_array_equal(y[one.validation], y[many][other.validation])
        trained = np.repeat(np.flatnonzero(one.counts), counts[one.counts])
        assert rows_of(X, y, groups, index=trained) == rows_of(
            X, y, groups, index=many[other.counts]
        )


@pytest.mark.parametrize("n_folds", [None, 5])
def test_every_class_is_held_out_in_proportion_to_its_weight(n_folds):
    rng = np.random.default_rng(0)
    y = rng.choice(3, size=2000, p=[0.7, 0.25, 0.05])
    X, weight = rng.normal(size=(2000, 2)), rng.uniform(size=2000)
    groups = np.floor(rng.exponential(20, size=2000))  # from some rows to a hundred
    options = {"fraction": 0.2} if n_folds is None else {}
    for split in splits_of(X, y, groups, weight, n_folds=n_folds, **options):
        np.testing.assert_array_equal(
            np.sort(split.validation), np.flatnonzero(~split.counts)
        )
        np.testing.assert_array_equal(split.validation_weight, weight[split.validation])
        for label in range(3):
            own = weight * (y == label)
            share = own[~split.counts].sum() / own.sum()
            assert share == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("n_folds", [None, 3])
def test_other_seeds_give_other_splits_of_groups_of_different_sizes(n_folds):
    groups = np.repeat(np.arange(30), np.arange(30, 60))
    X = np.random.default_rng(0).normal(size=(len(groups), 2))
    first, same, other = (
        splits_of(X, X, groups, classes=None, n_folds=n_folds, seed=seed)[0]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.counts, same.counts)
    assert (first.counts != other.counts).any()


@pytest.mark.parametrize("fraction", [1e-9, 0.1, 0.3, 0.9])
@pytest.mark.parametrize("sizes", [[1, 1], [1, 1, 1], [40, 1], [1, 9, 9], [5, 1, 1, 1]])
def test_a_few_groups_are_enough_for_one_validation_set(sizes, fraction):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    X = np.arange(float(len(groups)))[:, np.newaxis]
    options = {"classes": None, "n_folds": None, "fraction": fraction}
    min_rows = 1 + (len(groups) > 2)
    (split,) = splits_of(X, X, groups, min_rows=min_rows, **options)
    assert len(split.validation) >= min_rows
    assert split.counts.any()
    assert not set(groups[split.validation]) & set(groups[split.counts])


@pytest.mark.parametrize(("fraction", "n_held_out"), [(0.1, 10), (0.2, 20), (0.7, 70)])
def test_one_large_group_does_not_spoil_the_fraction(fraction, n_held_out):
    groups = np.repeat(np.arange(5), [60, 10, 10, 10, 10])
    X = np.arange(100.0)[:, np.newaxis]
    options = {"classes": None, "n_folds": None, "fraction": fraction}
    (split,) = splits_of(X, X, groups, **options)
    assert len(split.validation) == n_held_out


def test_few_groups_make_fewer_folds():
    groups = np.array([0, 0, 0, 1, 1, 2])
    X = np.arange(6.0)[:, np.newaxis]
    splits = splits_of(X, X, groups, n_folds=10, classes=None)
    assert sorted(len(split.validation) for split in splits) == [1, 2, 3]
    # Group 2 has too few rows for a fold, and is trained on.
    splits = splits_of(X, X, groups, n_folds=3, classes=None, min_rows=2)
    assert sorted(len(split.validation) for split in splits) == [2, 3]
    assert all(split.counts[5] for split in splits)


@pytest.mark.parametrize(
    ("groups", "classes"),
    [([0, 0, 0, 0], None), ([0, 0, 1, 1], [0, 0, 1, 1]), ([0, 1, 2, 3], range(4))],
    ids=["one group", "classes in one group each", "a class each"],
)
@pytest.mark.parametrize("n_folds", [None, 2])
def test_too_few_groups_are_refused(groups, classes, n_folds):
    X = np.arange(4.0)[:, np.newaxis]
    classes = None if classes is None else np.array(classes)
    with pytest.raises(ValueError, match="groups are too few to hold out a validation"):
        splits_of(X, X, np.array(groups), n_folds=n_folds, classes=classes)


# Fits


def learned_by_heart(n_groups=60, size=6):
    """Return a table in which only the number of the group tells the class."""
    rng = np.random.default_rng(0)
    groups = np.arange(n_groups).repeat(size)
    X = np.column_stack([groups, rng.normal(size=len(groups))])
    return X, rng.integers(2, size=n_groups)[groups], groups


@BOTH
def test_what_a_group_has_in_common_does_not_reach_the_validation_score(options):
    X, y, groups = learned_by_heart()
    model = small_classifier(**options, categorical_features=[0])
    model.set_params(max_iter=60, hidden_layer_sizes=(32,), scoring="accuracy")
    leaking = clone(model).fit(X, y)
    honest = model.fit(X, y, groups=groups)
    assert leaking.best_validation_score_ > 0.9
    assert honest.validation_scores_[-1] < 0.65
    if options is FOLDS:
        assert leaking.oob_score_ > 0.9 > 0.65 > honest.oob_score_


@BOTH
@pytest.mark.parametrize("kind", KINDS)
def test_weighted_is_repeated_with_groups(kind, options):
    model, X, y, weight = weighted_data_of(kind)
    groups = np.random.default_rng(3).integers(9, size=len(X)) // 2
    groups[:3] = [7, 8, 9]
    weight[:3] = 0  # of groups without rows
    model.set_params(**options, scoring="loss", batch_size=32)
    weighted = clone(model).fit(X, y, weight, groups=groups)
    rows = np.random.default_rng(2).permutation(np.arange(len(X)).repeat(weight))
    repeated = clone(model).fit(X[rows], y[rows], groups=groups[rows])
    assert_same(weighted, repeated, X)
    assert weighted.validation_loss_curve_ == repeated.validation_loss_curve_
    plain = clone(model).fit(X, y, weight)
    assert weighted.validation_loss_curve_ != plain.validation_loss_curve_


@BOTH
def test_groups_are_labels_of_any_kind(options):
    model, X, y = data_of("binary")
    groups = np.arange(120) // 12
    model.set_params(**options)
    expected = clone(model).fit(X, y, groups=groups)
    for labels in (
        groups.tolist(),
        groups * 0.5,
        [f"patient {group}" for group in groups],
        pd.Series(groups, index=np.arange(120)[::-1]).astype("category"),
        pd.Series(groups, dtype="Int64"),
        np.datetime64("2020-01-01") + groups,
        np.array([f"patient {group}" for group in groups], object),
    ):
        assert_same(clone(model).fit(X, y, groups=labels), expected, X)


@BOTH
def test_equal_rows_of_two_groups_need_not_be_on_the_same_side(options):
    model, X, y = data_of("regression", n=60)
    groups = np.arange(120) // 12
    model.set_params(**options)
    model.fit(np.tile(X, (2, 1)), np.tile(y, 2), groups=groups)
    if options is FOLDS:
        first, second = model.oob_prediction_.reshape(2, 60)
        assert (np.abs(first - second) > 1e-3).any()


@BOTH
@pytest.mark.parametrize("splitter", [GroupKFold(3), StratifiedGroupKFold(3)])
def test_a_splitter_gets_the_groups(options, splitter):
    model, X, y, weight = weighted_data_of("binary")
    groups = np.random.default_rng(0).integers(12, size=len(X)).astype(str)
    model.set_params(**options | {"validation_fraction": splitter})
    model.fit(X, y, weight, groups=groups)
    fold_of = np.empty(len(X), int)
    for fold, (_, held_out) in enumerate(splitter.split(X, y, groups)):
        fold_of[held_out] = fold
    expected = clone(model).set_params(validation_fraction=PredefinedSplit(fold_of))
    assert_same(model, expected.fit(X, y, weight), X)
    with pytest.raises(ValueError, match=r"validation_fraction=.*GroupKFold"):
        model.fit(X, y)


def test_each_member_leaves_out_one_group():
    model, X, y = data_of("regression", n=60)
    groups = np.arange(60) % 4
    model.set_params(**FOLDS | {"validation_fraction": LeaveOneGroupOut()})
    model.fit(X, y, groups=groups)
    np.testing.assert_array_equal(np.isnan(model.oob_prediction_), groups == 3)


@BOTH
def test_a_warm_start_holds_out_the_same_groups(options):
    model, X, y = data_of("binary")
    groups = np.arange(120) // 10
    model.set_params(**options, scoring="loss")
    whole = clone(model).set_params(max_iter=8).fit(X, y, groups=groups)
    model.set_params(max_iter=4, warm_start=True, n_iter_no_change=50)
    for _ in range(2):
        model.fit(X, y, groups=groups)
    assert model.validation_loss_curve_ == whole.validation_loss_curve_


# Metadata routing


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@BOTH
def test_groups_are_routed_to_the_splitter_and_to_the_network(routing, options):
    X, y, groups = learned_by_heart(n_groups=24)
    model = small_classifier(**options).set_fit_request(groups=True)
    pipeline = make_pipeline(StandardScaler(), model)
    cv = GroupKFold(2)
    result = cross_validate(
        pipeline, X, y, params={"groups": groups}, cv=cv, return_estimator=True
    )
    for fitted, (train, _) in zip(
        result["estimator"], cv.split(X, y, groups), strict=True
    ):
        expected = clone(model).fit(
            StandardScaler().fit_transform(X[train]), y[train], groups=groups[train]
        )
        assert_same(fitted[-1], expected, X[train])
    grid = {"fcnetclassifier__alpha": [0.0, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=cv, error_score="raise")
    search.fit(X, y, groups=groups)
    best = search.best_estimator_
    expected = clone(best).fit(X, y, groups=groups)
    assert_same(best[-1], expected[-1], X)


def test_groups_must_be_requested_or_declined(routing):
    X, y, groups = learned_by_heart(n_groups=12)
    model, passed = small_classifier(**ONE), {"groups": groups}
    with pytest.raises(UnsetMetadataPassedError, match="groups"):
        cross_validate(model, X, y, params=passed, cv=GroupKFold(2))
    model.set_fit_request(groups=False)
    options = {"params": passed, "cv": GroupKFold(2), "return_estimator": True}
    fitted = cross_validate(model, X, y, **options)["estimator"][0]
    train, _ = next(GroupKFold(2).split(X, y, groups))
    assert_same(fitted, clone(model).fit(X[train], y[train]), X)


def test_without_routing_groups_are_passed_by_the_name_of_the_step():
    X, y, groups = learned_by_heart(n_groups=12)
    model = small_classifier(**ONE)
    pipeline = make_pipeline(StandardScaler(), model)
    pipeline.fit(X, y, fcnetclassifier__groups=groups)
    expected = clone(model).fit(StandardScaler().fit_transform(X), y, groups=groups)
    assert_same(pipeline[-1], expected, X)


# Errors


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        (np.zeros(59), ValueError, r"groups must have shape \(60,\), got \(59,\)"),
        (np.zeros((60, 1)), ValueError, r"groups must have shape .*\(60, 1\)"),
        ("patients", ValueError, r"groups must have shape \(60,\), got \(\)"),
        ([None] + 59 * ["a"], ValueError, "groups contains NaN, None or NA: 1 of its"),
        ([np.nan] + 59 * [1], ValueError, "groups contains NaN, None or NA: 1 of its"),
        ([np.nan] + 59 * ["a"], ValueError, "groups contains NaN, None or NA"),
        (np.ma.masked_equal(range(60), 1), TypeError, "groups is a masked array"),
        (np.array([1, *59 * "a"], object), TypeError, "groups must have labels of one"),
        (60 * [1], ValueError, "groups are too few .*: there are 1 with 60 different"),
    ],
)
@BOTH
def test_bad_groups_are_refused(options, groups, error, message):
    model, X, y = data_of("regression", n=60)
    model.set_params(**options).fit(X, y)
    before = model.predict(X)
    with pytest.raises(error, match=message):
        model.fit(X, y, groups=groups)
    np.testing.assert_array_equal(model.predict(X), before)


def test_groups_that_cannot_act_are_refused():
    model, X, y = data_of("regression", n=60)
    groups = np.arange(60) // 6
    with pytest.raises(
        ValueError, match=r"groups are only used .* early_stopping=True"
    ):
        model.fit(X, y, groups=groups)
    model.set_params(early_stopping=True)
    with pytest.raises(ValueError, match=r"groups are only used .* pass no X_val"):
        model.fit(X, y, X_val=X, y_val=y, groups=groups)
    model.set_params(validation_fraction=KFold(3))
    with pytest.warns(UserWarning, match="groups parameter is ignored by KFold"):
        model.fit(X, y, groups=groups)
