"""What members need that wait for their turn to be trained, in temporary files."""

from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

KEPT_VERSIONS = 2
"""So many versions of the best parameters are kept: those of the epochs that have been
recorded, and those of epochs that will be."""


class VectorOnDisk:
    """A vector in a file, which stands for the vector where it is copied and read.

    Parameters
    ----------
    path : path-like
        The path of the file, which is not written to again.
    """

    def __init__(self, path):
        self._path = path

    def copy(self):
        """Return itself, since nobody changes the file."""
        return self

    def __array__(self, dtype=None, copy=None):
        return np.load(self._path)


class StatesOnDisk:
    """The state of the update rule of each part of the members, and its best epochs.

    The files lie in a temporary folder, which is deleted at the end of a ``with``
    statement.

    Parameters
    ----------
    n_parts : int
        The number of parts, each of which is a single member.
    """

    def __init__(self, n_parts):
        self._directory = TemporaryDirectory(prefix="skfcnet-")
        self._folder = Path(self._directory.name)
        self._best = [deque() for _ in range(n_parts)]
        self._n_files = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._directory.cleanup()

    def with_state(self, part, optim_config):
        """Return the configuration of an update rule with the state of a part."""
        path = self._path_of_state(part)
        if not path.exists():
            return optim_config
        with np.load(path) as state:
            arrays = {name: state[name] for name in state.files}
        return optim_config | {k: a if a.ndim else a.item() for k, a in arrays.items()}

    def stored(self, part, trained):
        """Store the state and the best epoch of a part.

        Parameters
        ----------
        part : int
            The number of the part.

        trained : TrainedMembers
            The member after some epochs.

        Returns
        -------
        trained : TrainedMembers
            The same, without the state, and with the parameters of its best epoch on
            disk.
        """
        config = trained.optimizer
        state = {k: a for k, a in config.items() if isinstance(a, np.ndarray)}
        numbers = {k: a for k, a in config.items() if k not in state}
        steps = {"t": numbers["t"]} if "t" in numbers else {}
        np.savez(self._path_of_state(part), **state, **steps)
        epochs = trained.epochs
        validated = epochs[-1].validated
        if validated and validated[0].vector is not None:
            vector = self._best_on_disk(part, validated[0].vector)
            epochs = [
                epoch._replace(validated=[epoch.validated[0]._replace(vector=vector)])
                for epoch in epochs
            ]
        return trained._replace(epochs=epochs, optimizer=numbers)

    def _path_of_state(self, part):
        return self._folder / f"state-{part}.npz"

    def _best_on_disk(self, part, vector):
        path = self._folder / f"best-{self._n_files}.npy"
        self._n_files += 1
        np.save(path, vector)
        versions = self._best[part]
        versions.append(path)
        if len(versions) > KEPT_VERSIONS:
            versions.popleft().unlink()
        return VectorOnDisk(path)
