"""Fully connected neural networks in plain NumPy, as scikit-learn estimators.

The estimators, the transformer and the training-curve display are here. The building
blocks that they are made of, and that can be read and used on their own, are in
`skfcnet.layers`, `skfcnet.activations`, `skfcnet.embeddings`, `skfcnet.initializers`,
`skfcnet.losses`, `skfcnet.update_rules`, `skfcnet.schedules`, `skfcnet.network`,
`skfcnet.solver` and `skfcnet.gradient_check`; real data is in `skfcnet.datasets`,
pictures are in `skfcnet.plotting`, callbacks for scikit-learn 1.9 in
`skfcnet.callbacks`.
"""

from skfcnet._classifier import FCNetClassifier
from skfcnet._regressor import FCNetRegressor
from skfcnet._transformer import FCNetTransformer
from skfcnet.plotting import TrainingCurveDisplay

__version__ = "0.1.0"

__all__ = [
    "FCNetClassifier",
    "FCNetRegressor",
    "FCNetTransformer",
    "TrainingCurveDisplay",
    "__version__",
]
