"""Converters of the estimators, as skl2onnx calls them.

For each estimator, skl2onnx is given two functions. The first is called with all parts
of a model before any of them is converted. It says which types and shapes the outputs
have, and refuses what cannot be exported. The second adds the nodes.
"""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skfcnet._estimators.classifier import FCNetClassifier
from skfcnet._estimators.regressor import FCNetRegressor
from skfcnet._estimators.transformer import FCNetTransformer
from skfcnet.onnx._graph import Graph
from skfcnet.onnx._links import split
from skfcnet.onnx._network import check_layers, forward
from skfcnet.onnx._skl2onnx import kind_of, register, sequence_of, tensor
from skfcnet.onnx._table import Column, check_columns, encode
from skfcnet.onnx._targets import (
    EXPORTS,
    average,
    label_dtype,
    numbers,
    probabilities,
    raw_scores,
    shape_of_numbers,
    without_absent,
)

MIN_OPSET = 18
"""The first version of ONNX in which all nodes have the inputs that are used here."""

CLASSIFIER_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "raw_scores": [True, False],
    "output_class_labels": [False, True],
    "nocl": [False],
}
"""The options of skl2onnx that a classifier has, like those of scikit-learn."""


def register_all():
    """Tell skl2onnx how the estimators are converted."""
    for estimator, functions_and_options in CONVERTERS.items():
        register(estimator, *functions_and_options)


# Inputs


def _estimator_of(operator):
    """Return the fitted estimator of an operator."""
    model = operator.raw_operator
    check_is_fitted(model)
    return getattr(model, "estimator_", model)


def _columns_of(operator):
    """Return the columns of the table that the inputs of an operator hold."""
    model = operator.raw_operator
    names = list(getattr(model, "feature_names_in_", ()))
    inputs = list(operator.inputs)
    if sorted(names) == sorted(v.raw_name for v in inputs):
        inputs.sort(key=lambda v: names.index(v.raw_name))
    columns = []
    for v in inputs:
        kind = kind_of(v)
        width = _width_of(v)
        if width is None and len(inputs) == 1:
            width = model.n_features_in_
        for index in range(width or 0):
            name = names[len(columns)] if len(columns) < len(names) else None
            label = f"Column {len(columns) if name is None else repr(str(name))}"
            columns.append(Column(v.full_name, index, width, kind == "text", label))
    if len(columns) != model.n_features_in_:
        raise ValueError(
            f"{type(model).__name__} was fitted to {model.n_features_in_} columns, but "
            f"the ONNX inputs {[v.raw_name for v in inputs]} have {len(columns)}."
        )
    return columns


def _width_of(variable):
    """Return the number of columns of an input; None if it is not known."""
    shape = variable.type.shape
    if not shape:  # what some converters make
        return None
    return shape[1] if len(shape) == 2 else 0


def _dtypes(operator):
    """Return the dtype that a network computes in, and that of the outputs.

    They are those of the estimator's own predictions, which has single precision only
    where the whole table has it. Outputs are of the types that skl2onnx expects.
    """
    kinds = {kind_of(v) for v in operator.inputs}
    net = _estimator_of(operator)._net
    is_single = kinds == {"single"} and net.dtype == np.float32
    return (
        np.dtype(np.float32 if is_single else np.float64),
        np.dtype(np.float64 if "double" in kinds else np.float32),
    )


def _check(operator):
    """Refuse what cannot be exported, before there are any nodes."""
    estimator = _estimator_of(operator)
    opset = operator.target_opset
    opset = opset.get("", MIN_OPSET) if isinstance(opset, dict) else opset
    if opset < MIN_OPSET:
        raise ValueError(
            f"{type(operator.raw_operator).__name__} needs target_opset of at least "
            f"{MIN_OPSET}, got {opset}."
        )
    check_columns(estimator._encoder, _columns_of(operator))
    check_layers(estimator._net.stages)


# Outputs


def _rows(dtype, shape, operator):
    """Return the type of an output with a row for each row of the input."""
    return tensor(dtype, [operator.inputs[0].get_first_dimension(), *shape])


def _set_types_of_classifier(operator):
    _check(operator)
    label, p = operator.outputs
    target, (_, dtype) = operator.raw_operator._target, _dtypes(operator)
    type_of_labels = label_dtype(target)
    if isinstance(target.classes, list):
        _refuse_dicts(operator, "a sequence of probabilities")
        label.set_type(_rows(type_of_labels, [len(target.classes)], operator))
        p.set_type(sequence_of(_rows(dtype, [None], operator)))
        return
    if dtype == np.float64:
        _refuse_dicts(operator, "probabilities in double precision")
    shape = [target.n_classes] if target.has_several_columns else []
    label.set_type(_rows(type_of_labels, shape, operator))
    p.set_type(_rows(dtype, [target.n_classes], operator))


def _refuse_dicts(operator, what):
    """Raise an error if probabilities become dicts, by the option ``zipmap``."""
    p = operator.outputs[1]
    for other in operator.scope_inst.operators.values():
        if other.type == "SklearnZipMap" and any(v is p for v in other.inputs):
            raise ValueError(
                f"{type(operator.raw_operator).__name__} has {what} as its output here,"
                f" of which ONNX makes no dicts: pass options={{'zipmap': False}}."
            )


def _set_types_of_regressor(operator):
    _check(operator)
    shape = shape_of_numbers(operator.raw_operator._target)
    operator.outputs[0].set_type(_rows(_dtypes(operator)[1], shape, operator))


def _set_types_of_transformer(operator):
    _check(operator)
    width = operator.raw_operator._n_features_out
    operator.outputs[0].set_type(_rows(_dtypes(operator)[1], [width], operator))


# Nodes


def _add_pass(g, operator, layer=None):
    """Add the way of the table through the network, and return its last output."""
    estimator = _estimator_of(operator)
    net = estimator._net
    table = encode(g, estimator._encoder, _columns_of(operator))
    return forward(g, net.test_stages(layer), net.params, table)


def _add_scores(operator, scope, container):
    """Add the scores of the mean prediction, and return the graph in double precision.

    As in the estimators, all that follows the scores is computed in it.
    """
    dtype, _ = _dtypes(operator)
    net = operator.raw_operator._net
    scores = _add_pass(Graph(scope, container, dtype), operator)
    g = Graph(scope, container, np.float64)
    return g, average(g, net.objective, g.cast(scores), net.n_members)


def _convert_classifier(scope, operator, container):
    model, (_, dtype) = operator.raw_operator, _dtypes(operator)
    target, loss = model._target, model._net.objective
    g, scores = _add_scores(operator, scope, container)
    scores = without_absent(g, target, scores)
    label, columns = (output.full_name for output in operator.outputs)
    g("Identity", EXPORTS[type(target)].labels(g, target, scores), output=label)
    if container.get_options(model, {"raw_scores": False})["raw_scores"]:
        result = raw_scores(g, target, scores, dtype)
    else:
        result = probabilities(g, target, loss, scores, dtype)
    if isinstance(target.classes, list):
        g("SequenceConstruct", *split(g, result, target.widths), output=columns)
    else:
        g("Identity", result, output=columns)


def _convert_regressor(scope, operator, container):
    model, (_, dtype) = operator.raw_operator, _dtypes(operator)
    g, scores = _add_scores(operator, scope, container)
    y = numbers(g, model._target, model._net.objective, scores)
    g.cast(y, dtype, output=operator.outputs[0].full_name)


def _convert_transformer(scope, operator, container):
    dtype, output_dtype = _dtypes(operator)
    net, layer = _estimator_of(operator)._net, operator.raw_operator._layer
    g = Graph(scope, container, dtype)
    units = _add_pass(g, operator, layer)
    if net.member_shape:
        width = operator.raw_operator._n_features_out
        units = g("Transpose", units, perm=[1, 0, 2])
        units = g("Reshape", units, np.array([-1, width]))
    g.cast(units, output_dtype, output=operator.outputs[0].full_name)


CONVERTERS = {
    FCNetClassifier: (
        _set_types_of_classifier,
        _convert_classifier,
        CLASSIFIER_OPTIONS,
    ),
    FCNetRegressor: (_set_types_of_regressor, _convert_regressor, None),
    FCNetTransformer: (_set_types_of_transformer, _convert_transformer, None),
}
"""For each estimator: what sets its types, what adds its nodes, and its options."""
