"""How well `feature_importances_` agrees with permutation importances.

The default estimator is fitted to some rows of every table, and permutation importances
are measured on the others, by R2 or by the log loss. Printed are the rank correlation
with ``feature_importances_`` and, as what is common practice for scikit-learn's
multilayer perceptron, that of the sizes of its first weights with its own permutation
importances; the weights of all columns that are encoded from one column are added. At
the end are the means over the tables.

    SKFCNET_DATA=<folder> OMP_NUM_THREADS=1 python benchmarks/importances.py

``--rows`` bounds the rows of a table, and ``--data`` names other tables.
"""

import numpy as np
import pandas as pd
from _common import parsed, print_header
from _peers import built
from _suite import OURS, randomly_split
from _tables import COMPARED, DATA, drawn, ours
from scipy.stats import spearmanr
from sklearn.inspection import permutation_importance

MOST_COLUMNS = 100
"""Tables with more columns are left out, since all of them are permuted."""


def permutation_importances(model, X, y, *, has_classes):
    """Return by how much a score falls when a column is shuffled."""
    scoring = "neg_log_loss" if has_classes else "r2"
    found = permutation_importance(
        model, X, y, scoring=scoring, n_repeats=3, random_state=0
    )
    return found.importances_mean


def sizes_of_weights(pipeline, n_columns):
    """Return the sizes of the first weights of a perceptron, for every column of X."""
    *front, mlp = (step for _, step in pipeline.steps)
    of_encoded = np.abs(mlp.coefs_[0]).sum(axis=1)
    names = front[-1].get_feature_names_out()
    columns = [int(name.split("__")[1].split("_")[0]) for name in names]
    return np.bincount(columns, of_encoded, minlength=n_columns)


def correlation(importances, measured):
    """Return the rank correlation, or 0 if one of the two is constant."""
    found = spearmanr(importances, measured).statistic
    return 0.0 if np.isnan(found) else found


def agreement(name, n_rows):
    """Return the two rank correlations on a table."""
    has_classes = DATA[name].has_classes
    parts = randomly_split(*drawn(name, n_rows), has_classes, 0)
    X_train, X_test, y_train, y_test = parts
    model = ours(name, OURS[has_classes], 0, {}).fit(X_train, y_train)
    mlp = built("scaled MLP", X_train, [], has_classes=has_classes, seed=0)
    mlp.fit(X_train, y_train)
    measured = [
        permutation_importances(m, X_test, y_test, has_classes=has_classes)
        for m in (model, mlp)
    ]
    sizes = sizes_of_weights(mlp, X_train.shape[1])
    return {
        "skfcnet": correlation(model.feature_importances_, measured[0]),
        "MLP": correlation(sizes, measured[1]),
    }


def main():
    arguments = parsed(__doc__, data=(), rows=3_500)
    print_header("pandas")
    found = {}
    for name in arguments.data or COMPARED:
        if drawn(name, arguments.rows)[0].shape[1] <= MOST_COLUMNS:
            found[name] = agreement(name, arguments.rows)
            print(name, *(f"{k} {v:.2f}" for k, v in found[name].items()), flush=True)
    table = pd.DataFrame(found).T
    print(f"\n{len(table)} tables, means\n{table.mean().round(2).to_string()}")


if __name__ == "__main__":
    main()
