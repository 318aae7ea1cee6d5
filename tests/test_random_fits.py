"""Random parameters, data, weights and splits: an error that helps, or a sound model.

Every example is a recipe: an estimator, what its table, target and weights are made of,
and what is called with them. Where one fails, the smallest that does is printed. These
tests draw the same examples for each estimator every time; a search among 5,000 others
takes some minutes::

    SKFCNET_LONG_SEARCH=5000 python -m pytest tests/test_random_*.py
"""

import copy
import pickle
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from scipy.sparse import issparse
from sklearn.base import clone

from random_data import (
    OF_TRANSFORMERS,
    OF_VALIDATION,
    ROWS_SEEN,
    SHARED,
    SHORT,
    rows_seen,
)
from random_recipes import (
    COPIED,
    KINDS,
    assert_speaks_of_what_was_passed,
    data_for,
    labels_of,
    recipes,
    search,
    some,
)
from skfcnet import FCNetClassifier, FCNetRegressor, FCNetTransformer

# What must hold


class Trial:
    """An estimator that goes through the steps of a recipe.

    Parameters
    ----------
    recipe : Recipe
        What to try.
    """

    def __init__(self, recipe):
        self.recipe = recipe
        self.data, self.others = data_for(recipe)
        self.model = clone(recipe.estimator)
        self.classes = None
        if isinstance(self.model, FCNetClassifier) and recipe.target != "multilabel":
            self.classes = labels_of(self.data.y)
        self.parts = []  # that the model was trained on

    def run(self):
        for call, of_rows in self.recipe.steps:
            part = self.data
            if of_rows == "the first half":
                part = part.take(np.arange((len(part.y) + 1) // 2))
            if call in COPIED:
                self.copy(COPIED[call])
            elif hasattr(self.model, call):  # lbfgs has no partial_fit
                self.train(call, part)

    def copy(self, copied):
        """Go on with a copy, and assert that it is as complete as the original."""
        with TemporaryDirectory() as folder:
            restored = copied(self.model, Path(folder) / "model")
        self.assert_same_state(restored)
        if self.parts and not self.may_be_too_large:
            X = self.parts[-1].X
            np.testing.assert_array_equal(restored.predict(X), self.model.predict(X))
        self.model = restored

    def assert_same_state(self, other):
        assert type(other) is type(self.model)
        restored, original = (repr(m.get_params()) for m in (other, self.model))
        # Arrays of a splitter are mapped as well, and break their lines elsewhere.
        restored = restored.replace("memmap(", "array(")
        assert restored.split() == original.replace("memmap(", "array(").split()
        assert vars(other).keys() == vars(self.model).keys()

    def train(self, call, part):
        """Call `fit` or `partial_fit`, and assert what must hold then."""
        earlier = joblib.hash(vars(self.model))
        goes_on = self.parts and (call == "partial_fit" or self.model.warm_start)
        before = (self.model.n_iter_, self.model.t_) if goes_on else (0, 0)
        given = {"X": part.X, "y": part.y} | self.arguments(call, part)
        as_given = copy.deepcopy(given)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                getattr(self.model, call)(**given)
            except (TypeError, ValueError) as error:
                note(f"{call}: {error!r}")
                assert joblib.hash(vars(self.model)) == earlier
                assert_speaks_of_what_was_passed(str(error), self.model)
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
        assert_untouched(given, as_given)
        for warning in caught:
            assert issubclass(warning.category, UserWarning), warning
            assert_speaks_of_what_was_passed(str(warning.message), self.model)

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
        if self.recipe.has_groups and call == "fit":
            arguments["groups"] = np.arange(len(part.y)) % 7
        if call == "partial_fit" and self.classes is not None:
            arguments["classes"] = self.classes
        return arguments

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
        n_copies = self.recipe.n_copies
        n_distinct = len({*map(repr, zip(*part.columns, part.y, strict=True))})
        n_equal = max(0, -(-len(counts) // n_copies) - n_distinct)
        return counts.sum() - (ROWS_SEEN[-1] + n_equal) * n_copies

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
            if np.abs(predicted).max() <= np.finfo(dtype).max:
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


def assert_untouched(given, before):
    """Assert that arrays and tables still hold what they did."""
    for name, value in given.items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, before[name])
        elif issparse(value):
            assert (value != before[name]).nnz == 0
        else:
            np.testing.assert_equal(value, before[name])  # also of lists of arrays


@pytest.mark.parametrize("kind", KINDS)
@search(100)
@given(st.data())
def test_a_fit_is_sound_or_says_what_is_not(kind, data):
    Trial(data.draw(recipes(kind))).run()


@pytest.mark.parametrize("kind", KINDS)
@search(10)
@given(st.data())
def test_a_transformer_is_sound_or_says_what_is_not(kind, data):
    recipe = data.draw(recipes(kind))
    layer, prefit = (data.draw(some(*values)) for values in OF_TRANSFORMERS.values())
    rows, _ = data_for(recipe)
    X, y, weight = rows.X, rows.y, rows.weight
    as_given = copy.deepcopy({"X": X, "y": y, "weight": weight})
    net = clone(recipe.estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformer = FCNetTransformer(net, layer=layer, prefit=prefit)
        try:
            if prefit:
                net.fit(X, y, weight)
            transformer.fit(X, y, weight)
            features = transformer.transform(X)
        except (TypeError, ValueError) as error:
            note(repr(error))
            assert_speaks_of_what_was_passed(str(error), net, OF_TRANSFORMERS)
        else:
            n_units = len(transformer.get_feature_names_out())
            assert features.shape == (len(y), n_units)
            assert np.isfinite(features).all()
            restored = pickle.loads(pickle.dumps(transformer))
            np.testing.assert_array_equal(restored.transform(X), features)
    assert_untouched({"X": X, "y": y, "weight": weight}, as_given)


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_is_drawn(kind):
    estimator, of_estimator, _ = KINDS[kind]
    drawn = {*SHORT, *SHARED, *OF_VALIDATION, *of_estimator}
    assert drawn == {*estimator().get_params()}


def test_every_parameter_of_the_transformer_is_drawn():
    assert {*OF_TRANSFORMERS, "estimator"} == {*FCNetTransformer().get_params()}
