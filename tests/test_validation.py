"""The validation set: passed or held out, its weights and its scores."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    PredefinedSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import scaffolding
from scaffolding import SMALL, any_solver, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor

pytestmark = [short_fits, any_solver]

EARLY = SMALL | {
    "max_iter": 8,
    "learning_rate_init": 0.05,
    "early_stopping": True,
    "scoring": None,
}


def data_of(kind, n=80):
    """Return an estimator, data to train on, and data to validate on."""
    of_kind = "multiclass" if kind == "classification" else kind
    model, X, y = scaffolding.data_of(of_kind, n + 40, n_features=4)
    if kind == "regression":
        y[:n] += np.random.default_rng(1).normal(size=n)
    else:
        y = np.array(["a", "b", "c"])[y]
    return model.set_params(**EARLY), X[:n], y[:n], X[n:], y[n:]


KINDS = ["classification", "regression"]


def bad_validation(X, y):
    infinite, ones = X.copy(), np.ones(len(X))
    infinite[0, 0] = np.inf
    names = "X_val, y_val, sample_weight_val: .*"
    return {
        "no target": ({"X_val": X}, "y_val is missing"),
        "no input": ({"y_val": y}, "X_val is missing"),
        "weights alone": ({"sample_weight_val": ones}, "sample_weight_val needs X_val"),
        "width": ({"X_val": X[:, :2], "y_val": y}, names + "2 features"),
        "length": ({"X_val": X, "y_val": y[1:]}, names + "inconsistent"),
        "infinity": ({"X_val": infinite, "y_val": y}, names + "infinity"),
        "no rows": ({"X_val": X[:0], "y_val": y[:0]}, names + "0 sample"),
        "weight length": (
            {"X_val": X, "y_val": y, "sample_weight_val": ones[1:]}, names + "shape"
        ),
        "negative": (
            {"X_val": X, "y_val": y, "sample_weight_val": -ones}, names + "[Nn]egative"
        ),
        "all zero": (
            {"X_val": X, "y_val": y, "sample_weight_val": 0 * ones}, names + "zero"
        ),
    }  # fmt: skip


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", bad_validation(np.ones((2, 3)), np.ones(2)))
def test_errors_name_what_is_wrong_with_validation_data(kind, fault, method):
    model, X, y, X_val, y_val = data_of(kind)
    keywords, message = bad_validation(X_val, y_val)[fault]
    if method == "partial_fit" and kind == "classification":
        keywords = keywords | {"classes": np.unique(y)}
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(X, y, **keywords)
    assert not hasattr(model, "n_iter_")


def test_numbers_too_large_to_validate_on_are_named_as_such():
    model, X, y, X_val, y_val = data_of("regression")
    model.set_params(input_scaling="standard")
    with pytest.raises(ValueError, match=r"In the validation set: .* too large"):
        model.fit(X, y, X_val=1e300 * X_val, y_val=y_val)
    assert not hasattr(model, "n_iter_")


def test_unknown_labels_and_forgotten_early_stopping_are_refused():
    model, X, y, X_val, y_val = data_of("classification")
    other = np.full(len(y_val), "z")
    with pytest.raises(ValueError, match=r"y_val.*'z'.*not in classes_"):
        model.fit(X, y, X_val=X_val, y_val=other)
    with pytest.raises(ValueError, match=r"X_val and y_val.*early_stopping=True"):
        model.set_params(early_stopping=False).fit(X, y, X_val=X_val, y_val=y_val)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scoring", [None, "loss"])
def test_a_validation_row_of_weight_k_is_k_rows(kind, scoring):
    model, X, y, X_val, y_val = data_of(kind)
    model.set_params(scoring=scoring, n_iter_no_change=np.inf)
    weight = np.arange(len(X_val)) % 4
    weighted = clone(model).fit(
        X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight
    )
    repeated = clone(model).fit(
        X, y, X_val=X_val.repeat(weight, axis=0), y_val=y_val.repeat(weight)
    )
    plain = clone(model).fit(X, y, X_val=X_val, y_val=y_val)
    for name in ("validation_scores_", "validation_loss_curve_"):
        expected = getattr(repeated, name)
        np.testing.assert_allclose(getattr(weighted, name), expected, rtol=1e-6)
        assert not np.allclose(getattr(plain, name), expected, rtol=1e-6)
    # Training is not weighted by it.
    assert weighted.loss_curve_ == plain.loss_curve_


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("normalization", [None, "batch"])
def test_the_weights_and_statistics_of_the_best_epoch_are_kept(
    kind, solver, normalization
):
    model, X, y, X_val, y_val = data_of(kind, n=25)
    model.set_params(solver=solver, normalization=normalization, max_iter=40)
    model.set_params(n_iter_no_change=np.inf, hidden_layer_sizes=(30,), alpha=0.0)
    model.set_params(learning_rate_init=0.02)  # with sgd, some data diverge at 0.05
    model.fit(X, y, X_val=X_val, y_val=y_val)
    scores = model.validation_scores_
    assert (
        model.best_validation_score_ == max(scores) == scores[model.best_iteration_ - 1]
    )
    assert model.score(X_val, y_val) == pytest.approx(max(scores), rel=1e-6)
    assert model.loss_ == model.loss_curve_[model.best_iteration_ - 1]
    if kind == "regression":  # noise is overfitted: the last is not the best
        assert model.best_iteration_ < model.n_iter_


@pytest.mark.parametrize(
    "scoring",
    ["neg_log_loss", "balanced_accuracy", "roc_auc_ovr", "f1_macro",
     make_scorer(accuracy_score), lambda model, X, y: model.score(X, y)],
    ids=["log loss", "balanced", "auc", "f1", "scorer", "callable"],
)  # fmt: skip
@pytest.mark.parametrize("frame", [False, True])
def test_scorers_see_the_labels_of_the_user_and_are_recomputed(scoring, frame):
    model, X, y, X_val, y_val = data_of("classification")
    model.set_params(scoring=scoring)
    if frame:  # warnings are errors: also those of feature names
        X, X_val = (pd.DataFrame(a, columns=list("abcd")) for a in (X, X_val))
    model.fit(X, y, X_val=X_val, y_val=y_val)
    scorer = sklearn.metrics.check_scoring(model, scoring)
    assert scorer(model, X_val, y_val) == pytest.approx(
        model.best_validation_score_, rel=1e-5
    )


@pytest.mark.parametrize("frame", [False, True])
def test_rows_set_aside_of_a_frame_are_scored_without_warnings(frame):
    model, X, y, _, _ = data_of("classification")
    X = pd.DataFrame(X, columns=list("abcd")) if frame else X
    model.set_params(scoring="f1_macro").fit(X, y)
    assert hasattr(model, "feature_names_in_") is frame


def test_where_scores_differ_by_less_than_tol_the_loss_decides():
    """Here by 1e-6: the first score is the best, and the loss falls all the time."""
    model, X, y, X_val, y_val = data_of("classification")
    scores = iter(1 - 1e-6 * np.arange(20))
    model.set_params(
        early_stopping=True,
        scoring=lambda *_: next(scores),
        tol=1e-4,
        n_iter_no_change=2,
        max_iter=10,
    )
    model.fit(X, y, X_val=X_val, y_val=y_val)
    losses = model.validation_loss_curve_
    assert model.n_iter_ == 10
    assert model.best_iteration_ == 1 + np.argmin(losses) > 1
    assert model.best_validation_score_ == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_score_can_be_the_loss(kind):
    model, X, y, _, _ = data_of(kind)
    model.set_params(scoring="loss").fit(X, y)
    assert model.validation_scores_ == [-v for v in model.validation_loss_curve_]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(value):
    model, X, y, _, _ = data_of("regression")
    with pytest.raises(ValueError, match=f"validation score became {value}.*scoring"):
        model.set_params(scoring=lambda *_: value).fit(X, y)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "splitter", [KFold(4), PredefinedSplit(np.arange(80) // 20)], ids=["k", "given"]
)
def test_a_splitter_sets_rows_aside_by_its_first_split(kind, splitter):
    model, X, y, _, _ = data_of(kind)
    split = clone(model).set_params(validation_fraction=splitter).fit(X, y)
    given = clone(model).fit(X[20:], y[20:], X_val=X[:20], y_val=y[:20])
    assert split.loss_curve_ == given.loss_curve_
    assert split.validation_scores_ == given.validation_scores_
    np.testing.assert_array_equal(split.predict(X), given.predict(X))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_history_is_a_table_of_all_epochs(early_stopping, solver):
    model, X, y, _, _ = data_of("regression")
    model.set_params(early_stopping=early_stopping, solver=solver).fit(X, y)
    table = pd.DataFrame(model.history_)
    assert list(table.epoch) == [*range(1, model.n_iter_ + 1)]
    assert list(table.loss) == model.loss_curve_
    if early_stopping:
        assert list(table.validation_score) == model.validation_scores_
        assert len(model.validation_loss_curve_) == model.n_iter_
        assert table.validation_score.argmax() + 1 == model.best_iteration_
    else:
        assert model.validation_scores_ is model.validation_loss_curve_ is None
        assert table.validation_score.isna().all()
        assert table.loss.argmin() + 1 == model.best_iteration_


@pytest.mark.parametrize("kind", KINDS)
def test_a_pipeline_transforms_validation_data_too(kind):
    model, X, y, X_val, y_val = data_of(kind)
    scaler = StandardScaler().fit(10 * X + 5)
    expected = clone(model).fit(
        scaler.transform(10 * X + 5), y,
        X_val=scaler.transform(10 * X_val + 5), y_val=y_val,
    )  # fmt: skip
    with sklearn.config_context(enable_metadata_routing=True):
        model.set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(
            StandardScaler(), model, transform_input=["X_val"]
        ).fit(10 * X + 5, y, X_val=10 * X_val + 5, y_val=y_val)
    assert pipeline[-1].validation_scores_ == expected.validation_scores_


@pytest.mark.parametrize("kind", KINDS)
def test_a_grid_search_over_early_stopping_finds_what_works(kind):
    model, X, y, _, _ = data_of(kind)
    grid = {"learning_rate_init": [1e-12, 0.05], "validation_fraction": [0.2]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert search.best_params_["learning_rate_init"] == 0.05
    assert search.best_estimator_.validation_scores_ is not None


@pytest.mark.parametrize("learning_rate", ["constant", "wsd"])
@pytest.mark.parametrize("kind", KINDS)
def test_partial_fit_notes_scores_and_goes_on(kind, learning_rate):
    model, X, y, X_val, y_val = data_of(kind)
    model.set_params(n_iter_no_change=1, tol=10.0, learning_rate=learning_rate)
    plain = clone(model).set_params(early_stopping=False)
    classes = {"classes": np.unique(y)} if kind == "classification" else {}
    for _ in range(5):
        model.partial_fit(X, y, X_val=X_val, y_val=y_val, **classes)
        plain.partial_fit(X, y, **classes)
        assert model.score(X_val, y_val) == pytest.approx(
            model.validation_scores_[-1], rel=1e-6, abs=1e-6
        )
    assert model.n_iter_ == len(model.validation_scores_) == 5
    assert model.best_validation_score_ == max(model.validation_scores_)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))


# What once went wrong


def test_scores_of_partial_fit_are_not_mixed_up_with_losses():
    model, X, y, *_ = data_of("regression")
    model.set_params(early_stopping=False).fit(X, 0.01 * y)
    model.set_params(early_stopping=True)
    model.partial_fit(X, 0.01 * y, X_val=X, y_val=-0.01 * y)
    assert model.best_validation_score_ == model.validation_scores_[-1]
    assert model.best_iteration_ == model.n_iter_
    score = model.best_validation_score_
    model.partial_fit(X, 0.01 * y)
    assert model.best_validation_score_ == score


def test_a_splitter_sees_the_rows_that_were_given():
    model, X, y, *_ = data_of("regression")
    fold = np.where(np.arange(len(X)) % 4 == 0, 0, -1)
    weight = np.where(np.arange(len(X)) < 30, 0.0, 1.0)
    model.set_params(early_stopping=True)
    splitting = clone(model).set_params(validation_fraction=PredefinedSplit(fold))
    split = splitting.fit(X, y, weight)
    given = model.fit(
        X[fold == -1],
        y[fold == -1],
        weight[fold == -1],
        X_val=X[fold == 0],
        y_val=y[fold == 0],
        sample_weight_val=weight[fold == 0],
    )
    assert split.validation_scores_ == given.validation_scores_


class Splitter:
    """Splits rows as it was told, and as scikit-learn's cross-validation takes it."""

    def __init__(self, trained, validated):
        self.parts = trained, validated

    def split(self, X, y=None, groups=None):
        yield self.parts

    def get_n_splits(self, *_):
        return 1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_splitter_may_yield_masks_lists_or_indices_from_the_end(kind, weighted):
    model, X, y, *_ = data_of(kind)
    weight = np.random.default_rng(0).uniform(0, 2, size=len(X)).round(1)
    weight = weight if weighted else None
    mask = np.arange(len(X)) < 60
    forms = [
        (np.arange(60), np.arange(60, 80)),
        (mask, ~mask),
        (mask.tolist(), (~mask).tolist()),
        (list(range(60)), range(-20, 0)),
        (np.arange(60)[:, np.newaxis], np.arange(60, 80)),
        (pd.Series(mask), pd.array(~mask, dtype="boolean")),
    ]
    models = [
        clone(model).set_params(validation_fraction=Splitter(*form)).fit(X, y, weight)
        for form in forms
    ]
    for other in models[1:]:
        assert other.history_["validation_loss"] == models[0].validation_loss_curve_
        assert other.loss_curve_ == models[0].loss_curve_
    if not weighted:
        assert models[0].t_ == 60 * models[0].n_iter_


def test_rows_that_a_splitter_yields_twice_count_twice():
    model, X, y, X_val, y_val = data_of("regression")
    X, y = np.vstack([X, X_val]), np.append(y, y_val)
    drawn = np.random.default_rng(0).integers(80, size=80)
    splitter = Splitter(drawn, np.arange(80, 120))
    bootstrap = clone(model).set_params(validation_fraction=splitter).fit(X, y)
    given_twice = model.fit(X[drawn], y[drawn], X_val=X_val, y_val=y_val)
    assert bootstrap.validation_scores_ == given_twice.validation_scores_


@pytest.mark.parametrize(
    "splitter",
    [
        GroupKFold(2),
        PredefinedSplit(np.full(80, -1)),
        KFold(500),
        Splitter(np.ones(79, bool), np.ones(79, bool)),
        Splitter([0, 1, 80], [2]),
        Splitter([0.0, 1.0], [2]),
        Splitter([0, 1], []),
        Splitter(None, [2]),
    ],
)
def test_a_splitter_that_cannot_split_is_named(splitter):
    model, X, y, *_ = data_of("regression")
    model.set_params(early_stopping=True, validation_fraction=splitter)
    with pytest.raises(ValueError, match="validation_fraction="):
        model.fit(X, y)


@pytest.mark.parametrize("score", [None, "0.5", np.array([0.5, 0.5])])
def test_a_scorer_that_returns_no_number_is_named(score):
    model, X, y, *_ = data_of("regression")
    model.set_params(early_stopping=True, scoring=lambda *_: score)
    with pytest.raises(ValueError, match="scoring must return a number"):
        model.fit(X, y)


def test_a_scorer_that_takes_no_weights_is_named():
    model, X, y, *_ = data_of("classification")
    model.set_params(
        early_stopping=True, class_weight="balanced", scoring=lambda *_: 0.5
    )
    with pytest.raises(
        ValueError, match=r"scoring=.*accepts .*, X, y, sample_weight: "
    ):
        model.fit(X, y)


@pytest.mark.parametrize("scoring", ["roc_auc", lambda y, p: 0.5], ids=["name", "call"])
def test_what_is_no_scorer_of_the_estimator_is_named(scoring):
    model, X, y, *_ = data_of("regression")
    model.set_params(early_stopping=True, scoring=scoring)
    message = (
        r"scoring=.* must be a scorer for a FCNetRegressor that accepts .*, X, y: "
    )
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)


@pytest.mark.parametrize("class_weight", [[None] * 3, ["x"] * 3, [{0: "a"}] * 3])
def test_class_weights_that_are_none_are_named(class_weight):
    model, X, *_ = data_of("classification")
    y = (X[:, :3] > 0).astype(int)
    with pytest.raises(ValueError, match="class_weight must contain"):
        model.set_params(class_weight=class_weight).fit(X, y)


def test_rows_to_validate_on_that_cost_nothing_are_refused():
    model, X, y, *_ = data_of("classification")
    model.set_params(early_stopping=True, class_weight={"a": 0.0})
    with pytest.raises(ValueError, match="class_weight must not be zero"):
        model.fit(X, y, X_val=X[y == "a"], y_val=y[y == "a"])


# Weights


@given(
    estimator=st.sampled_from([FCNetClassifier, FCNetRegressor]),
    n=st.integers(6, 60),
    spread=st.sampled_from([0.5, 3.0, 10.0, 100.0]),
    recent=st.booleans(),
    validation_fraction=st.one_of(st.floats(0.05, 0.6), st.just("last third")),
    seed=st.integers(0, 999),
)
@settings(deadline=None, max_examples=60)
def test_an_epoch_has_as_many_rows_as_are_trained_on_however_skewed_the_weights(
    estimator, n, spread, recent, validation_fraction, seed
):
    rng = np.random.default_rng(seed)
    X, exponents = rng.normal(size=(n, 2)), rng.normal(size=n)
    weight = np.exp(spread * (np.sort(exponents) if recent else exponents))
    if validation_fraction == "last third":
        fold = np.where(np.arange(n) < n - n // 3, -1, 0)
        validation_fraction, n_trained = PredefinedSplit(fold), n - n // 3
    else:
        n_trained = None
    model = estimator(**EARLY).set_params(
        max_iter=2, validation_fraction=validation_fraction
    )
    model.fit(X, (X[:, 0] > 0).astype(int), weight)
    rows, rest = divmod(model.t_, model.n_iter_)
    assert rows >= 1
    assert rest == 0
    if n_trained is not None:
        assert n_trained <= rows <= 8 * n_trained


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
@pytest.mark.parametrize("n", [129, 130])
@pytest.mark.parametrize("weight", [0.999, "random", "one"])
def test_the_schedule_ends_with_the_training_whatever_the_weights(schedule, n, weight):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    weights = {"random": rng.random(n) + 0.1, "one": np.r_[1.6, np.ones(n - 1)]}
    model = FCNetRegressor(
        hidden_layer_sizes=(4,), max_iter=20, learning_rate=schedule, random_state=0
    )
    model.fit(X, X[:, 0], weights.get(weight, np.full(n, 0.999)))
    rates = np.array(model.history_["learning_rate"])
    assert rates[-1] < 0.02 * rates.max()
    assert (np.diff(rates[rates.argmax() :]) < 0).all()


@pytest.mark.parametrize("decay", [3, 30, 100])
@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("estimator", [FCNetClassifier, FCNetRegressor])
def test_rows_of_little_weight_are_not_all_set_aside(estimator, fraction, decay):
    n = 300
    X = np.random.default_rng(0).normal(size=(n, 2))
    model = estimator(hidden_layer_sizes=(2,), max_iter=1, early_stopping=True)
    model.set_params(validation_fraction=fraction, random_state=0)
    model.fit(X, (X[:, 0] > 0).astype(int), np.exp(np.arange(n) / decay))
    assert model.t_ >= (1 - fraction) / 2 * n


def test_rows_of_little_weight_are_set_aside_where_few_are_left():
    X, y = [[0.0], [1.0], [2.0]], [0.0, 1.0, 0.0]
    for seed in range(8):
        model = FCNetRegressor(
            hidden_layer_sizes=(2,),
            max_iter=2,
            early_stopping=True,
            scoring=None,
            n_members=1,
            random_state=seed,
        )
        model.fit(X, y, sample_weight=[1, 1, 100])
        assert model.t_ == 2 * 1  # one row trained on; R^2 needs two


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["X", "y", "sample_weight", "X_val", "y_val", "sample_weight_val"]
)
def test_masked_arrays_are_refused_by_name(kind, name):
    model, X, y, X_val, y_val = data_of(kind)
    arguments = {
        "X": X,
        "y": y,
        "sample_weight": np.ones(len(X)),
        "X_val": X_val,
        "y_val": y_val,
        "sample_weight_val": np.ones(len(X_val)),
    }
    arguments[name] = np.ma.masked_array(arguments[name])
    own = name.removesuffix("_val")
    with pytest.raises(TypeError, match=f"{own} is a masked array.*fill it"):
        model.fit(**arguments)


# What is clearly wrong with validation data


@pytest.mark.parametrize("kind", KINDS)
def test_validation_rows_on_another_scale_are_warned_of(kind):
    model, X, y, X_val, y_val = data_of(kind)
    raw = [10 * X + 50, 10 * X_val + 50]
    scaler = StandardScaler().fit(raw[0])
    pipeline = make_pipeline(StandardScaler(), model)
    name = type(model).__name__.lower()
    with pytest.warns(UserWarning, match="X_val is on another scale than X: transform"):
        pipeline.fit(raw[0], y, **{f"{name}__X_val": raw[1], f"{name}__y_val": y_val})
    pipeline.fit(
        raw[0],
        y,
        **{f"{name}__X_val": scaler.transform(raw[1]), f"{name}__y_val": y_val},
    )
    model.fit(*(raw[0], y), X_val=raw[1], y_val=y_val)
    model.fit(X / 255, y, X_val=X_val[:9], y_val=y_val[:9])  # too few to tell
    with pytest.warns(UserWarning, match="X_val is on another scale"):
        model.fit(X / 255, y, X_val=X_val, y_val=y_val)


def test_later_rows_constant_columns_and_gaps_are_on_no_other_scale():
    model, X, y, X_val, y_val = data_of("regression")
    X[:, 1], X_val[:, 1] = 3.0, 3.0
    X[::2, 2] = X_val[::2, 2] = np.nan
    X_val[:, 3] += 100  # one column of four, such as a date
    model.fit(X, y, X_val=X_val, y_val=y_val)


@pytest.mark.parametrize("scoring", [None, "loss"])
@pytest.mark.parametrize("weight", [0.0, 1e-300])
def test_a_validation_set_whose_classes_weigh_nothing_is_refused(scoring, weight):
    model, X, y, X_val, y_val = data_of("binary")
    of_no_cost = y_val == (label := y_val[0])
    model.set_params(class_weight={label: 0.0}, scoring=scoring)
    weights = np.where(of_no_cost, 1e300, weight)
    with pytest.raises(ValueError, match="class_weight must not be zero for all rows"):
        model.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    model.fit(X, y, X_val=X_val, y_val=y_val)


@pytest.mark.parametrize("splitter", [None, PredefinedSplit([-1] * 79 + [0])])
def test_a_score_of_too_few_rows_is_refused_before_training(splitter):
    model, X, y, X_val, y_val = data_of("regression")
    data = {"X_val": X_val[:1], "y_val": y_val[:1]} if splitter is None else {}
    model.set_params(validation_fraction=splitter or 0.2)
    with pytest.raises(ValueError, match="validation set of at least 2 rows, got 1"):
        model.fit(X, y, **data)
    model.set_params(scoring="loss").fit(X, y, **data)
