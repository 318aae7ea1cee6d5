"""The estimators among their neighbours: scikit-learn's tools and other packages.

What is pure scikit-learn always runs. Other packages are skipped where they are absent;
the extra ``neighbours`` installs those that no other extra does.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, get_scorer, r2_score, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from scaffolding import any_solver, old_logistic_regression, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor, FCNetTransformer
from skfcnet.presets import SEARCH_SPACE

pytestmark = [short_fits, any_solver]
QUICK = {"hidden_layer_sizes": (16,), "n_members": 1, "max_iter": 20, "random_state": 0}


def optional(name, extra="neighbours"):
    """Return an optional package, or skip the test and say which extra has it."""
    return pytest.importorskip(name, reason=f"needs the extra {extra!r}")


@pytest.fixture(scope="module")
def table():
    """A table with categories and gaps, of which few rows are positive."""
    rng = np.random.default_rng(0)
    n = 500
    X = pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "town": pd.Categorical(rng.choice(["a", "b", "c"], n)),
            "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "noise": rng.normal(size=n),
        }
    )
    score = 2 * X["size"] + 2 * (X.town == "a") + X.gaps.fillna(1.0)
    is_positive = score + rng.normal(size=n) > 3.8
    return X, score.to_numpy(), is_positive.to_numpy().astype(int)


# scikit-learn


def test_a_frozen_estimator_is_calibrated_and_not_fitted_again(table):
    X, _, y = table
    net = FCNetClassifier(**QUICK).fit(X[:300], y[:300])
    before = net.predict_proba(X)
    frozen = FrozenEstimator(net)
    assert clone(frozen).predict_proba(X).tolist() == before.tolist()
    calibrated = CalibratedClassifierCV(frozen, cv=3).fit(X[300:], y[300:])
    assert len(calibrated.calibrated_classifiers_) == 1
    np.testing.assert_array_equal(net.predict_proba(X), before)
    assert calibrated.predict_proba(X).shape == (500, 2)


def test_a_threshold_is_tuned(table):
    X, _, y = table
    assert y.mean() < 0.15
    tuned = TunedThresholdClassifierCV(
        FCNetClassifier(**QUICK), scoring="balanced_accuracy", cv=3
    )
    tuned.fit(X, y)
    assert 0 < tuned.best_threshold_ < 0.5
    plain = FCNetClassifier(**QUICK).fit(X, y)
    recalls = [recall_score(y, model.predict(X)) for model in (plain, tuned)]
    assert recalls[0] < recalls[1]


def test_a_halving_search_narrows_down():
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV, HalvingRandomSearchCV

    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 4))
    y = X @ [1.0, 2.0, 0.0, -1.0]
    search = HalvingGridSearchCV(
        FCNetRegressor(**QUICK, linear_term=False),
        {"alpha": [1e-4, 1e4], "activation": ["relu", "tanh"]},
        resource="max_iter",
        min_resources=4,
        max_resources=16,
        factor=2,
        cv=2,
        random_state=0,
    )
    search.fit(X, y)
    assert search.n_resources_ == [4, 8, 16]
    assert search.n_candidates_ == [4, 2, 1]
    assert search.best_params_["alpha"] == 1e-4
    drawn = HalvingRandomSearchCV(
        FCNetRegressor(**QUICK),
        {"alpha": SEARCH_SPACE["weight_decay"]},
        n_candidates=3,
        cv=2,
        random_state=0,
    )
    assert drawn.fit(X, y).best_score_ > 0.5


def test_a_random_search_draws_from_the_search_space(table):
    X, target, _ = table
    space = SEARCH_SPACE | {"hidden_layer_sizes": [(8,), (8, 8)]}
    settings = QUICK | {"max_iter": 3}
    search = RandomizedSearchCV(
        FCNetRegressor(**settings), space, n_iter=4, cv=2, random_state=0
    )
    search.fit(X, target)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_.keys() == SEARCH_SPACE.keys()


def test_weights_and_groups_are_routed(table):
    X, target, _ = table
    weight = np.arange(500) % 3
    groups = np.arange(500) // 10
    with config_context(enable_metadata_routing=True):
        net = FCNetRegressor(**QUICK).set_fit_request(sample_weight=True, groups=True)
        scorer = get_scorer("r2").set_score_request(sample_weight=True)
        pipeline = make_pipeline(MinMaxScaler(), net)
        results = cross_validate(
            pipeline,
            X[["size", "gaps"]],
            target,
            params={"sample_weight": weight, "groups": groups},
            scoring=scorer,
            cv=GroupKFold(3),
            return_estimator=True,
            return_indices=True,
        )
        train, test = (results["indices"][name][0] for name in ("train", "test"))
        first = results["estimator"][0]
        numbers = X[["size", "gaps"]].iloc[test]
        predicted = first.predict(numbers)
        score = r2_score(target[test], predicted, sample_weight=weight[test])
        assert results["test_score"][0] == score
        alone = clone(net).fit(
            first[0].transform(X[["size", "gaps"]].iloc[train]),
            target[train],
            sample_weight=weight[train],
            groups=groups[train],
        )
        np.testing.assert_array_equal(
            alone.predict(first[0].transform(numbers)), predicted
        )


@old_logistic_regression
def test_hidden_features_come_as_frames(table):
    X, _, y = table
    transformer = FCNetTransformer(FCNetClassifier(**QUICK, linear_term=False))
    pipeline = make_pipeline(transformer, LogisticRegression())
    pipeline.set_output(transform="pandas").fit(X, y)
    features = pipeline[:-1].transform(X)
    assert isinstance(features, pd.DataFrame)
    assert list(features.columns) == list(pipeline[:-1].get_feature_names_out())
    assert list(features.index) == list(X.index)
    assert list(pipeline[-1].feature_names_in_) == list(features.columns)
    columns = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["town"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    model = make_pipeline(columns, FCNetClassifier(**QUICK))
    model.set_output(transform="pandas").fit(X, y)
    assert "gaps" in list(model[-1].feature_names_in_)
    assert model.score(X, y) > 0.85


# polars and skops


def test_polars_frames_give_what_pandas_gives(table):
    pl = optional("polars", "test")
    X, _, y = table
    frame = pl.from_pandas(X)
    models = [FCNetClassifier(**QUICK).fit(rows, y) for rows in (X, frame)]
    expected = models[0].predict_proba(X)
    np.testing.assert_array_equal(models[1].predict_proba(frame), expected)
    search = GridSearchCV(FCNetClassifier(**QUICK), {"alpha": [1e-4, 1.0]}, cv=2)
    assert search.fit(frame, pl.Series(y)).score(frame, y) > 0.8
    transformer = FCNetTransformer(FCNetClassifier(**QUICK, linear_term=False))
    transformer.set_output(transform="polars").fit(frame, y)
    assert isinstance(transformer.transform(frame), pl.DataFrame)


def test_skops_keeps_pipelines(table):
    sio = optional("skops.io", "files")
    from skfcnet.files import TRUSTED_TYPES

    X, _, y = table
    model = make_pipeline("passthrough", FCNetClassifier(**QUICK)).fit(X, y)
    content = sio.dumps(model)
    assert set(sio.get_untrusted_types(data=content)) <= set(TRUSTED_TYPES)
    loaded = sio.loads(content, trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


# Other packages


def test_samplers_of_imbalanced_learn_balance_what_a_network_learns_from(table):
    optional("imblearn")
    from imblearn.ensemble import BalancedBaggingClassifier
    from imblearn.over_sampling import SMOTE, RandomOverSampler
    from imblearn.pipeline import make_pipeline as make_sampling_pipeline

    X, _, y = table
    train, test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
    net = FCNetClassifier(**QUICK)
    plain = clone(net).fit(train, y_train)
    sampler = RandomOverSampler(random_state=0)
    model = make_sampling_pipeline(sampler, net).fit(train, y_train)
    scores = [
        balanced_accuracy_score(y_test, one.predict(test)) for one in (plain, model)
    ]
    assert scores[0] < scores[1]
    # A row that is drawn k times counts as one of weight k.
    rows, counts = np.unique(model[0].sample_indices_, return_counts=True)
    weighted = clone(net).fit(train.iloc[rows], y_train[rows], sample_weight=counts)
    np.testing.assert_array_equal(
        weighted.predict_proba(test), model.predict_proba(test)
    )
    numbers = train[["size", "noise"]]
    smote = make_sampling_pipeline(SMOTE(random_state=0), net)
    assert smote.fit(numbers, y_train).predict(numbers).mean() > y_train.mean()
    bagging = BalancedBaggingClassifier(net, n_estimators=2, random_state=0)
    assert bagging.fit(numbers, y_train).score(numbers, y_train) > 0.5


def test_optuna_prunes_what_partial_fit_shows_to_be_bad(table):
    optuna = optional("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    X, target, _ = table
    train, held_out, y_train, y_held_out = train_test_split(X, target, random_state=0)

    def objective(trial):
        alpha = trial.suggest_categorical("alpha", [1e-4, 1e5])
        net = FCNetRegressor(**QUICK | {"alpha": alpha}, early_stopping=False)
        for epoch in range(10):
            net.partial_fit(train, y_train)
            score = net.score(held_out, y_held_out)
            trial.report(score, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return score

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.GridSampler({"alpha": [1e-4, 1e5]}, seed=0),
        pruner=optuna.pruners.PercentilePruner(50.0, n_startup_trials=1),
    )
    study.enqueue_trial({"alpha": 1e-4})
    study.optimize(objective, n_trials=3)
    pruned = study.get_trials(states=[optuna.trial.TrialState.PRUNED])
    assert {trial.params["alpha"] for trial in pruned} == {1e5}
    assert all(len(trial.intermediate_values) < 10 for trial in pruned)
    assert study.best_params == {"alpha": 1e-4}


def test_optuna_draws_from_the_search_space(table):
    optuna = optional("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    X, target, _ = table

    def suggestion(trial, name, values):
        if isinstance(values, list):
            return values[trial.suggest_categorical(name, range(len(values)))]
        low, high = values.support()
        is_log = values.dist.name == "loguniform"
        return trial.suggest_float(name, low, high, log=is_log)

    def objective(trial):
        drawn = {name: suggestion(trial, name, v) for name, v in SEARCH_SPACE.items()}
        net = FCNetRegressor(**QUICK | {"max_iter": 2} | drawn)
        return net.fit(X[:100], target[:100]).score(X, target)

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=3)
    assert study.best_params.keys() == SEARCH_SPACE.keys()
    rates = [trial.params["learning_rate_init"] for trial in study.trials]
    assert all(1e-3 <= rate <= 1e-2 for rate in rates)


# MAPIE predicts an array of zeros to see whether an estimator is fitted. Hence there is
# a warning about names, and categories have to be numbers.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_intervals_of_mapie_cover_what_they_promise(table):
    optional("mapie")
    from mapie.classification import SplitConformalClassifier
    from mapie.regression import CrossConformalRegressor, SplitConformalRegressor

    X, target, y = table
    X = X.assign(town=X.town.cat.codes)
    settings = QUICK | {"categorical_features": ["town"]}
    net = FCNetRegressor(**settings).fit(X[:200], target[:200])
    split = SplitConformalRegressor(net, confidence_level=0.8, prefit=True)
    split.conformalize(X[200:350], target[200:350])
    points, intervals = split.predict_interval(X[350:])
    np.testing.assert_array_equal(points, net.predict(X[350:]))
    low, high = intervals[:, :, 0].T
    covered = (low <= target[350:]) & (target[350:] <= high)
    assert 0.7 < covered.mean() < 0.95
    numbers = X[["size", "noise"]].to_numpy()
    cross = CrossConformalRegressor(
        FCNetRegressor(**QUICK), confidence_level=0.8, cv=3, random_state=0
    )
    cross.fit_conformalize(numbers, target)
    _, intervals = cross.predict_interval(numbers)
    assert (intervals[:, 0, 0] < intervals[:, 1, 0]).all()
    classifier = FCNetClassifier(**settings).fit(X[:200], y[:200])
    sets = SplitConformalClassifier(classifier, confidence_level=0.9, prefit=True)
    sets.conformalize(X[200:350], y[200:350])
    _, found = sets.predict_set(X[350:])
    assert found[np.arange(150), y[350:], 0].mean() > 0.8


def test_shap_explains_frames_with_categories_and_gaps(table):
    shap = optional("shap")
    X, target, _ = table
    net = FCNetRegressor(**QUICK).fit(X, target)
    explainer = shap.KernelExplainer(net.predict, X[:30])
    values = explainer.shap_values(X[:10], silent=True)
    expected = net.predict(X[:10])
    np.testing.assert_allclose(
        values.sum(axis=1) + explainer.expected_value, expected, atol=1e-3
    )
    strength = dict(zip(X.columns, np.abs(values).mean(axis=0), strict=True))
    assert min(strength, key=strength.get) == "noise"


def test_shap_explains_arrays_by_permutations(table):
    shap = optional("shap")
    X, _, y = table
    numbers = X[["size", "noise"]].to_numpy()
    net = FCNetClassifier(**QUICK).fit(numbers, y)
    explanation = shap.Explainer(net.predict_proba, numbers[:30])(numbers[:10])
    assert explanation.values.shape == (10, 2, 2)
    np.testing.assert_allclose(
        explanation.values.sum(axis=1) + explanation.base_values,
        net.predict_proba(numbers[:10]),
        atol=1e-5,
    )
