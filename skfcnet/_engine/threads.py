"""The number of threads that BLAS uses for a training step."""

import os
from contextlib import contextmanager, nullcontext
from functools import cached_property
from threading import RLock, get_ident

from threadpoolctl import ThreadpoolController

SERIAL_FLOPS = 50_000_000
"""A step with fewer floating-point operations uses one thread.

A second one would save a tenth of the time at most, since its results lie in the cache
of another core. If other processes keep that core busy, each product waits for it:
steps of 0.2 ms took 6 ms.
"""


class _Blas:
    """Limit the BLAS libraries of this process to one thread while any fit wants it.

    The number of threads usually belongs to the whole process. If fits that overlap in
    several Python threads restored it one by one, each might restore what another had
    set. Therefore the first of them stores the number, and the last one restores it,
    unless somebody else has changed it meanwhile.
    """

    def __init__(self):
        self._lock = RLock()
        self._inside = {}  # for each active context, its Python thread
        self._before = {}  # for each library that is limited, its number of threads
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._lock.acquire,
                after_in_parent=self._lock.release,
                after_in_child=self._forget_other_threads,
            )

    @cached_property
    def _controller(self):
        # Finding the libraries takes a millisecond, and setting a number microseconds.
        # Training uses the library of NumPy, so that those loaded later do not matter.
        return ThreadpoolController().select(user_api="blas")

    def n_threads(self):
        """Return how many threads BLAS has when no fit limits them."""
        with self._lock:
            numbers = [
                self._before.get(library.filepath)
                if library.num_threads == 1
                else library.num_threads
                for library in self._controller.lib_controllers
            ]
        return max((number or 1 for number in numbers), default=1)

    @contextmanager
    def one_thread(self):
        """Limit BLAS to one thread inside the context."""
        context = object()
        try:
            try:
                self._enter(context)
                yield
            finally:
                self._leave(context)
        finally:  # Ctrl-C may have fallen into it, and left one thread for good
            self._leave(context)

    def _enter(self, context):
        with self._lock:
            self._inside[context] = get_ident()
            for library in self._controller.lib_controllers:
                if (number := library.num_threads) != 1:
                    self._before[library.filepath] = number
                library.set_num_threads(1)
            self._release()

    def _leave(self, context):
        """End a context, unless it has ended before."""
        with self._lock:
            self._inside.pop(context, None)
            self._restore()

    def _restore(self):
        """Restore the libraries that no active context limits."""
        if not self._before:
            return
        for library in self._controller.lib_controllers:
            limiting = set(self._inside.values())
            if _is_set_by_each_thread(library):
                limiting &= {get_ident()}
            if not limiting and library.num_threads == 1:
                library.set_num_threads(self._before.get(library.filepath, 1))
        if not self._inside:
            self._before.clear()
        self._release()

    def _release(self):
        # In new versions of threadpoolctl, the Python thread that sets the numbers is
        # the only one that can, until it leaves one of their contexts.
        with self._controller.limit(limits=None):
            pass

    def _forget_other_threads(self):
        """Forget the threads that a forked process does not have: all but this one."""
        here = get_ident()
        self._inside = {k: v for k, v in self._inside.items() if v == here}
        self._restore()
        self._lock.release()


def _is_set_by_each_thread(library):
    """Return whether each Python thread has its own number, as with OpenMP."""
    return library.internal_api == "openblas" and library.threading_layer == "openmp"


_BLAS = _Blas()


def step_flops(net, n_rows):
    """Return the number of floating-point operations of a step's matrix products.

    Each layer has three products: one in the forward pass, and one each for the
    gradients of the weights and of the rows. Each product has a multiplication and an
    addition for every weight and row. Members of an ensemble are multiplied one by one,
    so that the number is that of one member.

    Parameters
    ----------
    net : FullyConnectedNet
        The network.

    n_rows : int
        Number of rows of a minibatch.

    Returns
    -------
    flops : float
        The number of operations.
    """
    return 6 * n_rows * len(net.params.decayed) / net.n_members


def one_blas_thread():
    """Return a context in which BLAS uses one thread.

    A matrix product has other bits with several threads, which share out the sums.
    """
    return _BLAS.one_thread()


def blas_threads_for(flops):
    """Return a context in which BLAS uses one thread if a step is small.

    If contexts overlap in several Python threads, BLAS has one thread as long as any of
    them limits it, for large steps as well.

    Parameters
    ----------
    flops : float
        Number of floating-point operations of the step's matrix products.

    Returns
    -------
    context : context manager
        Inside it, BLAS has one thread in this process, or as many as before.
    """
    return _BLAS.one_thread() if flops < SERIAL_FLOPS else nullcontext()


def has_spare_thread(flops):
    """Return whether training leaves a thread of BLAS idle.

    That is so if BLAS has several threads and a step uses one. A process with a single
    thread, such as a worker of a search, has no spare thread.

    Parameters
    ----------
    flops : float
        Number of floating-point operations of the step's matrix products.

    Returns
    -------
    has_one : bool
        Whether there is a spare thread.
    """
    return flops < SERIAL_FLOPS and _BLAS.n_threads() > 1
