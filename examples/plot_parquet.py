"""
A file that is larger than memory
=================================

``fit`` needs all rows in memory, and so does pandas before it. For larger data there is
:func:`skfcnet.streaming.fit`: it reads a parquet file batch by batch, and keeps no more
of it in memory than a buffer of a size that you choose. This page trains on files that
are larger and larger, with a buffer that stays the same, and looks at the memory.
"""

# %%
# Files of several sizes
# ----------------------
#
# So that this page takes seconds only, everything here is small: the buffer has 1 MB,
# and the largest file 21 MB. The rows are Friedman's first problem, a well-known
# function of five of ten random numbers, with noise. They are sorted by the target,
# which is what files often are, and the worst order for an algorithm that reads them
# from the first to the last row.

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from sklearn.datasets import make_friedman1

MB = 1e6
BUFFER = int(MB)
COLUMNS = [f"x{j}" for j in range(10)]

folder = TemporaryDirectory()
paths = {}
for n_rows in (10_000, 40_000, 100_000, 200_000):
    X, y = make_friedman1(n_rows, noise=1.0, random_state=0)
    table = pd.DataFrame(X, columns=COLUMNS).assign(y=y).sort_values("y")
    paths[n_rows] = Path(folder.name) / f"{n_rows}.parquet"
    table.to_parquet(paths[n_rows], index=False, row_group_size=2_000)
    print(f"{n_rows:7} rows, {paths[n_rows].stat().st_size / MB:5.1f} MB")
del X, y, table

# %%
# Two ways to train
# -----------------
#
# The first way reads the whole file and calls ``fit``. The second one gives the path to
# ``streaming.fit``, together with the name of the target. It reads the file twice: it
# learns the scales and the bins of the columns from a random sample, and then writes
# the encoded rows to random parts on disk, in ``folder``. In each epoch it loads one
# part after another and shuffles its rows. Each part fits into the buffer.

from skfcnet import FCNetRegressor, streaming


def network():
    """Return a network that trains for two epochs, whatever the number of rows."""
    return FCNetRegressor(
        hidden_layer_sizes=(32,),
        n_members=1,
        early_stopping=False,
        batch_size=256,
        max_iter=2,
        random_state=0,
    )


def fit_in_memory(path):
    """Read the whole file and fit a network to it."""
    table = pd.read_parquet(path)
    y = table.pop("y")
    return network().fit(table, y)


def fit_stream(path):
    """Fit a network to the file, of which a buffer is in memory at a time."""
    return streaming.fit(
        network(), path, target="y", buffer_size=BUFFER, folder=folder.name
    )


# %%
# Memory is allocated in two ways, and the peak of each is measured. Python's
# ``tracemalloc`` counts what Python and NumPy allocate, and a memory pool of pyarrow
# counts what the parquet reader allocates. The peaks need not be at the same time, so
# their sum may be a little too high.

import tracemalloc

import numpy as np
import pyarrow as pa

X_test, _ = make_friedman1(5000, random_state=1)
function = make_friedman1(5000, noise=0.0, random_state=1)[1]
X_test = pd.DataFrame(X_test, columns=COLUMNS)


def measured(fit, path):
    """Return the peak memory of a fit in MB, and the error of the fitted network."""
    usual_pool = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(usual_pool)
    pa.set_memory_pool(pool)
    tracemalloc.start()
    model = fit(path)
    peak = tracemalloc.get_traced_memory()[1] + pool.max_memory()
    tracemalloc.stop()
    pa.set_memory_pool(usual_pool)
    return peak / MB, np.sqrt(np.mean((model.predict(X_test) - function) ** 2))


WAYS = {"fit": fit_in_memory, "streaming.fit": fit_stream}
sizes = [path.stat().st_size / MB for path in paths.values()]
results = {
    name: np.array([measured(fit, path) for path in paths.values()])
    for name, fit in WAYS.items()
}
folder.cleanup()

# %%
# The left figure has the memory, the right one the root mean squared error on new rows,
# with respect to the function without its noise.

import matplotlib.pyplot as plt

STYLES = {
    "fit": {"color": "#D55E00", "marker": "s"},
    "streaming.fit": {"color": "#0072B2", "marker": "o", "linestyle": "--"},
}

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for name, values in results.items():
    for ax, column in zip(axes, values.T, strict=True):
        ax.plot(sizes, column, label=name, **STYLES[name])
axes[0].plot((0, max(sizes)), (0, max(sizes)), color="0.5", linestyle=":", label="file")
axes[0].axhline(BUFFER / MB, color="0.5", linestyle="--", label="buffer")
axes[0].set(xlabel="Size of the file (MB)", ylabel="Peak memory (MB)", ylim=(0, None))
axes[1].set(xlabel="Size of the file (MB)", ylabel="RMS error (units of y)")
axes[1].set(ylim=(0, None))
axes[0].legend()
plt.show()

# %%
# The memory of ``fit`` grows with the file and is several times as large, since the
# table is copied on its way from the file to the network. That of ``streaming.fit``
# stays the same from the second file on. It is a multiple of the buffer, because there
# are several copies of the buffer at the peak, and because the network and its encoding
# need some memory, too. The errors are nearly the same, even though the files are
# sorted.
#
# If all rows fit into the buffer, ``streaming.fit`` gives the same result as ``fit``,
# to the last bit. The default of ``buffer_size`` is 32 MB. What else can be read, and
# what is different from ``fit``, is in the user guide, in
# :doc:`/user_guide/large_data`.
