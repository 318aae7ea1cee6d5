"""Many tables: ours and variants of it against peers, all at their defaults.

On every table, all models are fitted to the same rows, and measured on others: the
share of wrong classes, or the root mean squared error in standard deviations of the
target; the log loss; and the seconds of a fit. _tables.py has the tables, the models
and the rows.

    SKFCNET_DATA=<folder> python benchmarks/many_tables.py --splits 3 \
        --variants "numeric_embedding=None" "_tabular.binning.MAX_COMPONENTS=512"

A variant of ours is written as the parameters and the constants of the package that
are not as in the default, after a name if it has one: ``"few bins: n_bins=4"``.
``--data`` names other tables than those of the folder
``tables``. Every fit adds a line to ``--table`` as soon as it is done, and what has a
line there is not fitted again, as in accuracy.py. A line says neither which code nor
how many ``--rows`` it is of: begin a new table when these change.

Printed are, for every table, the means over the splits, and then for every measure the
mean rank over the tables that all models have, in how many of these a model is better
than the ``--base``, and by how many per cent its measure is larger: the geometric mean
over the tables, with its standard error.
"""

from functools import partial

import numpy as np
from _common import parsed, print_header
from _tables import OUR_DEFAULT, PEERS, TABLES, is_fitted_to, measured
from accuracy import add_missing, read

MEASURES = "error", "log loss", "seconds"


def short(label):
    """Return the name of a model without what it means."""
    return label.split(": ")[0]


def means(table, measure):
    """Return the mean over the splits of every table (rows) and model (columns)."""
    return table.pivot_table(measure, "data", "model", sort=False)


def compared(table, measure, base):
    """Return how the models do over the tables that all of them have, and how many.

    Tables on which one makes no error at all do not count in the geometric means.
    """
    of_all = means(table, measure).dropna()
    positive = of_all[(of_all > 0).all(axis="columns")]
    percent = 100 * np.log(positive.div(positive[base], axis="index"))
    summary = of_all.rank(axis="columns").mean().rename("mean rank").to_frame()
    summary["better"] = of_all.lt(of_all[base], axis="index").sum()
    summary["per cent"] = 100 * np.expm1(percent.mean() / 100)
    summary["standard error"] = percent.sem()
    return len(of_all), summary.sort_values("mean rank")


def print_tables(table, base):
    """Print the means of every table, and what they come to."""
    measures = [measure for measure in MEASURES if table[measure].notna().any()]
    for measure in measures:
        print(f"\n{measure}\n{means(table, measure).round(4).to_string()}")
    for measure in measures:
        n_tables, summary = compared(table, measure, base)
        print(f"\n{measure}, {n_tables} tables, against {base}")
        print(summary.round(2).to_string())


def main():
    arguments = parsed(
        __doc__,
        data=(),
        models=[OUR_DEFAULT, *PEERS],
        variants=(),
        splits=3,
        rows=8_000,
        jobs=1,
        table="many_tables.csv",
        base=OUR_DEFAULT,
    )
    labels = arguments.models + arguments.variants
    names = arguments.data or [*TABLES]
    wanted = [
        (name, seed, label)
        for seed in range(arguments.splits)
        for name in names
        for label in labels
        if is_fitted_to(label, name)
    ]
    print_header("pandas")
    measure = partial(measured, n_rows=arguments.rows)
    add_missing(arguments.table, measure, wanted, arguments.jobs)
    table = read(arguments.table).query("data in @names and model in @labels")
    print_tables(table.assign(model=table["model"].map(short)), short(arguments.base))


if __name__ == "__main__":
    main()
