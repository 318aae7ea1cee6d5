"""What a loss is: the record that the table of losses is made of."""

from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np

from skfcnet._engine.annotations import Array, Floats, Params
from skfcnet._engine.arguments import checked_mapping
from skfcnet.losses._domains import Domain
from skfcnet.losses._links import Link


class Loss(NamedTuple):
    """The declaration of a loss: its function, and what belongs to it.

    Parameters
    ----------
    function : callable
        The loss and its gradient, as the conventions of `skfcnet.losses` say.

    link : Link
        The relation between scores and predictions.

    domain : Domain
        What the targets may be.

    constant : callable
        Called with the distinct values of a target and their total weights, both of
        shape (K,), and by name with those parameters of the loss that it takes. It
        returns the best prediction that does not depend on X, exactly or nearly. For a
        class, the values are 0 and 1.

    takes_labels : bool, default=False
        Whether the targets are class indices (N,) instead of values (N, K).

    parameters : Mapping of str to callable, default={}
        The parameters of the loss, which are keywords of ``function``. Each name maps
        to a function that checks and converts a value.
    """

    function: Callable
    link: Link
    domain: Domain
    constant: Callable
    takes_labels: bool = False
    parameters: Mapping = MappingProxyType({})

    @property
    def defaults(self) -> Mapping[str, Any]:
        """The values of the parameters by name: those bound, or the defaults."""
        keywords = signature(self.function).parameters
        return MappingProxyType({k: keywords[k].default for k in self.parameters})

    @property
    def scores_per_target(self) -> int:
        """How many scores of the network belong to each target."""
        return self.link.scores_per_target

    def bind(self, params: Params | None) -> Self:
        """Return the loss with parameters set.

        Parameters
        ----------
        params : Mapping of str to object
            Values by name; the others keep their defaults.

        Returns
        -------
        loss : Loss
            A loss whose function and link have these values.

        Raises
        ------
        ValueError
            If the loss has no such parameter, or a value is out of its range.
        """
        params = checked_mapping("loss_params", params)
        if not params:
            return self
        if unknown := sorted(params.keys() - self.parameters.keys()):
            raise ValueError(
                f"{self.function.__name__} has no parameters {unknown}; "
                f"it has {sorted(self.parameters)}."
            )
        params = {name: self.parameters[name](params[name]) for name in params}
        return self._replace(
            function=partial(self.function, **params), link=self.link.bind(params)
        )

    def constant_scores(self, values: Array, counts: Array) -> float | Floats:
        """Return the scores of the best constant prediction of a target.

        The output biases of an estimator start at them.

        Parameters
        ----------
        values, counts : ndarray of shape (K,)
            The distinct values of the target, sorted, and their total weights.

        Returns
        -------
        scores : float or ndarray of shape (scores_per_target,)
            The scores.
        """
        takes = signature(self.constant).parameters.keys() & self.parameters.keys()
        params = {name: self.defaults[name] for name in takes}
        return self.link.link(self.constant(values, counts, **params))

    def average(self, scores: Floats) -> Floats:
        """Return the scores that stand for the mean prediction of several members.

        Parameters
        ----------
        scores : ndarray of shape (k, N, S)
            The scores of each member.

        Returns
        -------
        average : ndarray of shape (N, S)
            The scores. For a single member, they are its own.
        """
        if len(scores) == 1:
            return scores[0]
        with np.errstate(under="ignore"):
            return self.link.average(scores)
