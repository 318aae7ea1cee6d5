"""What a type checker concludes about code of users; it is read and not run."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

import skfcnet
from skfcnet import FCNetClassifier, FCNetRegressor, FCNetTransformer
from skfcnet.gradient_check import eval_numerical_gradient_array, rel_error
from skfcnet.initializers import he_normal
from skfcnet.layers import (
    Block,
    affine_backward,
    affine_forward,
    relu_backward,
    relu_forward,
)
from skfcnet.losses import LOSSES, mse_loss, softmax_loss
from skfcnet.network import FullyConnectedNet
from skfcnet.schedules import SCHEDULES, cosine
from skfcnet.solver import Solver
from skfcnet.update_rules import UPDATE_RULES, adam, update_rule

Floats = NDArray[np.floating]

X, y = np.zeros((4, 3), np.float32), np.array([0, 1, 0, 1])


def layers_keep_the_types_of_their_arrays() -> None:
    w, b = np.zeros((3, 2)), np.zeros(2)
    out, cache = affine_forward(X, w, b)
    assert_type(out, Floats)
    _, dw, db = affine_backward(out, cache, need_dx=False)
    assert_type((dw, db), tuple[Floats, Floats])
    activations, cache = relu_forward([[1.0, -1.0]], out=None)
    assert_type(activations, Floats)
    assert_type(relu_backward(activations, cache), Floats)
    assert_type(softmax_loss(X, y), tuple[float, Floats])
    assert_type(mse_loss(X, X, weight=[1, 2, 3, 4]), tuple[float, Floats])
    assert_type(he_normal((3, 2), 0), Floats)
    affine_forward(X, w)  # type: ignore[call-arg]
    relu_forward(X, slope=0.1)  # type: ignore[call-arg]
    softmax_loss(X, y, out="dx")  # type: ignore[arg-type]


def gradients_are_checked() -> None:
    numeric = eval_numerical_gradient_array(lambda x: relu_forward(x)[0], X, X)
    assert_type(numeric, Floats)
    assert_type(rel_error([1.0], numeric), float)


def rules_have_attributes_beside_their_call() -> None:
    next_w, config = adam(X, X, {"learning_rate": 0.1})
    assert_type(next_w, Floats)
    assert_type(config, dict[str, Any])
    assert_type(adam.slots, tuple[str, ...])
    assert_type(UPDATE_RULES["adam"](X, X)[0], Floats)
    assert_type(cosine(1, 10), float)
    assert_type(SCHEDULES["cosine"].has_horizon, bool)
    assert_type(LOSSES["huber"].scores_per_target, int)

    @update_rule(learning_rate=0.1)
    def descent(w: Floats, dw: Floats, config: Any, *, out: Any = None) -> Floats:
        step: Floats = config["learning_rate"] * dw
        return w - step

    Solver(FullyConnectedNet("regression", [3]), {}, update_rule=descent)
    adam(X, X, 0.1)  # type: ignore[arg-type]


def networks_return_scores_or_a_loss() -> None:
    block = Block("linear", (0, 3), {"factor": 1.0})
    net = FullyConnectedNet("classification", [8], input_dim=3, blocks=[block])
    assert_type(net.loss(X), Floats)
    loss, grads = net.loss(X, y)
    assert_type(loss, float)
    assert_type(grads["W1"], NDArray[Any])
    assert_type(net.scores(csr_array(X)), Floats)
    solver = Solver(net, {"X_train": X, "y_train": y}, update_rule="adam")
    assert_type(solver.train_epoch(), float)
    assert_type(solver.loss_history, list[float])
    assert_type(solver.best_val_acc, float | None)
    FullyConnectedNet("classification", 8)  # type: ignore[arg-type]
    net.loss(X, y, 0.5)  # type: ignore[call-overload]


class OwnModel:
    """A model for the solver that is no network of this package."""

    def __init__(self) -> None:
        self.params = {"w": np.zeros(3)}

    def loss(self, X: Any, y: Any = None) -> Any:
        """Return the scores or the loss and its gradients."""


def solvers_take_models_of_users() -> None:
    Solver(OwnModel(), {"X_train": X, "y_train": y})
    Solver(np.zeros(3), {})  # type: ignore[arg-type]


def estimators_are_returned_as_what_they_are() -> None:
    classifier = FCNetClassifier((8, 8), dropout="auto", random_state=0)
    assert_type(classifier.fit(X, y), FCNetClassifier)
    assert_type(classifier.fit([[0.0], [1.0]], ["a", "b"]), FCNetClassifier)
    assert_type(classifier.partial_fit(X, y, classes=[0, 1]), FCNetClassifier)
    assert_type(classifier.predict(X), NDArray[Any])
    assert_type(classifier.score(X, y), float)
    assert_type(classifier.loss_curve_, list[float])
    assert_type(classifier.coefs_[0], Floats)
    regressor = FCNetRegressor(loss="quantile", quantile=[0.1, 0.9])
    assert_type(regressor.fit(csr_array(X), y).predict(X), Floats)
    _, _std = regressor.predict(X, return_std=True)
    assert_type(FCNetTransformer(regressor).fit(X).transform(X), Floats)
    FCNetClassifier(hidden_layer_size=(8,))  # type: ignore[call-arg]
    FCNetRegressor(max_iter="long")  # type: ignore[arg-type]


def modules_are_found_without_importing_them() -> None:
    assert_type(skfcnet.layers.relu_forward(X)[0], Floats)
    assert_type(skfcnet.__version__, str)
    skfcnet.save(FCNetClassifier(), "model.skops")
    skfcnet.dataset  # type: ignore[attr-defined]  # noqa: B018
    with skfcnet.config_context(kernels="numpy"):
        pass
