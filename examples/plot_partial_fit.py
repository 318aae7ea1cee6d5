"""
Learning from a stream
======================

Some data never end: every week brings new rows, and what was true in winter is no
longer true in summer. ``partial_fit`` goes on training with the new rows, so that a
model keeps up. This page predicts the demand for hire bikes one week ahead, for a year.
"""

# %%
# Bikes by the hour
# -----------------
#
# Where the environment variable ``SKFCNET_DATA`` names a folder that contains
# ``tables/bikeshare.parquet``, these are the hourly rentals of bikes in Washington,
# D.C., in 2011. Elsewhere the page makes up a year of rentals, with seasons, commuters
# and a growing number of customers.

import os
from pathlib import Path

import numpy as np
import pandas as pd


def made_up_rentals():
    """Return a year of hourly rentals, which depend on the hour and the weather."""
    rng = np.random.default_rng(0)
    hours = np.arange(365 * 24)
    day, hour = hours // 24, hours % 24
    season = np.sin(2 * np.pi * (day - 105) / 365)
    temperature = 0.5 + 0.3 * season + 0.1 * np.sin(2 * np.pi * (hour - 9) / 24)
    temperature += np.repeat(rng.normal(0, 0.06, 365), 24)
    working = (day % 7 < 5).astype(float)
    commuters = np.exp(-((hour - 8) ** 2) / 2) + np.exp(-((hour - 17.5) ** 2) / 4)
    leisure = np.exp(-((hour - 14) ** 2) / 20)
    demand = working * 2 * commuters + (1.4 - working) * leisure + 0.05
    rain = np.repeat(rng.random(365) < 0.25, 24)
    demand *= (0.3 + temperature) * (1 - 0.5 * rain) * (1 + day / 200) * 90
    return pd.DataFrame(
        {
            "hr": hour,
            "workingday": working,
            "temp": temperature,
            "weathersit": np.where(rain, "rain", "clear"),
            "rentals": rng.poisson(demand),
        }
    )


COLUMNS = ["hr", "workingday", "temp", "hum", "windspeed", "weathersit"]

path = Path(os.environ.get("SKFCNET_DATA", "")) / "tables" / "bikeshare.parquet"
if path.exists():
    name = "the rentals of Washington, D.C."
    table = pd.read_parquet(path).rename(columns={"__y__": "rentals"})
else:
    name, table = "made-up rentals", made_up_rentals()
table["weathersit"] = table["weathersit"].astype("category")

X = table[[column for column in COLUMNS if column in table]]
y = table["rentals"].to_numpy()
weeks = np.array_split(np.arange(len(y)), 52)
print(f"These are {name}: {len(y)} hours in 52 weeks.")

# %%
# The columns say nothing about the date. A model can only notice the growing number of
# customers by looking at new rows.
#
# Predict first, then learn
# -------------------------
#
# Three networks are fitted to the first eight weeks. From then on, every week is
# predicted before any network has learned from it, so that each week is a test set.
# Then the first network stays as it is, and the second one learns from the new week by
# five calls of ``partial_fit``, each of which is an epoch over the rows it is given.
# The third one is fitted from scratch every four weeks, to all weeks so far.
#
# ``partial_fit`` trains at a constant learning rate, since nobody knows how many calls
# there will be. The scales of the columns, and the categories, are those of the first
# call. The linear term is one more thing that is fitted in the first call only, and so
# it is switched off. Rentals are counts, and therefore the loss is that of Poisson.

from sklearn.base import clone
from sklearn.metrics import mean_absolute_error

from skfcnet import FCNetRegressor

START = 8
network = FCNetRegressor(
    "poisson",
    (64, 64),
    n_members=1,
    early_stopping=False,
    linear_term=False,
    learning_rate_init=0.002,
    batch_size=64,
    max_iter=30,
    random_state=0,
)


def rows_of(weeks):
    """Return the features and the rentals of some weeks."""
    rows = np.concatenate(weeks)
    return X.iloc[rows], y[rows]


first = rows_of(weeks[:START])
frozen, kept_up = clone(network).fit(*first), clone(network)
for _ in range(30):
    kept_up.partial_fit(*first)

names = ("never updated", "partial_fit every week", "fitted anew every 4 weeks")
errors = {name: [] for name in names}
for week in range(START, 52):
    if (week - START) % 4 == 0:
        anew = clone(network).set_params(max_iter=10).fit(*rows_of(weeks[:week]))
    rows = rows_of([weeks[week]])
    for name, model in zip(names, (frozen, kept_up, anew), strict=True):
        errors[name].append(mean_absolute_error(rows[1], model.predict(rows[0])))
    for _ in range(5):
        kept_up.partial_fit(*rows)

# %%
# The error over the year
# -----------------------
#
# The upper panel shows the mean number of rentals in an hour of each week, and the
# lower one the mean absolute error of the three networks in that week.

import matplotlib.pyplot as plt

COLORS = dict(zip(names, ("0.5", "#0072B2", "#E69F00"), strict=True))
STYLES = dict(zip(names, (":", "-", "--"), strict=True))

figure, axes = plt.subplots(
    2, 1, figsize=(9, 6), layout="constrained", sharex=True, height_ratios=(1, 2)
)
axes[0].fill_between(
    np.arange(1, 53), [y[rows].mean() for rows in weeks], color="#56B4E9", step="mid"
)
axes[0].set(ylabel="Rentals per hour", ylim=(0, None))
axes[0].axvspan(0.5, START + 0.5, color="0.5", alpha=0.3)
axes[0].text(1, 0.8 * axes[0].get_ylim()[1], "first weeks")
for name, values in errors.items():
    axes[1].plot(
        np.arange(START + 1, 53),
        values,
        color=COLORS[name],
        linestyle=STYLES[name],
        linewidth=2,
        label=name,
    )
    print(f"{name:26} mean absolute error {np.mean(values):5.1f} rentals per hour")
axes[1].set(
    xlabel="Week",
    ylabel="Mean absolute error\n(rentals per hour)",
    xlim=(0.5, 52.5),
    ylim=(0, None),
)
axes[1].legend()
plt.show()

# %%
# The network that is never updated has seen the winter only, and fails in spring, when
# many more people hire bikes than it has ever seen. The other two keep up. The one
# that continues training sees a change as soon as a week is over. It also forgets what
# is long past, which is an advantage here, since there are more customers than at the
# beginning. The third one gives all weeks the same weight, however old they are.
#
# Forgetting is not always good: a stream that is not sorted by time but, for example,
# by country would make the network forget the first countries. If the rows are
# only too many for memory, and do not change with time, use
# :func:`skfcnet.streaming.fit`, which mixes them: see
# :ref:`sphx_glr_auto_examples_plot_parquet.py`. More about ``partial_fit`` is in the
# user guide, in :doc:`/user_guide/weights_and_continuation`.
