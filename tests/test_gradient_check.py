import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from scaffolding import repeatable
from skfcnet.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
    rel_error,
)

finite = npst.arrays(np.float64, 6, elements=st.floats(-1e6, 1e6))


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0], [3.0], 0.5),
        ([1.0, 5.0], [-1.0, 5.0], 1.0),
        ([0.0], [1e-9], 0.1),  # the floor of the denominator
        ([0.0], [0.0], 0.0),
        ([[1.0, 1.0], [1.0, 3.0]], 1.0, 0.5),
    ],
)
def test_rel_error_is_the_largest_relative_difference(x, y, expected):
    assert rel_error(x, y) == pytest.approx(expected, rel=1e-14)


@given(x=finite, y=finite)
@repeatable(100)
def test_rel_error_is_symmetric_and_at_most_one(x, y):
    assert rel_error(x, y) == rel_error(y, x)
    assert 0 <= rel_error(x, y) <= 1


def test_rel_error_reports_nan():
    assert np.isnan(rel_error([1.0, np.nan], [1.0, 1.0]))


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (2, 1, 3)])
def test_gradient_of_a_number(shape):
    x = np.asarray(np.random.default_rng(0).normal(size=shape))
    grad = eval_numerical_gradient(lambda x: np.sum(x**3), x, verbose=False)
    assert grad.shape == shape
    np.testing.assert_allclose(grad, 3 * x**2, rtol=1e-8)


@pytest.mark.parametrize("shape", [(4,), (2, 3)])
def test_gradient_of_an_array_is_weighted_from_above(shape):
    rng = np.random.default_rng(0)
    x, df = rng.normal(size=shape), rng.normal(size=shape)
    grad = eval_numerical_gradient_array(np.sin, x, df)
    np.testing.assert_allclose(grad, np.cos(x) * df, rtol=1e-8)


def test_gradient_of_an_array_of_another_shape():
    rng = np.random.default_rng(0)
    a, x, df = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=5)
    grad = eval_numerical_gradient_array(lambda x: a @ x, x, df)
    np.testing.assert_allclose(grad, a.T @ df, rtol=1e-8)


def test_differences_are_centred():
    """One-sided differences would be wrong by h for a parabola."""
    x = np.array([1.0, -2.0])
    grad = eval_numerical_gradient(lambda x: np.sum(x**2), x, verbose=False, h=0.5)
    np.testing.assert_allclose(grad, 2 * x, rtol=1e-14)


def test_the_point_is_restored_exactly():
    x = np.random.default_rng(0).normal(size=(3, 2))
    before = x.copy()
    eval_numerical_gradient(lambda x: np.sum(x**2), x, verbose=False)
    eval_numerical_gradient_array(np.sin, x, np.ones((3, 2)))
    np.testing.assert_array_equal(x, before)


def test_the_function_may_read_the_point_from_elsewhere():
    held = {"W": np.array([1.0, 2.0])}
    grad = eval_numerical_gradient(
        lambda _: np.sum(held["W"] ** 2), held["W"], verbose=False
    )
    np.testing.assert_allclose(grad, [2.0, 4.0], rtol=1e-8)


def test_the_function_may_hand_out_one_array_again_and_again():
    x, buffer = np.array([1.0, 2.0]), np.empty(2)
    grad = eval_numerical_gradient_array(
        lambda x: np.square(x, out=buffer), x, np.ones(2)
    )
    np.testing.assert_allclose(grad, [2.0, 4.0], rtol=1e-8)


def test_verbose_prints_one_line(capsys):
    x = np.array([[1.0, -2.0, 0.5]])
    eval_numerical_gradient(lambda x: np.sum(x**2), x, verbose=False)
    assert capsys.readouterr().out == ""
    eval_numerical_gradient(lambda x: np.sum(x**2), x)
    expected = "3 derivatives, the largest of absolute value 4.000e+00\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("x", [np.array([1, 2]), [1.0, 2.0], 1.0])
def test_what_has_no_room_for_a_small_step_is_refused(x):
    """An array of integers would take no step, and have no gradient."""
    with pytest.raises(TypeError, match="x must be an array of floats"):
        eval_numerical_gradient(lambda x: np.sum(x), x)
    with pytest.raises(TypeError, match="x must be an array of floats"):
        eval_numerical_gradient_array(lambda x: x, x, np.ones(2))


def test_a_gradient_from_above_that_would_broadcast_is_refused():
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"df .* \(2, 3\), got \(3,\)"):
        eval_numerical_gradient_array(np.sin, x, np.ones(3))
    np.testing.assert_array_equal(x, 1)
