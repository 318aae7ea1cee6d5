"""Whether two commits of the package compute the same, but for rounding.

After 50 minibatches of 128 rows, the predictions of the default estimators for other
rows are compared on every table of _tables.py: the largest difference as a share of
their standard deviation, in float32 and in float64. Then, on some of the tables, the
errors of whole fits are compared over several seeds.

    SKFCNET_DATA=<folder> python benchmarks/same_mathematics.py --before <commit>

compares a commit with the files as they are, or with the commit ``--after``. Each is
run in processes of its own, by the scripts as they are. ``--data`` names the tables of
the first comparison. It takes about ten minutes, most of it for the whole fits;
``--short`` leaves these out.

The minibatches depend on the order of the rows, for which the package takes a hash of
the encoded rows. A commit that encodes them in another way has others. Therefore, in
the first comparison, `skfcnet._engine.batches.order_by_content` is replaced: the rows
keep the order in which they are given, so that all see the same minibatches. Columns of
more than 255 categories, which were refused once, are left out.

Beside the differences stands how far the predictions in float32 are from those in
float64, with one and the same commit: this is how much rounding grows in 50 steps.
"""

import os
import subprocess
import sys
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tarfile import TarFile
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from _common import parsed, print_header
from _tables import DATA

LIMITS = {"float32": 1e-4, "float64": 1e-9}
"""How large differences may be, as shares of the standard deviation."""

OF_WHOLE_FITS = [
    *("ames", "bikeshare", "communities", "diamonds", "sacramento"),
    *("credit_data", "hpc", "magic", "satimage", "splice"),
]
"""Tables on which whole fits are compared."""

STANDARD_ERRORS = 3
"""By how many of them the mean errors over the seeds may differ."""

HERE = Path(__file__).parent


@contextmanager
def files_of(commit):
    """Give the folder of the package as it was in a commit; of none, as it is."""
    if not commit:
        yield HERE.parent
        return
    archive = ["git", "-C", HERE.parent, "archive", commit, "skfcnet"]
    content = subprocess.run(archive, check=True, stdout=subprocess.PIPE).stdout
    with TemporaryDirectory() as folder:
        TarFile(fileobj=BytesIO(content)).extractall(folder, filter="data")
        yield folder


def results(folder, kind, names):
    """Return what the package in a folder computes, for each data set."""
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / "results.npz"
        subprocess.run(
            [sys.executable, HERE / "_of_one_commit.py", kind, path, *names],
            check=True,
            env=os.environ | {"PYTHONPATH": str(folder)},
        )
        return dict(np.load(path))


def distance(a, b):
    """Return the largest difference, as a share of the standard deviation."""
    return np.abs(a - b).max() / np.std(a)


def compare_predictions(before, after, names):
    """Print how far the predictions of two folders are from each other."""
    of_before, of_after = (
        {kind: results(folder, kind, names) for kind in LIMITS}
        for folder in (before, after)
    )
    table = pd.DataFrame(
        {
            kind: {
                name: distance(of_before[kind][name], of_after[kind][name])
                for name in names
            }
            for kind in LIMITS
        }
    )
    table["rounding"] = {
        name: distance(of_before["float64"][name], of_before["float32"][name])
        for name in names
    }
    print(table.to_string(float_format="{:.1e}".format))
    for kind, limit in LIMITS.items():
        n_within = (table[kind] <= limit).sum()
        print(f"{kind}: within {limit:g} on {n_within} of {len(table)}")


def compare_errors(before, after, names):
    """Print how far the errors of whole fits are from each other."""
    pairs = [results(folder, "errors", names) for folder in (before, after)]
    rows = {}
    for name in names:
        a, b = (errors[name] for errors in pairs)
        chance = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
        difference = b.mean() - a.mean()
        rows[name] = {
            "before": a.mean(),
            "after": b.mean(),
            "difference": difference,
            "standard error": chance,
            "agree": abs(difference) <= STANDARD_ERRORS * chance,
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    print(table.round(4).to_string())
    print(f"whole fits: agree on {table['agree'].sum()} of {len(table)}")


def main():
    arguments = parsed(__doc__, before="HEAD", after="", data=(), short=False)
    print_header("pandas")
    with files_of(arguments.before) as before, files_of(arguments.after) as after:
        compare_predictions(before, after, arguments.data or [*DATA])
        if not arguments.short:
            compare_errors(before, after, OF_WHOLE_FITS)


if __name__ == "__main__":
    main()
