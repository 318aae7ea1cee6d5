"""Embeddings that are trained: each number of a row becomes several.

Conventions
-----------
They are layers and follow the conventions of `skfcnet.layers`, where they can be
imported from, too. The columns that are embedded are the first ones; whatever comes
after them is handed on as it is. An embedding adds columns and takes none away:
``out[..., :D]`` is the input, what is computed of it stands behind.

Only what multiplies signals, as the weights of other layers do, is decayed. Phases and
biases are not, nor are frequencies: a cosine of frequency zero is a constant.

`EMBEDDINGS` is the one table of them.
"""

from functools import partial
from math import pi, sqrt

import numpy as np

from skfcnet._engine.arguments import checked
from skfcnet._engine.parameters import ParamSpec, Zone
from skfcnet._engine.workspace import Workspace
from skfcnet.layers._checks import check_embedding, check_embedding_gradient
from skfcnet.layers._declaration import Layer

N_FREQUENCIES = 16
"""Cosines that `pbld_forward` takes of each number in a network."""

FREQUENCY_SCALE = 0.1
"""Standard deviation of their initial frequencies, in periods per unit of the number.

Small: the first cosines bend gently over the range of a scaled column. Higher
frequencies are learned where they are of use.
"""

N_TRAINED = 3
"""Columns that are added for each one embedded."""

TURN = 2 * pi
"""The angle of a period."""


@checked(check_embedding)
def pbld_forward(x, w, b, V, c, *, out=None, workspace=None):
    r"""Periodic, bias, linear, densely connected: the embedding PBLD [1]_.

    Each of the first E columns gets T columns of its own, a linear map of F cosines
    whose frequencies and phases are trained:

    .. math:: e_{it} = c_{it} + \sum_f V_{itf} \cos(2 \pi (w_{if} x_i + b_{if}))

    Beside them stands the row itself.

    Parameters
    ----------
    x : ndarray of shape (..., N, D)
        Rows; E <= D.

    w : ndarray of shape (..., E, F)
        Frequencies, in periods per unit of x.

    b : ndarray of shape (..., E, F)
        Phases, in periods.

    V : ndarray of shape (..., E, T, F)
        Weights.

    c : ndarray of shape (..., E, T)
        Biases.

    out : ndarray of shape (..., N, D + E * T), default=None
        Where to write the result.

    workspace : Workspace, default=None
        Lends the scratch arrays; the cache lives in them.

    Returns
    -------
    out : ndarray of shape (..., N, D + E * T)
        The D columns of x, then T for the first of them, T for the second and so on.

    cache : tuple
        For `pbld_backward`.

    References
    ----------
    .. [1] Holzmüller, D., Grinsztajn, L., Steinwart, I., "Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data", NeurIPS 2024.

    Examples
    --------
    A column with one cosine of one period per unit, and a column that is no number:

    >>> import numpy as np
    >>> from skfcnet.layers import pbld_forward
    >>> x = np.array([[0.0, 1.0], [0.25, 1.0], [0.5, 0.0]])
    >>> w, b = np.ones((1, 1)), np.zeros((1, 1))
    >>> V, c = np.ones((1, 1, 1)), np.full((1, 1), 3.0)
    >>> out, cache = pbld_forward(x, w, b, V, c)
    >>> out
    array([[0.  , 1.  , 4.  ],
           [0.25, 1.  , 3.  ],
           [0.5 , 0.  , 2.  ]])
    """
    workspace = workspace or Workspace()
    (n_rows, width), n_embedded = x.shape[-2:], w.shape[-2]
    # Rows are the last axis of all that is computed here: it is the longest one. With
    # a one below each number, and the phase beside each frequency, the angles are a
    # product of matrices, and so will be the gradients of both.
    numbers = workspace("numbers", (*x.shape[:-2], n_embedded, 2, n_rows), x.dtype)
    numbers[..., 0, :] = x[..., :n_embedded].mT
    numbers[..., 1, :] = 1
    turns = workspace("turns", (*w.shape, 2), x.dtype)
    turns[..., 0] = w
    turns[..., 1] = b
    turns *= TURN
    angles = workspace("angles", (*w.shape, n_rows), x.dtype)
    np.matmul(turns, numbers, out=angles)
    waves = np.cos(angles, out=workspace("waves", angles.shape, x.dtype))
    trained = workspace("trained", (*c.shape, n_rows), x.dtype)
    np.matmul(V, waves, out=trained)
    trained += c[..., np.newaxis]
    columns = _as_columns(trained)
    if out is None:
        shape = (*columns.shape[:-1], width + columns.shape[-1])
        out = np.empty(shape, x.dtype)
    out[..., :width] = x
    out[..., width:] = columns
    return out, (numbers, width, w, V, angles, waves)


@checked(check_embedding_gradient)
def pbld_backward(dout, cache, *, out=(None,) * 5, workspace=None, need_dx=True):
    r"""Return the gradients of the embedding PBLD.

    With :math:`u_{if} = 2 \pi (w_{if} x_i + b_{if})` for each row and
    :math:`du_{if} = -\sin(u_{if}) \sum_t V_{itf} \, de_{it}`, sums being over the rows:

    .. math:: dw_{if} = 2 \pi \sum x_i \, du_{if}, \qquad
        db_{if} = 2 \pi \sum du_{if}, \qquad
        dV_{itf} = \sum de_{it} \cos u_{if}, \qquad
        dc_{it} = \sum de_{it}

    and the gradient of :math:`x_i` is what comes from above, plus
    :math:`2 \pi \sum_f w_{if} \, du_{if}`.

    Parameters
    ----------
    dout : ndarray of shape (..., N, D + E * T)
        Gradient with respect to the output.

    cache : tuple
        From `pbld_forward`.

    out : tuple of five ndarrays, default=(None, None, None, None, None)
        Where to write ``dx`` (..., N, D), ``dw``, ``db``, ``dV`` and ``dc``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    need_dx : bool, default=True
        A network's first layer has nobody to hand ``dx`` to.

    Returns
    -------
    dx : ndarray of shape (..., N, D), or None without ``need_dx``
        Gradient with respect to the rows; (k, N, D) of rows that members share.

    dw : ndarray of shape (..., E, F)
        Gradient with respect to the frequencies.

    db : ndarray of shape (..., E, F)
        Gradient with respect to the phases.

    dV : ndarray of shape (..., E, T, F)
        Gradient with respect to the weights.

    dc : ndarray of shape (..., E, T)
        Gradient with respect to the biases.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import pbld_backward, pbld_forward
    >>> w, b = np.full((1, 1), 0.25), np.zeros((1, 1))
    >>> V, c = np.ones((1, 2, 1)), np.zeros((1, 2))
    >>> out, cache = pbld_forward(np.zeros((3, 1)), w, b, V, c)
    >>> dx, dw, db, dV, dc = pbld_backward(np.ones((3, 3)), cache)
    >>> dV.tolist()
    [[[3.0], [3.0]]]
    """
    numbers, width, w, V, angles, waves = cache
    dx, dw, db, dV, dc = out
    workspace = workspace or Workspace()
    n_rows = dout.shape[-2]
    dtrained = workspace("dtrained", (*V.shape[:-1], n_rows), dout.dtype)
    _as_columns(dtrained)[...] = dout[..., width:]
    dc = np.sum(dtrained, axis=-1, out=dc)
    dV = np.matmul(dtrained, waves.mT, out=dV)
    # The factors of the derivative go where there are fewest numbers.
    dtrained *= -TURN
    dphases = workspace("dphases", angles.shape, dout.dtype)
    np.matmul(V.mT, dtrained, out=dphases)
    dphases *= np.sin(angles, out=workspace("sines", angles.shape, dout.dtype))
    dturns = workspace("dturns", (*w.shape, 2), dout.dtype)
    np.matmul(dphases, numbers.mT, out=dturns)
    dw = np.positive(dturns[..., 0], out=dw)
    db = np.positive(dturns[..., 1], out=db)
    if not need_dx:
        return None, dw, db, dV, dc
    dx = np.positive(dout[..., :width], out=dx)
    through_waves = np.matmul(w[..., np.newaxis, :], dphases)[..., 0, :]
    dx[..., : w.shape[-2]] += through_waves.mT
    return dx, dw, db, dV, dc


def _as_columns(a):
    """Return a view of (..., E, T, N) as columns of rows, (..., N, E * T)."""
    return a.reshape(*a.shape[:-3], -1, a.shape[-1]).mT


def _drawn_frequencies(shape, rng):
    return FREQUENCY_SCALE * rng.standard_normal(shape)


def _drawn_phases(shape, rng):
    return rng.uniform(-0.5, 0.5, shape)


def _drawn_weights(shape, rng):
    """Draw from a uniform distribution by fan-in, which is the number of cosines."""
    limit = 1 / sqrt(N_FREQUENCIES)
    return rng.uniform(-limit, limit, shape)


def _pbld_specs(fan_in, fan_out):
    n_embedded = (fan_out - fan_in) // N_TRAINED
    waves, trained = (n_embedded, N_FREQUENCIES), (n_embedded, N_TRAINED)
    return (
        ParamSpec("w", waves, Zone.BIAS, _drawn_frequencies),
        ParamSpec("b", waves, Zone.BIAS, _drawn_phases),
        ParamSpec("V", (*trained, N_FREQUENCIES), Zone.WEIGHT, _drawn_weights),
        ParamSpec("c", trained, Zone.BIAS, _drawn_weights),
    )


EMBEDDINGS = {
    "pbld": Layer(pbld_forward, pbld_backward, specs=_pbld_specs),
    "pbld_input": Layer(
        pbld_forward,
        partial(pbld_backward, need_dx=False),
        specs=_pbld_specs,
        on_data=True,
    ),
}
"""Every trained embedding, by its kind of layer."""
