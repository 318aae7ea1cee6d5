"""What a promise is, and whom it is asked of.

A promise is a function of a `Subject`, which raises `Broken` where the subject does not
keep it. Its docstring is what the user guide says of it. `promises.py` has all of them.
"""

import pickle
from typing import NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skfcnet import FCNetClassifier, FCNetRegressor

QUICK = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}
"""All parameters but these have their defaults, unless a promise says otherwise."""


class Broken(AssertionError):
    """A promise is not kept; the message says what happens instead."""


class DoesNotApply(Exception):
    """A promise is not one that the subject could keep; the message says why."""


def require(condition, otherwise):
    """Raise `Broken`, saying what happens otherwise, unless a condition is true."""
    if not condition:
        raise Broken(otherwise)


class Subject(NamedTuple):
    """A classifier and a regressor that are asked to keep promises.

    Parameters
    ----------
    name : str
        The name for the table.

    kinds : tuple of type
        The classes of the classifier and of the regressor.

    as_it_is : dict
        The parameters with which X is used as it is, neither scaled nor embedded.

    has_files : bool
        Whether there are files for it that are checked when they are loaded.
    """

    name: str
    kinds: tuple
    as_it_is: dict
    has_files: bool

    def classifier(self, **changes):
        return self.kinds[0](**QUICK | changes)

    def regressor(self, **changes):
        return self.kinds[1](**QUICK | changes)

    def tasks(self, **changes):
        """Yield the classifier and the regressor, each with data to fit it on."""
        X, labels, numbers = data()
        yield self.classifier(**changes), X, labels
        yield self.regressor(**changes), X, numbers

    def needs(self, parameter):
        """Raise `DoesNotApply` if there is no such parameter."""
        if parameter not in self.regressor().get_params():
            raise DoesNotApply(f"there is no parameter {parameter}")


SKFCNET = Subject(
    "skfcnet",
    (FCNetClassifier, FCNetRegressor),
    as_it_is={
        "input_scaling": None,
        "numeric_embedding": None,
        "linear_term": False,
        "dtype": "float64",
    },
    has_files=True,
)
MLP = Subject("MLP", (MLPClassifier, MLPRegressor), as_it_is={}, has_files=False)


class Promise(NamedTuple):
    """A promise with its topic, and the tests that look at it more closely."""

    topic: str
    check: object
    tests: tuple

    @property
    def text(self):
        return " ".join(self.check.__doc__.split())

    @property
    def files(self):
        """The names of the files of these tests."""
        return [f"{name}.py" for name in self.tests]

    def kept_by(self, subject):
        """Return 'yes', or else in words what happens or why it does not apply."""
        try:
            self.check(subject)
        except Broken as error:
            return f"no: {error}"
        except DoesNotApply as error:
            return f"does not apply: {error}"
        return "yes"


# Data, and what models make of them


def data(n_rows=80):
    """Return rows, their labels of three classes, and numbers to predict."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 4))
    signal = X @ rng.normal(size=(4, 3))
    return X, signal.argmax(axis=1), signal[:, 0] + 0.1 * rng.normal(size=n_rows)


def predictions(model, X):
    """Return the probabilities of a classifier, or what a regressor predicts."""
    return model.predict_proba(X) if is_classifier(model) else model.predict(X)


def require_same(one, other, X):
    """Require that two models predict the same, to the last bit."""
    same = np.array_equal(predictions(one, X), predictions(other, X))
    require(same, "the predictions differ")


def require_alike(one, other, X, *, factor=1.0, rtol=1e-6):
    """Require that a model predicts a factor of what another does, but for rounding."""
    ours, theirs = predictions(one, X), factor * predictions(other, X)
    atol = rtol * np.abs(theirs).max()
    require(np.allclose(ours, theirs, rtol=0, atol=atol), "the predictions differ")


def require_as_before(model, X, before):
    """Require that a model predicts what it did before, to the last bit."""
    try:
        after = predictions(model, X)
    except Exception:
        raise Broken("the earlier model cannot predict any more") from None
    require(np.array_equal(after, before), "the earlier model is lost")


def state(model):
    """Return all that a model holds, as bytes."""
    return pickle.dumps(pickle.loads(pickle.dumps(model)))
