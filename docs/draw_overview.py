"""Draw the picture of the landing page and the README, for light and dark pages.

``python docs/draw_overview.py`` writes ``docs/_static/overview-light.svg`` and
``overview-dark.svg``. The ranks are those of ``docs/user_guide/many_tables.csv``.
"""

import csv
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from skfcnet import FCNetRegressor

DOCS = Path(__file__).parent
INK = {"light": "#24292f", "dark": "#e6edf3"}
OURS = {"light": "#0a7d91", "dark": "#3fb8cd"}
OTHERS = {"light": "#b6bcc4", "dark": "#59616b"}
NAMES = {
    "boosting": "HistGradientBoosting",
    "forest": "random forest",
    "linear": "linear model",
    "scaled MLP": "scaled MLP",
}


def mean_ranks():
    """Return the models, the mean ranks of their errors, and the number of tables."""
    path = DOCS / "user_guide" / "many_tables.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows.sort(key=lambda row: float(row["error: mean rank"]), reverse=True)
    return (
        [row["model"] for row in rows],
        [float(row["error: mean rank"]) for row in rows],
        # The ranks are over the tables that all models were fitted to.
        min(int(row["tables"]) for row in rows if row["tables"]),
    )


def noisy_curve():
    """Return points of a noisy curve, and predictions of it with intervals."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(-3, 3, size=400))
    y = np.sin(2 * x) + 0.4 * x + rng.normal(scale=0.3, size=len(x))
    model = FCNetRegressor(random_state=0).fit(x[:, np.newaxis], y)
    grid = np.linspace(-3, 3, 300)
    mean, interval = model.predict(grid[:, np.newaxis], return_interval=0.9)
    return x, y, grid, mean, *interval.T


def draw(theme, curve):
    """Write the picture for one colour scheme."""
    colors = {
        "text.color": INK[theme],
        "axes.labelcolor": INK[theme],
        "axes.edgecolor": INK[theme],
        "xtick.color": INK[theme],
        "ytick.color": INK[theme],
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.size": 11,
        "svg.hashsalt": "skfcnet",
    }
    with mpl.rc_context(colors):
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(9.6, 2.8), width_ratios=(1, 1.2), layout="constrained"
        )
        x, y, grid, mean, low, high = curve
        left.fill_between(grid, low, high, color=OURS[theme], alpha=0.25, lw=0)
        left.plot(x, y, ".", color=INK[theme], ms=2.5, alpha=0.6)
        left.plot(grid, mean, color=OURS[theme], lw=2.5)
        left.set(title="Predictions with 90 % intervals", xticks=[], yticks=[])
        models, ranks, n_tables = mean_ranks()
        bars = right.barh(
            [NAMES.get(model, model) for model in models],
            ranks,
            color=[(OURS if m == "skfcnet" else OTHERS)[theme] for m in models],
        )
        right.bar_label(bars, fmt="%.2f", padding=3)
        right.set(
            title=f"Mean rank of the errors of {len(models)} models, {n_tables} tables",
            xlabel="lower is better; all models at their defaults",
            xticks=[],
        )
        right.spines["bottom"].set_visible(False)
        right.tick_params(axis="y", length=0)
        figure.savefig(
            DOCS / "_static" / f"overview-{theme}.svg",
            transparent=True,
            metadata={"Date": None},
        )
        plt.close(figure)


if __name__ == "__main__":
    mpl.use("svg")
    curve = noisy_curve()
    for theme in INK:
        draw(theme, curve)
