"""How much faster several jobs train the members of an ensemble.

The cross-fitted members of the default are trained by one job and by two, in processes
and in threads, in turns. What counts is the median ratio of their times within a turn.
All learn the same, to the last bit, which is checked. Processes are started before the
first turn.

    python benchmarks/jobs.py
    python benchmarks/jobs.py --jobs 8 --repeats 5
"""

import os
from functools import partial
from statistics import median

import joblib
import numpy as np
from _common import interleaved, parsed, print_header, ratio

from skfcnet import FCNetRegressor

WORK = {
    "2,000 rows, 2 x 32 units": (2000, {"hidden_layer_sizes": (32, 32)}),
    "2,000 rows, 2 x 128 units": (2000, {"hidden_layer_sizes": (128, 128)}),
    "20,000 rows, 2 x 128 units": (20_000, {"hidden_layer_sizes": (128, 128)}),
}
"""Numbers of rows, each with a network."""


def data(n_rows):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 10)).astype(np.float32)
    return X, np.sin(X @ rng.normal(size=10)) + rng.normal(size=n_rows)


def fitted(X, y, settings, *, n_jobs=1, backend="loky"):
    model = FCNetRegressor(random_state=0, n_jobs=n_jobs, **settings)
    with joblib.parallel_config(backend=backend):
        return model.fit(X, y)


def main():
    arguments = parsed(__doc__, work=WORK, jobs=os.cpu_count(), repeats=3, epochs=10)
    print_header("joblib")
    jobs = {"n_jobs": arguments.jobs}
    for name in arguments.work:
        n_rows, settings = WORK[name]
        X, y = data(n_rows)
        fit = partial(fitted, X, y, settings | {"max_iter": arguments.epochs})
        variants = {
            "1 job": fit,
            f"{arguments.jobs} processes": partial(fit, **jobs),
            f"{arguments.jobs} threads": partial(fit, **jobs, backend="threading"),
        }
        fit(**jobs)
        times, models = interleaved(variants, arguments.repeats)
        expected = models["1 job"][0].predict(X)
        print(f"\n{name}, 5 members, {arguments.epochs} epochs")
        for variant, seconds in times.items():
            assert (models[variant][0].predict(X) == expected).all()
            speed = 1 / ratio(seconds, times["1 job"])
            print(
                f"  {variant:12s} {median(seconds):6.2f} s, {speed:.2f} times as fast"
            )


if __name__ == "__main__":
    main()
