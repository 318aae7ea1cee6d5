"""The network of an estimator, as its parameters describe it."""

import numpy as np

from skfcnet._engine.plan import linear_term, output_layer
from skfcnet._engine.statistics import exact_weights
from skfcnet._estimators.automatic import network_settings
from skfcnet._estimators.linear_term import start_linear_term
from skfcnet.network import FullyConnectedNet

ENCODING_PARAMETERS = (
    "input_scaling",
    "numeric_embedding",
    "n_bins",
    "categorical_features",
    "linear_term",
)
"""The parameters that determine how X is encoded."""


def network_arguments(draft, rows):
    """Return the arguments of `FullyConnectedNet` for a draft and its rows."""
    settings = network_settings(draft, rows)
    return {
        "category": draft._target.category,
        "normalization": [draft.normalization] * len(settings["hidden_dims"]),
        "input_dim": draft._encoder.width,
        "output_dim": draft._target.n_outputs,
        "weight_scale": None,
        "dtype": np.dtype(draft._compute_dtype).name,
        "activation": draft.activation,
        "input_dropout": draft.input_dropout,
        "init": None if draft.init == "auto" else draft.init,
        **settings,
        "loss": draft._target.loss,
        "loss_params": draft._target.loss_params(),
    }


def fixed_settings(draft):
    """Return the values of the parameters that must not change between fits."""
    names = draft._fixed_parameters
    return {name: np.asarray(getattr(draft, name)).tolist() for name in names}


def start_network(draft, rows):
    """Make the untrained network of a draft.

    The output biases start at the best scores that do not depend on X. For
    classification, these are the logarithms of the shares of the classes, or log-odds;
    for regression, the mean, the median or the quantiles of the targets, or the
    logarithm of the mean.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    rows : Rows
        The encoded rows of the training set.
    """
    architecture = network_arguments(draft, rows)
    draft._training = draft._training._replace(
        architecture=architecture, settings=fixed_settings(draft)
    )
    net = FullyConnectedNet(
        **architecture,
        blocks=draft._encoder.blocks,
        linear_blocks=draft._encoder.linear_blocks,
        random_state=draft._training.rng,
    )
    # A category without rows is treated as an unknown one until it is learned.
    for name, places in draft._encoder.without_rows.items():
        net.params[name][..., places, :] = 0
    weight = exact_weights(rows.weight, rows.n_rows)
    if rows.cost is not None:
        # These products are exact, so that one row of weight 2 is the same as two rows.
        weight = weight * rows.cost.astype(np.float32)
        weight = exact_weights(weight, len(weight)) if weight.any() else None
    if weight is not None:
        scores = draft._target.best_constant_scores(rows, weight, net.objective)
        net.params[output_layer(net.stages).trained[1]] = np.concatenate(scores)
    draft._net = net
    if linear_term(net.stages) is not None:
        start_linear_term(draft, rows)


def update_network(draft, rows):
    """Update the network of a draft if the parameters have changed since the last fit.

    Dropout, loss and dtype may change. The shape of the network and the encoding of X
    must not change.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    rows : Rows
        The rows of the training set.

    Raises
    ------
    ValueError
        If a parameter was changed that must not change.
    """
    training = draft._training
    for name, value in fixed_settings(draft).items():
        if value != training.settings[name]:
            raise ValueError(
                f"{name} was changed to {value!r} since the network was fitted with "
                f"{training.settings[name]!r}: set it back, or call fit with "
                f"warm_start=False to start anew."
            )
    architecture = network_arguments(draft, rows)
    if architecture == training.architecture:
        return
    net = FullyConnectedNet(
        **architecture,
        blocks=draft._encoder.blocks,
        linear_blocks=draft._encoder.linear_blocks,
        random_state=0,
    )
    if _shape_of(net) != _shape_of(draft._net):
        raise ValueError(
            f"The parameters that shape the network were changed since it was fitted "
            f"as {draft._net!r}: they describe {net!r}. Set them back, or call fit "
            f"with warm_start=False to start anew."
        )
    net.params.vector[...] = draft._net.params.vector
    draft._net = net
    draft._training = training._replace(architecture=architecture)


def _shape_of(net):
    """Return the kind and the shapes of the arrays of all layers but dropout."""
    return [(s.kind, s.specs) for s in net.stages if s.kind != "dropout"]
