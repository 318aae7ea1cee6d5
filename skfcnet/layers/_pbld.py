"""PBLD, a trained embedding of numbers: each number becomes several.

Only weights that multiply signals, as those of other layers do, are decayed. Phases and
biases are not. Frequencies are not either: decay would draw them to zero, where a
cosine is a constant.
"""

from math import pi, sqrt
from typing import Any

import numpy as np

from skfcnet._engine.annotations import Array, Floats, Gradient
from skfcnet._engine.arguments import checked
from skfcnet._engine.parameters import ParamSpec, Zone
from skfcnet._engine.workspace import Workspace
from skfcnet.layers._checks import check_pbld, check_pbld_gradient
from skfcnet.layers._declaration import Layer

N_FREQUENCIES = 16
"""Number of cosines that a network takes of each embedded number."""

FREQUENCY_SCALE = 0.1
"""Standard deviation of the initial frequencies, in periods per unit of the number.

It is small, so that the first cosines bend gently over the range of a scaled column.
Higher frequencies are learned where they are of use.
"""

N_NEW_COLUMNS = 3
"""Number of columns that a network computes from each embedded column."""


@checked(check_pbld)
def pbld_forward(
    x: Array,
    w: Array,
    b: Array,
    V: Array,
    c: Array,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
    r"""Periodic, bias, linear, densely connected: the embedding PBLD [1]_.

    Each column is embedded in M new columns. They are an affine map of F cosines, whose
    frequencies and phases are trained:

    .. math:: e_{im} = c_{im} + \sum_f V_{imf} \cos(2 \pi (w_{if} x_i + b_{if}))

    Parameters
    ----------
    x : ndarray of shape (..., N, E)
        Columns of numbers.

    w, b : ndarray of shape (..., E, F)
        Frequencies, in periods per unit of x, and phases, in periods.

    V : ndarray of shape (..., E, M, F)
        Weights.

    c : ndarray of shape (..., E, M)
        Biases.

    out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    out : ndarray of shape (..., N, E * M)
        M columns for the first column of x, M for the second and so on.

    cache : tuple
        For `pbld_backward`.

    References
    ----------
    .. [1] Holzmüller, D., Grinsztajn, L., Steinwart, I., "Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data", NeurIPS 2024.

    Examples
    --------
    A column is embedded by one cosine of one period per unit:

    >>> import numpy as np
    >>> from skfcnet.layers import pbld_forward
    >>> x = np.array([[0.0], [0.25], [0.5]])
    >>> w, b = np.ones((1, 1)), np.zeros((1, 1))
    >>> V, c = np.ones((1, 1, 1)), np.full((1, 1), 3.0)
    >>> out, cache = pbld_forward(x, w, b, V, c)
    >>> out
    array([[4.],
           [3.],
           [2.]])
    """
    workspace = workspace or Workspace()
    n_rows, n_embedded = x.shape[-2:]
    # In all scratch arrays the rows are the last axis, because it is the longest. With
    # a one below each number, and the phase beside each frequency, the angles are a
    # product of matrices. So are the gradients of frequencies and phases.
    numbers = workspace("numbers", (*x.shape[:-2], n_embedded, 2, n_rows), x.dtype)
    numbers[..., 0, :] = x.mT
    numbers[..., 1, :] = 1
    frequencies = workspace("frequencies", (*w.shape, 2), x.dtype)
    frequencies[..., 0] = w
    frequencies[..., 1] = b
    frequencies *= 2 * pi
    angles = workspace("angles", (*w.shape, n_rows), x.dtype)
    np.matmul(frequencies, numbers, out=angles)
    cosines = np.cos(angles, out=workspace("cosines", angles.shape, x.dtype))
    embedded = workspace("embedded", (*c.shape, n_rows), x.dtype)
    np.matmul(V, cosines, out=embedded)
    embedded += c[..., np.newaxis]
    new_columns = _as_columns(embedded)
    if out is None:
        out = np.empty(new_columns.shape, x.dtype)
    out[...] = new_columns
    return out, (numbers, w, V, angles, cosines)


@checked(check_pbld_gradient)
def pbld_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None,) * 5,
    workspace: Workspace | None = None,
    need_dx: bool = True,
) -> tuple[Gradient, Floats, Floats, Floats, Floats]:
    r"""Return the gradients of the embedding PBLD.

    With the angles :math:`u_{if} = 2 \pi (w_{if} x_i + b_{if})` of each row and their
    gradients :math:`du_{if} = -\sin(u_{if}) \sum_m V_{imf} \, de_{im}`, the gradients
    with respect to the parameters are sums over the rows:

    .. math::

        dw_{if} &= 2 \pi \sum x_i \, du_{if}, \\
        db_{if} &= 2 \pi \sum du_{if}, \\
        dV_{imf} &= \sum de_{im} \cos u_{if}, \\
        dc_{im} &= \sum de_{im}

    The gradient of :math:`x_i` is :math:`2 \pi \sum_f w_{if} \, du_{if}`.

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    need_dx : bool, default=True
        Whether to compute ``dx``. In training, it is not needed.

    Returns
    -------
    dx : ndarray of shape (..., N, E), or None without ``need_dx``
        Gradient with respect to the columns; (k, N, E) of columns that members share.

    dw, db, dV, dc : ndarray
        Gradients with respect to the frequencies, phases, weights and biases.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import pbld_backward, pbld_forward
    >>> w, b = np.full((1, 1), 0.25), np.zeros((1, 1))
    >>> V, c = np.ones((1, 2, 1)), np.zeros((1, 2))
    >>> out, cache = pbld_forward(np.zeros((3, 1)), w, b, V, c)
    >>> dx, dw, db, dV, dc = pbld_backward(np.ones((3, 2)), cache)
    >>> dV.tolist()
    [[[3.0], [3.0]]]
    """
    numbers, w, V, angles, cosines = cache
    dx, dw, db, dV, dc = out
    workspace = workspace or Workspace()
    n_rows = dout.shape[-2]
    dembedded = workspace("dembedded", (*V.shape[:-1], n_rows), dout.dtype)
    _as_columns(dembedded)[...] = dout
    dc = np.sum(dembedded, axis=-1, out=dc)
    dV = np.matmul(dembedded, cosines.mT, out=dV)
    # The factors -1 and 2 pi of the derivative are applied here, because these numbers
    # are fewer than the angles.
    dembedded *= -2 * pi
    dangles = workspace("dangles", angles.shape, dout.dtype)
    np.matmul(V.mT, dembedded, out=dangles)
    dangles *= np.sin(angles, out=workspace("sines", angles.shape, dout.dtype))
    dfrequencies = workspace("dfrequencies", (*w.shape, 2), dout.dtype)
    np.matmul(dangles, numbers.mT, out=dfrequencies)
    dw = np.positive(dfrequencies[..., 0], out=dw)
    db = np.positive(dfrequencies[..., 1], out=db)
    if not need_dx:
        return None, dw, db, dV, dc
    through_cosines = np.matmul(w[..., np.newaxis, :], dangles)[..., 0, :]
    dx = np.positive(through_cosines.mT, out=dx)
    return dx, dw, db, dV, dc


def _as_columns(a: Floats) -> Array:
    """Return a view of (..., E, M, N) as columns of rows, (..., N, E * M)."""
    return a.reshape(*a.shape[:-3], -1, a.shape[-1]).mT


def _initial_frequencies(shape: tuple[int, ...], rng: Any) -> Floats:
    return FREQUENCY_SCALE * rng.standard_normal(shape)


def _initial_phases(shape: tuple[int, ...], rng: Any) -> Floats:
    return rng.uniform(-0.5, 0.5, shape)


def _initial_weights(shape: tuple[int, ...], rng: Any) -> Floats:
    """Draw from a uniform distribution by fan-in, which is the number of cosines."""
    limit = 1 / sqrt(N_FREQUENCIES)
    return rng.uniform(-limit, limit, shape)


def _pbld_specs(fan_in: int, fan_out: int) -> tuple[ParamSpec, ...]:
    cosines, embedded = (fan_in, N_FREQUENCIES), (fan_in, N_NEW_COLUMNS)
    return (
        ParamSpec("w", cosines, Zone.BIAS, _initial_frequencies),
        ParamSpec("b", cosines, Zone.BIAS, _initial_phases),
        ParamSpec("V", (*embedded, N_FREQUENCIES), Zone.WEIGHT, _initial_weights),
        ParamSpec("c", embedded, Zone.BIAS, _initial_weights),
    )


PBLD = Layer(
    pbld_forward,
    pbld_backward,
    specs=_pbld_specs,
    width=lambda n_columns: N_NEW_COLUMNS * n_columns,
    n_scratch=2 * N_FREQUENCIES // N_NEW_COLUMNS,
)
"""The declaration of this block."""
