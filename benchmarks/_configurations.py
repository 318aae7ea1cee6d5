"""Small configurations, and all that users can see of them: what `digests` digests.

Each takes a fraction of a second. Results are reached by the public interface alone, so
that everything private may be renamed.
"""

import pickle
import re
from contextlib import redirect_stdout
from functools import partial
from importlib.util import find_spec
from io import StringIO
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, issparse
from sklearn.base import clone, is_regressor
from sklearn.model_selection import (
    GridSearchCV,
    ShuffleSplit,
    StratifiedShuffleSplit,
    train_test_split,
)
from threadpoolctl import threadpool_limits

from skfcnet import FCNetClassifier, FCNetRegressor, FCNetTransformer
from skfcnet.initializers import INITIALIZERS
from skfcnet.layers import ACTIVATIONS, Block
from skfcnet.network import FullyConnectedNet
from skfcnet.schedules import SCHEDULES
from skfcnet.solver import Solver
from skfcnet.update_rules import UPDATE_RULES

BATCH, LAYER = {"normalization": "batch"}, {"normalization": "layer"}

QUICK = {"hidden_layer_sizes": (16, 8), "batch_size": 32, "max_iter": 4}
classifier = partial(FCNetClassifier, **QUICK, random_state=0)
regressor = partial(FCNetRegressor, **QUICK, random_state=0)

# The data: features, targets that depend on them, and forms in which they are given

N_TRAINED, N_NEW = 250, 50
COUNTS = np.random.default_rng(1).integers(0, 4, N_TRAINED)
FRACTIONS = np.random.default_rng(2).random(N_TRAINED) * (COUNTS > 0)


def features(n=N_TRAINED + N_NEW, width=6):
    X = np.random.default_rng(3).standard_normal((n, width))
    X[:, 1] = np.exp(2 * X[:, 1])
    X[:, 2] = X[:, 2] > 0
    X[:, 5] = np.maximum(X[:, 5] - 1, 0)
    return X


def number(X):
    noise = np.random.default_rng(4).standard_normal(len(X))
    return 10 + 3 * (X[:, 0] + X[:, 2] * X[:, 3]) + noise


def numbers(X):
    return np.column_stack([number(X), X[:, 4] ** 2])


def counts(X):
    return np.random.default_rng(5).poisson(np.exp(X[:, 0] / 2))


def rare(X):
    return np.maximum(X[:, 0] - 1, 0)


def amounts(X):
    return np.exp(number(X) / 10)


def strings(X):
    return np.where(number(X) > 12, "yes", "no")


def classes(X):
    return np.digitize(number(X), [8, 12, 15])


def labels(X):
    return (X[:, 2:5] + X[:, :1] > 0.3).astype(int)


def outputs(X):
    return np.column_stack([classes(X), np.digitize(X[:, 4], [-1, 0])])


def words(X):
    return np.column_stack([strings(X).astype(object), classes(X)])


def float64(X):
    return X


def float32(X):
    return X.astype(np.float32)


def sparse(X):
    return csr_matrix(np.where(np.abs(X) < 0.8, 0, X))


def with_gaps(X):
    is_missing = np.random.default_rng(6).random(X.shape) < 0.1
    return np.where(is_missing, np.nan, X)


def with_codes(X):
    return np.column_stack([X[:, :4], np.digitize(X[:, 4:], [-1, 0, 1])])


def frame(X):
    """Return a table with categories, strings and missing values."""
    table = pd.DataFrame(with_gaps(X), columns=list("abcdef"))
    colours = pd.Categorical.from_codes(
        np.digitize(X[:, 4], [-1, 0, 1]) - (X[:, 0] > 1), list("rgbk")
    )
    places = np.array(["here", "there", "nowhere"], object)[
        np.digitize(X[:, 5], [0.1, 0.7])
    ]
    return table.assign(e=colours, f=np.where(X[:, 0] < -1, None, places))


def text(X):
    """Return an array of objects, of which some are numbers as text, or missing."""
    objects = with_gaps(X).astype(object)
    objects[:, 0] = X[:, 0].astype(str)
    objects[::7, 3] = None
    return objects


class Data(NamedTuple):
    """Rows to train on, and new ones."""

    X: object
    y: object
    X_new: object
    y_new: object

    def halves(self):
        """Return the rows to train on in two parts."""
        half = N_TRAINED // 2
        first, second = train_test_split(
            range(N_TRAINED), train_size=half, shuffle=False
        )
        return [
            (getattr(self.X, "iloc", self.X)[part], self.y[part])
            for part in (first, second)
        ]


def data(target, form=float64):
    X = features()
    X, X_new, y, y_new = train_test_split(
        form(X), target(X), test_size=N_NEW, shuffle=False
    )
    return Data(X, y, X_new, y_new)


# What there is to see of a fitted estimator

METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "transform",
    "input_gradients",
)


def results(model, data):
    return fitted_attributes(model), answers(model, data.X_new, data.y_new)


def fitted_attributes(model):
    names = [name for name in dir(model) if name.endswith("_") and name[0] != "_"]
    return {name: getattr(model, name) for name in names if hasattr(model, name)}


def answers(model, X, y):
    """Return what a fitted estimator makes of rows."""
    answers = {
        method: getattr(model, method)(X)
        for method in METHODS
        if hasattr(model, method) and not (method == "input_gradients" and issparse(X))
    }
    if hasattr(model, "score"):
        answers["score"] = model.score(X, y)
    if hasattr(model, "get_feature_names_out"):
        answers["names"] = model.get_feature_names_out()
    if is_regressor(model) and np.ndim(model.coefs_[0]) == 3:  # there are members
        answers["return_std"] = model.predict(X, return_std=True)
    return answers


def fit(estimator, target, form=float64, **arguments):
    """Return a configuration that is one call of ``fit``."""

    def seen_after_fit():
        rows = data(target, form)
        return results(clone(estimator).fit(rows.X, rows.y, **arguments), rows)

    return seen_after_fit


FITS = {
    # Targets, and the precision of the rows and of the network
    "defaults-classifier": fit(FCNetClassifier(random_state=0), strings),
    "defaults-regressor": fit(FCNetRegressor(random_state=0), number),
    "binary-strings": fit(classifier(), strings),
    "binary-float32": fit(classifier(), strings, float32),
    "binary-network-float64": fit(classifier(dtype="float64"), strings, float32),
    "multiclass": fit(classifier(), classes),
    "multiclass-float32": fit(classifier(), classes, float32),
    "multiclass-linear": fit(classifier(hidden_layer_sizes=()), classes),
    "multilabel": fit(classifier(), labels),
    "multioutput": fit(classifier(), outputs),
    "multioutput-words": fit(classifier(), words),
    "multioutput-smoothed": fit(classifier(label_smoothing=0.1), outputs),
    "regression": fit(regressor(), number),
    "regression-float32": fit(regressor(), number, float32),
    "regression-network-float64": fit(regressor(dtype="float64"), number),
    "regression-several": fit(regressor(), numbers),
    # Solvers
    "solver-sgd": fit(classifier(solver="sgd", nesterovs_momentum=False), classes),
    "solver-sgd-nesterov": fit(classifier(solver="sgd", momentum=0.8), classes),
    "solver-adam": fit(regressor(solver="adam", beta_1=0.8, epsilon=1e-3), number),
    "solver-adamw": fit(regressor(solver="adamw", weight_decay=5.0), number),
    "solver-rmsprop": fit(regressor(solver="rmsprop"), number),
    "solver-lbfgs": fit(classifier(solver="lbfgs"), classes),
    "solver-lbfgs-converging": fit(regressor(solver="lbfgs", max_iter=None), number),
    "solver-lbfgs-batch-norm": fit(regressor(solver="lbfgs", **BATCH), number),
    "solver-lbfgs-early-stopping": fit(
        regressor(solver="lbfgs", early_stopping=True, max_iter=30, n_iter_no_change=2),
        number,
    ),
    # Schedules, and what else a step and an epoch are made of
    **{
        f"schedule-{name}": fit(regressor(learning_rate=name), number)
        for name in SCHEDULES
    },
    "schedule-adaptive": fit(
        regressor(learning_rate="adaptive", n_iter_no_change=1, tol=0.1, max_iter=12),
        number,
    ),
    "schedule-warmup": fit(
        classifier(learning_rate="invscaling", power_t=0.3, warmup_epochs=1.3), classes
    ),
    "gradient-norm": fit(regressor(max_grad_norm=0.1), number),
    "unshuffled": fit(classifier(shuffle=False, alpha=1.0), classes),
    "stops-by-tol": fit(
        regressor(learning_rate="constant", tol=0.01, n_iter_no_change=2, max_iter=30),
        number,
    ),
    "last-batch-of-one-row": fit(classifier(batch_size=83, **BATCH), classes),
    "vector-of-several-blocks": fit(
        classifier(hidden_layer_sizes=(300, 300), alpha=1.0), strings
    ),
    # Losses of the regressor
    "loss-absolute-error": fit(regressor("absolute_error"), number),
    "loss-absolute-error-rare": fit(regressor("absolute_error"), rare),
    "loss-huber": fit(regressor("huber", huber_delta=0.5), numbers),
    "loss-quantile": fit(regressor("quantile", quantile=0.8), number),
    "loss-quantiles": fit(regressor("quantile", quantile=[0.1, 0.5, 0.9]), numbers),
    "loss-poisson": fit(regressor("poisson"), counts),
    "loss-poisson-unscaled": fit(regressor("poisson", scale_target=False), counts),
    "loss-poisson-early-stopping": fit(
        regressor("poisson", early_stopping=True), counts
    ),
    "loss-gamma": fit(regressor("gamma"), amounts),
    "target-unscaled": fit(regressor(scale_target=False), number),
    "target-clipped": fit(regressor(clip_output=True, max_iter=30), numbers),
    # Layers
    "batch-norm": fit(classifier(**BATCH), classes),
    "batch-norm-dropout": fit(regressor(dropout=0.3, **BATCH), number),
    "layer-norm": fit(classifier(**LAYER), classes),
    "layer-norm-regression": fit(regressor(activation="gelu", **LAYER), numbers),
    "dropout": fit(classifier(dropout=0.3), classes),
    "dropout-of-input": fit(regressor(input_dropout=0.2), number),
    # Scaling and embedding
    "scaling-none": fit(
        classifier(input_scaling=None, numeric_embedding=None), classes
    ),
    "scaling-standard": fit(regressor(input_scaling="standard"), number),
    "embedding-none": fit(classifier(numeric_embedding=None), classes),
    "embedding-auto": fit(classifier(numeric_embedding="auto", n_bins=5), classes),
    "embedding-ple": fit(regressor(numeric_embedding="ple", n_bins=8), number),
    "embedding-pbld": fit(regressor(numeric_embedding="pbld"), number),
    "embedding-pbld-lbfgs": fit(
        classifier(numeric_embedding="pbld", solver="lbfgs", **LAYER), classes
    ),
    # Ensembles
    "members-binary": fit(classifier(n_members=3), strings),
    "members-multioutput": fit(classifier(n_members=2, dropout=0.2), outputs),
    "members-multilabel-sparse": fit(classifier(n_members=3), labels, sparse),
    "members-regression": fit(
        regressor(n_members=3, max_grad_norm=0.5, **BATCH), number
    ),
    "members-quantiles": fit(
        regressor("quantile", quantile=[0.2, 0.8], n_members=2), number
    ),
    "members-gamma": fit(regressor("gamma", n_members=2, **LAYER), amounts),
    "members-pbld": fit(classifier(n_members=2, numeric_embedding="pbld"), classes),
    "members-folds": fit(regressor(n_members=3, early_stopping=True, **BATCH), number),
    "members-folds-weighted": fit(
        classifier(n_members=2, early_stopping=True, scoring="loss"),
        strings,
        sample_weight=COUNTS,
    ),
    # Weights
    "weights-counts": fit(classifier(), classes, sample_weight=COUNTS),
    "weights-fractions": fit(
        regressor(early_stopping=True), number, sample_weight=FRACTIONS
    ),
    "weights-lbfgs": fit(regressor(solver="lbfgs"), number, sample_weight=COUNTS),
    "weights-lbfgs-fractions": fit(
        classifier(solver="lbfgs"), strings, sample_weight=FRACTIONS
    ),
    "weights-heavy": fit(
        classifier(early_stopping=True),
        strings,
        sample_weight=np.where(np.arange(N_TRAINED) < 5, 100, COUNTS),
    ),
    "weights-leave-out-classes": fit(
        classifier(n_members=2),
        classes,
        sample_weight=(data(classes).y > 1) * FRACTIONS,
    ),
    "weights-leave-out-one-of-two": fit(
        classifier(), strings, sample_weight=(data(strings).y == "yes") * COUNTS
    ),
    "class-weight-huge": fit(classifier(class_weight={"no": 1e7}), strings),
    "class-weight-balanced": fit(
        classifier(class_weight="balanced"),
        strings,
        sample_weight=FRACTIONS,
    ),
    "class-weight-dict": fit(classifier(class_weight={0: 5.0, 2: 0.5}), classes),
    "class-weight-multilabel": fit(
        classifier(class_weight=[{1: 4.0}, {0: 2.0}, {0: 0.5}]), labels
    ),
    "class-weight-multioutput": fit(
        classifier(class_weight="balanced", early_stopping=True), outputs
    ),
    # Early stopping; on rows that are given, see below
    "early-stopping-fraction": fit(
        classifier(early_stopping=True, validation_fraction=0.2), classes
    ),
    "early-stopping-patience": fit(
        classifier(
            early_stopping=True,
            learning_rate="constant",
            n_iter_no_change=2,
            max_iter=30,
            **BATCH,
        ),
        classes,
    ),
    "early-stopping-splitter": fit(
        regressor(
            early_stopping=True,
            validation_fraction=ShuffleSplit(1, test_size=0.3, random_state=0),
        ),
        number,
    ),
    "early-stopping-stratified": fit(
        classifier(
            early_stopping=True,
            validation_fraction=StratifiedShuffleSplit(1, random_state=0),
            scoring="loss",
        ),
        classes,
    ),
    "early-stopping-scorer": fit(
        classifier(early_stopping=True, scoring="neg_log_loss"),
        strings,
        sample_weight=FRACTIONS,
    ),
    # Forms of X
    "sparse-classes": fit(classifier(input_dropout=0.2), classes, sparse),
    "sparse-numbers": fit(regressor(early_stopping=True, **BATCH), numbers, sparse),
    "gaps": fit(classifier(), classes, with_gaps),
    "text": fit(classifier(), classes, text),
    "codes": fit(regressor(categorical_features=[4, 5]), number, with_codes),
    "codes-by-mask": fit(
        classifier(categorical_features=np.arange(6) > 3), classes, with_codes
    ),
    "frame-classifier": fit(classifier(early_stopping=True), strings, frame),
    "frame-names": fit(regressor(categorical_features=["c", "e", "f"]), number, frame),
    "frame-regressor": fit(
        regressor(numeric_embedding="pbld"),
        number,
        frame,
        sample_weight=COUNTS,
    ),
    # The transformer
    "transformer": fit(FCNetTransformer(classifier(**BATCH)), classes),
    "transformer-first-layer": fit(FCNetTransformer(regressor(), layer=0), number),
    "transformer-members": fit(
        FCNetTransformer(classifier(n_members=2)), strings, float32
    ),
    # A search, of whose results the seconds are left out
    "grid-search": fit(
        GridSearchCV(classifier(), {"alpha": [1e-4, 10.0]}, cv=3), strings
    ),
}
"""Configurations that are one call of ``fit``."""


# Configurations that are more than that


def every_activation():
    rows = data(classes)
    models = (classifier(activation=name) for name in ACTIVATIONS)
    return [results(model.fit(rows.X, rows.y), rows) for model in models]


def every_initializer():
    rows = data(number)
    models = (regressor(init=name) for name in INITIALIZERS)
    return [results(model.fit(rows.X, rows.y), rows) for model in models]


def early_stopping_on_given_rows():
    rows = data(strings, frame)
    model = classifier(early_stopping=True, max_iter=6)
    weight = np.linspace(0.5, 2, N_NEW)
    model.fit(
        rows.X, rows.y, X_val=rows.X_new, y_val=rows.y_new, sample_weight_val=weight
    )
    return results(model, rows)


def partial_fit_across_pickles():
    rows = data(classes)
    model, seen = classifier(dropout=0.1, **BATCH), []
    for X, y in rows.halves() * 2:
        model = pickle.loads(pickle.dumps(model))
        model.partial_fit(X, y, classes=range(4))
        seen.append(results(model, rows))
    return seen


def partial_fit_with_validation():
    rows = data(number)
    model = regressor(early_stopping=True, learning_rate="cosine", total_steps=9)
    for X, y in rows.halves() * 2:
        model.partial_fit(X, y, np.ones(len(y)), X_val=rows.X_new, y_val=rows.y_new)
    return results(model, rows)


def partial_fit_of_frames():
    rows = data(number, frame)
    model = regressor()
    for X, y in rows.halves():
        model.partial_fit(X, y)
    return results(model, rows)


def partial_fit_of_what_was_constant():
    """Train on columns and a target that the first call knows one value of."""
    rows = data(numbers)
    model = regressor(early_stopping=True)
    X, y = rows.X[:80].copy(), rows.y[:80].copy()
    X[:, 3:5], y[:, 1] = 1.5, 2.0
    model.partial_fit(X, y)
    return results(model.partial_fit(rows.X, rows.y), rows)


def partial_fit_of_new_levels():
    rows = data(strings, frame)
    model = classifier()
    for rest in (rows.X["f"] != "nowhere", slice(None)):
        model.partial_fit(rows.X[rest], rows.y[rest], classes={"yes", "no"})
    return results(model, rows)


def partial_fit_after_fit():
    rows = data(numbers)
    model = regressor(n_members=2).fit(rows.X, rows.y)
    return results(model.partial_fit(rows.X, rows.y), rows)


def warm_start():
    rows = data(classes)
    model = classifier(warm_start=True, solver="adam").fit(rows.X, rows.y)
    first = results(model, rows)
    model.set_params(dropout=0.2, alpha=1.0, max_iter=2).fit(rows.X, rows.y)
    return first, results(model, rows)


def warm_start_of_lbfgs():
    rows = data(number)
    model = regressor(warm_start=True, solver="lbfgs").fit(rows.X, rows.y)
    return results(model.fit(rows.X, rows.y), rows)


def warm_start_until_total_steps():
    rows = data(number)
    model = regressor(warm_start=True, early_stopping=True, total_steps=40)
    for _ in range(2):
        model.fit(rows.X, rows.y)
    return results(model, rows)


def weights_assigned():
    rows = data(classes)
    model = classifier(n_members=1).fit(rows.X, rows.y)
    model.coefs_ = [array / 2 for array in model.coefs_]
    model.intercepts_[0] = np.arange(16)
    return results(model, rows)


def printed_by_verbose():
    rows, models = (
        data(classes),
        [
            classifier(verbose=True),
            classifier(verbose=2, solver="lbfgs", early_stopping=True),
        ],
    )
    printed = StringIO()
    with redirect_stdout(printed):
        for model in models:
            model.fit(rows.X, rows.y)
        models[0].partial_fit(rows.X, rows.y)
    return re.sub(r"[\d.]+ s$", "", printed.getvalue(), flags=re.MULTILINE)


def many_rows_predicted():
    rows = data(outputs)
    model = classifier(n_members=2).fit(rows.X, rows.y)
    many = features(5000)
    return answers(model, many, outputs(many))


def wide_rows_gathered_ahead():
    X = features(width=2000)
    model = regressor()
    # A thread of its own gathers rows where BLAS has another one to spare.
    with threadpool_limits(2):
        model.fit(X, number(X))
    return fitted_attributes(model), model.predict(X)


def prefit_transformer():
    rows = data(strings)
    model = classifier().fit(rows.X, rows.y)
    return results(FCNetTransformer(model, prefit=True).fit(rows.X), rows)


class Recorder:
    """Callback that notes what it is shown, and may end the fit."""

    def __init__(self, last=None):
        self.last, self.seen = last, []

    def setup(self, estimator, context):
        self.seen.append("setup")

    def on_fit_task_begin(self, estimator, context, *, X, y, metadata):
        self.seen.append(["begin", context.task_name, sorted(metadata)])

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        shown = fitted_attributes(fitted_estimator), fitted_estimator.predict(X)
        self.seen.append(["end", context.task_name, shown])
        return context.task_name == "epoch" and fitted_estimator.n_iter_ == self.last

    def teardown(self, estimator, context):
        self.seen.append("teardown")


def seen_by_callbacks(*models):
    rows, seen = data(strings), []
    for model in models:
        recorder = Recorder(last=3)
        model.set_callbacks(recorder).fit(rows.X, rows.y, sample_weight=COUNTS)
        seen.append([recorder.seen, results(model, rows)])
    return seen


def callbacks():
    return seen_by_callbacks(
        classifier(max_iter=2),
        classifier(early_stopping=True, **BATCH),
        classifier(solver="lbfgs"),
    )


def callbacks_of_monitor():
    from skfcnet.callbacks import ValidationMonitor

    rows = data(strings)
    monitor = ValidationMonitor(rows.X_new, rows.y_new, scoring=["roc_auc", "accuracy"])
    classifier().set_callbacks(monitor).fit(rows.X, rows.y)
    return [[row["roc_auc"], row["accuracy"]] for row in monitor.get_logs().data]


# Networks and the solver, without estimators


def trained(net, target, form=float64, **options):
    """Return all that is to see of a network, and of the solver that trained it."""
    rows = data(target, form)
    parts = {
        "X_train": rows.X,
        "y_train": rows.y,
        "X_val": rows.X_new,
        "y_val": rows.y_new,
    }
    options = {"batch_size": 32, "num_epochs": 3, "num_train_samples": 100} | options
    solver = Solver(net, parts, verbose=False, random_state=0, **options)
    solver.train()
    seen = [seen_of_solver(solver), dict(net.params)]
    if isinstance(net, FullyConnectedNet):
        seen += seen_of_network(net, rows)
    return seen


HISTORY = (
    "loss_history",
    "train_acc_history",
    "val_acc_history",
    "best_val_acc",
    "best_val_score",
    "learning_rate",
    "last_learning_rate",
    "epoch",
    "epoch_rows",
    "step",
)


def seen_of_solver(solver):
    history = {name: getattr(solver, name) for name in HISTORY}
    return history, dict(sorted(solver.optim_config.items()))


def seen_of_network(net, rows):
    seen = [repr(net), dict(net.state), net.penalty(), net.hidden(rows.X_new, 0)]
    seen += [net.scores(rows.X_new), net.member_scores(rows.X_new)]
    if not issparse(rows.X_new):
        seen.append(net.input_gradients(rows.X_new))
    return [*seen, net.loss(rows.X_new, rows.y_new, random_state=0)]


def network(category, hidden_dims=(16, 8), output_dim=4, **options):
    return FullyConnectedNet(
        category,
        hidden_dims,
        input_dim=6,
        output_dim=output_dim,
        random_state=0,
        **{"weight_scale": None} | options,
    )


def trained_by(rule):
    net = network("classification", reg=1e-3, dtype=np.float64)
    return trained(net, classes, update_rule=UPDATE_RULES[rule])


def network_with_dropout():
    net = network("classification", dropout=0.3, input_dropout=0.1, reg=0.01)
    return trained(net, classes, update_rule="adam", lr_decay=0.9)


def network_with_batchnorm():
    net = network("regression", (16, 8), 2, normalization=[True, False], reg=0.1)
    weight = {"sample_weight": 3 * FRACTIONS + 0.1, "loss_weight": COUNTS}
    return trained(net, numbers, update_rule="adamw", max_grad_norm=1.0, **weight)


def network_with_layernorm():
    net = network("classification", normalization=["layer"] * 2, init="orthogonal")
    return trained(net, classes, update_rule="rmsprop", schedule="coslog4")


def network_of_members():
    blocks = [Block("linear", (0, 6), {"factor": 1.0}), Block("pbld", (0, 3))]
    options = {"loss": "huber", "loss_params": {"delta": 2.0}, "blocks": blocks}
    net = network("regression", output_dim=2, n_members=3, weight_scale=0.1, **options)
    return trained(net, numbers, num_train_samples=None, warmup_epochs=0.5)


def network_on_sparse_rows():
    net = network("classification", input_dropout=0.2)
    return trained(net, classes, sparse, update_rule="sgd_nesterov")


class Line:
    """A model of one's own: a line through the first feature."""

    def __init__(self):
        self.params = {"w": np.ones((1, 1)), "b": np.zeros(1)}

    def loss(self, X, y=None):
        values = (X[:, :1] @ self.params["w"] + self.params["b"])[:, 0]
        if y is None:
            return values
        error = (values - y) / len(y)
        gradients = {
            "w": X[:, :1].T @ error[:, np.newaxis],
            "b": error.sum(keepdims=True),
        }
        return float(np.mean((values - y) ** 2) / 2), gradients


def model_of_ones_own():
    return trained(Line(), number, update_rule="adamw", num_epochs=10)


STORIES = [
    every_activation,
    every_initializer,
    early_stopping_on_given_rows,
    partial_fit_across_pickles,
    partial_fit_with_validation,
    partial_fit_of_frames,
    partial_fit_of_what_was_constant,
    partial_fit_of_new_levels,
    partial_fit_after_fit,
    warm_start,
    warm_start_of_lbfgs,
    warm_start_until_total_steps,
    weights_assigned,
    printed_by_verbose,
    many_rows_predicted,
    wide_rows_gathered_ahead,
    prefit_transformer,
    network_with_dropout,
    network_with_batchnorm,
    network_with_layernorm,
    network_of_members,
    network_on_sparse_rows,
    model_of_ones_own,
]
if find_spec("sklearn.callback"):  # callbacks came with scikit-learn 1.9
    STORIES += [callbacks, callbacks_of_monitor]

CONFIGURATIONS = {
    **FITS,
    **{story.__name__.replace("_", "-"): story for story in STORIES},
    **{f"network-by-{rule}": partial(trained_by, rule) for rule in UPDATE_RULES},
}
"""By name, what returns the results that are digested."""
