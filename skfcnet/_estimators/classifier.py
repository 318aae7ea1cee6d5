"""The classifier."""

from numbers import Real

from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import check_array

from skfcnet._compat import Interval, StrOptions
from skfcnet._estimators.base import (
    _BaseFCNet,
    partial_fit_is_available,
    store_parameters,
)
from skfcnet._estimators.checks import validate_sample_weight
from skfcnet._estimators.targets import check_classes, class_target


class FCNetClassifier(ClassifierMixin, _BaseFCNet):
    """Fully connected network for classification.

    A drop-in for scikit-learn's ``MLPClassifier`` that trains in float32, offers
    normalisation, dropout, schedules and more update rules, and for which a row of
    weight k is k rows. It minimises the log loss: of a softmax for several classes, of
    one sigmoid for two, of one sigmoid for each label in multilabel classification,
    of one softmax for each column of y in multiclass-multioutput classification. It
    scales the input itself.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128, 128)
        Width of every hidden layer. An empty one makes a linear model.

    activation : {'identity', 'logistic', 'tanh', 'relu', 'leaky_relu', 'elu', \
            'selu', 'gelu', 'silu', 'mish', 'softplus'}, default='relu'
        Activation of the hidden layers.

    solver : {'sgd', 'adam', 'adamw', 'rmsprop', 'lbfgs'}, default='adamw'
        Update rule: gradient descent with momentum, Adam [2]_, Adam with decoupled
        weight decay [3]_, or RMSProp; or L-BFGS [6]_, which takes all rows at once,
        always computes in float64, and suits some thousand rows at most. What is said
        of minibatches, learning rates and gradient norms below is not for 'lbfgs'.

    alpha : float, default=0.01
        Strength of the L2 penalty, ``alpha / (2 * min(200, W)) * ||weights||^2``
        beside the mean loss, where W is the total sample weight; for 'lbfgs',
        ``alpha / (2 * W) * ||weights||^2``. It means what it means in scikit-learn at
        its automatic batch size, and does not depend on ``batch_size``. Biases and
        normalisation parameters are not penalised.

    batch_size : int or 'auto', default='auto'
        Rows of a minibatch; 'auto' is the smaller of 128 and the total sample weight.
        A last minibatch of a single row joins the one before it.

    learning_rate : {'constant', 'invscaling', 'adaptive', 'cosine', 'one_cycle', \
            'coslog4'}, default='one_cycle'
        Schedule of the learning rate, for every solver but 'lbfgs', step by step:
        'invscaling' divides it by ``(1 + step) ** power_t``; 'cosine', 'one_cycle' and
        'coslog4' (see `skfcnet.schedules`) are followed to their end, at the last of
        ``max_iter`` epochs, even with ``early_stopping``, which then keeps the best, or
        with ``warm_start`` and in `partial_fit` after ``total_steps``;
        'adaptive' divides it by 5 whenever there was no improvement for
        ``n_iter_no_change`` epochs, and training stops when it is below 1e-6.

    learning_rate_init : float, default=0.003
        Learning rate, which the schedule multiplies.

    power_t : float, default=0.5
        Exponent of 'invscaling'.

    max_iter : int or None, default=None
        Most epochs, that is, passes over the data; for 'lbfgs', most iterations.
        None: as many as make 4,000 minibatches, but from 10 to 256; for 'lbfgs', 200.

    shuffle : bool, default=True
        Whether to shuffle the rows in every epoch. Training then does not depend on
        the order of the rows; without it, minibatches follow their order.

    random_state : int, RandomState instance or None, default=None
        Draws the initial weights, the rows set aside, the minibatches and the dropout
        masks. An int makes fits reproducible to the bit, on one machine.

    tol : float, default=1e-4
        Training stops when the training loss, or with ``early_stopping`` the
        validation score, has not improved by at least ``tol`` for
        ``n_iter_no_change`` epochs in a row; where it changes by less than ``tol``,
        the validation loss counts. A schedule that has an end is followed to it.
        For 'lbfgs', when no element of the gradient is
        larger than it, or the loss falls no further than rounding.

    verbose : bool or int, default=False
        Whether to print a line for every epoch: loss, validation score, learning rate
        and seconds; and in the end, why training stopped and which epoch was kept. A
        number k: for every k-th epoch.

    warm_start : bool, default=False
        Whether `fit` goes on from where the last one ended, for up to ``max_iter``
        more epochs, with the solver's memory as it was. A schedule that has an end
        needs ``total_steps``.

    momentum : float, default=0.9
        Momentum of gradient descent, from 0 to 1. Only for ``solver='sgd'``.

    nesterovs_momentum : bool, default=True
        Whether the momentum is Nesterov's. Only for ``solver='sgd'``.

    early_stopping : bool, default=False
        Whether to go by the score on rows that are not trained on: those given to
        `fit` as ``X_val`` and ``y_val``, or else some of the rows, set aside. The
        weights of the best epoch are kept, and where the schedule has no end, training
        stops when the score does not improve.

    validation_fraction : float or splitter, default=0.1
        How much of the data to set aside, by weight, equal rows together and in
        classification every class in proportion; or a splitter, of which the first
        split is used. Which rows it is depends on ``random_state`` and on the numbers
        in X and y, but not on the order of the rows: the same data in another unit, or
        in another precision, may be split otherwise.

    beta_1 : float, default=0.9
        Decay of Adam's average of the gradient, in [0, 1). Only for 'adam' and
        'adamw'.

    beta_2 : float, default=0.95
        Decay of Adam's average of the squared gradient, in [0, 1). Only for 'adam'
        and 'adamw'.

    epsilon : float, default=1e-8
        Added to the root of that average. Only for 'adam', 'adamw' and 'rmsprop'.

    n_iter_no_change : int or np.inf, default=10
        Epochs without improvement after which training stops. Not for schedules that
        have an end.

    max_fun : int, default=15000
        Most evaluations of the loss. Only for ``solver='lbfgs'``.

    total_steps : int or None, default=None
        Minibatches after which a schedule of the learning rate that has an end has come
        to it, counted over all calls of `partial_fit`, or of `fit` with ``warm_start``.
        None: these calls know of no end, and train at the constant rate
        ``learning_rate_init``.

    scoring : str, callable or None, default=None
        What early stopping goes by: 'loss', the loss on the rows validated on; the
        name of a scorer of scikit-learn; a scorer. None: the accuracy; in regression
        R^2 for squared errors, and minus the loss for others. Sample and class weights
        weight it.

    warmup_epochs : float, default=0.0
        The learning rate rises in proportion to the step during so many epochs.

    max_grad_norm : float or None, default=None
        Where the norm of the gradient of the loss, without the L2 penalty, is larger,
        the gradient is scaled down to it; that of every member by itself.

    weight_decay : float, default=0.5
        Each step multiplies the weights by ``1 - learning_rate * weight_decay``. Only
        for ``solver='adamw'``.

    normalization : {'batch', 'layer'} or None, default=None
        What follows the affine map of every hidden layer: batch normalisation [4]_,
        layer normalisation [7]_, or neither.

    dropout : float, default=0.0
        Probability of dropping a hidden unit in training [5]_, in [0, 1).

    input_dropout : float, default=0.0
        Probability of dropping a feature in training, in [0, 1).

    init : {'auto', 'he_normal', 'he_uniform', 'lecun_normal', 'lecun_uniform', \
            'glorot_normal', 'glorot_uniform', 'orthogonal'}, default='auto'
        Distribution that the weights are drawn from; 'auto': normal, of standard
        deviation ``gain / sqrt(fan_in)``, with the gain of the activation, sqrt(2) for
        the rectifiers [1]_. Biases start at zero.

    n_members : int, default=1
        Networks that are trained side by side, in one pass over the minibatches, each
        with initial weights and dropout masks of its own and by its own loss: an
        ensemble [10]_. Predictions are averaged: probabilities, or values.

    label_smoothing : float or 'auto', default='auto'
        How much of each label is spread over all classes [11]_, in [0, 1). 'auto' is
        the share of five rows among those trained on, and not more than 0.01: few rows
        do not justify probabilities next to 0 and 1.

    class_weight : dict, list of dict, 'balanced' or None, default=None
        What the loss of a row of each class is multiplied by: a cost, where
        ``sample_weight`` is a repetition. Where the mean over the rows is not between
        0.001 and 1000, they are rescaled to a mean of 1. 'balanced' gives every class
        the same share of the total. For multilabel data, a list with a dict for each
        label; for several outputs, with a dict for each.

    dtype : {'float32', 'float64'} or numpy type, default='float32'
        What the network is trained in. Predictions have the dtype of X.

    input_scaling : {'robust', 'standard'} or None, default='robust'
        How numeric features are scaled, by statistics of the rows trained on:
        'standard', by mean and standard deviation; 'robust' [8]_, by median and
        interquartile range, and smoothly clipped to (-3, 3). Not for sparse X, which
        is left as it is.

    numeric_embedding : {'auto', 'ple', 'pbld'} or None, default='auto'
        Whether every numeric feature becomes several. 'ple', by piecewise linear
        encoding [9]_: beside the feature itself, its range is cut into bins of about
        as many rows, and each tells how far it is filled. 'pbld' [8]_ keeps the number
        and adds three sums of cosines beside it, whose frequencies and phases are
        learned with the weights. 'auto' is 'ple' for dense X with 1 to 51 numeric
        features of more than two values, else None.

    n_bins : int, default=48
        Most bins of a feature, two or more. Only for piecewise linear encoding. With D
        features of more than two values, each has at most ``max(4, 1024 // D)``, and
        one for 10 rows; those of two values have none.

    categorical_features : 'from_dtype', array-like of {bool, int, str} or None, \
            default='from_dtype'
        Which features are categories, and become one column for each of their levels:
        those that a data frame says are categorical, or whose strings are not all
        numbers; a mask, indices, or names of columns; None: none. At most 255 levels
        each. The levels that a dtype lists, pandas' "category" or polars' Enum, can
        be learned even if rows have them only in a later call of `partial_fit`. In
        other columns, strings that are numbers are read as such, with a warning.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of them
        The class labels, sorted; for multilabel classification, the label indices; for
        several outputs, a list with the labels of each.

    coefs_ : list of ndarray
        Weights of every affine layer, of shapes (n_in, n_out), with several members
        (n_members, n_in, n_out): read-only views. Assigning a list to the attribute,
        or an array to an item of it, copies into place. The first ``n_in`` is that of
        the features as they are scaled and encoded.

    intercepts_ : list of ndarray
        Biases of every affine layer, of shapes (n_out,), with several members
        (n_members, n_out): read-only views that can be assigned to, too.

    loss_ : float
        Training loss, with the L2 penalty, of the last epoch, or with
        ``early_stopping`` of the epoch whose weights are kept.

    best_loss_ : float or None
        The lowest of ``loss_curve_``; None with ``early_stopping``.

    loss_curve_ : list of float
        Training loss of every epoch.

    validation_loss_curve_, validation_scores_ : list of float or None
        Loss and score on the rows validated on, after every epoch; None where there
        were none.

    best_validation_score_ : float or None
        The best of those scores, with ``warm_start`` since the last call of `fit`.

    best_iteration_ : int
        Epoch, from 1, of that score, whose weights are kept; without validation, of the
        lowest training loss.

    history_ : dict of list
        All of these by epoch, with the learning rate and the seconds: a table, as
        ``pandas.DataFrame(model.history_)`` takes it.

    n_iter_ : int
        Epochs trained; with ``warm_start`` and `partial_fit`, in all calls.

    t_ : int
        Rows trained on, repetitions counted.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X had names that are all strings.

    n_layers_ : int
        Number of layers, with input and output.

    n_outputs_ : int
        Width of the output layer: 1 for two classes, else their number, or the number
        of labels; for several outputs, the number of all their classes together.

    out_activation_ : str
        What turns the scores of the output layer into predictions: 'softmax' or
        'logistic'.

    See Also
    --------
    FCNetRegressor : The same network for regression.
    sklearn.neural_network.MLPClassifier : What it takes the place of.

    References
    ----------
    .. [1] He, K., et al., "Delving Deep into Rectifiers: Surpassing Human-Level
       Performance on ImageNet Classification", ICCV 2015.
    .. [2] Kingma, D., Ba, J., "Adam: A Method for Stochastic Optimization", ICLR 2015.
    .. [3] Loshchilov, I., Hutter, F., "Decoupled Weight Decay Regularization", ICLR
       2019.
    .. [4] Ioffe, S., Szegedy, C., "Batch Normalization: Accelerating Deep Network
       Training by Reducing Internal Covariate Shift", ICML 2015.
    .. [5] Srivastava, N., et al., "Dropout: A Simple Way to Prevent Neural Networks
       from Overfitting", JMLR 15, 2014.
    .. [6] Byrd, R., Lu, P., Nocedal, J., Zhu, C., "A Limited Memory Algorithm for Bound
       Constrained Optimization", SIAM Journal on Scientific Computing 16, 1995.
    .. [7] Ba, J. L., Kiros, J. R., Hinton, G., "Layer Normalization", 2016.
    .. [8] Holzmüller, D., Grinsztajn, L., Steinwart, I., "Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data", NeurIPS 2024.
    .. [9] Gorishniy, Y., Rubachev, I., Babenko, A., "On Embeddings for Numerical
       Features in Tabular Deep Learning", NeurIPS 2022.
    .. [10] Laurent, O., et al., "Packed Ensembles for Efficient Uncertainty
       Estimation", ICLR 2023.
    .. [11] Szegedy, C., et al., "Rethinking the Inception Architecture for Computer
       Vision", CVPR 2016.

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

    _parameter_constraints = {
        **_BaseFCNet._parameter_constraints,
        "label_smoothing": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(128, 128),
        activation="relu",
        *,
        solver="adamw",
        alpha=0.01,
        batch_size="auto",
        learning_rate="one_cycle",
        learning_rate_init=0.003,
        power_t=0.5,
        max_iter=None,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.95,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        total_steps=None,
        scoring=None,
        warmup_epochs=0.0,
        max_grad_norm=None,
        weight_decay=0.5,
        normalization=None,
        dropout=0.0,
        input_dropout=0.0,
        init="auto",
        n_members=1,
        label_smoothing="auto",
        class_weight=None,
        dtype="float32",
        input_scaling="robust",
        numeric_embedding="auto",
        n_bins=48,
        categorical_features="from_dtype",
    ):
        store_parameters(self, locals())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags

    @property
    def classes_(self):
        """The class labels, sorted."""
        return self._fitted("_target").classes

    def _new_target(self, y, classes, *, is_whole):
        return class_target(y, classes=classes, is_partial_fit=not is_whole)

    @partial_fit_is_available
    def partial_fit(
        self,
        X,
        y,
        sample_weight=None,
        classes=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Train for one more epoch, over the rows that are given.

        The random numbers and the state of the solver go on from call to call, also
        after the estimator was saved and loaded: k calls on the same rows are
        `fit` with ``max_iter=k``, without early stopping and with a schedule that has
        no end; one that has stays at its constant rate here. After `fit` without
        ``warm_start``, the first call goes on with the weights, and the solver starts
        without memory.

        How X and y are scaled and embedded, and which levels categories have, is what
        the first call learned from its rows: they should be many, in no order, and like
        those to come.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The class labels, of one or several outputs, or a binary indicator matrix.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, as in `fit`.

        classes : array-like of shape (n_classes,) or list of them, default=None
            All labels that will ever occur; for several outputs, a list with those of
            each. Required in the first call, unless it goes on from `fit` or the
            target is multilabel.

        X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features), \
                default=None
            Input to validate on; needs ``early_stopping=True``. The scores are noted;
            when to stop is for the caller to decide.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Its target.

        sample_weight_val : array-like of shape (n_val,), default=None
            How much each of its rows counts.

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
        if classes is not None and hasattr(self, "classes_"):
            check_classes(classes, self.classes_)
        return self._partial_fit(
            X, y, sample_weight, X_val, y_val, sample_weight_val, classes
        )

    def score(self, X, y, sample_weight=None):
        """Return the accuracy: the share of the rows that are predicted right.

        For multilabel data and for several outputs, a row is right where all its labels
        are. The latter, multiclass-multioutput targets, scikit-learn's
        ``accuracy_score`` does not support; the others are scored by it.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true labels.

        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        score : float
            The weighted mean over the rows, from 0 to 1.
        """
        predictions = self.predict(X)
        if not isinstance(self.classes_, list):
            return accuracy_score(y, predictions, sample_weight=sample_weight)
        y = check_array(y, dtype=None, ensure_2d=False, input_name="y")
        if y.shape != predictions.shape:
            raise ValueError(f"y must have shape {predictions.shape}, got {y.shape}.")
        if sample_weight is not None:
            sample_weight = validate_sample_weight(sample_weight, len(y))
        return float(self._target.score(y, predictions, sample_weight, None))

    def predict(self, X):
        """Predict the class of each row, or its labels where it has several.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The most likely class of each row; zeros and ones for multilabel data. For
            several outputs, that of each, of dtype object where their labels are of
            different kinds.
        """
        return self._predict("predict", X)

    def decision_function(self, X):
        """Return the scores of each row, before the sigmoid or softmax.

        Those of several members belong to the mean of their probabilities: its
        log-odds for sigmoids, otherwise its logarithm.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes), or list
            For two classes, the log-odds of ``classes_[1]``; for multilabel data
            those of each label; otherwise one score for each class. For several
            outputs, a list with an array of shape (n_samples, n_classes) for each.
        """
        scores = self._predict("decision_function", X)
        return self._target.scores_by_output(scores)

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes), or list of them
            In the order of ``classes_``, and strictly between 0 and 1; only a class
            whose rows all weighed 0 has 0. For multilabel data, the probability of
            each label. For several outputs, a list with an array for each.
        """
        return self._target.by_output(self._predict("predict_proba", X))

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
        log_p : ndarray of shape (n_samples, n_classes), or list of them
            In the order of ``classes_``; for several outputs, a list with an array for
            each.
        """
        return self._target.by_output(self._predict("predict_log_proba", X))
