"""
House prices: regression
========================

From numbers about a block of houses, such as the income and number of the people in a
household and the position, their median value is predicted, in units of 100,000
dollars. A network is trained twice: with the building blocks, watching the error epoch
by epoch, and as an estimator.
"""

# %%
# The data
# --------
#
# Where the environment variable ``SKFCNET_DATA`` names a folder for real data, these
# are the California housing data: eight numbers about 20,640 blocks.
# :func:`~skfcnet.datasets.fetch_california_housing` shuffles the rows with a fixed
# seed, splits them and standardises every feature by the mean and the standard
# deviation of the training rows. Elsewhere a table is drawn at random that has the same
# difficulties: an effect of the position that is no straight line, extreme values, and
# prices that are recorded up to a limit only. Which of them this page shows is printed
# below.

import os

import numpy as np
from sklearn.utils import Bunch

from skfcnet.datasets import fetch_california_housing

if os.environ.get("SKFCNET_DATA"):
    name = "the California housing data"
    raw, data = fetch_california_housing(normalize=False), fetch_california_housing()
else:
    name = "made-up data"
    rng = np.random.default_rng(0)
    income, people = rng.lognormal((1.1, 1.0), (0.5, 1.0), size=(6000, 2)).T
    east, north = rng.uniform(0, 6, size=(6000, 2)).T
    price = 0.7 + 0.6 * income + np.sin(east) * np.cos(north) - 0.3 * np.log(people)
    X = np.column_stack([income, people, north, east])
    y = np.clip(price + rng.normal(scale=0.3, size=6000), 0.15, 5)
    raw, data = Bunch(), Bunch()
    for part, rows in (
        ("train", slice(4000)),
        ("val", slice(4000, 5000)),
        ("test", slice(5000, None)),
    ):
        raw[f"X_{part}"] = X[rows]
        data[f"X_{part}"] = (X[rows] - X[:4000].mean(axis=0)) / X[:4000].std(axis=0)
        raw[f"y_{part}"] = data[f"y_{part}"] = y[rows]

print(f"These are {name}.")
for part in ("train", "val", "test"):
    print(f"{part:5}", data[f"X_{part}"].shape)

# %%
# The errors can be compared with those of two simple models: always predicting the
# mean, and a linear model. Errors are root mean squared (RMS) errors, in the units of
# the target.

from sklearn.linear_model import LinearRegression
from sklearn.metrics import root_mean_squared_error

mean = np.full_like(data.y_test, data.y_train.mean())
linear = LinearRegression().fit(data.X_train, data.y_train)
print(f"mean:         {root_mean_squared_error(data.y_test, mean):.3f}")
print(
    f"linear model: "
    f"{root_mean_squared_error(data.y_test, linear.predict(data.X_test)):.3f}"
)

# %%
# With the building blocks
# ------------------------
#
# A regression network has the mean squared error as its loss, and the
# :class:`~skfcnet.solver.Solver` records the RMS error of every epoch in place of the
# accuracy. ``weight_scale=None`` chooses the scale of the initial weights for each
# layer, which matters more the deeper the network is.
#
# Some features have extreme values: a few blocks of California have hundreds of people
# per household, which is a hundred standard deviations from the mean. Such a row has an
# enormous gradient, and gradient descent may leap so far that training diverges. Adam,
# the update rule chosen here, divides by the recent size of the gradient, which bounds
# the step. ``lr_decay`` multiplies the learning rate after every epoch: large steps
# first, small ones to settle.

from skfcnet.network import FullyConnectedNet
from skfcnet.solver import Solver
from skfcnet.update_rules import adam

net = FullyConnectedNet(
    "regression",
    [64, 64],
    input_dim=data.X_train.shape[1],
    output_dim=1,
    reg=1e-4,
    weight_scale=None,
    random_state=0,
)
print(net)

solver = Solver(
    net,
    data,
    update_rule=adam,
    optim_config={"learning_rate": 2e-3},
    lr_decay=0.95,
    num_epochs=20,
    num_train_samples=None,
    verbose=False,
    random_state=0,
)
solver.train()

print("epoch  training error  validation error")
for epoch in range(0, solver.epoch + 1, 4):
    train, val = solver.train_acc_history[epoch], solver.val_acc_history[epoch]
    print(f"{epoch:5}  {train:14.3f}  {val:16.3f}")

# %%
# With ``verbose=True``, the solver would print the errors of every epoch by itself. It
# keeps the parameters of the epoch with the lowest validation error.

# sphinx_gallery_thumbnail_number = 4
import matplotlib.pyplot as plt

from skfcnet.plotting import plot_history

print(f"best validation error: {solver.best_val_acc:.3f}")
test_error = root_mean_squared_error(data.y_test, net.loss(data.X_test))
print(f"test error:            {test_error:.3f}")

figure = plot_history(solver)
loss_axes, error_axes = figure.axes
loss_axes.set_ylim(0, 2)
error_axes.set_ylim(0.8 * solver.best_val_acc, 1.6 * solver.best_val_acc)
plt.show()

# %%
# Both vertical axes are cut off above, since the untrained network predicts numbers
# near zero and starts with a large error. The loss is a mean of *squares*, of 100 rows
# each, with the penalty; the error on the right is the root of a mean over all rows of
# a part.
#
# As an estimator
# ---------------
#
# The estimator is the shorter way, and its defaults are the better recipe. The features
# are not scaled beforehand: the estimator scales them such that no extreme values
# remain, and adds piecewise linear encoding. The learning rate rises and falls once,
# and the number of epochs depends on the number of rows. There are five networks, the
# members of an ensemble, whose predictions are averaged. ``X_val`` is not needed: each
# member holds out another fifth of the training rows, and keeps the weights of the
# epoch in which its loss on them is lowest. The loss is *half* the mean squared error
# here, as in scikit-learn, of targets that are scaled to a variance of 1.

from skfcnet import FCNetRegressor, TrainingCurveDisplay

model = FCNetRegressor(hidden_layer_sizes=(64, 64), random_state=0)
model.fit(raw.X_train, raw.y_train)

predicted = model.predict(raw.X_test)
print(f"epochs:     {model.n_iter_}")
print(f"test error: {root_mean_squared_error(raw.y_test, predicted):.3f}")
print(f"test R2:    {model.score(raw.X_test, raw.y_test):.3f}")

display = TrainingCurveDisplay.from_estimator(model)
display.ax_.set_ylim(0, 0.25)
plt.show()

# %%
# The solid line is the training loss. The dashed line is the mean of the members'
# validation losses, with a band of one standard deviation on either side. Each dot is
# on the validation curve of one member, at the epoch whose weights it keeps. At the
# end, where the learning rate goes to zero, steps are no longer too long: the
# validation loss hardly changes, while the training loss still falls.
#
# On the made-up data, the training loss jumps once. When the validation losses no
# longer improve, training goes back to the best epochs, and the learning rate falls
# from there.
#
# Predicted against true values
# -----------------------------
#
# Every hexagon counts the test rows that fall into it. A perfect model would put all
# of them on the line.

figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
limits = (0, 6)
counts = ax.hexbin(
    raw.y_test,
    predicted,
    gridsize=40,
    extent=(*limits, *limits),
    mincnt=1,
    bins="log",
    cmap="viridis",
)
ax.plot(limits, limits, color="black", linewidth=1)
ax.set(
    xlabel="True value (100,000 dollars)",
    ylabel="Predicted value (100,000 dollars)",
    xlim=limits,
    ylim=limits,
    aspect="equal",
)
figure.colorbar(counts, label="Test rows")
plt.show()

# %%
# The column on the right is not a fault of the model. All values above 500,000 dollars
# were recorded as one, so that nothing tells the most expensive blocks apart.
#
# The errors on the map
# ---------------------
#
# Does the model fail everywhere alike, or are there places that it does not understand?
# The last two columns are the position, so that every test row has a place on the map.
# On the left is the true value, and on the right the prediction minus the true value.

north, east = raw.X_test[:, -2:].T
error = predicted - raw.y_test
limit = np.quantile(np.abs(error), 0.98)
unit = "degrees" if os.environ.get("SKFCNET_DATA") else "km"

figure, axes = plt.subplots(
    1, 2, figsize=(10, 4.8), layout="constrained", sharex=True, sharey=True
)
for ax, title, numbers, style in (
    (axes[0], "Value", raw.y_test, {"cmap": "viridis"}),
    (axes[1], "Error", error, {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}),
):
    places = ax.scatter(
        east, north, c=numbers, s=14, edgecolors="0.4", linewidths=0.2, **style
    )
    ax.set(title=title, xlabel=f"East ({unit})", aspect="equal", facecolor="0.92")
    figure.colorbar(places, ax=ax, label="100,000 dollars", shrink=0.8)
axes[0].set_ylabel(f"North ({unit})")
plt.show()

# %%
# Red dots are valued too highly, and blue ones too low. On the housing data, the errors
# are small where all values are low, in the valley and the desert. The largest ones are
# on the coast and in the big cities, where an expensive block is next to a cheap one,
# and where the values are cut off. On made-up data, what is left is noise, and it has
# no pattern.
