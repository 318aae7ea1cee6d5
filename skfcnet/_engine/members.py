"""Splitting an ensemble into networks of some of its members, and joining networks.

Every array of an ensemble begins with an axis for its members. What a member has
learned is therefore a selection of the numbers in the vector of parameters, and so is
what an update rule has stored for it.
"""

from copy import copy, deepcopy
from math import fsum, inf

import numpy as np

from skfcnet._engine.parameters import Parameters, layout


def mean_over_members(losses):
    """Return the mean loss of members, which does not depend on their order.

    It is infinite if the sum of the losses overflows.

    Examples
    --------
    >>> from skfcnet._engine.members import mean_over_members
    >>> mean_over_members([0.5, 0.25]), mean_over_members([1e308, 1e308])
    (0.375, inf)
    """
    try:
        return fsum(losses) / len(losses)
    except OverflowError:
        return inf


def by_member(a):
    """Return an array of two axes with one for members before them."""
    return a if a.ndim == 3 else a[np.newaxis]


def vector_of_members(vector, net, members):
    """Return what some members have in the vector of an ensemble.

    Parameters
    ----------
    vector : ndarray
        ``net.params.vector``, or as many numbers that belong to it. Those that belong
        to the trainable parameters alone are enough.

    net : FullyConnectedNet
        The ensemble.

    members : sequence of int
        Indices of the members.

    Returns
    -------
    part : ndarray
        Copies, in the order in which the vector of an ensemble of these members has
        them, or that of a single network.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._engine.members import vector_of_members
    >>> from skfcnet.network import FullyConnectedNet
    >>> net = FullyConnectedNet("regression", [], [], 2, 1, n_members=3)
    >>> vector_of_members(np.arange(9), net, [2])
    array([4, 5, 8])
    """
    part = np.empty(len(vector) // net.n_members * len(members), vector.dtype)
    for of_ensemble, of_part in _pieces(vector, net, members, part):
        of_part[...] = of_ensemble
    return part


def set_members(vector, net, members, part):
    """Set what some members have in the vector of an ensemble.

    Parameters
    ----------
    vector, net, members : as for `vector_of_members`
        The vector, which is changed, the ensemble and the members.

    part : array-like
        The numbers, as `vector_of_members` returns them.
    """
    for of_ensemble, of_part in _pieces(vector, net, members, np.asarray(part)):
        of_ensemble[...] = of_part


def _pieces(vector, net, members, part):
    """Yield views of each array of each member, in both vectors."""
    first = 0
    for _, start, end in layout(net.params.specs):
        if end > len(vector):
            return
        by_member = vector[start:end].reshape(net.n_members, -1)
        for member in members:
            size = by_member.shape[1]
            yield by_member[member], part[first : first + size]
            first += size


def ensemble_of_members(net, members):
    """Return an ensemble of some members, which train as they do in the whole one.

    Parameters
    ----------
    net : FullyConnectedNet
        The ensemble.

    members : sequence of int
        Indices of the members.

    Returns
    -------
    part : FullyConnectedNet
        A network with copies of their parameters. Its arrays have an axis for members
        even if there is only one, unless ``net`` is a single network.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._engine.members import ensemble_of_members
    >>> from skfcnet.network import FullyConnectedNet
    >>> net = FullyConnectedNet("regression", [5], [True], 2, 1, n_members=3)
    >>> last = ensemble_of_members(net, [2])
    >>> last.params["W1"].shape
    (1, 2, 5)
    >>> np.array_equal(last.params["W1"][0], net.params["W1"][2])
    True
    """
    if not net.member_shape:
        return deepcopy(net)
    part = copy(net)
    part.n_members, part.member_shape = len(members), (len(members),)
    part.members = [net.members[m] for m in members]
    part.stages = tuple(_with_members(stage, len(members)) for stage in net.stages)
    specs = [spec for stage in part.stages for spec in stage.specs]
    vector = vector_of_members(net.params.vector, net, members)
    part.params = Parameters(specs, vector=vector)
    return part


def _with_members(stage, n_members):
    specs = [spec._replace(shape=(n_members, *spec.shape[1:])) for spec in stage.specs]
    blocks = tuple(_with_members(block, n_members) for block in stage.blocks)
    is_shared = stage.kind == "blocks" and not stage.trained
    return stage._replace(
        member_shape=(1,) if is_shared else (n_members,),
        specs=tuple(specs),
        blocks=blocks,
    )


def optimizer_of_members(config, net, members):
    """Return the configuration of an update rule for some members of an ensemble.

    Parameters
    ----------
    config : dict
        The configuration for the ensemble, with the arrays of its state.

    net : FullyConnectedNet
        The ensemble.

    members : sequence of int
        Indices of the members.

    Returns
    -------
    config : dict
        The same numbers, and copies of the arrays' parts.
    """
    return {
        name: vector_of_members(value, net, members)
        if isinstance(value, np.ndarray)
        else value
        for name, value in config.items()
    }


def joined_optimizers(configs, net, parts):
    """Return the configuration of an update rule for an ensemble.

    Parameters
    ----------
    configs : list of dict
        The configurations for disjoint parts of the ensemble. Their numbers are the
        same, such as the number of steps.

    net : FullyConnectedNet
        The ensemble.

    parts : list of sequence of int
        The indices of the members of each part; all members are in one of them.

    Returns
    -------
    config : dict
        The configuration.
    """
    joined = dict(configs[0])
    size = len(net.params.trainable)
    for name, value in configs[0].items():
        if isinstance(value, np.ndarray):
            joined[name] = np.empty(size, value.dtype)
            for config, members in zip(configs, parts, strict=True):
                set_members(joined[name], net, members, config[name])
    return joined
