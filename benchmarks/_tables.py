"""What the benchmark of many tables fits: data sets, peers, and variants of ours.

`DATA` are the tables that SKFCNET_DATA has in its folder ``tables``, those of the suite
of accuracy.py, and wide ones that are drawn. All models are fitted to the same rows: at
most so many are drawn of a table, classes of fewer than five of them are left out, and
a random 80 % are trained on.

A variant of ours is written as parameters of the estimator, and constants of the
package, below which they are found by their dotted names. It can be named.

    n_members=4, weight_decay=2.0
    fewer bins: numeric_embedding='ple', _tabular.binning.MAX_COMPONENTS=512
"""

import json
import os
import re
from ast import literal_eval
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from _suite import (
    BOOSTING,
    MLP,
    OURS,
    SUITE,
    Data,
    figures,
    numbers_and_words,
    randomly_split,
)
from _suite import DATA as SUITE_DATA
from sklearn.base import is_regressor
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_friedman1
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

MIN_ROWS_OF_CLASS = 5
"""Classes of fewer rows are left out."""

MAX_LEVELS = 255
"""The most categories of a column that boosting takes, and one-hot columns of MLP."""

IDENTIFIERS = {"int_movielens": ["movieId", "userId"]}
"""Columns of integers that are categorical, which only their names tell."""


@cache
def described():
    """Return what is said of every table: its task, its categorical columns."""
    return json.loads((folder() / "meta.json").read_text())


def folder():
    return Path(os.environ["SKFCNET_DATA"]) / "tables"


def table(name):
    """Return the rows and targets of a table, whose words are categories."""
    X = pd.read_parquet(folder() / f"{name}.parquet")
    y = X.pop("__y__").to_numpy()
    words = described()[name]["categorical"]
    return X.astype(dict.fromkeys(words, "category")), y


def friedman(n_columns):
    """Return rows of which five columns count, and the others are noise."""
    return make_friedman1(10_000, n_columns, noise=1.0, random_state=0)


TABLES = {
    name: Data(partial(table, name), has_classes=about["task"] == "clf")
    for name, about in described().items()
}

DRAWN = {
    f"friedman {n}": Data(partial(friedman, n), has_classes=False)
    for n in (20, 100, 400)
}

DATA = TABLES | {name: SUITE_DATA[name] for name in SUITE} | DRAWN

MANY_LEVELS = [*(name for name in TABLES if name.startswith("hc_")), *IDENTIFIERS]
"""Tables that have columns of very many categories."""


def drawn(name, n_rows):
    """Return at most so many rows of a data set, and their targets."""
    data = DATA[name]
    if data.is_split:
        X, _, y, _ = data.load()
    else:
        X, y = data.load()
    index = np.random.default_rng(0).permutation(len(y))[:n_rows]
    if data.has_classes:
        _, inverse, counts = np.unique(
            y[index], return_inverse=True, return_counts=True
        )
        index = index[counts[inverse] >= MIN_ROWS_OF_CLASS]
    X = X.iloc[index] if isinstance(X, pd.DataFrame) else X[index]
    return X, y[index]


def categorical(X):
    """Return the names of the columns whose dtype says that they are categorical."""
    if not isinstance(X, pd.DataFrame):
        return []
    return [*X.select_dtypes("category").columns]


def parsed_variant(label):
    """Return the parameters and the constants of a variant of ours."""
    parameters, constants = {}, {}
    for name, value in re.findall(r"([\w.]+)=(.*?)(?:, (?=[\w.]+=)|$)", label):
        settings = constants if "." in name else parameters
        settings[name] = literal_eval(value)
    return parameters, constants


@contextmanager
def overridden(constants):
    """Have constants of the package other values for a while."""
    with ExitStack() as stack:
        for name, value in constants.items():
            stack.enter_context(patch(f"skfcnet.{name}", value))
        yield


OUR_DEFAULT = "skfcnet"


def boosting(name, X, kind, seed):
    """Return boosting that splits categories itself, unless they are too many."""
    many = [column for column in categorical(X) if X[column].nunique() > MAX_LEVELS]
    return behind_target_encoder(many, kind, seed)


def encoded_boosting(name, X, kind, seed):
    """Return boosting that sees the mean target of every category."""
    words = categorical(X) + IDENTIFIERS.get(name, [])
    return behind_target_encoder(words, kind, seed)


def behind_target_encoder(columns, kind, seed):
    """Return boosting behind an encoder of these columns."""
    estimator = kind(random_state=seed)
    if not columns:
        return estimator
    # Whole numbers would be taken for classes.
    target = "continuous" if is_regressor(estimator) else "auto"
    encoder = make_column_transformer(
        (TargetEncoder(target_type=target, random_state=seed), columns),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    return make_pipeline(encoder.set_output(transform="pandas"), estimator)


def scaled_mlp(name, X, kind, seed):
    """Return scikit-learn's network behind what fills, scales and encodes columns."""
    words = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=MAX_LEVELS,
        sparse_output=False,
    )
    return make_pipeline(numbers_and_words(words), kind(random_state=seed))


PEERS = {
    "boosting": (boosting, BOOSTING),
    "boosting, TargetEncoder": (encoded_boosting, BOOSTING),
    "scaled MLP": (scaled_mlp, MLP),
}


def ours(name, kind, seed, parameters):
    """Return our estimator, which is told of identifiers."""
    if name in IDENTIFIERS:
        parameters = {"categorical_features": IDENTIFIERS[name]} | parameters
    return kind(random_state=seed, **parameters)


def is_fitted_to(label, name):
    """Return whether a model is fitted to a data set."""
    return name in MANY_LEVELS or label != "boosting, TargetEncoder"


def measured(name, seed, label, *, n_rows):
    """Fit a model to a split of a data set; return a row of the table."""
    has_classes = DATA[name].has_classes
    parts = randomly_split(*drawn(name, n_rows), has_classes, seed)
    return measured_on(parts, name, seed, label, has_classes=has_classes)


def measured_on(parts, name, seed, label, *, has_classes):
    """Fit a model to some rows and measure it on others; return a row of the table."""
    row = {"data": name, "split": seed, "model": label}
    if label in PEERS:
        build, kinds = PEERS[label]
        model = build(name, parts[0], kinds[has_classes], seed)
        return row | figures(model, has_classes, *parts)
    parameters, constants = parsed_variant(label)
    model = ours(name, OURS[has_classes], seed, parameters)
    with overridden(constants):
        return row | figures(model, has_classes, *parts)
