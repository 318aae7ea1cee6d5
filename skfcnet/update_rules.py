"""Update rules: the step from a gradient to the next parameters.

Conventions
-----------
``next_w, config = rule(w, dw, config)``. ``config`` is a dict with the hyper-parameters
of the rule and its state. The first call adds defaults and copies the arrays in it;
every call updates it in place and returns it. To resume training, pass it again.
``out=w`` updates the parameters in place.

The decorator `update_rule` declares the arrays and the hyper-parameters of a rule, and
adds it to `UPDATE_RULES`, the table which the solver, the estimators, the tests and the
documentation read.
"""

from collections.abc import Callable
from functools import wraps
from math import isfinite, sqrt
from numbers import Integral
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from skfcnet._engine.adam import bias_corrected
from skfcnet._engine.annotations import Array, Floats, Options, UpdateRule
from skfcnet._engine.arguments import (
    FRACTION,
    NON_NEGATIVE,
    POSITIVE,
    as_floats,
    check_shape,
    checked,
    checked_integer,
    checked_mapping,
    checked_number,
)
from skfcnet._engine.orthogonal import orthogonalize
from skfcnet._engine.workspace import Workspace

UPDATE_RULES: dict[str, UpdateRule] = {}


RANGES = {
    "learning_rate": NON_NEGATIVE,
    "momentum": (lambda value: 0 <= value <= 1, "in [0, 1]"),
    "decay_rate": FRACTION,
    "beta1": FRACTION,
    "beta2": FRACTION,
    "epsilon": POSITIVE,
    "weight_decay": NON_NEGATIVE,
}
"""The ranges of hyper-parameters by name, which are the same for all rules."""

TEMPORARY = "scratch", "workspace"
"""What a configuration has for intermediate results, beside its numbers and state."""


def update_rule(
    *slots: str, takes_matrices: bool = False, **defaults: float
) -> Callable[[Callable[..., Floats]], UpdateRule]:
    """Declare an update rule and add it to `UPDATE_RULES`.

    Parameters
    ----------
    *slots : str
        The names of the arrays of the rule's state. They have the shape of ``w`` and
        start at zero.

    takes_matrices : bool, default=False
        Whether the step of a number depends on the others of its matrix, so that the
        weights of a layer must be updated as a whole.

    **defaults : float or int
        The names of the hyper-parameters with their defaults. The number ``t`` counts
        the steps. The others must be finite, and in the range that `RANGES` has for
        their name.

    Returns
    -------
    declare : callable
        A decorator for ``step(w, dw, config, *, out)``, which returns the next ``w``.
        ``config["scratch"]`` is another array, for intermediate results, and
        ``config["workspace"]`` lends some to a rule that takes matrices. The decorated
        rule has the attributes ``slots``, ``takes_matrices`` and ``defaults``, and the
        function ``complete(w, config)``, which adds what is missing to a configuration.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.update_rules import UPDATE_RULES, update_rule
    >>> @update_rule(learning_rate=0.5)
    ... def sign_descent(w, dw, config, *, out=None):
    ...     return np.subtract(w, config["learning_rate"] * np.sign(dw), out=out)
    >>> sign_descent(np.array([1.0, 1.0]), np.array([7.0, -0.1]))[0]
    array([0.5, 1.5])
    >>> del UPDATE_RULES["sign_descent"]
    """

    def declare(step: Callable[..., Floats]) -> UpdateRule:
        def arguments(function: str, w: Any, dw: Any, config: Any = None) -> Any:
            w, dw, config = (
                as_floats(w),
                as_floats(dw),
                checked_mapping("config", config),
            )
            check_shape(function, "dw", dw, w.shape)
            if "scratch" not in config:  # the first call completes it
                complete(w, config)
            check_shape(function, "w", w, config["scratch"].shape)
            return w, dw, config

        @checked(arguments)
        @wraps(step)
        def rule(w: Any, dw: Any, config: Any = None, *, out: Any = None) -> Any:
            return step(w, dw, config, out=out), config

        def complete(w: Array, config: Options) -> None:
            """Fill in defaults and arrays for the parameters w, in place."""
            for name in TEMPORARY:
                config.pop(name, None)
            known = {*defaults, *slots}
            if unknown := sorted(config.keys() - known):
                raise TypeError(
                    f"{step.__name__} got the unknown keys {unknown} of config. The "
                    f"known ones are {sorted(known)}."
                )
            completed: dict[str, Any] = {
                name: _hyperparameter(name, config.get(name, default), default)
                for name, default in defaults.items()
            }
            for slot in slots:
                completed[slot] = np.zeros_like(w)
                if slot in config:
                    earlier = np.asarray(config[slot])
                    check_shape(step.__name__, f"config[{slot!r}]", earlier, w.shape)
                    completed[slot][...] = earlier
            config.update(completed, scratch=np.empty_like(w))
            if takes_matrices:
                config["workspace"] = Workspace()

        declared = cast(UpdateRule, rule)
        declared.slots = slots
        declared.takes_matrices = takes_matrices
        declared.defaults = MappingProxyType(defaults)
        declared.complete = complete
        UPDATE_RULES[step.__name__] = declared
        return declared

    return declare


def _hyperparameter(name: str, value: Any, default: float) -> float:
    """Return a number of a configuration, of the type of its default."""
    if isinstance(default, Integral):
        return checked_integer(name, value, least=0)
    return checked_number(name, value, *RANGES.get(name, (isfinite, "finite")))


@update_rule(learning_rate=1e-2)
def sgd(
    w: Floats, dw: Floats, config: Any = None, *, out: Array | None = None
) -> Floats:
    r"""Gradient descent: :math:`w \leftarrow w - \eta \, dw`.

    Parameters
    ----------
    w : ndarray of any shape
        The parameters.

    dw : ndarray of the shape of ``w``
        The gradient of the parameters.

    config : dict, default=None
        The configuration: ``learning_rate`` (default 1e-2), :math:`\eta`.

    out : ndarray of the shape of ``w``, default=None
        The array for the next parameters, which may be ``w``.

    Returns
    -------
    next_w : ndarray of the shape of ``w``
        The next parameters.

    config : dict
        The configuration for the next call.

    Raises
    ------
    TypeError
        If ``config`` has a key that the rule does not know.

    ValueError
        If ``config`` has a number out of its range, or an array does not have the shape
        of ``w``.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.update_rules import sgd
    >>> next_w, config = sgd(np.ones(2), np.array([1.0, 2.0]), {"learning_rate": 0.1})
    >>> next_w
    array([0.9, 0.8])
    """
    step = np.multiply(dw, config["learning_rate"], out=config["scratch"])
    return np.subtract(w, step, out=out)


@update_rule("velocity", learning_rate=1e-2, momentum=0.9)
def sgd_momentum(
    w: Floats, dw: Floats, config: Any = None, *, out: Array | None = None
) -> Floats:
    r"""Gradient descent with momentum [1]_.

    .. math::

        v &\leftarrow \mu v - \eta \, dw, \\
        w &\leftarrow w + v

    Parameters
    ----------
    w : ndarray of any shape
        The parameters.

    dw : ndarray of the shape of ``w``
        The gradient of the parameters.

    config : dict, default=None
        The configuration: ``learning_rate`` (default 1e-2), :math:`\eta`, ``momentum``
        (default 0.9), :math:`\mu`, and the state ``velocity``, :math:`v`.

    out : ndarray of the shape of ``w``, default=None
        The array for the next parameters, which may be ``w``.

    Returns
    -------
    next_w : ndarray of the shape of ``w``
        The next parameters.

    config : dict
        The configuration for the next call.

    Raises
    ------
    TypeError
        If ``config`` has a key that the rule does not know.

    ValueError
        If ``config`` has a number out of its range, or an array does not have the shape
        of ``w``.

    References
    ----------
    .. [1] Polyak, B., "Some methods of speeding up the convergence of iteration
       methods", USSR Computational Mathematics and Mathematical Physics 4, 1964.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.update_rules import sgd_momentum
    >>> w, config = sgd_momentum(np.ones(1), np.ones(1), {"learning_rate": 0.1})
    >>> w, config = sgd_momentum(w, np.ones(1), config)
    >>> w.round(6), config["velocity"].round(6)
    (array([0.71]), array([-0.19]))
    """
    velocity = _updated_velocity(dw, config)
    return np.add(w, velocity, out=out)


@update_rule("velocity", learning_rate=1e-2, momentum=0.9)
def sgd_nesterov(
    w: Floats, dw: Floats, config: Any = None, *, out: Array | None = None
) -> Floats:
    r"""Gradient descent with Nesterov's momentum, in the form of [1]_.

    .. math::

        v &\leftarrow \mu v - \eta \, dw, \\
        w &\leftarrow w + \mu v - \eta \, dw

    Parameters
    ----------
    w : ndarray of any shape
        The parameters.

    dw : ndarray of the shape of ``w``
        The gradient of the parameters.

    config : dict, default=None
        The configuration: ``learning_rate`` (default 1e-2), :math:`\eta`, ``momentum``
        (default 0.9), :math:`\mu`, and the state ``velocity``, :math:`v`.

    out : ndarray of the shape of ``w``, default=None
        The array for the next parameters, which may be ``w``.

    Returns
    -------
    next_w : ndarray of the shape of ``w``
        The next parameters.

    config : dict
        The configuration for the next call.

    Raises
    ------
    TypeError
        If ``config`` has a key that the rule does not know.

    ValueError
        If ``config`` has a number out of its range, or an array does not have the shape
        of ``w``.

    References
    ----------
    .. [1] Bengio, Y., Boulanger-Lewandowski, N., Pascanu, R., "Advances in Optimizing
       Recurrent Networks", ICASSP 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.update_rules import sgd_nesterov
    >>> w, config = sgd_nesterov(np.ones(1), np.ones(1), {"learning_rate": 0.1})
    >>> w.round(6)
    array([0.81])
    """
    velocity = _updated_velocity(dw, config)
    # config["scratch"] still holds learning_rate * dw.
    w = np.subtract(w, config["scratch"], out=out)
    w += np.multiply(velocity, config["momentum"], out=config["scratch"])
    return w


def _updated_velocity(dw: Floats, config: Any) -> Floats:
    velocity = config["velocity"]
    velocity *= config["momentum"]
    velocity -= np.multiply(dw, config["learning_rate"], out=config["scratch"])
    return velocity


@update_rule("cache", learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8)
def rmsprop(
    w: Floats, dw: Floats, config: Any = None, *, out: Array | None = None
) -> Floats:
    r"""RMSProp [1]_: a step relative to the recent size of the gradient.

    .. math::

        c &\leftarrow \rho c + (1 - \rho) \, dw^2, \\
        w &\leftarrow w - \frac{\eta \, dw}{\sqrt{c} + \epsilon}

    Parameters
    ----------
    w : ndarray of any shape
        The parameters.

    dw : ndarray of the shape of ``w``
        The gradient of the parameters.

    config : dict, default=None
        The configuration: ``learning_rate`` (default 1e-2), :math:`\eta`,
        ``decay_rate`` (default 0.99), :math:`\rho`, ``epsilon`` (default 1e-8),
        :math:`\epsilon`, and the state ``cache``, :math:`c`.

    out : ndarray of the shape of ``w``, default=None
        The array for the next parameters, which may be ``w``.

    Returns
    -------
    next_w : ndarray of the shape of ``w``
        The next parameters.

    config : dict
        The configuration for the next call.

    Raises
    ------
    TypeError
        If ``config`` has a key that the rule does not know.

    ValueError
        If ``config`` has a number out of its range, or an array does not have the shape
        of ``w``.

    References
    ----------
    .. [1] Tieleman, T., Hinton, G., "Lecture 6.5 - rmsprop", COURSERA: Neural Networks
       for Machine Learning, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.update_rules import rmsprop
    >>> w, config = rmsprop(np.ones(2), np.array([1.0, -9.0]))
    >>> w.round(6)
    array([0.9, 1.1])
    """
    cache, scratch = config["cache"], config["scratch"]
    cache *= config["decay_rate"]
    np.square(dw, out=scratch)
    scratch *= 1 - config["decay_rate"]
    cache += scratch
    np.sqrt(cache, out=scratch)
    scratch += config["epsilon"]
    np.divide(dw, scratch, out=scratch)
    scratch *= config["learning_rate"]
    return np.subtract(w, scratch, out=out)


@update_rule("m", "v", learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, t=0)
def adam(
    w: Floats, dw: Floats, config: Any = None, *, out: Array | None = None
) -> Floats:
    r"""Adam [1]_: RMSProp with momentum, and both averages corrected for their start.

    .. math::

        m &\leftarrow \beta_1 m + (1 - \beta_1) \, dw, \\
        v &\leftarrow \beta_2 v + (1 - \beta_2) \, dw^2, \\
        w &\leftarrow w - \eta \, \frac{m / (1 - \beta_1^t)}
            {\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    w : ndarray of any shape
        The parameters.

    dw : ndarray of the shape of ``w``
        The gradient of the parameters.

    config : dict, default=None
        The configuration: ``learning_rate`` (default 1e-3), :math:`\eta`, ``beta1``
        (default 0.9), :math:`\beta_1`, ``beta2`` (default 0.999), :math:`\beta_2`,
        ``epsilon`` (default 1e-8), :math:`\epsilon`, the number of steps ``t``, and the
        state ``m`` and ``v``. The arrays hold :math:`m / (1 - \beta_1)` and
        :math:`v / (1 - \beta_2)`, since their updates take one multiplication and one
        addition each.

    out : ndarray of the shape of ``w``, default=None
        The array for the next parameters, which may be ``w``.

    Returns
    -------
    next_w : ndarray of the shape of ``w``
        The next parameters.

    config : dict
        The configuration for the next call.

    Raises
    ------
    TypeError
        If ``config`` has a key that the rule does not know.

    ValueError
        If ``config`` has a number out of its range, or an array does not have the shape
        of ``w``.

    References
    ----------
    .. [1] Kingma, D., Ba, J., "Adam: A Method for Stochastic Optimization", ICLR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.update_rules import adam
    >>> w, config = adam(np.ones(2), np.array([1.0, -9.0]))
    >>> w.round(6)
    array([0.999, 1.001])
    """
    step = _adam_step(dw, config, config["m"], config["v"])
    return np.subtract(w, step, out=out)


@update_rule(
    "m",
    "v",
    learning_rate=1e-3,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    weight_decay=1e-2,
    t=0,
)
def adamw(
    w: Floats, dw: Floats, config: Any = None, *, out: Array | None = None
) -> Floats:
    r"""Adam with decoupled weight decay [1]_.

    In addition to the step of `adam` with the learning rate :math:`\eta`,
    :math:`w \leftarrow w - \eta \lambda w`.

    Parameters
    ----------
    w : ndarray of any shape
        The parameters.

    dw : ndarray of the shape of ``w``
        The gradient of the parameters.

    config : dict, default=None
        The configuration of `adam`, and ``weight_decay`` (default 1e-2),
        :math:`\lambda`.

    out : ndarray of the shape of ``w``, default=None
        The array for the next parameters, which may be ``w``.

    Returns
    -------
    next_w : ndarray of the shape of ``w``
        The next parameters.

    config : dict
        The configuration for the next call.

    Raises
    ------
    TypeError
        If ``config`` has a key that the rule does not know.

    ValueError
        If ``config`` has a number out of its range, or an array does not have the shape
        of ``w``.

    References
    ----------
    .. [1] Loshchilov, I., Hutter, F., "Decoupled Weight Decay Regularization", ICLR
       2019.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.update_rules import adamw
    >>> config = {"learning_rate": 0.1, "weight_decay": 0.1}
    >>> w, config = adamw(np.ones(2), np.array([1.0, -9.0]), config)
    >>> w.round(6)
    array([0.89, 1.09])
    """
    step = _adam_step(dw, config, config["m"], config["v"])
    return _decayed(w, step, config, out)


@update_rule(
    "first_moment",
    "second_moment",
    takes_matrices=True,
    learning_rate=1e-3,
    momentum=0.95,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    weight_decay=1e-2,
    t=0,
)
def muon(
    w: Floats, dw: Floats, config: Any = None, *, out: Array | None = None
) -> Floats:
    r"""Muon [1]_: momentum whose matrix is made orthogonal.

    All directions in which the gradient of a layer's weights has changed them are taken
    equally far, also those in which the gradient is small:

    .. math::

        v &\leftarrow \mu v + dw, \\
        w &\leftarrow w - \eta \lambda w \\
        &\qquad - 0.2 \sqrt{\max(M, N)} \; \eta \operatorname{orth}(\mu v + dw),

    where :math:`\operatorname{orth}(U S V^T) = U V^T`, for matrices of M rows and N
    columns. The factor makes the root mean square of a step about 0.2 times the
    learning rate :math:`\eta`, as those of Adam are [2]_, so that both have the same
    learning rate. An array of one axis, such as biases, takes the step of `adamw`.

    Networks update the weights of their hidden layers by orthogonal matrices. The
    weights of the output layer and of embeddings, whose rows are learned one by one,
    take the step of arrays of one axis.

    Parameters
    ----------
    w : ndarray of shape (N,) or (..., M, N)
        The parameters: an array of one axis, or matrices.

    dw : ndarray of the shape of ``w``
        The gradient of the parameters.

    config : dict, default=None
        The configuration of `adamw`, whose averages are ``first_moment`` and
        ``second_moment`` here, and ``momentum`` (default 0.95), :math:`\mu`. With
        matrices, ``first_moment`` is :math:`v`, and ``second_moment`` remains zero.

    out : ndarray of the shape of ``w``, default=None
        The array for the next parameters, which may be ``w``.

    Returns
    -------
    next_w : ndarray of the shape of ``w``
        The next parameters.

    config : dict
        The configuration for the next call.

    Raises
    ------
    TypeError
        If ``config`` has a key that the rule does not know.

    ValueError
        If ``config`` has a number out of its range, or an array does not have the shape
        of ``w``.

    References
    ----------
    .. [1] Jordan, K., et al., "Muon: An Optimizer for Hidden Layers in Neural
       Networks", 2024.

    .. [2] Liu, J., et al., "Muon is Scalable for LLM Training", 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.update_rules import muon
    >>> config = {"learning_rate": 0.1, "weight_decay": 0.0}
    >>> w, config = muon(np.zeros((2, 2)), np.diag([1.0, -9.0]), config)
    >>> w.round(2) + 0.0
    array([[-0.03,  0.  ],
           [ 0.  ,  0.03]])
    """
    first, second = config["first_moment"], config["second_moment"]
    if w.ndim < 2:
        return _decayed(w, _adam_step(dw, config, first, second), config, out)
    config["t"] += 1
    first *= config["momentum"]
    first += dw
    ahead = np.multiply(first, config["momentum"], out=config["scratch"])
    ahead += dw
    step = orthogonalize(ahead, config["workspace"])
    step *= 0.2 * sqrt(max(w.shape[-2:])) * config["learning_rate"]
    return _decayed(w, step, config, out)


def _decayed(w: Floats, step: Floats, config: Any, out: Array | None) -> Floats:
    """Return the parameters after a step and the decay of the weights."""
    shrinkage = 1 - config["learning_rate"] * config["weight_decay"]
    w = np.multiply(w, shrinkage, out=out)
    w -= step
    return w


def _adam_step(dw: Floats, config: Any, m: Floats, v: Floats) -> Floats:
    """Return the step of Adam, in the scratch array."""
    scratch = config["scratch"]
    config["t"] += 1
    epsilon, rate = bias_corrected(config)
    m *= config["beta1"]
    m += dw
    v *= config["beta2"]
    v += np.square(dw, out=scratch)
    np.sqrt(v, out=scratch)
    scratch += epsilon
    np.divide(m, scratch, out=scratch)
    scratch *= rate
    return scratch
