"""
How should the learning rate change during training?
====================================================

Long steps make fast progress at first, and short steps let the weights settle at the
end. A schedule multiplies the learning rate by a factor that depends on the step. This
page draws the schedules of :mod:`skfcnet.schedules`, and trains the same network with
each of them.
"""

# %%
# The schedules
# -------------
#
# A schedule is a function of the number of the step, and of the number of all steps.
# ``SCHEDULES`` is the table of their names.

import matplotlib.pyplot as plt

from skfcnet.schedules import SCHEDULES

n_steps = 1000
COLORS = dict(
    zip(
        SCHEDULES,
        ("#000000", "#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00"),
        strict=True,
    )
)

figure, axes = plt.subplots(
    2, 3, figsize=(9, 4.5), layout="constrained", sharex=True, sharey=True
)
for ax, (name, schedule) in zip(axes.flat, SCHEDULES.items(), strict=True):
    factors = [schedule.function(step, n_steps) for step in range(n_steps)]
    ax.plot(factors, color=COLORS[name], linewidth=2)
    ax.set_title(name)
figure.supxlabel("Step")
figure.supylabel("Factor of the learning rate")
plt.show()

# %%
# - "constant" and "invscaling" do not depend on the number of all steps, and can go on
#   for ever.
# - "cosine" falls slowly, "one_cycle" rises before it falls, and "coslog4" does so four
#   times.
# - "wsd", the default of the estimators, rises for 100 steps or a tenth of all, stays
#   the same, and falls in the last half. It can also fall earlier, when there is no
#   more improvement.
#
# The data
# --------
#
# Where the environment variable ``SKFCNET_DATA`` names a folder for real data, these
# are 4,000 blocks of the California housing data. Elsewhere it is Friedman's first
# problem, a well-known function of five of ten random numbers, with noise.

import os

import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split

from skfcnet.datasets import fetch_california_housing

if os.environ.get("SKFCNET_DATA"):
    name, unit = "the California housing data", "100,000 dollars"
    data = fetch_california_housing(normalize=False)
    X_train, y_train = data.X_train[:4000], data.y_train[:4000]
    X_test, y_test = data.X_test, data.y_test
else:
    name, unit = "Friedman's first problem", "units of y"
    X_train, X_test, y_train, y_test = train_test_split(
        *make_friedman1(6500, noise=1.0, random_state=0), test_size=2500, random_state=0
    )
print(f"These are {name}.")

# %%
# The same network with each schedule
# -----------------------------------
#
# A single network with two hidden layers is trained for 30 epochs with each schedule,
# and with three random seeds. The parameters make sure that schedules are all that
# differs: no run ends early, and no validation rows choose an epoch. After every epoch,
# the test error is recorded. ``partial_fit`` trains for one epoch, and ``total_steps``
# says where the schedule ends.

from skfcnet import FCNetRegressor

EPOCHS, BATCH_SIZE = 30, 128


def test_errors(schedule, learning_rate, seed):
    """Return the test error after every epoch."""
    n_steps = EPOCHS * -(-len(X_train) // BATCH_SIZE)
    network = FCNetRegressor(
        hidden_layer_sizes=(64, 64),
        n_members=1,
        early_stopping=False,
        linear_term=False,
        numeric_embedding=None,
        batch_size=BATCH_SIZE,
        learning_rate=schedule,
        learning_rate_init=learning_rate,
        total_steps=n_steps if SCHEDULES[schedule].has_horizon else None,
        random_state=seed,
    )
    return [
        root_mean_squared_error(
            y_test, network.partial_fit(X_train, y_train).predict(X_test)
        )
        for _ in range(EPOCHS)
    ]


errors = {
    name: np.array([test_errors(name, 0.01, seed) for seed in range(3)])
    for name in SCHEDULES
}

# %%
# Each panel shows the mean of the three runs of one schedule, and the range between the
# lowest and the highest of them. The grey lines are the means of the other schedules.

figure, axes = plt.subplots(
    2, 3, figsize=(10, 5.5), layout="constrained", sharex=True, sharey=True
)
epochs = np.arange(1, EPOCHS + 1)
lowest = min(runs.min() for runs in errors.values())
for ax, (name, runs) in zip(axes.flat, errors.items(), strict=True):
    for others in errors.values():
        ax.plot(epochs, others.mean(axis=0), color="0.8", linewidth=0.8)
    ax.fill_between(
        epochs, runs.min(axis=0), runs.max(axis=0), color=COLORS[name], alpha=0.25
    )
    ax.plot(epochs, runs.mean(axis=0), color=COLORS[name], linewidth=2)
    ax.set(title=name, ylim=(0.98 * lowest, 1.25 * lowest))
    print(f"{name:10} {runs[:, -1].mean():.3f} in the last epoch")
figure.supxlabel("Epoch")
figure.supylabel(f"Test error, RMS ({unit})")
plt.show()

# %%
# With a constant learning rate, the error jumps up and down to the end, because every
# minibatch pulls the weights another way. The inverse power takes steps that are too
# short soon, and gets stuck. All schedules that fall to zero end at a lower error, and
# nearly at the same one in all three runs. Most of the gain comes in the last epochs,
# when the steps become short. How the learning rate falls matters less than that it
# falls.
#
# Which one to choose
# -------------------
#
# Schedules with an end need to know it beforehand. "wsd" only needs an upper bound: as
# soon as there is no more improvement, it begins to fall. Therefore it is the default.
# Below, ``max_iter`` allows for 192 epochs, and the learning rate falls much earlier.
# With all defaults, the network is also more accurate than those above.

network = FCNetRegressor(max_iter=192, random_state=0).fit(X_train, y_train)
rates = network.history_["learning_rate"]
error = root_mean_squared_error(y_test, network.predict(X_test))
print(f"{network.n_iter_} epochs, test error {error:.3f}")

figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.plot(np.arange(1, len(rates) + 1), rates, color=COLORS["wsd"], linewidth=2)
ax.set(xlabel="Epoch", ylabel="Learning rate", xlim=(0, 192), ylim=(0, None))
plt.show()

# %%
# The :doc:`user guide </user_guide/estimators>` says how schedules and early stopping
# work together, and :doc:`/user_guide/extending` how to add a schedule of your own.
