import copy
import functools
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from scaffolding import EVERY_RULE, FLOATS, repeatable
from skfcnet._engine import vector_update
from skfcnet._engine.orthogonal import orthogonalize
from skfcnet._engine.parameters import Parameters, ParamSpec, Zone
from skfcnet._engine.vector_update import FLUSH_EVERY, VectorUpdate
from skfcnet._engine.workspace import Workspace
from skfcnet.gradient_check import rel_error
from skfcnet.layers import Block
from skfcnet.network import FullyConnectedNet
from skfcnet.update_rules import UPDATE_RULES, adam, muon, rmsprop, sgd_momentum

# What each rule needs to reach the minimum of a valley; decay would move it.
VALLEY = {
    "sgd": {"learning_rate": 2e-3},
    "sgd_momentum": {"learning_rate": 5e-4},
    "sgd_nesterov": {"learning_rate": 5e-4},
    "rmsprop": {"learning_rate": 1e-3},
    "adam": {"learning_rate": 1e-2},
    "adamw": {"learning_rate": 1e-2, "weight_decay": 0.0},
    "muon": {"learning_rate": 1e-2, "weight_decay": 0.0},
}


def drawn(dtype=np.float64, *, shape=(12,), steps=5):
    """Return parameters and a gradient for each step."""
    rng = np.random.default_rng(231)
    w = rng.normal(size=shape).astype(dtype)
    return w, rng.normal(size=(steps, *shape)).astype(dtype)


def walked(rule, w, gradients, config=None):
    for dw in gradients:
        w, config = rule(w, dw, config)
    return w, config


# What each rule computes


def test_sgd_momentum_reference():
    w = np.linspace(-0.4, 0.6, 20).reshape(4, 5)
    dw = np.linspace(-0.6, 0.4, 20).reshape(4, 5)
    velocity = np.linspace(0.6, 0.9, 20).reshape(4, 5)
    config = {"learning_rate": 1e-3, "velocity": velocity}
    next_w, config = sgd_momentum(w, dw, config)
    first = [0.1406, 0.20738947, 0.27417895, 0.34096842, 0.40775789]
    last = [1.14244211, 1.20923158, 1.27602105, 1.34281053, 1.4096]
    first_velocity = [0.5406, 0.55475789, 0.56891579, 0.58307368, 0.59723158]
    assert rel_error(next_w[0], first) <= 1e-8
    assert rel_error(next_w[3], last) <= 1e-8
    assert rel_error(config["velocity"][0], first_velocity) <= 1e-8


def sgd_by_hand(w, gradients, *, learning_rate=1e-2):
    for dw in gradients:
        w = w - learning_rate * dw
    return w


def momentum_by_hand(w, gradients, *, learning_rate=1e-2, momentum=0.9):
    v = 0
    for dw in gradients:
        v = momentum * v - learning_rate * dw
        w = w + v
    return w


def nesterov_by_hand(w, gradients, *, learning_rate=1e-2, momentum=0.9):
    """As published: the gradient is that of a point ahead, which is what we keep."""
    v = 0
    behind = w
    for dw in gradients:
        v = momentum * v - learning_rate * dw
        behind = behind + v
    return behind + momentum * v


def rmsprop_by_hand(w, gradients, *, learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8):
    c = 0
    for dw in gradients:
        c = decay_rate * c + (1 - decay_rate) * dw**2
        w = w - learning_rate * dw / (np.sqrt(c) + epsilon)
    return w


def adam_by_hand(
    w,
    gradients,
    *,
    learning_rate=1e-3,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    weight_decay=0.0,
):
    m = v = 0
    for t, dw in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * dw
        v = beta2 * v + (1 - beta2) * dw**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        decay = learning_rate * weight_decay * w
        w = w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon) - decay
    return w


BY_HAND = {
    "sgd": sgd_by_hand,
    "sgd_momentum": momentum_by_hand,
    "sgd_nesterov": nesterov_by_hand,
    "rmsprop": rmsprop_by_hand,
    "adam": adam_by_hand,
    "adamw": functools.partial(adam_by_hand, weight_decay=1e-2),
    "muon": lambda w, gradients, *, momentum=0.95, weight_decay=1e-2, **numbers: (
        adam_by_hand(w, gradients, weight_decay=weight_decay, **numbers)
    ),
}
"""Of arrays of one axis, in which Muon is AdamW."""

OTHER_NUMBERS = {
    "learning_rate": 0.3,
    "momentum": 0.5,
    "decay_rate": 0.7,
    "epsilon": 0.01,
    "beta1": 0.6,
    "beta2": 0.8,
    "weight_decay": 0.2,
}


@pytest.mark.parametrize("name", BY_HAND)
@pytest.mark.parametrize("numbers", [{}, OTHER_NUMBERS], ids=["defaults", "others"])
def test_a_rule_computes_its_formula(name, numbers):
    w, gradients = drawn(steps=6)
    numbers = {k: v for k, v in numbers.items() if k in UPDATE_RULES[name].defaults}
    next_w, _ = walked(UPDATE_RULES[name], w, gradients, dict(numbers))
    expected = BY_HAND[name](w, gradients, **numbers)
    assert rel_error(next_w - w, expected - w) <= 1e-10


@EVERY_RULE
def test_a_rule_goes_downhill_with_its_defaults(rule):
    w, config = np.array([0.3, -0.2, 5.0]), None
    for _ in range(10):
        before, dw = 0.5 * w @ w, w
        w, config = rule(w, dw, config)
        assert 0.5 * w @ w < before


@pytest.mark.parametrize("name", VALLEY)
def test_a_rule_minimises_a_parabola(name):
    rule, w, config = UPDATE_RULES[name], np.zeros(2), dict(VALLEY[name])
    minimum, curvature = np.array([1.0, -0.5]), np.array([1.0, 20.0])
    for _ in range(3000):
        w, config = rule(w, curvature * (w - minimum), config)
    np.testing.assert_allclose(w, minimum, atol=5e-3)


@pytest.mark.parametrize("name", VALLEY)
def test_a_rule_finds_its_way_through_a_curved_valley(name):
    """Rosenbrock's function, (1 - a)^2 + 100 (b - a^2)^2, from beside the valley."""
    rule, w, config = UPDATE_RULES[name], np.array([-1.0, 1.5]), dict(VALLEY[name])
    for _ in range(12_000):
        a, b = w
        dw = np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])
        w, config = rule(w, dw, config)
    np.testing.assert_allclose(w, [1.0, 1.0], atol=0.02)


# How every rule behaves


@EVERY_RULE
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 4)])
def test_in_place_equals_pure(rule, dtype, shape):
    w, gradients = drawn(dtype, shape=shape)
    in_place, kept = w.copy(), w.copy()
    config = in_place_config = None
    for dw in gradients:
        before, dw_before = w.copy(), dw.copy()
        next_w, config = rule(w, dw, config)
        assert not np.shares_memory(next_w, w)
        np.testing.assert_array_equal(w, before)
        given, in_place_config = rule(in_place, dw, in_place_config, out=in_place)
        assert given is in_place
        np.testing.assert_array_equal(in_place, next_w, strict=True)
        np.testing.assert_array_equal(dw, dw_before)
        w = next_w
    assert not np.array_equal(w, kept)


@EVERY_RULE
def test_a_step_in_place_allocates_no_array_of_the_size_of_the_parameters(rule):
    w, (dw, *_) = drawn(shape=(40, 500), steps=1)
    _, config = rule(w, dw, out=w)
    _, config = rule(w, dw, config, out=w)
    tracemalloc.start()
    try:
        rule(w, dw, config, out=w)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < w.nbytes / 2


@EVERY_RULE
def test_float32_stays_float32(rule):
    w, gradients = drawn(np.float32)
    w, config = walked(rule, w, gradients)
    arrays = [value for value in config.values() if isinstance(value, np.ndarray)]
    assert {array.dtype for array in (w, *arrays)} == {np.dtype(np.float32)}
    assert not any(isinstance(value, np.generic) for value in config.values())


@EVERY_RULE
def test_numpy_numbers_in_the_configuration_change_nothing(rule):
    """A grid made by np.logspace holds float64 numbers; the step stays in float32."""
    w, gradients = drawn(np.float32, shape=(1000,))
    numbers = {k: v for k, v in OTHER_NUMBERS.items() if k in rule.defaults}
    plain, _ = walked(rule, w, gradients, dict(numbers))
    as_numpy = {name: np.float64(value) for name, value in numbers.items()}
    np.testing.assert_array_equal(walked(rule, w, gradients, as_numpy)[0], plain)


@EVERY_RULE
def test_an_unknown_configuration_is_refused_by_name(rule):
    w = np.ones(3)
    with pytest.raises(TypeError, match=rf"{rule.__name__} .*'learning_rat'"):
        rule(w, w, {"learning_rat": 0.1})


@EVERY_RULE
def test_defaults_are_filled_in_without_touching_what_is_given(rule):
    w = np.ones(3)
    _, config = rule(w, w, {"learning_rate": 0.5})
    assert config["learning_rate"] == 0.5
    assert config.keys() >= rule.defaults.keys() | set(rule.slots)
    _, config = rule(w, w)
    assert config["learning_rate"] == rule.defaults["learning_rate"]


@EVERY_RULE
def test_two_runs_do_not_share_memory(rule):
    w, gradients = drawn()
    alone, _ = walked(rule, w, gradients)
    first = second = w
    first_config = second_config = None
    for dw in gradients:
        first, first_config = rule(first, dw, first_config)
        second, second_config = rule(second, -dw, second_config)
    np.testing.assert_array_equal(first, alone)


WITH_SLOTS = [rule for rule in UPDATE_RULES.values() if rule.slots]


@pytest.mark.parametrize("rule", WITH_SLOTS, ids=lambda rule: rule.__name__)
def test_arrays_of_the_caller_are_read_and_not_modified(rule):
    w, gradients = drawn()
    given = {slot: np.full_like(w, 0.5) for slot in rule.slots}
    from_zero, _ = walked(rule, w, gradients)
    from_given, config = walked(rule, w, gradients, dict(given))
    assert not np.array_equal(from_given, from_zero)
    for slot, array in given.items():
        np.testing.assert_array_equal(array, 0.5)
        assert not np.shares_memory(config[slot], array)


@EVERY_RULE
@pytest.mark.parametrize(
    "through", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))]
)
def test_resuming_equals_not_stopping(rule, through):
    w, gradients = drawn(np.float32, steps=8)
    expected, _ = walked(rule, w, gradients)
    w, config = through(walked(rule, w, gradients[:3]))
    resumed, _ = walked(rule, w, gradients[3:], config)
    np.testing.assert_array_equal(resumed, expected, strict=True)


@EVERY_RULE
@given(
    w=npst.arrays(np.float32, (3, 2), elements=st.floats(-1e3, 1e3, width=32)),
    dw=npst.arrays(np.float32, (3, 2), elements=st.floats(-1e3, 1e3, width=32)),
)
@repeatable(30)
def test_a_first_step_goes_against_the_gradient(rule, w, dw):
    config = {"weight_decay": 0.0} if "weight_decay" in rule.defaults else {}
    next_w, _ = rule(w, dw, config)
    assert next_w.shape == w.shape
    if rule.takes_matrices:
        assert np.vdot(next_w.astype(float) - w, dw) <= 1e-6 * np.abs(dw).sum()
    else:
        assert (np.sign(next_w - w) * np.sign(dw) <= 0).all()


# The rule for matrices


def muon_by_hand(w, gradients, *, learning_rate, momentum, weight_decay):
    """Compute the orthogonal factor by a singular value decomposition."""
    v = 0
    for dw in gradients:
        v = momentum * v + dw
        left, _, right = np.linalg.svd(momentum * v + dw, full_matrices=False)
        step = 0.2 * np.sqrt(max(w.shape[-2:])) * left @ right
        w = (1 - learning_rate * weight_decay) * w - learning_rate * step
    return w


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (4, 4), (2, 5, 3)])
def test_muon_takes_orthogonal_steps_of_matrices(shape):
    numbers = {"learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.3}
    w, gradients = drawn(shape=shape)
    next_w, _ = walked(muon, w, gradients, dict(numbers))
    expected = muon_by_hand(w, gradients, **numbers)
    # The polynomials leave each singular value within 0.1 of 1.
    deviations = np.linalg.norm(next_w - expected, ord=2, axis=(-2, -1))
    assert deviations.max() <= 0.1 * 0.1 * 0.2 * np.sqrt(max(shape[-2:])) * 5


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    exponent=st.floats(-12, 12),
    dtype=st.sampled_from(FLOATS),
    seed=st.integers(0, 99),
)
@repeatable(50)
def test_singular_values_are_brought_close_to_one(shape, exponent, dtype, seed):
    rng = np.random.default_rng(seed)
    left, _, right = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    values = rng.uniform(0.02, 1, size=min(shape))
    values /= np.linalg.norm(values)
    x = ((left * values) @ right * 10**exponent).astype(dtype)
    found = np.linalg.svd(orthogonalize(x, Workspace()), compute_uv=False)
    assert found.max() <= 1.11
    assert found[np.sort(values)[::-1] >= 0.021].min(initial=1) >= 0.89


@pytest.mark.parametrize("x", [np.zeros((3, 2)), np.ones((2, 5)), np.eye(4, 3)])
def test_directions_without_a_gradient_take_no_step(x):
    rank = np.linalg.matrix_rank(x)
    found = np.linalg.svd(orthogonalize(x, Workspace()), compute_uv=False)
    np.testing.assert_allclose(found[:rank], 1, atol=0.1)
    np.testing.assert_allclose(found[rank:], 0, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 25, 3), (2, 3, 25), (20, 4)])
def test_large_matrices_are_replaced_block_by_block(shape, monkeypatch):
    x = np.random.default_rng(0).normal(size=shape)
    expected = orthogonalize(x.copy(), Workspace())
    monkeypatch.setattr("skfcnet._engine.orthogonal.BLOCK", 7)
    found = orthogonalize(x, Workspace())
    assert found is x
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_matrix_that_is_not_finite_stays_so():
    x = np.array([[1.0, np.nan], [0.0, 1.0]])
    assert not np.isfinite(orthogonalize(x, Workspace())).any()


def test_members_take_the_steps_of_single_matrices():
    w, gradients = drawn(np.float32, shape=(3, 7, 5))
    together, _ = walked(muon, w, gradients)
    for m in range(3):
        alone, _ = walked(muon, w[m], gradients[:, m])
        np.testing.assert_array_equal(together[m], alone)


def test_the_weights_of_hidden_layers_are_the_matrices_of_a_network():
    blocks = [Block("pbld", (0, 2))]
    for n_members in (1, 3):
        net = FullyConnectedNet(
            "classification",
            [4, 3],
            [True, True],
            2,
            5,
            n_members=n_members,
            blocks=blocks,
        )
        matrices = {spec.name for spec in net.params.specs if spec.is_matrix}
        assert matrices == {"W1", "W2"}


@pytest.mark.parametrize("l2", [0.0, 0.5])
@pytest.mark.parametrize("n_members", [1, 2])
def test_matrices_of_a_vector_are_updated_as_wholes(l2, n_members, monkeypatch):
    monkeypatch.setattr(vector_update, "BLOCK_SIZE", 7)
    members = (n_members,) if n_members > 1 else ()
    specs = [
        ParamSpec("W1", (*members, 5, 4), Zone.WEIGHT, is_matrix=True),
        ParamSpec("b1", (4 * n_members,), Zone.BIAS),
        ParamSpec("W2", (*members, 4, 3), Zone.WEIGHT),
    ]
    params, grads = (Parameters(specs, dtype=np.float64) for _ in range(2))
    rng = np.random.default_rng(0)
    params.vector[...] = rng.normal(size=len(params.vector))
    update = VectorUpdate(muon, params, grads, {}, l2=l2, member_shape=members)
    names = {"W1": ..., "W2": -1, "b1": -1}
    arrays = {name: params[name].copy() for name in names}
    configs = {name: {} for name in names} | {"b1": {"weight_decay": 0.0}}
    for _ in range(3):
        grads.trainable[...] = rng.normal(size=len(grads.trainable))
        given = {name: grads[name].copy() for name in names}
        penalties = update()
        for name, shape in names.items():
            w, dw = arrays[name], given[name]
            if name != "b1":
                dw = dw + l2 * w
            if shape == -1:
                w, dw = w.reshape(-1), dw.reshape(-1)
            w, configs[name] = muon(w, dw, configs[name])
            arrays[name] = w.reshape(arrays[name].shape)
            np.testing.assert_array_equal(params[name], arrays[name])
    assert len(penalties) == n_members
    assert all(penalties) == (l2 > 0)


# Over the vector of a network

SPECS = (
    ParamSpec("W1", (5, 4), Zone.WEIGHT),
    ParamSpec("b1", (4,), Zone.BIAS),
    ParamSpec("running_mean1", (4,), Zone.STATE),
    ParamSpec("W2", (4, 3), Zone.WEIGHT),
    ParamSpec("b2", (5,), Zone.BIAS),
)


def vectors(dtype=np.float32):
    """Return parameters, gradients and a function that draws the next gradients."""
    params, grads = (Parameters(SPECS, dtype=dtype) for _ in range(2))
    rng = np.random.default_rng(0)
    params.vector[...] = rng.normal(size=len(params.vector))

    def draw():
        grads.trainable[...] = rng.normal(size=len(grads.trainable))

    return params, grads, draw


@EVERY_RULE
@pytest.mark.parametrize("block", [1, 7, 10**6])
@pytest.mark.parametrize("l2", [0.0, 0.5])
def test_blocks_equal_the_whole_vector(rule, block, l2, monkeypatch):
    monkeypatch.setattr(vector_update, "BLOCK_SIZE", block)
    params, grads, draw = vectors()
    n_weights = len(params.decayed)
    weights, biases = np.split(params.trainable.copy(), [n_weights])
    state = params.state["running_mean1"].copy()
    config = {"learning_rate": 0.1}
    undecayed = config | (
        {"weight_decay": 0.0} if "weight_decay" in rule.defaults else {}
    )
    weight_config, bias_config = dict(config), undecayed
    update = VectorUpdate(rule, params, grads, config, l2=l2)
    for _ in range(4):
        draw()
        dw, db = np.split(grads.trainable.copy(), [n_weights])
        penalty = 0.5 * l2 * np.square(weights, dtype=np.float64).sum()
        assert update() == [pytest.approx(penalty, rel=1e-6)]
        weights, weight_config = rule(weights, dw + l2 * weights, weight_config)
        biases, bias_config = rule(biases, db, bias_config)
        np.testing.assert_array_equal(params.decayed, weights)
        np.testing.assert_array_equal(params.trainable[n_weights:], biases)
    np.testing.assert_array_equal(params.state["running_mean1"], state)


def test_a_block_is_never_longer_than_it_may_be(monkeypatch):
    monkeypatch.setattr(vector_update, "BLOCK_SIZE", 7)
    lengths = []

    @functools.wraps(sgd_momentum)
    def recording(w, dw, config, *, out):
        lengths.append((len(w), len(config["scratch"]), len(config["velocity"])))
        return sgd_momentum(w, dw, config, out=out)

    params, grads, _ = vectors()
    VectorUpdate(recording, params, grads, {})()
    assert lengths == [(n, n, n) for n in (7, 7, 7, 7, 7, 6)]


def test_what_fits_into_a_block_is_not_cut(monkeypatch):
    monkeypatch.setattr(vector_update, "BLOCK_SIZE", 10)
    assert [*vector_update._borders([4, 8, 12, 16, 40])] == [0, 8, 16, 26, 36, 40]
    assert [*vector_update._borders([4, 10])] == [0, 10]


def test_decoupled_decay_shrinks_weights_and_leaves_biases_alone():
    params, grads, _ = vectors()
    before = params.vector.copy()
    config = {"learning_rate": 0.5, "weight_decay": 0.5}
    VectorUpdate(UPDATE_RULES["adamw"], params, grads, config)()
    n_weights = len(params.decayed)
    np.testing.assert_allclose(params.decayed, 0.75 * before[:n_weights], rtol=1e-6)
    np.testing.assert_array_equal(params.vector[n_weights:], before[n_weights:])


@EVERY_RULE
def test_a_new_learning_rate_holds_for_the_whole_vector(rule, monkeypatch):
    monkeypatch.setattr(vector_update, "BLOCK_SIZE", 7)
    params, grads, draw = vectors()
    update = VectorUpdate(rule, params, grads, {"learning_rate": 0.1})
    assert update.learning_rate == 0.1
    draw()
    update()
    update.learning_rate = 0.25
    assert update.learning_rate == update.config["learning_rate"] == 0.25
    # A second vector takes the same two steps by hand.
    other, other_grads, other_draw = vectors()
    other_draw()
    by_hand = VectorUpdate(rule, other, other_grads, {"learning_rate": 0.1})
    by_hand()
    by_hand = VectorUpdate(
        rule, other, other_grads, by_hand.config | {"learning_rate": 0.25}
    )
    draw()
    other_draw()
    update()
    by_hand()
    np.testing.assert_array_equal(params.vector, other.vector)


@EVERY_RULE
def test_a_vector_goes_on_from_the_configuration_of_an_earlier_run(rule, monkeypatch):
    monkeypatch.setattr(vector_update, "BLOCK_SIZE", 7)
    expected, grads, draw = vectors()
    update = VectorUpdate(rule, expected, grads, {})
    for _ in range(6):
        draw()
        update()

    params, grads, draw = vectors()
    update = VectorUpdate(rule, params, grads, {})
    for _ in range(3):
        draw()
        update()
    saved = pickle.loads(pickle.dumps(update.config))
    kept = copy.deepcopy(saved)
    update = VectorUpdate(rule, params, grads, saved)
    for _ in range(3):
        draw()
        update()
    np.testing.assert_array_equal(params.vector, expected.vector)
    for name, value in kept.items():
        np.testing.assert_array_equal(saved[name], value)


@EVERY_RULE
def test_a_vector_goes_on_from_the_configuration_that_a_rule_returns(rule):
    params, grads, draw = vectors()
    draw()
    next_w, config = rule(params.trainable.copy(), grads.trainable)
    params.trainable[...] = next_w
    update = VectorUpdate(rule, params, grads, config)
    update()
    assert update.config.get("t", 2) == 2
    expected = rule(next_w, grads.trainable, config)[0]
    n_weights = len(params.decayed)
    np.testing.assert_array_equal(params.decayed, expected[:n_weights])


@EVERY_RULE
def test_what_no_gradient_reaches_ends_at_zero_and_not_in_subnormal_numbers(rule):
    params, grads, _ = vectors()
    config = {"learning_rate": 1e-3}
    update = VectorUpdate(rule, params, grads, config, l2=1e-6)
    reached = np.arange(len(params.trainable)) % 2 == 0
    for _ in range(2000 // FLUSH_EVERY):
        for _ in range(FLUSH_EVERY):
            grads.trainable[...] = np.where(reached, params.trainable - 1, 0.0)
            update()
        update.flush()
    memory = [update.config[slot] for slot in rule.slots]
    tiny = np.finfo(np.float32).tiny
    for array in (params.trainable, *memory):
        assert not ((array != 0) & (np.abs(array) < tiny)).any()
    assert params.trainable[reached].all()


def test_what_is_small_but_moves_is_not_flushed():
    params, grads, _ = vectors()
    update = VectorUpdate(UPDATE_RULES["sgd_momentum"], params, grads, {})
    params.trainable[:5] = 1e-12, 1e-12, 1e-3, -1e-12, 1e-31
    update.config["velocity"][:5] = 1e-12, 1e-3, 1e-31, -1e-3, 1e-3
    update.flush()
    np.testing.assert_array_equal(
        params.trainable[:5], np.float32([0, 1e-12, 1e-3, -1e-12, 0])
    )
    np.testing.assert_array_equal(
        update.config["velocity"][:5], np.float32([0, 1e-3, 0, -1e-3, 1e-3])
    )


def test_running_statistics_that_decay_end_at_zero():
    params, grads, _ = vectors()
    update = VectorUpdate(UPDATE_RULES["sgd"], params, grads, {})
    params.state["running_mean1"][...] = 1e-36, -1e-36, -2.0, 1e-3
    update.flush()
    np.testing.assert_array_equal(
        params.state["running_mean1"], np.float32([0, 0, -2, 1e-3])
    )


def test_flushing_hides_no_number_that_is_not_finite():
    params, grads, _ = vectors()
    update = VectorUpdate(UPDATE_RULES["adam"], params, grads, {})
    params.trainable[:2] = np.nan, np.inf
    update.flush()
    np.testing.assert_array_equal(params.trainable[:2], [np.nan, np.inf])


# What does not fit


@EVERY_RULE
def test_integers_are_computed_with_as_floats(rule):
    w, dw = np.array([1, -2, 3]), np.array([2, 0, -1])
    next_w, config = rule(w, dw)
    expected, _ = rule(w.astype(float), dw.astype(float))
    np.testing.assert_array_equal(next_w, expected, strict=True)
    again, _ = rule(next_w, dw, config)
    assert again.dtype == np.float64


@EVERY_RULE
def test_arrays_that_would_broadcast_are_refused(rule):
    needs = f"{rule.__name__} needs"
    with pytest.raises(ValueError, match=rf"{needs} dw of shape \(3,\), got \(1,\)"):
        rule(np.ones(3), np.ones(1))
    _, config = rule(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match=rf"{needs} w of shape \(3,\), got \(1,\)"):
        rule(np.ones(1), np.ones(1), config)
    for slot in rule.slots:
        with pytest.raises(ValueError, match=rf"config\['{slot}'\] of shape \(3,\)"):
            rule(np.ones(3), np.ones(3), {slot: np.zeros(1)})


@EVERY_RULE
@pytest.mark.parametrize("value", [np.nan, np.inf, -1, "fast", None, [0.1]], ids=str)
def test_every_number_out_of_range_is_refused_by_name(rule, value):
    for name in rule.defaults:
        config = {name: value}
        with pytest.raises(ValueError, match=f"{name} must be .*, got"):
            rule(np.ones(3), np.ones(3), config)
        assert config.keys() == {name}


@pytest.mark.parametrize(
    ("rule", "name", "value"),
    [
        (adam, "beta1", 1.0),
        (adam, "beta2", 1.0),
        (adam, "epsilon", 0.0),
        (adam, "t", 1.5),
        (rmsprop, "decay_rate", 1.0),
        (sgd_momentum, "momentum", 1.1),
    ],
)
def test_the_end_of_a_range(rule, name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        rule(np.ones(3), np.ones(3), {name: value})


def test_a_configuration_is_a_dict():
    with pytest.raises(TypeError, match="config must be a dict"):
        sgd_momentum(np.ones(3), np.ones(3), 0.1)


@EVERY_RULE
def test_what_is_too_small_is_zero_even_where_numpy_would_raise(rule):
    dw = np.array([1e-200, 1.0, -1e-300])
    expected, _ = rule(np.zeros(3), dw)
    with np.errstate(all="raise"):
        next_w, _ = rule(np.zeros(3), dw)
    np.testing.assert_array_equal(next_w, expected)
