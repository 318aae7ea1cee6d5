"""The peers of the benchmark of many tables, each at the defaults of its library.

`PEERS` is the table of them. All run in one thread. Libraries that take categorical
columns at their defaults get them as they are, and the other models behind what fills
gaps and encodes categories. What is not a part of scikit-learn is imported when it is
first fitted; requirements-peers.txt has it.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd
from _suite import numbers_and_words
from sklearn.base import BaseEstimator, TransformerMixin, is_regressor
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    TargetEncoder,
)

MAX_LEVELS = 255
"""The most categories of a column that boosting takes, or that become columns."""

MISSING = "missing"
"""The category of a missing value."""

NUMBERS = make_column_selector(dtype_include="number")
WORDS = make_column_selector(dtype_exclude="number")


def with_texts(X, words):
    """Return a table with numbered columns, whose categories are texts.

    Parameters
    ----------
    X : pandas.DataFrame or numpy.ndarray of shape (n_samples, n_features)
        The table.

    words : list
        The names of the categorical columns.
    """
    X = pd.DataFrame(X)
    texts = {
        name: X[name].astype(object).map(str, na_action="ignore").fillna(MISSING)
        for name in words
    }
    numbers = {name: str(i) for i, name in enumerate(X.columns)}
    return X.assign(**texts).rename(columns=numbers)


class KnownCategories(TransformerMixin, BaseEstimator):
    """Give columns of texts a dtype with the categories of the training rows.

    Other categories become missing values, as missing values do.
    """

    def fit(self, X, y=None):
        """Learn the categories."""
        self.dtypes_ = {
            name: pd.CategoricalDtype(sorted({*X[name]} - {MISSING}))
            for name in WORDS(X)
        }
        return self

    def transform(self, X):
        """Return the table with the categories that are known."""
        return X.astype(self.dtypes_)


def as_texts(words):
    """Return the transformer that makes categories texts."""
    return FunctionTransformer(with_texts, kw_args={"words": words})


def few_levels(estimator, X, words):
    """Let boosting split categories itself, unless they are too many."""
    many = [name for name in categorical(X) if X[name].nunique() > MAX_LEVELS]
    return target_encoded(estimator, X, many)


def target_encoded(estimator, X, words):
    """Let boosting see the mean target of every category."""
    if not words:
        return estimator
    # Whole numbers would be taken for classes.
    target = "continuous" if is_regressor(estimator) else "auto"
    encoder = TargetEncoder(target_type=target, random_state=estimator.random_state)
    columns = make_column_transformer(
        (encoder, words), remainder="passthrough", verbose_feature_names_out=False
    )
    return make_pipeline(columns.set_output(transform="pandas"), estimator)


def scaled(estimator, X, words):
    """Fill gaps, scale numbers and encode categories one-hot."""
    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=MAX_LEVELS,
        sparse_output=False,
    )
    return make_pipeline(as_texts(words), numbers_and_words(encoder), estimator)


def ordinal(estimator, X, words):
    """Fill gaps and number the categories."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((SimpleImputer(), NUMBERS), (encoder, WORDS))
    return make_pipeline(as_texts(words), columns, estimator)


def filled(estimator, X, words):
    """Fill gaps of numbers, and leave the categories to the estimator."""
    columns = make_column_transformer(
        (SimpleImputer(), NUMBERS), ("passthrough", WORDS)
    )
    return make_pipeline(
        as_texts(words), columns.set_output(transform="pandas"), estimator
    )


def categories_by_dtype(estimator, X, words):
    """Give the estimator columns whose dtype says that they are categorical."""
    return make_pipeline(as_texts(words), KnownCategories(), estimator)


def categories_by_name(estimator, X, words):
    """Give CatBoost columns of texts, and their names."""
    names = [str(X.columns.get_loc(name)) for name in words]
    return make_pipeline(as_texts(words), estimator.set_params(cat_features=names))


class Peer(NamedTuple):
    """A model: what comes before it, its regressor and classifier, its parameters.

    ``front`` returns the whole model for an estimator, rows to train on and the names
    of the categorical columns.
    """

    front: Callable
    kinds: tuple
    parameters: Mapping = MappingProxyType({})


def both(name):
    """Return the names of a regressor and a classifier that begin alike."""
    return f"{name}Regressor", f"{name}Classifier"


LINEAR = "sklearn.linear_model.Ridge", "sklearn.linear_model.LogisticRegression"

SILENT_CATBOOST = {"thread_count": 1, "verbose": 0, "allow_writing_files": False}
ONE_CPU = {"n_threads": 1, "device": "cpu"}

PEERS = {
    "boosting": Peer(few_levels, both("sklearn.ensemble.HistGradientBoosting")),
    "boosting, TargetEncoder": Peer(
        target_encoded, both("sklearn.ensemble.HistGradientBoosting")
    ),
    "scaled MLP": Peer(scaled, both("sklearn.neural_network.MLP")),
    "linear": Peer(scaled, LINEAR, {"max_iter": 1_000}),
    "forest": Peer(ordinal, both("sklearn.ensemble.RandomForest")),
    "LightGBM": Peer(
        categories_by_dtype, both("lightgbm.LGBM"), {"n_jobs": 1, "verbose": -1}
    ),
    "XGBoost": Peer(
        categories_by_dtype,
        both("xgboost.XGB"),
        {"n_jobs": 1, "enable_categorical": True},
    ),
    "CatBoost": Peer(categories_by_name, both("catboost.CatBoost"), SILENT_CATBOOST),
    "RealMLP-TD-S": Peer(filled, both("pytabkit.RealMLP_TD_S_"), ONE_CPU),
    "RealMLP-TD": Peer(filled, both("pytabkit.RealMLP_TD_"), ONE_CPU),
}

IN_SCIKIT_LEARN = [
    label for label, peer in PEERS.items() if peer.kinds[0].startswith("sklearn.")
]
"""Peers that are there wherever the benchmark runs."""

MLP_SETTINGS = {
    "max_iter=1000": {"max_iter": 1_000},
    "early_stopping=True": {"early_stopping": True},
}
"""What users often set, as the label of a variant of ours, and as parameters."""

PEERS |= {
    f"scaled MLP, {label}": PEERS["scaled MLP"]._replace(parameters=parameters)
    for label, parameters in MLP_SETTINGS.items()
}


def categorical(X):
    """Return the names of the columns whose dtype says that they are categorical."""
    if not isinstance(X, pd.DataFrame):
        return []
    return [*X.select_dtypes("category").columns]


def built(label, X, identifiers, *, has_classes, seed):
    """Return a peer for rows, of which some columns are identifiers."""
    peer = PEERS[label]
    module, kind = peer.kinds[has_classes].rsplit(".", 1)
    estimator = getattr(import_module(module), kind)
    return peer.front(
        estimator(random_state=seed, **peer.parameters),
        X,
        categorical(X) + identifiers,
    )
