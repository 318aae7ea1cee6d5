"""Categorical columns: which they are, how they are numbered and encoded."""

import datetime
import pickle
from decimal import Decimal
from unittest.mock import patch

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.ensemble import HistGradientBoostingClassifier

from scaffolding import repeatable
from skfcnet import FCNetRegressor
from skfcnet._tabular.categorical_features import categorical_mask
from skfcnet._tabular.categories import MAX_ONEHOT, CategoryEncoder
from skfcnet._tabular.table_reader import MAX_CATEGORIES, UNKNOWN, TableReader
from skfcnet._tabular.tables import as_table, take_rows
from skfcnet.layers import lookup_forward, onehot_forward

REPEATABLE = repeatable(100)
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
    message = r"has names \['size'\], but X is not a data frame"
    with pytest.raises(ValueError, match=message):
        categorical_mask(np.zeros((2, 2)), ["size"])


# Reading tables


@every_table
@pytest.mark.parametrize("output", ["default", "pandas"])
def test_tables_of_all_kinds_become_the_same_numbers(table, output):
    with config_context(transform_output=output):
        reader = pickle.loads(pickle.dumps(TableReader(FIRST).fit(table)))
        numbers = reader.read(table)
    assert numbers.dtype == np.float64 and numbers.flags.c_contiguous
    np.testing.assert_array_equal(numbers, COLOURS_TO_NUMBERS)
    assert reader.categories == [["blue", "red"]]


@pytest.mark.parametrize("name", TABLES)
def test_a_category_that_was_not_there_is_unknown_unless_it_is_listed(name):
    table = TABLES[name]
    reader = TableReader(FIRST).fit(table[1:3])
    is_listed = name in ("pandas category", "polars enum")
    red = 1 if is_listed else UNKNOWN
    expected = [red, 0, np.nan, red]
    np.testing.assert_array_equal(reader.read(table)[:, 0], expected)
    assert reader.n_listed == [2 if is_listed else 0]


def test_more_listed_categories_than_there_can_be_are_those_that_rows_have():
    many = pd.CategoricalDtype([*map(str, range(MAX_CATEGORIES + 1))])
    X = pd.DataFrame({"id": pd.Series(["7", "5"], dtype=many)})
    reader = TableReader(np.array([True])).fit(X)
    assert reader.categories == [["5", "7"]] and reader.n_listed == [0]


def columns_of(values):
    """Return tables of one column, by the name of their library."""
    return {
        "pandas": pd.DataFrame({"id": values}),
        "pandas objects": pd.DataFrame({"id": values}, dtype=object),
        "pandas category": pd.DataFrame({"id": values}, dtype="category"),
        "polars": pl.DataFrame({"id": values}),
        "array": np.array(values, dtype=object)[:, np.newaxis],
    }


@pytest.mark.parametrize("library", columns_of(["a"]))
def test_many_categories_are_numbered(library):
    names = [f"name {i:06}" for i in range(MAX_CATEGORIES)]
    X = columns_of([*names[::-1], None])[library]
    numbers = TableReader(np.array([True])).fit(X).read(X)[:, 0]
    expected = [*range(MAX_CATEGORIES)][::-1]
    np.testing.assert_array_equal(numbers, [*expected, np.nan])


@pytest.mark.parametrize("library", columns_of(["a"]))
def test_of_too_many_categories_the_rarest_are_unknown(library, monkeypatch):
    monkeypatch.setattr("skfcnet._tabular.table_reader.MAX_CATEGORIES", 3)
    X = columns_of([*"edcbaceea", None])[library]
    reader = TableReader(np.array([True]))
    name = 0 if library == "array" else "'id'"
    message = f"5 categories in its categorical column {name}, of which the 3 most"
    with pytest.warns(UserWarning, match=message):
        reader.fit(X)
    assert reader.categories == [["a", "c", "e"]] and reader.n_listed == [0]
    expected = [2, UNKNOWN, 1, UNKNOWN, 0, 1, 2, 2, 0, np.nan]
    numbers = reader.read(X)
    np.testing.assert_array_equal(numbers[:, 0], expected)
    # What is known from fit is not told again.
    assert reader.reporting_new_categories(X, np.arange(10), numbers) is reader


@pytest.mark.parametrize("library", columns_of(["a"]))
def test_of_equally_frequent_categories_the_first_are_learned(library, monkeypatch):
    monkeypatch.setattr("skfcnet._tabular.table_reader.MAX_CATEGORIES", 2)
    with pytest.warns(UserWarning, match="4 categories"):
        reader = TableReader(np.array([True])).fit(columns_of([*"dbcad"])[library])
    assert reader.categories == [["a", "d"]]


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float32, np.float64, object])
@pytest.mark.parametrize("declared", [[1], [False, True], ["code"]], ids=str)
def test_codes_that_are_numbers_can_be_declared(dtype, declared):
    codes = np.tile(np.arange(200), 2)[::-1]
    X = np.column_stack([np.zeros(400), codes]).astype(dtype)
    if declared == ["code"]:
        X = pd.DataFrame(X, columns=["size", "code"])
    reader = TableReader(categorical_mask(X, declared)).fit(X)
    np.testing.assert_array_equal(reader.read(X)[:, 1], codes)


@every_table
def test_rows_of_any_table_are_those_asked_for(table):
    rows = take_rows(table, np.array([True, False, False, True]))
    numbers = TableReader(FIRST).fit(table).read(rows)
    np.testing.assert_array_equal(numbers, np.array(COLOURS_TO_NUMBERS)[[0, 3]])


def test_lists_are_tables_of_objects():
    assert as_table([["a", 1.5]]).tolist() == [["a", 1.5]]
    assert as_table([[1, 1.5]]).dtype == float
    for X in (["a"], [[1], [1, 2]], "a", [[["a"]]]):
        with pytest.raises(ValueError, match=r"1D|scalar|dim 3|inhomogeneous"):
            as_table(X)


def test_categories_may_be_numbers():
    X = np.array([[7.0, 0.5], [np.nan, 1.5], [-1.0, 2.5], [7.0, np.nan]])
    numbers = TableReader(np.array([True, False])).fit(X).read(X)
    expected = [[1, 0.5], [np.nan, 1.5], [0, 2.5], [1, np.nan]]
    np.testing.assert_array_equal(numbers, expected)


def test_all_columns_may_be_categorical():
    X = np.array([["a", "x"], ["b", "x"]])
    numbers = TableReader(np.array([True, True])).fit(X).read(X)
    np.testing.assert_array_equal(numbers, [[0, 0], [1, 0]])


@pytest.mark.parametrize("bad", ["large", np.inf])
def test_other_columns_must_hold_numbers(bad):
    X = np.array([["a", 1.0], ["b", bad]], dtype=object)
    reader = TableReader(np.array([True, False])).fit(X)
    message = "text 'large' in its column 1, .* categorical_features"
    message += "|X contains infinity in its column 1"
    with pytest.raises(ValueError, match=message):
        reader.read(X)


def test_categories_of_one_column_are_of_one_kind():
    X = np.array([["a"], [1]], dtype=object)
    message = "one kind .* column 0: .* the int 1 besides the text 'a'"
    with pytest.raises(ValueError, match=message):
        TableReader(np.array([True])).fit(X)
    for cell in ([1], {"a": 1}):
        X[1, 0] = cell
        with pytest.raises(ValueError, match="in its categorical column 0"):
            TableReader(np.array([True])).fit(X)


@pytest.mark.parametrize("library", ["pandas", "polars", "array"])
def test_categories_of_another_kind_than_in_fit_are_no_unknown_ones(library):
    def table_of(*values):
        if library == "array":
            return np.array([[value] for value in values], dtype=object)
        return {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library]({"k": values})

    name = 0 if library == "array" else "'k'"
    numbers = TableReader(np.array([True])).fit(table_of(1, 2))
    as_floats = numbers.read(table_of(2.0, 1.0, None))
    np.testing.assert_array_equal(as_floats, [[1], [0], [np.nan]])
    with pytest.raises(ValueError, match=f"text '1' in .* {name}, which held numbers"):
        numbers.read(table_of("1", "2"))
    text = TableReader(np.array([True])).fit(table_of("1", "2"))
    for value in (1, 1.0):
        with pytest.raises(ValueError, match=f"1.* in .* {name}, which held text"):
            text.read(table_of(value))
    unknown = text.read(table_of("3", None))
    np.testing.assert_array_equal(unknown, [[UNKNOWN], [np.nan]])


# Numbers as text

TEXT_OF_NUMBERS = [
    (["1", "-2.5", "+3e2", " .5 "], [1, -2.5, 300, 0.5]),
    (["1", None, "2.", "0"], [1, np.nan, 2, 0]),
    (["1", "", "nan", "NA"], [1, np.nan, np.nan, np.nan]),
    (["1", "<NA>", "None", "0.25"], [1, np.nan, np.nan, 0.25]),
]


@pytest.mark.parametrize(("text", "expected"), TEXT_OF_NUMBERS, ids=str)
@pytest.mark.parametrize("kind", ["str", "object", "polars", "array", "NumPy text"])
def test_text_that_reads_as_numbers_throughout_is_numbers(text, expected, kind):
    if kind == "NumPy text":
        text = ["" if value is None else value for value in text]
    make = {
        "str": lambda: pd.DataFrame({"k": text}),
        "object": lambda: pd.DataFrame({"k": text}, dtype=object),
        "polars": lambda: pl.DataFrame({"k": text}),
        "array": lambda: np.array(text, dtype=object)[:, np.newaxis],
        "NumPy text": lambda: np.array(text)[:, np.newaxis],
    }
    X = make[kind]()
    mask = categorical_mask(X, "from_dtype")
    assert not mask.any()
    name = 0 if "array" in kind or "NumPy" in kind else "'k'"
    with pytest.warns(UserWarning, match=rf"as text in its columns \[{name}\]"):
        reader = TableReader(mask).fit(X)
    # What is known from fit is not told again.
    np.testing.assert_array_equal(reader.read(X)[:, 0], expected)
    numbers = np.array(expected)[:, np.newaxis]
    np.testing.assert_array_equal(reader.read(numbers), numbers)


@pytest.mark.parametrize(
    "text",
    [
        ["01234", "99999"],  # codes have leading zeros
        ["1", "-007"],
        ["1", "two"],
        ["1_000", "2"],
        ["1,5", "2,5"],
        ["3 %", "4 %"],
        ["nan", ""],
    ],
    ids=str,
)
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_other_text_is_categories(frame, text):
    X = frame({"k": text})
    assert categorical_mask(X, "from_dtype").tolist() == [True]
    numbers = TableReader(np.array([True])).fit(X).read(X)
    assert sorted(numbers[:, 0]) == [0, 1]


def test_numbers_that_are_listed_categories_stay_so():
    X = pd.DataFrame({"k": ["1", "2"]})
    assert categorical_mask(X, ["k"]).all()
    assert categorical_mask(X.astype("category"), "from_dtype").all()
    enum = pl.DataFrame(X["k"].to_list(), schema={"k": pl.Enum(["1", "2"])})
    assert categorical_mask(enum, "from_dtype").all()


def test_text_where_numbers_were_is_read_and_told_of():
    reader = TableReader(np.array([False])).fit(pd.DataFrame({"k": [1.0, 2.0]}))
    with pytest.warns(UserWarning, match=r"as text in its columns \['k'\]"):
        numbers = reader.read(pd.DataFrame({"k": ["1", "2"]}))
    assert numbers.tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("cell", "remedy"),
    [
        (datetime.date(2024, 1, 1), "make dates and times numbers"),
        (pd.Timestamp("2024-01-01"), "make dates and times numbers"),
        (pd.Timedelta(days=1), "make dates and times numbers"),
        (pd.Period("2024", "D"), "make dates and times numbers"),
        (np.timedelta64(5, "ns"), "make dates and times numbers"),
        ([1, 2], "must be numbers, or missing"),
        ({"a": 1}, "must be numbers, or missing"),
        (1j, "must be numbers, or missing"),
        (10**400, "must be numbers, or missing"),
        ("word", "fit with the column in categorical_features"),
    ],
    ids=str,
)
@pytest.mark.parametrize("frame", [False, True])
def test_cells_that_are_no_numbers_are_shown_with_their_column(cell, remedy, frame):
    X = np.array([["a", 1.0], ["b", None]], dtype=object)
    X[1, 1] = cell
    if frame:
        X = pd.DataFrame({"town": X[:, 0], "k": pd.Series(list(X[:, 1]), dtype=object)})
    reader = TableReader(np.array([True, False])).fit(X)
    name = "'k'" if frame else "1"
    with pytest.raises((TypeError, ValueError), match=f"column {name}, .*{remedy}"):
        reader.read(X)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, Decimal("nan")])
def test_what_is_missing_among_objects_is_missing(missing):
    X = np.array([[Decimal("1.5"), "a"], [missing, missing]], dtype=object)
    numbers = TableReader(np.array([False, True])).fit(X).read(X)
    np.testing.assert_array_equal(numbers, [[1.5, 0], [np.nan, np.nan]])


# Tables of other libraries


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pl.DataFrame(DATA).lazy(), r"pass X.collect\(\)"),
        ({"a": [1, 2]}, "X is a dict"),
        ({(1, 2)}, "X is a set"),
        (iter([[1, 2]]), "X is a list_iterator"),
        (([i] for i in range(3)), "X is a generator"),
    ],
    ids=["lazy frame", "dict", "set", "iterator", "generator"],
)
def test_what_is_no_table_is_refused(X, message):
    with pytest.raises(TypeError, match=message):
        as_table(X)


@pytest.mark.parametrize("kind", ["csr", "dok", "lil", "coo"])
def test_sparse_tables_stay_as_they_are(kind):
    X = csr_array(np.eye(3)).asformat(kind)
    assert as_table(X) is X


def test_frames_that_are_computed_later_are_refused():
    class DaskFrame:
        columns = ("a",)

        def compute(self):
            raise AssertionError

    with pytest.raises(TypeError, match=r"X is a DaskFrame .* pass X.compute\(\)"):
        as_table(DaskFrame())


def test_tables_of_pyarrow_are_read():
    pyarrow = pytest.importorskip("pyarrow")
    X = as_table(pyarrow.table(DATA))
    assert categorical_mask(X, "from_dtype").tolist() == [True, False, False]
    numbers = TableReader(FIRST).fit(X).read(X)
    np.testing.assert_array_equal(numbers, COLOURS_TO_NUMBERS)


# Encoding


def fitted(X, weight=None, n_listed=None):
    X = np.array(X, dtype=float)
    weight = np.ones(len(X)) if weight is None else weight
    return CategoryEncoder().fit(X, weight, n_listed)


def encoded(X, new=None):
    """Return the one-hot columns of columns with few categories."""
    with patch("skfcnet._tabular.categories.MAX_ONEHOT", 10):
        categories = fitted(X)
    new = np.array(X if new is None else new, dtype=float)
    codes = categories.transform(new)
    assert categories.n_onehot == codes.shape[1]
    return onehot_forward(codes, categories.onehot)[0]


def test_every_category_has_its_own_column():
    X = [[5], [7], [9], [7]]
    np.testing.assert_array_equal(
        encoded(X), [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]
    )


def test_two_categories_share_a_column():
    np.testing.assert_array_equal(encoded([[5], [7], [5]]), [[-1], [1], [-1]])


def test_missing_is_a_category_of_its_own_if_it_is_there_in_fit():
    X = [[5, 1], [7, np.nan], [np.nan, 1]]
    expected = [[1, 0, 0, -1], [0, 1, 0, 1], [0, 0, 1, -1]]
    np.testing.assert_array_equal(encoded(X), expected)


def test_listed_categories_have_columns_without_rows():
    X = np.array([[0.0, 1.0, 0.0], [np.nan, 1.0, 1.0]])
    categories = fitted(X, n_listed=[2, 0, 2])
    expected = [[0, 0, 0], [2, 0, 1]]
    np.testing.assert_array_equal(categories.transform(X), expected)
    new = categories.transform(np.array([[1.0, 2.0, np.nan]]))
    np.testing.assert_array_equal(new, [[1, UNKNOWN, UNKNOWN]])
    one_hot, _ = onehot_forward(np.vstack([expected, new]), categories.onehot)
    expected = [[1, 0, 0, 1, -1], [0, 0, 1, 1, 1], [0, 1, 0, 0, 0]]
    np.testing.assert_array_equal(one_hot, expected)
    assert categories.features_without_rows.tolist() == [1]


@pytest.mark.parametrize("n_categories", [1, 2, 3, 6])
@pytest.mark.parametrize("unknown", [np.nan, UNKNOWN, 0.5, 100.0])
def test_categories_that_were_not_there_are_zero_throughout(n_categories, unknown):
    X = np.arange(n_categories)[:, np.newaxis]
    assert not encoded(X, new=[[unknown]]).any()


def test_tables_without_categorical_columns_have_no_codes():
    assert encoded(np.empty((3, 0))).shape == (3, 0)


def assert_told_apart(X, code):
    """Assert that rows have the same code if and only if their categories are equal."""
    known = np.nan_to_num(X, nan=-1)
    varies = [len(np.unique(column)) > 1 for column in known.T]
    same_categories = (known[:, None, varies] == known[None, :, varies]).all(axis=2)
    same_code = (code[:, None] == code[None]).all(axis=2)
    np.testing.assert_array_equal(same_categories, same_code)


@given(
    X=npst.arrays(
        float, (12, 3), elements=st.sampled_from([0.0, 1.0, 2.0, 3.0, np.nan])
    ),
)
@REPEATABLE
def test_rows_of_equal_categories_and_only_these_are_encoded_alike(X):
    categories = fitted(X)
    out = np.full((12, 3), np.nan, np.float32)
    assert categories.transform(X, out=out) is out
    assert_told_apart(X, out)
    assert_told_apart(X, onehot_forward(out, categories.onehot)[0])


# Many categories

MANY = MAX_ONEHOT + 3


def many_categories(n_rows=60, n_listed=0):
    """Return a column of few categories between two of many, and an encoder of them."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, [MANY, 2, MANY + 2], (n_rows, 3)).astype(float)
    X[:MANY, 0] = np.arange(MANY)
    X[: MANY + 2, 2] = np.arange(MANY + 2)
    X[::7, 2] = np.nan
    X[0, 1], X[1, 1] = 0, 1
    return X, fitted(X, n_listed=[n_listed, 0, 0])


def test_columns_of_many_categories_are_embedded_and_stand_last():
    X, categories = many_categories()
    assert categories.n_onehot == 1
    assert categories.order.tolist() == [1, 0, 2]
    codes = categories.transform(X)
    np.testing.assert_array_equal(codes[:, 0], X[:, 1])
    n_rows = [len(np.unique(X[:, j])) + 1 for j in (0, 2)]  # and one for all unknown
    assert categories.lookup["first_row"].tolist() == [0, n_rows[0]]
    assert len(categories.lookup["factor"]) == sum(n_rows)
    assert (codes[:, 1:] >= 0).all() and (codes[:, 1:] < n_rows).all()
    assert_told_apart(X, codes)


def test_columns_of_either_kind_keep_their_order_however_many_there_are():
    n_categories = np.arange(60) % 3 * MANY + 1
    rows = np.arange(3 * MANY)[:, np.newaxis]
    order = fitted(rows % n_categories).order
    is_few = n_categories <= MAX_ONEHOT
    expected = [*np.flatnonzero(is_few), *np.flatnonzero(~is_few)]
    assert order.tolist() == expected


@pytest.mark.parametrize("unknown", [UNKNOWN, 0.5, 1e6, np.nan])
def test_unknown_categories_of_an_embedded_column_are_what_they_have_in_common(unknown):
    _, categories = many_categories()
    rng = np.random.default_rng(0)
    size = categories.lookup["size"]
    E = rng.normal(size=(len(categories.lookup["factor"]), size))
    o = rng.normal(size=(2, size))
    codes = categories.transform(np.array([[unknown, 0.0, UNKNOWN]]))[:, 1:]
    embedded, _ = lookup_forward(codes, E, o, categories.lookup)
    np.testing.assert_array_equal(embedded, o.reshape(1, -1))


def test_categories_of_more_rows_differ_more_from_what_they_have_in_common():
    x = np.repeat(np.arange(float(MANY)), 1 + np.arange(MANY))[:, np.newaxis]
    factor = fitted(x).lookup["factor"]
    assert (np.diff(factor[:-1]) > 0).all()
    assert ((factor[:-1] > 0) & (factor[:-1] < 1)).all()
    assert factor[-1] == 0
    weighted = fitted(np.arange(float(MANY))[:, np.newaxis], 1.0 + np.arange(MANY))
    np.testing.assert_array_equal(weighted.lookup["factor"], factor)


def test_a_listed_category_without_rows_can_be_learned_later():
    _, categories = many_categories(n_listed=MANY + 1)
    new = np.array([[MANY, 0.0, 0.0]])
    code = int(categories.transform(new)[0, 1])
    assert code == MANY
    assert categories.lookup["factor"][code] == 1  # whatever its number of rows will be
    assert code in categories.vectors_without_rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_have_the_dtype_of_an_array_with_categories(dtype):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(3, size=40), rng.normal(size=40)]).astype(dtype)
    model = FCNetRegressor(max_iter=2, categorical_features=[0]).fit(X, X[:, 1])
    assert model.predict(X).dtype == dtype


def test_rows_of_different_lengths_are_named():
    with pytest.raises(ValueError, match="X must have rows of one length"):
        as_table([[1.0, 2.0], [3.0]])
