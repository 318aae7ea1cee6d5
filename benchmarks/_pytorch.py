"""A plain training loop in PyTorch, on the work of a scikit-learn-like workload."""

import os
from functools import cache
from itertools import pairwise

import torch
from _common import widths
from torch import nn

# As many as NumPy's BLAS takes; PyTorch's own choice leaves out what shares a core.
torch.set_num_threads(os.cpu_count())

OPTIMISERS = {
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adam": (torch.optim.Adam, {}),
}
"""The optimiser of every ``solver``, with the defaults of scikit-learn."""


def network(sizes, *, normalization=None, dropout=0.0):
    """Return the module for these widths, from the input to the output."""
    layers = []
    for fan_in, fan_out in pairwise(sizes[:-1]):
        layers.append(nn.Linear(fan_in, fan_out))
        if normalization == "batch":
            layers.append(nn.BatchNorm1d(fan_out))
        layers.append(nn.ReLU())
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))


@cache
def compiled_network(*sizes):
    """Return a network that torch.compile made faster; one for these widths."""
    return torch.compile(network(sizes))


def optimiser(settings):
    """Return an optimiser's class, and its arguments but for the parameters.

    The decay is scikit-learn's L2 penalty; it takes hold of the biases, too.
    """
    kind, arguments = OPTIMISERS[settings["solver"]]
    return kind, arguments | {
        "lr": settings["learning_rate_init"],
        "weight_decay": settings["alpha"] / settings["batch_size"],
    }


def fit(settings, X, y, **variant):
    """Train a network; return the loss of the last epoch, without the penalty."""
    torch.manual_seed(settings["random_state"])
    return train(network(widths(settings, X, y), **variant), settings, X, y)


def fit_compiled(settings, X, y):
    """Train a compiled network; return the loss of the last epoch, as `fit` does."""
    torch.manual_seed(settings["random_state"])
    net = compiled_network(*widths(settings, X, y))
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    return train(net, settings, X, y)


def train(net, settings, X, y):
    """Train a module; return the loss of the last epoch, without the penalty."""
    kind, arguments = optimiser(settings)
    steps = kind(net.parameters(), **arguments)
    criterion = nn.CrossEntropyLoss()
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    for _ in range(settings["max_iter"]):
        total = 0.0
        for rows in torch.randperm(len(X)).split(settings["batch_size"]):
            steps.zero_grad()
            loss = criterion(net(X[rows]), y[rows])
            loss.backward()
            steps.step()
            total += loss.item() * len(rows)
    return total / len(X)
