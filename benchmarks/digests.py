"""Whether a change of the code has changed a single bit of any result.

More than a hundred small configurations are fitted, and for each one line is printed:
its name and a digest of everything that a user can see of it. That is what was learned,
the history of the fit, and predictions for new rows; seconds are left out. A
refactoring must leave every digest as it is. Take them before its first step, and
compare after each one, on the same machine: other processors round otherwise.

    python benchmarks/digests.py --write before.txt
    python benchmarks/digests.py --compare before.txt

The second command prints only the configurations whose digest has changed, and those
that are new or gone, and fails if there are any. ``--only <regular expression>``
restricts either to some names. It takes about five seconds. Neither the number of BLAS
threads nor the folder that it is started from matters. To be sure that the right code
is tested, the last line says where it was imported from.

Results are reached by the public interface alone, so that everything private may be
renamed. A public attribute that is added, too, changes the digests.
"""

import re
import sys
import warnings
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from time import perf_counter

import numpy as np
from _common import parsed
from _configurations import CONFIGURATIONS, fitted_attributes
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

import skfcnet


def digest(result):
    return sha256(b"\n".join(encoded(result))).hexdigest()[:12]


def encoded(result):
    """Yield what tells a result from others, as bytes; objects of no data have none."""
    match result:
        case np.ndarray(dtype=np.dtype(kind="O")):
            yield f"objects {result.shape}".encode()
            yield from encoded(result.ravel().tolist())
        case np.ndarray():
            yield f"{result.dtype} {result.shape}".encode()
            yield result.tobytes()
        case None | bool() | int() | float() | str() | np.generic():
            yield repr(result).encode()
        case Mapping():
            for name, value in result.items():
                if not re.search("time|seconds", name):
                    yield name.encode()
                    yield from encoded(value)
        case list() | tuple():
            yield f"{len(result)} items".encode()
            for item in result:
                yield from encoded(item)
        case BaseEstimator():
            yield from encoded(fitted_attributes(result))


def digests(pattern):
    """Yield the names of configurations and the digests of their results."""
    for name, configuration in CONFIGURATIONS.items():
        if re.search(pattern, name):
            try:
                yield name, digest(configuration())
            except Exception as error:
                error.add_note(f"This is configuration {name}.")
                raise


def read(path, pattern):
    lines = (line.split() for line in Path(path).read_text().splitlines())
    return {name: digest for name, digest in lines if re.search(pattern, name)}


def differences(before, now):
    """Return a line for every configuration that is not the same in both."""
    return [
        f"{'gone' if name not in now else 'new' if name not in before else 'changed'}  "
        f"{name}"
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    ]


def main():
    arguments = parsed(__doc__, write="", compare="", only="")
    start, now = perf_counter(), {}
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in digests(arguments.only):
            now[name] = value
            if not arguments.compare:
                print(f"{name:<32} {value}", flush=True)
    print(
        f"{len(now)} configurations of {Path(skfcnet.__file__).parent} in "
        f"{perf_counter() - start:.0f} s",
        file=sys.stderr,
    )
    if arguments.write:
        lines = [f"{name}  {value}\n" for name, value in now.items()]
        Path(arguments.write).write_text("".join(lines))
    if arguments.compare:
        changes = differences(read(arguments.compare, arguments.only), now)
        print(*changes, sep="\n", end="\n" if changes else "")
        sys.exit(bool(changes))


if __name__ == "__main__":
    main()
