"""Random parameters, data, weights and splits: an error that helps, or a sound model.

Every example is a recipe: an estimator, what its table, target and weights are made of,
and what is called with them. Where one fails, the smallest that does is printed. These
tests draw the same hundred for each estimator every time; a search among 5,000 others
takes some minutes::

    SKFCNET_LONG_SEARCH=1 python -m pytest tests/test_random_fits.py
"""

import os
import pickle
import re
import warnings
from typing import NamedTuple

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.model_selection import (
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    TimeSeriesSplit,
)

from skfcnet import FCNetClassifier, FCNetRegressor

# What examples are made of: tables of recipes, by name


def _with_gaps(values, rng):
    return np.where(rng.random(len(values)) < 0.3, np.nan, values)


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
    "levels": lambda rng, n: rng.integers(4, size=n).astype(float),
}
"""What a column of X can hold. In a frame, that of levels is one of words."""


def _frame(columns, kinds):
    table = pd.DataFrame(dict(enumerate(columns))).rename(columns="x{}".format)
    for name, kind in zip(table, kinds, strict=True):
        if kind == "levels":
            words = table[name].map("level {:.0f}".format)
            table[name] = words.astype("category")
    return table


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
    "masks": lambda n: Halves(),
}
"""What ``validation_fraction`` can be, given how many rows there are."""

ROWS_SEEN = []


def rows_seen(estimator, X, y, sample_weight=None):
    """Score every epoch alike, and note how many rows there are to validate on."""
    ROWS_SEEN.append(X.shape[0])
    return 0.5


def _some(*values):
    return st.sampled_from(values)


SHARED = {
    "activation": _some(
        "relu", "tanh", "identity", "gelu", "softplus", "elu", "logistic"
    ),
    "solver": _some("sgd", "adam", "adamw", "rmsprop", "lbfgs"),
    "alpha": _some(0.0, 0.01, 1.0, 1e6),
    "batch_size": _some("auto", 1, 2, 3, 7, 1000),
    "learning_rate": _some(
        "constant", "invscaling", "adaptive", "cosine", "one_cycle", "coslog4", "wsd"
    ),
    "learning_rate_init": _some(1e-10, 1e-3, 0.1, 10.0, 1e4),
    "power_t": _some(0.0, 0.5, 3.0),
    "shuffle": st.booleans(),
    "tol": _some(0.0, 1e-4, 10.0),
    "warm_start": st.booleans(),
    "momentum": _some(0.0, 0.9, 1.0),
    "nesterovs_momentum": st.booleans(),
    "beta_1": _some(0.0, 0.9, 0.999),
    "beta_2": _some(0.0, 0.95, 0.999),
    "epsilon": _some(1e-300, 1e-12, 1e-8, 1.0),
    "n_iter_no_change": _some(None, 1, 2, np.inf),
    "max_fun": _some(1, 3, 100),
    "total_steps": _some(None, 1, 20),
    "scoring": _some(None, "loss", rows_seen, rows_seen, rows_seen),
    "warmup_epochs": _some(0.0, 0.5, 1, 10.0),
    "max_grad_norm": _some(None, 1e-8, 1.0, 1e8),
    "weight_decay": _some(0.0, 0.5, 1000.0),
    "normalization": _some(None, "batch", "layer"),
    "dropout": _some("auto", 0.0, 0.2, 0.99),
    "input_dropout": _some(0.0, 0.2, 0.99),
    "init": _some("auto", "he_uniform", "glorot_normal", "orthogonal"),
    "dtype": _some("float32", "float64", np.float32),
    "input_scaling": _some("robust", "standard", None),
    "numeric_embedding": _some("auto", "ple", "pbld", None),
    "n_bins": _some(2, 3, 48),
    "categorical_features": _some("from_dtype", None, [0]),
    "linear_term": st.booleans(),
    "n_members": _some("auto", 1, 2, 3),
    "n_jobs": st.none(),  # see test_parallel_members.py
    "verbose": _some(False, True, 2),
}
"""What parameters can be, beside those that keep an example short."""

SHORT = {
    "hidden_layer_sizes": _some((3,), (), (4, 2)),
    "max_iter": st.integers(1, 3),
    "random_state": st.just(0),
}

OF_CLASSIFIERS = {
    "label_smoothing": _some("auto", 0.0, 0.3),
    "class_weight": _some(
        None, "balanced", "balanced", {1: 2.0}, {1: 0.0}, {1: 1e-50}, {1: 1e300}
    ),
}

OF_REGRESSORS = {
    "loss": _some(
        "squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma"
    ),
    "huber_delta": _some(1e-3, 1.0, 1e3),
    "quantile": _some(0.5, 0.99, [0.1, 0.5, 0.9]),
    "scale_target": st.booleans(),
    "clip_output": st.booleans(),
}


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
    steps: list
    seed: int


@st.composite
def recipes(draw, estimator, of_estimator, targets):
    n_rows, n_copies = draw(st.integers(1, 60)), draw(_some(1, 1, 1, 3))
    parameters = draw(st.fixed_dictionaries(SHORT, optional=SHARED | of_estimator))
    to_validate = draw(_some("nothing", "auto", "a fraction", "a split", "X_val"))
    if to_validate != "auto":
        parameters["early_stopping"] = to_validate != "nothing"
    if to_validate in ("auto", "a fraction"):
        parameters["validation_fraction"] = draw(_some(0.01, 0.1, 0.5, 0.95))
    if to_validate == "a split":
        splitter = SPLITTERS[draw(st.sampled_from(list(SPLITTERS)))]
        parameters["validation_fraction"] = splitter(n_rows * n_copies)
    of_rows = _some("all", "the first half")
    first = st.tuples(_some("fit", "fit", "partial_fit"), of_rows)
    later = st.tuples(_some("fit", "partial_fit", "pickle"), of_rows)
    return Recipe(
        estimator(**parameters),
        columns=draw(st.lists(st.sampled_from(list(COLUMNS)), min_size=1, max_size=4)),
        container=draw(st.sampled_from(list(CONTAINERS))),
        n_rows=n_rows,
        n_copies=n_copies,
        target=draw(st.sampled_from(list(targets))),
        weight=draw(st.sampled_from(list(WEIGHTS))),
        has_X_val=to_validate == "X_val",
        steps=[draw(first), *draw(st.lists(later, max_size=2))],
        seed=draw(st.integers(0, 1000)),
    )


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


def data_of(recipe, targets):
    """Return the data to train on, and five other rows."""
    rng, n_rows = np.random.default_rng(recipe.seed), recipe.n_rows + 5
    columns = [COLUMNS[kind](rng, n_rows) for kind in recipe.columns]
    y = targets[recipe.target](rng, n_rows)
    if getattr(recipe.estimator, "loss", None) in ("poisson", "gamma"):
        y = np.abs(y)
    weight = WEIGHTS[recipe.weight](rng, y)
    data = Data(columns, recipe.columns, recipe.container, y, weight)
    rows = np.tile(np.arange(recipe.n_rows), recipe.n_copies)
    return data.take(rows), data.take(np.arange(recipe.n_rows, n_rows))


# What must hold

ARRAYS = {"X", "y", "sample_weight", "X_val", "y_val", "sample_weight_val", "classes"}
UNKNOWN_TO_USERS = re.compile(r"\b(loss_weight|X_train|y_train|Solver|_[A-Za-z]\w*)\b")


class Trial:
    """An estimator that goes through the steps of a recipe.

    Parameters
    ----------
    recipe : Recipe
        What to try.

    targets : dict
        `LABELS` or `NUMBERS`.
    """

    def __init__(self, recipe, targets):
        self.recipe = recipe
        self.data, self.others = data_of(recipe, targets)
        self.model = clone(recipe.estimator)
        self.classes = None
        if targets is LABELS and recipe.target != "multilabel":
            self.classes = labels_of(self.data.y)
        self.parts = []  # that the model was trained on

    def run(self):
        for call, of_rows in self.recipe.steps:
            part = self.data
            if of_rows == "the first half":
                part = part.take(np.arange((len(part.y) + 1) // 2))
            if call == "pickle":
                self.model = pickle.loads(pickle.dumps(self.model))
            elif hasattr(self.model, call):  # lbfgs has no partial_fit
                self.train(call, part)
        if self.parts and not self.may_be_too_large:
            predicted = self.model.predict(self.parts[-1].X)
            restored = pickle.loads(pickle.dumps(self.model))
            np.testing.assert_array_equal(restored.predict(self.parts[-1].X), predicted)

    def train(self, call, part):
        """Call `fit` or `partial_fit`, and assert what must hold then."""
        earlier = joblib.hash(vars(self.model))
        goes_on = self.parts and (call == "partial_fit" or self.model.warm_start)
        before = (self.model.n_iter_, self.model.t_) if goes_on else (0, 0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                getattr(self.model, call)(part.X, part.y, **self.arguments(call, part))
            except (TypeError, ValueError) as error:
                note(f"{call}: {error!r}")
                assert joblib.hash(vars(self.model)) == earlier
                self.assert_speaks_of_what_was_passed(str(error))
            else:
                trained = part.take(np.flatnonzero(part.counts))
                self.parts = [*(self.parts if goes_on else []), trained]
                self.assert_trained_on_its_rows(call, part, *before)
                self.assert_is_sound(call)
                if not self.may_be_too_large:
                    self.assert_predicts(trained)
                if self.classes is not None and not goes_on:
                    passed = (
                        self.classes if call == "partial_fit" else labels_of(part.y)
                    )
                    np.testing.assert_equal(self.model.classes_, passed)
        for warning in caught:
            assert issubclass(warning.category, UserWarning), warning
            self.assert_speaks_of_what_was_passed(str(warning.message))

    @property
    def may_be_too_large(self):
        """Whether rows may be refused that weigh next to nothing and are not scaled."""
        is_scaled = self.model.input_scaling and self.recipe.container != "sparse"
        skewed = self.recipe.weight in ("extreme", "skewed", "recency")
        return skewed and not is_scaled

    def arguments(self, call, part):
        """Return what is passed beside X and y."""
        arguments = {"sample_weight": part.weight}
        if self.recipe.has_X_val:
            arguments |= {"X_val": self.others.X, "y_val": self.others.y}
            arguments["sample_weight_val"] = self.others.weight
        if call == "partial_fit" and self.classes is not None:
            arguments["classes"] = self.classes
        return arguments

    def assert_speaks_of_what_was_passed(self, message):
        """Assert that a message names a parameter or an array, and nothing inside."""
        words = set(re.findall(r"\w+", message))
        assert words & (ARRAYS | {*self.model.get_params()}), message
        assert not UNKNOWN_TO_USERS.search(message), message
        if self.model.batch_size == "auto":
            assert "batch_size" not in words, message

    def assert_trained_on_its_rows(self, call, part, n_iter, t):
        """Assert that every epoch had the same number of rows, and that it was sane."""
        n_epochs, n_rows = self.model.n_iter_ - n_iter, self.model.t_ - t
        assert 1 <= n_epochs <= (self.model.max_iter if call == "fit" else 1)
        assert n_rows % n_epochs == 0
        assert self.fewest_rows(call, part) / 2 <= n_rows / n_epochs
        assert n_rows / n_epochs <= 8 * part.counts.sum()
        model = self.model
        is_over = call == "fit" and not model.warm_start and model.solver != "lbfgs"
        if is_over and model.learning_rate in ("cosine", "one_cycle"):
            last = model.history_["learning_rate"][-1]
            size = 128 if model.batch_size == "auto" else model.batch_size
            many_steps = n_rows >= 20 * (size + 1)
            if many_steps and not model.warmup_epochs:
                assert last < 0.1 * model.learning_rate_init

    @property
    def was_validated(self):
        """Whether the last epoch was."""
        return np.isfinite(self.model.history_["validation_loss"][-1])

    def fewest_rows(self, call, part):
        """Return how many rows there were to train on, at least."""
        model, counts = self.model, part.counts
        is_held_out = call == "fit" and not self.recipe.has_X_val and self.was_validated
        if not is_held_out:
            return counts.sum()
        if np.size(model.best_iteration_) > 1:  # members train on all rows together
            return counts.sum()
        if hasattr(model.validation_fraction, "split"):
            trained = np.zeros(len(counts), bool)
            trained[next(model.validation_fraction.split(part.X, part.y))[0]] = True
            return (counts & trained).sum()
        if model.scoring is not rows_seen:
            return 0
        # Of equal rows to validate on, there is one that counts as all of them.
        return counts.sum() - ROWS_SEEN[-1] * self.recipe.n_copies

    def assert_is_sound(self, call):
        """Assert that what is learned and recorded is finite, and fits together."""
        model = self.model
        for parameter in (*model.coefs_, *model.intercepts_, model.loss_curve_):
            assert np.isfinite(parameter).all()
        assert np.isfinite(model.loss_)
        assert {len(column) for column in model.history_.values()} == {model.n_iter_}
        best = model.best_iteration_
        assert 1 <= np.min(best) <= np.max(best) <= model.n_iter_
        can_validate = call == "fit" or self.recipe.has_X_val
        if model.early_stopping is True:
            assert self.was_validated == can_validate
        if self.was_validated:
            assert model.early_stopping
            assert np.isfinite(model.validation_scores_[-1])

    def assert_predicts(self, part):
        """Assert that there is a finite prediction of the right kind for every row."""
        X, y, model = part.X, part.y, self.model
        predicted = model.predict(X)
        dtype = np.float32 if part.container == "float32" else np.float64
        if isinstance(model, FCNetRegressor):
            quantiles = np.shape(model.quantile) if model.loss == "quantile" else ()
            assert predicted.shape == y.shape + quantiles
            assert predicted.dtype == dtype
            assert np.isfinite(predicted).all()
            self.assert_predicts_constants(predicted)
            return
        assert predicted.shape == y.shape
        several = model.predict_proba(X)
        for p in several if isinstance(several, list) else [several]:
            assert p.shape[0] == len(y)
            assert p.dtype == dtype
            assert ((p >= 0) & (p <= 1)).all()
            if self.classes is not None:
                np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)

    def assert_predicts_constants(self, predicted):
        """Assert that targets which never varied are predicted as they are."""
        y = np.concatenate([part.y for part in self.parts])
        never_varied = (y == y[0]).all(axis=0)
        predicted = predicted.reshape(len(predicted), *y.shape[1:], -1)
        np.testing.assert_allclose(
            predicted[:, never_varied],
            np.broadcast_to(y[0][..., np.newaxis], predicted.shape)[:, never_varied],
            rtol=4 * np.finfo(predicted.dtype).eps,
        )


def labels_of(y):
    """Return the labels that there are, for several outputs a list of those of each."""
    return np.unique(y) if y.ndim == 1 else [np.unique(column) for column in y.T]


IS_LONG = "SKFCNET_LONG_SEARCH" in os.environ
search = settings(
    max_examples=5000 if IS_LONG else 100,
    derandomize=not IS_LONG,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.reuse, Phase.generate, Phase.shrink],  # explaining takes minutes
)


@search
@given(recipes(FCNetClassifier, OF_CLASSIFIERS, LABELS))
def test_a_classifier_is_sound_or_says_what_is_not(recipe):
    Trial(recipe, LABELS).run()


@search
@given(recipes(FCNetRegressor, OF_REGRESSORS, NUMBERS))
def test_a_regressor_is_sound_or_says_what_is_not(recipe):
    Trial(recipe, NUMBERS).run()


@pytest.mark.parametrize(
    ("estimator", "of_estimator"),
    [(FCNetClassifier, OF_CLASSIFIERS), (FCNetRegressor, OF_REGRESSORS)],
)
def test_every_parameter_is_drawn(estimator, of_estimator):
    drawn = {*SHORT, *SHARED, *of_estimator, "early_stopping", "validation_fraction"}
    assert drawn == {*estimator().get_params()}
