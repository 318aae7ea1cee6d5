"""Time of a grid search in two processes, against one.

The same search, four networks by two folds of 10,000 MNIST rows, in a pipeline with a
scaler: with ``n_jobs=2``, and with ``n_jobs=1`` held to one BLAS thread, which is what
each of the two processes has. They run in turns. Printed are medians: seconds, and the
ratio within a turn, how many times longer one process takes; 2 would be perfect. The
best scores beside them show that the work was the same.

    SKFCNET_DATA=<folder of MNIST/raw> python benchmarks/grid_search.py

takes about a minute on two cores.
"""

from statistics import median

from _common import ESTIMATORS, SHARED, interleaved, mnist, parsed, print_header, ratio
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

N_ROWS, N_EPOCHS = 10_000, 10
GRID = {
    "fcnetclassifier__hidden_layer_sizes": [(100,), (256, 128)],
    "fcnetclassifier__alpha": [1e-4, 1e-1],
}


def search(X, y, n_jobs):
    """Search; return the best score. The best network is not fitted to all rows."""
    network = ESTIMATORS["skfcnet"](**SHARED, max_iter=N_EPOCHS)
    pipeline = make_pipeline(StandardScaler(), network)
    grid_search = GridSearchCV(pipeline, GRID, cv=2, n_jobs=n_jobs, refit=False)
    return grid_search.fit(X, y).cv_results_["mean_test_score"].max()


def main():
    arguments = parsed(__doc__, repeats=5)
    print_header()
    X, y = (rows[:N_ROWS] for rows in mnist())

    def one_process():
        with threadpool_limits(1):
            return search(X, y, n_jobs=1)

    def two_processes():
        return search(X, y, n_jobs=2)

    search(X[:500], y[:500], n_jobs=2)  # starts the processes, which stay
    searches = {"one process": one_process, "two processes": two_processes}
    times, scores = interleaved(searches, arguments.repeats)
    for name, seconds in times.items():
        print(
            f"{name:<14} {median(seconds):7.2f} s   ratio "
            f"{ratio(times['one process'], seconds):5.2f}   best score "
            f"{scores[name][-1]:.4f}"
        )


if __name__ == "__main__":
    main()
