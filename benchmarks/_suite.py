"""What the benchmark of accuracy fits: data sets, models, and how they are measured.

`DATA` and `MODELS` are the tables of them. All models are fitted to the same rows: a
random 80 % of them, in which a split has a seed, or, of data with an official split,
its training rows. The seed of a split is also that of the models.
"""

import os
import warnings
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_info

from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet.datasets import fetch_california_housing, fetch_mnist
from skfcnet.presets import ACCURATE, DIGITS

RANDOM_SPLITS, SEEDS = 10, 3
"""How many splits a verdict asks for, and how many seeds where the split is official.

More seeds than that are not fitted."""

BINS, RESAMPLES = 15, 200
"""Of the expected calibration error: bins of as many rows each; of its bootstrap."""


class Data(NamedTuple):
    """A data set: how it is loaded, and what is predicted.

    With an official split, loading returns what ``train_test_split`` does, and
    otherwise rows and targets.
    """

    load: Callable
    has_classes: bool
    is_split: bool = False


def tabular(name):
    """Return the rows and targets of a file of arrays."""
    arrays = np.load(Path(os.environ["SKFCNET_DATA"]) / "tabular" / f"{name}.npz")
    return arrays["X"], arrays["y"]


def joined(fetch, *parts):
    """Return the rows and targets of parts of data, put together."""
    data = fetch(normalize=False)
    return tuple(np.concatenate([data[f"{a}_{part}"] for part in parts]) for a in "Xy")


def official(fetch, *parts):
    """Return the test rows of data and the rows that these parts have to train on."""
    (X_train, y_train), (X_test, y_test) = joined(fetch, *parts), joined(fetch, "test")
    return X_train, X_test, y_train, y_test


def adult():
    """Return the table of incomes: columns of numbers and of words, with gaps."""
    path = Path(os.environ["SKFCNET_DATA"]) / "tabular" / "adult.csv.gz"
    table = pd.read_csv(path)
    X, y = table.iloc[:, :-1], table.iloc[:, -1].to_numpy()
    words = X.select_dtypes(exclude="number").columns
    return X.astype(dict.fromkeys(words, "category")), y


HOUSES = partial(joined, fetch_california_housing, "train", "val", "test")
FEWER_HOUSES = partial(official, fetch_california_housing, "train")
MNIST = partial(official, fetch_mnist, "train", "val")

DATA = {
    "california": Data(HOUSES, has_classes=False),
    "airfoil": Data(partial(tabular, "airfoil"), has_classes=False),
    "concrete": Data(partial(tabular, "concrete"), has_classes=False),
    "kin40k": Data(partial(tabular, "kin40k"), has_classes=False),
    "diabetes": Data(partial(load_diabetes, return_X_y=True), has_classes=False),
    "adult": Data(adult, has_classes=True),
    "phoneme": Data(partial(tabular, "phoneme"), has_classes=True),
    "digits": Data(partial(load_digits, return_X_y=True), has_classes=True),
    "breast cancer": Data(
        partial(load_breast_cancer, return_X_y=True), has_classes=True
    ),
    "wine": Data(partial(load_wine, return_X_y=True), has_classes=True),
    "mnist": Data(MNIST, has_classes=True, is_split=True),
    "california 15640": Data(FEWER_HOUSES, has_classes=False, is_split=True),
}

SUITE = [name for name in DATA if name != "california 15640"]
"""What shares are of: every data set once."""

WITH_CLASSES = [name for name in SUITE if DATA[name].has_classes]

TABLES = [name for name in SUITE if name != "mnist"]
"""What is fitted in seconds."""


def split(name, seed):
    """Return rows to train on and to measure on, and their targets."""
    data = DATA[name]
    if data.is_split:
        return data.load()
    return randomly_split(*data.load(), data.has_classes, seed)


def randomly_split(X, y, has_classes, seed):
    """Return 80 % of the rows and the others, and their targets."""
    stratify = y if has_classes else None
    return train_test_split(X, y, test_size=0.2, random_state=seed, stratify=stratify)


def seeds(name, splits=RANDOM_SPLITS):
    """Return the seeds of a data set, where so many splits are wanted."""
    return range(min(splits, SEEDS) if DATA[name].is_split else splits)


class Model(NamedTuple):
    """A model: its regressor and its classifier, and what they are given.

    ``is_prepared`` says whether `prepared` comes before the model. It is fitted
    ``only`` to some data sets, or to all ``but`` some.
    """

    kinds: tuple
    parameters: Mapping = MappingProxyType({})
    is_prepared: bool = False
    only: Collection = tuple(DATA)
    but: Collection = ()


def prepared(name):
    """Return what scikit-learn's network has in front of it.

    It knows neither words nor gaps.
    """
    if name != "adult":
        return StandardScaler()
    return numbers_and_words(
        OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    )


def numbers_and_words(words):
    """Return what fills and scales columns of numbers, beside what encodes words."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (words, make_column_selector(dtype_exclude="number")),
    )


OURS = FCNetRegressor, FCNetClassifier
BOOSTING = HistGradientBoostingRegressor, HistGradientBoostingClassifier
MLP = MLPRegressor, MLPClassifier

MODELS = {
    "skfcnet": Model(OURS),
    "skfcnet, accurate": Model(OURS, ACCURATE),
    "skfcnet, digits": Model(OURS, DIGITS, only=("mnist",)),
    "skfcnet, ColumnTransformer": Model(OURS, is_prepared=True, only=("adult",)),
    "boosting": Model(BOOSTING),
    "scaled MLP": Model(MLP, is_prepared=True),
    "MLP": Model(MLP, but=("adult",)),
}

ABLATION = {
    f"{name}={value!r}": Model(OURS, {name: value}, only=TABLES)
    for name, value in (
        ("numeric_embedding", None),
        ("numeric_embedding", "pbld"),
        ("input_scaling", "standard"),
        ("learning_rate", "constant"),
        ("learning_rate", "one_cycle"),
        ("weight_decay", 0.0),
        ("beta_2", 0.999),
        ("alpha", 0.0),
        ("early_stopping", False),
        ("dropout", 0.0),
        ("linear_term", False),
        ("hidden_layer_sizes", (256, 256)),
        ("n_members", 1),
    )
} | {
    "label_smoothing=0.0": Model(
        OURS, {"label_smoothing": 0.0}, only=set(TABLES).intersection(WITH_CLASSES)
    ),
}
"""The default with one parameter changed."""

ALL_MODELS = MODELS | ABLATION


def models(name):
    """Return the names of the models that are fitted to a data set."""
    return [
        label
        for label, model in ALL_MODELS.items()
        if name in model.only and name not in model.but
    ]


def built(name, label, seed):
    """Return a model for a data set."""
    model = ALL_MODELS[label]
    kind = model.kinds[DATA[name].has_classes]
    estimator = kind(random_state=seed, **model.parameters)
    if model.is_prepared:
        return make_pipeline(prepared(name), estimator)
    return estimator


def calibration_error(confidence, is_right):
    """Return how far confidence is from the share of right answers, over bins."""
    gap = (is_right - confidence)[np.argsort(confidence, kind="stable")]
    return sum(abs(part.sum()) for part in np.array_split(gap, BINS)) / len(gap)


def calibration(confidence, is_right):
    """Return the calibration error, and the interval that a bootstrap gives it."""
    generator = np.random.default_rng(0)  # the same resamples for every model
    errors = []
    for _ in range(RESAMPLES):
        rows = generator.integers(len(is_right), size=len(is_right))
        errors.append(calibration_error(confidence[rows], is_right[rows]))
    low, high = np.percentile(errors, (2.5, 97.5))
    error = calibration_error(confidence, is_right)
    return {"ECE": error, "ECE low": low, "ECE high": high}


def of_numbers(model, X, y):
    """Return how far a regressor is off, in units and in deviations of the target."""
    rmse = root_mean_squared_error(y, model.predict(X))
    return {"RMSE": rmse, "error": rmse / y.std()}


def of_classes(model, X, y):
    """Return how far a classifier and its probabilities are off."""
    # CatBoost predicts one of several classes as a column.
    is_right = np.ravel(model.predict(X)) == y
    p = model.predict_proba(X).astype(np.float64)
    several = {"multi_class": "ovr"} if p.shape[1] > 2 else {}
    return {
        "error": 1 - is_right.mean(),
        "log loss": log_loss(y, p),
        "AUC": roc_auc_score(y, p if several else p[:, 1], **several),
        **calibration(p.max(axis=1), is_right),
    }


MEASURES = of_numbers, of_classes

COLUMNS = [
    *("data", "split", "model", "seconds", "threads", "error", "RMSE"),
    *("log loss", "AUC", "ECE", "ECE low", "ECE high"),
]
"""Of the table of what was measured."""


def measured(name, seed, label):
    """Fit a model to a split of a data set; return a row of the table."""
    model = built(name, label, seed)
    row = {"data": name, "split": seed, "model": label}
    return row | figures(model, DATA[name].has_classes, *split(name, seed))


def figures(
    model, has_classes, X_train, X_test, y_train, y_test, *, clock=perf_counter
):
    """Fit a model and return what is measured of it.

    ``threads`` are as many as the fit may have had, and ``seconds`` its own.
    """
    # MLP does not converge everywhere in its default number of epochs.
    with warnings.catch_warnings(action="ignore"):
        start = clock()
        model.fit(X_train, y_train)
        seconds = clock() - start
    threads = max(pool["num_threads"] for pool in threadpool_info())
    times = {"seconds": seconds, "threads": threads}
    return times | MEASURES[has_classes](model, X_test, y_test)
