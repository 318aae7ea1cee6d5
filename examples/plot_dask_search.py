"""
A search on a cluster
=====================

A search of parameters fits hundreds of networks, none of which has to wait for another.
Any search of scikit-learn can therefore be spread over the machines of a cluster, by
a few more lines. This page searches on a dask cluster, which here consists of two
processes on one computer, and draws what the workers did.
"""

# %%
# The search
# ----------
#
# How wide should the network be, how fast should it learn, how much should be dropped?
# A random search draws 24 combinations of these, and judges each by three-fold
# cross-validation on the digits of scikit-learn. Nothing about this is special to a
# cluster.

from scipy.stats import loguniform, uniform
from sklearn.datasets import load_digits
from sklearn.model_selection import (
    RandomizedSearchCV,
    StratifiedKFold,
    train_test_split,
)

from skfcnet import FCNetClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

search = RandomizedSearchCV(
    FCNetClassifier(
        n_members=1,
        early_stopping=False,
        linear_term=False,
        numeric_embedding=None,
        max_iter=10,
        random_state=0,
    ),
    {
        "hidden_layer_sizes": [(16,), (64,), (128,)],
        "learning_rate_init": loguniform(1e-4, 1e-1),
        "dropout": uniform(0, 0.8),
    },
    n_iter=24,
    cv=StratifiedKFold(3, shuffle=True, random_state=0),
    random_state=0,
)

# %%
# The cluster
# -----------
#
# ``LocalCluster`` starts two workers, each in a process of its own, and ``Client``
# connects to them. For a real cluster, the client gets the address of its scheduler
# instead, and nothing else changes. Inside ``joblib.parallel_config``, every search
# of scikit-learn sends its fits to the workers. ``get_task_stream`` records which
# worker did what, and when.
#
# In a script, all of this has to stand below ``if __name__ == "__main__":``. The first
# thing that a new process on the same computer does is to import the script, and
# without this line it would start a cluster of its own. A notebook does not need it.

import joblib
from distributed import Client, LocalCluster, get_task_stream

if __name__ == "__main__":
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
        get_task_stream(client) as tasks,
        joblib.parallel_config(backend="dask"),
    ):
        search.fit(X_train, y_train)

    for name, value in search.best_params_.items():
        print(f"{name:19} {value if isinstance(value, tuple) else round(value, 4)}")
    print(f"cross-validated accuracy: {search.best_score_:.3f}")
    print(f"test accuracy:            {search.score(X_test, y_test):.3f}")

# %%
# What the workers did
# --------------------
#
# Every bar is a network that is fitted and scored, on the worker that it was sent to.
# A worker gets the next one as soon as it is free.

import matplotlib.pyplot as plt
import numpy as np

if __name__ == "__main__":
    workers = sorted({task["worker"] for task in tasks.data})
    spans = [
        (workers.index(task["worker"]), step["start"], step["stop"])
        for task in tasks.data
        for step in task["startstops"]
        if step["action"] == "compute"
    ]
    worker, start, stop = np.transpose(spans)

    figure, ax = plt.subplots(figsize=(9, 2.6), layout="constrained")
    ax.barh(
        worker,
        stop - start,
        left=start - start.min(),
        height=0.7,
        color=np.array(["#0072B2", "#E69F00"])[worker.astype(int)],
        edgecolor="white",
        linewidth=0.5,
    )
    ax.set(
        xlabel="Time since the first fit (s)",
        yticks=range(len(workers)),
        yticklabels=[f"worker {i + 1}" for i in range(len(workers))],
    )
    plt.show()

# %%
# What the search has found
# -------------------------
#
# Each circle is a combination, and its size the number of hidden units. The black star
# is the best one.

if __name__ == "__main__":
    results = search.cv_results_
    rates = results["param_learning_rate_init"].astype(float)
    dropouts = results["param_dropout"].astype(float)
    units = [size[0] for size in results["param_hidden_layer_sizes"]]

    figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    circles = ax.scatter(
        rates, dropouts, s=30 + 2 * np.array(units), c=results["mean_test_score"]
    )
    best = search.best_index_
    ax.plot(rates[best], dropouts[best], "k*", markersize=9)
    ax.set(xlabel="Learning rate", ylabel="Dropout", xscale="log")
    figure.colorbar(circles, label="Accuracy, mean over the folds")
    plt.show()

# %%
# Any sufficiently large learning rate is good after ten epochs, and narrow networks
# suffer most from dropout.
#
# The extra ``distributed`` of skfcnet installs what this page needs. A cluster pays if
# the fits take much longer than it takes to send the data to each worker. On a single
# computer, ``n_jobs=2`` of the search is simpler and does the same, as in
# :ref:`sphx_glr_auto_examples_plot_grid_search.py`. The members of an ensemble can be
# trained on a cluster in the same way, and rows that no machine can hold by
# :func:`skfcnet.distributed.fit`: see :doc:`/user_guide/large_data`.
