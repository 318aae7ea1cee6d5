"""Time of importing skfcnet, against the neural networks of scikit-learn.

Every import happens in a new process, in turns, after one turn that warms the disk. The
time is that of the import statement, without the start of Python. "skfcnet" loads what
is used when it is first used, and "estimators" uses all that `skfcnet` itself offers.
Printed are medians: milliseconds, and the ratio within a turn, how many times longer
than scikit-learn it takes.

    python benchmarks/import_time.py

takes about a minute.
"""

import subprocess
import sys
from functools import partial
from statistics import median

from _common import interleaved, parsed, print_header, ratio

STATEMENTS = {
    "sklearn": "import sklearn.neural_network",
    "skfcnet": "import skfcnet",
    "estimators": "from skfcnet import *",
}
"""What is compared, the base first."""

PROGRAM = """
from time import perf_counter
start = perf_counter()
{}
print(perf_counter() - start)
"""


def import_time(statement):
    """Return the seconds that an import takes in a new process."""
    command = [sys.executable, "-c", PROGRAM.format(statement)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(run.stdout)


def main():
    arguments = parsed(__doc__, repeats=15)
    print_header()
    imports = {
        name: partial(import_time, statement) for name, statement in STATEMENTS.items()
    }
    _, seconds = interleaved(imports, arguments.repeats + 1)
    seconds = {name: of_turns[1:] for name, of_turns in seconds.items()}
    base = seconds["sklearn"]
    for name, of_turns in seconds.items():
        print(
            f"{name:>10} {median(of_turns) * 1e3:8.1f} ms, ratio "
            f"{ratio(of_turns, base):.3f}"
        )


if __name__ == "__main__":
    main()
