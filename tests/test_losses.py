import tracemalloc
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn._loss import HalfGammaLoss, HalfPoissonLoss, HuberLoss
from sklearn.metrics import (
    log_loss,
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
)

from scaffolding import FLOATS, repeatable
from skfcnet._engine.workspace import Workspace
from skfcnet.gradient_check import eval_numerical_gradient, rel_error
from skfcnet.losses import (
    LINKS,
    LOG_BOUND,
    LOSSES,
    absolute_error_loss,
    gamma_loss,
    huber_loss,
    logistic_loss,
    mse_loss,
    poisson_loss,
    quantile_loss,
    softmax_groups_loss,
    softmax_loss,
    squared_error_loss,
)

VALUED = [name for name in LOSSES if not LOSSES[name].takes_labels]
REPEATABLE = repeatable(40)


class Case(NamedTuple):
    """A loss with parameters."""

    name: str
    params: dict

    @property
    def loss(self):
        return LOSSES[self.name].bind(self.params)

    def __str__(self):
        return f"{self.name} {self.params or ''}"

    def example(self, *, n=7, k=4, dtype=np.float64, scale=1.0, seed=231):
        """Return scores and targets."""
        rng = np.random.default_rng(seed)
        groups = self.params.get("groups") or [k]
        k = sum(groups) if "groups" in self.params else k
        x = (scale * rng.normal(size=(n, k * self.loss.scores_per_target))).astype(
            dtype
        )
        if self.loss.takes_labels:
            return x, rng.integers(k, size=n)
        if "groups" in self.loss.parameters:
            own = [np.eye(width, dtype=dtype) for width in groups]
            return x, np.hstack([eye[rng.integers(len(eye), size=n)] for eye in own])
        y = rng.integers(2, size=(n, k)).astype(dtype)
        return x, y if self.loss.domain.contains(0) else y + 1


def accepted(check, values):
    """Yield the values that a parameter may have."""
    for value in values:
        with suppress(ValueError):
            yield check(value)


DEFAULTS = [Case(name, {}) for name in LOSSES]
CASES = [
    *DEFAULTS,
    *(
        Case(name, {parameter: value})
        for name, loss in LOSSES.items()
        for parameter, check in loss.parameters.items()
        for value in accepted(check, (0.1, 0.9, 5))
    ),
    Case("softmax_groups", {"groups": [2, 1, 3]}),
    Case("softmax_groups", {"groups": (3, 4), "label_smoothing": 0.1}),
    Case("huber", {"delta": 0.2}),
    Case("quantile", {"quantile": [0.3]}),
    Case("quantile", {"quantile": (0.9, 0.1, 0.5)}),
]
SMOOTH = [
    case for case in CASES if case.name not in ("absolute_error", "huber", "quantile")
]
SMOOTHED = [case for case in CASES if case.params == {"label_smoothing": 0.1}]
WEIGHTS = {
    "none": lambda n: None,
    "ordinary": lambda n: np.random.default_rng(0).exponential(size=n),
    "spread": lambda n: 10 ** np.linspace(-6, 6, n) * (np.arange(n) != 2),
}
every_default = pytest.mark.parametrize("case", DEFAULTS, ids=str)
every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_weight = pytest.mark.parametrize("weights", WEIGHTS)


# Reference figures


def test_softmax_loss_reference():
    np.random.seed(231)
    x, y = 0.001 * np.random.randn(50, 10), np.random.randint(10, size=50)
    loss, dx = softmax_loss(x, y)
    assert loss == pytest.approx(2.302545844500738, rel=1e-14)
    numeric = eval_numerical_gradient(lambda x: softmax_loss(x, y)[0], x, verbose=False)
    assert rel_error(dx, numeric) <= 1e-7


def test_mse_loss_reference():
    np.random.seed(231)
    x, y = np.random.randn(50), np.random.randn(50)
    loss, dx = mse_loss(x, y)
    assert loss == pytest.approx(1.8672282748726519, rel=1e-14)
    numeric = eval_numerical_gradient(lambda x: mse_loss(x, y)[0], x, verbose=False)
    assert rel_error(dx, numeric) <= 1e-8


# Every loss of the table


@every_case
@every_weight
@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_gradient_matches_the_numeric_one(case, weights, k):
    x, y = case.example(k=k)
    loss, weight = case.loss.function, WEIGHTS[weights](len(x))
    numeric = eval_numerical_gradient(
        lambda x: loss(x, y, weight=weight)[0], x, verbose=False
    )
    value, dx = loss(x, y, weight=weight)
    assert dx.shape == x.shape
    # Of the differences, and of probabilities that should be exactly 1.
    rounding = 1e-10 * value + 1e-16 * (1 if weight is None else weight.max())
    np.testing.assert_allclose(dx, numeric, rtol=1e-7, atol=rounding)


@every_case
@every_weight
@pytest.mark.parametrize("k", [1, 3, 30])
def test_gradient_matches_along_a_random_direction(case, weights, k):
    x, y = case.example(n=200, k=k)
    loss, weight, h = case.loss.function, WEIGHTS[weights](len(x)), 1e-6
    u = np.random.default_rng(0).normal(size=x.shape)
    # Near a kink, half of the difference is of the other side: stay away.
    u[np.abs(error(case, x, y)) < 1e-3] = 0
    values = [loss(x + step * u, y, weight=weight)[0] for step in (h, -h)]
    value, dx = loss(x, y, weight=weight)
    slope = (values[0] - values[1]) / (2 * h)
    rounding = 1e-9 * value + 1e-12
    assert slope == pytest.approx(np.vdot(u, dx), rel=1e-7, abs=rounding)


def error(case, x, y):
    """Return how far each score is from the kinks of a loss."""
    if case in SMOOTH:
        return np.full(x.shape, np.inf)
    gap = np.abs(x - np.repeat(y, case.loss.scores_per_target, axis=1))
    return gap - case.params.get("delta", 1.0) if case.name == "huber" else gap


@pytest.mark.parametrize("case", SMOOTH, ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_loss_falls_along_its_gradient_as_much_as_it_says(case, seed):
    """The loss between two points is the integral of its gradient between them."""
    x, y = case.example(seed=seed)
    loss = case.loss.function
    end = x + np.random.default_rng(seed).normal(size=x.shape)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    # Of short pieces, since a loss may bend within a fraction of the way.
    n_pieces = 20
    change = (
        sum(
            w
            / 2
            * np.vdot(loss(x + (k + (1 + t) / 2) / n_pieces * (end - x), y)[1], end - x)
            for k in range(n_pieces)
            for t, w in zip(nodes, weights, strict=True)
        )
        / n_pieces
    )
    assert loss(end, y)[0] - loss(x, y)[0] == pytest.approx(change, rel=1e-8)


@every_case
@every_weight
@pytest.mark.parametrize("dtype", FLOATS)
def test_weights_are_costs_of_the_rows(case, weights, dtype):
    """Row by row, so that light rows are seen beside heavy ones."""
    x, y = case.example(n=12, dtype=dtype)
    loss, weight = case.loss.function, WEIGHTS[weights](12)
    costs = np.ones(12) if weight is None else weight
    alone = [loss(x[[i]], y[[i]]) for i in range(12)]
    value, dx = loss(x, y, weight=weight)
    tolerance = {"rel": 1e-5 if dtype == np.float32 else 1e-13}
    expected = sum(c * v for c, (v, _) in zip(costs, alone, strict=True)) / 12
    assert value == pytest.approx(expected, **tolerance)
    rows = np.vstack([c / 12 * d for c, (_, d) in zip(costs, alone, strict=True)])
    smallest = 4 * np.finfo(dtype).eps * costs[:, np.newaxis] / 12
    np.testing.assert_array_less(
        np.abs(dx - rows), tolerance["rel"] * np.abs(rows) + smallest + 1e-40
    )


@every_case
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [1, 7, 200])
def test_costs_of_one_do_not_change_a_bit(case, dtype, n):
    x, y = case.example(n=n, dtype=dtype)
    value, dx = case.loss.function(x, y)
    same_value, same_dx = case.loss.function(x, y, weight=np.ones(n, int))
    assert same_value == value
    np.testing.assert_array_equal(same_dx, dx, strict=True)


@given(counts=st.lists(st.integers(0, 5), min_size=5, max_size=5).filter(any))
@REPEATABLE
@every_case
def test_a_row_of_cost_k_is_like_k_rows(case, counts):
    """But the mean is over the rows that there are."""
    x, y = case.example(n=5)
    value, dx = case.loss.function(x, y, weight=np.array(counts))
    rows = np.repeat(np.arange(5), counts)
    copies, copies_dx = case.loss.function(x[rows], y[rows])
    assert value == pytest.approx(copies * len(rows) / 5, rel=1e-12, abs=1e-15)
    summed = np.zeros_like(x)
    np.add.at(summed, rows, copies_dx * (len(rows) / 5))
    np.testing.assert_allclose(dx, summed, rtol=1e-12, atol=1e-15)


@every_case
@pytest.mark.parametrize("shape", [(), (1,), (6,), (7, 1), (1, 7)])
def test_anything_but_one_cost_a_row_is_refused(case, shape):
    x, y = case.example()
    with pytest.raises(ValueError, match="weight must hold one number for each of 7"):
        case.loss.function(x, y, weight=np.ones(shape))


@every_case
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_finite_for_huge_scores(case, dtype, scale):
    x, y = case.example(n=40, dtype=dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss, dx = case.loss.function((scale * np.sign(x)).astype(dtype), y)
    assert np.isfinite(loss)
    assert loss > scale / 100
    assert np.isfinite(dx).all()


@every_case
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("weighted", [False, True])
def test_in_place_equals_pure(case, dtype, weighted):
    loss = case.loss.function
    x, y = case.example(dtype=dtype)
    weight = WEIGHTS["ordinary"](len(x)).astype(dtype) if weighted else None
    x_before, y_before = x.copy(), y.copy()
    value, dx = loss(x, y, weight=weight)
    assert not np.shares_memory(dx, x)
    np.testing.assert_array_equal(x, x_before)
    workspace = Workspace()
    loss(*case.example(n=12, dtype=dtype, seed=1), workspace=workspace)
    same_value, given = loss(x, y, weight=weight, out=x, workspace=workspace)
    assert same_value == value
    assert np.shares_memory(given, x)
    np.testing.assert_array_equal(x, dx, strict=True)
    np.testing.assert_array_equal(y, y_before)


@pytest.mark.parametrize("case", DEFAULTS + SMOOTHED, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_workspace_and_out_spare_all_arrays_of_the_size_of_the_scores(
    case, dtype, weighted
):
    x, y = case.example(n=100, k=300, dtype=dtype)
    loss, workspace, out = case.loss.function, Workspace(), np.empty_like(x)
    weight = np.ones(len(x), dtype) if weighted else None
    loss(x, y, weight=weight, out=out, workspace=workspace)
    tracemalloc.start()
    try:
        loss(x, y, weight=weight, out=out, workspace=workspace)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < x.nbytes / 2


@every_case
@every_weight
@pytest.mark.parametrize("dtype", FLOATS)
def test_dtype_is_preserved_and_the_loss_is_a_plain_float(case, weights, dtype):
    x, y = case.example(dtype=dtype)
    value, dx = case.loss.function(x, y, weight=WEIGHTS[weights](len(x)))
    assert type(value) is float
    assert dx.dtype == dtype


@every_case
def test_numbers_of_numpy_as_parameters_change_nothing(case):
    x, y = case.example(dtype=np.float32)
    params = {name: np.asarray(value)[()] for name, value in case.params.items()}
    value, dx = LOSSES[case.name].function(x, y, **params)
    same_value, same_dx = case.loss.function(x, y)
    assert value == same_value
    np.testing.assert_array_equal(dx, same_dx, strict=True)


@every_case
def test_loss_is_a_mean_over_rows(case):
    x, y = case.example()
    value, dx = case.loss.function(x, y)
    doubled, doubled_dx = case.loss.function(np.tile(x, (2, 1)), np.concatenate([y, y]))
    assert doubled == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(doubled_dx[: len(x)], dx / 2, rtol=1e-13)


@pytest.mark.parametrize("name", VALUED)
@pytest.mark.parametrize(
    ("x_shape", "y_shape"),
    [((5, 1), (5,)), ((5,), (5, 1)), ((5, 2), (5, 1)), ((4, 2), (5, 2))],
)
def test_targets_of_another_shape_are_refused(name, x_shape, y_shape):
    function = LOSSES[name].function
    with pytest.raises(ValueError, match=rf"{function.__name__} .*one shape"):
        function(np.zeros(x_shape), np.zeros(y_shape))


@pytest.mark.parametrize(
    ("x_shape", "y_shape"),
    [((5, 3), (5, 1)), ((5, 3), (4,)), ((5,), (5,)), ((5, 3), (5, 3))],
)
def test_softmax_refuses_anything_but_one_label_a_row(x_shape, y_shape):
    with pytest.raises(ValueError, match="labels y of shape"):
        softmax_loss(np.zeros(x_shape), np.zeros(y_shape, int))


@pytest.mark.parametrize("y", [[0, -1], [0, 3], [-4, 1]])
def test_softmax_refuses_labels_of_no_class(y):
    with pytest.raises(ValueError, match="labels y that are integers from 0 to 2"):
        softmax_loss(np.zeros((2, 3)), np.array(y))


def test_quantile_loss_needs_a_column_for_each_quantile_of_each_target():
    for x_shape, y_shape in [((5, 4), (5, 4)), ((5, 6), (5, 2)), ((4,), (2,))]:
        with pytest.raises(
            ValueError, match="2 columns of predictions x for each"
        ) as e:
            quantile_loss(np.zeros(x_shape), np.zeros(y_shape), quantile=[0.1, 0.9])
        assert str(x_shape) in str(e.value)


@given(
    x=npst.arrays(
        np.float64,
        st.tuples(st.integers(1, 6), st.integers(1, 5)),
        elements=st.floats(-1e4, 1e4),
    ),
    data=st.data(),
)
@REPEATABLE
def test_softmax_loss_depends_on_differences_of_scores_only(x, data):
    n, k = x.shape
    y = data.draw(npst.arrays(np.intp, n, elements=st.integers(0, k - 1)))
    loss, dx = softmax_loss(x, y)
    shifted, shifted_dx = softmax_loss(x + 64.0, y)
    assert loss >= 0
    assert shifted == pytest.approx(loss, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(shifted_dx, dx, atol=1e-9)
    np.testing.assert_allclose(dx.sum(axis=1), 0, atol=1e-15)


# What the losses are


def test_softmax_loss_is_the_log_loss_of_its_probabilities():
    x, y = Case("softmax", {}).example(n=50, k=5, scale=3.0)
    probabilities = LOSSES["softmax"].link.inverse(x)
    expected = log_loss(y, probabilities, labels=range(5))
    assert softmax_loss(x, y)[0] == pytest.approx(expected, rel=1e-12)


def test_logistic_loss_is_the_log_loss_of_its_probabilities():
    x, y = Case("logistic", {}).example(n=50, k=1, scale=3.0)
    probabilities = LOSSES["logistic"].link.inverse(x)
    expected = log_loss(y[:, 0], probabilities[:, 0])
    assert logistic_loss(x, y)[0] == pytest.approx(expected, rel=1e-12)


def test_logistic_loss_sums_over_outputs():
    x, y = Case("logistic", {}).example(n=20, k=3)
    columns = [logistic_loss(x[:, [j]], y[:, [j]]) for j in range(3)]
    loss, dx = logistic_loss(x, y)
    assert loss == pytest.approx(sum(value for value, _ in columns), rel=1e-13)
    np.testing.assert_array_equal(dx, np.hstack([dx for _, dx in columns]))


def test_logistic_loss_is_the_softmax_loss_of_two_classes():
    x, y = Case("logistic", {}).example(n=20, k=1)
    scores = np.hstack([np.zeros_like(x), x])
    expected, dscores = softmax_loss(scores, y[:, 0].astype(int))
    loss, dx = logistic_loss(x, y)
    assert loss == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(dx, dscores[:, [1]], atol=1e-15)


def test_logistic_loss_of_a_confident_mistake_is_its_score():
    """Through a rounded probability it would be infinite."""
    x = np.array([[1e4], [-1e4], [1e4]])
    loss, dx = logistic_loss(x, np.array([[0.0], [1.0], [1.0]]))
    assert loss == pytest.approx(2e4 / 3, rel=1e-15)
    np.testing.assert_allclose(dx, [[1 / 3], [-1 / 3], [0]], atol=1e-15)


@pytest.mark.parametrize("shape", [(20,), (20, 1), (20, 3)])
def test_mse_is_the_mean_over_rows_and_outputs(shape):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=shape), rng.normal(size=shape)
    assert mse_loss(x, y)[0] == pytest.approx(mean_squared_error(y, x), rel=1e-13)


@pytest.mark.parametrize("shape", [(20,), (20, 3)])
def test_squared_error_is_half_of_mse(shape):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=shape), rng.normal(size=shape)
    whole, whole_dx = mse_loss(x, y)
    half, half_dx = squared_error_loss(x, y)
    assert half == whole / 2
    np.testing.assert_allclose(half_dx, whole_dx / 2, rtol=1e-15)


def positive(shape, seed=0):
    return np.random.default_rng(seed).gamma(2.0, size=shape)


@pytest.mark.parametrize("shape", [(20,), (20, 3)])
def test_absolute_error_is_the_mean_absolute_error(shape):
    x, y = positive(shape), positive(shape, seed=1)
    value = absolute_error_loss(x, y)[0]
    assert value == pytest.approx(mean_absolute_error(y, x), rel=1e-13)


@pytest.mark.parametrize("delta", [1e-3, 0.5, 1.0, 100.0])
def test_huber_loss_is_that_of_scikit_learn(delta):
    x, y = positive(200), positive(200, seed=1)
    expected = HuberLoss(delta=delta)(y, x)
    assert huber_loss(x, y, delta=delta)[0] == pytest.approx(expected, rel=1e-12)


def test_huber_loss_is_half_the_squared_error_within_delta():
    x, y = positive((20, 3)), positive((20, 3), seed=1)
    value, dx = huber_loss(x, y, delta=1e3)
    expected, expected_dx = squared_error_loss(x, y)
    assert value == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(dx, expected_dx, rtol=1e-13)


@pytest.mark.parametrize("quantile", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(20,), (20, 3)])
def test_quantile_loss_is_the_pinball_loss(quantile, shape):
    x, y = positive(shape), positive(shape, seed=1)
    expected = mean_pinball_loss(y, x, alpha=quantile)
    value = quantile_loss(x, y, quantile=quantile)[0]
    assert value == pytest.approx(expected, rel=1e-13)


def test_several_quantiles_are_the_mean_of_each():
    quantiles = (0.9, 0.1, 0.5)
    x, y = positive((20, 6)), positive((20, 2), seed=1)
    value, dx = quantile_loss(x, y, quantile=quantiles)
    for j, quantile in enumerate(quantiles):
        alone, alone_dx = quantile_loss(x[:, j::3], y, quantile=quantile)
        value -= alone / 3
        np.testing.assert_allclose(dx[:, j::3], alone_dx / 3, rtol=1e-13)
    assert value == pytest.approx(0, abs=1e-15)


def test_the_loss_of_the_median_is_half_the_absolute_error():
    x, y = positive((20, 3)), positive((20, 3), seed=1)
    x[0] = y[0]  # on the kink
    value, dx = quantile_loss(x, y)
    whole, whole_dx = absolute_error_loss(x, y)
    assert value == pytest.approx(whole / 2, rel=1e-13)
    np.testing.assert_allclose(dx, whole_dx / 2, rtol=1e-13)
    assert not dx[0].any()


@given(
    y=npst.arrays(np.float64, (30, 1), elements=st.floats(-100, 100)),
    quantile=st.floats(0.01, 0.99),
)
@REPEATABLE
def test_the_quantile_of_the_targets_has_the_smallest_loss(y, quantile):
    def loss(value):
        return quantile_loss(np.full_like(y, value), y, quantile=quantile)[0]

    best = loss(np.quantile(y, quantile, method="inverted_cdf"))
    assert all(best <= loss(other) + 1e-12 for other in y.ravel())


def test_poisson_loss_is_half_the_deviance():
    x = np.log(positive(200))[:, np.newaxis]
    y = np.random.default_rng(1).poisson(2.0, size=(200, 1)).astype(float)
    value = poisson_loss(x, y)[0]
    expected = mean_poisson_deviance(y[:, 0], np.exp(x[:, 0])) / 2
    assert value == pytest.approx(expected, rel=1e-12)
    loss = HalfPoissonLoss()
    constant = loss.constant_to_optimal_zero(y[:, 0]).mean()
    assert value == pytest.approx(loss(y[:, 0], x[:, 0]) + constant, rel=1e-12)


def test_poisson_loss_sums_over_outputs_as_scikit_learns_networks_do():
    base = pytest.importorskip("sklearn.neural_network._base")
    reference = getattr(base, "poisson_loss", None)
    if reference is None:
        pytest.skip("the networks of scikit-learn have it from 1.7 on")
    x = np.log(positive((20, 3)))
    y = np.random.default_rng(1).poisson(2.0, size=(20, 3)).astype(float)
    assert poisson_loss(x, y)[0] == pytest.approx(reference(y, np.exp(x)), rel=1e-12)


def test_gamma_loss_is_half_the_deviance():
    x, y = np.log(positive(200)), positive(200, seed=1)
    value = gamma_loss(x, y)[0]
    expected = mean_gamma_deviance(y, np.exp(x)) / 2
    assert value == pytest.approx(expected, rel=1e-12)
    loss = HalfGammaLoss()
    constant = loss.constant_to_optimal_zero(y).mean()
    assert value == pytest.approx(loss(y, x) + constant, rel=1e-12)


@pytest.mark.parametrize("name", ["poisson", "gamma"])
@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("target", [1e-3, 1.0, 50.0])
def test_beyond_its_bound_a_loss_of_logarithms_is_its_tangent(name, side, target):
    """Its gradient leads back, unless it has vanished before."""
    loss, y = LOSSES[name].function, np.full((1, 1), target)
    at, beyond = np.full((1, 1), side * LOG_BOUND), np.full((1, 1), side * 1e3)
    value, dx = loss(at, y)
    far, far_dx = loss(beyond, y)
    assert far == pytest.approx(value + np.vdot(dx, beyond - at), rel=1e-12)
    np.testing.assert_array_equal(far_dx, dx)
    assert np.sign(dx) == side


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_smoothed_softmax_loss_is_the_cross_entropy_of_smoothed_targets(smoothing):
    x, y = Case("softmax", {}).example(n=20, k=5)
    targets = (1 - smoothing) * np.eye(5)[y] + smoothing / 5
    expected = -(targets * LOSSES["softmax"].link.log_inverse(x)).sum(axis=1).mean()
    value, dx = softmax_loss(x, y, label_smoothing=smoothing)
    assert value == pytest.approx(expected, rel=1e-13)
    p = LOSSES["softmax"].link.inverse(x)
    np.testing.assert_allclose(dx, (p - targets) / 20, atol=1e-16)


@pytest.mark.parametrize("params", [{}, {"label_smoothing": 0.2}], ids=str)
@pytest.mark.parametrize("groups", [None, [5], [2, 3], [3, 1, 4]], ids=str)
def test_softmax_groups_loss_is_the_sum_of_softmax_losses(groups, params):
    x, y = Case("softmax_groups", {"groups": groups or [5]}).example(n=20, scale=3.0)
    value, dx = softmax_groups_loss(x, y, groups=groups, **params)
    loss = LOSSES["softmax_groups"].bind({"groups": groups})
    answers = loss.link.inverse(x), loss.link.log_inverse(x), loss.link.decide(x)
    start, expected = 0, 0.0
    for width in groups or [5]:
        group = np.s_[:, start : start + width]
        alone, alone_dx = softmax_loss(x[group], y[group].argmax(axis=1), **params)
        expected += alone
        np.testing.assert_allclose(dx[group], alone_dx, rtol=1e-12, atol=1e-16)
        softmax = LOSSES["softmax"]
        own = np.eye(width, dtype=bool)[softmax.link.decide(x[group])]
        others = softmax.link.inverse(x[group]), softmax.link.log_inverse(x[group]), own
        for answer, other in zip(answers, others, strict=True):
            np.testing.assert_allclose(answer[group], other, rtol=1e-12, atol=1e-15)
        start += width
    assert value == pytest.approx(expected, rel=1e-12)


def test_the_first_of_the_largest_scores_of_a_group_decides():
    decide = LOSSES["softmax_groups"].bind({"groups": [2, 1, 3]}).link.decide
    scores = np.array([[1.0, 1, 5, 0, 2, 2], [0, 1, -1, 3, 3, 3]])
    np.testing.assert_array_equal(
        decide(scores), [[1, 0, 1, 0, 1, 0], [0, 1, 1, 1, 0, 0]]
    )
    assert decide(np.zeros((0, 6))).shape == (0, 6)


@pytest.mark.parametrize("groups", [[2, 3], [2, 3, 2]])
def test_groups_cover_all_columns_of_scores(groups):
    with pytest.raises(ValueError, match="columns together, and x has 6"):
        softmax_groups_loss(np.zeros((2, 6)), np.zeros((2, 6)), groups=groups)


def test_groups_are_of_the_columns_of_a_matrix():
    with pytest.raises(ValueError, match=r"x has shape \(2, 3, 6\)"):
        softmax_groups_loss(np.zeros((2, 3, 6)), np.zeros((2, 3, 6)), groups=[2, 4])


@given(y=npst.arrays(np.float64, (4, 5), elements=st.floats(0, 1)))
@REPEATABLE
def test_the_gradient_of_softmax_groups_is_exact_for_any_targets(y):
    x = np.random.default_rng(0).normal(size=(4, 5))
    loss = partial(softmax_groups_loss, y=y, groups=[2, 3])
    numeric = eval_numerical_gradient(lambda x: loss(x)[0], x, verbose=False)
    np.testing.assert_allclose(loss(x)[1], numeric, rtol=1e-6, atol=1e-9)


def test_smoothed_logistic_loss_is_that_of_smoothed_targets():
    x, y = Case("logistic", {}).example(n=20)
    value, dx = logistic_loss(x, y, label_smoothing=0.2)
    expected, expected_dx = logistic_loss(x, 0.8 * y + 0.1)
    assert value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(dx, expected_dx, atol=1e-16)


@pytest.mark.parametrize("name", ["softmax", "softmax_groups", "logistic"])
def test_no_smoothing_does_not_change_a_bit(name):
    x, y = Case(name, {}).example()
    value, dx = LOSSES[name].function(x, y)
    same_value, same_dx = LOSSES[name].function(x, y, label_smoothing=0)
    assert same_value == value
    np.testing.assert_array_equal(same_dx, dx)


# Parameters and domains


@every_default
def test_defaults_are_those_of_the_function(case):
    x, y = case.example()
    value, dx = case.loss.function(x, y)
    bound = case.loss.bind(case.loss.defaults)
    same_value, same_dx = bound.function(x, y)
    assert same_value == value
    np.testing.assert_array_equal(same_dx, dx)
    assert bound.defaults == case.loss.defaults


def test_parameters_of_a_loss_are_a_dict():
    with pytest.raises(TypeError, match=r"^loss_params must be a dict, got 3\.$"):
        LOSSES["huber"].bind(3)


def test_a_bound_loss_tells_its_parameters():
    assert dict(LOSSES["huber"].defaults) == {"delta": 1.0}
    assert dict(LOSSES["huber"].bind({"delta": 3}).defaults) == {"delta": 3.0}
    assert LOSSES["quantile"].scores_per_target == 1
    assert LOSSES["quantile"].bind({"quantile": [0.1, 0.5, 0.9]}).scores_per_target == 3


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("mse", {"delta": 1}, r"mse_loss has no parameters \['delta'\]; it has \[\]"),
        ("huber", {"weight": 1}, r"huber_loss has no .*'weight'.*; it has \['delta'\]"),
        *(
            ("huber", {"delta": delta}, "delta must be positive and finite, got")
            for delta in (0, -1.0, np.nan, np.inf, None, "1", [1.0])
        ),
        *(
            ("quantile", {"quantile": q}, r"quantile must be in \(0, 1\), got")
            for q in (0, 1.0, np.nan, None, "0.5", [0.5, 1.0], [[0.5]])
        ),
        ("quantile", {"quantile": []}, "quantile must hold at least one"),
        *(
            ("softmax_groups", {"groups": g}, "groups must hold positive integers, got")
            for g in (4, [], [0, 4], [2.0, 2.0], "22")
        ),
        *(
            (name, {"label_smoothing": s}, r"label_smoothing must be in \[0, 1\), got")
            for name in ("softmax", "softmax_groups", "logistic")
            for s in (-0.1, 1.0, np.nan, "0.1")
        ),
    ],
)
def test_parameters_out_of_range_are_refused(name, params, message):
    with pytest.raises(ValueError, match=message):
        LOSSES[name].bind(params)
    if params.keys() <= LOSSES[name].parameters.keys():
        with pytest.raises(ValueError, match=message):
            LOSSES[name].function(*Case(name, {}).example(), **params)


@every_default
def test_targets_of_the_domain_are_accepted(case):
    case.loss.domain.check(case.example()[1], loss=case.name)


@pytest.mark.parametrize(
    ("name", "y", "message"),
    [
        ("poisson", [1.0, -1e-9], "loss='poisson' requires non-negative y"),
        ("poisson", [1.0, np.nan], "loss='poisson' requires non-negative y"),
        ("poisson", [0.0, 0.0], "loss='poisson' requires y with a positive sum"),
        ("gamma", [1.0, 0.0], "loss='gamma' requires positive y"),
        ("logistic", [1.0, 1.1], r"loss='logistic' requires \[0, 1\]-valued y"),
        ("softmax", [1, -1], "loss='softmax' requires non-negative integer y"),
    ],
)
def test_targets_outside_the_domain_are_refused(name, y, message):
    with pytest.raises(ValueError, match=message):
        LOSSES[name].domain.check(np.array(y), loss=name)


def test_some_rows_need_no_positive_target():
    LOSSES["poisson"].domain.check(np.zeros(3), loss="poisson", whole=False)


@pytest.mark.parametrize("value", [np.nan, "much", [np.nan]], ids=str)
@pytest.mark.parametrize(
    ("name", "parameter"),
    [(name, parameter) for name in LOSSES for parameter in LOSSES[name].parameters],
)
def test_every_parameter_refuses_what_is_no_number(name, parameter, value):
    with pytest.raises(ValueError, match=parameter):
        LOSSES[name].bind({parameter: value})


# The best constant predictions


def loss_of_constant(case, scores, y):
    """Return the loss and its gradient where all rows have the same scores."""
    x = np.tile(scores, (len(y), 1))
    return case.loss.function(x, y)


def constant_scores(case, y, n_scores):
    """Return the scores of the best constant predictions of all targets."""
    if case.loss.takes_labels:
        y = np.eye(n_scores)[y]
    columns = [np.unique(column, return_counts=True) for column in y.T]
    scores = [case.loss.constant_scores(*column) for column in columns]
    return np.concatenate([np.ravel(own) for own in scores])


@every_case
def test_no_constant_scores_far_away_have_a_lower_loss(case):
    x, y = case.example(n=60)
    scores = constant_scores(case, y, x.shape[1])
    assert scores.shape == x.shape[1:]
    value, _ = loss_of_constant(case, scores, y)
    rng = np.random.default_rng(0)
    for step in rng.choice([-1.0, 0.0, 1.0], size=(20, len(scores))):
        assert value <= loss_of_constant(case, scores + step, y)[0] + 1e-12


@pytest.mark.parametrize(
    "name",
    "softmax softmax_groups logistic mse squared_error poisson gamma".split(),
)
def test_the_gradient_vanishes_at_the_best_constant_scores(name):
    case = Case(name, {})
    x, y = case.example(n=60)
    _, dx = loss_of_constant(case, constant_scores(case, y, x.shape[1]), y)
    np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-14)


@every_default
def test_equal_targets_have_finite_constant_scores(case):
    values = np.array([0.0 if case.loss.domain.contains(0) else 1.0])
    for counts in ([1e-3], [1.0], [1e6]):
        scores = case.loss.constant_scores(values, np.array(counts))
        assert np.isfinite(scores).all()


def test_no_counts_at_all_are_predicted_to_be_one():
    """No score predicts a mean of 0."""
    score = LOSSES["poisson"].constant_scores(np.array([0.0]), np.array([4.0]))
    assert LINKS["log"].inverse(score) == 1


def test_a_row_leaves_the_probability_of_its_class_at_one_half():
    value, once, often = np.array([1.0]), np.array([1.0]), np.array([50.0])
    assert LOSSES["logistic"].constant_scores(value, once) == 0
    score = LOSSES["logistic"].constant_scores(value, often)
    assert LINKS["logistic"].inverse(score) == pytest.approx(0.99)


@pytest.mark.parametrize("name", ["absolute_error", "huber", "quantile"])
def test_the_best_constant_is_the_median(name):
    values, counts = np.array([0.0, 1.0, 9.0]), np.array([1.0, 1.0, 3.0])
    assert LOSSES[name].constant_scores(values, counts) == 9
    assert LOSSES[name].constant_scores(values, counts[::-1]) == 0


def test_the_best_constants_are_the_quantiles_asked_for():
    loss = LOSSES["quantile"].bind({"quantile": [0.9, 0.1, 0.5]})
    scores = loss.constant_scores(np.arange(1.0, 11), np.ones(10))
    np.testing.assert_array_equal(scores, [9, 1, 5])


# From scores to predictions, and back


@pytest.mark.parametrize("name", LINKS)
def test_the_link_is_the_inverse_of_its_inverse(name):
    link = LINKS[name]
    for probability in (0.1, 0.5, 0.9):
        predictions = [probability, 1 - probability]  # of two classes, or two targets
        scores = np.array([[link.link(prediction) for prediction in predictions]])
        np.testing.assert_allclose(link.inverse(scores), [predictions], rtol=1e-15)


@every_case
def test_a_link_is_declared_once(case):
    assert LOSSES[case.name].link in LINKS.values()
    is_bound = case.params.keys() & {"groups", "quantile"}
    assert (case.loss.link == LOSSES[case.name].link) == (not is_bound)


@every_default
def test_a_link_depends_on_parameters_of_its_loss(case):
    assert set(case.loss.link.parameters) <= set(case.loss.parameters)


@every_case
def test_a_single_member_is_its_own_average(case):
    x, _ = case.example()
    assert np.shares_memory(case.loss.average(x[np.newaxis]), x)
    np.testing.assert_array_equal(case.loss.average(x[np.newaxis]), x)


@every_case
@pytest.mark.parametrize("n_members", [2, 3])
def test_the_average_predicts_the_mean_of_the_members(case, n_members):
    members = np.stack([case.example(seed=seed)[0] for seed in range(n_members)])
    link = case.loss.link
    expected = np.mean([link.inverse(own) for own in members], axis=0)
    average = case.loss.average(members)
    np.testing.assert_allclose(link.inverse(average), expected, rtol=1e-12)


@every_case
def test_the_gradient_of_the_average_matches_the_numeric_one(case):
    members = np.stack([case.example(n=3, seed=seed)[0] for seed in range(2)])
    daverage = np.random.default_rng(9).normal(size=members.shape[1:])
    numeric = eval_numerical_gradient(
        lambda members: np.vdot(daverage, case.loss.average(members)),
        members,
        verbose=False,
    )
    exact = case.loss.link.average_backward(daverage, members)
    np.testing.assert_allclose(exact, numeric, rtol=1e-7, atol=1e-9)


@every_default
def test_a_loss_is_smallest_at_its_own_decisions(case):
    x, y = case.example(n=30)
    own = case.loss.link.decide(x).astype(y.dtype)
    assert own.shape == y.shape
    other = {
        "softmax": (own + 1) % x.shape[1] if own.ndim == 1 else np.roll(own, 1, axis=1),
        "logistic": 1 - own,
        "identity": own + 1,
        "exp": own + 1,
    }[case.loss.link.name]
    assert case.loss.function(x, own)[0] < case.loss.function(x, other)[0]


@pytest.mark.parametrize(
    "name", [name for name in LOSSES if LOSSES[name].link.log_inverse]
)
def test_links_agree_with_the_loss_and_the_decisions(name):
    x, y = Case(name, {}).example(n=30, scale=3.0)
    loss = LOSSES[name]
    probabilities = loss.link.inverse(x)
    np.testing.assert_allclose(np.exp(loss.link.log_inverse(x)), probabilities)
    assert ((probabilities > 0) & (probabilities < 1)).all()
    if loss.link.name == "softmax":
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
        likeliest, eye = probabilities.argmax(axis=1), np.eye(x.shape[1])
        decided = likeliest if loss.takes_labels else eye[likeliest]
        np.testing.assert_array_equal(loss.link.decide(x), decided)
        own = loss.link.log_inverse(x) * (eye[y] if loss.takes_labels else y)
    else:
        np.testing.assert_array_equal(loss.link.decide(x), probabilities > 0.5)
        own = np.where(y == 1, loss.link.log_inverse(x), loss.link.log_inverse(-x))
    assert loss.function(x, y)[0] == pytest.approx(-own.sum() / len(x), rel=1e-12)


@pytest.mark.parametrize(
    "name", [name for name in LOSSES if LOSSES[name].link.log_inverse]
)
def test_log_probabilities_of_huge_scores_are_finite(name):
    logs = LOSSES[name].link.log_inverse(np.array([[1e4, -1e4], [-1e4, 1e4]]))
    assert np.isfinite(logs).all()
    assert logs.min() <= -1e4


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.loss.link.name == "identity"], ids=str
)
def test_a_regression_loss_answers_with_copies_of_the_scores(case):
    x = np.sort(case.example()[0], axis=1)
    if case.loss.scores_per_target == 3:  # in the order of the quantiles
        x = x.reshape(7, 4, 3)[:, :, [2, 0, 1]].reshape(7, 12)
    for answer in (case.loss.link.decide(x), case.loss.link.inverse(x)):
        np.testing.assert_array_equal(answer, x)
        assert not np.shares_memory(answer, x)


@pytest.mark.parametrize("name", ["poisson", "gamma"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_predicted_means_are_exponentials_within_bounds(name, dtype):
    x = np.array([[-1e4, -3.0, 0.0, 3.0, 1e4]], dtype)
    for answer in (LOSSES[name].link.decide(x), LOSSES[name].link.inverse(x)):
        assert answer.dtype == dtype
        assert np.isfinite(answer).all()
        assert (answer > 0).all()
        np.testing.assert_array_equal(answer[:, 1:4], np.exp(x[:, 1:4]))


@given(
    x=npst.arrays(np.float64, (4, 6), elements=st.floats(-1e6, 1e6)),
    quantile=st.permutations([0.1, 0.5, 0.9]),
)
@REPEATABLE
def test_predicted_quantiles_never_cross(x, quantile):
    answer = LOSSES["quantile"].bind({"quantile": quantile}).link.inverse(x)
    answer = answer.reshape(4, 2, 3)
    assert (np.diff(answer[:, :, np.argsort(quantile)]) >= 0).all()
    np.testing.assert_array_equal(
        np.sort(answer), np.sort(x.reshape(4, 2, 3)), strict=True
    )


def test_no_rows_have_no_quantiles():
    loss = LOSSES["quantile"].bind({"quantile": [0.1, 0.9]})
    assert loss.link.inverse(np.zeros((0, 4))).shape == (0, 4)


# Integers, and what is too small


@pytest.mark.parametrize("case", CASES, ids=str)
def test_integers_are_computed_with_as_floats(case):
    x, y = case.example(scale=3.0)
    whole, targets = np.round(x).astype(int), np.asarray(y, int)
    y = targets if case.loss.takes_labels else targets.astype(float)
    expected, gradient = case.loss.function(whole.astype(float), y)
    loss, dx = case.loss.function(whole, targets)
    assert loss == expected
    np.testing.assert_array_equal(dx, gradient, strict=True)
    assert dx.dtype == np.float64


@pytest.mark.parametrize("case", CASES, ids=str)
def test_integer_targets_do_not_change_the_dtype(case):
    x, y = case.example(dtype=np.float32)
    expected, gradient = case.loss.function(x, y)
    loss, dx = case.loss.function(x, y.astype(int))
    assert loss == expected
    np.testing.assert_array_equal(dx, gradient, strict=True)


def test_labels_of_few_bits_do_not_wrap_around():
    """Their places among all scores do not fit into eight bits."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 10)), rng.integers(10, size=200)
    loss, dx = softmax_loss(x, y.astype(np.uint8))
    expected, gradient = softmax_loss(x, y)
    assert loss == expected
    np.testing.assert_array_equal(dx, gradient)


def test_labels_that_are_no_integers_are_refused():
    with pytest.raises(ValueError, match="labels y that are integers from 0 to 3"):
        softmax_loss(np.zeros((2, 4)), np.array([0.0, 3.0]))


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_what_is_too_small_is_zero_even_where_numpy_would_raise(case, dtype):
    x, y = case.example(scale=1e3, dtype=dtype)
    x[0] *= 1e-30 if dtype == np.float32 else 1e-300
    expected, gradient = case.loss.function(x, y)
    with np.errstate(all="raise"):
        loss, dx = case.loss.function(x, y)
    assert loss == expected
    assert np.isfinite(loss)
    np.testing.assert_array_equal(dx, gradient)
