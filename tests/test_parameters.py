import copy
import pickle

import joblib
import numpy as np
import pytest

from scaffolding import COPIES, FLOATS, through_a_memory_map
from skfcnet._engine.parameters import ParameterList, Parameters, ParamSpec, Zone

SPECS = (
    ParamSpec("W1", (3, 4), Zone.WEIGHT),
    ParamSpec("b1", (4,), Zone.BIAS, 0.0),
    ParamSpec("gamma1", (4,), Zone.BIAS, 1.0),
    ParamSpec("running_mean1", (4,), Zone.STATE, 0.0),
    ParamSpec("W2", (4, 2), Zone.WEIGHT),
    ParamSpec("b2", (2,), Zone.BIAS, 0.0),
)


def filled(dtype=np.float32):
    params = Parameters(SPECS, dtype=dtype)
    params.vector[...] = np.arange(len(params.vector))
    return params


def every_array(params):
    return dict(params) | dict(params.state)


def assert_live(params):
    """Assert that every array and slice still is a view of the vector."""
    for array in (*every_array(params).values(), params.trainable, params.decayed):
        assert np.shares_memory(array, params.vector)
    params.vector[...] = 5
    assert all((array == 5).all() for array in every_array(params).values())
    params["W2"] = 6
    params.state["running_mean1"] = 7
    assert (params.vector == 6).sum() == 8
    assert (params.vector == 7).sum() == 4
    assert (params.trainable == 7).sum() == 0


@pytest.mark.parametrize("dtype", FLOATS)
def test_arrays_are_views_of_one_vector(dtype):
    params = filled(dtype)
    assert params.vector.ndim == 1
    assert len(params.vector) == sum(a.size for a in every_array(params).values())
    assert {a.dtype for a in every_array(params).values()} == {np.dtype(dtype)}
    assert {name: a.shape for name, a in every_array(params).items()} == {
        spec.name: spec.shape for spec in SPECS
    }
    assert_live(params)


def test_no_two_arrays_overlap():
    arrays = every_array(filled())
    together = np.concatenate([array.ravel() for array in arrays.values()])
    np.testing.assert_array_equal(np.sort(together), np.arange(len(together)))


def test_assigning_copies_into_place():
    params, value = filled(), np.full((3, 4), 99.0)
    view = params["W1"]
    params["W1"] = value
    value[...] = -1
    assert params["W1"] is view
    assert (view == 99).all()
    assert (params.vector == 99).sum() == 12
    params["b1"] = 4.5
    assert (params["b1"] == 4.5).all()


def test_assigning_another_shape_or_name_is_refused():
    params = filled()
    with pytest.raises(ValueError, match="broadcast"):
        params["W1"] = np.zeros((4, 3))
    with pytest.raises(KeyError, match="W9"):
        params["W9"] = 0.0


def test_iterates_the_trainable_arrays_in_the_order_declared():
    params = filled()
    assert list(params) == ["W1", "b1", "gamma1", "W2", "b2"]
    assert len(params) == 5
    assert "running_mean1" not in params
    assert list(params.state) == ["running_mean1"]


def test_zones_are_slices():
    params = filled()
    weights = [params["W1"], params["W2"]]
    biases = [params["b1"], params["gamma1"], params["b2"]]
    state = [params.state["running_mean1"]]

    def joined(arrays):
        return np.concatenate([array.ravel() for array in arrays])

    np.testing.assert_array_equal(params.decayed, joined(weights))
    np.testing.assert_array_equal(params.trainable, joined(weights + biases))
    np.testing.assert_array_equal(params.vector, joined(weights + biases + state))


def test_the_vector_cannot_be_rebound():
    params = filled()
    with pytest.raises(AttributeError):
        params.vector = np.zeros(len(params.vector), np.float32)


def test_a_checkpoint_is_a_copy_of_the_vector():
    params = filled()
    kept = {name: array.copy() for name, array in every_array(params).items()}
    checkpoint = params.vector.copy()
    params.vector[...] = -1
    params.vector[...] = checkpoint
    for name, array in every_array(params).items():
        np.testing.assert_array_equal(array, kept[name])


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_copies_keep_values_and_views_and_share_nothing(copied, dtype, tmp_path):
    params = filled(dtype)
    other = copied(params, tmp_path / "params.joblib")
    np.testing.assert_array_equal(other.vector, params.vector, strict=True)
    assert list(other) == list(params)
    assert not np.shares_memory(other.vector, params.vector)
    assert other.vector.flags.writeable
    assert_live(other)
    np.testing.assert_array_equal(params.vector, np.arange(len(params.vector)))


def test_a_loaded_memory_map_leaves_its_file_alone(tmp_path):
    params = through_a_memory_map(filled(), tmp_path / "params.joblib")
    params.vector[...] = 0
    again = joblib.load(tmp_path / "params.joblib")
    np.testing.assert_array_equal(again.vector, filled().vector)


def test_repr_lists_names_and_shapes():
    assert repr(filled()).startswith("Parameters(W1: (3, 4), b1: (4,), gamma1: (4,)")


def test_conversions_are_kept_until_somebody_writes():
    params = Parameters(SPECS)
    assert params.converted(np.float32) is params
    first = params.converted(np.float64)
    assert first["W1"].dtype == np.float64
    assert params.converted(np.float64) is not first
    params.is_settled = True
    kept = params.converted(np.float64)
    assert params.converted(np.float64) is kept
    params["W1"] = 7.0
    np.testing.assert_array_equal(params.converted(np.float64)["W1"], 7)
    ParameterList("coefs_", [params["W1"]], params)[0] = np.full((3, 4), 8.0)
    np.testing.assert_array_equal(params.converted(np.float64)["W1"], 8)


def test_copies_are_settled():
    params = Parameters(SPECS)
    params.is_settled = True
    copied = copy.deepcopy(params)
    assert copied.is_settled
    assert copied.converted(np.float64) is copied.converted(np.float64)


def weights_of(params):
    return ParameterList("coefs_", [params["W1"], params["W2"]], params)


def test_arrays_in_a_list_are_read_only_but_can_be_assigned_to():
    params = filled()
    weights = weights_of(params)
    with pytest.raises(ValueError, match="read-only"):
        weights[0][...] = 0
    weights[0] = np.zeros((3, 4))
    weights[-1] = np.full((4, 2), 2)
    np.testing.assert_array_equal(params["W1"], 0)
    np.testing.assert_array_equal(weights[1], 2)
    weights[:] = [w + 1 for w in weights]
    np.testing.assert_array_equal(params["W1"], 1)
    np.testing.assert_array_equal(params["W2"], 3)
    assert_live(params)


@pytest.mark.parametrize(
    ("index", "values", "message"),
    [
        (0, np.zeros((4, 3)), r"coefs_\[0\] takes .*shape \(3, 4\).*\(4, 3\)"),
        (-1, 0.0, r"coefs_\[1\] takes"),
        (0, np.full((3, 4), np.nan), r"coefs_\[0\] takes .*finite"),
        (0, np.full((3, 4), 1e300), r"coefs_\[0\] takes .*finite in float32"),
        (0, np.full((3, 4), 1j), r"coefs_\[0\] takes .*finite in float32.*complex128"),
        (slice(None), [np.zeros((3, 4))], "coefs_ takes 2 arrays, got 1"),
        (slice(None), [np.zeros((3, 4)), np.zeros(2)], r"coefs_\[1\] takes"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_copied(index, values, message):
    params = filled()
    with pytest.raises(ValueError, match=message):
        weights_of(params)[index] = values
    np.testing.assert_array_equal(params.vector, filled().vector)
    with pytest.raises(IndexError):
        weights_of(params)[2] = np.zeros(2)
    with pytest.raises(
        TypeError, match="coefs_ takes a list of arrays, got a NoneType"
    ):
        weights_of(params)[:] = None


def test_a_list_of_arrays_keeps_its_length_and_order():
    params = filled()
    weights = weights_of(params)
    for change in (
        lambda: weights.append(weights[0]),
        lambda: weights.extend(weights),
        lambda: weights.insert(0, weights[1]),
        lambda: weights.pop(),
        lambda: weights.clear(),
        lambda: weights.reverse(),
        lambda: weights.__delitem__(0),
        lambda: weights.__iadd__([weights[0]]),
    ):
        with pytest.raises(TypeError, match="coefs_ has one array for each layer"):
            change()
    assert len(weights) == 2
    list(weights).append(0)


def test_copies_of_a_list_are_plain_lists_of_arrays_of_their_own():
    params = filled()
    weights = weights_of(params)
    for copied in (copy.deepcopy(weights), pickle.loads(pickle.dumps(weights))):
        assert type(copied) is list
        copied[0][...] = -1
        np.testing.assert_array_equal(params.vector, filled().vector)
    assert type(weights + weights) is list
