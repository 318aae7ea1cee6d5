"""The way of a table into a network as nodes of ONNX: see `skfcnet._tabular.encoder`.

The inputs of an ONNX model are the columns of a table: one tensor of all columns, or
several tensors side by side, of one column each or more. A missing category is the
empty string in a tensor of strings, unless that is the name of a category, and NaN in a
tensor of numbers.
"""

from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from skfcnet._tabular.scaling import CLIP_LIMIT, SCALINGS
from skfcnet._tabular.values import kind_of

MISSING = ""
"""What stands for a missing value in a tensor of strings."""


class Column(NamedTuple):
    """A column of the table.

    Parameters
    ----------
    tensor : str
        The name of the input that holds it.

    index, width : int
        Which of the columns of the input it is, and how many there are.

    is_text : bool
        Whether the input holds strings.

    label : str
        What errors call the column.
    """

    tensor: str
    index: int  # type: ignore[assignment]  # it hides the method of tuples
    width: int
    is_text: bool
    label: str


def check_columns(encoder, columns):
    """Raise an error if columns do not fit an encoder, or cannot be exported.

    Parameters
    ----------
    encoder : Encoder
        The fitted encoder.

    columns : list of Column
        The columns of the table.

    Raises
    ------
    TypeError
        If a column of numbers is given as strings or the other way round.

    NotImplementedError
        If a column has categories that ONNX has no type for.
    """
    text_columns = {}
    if encoder.reader is not None:
        pairs = zip(encoder._categorical, encoder.reader.categories, strict=True)
        for j, categories in pairs:
            text_columns[j] = _are_text(categories, columns[j])
    for j, column in enumerate(columns):
        needs_text = text_columns.get(j, False)
        if needs_text not in (None, column.is_text):
            held, given = "numbers", "strings"
            if needs_text:
                held, given = given, held
            raise TypeError(
                f"{column.label} held {held} in fit, but its ONNX input is a tensor of "
                f"{given}, as are all columns of that input: give it as {held}, in an "
                f"input of its own if need be."
            )


def _are_text(categories, column):
    """Return whether categories are text, or None if there are none of any kind."""
    if not categories:
        return None
    kind = kind_of(categories[0])
    if kind not in ("text", "numbers"):
        raise NotImplementedError(
            f"{column.label} has categories that are {kind}, which ONNX has no type "
            f"for: make them text or numbers before fit."
        )
    if kind == "numbers" and len(set(map(float, categories))) < len(categories):
        raise NotImplementedError(
            f"{column.label} has categories that are equal as floats, such as integers "
            f"above 2**53: make them text before fit."
        )
    return kind == "text"


def encode(g, encoder, columns):
    """Add the nodes that make the compact table, and return it.

    Parameters
    ----------
    g : Graph
        The graph, in the dtype of the network's computation.

    encoder : Encoder
        The fitted encoder.

    columns : list of Column
        The columns of the table.

    Returns
    -------
    table : str
        The compact table.
    """
    if encoder.is_identity:
        x = _numbers(g, columns)
        return g("Where", g("IsNaN", x), 0.0, x)
    parts = []
    if encoder._numeric.size:
        numeric = [columns[j] for j in encoder._numeric]
        parts.append(_scaled(g, encoder, _numbers(g.with_dtype(np.float64), numeric)))
    for place, c in enumerate(encoder._categories.order):
        column = columns[encoder._categorical[c]]
        categories = encoder.reader.categories[c]
        encode_codes = _codes_of_text if column.is_text else _codes_of_numbers
        codes = encode_codes(
            g,
            g.columns(
                column.tensor, column.index, column.index + 1, width=column.width
            ),
            categories,
            *encoder._categories.codes_of(place, len(categories)),
        )
        parts.append(g.cast(codes))
    return parts[0] if len(parts) == 1 else g("Concat", *parts, axis=1)


def _numbers(g, columns):
    """Return columns of numbers side by side, in the dtype of the graph."""
    parts = []
    for tensor, group in groupby(columns, attrgetter("tensor")):
        group = list(group)
        indices = [column.index for column in group]
        if indices != list(range(group[0].width)):
            tensor = g("Gather", tensor, np.array(indices), axis=1)
        parts.append(g.cast(tensor))
    return parts[0] if len(parts) == 1 else g("Concat", *parts, axis=1)


def _scaled(g, encoder, numbers):
    """Return scaled numbers; NaN where they are missing and were in training, too."""
    scaler, wide = encoder._scaler, g.with_dtype(np.float64)
    x = wide("Sub", wide("Mul", numbers, 0.5), scaler.half_center)
    x = wide("Mul", x, scaler.factor)
    limit = SCALINGS[encoder.scaling].limit
    if np.isfinite(limit):
        x = _smooth_clip(g, g.cast(wide("Clip", x, -CLIP_LIMIT, CLIP_LIMIT)), limit)
    else:
        x = g.cast(x)
    replacement = np.zeros(scaler.width)
    replacement[encoder._with_missing] = np.nan
    return g("Where", g("IsNaN", numbers), replacement, x)


def _smooth_clip(g, x, limit):
    norm = g("Add", g("Div", g("Mul", x, x), limit**2), 1.0)
    return g("Clip", g("Div", x, g("Sqrt", norm)), -limit, limit)


def _codes_of_text(g, x, categories, codes, unknown, missing):
    code_of = {MISSING: missing, **dict(zip(categories, codes, strict=True))}
    return g(
        "LabelEncoder",
        x,
        op_domain="ai.onnx.ml",
        op_version=2,
        keys_strings=[*code_of],
        values_floats=[float(code) for code in code_of.values()],
        default_float=float(unknown),
    )


def _codes_of_numbers(g, x, categories, codes, unknown, missing):
    g = g.with_dtype(np.float64)
    x, keys = g.cast(x), np.array(categories, np.float64)
    find = _among_integers if (keys % 1 == 0).all() else _among_floats
    found = find(g, x, keys, codes, unknown) if keys.size else float(unknown)
    return g("Where", g("IsNaN", x), float(missing), found)


def _among_integers(g, x, keys, codes, unknown):
    whole = g.cast(x, np.int64)
    found = g(
        "LabelEncoder",
        whole,
        op_domain="ai.onnx.ml",
        op_version=2,
        keys_int64s=[int(key) for key in keys],
        values_floats=[float(code) for code in codes],
        default_float=float(unknown),
    )
    # Other numbers are not those that they are rounded to.
    return g("Where", g("Equal", g.cast(whole), x), g.cast(found), float(unknown))


def _among_floats(g, x, keys, codes, unknown):
    # There is a LabelEncoder of doubles only in versions that skl2onnx does not know.
    is_key = g.cast(g("Equal", x, keys))
    return g("Add", g("MatMul", is_key, (codes - unknown)[:, np.newaxis]), unknown)
