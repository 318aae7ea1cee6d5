"""Attributes of fitted estimators: weights that can be read and set, and tags."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

from scaffolding import any_solver, data_of, network_of, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor, FCNetTransformer

pytestmark = [short_fits, any_solver]


def test_the_output_activation_follows_the_loss_under_warm_start():
    model, X, y = data_of("regression")
    model.set_params(warm_start=True).fit(X, y**2)
    assert model.out_activation_ == "identity"
    model.set_params(loss="poisson").fit(X, y**2)
    assert model.out_activation_ == "exp"
    assert (model.predict(X) > 0).all()


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_weights_can_be_set_one_by_one_or_all_together(kind, n_members):
    model, X, y = data_of(kind)
    model.set_params(n_members=n_members).fit(X, y)
    other = clone(model).set_params(random_state=7).fit(X, y)
    predict = getattr(model, "predict_proba", model.predict)
    before = predict(X)
    model.coefs_[-1] = np.zeros_like(model.coefs_[-1])
    flat = predict(X)
    assert not np.array_equal(flat, before)
    assert np.ptp(flat, axis=0).max() == 0
    # As in federated learning: the mean over models becomes that of each.
    model.coefs_ = [w.copy() for w in other.coefs_]
    model.intercepts_ = [b.copy() for b in other.intercepts_]
    model.scales_ = other.scales_
    np.testing.assert_array_equal(
        model.decision_function(X) if kind != "regression" else model.coefs_[0],
        other.decision_function(X) if kind != "regression" else other.coefs_[0],
    )
    with pytest.raises(ValueError, match=r"intercepts_\[0\] takes numbers of shape"):
        model.intercepts_ = [b[..., 1:] for b in model.intercepts_]
    with pytest.raises(ValueError, match=r"scales_\[0\] takes numbers of shape"):
        model.scales_ = model.scales_[..., 1:]


def test_reading_the_weights_changes_nothing():
    model, X, y = data_of("multiclass")
    model.fit(X, y).predict_proba(X)
    params = network_of(model).params
    converted = params.converted(np.float64)
    repr(model), model.coefs_, model.intercepts_, model._repr_html_()
    assert params.converted(np.float64) is converted
    with pytest.raises(ValueError, match="read-only"):
        model.coefs_[0][...] = 0


def test_unfitted_estimators_say_so():
    with pytest.raises(NotFittedError):
        FCNetClassifier().predict([[0.0]])
    for name in ("coefs_", "classes_", "oob_score_", "oob_decision_function_"):
        with pytest.raises(NotFittedError):
            getattr(FCNetClassifier(), name)
        assert not hasattr(FCNetClassifier(), name)


def test_tags_are_honest():
    for estimator in (FCNetClassifier(), FCNetRegressor(), FCNetTransformer()):
        tags = get_tags(estimator)
        assert tags.input_tags.allow_nan and tags.input_tags.sparse
        assert not (tags.input_tags.categorical or tags.input_tags.string)
        assert not tags.non_deterministic
    assert get_tags(FCNetClassifier()).classifier_tags.multi_label
    assert get_tags(FCNetClassifier()).target_tags.multi_output
    assert get_tags(FCNetRegressor()).target_tags.multi_output
    words = FCNetClassifier(categorical_features=[0])
    for estimator in (words, FCNetTransformer(words)):
        tags = get_tags(estimator).input_tags
        assert tags.categorical and tags.string and not tags.sparse
