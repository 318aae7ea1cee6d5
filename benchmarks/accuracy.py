"""Accuracy: defaults against defaults, and one accurate setting, on the same splits.

On every data set, all models are fitted to the same random 80 % of the rows and
measured on the others: the root mean squared error in standard deviations of the target
for regression, the share of wrong classes, the log loss and the area under the ROC
curve for classification, and the seconds of a fit. A split has a seed, which is also
that of the models. Printed are means over the splits, and for each peer how often
skfcnet's mean error is lower.

    SKFCNET_DATA=<folder> python benchmarks/accuracy.py --splits 3 --table accuracy.csv

The folder holds ``MNIST/raw``, ``scikit_learn_data`` and ``tabular``, in which are
airfoil.npz, concrete.npz, kin40k.npz and phoneme.npz with arrays X and y, and
adult.csv.gz. Data sets can be chosen by name.
"""

import os
import warnings
from functools import partial
from math import ceil
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from _common import parsed, print_header
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_wine,
)
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet.datasets import fetch_california_housing, fetch_mnist

# MLP does not converge everywhere in its default number of epochs.
warnings.simplefilter("ignore")


def tabular(name):
    """Return the rows and targets of a file of arrays."""
    arrays = np.load(Path(os.environ["SKFCNET_DATA"]) / "tabular" / f"{name}.npz")
    return arrays["X"], arrays["y"]


def joined(fetch):
    """Return the rows and targets of data that come in parts, put together."""
    data = fetch(normalize=False)
    parts = ("train", "val", "test")
    return tuple(np.concatenate([data[f"{a}_{part}"] for part in parts]) for a in "Xy")


def adult():
    """Return the table of incomes: columns of numbers and of words, with gaps."""
    path = Path(os.environ["SKFCNET_DATA"]) / "tabular" / "adult.csv.gz"
    table = pd.read_csv(path)
    X, y = table.iloc[:, :-1], table.iloc[:, -1].to_numpy()
    words = X.select_dtypes(exclude="number").columns
    return X.astype(dict.fromkeys(words, "category")), y


REGRESSION = {
    "california": partial(joined, fetch_california_housing),
    "airfoil": partial(tabular, "airfoil"),
    "concrete": partial(tabular, "concrete"),
    "kin40k": partial(tabular, "kin40k"),
    "diabetes": partial(load_diabetes, return_X_y=True),
}
CLASSIFICATION = {
    "adult": adult,
    "phoneme": partial(tabular, "phoneme"),
    "digits": partial(load_digits, return_X_y=True),
    "breast cancer": partial(load_breast_cancer, return_X_y=True),
    "wine": partial(load_wine, return_X_y=True),
    "mnist": partial(joined, fetch_mnist),
}
DATA = REGRESSION | CLASSIFICATION


ACCURATE = {
    "input_scaling": "robust",
    "numeric_embedding": "ple_tree",
    "n_members": 4,
    "solver": "adamw",
    "weight_decay": 0.02,
    "alpha": 0.0,
    "beta_2": 0.95,
    "learning_rate": "coslog4",
    "learning_rate_init": 0.003,
    "dropout": 0.1,
    "batch_size": 128,
    "early_stopping": True,
    "n_iter_no_change": np.inf,
    "scoring": "loss",
}
"""What the user guide recommends where accuracy matters more than seconds."""

MOST_STEPS, MOST_EPOCHS = 8_000, 256
"""Minibatches that it is trained for, and times that it sees small data."""


def accurate(model, n_rows):
    """Return a model with these parameters."""
    epochs = ceil(MOST_STEPS * ACCURATE["batch_size"] / n_rows)
    return model.set_params(**ACCURATE, max_iter=min(epochs, MOST_EPOCHS))


def mixed(model):
    """Return a model behind scaled numbers and indicators of words."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_pipeline(
        make_column_transformer(
            (numbers, make_column_selector(dtype_include="number")),
            (words, make_column_selector(dtype_exclude="number")),
        ),
        model,
    )


def models(name, seed, n_rows):
    """Return what is compared on a data set, by name."""
    of_kind = (
        (FCNetRegressor, MLPRegressor, HistGradientBoostingRegressor)
        if name in REGRESSION
        else (FCNetClassifier, MLPClassifier, HistGradientBoostingClassifier)
    )
    ours, mlp, boosting = (kind(random_state=seed) for kind in of_kind)
    compared = {
        "skfcnet": ours,
        "skfcnet, accurate": accurate(clone(ours), n_rows),
        "boosting": boosting,
    }
    if name == "adult":  # scikit-learn's networks know neither words nor gaps
        for model in compared.values():
            model.set_params(categorical_features="from_dtype")
        return compared | {"scaled MLP": mixed(mlp)}
    return compared | {"scaled MLP": make_pipeline(StandardScaler(), mlp), "MLP": mlp}


def measures(name, model, X, y):
    """Return how far a fitted model is off on rows that it has not seen."""
    if name in REGRESSION:
        return {"error": root_mean_squared_error(y, model.predict(X)) / y.std()}
    p = model.predict_proba(X)
    several = {"multi_class": "ovr"} if p.shape[1] > 2 else {}
    return {
        "error": np.mean(model.predict(X) != y),
        "log loss": log_loss(y, p),
        "AUC": roc_auc_score(y, p if several else p[:, 1], **several),
    }


def compared(name, splits):
    """Yield a row of the table for every split and model."""
    X, y = DATA[name]()
    for seed in range(splits):
        stratify = y if name in CLASSIFICATION else None
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=0.2, random_state=seed, stratify=stratify
        )
        for label, model in models(name, seed, len(y_train)).items():
            start = perf_counter()
            model.fit(X_train, y_train)
            seconds = perf_counter() - start
            row = {"data": name, "split": seed, "model": label, "seconds": seconds}
            yield row | measures(name, model, X_test, y_test)


def main():
    arguments = parsed(__doc__, data=DATA, splits=3, table="accuracy.csv")
    print_header("pandas")
    rows = []
    for name in arguments.data:
        rows += compared(name, arguments.splits)
        of_set = pd.DataFrame(rows).query("data == @name")
        means = of_set.groupby("model", sort=False).mean(numeric_only=True)
        print(f"\n{name}\n{means.drop(columns='split').to_string()}", flush=True)
    table = pd.DataFrame(rows)
    table.to_csv(arguments.table, index=False, float_format="%.5f")
    errors = table.pivot_table("error", "data", "model")
    for ours in ("skfcnet", "skfcnet, accurate"):
        better = errors.gt(errors[ours], axis=0).sum() / errors.notna().sum()
        print(f"\nshare of the data where {ours} is better\n{better.to_string()}")


if __name__ == "__main__":
    main()
