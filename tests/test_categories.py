"""Categorical columns: which they are, how levels are numbered and encoded."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn import config_context
from sklearn.ensemble import HistGradientBoostingClassifier

from skfcnet._categories import (
    MAX_LEVELS,
    Categories,
    Columns,
    as_table,
    categorical_mask,
)

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=100)
DATA = {
    "colour": ["red", "blue", None, "red"],
    "size": [1.5, 2.5, None, 4.5],
    "count": [3, 2, 1, 3],
}
COLOURS_TO_NUMBERS = [[1, 1.5, 3], [0, 2.5, 2], [np.nan, np.nan, 1], [1, 4.5, 3]]
TABLES = {
    "pandas": pd.DataFrame(DATA),
    "pandas objects": pd.DataFrame(DATA).astype({"colour": object}),
    "pandas category": pd.DataFrame(DATA).astype({"colour": "category"}),
    "pandas nullable": pd.DataFrame(DATA).convert_dtypes(),
    "polars": pl.DataFrame(DATA),
    "polars categorical": pl.DataFrame(DATA).with_columns(
        pl.col("colour").cast(pl.Categorical)
    ),
    "polars enum": pl.DataFrame(DATA).with_columns(
        pl.col("colour").cast(pl.Enum(["red", "blue"]))
    ),
    "array": np.array(list(zip(*DATA.values(), strict=True)), dtype=object),
}
FIRST = np.array([True, False, False])
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


# Which columns are categorical


@pytest.mark.parametrize(
    ("categorical_features", "expected"),
    [
        ([], [False, False, False]),
        ([True, False, True], [True, False, True]),
        (np.array([False, True, False]), [False, True, False]),
        ([2, 0], [True, False, True]),
        (np.array([1], dtype=np.uint8), [False, True, False]),
        (["size", "colour"], [True, True, False]),
        (pd.Index(["count"]), [False, False, True]),
    ],
    ids=str,
)
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_are_asked_for_by_mask_index_or_name(
    library, categorical_features, expected
):
    mask = categorical_mask(TABLES[library], categorical_features)
    assert mask.dtype == bool
    assert mask.tolist() == expected


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_found_by_their_dtype(name):
    found = categorical_mask(TABLES[name], "from_dtype")
    assert found.tolist() == [name != "array", False, False]


def test_objects_that_are_no_strings_are_no_categories():
    X = pd.DataFrame({"a": [1, None, 2], "b": [None, "x", None]}, dtype=object)
    assert categorical_mask(X, "from_dtype").tolist() == [False, True]
    twins = pd.DataFrame([[1, "x"], [2, "y"]], columns=["same", "same"])
    assert categorical_mask(twins, "from_dtype").tolist() == [False, True]


@pytest.mark.parametrize(
    "categorical_features", [[True, False, True], [0, 2], ["c", "a"], "from_dtype"]
)
def test_columns_are_those_of_gradient_boosting(categorical_features):
    X = pd.DataFrame({"a": [0, 1] * 20, "b": np.arange(40), "c": [0, 0, 1, 1] * 10})
    X = X.astype({"c": "category"})
    model = HistGradientBoostingClassifier(
        max_iter=1, categorical_features=categorical_features
    ).fit(X, [0, 1] * 20)
    ours = categorical_mask(X, categorical_features)
    np.testing.assert_array_equal(ours, model.is_categorical_)


@pytest.mark.parametrize(
    ("categorical_features", "message"),
    [
        ([True, False], "mask of 2 columns, but X has 3"),
        ([0, 3], r"indices \[3\]"),
        ([-1], r"indices \[-1\]"),
        (["weight"], r"names \['weight'\]"),
        ([0.5], "bool, int or str"),
        ([0, "size"], "bool, int or str"),
        ("size", "bool, int or str"),
        ([None], "bool, int or str"),
        ([True, False, "size"], "bool, int or str"),
    ],
    ids=str,
)
def test_other_columns_are_refused(categorical_features, message):
    with pytest.raises(ValueError, match=f"categorical_features.*{message}"):
        categorical_mask(TABLES["pandas"], categorical_features)


def test_names_are_those_of_a_data_frame():
    with pytest.raises(ValueError, match="categorical_features has names"):
        categorical_mask(np.zeros((2, 2)), ["size"])


# Numbers for levels


@every_table
@pytest.mark.parametrize("output", ["default", "pandas"])
def test_tables_of_all_kinds_become_the_same_numbers(table, output):
    with config_context(transform_output=output):
        columns = pickle.loads(pickle.dumps(Columns(FIRST).fit(table)))
        numbers = columns.transform(table)
    assert numbers.dtype == np.float64 and numbers.flags.c_contiguous
    np.testing.assert_array_equal(numbers, COLOURS_TO_NUMBERS)
    assert columns.levels[0][:2].tolist() == ["blue", "red"]


@every_table
def test_a_level_that_was_not_there_is_missing(table):
    columns = Columns(FIRST).fit(table[1:3])
    expected = [np.nan, 0, np.nan, np.nan]
    np.testing.assert_array_equal(columns.transform(table)[:, 0], expected)


@pytest.mark.parametrize("library", ["pandas", "polars", "array"])
@pytest.mark.parametrize("n_levels", [MAX_LEVELS, MAX_LEVELS + 1])
def test_columns_of_too_many_levels_are_named(library, n_levels):
    names = [*map(str, range(n_levels)), None]
    X = {
        "pandas": pd.DataFrame({"a": 1.0, "id": names}),
        "polars": pl.DataFrame({"a": [1.0] * len(names), "id": names}),
        "array": np.array([[1.0, name] for name in names], dtype=object),
    }[library]
    columns = Columns(np.array([False, True]))
    if n_levels > MAX_LEVELS:
        name = 1 if library == "array" else "'id'"
        message = f"256 levels in its categorical column {name}, but 255 are the most"
        with pytest.raises(ValueError, match=message):
            columns.fit(X)
    else:
        numbers = columns.fit(X).transform(X)[:, 1]
        assert np.nanmax(numbers) == n_levels - 1
        assert np.isnan(numbers[-1])


def test_rows_that_do_not_count_have_no_levels():
    X = np.array([["a"], ["b"], ["c"]], dtype=object)
    columns = Columns(np.array([True])).fit(X, np.array([True, False, True]))
    np.testing.assert_array_equal(columns.transform(X), [[0], [np.nan], [1]])


def test_lists_are_tables_of_objects():
    assert as_table([["a", 1.5]]).tolist() == [["a", 1.5]]
    for X in (["a"], [[1], [1, 2]], "a", [[[1]]]):
        with pytest.raises(ValueError, match=r"Expected 2D|dim 3|scalar"):
            as_table(X)


def test_levels_may_be_numbers():
    X = np.array([[7.0, 0.5], [np.nan, 1.5], [-1.0, 2.5], [7.0, np.nan]])
    numbers = Columns(np.array([True, False])).fit(X).transform(X)
    expected = [[1, 0.5], [np.nan, 1.5], [0, 2.5], [1, np.nan]]
    np.testing.assert_array_equal(numbers, expected)


def test_all_columns_may_be_categorical():
    X = np.array([["a", "x"], ["b", "x"]])
    numbers = Columns(np.array([True, True])).fit(X).transform(X)
    np.testing.assert_array_equal(numbers, [[0, 0], [1, 0]])


@pytest.mark.parametrize("bad", ["large", np.inf])
def test_other_columns_must_hold_numbers(bad):
    X = np.array([["a", 1.0], ["b", bad]], dtype=object)
    columns = Columns(np.array([True, False])).fit(X)
    with pytest.raises(ValueError, match=r"could not convert|X contains infinity"):
        columns.transform(X)


def test_levels_of_one_column_are_of_one_kind():
    X = np.array([["a"], [1]], dtype=object)
    with pytest.raises(TypeError, match="uniformly strings or numbers"):
        Columns(np.array([True])).fit(X)


# What the network sees


def encoded(X, new=None):
    X = np.array(X, dtype=float)
    categories = Categories().fit(X)
    return categories.transform(X if new is None else np.array(new, dtype=float))


def test_every_level_has_its_own_column():
    X = [[5], [7], [9], [7]]
    np.testing.assert_array_equal(
        encoded(X), [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]
    )


def test_two_levels_share_a_column():
    np.testing.assert_array_equal(encoded([[5], [7], [5]]), [[-1], [1], [-1]])


@pytest.mark.parametrize("n_levels", [1, 2, 3, 6])
@pytest.mark.parametrize("unknown", [np.nan, -1.0, 0.5, 100.0])
def test_missing_and_unknown_levels_are_zero_throughout(n_levels, unknown):
    X = np.arange(n_levels)[:, np.newaxis]
    assert not encoded(X, new=[[unknown]]).any()


@pytest.mark.parametrize("X", [np.full((3, 1), np.nan), np.empty((3, 0))])
def test_columns_without_levels_leave_nothing(X):
    assert encoded(X).shape == (3, 0)


@given(
    X=npst.arrays(
        float, (12, 3), elements=st.sampled_from([0.0, 1.0, 2.0, 3.0, np.nan])
    ),
)
@REPEATABLE
def test_rows_of_equal_levels_and_only_these_are_encoded_alike(X):
    categories = Categories().fit(X)
    out = np.full((12, categories.width), np.nan, np.float32)
    assert categories.transform(X, out=out) is out
    known = np.nan_to_num(X, nan=-1)
    varies = [len(np.unique(column)) > 1 for column in known.T]
    same_levels = (known[:, None, varies] == known[None, :, varies]).all(axis=2)
    same_code = (out[:, None] == out[None]).all(axis=2)
    np.testing.assert_array_equal(same_levels, same_code)
