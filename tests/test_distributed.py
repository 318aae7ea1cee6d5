"""Searches, members and shards on a real cluster of two worker processes."""

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

needed = {"reason": "needs the extra 'distributed' of this package"}
dask = pytest.importorskip("dask", **needed)
dd = pytest.importorskip("dask.dataframe", **needed)
distributed = pytest.importorskip("distributed", **needed)
pd = pytest.importorskip("pandas", **needed)

from scaffolding import assert_same, network_of
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._estimators.parallel_members import n_parts
from skfcnet.distributed import fit
from skfcnet.solver import DivergenceError

QUICK = {"hidden_layer_sizes": (9, 7), "max_iter": 4, "random_state": 0}

both_ways = pytest.mark.parametrize(
    "options",
    [{"averaging": True, "n_members": 2}, {"averaging": False, "n_members": 3}],
    ids=["averaging", "members"],
)
"""Averaged copies of an ensemble, and an ensemble of members on shards."""


@pytest.fixture(scope="module")
def client():
    """Return the client of a cluster of two processes, with a dashboard on a free port.

    Without an address the scheduler takes port 8787 even if the dashboard is off, and
    warns where another process has it.
    """
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def threads():
    """Let dask use threads of this process, although there may be a cluster."""
    with dask.config.set(scheduler="threads"):
        yield


def rows(n=300, seed=0):
    """Return a table with numbers, categories and a target of each kind."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    table["kind"] = rng.choice(["x", "y", "z"], size=n)
    table["number"] = table["a"] - 2 * table["b"] + (table["kind"] == "x")
    table["label"] = np.where(table["number"] > 0, "high", "low")
    table["other"] = -table["number"]
    return table


def frame_of(table, *, npartitions=3):
    return dd.from_pandas(table, npartitions=npartitions, sort=False)


def with_number(table):
    return table.drop(columns=["label", "other"])


def with_label(table):
    return table.drop(columns=["number", "other"])


def trained(options, table=None, **settings):
    """Return a regressor that was fitted on the three partitions of a table."""
    options = {**options}
    averaging, n_members = options.pop("averaging"), options.pop("n_members")
    table = with_number(rows() if table is None else table)
    model = FCNetRegressor(**QUICK | settings, n_members=n_members)
    return fit(model, frame_of(table), target="number", averaging=averaging, **options)


X = rows(50, seed=1)[["a", "b", "c", "kind"]]


# joblib's backend


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"n_members": 3, "dropout": 0.2, "n_iter_no_change": 1},
        {"n_members": 3, "early_stopping": False, "learning_rate": "one_cycle"},
    ],
    ids=["defaults", "folds", "apart"],
)
def test_a_cluster_does_not_change_a_bit_of_members(settings, client):
    numbers = rows()[["a", "b", "c"]].to_numpy()
    y = rows()["number"].to_numpy()
    model = FCNetRegressor(**QUICK | settings).fit(numbers, y)
    with joblib.parallel_config(backend="dask"):
        assert n_parts(model) == 2
        ours = clone(model).fit(numbers, y)
    assert_same(ours, model, numbers)


@pytest.mark.parametrize(
    ("estimator", "target"), [(FCNetClassifier, "label"), (FCNetRegressor, "number")]
)
def test_a_search_on_a_cluster_finds_what_one_process_does(estimator, target, client):
    table = rows().astype({"kind": "category"})
    table.loc[::5, "c"] = np.nan
    grid = {"alpha": [0.001, 10.0], "n_members": [1, 2]}
    search = GridSearchCV(estimator(**QUICK), grid, cv=2)
    X, y = table[["a", "b", "c", "kind"]], table[target]
    with joblib.parallel_config(backend="dask"):
        ours = clone(search).fit(X, y)
    search.fit(X, y)
    np.testing.assert_array_equal(
        ours.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )
    assert ours.best_params_ == search.best_params_
    assert_same(ours.best_estimator_, search.best_estimator_, X)


# Shards


@both_ways
def test_shards_learn_the_same_on_a_cluster_as_in_threads(options, client):
    ours = trained(options | {"client": client}, dropout=0.1)
    with dask.config.set(scheduler="threads"):
        assert_same(ours, trained(options, dropout=0.1), X)


@both_ways
def test_a_frame_that_the_cluster_holds_is_predicted_where_it_is(options, client):
    model = trained(options)
    frame = dd.from_pandas(X, npartitions=2).persist()
    predictions = frame.map_partitions(model.predict, meta=np.empty(0)).compute()
    np.testing.assert_allclose(predictions, model.predict(X), rtol=1e-5)


@both_ways
def test_shards_learn_what_there_is_to_learn(options, threads):
    table = rows(3000)
    # Muon learns most of this in the first epoch.
    model = trained(options, table, max_iter=30, solver="adamw", learn_scales=False)
    test = rows(500, seed=1)
    assert model.score(test[X.columns], test["number"]) > 0.97
    assert network_of(model).n_members == options["n_members"]
    assert model.n_iter_ == 30
    assert model.t_ == 30 * 3000
    assert model.loss_curve_[-1] < model.loss_curve_[0] / 10


@both_ways
def test_the_order_of_the_rows_of_a_shard_does_not_matter(options, threads):
    table, rng = rows(), np.random.default_rng(0)
    places = np.arange(300).reshape(3, 100)
    shuffled = table.iloc[rng.permuted(places, axis=1).ravel()]
    assert_same(trained(options, table), trained(options, shuffled), X)


@pytest.mark.parametrize("normalization", [None, "batch"])
def test_a_single_shard_is_trained_as_a_network_of_its_own(normalization, threads):
    table = with_number(rows())
    model = FCNetRegressor(**QUICK, normalization=normalization)
    ours = fit(clone(model), frame_of(table, npartitions=1), target="number")
    alone = fit(
        clone(model).set_params(n_members=1),
        frame_of(table, npartitions=1),
        target="number",
        averaging=False,
    )
    assert_same(ours, alone, X)


def test_members_keep_what_they_learned_and_copies_have_one_mean(threads):
    table, epochs = rows(3000), {"max_iter": 20}
    members = trained({"averaging": False, "n_members": 3}, table, **epochs)
    mean, deviation = members.predict(X, return_std=True)
    assert (deviation > 0).all()
    copies = trained({"averaging": True, "n_members": 1}, table, **epochs)
    assert network_of(copies).n_members == 1
    assert np.corrcoef(copies.predict(X), mean)[0, 1] > 0.9


def test_a_classifier_knows_the_classes_of_all_shards(threads):
    table = with_label(rows())
    table.loc[table.index[-1], "label"] = "rare"
    model = FCNetClassifier(**QUICK)
    with pytest.warns(UserWarning, match=r"partitions \[0, 1\] lack some of the 3 cla"):
        fit(model, frame_of(table), target="label", sample_size=60)
    assert model.classes_.tolist() == ["high", "low", "rare"]
    assert set(model.predict(X)) == {"high", "low"}


def test_several_targets_have_several_columns(threads):
    table = rows().drop(columns="label")
    model = fit(FCNetRegressor(**QUICK), frame_of(table), target=["number", "other"])
    assert model.predict(X).shape == (50, 2)


def test_partitions_without_rows_are_no_shards(threads):
    table = with_number(rows())
    frame = frame_of(table, npartitions=4)
    some = frame.map_partitions(lambda part: part[part.index < 225])
    ours = FCNetRegressor(**QUICK, n_members=3)
    fit(ours, some, target="number", averaging=False)
    assert ours.t_ == 4 * 225
    with pytest.raises(ValueError, match="frame has no rows"):
        fit(ours, frame.map_partitions(lambda part: part[:0]), target="number")


def test_small_partitions_are_warned_of(threads):
    table = with_number(rows())
    frame = dd.concat([frame_of(table), frame_of(table[:5], npartitions=1)])
    with pytest.warns(UserWarning, match=r"partitions \[3\] have few rows"):
        fit(FCNetRegressor(**QUICK), frame, target="number")


def test_categories_that_the_sample_lacks_are_unknown_ones(threads):
    table = with_number(rows())
    table["kind"] = table["kind"].astype(object)
    table.loc[table.index[7], "kind"] = "rare"
    model = FCNetRegressor(**QUICK)
    fit(model, frame_of(table), target="number", sample_size=30)
    unknown = X.assign(kind="never seen")
    np.testing.assert_array_equal(
        model.predict(X.assign(kind="rare")), model.predict(unknown)
    )


def test_the_sample_is_drawn_by_the_seed(threads):
    small = {"averaging": True, "n_members": 1, "sample_size": 90}
    ours = trained(small)
    assert_same(ours, trained(small), X)
    other = trained(small, random_state=1)
    assert (ours.predict(X) != other.predict(X)).any()


# Errors


def test_an_array_is_no_frame():
    with pytest.raises(TypeError, match=r"must be a dask\.dataframe\.DataFrame"):
        fit(FCNetRegressor(), np.ones((3, 2)), target="number")


@pytest.mark.parametrize(
    ("settings", "arguments", "message"),
    [
        ({}, {"target": "nothing"}, r"target must name columns .* no \['nothing'\]"),
        (
            {"early_stopping": True},
            {},
            "early_stopping=True or callbacks, since no shard",
        ),
        ({"learning_rate": "constant"}, {}, "choose a schedule with an end"),
        ({"solver": "lbfgs"}, {}, "solver='lbfgs'"),
        ({"warm_start": True}, {}, "'warm_start' parameter of FCNetRegressor must be"),
        ({"alpha": -1}, {}, "'alpha' parameter"),
        ({"n_members": 2}, {"averaging": False}, "n_members=2 must be the number of"),
        ({}, {"averaging": "yes"}, "averaging must be"),
        ({}, {"sample_size": 0}, "sample_size must be"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(settings, arguments, message, threads):
    model = FCNetRegressor(**QUICK | settings)
    with pytest.raises((ValueError, TypeError), match=message):
        fit(model, frame_of(with_number(rows())), **{"target": "number"} | arguments)
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_a_classifier_has_one_column_of_targets():
    with pytest.raises(ValueError, match="name of a single column for a classifier"):
        fit(FCNetClassifier(), frame_of(rows()), target=["label", "kind"])


def test_missing_targets_are_counted(threads):
    table = with_number(rows())
    table.loc[table.index[[3, 250]], "number"] = np.nan
    with pytest.raises(ValueError, match="target 'number' is missing in 2 rows: drop"):
        fit(FCNetRegressor(), frame_of(table), target="number")


@both_ways
def test_a_fit_that_diverges_leaves_the_earlier_model(options, client):
    model = trained(options)
    before = trained(options)
    model.set_params(learning_rate_init=1e30)
    averaging = options["averaging"]
    frame = frame_of(with_number(rows()))
    with pytest.raises(DivergenceError, match="Lower learning_rate_init=1e\\+30"):
        fit(model, frame, target="number", averaging=averaging)
    assert_same(model, before, X)
