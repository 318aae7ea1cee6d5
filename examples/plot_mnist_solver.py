"""
MNIST with the building blocks
==============================

Below the estimators are two classes that show every step of training: a
:class:`~skfcnet.network.FullyConnectedNet` holds the parameters and computes the loss
and its gradients, a :class:`~skfcnet.solver.Solver` runs the epochs and keeps the
history. Here they train a small network on the MNIST digits, 50,000 images of
28 x 28 pixels.
"""

# %%
# The data
# --------
#
# :func:`~skfcnet.datasets.fetch_mnist` reads the digits, or downloads them if they are
# missing. With ``normalize=True``, the default, pixels are scaled to [0, 1], and the
# mean of each pixel over the training rows is subtracted. Validation and test rows are
# treated with the *same* mean: nothing about them is known before they are predicted.

from skfcnet.datasets import fetch_mnist

data = fetch_mnist()
for part in ("train", "val", "test"):
    print(f"{part:5}", data[f"X_{part}"].shape, data[f"y_{part}"].shape)

# %%
# Seven samples of each class, as they are before the normalisation:

import matplotlib.pyplot as plt

from skfcnet.plotting import plot_samples

raw = fetch_mnist(normalize=False)
figure = plot_samples(raw.X_train, raw.y_train, image_shape=(28, 28))
plt.show()

# %%
# The network
# -----------
#
# One hidden layer of 20 units with batch normalisation. The second list has one entry
# for each hidden layer and says whether it is normalised. ``reg`` is the coefficient
# of the L2 penalty on the weights.

from skfcnet.network import FullyConnectedNet

net = FullyConnectedNet("classification", [20], [True], reg=1e-4, random_state=0)
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
# shuffles the 50,000 rows and cuts them into 500 minibatches of 100. The log shows the
# loss of every 500th minibatch, and after every epoch the accuracy on 1000 training
# rows and on all validation rows.

from skfcnet.solver import Solver

solver = Solver(net, data, num_epochs=10, print_every=500, random_state=0)
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
# two curves on the right is the overfitting: it stays small for so small a network.
# The training curve is the more ragged one, because it is measured on 1000 rows.
#
# The test rows
# -------------
#
# The validation rows have chosen the best epoch, so on average their accuracy is
# slightly optimistic. The test rows have had no influence on anything. ``loss`` without
# labels is a test-time pass and returns the scores.

import numpy as np

scores = net.loss(data.X_test)
accuracy = np.mean(scores.argmax(axis=1) == data.y_test)
print(f"test accuracy: {accuracy:.4f}")

# %%
# What the hidden units look at
# -----------------------------
#
# Each column of the first weight matrix holds one weight for every pixel, and so it
# can be drawn as an image. Red pixels push the unit up, blue ones push it down. Most
# of the units have found strokes and arcs in the middle of the image.

weights = net.params["W1"].T.reshape(-1, 28, 28)
limit = np.abs(weights).max() / 2

figure, axes = plt.subplots(2, 10, figsize=(9, 2.2), layout="constrained")
for ax, image in zip(axes.flat, weights, strict=True):
    ax.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)
    ax.axis("off")
plt.show()
