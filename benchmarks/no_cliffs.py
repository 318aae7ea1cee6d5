"""Whether error and time jump at any number of rows, columns or categories.

The default estimator is fitted to tables of which one number grows, and measured on
other rows: a known function of five columns among more and more columns of noise, or
among noisy copies of the five; more and more columns of real tables; more and more
rows; more and more categories of a column. The constants of the package that depend on
such a number are marked, and every sweep has values on both sides of each of them.

    SKFCNET_DATA=<folder> python benchmarks/no_cliffs.py --splits 3

Every fit adds a line to ``--table`` as soon as it is done, and what has a line there is
not fitted again, as in accuracy.py. ``--models`` adds peers and variants of
many_tables.py. The means over the splits are printed, with by how many per cent each is
larger than one expects from the values before and after it, and drawn to ``--picture``,
which needs matplotlib. ``--splits 0`` only prints and draws.
"""

from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from _common import parsed, print_header
from _suite import randomly_split
from _tables import DATA, OUR_DEFAULT, drawn, measured_on
from accuracy import add_missing, read
from many_tables import short
from matplotlib.figure import Figure
from sklearn.datasets import make_friedman1

from skfcnet import FCNetRegressor
from skfcnet._engine.prefetch import MIN_BYTES
from skfcnet._estimators import linear_term
from skfcnet._estimators.automatic import (
    AUTO_BATCH_SIZE,
    auto_dropout,
    auto_width,
    max_epochs,
)
from skfcnet._estimators.optimization import ALPHA_BATCH_SIZE
from skfcnet._tabular.binning import MAX_COMPONENTS, MIN_ROWS_PER_BIN
from skfcnet._tabular.categories import MAX_ONEHOT

N_BINS = FCNetRegressor().n_bins
"""The most bins of a column by default."""

N_ROWS, N_TEST = 4_000, 4_000
"""Rows to train on, where their number does not grow, and to measure on."""

MOST_ROWS = 60_000
"""Rows to train on at most, where their number grows."""

N_INFORMATIVE = 5
"""Columns that the target of Friedman's function depends on."""


def known_function(n_rows, n_columns, seed):
    """Return rows of which five columns count, and the target with some noise."""
    X, y = make_friedman1(n_rows + N_TEST, n_columns, noise=1.0, random_state=seed)
    return X[:n_rows], X[n_rows:], y[:n_rows], y[n_rows:]


def noise_columns(n, seed):
    """Return rows that have columns of noise beside those that count."""
    return known_function(N_ROWS, n, seed)


def noisy_copies(n, seed):
    """Return rows that have noisy copies beside the columns that count."""
    X_train, X_test, *y = known_function(N_ROWS, N_INFORMATIVE, seed)
    noise = np.random.default_rng(seed)
    copies = np.arange(n) % N_INFORMATIVE
    scale = np.where(np.arange(n) < N_INFORMATIVE, 0.0, 0.5)
    X = (
        x[:, copies] + scale * noise.normal(size=(len(x), n)) for x in (X_train, X_test)
    )
    return *X, *y


def more_rows(n, seed):
    """Return more or fewer rows of ten columns."""
    return known_function(n, 2 * N_INFORMATIVE, seed)


def categories(n, seed):
    """Return rows of a column of categories and one of numbers; both count."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(n, size=2 * N_ROWS + N_TEST)
    numbers = rng.normal(size=len(codes))
    y = rng.normal(size=n)[codes] + np.sin(2 * numbers)
    y += 0.5 * rng.normal(size=len(codes))
    X = pd.DataFrame({"code": pd.Categorical(codes), "number": numbers})
    return X[N_TEST:], X[:N_TEST], y[N_TEST:], y[:N_TEST]


def columns_of(name, n, seed):
    """Return some of the columns of numbers of a real table, always in one order."""
    X, y = numbers_of(name)
    order = np.random.default_rng(0).permutation(X.shape[1])
    return randomly_split(X[:, order[:n]], y, DATA[name].has_classes, seed)


@cache
def numbers_of(name):
    """Return the columns of numbers of a real table, and the targets."""
    X, y = drawn(name, N_ROWS)
    numbers = X.select_dtypes("number").to_numpy() if hasattr(X, "columns") else X
    return numbers, y


def epochs(n_rows):
    """Return for how many epochs members are trained at most by default."""
    return max_epochs(FCNetRegressor(), n_rows, are_cross_fitted=True)


def where_begins_and_ends(rule, name):
    """Return from which number of rows on a rule changes what it gives, and to which.

    The two numbers are the keys of a dict, whose values say what the rule gives there.
    """
    n_rows = np.arange(1, MOST_ROWS + 1)
    values = [rule(int(n)) for n in n_rows]
    changes = [n for n, (a, b) in enumerate(pairwise(values), 1) if a != b]
    first, last = changes[0], changes[-1]
    return {first: name.format(rule(first)), last: name.format(rule(last + 1))}


OF_COLUMNS = {
    MAX_COMPONENTS // N_BINS: f"{N_BINS} bins",
    MAX_COMPONENTS // 2: "2 bins",
    MIN_BYTES // (4 * AUTO_BATCH_SIZE): "prefetching",
    # Each number is an input of the linear term in two forms.
    linear_term.MAX_NUMBERS // (2 * N_ROWS): "linear term",
}
"""Constants that depend on the number of columns, and what they are for."""

OF_ROWS = {
    AUTO_BATCH_SIZE: "batch_size",
    ALPHA_BATCH_SIZE: "alpha",
    N_BINS * MIN_ROWS_PER_BIN: f"{N_BINS} bins",
    min(where_begins_and_ends(auto_dropout, "")): "dropout",
    linear_term.MAX_ROWS: "linear term",
    **where_begins_and_ends(auto_width, "width {}"),
    **where_begins_and_ends(epochs, "{} epochs"),
}
"""Constants that depend on the number of rows."""

OF_CATEGORIES = {MAX_ONEHOT: "one-hot columns"}
"""Constants that depend on the number of categories."""


class Sweep(NamedTuple):
    """Tables of which one number grows; ``limits`` are its lowest and highest value."""

    draw: Callable
    limits: tuple
    constants: Mapping
    data: Collection = ()

    def values(self):
        """Return about five values per decade, and both sides of each constant."""
        low, high = self.limits
        n = 1 + int(5 * np.log10(high / low))
        coarse = np.geomspace(low, high, n).round().astype(int)
        near = [c + side for c in self.constants for side in (0, 1)]
        return sorted({*coarse.tolist(), *(x for x in near if low <= x <= high)})


def real(name, n_columns):
    """Return the sweep over the columns of a real table."""
    return Sweep(partial(columns_of, name), (2, n_columns), OF_COLUMNS, (name,))


SWEEPS = {
    "columns of noise": Sweep(noise_columns, (N_INFORMATIVE, 2_000), OF_COLUMNS),
    "noisy copies": Sweep(noisy_copies, (N_INFORMATIVE, 2_000), OF_COLUMNS),
    "rows": Sweep(more_rows, (20, MOST_ROWS), OF_ROWS),
    "columns of communities": real("communities", 122),
    "columns of caravan": real("caravan", 85),
    "columns of spambase": real("spambase", 57),
    "columns of pd_speech": real("pd_speech", 751),
    "columns of mnist": real("mnist", 784),
    "categories": Sweep(categories, (2, 20_000), OF_CATEGORIES),
}

PER_LINE = 2
"""How many sweeps the picture has side by side."""

TEXT_WIDTH = 0.05
"""The width of a line of text, as a share of that of a panel."""

MEASURES = {"error": "error", "seconds": "seconds of a fit"}


def measured(table, seed, label):
    """Fit a model to one table of a sweep; return a row of what was measured."""
    sweep, value = table.rsplit(" ", 1)
    parts = SWEEPS[sweep].draw(int(value), seed)
    has_classes = any(DATA[name].has_classes for name in SWEEPS[sweep].data)
    return measured_on(parts, table, seed, label, has_classes=has_classes)


def curves(table):
    """Return the means over the splits: columns are models, rows sweeps and values."""
    names = table["data"].str.rsplit(" ", n=1, expand=True)
    table = table.assign(sweep=names[0], value=names[1].astype(int))
    return table.pivot_table([*MEASURES], ["sweep", "value"], "model")


def surprise(curve):
    """Return by how many per cent values are above the line through their neighbours.

    That is a straight line in logarithms of both axes.
    """
    x, y = np.log(curve.index), np.log(curve.to_numpy())
    between = (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
    expected = (1 - between) * y[:-2] + between * y[2:]
    return pd.Series(100 * np.expm1(y[1:-1] - expected), curve.index[1:-1])


def print_curves(means, sweeps):
    for sweep in sweeps:
        of_sweep = means.xs(sweep)
        shown = {}
        for measure, model in of_sweep.columns:
            curve = of_sweep[measure, model].dropna()
            shown[f"{model}, {measure}"] = curve
            shown[f"% above ({measure})"] = surprise(curve).round(1)
        print(f"\n{sweep}\n{pd.DataFrame(shown).round(4).to_string()}")


def draw(means, sweeps, picture):
    """Draw a panel of errors and one of seconds for every sweep."""
    n_columns = min(PER_LINE, len(sweeps))
    n_rows = -(-len(sweeps) // PER_LINE)
    figure = Figure(figsize=(3.6 * n_columns, 5.5 * n_rows), layout="constrained")
    parts = figure.subfigures(n_rows, n_columns, squeeze=False)
    for sweep, part in zip(sweeps, parts.flat, strict=False):
        panels = part.subplots(len(MEASURES), 1, sharex=True)
        for panel, (measure, text) in zip(panels, MEASURES.items(), strict=True):
            draw_curves(panel, means.xs(sweep)[measure])
            mark_constants(panel, SWEEPS[sweep].constants, named=panel is panels[0])
            panel.set_ylabel(text)
        panels[-1].set_xlabel(sweep)
    if len(parts[0, 0].axes[0].get_legend_handles_labels()[1]) > 1:
        parts[0, 0].axes[0].legend(fontsize=8)
    figure.savefig(picture, dpi=120)


def draw_curves(panel, table):
    """Draw a measure of every model."""
    for model, curve in table.items():
        curve = curve.dropna()
        panel.plot(curve.index, curve, marker="o", markersize=3, label=short(model))
    panel.set(xscale="log", ylim=(0, None))
    panel.xaxis.minorticks_off()
    panel.grid(alpha=0.3)


def mark_constants(panel, constants, *, named):
    """Mark the constants in a panel by lines, and write their names above it."""
    low, high = panel.dataLim.intervalx
    shown = sorted(constant for constant in constants if low <= constant <= high)
    for constant in shown:
        panel.axvline(constant, color="grey", linewidth=0.8, linestyle=":")
    if named:
        where = panel.get_xaxis_transform()
        for near in close_together(shown, TEXT_WIDTH * np.log(high / low)):
            name = ", ".join(constants[constant] for constant in near)
            text = panel.text(near[0], 1.03, name, transform=where, rotation=90)
            text.set(
                fontsize=8, verticalalignment="bottom", horizontalalignment="center"
            )


def close_together(numbers, distance):
    """Return lists of ascending numbers that are close together on a logarithmic axis.

    The first and the last of a list are at most so far apart, in natural logarithms.
    """
    lists = []
    for number in numbers:
        if not lists or np.log(number / lists[-1][0]) > distance:
            lists.append([])
        lists[-1].append(number)
    return lists


def main():
    arguments = parsed(
        __doc__,
        sweeps=SWEEPS,
        models=(),
        splits=3,
        jobs=1,
        table="no_cliffs.csv",
        picture="no_cliffs.png",
    )
    print_header("pandas", "matplotlib")
    models = arguments.models or [OUR_DEFAULT]
    wanted = [
        (f"{name} {value}", seed, model)
        for seed in range(arguments.splits)
        for name in arguments.sweeps
        for value in SWEEPS[name].values()
        for model in models
    ]
    add_missing(arguments.table, measured, wanted, arguments.jobs)
    means = curves(read(arguments.table).query("model in @models"))
    sweeps = [name for name in arguments.sweeps if name in means.index]
    print_curves(means, sweeps)
    draw(means, sweeps, arguments.picture)


if __name__ == "__main__":
    main()
