"""Blocks, which make features of columns: by themselves, together, in estimators."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone

from scaffolding import (
    CODED,
    FLOATS,
    any_solver,
    assert_same,
    block_columns,
    block_settings,
    features_of,
    network_of,
    repeatable,
    short_fits,
)
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._engine.parameters import Zone
from skfcnet._tabular.categories import MAX_ONEHOT
from skfcnet.gradient_check import eval_numerical_gradient, rel_error
from skfcnet.layers import BLOCKS, Block
from skfcnet.network import FullyConnectedNet
from skfcnet.solver import Solver

pytestmark = [short_fits, any_solver]

REPEATABLE = repeatable(40)
UNTRAINED = ["linear", "ple", "missing", "onehot"]


# By themselves


def expected_feature(kind, value, settings, i):
    """Return feature i of a block without parameters, of one value of its column."""
    if kind == "linear":
        return settings["factor"] * value
    if kind == "missing":
        return float(np.isnan(value))
    if kind == "ple":
        height = (value - settings["left"][i]) * settings["slope"][i]
        return min(max(height, 0), 1)
    is_plus, is_minus = (value == settings[k][i] for k in ("plus", "minus"))
    return int(is_plus) - int(is_minus)


@st.composite
def columns(draw, kind):
    """Draw columns for a block, of several members or not, and whether they share."""
    members = draw(st.sampled_from([(), (1,), (3,)]))
    n_rows, n_columns = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    shared = members and draw(st.booleans())
    shape = ((1,) if shared else members) + (n_rows, n_columns)
    dtype = draw(st.sampled_from(FLOATS))
    return block_columns(kind, shape, rng).astype(dtype), members


@pytest.mark.parametrize("kind", UNTRAINED)
@given(data=st.data())
@REPEATABLE
def test_features_without_parameters_are_their_formula(kind, data):
    x, members = data.draw(columns(kind))
    settings, layer = block_settings(kind, x.shape[-1]), BLOCKS[kind]
    out, cache = layer.forward(x, settings)
    column = settings.get("column", np.arange(x.shape[-1]))
    assert out.shape == (*x.shape[:-1], len(column)) and out.dtype == x.dtype
    for *row, i in np.ndindex(out.shape):
        value = x[(*row, column[i])]
        expected = expected_feature(kind, value, settings, i)
        assert out[(*row, i)] == pytest.approx(expected, rel=1e-6, abs=1e-6)
    # The gradients of members that share the columns are those of each.
    dout = np.random.default_rng(0).normal(size=(*members, *out.shape[-2:]))
    dx = layer.backward(dout.astype(x.dtype), cache)
    assert dx.shape == (*members, *x.shape[-2:]) and dx.dtype == x.dtype
    slopes = np.zeros((*x.shape[:-1], len(column)))
    if kind == "linear":
        slopes[...] = settings["factor"]
    elif kind == "ple":
        slopes = np.where((out > 0) & (out < 1), settings["slope"], 0)
    of_column = column[:, np.newaxis] == np.arange(x.shape[-1])
    np.testing.assert_allclose(dx, (dout * slopes) @ of_column, rtol=1e-5, atol=1e-6)


@given(data=st.data())
@REPEATABLE
def test_an_embedded_category_is_its_shrunken_row_beside_what_all_share(data):
    x, members = data.draw(columns("lookup"))
    settings, n_columns = block_settings("lookup", x.shape[-1]), x.shape[-1]
    first_row, factor, size = (settings[k] for k in ("first_row", "factor", "size"))
    rng = np.random.default_rng(0)
    E = rng.normal(size=(*members, len(factor), size)).astype(x.dtype)
    o = rng.normal(size=(*members, n_columns, size)).astype(x.dtype)
    out, cache = BLOCKS["lookup"].forward(x, E, o, settings)
    dout = rng.normal(size=out.shape).astype(x.dtype)
    dx, dE, do = BLOCKS["lookup"].backward(dout, cache)
    assert out.dtype == dE.dtype == do.dtype == x.dtype
    assert not dx.any() and dx.shape == (*members, *x.shape[-2:])
    expected_dE, expected_do = np.zeros(E.shape), np.zeros(o.shape)
    x = np.broadcast_to(x, (*members, *x.shape[-2:]))
    for *member, i, j in np.ndindex(x.shape):
        row = first_row[j] + int(x[(*member, i, j)])
        place = (*member, i, slice(j * size, (j + 1) * size))
        expected = o[(*member, j)] + factor[row] * E[(*member, row)]
        np.testing.assert_allclose(out[place], expected, rtol=1e-6, atol=1e-6)
        expected_dE[(*member, row)] += factor[row] * dout[place]
        expected_do[(*member, j)] += dout[place]
    np.testing.assert_allclose(dE, expected_dE, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(do, expected_do, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", BLOCKS)
@pytest.mark.parametrize("members", [(), (3,)])
def test_blocks_need_not_compute_the_gradient_of_the_columns(kind, members):
    rng, layer = np.random.default_rng(0), BLOCKS[kind]
    settings = block_settings(kind, 4)
    x = block_columns(kind, ((1,) * len(members)) + (5, 4), rng)
    specs = layer.specs(4, layer.width(4, **settings), **settings)
    params = [rng.normal(size=(*members, *spec.shape)) for spec in specs]
    out, cache = layer.forward(x, *params, *[settings] * layer.takes_options)
    dout = rng.normal(size=(*members, *out.shape[-2:]))
    with_dx, without = (layer.backward(dout, cache, need_dx=n) for n in (True, False))
    if not params:
        assert without is None and with_dx.shape == (*members, 5, 4)
        return
    assert without[0] is None
    for ours, theirs in zip(without[1:], with_dx[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", ["ple", "missing", "onehot"])
@pytest.mark.parametrize("column", [[0, 2], [-1], [0.0], [[0]], 0, None], ids=str)
def test_columns_that_there_are_not_are_refused(kind, column):
    settings = block_settings(kind, 2) | {"column": column}
    with pytest.raises(ValueError, match="needs column to hold indices of the 2 colu"):
        BLOCKS[kind].forward(np.ones((3, 2)), settings)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("ple", "left"),
        ("ple", "slope"),
        ("onehot", "plus"),
        ("onehot", "minus"),
        ("unclipped", "low"),
        ("unclipped", "high"),
    ],
)
def test_settings_that_would_broadcast_are_refused(kind, name):
    settings = block_settings(kind, 2)
    n = len(settings[name])
    settings[name] = np.ones(1)
    with pytest.raises(
        ValueError, match=rf"needs {name} of shape \({n},\), got \(1,\)"
    ):
        BLOCKS[kind].forward(np.ones((3, 2)), settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.ones(3)}, r"x of shape \(N, E\), got \(3,\)"),
        ({"x": np.full((3, 2), 5.0)}, r"codes x from 0 on .* column, \[5, 5\]"),
        ({"x": np.full((3, 2), -1.0)}, "codes x from 0 on"),
        ({"x": np.full((3, 2), np.nan)}, "codes x from 0 on"),
        ({"E": np.ones(10)}, r"codes x .* rows E of shape \(R, d\)"),
        ({"E": np.ones((9, 2))}, r"factor of shape \(9,\), got \(10,\)"),
        ({"o": np.ones((1, 2))}, r"o of shape \(2, 2\), got \(1, 2\)"),
        ({"o": np.ones((2, 1))}, r"o of shape \(2, 2\), got \(2, 1\)"),
        ({"first_row": np.array([0])}, r"first_row of shape \(2,\), got \(1,\)"),
    ],
    ids=str,
)
def test_an_embedding_of_categories_says_what_does_not_fit(changes, message):
    arguments = {"x": np.ones((3, 2)), "E": np.ones((10, 2)), "o": np.ones((2, 2))}
    settings = block_settings("lookup", 2)
    for name, value in changes.items():
        (arguments if name in arguments else settings)[name] = value
    with pytest.raises(ValueError, match=f"lookup_forward needs {message}"):
        BLOCKS["lookup"].forward(*arguments.values(), settings)


# Together

N_NUMBERS, N_CODES = 4, 3
D = N_NUMBERS + N_CODES
NUMBERS, CODES = slice(0, N_NUMBERS), slice(N_NUMBERS, D)


def all_blocks():
    """Return blocks of all kinds, some of them twice, which share their columns."""
    places = {
        "linear": [(0, 4)],
        "ple": [(0, 4), (1, 3)],
        "missing": [(0, 4)],
        "onehot": [(4, 6)],
        "lookup": [(4, 7), (6, 7)],
        "pbld": [(0, 2), (1, 4)],
    }
    return [
        Block(kind, columns, block_settings(kind, columns[1] - columns[0]))
        for kind, of_kind in places.items()
        for columns in of_kind
    ]


def a_net(category="regression", **options):
    options = {
        "hidden_dims": (5,),
        "normalization": (False,),
        "activation": "tanh",
        "input_dim": D,
        "output_dim": 2,
        "weight_scale": 0.3,
        "dtype": np.float64,
        "random_state": 0,
        "blocks": all_blocks(),
    } | options
    net = FullyConnectedNet(category, **options)
    rng = np.random.default_rng(1)
    net.params.trainable[...] += 0.1 * rng.normal(size=net.params.trainable.shape)
    return net


def some_rows(n=7, dtype=np.float64):
    rng = np.random.default_rng(2)
    numbers = block_columns("missing", (n, N_NUMBERS), rng)
    codes = block_columns("onehot", (n, N_CODES), rng)
    return np.hstack([numbers, codes]).astype(dtype)


def test_blocks_of_one_kind_have_arrays_of_different_names():
    net = a_net()
    of_blocks = [name for name in net.params if "0" in name]
    lookups = ["E0", "o0", "E0_1", "o0_1"]
    pblds = ["w0", "b0", "V0", "c0", "w0_1", "b0_1", "V0_1", "c0_1"]
    assert [*net.stages[0].trained] == [*lookups, *pblds]
    assert {*of_blocks} == {*lookups, *pblds}
    assert "linear + ple + ple + missing + onehot + lookup + lookup + pbld" in repr(net)
    decayed = {s.name for s in net.params.specs if s.zone is Zone.WEIGHT}
    assert decayed == {"E0", "E0_1", "V0", "V0_1", "W1", "W2"}


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_features_are_those_of_the_blocks_side_by_side(n_members, dtype):
    net, X = a_net(n_members=n_members), some_rows(dtype=dtype)
    filled, expected = np.nan_to_num(X), []
    for stage in net.stages[0].blocks:
        x = (X if stage.layer.takes_missing else filled)[:, stage.columns]
        params = [net.params[name].astype(dtype) for name in stage.trained]
        settings = [stage.settings] * stage.layer.takes_options
        out, _ = stage.layer.forward(
            x if n_members == 1 else x[None], *params, *settings
        )
        expected.append(
            np.broadcast_to(
                out.reshape(-1, len(X), out.shape[-1]),
                (n_members, len(X), out.shape[-1]),
            )
        )
    features = features_of(net, X).reshape(n_members, len(X), -1)
    np.testing.assert_allclose(features, np.concatenate(expected, axis=-1), rtol=1e-6)


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize(
    ("normalization", "learn_scales"),
    [(False, False), (False, True), ("batch", True), ("layer", False)],
)
@pytest.mark.parametrize("input_dropout", [0.0, 0.2])
def test_gradients_of_all_blocks_match_the_numeric_ones(
    n_members, normalization, input_dropout, learn_scales
):
    net = a_net(
        n_members=n_members,
        normalization=(normalization,),
        input_dropout=input_dropout,
        learn_scales=learn_scales,
        reg=0.3,
    )
    if learn_scales:
        shape = net.params["s1"].shape
        net.params["s1"] = np.random.default_rng(4).normal(size=shape)
    X, y = some_rows(8), np.random.default_rng(3).normal(size=(8, 2))
    _, grads = net.loss(X, y, random_state=7)
    for name, array in net.params.items():
        numeric = n_members * eval_numerical_gradient(
            lambda _: net.loss(X, y, random_state=7)[0], array, verbose=False
        )
        near = np.abs(grads[name] - numeric) <= 1e-8
        assert rel_error(np.where(near, numeric, grads[name]), numeric) <= 1e-5, name


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("blocks", [None, UNTRAINED])
def test_gradients_by_the_rows_go_through_all_blocks(n_members, blocks):
    chosen = [b for b in all_blocks() if blocks is None or b.kind in blocks]
    net, X = a_net(n_members=n_members, blocks=chosen), some_rows(20)
    gradients = net.input_gradients(X)
    assert gradients.shape == (20, 2, D)
    assert not gradients[:, :, CODES].any()
    assert not gradients.transpose(0, 2, 1)[np.isnan(X)].any()
    for j in range(N_NUMBERS):
        h = 1e-6 * np.eye(D)[j]
        numeric = (net.scores(X + h) - net.scores(X - h)) / 2e-6
        np.testing.assert_allclose(gradients[:, :, j], numeric, rtol=1e-4, atol=1e-7)


def test_members_start_as_single_networks_do():
    single, net = (
        FullyConnectedNet(
            "regression",
            [4],
            input_dim=D,
            output_dim=1,
            blocks=all_blocks(),
            n_members=n_members,
            random_state=0,
        )
        for n_members in (1, 3)
    )
    for name, array in single.params.items():
        np.testing.assert_array_equal(net.params[name][0].reshape(array.shape), array)
    assert not net.params["o0"].any()
    assert (net.params["E0"][0] != net.params["E0"][1]).all()


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))]
)
@pytest.mark.parametrize("n_members", [1, 3])
def test_copies_score_and_learn_alike(copied, n_members):
    net = a_net(n_members=n_members, input_dropout=0.2)
    other, X, y = copied(net), some_rows(), np.ones((7, 2))
    assert repr(other) == repr(net)
    np.testing.assert_array_equal(other.scores(X), net.scores(X))
    ours, theirs = (one.loss(X, y, random_state=0)[1] for one in (net, other))
    np.testing.assert_array_equal(ours.vector, theirs.vector)


def test_scores_of_many_rows_are_those_of_each_chunk():
    net, X = a_net(blocks=10 * all_blocks()), some_rows(5_000, np.float32)
    chunk = net.test_passes(np.float32).chunk
    assert chunk < 5_000
    parts = [net.scores(X[i : i + 999]) for i in range(0, 5_000, 999)]
    np.testing.assert_allclose(net.scores(X), np.vstack(parts), rtol=1e-10, atol=1e-12)


def test_sparse_rows_are_refused():
    X = csr_array(np.ones((7, D)))
    for call in (lambda net: net.scores(X), lambda net: net.loss(X, np.ones((7, 2)))):
        with pytest.raises(TypeError, match="X is sparse, but the network has blocks"):
            call(a_net())


@pytest.mark.parametrize("kinds", [[], ["linear", "ple"], ["linear", "missing"]])
def test_a_solver_takes_missing_values_if_the_network_does(kinds):
    blocks = [b for b in all_blocks() if b.kind in kinds]
    net, X, y = a_net(blocks=blocks), some_rows(40), np.ones((40, 2))
    assert net.takes_missing == ("missing" in kinds)
    for bad, is_taken in [(np.nan, net.takes_missing), (np.inf, False)]:
        X = np.nan_to_num(X)
        X[3, 1] = bad
        data = {"X_train": X, "y_train": y}
        options = {"verbose": False, "random_state": 0}
        if is_taken:
            solver = Solver(net, data, num_epochs=1, **options)
            assert np.isfinite(solver.train_epoch())
            continue
        with pytest.raises(ValueError, match="X_train must hold numbers that are fin"):
            Solver(net, data, **options)


# In the estimators

MANY = 2 * MAX_ONEHOT + 3
SETTINGS = {
    "early_stopping": False,
    "linear_term": False,
    "hidden_layer_sizes": (6,),
    "max_iter": 3,
    "batch_size": 16,
    "random_state": 0,
    "learning_rate_init": 0.02,
    "learning_rate": "constant",
}


def a_table(n=120):
    """Return numbers with gaps, few categories, many categories, and a target."""
    rng = np.random.default_rng(0)
    few, many = rng.integers(0, 3, n), rng.integers(0, MANY, n)
    many[:MANY] = np.arange(MANY)
    X = np.column_stack([rng.normal(size=n), few, many])
    X[::9, 0] = np.nan
    effect = rng.normal(size=MANY)
    return X, effect[many] + few


def a_model(kind=FCNetRegressor, **options):
    return kind(**SETTINGS | {"categorical_features": [1, 2]} | options)


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("embedding", [None, "ple", "pbld"])
def test_weighted_is_repeated_in_any_order_with_many_categories(n_members, embedding):
    X, y = a_table()
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    model = a_model(n_members=n_members, numeric_embedding=embedding)
    assert "E0" in network_of(clone(model).fit(X, y)).params
    order = np.random.default_rng(2).permutation(len(X))
    weighted = clone(model).fit(X[order], y[order], weight[order])
    rows = np.random.default_rng(3).permutation(np.arange(len(X)).repeat(weight))
    repeated = clone(model).fit(X[rows], y[rows])
    assert_same(weighted, repeated, X)
    for name, array in network_of(weighted).params.items():
        np.testing.assert_array_equal(array, network_of(repeated).params[name])


@pytest.mark.parametrize("solver", ["adamw", "sgd", "lbfgs"])
@pytest.mark.parametrize("n_members", [1, 3])
def test_unknown_categories_are_what_training_found_in_common(solver, n_members):
    X, y = a_table()
    model = a_model(solver=solver, n_members=n_members).fit(X, y)
    net = network_of(model)
    assert net.params["o0"].all()  # which is zero at first
    unknown = X.copy()
    unknown[:, 2] = MANY + 7
    predicted = model.predict(unknown)
    assert np.isfinite(predicted).all()
    assert not np.allclose(predicted, model.predict(X))
    other = X.copy()
    other[:, 2] = MANY + 8
    np.testing.assert_array_equal(model.predict(other), predicted)
    net.params["E0"] = 0  # then all categories are what they have in common
    model.coefs_ = [a.copy() for a in model.coefs_]  # forgets what was converted
    np.testing.assert_allclose(model.predict(X), predicted, rtol=1e-5, atol=1e-6)


def test_missing_is_a_category_of_its_own_among_few_and_many():
    X, y = a_table(600)
    X[::5, 2] = X[1::5, 1] = np.nan
    y = np.where(np.isnan(X[:, 1:]).any(axis=1), 10.0, 0.0)
    model = a_model(max_iter=60).fit(X, y)
    assert model.score(X, y) > 0.95


def test_many_categories_are_learned():
    X, y = a_table(1_000)
    assert a_model(max_iter=60).fit(X, y).score(X, y) > 0.9
    model = a_model(FCNetClassifier, max_iter=60)
    assert model.fit(X, y > y.mean()).score(X, y > y.mean()) > 0.9


@pytest.mark.parametrize("n_members", [1, 3])
def test_continued_fits_are_those_without_a_break(n_members):
    X, y = a_table()
    model = a_model(n_members=n_members, max_iter=4)
    whole = clone(model).fit(X, y).predict(X)
    stepwise = clone(model)
    for _ in range(4):
        stepwise = pickle.loads(pickle.dumps(stepwise.partial_fit(X, y)))
    np.testing.assert_array_equal(stepwise.predict(X), whole)
    warm = clone(model).set_params(warm_start=True, max_iter=2)
    warm = pickle.loads(pickle.dumps(warm.fit(X, y))).fit(X, y)
    np.testing.assert_array_equal(warm.predict(X), whole)


@pytest.mark.parametrize("n_categories", [3, MANY])
def test_listed_categories_are_learned_when_they_first_occur(n_categories):
    rng = np.random.default_rng(0)
    levels = [f"{i:03}" for i in range(n_categories)]
    values = rng.integers(0, n_categories - 1, 400)
    values[: n_categories - 1] = np.arange(n_categories - 1)
    frame = pd.DataFrame({"k": pd.Categorical.from_codes(values, levels)})
    y = values % 2 + rng.normal(size=400) / 100
    new = pd.DataFrame(
        {"k": pd.Categorical.from_codes([n_categories - 1] * 50, levels)}
    )
    model = FCNetRegressor(**SETTINGS | {"max_iter": 1})
    for _ in range(5):
        model.partial_fit(frame, y)
    before = np.abs(model.predict(new) - 4).mean()
    for _ in range(60):
        model.partial_fit(pd.concat([frame, new]), np.append(y, np.full(50, 4.0)))
    assert np.abs(model.predict(new) - 4).mean() < 0.2 * before
    known = [model.predict(frame)[values % 2 == i].mean() for i in range(2)]
    np.testing.assert_allclose(known, [0, 1], atol=0.3)


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("embedding", ["ple", "pbld", None])
def test_input_gradients_go_through_all_that_is_made_of_a_table(n_members, embedding):
    X, y = a_table()
    model = a_model(
        activation="tanh",
        n_members=n_members,
        numeric_embedding=embedding,
        dtype="float64",
    ).fit(X, y)
    X[:, 0] += 1e-3  # off the edges, where there is no derivative
    gradients = model.input_gradients(X)
    h = 1e-5 * np.eye(3)[0]
    numeric = (model.predict(X + h) - model.predict(X - h)) / 2e-5
    np.testing.assert_allclose(gradients[:, 0], numeric, rtol=1e-5, atol=1e-7)
    assert not gradients[:, 1:].any()
    assert not gradients[np.isnan(X[:, 0])].any()
    assert gradients[~np.isnan(X[:, 0]), 0].any()


def test_clones_know_nothing_of_what_was_learned():
    X, y = a_table()
    model = a_model().fit(X, y)
    again = clone(model)
    assert not hasattr(again, "coefs_")
    assert_same(again.fit(X, y), model, X)


def test_codes_are_taken_by_no_other_blocks():
    X, y = a_table()
    stages = network_of(a_model(numeric_embedding="pbld").fit(X, y)).stages[0].blocks
    for stage in stages:
        assert (stage.columns.start >= 1) == (stage.kind in CODED)
