"""Single values of tables and targets: missing values, numbers, and text of numbers."""

import re
from numbers import Number

import numpy as np

MISSING_VALUE_WORDS = {"", "nan", "none", "na", "n/a", "null", "<na>"}
"""Text that stands for a missing value among text of numbers, in lower case."""

NUMBER = re.compile(
    r"[+-]?(?:inf(?:inity)?|(?!0[0-9])(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)",
    re.IGNORECASE,
)
"""Text that is a number. Text with a leading zero, such as "0041", is a code."""

FORMATTED_NUMBER = re.compile(
    r"[+\u2212-]?[$\u20ac\u00a3]? ?[+\u2212-]?(?!0[0-9])[0-9]+(?:[.,' ][0-9]+)*"
    r" ?[%$\u20ac\u00a3]?"
)
"""Text that people read as a number, such as "$1,000", although Python does not."""

NUMPY_TIMES = (np.datetime64, np.timedelta64)
"""NumPy's types of dates and times, which float() converts without an error."""

MAX_NAMED = 3
"""At most so many values are named in a message."""


def is_missing(value):
    """Return whether a value is None, NaN, or a missing value of pandas."""
    if isinstance(value, Number):
        return bool(value != value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def stands_for_missing(text):
    """Return whether text stands for a missing value among text of numbers."""
    return text.strip().casefold() in MISSING_VALUE_WORDS


def kind_of(value):
    """Return the kind of a value, such that values of one kind can be compared."""
    if isinstance(value, str):
        return "text"
    is_number = isinstance(value, (Number, np.bool_))
    return "numbers" if is_number else f"values of type {type(value).__name__}"


def as_number(value):
    """Return a value, or text of a number, as a float; NaN if it is missing."""
    if is_missing(value):
        return np.nan
    if isinstance(value, str) and stands_for_missing(value):
        return np.nan
    if isinstance(value, NUMPY_TIMES):
        raise TypeError("dates and times are not numbers")
    return float(value)


def are_numbers_as_text(values):
    """Return whether all values are numbers, and at least one of them is text."""
    found = False
    for value in values:
        if isinstance(value, str):
            if NUMBER.fullmatch(value.strip()):
                found = True
            elif not stands_for_missing(value):
                return False
        elif not (isinstance(value, (Number, np.bool_)) or is_missing(value)):
            return False
    return found


def is_date_or_time(value):
    """Return whether a value is a date, a time, a difference of these, or a period."""
    methods = ("isoformat", "total_seconds", "asfreq")
    return isinstance(value, NUMPY_TIMES) or any(hasattr(value, m) for m in methods)


def shown(value):
    """Return a value with its kind, for a message."""
    what = "the text" if isinstance(value, str) else f"the {type(value).__name__}"
    return f"{what} {value!r:.60}"


def listed(values):
    """Return a list of values as text that names the first few of them."""
    named = ", ".join(f"{value!r:.60}" for value in values[:MAX_NAMED])
    n_more = len(values) - MAX_NAMED
    return f"{named} and {n_more} more" if n_more > 0 else named
