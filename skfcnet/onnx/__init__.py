"""Fitted estimators as ONNX models, for skl2onnx.

Importing this module tells skl2onnx how `skfcnet.FCNetClassifier`,
`skfcnet.FCNetRegressor` and `skfcnet.FCNetTransformer` are converted, alone and inside
the estimators of scikit-learn that it knows. It needs the extra ``skfcnet[onnx]``. The
models run in onnxruntime, without Python if need be.

Everything between a table and the predictions is part of the model: scaling, missing
values, categories, embeddings, all layers and members, and the scaling of the target.
Labels are equal to those of the estimator, and predictions up to rounding, in single
precision if the inputs and the network have it and otherwise in double precision.

Errors are not part of the model: infinite numbers, which the estimators refuse, give
predictions that mean nothing.

Examples
--------
>>> import numpy as np
>>> import skfcnet.onnx
>>> from skl2onnx import to_onnx
>>> from sklearn.datasets import load_iris
>>> from skfcnet import FCNetClassifier
>>> X, y = load_iris(return_X_y=True)
>>> model = FCNetClassifier((16,), n_members=1, random_state=0).fit(X, y)
>>> converted = to_onnx(model, X, options={"zipmap": False})
>>> [output.name for output in converted.graph.output]
['label', 'probabilities']
"""

from skfcnet.onnx._inputs import initial_types, inputs_of
from skfcnet.onnx._registration import register_all as _register_all

__all__ = ["initial_types", "inputs_of"]

_register_all()
