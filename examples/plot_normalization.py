"""
What does normalisation do to a deep network?
=============================================

In a deep network, every layer passes on what the layer before it has computed. If each
layer makes its input a little smaller, hardly anything is left after ten layers. If
each makes it larger, all units saturate. Normalisation brings every layer back to the
same scale. This page looks at the activations of ten hidden layers, and then trains
these networks.
"""

# %%
# Ten layers before training
# --------------------------
#
# The networks have ten hidden layers of 64 units with tanh, and read the digits that
# come with scikit-learn. The standard deviation of their initial weights is 0.05, which
# is too small, 0.125, which is right for 64 inputs, or 0.5, which is too large. Each of
# them is built without normalisation, with batch normalisation, which uses the means
# and variances of a minibatch, and with layer normalisation, which uses those of each
# row.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skfcnet.network import FullyConnectedNet

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X, y, stratify=y, random_state=0)
mean, std = X_train.mean(axis=0), X_train.std(axis=0) + 1e-6
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std

DEPTH = 10
SCALES = (0.05, 0.125, 0.5)
KINDS = {"none": None, "batch": ["batch"] * DEPTH, "layer": ["layer"] * DEPTH}
COLORS = {"none": "#D55E00", "batch": "#0072B2", "layer": "#009E73"}


def deep_network(kind, weight_scale):
    """Return an untrained network of ten hidden layers."""
    return FullyConnectedNet(
        "classification",
        [64] * DEPTH,
        KINDS[kind],
        input_dim=64,
        weight_scale=weight_scale,
        activation="tanh",
        random_state=0,
    )


# %%
# :meth:`~skfcnet.network.FullyConnectedNet.hidden` returns the activations of a layer
# as they are when the network predicts. Batch normalisation then uses running averages
# of the means and variances. A few training passes come first, therefore, which update
# these averages but change no weights.
#
# Each violin shows how the activations of a layer are distributed. Good ones fill the
# range of tanh, from -1 to 1, without sticking to its ends.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(
    3, 3, figsize=(10, 7), layout="constrained", sharex=True, sharey=True
)
for row, kind in zip(axes, KINDS, strict=True):
    for ax, scale in zip(row, SCALES, strict=True):
        net = deep_network(kind, scale)
        for _ in range(50):
            net.loss(X_train[:500], y_train[:500])
        values = [net.hidden(X_train[:100], layer).ravel() for layer in range(DEPTH)]
        violins = ax.violinplot(
            values, range(1, DEPTH + 1), widths=0.9, showextrema=False, points=60
        )
        for body in violins["bodies"]:
            body.set(facecolor=COLORS[kind], alpha=0.8)
        ax.set(ylim=(-1.1, 1.1), xticks=(1, 4, 7, 10))
    row[0].set_ylabel(f"normalisation: {kind}")
for ax, scale in zip(axes[0], SCALES, strict=True):
    ax.set_title(f"initial weights of scale {scale}")
figure.supxlabel("Hidden layer")
figure.supylabel("Activation")
plt.show()

# %%
# Without normalisation, small weights make the activations vanish: from the fifth layer
# on, all rows look the same. Large weights push most units close to -1 or 1, where tanh
# is flat and lets hardly any gradient pass. Only the scale in the middle works. With
# either normalisation, the three columns look the same: what goes into tanh is divided
# by its standard deviation, and so the scale of the weights does not matter.
#
# Training
# --------
#
# Now each of the nine networks is trained for ten epochs, by gradient descent with
# momentum. The figure shows the accuracy on rows that are not trained on, after every
# epoch.

from skfcnet.solver import Solver

data = {"X_train": X_train, "y_train": y_train, "X_val": X_val, "y_val": y_val}
MARKERS = {"none": "o", "batch": "s", "layer": "^"}

figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained", sharey=True)
for ax, scale in zip(axes, SCALES, strict=True):
    for kind in KINDS:
        solver = Solver(
            deep_network(kind, scale),
            data,
            optim_config={"learning_rate": 0.02},
            batch_size=50,
            num_epochs=10,
            verbose=False,
            random_state=0,
        )
        solver.train()
        ax.plot(
            solver.val_acc_history,
            color=COLORS[kind],
            marker=MARKERS[kind],
            markersize=4,
            label=kind,
        )
        accuracy = solver.val_acc_history[-1]
        print(f"scale {scale:<5}  {kind:5}  validation accuracy {accuracy:.3f}")
    ax.set(title=f"initial weights of scale {scale}", xlabel="Epoch", ylim=(0, 1.02))
axes[0].set_ylabel("Validation accuracy")
axes[1].legend(title="Normalisation", loc="lower right")
plt.show()

# %%
# With weights that are too small, the network without normalisation does not learn
# anything in ten epochs, and with weights that are too large it learns slowly. Both
# normalisations work with all three scales. Where the scale is right, they make no
# difference.
#
# This is why the default of the estimators is ``normalization=None``: they choose the
# scale of the initial weights for each layer, as ``weight_scale=None`` does for this
# network, and they have two hidden layers, which is not deep. The formulas are in the
# user guide, in :ref:`batch-normalisation`.
