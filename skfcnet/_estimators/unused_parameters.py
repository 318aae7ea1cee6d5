"""Warnings about parameters that were set, but have no effect.

An estimator declares in its attribute ``_conditions`` under which conditions its
parameters have an effect. `conditions_by_value` makes such conditions of other tables,
such as the table of the solvers and their parameters.
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

    is_met : callable
        A function of an estimator that returns whether the condition is met.

    requirement : str
        The condition as text; names of parameters in braces stand for their values.

    category : type, default=UserWarning
        The category of the warning.
    """

    names: tuple
    is_met: Callable
    requirement: str
    category: type = UserWarning


def conditions_by_value(parameter, names_by_value):
    """Return conditions for parameters that some values of another parameter use.

    Parameters
    ----------
    parameter : str
        The name of the other parameter.

    names_by_value : Mapping of str to iterable of str
        For each value, the names of the parameters that it uses.

    Returns
    -------
    conditions : list of Condition
        One condition for every parameter.

    Examples
    --------
    >>> from skfcnet._estimators.unused_parameters import conditions_by_value
    >>> conditions_by_value("solver", {"sgd": ["momentum"], "adam": []})[0].requirement
    "solver='sgd'"
    """
    conditions = []
    for name in sorted({name for names in names_by_value.values() for name in names}):
        values = [value for value, names in names_by_value.items() if name in names]
        requirement = f"{parameter}={' or '.join(map(repr, values))}"
        is_met = _has_one_of(parameter, values)
        conditions.append(Condition((name,), is_met, requirement))
    return conditions


def _has_one_of(parameter, values):
    return lambda estimator: getattr(estimator, parameter) in values


def parameters_set_by_user(estimator):
    """Return the names of the parameters that differ from their defaults.

    Parameters
    ----------
    estimator : estimator instance
        Any estimator of scikit-learn.

    Returns
    -------
    names : set of str
        The names of the parameters.
    """
    return {
        name
        for name, default in _defaults(type(estimator)).items()
        if not _are_equal(getattr(estimator, name), default)
    }


@cache
def _defaults(estimator_class):
    parameters = signature(estimator_class).parameters
    return {name: parameter.default for name, parameter in parameters.items()}


def warn_about_unused_parameters(estimator):
    """Warn about parameters that were set but have no effect.

    Parameters
    ----------
    estimator : estimator instance
        An estimator with the attribute ``_conditions``.
    """
    set_by_user = parameters_set_by_user(estimator)
    for condition in estimator._conditions:
        names = [name for name in condition.names if name in set_by_user]
        if names and not condition.is_met(estimator):
            parameters = estimator.get_params(deep=False)
            settings = ", ".join(f"{name}={parameters[name]!r}" for name in names)
            requirement = condition.requirement.format(**parameters)
            warn(
                f"{settings} has no effect: it needs {requirement}.",
                condition.category,
            )


def _are_equal(value, default):
    # They are compared as objects: NumPy 2.0 cannot compare a string with a number.
    return value is default or (
        np.ndim(value) == np.ndim(default)
        and np.array_equal(np.asarray(value, object), np.asarray(default, object))
    )
