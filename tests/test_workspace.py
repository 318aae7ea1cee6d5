import numpy as np
import pytest

from skfcnet._engine.workspace import Workspace


@pytest.mark.parametrize("shape", [(5, 3), (7,), (2, 3, 4), (0, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, bool])
def test_hands_out_the_shape_and_dtype_asked_for(shape, dtype):
    array = Workspace()("a", shape, dtype)
    assert (array.shape, array.dtype) == (shape, dtype)
    assert array.flags.c_contiguous
    assert array.flags.writeable


def test_the_same_name_is_the_same_memory():
    workspace = Workspace()
    first = workspace("a", (4, 3), np.float32)
    first[...] = 7
    np.testing.assert_array_equal(workspace("a", (4, 3), np.float32), 7)


def test_a_short_batch_shares_the_memory_of_a_full_one():
    workspace = Workspace()
    full = workspace("a", (128, 20), np.float32)
    short = workspace("a", (28, 20), np.float32)
    assert short.shape == (28, 20)
    assert short.flags.c_contiguous
    assert np.shares_memory(full, short)
    assert np.shares_memory(full, workspace("a", (128, 20), np.float32))


def test_grows_for_a_larger_batch_and_stays_grown():
    workspace = Workspace()
    small = workspace("a", (10, 2), np.float32)
    large = workspace("a", (100, 2), np.float32)
    assert large.shape == (100, 2)
    assert not np.shares_memory(small, large)
    assert np.shares_memory(workspace("a", (10, 2), np.float32), large)


def test_names_dtypes_and_scopes_do_not_overlap():
    workspace = Workspace()
    arrays = [
        workspace("a", (6,), np.float32),
        workspace("b", (6,), np.float32),
        workspace("a", (6,), np.float64),
        workspace("a", (6,), bool),
        workspace.scope("one")("a", (6,), np.float32),
        workspace.scope("two")("a", (6,), np.float32),
        workspace.scope("one").scope("one")("a", (6,), np.float32),
        Workspace()("a", (6,), np.float32),
    ]
    for i, array in enumerate(arrays):
        assert not any(np.shares_memory(array, other) for other in arrays[:i])


def test_a_scope_is_the_same_one_each_time():
    workspace = Workspace()
    array = workspace.scope("one")("a", (6,), np.float32)
    assert np.shares_memory(workspace.scope("one")("a", (6,), np.float32), array)


def test_growing_one_name_leaves_the_others_alone():
    workspace = Workspace()
    kept = workspace("kept", (3,), np.float32)
    kept[...] = 5
    workspace("a", (10,), np.float32)
    workspace("a", (1000,), np.float32)
    np.testing.assert_array_equal(workspace("kept", (3,), np.float32), 5)
