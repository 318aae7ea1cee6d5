"""Accuracy: defaults against defaults, and accurate settings, on the same splits.

On every data set, all models are fitted to the same rows, a random 80 % (of MNIST, the
official training rows), and measured on the others: the root mean squared error in
standard deviations of the target for regression; the share of wrong classes, the log
loss, the area under the ROC curve and the expected calibration error for
classification; and the seconds of a fit. _suite.py has the data sets and the models.

    SKFCNET_DATA=<folder> python benchmarks/accuracy.py --splits 10 --jobs 2

Every fit adds a line to ``--table`` as soon as it is done, and what has a line there is
not fitted again: a run can be stopped and goes on where it was, and a model is fitted
again once its lines are deleted. A line does not say which code it is of: begin a new
table when that changes.

Printed are means over the splits, differences to a peer on the same splits with their
standard errors, and for everything that is claimed of the accuracy whether it holds: of
all that is in the table, whichever run it comes from. ``--splits 0`` only prints.
``--docs <folder>`` writes the means of the chosen data and models as tables for the
user guide.

With ``--jobs 2``, two fits run at a time, each with one thread, and seconds are those
of one core, beside another that is busy. Without, they are those of all cores, unless
OMP_NUM_THREADS says otherwise; the column of threads tells. Compare seconds of one kind
only, on an otherwise idle machine. Boosting takes minutes on MNIST: ``--models`` leaves
models out, ``--data`` data sets.

The folder of SKFCNET_DATA holds ``MNIST/raw``, ``scikit_learn_data`` and ``tabular``,
in which are airfoil.npz, concrete.npz, kin40k.npz and phoneme.npz with arrays X and y,
and adult.csv.gz.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from _common import parsed, print_header
from _suite import (
    COLUMNS,
    DATA,
    MODELS,
    RANDOM_SPLITS,
    SUITE,
    WITH_CLASSES,
    measured,
    models,
    seeds,
)
from joblib import Parallel, delayed, parallel_config

DEFAULT, ACCURATE, DIGITS = "skfcnet", "skfcnet, accurate", "skfcnet, digits"
BEHIND, PEER, TREES = "skfcnet, ColumnTransformer", "scaled MLP", "boosting"

COMPARISONS = [
    ("error", DEFAULT, PEER),
    ("log loss", DEFAULT, PEER),
    ("error", ACCURATE, PEER),
    ("error", BEHIND, PEER),
    ("error", DEFAULT, TREES),
    ("error", ACCURATE, TREES),
]
"""Measures, models and peers of which the differences are printed."""

SHARES = [
    ("error", DEFAULT, PEER, SUITE, 0.8),
    ("log loss", DEFAULT, PEER, WITH_CLASSES, 0.8),
    ("error", DEFAULT, TREES, SUITE, 0.6),
    ("error", ACCURATE, TREES, SUITE, 0.75),
]
"""Measures, models, peers, and on which share of which data the model is better."""

LIMITS = [
    ("california 15640", "RMSE", 0.46, [DEFAULT]),
    ("california 15640", "RMSE", 0.44, [ACCURATE]),
    ("adult", "error", 0.135, [DEFAULT, ACCURATE]),
    ("airfoil", "error", 0.17, [DEFAULT, ACCURATE]),
    ("concrete", "error", 0.31, [DEFAULT, ACCURATE]),
    ("kin40k", "error", 0.13, [DEFAULT, ACCURATE]),
    ("phoneme", "error", 0.118, [DEFAULT, ACCURATE]),
    ("mnist", "error", 0.0115, [DIGITS]),
    ("mnist", "seconds", 300, [DIGITS]),
    ("mnist", "error", 0.018, [DEFAULT]),
    ("mnist", "seconds", 60, [DEFAULT]),
]
"""Data, measures, and what they are at most for one of the models.

Of the seconds it is the longest fit that counts, and otherwise the mean."""

CALIBRATED = ["adult", "mnist"]
"""Where the default is calibrated no worse than the peer."""

STANDARD_ERRORS, MARGIN = 2, 0.02
"""How much larger an error is to be worse: by more than both, the second relative."""

TIMES_SECONDS, SECONDS = 2, 15
"""How long a default fit may take: times that of the peer, or so many seconds."""


class Verdict(NamedTuple):
    """Whether a claim holds, or None where too little was measured, and by what."""

    claim: str
    holds: bool | None
    figures: str

    def __str__(self):
        answer = {True: "holds", False: "does not hold", None: "open"}[self.holds]
        return f"{answer:14}{self.claim}: {self.figures or 'not measured'}"


def read(path, columns=COLUMNS):
    """Return the table of what was measured so far."""
    if not Path(path).exists():
        pd.DataFrame(columns=columns).to_csv(path, index=False)
    table = pd.read_csv(path)
    if [*table] != columns:
        raise SystemExit(f"{path} has other columns: begin a new table.")
    return table.drop_duplicates(["data", "split", "model"], keep="last")


def run(measured, fits, jobs):
    """Yield a row of the table for every fit, as soon as it is done."""
    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
        parallel = Parallel(return_as="generator_unordered", batch_size=1)
        yield from parallel(delayed(measured)(*fit) for fit in fits)


def wanted_fits(data, splits, labels):
    """Return data, splits and models to fit."""
    return [
        (name, seed, label)
        for name in data
        for seed in seeds(name, splits)
        for label in models(name)
        if label in labels
    ]


def add_missing(path, measured, wanted, jobs, columns=COLUMNS):
    """Fit what the table has no line of; add the lines.

    ``measured`` returns a row of the table for data, a split and a model.
    """
    table = read(path, columns)
    done = set(zip(table["data"], table["split"], table["model"], strict=True))
    fits = [fit for fit in wanted if fit not in done]
    print(f"{len(wanted) - len(fits)} of {len(wanted)} fits are in {path} already")
    for row in run(measured, fits, jobs):
        line = pd.DataFrame([row], columns=columns)
        line.to_csv(path, mode="a", header=False, index=False, float_format="%.10g")
        figures = f"{row['error']:.4f} in {row['seconds']:.1f} s"
        print(f"{row['data']}, {row['split']}, {row['model']}: {figures}", flush=True)


def paired(table, measure, model, peer, names=tuple(DATA)):
    """Return how much larger a measure of a model is than that of a peer.

    The columns are the means of both and of the difference over the splits that both
    have, its standard error, and whether there are as many splits as there should be.
    """
    splits = table.pivot_table(measure, ["data", "split"], "model")
    splits = splits.reindex(columns=[model, peer]).dropna()
    by_set = splits.assign(difference=splits[model] - splits[peer]).groupby("data")
    pairs = by_set.mean().round(8).reindex(names) + 0.0  # a tie has no sign
    pairs["standard error"] = by_set["difference"].sem()
    sizes = by_set.size().reindex(names, fill_value=0)
    pairs["enough"] = sizes >= [len(seeds(name)) for name in names]
    return pairs


def listed(names, most=4):
    """Return names in a sentence, the first ones if they are many."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def described(figures, what, names):
    """Return figures in a sentence, with what there is to say of some data."""
    return "; ".join([*figures, f"{what} {listed(names)}"] if len(names) else figures)


def better_share(table, measure, model, peer, names, share):
    """Judge on which share of the data a model is better than a peer."""
    pairs = paired(table, measure, model, peer, names)
    is_better, is_sure = pairs["difference"] < 0, pairs["enough"]
    needed, sure = share * len(names), (is_better & is_sure).sum()
    possible = sure + (~is_sure).sum()
    holds = True if sure >= needed else False if possible < needed else None
    others = pairs.index[~is_better & pairs["difference"].notna()]
    figures = f"{is_better.sum()} of {len(names)}"
    if len(others):
        figures += f", not on {', '.join(others)}"
    return Verdict(
        f"{measure} of {model} below {peer}'s on {share:.0%}",
        holds,
        described([figures], "too few splits of", pairs.index[~is_sure]),
    )


def nowhere_worse(table):
    """Judge whether the default is about as good as the peer, at least, everywhere."""
    pairs = paired(table, "error", DEFAULT, PEER, SUITE)
    chance, is_sure = STANDARD_ERRORS * pairs["standard error"], pairs["enough"]
    is_worse = (pairs["difference"] > chance) & (
        pairs["difference"] > MARGIN * pairs[PEER]
    )
    if (is_worse & is_sure).any():
        holds = False
    else:
        holds = True if is_sure.all() else None
    figures = [
        f"{name} by {of['difference']:.4f} ± {of['standard error']:.4f}, "
        f"{of['difference'] / of[PEER]:.1%}"
        for name, of in pairs[is_worse].iterrows()
    ]
    return Verdict(
        f"error of {DEFAULT} nowhere above {PEER}'s by {STANDARD_ERRORS} standard "
        f"errors and {MARGIN:.0%}",
        holds,
        described(figures or ["nowhere"], "too few splits of", pairs.index[~is_sure]),
    )


def short_fits(table):
    """Judge whether default fits take no longer than they may, in the mean."""
    pairs = paired(table, "seconds", DEFAULT, PEER, SUITE)
    parts = pairs[DEFAULT] / np.maximum(TIMES_SECONDS * pairs[PEER], SECONDS)
    is_long, is_missing = parts > 1, parts.isna()
    if is_long.any():
        holds = False
    else:
        holds = None if is_missing.any() else True
    shown = pairs.index[is_long] if is_long.any() else parts.dropna().nlargest(1).index
    figures = [
        f"{name} {of[DEFAULT]:.1f} s against {of[PEER]:.1f} s"
        for name, of in pairs.loc[shown].iterrows()
    ]
    return Verdict(
        f"seconds of {DEFAULT} at most {TIMES_SECONDS} times {PEER}'s or {SECONDS} s",
        holds,
        described(figures, "no fits of", parts.index[is_missing]),
    )


def at_most(table, name, measure, limit, labels):
    """Judge whether a measure is small enough for one of the models."""
    of_set = table.query("data == @name and model in @labels").groupby("model")
    reached = of_set[measure].agg("max" if measure == "seconds" else "mean")
    counts = of_set.size().reindex(labels, fill_value=0)
    is_enough = counts >= len(seeds(name))
    if ((reached <= limit) & is_enough).any():
        holds = True
    else:
        holds = False if is_enough.all() else None
    digits = ".1f" if measure == "seconds" else ".4f"
    figures = "; ".join(
        f"{label} {number:{digits}} ({counts[label]} splits), "
        f"{'reached' if number <= limit else 'missed'}"
        for label, number in reached.items()
    )
    if measure == "seconds":
        figures += "".join(f", threads {n:g}" for n in of_set["threads"].max())
    claim = f"{measure} on {name} at most {limit:g} by {' or '.join(labels)}"
    return Verdict(claim, holds, figures)


def calibrated(table, name):
    """Judge whether probabilities are no worse than the peer's, but for chance.

    The default's calibration error on the first split is compared with the upper limit
    of the bootstrap interval of the peer's.
    """
    of_set = table.query("data == @name and split == 0").set_index("model")
    pair = of_set.reindex([DEFAULT, PEER])[["ECE", "ECE low", "ECE high"]].dropna()
    is_known = len(pair) == 2
    return Verdict(
        f"ECE of {DEFAULT} on {name} at most {PEER}'s, within its interval",
        bool(pair["ECE"][DEFAULT] <= pair["ECE high"][PEER]) if is_known else None,
        " against ".join(
            f"{error:.4f} [{low:.4f}, {high:.4f}]"
            for error, low, high in pair.itertuples(index=False)
        ),
    )


def verdicts(table):
    """Return what holds of all that is claimed."""
    return [
        *(better_share(table, *share) for share in SHARES),
        nowhere_worse(table),
        short_fits(table),
        *(at_most(table, *limit) for limit in LIMITS),
        *(calibrated(table, name) for name in CALIBRATED),
    ]


def print_tables(table):
    """Print the means of all measures, and differences on the same splits."""
    order = {name: i for i, name in enumerate([*DATA, *MODELS])}
    table = table.sort_values(["data", "model"], key=lambda names: names.map(order))
    for name, of_set in table.groupby("data", sort=False):
        by_model = of_set.groupby("model", sort=False)
        shown = by_model.mean(numeric_only=True).drop(columns="split")
        shown = shown.dropna(axis="columns", how="all").assign(splits=by_model.size())
        print(f"\n{name}\n{shown.round(4).to_string()}")
    for measure, model, peer in COMPARISONS:
        pairs = paired(table, measure, model, peer).dropna(subset="difference")
        if len(pairs):
            pairs.insert(3, "per cent", 100 * pairs["difference"] / pairs[peer])
            print(f"\n{measure}, {model} less {peer}\n{pairs.round(4).to_string()}")


def error_text(name, error):
    """Return an error in per cent, or in standard deviations."""
    return f"{100 * error:.2f}" if DATA[name].has_classes else f"{error:.3f}"


def loss_text(name, loss):
    """Return a log loss."""
    return f"{loss:.3f}"


DOCS = {"accuracy": ("error", error_text), "log_loss": ("log loss", loss_text)}
"""Files of the user guide: the measure in them, and how it is written."""


def write_docs(table, folder):
    """Write tables of means, a row for every data set, models side by side."""
    for file, (measure, text) in DOCS.items():
        means = table.pivot_table(measure, "data", "model")
        means = means.reindex(index=[*DATA], columns=[*MODELS])
        means = means.dropna(how="all").dropna(axis="columns", how="all")
        texts = means.apply(
            lambda of_set, text=text: of_set.map(
                partial(text, of_set.name), na_action="ignore"
            ),
            axis="columns",
        )
        texts.to_csv(Path(folder) / f"{file}.csv", index_label="data")


def main():
    arguments = parsed(
        __doc__,
        data=DATA,
        models=MODELS,
        splits=RANDOM_SPLITS,
        jobs=1,
        table="accuracy.csv",
        docs="",
    )
    path, names, labels = arguments.table, arguments.data, arguments.models
    print_header("pandas")
    wanted = wanted_fits(names, arguments.splits, labels)
    add_missing(path, measured, wanted, arguments.jobs)
    table = read(path)
    print_tables(table)
    print("\nverdicts", *verdicts(table), sep="\n")
    if arguments.docs:
        write_docs(table.query("data in @names and model in @labels"), arguments.docs)


if __name__ == "__main__":
    main()
