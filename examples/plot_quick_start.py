"""
Quick start
===========

Here, a neural network is a scikit-learn estimator like any other.
:class:`~skfcnet.FCNetClassifier` and :class:`~skfcnet.FCNetRegressor` have ``fit``,
``predict`` and ``score``, take their place at the end of a pipeline, and are searched
over and saved like any other. This page goes through these steps on two small data
sets that come with scikit-learn.
"""

# %%
# Fit a classifier
# ----------------
#
# The digits are 1797 grey-scale images of 8 x 8 pixels. A network can be used like any
# other classifier, here behind a ``StandardScaler``. Gradient descent works best when
# all features have about the same scale; the estimator also scales them itself, so that
# the scaler is not necessary.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfcnet import FCNetClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

model = make_pipeline(
    StandardScaler(),
    FCNetClassifier(hidden_layer_sizes=(64,), random_state=0),
)
model.fit(X_train, y_train)
print(f"test accuracy: {model.score(X_test, y_test):.3f}")

# %%
# ``random_state=0`` makes the fit reproducible. ``predict`` returns labels,
# ``predict_proba`` one probability for each class, in the order of ``classes_``.

print("labels:       ", model.predict(X_test[:5]))
print("true labels:  ", y_test[:5])
print("probabilities:", model.predict_proba(X_test[:5]).max(axis=1).round(3))

# %%
# Look at the training
# --------------------
#
# The model consists of five networks, which are trained together. Each of them holds
# out another fifth of the rows, and the loss on these is the validation loss. A pass
# over all training rows is an *epoch*. For so few rows there are at most 192 epochs,
# unless ``max_iter`` says otherwise. The learning rate stays the same until there is no
# more improvement, or half of the epochs are over, and then falls to zero, where the
# losses settle. ``loss_curve_`` has the loss of every epoch, and
# :class:`~skfcnet.TrainingCurveDisplay` draws it, also for a network inside a pipeline.

from pathlib import Path

from skfcnet import TrainingCurveDisplay

network = model[-1]
print(f"{network.n_iter_} epochs, loss {network.loss_:.4f}")

display = TrainingCurveDisplay.from_estimator(model)
display.ax_.set(yscale="log", title="Digits")

output = Path("quick_start_output")
output.mkdir(exist_ok=True)
display.figure_.savefig(output / "learning_curve.png", bbox_inches="tight")
print(f"written: {output / 'learning_curve.png'}")

# %%
# Search for better parameters
# ----------------------------
#
# Parameters of the network have the prefix ``fcnetclassifier__`` inside the pipeline.
# ``GridSearchCV`` fits a copy of the pipeline for every combination and every fold,
# with ``n_jobs=2`` two of them at a time. To save time, every copy is a single network.

from sklearn.model_selection import GridSearchCV

grid = {
    "fcnetclassifier__hidden_layer_sizes": [(32,), (128,)],
    "fcnetclassifier__dropout": [0.0, 0.3],
    "fcnetclassifier__n_members": [1],
}
search = GridSearchCV(model, grid, cv=3, n_jobs=2)
search.fit(X_train, y_train)

print("best parameters:        ", search.best_params_)
print(f"cross-validated accuracy: {search.best_score_:.3f}")
print(f"test accuracy:            {search.score(X_test, y_test):.3f}")

# %%
# Save and load
# -------------
#
# A fitted search, or a pipeline, is saved and loaded with joblib. The loaded one
# predicts the same, to the last bit. Load only files that you trust: a pickle can run
# any code.

import joblib
import numpy as np

joblib.dump(search, output / "digits.joblib")
loaded = joblib.load(output / "digits.joblib")

same = np.array_equal(loaded.predict_proba(X_test), search.predict_proba(X_test))
print(f"written: {output / 'digits.joblib'}; same probabilities when loaded: {same}")

# %%
# Fit a regressor
# ---------------
#
# The diabetes data have ten features of 442 patients; the target is a measure of how
# the disease has progressed, between 25 and 346. The estimator scales both for training
# by itself, and scales the predictions back. A network overfits so few rows easily.
# Therefore it is small here, and regularised by dropout and by a penalty ``alpha`` that
# is much larger than the default of 0.01.

from sklearn.datasets import load_diabetes

from skfcnet import FCNetRegressor

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

regressor = FCNetRegressor(
    hidden_layer_sizes=(32,),
    alpha=100.0,
    dropout=0.2,
    random_state=0,
)
regressor.fit(X_train, y_train)
print(f"R2 on the training rows: {regressor.score(X_train, y_train):.3f}")
print(f"R2 on the test rows:     {regressor.score(X_test, y_test):.3f}")

# %%
# The training loss refers to the scaled target, and includes the penalty. At first it
# falls mainly because the weights, and with them the penalty, become smaller. The
# validation loss, which is without the penalty, hardly changes: a linear model, with
# which training begins, is nearly as good as it gets here. In the end, each network
# returns to its best epoch. These are the dots, and most of them are early ones.

display = TrainingCurveDisplay.from_estimator(regressor)
display.ax_.set(yscale="log", title="Diabetes")
