"""What the benchmark of many tables fits: data sets, peers, and variants of ours.

`DATA` are the tables that SKFCNET_DATA has in its folder ``tables``, those of the suite
of accuracy.py, and wide ones that are drawn. All models are fitted to the same rows: at
most so many are drawn of a table, classes of fewer than five of them are left out, and
a random 80 % are trained on.

_peers.py has the peers. A variant of ours is written as parameters of the estimator,
and constants of the package, below which they are found by their dotted names. It can
be named.

    n_members=4, weight_decay=2.0
    fewer bins: numeric_embedding='ple', _tabular.binning.MAX_COMPONENTS=512
"""

import json
import os
import re
from ast import literal_eval
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from inspect import signature
from pathlib import Path
from time import process_time
from unittest.mock import patch

import numpy as np
import pandas as pd
from _peers import PEERS, built
from _suite import COLUMNS as SUITE_COLUMNS
from _suite import DATA as SUITE_DATA
from _suite import OURS, SUITE, Data, figures, randomly_split
from sklearn.datasets import make_friedman1

MIN_ROWS_OF_CLASS = 5
"""Classes of fewer rows are left out."""

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

GROUPS = {
    "small": (
        *("attrition", "contraceptive", "insurance", "sacramento", "diabetes"),
        *("breast cancer", "wine"),
    ),
    "noisy": ("adult", "credit_data", "magic", "movies", "mpls", "nox"),
    "wide": ("ames", "communities", "pd_speech", "spambase", "splice"),
    "many levels": (
        *("hc_flights", "hc_movielens", "hc_restaurant", "int_movielens"),
        *("hotel_rates", "life_expectancy"),
    ),
    "imbalanced": ("caravan", "hypothyroid"),
    "many classes": ("digits", "hpc", "krvsk", "satimage"),
    "skewed": ("bikeshare", "california", "deliveries", "diamonds"),
    "smooth": ("airfoil", "ccpp", "concrete", "kin40k", "phoneme"),
}
"""The tables that the models are compared on, by what is difficult about them."""

COMPARED = [name for names in GROUPS.values() for name in names]

MANY_LEVELS = [*(name for name in TABLES if name.startswith("hc_")), *IDENTIFIERS]
"""Tables that have columns of very many categories."""

COLUMNS = [*SUITE_COLUMNS, "score", "standard error", "out-of-fold score", "coverage"]
"""Of the table of what was measured."""

LEVEL = 0.9
"""The share of targets that intervals are to cover."""


def drawn(name, n_rows):
    """Return at most so many rows of a data set, and their targets.

    Classes are numbered, since XGBoost takes no others.
    """
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
    y = np.unique(y[index], return_inverse=True)[1] if data.has_classes else y[index]
    return X, y


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
    """Fit a model to some rows and measure it on others; return a row of the table.

    The seconds are those of the processor, so that other work does not count.
    """
    row = {"data": name, "split": seed, "model": label}
    if label in PEERS:
        identifiers = IDENTIFIERS.get(name, [])
        model = built(label, parts[0], identifiers, has_classes=has_classes, seed=seed)
        return row | figures(model, has_classes, *parts, clock=process_time)
    parameters, constants = parsed_variant(label)
    model = ours(name, OURS[has_classes], seed, parameters)
    with overridden(constants):
        row |= figures(model, has_classes, *parts, clock=process_time)
        return row | self_knowledge(model, has_classes, parts[1], parts[3])


def self_knowledge(model, has_classes, X, y):
    """Return what a model says of itself, and what is found on rows that are new to it.

    The standard error is that of the score, for as many rows.
    """
    losses = model.predict(X) != y if has_classes else (model.predict(X) - y) ** 2
    scale = 1.0 if has_classes else y.var()
    found = {
        "score": 1 - losses.mean() / scale,
        "standard error": losses.std() / scale / np.sqrt(len(y)),
    }
    if hasattr(model, "oob_score_"):
        found["out-of-fold score"] = model.oob_score_
        if not has_classes and "return_interval" in signature(model.predict).parameters:
            low, high = model.predict(X, return_interval=LEVEL)[1].T
            found["coverage"] = np.mean((low <= y) & (y <= high))
    return found
