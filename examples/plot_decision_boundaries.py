"""
How wide must a hidden layer be?
================================

A hidden unit with a rectifier bends the decision boundary of a network along one
straight line. A wider layer can therefore draw more complicated boundaries. This page
fits networks of growing width to the two spirals, a classic problem that no linear
model can solve, and draws what each of them has learned.
"""

# %%
# Two spirals
# -----------
#
# The two classes wind around each other. Some noise is added to every point, so that
# the arms have a width.

import numpy as np
from sklearn.model_selection import train_test_split


def two_spirals(n_rows, *, turns=1.25, noise=0.045, seed=0):
    """Return points on two spirals, and the number of the spiral of each point."""
    rng = np.random.default_rng(seed)
    spiral = rng.integers(2, size=n_rows)
    radius = np.sqrt(rng.uniform(0.02, 1, size=n_rows))
    angle = 2 * np.pi * turns * radius + np.pi * spiral
    points = radius[:, np.newaxis] * np.column_stack([np.cos(angle), np.sin(angle)])
    return points + rng.normal(scale=noise, size=points.shape), spiral


X, y = two_spirals(1600)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
print("training rows:", len(X_train), " test rows:", len(X_test))

# %%
# Plain networks
# --------------
#
# By default, :class:`~skfcnet.FCNetClassifier` averages five networks, adds a linear
# model and encodes every number by bins, all of which would hide what the hidden layer
# does. Here they are switched off. What is left is a single network with one hidden
# layer, which is trained for the same number of epochs whatever its width.

from skfcnet import FCNetClassifier

plain = FCNetClassifier(
    n_members=1,
    early_stopping=False,
    linear_term=False,
    numeric_embedding=None,
    learning_rate="one_cycle",
    learning_rate_init=0.03,
    max_iter=300,
    random_state=0,
)

# %%
# One hidden layer of growing width
# ---------------------------------
#
# The background is the predicted probability of the blue spiral, and the black line is
# the decision boundary, where both classes are equally likely. The points are the test
# rows.

import matplotlib.pyplot as plt
from sklearn.base import clone
from sklearn.inspection import DecisionBoundaryDisplay


def draw_boundary(ax, model, title):
    """Draw the probabilities of a fitted model, its boundary and the test rows."""
    probabilities = DecisionBoundaryDisplay.from_estimator(
        model,
        X,
        ax=ax,
        eps=0.15,
        grid_resolution=150,
        response_method="predict_proba",
        plot_method="contourf",
        cmap="RdBu",
        levels=np.linspace(0, 1, 11),
        alpha=0.7,
    )
    ax.contour(
        probabilities.xx0,
        probabilities.xx1,
        probabilities.response,
        levels=[0.5],
        colors="black",
        linewidths=1.2,
    )
    ax.scatter(*X_test.T, c=y_test, cmap="RdBu", s=10, edgecolors="k", linewidths=0.3)
    accuracy = f"test accuracy {model.score(X_test, y_test):.2f}"
    ax.set(title=f"{title}\n{accuracy}", xticks=(), yticks=(), aspect="equal")


widths = (2, 4, 8, 16, 32, 128)
figure, axes = plt.subplots(2, 3, figsize=(9, 6.8), layout="constrained")
for ax, width in zip(axes.flat, widths, strict=True):
    model = clone(plain).set_params(hidden_layer_sizes=(width,)).fit(X_train, y_train)
    draw_boundary(ax, model, f"{width} units")
plt.show()

# %%
# Two units can bend the boundary twice, which is by far not enough. With each step
# the boundary follows the arms more closely. The wide networks are not much worse on
# the test rows than on the training rows: here the width limits what can be learned,
# and does not lead to overfitting.
#
# Two layers, and the defaults
# ----------------------------
#
# A second layer bends what the first one has drawn once more. Two layers of 16 units
# learn the spirals almost perfectly, and have fewer parameters than the one layer of
# 128 units above. On the right is the estimator with all its defaults, for comparison.
# It is the mean of five networks, and its boundary is smoother than that of a single
# one.

deep = clone(plain).set_params(hidden_layer_sizes=(16, 16)).fit(X_train, y_train)
default = FCNetClassifier(random_state=0).fit(X_train, y_train)

figure, axes = plt.subplots(1, 2, figsize=(7.2, 4.1), layout="constrained")
draw_boundary(axes[0], deep, "16 + 16 units")
draw_boundary(axes[1], default, "All defaults")
plt.show()

# %%
# How many parameters does each network have?


def n_parameters(model):
    """Return the number of weights and biases of a fitted network."""
    return sum(array.size for array in (*model.coefs_, *model.intercepts_))


print(f"128 units:     {n_parameters(model):6,} parameters")
print(f"16 + 16 units: {n_parameters(deep):6,} parameters")
print(f"defaults:      {n_parameters(default):6,} parameters, in five networks")

# %%
# A wide layer costs little, and a network that is too narrow cannot learn the problem
# at all. In doubt, choose the wider network, and limit overfitting by other means, such
# as the penalty ``alpha``, ``dropout`` and early stopping. The :doc:`user guide
# </user_guide/estimators>` describes them, and
# :ref:`sphx_glr_auto_examples_plot_grid_search.py` shows how to search for the best
# combination.
