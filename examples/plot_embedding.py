"""
What does an embedding of categories learn?
===========================================

A ZIP code, a shop or a user is a category too, but there are thousands of them. In a
column of more than 32 categories, each one is described by a vector of eight numbers,
which are trained together with the network. This page hides a map behind such names,
and looks for it in what the network has learned.
"""

# %%
# Places as names
# ---------------
#
# Where the environment variable ``SKFCNET_DATA`` names a folder for real data, these
# are the California housing data: the median value of the houses of a block, from
# numbers about the block and its position. Elsewhere the page makes up prices that
# depend on a position, too.
#
# We now divide the map into small squares, give each of them a name, and replace the
# position by the name of its square. The names are random, so that they do not tell
# which squares are neighbours.

import os

import numpy as np
import pandas as pd

from skfcnet.datasets import fetch_california_housing

rng = np.random.default_rng(0)
if os.environ.get("SKFCNET_DATA"):
    name, square, unit = "the California housing data", 0.25, "degrees"
    data = fetch_california_housing(normalize=False, as_frame=True)
    X, y = data.X_train, data.y_train.to_numpy()
    east, north = X["Longitude"].to_numpy(), X["Latitude"].to_numpy()
    numbers = X.drop(columns=["Longitude", "Latitude"]).reset_index(drop=True)
else:
    name, square, unit = "made-up data", 0.3, "km"
    east, north = 6 * rng.beta(1.2, 2.5, size=(2, 8000))
    numbers = pd.DataFrame({"MedInc": rng.lognormal(1.1, 0.5, 8000)})
    y = 2 + 0.4 * numbers["MedInc"] + 1.5 * np.sin(east) * np.cos(north)
    y = y.to_numpy() + rng.normal(0, 0.3, 8000)

corners = np.floor(np.column_stack([east, north]) / square).astype(int)
corners, number_of_square = np.unique(corners, axis=0, return_inverse=True)
codes = rng.permutation(10_000)[: len(corners)]
names = np.array([f"square {code:04d}" for code in codes])
table = numbers.assign(square=names[number_of_square.ravel()])
n_blocks = np.bincount(number_of_square.ravel())

print(f"These are {name}.")
print(
    f"There are {len(table)} blocks in {len(names)} squares, "
    f"half of which have at most {np.median(n_blocks):.0f} blocks."
)
print(table.sample(3, random_state=0).to_string(index=False))

# %%
# How much is in a name?
# ----------------------
#
# Three regressors with the same parameters are compared on rows that they have not
# seen: without any place, with the name of the square, and with the numbers of the
# position. Columns of strings are found by their dtype, and nothing has to be encoded.
# A single network is enough here, since we want to look into it afterwards.

from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split

from skfcnet import FCNetRegressor

tables = {
    "no place": numbers,
    "name of the square": table,
    "position": numbers.assign(east=east, north=north),
}
train, test = train_test_split(np.arange(len(y)), test_size=2500, random_state=0)

models = {}
for name, columns in tables.items():
    model = FCNetRegressor(
        hidden_layer_sizes=(64, 64),
        n_members=1,
        learning_rate="one_cycle",
        max_iter=12,
        random_state=0,
    )
    models[name] = model.fit(columns.iloc[train], y[train])
    error = root_mean_squared_error(y[test], model.predict(columns.iloc[test]))
    print(f"{name:19} RMS error {error:.3f}")

# %%
# A name does nearly as well as a position, although the network cannot know from the
# names which squares are close to each other.
#
# The map behind the names
# ------------------------
#
# What does the network know about a square? We take a typical block, with the median of
# every number, and move it to each of the squares.
# :class:`~skfcnet.FCNetTransformer` returns the activations of the first hidden layer.
# They differ only because the vectors of the squares differ, and their principal
# components say in how many ways.

from sklearn.decomposition import PCA

from skfcnet import FCNetTransformer

typical = pd.DataFrame([numbers.median()] * len(names)).reset_index(drop=True)
moved = typical.assign(square=names)

model = models["name of the square"]
layer = FCNetTransformer(model, layer=0, prefit=True).fit(moved)
pca = PCA(3).fit(layer.transform(moved))
shares = ", ".join(f"{share:.1%}" for share in pca.explained_variance_ratio_)
print(f"share of the variance in the first three components: {shares}")

# %%
# Nearly all of the variance is in one component. Eight numbers were available, but the
# network needs only one of them to describe a place, and it must be how expensive the
# place is. Therefore we ask the network for the price of the typical block in every
# square, and draw it on the map. The network has never seen this map.

import matplotlib.pyplot as plt

prices = model.predict(moved)
lowest, highest = corners.min(axis=0), corners.max(axis=0) + 1
picture = np.full(highest - lowest, np.nan)
picture[tuple((corners - lowest).T)] = prices

figure, ax = plt.subplots(figsize=(7, 5.5), layout="constrained")
squares = ax.imshow(
    picture.T,
    origin="lower",
    extent=square * np.column_stack([lowest, highest]).ravel(),
    cmap="viridis",
    vmin=np.quantile(prices, 0.02),
    vmax=np.quantile(prices, 0.98),
)
ax.set(xlabel=f"East ({unit})", ylabel=f"North ({unit})")
figure.colorbar(squares, label="Price of the typical block (100,000 dollars)")
plt.show()

# %%
# Neighbouring squares have similar colours, although nothing has told the network that
# they are neighbours. In California, one can see the coast, with San Francisco and Los
# Angeles.
#
# Rare categories
# ---------------
#
# Some squares have hundreds of blocks to learn from, and some have a single one. What
# does the network believe about these? For every square, the next figure compares the
# price of the typical block with what the blocks themselves say: by how much they are
# more expensive, on average, than the network without any place predicts.

surplus = y[train] - models["no place"].predict(numbers.iloc[train])
own = pd.Series(surplus).groupby(table["square"].to_numpy()[train])
blocks = pd.DataFrame({"surplus": own.mean(), "n_rows": own.size()})
blocks["price"] = pd.Series(prices, names)

figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
for label, group, color, marker in (
    ("up to 5 training blocks", blocks["n_rows"] <= 5, "#E69F00", "^"),
    ("more than 5", blocks["n_rows"] > 5, "#0072B2", "o"),
):
    shown = blocks.loc[group]
    ax.scatter(
        shown["surplus"],
        shown["price"],
        s=12 + 3 * np.sqrt(shown["n_rows"]),
        color=color,
        marker=marker,
        alpha=0.7,
        label=label,
    )
ax.set(
    xlabel="Mean surplus of the blocks of the square (100,000 dollars)",
    ylabel="Price of the typical block\n(100,000 dollars)",
)
ax.legend(title="Squares with", loc="upper left")
plt.show()

# %%
# For squares of many blocks, the network believes what the blocks say. Of the others,
# it believes little: their prices are close to that of an average square, even if their
# own blocks are much more expensive or cheaper. The reason is that the vector of a
# category is multiplied by :math:`n / (n + 10)` for a category of n rows. A name that
# the network has never seen is treated as an average one. The formula is in the user
# guide, in :ref:`encoded-features`.
#
# Gradient boosting of scikit-learn refuses such a column, since it accepts at most 255
# categories. One-hot encoding would need a column for each square.
