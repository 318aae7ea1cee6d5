"""Small estimators, their data and comparisons, for tests in several files."""

import copy
import pickle
from functools import partial

import joblib
import numpy as np
import pytest
import sklearn
from hypothesis import settings
from scipy.special import expit
from sklearn.base import is_classifier

from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._engine.passes import Passes
from skfcnet.losses import LOSSES
from skfcnet.network import FullyConnectedNet
from skfcnet.presets import LIKE_MLP
from skfcnet.solver import Solver
from skfcnet.update_rules import UPDATE_RULES

# Marks

short_fits = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
"""For tests that stop training early on purpose."""

any_solver = pytest.mark.filterwarnings("ignore:.* has no effect. it needs:UserWarning")
"""For tests that set for every solver what only some use; see test_idle.py."""

old_logistic_regression = pytest.mark.filterwarnings(
    "ignore:scipy.optimize. The .disp. and .iprint."
)
"""For LogisticRegression of scikit-learn 1.6 with a new SciPy."""


def needs_new_scikit_learn(reason):
    """Skip with scikit-learn 1.6, the oldest version supported."""
    version = tuple(map(int, sklearn.__version__.split(".")[:2]))
    return pytest.mark.skipif(version < (1, 7), reason=reason)


def repeatable(max_examples):
    """Let hypothesis draw the same examples in every run, however slow they are."""
    return settings(deadline=None, derandomize=True, max_examples=max_examples)


FLOATS = [np.float32, np.float64]

# Estimators and their data

SMALL = {
    "hidden_layer_sizes": (8,),
    "max_iter": 5,
    "random_state": 0,
    "learning_rate": "constant",
    "learning_rate_init": 0.01,
    "early_stopping": False,
    "n_members": 1,
    "linear_term": False,
}
"""Settings for tests of how things behave, not of how well they are learned. At a
constant rate, what an epoch does depends not on how many there will be. They train one
network, as there is hardly a difference for several."""

small_classifier = partial(FCNetClassifier, **SMALL)
small_regressor = partial(FCNetRegressor, **SMALL)

SEVERAL = "multiclass-multioutput"
KINDS_OF_MLP = ["binary", "multiclass", "multilabel", "regression", "multioutput"]
KINDS = [*KINDS_OF_MLP, SEVERAL]
"""The kinds of target: those of scikit-learn's multilayer perceptrons, and one more."""


def data_of(kind, n=120, n_features=6, seed=0):
    """Return an unfitted estimator with data of the kind it is to be fitted on."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_features))
    signal = X @ rng.normal(size=(n_features, 3))
    if kind == "binary":
        return small_classifier(), X, (signal[:, 0] > 0).astype(int)
    if kind == "multiclass":
        return small_classifier(), X, signal.argmax(axis=1)
    if kind == "multilabel":
        return small_classifier(), X, (signal > 0).astype(int)
    if kind == SEVERAL:
        columns = [signal.argmax(axis=1), 10 * (signal[:, 0] > 0) + 5]
        return small_classifier(), X, np.column_stack(columns)
    return small_regressor(), X, signal[:, 0] if kind == "regression" else signal


def in_domain_of(loss, y):
    """Return targets that a loss is defined for, made of any real numbers."""
    candidates = (y, np.exp(np.divide(y, 4)), expit(y))
    return next(own for own in candidates if LOSSES[loss].domain.contains(own).all())


def weighted_data_of(kind, n=90, n_features=4):
    """Return what data_of does and how often each row counts, with the default rates.

    The default learning rates depend on the number of steps, and so on the weights.
    """
    model, X, y = data_of(kind, n, n_features)
    model.set_params(learning_rate=type(model)().learning_rate)
    return model, X, y, np.random.default_rng(2).integers(0, 5, size=n)


def plain(model):
    """Let a network be trained on the numbers as they are, as scikit-learn's are."""
    names = ("solver", "learning_rate", "input_scaling", "numeric_embedding")
    names += ("learn_scales", "linear_term", "early_stopping", "n_members")
    model.set_params(**{name: LIKE_MLP[name] for name in names})
    if is_classifier(model):
        return model.set_params(label_smoothing=0.0)
    return model.set_params(scale_target=False)


# Solvers and their data

D, C = 6, 3
"""How many features and scores the networks of a_net have."""

EVERY_RULE = pytest.mark.parametrize("rule", UPDATE_RULES.values(), ids=UPDATE_RULES)


def a_net(category="classification", **options):
    options = {"dropout": 0.1, "weight_scale": None, "random_state": 0} | options
    return FullyConnectedNet(category, [16], [True], D, C, **options)


def some_data(category="classification", *, n=130, dtype=np.float32):
    """Return a task that a small network solves well in a few epochs."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n + 60, D))
    target = X @ rng.normal(size=(D, C))
    y = target.argmax(axis=1) if category == "classification" else target.astype(dtype)
    X = X.astype(dtype)
    return {"X_train": X[:n], "y_train": y[:n], "X_val": X[n:], "y_val": y[n:]}


def a_solver(category="classification", *, net=None, data=None, **options):
    net = a_net(category) if net is None else net
    data = some_data(category) if data is None else data
    defaults = {
        "batch_size": 32,
        "num_epochs": 4,
        "optim_config": {"learning_rate": 0.05},
        "verbose": False,
        "random_state": 0,
    }
    return Solver(net, data, **defaults | options)


# Blocks

CODED = {"onehot", "lookup"}
"""The blocks that take codes of categories."""


def block_settings(kind, n_columns):
    """Return settings of a block, with five categories in a column of codes."""
    column = np.repeat(np.arange(n_columns), 2)
    return {
        "linear": {"factor": 3.0},
        "ple": {
            "column": column,
            "left": np.tile([-1.0, 0.5], n_columns),
            "slope": np.tile([1 / 1.5, 0.5], n_columns),
        },
        "missing": {"column": np.arange(n_columns)[::2]},
        "onehot": {
            "column": column,
            "plus": np.tile([0.0, 1.0], n_columns),
            "minus": np.tile([np.nan, 2.0], n_columns),
        },
        "lookup": {
            "first_row": 5 * np.arange(n_columns),
            "factor": np.linspace(0.1, 0.9, 5 * n_columns),
            "size": 2,
        },
        "unclipped": {
            "limit": 3.0,
            "low": np.linspace(-9, -0.8, n_columns),
            "high": np.linspace(1.2, 9, n_columns),
        },
    }.get(kind, {})


def block_columns(kind, shape, rng):
    """Return columns for a block: numbers, also missing ones, or codes."""
    if kind in CODED:
        return rng.integers(0, 3, shape).astype(float)
    x = rng.normal(size=shape)
    if kind == "unclipped":  # they lie within the limit of the clip
        x /= np.sqrt(1 + (x / 3) ** 2)
    return np.where(x > 1, np.nan, x) if kind == "missing" else x


# Copies


def through_pickle(original, path):
    return pickle.loads(pickle.dumps(original))


def through_deepcopy(original, path):
    return copy.deepcopy(original)


def through_joblib(original, path):
    joblib.dump(original, path)
    return joblib.load(path)


def through_a_memory_map(original, path):
    joblib.dump(original, path)
    return joblib.load(path, mmap_mode="r")


COPIES = [through_pickle, through_deepcopy, through_joblib, through_a_memory_map]


# Comparisons


def predictions(model, X):
    """Return all that a model predicts for X, one array for each method."""
    methods = ["predict"]
    if is_classifier(model):
        methods += ["predict_proba", "predict_log_proba", "decision_function"]
    predicted = [getattr(model, method)(X) for method in methods]
    return [np.hstack(a) if isinstance(a, list) else a for a in predicted]


def main_prediction(model, X):
    """Return the probabilities of a classifier, or the predictions of a regressor."""
    return predictions(model, X)[1 if is_classifier(model) else 0]


def assert_same(model, other, X):
    """Assert that two models have learned and predict the same, to the last bit."""
    assert model.t_ == other.t_
    assert model.history_.keys() == other.history_.keys()
    for name in model.history_.keys() - {"seconds"}:
        np.testing.assert_array_equal(model.history_[name], other.history_[name])
    ours, theirs = (
        [*each.coefs_, *each.intercepts_, *predictions(each, X)]
        for each in (model, other)
    )
    for own, expected in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(own, expected)


def assert_alike(model, other, X, **tolerance):
    """Assert that two models have learned and predict the same, but for rounding."""
    np.testing.assert_allclose(model.loss_curve_, other.loss_curve_, **tolerance)
    np.testing.assert_allclose(
        main_prediction(model, X), main_prediction(other, X), **tolerance
    )


# What a fitted model has learned


def parameters_of(model):
    """Return all weights and biases as one vector."""
    return np.concatenate([a.ravel() for a in (*model.coefs_, *model.intercepts_)])


# No public attribute tells these; the private ones are named nowhere else in the tests.


def network_of(model):
    return model._net


def compact(model, X, **options):
    """Return the compact table that a model makes of X."""
    return model._encoder.transform(X, **options)


def encoded(model, X, **options):
    """Return the features that a model makes of X, but for those that are trained."""
    features = features_of(model._net, compact(model, X, **options))
    blocks = model._net.stages[0].blocks
    trained, widths = [bool(b.trained) for b in blocks], [b.fan_out for b in blocks]
    is_trained = np.repeat(trained, widths)
    return features[..., ~is_trained] if blocks else features


def features_of(net, table):
    """Return the features that a network makes of a compact table by its blocks."""
    if not net.stages[0].blocks:
        return table
    params = net.params.converted(table.dtype)
    features, _ = Passes(net.stages[:1], params, mode="test").forward(table)
    return features


def target_scale(model):
    """Return half the center and half the scale by which targets are scaled."""
    scaler = model._target.scaler
    return scaler.half_center, scaler.half_scale
