import copy
import math
import re
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.sparse import csr_array, issparse

from scaffolding import CODED, FLOATS, block_columns, block_settings, repeatable
from skfcnet._engine.parameters import Zone
from skfcnet._engine.workspace import Workspace
from skfcnet.gradient_check import eval_numerical_gradient_array, rel_error
from skfcnet.layers import (
    ACTIVATIONS,
    BLOCKS,
    LAYERS,
    affine_backward,
    affine_forward,
    affine_relu_backward,
    affine_relu_forward,
    batchnorm_backward,
    batchnorm_forward,
    dropout_backward,
    dropout_forward,
    layernorm_backward,
    layernorm_forward,
    leaky_relu_backward,
    leaky_relu_forward,
    relu_backward,
    relu_forward,
    sigmoid_backward,
    sigmoid_forward,
    sparse_affine_backward,
    sparse_affine_forward,
    sparse_dropout_forward,
)
from skfcnet.layers._pbld import FREQUENCY_SCALE

SPARSE_LAYERS = {
    f"sparse {name}": layer.sparse for name, layer in LAYERS.items() if layer.sparse
}
DENSE_AND_SPARSE = LAYERS | SPARSE_LAYERS
REPEATABLE = repeatable(40)


def example(name, *, dtype=np.float64, n=6, fan_in=5, fan_out=4, seed=231):
    """Return rows, parameters and a gradient from above for a layer of the table."""
    rng = np.random.default_rng(seed)
    layer, settings = DENSE_AND_SPARSE[name], block_settings(name, fan_in)
    if name in BLOCKS:
        fan_out = layer.width(fan_in, **settings)
    specs = layer.specs(fan_in, fan_out, **settings)
    x = block_columns(name, (n, fan_in), rng).astype(dtype)
    params = [
        rng.normal(size=spec.shape).astype(dtype)
        for spec in specs
        if spec.zone is not Zone.STATE
    ]
    if name == "pbld":
        params[0] *= FREQUENCY_SCALE
    x = csr_array(x) if name in SPARSE_LAYERS else x
    out, _ = forward(name, x, params)
    return x, params, rng.normal(size=out.shape).astype(dtype)


def stored(a):
    """Return an array, or the stored values of a sparse one."""
    return a.data if issparse(a) else a


def forward(name, x, params, mode="train", **options):
    """Call a layer; an integer rng makes dropout draw one mask in every call."""
    layer = DENSE_AND_SPARSE[name]
    told = {"mode": mode, "p": 0.3, "rng": 7} | block_settings(name, x.shape[-1])
    extra = (told,) if layer.takes_options else ()
    out, cache = layer.forward(x, *params, *extra, **options)
    return stored(out), cache


def backward(name, dout, cache, **options):
    """Call a layer; return its gradients as a tuple, however many there are."""
    grads = DENSE_AND_SPARSE[name].backward(dout, cache, **options)
    return grads if isinstance(grads, tuple) else (grads,)


def arrays_in(cache):
    if isinstance(cache, tuple):
        return [array for part in cache for array in arrays_in(part)]
    if issparse(cache):
        return [cache.data, cache.indices, cache.indptr]
    return [cache] if isinstance(cache, np.ndarray) else []


def numeric_gradients(f, arrays, dout):
    """Return the gradient of f with respect to each array that f reads."""
    return [eval_numerical_gradient_array(lambda _: f(), a, dout) for a in arrays]


# Reference figures


def test_affine_forward_reference():
    x = np.linspace(-0.1, 0.5, 240).reshape(2, 4, 5, 6)
    w = np.linspace(-0.2, 0.3, 360).reshape(120, 3)
    b = np.linspace(-0.3, 0.1, 3)
    out, _ = affine_forward(x, w, b)
    expected = [
        [1.49834967, 1.70660132, 1.91485297],
        [3.25553199, 3.5141327, 3.77273342],
    ]
    assert rel_error(out, expected) <= 1e-8


def test_affine_backward_reference():
    np.random.seed(231)
    x, w, b = np.random.randn(10, 2, 3), np.random.randn(6, 5), np.random.randn(5)
    dout = np.random.randn(10, 5)
    grads = affine_backward(dout, affine_forward(x, w, b)[1])
    numeric = numeric_gradients(lambda: affine_forward(x, w, b)[0], (x, w, b), dout)
    assert grads[0].shape == x.shape
    for grad, reference in zip(grads, numeric, strict=True):
        assert rel_error(grad, reference) <= 1e-9


def test_relu_forward_reference():
    x = np.linspace(-0.5, 0.5, 12).reshape(3, 4)
    expected = [
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.5 / 11, 1.5 / 11],
        [2.5 / 11, 3.5 / 11, 4.5 / 11, 0.5],
    ]
    np.testing.assert_allclose(relu_forward(x)[0], expected, rtol=1e-14, atol=0)


def test_relu_backward_reference():
    np.random.seed(231)
    x, dout = np.random.randn(10, 10), np.random.randn(10, 10)
    numeric = eval_numerical_gradient_array(lambda x: relu_forward(x)[0], x, dout)
    assert rel_error(relu_backward(dout, relu_forward(x)[1]), numeric) <= 1e-10


def test_sigmoid_forward_reference():
    x = np.linspace(-6, 6, 12).reshape(3, 4)
    expected = [
        [0.00247262, 0.00732514, 0.0214955, 0.06138311],
        [0.16296047, 0.36691963, 0.63308037, 0.83703953],
        [0.93861689, 0.9785045, 0.99267486, 0.99752738],
    ]
    assert rel_error(sigmoid_forward(x)[0], expected) <= 1e-6


def test_sigmoid_backward_reference():
    np.random.seed(231)
    x, dout = np.random.randn(10, 10), np.random.randn(10, 10)
    numeric = eval_numerical_gradient_array(lambda x: sigmoid_forward(x)[0], x, dout)
    assert rel_error(sigmoid_backward(dout, sigmoid_forward(x)[1]), numeric) <= 1e-9


def test_affine_relu_reference():
    np.random.seed(231)
    x, w, b = np.random.randn(2, 3, 4), np.random.randn(12, 10), np.random.randn(10)
    dout = np.random.randn(2, 10)
    out, cache = affine_relu_forward(x, w, b)
    np.testing.assert_array_equal(out, np.maximum(0, x.reshape(2, 12) @ w + b))
    numeric = numeric_gradients(
        lambda: affine_relu_forward(x, w, b)[0], (x, w, b), dout
    )
    for grad, reference in zip(affine_relu_backward(dout, cache), numeric, strict=True):
        assert rel_error(grad, reference) <= 1e-9


def test_batchnorm_standardises_a_minibatch_reference():
    np.random.seed(231)
    X, W1, W2 = (
        np.random.randn(200, 50),
        np.random.randn(50, 60),
        np.random.randn(60, 3),
    )
    a = np.maximum(0, X @ W1) @ W2
    before = [-2.3814598, -13.18038246, 1.91780462]
    np.testing.assert_allclose(a.mean(axis=0), before, atol=1e-8)
    stds_before = [27.18502186, 34.21455511, 37.68611762]
    np.testing.assert_allclose(a.std(axis=0), stds_before, atol=1e-8)
    for gamma, beta in (
        (np.ones(3), np.zeros(3)),
        (np.array([1.0, 2.0, 3.0]), np.array([11.0, 12.0, 13.0])),
    ):
        out, _ = batchnorm_forward(a, gamma, beta, {"mode": "train"})
        assert np.abs(out.mean(axis=0) - beta).max() <= 1e-14
        assert np.abs(out.std(axis=0) - gamma).max() <= 1e-7


def test_batchnorm_at_test_time_reference():
    np.random.seed(231)
    W1, W2 = np.random.randn(50, 60), np.random.randn(60, 3)
    gamma, beta, bn_param = np.ones(3), np.zeros(3), {"mode": "train"}

    def drawn():
        return np.maximum(0, np.random.randn(200, 50) @ W1) @ W2

    for _ in range(50):
        batchnorm_forward(drawn(), gamma, beta, bn_param)
    out, _ = batchnorm_forward(drawn(), gamma, beta, bn_param | {"mode": "test"})
    means = [-0.03927354, -0.04349152, -0.10452688]
    np.testing.assert_allclose(out.mean(axis=0), means, atol=1e-8)
    stds = [1.01531428, 1.01238373, 0.97819988]
    np.testing.assert_allclose(out.std(axis=0), stds, atol=1e-8)


def test_batchnorm_backward_reference():
    np.random.seed(231)
    x = 5 * np.random.randn(4, 5) + 12
    gamma, beta = np.random.randn(5), np.random.randn(5)
    dout = np.random.randn(4, 5)

    def out_and_cache():
        return batchnorm_forward(x, gamma, beta, {"mode": "train"})

    numeric = numeric_gradients(lambda: out_and_cache()[0], (x, gamma, beta), dout)
    grads = batchnorm_backward(dout, out_and_cache()[1])
    for grad, reference in zip(grads, numeric, strict=True):
        assert rel_error(grad, reference) <= 1e-8


# Every layer of the table


@pytest.mark.parametrize("name", DENSE_AND_SPARSE)
def test_gradients_match_the_numeric_ones(name):
    x, params, dout = example(name)
    grads = backward(name, dout, forward(name, x, params)[1])
    assert len(grads) == 1 + len(params)
    for array, grad in zip((stored(x), *params), grads, strict=True):
        if grad is None:  # that of sparse rows would be dense
            assert array is stored(x)
            assert name in ("sparse affine", "sparse scaled_affine")
            continue
        if name in CODED and array is stored(x):  # there is none between two codes
            assert not grad.any()
            continue
        numeric = numeric_gradients(lambda: forward(name, x, params)[0], [array], dout)
        assert grad.shape == array.shape
        tolerance = 1e-6 if name == "pbld" else 1e-7  # cosines bend
        assert rel_error(grad, numeric[0]) <= tolerance


def test_gradients_of_batchnorm_at_test_time_match_the_numeric_ones():
    x, (gamma, beta), dout = example("batchnorm")
    rng = np.random.default_rng(0)
    param = {"mode": "test", "eps": 0.5}
    param |= {"running_mean": rng.normal(size=5), "running_var": rng.random(5)}

    def f():
        return batchnorm_forward(x, gamma, beta, param)

    grads = batchnorm_backward(dout, f()[1])
    numeric = numeric_gradients(lambda: f()[0], (x, gamma, beta), dout)
    for grad, reference in zip(grads, numeric, strict=True):
        assert rel_error(grad, reference) <= 1e-8
    std = np.sqrt(param["running_var"] + 0.5)
    np.testing.assert_allclose(grads[0], dout * gamma / std, rtol=1e-14)


@pytest.mark.parametrize("name", DENSE_AND_SPARSE)
@pytest.mark.parametrize("seed", [0, 1])
def test_backward_is_the_transpose_of_the_derivative(name, seed):
    """<v, J u> = <u, J^T v>, over all arguments at once, on more than a few rows."""
    x, params, v = example(name, n=50, fan_in=12, fan_out=9, seed=seed)
    rng, h = np.random.default_rng(seed), 1e-5
    grads = backward(name, v, forward(name, x, params)[1])
    directions = [
        0.0 if grad is None else rng.normal(size=grad.shape) for grad in grads
    ]
    if name in CODED:
        directions[0][...] = 0

    def moved(step):
        at = x.copy()
        stored(at)[...] += step * directions[0]
        there = [a + step * u for a, u in zip(params, directions[1:], strict=True)]
        return forward(name, at, there)[0]

    change = np.vdot(v, moved(h) - moved(-h)) / (2 * h)
    predicted = sum(
        np.vdot(u, grad)
        for u, grad in zip(directions, grads, strict=True)
        if grad is not None
    )
    assert change == pytest.approx(predicted, rel=1e-7)


@pytest.mark.parametrize("name", DENSE_AND_SPARSE)
def test_a_pure_call_leaves_its_arguments_alone(name):
    x, params, dout = example(name)
    arguments = [*arrays_in(x), *params, dout]
    before = copy.deepcopy(arguments)
    out, cache = forward(name, x, params)
    grads = backward(name, dout, cache)
    for argument, original in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(argument, original)
        assert not np.shares_memory(argument, out)
        for grad in grads:
            assert grad is None or not np.shares_memory(argument, grad)


def used_workspace(name, dtype):
    """Return a workspace that a larger batch of other numbers went through."""
    workspace = Workspace()
    x, params, dout = example(name, dtype=dtype, n=11, seed=1)
    _, cache = forward(name, x, params, workspace=workspace)
    backward(name, dout, cache, workspace=workspace)
    return workspace


@pytest.mark.parametrize("name", DENSE_AND_SPARSE)
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_workspace_does_not_change_results(name, dtype):
    x, params, dout = example(name, dtype=dtype)
    out, cache = forward(name, x, params)
    grads = backward(name, dout, cache)
    workspace = used_workspace(name, dtype)
    same_out, same_cache = forward(name, x, params, workspace=workspace)
    np.testing.assert_array_equal(same_out, out, strict=True)
    same_grads = backward(name, dout, same_cache, workspace=workspace)
    for same, grad in zip(same_grads, grads, strict=True):
        np.testing.assert_array_equal(same, grad, strict=True)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_out_receives_the_results_of_a_pure_call(name, dtype):
    x, params, dout = example(name, dtype=dtype)
    out, cache = forward(name, x, params)
    grads = backward(name, dout, cache)
    workspace, buffer = used_workspace(name, dtype), np.full_like(out, np.nan)
    given, cache = forward(name, x, params, out=buffer, workspace=workspace)
    assert np.shares_memory(given, buffer)
    np.testing.assert_array_equal(buffer, out, strict=True)
    buffers = tuple(np.full_like(a, np.nan) for a in (x, *params))
    returned = backward(name, dout, cache, out=buffers, workspace=workspace)
    for given, buffer, grad in zip(returned, buffers, grads, strict=True):
        if grad is None:
            assert given is None
            continue
        assert np.shares_memory(given, buffer)
        np.testing.assert_array_equal(buffer, grad, strict=True)


def peak_memory(function):
    """Return the most bytes that a call allocates beside what there was before."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in BLOCKS])
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_workspace_and_out_spare_all_arrays_of_the_size_of_the_rows(name, dtype):
    x, params, dout = example(name, dtype=dtype, n=300, fan_in=80, fan_out=80)
    out, cache = forward(name, x, params)
    buffer = np.empty_like(out)
    buffers = [
        None if grad is None else np.empty_like(grad)
        for grad in backward(name, dout, cache)
    ]
    workspace = Workspace()

    def step():
        _, cache = forward(name, x, params, out=buffer, workspace=workspace)
        backward(name, dout, cache, out=buffers, workspace=workspace)

    step()
    assert peak_memory(step) < x.nbytes / 2


@pytest.mark.parametrize("name", [name for name in LAYERS if LAYERS[name].inplace])
@pytest.mark.parametrize("dtype", FLOATS)
def test_an_in_place_layer_may_write_over_its_input_and_gradient(name, dtype):
    x, params, dout = example(name, dtype=dtype)
    out, cache = forward(name, x, params)
    grads = backward(name, dout, cache)
    workspace = used_workspace(name, dtype)
    given, cache = forward(name, x, params, out=x, workspace=workspace)
    assert np.shares_memory(given, x)
    np.testing.assert_array_equal(x, out, strict=True)
    buffers = (dout, *(np.empty_like(a) for a in params))
    returned = backward(name, dout, cache, out=buffers, workspace=workspace)
    assert np.shares_memory(returned[0], dout)
    for given, grad in zip(returned, grads, strict=True):
        np.testing.assert_array_equal(given, grad, strict=True)


@pytest.mark.parametrize("name", DENSE_AND_SPARSE)
@pytest.mark.parametrize("mode", ["pure", "with buffers"])
def test_backward_writes_neither_to_its_cache_nor_to_dout(name, mode):
    x, params, dout = example(name)
    workspace = Workspace() if mode == "with buffers" else None
    _, cache = forward(name, x, params, workspace=workspace)
    kept, dout_kept = copy.deepcopy(arrays_in(cache)), dout.copy()
    dx = np.empty(stored(x).shape) if mode == "with buffers" else None
    out = (dx, *(np.empty_like(a) if mode == "with buffers" else None for a in params))
    backward(name, dout, cache, out=out, workspace=workspace)
    np.testing.assert_array_equal(dout, dout_kept)
    for array, before in zip(arrays_in(cache), kept, strict=True):
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("name", DENSE_AND_SPARSE)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("mode", ["train", "test"])
def test_dtype_is_preserved(name, dtype, mode):
    x, params, dout = example(name, dtype=dtype)
    out, cache = forward(name, x, params, mode)
    assert out.dtype == dtype
    if cache is not None:
        assert all(a.dtype == dtype for a in arrays_in(cache) if a.dtype.kind == "f")
        grads = backward(name, dout, cache)
        assert all(grad.dtype == dtype for grad in grads if grad is not None)


@pytest.mark.parametrize("name", DENSE_AND_SPARSE)
def test_at_test_time_rows_do_not_influence_each_other(name):
    x, params, _ = example(name, n=9)
    together, _ = forward(name, x, params, "test")
    one_by_one = [forward(name, x[i : i + 1], params, "test")[0] for i in range(9)]
    np.testing.assert_allclose(together, np.concatenate(one_by_one), rtol=1e-12)


# Activations


shapes = npst.array_shapes(min_dims=1, max_dims=4, max_side=5)
dtypes = st.sampled_from(FLOATS)
values = st.floats(-100, 100, width=32)


DIPPING = {"gelu", "silu", "mish"}  # not monotone: they have one minimum
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

# By the functions of the standard library, in double precision.
FORMULAS = {
    "identity": lambda x: x,
    "relu": lambda x: max(0, x),
    "leaky_relu": lambda x: max(0.01 * x, x),
    "tanh": math.tanh,
    "softplus": lambda x: math.log1p(math.exp(x)),
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "selu": lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * math.expm1(x)),
    "gelu": lambda x: x * math.erfc(-x / math.sqrt(2)) / 2,
    "silu": lambda x: x / (1 + math.exp(-x)),
    "mish": lambda x: x * math.tanh(math.log1p(math.exp(x))),
}

# Far to the left: the output (None: proportional to the input) and its derivative.
# Far to the right: the derivative, 0 where the output is 1.
AT_THE_ENDS = {
    "identity": (None, 1, 1),
    "logistic": (0, 0, 0),
    "tanh": (-1, 0, 0),
    "relu": (0, 0, 1),
    "leaky_relu": (None, 0.01, 1),
    "softplus": (0, 0, 1),
    "elu": (-1, 0, 1),
    "selu": (-SELU_SCALE * SELU_ALPHA, 0, SELU_SCALE),
    "gelu": (0, 0, 1),
    "silu": (0, 0, 1),
    "mish": (0, 0, 1),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(data=st.data(), dtype=dtypes, shape=shapes)
@REPEATABLE
def test_activations_take_any_shape_and_keep_it(name, data, dtype, shape):
    x = data.draw(npst.arrays(dtype, shape, elements=values))
    out, cache = ACTIVATIONS[name].forward(x)
    dx = ACTIVATIONS[name].backward(np.ones_like(x), cache)
    assert (out.shape, out.dtype) == (dx.shape, dx.dtype) == (shape, dtype)
    assert np.isfinite(out).all()
    assert np.isfinite(dx).all()
    for i in range(len(x)):
        row, _ = ACTIVATIONS[name].forward(x[i : i + 1])
        np.testing.assert_allclose(row, out[i : i + 1], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_take_a_single_number(name):
    out, cache = ACTIVATIONS[name].forward(np.array(0.5))
    dx = ACTIVATIONS[name].backward(np.array(2.0), cache)
    in_a_row, row_cache = ACTIVATIONS[name].forward(np.array([0.5]))
    assert out == in_a_row[0]
    assert dx == ACTIVATIONS[name].backward(np.array([2.0]), row_cache)[0]


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name not in DIPPING])
@given(x=npst.arrays(np.float64, 20, elements=values))
@REPEATABLE
def test_activations_never_decrease(name, x):
    out, cache = ACTIVATIONS[name].forward(np.sort(x))
    assert (np.diff(out) >= 0).all()
    assert (ACTIVATIONS[name].backward(np.ones(20), cache) >= 0).all()


@pytest.mark.parametrize("name", sorted(DIPPING))
def test_dipping_activations_decrease_to_one_minimum_and_then_increase(name):
    out, cache = ACTIVATIONS[name].forward(np.linspace(-6, 3, 901))
    lowest = out.argmin()
    assert -0.4 < out[lowest] < -0.1
    assert (np.diff(out[: lowest + 1]) < 0).all()
    assert (np.diff(out[lowest:]) > 0).all()
    slope = ACTIVATIONS[name].backward(np.ones(901), cache)
    assert (slope[: lowest - 1] < 0).all()
    assert (slope[lowest + 2 :] > 0).all()


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_activations_are_what_their_formulas_say(name, dtype):
    x = np.concatenate([np.linspace(-12, 12, 241), [-1e-4, 1e-9]])
    out, _ = ACTIVATIONS[name].forward(x.astype(dtype))
    expected = np.array([FORMULAS[name](number) for number in x])
    tolerance = 1e-5 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(out, expected, rtol=tolerance, atol=1e-15)


def far_from_zero(name, dtype):
    """Return large numbers, an activation of them and its derivative."""
    largest = np.finfo(dtype).max / 2
    x = np.array([-largest, -1e4, -1e2, 0, 1e2, 1e4, largest], dtype)
    with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise"):
        warnings.simplefilter("error")
        out, cache = ACTIVATIONS[name].forward(x)
        dx = ACTIVATIONS[name].backward(np.ones_like(x), cache)
    return x, out, dx


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_activations_overflow_for_no_finite_input(name, dtype):
    _, out, dx = far_from_zero(name, dtype)
    assert np.isfinite(out).all()
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("name", AT_THE_ENDS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_activations_are_straight_lines_far_from_zero(name, dtype):
    x, out, dx = far_from_zero(name, dtype)
    left, left_slope, right_slope = AT_THE_ENDS[name]
    left = left_slope * x[:2] if left is None else left
    np.testing.assert_allclose(out[:2], left, rtol=1e-6)
    np.testing.assert_allclose(dx[:2], left_slope, rtol=1e-6)
    np.testing.assert_allclose(dx[-2:], right_slope, rtol=1e-6)
    if right_slope:
        np.testing.assert_allclose(out[-2:], right_slope * x[-2:], rtol=1e-6)
    else:
        np.testing.assert_array_equal(out[-2:], 1)


@pytest.mark.parametrize(
    "name", [n for n in ACTIVATIONS if n not in ("logistic", "tanh")]
)
def test_the_gain_keeps_the_mean_square_of_a_normal_signal(name):
    z = np.linspace(-12, 12, 24001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    out, _ = ACTIVATIONS[name].forward(z)
    mean_square = np.sum(out**2 * density) * (z[1] - z[0])
    assert ACTIVATIONS[name].gain ** 2 * mean_square == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("dtype", FLOATS)
def test_sigmoid_does_not_overflow(dtype):
    largest = np.finfo(dtype).max
    x = np.array([-largest, -1e4, -1e2, 0, 1e2, 1e4, largest], dtype)
    with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise"):
        warnings.simplefilter("error")
        out, cache = sigmoid_forward(x)
        dx = sigmoid_backward(np.ones_like(x), cache)
    np.testing.assert_array_equal(out[[0, 1, 3, 5, 6]], [0, 0, 0.5, 1, 1])
    np.testing.assert_array_equal(dx[[0, 1, 3, 5, 6]], [0, 0, 0.25, 0, 0])


def test_sigmoid_is_symmetric():
    x = np.linspace(-9, 9, 37)
    total = sigmoid_forward(x)[0] + sigmoid_forward(-x)[0]
    np.testing.assert_allclose(total, 1, rtol=1e-15)


def test_leaky_relu_leaks_a_hundredth():
    x = np.array([-200.0, -1.0, 0.0, 3.0])
    out, cache = leaky_relu_forward(x)
    np.testing.assert_allclose(out, [-2.0, -0.01, 0.0, 3.0], rtol=1e-15)
    dx = leaky_relu_backward(np.full(4, 10.0), cache)
    np.testing.assert_allclose(dx, [0.1, 0.1, 0.1, 10.0], rtol=1e-14)


# Affine


@given(
    dtype=dtypes,
    rows=st.integers(1, 7),
    inner=npst.array_shapes(min_dims=1, max_dims=3, max_side=4),
    width=st.integers(1, 5),
    seed=st.integers(0, 99),
)
@REPEATABLE
def test_affine_flattens_rows_of_any_shape(dtype, rows, inner, width, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, *inner)).astype(dtype)
    w = rng.normal(size=(np.prod(inner), width)).astype(dtype)
    b = rng.normal(size=width).astype(dtype)
    out, cache = affine_forward(x, w, b)
    dx, dw, db = affine_backward(out, cache)
    flat = affine_forward(x.reshape(rows, -1), w, b)[0]
    np.testing.assert_array_equal(out, flat, strict=True)
    assert (out.shape, dx.shape) == ((rows, width), x.shape)
    assert (dw.shape, db.shape) == (w.shape, b.shape)
    assert {a.dtype for a in (out, dx, dw, db)} == {np.dtype(dtype)}
    alone = np.vstack([affine_forward(x[i : i + 1], w, b)[0] for i in range(rows)])
    tolerance = 1e-4 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(alone, out, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", FLOATS)
def test_sparse_affine_equals_dense(dtype):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(8, 6)) * (rng.random((8, 6)) < 0.4)).astype(dtype)
    _, (w, b), dout = example("affine", dtype=dtype, n=8, fan_in=6)
    dense, dense_cache = affine_forward(x, w, b)
    sparse, sparse_cache = sparse_affine_forward(csr_array(x), w, b)
    np.testing.assert_allclose(sparse, dense, rtol=1e-5, strict=True)
    dw, db = np.empty_like(w), np.empty_like(b)
    none, *_ = sparse_affine_backward(dout, sparse_cache, out=(None, dw, db))
    _, dense_dw, dense_db = affine_backward(dout, dense_cache)
    assert none is None
    np.testing.assert_allclose(dw, dense_dw, rtol=1e-5, atol=1e-7, strict=True)
    np.testing.assert_array_equal(db, dense_db, strict=True)


def test_the_first_layer_computes_no_gradient_of_the_rows():
    x, params, dout = example("affine")
    cache = affine_forward(x, *params)[1]
    dx, dw, db = affine_backward(dout, cache, need_dx=False)
    assert dx is None
    np.testing.assert_array_equal(dw, affine_backward(dout, cache)[1])
    np.testing.assert_array_equal(db, affine_backward(dout, cache)[2])


# Batch normalisation


@pytest.mark.parametrize("param", [{}, {"eps": 0.5}])
def test_batchnorm_adds_eps_to_the_variance_once(param):
    """A small variance makes it count; a numeric gradient could not tell."""
    x = 0.01 * np.random.default_rng(0).normal(size=(20, 3))
    gamma, beta = np.array([1.0, 2.0, -3.0]), np.array([0.0, 1.0, 2.0])
    out, _ = batchnorm_forward(x, gamma, beta, {"mode": "train"} | param)
    std = np.sqrt(x.var(axis=0) + param.get("eps", 1e-5))
    expected = gamma * (x - x.mean(axis=0)) / std + beta
    np.testing.assert_allclose(out, expected, rtol=1e-10, atol=1e-12)


def test_batchnorm_updates_the_running_statistics_in_place():
    x = np.array([[1.0, 10.0], [3.0, 30.0]])
    mean, var = np.array([5.0, 5.0]), np.array([2.0, 2.0])
    param = {"mode": "train", "running_mean": mean, "running_var": var, "momentum": 0.6}
    batchnorm_forward(x, np.ones(2), np.zeros(2), param)
    assert param["running_mean"] is mean
    assert param["running_var"] is var
    np.testing.assert_allclose(mean, [0.6 * 5 + 0.4 * 2, 0.6 * 5 + 0.4 * 20])
    np.testing.assert_allclose(var, [0.6 * 2 + 0.4 * 1, 0.6 * 2 + 0.4 * 100])


def test_batchnorm_starts_its_running_statistics_at_zero_with_momentum_09():
    x, param = np.array([[1.0], [3.0]]), {"mode": "train"}
    batchnorm_forward(x, np.ones(1), np.zeros(1), param)
    np.testing.assert_allclose(param["running_mean"], [0.1 * 2])
    np.testing.assert_allclose(param["running_var"], [0.1 * 1])


def test_batchnorm_at_test_time_uses_and_keeps_the_running_statistics():
    param = {
        "mode": "test",
        "eps": 0.5,
        "running_mean": np.array([2.0]),
        "running_var": np.array([3.5]),
    }
    out, _ = batchnorm_forward(np.array([[4.0]]), np.full(1, 6.0), np.ones(1), param)
    np.testing.assert_allclose(out, [[6 * (4 - 2) / 2 + 1]])
    np.testing.assert_array_equal(param["running_mean"], [2.0])
    np.testing.assert_array_equal(param["running_var"], [3.5])


@given(
    dtype=dtypes,
    rows=st.integers(2, 20),
    width=st.integers(1, 6),
    seed=st.integers(0, 99),
)
@REPEATABLE
def test_batchnorm_output_does_not_depend_on_the_scale_of_its_input(
    dtype, rows, width, seed
):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, width)).astype(dtype)
    gamma, beta = np.ones(width, dtype), np.zeros(width, dtype)
    param = {"mode": "train", "eps": 0.0}
    out, _ = batchnorm_forward(x, gamma, beta, param)
    scaled, _ = batchnorm_forward(4 * x, gamma, beta, param)
    assert out.shape == x.shape
    assert out.dtype == dtype
    np.testing.assert_allclose(scaled, out, rtol=1e-3, atol=1e-3)


# Layer normalisation


@pytest.mark.parametrize("param", [{}, {"eps": 0.5}, {"mode": "test"}])
def test_layernorm_standardises_every_row(param):
    """A small variance makes eps count; a numeric gradient could not tell."""
    x = 0.01 * np.random.default_rng(0).normal(size=(20, 3)) + 1
    gamma, beta = np.array([1.0, 2.0, -3.0]), np.array([0.0, 1.0, 2.0])
    out, _ = layernorm_forward(x, gamma, beta, param)
    std = np.sqrt(x.var(axis=1, keepdims=True) + param.get("eps", 1e-5))
    expected = gamma * (x - x.mean(axis=1, keepdims=True)) / std + beta
    np.testing.assert_allclose(out, expected, rtol=1e-10, atol=1e-12)


def test_layernorm_equals_batchnorm_of_the_transpose():
    x, dout = np.random.default_rng(0).normal(size=(2, 6, 5))
    out, cache = layernorm_forward(x, np.ones(5), np.zeros(5), {})
    param = {"mode": "train"}
    other, other_cache = batchnorm_forward(x.T, np.ones(6), np.zeros(6), param)
    np.testing.assert_allclose(out, other.T, rtol=1e-12)
    dx, _, _ = layernorm_backward(dout, cache)
    other_dx, _, _ = batchnorm_backward(dout.T, other_cache)
    np.testing.assert_allclose(dx, other_dx.T, rtol=1e-10)


def test_layernorm_does_not_feel_the_scale_and_shift_of_a_row():
    x, gamma, beta = np.random.default_rng(0).normal(size=(3, 4, 6))
    gamma, beta, param = gamma[0], beta[0], {"eps": 0.0}
    out, _ = layernorm_forward(x, gamma, beta, param)
    moved = np.array([[2.0], [0.5], [10.0], [1.0]]) * x + np.arange(4.0)[:, np.newaxis]
    np.testing.assert_allclose(layernorm_forward(moved, gamma, beta, param)[0], out)


def test_layernorm_has_numbers_for_a_row_of_equal_ones():
    x, gamma, beta = np.full((2, 3), 7.0), np.ones(3), np.array([1.0, 2.0, 3.0])
    out, cache = layernorm_forward(x, gamma, beta, {})
    np.testing.assert_array_equal(out, [beta, beta])
    assert np.isfinite(layernorm_backward(out, cache)[0]).all()


# Dropout


def test_dropout_keeps_what_the_mask_says_and_scales_it_up():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    mask = np.array([[True, False], [False, True]])
    param = {"mode": "train", "p": 0.75, "mask": mask}
    out, cache = dropout_forward(x, param)
    np.testing.assert_array_equal(out, [[4.0, 0.0], [0.0, 16.0]])
    dx = dropout_backward(np.ones((2, 2)), cache)
    np.testing.assert_array_equal(dx, [[4.0, 0.0], [0.0, 4.0]])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_drops_a_fraction_p_and_keeps_the_expected_value(dtype, p):
    x = np.full((400, 500), 3, dtype)
    param = {"mode": "train", "p": p, "rng": np.random.default_rng(0)}
    out, _ = dropout_forward(x, param)
    standard_error = np.sqrt(p * (1 - p) / x.size)
    assert abs(np.mean(out == 0) - p) < 5 * standard_error
    assert abs(out.mean() - 3) < 5 * 3 * standard_error / (1 - p)
    np.testing.assert_allclose(np.unique(out), [0, 3 / (1 - p)], rtol=1e-6)


@pytest.mark.parametrize("source", ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
def test_dropout_drops_the_same_fraction_whatever_draws_its_bits(source):
    rng = np.random.Generator(getattr(np.random, source)(0))
    x = np.ones((200, 100), np.float32)
    out, _ = dropout_forward(x, {"mode": "train", "p": 0.3, "rng": rng})
    assert np.mean(out == 0) == pytest.approx(0.3, abs=0.02)
    # Neighbours in one word of random bits are independent, too.
    assert np.mean((out[:, :-1] == 0) & (out[:, 1:] == 0)) == pytest.approx(
        0.09, abs=0.01
    )


def test_dropout_draws_a_new_mask_from_a_generator_and_the_same_one_from_a_seed():
    x, generator = np.ones((20, 20)), np.random.default_rng(0)

    def drawn(rng):
        return dropout_forward(x, {"mode": "train", "p": 0.5, "rng": rng})[0]

    assert not np.array_equal(drawn(generator), drawn(generator))
    np.testing.assert_array_equal(drawn(5), drawn(5))
    np.random.seed(1)
    first = drawn(None)
    np.random.seed(1)
    np.testing.assert_array_equal(drawn(None), first)


@pytest.mark.parametrize("p", [0.0, 0.9])
def test_dropout_at_test_time_is_the_identity(p):
    x = np.random.default_rng(0).normal(size=(5, 4))
    out, cache = dropout_forward(x, {"mode": "test", "p": p, "rng": 0})
    np.testing.assert_array_equal(out, x)
    np.testing.assert_array_equal(dropout_backward(x, cache), x)


def test_sparse_dropout_drops_stored_values_and_shares_their_places():
    dense = np.random.default_rng(0).normal(size=(50, 40))
    dense *= np.random.default_rng(1).random((50, 40)) < 0.3
    x = csr_array(dense)
    param = {"mode": "train", "p": 0.25, "rng": 0}
    out, cache = sparse_dropout_forward(x, param)
    np.testing.assert_array_equal(x.toarray(), dense)
    assert np.shares_memory(out.indices, x.indices)
    assert not np.shares_memory(out.data, x.data)
    mask = np.zeros((50, 40))
    mask[x.nonzero()] = cache
    np.testing.assert_array_equal(out.toarray(), dense * mask)
    np.testing.assert_allclose(np.unique(cache), [0, 4 / 3])
    unchanged, _ = sparse_dropout_forward(x, param | {"mode": "test"})
    np.testing.assert_array_equal(unchanged.toarray(), dense)


class AlmostOne(np.random.Generator):
    """A generator whose every draw is the largest that it can ever be."""

    def random(self, size=None, dtype=np.float64, out=None):
        out[...] = 1 - np.finfo(dtype).epsneg
        return out


@pytest.mark.parametrize("p", [0.0, 1e-9, 0.3])
def test_dropout_never_scales_by_more_than_what_was_dropped(p):
    """In float32 the largest draw comes up once in 16 million, so it must do."""
    x, rng = np.ones(3, np.float32), AlmostOne(np.random.PCG64(0))
    out, _ = dropout_forward(x, {"mode": "train", "p": p, "rng": rng})
    np.testing.assert_allclose(out, 1 / (1 - p), rtol=1e-6)


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, np.nan])
@pytest.mark.parametrize("mode", ["train", "test"])
def test_dropout_refuses_impossible_rates(p, mode):
    with pytest.raises(ValueError, match=r"dropout_param\['p'\]"):
        dropout_forward(np.ones(3), {"mode": mode, "p": p, "rng": 0})


@pytest.mark.parametrize("mode", ["predict", "Train", None])
def test_unknown_modes_are_refused_by_name(mode):
    with pytest.raises(ValueError, match=rf"dropout_param\['mode'\].*{mode}"):
        dropout_forward(np.ones(3), {"mode": mode, "p": 0.5})
    with pytest.raises(ValueError, match=rf"bn_param\['mode'\].*{mode}"):
        batchnorm_forward(np.ones((3, 1)), np.ones(1), np.zeros(1), {"mode": mode})


# Integers


def rounded(a):
    """Return an array of floats as integers of a few values."""
    if issparse(a):
        return csr_array((rounded(a.data), a.indices, a.indptr), a.shape)
    return np.round(2 * a).astype(int)


@pytest.mark.parametrize("name", [n for n in DENSE_AND_SPARSE if n != "missing"])
def test_integers_are_computed_with_as_floats(name):
    x, params, dout = example(name)
    whole = rounded(x), [rounded(array) for array in params], rounded(dout)
    x, params, dout = (
        whole[0].astype(float),
        [p.astype(float) for p in whole[1]],
        whole[2],
    )
    expected_out, cache = forward(name, x, params)
    expected = backward(name, dout.astype(float), cache)
    out, cache = forward(name, whole[0], whole[1])
    np.testing.assert_array_equal(out, expected_out, strict=True)
    for grad, reference in zip(backward(name, dout, cache), expected, strict=True):
        np.testing.assert_array_equal(grad, reference, strict=True)
        assert grad is None or grad.dtype == np.float64


def test_affine_relu_takes_integers():
    x, w, b = np.array([[1, 2]]), np.array([[3], [4]]), np.array([5])
    out, cache = affine_relu_forward(x, w, b)
    np.testing.assert_array_equal(out, [[16.0]], strict=True)
    grads = affine_relu_backward(np.array([[2]]), cache)
    np.testing.assert_array_equal(grads[0], [[6.0, 8.0]], strict=True)


# Arrays that do not fit


@pytest.mark.parametrize("name", DENSE_AND_SPARSE)
@pytest.mark.parametrize(
    "mistake",
    [
        lambda dout: dout[:1],
        lambda dout: dout[..., :1],
        lambda dout: dout[0],
        lambda dout: dout[..., np.newaxis],
        lambda dout: dout.T,
        lambda dout: 1.0,
    ],
    ids=["one row", "one column", "a row", "an axis more", "transposed", "a number"],
)
def test_a_gradient_of_another_shape_than_the_output_is_refused(name, mistake):
    x, params, dout = example(name)
    out, cache = forward(name, x, params)
    wrong = mistake(dout)
    if np.shape(wrong) == dout.shape:
        pytest.skip("no mistake for the stored values of sparse rows")
    function = DENSE_AND_SPARSE[name].backward
    message = (
        rf"{function.__name__} needs dout of shape "
        rf"{re.escape(str(out.shape))}, got {re.escape(str(np.shape(wrong)))}"
    )
    with pytest.raises(ValueError, match=message):
        backward(name, wrong, cache)


@pytest.mark.parametrize(
    ("x", "w", "b", "message"),
    [
        ((4, 3), (2, 5), (5,), r"rows x with the 2 features .* w of shape \(2, 5\)"),
        (
            (4, 3, 2),
            (5, 2),
            (2,),
            r"rows x with the 5 features .* \(4, 3, 2\)",
        ),
        ((4, 3), (3,), (3,), r"w of shape \(D, M\), got \(3,\)"),
        ((4, 3), (3, 5), (1,), r"b of shape \(5,\), got \(1,\)"),
        ((4, 3), (3, 5), (), r"b of shape \(5,\), got \(\)"),
        ((4, 3), (3, 5), (1, 5), r"b of shape \(5,\), got \(1, 5\)"),
        ((4, 3), (3, 5), (4, 5), r"b of shape \(5,\), got \(4, 5\)"),
        ((4, 3), (3, 4), (3,), r"b of shape \(4,\), got \(3,\)"),
        (
            (3, 4, 3),
            (2, 3, 5),
            (2, 1, 5),
            r"rows x with the 3 .* \(3, 4, 3\)",
        ),
        ((2, 4, 3), (2, 3, 5), (5,), r"b of shape \(2, 1, 5\), got \(5,\)"),
    ],
)
@pytest.mark.parametrize("function", [affine_forward, affine_relu_forward])
def test_an_affine_map_says_which_array_does_not_fit(function, x, w, b, message):
    with pytest.raises(ValueError, match=f"affine_forward needs {message}"):
        function(np.ones(x), np.ones(w), np.ones(b))


def test_a_sparse_affine_map_says_which_array_does_not_fit():
    x = csr_array(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"the 2 features .* x of shape \(4, 3\)"):
        sparse_affine_forward(x, np.ones((2, 5)), np.ones(5))
    with pytest.raises(ValueError, match=r"needs b of shape \(5,\), got \(1,\)"):
        sparse_affine_forward(x, np.ones((3, 5)), np.ones(1))


@pytest.mark.parametrize("function", [batchnorm_forward, layernorm_forward])
@pytest.mark.parametrize(
    ("x", "gamma", "beta", "message"),
    [
        ((3,), (3,), (3,), r"x of shape \(N, D\), got \(3,\)"),
        ((4, 3), (1,), (3,), r"gamma of shape \(3,\), got \(1,\)"),
        ((4, 3), (3,), (), r"beta of shape \(3,\), got \(\)"),
        ((4, 3), (4, 3), (3,), r"gamma of shape \(3,\), got \(4, 3\)"),
        ((4, 3), (3,), (4, 1), r"beta of shape \(3,\), got \(4, 1\)"),
        ((2, 4, 3), (3,), (3,), r"gamma of shape \(2, 1, 3\), got \(3,\)"),
    ],
)
def test_a_normalisation_says_which_array_does_not_fit(
    function, x, gamma, beta, message
):
    with pytest.raises(ValueError, match=f"{function.__name__} needs {message}"):
        function(np.ones(x), np.ones(gamma), np.ones(beta), {"mode": "train"})


def test_running_statistics_that_would_broadcast_are_refused():
    param = {"mode": "test", "running_mean": np.zeros(1), "running_var": np.ones(3)}
    with pytest.raises(ValueError, match=r"running_mean of shape \(3,\), got \(1,\)"):
        batchnorm_forward(np.ones((4, 3)), np.ones(3), np.zeros(3), param)


def test_a_mask_that_would_broadcast_is_refused():
    param = {"mode": "train", "p": 0.5, "mask": np.ones(3, bool)}
    message = (
        r"dropout_forward needs dropout_param\['mask'\] of shape \(4, 3\), got \(3,\)"
    )
    with pytest.raises(ValueError, match=message):
        dropout_forward(np.ones((4, 3)), param)


@pytest.mark.parametrize(
    ("position", "shape", "message"),
    [
        (0, (6,), r"needs x of shape \(N, E\), got \(6,\)"),
        (1, (4, 16), "frequencies w of shape"),
        (2, (2, 16), "needs b of shape"),
        (3, (2, 3, 1), "needs V of shape"),
        (4, (2, 3), "needs c of shape"),
    ],
)
def test_an_embedding_says_which_array_does_not_fit(position, shape, message):
    x, params, _ = example("pbld", fan_in=3)
    arguments = [x, *params]
    arguments[position] = np.ones(shape)
    with pytest.raises(ValueError, match=message):
        LAYERS["pbld"].forward(*arguments)


def test_arguments_may_be_given_by_name():
    x, w, b = np.array([[1, 2]]), np.eye(2), np.zeros(2)
    out, cache = affine_forward(w=w, b=b, x=x)
    np.testing.assert_array_equal(out, [[1.0, 2.0]])
    assert affine_backward(cache=cache, dout=out, need_dx=False)[0] is None
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        affine_forward(x, w)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        affine_forward(x, b=b)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_what_is_too_small_is_zero_even_where_numpy_would_raise(name, dtype):
    tiny = np.finfo(dtype).tiny
    x = np.array([-1e4, -1e2, -15.0, -tiny, tiny, 15.0, 1e2, 1e4], dtype)
    expected, cache = LAYERS[name].forward(x)
    dx = LAYERS[name].backward(x, cache)
    with np.errstate(all="raise"):
        out, cache = LAYERS[name].forward(x)
        np.testing.assert_array_equal(LAYERS[name].backward(x, cache), dx)
    np.testing.assert_array_equal(out, expected)
    assert np.isfinite(out).all()
