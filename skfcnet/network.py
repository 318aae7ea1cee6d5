"""Fully connected networks: layers in a row, with their parameters in one vector."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy, deepcopy
from functools import cached_property, partial
from math import inf, prod, sqrt
from numbers import Integral
from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from scipy.sparse import issparse

from skfcnet._engine.annotations import Array, Floats, Params, RandomState, Table
from skfcnet._engine.arguments import (
    FRACTION,
    NON_NEGATIVE,
    checked_integer,
    checked_mapping,
    checked_name,
    checked_number,
    unchecked,
)
from skfcnet._engine.members import mean_over_members
from skfcnet._engine.parameters import NamedArrays, Parameters, Zone
from skfcnet._engine.passes import InferencePasses, Passes, chunk_for
from skfcnet._engine.plan import (
    Stage,
    checked_blocks,
    checked_linear_blocks,
    output_layer,
    plan,
    stages_for,
)
from skfcnet._engine.random import MemberGenerators, as_generator
from skfcnet._engine.workspace import Workspace
from skfcnet.initializers import INITIALIZERS
from skfcnet.layers import ACTIVATIONS, NORMALIZATIONS, Block
from skfcnet.losses import LOSSES, Loss

CATEGORIES = {"classification": "softmax", "regression": "mse"}
"""The default loss of each category of networks."""


class FullyConnectedNet:
    """A fully connected network for classification or regression.

    The layers are ``[blocks] - [dropout] - {affine - [normalisation] - activation -
    [dropout]} x (L - 1) - affine - [+ linear term] - loss``.

    Parameters
    ----------
    category : {'classification', 'regression'}
        Category of the network. It decides the default loss: the cross-entropy of the
        softmax, or the mean squared error.

    hidden_dims : sequence of int
        Width of every hidden layer.

    normalization : sequence of bool, str or None, default=None
        Normalisation after the affine map of every hidden layer: "batch" or True for
        batch normalisation, "layer" for layer normalisation, None or False for none.
        Without the sequence, no layer is normalised.

    input_dim : int, default=784
        Number of features.

    output_dim : int, default=10
        Number of classes or targets. If a loss has several scores for each target, as
        with several quantiles, the last affine layer is as many times wider.

    reg : float, default=0.0
        Coefficient of the L2 penalty ``0.5 * reg * ||W||^2`` on all weights; biases,
        gamma and beta are not penalised.

    weight_scale : float or None, default=1e-2
        Standard deviation of the normal distribution that the weights are drawn
        from. None chooses it for every layer such that signals keep their scale:
        ``gain / sqrt(fan_in)``. The activation of the layer declares the gain: sqrt(2)
        for relu [1]_, 1 for those that saturate and for the output [2]_.

    dtype : dtype, default=np.float32
        Dtype of the parameters and of training. Test-time passes compute in float64 if
        the rows or the parameters have it, otherwise in float32.

    activation : str, default='relu'
        A key of `skfcnet.layers.ACTIVATIONS`.

    dropout : float, default=0.0
        Probability of dropping a hidden unit in training.

    input_dropout : float, default=0.0
        Probability of dropping a feature of a row in training. In sparse rows, stored
        values are dropped; where there are blocks, columns that they make.

    init : str, default=None
        A key of `skfcnet.initializers.INITIALIZERS`, which draws the weights instead of
        ``weight_scale``.

    loss : str, default=None
        A key of `skfcnet.losses.LOSSES` instead of the category's own.

    loss_params : dict, default=None
        Parameters of the loss, such as ``{"delta": 2.0}`` for 'huber', copied. Missing
        ones have their defaults.

    random_state : None, int, RandomState or Generator, default=None
        Draws the weights. None: NumPy's global state.

    n_members : int, default=1
        Number of networks that are trained side by side, in one pass. Each has its own
        initial weights and dropout masks, the first those of a single network with the
        same seed, and learns from its own loss. Their predictions are averaged.

    blocks : sequence of Block, default=()
        What is made of the columns of the rows before the first affine map, side by
        side: see `skfcnet.layers.Block`. Without blocks, the columns are the features.
        Rows must be dense if there are blocks. ``init`` and ``weight_scale`` draw none
        of their arrays.

    linear_blocks : sequence of Block, default=()
        What is made of the columns of the rows for a linear term, which is added to the
        scores: ``scores = affine(...) + z @ V``, where z is what these blocks make.
        They have no trained arrays. V is zero at first, and is not trained: a linear
        model that was fitted before is assigned to ``state["V"]``. Without blocks,
        there is no linear term. Rows must be dense if there is one.

    learn_scales : bool, default=False
        Whether a scale of every feature is learned, by which the weights of the first
        hidden layer are multiplied: see `skfcnet.layers.scaled_affine_forward`.

    Attributes
    ----------
    params : Mapping of str to ndarray
        The trainable arrays, W1, b1, gamma1, beta1, W2, ..., which are views of one
        vector. Those of blocks come first: w0, b0, V0 and c0 of a block of the kind
        "pbld", E0 and o0 of one of the kind "lookup" (see `skfcnet.layers.Block`). s1
        are the scales of the features. Assignment copies into the array.
        With k > 1 members, all have a leading axis of length k, and vectors are rows:
        W1 (k, D, M), b1 (k, 1, M).

    state : Mapping of str to ndarray
        What gradients do not train, with the same axes: the running statistics of batch
        normalisation, and the weights V of the linear term.

    stages : tuple of Stage
        The layers, in order.

    has_dropout : bool
        Whether a training step draws dropout masks.

    member_shape : tuple of int
        What the shapes of all arrays begin with: (k,) for k members, () for a single
        network.

    members : sequence of int
        The numbers of the members, from which their dropout masks are drawn.

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
        category: str,
        hidden_dims: Sequence[int],
        normalization: Sequence[bool | str | None] | None = None,
        input_dim: int = 784,
        output_dim: int = 10,
        reg: float = 0.0,
        weight_scale: float | None = 1e-2,
        dtype: DTypeLike = np.float32,
        *,
        activation: str = "relu",
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        init: str | None = None,
        loss: str | None = None,
        loss_params: Params | None = None,
        random_state: RandomState = None,
        n_members: int = 1,
        blocks: Sequence[Block] = (),
        linear_blocks: Sequence[Block] = (),
        learn_scales: bool = False,
    ) -> None:
        checked_name("category", category, CATEGORIES)
        checked_name("activation", activation, ACTIVATIONS)
        if loss is None:
            loss = CATEGORIES[category]
        checked_name("loss", loss, LOSSES)
        if init is not None:
            checked_name("init", init, INITIALIZERS)
        checked_integer("input_dim", input_dim)
        checked_integer("output_dim", output_dim)
        hidden_dims = _checked_list("hidden_dims", hidden_dims)
        if not all(isinstance(n, Integral) and int(n) > 0 for n in hidden_dims):
            raise ValueError(
                f"hidden_dims must hold positive integers, got {hidden_dims!r}."
            )
        if normalization is None:
            normalization = [False] * len(hidden_dims)
        normalization = _checked_list("normalization", normalization)
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
        blocks = checked_blocks(blocks, input_dim)
        linear_blocks = checked_linear_blocks(linear_blocks, input_dim)
        if weight_scale is not None:
            weight_scale = checked_number("weight_scale", weight_scale, *NON_NEGATIVE)
        dtype = _checked_float_dtype("dtype", dtype)
        self.category = category
        self.dropout = checked_number("dropout", dropout, *FRACTION)
        self.input_dropout = checked_number("input_dropout", input_dropout, *FRACTION)
        self.has_dropout = bool(self.dropout or self.input_dropout)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.n_members = int(n_members)
        self.members = range(self.n_members)
        self.member_shape = (self.n_members,) if self.n_members > 1 else ()
        self.reg = checked_number("reg", reg, *NON_NEGATIVE)
        self.loss_name = loss
        self.loss_params = deepcopy(checked_mapping("loss_params", loss_params))
        sizes = (input_dim, *hidden_dims, output_dim * self.objective.scores_per_target)
        self.stages = tuple(
            plan(
                sizes,
                tuple(normalization),
                activation,
                self.dropout,
                self.input_dropout,
                n_members=self.n_members,
                blocks=blocks,
                linear_blocks=linear_blocks,
                learn_scales=learn_scales,
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

    def _initialise(
        self, draw: Callable[..., Floats], gain: float, random_state: RandomState
    ) -> None:
        rng, drawn = as_generator(random_state), {}
        for spec in self.params.specs:
            if spec.initial is None:
                drawn[spec.name] = partial(draw, gain=gain)
            elif callable(spec.initial):
                drawn[spec.name] = spec.initial
            else:
                arrays = self.state if spec.zone == Zone.STATE else self.params
                arrays[spec.name] = spec.initial
        weights_of_output, _ = output_layer(self.stages).trained
        drawn[weights_of_output] = partial(draw, gain=1.0)
        # The first member draws what a single network does, and so do the minibatches.
        generators = [rng, *rng.spawn(self.n_members - 1)]
        for member, generator in zip(
            np.ndindex(self.member_shape), generators, strict=True
        ):
            for name, draw_array in drawn.items():
                array = self.params[name][member]
                array[...] = draw_array(array.shape, generator)

    @property
    def state(self) -> NamedArrays:
        """What gradients do not train, by name."""
        return self.params.state

    @cached_property
    def objective(self) -> Loss:
        """The loss with its parameters: a `skfcnet.losses.Loss`."""
        return LOSSES[self.loss_name].bind(self.loss_params)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k != "objective"}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # The stages, which never change, are most of what there is to copy.
        other = copy(self)
        other.params = deepcopy(self.params, memo)
        other.loss_params = deepcopy(self.loss_params, memo)
        return other

    @property
    def takes_missing(self) -> bool:
        """Whether NaN in rows is a missing value, of which a block makes something."""
        blocks = self.stages[0].blocks
        return any(block.layer.takes_missing for block in blocks)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the parameters, and of training."""
        return self.params.vector.dtype

    def __repr__(self) -> str:
        layers = (stage.label for stage in self.stages)
        path = " → ".join([str(self.input_dim), *layers, self.loss_name])
        if self.n_members > 1:
            path = f"{self.n_members} × ({path})"
        return f"{type(self).__name__}({path})"

    @overload
    def loss(
        self, X: Table, y: None = None, *, random_state: RandomState = None
    ) -> Floats: ...

    @overload
    def loss(
        self,
        X: Table,
        y: ArrayLike,
        *,
        weight: ArrayLike | None = None,
        random_state: RandomState = None,
    ) -> tuple[float, Parameters]: ...

    @np.errstate(under="ignore")
    def loss(
        self,
        X: Table,
        y: ArrayLike | None = None,
        *,
        weight: ArrayLike | None = None,
        random_state: RandomState = None,
    ) -> Any:
        """Return the scores of rows, or the loss with all its gradients.

        Parameters
        ----------
        X : ndarray of shape (N, d1, ..., dk) or sparse matrix of shape (N, D)
            Rows.

        y : ndarray of shape (N,) or (N, K), default=None
            Class indices for classification, targets for regression.

        weight : array-like of shape (N,) or (N, n_members), default=None
            Factor of the loss of each row: the loss is ``sum(weight * losses) / N``.
            With a column for each member, every member has its own factors. Batch
            normalisation and the penalty do not depend on them, as they would on
            repeated rows.

        random_state : None, int, RandomState or Generator, default=None
            Draws the dropout masks: an int draws the same ones in every call.
            None: NumPy's global state.

        Returns
        -------
        scores : ndarray of shape (N, C), or (N,) for regression with one output
            Without ``y``: the result of a test-time pass. ``objective.link.inverse``
            turns scores into predictions.

        (loss, grads) : float and Mapping of str to ndarray
            With ``y``: the result of a training-time pass, which also updates the
            running statistics of batch normalisation. The loss includes the L2 penalty,
            and ``grads`` has the names of ``params``. With several members, the loss is
            their mean, but the gradients of each member are those of its own loss.

        Raises
        ------
        ValueError
            If ``y`` does not fit ``X`` or the network, or ``weight`` does not hold
            numbers, finite and not negative, for every row.
        """
        if y is None:
            scores = self.scores(X)
            one_value = self.category == "regression" and scores.shape[1] == 1
            return scores[:, 0] if one_value else scores
        x = self._as_rows(X).astype(self.dtype, copy=False)
        y = self.as_targets(y, n_rows=x.shape[0])
        if weight is not None:
            weight = self.as_loss_weight(weight, n_rows=x.shape[0])
        rng: Any = as_generator(random_state) if self.has_dropout else None
        if self.has_dropout and self.member_shape:
            rng = MemberGenerators(self.members, rng)
        grads = Parameters(self.params.specs, dtype=self.dtype)
        passes = self.training_passes(x, grads, rng=rng)
        return self.penalized_loss(x, y, passes, weight=weight), grads

    def penalty(self) -> float:
        """Return the L2 penalty of the weights, ``0.5 * reg * ||W||^2``.

        Returns
        -------
        penalty : float
            What is added to the mean loss of the rows. With several members, the mean.
        """
        if not self.reg:
            return 0.0
        weights = self.params.decayed
        return 0.5 * self.reg * float(weights @ weights) / self.n_members

    def as_targets(self, y: ArrayLike, *, n_rows: int) -> Array:
        """Return ``y`` as the loss takes it: class indices (N,), or values (N, K).

        Parameters
        ----------
        y : array-like of shape (N,) or (N, K)
            Targets.

        n_rows : int
            Number of rows of X.

        Returns
        -------
        y : ndarray
            The targets, as integers or in the dtype of the network.

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

    def as_loss_weight(
        self, weight: ArrayLike, *, n_rows: int, name: str = "weight"
    ) -> Floats:
        """Return ``weight`` as a loss takes it, in the dtype of the network.

        Parameters
        ----------
        weight : array-like of shape (N,) or (N, n_members)
            Factors of the losses of the rows, for all members or for each of them.

        n_rows : int
            Number of rows of X.

        name : str, default="weight"
            Name of the weights in errors.

        Returns
        -------
        weight : ndarray of shape (N,) or (N, n_members)
            The weights.

        Raises
        ------
        ValueError
            If it has another shape, or a number that is negative or not finite.
        """
        weight = np.asarray(weight, self.dtype)
        is_valid = (weight >= 0) & np.isfinite(weight)
        shapes = (n_rows,), (n_rows, *self.member_shape)
        if weight.shape not in shapes or not is_valid.all():
            columns = ", or a column of them for each member" * bool(self.member_shape)
            raise ValueError(
                f"{name} must hold {n_rows} finite numbers that are not negative"
                f"{columns}, got shape {weight.shape}."
            )
        return weight

    def penalized_loss(
        self, x: Table, y: Array, passes: Passes, *, weight: Floats | None = None
    ) -> float:
        """Return the loss of rows with the L2 penalty, and write its gradients.

        Parameters
        ----------
        x, y, passes, weight : as for `backpropagate`
            Rows, targets, passes and factors of the losses of the rows.

        Returns
        -------
        loss : float
            Mean loss of the rows and of the members, with the penalty.
        """
        losses = self.backpropagate(x, y, passes, weight=weight)
        passes.grads.decayed += self.reg * self.params.decayed
        return mean_over_members(losses) + self.penalty()

    def backpropagate(
        self, x: Table, y: Array, passes: Passes, *, weight: Floats | None = None
    ) -> list[float]:
        """Return the loss of every member, without the penalty; write the gradients.

        `~skfcnet.solver.Solver` adds the penalty and its gradient to each block of the
        weights while the block is in the cache. Nothing is checked or copied, and with
        passes that were used before, no large array is allocated.

        Parameters
        ----------
        x : ndarray of shape (N, D) or CSR matrix
            Rows, in the dtype of the network.

        y : ndarray
            Targets, from `as_targets`.

        passes : Passes
            The result of `training_passes`. Its ``grads`` receive the gradients.

        weight : ndarray of shape (N,) or (N, n_members), default=None
            Factors of the losses of the rows, from `as_loss_weight`.

        Returns
        -------
        losses : list of float
            Mean loss of the rows by each member.
        """
        scores, caches = passes.forward(x)
        losses = self._losses_of_scores(
            scores,
            y,
            weight=weight,
            workspace=passes.workspace.scope("loss"),
            lookup=passes.lookup,
        )
        passes.backward(scores, caches)
        return losses

    def _losses_of_scores(
        self,
        scores: Floats,
        y: Array,
        *,
        weight: Floats | None,
        workspace: Workspace,
        lookup: Callable[..., Any] = unchecked,
    ) -> list[float]:
        """Return the loss of every member; replace the scores by their gradients."""
        function = lookup(LOSSES[self.loss_name].function)
        options = {"workspace": workspace, **self.loss_params}
        weights: Any = [weight] * self.n_members
        if weight is not None and weight.ndim == 2:
            weights = weight.T
        return [
            function(x, y, out=x, weight=own_weight, **options)[0]
            for x, own_weight in zip(self._by_member(scores), weights, strict=True)
        ]

    @np.errstate(all="ignore")
    def training_losses(
        self, x: Table, y: Array, *, weight: Floats | None = None
    ) -> list[float]:
        """Return the loss of every member, without the penalty and without dropout.

        Batch normalisation takes the statistics of these rows, as in training. Nothing
        in the network changes. The loss is infinite where scores are not finite, with
        these statistics or with the running ones, by which rows are predicted.

        Parameters
        ----------
        x : ndarray of shape (N, D) or CSR matrix
            Rows, in the dtype of the network.

        y : ndarray
            Targets, from `as_targets`.

        weight : ndarray of shape (N,) or (N, n_members), default=None
            Factors of the losses of the rows, from `as_loss_weight`.

        Returns
        -------
        losses : list of float
            Mean loss of the rows by each member.
        """
        # In a copy, batch normalisation may update its running statistics.
        params = Parameters(self.params.specs, vector=self.params.vector.copy())
        stages = stages_for(self.test_stages(), x)
        scores, _ = Passes(stages, params, mode="train").forward(x)
        results = [scores]
        if _have_running_statistics(self.stages):
            results.append(Passes(stages, self.params, mode="test").forward(x)[0])
        are_finite = [
            all(np.isfinite(own).all() for own in of_member)
            for of_member in zip(*map(self._by_member, results), strict=True)
        ]
        losses = self._losses_of_scores(
            scores.astype(np.float64), y, weight=weight, workspace=Workspace()
        )
        return [
            loss if is_finite else inf
            for loss, is_finite in zip(losses, are_finite, strict=True)
        ]

    def recompute_statistics(self, X: Table) -> None:
        """Set the running statistics of batch normalisation to those of given rows.

        Parameters
        ----------
        X : ndarray of shape (N, D) or CSR matrix
            Rows, in the dtype of the network.
        """
        if _have_running_statistics(self.stages):
            self.training_passes(X, momentum=0.0).forward(X)

    def scores(self, X: Table) -> Floats:
        """Return the scores of rows, from test-time passes over chunks of them.

        Parameters
        ----------
        X : ndarray of shape (N, d1, ..., dk) or sparse matrix of shape (N, D)
            Rows, of any real dtype.

        Returns
        -------
        scores : ndarray of shape (N, n_scores)
            One for every class or target, or several (see ``output_dim``). The dtype is
            float32 if both the rows and the network have it, otherwise float64. The
            scores of a row may differ in their last digits when it is predicted beside
            other rows, since BLAS then rounds in another order. With several members,
            these are the scores of their mean prediction: of the mean of probabilities,
            or of values.
        """
        return self.objective.average(self.member_scores(X))

    def member_scores(self, X: Table) -> Floats:
        """Return the scores of rows by every member.

        Parameters
        ----------
        X : ndarray of shape (N, d1, ..., dk) or sparse matrix of shape (N, D)
            Rows, of any real dtype.

        Returns
        -------
        scores : ndarray of shape (n_members, N, n_scores)
            The scores of each member by itself, in the dtype of `scores`.

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
        x = self._as_rows(X)
        return self._outputs(x, self.test_passes(x.dtype))

    def hidden(self, X: Table, layer: int = -1) -> Floats:
        """Return the activations of a hidden layer at test time.

        Parameters
        ----------
        X : ndarray of shape (N, d1, ..., dk) or sparse matrix of shape (N, D)
            Rows, of any real dtype.

        layer : int, default=-1
            Index of the hidden layer, from 0 for the first; a negative index counts
            from the last.

        Returns
        -------
        activations : ndarray of shape (N, n_members * hidden_dims[layer])
            Output of the layer's activation function, without dropout, in the dtype of
            `scores`. The units of the first member come first, then those of the next.

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
        x = self._as_rows(X)
        passes = self._test_passes(x.dtype, self._stages_up_to(layer))
        members = self._outputs(x, passes)
        return members[0] if self.n_members == 1 else np.hstack([*members])

    def input_gradients(self, X: Table) -> Floats:
        r"""Return the gradient of every score with respect to its row.

        .. math:: G_{ikj} = \frac{\partial s_{ik}}{\partial x_{ij}}

        where :math:`s_{ik}` is score k of row i, as `scores` returns it: without
        dropout, with the running statistics of batch normalisation as constants, and
        with the predictions of several members averaged.

        Parameters
        ----------
        X : ndarray of shape (N, d1, ..., dk)
            Rows, of any real dtype; D = d1 * ... * dk. Sparse rows raise an error,
            since their gradients would be dense.

        Returns
        -------
        gradients : ndarray of shape (N, n_scores, D)
            The gradients, in the dtype of `scores`.

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
        x = self._as_rows(X)
        passes = self.test_passes(x.dtype)
        shape = (x.shape[0], passes.width, self.input_dim)
        gradients = np.empty(shape, passes.dtype)
        for rows in passes.chunks_of(x):
            _, gradients[rows] = passes.gradients(x[rows])
        return gradients

    def test_passes(
        self, dtype: DTypeLike, *, layer: int | None = None
    ) -> InferencePasses:
        """Return an object that runs test-time passes, for loops over chunks of rows.

        Parameters
        ----------
        dtype : dtype
            Dtype of the rows, which decides the dtype of the results as in `scores`.

        layer : int, default=None
            Index of the hidden layer whose activations are returned, as in `hidden`;
            None for the scores.

        Returns
        -------
        passes : InferencePasses
            Called with at most ``passes.chunk`` rows, dense or in CSR format, of which
            ``passes.chunks_of(x)`` yields the slices, the object returns their scores
            or activations by every member, of shape (n_members, N, width) and dtype
            ``passes.dtype``. ``passes.gradients(x)`` returns the scores of dense rows,
            with the members averaged, and their gradients. The rows are not checked. A
            result is valid until the next call.

        Raises
        ------
        ValueError
            If there is no such layer.

        Examples
        --------
        >>> import numpy as np
        >>> from skfcnet.network import FullyConnectedNet
        >>> net = FullyConnectedNet("regression", [5], [False], 4, 1, n_members=3)
        >>> passes = net.test_passes(np.float32)
        >>> passes(np.ones((2, 4), np.float32)).shape
        (3, 2, 1)
        """
        return self._test_passes(dtype, self.test_stages(layer))

    def training_passes(
        self,
        x: Table,
        grads: Parameters | None = None,
        *,
        rng: Any = None,
        workspace: Workspace | None = None,
        **options: Any,
    ) -> Passes:
        """Return the passes of training over minibatches.

        Parameters
        ----------
        x : ndarray or CSR matrix
            Rows that are dense or sparse, as those of all minibatches will be.

        grads : Parameters, default=None
            Receives the gradients; None if there are only forward passes.

        rng : numpy.random.Generator, default=None
            Draws the dropout masks.

        workspace : Workspace, default=None
            Lends all scratch arrays; None for a new one.

        **options : dict
            Further options of the passes, such as the ``momentum`` of batch
            normalisation.

        Returns
        -------
        passes : Passes
            The passes, for `backpropagate`.
        """
        return Passes(
            stages_for(self.stages, x),
            self.params,
            grads,
            mode="train",
            rng=rng,
            workspace=workspace,
            **options,
        )

    def _test_passes(
        self, dtype: DTypeLike, stages: Sequence[Stage]
    ) -> InferencePasses:
        single = np.result_type(dtype, self.dtype) == np.float32
        return InferencePasses(
            stages,
            self.params,
            self.objective,
            dtype=np.dtype(np.float32 if single else np.float64),
            chunk=chunk_for(stages),
        )

    def test_stages(self, layer: int | None = None) -> tuple[Stage, ...]:
        """Return the stages of a test-time pass, which drops no units.

        Parameters
        ----------
        layer : int, default=None
            Index of the hidden layer that the pass ends with, as in `hidden`; None for
            the scores.

        Returns
        -------
        stages : tuple of Stage
            The layers, in order.

        Raises
        ------
        ValueError
            If there is no such layer.
        """
        if layer is not None:
            return self._stages_up_to(layer)
        return tuple(stage for stage in self.stages if stage.kind != "dropout")

    def _stages_up_to(self, layer: int) -> tuple[Stage, ...]:
        stages = self.test_stages()
        ends = [i for i, stage in enumerate(stages, 1) if stage.kind in ACTIVATIONS]
        if not isinstance(layer, Integral) or not -len(ends) <= layer < len(ends):
            raise ValueError(
                f"layer must be the index of one of the {len(ends)} hidden layers, "
                f"got {layer!r}."
            )
        return stages[: ends[layer]]

    def _outputs(self, X: Any, passes: InferencePasses) -> Floats:
        """Return the results of test-time passes over all chunks of checked rows."""
        if X.shape[0] <= passes.chunk:
            return passes(X)  # there is no further call to overwrite it
        outputs = np.empty((self.n_members, X.shape[0], passes.width), passes.dtype)
        for rows in passes.chunks_of(X):
            outputs[:, rows] = passes(X[rows])
        return outputs

    def _by_member(self, a: Floats) -> Floats:
        """Return an array with an axis for members, also for a single network."""
        return a if self.member_shape else a[np.newaxis]

    def _as_rows(self, X: Any) -> Any:
        """Return X as rows of a matrix, or a CSR matrix, as wide as the network."""
        X = X.tocsr() if issparse(X) else np.asarray(X)
        if X.ndim < 2 or prod(X.shape[1:]) != self.input_dim:
            raise ValueError(
                f"X must have rows of {self.input_dim} features, got shape {X.shape}."
            )
        return X.reshape(X.shape[0], self.input_dim)


def _have_running_statistics(stages: Sequence[Any]) -> bool:
    """Return whether there is batch normalisation among some stages."""
    return any(stage.kind == "batchnorm" for stage in stages)


def _normal_weights(
    shape: tuple[int, ...],
    rng: np.random.Generator,
    *,
    gain: float,
    scale: float | None,
) -> Floats:
    """Draw normal weights; a scale of None keeps that of the signals."""
    scale = gain / sqrt(shape[0]) if scale is None else scale
    return scale * rng.standard_normal(shape)


def _checked_float_dtype(name: str, value: DTypeLike) -> np.dtype[Any]:
    with suppress(TypeError):  # from a value that is no dtype
        dtype = np.dtype("object" if value is None else value)
        if dtype in (np.float32, np.float64):
            return dtype
    raise ValueError(f"{name} must be float32 or float64, got {value!r}.")


def _checked_list(name: str, value: Any) -> list[Any]:
    """Return a sequence with one entry for every hidden layer as a list."""
    if isinstance(value, str) or not np.iterable(value):
        raise ValueError(
            f"{name} must be a list with an entry for every hidden layer, got "
            f"{value!r}."
        )
    return list(value)
