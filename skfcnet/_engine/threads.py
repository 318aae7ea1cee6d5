"""How many threads of BLAS a training step is worth."""

import os
from contextlib import contextmanager, nullcontext
from functools import cached_property
from threading import RLock, get_ident

from threadpoolctl import ThreadpoolController

SERIAL_FLOPS = 50_000_000
"""Below so many floating-point operations, the products of a step use one thread.

A second one then gains a tenth at most, since what it computed lies in the cache of
another core; and where other processes keep that core busy, every meeting waits for its
turn there, which made steps of 0.2 ms take 6 ms.
"""


class _Blas:
    """The BLAS libraries of this process, with one thread while some fit wants it.

    How many threads they have is mostly one number for the whole process, so that fits
    which overlap in several threads of Python would restore what each other had set.
    They are counted instead: the first notes the number, the last restores it. A number
    that somebody else has set in the meantime is left alone.
    """

    def __init__(self):
        self._lock = RLock()
        self._inside = {}  # for every context, the thread of Python that is in it
        self._before = {}  # for every library that a context has changed, its number
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._lock.acquire,
                after_in_parent=self._lock.release,
                after_in_child=self._forget_other_threads,
            )

    @cached_property
    def _controller(self):
        # Finding the libraries takes a millisecond; setting a number, microseconds.
        # The one that training uses came with NumPy: none that comes later matters.
        return ThreadpoolController().select(user_api="blas")

    def n_threads(self):
        """Return how many threads BLAS has where no fit has limited them."""
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
        """Give BLAS one thread for the time of the context."""
        context = object()
        try:
            with self._lock:
                self._inside[context] = get_ident()
                for library in self._controller.lib_controllers:
                    if (number := library.num_threads) != 1:
                        self._before[library.filepath] = number
                    library.set_num_threads(1)
                self._release()
            yield
        finally:
            with self._lock:
                self._inside.pop(context, None)
                self._restore()

    def _restore(self):
        """Restore the libraries that no context limits any more."""
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
        # New versions of threadpoolctl let one thread of Python set the numbers, until
        # it leaves a context of theirs, and ignore all others.
        with self._controller.limit(limits=None):
            pass

    def _forget_other_threads(self):
        """In a forked process, only the thread that forked goes on."""
        here = get_ident()
        self._inside = {k: v for k, v in self._inside.items() if v == here}
        self._restore()
        self._lock.release()


def _is_set_by_each_thread(library):
    """Return whether every thread of Python has a number of its own, as with OpenMP."""
    return library.internal_api == "openblas" and library.threading_layer == "openmp"


_BLAS = _Blas()


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


def blas_threads_for(flops):
    """Return a context in which BLAS uses the threads that a step is worth.

    Where contexts overlap in several threads of Python, one thread is what all have
    for as long as any asks for it: a step that is worth more then has one as well.

    Parameters
    ----------
    flops : float
        Floating-point operations of the step's matrix products.

    Returns
    -------
    context : context manager
        For the time in it, BLAS has one thread in this process, or as many as before.
    """
    return _BLAS.one_thread() if flops < SERIAL_FLOPS else nullcontext()


def has_spare_thread(flops):
    """Return whether BLAS has more than one thread and a step is worth but one.

    A process that was given a single thread, as a worker of a search is, has none to
    spare.
    """
    return flops < SERIAL_FLOPS and _BLAS.n_threads() > 1
