"""The matrix with orthogonal columns, or rows, that is closest to a matrix."""

import numpy as np

POLYNOMIALS = (
    (7.711, -22.1138, 16.2487),
    (3.2153, -2.4112, 0.5013),
    (2.2183, -1.594, 0.4107),
)
"""The coefficients a, b, c of polynomials a s + b s^3 + c s^5 of a singular value s.

One after the other, they bring every s in [0.02, 1] to within 0.1 of 1, and a smaller
one closer to it. Each is the one with the least deviation from 1 over the values that
those before it can have, found by linear programming.
"""

BLOCK = 4096
"""The most rows, or columns, that are multiplied at once. A matrix with more of them
takes no memory for its result, which is written over the matrix block by block."""


def orthogonalize(x, workspace):
    r"""Compute the orthogonal polar factor of matrices, roughly.

    With the singular value decomposition :math:`x = U S V^T`, it is :math:`U V^T`.
    Polynomials of x bring all its singular values close to 1 by products of matrices
    alone [1]_, [2]_. They are evaluated for the smaller one of :math:`x x^T` and
    :math:`x^T x`, so that only the first and the last product have the size of x.

    Parameters
    ----------
    x : ndarray of shape (..., M, N)
        The matrices. Large ones are overwritten.

    workspace : Workspace
        Lends the arrays for the result and for intermediate results.

    Returns
    -------
    out : ndarray of the shape of ``x``
        The result, in the workspace or in ``x``. Its singular values are close to 1,
        and 0 for those of ``x`` that are 0.

    References
    ----------
    .. [1] Björck, Å., Bowie, C., "An Iterative Algorithm for Computing the Best
       Estimate of an Orthogonal Matrix", SIAM Journal on Numerical Analysis 8, 1971.

    .. [2] Amsel, N., Persson, D., Musco, C., Gower, R., "The Polar Express: Optimal
       Matrix Sign Methods and Their Application to the Muon Algorithm", 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._engine.orthogonal import orthogonalize
    >>> from skfcnet._engine.workspace import Workspace
    >>> x = np.array([[3.0, 0.0], [0.0, -0.2], [0.0, 0.0]])
    >>> orthogonalize(x, Workspace()).round(1) + 0.0
    array([[ 0.9,  0. ],
           [ 0. , -0.9],
           [ 0. ,  0. ]])
    """
    transposed = x.swapaxes(-1, -2)
    is_tall = x.shape[-2] > x.shape[-1]
    n = min(x.shape[-2:])
    gram = workspace("gram", (*x.shape[:-2], n, n), x.dtype)
    np.matmul(*((transposed, x) if is_tall else (x, transposed)), out=gram)
    factor = _polar_factor(gram, workspace)
    # The factor is symmetric, so that a wide matrix is treated as a tall one.
    tall = x if is_tall else transposed
    if tall.shape[-2] <= BLOCK:
        out = workspace("out", x.shape, x.dtype)
        return np.matmul(*((x, factor) if is_tall else (factor, x)), out=out)
    for start in range(0, tall.shape[-2], BLOCK):
        block = tall[..., start : start + BLOCK, :]
        out = workspace("out", block.shape, x.dtype)
        block[...] = np.matmul(block, factor, out=out)
    return x


def _polar_factor(gram, workspace):
    """Return what makes a matrix orthogonal, given its product with itself.

    Under all polynomials the product keeps its eigenvectors, so that the matrices
    commute. The product is overwritten.
    """
    names = "square", "step", "factor", "next"
    square, step, factor, following = (
        workspace(name, gram.shape, gram.dtype) for name in names
    )
    squares = np.trace(gram, axis1=-2, axis2=-1)[..., np.newaxis, np.newaxis]
    scale = 1 / np.maximum(squares, np.finfo(gram.dtype).tiny)
    gram *= scale  # the singular values are at most 1 now
    for i, (a, b, c) in enumerate(POLYNOMIALS):
        np.matmul(gram, gram, out=square)
        square *= c
        np.multiply(gram, b, out=step)
        step += square
        diagonal = np.einsum("...ii->...i", step)
        diagonal += a
        if i == 0:
            np.multiply(step, np.sqrt(scale), out=factor)
        else:
            factor, following = np.matmul(factor, step, out=following), factor
        if i < len(POLYNOMIALS) - 1:
            np.matmul(step, step, out=square)
            gram, following = np.matmul(gram, square, out=following), gram
    return factor
