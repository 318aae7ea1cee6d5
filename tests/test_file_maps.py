"""Models whose arrays are mapped from their file: the same models in shared memory."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skfcnet
from scaffolding import KINDS, any_solver, assert_same, data_of, short_fits
from skfcnet import FCNetTransformer, files
from skfcnet.network import FullyConnectedNet

pytest.importorskip("skops.io", reason="files need the extra 'files'")
from skfcnet.files import ModelFileError

pytestmark = [short_fits, any_solver]

GOLDEN = Path(__file__).parent / "golden"


def mapped(model, path, **options):
    skfcnet.save(model, path)
    return skfcnet.load(path, mmap_mode="c", **options)


def is_mapped(array):
    """Return whether an array lies in a map of a file."""
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, memoryview | files.mmap)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


# The same models


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "settings",
    [
        {"n_members": "auto", "early_stopping": "auto", "linear_term": True},
        {"normalization": "batch", "dropout": 0.1, "solver": "sgd"},
        {"numeric_embedding": "pbld", "dtype": "float64"},
    ],
    ids=["default", "batch", "pbld"],
)
def test_predictions_and_further_training_are_the_same_to_the_bit(kind, settings, path):
    model, X, y = data_of(kind)
    model.set_params(**settings).fit(X, y)
    first = {"classes": model.classes_} if is_classifier(model) else {}
    if settings.get("linear_term") is None:
        model.partial_fit(X, y, **first)
    loaded = mapped(model, path)
    assert is_mapped(loaded.coefs_[0])
    assert_same(loaded, model, X)
    content = path.read_bytes()
    if settings.get("linear_term") is None:
        for _ in range(2):
            assert_same(loaded.partial_fit(X, y), model.partial_fit(X, y), X)
        assert not is_mapped(loaded.coefs_[0])
    assert_same(loaded.fit(X, y), model.fit(X, y), X)
    assert path.read_bytes() == content


def test_models_of_several_steps_are_mapped(path):
    net, X, y = data_of("multiclass")
    model = make_pipeline(StandardScaler(), FCNetTransformer(net), LogisticRegression())
    loaded = mapped(model.fit(X, y), path)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert is_mapped(loaded[0].mean_) and is_mapped(loaded[1].estimator_.coefs_[0])


def test_a_network_that_is_mapped_can_be_trained(path):
    net = FullyConnectedNet("regression", [5], [True], 3, 1, random_state=0)
    loaded, content = mapped(net, path), path.read_bytes()
    X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    data = {"X_train": X, "y_train": X[:, 0]}
    for each in (net, loaded):
        skfcnet.solver.Solver(each, data, random_state=0).train_epoch()
    np.testing.assert_array_equal(loaded.params.vector, net.params.vector)
    assert is_mapped(loaded.params.vector)
    assert path.read_bytes() == content


ARRAYS = {
    "numbers": np.arange(7, dtype=">i2"),
    "by columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "dates": np.array(["2024-01-01", "NaT"], "M8[D]"),
    "words": np.array(["a", "words"]),
    "records": np.array([(1, 2.0)], [("a", "i1"), ("b", "f8")]),
    "empty": np.zeros((0, 3)),
    "without axes": np.array(5.0),
    "objects": np.array([1, "a", None], object),
}


@pytest.mark.parametrize("alignment", [1, files.ALIGNMENT])
@pytest.mark.parametrize("name", ARRAYS)
def test_every_array_is_loaded(name, alignment, path, monkeypatch):
    monkeypatch.setattr(files, "ALIGNMENT", alignment)  # files of earlier versions
    array = ARRAYS[name]
    odd = np.int8([1])  # behind which others are not aligned
    _, found, again, number = mapped([odd, array, array, np.float64(3.5)], path)
    np.testing.assert_array_equal(found, array, strict=True)
    assert found.flags.f_contiguous == array.flags.f_contiguous
    assert found.flags.aligned and found.flags.writeable
    assert found is again
    assert type(number) is np.float64 and number == 3.5
    if alignment > 1:
        assert is_mapped(found) == (name not in ("empty", "objects"))


@pytest.mark.filterwarnings("ignore:.*was saved with:UserWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_files_of_format_1_that_are_not_aligned_are_loaded(name):
    file = GOLDEN / f"format_1_{name}.skops"
    rows = np.linspace(-2, 2, 12).reshape(6, 2)
    assert_same(skfcnet.load(file, mmap_mode="c"), skfcnet.load(file), rows)


# What is written to a model, and to its file


def test_what_is_assigned_reaches_neither_the_file_nor_other_models(path):
    model, X, y = data_of("regression")
    loaded, other = mapped(model.fit(X, y), path), skfcnet.load(path, mmap_mode="c")
    content = path.read_bytes()
    loaded.intercepts_[-1] = loaded.intercepts_[-1] + 1
    assert (loaded.predict(X) > model.predict(X)).all()
    assert_same(other, model, X)
    assert path.read_bytes() == content


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps files that are mapped")
def test_a_model_outlives_its_file(path):
    model, X, y = data_of("regression")
    loaded = mapped(model.fit(X, y), path)
    skfcnet.save(StandardScaler(), path)
    assert_same(loaded, model, X)
    path.unlink()
    assert_same(loaded, model, X)


def test_copies_of_a_mapped_model_do_not_need_the_file(path):
    model, X, y = data_of("multiclass")
    loaded = mapped(model.fit(X, y), path)
    joblib.dump(loaded, path.with_suffix(".joblib"))
    copies = [
        copy.deepcopy(loaded),
        pickle.loads(pickle.dumps(loaded)),
        joblib.load(path.with_suffix(".joblib")),
        mapped(loaded, path.with_name("another.skops")),
    ]
    for copied in copies[:3]:
        assert not is_mapped(copied.coefs_[0])
    for copied in copies:
        assert_same(copied, model, X)


# What is refused


@pytest.mark.parametrize("mode", ["r", "r+", "w+", True, "yes"])
def test_other_modes_are_refused(mode, path):
    with pytest.raises(ValueError, match=r"mmap_mode must be None or 'c'.*got"):
        mapped(StandardScaler(), path) and skfcnet.load(path, mmap_mode=mode)


def test_damaged_files_are_refused(path):
    model, X, y = data_of("regression")
    skfcnet.save(model.fit(X, y), path)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(8 * len(content), size=100):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.with_name("a").write_bytes(damaged)
        with pytest.raises(ModelFileError, match="/a'"):
            skfcnet.load(path.with_name("a"), mmap_mode="c")
    for length in [0, 1, 100, *range(200, len(content), 500), len(content) - 1]:
        path.with_name("a").write_bytes(content[:length])
        with pytest.raises(ModelFileError, match="/a'"):
            skfcnet.load(path.with_name("a"), mmap_mode="c")


def test_types_that_nobody_trusts_are_refused(path):
    skfcnet.save([FunctionTransformer(np.flip), np.eye(2)], path)
    with pytest.raises(TypeError, match=r"\['numpy\.flip'\]"):
        skfcnet.load(path, mmap_mode="c")
    loaded, _ = skfcnet.load(path, mmap_mode="c", trusted=["numpy.flip"])
    assert loaded.func is np.flip


# What is shared

MEMORY_OF_A_MODEL = """
import sys
import numpy as np
import skfcnet
skfcnet.load(sys.argv[2]).predict(np.ones((1, 8), np.float32))  # loads all modules

def own_bytes():
    with open("/proc/self/smaps_rollup") as lines:
        return sum(int(line.split()[1]) << 10 for line in lines if "Anonymous" in line)

before = own_bytes()
model = skfcnet.load(sys.argv[1], mmap_mode={"c": "c"}.get(sys.argv[3]))
prediction = model.predict(np.ones((1, 8), np.float32))
print(own_bytes() - before, float(prediction[0]).hex())
"""


@pytest.mark.skipif(
    not os.path.exists("/proc/self/smaps_rollup"), reason="needs Linux to tell memory"
)
def test_processes_share_the_memory_of_a_mapped_model(path):
    model, X, y = data_of("regression", n_features=8)
    small = path.with_name("small.skops")
    skfcnet.save(model.fit(X, y), small)
    model.set_params(hidden_layer_sizes=(2000, 2000), learning_rate_init=1e-5)
    model.set_params(max_iter=1).fit(X, y)
    skfcnet.save(model, path)
    own = {}
    for mode in ("c", "None"):
        run = subprocess.run(
            [sys.executable, "-c", MEMORY_OF_A_MODEL, path, small, mode],
            capture_output=True,
            text=True,
            check=True,
        )
        own[mode], prediction = run.stdout.split()
        expected = model.predict(np.ones((1, 8), np.float32))[0]
        assert float.fromhex(prediction) == expected
    size = sum(array.nbytes for array in model.coefs_)
    assert int(own["c"]) < size / 4
    assert int(own["None"]) > size
