"""Tables as users have them: unscaled, with gaps and categories, of any library."""

import copy
import pickle
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy
from scipy.sparse import csr_array
from sklearn.base import clone, is_classifier
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from scaffolding import (
    KINDS,
    KINDS_OF_MLP,
    SMALL,
    any_solver,
    assert_alike,
    assert_same,
    encoded,
    main_prediction,
    short_fits,
    target_scale,
    weighted_data_of,
)
from skfcnet import FCNetClassifier, FCNetRegressor, FCNetTransformer
from skfcnet._estimators.targets import REGRESSION_LOSSES
from skfcnet._tabular.encoder import EMBEDDINGS
from skfcnet._tabular.scaling import SCALINGS
from skfcnet.losses import LOSSES

pytestmark = [short_fits, any_solver]

PLAIN = {"numeric_embedding": None}
ENCODINGS = [
    {},
    *(PLAIN | {"input_scaling": scaling} for scaling in SCALINGS),
    *({"input_scaling": "standard", "numeric_embedding": e} for e in EMBEDDINGS),
    {"input_scaling": None, "numeric_embedding": "ple", "n_bins": 5},
    {"categorical_features": [2]},
    PLAIN | {"categorical_features": [2]},
]
every_encoding = pytest.mark.parametrize("encoding", ENCODINGS, ids=str)
every_kind = pytest.mark.parametrize("kind", KINDS_OF_MLP)


def is_piecewise(encoding):
    return encoding.get("numeric_embedding", "auto") in ("auto", "ple")


def table_of(kind, n=90, *, gaps=True):
    """Return what weighted_data_of does, but in any units and with gaps."""
    model, Z, y, weight = weighted_data_of(kind, n)
    X = Z * [1, 1e4, 1, 1e-3] + [0, 1e6, 0, 5]
    X[:, 2] = np.rint(X[:, 2])
    if gaps:
        X[::7, 0] = X[3::9, 2] = np.nan
    if kind == "regression":
        y = 1e3 * y + 1e5
    elif kind == "multioutput":
        y = y * [1, 1e3, 1e-3] + 7
    return model, X, y, weight


# Weights and the order of rows


@every_encoding
@every_kind
@pytest.mark.parametrize("early_stopping", [False, True])
def test_weighted_is_repeated_in_any_order(kind, encoding, early_stopping):
    model, X, y, weight = table_of(kind)
    model.set_params(**encoding, early_stopping=early_stopping)
    order = np.random.default_rng(1).permutation(len(X))
    weighted = clone(model).fit(X[order], y[order], weight[order])
    rows = np.random.default_rng(2).permutation(np.arange(len(X)).repeat(weight))
    assert_same(weighted, clone(model).fit(X[rows], y[rows]), X)


@every_encoding
@every_kind
def test_lbfgs_takes_weights_as_repetitions_too(kind, encoding):
    model, X, y, weight = table_of(kind)
    model.set_params(**encoding, solver="lbfgs", alpha=0.0)
    # Of other totals than the number of rows, bins and smoothing are as for that.
    for factor in (1,) if is_piecewise(encoding) else (1, 0.37, 30):
        if factor != 1 and is_classifier(model):
            model.set_params(label_smoothing=0.0)
        weighted = clone(model).fit(X, y, factor * weight)
        repeated = clone(model).fit(X.repeat(weight, axis=0), y.repeat(weight, axis=0))
        assert_alike(weighted, repeated, X, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("early_stopping", [False, True])
@every_kind
def test_the_defaults_take_weights_as_repetitions(kind, early_stopping):
    """Bins, smoothing and the number of epochs follow the total weight."""
    small, X, y, weight = table_of(kind, n=40)
    model = type(small)(
        hidden_layer_sizes=(8,), random_state=0, early_stopping=early_stopping
    )
    order = np.random.default_rng(1).permutation(len(X))
    weighted = clone(model).fit(X[order], y[order], weight[order])
    rows = np.random.default_rng(2).permutation(np.arange(len(X)).repeat(weight))
    assert_same(weighted, clone(model).fit(X[rows], y[rows]), X)


@every_encoding
def test_rows_of_weight_zero_are_not_there(encoding):
    model, X, y, _ = table_of("multiclass")
    model.set_params(**encoding, early_stopping=True)
    kept = np.arange(len(X)) % 3 > 0
    X[~kept] = 1e5  # a category, and a range, of their own
    weighted = clone(model).fit(X, y, kept)
    assert_same(weighted, clone(model).fit(X[kept], y[kept]), X)


@pytest.mark.parametrize("sign", [-1, 1])
def test_missing_values_of_any_bits_are_equal(sign):
    """Equal rows are set aside together."""
    model, X, y, _ = table_of("regression")
    model.set_params(early_stopping=True)
    other = X.copy()
    other[np.isnan(X)] = np.copysign(np.nan, sign)
    assert_same(clone(model).fit(X, y), clone(model).fit(other, y), X)


# Validation is honest


@pytest.mark.filterwarnings("ignore:X_val is on another scale")
@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
@every_encoding
@every_kind
def test_all_is_learned_from_the_rows_trained_on(kind, encoding, solver):
    model, X, y, _ = table_of(kind)
    model.set_params(**encoding, early_stopping=True, scoring=None, solver=solver)
    X_val, y_val = X[:20].copy(), y[:20]
    X_val[:, 1:3] *= 30  # a range, and categories, of their own
    given = clone(model).fit(X[20:], y[20:], X_val=X_val, y_val=y_val)
    alone = clone(model).set_params(early_stopping=False, scoring="loss", max_iter=1)
    alone.fit(X[20:], y[20:])
    assert len(given.coefs_[0]) == len(alone.coefs_[0])
    np.testing.assert_array_equal(encoded(given, X), encoded(alone, X))
    score = given.score(X_val, y_val)
    assert score == pytest.approx(given.best_validation_score_, rel=1e-4, abs=1e-4)


@every_encoding
def test_scorers_see_the_numbers_of_the_table(encoding):
    model, X, y, _ = table_of("regression")
    seen = []

    def scoring(model, X, y):
        seen.append(X)
        return r2_score(y, model.predict(X))

    model.set_params(**encoding, early_stopping=True, scoring=scoring)
    model.fit(X[20:], y[20:], X_val=X[:20], y_val=y[:20])
    assert model.score(X[:20], y[:20]) == pytest.approx(
        model.best_validation_score_, rel=1e-3
    )
    assert seen[0].shape == (20, 4)
    np.testing.assert_allclose(seen[0][:, 1], X[:20, 1], rtol=1e-6)


# Continuation


@every_encoding
@every_kind
def test_partial_fit_keeps_what_the_first_call_learned(kind, encoding):
    model, X, y, _ = table_of(kind)
    model.set_params(**encoding, learning_rate="constant")
    whole = clone(model).fit(X, y)
    classes = {"classes": np.unique(y)} if kind in KINDS[:2] else {}
    stepwise = clone(model).partial_fit(X, y, **classes)
    for _ in range(model.max_iter - 1):
        stepwise = pickle.loads(pickle.dumps(stepwise)).partial_fit(X, y)
    assert_same(stepwise, whole, X)
    before = encoded(stepwise, X)
    other = X * [10, 10, 1, 10]  # where one may hold categories
    stepwise.partial_fit(other[:30], y[:30])
    np.testing.assert_array_equal(encoded(stepwise, X), before)
    warm = clone(model).set_params(warm_start=True).fit(X, y).fit(other, y)
    np.testing.assert_array_equal(encoded(warm, X), before)
    assert warm.n_iter_ == 2 * model.max_iter


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_scaling", "standard"),
        ("numeric_embedding", "ple"),
        ("numeric_embedding", None),
        ("n_bins", 3),
        ("categorical_features", [0]),
    ],
)
def test_what_encodes_cannot_be_changed_on_the_way(name, value):
    model, X, y, _ = table_of("regression")
    model.partial_fit(X, y)
    earlier = copy.deepcopy(model)
    with pytest.raises(ValueError, match=f"{name} was changed to"):
        model.set_params(**{name: value}).partial_fit(X, y)
    assert_same(model, earlier, X)
    model.fit(X, y)


def test_the_scale_of_the_target_follows_the_loss():
    model, X, y, _ = table_of("regression")
    model.set_params(warm_start=True).fit(X, y)
    model.fit(X + 1, y + 1e9)
    center, _ = target_scale(model)
    np.testing.assert_allclose(center, y.mean() / 2)
    model.set_params(loss="huber").fit(X + 1, y + 1e9)
    center, _ = target_scale(model)
    np.testing.assert_allclose(center, (1e9 + np.quantile(y, 0.5, method="lower")) / 2)
    model.set_params(loss="poisson").fit(X, np.exp(y / 1e5))
    center, spread = target_scale(model)
    assert center == 0
    np.testing.assert_allclose(spread, np.exp(y / 1e5).mean() / 2)
    model.set_params(loss="squared_error").fit(X, 2 * y)
    center, _ = target_scale(model)
    np.testing.assert_allclose(center, y.mean())


def test_a_failed_fit_leaves_the_table_of_the_earlier_model():
    model, X, y, _ = table_of("regression")
    frame = pd.DataFrame(X[:, :3], columns=list("abc")).assign(
        d=np.where(X[:, 3] > 5, "x", "y")
    )
    model.set_params(categorical_features="from_dtype").fit(frame, y)
    expected = model.predict(frame)
    with pytest.raises(ValueError, match="diverged"):
        model.set_params(
            learning_rate_init=1e30, solver="sgd", activation="identity"
        ).fit(10 * X, y)
    np.testing.assert_array_equal(model.predict(frame), expected)
    model.set_params(**SMALL, solver="adamw").fit(X, y)
    assert not hasattr(model, "feature_names_in_")
    assert model.predict(X).shape == (90,)


# Any units


@pytest.mark.parametrize("scaling", ["robust", "standard"])
@every_kind
def test_units_of_the_input_do_not_matter(kind, scaling):
    model, X, y, _ = table_of(kind)
    model.set_params(input_scaling=scaling, dtype="float64")
    Z = StandardScaler().fit_transform(X)
    ours, theirs = clone(model).fit(X, y), clone(model).fit(Z, y)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)
    np.testing.assert_allclose(
        main_prediction(ours, X), main_prediction(theirs, Z), rtol=1e-6
    )


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
@pytest.mark.parametrize("clip_output", [False, True])
def test_units_of_the_target_are_those_of_predictions(loss, clip_output):
    _, X, _, _ = table_of("regression", gaps=False)
    z = StandardScaler().fit_transform(X) @ [1.0, 2.0, -1.0, 0.5]
    settings = SMALL | {"max_iter": 60, "dtype": "float64", "clip_output": clip_output}
    # Far inputs are to be far ones for the network, too.
    model = FCNetRegressor(loss, **settings, input_scaling="standard")
    scaling = REGRESSION_LOSSES[loss].target_scaling
    if scaling is None:
        pytest.skip("The loss is of targets without units.")
    if scaling == "mean":  # the units are a factor alone
        y = np.exp(z / 4)
        y_far = 1e9 * y
        expected = 1e9 * clone(model).fit(X, y).predict(X)
    else:
        y, y_far = (z - z.mean()) / z.std(), 1e6 * z - 3e5
        expected = 1e6 * (clone(model).fit(X, y).predict(X) * z.std() + z.mean()) - 3e5
        assert model.fit(X, y_far).loss_ < 1
    ours = model.fit(X, y_far).predict(X)
    np.testing.assert_allclose(ours, expected, rtol=1e-4)
    far = model.predict(X + 30 * X.std(axis=0))
    beyond = (far < y_far.min()) | (far > y_far.max())
    assert beyond.any() != clip_output


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
@pytest.mark.parametrize("unit", [1e-20, 1e-6, 1.0, 1e6, 1e20])
def test_counts_and_costs_are_learned_in_any_unit(loss, unit):
    X = np.random.default_rng(0).normal(size=(100, 2))
    y = unit * np.exp(0.3 * X[:, 0])
    model = FCNetRegressor(loss, **SMALL | {"max_iter": 60}).fit(X, y)
    assert model.score(X, y) > 0.5
    assert model.predict(X).mean() == pytest.approx(y.mean(), rel=0.1)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_unscaled_costs_start_at_their_mean(unit):
    X = np.random.default_rng(0).normal(size=(100, 2))
    y = unit * np.exp(0.3 * X[:, 0])
    model = FCNetRegressor("gamma", **SMALL | {"max_iter": 60}, scale_target=False)
    assert model.fit(X, y).score(X, y) > 0.5


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile"])
@pytest.mark.parametrize("outlier", [1e2, 1e5, 1e8, -1e5])
def test_robust_losses_are_robust_against_targets_of_any_size(loss, outlier):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3))
    clean = X[:, 0] + np.sin(2 * X[:, 1])
    y = clean.copy()
    y[:3] = outlier
    model = FCNetRegressor(loss, (32,), max_iter=60, random_state=0).fit(X, y)
    errors = np.abs(model.predict(X) - clean)[3:]
    assert np.median(errors) < 0.15
    many = np.where(rng.random(500) < 0.6, 0.0, clean)  # more than half are alike
    model.fit(X, np.where(np.arange(500) < 3, outlier, many))
    assert np.median(np.abs(model.predict(X))) < 0.3


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
@pytest.mark.parametrize("value", [1e-6, 1.0, 3e7])
@pytest.mark.parametrize("changes", [{}, {"scale_target": False}, {"n_members": 2}])
def test_a_constant_target_is_predicted_as_it_is(loss, value, changes):
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = np.full((40, 2), value)
    y[:, 1] = np.abs(X[:, 0]) + 1
    if not LOSSES[loss].domain.contains(y).all():
        pytest.skip("The loss is not defined for these targets.")
    model = FCNetRegressor(loss, **SMALL | {"max_iter": 2} | changes)
    predicted = model.fit(X, y[:, 0]).predict(X)
    assert (predicted == value).all()
    predicted = model.fit(X, y).predict(X)
    assert (predicted[:, 0] == value).all()
    assert np.ptp(predicted[:, 1]) > 0
    first = clone(model).partial_fit(X, y[:, 0])
    assert (first.predict(X) == value).all()
    assert np.ptp(first.partial_fit(X, y[:, 1]).predict(X)) > 0


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("squared_error", lambda y: y.mean()),
        ("absolute_error", np.median),
        ("huber", np.median),
        ("quantile", lambda y: np.quantile(y, [0.1, 0.9])),
        ("poisson", lambda y: y.mean()),
        ("gamma", lambda y: y.mean()),
    ],
)
@pytest.mark.parametrize("scale_target", [False, True])
def test_training_starts_at_the_best_constant(loss, expected, scale_target, weighted):
    rng = np.random.default_rng(0)
    X, y = np.zeros((500, 1)), 1e3 + rng.gamma(2, 1e3, size=500)
    weight = rng.integers(0, 4, size=500) if weighted else np.ones(500, int)
    model = FCNetRegressor(
        loss,
        **SMALL | {"max_iter": 1, "learning_rate_init": 1e-12},
        quantile=[0.1, 0.9] if loss == "quantile" else 0.5,
        scale_target=scale_target,
    )
    model.fit(X, y, weight)
    repeated = expected(np.repeat(y, weight))
    np.testing.assert_allclose(model.predict(X)[0], repeated, rtol=5e-3)


@pytest.mark.parametrize("class_weight", [None, {0: 5.0}, "balanced"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_training_starts_at_the_shares_of_the_classes(n_classes, class_weight):
    X = np.zeros((100, 1))
    y = np.repeat(np.arange(n_classes), [80, 20] if n_classes == 2 else [80, 15, 5])
    model = FCNetClassifier(
        **SMALL | {"max_iter": 1, "learning_rate_init": 1e-12},
        class_weight=class_weight,
    )
    shares = np.bincount(y).astype(float)
    if class_weight == "balanced":
        shares[:] = 1
    elif class_weight:
        shares[0] *= 5
    np.testing.assert_allclose(
        model.fit(X, y).predict_proba(X)[0], shares / shares.sum(), rtol=1e-4
    )
    first = model.partial_fit(X[:10], y[:10], classes=range(n_classes))
    assert np.isfinite(first.predict_proba(X)).all()


def test_several_quantiles_and_targets_are_scaled_back():
    model, X, y, _ = table_of("multioutput", n=400)
    model.set_params(loss="quantile", quantile=[0.1, 0.9], max_iter=60)
    low, high = np.moveaxis(model.fit(X, y).predict(X), -1, 0)
    assert low.shape == y.shape
    assert (low <= high).all()
    inside = ((low <= y) & (y <= high)).mean(axis=0)
    assert (inside > 0.6).all()


@pytest.mark.parametrize("kind", ["regression", "multioutput"])
def test_losses_are_of_scaled_targets_and_scores_of_the_units(kind):
    model, X, y, _ = table_of(kind)
    settings = {"alpha": 0.0, "solver": "lbfgs", "early_stopping": True, "max_iter": 30}
    settings["scoring"] = None
    model.set_params(**settings).fit(X, y, X_val=X, y_val=y)
    errors = (model.predict(X) - y) / y.std(axis=0)
    best = model.best_iteration_ - 1
    np.testing.assert_allclose(
        model.validation_loss_curve_[best], np.mean(errors**2) / 2, rtol=1e-6
    )
    assert model.best_validation_score_ == pytest.approx(model.score(X, y))


@every_encoding
@every_kind
@pytest.mark.parametrize("clip_output", [False, True])
def test_gradients_are_in_units_of_what_is_predicted(kind, encoding, clip_output):
    model, X, y, _ = table_of(kind)
    model.set_params(**encoding, dtype="float64", activation="tanh")
    if not is_classifier(model):
        model.set_params(clip_output=clip_output)
    answers = model.fit(X, y).predict
    answers = getattr(model, "decision_function", answers)
    scale = np.nanstd(X, axis=0)
    X += 1e-3 * scale * (np.arange(4) != 2)  # off the edges of bins
    gradients = model.input_gradients(X)
    for j in range(4):
        if encoding.get("categorical_features") == [j]:
            assert not gradients[..., j].any()
            continue
        if is_piecewise(encoding) and j == 2:  # all of it is on edges
            continue
        h = 1e-6 * scale * np.eye(4)[j]
        rise = (answers(X + h) - answers(X - h)) / (2e-6 * scale[j])
        # But for predictions at the end of their range.
        close = np.isclose(gradients[..., j], rise, rtol=1e-3, atol=1e-6 / scale[j])
        assert close.mean() > 0.98 if clip_output else close.all()


# Missing values


@every_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gaps_of_every_container_are_the_same(kind, dtype):
    model, X, y, _ = table_of(kind)
    X = X.astype(dtype)
    expected = main_prediction(model.fit(X, y), X)
    names = list("abcd")
    frames = [pd.DataFrame(X, columns=names)]
    if dtype == np.float64:  # that is what these become
        frames.append(frames[0].convert_dtypes())
        frames.append(pl.DataFrame(X, schema=names))
        frames.append(frames[-1].fill_nan(None))
    for frame in frames:
        predicted = main_prediction(model.fit(frame, y), frame)
        np.testing.assert_array_equal(predicted, expected)


def test_what_is_missing_can_be_learned_from():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    X[rng.random(600) < 0.4, 1] = np.nan
    y = np.isnan(X[:, 1])
    model = FCNetClassifier((8,), learning_rate_init=0.01, random_state=0)
    for embedding in ("auto", None):
        model.set_params(numeric_embedding=embedding).fit(X[:400], y[:400])
        assert model.score(X[400:], y[400:]) > 0.98
    assert model.coefs_[0].shape == (5, 4, 8)  # of five members


def test_what_was_never_missing_may_be_so_later():
    model, X, y, _ = table_of("regression", gaps=False)
    for scaling in SCALINGS:
        model.set_params(input_scaling=scaling).fit(X, y)
        assert np.isfinite(model.predict(np.full((2, 4), np.nan))).all()


@pytest.mark.parametrize("embedding", ["auto", "ple", "pbld", None])
def test_a_number_that_is_missing_only_later_is_taken_for_the_median(embedding):
    model, X, y, _ = weighted_data_of("regression", n=121)
    model.set_params(numeric_embedding=embedding, max_iter=50).fit(X, y)
    gap, filled = X.copy(), X.copy()
    gap[::3, 1], filled[::3, 1] = np.nan, np.median(X[:, 1])
    np.testing.assert_allclose(model.predict(gap), model.predict(filled), rtol=1e-3)


def test_infinity_is_no_missing_value():
    model, X, y, _ = table_of("regression")
    bad = X.copy()
    bad[0, 0] = -np.inf
    with pytest.raises(ValueError, match="X contains infinity"):
        clone(model).fit(bad, y)
    with pytest.raises(ValueError, match="X contains infinity"):
        model.fit(X, y).predict(bad)


# Categories

N = 400


def a_frame(n=N):
    """Return a table of which words and numbers matter, and its target."""
    rng = np.random.default_rng(0)
    town, size = rng.choice(["a", "b", "c", "d"], n), rng.normal(50, 20, n)
    shop = rng.choice(["x", "y"], n)
    size[::11] = np.nan
    worth = pd.Series(town).map({"a": 5.0, "b": -3.0, "c": 0.0, "d": 9.0}).to_numpy()
    y = worth + np.nan_to_num(size) / 20 * np.where(shop == "x", 1, -1)
    words = [None if i % 13 == 0 else word for i, word in enumerate(town)]
    return {"town": words, "size": size, "shop": list(shop)}, y


FRAMES = {
    "pandas": pd.DataFrame,
    "pandas objects": lambda data: pd.DataFrame(data).astype(
        {"town": object, "shop": object}
    ),
    "pandas category": lambda data: pd.DataFrame(data).astype(
        {"town": "category", "shop": "category"}
    ),
    "polars": lambda data: pl.DataFrame(data, strict=False),
    "polars categorical": lambda data: pl.DataFrame(data).with_columns(
        pl.col("town", "shop").cast(pl.Categorical)
    ),
}


@pytest.mark.parametrize("library", FRAMES)
@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
def test_frames_of_words_and_numbers_are_learned(library, solver):
    data, y = a_frame()
    X = FRAMES[library](data)
    model = FCNetRegressor(
        hidden_layer_sizes=(32,),
        categorical_features="from_dtype",
        learning_rate_init=0.01,
        solver=solver,
        random_state=0,
    )
    assert cross_val_score(model, X, y, cv=3).min() > 0.7
    classifier = FCNetClassifier((32,), categorical_features="from_dtype")
    classifier.set_params(learning_rate_init=0.01, solver=solver, random_state=0)
    assert cross_val_score(classifier, X, y > y.mean(), cv=3).min() > 0.8
    model.set_params(numeric_embedding=None).fit(X, y)
    # scikit-learn 1.6 does not read the names of frames of polars 2.
    if hasattr(StandardScaler().fit(X[["size"]]), "feature_names_in_"):
        assert list(model.feature_names_in_) == ["town", "size", "shop"]
    # size, whether it is missing, four towns and none, one column for two shops
    assert model.coefs_[0].shape[-2:] == (8, 32)
    gradients = model.input_gradients(X)
    assert not gradients[:, [0, 2]].any() and gradients[:, 1].any()


@pytest.mark.parametrize("library", FRAMES)
def test_all_that_names_the_same_columns_is_the_same(library):
    data, y = a_frame(80)
    X = FRAMES[library](data)
    model = FCNetRegressor(**SMALL)
    expected = model.set_params(categorical_features="from_dtype").fit(X, y).predict(X)
    for columns in (["town", "shop"], [0, 2], [True, False, True]):
        model.set_params(categorical_features=columns).fit(X, y)
        np.testing.assert_array_equal(model.predict(X), expected)
    array = np.array(list(zip(*data.values(), strict=True)), dtype=object)
    model.set_params(categorical_features=[0, 2])
    for table in (array, array.tolist()):
        np.testing.assert_array_equal(model.fit(table, y).predict(table), expected)


def test_categories_validate_stop_continue_and_are_transformed():
    data, y = a_frame()
    X, weight = pd.DataFrame(data), np.arange(N) % 3
    X.loc[weight == 0, "town"] = "only there"
    model = FCNetRegressor(
        **SMALL | {"early_stopping": True}, categorical_features="from_dtype"
    )
    weighted = clone(model).fit(X, y, weight)
    rows = np.arange(N).repeat(weight)
    repeated = clone(model).fit(X.iloc[rows], y[rows])
    assert_same(weighted, repeated, X)
    model.set_params(scoring="neg_mean_absolute_error")
    model.fit(X[100:], y[100:], X_val=X[:100], y_val=y[:100])
    errors = np.abs(model.predict(X[:100]) - y[:100])
    assert model.best_validation_score_ == pytest.approx(-errors.mean(), rel=1e-5)
    with pytest.warns(UserWarning, match="'town'"):
        model.partial_fit(X[:50].assign(town="new"), y[:50])
    assert model.n_iter_ == len(model.validation_scores_) == SMALL["max_iter"] + 1
    features = FCNetTransformer(model, prefit=True).fit(X)
    assert features.transform(X).shape == (N, 8)
    fitted = FCNetTransformer(FCNetRegressor(**model.get_params())).fit(X, y)
    assert fitted.transform(X).shape == (N, 8)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X.rename(columns={"town": "city"}))


def test_faulty_tables_are_named():
    data, y = a_frame(80)
    X = pd.DataFrame(data).assign(id=["x", "y"] * 40)
    model = FCNetRegressor(**SMALL, categorical_features=None)
    with pytest.raises(ValueError, match=r"text '\w' in its column 'town', which is"):
        model.fit(X, y)
    with pytest.raises(ValueError, match=r"column 'town', .* in categorical_features"):
        model.set_params(categorical_features=["id", "shop"]).fit(X, y)
    with pytest.raises(ValueError, match=r"names \['colour'\]"):
        model.set_params(categorical_features=["colour"]).fit(X, y)
    with pytest.raises(ValueError, match="'categorical_features' parameter"):
        model.set_params(categorical_features="by_name").fit(X, y)
    many = pd.DataFrame({"id": [f"person {i}" for i in range(300)]})
    for asked in (["id"], "from_dtype"):  # what the message above advises
        model.set_params(categorical_features=asked).fit(many, np.arange(300.0))
    model.set_params(categorical_features="from_dtype")
    with pytest.raises(ValueError, match="requires y to be passed"):
        model.fit(X, None)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y[1:])
    with pytest.raises(ValueError, match="text 'large' in its column 'size'"):
        model.fit(X, y).predict(X.assign(size="large"))
    with pytest.raises(ValueError, match=r"X_val, y_val.* column 'size'"):
        model.set_params(early_stopping=True).fit(
            X, y, X_val=X.assign(size="large"), y_val=y
        )
    days = pd.date_range("2024", periods=80)
    with pytest.raises(TypeError, match=r"dates .* columns \['day'\]: .* days"):
        model.fit(X.assign(day=days), y)
    for of_time in (days.date, days.to_period("D")):
        with pytest.raises(TypeError, match=r"column 'day', .* dates and times"):
            model.fit(X.assign(day=of_time), y)
    model.set_params(early_stopping=False).fit(X.assign(size=None), y)
    with pytest.raises(ValueError, match=r"'size', .* in categorical_features"):
        model.predict(X.assign(size="large"))


# Sparse rows


@pytest.mark.parametrize(
    "changes",
    [{"numeric_embedding": "ple"}, {"categorical_features": [0]}],
    ids=str,
)
def test_what_sparse_rows_cannot_have_is_refused(changes):
    model, X, y, _ = table_of("regression", gaps=False)
    name = next(iter(changes))
    with pytest.raises(ValueError, match=f"X is sparse, but {name}="):
        model.set_params(**changes).fit(csr_array(X), y)
    assert not get_tags(model).input_tags.sparse


def test_sparse_rows_are_neither_scaled_nor_missing():
    model, X, y, _ = table_of("regression")
    X = np.where(np.isnan(X), 0, X / [1, 1e6, 1, 1])
    plain = clone(model).set_params(input_scaling=None)
    assert_same(
        clone(model).fit(csr_array(X), y), plain.fit(csr_array(X), y), csr_array(X)
    )
    X[0, 0] = np.nan
    for call in (model.fit, lambda X, y: plain.predict(X)):
        with pytest.raises(ValueError, match="X is sparse and contains NaN"):
            call(csr_array(X), y)


@pytest.mark.skipif(
    tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 14),
    reason="pandas 3 converts frames of sparse columns only with SciPy 1.14",
)
def test_frames_of_sparse_columns_are_sparse_rows():
    model, X, y, _ = table_of("regression", gaps=False)
    rows = csr_array(np.where(X > 0, X, 0))
    frame = pd.DataFrame.sparse.from_spmatrix(rows, columns=list("abcd"))
    model.set_params(input_scaling="standard")
    expected = clone(model)
    for fitted, table in ((model, frame), (expected, rows)):
        with pytest.warns(UserWarning, match="X is sparse, and is not scaled"):
            fitted.fit(table, y)
    np.testing.assert_array_equal(model.predict(frame), expected.predict(rows))
    assert model.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="X is sparse, but numeric_embedding="):
        model.set_params(numeric_embedding="ple").fit(frame, y)


@every_encoding
def test_a_model_of_dense_rows_predicts_sparse_ones_alike(encoding):
    model, X, y, _ = table_of("regression", gaps=False)
    if "categorical_features" in encoding:
        return
    model.set_params(**encoding, dtype="float64").fit(X, y)
    np.testing.assert_allclose(model.predict(csr_array(X)), model.predict(X))


# Cost


def peak_of(call):
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_encoding
def test_prediction_takes_little_memory(encoding, dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 20)).round(1).astype(dtype)
    # Some hundred rows at a time are encoded: with few bins, that is little.
    model = FCNetRegressor(**SMALL | encoding | {"dtype": "float64", "n_bins": 5})
    model.fit(X[:200], X[:200, 0])
    few, many = (peak_of(lambda X=X[:n]: model.predict(X)) for n in (10_000, 60_000))
    if "categorical_features" not in encoding:  # whose categories are read all at once
        assert many < few + 60_000 * 8 + 1e5
    assert peak_of(lambda: model.input_gradients(X)) < 4 * 60_000 * 20 * 8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 20])
@pytest.mark.parametrize("scaling", ["robust", None])
def test_probabilities_take_little_more_memory_than_they_are(n_classes, dtype, scaling):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60_000, 3)).astype(dtype), rng.integers(20, size=60_000)
    model = FCNetClassifier(**SMALL, input_scaling=scaling, numeric_embedding=None)
    model.fit(X[:400], y[:400] % n_classes)
    size = len(X) * n_classes * X.itemsize
    for method in (
        model.predict_proba,
        model.predict_log_proba,
        model.decision_function,
        model.predict,
    ):
        assert peak_of(lambda: method(X)) < 1.1 * size + 3e6  # noqa: B023 - called at once


def test_rows_that_nothing_is_done_to_are_not_copied():
    X = np.random.default_rng(0).normal(size=(20_000, 100)).astype(np.float32)
    parameters = SMALL | {"max_iter": 1, "numeric_embedding": None}
    model = FCNetRegressor(**parameters, input_scaling=None)
    assert peak_of(lambda: model.fit(X, X[:, 0])) < 0.6 * X.nbytes
    assert encoded(model, X) is X


@every_encoding
def test_a_row_is_predicted_alone_as_among_many(encoding):
    model, X, y, _ = table_of("regression", n=4_500)
    model.set_params(**encoding).fit(X[:200], y[:200])
    together = model.predict(X)
    for rows in (slice(0, 1), slice(2_040, 2_060), slice(4_499, None)):
        np.testing.assert_allclose(model.predict(X[rows]), together[rows], rtol=1e-12)


def test_words_of_a_frame_are_categories_by_default():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"town": rng.choice(["a", "b", "c"], 90), "size": rng.random(90)})
    y = X["town"] == "b"
    model = FCNetClassifier(**SMALL).fit(X, y)
    same = FCNetClassifier(**SMALL, categorical_features=["town"]).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), same.predict_proba(X))
    assert len(model.coefs_[0]) > 4


# What users bring that is not quite so


@pytest.mark.parametrize("library", FRAMES)
def test_tables_of_categories_alone_are_learned(library):
    data, y = a_frame()
    words = {name: data[name] for name in ("town", "shop")}
    model = FCNetRegressor(
        hidden_layer_sizes=(8,), categorical_features="from_dtype", random_state=0
    )
    X = FRAMES[library](words)
    assert np.isfinite(model.fit(X, y).predict(X)).all()


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_numbers_that_are_categories_may_be_missing(frame):
    X = frame({"code": [1.0, 2.0, np.nan] * 10, "size": np.arange(30.0)})
    model = FCNetRegressor(
        hidden_layer_sizes=(4,), categorical_features=["code"], max_iter=2
    )
    assert np.isfinite(model.fit(X, np.arange(30.0)).predict(X[:3])).all()


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("unknown", [None, "elsewhere"])
def test_a_row_whose_only_category_is_unknown_is_predicted(frame, unknown):
    X = frame({"size": np.arange(30.0), "town": ["a", "b", "c"] * 10})
    model = FCNetRegressor(
        hidden_layer_sizes=(4,), categorical_features=["town"], max_iter=2
    )
    row = frame({"size": [1.0], "town": [unknown]})
    assert np.isfinite(model.fit(X, np.arange(30.0)).predict(row)).all()


def test_scaling_of_the_target_may_not_change_under_warm_start():
    X, y = np.arange(30.0)[:, np.newaxis], np.arange(30.0)
    model = FCNetRegressor(
        hidden_layer_sizes=(4,), warm_start=True, max_iter=2, random_state=0
    ).fit(X, y)
    before = model.predict(X)
    with pytest.raises(ValueError, match="scale_target was changed to False"):
        model.set_params(scale_target=False).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), before)


def test_the_range_of_the_output_grows_with_the_targets_seen():
    X, y = np.arange(30.0)[:, np.newaxis], np.arange(30.0)
    model = FCNetRegressor(
        hidden_layer_sizes=(4,), clip_output=True, learning_rate_init=0.1
    )
    model.set_params(random_state=0).partial_fit(X[:10], y[:10])
    for _ in range(100):
        model.partial_fit(X, y)
    assert 20 < model.predict(X).max() <= 29


@pytest.mark.parametrize("factor", [0.37, 1e-3, 1e-9])
def test_the_scale_of_weights_below_one_does_not_change_the_bins(factor):
    rng = np.random.default_rng(28)
    weight, X = rng.uniform(0.1, 1, 60), rng.normal(size=(60, 3))
    model = FCNetRegressor(
        hidden_layer_sizes=(2,),
        numeric_embedding="ple",
        max_iter=1,
        random_state=0,
    )
    of_weight = clone(model).fit(X, X[:, 0], weight).coefs_[0].shape
    assert model.fit(X, X[:, 0], factor * weight).coefs_[0].shape == of_weight


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_categories_that_come_too_late_are_told_of(method):
    X = pd.DataFrame({"town": ["a", "b"] * 20, "size": np.arange(40.0), "id": "x"})
    y = np.arange(40.0)
    model = FCNetRegressor(**SMALL, warm_start=True)
    train = getattr(model, method)
    train(X, y)
    train(X.assign(town=[None, "b"] * 20), y)  # missing is not new
    of_no_weight = X.assign(town=["c", *X["town"][1:]])
    train(of_no_weight, y, sample_weight=np.arange(40))
    later = X.assign(town=["c", "d", "e", "f", "g"] * 8)
    with pytest.warns(UserWarning, match="'c', 'd', 'e' and 2 more in 'town'.*Enum"):
        train(later, y)
    pickle.loads(pickle.dumps(model)).partial_fit(later, y)  # it was told of
    with pytest.warns(UserWarning, match="unknown: 'y' in 'id'"):
        train(later.assign(id="y"), y)
    train(later.assign(town="z", id="z"), y)
    model.predict(X.assign(town="d"))


def test_a_call_that_fails_has_told_of_nothing():
    X, y = pd.DataFrame({"town": ["a", "b"] * 20}), np.arange(40.0)
    model = FCNetRegressor(**SMALL).partial_fit(X, y)
    later = X.assign(town="c")
    for call in range(2):
        with (
            pytest.warns(UserWarning, match="'c' in 'town'"),
            pytest.raises(ValueError, match="was changed"),
        ):
            model.set_params(n_bins=5 + call).partial_fit(later, y)


DECLARED = {
    "pandas": lambda town, size: pd.DataFrame(
        {"town": pd.Categorical(town, categories=list("abcd")), "size": size}
    ),
    "polars": lambda town, size: pl.DataFrame(
        {"town": pl.Series(town, dtype=pl.Enum(list("abcd"))), "size": size}
    ),
}


@pytest.mark.parametrize("library", DECLARED)
@pytest.mark.parametrize("embedding", ["auto", "pbld", None])
@pytest.mark.parametrize("n_members", [1, 2])
def test_declared_categories_can_be_learned_later(library, embedding, n_members):
    frame, rng = DECLARED[library], np.random.default_rng(0)
    town, size = rng.choice(["a", "b"], 300), rng.normal(size=300)
    y = size + 5.0 * (town == "a")
    model = FCNetRegressor(
        hidden_layer_sizes=(16,),
        numeric_embedding=embedding,
        n_members=n_members,
        learning_rate_init=0.01,
        clip_output=False,
        random_state=0,
    )
    model.partial_fit(frame(town, size), y)
    new, missing = (frame([value] * 300, size) for value in ("d", None))
    # Until it is learned, it is as if it were missing, whatever the initial weights.
    np.testing.assert_array_equal(model.predict(new), model.predict(missing))
    before = model.score(new, size - 8)
    for _ in range(60):
        model = pickle.loads(pickle.dumps(model)).partial_fit(new, size - 8)
    assert before < 0 and model.score(new, size - 8) > 0.9


@pytest.mark.parametrize("library", DECLARED)
@pytest.mark.parametrize("solver", ["adamw", "sgd", "lbfgs"])
def test_weights_are_repetitions_where_declared_categories_have_no_rows(
    library, solver
):
    frame, rng = DECLARED[library], np.random.default_rng(0)
    town, size = rng.choice(["a", "b", "c"], 90), rng.normal(size=90)
    weight = rng.integers(0, 4, 90) * (town != "c")
    y = size + (town == "a")
    model = FCNetRegressor(**SMALL | {"early_stopping": True}, solver=solver)
    rows = np.arange(90).repeat(weight)
    weighted = clone(model).fit(frame(town, size), y, weight)
    repeated = clone(model).fit(frame(town[rows], size[rows]), y[rows])
    np.testing.assert_array_equal(
        weighted.predict(frame(town, size)), repeated.predict(frame(town, size))
    )
    assert weighted.coefs_[0].shape == repeated.coefs_[0].shape


# Numbers as text


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_numbers_as_text_are_learned_as_numbers(frame):
    rng = np.random.default_rng(0)
    ages, fares = rng.integers(1, 90, 400), rng.exponential(30, 400).round(2)
    fares[::50] = np.nan
    numbers = frame({"age": ages.astype(float), "fare": fares})
    text = frame(
        {
            "age": [str(age) for age in ages],
            "fare": ["" if np.isnan(fare) else str(fare) for fare in fares],
        }
    )
    y = ages + np.nan_to_num(fares)
    expected = FCNetRegressor(**SMALL, warm_start=True).fit(numbers, y)
    model = clone(expected)
    with pytest.warns(UserWarning, match=r"as text in its columns \['age', 'fare'\]"):
        model.fit(text, y)
    model = pickle.loads(pickle.dumps(model))
    for X in (text, numbers):
        np.testing.assert_array_equal(model.predict(X), expected.predict(numbers))
    expected.fit(numbers, y).partial_fit(numbers, y)
    model.fit(text, y).partial_fit(text, y)
    np.testing.assert_array_equal(model.predict(text), expected.predict(numbers))
    features = FCNetTransformer(expected, prefit=True).fit(numbers)
    for call in (expected.predict, features.transform):
        with pytest.warns(UserWarning, match=r"columns \['age', 'fare'\]"):
            np.testing.assert_array_equal(call(text), call(numbers))
    # Whoever wants categories says so.
    small = text[:60]
    model.set_params(categorical_features=["age", "fare"], warm_start=False)
    model.fit(small, y[:60])
    assert np.isfinite(model.predict(small)).all()
    with pytest.raises(ValueError, match=r"column 'age', which held text in fit"):
        model.predict(numbers)


def test_a_value_that_cannot_be_a_category_is_named_at_predict():
    frame = pd.DataFrame({"kind": ["a", "b"] * 20, "size": np.arange(40.0)})
    model = FCNetRegressor(**SMALL).fit(frame, np.arange(40.0))
    other = frame[:2].assign(kind=[["a"], "b"])
    with pytest.raises((TypeError, ValueError), match="'kind'"):
        model.predict(other)


NUMBERS = [round(number, 2) for number in np.random.default_rng(0).normal(size=60)]


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["?", *map(str, NUMBERS)], "'?'"),
        (["unknown", "-", *map(str, NUMBERS)], "'-', 'unknown'"),
        ([f"{number}%" for number in NUMBERS], "%'"),
        ([f"{1e5 * number:,.0f}" for number in NUMBERS], ",000'"),
        ([str(number).replace(".", ",") for number in NUMBERS], "'-0,"),
        ([f"${number}" for number in NUMBERS], "'$"),
    ],
    ids=["gap", "words", "percent", "thousands", "comma", "currency"],
)
def test_numbers_with_signs_or_a_few_words_are_doubtful_as_categories(
    library, words, named
):
    frame_of = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library]
    frame = frame_of({"size": words, "weight": np.arange(len(words))})
    model = FCNetRegressor(hidden_layer_sizes=(2,), max_iter=1)
    with pytest.warns(UserWarning, match="mostly numbers, and is read as") as caught:
        model.fit(frame, np.arange(len(words)))
    assert named in str(caught[0].message)
    assert "in 'size': make it numbers" in str(caught[0].message)
    model.set_params(categorical_features=["size"]).fit(frame, np.arange(len(words)))


@pytest.mark.parametrize(
    "words",
    [
        [f"{i:03d}" for i in range(60)],
        [f"2020-01-{i % 28 + 1:02d}" for i in range(60)],
        ["1", "2", "3a"] * 20,
        ["1", "2", "unknown"] * 20,
        [f"u{i}" for i in range(60)],
    ],
    ids=["codes", "dates", "flats", "grades", "names"],
)
def test_words_and_codes_are_not_doubtful_as_categories(words):
    frame = pd.DataFrame({"code": words})
    FCNetRegressor(hidden_layer_sizes=(2,), max_iter=1).fit(frame, np.arange(60))


def test_rows_of_weight_zero_do_not_make_categories_of_numbers():
    X = pd.DataFrame({"k": [*map(str, range(40)), ""]})
    X_other, y = X.replace({"k": {"": "0041"}}), np.arange(41.0)
    weight = y < 40
    models = [FCNetRegressor(**SMALL) for _ in range(2)]
    for model, table in zip(models, (X, X_other), strict=True):
        with pytest.warns(UserWarning, match="as text"):
            model.fit(table, y, weight)
    assert_same(*models, X[:40])


@pytest.mark.parametrize("given", [np.asarray, np.ndarray.tolist])
def test_words_in_arrays_are_named_and_numbers_in_them_read(given):
    X = np.array([["1", "a"], ["2", "b"]] * 20, dtype=object)
    model = FCNetRegressor(**SMALL)
    with pytest.raises(ValueError, match="text 'a' in its column 0, "):
        model.fit(given(X[:, 1:]), np.arange(40.0))
    expected = model.fit(X[:, :1].astype(float), np.arange(40.0))
    with pytest.warns(UserWarning, match=r"columns \[0\]"):
        np.testing.assert_array_equal(
            expected.predict(given(X[:, :1])), expected.predict([[1.0], [2.0]] * 20)
        )


def test_a_lazy_frame_is_asked_to_be_collected():
    X = pl.DataFrame({"a": np.arange(30.0)})
    model = FCNetRegressor(**SMALL)
    with pytest.raises(TypeError, match=r"X is a LazyFrame .* pass X.collect\(\)"):
        model.fit(X.lazy(), np.arange(30.0))
    model.fit(X, np.arange(30.0))
    with pytest.raises(TypeError, match=r"pass X.collect\(\)"):
        model.predict(X.lazy())


@pytest.mark.parametrize("given", [np.asarray, np.ndarray.tolist, pd.DataFrame])
@pytest.mark.parametrize("then", [np.asarray, np.ndarray.tolist])
def test_categories_are_the_same_in_arrays_and_lists(given, then):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 3, 60), rng.normal(size=60)])
    y = X[:, 0] == 1
    model = FCNetClassifier(**SMALL, categorical_features=[0]).fit(given(X), y)
    expected = FCNetClassifier(**SMALL, categorical_features=[0]).fit(X, y)
    np.testing.assert_array_equal(
        model.predict_proba(then(X)), expected.predict_proba(X)
    )
