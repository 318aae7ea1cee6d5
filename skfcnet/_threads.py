"""How many threads of BLAS a training step is worth."""

from contextlib import nullcontext
from functools import cache

from threadpoolctl import ThreadpoolController

SERIAL_FLOPS = 50_000_000
"""Below so many floating-point operations, the products of a step use one thread.

A second one then gains a tenth at most, since what it computed lies in the cache of
another core; and where other processes keep that core busy, every meeting waits for its
turn there, which made steps of 0.2 ms take 6 ms.
"""


@cache
def _blas():
    # Finding the libraries takes a millisecond; setting their threads, microseconds.
    return ThreadpoolController().select(user_api="blas")


def step_flops(net, n_rows):
    """Return the floating-point operations of the products of a training step.

    Forward, and back to the weights and to the rows: three products of a layer, each
    with a multiplication and an addition. Members of an ensemble have products of their
    own: it is those of one.

    Parameters
    ----------
    net : FullyConnectedNet
        What is trained.

    n_rows : int
        Rows of its minibatches.

    Returns
    -------
    flops : float
        How many.
    """
    return 6 * n_rows * len(net.params.decayed) / net.n_members


def threads_for(flops):
    """Return a context in which BLAS uses the threads that a step is worth.

    Parameters
    ----------
    flops : float
        Floating-point operations of the step's matrix products.

    Returns
    -------
    context : context manager
        For the time in it, BLAS has one thread in this process, or as many as before.
    """
    return _blas().limit(limits=1) if flops < SERIAL_FLOPS else nullcontext()


def spares_a_thread(flops):
    """Return whether BLAS has more than one thread and a step is worth but one.

    A process that was given a single thread, as a worker of a search is, has none to
    spare.
    """
    return flops < SERIAL_FLOPS and any(
        pool["num_threads"] > 1 for pool in _blas().info()
    )
