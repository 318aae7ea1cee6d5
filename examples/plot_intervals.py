"""
How far off may a prediction be?
================================

A prediction alone does not say how much it can be trusted. An interval does, which
holds the true value in, say, nine of ten cases. There are two ways to such intervals:
``return_interval`` adds the same margins to every prediction, and ``loss="quantile"``
learns where the noise is large and where it is small. This page compares the two.
"""

# %%
# Noise that grows
# ----------------
#
# The function :math:`x \sin x` is observed with noise that grows with x. We fit two
# regressors to 1,000 points. The first one predicts the mean, and derives the margins
# of its intervals from its out-of-fold errors. The second one predicts the quantiles 5
# %, 50 % and 95 %, the outer two of which are the ends of an interval. The true
# function is smooth, so bins are switched off.

import numpy as np
from sklearn.model_selection import train_test_split

from skfcnet import FCNetRegressor

rng = np.random.default_rng(0)
x = rng.uniform(0, 10, size=4000)
y = x * np.sin(x) + (0.3 + 0.25 * x) * rng.normal(size=4000)
X_train, X_test, y_train, y_test = train_test_split(
    x[:, np.newaxis], y, train_size=1000, random_state=0
)

smooth = {"numeric_embedding": None, "random_state": 0}
mean_model = FCNetRegressor(**smooth).fit(X_train, y_train)
quantile_model = FCNetRegressor("quantile", quantile=[0.05, 0.5, 0.95], **smooth)
quantile_model.fit(X_train, y_train)


def predictions_of_both(X):
    """Return the centre, the lower and the upper ends of the intervals."""
    mean, interval = mean_model.predict(X, return_interval=0.9)
    low, median, high = quantile_model.predict(X).T
    return {
        "return_interval=0.9": (mean, *interval.T),
        'loss="quantile"': (median, low, high),
    }


# %%
# The intervals against x, with the test rows.

import matplotlib.pyplot as plt

COLORS = ("#E69F00", "#0072B2")
grid = np.linspace(0, 10, 300)[:, np.newaxis]

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
for ax, color, (name, (centre, low, high)) in zip(
    axes, COLORS, predictions_of_both(grid).items(), strict=True
):
    ax.scatter(X_test, y_test, color="0.5", s=3, alpha=0.4, label="test rows")
    ax.fill_between(grid[:, 0], low, high, color=color, alpha=0.3, label="interval")
    ax.plot(grid, centre, color=color, linewidth=2, label="prediction")
    ax.set(title=name, xlabel="x", xlim=(0, 10))
axes[0].set_ylabel("y")
axes[0].legend(loc="lower left")
plt.show()

# %%
# What share of the test rows is inside? Over all rows, both are close to the 90 % that
# we asked for. But where the noise is small, the intervals of the first model are far
# too wide, and where it is large, they are too narrow. Those of the second model are
# closer to 90 % in both places.


def coverage(bounds, y):
    """Return the share of targets inside their intervals."""
    _, low, high = bounds
    return np.mean((low <= y) & (y <= high))


print(f"{'':20} all rows   x < 2.5   x > 7.5")
for name, bounds in predictions_of_both(X_test).items():
    shares = [
        coverage([part[rows] for part in bounds], y_test[rows])
        for rows in (
            np.full(len(y_test), True),
            X_test[:, 0] < 2.5,
            X_test[:, 0] > 7.5,
        )
    ]
    print(f"{name:20}" + "".join(f"{share:10.3f}" for share in shares))

# %%
# House prices
# ------------
#
# The same on a real table. Where the environment variable ``SKFCNET_DATA`` names a
# folder for real data, these are 1,000 blocks of the California housing data for
# training, and 2,500 others for the test. Elsewhere they are the 442 patients of the
# diabetes data.

import os

from sklearn.datasets import load_diabetes

from skfcnet.datasets import fetch_california_housing

if os.environ.get("SKFCNET_DATA"):
    name, unit = "the California housing data", "100,000 dollars"
    data = fetch_california_housing(normalize=False)
    X_train, y_train = data.X_train[:1000], data.y_train[:1000]
    X_test, y_test = data.X_test, data.y_test
else:
    name, unit = "the diabetes data", "units of disease progression"
    X_train, X_test, y_train, y_test = train_test_split(
        *load_diabetes(return_X_y=True), test_size=150, random_state=0
    )
print(f"These are {name}.")

mean_model = FCNetRegressor(random_state=0).fit(X_train, y_train)
quantile_model = FCNetRegressor("quantile", quantile=[0.05, 0.5, 0.95], random_state=0)
quantile_model.fit(X_train, y_train)
bounds = predictions_of_both(X_test)

# %%
# The figure shows 60 test rows in the order of their predictions. The vertical lines
# are the intervals, and the crosses are the true values.

rows = np.random.default_rng(0).choice(len(X_test), 60, replace=False)
figure, axes = plt.subplots(
    2, 1, figsize=(9, 6.5), layout="constrained", sharex=True, sharey=True
)
for ax, color, (name, (centre, low, high)) in zip(
    axes, COLORS, bounds.items(), strict=True
):
    order = rows[np.argsort(centre[rows])]
    inside = coverage(bounds[name], y_test)
    ax.vlines(range(60), low[order], high[order], color=color, alpha=0.5, linewidth=4)
    ax.plot(centre[order], "o", color=color, markersize=4, label="prediction")
    ax.plot(y_test[order], "kx", markersize=5, label="true value")
    ax.set(ylabel=f"Target ({unit})")
    ax.set_title(
        f"{name}: {inside:.1%} inside, mean width {np.mean(high - low):.2f}", loc="left"
    )
axes[0].legend(loc="upper left")
axes[1].set(xlabel="Test rows, in the order of their predictions", xticks=())
plt.show()

# %%
# The intervals of the second model are narrower on average, since they can be narrow
# where the target is easy to predict. In return, it predicts the median and not the
# mean. If the noise is about the same everywhere, ``return_interval`` is the simpler
# way.
#
# How both are computed, and what is known about how well they keep their promise, is in
# the user guide, in :ref:`uncertainty`.
