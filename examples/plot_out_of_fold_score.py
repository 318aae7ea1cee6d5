"""
Does the out-of-fold score replace a test set?
==============================================

By default, each of the five networks of an ensemble leaves out another fifth of the
rows and is stopped by its loss on them. So every row can be predicted by a network that
was not trained on it. ``oob_score_`` is the score of these predictions. It comes with
every fit and costs no rows. This page compares it with the score on real test rows.
"""

# %%
# Choosing the width of a network
# -------------------------------
#
# The first question is whether the score helps to choose a parameter. Networks of
# growing width learn from 500 of scikit-learn's digits, and the other 1,297 digits tell
# how good they really are.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skfcnet import FCNetClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=500, stratify=y, random_state=0
)

widths = (2, 4, 8, 16, 32, 64)
scores = {"training": [], "out of fold": [], "test": []}
for width in widths:
    model = FCNetClassifier((width,), linear_term=False, random_state=0)
    model.fit(X_train, y_train)
    scores["training"].append(model.score(X_train, y_train))
    scores["out of fold"].append(model.oob_score_)
    scores["test"].append(model.score(X_test, y_test))

# %%
# The figure shows the three accuracies against the width.

import matplotlib.pyplot as plt
from matplotlib.ticker import ScalarFormatter

STYLES = {
    "training": {"color": "0.6", "linestyle": ":", "marker": "s"},
    "out of fold": {"color": "#D55E00", "linestyle": "--", "marker": "o"},
    "test": {"color": "#0072B2", "linestyle": "-", "marker": "^"},
}

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, values in scores.items():
    ax.plot(widths, values, label=name, **STYLES[name])
ax.set_xscale("log", base=2)
ax.xaxis.set_major_formatter(ScalarFormatter())
ax.set(xlabel="Hidden units", ylabel="Accuracy", xticks=widths)
ax.legend()
plt.show()

# %%
# The training accuracy is useless: from four units on it is nearly perfect. The
# out-of-fold accuracy follows the test accuracy and points to the same networks. For
# narrow networks it is too low, since each row is predicted by only one of the five
# members, and the mean of five weak networks is much better than one of them.
#
# Is the number itself right?
# ---------------------------
#
# The second question is whether the score can be reported in place of a test score.
# Here are three data sets of scikit-learn, each divided at random six times. Half of
# the rows, but at most 250, are trained on, and the others are the test set.

import numpy as np
from sklearn.datasets import load_breast_cancer, load_wine

DATA_SETS = {
    "digits": (load_digits, "#0072B2", "^"),
    "breast cancer": (load_breast_cancer, "#D55E00", "o"),
    "wine": (load_wine, "#009E73", "s"),
}

pairs = {}
for name, (load, _, _) in DATA_SETS.items():
    X, y = load(return_X_y=True)
    pairs[name] = []
    for seed in range(6):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, train_size=min(len(X) // 2, 250), stratify=y, random_state=seed
        )
        model = FCNetClassifier((16,), max_iter=40, random_state=seed)
        model.fit(X_train, y_train)
        pairs[name].append((model.oob_score_, model.score(X_test, y_test)))

# %%
# On the diagonal, both scores are equal.

figure, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
limits = (np.min(list(pairs.values())) - 0.01, 1.005)
ax.plot(limits, limits, color="0.5", linewidth=1)
for name, (_, color, marker) in DATA_SETS.items():
    out_of_fold, test = np.transpose(pairs[name])
    ax.scatter(out_of_fold, test, color=color, marker=marker, alpha=0.8, label=name)
    print(
        f"{name:14} out of fold {out_of_fold.mean():.3f}, test {test.mean():.3f}; "
        f"they differ by {np.abs(out_of_fold - test).mean():.3f} on average"
    )
ax.set(
    xlabel="Out-of-fold accuracy",
    ylabel="Test accuracy",
    xlim=limits,
    ylim=limits,
    aspect="equal",
)
ax.legend()
plt.show()

# %%
# On average over the splits, the two scores agree well. For a single split, they differ
# by one or two percentage points, because the out-of-fold score is measured on 250 rows
# or less: one row of the wine data is more than one percentage point. A test set of
# that size would be no more reliable, and it would take rows away from training.
#
# Two effects pull the score to either side. As each member was stopped by its loss on
# the same rows, it may be slightly too high. As each row is predicted by one member
# instead of five, it may be too low. See :ref:`cross-fitted-members` for how the rows
# are divided, and for ``oob_decision_function_``, the out-of-fold probabilities.
