"""What one commit of the package predicts; same_mathematics.py runs it for two of them.

    PYTHONPATH=<commit> python benchmarks/_of_one_commit.py <kind> <file> <data> ...

The results are written to a file of arrays, one for each data set. To be sure that the
right code is asked, a line says where it was imported from.
"""

import sys
import warnings
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from _peers import MAX_LEVELS
from _suite import MEASURES, OURS, randomly_split
from _tables import DATA, drawn

import skfcnet

STEPS, BATCH_SIZE = 50, 128
"""How many minibatches are trained on, and their size."""

FEW_ROWS, SEEDS = 3_000, 3
"""Of whole fits: how many rows a data set has at most, and how many seeds."""


def without_many_levels(X):
    """Return a table without the columns of more categories than were allowed once."""
    if not isinstance(X, pd.DataFrame):
        return X
    words = X.select_dtypes("category")
    return X.drop(columns=words.columns[words.nunique() > MAX_LEVELS])


def parts(name, n_rows):
    """Return rows to train on and to predict for, and their targets."""
    X, y = drawn(name, n_rows)
    return randomly_split(without_many_levels(X), y, DATA[name].has_classes, 0)


def given_order(X, y, weight):
    """Return the order of the rows as it is, in place of one by their content."""
    return np.arange(len(weight)), np.ones(len(weight), bool)


def predictions(name, dtype):
    """Return what the default estimator predicts after exactly `STEPS` minibatches."""
    X_train, X_test, y_train, _ = parts(name, 2 * STEPS * BATCH_SIZE)
    whole = len(y_train) // BATCH_SIZE
    per_epoch = max(n for n in range(1, STEPS + 1) if n <= whole and STEPS % n == 0)
    rows = slice(per_epoch * BATCH_SIZE)
    has_classes = DATA[name].has_classes
    model = OURS[has_classes](
        batch_size=BATCH_SIZE,
        max_iter=STEPS // per_epoch,
        dtype=dtype,
        random_state=0,
    )
    with patch("skfcnet._engine.batches.order_by_content", given_order):
        model.fit(X_train[rows], y_train[rows])
    return model.predict_proba(X_test) if has_classes else model.predict(X_test)


def errors(name):
    """Return the errors of the default estimator for some seeds."""
    X_train, X_test, y_train, y_test = parts(name, FEW_ROWS)
    has_classes = DATA[name].has_classes
    models = [OURS[has_classes](random_state=seed) for seed in range(SEEDS)]
    return [
        MEASURES[has_classes](model.fit(X_train, y_train), X_test, y_test)["error"]
        for model in models
    ]


KINDS = {
    "float32": partial(predictions, dtype="float32"),
    "float64": partial(predictions, dtype="float64"),
    "errors": errors,
}
"""What is asked of a commit."""


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    kind, path, *names = sys.argv[1:]
    print(f"{kind} of {Path(skfcnet.__file__).parent}", file=sys.stderr)
    np.savez(path, **{name: KINDS[kind](name) for name in names})
