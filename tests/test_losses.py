import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.metrics import log_loss, mean_squared_error

from skfcnet._workspace import Workspace
from skfcnet.gradient_check import eval_numerical_gradient, rel_error
from skfcnet.losses import (
    LOSSES,
    logistic_loss,
    mse_loss,
    softmax_loss,
    squared_error_loss,
)

FLOATS = [np.float32, np.float64]
VALUED = [name for name in LOSSES if not LOSSES[name].takes_labels]
REPEATABLE = settings(deadline=None, derandomize=True, max_examples=40)


def example(name, *, n=7, k=4, dtype=np.float64, scale=1.0, seed=231):
    """Return scores and targets for a loss of the table; 0 and 1 suit every one."""
    rng = np.random.default_rng(seed)
    x = (scale * rng.normal(size=(n, k))).astype(dtype)
    if LOSSES[name].takes_labels:
        return x, rng.integers(k, size=n)
    return x, rng.integers(2, size=(n, k)).astype(dtype)


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


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("k", [1, 2, 5])
def test_gradient_matches_the_numeric_one(name, k):
    x, y = example(name, k=k)
    loss = LOSSES[name].function
    numeric = eval_numerical_gradient(lambda x: loss(x, y)[0], x, verbose=False)
    dx = loss(x, y)[1]
    assert dx.shape == x.shape
    assert rel_error(dx, numeric) <= 1e-7


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("k", [2, 30])
def test_gradient_matches_along_a_random_direction(name, k):
    x, y = example(name, n=200, k=k)
    loss, h = LOSSES[name].function, 1e-5
    u = np.random.default_rng(0).normal(size=x.shape)
    slope = (loss(x + h * u, y)[0] - loss(x - h * u, y)[0]) / (2 * h)
    assert slope == pytest.approx(np.vdot(u, loss(x, y)[1]), rel=1e-7)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_loss_falls_along_its_gradient_as_much_as_it_says(name, seed):
    """The loss between two points is the integral of its gradient between them."""
    x, y = example(name, seed=seed)
    loss = LOSSES[name].function
    end = x + np.random.default_rng(seed).normal(size=x.shape)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    gradients = [loss(x + (1 + t) / 2 * (end - x), y)[1] for t in nodes]
    change = sum(
        w / 2 * np.vdot(g, end - x) for w, g in zip(weights, gradients, strict=True)
    )
    assert loss(end, y)[0] - loss(x, y)[0] == pytest.approx(change, rel=1e-8)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_finite_for_huge_scores(name, dtype):
    x, y = example(name, n=40, dtype=dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss, dx = LOSSES[name].function((1e4 * np.sign(x)).astype(dtype), y)
    assert np.isfinite(loss)
    assert loss > 100
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_in_place_equals_pure(name, dtype):
    loss = LOSSES[name].function
    x, y = example(name, dtype=dtype)
    x_before, y_before = x.copy(), y.copy()
    value, dx = loss(x, y)
    assert not np.shares_memory(dx, x)
    np.testing.assert_array_equal(x, x_before)
    workspace = Workspace()
    loss(*example(name, n=12, dtype=dtype, seed=1), workspace=workspace)
    same_value, given = loss(x, y, out=x, workspace=workspace)
    assert same_value == value
    assert np.shares_memory(given, x)
    np.testing.assert_array_equal(x, dx, strict=True)
    np.testing.assert_array_equal(y, y_before)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_dtype_is_preserved_and_the_loss_is_a_plain_float(name, dtype):
    value, dx = LOSSES[name].function(*example(name, dtype=dtype))
    assert type(value) is float
    assert dx.dtype == dtype


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_a_mean_over_rows(name):
    x, y = example(name)
    value, dx = LOSSES[name].function(x, y)
    doubled, doubled_dx = LOSSES[name].function(
        np.tile(x, (2, 1)), np.concatenate([y, y])
    )
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
    x, y = example("softmax", n=50, k=5, scale=3.0)
    probabilities = LOSSES["softmax"].inverse_link(x)
    expected = log_loss(y, probabilities, labels=range(5))
    assert softmax_loss(x, y)[0] == pytest.approx(expected, rel=1e-12)


def test_logistic_loss_is_the_log_loss_of_its_probabilities():
    x, y = example("logistic", n=50, k=1, scale=3.0)
    probabilities = LOSSES["logistic"].inverse_link(x)
    expected = log_loss(y[:, 0], probabilities[:, 0])
    assert logistic_loss(x, y)[0] == pytest.approx(expected, rel=1e-12)


def test_logistic_loss_sums_over_outputs():
    x, y = example("logistic", n=20, k=3)
    columns = [logistic_loss(x[:, [j]], y[:, [j]]) for j in range(3)]
    loss, dx = logistic_loss(x, y)
    assert loss == pytest.approx(sum(value for value, _ in columns), rel=1e-13)
    np.testing.assert_array_equal(dx, np.hstack([dx for _, dx in columns]))


def test_logistic_loss_is_the_softmax_loss_of_two_classes():
    x, y = example("logistic", n=20, k=1)
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


# From scores to answers


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_smallest_at_its_own_decisions(name):
    x, y = example(name, n=30)
    own = LOSSES[name].decide(x).astype(y.dtype)
    assert own.shape == y.shape
    other = (own + 1) % x.shape[1] if LOSSES[name].takes_labels else 1 - own
    assert LOSSES[name].function(x, own)[0] < LOSSES[name].function(x, other)[0]


@pytest.mark.parametrize(
    "name", [name for name in LOSSES if LOSSES[name].log_inverse_link]
)
def test_links_agree_with_the_loss_and_the_decisions(name):
    x, y = example(name, n=30, scale=3.0)
    loss = LOSSES[name]
    probabilities = loss.inverse_link(x)
    np.testing.assert_allclose(np.exp(loss.log_inverse_link(x)), probabilities)
    assert ((probabilities > 0) & (probabilities < 1)).all()
    if loss.takes_labels:
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
        np.testing.assert_array_equal(loss.decide(x), probabilities.argmax(axis=1))
        own = np.take_along_axis(loss.log_inverse_link(x), y[:, None], axis=1)
    else:
        np.testing.assert_array_equal(loss.decide(x), probabilities > 0.5)
        own = np.where(y == 1, loss.log_inverse_link(x), loss.log_inverse_link(-x))
    assert loss.function(x, y)[0] == pytest.approx(-own.sum() / len(x), rel=1e-12)


@pytest.mark.parametrize(
    "name", [name for name in LOSSES if LOSSES[name].log_inverse_link]
)
def test_log_probabilities_of_huge_scores_are_finite(name):
    logs = LOSSES[name].log_inverse_link(np.array([[1e4, -1e4], [-1e4, 1e4]]))
    assert np.isfinite(logs).all()
    assert logs.min() <= -1e4


@pytest.mark.parametrize("name", ["mse", "squared_error"])
def test_a_regression_loss_answers_with_copies_of_the_scores(name):
    x, _ = example(name)
    for answer in (LOSSES[name].decide(x), LOSSES[name].inverse_link(x)):
        np.testing.assert_array_equal(answer, x)
        assert not np.shares_memory(answer, x)
