import importlib
import inspect
import re
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

import skfcnet
from skfcnet.layers import ACTIVATIONS, LAYERS
from skfcnet.losses import LOSSES
from skfcnet.update_rules import UPDATE_RULES

PROMISED = {
    "skfcnet.layers": {
        "affine_forward",
        "affine_backward",
        "relu_forward",
        "relu_backward",
        "sigmoid_forward",
        "sigmoid_backward",
        "affine_relu_forward",
        "affine_relu_backward",
        "batchnorm_forward",
        "batchnorm_backward",
    },
    "skfcnet.losses": {"softmax_loss", "mse_loss"},
    "skfcnet.update_rules": {"sgd_momentum"},
    "skfcnet.network": {"FullyConnectedNet"},
    "skfcnet.solver": {"Solver"},
    "skfcnet.gradient_check": {
        "eval_numerical_gradient",
        "eval_numerical_gradient_array",
        "rel_error",
    },
    "skfcnet.streaming": {"fit"},
    "skfcnet.callbacks": {
        "Checkpoint",
        "LiveCurve",
        "MLflow",
        "TensorBoard",
        "ValidationMonitor",
    },
    "skfcnet.distributed": {"fit"},
    "skfcnet.files": {"ModelFileError", "load", "save"},
    "skfcnet.inspection": {"integrated_gradients"},
    "skfcnet.onnx": {"initial_types", "inputs_of"},
    "skfcnet.datasets": {"fetch_mnist", "fetch_california_housing"},
    "skfcnet.plotting": {
        "TrainingCurveDisplay",
        "WeightsDisplay",
        "plot_history",
        "plot_samples",
    },
}

REFERENCE = runpy.run_path(
    str(Path(__file__).parents[1] / "docs" / "reference.py"), run_name="reference"
)["page"]()


def public_submodules():
    """Return the names of the modules that are there for users of this scikit-learn."""
    paths = Path(skfcnet.__file__).parent.glob("[!_]*")
    names = {path.stem for path in paths if path.is_dir() or path.suffix == ".py"}
    return names if find_spec("sklearn.callback") else names - {"callbacks"}


def public_names(module_name):
    """Return the classes and functions that a module offers to its users.

    Those whose names have no leading underscore and that are defined in the module, or
    if it is a package, inside it: whatever else it imports is not its own.
    """
    module = importlib.import_module(module_name)
    return {
        name
        for name, obj in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(obj) or inspect.isfunction(obj))
        and f"{obj.__module__}.".startswith(f"{module_name}.")
    }


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("CHANGELOG.md", "## [{}]"),
        ("CITATION.cff", "version: {}"),
        ("packaging/conda/recipe.yaml", '  version: "{}"'),
    ],
)
def test_the_version_is_the_same_everywhere(path, line):
    text = (Path(__file__).parents[1] / path).read_text(encoding="utf-8")
    assert re.search(f"^{re.escape(line.format(skfcnet.__version__))}", text, re.M)


def test_all_lists_the_public_names_of_the_package():
    names = [name for name in dir(skfcnet) if not name.startswith("_")]
    public = {name for name in names if not _is_module(getattr(skfcnet, name))}
    assert set(skfcnet.__all__) == public | {"__version__"}
    assert len(skfcnet.__all__) == len(set(skfcnet.__all__))


def test_a_module_is_loaded_when_it_is_first_used():
    """In a process of its own, where nobody has imported any."""
    code = f"""
import skfcnet, sys
print(*sys.modules)
for name in {sorted(public_submodules())}:
    print(getattr(skfcnet, name).__name__)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    at_first, *loaded = run.stdout.splitlines()
    assert not {"skfcnet.datasets", "matplotlib"} & set(at_first.split())
    assert loaded == [f"skfcnet.{name}" for name in sorted(public_submodules())]


def test_dir_lists_the_modules_and_nothing_else_is_invented():
    assert public_submodules() <= set(dir(skfcnet))
    with pytest.raises(AttributeError, match="'skfcnet' has no attribute 'dataset'"):
        skfcnet.dataset  # noqa: B018 - it is the access that fails


def _is_module(obj):
    return isinstance(obj, ModuleType)


@pytest.mark.parametrize("module_name", PROMISED)
def test_module_offers_what_is_promised(module_name):
    assert public_names(module_name) >= PROMISED[module_name]


@pytest.mark.parametrize(
    ("package", "constants"),
    [
        (
            "skfcnet.layers",
            {"ACTIVATIONS", "BLOCKS", "LAYERS", "NORMALIZATIONS"},
        ),
        ("skfcnet.losses", {"LINKS", "LOG_BOUND", "LOSSES"}),
    ],
)
def test_all_lists_the_functions_classes_and_tables_of_a_package(package, constants):
    module = importlib.import_module(package)
    assert len(module.__all__) == len(set(module.__all__))
    assert set(module.__all__) == public_names(package) | constants


def names_in_the_reference():
    """Return the names that the API reference lists of each module."""
    names, module = {}, None
    for line in REFERENCE.splitlines():
        if match := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            module = match[1]
        elif match := re.fullmatch(r" {3}(\w+)", line):
            names.setdefault(module, set()).add(match[1])
    return names


@pytest.mark.parametrize("module_name", PROMISED)
def test_the_reference_lists_every_public_name(module_name):
    names = names_in_the_reference()
    assert public_names(module_name) <= names[module_name] | names["skfcnet"]


def test_layers_offers_every_activation_under_its_name():
    functions = {f"{name}_forward" for name in ACTIVATIONS} - {"logistic_forward"}
    assert functions <= public_names("skfcnet.layers")


@pytest.mark.parametrize("kind", LAYERS)
def test_all_functions_of_every_layer_are_public(kind):
    layers = [layer for layer in (LAYERS[kind], LAYERS[kind].sparse) if layer]
    names = {f.__name__ for layer in layers for f in (layer.forward, layer.backward)}
    assert names <= public_names("skfcnet.layers")


@pytest.mark.parametrize("name", LOSSES)
def test_function_of_every_loss_is_public(name):
    assert LOSSES[name].function.__name__ in public_names("skfcnet.losses")


@pytest.mark.parametrize("name", UPDATE_RULES)
def test_every_update_rule_is_public_under_its_name(name):
    assert name in public_names("skfcnet.update_rules")
