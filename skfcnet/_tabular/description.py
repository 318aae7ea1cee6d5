"""What an encoder does to each column of a table, in words."""

import numpy as np

SCALINGS_IN_WORDS = {
    "robust": "robust scaling",
    "standard": "standard scaling",
    None: "as it is",
}


def treatments(encoder):
    """Return what a fitted encoder and its blocks do to each column, in words.

    Parameters
    ----------
    encoder : Encoder
        The fitted encoder.

    Returns
    -------
    treatments : list of str
        A description for each column of the table, in its order.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.description import treatments
    >>> from skfcnet._tabular.encoder import Encoder
    >>> X = np.array([[1.0, 0.0], [2.0, 2.0], [3.0, 1.0], [np.nan, 1.0]])
    >>> encoder = Encoder(categorical_features=[1]).learn_columns(X)
    >>> encoder = encoder.fit(encoder.reader.read(X))
    >>> treatments(encoder)
    ['robust scaling, whether it is missing', '3 one-hot columns']
    """
    parts = [[] for _ in range(encoder.width)]
    for column in encoder._numeric:
        parts[column].append(SCALINGS_IN_WORDS[encoder.scaling])
    for block in encoder.blocks:
        own = encoder.sources[slice(*block.columns)]
        for column, words in zip(
            own, _BLOCKS[block.kind](block, len(own)), strict=True
        ):
            parts[column] += [words] if words else []
    return [", ".join(words) for words in parts]


def _bins(block, n_columns):
    counts = np.bincount(block.settings["column"], minlength=n_columns)
    return [f"{n} bins" if n else "" for n in counts]


def _missing(block, n_columns):
    has_missing = np.isin(np.arange(n_columns), block.settings["column"])
    return ["whether it is missing" if has else "" for has in has_missing]


def _onehot(block, n_columns):
    counts = np.bincount(block.settings["column"], minlength=n_columns)
    return [f"{n} one-hot column{'s' if n > 1 else ''}" for n in counts]


def _lookup(block, n_columns):
    ends = [*block.settings["first_row"][1:], len(block.settings["factor"])]
    # The last vector is that of the categories that did not occur in training.
    counts = np.subtract(ends, block.settings["first_row"]) - 1
    return [
        f"{n} categories as trained vectors of {block.settings['size']} numbers"
        for n in counts
    ]


_BLOCKS = {
    "linear": lambda block, n_columns: [""] * n_columns,
    "ple": _bins,
    "missing": _missing,
    "onehot": _onehot,
    "lookup": _lookup,
    "pbld": lambda block, n_columns: ["trained periodic features"] * n_columns,
}
"""For each kind of block, what it makes of its columns, in words."""
