"""The network: a plan of layers over one vector of parameters."""

from contextlib import suppress
from copy import deepcopy
from functools import lru_cache, partial
from itertools import pairwise
from math import prod, sqrt
from numbers import Integral
from typing import NamedTuple

import numpy as np
from scipy.sparse import block_diag, issparse

from skfcnet._engine.arguments import (
    A_SHARE,
    NOT_NEGATIVE,
    checked_integer,
    checked_mapping,
    checked_name,
    checked_number,
    unchecked,
)
from skfcnet._engine.parameters import Parameters, Zone
from skfcnet._engine.random import as_generator
from skfcnet._engine.workspace import Workspace
from skfcnet.initializers import INITIALIZERS
from skfcnet.layers import ACTIVATIONS, LAYERS, NORMALIZATIONS
from skfcnet.layers._embeddings import N_TRAINED
from skfcnet.losses import LOSSES

CATEGORIES = {"classification": "softmax", "regression": "mse"}
"""What a network can be for, and the loss it then has unless told otherwise."""

CHUNK = 2048
"""Rows of one test-time pass: memory stays flat in the number of rows."""

EMBEDDED_CHUNK = 256
"""Rows of one where features are embedded, of which each has many cosines."""


class Stage(NamedTuple):
    """One layer of a network: names and numbers only, so that it pickles and prints.

    Its arrays are looked up where it runs: no unpickled stage can hold stale views.

    Parameters
    ----------
    name : str
        Of this stage in the network.

    kind : str
        A key of `skfcnet.layers.LAYERS`.

    fan_in, fan_out : int
        Widths of input and output.

    specs : tuple of ParamSpec
        Its arrays, under the names they have in the network.

    trained : tuple of str
        Names of the arrays that its forward function takes.

    state : tuple of (str, str)
        Names of options, and of the running statistics behind them.

    rate : float or None
        Of dropout.

    members : tuple
        What the shapes of its arrays, and of what it computes, begin with: (k,) for k
        members.
    """

    name: str
    kind: str
    fan_in: int
    fan_out: int
    specs: tuple
    trained: tuple
    state: tuple
    rate: float | None
    members: tuple = ()

    def arrays(self, named):
        """Return the layer's trainable arrays, or their gradients, in order.

        Parameters
        ----------
        named : Parameters
            The network's, or their gradients.

        Returns
        -------
        arrays : list of ndarray
            What the forward function takes after ``x``.
        """
        return named.select(self.trained)

    def options(self, params, mode, rng, **others):
        """Return the options of a forward function that takes any.

        Parameters
        ----------
        params : Parameters
            The network's, with the running statistics.

        mode : {'train', 'test'}
            Which pass this is.

        rng : numpy.random.Generator or None
            Draws dropout masks.

        **others : dict
            Options that the layer takes beside these.

        Returns
        -------
        options : dict
            For this call: the function may write to it.
        """
        options = {option: params.state[name] for option, name in self.state}
        return {"mode": mode, "p": self.rate, "rng": rng} | options | others


def _stage(kind, index, fan_in, fan_out, rate=None, *, members):
    specs, trained, state = [], [], []
    for spec in LAYERS[kind].specs(fan_in, fan_out):
        name = f"{spec.name}{index}"
        specs.append(spec._replace(name=name, shape=_of_members(members, spec.shape)))
        if spec.zone is Zone.STATE:
            state.append((spec.name, name))
        else:
            trained.append(name)
    return Stage(
        f"{kind}{index}",
        kind,
        fan_in,
        fan_out,
        tuple(specs),
        tuple(trained),
        tuple(state),
        rate,
        members,
    )


def _of_members(members, shape):
    """Return the shape of an array for them; vectors are rows, and broadcast so."""
    return (*members, *(1,) * (2 - len(shape)), *shape) if members else shape


def plan(
    sizes,
    normalization,
    activation,
    dropout,
    input_dropout=0.0,
    *,
    n_members=1,
    n_embedded=0,
):
    """Yield the stages of a network, in order.

    Parameters
    ----------
    sizes : sequence of int
        Width of the input, of every hidden layer and of the output.

    normalization : sequence of bool, str or None
        Which of `skfcnet.layers.NORMALIZATIONS` follows the affine map of each hidden
        layer: True is "batch", False and None are none.

    activation : str
        A key of `skfcnet.layers.ACTIVATIONS`.

    dropout : float
        Probability of dropping a hidden unit.

    input_dropout : float, default=0.0
        Probability of dropping a feature, or what it is embedded as.

    n_members : int, default=1
        Networks side by side; with several, arrays have a leading axis for them.

    n_embedded : int, default=0
        How many columns of the input, from the first on, are embedded.

    Yields
    ------
    stage : Stage
        The next layer.

    Examples
    --------
    >>> from skfcnet.network import plan
    >>> [stage.name for stage in plan([784, 20, 10], [True], "relu", 0.0)]
    ['affine_input1', 'batchnorm1', 'relu1', 'affine2']
    """
    stage = partial(_stage, members=(n_members,) if n_members > 1 else ())
    width, of_data = sizes[0], "_input"
    if n_embedded:
        width += N_TRAINED * n_embedded
        yield stage("pbld_input", 0, sizes[0], width)
        of_data = ""  # what follows has somebody to hand its gradient to
    if input_dropout:
        yield stage(f"dropout{of_data}", 0, width, width, input_dropout)
    kind = f"affine{of_data}"
    for index, (fan_in, fan_out) in enumerate(pairwise((width, *sizes[1:])), start=1):
        yield stage(kind, index, fan_in, fan_out)
        kind = "affine"
        if index > len(normalization):  # the output
            return
        if entry := normalization[index - 1]:
            chosen = entry if isinstance(entry, str) else "batch"
            yield stage(NORMALIZATIONS[chosen], index, fan_out, fan_out)
        yield stage(activation, index, fan_out, fan_out)
        if dropout:
            yield stage("dropout", index, fan_out, fan_out, dropout)


class FullyConnectedNet:
    """A fully connected network for classification or regression.

    The layers are ``[embedding] - [dropout] - {affine - [normalisation] - activation -
    [dropout]} x (L - 1) - affine - loss``.

    Parameters
    ----------
    category : {'classification', 'regression'}
        What the network is for; decides its loss: the cross-entropy of the softmax,
        or the mean squared error.

    hidden_dims : sequence of int
        Width of every hidden layer.

    normalization : sequence of bool, str or None, default=None
        For every hidden layer, what follows its affine map: "batch" or True for batch
        normalisation, "layer" for layer normalisation, None or False for neither.
        Without the sequence, no layer is normalised.

    input_dim : int, default=784
        Number of features.

    output_dim : int, default=10
        Number of classes or targets. Where a loss has several scores for each target,
        as with several quantiles, the last affine layer is as many times wider.

    reg : float, default=0.0
        Coefficient of the L2 penalty ``0.5 * reg * ||W||^2`` on all weights; biases,
        gamma and beta are not penalised.

    weight_scale : float or None, default=1e-2
        Standard deviation of the normal distribution that the weights are drawn
        from. None chooses it for every layer such that signals keep their scale:
        ``gain / sqrt(fan_in)``, with the gain that the activation that follows
        declares: sqrt(2) for relu [1]_, 1 for those that saturate and before the
        output [2]_.

    dtype : dtype, default=np.float32
        Of the parameters, and of training. Test-time passes compute in float64 where
        either the rows or the parameters have it, otherwise in float32.

    activation : str, default='relu'
        A key of `skfcnet.layers.ACTIVATIONS`.

    dropout : float, default=0.0
        Probability of dropping a hidden unit in training.

    input_dropout : float, default=0.0
        Probability of dropping a feature of a row in training. Of sparse rows, the
        stored values are dropped; of embedded features, the columns that they become.

    init : str, default=None
        A key of `skfcnet.initializers.INITIALIZERS`, to draw the weights by instead of
        ``weight_scale``.

    loss : str, default=None
        A key of `skfcnet.losses.LOSSES` instead of the category's own.

    loss_params : dict, default=None
        Parameters of the loss, such as ``{"delta": 2.0}`` for 'huber', copied; its
        defaults fill in what is missing.

    random_state : None, int, RandomState or Generator, default=None
        Draws the weights. None: NumPy's global state.

    n_members : int, default=1
        How many networks are trained side by side, in one pass. Each has initial
        weights and dropout masks of its own, the first those of a single network
        with the same seed, and learns by its own loss; their predictions are
        averaged.

    n_embedded : int, default=0
        How many features, from the first on, are embedded: each gets three columns
        more, which are learned with everything else, by
        `skfcnet.layers.pbld_forward`. Only for dense rows. Of its arrays, ``reg``
        penalises V alone; ``init`` and ``weight_scale`` are not for them.

    Attributes
    ----------
    params : Mapping of str to ndarray
        The trainable arrays, W1, b1, gamma1, beta1, W2, ...: live views of one
        vector; those of an embedding, w0, b0, V0 and c0, come first. Assigning copies
        into place. With k > 1 members, all have a leading axis of length k, and
        vectors are rows: W1 (k, D, M), b1 (k, 1, M).

    state : Mapping of str to ndarray
        The running statistics of batch normalisation, with the same axes.

    stages : tuple of Stage
        The layers.

    Raises
    ------
    ValueError
        If an argument is out of its range, or ``normalization`` does not have one
        entry for every hidden layer.

    References
    ----------
    .. [1] He, K., et al., "Delving Deep into Rectifiers: Surpassing Human-Level
       Performance on ImageNet Classification", ICCV 2015.
    .. [2] LeCun, Y., et al., "Efficient BackProp", in "Neural Networks: Tricks of the
       Trade", 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.network import FullyConnectedNet
    >>> net = FullyConnectedNet(
    ...     "classification", [100], [True], input_dim=784, random_state=0
    ... )
    >>> net
    FullyConnectedNet(784 → affine 100 → batchnorm → relu → affine 10 → softmax)
    >>> X, y = np.zeros((2, 784)), np.array([3, 7])
    >>> net.loss(X).shape
    (2, 10)
    >>> loss, grads = net.loss(X, y)
    >>> round(loss, 2)
    2.3
    >>> sorted(grads)
    ['W1', 'W2', 'b1', 'b2', 'beta1', 'gamma1']
    >>> net = FullyConnectedNet("regression", [8], [False], 3, 1, n_members=4)
    >>> net
    FullyConnectedNet(4 × (3 → affine 8 → relu → affine 1 → mse))
    >>> net.params["W1"].shape
    (4, 3, 8)
    """

    def __init__(
        self,
        category,
        hidden_dims,
        normalization=None,
        input_dim=784,
        output_dim=10,
        reg=0.0,
        weight_scale=1e-2,
        dtype=np.float32,
        *,
        activation="relu",
        dropout=0.0,
        input_dropout=0.0,
        init=None,
        loss=None,
        loss_params=None,
        random_state=None,
        n_members=1,
        n_embedded=0,
    ):
        checked_name("category", category, CATEGORIES)
        checked_name("activation", activation, ACTIVATIONS)
        if loss is None:
            loss = CATEGORIES[category]
        checked_name("loss", loss, LOSSES)
        if init is not None:
            checked_name("init", init, INITIALIZERS)
        checked_integer("input_dim", input_dim)
        checked_integer("output_dim", output_dim)
        hidden_dims = _sequence("hidden_dims", hidden_dims)
        if not all(isinstance(width, Integral) and width > 0 for width in hidden_dims):
            raise ValueError(
                f"hidden_dims must hold positive integers, got {hidden_dims!r}."
            )
        if normalization is None:
            normalization = [False] * len(hidden_dims)
        normalization = _sequence("normalization", normalization)
        if len(normalization) != len(hidden_dims):
            raise ValueError(
                f"normalization must have one entry for each of the "
                f"{len(hidden_dims)} hidden_dims, got {len(normalization)}."
            )
        for entry in normalization:
            is_name = entry in [None, *NORMALIZATIONS]
            if not (is_name or isinstance(entry, bool | np.bool_)):
                raise ValueError(
                    f"normalization must hold booleans, None or names among "
                    f"{sorted(NORMALIZATIONS)}, got {entry!r}."
                )
        checked_integer("n_members", n_members)
        if checked_integer("n_embedded", n_embedded, least=0) > input_dim:
            raise ValueError(
                f"n_embedded must be an integer from 0 to input_dim, got "
                f"{n_embedded!r}."
            )
        if weight_scale is not None:
            weight_scale = checked_number("weight_scale", weight_scale, *NOT_NEGATIVE)
        dtype = _floating("dtype", dtype)
        self.category = category
        self.dropout = checked_number("dropout", dropout, *A_SHARE)
        self.input_dropout = checked_number("input_dropout", input_dropout, *A_SHARE)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.n_members = int(n_members)
        self.n_embedded = int(n_embedded)
        self.reg = checked_number("reg", reg, *NOT_NEGATIVE)
        self.loss_name = loss
        self.loss_params = deepcopy(checked_mapping("loss_params", loss_params))
        sizes = (input_dim, *hidden_dims, output_dim * self.objective.columns)
        self.stages = tuple(
            plan(
                sizes,
                tuple(normalization),
                activation,
                self.dropout,
                self.input_dropout,
                n_members=self.n_members,
                n_embedded=self.n_embedded,
            )
        )
        specs = [spec for stage in self.stages for spec in stage.specs]
        self.params = Parameters(specs, dtype=dtype)
        draw = (
            partial(_normal_weights, scale=weight_scale)
            if init is None
            else INITIALIZERS[init]
        )
        self._initialise(draw, ACTIVATIONS[activation].gain, random_state)

    def _initialise(self, draw, gain, random_state):
        rng, drawn = as_generator(random_state), {}
        for spec in self.params.specs:
            if spec.initial is None:
                drawn[spec.name] = partial(draw, gain=gain)
            elif callable(spec.initial):
                drawn[spec.name] = spec.initial
            else:
                arrays = self.state if spec.zone is Zone.STATE else self.params
                arrays[spec.name] = spec.initial
        weights_of_output = self.stages[-1].trained[0]
        drawn[weights_of_output] = partial(draw, gain=1.0)
        for member in np.ndindex(self.stages[-1].members):
            for name, draw_array in drawn.items():
                array = self.params[name][member]
                array[...] = draw_array(array.shape, rng)

    @property
    def state(self):
        """The running statistics of batch normalisation, by name."""
        return self.params.state

    @property
    def objective(self):
        """The loss with its parameters: a `skfcnet.losses.Loss`."""
        return LOSSES[self.loss_name].bind(self.loss_params)

    @property
    def dtype(self):
        """The dtype of the parameters, and of training."""
        return self.params.vector.dtype

    def __repr__(self):
        kinds = (stage.kind.removesuffix("_input") for stage in self.stages)
        layers = (
            f"{kind} {stage.fan_out}" if kind == "affine" else kind
            for kind, stage in zip(kinds, self.stages, strict=True)
        )
        path = " → ".join([str(self.input_dim), *layers, self.loss_name])
        if self.n_members > 1:
            path = f"{self.n_members} × ({path})"
        return f"{type(self).__name__}({path})"

    @np.errstate(under="ignore")
    def loss(self, X, y=None, *, weight=None, random_state=None):
        """Return the scores of rows, or the loss with all its gradients.

        Parameters
        ----------
        X : ndarray of shape (N, d1, ..., dk) or sparse matrix of shape (N, D)
            Rows.

        y : ndarray of shape (N,) or (N, K), default=None
            Class indices for classification, targets for regression.

        weight : array-like of shape (N,), default=None
            Cost of each row: the loss is ``sum(weight * loss of each row) / N``. It is
            no repetition: batch normalisation and the penalty know nothing of it.

        random_state : None, int, RandomState or Generator, default=None
            Draws the dropout masks: an int draws the same ones in every call.
            None: NumPy's global state.

        Returns
        -------
        scores : ndarray of shape (N, C), or (N,) for regression with one output
            Without ``y``: a test-time pass. ``objective.inverse_link`` makes
            predictions of scores.

        (loss, grads) : float and Mapping of str to ndarray
            With ``y``: a training-time pass, which also moves the running
            statistics of batch normalisation. The loss includes the L2 penalty and
            ``grads`` has the names of ``params``. Of several members, the loss is the
            mean, and each has the gradients of its own loss, not of that mean.

        Raises
        ------
        ValueError
            If ``y`` does not fit ``X`` or the network, or ``weight`` does not hold one
            cost, finite and not negative, for every row.
        """
        if y is None:
            scores = self.scores(X)
            one_value = self.category == "regression" and scores.shape[1] == 1
            return scores[:, 0] if one_value else scores
        x = self._as_rows(X).astype(self.dtype, copy=False)
        drops = self.dropout or self.input_dropout
        grads = Parameters(self.params.specs, dtype=self.dtype)
        loss = self.backpropagate(
            x,
            self.as_targets(y, n_rows=x.shape[0]),
            weight=None if weight is None else self.as_costs(weight, n_rows=x.shape[0]),
            grads=grads,
            workspace=Workspace(),
            rng=as_generator(random_state) if drops else None,
        )
        grads.decayed += self.reg * self.params.decayed
        return loss + self.penalty(), grads

    def penalty(self):
        """Return the L2 penalty of the weights, ``0.5 * reg * ||W||^2``.

        Returns
        -------
        penalty : float
            What the loss adds to its mean over the rows. Of several members, the mean.
        """
        if not self.reg:
            return 0.0
        weights = self.params.decayed
        return 0.5 * self.reg * float(weights @ weights) / self.n_members

    def as_targets(self, y, *, n_rows):
        """Return ``y`` as the loss wants it: class indices (N,), or values (N, K).

        Parameters
        ----------
        y : array-like of shape (N,) or (N, K)
            Targets.

        n_rows : int
            How many there must be.

        Returns
        -------
        y : ndarray
            Of integers, or of the dtype of the network.

        Raises
        ------
        ValueError
            If ``y`` has another shape, labels that are no class index, or values that
            are not finite in the dtype of the network or the loss is not defined for.
        """
        y = np.asarray(y)
        if LOSSES[self.loss_name].takes_labels:
            if y.shape != (n_rows,) or y.dtype.kind not in "iub":
                raise ValueError(
                    f"y must hold {n_rows} integer labels, got shape {y.shape} and "
                    f"dtype {y.dtype}."
                )
            if y.size and not 0 <= y.min() <= y.max() < self.output_dim:
                raise ValueError(
                    f"y must hold class indices from 0 to {self.output_dim - 1}, "
                    f"got {y.min()} to {y.max()}."
                )
            return y.astype(np.intp, copy=False)
        if y.ndim == 1 and self.output_dim == 1:
            y = y[:, np.newaxis]
        if y.shape != (n_rows, self.output_dim):
            raise ValueError(
                f"y must have shape {(n_rows, self.output_dim)}, got {y.shape}."
            )
        with np.errstate(over="ignore"):
            y = np.ascontiguousarray(y, self.dtype)
        LOSSES[self.loss_name].domain.check(y, loss=self.loss_name, whole=False)
        if not np.isfinite(y).all():
            raise ValueError(f"y must hold numbers that are finite in {self.dtype}.")
        return y

    def as_costs(self, weight, *, n_rows, name="weight"):
        """Return ``weight`` as a loss wants it, in the dtype of the network.

        Parameters
        ----------
        weight : array-like of shape (N,)
            Costs of the rows.

        n_rows : int
            How many there must be.

        name : str, default="weight"
            What errors call it.

        Returns
        -------
        weight : ndarray of shape (N,)
            The costs.

        Raises
        ------
        ValueError
            If it does not hold one cost, finite and not negative, for every row.
        """
        weight = np.asarray(weight, self.dtype)
        sound = (weight >= 0) & np.isfinite(weight)
        if weight.shape != (n_rows,) or not sound.all():
            raise ValueError(
                f"{name} must hold {n_rows} finite costs that are not negative, got "
                f"shape {weight.shape}."
            )
        return weight

    def backpropagate(self, x, y, *, weight=None, grads, workspace, rng):
        """Write all gradients of the mean loss, without the penalty; return the loss.

        What `loss` and `~skfcnet.solver.Solver` are built on: no check, no copy, and
        with a workspace that was used before, no allocation.

        Parameters
        ----------
        x : ndarray of shape (N, d1, ..., dk) or CSR matrix of shape (N, D)
            Rows, in the dtype of the network.

        y : ndarray
            Targets, from `as_targets`.

        weight : ndarray of shape (N,), default=None
            Costs of the rows, in the dtype of the network.

        grads : Parameters
            Receives the gradients.

        workspace : Workspace
            Lends all scratch arrays.

        rng : numpy.random.Generator
            Draws the dropout masks.

        Returns
        -------
        loss : float
            Mean over the rows, and over the members.
        """
        stages = self._stages_for(x)
        if isinstance(x, np.ndarray):
            x = x.reshape(len(x), self.input_dim)
        scores, caches = _forward(stages, x, self.params, "train", rng, workspace)
        loss_function = unchecked(LOSSES[self.loss_name].function)
        total = 0.0
        for own in self._by_member(scores):
            loss, _ = loss_function(
                own,
                y,
                **self.loss_params,
                weight=weight,
                out=own,
                workspace=workspace.scope("loss"),
            )
            total += loss
        _backward(stages, scores, caches, grads, workspace)
        return total / self.n_members

    @np.errstate(all="ignore")
    def training_loss(self, x, y, *, weight=None):
        """Return the mean loss of rows, without the penalty, and change nothing.

        Batch normalisation goes by the statistics of these rows, as in training, and
        nothing is dropped.

        Parameters
        ----------
        x : ndarray of shape (N, D) or CSR matrix
            Rows, in the dtype of the network.

        y : ndarray
            Targets, from `as_targets`.

        weight : ndarray of shape (N,), default=None
            Costs of the rows.

        Returns
        -------
        loss : float
            Mean over the rows, and over the members.
        """
        stages = tuple(stage for stage in self._stages_for(x) if not stage.rate)
        workspace = Workspace()
        kept = {name: running.copy() for name, running in self.state.items()}
        scores, _ = _forward(stages, x, self.params, "train", None, workspace)
        for name, running in kept.items():
            self.state[name][...] = running
        scores = self._by_member(scores).astype(np.float64)
        losses = [self.objective.function(own, y, weight=weight)[0] for own in scores]
        return sum(losses) / self.n_members

    def recompute_statistics(self, X):
        """Set the running statistics of batch normalisation to those of these rows.

        Parameters
        ----------
        X : ndarray of shape (N, D) or CSR matrix
            Rows, in the dtype of the network.
        """
        if self.state:
            stages, workspace = self._stages_for(X), Workspace()
            _forward(stages, X, self.params, "train", None, workspace, momentum=0.0)

    def scores(self, X):
        """Return the scores of rows: a test-time pass, in chunks.

        Parameters
        ----------
        X : ndarray of shape (N, d1, ..., dk) or sparse matrix of shape (N, D)
            Rows, of any real dtype.

        Returns
        -------
        scores : ndarray of shape (N, n_scores)
            One for every class or target, or several as ``output_dim`` says. In
            float32 where both the rows and the network have it, otherwise in float64.
            BLAS rounds a row among many otherwise than alone: its scores then differ
            in the last digits of that dtype. Of several members, they are the scores
            of the mean of their predictions: probabilities, or values.
        """
        return self.objective.pooled(self.member_scores(X))

    @np.errstate(under="ignore")
    def member_scores(self, X):
        """Return the scores of rows by every member: a test-time pass, in chunks.

        Parameters
        ----------
        X : ndarray of shape (N, d1, ..., dk) or sparse matrix of shape (N, D)
            Rows, of any real dtype.

        Returns
        -------
        scores : ndarray of shape (n_members, N, n_scores)
            Of the dtype of `scores`. They are what the members make of rows each for
            itself, before anything is averaged.

        Examples
        --------
        >>> import numpy as np
        >>> from skfcnet.network import FullyConnectedNet
        >>> net = FullyConnectedNet("regression", [5], [False], 4, 1, n_members=3)
        >>> X = np.ones((2, 4))
        >>> net.member_scores(X).shape
        (3, 2, 1)
        >>> np.allclose(net.scores(X), net.member_scores(X).mean(axis=0))
        True
        """
        X = self._as_rows(X)
        return self._by_member(self._outputs(X, self._test_stages(X)))

    @np.errstate(under="ignore")
    def hidden(self, X, layer=-1):
        """Return the activations of a hidden layer: a test-time pass, in chunks.

        Parameters
        ----------
        X : ndarray of shape (N, d1, ..., dk) or sparse matrix of shape (N, D)
            Rows, of any real dtype.

        layer : int, default=-1
            Which hidden layer, from 0 for the first; negative ones count from the
            last.

        Returns
        -------
        activations : ndarray of shape (N, n_members * hidden_dims[layer])
            What the layer's activation function returns, normalisation before it
            included and nothing dropped. Of the dtype of `scores`; the units of the
            first member, then those of the next.

        Raises
        ------
        ValueError
            If there is no such layer.

        Examples
        --------
        >>> import numpy as np
        >>> from skfcnet.network import FullyConnectedNet
        >>> net = FullyConnectedNet("regression", [5, 3], [False, False], 4, 1)
        >>> net.hidden(np.ones((2, 4))).shape
        (2, 3)
        >>> net.hidden(np.ones((2, 4)), layer=0).shape
        (2, 5)
        """
        X = self._as_rows(X)
        stages = self._test_stages(X)
        ends = [i for i, stage in enumerate(stages, 1) if stage.kind in ACTIVATIONS]
        if not isinstance(layer, Integral) or not -len(ends) <= layer < len(ends):
            raise ValueError(
                f"layer must be the index of one of the {len(ends)} hidden layers, "
                f"got {layer!r}."
            )
        members = self._by_member(self._outputs(X, stages[: ends[layer]]))
        return members[0] if self.n_members == 1 else np.hstack(members)

    @np.errstate(under="ignore")
    def input_gradients(self, X):
        r"""Return the gradient of every score with respect to its row.

        .. math:: G_{ikj} = \frac{\partial s_{ik}}{\partial x_{ij}}

        where :math:`s_{ik}` is score k of row i, as `scores` returns it: nothing is
        dropped, the running statistics of batch normalisation are constants, and
        predictions of several members are averaged.

        Parameters
        ----------
        X : ndarray of shape (N, d1, ..., dk)
            Rows, of any real dtype; D = d1 * ... * dk. Sparse ones are refused:
            their gradients would be dense.

        Returns
        -------
        gradients : ndarray of shape (N, n_scores, D)
            Of the dtype of `scores`.

        Raises
        ------
        TypeError
            If X is sparse.

        Examples
        --------
        Without hidden layers, the gradient of every row is the matrix of weights.

        >>> import numpy as np
        >>> from skfcnet.network import FullyConnectedNet
        >>> net = FullyConnectedNet("classification", [], [], 4, 3)
        >>> gradients = net.input_gradients(np.ones((2, 4)))
        >>> gradients.shape
        (2, 3, 4)
        >>> np.array_equal(gradients[0], net.params["W1"].T)
        True
        """
        if issparse(X):
            raise TypeError("X is sparse, but its gradients are dense: make it dense.")
        X = self._as_rows(X)
        # The first layer of training hands its dx to nobody; that of others does.
        stages = tuple(
            stage._replace(kind=stage.kind.removesuffix("_input"))
            for stage in self._test_stages(X)
        )
        objective, n_scores = self.objective, stages[-1].fan_out
        dtype = self._test_dtype(X)
        gradients = np.empty((X.shape[0], n_scores, self.input_dim), dtype)
        # Of the parameters: what backward passes return beside that of their rows.
        grads = Parameters(self.params.specs, dtype=dtype)
        workspace = Workspace()
        for rows, scores, caches in self._test_passes(X, stages):
            for k in range(n_scores):
                dout = workspace("dscores", scores.shape[-2:], scores.dtype)
                dout[...] = 0
                dout[:, k] = 1
                if self.n_members > 1:
                    dout = objective.pool_backward(dout, scores)
                dx = _backward(stages, dout, caches, grads, workspace)
                np.sum(self._by_member(dx), axis=0, out=gradients[rows, k])
        return gradients

    def _test_stages(self, X):
        """Return the stages of a test-time pass over such rows: nothing is dropped."""
        return tuple(stage for stage in self._stages_for(X) if not stage.rate)

    def _test_dtype(self, X):
        """Return what a test-time pass over such rows computes in."""
        single = np.result_type(X.dtype, self.dtype) == np.float32
        return np.dtype(np.float32 if single else np.float64)

    def _outputs(self, X, stages):
        """Return what the last of some stages makes of checked rows."""
        shape = (*stages[-1].members, X.shape[0], stages[-1].fan_out)
        outputs = np.empty(shape, self._test_dtype(X))
        for rows, out, _ in self._test_passes(X, stages):
            outputs[..., rows, :] = out
        return outputs

    def _by_member(self, a):
        """Return an array of matrices, one for each member, be it one."""
        return a if self.n_members > 1 else a[np.newaxis]

    def _test_passes(self, X, stages):
        """Run stages on chunks of checked rows.

        Yields
        ------
        rows : slice
            Which rows.

        out : ndarray
            What the stages make of them.

        caches : list
            Of the stages, for a backward pass.
        """
        dtype = self._test_dtype(X)
        params = self.params.converted(dtype)
        workspace = Workspace()
        step = EMBEDDED_CHUNK if self.n_embedded else CHUNK
        for start in range(0, X.shape[0], step):
            rows = slice(start, start + step)
            layout = {} if issparse(X) else {"order": "C"}
            x = X[rows].astype(dtype, copy=False, **layout)
            yield rows, *_forward(stages, x, params, "test", None, workspace)

    def _as_rows(self, X):
        """Return X as rows of a matrix, or a CSR matrix, as wide as the network."""
        X = X.tocsr() if issparse(X) else np.asarray(X)
        if X.ndim < 2 or prod(X.shape[1:]) != self.input_dim:
            raise ValueError(
                f"X must have rows of {self.input_dim} features, got shape {X.shape}."
            )
        return X.reshape(X.shape[0], self.input_dim)

    def _stages_for(self, x):
        if isinstance(x, np.ndarray):  # which takes a tenth of the time of issparse
            return self.stages
        if self.n_embedded:
            raise TypeError("X is sparse, but embeddings are dense: make it dense.")
        return _on_sparse(self.stages)


def _shared(x, members):
    """Return rows such that the layers hand them to every member."""
    if not members:
        return x
    if issparse(x):
        return block_diag([x] * members[0], format="csr")
    return x[np.newaxis]


@lru_cache(maxsize=16)
def _on_sparse(stages):
    """Return the stages for sparse rows: the same ones in every step."""
    return tuple(
        stage._replace(kind=stage.kind.replace("_input", "_sparse_input"))
        for stage in stages
    )


@lru_cache(maxsize=64)
def _kernel(kind):
    """Return a layer without the doors of its functions: a network's arrays fit."""
    layer = LAYERS[kind]
    return layer._replace(
        forward=unchecked(layer.forward), backward=unchecked(layer.backward)
    )


def _runs_forward(leading, stages, params, workspace):
    """Return what a forward pass needs of every stage: looked up once for a loop."""
    runs = []
    for stage in stages:
        layer, scratch = _kernel(stage.kind), workspace.scope(stage.name)
        out = None
        if not (layer.inplace or layer.allocates):
            out = scratch("out", (*leading, stage.fan_out), params.vector.dtype)
        runs.append((stage, layer, stage.arrays(params), out, scratch))
    return runs


def _runs_backward(leading, stages, grads, workspace):
    """Return what a backward pass needs of every stage, in reverse."""
    runs = []
    for stage in reversed(stages):
        layer, scratch = _kernel(stage.kind), workspace.scope(stage.name)
        dx = None
        if not (layer.inplace or layer.on_data):
            dx = scratch("dx", (*leading, stage.fan_in), grads.vector.dtype)
        runs.append((layer, stage.arrays(grads), dx, scratch))
    return runs


def _forward(stages, x, params, mode, rng, workspace, **others):
    """Run the stages in order; return the scores and every stage's cache."""
    caches, members = [], stages[0].members
    leading = (*members, x.shape[0])
    x = _shared(x, members)
    runs = workspace.prepared(_runs_forward, leading, stages, params)
    for stage, layer, arrays, out, scratch in runs:
        options = ()
        if layer.takes_options:
            options = (stage.options(params, mode, rng, **others),)
        if layer.inplace:
            out = x
        x, cache = layer.forward(x, *arrays, *options, out=out, workspace=scratch)
        caches.append(cache)
    return x, caches


def _backward(stages, dout, caches, grads, workspace):
    """Run the stages in reverse, writing gradients; return that of the rows.

    It is None where a stage stands at the data.
    """
    runs = workspace.prepared(_runs_backward, dout.shape[:-1], stages, grads)
    for (layer, arrays, dx, scratch), cache in zip(runs, reversed(caches), strict=True):
        if layer.inplace:
            dx = dout
        layer.backward(dout, cache, out=(dx, *arrays), workspace=scratch)
        if layer.on_data:
            return None
        dout = dx
    return dout


def _normal_weights(shape, rng, *, gain, scale):
    """Draw normal weights; without a scale, such that signals keep theirs."""
    scale = gain / sqrt(shape[0]) if scale is None else scale
    return scale * rng.standard_normal(shape)


def _floating(name, value):
    with suppress(TypeError):  # of what is no dtype at all
        dtype = np.dtype("object" if value is None else value)
        if dtype in (np.float32, np.float64):
            return dtype
    raise ValueError(f"{name} must be float32 or float64, got {value!r}.")


def _sequence(name, value):
    """Return a sequence with one entry for every hidden layer as a list."""
    if isinstance(value, str) or not np.iterable(value):
        raise ValueError(
            f"{name} must be a list with an entry for every hidden layer, got "
            f"{value!r}."
        )
    return list(value)
