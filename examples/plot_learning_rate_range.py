"""
What is a good learning rate?
=============================

The learning rate is the most important parameter of training, and its best value
depends on the data and the network. A range test finds it within a single short run:
the learning rate rises from far too small to far too large, and the loss shows where
learning works.
"""

# %%
# One run with a rising learning rate
# -----------------------------------
#
# The test is a loop over minibatches with the building blocks. Each step multiplies the
# learning rate of Adam by the same factor. ``net.loss`` returns the loss of a minibatch
# and its gradients, and :func:`~skfcnet.update_rules.adam` takes a step. The loop ends
# when the loss is much larger than it has been.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skfcnet.network import FullyConnectedNet
from skfcnet.update_rules import adam

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, stratify=y, random_state=0
)


def range_test(rates, batch_size=64, seed=0):
    """Return the loss of one minibatch after another, as the learning rate rises."""
    net = FullyConnectedNet(
        "classification",
        [64, 64],
        input_dim=X_train.shape[1],
        weight_scale=None,
        random_state=seed,
    )
    rng, losses = np.random.default_rng(seed), []
    configs = {name: {} for name in net.params}
    for rate in rates:
        rows = rng.choice(len(X_train), batch_size, replace=False)
        loss, grads = net.loss(X_train[rows], y_train[rows])
        losses.append(loss)
        if loss > 4 * min(losses) and loss > 2 * losses[0]:
            break
        for name, w in net.params.items():
            configs[name]["learning_rate"] = rate
            adam(w, grads[name], configs[name], out=w)
    return np.array(losses)


rates = np.geomspace(1e-5, 10, 300)
losses = range_test(rates)

# %%
# Single minibatches are noisy, so the figure shows a moving average, too.

import matplotlib.pyplot as plt

window = 15
smooth = np.convolve(losses, np.full(window, 1 / window), mode="valid")
middle = rates[window // 2 :][: len(smooth)]
lowest = middle[smooth.argmin()]

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.loglog(rates[: len(losses)], losses, color="0.75", linewidth=0.8, label="minibatch")
ax.loglog(middle, smooth, color="#0072B2", linewidth=2, label="moving average")
ax.axvspan(lowest / 10, lowest / 2, color="#009E73", alpha=0.2, label="good range")
ax.axvline(lowest, color="#D55E00", linestyle="--", label="lowest loss")
ax.set(xlabel="Learning rate", ylabel="Training loss")
ax.legend()
plt.show()

print(f"lowest loss at a learning rate of {lowest:.4f}")

# %%
# On the left, the steps are so short that nothing happens. Then the loss falls. Where
# it is lowest, it is about to rise: there the learning rate is already too large for a
# whole training. The usual rule is to choose a value between a tenth and a half of it,
# which is the green range.
#
# Is the rule right?
# ------------------
#
# To see this, the same network is trained in full with fixed learning rates, as an
# estimator without the parts that would hide their effect.

import warnings

from sklearn.exceptions import ConvergenceWarning

from skfcnet import FCNetClassifier

warnings.filterwarnings("ignore", category=ConvergenceWarning)

candidates = np.geomspace(1e-5, 1, 11)
accuracies = []
for rate in candidates:
    model = FCNetClassifier(
        (64, 64),
        solver="adam",
        n_members=1,
        early_stopping=False,
        linear_term=False,
        numeric_embedding=None,
        input_scaling=None,
        learning_rate="constant",
        learning_rate_init=rate,
        batch_size=64,
        max_iter=15,
        random_state=0,
    )
    accuracies.append(model.fit(X_train, y_train).score(X_test, y_test))

figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.axvspan(lowest / 10, lowest / 2, color="#009E73", alpha=0.2, label="good range")
ax.axvline(lowest, color="#D55E00", linestyle="--", label="lowest loss")
ax.semilogx(candidates, accuracies, "o-", color="#0072B2")
ax.set(xlabel="Learning rate", ylabel="Test accuracy after 15 epochs", ylim=(0, 1.02))
ax.legend(loc="upper left")
plt.show()

# %%
# Here the whole green range is good, and so is the rate of the lowest loss. The
# accuracy falls on both sides: steps that are too short do not arrive within 15 epochs,
# and with steps that are too long, the network learns nothing at all.
#
# The best learning rate is not the same for every update rule, as
# :ref:`sphx_glr_auto_examples_plot_optimizers.py` shows, and a schedule lets training
# begin with a larger one: see :ref:`sphx_glr_auto_examples_plot_schedules.py`. The
# default of the estimators, 0.003, lies in the green range. It is meant for Muon, their
# default solver, as well as for Adam, since both make steps of about the same size.
