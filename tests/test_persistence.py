"""Models that are saved, loaded and copied."""

import copy
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skfcnet
from scaffolding import (
    KINDS,
    any_solver,
    assert_same,
    data_of,
    short_fits,
)
from skfcnet import FCNetClassifier

pytestmark = [short_fits, any_solver]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_saved_models_predict_the_same_and_can_go_on(kind, mmap_mode, tmp_path):
    model, X, y = data_of(kind)
    model.set_params(normalization="batch").fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib", mmap_mode=mmap_mode)
    assert_same(loaded, model, X)
    assert_same(loaded.partial_fit(X, y), model.partial_fit(X, y), X)


def test_a_model_in_a_memory_map_is_saved_like_any_other(tmp_path):
    model, X, y = data_of("multiclass")
    joblib.dump(model.fit(X, y), tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    skfcnet.save(mapped, tmp_path / "model.skops")
    (tmp_path / "model.joblib").unlink()
    assert_same(skfcnet.load(tmp_path / "model.skops"), model, X)


def test_training_a_copy_leaves_the_original_alone():
    model, X, y = data_of("regression")
    model.set_params(normalization="batch").partial_fit(X, y)
    before = copy.deepcopy(model)
    copy.copy(model).partial_fit(X, y)
    assert_same(model, before, X)


def test_a_fitted_model_is_about_as_large_as_its_weights():
    X, y = load_digits(return_X_y=True)
    model = FCNetClassifier((500,), max_iter=2).fit(X, y)
    weights = sum(a.nbytes for a in model.coefs_ + model.intercepts_)
    assert len(pickle.dumps(model)) < 1.1 * weights


@pytest.mark.data
def test_grid_search_over_mnist_with_two_workers_survives_saving(mnist, tmp_path):
    X, y = mnist.X_train[:2000], mnist.y_train[:2000]
    search = GridSearchCV(
        make_pipeline(StandardScaler(), FCNetClassifier((20,), max_iter=20)),
        {"fcnetclassifier__alpha": [1e-4, 1.0], "fcnetclassifier__random_state": [0]},
        n_jobs=2,
        cv=2,
    )
    with joblib.parallel_backend("loky"):
        search.fit(X, y)
    assert search.best_score_ > 0.8
    joblib.dump((search, mnist.X_test), tmp_path / "search.joblib")
    script = (
        "import joblib, sys, numpy as np\n"
        "search, X = joblib.load(sys.argv[1])\n"
        "np.save(sys.argv[2], search.predict_proba(X))\n"
    )
    paths = [str(tmp_path / "search.joblib"), str(tmp_path / "p.npy")]
    subprocess.run([sys.executable, "-c", script, *paths], check=True)
    np.testing.assert_array_equal(np.load(paths[1]), search.predict_proba(mnist.X_test))
