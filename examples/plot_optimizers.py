r"""
Which update rule is the fastest?
=================================

Gradient descent and its relatives all follow the gradient downhill, but they take
different steps. This page lets the rules of :mod:`skfcnet.update_rules` race twice: on
a surface that can be drawn, where every step is visible, and on a network that learns
to read digits.
"""

# %%
# A surface with a curved valley
# ------------------------------
#
# Rosenbrock's function is a classic test of optimisers. Its minimum lies at the end of
# a long, flat and curved valley with steep walls:
#
# .. math:: f(x, y) = (1 - x)^2 + 5 \, (y - x^2)^2
#
# An update rule is a function that takes the parameters and their gradient and returns
# the next parameters. ``config`` contains the learning rate, and whatever the rule
# remembers from one step to the next.

import numpy as np

from skfcnet.update_rules import UPDATE_RULES


def surface(x, y):
    """Return Rosenbrock's function, with walls of moderate height."""
    return (1 - x) ** 2 + 5 * (y - x**2) ** 2


def gradient(w):
    """Return the gradient of the surface at the point w."""
    x, y = w
    return np.array([-2 * (1 - x) - 20 * x * (y - x**2), 10 * (y - x**2)])


def path(rule, learning_rate, n_steps=150):
    """Return the points that an update rule visits."""
    points, config = [np.array([-1.4, 0.6])], {"learning_rate": learning_rate}
    for _ in range(n_steps):
        w, config = rule(points[-1], gradient(points[-1]), config)
        points.append(w)
    return np.array(points)


# %%
# Each rule needs its own learning rate, as the steps are in different units. Here every
# rule runs with several learning rates, and the one that ends lowest is shown. Adam and
# AdamW only differ in weight decay, so AdamW is left out. So is Muon, whose steps are
# for matrices of weights: it would take the steps of AdamW for these two numbers.

STYLES = {
    "sgd": {"color": "#0072B2", "marker": "o"},
    "sgd_momentum": {"color": "#E69F00", "marker": "s", "linestyle": "--"},
    "sgd_nesterov": {"color": "#009E73", "marker": "^"},
    "rmsprop": {"color": "#CC79A7", "marker": "D", "linestyle": "--"},
    "adam": {"color": "#D55E00", "marker": "v"},
}
grid = np.geomspace(0.003, 0.4, 15)

best = {}
for name in STYLES:
    with np.errstate(all="ignore"):  # too high a learning rate diverges
        paths = {rate: path(UPDATE_RULES[name], rate) for rate in grid}
        heights = {rate: surface(*points[-1]) for rate, points in paths.items()}
    rate = min(grid, key=lambda rate: np.nan_to_num(heights[rate], nan=np.inf))
    best[name] = paths[rate]
    print(f"{name:12} learning rate {rate:.3f}: {heights[rate]:.1e} after 150 steps")

# %%
# The star is the minimum. Every dot is a step.

import matplotlib.pyplot as plt

x, y = np.meshgrid(np.linspace(-1.9, 1.9, 200), np.linspace(-0.8, 2.8, 200))

figure, axes = plt.subplots(2, 3, figsize=(10, 6.5), layout="constrained")
for ax, (name, points) in zip(axes.flat, best.items(), strict=False):
    ax.contourf(x, y, np.log10(surface(x, y) + 1e-2), levels=20, cmap="Greys_r")
    color = STYLES[name]["color"]
    ax.plot(*points.T, ".-", color=color, markersize=4, linewidth=1)
    ax.plot(1, 1, "*", color="white", markeredgecolor="black", markersize=14)
    ax.set(title=name, xlim=(-1.9, 1.9), ylim=(-0.8, 2.8), xticks=(), yticks=())
    axes[1, 2].semilogy(
        surface(*points.T), **STYLES[name], label=name, markevery=25, markersize=5
    )
axes[1, 2].set(title="The race", xlabel="Step", ylabel="Height", ylim=(1e-8, 1e5))
axes[1, 2].yaxis.set(ticks_position="right", label_position="right")
axes[1, 2].legend(loc="upper right", ncols=2, fontsize="small")
plt.show()

# %%
# Plain gradient descent jumps from wall to wall unless its learning rate is small, and
# then it crawls along the valley. Momentum remembers the direction of earlier steps,
# and so it speeds up along the valley, overshoots, and comes back. Nesterov's variant
# looks at the gradient ahead, which damps the swings. RMSProp and Adam divide each
# coordinate by the size of its recent gradients, so that their steps are about equally
# long on steep and on flat ground. RMSProp has no momentum, and its first steps are too
# long here, because it knows only one or two gradients by then.
#
# A network on digits
# -------------------
#
# The loss of a network has thousands of coordinates, and every minibatch sees another
# sample of it. Which rule wins on one surface therefore says little about the other.
# Here is the same race for a network with two hidden layers of 64 units, on the 1,797
# digits of scikit-learn. Muon takes part, since the weights of hidden layers are
# matrices. :class:`~skfcnet.solver.Solver` trains the network for ten epochs with
# eleven learning rates for each rule.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skfcnet.network import FullyConnectedNet
from skfcnet.solver import DivergenceError, Solver

X, labels = load_digits(return_X_y=True)
data = dict(
    zip(
        ("X_train", "X_val", "y_train", "y_val"),
        train_test_split(X / 16 - 0.5, labels, stratify=labels, random_state=0),
        strict=True,
    )
)


def trained(rule, learning_rate):
    """Return a solver after ten epochs, or None if training diverged."""
    net = FullyConnectedNet(
        "classification", [64, 64], input_dim=64, weight_scale=None, random_state=0
    )
    solver = Solver(
        net,
        data,
        update_rule=rule,
        optim_config={"learning_rate": learning_rate},
        batch_size=50,
        num_epochs=10,
        verbose=False,
        random_state=0,
    )
    try:
        solver.train()
    except DivergenceError:
        return None
    return solver


def final_loss(solver):
    """Return the mean loss of the last epoch; infinite if training diverged."""
    return (
        np.inf
        if solver is None
        else np.mean(solver.loss_history[-solver.n_minibatches :])
    )


STYLES["muon"] = {"color": "black", "marker": "*", "linestyle": ":"}
rates = np.geomspace(1e-4, 1, 11)
runs = {name: [trained(name, rate) for rate in rates] for name in STYLES}
losses = {name: np.array([final_loss(run) for run in runs[name]]) for name in STYLES}

# %%
# On the left is the loss after ten epochs for every learning rate, and on the right the
# course of the best run of each rule, as a moving average over the minibatches of an
# epoch.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
for name, style in STYLES.items():
    axes[0].loglog(rates, losses[name], **style, label=name, markersize=5)
    winner = runs[name][losses[name].argmin()]
    window = np.full(winner.n_minibatches, 1 / winner.n_minibatches)
    smooth = np.convolve(winner.loss_history, window, mode="valid")
    axes[1].plot(smooth, **style, label=name, markevery=40, markersize=5)
    print(
        f"{name:12} learning rate {rates[losses[name].argmin()]:.3f}, "
        f"validation accuracy {winner.best_val_acc:.3f}"
    )
axes[0].set(xlabel="Learning rate", ylabel="Training loss after ten epochs")
axes[1].set(xlabel="Minibatch", ylabel="Training loss")
axes[1].tick_params(labelleft=True)
axes[1].legend()
plt.show()

# %%
# With its best learning rate, each rule learns to read the digits, and the loss of Muon
# falls the furthest. What differs more is where this learning rate is. RMSProp, Adam
# and Muon want about 0.01, and the rules that use the gradient as it is want more than
# ten times as much. A comparison of rules at one common learning rate says little.
#
# The estimators choose a rule by ``solver``, and their default is Muon with a learning
# rate of 0.003. The formulas are in the user guide, in :ref:`update-rules`.
