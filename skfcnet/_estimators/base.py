"""What both estimators share: how they are fitted, and how they predict.

A fitted estimator has four parts: ``_encoder`` turns a table into encoded features,
``_target`` is the kind of target, ``_net`` is the network, and ``_training`` is all
that training continues from. A fit happens on a *draft*, another estimator with parts
of its own. When training has succeeded, the estimator takes over the parts of the draft
in one step. A fit that fails or is interrupted leaves the earlier model as it was.
"""

import copy

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

from skfcnet._compat import (
    CallbackSupportMixin,
    FitTask,
    scorer_name,
    validate_params,
    with_callbacks,
)
from skfcnet._engine.numeric import finite, in_dtype
from skfcnet._engine.warn import warn
from skfcnet._estimators.architecture import (
    ENCODING_PARAMETERS,
    continue_network,
    start_network,
)
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
    parameters_for_dense_input,
    warn_of_many_epochs,
)
from skfcnet._estimators.fitted_attributes import FittedAttributes
from skfcnet._estimators.holdout import warn_of_another_scale
from skfcnet._estimators.optimization import (
    max_epochs,
    minibatch_solver,
    trains_to_the_end,
)
from skfcnet._estimators.rows import Rows, rows_of_positive_weight
from skfcnet._estimators.target_checks import refuse_missing, refuse_other_than_numbers
from skfcnet._estimators.training import (
    AfterEpoch,
    TrainingState,
    advice_on_divergence,
    finish,
    train_epoch,
    train_on_all_rows,
    train_on_minibatches,
)
from skfcnet._estimators.unused_parameters import warn_of_unused_parameters
from skfcnet._estimators.validation import (
    ValidationSet,
    read_validation_set,
    split_validation_set,
)
from skfcnet._tabular.encoder import Encoder
from skfcnet._tabular.tables import as_table, refuse_dates, refuse_masks
from skfcnet.losses import LOSSES


def store_parameters(estimator, parameters):
    """Store the parameters of ``__init__``, unchecked and unchanged, as they are.

    scikit-learn wants each class to spell its parameters out, and to do no more.
    """
    for name, value in parameters.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


def _has_partial_fit(estimator):
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is not available for solver='lbfgs'.")
    return True


partial_fit_is_available = available_if(_has_partial_fit)
"""The decorator of ``partial_fit``, which L-BFGS does not have."""


class _BaseFCNet(FittedAttributes, CallbackSupportMixin, BaseEstimator):
    """What both estimators share.

    A subclass has the method ``_new_target``, which returns the kind of its target.
    """

    _conditions = CONDITIONS
    _parameter_constraints = PARAMETER_CONSTRAINTS
    _fixed_parameters = ENCODING_PARAMETERS
    _predicts_numbers = False

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not parameters_for_dense_input(self)
        tags.input_tags.allow_nan = True
        features = self.categorical_features
        # The tags are for arrays, of which 'from_dtype' makes no categories.
        has_categories = not (features is None or isinstance(features, str))
        tags.input_tags.categorical = tags.input_tags.string = has_categories
        return tags

    @property
    def _compute_dtype(self):
        """The dtype that the network computes in while it is trained."""
        return "float64" if self.solver == "lbfgs" else self.dtype

    @property
    def _score_name(self):
        """The name of the validation score; 'loss' where it is minus the loss."""
        if self.scoring is None:
            return self._target.score_name
        is_name = isinstance(self.scoring, str)
        return self.scoring if is_name else scorer_name(self.scoring)

    # Fitting

    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Fit the network to data.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target. For a classifier, class labels, of one or several outputs, or a
            binary indicator matrix for multilabel classification; for a regressor,
            numbers.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts; a row of weight 0 is left out. Training with
            integer weights is, bit for bit, training on rows repeated so often.
            Weights whose total is below the number of rows or above eight times it
            are rescaled to a mean of one, without the rows of the validation set.

        X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features), \
                default=None
            The input of the validation set, instead of a part of X. Needs
            ``early_stopping=True``. The steps before it in a pipeline do not transform
            what is passed as ``net__X_val``: there, enable metadata routing, request
            ``X_val`` and ``y_val``, and name them in ``transform_input`` of
            `~sklearn.pipeline.Pipeline`, as the user guide shows; or transform X_val
            beforehand. Where the columns of X_val are clearly on another scale than
            those of X, a warning says so.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            The target of the validation set.

        sample_weight_val : array-like of shape (n_val,), default=None
            How much each row of the validation set counts.

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
        validate_params(self)
        warn_of_unused_parameters(self)
        warn_of_many_epochs(self)
        earlier = vars(self).copy()
        try:
            with np.errstate(all="ignore"):  # every result is checked
                n_epochs = self._fit(
                    X, y, sample_weight, X_val, y_val, sample_weight_val
                )
        except Exception:
            # A callback may fail after the parts of the draft were taken over.
            self.__dict__ = earlier
            raise
        if n_epochs:
            unit, limits, criteria = (
                ("iteration", "max_iter or max_fun", "tol")
                if self.solver == "lbfgs"
                else ("epoch", "max_iter", "tol or n_iter_no_change")
            )
            unit += "s" if n_epochs > 1 else ""
            warn(
                f"The loss had not converged after {n_epochs} {unit}. Raise {limits}, "
                f"or set {criteria} to stop earlier.",
                ConvergenceWarning,
            )
        return self

    @with_callbacks
    def _fit(self, X, y, sample_weight, X_val, y_val, sample_weight_val):
        """Fit the network; return after how many epochs the loss still improved.

        That is 0 where it had converged, or was not to converge.
        """
        draft = self._draft(continues=self.warm_start)
        rows = draft._read(X, y, sample_weight, is_whole=True)
        held_out = read_validation_set(draft, X_val, y_val, sample_weight_val)
        if self.early_stopping and held_out is None:
            rows, held_out = split_validation_set(draft, rows, X, y)
        table = rows.X
        rows, validation = draft._prepare(rows, held_out)
        if X_val is not None:
            warn_of_another_scale(table, held_out.X)
        draft._training = draft._training.forgetting_the_best()
        first_epoch = draft._training.n_epochs
        metadata = {"sample_weight": sample_weight, "X_val": X_val, "y_val": y_val}
        metadata["sample_weight_val"] = sample_weight_val
        metadata = {name: data for name, data in metadata.items() if data is not None}
        n_epochs = max_epochs(draft, rows.total_weight())
        task = FitTask(self, n_epochs, X=X, y=y, metadata=metadata)
        is_lbfgs = self.solver == "lbfgs"
        train = train_on_all_rows if is_lbfgs else train_on_minibatches
        try:
            with advice_on_divergence(draft):
                has_converged = train(draft, rows, validation, task)
        except KeyboardInterrupt:
            if draft._training.n_epochs > first_epoch:
                self._commit(draft)
            raise
        if not self.warm_start:
            draft._training = draft._training._replace(optimizer={})
        self._commit(draft)
        task.end()
        if has_converged or validation is not None or trains_to_the_end(self):
            return 0
        return draft._training.n_epochs - first_epoch

    def _partial_fit(
        self, X, y, sample_weight, X_val, y_val, sample_weight_val, classes=None
    ):
        """Train for one epoch; where anything fails, the estimator stays as it was."""
        validate_params(self)
        is_first = not hasattr(self, "_net")
        if is_first:  # calls continue from each other, as those of a warm start do
            unfitted = type(self)(**self.get_params(deep=False))
            warn_of_unused_parameters(unfitted.set_params(warm_start=True))
        draft = self._draft(continues=True)
        with np.errstate(all="ignore"), advice_on_divergence(draft):
            rows = draft._read(X, y, sample_weight, classes=classes)
            held_out = read_validation_set(draft, X_val, y_val, sample_weight_val)
            rows, validation = draft._prepare(rows, held_out)
            solver = minibatch_solver(draft, rows, 1, is_partial_fit=True)
            first_epoch = draft._training.n_epochs
            train_epoch(draft, solver, AfterEpoch(draft, validation))
            finish(draft, solver, first_epoch)
        self._commit(draft)
        return self

    def _draft(self, *, continues):
        """Return another estimator to train, which shares nothing that changes.

        It has the fitted parts of this one where training continues from them.
        """
        if not (continues and hasattr(self, "_net")):
            return type(self)(**self.get_params(deep=False))
        draft = copy.copy(self)
        draft._target = copy.copy(self._target)
        draft._net = copy.deepcopy(self._net)
        draft._net.params.is_settled = False
        draft._training = self._training.copy()
        return draft

    def _commit(self, draft):
        """Take over everything that a draft is fitted with."""
        draft._training = draft._training.without_vectors()
        vars(self).pop("feature_names_in_", None)  # this fit may have seen no names
        vars(self).update(vars(draft))
        self._net.params.is_settled = True

    def _snapshot(self):
        """Return copies of all attributes, as they are now."""
        return vars(self._draft(continues=True))

    def _read(self, X, y, sample_weight, *, classes=None, is_whole=False):
        """Return the rows to train on, checked, before anything is learned from X.

        Parameters
        ----------
        X, y, sample_weight : array-like
            The data as the user passed them.

        classes : array-like, default=None
            All classes that will ever occur, as passed to `partial_fit`.

        is_whole : bool, default=False
            Whether these are all rows, as in `fit`, and not a part of a stream.

        Returns
        -------
        rows : Rows
            The rows of positive weight.
        """
        check_combinations(self)
        is_first = not hasattr(self, "_net")
        table = X
        if is_first:
            self._start_encoder(X, sample_weight)
        X, y, weight = self._validate(X, y, sample_weight, reset=is_first)
        if is_first:  # the rows of weight 0 tell, too, which labels there are
            self._target = self._new_target(y, classes, is_whole=is_whole)
        X, y, weight, index = rows_of_positive_weight(X, y, weight)
        if is_first:
            seed = check_random_state(self.random_state).randint(2**31 - 1)
            self._training = TrainingState.start(seed)
        elif self._encoder.reader is not None:
            self._encoder = copy.copy(self._encoder)
            self._encoder.reader = self._encoder.reader.reporting_new_categories(
                as_table(table), index, X
            )
        self._target.follow(self)
        encoded = self._encode_target(y, is_whole=is_whole)
        self._target.learn_from_rows(y, weight)
        return Rows(X, y, encoded, weight, self._target.costs(y), index)

    def _read_rows(self, X, y, sample_weight):
        """Return more rows, such as those of a validation set, checked."""
        X, y, weight = self._validate(X, y, sample_weight, reset=False)
        X, y, weight, index = rows_of_positive_weight(X, y, weight)
        # Any rows may be validated on: they need not be a whole data set.
        encoded = self._encode_target(y, is_whole=False)
        return Rows(X, y, encoded, weight, self._target.costs(y), index)

    def _start_encoder(self, X, sample_weight):
        """Make the encoder, which learns what the columns of a table are."""
        table, counts = as_table(X), None
        if sample_weight is not None:
            counts = validate_sample_weight(sample_weight, table.shape[0]) > 0
        self._encoder = Encoder(
            scaling=self.input_scaling,
            embedding=self.numeric_embedding,
            n_bins=self.n_bins,
            categorical_features=self.categorical_features,
            dtype=self._compute_dtype,
        ).learn_columns(table, counts)

    def _encode_target(self, y, *, is_whole):
        """Return encoded targets, which the loss must be defined for."""
        encoded = self._target.encode(y)
        loss = self._target.loss
        LOSSES[loss].domain.check(encoded, loss=loss, whole=is_whole)
        return encoded

    def _validate(self, X, y, sample_weight, *, reset):
        """Return X as numbers, y and the sample weights, checked."""
        refuse_masks(y, "y")
        refuse_missing(y, "y")
        if self._predicts_numbers:  # as labels, dates are like others
            refuse_dates(y, "y")
            refuse_other_than_numbers(y, "y")
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
                "A column-vector y was passed when a 1d array was expected: pass "
                "y.ravel().",
                DataConversionWarning,
            )
            y = y.ravel()
        if issparse(X) or self.input_scaling is None:  # no scaling needs more digits
            X = in_dtype(X, self._compute_dtype, "X")
        if sample_weight is not None:
            sample_weight = validate_sample_weight(sample_weight, X.shape[0])
        return X, y, sample_weight

    def _prepare(self, rows, held_out):
        """Return encoded rows to train on and a validation set; make the network."""
        rows = rows.repeated()  # after the split, so that the training set has all rows
        if self._target.learn_scale(rows):  # the loss has another unit than before
            self._training = self._training.forgetting_the_best()
        rows = rows._replace(
            target=self._target.transform(rows.target, self._compute_dtype)
        )
        if not hasattr(self, "_net"):
            X = self._fit_encoder(rows)
            start_network(self, rows)
        else:
            continue_network(self)
            self._encoder = self._encoder.updated(rows.X, rows.weight)
            X = self._encode(rows.X)
        validation = None if held_out is None else ValidationSet(self, held_out)
        return rows._replace(X=X), validation

    def _fit_encoder(self, rows):
        """Fit the encoder; return the encoded features of the rows to train on."""
        if issparse(rows.X):  # also where a data frame has sparse columns
            check_parameters_for_sparse_input(self)
            self._encoder.scaling = None
        return self._encoder.fit_transform(rows.X, rows.weight)

    def _encode(self, X):
        """Return the encoded features of rows to train or validate on."""
        return self._encoder.transform(X, dtype=self._compute_dtype)

    # Prediction

    def _validate_X(self, X, **checks):
        """Return rows to predict as numbers, checked."""
        encoder = getattr(self, "_encoder", None)
        return validate_X_predict(self, X, encoder and encoder.reader, **checks)

    def _predict(self, method, X):
        """Return what a method of the target makes of the scores of rows.

        Parameters
        ----------
        method : str
            The name of the method.

        X : array-like, sparse matrix or dataframe
            The rows as the user passed them.

        Returns
        -------
        predictions : ndarray
            The predictions for all rows.
        """
        X = self._validate_X(X)
        decode, loss = getattr(self._target, method), self._net.objective

        def predict_chunk(passes, rows, encoded):
            scores = finite(passes(encoded), self._net.dtype)
            return decode(scores.astype(np.float64), loss, X.dtype)

        return self._by_chunks(predict_chunk, X)

    def _by_chunks(self, function, X, *, layer=None):
        """Return what a function makes of rows, some at a time, to limit the memory.

        Parameters
        ----------
        function : callable
            A function of the network's test-time passes, the rows of a chunk and their
            encoded features.

        X : ndarray or CSR matrix
            All rows, checked.

        layer : int, default=None
            The hidden layer at which the passes end; None: the output.

        Returns
        -------
        results : ndarray
            The results for all rows.
        """
        passes = self._net.test_passes(X.dtype, layer=layer)
        results = None
        with np.errstate(all="ignore"):  # every result is checked
            for start in range(0, X.shape[0], passes.chunk):
                chunk = slice(start, start + passes.chunk)
                rows = X[chunk]
                encoded = self._encoder.transform(rows, dtype=passes.dtype)
                result = function(passes, rows, encoded)
                if results is None:
                    if len(result) == X.shape[0]:
                        return result
                    results = np.empty((X.shape[0], *result.shape[1:]), result.dtype)
                results[chunk] = result
        return results

    def input_gradients(self, X):
        """Return the gradients of a prediction with respect to the features of its row.

        They say which way, and how fast, a small change of each feature moves the
        prediction of a regressor, or the decision function of a classifier: in units of
        y, or log-odds, per unit of X, however they are scaled inside. They are 0 for
        missing values and categorical features.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            The input; not sparse, since its gradients are dense.

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features) or \
                (n_samples, n_scores, n_features)
            In the dtype of X. For regression, those of what ``predict`` returns: an
            axis for several targets, then one for several quantiles, stand before
            that of the features. For classification, those of ``decision_function``:
            for two classes of the log-odds of ``classes_[1]``, otherwise of the score
            of each class or label.

        Raises
        ------
        TypeError
            If X is sparse.

        ValueError
            If X is invalid, or too large to compute with.
        """
        X = self._validate_X(X, accept_sparse=False)

        def gradients_of_chunk(passes, rows, encoded):
            scores, gradients = passes.gradients(encoded)
            gradients = self._encoder.backward(rows, gradients.astype(np.float64))
            scores = scores.astype(np.float64)
            gradients = self._target.backward(gradients, scores, self._net.objective)
            return finite(gradients, self._net.dtype).astype(X.dtype)

        gradients = self._by_chunks(gradients_of_chunk, X)
        n_outputs, n_scores = self.n_outputs_, gradients.shape[1]
        axes = [n for n in (n_outputs, n_scores // n_outputs) if n > 1]
        return gradients.reshape(len(X), *axes, X.shape[1])
