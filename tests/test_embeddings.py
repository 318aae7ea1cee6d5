"""The trained embedding: by itself, in networks, and in the estimators."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone

from scaffolding import any_solver, network_of, repeatable, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._engine.parameters import Zone
from skfcnet.gradient_check import eval_numerical_gradient_array, rel_error
from skfcnet.layers import Block, pbld_backward, pbld_forward
from skfcnet.layers._pbld import FREQUENCY_SCALE, N_FREQUENCIES, N_NEW_COLUMNS
from skfcnet.network import FullyConnectedNet

pytestmark = [short_fits, any_solver]

REPEATABLE = repeatable(40)
NAMES = ["w0", "b0", "V0", "c0"]


# The functions


@st.composite
def examples(draw):
    """Draw columns, and the arrays of the layer that embeds them."""
    members = draw(st.sampled_from([(), (1,), (3,)]))
    n_rows, n_embedded = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    n_frequencies, n_new_columns = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    shared = members and draw(st.booleans())
    x = rng.normal(size=((1,) if shared else members) + (n_rows, n_embedded))
    cosines = (*members, n_embedded, n_frequencies)
    new_columns = (*members, n_embedded, n_new_columns)
    w, b = 0.3 * rng.normal(size=cosines), rng.uniform(-0.5, 0.5, cosines)
    V, c = rng.normal(size=(*new_columns, n_frequencies)), rng.normal(size=new_columns)
    return x, w, b, V, c


@given(examples())
@REPEATABLE
def test_the_embedding_is_its_formula(arrays):
    x, w, b, V, c = arrays
    out, _ = pbld_forward(*arrays)
    (n_rows, n_embedded), n_new_columns = x.shape[-2:], c.shape[-1]
    assert out.shape == (*w.shape[:-2], n_rows, n_embedded * n_new_columns)
    x = np.broadcast_to(x, (*w.shape[:-2], n_rows, n_embedded))
    for member in np.ndindex(w.shape[:-2]):
        for i, made in enumerate(np.split(out[member], n_embedded, axis=1)):
            phases = np.outer(x[member][:, i], w[member][i]) + b[member][i]
            expected = np.cos(2 * np.pi * phases) @ V[member][i].T + c[member][i]
            np.testing.assert_allclose(made, expected, rtol=1e-12, atol=1e-12)


@given(examples(), st.integers(0, 99))
@REPEATABLE
def test_gradients_match_the_numeric_ones(arrays, seed):
    out, cache = pbld_forward(*arrays)
    dout = np.random.default_rng(seed).normal(size=out.shape)
    dx, *grads = pbld_backward(dout, cache)
    numeric = [
        eval_numerical_gradient_array(lambda _: pbld_forward(*arrays)[0], array, dout)
        for array in arrays
    ]
    if len(arrays[0]) != len(dx):  # each member has a gradient of the rows they share
        dx = dx.sum(axis=0, keepdims=True)
    for ours, expected in zip((dx, *grads), numeric, strict=True):
        assert ours.shape == expected.shape
        # Relative to the array: single elements may be nearly zero.
        error = np.abs(ours - expected).max() / np.abs(expected).max()
        assert error <= 1e-8


def test_a_first_layer_computes_no_gradient_of_the_rows():
    arrays = np.ones((4, 1)), *(np.ones(shape) for shape in [(1, 2)] * 2)
    arrays = *arrays, np.ones((1, 3, 2)), np.ones((1, 3))
    out, cache = pbld_forward(*arrays)
    dx, *grads = pbld_backward(out, cache, need_dx=False)
    assert dx is None
    for ours, theirs in zip(grads, pbld_backward(out, cache)[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_float32_is_about_as_exact_as_the_angles_are():
    rng = np.random.default_rng(0)
    net = a_net(dtype=np.float64)
    for scale in (1, 100):
        x = scale * rng.normal(size=(500, 3)).astype(np.float32)
        arrays = [net.params[name].astype(np.float32) for name in NAMES]
        exact, _ = pbld_forward(*(a.astype(np.float64) for a in (x, *arrays)))
        out, _ = pbld_forward(x, *arrays)
        angle = max(1, 2 * np.pi * np.abs(x).max() * np.abs(arrays[0]).max())
        assert np.abs(out - exact).max() < 4 * angle * np.finfo("f4").eps


# In a network


def blocks_of(n_columns, n_embedded):
    """Return blocks that embed the first columns and pass all of them on."""
    blocks = [Block("linear", (0, n_columns), {"factor": 1.0})]
    return [*blocks, Block("pbld", (0, n_embedded))] if n_embedded else blocks


def a_net(category="regression", *, n_embedded=3, **options):
    options = {
        "blocks": blocks_of(options.get("input_dim", 5), n_embedded),
        "hidden_dims": (6,),
        "normalization": (False,),
        "input_dim": 5,
        "output_dim": 2,
        "weight_scale": None,
        "random_state": 0,
    } | options
    return FullyConnectedNet(category, **options)


def some_rows(n=7, dtype=np.float64):
    return np.random.default_rng(1).normal(size=(n, 5)).astype(dtype)


@pytest.mark.parametrize("members", [(), (4,)])
@pytest.mark.parametrize("init", [None, "orthogonal"])
def test_initial_values_are_those_of_the_paper(members, init):
    net = a_net(
        n_embedded=300,
        input_dim=300,
        init=init,
        n_members=members[0] if members else 1,
    )
    w, b, V, c = (net.params[name] for name in NAMES)
    assert w.shape == b.shape == (*members, 300, N_FREQUENCIES)
    assert c.shape == (*members, 300, N_NEW_COLUMNS)
    assert V.shape == (*c.shape, N_FREQUENCIES)
    assert net.params["W1"].shape == (*members, 300 * (1 + N_NEW_COLUMNS), 6)
    assert w.mean() == pytest.approx(0, abs=0.01)
    assert w.std() == pytest.approx(FREQUENCY_SCALE, rel=0.05)
    limits = (b, 0.5), (V, N_FREQUENCIES**-0.5), (c, N_FREQUENCIES**-0.5)
    for array, limit in limits:
        assert np.abs(array).max() <= limit
        assert array.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)
    if members:
        assert (w[0] != w[1]).all()


def test_the_first_member_starts_as_a_single_network_does():
    single, net = a_net(), a_net(n_members=3)
    for name, array in single.params.items():
        np.testing.assert_array_equal(net.params[name][0].reshape(array.shape), array)


def test_only_the_weights_of_the_embedding_are_decayed():
    decayed = {s.name for s in a_net().params.specs if s.zone is Zone.WEIGHT}
    assert decayed == {"V0", "W1", "W2"}


def test_stages_and_repr_are_the_architecture():
    net = a_net(input_dropout=0.2, dropout=0.1)
    assert repr(net) == (
        "FullyConnectedNet(5 → linear + pbld → dropout → affine 6 → relu → dropout → "
        "affine 2 → mse)"
    )
    assert [(s.fan_in, s.fan_out) for s in net.stages[:3]] == [
        (5, 14),
        (14, 14),
        (14, 6),
    ]
    assert len({stage.name for stage in net.stages}) == len(net.stages)


@pytest.mark.parametrize("n_members", [1, 3])
def test_scores_are_those_of_a_plain_network_behind_the_embedding(n_members):
    net = a_net(n_members=n_members)
    plain = a_net(n_members=n_members, input_dim=14, blocks=())
    X = some_rows(3000)
    columns = X[:, :3] if n_members == 1 else X[np.newaxis, :, :3]
    embedded, _ = pbld_forward(columns, *(net.params[name] for name in NAMES))
    embedded = embedded.reshape(n_members, len(X), 9)
    for name in plain.params:
        plain.params[name] = net.params[name]
    for m, scores in enumerate(net.member_scores(X)):
        expected = plain.member_scores(np.hstack([X, embedded[m]]))[m]
        np.testing.assert_allclose(scores, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n_embedded", [0, 1, 5])
def test_as_many_columns_as_asked_for_are_embedded(n_embedded):
    net = a_net(n_embedded=n_embedded)
    assert len(net.params["W1"]) == 5 + N_NEW_COLUMNS * n_embedded
    assert ("w0" in net.params) == (n_embedded > 0)


def test_sparse_rows_are_refused():
    net, X = a_net(), csr_array(some_rows())
    for call in (net.scores, net.loss, lambda X: net.loss(X, np.zeros((7, 2)))):
        with pytest.raises(TypeError, match="X is sparse, but the network has blocks"):
            call(X)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))]
)
def test_copies_are_equal_and_train_alike(copied):
    net = a_net(n_members=3, input_dropout=0.2)
    other, X, y = copied(net), some_rows(), np.ones((7, 2))
    assert other.stages == net.stages
    np.testing.assert_array_equal(other.scores(X), net.scores(X))
    for one in (net, other):
        _, one.grads = one.loss(X, y, random_state=0)
    np.testing.assert_array_equal(other.grads.vector, net.grads.vector)
    for array in other.params.values():
        assert np.shares_memory(array, other.params.vector)


# In the estimators


SETTINGS = {
    "numeric_embedding": "pbld",
    "hidden_layer_sizes": (8,),
    "max_iter": 4,
    "batch_size": 16,
    "learning_rate_init": 0.01,
    "early_stopping": False,
    "random_state": 0,
}


def a_table(n=80):
    """Return numbers with gaps, a column of levels, and a target."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(n, 2)), rng.integers(0, 3, n)])
    X[::9, 0] = np.nan
    return X, np.sin(3 * X[:, 1]) + X[:, 2]


@pytest.mark.parametrize("n_members", [1, 3])
def test_numbers_are_embedded_and_all_else_follows(n_members):
    X, y = a_table()
    model = FCNetRegressor(
        **SETTINGS, categorical_features=[2], n_members=n_members, normalization="batch"
    ).fit(X, y)
    # Two numbers, whether the first is missing, three levels; what the numbers become.
    assert model.coefs_[0].shape[-2] == 6 + 2 * N_NEW_COLUMNS
    assert len(model.coefs_) == len(model.intercepts_) == 2
    members = (n_members,) * (n_members > 1)
    assert network_of(model).params["w0"].shape == (*members, 2, N_FREQUENCIES)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("input_scaling", [None, "standard"])
def test_tables_without_numbers_have_nothing_to_embed(input_scaling):
    X, y = a_table()
    model = FCNetRegressor(
        **SETTINGS, categorical_features=[0], input_scaling=input_scaling
    ).fit(X[:, 2:], y)
    assert model.coefs_[0].shape == (3, 8)
    with_numbers = FCNetRegressor(**SETTINGS, input_scaling=input_scaling)
    assert network_of(with_numbers.fit(X, y)).params["w0"].shape[-2] == 3


@pytest.mark.parametrize("solver", ["adamw", "sgd", "lbfgs"])
@pytest.mark.parametrize("n_members", [1, 3])
def test_training_moves_every_array_of_the_embedding(solver, n_members):
    X, y = a_table()
    model = FCNetRegressor(**SETTINGS, solver=solver, n_members=n_members)
    model.set_params(activation="tanh").fit(X, y)  # no unit is without a gradient
    unmoved = clone(model).set_params(solver="sgd", learning_rate_init=1e-300)
    trained, initial = network_of(model).params, network_of(unmoved.fit(X, y)).params
    for name in NAMES:
        assert (trained[name] != initial[name]).all()
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("normalization", [None, "batch"])
def test_members_learn_from_weights_as_from_repetitions(n_members, normalization):
    X, y = a_table()
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    model = FCNetClassifier(
        **SETTINGS | {"early_stopping": True},
        n_members=n_members,
        normalization=normalization,
        input_dropout=0.1,
    )
    labels = (y > 0.5).astype(int)
    weighted = clone(model).fit(X, labels, weight)
    repeated = clone(model).fit(X.repeat(weight, axis=0), labels.repeat(weight))
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))


@pytest.mark.parametrize("n_members", [1, 3])
def test_continued_fits_are_those_without_a_break(n_members):
    X, y = a_table()
    # With an end, the schedule would be another one.
    model = FCNetRegressor(**SETTINGS, learning_rate="constant", n_members=n_members)
    whole = clone(model).fit(X, y).predict(X)
    stepwise = clone(model)
    for _ in range(4):
        stepwise = pickle.loads(pickle.dumps(stepwise.partial_fit(X, y)))
    np.testing.assert_array_equal(stepwise.predict(X), whole)
    warm = clone(model).set_params(warm_start=True, max_iter=2)
    warm = pickle.loads(pickle.dumps(warm.fit(X, y))).fit(X, y)
    np.testing.assert_array_equal(warm.predict(X), whole)
    with pytest.raises(ValueError, match="numeric_embedding was changed"):
        warm.set_params(numeric_embedding=None).fit(X, y)


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("normalization", [None, "batch"])
def test_input_gradients_go_through_the_embedding(n_members, normalization):
    X, y = a_table()
    X = 100 * np.nan_to_num(X) + 7
    model = FCNetRegressor(
        **SETTINGS,
        activation="tanh",
        n_members=n_members,
        normalization=normalization,
        input_dropout=0.1,
        dtype="float64",
    ).fit(X, y)
    gradients = model.input_gradients(X)
    for j, h in enumerate(1e-3 * np.eye(3)):
        numeric = (model.predict(X + h) - model.predict(X - h)) / 2e-3
        assert rel_error(gradients[:, j], numeric) < 1e-5


def test_a_wave_is_learned_that_a_plain_network_misses():
    x = np.random.default_rng(0).uniform(-1, 1, (1500, 1))
    y = np.sin(12 * x[:, 0])
    settings_ = SETTINGS | {"max_iter": 40, "hidden_layer_sizes": (16,)}
    settings_ |= {"learning_rate": "one_cycle"}
    settings_ |= {"weight_decay": 0.0}  # which holds back a fit as short as this
    scores = [
        FCNetRegressor(**settings_ | {"numeric_embedding": name}).fit(x, y).score(x, y)
        for name in ("pbld", None)
    ]
    assert scores[0] > 0.95 > scores[1]
