"""Warnings of parameters that were set, but have no effect beside the others.

An estimator declares in its attribute ``_conditions`` what its parameters need to have
an effect. Other tables know part of it, such as which solver takes which parameter:
`conditions_by_value` reads them.
"""

from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import NamedTuple

import numpy as np

from skfcnet._engine.warn import warn


class Condition(NamedTuple):
    """The condition under which some parameters have an effect.

    Parameters
    ----------
    names : tuple of str
        The names of the parameters.

    holds : callable
        A function of an estimator that returns whether the condition holds.

    needed : str
        The condition in words, which may name parameters in braces.

    category : type, default=UserWarning
        The class of the warning.
    """

    names: tuple
    holds: Callable
    needed: str
    category: type = UserWarning


def conditions_by_value(parameter, names_by_value):
    """Return the conditions of parameters that belong to values of another one.

    Parameters
    ----------
    parameter : str
        The name of the other parameter.

    names_by_value : Mapping of str to iterable of str
        For each value, the names of the parameters that have an effect.

    Returns
    -------
    conditions : list of Condition
        One condition for every parameter.

    Examples
    --------
    >>> from skfcnet._estimators.unused_parameters import conditions_by_value
    >>> conditions_by_value("solver", {"sgd": ["momentum"], "adam": []})[0].needed
    "solver='sgd'"
    """
    conditions = []
    for name in sorted({name for names in names_by_value.values() for name in names}):
        values = [value for value, names in names_by_value.items() if name in names]
        needed = f"{parameter}={' or '.join(map(repr, values))}"
        holds = _has_one_of(parameter, values)
        conditions.append(Condition((name,), holds, needed))
    return conditions


def _has_one_of(parameter, values):
    return lambda estimator: getattr(estimator, parameter) in values


def parameters_set_by_user(estimator):
    """Return the names of the parameters that differ from their defaults.

    Parameters
    ----------
    estimator : estimator instance
        An estimator of scikit-learn.

    Returns
    -------
    names : set of str
        The names of the parameters that were set.
    """
    return {
        name
        for name, default in _defaults(type(estimator)).items()
        if not _equal(getattr(estimator, name), default)
    }


@cache
def _defaults(estimator_class):
    parameters = signature(estimator_class).parameters
    return {name: parameter.default for name, parameter in parameters.items()}


def warn_of_unused_parameters(estimator):
    """Warn of parameters that were set and have no effect, and say what they need.

    Parameters
    ----------
    estimator : estimator instance
        An estimator with the attribute ``_conditions``.
    """
    was_set = parameters_set_by_user(estimator)
    for condition in estimator._conditions:
        names = [name for name in condition.names if name in was_set]
        if names and not condition.holds(estimator):
            parameters = estimator.get_params(deep=False)
            settings = ", ".join(f"{name}={parameters[name]!r}" for name in names)
            needed = condition.needed.format(**parameters)
            warn(f"{settings} has no effect: it needs {needed}.", condition.category)


def _equal(value, default):
    # As objects, because NumPy 2.0 cannot compare a string with a number.
    return value is default or (
        np.ndim(value) == np.ndim(default)
        and np.array_equal(np.asarray(value, object), np.asarray(default, object))
    )
