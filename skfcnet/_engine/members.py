"""Splitting an ensemble into networks of some of its members, and joining networks.

Every array of an ensemble begins with an axis for its members. What a member has
learned is therefore a selection of the numbers in the vector of parameters, and so is
what an update rule has stored for it.
"""

from copy import copy, deepcopy
from math import fsum

import numpy as np

from skfcnet._engine.parameters import Parameters, layout


def mean_over_members(losses):
    """Return the mean loss of members, which does not depend on their order."""
    return fsum(losses) / len(losses)


def places_of_members(net, members):
    """Return where the parameters of some members are in the vector of an ensemble.

    Parameters
    ----------
    net : FullyConnectedNet
        The ensemble.

    members : sequence of int
        Indices of the members.

    Returns
    -------
    places : ndarray of int
        Indices into ``net.params.vector``, in the order in which the vector of an
        ensemble of these members has them, or that of a single network. The trainable
        parameters come first, as in every vector.

    Examples
    --------
    >>> from skfcnet._engine.members import places_of_members
    >>> from skfcnet.network import FullyConnectedNet
    >>> net = FullyConnectedNet("regression", [], [], 2, 1, n_members=3)
    >>> places_of_members(net, [2])
    array([4, 5, 8])
    """
    places = [
        np.arange(start, end).reshape(net.n_members, -1)[members].ravel()
        for _, start, end in layout(net.params.specs)
    ]
    return np.concatenate(places)


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
    vector = net.params.vector[places_of_members(net, members)]
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
    places = places_of_members(net, members)
    places = places[places < len(net.params.trainable)]
    return {
        name: value[places] if isinstance(value, np.ndarray) else value
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
                places = places_of_members(net, members)
                joined[name][places[places < size]] = config[name]
    return joined
