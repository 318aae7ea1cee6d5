"""
What does a network look at?
============================

A network has thousands of weights, which nobody can read. Its gradient with respect to
the *input* is easier to read: it says how the prediction would change if a feature were
a little larger. ``input_gradients`` returns it for every row. This page draws it for
images of digits, and compares it with permutation importance on a table.
"""

# %%
# Which pixels speak for a digit?
# -------------------------------
#
# Where the environment variable ``SKFCNET_DATA`` names a folder for real data, the
# images are 5,000 of the MNIST digits. Elsewhere they are the smaller ones that come
# with scikit-learn.
#
# Bins of pixels would make the gradient a step function, so they are switched off, and
# the rows are scaled to [0, 1] beforehand.

import os

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skfcnet import FCNetClassifier
from skfcnet.datasets import fetch_mnist

if os.environ.get("SKFCNET_DATA"):
    name, shape, max_iter = "the MNIST digits", (28, 28), 20
    mnist = fetch_mnist(normalize=False)
    X_train, y_train = mnist.X_train[:5000] / 255, mnist.y_train[:5000]
    X_test, y_test = mnist.X_test[:2000] / 255, mnist.y_test[:2000]
else:
    name, shape, max_iter = "scikit-learn's digits", (8, 8), 40
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X / 16, y, stratify=y, random_state=0
    )

model = FCNetClassifier(
    (64, 64),
    n_members=5,
    early_stopping=False,
    linear_term=False,
    numeric_embedding=None,
    input_scaling=None,
    dropout=0.2,
    max_iter=max_iter,
    random_state=0,
)
model.fit(X_train, y_train)
print(f"These are {name}; test accuracy {model.score(X_test, y_test):.3f}")

# %%
# For a classifier of ten classes, the gradients of a row are those of its ten scores.
# We take the score of the digit minus that of the second best one: what would make the
# model more certain?

gradients = model.input_gradients(X_test)
print("shape of the gradients:", gradients.shape)

scores = model.decision_function(X_test)
first, second = np.argsort(-scores, axis=1)[:, :2].T
rows = np.arange(len(X_test))
difference = gradients[rows, first] - gradients[rows, second]

# %%
# The upper row shows an image of each digit, and the lower one its gradient. More ink
# on a red pixel would speak for the digit above the image, and more ink on a blue one
# for the second best, behind "or".

import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 10, figsize=(11, 2.9), layout="constrained")
for digit, (image, map_) in enumerate(axes.T):
    row = np.flatnonzero((y_test == digit) & (first == digit))[0]
    image.imshow(X_test[row].reshape(shape), cmap="gray_r")
    image.set_title(f"{digit} or {second[row]}")
    limit = np.abs(difference[row]).max()
    map_.imshow(difference[row].reshape(shape), cmap="RdBu_r", vmin=-limit, vmax=limit)
for ax in axes.flat:
    ax.axis("off")
plt.show()

# %%
# The network looks at strokes, and at gaps that another digit would fill. The gradient
# is that of one row: it says nothing about an image in which the strokes are elsewhere.
#
# Which features matter in a table?
# ---------------------------------
#
# The same for a regression: where ``SKFCNET_DATA`` is set, 2,000 blocks of the
# California housing data, and elsewhere the 442 patients of the diabetes data. Features
# have different units. We therefore multiply each gradient by the interquartile range
# of its feature, between the quartiles. This is how much the prediction would change
# from one quartile to the other, if it changed everywhere as it does at the row.
#
# The other method is scikit-learn's
# :func:`~sklearn.inspection.permutation_importance`, which shuffles one feature after
# another, and looks at how much the score falls.

import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.inspection import permutation_importance

from skfcnet import FCNetRegressor
from skfcnet.datasets import fetch_california_housing

if os.environ.get("SKFCNET_DATA"):
    name, unit = "the California housing data", "100,000 dollars"
    data = fetch_california_housing(normalize=False, as_frame=True)
    X_train, y_train = data.X_train[:2000], data.y_train[:2000]
    X_test, y_test = data.X_test[:500], data.y_test[:500]
else:
    name, unit = "the diabetes data", "units of disease progression"
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=150, random_state=0
    )

regressor = FCNetRegressor(numeric_embedding=None, random_state=0)
regressor.fit(X_train, y_train)
print(f"These are {name}; test R2 {regressor.score(X_test, y_test):.3f}")

gradients = pd.DataFrame(regressor.input_gradients(X_test), columns=X_test.columns)
effects = gradients * (X_train.quantile(0.75) - X_train.quantile(0.25))
importances = permutation_importance(
    regressor, X_test, y_test, n_repeats=5, random_state=0
)
importance = pd.Series(importances.importances_mean, X_test.columns).sort_values()

# %%
# On the left, every dot is a test row, and its colour the value of the feature in that
# row. On the right are the permutation importances.

figure, axes = plt.subplots(
    1, 2, figsize=(10, 4.5), layout="constrained", sharey=True, width_ratios=(2, 1)
)
noise = np.random.default_rng(0).uniform(-0.3, 0.3, len(X_test))
for place, feature in enumerate(importance.index):
    dots = axes[0].scatter(
        effects[feature],
        place + noise,
        c=X_test[feature].rank(pct=True),
        s=5,
        cmap="viridis",
        vmin=0,
        vmax=1,
    )
axes[0].axvline(0, color="0.5", linewidth=0.8)
span = np.quantile(np.abs(effects), 0.998)
axes[0].set(
    xlabel=f"Gradient times interquartile range ({unit})",
    yticks=range(len(importance)),
    yticklabels=importance.index,
    xlim=(-span, span),
)
axes[1].barh(range(len(importance)), importance, color="#0072B2")
axes[1].set(xlabel="Loss of R2 when shuffled")
colorbar = figure.colorbar(dots, ax=axes, ticks=(0, 1))
colorbar.ax.set_yticklabels(("low", "high"))
colorbar.set_label("Value of the feature")
plt.show()

# %%
# The two methods mostly agree about which features matter, but they answer different
# questions.
# Permutation importance says how much the model relies on a feature, and it has no
# sign. The gradient has one: it tells for which rows the prediction rises with the
# feature and for which it falls. It only looks at small changes, though. A feature of
# which the effect has levelled off has a gradient of zero.
#
# Neither of them says what happens in the world if a feature is changed. For the
# meaning of the gradients of several targets, and of columns of categories, see
# :meth:`~skfcnet.FCNetRegressor.input_gradients`.
