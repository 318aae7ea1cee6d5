"""Two ways to train that must come to the same, with random parameters and data.

Either both models are the same to the last bit (where sums are taken in another order,
but for rounding), or both are refused with an error of the same kind. The examples are
those of `random_recipes`, with what a pair asks for.
"""

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier

from random_data import TAME
from random_recipes import COPIED, KINDS, data_for, labels_of, recipes, search
from scaffolding import assert_alike, assert_same

# Ways to train: functions of a model, data and a generator, which return the model


def by_fit(model, data, rng):
    return model.fit(data.X, data.y, data.weight)


def in_another_order(model, data, rng):
    return by_fit(model, data.take(rng.permutation(len(data.y))), rng)


def on_repeated_rows(model, data, rng):
    rows = np.arange(len(data.y)).repeat(data.weight)
    return by_fit(model, data.take(rows)._replace(weight=None), rng)


def without_weightless_rows(model, data, rng):
    return by_fit(model, data.take(np.flatnonzero(data.counts)), rng)


def on_sparse_rows(model, data, rng):
    return by_fit(model, data._replace(container="sparse"), rng)


def in_another_container(model, data, rng):
    container = rng.choice(["columns first", "list", "frame"])
    return by_fit(model, data._replace(container=container), rng)


def once_more(model, data, rng):
    """Fit a clone of a fitted model, and fit it again."""
    return by_fit(by_fit(clone(by_fit(model, data, rng)), data, rng), data, rng)


def after_another_fit(model, data, rng):
    """Fit to other rows first, which must leave no trace."""
    other = data.take(np.arange(len(data.y)) % 2 == 0)
    try:
        by_fit(model, other, rng)
    except (TypeError, ValueError) as error:
        note(f"other rows: {error!r}")
    return by_fit(model, data, rng)


def _called(model, part, y):
    """Call ``partial_fit`` on a part, with the classes of all rows."""
    arguments = {"sample_weight": part.weight}
    if is_classifier(model) and np.shape(y)[1:] != (3,):  # which is multilabel
        arguments["classes"] = labels_of(y)
    return model.partial_fit(part.X, part.y, **arguments)


def by_calls(model, data, rng):
    """Call ``partial_fit`` once for every epoch of `fit`."""
    for _ in range(model.max_iter):
        _called(model, data, data.y)
    return model


def _halves(data):
    n = len(data.y)
    return [
        data.take(np.arange(n)[part]) for part in (slice(n // 2 + 1), slice(n // 2, n))
    ]


def in_halves(model, data, rng):
    for part in _halves(data):
        _called(model, part, data.y)
    return model


def in_halves_with_copies(model, data, rng):
    """Go on with a copy after each half."""
    copied = COPIED[rng.choice([*COPIED])]
    for part in _halves(data):
        _called(model, part, data.y)
        with TemporaryDirectory() as folder:
            model = copied(model, Path(folder) / "model")
    return model


# Pairs


class Pair(NamedTuple):
    """Two ways to train, and for which examples they must come to the same.

    Parameters
    ----------
    one, other : callable
        The ways.

    settings : dict
        Parameters of the estimator that the examples have.

    changes : dict
        What their recipes have otherwise.

    is_exact : bool
        Whether the models must be the same to the last bit.
    """

    other: object
    one: object = by_fit
    settings: dict = {}
    changes: dict = {}
    is_exact: bool = True


MINIBATCHES = {"solver": "adamw"}
"""Of L-BFGS, the sums over rows have rounding errors of their order."""

MODERATE = {
    "learning_rate_init": 1e-3,
    "alpha": 0.01,
    "weight_decay": 0.5,
    "epsilon": 1e-8,
}
"""Rates at which no step leads astray, and an epsilon that is above the rounding errors
of a gradient that is zero, such as that of biases before batch normalisation."""

AS_IT_IS = {
    "input_dropout": 0.0,  # which drops of sparse rows only what is stored
    "input_scaling": None,
    "numeric_embedding": None,
    "categorical_features": None,
    "linear_term": False,
    "dtype": "float64",
}
"""X is used as it is, as sparse rows are."""

CALLS = MINIBATCHES | {
    "learning_rate": "constant",
    "early_stopping": False,
    "warm_start": False,
    "n_iter_no_change": np.inf,
    "total_steps": None,
}

PAIRS = {
    "order": Pair(in_another_order, settings=MINIBATCHES | {"shuffle": True}),
    "repetitions": Pair(
        on_repeated_rows,
        settings=MINIBATCHES | {"shuffle": True},
        changes={"weight": "whole"},
    ),
    "weightless rows": Pair(without_weightless_rows, changes={"weight": "whole"}),
    "sparse": Pair(
        on_sparse_rows,
        settings=MODERATE | AS_IT_IS,
        changes={"columns": TAME, "container": "float64"},
        is_exact=False,
    ),
    "containers": Pair(
        in_another_container, changes={"columns": TAME, "container": "float64"}
    ),
    "refits": Pair(once_more, settings={"warm_start": False}),
    "traces": Pair(after_another_fit, settings={"warm_start": False}),
    "calls": Pair(
        # Calls cannot know that all rows of a class will weigh nothing.
        by_calls,
        settings=CALLS | MODERATE,
        changes={"weight": "fractions"},
    ),
    "copies": Pair(in_halves_with_copies, in_halves, settings=MINIBATCHES),
}


def has_same_labels(y, part):
    outputs = zip(np.atleast_2d(y.T), np.atleast_2d(part.T), strict=True)
    return all(np.array_equal(np.unique(a), np.unique(b)) for a, b in outputs)


def outcome(way, model, data, seed):
    """Return the model that a way of training makes, or the kind of its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return way(clone(model), data, np.random.default_rng(seed))
        except (TypeError, ValueError) as error:
            note(f"{way.__name__}: {error!r}")
            return type(error)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PAIRS)
@search(6)
@given(st.data())
def test_both_ways_come_to_the_same(name, kind, data):
    pair = PAIRS[name]
    recipe = data.draw(recipes(kind))
    model = recipe.estimator.set_params(**pair.settings)
    if hasattr(model.validation_fraction, "split"):  # which goes by the order of rows
        model.set_params(validation_fraction=0.5)
    data = data_for(recipe._replace(**pair.changes, estimator=model))[0]
    if is_classifier(model):  # a class whose rows all weigh nothing remains a class
        assume(has_same_labels(data.y, data.y[data.counts]))
    one, other = (outcome(way, model, data, recipe.seed) for way in pair[1::-1])
    if isinstance(one, type) or isinstance(other, type):
        assert one == other
        return
    with warnings.catch_warnings():  # of names that only one of them has seen
        warnings.simplefilter("ignore", UserWarning)
        if pair.is_exact:
            assert_same(one, other, data.X)
        else:
            assert_alike(one, other, data.X, rtol=1e-6, atol=1e-9)
