"""The forward pass of a network as nodes of ONNX."""

import numpy as np

from skfcnet.onnx._layers import EXPORTS, WITHOUT_EFFECT


def check_layers(stages):
    """Raise an error if the layers of a network cannot all be exported.

    Parameters
    ----------
    stages : sequence of Stage
        The layers.

    Raises
    ------
    NotImplementedError
        If `EXPORTS` has no entry for one of them.
    """
    kinds = {layer.kind for stage in stages for layer in stage.blocks or (stage,)}
    if unknown := sorted(kinds - EXPORTS.keys() - WITHOUT_EFFECT.keys()):
        raise NotImplementedError(
            f"The layers {unknown} cannot be exported to ONNX, since "
            f"skfcnet.onnx._layers.EXPORTS has no entry for them."
        )


def forward(g, stages, params, rows):
    """Add a test-time pass, and return its output.

    Parameters
    ----------
    g : Graph
        The graph, in the dtype of the computation.

    stages : sequence of Stage
        The layers.

    params : Parameters
        The parameters of the network.

    rows : str
        The compact table.

    Returns
    -------
    out : str
        The output of the last layer, of shape (N, width), or with members
        (n_members, N, width).
    """
    params = params.converted(g.dtype)
    with_missing = rows
    if any(block.layer.takes_missing for stage in stages for block in stage.blocks):
        rows = g("Where", g("IsNaN", rows), 0.0, rows)
    x = rows
    for stage in stages:
        if stage.kind == "linear_term":
            inputs = _blocks(g, stage, params, rows, with_missing)
            x = g("Add", x, g("MatMul", inputs, params.state["V"]))
        elif stage.blocks:
            x = _blocks(g, stage, params, rows, with_missing)
        elif stage.kind not in WITHOUT_EFFECT:
            x = _layer(g, stage, params, x)
    return x


def _blocks(g, stage, params, rows, with_missing):
    """Add the blocks of a stage, side by side."""
    outputs = []
    for block in stage.blocks:
        x = with_missing if block.layer.takes_missing else rows
        start, stop = block.columns.start, block.columns.stop
        x = g.columns(x, start, stop, width=stage.fan_in)
        x = _layer(g, block, params, x)
        if stage.trained and stage.member_shape and not block.trained:
            # What members share gets their axis, like the columns beside it.
            x = g("Add", x, np.zeros((*stage.member_shape, 1, 1)))
        outputs.append(x)
    return outputs[0] if len(outputs) == 1 else g("Concat", *outputs, axis=-1)


def _layer(g, stage, params, x):
    arrays = [params[name] for name in stage.trained]
    state = {key: params.state[name] for key, name in stage.state}
    return EXPORTS[stage.kind](g, x, *arrays, **state, **stage.settings)
