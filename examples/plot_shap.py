"""
Where does a price come from? SHAP and integrated gradients
===========================================================

Two methods distribute the difference between a prediction and an average one over the
features. SHAP values [1]_ treat the estimator as a function that they call many times.
Integrated gradients [2]_ use the gradients of the network, which come with it. This
page computes both for the prices of houses.
"""

# %%
# A network for house prices
# --------------------------
#
# Where the environment variable ``SKFCNET_DATA`` names a folder for real data, these
# are the California housing data. Elsewhere prices are drawn at random that depend on
# the income and the position, too.

import os

import numpy as np

from skfcnet import FCNetRegressor
from skfcnet.datasets import fetch_california_housing

rng = np.random.default_rng(0)
if os.environ.get("SKFCNET_DATA"):
    name = "the California housing data"
    data = fetch_california_housing(normalize=False)
    features = data.feature_names
    X_train, y_train = data.X_train[:8000], data.y_train[:8000]
    X_test, y_test = data.X_test, data.y_test
else:
    name = "made-up data"
    features = ["MedInc", "AveOccup", "Latitude", "Longitude"]
    income = rng.lognormal(1.1, 0.5, 5000)
    occupancy = rng.lognormal(1.0, 0.3, 5000)
    latitude = rng.uniform(32.5, 42, 5000)
    longitude = rng.uniform(-124.3, -114.3, 5000)
    near = np.exp(-((latitude - 37.8) ** 2 + (longitude + 122.4) ** 2) / 2)
    y = 0.5 * income - 0.3 * occupancy + 2 * near + 1
    y = np.maximum(y + rng.normal(0, 0.3, 5000), 0.15)
    X = np.column_stack([income, occupancy, latitude, longitude])
    X_train, y_train, X_test, y_test = X[:4000], y[:4000], X[4000:], y[4000:]

model = FCNetRegressor(hidden_layer_sizes=(64, 64), n_members=1, random_state=0)
model.fit(X_train, y_train)
print(f"These are {name}; the R2 on the test set is {model.score(X_test, y_test):.3f}.")

# %%
# SHAP values
# -----------
#
# The SHAP package explains every function of a table. It hides features of a row,
# replaces them by those of rows of the training set, the background, and looks at how
# the prediction changes on average. A feature receives its mean contribution over
# several orders in which the features are revealed, here ten.

import shap

background = rng.choice(X_train, 25, replace=False)
rows = rng.choice(X_test, 200, replace=False)
explainer = shap.PermutationExplainer(
    model.predict, background, feature_names=features, seed=0
)
values = explainer(rows, max_evals=10 * (2 * len(features) + 1), silent=True)

# %%
# Every dot is a block of houses, and its colour says whether the feature is low or
# high. The features at the top matter most.

import matplotlib.pyplot as plt

shap.plots.beeswarm(values, show=False, plot_size=(8, 4))
plt.gca().set_xlabel("SHAP value: contribution to the price, in 100,000 dollars")
plt.tight_layout()

# %%
# Integrated gradients
# --------------------
#
# :func:`~skfcnet.inspection.integrated_gradients` walks from a baseline to the row in a
# straight line, and adds up the gradients on the way. Instead of one baseline, we take
# each row of the background in turn, as SHAP does, and average the attributions.

from skfcnet.inspection import integrated_gradients

attributions = np.mean(
    [integrated_gradients(model, rows, baseline) for baseline in background], axis=0
)

# %%
# Both add up to the same: the prediction for a row minus the mean prediction for the
# background. For integrated gradients, this holds up to the error of a sum that stands
# for an integral; more than the default of 64 steps make it smaller.

difference = model.predict(rows) - model.predict(background).mean()
for method, parts in ("SHAP", values.values), ("integrated gradients", attributions):
    gap = np.abs(parts.sum(axis=1) - difference)
    print(f"{method:20} add up to within {gap.mean():.3f} on average")

# %%
# On the grey lines, the two are equal. They agree about features that act for
# themselves, as the income does. They differ where features act together, as latitude
# and longitude do, because they divide what is due to both of them in different ways:
# SHAP values reveal one after the other, and a straight line changes both at the same
# time. Each panel has its own scale: of a feature that adds little, the two may differ
# little and still have a low correlation r.

n_columns = 4
n_lines = len(features) // n_columns
figure, axes = plt.subplots(
    n_lines, n_columns, figsize=(9, 2.4 * n_lines), layout="constrained", squeeze=False
)
for axis, feature, shap_value, attribution in zip(
    axes.flat, features, values.values.T, attributions.T, strict=True
):
    axis.axline((0, 0), slope=1, color="0.7", linewidth=1)
    axis.scatter(shap_value, attribution, s=6)
    correlation = np.corrcoef(shap_value, attribution)[0, 1]
    axis.set_title(f"{feature}: r = {correlation:.2f}", fontsize="medium")
figure.supxlabel("SHAP value, in 100,000 dollars")
figure.supylabel("integrated gradients")

# %%
# What the position adds
# ----------------------
#
# We add up the attributions of latitude and longitude, and draw where the blocks are.
# The sum does not depend on how the two share what they have in common, so that the two
# methods are closer to each other.

position = [features.index("Longitude"), features.index("Latitude")]
both = {"SHAP": values.values, "integrated gradients": attributions}
sums = {method: parts[:, position].sum(axis=1) for method, parts in both.items()}

apart = np.abs(values.values - attributions).mean(axis=0)[position]
together = np.abs(np.subtract(*sums.values())).mean()
print(f"longitude and latitude differ by {apart.round(2)}, their sum by {together:.2f}")

# %%
limit = np.abs(list(sums.values())).max()
figure, axes = plt.subplots(
    1, 2, figsize=(9, 4), layout="compressed", sharex=True, sharey=True
)
for axis, (method, due) in zip(axes, sums.items(), strict=True):
    dots = axis.scatter(
        *rows[:, position].T,
        c=due,
        cmap="RdBu_r",
        vmin=-limit,
        vmax=limit,
        s=25,
        edgecolor="0.4",
        linewidth=0.3,
    )
    axis.set(title=method, xlabel="longitude", aspect=1.2)
axes[0].set_ylabel("latitude")
figure.colorbar(dots, ax=axes, label="due to the position, in 100,000 dollars")
plt.show()

# %%
# Which one should you take?
# --------------------------
#
# SHAP explains every estimator and whole pipelines, and needs the more predictions, the
# more features there are: here thousands for each row. Integrated gradients need 64
# gradients for a row and a baseline, however many features there are. They are the
# choice for many features, such as the pixels of an image, where a single black image
# is the baseline. They leave categories and missing values as they are, see
# :doc:`/user_guide/explaining`.
#
# References
# ----------
#
# .. [1] Scott Lundberg and Su-In Lee, "A unified approach to interpreting model
#    predictions", NeurIPS 2017. https://arxiv.org/abs/1705.07874
#
# .. [2] Mukund Sundararajan, Ankur Taly and Qiqi Yan, "Axiomatic attribution for deep
#    networks", ICML 2017. https://arxiv.org/abs/1703.01365
