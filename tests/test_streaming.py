"""Training on streams, against `fit` on the same rows in memory."""

import os
import sys
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import dataset, parquet
from scipy.sparse import csr_array
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scaffolding import (
    parameters_of,
    repeatable,
    short_fits,
    small_classifier,
    small_regressor,
)
from skfcnet import FCNetClassifier, FCNetRegressor, streaming
from skfcnet._engine.workspace import Workspace
from skfcnet.streaming._batches import BatchStream
from skfcnet.streaming._buckets import Buckets, MinibatchesOnDisk
from skfcnet.streaming._fit import RowsOnDisk
from skfcnet.streaming._sample import read_sample

pytestmark = short_fits

N = 1200
SMALL_BUFFER = 12_000
"""A buffer that holds 300 rows of five columns."""

OPTIONS = {"batch_size": 20, "numeric_embedding": None}
"""Parameters with which a bucket of so small a buffer has enough minibatches."""


def a_frame(n=N, seed=0):
    """Return rows of five columns and targets `y` and `label`, sorted by `y`."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    frame["colour"] = rng.choice(["red", "green", "blue"], size=n)
    y = np.sin(2 * frame.a) + frame.b + (frame.colour == "red")
    frame["y"] = y + 0.1 * rng.normal(size=n)
    frame["label"] = np.where(y > 1, "high", np.where(y > -0.5, "middle", "low"))
    return frame.sort_values("y", ignore_index=True)


def features_of(frame):
    return frame[["a", "b", "c", "d", "colour"]]


def of_target(frame, target):
    return features_of(frame).assign(**{target: frame[target]})


def cut(rows, size):
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def regressor(**options):
    return small_regressor(**OPTIONS | options)


def classifier(**options):
    return small_classifier(**OPTIONS | options)


fit_by_buckets = partial(streaming.fit, buffer_size=SMALL_BUFFER)


# Sources


def parquet_file(frame, folder):
    path = folder / "rows.parquet"
    frame.to_parquet(path, row_group_size=250)
    return path


def parquet_files(frame, folder):
    paths = [str(folder / f"{i}.parquet") for i in range(3)]
    for path, rows in zip(paths, cut(frame, N // 3), strict=True):
        rows.to_parquet(path)
    return paths


def parquet_folder(frame, folder):
    parquet_files(frame, folder)
    return folder


def arrow_dataset(frame, folder):
    return dataset.dataset(parquet_files(frame, folder))


def arrow_table(frame, folder):
    return pa.Table.from_pandas(frame)


def record_batches(frame, folder):
    return arrow_table(frame, folder).to_batches(max_chunksize=100)


def dask_frame(frame, folder):
    dask_dataframe = pytest.importorskip("dask.dataframe")
    return dask_dataframe.from_pandas(frame, npartitions=5)


def pandas_frames(frame, folder):
    return cut(frame, 170)


def polars_frames(frame, folder):
    return cut(pl.from_pandas(frame), 170)


def function_of_frames(frame, folder):
    return lambda: (rows for rows in cut(frame, 170))


NAMED_SOURCES = [
    parquet_file,
    parquet_files,
    parquet_folder,
    arrow_dataset,
    arrow_table,
    record_batches,
    dask_frame,
    pandas_frames,
    polars_frames,
    function_of_frames,
]


@pytest.mark.parametrize("source", NAMED_SOURCES)
@pytest.mark.parametrize("target", ["y", "label"])
def test_rows_that_fit_into_the_buffer_are_fitted_as_by_fit(source, target, tmp_path):
    frame = of_target(a_frame(), target)
    model = (regressor if target == "y" else classifier)(max_iter=2)
    data = source(frame, tmp_path)
    streamed = parameters_of(streaming.fit(model, data, target=target))
    fitted = model.fit(features_of(frame), frame[target])
    np.testing.assert_array_equal(streamed, parameters_of(fitted))


@pytest.mark.parametrize("source", NAMED_SOURCES)
def test_every_source_gives_the_same_from_disk(source, tmp_path):
    frame = of_target(a_frame(), "y")
    model = regressor(max_iter=1)
    data = source(frame, tmp_path)
    streamed = parameters_of(fit_by_buckets(model, data, target="y"))
    fit_by_buckets(model, [frame], target="y")
    np.testing.assert_array_equal(streamed, parameters_of(model))


@pytest.mark.parametrize("has_weight", [False, True])
def test_tuples_of_arrays_are_batches(has_weight):
    frame = a_frame()
    X, y = frame[["a", "b"]].to_numpy(), frame.y.to_numpy()
    arrays = [X, y, np.arange(N) % 3.0] if has_weight else [X, y]
    batches = list(zip(*(cut(a, 100) for a in arrays), strict=True))
    model = regressor(max_iter=2)
    streamed = parameters_of(streaming.fit(model, batches))
    np.testing.assert_array_equal(streamed, parameters_of(model.fit(*arrays)))


def test_a_function_may_return_any_iterable():
    frame = of_target(a_frame(), "y")
    model = regressor(max_iter=1)
    one = parameters_of(fit_by_buckets(model, lambda: cut(frame, 100), target="y"))
    fit_by_buckets(model, [frame], target="y")
    np.testing.assert_array_equal(one, parameters_of(model))


def test_batches_without_rows_are_passed_over():
    frame = of_target(a_frame(), "y")
    model = regressor(max_iter=1)
    data = [frame[:0], frame[:600], frame[:0], frame[600:]]
    one = parameters_of(fit_by_buckets(model, data, target="y"))
    fit_by_buckets(model, [frame], target="y")
    np.testing.assert_array_equal(one, parameters_of(model))


# What is learned


@pytest.mark.parametrize("embedding", [None, "ple"])
def test_sorted_rows_are_learned_as_well_as_by_fit(embedding):
    frame, test = a_frame(6000), a_frame(2000, seed=1)
    options = {"max_iter": 8, "numeric_embedding": embedding, "batch_size": 20}
    model = FCNetRegressor(hidden_layer_sizes=(32,), random_state=0, **options)
    scores = {}
    for way in ("stream", "memory"):
        if way == "stream":
            data = cut(of_target(frame, "y"), 500)
            streaming.fit(model, data, target="y", buffer_size=20_000)
        else:
            model.fit(features_of(frame), frame.y)
        scores[way] = model.score(features_of(test), test.y)
    assert 1 - scores["stream"] <= 1.15 * (1 - scores["memory"])


def test_a_tuple_of_files_is_read_like_a_list(tmp_path):
    paths = parquet_files(FRAME, tmp_path)
    expected = streaming.fit(regressor(), paths, target="y")
    model = streaming.fit(regressor(), tuple(paths), target="y")
    np.testing.assert_array_equal(parameters_of(model), parameters_of(expected))


def test_very_many_batches_of_one_row_are_the_same_rows():
    X, y = np.asarray(FRAME[["a", "b"]]), np.asarray(FRAME.y)
    rows = [(X[i : i + 1], y[i : i + 1]) for i in range(N)]
    model = streaming.fit(regressor(), rows)
    expected = streaming.fit(regressor(), [(X, y)])
    np.testing.assert_array_equal(parameters_of(model), parameters_of(expected))


def test_single_rows_have_no_variance():
    model = regressor(normalization="batch", batch_size=1)
    with pytest.raises(ValueError, match="batch_size of at least 2"):
        fit_by_buckets(model, [FRAME], target="y")


def test_sorted_classes_are_learned_as_well_as_by_fit():
    frame, test = a_frame(3000).sort_values("label"), a_frame(2000, seed=1)
    model = FCNetClassifier((32,), random_state=0, max_iter=8, **OPTIONS)
    data = cut(of_target(frame, "label"), 300)
    streamed = fit_by_buckets(model, data, target="label")
    error = 1 - streamed.score(features_of(test), test.label)
    fitted = model.fit(features_of(frame), frame.label)
    assert error <= 1.15 * (1 - fitted.score(features_of(test), test.label))


def test_the_schedule_ends_with_the_last_epoch():
    frame = of_target(a_frame(), "y")
    model = FCNetRegressor(random_state=0, hidden_layer_sizes=(4,), **OPTIONS)
    model.set_params(early_stopping=False, learning_rate="one_cycle")
    fit_by_buckets(model, [frame], target="y")
    assert model.n_iter_ == -(-4000 // (N // 20))
    assert model.history_["learning_rate"][-1] < 0.01 * model.learning_rate_init


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_members", [1, 5])
def test_how_rows_are_divided_into_batches_changes_no_bit(n_members, weighted):
    frame = of_target(a_frame(), "y")
    options = {"target": "y"}
    if weighted:
        frame["w"] = np.random.default_rng(2).exponential(size=N)
        options["sample_weight"] = "w"
    early_stopping = n_members > 1
    model = regressor(max_iter=2, n_members=n_members, early_stopping=early_stopping)
    vectors = [
        parameters_of(fit_by_buckets(model, cut(frame, size), **options))
        for size in (7, 400, N)
    ]
    np.testing.assert_array_equal(vectors[0], vectors[1])
    np.testing.assert_array_equal(vectors[0], vectors[2])


def test_a_seed_decides_and_numpy_s_generator_is_not_touched():
    frame = of_target(a_frame(), "y")
    before = np.random.get_state()[1].copy()
    models = [regressor(max_iter=1, random_state=seed) for seed in (0, 0, 1)]
    vectors = [
        parameters_of(fit_by_buckets(model, [frame], target="y")) for model in models
    ]
    np.testing.assert_array_equal(vectors[0], vectors[1])
    assert (vectors[0] != vectors[2]).any()
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_a_random_state_is_drawn_from_once():
    frame = of_target(a_frame(), "y")
    states = [np.random.RandomState(0) for _ in range(2)]
    streaming.fit(regressor(random_state=states[0]), [frame], target="y")
    regressor(random_state=states[1]).fit(features_of(frame), frame.y)
    assert states[0].randint(2**31) == states[1].randint(2**31)


def test_weights_are_repetition_counts():
    frame = of_target(a_frame(), "y")
    frame["w"] = np.arange(N) % 4
    model = regressor(max_iter=2, batch_size=10)
    fit_by_buckets(model, cut(frame, 130), target="y", sample_weight="w")
    total = frame.w.sum()
    assert model.t_ == pytest.approx(2 * total, abs=20)
    repeated = frame.loc[frame.index.repeat(frame.w)]
    test = a_frame(1000, seed=1)
    score = model.score(features_of(test), test.y)
    model.fit(features_of(repeated), repeated.y)
    assert score == pytest.approx(model.score(features_of(test), test.y), abs=0.02)


def test_rows_of_weight_0_are_not_trained_on():
    frame = of_target(a_frame(), "y")
    junk = frame.assign(y=1e6, w=0.0)
    model = regressor()
    data = [junk, *cut(frame.assign(w=1.0), 200), junk]
    fit_by_buckets(model, data, target="y", sample_weight="w", buffer_size=36_000)
    test = a_frame(1000, seed=1)
    assert model.score(features_of(test), test.y) > 0.5


def test_small_weights_are_rescaled():
    frame = of_target(a_frame(), "y")
    steps = []
    for weight in (1.0, 1e-3, 100.0):
        model = regressor(max_iter=1)
        data = [frame.assign(w=weight)]
        fit_by_buckets(model, data, target="y", sample_weight="w")
        steps.append(model.t_)
    assert steps[0] == steps[1] == steps[2]


def test_classes_of_the_last_batch_are_learned():
    frame = of_target(a_frame(), "label")
    rare = frame[:3].assign(label="rare", a=50.0)
    data = [*cut(frame, 200), rare]
    model = fit_by_buckets(
        classifier(max_iter=20, class_weight="balanced"), data, target="label"
    )
    assert model.classes_.tolist() == ["high", "low", "middle", "rare"]
    assert (model.predict(features_of(rare)) == "rare").all()


def test_balanced_classes_are_those_of_all_rows():
    frame = of_target(a_frame(), "label")
    labels = np.unique(frame.label)
    model = classifier(max_iter=1, class_weight="balanced")
    streamed = fit_by_buckets(model, cut(frame, 130), target="label")
    costs = streamed._target.costs(labels)
    fitted = model.fit(features_of(frame), frame.label)
    np.testing.assert_allclose(costs, fitted._target.costs(labels))


@pytest.mark.parametrize(
    ("columns", "make"),
    [
        ({"p": lambda f: f.y, "q": lambda f: -f.a}, regressor),
        ({"p": lambda f: f.y > 0, "q": lambda f: f.a > 0}, classifier),
        ({"p": lambda f: 1 * (f.y > 0), "q": lambda f: (f.a > 0) + 5}, classifier),
    ],
    ids=["numbers", "labels of 0 and 1", "labels"],
)
def test_several_targets(columns, make):
    frame = a_frame()
    X = features_of(frame)
    y = np.column_stack([make_column(frame) for make_column in columns.values()])
    y = y.astype(int) if y.dtype == bool else y
    named = X.assign(**dict(zip(columns, y.T, strict=True)))
    model = fit_by_buckets(make(), cut(named, 170), target=list(columns))
    score = model.score(X, y)
    assert model.predict(X).shape == y.shape
    assert score >= make().fit(X, y).score(X, y) - 0.05


def test_the_range_of_the_target_is_that_of_all_rows():
    """Also where the target is the same in all rows of the sample."""
    X = np.random.default_rng(0).normal(size=(N, 5))
    y = np.zeros(N)
    y[7] = 5.0
    model = regressor(max_iter=1, clip_output=True)
    fit_by_buckets(model, [(X, y)], buffer_size=8000)
    assert np.ptp(model.predict(X)) > 0


def test_numbers_that_are_missing_late_and_categories_that_are_new_late():
    frame = of_target(a_frame(), "y")
    late = frame[-5:].copy()
    late["a"], late["colour"] = np.nan, "violet"
    data = [*cut(frame, 300), late]
    model = fit_by_buckets(regressor(), data, target="y")
    assert np.isfinite(model.predict(features_of(late))).all()


def test_categories_of_every_batch_are_united():
    frame = of_target(a_frame(), "y")
    frame["colour"] = frame.colour.astype("category")
    data = cut(frame, 300)
    for batch in data:
        batch["colour"] = batch.colour.cat.remove_unused_categories()
    data[0]["colour"] = data[0].colour.cat.set_categories(["red", "blue", "green"])
    model = regressor(max_iter=1)
    streamed = streaming.fit(model, data, target="y").predict(features_of(frame))
    frame["colour"] = frame.colour.cat.set_categories(["red", "blue", "green"])
    fitted = model.fit(features_of(frame), frame.y).predict(features_of(frame))
    np.testing.assert_array_equal(streamed, fitted)


# Cross-fitted members


def cross_fitted(make=FCNetRegressor, **options):
    model = make(hidden_layer_sizes=(16,), n_members=5, random_state=0)
    return model.set_params(**OPTIONS | options)


def prepared(monkeypatch):
    """Return a list to which the encoded rows of every fit to a stream are added."""
    found, init = [], RowsOnDisk.__init__

    def noted(rows, *arguments):
        init(rows, *arguments)
        found.append(rows)

    monkeypatch.setattr(RowsOnDisk, "__init__", noted)
    return found


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("target", ["y", "label"])
def test_a_member_is_not_trained_on_its_own_fold(target, weighted, monkeypatch):
    """And on all rows beside the sample, with a mean factor of 1."""
    frame = of_target(a_frame(), target).assign(a=np.arange(N))
    options, cost = {"target": target}, np.ones(N)
    model = cross_fitted(max_iter=1, input_scaling=None)
    if target == "label":
        weights = {"high": 0.5, "middle": 1.0, "low": 2.0}
        model = cross_fitted(FCNetClassifier, class_weight=weights, max_iter=1)
        model.set_params(input_scaling=None)
        cost = frame.label.map(weights).to_numpy()
    if weighted:
        frame["w"] = 1 + np.arange(N) % 3
        options["sample_weight"] = "w"
    rows_of_fits, seen = prepared(monkeypatch), []
    epoch = MinibatchesOnDisk.epoch

    def noted(minibatches, *arguments, **options):
        for x, y, weight in epoch(minibatches, *arguments, **options):
            seen.append((x[:, 0].copy(), weight.copy()))
            yield x, y, weight

    monkeypatch.setattr(MinibatchesOnDisk, "epoch", noted)
    model = fit_by_buckets(model, cut(frame, 130), **options)
    numbers, factors = map(np.concatenate, zip(*seen, strict=True))
    numbers = numbers.astype(int)
    assert sorted(set(numbers)) == list(range(N))
    (rows,) = rows_of_fits
    sample = rows.cross_fitted
    own = np.ones((N, 5))
    own[sample.X[:, 0].astype(int)] = sample.member_counts
    assert (own == 0).sum(axis=0) == pytest.approx(60, abs=3)
    np.testing.assert_array_equal(factors > 0, own[numbers] > 0)
    np.testing.assert_allclose(
        (factors / cost[numbers, np.newaxis]).mean(axis=0), 1, rtol=1e-5
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_cross_fitted_members_have_all_that_fit_gives_them(weighted):
    frame, test = a_frame(4000), a_frame(4000, seed=1)
    data, options = of_target(frame, "y"), {"target": "y"}
    if weighted:
        data["w"] = np.random.default_rng(2).exponential(size=len(frame))
        options["sample_weight"] = "w"
    model = cross_fitted(max_iter=20)
    fit_by_buckets(model, cut(data, 130), buffer_size=60_000, **options)
    assert len(model.best_iteration_) == len(model.coefs_[0]) == 5
    assert model.validation_scores_[-1] > model.validation_scores_[0]
    X, y = features_of(test), test.y
    assert model.oob_score_ == pytest.approx(model.score(X, y), abs=0.02)
    _, interval = model.predict(X, return_interval=0.9)
    share = np.mean((interval[:, 0] <= y) & (y <= interval[:, 1]))
    assert share == pytest.approx(0.9, abs=0.03)
    with pytest.raises(AttributeError, match="was trained on a stream"):
        model.oob_prediction_  # noqa: B018


def test_classes_of_cross_fitted_members():
    frame, test = of_target(a_frame(), "label"), a_frame(1000, seed=1)
    model = cross_fitted(FCNetClassifier, max_iter=20)
    fit_by_buckets(model, cut(frame, 130), target="label")
    score = model.score(features_of(test), test.label)
    assert model.oob_score_ == pytest.approx(score, abs=0.08)
    assert not hasattr(model, "oob_decision_function_")


def test_quantiles_of_cross_fitted_members_hold_their_shares():
    frame, test = a_frame(4000), a_frame(4000, seed=1)
    model = cross_fitted(loss="quantile", quantile=0.8, max_iter=15)
    data = cut(of_target(frame, "y"), 500)
    fit_by_buckets(model, data, target="y", buffer_size=60_000)
    share = np.mean(test.y <= model.predict(features_of(test)))
    assert share == pytest.approx(0.8, abs=0.04)


def test_the_network_is_that_of_as_many_rows_in_memory():
    X = np.random.default_rng(0).normal(size=(20_000, 3))
    model = FCNetRegressor(max_iter=1, numeric_embedding=None, random_state=0)
    shapes = []
    for buffer_size in (50_000, 10**6):
        streaming.fit(model, [(X, X[:, 0])], buffer_size=buffer_size)
        shapes.append([model._training.architecture, model.coefs_[0].shape])
        assert model._net.state["V"].any()
    assert shapes[0] == shapes[1]
    assert shapes[0][1] == (5, 3, 104)


# Validation, callbacks and continuation


def rows_on_disk(monkeypatch):
    """Return a list to which the number of rows is added in every call."""
    numbers, add = [], Buckets.add

    def counted(buckets, arrays, draws):
        numbers.append(len(draws))
        add(buckets, arrays, draws)

    monkeypatch.setattr(Buckets, "add", counted)
    return numbers


@pytest.mark.parametrize(("fraction", "n_held_out"), [(0.1, 120), (0.5, 150)])
def test_a_part_of_the_rows_is_held_out(monkeypatch, fraction, n_held_out):
    frame = of_target(a_frame(), "y")
    numbers = rows_on_disk(monkeypatch)
    model = regressor(early_stopping=True, validation_fraction=fraction, max_iter=30)
    model.set_params(n_iter_no_change=3)
    fit_by_buckets(model, cut(frame, 130), target="y")
    assert N - sum(numbers) == pytest.approx(n_held_out, abs=2)
    assert len(model.history_["validation_score"]) == model.n_iter_
    best = np.argmax(model.history_["validation_score"])
    assert model.best_iteration_ == best + 1


def test_the_rows_held_out_are_not_trained_on(monkeypatch):
    frame = of_target(a_frame(), "y").assign(a=np.arange(N))
    trained_on, held_out = [], []
    read_rows, add = FCNetRegressor._read_rows, Buckets.add

    def add_and_note(buckets, arrays, draws):
        trained_on.extend(noted[-1])
        add(buckets, arrays, draws)

    noted = []

    def read_and_note(self, X, y, sample_weight):
        noted.append(X["a"].tolist())
        return read_rows(self, X, y, sample_weight)

    monkeypatch.setattr(FCNetRegressor, "_read_rows", read_and_note)
    monkeypatch.setattr(Buckets, "add", add_and_note)
    split = streaming._fit.DataInMemory.split_and_encode

    def split_and_note(data, draft, rows, share):
        held_out.extend(rows.X[:, 0])
        result = split(data, draft, rows, share)
        for number in data.X["a"].iloc[result[0].index]:
            held_out.remove(number)
        return result

    monkeypatch.setattr(streaming._fit.DataInMemory, "split_and_encode", split_and_note)
    model = regressor(early_stopping=True, validation_fraction=0.1, max_iter=1)
    fit_by_buckets(model, cut(frame, 130), target="y")
    assert len(held_out) == pytest.approx(120, abs=2)
    assert sorted([*trained_on, *held_out]) == list(range(N))


def test_a_validation_set_of_one_s_own(monkeypatch):
    frame, other = of_target(a_frame(), "y"), a_frame(200, seed=1)
    numbers = rows_on_disk(monkeypatch)
    model = regressor(early_stopping=True, scoring=None, max_iter=4)
    X_val, y_val = features_of(other), other.y
    fit_by_buckets(model, cut(frame, 130), target="y", X_val=X_val, y_val=y_val)
    assert sum(numbers) == N
    score = model.history_["validation_score"][model.best_iteration_ - 1]
    assert score == pytest.approx(model.score(X_val, y_val))


def test_callbacks_get_the_sample():
    callback = pytest.importorskip("sklearn.callback")
    frame = of_target(a_frame(), "y")
    monitor = callback.ScoringMonitor(scoring="r2")
    model = regressor(max_iter=3).set_callbacks(monitor)
    fit_by_buckets(model, cut(frame, 130), target="y")
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 3
    assert rows[-1]["r2"] > rows[0]["r2"]


def test_verbose_prints_every_epoch(capsys):
    frame = of_target(a_frame(), "y")
    fit_by_buckets(regressor(max_iter=3, verbose=True), [frame], target="y")
    assert capsys.readouterr().out.count("Epoch") == 3


def test_a_warm_start_continues():
    frame = of_target(a_frame(), "y")
    model = regressor(max_iter=3, warm_start=True)
    fit_by_buckets(model, [frame], target="y")
    fit_by_buckets(model, cut(frame, 200), target="y")
    assert model.n_iter_ == 6
    assert model.history_["loss"][5] < model.history_["loss"][0]


def test_there_is_a_warning_if_training_has_not_converged():
    frame = of_target(a_frame(), "y")
    with pytest.warns(match="had not converged after 1 epoch"):
        fit_by_buckets(regressor(max_iter=1), [frame], target="y")


@pytest.mark.filterwarnings("ignore:n_jobs=2 has no effect")
def test_members_are_the_same_for_any_n_jobs():
    frame, vectors = of_target(a_frame(), "y"), []
    for n_jobs in (None, 2):
        model = FCNetRegressor(
            hidden_layer_sizes=(4,), n_members=2, dropout=0.1, max_iter=2, **OPTIONS
        ).set_params(n_jobs=n_jobs, random_state=0)
        vectors.append(parameters_of(fit_by_buckets(model, [frame], target="y")))
    np.testing.assert_array_equal(*vectors)


def test_n_jobs_that_has_no_effect_is_a_warning():
    frame = of_target(a_frame(), "y")
    model = regressor(max_iter=1, n_members=2, n_jobs=2)
    with pytest.warns(match="n_jobs=2 has no effect"):
        fit_by_buckets(model, [frame], target="y")


# Files


@pytest.fixture
def folder(tmp_path):
    """Return a folder that must be empty in the end."""
    folder = tmp_path / "buckets"
    folder.mkdir()
    yield folder
    assert os.listdir(folder) == []


def test_files_are_in_the_folder_while_training_and_gone_after_it(folder, monkeypatch):
    frame, seen = of_target(a_frame(), "y"), []
    load = Buckets.load

    def seeing(buckets, bucket):
        (inner,) = folder.iterdir()
        seen.append(len(list(inner.iterdir())))
        return load(buckets, bucket)

    monkeypatch.setattr(Buckets, "load", seeing)
    fit_by_buckets(regressor(max_iter=1), [frame], target="y", folder=folder)
    assert len(seen) > 1
    assert set(seen) == {len(seen)}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_files_are_gone_where_training_is_interrupted(folder, monkeypatch, error):
    frame, load, calls = of_target(a_frame(), "y"), Buckets.load, []

    def failing(buckets, bucket):
        calls.append(bucket)
        if len(calls) > buckets.n_buckets:
            raise error("now")
        return load(buckets, bucket)

    monkeypatch.setattr(Buckets, "load", failing)
    model = regressor()
    with pytest.raises(error, match="now"):
        fit_by_buckets(model, [frame], target="y", folder=folder)
    # As by fit, Ctrl-C keeps the epochs so far, and an error keeps nothing.
    assert getattr(model, "n_iter_", 0) == (error is KeyboardInterrupt)


def test_files_are_gone_where_a_batch_fails(folder):
    frame, calls = of_target(a_frame(), "y"), []

    def batches():
        calls.append(1)
        yield frame
        if len(calls) == 2:
            raise OSError("no such host")

    model = regressor().fit(features_of(frame), frame.y)
    before = parameters_of(model)
    message = "Batch 2 could not be read.*OSError: no such host"
    with pytest.raises(RuntimeError, match=message):
        fit_by_buckets(model, batches, target="y", folder=folder)
    np.testing.assert_array_equal(before, parameters_of(model))


def test_too_little_disk_is_an_error(folder, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("skfcnet.streaming._buckets.disk_usage", lambda path: usage)
    frame = of_target(a_frame(), "y")
    with pytest.raises(OSError, match="set folder to one with more space"):
        fit_by_buckets(regressor(), [frame], target="y", folder=folder)


# Errors


FRAME = of_target(a_frame(), "y")


def with_nan(frame):
    frame = frame.copy()
    frame.loc[frame.index[3], "y"] = np.nan
    return frame


def with_infinity(frame):
    frame = frame.copy()
    frame.loc[frame.index[3], "a"] = np.inf
    return frame


@pytest.mark.parametrize(
    ("second", "error", "message"),
    [
        (FRAME[100:200].drop(columns="a"), ValueError, "the columns are .*'b', 'c'"),
        (FRAME[100:200].astype({"a": str}), ValueError, "'a' holds text .* but number"),
        (FRAME[100:200].drop(columns="y"), ValueError, r"target names \['y'\]"),
        (FRAME[100:200][["y"]], ValueError, r"no features besides \['y'\]"),
        (with_nan(FRAME[100:200]), ValueError, "y contains NaN"),
        (with_infinity(FRAME[100:200]), ValueError, "infinity"),
        (np.ones((3, 2)), TypeError, "must be a data frame .* or a tuple"),
        ((np.ones((3, 2)), np.ones(3)), ValueError, "leave target out"),
    ],
    ids=[
        "columns",
        "dtype",
        "no target",
        "no features",
        "NaN",
        "infinity",
        "array",
        "tuple",
    ],
)
def test_errors_name_the_batch(second, error, message):
    model = regressor().fit(features_of(FRAME), FRAME.y)
    before = parameters_of(model)
    numbered = r"Batch 2 \((rows 100 to 199|from row 100 on)\): .*"
    data = [FRAME[:100], second, FRAME[200:]]
    with pytest.raises(error, match=numbered + message):
        fit_by_buckets(model, data, target="y")
    np.testing.assert_array_equal(before, parameters_of(model))


X, Y = np.ones((4, 2)), np.arange(4.0)


@pytest.mark.parametrize(
    ("second", "error", "message"),
    [
        ((X,), ValueError, r"must be \(X, y\) or \(X, y, sample_weight\)"),
        ((X, Y[:3]), ValueError, "inconsistent numbers of samples"),
        ((X[:, :1], Y), ValueError, "the columns are"),
        ((csr_array(X), Y), TypeError, "X is sparse.*partial_fit"),
        ((X, np.ones((4, 2))), ValueError, "there are 2 targets, but 1"),
        ((X, Y, Y), ValueError, "every batch must have sample weights, or none"),
        ((X, 3.0), ValueError, "y must be an array"),
        ((X, list("abcd")), ValueError, "the targets are objects, but numbers"),
        ((X, Y * 1j), ValueError, "y contains complex numbers"),
        ((X, np.ma.masked_array(Y)), TypeError, "y is a masked array"),
        ((X, Y, np.ma.masked_array(Y)), TypeError, "sample_weight is a masked array"),
        ((X, Y, Y.astype("M8[s]")), TypeError, "sample_weight has dates"),
    ],
)
def test_errors_of_tuples_name_the_batch(second, error, message):
    with pytest.raises(error, match=r"Batch 2 \(.*" + message):
        streaming.fit(regressor(), [(X, Y), second])


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ((batch for batch in [FRAME]), TypeError, "can be read only once.*function"),
        (FRAME, TypeError, "call the fit method"),
        ({"a": [1]}, TypeError, "data must be one or several paths"),
        (3, TypeError, "data must be one or several paths"),
        (lambda: 3, TypeError, "must return an iterator of batches"),
        ([], ValueError, "data have no rows"),
        ([FRAME[:0]], ValueError, "data have no rows"),
        ("no/such/file.parquet", FileNotFoundError, "no/such/file.parquet"),
    ],
)
def test_data_that_cannot_be_read_are_refused(data, error, message):
    with pytest.raises(error, match=message):
        streaming.fit(regressor(), data, target="y")


def test_a_reader_of_arrow_can_be_read_only_once():
    reader = pa.Table.from_pandas(FRAME).to_reader()
    with pytest.raises(TypeError, match="can be read only once"):
        streaming.fit(regressor(), reader, target="y")


def test_data_must_be_the_same_when_they_are_read_again():
    batches = iter([FRAME])
    with pytest.raises(ValueError, match="1200 rows when they were read first, and 0"):
        fit_by_buckets(regressor(), lambda: batches, target="y")


def test_equal_rows_that_are_observations_are_trained_on():
    x = np.random.default_rng(0).integers(2, size=2000).astype(float)
    y = x + np.random.default_rng(1).integers(-1, 2, size=2000)
    data = [pd.DataFrame({"x": x, "y": y})]
    model = FCNetRegressor(**OPTIONS, n_members=2, max_iter=10, random_state=0)
    model = fit_by_buckets(model, data, target="y")
    means = [y[x == k].mean() for k in (0, 1)]
    predicted = model.predict(pd.DataFrame({"x": [0.0, 1.0]}))
    np.testing.assert_allclose(predicted, means, atol=0.1)
    assert model.t_ == 2000 * model.n_iter_


def test_rows_must_be_in_the_same_order_when_they_are_read_again():
    orders = iter([FRAME, FRAME[::-1]])
    with pytest.raises(ValueError, match=r"Batch 1 .* targets are not those .* first"):
        fit_by_buckets(regressor(), lambda: [next(orders)], target="y")


@pytest.mark.parametrize(
    ("model", "options", "error", "message"),
    [
        (regressor(solver="lbfgs"), {}, ValueError, "set another solver"),
        (regressor(shuffle=False), {}, ValueError, "set shuffle=True"),
        (regressor(max_iter=-1), {}, ValueError, "'max_iter' parameter"),
        (make_pipeline(StandardScaler(), regressor()), {}, TypeError, "Pipeline"),
        (regressor(), {"target": None}, ValueError, "set target to the name"),
        (regressor(), {"target": ["y", "z"]}, ValueError, r"target names \['z'\]"),
        (regressor(), {"sample_weight": "w"}, ValueError, "sample_weight names"),
        (regressor(), {"buffer_size": 0}, ValueError, "buffer_size must be"),
        (regressor(), {"buffer_size": 1e6}, ValueError, "buffer_size must be"),
        (regressor(), {"buffer_size": 900}, ValueError, "raise it to"),
        (regressor(), {"folder": "no/such"}, ValueError, "folder must be a folder"),
        (regressor(), {"X_val": X}, ValueError, "y_val is missing"),
    ],
)
def test_arguments_that_are_not_possible_are_refused(model, options, error, message):
    options = {"target": "y", "buffer_size": SMALL_BUFFER} | options
    with pytest.raises(error, match=message):
        streaming.fit(model, [FRAME], **options)


def test_a_splitter_is_refused():
    from sklearn.model_selection import ShuffleSplit

    model = regressor(early_stopping=True, validation_fraction=ShuffleSplit(1))
    with pytest.raises(ValueError, match="pass X_val and y_val"):
        streaming.fit(model, [FRAME], target="y")


def test_numbers_are_no_classes():
    with pytest.raises(ValueError, match=r"Batch 1 .*continuous"):
        streaming.fit(classifier(), [FRAME], target="y")


def test_without_pyarrow_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"skfcnet\[streaming\]"):
        streaming.fit(regressor(), "rows.parquet", target="y")


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-1.0, "Negative values .*sample_weight"),
        (np.nan, "sample_weight contains NaN"),
        ("a", "could not convert"),
    ],
)
def test_errors_of_weights_name_the_batch(weight, message):
    data = [(X, Y, np.ones(4)), (X, Y, [1.0, weight, 1.0, 1.0])]
    with pytest.raises(ValueError, match=r"Batch 2 \((?s:.)*" + message):
        streaming.fit(regressor(), data)


def test_weights_whose_sum_overflows_are_refused():
    weight = np.full(N, 1e308)
    data = [(features_of(FRAME), FRAME.y, weight)]
    with pytest.raises(ValueError, match="sum of the sample weights is inf"):
        fit_by_buckets(regressor(), data)


# The two passes


def sample_of(sizes, n, buffer_size):
    rows = np.arange(float(n))
    cuts = np.cumsum([0, *sizes, n]).clip(max=n)
    batches = [(rows[a:b, None], rows[a:b]) for a, b in pairwise(cuts)]
    rng = np.random.default_rng(0)
    stream = BatchStream(batches)
    return read_sample(stream, regressor(), buffer_size=buffer_size, rng=rng)


@given(
    sizes=st.lists(st.integers(0, 60), max_size=10),
    n=st.integers(1, 200),
    n_wanted=st.integers(1, 250),
)
@repeatable(60)
def test_the_sample_is_the_rows_of_the_smallest_keys(sizes, n, n_wanted):
    sample = sample_of(sizes, n, 8 * n_wanted)
    keys = np.random.default_rng(0).random(n)
    expected = np.sort(keys.argsort()[:n_wanted])
    np.testing.assert_array_equal(sample.position, expected)
    np.testing.assert_array_equal(sample.y, expected)
    np.testing.assert_array_equal(sample.X[:, 0], expected)
    assert sample.n_total == n
    assert sample.is_whole == (n_wanted >= n)


@pytest.mark.parametrize("weighted", [False, True])
def test_an_epoch_has_every_row_in_a_new_order(tmp_path, weighted):
    n = 1000
    rows, rng = np.arange(n), np.random.default_rng(0)
    weight = 1.0 + rows % 2 if weighted else None
    buckets = Buckets(tmp_path, n_rows=n, batch_size=8, buffer_size=8000, rng=rng)
    arrays = {
        "X": np.column_stack([rows, -rows]).astype(np.float32),
        "y": rows,
        "sample_weight": weight,
        "loss_weight": rows / 2,
    }
    for part in cut(rows, 170):
        taken = {name: a if a is None else a[part] for name, a in arrays.items()}
        buckets.add(taken, buckets.draw(len(part)))
    buckets.flush()
    minibatches = MinibatchesOnDisk(buckets)
    epochs = []
    for _ in range(2):
        epoch = [
            tuple(np.copy(a) for a in minibatch)
            for minibatch in minibatches.epoch(rng, Workspace())
        ]
        assert len(epoch) == len(minibatches)
        x, y, cost = (np.concatenate(arrays) for arrays in zip(*epoch, strict=True))
        np.testing.assert_array_equal(x, np.column_stack([y, -y]))
        np.testing.assert_array_equal(cost, y / 2)
        counts = np.ones(n, int) if weight is None else weight.astype(int)
        np.testing.assert_array_equal(np.bincount(y), counts)
        epochs.append(y)
    assert (epochs[0] != epochs[1]).any()
    # The first minibatches have rows from everywhere in a sorted stream.
    assert np.ptp(epochs[0][:200]) > 0.8 * n


def test_row_groups_of_a_sorted_file_are_read_in_order(tmp_path):
    path = tmp_path / "rows.parquet"
    table = pa.table({"a": np.arange(30_000.0), "y": np.arange(30_000.0)})
    parquet.write_table(table, path, row_group_size=700)
    y = np.concatenate([batch.y for batch in BatchStream(path, target="y")])
    np.testing.assert_array_equal(y, np.arange(30_000.0))
