import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, issparse
from threadpoolctl import threadpool_limits

from scaffolding import parameters_of
from skfcnet import FCNetClassifier
from skfcnet._engine import prefetch
from skfcnet._engine.prefetch import gather, is_worth_prefetching, prefetch_rows
from skfcnet._engine.workspace import Workspace
from skfcnet.network import FullyConnectedNet
from skfcnet.solver import Solver


def cut(rows, batch_size):
    return [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]


def test_gathers_rows_into_memory_that_is_lent():
    source, workspace = np.arange(12.0).reshape(4, 3), Workspace()
    out = gather(source, np.array([2, 0]), workspace, "a")
    np.testing.assert_array_equal(out, source[[2, 0]])
    assert np.shares_memory(out, workspace("a", (2, 3), np.float64))


def test_sparse_rows_stay_sparse():
    source = csr_array(np.eye(4))
    out = gather(source, np.array([2, 0]), Workspace(), "a")
    assert issparse(out)
    np.testing.assert_array_equal(out.toarray(), np.eye(4)[[2, 0]])


@given(
    n_rows=st.integers(1, 200),
    batch_size=st.integers(1, 40),
    width=st.integers(1, 3),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 9),
)
@settings(max_examples=50)
def test_what_is_gathered_ahead_are_the_minibatches_in_order(
    n_rows, batch_size, width, dtype, seed
):
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(n_rows, width)).astype(dtype)
    batches = cut(rng.permutation(n_rows), batch_size)
    ahead = prefetch_rows(source, batches, Workspace())
    for rows, x in zip(batches, ahead, strict=True):
        assert x.dtype == dtype
        np.testing.assert_array_equal(x, source[rows])


def test_it_pays_for_many_large_minibatches_of_dense_rows(monkeypatch):
    monkeypatch.setattr(prefetch, "MIN_BYTES", 10 * 3 * 8)
    source = np.ones((100, 3))
    assert is_worth_prefetching(source, cut(np.arange(100), 10))
    assert not is_worth_prefetching(source, cut(np.arange(100), 9))
    assert not is_worth_prefetching(source.astype(np.float32), cut(np.arange(100), 10))
    assert not is_worth_prefetching(source, cut(np.arange(40), 10))
    assert not is_worth_prefetching(csr_array(source), cut(np.arange(100), 10))


class Counting(FullyConnectedNet):
    """A network that notes how many threads of Python there are in its steps."""

    def backpropagate(self, x, y, passes, **options):
        vars(self).setdefault("threads", set()).add(threading.active_count())
        return super().backpropagate(x, y, passes, **options)


def solver_of(net, x=1.0):
    data = {"X_train": np.full((200, 10), x), "y_train": np.ones(200)}
    return Solver(net, data, batch_size=10, random_state=0)


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_only_a_thread_that_blas_leaves_idle_gathers_ahead(monkeypatch, n_threads):
    monkeypatch.setattr(prefetch, "MIN_BYTES", 0)
    net = Counting("regression", [20], [False], 10, 1, random_state=0)
    before = threading.active_count()
    with threadpool_limits(n_threads, "blas"):
        solver_of(net).train_epoch()
    assert net.threads == {before + n_threads - 1}
    assert threading.active_count() == before


@pytest.mark.usefixtures("two_cores")
def test_the_thread_ends_where_training_fails(monkeypatch):
    monkeypatch.setattr(prefetch, "MIN_BYTES", 0)
    net = FullyConnectedNet("regression", [20], [False], 10, 1, random_state=0)
    before = threading.active_count()
    with threadpool_limits(2, "blas"), pytest.raises(ValueError, match="diverged"):
        solver_of(net, x=1e30).train_epoch()
    assert threading.active_count() == before


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("weighted", [False, True])
def test_gathering_ahead_changes_no_bit(monkeypatch, weighted):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(301, 6)), rng.integers(3, size=301)
    weight = rng.integers(1, 4, size=301) if weighted else None
    vectors = []
    for worthwhile in (0, np.inf):
        monkeypatch.setattr(prefetch, "MIN_BYTES", worthwhile)
        model = FCNetClassifier(
            (8,), batch_size=20, dropout=0.1, max_iter=3, random_state=0
        )
        with threadpool_limits(2, "blas"):
            vectors.append(parameters_of(model.fit(X, y, weight)))
    np.testing.assert_array_equal(*vectors)
