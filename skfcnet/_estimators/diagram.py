"""The diagram of a fitted network, below the HTML representation of its estimator."""

from html import escape

from skfcnet._engine.plan import AFFINE_KINDS, linear_term, output_layer
from skfcnet._tabular.description import treatments

MOST_NAMES = 12
"""So many columns that are treated alike are named; of more, the first ones."""

FIRST_OF_A_BOX = (*AFFINE_KINDS, "blocks", "linear_term")
"""The kinds of stages with which a new box begins."""

# Gray lines and the color of the surrounding text are readable in light and dark mode.
STYLE = """
.skfcnet-network { margin: 0.5em 0; font-size: 0.9em; color: inherit; }
.skfcnet-network summary { cursor: pointer; }
.skfcnet-network ol { display: flex; flex-wrap: wrap; align-items: center;
  list-style: none; margin: 0.5em 0; padding: 0; gap: 0.4em 0; }
.skfcnet-network li { display: flex; align-items: center; margin: 0; padding: 0; }
.skfcnet-network li + li::before { content: "\\2192"; padding: 0 0.5em; }
.skfcnet-network li > div { border: 1px solid rgba(128, 128, 128, 0.7);
  border-radius: 0.4em; padding: 0.4em 0.7em; text-align: center;
  background: rgba(128, 128, 128, 0.1); }
.skfcnet-network li.added::before { content: "+"; }
.skfcnet-network li small { display: block; opacity: 0.8; }
.skfcnet-network table { border-collapse: collapse; color: inherit;
  font-size: inherit; }
.skfcnet-network th, .skfcnet-network td { padding: 0.2em 0.8em 0.2em 0;
  text-align: left; vertical-align: top; }
.skfcnet-network thead th { border-bottom: 1px solid rgba(128, 128, 128, 0.7); }
"""


class NetworkDiagram:
    """Mixin that shows the network below the HTML representation of scikit-learn.

    There are the layers with their widths and numbers of parameters, and what happens
    to which column. Notebooks call one of the two methods; scikit-learn's setting
    ``display="text"`` turns both off.
    """

    @property
    def _repr_html_(self):
        html = super()._repr_html_  # an AttributeError if it is turned off
        return lambda: html() + network_diagram(self)

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += network_diagram(self)
        return bundle


def network_diagram(estimator):
    """Return the diagram of the network of an estimator as HTML.

    Parameters
    ----------
    estimator : FCNetClassifier or FCNetRegressor
        The estimator.

    Returns
    -------
    html : str
        The diagram; empty if the estimator is not fitted.
    """
    if not estimator.__sklearn_is_fitted__():
        return ""
    net = estimator._net
    arrays = [*net.params.values(), *_arrays_of(net, linear_term(net.stages))]
    members = f"{net.n_members} members of " if net.n_members > 1 else ""
    items = "".join(_boxes(estimator))
    return (
        f'<style>{STYLE}</style><details class="skfcnet-network" open>'
        f"<summary>Network: {members}{_size(net, arrays)}</summary>"
        f"<ol>{items}</ol>{_table(estimator)}</details>"
    )


def _boxes(estimator):
    """Yield the boxes: the columns, the features, and every layer."""
    net = estimator._net
    output, term = output_layer(net.stages), linear_term(net.stages)
    yield _box("Input", [_count(estimator.n_features_in_, "column")])
    for group in _groups(net.stages):
        first = group[0]
        is_layer = first.kind in AFFINE_KINDS
        lines = [_count(first.fan_out, "unit" if is_layer else "feature")]
        if first.kind == "scaled_affine":
            lines.append("learned scales of the features")
        lines += [_words(stage) for stage in group if stage.kind not in FIRST_OF_A_BOX]
        arrays = [array for stage in group for array in _arrays_of(net, stage)]
        if arrays:
            lines.append(_size(net, arrays))
        if first is term:
            yield _box("Linear term", lines[1:], kind="added")
        elif first is output:
            yield _box("Output", [lines[0], estimator.out_activation_, *lines[1:]])
        elif is_layer:
            number = first.name.removeprefix(first.kind)
            yield _box(f"Hidden layer {number}", lines)
        else:
            yield _box("Features", lines)


def _arrays_of(net, stage):
    """Return the arrays that are learned, by gradients or as a linear term."""
    if stage is None:
        return []
    if stage is linear_term(net.stages):
        return [net.state[name] for _, name in stage.state]
    return [net.params[name] for name in stage.trained]


def _size(net, arrays):
    """Return in words how many parameters a member has in some arrays."""
    n_parameters = sum(array.size for array in arrays) // net.n_members
    return _count(n_parameters, "parameter")


def _groups(stages):
    """Return the stages in groups, one for each box."""
    groups = []
    for stage in stages:
        if not groups or stage.kind in FIRST_OF_A_BOX:
            groups.append([])
        groups[-1].append(stage)
    return groups


def _words(stage):
    rate = stage.settings.get("p")
    return stage.kind if rate is None else f"{stage.kind} {rate:.3g}"


def _box(title, lines, *, kind="layer"):
    small = "".join(f"<small>{escape(line)}</small>" for line in lines)
    return f'<li class="{kind}"><div><b>{title}</b>{small}</div></li>'


def _table(estimator):
    """Return a table of what happens to the columns, with those alike in one row."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = [f"x{j}" for j in range(estimator.n_features_in_)]
    columns = {}
    for name, words in zip(names, treatments(estimator._encoder), strict=True):
        columns.setdefault(words, []).append(str(name))
    rows = "".join(
        f"<tr><td>{escape(_enumerated(alike))}</td><td>{escape(words)}</td></tr>"
        for words, alike in columns.items()
    )
    return (
        "<table><thead><tr><th>Columns</th><th>What happens to them</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _enumerated(names):
    """Return names as text, without those that are too many."""
    n_more = len(names) - MOST_NAMES
    text = ", ".join(names[:MOST_NAMES])
    return f"{text} and {n_more:,} more" if n_more > 0 else text


def _count(number, noun):
    return f"{number:,} {noun}" + "s" * (number != 1)
