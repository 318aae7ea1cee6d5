"""Presets: parameters of the estimators for one purpose each, as plain dictionaries.

Every key of `LIKE_MLP` and `ACCURATE` is a parameter of both `skfcnet.FCNetClassifier`
and `skfcnet.FCNetRegressor`; `DIGITS` is for the classifier. The parameters that only
one of them has are given beside a preset, and ``preset | {"name": value}`` replaces one
of a preset.

Examples
--------
A classifier and a regressor like scikit-learn's networks:

>>> from skfcnet import FCNetClassifier, FCNetRegressor
>>> from skfcnet.presets import ACCURATE, DIGITS, LIKE_MLP
>>> FCNetClassifier(**LIKE_MLP).solver
'adam'
>>> classifier = FCNetClassifier(**LIKE_MLP, label_smoothing=0.0)
>>> regressor = FCNetRegressor(**LIKE_MLP, scale_target=False)

An accurate regressor, and a larger one:

>>> FCNetRegressor(**ACCURATE)
FCNetRegressor(n_members=4)
>>> FCNetRegressor(**ACCURATE | {"n_members": 8})
FCNetRegressor(n_members=8)

A classifier of handwritten digits:

>>> FCNetClassifier(**DIGITS).hidden_layer_sizes
(512, 512)
"""

LIKE_MLP = {
    "hidden_layer_sizes": (100,),
    "solver": "adam",
    "alpha": 0.0001,
    "batch_size": 200,
    "learning_rate": "constant",
    "learning_rate_init": 0.001,
    "max_iter": 200,
    "beta_2": 0.999,
    "init": "glorot_uniform",
    "input_scaling": None,
    "numeric_embedding": None,
    "dtype": "float64",
}
"""The parameters closest to the defaults of scikit-learn's multilayer perceptrons.

To be as close as possible, a classifier needs ``label_smoothing=0.0`` beside them, and
a regressor ``scale_target=False``.
"""

ACCURATE = {"n_members": 4}
"""The parameters for tables where the error matters more than the time of a fit."""

DIGITS = {
    "hidden_layer_sizes": (512, 512),
    "activation": "gelu",
    "n_members": 4,
    "normalization": "batch",
    "dropout": 0.3,
    "learning_rate_init": 0.004,
    "max_iter": 20,
    "label_smoothing": 0.05,
}
"""The parameters of a classifier of handwritten digits, such as those of MNIST."""
