"""
Grid search over a network
==========================

How wide should the network be, how much dropout, how strong a penalty? The three
answers depend on each other, and on the data. A grid search tries all combinations by
cross-validation, here on the digits that come with scikit-learn.
"""

# %%
# The grid
# --------
#
# The names of the parameters are those of the estimator, with the name of the pipeline
# step in front. ``alpha`` is searched on a logarithmic grid. All other parameters are
# fixed, ``random_state`` too: every combination then starts from the same random
# numbers. 50 epochs are a fifth of the default for so few rows; a higher learning rate
# makes up for most of that.

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfcnet import FCNetClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=0
)

model = make_pipeline(
    StandardScaler(),
    FCNetClassifier(n_members=1, learning_rate_init=0.01, max_iter=50, random_state=0),
)
grid = {
    "fcnetclassifier__hidden_layer_sizes": [(16,), (64,), (64, 64)],
    "fcnetclassifier__dropout": [0.0, 0.2, 0.5],
    "fcnetclassifier__alpha": [1e-4, 1e-1, 1e1],
}

# %%
# The search
# ----------
#
# 27 combinations and 3 folds make 81 fits. They are independent of each other, and
# ``n_jobs=2`` runs two of them at a time, each in its own process. The folds are
# shuffled, because the digits are ordered by writer. At the end the best combination
# is fitted once more, to all training rows.

folds = StratifiedKFold(3, shuffle=True, random_state=0)
search = GridSearchCV(model, grid, cv=folds, n_jobs=2)
search.fit(X_train, y_train)

for name, value in search.best_params_.items():
    print(f"{name.removeprefix('fcnetclassifier__'):18} {value}")
print(f"cross-validated accuracy: {search.best_score_:.3f}")
print(f"test accuracy:            {search.score(X_test, y_test):.3f}")

# %%
# The test accuracy is measured on rows that the search has never seen. The
# cross-validated one is the best of 27, and the best of many noisy numbers tends to
# be a lucky one.
#
# The results
# -----------
#
# ``cv_results_`` has one entry for each combination, in the order of
# ``ParameterGrid``: the names are sorted, and the last one changes fastest. The mean
# scores are therefore an array of shape (alphas, dropouts, sizes).

import matplotlib.pyplot as plt

alphas = grid["fcnetclassifier__alpha"]
dropouts = grid["fcnetclassifier__dropout"]
sizes = grid["fcnetclassifier__hidden_layer_sizes"]
scores = search.cv_results_["mean_test_score"].reshape(
    len(alphas), len(dropouts), len(sizes)
)

figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained", sharey=True)
for ax, alpha, panel in zip(axes, alphas, scores, strict=True):
    image = ax.imshow(panel, vmin=scores.min(), vmax=scores.max())
    ax.set(
        title=f"alpha = {alpha:g}",
        xlabel="hidden_layer_sizes",
        xticks=range(len(sizes)),
        xticklabels=sizes,
        yticks=range(len(dropouts)),
        yticklabels=dropouts,
    )
    middle = (scores.min() + scores.max()) / 2
    for row, values in enumerate(panel):
        for column, value in enumerate(values):
            ax.text(
                column,
                row,
                f"{value:.3f}",
                ha="center",
                va="center",
                color="white" if value < middle else "black",
            )
axes[0].set_ylabel("dropout")
figure.colorbar(image, ax=axes, label="Accuracy, mean over the folds")
plt.show()

# %%
# The narrow network suffers from dropout, it has no units to spare; the wider ones bear
# a little of it. The strongest penalty costs all networks accuracy. Many of the
# other differences are small. How small a difference means nothing? The standard
# deviation over the folds gives an idea:

deviation = search.cv_results_["std_test_score"][search.best_index_]
print(f"best mean over the folds:           {search.best_score_:.3f}")
print(f"its standard deviation over them:   {deviation:.3f}")

# %%
# Combinations within that distance of the best are as good as the best, and among
# them the smallest network is the sensible choice.
