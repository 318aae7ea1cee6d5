"""The base class of both estimators: how they are fitted, and how they predict.

A fitted estimator has four parts: ``_encoder`` turns a table into encoded features,
``_target`` is the kind of target, ``_net`` is the network, and ``_training`` is the
state from which training continues. A fit happens on a *draft*, another estimator with
its own parts. When training has succeeded, the estimator takes over the parts of the
draft in one step. If a fit fails, the estimator keeps its earlier model.
"""

import copy
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

from skfcnet._compat import (
    CallbackSupportMixin,
    FitTask,
    checkpoint_of,
    scorer_name,
    validate_params,
    with_callbacks,
)
from skfcnet._engine.annotations import Floats, Table
from skfcnet._engine.numeric import cast_where_possible, checked_cast, checked_range
from skfcnet._engine.warn import warn
from skfcnet._estimators.architecture import (
    ENCODING_PARAMETERS,
    start_network,
    update_network,
)
from skfcnet._estimators.automatic import max_epochs
from skfcnet._estimators.checkpoints import check_can_resume
from skfcnet._estimators.checks import (
    validate_sample_weight,
    validate_table,
    validate_X_predict,
)
from skfcnet._estimators.constraints import (
    CONDITIONS,
    PARAMETER_CONSTRAINTS,
    check_combinations,
    check_parameters_for_sparse_input,
    parameters_requiring_dense_input,
)
from skfcnet._estimators.diagram import NetworkDiagram
from skfcnet._estimators.documentation import DocumentationLink
from skfcnet._estimators.fitted_attributes import FittedAttributes
from skfcnet._estimators.optimization import (
    minibatch_solver,
    schedule_end_is_known,
)
from skfcnet._estimators.out_of_fold import out_of_fold
from skfcnet._estimators.rows import Rows, rows_of_positive_weight
from skfcnet._estimators.target_checks import refuse_missing, refuse_non_numeric
from skfcnet._estimators.to_mlp import as_mlp
from skfcnet._estimators.training import (
    TrainingMonitor,
    TrainingState,
    advice_on_divergence,
    check_predictions,
    finish_minibatch_training,
    train_on_all_rows,
    train_on_minibatches,
)
from skfcnet._estimators.training_data import DataInMemory
from skfcnet._estimators.unused_parameters import (
    Condition,
    warn_about_unused_parameters,
)
from skfcnet._estimators.validation import (
    read_validation_set,
    validation_on,
)
from skfcnet._tabular.encoder import Encoder
from skfcnet._tabular.tables import as_table, refuse_dates, refuse_masks
from skfcnet.losses import LOSSES


def store_parameters(estimator, parameters):
    """Store the parameters of ``__init__`` as attributes, without changes or checks.

    scikit-learn requires that ``__init__`` has explicit parameters and does no more.
    """
    for name, value in parameters.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


Method = TypeVar("Method", bound=Callable[..., Any])


def named_without_class(method: Method) -> Method:
    """Let errors about the arguments of a method not name the private base class."""
    method.__qualname__ = method.__name__
    return method


def _has_partial_fit(estimator):
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is not available for solver='lbfgs'.")
    return True


def partial_fit_is_available(method: Method) -> Method:
    """Hide ``partial_fit`` for L-BFGS, which cannot train on a part of the data."""
    return available_if(_has_partial_fit)(method)


class _BaseFCNet(
    FittedAttributes,
    NetworkDiagram,
    DocumentationLink,
    CallbackSupportMixin,
    BaseEstimator,
):
    """Base class of the classifier and the regressor.

    A subclass defines the method ``_new_target``, which returns the kind of its target.
    """

    _conditions: tuple[Condition, ...] = CONDITIONS
    _parameter_constraints = PARAMETER_CONSTRAINTS
    _fixed_parameters: tuple[str, ...] = ENCODING_PARAMETERS
    _predicts_numbers = False

    learn_scales = False
    """The value of models that were saved before this was a parameter."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not parameters_requiring_dense_input(self)
        tags.input_tags.allow_nan = True
        features = self.categorical_features
        # The tags describe arrays, in which 'from_dtype' finds no categories.
        has_categories = not (features is None or isinstance(features, str))
        tags.input_tags.categorical = tags.input_tags.string = has_categories
        return tags

    @property
    def _compute_dtype(self):
        """The dtype in which the network is trained."""
        return "float64" if self.solver == "lbfgs" else self.dtype

    @property
    def _score_name(self):
        """The name of the validation score, or 'loss' if it is minus the loss."""
        if self.scoring is None:
            return self._target.score_name
        is_name = isinstance(self.scoring, str)
        return self.scoring if is_name else scorer_name(self.scoring)

    # Fitting

    @named_without_class
    def fit(
        self,
        X: Table,
        y: Table,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Table | None = None,
        y_val: Table | None = None,
        sample_weight_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit the network to data.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target. For a classifier, the class labels of one or several outputs, or
            a binary indicator matrix for multilabel classification; for a regressor,
            numbers.

        sample_weight : array-like of shape (n_samples,), default=None
            The number of times that each row counts. Rows of weight 0 are left out.
            Training with integer weights is the same, bit for bit, as training on rows
            that are repeated that often. If the sum of the weights of the training set
            is below its number of rows or above eight times this number, the weights
            are rescaled to a mean of 1.

        X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features), \
                default=None
            The input of the validation set. If it is not given, a part of X is held
            out, or with several members a part for each. Needs early stopping, which is
            on by default.

            In a pipeline, the earlier steps do not transform ``net__X_val``. Either
            transform it beforehand, or enable metadata routing, request ``X_val`` and
            ``y_val``, and set the parameter ``transform_input`` of
            `~sklearn.pipeline.Pipeline`, as the user guide shows. There is a warning if
            X_val and X clearly have different scales.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            The target of the validation set.

        sample_weight_val : array-like of shape (n_val,), default=None
            The sample weights of the validation set.

        groups : array-like of shape (n_samples,), default=None
            The group of each row. Rows that belong together, such as those of one
            person, have the same label. All rows of a group are held out together for
            early stopping. If ``validation_fraction`` is a splitter, it is given the
            groups. Needs early stopping, which is on by default, and no ``X_val``.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, or training diverges. The
            estimator then remains as it was.
        """
        data = DataInMemory(
            X, y, sample_weight, X_val, y_val, sample_weight_val, groups
        )
        with self._fit_or_nothing():
            n_epochs = self._fit(data)
        self._warn_unless_converged(n_epochs)
        return self

    @contextmanager
    def _fit_or_nothing(self):
        """Check the parameters, and leave the estimator as it was if its fit fails."""
        validate_params(self)
        warn_about_unused_parameters(self)
        earlier = vars(self).copy()
        try:
            with np.errstate(all="ignore"):  # all results are checked
                yield
        except Exception:
            # A callback can still fail after the draft was committed.
            self.__dict__ = earlier
            raise

    @with_callbacks
    def _fit(self, data):
        """Fit the network to data, such as `DataInMemory`.

        Return the number of epochs if training has not converged. The number is 0 if it
        has converged, or was not meant to: with early stopping, and with a schedule
        that is followed to its end.
        """
        if checkpoint_of(self) is not None:
            check_can_resume(self)
        draft = self._draft(continues=self.warm_start)
        with data.prepared(draft) as (rows, validation):
            draft._training = draft._training.without_best_epochs()
            first_epoch = draft._training.n_epochs
            n_epochs = max_epochs(
                draft,
                rows.total_weight(),
                are_cross_fitted=rows.cross_fitted is not None,
            )
            task = FitTask(self, n_epochs, X=data.X, y=data.y, metadata=data.metadata)
            is_lbfgs = self.solver == "lbfgs"
            train = train_on_all_rows if is_lbfgs else train_on_minibatches
            try:
                with advice_on_divergence(draft):
                    has_converged = train(draft, rows, validation, task)
                    check_predictions(draft, rows)
                draft._out_of_fold = out_of_fold(
                    draft, rows.cross_fitted, n_rows=data.n_predicted
                )
            except KeyboardInterrupt:
                if draft._training.n_epochs > first_epoch:
                    self._commit(draft)
                raise
        if not self.warm_start:
            draft._training = draft._training._replace(optimizer={})
        self._commit(draft)
        task.end()
        if has_converged or validation is not None or schedule_end_is_known(self):
            return 0
        return draft._training.n_epochs - first_epoch

    def _warn_unless_converged(self, n_epochs):
        """Warn that training has not converged in so many epochs, if there are any."""
        if n_epochs == 0:
            return
        unit, limits, criteria = (
            ("iteration", "max_iter or max_fun", "tol")
            if self.solver == "lbfgs"
            else ("epoch", "max_iter", "tol or n_iter_no_change")
        )
        unit += "s" if n_epochs > 1 else ""
        warn(
            f"The loss had not converged after {n_epochs} {unit}. Raise {limits}, or "
            f"set {criteria} to stop earlier.",
            ConvergenceWarning,
        )

    def _partial_fit(
        self, X, y, sample_weight, X_val, y_val, sample_weight_val, classes=None
    ):
        """Train for one epoch; if this fails, the estimator remains as it was."""
        validate_params(self)
        is_first = not hasattr(self, "_net")
        if is_first:  # successive calls continue training, as with a warm start
            unfitted = type(self)(**self.get_params(deep=False))
            warn_about_unused_parameters(unfitted.set_params(warm_start=True))
        draft = self._draft(continues=True)
        with np.errstate(all="ignore"), advice_on_divergence(draft):
            rows = draft._read(X, y, sample_weight, classes=classes)
            held_out = read_validation_set(draft, X_val, y_val, sample_weight_val)
            rows, validation = draft._prepare(rows, held_out)
            solver = minibatch_solver(draft, rows, 1, is_partial_fit=True)
            first_epoch = draft._training.n_epochs
            monitor = TrainingMonitor(draft, validation)
            monitor.end_minibatch_epoch(solver, solver.train_epoch())
            finish_minibatch_training(draft, solver, first_epoch)
            check_predictions(draft, rows)
        self._commit(draft)
        return self

    def _draft(self, *, continues):
        """Return another estimator to train, so that this one stays as it is.

        If training continues, it has copies of all fitted parts that training changes.
        """
        if not (continues and hasattr(self, "_net")):
            draft = type(self)(**self.get_params(deep=False))
            draft._out_of_fold = None
            return draft
        draft = copy.copy(self)
        draft._out_of_fold = None
        draft._target = copy.copy(self._target)
        draft._net = copy.deepcopy(self._net)
        draft._net.params.is_settled = False
        draft._training = self._training.copy()
        return draft

    def _commit(self, draft):
        """Take over all fitted attributes of a draft."""
        draft._training = draft._training.without_vectors()
        draft._net.params.is_settled = True
        attributes = vars(self).copy()
        attributes.pop("feature_names_in_", None)  # X may have had no names this time
        self.__dict__ = attributes | vars(draft)  # in one step, wherever Ctrl-C falls

    def _snapshot(self):
        """Return copies of all attributes in their present state."""
        return vars(self._draft(continues=True))

    def _read(self, X, y, sample_weight, *, classes=None, is_whole=False):
        """Check the training data and return its rows, which are not encoded yet.

        Parameters
        ----------
        X, y, sample_weight : array-like
            The data as the user passed them.

        classes : array-like, default=None
            The classes of all calls, as passed to `partial_fit`.

        is_whole : bool, default=False
            Whether this is the whole data set, as in `fit`, and not a part of it.

        Returns
        -------
        rows : Rows
            The rows of positive weight.
        """
        check_combinations(self)
        is_first = not hasattr(self, "_net")
        table = as_table(X)
        if is_first:
            self._start_encoder(table, sample_weight)
        X, y, weight = self._validate(table, y, sample_weight, reset=is_first)
        if is_first:  # rows of weight 0 belong to classes, too
            self._target = self._new_target(y, classes, is_whole=is_whole)
        X, y, weight, index = rows_of_positive_weight(X, y, weight)
        if is_first:
            seed = check_random_state(self.random_state).randint(2**31 - 1)
            self._training = TrainingState.start(seed)
        elif self._encoder.reader is not None:
            self._encoder = copy.copy(self._encoder)
            self._encoder.reader = self._encoder.reader.reporting_new_categories(
                table, index, X
            )
        self._target.copy_parameters(self)
        encoded = self._encode_target(y, is_whole=is_whole)
        self._target.learn_from_rows(y, weight)
        return Rows(X, y, encoded, weight, self._target.costs(y), index)

    def _read_rows(self, X, y, sample_weight):
        """Check the data of a validation set and return its rows."""
        X, y, weight = self._validate(X, y, sample_weight, reset=False)
        X, y, weight, index = rows_of_positive_weight(X, y, weight)
        # A validation set may be small: not all conditions on whole data sets apply.
        encoded = self._encode_target(y, is_whole=False)
        return Rows(X, y, encoded, weight, self._target.costs(y), index)

    def _start_encoder(self, table, sample_weight):
        """Make the encoder, which learns the types of the columns of a table."""
        is_used = None
        encoder = Encoder(
            scaling=self.input_scaling,
            embedding=self.numeric_embedding,
            n_bins=self.n_bins,
            categorical_features=self.categorical_features,
            linear_term=self.linear_term,
            dtype=self._compute_dtype,
        )
        if sample_weight is not None and not encoder.is_plain(table):
            is_used = validate_sample_weight(sample_weight, table.shape[0]) > 0
        self._encoder = encoder.learn_columns(table, is_used)

    def _encode_target(self, y, *, is_whole):
        """Encode targets; refuse targets for which the loss is not defined."""
        encoded = self._target.encode(y)
        loss = self._target.loss
        LOSSES[loss].domain.check(encoded, loss=loss, whole=is_whole)
        return encoded

    def _validate(self, X, y, sample_weight, *, reset):
        """Check the data; return X as an array of numbers, y and the weights."""
        refuse_masks(y, "y")
        refuse_missing(y, "y")
        if self._predicts_numbers:  # dates are allowed as class labels
            refuse_dates(y, "y")
            refuse_non_numeric(y, "y")
        X, y = validate_table(
            self,
            X,
            y,
            reader=self._encoder.reader,
            reset=reset,
            multi_output=True,
            y_numeric=self._predicts_numbers,
        )
        y = y.toarray() if issparse(y) else y
        if y.ndim == 2 and y.shape[1] == 1:
            warn(
                "A column-vector y was passed when a 1d array was expected. Please "
                "change the shape of y to (n_samples,), for example using ravel().",
                DataConversionWarning,
            )
            y = y.ravel()
        # Scaling subtracts numbers that may be close: it needs the precision of X.
        if issparse(X) or self.input_scaling is None:
            X = checked_cast(X, self._compute_dtype, "X")
        if sample_weight is not None:
            sample_weight = validate_sample_weight(sample_weight, X.shape[0])
        return X, y, sample_weight

    def _prepare(self, rows, held_out):
        """Encode the training and validation rows, and make or update the network."""
        # After the split, so that an epoch has as many rows as the training set.
        rows = rows.with_repetition_counts()
        has_new_unit = self._target.learn_from_training_set(rows)
        if has_new_unit:  # so that losses cannot be compared with earlier ones
            self._training = self._training.without_best_epochs()
        rows = rows._replace(
            target=self._target.transform(rows.target, self._compute_dtype)
        )
        if not hasattr(self, "_net"):
            X = self._fit_encoder(rows)
            start_network(self, rows._replace(X=X))
        else:
            update_network(self, rows)
            self._encoder = self._encoder.updated(rows.X, rows.weight)
            X = self._encode(rows.X)
        validation = None
        if held_out is not None:
            validation = validation_on(self, held_out, rows, X)
        return rows._replace(X=X), validation

    def _fit_encoder(self, rows):
        """Fit the encoder; return the encoded features of the rows to train on."""
        if issparse(rows.X):  # also where a data frame has sparse columns
            check_parameters_for_sparse_input(self)
            self._encoder.scaling = None
        return self._encoder.fit_transform(rows.X, rows.weight)

    def _encode(self, X):
        """Return the encoded features of training or validation rows."""
        return self._encoder.transform(X, dtype=self._compute_dtype)

    # Prediction

    def _validate_X(self, X, **checks):
        """Check rows to predict and return them as an array of numbers."""
        encoder = getattr(self, "_encoder", None)
        return validate_X_predict(self, X, encoder and encoder.reader, **checks)

    def _predict(self, method, X, **options):
        """Return predictions, as a method of the target computes them from scores.

        Parameters
        ----------
        method : str
            The name of the method of the target.

        X : array-like, sparse matrix or dataframe
            The rows as the user passed them.

        **options : dict
            Further arguments of the method.

        Returns
        -------
        predictions : ndarray
            The predictions for all rows.
        """
        X, is_complete = self._validate_X(X)
        decode = getattr(self._target, method)

        def predict_chunk(passes, rows, encoded):
            scores = checked_range(passes(encoded), self._net.dtype)
            scores = scores.astype(np.float64)
            return decode(scores, passes.objective, X.dtype, **options)

        return self._apply_in_chunks(predict_chunk, X, is_complete)

    def _apply_in_chunks(self, function, X, is_complete, *, layer=None):
        """Apply a function to chunks of rows, which limits the memory that it needs.

        Parameters
        ----------
        function : callable
            A function of the network's test-time passes, the rows of a chunk and their
            encoded features, which returns an array with one entry for each row.

        X : ndarray or CSR matrix
            All rows, checked.

        is_complete : bool
            Whether it is known that no value of X is missing.

        layer : int, default=None
            The hidden layer at which the passes end; None for the output layer.

        Returns
        -------
        results : ndarray
            The results for all rows.
        """
        passes = self._net.test_passes(X.dtype, layer=layer)
        results = None
        with np.errstate(all="ignore"):  # all results are checked
            for chunk in passes.chunks_of(X):
                rows = X[chunk]
                encoded = self._encoder.transform(
                    rows, dtype=passes.dtype, is_complete=is_complete
                )
                result = function(passes, rows, encoded)
                if results is None:
                    if len(result) == X.shape[0]:
                        return result
                    results = np.empty((X.shape[0], *result.shape[1:]), result.dtype)
                # A chunk has another dtype if its predictions are too large for it.
                dtype = np.promote_types(results.dtype, result.dtype)
                results = results.astype(dtype, copy=False)
                results[chunk] = result
        return results

    @named_without_class
    def input_gradients(self, X: Table) -> Floats:
        """Return the gradients of predictions with respect to the features.

        They are the derivatives of the prediction of a regressor, or of the decision
        function of a classifier, with respect to the features of the same row. Their
        unit is that of y, or of log-odds, per unit of X: the scaling inside the
        estimator is taken into account. They are 0 for missing values and for
        categorical features.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            The input. It must not be sparse, since the gradients are dense.

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features) or \
                (n_samples, n_scores, n_features)
            The gradients, in the dtype of X, or in float64 if they are too large for
            it. For regression, they are the gradients of ``predict``, with an axis for
            the targets if there are several, then an axis for the quantiles if there
            are several, before the axis of the features.
            For classification, they are the gradients of ``decision_function``: of the
            log-odds of ``classes_[1]`` for two classes, and otherwise of the score of
            each class or label.

        Raises
        ------
        TypeError
            If X is sparse.

        ValueError
            If X is invalid, or too large to compute with.
        """
        return self._input_gradients(*self._validate_X(X, accept_sparse=False))

    def _input_gradients(self, X, is_complete):
        """Return the gradients at rows that are checked, as an array of numbers."""

        def gradients_of_chunk(passes, rows, encoded):
            scores, gradients = passes.gradients(encoded)
            gradients = self._encoder.backward(rows, gradients.astype(np.float64))
            scores = scores.astype(np.float64)
            gradients = self._target.backward(gradients, scores, passes.objective)
            return cast_where_possible(checked_range(gradients, np.float64), X.dtype)

        gradients = self._apply_in_chunks(gradients_of_chunk, X, is_complete)
        n_outputs, n_scores = self.n_outputs_, gradients.shape[1]
        axes = [n for n in (n_outputs, n_scores // n_outputs) if n > 1]
        return gradients.reshape(len(X), *axes, X.shape[1])

    @named_without_class
    def to_mlp(self) -> Any:
        """Return the fitted network as a multilayer perceptron of scikit-learn.

        A plain network is an ``MLPClassifier`` or ``MLPRegressor`` with other weights:
        the scaling of X and y becomes part of the first and of the last layer. This
        needs ``n_members=1``, ``linear_term=False``, ``numeric_embedding=None``,
        ``input_scaling`` of 'standard' or None, no normalisation, categories or missing
        values, the activation 'identity', 'logistic', 'tanh' or 'relu', and for
        regression ``clip_output=False`` and the loss 'squared_error', or with
        scikit-learn 1.7 'poisson'.

        Returns
        -------
        mlp : MLPClassifier or MLPRegressor
            The fitted perceptron, in float64, with the same predictions up to rounding.
            It has the ``hidden_layer_sizes`` and the ``activation`` of the network.
            Other parameters, which only training needs, have scikit-learn's defaults.

        Raises
        ------
        ValueError
            If a perceptron cannot express the network; the error names every setting
            that it has no counterpart of.
        """
        return as_mlp(self)


Estimator = TypeVar("Estimator", bound=_BaseFCNet)
"""One of the estimators, which a function returns as it was given."""
