import sys

import numpy as np
import pytest
from scipy.sparse import csr_array

from skfcnet._engine.parameters import Parameters
from skfcnet._engine.passes import CHUNK, CHUNK_SIZE, Passes
from skfcnet._engine.plan import plan, stages_for
from skfcnet.layers import LAYERS, Block
from skfcnet.network import FullyConnectedNet
from skfcnet.solver import Solver

D, C = 5, 3
LINEAR, PBLD = Block("linear", (0, D), {"factor": 2.0}), Block("pbld", (0, 2))


def a_net(**options):
    options = {"hidden_dims": [7, 4], "random_state": 0, "weight_scale": None} | options
    return FullyConnectedNet("classification", input_dim=D, output_dim=C, **options)


def rows(n=6, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=(n, D)).astype(dtype)


def labels(n=6):
    return np.arange(n) % C


# Stages


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({}, ["affine1"]),
        ({"input_dropout": 0.2}, ["dropout0", "affine1"]),
        ({"blocks": [LINEAR]}, ["blocks", "affine1"]),
        ({"blocks": [PBLD]}, ["blocks"]),
        ({"blocks": [LINEAR, PBLD], "input_dropout": 0.2}, ["blocks"]),
        (
            {"blocks": [LINEAR], "input_dropout": 0.2},
            ["blocks", "dropout0", "affine1"],
        ),
    ],
)
def test_first_are_the_stages_that_no_parameters_come_before(options, first):
    stages = a_net(dropout=0.1, **options).stages
    assert [stage.name for stage in stages if stage.is_first] == first
    assert {stage.kind for stage in stages} <= {*LAYERS, "blocks"}
    assert not any(stage.is_sparse for stage in stages)


def test_sparse_rows_reach_the_stages_up_to_the_first_affine_map():
    stages = a_net(input_dropout=0.2, dropout=0.1).stages
    sparse = stages_for(stages, csr_array(rows()))
    assert [stage.name for stage in sparse if stage.is_sparse] == [
        "dropout0",
        "affine1",
    ]
    assert [s.layer is LAYERS[s.kind].sparse for s in sparse[:3]] == [True, True, False]
    assert stages_for(stages, rows()) is stages
    assert [s._replace(is_sparse=False) for s in sparse] == [*stages]


@pytest.mark.parametrize("block", [LINEAR, PBLD], ids=["linear", "pbld"])
def test_blocks_take_no_sparse_rows(block):
    stages = tuple(plan([D, 3, 2], [False], "relu", 0.0, blocks=[block]))
    with pytest.raises(TypeError, match="X is sparse, but the network has blocks"):
        stages_for(stages, csr_array(rows()))


# Passes


@pytest.mark.parametrize("n_members", [1, 3])
def test_functions_and_arrays_are_looked_up_once_for_each_number_of_rows(
    n_members, monkeypatch
):
    net = a_net(n_members=n_members)
    grads = Parameters(net.params.specs)
    passes = net.training_passes(rows(), grads)
    net.backpropagate(rows(6), labels(6), passes)
    net.backpropagate(rows(4), labels(4), passes)
    expected = grads.vector.copy()
    monkeypatch.setattr("skfcnet._engine.plan.LAYERS", {})
    for n in (6, 4):
        net.backpropagate(rows(n), labels(n), passes)
    np.testing.assert_array_equal(grads.vector, expected)
    with pytest.raises(KeyError):
        net.backpropagate(rows(5), labels(5), passes)


def test_minibatches_share_their_memory_also_after_a_larger_one():
    net = a_net()
    passes = net.training_passes(rows())
    small, _ = passes.forward(rows(4))
    large, _ = passes.forward(rows(9))
    assert not np.shares_memory(small, large)
    for n in (4, 9, 5):
        again, _ = passes.forward(rows(n))
        assert len(again) == n
        assert np.shares_memory(again, large)


@pytest.mark.parametrize("layout", [np.asarray, csr_array])
@pytest.mark.parametrize("input_dropout", [0.0, 0.3])
def test_going_back_ends_at_the_first_stage(layout, input_dropout):
    x = layout(rows())
    net = a_net(input_dropout=input_dropout, dtype=np.float32)
    grads = Parameters(net.params.specs)
    passes = net.training_passes(x, grads, rng=np.random.default_rng(0))
    scores, caches = passes.forward(x)
    assert passes.backward(np.ones_like(scores), caches) is None
    assert all(gradient.any() for gradient in grads.values())


def test_the_first_layer_computes_no_gradient_of_the_rows(monkeypatch):
    asked = []

    def backward(dout, cache, *, out, workspace, need_dx=True):
        asked.append(need_dx)
        return LAYERS["affine"].backward(dout, cache, out=out, need_dx=need_dx)

    layer = LAYERS["affine"]._replace(backward=backward)
    monkeypatch.setattr("skfcnet._engine.plan.LAYERS", LAYERS | {"affine": layer})
    a_net().loss(rows(), labels())
    assert asked == [True, True, False]


def test_passes_that_are_not_first_return_the_gradient_of_the_rows():
    net = a_net(hidden_dims=[])
    stages = [stage._replace(is_first=False) for stage in net.stages]
    passes = Passes(stages, net.params, Parameters(net.params.specs), mode="train")
    scores, caches = passes.forward(rows())
    dx = passes.backward(np.ones_like(scores), caches)
    np.testing.assert_allclose(dx, np.ones((6, C)) @ net.params["W1"].T, rtol=1e-6)


@pytest.mark.parametrize("n_members", [1, 2])
def test_the_penalty_is_part_of_what_is_minimised_unless_the_update_adds_it(n_members):
    net, X, y = a_net(reg=0.3, n_members=n_members), rows(), labels()
    loss, grads = net.loss(X, y)
    own = Parameters(net.params.specs)
    passes = net.training_passes(X, own)
    losses = net.backpropagate(X, y, passes)
    assert len(losses) == n_members
    assert np.mean(losses) + net.penalty() == pytest.approx(loss, rel=1e-6)
    own.decayed += net.reg * net.params.decayed
    np.testing.assert_array_equal(own.vector, grads.vector)
    assert net.penalized_loss(X, y, passes) == pytest.approx(loss, rel=1e-6)


def test_a_training_loss_is_the_loss_without_dropout_and_penalty():
    X, y = rows(), labels()
    expected = a_net(dtype=np.float64, normalization=[True, True]).loss(X, y)[0]
    net = a_net(dropout=0.5, input_dropout=0.5, reg=1.0, normalization=[True, True])
    assert net.training_losses(X, y) == pytest.approx([expected], rel=1e-5)


# Passes at test time


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("layout", [np.asarray, csr_array])
def test_a_pass_over_few_rows_is_what_the_network_returns(n_members, layout):
    net, X = a_net(n_members=n_members, dropout=0.3, input_dropout=0.2), layout(rows())
    passes = net.test_passes(X.dtype)
    assert (passes.chunk, passes.dtype, passes.width) == (CHUNK, np.float32, C)
    np.testing.assert_array_equal(passes(X), net.member_scores(X), strict=True)
    for layer in (0, 1, -1):
        passes = net.test_passes(X.dtype, layer=layer)
        activations = np.hstack(passes(X))
        np.testing.assert_array_equal(activations, net.hidden(X, layer), strict=True)


def test_one_object_takes_dense_and_sparse_rows_of_any_dtype():
    net = a_net()
    passes = net.test_passes(np.float64)
    for x in (rows(), csr_array(rows(4)), rows(9, int), csr_array(rows(2))):
        scores = passes(x).copy()
        assert scores.dtype == np.float64
        x = x.astype(np.float64)
        np.testing.assert_allclose(scores, net.member_scores(x), rtol=1e-12)


@pytest.mark.parametrize("n_members", [1, 3])
def test_gradients_of_few_rows_come_with_their_scores(n_members):
    net, X = a_net(n_members=n_members, normalization=[True, True]), rows()
    passes = net.test_passes(X.dtype)
    scores, gradients = passes.gradients(X)
    assert scores.shape == (6, C)
    np.testing.assert_array_equal(scores, net.scores(X), strict=True)
    np.testing.assert_array_equal(gradients, net.input_gradients(X), strict=True)
    np.testing.assert_array_equal(passes.gradients(X)[1], gradients)


def test_rows_of_wide_networks_are_taken_in_smaller_chunks():
    n_bins = 4 * CHUNK_SIZE // CHUNK
    bins = {"column": np.zeros(n_bins, int), "left": np.arange(n_bins)}
    ple = Block("ple", (0, 1), bins | {"slope": np.ones(n_bins)})
    for net in (a_net(blocks=[ple]), a_net(hidden_dims=[n_bins])):
        assert net.test_passes(np.float32).chunk == CHUNK // 4
        passes = a_net(blocks=[LINEAR]).test_passes(np.float32)
        assert passes.chunk == CHUNK


@pytest.mark.parametrize("layer", [2, -3, 0.0, "last"])
def test_passes_to_layers_that_there_are_not_are_refused(layer):
    with pytest.raises(ValueError, match=r"one of the 2 hidden layers, got "):
        a_net().test_passes(np.float32, layer=layer)


def test_passes_ignore_underflow():
    net = a_net()
    net.params["W1"] = 1e-30
    passes = net.test_passes(np.float32)
    with np.errstate(all="raise"):
        assert np.isfinite(passes(1e-20 * rows())).all()
        assert np.isfinite(passes.gradients(1e-20 * rows())[1]).all()


# How deep the calls are


def frames_to_affine_forward(function):
    """Return how many frames of Python there are from a function to the first layer."""
    depths, depth = [], 0

    def note(frame, event, _):
        nonlocal depth
        if event == "call":
            depth += 1
            if frame.f_code.co_name == "affine_forward":
                depths.append(depth)
        elif event == "return":
            depth -= 1

    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return depths[0]


def test_few_frames_lie_between_an_epoch_and_its_matrix_products():
    data = {"X_train": rows(20), "y_train": labels(20)}
    solver = Solver(a_net(), data, verbose=False, random_state=0)
    assert frames_to_affine_forward(solver.train_epoch) <= 5


def test_few_frames_lie_between_a_prediction_and_its_matrix_products():
    passes = a_net().test_passes(np.float32)
    assert frames_to_affine_forward(lambda: passes(rows())) <= 1 + 3
