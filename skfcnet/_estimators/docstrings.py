"""Docstrings that name the entries of tables, and so need no change with a new entry.

A docstring says ``{*ACTIVATIONS}``, as Python would write the set of all names in
`skfcnet.layers.ACTIVATIONS`. The decorator writes the names there.
"""

import re


def with_names_of(**tables):
    """Replace each ``*TABLE`` in the docstring of a class by the names in the table.

    Parameters
    ----------
    **tables : Mapping of str to object
        The tables, by the names that the docstring has for them.

    Returns
    -------
    decorate : callable
        A decorator of a class.

    Examples
    --------
    >>> from skfcnet._estimators.docstrings import with_names_of
    >>> @with_names_of(COLOURS={"red": 0, "blue": 1})
    ... class Brush:
    ...     "Paint in one of {*COLOURS, 'auto'}."
    >>> Brush.__doc__
    "Paint in one of {'red', 'blue', 'auto'}."
    """

    def names(match):
        return ", ".join(map(repr, tables[match[1]]))

    def decorate(cls):
        if cls.__doc__ is not None:  # Python removes docstrings if asked to.
            cls.__doc__ = re.sub(r"(?<=[{ ])\*([A-Z_]+)", names, cls.__doc__)
        return cls

    return decorate
