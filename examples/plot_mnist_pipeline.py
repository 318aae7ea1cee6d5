"""
Handwritten digits with a pipeline
==================================

The same network and the same training as in :ref:`the example with the building
blocks <sphx_glr_auto_examples_plot_mnist_solver.py>`, this time as a scikit-learn
pipeline; then a larger network, and a look at what it gets wrong.
"""

# %%
# The data
# --------
#
# Again, these are the MNIST digits where ``SKFCNET_DATA`` names a folder for real data,
# and elsewhere the smaller ones that come with scikit-learn. In a pipeline the pixels
# come as they are, from 0 to 255 or to 16, and scaling them is the first step of the
# model. They are converted to float32, which needs half the memory of float64 and is
# what the network is trained in.

import os

import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from skfcnet.datasets import fetch_mnist

if os.environ.get("SKFCNET_DATA"):
    name, image_shape, max_iter = "the MNIST digits", (28, 28), 10
    data = fetch_mnist(normalize=False)
else:
    name, image_shape, max_iter = "scikit-learn's digits", (8, 8), 40
    X, y = load_digits(return_X_y=True)
    shuffled = np.random.default_rng(0).permutation(len(X))
    data = Bunch()
    for part, rows in zip(
        ("train", "val", "test"), np.split(shuffled, [1000, 1300]), strict=True
    ):
        data[f"X_{part}"], data[f"y_{part}"] = X[rows], y[rows]

X_train, X_val, X_test = (
    data[part].astype(np.float32) for part in ("X_train", "X_val", "X_test")
)
print(f"These are {name}: {len(X_train)} training and {len(X_test)} test rows.")

# %%
# The same recipe
# ---------------
#
# The network has one hidden layer of 20 units with batch normalisation, and is trained
# by gradient descent with momentum at a constant learning rate, on minibatches of 100
# rows and for the same number of epochs. Only the pipeline scales the pixels, and
# labels are not smoothed. Two details are different from the building blocks:
#
# * ``alpha`` is scikit-learn's penalty, which is divided by 200, or by the sum of the
#   sample weights if this is smaller. ``alpha=0.02`` is ``reg=1e-4``.
# * Weights start on a scale that depends on the width of the layer.
#
# The mean of each pixel need not be subtracted: batch normalisation after the first
# layer subtracts it again.
#
# After this number of epochs the loss would still improve, and there would be a
# ``ConvergenceWarning``, which is switched off here.

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skfcnet import FCNetClassifier

warnings.filterwarnings("ignore", category=ConvergenceWarning)

small = make_pipeline(
    MinMaxScaler(),
    FCNetClassifier(
        hidden_layer_sizes=(20,),
        solver="sgd",
        learning_rate="constant",
        learning_rate_init=0.01,
        momentum=0.9,
        nesterovs_momentum=False,
        normalization="batch",
        alpha=0.02,
        batch_size=100,
        max_iter=max_iter,
        early_stopping=False,
        linear_term=False,
        input_scaling=None,
        label_smoothing=0.0,
        random_state=0,
    ),
)
small.fit(X_train, data.y_train)
print(f"validation accuracy: {small.score(X_val, data.y_val):.4f}")
print(f"test accuracy:       {small.score(X_test, data.y_test):.4f}")

# %%
# A larger network
# ----------------
#
# Two wider hidden layers learn more, and soon they overfit the training set. Dropout
# reduces overfitting: in every step each hidden unit is left out with probability 0.2,
# so that no unit can rely on another. Without early stopping it is a single network.
# AdamW takes less time than the default on so many rows. The other parameters have
# their defaults: the estimator scales the pixels itself, a linear model stands beside
# the network, and the learning rate falls at the end.

large = FCNetClassifier(
    hidden_layer_sizes=(256, 128),
    solver="adamw",
    dropout=0.2,
    early_stopping=False,
    random_state=0,
)
large.fit(X_train, data.y_train)
print(f"validation accuracy: {large.score(X_val, data.y_val):.4f}")
print(f"test accuracy:       {large.score(X_test, data.y_test):.4f}")

# %%
# The figure shows the training loss of both networks. The loss of the larger network is
# computed with dropout, which is only switched off for predictions.

# sphinx_gallery_thumbnail_number = 3
import matplotlib.pyplot as plt

from skfcnet import TrainingCurveDisplay

figure, ax = plt.subplots(layout="constrained")
TrainingCurveDisplay.from_estimator(small, ax=ax, name="20 units")
TrainingCurveDisplay.from_estimator(large, ax=ax, name="256 and 128 units, dropout")
ax.set_ylim(bottom=0)
plt.show()

# %%
# Which digits are confused
# -------------------------
#
# Rows of the confusion matrix are the true digits, columns the predicted ones. The
# colours end at one test row in 250, otherwise nothing but the diagonal would be
# visible.

from sklearn.metrics import ConfusionMatrixDisplay

predicted = large.predict(X_test)

figure, ax = plt.subplots(figsize=(6, 6), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    data.y_test,
    predicted,
    ax=ax,
    cmap="Blues",
    colorbar=False,
    im_kw={"vmax": len(predicted) / 250},
)
plt.show()

# %%
# What the network gets wrong
# ---------------------------
#
# Here are the errors that it is most confident about, those with the highest
# probability of a wrong digit, 24 at most. Above each image stand the true and the
# predicted digit. Some are hard to read for people, too; others are not.

confidence = large.predict_proba(X_test).max(axis=1)
wrong = np.flatnonzero(predicted != data.y_test)
wrong = wrong[np.argsort(-confidence[wrong])]
print(f"{len(wrong)} errors in {len(predicted)} rows")

shown = wrong[:24]
lines = max(1, -(-len(shown) // 8))
figure, axes = plt.subplots(lines, 8, figsize=(9, 1.4 * lines), layout="constrained")
for ax in axes.flat:
    ax.axis("off")
for ax, row in zip(axes.flat, shown, strict=False):
    ax.imshow(data.X_test[row].reshape(image_shape), cmap="gray_r")
    ax.set_title(f"{data.y_test[row]} → {predicted[row]}")
plt.show()
