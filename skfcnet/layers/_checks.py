"""The checks before layers: arrays of floats, of shapes that fit each other.

Each check takes the name of the function that it stands before and the arguments of
that function, and returns them with integers converted to floats. See
`skfcnet._engine.arguments.checked`.
"""

from math import prod

import numpy as np
from scipy.sparse import issparse

from skfcnet._engine.arguments import as_floats, check_gradient_shape, check_shape


def check_activation(function, x):
    """Check the input of an activation, which has any shape."""
    return (as_floats(x),)


def check_affine(function, x, w, b):
    """Check the rows, weights and biases of an affine map."""
    x, w, b = _rows_of_floats(x), as_floats(w), as_floats(b)
    if w.ndim not in (2, 3):
        raise ValueError(f"{function} needs w of shape (D, M), got {w.shape}.")
    *members, n_features, n_outputs = w.shape
    if issparse(x):
        fits = x.shape[1] == prod(members) * n_features
    elif members:
        fits = x.ndim == 3 and x.shape[0] in (1, *members) and x.shape[2] == n_features
    else:
        fits = x.ndim > 0 and prod(x.shape[1:]) == n_features
    if not fits:
        raise ValueError(
            f"{function} needs rows x with the {n_features} features that w of shape "
            f"{w.shape} has rows for, got x of shape {x.shape}."
        )
    check_shape(function, "b", b, _vector_shape(members, n_outputs))
    return x, w, b


def check_scaled_affine(function, x, w, b, s):
    """Check the arguments of an affine map of scaled columns."""
    x, w, b = check_affine(function, x, w, b)
    *members, n_features, _ = w.shape
    s = as_floats(s)
    check_shape(function, "s", s, _vector_shape(members, n_features))
    return x, w, b, s


def check_scaled_affine_gradient(function, dout, cache):
    """Check the gradient with respect to the output of such an affine map."""
    affine_cache, *_ = cache
    dout, _ = check_affine_gradient(function, dout, affine_cache)
    return dout, cache


def check_affine_gradient(function, dout, cache):
    """Check the gradient with respect to the output of an affine map."""
    x, w = cache
    *members, _, n_outputs = w.shape
    n_rows = x.shape[-2] if x.ndim == w.ndim else x.shape[0]
    if issparse(x):  # The blocks of all members stand below each other.
        n_rows = x.shape[0] // prod(members)
    expected = (*members, n_rows, n_outputs)
    return check_gradient_shape(function, dout, expected), cache


def check_normalization(function, x, gamma, beta, options):
    """Check the rows, scale, shift and running statistics of a normalisation."""
    x, gamma, beta = as_floats(x), as_floats(gamma), as_floats(beta)
    if x.ndim not in (2, 3):
        raise ValueError(f"{function} needs x of shape (N, D), got {x.shape}.")
    *members, _, width = x.shape
    check_shape(function, "gamma", gamma, _vector_shape(members, width))
    check_shape(function, "beta", beta, gamma.shape)
    for name in ("running_mean", "running_var"):
        if name in options:
            check_shape(function, name, np.asarray(options[name]), gamma.shape)
    return x, gamma, beta, options


def check_dropout(function, x, options):
    """Check the input of dropout, which has any shape and may be sparse."""
    return _rows_of_floats(x), options


def check_columns(function, x, options):
    """Check the columns that a block encodes, and what it is told of its features."""
    x = _columns_of_floats(function, x)
    if "column" in options:
        column, n_columns = np.asarray(options["column"]), x.shape[-1]
        is_index = column.ndim == 1 and column.dtype.kind in "iu"
        if not (is_index and ((column >= 0) & (column < n_columns)).all()):
            raise ValueError(
                f"{function} needs column to hold indices of the {n_columns} columns "
                f"of x, got {options['column']!r}."
            )
        for name in options.keys() & {"left", "slope", "plus", "minus"}:
            check_shape(function, name, np.asarray(options[name]), column.shape)
    for name in options.keys() & {"low", "high"}:
        check_shape(function, name, np.asarray(options[name]), x.shape[-1:])
    return x, options


def check_columns_gradient(function, dout, cache):
    """Check the gradient with respect to the output of a block.

    Its cache begins with the shape of the output. Where members share the columns, they
    share the output, but each has a gradient of its own.
    """
    shape, dout = cache[0], as_floats(dout)
    if len(shape) == 3 == dout.ndim and shape[0] == 1:
        shape = (len(dout), *shape[1:])
    return check_gradient_shape(function, dout, shape), cache


def check_pbld(function, x, w, b, V, c):
    """Check the columns, frequencies, phases, weights and biases of PBLD."""
    x, (w, b, V, c) = _columns_of_floats(function, x), map(as_floats, (w, b, V, c))
    if w.ndim != x.ndim or w.shape[-2] != x.shape[-1]:
        raise ValueError(
            f"{function} needs columns x of shape (N, E) and frequencies w of shape "
            f"(E, F), got {x.shape} and {w.shape}."
        )
    n_new_columns = c.shape[-1] if c.ndim else 0
    check_shape(function, "b", b, w.shape)
    check_shape(function, "c", c, (*w.shape[:-1], n_new_columns))
    check_shape(function, "V", V, (*c.shape, w.shape[-1]))
    return x, w, b, V, c


def check_pbld_gradient(function, dout, cache):
    """Check the gradient with respect to the output of PBLD."""
    numbers, w, V, *_ = cache
    expected = (*w.shape[:-2], numbers.shape[-1], prod(V.shape[-3:-1]))
    return check_gradient_shape(function, dout, expected), cache


def check_lookup(function, x, E, o, options):
    """Check the codes of categories, and the rows that are looked up for them."""
    x, E, o = _columns_of_floats(function, x), as_floats(E), as_floats(o)
    if E.ndim != x.ndim:
        raise ValueError(
            f"{function} needs codes x of shape (N, C) and rows E of shape (R, d), got "
            f"{x.shape} and {E.shape}."
        )
    check_shape(function, "o", o, (*E.shape[:-2], x.shape[-1], E.shape[-1]))
    factor, first_row = (np.asarray(options[k]) for k in ("factor", "first_row"))
    check_shape(function, "factor", factor, E.shape[-2:-1])
    check_shape(function, "first_row", first_row, x.shape[-1:])
    ends = np.append(first_row[1:], len(factor))
    if not ((x >= 0) & (x < ends - first_row)).all():
        raise ValueError(
            f"{function} needs codes x from 0 on that are smaller than the number of "
            f"rows of their column, {(ends - first_row).tolist()}."
        )
    return x, E, o, options


def _columns_of_floats(function, x):
    x = as_floats(x)
    if x.ndim not in (2, 3):
        raise ValueError(f"{function} needs x of shape (N, E), got {x.shape}.")
    return x


def checked_mode(name, options):
    """Return the mode of a layer that does one thing in training, another in tests."""
    mode = options["mode"]
    if mode not in ("train", "test"):
        raise ValueError(f"{name}['mode'] must be 'train' or 'test', got {mode!r}.")
    return mode


def _rows_of_floats(x):
    if not issparse(x):
        return as_floats(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _vector_shape(members, width):
    """Return the shape of a vector of parameters; those of members are rows."""
    return (*members, 1, width) if members else (width,)
