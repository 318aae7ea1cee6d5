"""The regressor."""

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_pinball_score, r2_score

from skfcnet._compat import Interval, StrOptions
from skfcnet._engine.annotations import Floats, Table
from skfcnet._estimators.base import (
    _BaseFCNet,
    partial_fit_is_available,
    store_parameters,
)
from skfcnet._estimators.constraints import TABLES
from skfcnet._estimators.docstrings import with_names_of
from skfcnet._estimators.targets import REGRESSION_LOSSES, number_target
from skfcnet._estimators.unused_parameters import conditions_by_value


@with_names_of(**TABLES, REGRESSION_LOSSES=REGRESSION_LOSSES)
class FCNetRegressor(RegressorMixin, _BaseFCNet):
    """Fully connected neural network for regression, with one target or several.

    This is a drop-in replacement for scikit-learn's ``MLPRegressor``. It trains in
    float32, scales its input and its targets itself, and offers normalisation, dropout,
    schedules of the learning rate, more losses and more update rules. A row with a
    sample weight of k counts exactly like k rows.

    Parameters
    ----------
    loss : {*REGRESSION_LOSSES}, default='squared_error'
        The loss that is minimised.

        - 'squared_error' is half the mean squared error. The prediction is the mean.
        - 'absolute_error' is the mean absolute error. The prediction is the median.
        - 'huber' is the Huber loss.
        - 'quantile' is the mean pinball loss. The predictions are quantiles. With
          cross-fitted members (see ``n_members``), each quantile is shifted so that its
          share of the out-of-fold targets is below it.
        - 'poisson', for counts, and 'gamma', for positive targets, are half the mean
          deviance. The prediction is the mean, as the exponential of the score of the
          output layer.

        With several targets, the loss is the mean over the targets. For 'poisson' it is
        their sum, as in scikit-learn.

    hidden_layer_sizes : 'auto', int or array-like of int, default='auto'
        The number of units of each hidden layer, from the first to the last. An integer
        gives a single hidden layer, and an empty sequence a linear model. 'auto' stands
        for ``(128, 128)``. Cross-fitted members (see ``n_members``) have narrower
        layers if there are fewer than 32,000 rows: the width is proportional to the
        square root of the number of rows, down to ``(64, 64)`` for 8,000 rows or fewer.

    activation : {*ACTIVATIONS}, default='relu'
        The activation function of the hidden layers.

    solver : {*SOLVERS, 'lbfgs'}, default='muon'
        The method that minimises the loss. All solvers but 'lbfgs' take a step after
        every minibatch.

        - 'sgd' is gradient descent with momentum.
        - 'adam' is Adam [2]_.
        - 'adamw' is Adam with decoupled weight decay [3]_.
        - 'rmsprop' is RMSProp.
        - 'muon' is Muon [12]_, whose steps of the hidden weights are orthogonal
          matrices. They take longer than those of 'adamw', and learn smooth functions
          better.
        - 'lbfgs' is L-BFGS [6]_, which uses all rows in every iteration and always
          computes in float64. Use it for a few thousand rows at most. The parameters of
          minibatches, learning rates and gradient norms have no effect on it.

    alpha : float, default=0.01
        The strength of the L2 penalty. The training loss is the mean loss of the rows
        plus ``alpha / (2 * min(200, W)) * ||weights||^2``, where W is the sum of the
        sample weights, or without weights the number of rows. For 'lbfgs', the penalty
        is ``alpha / (2 * W) * ||weights||^2``. A value means the same as in
        scikit-learn's networks with their automatic batch size, and does not depend on
        ``batch_size``. Biases and the parameters of normalisation layers are not
        penalised.

    batch_size : int or 'auto', default='auto'
        The number of rows in a minibatch. 'auto' is 128, or 256 for 'muon', or the sum
        of the sample weights if this is smaller. If a single row is left over for the
        last minibatch of an epoch, it is added to the minibatch before.

    learning_rate : {*SCHEDULES, 'adaptive'}, default='wsd'
        The schedule of the learning rate, which changes it after every minibatch. It is
        used by every solver but 'lbfgs'.

        - 'constant' keeps the learning rate at ``learning_rate_init``.
        - 'invscaling' divides it by ``(1 + step) ** power_t``, where ``step`` is the
          number of minibatches so far.
        - 'adaptive' divides it by 5 whenever there was no improvement for
          ``n_iter_no_change`` epochs. When the learning rate is no larger than 1e-6,
          training stops instead.
        - 'wsd' (warm-up, stable, decay) rises to ``learning_rate_init``, stays there,
          and falls to 0 along half a cosine wave. It falls as soon as there was no
          improvement for ``n_iter_no_change`` epochs, and at the latest in the last
          half of ``max_iter`` epochs. With a validation set, training then continues
          from the best epoch. Dropout falls to 0 as well.
        - 'cosine', 'one_cycle' and 'coslog4' change the learning rate along cosine
          waves (see `skfcnet.schedules`). They have a fixed end, the last of
          ``max_iter`` epochs. Training never stops before, even with
          ``early_stopping``, which then keeps the best epoch.

        With ``warm_start`` and in `partial_fit`, the schedules that have an end ('wsd',
        'cosine', 'one_cycle' and 'coslog4') end after ``total_steps`` minibatches.

    learning_rate_init : float, default=0.003
        The learning rate. The schedule multiplies it by a factor in each step.

    power_t : float, default=0.5
        The exponent of the schedule 'invscaling'.

    max_iter : int or None, default=None
        The maximum number of epochs, that is, of passes over the training data. For
        'lbfgs', it is the maximum number of iterations.

        None chooses the number of epochs so that there are enough minibatches. For
        cross-fitted members (see ``n_members``), these are 1,000 minibatches from
        32,000 rows on, and more for fewer rows, up to 2,000 at 8,000 rows or fewer, in
        8 to 192 epochs. For other networks, they are 2,000 minibatches, in 10 to 256
        epochs. With a solver other than 'muon', or a number as ``batch_size``, there
        are twice as many. For 'lbfgs', None stands for 200 iterations.

    shuffle : bool, default=True
        Whether to shuffle the rows in every epoch. If True, the result does not depend
        on the order of the rows in X. If False, minibatches consist of consecutive rows
        of X.

    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the rows of the validation set, the minibatches
        and the dropout masks. Pass an int for results that are reproducible to the last
        bit on one machine.

    tol : float, default=1e-4
        The smallest change that counts as an improvement. Training stops when there was
        no improvement by at least ``tol`` for ``n_iter_no_change`` consecutive epochs,
        except with a schedule that has a fixed end. With ``early_stopping``, an
        improvement is one of the validation score, and otherwise one of the training
        loss. If a validation score differs from the best one by less than ``tol``, the
        validation losses are compared instead.

        'lbfgs' stops when no element of the gradient is larger than ``tol`` in absolute
        value, or when the loss falls by no more than rounding errors.

    verbose : bool or int, default=False
        Whether to print a line after every epoch, with the loss, the validation score,
        the learning rate and the time in seconds. A last line says why training stopped
        and which epoch was kept. An integer k prints every k-th epoch.

    warm_start : bool, default=False
        Whether `fit` continues the training of the previous call instead of starting
        anew. It then trains for up to ``max_iter`` more epochs, with the same state of
        the solver. The learning rate is constant in this case, unless the schedule has
        no end or ``total_steps`` says where the end is.

    momentum : float, default=0.9
        The momentum of gradient descent or of Muon, in [0, 1]. Only used when
        ``solver='sgd'`` or ``solver='muon'``.

    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum. Only used when ``solver='sgd'``.

    early_stopping : bool or 'auto', default='auto'
        Whether to hold out a validation set, and to keep the weights of the epoch with
        the best score on it. The validation set is ``X_val`` and ``y_val`` if they are
        passed to `fit`, and otherwise a part of the rows of X, which is not trained on.
        Training stops when the score no longer improves, unless the schedule of the
        learning rate has a fixed end. 'auto' stands for True, except with
        ``warm_start``, for 'lbfgs', or if there are too few rows to hold out any.

        With several members and without ``X_val``, the members are cross-fitted [11]_.
        Each member has its own validation set, is trained on all other rows, and keeps
        its own best epoch. Training stops when the score of no member improves. The
        scales of X and y, the bins, the categories and the statistics of batch
        normalisation are learned from all rows.

    validation_fraction : float or splitter, default=0.2
        The proportion of the data that is held out as the validation set, by sample
        weight, in (0, 1). Equal rows stay together, unless the table has few different
        rows with different targets, and in classification every class is held out in
        this proportion. Which rows are held out depends on
        ``random_state`` and on the values in X and y, but not on the order of the rows.
        The same data in other units, or in another precision, may be split differently.
        Only used with early stopping, and if no ``X_val`` is passed to `fit`.

        With several members, the rows are divided into ``max(2, round(1 /
        validation_fraction))`` folds, or fewer if there are too few rows. Each member
        has another fold as its validation set. If there are more members than folds,
        several members share a fold.

        A cross-validation splitter of scikit-learn can be passed instead. A single
        network uses its first split. With several members, each member uses one of its
        splits, in turn.

    beta_1 : float, default=0.9
        The exponential decay rate of Adam's moving average of the gradient, in [0, 1).
        Only used when ``solver`` is 'adam', 'adamw' or 'muon'.

    beta_2 : float, default=0.95
        The exponential decay rate of Adam's moving average of the squared gradient, in
        [0, 1). Only used when ``solver`` is 'adam', 'adamw' or 'muon'.

    epsilon : float, default=1e-8
        A small number that is added to the square root of the moving average of the
        squared gradient, for numerical stability. Only used when ``solver`` is 'adam',
        'adamw', 'muon' or 'rmsprop'.

    n_iter_no_change : int, np.inf or None, default=None
        The number of consecutive epochs without an improvement by ``tol`` after which
        training stops, or with 'wsd' the learning rate falls. It has no effect with a
        schedule that has a fixed end. None stands for as many epochs as make 200
        minibatches, plus 30 % of the epochs up to the last improvement, but at least 5,
        and for more as long as the validation loss falls so fast that it will soon be
        below its minimum. For 'lbfgs', None stands for 10 iterations.

    max_fun : int, default=15000
        The maximum number of evaluations of the loss. Only used when
        ``solver='lbfgs'``.

    total_steps : int or None, default=None
        The number of minibatches after which a schedule that has an end ('wsd',
        'cosine', 'one_cycle' or 'coslog4') ends, over all calls of `partial_fit`, or of
        `fit` with ``warm_start=True``. None means that this number is not known: these
        calls then train at the constant learning rate ``learning_rate_init``.

    scoring : str, callable or None, default='loss'
        The validation score by which early stopping chooses the best epoch: 'loss' for
        minus the validation loss, the name of a scorer of scikit-learn, or a scorer.
        None is the accuracy for classification, R^2 for regression with the squared
        error, and minus the validation loss for the other losses of regression. The
        score is weighted by sample weights and class weights.

    warmup_epochs : float, default=0.0
        The number of epochs, not necessarily whole, in which the learning rate rises in
        proportion to the step. The schedule's own factor is applied as well.

    max_grad_norm : float or None, default=None
        The maximum norm of the gradient of the loss, without the L2 penalty. A gradient
        with a larger norm is scaled down to it. With several members, the norm of each
        is limited separately. None means that gradients are not limited.

    weight_decay : float, default=0.5
        The decoupled weight decay: each step multiplies the weights by
        ``1 - learning_rate * weight_decay``. Only used when ``solver='adamw'`` or
        ``solver='muon'``.

    normalization : {*NORMALIZATIONS} or None, default=None
        The layer between the affine map and the activation function of every hidden
        layer: batch normalisation [4]_, layer normalisation [7]_, or None for no such
        layer.

    dropout : float or 'auto', default='auto'
        The probability of dropping a hidden unit in a training step [5]_, in [0, 1).
        With 'wsd', it falls to 0 together with the learning rate. 'auto' stands for
        0.15 where members are cross-fitted (see ``n_members``) on at most 5,000 rows,
        and for 750 divided by the number of rows if there are more. For other networks
        it stands for 0.

    input_dropout : float, default=0.0
        The probability of dropping an encoded feature in a training step, in [0, 1).
        Like ``dropout``, it falls to 0 with 'wsd'.

    init : {'auto', *INITIALIZERS}, default='auto'
        The distribution of the initial weights. 'auto' is a normal distribution with
        standard deviation ``gain / sqrt(fan_in)``, where the gain depends on the
        activation function; it is sqrt(2) for rectifiers [1]_, for example. The other
        values are the functions of `skfcnet.initializers`. The biases of hidden layers
        start at zero. Those of the output layer start at the best prediction that does
        not depend on X.

    n_members : int or 'auto', default='auto'
        The number of networks that are trained as an ensemble [10]_, side by side and
        on the same minibatches. Each has its own initial weights and dropout masks, and
        minimises its own loss. Their predictions are averaged: probabilities in
        classification, values in regression. With early stopping and without ``X_val``,
        the members are cross-fitted: each has its own validation set (see
        ``early_stopping``). 'auto' stands for five if the members are cross-fitted, and
        otherwise, and for 'lbfgs', for a single network.

    n_jobs : int or None, default=None
        The number of jobs that train the members, through joblib. None means 1 unless
        in a ``joblib.parallel_config`` context, and -1 means all processors. The
        context also decides whether the jobs are processes, threads or workers of a
        cluster.

        The result is the same for any number of jobs, to the last bit. Each job
        therefore uses one BLAS thread, also with ``n_jobs=1``. With ``n_jobs=None``,
        BLAS chooses its number of threads. Members are trained in one job if ``X_val``
        is passed, with callbacks, and with ``solver='lbfgs'``. With several jobs,
        ``verbose`` prints several epochs at a time, and Ctrl-C keeps none of the
        epochs.

    huber_delta : float, default=1.0
        The absolute error beyond which the Huber loss is linear, in units of the scaled
        target if ``scale_target=True``. Only used when ``loss='huber'``.

    quantile : float or array-like of float, default=0.5
        The quantile that is predicted, in (0, 1). If there are several, one network
        predicts all of them. Only used when ``loss='quantile'``.

    dtype : {'float32', 'float64'} or numpy type, default='float32'
        The dtype in which the network is trained. Predictions have the dtype of X.

    input_scaling : {'robust', 'standard'} or None, default='robust'
        How numeric features are scaled, with statistics of the training set. 'standard'
        subtracts the mean and divides by the standard deviation. 'robust' [8]_ uses the
        median and the interquartile range instead, and clips smoothly to (-3, 3). None
        leaves the features as they are. Sparse X is never scaled.

    numeric_embedding : {'auto', 'ple', 'pbld'} or None, default='auto'
        How each numeric feature is encoded by several features.

        - 'ple' is piecewise linear encoding [9]_. The range of a feature is cut into
          bins that hold about equally many rows. In addition to the feature itself,
          there is one encoded feature for each bin: 0 if the value is below the bin, 1
          if it is above, and in between the position within the bin.
        - 'pbld' [8]_ adds three features to the feature itself. They are sums of
          cosines, whose frequencies and phases are trained with the weights.
        - 'auto' is 'ple' if X is dense and has a numeric feature with more than two
          distinct values, and otherwise None.
        - None uses only the features themselves.

    n_bins : int, default=24
        The maximum number of bins of a feature, at least 2. Only used for piecewise
        linear encoding. A feature has at most one bin for every 10 rows, and all
        features together have at most 256 bins, which they share evenly. Features with
        two distinct values have no bins.

    categorical_features : 'from_dtype', array-like of {bool, int, str} or None, \
            default='from_dtype'
        Which features are categorical.

        - 'from_dtype' selects the columns of a data frame that have a categorical
          dtype, and its columns of strings, unless all strings of a column are numbers.
        - An array-like selects features by a mask, by indices, or by the names of
          columns of a data frame.
        - None means that no feature is categorical.

        A feature with two categories is encoded as one feature, with the values -1 and
        1. With 3 to 32 categories, it is one-hot encoded. With more categories, each
        category is encoded by a vector of eight numbers, which is trained. If there are
        missing values in `fit`, "missing" is a category of its own. Of more than
        100,000 categories, only the most frequent ones are learned.

        If the dtype lists the categories (pandas' "category" or polars' Enum), a
        category can be learned even if it first occurs in a later call of
        `partial_fit`. In columns that are not categorical, strings that are numbers are
        converted to numbers, with a warning.

    learn_scales : bool or 'auto', default='auto'
        Whether the network learns a scale of every encoded feature, by which the first
        weights are multiplied [8]_. A feature that does not help can then be switched
        off by a single number. Without hidden layers, there are no scales. 'auto'
        learns them unless ``solver='lbfgs'``.

    linear_term : bool, default=True
        Whether to add a linear model to the scores of the network. The linear model is
        fitted before training, for the same loss, with a penalty that is chosen on
        held-out rows. It does not change during training: the network starts as this
        model, and learns what is left. Numeric features enter it with or without the
        smooth clipping of 'robust' scaling, whichever predicts the held-out rows
        better. Without clipping, a linear trend continues up to ten times the training
        range beyond it. Features with many categories are left to the network.

        If a constant predicts the held-out rows at least as well, the linear model is
        zero. Sparse X has no linear term. With `partial_fit` and a warm start, the
        linear model is that of the first call. ``coefs_`` are the weights of the
        network without the linear term.

    scale_target : bool, default=True
        Whether the network learns scaled targets. They are scaled with statistics of
        the training set that depend on the loss:

        - to mean 0 and standard deviation 1 for 'squared_error',
        - to the median and the interquartile range of a standard normal distribution
          for 'absolute_error', 'huber' and 'quantile',
        - to mean 1 for 'poisson' and 'gamma'.

        Losses, ``tol``, ``huber_delta`` and ``alpha`` then refer to the scaled targets.
        Predictions and scores are in the units of y.

    clip_output : bool, default=False
        Whether to clip predictions to the range of the training targets.

    Attributes
    ----------
    coefs_ : list of ndarray
        The weights of the affine layers, from the first to the last. They are read-only
        views of shape (n_in, n_out), or with several members of shape (n_members, n_in,
        n_out). In the first layer, ``n_in`` is the number of encoded features, and with
        ``learn_scales`` the rows of the weights are multiplied by ``scales_``. To
        change weights, assign a list of arrays to the attribute, or an array to an item
        of the list: the values are copied into the network.

    intercepts_ : list of ndarray
        The biases of the affine layers, as read-only views of shape (n_out,), or with
        several members of shape (n_members, n_out). They can be assigned to like
        ``coefs_``.

    scales_ : ndarray of shape (n_encoded_features,) or \
            (n_members, n_encoded_features)
        The learned scales of the encoded features, a copy. Assigning an array to the
        attribute copies its values into the network. Only with ``learn_scales``.

    loss_ : float
        The training loss, with the L2 penalty, of the last epoch. With
        ``early_stopping``, it is that of the epoch whose weights are kept. With
        cross-fitted members, it is the mean of ``loss_curve_`` over the epochs that
        they keep.

    best_loss_ : float or None
        The lowest value of ``loss_curve_``; None with ``early_stopping``.

    loss_curve_ : list of float
        The training loss of every epoch.

    validation_loss_curve_, validation_scores_ : list of float or None
        The loss and the score on the validation set after every epoch; with
        cross-fitted members, the means over the members. None without a validation set.

    best_validation_score_ : float or None
        The best validation score; with ``warm_start``, the best since the last call of
        `fit`. With cross-fitted members, the mean of their best scores. None without a
        validation set.

    best_iteration_ : int or list of int
        The epoch with the best validation score, counted from 1, whose weights are
        kept. With cross-fitted members, a list with the epoch of each member. Without a
        validation set, the epoch with the lowest training loss.

    history_ : dict of list
        The losses, scores, learning rates and times in seconds of all epochs, as a dict
        with a list for each. ``pandas.DataFrame(model.history_)`` makes a data frame of
        it.

    oob_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The out-of-fold predictions, in float64 and in the shape of ``predict``: for
        each row of X, the mean over the members that were not trained on it. NaN if
        there is no such member, and for rows of weight 0. Only defined by `fit` with
        cross-fitted members, which are several members with early stopping and without
        ``X_val``, as by default.

    oob_score_ : float
        The score of the out-of-fold predictions, as computed by `score` and weighted by
        sample weights: an estimate of the score on new rows. Defined together with
        ``oob_prediction_``, and by `skfcnet.streaming.fit`.

    n_iter_ : int
        The number of epochs; with ``warm_start`` and `partial_fit`, of all calls
        together.

    t_ : int
        The number of rows that were trained on in all epochs. A row of weight k counts
        k times in each epoch.

    feature_importances_ : ndarray of shape (n_features,)
        How far the predictions depend on each column of X, as shares of 1: the mean
        square of how far the predictions move when a column is redrawn, in rows
        whose columns are independent. It is an estimate from the fitted network, for
        `~sklearn.feature_selection.SelectFromModel` and others, and computed when it is
        read. `~sklearn.inspection.permutation_importance` measures on data how much
        worse a score becomes.

    n_features_in_ : int
        The number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features seen during `fit`. Defined only when X has feature
        names that are all strings.

    n_layers_ : int
        The number of layers, including the input and the output layer.

    n_outputs_ : int
        The number of targets.

    out_activation_ : str
        The function that turns the scores of the output layer into predictions:
        'identity', or 'exp' with the losses 'poisson' and 'gamma'.

    See Also
    --------
    FCNetClassifier : The same network for classification.
    sklearn.neural_network.MLPRegressor : The estimator of scikit-learn that this one
        can replace.

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
    .. [11] Krogh, A., Vedelsby, J., "Neural Network Ensembles, Cross Validation, and
       Active Learning", NeurIPS 1994.
    .. [12] Jordan, K., et al., "Muon: An Optimizer for Hidden Layers in Neural
       Networks", 2024.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skfcnet import FCNetRegressor
    >>> X, y = make_regression(1000, 10, random_state=0)
    >>> X_train, X_test, y_train, y_test = train_test_split(
    ...     X, y / 100, random_state=0
    ... )
    >>> net = FCNetRegressor(random_state=0)
    >>> model = make_pipeline(StandardScaler(), net)
    >>> model.fit(X_train, y_train).score(X_test, y_test) > 0.95
    True
    """

    _predicts_numbers = True
    _out_of_fold_method = "predict"
    _fixed_parameters = (*_BaseFCNet._fixed_parameters, "scale_target")
    _conditions = (
        *_BaseFCNet._conditions,
        *conditions_by_value(
            "loss",
            {
                name: loss.parameters.values()
                for name, loss in REGRESSION_LOSSES.items()
            },
        ),
    )
    _parameter_constraints = {
        **_BaseFCNet._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
        "huber_delta": [Interval(Real, 0, None, closed="neither")],
        "quantile": [Interval(Real, 0, 1, closed="neither"), "array-like"],
        "scale_target": ["boolean"],
        "clip_output": ["boolean"],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: int | Sequence[int] | str = "auto",
        activation: str = "relu",
        *,
        solver: str = "muon",
        alpha: float = 0.01,
        batch_size: int | str = "auto",
        learning_rate: str = "wsd",
        learning_rate_init: float = 0.003,
        power_t: float = 0.5,
        max_iter: int | None = None,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool | str = "auto",
        validation_fraction: Any = 0.2,
        beta_1: float = 0.9,
        beta_2: float = 0.95,
        epsilon: float = 1e-8,
        n_iter_no_change: float | None = None,
        max_fun: int = 15000,
        total_steps: int | None = None,
        scoring: str | Callable[..., float] | None = "loss",
        warmup_epochs: float = 0.0,
        max_grad_norm: float | None = None,
        weight_decay: float = 0.5,
        normalization: str | None = None,
        dropout: float | str = "auto",
        input_dropout: float = 0.0,
        init: str = "auto",
        n_members: int | str = "auto",
        n_jobs: int | None = None,
        huber_delta: float = 1.0,
        quantile: float | Sequence[float] = 0.5,
        dtype: str | type = "float32",
        input_scaling: str | None = "robust",
        numeric_embedding: str | None = "auto",
        n_bins: int = 24,
        categorical_features: ArrayLike | None = "from_dtype",
        learn_scales: bool | str = "auto",
        linear_term: bool = True,
        scale_target: bool = True,
        clip_output: bool = False,
    ) -> None:
        store_parameters(self, locals())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    @property
    def oob_prediction_(self) -> Floats:
        """The out-of-fold predictions."""
        return self._out_of_fold_predictions

    def _new_target(self, y, classes, *, is_whole):
        return number_target(self, y)

    @partial_fit_is_available
    def partial_fit(
        self,
        X: Table,
        y: Table,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Table | None = None,
        y_val: Table | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train for one more epoch, on the given rows.

        Every call continues where the previous one ended, with its random numbers and
        the state of the solver, also after the estimator was saved and loaded. A call
        does not know how many more there will be. A schedule that has an end, such as
        the default one, is therefore not followed: the learning rate is constant,
        unless ``total_steps`` is set.

        With a schedule that has no end, and without early stopping, k calls with the
        same rows are the same as one call of `fit` with ``max_iter=k``. After `fit`
        without ``warm_start``, the first call continues with the weights of the
        estimator, but with a new state of the solver.

        The scales of X and y, the bins of features and the categories are learned from
        the rows of the first call. These should therefore be many, in random order, and
        similar to the rows of later calls.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            The number of times that each row counts, as in `fit`.

        X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features), \
                default=None
            The input of a validation set. Needs ``early_stopping=True``. Its loss and
            score are recorded in ``history_``. They do not stop training.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            The target of the validation set.

        sample_weight_val : array-like of shape (n_val,), default=None
            The sample weights of the validation set.

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
        return self._partial_fit(X, y, sample_weight, X_val, y_val, sample_weight_val)

    @overload
    def predict(self, X: Table) -> Floats: ...

    @overload
    def predict(
        self, X: Table, return_std: bool = False, return_interval: float | None = None
    ) -> Any: ...

    def predict(
        self, X: Table, return_std: bool = False, return_interval: float | None = None
    ) -> Any:
        r"""Predict the targets of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        return_std : bool, default=False
            Whether to return standard deviations of the predictions, too.

        return_interval : float or None, default=None
            The coverage of prediction intervals, in (0, 1): the share of new targets
            that they contain. If it is given, the intervals are returned, too. This
            needs out-of-fold predictions, which `fit` makes for several members with
            early stopping and without ``X_val``, as by default.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions, in the units of the targets and the dtype of X, or in
            float64 if they are too large for it. Several quantiles are the last axis,
            in the order of ``quantile``. With several members, the predictions are the
            mean of theirs.

        y_std : ndarray of the shape of ``y``
            Only returned if ``return_std=True``. With out-of-fold predictions, and
            unless there are several quantiles, it is the standard deviation of a new
            target around its prediction, which the notes describe. Otherwise, it is the
            standard deviation of the members' predictions, which does not include the
            noise of the targets.

        interval : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            The lower and the upper ends of the intervals; only returned if
            ``return_interval`` is given.

        Raises
        ------
        ValueError
            If X is invalid, or if ``return_std`` is True and there is only one network.
            With ``return_interval``, if there are no out-of-fold predictions, too few
            rows for this coverage, or several quantiles.

        Notes
        -----
        The intervals are conformal [1]_: they have their coverage for any distribution
        of the rows, on average over all rows, but not for each kind of row. With the
        out-of-fold residuals :math:`r_i = y_i - \hat y_{-i}(x_i)` of n rows, the
        interval is

        .. math::

            &\bigl[\hat y(x) + r_{(n + 1 - k)},\ \hat y(x) + r_{(k)}\bigr], \\
            &k = \bigl\lceil (n + 1) (1 + \text{share}) / 2 \bigr\rceil

        with the k-th smallest residual :math:`r_{(k)}`, so that as many new targets are
        below as above it. A row of weight k counts as k residuals. The residuals are
        divided by the square root of the prediction with the loss 'poisson', and by the
        prediction with 'gamma'. In the interval they are multiplied by it again.

        This is the cross-conformal method [2]_ with two differences. The mean of all
        members takes the place of :math:`\hat y_{-i}(x)`, and the best epoch of each
        member was chosen on the rows of its residuals. With few rows, the coverage can
        therefore be too low.

        The standard deviation of a new target around its prediction is
        :math:`\sqrt{v(x) + s^2}`. Here :math:`v(x)` is the variance of the members'
        predictions. The variance of the noise, :math:`s^2`, is the mean square of the
        out-of-fold residuals minus the mean of :math:`v` over the same rows, but at
        least 0. With the loss 'poisson', the variance of the noise is proportional to
        the prediction, and with 'gamma' to its square: both are divided by it before
        the means are taken.

        References
        ----------
        .. [1] Vovk, V., Gammerman, A., Shafer, G., "Algorithmic Learning in a Random
           World", 2005.
        .. [2] Barber, R., Candès, E., Ramdas, A., Tibshirani, R., "Predictive Inference
           with the Jackknife+", Annals of Statistics 49, 2021.

        Examples
        --------
        >>> import numpy as np
        >>> from skfcnet import FCNetRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.uniform(-1, 1, size=(1000, 2))
        >>> y = X[:, 0] + 0.5 * rng.normal(size=1000)
        >>> model = FCNetRegressor(
        ...     n_members=5,
        ...     early_stopping=True,
        ...     validation_fraction=0.2,
        ...     max_iter=10,
        ...     random_state=0,
        ... ).fit(X[:500], y[:500])
        >>> mean, interval = model.predict(X[500:], return_interval=0.9)
        >>> low, high = interval.T
        >>> bool(0.85 < np.mean((low <= y[500:]) & (y[500:] <= high)) < 0.95)
        True
        >>> mean, std = model.predict(X[500:], return_std=True)
        >>> bool(0.45 < std.mean() < 0.6)
        True
        """
        if return_std and return_interval is not None:
            raise ValueError(
                "return_std and return_interval cannot both be set: call predict twice."
            )
        if return_interval is not None:
            bounds = self._errors_for_intervals(return_interval).bounds(return_interval)
            result = self._predict("mean_and_interval", X, bounds=bounds)
            return result[..., 0], result[..., 1:]
        if not return_std:
            return self._predict("predict", X)
        if self._fitted("_net").n_members == 1:
            raise ValueError("return_std=True needs n_members of at least 2, got 1.")
        if self._out_of_fold is None or self._out_of_fold.errors is None:
            result = self._predict("mean_and_deviation", X)
        else:
            noise = self._out_of_fold.errors.noise
            result = self._predict("mean_and_error", X, noise=noise)
        means, deviations = np.moveaxis(result, 1, 0)
        return means, deviations

    def _errors_for_intervals(self, level):
        """Return the errors of out-of-fold predictions, or say why there are none."""
        if isinstance(level, bool) or not isinstance(level, Real) or not 0 < level < 1:
            raise ValueError(
                f"return_interval must be a number in (0, 1), such as 0.9, or None, "
                f"got {level!r}."
            )
        result = self._fitted("_out_of_fold")
        if result is None:
            raise ValueError(
                f"return_interval={level!r} needs out-of-fold predictions. They are "
                f"made at the end of fit with n_members > 1 and early_stopping=True, "
                f"if no X_val is passed."
            )
        if result.errors is None:
            raise ValueError(
                f"return_interval={level!r} needs a loss that predicts one number for "
                f"each target, but quantile={self.quantile!r}: these quantiles are "
                f"interval ends themselves, or set quantile=0.5."
            )
        return result.errors

    def score(
        self, X: Table, y: Table, sample_weight: ArrayLike | None = None
    ) -> float:
        r"""Return :math:`R^2`, or :math:`D^2` if there are several quantiles.

        :math:`R^2` compares the squared error with that of the mean of ``y``, as in all
        regressors of scikit-learn. For several quantiles, the score is the mean over
        them of `sklearn.metrics.d2_pinball_score`, which compares the pinball loss with
        that of the same quantile of ``y``.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true targets.

        sample_weight : array-like of shape (n_samples,), default=None
            The sample weights.

        Returns
        -------
        score : float
            The score, at most 1.
        """
        return self._score(y, self.predict(X), sample_weight)

    def _score(self, y, predictions, sample_weight):
        quantiles = np.ravel(self._net.loss_params.get("quantile", ()))
        if len(quantiles) < 2:
            return r2_score(y, predictions, sample_weight=sample_weight)
        by_quantile = zip(quantiles, np.moveaxis(predictions, -1, 0), strict=True)
        scores = [
            d2_pinball_score(y, y_pred, sample_weight=sample_weight, alpha=quantile)
            for quantile, y_pred in by_quantile
        ]
        return float(np.mean(scores))
