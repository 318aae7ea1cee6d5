"""Adapter from a model that a user wrote to what the solver trains."""

from math import prod

import numpy as np
from scipy.sparse import issparse

from skfcnet._engine.parameters import Parameters, ParamSpec, Zone
from skfcnet._engine.passes import Passes
from skfcnet._engine.vector_update import VectorUpdate
from skfcnet.losses import LOSSES

OBJECTIVES = {"classification": LOSSES["softmax"], "regression": LOSSES["mse"]}
"""For each category, the loss that tells how scores become predictions."""


class ModelAdapter:
    """Give a model with ``params`` and ``loss`` the interface of a network.

    The solver trains one vector. The arrays of the model are copied into that vector
    before each step, and updated in place after it. Both sides therefore have the same
    numbers, even if ``loss`` holds references to the arrays, or if somebody assigns
    other arrays to ``params``.

    Parameters
    ----------
    model : object
        Model with ``params`` and ``loss``, as `skfcnet.solver.Solver` describes them.

    data : Mapping of str to array-like
        Data of the solver. ``X_train`` and ``y_train`` give the shape of a row and of
        its target.

    chunk : int
        Number of rows that are scored at a time.
    """

    n_members, members, member_shape = 1, (0,), ()
    takes_missing = has_dropout = False
    reg = 0.0  # the model's loss includes any penalty

    def __init__(self, model, data, *, chunk):
        self._model = model
        self._chunk = chunk
        self.params = ModelParameters(model)
        X, y = (_as_array(data[f"{name}_train"], f"{name}_train") for name in "Xy")
        self.dtype = X.dtype
        self.input_dim = prod(X.shape[1:])
        self._row_shape, self._target_shape = X.shape[1:], y.shape[1:]
        self.category = getattr(model, "category", None)
        if self.category is None:
            self.category = self._guessed_category(X[:2], y)
        if self.category not in OBJECTIVES:
            raise ValueError(
                f"model.category must be one of {sorted(OBJECTIVES)}, or be absent, "
                f"got {self.category!r}."
            )
        if self.category == "classification" and prod(self._target_shape) != 1:
            raise ValueError(
                f"y_train must hold one label for each row, got shape {y.shape}."
            )

    def _guessed_category(self, X, y):
        scores = self._checked_scores(X)
        labels = y.dtype.kind in "iub" and prod(y.shape[1:]) == 1
        several = scores.ndim == 2 and scores.shape[1] > 1
        return "classification" if labels and several else "regression"

    @property
    def objective(self):
        """The loss that tells how scores become predictions."""
        return OBJECTIVES[self.category]

    def as_targets(self, y, *, n_rows):
        """Return targets as an array: labels (N,), or values (N, K)."""
        y = _as_array(y, "y")
        if y.shape != (n_rows, *self._target_shape):
            raise ValueError(
                f"y must have shape {(n_rows, *self._target_shape)}, got {y.shape}."
            )
        if not np.isfinite(y).all():
            raise ValueError("y must hold numbers that are finite.")
        labels = self.category == "classification"
        return y.reshape(n_rows) if labels else y.reshape(n_rows, -1)

    def as_loss_weight(self, weight, *, n_rows, name="weight"):
        """Raise an error, since the model's loss takes no weights."""
        raise ValueError(
            f"{name} needs a FullyConnectedNet: the loss of {_name(self._model)} takes "
            f"no weights. sample_weight repeats rows for any model."
        )

    def training_passes(self, x, grads, *, rng, workspace):
        """Return passes that hold the gradients; the model itself computes them."""
        return Passes((), self.params, grads, mode="train")

    def backpropagate(self, x, y, passes, *, weight):
        """Return the model's loss, any penalty included, and write its gradients.

        The loss is in a list, as that of a network with one member.
        """
        self.params.pull()
        y = y.reshape(len(y), *self._target_shape)
        returned = self._model.loss(self._shaped(x), y)
        if not (isinstance(returned, tuple) and len(returned) == 2):
            raise TypeError(
                f"loss(X, y) of {_name(self._model)} must return the loss and a dict "
                f"of gradients, got {type(returned).__name__}."
            )
        loss, computed = returned
        for name, grad in passes.grads.items():
            if name not in computed:
                raise ValueError(
                    f"loss(X, y) of {_name(self._model)} must return a gradient for "
                    f"each of params: there is none for {name!r}."
                )
            if np.shape(computed[name]) != grad.shape:
                raise ValueError(
                    f"The gradient of params[{name!r}] must have its shape "
                    f"{grad.shape}, got {np.shape(computed[name])}."
                )
            grad[...] = computed[name]
        return [float(loss)]

    def scores(self, X):
        """Return the model's scores of rows.

        For regression they have the shape that `as_targets` gives to targets.
        """
        chunks = range(0, X.shape[0], self._chunk)
        scores = np.concatenate(
            [self._checked_scores(self._shaped(X[i : i + self._chunk])) for i in chunks]
        )
        if self.category == "classification":
            if scores.ndim != 2:
                raise ValueError(
                    f"loss(X) of {_name(self._model)} must return a score for every "
                    f"class, of shape (N, C), got {scores.shape}."
                )
            return scores
        if scores[0].size != prod(self._target_shape):
            raise ValueError(
                f"loss(X) of {_name(self._model)} must return a prediction for every "
                f"target of shape {self._target_shape}, got {scores.shape[1:]}."
            )
        return scores.reshape(len(scores), -1)

    def _checked_scores(self, x):
        scores = np.asarray(self._model.loss(x))
        if scores.shape[:1] != x.shape[:1]:
            raise ValueError(
                f"loss(X) of {_name(self._model)} must return one row of scores for "
                f"each of {x.shape[0]} rows, got shape {scores.shape}."
            )
        return scores

    def _shaped(self, x):
        """Return rows in the shape that they were given in."""
        return x if issparse(x) else x.reshape(len(x), *self._row_shape)


class ModelParameters(Parameters):
    """Copies of a model's arrays in one vector.

    Arrays with two axes or more are weights, which an update rule may decay.
    """

    def __init__(self, model):
        arrays = getattr(model, "params", None)
        if not (hasattr(arrays, "keys") and callable(getattr(model, "loss", None))):
            raise TypeError(
                f"model must be a FullyConnectedNet, or have params, a dict of arrays, "
                f"and loss(X, y); got {_name(model)}."
            )
        specs = []
        for name, array in arrays.items():
            floats = isinstance(array, np.ndarray) and array.dtype.kind == "f"
            if not (floats and array.flags.writeable):
                raise TypeError(
                    f"params[{name!r}] must be an array of floats that can be written "
                    f"to, got {getattr(array, 'dtype', type(array).__name__)}."
                )
            zone = Zone.WEIGHT if array.ndim > 1 else Zone.BIAS
            specs.append(ParamSpec(name, array.shape, zone, is_matrix=array.ndim > 1))
        if not specs:
            raise ValueError("params must hold at least one array to train.")
        super().__init__(specs, dtype=np.result_type(*arrays.values()))
        self._model = model
        self.pull()

    def pull(self):
        """Copy the values of the model's arrays into the vector."""
        arrays = self._model.params
        for name, own in self.items():
            if np.shape(arrays[name]) != own.shape:
                raise ValueError(
                    f"params[{name!r}] must keep its shape {own.shape} in training, "
                    f"got {np.shape(arrays[name])}."
                )
            own[...] = arrays[name]

    def push(self):
        """Copy the vector into the model's arrays, in place."""
        arrays = self._model.params
        for name, own in self.items():
            arrays[name][...] = own

    def restore(self, vector):
        """Restore a copy of the vector, in the model's arrays as well."""
        super().restore(vector)
        self.push()


class ModelUpdate(VectorUpdate):
    """An update that also changes the model's own arrays."""

    def __init__(self, rule, params, grads, config, **options):
        super().__init__(rule, params, grads, config, **options)
        self._params = params

    def __call__(self):
        penalty = super().__call__()
        self._params.push()
        return penalty

    def flush(self):
        super().flush()
        self._params.push()


def _name(model):
    return type(model).__name__


def _as_array(a, name):
    """Return an array or CSR matrix of numbers with at least 32 bits."""
    a = a.tocsr() if issparse(a) else np.asarray(a)
    if a.dtype.kind not in "iufb" or len(a.shape) == 0:
        raise ValueError(f"{name} must be an array of numbers, got dtype {a.dtype}.")
    widened = np.float32 if a.dtype.kind == "f" else np.int32
    return a.astype(np.promote_types(a.dtype, widened), copy=False)
