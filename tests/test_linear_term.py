"""The linear term is a penalised linear model, which the network starts from."""

import copy
import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.metrics import log_loss

from scaffolding import assert_same, network_of, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._engine import linear_models
from skfcnet._engine.linear_models import fit_linear_models
from skfcnet._engine.members import ensemble_of_members
from skfcnet._estimators import linear_term
from skfcnet.gradient_check import eval_numerical_gradient, rel_error
from skfcnet.layers import Block
from skfcnet.losses import LOSSES
from skfcnet.network import FullyConnectedNet
from skfcnet.solver import Solver

pytestmark = short_fits

N_COLUMNS = 3
UNCLIPPED = {"limit": 3.0, "low": np.full(3, -50.0), "high": np.full(3, 50.0)}
MISSING = {"column": np.array([1])}
UNTRAINED = {"max_iter": 1, "learning_rate_init": 1e-12, "hidden_layer_sizes": (4,)}
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
FOLDS = {"n_members": 3, "early_stopping": True, "scoring": "loss"}


def a_network(category="classification", **options):
    missing = Block("missing", (0, N_COLUMNS), MISSING)
    net = FullyConnectedNet(
        category,
        [5],
        [True],
        N_COLUMNS,
        2,
        weight_scale=None,
        dtype=np.float64,
        random_state=0,
        blocks=[Block("linear", (0, N_COLUMNS), {"factor": 1.0}), missing],
        linear_blocks=[Block("unclipped", (0, N_COLUMNS), UNCLIPPED), missing],
        **options,
    )
    rng = np.random.default_rng(1)
    net.state["V"] = rng.normal(size=net.state["V"].shape)
    return net


def some_rows(n=7):
    x = np.random.default_rng(2).uniform(-2.9, 2.9, size=(n, N_COLUMNS))
    x[0, 1] = np.nan
    return x


def without_term(net):
    other = copy.deepcopy(net)
    other.state["V"] = 0.0
    return other


# The engine


@pytest.mark.parametrize("n_members", [1, 3])
def test_the_scores_are_those_of_the_layers_and_of_a_linear_model(n_members):
    net, x = a_network(n_members=n_members), some_rows()
    assert "affine 2 → + linear term → softmax" in repr(net)
    filled = np.nan_to_num(x)
    z = np.column_stack([filled / np.sqrt(1 - (filled / 3) ** 2), np.isnan(x[:, 1])])
    term = z @ net.state["V"].reshape(n_members, 4, 2)
    expected = without_term(net).member_scores(x) + term
    np.testing.assert_allclose(net.member_scores(x), expected, rtol=1e-12)
    np.testing.assert_array_equal(net.hidden(x), without_term(net).hidden(x))


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("category", ["classification", "regression"])
def test_gradients_match_the_numeric_ones(category, n_members):
    net, x = a_network(category, n_members=n_members), some_rows()
    y = np.arange(7) % 2 if category == "classification" else x[:, [0, 2]]
    _, grads = net.loss(x, y)
    for name, weights in net.params.items():
        numeric = eval_numerical_gradient(
            lambda _: n_members * net.loss(x, y)[0], weights, verbose=False
        )
        assert rel_error(grads[name], numeric) < 1e-5
    gradients, is_number = net.input_gradients(x), ~np.isnan(x)
    for k in range(2):
        numeric = eval_numerical_gradient(
            lambda a, k=k: net.scores(a)[:, k].sum(), np.nan_to_num(x), verbose=False
        )
        complete = net.input_gradients(np.nan_to_num(x))[:, k]
        np.testing.assert_allclose(complete, numeric, rtol=1e-5, atol=1e-6)
    assert not gradients.swapaxes(1, 2)[~is_number].any()


def test_beyond_its_range_a_number_has_no_gradient_in_the_term():
    net = a_network()
    x = np.full((1, N_COLUMNS), 2.9999)
    assert net.state["V"].all()
    difference = net.input_gradients(x) - without_term(net).input_gradients(x)
    assert not difference.any()
    np.testing.assert_array_equal(
        net.scores(x) - without_term(net).scores(x),
        net.scores(x - 0.0001) - without_term(net).scores(x - 0.0001),
    )


@pytest.mark.parametrize("n_members", [1, 2])
def test_training_leaves_the_term_as_it_is(n_members):
    net, x, y = a_network(n_members=n_members), some_rows(40), np.arange(40) % 2
    term, weights = net.state["V"].copy(), net.params["W2"].copy()
    data = {"X_train": x, "y_train": y}
    solver = Solver(net, data, optim_config={"learning_rate": 0.1}, verbose=False)
    solver.train_epoch()
    np.testing.assert_array_equal(net.state["V"], term)
    assert (net.params["W2"] != weights).any()


def test_members_and_copies_have_their_own_term():
    net, x, y = a_network(n_members=3), some_rows(), np.arange(7) % 2
    _, grads = copy.deepcopy(net).loss(x, y)
    for members in ([1], [0, 2]):
        part = ensemble_of_members(net, members)
        _, grads_of_part = copy.deepcopy(part).loss(x, y)
        for name, grad in grads_of_part.items():
            np.testing.assert_allclose(grad, grads[name][members], rtol=1e-9)
        np.testing.assert_allclose(
            part.member_scores(x), net.member_scores(x)[members], rtol=1e-12
        )
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(other.scores(x), net.scores(x))
        other.state["V"] = 0.0
        assert net.state["V"].all()


def test_blocks_of_the_term_have_no_trained_arrays_and_rows_are_dense():
    with pytest.raises(ValueError, match="linear_blocks must have no trained arrays"):
        FullyConnectedNet(
            "regression", [], [], 2, linear_blocks=[Block("pbld", (0, 2))]
        )
    with pytest.raises(TypeError, match="blocks or a linear term: make it dense"):
        a_network().scores(csr_array(np.ones((2, N_COLUMNS))))


# The linear models


def problem(loss, n=200, n_inputs=4, seed=0):
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, n_inputs)) @ rng.normal(size=(n_inputs, n_inputs)) + 5
    scores = 0.6 * (Z - 5) @ rng.normal(size=(n_inputs, 3))
    y = {
        "squared_error": scores + rng.normal(size=scores.shape),
        "logistic": (scores[:, :1] + rng.logistic(size=(n, 1)) > 0).astype(float),
        "softmax": (scores + rng.gumbel(size=scores.shape)).argmax(axis=1),
        "poisson": rng.poisson(np.exp(scores[:, :1])).astype(float),
    }[loss]
    return Z, y


def theirs(loss, Z, y, weight, penalty):
    """Return predictions of scikit-learn's model with the same objective."""
    total, one = weight.sum(), y.ravel() if loss == "poisson" else y
    if loss == "squared_error":  # the mean is over the outputs, too
        ridge = Ridge(3 * total * penalty, tol=1e-10)
        return ridge.fit(Z, y, weight).predict(Z)
    if loss == "poisson":
        model = PoissonRegressor(alpha=penalty, tol=1e-8, max_iter=1000)
        return np.log(model.fit(Z, one, weight).predict(Z))[:, None]
    model = LogisticRegression(C=1 / (total * penalty), tol=1e-8, max_iter=1000)
    scores = model.fit(Z, y.ravel(), weight).decision_function(Z)
    return scores.reshape(len(Z), -1)


@pytest.mark.parametrize("penalty", [0.1, 0.001])
@pytest.mark.parametrize("loss", ["squared_error", "logistic", "softmax", "poisson"])
def test_models_are_those_of_scikit_learn(loss, penalty, monkeypatch):
    monkeypatch.setattr(linear_models, "PENALTIES", [penalty])
    monkeypatch.setattr(linear_models, "TOLERANCE", 1e-9)
    monkeypatch.setattr(linear_models, "MAX_ITERATIONS", 1000)
    Z, y = problem(loss)
    weights = np.random.default_rng(1).integers(0, 3, size=(len(Z), 2)).astype(float)
    start = np.zeros(3 if y.ndim == 1 else y.shape[1])
    models = fit_linear_models(
        Z, y, LOSSES[loss], weights, weights, scale=np.ones(4), start=start
    )
    parts = zip(models.coef, models.intercept, weights.T, strict=True)
    for coef, intercept, weight in parts:
        ours = Z @ coef + intercept
        expected = theirs(loss, Z, y, weight, penalty)
        if loss == "softmax":  # scores are determined up to a common shift
            ours -= ours.mean(axis=1, keepdims=True)
            expected -= expected.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=2e-3)


def test_the_scale_is_that_of_the_penalty():
    Z, y = problem("squared_error")
    weights = np.ones((len(Z), 1))
    start, loss = np.zeros(3), LOSSES["squared_error"]
    fits = [
        fit_linear_models(
            Z * factor, y, loss, weights, weights, scale=np.full(4, factor), start=start
        )
        for factor in (1.0, 1024.0)
    ]
    np.testing.assert_allclose(fits[0].coef, 1024 * fits[1].coef, rtol=1e-6)
    scale = np.array([0.0, 1, 1, 1])
    no_first = fit_linear_models(Z, y, loss, weights, weights, scale=scale, start=start)
    assert not no_first.coef[0, 0].any() and no_first.coef[0, 1:].all()


def test_wide_inputs_have_the_same_models_as_with_further_inputs_that_are_zero():
    Z, y = problem("squared_error", n=30, n_inputs=20)
    weights = np.ones((30, 1))
    options = {"scale": np.ones(20), "start": np.zeros(3)}
    args = y, LOSSES["squared_error"], weights, weights
    narrow = fit_linear_models(Z, *args, **options)
    options["scale"] = np.ones(50)
    wide = fit_linear_models(np.hstack([Z, np.zeros((30, 30))]), *args, **options)
    np.testing.assert_allclose(wide.coef[:, :20], narrow.coef, rtol=1e-4, atol=1e-6)


def test_rows_without_weight_do_not_matter():
    Z, y = problem("logistic")
    weights = np.ones((len(Z), 2))
    weights[:50] = 0
    weights[150:, 0] = 0
    held_out = 1 - weights[:, :1]
    held_out[:50] = 0
    options = {"scale": np.ones(4), "start": np.zeros(1)}
    args = LOSSES["logistic"], weights, held_out
    models = fit_linear_models(Z, y, *args, **options)
    y[:50] = 1 - y[:50]
    other = fit_linear_models(Z, y, *args, **options)
    np.testing.assert_array_equal(models.coef, other.coef)


# The estimators


def a_table(n=300, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    return X, X @ [1.0, 2.0, -1.0, 0.5] + 0.5 * rng.normal(size=n)


@pytest.mark.parametrize("settings", [{}, {"n_members": 2}, FOLDS], ids=len)
@pytest.mark.parametrize("scaling", ["robust", "standard", None])
def test_training_starts_at_the_linear_model(settings, scaling):
    X, y = a_table()
    settings = {"input_scaling": scaling, "linear_term": True, **settings}
    regressor = FCNetRegressor(**UNTRAINED, **settings, random_state=0).fit(X, y)
    expected = Ridge(1.0).fit(X, y).predict(X)
    np.testing.assert_allclose(regressor.predict(X), expected, rtol=0.03, atol=0.1)
    labels = np.digitize(y, [-1, 1])
    classifier = FCNetClassifier(
        **UNTRAINED, **settings, label_smoothing=0.0, random_state=0
    )
    ours = log_loss(labels, classifier.fit(X, labels).predict_proba(X))
    best = LogisticRegression(C=np.inf, max_iter=1000).fit(X, labels)
    assert ours < 1.1 * log_loss(labels, best.predict_proba(X))


def test_a_linear_effect_of_heavy_tailed_features_is_not_flattened():
    X = np.exp(1.5 * np.random.default_rng(0).normal(size=(1000, 3)))
    y = X @ [1, 2, 3]
    model = FCNetRegressor(**QUICK, linear_term=True).fit(X[:500], y[:500])
    errors = model.predict(X[500:]) - y[500:]
    assert np.sqrt(np.mean(errors**2)) < 0.03 * y.std()


def test_a_trend_goes_on():
    X = np.arange(1.0, 500)[:, np.newaxis]
    model = FCNetRegressor(**QUICK, linear_term=True).fit(X, X[:, 0] + 1)
    np.testing.assert_allclose(model.predict([[501.0], [749.0]]), [502, 750], atol=5)


def test_a_number_far_away_is_bounded():
    X, y = a_table()
    model = FCNetRegressor(**QUICK, linear_term=True).fit(X, y)
    far, farther, farthest = model.predict(np.outer([30.0, 1e6, 1e300], np.ones(4)))
    assert far < farther < np.inf
    assert farther == pytest.approx(farthest)
    gradients = model.input_gradients(np.full((1, 4), 1e300))
    assert np.abs(gradients).max() < 1e-20


@pytest.mark.parametrize("settings", [{}, FOLDS], ids=len)
def test_a_term_that_predicts_no_better_than_constants_is_zero(settings):
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(200, 3)), rng.normal(size=200)
    model = FCNetRegressor(**QUICK, **settings).fit(X, y)
    with_term = FCNetRegressor(**QUICK, **settings, linear_term=True).fit(X, y)
    assert not network_of(with_term).state["V"].any()
    assert_same(with_term, model, X)


def test_members_with_folds_of_their_own_have_their_own_term():
    X, y = a_table()
    model = FCNetRegressor(**QUICK, linear_term=True)
    together = clone(model).set_params(n_members=2, early_stopping=False)
    alike = network_of(together.fit(X, y)).state["V"]
    np.testing.assert_array_equal(alike[0], alike[1])
    apart = network_of(clone(model).set_params(**FOLDS).fit(X, y)).state["V"]
    # Of the two forms of the four numbers, the members use the same one.
    assert (apart[0] != apart[1]).sum() == 4
    np.testing.assert_array_equal(apart[0] == 0, apart[1] == 0)
    np.testing.assert_allclose(apart[0], apart[1], rtol=0.5, atol=0.1)


def test_missing_values_categories_and_constant_columns_have_effects():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    colour = rng.choice(["red", "green", "blue"], 400)
    number = rng.normal(size=400)
    y = number + 2.0 * (colour == "red")
    number[::5], y[::5] = np.nan, y[::5] + 3
    X = pd.DataFrame({"colour": colour, "number": number, "constant": 1.0})
    model = FCNetRegressor(**UNTRAINED, linear_term=True, random_state=0).fit(X, y)
    errors = model.predict(X) - y
    assert np.sqrt(np.mean(errors[number == number] ** 2)) < 0.1
    assert abs(np.mean(errors[::5])) < 0.1


def test_the_term_stays_as_it_was_fitted_first():
    X, y = a_table()
    model = FCNetRegressor(**QUICK, linear_term=True, warm_start=True)
    model.set_params(learning_rate="constant").fit(X, y)
    term = network_of(model).state["V"].copy()
    model.fit(X, -y)
    np.testing.assert_array_equal(network_of(model).state["V"], term)
    with pytest.raises(ValueError, match="linear_term was changed to False"):
        model.set_params(linear_term=False).fit(X, y)
    stepwise = FCNetRegressor(**QUICK, linear_term=True).partial_fit(X, y)
    term = network_of(stepwise).state["V"].copy()
    assert term.any()
    np.testing.assert_array_equal(
        network_of(stepwise.partial_fit(X, -y)).state["V"], term
    )


def test_sparse_input_has_no_term():
    X, y = a_table(50)
    model = FCNetRegressor(**QUICK, linear_term=True)
    assert "V" not in network_of(model.fit(csr_array(X), y)).state
    model.set_params(input_scaling=None, numeric_embedding=None).fit(X, y)
    dense, sparse = model.predict(X), model.predict(csr_array(X))
    np.testing.assert_allclose(dense, sparse, rtol=1e-6)


@pytest.mark.parametrize("n_rows", [2, 3, 5, 8])
def test_few_rows_are_enough(n_rows):
    X, y = a_table(n_rows)
    model = FCNetRegressor(**QUICK, linear_term=True).fit(X, y)
    assert np.isfinite(model.predict(X)).all()


def test_many_rows_and_columns_are_fitted_in_part(monkeypatch):
    X, y = a_table(400)
    seen = []
    original = linear_term.fit_linear_models

    def spy(Z, *args, **options):
        seen.append(len(Z))
        return original(Z, *args, **options)

    monkeypatch.setattr(linear_term, "fit_linear_models", spy)
    model = FCNetRegressor(**QUICK, linear_term=True)
    model.fit(X, y)
    monkeypatch.setattr(linear_term, "MAX_ROWS", 100)
    one = clone(model).fit(X, y)
    order = np.random.default_rng(0).permutation(400)
    assert_same(one, clone(model).fit(X[order], y[order]), X)
    monkeypatch.setattr(linear_term, "MAX_PRODUCTS", 8 * 5 * 50)
    clone(model).fit(X, y)
    in_two_forms = [400, 400, 100, 100, 100, 100, 50, 50]
    assert seen == in_two_forms
