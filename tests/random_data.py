"""What random examples are made of: tables of columns, targets, weights and parameters.

`test_random_fits.py` and `test_random_pairs.py` let hypothesis choose among them, and
``benchmarks/soak.py`` a generator of random numbers.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    TimeSeriesSplit,
)

# Data


def _with_gaps(values, rng):
    return np.where(rng.random(len(values)) < 0.3, np.nan, values)


def _levels(rng, n):
    return rng.integers(4, size=n).astype(float)


COLUMNS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "constant": lambda rng, n: np.full(n, 3.0),
    "zero": lambda rng, n: np.zeros(n),
    "huge": lambda rng, n: 1e30 * rng.normal(size=n),
    "almost too large": lambda rng, n: 1e300 * rng.normal(size=n),
    "tiny": lambda rng, n: 1e-30 * rng.normal(size=n),
    "almost zero": lambda rng, n: 1e-300 * rng.normal(size=n),
    "skewed": lambda rng, n: np.exp(20 * rng.normal(size=n)),
    "far away": lambda rng, n: 1e9 + rng.normal(size=n),
    "whole": lambda rng, n: rng.integers(-5, 5, size=n).astype(float),
    "with gaps": lambda rng, n: _with_gaps(rng.normal(size=n), rng),
    "missing": lambda rng, n: np.full(n, np.nan),
    "truth": lambda rng, n: (rng.random(n) < 0.5).astype(float),
    "levels": _levels,
    "levels with gaps": lambda rng, n: _with_gaps(_levels(rng, n), rng),
    "text": _levels,
    "text with gaps": lambda rng, n: _with_gaps(_levels(rng, n), rng),
    "one text": lambda rng, n: np.zeros(n),
    "nullable": lambda rng, n: _with_gaps(rng.integers(9, size=n).astype(float), rng),
}
"""What a column of X can hold, as numbers."""

TAME = ["normal", "constant", "zero", "whole", "truth"]
"""The columns that every container holds alike, and that need no scaling."""


def _words(column):
    return column.map("level {:.0f}".format, na_action="ignore")


def _text(column):
    return _words(column).astype(object)


def _categories(column):
    return _words(column).astype("category")


IN_FRAMES = {
    "truth": lambda column: column.astype(bool),
    "levels": _categories,
    "levels with gaps": _categories,
    "text": _text,
    "text with gaps": _text,
    "one text": _text,
    "nullable": lambda column: column.astype("Int64"),
}
"""What a data frame makes of the numbers of some columns."""


def _frame(columns, kinds):
    return pd.DataFrame(
        {
            f"x{j}": IN_FRAMES.get(kind, lambda column: column)(pd.Series(column))
            for j, (column, kind) in enumerate(zip(columns, kinds, strict=True))
        }
    )


def _array(dtype=np.float64, order="C"):
    is_whole = dtype is np.int64
    limits = (np.iinfo if is_whole else np.finfo)(dtype)

    def make(columns, kinds):
        table = np.column_stack(columns)
        table = np.clip(table, limits.min / 2, limits.max / 2)
        with np.errstate(under="ignore"):
            return (np.nan_to_num(table) if is_whole else table).astype(dtype, order)

    return make


CONTAINERS = {
    "float64": _array(),
    "float32": _array(np.float32),
    "columns first": _array(order="F"),
    "int": _array(np.int64),
    "list": lambda columns, kinds: np.column_stack(columns).tolist(),
    "sparse": lambda columns, kinds: csr_array(np.nan_to_num(np.column_stack(columns))),
    "frame": _frame,
}

LABELS = {
    "two": lambda rng, n: rng.integers(2, size=n),
    "truth": lambda rng, n: rng.random(n) < 0.5,
    "words": lambda rng, n: np.array(["no", "perhaps", "yes"])[rng.integers(3, size=n)],
    "one": lambda rng, n: np.full(n, 7),
    "many": lambda rng, n: rng.integers(10, size=n) * 3 - 5,
    "one for each row": lambda rng, n: rng.permutation(n),
    "a rare one": lambda rng, n: (np.arange(n) == n - 1).astype(int),
    "whole floats": lambda rng, n: rng.integers(3, size=n).astype(float),
    "multilabel": lambda rng, n: rng.integers(2, size=(n, 3)),
    "two outputs": lambda rng, n: 2 + rng.integers([4, 3], size=(n, 2)),
}

NUMBERS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "constant": lambda rng, n: np.full(n, 4.7),
    "zero": lambda rng, n: np.zeros(n),
    "huge": lambda rng, n: 1e20 * np.abs(rng.normal(size=n)),
    "tiny": lambda rng, n: 1e-20 * np.abs(rng.normal(size=n)),
    "far away": lambda rng, n: 1e6 + rng.normal(size=n),
    "outliers": lambda rng, n: np.where(np.arange(n) % 9 == 8, 1e6, rng.random(n)),
    "skewed": lambda rng, n: np.exp(10 * rng.normal(size=n)),
    "counts": lambda rng, n: rng.poisson(0.5, size=n),
    "positive": lambda rng, n: rng.gamma(2.0, size=n),
    "two targets": lambda rng, n: rng.gamma(2.0, size=(n, 2)) * [1, 1e5],
    "one of two constant": lambda rng, n: np.column_stack([rng.random(n), np.ones(n)]),
    "almost constant": lambda rng, n: np.where(np.arange(n) == 0, 1 + 1e-9, 1.0),
}

WEIGHTS = {
    "none": lambda rng, y: None,
    "ones": lambda rng, y: np.ones(len(y)),
    "whole": lambda rng, y: rng.integers(4, size=len(y)),
    "many copies": lambda rng, y: np.full(len(y), 100),
    "fractions": lambda rng, y: rng.random(len(y)),
    "a small total": lambda rng, y: 1e-3 * rng.random(len(y)),
    "skewed": lambda rng, y: 10.0 ** rng.uniform(-10, 10, size=len(y)),
    "extreme": lambda rng, y: np.where(rng.random(len(y)) < 0.5, 1e300, 1e-300),
    "recency": lambda rng, y: np.exp(np.linspace(-20, 0, len(y))),
    "halves of zero": lambda rng, y: np.arange(1, len(y) + 1) % 2.0,
    "a class of zero": lambda rng, y: 1.0 * (y.reshape(len(y), -1)[:, 0] != y.flat[0]),
    "one row": lambda rng, y: 1.0 * (np.arange(len(y)) == 0),
    "zero": lambda rng, y: np.zeros(len(y)),
}


class Data(NamedTuple):
    """Columns and of which kinds they are, what they are put in, target and weights."""

    columns: list
    kinds: list
    container: str
    y: np.ndarray
    weight: np.ndarray

    @property
    def X(self):
        return CONTAINERS[self.container](self.columns, self.kinds)

    @property
    def counts(self):
        """Which rows have a positive weight."""
        return np.ones(len(self.y), bool) if self.weight is None else self.weight > 0

    def take(self, rows):
        weight = None if self.weight is None else self.weight[rows]
        columns = [column[rows] for column in self.columns]
        return self._replace(columns=columns, y=self.y[rows], weight=weight)


def random_data(rng, n_rows, *, kinds, container, target, weight, loss=None):
    """Return data of some kinds, in the domain of a loss."""
    columns = [COLUMNS[kind](rng, n_rows) for kind in kinds]
    y = (LABELS | NUMBERS)[target](rng, n_rows)
    if loss in ("poisson", "gamma"):
        y = np.abs(y)
    return Data(columns, kinds, container, y, WEIGHTS[weight](rng, y))


# Splitters and scorers


class Halves:
    """A splitter that yields masks."""

    def get_n_splits(self, X=None, y=None, groups=None):
        return 1

    def split(self, X, y=None, groups=None):
        n = X.shape[0] if hasattr(X, "shape") else len(X)
        yield np.arange(n) % 2 == 0, np.arange(n) % 2 == 1

    def __repr__(self):
        return "Halves()"


SPLITTERS = {
    "folds": lambda n: KFold(2),
    "shuffled folds": lambda n: KFold(3, shuffle=True, random_state=0),
    "shuffled": lambda n: ShuffleSplit(1, test_size=0.3, random_state=0),
    "in time": lambda n: TimeSeriesSplit(3),
    "known before": lambda n: PredefinedSplit(np.resize([0, -1, -1, 0], n)),
    "of groups": lambda n: GroupKFold(2),
    "masks": lambda n: Halves(),
}
"""What ``validation_fraction`` can be, given how many rows there are."""

ROWS_SEEN = []


def rows_seen(estimator, X, y, sample_weight=None):
    """Score every epoch alike, and note how many rows there are to validate on."""
    ROWS_SEEN.append(X.shape[0])
    return 0.5


# Parameters: the values that they are drawn from

SHORT = {
    "hidden_layer_sizes": [(3,), (), (4, 2), 3],
    "max_iter": [1, 2, 3],
    "random_state": [0],
}
"""The parameters that keep an example short."""

SHARED = {
    "activation": ["relu", "tanh", "identity", "gelu", "softplus", "elu", "logistic"],
    "solver": ["sgd", "adam", "adamw", "muon", "rmsprop", "lbfgs"],
    "alpha": [0.0, 0.01, 1.0, 1e6],
    "batch_size": ["auto", 1, 2, 3, 7, 1000],
    "learning_rate": [
        "constant",
        "invscaling",
        "adaptive",
        "cosine",
        "one_cycle",
        "coslog4",
        "wsd",
    ],
    "learning_rate_init": [1e-10, 1e-3, 0.1, 10.0, 1e4],
    "power_t": [0.0, 0.5, 3.0],
    "shuffle": [False, True],
    "tol": [0.0, 1e-4, 10.0],
    "warm_start": [False, True],
    "momentum": [0.0, 0.9, 1.0],
    "nesterovs_momentum": [False, True],
    "beta_1": [0.0, 0.9, 0.999],
    "beta_2": [0.0, 0.95, 0.999],
    "epsilon": [1e-300, 1e-12, 1e-8, 1.0],
    "n_iter_no_change": [None, 1, 2, np.inf],
    "max_fun": [1, 3, 100],
    "total_steps": [None, 1, 20],
    "scoring": [None, "loss", rows_seen, rows_seen, rows_seen],
    "warmup_epochs": [0.0, 0.5, 1, 10.0],
    "max_grad_norm": [None, 1e-8, 1.0, 1e8],
    "weight_decay": [0.0, 0.5, 1000.0],
    "normalization": [None, "batch", "layer"],
    "dropout": ["auto", 0.0, 0.2, 0.99],
    "input_dropout": [0.0, 0.2, 0.99],
    "init": ["auto", "he_uniform", "glorot_normal", "orthogonal"],
    "dtype": ["float32", "float64", np.float32],
    "input_scaling": ["robust", "standard", None],
    "numeric_embedding": ["auto", "ple", "pbld", None],
    "n_bins": [2, 3, 48],
    "categorical_features": ["from_dtype", None, [0]],
    "learn_scales": ["auto", False, True],
    "linear_term": [False, True],
    "n_members": ["auto", 1, 2, 3],
    "n_jobs": [None],  # see test_parallel_members.py
    "verbose": [False, True, 2],
}
"""The other parameters, but those of the validation set."""

OF_VALIDATION = {
    "early_stopping": ["auto", False, True],
    "validation_fraction": [0.01, 0.1, 0.5, 0.95],
}
"""The parameters of the validation set. The second can also be of `SPLITTERS`."""

OF_CLASSIFIERS = {
    "label_smoothing": ["auto", 0.0, 0.3],
    "class_weight": [
        None,
        "balanced",
        "balanced",
        {1: 2.0},
        {1: 0.0},
        {1: 1e-50},
        {1: 1e300},
    ],
}

OF_REGRESSORS = {
    "loss": [
        "squared_error",
        "absolute_error",
        "huber",
        "quantile",
        "poisson",
        "gamma",
    ],
    "huber_delta": [1e-3, 1.0, 1e3],
    "quantile": [0.5, 0.99, [0.1, 0.5, 0.9]],
    "scale_target": [False, True],
    "clip_output": [False, True],
}

OF_TRANSFORMERS = {
    "layer": [-3, -2, -1, 0, 1],
    "prefit": [False, True],
}
