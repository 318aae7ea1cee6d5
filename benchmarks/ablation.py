"""Ablation: what every ingredient of the defaults is worth, on the same suite.

The default is fitted to the same splits as variants of it that differ in one parameter.
Printed is by how many per cent the error of a variant is larger: the mean over the
splits of the root mean squared error, or, for classes, of the log loss. Before them
stand their geometric mean over the data sets, and how many times as long a fit takes.

    SKFCNET_DATA=<folder> python benchmarks/ablation.py --splits 5 --jobs 2

The suite and the table of fits, ``--table``, are those of accuracy.py, and so are
``--jobs`` and ``--docs``. MNIST is left out: it takes minutes.
"""

from pathlib import Path

import numpy as np
from _common import parsed, print_header
from _suite import ABLATION, TABLES, measured
from accuracy import DEFAULT, add_missing, read, wanted_fits


def relative(table, measure):
    """Return a measure of the variants as multiples of the default's, by data set."""
    means = table.pivot_table(measure, "model", "data")
    return means.div(means.loc[DEFAULT])


def geometric_mean(ratios):
    """Return the geometric mean over the data sets, of every variant."""
    return np.exp(np.log(ratios).mean(axis="columns"))


def changes(table):
    """Return how many per cent worse every variant is, and how much slower."""
    errors, losses = relative(table, "error"), relative(table, "log loss")
    ratios = errors.copy()
    ratios[losses.columns] = losses
    names = [name for name in TABLES if name in ratios]
    ratios = ratios.reindex(index=[*ABLATION], columns=names).dropna(how="all")
    seconds = relative(table, "seconds").reindex(ratios.index)
    ratios.insert(0, "mean", geometric_mean(ratios))
    percent = (100 * (ratios - 1)).round(1) + 0.0  # no change has no sign
    percent.insert(1, "time", geometric_mean(seconds).round(1))
    return percent


def main():
    arguments = parsed(
        __doc__,
        data=dict.fromkeys(TABLES),
        splits=5,
        jobs=1,
        table="ablation.csv",
        docs="",
    )
    print_header("pandas")
    labels = [DEFAULT, *ABLATION]
    path, names = arguments.table, arguments.data
    wanted = wanted_fits(names, arguments.splits, labels)
    add_missing(path, measured, wanted, arguments.jobs)
    table = changes(read(path).query("data in @names and model in @labels"))
    print(table.to_string())
    if arguments.docs:
        table.to_csv(Path(arguments.docs) / "ablation.csv", index_label="changed")


if __name__ == "__main__":
    main()
