"""The fit of the linear term, before the network is trained on what it leaves."""

from typing import NamedTuple

import numpy as np

from skfcnet._engine.batches import order_by_content
from skfcnet._engine.linear_models import fit_linear_models
from skfcnet._engine.passes import Passes
from skfcnet._engine.plan import linear_term, output_layer
from skfcnet._engine.statistics import exact_weights
from skfcnet._engine.threads import one_blas_thread

MAX_ROWS = 10_000
"""The maximum number of different rows that the linear term is fitted to."""

MAX_NUMBERS = 4_000_000
"""The maximum number of inputs of all these rows, so that they take little memory."""

MAX_PRODUCTS = 150_000_000
"""The maximum number of products for the scores of these rows by all models. The rows
are fewer if there are many inputs and classes."""

N_FOLDS = 5
"""The number of folds that the penalty is chosen on if members have no folds."""


class SampledRows(NamedTuple):
    """Different rows in an order by their content, so that no other order matters.

    Parameters
    ----------
    X, target : ndarray
        The encoded features and the targets of each row, as the loss expects them.

    training, held_out : ndarray of shape (n, m) and (n, k)
        The weights with which each model is fitted, and with which each of the first k
        models is judged.
    """

    X: np.ndarray
    target: np.ndarray
    training: np.ndarray
    held_out: np.ndarray


def start_linear_term(draft, rows):
    """Fit the linear term of a network that is not trained yet.

    The output layer then starts at weights of zero and at the intercepts of the linear
    models, so that the network starts as these models. If they are no better than
    constants, or not finite in the dtype of the network, it remains as it is.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator, whose network has a linear term.

    rows : Rows
        The encoded rows of the training set.
    """
    net = draft._net
    weights, biases = (net.params[name] for name in output_layer(net.stages).trained)
    model_of_member, rows = _rows_of_models(net, rows)
    if not all(w.any(axis=0).all() for w in (rows.training, rows.held_out)):
        return  # there are too few rows
    with one_blas_thread():
        passes = Passes(net.stages, net.params.converted(np.float64), mode="test")
        inputs, _ = passes.linear_term.inputs(rows.X.astype(np.float64, order="C"))
        target = net.as_targets(rows.target, n_rows=len(rows.X))
        start = biases.reshape(-1, biases.shape[-1])[0].astype(np.float64)
        candidates = [
            fit_linear_models(
                inputs,
                target,
                net.objective,
                rows.training,
                rows.held_out,
                scale=scale,
                start=start,
            )
            for scale in _scales(linear_term(net.stages), inputs, rows.training)
        ]
    candidates = [models for models in candidates if _is_finite(models, net.dtype)]
    if not candidates:
        return
    models = min(candidates, key=lambda models: models.held_out_loss)
    weights[...] = 0
    net.state["V"] = models.coef[model_of_member].reshape(net.state["V"].shape)
    biases[...] = models.intercept[model_of_member].reshape(biases.shape)


def _is_finite(models, dtype):
    """Return whether there are models, and they are finite in a dtype."""
    arrays = () if models is None else (models.coef, models.intercept)
    return bool(arrays) and all(np.isfinite(a.astype(dtype)).all() for a in arrays)


def _scales(stage, inputs, training):
    """Return the scales of the inputs: one array for each form of the numbers.

    They are the deviations of numbers, and 1 for indicators. Numbers are unclipped or
    as the network gets them; those of the other form have a scale of 0. If a few
    outliers are far from what is linear, the second form is the better one.
    """
    scales, forms = np.ones(inputs.shape[1]), {}
    start = 0
    for block in stage.blocks:
        stop = start + block.fan_out
        if block.kind in ("unclipped", "linear"):
            columns, weight = inputs[:, start:stop], training.sum(axis=1)
            mean = np.average(columns, axis=0, weights=weight)
            variance = np.average((columns - mean) ** 2, axis=0, weights=weight)
            scales[start:stop] = np.sqrt(variance)
            forms[block.kind] = slice(start, stop)
        start = stop
    if len(forms) < 2:
        return [scales]
    by_form = [scales.copy() for _ in forms]
    for own, other in zip(by_form, reversed(forms.values()), strict=True):
        own[other] = 0
    return by_form


def _rows_of_models(net, rows):
    """Return the number of each member's model, and the rows of all models.

    Members with the same training rows have the same model. If they have no rows held
    out, the last model is fitted to all rows, and those before it to all but a fold.
    """
    counts, model_of_member = rows.member_counts, [N_FOLDS] * net.n_members
    if counts is not None:
        counts, model_of_member = _different_columns(counts)
    weight = exact_weights(rows.weight, rows.n_rows)
    order, is_new = order_by_content(rows.X, rows.target, weight)
    first = np.flatnonzero(is_new)
    n_rows = min(len(first), _most_rows(net, max(model_of_member) + 1))
    # They are taken from everywhere in the order, in which similar rows may be close.
    chosen = np.arange(n_rows) * len(first) // n_rows
    sample = order[first[chosen]]

    def totals(weights):
        return np.add.reduceat(weights[order], first)[chosen]

    total = totals(weight)[:, np.newaxis]
    if counts is None:
        is_held_out = np.arange(n_rows)[:, np.newaxis] % N_FOLDS == np.arange(N_FOLDS)
        held_out = total * is_held_out
        training = np.hstack([total - held_out, total])
    else:
        training = totals(weight[:, np.newaxis] * counts)
        held_out = totals(weight[:, np.newaxis] * np.maximum(0, 1 - counts))
    if rows.cost is not None:
        cost = rows.cost[sample][:, np.newaxis]
        training, held_out = training * cost, held_out * cost
    chosen_rows = SampledRows(rows.X[sample], rows.target[sample], training, held_out)
    return model_of_member, chosen_rows


def _different_columns(a):
    """Return the columns that differ from each other, and the number of each column."""
    first = {}  # for each column, as bytes, the number of the first one like it
    of_columns = [first.setdefault(column.tobytes(), len(first)) for column in a.T]
    places = [of_columns.index(number) for number in range(len(first))]
    return a[:, places], of_columns


def _most_rows(net, n_models):
    """Return the maximum number of different rows of all models."""
    *_, n_inputs, n_scores = net.state["V"].shape
    in_time = MAX_PRODUCTS // (n_inputs * n_scores * n_models)
    return min(MAX_ROWS, max(1, min(in_time, MAX_NUMBERS // n_inputs)))
