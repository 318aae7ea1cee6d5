"""What is set without an effect is warned of, and nothing else is."""

import warnings
from inspect import signature

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scaffolding import in_domain_of, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._estimators.optimization import SOLVERS
from skfcnet._estimators.targets import REGRESSION_LOSSES
from skfcnet.schedules import SCHEDULES

pytestmark = short_fits

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), RNG.gamma(2, size=40)
QUICK = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
ADAMW = {"solver": "adamw"}
LBFGS, CONSTANT = {"solver": "lbfgs"}, {"learning_rate": "constant"}
CYCLE, WITHOUT = {"learning_rate": "one_cycle"}, {"early_stopping": False}

IDLE = [
    ({"momentum": 0.5, **ADAMW}, "momentum=0.5", "solver='sgd' or 'muon'"),
    ({"nesterovs_momentum": False}, "nesterovs_momentum=False", "solver='sgd'"),
    ({"beta_1": 0.5, "solver": "sgd"}, "beta_1=0.5", "solver='adam' or 'adamw'"),
    ({"beta_2": 0.5, "solver": "rmsprop"}, "beta_2=0.5", "solver='adam' or 'adamw'"),
    ({"epsilon": 1e-6, "solver": "sgd"}, "epsilon=1e-06", "solver='adam' or"),
    ({"weight_decay": 0.1, "solver": "adam"}, "weight_decay=0.1", "solver='adamw'"),
    ({"power_t": 0.3}, "power_t=0.3", "learning_rate='invscaling'"),
    ({"max_fun": 9}, "max_fun=9", "solver='lbfgs'"),
    ({"batch_size": 9, **LBFGS}, "batch_size=9", "solver='sgd' or"),
    ({"learning_rate_init": 0.1, **LBFGS}, "learning_rate_init=0.1", "solver='sgd' or"),
    ({"learning_rate": "cosine", **LBFGS}, "learning_rate='cosine'", "solver='sgd' or"),
    ({"shuffle": False, **LBFGS}, "shuffle=False", "solver='sgd' or"),
    ({"max_grad_norm": 1.0, **LBFGS}, "max_grad_norm=1.0", "solver='sgd' or"),
    ({"n_iter_no_change": 3, **LBFGS}, "n_iter_no_change=3", "early_stopping=True"),
    ({"tol": 0.1, **CYCLE}, "tol=0.1", "learning_rate='one_cycle' is followed to its"),
    (
        {"tol": 0.1, "n_iter_no_change": 3, "early_stopping": True, **CYCLE},
        "tol=0.1, n_iter_no_change=3",
        "such as learning_rate='wsd'",
    ),
    ({"learning_rate": "cosine", "warm_start": True}, "'cosine'", "total_steps with"),
    ({"total_steps": 9}, "total_steps=9", "warm_start=True, or partial_fit"),
    ({"total_steps": 9, **CONSTANT}, "total_steps=9", "a schedule that has an end"),
    ({"validation_fraction": 0.3, **WITHOUT}, "validation_fraction=0.3", "early_stop"),
    ({"validation_fraction": 0.3, **LBFGS}, "validation_fraction=0.3", "early_stop"),
    ({"scoring": "r2", "warm_start": True}, "scoring='r2'", "early_stopping=True"),
    ({"scoring": None, **WITHOUT}, "scoring=None", "early_stopping=True"),
    ({"n_bins": 9, "numeric_embedding": None}, "n_bins=9", "numeric_embedding='ple'"),
    (
        {"hidden_layer_sizes": (), "activation": "tanh", "dropout": 0.2},
        "activation='tanh', dropout=0.2",
        r"hidden layers, but hidden_layer_sizes=\(\) has none",
    ),
    ({"n_jobs": 2, **WITHOUT}, "n_jobs=2", "several members"),
    ({"n_jobs": 2, "n_members": 1}, "n_jobs=2", "several members"),
    ({"n_jobs": 2, "n_members": 2, **LBFGS}, "n_jobs=2", "a solver other than"),
    ({"huber_delta": 2.0}, "huber_delta=2.0", "loss='huber'"),
    ({"quantile": [0.1, 0.9]}, r"quantile=\[0.1, 0.9\]", "loss='quantile'"),
]


@pytest.mark.parametrize(("settings", "named", "needed"), IDLE, ids=str)
def test_what_has_no_effect_is_named_with_what_it_needs(settings, named, needed):
    model = FCNetRegressor(**QUICK | settings)
    with pytest.warns(
        UserWarning, match=f"{named}.* has no effect: .*{needed}"
    ) as all_:
        model.fit(X, Y)
    (warning,) = (w for w in all_ if "no effect" in str(w.message))
    assert warning.filename == __file__


@pytest.mark.parametrize(
    "fit",
    [
        lambda model: make_pipeline(StandardScaler(), model).fit(X, Y),
        lambda model: GridSearchCV(model, {"alpha": [0.1]}, cv=2).fit(X, Y),
        lambda model: cross_validate(model, X, Y, cv=2),
        lambda model: MultiOutputRegressor(model).fit(X, np.c_[Y, Y]),
    ],
    ids=["pipeline", "search", "cross-validation", "one model per output"],
)
def test_a_warning_points_at_the_line_that_called_scikit_learn(fit):
    with pytest.warns(UserWarning, match="momentum=0.5 has no effect") as all_:
        fit(FCNetRegressor(**QUICK, **ADAMW, momentum=0.5))
    assert {w.filename for w in all_ if "no effect" in str(w.message)} == {__file__}


ACTING = [
    *({"solver": solver} for solver in (*SOLVERS, "lbfgs")),
    *({"learning_rate": schedule} for schedule in (*SCHEDULES, "adaptive")),
    *({"loss": loss} for loss in REGRESSION_LOSSES),
    {"loss": "huber", "huber_delta": 2.0},
    {"loss": "quantile", "quantile": [0.1, 0.9]},
    {"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False},
    {"solver": "adam", "beta_1": 0.5, "beta_2": 0.5, "epsilon": 1e-6},
    {"solver": "lbfgs", "max_fun": 100, "tol": 1e-3, "max_iter": 1000},
    {"solver": "lbfgs", "early_stopping": True, "n_iter_no_change": 3},
    {"learning_rate": "invscaling", "power_t": 0.3},
    {"max_iter": 1000, "tol": 0.1, "n_iter_no_change": 1, **CONSTANT},
    {"max_iter": 1000, "tol": 0.1, "n_iter_no_change": 1},
    {"early_stopping": True, "validation_fraction": 0.3, "scoring": None},
    {"validation_fraction": 0.3, "scoring": "r2"},
    {"warm_start": True},
    {"warm_start": True, "learning_rate": "cosine", "total_steps": 99},
    {"hidden_layer_sizes": (), "weight_decay": 0.1, "alpha": 0.1},
    {"n_bins": 9, "input_dropout": 0.1, "n_members": 2},
    {"activation": "tanh", "dropout": 0.2, "normalization": "batch"},
    {"quantile": 0.5, "max_iter": None, "batch_size": 20},
]


@pytest.mark.parametrize("settings", ACTING, ids=str)
def test_what_has_an_effect_is_not_warned_of(settings):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "The loss had not converged")
        loss = settings.get("loss", "squared_error")
        FCNetRegressor(**QUICK | settings).fit(X, in_domain_of(loss, Y))


@pytest.mark.parametrize("estimator", [FCNetClassifier, FCNetRegressor])
def test_conditions_are_of_parameters_that_there_are(estimator):
    names = {name for condition in estimator._conditions for name in condition.names}
    assert names <= set(signature(estimator).parameters)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_validation_fraction_beside_validation_rows_is_warned_of(method):
    model = FCNetRegressor(**QUICK, early_stopping=True)
    getattr(model, method)(X, Y, X_val=X, y_val=Y)
    model.set_params(validation_fraction=0.3)
    with pytest.warns(UserWarning, match="validation_fraction=0.3 has no effect"):
        getattr(model, method)(X, Y, X_val=X, y_val=Y)


@pytest.mark.parametrize("setting", [{"input_scaling": "standard"}, {"n_bins": 9}])
def test_encoding_of_sparse_rows_is_warned_of_where_it_was_set(setting):
    sparse = csr_array(np.abs(X))
    model = FCNetRegressor(**QUICK).fit(sparse, Y)
    ((name, value),) = setting.items()
    with pytest.warns(UserWarning, match=f"{name}={value!r} has no effect: X is spar"):
        model.set_params(**setting).fit(sparse, Y)


@pytest.mark.parametrize(
    ("settings", "named", "needed"),
    [
        ({"momentum": 0.5, **ADAMW}, "momentum=0.5", "solver='sgd' or 'muon'"),
        ({"quantile": 0.1}, "quantile=0.1", "loss='quantile'"),
        ({"learning_rate": "cosine"}, "learning_rate='cosine'", "total_steps with"),
        ({"total_steps": 9, **CONSTANT}, "total_steps=9", "a schedule that has an end"),
        (
            {"total_steps": 9, "tol": 0.1, **CYCLE},
            "tol=0.1",
            "a schedule without a fix",
        ),
    ],
    ids=str,
)
def test_partial_fit_warns_once_of_what_has_no_effect_in_it(settings, named, needed):
    model = FCNetRegressor(hidden_layer_sizes=(4,), random_state=0, **settings)
    with pytest.warns(UserWarning, match=f"{named} has no effect: it needs {needed}"):
        model.partial_fit(X, Y)
    model.partial_fit(X, Y)


def test_partial_fit_does_not_warn_of_what_acts_in_it():
    model = FCNetRegressor(hidden_layer_sizes=(4,), random_state=0, total_steps=9)
    model.set_params(learning_rate="cosine").partial_fit(X, Y)
    model = FCNetRegressor(hidden_layer_sizes=(4,), learning_rate="adaptive", tol=0.1)
    model.set_params(n_iter_no_change=2).partial_fit(X, Y)


def test_a_warning_made_an_error_leaves_the_earlier_model():
    model = FCNetRegressor(**QUICK, **ADAMW).fit(X, Y)
    earlier = model.predict(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="no effect"):
            model.set_params(momentum=0.1).fit(X[::2], Y[::2])
    np.testing.assert_array_equal(model.predict(X), earlier)
