"""Presets: dictionaries of parameters of the estimators, one for each purpose.

`FAST`, `ACCURATE` and `LIKE_MLP` are for both `skfcnet.FCNetClassifier` and
`skfcnet.FCNetRegressor`, and `DIGITS` is for the classifier. Pass a preset as keyword
arguments, such as ``FCNetClassifier(**FAST)``. To add a parameter, pass it after the
preset. To replace a parameter of a preset, use ``preset | {"name": value}``.

`SEARCH_SPACE` is for `sklearn.model_selection.RandomizedSearchCV`.

Examples
--------
A classifier and a regressor like scikit-learn's networks:

>>> from skfcnet import FCNetClassifier, FCNetRegressor
>>> from skfcnet.presets import ACCURATE, DIGITS, FAST, LIKE_MLP
>>> FCNetClassifier(**LIKE_MLP).solver
'adam'
>>> classifier = FCNetClassifier(**LIKE_MLP, label_smoothing=0.0)
>>> regressor = FCNetRegressor(**LIKE_MLP, scale_target=False)

A fast regressor, an accurate one, and one with even more members:

>>> FCNetRegressor(**FAST)
FCNetRegressor(n_members=1)
>>> FCNetRegressor(**ACCURATE)
FCNetRegressor(n_members=10, validation_fraction=0.1)
>>> FCNetRegressor(**ACCURATE | {"n_members": 20})
FCNetRegressor(n_members=20, validation_fraction=0.1)

The distributions that a random search draws parameters from:

>>> from sklearn.model_selection import ParameterSampler
>>> from skfcnet.presets import SEARCH_SPACE
>>> (candidate,) = ParameterSampler(SEARCH_SPACE, 1, random_state=0)
>>> sorted(candidate)
['activation', 'dropout', 'hidden_layer_sizes', 'learning_rate_init', \
'numeric_embedding', 'solver', 'weight_decay']

A classifier of handwritten digits:

>>> FCNetClassifier(**DIGITS).hidden_layer_sizes
(512, 512)
"""

from scipy.stats import loguniform, uniform

LIKE_MLP = {
    "hidden_layer_sizes": (100,),
    "solver": "adam",
    "alpha": 0.0001,
    "batch_size": 200,
    "learning_rate": "constant",
    "learning_rate_init": 0.001,
    "max_iter": 200,
    "early_stopping": False,
    "n_iter_no_change": 10,
    "dropout": 0.0,
    "n_members": 1,
    "learn_scales": False,
    "linear_term": False,
    "beta_2": 0.999,
    "init": "glorot_uniform",
    "input_scaling": None,
    "numeric_embedding": None,
    "dtype": "float64",
}
"""The parameters closest to the defaults of scikit-learn's multilayer perceptrons.

To be as close as possible, add ``label_smoothing=0.0`` for a classifier, and
``scale_target=False`` for a regressor. With ``early_stopping=True``, also add
``validation_fraction=0.1`` and ``scoring=None``.
"""

FAST = {"n_members": 1}
"""Parameters for when speed matters more than accuracy: one network instead of five."""

ACCURATE = {"n_members": 10, "validation_fraction": 0.1}
"""Parameters for when accuracy matters more than speed: ten networks instead of five,
each of which is trained on nine tenths of the rows."""

SEARCH_SPACE = {
    "hidden_layer_sizes": [(64, 64), (128, 128), (256, 256), (128, 128, 128)],
    "activation": ["relu", "silu"],
    "solver": ["adamw", "muon"],
    "learning_rate_init": loguniform(1e-3, 1e-2),
    "weight_decay": loguniform(0.05, 5.0),
    "dropout": uniform(0.0, 0.4),
    "numeric_embedding": ["ple", "pbld"],
}
"""The parameters that are worth a search, with a distribution of SciPy or a list of
values for each, as `sklearn.model_selection.RandomizedSearchCV` accepts them. The
tables must have numeric columns."""

DIGITS = {
    "hidden_layer_sizes": (512, 512),
    "activation": "gelu",
    "solver": "adamw",
    "n_members": 4,
    "early_stopping": False,
    "normalization": "batch",
    "dropout": 0.3,
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.004,
    "max_iter": 20,
    "label_smoothing": 0.05,
    "learn_scales": False,
    "linear_term": False,
}
"""Parameters for a classifier of images of handwritten digits, such as MNIST."""
