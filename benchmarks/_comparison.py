"""How models that were fitted to many tables compare.

Everything is of a table of what was measured, whose columns are those of _tables.py.
Splits of a table count as one: their mean is what is compared.

Demšar (2006), "Statistical comparisons of classifiers over multiple data sets", JMLR 7,
has the mean ranks, Nemenyi's critical difference and the signed-rank tests.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import studentized_range, wilcoxon

SIGNIFICANCE = 0.05
"""Of the critical difference."""


def means(table, measure):
    """Return the mean over the splits of every table (rows) and model (columns)."""
    return table.pivot_table(measure, "data", "model", sort=False)


def paired(table, measure, models):
    """Return the means over the splits that all these models have, of every table."""
    splits = table.pivot_table(measure, ["data", "split"], "model", sort=False)
    return splits.reindex(columns=models).dropna().groupby("data", sort=False).mean()


def wins(pair):
    """Return the share of tables on which the first of two models is better.

    A tie is half a win.
    """
    first, second = pair.to_numpy().T
    return np.mean((first < second) + 0.5 * (first == second))


def ratio(pair):
    """Return the geometric mean of the first model's measure over the second's.

    Tables on which one makes no error at all do not count.
    """
    logs = np.log(pair[(pair > 0).all(axis="columns")])
    return np.exp((logs.iloc[:, 0] - logs.iloc[:, 1]).mean())


def probability(pair):
    """Return the p-value of Wilcoxon's signed-rank test for two models."""
    difference = np.subtract(*pair.to_numpy().T)
    return wilcoxon(difference).pvalue if difference.any() else 1.0


def holm(p_values):
    """Return p-values for as many tests as there are, by Holm's method."""
    ordered = p_values.sort_values()
    steps = np.arange(len(ordered), 0, -1)
    return (ordered * steps).cummax().clip(upper=1.0)


def against(table, measure, base):
    """Return how the base does against every other model, on the tables of both.

    Returns
    -------
    summary : pandas.DataFrame
        A row for every other model: the number of tables, the share of them on which
        the base is better, by how many per cent its measure is larger (the geometric
        mean, negative where the base is better), and Wilcoxon's p-value with Holm's
        correction.
    """
    rows = {}
    for peer in table["model"].unique():
        pair = paired(table, measure, [base, peer])
        if peer != base and len(pair):
            rows[peer] = {
                "tables": len(pair),
                "wins": wins(pair),
                "per cent": 100 * (ratio(pair) - 1),
                "p": probability(pair),
            }
    summary = pd.DataFrame.from_dict(
        rows, orient="index", columns=["tables", "wins", "per cent", "p"]
    )
    return summary.assign(p=holm(summary["p"]))


class Ranks(NamedTuple):
    """Mean ranks of models over so many tables.

    Two of them differ significantly if they differ by more than the critical
    difference, by Nemenyi's test.
    """

    mean: pd.Series
    n_tables: int
    critical_difference: float


def ranked(table, measure):
    """Rank the models on the tables that all of them have.

    Models that have fewer than half of the tables are left out.
    """
    of_all = means(table, measure)
    of_all = of_all.dropna(axis="columns", thresh=len(of_all) / 2).dropna()
    n, k = of_all.shape
    mean = of_all.rank(axis="columns").mean().sort_values().rename("mean rank")
    spread = studentized_range.ppf(1 - SIGNIFICANCE, k, np.inf) / np.sqrt(2)
    return Ranks(mean, n, spread * np.sqrt(k * (k + 1) / (6 * n)) if n else np.nan)


def chosen_elsewhere(table, measure, groups, candidates):
    """Choose a candidate for every group of tables by what it does on all others.

    This shows what is lost if a default that was chosen on some tables is used on
    tables of another kind.

    Returns
    -------
    choices : pandas.DataFrame
        A row for every group: the candidate that has the lowest geometric mean on the
        other groups, the one that has the lowest on the group itself, and by how many
        per cent the first is worse there.
    """
    of_all = means(table, measure).reindex(columns=candidates).dropna()
    logs = np.log(of_all[(of_all > 0).all(axis="columns")])
    rows = {}
    for group, names in groups.items():
        is_inside = logs.index.isin(names)
        if is_inside.any() and not is_inside.all():
            inside = logs[is_inside].mean()
            chosen, best = logs[~is_inside].mean().idxmin(), inside.idxmin()
            loss = 100 * np.expm1(inside[chosen] - inside[best])
            rows[group] = {"chosen": chosen, "best": best, "per cent": loss}
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["chosen", "best", "per cent"]
    )


def exceeding(limit, measured):
    """Return the tables where a measure exceeds a limit, with both."""
    both = pd.DataFrame({"measured": measured, "limit": limit}).dropna()
    return both[both["measured"] > both["limit"]]
