"""Whether thousands of random fits in one process leave anything behind, or surprise.

Each round draws an estimator, parameters, a table, a target and weights from
``tests/random_data.py``, fits, continues, predicts, saves and loads. A ``TypeError`` or
``ValueError`` is an answer, since bad combinations are drawn, too; any other exception,
and any warning that is not for users, is a surprise.

    python benchmarks/soak.py --minutes 30
    python benchmarks/soak.py --seed 1234

The first prints ten times, after a warm-up, how many rounds there were and what the
process holds: memory, objects that the garbage collector tracks, threads and open
files. It fails if these have grown from the first line to the last, or if there were
surprises, each of which is printed with its seed. The second repeats one round and
raises what it meets. Linux only.
"""

import gc
import os
import pickle
import sys
import traceback
import warnings
from collections import Counter
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import NamedTuple

import numpy as np
from _common import parsed, print_header

import skfcnet
from skfcnet import FCNetClassifier, FCNetRegressor, FCNetTransformer

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from random_data import (
    COLUMNS,
    CONTAINERS,
    LABELS,
    NUMBERS,
    OF_CLASSIFIERS,
    OF_REGRESSORS,
    OF_VALIDATION,
    ROWS_SEEN,
    SHARED,
    SHORT,
    WEIGHTS,
    random_data,
    rows_seen,
)

WARM_UP, LINES = 0.1, 10
"""The share of the time before the first measurement, and how many there are after."""

MAX_GROWTH_MB, MAX_GROWTH_OBJECTS = 24, 1_000
"""By how much memory may grow, which the allocator takes in pieces, and by how many the
objects, since caches fill."""

TRUSTED = [f"{rows_seen.__module__}.{rows_seen.__name__}"]


class Holdings(NamedTuple):
    """What this process holds."""

    megabytes: float
    objects: int
    threads: int
    files: int

    @classmethod
    def now(cls):
        ROWS_SEEN.clear()
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        megabytes = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
        n_threads, n_files = (
            len(os.listdir(f"/proc/self/{kind}")) for kind in ("task", "fd")
        )
        return cls(megabytes, len(gc.get_objects()), n_threads, n_files)

    def has_outgrown(self, first):
        return (
            self.megabytes > first.megabytes + MAX_GROWTH_MB
            or self.objects > first.objects + MAX_GROWTH_OBJECTS
            or self.threads > first.threads
            or self.files > first.files
        )


def some(rng, values):
    return values[rng.integers(len(values))]


def random_estimator(rng):
    """Return an estimator with random parameters, and the targets that it can have."""
    is_classifier = rng.random() < 0.5
    kind = FCNetClassifier if is_classifier else FCNetRegressor
    own = OF_CLASSIFIERS if is_classifier else OF_REGRESSORS
    free = {**SHARED, **OF_VALIDATION, **own}
    chosen = rng.permutation(list(free))[: rng.integers(len(free))]
    values = SHORT | {name: free[name] for name in chosen}
    parameters = {name: some(rng, of_it) for name, of_it in values.items()}
    return kind(**parameters), LABELS if is_classifier else NUMBERS


def play(seed, done, folder):
    """Play the round of a seed, and count in `done` what has been done."""
    rng = np.random.default_rng(seed)
    model, targets = random_estimator(rng)
    data = random_data(
        rng,
        rng.integers(1, 200),
        kinds=[some(rng, [*COLUMNS]) for _ in range(rng.integers(1, 5))],
        container=some(rng, [*CONTAINERS]),
        target=some(rng, [*targets]),
        weight=some(rng, [*WEIGHTS]),
        loss=getattr(model, "loss", None),
    )
    X = data.X
    model.fit(X, data.y, data.weight)
    done["fits"] += 1
    model.predict(X)
    done["predictions"] += 1
    if model.solver != "lbfgs":
        model.partial_fit(X, data.y, data.weight)
        done["continued fits"] += 1
    path = folder / "model.skops"
    skfcnet.save(model, path)
    loaded = skfcnet.load(path, trusted=TRUSTED)
    done["files saved and loaded"] += 1
    for restored in (loaded, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(restored.predict(X), model.predict(X))
        done["predictions"] += 2
    if len(model.coefs_) > 1:
        FCNetTransformer(model, prefit=True).fit(X).transform(X)
        done["transforms"] += 1


def surprise(seed, done, folder):
    """Play a round; return the description of what was not expected, or None."""
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(StringIO()):
        warnings.simplefilter("always")
        try:
            play(seed, done, folder)
        except (TypeError, ValueError):
            done["refused with an error"] += 1
        except Exception:
            return f"seed {seed}: {traceback.format_exc()}"
    unexpected = [w for w in caught if not issubclass(w.category, UserWarning)]
    return f"seed {seed}: {unexpected[0]}" if unexpected else None


def soak(minutes, first_seed):
    """Play rounds for so many minutes; return whether all was as it should be."""
    done, surprises, seed, first = Counter(), [], first_seed, None
    start = monotonic()
    print(f"{'minute':>6} {'rounds':>7} {'MB':>7} {'objects':>8} threads files")
    with TemporaryDirectory() as folder:
        for line in range(LINES + 1):
            share = WARM_UP + (1 - WARM_UP) * line / LINES
            while monotonic() - start < 60 * minutes * share:
                if (found := surprise(seed, done, Path(folder))) is not None:
                    surprises.append(found)
                    print(found)
                seed += 1
            holdings = Holdings.now()
            first = first or holdings
            print(
                f"{(monotonic() - start) / 60:6.1f} {seed - first_seed:7} "
                f"{holdings.megabytes:7.1f} {holdings.objects:8} "
                f"{holdings.threads:7} {holdings.files:5}",
                flush=True,
            )
    print(", ".join(f"{n} {what}" for what, n in sorted(done.items())))
    has_grown = holdings.has_outgrown(first)
    print(f"{len(surprises)} surprises, {'growth' if has_grown else 'no growth'}")
    return not (surprises or has_grown)


def main():
    arguments = parsed(__doc__, minutes=30, seed=-1, first=0)
    print_header("skops")
    if arguments.seed >= 0:
        warnings.simplefilter("always")
        with TemporaryDirectory() as folder:
            play(arguments.seed, Counter(), Path(folder))
    elif not soak(arguments.minutes, arguments.first):
        sys.exit(1)


if __name__ == "__main__":
    main()
