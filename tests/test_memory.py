"""Tables are read in parts, and are not copied."""

import tracemalloc
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import random_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit

from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._tabular import chunks
from skfcnet._tabular.binning import have_many_values
from skfcnet._tabular.chunks import column_blocks
from skfcnet._tabular.column_table import ColumnTable
from skfcnet._tabular.row_selection import RowSelection, select_rows
from skfcnet._tabular.scaling import Scaler

SMALL = {
    "hidden_layer_sizes": (8,),
    "max_iter": 1,
    "n_members": 1,
    "linear_term": False,
    "random_state": 0,
}


def peak_of(call):
    """Return by how many bytes a call raises the peak of the allocated memory."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def in_file(X, path):
    """Return an array as a read-only memory map."""
    np.save(path, X)
    return np.load(path, mmap_mode="r")


def fitted(model, X, y, weight=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, sample_weight=weight)


# Blocks of columns


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(chunks, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(chunks, "CHUNK_SIZE", 50)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(40, 7), (300, 4), (30, 100), (5, 1), (5, 0)])
def test_blocks_hold_every_column_once(shape, dtype, small_blocks, tmp_path):
    X = np.random.default_rng(0).normal(size=shape).astype(dtype)
    for table in (X, np.asfortranarray(X), X[::-1], in_file(X, tmp_path / "X.npy")):
        seen = np.full_like(X, np.nan)
        for columns, values in column_blocks(table):
            assert values.dtype == dtype
            assert all(column.flags.c_contiguous for column in values)
            seen[:, columns] = values.T
        np.testing.assert_array_equal(seen, table)


def test_there_are_few_blocks_of_about_their_size(monkeypatch):
    monkeypatch.setattr(chunks, "BLOCK_BYTES", 2**13)
    X = np.zeros((100, 40))
    sizes = [values.nbytes for _, values in column_blocks(X)]
    assert sizes == [8000] * 4
    n_blocks = len(list(column_blocks(np.zeros((10_000, 40)))))
    assert n_blocks == chunks.MAX_BLOCKS
    (block,) = column_blocks(np.asfortranarray(X))
    assert block[1].base is not None


def test_statistics_do_not_depend_on_the_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(200, 9)), rng.integers(1, 4, size=200).astype(float)
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:100, 4] = X[0, 5]
    expected = Scaler("robust").fit(X[:100], weight[:100]).updated(X, weight)
    monkeypatch.setattr(chunks, "BLOCK_BYTES", 1000)
    for table in (X, np.asfortranarray(X)):
        found = Scaler("robust").fit(table[:100], weight[:100]).updated(table, weight)
        for name in ("half_center", "factor", "is_known"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_statistics_take_less_memory_than_the_table(monkeypatch):
    monkeypatch.setattr(chunks, "BLOCK_BYTES", 2**20)
    X, weight = np.random.default_rng(0).normal(size=(10_000, 100)), np.ones(10_000)
    assert peak_of(lambda: Scaler("robust").fit(X, weight)) < X.nbytes / 3


def test_columns_of_many_values_are_found_without_a_copy():
    X = np.random.default_rng(0).normal(size=(10_000, 100))
    X[:, 3], X[::2, 5] = 7, np.nan
    rows = select_rows(X, np.arange(10_000) % 9 > 0)
    assert peak_of(lambda: have_many_values(rows)) < X.nbytes / 4
    expected = np.arange(100) != 3
    np.testing.assert_array_equal(have_many_values(rows), expected)


# Tables of columns and selections of rows


def columns_of(dtype):
    """Return a table of columns of several dtypes, and the same as an array."""
    X = np.random.default_rng(0).integers(-9, 9, size=(12, 5))
    dtypes = (np.float32, np.float64, np.int8, bool, np.int64)
    columns = [column.astype(kind) for column, kind in zip(X.T, dtypes, strict=True)]
    return ColumnTable(columns, 12, dtype), np.array(columns).T.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_table_of_columns_is_read_as_an_array(dtype):
    table, expected = columns_of(dtype)
    assert table.shape == expected.shape and table.dtype == dtype
    for key in (
        slice(2, 5),
        slice(None, None, 2),
        np.array([5, 0, 5]),
        expected[:, 0] > 0,
    ):
        for columns in (slice(None), slice(1, 3), slice(0, 0), 2):
            found = table[key, columns]
            assert found.dtype == dtype
            np.testing.assert_array_equal(found, expected[key, columns])
        np.testing.assert_array_equal(table[key], expected[key])
    np.testing.assert_array_equal(table.take([3, 1], axis=1), expected[:, [3, 1]])
    blocks = list(column_blocks(table))
    assert all(values.flags.c_contiguous for _, values in blocks)
    found = np.vstack([values for _, values in blocks]).T
    np.testing.assert_array_equal(found, expected)
    mask = np.arange(12) % 3 > 0
    rows = select_rows(table, mask)
    np.testing.assert_array_equal(rows, expected[mask])
    np.testing.assert_array_equal(rows[:, 1:3], expected[mask, 1:3])
    np.testing.assert_array_equal(rows[2:4, 1], expected[mask, 1][2:4])
    np.testing.assert_array_equal(rows.take([4], axis=1), expected[mask][:, [4]])


@pytest.mark.parametrize("as_table", [np.asarray, np.asfortranarray])
def test_a_selection_is_read_as_its_rows(as_table):
    X = as_table(np.arange(60.0, dtype=np.float32).reshape(12, 5))
    mask = np.arange(12) % 3 > 0
    rows = select_rows(X, mask)
    expected = X[mask]
    assert isinstance(rows, RowSelection)
    assert rows.shape == expected.shape and rows.dtype == X.dtype
    assert len(rows) == len(expected)
    np.testing.assert_array_equal(rows, expected)
    assert np.asarray(rows).dtype == X.dtype
    assert np.asarray(rows, np.float64).dtype == np.float64
    for key in (slice(2, 5), slice(None, None, 2), np.array([5, 0, 5])):
        np.testing.assert_array_equal(rows[key], expected[key])
        np.testing.assert_array_equal(rows[key, 1:3], expected[key, 1:3])
    np.testing.assert_array_equal(rows.take([3, 1], axis=1), expected[:, [3, 1]])
    fewer = select_rows(rows, np.array([6, 1]))
    np.testing.assert_array_equal(fewer, expected[[6, 1]])
    (_, values), *_ = column_blocks(rows)
    np.testing.assert_array_equal(values.T, expected)


@pytest.mark.parametrize("how", ["fraction", "splitter", "folds", "weights"])
@pytest.mark.parametrize("gaps", [False, True])
def test_the_table_is_not_copied_to_train_on_some_rows(how, gaps, monkeypatch):
    monkeypatch.setattr(chunks, "BLOCK_BYTES", 2**20)
    X = np.random.default_rng(0).normal(size=(10_000, 200))
    if gaps:
        X[::7, ::20] = np.nan
    y, weight = np.nan_to_num(X[:, 0]), None
    model = FCNetRegressor(**SMALL, numeric_embedding=None, early_stopping=False)
    if how == "weights":
        weight = np.arange(10_000) % 10 > 0
    elif how == "folds":
        model.set_params(early_stopping=True, n_members=2)
    else:
        splitter = ShuffleSplit(1, test_size=0.1, random_state=0)
        fraction = 0.1 if how == "fraction" else splitter
        model.set_params(early_stopping=True, validation_fraction=fraction)
    peak = peak_of(lambda: fitted(model, X, y, weight))
    most = 2.0 if how == "folds" else 1.5  # for each fold is scored by itself
    assert peak < most * X.nbytes / 2


def frame_of(X):
    """Return a frame of numbers, and of categories that nothing is copied for."""
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    frame["k"] = pd.Categorical.from_codes(np.arange(len(X)) % 3, ["a", "b", "c"])
    return frame


@pytest.mark.parametrize("as_frame", [pd.DataFrame, pl.from_pandas])
def test_large_frames_are_read_as_small_ones(as_frame, monkeypatch):
    X = np.random.default_rng(0).normal(size=(200, 6))
    X[::7, 2] = np.nan
    frame = frame_of(X).convert_dtypes().assign(word="x", f=np.float32(0.1), i=7)
    table, model = as_frame(frame), FCNetRegressor(**SMALL)
    expected = fitted(model, table, X[:, 0]).predict(table)
    with monkeypatch.context() as patch:
        patch.setattr("skfcnet._tabular.table_reader.BLOCK_BYTES", 0)
        found = fitted(model, table, X[:, 0]).predict(table)
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="infinity"):
        model.predict(as_frame(frame.assign(i=np.inf)))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_frame_of_numbers_and_categories_is_not_copied(early_stopping, monkeypatch):
    monkeypatch.setattr(chunks, "BLOCK_BYTES", 2**20)
    monkeypatch.setattr("skfcnet._tabular.table_reader.BLOCK_BYTES", 2**20)
    X = np.random.default_rng(0).normal(size=(10_000, 200))
    frame = frame_of(X)
    model = FCNetRegressor(
        **SMALL, numeric_embedding=None, early_stopping=early_stopping
    )
    assert peak_of(lambda: fitted(model, frame, X[:, 0])) < 1.5 * X.nbytes / 2
    assert peak_of(lambda: model.predict(frame)) < X.nbytes


def test_the_linear_term_takes_a_bounded_amount():
    X = np.random.default_rng(0).normal(size=(20_000, 400)).astype(np.float32)
    model = FCNetRegressor(**SMALL | {"linear_term": True}, numeric_embedding=None)
    peak = peak_of(lambda: fitted(model, X, X[:, 0]))
    assert model._net.state["V"].any()
    assert peak < 1.5 * X.nbytes + 200e6


@pytest.mark.parametrize("early_stopping", [True, False])
def test_members_of_a_large_network_take_the_memory_of_one(early_stopping, monkeypatch):
    """Beside the parameters of all of them."""
    monkeypatch.setattr("skfcnet._estimators.parallel_members.MAX_BYTES_TOGETHER", 10e6)
    X = random_array((200, 10_000), density=0.005, random_state=0, format="csr")
    y = np.random.default_rng(0).normal(size=200)
    model = FCNetRegressor(
        n_members=5,
        hidden_layer_sizes=(64,),
        early_stopping=early_stopping,
        max_iter=3,
        n_iter_no_change=1,
        random_state=0,
    )
    peak = peak_of(lambda: fitted(model, X, y))
    assert peak < 2.7 * model._net.params.vector.nbytes


# Memory maps


@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f8", np.int32])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", [FCNetClassifier, FCNetRegressor])
def test_a_memory_map_is_learned_as_an_array(kind, early_stopping, dtype, tmp_path):
    X = (100 * np.random.default_rng(0).normal(size=(300, 5))).astype(dtype)
    y = (X[:, 0] > X[:, 1]).astype(int)
    model = kind(**SMALL, early_stopping=early_stopping)
    mapped = in_file(X, tmp_path / "X.npy")
    expected = fitted(model, X, y).predict(X)
    np.testing.assert_array_equal(fitted(model, mapped, y).predict(mapped), expected)
    assert isinstance(mapped, np.memmap) and not mapped.flags.writeable


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_memory_map_never_is_an_array_in_memory(dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "BLOCK_BYTES", 2**20)
    X = np.random.default_rng(0).normal(size=(10_000, 200)).astype(dtype)
    y = X[:, 0].astype(float)
    X = in_file(X, tmp_path / "X.npy")
    model = FCNetRegressor(**SMALL, numeric_embedding=None)
    peak = peak_of(lambda: fitted(model, X, y))
    assert peak < 1.5 * X.size * 4
