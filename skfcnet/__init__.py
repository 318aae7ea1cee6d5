"""Fully connected neural networks in plain NumPy, as scikit-learn estimators.

The estimators, the transformer and the training-curve display are here. The building
blocks that they are made of, and that can be read and used on their own, are in
`skfcnet.layers`, `skfcnet.activations`, `skfcnet.embeddings`, `skfcnet.initializers`,
`skfcnet.losses`, `skfcnet.update_rules`, `skfcnet.schedules`, `skfcnet.network`,
`skfcnet.solver` and `skfcnet.gradient_check`; ready-made parameters are in
`skfcnet.presets`, real data is in `skfcnet.datasets`, pictures are in
`skfcnet.plotting`, callbacks for scikit-learn 1.9 in `skfcnet.callbacks`. Each of
these modules is loaded when it is first used.
"""

from importlib import import_module as _import_module
from pkgutil import iter_modules as _iter_modules

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


def _submodules():
    """Return the names of the public modules, loaded or not."""
    names = (module.name for module in _iter_modules(__path__))
    return {name for name in names if not name.startswith("_")}


def __getattr__(name):
    if name in _submodules():
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_submodules()})
