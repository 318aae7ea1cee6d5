"""Full-batch training by a quasi-Newton method, with SciPy's L-BFGS-B."""

from contextlib import suppress
from math import isfinite

import numpy as np
from scipy.optimize import minimize

from skfcnet._engine.parameters import Parameters
from skfcnet._engine.threads import blas_threads_for, step_flops
from skfcnet.solver import DivergenceError


def train_lbfgs(net, X, y, weight, *, max_iter, max_fun, tol, after_iteration):
    """Train a network by L-BFGS [1]_, on the loss of all rows at once, in place.

    Parameters
    ----------
    net : FullyConnectedNet
        A network in float64, without dropout.

    X : ndarray of shape (N, D) or CSR matrix
        Rows.

    y : ndarray
        Targets, from ``net.as_targets``.

    weight : ndarray of shape (N,) or (N, n_members), or None
        Factors of the losses of the rows, for all members or for each of them.

    max_iter, max_fun : int
        Maximum numbers of iterations, and of evaluations of the loss.

    tol : float
        Training has converged when no element of the gradient is larger.

    after_iteration : callable
        Called with the loss after each iteration; returns whether to stop.

    Returns
    -------
    converged : bool
        Whether it stopped for another reason than ``max_iter`` or ``max_fun``.

    Raises
    ------
    DivergenceError
        If the loss is not finite.

    References
    ----------
    .. [1] Byrd, R., Lu, P., Nocedal, J., Zhu, C., "A Limited Memory Algorithm for Bound
       Constrained Optimization", SIAM Journal on Scientific Computing 16, 1995.
    """
    grads = Parameters(net.params.specs, dtype=net.dtype)
    passes = net.training_passes(X, grads)
    loss = np.nan

    def evaluate(vector):
        nonlocal loss
        net.params.trainable[...] = vector
        with np.errstate(all="ignore"):
            loss = net.penalized_loss(X, y, passes, weight=weight)
        if not isfinite(loss):
            raise DivergenceError(f"the loss became {loss}")
        # These are the gradients of the sum over the members, not of their mean.
        return net.n_members * loss, grads.trainable.copy()

    def callback(vector):
        net.params.trainable[...] = vector
        net.recompute_statistics(X)
        if after_iteration(loss):
            raise StopIteration

    # Some versions of SciPy catch StopIteration, others do not.
    with blas_threads_for(step_flops(net, X.shape[0])), suppress(StopIteration):
        result = minimize(
            evaluate,
            net.params.trainable.copy(),
            jac=True,
            method="L-BFGS-B",
            callback=callback,
            options={"maxiter": max_iter, "maxfun": max_fun, "gtol": tol},
        )
        net.params.trainable[...] = result.x
        if result.nit == 0:  # the first point is a minimum: there was no callback
            callback(result.x)
        return result.status != 1
    return True
