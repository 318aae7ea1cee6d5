"""The first affine map joined to the blocks before it, by compiled loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skfcnet import FCNetClassifier, config_context
from skfcnet._engine.encoded_affine import ENCODED_AFFINE, MIN_FEATURES, join_encoding
from skfcnet._engine.parameters import Parameters
from skfcnet.layers import Block
from skfcnet.network import FullyConnectedNet

pytest.importorskip("numba")

from skfcnet._engine.twins import fastest

N_NUMBERS, N_CODES, N_LEVELS = 3, 2, MIN_FEATURES + 1
"""The numbers of columns of numbers, of columns of categories, and of categories."""

NUMBERS = 0, N_NUMBERS
CODES = N_NUMBERS, N_NUMBERS + N_CODES
LARGE = N_NUMBERS + N_CODES, N_NUMBERS + N_CODES + 1


def of_bins(rng, n_bins, columns=range(N_NUMBERS)):
    """Return the block "ple" whose bins lie beside each other."""
    edges = np.sort(rng.normal(size=(len(columns), n_bins + 1)), axis=1)
    bins = {
        "column": np.repeat(columns, n_bins),
        "left": edges[:, :-1].ravel(),
        "slope": 1 / np.diff(edges, axis=1).ravel(),
    }
    return Block("ple", NUMBERS, bins)


def of_levels(columns=range(N_CODES), n_levels=N_LEVELS):
    """Return the block "onehot", in which two codes of the last column share a feature.

    The last code of the others has no feature.
    """
    plus = np.tile(np.arange(n_levels - 1.0), len(columns))
    minus = np.full(len(plus), np.nan)
    minus[-1] = n_levels - 1
    column = np.repeat(columns, n_levels - 1)
    return Block("onehot", CODES, {"column": column, "plus": plus, "minus": minus})


def other_blocks():
    factor = np.linspace(0, 1, N_LEVELS)
    lookup = {"first_row": np.array([0]), "factor": factor, "size": 2}
    return {
        "linear": Block("linear", NUMBERS, {"factor": 0.7}),
        "missing": Block("missing", NUMBERS, {"column": np.array([1])}),
        "lookup": Block("lookup", LARGE, lookup),
        "pbld": Block("pbld", NUMBERS),
    }


def rows(rng, n_rows, dtype, *, has_missing):
    x = np.empty((n_rows, LARGE[1]), dtype)
    x[:, :N_NUMBERS] = rng.normal(size=(n_rows, N_NUMBERS))
    x[:, N_NUMBERS:] = rng.integers(N_LEVELS, size=(n_rows, N_CODES + 1))
    if has_missing:
        x[:, :N_NUMBERS][rng.random((n_rows, N_NUMBERS)) < 0.3] = np.nan
    return x


def a_network(blocks, **options):
    options = {"weight_scale": None, "random_state": 0} | options
    hidden_dims = options.pop("hidden_dims", [5])
    return FullyConnectedNet(
        "regression", hidden_dims, None, LARGE[1], 2, blocks=blocks, **options
    )


def backpropagated(net, x, **options):
    """Return the losses and the gradients of a training step."""
    grads = Parameters(net.params.specs, dtype=net.dtype)
    grads.vector[...] = np.nan  # none may be left
    passes = net.training_passes(x, grads, **options)
    y = np.linspace(-1, 1, 2 * len(x)).reshape(-1, 2).astype(net.dtype)
    for _ in range(2):  # scratch arrays are used again
        losses = net.backpropagate(x, y, passes)
    return losses, grads.trainable


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    n_rows=st.integers(1, 40),
    kinds=st.lists(
        st.sampled_from(["linear", "missing", "lookup", "pbld"]), unique=True
    ),
    located=st.sampled_from(
        [["ple"], ["onehot"], ["ple", "onehot"], ["onehot", "ple"]]
    ),
    n_members=st.sampled_from([1, 3]),
    learn_scales=st.booleans(),
    hidden_dims=st.sampled_from([[], [1], [19]]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_losses_and_gradients_are_those_of_the_blocks_and_the_affine_map(
    seed, n_rows, kinds, located, n_members, learn_scales, hidden_dims, dtype
):
    rng = np.random.default_rng(seed)
    blocks = other_blocks() | {"ple": of_bins(rng, MIN_FEATURES), "onehot": of_levels()}
    order = rng.permutation([*sorted(kinds), *located])
    net = a_network(
        [blocks[kind] for kind in order],
        hidden_dims=hidden_dims,
        n_members=n_members,
        learn_scales=learn_scales,
        dtype=dtype,
    )
    net.params.trainable += 0.1 * rng.normal(size=len(net.params.trainable))
    assert join_encoding(net.stages)[0].kind == ENCODED_AFFINE
    x = rows(rng, n_rows, dtype, has_missing="missing" in kinds)
    losses, gradients = backpropagated(net, x)
    own_losses, own = backpropagated(net, x, lookup=fastest, joins_encoding=True)
    rtol = {np.float32: 1e-4, np.float64: 1e-11}[dtype]
    assert_allclose(own_losses, losses, rtol=rtol)
    assert_allclose(own, gradients, rtol=rtol, atol=rtol * np.abs(gradients).max())


def test_a_row_on_an_edge_or_beyond_is_encoded_as_by_the_block():
    edges = np.array([-1.0, -0.3, 0.0, 1e-3, 0.2, 0.7, 3.0])
    bins = {"column": np.zeros(6, int), "left": edges[:-1], "slope": 1 / np.diff(edges)}
    net = a_network([Block("ple", NUMBERS, bins)], dtype=np.float64)
    x = np.zeros((len(edges) + 2, LARGE[1]))
    x[:, 0] = [*edges, -9.0, 9.0]
    joined = net.training_passes(x, joins_encoding=True).forward(x)[0]
    assert_allclose(joined, net.training_passes(x).forward(x)[0], rtol=1e-12)


@pytest.mark.parametrize("n_members", [2, 5])
def test_a_member_does_not_depend_on_the_others(n_members):
    rng = np.random.default_rng(0)
    blocks = [*other_blocks().values(), of_bins(rng, MIN_FEATURES), of_levels()]
    x = rows(rng, 20, np.float32, has_missing=True)
    options = {"lookup": fastest, "joins_encoding": True}
    losses, _ = backpropagated(a_network(blocks), x, **options)
    several, _ = backpropagated(a_network(blocks, n_members=n_members), x, **options)
    assert several[0] == losses[0]


def unlike(bins, **changes):
    kind, columns, settings_ = bins
    return Block(kind, columns, settings_ | changes)


BINS = of_bins(np.random.default_rng(0), MIN_FEATURES)
LEVELS = of_levels()


@pytest.mark.parametrize(
    ("blocks", "options"),
    [
        ([], {}),
        ([*other_blocks().values()], {}),
        ([BINS], {"input_dropout": 0.1}),
        ([of_bins(np.random.default_rng(0), MIN_FEATURES - 1)], {}),
        ([unlike(BINS, slope=BINS.settings["slope"] / 2)], {}),
        ([unlike(BINS, left=BINS.settings["left"][::-1])], {}),
        ([unlike(BINS, column=np.tile(np.arange(3), 8))], {}),
        ([unlike(LEVELS, plus=LEVELS.settings["plus"] // 2)], {}),
        ([unlike(LEVELS, minus=LEVELS.settings["plus"])], {}),
    ],
    ids=[
        "no blocks",
        "other blocks",
        "dropout between",
        "few bins",
        "bins that overlap",
        "bins in another order",
        "columns in turns",
        "a code of two features",
        "codes that cancel",
    ],
)
def test_stages_that_cannot_be_joined_are_returned_as_they_are(blocks, options):
    stages = a_network(blocks, **options).stages
    assert join_encoding(stages) is stages


def test_a_fit_uses_the_joined_stage_and_learns_the_same():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 2)), rng.integers(2, size=500)
    models = []
    for kernels in ("numpy", "numba"):
        model = FCNetClassifier(max_iter=2, random_state=0, dtype="float64")
        with config_context(kernels=kernels):
            models.append(model.set_params(solver="sgd").fit(X, y))
    assert join_encoding(models[0]._net.stages)[0].kind == ENCODED_AFFINE
    one, other = (model.predict_proba(X) for model in models)
    assert_allclose(one, other, rtol=1e-9)
    assert not np.array_equal(one, other)  # which would be the same sums


def test_weights_of_features_that_are_always_zero_have_no_gradient():
    net = a_network([LEVELS], dtype=np.float64)
    x = np.zeros((6, LARGE[1]))
    _, gradients = backpropagated(net, x, lookup=fastest, joins_encoding=True)
    own = Parameters(net.params.specs, dtype=net.dtype)
    own.trainable[...] = gradients
    used = np.abs(own["W1"]).any(axis=1)
    assert_array_equal(np.flatnonzero(used), [0, N_LEVELS - 1])
