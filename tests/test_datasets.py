import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import fetch_california_housing as fetch_from_scikit_learn
from sklearn.preprocessing import StandardScaler

from skfcnet.datasets import fetch_california_housing, fetch_mnist

PARTS = ("train", "val", "test")
TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
IDX_FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
REAL_ONLY = pytest.mark.data


def write_idx(path, array):
    header = np.array([0x0800 + array.ndim, *array.shape], ">i4")
    path.write_bytes(header.tobytes() + array.tobytes())


@pytest.fixture
def handmade_mnist(tmp_path):
    """Return a folder with MNIST's files, for images of 2 x 3 pixels."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for n, images, labels in (
        (10_007, TRAIN_IMAGES, TRAIN_LABELS),
        (5, TEST_IMAGES, TEST_LABELS),
    ):
        write_idx(raw / images, rng.integers(256, size=(n, 2, 3), dtype=np.uint8))
        write_idx(raw / labels, rng.integers(10, size=n, dtype=np.uint8))
    return tmp_path


@pytest.fixture(params=["handmade_mnist", pytest.param("data_folder", marks=REAL_ONLY)])
def mnist_home(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def no_torchvision(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)


def read_raw(home):
    """Return MNIST's pixels and labels, as they are in the files."""
    raw = home / "MNIST" / "raw"
    _, _, height, width = np.fromfile(raw / TRAIN_IMAGES, ">i4", count=4)
    images = (
        np.fromfile(raw / name, np.uint8, offset=16).reshape(-1, height * width)
        for name in (TRAIN_IMAGES, TEST_IMAGES)
    )
    labels = (
        np.fromfile(raw / name, np.uint8, offset=8)
        for name in (TRAIN_LABELS, TEST_LABELS)
    )
    return *images, *labels


@REAL_ONLY
@pytest.mark.parametrize(
    ("part", "class_counts"),
    [
        ("train", [4932, 5678, 4968, 5101, 4859, 4506, 4951, 5175, 4842, 4988]),
        ("val", [991, 1064, 990, 1030, 983, 915, 967, 1090, 1009, 961]),
        ("test", [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ],
)
def test_mnist_has_the_published_sizes_and_class_counts(mnist, part, class_counts):
    X, y = mnist[f"X_{part}"], mnist[f"y_{part}"]
    assert X.shape == (sum(class_counts), 784)
    assert y.shape == (sum(class_counts),)
    assert y.dtype.kind == "i"
    np.testing.assert_array_equal(np.bincount(y), class_counts)


def test_mnist_validation_rows_are_the_last_10_000_training_rows(mnist_home):
    images, test_images, labels, test_labels = read_raw(mnist_home)
    data = fetch_mnist(data_home=mnist_home, normalize=False)
    for part, X, y in (
        ("train", images[:-10_000], labels[:-10_000]),
        ("val", images[-10_000:], labels[-10_000:]),
        ("test", test_images, test_labels),
    ):
        np.testing.assert_array_equal(data[f"X_{part}"], X)
        np.testing.assert_array_equal(data[f"y_{part}"], y)
        assert data[f"X_{part}"].dtype == np.uint8
        assert data[f"y_{part}"].dtype.kind == "i"


def test_mnist_pixels_are_scaled_and_centred_by_training_rows_only(mnist_home):
    images, test_images, _, _ = read_raw(mnist_home)
    train_mean = images[:-10_000].mean(axis=0) / 255
    data = fetch_mnist(data_home=mnist_home)
    for part, raw in (
        ("train", images[:-10_000]),
        ("val", images[-10_000:]),
        ("test", test_images),
    ):
        X = data[f"X_{part}"]
        assert X.dtype == np.float32
        assert X.shape == raw.shape
        expected = raw[::7] / 255 - train_mean
        np.testing.assert_allclose(X[::7], expected, atol=1e-6)


def test_mnist_as_frame_holds_the_same_numbers(handmade_mnist):
    arrays = fetch_mnist(data_home=handmade_mnist)
    frames = fetch_mnist(data_home=handmade_mnist, as_frame=True)
    for part in PARTS:
        X, y = frames[f"X_{part}"], frames[f"y_{part}"]
        assert isinstance(X, pd.DataFrame)
        assert isinstance(y, pd.Series)
        assert list(X.columns) == frames.feature_names
        np.testing.assert_array_equal(X, arrays[f"X_{part}"])
        np.testing.assert_array_equal(y, arrays[f"y_{part}"])


def test_mnist_on_disk_is_read_without_importing_torchvision(handmade_mnist, tmp_path):
    (tmp_path / "torchvision.py").touch()  # importable, whatever is installed
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from skfcnet.datasets import fetch_mnist
fetch_mnist(data_home={str(handmade_mnist)!r})
print("torchvision" in sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"


@pytest.mark.parametrize("missing", IDX_FILES)
def test_missing_mnist_without_torchvision_says_what_to_do(
    handmade_mnist, no_torchvision, missing
):
    raw = handmade_mnist / "MNIST" / "raw"
    (raw / missing).unlink()
    with pytest.raises(ImportError) as caught:
        fetch_mnist(data_home=handmade_mnist)
    message = str(caught.value)
    for advice in (str(raw), "data_home", "SKFCNET_DATA", "pip install torchvision"):
        assert advice in message


@pytest.mark.parametrize(
    "failure", [RuntimeError("Error downloading"), URLError("no network")]
)
def test_mnist_that_cannot_be_downloaded_raises_oserror(monkeypatch, tmp_path, failure):
    def download_fails(root, download):
        assert Path(root) == tmp_path  # torchvision adds MNIST/raw to it
        assert download
        raise failure

    fake = SimpleNamespace(datasets=SimpleNamespace(MNIST=download_fails))
    monkeypatch.setitem(sys.modules, "torchvision", fake)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", fake.datasets)
    with pytest.raises(OSError, match="data_home") as caught:
        fetch_mnist(data_home=tmp_path)
    assert str(tmp_path / "MNIST" / "raw") in str(caught.value)
    assert str(failure) in str(caught.value)


@pytest.mark.parametrize("n_bytes", [0, 3, 4, 9, 100])
@pytest.mark.parametrize("damaged", [TRAIN_IMAGES, TEST_LABELS])
def test_truncated_mnist_file_is_named(handmade_mnist, damaged, n_bytes):
    path = handmade_mnist / "MNIST" / "raw" / damaged
    path.write_bytes(path.read_bytes()[: min(n_bytes, path.stat().st_size - 1)])
    with pytest.raises(OSError, match="delete it") as caught:
        fetch_mnist(data_home=handmade_mnist)
    assert str(path) in str(caught.value)


def test_mnist_files_of_different_sizes_are_named(handmade_mnist):
    raw = handmade_mnist / "MNIST" / "raw"
    write_idx(raw / TEST_LABELS, np.zeros(4, np.uint8))
    with pytest.raises(OSError, match="do not belong together: delete them") as caught:
        fetch_mnist(data_home=handmade_mnist)
    assert str(raw) in str(caught.value)


@pytest.mark.parametrize("content", [b"<html>Not found</html>", b"\x1f\x8b\x08 gzip"])
def test_mnist_file_of_another_format_is_named(handmade_mnist, content):
    path = handmade_mnist / "MNIST" / "raw" / TRAIN_IMAGES
    path.write_bytes(content)
    with pytest.raises(OSError, match=TRAIN_IMAGES):
        fetch_mnist(data_home=handmade_mnist)


def test_mnist_is_found_through_the_environment_variable(monkeypatch, handmade_mnist):
    monkeypatch.setenv("SKFCNET_DATA", str(handmade_mnist))
    assert fetch_mnist().X_train.shape == (7, 6)


def test_mnist_is_found_in_the_data_home_of_scikit_learn(monkeypatch, handmade_mnist):
    monkeypatch.delenv("SKFCNET_DATA", raising=False)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(handmade_mnist))
    assert fetch_mnist().X_train.shape == (7, 6)


@pytest.mark.parametrize("as_type", [str, lambda path: path])
def test_mnist_data_home_wins_over_the_environment_variable(
    monkeypatch, handmade_mnist, as_type
):
    monkeypatch.setenv("SKFCNET_DATA", str(handmade_mnist / "nothing here"))
    data = fetch_mnist(data_home=as_type(handmade_mnist))
    assert data.X_train.shape == (7, 6)


def test_as_frame_without_pandas_says_how_to_get_it(monkeypatch, handmade_mnist):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        fetch_mnist(data_home=handmade_mnist, as_frame=True)


@pytest.fixture
def california_home(data_folder):
    return data_folder / "scikit_learn_data"


@pytest.fixture
def offline(monkeypatch):
    def unreachable(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def rows_of(data, part):
    return np.column_stack([data[f"X_{part}"], data[f"y_{part}"]])


def in_order(rows):
    return rows[np.lexsort(rows.T)]


@REAL_ONLY
@pytest.mark.parametrize(
    ("part", "n_rows"), [("train", 15_640), ("val", 2_500), ("test", 2_500)]
)
def test_california_has_the_promised_sizes(california, part, n_rows):
    assert california[f"X_{part}"].shape == (n_rows, 8)
    assert california[f"y_{part}"].shape == (n_rows,)


@REAL_ONLY
def test_california_uses_every_row_of_the_source_exactly_once(california_home):
    source = fetch_from_scikit_learn(
        data_home=california_home, download_if_missing=False
    )
    data = fetch_california_housing(data_home=california_home, normalize=False)
    rows = np.concatenate([rows_of(data, part) for part in PARTS])
    expected = np.column_stack([source.data, source.target])
    np.testing.assert_array_equal(in_order(rows), in_order(expected))
    assert data.feature_names == source.feature_names


@REAL_ONLY
def test_california_training_features_have_mean_0_and_standard_deviation_1(california):
    np.testing.assert_allclose(california.X_train.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(california.X_train.std(axis=0), 1, rtol=1e-10)


@REAL_ONLY
def test_california_is_standardised_by_training_statistics(california, california_home):
    raw = fetch_california_housing(data_home=california_home, normalize=False)
    scaler = StandardScaler().fit(raw.X_train)
    for part in PARTS:
        np.testing.assert_allclose(
            california[f"X_{part}"], scaler.transform(raw[f"X_{part}"]), atol=1e-10
        )
        np.testing.assert_array_equal(california[f"y_{part}"], raw[f"y_{part}"])


@REAL_ONLY
def test_california_split_is_that_of_its_seed(california, california_home):
    again = fetch_california_housing(data_home=california_home, random_state=0)
    other = fetch_california_housing(data_home=california_home, random_state=1)
    for part in PARTS:
        rows = rows_of(california, part)
        np.testing.assert_array_equal(rows_of(again, part), rows)
        assert not np.array_equal(
            np.sort(other[f"y_{part}"]), np.sort(california[f"y_{part}"])
        )


@REAL_ONLY
def test_california_rows_are_shuffled(california, california_home):
    source = fetch_from_scikit_learn(
        data_home=california_home, download_if_missing=False
    )
    assert not np.array_equal(california.y_train, source.target[:15_640])


@REAL_ONLY
def test_california_as_frame_holds_the_same_numbers(california, california_home):
    frames = fetch_california_housing(data_home=california_home, as_frame=True)
    for part in PARTS:
        X, y = frames[f"X_{part}"], frames[f"y_{part}"]
        assert isinstance(X, pd.DataFrame)
        assert isinstance(y, pd.Series)
        assert list(X.columns) == california.feature_names
        np.testing.assert_array_equal(X, california[f"X_{part}"])
        np.testing.assert_array_equal(y, california[f"y_{part}"])


@REAL_ONLY
def test_california_is_found_through_the_environment_variable(
    monkeypatch, california, data_folder, offline
):
    monkeypatch.setenv("SKFCNET_DATA", str(data_folder))
    data = fetch_california_housing()
    np.testing.assert_array_equal(data.X_train, california.X_train)


@REAL_ONLY
def test_california_data_home_wins_over_the_environment_variable(
    monkeypatch, california, california_home, tmp_path, offline
):
    monkeypatch.setenv("SKFCNET_DATA", str(tmp_path))
    data = fetch_california_housing(data_home=california_home)
    np.testing.assert_array_equal(data.X_train, california.X_train)


@pytest.mark.filterwarnings("ignore:Retry downloading")
def test_missing_california_offline_says_what_to_do(offline, tmp_path):
    with pytest.raises(OSError, match="could not be downloaded") as caught:
        fetch_california_housing(data_home=tmp_path)
    message = str(caught.value)
    for advice in (str(tmp_path), "no network", "data_home", "cal_housing_py3.pkz"):
        assert advice in message
