"""
Can the predicted probabilities be trusted?
===========================================

A classifier is calibrated if, of all rows with a predicted probability of 80 %, about
80 % belong to the class. Neural networks that are trained for long are known to be too
sure of themselves. This page compares the probabilities of scikit-learn's network
before and after calibration with those of :class:`~skfcnet.FCNetClassifier`.
"""

# %%
# A noisy problem
# ---------------
#
# Where there is no noise, a model may be as sure as it likes. Here are 1,000 training
# rows of a made-up problem with two classes, in which 20 % of the rows have a class at
# random. The 19,000 test rows are enough to measure how often predictions of each
# probability are right.

from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

X, y = make_classification(
    20_000,
    20,
    n_informative=6,
    n_redundant=4,
    flip_y=0.2,
    class_sep=0.7,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=1000, random_state=0
)

# %%
# Three models
# ------------
#
# :class:`~sklearn.neural_network.MLPClassifier` trains a single network on all rows,
# until the training loss hardly falls any more or 200 epochs are over.
# :class:`~sklearn.calibration.CalibratedClassifierCV` fits five of them, learns from
# out-of-fold predictions how to correct their probabilities, and averages the results.
# ``FCNetClassifier`` also averages five networks, each of which is stopped when its log
# loss on held-out rows is lowest. Afterwards, it could only make them more certain,
# which these rows give no reason for.

import warnings

from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfcnet import FCNetClassifier

warnings.filterwarnings("ignore", category=ConvergenceWarning)

mlp = make_pipeline(StandardScaler(), MLPClassifier(random_state=0))
models = {
    "MLPClassifier": mlp,
    "MLPClassifier, calibrated": CalibratedClassifierCV(mlp, cv=5),
    "FCNetClassifier": FCNetClassifier(random_state=0),
}
probabilities = {
    name: model.fit(X_train, y_train).predict_proba(X_test)[:, 1]
    for name, model in models.items()
}

# %%
# The log loss and the Brier score measure probabilities: a model that is sure and wrong
# pays for it. Lower is better.

from sklearn.metrics import accuracy_score, brier_score_loss, log_loss

print(f"{'':26} accuracy  log loss  Brier score")
for name, p in probabilities.items():
    scores = (
        accuracy_score(y_test, p > 0.5),
        log_loss(y_test, p),
        brier_score_loss(y_test, p),
    )
    print(f"{name:26} {scores[0]:8.3f}  {scores[1]:8.3f}  {scores[2]:11.3f}")

# %%
# Reliability diagrams
# --------------------
#
# Every marker stands for the test rows whose predicted probability is in one of ten
# bins. The vertical axis has the share of them that belong to the class. On the
# diagonal, predictions hold what they promise. Below each diagram is the histogram of
# the probabilities.

import matplotlib.pyplot as plt
from sklearn.calibration import CalibrationDisplay

COLORS = ("#D55E00", "#E69F00", "#0072B2")

figure, axes = plt.subplots(
    2,
    3,
    figsize=(10, 5.2),
    layout="constrained",
    sharex=True,
    sharey="row",
    height_ratios=(3, 1),
)
for (top, bottom), (name, p), color in zip(
    axes.T, probabilities.items(), COLORS, strict=True
):
    CalibrationDisplay.from_predictions(y_test, p, n_bins=10, ax=top, color=color)
    top.set(title=name, xlabel="", ylabel="", xlim=(0, 1), ylim=(0, 1))
    top.get_legend().remove()
    bottom.hist(p, bins=30, range=(0, 1), color=color)
    bottom.set(xlabel="Predicted probability")
axes[0, 0].set_ylabel("Share of the class")
axes[1, 0].set_ylabel("Test rows")
plt.show()

# %%
# scikit-learn's network has learned its training rows by heart, noise included. Most of
# its probabilities are close to 0 or 1, where the class is less certain than that: the
# curve is flatter than the diagonal. Calibration mends this almost perfectly, at the
# price of five more fits, and leaves no probability below 0.1 or above 0.9.
#
# ``FCNetClassifier`` needs no correction to be as good by the log loss, since it keeps
# the weights that have the lowest log loss on rows that it has not seen. Its curve
# shows that it is slightly too sure at both ends, and slightly too cautious in between.
# Its Brier score and its accuracy are the best of the three.
#
# Overconfident probabilities do not always matter: ``predict`` only asks which class is
# more likely. They do matter where decisions have costs, where probabilities are shown
# to people, and where another model learns from them. What early stopping does is
# described in :ref:`validation`.
