"""How long one row takes in onnxruntime and in the estimator itself.

    python benchmarks/onnx_latency.py

Each row of the table is a fitted estimator: the median time of a prediction of one row,
by ``predict_proba`` or ``predict`` and by onnxruntime, and the largest difference of
the predictions of all rows. It needs the extra ``onnx`` and onnxruntime.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import warnings
from functools import partial
from statistics import median
from time import perf_counter

import numpy as np
import onnxruntime
import pandas as pd
from skl2onnx import to_onnx
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet.onnx import initial_types, inputs_of

ROWS, COLUMNS = 2000, 20
REPETITIONS = 500
SINGLE = {"n_members": 1, "early_stopping": False}


def tables():
    """Return a table of numbers, one that also has categories, and a target."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(COLUMNS)])
    frame["colour"] = rng.choice(["red", "green", "blue"], ROWS)
    frame["town"] = rng.choice([f"town {k}" for k in range(200)], ROWS)
    return X, frame, X[:, 0] + np.sin(3 * X[:, 1])


def models():
    """Yield what is measured: a name, a fitted model, its rows and its predictions."""
    X, frame, y = tables()
    classes = (y > 0).astype(int)
    params = {"max_iter": 5, "random_state": 0}
    for name, model, rows, target in (
        ("one network", FCNetClassifier(**params, **SINGLE), X, classes),
        ("five members", FCNetClassifier(**params), X, classes),
        ("regression", FCNetRegressor(**params, **SINGLE), X, y),
        (
            "in a pipeline",
            make_pipeline(StandardScaler(), FCNetClassifier(**params, **SINGLE)),
            X,
            classes,
        ),
        ("with categories", FCNetClassifier(**params, **SINGLE), frame, classes),
    ):
        model.fit(rows, target)
        yield name, model, rows, getattr(model, "predict_proba", model.predict)


def median_time(call):
    """Return the median time of a call, in microseconds."""
    times = []
    for _ in range(REPETITIONS):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return 1e6 * median(times)


def session_of(model, rows):
    """Return the model in onnxruntime, with one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    zipmap = {"zipmap": False} if hasattr(model, "predict_proba") else None
    converted = to_onnx(
        model,
        initial_types=initial_types(rows),
        options=zipmap and {id(model): zipmap},
    )
    return onnxruntime.InferenceSession(
        converted.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def main():
    heads = "estimator", "onnxruntime", "ratio", "difference"
    print("{:17} {:>11} {:>12} {:>6} {:>11}".format("", *heads))
    for name, model, rows, predict in models():
        session = session_of(model, rows)
        one_row, inputs = rows[:1], inputs_of(rows[:1])
        own = median_time(partial(predict, one_row))
        other = median_time(partial(session.run, None, inputs))
        expected, got = predict(rows), session.run(None, inputs_of(rows))[-1]
        difference = np.abs(got.reshape(expected.shape) - expected).max()
        print(
            f"{name:17} {own:8.0f} µs {other:9.0f} µs {own / other:6.1f} "
            f"{difference:11.1e}"
        )


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
