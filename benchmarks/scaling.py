"""How the time of an epoch grows with rows, width and minibatches.

Epochs of Adam on MNIST rows in float32, with one hidden layer, against scikit-learn's
multilayer perceptron, and with compiled loops if Numba is installed: one number changes
at a time, and all train in one process, in turns. Medians are printed, with the ratio
within a turn to skfcnet without compiled loops, and drawn in three panels.

    SKFCNET_DATA=<folder of MNIST/raw> python benchmarks/scaling.py

takes about seven minutes on two idle cores, needs matplotlib, and writes scaling.png,
or what ``--picture`` says.
"""

from functools import partial
from statistics import median

import numpy as np
from _common import SHARED, interleaved, parsed, print_header, ratio
from fit_time import FITS
from matplotlib.figure import Figure

from skfcnet.datasets import fetch_mnist

USUAL = {"rows": 10_000, "hidden units": 256, "rows per minibatch": 256}
PANELS = {
    "rows": (5_000, 10_000, 20_000, 40_000, 60_000),
    "hidden units": (20, 64, 256, 1024, 2048),
    "rows per minibatch": (32, 128, 512, 2048, 4096),
}
"""The values of every number; the others are as usual."""

LINES = {  # blue, green and vermilion: colours that all eyes tell apart
    "skfcnet": {"label": "skfcnet", "color": "#0072B2", "marker": "o"},
    "compiled": {
        "label": "skfcnet, compiled loops",
        "color": "#009E73",
        "marker": "^",
        "linestyle": ":",
    },
    "sklearn": {
        "label": "scikit-learn",
        "color": "#D55E00",
        "marker": "s",
        "linestyle": "--",
    },
}
"""How the curve of each is drawn."""

COMPARED = {name: FITS[name] for name in LINES if name in FITS}


def all_rows():
    """Return MNIST's 60,000 training rows, those for validation included."""
    data = fetch_mnist()
    X, y = ((data[f"{a}_train"], data[f"{a}_val"]) for a in "Xy")
    return np.concatenate(X), np.concatenate(y)


def epoch_times(numbers, X, y, *, epochs, repeats):
    """Return the seconds per epoch of each, in turns."""
    n_rows, width, batch_size = numbers.values()
    settings = SHARED | {
        "hidden_layer_sizes": (width,),
        "batch_size": batch_size,
        "max_iter": epochs,
    }
    rows = X[:n_rows], y[:n_rows]
    fits = {name: partial(fit, settings, *rows) for name, fit in COMPARED.items()}
    times, _ = interleaved(fits, repeats)
    return {name: np.divide(seconds, epochs) for name, seconds in times.items()}


def draw(medians, picture):
    figure = Figure(figsize=(12, 4), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for panel, (number, values) in zip(panels, PANELS.items(), strict=True):
        for name, seconds in medians[number].items():
            panel.loglog(values, seconds, **LINES[name])
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
    medians = {number: {name: [] for name in COMPARED} for number in PANELS}
    for fit in COMPARED.values():  # some compile when they first train
        fit(SHARED | {"max_iter": 1}, X, y)
    for number, values in PANELS.items():
        for value in values:
            times = epoch_times(
                USUAL | {number: value},
                X,
                y,
                epochs=arguments.epochs,
                repeats=arguments.repeats,
            )
            ours = times["skfcnet"]
            for name, seconds in times.items():
                medians[number][name].append(median(seconds))
                print(
                    f"{value:7,} {number:<18} {name:<9} {median(seconds):9.3f} s an "
                    f"epoch, ratio {ratio(seconds, ours):5.2f}",
                    flush=True,
                )
    draw(medians, arguments.picture)


if __name__ == "__main__":
    main()
