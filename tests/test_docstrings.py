import ast
import importlib
import inspect
import re
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from docutils.core import publish_doctree
from docutils.nodes import footnote
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

from skfcnet import FCNetClassifier, FCNetRegressor, FCNetTransformer
from skfcnet._compat import StrOptions

PUBLIC_MODULES = (
    "skfcnet.callbacks",
    "skfcnet.datasets",
    "skfcnet.files",
    "skfcnet.gradient_check",
    "skfcnet.initializers",
    "skfcnet.inspection",
    "skfcnet.layers",
    "skfcnet.losses",
    "skfcnet.network",
    "skfcnet.onnx",
    "skfcnet.plotting",
    "skfcnet.schedules",
    "skfcnet.solver",
    "skfcnet.streaming",
    "skfcnet.update_rules",
)
# No extended summary, no "See Also", the summary on the first line, no name for the
# one thing that is returned.
NOT_REQUIRED = {"ES01", "SA01", "GL01", "RT02"}
EXAMPLE_MISSING = "EX01"
ESTIMATORS = (FCNetClassifier, FCNetRegressor)
REFERENCE = re.compile(r"^( *)\.\. \[\d+\] .*(?:\n\1 +\S.*)*", re.MULTILINE)
ROOT = Path(__file__).parents[1]


def public_objects():
    """Yield the full name and the object of every public class and function."""
    for estimator in (*ESTIMATORS, FCNetTransformer):
        yield f"skfcnet.{estimator.__name__}", estimator
    for module_name in PUBLIC_MODULES:
        module = importlib.import_module(module_name)
        for name, obj in vars(module).items():
            described = inspect.isclass(obj) or inspect.isfunction(obj)
            is_own = f"{getattr(obj, '__module__', '')}.".startswith(f"{module_name}.")
            if described and not name.startswith("_") and is_own:
                yield f"{module_name}.{name}", obj


def public_members(cls):
    """Yield the names of the methods and properties that the package defines."""
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        function = getattr(member, "fget", getattr(member, "__func__", member))
        ours = inspect.isfunction(function) and "skfcnet" in function.__module__
        if ours and not name.startswith("_"):
            yield name


def documented():
    """Yield the name of everything public, and whether it must have an example."""
    for name, obj in public_objects():
        is_record = inspect.isclass(obj) and issubclass(obj, tuple)
        yield pytest.param(name, not is_record, id=name)
        if inspect.isclass(obj):
            for member in public_members(obj):
                yield pytest.param(f"{name}.{member}", False, id=f"{name}.{member}")


@pytest.mark.parametrize(("name", "needs_example"), list(documented()))
def test_docstring_is_complete_and_well_formed(name, needs_example):
    allowed = NOT_REQUIRED if needs_example else NOT_REQUIRED | {EXAMPLE_MISSING}
    errors = [error for error in validate(name)["errors"] if error[0] not in allowed]
    assert errors == []


def signatures():
    """Yield the name and the signature of everything public that is called or read."""
    for name, obj in public_objects():
        if inspect.isfunction(obj):
            yield pytest.param(inspect.signature(obj), id=name)
            continue
        for member in ["__init__", *public_members(obj)]:
            function = inspect.getattr_static(obj, member)
            for own in ("fget", "func", "__func__"):  # properties and class methods
                function = getattr(function, own, function)
            if "skfcnet" in getattr(function, "__module__", ""):
                signature = inspect.signature(function)
                yield pytest.param(signature, id=f"{name}.{member}")


@pytest.mark.parametrize("signature", signatures())
def test_all_that_is_public_has_types(signature):
    """``mypy`` checks them; see ``tests/typing`` for what users get."""
    of_parameters = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if name not in ("self", "cls")
    }
    annotations = {**of_parameters, "return": signature.return_annotation}
    assert [k for k, v in annotations.items() if v is signature.empty] == []


@pytest.mark.parametrize(
    "path",
    [*ROOT.glob("skfcnet/**/*.py"), *ROOT.glob("docs/user_guide/*.rst")],
    ids=lambda path: path.name,
)
def test_references_are_paragraphs_and_no_lists(path):
    # "D. Kingma" would begin with the number D of a list, and lose it.
    for match in REFERENCE.finditer(path.read_text(encoding="utf-8")):
        reference = textwrap.dedent(match.group())
        (parsed,) = publish_doctree(reference).findall(footnote)
        assert [part.tagname for part in parsed] == ["label", "paragraph"], reference


def section(estimator, title):
    """Return the entries of a section of a class's docstring: type and text by name."""
    entries = NumpyDocString(inspect.getdoc(estimator))[title]
    return {
        name: (entry.type, entry.desc)
        for entry in entries
        for name in entry.name.split(", ")
    }


@pytest.mark.parametrize("estimator", [*ESTIMATORS, FCNetTransformer])
def test_estimator_documents_its_parameters_in_order(estimator):
    documented = list(section(estimator, "Parameters"))
    assert documented == list(inspect.signature(estimator).parameters)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (cls, name)
        for cls in (*ESTIMATORS, FCNetTransformer)
        for name in inspect.signature(cls).parameters
    ],
)
def test_estimator_documents_the_true_default(estimator, name):
    declared, _ = section(estimator, "Parameters")[name]
    stated = re.search(r"default=(.+)$", declared).group(1)
    assert ast.literal_eval(stated) == estimator().get_params()[name]


def choices(estimator):
    """Yield the name of each parameter that may be certain strings, and these."""
    for name, constraints in estimator._parameter_constraints.items():
        for constraint in constraints:
            if isinstance(constraint, StrOptions) and len(constraint.options) > 1:
                yield name, constraint.options


@pytest.mark.parametrize(
    ("estimator", "name", "options"),
    [
        pytest.param(cls, name, options, id=f"{cls.__name__}.{name}")
        for cls in ESTIMATORS
        for name, options in choices(cls)
        if name != "scoring"  # scikit-learn has many.
    ],
)
def test_estimator_documents_every_string_that_a_parameter_may_be(
    estimator, name, options
):
    declared, _ = section(estimator, "Parameters")[name]
    stated = re.search(r"\{(.*?)\}", declared).group()
    assert ast.literal_eval(stated) == options


def test_both_estimators_describe_their_parameters_alike():
    classifier, regressor = (section(cls, "Parameters") for cls in ESTIMATORS)
    shared = classifier.keys() & regressor.keys()
    different = [name for name in shared if classifier[name] != regressor[name]]
    assert shared
    assert different == []


@pytest.mark.parametrize("estimator", [*ESTIMATORS, FCNetTransformer])
def test_estimator_documents_its_fitted_attributes(estimator):
    X = pd.DataFrame(np.eye(8), columns=list("abcdefgh"))
    net = estimator if estimator in ESTIMATORS else FCNetClassifier
    # Cross-fitted members have attributes that others have not.
    options = {"n_members": 2, "early_stopping": True, "max_iter": 2}
    unfitted = net(hidden_layer_sizes=(2,), **options)
    unfitted = unfitted if estimator is net else estimator(unfitted)
    fitted = unfitted.fit(X, [0, 1] * 4)
    present = {
        name
        for name in dir(fitted)
        if name.endswith("_") and not name.startswith("_") and hasattr(fitted, name)
    }
    assert set(section(estimator, "Attributes")) == present
