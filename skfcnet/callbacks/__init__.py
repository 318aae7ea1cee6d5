"""Callbacks of fits, in addition to those of scikit-learn.

They follow the protocol of scikit-learn 1.9, and are set by
``estimator.set_callbacks(...)``. With earlier versions of scikit-learn, `Checkpoint`
works as well, `ValidationMonitor` cannot be instantiated, and the others cannot be set.
"""

from skfcnet.callbacks._checkpoint import Checkpoint
from skfcnet.callbacks._live_curve import LiveCurve
from skfcnet.callbacks._mlflow import MLflow
from skfcnet.callbacks._tensorboard import TensorBoard
from skfcnet.callbacks._validation import ValidationMonitor

__all__ = ["Checkpoint", "LiveCurve", "MLflow", "TensorBoard", "ValidationMonitor"]
