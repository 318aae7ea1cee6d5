"""Real data, split and normalised: MNIST digits and California housing.

The ``fetch_`` functions download missing data once, and then read them from disk. The
folder of the data is the argument ``data_home``, or else given by the environment
variable ``SKFCNET_DATA``, or else scikit-learn's own data home.
"""

import os
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import fetch_california_housing as fetch_from_scikit_learn
from sklearn.datasets import get_data_home
from sklearn.utils import Bunch, check_random_state

MNIST_FILES = {
    "X_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "X_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
MNIST_VALIDATION = 10_000
CALIFORNIA_VALIDATION = CALIFORNIA_TEST = 2_500


def fetch_mnist(
    *,
    data_home: str | PathLike[str] | None = None,
    normalize: bool = True,
    as_frame: bool = False,
) -> Bunch:
    """Load the MNIST handwritten digits [1]_.

    If the files are missing, torchvision downloads them.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder that contains ``MNIST/raw``. None stands for the folder that the
        environment variable ``SKFCNET_DATA`` names, or else for scikit-learn's data
        home.

    normalize : bool, default=True
        Whether to scale the pixels to [0, 1] and to subtract the mean of each pixel
        over the training set (float32). Otherwise, pixels are integers from 0 to 255
        (uint8).

    as_frame : bool, default=False
        Whether to return data frames and series of pandas.

    Returns
    -------
    data : Bunch
        The data: ``X_train`` of shape (50000, 784), ``X_val`` and ``X_test`` of shape
        (10000, 784), with ``y_train``, ``y_val`` and ``y_test``, the digits from 0 to
        9. The validation set is the last 10,000 rows of MNIST's training set.
        ``feature_names`` are the names of the pixels.

    Raises
    ------
    ImportError
        If the files are missing and torchvision is not installed, or if pandas is not
        installed and ``as_frame=True``.

    OSError
        If the files can neither be read nor downloaded.

    References
    ----------
    .. [1] LeCun, Y., Bottou, L., Bengio, Y., Haffner, P., "Gradient-Based Learning
       Applied to Document Recognition", Proceedings of the IEEE 86, 1998.

    Examples
    --------
    >>> from skfcnet.datasets import fetch_mnist
    >>> data = fetch_mnist()  # doctest: +SKIP
    >>> data.X_train.shape  # doctest: +SKIP
    (50000, 784)
    """
    raw = _home_of("mnist", data_home) / "MNIST" / "raw"
    if not all((raw / name).is_file() for name in MNIST_FILES.values()):
        _download_mnist(raw)
    arrays = {part: _read_idx(raw / name) for part, name in MNIST_FILES.items()}
    for part in ("X_train", "X_test"):
        if len(arrays[part]) != len(arrays[part.replace("X", "y")]):
            raise OSError(f"The files in {raw} do not belong together: delete them.")
        arrays[part] = arrays[part].reshape(len(arrays[part]), -1)
    for part in ("y_train", "y_test"):
        arrays[part] = arrays[part].astype(np.int64)
    for part in ("X", "y"):
        rows = arrays[f"{part}_train"]
        arrays[f"{part}_train"] = rows[:-MNIST_VALIDATION]
        arrays[f"{part}_val"] = rows[-MNIST_VALIDATION:]
    if normalize:
        scaled = {part: arrays[part].astype(np.float32) / 255 for part in _X_PARTS}
        mean = scaled["X_train"].mean(axis=0, dtype=np.float64).astype(np.float32)
        arrays |= {part: X - mean for part, X in scaled.items()}
    names = [f"pixel{i}" for i in range(arrays["X_train"].shape[1])]
    return _bunch(arrays, names, "digit", as_frame)


def fetch_california_housing(
    *,
    data_home: str | PathLike[str] | None = None,
    normalize: bool = True,
    as_frame: bool = False,
    random_state: int | np.random.RandomState | None = 0,
) -> Bunch:
    """Load the California housing data [1]_, shuffled and split.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The data home for scikit-learn. None stands for ``scikit_learn_data`` in the
        folder that the environment variable ``SKFCNET_DATA`` names, or else for
        scikit-learn's own data home.

    normalize : bool, default=True
        Whether to standardise every feature with the mean and the standard deviation of
        the training set.

    as_frame : bool, default=False
        Whether to return data frames and series of pandas.

    random_state : int, RandomState or None, default=0
        Determines the order of the rows before they are split.

    Returns
    -------
    data : Bunch
        The data: ``X_train`` of shape (15640, 8), ``X_val`` and ``X_test`` of shape
        (2500, 8), with ``y_train``, ``y_val`` and ``y_test``, the median house values
        in units of 100,000 dollars. ``feature_names`` are the names of the features.

    Raises
    ------
    OSError
        If the data can neither be read nor downloaded.

    ImportError
        If pandas is not installed and ``as_frame=True``.

    References
    ----------
    .. [1] Pace, R. K., Barry, R., "Sparse Spatial Autoregressions", Statistics and
       Probability Letters 33, 1997.

    Examples
    --------
    >>> from skfcnet.datasets import fetch_california_housing
    >>> data = fetch_california_housing()  # doctest: +SKIP
    >>> data.X_train.shape  # doctest: +SKIP
    (15640, 8)
    """
    home = _home_of("california", data_home)
    try:
        source = fetch_from_scikit_learn(data_home=home)
    except OSError as error:
        raise OSError(
            f"The California housing data are not in {home} and could not be "
            f"downloaded ({error}). Go online once, or copy cal_housing_py3.pkz from "
            f"a machine that has it, and name its folder by data_home."
        ) from error
    X, y = source.data, source.target
    order = check_random_state(random_state).permutation(len(y))
    ends = len(y) - np.array([CALIFORNIA_VALIDATION + CALIFORNIA_TEST, CALIFORNIA_TEST])
    arrays = {}
    for part, rows in zip(("train", "val", "test"), np.split(order, ends), strict=True):
        arrays[f"X_{part}"], arrays[f"y_{part}"] = X[rows], y[rows]
    if normalize:
        mean, std = arrays["X_train"].mean(axis=0), arrays["X_train"].std(axis=0)
        arrays |= {part: (arrays[part] - mean) / std for part in _X_PARTS}
    return _bunch(arrays, list(source.feature_names), "MedHouseVal", as_frame)


_X_PARTS = ("X_train", "X_val", "X_test")


def _home_of(data_set: str, data_home: str | PathLike[str] | None) -> Path:
    if data_home is not None:
        return Path(data_home)
    if folder := os.environ.get("SKFCNET_DATA"):
        shared = Path(folder)
        return shared if data_set == "mnist" else shared / "scikit_learn_data"
    return Path(get_data_home())


def _download_mnist(raw: Path) -> None:
    advice = (
        f"MNIST is not in {raw}. Either put the four IDX files "
        f"({', '.join(MNIST_FILES.values())}) there, or name the folder above "
        f"MNIST/raw by data_home or SKFCNET_DATA"
    )
    try:
        from torchvision.datasets import MNIST
    except ImportError as error:
        raise ImportError(
            f"{advice}, or install torchvision, which downloads them: "
            "pip install torchvision."
        ) from error
    try:
        MNIST(raw.parents[1], download=True)
    except (OSError, RuntimeError) as error:
        raise OSError(f"{advice}; downloading them failed: {error}.") from error


def _read_idx(path: Path) -> NDArray[Any]:
    """Return the array in an IDX file of unsigned bytes."""
    content = np.fromfile(path, np.uint8)
    # The header is two zeros, the code of the dtype, the number of dimensions, and the
    # dimensions.
    header = 4 * (1 + int(content[3])) if len(content) > 3 else 4
    is_idx = content[:3].tolist() == [0, 0, 8] and len(content) > header > 4
    shape = content[4:header].view(">i4") if is_idx else ()
    if not is_idx or len(content) - header != np.prod(shape):
        raise OSError(f"{path} is not a complete IDX file of bytes: delete it.")
    return content[header:].reshape(shape)


def _bunch(
    arrays: dict[str, Any], feature_names: list[str], target_name: str, as_frame: bool
) -> Bunch:
    if as_frame:
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "as_frame=True needs pandas: pip install pandas."
            ) from error
        for part in _X_PARTS:
            arrays[part] = pd.DataFrame(arrays[part], columns=feature_names)
            target = part.replace("X", "y")
            arrays[target] = pd.Series(arrays[target], name=target_name)
    return Bunch(**arrays, feature_names=feature_names)
