"""Plain networks as scikit-learn's own multilayer perceptrons."""

from inspect import signature

import numpy as np
from sklearn.base import is_classifier

from skfcnet._engine.plan import linear_term

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
"""The activations that perceptrons have."""

LOSSES = ("squared_error", "poisson")
"""The losses of regression that perceptrons have, the second from scikit-learn 1.7."""

CAUSES_OF_BLOCKS = {
    "ple": "numeric_embedding of 'ple' or 'auto'",
    "pbld": "numeric_embedding='pbld'",
    "missing": "missing values in X",
    "onehot": "categorical features",
    "lookup": "categorical features",
}
"""What makes a network have a block that perceptrons have not."""

TRAINING_ATTRIBUTES = ("best_loss_", "loss_", "loss_curve_", "n_iter_", "t_")
"""Fitted attributes about training that both have."""


def as_mlp(estimator):
    """Return a fitted estimator as a multilayer perceptron of scikit-learn.

    Parameters
    ----------
    estimator : FCNetClassifier or FCNetRegressor
        The fitted estimator.

    Returns
    -------
    mlp : MLPClassifier or MLPRegressor
        The perceptron.

    Raises
    ------
    ValueError
        If there is something that a perceptron cannot express.
    """
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    estimator._fitted("_net")
    mlp_class = MLPClassifier if is_classifier(estimator) else MLPRegressor
    losses = LOSSES if "loss" in signature(MLPRegressor).parameters else LOSSES[:1]
    if obstacles := [*_obstacles(estimator), *_obstacles_in_y(estimator, losses)]:
        raise ValueError(
            f"{mlp_class.__name__} has nothing that corresponds to "
            f"{', '.join(obstacles)} of this {type(estimator).__name__}."
        )
    coefs, intercepts = (
        [np.array(array, np.float64) for array in arrays]
        for arrays in (estimator.coefs_, estimator.intercepts_)
    )
    if hasattr(estimator, "scales_"):
        coefs[0] *= estimator.scales_[:, np.newaxis]
    _absorb_input_scaling(estimator._encoder, coefs, intercepts)
    parameters = {
        "hidden_layer_sizes": tuple(len(b) for b in intercepts[:-1]),
        "activation": estimator._training.architecture["activation"],
        "random_state": 0,
    }
    if is_classifier(estimator):
        y, classes = _some_labels(estimator), {"classes": estimator.classes_}
    else:
        y, classes = np.ones((2, estimator.n_outputs_)), {}
        y = y.ravel() if estimator.n_outputs_ == 1 else y
        _absorb_target_scaling(estimator._target, coefs, intercepts)
        if len(losses) > 1:
            parameters["loss"] = estimator._target.loss
    # A step of training sets all attributes that a fitted perceptron has.
    X = np.zeros((len(y), estimator.n_features_in_))
    mlp = mlp_class(**parameters).partial_fit(X, y, **classes)
    mlp.coefs_, mlp.intercepts_ = coefs, intercepts
    for name in TRAINING_ATTRIBUTES:
        setattr(mlp, name, getattr(estimator, name))
    if hasattr(estimator, "feature_names_in_"):
        mlp.feature_names_in_ = estimator.feature_names_in_
    return mlp


def _obstacles(estimator):
    """Yield what there is between X and the scores that a perceptron has not."""
    net, encoder = estimator._net, estimator._encoder
    architecture = estimator._training.architecture
    if net.n_members > 1:
        yield f"n_members={net.n_members}"
    if architecture["activation"] not in ACTIVATIONS:
        yield f"activation={architecture['activation']!r}"
    for normalization in {*architecture["normalization"]} - {None}:
        yield f"normalization={normalization!r}"
    if not encoder.is_identity and encoder.scaling == "robust":
        yield "input_scaling='robust'"
    kinds = [block.kind for block in encoder.blocks]
    yield from dict.fromkeys(CAUSES_OF_BLOCKS[k] for k in kinds if k != "linear")
    if linear_term(net.stages) is not None and net.state["V"].any():
        yield "linear_term=True"


def _obstacles_in_y(estimator, losses):
    """Yield what there is between the scores and y that a perceptron has not."""
    target = estimator._target
    if target.target_type == "multiclass-multioutput":
        yield "several outputs with classes"
    if target.category == "classification":
        if target.is_absent is not None:
            yield "classes without rows"
        return
    if target.clip_output:
        yield "clip_output=True"
    if target.loss not in losses:
        yield f"loss={target.loss!r}"


def _some_labels(estimator):
    """Return targets with all labels."""
    if estimator._target.target_type == "multilabel-indicator":
        return np.repeat([[0], [1]], estimator.n_outputs_, axis=1)
    return estimator.classes_


def _absorb_input_scaling(encoder, coefs, intercepts):
    """Let the first layer take X as it is, and scale it by its weights."""
    if encoder.is_identity:
        return
    factor, shift = encoder.affine_map()
    intercepts[0] += shift @ coefs[0]
    coefs[0] *= factor[:, np.newaxis]


def _absorb_target_scaling(target, coefs, intercepts):
    """Let the last layer return predictions in the units of y, or their logarithms."""
    scaler = target.scaler
    is_constant = scaler.is_constant[:, 0]
    coefs[-1][:, is_constant] = 0
    intercepts[-1][is_constant] = 0
    if target.loss == "poisson":
        means = scaler.inverse_transform(np.ones((1, *scaler.low.shape)))[0, :, 0]
        intercepts[-1] += np.log(np.maximum(means, np.finfo(float).tiny))
        return
    coefs[-1] *= scaler.slope[:, 0]
    intercepts[-1] = scaler.inverse_transform(intercepts[-1][:, np.newaxis])[:, 0]
