"""How the time of an epoch grows with rows, width and minibatches.

Epochs of Adam on MNIST rows in float32, with one hidden layer, against scikit-learn's
multilayer perceptron: one number changes at a time, and both train in one process, in
turns. Medians are printed, with the ratio within a turn, how many times longer
scikit-learn takes, and drawn in three panels.

    SKFCNET_DATA=<folder of MNIST/raw> python benchmarks/scaling.py

takes about five minutes on two cores, needs matplotlib, and writes scaling.png, or what
``--picture`` says.
"""

from functools import partial
from statistics import median

import numpy as np
from _common import ESTIMATORS, SHARED, interleaved, parsed, print_header, ratio
from matplotlib.figure import Figure

from skfcnet.datasets import fetch_mnist

USUAL = {"rows": 10_000, "hidden units": 256, "rows per minibatch": 256}
PANELS = {
    "rows": (5_000, 10_000, 20_000, 40_000, 60_000),
    "hidden units": (20, 64, 256, 1024, 2048),
    "rows per minibatch": (32, 128, 512, 2048, 4096),
}
"""The values of every number; the others are as usual."""

LINES = {  # blue and vermilion: colours that all eyes tell apart
    "skfcnet": {"color": "#0072B2", "marker": "o"},
    "sklearn": {"color": "#D55E00", "marker": "s", "linestyle": "--"},
}


def all_rows():
    """Return MNIST's 60,000 training rows, those for validation included."""
    data = fetch_mnist()
    X, y = ((data[f"{a}_train"], data[f"{a}_val"]) for a in "Xy")
    return np.concatenate(X), np.concatenate(y)


def epoch_times(numbers, X, y, *, epochs, repeats):
    """Return the seconds per epoch of both, in turns."""
    n_rows, width, batch_size = numbers.values()
    settings = SHARED | {
        "hidden_layer_sizes": (width,),
        "batch_size": batch_size,
        "max_iter": epochs,
    }
    fits = {
        name: partial(kind(**settings).fit, X[:n_rows], y[:n_rows])
        for name, kind in ESTIMATORS.items()
    }
    times, _ = interleaved(fits, repeats)
    return {name: np.divide(seconds, epochs) for name, seconds in times.items()}


def draw(medians, picture):
    figure = Figure(figsize=(12, 4), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for panel, (number, values) in zip(panels, PANELS.items(), strict=True):
        for name, style in LINES.items():
            panel.loglog(values, medians[number][name], label=name, **style)
        fixed = [f"{n:,} {what}" for what, n in USUAL.items() if what != number]
        panel.set(title=", ".join(fixed), xlabel=number)
        panel.set_xticks(values, [f"{value:,}" for value in values])
        panel.xaxis.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("seconds per epoch")
    panels[0].legend()
    figure.savefig(picture, dpi=150)


def main():
    arguments = parsed(__doc__, epochs=2, repeats=5, picture="scaling.png")
    print_header()
    X, y = all_rows()
    print(f"{'':>26} {'skfcnet':>9} {'sklearn':>9} {'ratio':>6}   (seconds per epoch)")
    medians = {number: {name: [] for name in ESTIMATORS} for number in PANELS}
    for number, values in PANELS.items():
        for value in values:
            times = epoch_times(
                USUAL | {number: value},
                X,
                y,
                epochs=arguments.epochs,
                repeats=arguments.repeats,
            )
            for name, seconds in times.items():
                medians[number][name].append(median(seconds))
            ours, theirs = times.values()
            print(
                f"{value:7,} {number:<18} {median(ours):9.3f} {median(theirs):9.3f} "
                f"{ratio(theirs, ours):6.2f}",
                flush=True,
            )
    draw(medians, arguments.picture)


if __name__ == "__main__":
    main()
