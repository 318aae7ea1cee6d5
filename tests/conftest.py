"""Fixtures for all tests: real data, and figures that never pile up."""

import os
import sys
from pathlib import Path

import pytest

from skfcnet.datasets import fetch_california_housing, fetch_mnist

pytest.register_assert_rewrite("scaffolding")


@pytest.fixture(scope="session")
def data_folder():
    """Return the folder of real data; without it, the test is skipped."""
    folder = os.environ.get("SKFCNET_DATA")
    if not folder:
        pytest.skip(
            "needs real data: set SKFCNET_DATA to a folder that holds MNIST/raw and "
            "scikit_learn_data"
        )
    return Path(folder)


@pytest.fixture(scope="session")
def mnist(data_folder):
    return fetch_mnist(data_home=data_folder)


@pytest.fixture(scope="session")
def california(data_folder):
    return fetch_california_housing(data_home=data_folder / "scikit_learn_data")


@pytest.fixture(scope="session")
def california_raw(data_folder):
    return fetch_california_housing(
        data_home=data_folder / "scikit_learn_data", normalize=False
    )


@pytest.fixture(scope="session")
def two_cores():
    """Skip the test where BLAS could not have two threads."""
    if os.cpu_count() == 1:
        pytest.skip("needs two cores to have two threads")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
