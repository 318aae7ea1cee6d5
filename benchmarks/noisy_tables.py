"""Noisy tables: the defaults and early stopping where most of a target is noise.

Regression has five columns, of which the first is the target but for noise of one and a
half times its deviation. Classification has six, and a quarter of the labels are wrong.
The defaults and early stopping by the loss are fitted to the same rows and measured on
10,000 new ones: the root mean squared error in standard deviations of the target, or
the log loss. Printed are means over the seeds, beside what the best possible model and
a constant reach.

    python benchmarks/noisy_tables.py --seeds 3

``--docs <folder>`` writes them as a table for the user guide.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from _common import parsed, print_header
from sklearn.metrics import log_loss, root_mean_squared_error

from skfcnet import FCNetClassifier, FCNetRegressor

ROWS = (300, 1_000, 3_000, 10_000, 30_000)
TEST_ROWS = 10_000
NOISE, WRONG = 1.5, 0.25

SETTINGS = {
    "defaults": {},
    "one network, not stopped early": {"early_stopping": False},
}
"""What is compared."""


def regression(n, seed):
    """Return columns and a target that is mostly noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    return X, X[:, 0] + NOISE * rng.normal(size=n)


def labels(n, seed):
    """Return columns and classes, some of them wrong."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    return X, (X[:, 0] + X[:, 1] * X[:, 2] > 0) ^ (rng.random(n) < WRONG)


def error_of(model, X, y):
    """Return the root mean squared error, in standard deviations of the target."""
    return root_mean_squared_error(y, model.predict(X)) / y.std()


def log_loss_of(model, X, y):
    """Return the log loss."""
    return log_loss(y, model.predict_proba(X))


KINDS = {
    "regression": (
        regression,
        FCNetRegressor,
        error_of,
        {"best possible": NOISE / np.hypot(1, NOISE), "a constant": 1.0},
    ),
    "labels": (
        labels,
        FCNetClassifier,
        log_loss_of,
        {
            "best possible": -WRONG * np.log(WRONG) - (1 - WRONG) * np.log(1 - WRONG),
            "a constant": np.log(2),
        },
    ),
}
"""The data, the estimator, the measure, and what it can be, of both kinds of tables."""


def measured(kind, n, seeds):
    """Return a row of the table: the mean of the measure for every setting."""
    draw, estimator, measure, limits = KINDS[kind]
    means = {}
    for name, parameters in SETTINGS.items():
        values = []
        for seed in range(seeds):
            X, y = draw(n + TEST_ROWS, seed)
            model = estimator(**parameters, random_state=seed).fit(X[:n], y[:n])
            values.append(measure(model, X[n:], y[n:]))
        means[name] = np.mean(values)
    return {"table": kind, "rows": n, **means, **limits}


def main():
    arguments = parsed(__doc__, seeds=3, docs="")
    print_header("pandas")
    table = pd.DataFrame(
        [measured(kind, n, arguments.seeds) for kind in KINDS for n in ROWS]
    )
    table = table.round(3)
    print(table.to_string(index=False))
    if arguments.docs:
        table.to_csv(Path(arguments.docs) / "noisy.csv", index=False)


if __name__ == "__main__":
    main()
