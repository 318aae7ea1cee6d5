import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import skfcnet

LEAF = "leaf"  # imports nothing of the package
TOP = "top"  # imports TOP_IMPORTS only
LEVELS = {
    "_history": 0,
    "_layer": 0,
    "_log": 0,
    "_parameters": 0,
    "_categories": 0,
    "_checks": 0,
    "_idle": 1,
    "_random": 0,
    "_warn": -1,
    "_threads": 0,
    "_gathering": 0,
    "_workspace": 0,
    "gradient_check": 0,
    "_student": 3,
    "_input": 1,
    "_scaling": 2,
    "activations": 1,
    "embeddings": 1,
    "initializers": 1,
    "losses": 1,
    "schedules": 1,
    "update_rules": 1,
    "_batches": 2,
    "_vector_update": 2,
    "layers": 2,
    "_compat": 3,
    "_features": 3,
    "network": 3,
    "solver": 4,
    "_holdout": 3,
    "_lbfgs": 5,
    "_base": 6,
    "_classifier": 7,
    "_regressor": 7,
    "_transformer": 8,
    "callbacks": 4,
    "datasets": LEAF,
    "plotting": LEAF,
    "presets": LEAF,
    "__init__": TOP,
}
TOP_IMPORTS = {"_classifier", "_regressor", "_transformer", "plotting"}
USERS_OF_SCIKIT_LEARN = {
    "_base",
    "_categories",
    "_classifier",
    "_compat",
    "_features",
    "_input",
    "_regressor",
    "_transformer",
    "callbacks",
    "datasets",
    "plotting",
}
OPTIONAL = {"torchvision": "datasets", "pandas": "datasets", "matplotlib": "plotting"}
DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # where the names differ

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
FOLDER = Path(skfcnet.__file__).parent
TREES = {
    path.relative_to(FOLDER).with_suffix("").as_posix(): ast.parse(
        path.read_text(encoding="utf-8")
    )
    for path in FOLDER.rglob("*.py")
}
every_module = pytest.mark.parametrize("module", sorted(TREES))


def imports_of(tree):
    """Yield the full dotted name of everything that is imported."""
    yield from imports_in(ast.walk(tree))


def imports_in(nodes):
    """Yield the full dotted name of everything that some nodes import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def outside_functions(node):
    """Yield the nodes of a tree that run when the module is imported."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef):
            yield from outside_functions(child)


def skfcnet_imports_of(tree):
    """Yield the modules of the package that are imported."""
    for name in imports_of(tree):
        package, _, rest = name.partition(".")
        if package == "skfcnet":
            module = rest.partition(".")[0]
            yield module if module in TREES else "__init__"


def may_import(module):
    level = LEVELS[module]
    if level == LEAF:
        return set()
    if level == TOP:
        return TOP_IMPORTS
    return {name for name, of in LEVELS.items() if isinstance(of, int) and of < level}


def test_every_module_has_a_level():
    assert set(LEVELS) == set(TREES)


@every_module
def test_imports_point_down(module):
    assert set(skfcnet_imports_of(TREES[module])) <= may_import(module)


@every_module
def test_imports_are_absolute(module):
    assert not [name for name in imports_of(TREES[module]) if name.startswith(".")]


@every_module
def test_scikit_learn_stays_in_its_modules(module):
    names = [name for name in imports_of(TREES[module]) if name.startswith("sklearn")]
    assert not names or module in USERS_OF_SCIKIT_LEARN


@every_module
def test_private_names_of_scikit_learn_stay_in_compat(module):
    private = [
        name
        for name in imports_of(TREES[module])
        if name.startswith("sklearn") and "._" in name
    ]
    assert not private or module == "_compat"


@every_module
def test_optional_packages_are_imported_inside_functions_of_their_leaf(module):
    tree = TREES[module]
    in_functions = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for name in imports_of(node)
    }
    for name in imports_of(tree):
        package = name.partition(".")[0]
        if package in OPTIONAL:
            assert OPTIONAL[package] == module
            assert name in in_functions


@every_module
def test_packages_that_are_imported_outside_functions_are_declared(module):
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    declared = {re.match(r"[\w-]+", entry)[0] for entry in project["dependencies"]}
    names = imports_in(outside_functions(TREES[module]))
    packages = {name.partition(".")[0] for name in names}
    packages -= {"skfcnet", *sys.stdlib_module_names}
    assert {DISTRIBUTIONS.get(name, name) for name in packages} <= declared


def modules_loaded_by(statement):
    code = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split("\n"))


@pytest.fixture(scope="module")
def loaded():
    return modules_loaded_by("import skfcnet")


# scikit-learn itself loads pandas where it is installed: see the next two tests.
@pytest.mark.parametrize("package", ["matplotlib", "polars", "torch", "torchvision"])
def test_importing_the_package_loads_no_optional_package(loaded, package):
    assert package not in loaded


def test_package_can_be_imported_without_its_extras():
    block = f"import sys; sys.modules.update(dict.fromkeys({list(OPTIONAL)}))"
    assert "skfcnet" in modules_loaded_by(f"{block}; import skfcnet")


def test_importing_the_package_loads_no_more_than_the_networks_of_scikit_learn(loaded):
    extra = loaded - modules_loaded_by("import sklearn.neural_network")
    assert sorted(name for name in extra if name.partition(".")[0] != "skfcnet") == []
