"""Real signals at random moments: Ctrl-C in fits, and kills while files are written.

In each script, a process forks children that do the same work again and again, and
sends them a signal. What they leave behind must be whole, and no process may be left.
"""

import os
import subprocess
import sys

import pytest

pytest.importorskip("skops.io", reason="files need the extra 'files'")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals and forks")

IS_LONG = "SKFCNET_LONG_TESTS" in os.environ
N_SIGNALS = 200 if IS_LONG else 6

CHILDREN = """
import copy, os, pickle, signal, sys, time, warnings
from pathlib import Path
import numpy as np
import pandas as pd
import skfcnet
from skfcnet import FCNetClassifier, FCNetTransformer
from skfcnet.callbacks import Checkpoint

warnings.simplefilter("ignore")
case, n_signals, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
random = np.random.default_rng()
rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4))
y = (X[:, 0] * X[:, 1] > 0).astype(int)


def is_group(pid):
    '''Return whether there is a process in the group of a child.'''
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def signalled(child, number, longest=None):
    '''Run a function in a child, send it a signal, and return how it has ended.

    The signal is sent at most so many seconds after the child has told that it has
    begun, or else within the time that it takes to tell something again.
    '''
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.setpgid(0, 0)
        os.close(read)
        child(write)
        sys.exit()
    os.close(write)
    assert os.read(read, 1)
    if longest is None:
        began = time.monotonic()
        assert os.read(read, 1)
        longest = time.monotonic() - began
    time.sleep(random.uniform(0, longest))
    # A terminal sends Ctrl-C to all processes of a group.
    random.choice([os.kill, os.killpg])(pid, number)
    deadline = time.monotonic() + 600  # much later than on a busy machine
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        time.sleep(0.001)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            sys.exit(f"{case} hangs after a signal")
    while is_group(pid):
        time.sleep(0.001)
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
            sys.exit(f"{case} leaves processes behind")
    with open(read, "rb") as pipe:
        return ended[1], pipe.read()
"""

CTRL_C = """
from joblib import parallel_config
from threadpoolctl import threadpool_info

SINGLE = {"n_members": 1, "early_stopping": False, "linear_term": False}
SETTINGS = {
    "max_iter": 10,
    "batch_size": 16,
    "random_state": 0,
    "learning_rate": "constant",
}


backend = "threading"


def a_model():
    if case == "members":
        return FCNetClassifier((8,), **SETTINGS)
    if case in ("threads", "processes"):
        return FCNetClassifier((8,), **SETTINGS, n_members=2, n_jobs=2)
    return FCNetClassifier((8,), **SETTINGS, **SINGLE)


def threads():
    return [pool["num_threads"] for pool in threadpool_info()]


def work(model, done):
    if case != "partial_fit":
        # Ctrl-C in joblib may leave a pool that is closed, of which only the next
        # context makes another one.
        with parallel_config(backend=backend):
            model.fit(X, y)
        return
    for _ in range(10):
        model.partial_fit(X, y)
        done.append(1)


def check(model, done, before):
    '''Return which model is there; anything but the allowed ones is an error.'''
    assert threads() == threads_before
    net = model.estimator_ if case == "transformer" else model
    if pickle.dumps(model) == before:
        assert not done
        return b"e"
    n_epochs = net.n_iter_
    assert {len(column) for column in net.history_.values()} == {n_epochs}
    assert np.isfinite(net.predict_proba(X)).all()
    if case == "partial_fit":
        assert n_epochs - 10 in (len(done), len(done) + 1)
        for n in range(n_epochs - 10, 10):
            np.testing.assert_array_equal(net.predict_proba(X), by_epochs[n])
            net.partial_fit(X, y)
        n_epochs = 10 + len(done)
    else:
        assert not hasattr(net, "feature_names_in_")
    if case == "fit":
        best = {net.best_iteration_, n_epochs}
        found = net.predict_proba(X)
        assert any(np.array_equal(found, by_epochs[n]) for n in best)
    if case == "transformer":
        assert n_epochs == 10  # the clone that was interrupted is not taken over
    return b"n" if n_epochs == (20 if case == "partial_fit" else 10) else b"c"


earlier = a_model()
if case == "transformer":
    earlier = FCNetTransformer(earlier)
frame = pd.DataFrame(X[:, ::-1], columns=list("abcd"))
if case == "partial_fit":
    for _ in range(10):
        earlier.partial_fit(X, y, classes=[0, 1])
else:
    with parallel_config(backend=backend):
        earlier.fit(frame, y)
threads_before = threads()
began = time.monotonic()
work(copy.deepcopy(earlier), [])
longest = time.monotonic() - began
if case == "processes":
    longest = 3  # in which a child starts workers, and then has some fits
by_epochs = {}
if case == "fit":
    for n in range(1, 11):
        by_epochs[n] = a_model().set_params(max_iter=n).fit(X, y).predict_proba(X)
if case == "partial_fit":
    model = copy.deepcopy(earlier)
    for n in range(10):
        by_epochs[n] = model.predict_proba(X)
        model.partial_fit(X, y)


def comes_from_ctrl_c(error):
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def child(pipe):
    global backend
    if case == "processes":
        backend = "loky"
    model, done = copy.deepcopy(earlier), []
    before = pickle.dumps(model)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    is_interrupted = False
    try:
        try:
            os.write(pipe, b"!")
            work(model, done)
            while case == "processes":
                work(model, done)
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except Exception as error:
        # joblib may fail when it is interrupted while it starts its workers.
        if case != "processes" or not comes_from_ctrl_c(error):
            raise
        is_interrupted = True
    except KeyboardInterrupt:
        is_interrupted = True
    left = check(model, done, before)
    if is_interrupted:
        os.write(pipe, left)
    if case != "partial_fit":  # and it can be fitted again
        work(model, done)
        assert check(model, done, before) == b"n"


seen = b""
while len(seen) < n_signals:
    status, left = signalled(child, signal.SIGINT, longest)
    assert status == 0, status
    seen += left
names = ("earlier", "completed epochs", "new")
print({name: seen.count(name[:1].encode()) for name in names})
"""

KILLS = """
def leftovers():
    return [name for name in os.listdir(folder) if name.endswith(".tmp")]


def save(pipe):
    n = n_loaded
    while True:
        n += 1
        skfcnet.save([np.full(30_000, n)], path)
        os.write(pipe, b"!")


def fit(pipe):
    class Telling(Checkpoint):
        def write(self, state):
            super().write(state)
            os.write(pipe, b"!")

    FCNetClassifier(
        (64, 64), batch_size=300, max_iter=10**6, n_members=1, linear_term=False,
        early_stopping=False, learning_rate="constant", n_iter_no_change=10**6,
        learning_rate_init=1e-6, random_state=0,
    ).set_callbacks(Telling(path)).fit(X, y)


def number_in_file():
    '''Load the file, and return how often it had been written.'''
    loaded = skfcnet.load(path, mmap_mode=random.choice(["c", None]))
    if case == "fit":
        return loaded["training"].n_epochs
    (array,) = loaded
    assert (array == array[0]).all()
    return int(array[0])


path, n_loaded, n_left = folder / "model.skops", 0, []
for _ in range(n_signals):
    status, written = signalled(dict(save=save, fit=fit)[case], signal.SIGKILL)
    assert status == signal.SIGKILL, status
    n_before, n_loaded = n_loaded, number_in_file()
    # The child may have been killed before it could tell that it had written.
    assert n_loaded - n_before - 2 - len(written) in (0, 1)
    n_left.append(len(leftovers()))
assert max(n_left) <= 1, n_left
print("files written:", n_loaded, "killed while writing:", sum(n_left))
"""


def run(script, case, folder, n_signals=N_SIGNALS):
    """Run a script, and print what it prints."""
    finished = subprocess.run(
        [sys.executable, "-c", CHILDREN + script, case, str(n_signals), folder],
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    print(finished.stdout)


@pytest.mark.parametrize(
    "case", ["fit", "members", "partial_fit", "transformer", "threads", "processes"]
)
def test_after_ctrl_c_there_is_a_whole_model(case, tmp_path):
    # Workers take seconds to start.
    n_signals = 1 if case == "processes" and not IS_LONG else N_SIGNALS
    run(CTRL_C, case, tmp_path, n_signals)


@pytest.mark.parametrize("case", ["save", "fit"])
def test_after_a_kill_there_is_a_whole_file(case, tmp_path):
    run(KILLS, case, tmp_path)
