"""Configuration of Sphinx: `sphinx-build -b html docs docs/_build/html`."""

import inspect
import re
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import walk_packages

from sphinx_gallery.sorting import ExplicitOrder

import skfcnet
from skfcnet._estimators.optimization import SOLVERS
from skfcnet.initializers import INITIALIZERS
from skfcnet.layers import ACTIVATIONS, LAYERS, NORMALIZATIONS
from skfcnet.losses import LINKS, LOSSES
from skfcnet.schedules import SCHEDULES
from skfcnet.update_rules import UPDATE_RULES

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import reference  # noqa: E402 - it stands beside this file

project = "skfcnet"
author = "The skfcnet developers"
project_copyright = author
release = version = skfcnet.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "api/*.md"]
templates_path = ["_templates"]
default_role = "py:obj"

# What the pages refer to elsewhere is listed here, so that a build needs no network.
intersphinx_mapping = {
    name: (url, f"inventories/{name}.txt")
    for name, url in (
        ("joblib", "https://joblib.readthedocs.io/en/stable/"),
        ("numpy", "https://numpy.org/doc/stable/"),
        ("python", "https://docs.python.org/3/"),
        ("scikit-learn", "https://scikit-learn.org/stable/"),
    )
}

numpydoc_show_class_members = False
autodoc_typehints = "none"  # the descriptions of parameters say more
copybutton_exclude = ".linenos, .gp, .go"

html_title = project
html_theme = "pydata_sphinx_theme"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}
html_show_sourcelink = False
html_sidebars = {"changelog": [], "get_started": []}  # they have no section to navigate
html_static_path = ["_static"]
html_css_files = ["skfcnet.css"]

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": ExplicitOrder(
        [
            "plot_quick_start.py",
            "plot_mnist_solver.py",
            "plot_mnist_pipeline.py",
            "plot_california_housing.py",
            "plot_categories.py",
            "plot_embedding.py",
            "plot_input_gradients.py",
            "plot_shap.py",
            "*",
            "plot_partial_fit.py",
            "plot_parquet.py",
            "plot_grid_search.py",
            "plot_dask_search.py",
            "plot_onnx.py",
        ]
    ),
    "capture_repr": (),
    "backreferences_dir": "gen_modules",
    "doc_module": ("skfcnet",),
    "reference_url": {"skfcnet": None},
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
}


def summary_of(function):
    """Return the first line of a docstring, without its references."""
    first_line = inspect.getdoc(function).partition("\n")[0]
    return re.sub(r"(, in the form of)? \[\d+\]_", "", first_line)


def link_to(function, name=None):
    """Return a link to the reference of a function, with its own or another name."""
    address = f"{function.__module__.partition('._')[0]}.{function.__name__}"
    return f":func:`{name} <{address}>`" if name else f":func:`~{address}`"


def literal_of(value):
    """Return a value in the typeface of code."""
    return f"``{value}``"


def literals_of(values, before=""):
    """Return some values, after a text that is left out if there are none."""
    return before + ", ".join(map(literal_of, values)) if values else ""


def defaults_of(declared):
    """Return the numbers of a loss or an update rule, with their defaults."""
    return [f"{name}={default}" for name, default in declared.defaults.items()]


def write(path, text):
    """Write a file, unless it is there already."""
    path = HERE / path
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_table(name, header, rows):
    """Write a table for ``include`` directives."""
    text = ".. list-table::\n   :header-rows: 1\n\n"
    for first, *others in (header, *rows):
        text += f"   * - {first}\n" + "".join(f"     - {cell}\n" for cell in others)
    write(f"api/generated/{name}.inc", text)


def modules_of(package):
    """Yield the name of every module of a package, and its summary."""
    for module in sorted(
        walk_packages(package.__path__, f"{package.__name__}."),
        key=lambda module: module.name,
    ):
        if module.name != "skfcnet.callbacks" or find_spec("sklearn.callback"):
            yield module.name, summary_of(import_module(module.name))


write("api.rst", reference.page())
write_table(
    "modules",
    ("Module", "What it is"),
    [(literal_of(name), summary) for name, summary in modules_of(skfcnet)],
)
CHOICES = {
    "activations": ACTIVATIONS,
    "normalizations": {name: LAYERS[kind] for name, kind in NORMALIZATIONS.items()},
}
for name, layers in CHOICES.items():
    write_table(
        name,
        ("Name", "Forward and backward pass", "What it is"),
        [
            (
                literal_of(kind),
                f"{link_to(layer.forward)}, {link_to(layer.backward)}",
                summary_of(layer.forward),
            )
            for kind, layer in layers.items()
        ],
    )
write_table(
    "initializers",
    ("Name", "What it is"),
    [
        (link_to(function, name), summary_of(function))
        for name, function in INITIALIZERS.items()
    ],
)
write_table(
    "losses",
    ("Name", "Targets", "What it is, and its parameters"),
    [
        (
            link_to(loss.function, name),
            loss.domain.requirement,
            summary_of(loss.function) + literals_of(defaults_of(loss), " Parameters: "),
        )
        for name, loss in LOSSES.items()
    ],
)
write_table(
    "links",
    ("Name", "Inverse link", "What it is, and the parameters of the loss"),
    [
        (
            literal_of(name),
            literal_of(link.name),
            summary_of(type(link)) + literals_of(link.parameters, " Parameters: "),
        )
        for name, link in LINKS.items()
    ],
)
write_table(
    "update_rules",
    ("Rule", "What it is", "Numbers and their defaults; arrays"),
    [
        (
            link_to(rule),
            summary_of(rule),
            literals_of(defaults_of(rule)) + literals_of(rule.slots, "; arrays: "),
        )
        for rule in UPDATE_RULES.values()
    ],
)
write_table(
    "schedules",
    ("Name", "What it is", "Depends on the number of steps"),
    [
        (
            link_to(schedule.function, name),
            summary_of(schedule.function),
            "yes" if schedule.has_horizon else "no",
        )
        for name, schedule in SCHEDULES.items()
    ],
)
write_table(
    "solvers",
    ("``solver``", "Update rule", "Parameters, beside ``learning_rate_init``"),
    [
        (literal_of(name), link_to(rule), ", ".join(map(literal_of, used.values())))
        for name, (rule, used) in SOLVERS.items()
    ],
)


# A reference to the literature in a page, and where a long name can break.
REFERENCE = re.compile(
    r'(, in the form of)?\s*<a class="reference[^>]* href="[^"]*\.html#r[\w-]+".*?</a>'
)
BREAK = re.compile(r"(?<=\w)([_=]+|\.(?=[^\W\d]))(?=\w)|(?<=[a-z]{2})(?=[A-Z][a-z]{2})")
# A figure that is no thumbnail, with the link that it is in, if there is one.
FIGURE = re.compile(
    r'(<a [^>]*>\s*)?<img [^>]*?src="(?P<file>[^"]*_images/[^"]*)"[^>]*>'
)


def linked(figure):
    """Return a figure as a link to its full size."""
    if figure[1] or "_thumb." in figure["file"]:
        return figure[0]
    theme = re.search(r"only-(light|dark)", figure[0])
    classes = f"figure {theme[0]}" if theme else "figure"
    return f'<a class="{classes}" href="{figure["file"]}">{figure[0]}</a>'


def mend_docstring(app, kind, name, obj, options, lines):
    """Take out of a docstring of scikit-learn what means nothing here.

    Links to its user guide lead nowhere, names of parameters are not references, and
    its versions are not those of this package.
    """
    if getattr(obj, "__module__", "").startswith("sklearn"):
        text = re.sub(
            r"^( *)\.\. version(?:added|changed)::.*\n(?:\1 +.*\n|\n(?=\1 ))*",
            "",
            "\n".join(lines),
            flags=re.MULTILINE,
        )
        text = re.sub(r":ref:`sphx_glr[^`]*`", "scikit-learn's gallery", text)
        text = re.sub(r":ref:`([^<`]+?) *<[^>`]+>`", r"\1", text)
        text = re.sub(r"(?<![^\s(\[])`([^`<~\n]+)`(?![`_])", r"``\1``", text)
        lines[:] = text.split("\n")


def mend_signature(app, what, name, obj, options, signature, result):
    """Write classes and functions that are defaults by their names alone."""
    if signature:
        signature = re.sub(r"<(?:class|function) '?([\w.]+)[^>]*>", r"\1", signature)
    return signature, result


def mend_page(app, pagename, templatename, context, doctree):
    """Mend roles, links and long names of a page.

    The entries of a list of references get the role that a list requires. From the
    source, links lead to where an object is described, under its public address.
    Summaries in tables come without their references to the literature. Figures are
    links to their full size, since phones show them small. Long names can break after
    an underscore, a dot or an equals sign, and before a capital letter.
    """
    if "body" in context:
        body = context["body"].replace("doc-biblioentry", "listitem")
        body = re.sub(
            r"(/generated/([\w.]+)\.(\w+)\.html#)[\w.]+?\.\3\b", r"\1\2.\3", body
        )
        body = re.sub(
            r'<table class="autosummary.*?</table>',
            lambda table: REFERENCE.sub("", table[0]),
            body,
            flags=re.DOTALL,
        )
        body = FIGURE.sub(linked, body)
        context["body"] = re.sub(
            r'(<span class="pre">|<h1>|<t[dh]\b[^>]*>(?:<p>)?)([^<]+)',
            lambda text: text[1] + BREAK.sub(r"\g<0><wbr>", text[2]),
            body,
        )


def setup(app):
    """Register the hooks, that for docstrings to run before numpydoc."""
    app.connect("autodoc-process-docstring", mend_docstring, priority=100)
    app.connect("autodoc-process-signature", mend_signature)
    app.connect("html-page-context", mend_page)
