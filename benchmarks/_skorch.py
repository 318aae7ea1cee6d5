"""skorch's classifier, with its default loader, on the work of a workload."""

import torch
from _common import widths
from _pytorch import network, optimiser
from skorch import NeuralNetClassifier
from torch import nn


def fit(settings, X, y):
    """Train a network; return the loss of the last epoch, without the penalty."""
    torch.manual_seed(settings["random_state"])
    kind, arguments = optimiser(settings)
    classifier = NeuralNetClassifier(
        network,
        module__sizes=widths(settings, X, y),
        criterion=nn.CrossEntropyLoss,
        optimizer=kind,
        max_epochs=settings["max_iter"],
        batch_size=settings["batch_size"],
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
        **{f"optimizer__{name}": value for name, value in arguments.items()},
    )
    return classifier.fit(X, y).history[-1, "train_loss"]
