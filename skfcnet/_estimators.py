"""The estimators: validation, encoding and fitted attributes; the maths is below them.

How a fit works
---------------
Everything happens on a *draft*, another object of the same class: it validates the
data, receives the fitted attributes and is trained. Only when that has succeeded is
its state taken over, in one step. A failed or interrupted fit, whatever it failed at,
therefore leaves the earlier model exactly as it was.
"""

import copy
import warnings
from math import fsum
from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import (
    assert_all_finite,
    check_array,
    check_random_state,
    column_or_1d,
)
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from skfcnet._batches import repetitions
from skfcnet._compat import (
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_params,
)
from skfcnet.layers import ACTIVATIONS
from skfcnet.losses import LOSSES
from skfcnet.network import FullyConnectedNet, plan
from skfcnet.solver import Solver
from skfcnet.update_rules import adam, adamw, rmsprop, sgd_momentum, sgd_nesterov

AUTO_BATCH_SIZE = 200
"""The most that ``batch_size="auto"`` chooses; also what ``alpha`` is relative to."""

SOLVERS = {
    "sgd": (sgd_momentum, {"momentum": "momentum"}),
    "adam": (adam, {"beta1": "beta_1", "beta2": "beta_2", "epsilon": "epsilon"}),
    "adamw": (
        adamw,
        {
            "beta1": "beta_1",
            "beta2": "beta_2",
            "epsilon": "epsilon",
            "weight_decay": "weight_decay",
        },
    ),
    "rmsprop": (rmsprop, {"epsilon": "epsilon"}),
}
"""For every ``solver``: its update rule, and which of the estimator's parameters are
which entries of its configuration."""


OUTPUTS = {"softmax": "softmax", "logistic": "logistic", "identity": "squared_error"}
"""For every ``out_activation_``, the loss that trains it."""


class _BaseFCNet(BaseEstimator):
    """What both estimators share; a subclass says how its targets are encoded.

    A subclass has ``_category``, a key of `skfcnet.network.CATEGORIES`, and the
    methods ``_learn_target`` and ``_encoded``.
    """

    _parameter_constraints = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "solver": [StrOptions(set(SOLVERS))],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_norm": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "dtype": [
            StrOptions({"float32", "float64"}),
            Options(type, {np.float32, np.float64}),
        ],
    }

    def __init__(
        self,
        hidden_layer_sizes=(128, 128),
        activation="relu",
        *,
        solver="adam",
        alpha=0.01,
        batch_size="auto",
        learning_rate_init=0.001,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        momentum=0.9,
        nesterovs_momentum=True,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        weight_decay=0.01,
        batch_norm=False,
        dropout=0.0,
        dtype="float32",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.weight_decay = weight_decay
        self.batch_norm = batch_norm
        self.dropout = dropout
        self.dtype = dtype

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @property
    def coefs_(self):
        """Weights of every affine layer, first to last: live views."""
        return self._arrays_named("W")

    @property
    def intercepts_(self):
        """Biases of every affine layer, first to last: live views."""
        return self._arrays_named("b")

    def _arrays_named(self, name):
        check_is_fitted(self)
        return [self._net.params[f"{name}{i}"] for i in range(1, self.n_layers_)]

    def fit(self, X, y, sample_weight=None):
        """Fit the network to data.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target: class labels, or a binary indicator matrix for multilabel
            classification; numbers for regression.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts; a row of weight 0 is left out. Training with
            integer weights is, bit for bit, training on rows repeated so often.
            Weights whose total is below the number of rows or above eight times it
            are rescaled to a mean of one.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, or training diverges. The
            estimator then remains as it was.
        """
        validate_params(self)
        draft = type(self)(**self.get_params(deep=False))
        X, y, weight = draft._validated(X, y, sample_weight, reset=True)
        draft._learn_target(y)
        draft._start()
        try:
            converged = draft._train(draft._solver(X, y, weight))
        except KeyboardInterrupt:
            if draft.n_iter_:
                self._take_over(draft)
            raise
        self._take_over(draft)
        if not converged:
            warnings.warn(
                f"The loss was still improving after max_iter={self.max_iter} epochs. "
                f"Raise max_iter, or set tol or n_iter_no_change to stop earlier.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _partial_fit(self, X, y, sample_weight, **target_arguments):
        validate_params(self)
        first = not hasattr(self, "_net")
        if first:
            draft = type(self)(**self.get_params(deep=False))
        else:
            draft = copy.copy(self)
            for trained in ("_net", "_rng", "loss_curve_"):
                setattr(draft, trained, copy.deepcopy(getattr(self, trained)))
        X, y, weight = draft._validated(X, y, sample_weight, reset=first)
        if first:
            draft._learn_target(y, **target_arguments)
            draft._start()
        else:
            draft._check_architecture()
        solver = draft._solver(X, y, weight)
        draft._record(solver.train_epoch(), solver)
        draft._optim_config = solver.optim_config
        self._take_over(draft)
        return self

    def _take_over(self, draft):
        """Make the state of a draft this estimator's own."""
        vars(self).pop("feature_names_in_", None)  # this fit may have seen no names
        vars(self).update(vars(draft))

    def _validated(self, X, y, sample_weight, *, reset):
        """Return the rows of positive weight in the compute dtype, y and weights."""
        _refuse_what_numpy_would_reinterpret(X, "X")
        if self._category == "regression":
            _refuse_what_numpy_would_reinterpret(y, "y")
        X, y = validate_data(
            self,
            X,
            y,
            reset=reset,
            accept_sparse="csr",
            dtype=(np.float64, np.float32),
            multi_output=True,
            y_numeric=self._category == "regression",
        )
        y = y.toarray() if issparse(y) else y
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        X = self._in_compute_dtype(X, "X")
        if sample_weight is None:
            return X, y, None
        weight = _checked_weight(sample_weight, X.shape[0])
        counts = weight > 0
        if not counts.all():
            X, y, weight = X[counts], y[counts], weight[counts]
        return X, y, repetitions(weight)

    def _in_compute_dtype(self, a, name):
        with np.errstate(over="ignore"):
            converted = a.astype(self.dtype, copy=False)
        if converted is not a:
            assert_all_finite(converted, input_name=name)
        return converted

    def _start(self):
        """Set up the untrained network, and what a fit records."""
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        self._rng = np.random.default_rng(seed)
        hidden_dims = self._hidden_dims()
        self._net = FullyConnectedNet(
            self._category,
            hidden_dims,
            [self.batch_norm] * len(hidden_dims),
            input_dim=self.n_features_in_,
            output_dim=self.n_outputs_,
            weight_scale=None,
            dtype=self.dtype,
            activation=self.activation,
            dropout=self.dropout,
            loss=OUTPUTS[self.out_activation_],
            random_state=self._rng,
        )
        self._optim_config = {}
        self.n_layers_ = len(hidden_dims) + 2
        self.n_iter_ = 0
        self.t_ = 0
        self.loss_curve_ = []
        self.best_loss_ = np.inf
        self.validation_scores_ = None
        self.best_validation_score_ = None

    def _hidden_dims(self):
        sizes = np.atleast_1d(np.asarray(self.hidden_layer_sizes, object)).tolist()
        if not all(isinstance(size, Integral) and size > 0 for size in sizes):
            raise InvalidParameterError(
                f"The 'hidden_layer_sizes' parameter of {type(self).__name__} must be "
                f"a positive integer or a sequence of them. "
                f"Got {self.hidden_layer_sizes!r} instead."
            )
        return [int(size) for size in sizes]

    def _check_architecture(self):
        """Refuse to go on with a network that the parameters no longer describe."""
        net = self._net
        sizes = (self.n_features_in_, *self._hidden_dims(), self.n_outputs_)
        normalization = [self.batch_norm] * (len(sizes) - 2)
        stages = tuple(plan(sizes, normalization, self.activation, self.dropout))
        if stages != net.stages or net.dtype != self.dtype:
            raise ValueError(
                f"The parameters that shape the network were changed since it was "
                f"fitted as {net!r} in {net.dtype}. Set them back, or call fit to "
                f"start anew."
            )

    def _solver(self, X, y, weight):
        """Return a solver that trains the network on validated data."""
        # Summed exactly: the order of the rows must not show in the last bit.
        total = X.shape[0] if weight is None else fsum(weight)
        usual = min(AUTO_BATCH_SIZE, total)
        batch_size = int(usual) if self.batch_size == "auto" else self.batch_size
        if self.batch_norm and self.batch_size == 1 < X.shape[0]:
            raise ValueError(
                "batch_norm=True needs a batch_size of at least 2: a single row has "
                "no variance to normalise by."
            )
        self._net.reg = float(self.alpha / usual)
        update_rule, config = self._update_rule()
        return Solver(
            self._net,
            {"X_train": X, "y_train": self._encoded(y)},
            update_rule=update_rule,
            optim_config=config,
            batch_size=batch_size,
            verbose=False,
            sample_weight=weight,
            shuffle=self.shuffle,
            random_state=self._rng,
        )

    def _update_rule(self):
        """Return the update rule, and its configuration with the state so far."""
        rule, parameters = SOLVERS[self.solver]
        if rule is sgd_momentum and self.nesterovs_momentum:
            rule = sgd_nesterov
        config = {"learning_rate": float(self.learning_rate_init)}
        for entry, parameter in parameters.items():
            config[entry] = float(getattr(self, parameter))
        # Another solver than before starts without memory.
        memory = {*rule.slots, *({"t"} & rule.defaults.keys())}
        if memory <= self._optim_config.keys():
            config |= {entry: self._optim_config[entry] for entry in memory}
        return rule, config

    def _train(self, solver):
        """Train until the loss stops improving; return whether it has."""
        best, epochs_without = None, 0
        try:
            for _ in range(self.max_iter):
                loss = solver.train_epoch()
                improved = loss <= self.best_loss_ - self.tol
                epochs_without = 0 if improved else epochs_without + 1
                if loss < self.best_loss_:
                    best = self._net.params.vector.copy()
                self._record(loss, solver)
                if epochs_without >= self.n_iter_no_change:
                    return True
        except KeyboardInterrupt:
            if best is not None:
                self._net.params.vector[...] = best
            raise
        return False

    def _record(self, loss, solver):
        self.n_iter_ += 1
        self.t_ += solver.epoch_rows
        self.loss_ = loss
        self.best_loss_ = min(loss, self.best_loss_)
        self.loss_curve_.append(loss)
        if self.verbose:
            print(f"Iteration {self.n_iter_}, loss = {loss:.8f}")

    def _scores(self, X):
        """Return the raw scores of rows in float64, and the dtype of X."""
        check_is_fitted(self)
        _refuse_what_numpy_would_reinterpret(X, "X")
        X = validate_data(
            self, X, reset=False, accept_sparse="csr", dtype=(np.float64, np.float32)
        )
        scores = self._net.scores(X)
        if not np.isfinite(scores).all():
            raise ValueError(
                f"Input X contains values too large to compute with in {scores.dtype}."
            )
        return scores.astype(np.float64), X.dtype


class FCNetClassifier(ClassifierMixin, _BaseFCNet):
    """Fully connected network for classification.

    A drop-in for scikit-learn's ``MLPClassifier`` that trains in float32, offers
    batch normalisation, dropout and more update rules, and for which a row of weight
    k is k rows. It minimises the log loss by minibatch gradient descent: of a softmax
    for several classes, of one sigmoid for two, of one sigmoid for each label in
    multilabel classification. Standardise the input first.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128, 128)
        Width of every hidden layer. An empty one makes a linear model.

    activation : {'identity', 'logistic', 'tanh', 'relu', 'leaky_relu'}, \
            default='relu'
        Activation of the hidden layers.

    solver : {'sgd', 'adam', 'adamw', 'rmsprop'}, default='adam'
        Update rule: gradient descent with momentum, Adam [2]_, Adam with decoupled
        weight decay [3]_, or RMSProp.

    alpha : float, default=0.01
        Strength of the L2 penalty, ``alpha / (2 * min(200, W)) * ||weights||^2``
        beside the mean loss, where W is the total sample weight. It means what it
        means in scikit-learn at its automatic batch size, and does not depend on
        ``batch_size``. Biases and normalisation parameters are not penalised.

    batch_size : int or 'auto', default='auto'
        Rows of a minibatch; 'auto' is the smaller of 200 and the total sample weight.
        A last minibatch of a single row joins the one before it.

    learning_rate_init : float, default=0.001
        Learning rate.

    max_iter : int, default=200
        Most epochs, that is, passes over the data.

    shuffle : bool, default=True
        Whether to shuffle the rows in every epoch. Training then does not depend on
        the order of the rows; without it, minibatches follow their order.

    random_state : int, RandomState instance or None, default=None
        Draws the initial weights, the minibatches and the dropout masks. An int makes
        fits reproducible to the bit, on one machine.

    tol : float, default=1e-4
        Training stops when the training loss has not improved by at least ``tol`` for
        ``n_iter_no_change`` epochs in a row.

    verbose : bool or int, default=False
        Whether to print the loss of every epoch.

    momentum : float, default=0.9
        Momentum of gradient descent, from 0 to 1. Only for ``solver='sgd'``.

    nesterovs_momentum : bool, default=True
        Whether the momentum is Nesterov's. Only for ``solver='sgd'``.

    beta_1 : float, default=0.9
        Decay of Adam's average of the gradient, in [0, 1). Only for 'adam' and
        'adamw'.

    beta_2 : float, default=0.999
        Decay of Adam's average of the squared gradient, in [0, 1). Only for 'adam'
        and 'adamw'.

    epsilon : float, default=1e-8
        Added to the root of that average. Only for 'adam', 'adamw' and 'rmsprop'.

    n_iter_no_change : int or np.inf, default=10
        Epochs without improvement after which training stops.

    weight_decay : float, default=0.01
        Each step multiplies the weights by ``1 - learning_rate * weight_decay``. Only
        for ``solver='adamw'``.

    batch_norm : bool, default=False
        Whether batch normalisation [4]_ follows the affine map of every hidden layer.

    dropout : float, default=0.0
        Probability of dropping a hidden unit in training [5]_, in [0, 1).

    dtype : {'float32', 'float64'} or numpy type, default='float32'
        What the network is trained in. Predictions have the dtype of X.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted; for multilabel classification, the label indices.

    coefs_ : list of ndarray
        Weights of every affine layer, of shapes (n_in, n_out): live views.

    intercepts_ : list of ndarray
        Biases of every affine layer: live views.

    loss_ : float
        Training loss of the last epoch, with the L2 penalty.

    best_loss_ : float
        The lowest of ``loss_curve_``.

    loss_curve_ : list of float
        Training loss of every epoch.

    n_iter_ : int
        Epochs trained.

    t_ : int
        Rows trained on, repetitions counted.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X had names that are all strings.

    n_layers_ : int
        Number of layers, with input and output.

    n_outputs_ : int
        Width of the output layer: 1 for two classes, else their number,
        or the number of labels.

    out_activation_ : str
        What turns the scores of the output layer into predictions: 'softmax' or
        'logistic'.

    validation_scores_, best_validation_score_ : None
        As in scikit-learn without a validation split.

    See Also
    --------
    FCNetRegressor : The same network for regression.
    sklearn.neural_network.MLPClassifier : What it takes the place of.

    Notes
    -----
    Weights start as normal numbers of standard deviation ``gain / sqrt(fan_in)``, with
    a gain of sqrt(2) for the rectifiers [1]_ and 1 otherwise; biases start at zero.

    References
    ----------
    .. [1] K. He et al., "Delving Deep into Rectifiers: Surpassing Human-Level
       Performance on ImageNet Classification", ICCV 2015.
    .. [2] D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    .. [3] I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization",
       ICLR 2019.
    .. [4] S. Ioffe, C. Szegedy, "Batch Normalization: Accelerating Deep Network
       Training by Reducing Internal Covariate Shift", ICML 2015.
    .. [5] N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks
       from Overfitting", JMLR 15, 2014.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skfcnet import FCNetClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = make_pipeline(StandardScaler(), FCNetClassifier(random_state=0))
    >>> model.fit(X_train, y_train).score(X_test, y_test) > 0.96
    True
    """

    _category = "classification"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one more epoch, over the rows that are given.

        The random numbers and the state of the solver go on from call to call, also
        after the estimator was saved and loaded: k calls on the same rows are
        `fit` with ``max_iter=k``. After `fit`, the first call goes on with the
        weights, and the solver starts without memory.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The class labels, or a binary indicator matrix.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, as in `fit`.

        classes : array-like of shape (n_classes,), default=None
            All labels that will ever occur. Required in the first call, unless
            it goes on from `fit` or the target is multilabel.

        Returns
        -------
        self : FCNetClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, ``classes`` are missing or have
            changed, or training diverges. The estimator then remains as it was.
        """
        known = getattr(self, "classes_", None)
        if known is not None and classes is not None:
            if not np.array_equal(_sorted_labels(classes, "classes"), known):
                raise ValueError(
                    f"classes={classes!r} are not those of the first call, {known!r}."
                )
        return self._partial_fit(X, y, sample_weight, classes=classes, partial=True)

    def _learn_target(self, y, *, classes=None, partial=False):
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError(
                "Multioutput target data is not supported for more than two classes: "
                "y must be one-dimensional, or a binary indicator matrix."
            )
        self._multilabel = kind == "multilabel-indicator"
        if self._multilabel:
            self.classes_ = np.arange(y.shape[1])
        elif classes is not None:
            self.classes_ = _sorted_labels(classes, "classes")
        elif partial:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        else:
            self.classes_ = _sorted_labels(y, "y")
        self._one_sigmoid = not self._multilabel and len(self.classes_) == 2
        self.n_outputs_ = 1 if self._one_sigmoid else len(self.classes_)
        sigmoids = self._one_sigmoid or self._multilabel
        self.out_activation_ = "logistic" if sigmoids else "softmax"

    def _encoded(self, y):
        """Return class indices, or columns of zeros and ones for sigmoids."""
        check_classification_targets(y)
        if self._multilabel:
            _check_width(y, self.n_outputs_)
            if not np.isin(y, (0, 1)).all():
                raise ValueError("Multilabel y must hold only zeros and ones.")
            return y.astype(self.dtype)
        if y.ndim != 1:
            raise ValueError(f"y must be one-dimensional, got shape {y.shape}.")
        labels = _sorted_labels(y, "y")
        if not np.isin(labels, self.classes_).all():
            raise ValueError(
                f"y has labels {labels} of which some are not in classes_, "
                f"{self.classes_}."
            )
        indices = np.searchsorted(self.classes_, y)
        return indices[:, np.newaxis] if self._one_sigmoid else indices

    @np.errstate(all="ignore")
    def predict(self, X):
        """Predict the class of each row, or for multilabel data its labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The most likely class of each row; zeros and ones for multilabel data.
        """
        scores, _ = self._scores(X)
        decisions = self._loss.decide(scores)
        if self._multilabel:
            return decisions.astype(int)
        if self._one_sigmoid:
            decisions = decisions[:, 0].astype(int)
        return self.classes_[decisions]

    @np.errstate(all="ignore")
    def decision_function(self, X):
        """Return the scores of each row, before the sigmoid or softmax.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes, the log-odds of ``classes_[1]``; for multilabel data
            those of each label; otherwise one score for each class.
        """
        scores, dtype = self._scores(X)
        scores = scores.astype(dtype)
        return scores[:, 0] if self._one_sigmoid else scores

    @np.errstate(all="ignore")
    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``, and strictly between 0 and 1. For multilabel
            data, the probability of each label.
        """
        scores, dtype = self._scores(X)
        p = self._loss.inverse_link(scores)
        p = np.hstack([1 - p, p]) if self._one_sigmoid else p
        limits = np.finfo(dtype)
        return np.clip(p.astype(dtype), limits.tiny, 1 - limits.epsneg)

    @np.errstate(all="ignore")
    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Computed from the scores, so that it stays finite where the probability itself
        would round to 0, and accurate where it would round to 1.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        scores, dtype = self._scores(X)
        scores = np.hstack([-scores, scores]) if self._one_sigmoid else scores
        log_p = self._loss.log_inverse_link(scores)
        # As far down as predict_proba goes, so that both rank the classes alike.
        return np.maximum(log_p, np.log(np.finfo(dtype).tiny)).astype(dtype)

    @property
    def _loss(self):
        return LOSSES[self._net.loss_name]


class FCNetRegressor(RegressorMixin, _BaseFCNet):
    """Fully connected network for regression, with one target or several.

    A drop-in for scikit-learn's ``MLPRegressor`` that trains in float32, offers
    batch normalisation, dropout and more update rules, and for which a row of weight
    k is k rows. It minimises half the mean squared error by minibatch gradient
    descent. Standardise the input first.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128, 128)
        Width of every hidden layer. An empty one makes a linear model.

    activation : {'identity', 'logistic', 'tanh', 'relu', 'leaky_relu'}, \
            default='relu'
        Activation of the hidden layers.

    solver : {'sgd', 'adam', 'adamw', 'rmsprop'}, default='adam'
        Update rule: gradient descent with momentum, Adam [2]_, Adam with decoupled
        weight decay [3]_, or RMSProp.

    alpha : float, default=0.01
        Strength of the L2 penalty, ``alpha / (2 * min(200, W)) * ||weights||^2``
        beside the mean loss, where W is the total sample weight. It means what it
        means in scikit-learn at its automatic batch size, and does not depend on
        ``batch_size``. Biases and normalisation parameters are not penalised.

    batch_size : int or 'auto', default='auto'
        Rows of a minibatch; 'auto' is the smaller of 200 and the total sample weight.
        A last minibatch of a single row joins the one before it.

    learning_rate_init : float, default=0.001
        Learning rate.

    max_iter : int, default=200
        Most epochs, that is, passes over the data.

    shuffle : bool, default=True
        Whether to shuffle the rows in every epoch. Training then does not depend on
        the order of the rows; without it, minibatches follow their order.

    random_state : int, RandomState instance or None, default=None
        Draws the initial weights, the minibatches and the dropout masks. An int makes
        fits reproducible to the bit, on one machine.

    tol : float, default=1e-4
        Training stops when the training loss has not improved by at least ``tol`` for
        ``n_iter_no_change`` epochs in a row.

    verbose : bool or int, default=False
        Whether to print the loss of every epoch.

    momentum : float, default=0.9
        Momentum of gradient descent, from 0 to 1. Only for ``solver='sgd'``.

    nesterovs_momentum : bool, default=True
        Whether the momentum is Nesterov's. Only for ``solver='sgd'``.

    beta_1 : float, default=0.9
        Decay of Adam's average of the gradient, in [0, 1). Only for 'adam' and
        'adamw'.

    beta_2 : float, default=0.999
        Decay of Adam's average of the squared gradient, in [0, 1). Only for 'adam'
        and 'adamw'.

    epsilon : float, default=1e-8
        Added to the root of that average. Only for 'adam', 'adamw' and 'rmsprop'.

    n_iter_no_change : int or np.inf, default=10
        Epochs without improvement after which training stops.

    weight_decay : float, default=0.01
        Each step multiplies the weights by ``1 - learning_rate * weight_decay``. Only
        for ``solver='adamw'``.

    batch_norm : bool, default=False
        Whether batch normalisation [4]_ follows the affine map of every hidden layer.

    dropout : float, default=0.0
        Probability of dropping a hidden unit in training [5]_, in [0, 1).

    dtype : {'float32', 'float64'} or numpy type, default='float32'
        What the network is trained in. Predictions have the dtype of X.

    Attributes
    ----------
    coefs_ : list of ndarray
        Weights of every affine layer, of shapes (n_in, n_out): live views.

    intercepts_ : list of ndarray
        Biases of every affine layer: live views.

    loss_ : float
        Training loss of the last epoch, with the L2 penalty.

    best_loss_ : float
        The lowest of ``loss_curve_``.

    loss_curve_ : list of float
        Training loss of every epoch.

    n_iter_ : int
        Epochs trained.

    t_ : int
        Rows trained on, repetitions counted.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X had names that are all strings.

    n_layers_ : int
        Number of layers, with input and output.

    n_outputs_ : int
        Width of the output layer: the number of targets.

    out_activation_ : str
        What turns the scores of the output layer into predictions: 'identity'.

    validation_scores_, best_validation_score_ : None
        As in scikit-learn without a validation split.

    See Also
    --------
    FCNetClassifier : The same network for classification.
    sklearn.neural_network.MLPRegressor : What it takes the place of.

    Notes
    -----
    Weights start as normal numbers of standard deviation ``gain / sqrt(fan_in)``, with
    a gain of sqrt(2) for the rectifiers [1]_ and 1 otherwise; biases start at zero.

    References
    ----------
    .. [1] K. He et al., "Delving Deep into Rectifiers: Surpassing Human-Level
       Performance on ImageNet Classification", ICCV 2015.
    .. [2] D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    .. [3] I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization",
       ICLR 2019.
    .. [4] S. Ioffe, C. Szegedy, "Batch Normalization: Accelerating Deep Network
       Training by Reducing Internal Covariate Shift", ICML 2015.
    .. [5] N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks
       from Overfitting", JMLR 15, 2014.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skfcnet import FCNetRegressor
    >>> X, y = make_regression(1000, 10, random_state=0)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y / 100, random_state=0)
    >>> model = make_pipeline(StandardScaler(), FCNetRegressor(random_state=0))
    >>> model.fit(X_train, y_train).score(X_test, y_test) > 0.95
    True
    """

    _category = "regression"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def partial_fit(self, X, y, sample_weight=None):
        """Train for one more epoch, over the rows that are given.

        The random numbers and the state of the solver go on from call to call, also
        after the estimator was saved and loaded: k calls on the same rows are
        `fit` with ``max_iter=k``. After `fit`, the first call goes on with the
        weights, and the solver starts without memory.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, as in `fit`.

        Returns
        -------
        self : FCNetRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, or training diverges. The
            estimator then remains as it was.
        """
        return self._partial_fit(X, y, sample_weight)

    def _learn_target(self, y):
        self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
        self.out_activation_ = "identity"

    def _encoded(self, y):
        """Return one column for each target, in the compute dtype."""
        y = y.reshape(len(y), -1)
        _check_width(y, self.n_outputs_)
        return self._in_compute_dtype(y, "y")

    @np.errstate(all="ignore")
    def predict(self, X):
        """Predict the targets of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions, in the dtype of X and the units of the targets.
        """
        scores, dtype = self._scores(X)
        y = LOSSES[self._net.loss_name].inverse_link(scores).astype(dtype)
        return y[:, 0] if self.n_outputs_ == 1 else y


def _refuse_what_numpy_would_reinterpret(a, name):
    """Refuse masks and dates, of which np.asarray silently makes something else."""
    if isinstance(a, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array, and its mask would be ignored: fill it."
        )
    dtypes = np.atleast_1d(getattr(a, "dtypes", getattr(a, "dtype", None)))
    if any(_is_temporal(dtype) for dtype in dtypes):
        raise TypeError(f"{name} has dates or time differences: make them numbers.")


def _is_temporal(dtype):
    """Return whether a dtype of NumPy, pandas or polars is of dates or times."""
    if hasattr(dtype, "is_temporal"):
        return dtype.is_temporal()
    return getattr(dtype, "kind", None) in ("m", "M")


def _checked_weight(sample_weight, n_rows):
    """Return sample weights as an array of float64, checked."""
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, sample_weight)
    weight = check_array(
        sample_weight,
        ensure_2d=False,
        dtype=np.float64,
        input_name="sample_weight",
    )
    if weight.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must have shape ({n_rows},), got {weight.shape}."
        )
    check_non_negative(weight, "sample_weight")
    if not weight.any():
        raise ValueError("sample_weight must not be zero for every row.")
    return weight


def _sorted_labels(y, name):
    """Return the distinct labels, sorted."""
    try:
        return np.unique(y)
    except TypeError as error:
        raise ValueError(
            f"{name} must hold labels of one kind that can be sorted: {error}."
        ) from error


def _check_width(y, n_outputs):
    width = 1 if y.ndim == 1 else y.shape[1]
    if width != n_outputs:
        raise ValueError(f"y has {width} columns, but the network {n_outputs} outputs.")
