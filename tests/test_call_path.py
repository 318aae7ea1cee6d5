"""The way of X, from `fit` and `predict` down to the first matrix product.

The three wings of the package are `_estimators` above `_tabular` above the engine. A
profiler records every call on the way: none may lead from a wing to one above it.
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import skfcnet
from scaffolding import any_solver, short_fits, small_classifier, small_regressor
from skfcnet import FCNetTransformer
from skfcnet._engine.passes import CHUNK

pytestmark = [short_fits, any_solver]

FOLDER = Path(skfcnet.__file__).parent
LEVELS = {"_estimators": 2, "_compat": 2, "_tabular": 1}  # all others are the engine: 0
FIRST_LAYERS = "affine_forward", "scaled_affine_forward"
MOST_FRAMES = 9
N_ROWS = 2 * CHUNK + 10


def level_of(code):
    """Return the level of the wing that a function belongs to; None outside of all."""
    path = Path(code.co_filename)
    if not path.is_relative_to(FOLDER):
        return None
    return LEVELS.get(path.relative_to(FOLDER).with_suffix("").parts[0], 0)


class CallRecorder:
    """Records the functions that are called, until the first affine map if asked to.

    Attributes
    ----------
    counts : Counter
        How often each function of the package was called, by its qualified name.

    climbs : list of (str, str)
        The calls that lead from a wing to one above it.

    depth : int
        The number of frames from the outermost function to the first affine map.
    """

    def __init__(self, *, until_first_product=False):
        self.until_first_product = until_first_product
        self.counts, self.climbs, self.depth = Counter(), [], None

    def __enter__(self):
        self.outermost = sys._getframe(1)
        sys.setprofile(self.on_event)
        return self

    def __exit__(self, *exception):
        sys.setprofile(None)

    def on_event(self, frame, event, argument):
        is_over = self.until_first_product and self.depth is not None
        if event != "call" or is_over:
            return
        level = level_of(frame.f_code)
        if level is None:
            return
        name = frame.f_code.co_qualname
        self.counts[name] += 1
        callers = list(self.callers_of(frame))
        for caller in callers:
            level_of_caller = level_of(caller.f_code)
            if level_of_caller is not None:
                if level_of_caller < level:
                    self.climbs.append((caller.f_code.co_qualname, name))
                break
        if name in FIRST_LAYERS and self.depth is None:
            self.depth = 1 + len(callers)

    def callers_of(self, frame):
        while frame.f_back is not self.outermost:
            frame = frame.f_back
            yield frame


def data(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 4))
    X[::7, 1] = np.nan
    if kind == "classifier":
        return small_classifier(max_iter=1), X, (X[:, 0] > 0).astype(int)
    return small_regressor(max_iter=1), X, X[:, 0]


@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
@pytest.mark.parametrize("encoding", ["ple", "pbld", None])
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_fit_leads_down_to_the_first_layer(kind, encoding, solver):
    model, X, y = data(kind)
    model.set_params(numeric_embedding=encoding, solver=solver)
    with CallRecorder(until_first_product=True) as calls:
        model.fit(X, y)
    assert calls.climbs == []
    # SciPy adds frames of its own between L-BFGS and the loss.
    assert calls.depth <= MOST_FRAMES or solver == "lbfgs"
    assert calls.counts["validate_table"] == 1
    assert calls.counts["Encoder.fit"] == 1
    assert calls.counts["Encoder.transform"] == 1


@pytest.mark.parametrize("encoding", ["ple", "pbld", None])
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_predict_checks_once_and_encodes_each_chunk_once(kind, encoding):
    model, X, y = data(kind)
    model.set_params(numeric_embedding=encoding).fit(X, y)
    with CallRecorder() as calls:
        model.predict(X)
    assert calls.climbs == []
    assert calls.depth <= MOST_FRAMES
    assert calls.counts["validate_table"] == 1
    n_chunks = -(-N_ROWS // model._net.test_passes(X.dtype).chunk)
    assert calls.counts["Encoder.transform"] == n_chunks
    assert calls.counts["InferencePasses.__call__"] == n_chunks


@pytest.mark.parametrize("method", ["input_gradients", "transform"])
def test_other_ways_lead_down_as_well(method):
    model, X, y = data("regressor")
    fitted = model.fit(X, y)
    if method == "transform":
        fitted = FCNetTransformer(model, prefit=True).fit(X)
    with CallRecorder() as calls:
        getattr(fitted, method)(X)
    assert calls.climbs == []
    assert calls.depth <= MOST_FRAMES
    assert calls.counts["validate_table"] == 1
