"""Recipes of random examples, which hypothesis draws from the tables of random_data."""

import os
import re
from typing import NamedTuple

import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from random_data import (
    COLUMNS,
    CONTAINERS,
    LABELS,
    NUMBERS,
    OF_CLASSIFIERS,
    OF_REGRESSORS,
    OF_VALIDATION,
    SHARED,
    SHORT,
    SPLITTERS,
    WEIGHTS,
    Halves,
    random_data,
    rows_seen,
)
from scaffolding import COPIES
from skfcnet import FCNetClassifier, FCNetRegressor, load, save

KINDS = {
    "classifier": (FCNetClassifier, OF_CLASSIFIERS, LABELS),
    "regressor": (FCNetRegressor, OF_REGRESSORS, NUMBERS),
}
"""Each estimator with the parameters of its own, and with its targets."""


def through_a_file(original, path):
    save(original, path)
    trusted = [f"{f.__module__}.{f.__qualname__}" for f in (rows_seen, Halves)]
    return load(path, trusted=trusted)


COPIED = {copied.__name__: copied for copied in [*COPIES, through_a_file]}
"""The ways to copy an estimator, by name."""

LONG = int(os.environ.get("SKFCNET_LONG_SEARCH", 0))
"""How many examples each test of a long search draws; 0 for a short one."""


def search(n_examples):
    """Draw so many examples, the same ones every time, or `LONG` others."""
    return settings(
        max_examples=LONG or n_examples,
        derandomize=not LONG,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        # Explaining takes minutes.
        phases=[Phase.reuse, Phase.generate, Phase.shrink],
    )


class Recipe(NamedTuple):
    """An estimator, what data are made of, and what it is called with."""

    estimator: object
    columns: list
    container: str
    n_rows: int
    n_copies: int
    target: str
    weight: str
    has_X_val: bool
    has_groups: bool
    steps: list
    seed: int


def some(*values):
    return st.sampled_from(values)


def _drawn_from(table):
    return {name: st.sampled_from(values) for name, values in table.items()}


@st.composite
def recipes(draw, kind):
    estimator, of_estimator, targets = KINDS[kind]
    n_rows, n_copies = draw(st.integers(1, 60)), draw(some(1, 1, 1, 3))
    required, optional = _drawn_from(SHORT), _drawn_from(SHARED | of_estimator)
    parameters = draw(st.fixed_dictionaries(required, optional=optional))
    to_validate = draw(
        some("nothing", "auto", "a fraction", "groups", "a split", "X_val")
    )
    if to_validate != "auto":
        parameters["early_stopping"] = to_validate != "nothing"
    if to_validate in ("auto", "a fraction", "groups"):
        fractions = OF_VALIDATION["validation_fraction"]
        parameters["validation_fraction"] = draw(st.sampled_from(fractions))
    if to_validate == "a split":
        splitter = SPLITTERS[draw(st.sampled_from(list(SPLITTERS)))]
        parameters["validation_fraction"] = splitter(n_rows * n_copies)
    of_rows = some("all", "the first half")
    first = st.tuples(some("fit", "fit", "partial_fit"), of_rows)
    later = st.tuples(some("fit", "partial_fit", *COPIED), of_rows)
    return Recipe(
        estimator(**parameters),
        columns=draw(st.lists(st.sampled_from(list(COLUMNS)), min_size=1, max_size=4)),
        container=draw(st.sampled_from(list(CONTAINERS))),
        n_rows=n_rows,
        n_copies=n_copies,
        target=draw(st.sampled_from(list(targets))),
        weight=draw(st.sampled_from(list(WEIGHTS))),
        has_X_val=to_validate == "X_val",
        has_groups=to_validate == "groups",
        steps=[draw(first), *draw(st.lists(later, max_size=2))],
        seed=draw(st.integers(0, 1000)),
    )


def data_for(recipe):
    """Return the data to train on, and five other rows."""
    rng = np.random.default_rng(recipe.seed)
    data = random_data(
        rng,
        recipe.n_rows + 5,
        kinds=recipe.columns,
        container=recipe.container,
        target=recipe.target,
        weight=recipe.weight,
        loss=getattr(recipe.estimator, "loss", None),
    )
    rows = np.tile(np.arange(recipe.n_rows), recipe.n_copies)
    others = np.arange(recipe.n_rows, recipe.n_rows + 5)
    return data.take(rows), data.take(others)


def labels_of(y):
    """Return the labels that there are, for several outputs a list of those of each."""
    return np.unique(y) if y.ndim == 1 else [np.unique(column) for column in y.T]


# Messages

ARRAYS = {"X", "y", "sample_weight", "X_val", "y_val", "sample_weight_val"}
ARRAYS |= {"classes", "groups"}
UNKNOWN_TO_USERS = re.compile(r"\b(loss_weight|X_train|y_train|Solver|_[A-Za-z]\w*)\b")


def assert_speaks_of_what_was_passed(message, model, others=()):
    """Assert that a message names a parameter or an array, and nothing inside."""
    words = set(re.findall(r"\w+", message))
    assert words & {*ARRAYS, *model.get_params(), *others}, message
    assert not UNKNOWN_TO_USERS.search(message), message
    if model.batch_size == "auto":
        assert "batch_size" not in words, message
