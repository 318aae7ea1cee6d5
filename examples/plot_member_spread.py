"""
Does the spread of an ensemble show where it is wrong?
======================================================

Networks that start from different weights agree where there are many training rows, and
disagree where there are none. The standard deviation of their predictions is therefore
a warning: here the model has to guess. This page looks at it in one dimension, where it
can be drawn, and then compares it with the errors on a real table.
"""

# %%
# A gap in the data
# -----------------
#
# The training rows are noisy points of a sine, with a gap in the middle and nothing
# outside of [-4, 4]. Eight networks are trained on all of them. Without early stopping,
# ``return_std`` is the standard deviation of their predictions, and does not include
# the noise of the targets.

import numpy as np

from skfcnet import FCNetRegressor

rng = np.random.default_rng(0)
x = np.concatenate([rng.uniform(-4, -1, 60), rng.uniform(1.5, 4, 60)])
y = np.sin(1.5 * x) + 0.15 * rng.normal(size=len(x))

parameters = {
    "hidden_layer_sizes": (64, 64),
    "activation": "tanh",
    "early_stopping": False,
    "numeric_embedding": None,
    "linear_term": False,
    "input_scaling": "standard",
    "learning_rate": "one_cycle",
    "max_iter": 500,
}
ensemble = FCNetRegressor(n_members=8, random_state=0, **parameters)
ensemble.fit(x[:, np.newaxis], y)

grid = np.linspace(-7, 7, 400)
mean, std = ensemble.predict(grid[:, np.newaxis], return_std=True)

# %%
# The thin lines are single networks, each trained with another seed. The shaded band is
# two standard deviations of the eight members wide, on either side of their mean.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for seed in range(4):
    single = FCNetRegressor(random_state=seed, **parameters).fit(x[:, np.newaxis], y)
    ax.plot(grid, single.predict(grid[:, np.newaxis]), color="0.6", linewidth=0.8)
ax.plot([], [], color="0.6", linewidth=0.8, label="single networks")
ax.fill_between(
    grid, mean - 2 * std, mean + 2 * std, color="#0072B2", alpha=0.25, label="2 std"
)
ax.plot(grid, mean, color="#0072B2", linewidth=2, label="mean of eight members")
ax.plot(grid, np.sin(1.5 * grid), "k--", linewidth=1, label="true function")
ax.scatter(x, y, color="#D55E00", s=12, zorder=3, label="training rows")
ax.set(xlabel="x", ylabel="y", xlim=(-7, 7), ylim=(-3.5, 3.5))
ax.legend(ncols=2, loc="lower left", fontsize="small")
plt.show()

# %%
# Near the training rows, the band is so narrow that it can hardly be seen. In the gap
# and beyond the ends, the networks disagree and it is wider. The picture is a warning
# of another kind, too: the networks go on in similar ways, and where all of them are
# wrong, as in the gap, the true function lies outside of the band. A large spread is a
# reason for doubt, but a small one is no proof.
#
# House prices
# ------------
#
# Does the spread tell on which rows of a real table the errors are large? Where the
# environment variable ``SKFCNET_DATA`` names a folder for real data, 3,000 blocks of
# the California housing data are trained on. Elsewhere the table is Friedman's first
# problem, a well-known function of five of ten random numbers, with noise.

import os

from sklearn.datasets import make_friedman1
from sklearn.model_selection import train_test_split

from skfcnet.datasets import fetch_california_housing

if os.environ.get("SKFCNET_DATA"):
    name, unit = "the California housing data", "100,000 dollars"
    data = fetch_california_housing(normalize=False)
    X_train, y_train = data.X_train[:3000], data.y_train[:3000]
    X_test, y_test = data.X_test, data.y_test
else:
    name, unit = "Friedman's first problem", "units of y"
    X_train, X_test, y_train, y_test = train_test_split(
        *make_friedman1(5500, noise=1.0, random_state=0), test_size=2500, random_state=0
    )
print(f"These are {name}.")

ensemble = FCNetRegressor(
    n_members=8,
    early_stopping=False,
    learning_rate="one_cycle",
    max_iter=30,
    random_state=0,
)
mean, std = ensemble.fit(X_train, y_train).predict(X_test, return_std=True)

# %%
# The test rows are sorted by their spread and divided into ten groups of equal size.
# For each group, the figure shows the root mean squared error.

groups = np.array_split(np.argsort(std), 10)
spread = [std[rows].mean() for rows in groups]
error = [np.sqrt(np.mean((mean[rows] - y_test[rows]) ** 2)) for rows in groups]

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(spread, error, "o-", color="#0072B2")
ax.set(
    xlabel=f"Mean spread of the members in the group ({unit})",
    ylabel=f"RMS error of the group\n({unit})",
    xlim=(0, None),
    ylim=(0, None),
)
plt.show()

# %%
# On the housing data, the error grows with the spread, and is about three times as
# large in the last group as in the first. But the error is several times as large as
# the spread: most of it is noise, which all members share. With the default, early
# stopping on cross-fitted members, ``return_std`` adds this noise, so that its mean
# square over the training rows is that of their out-of-fold errors: see
# :ref:`uncertainty`. For intervals that hold a given share of new targets, see
# :ref:`sphx_glr_auto_examples_plot_intervals.py`.
