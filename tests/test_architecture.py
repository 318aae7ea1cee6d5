import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import skfcnet

ENGINE = (
    "_engine",
    "gradient_check",
    "initializers",
    "layers",
    "losses",
    "network",
    "schedules",
    "solver",
    "update_rules",
)
MAY_IMPORT = {
    **dict.fromkeys(ENGINE, ENGINE),
    "_tabular": (*ENGINE, "_tabular"),
    "_compat": (),
    "_estimators": (*ENGINE, "_tabular", "_compat", "_estimators"),
    "callbacks": ("_compat", "files", "plotting"),
    "distributed": (*ENGINE, "_tabular", "_compat", "_estimators"),
    "datasets": (),
    "files": (),
    "inspection": (),
    "onnx": (*ENGINE, "_tabular", "_compat", "_estimators"),
    "plotting": (),
    "presets": (),
    "streaming": (*ENGINE, "_tabular", "_compat", "_estimators"),
}
"""For every folder and public module, the others that it may import, even through
others."""

# What it loads when it is first asked for: see the test of what is loaded.
MAY_IMPORT["__init__"] = (*MAY_IMPORT,)

WITHOUT_SCIKIT_LEARN = ENGINE
OPTIONAL = {
    "IPython": "callbacks._live_curve",
    "dask": "distributed",
    "torchvision": "datasets",
    "pandas": "datasets",
    "matplotlib": "plotting",
    "mlflow": "callbacks._mlflow",
    "numba": "_engine.kernels",
    "onnx": "onnx._graph",
    "pyarrow": "streaming._sources",
    "skl2onnx": "onnx._skl2onnx",
    "skops": "files",
    "tensorboardX": "callbacks._tensorboard",
}
DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # where the names differ

ROOT = Path(__file__).parents[1]
PYPROJECT = ROOT / "pyproject.toml"
GUIDE = ROOT / "docs" / "user_guide" / "internals.rst"
FOLDER = Path(skfcnet.__file__).parent


def name_of(path):
    """Return the name that a file of the package is imported by, without skfcnet."""
    parts = path.relative_to(FOLDER).with_suffix("").parts
    is_package = parts[-1] == "__init__" and len(parts) > 1
    return ".".join(parts[:-1] if is_package else parts)


TREES = {
    name_of(path): ast.parse(path.read_text(encoding="utf-8"))
    for path in FOLDER.rglob("*.py")
}
every_module = pytest.mark.parametrize("module", sorted(TREES))


def imports_of(tree):
    """Yield the full dotted name of everything that is imported."""
    yield from imports_in(ast.walk(tree))


def outside_functions(node):
    """Yield the nodes of a tree that run when the module is imported."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef):
            yield from outside_functions(child)


def imports_in(nodes):
    """Yield the full dotted name of everything that some nodes import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def skfcnet_imports_of(module):
    """Yield the modules of the package that a module imports."""
    for name in imports_of(TREES[module]):
        package, _, imported = name.partition(".")
        while package == "skfcnet" and imported not in TREES:
            imported = imported.rpartition(".")[0] or "__init__"
        if package == "skfcnet":
            yield imported


def reached_from(module):
    """Return the modules that a module imports, directly or through others."""
    reached, to_visit = set(), [module]
    while to_visit:
        new = set(skfcnet_imports_of(to_visit.pop())) - reached
        reached |= new
        to_visit += new
    return reached


def room_of(module):
    """Return the folder of a module, or the public module itself."""
    return module.partition(".")[0]


def rules_of_the_guide():
    """Return what each folder and module may import, as the user guide says it."""
    page = GUIDE.read_text(encoding="utf-8")
    table = page[page.index("What it may import") :].partition("\n\n")[0]
    rows = [
        [
            re.findall(r"``(\w+)``|\b(the engine)\b", cell)
            for cell in row.split("     - ")
        ]
        for row in table.split("   * - ")[1:]
    ]
    for folders, _, allowed in rows:
        names = {name for name, _ in allowed if name}
        if any(engine for _, engine in allowed):
            names |= set(ENGINE)
        for folder, _ in folders:
            yield folder, names


def test_the_rules_are_those_of_the_user_guide():
    rules = {folder: {*allowed} for folder, allowed in MAY_IMPORT.items()}
    del rules["__init__"]
    assert dict(rules_of_the_guide()) == rules


def test_every_module_is_in_a_folder_with_a_rule():
    assert {room_of(module) for module in TREES} == set(MAY_IMPORT)


@every_module
def test_a_module_reaches_only_what_its_folder_may_import(module):
    rooms = {room_of(reached) for reached in reached_from(module)}
    if room_of(module) == "__init__":  # which estimators reach more than it does
        rooms = {room_of(imported) for imported in skfcnet_imports_of(module)}
    assert rooms <= {room_of(module), *MAY_IMPORT[room_of(module)]}


@every_module
def test_no_module_imports_itself_through_others(module):
    assert module not in reached_from(module)


@every_module
def test_imports_are_absolute(module):
    assert not [name for name in imports_of(TREES[module]) if name.startswith(".")]


@pytest.mark.parametrize("module", sorted(TREES))
def test_the_engine_does_not_import_scikit_learn(module):
    names = [name for name in imports_of(TREES[module]) if name.startswith("sklearn")]
    assert not names or room_of(module) not in WITHOUT_SCIKIT_LEARN


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


LOAD_EVERYTHING = "import skfcnet; [getattr(skfcnet, name) for name in skfcnet.__all__]"


@pytest.fixture(scope="module")
def loaded():
    return modules_loaded_by(LOAD_EVERYTHING)


def test_the_engine_is_loaded_without_scikit_learn():
    modules = [f"skfcnet.{module}" for module in TREES if room_of(module) in ENGINE]
    loaded = modules_loaded_by(f"import {', '.join(modules)}")
    assert set(modules) <= loaded
    assert not {name for name in loaded if name.partition(".")[0] == "sklearn"}


# scikit-learn itself loads pandas where it is installed: see the next two tests.
@pytest.mark.parametrize(
    "package",
    [
        "dask",
        "matplotlib",
        "numba",
        "onnx",
        "polars",
        "skl2onnx",
        "skops",
        "torch",
        "torchvision",
    ],
)
def test_importing_the_package_loads_no_optional_package(loaded, package):
    assert package not in loaded


def test_package_can_be_imported_without_its_extras():
    block = f"import sys; sys.modules.update(dict.fromkeys({list(OPTIONAL)}))"
    assert "skfcnet" in modules_loaded_by(f"{block}; {LOAD_EVERYTHING}")


def test_importing_the_package_loads_no_more_than_the_networks_of_scikit_learn(loaded):
    extra = loaded - modules_loaded_by("import sklearn.neural_network")
    assert sorted(name for name in extra if name.partition(".")[0] != "skfcnet") == []


# Sizes, so that every file and class can be read by itself

MOST_METHODS = 30
MOST_LINES = 450


def docstrings_of(tree):
    """Yield the constants that are docstrings, also those of variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


@every_module
def test_no_module_has_too_many_lines_of_code(module):
    path = FOLDER.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    in_docstrings = {
        number
        for docstring in docstrings_of(TREES[module])
        for number in range(docstring.lineno, docstring.end_lineno + 1)
    }
    lines = path.read_text(encoding="utf-8").splitlines()
    code = {n for n, line in enumerate(lines, 1) if line.strip()}
    assert len(code - in_docstrings) <= MOST_LINES


@every_module
def test_no_class_has_too_many_methods(module):
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ClassDef):
            # Overloads, which say how the types depend on each other, have one name.
            methods = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
            assert len(methods) <= MOST_METHODS, node.name
