"""
Predictions without Python: ONNX
================================

ONNX is a file format for models that programs in many languages can run. This page
converts a fitted pipeline to ONNX, loads the result into onnxruntime, checks that it
predicts the same, and measures how long a prediction takes in both.
"""

# %%
# A model
# -------
#
# The digits of scikit-learn are 8 x 8 pixels, and a pipeline scales them and predicts
# which digit they are. float32 is what the network computes in, and what ONNX models
# are usually given.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skfcnet import FCNetClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X.astype(np.float32), y, stratify=y, random_state=0
)
model = make_pipeline(MinMaxScaler(), FCNetClassifier(max_iter=30, random_state=0))
model.fit(X_train, y_train)
print(f"test accuracy: {model.score(X_test, y_test):.3f}")

# %%
# Convert to ONNX
# ---------------
#
# Importing :mod:`skfcnet.onnx` tells skl2onnx, the converter of scikit-learn, how to
# convert the estimators of this package. The first rows of the data tell it the number
# of columns and their type. The result is a sequence of bytes, which could be written
# to a file that ends in ``.onnx``.

from skl2onnx import to_onnx

import skfcnet.onnx

converted = to_onnx(model, X_train[:1], options={"zipmap": False})
content = converted.SerializeToString()
print(f"{len(content) / 1000:.0f} kB")

# %%
# What is in it? A graph of simple operations: the scaling, the bins of each pixel, the
# matrix products of the five members, and their mean.

from collections import Counter

operations = Counter(node.op_type for node in converted.graph.node)
print(", ".join(f"{count} x {name}" for name, count in operations.most_common()))

# %%
# Run it in onnxruntime
# ---------------------
#
# A session is the model, ready to run. It knows nothing about Python, NumPy or this
# package. ``run`` takes the names of the outputs that are wanted, None for all, and a
# dict of the inputs. With one thread, the comparison is fair.

import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(content, options)

labels, probabilities = session.run(None, {"X": X_test})
expected = model.predict_proba(X_test)
print("same labels:", np.array_equal(labels, model.predict(X_test)))
print(
    f"largest difference of a probability: {np.abs(probabilities - expected).max():.0e}"
)

# %%
# Here are the eight test rows that the model is least sure about, and the
# probabilities by both.

# sphinx_gallery_thumbnail_number = 2
import matplotlib.pyplot as plt

figure, axes = plt.subplots(
    2, 8, figsize=(10, 3.2), layout="constrained", height_ratios=(1, 1.4), sharey="row"
)
hardest = np.argsort(expected.max(axis=1))[:8]
for (image, bars), row in zip(axes.T, hardest, strict=True):
    image.imshow(X_test[row].reshape(8, 8), cmap="gray_r")
    image.axis("off")
    bars.bar(range(10), expected[row], color="#56B4E9", label="skfcnet")
    bars.plot(probabilities[row], "k_", markersize=7, label="onnxruntime")
    bars.set(xticks=(0, 3, 6, 9), ylim=(0, 1))
axes[1, 0].set_ylabel("Probability")
figure.supxlabel("Digit")
figure.legend(
    *axes[1, 7].get_legend_handles_labels(), loc="outside upper center", ncols=2
)
plt.show()

# %%
# How long does a prediction take?
# --------------------------------
#
# A service usually predicts one row at a time, a report all rows at once. We measure
# both, and the numbers of rows in between: the time of a call of ``predict_proba`` and
# of ``session.run``, in turns. The figure shows the shortest of the times, which other
# programs on the machine disturb least.

from time import perf_counter


def seconds(function, *arguments):
    """Return how long a call takes."""
    start = perf_counter()
    function(*arguments)
    return perf_counter() - start


n_rows = np.geomspace(1, 4096, 7).astype(int)
shortest = {"skfcnet": [], "onnxruntime": []}
for n in n_rows:
    rows = np.resize(X_test, (n, 64))
    times = [
        (seconds(model.predict_proba, rows), seconds(session.run, None, {"X": rows}))
        for _ in range(100 if n < 1000 else 10)
    ]
    for values, time in zip(shortest.values(), np.min(times, axis=0), strict=True):
        values.append(time)

STYLES = {
    "skfcnet": {"color": "#0072B2", "marker": "o"},
    "onnxruntime": {"color": "#D55E00", "marker": "s", "linestyle": "--"},
}

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for name, values in shortest.items():
    values = np.array(values)
    axes[0].loglog(n_rows, 1e3 * values, label=name, **STYLES[name])
    axes[1].loglog(n_rows, 1e6 * values / n_rows, label=name, **STYLES[name])
axes[0].set(xlabel="Rows in a call", ylabel="Time of a call (ms)")
axes[1].set(xlabel="Rows in a call", ylabel="Time of a row (µs)")
axes[0].legend()
plt.show()

# %%
# A single row takes much less time in onnxruntime, which checks nothing and has no
# Python code to run. In Python, most of the time of a single row goes into checks of
# the input by the pipeline and its steps. The more rows there are in a call, the less
# this matters, since most of the time is then spent on matrix products in both.
#
# Data frames with categories can be converted, too: see :doc:`/user_guide/deployment`,
# which also says what cannot be converted.
