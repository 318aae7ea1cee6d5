"""
Handwritten digits with the building blocks
===========================================

Below the estimators are two classes that show every step of training: a
:class:`~skfcnet.network.FullyConnectedNet` holds the parameters and computes the loss
and its gradients, a :class:`~skfcnet.solver.Solver` runs the epochs and keeps the
history. Here they train a small network on images of handwritten digits.
"""

# %%
# The data
# --------
#
# Where the environment variable ``SKFCNET_DATA`` names a folder for real data, these
# are the MNIST digits, which :func:`~skfcnet.datasets.fetch_mnist` reads or downloads:
# 50,000 images of 28 x 28 pixels to train on. Elsewhere they are the 1,797 of 8 x 8
# pixels that come with scikit-learn, and more epochs make up for the fewer rows. Which
# of them this page shows is printed below.
#
# Pixels are scaled to [0, 1], and the mean of each pixel over the training rows is
# subtracted. The *same* mean is subtracted from validation and test rows, since nothing
# about them is known before they are predicted.

import os

import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from skfcnet.datasets import fetch_mnist

if os.environ.get("SKFCNET_DATA"):
    name, image_shape, num_epochs = "the MNIST digits", (28, 28), 10
    raw, data = fetch_mnist(normalize=False), fetch_mnist()
else:
    name, image_shape, num_epochs = "scikit-learn's digits", (8, 8), 40
    X, y = load_digits(return_X_y=True)
    shuffled = np.random.default_rng(0).permutation(len(X))
    raw, data = Bunch(), Bunch()
    for part, rows in zip(
        ("train", "val", "test"), np.split(shuffled, [1000, 1300]), strict=True
    ):
        raw[f"X_{part}"] = X[rows]
        data[f"X_{part}"] = (X[rows] - raw.X_train.mean(axis=0)) / 16
        raw[f"y_{part}"] = data[f"y_{part}"] = y[rows]

print(f"These are {name}.")
for part in ("train", "val", "test"):
    print(f"{part:5}", data[f"X_{part}"].shape, data[f"y_{part}"].shape)

# %%
# The figure shows seven samples of each class, before the normalisation:

import matplotlib.pyplot as plt

from skfcnet.plotting import plot_samples

figure = plot_samples(raw.X_train, raw.y_train, image_shape=image_shape)
plt.show()

# %%
# The network
# -----------
#
# The network has one hidden layer of 20 units, with batch normalisation. The second
# list names the normalisation of each hidden layer. ``reg`` is the coefficient of the
# L2 penalty on the weights.

from skfcnet.network import FullyConnectedNet

net = FullyConnectedNet(
    "classification",
    [20],
    ["batch"],
    input_dim=data.X_train.shape[1],
    reg=1e-4,
    random_state=0,
)
print(net)
for name, array in net.params.items():
    print(f"{name:6} {array.shape}")

# %%
# Before training, check the loss. The network knows nothing yet and gives each of the
# ten classes about the same probability, so the loss must be close to
# :math:`\log 10 \approx 2.303`. If it is not, something is wrong already.

loss, grads = net.loss(data.X_train[:1000], data.y_train[:1000])
print(f"initial loss: {loss:.3f}")

# %%
# Training
# --------
#
# The solver uses gradient descent with momentum unless told otherwise. Every epoch
# shuffles the training rows and cuts them into minibatches of 100: the 50,000 of MNIST
# into 500, the 1,000 of scikit-learn into 10. The log shows the loss of every 500th
# minibatch, and after every epoch the accuracy on 1000 training rows and on all
# validation rows.

from skfcnet.solver import Solver

solver = Solver(net, data, num_epochs=num_epochs, print_every=500, random_state=0)
solver.train()

# %%
# The solver has left the parameters of the best epoch in the network, together with
# the running statistics of batch normalisation that belong to them.

print(f"best validation accuracy: {solver.best_val_acc:.4f}")

# %%
# The curves
# ----------
#
# :func:`~skfcnet.plotting.plot_history` draws the loss of every minibatch and the
# accuracy of every epoch.

from skfcnet.plotting import plot_history

figure = plot_history(solver)
figure.axes[1].set_ylim(0.9, 1.0)
plt.show()

# %%
# The loss falls fast at first and then slowly, and it scatters, because every
# minibatch is another sample of the data. The accuracy axis is cut off at 0.9, since
# epoch 0, the untrained network, would otherwise fill it. The distance between the
# two curves on the right is the overfitting. On MNIST it stays small for so small a
# network, and the training curve is the more ragged one, because it is measured on 1000
# rows. With no more than 1000 rows to train on, the network soon knows them all.
#
# The test rows
# -------------
#
# The validation rows have chosen the best epoch, so on average their accuracy is
# slightly optimistic. The test rows have had no influence on anything. ``loss`` without
# labels is a test-time pass and returns the scores.

scores = net.loss(data.X_test)
accuracy = np.mean(scores.argmax(axis=1) == data.y_test)
print(f"test accuracy: {accuracy:.4f}")

# %%
# What the hidden units look at
# -----------------------------
#
# Each column of the first weight matrix holds one weight for every pixel, and so it can
# be drawn as an image. Red pixels push the unit up, blue ones push it down. On MNIST
# most of the units have found strokes and arcs in the middle of the image; 8 x 8 pixels
# are too coarse to see them.

weights = net.params["W1"].T.reshape(-1, *image_shape)
limit = np.abs(weights).max() / 2

figure, axes = plt.subplots(2, 10, figsize=(9, 2.2), layout="constrained")
for ax, image in zip(axes.flat, weights, strict=True):
    ax.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)
    ax.axis("off")
plt.show()
