"""All promises of the estimators, as functions that check whether somebody keeps them.

`test_promises.py` asks skfcnet. This script also asks the multilayer perceptrons of
scikit-learn, and writes what it finds to the user guide::

    python tests/promises.py
"""

import copy
import csv
import io
import pickle
import tempfile
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import sklearn
from scipy.sparse import csr_array
from sklearn.base import clone
from threadpoolctl import threadpool_info

import skfcnet
from promise import (
    MLP,
    SKFCNET,
    Broken,
    DoesNotApply,
    Promise,
    data,
    predictions,
    require,
    require_alike,
    require_as_before,
    require_same,
    state,
)
from skfcnet.files import ModelFileError

TESTS = Path(__file__).parent
TABLE = TESTS.parent / "docs" / "user_guide" / "promises.csv"

PROMISES = []


def promise(topic, *tests):
    """Add a function to the promises, under a topic and with further tests of it."""

    def add(check):
        PROMISES.append(Promise(topic, check, tests))
        return check

    return add


CONSTANT = {"learning_rate": "constant", "early_stopping": False}
"""At a constant rate, an epoch does not depend on how many there will be."""

# Rows and weights

ROWS = "Rows and weights"


@promise(ROWS, "test_weights", "test_random_pairs")
def weights_are_repetitions(subject):
    """A row of weight k is the same as k rows, to the last bit, whatever the batch
    size."""
    for model, X, y in subject.tasks(batch_size=20):
        weight = 1 + np.arange(len(X)) % 3
        weighted = clone(model).fit(X, y, weight)
        repeated = clone(model).fit(X.repeat(weight, axis=0), y.repeat(weight))
        require_same(weighted, repeated, X)


@promise(ROWS, "test_weights")
def weights_are_repetitions_for_lbfgs(subject):
    """With ``solver="lbfgs"``, a row of weight k is k rows up to rounding."""
    for model, X, y in subject.tasks(solver="lbfgs"):
        weight = 1 + np.arange(len(X)) % 3
        weighted = clone(model).fit(X, y, weight)
        repeated = clone(model).fit(X.repeat(weight, axis=0), y.repeat(weight))
        require_alike(weighted, repeated, X)


@promise(ROWS, "test_weights", "test_random_pairs")
def weightless_rows_are_not_there(subject):
    """Rows of weight 0 are left out, whatever the batch size."""
    for model, X, y in subject.tasks(batch_size=20):
        weight = (np.arange(len(X)) % 4 > 0).astype(float)
        counts = weight > 0
        weighted = clone(model).fit(X, y, weight)
        require_same(weighted, clone(model).fit(X[counts], y[counts]), X)


@promise(ROWS, "test_bad_input")
def negative_weights_are_refused(subject):
    """Negative sample weights are refused."""
    for model, X, y in subject.tasks():
        weight = np.where(np.arange(len(X)) == 3, -1.0, 1.0)
        try:
            model.fit(X, y, weight)
        except ValueError:
            continue
        raise Broken("they are used")


@promise(ROWS, "test_weights", "test_random_pairs")
def order_does_not_matter(subject):
    """The order of the rows does not matter, to the last bit."""
    order = np.random.default_rng(1).permutation(80)
    for model, X, y in subject.tasks(batch_size=20):
        other = clone(model).fit(X[order], y[order])
        require_same(clone(model).fit(X, y), other, X)


@promise(ROWS, "test_holdout", "test_bugs_of_mlp")
def rare_classes_stay_in_training(subject):
    """Early stopping accepts a class of a single row, which it trains on."""
    X, _, _ = data()
    try:
        subject.classifier(early_stopping=True).fit(X, np.arange(len(X)) == 7)
    except ValueError:
        raise Broken("such a class is an error") from None


@promise(ROWS, "test_agreement_with_mlp", "test_bugs_of_mlp")
def the_penalty_does_not_depend_on_the_batch_size(subject):
    """``alpha`` means the same whatever ``batch_size`` is."""
    X, _, y = data()
    still = {"solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1, **CONSTANT}

    def penalty(batch_size):
        losses = [
            subject.regressor(**still, alpha=alpha, batch_size=batch_size)
            .fit(X, y)
            .loss_
            for alpha in (10.0, 0.0)
        ]
        return losses[0] - losses[1]

    same = np.isclose(penalty(10), penalty(80), rtol=1e-3)
    require(same, "the penalty is divided by the size of each minibatch")


# Seeds

SEEDS = "Seeds and processors"


@promise(SEEDS, "test_reproducibility")
def seeds_reproduce(subject):
    """The same integer as ``random_state`` gives the same model, to the last bit."""
    for model, X, y in subject.tasks():
        require_same(clone(model).fit(X, y), clone(model).fit(X, y), X)


@promise(SEEDS, "test_reproducibility")
def the_global_generator_is_left_alone(subject):
    """With an integer as ``random_state``, NumPy's global generator is not touched."""
    before = state(np.random.get_state())
    for model, X, y in subject.tasks(early_stopping=True):
        predictions(model.fit(X, y), X)
    require(state(np.random.get_state()) == before, "it is advanced")


@promise(SEEDS, "test_parallel_members")
def jobs_do_not_matter(subject):
    """``n_jobs`` does not change a bit of the result."""
    subject.needs("n_jobs")
    settings = {"n_members": 2, "learning_rate": "one_cycle", "early_stopping": False}
    for model, X, y in subject.tasks(**settings):
        with joblib.parallel_config(backend="threading"):
            two = clone(model).set_params(n_jobs=2).fit(X, y)
        require_same(two, clone(model).fit(X, y), X)


@promise(SEEDS, "test_random_pairs")
def fits_leave_no_trace(subject):
    """Without ``warm_start``, a second fit is the same as a first one."""
    for model, X, y in subject.tasks():
        fresh = clone(model).fit(X, y)
        require_same(model.fit(X[:50, :3], y[:50]).fit(X, y), fresh, X)


@promise(SEEDS, "test_threads")
def threads_of_blas_are_restored(subject):
    """A fit leaves the number of BLAS threads as it was."""

    def limits():
        return [pool["num_threads"] for pool in threadpool_info()]

    before = limits()
    for model, X, y in subject.tasks():
        model.fit(X, y)
    require(limits() == before, "it is changed")


@promise(SEEDS, "test_threads")
def nothing_is_left_behind(subject):
    """Fits and predictions leave no thread and no open file behind."""

    def held():
        files = Path("/proc/self/fd")
        return threading.active_count(), len(
            [*files.iterdir()]
        ) if files.exists() else 0

    for n_round in range(3):
        for model, X, y in subject.tasks():
            predictions(model.fit(X, y), X)
        if n_round == 0:
            before = held()
    require(held() == before, "there are more")


# Continuation

CONTINUATION = "Continued training"


def _first_call(model, X, y):
    arguments = {"classes": np.unique(y)} if hasattr(model, "predict_proba") else {}
    return model.partial_fit(X, y, **arguments)


@promise(CONTINUATION, "test_continuation", "test_random_pairs")
def calls_are_epochs(subject):
    """At a constant rate, k calls of ``partial_fit`` are a ``fit`` of k epochs, to the
    last bit."""
    for model, X, y in subject.tasks(**CONSTANT, batch_size=20):
        called = _first_call(clone(model), X, y)
        for _ in range(4):
            called.partial_fit(X, y)
        require_same(called, clone(model).fit(X, y), X)


@promise(CONTINUATION, "test_continuation")
def warm_starts_are_epochs(subject):
    """At a constant rate, warm starts of 2 and 3 epochs are a ``fit`` of 5, to the last
    bit."""
    for model, X, y in subject.tasks(**CONSTANT, batch_size=20):
        warm = clone(model).set_params(warm_start=True, max_iter=2).fit(X, y)
        require_same(warm.set_params(max_iter=3).fit(X, y), model.fit(X, y), X)


@promise(CONTINUATION, "test_continuation", "test_random_pairs")
def copies_continue(subject):
    """Training that goes on after pickling comes to the same bits."""
    for model, X, y in subject.tasks(**CONSTANT, batch_size=20):
        model = _first_call(model, X, y)
        restored = pickle.loads(pickle.dumps(model))
        require_same(restored.partial_fit(X, y), model.partial_fit(X, y), X)


@promise(CONTINUATION, "test_continuation")
def another_architecture_is_refused(subject):
    """``warm_start`` refuses to continue with another ``hidden_layer_sizes``."""
    for model, X, y in subject.tasks(warm_start=True):
        model.fit(X, y).set_params(hidden_layer_sizes=(5,))
        try:
            model.fit(X, y)
        except ValueError:
            continue
        raise Broken("the change is ignored")


# Failures

FAILURES = "Fits that fail"
DIVERGING = {"solver": "sgd", "learning_rate_init": 1e9, "momentum": 0.9}


class Refusing(io.StringIO):
    """A stream that fails at its second line, which is printed during a fit."""

    def __init__(self, error):
        super().__init__()
        self.error, self.n_lines = error, 0

    def write(self, text):
        self.n_lines += "\n" in text
        if self.n_lines == 2:
            raise self.error
        return len(text)


@promise(FAILURES, "test_bad_input", "test_random_fits")
def bad_data_leave_the_earlier_model(subject):
    """A fit of invalid data raises an error and leaves the earlier model as it was."""
    for model, X, y in subject.tasks():
        before = predictions(model.fit(X, y), X)
        infinite = np.where(np.arange(len(X)) == 5, np.inf, X[:, 0])[:, np.newaxis]
        for X_bad, y_bad in [
            (infinite, y),
            (X[:, :2], np.where(np.arange(len(y)) == 5, np.nan, y)),
            (X[:, :2], y[1:]),
            (X[:, :2], np.array(["a", 1.5] * 40, dtype=object)),
        ]:
            try:
                model.fit(X_bad, y_bad)
            except (TypeError, ValueError):
                require_as_before(model, X, before)
            else:
                raise Broken("there is no error")


@promise(FAILURES, "test_divergence")
def divergence_is_an_error(subject):
    """Training that diverges raises an error, also with early stopping."""
    for early_stopping in (False, True):
        for model, X, y in subject.tasks(**DIVERGING, early_stopping=early_stopping):
            try:
                model.fit(X, y)
            except ValueError:
                continue
            raise Broken("there may be no error")


@promise(FAILURES, "test_divergence")
def divergence_leaves_the_earlier_model(subject):
    """Training that diverges leaves the earlier model as it was."""
    for model, X, y in subject.tasks(early_stopping=False):
        before = predictions(model.fit(X, y), X)
        try:
            model.set_params(**DIVERGING).fit(X, y)
        except ValueError:
            require_as_before(model, X, before)


@promise(FAILURES, "test_callbacks")
def errors_in_the_middle_leave_the_earlier_model(subject):
    """An exception in the middle of a fit, such as of the stream that ``verbose``
    prints to, leaves the earlier model as it was."""
    for model, X, y in subject.tasks():
        before = predictions(model.fit(X, y), X)
        try:
            with redirect_stdout(Refusing(BrokenPipeError())):
                model.set_params(verbose=True).fit(-X, y)
        except BrokenPipeError:
            require_as_before(model, X, before)
        else:
            raise Broken("the exception does not come through")


@promise(FAILURES, "test_interruption")
def interrupts_come_through(subject):
    """Ctrl-C keeps the epochs that are complete, and raises ``KeyboardInterrupt``."""
    for model, X, y in subject.tasks(verbose=True):
        try:
            with redirect_stdout(Refusing(KeyboardInterrupt())):
                model.fit(X, y)
        except KeyboardInterrupt:
            finite = np.isfinite(predictions(model, X)).all()
            require(finite and model.n_iter_ >= 1, "nothing is kept")
        else:
            raise Broken("there is a warning, and fit returns")


# What is passed

DATA = "What is passed"


@promise(DATA, "test_inputs", "test_random_fits")
def data_are_not_changed(subject):
    """X, y and the weights are not changed, and may be read-only."""
    for model, X, y in subject.tasks():
        passed = [X, y, np.ones(len(X))]
        before = copy.deepcopy(passed)
        for array in passed:
            array.flags.writeable = False
        predictions(model.fit(*passed), X)
        require(all(map(np.array_equal, passed, before)), "they are changed")


@promise(DATA, "test_common")
def parameters_are_not_changed(subject):
    """A fit changes no parameter of the estimator."""
    for model, X, y in subject.tasks():
        before = repr(model.get_params())
        require(repr(model.fit(X, y).get_params()) == before, "some are changed")


@promise(DATA, "test_common", "test_random_fits")
def bad_parameters_are_refused_by_name(subject):
    """Invalid values of parameters are refused, and the error names the parameter."""
    for name in ("alpha", "batch_size", "hidden_layer_sizes", "max_iter", "tol"):
        for model, X, y in subject.tasks(**{name: -1}):
            try:
                model.fit(X, y)
            except ValueError as error:
                require(name in str(error), "the error does not name it")
            else:
                raise Broken("they are accepted")


@promise(DATA, "test_idle")
def idle_parameters_are_reported(subject):
    """A parameter that is set but has no effect, such as ``momentum`` with "adam", is
    reported by a warning."""
    for model, X, y in subject.tasks(momentum=0.5, solver="adam"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, y)
        told = any("momentum" in str(warning.message) for warning in caught)
        require(told, "it is ignored")


@promise(DATA, "test_common", "test_tables")
def other_columns_are_refused(subject):
    """Columns of other names, or in another order, are refused."""
    for model, X, y in subject.tasks():
        frame = pd.DataFrame(X, columns=list("abcd"))
        model.fit(frame, y)
        try:
            predictions(model, frame[list("bacd")])
        except ValueError:
            continue
        raise Broken("they are accepted")


@promise(DATA, "test_inputs", "test_random_pairs")
def sparse_is_dense(subject):
    """Sparse rows give the model of dense rows that are not scaled, up to rounding."""
    for model, X, y in subject.tasks(**subject.as_it_is):
        X = np.where(np.abs(X) > 0.7, X, 0.0)
        require_alike(clone(model).fit(csr_array(X), y), clone(model).fit(X, y), X)


@promise(DATA, "test_inputs", "test_random_pairs")
def containers_do_not_matter(subject):
    """Lists, data frames and arrays of any layout give the same model, up to
    rounding."""
    for model, X, y in subject.tasks():
        expected = clone(model).fit(X, y)
        for other in (X.tolist(), np.asfortranarray(X), X.astype(object)):
            require_alike(clone(model).fit(other, y), expected, X)
        frame = pd.DataFrame(X, columns=list("abcd"))
        fitted = clone(model).fit(frame, y)
        same = np.allclose(predictions(fitted, frame), predictions(expected, X))
        require(same, "the predictions differ")


@promise(DATA, "test_inputs")
def dtypes_of_x_do_not_matter(subject):
    """Without early stopping, the same numbers in float32 and in float64 give the same
    model, up to rounding in float32."""
    for model, X, y in subject.tasks(early_stopping=False):
        X = X.astype(np.float32)
        double = clone(model).fit(X.astype(np.float64), y)
        require_alike(clone(model).fit(X, y), double, X, rtol=1e-4)


@promise(DATA, "test_targets")
def units_of_y_do_not_matter(subject):
    """Without early stopping, a regressor predicts the same in other units of y."""
    X, _, y = data()
    model = subject.regressor(early_stopping=False)
    thousands = clone(model).fit(X, 1000 * y)
    require_alike(thousands, clone(model).fit(X, y), X, factor=1000, rtol=1e-3)


@promise(DATA, "test_scaling")
def units_of_x_do_not_matter(subject):
    """Without early stopping, the model predicts the same in other units of X."""
    for model, X, y in subject.tasks(early_stopping=False):
        units = np.array([1e3, 1.0, 1e-3, 1.0])
        before = predictions(clone(model).fit(X, y), X)
        after = predictions(clone(model).fit(X * units, y), X * units)
        same = np.allclose(after, before, rtol=0, atol=1e-3 * np.abs(before).max())
        require(same, "the predictions differ")


@promise(DATA, "test_random_fits", "test_losses")
def targets_outside_the_domain_are_refused(subject):
    """A Poisson loss refuses negative targets."""
    subject.needs("loss")
    X, _, y = data()
    try:
        subject.regressor(loss="poisson").fit(X, y)
    except ValueError:
        return
    raise Broken("they are accepted")


# Predictions

PREDICTIONS = "Predictions"


@promise(PREDICTIONS, "test_fitted_attributes", "test_random_fits")
def predicting_changes_nothing(subject):
    """Predictions change nothing in the estimator."""
    for model, X, y in subject.tasks():
        before = state(model.fit(X, y))
        model.predict(X)
        predictions(model, X[:1])
        model.score(X, y)
        require(state(model) == before, "something is changed")


@promise(PREDICTIONS, "test_threads")
def threads_predict_the_same(subject):
    """Predictions from several threads at once are the same, to the last bit."""
    for model, X, y in subject.tasks():
        before = predictions(model.fit(X, y), X)
        with ThreadPoolExecutor(4) as pool:
            others = [*pool.map(predictions, [model] * 20, [X] * 20)]
        same = all(np.array_equal(other, before) for other in others)
        require(same, "the predictions differ")


@promise(PREDICTIONS, "test_inputs")
def a_row_alone_is_a_row_among_many(subject):
    """A row is predicted alone as among others, up to rounding."""
    for model, X, y in subject.tasks():
        together = predictions(model.fit(X, y), X)
        alone = np.concatenate([predictions(model, row[np.newaxis]) for row in X])
        require(np.allclose(alone, together, rtol=1e-9), "the predictions differ")


@promise(PREDICTIONS, "test_inputs")
def predictions_have_the_dtype_of_x(subject):
    """Predictions have the dtype of X, float32 or float64, if it has room for them."""
    for model, X, y in subject.tasks():
        model.fit(X, y)
        for dtype in (np.float32, np.float64):
            predicted = predictions(model, X.astype(dtype))
            require(predicted.dtype == dtype, "they can have the dtype of training")


@promise(PREDICTIONS, "test_outputs", "test_bugs_of_mlp")
def log_probabilities_are_finite(subject):
    """``predict_log_proba`` is finite, however far the rows are from the data."""
    X, y, _ = data()
    model = subject.classifier().fit(X, y)
    with np.errstate(all="ignore"):
        finite = np.isfinite(model.predict_log_proba(1e5 * X)).all()
    require(finite, "it can be -inf")


@promise(PREDICTIONS, "test_random_fits")
def predictions_are_finite(subject):
    """Columns of any size, such as 1e200, give finite predictions, or an error."""
    for model, X, y in subject.tasks():
        X = X * [1.0, 1e200, 1e-200, 1.0]
        try:
            with np.errstate(all="ignore"):
                predicted = predictions(model.fit(X, y), X)
        except ValueError:
            continue
        require(np.isfinite(predicted).all(), "some are not finite")


# Copies and files

FILES = "Copies and files"


def _through_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


@promise(FILES, "test_persistence", "test_random_fits")
def copies_predict_the_same(subject):
    """Models predict the same after pickle, joblib and deep copies, to the last bit."""
    for model, X, y in subject.tasks():
        model.fit(X, y)
        with tempfile.TemporaryDirectory() as folder:
            copies = [
                pickle.loads(pickle.dumps(model)),
                copy.deepcopy(model),
                _through_joblib(model, Path(folder)),
            ]
        for other in copies:
            require_same(other, model, X)


@promise(FILES, "test_random_pairs")
def clones_fit_the_same(subject):
    """A clone of a fitted estimator fits the same model, to the last bit."""
    for model, X, y in subject.tasks():
        model.fit(X, y)
        require_same(clone(model).fit(X, y), model, X)


@promise(FILES, "test_files", "test_random_fits")
def files_without_pickle_predict_the_same(subject):
    """Models predict the same from a file of ``skfcnet.save``, to the last bit."""
    if not subject.has_files:
        raise DoesNotApply("the files are those of skfcnet")
    for model, X, y in subject.tasks():
        with tempfile.TemporaryDirectory() as folder:
            skfcnet.save(model.fit(X, y), Path(folder) / "model")
            require_same(skfcnet.load(Path(folder) / "model"), model, X)


@promise(FILES, "test_files")
def damaged_files_are_refused(subject):
    """A file of ``skfcnet.save`` that is cut off, or of which a bit has changed, is
    refused."""
    if not subject.has_files:
        raise DoesNotApply("the files are those of skfcnet")
    model, X, y = next(subject.tasks())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        skfcnet.save(model.fit(X, y), path)
        content = path.read_bytes()
        places = np.linspace(0, len(content) - 1, 20).astype(int)
        damaged = [content[:place] for place in places]
        for place in places:
            other = bytearray(content)
            other[place] ^= 1
            damaged.append(other)
        for other in damaged:
            path.write_bytes(other)
            try:
                skfcnet.load(path)
            except ModelFileError:
                continue
            raise Broken("it is loaded")


# The table


HEADER = (
    "topic",
    "promise",
    SKFCNET.name,
    f"{MLP.name} of scikit-learn {sklearn.__version__}",
    "further tests",
)


def line(own, *, ours="yes"):
    """Return a line of the table, in which scikit-learn's column is measured."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = own.kept_by(MLP)
    return [own.topic, own.text, ours, theirs, ", ".join(own.files)]


def main():
    warnings.simplefilter("ignore")
    lines = [line(own, ours=own.kept_by(SKFCNET)) for own in PROMISES]
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *lines])


if __name__ == "__main__":
    main()
