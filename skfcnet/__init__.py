"""Fully connected neural networks in plain NumPy, as scikit-learn estimators.

The estimators, the transformer, the training-curve display, the functions that save and
load models, the choice of compiled code (`config_context`) and `show_versions` are
here. The building
blocks that they are made of, and that can be read and used on their own, are in
`skfcnet.layers`, `skfcnet.initializers`, `skfcnet.losses`, `skfcnet.update_rules`,
`skfcnet.schedules`, `skfcnet.network`, `skfcnet.solver` and `skfcnet.gradient_check`;
ready-made parameters are in `skfcnet.presets`, real data is in `skfcnet.datasets`,
pictures are in `skfcnet.plotting`, training on data beyond memory in
`skfcnet.streaming` and on the partitions of a dask frame in `skfcnet.distributed`,
callbacks in `skfcnet.callbacks`, explanations of predictions in `skfcnet.inspection`,
conversion to ONNX in `skfcnet.onnx`, and what `save` and `load` do in `skfcnet.files`.
Everything is loaded when it is first used: the building blocks do not load
scikit-learn.
"""

import typing as _typing
from importlib import import_module as _import_module
from pkgutil import iter_modules as _iter_modules

if _typing.TYPE_CHECKING:  # for editors, which do not see what is loaded later
    from skfcnet import (  # noqa: F401
        callbacks,
        datasets,
        distributed,
        files,
        gradient_check,
        initializers,
        layers,
        losses,
        network,
        onnx,
        plotting,
        presets,
        schedules,
        solver,
        streaming,
        update_rules,
    )
    from skfcnet._engine.configuration import config_context
    from skfcnet._estimators.classifier import FCNetClassifier
    from skfcnet._estimators.regressor import FCNetRegressor
    from skfcnet._estimators.transformer import FCNetTransformer
    from skfcnet._estimators.versions import show_versions
    from skfcnet.files import load, save
    from skfcnet.plotting import TrainingCurveDisplay

__version__ = "0.1.0"

__all__ = [
    "FCNetClassifier",
    "FCNetRegressor",
    "FCNetTransformer",
    "TrainingCurveDisplay",
    "__version__",
    "config_context",
    "load",
    "save",
    "show_versions",
]

_MODULE_OF = {
    "FCNetClassifier": "_estimators.classifier",
    "FCNetRegressor": "_estimators.regressor",
    "FCNetTransformer": "_estimators.transformer",
    "TrainingCurveDisplay": "plotting",
    "config_context": "_engine.configuration",
    "load": "files",
    "save": "files",
    "show_versions": "_estimators.versions",
}
"""For every class and function that is offered here, the module that defines it."""


def _submodules() -> set[str]:
    """Return the names of the public modules, loaded or not."""
    names = (module.name for module in _iter_modules(__path__))
    return {name for name in names if not name.startswith("_")}


if not _typing.TYPE_CHECKING:  # type checkers would take any name for one of these

    def __getattr__(name):
        if name in _MODULE_OF:
            module = _import_module(f"{__name__}.{_MODULE_OF[name]}")
            globals()[name] = getattr(
                module, name
            )  # the next time, it is found at once
            return globals()[name]
        if name in _submodules():
            return _import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF, *_submodules()})
