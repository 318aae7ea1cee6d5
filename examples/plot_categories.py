"""
A table with categories: a network or boosted trees?
====================================================

Most tables have columns of words, such as an occupation or a country, and missing
values. Gradient boosting reads such tables as they are, and is what many people try
first. So does :class:`~skfcnet.FCNetClassifier`. This page compares the two on a
question of income, for few and for many training rows.
"""

# %%
# The data
# --------
#
# Where the environment variable ``SKFCNET_DATA`` names a folder that contains
# ``tabular/adult.csv.gz``, these are the Adult data of the census of the United States
# in 1994: who earns more than 50,000 dollars a year? Elsewhere the page makes up a
# census of the same kind, in which what an occupation pays depends on the education.
# Which of them this page shows is printed below.
#
# Nothing is encoded here. All that has to be done is to tell pandas which columns are
# categories.

import os
from pathlib import Path

import numpy as np
import pandas as pd


def made_up_census(n_rows=14_000):
    """Return a table in which the logarithm of the income is a sum of effects."""
    rng = np.random.default_rng(0)
    educations = ["9th", "HS-grad", "Some-college", "Bachelors", "Masters", "Doctorate"]
    occupations = [
        "Handlers-cleaners",
        "Farming-fishing",
        "Adm-clerical",
        "Craft-repair",
        "Sales",
        "Tech-support",
        "Exec-managerial",
        "Prof-specialty",
    ]
    education = rng.choice(6, n_rows, p=[0.1, 0.32, 0.25, 0.2, 0.1, 0.03])
    occupation = np.clip(education + rng.integers(-2, 5, n_rows), 0, 7)
    age = rng.integers(18, 75, n_rows)
    hours = np.clip(rng.normal(40, 11, n_rows), 5, 90).round()
    married = rng.random(n_rows) < 0.2 + 0.4 * (age > 28)
    log_income = (
        9.3
        + 0.12 * education
        + 0.05 * occupation
        + 0.02 * education * occupation
        + 0.25 * married
        + 0.7 * np.log(hours / 40)
        - 0.0007 * (age - 52) ** 2
        + rng.normal(0, 0.35, n_rows)
    )
    table = pd.DataFrame(
        {
            "age": age,
            "hours-per-week": hours,
            "education": np.array(educations)[education],
            "occupation": np.array(occupations)[occupation],
            "marital-status": np.where(married, "Married", "Never-married"),
            "income": np.where(log_income > 10.3, ">50K", "<=50K"),
        }
    )
    table.loc[rng.random(n_rows) < 0.06, "occupation"] = None
    return table


path = Path(os.environ.get("SKFCNET_DATA", "")) / "tabular" / "adult.csv.gz"
if path.exists():
    # Left out are the sampling weights and a second column on education.
    table = pd.read_csv(path).drop(columns=["fnlwgt", "education-num"])
    name = "the Adult data"
else:
    name, table = "a made-up census", made_up_census()

y = (table.pop("income") == ">50K").to_numpy()
words = [column for column in table if not pd.api.types.is_numeric_dtype(table[column])]
table = table.astype(dict.fromkeys(words, "category"))

print(f"These are {name}: {len(table)} rows, {y.mean():.0%} above 50,000 dollars.")
print(
    pd.DataFrame(
        {
            "dtype": table.dtypes.astype(str),
            "distinct values": table.nunique(),
            "missing": table.isna().sum(),
        }
    ).to_string()
)

# %%
# Two models with their defaults
# ------------------------------
#
# :class:`~sklearn.ensemble.HistGradientBoostingClassifier` finds the categories by
# their dtype, as ``FCNetClassifier`` does. Both have their default parameters. They are
# fitted to more and more of the rows, and always predict the same 6,000 rows. The log
# loss measures probabilities, and lower is better.

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skfcnet import FCNetClassifier

X_train, X_test, y_train, y_test = train_test_split(
    table, y, train_size=6000, test_size=6000, stratify=y, random_state=0
)
models = {
    "FCNetClassifier": FCNetClassifier(random_state=0),
    "HistGradientBoostingClassifier": HistGradientBoostingClassifier(random_state=0),
}
sizes = (200, 600, 2000, 6000)

losses, probabilities = {}, {}
for name, model in models.items():
    losses[name] = []
    for size in sizes:
        model.fit(X_train[:size], y_train[:size])
        probabilities[name] = model.predict_proba(X_test)[:, 1]
        losses[name].append(log_loss(y_test, probabilities[name]))
    print(f"{name:31}" + "".join(f"{loss:8.3f}" for loss in losses[name]))

# %%
# The dashed line is the log loss of a model that knows nothing but the share of rows
# above 50,000 dollars.

import matplotlib.pyplot as plt
from matplotlib.ticker import NullFormatter, ScalarFormatter

STYLES = {
    "FCNetClassifier": {"color": "#0072B2", "marker": "o"},
    "HistGradientBoostingClassifier": {"color": "#D55E00", "marker": "s"},
}

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, values in losses.items():
    ax.semilogx(sizes, values, label=name, **STYLES[name])
share = np.full(len(y_test), y.mean())
ax.axhline(log_loss(y_test, share), color="0.5", linestyle="--", label="no features")
ax.margins(y=0.1)  # else, the line would lie just below the frame
ax.xaxis.set_major_formatter(ScalarFormatter())
ax.xaxis.set_minor_formatter(NullFormatter())
ax.set(xlabel="Training rows", ylabel="Log loss on the test rows", xticks=sizes)
ax.legend()
plt.show()

# %%
# On few rows, the network has the better probabilities. It begins with a linear model,
# for which few rows are enough, and stops when the log loss on held-out rows no longer
# falls. Boosting grows a hundred trees, however few rows there are, and learns the rows
# by heart. The more rows there are, the closer the two come. Boosting takes much less
# time.
#
# What the models say about an occupation
# ---------------------------------------
#
# For each occupation, the figure compares the mean of the predicted probabilities, by
# the models of 6,000 rows, with the share of the test rows that do earn more. The grey
# line is the range of two standard errors of this share. A missing occupation is a
# category of its own.

groups = X_test["occupation"].cat.add_categories("missing").fillna("missing")
columns = {"occupation": groups.astype(str), "share": y_test, **probabilities}
by_occupation = pd.DataFrame(columns).groupby("occupation")
means, n_rows = by_occupation.mean(), by_occupation.size()
means["error"] = np.sqrt(means["share"] * (1 - means["share"]) / n_rows)
means = means.loc[n_rows >= 30].sort_values("share")

figure, ax = plt.subplots(figsize=(8, 4.8), layout="constrained")
ax.errorbar(
    100 * means["share"],
    means.index,
    xerr=200 * means["error"],
    fmt="|",
    color="0.5",
    markersize=14,
    elinewidth=4,
    alpha=0.6,
    label="observed",
)
for (name, style), shift in zip(STYLES.items(), (-0.15, 0.15), strict=True):
    places = np.arange(len(means)) + shift
    ax.plot(100 * means[name], places, linestyle="", markersize=7, label=name, **style)
ax.set(xlabel="Share of rows above 50,000 dollars (%)", xlim=(-1, None))
ax.legend(loc="lower right")
plt.show()

# %%
# For nearly all occupations, both models agree with what was observed, within the
# accuracy of the shares. Averages over a group are an easy test, though: the log loss
# also asks whether the probabilities are right for the rows inside the group.
#
# The default ``categorical_features="from_dtype"`` is described in
# :ref:`encoded-features`: columns of few categories get a feature for each of them. For
# columns of hundreds of categories, see
# :ref:`sphx_glr_auto_examples_plot_embedding.py`.
