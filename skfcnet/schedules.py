r"""Learning-rate schedules: the factors by which the learning rate is multiplied.

Conventions
-----------
``factor = function(step, n_steps, **parameters)`` is the factor of the learning rate in
a step. ``step`` is the number of minibatches so far, and ``n_steps`` the total number
of minibatches. A schedule is a function of the step alone, so that training is resumed
by continuing to count.

`SCHEDULES` is the table of all schedules, which the solver, the estimators, the tests
and the documentation read.
"""

from collections.abc import Callable
from math import cos, log2, pi
from types import MappingProxyType
from typing import NamedTuple

ONE_CYCLE_RISE = 0.3
"""The share of the steps in which `one_cycle` rises."""

ONE_CYCLE_START = 1 / 25
"""The factor at which `one_cycle` starts."""

WSD_RISE, WSD_DESCENT = 100, 0.5
"""In how many steps `wsd` rises, and the share of the steps in which it falls."""


class Schedule(NamedTuple):
    """The declaration of a schedule.

    Parameters
    ----------
    function : callable
        The function of the schedule, as in the conventions of this module.

    has_horizon : bool, default=False
        Whether the schedule depends on the total number of steps.

    can_end_early : bool, default=False
        Whether the schedule is constant before it falls, so that it may begin to fall
        at any step.

    defaults : mapping, default={}
        The names of the parameters of the schedule, with their defaults.

    dropout : callable or None, default=None
        The factor of the dropout, as a function of the same arguments; None: the
        dropout is the same in all steps.
    """

    function: Callable
    has_horizon: bool = False
    can_end_early: bool = False
    defaults: MappingProxyType = MappingProxyType({})
    dropout: Callable | None = None


def constant(step: float, n_steps: float) -> float:
    """Constant learning rate, with a factor of 1.

    Parameters
    ----------
    step : int
        The number of minibatches so far.

    n_steps : int
        Not used, but a parameter of every schedule.

    Returns
    -------
    factor : float
        The factor 1.

    Examples
    --------
    >>> from skfcnet.schedules import constant
    >>> constant(7, 10)
    1.0
    """
    return 1.0


def invscaling(step: float, n_steps: float, power_t: float = 0.5) -> float:
    r"""Inverse power of the number of the step: :math:`(1 + t)^{-p}`.

    Parameters
    ----------
    step : int
        The number of minibatches so far, :math:`t`.

    n_steps : int
        Not used, but a parameter of every schedule.

    power_t : float, default=0.5
        The exponent, :math:`p`.

    Returns
    -------
    factor : float
        The factor, which falls from 1.

    Examples
    --------
    >>> from skfcnet.schedules import invscaling
    >>> invscaling(0, 10), invscaling(3, 10)
    (1.0, 0.5)
    """
    return (1 + step) ** -power_t


def cosine(step: float, n_steps: float) -> float:
    r"""Half a cosine wave [1]_, from 1 to 0: :math:`(1 + \cos(\pi t / T)) / 2`.

    Parameters
    ----------
    step : int
        The number of minibatches so far, :math:`t`.

    n_steps : int
        The total number of minibatches, :math:`T`.

    Returns
    -------
    factor : float
        The factor, which falls from 1 to almost 0.

    References
    ----------
    .. [1] Loshchilov, I., Hutter, F., "SGDR: Stochastic Gradient Descent with Warm
       Restarts", ICLR 2017.

    Examples
    --------
    >>> from skfcnet.schedules import cosine
    >>> [round(cosine(step, 4), 4) for step in range(4)]
    [1.0, 0.8536, 0.5, 0.1464]
    """
    return (1 + cos(pi * step / n_steps)) / 2


def one_cycle(step: float, n_steps: float) -> float:
    r"""One cycle [1]_: from 1/25 up to 1 in the first 30 % of the steps, then to 0.

    The factor rises and falls along half a cosine wave.

    Parameters
    ----------
    step : int
        The number of minibatches so far.

    n_steps : int
        The total number of minibatches.

    Returns
    -------
    factor : float
        The factor, which rises from 1/25 to 1, and falls to almost 0.

    References
    ----------
    .. [1] Smith, L., Topin, N., "Super-Convergence: Very Fast Training of Neural
       Networks Using Large Learning Rates", 2018.

    Examples
    --------
    >>> from skfcnet.schedules import one_cycle
    >>> [round(one_cycle(step, 10), 4) for step in (0, 3, 9)]
    [0.04, 1.0, 0.0495]
    """
    top = ONE_CYCLE_RISE * n_steps
    if step < top:
        return 1 - (1 - ONE_CYCLE_START) * cosine(step, top)
    return cosine(step - top, n_steps - top)


def wsd(step: float, n_steps: float) -> float:
    r"""Warm-up, stable phase and decay [1]_, with half a cosine wave at the end.

    The factor rises from almost 0 to 1 in 100 steps, but at most a tenth of all steps.
    It stays there, and falls to almost 0 in the last half of the steps. As it is
    constant before, the factor may also begin to fall earlier, when there is no more
    improvement: see `skfcnet.solver.Solver.finish_schedule`.

    Parameters
    ----------
    step : int
        The number of minibatches so far.

    n_steps : int
        The total number of minibatches.

    Returns
    -------
    factor : float
        The factor, which rises to 1, stays there, and falls to almost 0.

    References
    ----------
    .. [1] Hu, S., et al., "MiniCPM: Unveiling the Potential of Small Language Models
       with Scalable Training Strategies", COLM 2024.

    Examples
    --------
    >>> from skfcnet.schedules import wsd
    >>> [round(wsd(step, 100), 2) for step in (0, 4, 9, 69, 85, 99)]
    [0.1, 0.5, 1.0, 0.68, 0.21, 0.0]
    """
    rise = min(WSD_RISE, n_steps / 10)
    return min(1.0, (step + 1) / max(rise, 1)) * _wsd_descent(step, n_steps)


def _wsd_descent(step: float, n_steps: float) -> float:
    descent = WSD_DESCENT * n_steps
    return cosine(max(0.0, step - (n_steps - descent)), descent)


def falling_dropout(factor: float) -> float:
    """Return the factor of the dropout where the learning rate falls, given its factor.

    The weights settle while the learning rate falls, and dropout keeps them from a
    close fit. Where the rows have little noise, training without dropout at the end
    [1]_ therefore lowers the error; where they have much, the best epoch is an earlier
    one.

    Parameters
    ----------
    factor : float
        The factor of the learning rate, which falls from 1 to 0.

    Returns
    -------
    factor : float
        The factor of the dropout, which falls faster.

    References
    ----------
    .. [1] Liu, Z., et al., "Dropout Reduces Underfitting", ICML 2023.

    Examples
    --------
    >>> from skfcnet.schedules import falling_dropout
    >>> [falling_dropout(factor) for factor in (1.0, 0.5, 0.0)]
    [1.0, 0.0625, 0.0]
    """
    return factor**4


def _wsd_dropout(step: float, n_steps: float) -> float:
    return falling_dropout(_wsd_descent(step, n_steps))


def coslog4(step: float, n_steps: float) -> float:
    r"""Four cosine waves [1]_, each twice as long as the one before.

    .. math:: \tfrac12 \left(1 - \cos(2 \pi \log_2(1 + 15 t / T))\right)

    Parameters
    ----------
    step : int
        The number of minibatches so far, :math:`t`.

    n_steps : int
        The total number of minibatches, :math:`T`.

    Returns
    -------
    factor : float
        The factor, which rises from 0 to 1 and falls to 0 four times.

    References
    ----------
    .. [1] Holzmüller, D., Grinsztajn, L., Steinwart, I., "Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data", NeurIPS 2024.

    Examples
    --------
    >>> from skfcnet.schedules import coslog4
    >>> [round(coslog4(step, 150), 2) for step in (0, 10, 30, 70)]
    [0.0, 0.0, 0.0, 0.0]
    >>> round(coslog4(4, 150), 2)
    1.0
    """
    return (1 - cos(2 * pi * log2(1 + 15 * step / n_steps))) / 2


SCHEDULES = {
    "constant": Schedule(constant),
    "invscaling": Schedule(invscaling, defaults=MappingProxyType({"power_t": 0.5})),
    "cosine": Schedule(cosine, has_horizon=True),
    "one_cycle": Schedule(one_cycle, has_horizon=True),
    "coslog4": Schedule(coslog4, has_horizon=True),
    "wsd": Schedule(wsd, has_horizon=True, can_end_early=True, dropout=_wsd_dropout),
}
