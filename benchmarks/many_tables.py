"""Many tables: ours and variants of it against peers, all at their defaults.

On every table, all models are fitted to the same rows, and measured on others: the
share of wrong classes, or the root mean squared error in standard deviations of the
target; the log loss; and the seconds of a fit, which are those of the processor.
_tables.py has the tables and the rows, _peers.py the peers.

    SKFCNET_DATA=<folder> OMP_NUM_THREADS=1 python benchmarks/many_tables.py \
        --splits 10 --variants "numeric_embedding=None" "few bins: n_bins=4"

A variant of ours is written as the parameters and the constants of the package that
are not as in the default, after a name if it has one. ``--data`` names other tables
than those of `GROUPS`, ``--models`` other peers than those of scikit-learn: the others
need packages of their own, which are in requirements-peers.txt. Every fit adds a line
to ``--table`` as soon as it is done, and what has a line there is not fitted again, as
in accuracy.py. A line says neither which code nor how many ``--rows`` it is of: begin a
new table when these change. ``--splits 0`` only prints.

Printed are, for every table, the means over the splits; for every measure, the mean
ranks, and how the ``--base`` does against every other model; which variant one would
choose without one group of tables, and what it loses there; and for everything that is
claimed of the ``--base`` whether it holds. ``--docs <folder>`` writes the comparison as
a table for the user guide.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from _common import parsed, print_header
from _comparison import against, chosen_elsewhere, exceeding, means, paired, ranked
from _peers import IN_SCIKIT_LEARN, MLP_SETTINGS, PEERS
from _tables import (
    COLUMNS,
    COMPARED,
    GROUPS,
    LEVEL,
    OUR_DEFAULT,
    is_fitted_to,
    measured,
)
from accuracy import Verdict, add_missing, read

MEASURES = "error", "log loss", "seconds"

SHARES = [
    ("error", "scaled MLP", 0.92),
    ("error", "XGBoost", 0.76),
    ("error", "LightGBM", 0.73),
    ("error", "boosting", 0.72),
    ("error", "CatBoost", 0.55),
    ("error", "RealMLP-TD-S", 0.65),
    ("log loss", "boosting", 0.85),
    ("log loss", "linear", 0.95),
    ("log loss", "CatBoost", 0.45),
]
"""Measures, peers, and on which share of the tables the base is better."""

LIMITS = [
    ("error", ["linear"], 1.03, 0.0),
    ("log loss", ["linear"], 1.03, 0.0),
    ("log loss", ["boosting", "linear"], 1.1, 0.0),
    ("seconds", ["boosting"], 3.0, 10.0),
]
"""Measures, and of which peers' lowest the base has at most how many times, and how
much in addition, on every table."""

SAME_SETTING = 2.0
"""How many times the seconds of MLP ours takes at most on every table, where both have
the same setting."""

HONEST = 0.9
"""On which share of the fits the out-of-fold score is within a standard error."""

COVERAGE, LEAST_COVERAGE = (0.87, 0.93), 0.8
"""Between what the mean coverage is, and what it is at least on every table."""


def short(label):
    """Return the name of a model without what it means."""
    return label.split(": ")[0]


def share_verdict(table, base, measure, peer, share):
    """Judge on which share of the tables the base is better than a peer."""
    claim = f"{measure} below {peer}'s on {share:.0%}"
    summary = against(table.query("model in [@base, @peer]"), measure, base)
    if peer not in summary.index:
        return Verdict(claim, None, "")
    of_peer = summary.loc[peer]
    figures = f"{of_peer['wins']:.1%} of {of_peer['tables']:.0f}"
    return Verdict(claim, bool(of_peer["wins"] >= share), figures)


def limit_verdict(table, base, measure, peers, factor, more):
    """Judge whether a measure of the base is small enough on every table."""
    claim = f"{measure} at most {factor:g} times {' or '.join(peers)}"
    claim += f" and {more:g}" if more else ""
    pairs = paired(table, measure, [base, *peers])
    if pairs.empty:
        return Verdict(claim, None, "")
    above = exceeding(factor * pairs[peers].min(axis="columns") + more, pairs[base])
    figures = [
        f"{name} {of['measured']:.4g} above {of['limit']:.4g}"
        for name, of in above.iterrows()
    ]
    return Verdict(claim, above.empty, "; ".join(figures) or f"all {len(pairs)}")


def honesty_verdict(of_base):
    """Judge whether the out-of-fold score tells the score on new rows."""
    claim = f"out-of-fold score within a standard error on {HONEST:.0%}"
    known = of_base.dropna(subset="out-of-fold score")
    if known.empty:
        return Verdict(claim, None, "")
    distance = (known["out-of-fold score"] - known["score"]).abs()
    share = (distance <= known["standard error"]).mean()
    return Verdict(claim, bool(share >= HONEST), f"{share:.1%} of {len(known)} fits")


def coverage_verdict(of_base):
    """Judge whether intervals cover as much as they are to."""
    low, high = COVERAGE
    claim = (
        f"intervals at {LEVEL} cover {low} to {high}, no table below {LEAST_COVERAGE}"
    )
    coverage = of_base.groupby("data")["coverage"].mean().dropna()
    if coverage.empty:
        return Verdict(claim, None, "")
    holds = low <= coverage.mean() <= high and coverage.min() >= LEAST_COVERAGE
    figures = f"mean {coverage.mean():.3f}, {coverage.idxmin()} {coverage.min():.3f}"
    return Verdict(claim, bool(holds), figures)


def verdicts(table, base):
    """Return what holds of all that is claimed of the base."""
    of_base = table.query("model == @base")
    return [
        *(share_verdict(table, base, *share) for share in SHARES),
        *(limit_verdict(table, base, *limit) for limit in LIMITS),
        *(
            limit_verdict(
                table, setting, "seconds", [f"scaled MLP, {setting}"], SAME_SETTING, 0.0
            )
            for setting in MLP_SETTINGS
        ),
        honesty_verdict(of_base),
        coverage_verdict(of_base),
    ]


def print_ranks(table, measure):
    """Print the mean ranks of the models."""
    ranks = ranked(table, measure)
    print(
        f"\n{measure}, {ranks.n_tables} tables, critical difference of the mean ranks "
        f"{ranks.critical_difference:.2f}\n{ranks.mean.round(2).to_string()}"
    )


def print_tables(table, base, candidates):
    """Print the means of every table, and what they come to."""
    for measure in MEASURES:
        print(f"\n{measure}\n{means(table, measure).round(4).to_string()}")
    for measure in MEASURES:
        print_ranks(table, measure)
        summary = against(table, measure, base)
        print(f"\n{measure}, {base} against\n{summary.round(3).to_string()}")
    if len(candidates) > 1:
        for measure in MEASURES[:2]:
            choices = chosen_elsewhere(table, measure, GROUPS, candidates)
            print(
                f"\n{measure}, choices on other groups\n{choices.round(2).to_string()}"
            )


def comparison(table, base):
    """Return the table for the user guide: the models by their mean ranks."""
    columns = {"tables": against(table, "error", base)["tables"]}
    for measure in MEASURES[:2]:
        columns[f"{measure}: mean rank"] = ranked(table, measure).mean.round(2)
        share = 100 * against(table, measure, base)["wins"]
        columns[f"{measure}: {base} better, %"] = share.round()
    seconds = means(table, "seconds")
    columns["seconds"] = np.exp(np.log(seconds).mean()).round(2)
    table = pd.DataFrame(columns).convert_dtypes()  # whole numbers are integers
    return table.sort_values("error: mean rank")


def main():
    arguments = parsed(
        __doc__,
        data=(),
        models=(),
        variants=(),
        splits=3,
        rows=8_000,
        jobs=1,
        table="many_tables.csv",
        base=OUR_DEFAULT,
        docs="",
    )
    unknown = {*arguments.models} - {OUR_DEFAULT, *PEERS}
    if unknown:
        raise SystemExit(f"--models {unknown} are not among {[OUR_DEFAULT, *PEERS]}.")
    models = arguments.models or [OUR_DEFAULT, *IN_SCIKIT_LEARN]
    labels = models + arguments.variants
    names = arguments.data or COMPARED
    wanted = [
        (name, seed, label)
        for seed in range(arguments.splits)
        for label in labels
        for name in names
        if is_fitted_to(label, name)
    ]
    print_header("pandas")
    measure = partial(measured, n_rows=arguments.rows)
    add_missing(arguments.table, measure, wanted, arguments.jobs, COLUMNS)
    table = read(arguments.table, COLUMNS).query("data in @names and model in @labels")
    table = table.assign(model=table["model"].map(short))
    base = short(arguments.base)
    candidates = [short(label) for label in labels if label not in PEERS]
    print_tables(table, base, candidates)
    if base not in PEERS:  # nothing is claimed of them
        print("\nverdicts", *verdicts(table, base), sep="\n")
    if arguments.docs:
        comparison(table, base).to_csv(
            Path(arguments.docs) / "many_tables.csv", index_label="model"
        )


if __name__ == "__main__":
    main()
