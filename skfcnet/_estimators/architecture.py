"""The network that an estimator describes by its parameters."""

import numpy as np

from skfcnet._engine.statistics import exact_weights
from skfcnet._estimators.constraints import hidden_widths
from skfcnet.network import FullyConnectedNet

ENCODING_PARAMETERS = (
    "input_scaling",
    "numeric_embedding",
    "n_bins",
    "categorical_features",
)
"""The parameters that say how X is encoded."""


def described_network(draft):
    """Return the arguments of the network that the parameters describe."""
    widths = hidden_widths(draft)
    return {
        "category": draft._target.category,
        "hidden_dims": widths,
        "normalization": [draft.normalization] * len(widths),
        "input_dim": draft._encoder.width,
        "output_dim": draft._target.n_outputs,
        "weight_scale": None,
        "dtype": np.dtype(draft._compute_dtype).name,
        "activation": draft.activation,
        "dropout": draft.dropout,
        "input_dropout": draft.input_dropout,
        "init": None if draft.init == "auto" else draft.init,
        "n_members": draft.n_members,
        "n_embedded": draft._encoder.n_embedded,
        "loss": draft._target.loss,
        "loss_params": draft._target.loss_params(),
    }


def fixed_settings(draft):
    """Return the parameters that may not change while training continues."""
    names = draft._fixed_parameters
    return {name: np.asarray(getattr(draft, name)).tolist() for name in names}


def start_network(draft, rows):
    """Give a draft an untrained network.

    The output biases start at the best scores that do not depend on X: logarithms of
    the shares of the classes, or log-odds; the mean, the median or quantiles of
    numbers; the logarithm of a mean.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    rows : Rows
        The rows to train on.
    """
    architecture = described_network(draft)
    draft._training = draft._training._replace(
        architecture=architecture, settings=fixed_settings(draft)
    )
    net = FullyConnectedNet(**architecture, random_state=draft._training.rng)
    # A category without rows counts as a missing one until it is learned.
    net.params["W1"][..., draft._encoder.columns_without_rows, :] = 0
    weight = exact_weights(rows.weight, rows.n_rows)
    if rows.cost is not None:
        # These products are exact, for one row of weight 2 as for two rows.
        weight = weight * rows.cost.astype(np.float32)
        weight = exact_weights(weight, len(weight)) if weight.any() else None
    if weight is not None:
        scores = draft._target.best_constant_scores(rows, weight, net.objective)
        net.params[net.stages[-1].trained[1]] = np.concatenate(scores)
    draft._net = net


def continue_network(draft):
    """Let the network of a draft follow the parameters, which may have changed.

    Dropout, loss and dtype may change. The shape of the network and the encoding of X
    may not.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator that is trained.

    Raises
    ------
    ValueError
        If parameters were changed that may not.
    """
    training = draft._training
    for name, value in fixed_settings(draft).items():
        if value != training.settings[name]:
            raise ValueError(
                f"{name} was changed to {value!r} since the network was fitted with "
                f"{training.settings[name]!r}: set it back, or call fit with "
                f"warm_start=False to start anew."
            )
    architecture = described_network(draft)
    if architecture == training.architecture:
        return
    net = FullyConnectedNet(**architecture, random_state=0)
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
    """Return the kinds and the arrays of all layers but dropout."""
    return [(s.kind, s.specs) for s in net.stages if s.rate is None]
