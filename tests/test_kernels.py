"""Compiled loops beside the NumPy functions that they stand for."""

import os
import subprocess
import sys
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import skfcnet
from skfcnet import FCNetClassifier, FCNetRegressor, layers, losses
from skfcnet._engine.arguments import unchecked
from skfcnet._engine.configuration import MIN_UPDATES, config_context, uses_kernels
from skfcnet._engine.parameters import Parameters, ParamSpec, Zone
from skfcnet._engine.random import MemberGenerators
from skfcnet._engine.vector_update import VectorUpdate
from skfcnet.layers import ACTIVATIONS
from skfcnet.network import FullyConnectedNet
from skfcnet.update_rules import UPDATE_RULES

pytest.importorskip("numba")

from skfcnet._engine.compiled_update import CompiledUpdate
from skfcnet._engine.twins import STEPS, TWINS, fastest

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}
"""Of differences, relative to the largest number of an array."""

N_CODES = 4


class Draw:
    """Arrays of a layer as a network has them, of random numbers.

    With members, arrays have an axis for them. The rows and gradients are then slices
    of wider arrays, as those of blocks are, if they are strided.
    """

    def __init__(self, seed, n_rows, width, n_members, dtype, is_strided):
        self.rng = np.random.default_rng(seed)
        self.n_rows, self.width, self.dtype = n_rows, width, dtype
        self.lead = (n_members,) if n_members else ()
        self.is_strided = is_strided
        self.seed = seed

    def numbers(self, *shape):
        return self.rng.normal(size=shape).astype(self.dtype)

    def rows(self, width=None, lead=None):
        width = self.width if width is None else width
        shape = *(self.lead if lead is None else lead), self.n_rows
        if not self.is_strided:
            return self.numbers(*shape, width)
        return self.numbers(*shape, width + 3)[..., 1 : width + 1]

    def vectors(self):
        return self.numbers(*self.lead, *(1,) * len(self.lead), self.width)

    def codes(self):
        shape = *self.lead_of_columns(), self.n_rows, self.width
        return self.rng.integers(N_CODES, size=shape).astype(self.dtype)

    def lead_of_columns(self):
        """Return the first axis of columns, which members may share."""
        return self.lead if self.is_strided else (1,) * len(self.lead)

    def masks(self):
        rng = np.random.default_rng(self.seed)
        return MemberGenerators(range(*self.lead), rng) if self.lead else rng


def of_activation(draw):
    return (draw.rows(),)


def of_dropout(draw):
    return draw.rows(), {"mode": "train", "p": 0.3, "rng": draw.masks()}


def of_batchnorm(draw):
    running = {"running_mean": draw.vectors(), "running_var": np.abs(draw.vectors())}
    param = {"mode": "train", **running}
    return 3 * draw.rows() + 5, draw.vectors(), draw.vectors(), param


def of_layernorm(draw):
    draw.width = max(draw.width, 4)  # the variance of fewer columns may be rounding
    return 3 * draw.rows() + 5, draw.vectors(), draw.vectors(), {}


def of_linear(draw):
    return draw.rows(lead=draw.lead_of_columns()), {"factor": 1.7}


def of_unclipped(draw):
    clipped = 3 * np.tanh(draw.rows(lead=draw.lead_of_columns()))
    low, high = np.sort(50 * draw.numbers(2, draw.width), axis=0)
    return clipped, {"limit": 3.0, "low": low, "high": high}


def of_components(draw):
    column = np.sort(draw.rng.integers(draw.width, size=7))
    left, slope = draw.numbers(7), np.exp(draw.numbers(7))
    x = draw.rows(lead=draw.lead_of_columns())
    return x, {"column": column, "left": left, "slope": slope}


def of_onehot(draw):
    column = draw.rng.integers(draw.width, size=6)
    plus = draw.rng.integers(N_CODES, size=6).astype(draw.dtype)
    minus = np.where(draw.rng.random(6) < 0.5, np.nan, (plus + 1) % N_CODES)
    return draw.codes(), {"column": column, "plus": plus, "minus": minus}


def of_lookup(draw):
    E = draw.numbers(*draw.lead, N_CODES * draw.width, 2)
    o = draw.numbers(*draw.lead, draw.width, 2)
    first_row = N_CODES * np.arange(draw.width)
    factor = draw.numbers(N_CODES * draw.width)
    return draw.codes(), E, o, {"first_row": first_row, "factor": factor}


LAYERS = {
    **{
        (layer.forward, layer.backward): of_activation for layer in ACTIVATIONS.values()
    },
    (layers.dropout_forward, layers.dropout_backward): of_dropout,
    (layers.batchnorm_forward, layers.batchnorm_backward): of_batchnorm,
    (layers.layernorm_forward, layers.layernorm_backward): of_layernorm,
    (layers.linear_forward, layers.linear_backward): of_linear,
    (layers.ple_forward, layers.ple_backward): of_components,
    (layers.unclipped_forward, layers.unclipped_backward): of_unclipped,
    (layers.onehot_forward, layers.onehot_backward): of_onehot,
    (layers.lookup_forward, layers.lookup_backward): of_lookup,
}
"""The arguments of forward functions by layers, of which some have compiled loops."""


def with_values(draw, name):
    """Return the scores and the targets of a loss."""
    x = draw.rows(lead=())
    if name == "softmax":
        return np.ascontiguousarray(x), draw.rng.integers(draw.width, size=draw.n_rows)
    y = draw.rows(lead=())
    return x, (y > 0).astype(draw.dtype) if name == "logistic" else y


draws = st.builds(
    Draw,
    seed=st.integers(0, 2**20),
    n_rows=st.integers(1, 40),
    width=st.integers(1, 35),
    n_members=st.sampled_from([0, 2, 3]),
    dtype=st.sampled_from([np.float32, np.float64]),
    is_strided=st.booleans(),
)
few_examples = settings(max_examples=20, deadline=None)


def assert_close(actual, expected):
    """Check arrays, or tuples of what is to be compared, up to rounding."""
    if isinstance(expected, tuple):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_close(one, other)
        return
    if not isinstance(expected, np.ndarray):
        assert type(actual) is type(expected)
        assert actual == pytest.approx(expected, rel=1e-5, nan_ok=True)
        return
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    if expected.dtype.kind == "f":
        largest = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
        tolerance = TOLERANCE[expected.dtype.type] * largest
        assert_allclose(actual, expected, rtol=0, atol=tolerance)
    else:
        assert_array_equal(actual, expected)


def test_every_function_with_a_twin_is_tested():
    tested = {function for pair in LAYERS for function in pair}
    tested |= {loss.function for loss in losses.LOSSES.values()}
    assert set(TWINS) <= tested
    elementwise = {rule for rule in UPDATE_RULES.values() if not rule.takes_matrices}
    assert set(STEPS) == elementwise


@pytest.mark.parametrize(
    "pair",
    [pair for pair in LAYERS if TWINS.keys() & {*pair}],
    ids=lambda pair: pair[0].__name__,
)
@few_examples
@given(draw=draws)
def test_a_layer_computes_the_same_with_loops(pair, draw):
    forward, backward = pair
    arguments = LAYERS[pair](draw)
    for_twin = deepcopy(arguments)
    out, cache = unchecked(forward)(*arguments)
    twin_out, twin_cache = fastest(forward)(*for_twin)
    assert_close(twin_out, out)
    assert_close(twin_cache, cache)
    options, twin_options = arguments[-1], for_twin[-1]
    for name in ("running_mean", "running_var"):
        if name in options:
            assert_close(twin_options[name], options[name])
    dout = draw.rows(width=out.shape[-1])
    expected = unchecked(backward)(dout.copy(), cache)
    assert_close(fastest(backward)(dout.copy(), cache), expected)
    # A cache that the twin made serves either function.
    assert_close(unchecked(backward)(dout.copy(), twin_cache), expected)


@pytest.mark.parametrize("pair", LAYERS, ids=lambda pair: pair[0].__name__)
def test_a_layer_writes_where_it_is_told_to(pair):
    forward, _ = pair
    arguments, for_twin = (
        LAYERS[pair](Draw(0, 9, 6, 3, np.float32, False)) for _ in range(2)
    )
    width = unchecked(forward)(*deepcopy(arguments))[0].shape[-1]
    # Blocks may share their rows among members, but not what they write to.
    expected, wide = np.full((2, 3, 9, width + 2), 7, np.float32)
    _, cache = unchecked(forward)(*arguments, out=expected[..., 1:-1])
    out, twin_cache = fastest(forward)(*for_twin, out=wide[..., 1:-1])
    assert np.shares_memory(out, wide)
    assert_close(wide, expected)
    assert_close(twin_cache, cache)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_keep_numbers_that_are_not_finite(name):
    layer = ACTIVATIONS[name]
    x = np.array([-np.inf, -1.0, 0.0, 1.0, np.inf, np.nan], np.float32)
    with np.errstate(all="ignore"):
        out, cache = unchecked(layer.forward)(x)
        assert_allclose(fastest(layer.forward)(x)[0], out, rtol=1e-6)
        expected = unchecked(layer.backward)(np.ones_like(x), cache)
        actual = fastest(layer.backward)(np.ones_like(x), cache)
    assert_allclose(actual, expected, rtol=1e-6)


def assert_equally_finite(actual, expected):
    """Check that arrays, or tuples of them, are finite in the same places."""
    for one, other in zip(actual, expected, strict=True):
        if other is not None:
            assert_array_equal(np.isfinite(one), np.isfinite(other))


not_finite = st.sampled_from([np.nan, np.inf, -np.inf])


@pytest.mark.parametrize(
    "pair",
    [
        pair
        for pair, of_layer in LAYERS.items()
        if TWINS.keys() & {*pair} and of_layer is not of_lookup  # rows of its codes
    ],
    ids=lambda pair: pair[0].__name__,
)
@few_examples
@given(draw=draws, number=not_finite)
def test_numbers_that_are_not_finite_go_through_layers(pair, draw, number):
    forward, backward = pair
    x, *arguments = LAYERS[pair](draw)
    x[..., draw.seed % draw.n_rows, draw.seed % x.shape[-1]] = number
    with np.errstate(all="ignore"):
        out, cache = unchecked(forward)(x.copy(), *deepcopy(arguments))
        twin_out, _ = fastest(forward)(x.copy(), *deepcopy(arguments))
        assert_equally_finite([twin_out], [out])
        dout = draw.rows(width=out.shape[-1])
        dout[..., draw.seed % draw.n_rows, 0] = number
        for d in (dout, np.ones_like(dout)):
            expected = unchecked(backward)(d.copy(), cache)
            actual = fastest(backward)(d.copy(), cache)
            if not isinstance(expected, tuple):
                actual, expected = (actual,), (expected,)
            assert_equally_finite(actual, expected)


@pytest.mark.parametrize("name", ["mse", "squared_error", "logistic", "softmax"])
@few_examples
@given(draw=draws, number=not_finite)
def test_numbers_that_are_not_finite_go_through_losses(name, draw, number):
    function = losses.LOSSES[name].function
    x, y = with_values(draw, name)
    x[draw.seed % draw.n_rows, 0] = number
    with np.errstate(all="ignore"):
        value, dx = unchecked(function)(x, y)
        twin_value, twin_dx = fastest(function)(x, y)
    assert_equally_finite((twin_value, twin_dx), (value, dx))


@pytest.mark.parametrize("rule", STEPS, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_go_through_updates(rule, number):
    params, _ = parameters(0, [40], np.float32, 0)
    grads, _ = parameters(0, [40], np.float32, 1)
    grads.vector[[3, 40]] = number
    others = deepcopy(params)
    with np.errstate(all="ignore"):
        for kind, own in ((VectorUpdate, params), (CompiledUpdate, others)):
            kind(rule, own, deepcopy(grads), {"learning_rate": 0.1}, l2=0.1)()
    assert not np.isfinite(params.vector[[3, 40]]).any()
    assert_equally_finite([others.vector], [params.vector])


@pytest.mark.parametrize("name", ["mse", "squared_error", "logistic", "softmax"])
@few_examples
@given(draw=draws, has_weights=st.booleans(), smoothing=st.sampled_from([0.0, 0.1]))
def test_a_loss_computes_the_same_with_loops(name, draw, has_weights, smoothing):
    loss = losses.LOSSES[name]
    x, y = with_values(draw, name)
    options = dict.fromkeys(loss.parameters, smoothing)
    if has_weights:
        options["weight"] = np.abs(draw.numbers(draw.n_rows))
    value, dx = unchecked(loss.function)(x, y, **options)
    before = x.copy()
    twin_value, twin_dx = fastest(loss.function)(x, y, **options)
    assert_array_equal(x, before)
    assert twin_value == pytest.approx(value, rel=1e-5, abs=1e-6)
    assert_close(twin_dx, dx)
    fastest(loss.function)(x, y, out=x, **options)
    assert_array_equal(x, twin_dx)


@pytest.mark.parametrize("name", ["logistic", "softmax"])
def test_losses_of_huge_scores_are_finite(name):
    x = np.array([[1e4, -1e4], [-1e4, 1e4]], np.float32)
    y = np.array([0, 0]) if name == "softmax" else np.array([[1, 0], [1, 0]], x.dtype)
    function = losses.LOSSES[name].function
    value, dx = unchecked(function)(x, y)
    assert_close(fastest(function)(x, y), (value, dx))
    assert np.isfinite(value)


# Update rules


def parameters(n_members, sizes, dtype, seed):
    lead = (n_members,) if n_members else ()
    specs = [ParamSpec(f"W{i}", (*lead, n), Zone.WEIGHT) for i, n in enumerate(sizes)]
    specs.append(ParamSpec("b", (*lead, 5), Zone.BIAS))
    params = Parameters(specs, dtype=dtype)
    params.vector[...] = np.random.default_rng(seed).normal(size=params.vector.size)
    return params, lead


@pytest.mark.parametrize("rule", STEPS, ids=lambda rule: rule.__name__)
@few_examples
@given(
    sizes=st.lists(st.integers(1, 70), min_size=1, max_size=3),
    n_members=st.sampled_from([0, 2, 3]),
    dtype=st.sampled_from([np.float32, np.float64]),
    l2=st.sampled_from([0.0, 0.1]),
    seed=st.integers(0, 99),
)
def test_an_update_computes_the_same_with_loops(
    rule, sizes, n_members, dtype, l2, seed
):
    params, lead = parameters(n_members, sizes, dtype, seed)
    grads, _ = parameters(n_members, sizes, dtype, seed + 1)
    others = deepcopy(params)
    config = {"learning_rate": 0.1}
    options = {"l2": l2, "member_shape": lead}
    update = VectorUpdate(rule, params, deepcopy(grads), config, **options)
    compiled = CompiledUpdate(rule, others, grads, config, **options)
    for learning_rate in (0.1, 0.05, 0.02):
        update.learning_rate = compiled.learning_rate = learning_rate
        assert compiled() == pytest.approx(update(), rel=1e-5)
        update = VectorUpdate(rule, params, deepcopy(grads), update.config, **options)
    assert_close(others.vector, params.vector)
    for name in (*rule.slots, *rule.defaults):
        assert_close(compiled.config[name], update.config[name])


@pytest.mark.parametrize("rule", STEPS, ids=lambda rule: rule.__name__)
def test_what_a_parameter_becomes_does_not_depend_on_where_it_stands(rule):
    size = 83
    rng = np.random.default_rng(0)
    w, dw = rng.normal(size=(2, size)).astype("f4")
    slots = np.abs(rng.normal(size=(len(rule.slots), size))).astype("f4")

    def stepped(first, ends):
        own, *arrays = (array[first:].copy() for array in (w, *slots))
        l2, decay = np.full(len(ends), 0.1, "f4"), np.full(len(ends), 0.01)
        config, ends = dict(rule.defaults), np.array(ends) - first
        STEPS[rule](own, dw[first:], arrays, config, ends, l2, decay)
        return own

    expected = stepped(0, [size])
    for border in (1, 7, 64, 82):
        assert_array_equal(stepped(border, [size]), expected[border:])
        assert_array_equal(stepped(0, [border, size]), expected)


# Whole fits


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    X[:, 3] = rng.integers(5, size=300)
    return X, X[:, 0] * X[:, 1] + X[:, 3], (X[:, 0] + X[:, 1] > 0).astype(int)


def fitted(kind, table, kernels="numba", **parameters):
    X, values, labels = table
    options = {"max_iter": 3, "random_state": 0, "categorical_features": [3]}
    model = kind(**options | parameters)
    with config_context(kernels=kernels):
        return model.fit(X, labels if kind is FCNetClassifier else values)


FITS = {
    "regressor": (FCNetRegressor, {"solver": "adamw"}),
    "classifier": (FCNetClassifier, {}),
    "batchnorm": (FCNetClassifier, {"normalization": "batch", "n_members": 2}),
    "layernorm": (FCNetRegressor, {"normalization": "layer", "solver": "sgd"}),
    "tanh": (FCNetRegressor, {"activation": "tanh", "solver": "rmsprop"}),
    "float64": (FCNetRegressor, {"dtype": "float64", "solver": "adam"}),
}
not_converged = pytest.mark.filterwarnings("ignore:The loss had not converged")
every_fit = pytest.mark.parametrize(("kind", "parameters"), FITS.values(), ids=FITS)


@every_fit
def test_a_fit_with_loops_is_that_by_numpy_up_to_rounding(kind, parameters, table):
    compiled = fitted(kind, table, **parameters)
    by_numpy = fitted(kind, table, kernels="numpy", **parameters)
    vector, expected = (model._net.params.vector for model in (compiled, by_numpy))
    assert not np.array_equal(vector, expected)  # the loops did train it
    assert_allclose(vector, expected, atol=2e-3)
    assert compiled.loss_ == pytest.approx(by_numpy.loss_, rel=1e-3)


@every_fit
def test_a_fit_with_loops_is_reproduced_bit_for_bit(kind, parameters, table):
    one, other = (fitted(kind, table, **parameters) for _ in range(2))
    assert_array_equal(one._net.params.vector, other._net.params.vector)
    assert one.loss_curve_ == other.loss_curve_


@not_converged
def test_members_trained_in_jobs_are_those_trained_together(table):
    options = {"n_members": 3, "early_stopping": False, "learning_rate": "cosine"}
    together = fitted(FCNetRegressor, table, **options)
    apart = fitted(FCNetRegressor, table, n_jobs=2, **options)
    assert_array_equal(apart._net.params.vector, together._net.params.vector)


def test_a_weight_is_a_repetition_with_loops(table):
    X, y, _ = table
    weight = np.random.default_rng(0).integers(1, 4, size=len(X))
    options = {"max_iter": 3, "random_state": 0, "n_members": 2}
    with config_context(kernels="numba"):
        weighted = FCNetRegressor(**options).fit(X, y, sample_weight=weight)
        repeated = FCNetRegressor(**options).fit(X.repeat(weight, 0), y.repeat(weight))
    assert_array_equal(weighted._net.params.vector, repeated._net.params.vector)


@not_converged
def test_calls_of_partial_fit_are_one_fit_with_loops(table):
    X, y, _ = table
    options = {"random_state": 0, "learning_rate": "constant", "n_members": 1}
    options |= {"early_stopping": False, "dropout": 0.1, "n_iter_no_change": np.inf}
    with config_context(kernels="numba"):
        whole = FCNetRegressor(max_iter=3, **options).fit(X, y)
        steps = FCNetRegressor(max_iter=3, **options)
        for _ in range(3):
            steps.partial_fit(X, y)
    assert_array_equal(steps._net.params.vector, whole._net.params.vector)


# The choice


def small_net():
    return FullyConnectedNet("regression", [100], input_dim=98, output_dim=1)


def test_the_size_of_an_epoch_decides():
    net = small_net()
    enough = -(-MIN_UPDATES // net.params.trainable.size)
    assert uses_kernels(net, enough)
    assert not uses_kernels(net, enough - 1)
    with config_context(kernels="numba"):
        assert uses_kernels(net, 1)
    with config_context(kernels="numpy"):
        assert not uses_kernels(net, enough)
    assert uses_kernels(net, enough)


def test_the_number_of_members_does_not_matter():
    net = small_net()
    members = FullyConnectedNet("regression", [100], None, 98, 1, n_members=5)
    enough = -(-MIN_UPDATES // net.params.trainable.size)
    for n in (enough - 1, enough):
        assert uses_kernels(members, n) == uses_kernels(net, n)


def test_the_environment_variable_chooses(monkeypatch):
    monkeypatch.setenv("SKFCNET_KERNELS", "numpy")
    assert not uses_kernels(small_net(), MIN_UPDATES)
    with config_context(kernels="auto"):  # a context wins
        assert uses_kernels(small_net(), MIN_UPDATES)
    monkeypatch.setenv("SKFCNET_KERNELS", "fast")
    with pytest.raises(ValueError, match=r"SKFCNET_KERNELS must be one of .*'fast'"):
        uses_kernels(small_net(), 1)


def test_show_versions_says_which_kernels_are_used(capsys):
    skfcnet.show_versions()
    assert "kernels: numba" in capsys.readouterr().out
    with config_context(kernels="numpy"):
        skfcnet.show_versions()
    assert "kernels: numpy" in capsys.readouterr().out


# Processes of their own


def run(code, **environment):
    process = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return process.stdout


SMALL_FIT = """
import sys
import numpy as np
import skfcnet
X = np.random.default_rng(0).normal(size=(200, 3))
skfcnet.FCNetRegressor(max_iter=2).fit(X, X[:, 0]).predict(X)
print("numba" in sys.modules)
"""


def test_a_small_fit_does_not_import_numba():
    assert run(SMALL_FIT) == "False\n"


def test_the_environment_variable_reaches_every_fit():
    assert run(SMALL_FIT, SKFCNET_KERNELS="numba") == "True\n"


def test_without_numba_a_large_fit_is_by_numpy_and_the_choice_of_loops_an_error():
    code = """
import sys
sys.modules["numba"] = None
import numpy as np
import skfcnet
from skfcnet._engine.configuration import MIN_UPDATES, uses_kernels
from skfcnet.network import FullyConnectedNet
net = FullyConnectedNet("regression", [5], input_dim=5, output_dim=1)
print(uses_kernels(net, MIN_UPDATES))
skfcnet.show_versions()
try:
    with skfcnet.config_context(kernels="numba"):
        pass
except ImportError as error:
    print(error)
"""
    printed = run(code)
    assert printed.startswith("False\n")
    assert "kernels: numpy, since Numba is not installed" in printed
    assert "pip install 'skfcnet[fast]'" in printed


def test_loops_are_compiled_where_no_cache_can_be_written():
    code = """
from numba.core import caching
caching.CacheImpl._locator_classes = []  # as if no folder could be written to
import numpy as np
from skfcnet._engine import kernels
x = np.array([-1.0, 2.0])
kernels.relu_forward(x)
print(x)
"""
    assert run(code) == "[0. 2.]\n"
