"""The page of the API reference, in which tables of the package list their functions.

The page is written as ``api.rst.in``. A line ``*ACTIVATIONS`` in it stands for the
names of all functions in the table `ACTIVATIONS`: a new one needs no change there.
"""

import re
from pathlib import Path

from skfcnet.initializers import INITIALIZERS
from skfcnet.layers import ACTIVATIONS
from skfcnet.losses import LOSSES
from skfcnet.schedules import SCHEDULES
from skfcnet.update_rules import UPDATE_RULES

FUNCTIONS = {
    "ACTIVATIONS": [
        f for own in ACTIVATIONS.values() for f in (own.forward, own.backward)
    ],
    "INITIALIZERS": INITIALIZERS.values(),
    "LOSSES": [loss.function for loss in LOSSES.values()],
    "SCHEDULES": [schedule.function for schedule in SCHEDULES.values()],
    "UPDATE_RULES": UPDATE_RULES.values(),
}


def page():
    """Return the text of the page, with the names of all functions."""

    def names(line):
        indent, table = line.groups()
        return "\n".join(indent + f.__name__ for f in FUNCTIONS[table])

    source = Path(__file__).with_name("api.rst.in").read_text(encoding="utf-8")
    return re.sub(r"^( +)\*([A-Z_]+)$", names, source, flags=re.MULTILINE)
