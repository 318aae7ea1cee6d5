r"""
Checking gradients numerically
==============================

A backward pass is easy to get slightly wrong, and a network with a slightly wrong
gradient still trains, only worse. The remedy is an independent check. The
derivative of a function :math:`f` is, up to a small error, the slope between two
points beside :math:`x`,

.. math:: f'(x) \approx \frac{f(x + h) - f(x - h)}{2 h},

the *centred difference*. It needs nothing but the forward pass. It is far too slow to
train with, since every parameter costs two evaluations, but it tells whether the fast
gradient is right.

This page checks a layer, a loss and a whole network, and then looks at what the check
itself gets wrong: its error as the step :math:`h` changes, and the kink of the
rectifier.
"""

# %%
# A layer
# -------
#
# An affine layer maps rows :math:`x` to :math:`x w + b`. Its output is an array, and
# so there is no single derivative. What a backward pass computes is the gradient of
# the *loss*, given the gradient ``dout`` of the loss with respect to the output. The
# check does the same: with any fixed ``dout`` it differentiates the number
# ``(out * dout).sum()``, whose gradient with respect to the output is ``dout``.
#
# Everything is drawn in double precision. In single precision the check would measure
# little but rounding.

import numpy as np

from skfcnet.gradient_check import eval_numerical_gradient_array, rel_error
from skfcnet.layers import affine_backward, affine_forward

rng = np.random.default_rng(0)
x = rng.normal(size=(10, 6))
w = rng.normal(size=(6, 5))
b = rng.normal(size=5)
dout = rng.normal(size=(10, 5))

out, cache = affine_forward(x, w, b)
dx, dw, db = affine_backward(dout, cache)

numeric_dx = eval_numerical_gradient_array(
    lambda x: affine_forward(x, w, b)[0], x, dout
)
numeric_dw = eval_numerical_gradient_array(
    lambda w: affine_forward(x, w, b)[0], w, dout
)
numeric_db = eval_numerical_gradient_array(
    lambda b: affine_forward(x, w, b)[0], b, dout
)
print(f"dx: {rel_error(dx, numeric_dx):.1e}")
print(f"dw: {rel_error(dw, numeric_dw):.1e}")
print(f"db: {rel_error(db, numeric_db):.1e}")

# %%
# ``rel_error`` is the largest relative difference of two arrays,
# :math:`|a - b| / \max(10^{-8}, |a| + |b|)`. In double precision an error of 1e-6 or
# less says that the backward pass is right; one above 1e-3 nearly always says that it
# is wrong. In between, look closer: functions with kinks or with large third
# derivatives can land there.
#
# What does a mistake look like? Here is a gradient of the bias that forgets the last
# row:

wrong_db = dout[:-1].sum(axis=0)
print(f"wrong db: {rel_error(wrong_db, numeric_db):.1e}")

# %%
# A loss
# ------
#
# A loss returns one number, so no ``dout`` is needed. The scores are the variable, the
# labels are fixed.

from skfcnet.gradient_check import eval_numerical_gradient
from skfcnet.losses import softmax_loss

scores = rng.normal(size=(50, 10))
labels = rng.integers(10, size=50)

loss, dscores = softmax_loss(scores, labels)
numeric = eval_numerical_gradient(
    lambda scores: softmax_loss(scores, labels)[0], scores, verbose=False
)
print(f"loss: {loss:.4f}")
print(f"dscores: {rel_error(dscores, numeric):.1e}")

# %%
# This is less exact than the layer was. ``rel_error`` shows the worst coordinate, and
# where a class has nearly no probability, the gradient itself is tiny: the same
# rounding of the loss is then large beside it.
#
# A whole network
# ---------------
#
# The chain rule composes the layers, and the composition can be wrong although every
# layer is right. A network is checked array by array: ``net.params`` maps names to
# live arrays, and the numeric gradient changes one of their numbers at a time and
# evaluates the loss. The function that is differentiated ignores its argument,
# because the network already holds the changed array.
#
# Two preparations matter. The network is small and in double precision, and all
# parameters are moved off their initial values first: biases start at exactly zero,
# and with them a rectifier can stand exactly on its kink, where there is no
# derivative.

from skfcnet.network import FullyConnectedNet


def check_network(net, X, y):
    """Return the relative error of the gradient of every array."""
    _, grads = net.loss(X, y, random_state=1)
    return {
        name: rel_error(
            grads[name],
            eval_numerical_gradient(
                lambda _: net.loss(X, y, random_state=1)[0], array, verbose=False
            ),
        )
        for name, array in net.params.items()
    }


net = FullyConnectedNet(
    "classification",
    [12, 8],
    input_dim=10,
    output_dim=3,
    reg=0.1,
    weight_scale=0.3,
    dtype=np.float64,
    activation="tanh",
    dropout=0.25,
    random_state=0,
)
for array in net.params.values():
    array += rng.normal(scale=0.1, size=array.shape)

X, y = rng.normal(size=(8, 10)), rng.integers(3, size=8)
print(net)
for name, error in check_network(net, X, y).items():
    print(f"{name:4} {error:.1e}")

# %%
# The network has dropout, which draws a new mask in every pass. ``random_state=1``
# draws the same masks in every call; without it the check would compare two different
# functions.
#
# With batch normalisation there is a new effect. The bias before it has no influence
# at all: whatever it adds, the normalisation subtracts again with the mean of the
# minibatch. Its gradient is zero, and what is computed for it is rounding. The
# relative error of two such numbers says nothing; compare them absolutely.

net = FullyConnectedNet(
    "classification",
    [12],
    ["batch"],
    input_dim=10,
    output_dim=3,
    weight_scale=0.3,
    dtype=np.float64,
    activation="tanh",
    random_state=0,
)
for array in net.params.values():
    array += rng.normal(scale=0.1, size=array.shape)

for name, error in check_network(net, X, y).items():
    print(f"{name:6} {error:.1e}")

_, grads = net.loss(X, y)
print(f"\nlargest gradient of W1: {np.abs(grads['W1']).max():.1e}")
print(f"largest gradient of b1: {np.abs(grads['b1']).max():.1e}")

# %%
# The step size
# -------------
#
# How accurate is the check? Taylor's formula gives the centred difference an error of
#
# .. math:: \frac{f(x + h) - f(x - h)}{2 h} - f'(x) = \frac{h^2}{6} f'''(x) + \dots,
#
# the *truncation error*: ten times smaller steps make it a hundred times smaller. But
# :math:`f(x + h)` and :math:`f(x - h)` are only known to about
# :math:`\varepsilon |f|`, where :math:`\varepsilon \approx 2 \cdot 10^{-16}` is the
# precision of a double, and the division by :math:`2 h` blows that *rounding error*
# up to about :math:`\varepsilon |f| / h`: ten times smaller steps make it ten times
# larger. The best step balances both. For a function whose values and derivatives are
# all about one it is :math:`h \approx \varepsilon^{1/3} \approx 10^{-5}`, the default
# here.
#
# For comparison, the one-sided difference :math:`(f(x + h) - f(x)) / h`, which is half
# as expensive, has a truncation error proportional to :math:`h`. Its best step is near
# :math:`\sqrt{\varepsilon} \approx 10^{-8}`, and even there it is far less accurate.
#
# The picture shows the error for the softmax loss above: the length of the difference
# of two gradients, relative to the length of the gradient. That is an average over
# all coordinates, where ``rel_error`` would show the worst of them.

import matplotlib.pyplot as plt


def one_sided_gradient(f, x, h):
    """Return (f(x + h) - f(x)) / h for every coordinate."""
    gradient, f_x = np.zeros_like(x), f(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        x[index] = value + h
        gradient[index] = (f(x) - f_x) / h
        x[index] = value
    return gradient


def distance(numeric, exact):
    """Return the length of the difference, relative to that of the gradient."""
    return np.linalg.norm(numeric - exact) / np.linalg.norm(exact)


def loss_of(scores):
    """Return the loss alone."""
    return softmax_loss(scores, labels)[0]


steps = np.logspace(-13, 0, 53)
centred = [
    distance(eval_numerical_gradient(loss_of, scores, verbose=False, h=h), dscores)
    for h in steps
]
one_sided = [distance(one_sided_gradient(loss_of, scores, h), dscores) for h in steps]

figure, ax = plt.subplots(figsize=(7, 5), layout="constrained")
ax.loglog(steps, one_sided, "o-", markersize=3, label="one-sided difference")
ax.loglog(steps, centred, "o-", markersize=3, label="centred difference")
ax.axvline(1e-5, color="grey", linestyle=":", label="default step of the check")
ax.annotate("rounding", (3e-11, 3e-3), ha="left", color="grey")
ax.annotate("truncation", (2e-2, 3e-7), ha="left", color="grey")
ax.set(xlabel="Step size h", ylabel="Relative error", title="Softmax loss")
ax.legend()
plt.show()

# %%
# Read the picture from right to left. First both curves fall along straight lines, of
# slope 2 for the centred and slope 1 for the one-sided difference: truncation. Then
# they turn and climb along lines of slope -1: rounding. Both turn somewhat earlier
# than the rules of thumb say. Every score belongs to one row of 50, so the
# derivatives are much smaller than the loss, and the rounding of the loss weighs more.
# The rules give the right order of magnitude, and there is room on both sides.
#
# The kink of the rectifier
# -------------------------
#
# ``relu(x) = max(0, x)`` has no derivative at zero. Where a step crosses the kink, the
# centred difference is the slope of a chord, neither 0 nor 1, and the check reports an
# error although the backward pass is right.

from skfcnet.layers import relu_backward, relu_forward

h = 0.5
x = np.linspace(-1.5, 1.5, 301)
_, cache = relu_forward(x)
exact = relu_backward(np.ones_like(x), cache)
numeric = eval_numerical_gradient_array(
    lambda x: relu_forward(x)[0], x, np.ones_like(x), h=h
)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
chord = np.array([-0.3, 0.7])
left.plot(x, relu_forward(x)[0], label="relu")
left.plot(chord, relu_forward(chord)[0], "o-", label="chord around x = 0.2")
left.set(xlabel="x", ylabel="relu(x)", title="A step across the kink")
left.legend()
right.plot(x, exact, label="backward pass")
right.plot(x, numeric, "--", label=f"check, h = {h}")
right.set(xlabel="x", ylabel="Derivative", title="What the check sees")
right.legend(loc="center right")
plt.show()

# %%
# With ``h = 1e-5`` only inputs closer to zero than that are affected. There are two
# ways to stay clear of them: check at random points rather than at zeros, as above,
# and leave the few suspects out. Here one of the inputs is placed on the kink and one
# inside the step.

x = np.array([-1.0, 0.0, 4e-6, 1.0])
_, cache = relu_forward(x)
exact = relu_backward(np.ones_like(x), cache)
numeric = eval_numerical_gradient_array(
    lambda x: relu_forward(x)[0], x, np.ones_like(x)
)
clear = np.abs(x) > 1e-5

print("backward pass:     ", exact)
print("centred difference:", numeric.round(4))
print(f"relative error: {rel_error(exact, numeric):.1e}")
print(f"away from the kink: {rel_error(exact[clear], numeric[clear]):.1e}")
