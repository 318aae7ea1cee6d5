"""What a random search over SEARCH_SPACE gains over the defaults.

On every table, the parameters of twenty fits are drawn from `presets.SEARCH_SPACE`, and
the fit with the best out-of-fold score is kept: the rows that a member was not trained
on take the place of cross-validation. It and a fit with the defaults are measured on
rows that neither has seen. The tables, rows and splits are those of many_tables.py.

    SKFCNET_DATA=<folder> OMP_NUM_THREADS=1 python benchmarks/search_space.py

Printed are, for every table, both errors and their ratio, and the seconds of the search
on one core; and the geometric mean of the ratios. Tables are named by ``--data``.
"""

from time import process_time

import numpy as np
from _common import parsed, print_header
from _suite import OURS, randomly_split
from _tables import DATA, drawn, ours
from sklearn.model_selection import RandomizedSearchCV

from skfcnet.presets import SEARCH_SPACE

N_TRIALS = 20

TABLES = [
    *("concrete", "airfoil", "insurance", "sacramento", "communities"),
    *("contraceptive", "credit_data", "phoneme", "spambase", "splice"),
]


def out_of_fold_score(model, X, y):
    """Return the score of a fitted model on the rows of fit, out of fold."""
    return model.oob_score_


def error(model, X, y, *, has_classes):
    """Return the share of wrong classes, or the root mean squared error."""
    predicted = model.predict(X)
    return (
        np.mean(predicted != y)
        if has_classes
        else np.sqrt(np.mean((predicted - y) ** 2))
    )


def compared(name, n_rows):
    """Return the error with the defaults, that after a search, and its seconds."""
    has_classes = DATA[name].has_classes
    X, X_test, y, y_test = randomly_split(*drawn(name, n_rows), has_classes, 0)
    default = ours(name, OURS[has_classes], 0, {})
    rows = np.arange(len(y))
    search = RandomizedSearchCV(
        default,
        SEARCH_SPACE,
        n_iter=N_TRIALS,
        scoring=out_of_fold_score,
        cv=[(rows, rows)],
        refit=True,
        random_state=0,
        error_score="raise",
    )
    start = process_time()
    search.fit(X, y)
    seconds = process_time() - start
    models = default.fit(X, y), search.best_estimator_
    errors = [error(model, X_test, y_test, has_classes=has_classes) for model in models]
    return *errors, seconds


def main():
    arguments = parsed(__doc__, data=TABLES, rows=8000)
    print_header()
    ratios = []
    for name in arguments.data:
        default, found, seconds = compared(name, arguments.rows)
        ratios.append(found / default)
        print(f"{name:16s} {default:.4f} {found:.4f} {ratios[-1]:.3f} {seconds:6.1f} s")
    print(f"geometric mean of the ratios: {np.exp(np.mean(np.log(ratios))):.3f}")


if __name__ == "__main__":
    main()
